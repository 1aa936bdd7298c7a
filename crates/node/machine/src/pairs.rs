//! Set-ups between two nodes for ECDSA: made once per pair, used by every key, quarantined when
//! a check fails. See `spec/node.md`, PAR.
//!
//! The node with the lower id asks (PAR-01). Each end keeps the set-up under the same generation, which
//! every session compares before it begins, so an end that lost or rolled back its half is
//! noticed without a failed check.

use crate::ceremonies::Keys;
use crate::durable::{Table, Write};
use crate::event::{Barrier, Millis};
use crate::job::{JobId, Task};
use crate::limits::{self, Pace};
use crate::node::{Node, Turn};
use crate::wire::{Generation, Message, PairMessage, PairStep, RunId};
use minicbor::{Decode, Encode};
use quorate_charter::State;
use quorate_codec::{Canonical, Digest, Transcript, tag};
use quorate_engine::{Failure, Inbound, Outbound, PairPlan, PairSetup, Progress, Round};
use quorate_identity::NodeId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// All pairs of a node.
#[derive(Default)]
pub(crate) struct Pairs {
    ready: BTreeMap<NodeId, Ready>,
    quarantined: BTreeMap<NodeId, String>,
    runs: BTreeMap<NodeId, PairRun>,
    by_job: BTreeMap<JobId, (NodeId, RunId)>,
    /// Peers that some ECDSA key of ours needs.
    needed: BTreeSet<NodeId>,
    /// Peers whose last run is over: another one begins after that.
    paused: Pauses,
    /// Peers that were told that we lack our half. It is not a run, so they may ask at once.
    lacking: Pauses,
    /// What each peer said of its set-ups: with whom, of which generation.
    theirs: BTreeMap<NodeId, BTreeMap<NodeId, Digest>>,
    /// Peers that heard of ours as they are.
    told: BTreeSet<NodeId>,
    /// When ours are told again, in case they were lost.
    tell_at: Millis,
}

/// A set-up that exists.
struct Ready {
    generation: Digest,
    setup: Arc<PairSetup>,
    made_at: Millis,
    /// Since when it is to be replaced: it is as old as shares that were destroyed, or has aged.
    stale_since: Option<Millis>,
}

impl Ready {
    /// Whether it was made before the last `age`. One that is from a time to come is: the clock ran ahead
    /// and was set right, so nobody knows. A little ahead is none of that.
    fn is_older_than(&self, age: Millis, little: Millis, now: Millis) -> bool {
        self.made_at < now.saturating_sub(age) || self.made_at > now.saturating_add(little)
    }
}

/// Until when something waits for each peer, and how often it failed.
#[derive(Default)]
struct Pauses(BTreeMap<NodeId, (Millis, u32)>);

impl Pauses {
    fn is_over(&self, peer: &NodeId, now: Millis) -> bool {
        self.0.get(peer).is_none_or(|(until, _)| *until <= now)
    }

    /// After a failure: ever longer.
    fn lengthen(&mut self, peer: NodeId, now: Millis, pace: &Pace) {
        let (until, times) = self.0.entry(peer).or_default();
        let pause = (pace.retry_ms << (*times).min(16)).min(pace.ceremony_timeout_ms);
        *until = now.saturating_add(pause);
        *times = times.saturating_add(1);
    }

    /// After a success: the longest one, and failures are forgotten.
    fn rest(&mut self, peer: NodeId, now: Millis, pace: &Pace) {
        self.0.insert(peer, (now.saturating_add(pace.ceremony_timeout_ms), 0));
    }

    /// The ends of all that are not over.
    fn ends(&self, now: Millis) -> impl Iterator<Item = Millis> {
        self.0.values().map(|(until, _)| *until).filter(move |until| *until > now)
    }
}

struct PairRun {
    run: RunId,
    nonce: Digest,
    generation: Option<Digest>,
    deadline: Millis,
    /// Since when what it makes is to be replaced: it rests on what was there before.
    stale_since: Option<Millis>,
    messages: BTreeMap<u8, Vec<u8>>,
    phase: PairPhase,
    /// The job whose result is awaited; a peer may use a run id again.
    job: Option<JobId>,
}

enum PairPhase {
    ExpectAgreement,
    Computing { number: u8 },
    ExpectRound { number: u8, round: Box<dyn Round> },
}

