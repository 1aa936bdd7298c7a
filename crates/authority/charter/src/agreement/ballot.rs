//! What voters send each other: proposals, votes, and offers of a value.

use super::decided::{Certificate, Decided, voting_keys};
use crate::limits::{BALLOT_MAX, VALUE_BYTES_MAX};
use crate::state::State;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, Digest, Transcript, tag, tag::Tag};
use quorate_identity::{
    CertificateError, GenesisHash, KeyId, NodeId, NodeSignature, NodeSignatures,
};
use std::fmt;

/// What is decided: one position of the log, or the outcome of one attempt at a key's epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum Instance {
    /// The entry at this position.
    #[n(0)]
    Position(#[n(0)] u64),
    /// The outcome of this attempt.
    #[n(1)]
    Attempt {
        /// The key.
        #[n(0)]
        key: KeyId,
        /// The epoch that the attempt would make.
        #[n(1)]
        epoch: u64,
        /// Counts the attempts at the epoch.
        #[n(2)]
        attempt: u32,
        /// Whose voters decide: the position of the entry that made them voters, 0 for those of the
        /// genesis. An epoch has one such, whatever the charter says meanwhile (AGR-13).
        #[n(3)]
        era: u64,
    },
}

/// Which of a voter's statements in one ballot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Phase {
    /// The ballot's proposer proposes a value.
    #[n(0)]
    Proposal,
    /// The first vote.
    #[n(1)]
    Prevote,
    /// The second vote.
    #[n(2)]
    Precommit,
    /// A value for whoever proposes; no vote, and outside the ballots.
    #[n(3)]
    Offer,
}

/// A voter's statement as it came, not yet verified. It may be passed on by anybody.
///
/// What is signed is the canonical encoding of [version, domain, instance, ballot, digest of the
/// value or none, ballot of the lock or none] under the tag of the phase (AGR-02). One encoding
/// means one statement (ENC-01), so signed bytes and fields are the same thing.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignedBallotMessage {
    #[n(0)]
    version: u8,
    #[n(1)]
    genesis: GenesisHash,
    #[n(2)]
    instance: Instance,
    #[n(3)]
    ballot: u32,
    #[n(4)]
    voter: NodeId,
    #[n(5)]
    body: BallotBody,
    #[n(6)]
    signature: NodeSignature,
}

/// What a voter says.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum BallotBody {
    /// The proposer's value, with the lock that it rests on if there is one.
    #[n(0)]
    Proposal {
        /// The value.
        #[n(0)]
        value: ByteVec,
        /// Proof that a quorum prevoted it in an earlier ballot.
        #[n(1)]
        lock: Option<Lock>,
    },
    /// A vote for the value of this digest, or for none.
    #[n(1)]
    Prevote(#[n(0)] Option<Digest>),
    /// A binding vote for the value of this digest, or for none.
    #[n(2)]
    Precommit(#[n(0)] Option<Digest>),
    /// A value for whoever proposes, with the lock that it rests on if there is one.
    #[n(3)]
    Offer {
        /// The value.
        #[n(0)]
        value: ByteVec,
        /// Proof that a quorum prevoted it in an earlier ballot.
        #[n(1)]
        lock: Option<Lock>,
    },
}

/// The prevotes of a quorum for one value in one ballot.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Lock {
    /// The ballot.
    #[n(0)]
    pub ballot: u32,
    /// The quorum's signatures under that prevote.
    #[n(1)]
    pub prevotes: NodeSignatures,
}

/// Under which keys the prevotes of a lock are a quorum's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockKeys {
    /// Those of now; or there is no lock.
    OfNow,
    /// Some of them are former ones, which may be anybody's by now; but more voters than may lie
    /// prevoted under keys of now. So it shows that the value was found valid in time, and frees
    /// nobody who is bound to another (AGR-13).
    OfThen,
}

