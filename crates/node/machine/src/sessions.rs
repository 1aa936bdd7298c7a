//! Signing sessions: terms, contributions, rounds, outcome. See `spec/node.md`, SES.
//!
//! Sessions live in memory only: after a restart they begin again under a fresh session id, so
//! no half-used nonce is ever read back. Nothing that depends on a share leaves before every
//! party has shown that it computed the same [`Terms`].

use crate::job::{JobId, OpenTask, Task};
use crate::durable::{Table, Write};
use crate::event::Millis;
use crate::limits;
use crate::node::{Node, Turn};
use crate::wire::{Generation, Message, Outcome, RunId, SessionMessage, SessionStep, SignatureBytes, Target, Terms};
use quorate_codec::{Digest, Transcript, tag};
use quorate_engine::{Failure, Fault, Inbound, Opening, Outbound, Progress, Round, To};
use quorate_identity::NodeId;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Something this node wants signed because it allows it itself.
pub(crate) struct Undertaking {
    /// Counts attempts; decides who leads.
    pub attempt: u32,
    /// When the next attempt may begin.
    pub retry_at: Millis,
    /// Nodes that broke a session of this target.
    pub suspects: BTreeSet<NodeId>,
    /// We lead and too few nodes have allowed yet: the next decision is a reason to look again.
    pub expects_allows: bool,
    /// Why the last attempt ended, for `request show`.
    pub last_failure: Option<String>,
}

/// All sessions of a node.
#[derive(Default)]
pub(crate) struct Sessions {
    live: BTreeMap<RunId, Session>,
    by_target: BTreeMap<Target, RunId>,
    by_job: BTreeMap<JobId, RunId>,
    early: VecDeque<(NodeId, SessionMessage)>,
    /// Targets that this node allows and wants signed.
    pub undertakings: BTreeMap<Target, Undertaking>,
    /// Proposals that wait for this node's own judgement.
    pub unjudged: BTreeMap<Target, Vec<(NodeId, SessionMessage)>>,
}

struct Session {
    terms: Terms,
    attempt: u32,
    leads: bool,
    deadline: Millis,
    firsts: BTreeMap<NodeId, Vec<u8>>,
    generations: BTreeMap<NodeId, Vec<Generation>>,
    rounds: BTreeMap<(u8, NodeId), Vec<u8>>,
    phase: Phase,
}

enum Phase {
    /// A job makes our first message.
    Opening,
    /// Our first message is out; others are awaited.
    ExpectJoins(Opening),
    /// A job computes.
    Computing { number: u8 },
    /// Messages of a round are awaited.
    ExpectRound { number: u8, round: Box<dyn Round> },
}

impl Sessions {
    /// Whether a session for this target is under way here.
    pub fn is_live(&self, target: &Target) -> bool {
        self.by_target.contains_key(target)
    }

    /// The earliest time at which something here needs a tick.
    pub fn wake_at(&self) -> Option<Millis> {
        let deadlines = self.live.values().map(|session| session.deadline);
        let retries = self
            .undertakings
            .iter()
            .filter(|(target, _)| !self.is_live(target))
            .map(|(_, undertaking)| undertaking.retry_at);
        deadlines.chain(retries).min()
    }

    fn parties(&self, run: &RunId) -> Vec<NodeId> {
        self.live.get(run).map(|session| session.terms.quorum.clone()).unwrap_or_default()
    }
}

impl Node {
    /// Wants a target signed: called when this node's own judgement allows it.
    pub(crate) fn undertake(&mut self, target: Target, turn: &mut Turn<'_>) {
        let now = turn.now;
        self.sessions.undertakings.entry(target).or_insert_with(|| Undertaking {
            attempt: 0,
            retry_at: now,
            suspects: BTreeSet::new(),
            expects_allows: false,
            last_failure: None,
        });
        self.answer_unjudged(target, turn);
        self.drive_sessions(turn);
    }

    /// Gives a target up, for good: it is signed, denied, expired or superseded.
    pub(crate) fn abandon(&mut self, target: &Target, turn: &mut Turn<'_>) {
        self.sessions.undertakings.remove(target);
        self.sessions.unjudged.remove(target);
        if let Some(run) = self.sessions.by_target.get(target).copied() {
            self.end_session(run, turn);
        }
    }

