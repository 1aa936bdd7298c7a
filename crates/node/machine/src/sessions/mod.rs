//! Signing sessions: terms, contributions, rounds, outcome. See `spec/node.md`, SES.
//!
//! Sessions live in memory only: after a restart they begin again under a fresh session id, so
//! no half-used nonce is ever read back. Nothing that depends on a share leaves before every
//! party has shown that it computed the same [`Terms`].

mod ahead;
mod early;
mod figures;
mod leading;
mod proposals;
mod rounds;
mod stock;

use crate::event::Millis;
use crate::job::JobId;
use crate::limits;
use crate::node::{Node, Turn};
use crate::schedule::Schedule;
use crate::wire::{Generation, Message, RunId, SessionMessage, SessionStep, Target, Terms};
use early::Early;
use figures::Figures;
pub(crate) use leading::Undertaking;
use quorate_engine::{Failure, Fault, Opening, Presignature, Round};
use quorate_identity::{KeyId, NodeId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use stock::Stock;

/// All sessions of a node.
#[derive(Default)]
pub(crate) struct Sessions {
    live: BTreeMap<RunId, Session>,
    by_target: BTreeMap<Target, RunId>,
    by_job: BTreeMap<JobId, RunId>,
    deadlines: Schedule<RunId>,
    early: Early,
    /// Targets that this node allows and wants signed.
    undertakings: BTreeMap<Target, Undertaking>,
    /// When each of them is looked at next; none while a session for it is live.
    due: Schedule<Target>,
    /// Proposals that wait for this node's own judgement or for the end of another session, the
    /// newest of each proposer.
    waiting: BTreeMap<Target, BTreeMap<NodeId, SessionMessage>>,
    /// Runs in which this node took part, the newest last: in each once.
    joined: VecDeque<RunId>,
    /// Presignatures.
    pub stock: Stock,
    /// How sessions went.
    pub figures: Figures,
}

struct Session {
    terms: Terms,
    turn: u32,
    leader: NodeId,
    /// When the authorisation that it consumed ends.
    expiry_ms: Millis,
    firsts: BTreeMap<NodeId, Vec<u8>>,
    generations: BTreeMap<NodeId, Vec<Generation>>,
    rounds: BTreeMap<(u8, NodeId), Vec<u8>>,
    /// Members that have the presignatures of this session.
    made: BTreeSet<NodeId>,
    /// Whether each of its steps takes a few milliseconds at most.
    is_brief: bool,
    phase: Phase,
    /// The job whose result is awaited: a late result of an earlier one is not taken for it
    /// (SES-06).
    job: Option<JobId>,
}

/// Why a session failed, as far as this node saw: whom it chooses last from now on.
#[derive(Debug, Clone)]
enum Blame {
    /// This node's own doing, or the charter's.
    Nobody,
    /// Some member's, nobody knows whose.
    Unknown,
    /// These members broke it, refused it, or did not answer, which others may have caused.
    Of(Vec<NodeId>),
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
    /// Presignatures are made here; members that have them too are awaited.
    ExpectMade(Vec<Presignature>),
}

impl Sessions {
    /// Whether a session for this target is under way here (SES-07).
    pub fn is_live(&self, target: &Target) -> bool {
        self.by_target.contains_key(target)
    }

    /// Whether a job belongs to a session.
    pub fn owns(&self, job: &JobId) -> bool {
        self.by_job.contains_key(job)
    }

    /// The run that awaits this job; none if its session ended meanwhile.
    fn take_job(&mut self, job: &JobId) -> Option<RunId> {
        let run = self.by_job.remove(job)?;
        self.live.get(&run).filter(|session| session.job == Some(*job)).map(|_| run)
    }

    /// Notes which job a run awaits.
    fn await_job(&mut self, run: RunId, job: JobId) {
        self.by_job.insert(job, run);
        if let Some(session) = self.live.get_mut(&run) {
            session.job = Some(job);
        }
    }

    /// Whether this node allows a target and wants it signed.
    pub fn is_undertaken(&self, target: &Target) -> bool {
        self.undertakings.contains_key(target)
    }

    /// Whether this node took part in a run, lately or now: a proposal that is told again is
    /// another session under an old name, and is none (SES-04).
    fn has_joined(&self, run: &RunId) -> bool {
        self.joined.contains(run)
    }

    fn note_joined(&mut self, run: RunId) {
        self.joined.push_back(run);
        if self.joined.len() > limits::RUNS_REMEMBERED_MAX {
            self.joined.pop_front();
        }
    }

    /// What sessions make presignatures for that are live.
    fn ahead(&self) -> impl Iterator<Item = &Target> {
        self.by_target.keys().filter(|target| target.leader().is_some())
    }

    /// The earliest time at which something here needs a tick.
    pub fn wake_at(&self, now: Millis) -> Option<Millis> {
        let wishes = [self.deadlines.next(), self.due.next(), self.stock.wake_at(now)];
        wishes.into_iter().flatten().min()
    }

    fn parties(&self, run: &RunId) -> Vec<NodeId> {
        self.live.get(run).map(|session| session.terms.quorum.clone()).unwrap_or_default()
    }

    /// Takes a proposal back that waits.
    fn withdraw(&mut self, from: &NodeId, run: &RunId) {
        for proposals in self.waiting.values_mut() {
            if proposals.get(from).is_some_and(|message| message.run == *run) {
                proposals.remove(from);
            }
        }
    }

    fn with(&self, peer: &NodeId) -> Vec<RunId> {
        let sessions = self.live.iter();
        sessions
            .filter(|(_, session)| session.terms.quorum.contains(peer))
            .map(|(run, _)| *run)
            .collect()
    }
}

impl Session {
    /// Members whose message is awaited.
    fn awaited(&self) -> Vec<NodeId> {
        let awaited = |node: &&NodeId| match &self.phase {
            Phase::Opening | Phase::Computing { .. } => false,
            Phase::ExpectJoins(_) => !self.firsts.contains_key(*node),
            Phase::ExpectRound { number, round } => {
                round.awaits().contains(node) && !self.rounds.contains_key(&(*number, **node))
            }
            Phase::ExpectMade(_) => !self.made.contains(*node),
        };
        self.terms.quorum.iter().filter(awaited).copied().collect()
    }
}

impl Session {
    /// Whether contributions are awaited that another node asked for: only that one knows whom it
    /// asked, and for what (SES-11).
    fn is_led_by_another(&self, me: NodeId) -> bool {
        self.leader != me && matches!(self.phase, Phase::Opening | Phase::ExpectJoins(_))
    }

    /// Whose fault it is, as far as this node sees, that a member's contribution is none.
    fn blame_for_missing(&self, me: NodeId, member: NodeId) -> Blame {
        Blame::Of(vec![if self.is_led_by_another(me) { self.leader } else { member }])
    }
}

impl Node {
    /// Starts what is due and ends what is overdue.
    pub(crate) fn drive_sessions(&mut self, turn: &mut Turn<'_>) {
        for run in self.sessions.deadlines.take_due(turn.now) {
            let Some(session) = self.sessions.live.get(&run) else { continue };
            let silent = session.awaited();
            let blame = match silent.as_slice() {
                [] => Blame::Nobody,
                _ if session.is_led_by_another(self.me) => Blame::Of(vec![session.leader]),
                silent => Blame::Of(silent.to_vec()),
            };
            self.fail_session(run, "no progress in time", blame, turn);
        }
        for target in self.sessions.due.take_due(turn.now) {
            self.pursue(target, turn);
        }
    }

    /// A channel went down: sessions with that node cannot go on.
    pub(crate) fn sessions_lost_peer(&mut self, peer: NodeId, turn: &mut Turn<'_>) {
        self.sessions.early.forget(&peer);
        for proposals in self.sessions.waiting.values_mut() {
            proposals.remove(&peer);
        }
        self.fail_sessions_with(peer, "a member's channel went down", turn);
        // Nobody waits for a leader that is gone.
        self.look_at_all(turn);
    }

    /// Ends every session in which a node takes part: it is gone, or the pair is quarantined
    /// (N-31, N-44).
    pub(crate) fn fail_sessions_with(&mut self, peer: NodeId, why: &str, turn: &mut Turn<'_>) {
        for run in self.sessions.with(&peer) {
            self.fail_session(run, why, Blame::Of(vec![peer]), turn);
        }
    }

    /// Ends every session of a key: it has a new epoch, or none any more.
    pub(crate) fn fail_sessions_of(&mut self, key: KeyId, why: &str, turn: &mut Turn<'_>) {
        let live = self.sessions.live.iter().filter(|(_, session)| session.terms.key == key);
        for run in live.map(|(run, _)| *run).collect::<Vec<_>>() {
            self.fail_session(run, why, Blame::Nobody, turn);
        }
        let over = self.sessions.undertakings.keys().filter(|target| match target {
            Target::Birth(of, epoch) => {
                let current = self.keys.current(&key).map(|current| current.number());
                *of == key && current != Some(*epoch)
            }
            Target::Request(_) | Target::Ahead(..) => false,
        });
        for target in over.copied().collect::<Vec<_>>() {
            self.abandon(&target);
        }
    }

    /// Ends every session: the head moved (N-74), or this node is lapsed.
    pub(crate) fn fail_all_sessions(&mut self, why: &str, turn: &mut Turn<'_>) {
        let runs: Vec<RunId> = self.sessions.live.keys().copied().collect();
        for run in runs {
            self.fail_session(run, why, Blame::Nobody, turn);
        }
    }

    /// A job was lost: its session ends.
    pub(crate) fn session_job_lost(&mut self, id: JobId, turn: &mut Turn<'_>) -> bool {
        let owned = self.sessions.owns(&id);
        if let Some(run) = self.sessions.take_job(&id) {
            self.fail_session(run, "this machine lost a computation", Blame::Nobody, turn);
        }
        owned
    }

    /// A result came that no session awaits any more: only what it says of a pair counts.
    fn late_result(&mut self, failure: Option<Failure>, turn: &mut Turn<'_>) {
        if let Some(failure) = failure
            && let Some(peer) = failure.quarantine
        {
            self.quarantine(peer, &failure.reason, turn);
        }
    }

    fn session_failure(&mut self, run: RunId, failure: Failure, turn: &mut Turn<'_>) {
        // The quarantine ends this session and its siblings too; it is in the same output, so
        // durable before any of their messages leaves.
        if let Some(peer) = failure.quarantine {
            self.quarantine(peer, &failure.reason, turn);
        }
        match &failure.fault {
            Fault::Peer { culprits } if culprits.is_empty() => {
                self.fail_session(run, &failure.reason, Blame::Unknown, turn);
            }
            Fault::Peer { culprits } => {
                self.accuse(run, &failure.reason, culprits, turn);
            }
            Fault::Caller | Fault::Machine => {
                self.fail_session(run, &failure.reason, Blame::Nobody, turn);
            }
        }
    }

    /// Ends a session that culprits broke, as the engine proved.
    fn accuse(&mut self, run: RunId, why: &str, culprits: &[NodeId], turn: &mut Turn<'_>) {
        self.break_session(run, why, culprits, Blame::Of(culprits.to_vec()), turn);
    }

    /// Ends a session without a signature; the next attempt comes after a pause. To the others
    /// every cause looks the same (SES-08).
    fn fail_session(&mut self, run: RunId, why: &str, blame: Blame, turn: &mut Turn<'_>) {
        self.break_session(run, why, &[], blame, turn);
    }

    fn break_session(
        &mut self,
        run: RunId,
        why: &str,
        culprits: &[NodeId],
        blame: Blame,
        turn: &mut Turn<'_>,
    ) {
        self.send_to_session(run, SessionStep::Abort, turn);
        let Some(session) = self.end_session(run) else { return };
        self.audit(format!("session for {} ended: {why}", session.terms.target), culprits, turn);
        self.retry_after_failure(&session, blame, turn);
    }

    fn end_session(&mut self, run: RunId) -> Option<Session> {
        self.sessions.deadlines.remove(&run);
        let session = self.sessions.live.remove(&run)?;
        self.sessions.by_target.remove(&session.terms.target);
        self.sessions.figures.note_end(&self.me, &session);
        Some(session)
    }

    fn send_to_session(&mut self, run: RunId, step: SessionStep, turn: &mut Turn<'_>) {
        let message = Message::Session(SessionMessage { run, step });
        for peer in self.sessions.parties(&run) {
            if peer != self.me {
                self.send(peer, &message, turn);
            }
        }
    }
}
