//! The set-up between two nodes: oblivious transfers for multiplication in both directions, and
//! a common seed for shares of zero (ECD-05 to ECD-08).
//!
//! It knows no key, so one set-up serves all keys, trees and epochs of a pair. Two messages each
//! way, sent at the same time:
//!
//! ```text
//! round 1   each → other   base transfers as sender and receiver, commitment to half a seed
//! round 2   each → other   the half seed
//! ```

mod round1;
mod round2;
mod setup;

pub use round1::ExpectOffer;
pub use round2::ExpectReveal;
pub use setup::Setup;

use crate::EcdsaError;
use dkls23_core::protocols::PartyIndex;
use quorate_codec::Digest;
use quorate_identity::NodeId;

/// What a set-up is made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Binds everything that both ends agree on; both contributed fresh bytes to it.
    pub context: Digest,
    /// This node.
    pub me: NodeId,
    /// The other one.
    pub peer: NodeId,
}

/// Begins a set-up: the state that waits for the other's first message, and the own one.
/// Costs about half of the whole set-up.
///
/// # Errors
/// [`crate::Fault::Caller`]: a node has no set-up with itself.
pub fn start(plan: Plan) -> Result<(ExpectOffer, Vec<u8>), EcdsaError> {
    if plan.me == plan.peer {
        return Err(EcdsaError::caller("a node has no set-up with itself"));
    }
    Ok(round1::offer(plan))
}

impl Plan {
    /// The ends by number: the lower id is 1.
    fn index(&self, node: NodeId) -> Result<PartyIndex, EcdsaError> {
        let number = if node == self.me.min(self.peer) { 1 } else { 2 };
        PartyIndex::new(number).map_err(|_| EcdsaError::machine("a party number is zero"))
    }

    /// The session of the direction in which `receiver` is the receiver of multiplications.
    fn session(&self, receiver: NodeId) -> Vec<u8> {
        [b"quorate/pair/multiplication/v1".as_slice(), receiver.as_ref(), self.context.as_ref()]
            .concat()
    }
}
