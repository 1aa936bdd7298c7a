//! What a node says once nothing of earlier epochs is left on it (EPO-11), and of which keys it still
//! has to.

use super::keys::{FIRST_EPOCH, KeyBook, Keys};
use crate::node::{Node, Turn};
use quorate_charter::EpochStep;
use quorate_identity::{KeyId, NodeId};
use std::collections::BTreeSet;

impl Node {
    /// Says of keys that nothing of earlier epochs is left here, once the set-ups of pairs from
    /// their time are gone as well (EPO-11).
    pub(crate) fn finish_erasures(&mut self, turn: &mut Turn<'_>) {
        if !self.pairs.has_replaced_all() || self.abstains().is_some() {
            return;
        }
        for key in self.keys.owing_erasure(&self.me) {
            self.say(key, EpochStep::ErasedBefore, turn);
        }
    }
}

impl Keys {
    /// Peers with whom this node shares keys of which it has not said that all of an earlier epoch
    /// is destroyed here (EPO-11).
    pub fn with_erasure_open(&self, me: &NodeId) -> BTreeSet<NodeId> {
        let open = self.books.values().filter(|book| book.owes_erasure(me));
        let peers = open.flat_map(KeyBook::pair_peers);
        peers.filter(|peer| peer != me).collect()
    }

    /// Keys of which this node has to say now that nothing of their earlier epochs is left here.
    fn owing_erasure(&mut self, me: &NodeId) -> Vec<KeyId> {
        let Self { books, unerased, .. } = self;
        unerased.retain(|key| books.get(key).is_some_and(|book| book.may_owe_erasure(me)));
        let owing =
            unerased.iter().filter(|key| books.get(key).is_some_and(|book| book.owes_erasure(me)));
        owing.copied().collect()
    }
}

impl KeyBook {
    /// Whether this node has not said yet that nothing of earlier epochs is left here: there were
    /// some, and it may have had to do with them. Only a new epoch makes it so again.
    pub(super) fn may_owe_erasure(&self, me: &NodeId) -> bool {
        self.current().is_some_and(|current| {
            current.number() > FIRST_EPOCH && !current.erased.contains_key(me)
        })
    }

    /// Whether earlier epochs are over and this node has not said yet that nothing of them is left
    /// here.
    fn owes_erasure(&self, me: &NodeId) -> bool {
        let is_last = self.epochs.len() == 1;
        let current = self.current().filter(|_| is_last && self.may_owe_erasure(me));
        current.is_some_and(|current| {
            let plan = &current.record.plan;
            let had_some = plan.dealers.contains(me)
                || plan.committee.contains(me)
                || self.past.back().is_some_and(|past| past.record.plan.committee.contains(me));
            had_some && current.may_end_earlier()
        })
    }
}
