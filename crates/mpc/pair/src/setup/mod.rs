//! The set-up between two nodes: trees in both directions, from which products are extended, and a
//! seed for shares of zero.
//!
//! It knows no key and no curve, so one set-up serves all keys, curves, trees of access and epochs
//! of a pair. The *lower* node is the one with the lower id. Four rounds, in each of which it speaks
//! first:
//!
//! ```text
//!          lower                                     higher
//! round 1  commitments, two elements a place    →
//!                                               ←    commitments, A                    transfers
//! round 2  nonce                                →
//!                                               ←    nonce, trees, extension           one direction
//! round 3  nonce of the extension, second nonce →
//!                                               ←    second nonce                      the other
//! round 4  trees, hash of all of it             →
//!                                               ←    hash of all of it
//! ```
//!
//! All nonces are committed to in round 1 and opened when what they decide about is fixed. A
//! failure of either direction ends the whole set-up (PAI-11).

mod round1;
mod round2;
mod round3;
mod round4;
mod stored;
mod transcript;

pub use round1::{ExpectElement, ExpectElements};
pub use round2::{ExpectNonce, ExpectTrees};
pub use round3::{ExpectSecond, ExpectSeconds};
pub use round4::{ExpectConfirmation, ExpectOtherTrees};
pub use stored::Setup;

use crate::PairError;
use quorate_codec::Digest;
use quorate_identity::NodeId;
use rand_core::CryptoRngCore;

/// What a set-up is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Binds everything that both ends agree on; both contributed fresh bytes to it.
    pub context: Digest,
    /// This node.
    pub me: NodeId,
    /// The other one.
    pub peer: NodeId,
}

/// How a set-up begins, by which of the two this node is.
pub enum Start {
    /// The lower one: its state, and its first message.
    Lower(ExpectElement, Vec<u8>),
    /// The higher one, which waits.
    Higher(ExpectElements),
}

/// Begins a set-up. All that is random in it is drawn here.
///
/// # Errors
/// [`crate::Fault::Caller`]: a node has no set-up with itself.
pub fn start(plan: Plan, rng: &mut impl CryptoRngCore) -> Result<Start, PairError> {
    if plan.me == plan.peer {
        return Err(PairError::caller("a node has no set-up with itself"));
    }
    Ok(match plan.me < plan.peer {
        true => round1::lower(plan, rng),
        false => round1::higher(plan, rng),
    })
}

#[cfg(test)]
pub(crate) mod tests;