    /// Another node allowed the target, or came up.
    pub(crate) fn another_allows(&mut self, target: &Target, turn: &mut Turn<'_>) {
        if let Some(undertaking) = self.sessions.undertakings.get_mut(target)
            && undertaking.expects_allows
        {
            undertaking.expects_allows = false;
            undertaking.retry_at = turn.now;
            self.drive_sessions(turn);
        }
    }

    /// Starts what is due and ends what is overdue.
    pub(crate) fn drive_sessions(&mut self, turn: &mut Turn<'_>) {
        let overdue: Vec<RunId> = self
            .sessions
            .live
            .iter()
            .filter(|(_, session)| session.deadline <= turn.now)
            .map(|(run, _)| *run)
            .collect();
        for run in overdue {
            self.fail_session(run, "no progress in time", &[], turn);
        }
        let due: Vec<Target> = self
            .sessions
            .undertakings
            .iter()
            .filter(|(target, undertaking)| {
                undertaking.retry_at <= turn.now && !self.sessions.is_live(target)
            })
            .map(|(target, _)| *target)
            .collect();
        for target in due {
            self.lead_if_it_is_our_turn(target, turn);
        }
    }

    /// A channel went down: sessions with that node cannot go on.
    pub(crate) fn sessions_lost_peer(&mut self, peer: NodeId, turn: &mut Turn<'_>) {
        self.fail_sessions_with(peer, "a member's channel went down", turn);
    }

    /// Ends every session in which a node takes part: it is gone, or the pair is quarantined
    /// (N-31, N-44).
    pub(crate) fn fail_sessions_with(&mut self, peer: NodeId, why: &str, turn: &mut Turn<'_>) {
        let runs: Vec<RunId> = self
            .sessions
            .live
            .iter()
            .filter(|(_, session)| session.terms.quorum.contains(&peer))
            .map(|(run, _)| *run)
            .collect();
        for run in runs {
            self.fail_session(run, why, &[], turn);
        }
    }

    /// The head moved: every session under the old one ends and begins again (N-74).
    pub(crate) fn restart_sessions(&mut self, turn: &mut Turn<'_>) {
        let runs: Vec<RunId> = self.sessions.live.keys().copied().collect();
        for run in runs {
            self.fail_session(run, "the charter moved on", &[], turn);
        }
    }

    /// Handles one message of a session.
    pub(crate) fn on_session(&mut self, from: NodeId, message: SessionMessage, turn: &mut Turn<'_>) {
        if let SessionStep::Propose { terms, .. } = &message.step {
            let target = terms.target;
            self.on_proposal(from, target, message, turn);
            return;
        }
        let run = message.run;
        let Some(session) = self.sessions.live.get_mut(&run) else {
            if !matches!(message.step, SessionStep::Abort) {
                self.sessions.early.push_back((from, message));
                if self.sessions.early.len() > limits::EARLY_MESSAGES_MAX {
                    self.sessions.early.pop_front();
                }
            }
            return;
        };
        if !session.terms.quorum.contains(&from) || from == self.me {
            return;
        }
        match message.step {
            SessionStep::Propose { .. } => {}
            SessionStep::Join { terms, first, generations } => {
                if terms != session.terms.digest() {
                    self.fail_session(run, "a member computed other terms", &[], turn);
                    return;
                }
                // The first contribution counts; a second one for the slot is ignored.
                session.firsts.entry(from).or_insert(first);
                session.generations.entry(from).or_insert(generations);
                self.begin_if_complete(run, turn);
            }
            SessionStep::Round { number, bytes } => {
                session.rounds.entry((number, from)).or_insert(bytes);
                self.advance_if_complete(run, turn);
            }
            SessionStep::Abort => self.fail_session(run, "a member ended the session", &[], turn),
        }
    }

