//! Why a dealing ended, and whose fault it was.

use crate::Complaint;
use quorate_access::LeafId;
use quorate_identity::NodeId;

/// A dealing that ended without a key. Local evidence: the wire carries none of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct DealError {
    /// Participants whose own messages prove that they deviated; ascending, possibly none. An honest
    /// one is never among them (DEAL-24).
    pub culprits: Vec<NodeId>,
    /// What was found.
    pub reason: DealFault,
    /// After a bad share: what proves to others whose fault it was, once it is signed and sent.
    /// Everything else is proven by messages that all have.
    pub complaint: Option<Box<Complaint>>,
}

/// What ended a dealing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DealFault {
    /// Terms under which nothing can be dealt: no secrets or too many, dealers that are not the
    /// parties of their selection, commitments of another tree. The caller's fault (DEAL-02).
    #[error("nothing can be dealt under these terms")]
    Terms,
    /// The node that is to take part neither deals nor has a leaf. The caller's fault.
    #[error("this node takes no part in the dealing")]
    NotMember,
    /// A dealer that lacks what it is to deal, or has something else. The caller's fault, or
    /// that of its store.
    #[error("this node does not hold what it is to deal")]
    Holding,
    /// Not one message of every participant, or one of somebody else. The caller's fault: a round is
    /// handled when its messages are there (DEAL-04).
    #[error("not exactly one message of every participant")]
    Inbox,
    /// The own message is not the one that was made. The caller's fault.
    #[error("the own message has changed")]
    OwnMessage,
    /// A message is not canonical, of another version, has not what its sender's roles demand, or
    /// its lists are not as long as the terms demand (DEAL-03, DEAL-08).
    #[error("a message is malformed")]
    Malformed,
    /// A sealing key with which nothing can be sealed (DEAL-05).
    #[error("a sealing key is of small order")]
    SealKey,
    /// Revealed coefficients that do not open the commitment of round one (DEAL-09).
    #[error("a commitment does not open")]
    Opening,
    /// Members who saw another first round. Nobody is accused: an honest member echoes what it
    /// was sent (DEAL-10). Who it was, `judge_echoes` can tell from signed messages.
    #[error("{} members saw another first round", differing.len())]
    Echo {
        /// Those whose echo differs from the own one.
        differing: Vec<NodeId>,
    },
    /// A proof of possession that does not verify (DEAL-11).
    #[error("a proof of possession does not verify")]
    Possession,
    /// Members that dealt one secret twice, each able to prove possession of it. Nobody is
    /// accused: they may share a broken source of randomness (DEAL-12).
    #[error("{} members dealt the same secret", members.len())]
    Duplicate {
        /// Those members.
        members: Vec<NodeId>,
    },
    /// A dealing of something else than the dealer's part of keys that exist (DEAL-18).
    #[error("a dealer did not deal its part of the keys")]
    Constant,
    /// A sealed share that does not open, or is not the committed one. The receiver knows who
    /// lies; others learn it from its complaint (DEAL-14, DEAL-19).
    #[error("the share of {leaf} from {dealer} to {receiver} is bad")]
    SubShare {
        /// Who sealed it.
        dealer: NodeId,
        /// Who opened it.
        receiver: NodeId,
        /// Whose share it is.
        leaf: LeafId,
        /// Of which secret, the first if of several; `None` if nothing opened.
        secret: Option<usize>,
    },
    /// The sum of the dealings is not a usable sharing; by chance this never happens (DEAL-15).
    #[error("the sum of all dealings is degenerate")]
    Sum,
    /// Leaf proofs that are malformed, too few, too many, or do not verify (DEAL-16).
    #[error("a proof of a leaf share does not verify")]
    LeafProofs,
}

impl DealError {
    /// A fault of `culprits`.
    pub(crate) fn of(culprits: Vec<NodeId>, reason: DealFault) -> Self {
        Self { culprits, reason, complaint: None }
    }

    /// A fault that accuses nobody.
    pub(crate) fn nobody(reason: DealFault) -> Self {
        Self { culprits: Vec::new(), reason, complaint: None }
    }

    /// Whether the caller is to blame rather than a member: exhaustive, so that every new fault
    /// answers the question.
    pub fn is_callers(&self) -> bool {
        match self.reason {
            DealFault::Terms
            | DealFault::NotMember
            | DealFault::Holding
            | DealFault::Inbox
            | DealFault::OwnMessage => true,
            DealFault::Malformed
            | DealFault::SealKey
            | DealFault::Opening
            | DealFault::Echo { .. }
            | DealFault::Possession
            | DealFault::Duplicate { .. }
            | DealFault::Constant
            | DealFault::SubShare { .. }
            | DealFault::Sum
            | DealFault::LeafProofs => false,
        }
    }
}
