//! Proof that a node deviated, for anybody to verify at any time with the genesis alone: two votes
//! in one place, or what somebody signed in a dealing (`spec/blame.md`).
//!
//! Everything here is public, or was made public by whoever complained (BLM-04). What this module
//! does not do: it condemns nobody for silence, for an echo that differs, or on anybody's word.

use crate::ceremonies::{Before, FalseBackup, deal_bytes, publics_of, terms_of};
use crate::limits;
use crate::wire::{DealMessage, DealStep};
use minicbor::{Decode, Encode};
use quorate_charter as charter;
use quorate_charter::{
    AttemptPlan, CertifiedEntry, EpochRecord, GenesisFile, Instance, State, verify_log,
};
use quorate_codec::{Canonical, Digest, Transcript, tag};
use quorate_engine::{
    self as engine, Accusation, Backups, Charge, Equivocation, Misdealing, Place, Signed,
};
use quorate_identity::{GenesisHash, NodeId, NodePublic, NodeSignature};

/// Number of the round in which dealers commit.
pub(crate) const FIRST_ROUND: u8 = 1;
/// Number of the round in which they reveal.
pub(crate) const SECOND_ROUND: u8 = 2;
/// Number of the round in which participants announce their backups.
pub(crate) const BACKUP_ROUND: u8 = 3;

/// Evidence: one form for all kinds, complete in itself. Public.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Evidence {
    /// Version of this form: 1.
    #[n(0)]
    version: u8,
    /// What it shows.
    #[n(1)]
    proof: Proof,
}