/// The stored form of a set-up.
#[derive(Encode, Decode)]
struct PairRow {
    #[n(0)]
    version: u8,
    #[n(1)]
    generation: Digest,
    #[cbor(n(2), with = "minicbor::bytes")]
    setup: Vec<u8>,
    #[n(3)]
    made_at: u64,
}

/// The version of the stored form.
const ROW_VERSION: u8 = 2;

impl Canonical for PairRow {
    const BYTES_MAX: usize = 4 << 20;
}

impl Pairs {
    /// Reads what was stored. A set-up that cannot be read is simply not there: it is made anew.
    pub fn load(&mut self, peer: NodeId, bytes: &[u8]) {
        if let Ok(row) = quorate_codec::from_bytes::<PairRow>(bytes)
            && row.version == ROW_VERSION
            && let Ok(setup) = PairSetup::from_bytes(&row.setup)
        {
            let (generation, made_at) = (row.generation, row.made_at);
            let setup = Arc::new(setup);
            self.ready.insert(peer, Ready { generation, setup, made_at, stale_since: None });
        }
    }

    /// Remembers a quarantine from before the restart.
    pub fn load_quarantine(&mut self, peer: NodeId, why: String) {
        self.quarantined.insert(peer, why);
    }

    /// The pair with a peer, if it may be used.
    pub fn get(&self, peer: &NodeId) -> Option<(Digest, Arc<PairSetup>)> {
        let ready = self.ready.get(peer).filter(|_| !self.quarantined.contains_key(peer))?;
        Some((ready.generation, Arc::clone(&ready.setup)))
    }

    /// From now on set-ups with these peers are to be replaced, or thrown away where the peer is not
    /// here (PAR-07), and so is what comes of runs that have begun. Each is marked by itself: by the time
    /// alone one of this very moment would be as old as what replaces it in the same.
    pub fn replace_all(&mut self, peers: impl IntoIterator<Item = NodeId>, now: Millis) {
        for peer in peers {
            if let Some(ready) = self.ready.get_mut(&peer) {
                ready.stale_since = Some(now);
            }
            if let Some(run) = self.runs.get_mut(&peer) {
                run.stale_since = Some(now);
            }
        }
    }

    /// From now on set-ups that are older than the pace allows are to be replaced (PAR-08).
    fn replace_aged(&mut self, pace: &Pace, now: Millis) {
        let (age, little) = (pace.pair_age_ms, pace.session_timeout_ms);
        for ready in self.ready.values_mut() {
            if ready.stale_since.is_none() && ready.is_older_than(age, little, now) {
                ready.stale_since = Some(now);
            }
        }
    }

    /// Whether no set-up is left that is to be replaced, nor one on its way.
    pub fn has_replaced_all(&self) -> bool {
        let ready = self.ready.values().map(|ready| ready.stale_since);
        ready.chain(self.runs.values().map(|run| run.stale_since)).all(|since| since.is_none())
    }

    /// Since when the set-up with a peer is to be replaced, if it is.
    fn stale_since(&self, peer: &NodeId) -> Option<Millis> {
        self.ready.get(peer)?.stale_since
    }

    /// A run made a set-up, which is as old as the run.
    fn settle(&mut self, peer: NodeId, setup: PairSetup, made_at: Millis) {
        let Some(PairRun { generation, stale_since, .. }) = self.runs.remove(&peer) else { return };
        let (generation, setup) = (generation.unwrap_or(Digest::ZERO), Arc::new(setup));
        self.ready.insert(peer, Ready { generation, setup, made_at, stale_since });
        self.told.clear();
    }

    /// Peers whose pair with us is quarantined, and why.
    pub fn quarantined(&self) -> &BTreeMap<NodeId, String> {
        &self.quarantined
    }

    /// Whether a job belongs to a set-up.
    pub fn owns(&self, job: &JobId) -> bool {
        self.by_job.contains_key(job)
    }

    /// Finds out whom the keys of the charter need.
    pub fn learn_orders(&mut self, state: &State, keys: &Keys, me: &NodeId) {
        let orders = state.keys().filter(|order| order.scheme.is_ecdsa());
        let trees = orders.filter(|order| !order.retired).flat_map(|order| {
            let current = keys.current(&order.key).map(|current| &current.record.plan.tree);
            let wanted = order.last_sharing().map(|sharing| &sharing.tree);
            [current, wanted].into_iter().flatten()
        });
        let parties = trees.map(|tree| tree.parties());
        let ours = parties.filter(|parties| parties.contains(me)).flatten();
        self.needed = ours.filter(|peer| peer != me).collect();
    }

