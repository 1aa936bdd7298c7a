//! Round 1: commitments to all nonces; the elements of the base transfers.

use super::round2::{self, ExpectNonce, ExpectTrees};
use super::transcript::{Commitments, Nonces, Run};
use super::{Plan, Start};
use crate::PairError;
use crate::base::{self, Chooser, Offerer};
use crate::trees::{DEPTH, Digits};
use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

/// The lower node waits for A.
pub struct ExpectElement {
    pub(super) run: Run,
    pub(super) nonces: Nonces,
    /// For the extension of round 2.
    pub(super) extension_nonce: Zeroizing<[u8; 32]>,
    pub(super) digits: Digits,
    pub(super) chooser: Chooser,
}

/// The higher node waits for two elements a place.
pub struct ExpectElements {
    run: Run,
    nonces: Nonces,
    extension_nonce: [u8; 32],
    offerer: Offerer,
}

pub(super) fn lower(plan: Plan, rng: &mut impl CryptoRngCore) -> Start {
    let mut run = Run::new(plan);
    let nonces = Nonces::random(rng);
    let mut extension_nonce = Zeroizing::new([0; 32]);
    rng.fill_bytes(extension_nonce.as_mut());
    let mut digits: Digits = Zeroizing::new([0; 32]);
    rng.fill_bytes(digits.as_mut());
    digits.iter_mut().for_each(|digit| *digit &= 15);
    let choices = Zeroizing::new(!bits(digits.as_slice()));
    let chooser = Chooser::new(&run.ctx, *choices, rng);
    let commitments = nonces.commit(&run.ctx, run.lower).0;
    let said = [commitments.as_flattened(), &chooser.message()].concat();
    run.follow(&said);
    let message = run.message(&[&said]);
    Start::Lower(ExpectElement { run, nonces, extension_nonce, digits, chooser }, message)
}

pub(super) fn higher(plan: Plan, rng: &mut impl CryptoRngCore) -> Start {
    let nonces = Nonces::random(rng);
    let mut extension_nonce = [0; 32];
    rng.fill_bytes(&mut extension_nonce);
    let offerer = Offerer::new(rng);
    Start::Higher(ExpectElements { run: Run::new(plan), nonces, extension_nonce, offerer })
}

impl ExpectElements {
    /// Takes the elements, and says A.
    ///
    /// # Errors
    /// A malformed message is the peer's fault; one of another run nobody's.
    pub fn handle(self, message: &[u8]) -> Result<(ExpectNonce, Vec<u8>), PairError> {
        let Self { mut run, nonces, extension_nonce, offerer } = self;
        let body = run.parts(message, 64 + base::BYTES)?;
        run.follow(body);
        let (theirs, elements) = body.split_at_checked(64).ok_or(PairError::MALFORMED)?;
        let theirs = Commitments::read(theirs).ok_or(PairError::MALFORMED)?;
        let elements = elements.first_chunk().ok_or(PairError::MALFORMED)?;
        let commitments = nonces.commit(&run.ctx, run.higher).0;
        let said = [commitments.as_flattened(), &offerer.element].concat();
        run.follow(&said);
        let message = run.message(&[&said]);
        let elements = Box::new(*elements);
        let expect = ExpectNonce { run, nonces, extension_nonce, offerer, theirs, elements };
        Ok((expect, message))
    }
}

impl ExpectElement {
    /// Takes A, and opens the first nonce.
    ///
    /// # Errors
    /// As above.
    pub fn handle(self, message: &[u8]) -> Result<(ExpectTrees, Vec<u8>), PairError> {
        let mut run = self.run;
        let body = run.parts(message, 64 + 32)?;
        run.follow(body);
        let theirs = Commitments::read(body).ok_or(PairError::MALFORMED)?;
        let a = *body.last_chunk().ok_or(PairError::MALFORMED)?;
        run.follow(self.nonces.first.as_slice());
        let message = run.message(&[self.nonces.first.as_slice()]);
        Ok((round2::expect_trees(Self { run, ..self }, theirs, a), message))
    }
}

/// The bits of all digits, each the highest first: that of place i is bit i.
pub(super) fn bits(digits: &[u8]) -> u128 {
    let places =
        digits.iter().flat_map(|digit| (0..DEPTH).map(move |bit| digit >> (DEPTH - 1 - bit) & 1));
    places.enumerate().fold(0, |bits, (place, bit)| bits | u128::from(bit) << place)
}
