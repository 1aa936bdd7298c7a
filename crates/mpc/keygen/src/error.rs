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
    /// parties of their selection, commitments of another tree, receivers that are not of the tree
    /// or do not satisfy it. The caller's fault (DEAL-02).
    #[error("nothing can be dealt under these terms")]
    Terms,
    /// The node that is to take part neither deals nor receives, or has no leaf. The caller's fault.
    #[error("this node takes no part in the dealing")]
    NotMember,
    /// A dealer that lacks what it is to deal, or has something else: its store is damaged or
    /// stale. This machine's fault.
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
    /// A member that dealt one secret twice, all by itself (DEAL-12).
    #[error("a member dealt one secret twice")]
    Repeated,
    /// Members that dealt the same secret, each able to prove possession of it. Nobody is
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

/// Whose fault it is that a dealing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Of other participants; which, where it is proven, the error's culprits say.
    Peers,
    /// The caller's: it asked for what is not to be had.
    Caller,
    /// This machine's: what it stores is not what it should be.
    Machine,
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

    /// Whose fault it is: exhaustive, so that every new fault answers the question.
    pub fn whose(&self) -> Whose {
        match self.reason {
            DealFault::Terms | DealFault::NotMember | DealFault::Inbox | DealFault::OwnMessage => {
                Whose::Caller
            }
            DealFault::Holding => Whose::Machine,
            DealFault::Malformed
            | DealFault::SealKey
            | DealFault::Opening
            | DealFault::Echo { .. }
            | DealFault::Possession
            | DealFault::Repeated
            | DealFault::Duplicate { .. }
            | DealFault::Constant
            | DealFault::SubShare { .. }
            | DealFault::Sum
            | DealFault::LeafProofs => Whose::Peers,
        }
    }
}
