//! Many multiples of the generator of secp256k1 at once.
//!
//! All scalars go step by step together. Each step adds one entry of a table to every sum, in
//! affine coordinates, and all additions of a step share one inversion (Montgomery, "Speeding the
//! Pollard and elliptic curve methods of factorization", 1987, 10.3.1): six multiplications of the
//! field for an addition, where alone it takes twice as many.
//!
//! An odd scalar k < 2^256 has m digits that are odd, in the base 2^w with wm ≥ 256: where
//! ⌊k / 2⌋ + 2^(wm - 1) has v in that base, k has 2v + 1 - 2^w (Joye and Tunstall, "Exponent recoding
//! and regular exponentiation algorithms", AFRICACRYPT 2009). Of an even scalar it is -k that has
//! them, and each changes its sign.
//!
//! The sum of the digits below a place is odd and smaller than the place, so that no sum is the
//! identity, the next addend or its negative, which affine coordinates cannot add: but in the last
//! step, where numbers exceed the order, for a few scalars that nobody meets by chance. They are
//! multiplied one by one, and all that came with them.

use k256::elliptic_curve::bigint::U256;
use k256::elliptic_curve::sec1::{FromEncodedPoint, ToEncodedPoint};
use k256::elliptic_curve::subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use k256::elliptic_curve::{BatchNormalize, PrimeField};
use k256::{AffinePoint, EncodedPoint, FieldBytes, FieldElement, ProjectivePoint, Scalar};
use zeroize::{DefaultIsZeroes, Zeroize, Zeroizing};

/// The multiples of G by the positive digits of `WIDTH` bits at each place of a scalar: the lowest
/// place first, the digits ascending. The width is at most 15.
pub(crate) struct Comb<const WIDTH: usize>(Vec<Affine>);

/// A point other than the identity. Both coordinates are reduced as far as what is subtracted has
/// to be.
#[derive(Clone, Copy, Default)]
pub(crate) struct Affine {
    x: FieldElement,
    y: FieldElement,
}

impl DefaultIsZeroes for Affine {}

/// Fewer scalars than this are multiplied faster one by one.
const SCALARS_MIN: usize = 32;

/// Scalars that go together: more save next to nothing of the inversions, and leave the cache.
const SCALARS_MAX: usize = 512;

impl<const WIDTH: usize> Comb<WIDTH> {
    const PLACES: usize = 256_usize.div_ceil(WIDTH);
    const DIGITS: usize = 1 << (WIDTH - 1);

    /// Cost: some milliseconds, once.
    pub(crate) fn new() -> Self {
        let mut multiples = Vec::with_capacity(Self::PLACES * Self::DIGITS);
        let mut place = ProjectivePoint::GENERATOR;
        for _ in 0..Self::PLACES {
            let (mut multiple, twice) = (place, place.double());
            for _ in 0..Self::DIGITS {
                multiples.push(multiple);
                multiple += twice;
            }
            place = (0..WIDTH).fold(place, |place, _| place.double());
        }
        let affine = ProjectivePoint::batch_normalize(multiples.as_slice());
        Self(affine.iter().map(Affine::of).collect())
    }

    /// The multiples at each place, the lowest first.
    pub(crate) fn places(&self) -> impl Iterator<Item = &[Affine]> {
        self.0.chunks_exact(Self::DIGITS)
    }

    /// k · G for each k, in their order. `entry` picks one of the multiples at a place, for secret
    /// scalars in constant time; `alone` multiplies by one scalar, where they are few.
    ///
    /// Cost: for each scalar 6 multiplications of the field at every place, and there one inversion
    /// for all.
    pub(crate) fn times_all(
        &self,
        scalars: &[&Scalar],
        entry: impl Fn(&[Affine], u16) -> Affine,
        alone: impl Fn(&Scalar) -> ProjectivePoint,
    ) -> Vec<ProjectivePoint> {
        let of = |some: &[&Scalar]| {
            let is_worth_it = some.len() >= SCALARS_MIN;
            let together = is_worth_it.then(|| self.together(some, &entry)).flatten();
            together.unwrap_or_else(|| some.iter().map(|scalar| alone(scalar)).collect())
        };
        scalars.chunks(SCALARS_MAX).flat_map(of).collect()
    }

    /// The same step by step; `None` if a scalar has to be multiplied alone.
    fn together(
        &self,
        scalars: &[&Scalar],
        entry: impl Fn(&[Affine], u16) -> Affine,
    ) -> Option<Vec<ProjectivePoint>> {
        if scalars.iter().any(|scalar| scalar.is_zero().into()) {
            return None;
        }
        let halves: Vec<Half> = scalars.iter().map(|scalar| Half::of(scalar)).collect();
        let mut halves = Zeroizing::new(halves);
        let mut steps = self.places().enumerate().map(|(place, multiples)| {
            let addend = |half: &mut Half| {
                let (digit, is_negative) = half.next_digit::<WIDTH>(place + 1 == Self::PLACES);
                entry(multiples, digit).negated_if(is_negative)
            };
            Zeroizing::new(halves.iter_mut().map(addend).collect::<Vec<_>>())
        });
        let mut sums = steps.next()?;
        let mut products = Zeroizing::new(Vec::with_capacity(scalars.len()));
        steps.try_for_each(|addends| add_all(&mut sums, &addends, &mut products))?;
        sums.iter().copied().map(Affine::to_point).collect()
    }
}

/// The entry at a place, after a look at all of them.
pub(crate) fn scanned(entries: &[Affine], at: u16) -> Affine {
    let mut found = Affine::default();
    for (place, entry) in (0_u16..).zip(entries) {
        let is_it = place.ct_eq(&at);
        found.x.conditional_assign(&entry.x, is_it);
        found.y.conditional_assign(&entry.y, is_it);
    }
    found
}

