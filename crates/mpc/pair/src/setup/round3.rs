//! Round 3: what the other direction waited for. Each opens its second nonce when what it decides
//! about is fixed: the higher node once it has the nonce of the extension, the lower one once it has
//! checked that.

use super::round4::{ExpectConfirmation, ExpectOtherTrees};
use super::transcript::{Commitments, Nonces, Run};
use crate::PairError;
use crate::extension::{Receiver, Sender};
use crate::trees::{self, Chosen, DEPTH, Digits, PLACES, Pairs, Punctured, Whole};
use zeroize::Zeroizing;

/// The higher node waits for the nonces.
pub struct ExpectSeconds {
    pub(super) run: Run,
    pub(super) nonces: Nonces,
    pub(super) theirs: Commitments,
    pub(super) their_nonce: [u8; 32],
    pub(super) whole: Whole,
    pub(super) receiver: Receiver,
}

/// The lower node waits for a nonce.
pub struct ExpectSecond {
    pub(super) run: Run,
    pub(super) nonces: Nonces,
    pub(super) extension_nonce: Zeroizing<[u8; 32]>,
    pub(super) theirs: Commitments,
    pub(super) their_nonce: [u8; 32],
    pub(super) punctured: Punctured,
    pub(super) sender: Sender,
}

/// Bytes of a pad from which a key is made.
const PAD_BYTES: usize = 32;

impl ExpectSeconds {
    /// Takes both nonces, and opens the own one. The own digits are the complements of what was
    /// chosen in the extension.
    ///
    /// # Errors
    /// A malformed message and a nonce that was not committed to are the peer's fault.
    pub fn handle(self, message: &[u8]) -> Result<(ExpectOtherTrees, Vec<u8>), PairError> {
        let Self { mut run, nonces, theirs, their_nonce, whole, receiver } = self;
        let body = run.parts(message, 64)?;
        run.follow(body);
        let (extension_nonce, second) = body.split_first_chunk().ok_or(PairError::MALFORMED)?;
        let second: [u8; 32] = *second.first_chunk().ok_or(PairError::MALFORMED)?;
        theirs.check(&run.ctx, run.lower, 1, &second)?;
        let choices = receiver.choices();
        let choice =
            |place: usize| choices.get(place / 8).map_or(0, |byte| byte >> (place % 8) & 1);
        let pads = receiver.pads(extension_nonce, PAD_BYTES);
        let seconds = [&second, &*nonces.second];
        let keys = pads.iter().enumerate();
        let keys = keys.map(|(place, pad)| run.reversed(seconds, place, choice(place), pad));
        let keys: Chosen = Zeroizing::new(keys.collect());
        let mut digits: Digits = Zeroizing::new([0; 32]);
        for place in 0..PLACES {
            if let Some(digit) = digits.get_mut(place / DEPTH) {
                *digit = *digit << 1 | (1 - choice(place));
            }
        }
        run.follow(nonces.second.as_slice());
        let message = run.message(&[nonces.second.as_slice()]);
        let nonces = [their_nonce, *nonces.first, second, *nonces.second];
        let nonces = Zeroizing::new(nonces);
        Ok((ExpectOtherTrees { run, nonces, whole, digits, keys }, message))
    }
}

impl ExpectSecond {
    /// Takes the nonce, and builds the trees of the other direction.
    ///
    /// # Errors
    /// As above.
    pub fn handle(self, message: &[u8]) -> Result<(ExpectConfirmation, Vec<u8>), PairError> {
        let Self { mut run, nonces, extension_nonce, theirs, their_nonce, punctured, sender } =
            self;
        let second = *run.parts(message, 32)?.first_chunk().ok_or(PairError::MALFORMED)?;
        theirs.check(&run.ctx, run.higher, 1, &second)?;
        run.follow(&second);
        let seconds = [&*nonces.second, &second];
        let [zeros, ones] = sender.pads(&extension_nonce, PAD_BYTES);
        let pads = zeros.iter().zip(ones.iter()).enumerate();
        let key = |place, choice, pad| run.reversed(seconds, place, choice, pad);
        let keys = pads.map(|(place, (zero, one))| [key(place, 0, zero), key(place, 1, one)]);
        let keys: Pairs = Zeroizing::new(keys.collect());
        let (whole, told) = trees::build(&run.direction(run.lower), &keys);
        run.follow(&told);
        let message = run.message(&[&told, &run.confirmation(run.lower)]);
        let nonces = Zeroizing::new([*nonces.first, their_nonce, *nonces.second, second]);
        Ok((ExpectConfirmation { run, nonces, whole, punctured }, message))
    }
}
