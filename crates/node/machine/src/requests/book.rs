//! What a node knows of one request, and its stored form.

use crate::event::Millis;
use crate::job::JobId;
use crate::limits;
use crate::wire::Outcome;
use minicbor::{Decode, Encode};
use quorate_charter::State;
use quorate_codec::Canonical;
use quorate_identity::{Head, NodeId};
use quorate_intent::{Artifact, Decoded};
use quorate_policy::request::{
    SignedApproval, SignedCancellation, SignedNodeDecision, SignedRequest, StatementError,
    VerifiedApproval, VerifiedNodeDecision, VerifiedRequest,
};
use quorate_policy::{Authorized, SignRequest};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a node knows of one request.
pub(crate) struct RequestBook {
    pub request: VerifiedRequest,
    pub approvals: Vec<VerifiedApproval>,
    pub cancellation: Option<SignedCancellation>,
    pub decisions: BTreeMap<NodeId, VerifiedNodeDecision>,
    pub refusals: Vec<Refusal>,
    /// What this node read out of the bytes.
    pub decoded: Option<Arc<Decoded>>,
    pub stage: Stage,
    pub outcome: Option<Outcome>,
    pub artifact: Option<Artifact>,
    pub idempotency: Option<String>,
    pub filed_at: Millis,
    /// This node's authorisation and the head it was made at; spent by an attempt.
    pub(super) authorized: Option<(Head, Authorized<SignRequest>)>,
    pub(super) judging: Option<(JobId, Head)>,
    pub(super) judge_again: bool,
    pub(super) judgements_lost: u32,
    /// Signatures that this node has not verified yet.
    pub(super) unverified: Unverified,
    /// The job that verifies signatures.
    pub(super) finishing: Option<JobId>,
}

/// Signatures that wait to be verified: one place for each sender, and each sender in turn, so
/// that nobody's false ones displace another's genuine ones (SES-09).
#[derive(Default)]
pub(crate) struct Unverified {
    waiting: BTreeMap<NodeId, Outcome>,
    last: Option<NodeId>,
}

/// Where a request stands at this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum Stage {
    #[n(0)]
    Waiting,
    #[n(1)]
    Signing,
    #[n(2)]
    Signed,
    #[n(3)]
    Denied,
    #[n(4)]
    Rejected,
    #[n(5)]
    Expired,
    #[n(6)]
    Cancelled,
    #[n(7)]
    Failed,
}

/// A proposal that this node refused: local evidence, never on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Refusal {
    #[n(0)]
    pub proposed_by: NodeId,
    #[n(1)]
    pub reason: String,
    #[n(2)]
    pub at: Millis,
}

/// The stored form of a request.
#[derive(Encode, Decode)]
struct RequestRow {
    #[n(0)]
    version: u8,
    #[n(1)]
    request: SignedRequest,
    #[n(2)]
    approvals: Vec<SignedApproval>,
    #[n(3)]
    cancellation: Option<SignedCancellation>,
    #[n(4)]
    decisions: Vec<SignedNodeDecision>,
    #[n(5)]
    stage: Stage,
    #[n(6)]
    outcome: Option<Outcome>,
    #[n(7)]
    idempotency: Option<String>,
    #[n(8)]
    filed_at: Millis,
    #[n(9)]
    refusals: Vec<Refusal>,
}

impl Canonical for RequestRow {
    const BYTES_MAX: usize = 16 << 20;
}

impl Unverified {
    /// Keeps signatures; the sender's earlier ones go.
    pub fn push(&mut self, from: NodeId, outcome: Outcome) {
        self.waiting.insert(from, outcome);
    }

    /// Takes out what the sender whose turn it is sent.
    pub fn take_next(&mut self) -> Option<(NodeId, Outcome)> {
        let mut senders = self.waiting.keys();
        let after = self.last.and_then(|last| senders.clone().find(|sender| **sender > last));
        let next = *after.or_else(|| senders.next())?;
        self.last = Some(next);
        self.waiting.remove_entry(&next)
    }

    /// Forgets everything: the request is signed.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }
}

impl Stage {
    /// People said no: as long as the request has not expired, that is not forgotten.
    pub fn is_withdrawn(self) -> bool {
        matches!(self, Self::Rejected | Self::Cancelled)
    }

    /// Nothing more will happen.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Waiting | Self::Signing)
    }
}

impl RequestBook {
    /// A request that was just filed.
    pub fn new(request: VerifiedRequest, idempotency: Option<String>, now: Millis) -> Self {
        Self {
            request,
            approvals: Vec::new(),
            cancellation: None,
            decisions: BTreeMap::new(),
            refusals: Vec::new(),
            decoded: None,
            stage: Stage::Waiting,
            outcome: None,
            artifact: None,
            idempotency,
            filed_at: now,
            authorized: None,
            judging: None,
            judge_again: false,
            judgements_lost: 0,
            unverified: Unverified::default(),
            finishing: None,
        }
    }

    /// The stored form.
    pub fn row(&self) -> Vec<u8> {
        quorate_codec::to_bytes(&RequestRow {
            version: 1,
            request: self.request.signed().clone(),
            approvals: self.approvals.iter().map(|vote| vote.signed().clone()).collect(),
            cancellation: self.cancellation.clone(),
            decisions: self.decisions.values().map(|known| known.signed().clone()).collect(),
            stage: self.stage,
            outcome: self.outcome.clone(),
            idempotency: self.idempotency.clone(),
            filed_at: self.filed_at,
            refusals: self.refusals.clone(),
        })
    }

    /// Reads a stored request. Its statements are verified again, under the charter of now, and what nodes
    /// decided under their keys of then; a
    /// vote whose signer has gone since is dropped. A request that was under way is judged anew.
    ///
    /// # Errors
    /// The request itself does not verify any more.
    pub fn load(bytes: &[u8], state: &State) -> Result<Self, StatementError> {
        let row: RequestRow = quorate_codec::from_bytes(bytes)?;
        let request = row.request.verify(state)?;
        let mut book = Self::new(request, row.idempotency, row.filed_at);
        let verified = row.approvals.into_iter().filter_map(|vote| vote.verify(state).ok());
        book.approvals = verified.take(limits::VOTES_PER_REQUEST_MAX).collect();
        let decisions =
            row.decisions.into_iter().filter_map(|known| known.verify_of_then(state).ok());
        book.decisions = decisions.map(|known| (known.node(), known)).collect();
        book.cancellation = row.cancellation;
        book.outcome = row.outcome;
        book.refusals = row.refusals;
        book.stage = if row.stage.is_final() { row.stage } else { Stage::Waiting };
        Ok(book)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Target;
    use quorate_codec::Digest;
    use quorate_identity::RequestId;

    #[test]
    fn ses_09_every_sender_gets_its_turn_whatever_the_others_send() {
        let outcome = || Outcome {
            target: Target::Request(RequestId(Digest([7; 32]))),
            head: Head(Digest([8; 32])),
            quorum: Vec::new(),
            signatures: Vec::new(),
        };
        let node = |number: u8| NodeId(Digest([number; 32]));
        let mut unverified = Unverified::default();
        for honest in [2, 4] {
            unverified.push(node(honest), outcome());
        }
        let mut heard = Vec::new();
        for _ in 0..6 {
            for liar in [1, 3] {
                unverified.push(node(liar), outcome());
            }
            heard.extend(unverified.take_next().map(|(from, _)| from));
        }
        assert_eq!(heard, [1, 2, 3, 4, 1, 3].map(node));
    }
}
