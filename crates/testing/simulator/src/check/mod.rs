//! The laws that must hold whatever happens, one file each. A checker sees what leaves honest
//! nodes, never what they think.

mod backups;
mod ceded;
mod culprit;
mod ending;
mod epochs;
mod fresh;
mod frozen;
mod given;
mod once;
mod prefix;
mod programs;
mod quorum;
mod waits;

use crate::disk::Disk;
use crate::faults::Milestone;
use quorate_backup::SoftKey;
use quorate_charter::{EpochRecord, Program, SignedCession, State};
use quorate_client::contract::{CessionView, FreezeView};
use quorate_codec::Digest;
use quorate_identity::{Head, KeyId, NodeId, RecoveryKeyId, RequestId};
use quorate_machine::call::View;
use quorate_machine::event::{Alarm, Envelope, Millis, Output, Reply};
use quorate_machine::wire::{Message, Outcome, Target};
use quorate_testkit::founding::Founding;
use std::collections::BTreeSet;
use std::sync::Arc;

pub(crate) use ending::{going_on, unsettled};

const FROZEN: &str = "9: who took a freeze does nothing that it stops";
const CEDED: &str = "11: who took a cession stops when its delay is over, and no earlier";

/// A law that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which law: the number in the design, or its name.
    pub law: &'static str,
    /// What was seen.
    pub seen: String,
}

/// All laws at once.
pub struct Checkers {
    founding: Arc<Founding>,
    /// The newest state that any node stood at: nodes may have other keys than at the founding.
    newest: Arc<State>,
    liars: BTreeSet<NodeId>,
    restored: culprit::Restored,
    released: BTreeSet<(RequestId, Head)>,
    quorum: quorum::Decisions,
    once: once::OneTime,
    prefix: prefix::Prefixes,
    fresh: fresh::Freshness,
    epochs: epochs::Epochs,
    frozen: frozen::Frozen,
    waits: waits::Waits,
    ceded: ceded::Ceded,
    given: given::Given,
    programs: programs::Programs,
    /// Laws that were broken so far.
    pub violations: Vec<Violation>,
    last: Option<(NodeId, Digest)>,
}

impl Checkers {
    /// Nothing seen yet. `liars` are not honest: nothing is demanded of them.
    pub fn new(founding: Arc<Founding>, liars: BTreeSet<NodeId>) -> Self {
        Self {
            newest: Arc::clone(&founding.state),
            founding,
            liars,
            restored: culprit::Restored::new(),
            released: BTreeSet::new(),
            quorum: quorum::Decisions::default(),
            once: once::OneTime::default(),
            prefix: prefix::Prefixes::default(),
            fresh: fresh::Freshness::default(),
            epochs: epochs::Epochs::default(),
            frozen: frozen::Frozen::default(),
            waits: waits::Waits::default(),
            ceded: ceded::Ceded::default(),
            given: given::Given::default(),
            programs: programs::Programs::default(),
            violations: Vec::new(),
            last: None,
        }
    }

    /// A frame left a node.
    pub fn sent(&mut self, from: NodeId, envelope: &Envelope, now: Millis) {
        let message = quorate_codec::from_bytes::<Message>(&envelope.bytes);
        if self.liars.contains(&from) {
            // What honest nodes are going to vote for may come from one that lies.
            if let Ok(Message::Ballot(ballot)) = message {
                let needed = self.newest.quorum().saturating_sub(self.liars.len());
                self.waits.learn(&ballot, needed);
            }
            return;
        }
        let Ok(message) = message else {
            self.broken("codec", format!("{from} sent a frame that does not decode"));
            return;
        };
        match &message {
            Message::Session(session) => {
                let broken = self.once.sent(from, envelope.to, session);
                self.note("3: nothing one-time is used twice", broken);
                let broken = self.frozen.sent(from, session);
                self.note(FROZEN, broken);
                let broken = self.ceded.sent(from, session);
                self.note(CEDED, broken);
            }
            Message::Ballot(ballot) if ballot.voter() == from => {
                let needed = self.newest.quorum().saturating_sub(self.liars.len());
                let broken = self.waits.sent(ballot, needed);
                self.note("10: what is announced waits on every voter's clock", broken);
            }
            Message::Decision(decision) => {
                let verified = |state: &State| decision.clone().verify(state).ok();
                let verified = verified(&self.newest).or_else(|| verified(&self.founding.state));
                if let Some(decision) = verified {
                    self.quorum.decided(&decision);
                }
            }
            Message::Outcome(outcome) => self.signed(from, outcome, now),
            _ => {}
        }
    }

