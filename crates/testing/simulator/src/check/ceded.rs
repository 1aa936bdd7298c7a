//! 11. Who answered that it took a cession forgets it for nothing but a charter under which it counts
//!     no longer, takes part in no signature once the delay has passed on its clock, and stops for
//!     good no earlier.

use quorate_charter::{SignedCession, State};
use quorate_client::contract::CessionView;
use quorate_codec::Digest;
use quorate_identity::{Head, NodeId};
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
    /// Which of them count at a head: many nodes stand there one after the other.
    count: BTreeMap<Head, BTreeSet<Digest>>,
    /// What the clock of a node that answered that it took one had shown by then at the latest.
    taken: BTreeMap<(NodeId, Digest), Millis>,
    stand: BTreeMap<NodeId, Arc<State>>,
    clocks: BTreeMap<NodeId, Clock>,
    /// The most that the clock of a node ever showed: one that is set back stands still for the node
    /// until it is there again.
    highest: BTreeMap<NodeId, Millis>,
    stopped: BTreeSet<NodeId>,
}

/// What the clock of a node showed since the first cession was announced.
struct Clock {
    /// Since each one was.
    earliest: BTreeMap<Digest, Millis>,
    latest: Millis,
    last: Millis,
}

impl Ceded {
    /// Guardians announce one.
    pub fn told(&mut self, cession: &SignedCession) {
        self.told.insert(cession.digest(), cession.clone());
        self.count.clear();
    }

    /// A node's clock shows this.
    pub fn clock(&mut self, node: NodeId, now: Millis) {
        let highest = self.highest.entry(node).or_insert(now);
        *highest = now.max(*highest);
        if self.told.is_empty() {
            return;
        }
        let first = Clock { earliest: BTreeMap::new(), latest: *highest, last: now };
        let Clock { earliest, latest, last } = self.clocks.entry(node).or_insert(first);
        (*latest, *last) = (now.max(*latest), now);
        for told in self.told.keys() {
            let earliest = earliest.entry(*told).or_insert(now);
            *earliest = now.min(*earliest);
        }
    }

    /// A node stands at a head.
    pub fn stands(&mut self, node: NodeId, state: &Arc<State>) {
        if !self.told.is_empty() {
            let counting = self.counting(state);
            self.taken.retain(|(by, digest), _| *by != node || counting.contains(digest));
        }
        self.stand.insert(node, Arc::clone(state));
    }

    /// A node answered which it took: from now on it is held to that.
    pub fn answered(&mut self, node: NodeId, views: &[CessionView]) {
        let Some((state, Clock { latest, .. })) = self.seen(node) else { return };
        let (state, latest) = (Arc::clone(state), *latest);
        let counting = self.counting(&state);
        for view in views.iter().filter(|view| counting.contains(&view.cession)) {
            self.taken.entry((node, view.cession)).or_insert(latest);
        }
    }

    /// Those that count where a node stands.
    fn counting(&mut self, state: &State) -> BTreeSet<Digest> {
        let told = self.told.iter();
        let count = || told.filter(|(_, it)| it.verify(state).is_ok()).map(|(digest, _)| *digest);
        self.count.entry(state.head()).or_insert_with(|| count().collect()).clone()
    }

    fn seen(&self, node: NodeId) -> Option<(&Arc<State>, &Clock)> {
        Some((self.stand.get(&node)?, self.clocks.get(&node)?))
    }

    /// A disk was replaced by an old copy, or is lost: what was on it alone is gone with it.
    pub fn excuse(&mut self, node: NodeId) {
        self.taken.retain(|(by, _), _| *by != node);
        self.stopped.remove(&node);
    }

    /// A message of a session left a node.
    pub fn sent(&self, from: NodeId, message: &SessionMessage) -> Option<String> {
        (message.step != SessionStep::Abort).then(|| self.goes_on(from, "goes on signing"))?
    }

    /// A node does what none does any more once the delay of a cession is over.
    pub fn goes_on(&self, node: NodeId, what: &str) -> Option<String> {
        let (state, clock) = self.seen(node)?;
        let of_node = self.taken.iter().filter(|((by, _), _)| *by == node);
        let waited = of_node.map(|((_, digest), at)| (digest, clock.last.saturating_sub(*at)));
        let delay_ms = state.cession_delay_ms() + UNDER_WAY_MS;
        let (digest, waited) = waited.into_iter().find(|(_, waited)| *waited > delay_ms)?;
        Some(format!("{node} took the cession {digest} {waited} ms ago, and {what}"))
    }

    /// A node stopped for good.
    pub fn stopped(&mut self, node: NodeId) -> Option<String> {
        if !self.stopped.insert(node) {
            return None;
        }
        let Some((state, clock)) = self.seen(node) else {
            return Some(format!("{node} stopped, and nobody announced anything"));
        };
        let counting = self.told.iter().filter(|(_, it)| it.verify(state).is_ok());
        let waited = counting.filter_map(|(digest, _)| {
            clock.earliest.get(digest).map(|earliest| clock.latest - earliest)
        });
        let (longest, delay_ms) = (waited.max(), state.cession_delay_ms());
        longest.is_none_or(|waited| waited < delay_ms).then(|| {
            format!("{node} stopped {longest:?} of {delay_ms} ms after what counts was announced")
        })
    }

    /// Cessions that a node took and that are not among those it shows.
    pub fn forgotten(&self, node: NodeId, shown: &[CessionView]) -> Vec<String> {
        let is_shown = |digest: &Digest| shown.iter().any(|view| view.cession == *digest);
        let taken = self.taken.keys().filter(|(by, digest)| *by == node && !is_shown(digest));
        taken.map(|(_, digest)| format!("{node} took the cession {digest} and forgot it")).collect()
    }
}
