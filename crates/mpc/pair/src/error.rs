//! Why something between two nodes ended without a result.

/// Something between two nodes that ended without a result. Holds no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct PairError {
    /// Whose fault.
    pub fault: Fault,
    /// What happened, for people.
    pub reason: &'static str,
}

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The other node's.
    Peer,
    /// Somebody's, it cannot be told whose: the two ends speak of different things, and somebody
    /// else may have told each what it believes.
    Unknown,
    /// The other node failed a check whose repetition would leak this node's half of their set-up:
    /// the set-up must not be used again (PAI-11, N-31).
    Cheater,
    /// The caller's.
    Caller,
    /// This machine's: its material is damaged.
    Machine,
}

impl PairError {
    pub(crate) const MALFORMED: Self = Self { fault: Fault::Peer, reason: "a malformed message" };

    pub(crate) const fn peer(reason: &'static str) -> Self {
        Self { fault: Fault::Peer, reason }
    }

    pub(crate) const fn unattributed(reason: &'static str) -> Self {
        Self { fault: Fault::Unknown, reason }
    }

    pub(crate) const fn cheater(reason: &'static str) -> Self {
        Self { fault: Fault::Cheater, reason }
    }

    pub(crate) const fn caller(reason: &'static str) -> Self {
        Self { fault: Fault::Caller, reason }
    }

    pub(crate) const fn machine(reason: &'static str) -> Self {
        Self { fault: Fault::Machine, reason }
    }
}
