//! 11. Who answered that it took a cession forgets it for nothing but a charter under which it counts
//!     no longer, takes part in no signature once the delay has passed on its clock, and stops for
//!     good no earlier.

use quorate_charter::{SignedCession, State};
use quorate_client::contract::CessionView;
use quorate_codec::Digest;
use quorate_identity::NodeId;
use quorate_machine::event::Millis;
use quorate_machine::wire::{SessionMessage, SessionStep};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What was handled just before the delay passed may leave so much later.
const UNDER_WAY_MS: Millis = 10;

/// Cessions that were announced, and where each node stands.
#[derive(Default)]
pub struct Ceded {
    told: BTreeMap<Digest, SignedCession>,
    /// What the clock of a node that answered that it took one had shown by then at the latest.
    taken: BTreeMap<(NodeId, Digest), Millis>,
    stand: BTreeMap<NodeId, Arc<State>>,
    clocks: BTreeMap<NodeId, Clock>,
    stopped: BTreeSet<NodeId>,
}

/// What the clock of a node showed since the first cession was announced.
struct Clock {
    earliest: Millis,
    latest: Millis,
    last: Millis,
}

impl Ceded {
    /// Guardians announce one.
    pub fn told(&mut self, cession: &SignedCession) {
        self.told.insert(cession.digest(), cession.clone());
    }

    /// A node's clock shows this.
    pub fn clock(&mut self, node: NodeId, now: Millis) {
        if self.told.is_empty() {
            return;
        }
        let first = Clock { earliest: now, latest: now, last: now };
        let Clock { earliest, latest, last } = self.clocks.entry(node).or_insert(first);
        (*earliest, *latest, *last) = (now.min(*earliest), now.max(*latest), now);
    }

    /// A node stands at a head.
    pub fn stands(&mut self, node: NodeId, state: &Arc<State>) {
        let told = &self.told;
        let counts = |digest: &Digest| told.get(digest).is_some_and(|it| it.verify(state).is_ok());
        self.taken.retain(|(by, digest), _| *by != node || counts(digest));
        self.stand.insert(node, Arc::clone(state));
    }

    /// A node answered which it took: from now on it is held to that.
    pub fn answered(&mut self, node: NodeId, views: &[CessionView]) {
        let Some((state, Clock { latest, .. })) = self.seen(node) else { return };
        let told = views.iter().filter(|view| {
            self.told.get(&view.cession).is_some_and(|told| told.verify(state).is_ok())
        });
        let taken: Vec<_> = told.map(|view| ((node, view.cession), *latest)).collect();
        for (taken, at) in taken {
            self.taken.entry(taken).or_insert(at);
        }
    }

    fn seen(&self, node: NodeId) -> Option<(&State, &Clock)> {
        Some((self.stand.get(&node)?, self.clocks.get(&node)?))
    }

    /// A disk was replaced by an old copy, or is lost: what was on it alone is gone with it.
    pub fn excuse(&mut self, node: NodeId) {
        self.taken.retain(|(by, _), _| *by != node);
        self.stopped.remove(&node);
    }

    /// A message of a session left a node.
    pub fn sent(&self, from: NodeId, message: &SessionMessage) -> Option<String> {
        if message.step == SessionStep::Abort {
            return None;
        }
        let (state, clock) = self.seen(from)?;
        let of_node = self.taken.iter().filter(|((by, _), _)| *by == from);
        let waited = of_node.map(|((_, digest), at)| (digest, clock.last.saturating_sub(*at)));
        let delay_ms = state.cession_delay_ms() + UNDER_WAY_MS;
        let mut over = waited.filter(|(_, waited)| *waited > delay_ms);
        let (digest, waited) = over.next()?;
        Some(format!("{from} took the cession {digest} {waited} ms ago, and goes on signing"))
    }

    /// A node stopped for good.
    pub fn stopped(&mut self, node: NodeId) -> Option<String> {
        if !self.stopped.insert(node) {
            return None;
        }
        let waited = self.seen(node).map(|(state, clock)| {
            let counts = self.told.values().any(|it| it.verify(state).is_ok());
            (counts, clock.latest - clock.earliest, state.cession_delay_ms())
        });
        let may = waited.is_some_and(|(counts, waited, delay_ms)| counts && waited >= delay_ms);
        (!may).then(|| format!("{node} stopped: one counts, waited, of: {waited:?}"))
    }

    /// Cessions that a node took and that are not among those it shows.
    pub fn forgotten(&self, node: NodeId, shown: &[CessionView]) -> Vec<String> {
        let is_shown = |digest: &Digest| shown.iter().any(|view| view.cession == *digest);
        let taken = self.taken.keys().filter(|(by, digest)| *by == node && !is_shown(digest));
        taken.map(|(_, digest)| format!("{node} took the cession {digest} and forgot it")).collect()
    }
}
