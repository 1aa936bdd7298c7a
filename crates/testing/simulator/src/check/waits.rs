//! 10. An announced motion takes effect only after its delay has passed on the own clocks of a quorum
//!     of voters, less those who lie, since each of them first stood where it was announced. Who is
//!     behind votes for it only after they did.

use quorate_charter::{BallotBody, Entry, EntryBody, Instance, SignedBallotMessage, State};
use quorate_codec::{Digest, Transcript, tag};
use quorate_identity::{MotionId, NodeId};
use quorate_machine::event::Millis;
use std::collections::{BTreeMap, BTreeSet};

/// What nodes were told, and when by their own clocks.
#[derive(Debug, Default)]
pub struct Waits {
    /// The delay of each announced motion.
    delays: BTreeMap<MotionId, u64>,
    /// When a node first stood where a motion was announced; the least that its clock showed since.
    heard: BTreeMap<(NodeId, MotionId), Millis>,
    /// The latest that each node's clock ever showed: what it voted then it may say again later.
    latest: BTreeMap<NodeId, Millis>,
    /// Values that let a motion take effect, by the digests that votes carry.
    values: BTreeMap<Digest, Value>,
}

/// A value that lets a motion take effect.
#[derive(Debug)]
struct Value {
    motion: MotionId,
    /// How many honest voters have to wait.
    needed: usize,
    /// Who did, and voted for it.
    waited: BTreeSet<NodeId>,
}

impl Waits {
    /// A node's clock shows this.
    pub fn clock(&mut self, node: NodeId, clock: Millis) {
        let latest = self.latest.entry(node).or_default();
        *latest = clock.max(*latest);
        // Who finds its clock behind what it wrote down begins anew, perhaps at this very moment.
        let of_node = self.heard.iter_mut().filter(|((of, _), _)| *of == node);
        of_node.for_each(|(_, heard)| *heard = clock.min(*heard));
    }

    /// A node stands at a head.
    pub fn stands(&mut self, node: NodeId, state: &State, clock: Millis) {
        for announced in state.announced() {
            self.delays.insert(announced.id, announced.delay_ms);
            self.heard.entry((node, announced.id)).or_insert(clock);
        }
    }

    /// A ballot message left a node. At least `needed` honest voters must have waited.
    pub fn sent(&mut self, message: &SignedBallotMessage, needed: usize) -> Option<String> {
        let Instance::Position(_) = message.instance() else { return None };
        let voter = message.voter();
        match message.body() {
            BallotBody::Proposal { value, lock } => {
                let motion = self.enters(value, needed)?;
                // one that rests on a lock is the value of others
                (lock.is_none()).then(|| self.hurries(voter, motion, "proposes"))?
            }
            BallotBody::Offer { value, .. } => {
                let motion = self.enters(value, needed)?;
                let hurries = self.hurries(voter, motion, "offers");
                // what a quorum found due is offered by whoever has their proof
                let value = self.values.get(&value_digest(value))?;
                hurries.filter(|_| value.waited.len() < value.needed)
            }
            BallotBody::Prevote(digest) | BallotBody::Precommit(digest) => {
                let motion = self.values.get(&(*digest)?)?.motion;
                let hurries = self.hurries(voter, motion, "votes for");
                let value = self.values.get_mut(&(*digest)?)?;
                if hurries.is_none() {
                    value.waited.insert(voter);
                }
                hurries.filter(|_| value.waited.len() < value.needed)
            }
        }
    }

    /// A ballot message came from a voter of whom nothing is demanded.
    pub fn learn(&mut self, message: &SignedBallotMessage, needed: usize) {
        if let BallotBody::Proposal { value, .. } | BallotBody::Offer { value, .. } = message.body()
        {
            self.enters(value, needed);
        }
    }

    /// The motion that a value lets take effect, if it is about one.
    fn enters(&mut self, value: &[u8], needed: usize) -> Option<MotionId> {
        let entry: Entry = quorate_codec::from_bytes(value).ok()?;
        let EntryBody::Enact(motion) = entry.body else { return None };
        let digest = value_digest(value);
        let value = Value { motion, needed, waited: BTreeSet::new() };
        self.values.entry(digest).or_insert(value);
        Some(motion)
    }

    /// How a voter did not wait for a motion, if it did not.
    fn hurries(&self, voter: NodeId, motion: MotionId, what: &str) -> Option<String> {
        let latest = self.latest.get(&voter)?;
        let heard = self.heard.get(&(voter, motion));
        let delay = self.delays.get(&motion).copied().unwrap_or_default();
        let waited = heard.map(|heard| latest.saturating_sub(*heard));
        (waited.is_none_or(|waited| waited < delay))
            .then(|| format!("{voter} {what} motion {motion} after {waited:?} of {delay} ms"))
    }
}

/// As votes carry it (AGR-02).
fn value_digest(value: &[u8]) -> Digest {
    Transcript::new(tag::DECISION_VALUE).part(value).digest()
}