/// Why a ballot message is refused; the fault of whoever sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BallotError {
    /// A form that this version does not know.
    #[error("a ballot message of version {0} is not known here")]
    Version(u8),
    /// It is for another domain.
    #[error("the ballot message is for another domain, {0}")]
    ForeignDomain(GenesisHash),
    /// The sender has no vote (N-59).
    #[error("{0} is not a voter")]
    Stranger(NodeId),
    /// No entry of this position made voters, as far as this node's charter goes.
    #[error("the charter names no voters of era {0}")]
    Era(u64),
    /// The ballot is beyond all reason.
    #[error("ballot {0} is out of range")]
    Ballot(u32),
    /// The value is longer than any entry or outcome.
    #[error("a value of {0} bytes is too long")]
    TooLong(usize),
    /// The signature is not the voter's.
    #[error("the signature of {0} does not verify")]
    Signature(NodeId),
    /// A lock that is not of an earlier ballot.
    #[error("the lock is not of an earlier ballot")]
    LockBallot,
    /// The lock's prevotes do not hold.
    #[error("the lock does not hold: {0}")]
    Lock(CertificateError),
}

/// The digest that votes carry in place of a value.
pub(crate) fn value_digest(value: &[u8]) -> Digest {
    Transcript::new(tag::DECISION_VALUE).part(value).digest()
}

/// The bytes that voters sign; the same for all voters, so that signatures make a certificate.
pub(crate) fn statement(
    genesis: GenesisHash,
    instance: Instance,
    ballot: u32,
    digest: Option<Digest>,
    lock: Option<u32>,
) -> Vec<u8> {
    quorate_codec::to_bytes(&Statement { version: 1, genesis, instance, ballot, digest, lock })
}

#[derive(Encode)]
struct Statement {
    #[n(0)]
    version: u8,
    #[n(1)]
    genesis: GenesisHash,
    #[n(2)]
    instance: Instance,
    #[n(3)]
    ballot: u32,
    #[n(4)]
    digest: Option<Digest>,
    #[n(5)]
    lock: Option<u32>,
}

impl Instance {
    /// Whether it is this attempt, whoever decides about it.
    pub fn is_attempt(&self, of: &KeyId, at: u64, number: u32) -> bool {
        matches!(self, Self::Attempt { key, epoch, attempt, .. }
            if (key, *epoch, *attempt) == (of, at, number))
    }

    /// Where the rotation of proposers begins: known to all, the same for nobody's benefit
    /// (AGR-03).
    pub(crate) fn offset(&self) -> u64 {
        match self {
            Self::Position(position) => *position,
            Self::Attempt { key, epoch, attempt, .. } => {
                let key = key.digest();
                let start =
                    key.as_bytes().first_chunk::<8>().map_or(0, |head| u64::from_be_bytes(*head));
                start.wrapping_add(*epoch).wrapping_add(u64::from(*attempt))
            }
        }
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Position(position) => write!(formatter, "position {position}"),
            Self::Attempt { key, epoch, attempt, .. } => {
                write!(formatter, "attempt {attempt} at epoch {epoch} of key {key}")
            }
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Proposal => "proposal",
            Self::Prevote => "prevote",
            Self::Precommit => "precommit",
            Self::Offer => "offer",
        })
    }
}

impl Phase {
    /// What signatures of this phase are for. No two phases share it, so a prevote never counts
    /// as a precommit (N-22).
    pub fn tag(self) -> Tag {
        match self {
            Self::Proposal => tag::PROPOSAL,
            Self::Prevote => tag::PREVOTE,
            Self::Precommit => tag::PRECOMMIT,
            Self::Offer => tag::OFFER,
        }
    }
}

impl BallotBody {
    /// Its phase.
    pub fn phase(&self) -> Phase {
        match self {
            Self::Proposal { .. } => Phase::Proposal,
            Self::Prevote(_) => Phase::Prevote,
            Self::Precommit(_) => Phase::Precommit,
            Self::Offer { .. } => Phase::Offer,
        }
    }

    /// The digest of the value that it is about, if it is about one.
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Self::Proposal { value, .. } | Self::Offer { value, .. } => Some(value_digest(value)),
            Self::Prevote(digest) | Self::Precommit(digest) => *digest,
        }
    }

    fn lock(&self) -> Option<&Lock> {
        match self {
            Self::Proposal { lock, .. } | Self::Offer { lock, .. } => lock.as_ref(),
            Self::Prevote(_) | Self::Precommit(_) => None,
        }
    }

    fn value(&self) -> &[u8] {
        match self {
            Self::Proposal { value, .. } | Self::Offer { value, .. } => value,
            Self::Prevote(_) | Self::Precommit(_) => &[],
        }
    }
}