/// What is shown (BLM-02).
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) enum Proof {
    /// Two statements of one voter in one place (AGR-10).
    #[n(0)]
    Votes(#[n(0)] charter::Evidence),
    /// Two messages of one participant in one place of an attempt (DEAL-22).
    #[n(1)]
    Twice(#[n(0)] AttemptPlan, #[n(1)] Equivocation),
    /// A complaint with all that it takes to judge it (DEAL-20).
    #[n(2)]
    Share(#[n(0)] Run, #[n(1)] Accusation),
    /// All messages of a run, whose deviation everybody sees (DEAL-25).
    #[n(3)]
    Run(#[n(0)] Run, #[n(1)] Misdealing),
    /// A statement PREPARED whose proofs do not hold (DEAL-16).
    #[n(4)]
    Prepared(#[n(0)] AttemptPlan, #[n(1)] charter::PreparedStatement, #[n(2)] RecordBytes),
    /// A backup that proves nothing (BLM-10).
    #[n(5)]
    Backup(#[n(0)] Box<FalseBackup>),
}

/// The dealing that a proof is about.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct Run {
    /// What it set out to do; every message is signed for it.
    #[n(0)]
    pub plan: AttemptPlan,
    /// What it goes on from; nothing for a new key.
    #[n(1)]
    pub before: Option<BeforeBytes>,
}

/// The record before, which the plan names by its digest, or the summands of a key that is restored,
/// which it names by theirs.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct BeforeBytes(#[cbor(n(0), with = "minicbor::bytes")] pub Vec<u8>);

/// An epoch record as it was signed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct RecordBytes(#[cbor(n(0), with = "minicbor::bytes")] pub Vec<u8>);

/// What evidence proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Who is guilty, ascending; somebody.
    pub culprits: Vec<NodeId>,
    /// In what.
    pub instance: Instance,
    /// What they did, for people.
    pub what: &'static str,
}

impl Finding {
    /// In what, for people.
    pub fn place(&self) -> String {
        match self.instance {
            Instance::Position(at) => format!("position {at}"),
            Instance::Attempt { epoch, attempt, .. } => {
                format!("attempt {attempt} at epoch {epoch}")
            }
        }
    }
}

/// Evidence that proves nothing; the fault of whoever made it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// Not evidence, or not of this version.
    #[error("this is no evidence of a known form: {0}")]
    Malformed(String),
    /// The genesis in it is not the one that it is held against, or does not hold.
    #[error("its genesis does not hold: {0}")]
    Genesis(String),
    /// It is about another domain.
    #[error("it is about another domain")]
    OtherDomain,
    /// Nothing is proven about anybody.
    #[error("it proves nothing: {0}")]
    Unproven(String),
}

impl Canonical for Evidence {
    // A run of one key whose messages are as long as any node takes them.
    const BYTES_MAX: usize = crate::limits::EVIDENCE_BYTES_MAX;
}

impl Evidence {
    pub(crate) fn new(proof: Proof) -> Self {
        Self { version: 1, proof }
    }

    /// Two votes of one voter.
    pub(crate) fn votes(evidence: charter::Evidence) -> Self {
        Self::new(Proof::Votes(evidence))
    }

    /// Names it.
    pub fn id(&self) -> Digest {
        self.named().0
    }

    /// Its name and length in bytes.
    pub(crate) fn named(&self) -> (Digest, usize) {
        let bytes = quorate_codec::to_bytes(self);
        (Transcript::new(tag::EVIDENCE).part(&bytes).digest(), bytes.len())
    }

    /// What it proves in a domain: the same for everybody at any time (BLM-01).
    ///
    /// `proofs` is the size of proof that backups of this domain have.
    ///
    /// # Errors
    /// [`EvidenceError`].
    pub fn verify(&self, state: &State, proofs: Backups) -> Result<Finding, EvidenceError> {
        if self.version != 1 {
            return Err(EvidenceError::Malformed(format!("version {}", self.version)));
        }
        let unproven = |why: &dyn std::fmt::Display| EvidenceError::Unproven(why.to_string());
        if let Proof::Votes(evidence) = &self.proof {
            evidence.verify(state).map_err(|error| unproven(&error))?;
            return Ok(Finding {
                culprits: vec![evidence.culprit()],
                instance: evidence.instance(),
                what: match evidence.phase() {
                    charter::Phase::Proposal => "two statements for one proposal",
                    charter::Phase::Prevote => "two statements for one prevote",
                    charter::Phase::Offer => "two offers",
                    charter::Phase::Precommit => "two statements for one precommit",
                },
            });
        }
        let Some(plan) = self.plan() else { return Err(EvidenceError::OtherDomain) };
        if plan.genesis != state.genesis() {
            return Err(EvidenceError::OtherDomain);
        }
        let judge = |run: &Run, charge| {
            let before = Before::from_bytes(plan, run.before.as_ref());
            let terms = terms_of(plan, &before.map_err(|error| unproven(&error))?);
            let terms = terms.ok_or_else(|| unproven(&"not what it goes on from"))?;
            let judged = engine::judge(terms, charge, &signatures(state, plan));
            judged.map_err(|failure| unproven(&failure))
        };
        let (culprits, what) = match &self.proof {
            Proof::Votes(_) => return Err(EvidenceError::OtherDomain),
            Proof::Twice(_, proof) if !plan.participants().contains(&proof.author) => {
                return Err(unproven(&"its author takes no part"));
            }
            Proof::Prepared(_, statement, _) if !plan.committee.contains(&statement.node) => {
                return Err(unproven(&"its author is no member"));
            }
            Proof::Twice(_, proof) if proof.is_proven(&signatures(state, plan)) => {
                (vec![proof.author], "two messages in one place of a dealing")
            }
            Proof::Twice(..) => return Err(unproven(&"not two messages of one node in one place")),
            Proof::Share(run, accusation) => {
                let culprits = judge(run, Charge::Share(accusation))?;
                match culprits.contains(&accusation.complainer) {
                    true => (culprits, "a false complaint about a share"),
                    false => (culprits, "a bad share"),
                }
            }
            Proof::Run(run, misdealing) => {
                (judge(run, Charge::Run(misdealing))?, "a message that is no dealing")
            }
            Proof::Prepared(_, statement, record) => {
                check_prepared(state, plan, statement, record)?;
                (vec![statement.node], "proofs of new shares that do not hold")
            }
            Proof::Backup(backup) if !plan.participants().contains(&backup.author) => {
                return Err(unproven(&"its author takes no part"));
            }
            Proof::Backup(backup) if backup.is_proven(proofs, signatures(state, plan)) => {
                (vec![backup.author], "a backup that proves nothing")
            }
            Proof::Backup(_) => return Err(unproven(&"the backup may be one")),
        };
        Ok(Finding { culprits, instance: instance_of(plan), what })
    }

    /// Where it says that somebody is guilty.
    pub(crate) fn instance(&self) -> Instance {
        match &self.proof {
            Proof::Votes(evidence) => evidence.instance(),
            Proof::Share(Run { plan, .. }, _)
            | Proof::Run(Run { plan, .. }, _)
            | Proof::Twice(plan, _)
            | Proof::Prepared(plan, ..) => instance_of(plan),
            Proof::Backup(backup) => instance_of(&backup.plan),
        }
    }

    /// Whom alone it can prove guilty, one or more of them; nobody if that takes arithmetic to say.
    pub(crate) fn suspects(&self) -> Vec<NodeId> {
        match &self.proof {
            Proof::Votes(evidence) => vec![evidence.culprit()],
            Proof::Twice(_, proof) => vec![proof.author],
            Proof::Share(_, accusation) => vec![accusation.dealer, accusation.complainer],
            Proof::Run(..) => Vec::new(),
            Proof::Prepared(_, statement, _) => vec![statement.node],
            Proof::Backup(backup) => vec![backup.author],
        }
    }

    pub(crate) fn proof(&self) -> &Proof {
        &self.proof
    }

    /// Whether it is about an attempt that the charter can have wanted, and no longer than what is
    /// said in such a one: what is not is not worth the arithmetic.
    pub(crate) fn may_concern(&self, state: &State) -> bool {
        let fits = |plan: &AttemptPlan, said: &Signed| {
            let most = limits::round_bytes_max(&plan.tree, plan.accounts.into());
            said.bytes.len() <= most
        };
        if let Proof::Twice(plan, Equivocation { one, other, .. }) = &self.proof
            && !(fits(plan, one) && fits(plan, other))
        {
            return false;
        }
        if let Proof::Backup(backup) = &self.proof
            && !backup.may_concern(state)
        {
            return false;
        }
        self.plan().is_none_or(|plan| {
            state.key(&plan.key).is_some_and(|order| {
                (plan.scheme, plan.accounts) == (order.scheme, order.accounts)
                    && order.has_ordered_tree(&plan.tree, &plan.order)
            })
        })
    }

    /// The plan of the attempt that it is about, if it is about one.
    pub(crate) fn plan(&self) -> Option<&AttemptPlan> {
        match &self.proof {
            Proof::Votes(_) => None,
            Proof::Share(run, _) | Proof::Run(run, _) => Some(&run.plan),
            Proof::Twice(plan, _) | Proof::Prepared(plan, ..) => Some(plan),
            Proof::Backup(backup) => Some(&backup.plan),
        }
    }
}

/// The attempt of a plan; who decides about it is of no matter to what was done in it.
fn instance_of(plan: &AttemptPlan) -> Instance {
    Instance::Attempt { key: plan.key, epoch: plan.epoch, attempt: plan.attempt, era: 0 }
}

/// Whether a node signed PREPARED in this attempt about something that it does not hold: a record
/// that is none of this plan, or shares that it does not know.
fn check_prepared(
    state: &State,
    plan: &AttemptPlan,
    statement: &charter::PreparedStatement,
    bytes: &RecordBytes,
) -> Result<(), EvidenceError> {
    let unproven = |why: &str| EvidenceError::Unproven(why.to_owned());
    let charter::PreparedStatement { node, leaf_proofs, signature } = statement.clone();
    let step = DealStep::Prepared { record: bytes.0.clone(), leaf_proofs };
    if !has_signed(state, plan, &node, step, signature) {
        return Err(unproven("a signature does not hold"));
    }
    let record = quorate_codec::from_bytes::<EpochRecord>(&bytes.0).ok();
    let record = record.filter(|record| record.plan == *plan);
    let Some((record, accounts)) = record.and_then(|record| {
        let accounts = publics_of(&record)?;
        Some((record, accounts))
    }) else {
        return Ok(());
    };
    let accounts: Vec<&engine::KeyPublic> = accounts.iter().collect();
    let is_new = plan.previous == Digest::ZERO && !plan.is_arrival();
    let proofs = [(node, statement.leaf_proofs.as_slice())];
    match engine::verify_all_leaf_proofs(record.transcript, &accounts, is_new, &proofs) {
        Err(failure) if matches!(failure.fault, engine::Fault::Peer { .. }) => Ok(()),
        Ok(()) | Err(_) => Err(unproven("its proofs hold")),
    }
}

/// Verifies signatures of participants under messages of one attempt (CER-03).
pub(crate) fn signatures<'a>(
    state: &'a State,
    plan: &'a AttemptPlan,
) -> impl Fn(&NodeId, Place, &Signed) -> bool + 'a {
    move |author, place, signed| {
        let bytes = signed.bytes.to_vec();
        let step = match place {
            Place::Message1 => DealStep::Round { number: FIRST_ROUND, bytes },
            Place::Message2 => DealStep::Round { number: SECOND_ROUND, bytes },
            Place::Complaint => DealStep::Complaint { bytes },
            Place::Backup => DealStep::Round { number: BACKUP_ROUND, bytes },
        };
        let signature = <[u8; 64]>::try_from(signed.signature.as_slice());
        signature
            .is_ok_and(|signature| has_signed(state, plan, author, step, NodeSignature(signature)))
    }
}

/// Whether a node, by the machine that it is now, signed a message of this attempt: nobody else's
/// words accuse it.
pub(crate) fn has_signed(
    state: &State,
    plan: &AttemptPlan,
    author: &NodeId,
    step: DealStep,
    signature: NodeSignature,
) -> bool {
    let keys = state.node(author).map(|node| node.keys);
    is_signed_by(keys, plan, step, signature)
}

/// Whether a node said that it prepared an attempt, by the machine that it was then (GOV-61).
pub(crate) fn has_prepared(
    state: &State,
    plan: &AttemptPlan,
    member: &NodeId,
    step: DealStep,
    signature: NodeSignature,
) -> bool {
    let keys = state.keys_for_attempt(member, &plan.key, &plan.head);
    is_signed_by(keys, plan, step, signature)
}

fn is_signed_by(
    keys: impl IntoIterator<Item = NodePublic>,
    plan: &AttemptPlan,
    step: DealStep,
    signature: NodeSignature,
) -> bool {
    let (key, epoch, attempt, context) = (plan.key, plan.epoch, plan.attempt, Some(plan.context()));
    let message = DealMessage { key, epoch, attempt, context, step, signature };
    let bytes = deal_bytes(&plan.genesis, &message);
    let mut keys = keys.into_iter();
    keys.any(|keys| keys.verify(tag::DEAL_MESSAGE, &bytes, &signature).is_ok())
}

/// Evidence as a file: with the charter that its nodes are of, so that a hash is enough to verify it,
/// by the keys that they have at its head. Public.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct EvidenceFile {
    /// Version of this form: 1.
    #[n(0)]
    version: u8,
    /// The genesis with all signatures under it.
    #[n(1)]
    genesis: GenesisFile,
    /// Every entry of the charter up to the one that gave a seat away last; none if none did, as the
    /// genesis then says all about nodes.
    #[n(2)]
    entries: Vec<CertifiedEntry>,
    /// The evidence.
    #[n(3)]
    evidence: Evidence,
}