    /// The earliest time at which a run is overdue or tried again.
    pub fn wake_at(&self, now: Millis) -> Option<Millis> {
        let overdue = self.runs.values().map(|run| run.deadline);
        overdue.chain(self.paused.ends(now)).chain(self.lacking.ends(now)).min()
    }

    /// Whether two nodes hold the two ends of one set-up, as each of them said itself.
    pub fn are_paired(&self, me: &NodeId, one: &NodeId, other: &NodeId) -> bool {
        let said = |node: &NodeId, peer: &NodeId| match node == me {
            true => self.get(peer).map(|(generation, _)| generation),
            false => self.theirs.get(node).and_then(|ready| ready.get(peer)).copied(),
        };
        said(one, other).is_some_and(|generation| said(other, one) == Some(generation))
    }

    /// Throws a set-up away; whether there was one.
    fn remove(&mut self, peer: &NodeId) -> bool {
        self.told.clear();
        self.ready.remove(peer).is_some()
    }

    /// The generations that a session with `peers` would use.
    pub fn generations(&self, peers: impl Iterator<Item = NodeId>) -> Vec<Generation> {
        peers
            .filter_map(|peer| {
                self.get(&peer).map(|(generation, _)| Generation { peer, generation })
            })
            .collect()
    }
}

impl Node {
    /// Asks for every set-up that some ECDSA key needs and that does not exist.
    pub(crate) fn drive_pairs(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now;
        let runs = self.pairs.runs.iter();
        let overdue: Vec<NodeId> =
            runs.filter(|(_, run)| run.deadline <= now).map(|(peer, _)| *peer).collect();
        for peer in overdue {
            self.end_pair_run(peer, turn);
        }
        self.pairs.replace_aged(&self.pace, now);
        self.discard_stale_pairs(turn);
        for peer in self.wanted_pairs(now) {
            if peer < self.me {
                // Only the lower id asks; it may not know that we lost our half, or that ours is
                // too old: it has some time to find out by itself.
                let waits = self
                    .pairs
                    .stale_since(&peer)
                    .is_some_and(|since| now < since.saturating_add(self.pace.ceremony_timeout_ms));
                if !waits && self.pairs.lacking.is_over(&peer, now) {
                    self.send_pair(peer, Digest::ZERO, PairStep::Lack, turn);
                    self.pairs.lacking.lengthen(peer, now, &self.pace);
                }
            } else {
                self.ask_pair(peer, turn);
            }
        }
        self.tell_pairs(turn);
        self.finish_erasures(turn);
    }

    /// Set-ups that are to be replaced and whose other end is not here are thrown away at once:
    /// nobody knows when it comes. So is one that the other end does not help to replace.
    fn discard_stale_pairs(&mut self, turn: &mut Turn<'_>) {
        let stale = self.pairs.ready.keys().filter(|peer| {
            self.pairs.stale_since(peer).is_some_and(|since| {
                !self.presence.is_here(peer)
                    || !self.pairs.needed.contains(peer)
                    || turn.now.saturating_sub(since) >= self.pace.ceremony_timeout_ms
            })
        });
        for peer in stale.copied().collect::<Vec<_>>() {
            self.pairs.remove(&peer);
            turn.out.writes.push(Write::delete(Table::Pair, peer_key(&peer)));
            turn.out.barrier = Barrier::Full;
        }
    }

    /// Tells peers which set-ups are ready, so that leaders choose quorums that have all theirs:
    /// when they change, and once in a while.
    fn tell_pairs(&mut self, turn: &mut Turn<'_>) {
        if self.pairs.tell_at <= turn.now {
            self.pairs.tell_at = turn.now.saturating_add(self.pace.gossip_every_ms);
            self.pairs.told.clear();
        }
        let untold = self.pairs.needed.difference(&self.pairs.told);
        let untold: Vec<NodeId> =
            untold.filter(|peer| self.presence.is_connected(peer)).copied().collect();
        if untold.is_empty() {
            return;
        }
        let ready = self.pairs.ready.keys().copied();
        let message = Message::Pairs(self.pairs.generations(ready));
        for peer in untold {
            self.send(peer, &message, turn);
            self.pairs.told.insert(peer);
        }
    }

