//! The one agreement primitive. See `spec/agreement.md`.

mod ballot;
mod decided;
mod evidence;
mod rules;
mod voter;
mod votes;

pub use ballot::{BallotBody, BallotError, Instance, Lock, LockKeys, Phase, SignedBallotMessage};
pub use decided::{Decided, DecidedError};
pub use evidence::Evidence;
pub use voter::{Agreement, Effects, Input, Validity};
pub use votes::Votes;

/// How many of n voters decide when f of them may lie: ceil((n + f + 1) / 2) (AGR-01).
pub fn quorum(voters: usize, faults: usize) -> usize {
    (voters + faults + 1).div_ceil(2)
}
