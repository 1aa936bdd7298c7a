//! Why a run ended without a result.

use dkls23_core::protocols::{Abort, AbortKind, AbortReason, PartyIndex};
use quorate_identity::NodeId;

/// A run of this crate that ended without a result. Holds no secret.
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
    /// set-up must not be used again (ECD-12, N-31).
    Cheater(NodeId),
    /// The caller's.
    Caller,
    /// This machine's: its material is damaged.
    Machine,
}

impl EcdsaError {
    /// A message that is not in its one form. Caught before the library sees it, which would
    /// otherwise count it as cheating.
    pub(crate) fn malformed(sender: NodeId) -> Self {
        Self { fault: Fault::Peers(vec![sender]), reason: "a malformed message" }
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
}

/// Judges an abort of the library. The texts are ours: the library's may quote values.
///
/// Two verdicts differ from a plain reading of the library. A failed final check names nobody
/// among three or more, because the last messages prove nothing by themselves. A session binding
/// that differs names nobody either: each end may hold an older half of the set-up.
pub(crate) fn judge(
    abort: &Abort,
    others: &[NodeId],
    node: impl Fn(PartyIndex) -> Option<NodeId>,
) -> EcdsaError {
    if let AbortKind::BanCounterparty(index) = abort.kind {
        return match node(index) {
            Some(culprit) => EcdsaError::cheater(culprit, "a multiplication check failed"),
            None => EcdsaError::machine("the library accused a party that does not exist"),
        };
    }
    match abort.reason {
        AbortReason::CommitmentMismatch { counterparty } => {
            accuse(node(counterparty), "a commitment does not open")
        }
        AbortReason::TrivialInstancePoint { counterparty } => {
            accuse(node(counterparty), "a nonce point is the identity")
        }
        AbortReason::SessionBindingMismatch { .. } => {
            EcdsaError::unattributed("the two ends hold different set-ups")
        }
        AbortReason::PolynomialInconsistency => {
            last_check(others, "the parties' shares are not a sharing of the key")
        }
        AbortReason::SignatureVerificationFailed | AbortReason::ZeroDenominator => {
            last_check(others, "no valid signature came out")
        }
        _ => EcdsaError::machine("the library refused this node's own state"),
    }
}

/// A check over all parties' values failed: with one other party, it was that one.
pub(crate) fn last_check(others: &[NodeId], reason: &'static str) -> EcdsaError {
    match others {
        [other] => EcdsaError::peer(*other, reason),
        _ => EcdsaError::unattributed(reason),
    }
}

fn accuse(culprit: Option<NodeId>, reason: &'static str) -> EcdsaError {
    match culprit {
        Some(culprit) => EcdsaError::peer(culprit, reason),
        None => EcdsaError::machine("the library accused a party that does not exist"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_codec::Digest;

    fn node(number: u8) -> NodeId {
        NodeId(Digest([number; 32]))
    }

    fn judged(abort: Abort, others: &[NodeId]) -> EcdsaError {
        judge(&abort, others, |index| Some(node(index.as_u8())))
    }

    /// ECD-12, ECD-13.
    #[test]
    fn neg_031_only_failed_checks_are_cheating_and_nobody_is_accused_on_suspicion() {
        let index = |number| PartyIndex::new(number).unwrap();
        let reason = AbortReason::GammaUInconsistency { counterparty: index(2) };
        let ban = Abort::ban(index(1), index(2), reason);
        assert_eq!(judged(ban, &[node(2), node(3)]).fault, Fault::Cheater(node(2)));
        let opening = AbortReason::CommitmentMismatch { counterparty: index(3) };
        let opening = judged(Abort::recoverable(index(1), opening), &[node(2), node(3)]);
        assert_eq!(opening.fault, Fault::Peers(vec![node(3)]));
        let last = || Abort::recoverable(index(1), AbortReason::SignatureVerificationFailed);
        assert_eq!(judged(last(), &[node(2), node(3)]).fault, Fault::Peers(Vec::new()));
        assert_eq!(judged(last(), &[node(2)]).fault, Fault::Peers(vec![node(2)]));
        let binding = AbortReason::SessionBindingMismatch { counterparty: index(2) };
        let binding = judged(Abort::recoverable(index(1), binding), &[node(2)]);
        assert_eq!(binding.fault, Fault::Peers(Vec::new()));
    }
}
