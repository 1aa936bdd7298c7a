//! A revocation binds everybody within finality plus the lease: no signature is released under a
//! head that was superseded longer ago than that.

use super::signature;
use quorate_charter::State;
use quorate_identity::{Head, NodeId, RequestId};
use quorate_machine::event::Millis;
use std::collections::BTreeMap;

/// A session that began under a lease may end after it: its own time limit, and frames under way.
const SESSION_MS: Millis = 30_000;

/// When each head was superseded.
#[derive(Debug, Default)]
pub struct Freshness {
    position: u64,
    /// Since when, and how long a lease held under it.
    superseded: BTreeMap<Head, (Millis, Millis)>,
    /// Heads of the newest position, with the leases of their settings.
    current: Vec<(Head, Millis)>,
}

impl Freshness {
    /// Some node stands at a state.
    pub fn stands(&mut self, state: &State, now: Millis) {
        let (position, stand) = (state.position(), (state.head(), state.settings().lease_ms));
        if position > self.position {
            self.position = position;
            for (old, lease_ms) in self.current.drain(..) {
                self.superseded.entry(old).or_insert((now, lease_ms));
            }
        }
        if position == self.position && !self.current.contains(&stand) {
            self.current.push(stand);
        }
    }

    /// A finished signature left a node for the first time.
    pub fn signed(
        &self,
        from: NodeId,
        request: RequestId,
        head: Head,
        now: Millis,
    ) -> Option<String> {
        let (since, lease_ms) = *self.superseded.get(&head)?;
        let age = now.saturating_sub(since);
        (age > lease_ms + SESSION_MS).then(|| {
            format!("{from} released {} {age} ms after it was superseded", signature(request, head))
        })
    }
}
