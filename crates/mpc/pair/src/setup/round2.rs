//! Round 2: first nonces; the higher node's trees, and the extension for the other direction.

use super::round1::ExpectElement;
use super::round3::{ExpectSecond, ExpectSeconds};
use super::transcript::{Commitments, Nonces, Run};
use crate::PairError;
use crate::base::{self, Binding, Offerer};
use crate::extension::{Receiver, Sender, Terms};
use crate::trees::{self, PLACES};
use quorate_codec::Digest;

/// The higher node waits for the lower one's first nonce.
pub struct ExpectNonce {
    pub(super) run: Run,
    pub(super) nonces: Nonces,
    pub(super) extension_nonce: [u8; 32],
    pub(super) offerer: Offerer,
    pub(super) theirs: Commitments,
    pub(super) elements: Box<[u8; base::BYTES]>,
}

/// The lower node waits for trees.
pub struct ExpectTrees {
    before: ExpectElement,
    theirs: Commitments,
    a: [u8; 32],
}

pub(super) fn expect_trees(before: ExpectElement, theirs: Commitments, a: [u8; 32]) -> ExpectTrees {
    ExpectTrees { before, theirs, a }
}

/// What the other direction is extended for, once all of one is said.
fn terms(run: &Run, setup: Digest) -> Terms<'static> {
    let receiver = run.higher;
    Terms { ctx: run.ctx, setup, receiver, purpose: "pair", transfers: PLACES }
}

impl ExpectNonce {
    /// Takes the nonce; builds the trees, and extends them once. Cost: 256 multiplications in
    /// ristretto255, the largest part of a set-up.
    ///
    /// # Errors
    /// A malformed message and a nonce that was not committed to are the peer's fault.
    pub fn handle(self, message: &[u8]) -> Result<(ExpectSeconds, Vec<u8>), PairError> {
        let Self { mut run, nonces, extension_nonce, offerer, theirs, elements } = self;
        let their_nonce = *run.parts(message, 32)?.first_chunk().ok_or(PairError::MALFORMED)?;
        theirs.check(&run.ctx, run.lower, 0, &their_nonce)?;
        run.follow(&their_nonce);
        let ctx = run.direction(run.higher);
        let binding = Binding { ctx: &run.ctx, nonces: [&their_nonce, &nonces.first] };
        let heard = run.said;
        let keys = offerer.keys(&binding, &elements)?;
        let (whole, told) = trees::build(&ctx, &keys);
        let told = [nonces.first.as_slice(), &told].concat();
        run.follow(&told);
        let (receiver, extension) =
            Receiver::start(&whole, &terms(&run, run.said), &extension_nonce);
        run.follow(&extension);
        let message = run.message(&[heard.as_ref(), &told, &extension]);
        Ok((ExpectSeconds { run, nonces, theirs, their_nonce, whole, receiver }, message))
    }
}

impl ExpectTrees {
    /// Takes trees and extension, and opens everything that they wait for. Cost: 128
    /// multiplications in ristretto255.
    ///
    /// # Errors
    /// Trees or an extension that do not hold are cheating (PAI-05, PAI-07), but what the two heard
    /// is compared first, so that nobody is accused of another transcript; else as above.
    pub fn handle(self, message: &[u8]) -> Result<(ExpectSecond, Vec<u8>), PairError> {
        let Self { before, theirs, a } = self;
        let ExpectElement { mut run, nonces, extension_nonce, digits, chooser } = before;
        let extension_bytes = terms(&run, run.said).message_bytes();
        let parts = run.parts(message, 32 + 32 + trees::BYTES + extension_bytes)?;
        let (heard, parts) = parts.split_first_chunk().ok_or(PairError::MALFORMED)?;
        run.compare(heard, &run.said.0)?;
        let (told, extension) =
            parts.split_at_checked(32 + trees::BYTES).ok_or(PairError::MALFORMED)?;
        let (their_nonce, told_trees) = told.split_first_chunk().ok_or(PairError::MALFORMED)?;
        theirs.check(&run.ctx, run.higher, 0, their_nonce)?;
        run.follow(told);
        let ctx = run.direction(run.higher);
        let binding = Binding { ctx: &run.ctx, nonces: [&nonces.first, their_nonce] };
        let keys = chooser.keys(&binding, &a)?;
        let told_trees = told_trees.first_chunk().ok_or(PairError::MALFORMED)?;
        let punctured = trees::open(&ctx, digits, &keys, told_trees)?;
        let sender = Sender::start(&punctured, &terms(&run, run.said), extension)?;
        run.follow(extension);
        let said = [extension_nonce.as_slice(), nonces.second.as_slice()].concat();
        run.follow(&said);
        let message = run.message(&[&said]);
        let their_nonce = *their_nonce;
        let expect =
            ExpectSecond { run, nonces, extension_nonce, theirs, their_nonce, punctured, sender };
        Ok((expect, message))
    }
}
