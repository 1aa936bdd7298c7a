//! After a suspected compromise: is a reshare enough, or must the key be left? The rule of
//! `spec/epochs.md`, EPO-22, over what the nodes said about their old shares.

use crate::domain;
use crate::failure::{Failure, Result};
use quorate_client::contract::{EpochView, KeyOrigin};
use quorate_identity::Name;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing that was touched holds shares.
    Nothing,
    /// No quorum was touched within one epoch: new shares without the touched nodes are enough.
    Reshare,
    /// A quorum may be known within one epoch: the key is to be left.
    Sweep,
}

/// The advice about one key.
#[derive(Debug, Serialize)]
pub struct Advice {
    key: Name,
    verdict: Verdict,
    epochs: Vec<Exposed>,
    steps: Vec<String>,
}

/// What may be known of one epoch.
#[derive(Debug, Serialize)]
pub struct Exposed {
    epoch: u64,
    access: String,
    nodes: Vec<Name>,
    quorum: bool,
}

/// Judges what was touched. A node that was read in an epoch gives away its shares of that epoch,
/// and of every earlier one of which it never said that it destroyed them.
///
/// # Errors
/// The caller's: a node or epoch that the key does not have.
pub fn advise(
    key: &Name,
    epochs: &[EpochView],
    touched: &[String],
    (origin, is_exported): (KeyOrigin, bool),
) -> Result<Advice> {
    let newest = epochs.first().map_or(0, |epoch| epoch.epoch);
    let mut exposed: BTreeMap<u64, BTreeSet<Name>> = BTreeMap::new();
    for text in touched {
        let (node, at) = parse(text)?;
        if at.is_some_and(|at| at > newest) {
            let message = format!("key {key} has no epoch {} yet", at.unwrap_or_default());
            let next = format!("see `quorate key epochs {key}`");
            return Err(Failure::caller("unknown_epoch", message, next));
        }
        let held: Vec<&EpochView> =
            epochs.iter().filter(|epoch| epoch.holders.contains(&node)).collect();
        // Whether it holds shares or not, it may have held some that this node forgot.
        for epoch in held {
            let is_read = match at {
                None => true,
                Some(at) if epoch.epoch == at => true,
                Some(at) if epoch.epoch < at => !has_erased(epochs, &node, epoch.epoch, at),
                Some(_) => false,
            };
            if is_read {
                exposed.entry(epoch.epoch).or_default().insert(node.clone());
            }
        }
    }
    let mut lines = Vec::new();
    for (number, nodes) in exposed {
        let Some(epoch) = epochs.iter().find(|epoch| epoch.epoch == number) else { continue };
        let quorum = epoch.access.satisfied(&nodes);
        let access = epoch.access.to_string();
        lines.push(Exposed { epoch: number, access, nodes: nodes.into_iter().collect(), quorum });
    }
    let verdict = match lines.iter().any(|line| line.quorum) {
        true => Verdict::Sweep,
        false if lines.is_empty() => Verdict::Nothing,
        false => Verdict::Reshare,
    };
    let mut steps = steps(key, verdict);
    if origin == KeyOrigin::Imported {
        steps.extend(imported_steps());
    }
    if is_exported {
        steps.push(
            "it was exported: somebody got it whole and signs without any node, whatever is done here; \
             move what it guards to a key that nobody has whole"
                .to_owned(),
        );
    }
    Ok(Advice { key: key.clone(), verdict, epochs: lines, steps })
}

/// Whether a node said, in an epoch after `held` and no later than `at`, that nothing earlier is
/// left of its shares.
fn has_erased(epochs: &[EpochView], node: &Name, held: u64, at: u64) -> bool {
    let later = epochs.iter().filter(|epoch| epoch.epoch > held && epoch.epoch <= at);
    later.clone().any(|epoch| epoch.erased_earlier.contains(node))
}

fn parse(text: &str) -> Result<(Name, Option<u64>)> {
    let wrong = || {
        let message = format!("{text} does not name a node and an epoch");
        Failure::caller("bad_node", message, "write it as node-1@3, or node-1")
    };
    match text.split_once('@') {
        None => Ok((domain::name(text)?, None)),
        Some((node, epoch)) => Ok((domain::name(node)?, Some(epoch.parse().map_err(|_| wrong())?))),
    }
}

/// What no new share helps against (IMP-08).
fn imported_steps() -> [String; 2] {
    [
        "this key was imported: whoever held it whole and kept a copy can sign alone, for ever; no \
         reshare changes that"
            .to_owned(),
        "destroy every copy outside, and move what it guards to a key that was made here".to_owned(),
    ]
}

