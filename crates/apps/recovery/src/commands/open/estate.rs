//! A custodian's part in restoring a whole domain into the one that succeeds it (SUC-02, SUC-10 to
//! SUC-12).

use super::super::confirm::Confirmation;
use super::super::{backup, verify};
use super::{KeyOpened, expired_ms, line};
use crate::args::Open;
use crate::estate::{EstateFault, ForCustodian, LeftOut, Probate, ProbateError};
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::files::{self, NewFiles};
use crate::verify::HeldKey;
use quorate_backup::Opener;
use quorate_charter::{CessionStatus, GenesisError, GenesisFile, Person, SignedCession, State};
use quorate_codec::{Canonical, Digest, from_bytes, to_bytes};
use quorate_identity::{GenesisHash, Head, Name, NodeId, PersonId, RecoveryKeyId, moment, words};
use rand_core::OsRng;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

#[derive(Serialize)]
struct Opened {
    successor: GenesisHash,
    successor_words: String,
    domain: Name,
    predecessor: GenesisHash,
    predecessor_words: String,
    /// The last entry of the domain before that is known.
    head: Head,
    backup: Digest,
    reason: String,
    /// The guardians who announced it, as far as that was shown, and who is missing among them.
    announced_by: Vec<Name>,
    announcement_lacks: Option<String>,
    heirs: Vec<Heir>,
    custodian: Name,
    key: RecoveryKeyId,
    /// Since when the custodian is overdue, if so.
    expired_ms: Option<u64>,
    opened: Vec<KeyOpened>,
    /// What other custodians restore.
    of_others: Vec<KeyOpened>,
    /// What nobody restores.
    left_out: Vec<NotRestored>,
    output: PathBuf,
}

#[derive(Serialize)]
struct Heir {
    name: Name,
    node: NodeId,
    claim: Digest,
    claim_words: String,
}

#[derive(Serialize)]
struct NotRestored {
    name: Name,
    why: String,
}

/// Runs it.
///
/// # Errors
/// The caller's: another key, a wrong passphrase, a genesis that is not signed by all, or of another
/// domain. A peer's: the backup does not hold, then its report was shown; or an heir asks what does
/// not open.
pub fn run(options: &Open, successor: &Path, face: Face) -> Result<()> {
    files::must_be_free(&options.output)?;
    let genesis = options.genesis.ok_or_else(verify::genesis_needed)?;
    let found = options.held.find()?;
    let founded = read_genesis(successor)?;
    let probate = Probate::read(backup::open(&options.file)?, &genesis, &founded);
    let probate = match probate {
        Err(ProbateError::Refused(report)) => return verify::show(&options.file, &report, face),
        other => other.map_err(refused)?,
    };
    let ceded = options.announcement.as_deref();
    let ceded = ceded.map(|path| read_announcement(path, &probate)).transpose()?;
    let known = found.known().map(|(key, _)| probate.for_key(key)).transpose().map_err(refused)?;
    face.brief(&brief(&probate, ceded.as_ref(), known.as_ref()));
    if !options.yes {
        WORDS.ask(founded.domain())?;
    }
    let holder = found.open()?;
    let custodian = probate.for_key(holder.public().id()).map_err(refused)?;
    let part = custodian.open(&holder, &mut OsRng)?.map_err(refused)?;
    let mut new = NewFiles::default();
    new.write(&options.output, &to_bytes(&part), 0o600)?;
    new.keep();
    let opened = Opened::new(&probate, ceded.as_ref(), &custodian, part.key, &options.output);
    face.show(&opened, text);
    Ok(())
}

/// Nobody opens for a domain without having read its words (SUC-02).
const WORDS: Confirmation = Confirmation {
    question: "Are these the words that the founders see?",
    unasked: "somebody has to confirm the words of the new domain, and there is no terminal",
    denied: "nothing was opened",
    next: "compare the words of the new domain with its founders, and type the domain's name; or give \
           --yes once they were compared",
};

