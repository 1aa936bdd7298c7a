//! Governance at one node: motions that collect signatures, agreement about positions and
//! attempts, and the log that follows. See `spec/charter.md`, `spec/agreement.md`.
//!
//! This is work at human rate: a check here may take milliseconds.

mod agreeing;
mod announced;
mod log;

pub(crate) use log::compiled_policy;
mod motions;

use self::announced::Late;
use crate::event::Millis;
use crate::node::{Node, Turn};
use crate::schedule::Schedule;
use crate::wire::Message;
use quorate_charter::{
    Agreement, Ahead, CertifiedEntry, Entry, EntryBody, Instance, MotionStatus, SignedMotion,
    SignedRejoin, Validity, Votes,
};
use quorate_identity::{Head, MotionId, NodeId};
use std::collections::{BTreeMap, VecDeque};

/// What a node does for the charter.
#[derive(Default)]
pub(crate) struct Governor {
    log: Vec<CertifiedEntry>,
    /// Positions of the motions in the log.
    placed: BTreeMap<MotionId, u64>,
    motions: BTreeMap<MotionId, SignedMotion>,
    /// What was verified of the signatures under them.
    verified: Ahead,
    /// Motions that can never become entries any more, newest last.
    over: VecDeque<SignedMotion>,
    rejoins: BTreeMap<NodeId, SignedRejoin>,
    agreements: BTreeMap<Instance, Agreement>,
    votes: BTreeMap<Instance, Votes>,
    wakes: Schedule<Instance>,
    /// When this node stored, since it started, that another came back.
    came_back: BTreeMap<NodeId, Millis>,
    fetched_at: Millis,
    /// When this node stored what began the wait of an announced motion, by position.
    heard: BTreeMap<u64, Millis>,
    /// When the next announced motion is due here.
    due_at: Option<Millis>,
    /// When this node looks again whether something can be proposed that could not before.
    look_at: Option<Millis>,
    /// How often it looked again since the newest entry.
    looks: usize,
    /// While one answer of many entries is taken in: what they do is told at its end.
    late: Option<Late>,
}

impl Governor {
    /// Restores what was stored.
    pub fn load(
        log: Vec<CertifiedEntry>,
        votes: BTreeMap<Instance, Votes>,
        motions: Vec<SignedMotion>,
        heard: BTreeMap<u64, Millis>,
    ) -> Self {
        let motions = motions.into_iter().map(|motion| (motion.id(), motion)).collect();
        let mut governor = Self { votes, motions, heard, ..Self::default() };
        for entry in log {
            governor.push(entry);
        }
        governor
    }

    /// Appends an entry that was verified and applied.
    fn push(&mut self, entry: CertifiedEntry) {
        if let EntryBody::Motion(motion) = &entry.entry().body {
            self.placed.insert(motion.id(), entry.position());
        }
        self.log.push(entry);
    }

    /// A motion in the log, and the position of its entry.
    pub fn placed(&self, id: &MotionId) -> Option<(&SignedMotion, u64)> {
        let position = *self.placed.get(id)?;
        let index = usize::try_from(position.checked_sub(1)?).ok()?;
        match &self.log.get(index)?.entry().body {
            EntryBody::Motion(motion) => Some((motion, position)),
            EntryBody::Rejoin(_) | EntryBody::Enact(_) => None,
        }
    }

    /// Whether this node is about to decide something, or has just decided it.
    pub fn is_open(&self, instance: &Instance) -> bool {
        self.agreements.contains_key(instance)
    }

    /// Whether a motion can never become an entry any more.
    pub fn is_over(&self, id: &MotionId) -> bool {
        self.over.iter().any(|motion| motion.id() == *id)
    }

    /// The certified entries, in order.
    pub fn log(&self) -> &[CertifiedEntry] {
        &self.log
    }

    /// Motions that are not entries yet.
    pub fn motions(&self) -> impl Iterator<Item = &SignedMotion> {
        self.motions.values()
    }

    /// Motions that never became entries, as far as this node remembers since its start.
    pub fn over(&self) -> impl Iterator<Item = &SignedMotion> {
        self.over.iter()
    }

    /// A motion that is not an entry.
    pub fn motion(&self, id: &MotionId) -> Option<&SignedMotion> {
        self.motions.get(id).or_else(|| self.over.iter().find(|motion| motion.id() == *id))
    }

    /// Whether this node has precommitted at a position beyond its head (N-101), in this life or
    /// an earlier one: votes of decided positions lie at or before the head.
    pub fn is_locked(&self, position: u64) -> bool {
        let beyond = |instance: &Instance| matches!(instance, Instance::Position(voted) if *voted > position);
        let live = self.agreements.iter();
        let stored = self.votes.iter();
        live.filter(|(instance, _)| beyond(instance))
            .any(|(_, agreement)| agreement.has_precommitted())
            || stored
                .filter(|(instance, _)| beyond(instance))
                .any(|(_, votes)| votes.has_precommitted())
    }

