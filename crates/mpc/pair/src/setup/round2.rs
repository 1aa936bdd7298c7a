//! Round 2: first nonces. With the lower node's the higher one has all keys of the base transfers,
//! builds its trees and extends them once.

use super::run::{Commitments, Run};
use super::{Expect, ExpectNothing, Step, round1, round3, round4};
use crate::PairError;
use crate::base::{self, Binding};
use crate::extension::{Receiver, Terms};
use crate::trees::{self, PLACES};

/// The lower node waits for the higher one's first nonce.
pub(super) struct Lower {
    pub(super) before: Box<round1::Lower>,
    pub(super) theirs: Commitments,
    pub(super) a: [u8; 32],
}

/// The higher node waits for the lower one's.
pub(super) struct Higher {
    pub(super) before: Box<round1::Higher>,
    pub(super) theirs: Commitments,
    pub(super) elements: Box<[u8; base::BYTES]>,
}

/// What the other direction is extended for, once all of one is said.
pub(super) fn terms(run: &Run) -> Terms<'static> {
    Terms {
        ctx: run.ctx,
        setup: run.said,
        receiver: run.higher,
        purpose: "pair",
        transfers: PLACES,
    }
}

impl Expect for Lower {
    fn handle(mut self: Box<Self>, message: &[u8]) -> Result<Step, PairError> {
        let run = &mut self.before.run;
        let their_nonce = *run.parts(message, 32)?.first_chunk().ok_or(PairError::MALFORMED)?;
        self.theirs.check(&run.ctx, run.higher, 0, &their_nonce)?;
        run.follow(self.before.nonces.first.as_slice());
        run.follow(&their_nonce);
        let message = run.message(&[]);
        let Self { before, theirs, a } = *self;
        Ok(Step::Next(Box::new(round3::Lower { before, theirs, their_nonce, a }), message))
    }
}

impl Expect for Higher {
    /// Cost: 256 multiplications in ristretto255, the largest part of a set-up.
    fn handle(self: Box<Self>, message: &[u8]) -> Result<Step, PairError> {
        let Self { before, theirs, elements } = *self;
        let round1::Higher { mut run, nonces, extension_nonce, offerer, .. } = *before;
        let their_nonce = *run.parts(message, 32)?.first_chunk().ok_or(PairError::MALFORMED)?;
        theirs.check(&run.ctx, run.lower, 0, &their_nonce)?;
        run.follow(&their_nonce);
        run.follow(nonces.first.as_slice());
        let heard = run.said;
        let binding = Binding { ctx: &run.ctx, nonces: [&their_nonce, &nonces.first] };
        let keys = offerer.keys(&binding, &elements)?;
        let (whole, told) = trees::build(&run.direction(run.higher), &keys);
        run.follow(&told);
        let (receiver, extension) = Receiver::start(&whole, &terms(&run), &extension_nonce);
        run.follow(&extension);
        let message = run.message(&[heard.as_ref(), &told, &extension]);
        let then = round4::Higher { run, nonces, theirs, their_nonce, whole, receiver };
        let nothing = ExpectNothing { run, then: Box::new(then), message: run.message(&[]) };
        Ok(Step::Next(Box::new(nothing), message))
    }
}