/// The founded domain that a genesis file is of, whole and signed by everybody. That it is the right
/// one people see who compare its words.
fn read_genesis(path: &Path) -> Result<State> {
    let bytes = files::read_public(path, GenesisFile::BYTES_MAX)?;
    let wrong = |error: &dyn std::fmt::Display| {
        let what = format!("{} is not the genesis of a domain: {error}", path.display());
        Failure::caller("bad_genesis", what, "name the genesis of the new domain, signed by all")
    };
    let file: GenesisFile = from_bytes(&bytes).map_err(|error| wrong(&error))?;
    file.verify(&file.hash()).map_err(|error| match error {
        GenesisError::Missing(missing) => {
            let what = format!("the new domain is not founded yet: {missing} have not signed");
            Failure::caller("bad_genesis", what, "take the genesis that everybody signed")
        }
        error => wrong(&error),
    })
}

fn refused(error: ProbateError) -> Failure {
    let what = error.to_string();
    match error {
        ProbateError::Refused(_) => {
            Failure::peer("backup_refused", what, "take another backup of the domain")
        }
        ProbateError::NoSuccession => {
            let next = "the new domain has to be founded with `quorate genesis create --succeeds`";
            Failure::caller("no_succession", what, next)
        }
        ProbateError::Fault(fault) => of_fault(fault, what),
        ProbateError::Nothing => {
            let next = "look at it with `quorate-recovery verify`: keys that came from elsewhere can \
                        be brought again";
            Failure::caller("nothing_to_restore", what, next)
        }
        ProbateError::NoCustodian(key) => {
            let what = format!("{what}: it is \"{}\"", words(&key.digest()).join(" "));
            let next = "name the key file with which you were enrolled when the backup was made";
            Failure::caller("another_key", what, next)
        }
        ProbateError::NotAsked { .. } | ProbateError::Unanswered(_) => {
            Failure::peer("bad_claim", what, NEW_CLAIM)
        }
    }
}

fn of_fault(fault: EstateFault, what: String) -> Failure {
    match fault {
        EstateFault::Domain(_) => {
            let next = "take a backup of the domain that it succeeds";
            Failure::caller("another_domain", what, next)
        }
        EstateFault::Earlier { .. } => {
            let next = "do not open: tell the founders that you have a later backup, which may have \
                        other keys, and retired ones; they found anew with it";
            Failure::peer("backup_overtaken", what, next)
        }
        EstateFault::Later(_) | EstateFault::OtherFile(_) => {
            let next = "ask the founders for their backup file, and verify it yourself";
            Failure::caller("another_backup", what, next)
        }
        EstateFault::Head | EstateFault::Holders { .. } | EstateFault::NoKey(_) => {
            Failure::peer("bad_succession", what, "do not open, and tell the other custodians")
        }
        EstateFault::Claim(_) | EstateFault::NotAsked { .. } => {
            Failure::peer("bad_claim", what, NEW_CLAIM)
        }
        EstateFault::Machine => {
            Failure::machine("internal", what, "do not use this machine; try on another one")
        }
    }
}

/// What only another genesis helps against.
const NEW_CLAIM: &str = "the new domain has to be founded anew, with claims that ask every custodian; \
                         tell its founders";

fn hash_words(genesis: &GenesisHash) -> String {
    words(&genesis.digest()).join(" ")
}

fn claim_words(claim: Digest) -> String {
    words(&claim).join(" ")
}

