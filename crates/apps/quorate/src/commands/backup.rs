//! `backup export|verify|status`.

use crate::args::backup::Backup as Verb;
use crate::domain::DomainDir;
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::replay;
use crate::session::Session;
use quorate_backup::{Recovery, RecoveryKey, Standard, Statement, Subject, bundle_digest, prove};
use quorate_charter::{Custody, Decided, EpochRecord, KeyOrder, State};
use quorate_client::contract::{
    BundleAnswer, CustodianView, CustodyView, DrillView, EntryPage, EpochRecordAnswer, KeyState,
    KeyView, routes,
};
use quorate_codec::{Digest, hex, to_bytes};
use quorate_curve::{Ed25519, SecretScalar};
use quorate_identity::{GenesisHash, Head, KeyId, Name, NodeId, moment};
use quorate_recovery::backup_file::{
    BackupReader, BackupWriter, FileFault, FileHead, Item, StoredBundle,
};
use quorate_recovery::failure::Fault;
use quorate_recovery::verify::{Report, verify as verify_file};
use quorate_recovery::verify_command;
use rand_core::OsRng;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

/// How often the charter is read again for a record of a node that is further.
const CHARTER_TRIES: usize = 3;

/// Runs a `backup` verb.
///
/// # Errors
/// The caller's, a node's, or of whoever made a file.
pub async fn run(verb: Verb, face: Face) -> Result<()> {
    match verb {
        Verb::Export { output, reader } => export(&Session::read(&reader)?, &output, face).await,
        Verb::Verify { file, genesis, dir } => {
            let hash = expected(genesis.as_deref(), dir.as_deref())?;
            let shown = crate::blocking(move || verify(&file, &hash)).await?;
            face.show(&shown.json, |_| shown.text.clone());
            shown.refused.map_or(Ok(()), Err)
        }
        Verb::Status(reader) => status(&Session::read(&reader)?, face).await,
    }
}

/// The genesis hash that was typed, or else that of a domain directory.
///
/// # Errors
/// The caller's: neither is there.
pub fn expected(genesis: Option<&str>, dir: Option<&Path>) -> Result<GenesisHash> {
    match (genesis, dir) {
        (Some(hash), _) => replay::parse_hash(hash, "genesis hash"),
        (None, Some(dir)) => Ok(DomainDir::new(dir).genesis()?.1.genesis()),
        (None, None) => Err(Failure::caller(
            "genesis_needed",
            "a backup brings its own genesis, which proves nothing about your domain",
            "give --genesis HASH from your notes, or --dir of the domain",
        )),
    }
}

/// What verifying a file came to.
struct Verified {
    json: serde_json::Value,
    text: String,
    refused: Option<Failure>,
}

/// Begins to read a backup file.
///
/// # Errors
/// The caller's: it is none, or a later version. A peer's: it is damaged.
pub fn open(path: &Path) -> Result<BackupReader<BufReader<File>>> {
    let file = File::open(path).map_err(|error| Failure::named_file(path, &error))?;
    BackupReader::new(BufReader::new(file)).map_err(|error| {
        let message = format!("{}: {}", path.display(), error.what());
        match error.fault {
            FileFault::Unread(_) => Failure::machine("file", message, error.next()),
            FileFault::Other => Failure::caller("bad_file", message, error.next()),
            FileFault::Version(_) => Failure::caller("file_version", message, error.next()),
            _ => Failure::peer("backup_refused", message, error.next()),
        }
    })
}

/// Why a file that was verified does not hold, if it does not.
pub fn refused(path: &Path, report: &Report) -> Option<Failure> {
    verify_command::refused(path, report).map(|failure| {
        let (message, next) = failure.texts();
        match failure.fault() {
            Fault::Machine => Failure::machine(failure.code(), message, next),
            Fault::Peer | Fault::Caller => Failure::peer(failure.code(), message, next),
        }
    })
}

fn verify(path: &Path, hash: &GenesisHash) -> Result<Verified> {
    let report = verify_file(open(path)?, hash);
    let refused = refused(path, &report);
    let (json, text) = (report.to_json(), verify_command::text(&report));
    Ok(Verified { json, text, refused })
}

/// What an export came to.
#[derive(Serialize)]
struct Exported {
    file: String,
    genesis: GenesisHash,
    head: Head,
    position: u64,
    keys: Vec<Name>,
    bundles: usize,
    /// Keys that are ordered and not made: there is nothing of them to back up.
    not_made: Vec<Name>,
}

