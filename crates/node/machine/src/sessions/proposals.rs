//! How a session comes about: terms are proposed, compared with what each member verified
//! itself, and joined.

use crate::durable::{Table, Write};
use crate::event::{Barrier, Millis};
use crate::job::{JobId, OpenTask, Task};
use crate::limits;
use crate::node::{Node, Turn};
use crate::sessions::leading::leader_of;
use crate::sessions::{Blame, Phase, Session};
use crate::target::Material;
use crate::wire::{Generation, Message, RunId, SessionMessage, SessionStep, Target, Terms};
use quorate_codec::{Digest, Transcript, tag};
use quorate_engine::{Failure, Inbound, Opening};
use quorate_identity::NodeId;
use std::collections::{BTreeMap, BTreeSet};

/// Why a proposal is not joined. The reason stays here; the wire says `Abort`.
enum Refused {
    /// Nothing wrong with it; not now.
    NotNow(&'static str),
    /// It is not what this node verified, which one of the two may not know yet.
    Stale(String),
    /// It is not what this node verified: evidence.
    Wrong(String),
    /// Its target has ended here: the proposer has not heard yet.
    Over,
}

impl Node {
    /// Handles one message of a session.
    pub(crate) fn on_session(
        &mut self,
        from: NodeId,
        message: SessionMessage,
        turn: &mut Turn<'_>,
    ) {
        if let SessionStep::Propose { terms, .. } = &message.step {
            self.on_proposal(from, terms.target, message, turn);
            return;
        }
        let run = message.run;
        let Some(session) = self.sessions.live.get_mut(&run) else {
            match message.step {
                SessionStep::Abort => self.sessions.withdraw(&from, &run),
                _ => self.sessions.early.push(from, message),
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
                    let blame = session.blame_for_missing(self.me, from);
                    self.fail_session(run, "a member computed other terms", blame, turn);
                    return;
                }
                // The first contribution counts; a second one for the slot is ignored.
                session.firsts.entry(from).or_insert(first);
                session.generations.entry(from).or_insert(generations);
                self.begin_if_complete(run, turn);
            }
            SessionStep::Round { number, bytes } => {
                if number <= limits::ROUNDS_MAX {
                    session.rounds.entry((number, from)).or_insert(bytes);
                    self.advance_if_complete(run, turn);
                }
            }
            SessionStep::Made => {
                session.made.insert(from);
                self.keep_if_made_by_all(run, turn);
            }
            SessionStep::Abort => {
                // Who refuses to join does so itself. Who ends what it joined may do so because
                // of another: its word blames nobody.
                let blame = match session.firsts.contains_key(&from) {
                    true => Blame::Unknown,
                    false => session.blame_for_missing(self.me, from),
                };
                self.fail_session(run, "a member ended the session", blame, turn);
            }
        }
    }

    /// Answers proposals that waited, those of earlier turns first.
    pub(crate) fn answer_unjudged(&mut self, target: Target, turn: &mut Turn<'_>) {
        let waiting = self.sessions.waiting.remove(&target).unwrap_or_default();
        let mut waiting: Vec<(NodeId, SessionMessage)> = waiting.into_iter().collect();
        waiting.sort_by_key(|(from, message)| match &message.step {
            SessionStep::Propose { attempt, .. } => (*attempt, *from),
            _ => (u32::MAX, *from),
        });
        for (from, message) in waiting {
            self.on_proposal(from, target, message, turn);
        }
    }

