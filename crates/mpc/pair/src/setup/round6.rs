//! Round 6: the lower node's trees.

use super::round7::{self, AllNonces};
use super::run::Run;
use super::{Expect, Step};
use crate::PairError;
use crate::trees::{self, Chosen, Digits, Whole};

/// The higher node waits for trees.
pub(super) struct Higher {
    pub(super) run: Run,
    pub(super) nonces: AllNonces,
    pub(super) whole: Whole,
    pub(super) digits: Digits,
    pub(super) keys: Chosen,
}

impl Expect for Higher {
    fn handle(self: Box<Self>, message: &[u8]) -> Result<Step, PairError> {
        let Self { mut run, nonces, whole, digits, keys } = *self;
        let told = run.parts(message, trees::BYTES)?.first_chunk().ok_or(PairError::MALFORMED)?;
        let punctured = trees::open(&run.direction(run.lower), digits, &keys, told)?;
        run.follow(told);
        let message = run.message(&[&run.confirmation(run.higher)]);
        let then = round7::Both { run, peer: run.lower, nonces, whole, punctured };
        Ok(Step::Next(Box::new(then), message))
    }
}
