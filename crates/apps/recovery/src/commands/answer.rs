//! `answer`: the custodian's half of a proof of possession (REC-11).

use super::holder::Found;
use crate::args::Answer;
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::files::{self, NewFiles};
use quorate_backup::Opener;
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
/// The caller's: another key, a wrong passphrase or PIN. A peer's: no challenge opens. The token's.
pub fn run(options: &Answer, face: Face) -> Result<()> {
    files::must_be_free(&options.output)?;
    let (challenges, found) = (read(&options.challenges)?, options.held.find()?);
    if let Some((key, name)) = found.known() {
        must_be(&challenges, key, &format!("the key file holds {name}'s"))?;
    }
    face.brief(&asked(&challenges, &found));
    let holder = found.open()?;
    must_be(&challenges, holder.public().id(), "the token holds the key")?;
    let answers = challenges.answer(&holder)?;
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

/// Who asks whom: seen before the passphrase or PIN is typed.
fn asked(challenges: &Challenges, found: &Found<'_>) -> String {
    let name = challenges.custodian();
    let other = match found.known() {
        Some((_, other)) if other != name => format!(", which the key file calls {other}"),
        _ => String::new(),
    };
    format!(
        "{} nodes ask whether custodian {name} holds its key{other}. They say that they are of the \
         domain\n  {}\n",
        challenges.iter().count(),
        words(&challenges.genesis().digest()).join(" ")
    )
}

/// Refuses challenges to another key than this, of which is said where it is.
fn must_be(challenges: &Challenges, key: RecoveryKeyId, held: &str) -> Result<()> {
    if challenges.key() == key {
        return Ok(());
    }
    let words = |key: RecoveryKeyId| words(&key.digest()).join(" ");
    let what = format!(
        "the challenges are for custodian {}'s key \"{}\", {held} \"{}\"",
        challenges.custodian(),
        words(challenges.key()),
        words(key)
    );
    Err(Failure::caller("another_key", what, "name that key, or the challenges to this one"))
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
