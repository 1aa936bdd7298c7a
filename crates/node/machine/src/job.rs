//! Heavy arithmetic, moved out of the machine with a seed and moved back as a result: it uses
//! all cores and stays reproducible. A job that panics or is lost ends its session, no more.

use crate::permit;
use quorate_charter::State;
use quorate_codec::Digest;
use quorate_engine::{self as engine, Failure, Inbound, Opening, Progress, Round, Seed};
use quorate_intent::{Decoded, KeyFacts};
use quorate_policy::request::{VerifiedApproval, VerifiedRequest};
use quorate_policy::{Authorized, Decision, Policy, SignRequest};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use quorate_identity::NodeId;

/// Names a job until its result is back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub u64);

/// Which part of the product a job's time belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Threshold arithmetic.
    Engine,
    /// Decoding and judging.
    Policy,
}

/// A piece of arithmetic.
pub struct Job {
    /// Comes back with the result.
    pub id: JobId,
    /// For the accounts.
    pub part: Part,
    task: Task,
}

/// What a job does.
pub(crate) enum Task {
    Judge(Box<Judgement>),
    Open(Box<OpenTask>),
    Begin { opening: Opening, context: Digest, firsts: Vec<Inbound>, seed: Seed },
    Advance { round: Box<dyn Round>, inbox: Vec<Inbound>, seed: Seed },
}

/// Everything a request is judged by.
pub(crate) struct Judgement {
    pub state: Arc<State>,
    pub policy: Option<Arc<Policy>>,
    pub request: VerifiedRequest,
    pub key: KeyFacts,
    pub approvals: Vec<VerifiedApproval>,
    pub now: u64,
}

/// What a signing session begins with.
pub(crate) struct OpenTask {
    pub authorized: Authorized<SignRequest>,
    pub terms: Digest,
    pub tweak: engine::Tweak,
    pub public: Arc<engine::KeyPublic>,
    pub share: Arc<engine::KeyShare>,
    pub quorum: BTreeSet<NodeId>,
    pub me: NodeId,
    pub pairs: BTreeMap<NodeId, Arc<engine::PairSetup>>,
    pub seed: Seed,
}

/// What came of a job.
pub enum JobResult {
    /// A request was decoded and judged.
    Judged(Box<Judged>),
    /// A session's first message is ready.
    Opened(Box<Result<(Opening, Vec<u8>), Failure>>),
    /// A round was computed.
    Advanced(Result<Progress, Failure>),
    /// The job panicked or was lost; its session ends.
    Lost,
}

/// A judgement: what the bytes mean, and what the policy says.
pub struct Judged {
    /// The decoded intent, or why the bytes could not be read; unreadable means denied.
    pub decoded: Result<Decoded, String>,
    /// The decision.
    pub decision: Decision,
}

impl fmt::Debug for JobResult {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Judged(_) => "Judged",
            Self::Opened(_) => "Opened",
            Self::Advanced(_) => "Advanced",
            Self::Lost => "Lost",
        })
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Job({:?}, {:?})", self.id, self.part)
    }
}

impl Job {
    pub(crate) fn new(id: JobId, task: Task) -> Self {
        let part = match task {
            Task::Judge(_) => Part::Policy,
            Task::Open(_) | Task::Begin { .. } | Task::Advance { .. } => Part::Engine,
        };
        Self { id, part, task }
    }

    /// Runs the job to its end. Pure but for the ECDSA engine's own randomness
    /// (docs/adr/0003-ecdsa-engine.md).
    pub fn run(self) -> JobResult {
        match self.task {
            Task::Judge(judgement) => JobResult::Judged(Box::new(judgement.run())),
            Task::Open(task) => JobResult::Opened(Box::new(task.run())),
            Task::Begin { opening, context, firsts, seed } => {
                JobResult::Advanced(opening.begin(context, firsts, seed))
            }
            Task::Advance { round, inbox, seed } => {
                JobResult::Advanced(round.advance(inbox, seed))
            }
        }
    }
}
