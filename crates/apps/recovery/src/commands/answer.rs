//! `answer`: the custodian's half of a proof of possession (REC-11).

use super::read_key_file;
use crate::args::Answer;
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::files::{self, NewFiles};
use crate::key_file::{KeyFile, SealError};
use crate::passphrase::Passphrase;
use quorate_backup::possession::Challenges;
use quorate_codec::{from_bytes, to_bytes};
use quorate_identity::{GenesisHash, Name, NodeId, RecoveryKeyId, words};
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(Serialize)]
struct Answered {
    genesis: GenesisHash,
    genesis_words: String,
    custodian: Name,
    key: RecoveryKeyId,
    nodes: Vec<NodeId>,
    /// Whose challenges do not open.
    unanswered: Vec<NodeId>,
    output: PathBuf,
}

/// Runs it.
///
/// # Errors
/// The caller's: another key, a wrong passphrase. A peer's: no challenge opens.
pub fn run(options: &Answer, face: Face) -> Result<()> {
    files::must_be_free(&options.output)?;
    let (challenges, file) = (read(&options.challenges)?, read_key_file(&options.key)?);
    if challenges.key() != file.key() {
        return Err(another_key(&challenges, &file));
    }
    face.brief(&asked(&challenges, &file));
    let passphrase = Passphrase::ask_known(options.passphrase_file.as_deref())?;
    let secret = file.open(&passphrase).map_err(|error| unopened(&options.key, error))?;
    let Ok(answers) = challenges.answer(&secret.key());
    let Some(answers) = answers else {
        let what = "none of the challenges opens with the key that they are for";
        let next =
            "take fresh challenges from the domain; if that does not help, tell its operators";
        return Err(Failure::peer("bad_challenges", what, next));
    };
    let mut new = NewFiles::default();
    new.write(&options.output, &to_bytes(&answers), 0o644)?;
    new.keep();
    let (nodes, unanswered) =
        challenges.iter().map(|(node, _)| node).partition(|node| answers.to(node).is_some());
    let answered = Answered {
        genesis: challenges.genesis(),
        genesis_words: words(&challenges.genesis().digest()).join(" "),
        custodian: challenges.custodian().clone(),
        key: challenges.key(),
        nodes,
        unanswered,
        output: options.output.clone(),
    };
    face.show(&answered, text);
    Ok(())
}

fn read(path: &Path) -> Result<Challenges> {
    from_bytes(&files::read(path)?).map_err(|error| {
        let what = format!("{} holds no challenges: {error}", path.display());
        Failure::caller("bad_challenges", what, "name the file as it came from the domain")
    })
}

/// Who asks whom: seen before the passphrase is typed.
fn asked(challenges: &Challenges, file: &KeyFile) -> String {
    let name = challenges.custodian();
    let other = match name == file.name() {
        true => String::new(),
        false => format!(", which the key file calls {}", file.name()),
    };
    format!(
        "{} nodes ask whether custodian {name} holds its key{other}. They say that they are of the \
         domain\n  {}\n",
        challenges.iter().count(),
        words(&challenges.genesis().digest()).join(" ")
    )
}

fn another_key(challenges: &Challenges, file: &KeyFile) -> Failure {
    let words = |key: RecoveryKeyId| words(&key.digest()).join(" ");
    let what = format!(
        "the challenges are for custodian {}'s key \"{}\", the key file holds {}'s \"{}\"",
        challenges.custodian(),
        words(challenges.key()),
        file.name(),
        words(file.key())
    );
    Failure::caller("another_key", what, "name the key file of that key, or its challenges")
}

/// Why a key file did not open.
pub(super) fn unopened(path: &Path, error: SealError) -> Failure {
    let what = format!("{}: {error}", path.display());
    match error {
        SealError::Passphrase => {
            Failure::caller("wrong_passphrase", what, "try again with the right one")
        }
        SealError::OtherKey => {
            let next = "do not use it, and find out who made it; write it again from its pages";
            Failure::machine("key_file_damaged", what, next)
        }
        SealError::Memory => Failure::machine("memory", what, "free some memory and try again"),
    }
}

fn text(answered: &Answered) -> String {
    let mut text = format!(
        "{} nodes are answered; carry {} back to the domain",
        answered.nodes.len(),
        answered.output.display()
    );
    if !answered.unanswered.is_empty() {
        let others: Vec<String> = answered.unanswered.iter().map(ToString::to_string).collect();
        text.push_str(&format!(
            "\n\nThe challenges of these nodes do not open; tell the domain's operators:\n  {}",
            others.join("\n  ")
        ));
    }
    text
}
