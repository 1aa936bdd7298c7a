//! Proof that a voter said two things in one place.

use super::ballot::{BallotBody, BallotError, Instance, Phase, SignedBallotMessage};
use crate::state::State;
use minicbor::{Decode, Encode};
use quorate_identity::NodeId;
use std::fmt;

/// Two statements of one voter for one slot, each with its signature. Honest voters make their
/// votes durable before sending and never sign a second one, restarts included, so this accuses
/// nobody falsely (AGR-10, N-89).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Evidence {
    #[n(0)]
    first: SignedBallotMessage,
    #[n(1)]
    second: SignedBallotMessage,
}

impl Evidence {
    /// Two messages, if they are two statements for one slot.
    pub(crate) fn of(first: &SignedBallotMessage, second: &SignedBallotMessage) -> Option<Self> {
        let evidence = Self { first: first.clone(), second: second.clone() };
        evidence.is_equivocation().then_some(evidence)
    }

    /// Who said both.
    pub fn culprit(&self) -> NodeId {
        self.first.voter()
    }

    /// What it was about.
    pub fn instance(&self) -> Instance {
        self.first.instance()
    }

    /// In which phase.
    pub fn phase(&self) -> Phase {
        self.first.body().phase()
    }

    /// Whether the evidence proves what it says: both statements verify, are for one slot, and
    /// differ.
    ///
    /// # Errors
    /// [`BallotError`] of the first statement that does not verify; [`BallotError::Signature`]
    /// where they do not contradict each other.
    pub fn verify(&self, state: &State) -> Result<(), BallotError> {
        self.first.verify(state)?;
        self.second.verify(state)?;
        if self.is_equivocation() { Ok(()) } else { Err(BallotError::Signature(self.culprit())) }
    }

    fn is_equivocation(&self) -> bool {
        let slot = |message: &SignedBallotMessage| {
            (message.voter(), message.instance(), message.ballot(), message.body().phase())
        };
        let is_vote = !matches!(self.first.body(), BallotBody::Offer { .. });
        is_vote
            && slot(&self.first) == slot(&self.second)
            && self.first.statement() != self.second.statement()
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (phase, ballot) = (self.phase(), self.first.ballot());
        write!(
            formatter,
            "{} of {} in ballot {ballot} of {}",
            phase,
            self.culprit(),
            self.instance()
        )
    }
}
