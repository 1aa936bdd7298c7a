//! A revocation binds everybody within finality plus the lease: no signature is released under a
//! head that was superseded longer ago than that.

use super::signature;
use quorate_identity::{Head, NodeId, RequestId};
use quorate_machine::event::Millis;
use std::collections::BTreeMap;

/// A session that began under a lease may end after it: its own time limit, and frames under way.
const SESSION_MS: Millis = 30_000;

/// When each head was superseded.
#[derive(Debug)]
pub struct Freshness {
    lease_ms: Millis,
    position: u64,
    superseded: BTreeMap<Head, Millis>,
    current: Vec<Head>,
}

impl Freshness {
    /// Nothing seen yet.
    pub fn new(lease_ms: Millis) -> Self {
        Self { lease_ms, position: 0, superseded: BTreeMap::new(), current: Vec::new() }
    }

    /// Some node stands at a head.
    pub fn stands(&mut self, position: u64, head: Head, now: Millis) {
        if position > self.position {
            self.position = position;
            for old in self.current.drain(..) {
                self.superseded.entry(old).or_insert(now);
            }
        }
        if position == self.position && !self.current.contains(&head) {
            self.current.push(head);
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
        let since = *self.superseded.get(&head)?;
        let age = now.saturating_sub(since);
        (age > self.lease_ms + SESSION_MS).then(|| {
            format!("{from} released {} {age} ms after it was superseded", signature(request, head))
        })
    }
}