    /// A job of a session came back.
    pub(crate) fn on_opened(
        &mut self,
        id: JobId,
        result: Result<(Opening, Vec<u8>), Failure>,
        turn: &mut Turn<'_>,
    ) {
        let Some(run) = self.sessions.by_job.remove(&id) else { return };
        let (opening, first) = match result {
            Ok(opened) => opened,
            Err(failure) => return self.session_failure(run, failure, turn),
        };
        let me = self.me;
        let Some(session) = self.sessions.live.get_mut(&run) else { return };
        session.firsts.insert(me, first.clone());
        session.phase = Phase::ExpectJoins(opening);
        let generations = session.generations.get(&me).cloned().unwrap_or_default();
        let step = if session.leads {
            SessionStep::Propose { terms: session.terms.clone(), attempt: session.attempt, first, generations }
        } else {
            SessionStep::Join { terms: session.terms.digest(), first, generations }
        };
        self.send_to_session(run, step, turn);
        self.begin_if_complete(run, turn);
    }

    /// A round of a session was computed.
    pub(crate) fn on_session_advanced(
        &mut self,
        id: JobId,
        result: Result<Progress, Failure>,
        turn: &mut Turn<'_>,
    ) -> bool {
        let Some(run) = self.sessions.by_job.remove(&id) else { return false };
        match result {
            Err(failure) => self.session_failure(run, failure, turn),
            Ok(Progress::Next { round, outbound }) => {
                let Some(session) = self.sessions.live.get_mut(&run) else { return true };
                let Phase::Computing { number } = session.phase else { return true };
                session.deadline = turn.now + self.pace.session_timeout_ms;
                session.phase = Phase::ExpectRound { number: number + 1, round };
                self.send_round(run, number + 1, outbound, turn);
                self.advance_if_complete(run, turn);
            }
            Ok(Progress::Done(outcome)) => {
                let Some(session) = self.sessions.live.get(&run) else { return true };
                let quorate_engine::Outcome::Signatures(signatures) = outcome else { return true };
                let outcome = Outcome {
                    target: session.terms.target,
                    head: session.terms.head,
                    quorum: session.terms.quorum.clone(),
                    signatures: signatures
                        .iter()
                        .map(|signature| SignatureBytes {
                            bytes: signature.bytes().to_vec(),
                            recovery_id: signature.recovery_id(),
                        })
                        .collect(),
                };
                self.end_session(run, turn);
                self.broadcast(&Message::Outcome(outcome.clone()), turn);
                self.on_outcome(outcome, turn);
            }
        }
        true
    }

    /// A job was lost: its session ends.
    pub(crate) fn session_job_lost(&mut self, id: JobId, turn: &mut Turn<'_>) -> bool {
        let Some(run) = self.sessions.by_job.remove(&id) else { return false };
        self.fail_session(run, "this machine lost a computation", &[], turn);
        true
    }

    /// Answers proposals that waited for this node's judgement.
    pub(crate) fn answer_unjudged(&mut self, target: Target, turn: &mut Turn<'_>) {
        for (from, message) in self.sessions.unjudged.remove(&target).unwrap_or_default() {
            self.on_proposal(from, target, message, turn);
        }
    }

    fn lead_if_it_is_our_turn(&mut self, target: Target, turn: &mut Turn<'_>) {
        let Some(undertaking) = self.sessions.undertakings.get(&target) else { return };
        let (attempt, suspects) = (undertaking.attempt, undertaking.suspects.clone());
        if attempt >= limits::ATTEMPTS_MAX {
            self.give_up(target, turn);
            return;
        }
        if self.sessions.live.len() >= limits::SESSIONS_LIVE_MAX || !self.may_sign(turn.now) {
            self.postpone(target, self.pace.retry_ms, turn);
            return;
        }
        // Everybody orders the same live nodes, so that one of them leads and the others wait.
        let order = leaders(&target, &self.live_signers(&target));
        let leader = usize::try_from(attempt).ok().and_then(|k| order.get(k % order.len().max(1)));
        if leader != Some(&self.me) {
            self.next_attempt(target, self.pace.session_timeout_ms / 4, turn);
            return;
        }
        let allowing = self.allowing(&target);
        let trusted: BTreeSet<NodeId> = allowing.difference(&suspects).copied().collect();
        let Some(quorum) = self
            .choose_quorum(&target, &trusted, &order)
            .or_else(|| self.choose_quorum(&target, &allowing, &order))
        else {
            self.postpone(target, self.pace.retry_max_ms, turn);
            self.expect_allows(target);
            return;
        };
        let Some(terms) = self.terms(target, &quorum) else {
            self.postpone(target, self.pace.retry_ms, turn);
            return;
        };
        let run = Digest(turn.random_bytes());
        self.open_session(run, terms, attempt, true, turn);
    }