    fn on_proposal(
        &mut self,
        from: NodeId,
        target: Target,
        message: SessionMessage,
        turn: &mut Turn<'_>,
    ) {
        let run = message.run;
        if self.sessions.has_joined(&run) {
            return;
        }
        self.renew_authorisation(&target, turn);
        let SessionStep::Propose { terms, attempt, .. } = &message.step else { return };
        let is_member = self.tree_of(&target).is_some_and(|tree| tree.parties().contains(&from));
        if is_member && self.judgement_pending(&target) && !self.is_over(&target) {
            self.sessions.waiting.entry(target).or_default().insert(from, message);
            return;
        }
        self.purge_presignatures(turn.now);
        let refused = match self.accept(from, terms, *attempt, turn.now) {
            Ok(_) if self.sessions.is_live(&target) => {
                let makes_way = self.comes_before(from, *attempt, &target);
                self.sessions.waiting.entry(target).or_default().insert(from, message);
                if makes_way {
                    self.make_way(target, from, turn);
                }
                return;
            }
            Ok(ours) => {
                if target.leader().is_some() {
                    self.sessions.stock.note_joined(from, turn.now);
                }
                if let Some(undertaking) = self.sessions.undertakings.get_mut(&target) {
                    undertaking.catch_up(*attempt);
                }
                if self.open_session(run, ours, *attempt, from, turn) {
                    if let Some(session) = self.sessions.live.get_mut(&run)
                        && let SessionStep::Propose { first, generations, .. } = message.step
                    {
                        session.firsts.insert(from, first);
                        session.generations.insert(from, generations);
                    }
                    self.replay_early(run, turn);
                    return;
                }
                Refused::NotNow("the material is not ready")
            }
            Err(refused) => refused,
        };
        match refused {
            Refused::NotNow(reason) => {
                self.audit(format!("joined no session for {target}: {reason}"), &[], turn);
            }
            Refused::Stale(reason) => {
                self.audit(format!("refused a proposal for {target}: {reason}"), &[], turn);
                self.record_refusal(from, terms, &reason, turn);
            }
            Refused::Wrong(reason) => {
                self.audit(format!("refused a proposal for {target}: {reason}"), &[from], turn);
                self.record_refusal(from, terms, &reason, turn);
            }
            Refused::Over => match target {
                Target::Request(id) => self.share_end(from, &id, turn),
                Target::Birth(key, _) => self.share_attempt_outcome(from, &key, turn),
                Target::Ahead(..) => {}
            },
        }
        let abort = SessionMessage { run, step: SessionStep::Abort };
        self.send(from, &Message::Session(abort), turn);
    }

    /// Whether a proposal takes the place of the session that is live for its target: it comes
    /// from the leader of an earlier turn, who has broken none, and nothing has begun. So of two
    /// that propose at once everybody follows the same one; the other waits (SES-07). Once for
    /// each leader: a chain of such sessions ends, and the last one counts for who led it.
    fn comes_before(&self, from: NodeId, attempt: u32, target: &Target) -> bool {
        let run = self.sessions.by_target.get(target);
        let Some(live) = run.and_then(|run| self.sessions.live.get(run)) else { return false };
        let undertaking = self.sessions.undertakings.get(target);
        let is_first = from != live.leader
            && undertaking.is_some_and(|undertaking| undertaking.would_give_way_to(&from));
        let is_leader = leader_of(&self.order_of_leaders(target), attempt) == Some(&from);
        let has_begun = !matches!(live.phase, Phase::Opening | Phase::ExpectJoins(_));
        is_first && is_leader && !has_begun && (attempt, from) < (live.turn, live.leader)
    }

    /// Whether a proposal can neither take the place of the live session nor wait for its end: one
    /// of an earlier turn that waited could wait for who waits for it.
    fn must_refuse(&self, from: NodeId, attempt: u32, target: &Target) -> bool {
        let run = self.sessions.by_target.get(target);
        let Some(live) = run.and_then(|run| self.sessions.live.get(run)) else { return false };
        let has_begun = !matches!(live.phase, Phase::Opening | Phase::ExpectJoins(_));
        let is_earlier = (attempt, from) < (live.turn, live.leader);
        !has_begun && is_earlier && !self.comes_before(from, attempt, target)
    }

