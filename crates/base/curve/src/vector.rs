//! Many secret scalars in a row.

use crate::{Curve, Scalar, ScalarError, SecretScalar};
use std::fmt;
use subtle::{Choice, ConditionallySelectable};
use zeroize::{Zeroize, Zeroizing};

/// Secret scalars that are computed with together. Secret like [`SecretScalar`], without a place of
/// its own for each: wiped when dropped, printed as nothing. Operations on two of them go as far as
/// the shorter one.
pub struct SecretScalars<C: Curve>(Vec<C::RawScalar>);

impl<C: Curve> SecretScalars<C> {
    /// From secret bytes that are uniform, at least 32 and at most 64 for each, the highest first,
    /// modulo the order. The bias is 2^256 divided by how far beyond the order they reach: with 32
    /// bytes 2^-127 on secp256k1, and 2^-32 on P-256, which is too much (N-13).
    pub fn from_uniform<'b>(each: impl Iterator<Item = &'b [u8]>) -> Self {
        let two_64 = C::scalar_add(&C::scalar_from_u64(u64::MAX), &C::scalar_from_u64(1));
        let two_128 = C::scalar_multiply(&two_64, &two_64);
        let two_256 = C::scalar_multiply(&two_128, &two_128);
        let scalar = |bytes: &'b [u8]| match bytes.split_last_chunk::<32>() {
            Some(([], low)) => C::scalar_from_32(low),
            Some((high, low)) => {
                let mut padded = Zeroizing::new([0; 32]);
                for (to, from) in padded.iter_mut().rev().zip(high.iter().rev()) {
                    *to = *from;
                }
                let high = C::scalar_multiply(&C::scalar_from_32(&padded), &two_256);
                C::scalar_add(&high, &C::scalar_from_32(low))
            }
            None => C::RawScalar::default(),
        };
        Self::collect(each.map(scalar))
    }

    /// Reads canonical encodings of 32 secret bytes each. The caller wipes them.
    ///
    /// # Errors
    /// Not a multiple of 32 bytes, or one that is not below the order (CUR-04).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ScalarError> {
        let (each, []) = bytes.as_chunks() else { return Err(ScalarError) };
        let mut scalars = Self(Vec::with_capacity(each.len()));
        for bytes in each {
            scalars.0.push(C::scalar_from_bytes(bytes).ok_or(ScalarError)?);
        }
        Ok(scalars)
    }

    /// The canonical encodings one after the other, wiped when dropped.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(32 * self.0.len()));
        for scalar in &self.0 {
            bytes.extend_from_slice(&C::scalar_to_bytes(scalar));
        }
        bytes
    }

    /// self - other, one by one.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        Self::collect(self.0.iter().zip(&other.0).map(|(a, b)| C::scalar_subtract(a, b)))
    }

    /// The same added to each.
    #[must_use]
    pub fn plus_each(&self, addend: &SecretScalar<C>) -> Self {
        Self::collect(self.0.iter().map(|a| C::scalar_add(a, addend.raw())))
    }

    /// self + k · other for a public k, one by one.
    #[must_use]
    pub fn plus_times(&self, k: Scalar<C>, other: &Self) -> Self {
        let product = |b| C::scalar_multiply(k.raw(), b);
        Self::collect(self.0.iter().zip(&other.0).map(|(a, b)| C::scalar_add(a, &product(b))))
    }

    /// self + other, where the secret choice is 1; in constant time.
    #[must_use]
    pub fn plus_where(&self, choices: impl Iterator<Item = Choice>, other: &Self) -> Self {
        let zero = C::RawScalar::default();
        let chosen = |b, choice| C::RawScalar::conditional_select(&zero, b, choice);
        let each = self.0.iter().zip(&other.0).zip(choices);
        Self::collect(each.map(|((a, b), choice)| C::scalar_add(a, &chosen(b, choice))))
    }

    /// Σ w · s over public weights.
    pub fn weighted_sum(&self, weights: &[Scalar<C>]) -> SecretScalar<C> {
        let mut sum = C::RawScalar::default();
        for (scalar, weight) in self.0.iter().zip(weights) {
            sum = C::scalar_add(&sum, &C::scalar_multiply(scalar, weight.raw()));
        }
        SecretScalar::of(sum)
    }

    /// The sum of the public scalars whose secret choice is 1; in constant time.
    pub fn sum_where(
        choices: impl Iterator<Item = Choice>,
        scalars: &[Scalar<C>],
    ) -> SecretScalar<C> {
        let zero = C::RawScalar::default();
        let mut sum = zero;
        for (scalar, choice) in scalars.iter().zip(choices) {
            let addend = C::RawScalar::conditional_select(&zero, scalar.raw(), choice);
            sum = C::scalar_add(&sum, &addend);
        }
        SecretScalar::of(sum)
    }

    /// Into a vector that never grows, so that nothing is left behind.
    fn collect(scalars: impl Iterator<Item = C::RawScalar>) -> Self {
        let mut row = Self(Vec::with_capacity(scalars.size_hint().1.unwrap_or_default()));
        row.0.extend(scalars);
        row
    }
}

impl<C: Curve> Drop for SecretScalars<C> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<C: Curve> fmt::Debug for SecretScalars<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretScalars")
    }
}
