//! Approval and rejection: one person's vote on one request.

use super::body::VerifiedRequest;
use super::statement::{Signed, Statement, Verified};
use crate::limits::LIFETIME_MS_MAX;
use crate::people;
use minicbor::{Decode, Encode};
use quorate_charter::State;
use quorate_codec::{Canonical, Digest, tag, tag::Tag};
use quorate_identity::{ActorId, GenesisHash, Name, PersonId, RequestId};

/// What an approver signs: bound to the domain, the request's digest, the verdict and an expiry
/// (REQ-05). Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Approval {
    /// Version of this form: 1.
    #[n(0)]
    version: u8,
    /// The domain.
    #[n(1)]
    pub genesis: GenesisHash,
    /// The request: the hash of its signed bytes.
    #[n(2)]
    pub request: RequestId,
    /// Who votes.
    #[n(3)]
    pub person: PersonId,
    /// For it or against it.
    #[n(4)]
    pub verdict: Verdict,
    /// When the vote ends, in milliseconds since 1970.
    #[n(5)]
    pub expiry_ms: u64,
    /// SHA-256 of a comment, where there is one.
    #[n(6)]
    pub comment: Option<Digest>,
}

/// For or against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Verdict {
    /// For it.
    #[n(0)]
    Approve,
    /// Against it: the request is over.
    #[n(1)]
    Reject,
}

/// A vote as it came.
pub type SignedApproval = Signed<Approval>;
/// A vote whose signature was verified.
pub type VerifiedApproval = Verified<Approval>;

/// Why a vote does not count; the voter's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalError {
    /// It is for another request (N-76).
    #[error("this vote is for another request, {0}")]
    OtherRequest(RequestId),
    /// The voter is not known at this head, or under another key.
    #[error("the voter is not known at this head under the key that signed")]
    UnknownPerson,
    /// The voter is no approver.
    #[error("{0} is not an approver")]
    NoApprover(Name),
    /// The requester votes on their own request.
    #[error("{0} filed this request and cannot vote on it")]
    OwnRequest(Name),
    /// The vote's time ran out.
    #[error("the vote of {0} has expired")]
    Expired(Name),
    /// The vote ends too far in the future.
    #[error("the vote of {0} expires in more than {days} days", days = LIFETIME_MS_MAX / 86_400_000)]
    TooLate(Name),
    /// The person has voted; the first vote counts.
    #[error("{0} has already voted on this request; the first vote counts")]
    Twice(Name),
}

impl Approval {
    /// A vote without comment.
    pub fn new(
        genesis: GenesisHash,
        request: RequestId,
        person: PersonId,
        verdict: Verdict,
        expiry_ms: u64,
    ) -> Self {
        Self { version: 1, genesis, request, person, verdict, expiry_ms, comment: None }
    }
}

impl Canonical for Approval {
    const BYTES_MAX: usize = 192;
}

impl Statement for Approval {
    const TAG: Tag = tag::APPROVAL;

    fn version(&self) -> u8 {
        self.version
    }

    fn genesis(&self) -> GenesisHash {
        self.genesis
    }

    fn signer(&self) -> ActorId {
        ActorId::Person(self.person)
    }
}

impl Verified<Approval> {
    /// Whether this vote counts for `request` beside the votes in `earlier` (REQ-06, REQ-07,
    /// REQ-08).
    /// Asked when the vote comes in, and again at the head of each decision.
    ///
    /// # Errors
    /// [`ApprovalError`].
    pub fn check(
        &self,
        state: &State,
        request: &VerifiedRequest,
        earlier: &[Self],
        now_ms: u64,
    ) -> Result<(), ApprovalError> {
        let voter = self.check_alone(state, request, now_ms)?;
        let voted = earlier.iter().map(Self::body).any(|vote| {
            let same = vote.person == self.body().person && vote.request == request.id();
            let takes_back =
                vote.verdict == Verdict::Approve && self.body().verdict == Verdict::Reject;
            same && vote.expiry_ms > now_ms && !takes_back
        });
        if voted { Err(ApprovalError::Twice(voter.clone())) } else { Ok(()) }
    }

    /// Everything but whether the person voted before; the voter's name.
    pub(crate) fn check_alone<'a>(
        &self,
        state: &'a State,
        request: &VerifiedRequest,
        now_ms: u64,
    ) -> Result<&'a Name, ApprovalError> {
        let body = self.body();
        if body.request != request.id() {
            return Err(ApprovalError::OtherRequest(body.request));
        }
        let voter = people::actor(state, &self.body().signer()).filter(|_| self.stands_at(state));
        let name = voter.ok_or(ApprovalError::UnknownPerson)?.name;
        if !people::is_approver(state, &body.person) {
            return Err(ApprovalError::NoApprover(name.clone()));
        }
        if request.body().requester == body.signer() {
            return Err(ApprovalError::OwnRequest(name.clone()));
        }
        if body.expiry_ms <= now_ms {
            return Err(ApprovalError::Expired(name.clone()));
        }
        if body.expiry_ms - now_ms > LIFETIME_MS_MAX {
            return Err(ApprovalError::TooLate(name.clone()));
        }
        Ok(name)
    }
}
