//! Messages of runs that this node has not joined yet: kept for a while, within limits.

use crate::limits;
use crate::wire::{RunId, SessionMessage, SessionStep};
use quorate_identity::NodeId;
use std::collections::{BTreeMap, VecDeque};

/// Early messages by sender, so that nobody pushes out another's.
#[derive(Default)]
pub(super) struct Early(BTreeMap<NodeId, Queue>);

#[derive(Default)]
struct Queue {
    messages: VecDeque<SessionMessage>,
    bytes: usize,
}

impl Early {
    /// Keeps a message; the sender's oldest ones go when it sends too much.
    pub fn push(&mut self, from: NodeId, message: SessionMessage) {
        let queue = self.0.entry(from).or_default();
        queue.bytes += size(&message);
        queue.messages.push_back(message);
        while queue.messages.len() > limits::EARLY_MESSAGES_MAX
            || queue.bytes > limits::EARLY_BYTES_MAX
        {
            let Some(oldest) = queue.messages.pop_front() else { break };
            queue.bytes -= size(&oldest);
        }
    }

    /// Takes out the messages of a run.
    pub fn take(&mut self, run: &RunId) -> Vec<(NodeId, SessionMessage)> {
        let mut taken = Vec::new();
        for (from, queue) in &mut self.0 {
            let messages = std::mem::take(&mut queue.messages);
            let (ours, rest) = messages.into_iter().partition(|message| message.run == *run);
            queue.messages = rest;
            let ours: VecDeque<SessionMessage> = ours;
            queue.bytes -= ours.iter().map(size).sum::<usize>();
            taken.extend(ours.into_iter().map(|message| (*from, message)));
        }
        taken
    }

    /// Forgets a sender.
    pub fn forget(&mut self, from: &NodeId) {
        self.0.remove(from);
    }
}

fn size(message: &SessionMessage) -> usize {
    let content = match &message.step {
        SessionStep::Propose { first, .. } | SessionStep::Join { first, .. } => first.len(),
        SessionStep::Round { bytes, .. } => bytes.len(),
        SessionStep::Abort | SessionStep::Made => 0,
    };
    content + 256
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_codec::Digest;

    fn node(number: u8) -> NodeId {
        NodeId(Digest([number; 32]))
    }

    fn message(run: u8, length: usize) -> SessionMessage {
        let step = SessionStep::Round { number: 1, bytes: vec![0; length] };
        SessionMessage { run: Digest([run; 32]), step }
    }

    #[test]
    fn nod_05_a_flood_pushes_out_only_its_own_messages() {
        let mut early = Early::default();
        early.push(node(1), message(1, 10));
        for _ in 0..2 * limits::EARLY_MESSAGES_MAX {
            early.push(node(2), message(2, 10));
        }
        assert_eq!(early.take(&Digest([1; 32])).len(), 1);
        assert_eq!(early.take(&Digest([2; 32])).len(), limits::EARLY_MESSAGES_MAX);
        assert_eq!(early.take(&Digest([2; 32])).len(), 0);
        for _ in 0..3 {
            early.push(node(2), message(3, limits::EARLY_BYTES_MAX / 2));
        }
        assert_eq!(early.take(&Digest([3; 32])).len(), 1);
    }
}