    fn on_proposal(
        &mut self,
        from: NodeId,
        target: Target,
        message: SessionMessage,
        turn: &mut Turn<'_>,
    ) {
        let run = message.run;
        if self.judgement_pending(&target) {
            let waiting = self.sessions.unjudged.entry(target).or_default();
            if waiting.len() < 8 {
                waiting.push((from, message));
            }
            return;
        }
        let SessionStep::Propose { terms, attempt, first, generations } = message.step else { return };
        match self.accept(from, &terms, turn.now) {
            Ok(ours) => {
                if let Some(undertaking) = self.sessions.undertakings.get_mut(&target) {
                    undertaking.attempt = undertaking.attempt.max(attempt);
                }
                if self.open_session(run, ours, attempt, false, turn)
                    && let Some(session) = self.sessions.live.get_mut(&run)
                {
                    session.firsts.insert(from, first);
                    session.generations.insert(from, generations);
                }
                self.replay_early(run, turn);
            }
            Err(reason) => {
                self.record_refusal(from, &terms, &reason, turn);
                self.send(from, &Message::Session(SessionMessage { run, step: SessionStep::Abort }), turn);
            }
        }
    }

    /// Computes the terms itself and compares. The reason stays here; the wire says `Abort`.
    fn accept(&self, from: NodeId, theirs: &Terms, now: Millis) -> Result<Terms, String> {
        if !theirs.quorum.contains(&from) || !theirs.quorum.contains(&self.me) {
            return Err("the proposal's quorum does not hold proposer and receiver".into());
        }
        if self.sessions.is_live(&theirs.target) {
            return Err("a session for this is under way".into());
        }
        if self.sessions.live.len() >= limits::SESSIONS_LIVE_MAX {
            return Err("busy".into());
        }
        if !self.may_sign(now) {
            return Err("this node holds no lease".into());
        }
        let quorum: BTreeSet<NodeId> = theirs.quorum.iter().copied().collect();
        let ours = self
            .terms(theirs.target, &quorum)
            .ok_or_else(|| "this node has not allowed this".to_string())?;
        match ours.difference(theirs) {
            None => Ok(ours),
            Some(field) => Err(format!("the proposal differs from what this node verified: {field}")),
        }
    }

    /// Opens a session for terms that this node computed. Consumes the authorisation.
    fn open_session(
        &mut self,
        run: RunId,
        terms: Terms,
        attempt: u32,
        leads: bool,
        turn: &mut Turn<'_>,
    ) -> bool {
        let target = terms.target;
        let Some(material) = self.signing_material(&terms) else {
            self.postpone(target, self.pace.retry_ms, turn);
            return false;
        };
        let Some(authorized) = self.take_authorisation(&target, turn) else {
            self.postpone(target, self.pace.retry_ms, turn);
            return false;
        };
        let generations = material.generations;
        let task = OpenTask {
            authorized,
            terms: terms.digest(),
            tweak: material.tweak,
            public: material.public,
            share: material.share,
            quorum: terms.quorum.iter().copied().collect(),
            me: self.me,
            pairs: material.pairs,
            seed: turn.seed(),
        };
        let job = self.start_job(Task::Open(Box::new(task)), turn);
        self.sessions.by_job.insert(job, run);
        self.sessions.by_target.insert(target, run);
        self.sessions.live.insert(
            run,
            Session {
                terms,
                attempt,
                leads,
                deadline: turn.now + self.pace.session_timeout_ms,
                firsts: BTreeMap::new(),
                generations: BTreeMap::from([(self.me, generations)]),
                rounds: BTreeMap::new(),
                phase: Phase::Opening,
            },
        );
        true
    }