async fn export(session: &Session, output: &Path, face: Face) -> Result<()> {
    let target = Target::begin(output)?;
    let (made_at_ms, export) = (crate::now_ms(), Digest(crate::random_bytes()));
    let head = FileHead { made_at_ms, export, genesis: session.genesis().clone() };
    let mut writer = BackupWriter::new(BufWriter::new(target.open()?), head)
        .map_err(|error| unwritten(output, &error))?;
    let mut put = |item: &Item| writer.write(item).map_err(|error| unwritten(output, &error));
    let mut charter = Charter::new(session);
    charter.read(session, &mut put).await?;
    let records = charter.records(session, &mut put).await?;
    let state = charter.state;
    let mut exported = Exported {
        file: output.display().to_string(),
        genesis: state.genesis(),
        head: state.head(),
        position: state.position(),
        keys: Vec::new(),
        bundles: 0,
        not_made: Vec::new(),
    };
    for order in state.keys().filter(|order| !order.retired) {
        match records.get(&order.key) {
            Some(record) => {
                exported.bundles += key(session, &state, order, record, &mut put).await?;
                exported.keys.push(order.name.clone());
            }
            None => exported.not_made.push(order.name.clone()),
        }
    }
    let author = state.nodes().map(|node| node.id).next();
    for canary in canaries(state.custody(), state.genesis(), export, author)? {
        put(&Item::Canary(canary))?;
    }
    let sink = writer.finish().map_err(|error| unwritten(output, &error))?;
    let sink = sink.into_inner().map_err(|error| failed(output, error.error()))?;
    target.keep(sink)?;
    let text = |it: &Exported| {
        let mut text = format!(
            "{} keys with {} backups, charter up to entry {}",
            it.keys.len(),
            it.bundles,
            it.position
        );
        if !it.not_made.is_empty() {
            let names: Vec<&str> = it.not_made.iter().map(Name::as_str).collect();
            let names = names.join(", ");
            text.push_str(&format!(
                "\nNOT in it, for they are not made: {names}; until they are, or are retired, a \
                 verification calls them missing"
            ));
        }
        text + "\nkeep it where no node is, and verify it there: quorate backup verify"
    };
    match target.is_standard() {
        // The standard output is the file.
        true => face.aside(&exported, text),
        false => face.show(&exported, text),
    }
    Ok(())
}

/// Where an export goes: to the standard output, or to a file that appears whole or not at all.
struct Target(Option<(PathBuf, PathBuf)>);

impl Target {
    fn begin(output: &Path) -> Result<Self> {
        let is_standard = output.as_os_str() == "-";
        if !is_standard && output.exists() {
            return Err(exists(output));
        }
        Face::of_process()
            .before(|| format!("write a backup of all keys to {}", output.display()))?;
        if is_standard {
            return Ok(Self(None));
        }
        // A name that nobody else has.
        let part = format!("{}.part", hex::encode(&crate::random_bytes::<8>()));
        Ok(Self(Some((output.to_owned(), output.with_added_extension(part)))))
    }

    fn is_standard(&self) -> bool {
        self.0.is_none()
    }

    fn open(&self) -> Result<Sink> {
        match &self.0 {
            None => Ok(Sink::Standard(io::stdout())),
            Some((output, part)) => {
                let file = File::create_new(part).map_err(|error| Failure::file(output, &error))?;
                Ok(Sink::File(file))
            }
        }
    }

    fn keep(&self, sink: Sink) -> Result<()> {
        let (Some((output, part)), Sink::File(file)) = (&self.0, sink) else {
            let flushed = io::stdout().flush();
            return flushed.map_err(|error| failed(Path::new("-"), &error));
        };
        file.sync_all().map_err(|error| Failure::file(output, &error))?;
        // Unlike a rename, a link replaces nothing that came meanwhile; not every stick knows links.
        match fs::hard_link(part, output) {
            Ok(()) => Ok(()),
            Err(_) if output.exists() => Err(exists(output)),
            Err(_) => fs::rename(part, output).map_err(|error| Failure::file(output, &error)),
        }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some((_, part)) = &self.0 {
            // Where it was never made there is nothing to remove.
            let _ = fs::remove_file(part);
        }
    }
}

fn exists(output: &Path) -> Failure {
    let message = format!("{} exists already; nothing was written", output.display());
    Failure::caller("file_exists", message, "choose another name")
}

enum Sink {
    Standard(io::Stdout),
    File(File),
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Standard(stdout) => stdout.write(bytes),
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Standard(stdout) => stdout.flush(),
            Self::File(file) => file.flush(),
        }
    }
}

/// The charter as far as it is read, every entry verified before it is written.
struct Charter {
    state: State,
    /// Every head so far.
    passed: BTreeSet<Head>,
}

impl Charter {
    fn new(session: &Session) -> Self {
        let state = session.founding().clone();
        Self { passed: BTreeSet::from([state.head()]), state }
    }

