//! Round 7: both confirm what was said, never what is secret.

use super::run::Run;
use super::{Expect, Setup, Step};
use crate::PairError;
use crate::trees::{Punctured, Whole};
use quorate_identity::NodeId;
use zeroize::Zeroizing;

/// All four nonces: the first ones, then the second ones, each the lower node's first.
pub(super) type AllNonces = Box<Zeroizing<[[u8; 32]; 4]>>;

/// Either node waits for the other's word.
pub(super) struct Both {
    pub(super) run: Run,
    pub(super) peer: NodeId,
    pub(super) nonces: AllNonces,
    pub(super) whole: Whole,
    pub(super) punctured: Punctured,
}

impl Expect for Both {
    fn handle(self: Box<Self>, message: &[u8]) -> Result<Step, PairError> {
        let Self { run, peer, nonces, whole, punctured } = *self;
        let theirs = run.parts(message, 32)?.first_chunk().ok_or(PairError::MALFORMED)?;
        run.compare(theirs, &run.confirmation(peer))?;
        let [first, second, third, fourth] = &**nonces;
        let seed = run.seed([first, second, third, fourth]);
        Ok(Step::Done(Box::new(Setup { id: run.said, seed, whole, punctured })))
    }
}
