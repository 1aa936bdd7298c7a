//! A custodian's part in restoring a lost node's seat (REC-33 to REC-37).

use super::super::confirm::Confirmation;
use super::super::{backup, verify};
use super::{KeyOpened, expired_ms, line};
use crate::args::Open;
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::files::{self, NewFiles};
use crate::seat::{ForCustodian, Opening, OpeningError};
use quorate_backup::Opener;
use quorate_codec::{Digest, to_bytes};
use quorate_identity::{GenesisHash, Head, Name, NodeId, RecoveryKeyId, moment, words};
use rand_core::OsRng;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

#[derive(Serialize)]
struct Opened {
    genesis: GenesisHash,
    genesis_words: String,
    seat: Name,
    node: NodeId,
    /// The entry that gave the seat.
    entry: Head,
    claim: Digest,
    claim_words: String,
    custodian: Name,
    key: RecoveryKeyId,
    /// Since when the custodian is overdue, if so.
    expired_ms: Option<u64>,
    opened: Vec<KeyOpened>,
    /// What other custodians restore.
    of_others: Vec<KeyOpened>,
    /// What was dealt to the new machine itself.
    later: Vec<KeyOpened>,
    output: PathBuf,
}

/// Runs it.
///
/// # Errors
/// The caller's: another key, a wrong passphrase, a seat that nobody was given. A peer's: the backup
/// does not hold, then its report was shown; or the claim to the seat asks what does not open.
pub fn run(options: &Open, seat: &Name, face: Face) -> Result<()> {
    files::must_be_free(&options.output)?;
    let genesis = options.genesis.ok_or_else(verify::genesis_needed)?;
    let found = options.held.find()?;
    let opening = Opening::read(backup::open(&options.file)?, &genesis, seat);
    let opening = match opening {
        Err(OpeningError::Refused(report)) => return verify::show(&options.file, &report, face),
        other => other.map_err(refused)?,
    };
    let known = found.known().map(|(key, _)| opening.for_key(key)).transpose().map_err(refused)?;
    face.brief(&brief(&opening, known.as_ref()));
    if !options.yes {
        WORDS.ask(seat)?;
    }
    let holder = found.open()?;
    let custodian = opening.for_key(holder.public().id()).map_err(refused)?;
    let part = custodian.open(&holder, &mut OsRng)?;
    let part = part.ok_or_else(unanswerable)?;
    let mut new = NewFiles::default();
    new.write(&options.output, &to_bytes(&part), 0o600)?;
    new.keep();
    let opened = Opened::new(&opening, &custodian, part.key, &options.output);
    face.show(&opened, text);
    Ok(())
}

/// Nobody opens for a machine without having read its words (REC-35).
const WORDS: Confirmation = Confirmation {
    question: "Are these the words on the machine?",
    unasked: "somebody has to confirm the words of the claim, and there is no terminal",
    denied: "nothing was opened",
    next: "compare the words of the claim with those on the new machine, and type the node's name; or \
           give --yes once they were compared",
};

fn refused(error: OpeningError) -> Failure {
    let what = error.to_string();
    match error {
        OpeningError::Refused(_) => {
            Failure::peer("backup_refused", what, "take another backup of the domain")
        }
        OpeningError::NoNode(_) => {
            let next = "name the node as the domain calls it";
            Failure::caller("unknown_node", what, next)
        }
        OpeningError::NotGiven(_) => {
            let next = "the administrators have to give the seat to the new machine first; then take a \
                        backup that was exported afterwards";
            Failure::caller("seat_not_given", what, next)
        }
        OpeningError::Nothing { .. } => {
            let next = "nothing is needed of you: the new machine has its shares, or never had any";
            Failure::caller("nothing_to_restore", what, next)
        }
        OpeningError::NoCustodian(key) => {
            let what = format!("{what}: it is \"{}\"", words(&key.digest()).join(" "));
            let next = "name the key file with which you were enrolled when the backup was made";
            Failure::caller("another_key", what, next)
        }
        OpeningError::Arrival(_) | OpeningError::NotAsked(_) => {
            Failure::peer("bad_claim", what, NEW_CLAIM)
        }
        OpeningError::Machine(_) => {
            Failure::machine("internal", what, "do not use this machine; try on another one")
        }
    }
}

/// What only a new claim helps against.
const NEW_CLAIM: &str = "the new machine has to make another claim that asks every custodian, and the \
                         administrators to give it the seat; tell them";

fn unanswerable() -> Failure {
    let what = "what the claim to the seat asks of you does not open with your key";
    Failure::peer("bad_claim", what, NEW_CLAIM)
}

/// Who gets what: seen before anything is typed.
fn brief(opening: &Opening, custodian: Option<&ForCustodian<'_>>) -> String {
    let (state, (node, _)) = (opening.state(), opening.node());
    let mut text = format!(
        "domain {}{}\n  genesis  {}\n\nThe charter gave the seat of {node} to another machine, at entry \
         {}. Its claim:\n  {}\n\nRead these words on the machine itself before you go on: whoever made \
         that claim gets what you open.\n\n",
        state.domain(),
        if state.is_staging() { ", a trial" } else { "" },
        words(&state.genesis().digest()).join(" "),
        opening.seat().position,
        words(&opening.claim()).join(" "),
    );
    let Some(custodian) = custodian else {
        let _ = writeln!(text, "The shares that are lost with {node}:");
        opening.lost().for_each(|key| text.push_str(&line(state, key)));
        return text;
    };
    let _ = writeln!(text, "Custodian {} opens the shares of {node} of", custodian.name());
    custodian.keys().for_each(|key| text.push_str(&line(state, key)));
    if let Some(expired) = expired_ms(state, custodian.name()) {
        let _ = writeln!(
            text,
            "\nWarning: the key of {} is overdue since {}. It opens; tell the administrators.",
            custodian.name(),
            moment(expired)
        );
    }
    text
}

impl Opened {
    fn new(
        opening: &Opening,
        custodian: &ForCustodian<'_>,
        key: RecoveryKeyId,
        output: &Path,
    ) -> Self {
        let (state, (seat, node)) = (opening.state(), opening.node());
        let later = opening.later().iter().map(|(key, epoch)| KeyOpened::new(state, *key, *epoch));
        Self {
            genesis: state.genesis(),
            genesis_words: words(&state.genesis().digest()).join(" "),
            seat: seat.clone(),
            node,
            entry: opening.seat().entry,
            claim: opening.claim(),
            claim_words: words(&opening.claim()).join(" "),
            custodian: custodian.name().clone(),
            key,
            expired_ms: expired_ms(state, custodian.name()),
            opened: custodian.keys().map(|key| KeyOpened::of(state, key)).collect(),
            of_others: custodian.of_others().map(|key| KeyOpened::of(state, key)).collect(),
            later: later.collect(),
            output: output.to_owned(),
        }
    }
}

fn text(opened: &Opened) -> String {
    let mut text = format!(
        "{} keys are opened for the machine that has the seat of {}; carry {} to it. Nobody else can \
         read it",
        opened.opened.len(),
        opened.seat,
        opened.output.display()
    );
    for (keys, why) in [
        (&opened.of_others, "Not for your key, other custodians restore these"),
        (&opened.later, "Not opened, these were dealt to the new machine itself"),
    ] {
        if !keys.is_empty() {
            let keys: Vec<String> =
                keys.iter().map(|key| format!("{} epoch {}", key.called(), key.epoch)).collect();
            let _ = write!(text, "\n\n{why}:\n  {}", keys.join("\n  "));
        }
    }
    text
}
