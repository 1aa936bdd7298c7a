//! Round 4: the lower node's nonces. It has checked the extension by then, and the higher node opens
//! its own: its digits are the complements of what it chose.

use super::run::{Commitments, Nonces, Run};
use super::{Expect, ExpectNothing, Step, round6};
use crate::PairError;
use crate::extension::{Receiver, Rows};
use crate::trees::{Chosen, DEPTH, Digits, PLACES, Whole};
use zeroize::Zeroizing;

/// The higher node waits for nonces.
pub(super) struct Higher {
    pub(super) run: Run,
    pub(super) nonces: Nonces,
    pub(super) theirs: Commitments,
    pub(super) their_nonce: [u8; 32],
    pub(super) whole: Whole,
    pub(super) receiver: Receiver,
}

/// One row of pads, from which keys are made.
pub(super) const PADS: Rows = Rows { transfers: PLACES, parts: 1, bytes: 32 };

impl Expect for Higher {
    fn handle(self: Box<Self>, message: &[u8]) -> Result<Step, PairError> {
        let Self { mut run, nonces, theirs, their_nonce, whole, receiver } = *self;
        let parts = run.parts(message, 64)?;
        let (extension_nonce, second) = parts.split_first_chunk().ok_or(PairError::MALFORMED)?;
        let second: [u8; 32] = *second.first_chunk().ok_or(PairError::MALFORMED)?;
        theirs.check(&run.ctx, run.lower, 1, &second)?;
        run.follow(parts);
        run.follow(nonces.second.as_slice());
        let choices = receiver.choices();
        let choice =
            |place: usize| choices.get(place / 8).map_or(0, |byte| byte >> (place % 8) & 1);
        let pads = receiver.pads(extension_nonce, PADS).next().unwrap_or_default();
        let seconds = [&second, &**nonces.second];
        let key = |(place, pad)| run.reversed(seconds, place, choice(place), pad);
        let pads = pads.chunks(PADS.bytes).enumerate();
        let keys: Chosen = Zeroizing::new(pads.map(key).collect());
        let mut digits: Digits = Box::default();
        for place in 0..PLACES {
            if let Some(digit) = digits.get_mut(place / DEPTH) {
                *digit = *digit << 1 | (1 - choice(place));
            }
        }
        let message = run.message(&[nonces.second.as_slice()]);
        let nonces = [their_nonce, **nonces.first, second, **nonces.second];
        let nonces = Box::new(Zeroizing::new(nonces));
        let then = round6::Higher { run, nonces, whole, digits, keys };
        let nothing = ExpectNothing { run, then: Box::new(then), message: run.message(&[]) };
        Ok(Step::Next(Box::new(nothing), message))
    }
}