    /// Goes on to the head of whoever answers.
    async fn read(
        &mut self,
        session: &Session,
        put: &mut impl FnMut(&Item) -> Result<()>,
    ) -> Result<()> {
        loop {
            let before = self.state.position();
            let page: EntryPage = session.get(&routes::entries(before)).await?;
            for line in &page.entries {
                let entry = replay::entry(&line.entry)?;
                self.state = replay::apply(self.state.clone(), &entry)?;
                self.passed.insert(self.state.head());
                put(&Item::Entry(entry))?;
            }
            if self.state.position() >= page.position {
                return Ok(());
            }
            if self.state.position() == before {
                let message = "a node keeps back entries of the charter that it says it has";
                return Err(Failure::peer("bad_answer", message, "ask another node with --node"));
            }
        }
    }

    /// The newest record of every key that is made. A node may be further than the charter that was
    /// read: then this goes on to where that node planned, for no record holds under less (REC-24).
    async fn records(
        &mut self,
        session: &Session,
        put: &mut impl FnMut(&Item) -> Result<()>,
    ) -> Result<BTreeMap<KeyId, Record>> {
        let mut records = BTreeMap::new();
        let live = self.state.keys().filter(|order| !order.retired);
        let names: Vec<Name> = live.map(|order| order.name.clone()).collect();
        for name in names {
            let answer: EpochRecordAnswer = match session.get(&routes::epoch_record(&name)).await {
                Ok(answer) => answer,
                Err(failure) if failure.code() == "key_not_ready" => continue,
                Err(failure) => return Err(failure),
            };
            for _ in 0..CHARTER_TRIES {
                if self.holds(&answer) {
                    break;
                }
                self.read(session, put).await?;
            }
            let order = replay::key_named(&self.state, &name)?;
            let record = replay::key_record(&self.state, order, &answer)?;
            if !self.passed.contains(&record.plan.head) {
                let message = format!("key {name} was made at an entry that no node delivers");
                return Err(Failure::peer("bad_charter", message, "export again in a minute"));
            }
            records.insert(order.key, Record { answer, record });
        }
        Ok(records)
    }

    /// Whether a record was planned at a head that was passed.
    fn holds(&self, answer: &EpochRecordAnswer) -> bool {
        let order = self.state.key(&answer.key);
        let record = order.and_then(|order| replay::key_record(&self.state, order, answer).ok());
        record.is_some_and(|record| self.passed.contains(&record.plan.head))
    }
}

/// A key's newest record, as it was delivered and as it was verified.
struct Record {
    answer: EpochRecordAnswer,
    record: EpochRecord,
}

/// Writes a key's certified record and every backup that it names, fetched from whoever keeps it;
/// how many they are.
async fn key(
    session: &Session,
    state: &State,
    order: &KeyOrder,
    Record { answer, record }: &Record,
    put: &mut impl FnMut(&Item) -> Result<()>,
) -> Result<usize> {
    let decided: Decided = quorate_codec::from_bytes(&answer.record.0).map_err(|error| {
        Failure::peer("bad_epoch_record", error, "ask another node with --node")
    })?;
    put(&Item::Epoch(decided))?;
    let named = replay::bundles(record);
    for (kind, author, digest) in &named {
        let bytes = bundle(session, state, &order.name, digest).await?;
        put(&Item::Bundle(StoredBundle { kind: *kind, author: *author, bytes }))?;
    }
    Ok(named.len())
}

/// A bundle from the first node that delivers the one of this digest.
async fn bundle(session: &Session, state: &State, key: &Name, digest: &Digest) -> Result<Vec<u8>> {
    let target = routes::bundle(key, digest);
    let mut first = None;
    let here = [session.clone()].into_iter();
    for session in here.chain(state.nodes().map(|node| session.at(&node.name))) {
        match session.get::<BundleAnswer>(&target).await {
            Ok(answer) if bundle_digest(&answer.bundle.0) == *digest => return Ok(answer.bundle.0),
            Ok(_) => {
                let message =
                    format!("a node delivered another backup of key {key} than was named");
                let next = "show this to the operators: no node delivered the right one";
                first.get_or_insert(Failure::peer("bad_answer", message, next));
            }
            Err(failure) => drop(first.get_or_insert(failure)),
        }
    }
    let failure = first.unwrap_or_else(|| Failure::machine("no_answer", "no node", "start one"));
    match failure.code() {
        // Nodes keep the backups of the newest epoch alone.
        "unknown_bundle" => Err(Failure::machine(
            "unknown_bundle",
            format!("no node that answers has a backup of key {key} which its record names"),
            "if an epoch was made meanwhile, export again; if not, `quorate backup status`",
        )),
        _ => Err(failure),
    }
}