/// Who gets what: seen before anything is typed.
fn brief(
    probate: &Probate<'_>,
    ceded: Option<&CessionStatus>,
    custodian: Option<&ForCustodian<'_>>,
) -> String {
    let (before, new) = (probate.predecessor(), probate.successor());
    let succession = probate.succession();
    let mut text = format!(
        "A new domain is to get the keys of {}; no machine of it gets a whole one.\n\n\
         the domain before   {}{}\n  genesis  {}\n  last entry known  {}, {}\n\n\
         the new domain      {}{}\n  genesis  {}\n  reason   {}\n",
        before.domain(),
        before.domain(),
        trial(before),
        hash_words(&before.genesis()),
        before.position(),
        succession.head,
        new.domain(),
        trial(new),
        hash_words(&new.genesis()),
        succession.reason,
    );
    text.push_str(&founders(before, new));
    text.push_str(&guardians(before, ceded));
    text.push_str(
        "\nCompare the words of the new genesis with its founders, and those of each machine, in its \
         place:\n",
    );
    for (place, (name, claim)) in (1..).zip(probate.heirs()) {
        let _ = writeln!(text, "  {place}. {name:<16} {}", claim_words(claim.digest()));
    }
    text.push_str(
        "\nWhatever nodes of the domain before are left can still sign, and add what they know to what \
         is opened here.\nOpen for one new domain alone: two that each have a part of a key would have \
         it together. If you opened for another one before, stop, unless it ended and every machine of \
         it is in the same place again.\n\n",
    );
    let mine =
        |key: &HeldKey| custodian.is_none_or(|it| it.keys().any(|own| own.key() == key.key()));
    match custodian {
        Some(custodian) => _ = writeln!(text, "Custodian {} opens what restores", custodian.name()),
        None => text.push_str("Keys that are restored:\n"),
    }
    for key in probate.keys().filter(|key| mine(key)) {
        let holders: Vec<&str> = probate.holders(key).into_iter().map(Name::as_str).collect();
        let _ =
            writeln!(text, "{}, to {} together", line(before, key).trim_end(), holders.join(", "));
    }
    text.push_str(&left_out(probate.left_out()));
    let expired = custodian.and_then(|it| Some((it.name(), expired_ms(before, it.name())?)));
    if let Some((name, expired)) = expired {
        let _ = writeln!(
            text,
            "\nWarning: the key of {name} is overdue since {}. It opens.",
            moment(expired)
        );
    }
    text
}

/// Who founds the new domain, and what of them the domain before knows: anybody can call themselves
/// its founders.
fn founders(before: &State, new: &State) -> String {
    let was = |person: &Person| {
        let shares_a_key = |it: &Person| person.keys.iter().any(|key| it.keys.contains(key));
        before.people().find(|it| it.roles.administrator && shares_a_key(it))
    };
    let administrators = || new.people().filter(|person| person.roles.administrator);
    let named: Vec<String> = administrators()
        .map(|person| match was(person) {
            Some(known) => format!("{} (administrator {} there)", person.name, known.name),
            None => format!("{} (a stranger there)", person.name),
        })
        .collect();
    let known: BTreeSet<PersonId> =
        administrators().filter_map(|person| Some(was(person)?.id)).collect();
    let ruled = match before.rule().satisfied(&known) {
        true => "those who are known from there could rule it together",
        false => {
            "those who are known from there could NOT rule it together: find out why they found it"
        }
    };
    let nodes = new.nodes().map(|node| format!("{} ({})", node.name, node.role));
    format!(
        "  founders {}\n           {ruled}\n  nodes    {}; {} of them may lie\n",
        named.join(", "),
        nodes.collect::<Vec<_>>().join(", "),
        new.faults()
    )
}

/// Who said in the domain before that this one takes over: its nodes stop for good then, whichever of
/// them hear it (SUC-34).
fn guardians(before: &State, ceded: Option<&CessionStatus>) -> String {
    let by = |ceded: &CessionStatus| names_of(before, &ceded.signed_by).join(", ");
    let line = match ceded {
        Some(ceded) => match &ceded.missing {
            None => format!("by {}, who are enough", by(ceded)),
            Some(missing) => format!("by {}, who are NOT enough: missing are {missing}", by(ceded)),
        },
        None if before.recovery().is_none() => return String::new(),
        None => {
            "NOT shown by anybody (--announcement): ask the guardians of the domain before, whose \
                 word halts what is left of it"
                .to_owned()
        }
    };
    format!("  announced {line}\n")
}

fn names_of<'a>(state: &'a State, people: &[PersonId]) -> Vec<&'a str> {
    let mut names: Vec<&str> =
        people.iter().filter_map(|id| Some(state.person(id)?.name.as_str())).collect();
    names.sort_unstable();
    names
}

