//! Why a dealing ended, and whose fault it was.

use quorate_access::LeafId;
use quorate_identity::NodeId;

/// A dealing that ended without a key. Local evidence: the wire carries none of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct DealError {
    /// Members whose own messages prove that they deviated; ascending, possibly none. An honest
    /// member is never among them (DKG-16).
    pub culprits: Vec<NodeId>,
    /// What was found.
    pub reason: DealFault,
}

/// What ended a dealing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DealFault {
    /// The node that is to take part has no leaf. The caller's fault.
    #[error("this node is no member of the tree")]
    NotMember,
    /// Not one message of every member, or one of somebody else. The caller's fault: a round is
    /// handled when its messages are there (DKG-03).
    #[error("not exactly one message of every member")]
    Inbox,
    /// The own message is not the one that was made. The caller's fault.
    #[error("the own message has changed")]
    OwnMessage,
    /// A message is not canonical, of another version, or its lists are not as long as the tree
    /// demands (DKG-02, DKG-08).
    #[error("a message is malformed")]
    Malformed,
    /// A sealing key with which nothing can be sealed (DKG-04).
    #[error("a sealing key is of small order")]
    SealKey,
    /// Revealed coefficients that do not open the commitment of round one (DKG-09).
    #[error("a commitment does not open")]
    Opening,
    /// Members who saw another first round. Nobody is accused: an honest member echoes what it
    /// was sent (DKG-10).
    #[error("{} members saw another first round", differing.len())]
    Echo {
        /// Those whose echo differs from the own one.
        differing: Vec<NodeId>,
    },
    /// A proof of possession that does not verify (DKG-11).
    #[error("a proof of possession does not verify")]
    Possession,
    /// Members with the same constant term, each able to prove possession of it. Nobody is
    /// accused: they may share a broken source of randomness (DKG-12).
    #[error("{} members dealt the same secret", members.len())]
    Duplicate {
        /// Those members.
        members: Vec<NodeId>,
    },
    /// A sealed share that does not open, or is not the committed one. One of the two lies; the
    /// receiver knows which, others cannot yet (DKG-13).
    #[error("the share of {leaf} from {dealer} to {receiver} is bad")]
    SubShare {
        /// Who sealed it.
        dealer: NodeId,
        /// Who opened it.
        receiver: NodeId,
        /// Whose share it is.
        leaf: LeafId,
    },
    /// The sum of the dealings is not a usable sharing; by chance this never happens (DKG-14).
    #[error("the sum of all dealings is degenerate")]
    Sum,
    /// Leaf proofs that are malformed, too few, too many, or do not verify (DKG-15).
    #[error("a proof of a leaf share does not verify")]
    LeafProofs,
}

impl DealError {
    /// A fault of `culprits`.
    pub(crate) fn of(culprits: Vec<NodeId>, reason: DealFault) -> Self {
        Self { culprits, reason }
    }

    /// A fault that accuses nobody.
    pub(crate) fn nobody(reason: DealFault) -> Self {
        Self { culprits: Vec::new(), reason }
    }

    /// Whether the caller is to blame rather than a member: exhaustive, so that every new fault
    /// answers the question.
    pub fn is_callers(&self) -> bool {
        match self.reason {
            DealFault::NotMember | DealFault::Inbox | DealFault::OwnMessage => true,
            DealFault::Malformed
            | DealFault::SealKey
            | DealFault::Opening
            | DealFault::Echo { .. }
            | DealFault::Possession
            | DealFault::Duplicate { .. }
            | DealFault::SubShare { .. }
            | DealFault::Sum
            | DealFault::LeafProofs => false,
        }
    }
}
