//! Both nodes of a set-up in one process: for tests, fixtures and benchmarks. A product never does
//! this: no single machine may know both halves.

use crate::setup::{Plan, Step, start};
use crate::{PairError, Setup};
use quorate_codec::Digest;
use quorate_identity::NodeId;
use rand_core::CryptoRngCore;

/// A set-up between two nodes: the half of `a`, and that of `b`.
///
/// # Errors
/// [`crate::Fault::Caller`]: they are the same node.
pub fn pair_up(
    a: NodeId,
    b: NodeId,
    context: Digest,
    rng: &mut impl CryptoRngCore,
) -> Result<(Setup, Setup), PairError> {
    let (mut at_a, mut from_a) = start(Plan { context, me: a, peer: b }, rng)?;
    let (mut at_b, mut from_b) = start(Plan { context, me: b, peer: a }, rng)?;
    loop {
        match (at_a.handle(&from_b)?, at_b.handle(&from_a)?) {
            (Step::Next(a, said_a), Step::Next(b, said_b)) => {
                (at_a, at_b, from_a, from_b) = (a, b, said_a, said_b);
            }
            (Step::Done(a), Step::Done(b)) => return Ok((*a, *b)),
            _ => return Err(PairError::machine("both end in the same round")),
        }
    }
}
