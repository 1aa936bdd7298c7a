//! 3. No nonce, presignature, OT batch or approval is used twice, crashes and restored snapshots
//!    included.

use quorate_codec::{Digest, Transcript, tag};
use quorate_identity::NodeId;
use quorate_machine::wire::{RunId, SessionMessage, SessionStep};
use std::collections::BTreeMap;

/// First messages (nonce commitments) and answers by the run they served.
#[derive(Debug, Default)]
pub struct OneTime {
    firsts: BTreeMap<Vec<u8>, (NodeId, RunId)>,
    rounds: BTreeMap<(NodeId, RunId, u8, NodeId), Digest>,
}

impl OneTime {
    /// A message of a session left a node.
    pub fn sent(&mut self, from: NodeId, to: NodeId, message: &SessionMessage) -> Option<String> {
        match &message.step {
            SessionStep::Propose { first, .. } | SessionStep::Join { first, .. } => {
                let used = (from, message.run);
                let known = *self.firsts.entry(first.clone()).or_insert(used);
                (known != used).then(|| {
                    format!("a first message of {from} in run {} served {known:?} too", message.run)
                })
            }
            SessionStep::Round { number, bytes } => {
                let slot = (from, message.run, *number, to);
                let digest = Transcript::new(tag::TEST).part(bytes).digest();
                let known = *self.rounds.entry(slot).or_insert(digest);
                (known != digest)
                    .then(|| format!("two answers of {from} in round {number} of {}", message.run))
            }
            SessionStep::Abort | SessionStep::Made => None,
        }
    }
}
