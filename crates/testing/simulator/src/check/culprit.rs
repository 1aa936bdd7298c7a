//! 6. An accused culprit is never honest.

use quorate_identity::NodeId;
use std::collections::BTreeSet;

/// An honest node accuses `culprits`.
pub fn accused(liars: &BTreeSet<NodeId>, culprits: &[NodeId], text: &str) -> Option<String> {
    let honest: Vec<&NodeId> = culprits.iter().filter(|node| !liars.contains(node)).collect();
    (!honest.is_empty()).then(|| format!("{honest:?} stand accused: {text}"))
}
