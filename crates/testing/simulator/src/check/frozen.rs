//! 9. Who answered that it took a freeze takes part in no signature that the freeze stops, gives no part of a key that
//!    it stops, and
//!    forgets it for nothing but a thaw.

use quorate_charter::{Freeze, FreezeScope, SignedFreeze, State};
use quorate_client::contract::FreezeView;
use quorate_codec::Digest;
use quorate_identity::{KeyId, NodeId};
use quorate_machine::wire::{RunId, SessionMessage, SessionStep};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Freezes that nodes took, the keys that runs are about, and where each node stands.
#[derive(Default)]
pub struct Frozen {
    taken: BTreeMap<(NodeId, Digest), (SignedFreeze, Freeze)>,
    runs: BTreeMap<RunId, KeyId>,
    stand: BTreeMap<NodeId, Arc<State>>,
}

impl Frozen {
    /// A node stands at a head.
    pub fn stands(&mut self, node: NodeId, state: &Arc<State>) {
        self.taken
            .retain(|(by, _), (signed, freeze)| *by != node || !signed.is_over(freeze, state));
        self.stand.insert(node, Arc::clone(state));
    }

    /// A node answered what is frozen there: from now on it is held to that.
    pub fn answered(&mut self, node: NodeId, views: &[FreezeView]) {
        for view in views {
            let Ok(signed) = quorate_codec::from_bytes::<SignedFreeze>(&view.bytes.0) else {
                continue;
            };
            let Ok(freeze) = signed.body() else { continue };
            let is_over = self.stand.get(&node).is_some_and(|state| signed.is_over(&freeze, state));
            if !is_over {
                self.taken.insert((node, view.freeze), (signed, freeze));
            }
        }
    }

    /// A disk was replaced by an old copy, or is lost: what was on it alone is gone with it.
    pub fn excuse(&mut self, node: NodeId) {
        self.taken.retain(|(by, _), _| *by != node);
    }

    /// A message of a session left a node.
    pub fn sent(&mut self, from: NodeId, message: &SessionMessage) -> Option<String> {
        if let SessionStep::Propose { terms, .. } = &message.step {
            self.runs.insert(message.run, terms.key);
        }
        if message.step == SessionStep::Abort {
            return None;
        }
        let key = self.runs.get(&message.run)?;
        let digest = self.stops(from, key)?;
        Some(format!("{from} took the freeze {digest} and goes on in run {}", message.run))
    }

    /// A node gave its part of a key away.
    pub fn gave(&self, from: NodeId, key: &KeyId) -> Option<String> {
        let digest = self.stops(from, key)?;
        Some(format!("{from} took the freeze {digest} and gave its part of {key} away"))
    }

    /// A freeze that a node took and that stops a key.
    fn stops(&self, node: NodeId, key: &KeyId) -> Option<Digest> {
        let stops = |freeze: &Freeze| match freeze.scope {
            FreezeScope::Domain => true,
            FreezeScope::Key(frozen) => frozen == *key,
        };
        let mut of_node = self.taken.iter().filter(|((by, _), _)| *by == node);
        of_node.find(|(_, (_, freeze))| stops(freeze)).map(|((_, digest), _)| *digest)
    }

    /// Freezes that a node of the domain took, are not over, and are not among those that a node shows.
    /// Who was thrown out before it could tell anybody tells nobody any more.
    pub fn forgotten(&self, node: NodeId, shown: &[FreezeView], newest: &State) -> Vec<String> {
        let known = |digest: &Digest| shown.iter().any(|view| view.freeze == *digest);
        let state = self.stand.get(&node);
        let is_over = |signed: &SignedFreeze, freeze: &Freeze| {
            state.is_some_and(|state| signed.is_over(freeze, state))
        };
        let taken = self.taken.iter().filter(|((by, _), _)| newest.node(by).is_some());
        let gone = taken
            .filter(|((_, digest), (signed, freeze))| !known(digest) && !is_over(signed, freeze));
        gone.map(|((by, digest), _)| {
            format!("{by} took the freeze {digest}, and {node} knows nothing of it")
        })
        .collect()
    }
}