    /// A peer says which set-ups it has ready. Where its end of ours is of another generation, ours
    /// is thrown away and both are made anew: nobody would ever use it (PAR-03). A peer that says
    /// so falsely spoils its own pair only, once a pause.
    pub(crate) fn on_pairs(&mut self, from: NodeId, ready: &[Generation], turn: &mut Turn<'_>) {
        let ready: BTreeMap<NodeId, Digest> =
            ready.iter().map(|entry| (entry.peer, entry.generation)).collect();
        let theirs = ready.get(&self.me).copied();
        let differs = self
            .pairs
            .get(&from)
            .is_some_and(|(ours, _)| theirs.is_some_and(|theirs| theirs != ours));
        if differs && self.may_pair_with(&from, turn.now) {
            self.renew_disagreeing_pairs(&[from], turn);
        }
        if self.pairs.theirs.get(&from) != Some(&ready) {
            self.pairs.theirs.insert(from, ready);
            self.look_at_lacking(turn);
        }
    }

    fn ask_pair(&mut self, peer: NodeId, turn: &mut Turn<'_>) {
        let nonce = Digest(turn.random_bytes());
        let run = Digest(turn.random_bytes());
        self.begin_pair(peer, run, nonce, turn);
        self.send_pair(peer, run, PairStep::Ask { nonce }, turn);
    }

    /// Handles a message of a pair set-up.
    pub(crate) fn on_pair(&mut self, from: NodeId, message: PairMessage, turn: &mut Turn<'_>) {
        let run = message.run;
        match message.step {
            PairStep::Ask { nonce: theirs } => {
                // Only the lower id asks, and never past a quarantine or a pause. Who asks again
                // has forgotten the run before, and waits as after any run that ended.
                if from < self.me {
                    self.end_pair_run(from, turn);
                }
                if from >= self.me || !self.may_pair_with(&from, turn.now) {
                    self.send_pair(from, run, PairStep::Abort, turn);
                    return;
                }
                let nonce = Digest(turn.random_bytes());
                self.begin_pair(from, run, nonce, turn);
                self.send_pair(from, run, PairStep::Agree { nonce }, turn);
                self.start_pair_rounds(from, theirs, nonce, turn);
            }
            PairStep::Agree { nonce: theirs } => {
                let is_asker = self.me < from;
                let Some(ours) = self.pair_run(&from, &run) else { return };
                if !matches!(ours.phase, PairPhase::ExpectAgreement) || !is_asker {
                    return;
                }
                let nonce = ours.nonce;
                self.start_pair_rounds(from, nonce, theirs, turn);
            }
            PairStep::Round { number, bytes } => {
                let number_fits = number <= limits::ROUNDS_MAX;
                if let Some(ours) = self.pair_run(&from, &run).filter(|_| number_fits) {
                    ours.messages.entry(number).or_insert(bytes);
                    self.advance_pair(from, turn);
                }
            }
            PairStep::Lack => {
                if self.me < from && self.may_pair_with(&from, turn.now) {
                    if self.pairs.remove(&from) {
                        turn.out.writes.push(Write::delete(Table::Pair, peer_key(&from)));
                    }
                    self.ask_pair(from, turn);
                }
            }
            PairStep::Abort => {
                if self.pair_run(&from, &run).is_some() {
                    self.end_pair_run(from, turn);
                }
            }
        }
    }

