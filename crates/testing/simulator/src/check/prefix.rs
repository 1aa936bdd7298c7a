//! 4. Honest nodes' charters are prefixes of one another.

use quorate_identity::{Head, NodeId};
use std::collections::BTreeMap;

/// The head at each position, and who stood there first.
#[derive(Debug, Default)]
pub struct Prefixes(BTreeMap<u64, (Head, NodeId)>);

impl Prefixes {
    /// A node stands at a head.
    pub fn stands(&mut self, node: NodeId, position: u64, head: Head) -> Option<String> {
        let (known, first) = *self.0.entry(position).or_insert((head, node));
        (known != head)
            .then(|| format!("at position {position} {first} has {known} and {node} has {head}"))
    }
}