/// What guardians signed: for just this successor, or nothing is opened.
fn read_announcement(path: &Path, probate: &Probate<'_>) -> Result<CessionStatus> {
    let wrong = |error: &dyn std::fmt::Display| {
        let what = format!("{} is no announcement that holds: {error}", path.display());
        Failure::peer("bad_announcement", what, "do not open, and ask the guardians")
    };
    let bytes = files::read_public(path, SignedCession::BYTES_MAX)?;
    let signed: SignedCession = from_bytes(&bytes).map_err(|error| wrong(&error))?;
    let status = signed.check(probate.predecessor()).map_err(|error| wrong(&error))?;
    match status.cession.successor == probate.successor().genesis() {
        true => Ok(status),
        false => Err(wrong(&format!("it is for another domain, {}", status.cession.called))),
    }
}

fn trial(state: &State) -> &'static str {
    if state.is_staging() { ", a trial" } else { "" }
}

fn left_out(keys: &[LeftOut]) -> String {
    if keys.is_empty() {
        return String::new();
    }
    let lines: Vec<String> =
        keys.iter().map(|key| format!("  {:<16} {}\n", key.name, key.why)).collect();
    format!("\nNot restored:\n{}", lines.concat())
}

impl Opened {
    fn new(
        probate: &Probate<'_>,
        ceded: Option<&CessionStatus>,
        custodian: &ForCustodian<'_>,
        key: RecoveryKeyId,
        output: &Path,
    ) -> Self {
        let person = |id| Some(probate.predecessor().person(id)?.name.clone());
        let by = ceded.into_iter().flat_map(|it| &it.signed_by);
        let mut announced_by: Vec<Name> = by.filter_map(person).collect();
        announced_by.sort();
        let lacks = ceded.and_then(|it| it.missing.as_ref()).map(ToString::to_string);
        let (before, new) = (probate.predecessor(), probate.successor());
        let succession = probate.succession();
        let heir = |(name, claim): (&Name, &quorate_charter::SignedSeatClaim)| Heir {
            name: name.clone(),
            node: claim.body().node,
            claim: claim.digest(),
            claim_words: claim_words(claim.digest()),
        };
        let not_restored =
            |key: &LeftOut| NotRestored { name: key.name.clone(), why: key.why.to_string() };
        Self {
            successor: new.genesis(),
            successor_words: hash_words(&new.genesis()),
            domain: new.domain().clone(),
            predecessor: before.genesis(),
            predecessor_words: hash_words(&before.genesis()),
            head: succession.head,
            backup: succession.backup,
            reason: succession.reason.clone(),
            announced_by,
            announcement_lacks: lacks,
            heirs: probate.heirs().map(heir).collect(),
            custodian: custodian.name().clone(),
            key,
            expired_ms: expired_ms(before, custodian.name()),
            opened: custodian.keys().map(|key| KeyOpened::of(before, key)).collect(),
            of_others: custodian.of_others().map(|key| KeyOpened::of(before, key)).collect(),
            left_out: probate.left_out().iter().map(not_restored).collect(),
            output: output.to_owned(),
        }
    }
}

fn text(opened: &Opened) -> String {
    let heirs: Vec<&str> = opened.heirs.iter().map(|heir| heir.name.as_str()).collect();
    let mut text = format!(
        "{} keys are opened for the new domain {}; carry {} to each of {}: each reads its own part, and \
         nobody else any",
        opened.opened.len(),
        opened.domain,
        opened.output.display(),
        heirs.join(", ")
    );
    if !opened.of_others.is_empty() {
        let keys: Vec<String> = opened.of_others.iter().map(KeyOpened::called).collect();
        let _ = write!(
            text,
            "\n\nNot for your key, other custodians restore these:\n  {}",
            keys.join("\n  ")
        );
    }
    for key in &opened.left_out {
        let _ = write!(text, "\n\nNot restored: {}, {}", key.name, key.why);
    }
    text
}
