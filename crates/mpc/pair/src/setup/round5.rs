//! Round 5: the higher node's second nonce. With it the lower one has both keys of each place of the
//! other direction, and builds its trees.

use super::round4::PADS;
use super::run::{Commitments, Nonces, Run};
use super::{Expect, ExpectNothing, Step, round7};
use crate::PairError;
use crate::extension::Sender;
use crate::trees::{self, Pairs, Punctured};
use zeroize::Zeroizing;

/// The lower node waits for a nonce.
pub(super) struct Lower {
    pub(super) run: Run,
    pub(super) nonces: Nonces,
    pub(super) extension_nonce: Box<Zeroizing<[u8; 32]>>,
    pub(super) theirs: Commitments,
    pub(super) their_nonce: [u8; 32],
    pub(super) punctured: Punctured,
    pub(super) sender: Sender,
}

impl Expect for Lower {
    fn handle(self: Box<Self>, message: &[u8]) -> Result<Step, PairError> {
        let Self { mut run, nonces, extension_nonce, theirs, their_nonce, punctured, sender } =
            *self;
        let second = *run.parts(message, 32)?.first_chunk().ok_or(PairError::MALFORMED)?;
        theirs.check(&run.ctx, run.higher, 1, &second)?;
        run.follow(&second);
        let seconds = [&**nonces.second, &second];
        let pads = sender.pads(&extension_nonce, PADS);
        let [zeros, ones] = pads.map(|mut rows| rows.next().unwrap_or_default());
        let key = |place, choice, pad| run.reversed(seconds, place, choice, pad);
        let pads = zeros.chunks(PADS.bytes).zip(ones.chunks(PADS.bytes)).enumerate();
        let keys = pads.map(|(place, (zero, one))| [key(place, 0, zero), key(place, 1, one)]);
        let keys: Pairs = Zeroizing::new(keys.collect());
        let (whole, told) = trees::build(&run.direction(run.lower), &keys);
        run.follow(&told);
        let nonces = [**nonces.first, their_nonce, **nonces.second, second];
        let nonces = Box::new(Zeroizing::new(nonces));
        let message = run.message(&[&run.confirmation(run.lower)]);
        let then = round7::Both { run, peer: run.higher, nonces, whole, punctured };
        let nothing = ExpectNothing { run, then: Box::new(then), message };
        Ok(Step::Next(Box::new(nothing), run.message(&[&told])))
    }
}
