//! What arrives over a channel, checked before it reaches the node (NOD-02): strictly decoded,
//! and every signature inside verified against a state of the charter. Runs outside
//! [`Node::handle`](crate::node::Node::handle), on any core.
//!
//! Whether a statement still counts at the node's head, the node asks itself; here only who
//! said it is settled.

use crate::ceremonies::deal_bytes;
use crate::evidence::Evidence;
use crate::limits;
use crate::node::{Node, Turn};
use crate::requests::Statement;
use crate::wire::{
    BundleMessage, DealMessage, DealStep, Generation, ImportDealing, KeyProgress, Message, Outcome,
    PairMessage, SessionMessage, SessionStep, ShownMessage,
};
use quorate_charter::{
    AttemptPlan, CertifiedEntry, Decided, EpochRecord, LockKeys, Recognition, SignedBallotMessage,
    SignedCession, SignedEpochStatement, SignedFreeze, SignedHello, SignedMotion, SignedRejoin,
    SignedWelcome, State,
};
use quorate_codec::{Canonical, Digest, tag};
use quorate_engine::Complaint;
use quorate_identity::NodeId;
use quorate_policy::request::{
    VerifiedApproval, VerifiedCancellation, VerifiedNodeDecision, VerifiedRequest,
};

/// A frame whose statements were checked. Only [`check`] makes one.
#[derive(Debug)]
pub struct Checked {
    content: Content,
    /// The last entry that changed who the nodes are, of those that were known then.
    nodes_changed_at: u64,
}

#[derive(Debug)]
enum Content {
    Hello(SignedHello),
    Welcome(SignedWelcome),
    Fetch(u64),
    /// Verified when they are applied: each against the state before it.
    Entries(Vec<CertifiedEntry>),
    FetchRecords(Vec<KeyProgress>),
    Progress(Digest),
    Epoch(SignedEpochStatement),
    Decided(Decided),
    /// Verified when it is taken: motions come at human rate.
    Motion(SignedMotion),
    Ballot(SignedBallotMessage, LockKeys),
    Rejoin(SignedRejoin),
    Deal(DealMessage),
    /// Its signatures are the importer's, whose key the charter has.
    Import(Box<ImportDealing>),
    Pair(PairMessage),
    Pairs(Vec<Generation>),
    Request(VerifiedRequest),
    Approval(VerifiedApproval),
    Cancellation(VerifiedCancellation),
    Decision(VerifiedNodeDecision),
    Session(SessionMessage),
    /// Its signatures are verified by a job.
    Outcome(Outcome),
    /// Verified by a job, if it would be news.
    Evidence(Box<Evidence>),
    Bundle(BundleMessage),
    /// Verified when it is taken: it may be news, and freezes are few.
    Freeze(SignedFreeze),
    /// Likewise.
    Cession(Box<SignedCession>),
}

/// Why a frame was dropped; the fault of the peer that sent it. Never said to the peer (N-79).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IngressError {
    /// Not a message of this protocol.
    #[error("not a message: {0}")]
    Malformed(#[from] quorate_codec::DecodeError),
    /// The sender is not a node of the charter (N-59).
    #[error("the sender is not a node of this domain")]
    Stranger,
    /// A list is longer than any honest node sends.
    #[error("the message holds too many elements")]
    TooMany,
    /// A statement that should be the sender's own names another node.
    #[error("the statement is not the sender's own")]
    NotOwn,
    /// A statement does not hold.
    #[error("the statement does not hold: {0}")]
    Statement(String),
}