    /// Leaves a session in which nothing has begun for one that comes before it. Its nonces are
    /// gone with it.
    fn make_way(&mut self, target: Target, leader: NodeId, turn: &mut Turn<'_>) {
        if let Some(undertaking) = self.sessions.undertakings.get_mut(&target) {
            undertaking.give_way_to(leader);
        }
        self.audit(format!("left a session for {target} for one that comes first"), &[], turn);
        if let Some(run) = self.sessions.by_target.get(&target).copied() {
            self.send_to_session(run, SessionStep::Abort, turn);
            self.end_session(run);
        }
        self.renew_authorisation(&target, turn);
        self.answer_unjudged(target, turn);
    }

    /// Computes the terms itself and compares (SES-03).
    fn accept(
        &self,
        from: NodeId,
        theirs: &Terms,
        attempt: u32,
        now: u64,
    ) -> Result<Terms, Refused> {
        if !theirs.quorum.contains(&from) || !theirs.quorum.contains(&self.me) {
            return Err(Refused::Wrong("its quorum does not hold proposer and receiver".into()));
        }
        if !self.knows(&theirs.target) {
            return Err(Refused::NotNow("this node does not know what is to be signed"));
        }
        if self.is_over(&theirs.target) {
            return Err(Refused::Over);
        }
        if !self.wants(&theirs.target) {
            return Err(Refused::Stale("this node has not allowed it".into()));
        }
        if theirs.target.leader().is_some_and(|leader| leader != from) {
            return Err(Refused::Wrong("it makes presignatures for another leader".into()));
        }
        let quorum: BTreeSet<NodeId> = theirs.quorum.iter().copied().collect();
        let quorum_fits = self
            .tree_of(&theirs.target)
            .and_then(|tree| tree.select(&quorum))
            .is_some_and(|selection| selection.parties() == quorum);
        if !quorum_fits {
            return Err(Refused::Wrong("its quorum is none of the key's access tree".into()));
        }
        // A lie is recorded whether or not this node could sign now.
        let known = self.presence.incarnations(self.incarnation.id, quorum.iter(), &self.me);
        let incarnations = known.clone().unwrap_or_else(|| theirs.incarnations.clone());
        let ours = theirs.presignatures.clone();
        let ours = self.terms(theirs.target, &quorum, incarnations, ours);
        let ours = ours.ok_or(Refused::NotNow("this node is not ready for it"))?;
        if let Some(field) = ours.difference(theirs) {
            let reason = format!("it differs from what this node verified itself: {field}");
            // Heads move, keys have new epochs and nodes restart while proposals are on their way.
            let moves = matches!(field, "charter head" | "epoch of the key" | "incarnations");
            return Err(if moves { Refused::Stale(reason) } else { Refused::Wrong(reason) });
        }
        if !quorum.iter().all(|node| self.state.is_signing(node)) {
            return Err(Refused::Wrong("a member of its quorum may not sign".into()));
        }
        if known.is_none() {
            return Err(Refused::NotNow("a member of the quorum is not here"));
        }
        if !self.accepts_presignatures(from, theirs) {
            return Err(Refused::NotNow("this node has not all of these presignatures"));
        }
        if theirs.target.leader().is_some() && !self.has_room_ahead(&from, now) {
            return Err(Refused::NotNow("presignatures are under way, or were a moment ago"));
        }
        let members = self.order_of_leaders(&theirs.target).len();
        let undertaking = self.sessions.undertakings.get(&theirs.target);
        if undertaking.is_some_and(|it| it.has_led_enough(&from, members)) {
            return Err(Refused::NotNow("too many sessions that it led have failed"));
        }
        if self.must_refuse(from, attempt, &theirs.target) {
            return Err(Refused::NotNow("another session for this is under way"));
        }
        if self.sessions.live.len() >= limits::SESSIONS_LIVE_MAX {
            return Err(Refused::NotNow("busy"));
        }
        if !self.may_sign(now) {
            return Err(Refused::NotNow("this node holds no lease"));
        }
        Ok(ours)
    }

