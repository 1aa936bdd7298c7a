//! Round 4: the lower node's trees; both confirm what was said, never what is secret.

use super::Setup;
use super::transcript::Run;
use crate::PairError;
use crate::trees::{self, Chosen, Digits, Punctured, Whole};
use zeroize::Zeroizing;

/// All four nonces: the first ones, then the second ones, each the lower node's first.
pub(super) type AllNonces = Zeroizing<[[u8; 32]; 4]>;

/// The higher node waits for trees.
pub struct ExpectOtherTrees {
    pub(super) run: Run,
    pub(super) nonces: AllNonces,
    pub(super) whole: Whole,
    pub(super) digits: Digits,
    pub(super) keys: Chosen,
}

/// The lower node waits for the other's word.
pub struct ExpectConfirmation {
    pub(super) run: Run,
    pub(super) nonces: AllNonces,
    pub(super) whole: Whole,
    pub(super) punctured: Punctured,
}

impl ExpectOtherTrees {
    /// Takes the trees: the set-up, to be stored before its confirmation leaves.
    ///
    /// # Errors
    /// Trees that do not hold are cheating (PAI-05); another transcript is nobody's fault; a
    /// malformed message is the peer's.
    pub fn handle(self, message: &[u8]) -> Result<(Setup, Vec<u8>), PairError> {
        let Self { mut run, nonces, whole, digits, keys } = self;
        let parts = run.parts(message, trees::BYTES + 32)?;
        let (told, confirmation) = parts.split_last_chunk().ok_or(PairError::MALFORMED)?;
        run.follow(told);
        run.compare(confirmation, &run.confirmation(run.lower))?;
        let told = told.first_chunk().ok_or(PairError::MALFORMED)?;
        let punctured = trees::open(&run.direction(run.lower), digits, &keys, told)?;
        let message = run.message(&[&run.confirmation(run.higher)]);
        Ok((finish(&run, &nonces, whole, punctured), message))
    }
}

impl ExpectConfirmation {
    /// Takes the other's word: the set-up, to be stored.
    ///
    /// # Errors
    /// Another transcript is nobody's fault; a malformed message is the peer's.
    pub fn handle(self, message: &[u8]) -> Result<Setup, PairError> {
        let Self { run, nonces, whole, punctured } = self;
        let confirmation = run.parts(message, 32)?.first_chunk().ok_or(PairError::MALFORMED)?;
        run.compare(confirmation, &run.confirmation(run.higher))?;
        Ok(finish(&run, &nonces, whole, punctured))
    }
}

fn finish(run: &Run, nonces: &AllNonces, whole: Whole, punctured: Punctured) -> Setup {
    let [first, second, third, fourth] = &**nonces;
    let seed = run.seed([first, second, third, fourth]);
    Setup { id: run.said, seed, whole, punctured }
}
