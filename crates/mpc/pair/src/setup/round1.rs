//! Round 1: commitments to all nonces; the elements of the base transfers.

use super::run::{Commitments, Nonces, Run};
use super::{Expect, Step, round2};
use crate::PairError;
use crate::base::{self, Chooser, Offerer};
use crate::trees::{DEPTH, Digits};
use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

/// The lower node waits for A.
pub(super) struct Lower {
    pub(super) run: Run,
    pub(super) nonces: Nonces,
    /// For the extension of round 3.
    pub(super) extension_nonce: Box<Zeroizing<[u8; 32]>>,
    pub(super) digits: Digits,
    pub(super) chooser: Chooser,
    said: Vec<u8>,
}

/// The higher node waits for two elements a place.
pub(super) struct Higher {
    pub(super) run: Run,
    pub(super) nonces: Nonces,
    pub(super) extension_nonce: [u8; 32],
    pub(super) offerer: Offerer,
    said: Vec<u8>,
}

pub(super) fn lower(run: Run, rng: &mut impl CryptoRngCore) -> (Box<dyn Expect>, Vec<u8>) {
    let nonces = Nonces::random(rng);
    let mut extension_nonce = Box::new(Zeroizing::new([0; 32]));
    rng.fill_bytes(extension_nonce.as_mut_slice());
    let mut digits: Digits = Box::default();
    rng.fill_bytes(digits.as_mut_slice());
    digits.iter_mut().for_each(|digit| *digit &= 15);
    let choices = Zeroizing::new(!bits(digits.as_slice()));
    let chooser = Chooser::new(&run.ctx, *choices, rng);
    let commitments = nonces.commit(&run.ctx, run.lower).0;
    let said = [commitments.as_flattened(), &chooser.message()].concat();
    let message = run.message(&[&said]);
    (Box::new(Lower { run, nonces, extension_nonce, digits, chooser, said }), message)
}

pub(super) fn higher(run: Run, rng: &mut impl CryptoRngCore) -> (Box<dyn Expect>, Vec<u8>) {
    let nonces = Nonces::random(rng);
    let mut extension_nonce = [0; 32];
    rng.fill_bytes(&mut extension_nonce);
    let offerer = Offerer::new(rng);
    let commitments = nonces.commit(&run.ctx, run.higher).0;
    let said = [commitments.as_flattened(), &offerer.element].concat();
    let message = run.message(&[&said]);
    (Box::new(Higher { run, nonces, extension_nonce, offerer, said }), message)
}

impl Expect for Lower {
    fn handle(mut self: Box<Self>, message: &[u8]) -> Result<Step, PairError> {
        let theirs = self.run.parts(message, 64 + 32)?;
        self.run.follow(&self.said);
        self.run.follow(theirs);
        let a = *theirs.last_chunk().ok_or(PairError::MALFORMED)?;
        let theirs = Commitments::read(theirs).ok_or(PairError::MALFORMED)?;
        let message = self.run.message(&[self.nonces.first.as_slice()]);
        Ok(Step::Next(Box::new(round2::Lower { before: self, theirs, a }), message))
    }
}

impl Expect for Higher {
    fn handle(mut self: Box<Self>, message: &[u8]) -> Result<Step, PairError> {
        let theirs = self.run.parts(message, 64 + base::BYTES)?;
        self.run.follow(theirs);
        self.run.follow(&self.said);
        let elements = Box::new(*theirs.last_chunk().ok_or(PairError::MALFORMED)?);
        let theirs = Commitments::read(theirs).ok_or(PairError::MALFORMED)?;
        let message = self.run.message(&[self.nonces.first.as_slice()]);
        Ok(Step::Next(Box::new(round2::Higher { before: self, theirs, elements }), message))
    }
}

/// The bits of all digits, each the highest first: that of place i is bit i.
fn bits(digits: &[u8]) -> u128 {
    let of = |digit: &u8| {
        let digit = *digit;
        (0..DEPTH).map(move |bit| digit >> (DEPTH - 1 - bit) & 1)
    };
    let places = digits.iter().flat_map(of).enumerate();
    places.fold(0, |bits, (place, bit)| bits | u128::from(bit) << place)
}