    fn replay_early(&mut self, run: RunId, turn: &mut Turn<'_>) {
        let (ours, rest): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.sessions.early).into_iter().partition(|(_, message)| message.run == run);
        self.sessions.early = rest;
        for (from, message) in ours {
            self.on_session(from, message, turn);
        }
    }

    /// All contributions are here and all terms agree: binds the session id, checks once more
    /// that head and lease hold (N-74), records the attempt, and lets the engine begin.
    fn begin_if_complete(&mut self, run: RunId, turn: &mut Turn<'_>) {
        let Some(session) = self.sessions.live.get_mut(&run) else { return };
        let complete = session.terms.quorum.iter().all(|node| session.firsts.contains_key(node));
        if !complete || !matches!(session.phase, Phase::ExpectJoins(_)) {
            return;
        }
        if !generations_agree(self.me, &session.generations) {
            let peers: Vec<NodeId> = session.terms.quorum.clone();
            self.fail_session(run, "pair set-ups of different generations", &[], turn);
            self.renew_disagreeing_pairs(&peers, turn);
            return;
        }
        if session.terms.head != self.state.head() || !self.may_sign(turn.now) {
            self.fail_session(run, "head or lease changed before the last message", &[], turn);
            return;
        }
        let Some(session) = self.sessions.live.get_mut(&run) else { return };
        let phase = std::mem::replace(&mut session.phase, Phase::Computing { number: 0 });
        let Phase::ExpectJoins(opening) = phase else { return };
        let context = session_context(&session.terms, &session.firsts);
        session.deadline = turn.now + self.pace.session_timeout_ms;
        let me = self.me;
        let firsts = session
            .firsts
            .iter()
            .filter(|(node, _)| **node != me)
            .map(|(node, first)| Inbound { from: *node, bytes: first.clone() })
            .collect();
        let attempt = Write::put(Table::Attempt, context.as_bytes().to_vec(), quorate_codec::to_bytes(&session.terms));
        turn.out.writes.push(attempt);
        turn.out.barrier = true;
        let seed = turn.seed();
        let job = self.start_job(Task::Begin { opening, context, firsts, seed }, turn);
        self.sessions.by_job.insert(job, run);
    }

    fn advance_if_complete(&mut self, run: RunId, turn: &mut Turn<'_>) {
        let Some(session) = self.sessions.live.get_mut(&run) else { return };
        let Phase::ExpectRound { number, round } = &session.phase else { return };
        let number = *number;
        let awaited = round.awaits();
        if !awaited.iter().all(|node| session.rounds.contains_key(&(number, *node))) {
            return;
        }
        let phase = std::mem::replace(&mut session.phase, Phase::Computing { number });
        let Phase::ExpectRound { round, .. } = phase else { return };
        let inbox = awaited
            .into_iter()
            .filter_map(|from| session.rounds.remove(&(number, from)).map(|bytes| Inbound { from, bytes }))
            .collect();
        let seed = turn.seed();
        let job = self.start_job(Task::Advance { round, inbox, seed }, turn);
        self.sessions.by_job.insert(job, run);
    }

    fn send_round(&mut self, run: RunId, number: u8, outbound: Vec<Outbound>, turn: &mut Turn<'_>) {
        for Outbound { to, bytes } in outbound {
            let step = SessionStep::Round { number, bytes };
            match to {
                To::All => self.send_to_session(run, step, turn),
                To::One(peer) => {
                    self.send(peer, &Message::Session(SessionMessage { run, step }), turn);
                }
            }
        }
    }

    fn send_to_session(&mut self, run: RunId, step: SessionStep, turn: &mut Turn<'_>) {
        let message = Message::Session(SessionMessage { run, step });
        for peer in self.sessions.parties(&run) {
            if peer != self.me {
                self.send(peer, &message, turn);
            }
        }
    }

    fn session_failure(&mut self, run: RunId, failure: Failure, turn: &mut Turn<'_>) {
        if let Some(peer) = failure.quarantine {
            self.quarantine(peer, &failure.reason, turn);
        }
        let culprits = match &failure.fault {
            Fault::Peer { culprits } => culprits.clone(),
            Fault::Caller | Fault::Machine => Vec::new(),
        };
        self.fail_session(run, &failure.reason, &culprits, turn);
    }

    /// Ends a session without a signature; the next attempt comes after a pause.
    fn fail_session(&mut self, run: RunId, why: &str, culprits: &[NodeId], turn: &mut Turn<'_>) {
        let Some(session) = self.sessions.live.get(&run) else { return };
        let target = session.terms.target;
        self.send_to_session(run, SessionStep::Abort, turn);
        self.end_session(run, turn);
        self.audit(format!("session for {target:?} ended: {why}"), culprits, turn);
        if let Some(undertaking) = self.sessions.undertakings.get_mut(&target) {
            undertaking.suspects.extend(culprits);
            undertaking.last_failure = Some(why.to_string());
        }
        let shift = self.sessions.undertakings.get(&target).map_or(0, |u| u.attempt.min(5));
        let pause = (self.pace.retry_ms << shift).min(self.pace.retry_max_ms);
        let jitter = u64::from(u16::from_be_bytes(turn.random_bytes())) % (pause / 2 + 1);
        self.next_attempt(target, pause / 2 + jitter, turn);
    }

    fn end_session(&mut self, run: RunId, _turn: &mut Turn<'_>) {
        if let Some(session) = self.sessions.live.remove(&run) {
            self.sessions.by_target.remove(&session.terms.target);
        }
    }

    fn next_attempt(&mut self, target: Target, pause: Millis, turn: &mut Turn<'_>) {
        if let Some(undertaking) = self.sessions.undertakings.get_mut(&target) {
            undertaking.attempt = undertaking.attempt.saturating_add(1);
            undertaking.retry_at = turn.now + pause;
        }
    }

    fn expect_allows(&mut self, target: Target) {
        if let Some(undertaking) = self.sessions.undertakings.get_mut(&target) {
            undertaking.expects_allows = true;
        }
    }

    fn postpone(&mut self, target: Target, pause: Millis, turn: &mut Turn<'_>) {
        if let Some(undertaking) = self.sessions.undertakings.get_mut(&target) {
            undertaking.retry_at = turn.now + pause;
        }
    }

    /// A minimal quorum out of `nodes` that keeps the earliest of `order`, ourselves first.
    fn choose_quorum(
        &self,
        target: &Target,
        nodes: &BTreeSet<NodeId>,
        order: &[NodeId],
    ) -> Option<BTreeSet<NodeId>> {
        let tree = self.tree_of(target)?;
        let mut quorum = nodes.clone();
        let last_first = order.iter().rev().filter(|node| **node != self.me);
        for node in last_first.chain([&self.me]) {
            if quorum.remove(node) && !tree.satisfied(&quorum) {
                quorum.insert(*node);
            }
        }
        let chosen: BTreeSet<NodeId> = tree.select(&quorum)?.parties().into_iter().collect();
        chosen.contains(&self.me).then_some(chosen)
    }
}

/// The order in which nodes lead the attempts at a target.
fn leaders(target: &Target, nodes: &BTreeSet<NodeId>) -> Vec<NodeId> {
    let target = quorate_codec::to_bytes(target);
    let mut order: Vec<(Digest, NodeId)> = nodes
        .iter()
        .map(|node| (Transcript::new(tag::LEADER).part(&target).part(node).digest(), *node))
        .collect();
    order.sort();
    order.into_iter().map(|(_, node)| node).collect()
}

/// The full context: the terms and everybody's contribution. Source: `spec/node.md`, SES-05.
fn session_context(terms: &Terms, firsts: &BTreeMap<NodeId, Vec<u8>>) -> Digest {
    Transcript::new(tag::SESSION_ID).part(terms.digest()).list(firsts.values()).digest()
}

/// Whether each peer would use the same set-up with us as we with it.
fn generations_agree(me: NodeId, all: &BTreeMap<NodeId, Vec<Generation>>) -> bool {
    let of = |node: &NodeId, peer: &NodeId| {
        all.get(node)?.iter().find(|entry| entry.peer == *peer).map(|entry| entry.generation)
    };
    all.keys().filter(|peer| **peer != me).all(|peer| of(&me, peer) == of(peer, &me))
}
