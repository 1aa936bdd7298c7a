//! The node: its state, and the one function through which everything passes.

use crate::audit::Audit;
use crate::ceremonies::{EvidenceBook, Keys};
use crate::cessions::Cessions;
use crate::custody::Possessions;
use crate::drills::Drills;
use crate::durable::{Table, Write};
use crate::estate::Estate;
use crate::event::{Barrier, Envelope, Event, Millis, Output};
use crate::exports::Exports;
use crate::forks::Fork;
use crate::freezes::Freezes;
use crate::governor::Governor;
use crate::job::{Job, JobId, JobResult, Task};
use crate::limits::Pace;
use crate::pairs::Pairs;
use crate::presence::Presence;
use crate::requests::Requests;
use crate::sessions::Sessions;
use crate::wire::Message;
use quorate_charter::{GenesisFile, Incarnation, Program, State};
use quorate_codec::Digest;
use quorate_engine::{Backups, Failure, Progress, Seed};
use quorate_identity::{NodeId, NodeSecrets};
use quorate_policy::Policy;
use rand_core::CryptoRngCore;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

/// One node, deciding for itself. See the crate's page.
pub struct Node {
    pub(crate) me: NodeId,
    pub(crate) secrets: NodeSecrets,
    pub(crate) pace: Pace,
    /// How large the proofs of backups are.
    pub(crate) proofs: Backups,
    pub(crate) file: GenesisFile,
    pub(crate) state: Arc<State>,
    pub(crate) policy: Option<Arc<Policy>>,
    pub(crate) incarnation: Incarnation,
    pub(crate) presence: Presence,
    pub(crate) governor: Governor,
    pub(crate) keys: Keys,
    pub(crate) possessions: Possessions,
    pub(crate) drills: Drills,
    pub(crate) freezes: Freezes,
    pub(crate) cessions: Cessions,
    /// Parts of keys that the charter gives to somebody.
    pub(crate) exports: Exports,
    /// The keys of the domain before.
    pub(crate) estate: Estate,
    pub(crate) pairs: Pairs,
    pub(crate) requests: Requests,
    pub(crate) sessions: Sessions,
    /// Attempts to sign whose records are kept, oldest first.
    pub(crate) attempts: VecDeque<Digest>,
    pub(crate) jobs: u64,
    pub(crate) trail: Audit,
    pub(crate) evidence: EvidenceBook,
    /// What runs here.
    pub(crate) program: Program,
    /// Why the charter wants another program here, if it does.
    pub(crate) outdated: Option<String>,
    /// What proves that the domain decided one thing twice, if something does.
    pub(crate) fork: Option<Fork>,
    /// Why this node stopped for good, if it did.
    pub(crate) halted: Option<String>,
}

/// Key of the row that says why the node stopped for good.
pub(crate) const HALT_ROW: &[u8] = b"halt";

/// One call of [`Node::handle`]: the time, the randomness, and what is to be done afterwards.
pub(crate) struct Turn<'a> {
    pub now: Millis,
    pub rng: &'a mut dyn CryptoRngCore,
    pub out: Output,
}

impl Turn<'_> {
    /// Fresh random bytes.
    pub fn random_bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }

    /// A fresh seed for one step of the engine.
    pub fn seed(&mut self) -> Seed {
        Seed::new(self.random_bytes())
    }
}

impl Node {
    /// Handles one event. The driver makes the writes durable, then releases the rest of the
    /// output in the order of the calls (NOD-01).
    pub fn handle(&mut self, now: Millis, event: Event, rng: &mut dyn CryptoRngCore) -> Output {
        let now = self.presence.advance_clock(now);
        let mut turn = Turn { now, rng, out: Output::default() };
        self.drive_cessions(&mut turn);
        match event {
            Event::Tick => {}
            Event::Connected(peer) => self.on_connected(peer, &mut turn),
            Event::Disconnected(peer) => self.on_disconnected(peer, &mut turn),
            Event::Frame { from, frame } => self.on_frame(from, *frame, &mut turn),
            Event::Call { id, caller, call } => self.on_call(id, &caller, *call, &mut turn),
            Event::JobDone { id, result } => self.on_job(id, result, &mut turn),
        }
        self.drive(&mut turn);
        // What q voters bear out alone: a clock that once ran far ahead can be set right (NOD-04).
        if turn.out.barrier.holds() && self.presence.has_lease(now, &self.state, &self.me) {
            turn.out.writes.push(self.presence.clock_write());
        }
        if turn.out.barrier.holds() {
            self.requests.has_untold = false;
        }
        self.keys.note_writes(&turn.out.writes);
        turn.out.wake_at = self.wake_at();
        turn.out
    }

    /// The node's id.
    pub fn id(&self) -> NodeId {
        self.me
    }

    /// The charter state at the node's head, for checking frames and calls outside.
    pub fn state(&self) -> Arc<State> {
        Arc::clone(&self.state)
    }

    /// Whether the node may sign now: it takes part, is not locked, and holds a lease.
    pub fn is_leased(&self) -> bool {
        self.may_sign(self.presence.now())
    }