/// Checks a frame from an authenticated channel.
///
/// # Errors
/// [`IngressError`]; the frame is to be dropped. Cost: one signature verification for each
/// statement inside.
pub fn check(state: &State, from: NodeId, bytes: &[u8]) -> Result<Checked, IngressError> {
    let sender = state.node(&from).ok_or(IngressError::Stranger)?;
    let content = match quorate_codec::from_bytes::<Message>(bytes)? {
        Message::Hello(hello) => {
            own(from, hello.node())?;
            hello.verify(state).map_err(no)?;
            Content::Hello(hello)
        }
        Message::Welcome(welcome) => {
            own(from, welcome.node())?;
            let body = welcome.verify(state).map_err(no)?;
            if let Recognition::Lapsed(evidence) = &body.recognition {
                evidence.verify(state).map_err(no)?;
            }
            Content::Welcome(welcome)
        }
        Message::Fetch(after) => Content::Fetch(after),
        Message::Entries(entries) => {
            at_most(entries.len(), limits::ENTRIES_PER_ANSWER)?;
            entries.iter().try_for_each(fits)?;
            Content::Entries(entries)
        }
        Message::FetchRecords(known) => {
            at_most(known.len(), quorate_charter::limits::KEYS_MAX)?;
            Content::FetchRecords(known)
        }
        Message::Progress(digest) => Content::Progress(digest),
        Message::Epoch(statement) => {
            statement.verify(state).map_err(no)?;
            Content::Epoch(statement)
        }
        Message::Decided(decided) => {
            fits(&decided)?;
            decided.verify(state).map_err(no)?;
            Content::Decided(decided)
        }
        Message::Motion(motion) => {
            fits(&motion)?;
            Content::Motion(motion)
        }
        Message::Ballot(message) => {
            let keys = message.verify(state).map_err(no)?;
            Content::Ballot(message, keys)
        }
        Message::Rejoin(rejoin) => {
            rejoin.verify(state).map_err(no)?;
            Content::Rejoin(rejoin)
        }
        Message::Deal(message) => {
            let signed = deal_bytes(&state.genesis(), &message);
            let verified = sender.keys.verify(tag::DEAL_MESSAGE, &signed, &message.signature);
            verified.map_err(no)?;
            bounded_deal(&message.step)?;
            shown_as_signed(state, &message)?;
            Content::Deal(message)
        }
        Message::Import(dealing) => {
            crate::import::check_dealing(state, &dealing).map_err(no)?;
            Content::Import(dealing)
        }
        Message::Pair(message) => Content::Pair(message),
        Message::Pairs(ready) => {
            at_most(ready.len(), quorate_charter::limits::NODES_MAX)?;
            Content::Pairs(ready)
        }
        Message::Request(request) => Content::Request(request.verify(state).map_err(no)?),
        Message::Approval(vote) => Content::Approval(vote.verify(state).map_err(no)?),
        Message::Cancellation(cancellation) => {
            Content::Cancellation(cancellation.verify(state).map_err(no)?)
        }
        Message::Decision(decision) => {
            // Shown again by somebody else, an earlier one would undo the newest.
            own(from, decision.node())?;
            Content::Decision(decision.verify(state).map_err(no)?)
        }
        Message::Session(message) => {
            bounded(&message)?;
            Content::Session(message)
        }
        Message::Outcome(outcome) => {
            at_most(outcome.signatures.len(), limits::PAYLOADS_MAX)?;
            at_most(outcome.quorum.len(), quorate_charter::limits::NODES_MAX)?;
            fits(&outcome)?;
            Content::Outcome(outcome)
        }
        // How long it may be is seen at the attempt that it is for, before it is kept.
        Message::Bundle(bundle) => Content::Bundle(bundle),
        Message::Freeze(freeze) => {
            fits(&freeze)?;
            Content::Freeze(freeze)
        }
        Message::Cession(cession) => {
            fits(cession.as_ref())?;
            Content::Cession(cession)
        }
        Message::Evidence(evidence) => {
            fits(evidence.as_ref())?;
            Content::Evidence(evidence)
        }
    };
    Ok(Checked { content, nodes_changed_at: state.nodes_changed_at() })
}

fn own(from: NodeId, claimed: NodeId) -> Result<(), IngressError> {
    if from == claimed { Ok(()) } else { Err(IngressError::NotOwn) }
}

fn at_most(count: usize, most: usize) -> Result<(), IngressError> {
    if count <= most { Ok(()) } else { Err(IngressError::TooMany) }
}

/// What is stored as it came must be read again: it keeps the limit of its own form, not only
/// that of the message around it (NOD-05).
fn fits<T: Canonical>(thing: &T) -> Result<(), IngressError> {
    at_most(quorate_codec::to_bytes(thing).len(), T::BYTES_MAX)
}

/// Proposals and contributions wait in memory, so they are short.
fn bounded(message: &SessionMessage) -> Result<(), IngressError> {
    let nodes = quorate_charter::limits::NODES_MAX;
    match &message.step {
        SessionStep::Propose { terms, first, generations, .. } => {
            at_most(terms.quorum.len(), nodes)?;
            at_most(terms.incarnations.len(), nodes)?;
            at_most(terms.presignatures.len(), quorate_engine::PAYLOADS_MAX)?;
            at_most(generations.len(), nodes)?;
            at_most(first.len(), limits::FIRST_BYTES_MAX)
        }
        SessionStep::Join { first, generations, .. } => {
            at_most(generations.len(), nodes)?;
            at_most(first.len(), limits::FIRST_BYTES_MAX)
        }
        SessionStep::Round { .. } | SessionStep::Abort | SessionStep::Made => Ok(()),
    }
}

