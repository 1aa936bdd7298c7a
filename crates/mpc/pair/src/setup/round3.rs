//! Round 3: the higher node's trees, and the extension for the other direction. What the two heard
//! is compared first, so that nobody is accused of another transcript.

use super::run::Commitments;
use super::{Expect, ExpectNothing, Step, round1, round2, round5};
use crate::PairError;
use crate::base::Binding;
use crate::extension::Sender;
use crate::trees;

/// The lower node waits for trees.
pub(super) struct Lower {
    pub(super) before: Box<round1::Lower>,
    pub(super) theirs: Commitments,
    pub(super) their_nonce: [u8; 32],
    pub(super) a: [u8; 32],
}

impl Expect for Lower {
    /// Cost: 128 multiplications in ristretto255.
    fn handle(self: Box<Self>, message: &[u8]) -> Result<Step, PairError> {
        let Self { before, theirs, their_nonce, a } = *self;
        let round1::Lower { mut run, nonces, extension_nonce, digits, chooser, .. } = *before;
        let extension_bytes = round2::terms(&run).message_bytes();
        let parts = run.parts(message, 32 + trees::BYTES + extension_bytes)?;
        let (heard, parts) = parts.split_first_chunk().ok_or(PairError::MALFORMED)?;
        run.compare(heard, &run.said.0)?;
        let (told, extension) = parts.split_first_chunk().ok_or(PairError::MALFORMED)?;
        run.follow(told);
        let binding = Binding { ctx: &run.ctx, nonces: [&nonces.first, &their_nonce] };
        let keys = chooser.keys(&binding, &a)?;
        let punctured = trees::open(&run.direction(run.higher), digits, &keys, told)?;
        let sender = Sender::start(&punctured, &round2::terms(&run), extension)?;
        run.follow(extension);
        let said = [extension_nonce.as_slice(), nonces.second.as_slice()].concat();
        run.follow(&said);
        let then =
            round5::Lower { run, nonces, extension_nonce, theirs, their_nonce, punctured, sender };
        let nothing = ExpectNothing { run, then: Box::new(then), message: run.message(&[]) };
        Ok(Step::Next(Box::new(nothing), run.message(&[&said])))
    }
}