    /// A round of a pair set-up was computed.
    pub(crate) fn on_pair_advanced(
        &mut self,
        id: JobId,
        result: Result<Progress, Failure>,
        turn: &mut Turn<'_>,
    ) {
        let Some((peer, run)) = self.pairs.by_job.remove(&id) else { return };
        // A failed check counts even if the peer ended the run meanwhile (PAR-04).
        if let Err(failure) = &result
            && let Some(guilty) = failure.quarantine
        {
            self.quarantine(guilty, &failure.reason, turn);
        }
        let pace_ms = self.pace.ceremony_timeout_ms;
        let awaited = self.pair_run(&peer, &run).filter(|ours| ours.job == Some(id));
        let Some(ours) = awaited else { return };
        let PairPhase::Computing { number } = ours.phase else { return };
        match result {
            Ok(Progress::Next { round, outbound }) => {
                let number = number.saturating_add(1);
                ours.phase = PairPhase::ExpectRound { number, round };
                self.send_pair_round(peer, run, number, outbound, turn);
                self.advance_pair(peer, turn);
            }
            Ok(Progress::Done(quorate_engine::Outcome::Pair(setup))) => {
                // Durable before anything that uses it can leave (PAR-02).
                let generation = ours.generation.unwrap_or(Digest::ZERO);
                // Of the moment in which it began: what it rests on is no younger.
                let made_at = ours.deadline.saturating_sub(pace_ms);
                let setup_bytes = setup.to_bytes().to_vec();
                let row = PairRow { version: ROW_VERSION, generation, setup: setup_bytes, made_at };
                turn.out.writes.push(Write::put(
                    Table::Pair,
                    peer_key(&peer),
                    quorate_codec::to_bytes(&row),
                ));
                turn.out.barrier = Barrier::Full;
                self.pairs.settle(peer, setup, made_at);
                // Another one with this peer is not made soon, whatever it asks for (PAR-05).
                self.pairs.paused.rest(peer, turn.now, &self.pace);
                self.pairs.lacking.0.remove(&peer);
                self.look_at_all(turn);
                self.finish_erasures(turn);
            }
            Ok(Progress::Done(_)) => self.end_pair_run(peer, turn),
            Err(failure) => {
                self.audit(format!("pair set-up ended: {}", failure.reason), &[peer], turn);
                self.send_pair(peer, run, PairStep::Abort, turn);
                self.end_pair_run(peer, turn);
            }
        }
    }

    /// A job was lost: its run ends.
    pub(crate) fn pair_job_lost(&mut self, id: JobId, turn: &mut Turn<'_>) -> bool {
        let Some((peer, run)) = self.pairs.by_job.remove(&id) else { return false };
        if self.pair_run(&peer, &run).is_some() {
            self.send_pair(peer, run, PairStep::Abort, turn);
            self.end_pair_run(peer, turn);
        }
        true
    }

    /// A channel went down: a run over it cannot go on.
    pub(crate) fn pair_lost_peer(&mut self, peer: &NodeId, now: Millis) {
        if self.pairs.runs.remove(peer).is_some() {
            self.pairs.paused.lengthen(*peer, now, &self.pace);
        }
        self.pairs.told.remove(peer);
        self.pairs.theirs.remove(peer);
    }

    /// Stops using a pair for every key, durably, before any reply (N-31). Only an operator ends
    /// a quarantine.
    pub(crate) fn quarantine(&mut self, peer: NodeId, why: &str, turn: &mut Turn<'_>) {
        self.pairs.remove(&peer);
        self.pairs.runs.remove(&peer);
        self.pairs.quarantined.insert(peer, why.to_string());
        turn.out.writes.push(Write::put(
            Table::Quarantine,
            peer_key(&peer),
            why.as_bytes().to_vec(),
        ));
        turn.out.writes.push(Write::delete(Table::Pair, peer_key(&peer)));
        turn.out.barrier = Barrier::Full;
        self.alarm(format!("pair quarantined: {why}"), &[peer], turn);
        self.fail_sessions_with(peer, "the pair is quarantined", turn);
    }

    /// Throws away set-ups whose other end shows another generation; they are made anew.
    pub(crate) fn renew_disagreeing_pairs(&mut self, peers: &[NodeId], turn: &mut Turn<'_>) {
        for peer in peers.iter().filter(|peer| **peer != self.me) {
            // One that was made just now: the other end has not got there yet.
            let just_now = self.pace.session_timeout_ms;
            let is_new = self.pairs.ready.get(peer);
            let is_new =
                is_new.is_some_and(|ready| !ready.is_older_than(just_now, just_now, turn.now));
            if !is_new && self.pairs.remove(peer) {
                turn.out.writes.push(Write::delete(Table::Pair, peer_key(peer)));
            }
        }
        self.drive_pairs(turn);
    }

    /// Voids every set-up: the node is lapsed, its halves may lie behind its peers'.
    pub(crate) fn void_pairs(&mut self, turn: &mut Turn<'_>) {
        for peer in std::mem::take(&mut self.pairs.ready).into_keys() {
            turn.out.writes.push(Write::delete(Table::Pair, peer_key(&peer)));
        }
        self.pairs.runs.clear();
        self.pairs.told.clear();
    }