/// Messages of dealings wait for plans and records, so they are short.
fn bounded_deal(step: &DealStep) -> Result<(), IngressError> {
    match step {
        DealStep::Round { bytes, .. } => at_most(bytes.len(), limits::DEAL_BYTES_MAX),
        DealStep::Plan { plan } => at_most(plan.len(), AttemptPlan::BYTES_MAX),
        DealStep::Prepared { record, leaf_proofs } => {
            at_most(record.len(), EpochRecord::BYTES_MAX)?;
            at_most(leaf_proofs.len(), limits::DEAL_BYTES_MAX)
        }
        DealStep::Complaint { bytes } => at_most(bytes.len(), Complaint::BYTES_MAX),
        DealStep::Shown { messages } => {
            at_most(messages.len(), 3 * quorate_charter::limits::NODES_MAX)?;
            let longest = messages.iter().map(|shown| shown.bytes.len()).max();
            at_most(longest.unwrap_or_default(), limits::DEAL_BYTES_MAX)
        }
        DealStep::Abort { .. } => Ok(()),
    }
}

/// What is shown of others was signed by them, for the same attempt (BLM-06).
fn shown_as_signed(state: &State, message: &DealMessage) -> Result<(), IngressError> {
    let DealStep::Shown { messages } = &message.step else { return Ok(()) };
    messages.iter().try_for_each(|ShownMessage { author, number, bytes, signature }| {
        let author = state.node(author).ok_or(IngressError::Stranger)?;
        let step = DealStep::Round { number: *number, bytes: bytes.clone() };
        let DealMessage { key, epoch, attempt, context, .. } = *message;
        let said = DealMessage { key, epoch, attempt, context, step, signature: *signature };
        let signed = deal_bytes(&state.genesis(), &said);
        author.keys.verify(tag::DEAL_MESSAGE, &signed, signature).map_err(no)
    })
}

fn no(error: impl ToString) -> IngressError {
    IngressError::Statement(error.to_string())
}

impl Node {
    /// Hands a checked frame to whatever it concerns. A node that halted only listens.
    pub(crate) fn on_frame(&mut self, from: NodeId, frame: Checked, turn: &mut Turn<'_>) {
        // What was checked under the keys of a former machine, or of a node that was revoked, is
        // theirs; of everybody else it is told again.
        let is_of_now = frame.nodes_changed_at == self.state.nodes_changed_at();
        if !is_of_now || !self.presence.is_connected(&from) {
            return;
        }
        match frame.content {
            Content::Hello(hello) => self.on_hello(from, hello, turn),
            Content::Welcome(welcome) => self.on_welcome(from, welcome.body(), turn),
            Content::Fetch(after) => self.send_entries(from, after, turn),
            Content::Entries(entries) => self.on_entries(from, entries, turn),
            Content::FetchRecords(known) => self.on_fetch_records(from, &known, turn),
            Content::Progress(digest) => self.on_progress(from, digest, turn),
            Content::Epoch(statement) => self.on_epoch_statement(from, statement, turn),
            Content::Decided(decided) => self.on_decided(decided, turn),
            Content::Motion(motion) => {
                if let Err(error) = self.on_motion(motion, turn) {
                    self.audit(format!("passed over a motion: {error}"), &[], turn);
                }
            }
            Content::Ballot(message, keys) => self.on_ballot(from, message, keys, turn),
            Content::Rejoin(rejoin) => self.on_rejoin(rejoin, turn),
            Content::Deal(message) => self.on_deal(from, message, turn),
            Content::Import(dealing) => self.on_import(from, *dealing, turn),
            Content::Pair(message) => self.on_pair(from, message, turn),
            Content::Pairs(ready) => self.on_pairs(from, &ready, turn),
            Content::Request(request) => self.on_request(from, request, turn),
            Content::Approval(vote) => {
                self.on_statement(from, Statement::Approval(vote), turn);
            }
            Content::Cancellation(cancellation) => {
                self.on_statement(from, Statement::Cancellation(cancellation), turn);
            }
            Content::Decision(decision) => {
                self.on_statement(from, Statement::Decision(decision), turn);
            }
            Content::Session(message) => self.on_session(from, message, turn),
            Content::Outcome(outcome) => self.on_outcome(from, outcome, turn),
            Content::Evidence(evidence) => self.on_evidence(from, *evidence, turn),
            Content::Bundle(bundle) => self.on_bundle(from, bundle, turn),
            // One that does not count changes nothing; who told it need not know better.
            Content::Freeze(freeze) => {
                let _ = self.on_freeze(freeze, turn);
            }
            Content::Cession(cession) => {
                let _ = self.on_cession(*cession, turn);
            }
        }
    }
}
