//! `backup export|verify|status`.

use crate::args::backup::Backup as Verb;
use crate::domain::DomainDir;
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::replay;
use crate::session::Session;
use quorate_backup::{Recovery, RecoveryKey, Standard, Statement, Subject, bundle_digest, prove};
use quorate_charter::{Custody, Decided, EpochRecord, State};
use quorate_client::contract::{
    BundleAnswer, CustodianView, CustodyView, EntryPage, EpochRecordAnswer, KeyState, KeyView,
    routes,
};
use quorate_codec::{Digest, to_bytes};
use quorate_curve::{Ed25519, SecretScalar};
use quorate_identity::{GenesisHash, Name, NodeId};
use quorate_recovery::backup_file::{BackupReader, BackupWriter, FileHead, Item, StoredBundle};
use quorate_recovery::failure::Fault;
use quorate_recovery::verify::verify as verify_file;
use quorate_recovery::verify_command;
use rand_core::OsRng;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

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

fn expected(genesis: Option<&str>, dir: Option<&Path>) -> Result<GenesisHash> {
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

fn verify(path: &Path, hash: &GenesisHash) -> Result<Verified> {
    let file = File::open(path).map_err(|error| Failure::named_file(path, &error))?;
    let reader = BackupReader::new(BufReader::new(file)).map_err(|error| {
        let message = format!("{}: {}", path.display(), error.what());
        Failure::peer("bad_backup", message, error.next())
    })?;
    let report = verify_file(reader, hash);
    let refused = verify_command::refused(path, &report).map(|failure| {
        let (message, next) = failure.texts();
        match failure.fault() {
            Fault::Machine => Failure::machine(failure.code(), message, next),
            Fault::Peer | Fault::Caller => Failure::peer(failure.code(), message, next),
        }
    });
    let (json, text) = (report.to_json(), verify_command::text(&report));
    Ok(Verified { json, text, refused })
}

/// What an export came to.
#[derive(Serialize)]
struct Exported {
    file: String,
    genesis: GenesisHash,
    head: quorate_identity::Head,
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
    let state = entries(session, &mut put).await?;
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
        match self::key(session, &state, &order.name, &mut put).await? {
            Some(bundles) => {
                exported.keys.push(order.name.clone());
                exported.bundles += bundles;
            }
            None => exported.not_made.push(order.name.clone()),
        }
    }
    let author = session.founding().nodes().map(|node| node.id).next();
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
            text.push_str(&format!("; not made yet: {}", names.join(", ")));
        }
        text + "\nkeep it where no node is, and verify it there: quorate backup verify"
    };
    match target.is_standard() {
        // The standard output is the file.
        true => face.tell(&text(&exported)),
        false => face.show(&exported, text),
    }
    Ok(())
}

/// Where an export goes: to the standard output, or to a file that appears whole or not at all.
struct Target(Option<(PathBuf, PathBuf)>);

impl Target {
    fn begin(output: &Path) -> Result<Self> {
        if output.as_os_str() == "-" {
            return Ok(Self(None));
        }
        if output.exists() {
            let message = format!("{} exists already; nothing was written", output.display());
            return Err(Failure::caller("file_exists", message, "choose another name"));
        }
        Ok(Self(Some((output.to_owned(), output.with_added_extension("part")))))
    }

    fn is_standard(&self) -> bool {
        self.0.is_none()
    }

    fn open(&self) -> Result<Sink> {
        match &self.0 {
            None => Ok(Sink::Standard(io::stdout())),
            Some((output, part)) => {
                let file = File::create(part).map_err(|error| Failure::file(output, &error))?;
                Ok(Sink::File(file))
            }
        }
    }

    fn keep(&self, sink: Sink) -> Result<()> {
        if let (Some((output, part)), Sink::File(file)) = (&self.0, sink) {
            let kept = file.sync_all().and_then(|()| fs::rename(part, output));
            kept.map_err(|error| Failure::file(output, &error))?;
        }
        Ok(())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some((_, part)) = &self.0 {
            // Gone already where all went well.
            let _ = fs::remove_file(part);
        }
    }
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

/// The charter, every entry verified before it is written.
async fn entries(session: &Session, put: &mut impl FnMut(&Item) -> Result<()>) -> Result<State> {
    let mut state = session.founding().clone();
    loop {
        let page: EntryPage = session.get(&routes::entries(state.position())).await?;
        let before = state.position();
        for line in &page.entries {
            let entry = replay::entry(&line.entry)?;
            state = replay::apply(state, &entry)?;
            put(&Item::Entry(entry))?;
        }
        if state.position() >= page.position || state.position() == before {
            return Ok(state);
        }
    }
}

/// A key's certified record and every backup that it names, fetched from whoever keeps it; how many
/// they are. Nothing while the key is not made.
async fn key(
    session: &Session,
    state: &State,
    name: &Name,
    put: &mut impl FnMut(&Item) -> Result<()>,
) -> Result<Option<usize>> {
    let order = replay::key_named(state, name)?;
    let answer: EpochRecordAnswer = match session.get(&routes::epoch_record(name)).await {
        Ok(answer) => answer,
        Err(failure) if failure.code() == "key_not_ready" => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let record: EpochRecord = replay::key_record(state, order, &answer)?;
    let bad = |error: &dyn std::fmt::Display| {
        Failure::peer("bad_epoch_record", error, "ask another node with --node")
    };
    let decided: Decided = quorate_codec::from_bytes(&answer.record.0).map_err(|it| bad(&it))?;
    put(&Item::Epoch(decided))?;
    let named = replay::bundles(&record);
    for (kind, author, digest) in &named {
        let bytes = bundle(session, name, digest).await?;
        put(&Item::Bundle(StoredBundle { kind: *kind, author: *author, bytes }))?;
    }
    Ok(Some(named.len()))
}

async fn bundle(session: &Session, name: &Name, digest: &Digest) -> Result<Vec<u8>> {
    let answer: BundleAnswer = session.get(&routes::bundle(name, digest)).await?;
    match bundle_digest(&answer.bundle.0) == *digest {
        true => Ok(answer.bundle.0),
        false => Err(Failure::peer(
            "bad_answer",
            format!("a node delivered another backup of key {name} than the record names"),
            "ask another node with --node, and show this to the operators",
        )),
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
    match late.is_empty() {
        true => Ok(()),
        false => Err(Failure::machine(
            "custodian_expired",
            format!("to have another recovery key by now: {}", late.join(", ")),
            "have them make one, and enrol it with `quorate custodian set`",
        )),
    }
}

fn unwritten(output: &Path, error: &quorate_recovery::backup_file::WriteError) -> Failure {
    let message = format!("{}: {error}", output.display());
    Failure::machine("file", message, "check that the folder and the disk are as they should be")
}

fn failed(output: &Path, error: &io::Error) -> Failure {
    Failure::file(output, error)
}
