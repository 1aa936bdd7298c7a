//! Why a session ended without a result.

use quorate_identity::NodeId;
use quorate_pair::PairError;

/// A session that ended without a result. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct EcdsaError {
    /// Whose fault.
    pub fault: Fault,
    /// What happened, for people.
    pub reason: &'static str,
}

/// Whose fault it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Peers'; nobody is named where it cannot be told who it was.
    Peers(Vec<NodeId>),
    /// A peer failed a check whose repetition would leak this node's half of their set-up: the
    /// set-up must not be used again (ECD-08, N-31).
    Cheater(NodeId),
    /// The caller's.
    Caller,
    /// This machine's: its material is damaged.
    Machine,
}

impl EcdsaError {
    /// A message that is not in its one form.
    pub(crate) fn malformed(sender: NodeId) -> Self {
        Self::peer(sender, "a malformed message")
    }

    /// Something that somebody did, it cannot be told who.
    pub(crate) fn unattributed(reason: &'static str) -> Self {
        Self { fault: Fault::Peers(Vec::new()), reason }
    }

    pub(crate) fn peer(culprit: NodeId, reason: &'static str) -> Self {
        Self { fault: Fault::Peers(vec![culprit]), reason }
    }

    pub(crate) fn cheater(culprit: NodeId, reason: &'static str) -> Self {
        Self { fault: Fault::Cheater(culprit), reason }
    }

    pub(crate) fn caller(reason: &'static str) -> Self {
        Self { fault: Fault::Caller, reason }
    }

    pub(crate) fn machine(reason: &'static str) -> Self {
        Self { fault: Fault::Machine, reason }
    }

    /// What went wrong between this node and `peer`.
    pub(crate) fn between(peer: NodeId) -> impl Fn(PairError) -> Self {
        move |PairError { fault, reason }| match fault {
            quorate_pair::Fault::Peer => Self::peer(peer, reason),
            quorate_pair::Fault::Unknown => Self::unattributed(reason),
            quorate_pair::Fault::Cheater => Self::cheater(peer, reason),
            quorate_pair::Fault::Caller => Self::caller(reason),
            quorate_pair::Fault::Machine => Self::machine(reason),
        }
    }

    /// A check over all parties' values failed: with one other party, it was that one (ECD-10).
    pub(crate) fn last_check(others: &[NodeId], reason: &'static str) -> Self {
        match others {
            [other] => Self::peer(*other, reason),
            _ => Self::unattributed(reason),
        }
    }
}