    /// A node that runs `program` answers an event that came when it stood `before`.
    pub fn made(&mut self, node: NodeId, program: &Program, before: &State, output: &Output) {
        if !self.liars.contains(&node) {
            let broken = self.programs.takes_part(node, program, before, output);
            self.note(programs::LAW, broken);
        }
    }

    /// A node stands at a head, and its clock shows `clock`.
    pub fn stands(&mut self, node: NodeId, state: &Arc<State>, now: Millis, clock: Millis) {
        let stand = (node, state.head().digest());
        self.waits.clock(node, clock);
        self.ceded.clock(node, clock);
        if self.liars.contains(&node) || self.last == Some(stand) {
            return;
        }
        self.last = Some(stand);
        if state.position() > self.newest.position() {
            self.newest = Arc::clone(state);
        }
        self.fresh.stands(state, now);
        self.frozen.stands(node, state);
        self.ceded.stands(node, state);
        self.given.stands(node, state, now);
        self.waits.stands(node, state, clock);
        let broken = self.prefix.stands(node, state.position(), state.head());
        self.note("4: charters are prefixes of one another", broken);
    }

    /// The newest state that any node stood at.
    pub fn newest(&self) -> Arc<State> {
        Arc::clone(&self.newest)
    }

    /// A node answered a call; its disk as it is now.
    pub fn answered(&mut self, node: NodeId, reply: &Reply, disk: &Disk, now: Millis) {
        if self.liars.contains(&node) {
            return;
        }
        match &reply.answer {
            Ok(View::Freezes(views)) => self.frozen.answered(node, views),
            Ok(View::Cessions(views)) => self.ceded.answered(node, views),
            Ok(View::ExportPart(row)) => {
                let broken = self.given.answered(node, row, (disk, &self.epochs), now);
                self.note("12: a key is given as the charter says, and whole", broken);
                let key = row.get(32..64).and_then(|key| key.try_into().ok());
                let broken = key.and_then(|key| self.frozen.gave(node, &KeyId(Digest(key))));
                self.note(FROZEN, broken);
                let broken = self.ceded.goes_on(node, "gives keys away");
                self.note(CEDED, broken);
            }
            _ => {}
        }
    }

    /// Guardians announce that another domain takes over.
    pub fn told(&mut self, cession: &SignedCession) {
        self.ceded.told(cession);
    }

    /// A node stopped for good.
    pub fn stopped(&mut self, node: NodeId) {
        if !self.liars.contains(&node) {
            let broken = self.ceded.stopped(node);
            self.note(CEDED, broken);
        }
    }

    /// A node shows these cessions, for long enough to have made them durable where the world is healed.
    pub fn shown(&mut self, node: NodeId, shown: &[CessionView], is_healed: bool) {
        if self.liars.contains(&node) {
            return;
        }
        for seen in self.ceded.forgotten(node, shown) {
            self.broken(CEDED, seen);
        }
        if is_healed {
            self.ceded.answered(node, shown);
        }
    }

    /// Somebody has a recovery key.
    pub fn holds(&mut self, key: Arc<SoftKey>) {
        self.given.holds(key);
    }

    /// A recovery key is shown to a node.
    pub fn shows(&mut self, node: NodeId, key: RecoveryKeyId) {
        self.given.shows(node, key);
    }

    /// How often a key was given whole since it was asked last.
    pub fn given(&mut self) -> u64 {
        std::mem::take(&mut self.given.news)
    }