impl Canonical for EvidenceFile {
    const BYTES_MAX: usize = crate::limits::EVIDENCE_BYTES_MAX + (64 << 20);
}

impl EvidenceFile {
    pub(crate) fn new(
        genesis: GenesisFile,
        entries: Vec<CertifiedEntry>,
        evidence: Evidence,
    ) -> Self {
        Self { version: 1, genesis, entries, evidence }
    }

    /// Verifies a file offline. Returns what it proves, of which domain, and the state that names
    /// its nodes (BLM-07).
    ///
    /// # Errors
    /// [`EvidenceError`].
    pub fn verify(
        bytes: &[u8],
        genesis: &GenesisHash,
        proofs: Backups,
    ) -> Result<(Finding, Digest, State), EvidenceError> {
        let file: Self = quorate_codec::from_bytes(bytes)
            .map_err(|error| EvidenceError::Malformed(error.to_string()))?;
        if file.version != 1 {
            return Err(EvidenceError::Malformed(format!("version {}", file.version)));
        }
        if file.genesis.hash() != *genesis {
            return Err(EvidenceError::OtherDomain);
        }
        let state = verify_log(&file.genesis, genesis, file.entries);
        let state = state.map_err(|error| EvidenceError::Genesis(error.to_string()))?;
        let finding = file.evidence.verify(&state, proofs)?;
        Ok((finding, file.evidence.id(), state))
    }
}