    /// Throws away what was set up with a peer that has another machine now: nobody has its other half.
    pub(crate) fn forget_pair(&mut self, peer: &NodeId, turn: &mut Turn<'_>) {
        self.pairs.runs.remove(peer);
        self.pairs.theirs.remove(peer);
        self.pairs.paused.0.remove(peer);
        self.pairs.lacking.0.remove(peer);
        // Whatever a job finds out now is about the machine before; so is a quarantine.
        self.pairs.by_job.retain(|_, (of, _)| of != peer);
        self.pairs.quarantined.remove(peer);
        self.pairs.remove(peer);
        turn.out.writes.push(Write::delete(Table::Pair, peer_key(peer)));
        turn.out.writes.push(Write::delete(Table::Quarantine, peer_key(peer)));
        turn.out.barrier = Barrier::Full;
    }

    /// Peers that are here, that some key needs, and with whom we have no set-up.
    fn wanted_pairs(&self, now: Millis) -> Vec<NodeId> {
        let needed = self.pairs.needed.iter().copied();
        needed
            .filter(|peer| {
                !self.pairs.ready.contains_key(peer) || self.pairs.stale_since(peer).is_some()
            })
            .filter(|peer| self.may_pair_with(peer, now))
            .collect()
    }

    /// Whether a set-up with a peer may begin now: one job a peer, one set-up a pause (PAR-05).
    fn may_pair_with(&self, peer: &NodeId, now: Millis) -> bool {
        let has_job = self.pairs.by_job.values().any(|(of, _)| of == peer);
        self.pairs.paused.is_over(peer, now)
            && !has_job
            && self.presence.is_here(peer)
            && self.state.is_signing(peer)
            && self.may_take_part()
            && self.pairs.needed.contains(peer)
            && !self.pairs.quarantined.contains_key(peer)
            && !self.pairs.runs.contains_key(peer)
    }

    fn end_pair_run(&mut self, peer: NodeId, turn: &Turn<'_>) {
        if self.pairs.runs.remove(&peer).is_some() {
            self.pairs.paused.lengthen(peer, turn.now, &self.pace);
        }
    }

    fn begin_pair(&mut self, peer: NodeId, run: RunId, nonce: Digest, turn: &Turn<'_>) {
        let deadline = turn.now + self.pace.ceremony_timeout_ms;
        let phase = PairPhase::ExpectAgreement;
        let (generation, stale_since, job) = (None, None, None);
        let messages = BTreeMap::new();
        self.pairs.runs.insert(
            peer,
            PairRun { run, nonce, generation, deadline, stale_since, messages, phase, job },
        );
    }

    fn start_pair_rounds(&mut self, peer: NodeId, low: Digest, high: Digest, turn: &mut Turn<'_>) {
        let (first, second) = if self.me < peer { (self.me, peer) } else { (peer, self.me) };
        let context = Transcript::new(tag::PAIR_CONTEXT)
            .part(self.state.genesis())
            .part(first)
            .part(second)
            .part(low)
            .part(high)
            .digest();
        let plan = PairPlan { ctx: context, me: self.me, peer };
        let seed = turn.seed();
        let Some(ours) = self.pairs.runs.get_mut(&peer) else { return };
        ours.generation = Some(context);
        ours.phase = PairPhase::Computing { number: 0 };
        let run = ours.run;
        let job = self.start_job(Task::Pair { plan, seed }, turn);
        self.await_pair_job(peer, run, job);
    }

    fn advance_pair(&mut self, peer: NodeId, turn: &mut Turn<'_>) {
        let Some(ours) = self.pairs.runs.get_mut(&peer) else { return };
        let PairPhase::ExpectRound { number, .. } = ours.phase else { return };
        let Some(bytes) = ours.messages.remove(&number) else { return };
        let phase = std::mem::replace(&mut ours.phase, PairPhase::Computing { number });
        let PairPhase::ExpectRound { round, .. } = phase else { return };
        let run = ours.run;
        let inbox = vec![Inbound { from: peer, bytes }];
        let seed = turn.seed();
        let task = Task::Advance { round, inbox, seed, is_brief: false };
        let job = self.start_job(task, turn);
        self.await_pair_job(peer, run, job);
    }

    fn send_pair_round(
        &mut self,
        peer: NodeId,
        run: RunId,
        number: u8,
        outbound: Vec<Outbound>,
        turn: &mut Turn<'_>,
    ) {
        for Outbound { bytes, .. } in outbound {
            self.send_pair(peer, run, PairStep::Round { number, bytes }, turn);
        }
    }