    /// Why the node abstains from everything, if it does: it is an old copy of itself, it found the
    /// charter forked, or its program is older than the charter allows.
    pub fn abstains(&self) -> Option<&str> {
        let lapse = self.presence.lapse().map(|lapse| lapse.reason.as_str());
        self.halted.as_deref().or(lapse).or(self.outdated.as_deref())
    }

    /// Why the node takes part in nothing any more, if it stopped for good (NOD-18).
    pub fn halted(&self) -> Option<&str> {
        self.halted.as_deref()
    }

    /// Everything that time alone makes due.
    fn drive(&mut self, turn: &mut Turn<'_>) {
        self.drive_presence(turn);
        self.drive_governor(turn);
        self.drive_ceremonies(turn);
        self.drive_pairs(turn);
        self.drive_requests(turn);
        self.drive_sessions(turn);
        self.drive_ahead(turn);
        self.drive_exports(turn);
    }

    pub(crate) fn wake_at(&self) -> Option<Millis> {
        let wishes = [
            self.presence.wake_at(),
            self.governor.wake_at(),
            self.keys.wake_at(),
            self.pairs.wake_at(self.presence.now()),
            self.requests.wake_at(),
            self.sessions.wake_at(self.presence.now()),
            self.cession_wakes_at(),
        ];
        wishes.into_iter().flatten().min()
    }

    /// A quorum of voters recognised this node: it takes up what was left open.
    pub(crate) fn take_up_work(&mut self, turn: &mut Turn<'_>) {
        self.greet_all(turn);
        self.resume_agreements(turn);
        // A machine that took a seat has shares of epochs that were made before it.
        for key in self.keys.uncommitted(&self.me) {
            self.say_committed(key, turn);
        }
        self.look_at_keys(turn);
        self.judge_all(turn);
        self.drive_births(turn);
        self.look_at_all(turn);
    }

    /// This node takes part in nothing any more, for good; it still shows what it knows (NOD-18).
    pub(crate) fn halt(&mut self, reason: String, turn: &mut Turn<'_>) {
        if self.halted.is_some() {
            return;
        }
        let row = reason.clone().into_bytes();
        turn.out.writes.push(Write::put(Table::Meta, HALT_ROW, row));
        turn.out.barrier = Barrier::Full;
        self.alarm(format!("halted: {reason}"), &[], turn);
        self.halted = Some(reason);
        self.fail_all_sessions("this node halted", turn);
        self.leave_ceremonies();
    }

    fn on_job(&mut self, id: JobId, result: JobResult, turn: &mut Turn<'_>) {
        match result {
            JobResult::Judged(judged) => self.on_judged(id, *judged, turn),
            JobResult::Finished(finished) => self.on_finished(id, *finished, turn),
            JobResult::Opened(opened) => self.on_opened(id, *opened, turn),
            JobResult::Advanced(result) => self.on_advanced(id, result, turn),
            JobResult::BackedUp(result) => self.on_backed_up(id, *result, turn),
            JobResult::BackupVerified(result) => self.on_backup_verified(id, result, turn),
            JobResult::Exported(made) => self.on_exported(id, made, turn),
            JobResult::Proven(proven) => {
                self.on_proven(id, &proven.evidence, proven.finding, turn);
            }
            JobResult::Lost => {
                let _ = self.session_job_lost(id, turn)
                    || self.pair_job_lost(id, turn)
                    || self.deal_job_lost(id, turn)
                    || self.backup_job_lost(id, turn)
                    || self.export_job_lost(id, turn)
                    || self.judgement_lost(id, turn)
                    || self.proof_lost(id, turn);
            }
        }
    }

    /// Hands a computed round to whichever run started it.
    fn on_advanced(&mut self, id: JobId, result: Result<Progress, Failure>, turn: &mut Turn<'_>) {
        if self.sessions.owns(&id) {
            self.on_session_advanced(id, result, turn);
        } else if self.pairs.owns(&id) {
            self.on_pair_advanced(id, result, turn);
        } else if self.keys.owns(&id) {
            self.on_deal_advanced(id, result, turn);
        }
    }

    pub(crate) fn start_job(&mut self, task: Task, turn: &mut Turn<'_>) -> JobId {
        self.jobs += 1;
        let id = JobId(self.jobs);
        turn.out.jobs.push(Job::new(id, task));
        id
    }

    pub(crate) fn send(&mut self, to: NodeId, message: &Message, turn: &mut Turn<'_>) {
        if self.presence.is_connected(&to) {
            turn.out.envelopes.push(Envelope { to, bytes: quorate_codec::to_bytes(message) });
        }
    }

    /// Tells everybody what others said and signed: it may leave before this node has it durably.
    pub(crate) fn spread(&mut self, message: &Message, turn: &mut Turn<'_>) {
        let bytes = quorate_codec::to_bytes(message);
        for to in self.presence.connected() {
            turn.out.early.push(Envelope { to, bytes: bytes.clone() });
        }
    }

    pub(crate) fn broadcast(&mut self, message: &Message, turn: &mut Turn<'_>) {
        let bytes = quorate_codec::to_bytes(message);
        for to in self.presence.connected() {
            turn.out.envelopes.push(Envelope { to, bytes: bytes.clone() });
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Node({})", self.me)
    }
}
