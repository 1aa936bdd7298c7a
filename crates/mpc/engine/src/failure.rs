//! Why a run ended without a result, and whose fault that is.

use quorate_ecdsa::EcdsaError;
use quorate_identity::NodeId;
use quorate_keygen::Complaint;
use quorate_pair::PairError;
use quorate_schnorr::SchnorrError;
use std::fmt;

/// Whose fault it is that a run ended (ENG-05).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Somebody else's. The culprits are proven guilty in this node's own evidence; the list is
    /// empty where the protocol cannot tell who it was. An honest node is never listed.
    Peer {
        /// Who it was, ascending.
        culprits: Vec<NodeId>,
    },
    /// The caller asked for something that is not to be had: a quorum that does not satisfy the
    /// tree, a payload that the scheme does not sign.
    Caller,
    /// This machine's own: damaged material, or chance of negligible probability.
    Machine,
}

/// A run that ended without a result. Its text is for this node's own log; nothing of it goes on
/// the wire, where every failure looks the same (N-79). It never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Whose fault.
    pub fault: Fault,
    /// What happened, for people.
    pub reason: String,
    /// A node whose pair set-up with this one must not be used again, for any key, before an
    /// operator says so: a check failed whose repetition would leak it (N-31).
    pub quarantine: Option<NodeId>,
    /// After a dealing with a bad share: the complaint to sign and send, so that others can tell
    /// whose fault it was. It reveals what one dealer dealt to this node, and nothing else.
    pub complaint: Option<Box<Complaint>>,
}

impl Failure {
    /// A failure by one or several peers; none named where it cannot be told.
    pub(crate) fn peer(culprits: Vec<NodeId>, reason: impl Into<String>) -> Self {
        Self {
            fault: Fault::Peer { culprits },
            reason: reason.into(),
            quarantine: None,
            complaint: None,
        }
    }

    /// A failure by the caller.
    pub(crate) fn caller(reason: impl Into<String>) -> Self {
        Self { fault: Fault::Caller, reason: reason.into(), quarantine: None, complaint: None }
    }

    /// A failure of this machine.
    pub(crate) fn machine(reason: impl Into<String>) -> Self {
        Self { fault: Fault::Machine, reason: reason.into(), quarantine: None, complaint: None }
    }
}

impl From<EcdsaError> for Failure {
    /// A failed check of the multiplication is the one thing that quarantines (ENG-05).
    fn from(error: EcdsaError) -> Self {
        match error.fault {
            quorate_ecdsa::Fault::Peers(culprits) => Self::peer(culprits, error.reason),
            quorate_ecdsa::Fault::Cheater(peer) => {
                Self { quarantine: Some(peer), ..Self::peer(vec![peer], error.reason) }
            }
            quorate_ecdsa::Fault::Caller => Self::caller(error.reason),
            quorate_ecdsa::Fault::Machine => Self::machine(error.reason),
        }
    }
}

impl Failure {
    /// What ended a set-up with this peer.
    pub(crate) fn of_setup(peer: NodeId, error: PairError) -> Self {
        let PairError { fault, reason } = error;
        match fault {
            quorate_pair::Fault::Peer => Self::peer(vec![peer], reason),
            quorate_pair::Fault::Unknown => Self::peer(Vec::new(), reason),
            quorate_pair::Fault::Cheater => {
                Self { quarantine: Some(peer), ..Self::peer(vec![peer], reason) }
            }
            quorate_pair::Fault::Caller => Self::caller(reason),
            quorate_pair::Fault::Machine => Self::machine(reason),
        }
    }
}

impl From<SchnorrError> for Failure {
    fn from(error: SchnorrError) -> Self {
        match error.fault {
            quorate_schnorr::Fault::Peers(culprits) => Self::peer(culprits, error.reason),
            quorate_schnorr::Fault::Caller => Self::caller(error.reason),
            quorate_schnorr::Fault::Machine => Self::machine(error.reason),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.reason)
    }
}

impl std::error::Error for Failure {}
