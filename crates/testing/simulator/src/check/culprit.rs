//! 6. An accused culprit is never honest. A node that came back from an old copy of its disk is so
//!    only once that is noticed: before, it may say otherwise what it said already (`spec/node.md`, what
//!    remains unnoticed).

use quorate_identity::NodeId;
use std::collections::BTreeSet;

/// An honest node accuses `culprits`; those of `restored` had their disks replaced by old copies.
pub fn accused(
    (liars, restored): (&BTreeSet<NodeId>, &BTreeSet<NodeId>),
    culprits: &[NodeId],
    text: &str,
) -> Option<String> {
    let is_twice = text.contains("two statements for one");
    let is_excused = |node: &NodeId| is_twice && restored.contains(node);
    let honest = culprits.iter().filter(|node| !liars.contains(node) && !is_excused(node));
    let honest: Vec<&NodeId> = honest.collect();
    (!honest.is_empty()).then(|| format!("{honest:?} stand accused: {text}"))
}
