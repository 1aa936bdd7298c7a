//! What both ends of a set-up have said so far, and the form of their messages: the name of the
//! run, 32 bytes, and parts of exact lengths (PAI-01).

use super::Plan;
use crate::PairError;
use quorate_codec::{Digest, Transcript, tag};
use quorate_identity::NodeId;
use rand_core::CryptoRngCore;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A run: its name, and a hash of all messages, in each round the lower node's first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    /// Begins every message and every oracle.
    pub(super) ctx: Digest,
    /// Of all messages so far.
    pub(super) said: Digest,
    pub(super) lower: NodeId,
    pub(super) higher: NodeId,
}

/// The nonces of one side, committed to in round 1. Secret until they are opened.
pub(super) struct Nonces {
    pub(super) first: Box<Zeroizing<[u8; 32]>>,
    pub(super) second: Box<Zeroizing<[u8; 32]>>,
}

/// Commitments to the nonces of one side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Commitments(pub(super) [[u8; 32]; 2]);

impl Run {
    pub(super) fn new(plan: Plan) -> Self {
        let (lower, higher) = (plan.me.min(plan.peer), plan.me.max(plan.peer));
        let ctx = Transcript::new(tag::PAIR_SETUP).part(plan.context).part(lower).part(higher);
        let ctx = ctx.digest();
        Self { ctx, said: ctx, lower, higher }
    }

    /// A message of these parts; of none, where there is nothing to say.
    pub(super) fn message(&self, parts: &[&[u8]]) -> Vec<u8> {
        [self.ctx.as_ref(), &parts.concat()].concat()
    }

    /// The parts of a message, of exactly `bytes` bytes in all (PAI-01).
    pub(super) fn parts<'m>(&self, message: &'m [u8], bytes: usize) -> Result<&'m [u8], PairError> {
        let (run, parts) = message.split_first_chunk::<32>().ok_or(PairError::MALFORMED)?;
        if *run != self.ctx.0 {
            return Err(PairError::unattributed("the two ends speak of different set-ups"));
        }
        if parts.len() != bytes {
            return Err(PairError::MALFORMED);
        }
        Ok(parts)
    }

    /// Goes on with parts that were said or heard.
    pub(super) fn follow(&mut self, parts: &[u8]) {
        let condensed = blake3::hash(parts);
        let said = Transcript::new(tag::PAIR_SAID).part(self.said).part(condensed.as_bytes());
        self.said = said.digest();
    }

    /// Whether the other end heard the same (PAI-11).
    ///
    /// # Errors
    /// It did not: nobody is accused.
    pub(super) fn compare(&self, theirs: &[u8; 32], expected: &[u8; 32]) -> Result<(), PairError> {
        if theirs != expected {
            return Err(PairError::unattributed("the two ends heard different things"));
        }
        Ok(())
    }

    /// What the oracles of one direction begin with: the trees of this builder.
    pub(super) fn direction(&self, builder: NodeId) -> Digest {
        Transcript::new(tag::PAIR_DIRECTION).part(self.ctx).part(builder).digest()
    }

    /// What a side says when it has all of it.
    pub(super) fn confirmation(&self, of: NodeId) -> [u8; 32] {
        Transcript::new(tag::PAIR_CONFIRMED).part(self.said).part(of).digest().0
    }

    /// The seed for shares of zero: nobody but the two knows all nonces.
    pub(super) fn seed(&self, nonces: [&[u8; 32]; 4]) -> Box<Zeroizing<[u8; 32]>> {
        let seed = Transcript::new(tag::PAIR_ZERO_SEED).part(self.said).list(nonces);
        Box::new(Zeroizing::new(seed.digest().0))
    }

    /// The key of one place and choice in the other direction: nobody chose it alone (PAI-09).
    pub(super) fn reversed(
        &self,
        seconds: [&[u8; 32]; 2],
        place: usize,
        choice: u8,
        pad: &[u8],
    ) -> [u8; 32] {
        let key = Transcript::new(tag::PAIR_REVERSED_KEY).part(self.ctx).list(seconds);
        key.number(place as u64).part([choice]).part(pad).digest().0
    }
}

impl Nonces {
    pub(super) fn random(rng: &mut impl CryptoRngCore) -> Self {
        let mut nonces = Self { first: Box::default(), second: Box::default() };
        rng.fill_bytes(nonces.first.as_mut_slice());
        rng.fill_bytes(nonces.second.as_mut_slice());
        nonces
    }

    pub(super) fn commit(&self, ctx: &Digest, author: NodeId) -> Commitments {
        let commit = |number, nonce| commitment(ctx, author, number, nonce);
        Commitments([commit(0, &self.first), commit(1, &self.second)])
    }
}

impl Commitments {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (first, rest) = bytes.split_first_chunk()?;
        Some(Self([*first, *rest.first_chunk()?]))
    }

    /// Whether this is what the author committed to: nonce 0 or 1 (PAI-03).
    ///
    /// # Errors
    /// It is not: its author's fault.
    pub(super) fn check(
        &self,
        ctx: &Digest,
        author: NodeId,
        number: u8,
        nonce: &[u8; 32],
    ) -> Result<(), PairError> {
        let Self([first, second]) = self;
        let committed = if number == 0 { first } else { second };
        if !bool::from(commitment(ctx, author, number, nonce).ct_eq(committed)) {
            return Err(PairError::peer("a commitment does not open"));
        }
        Ok(())
    }
}

fn commitment(ctx: &Digest, author: NodeId, number: u8, nonce: &[u8; 32]) -> [u8; 32] {
    let committed = Transcript::new(tag::PAIR_COMMITMENT).part(ctx).part(author).part([number]);
    committed.part(nonce).digest().0
}
