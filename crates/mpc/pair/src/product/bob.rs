//! Bob: a random factor for each product.

use super::gadget::TRANSFERS;
use super::{
    COLUMN_BYTES, COLUMNS, Challenge, Multiplied, PRODUCT_BYTES, ProductCurve, Terms, columns, rows,
};
use crate::extension::Receiver;
use crate::{PairError, Setup};
use quorate_curve::{Scalar, SecretScalar, SecretScalars};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

/// Bob, once his message is made. Secret: his choices and factors.
pub struct Bob<C: ProductCurve> {
    extension: Receiver,
    pub(super) choices: Zeroizing<Vec<u8>>,
    factors: Vec<SecretScalar<C>>,
    bytes: usize,
}

impl<C: ProductCurve> Bob<C> {
    /// Begins: his state, and his message. The nonce is fresh in every run.
    pub fn start(setup: &Setup, terms: &Terms, nonce: &[u8; 32]) -> (Self, Vec<u8>) {
        let extension = terms.extension::<C>(setup);
        let (extension, message) = Receiver::start(&setup.whole, &extension, nonce);
        let choices = extension.choices();
        let factor = |product| SecretScalars::sum_where(chosen(&choices, product), C::gadget());
        let factors = (0..terms.products).map(factor).collect();
        (Self { extension, choices, factors, bytes: terms.alice_bytes() }, message)
    }

    /// His factor of each product: uniform, and not his choice.
    pub fn factors(&self) -> &[SecretScalar<C>] {
        &self.factors
    }

    /// Takes Alice's message: his factor and shares of each product.
    ///
    /// # Errors
    /// A malformed message is the peer's fault; products that do not hold are cheating (PAI-14).
    pub fn finish(self, message: &[u8]) -> Result<Vec<Multiplied<C>>, PairError> {
        if message.len() != self.bytes {
            return Err(PairError::MALFORMED);
        }
        let (nonce, said) = message.split_first_chunk().ok_or(PairError::MALFORMED)?;
        let said: Vec<Said<C>> = said
            .chunks(PRODUCT_BYTES)
            .map(Said::read)
            .collect::<Option<_>>()
            .ok_or(PairError::MALFORMED)?;
        let corrections = said.iter().map(|said| said.corrections);
        let challenge = Challenge::new(&self.extension.transcript(), nonce, corrections);
        let mut pads = self.extension.pads(nonce, rows::<C>());
        let mut shares = Vec::with_capacity(said.len());
        let mut holds = Choice::from(1);
        for (product, said) in said.iter().enumerate() {
            let choices = chosen(&self.choices, product);
            let [a, b, c] = columns::<C>(&mut pads);
            let [d, e, f] = &said.columns;
            let rows =
                [a.plus_where(choices, d), b.plus_where(choices, e), c.plus_where(choices, f)];
            let expected =
                challenge.hash(product, &rows, |rows| rows.minus_where(choices, said.eta));
            holds &= expected.0.ct_eq(said.mu);
            let [first, second, _] = &rows;
            shares.push([first.weighted_sum(C::gadget()), second.weighted_sum(C::gadget())]);
        }
        // One verdict for all: which of them failed is nobody's business.
        if !bool::from(holds) {
            return Err(PairError::cheater("a product does not hold"));
        }
        Ok(self.factors.into_iter().zip(shares).collect())
    }
}

/// What Alice says of one product.
struct Said<'m, C: ProductCurve> {
    corrections: &'m [u8],
    columns: [SecretScalars<C>; COLUMNS],
    eta: Scalar<C>,
    mu: &'m [u8; 32],
}

impl<'m, C: ProductCurve> Said<'m, C> {
    fn read(bytes: &'m [u8]) -> Option<Self> {
        let (corrections, ends) = bytes.split_at_checked(COLUMNS * COLUMN_BYTES)?;
        let (eta, mu) = ends.split_first_chunk::<32>()?;
        let eta = Scalar::from_bytes(eta).ok()?;
        let mut columns = corrections.chunks(COLUMN_BYTES).map(SecretScalars::from_bytes);
        let mut column = || columns.next()?.ok();
        Some(Self {
            corrections,
            columns: [column()?, column()?, column()?],
            eta,
            mu: mu.first_chunk()?,
        })
    }
}

/// The choices of one product.
fn chosen(choices: &[u8], product: usize) -> &[u8] {
    choices.chunks(TRANSFERS / 8).nth(product).unwrap_or_default()
}
