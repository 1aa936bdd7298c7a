//! Many secret scalars in a row.

use crate::order::{
    Bytes, Limbs, Order, Sum, accumulate, accumulate_where, accumulate_whole, bytes, masked, words,
};
use crate::rows::{PlusWeighted, Sums, Term, WeightedSum};
use crate::vectors::on_lanes;
use crate::{Scalar, ScalarError, SecretScalar};
use std::fmt;
use std::marker::PhantomData;
use zeroize::{Zeroize, Zeroizing};

/// Secret scalars that are computed with together, as their canonical encodings one after the other.
/// Secret like [`SecretScalar`], without a place of its own for each: wiped when dropped, printed as
/// nothing. Operations on two of them are for rows of equal length; choices are secret bits, one for
/// each, the lowest of each byte first (CUR-11).
pub struct SecretScalars<C: Order>(Vec<Bytes>, PhantomData<C>);

/// Public factors, in the form in which rows are multiplied by them.
#[derive(Clone)]
pub struct Factors<C: Order>(Vec<Limbs>, PhantomData<C>);

impl<C: Order> Factors<C> {
    /// Of these scalars.
    pub fn new(scalars: &[Scalar<C>]) -> Self {
        let factor = |scalar: &Scalar<C>| C::MODULUS.factor(&words(&scalar.to_bytes()));
        Self(scalars.iter().map(factor).collect(), PhantomData)
    }
}

impl<C: Order> SecretScalars<C> {
    /// From secret bytes that are uniform, `each` for one, at least 32 and at most 64, the highest
    /// first, modulo the order. With 32 bytes they are 2^-127 from uniform on secp256k1, and 2^-32 on
    /// P-256, which is too much (N-13).
    pub fn from_uniform(bytes: &[u8], each: usize) -> Self {
        if each == 32 {
            return Self::reduced(bytes.as_chunks().0);
        }
        let (mut low, mut high) = (Self::zeros(bytes.len() / each), Self::zeros(bytes.len() / each));
        let of_each = low.0.iter_mut().zip(&mut high.0).zip(bytes.chunks_exact(each));
        for ((low, high), bytes) in of_each {
            for (to, from) in low.iter_mut().rev().chain(high.iter_mut().rev()).zip(bytes.iter().rev()) {
                *to = *from;
            }
        }
        let two_256 = Factors(vec![C::MODULUS.two_256()], PhantomData);
        Self::reduced(&low.0).plus_weighted(&two_256, &[&Self::reduced(&high.0)])
    }