/// The entry at a place that is public.
pub(crate) fn indexed(entries: &[Affine], at: u16) -> Affine {
    entries.get(usize::from(at)).copied().unwrap_or_default()
}

impl Affine {
    fn of(point: &AffinePoint) -> Self {
        let encoded = point.to_encoded_point(false);
        // The coordinates of a point are elements of the field.
        let element = |bytes: Option<&FieldBytes>| {
            bytes.and_then(|bytes| FieldElement::from_bytes(bytes).into()).unwrap_or_default()
        };
        Self { x: element(encoded.x()), y: element(encoded.y()) }
    }

    /// x and y, the highest byte first.
    pub(crate) fn coordinates(self) -> [[u8; 32]; 2] {
        [self.x.to_bytes().into(), self.y.to_bytes().into()]
    }

    /// `None` if it is not on the curve, as it always is.
    fn to_point(self) -> Option<ProjectivePoint> {
        let (x, y) = (self.x.to_bytes(), self.y.to_bytes());
        let encoded = EncodedPoint::from_affine_coordinates(&x, &y, false);
        AffinePoint::from_encoded_point(&encoded).map(ProjectivePoint::from).into()
    }

    fn negated_if(self, condition: Choice) -> Self {
        let y = FieldElement::conditional_select(&self.y, &-self.y, condition);
        Self { x: self.x, y: y.normalize_weak() }
    }
}

/// Adds each addend to its sum. `None`, and the sums are of no use, if two have the same x.
fn add_all(
    sums: &mut [Affine],
    addends: &[Affine],
    products: &mut Vec<FieldElement>,
) -> Option<()> {
    let mut product = FieldElement::ONE;
    products.clear();
    for (sum, addend) in sums.iter().zip(addends) {
        products.push(product);
        product *= addend.x - sum.x;
    }
    let mut inverse = Option::<FieldElement>::from(product.invert())?;
    for ((sum, addend), before) in sums.iter_mut().zip(addends).zip(&*products).rev() {
        let slope = (addend.y - sum.y) * inverse * before;
        inverse *= addend.x - sum.x;
        let x = (slope.square() - sum.x - addend.x).normalize_weak();
        sum.y = (slope * (sum.x - x) - sum.y).normalize_weak();
        sum.x = x;
    }
    Some(())
}

/// What is left of ⌊k / 2⌋, where k is an odd scalar or the negative of an even one. Secret as k is.
#[derive(Zeroize)]
struct Half {
    rest: U256,
    is_of_even: u8,
}

impl Half {
    fn of(scalar: &Scalar) -> Self {
        let is_even = scalar.is_even();
        let odd = Zeroizing::new(Scalar::conditional_select(scalar, &-scalar, is_even));
        Self { rest: U256::from(&*odd).shr_vartime(1), is_of_even: is_even.unwrap_u8() }
    }

    /// The digit at the next place, from the lowest on: the number of a positive one, and whether it
    /// is the negative of that. In constant time.
    fn next_digit<const WIDTH: usize>(&mut self, is_last: bool) -> (u16, Choice) {
        let [low, ..] = *self.rest.as_words();
        self.rest = self.rest.shr_vartime(WIDTH);
        let value = low as u16 | u16::from(is_last) << (WIDTH - 1);
        let is_negative = !(value >> (WIDTH - 1)) & 1;
        let number = (value ^ is_negative.wrapping_neg()) & ((1 << (WIDTH - 1)) - 1);
        (number, Choice::from(is_negative as u8 ^ self.is_of_even))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One scalar among many, by digits of five and of ten bits: whether all go together. What comes
    /// of it is what comes of each alone.
    fn go_together(combs: &(Comb<5>, Comb<10>), special: Scalar) -> (bool, bool) {
        let (five, ten) = combs;
        let others: Vec<Scalar> = (1_u64..40).map(|k| -Scalar::from(k).square()).collect();
        let scalars: Vec<&Scalar> = others.iter().chain([&special]).collect();
        let alone = |k: &Scalar| ProjectivePoint::GENERATOR * *k;
        let each: Vec<_> = scalars.iter().map(|k| alone(k)).collect();
        assert!(five.times_all(&scalars, scanned, alone) == each);
        assert!(ten.times_all(&scalars, indexed, alone) == each);
        let by = [five.together(&scalars, scanned), ten.together(&scalars, indexed)];
        let [five, ten] = by.map(|points| points.map(|points| assert!(points == each)).is_some());
        (five, ten)
    }

    fn power_of_two(exponent: u32) -> Scalar {
        (0..exponent).fold(Scalar::ONE, |power, _| power + power)
    }

    #[test]
    fn scalars_at_the_ends_of_their_digits_go_together() {
        let combs = (Comb::new(), Comb::new());
        for place in (0..256).step_by(5).map(power_of_two) {
            for k in [place, place - Scalar::ONE, place + Scalar::ONE] {
                let zero: bool = k.is_zero().into();
                for k in [k, -k] {
                    assert_eq!(go_together(&combs, k), (!zero, !zero));
                }
            }
        }
    }

    /// What doubles the sum in the last step, whose digit is the highest: twice this addend.
    #[test]
    fn scalars_whose_digits_cannot_be_added_are_multiplied_alone() {
        let combs = (Comb::new(), Comb::new());
        assert_eq!(go_together(&combs, Scalar::ZERO), (false, false));
        let (five, ten) = (power_of_two(256), power_of_two(251) * Scalar::from(63_u64));
        for (five, ten) in [(five, ten), (-five, -ten)] {
            assert_eq!(go_together(&combs, five), (false, true));
            assert_eq!(go_together(&combs, ten), (true, false));
        }
    }
}