    /// Whether `head` was made at `position` or later; `tip` is the head of the log.
    pub fn is_since(&self, head: &Head, position: u64, tip: &Head) -> bool {
        let before = usize::try_from(position).unwrap_or(usize::MAX);
        head == tip || self.log.iter().skip(before).any(|next| next.entry().prev == *head)
    }

    /// The highest position at which this node ever voted.
    pub fn highest_vote(&self) -> u64 {
        let positions = self.votes.keys().filter_map(|instance| match instance {
            Instance::Position(position) => Some(*position),
            Instance::Attempt { .. } => None,
        });
        positions.max().unwrap_or_default()
    }

    /// The earliest ballot timeout.
    pub fn wake_at(&self) -> Option<Millis> {
        self.wakes.next().into_iter().chain(self.due_at).chain(self.look_at).min()
    }
}

impl Node {
    /// Everything that time makes due.
    pub(crate) fn drive_governor(&mut self, turn: &mut Turn<'_>) {
        for instance in self.governor.wakes.take_due(turn.now) {
            self.step_agreement(instance, quorate_charter::Input::Timeout, turn);
        }
        let is_past = |at: Option<Millis>| at.is_some_and(|at| at <= turn.now);
        let governor = &self.governor;
        if is_past(governor.due_at) || is_past(governor.look_at) {
            // What was asked for since the look before, and not decided, gives way to another.
            self.governor.looks = self.governor.looks.wrapping_add(1);
            self.governor.due_at = self.next_due(turn.now);
            self.propose_next(turn);
        }
    }

    /// Something happened for which a motion may have waited: this node looks again after a while,
    /// once for all that happens meanwhile.
    pub(crate) fn look_again(&mut self, turn: &Turn<'_>) {
        let at = turn.now.saturating_add(self.pace.ballot_ms);
        self.governor.look_at.get_or_insert(at);
    }

    /// Tells a peer what collects signatures or votes.
    pub(crate) fn share_governance(&mut self, peer: NodeId, turn: &mut Turn<'_>) {
        self.share_freezes(peer, turn);
        self.share_cessions(peer, turn);
        let motions = self.governor.motions.values();
        let mut messages: Vec<Message> =
            motions.map(|motion| Message::Motion(motion.clone())).collect();
        let rejoins = self.governor.rejoins.values();
        messages.extend(rejoins.map(|rejoin| Message::Rejoin(rejoin.clone())));
        for agreement in self.governor.agreements.values() {
            messages.extend(agreement.resend().into_iter().map(Message::Ballot));
        }
        for message in messages {
            self.send(peer, &message, turn);
        }
        self.ask_back(turn);
    }

    /// Proposes the next entry if something is ready for it: the first that this node itself would
    /// vote for. Of what still waits, for keys, programs, or somebody to show something, ballots would
    /// only grow, and whatever comes next would wait for them to end; it is looked at again when
    /// something of that happened, and at each round of gossip. What is about announced motions comes
    /// first, for it may be there to end one that is due; what was not decided by the next look gives
    /// way to another one then, for too few may find it valid.
    pub(crate) fn propose_next(&mut self, turn: &mut Turn<'_>) {
        self.governor.look_at = None;
        let now = turn.now;
        let standing = self.sift_motions(turn);
        let instance = Instance::Position(self.state.position() + 1);
        let ready = standing.into_iter().filter(|(_, status)| status.missing.is_none());
        let (about, others): (Vec<_>, Vec<_>) =
            ready.partition(|(_, status)| status.motion.body.announced().is_some());
        let bodies = |motions: Vec<(MotionId, MotionStatus)>| {
            let motions = motions.into_iter().filter_map(|(id, _)| self.governor.motions.get(&id));
            motions.cloned().map(EntryBody::Motion).collect::<Vec<_>>()
        };
        let due = self.due_announcements(now).into_iter().map(EntryBody::Enact);
        let rejoins = self.governor.rejoins.values();
        let rejoins = rejoins.filter(|rejoin| self.rejoin_due(&rejoin.node()) <= now);
        let rejoins = rejoins.map(|rejoin| EntryBody::Rejoin(rejoin.clone()));
        let bodies = bodies(about).into_iter().chain(due).chain(bodies(others)).chain(rejoins);
        let values = bodies.map(|body| quorate_codec::to_bytes(&Entry::next(&self.state, body)));
        let mut values: Vec<Vec<u8>> = values.collect();
        let first = self.governor.looks.checked_rem(values.len()).unwrap_or_default();
        values.rotate_left(first);
        let is_valid = |value: &Vec<u8>| self.judge_value(instance, value, now) == Validity::Valid;
        let Some(value) = values.into_iter().find(is_valid) else { return };
        self.propose(instance, value, turn);
    }
}