/// A secret of no use for each recovery tree, which nobody knows any more: custodians practise on it.
fn canaries(
    custody: &Custody,
    genesis: GenesisHash,
    export: Digest,
    author: Option<NodeId>,
) -> Result<Vec<Vec<u8>>> {
    let unusable = || {
        let message = "the custodians' recovery keys cannot be read";
        Failure::peer("bad_charter", message, "have the custodians set anew")
    };
    let key = |custodian: &quorate_charter::Custodian| {
        Some((custodian.name.clone(), RecoveryKey::from_bytes(&custodian.key).ok()?))
    };
    let keys: Option<BTreeMap<Name, RecoveryKey>> = custody.custodians.iter().map(key).collect();
    let (keys, author) = keys.zip(author).ok_or_else(unusable)?;
    let trees = BTreeSet::from([&custody.seats, &custody.keys]);
    let canary = |tree| {
        let recovery = Recovery::over(tree, &keys).ok_or_else(unusable)?;
        let secret = SecretScalar::<Ed25519>::random(&mut OsRng);
        let public = secret.commit().non_identity().map_err(|_| unusable())?;
        let subject = Subject::Canary { genesis, export };
        let statement = Statement { author, subject, publics: vec![public], recovery };
        let bundle = prove::<Ed25519, Standard>(statement, &[secret], &mut OsRng);
        bundle
            .map(|bundle| to_bytes(&bundle))
            .map_err(|error| Failure::machine("canary", error, "try again"))
    };
    trees.into_iter().map(canary).collect()
}

#[derive(Serialize)]
struct KeyBackup {
    key: Name,
    epoch: u64,
    backup: String,
}

async fn status(session: &Session, face: Face) -> Result<()> {
    let keys: Vec<KeyView> = session.get(routes::KEYS.path).await?;
    let live = keys.into_iter().filter(|key| key.state != KeyState::Retired);
    let keys: Vec<KeyBackup> =
        live.map(|key| KeyBackup { key: key.key, epoch: key.epoch, backup: key.backup }).collect();
    for key in &keys {
        face.show(key, |it| format!("{:<16} epoch {:<6} {}", it.key, it.epoch, it.backup));
    }
    let custody: CustodyView = session.get(routes::CUSTODY.path).await?;
    let now = crate::now_ms();
    let is_late = |it: &&CustodianView| {
        it.proposed.is_none() && it.expires_ms.is_some_and(|expires| expires <= now)
    };
    let late: Vec<&str> =
        custody.custodians.iter().filter(is_late).map(|it| it.name.as_str()).collect();
    let open: Vec<&str> =
        keys.iter().filter(|key| key.backup != "proven").map(|key| key.key.as_str()).collect();
    if !open.is_empty() {
        return Err(Failure::machine(
            "not_backed_up",
            format!("not backed up for the custodians of now: {}", open.join(", ")),
            "see `quorate status` for what is missing, and `quorate custodian list`",
        ));
    }
    if !late.is_empty() {
        return Err(Failure::machine(
            "custodian_expired",
            format!("to have another recovery key by now: {}", late.join(", ")),
            "have them make one, and enrol it with `quorate custodian set`",
        ));
    }
    overdue(&custody.drills, now).map_or(Ok(()), Err)
}

/// That custodians are to hold a drill by now, if they are (GOV-57).
fn overdue(drills: &[DrillView], now: u64) -> Option<Failure> {
    let due = drills.iter().filter(|drill| drill.due_ms <= now);
    let due: Vec<String> =
        due.map(|drill| format!("{} since {}", drill.tree, moment(drill.due_ms))).collect();
    let message = format!("those who restore are to hold a drill: {}", due.join(", "));
    let next = "export a backup, and hold one with `quorate drill start`";
    (!due.is_empty()).then(|| Failure::machine("drill_overdue", message, next))
}

fn unwritten(output: &Path, error: &quorate_recovery::backup_file::WriteError) -> Failure {
    let message = format!("{}: {error}", output.display());
    Failure::machine("file", message, "check that the folder and the disk are as they should be")
}

fn failed(output: &Path, error: &io::Error) -> Failure {
    Failure::file(output, error)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics has failed")]
mod tests {
    use super::*;

    #[test]
    fn custodians_are_to_hold_a_drill_once_it_is_due() {
        let drill = |tree: &str, due_ms| DrillView {
            tree: tree.to_owned(),
            since_ms: 0,
            due_ms,
            last: None,
        };
        let drills = [drill("seats", 1_000), drill("keys", 5_000)];
        assert!(overdue(&drills, 999).is_none());
        let failure = overdue(&drills, 1_000).unwrap();
        assert_eq!(failure.code(), "drill_overdue");
        let message = "those who restore are to hold a drill: seats since 1970-01-01 00:00:01 UTC";
        assert_eq!(failure.body().message, message);
        assert!(overdue(&drills, 5_000).unwrap().body().message.contains(", keys since "));
    }
}
