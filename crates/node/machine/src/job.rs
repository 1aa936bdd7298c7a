//! Heavy arithmetic, moved out of the machine with a seed and moved back as a result: it uses
//! all cores and stays reproducible. A job that panics or is lost ends its run, no more (NOD-03).

use crate::evidence::{Evidence, EvidenceError, Finding};
use crate::outcome;
use crate::permit;
use crate::wire::SignatureBytes;
use quorate_charter::{EpochRecord, State};
use quorate_codec::Digest;
use quorate_engine::{
    self as engine, Backed, BackedUp, BackupError, BackupSource, BackupTerms, Backups, DealPlan,
    ExportTerms, Failure, Inbound, Opening, Outbound, PairPlan, PreparedKeys, Progress, Round,
    Seed,
};
use quorate_identity::{KeyId, NodeId};
use quorate_intent::{Artifact, Decoded};
use quorate_policy::request::{VerifiedApproval, VerifiedRequest};
use quorate_policy::{Authorized, Decision, Policy, SignRequest, decide};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

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
    Finish {
        decoded: Arc<Decoded>,
        signatures: Vec<SignatureBytes>,
    },
    Deal {
        plan: DealPlan,
        seed: Seed,
    },
    Pair {
        plan: PairPlan,
        seed: Seed,
    },
    Open(Box<OpenTask>),
    OpenAhead(Box<AheadTask>),
    Begin {
        opening: Opening,
        context: Digest,
        firsts: Vec<Inbound>,
        seed: Seed,
        is_brief: bool,
    },
    Advance {
        round: Box<dyn Round>,
        inbox: Vec<Inbound>,
        seed: Seed,
        is_brief: bool,
    },
    BackUp {
        proofs: Backups,
        dealt: Box<PreparedKeys>,
        terms: Arc<BackupTerms>,
        me: NodeId,
        kinds: Vec<Backed>,
        seed: Seed,
    },
    VerifyBackup {
        proofs: Backups,
        terms: Arc<BackupTerms>,
        source: Arc<BackupSource>,
        kind: Backed,
        author: NodeId,
        bundle: Arc<Vec<u8>>,
    },
    Export {
        proofs: Backups,
        terms: Box<ExportTerms>,
        accounts: Vec<Arc<engine::KeyPublic>>,
        shares: Vec<Arc<engine::KeyShare>>,
        me: NodeId,
        seed: Seed,
    },
    Prove(Arc<State>, Backups, Box<Evidence>),
}

/// Signatures times other members, up to which a step of a session is brief: a millisecond for each where it
/// takes longest.
const BRIEF_STEP_MAX: usize = 4;
/// Bytes of a request up to which it is decoded and judged briefly.
const BRIEF_REQUEST_BYTES_MAX: usize = 16 << 10;
/// Rules of a policy up to which it judges briefly.
const BRIEF_RULES_MAX: usize = 64;

impl Task {
    /// Whether it takes a few milliseconds at most.
    pub fn is_brief(&self) -> bool {
        match self {
            Self::Judge(judgement) => {
                let bytes = judgement.request.signed().statement().len();
                let rules = judgement.policy.as_ref().map_or(0, |policy| policy.rule_ids().count());
                bytes <= BRIEF_REQUEST_BYTES_MAX && rules <= BRIEF_RULES_MAX
            }
            Self::Finish { signatures, .. } => signatures.len() <= BRIEF_STEP_MAX,
            Self::Open(task) => {
                let others = task.quorum.len().saturating_sub(1);
                task.authorized.get().payloads.len() * others <= BRIEF_STEP_MAX
            }
            Self::Begin { is_brief, .. } | Self::Advance { is_brief, .. } => *is_brief,
            Self::Deal { .. }
            | Self::Pair { .. }
            | Self::OpenAhead(_)
            | Self::BackUp { .. }
            | Self::VerifyBackup { .. }
            | Self::Export { .. }
            | Self::Prove(..) => false,
        }
    }
}

/// Everything a request is judged by.
pub(crate) struct Judgement {
    /// Whether this node judges; others only decode.
    pub judges: bool,
    pub state: Arc<State>,
    pub policy: Option<Arc<Policy>>,
    pub request: VerifiedRequest,
    pub record: Arc<EpochRecord>,
    /// What an earlier judgement decoded: the bytes and the key do not change.
    pub decoded: Option<Arc<Decoded>>,
    pub approvals: Vec<VerifiedApproval>,
    pub now: u64,
}

/// What a signing session begins with.
pub(crate) struct OpenTask {
    pub authorized: Authorized<SignRequest>,
    pub terms: Digest,
    pub chain_code: Digest,
    pub tweak: engine::Tweak,
    pub public: Arc<engine::KeyPublic>,
    pub share: Arc<engine::KeyShare>,
    pub quorum: BTreeSet<NodeId>,
    pub me: NodeId,
    pub pairs: BTreeMap<NodeId, Arc<engine::PairSetup>>,
    pub presignatures: Vec<engine::Presignature>,
    pub seed: Seed,
}

/// What a session begins with that makes presignatures.
pub(crate) struct AheadTask {
    pub terms: Digest,
    pub key: KeyId,
    pub public: Arc<engine::KeyPublic>,
    pub share: Arc<engine::KeyShare>,
    pub quorum: BTreeSet<NodeId>,
    pub me: NodeId,
    pub pairs: BTreeMap<NodeId, Arc<engine::PairSetup>>,
    pub count: usize,
    pub seed: Seed,
}

