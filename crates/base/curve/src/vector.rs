//! Many secret scalars in a row.

use crate::order::{
    Bytes, Limbs, Order, Sum, accumulate, accumulate_where, accumulate_whole, bytes, masked, words,
};
use crate::rows::{PlusWeighted, Reduced, Sums, Term, WeightedSum};
use crate::vectors::on_lanes;
use crate::{Scalar, ScalarError, SecretScalar};
use std::fmt;
use std::marker::PhantomData;
use zeroize::{Zeroize, Zeroizing};

/// Secret scalars that are computed with together, as their canonical encodings one after the other.
/// Secret like [`SecretScalar`], without a place of its own for each: wiped when dropped, printed as
/// nothing. Operations on two of them are for rows of equal length; choices are secret bits, one for
/// each, the lowest of each byte first, and 0 where there are none (CUR-11).
pub struct SecretScalars<C: Order>(Vec<u8>, PhantomData<C>);

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
    /// From secret bytes that are uniform, `each` for one, never fewer than 32 nor more than 64, the
    /// highest first, modulo the order; what is not used of them is wiped. With 32 bytes they are
    /// 2^-127 from uniform on secp256k1, and 2^-32 on P-256, which is too much (N-13).
    pub fn from_uniform(mut bytes: Vec<u8>, each: usize) -> Self {
        debug_assert!((32..=64).contains(&each));
        if each == 32 {
            return Self::reduced(bytes);
        }
        let count = bytes.len() / each;
        let [mut high, mut low] = [(); 2].map(|()| Vec::with_capacity(32 * count));
        for number in bytes.chunks_exact(each) {
            let (above, below) = number.split_at(each.saturating_sub(32));
            high.extend(std::iter::repeat_n(0, 32_usize.saturating_sub(above.len())));
            high.extend_from_slice(above);
            low.extend_from_slice(below);
        }
        bytes.as_mut_slice().zeroize();
        let two_256 = Factors(vec![C::MODULUS.two_256()], PhantomData);
        Self::reduced(low).plus_weighted(&two_256, &[&Self::reduced(high)])
    }

    /// Reads canonical encodings of 32 bytes each, which somebody else sent.
    ///
    /// # Errors
    /// Not a multiple of 32 bytes, or one that is not below the order (CUR-04).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ScalarError> {
        let row = Self::reduced(bytes.to_vec());
        // What is below the order is not changed.
        let is_canonical = bytes.len().is_multiple_of(32) && row.0 == bytes;
        is_canonical.then_some(row).ok_or(ScalarError)
    }

    /// The canonical encodings one after the other.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// self - other + addend, one by one: the addend is the same for all.
    #[must_use]
    pub fn minus_plus(&self, other: &Self, addend: &SecretScalar<C>) -> Self {
        let addend = limbs(addend);
        self.sums(Term::Same(&addend), Term::Each(other.each()), None)
    }

    /// self + other, where the secret choice is 1; in constant time.
    #[must_use]
    pub fn plus_where(&self, choices: &[u8], other: &Self) -> Self {
        self.sums(Term::Each(other.each()), Term::Zero, Some(choices))
    }

    /// self - k, where the secret choice is 1, for a public k; in constant time.
    #[must_use]
    pub fn minus_where(&self, choices: &[u8], k: Scalar<C>) -> Self {
        self.sums(Term::Zero, Term::Same(&words(&k.to_bytes())), Some(choices))
    }

    /// self + Σ factor · row, one by one: each row has one factor.
    #[must_use]
    pub fn plus_weighted(&self, factors: &Factors<C>, rows: &[&Self]) -> Self {
        let mut made = self.room();
        let rows: Vec<&[Bytes]> = rows.iter().map(|row| row.each()).collect();
        let work = PlusWeighted {
            modulus: &C::MODULUS,
            whole: self.each(),
            factors: &factors.0,
            rows: &rows,
            made: made.each_mut(),
        };
        if on_lanes(work).is_none() {
            for (place, (made, whole)) in made.each_mut().iter_mut().zip(self.each()).enumerate() {
                let mut sum = [0; 9];
                accumulate_whole(&mut sum, &words(whole));
                for (factor, row) in factors.0.iter().zip(&rows) {
                    if let Some(scalar) = row.get(place) {
                        accumulate(&mut sum, &words(scalar), factor);
                    }
                }
                *made = bytes(&C::MODULUS.reduce(&sum));
            }
        }
        made
    }

    /// Σ factor · scalar.
    pub fn weighted_sum(&self, factors: &Factors<C>) -> SecretScalar<C> {
        let mut sum = Zeroizing::new([0; 9]);
        let scalars = self.each().chunks(WeightedSum::MOST);
        for (scalars, factors) in scalars.zip(factors.0.chunks(WeightedSum::MOST)) {
            if on_lanes(WeightedSum { sum: &mut sum, scalars, factors }).is_none() {
                for (scalar, factor) in scalars.iter().zip(factors) {
                    accumulate(&mut sum, &words(scalar), factor);
                }
            }
        }
        secret(&sum)
    }

    /// The sum of the factors whose secret choice is 1; in constant time.
    pub fn sum_where(choices: &[u8], factors: &Factors<C>) -> SecretScalar<C> {
        let mut sum = Zeroizing::new([0; 9]);
        for (factor, choice) in factors.0.iter().zip(bits(choices)) {
            accumulate_where(&mut sum, factor, choice);
        }
        secret(&sum)
    }

    fn each(&self) -> &[Bytes] {
        self.0.as_chunks().0
    }

    fn each_mut(&mut self) -> &mut [Bytes] {
        self.0.as_chunks_mut().0
    }

    /// As many zeros, in the place of what will be made.
    fn room(&self) -> Self {
        Self(vec![0; self.0.len()], PhantomData)
    }

    /// Of numbers that need not be below the order.
    fn reduced(numbers: Vec<u8>) -> Self {
        let mut row = Self(numbers, PhantomData);
        let numbers = row.each_mut();
        if on_lanes(Reduced { modulus: &C::MODULUS, numbers }).is_none() {
            for number in row.each_mut() {
                *number = bytes(&C::MODULUS.read(number));
            }
        }
        row
    }

    /// self + plus - minus, or self where there are choices and this one is 0.
    fn sums(&self, plus: Term<'_>, minus: Term<'_>, choices: Option<&[u8]>) -> Self {
        let (modulus, whole, mut made) = (&C::MODULUS, self.each(), self.room());
        let work = Sums { modulus, whole, plus, minus, choices, made: made.each_mut() };
        if on_lanes(work).is_none() {
            let others = u64::from(choices.is_none());
            let choices = bits(choices.unwrap_or_default()).chain(std::iter::repeat(others));
            let whole = whole.iter().zip(choices).enumerate();
            for (made, (place, (whole, choice))) in made.each_mut().iter_mut().zip(whole) {
                let mut number = words(whole);
                if let Some(minus) = minus.at(place) {
                    number = modulus.subtract(&number, &masked(minus, choice));
                }
                if let Some(plus) = plus.at(place) {
                    number = modulus.add(&number, &masked(plus, choice));
                }
                *made = bytes(&number);
            }
        }
        made
    }
}

fn secret<C: Order>(sum: &Sum) -> SecretScalar<C> {
    let mut limbs = C::MODULUS.reduce(sum);
    let bytes = Zeroizing::new(bytes(&limbs));
    limbs.zeroize();
    // Reduced, hence canonical: the default cannot be reached.
    SecretScalar::from_bytes(bytes.as_slice()).unwrap_or_else(|_| SecretScalar::zero())
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
        // As one slice: byte by byte it would take many times as long.
        self.0.as_mut_slice().zeroize();
    }
}

impl<C: Order> fmt::Debug for SecretScalars<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretScalars")
    }
}