fn steps(key: &Name, verdict: Verdict) -> Vec<String> {
    let steps: &[String] = &match verdict {
        Verdict::Nothing => vec![
            "none of these nodes holds shares of this key, as far as is known here".to_owned(),
            format!("name nodes with --touched NODE@EPOCH; see `quorate key epochs {key}`"),
        ],
        Verdict::Reshare => vec![
            format!("quorate key reshare {key} --access TREE, over nodes that nobody touched"),
            "new shares make the known ones worthless only once the others are destroyed: wait \
             until every node says so in `quorate key epochs`"
                .to_owned(),
            "somebody who was inside a node while shares were renewed counts in both epochs"
                .to_owned(),
            "copies of a node's store and its backups keep what they held".to_owned(),
        ],
        Verdict::Sweep => vec![
            "a quorum's shares of one epoch may be known: whoever has them can sign for ever, \
             whatever is reshared"
                .to_owned(),
            "make a new key, move everything that this one guards, today".to_owned(),
            format!("then end it: quorate key retire {key}"),
        ],
    };
    steps.to_vec()
}

/// The advice for people.
pub fn text(advice: &Advice) -> String {
    let verdict = match advice.verdict {
        Verdict::Nothing => "nothing that was named holds shares of it",
        Verdict::Reshare => "a reshare is enough",
        Verdict::Sweep => "leave this key",
    };
    let mut text = format!("key {}: {verdict}", advice.key);
    for line in &advice.epochs {
        let names: Vec<&str> = line.nodes.iter().map(Name::as_str).collect();
        let quorum = if line.quorum { "a quorum" } else { "no quorum" };
        let _ = write!(
            text,
            "\n  epoch {}: {} of {}: {quorum}",
            line.epoch,
            names.join(", "),
            line.access
        );
    }
    for step in &advice.steps {
        let _ = write!(text, "\n  - {step}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_client::contract::EpochState;
    use quorate_codec::Digest;
    use quorate_identity::Head;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn epoch(number: u64, access: &str, erased: &[&str]) -> EpochView {
        let access: quorate_access::Tree<Name> = access.parse().unwrap();
        EpochView {
            key: name("vault"),
            epoch: number,
            state: if number == 2 { EpochState::Current } else { EpochState::Over },
            holders: access.parties().into_iter().collect(),
            access,
            faults: 1,
            dealers: Vec::new(),
            made_at_ms: 0,
            attempt: 0,
            record: Digest::ZERO,
            previous: Digest::ZERO,
            order: Head(Digest::ZERO),
            signed: true,
            committed: Vec::new(),
            erased_earlier: erased.iter().map(|node| name(node)).collect(),
        }
    }

    /// EPO-22.
    #[test]
    fn a_quorum_within_one_epoch_means_sweep() {
        let tree = "2 of (a, b, c)";
        let epochs =
            [epoch(2, tree, &["a", "b"]), epoch(1, tree, &["a", "b", "c"]), epoch(0, tree, &[])];
        let verdict = |touched: &[&str]| {
            let touched: Vec<String> = touched.iter().map(ToString::to_string).collect();
            advise(&name("vault"), &epochs, &touched, (KeyOrigin::Generated, false))
                .unwrap()
                .verdict
        };
        assert_eq!(verdict(&[]), Verdict::Nothing);
        assert_eq!(verdict(&["d"]), Verdict::Nothing);
        assert_eq!(verdict(&["a@2"]), Verdict::Reshare);
        assert_eq!(verdict(&["a@1", "b@2"]), Verdict::Reshare, "each in another epoch");
        assert_eq!(verdict(&["a@2", "b@2"]), Verdict::Sweep);
        // c never said that its shares of epoch 1 are gone.
        assert_eq!(verdict(&["a@1", "c@2"]), Verdict::Sweep);
        assert_eq!(verdict(&["a", "b@0"]), Verdict::Sweep, "a in any epoch");
        for bad in ["a@3", "a@x"] {
            let origin = (KeyOrigin::Generated, false);
            assert!(advise(&name("vault"), &epochs, &[bad.into()], origin).is_err());
        }
        // IMP-08: nothing of an imported key is repaired by new shares.
        let imported = advise(&name("vault"), &epochs, &[], (KeyOrigin::Imported, false)).unwrap();
        assert!(imported.steps.iter().any(|step| step.contains("can sign alone")));
        // KEX-05: nor of an exported one.
        let exported = advise(&name("vault"), &epochs, &[], (KeyOrigin::Generated, true)).unwrap();
        assert!(exported.steps.iter().any(|step| step.contains("somebody got it whole")));
    }
}
