//! Products between two nodes: DKLs23 (ePrint 2023/765), protocol 5.2, vector oblivious linear
//! evaluation with two inputs of Alice and one random factor of Bob.
//!
//! Bob's choices β and a public *gadget* g of as many scalars make his factor b = Σ g_j β_j. For
//! each j Alice's two pads and one correction leave the two with a sharing of β_j · a, for both of
//! her inputs and one of her own for the check. Sums weighted by the gadget share a · b.
//!
//! ```text
//! Bob → Alice   an extension of 416 transfers a product
//! Alice → Bob   nonce; for each product 3 · 416 corrections, η, μ
//! ```
//!
//! The check: under a challenge θ that follows from all corrections, η is what her check input and
//! θ times her inputs add up to, and μ hashes the same sum of her pads, for every j. Who corrects one
//! transfer otherwise is caught if Bob chose 1 there, and so learns a bit or is caught; 160
//! choices more than the factor needs make such bits worthless (PAI-14).

mod alice;
mod bob;
mod gadget;

pub use alice::send;
pub use bob::Bob;
pub use gadget::ProductCurve;

use crate::Setup;
use crate::extension::{self, Pads, Rows};
use gadget::TRANSFERS;
use quorate_codec::{Digest, Transcript, tag};
use quorate_curve::{Factors, Scalar, SecretScalar, SecretScalars};
use quorate_identity::NodeId;
use zeroize::Zeroizing;

/// What products are made for.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Binds everything that is agreed: who, for what, and fresh bytes of everybody.
    pub ctx: Digest,
    /// Who is Bob.
    pub receiver: NodeId,
    /// How many products: at most 1,024.
    pub products: usize,
}

/// Both shares of one node in one product: of Bob's factor with Alice's first input, and with her
/// second.
pub type Shares<C> = [SecretScalar<C>; 2];

/// What Bob has of one product: his factor, and his shares.
pub type Multiplied<C> = (SecretScalar<C>, Shares<C>);

/// Alice's inputs, and one that only the check sees.
const COLUMNS: usize = 3;

/// Length of one column of corrections.
const COLUMN_BYTES: usize = TRANSFERS * 32;

/// Length of what Alice says of one product.
const PRODUCT_BYTES: usize = COLUMNS * COLUMN_BYTES + 32 + 32;

impl Terms {
    fn extension<C: ProductCurve>(&self, setup: &Setup) -> extension::Terms<'static> {
        extension::Terms {
            ctx: self.ctx,
            setup: setup.id,
            receiver: self.receiver,
            purpose: C::NAME,
            transfers: self.products * TRANSFERS,
        }
    }

    /// Length of Bob's message.
    pub fn bob_bytes<C: ProductCurve>(&self, setup: &Setup) -> usize {
        self.extension::<C>(setup).message_bytes()
    }

    /// Length of Alice's message.
    pub fn alice_bytes(&self) -> usize {
        32 + self.products * PRODUCT_BYTES
    }
}

/// The challenge of one product, after all corrections of all of them (PAI-14).
struct Challenge {
    seed: Digest,
}

impl Challenge {
    /// After Bob's whole message, Alice's nonce, and what she says of every product.
    fn new<'m>(
        extended: &Digest,
        nonce: &[u8; 32],
        corrections: impl Iterator<Item = &'m [u8]>,
    ) -> Self {
        let mut hasher = blake3::Hasher::new();
        for corrections in corrections {
            hasher.update(corrections);
        }
        let seed = Transcript::new(tag::PAIR_CHALLENGE).part(extended).part(nonce);
        Self { seed: seed.part(hasher.finalize().as_bytes()).digest() }
    }

    /// θ: one for each input.
    fn weights<C: ProductCurve>(&self, product: usize) -> [Scalar<C>; 2] {
        [0, 1].map(|input| {
            let weight = Transcript::new(tag::PAIR_WEIGHT).part(self.seed).number(product as u64);
            Scalar::from_wide(&weight.number(input).wide())
        })
    }

    /// Of the third column plus θ times the others: what Alice says of it, and Bob must find.
    fn hash<C: ProductCurve>(
        &self,
        product: usize,
        [first, second, check]: &[SecretScalars<C>; COLUMNS],
        subtract: impl FnOnce(SecretScalars<C>) -> SecretScalars<C>,
    ) -> Digest {
        let factors = Factors::new(&self.weights(product));
        let rows = subtract(check.plus_weighted(&factors, &[first, second]));
        let condensed = Zeroizing::new(*blake3::hash(rows.as_bytes()).as_bytes());
        let hash = Transcript::new(tag::PAIR_ROWS).part(self.seed).number(product as u64);
        hash.part(condensed.as_slice()).digest()
    }
}

/// A pad makes a scalar for each column.
const fn rows<C: ProductCurve>() -> Rows {
    Rows { transfers: TRANSFERS, parts: COLUMNS, bytes: C::PAD_BYTES }
}

/// The pads of the next product as scalars, by column.
fn columns<C: ProductCurve>(pads: &mut Pads) -> [SecretScalars<C>; COLUMNS] {
    [(); COLUMNS].map(|()| {
        let mut row = pads.next().unwrap_or_default();
        SecretScalars::from_uniform(std::mem::take(&mut *row), C::PAD_BYTES)
    })
}

#[cfg(test)]
mod tests;
