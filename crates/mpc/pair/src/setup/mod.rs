//! The set-up between two nodes: trees in both directions, from which products are extended, and a
//! seed for shares of zero.
//!
//! It knows no key and no curve, so one set-up serves all keys, curves, trees of access and epochs
//! of a pair. The *lower* node is the one with the lower id. Both speak in every round, at the same
//! time; where only one has something to say, the other says nothing.
//!
//! ```text
//! round   lower                                   higher
//!   1     commitments, two elements a place       commitments, A
//!   2     first nonce                             first nonce
//!   3     –                                       its trees, an extension of them
//!   4     nonce of the extension, second nonce    –
//!   5     –                                       second nonce
//!   6     its trees                               –
//!   7     hash of all that was said               hash of all that was said
//! ```
//!
//! All nonces are committed to in round 1 and opened when what they decide about is fixed. A
//! failure of either direction ends the whole set-up (PAI-11).

mod round1;
mod round2;
mod round3;
mod round4;
mod round5;
mod round6;
mod round7;
mod run;
mod stored;

pub use stored::Setup;

use crate::PairError;
use quorate_codec::{Digest, Transcript, tag};
use quorate_curve::SecretStream;
use quorate_identity::NodeId;
use rand_core::CryptoRngCore;
use run::Run;
use zeroize::Zeroizing;

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

/// Waits for the other's message of one round. Secret: consumed by that message, wiped when dropped.
pub trait Expect: Send {
    /// Takes the message.
    ///
    /// # Errors
    /// [`PairError`]: the set-up is over, and everything it knew is wiped.
    fn handle(self: Box<Self>, message: &[u8]) -> Result<Step, PairError>;
}

/// What a message led to.
pub enum Step {
    /// The state that waits for the other's next message, and the own one.
    Next(Box<dyn Expect>, Vec<u8>),
    /// The set-up, to be stored before anything uses it.
    Done(Box<Setup>),
}

/// Begins a set-up. All that is random in it is drawn here, from fresh bytes hashed with the run:
/// whoever saw the same digits and elements under two contexts would see all choices, so a generator
/// that repeats itself after a copy must repeat none of them (PAI-15).
///
/// # Errors
/// [`crate::Fault::Caller`]: a node has no set-up with itself.
pub fn start(
    plan: Plan,
    rng: &mut impl CryptoRngCore,
) -> Result<(Box<dyn Expect>, Vec<u8>), PairError> {
    if plan.me == plan.peer {
        return Err(PairError::caller("a node has no set-up with itself"));
    }
    let run = Run::new(plan);
    let mut fresh = Zeroizing::new([0; 32]);
    rng.fill_bytes(fresh.as_mut());
    let hedge = Transcript::new(tag::PAIR_HEDGE).part(fresh.as_slice()).part(run.ctx).part(plan.me);
    let mut rng = SecretStream::new(&Zeroizing::new(hedge.digest().0));
    Ok(match plan.me == run.lower {
        true => round1::lower(run, &mut rng),
        false => round1::higher(run, &mut rng),
    })
}

/// Waits for a round in which the other says nothing, with what is said after it.
struct ExpectNothing {
    run: Run,
    then: Box<dyn Expect>,
    message: Vec<u8>,
}

impl Expect for ExpectNothing {
    fn handle(self: Box<Self>, message: &[u8]) -> Result<Step, PairError> {
        self.run.parts(message, 0)?;
        Ok(Step::Next(self.then, self.message))
    }
}

#[cfg(test)]
pub(crate) mod tests;
