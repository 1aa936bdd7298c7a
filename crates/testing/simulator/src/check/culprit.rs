//! 6. An accused culprit is never honest. A node that came back from an old copy of its disk is so
//!    only once that is noticed: before, it may say otherwise what it said already (`spec/node.md`, what
//!    remains unnoticed).

use quorate_charter::State;
use quorate_identity::NodeId;
use std::collections::{BTreeMap, BTreeSet};

/// Nodes that came back from old copies, and the entry by which the charter had taken each back before,
/// if it ever had.
pub type Restored = BTreeMap<NodeId, Option<u64>>;

/// An honest node accuses `culprits`, at the head where it stands.
pub fn accused(
    liars: &BTreeSet<NodeId>,
    (restored, stand): (&Restored, Option<&State>),
    culprits: &[NodeId],
    text: &str,
) -> Option<String> {
    let is_twice = text.contains("two statements for one");
    let is_unnoticed = |node: &NodeId| {
        let taken_back = stand.and_then(|state| state.rejoined_at(node));
        restored.get(node).is_some_and(|before| taken_back <= *before)
    };
    let is_excused = |node: &NodeId| is_twice && is_unnoticed(node);
    let honest = culprits.iter().filter(|node| !liars.contains(node) && !is_excused(node));
    let honest: Vec<&NodeId> = honest.collect();
    (!honest.is_empty()).then(|| format!("{honest:?} stand accused: {text}"))
}
