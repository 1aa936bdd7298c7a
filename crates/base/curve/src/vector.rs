//! Many secret scalars in a row.

use crate::order::{Limbs, Order, accumulate, accumulate_whole, bytes, masked};
use crate::{Scalar, ScalarError, SecretScalar};
use std::fmt;
use std::marker::PhantomData;
use subtle::Choice;
use zeroize::{Zeroize, Zeroizing};

/// Secret scalars that are computed with together. Secret like [`SecretScalar`], without a place of
/// its own for each: wiped when dropped, printed as nothing. Operations on two of them are for rows of
/// equal length (CUR-11).
pub struct SecretScalars<C: Order>(Vec<Limbs>, PhantomData<C>);

/// Public factors, in the form in which rows are multiplied by them.
#[derive(Clone)]
pub struct Factors<C: Order>(Vec<Limbs>, PhantomData<C>);

impl<C: Order> Factors<C> {
    /// Of these scalars.
    pub fn new(scalars: &[Scalar<C>]) -> Self {
        let factor = |scalar: &Scalar<C>| C::MODULUS.factor(&C::MODULUS.read(&scalar.to_bytes()));
        Self(scalars.iter().map(factor).collect(), PhantomData)
    }
}

impl<C: Order> SecretScalars<C> {
    /// `count` of them from secret bytes that are uniform, at least 32 and at most 64 for each, the
    /// highest first, modulo the order. With 32 bytes they are 2^-127 from uniform on secp256k1, and
    /// 2^-32 on P-256, which is too much (N-13).
    pub fn from_uniform<'b>(count: usize, each: impl Iterator<Item = &'b [u8]>) -> Self {
        let modulus = C::MODULUS;
        let scalar = |bytes: &'b [u8]| match bytes.split_last_chunk::<32>() {
            Some(([], low)) => modulus.read(low),
            Some((high, low)) => {
                let mut padded = Zeroizing::new([0; 32]);
                for (to, from) in padded.iter_mut().rev().zip(high.iter().rev()) {
                    *to = *from;
                }
                // In the form of a factor it is times 2^256.
                modulus.add(&modulus.factor(&modulus.read(&padded)), &modulus.read(low))
            }
            None => [0; 4],
        };
        let mut row = Self(Vec::with_capacity(count), PhantomData);
        row.0.extend(each.take(count).map(scalar));
        row
    }

    /// Reads canonical encodings of 32 bytes each, which somebody else sent: it leaves at the first
    /// that is none.
    ///
    /// # Errors
    /// Not a multiple of 32 bytes, or one that is not below the order (CUR-04).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ScalarError> {
        let (each, []) = bytes.as_chunks() else { return Err(ScalarError) };
        let mut row = Self(Vec::with_capacity(each.len()), PhantomData);
        for bytes in each {
            row.0.push(C::MODULUS.read_canonical(bytes).ok_or(ScalarError)?);
        }
        Ok(row)
    }

    /// The canonical encodings one after the other, wiped when dropped.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut all = Zeroizing::new(Vec::with_capacity(32 * self.0.len()));
        for scalar in &self.0 {
            all.extend_from_slice(&bytes(scalar));
        }
        all
    }

    /// self - other + addend, one by one: the addend is the same for all.
    #[must_use]
    pub fn minus_plus(&self, other: &Self, addend: &SecretScalar<C>) -> Self {
        let addend = limbs(addend);
        let each = self.0.iter().zip(&other.0);
        let each = each.map(|(a, b)| C::MODULUS.add(&C::MODULUS.subtract(a, b), &addend));
        Self::collect(each)
    }

    /// self + other, where the secret choice is 1; in constant time.
    #[must_use]
    pub fn plus_where(&self, choices: impl Iterator<Item = Choice>, other: &Self) -> Self {
        let each = self.0.iter().zip(&other.0).zip(choices);
        Self::collect(
            each.map(|((a, b), choice)| C::MODULUS.add(a, &masked(*b, choice.unwrap_u8().into()))),
        )
    }

    /// self - k, where the secret choice is 1, for a public k; in constant time.
    #[must_use]
    pub fn minus_where(&self, choices: impl Iterator<Item = Choice>, k: Scalar<C>) -> Self {
        let k = C::MODULUS.read(&k.to_bytes());
        let each = self.0.iter().zip(choices);
        Self::collect(
            each.map(|(a, choice)| C::MODULUS.subtract(a, &masked(k, choice.unwrap_u8().into()))),
        )
    }

    /// self + Σ factor · row, one by one: each row has one factor.
    #[must_use]
    pub fn plus_weighted(&self, factors: &Factors<C>, rows: &[&Self]) -> Self {
        let each = self.0.iter().enumerate().map(|(place, whole)| {
            let mut sum = [0; 9];
            accumulate_whole(&mut sum, whole);
            for (factor, row) in factors.0.iter().zip(rows) {
                if let Some(scalar) = row.0.get(place) {
                    accumulate(&mut sum, scalar, factor);
                }
            }
            C::MODULUS.reduce(&sum)
        });
        Self::collect(each)
    }

    /// Σ factor · scalar.
    pub fn weighted_sum(&self, factors: &Factors<C>) -> SecretScalar<C> {
        let mut sum = [0; 9];
        for (scalar, factor) in self.0.iter().zip(&factors.0) {
            accumulate(&mut sum, scalar, factor);
        }
        secret(C::MODULUS.reduce(&sum))
    }

    /// The sum of the factors whose secret choice is 1; in constant time.
    pub fn sum_where(
        choices: impl Iterator<Item = Choice>,
        factors: &Factors<C>,
    ) -> SecretScalar<C> {
        let mut sum = [0; 9];
        for (factor, choice) in factors.0.iter().zip(choices) {
            accumulate(&mut sum, &[choice.unwrap_u8().into(), 0, 0, 0], factor);
        }
        secret(C::MODULUS.reduce(&sum))
    }

    /// Into a vector that never grows, so that nothing is left behind.
    fn collect(scalars: impl Iterator<Item = Limbs>) -> Self {
        let mut row = Vec::with_capacity(scalars.size_hint().1.unwrap_or_default());
        row.extend(scalars);
        Self(row, PhantomData)
    }
}

fn limbs<C: Order>(scalar: &SecretScalar<C>) -> Zeroizing<Limbs> {
    Zeroizing::new(C::MODULUS.read(&scalar.to_bytes()))
}

fn secret<C: Order>(mut limbs: Limbs) -> SecretScalar<C> {
    let bytes = Zeroizing::new(bytes(&limbs));
    limbs.zeroize();
    // Reduced, hence canonical: the default cannot be reached.
    SecretScalar::from_bytes(bytes.as_slice()).unwrap_or_else(|_| SecretScalar::zero())
}

impl<C: Order> Drop for SecretScalars<C> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<C: Order> fmt::Debug for SecretScalars<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretScalars")
    }
}