    /// Reads canonical encodings of 32 bytes each, which somebody else sent.
    ///
    /// # Errors
    /// Not a multiple of 32 bytes, or one that is not below the order (CUR-04).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ScalarError> {
        let (each, []) = bytes.as_chunks() else { return Err(ScalarError) };
        let row = Self::reduced(each);
        // What is below the order is not changed.
        if row.0 == each { Ok(row) } else { Err(ScalarError) }
    }

    /// The canonical encodings one after the other.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_flattened()
    }

    /// self - other + addend, one by one: the addend is the same for all.
    #[must_use]
    pub fn minus_plus(&self, other: &Self, addend: &SecretScalar<C>) -> Self {
        let addend = limbs(addend);
        self.sums(Term::Same(&addend), Term::Each(&other.0), None)
    }

    /// self + other, where the secret choice is 1; in constant time.
    #[must_use]
    pub fn plus_where(&self, choices: &[u8], other: &Self) -> Self {
        self.sums(Term::Each(&other.0), Term::Zero, Some(choices))
    }

    /// self - k, where the secret choice is 1, for a public k; in constant time.
    #[must_use]
    pub fn minus_where(&self, choices: &[u8], k: Scalar<C>) -> Self {
        self.sums(Term::Zero, Term::Same(&words(&k.to_bytes())), Some(choices))
    }

    /// self + Σ factor · row, one by one: each row has one factor.
    #[must_use]
    pub fn plus_weighted(&self, factors: &Factors<C>, rows: &[&Self]) -> Self {
        let mut made = Self::zeros(self.0.len());
        let lane_factors: Vec<_> = factors.0.iter().map(|it| C::MODULUS.lane_factor(it)).collect();
        let rows: Vec<&[Bytes]> = rows.iter().map(|row| row.0.as_slice()).collect();
        let work = PlusWeighted {
            modulus: &C::MODULUS,
            whole: &self.0,
            factors: &lane_factors,
            rows: &rows,
            made: &mut made.0,
        };
        if on_lanes(work).is_some() {
            return made;
        }
        for (place, (whole, made)) in self.0.iter().zip(&mut made.0).enumerate() {
            let mut sum = [0; 9];
            accumulate_whole(&mut sum, &words(whole));
            for (factor, row) in factors.0.iter().zip(&rows) {
                if let Some(scalar) = row.get(place) {
                    accumulate(&mut sum, &words(scalar), factor);
                }
            }
            *made = bytes(&C::MODULUS.reduce(&sum));
        }
        made
    }

    /// Σ factor · scalar.
    pub fn weighted_sum(&self, factors: &Factors<C>) -> SecretScalar<C> {
        let mut sum = [0; 9];
        let chunks = self.0.chunks(WeightedSum::MOST).zip(factors.0.chunks(WeightedSum::MOST));
        for (scalars, factors) in chunks {
            if on_lanes(WeightedSum { sum: &mut sum, scalars, factors }).is_none() {
                for (scalar, factor) in scalars.iter().zip(factors) {
                    accumulate(&mut sum, &words(scalar), factor);
                }
            }
        }
        Self::secret(sum)
    }

    /// The sum of the factors whose secret choice is 1; in constant time.
    pub fn sum_where(choices: &[u8], factors: &Factors<C>) -> SecretScalar<C> {
        let mut sum = [0; 9];
        for (factor, choice) in factors.0.iter().zip(bits(choices)) {
            accumulate_where(&mut sum, factor, choice);
        }
        Self::secret(sum)
    }

    fn zeros(count: usize) -> Self {
        Self(vec![[0; 32]; count], PhantomData)
    }

    /// Of numbers that need not be below the order.
    fn reduced(numbers: &[Bytes]) -> Self {
        let mut made = Self::zeros(numbers.len());
        let work = Sums {
            modulus: &C::MODULUS,
            whole: numbers,
            plus: Term::Zero,
            minus: Term::Zero,
            choices: None,
            made: &mut made.0,
        };
        if on_lanes(work).is_none() {
            for (number, made) in numbers.iter().zip(&mut made.0) {
                *made = bytes(&C::MODULUS.read(number));
            }
        }
        made
    }

    /// self + plus - minus, or self where there are choices and this one is 0.
    fn sums(&self, plus: Term<'_>, minus: Term<'_>, choices: Option<&[u8]>) -> Self {
        let (modulus, mut made) = (&C::MODULUS, Self::zeros(self.0.len()));
        let work =
            Sums { modulus, whole: &self.0, plus, minus, choices, made: &mut made.0 };
        if on_lanes(work).is_some() {
            return made;
        }
        let choices = bits(choices.unwrap_or_default()).chain(std::iter::repeat(1));
        for (place, ((whole, made), choice)) in self.0.iter().zip(&mut made.0).zip(choices).enumerate() {
            let mut number = words(whole);
            if let Some(minus) = minus.at(place) {
                number = modulus.subtract(&number, &masked(minus, choice));
            }
            if let Some(plus) = plus.at(place) {
                number = modulus.add(&number, &masked(plus, choice));
            }
            *made = bytes(&number);
        }
        made
    }

    fn secret(sum: Sum) -> SecretScalar<C> {
        let mut limbs = C::MODULUS.reduce(&sum);
        let bytes = Zeroizing::new(bytes(&limbs));
        limbs.zeroize();
        // Reduced, hence canonical: the default cannot be reached.
        SecretScalar::from_bytes(bytes.as_slice()).unwrap_or_else(|_| SecretScalar::zero())
    }
}

fn limbs<C: Order>(scalar: &SecretScalar<C>) -> Zeroizing<Limbs> {
    Zeroizing::new(words(&scalar.to_bytes()))
}

/// The bits of each byte, the lowest first.
fn bits(bytes: &[u8]) -> impl Iterator<Item = u64> {
    bytes.iter().flat_map(|byte| (0..8).map(move |bit| u64::from(byte >> bit & 1)))
}

impl<C: Order> Drop for SecretScalars<C> {
    fn drop(&mut self) {
        // As one slice: its numbers one by one would take several times as long.
        self.0.as_flattened_mut().zeroize();
    }
}

impl<C: Order> fmt::Debug for SecretScalars<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretScalars")
    }
}
