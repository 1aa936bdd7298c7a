//! Why a run ended without a result.

use quorate_identity::NodeId;

/// A run of this crate that ended without a result. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct SchnorrError {
    /// Whose fault.
    pub fault: Fault,
    /// What happened, for people.
    pub reason: &'static str,
}

/// Whose fault it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Peers'; nobody is named where it cannot be told who it was. Ascending.
    Peers(Vec<NodeId>),
    /// The caller's.
    Caller,
    /// This machine's: its material is damaged.
    Machine,
}

impl SchnorrError {
    /// A message that is not in its one form.
    pub(crate) fn malformed(sender: NodeId) -> Self {
        Self { fault: Fault::Peers(vec![sender]), reason: "a malformed message" }
    }

    /// Something that somebody did, it cannot be told who.
    pub(crate) fn unattributed(reason: &'static str) -> Self {
        Self { fault: Fault::Peers(Vec::new()), reason }
    }

    pub(crate) fn peers(culprits: Vec<NodeId>, reason: &'static str) -> Self {
        Self { fault: Fault::Peers(culprits), reason }
    }

    pub(crate) fn caller(reason: &'static str) -> Self {
        Self { fault: Fault::Caller, reason }
    }

    pub(crate) fn machine(reason: &'static str) -> Self {
        Self { fault: Fault::Machine, reason }
    }
}