    fn send_pair(&mut self, peer: NodeId, run: RunId, step: PairStep, turn: &mut Turn<'_>) {
        self.send(peer, &Message::Pair(PairMessage { run, step }), turn);
    }

    fn await_pair_job(&mut self, peer: NodeId, run: RunId, job: JobId) {
        self.pairs.by_job.insert(job, (peer, run));
        if let Some(ours) = self.pairs.runs.get_mut(&peer) {
            ours.job = Some(job);
        }
    }

    fn pair_run(&mut self, peer: &NodeId, run: &RunId) -> Option<&mut PairRun> {
        self.pairs.runs.get_mut(peer).filter(|ours| ours.run == *run)
    }
}

fn peer_key(peer: &NodeId) -> Vec<u8> {
    AsRef::<[u8]>::as_ref(peer).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_engine::local;

    const PEER: NodeId = NodeId(Digest([2; 32]));

    struct Bench {
        pairs: Pairs,
        bytes: Vec<u8>,
    }

    impl Bench {
        fn new() -> Self {
            let me = NodeId(Digest([1; 32]));
            let made = local::pair(me, PEER, Digest::ZERO, &mut local::seeds(1));
            Self { pairs: Pairs::default(), bytes: made.unwrap().0.to_bytes().to_vec() }
        }

        fn begin(&mut self) {
            let run = PairRun {
                run: Digest::ZERO,
                nonce: Digest::ZERO,
                generation: None,
                deadline: 0,
                stale_since: None,
                messages: BTreeMap::new(),
                phase: PairPhase::ExpectAgreement,
                job: None,
            };
            self.pairs.runs.insert(PEER, run);
        }

        fn end(&mut self, made_at: Millis) {
            self.pairs.settle(PEER, PairSetup::from_bytes(&self.bytes).unwrap(), made_at);
        }

        fn made(&mut self, made_at: Millis) {
            self.begin();
            self.end(made_at);
            assert_eq!(self.pairs.stale_since(&PEER), None);
        }
    }

    /// PAR-07: within one millisecond what began before the end of an epoch is to be replaced, what
    /// begins after it is not.
    #[test]
    fn par_07_of_one_moment_only_what_began_before_is_replaced() {
        let mut bench = Bench::new();
        bench.made(1_000);
        bench.begin();
        bench.pairs.replace_all([PEER], 1_000);
        assert_eq!(bench.pairs.stale_since(&PEER), Some(1_000));
        bench.end(1_000);
        assert_eq!(bench.pairs.stale_since(&PEER), Some(1_000), "its run was under way");
        assert!(!bench.pairs.has_replaced_all());
        bench.made(1_000);
        assert!(bench.pairs.has_replaced_all());

        // One that does not exist yet, but has begun, is not forgotten.
        bench.pairs.remove(&PEER);
        bench.begin();
        bench.pairs.replace_all([PEER], 1_000);
        assert!(!bench.pairs.has_replaced_all());
    }

    /// PAR-08: also where the clock ran ahead when it was made, but not for a little.
    #[test]
    fn par_08_what_has_aged_is_replaced_once_and_what_is_from_a_time_to_come_has() {
        let pace = Pace { pair_age_ms: 1_000_000, session_timeout_ms: 10_000, ..Pace::default() };
        let now = 5_000_000;
        let mut bench = Bench::new();
        for (made_at, has_aged) in [
            (now - pace.pair_age_ms - 1, true),
            (now - pace.pair_age_ms, false),
            (now, false),
            (now + pace.session_timeout_ms, false),
            (now + pace.session_timeout_ms + 1, true),
            (Millis::MAX, true),
        ] {
            bench.made(made_at);
            bench.pairs.replace_aged(&pace, now);
            assert_eq!(bench.pairs.stale_since(&PEER), has_aged.then_some(now), "{made_at}");
            if has_aged {
                bench.pairs.replace_aged(&pace, now + 1);
                let since = bench.pairs.stale_since(&PEER);
                assert_eq!(since, Some(now), "it waits since then, however often it is looked at");
            }
            bench.made(now);
            bench.pairs.replace_aged(&pace, now);
            assert_eq!(bench.pairs.stale_since(&PEER), None, "what replaces it is new");
        }
    }
}