    /// Opens a session for terms that this node computed. Consumes the authorisation.
    pub(super) fn open_session(
        &mut self,
        run: RunId,
        terms: Terms,
        at_turn: u32,
        leader: NodeId,
        turn: &mut Turn<'_>,
    ) -> bool {
        let target = terms.target;
        let material = self.signing_material(&terms);
        let Some(material) = material else {
            self.postpone(target, self.pace.retry_ms, turn);
            return false;
        };
        let generations = material.generations.clone();
        let (task, expiry_ms) = match target {
            Target::Ahead(..) => (self.ahead_task(&terms, material, turn), Millis::MAX),
            Target::Request(_) | Target::Birth(..) => {
                let opened = self.open_task(&terms, material, leader, turn);
                let Some(opened) = opened else {
                    self.postpone(target, self.pace.retry_ms, turn);
                    return false;
                };
                opened
            }
        };
        let is_brief = task.is_brief();
        let job = self.start_job(task, turn);
        self.sessions.by_job.insert(job, run);
        self.sessions.by_target.insert(target, run);
        self.sessions.due.remove(&target);
        self.sessions.deadlines.set(run, turn.now + self.pace.session_timeout_ms);
        let session = Session {
            terms,
            turn: at_turn,
            leader,
            expiry_ms,
            firsts: BTreeMap::new(),
            generations: BTreeMap::from([(self.me, generations)]),
            rounds: BTreeMap::new(),
            made: BTreeSet::new(),
            is_brief,
            phase: Phase::Opening,
            job: Some(job),
        };
        self.sessions.live.insert(run, session);
        self.sessions.note_joined(run);
        true
    }

    /// The task that opens a session which signs, and until when it may. Consumes the authorisation,
    /// and the presignatures that the terms name.
    fn open_task(
        &mut self,
        terms: &Terms,
        material: Material,
        leader: NodeId,
        turn: &mut Turn<'_>,
    ) -> Option<(Task, Millis)> {
        let authorized = self.take_authorisation(&terms.target, turn)?;
        let presignatures = self.take_presignatures(leader, terms)?;
        let expiry_ms = authorized.expiry_ms();
        let task = OpenTask {
            authorized,
            terms: terms.digest(),
            chain_code: material.chain_code,
            tweak: material.tweak,
            public: material.public,
            share: material.share,
            quorum: terms.quorum.iter().copied().collect(),
            me: self.me,
            pairs: material.pairs,
            presignatures,
            seed: turn.seed(),
        };
        Some((Task::Open(Box::new(task)), expiry_ms))
    }

    /// Our first message is ready, and depends on no share: propose, or join (SES-04).
    pub(crate) fn on_opened(
        &mut self,
        id: JobId,
        result: Result<(Opening, Vec<u8>), Failure>,
        turn: &mut Turn<'_>,
    ) {
        let Some(run) = self.sessions.take_job(&id) else {
            return self.late_result(result.err(), turn);
        };
        let (opening, first) = match result {
            Ok(opened) => opened,
            Err(failure) => return self.session_failure(run, failure, turn),
        };
        let me = self.me;
        let Some(session) = self.sessions.live.get_mut(&run) else { return };
        if !matches!(session.phase, Phase::Opening) {
            return;
        }
        session.firsts.insert(me, first.clone());
        session.phase = Phase::ExpectJoins(opening);
        let generations = session.generations.get(&me).cloned().unwrap_or_default();
        let step = if session.leader == me {
            let (terms, attempt) = (session.terms.clone(), session.turn);
            SessionStep::Propose { terms, attempt, first, generations }
        } else {
            SessionStep::Join { terms: session.terms.digest(), first, generations }
        };
        self.send_to_session(run, step, turn);
        self.begin_if_complete(run, turn);
    }