/// What came of a job.
pub enum JobResult {
    /// A request was decoded and judged.
    Judged(Box<Judged>),
    /// Signatures were verified and made into what the requester wanted, or do not verify.
    Finished(Box<Result<Artifact, String>>),
    /// A session's first message is ready.
    Opened(Box<Result<(Opening, Vec<u8>), Failure>>),
    /// A round was computed.
    Advanced(Result<Progress, Failure>),
    /// This node's backups of a dealing were made.
    BackedUp(Box<Result<BackedUp, Failure>>),
    /// Somebody's backup was verified.
    BackupVerified(Result<(), BackupError>),
    /// This node's part of a key was made for whom the charter gives the key to.
    Exported(Result<Vec<u8>, Failure>),
    /// Evidence was verified.
    Proven(Box<Proven>),
    /// The job panicked or was lost; its run ends.
    Lost,
}

/// Evidence, and what it proves.
pub struct Proven {
    pub(crate) evidence: Evidence,
    pub(crate) finding: Result<Finding, EvidenceError>,
}

/// A judgement: what the bytes mean, and what the policy says.
pub struct Judged {
    /// The decoded intent, or why the bytes could not be read; unreadable means denied.
    pub(crate) decoded: Result<Arc<Decoded>, String>,
    /// The decision, where this node is one that decides.
    pub(crate) decision: Option<Decision>,
}

impl fmt::Debug for JobResult {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Judged(_) => "Judged",
            Self::Finished(_) => "Finished",
            Self::Opened(_) => "Opened",
            Self::Advanced(_) => "Advanced",
            Self::BackedUp(_) => "BackedUp",
            Self::BackupVerified(_) => "BackupVerified",
            Self::Exported(_) => "Exported",
            Self::Proven(_) => "Proven",
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
            Task::Judge(_) | Task::Finish { .. } => Part::Policy,
            Task::Deal { .. }
            | Task::Pair { .. }
            | Task::Open(_)
            | Task::OpenAhead(_)
            | Task::Begin { .. }
            | Task::Advance { .. }
            | Task::BackUp { .. }
            | Task::VerifyBackup { .. }
            | Task::Export { .. }
            | Task::Prove(..) => Part::Engine,
        };
        Self { id, part, task }
    }

    /// Whether it takes a few milliseconds at most, so that to hand it to another core may cost more
    /// than it gains.
    pub fn is_brief(&self) -> bool {
        self.task.is_brief()
    }

    /// Runs the job to its end. Pure but for the ECDSA engine's own randomness.
    pub fn run(self) -> JobResult {
        match self.task {
            Task::Judge(judgement) => JobResult::Judged(Box::new(judgement.run())),
            Task::Finish { decoded, signatures } => {
                JobResult::Finished(Box::new(outcome::finish(&decoded, &signatures)))
            }
            Task::Deal { plan, seed } => JobResult::Advanced(first(engine::start_deal(plan, seed))),
            Task::Pair { plan, seed } => {
                JobResult::Advanced(first(engine::start_pair_setup(plan, seed)))
            }
            Task::Open(task) => JobResult::Opened(Box::new(task.run())),
            Task::OpenAhead(task) => JobResult::Opened(Box::new(task.run())),
            Task::Begin { opening, context, firsts, seed, is_brief: _ } => {
                JobResult::Advanced(opening.begin(context, firsts, seed))
            }
            Task::Advance { round, inbox, seed, is_brief: _ } => {
                JobResult::Advanced(round.advance(inbox, seed))
            }
            Task::BackUp { proofs, dealt, terms, me, kinds, seed } => {
                JobResult::BackedUp(Box::new(proofs.back_up(*dealt, &terms, me, &kinds, seed)))
            }
            Task::VerifyBackup { proofs, terms, source, kind, author, bundle } => {
                JobResult::BackupVerified(proofs.verify(&terms, &source, kind, author, &bundle))
            }
            Task::Export { proofs, terms, accounts, shares, me, seed } => {
                JobResult::Exported(proofs.export(&terms, &accounts, &shares, me, seed))
            }
            Task::Prove(state, proofs, evidence) => {
                let finding = evidence.verify(&state, proofs);
                JobResult::Proven(Box::new(Proven { evidence: *evidence, finding }))
            }
        }
    }
}

impl Judgement {
    fn run(self) -> Judged {
        let decoded = match self.decoded {
            Some(decoded) => Ok(decoded),
            None => outcome::decode(self.request.body(), &self.record).map(Arc::new),
        };
        let judge = || match (&decoded, &self.policy) {
            (Err(why), _) => Decision::unreadable(why),
            (Ok(_), None) => Decision::without_policy(),
            (Ok(decoded), Some(policy)) => {
                decide(&self.state, policy, &self.request, decoded, &self.approvals, self.now)
            }
        };
        let decision = self.judges.then(judge);
        Judged { decoded, decision }
    }
}

impl OpenTask {
    fn run(self) -> Result<(Opening, Vec<u8>), Failure> {
        let plan = engine::OpenPlan {
            permit: permit::permit(self.authorized, self.terms),
            chain_code: self.chain_code,
            tweak: self.tweak,
            public: self.public,
            share: self.share,
            quorum: self.quorum,
            me: self.me,
            pairs: self.pairs,
            presignatures: self.presignatures,
        };
        engine::open(plan, self.seed)
    }
}

impl AheadTask {
    fn run(self) -> Result<(Opening, Vec<u8>), Failure> {
        let Self { terms, key, public, share, quorum, me, pairs, count, seed } = self;
        let plan = engine::AheadPlan { terms, key, public, share, quorum, me, pairs, count };
        engine::open_ahead(plan, seed)
    }
}

/// The first messages of a run are the outcome of its round 0.
fn first(started: Result<(Box<dyn Round>, Vec<Outbound>), Failure>) -> Result<Progress, Failure> {
    started.map(|(round, outbound)| Progress::Next { round, outbound })
}