impl SignedBallotMessage {
    /// Signs what a voter says; `sign` signs bytes as what a tag names.
    pub fn sign(
        genesis: GenesisHash,
        instance: Instance,
        ballot: u32,
        voter: NodeId,
        body: BallotBody,
        sign: &dyn Fn(Tag, &[u8]) -> NodeSignature,
    ) -> Self {
        let lock = body.lock().map(|lock| lock.ballot);
        let bytes = statement(genesis, instance, ballot, body.digest(), lock);
        let signature = sign(body.phase().tag(), &bytes);
        Self { version: 1, genesis, instance, ballot, voter, body, signature }
    }

    /// The vote of which a certificate keeps the signature.
    pub(super) fn of_certificate(
        decided: &Decided,
        voter: NodeId,
        signature: NodeSignature,
    ) -> Self {
        let &Decided { genesis, instance, ballot, ref value, .. } = decided;
        let body = BallotBody::Precommit(Some(value_digest(value)));
        Self { version: 1, genesis, instance, ballot, voter, body, signature }
    }

    /// What it is about.
    pub fn instance(&self) -> Instance {
        self.instance
    }

    /// The ballot, from 0.
    pub fn ballot(&self) -> u32 {
        self.ballot
    }

    /// Who is said to have signed it.
    pub fn voter(&self) -> NodeId {
        self.voter
    }

    /// What it says.
    pub fn body(&self) -> &BallotBody {
        &self.body
    }

    /// The voter's signature.
    pub fn signature(&self) -> &NodeSignature {
        &self.signature
    }

    /// The length of the value that it proposes; votes, and offers, which nobody keeps, have none.
    pub fn proposed_bytes(&self) -> usize {
        match &self.body {
            BallotBody::Proposal { value, .. } => value.len(),
            BallotBody::Prevote(_) | BallotBody::Precommit(_) | BallotBody::Offer { .. } => 0,
        }
    }

    /// The signed bytes.
    pub fn statement(&self) -> Vec<u8> {
        let lock = self.body.lock().map(|lock| lock.ballot);
        statement(self.genesis, self.instance, self.ballot, self.body.digest(), lock)
    }

    /// Verifies form, domain, voter, signature and the proof of a lock (AGR-02). An
    /// [`Agreement`](super::Agreement) takes only what this accepted.
    ///
    /// # Errors
    /// [`BallotError`]. Cost: one signature verification, and one a prevote of a lock; more where
    /// voters have former keys.
    pub fn verify(&self, state: &State) -> Result<LockKeys, BallotError> {
        if self.version != 1 {
            return Err(BallotError::Version(self.version));
        }
        if self.genesis != state.genesis() {
            return Err(BallotError::ForeignDomain(self.genesis));
        }
        let electorate = state.electorate(&self.instance).map_err(BallotError::Era)?;
        let keys = electorate.contains(&self.voter).then(|| state.keys_of_now(&self.voter));
        let keys = keys.flatten().ok_or(BallotError::Stranger(self.voter))?;
        if self.ballot > BALLOT_MAX {
            return Err(BallotError::Ballot(self.ballot));
        }
        let len = self.body.value().len();
        if len > VALUE_BYTES_MAX {
            return Err(BallotError::TooLong(len));
        }
        let verified = keys.verify(self.body.phase().tag(), &self.statement(), &self.signature);
        verified.map_err(|_| BallotError::Signature(self.voter))?;
        let Some(lock) = self.body.lock() else { return Ok(LockKeys::OfNow) };
        if lock.ballot >= self.ballot {
            return Err(BallotError::LockBallot);
        }
        let prevote = statement(self.genesis, self.instance, lock.ballot, self.body.digest(), None);
        let prevotes =
            Certificate { votes: &lock.prevotes, tag: tag::PREVOTE, statement: &prevote };
        let keys = voting_keys(state, self.instance, self.body.value());
        prevotes.verify(electorate, keys).map_err(BallotError::Lock)?;
        // Whoever else signed, and under what keys, takes nothing from a quorum under keys of now.
        let (got, needed) = (prevotes.of_now(state), electorate.quorum());
        if got >= needed {
            Ok(LockKeys::OfNow)
        } else if prevotes.still(state) > electorate.faults().max(state.faults()) {
            Ok(LockKeys::OfThen)
        } else {
            Err(BallotError::Lock(CertificateError::Few { got, needed }))
        }
    }
}

impl Canonical for Instance {
    const BYTES_MAX: usize = 64;
}

impl Canonical for SignedBallotMessage {
    const BYTES_MAX: usize = 512 + VALUE_BYTES_MAX + NodeSignatures::BYTES_MAX;
}