    fn replay_early(&mut self, run: RunId, turn: &mut Turn<'_>) {
        for (from, message) in self.sessions.early.take(&run) {
            self.on_session(from, message, turn);
        }
    }

    /// All contributions are here and all terms agree: binds the session id, checks once more
    /// that head, lease and authorisation hold (N-74), records the attempt, and lets the engine begin (SES-06).
    fn begin_if_complete(&mut self, run: RunId, turn: &mut Turn<'_>) {
        let Some(session) = self.sessions.live.get_mut(&run) else { return };
        let complete = session.terms.quorum.iter().all(|node| session.firsts.contains_key(node));
        if !complete || !matches!(session.phase, Phase::ExpectJoins(_)) {
            return;
        }
        let disagreeing = disagreeing(self.me, &session.generations);
        if !disagreeing.is_empty() {
            let blame = Blame::Of(disagreeing.clone());
            self.fail_session(run, "pair set-ups of different generations", blame, turn);
            self.renew_disagreeing_pairs(&disagreeing, turn);
            return;
        }
        let has_expired = session.expiry_ms <= turn.now;
        if session.terms.head != self.state.head() || has_expired || !self.may_sign(turn.now) {
            let why = "head, lease or authorisation ended before the engine began";
            self.fail_session(run, why, Blame::Nobody, turn);
            return;
        }
        let Some(session) = self.sessions.live.get_mut(&run) else { return };
        let phase = std::mem::replace(&mut session.phase, Phase::Computing { number: 0 });
        let Phase::ExpectJoins(opening) = phase else { return };
        let is_brief = session.is_brief;
        let context = session_context(&session.terms, &session.firsts);
        let me = self.me;
        let others = session.firsts.iter().filter(|(node, _)| **node != me);
        let firsts =
            others.map(|(node, first)| Inbound { from: *node, bytes: first.clone() }).collect();
        let terms = quorate_codec::to_bytes(&session.terms);
        let is_ahead = session.terms.target.leader().is_some();
        // What makes presignatures signs nothing: no attempt at a signature to remember.
        if !is_ahead {
            self.record_attempt(context, terms, turn);
        }
        self.sessions.deadlines.set(run, turn.now + self.pace.session_timeout_ms);
        let seed = turn.seed();
        let task = Task::Begin { opening, context, firsts, seed, is_brief };
        let job = self.start_job(task, turn);
        self.sessions.await_job(run, job);
    }

    /// Makes the attempt durable before anything leaves that depends on a share.
    fn record_attempt(&mut self, context: Digest, terms: Vec<u8>, turn: &mut Turn<'_>) {
        let writes = &mut turn.out.writes;
        writes.push(Write::put(Table::Attempt, context.as_bytes().to_vec(), terms));
        self.attempts.push_back(context);
        while self.attempts.len() > limits::ATTEMPTS_KEPT_MAX {
            if let Some(oldest) = self.attempts.pop_front() {
                writes.push(Write::delete(Table::Attempt, oldest.as_bytes().to_vec()));
            }
        }
        turn.out.barrier.raise(Barrier::Light);
    }
}

/// The full context: the terms and everybody's contribution, in the order of the quorum
/// (SES-05).
fn session_context(terms: &Terms, firsts: &BTreeMap<NodeId, Vec<u8>>) -> Digest {
    Transcript::new(tag::SESSION_ID).part(terms.digest()).list(firsts.values()).digest()
}

/// Peers that would use another set-up with us than we with them (PAR-03).
fn disagreeing(me: NodeId, all: &BTreeMap<NodeId, Vec<Generation>>) -> Vec<NodeId> {
    let of = |node: &NodeId, peer: &NodeId| {
        all.get(node)?.iter().find(|entry| entry.peer == *peer).map(|entry| entry.generation)
    };
    let peers = all.keys().copied().filter(|peer| *peer != me);
    peers.filter(|peer| of(&me, peer) != of(peer, &me)).collect()
}