    /// The record of an epoch that some disk has.
    pub fn record(&self, key: &KeyId, epoch: u64) -> Option<&EpochRecord> {
        self.epochs.record(key, epoch)
    }

    /// Keys that go on and are not backed up for the custodians of now, when the world is at rest.
    pub fn not_backed_up(&self) -> Vec<String> {
        let custody = self.newest.custody_digest();
        let standing = self.newest.keys().filter(|order| !order.retired);
        let newest = standing.filter_map(|order| self.epochs.newest(&order.key));
        let old = newest.filter(|record| !record.is_backed_up_for(&custody));
        let plans = old.map(|record| &record.plan);
        plans
            .map(|it| format!("epoch {} of {} is backed up for a former custody", it.epoch, it.key))
            .collect()
    }

    /// A disk was replaced by an old copy.
    pub fn restored(&mut self, node: NodeId) {
        self.restored.insert(node, self.newest.rejoined_at(&node));
        self.excuse(node);
    }

    /// A disk was replaced by an old copy, or is lost.
    pub fn excuse(&mut self, node: NodeId) {
        self.frozen.excuse(node);
        self.ceded.excuse(node);
    }

    /// Freezes that were taken somewhere and that a node knows nothing of, among those it shows.
    pub fn forgotten(&self, node: NodeId, shown: &[FreezeView]) -> Vec<String> {
        self.frozen.forgotten(node, shown, &self.newest)
    }

    /// A node raised an alarm.
    pub fn alarmed(&mut self, node: NodeId, alarm: &Alarm) {
        if !self.liars.contains(&node) {
            let broken = {
                let unnoticed = (&self.restored, self.given.stand(&node));
                culprit::accused(&self.liars, unnoticed, &alarm.culprits, &alarm.text)
            };
            self.note("6: an accused culprit is never honest", broken);
        }
    }

    /// All disks as they are at the beginning.
    pub fn begin<'a>(&mut self, disks: impl Iterator<Item = (NodeId, &'a Disk)>) {
        for (node, disk) in disks {
            let _ = self.epochs.look(node, disk, true, &self.founding.recovery_keys);
            self.programs.begin(node, disk);
        }
        self.epochs.news.clear();
    }

    /// A disk changed; `restored`: it was replaced by an old copy.
    pub fn wrote(&mut self, node: NodeId, disk: &Disk, restored: bool) -> Vec<Milestone> {
        let keys = &self.founding.recovery_keys;
        let mut broken = self.epochs.look(node, disk, restored, keys);
        broken.extend(self.epochs.whole());
        for (law, seen) in broken {
            self.broken(law, seen);
        }
        std::mem::take(&mut self.epochs.news)
    }

    /// Whether a key of the domain before came back.
    pub fn has_restored(&self) -> bool {
        self.epochs.has_restored()
    }

    /// What nobody needs any more, when the world is at rest.
    pub fn left_over(&self) -> Vec<String> {
        self.epochs.left_over()
    }

    fn signed(&mut self, from: NodeId, outcome: &Outcome, now: Millis) {
        let Target::Request(request) = outcome.target else { return };
        // what is passed on later is the same signature
        if !self.released.insert((request, outcome.head)) {
            return;
        }
        let broken = self.quorum.signed(&self.liars, request, outcome);
        self.note("1: no signature without an allowance of every member", broken);
        let broken = self.fresh.signed(from, request, outcome.head, now);
        self.note("lease: a superseded head signs no longer than the lease", broken);
    }

    fn note(&mut self, law: &'static str, broken: Option<String>) {
        if let Some(seen) = broken {
            self.broken(law, seen);
        }
    }

    /// Records a broken law; each once, so that the first cause stays readable.
    pub fn broken(&mut self, law: &'static str, seen: String) {
        if self.violations.len() < 16 {
            self.violations.push(Violation { law, seen });
        }
    }
}

/// What a request signed under a head is called in a finding.
fn signature(request: RequestId, head: Head) -> String {
    format!("request {request} under head {head}")
}
