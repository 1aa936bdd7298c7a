//! Multiples of the generator by secret scalars.
//!
//! An odd scalar k < 2^256 has 64 digits in the base 16 that are odd: where ⌊k / 2⌋ + 2^255 has the
//! digit v, k has 2v - 15 (Joye and Tunstall, as in [`comb`](crate::comb)). Each lane has eight places,
//! and adds up their digits times the powers of 16 times G, from a table that holds them for
//! all lanes side by side. The sums of the lanes are added at the end: of eight scalars in seven
//! additions, because two vectors of sums become one when their lanes are added in pairs.

use super::field::Element;
use super::group::{Affine, Point};
use super::{TOGETHER, points};
use crate::comb::Comb;
use crate::order::words;
use crate::vectors::{LaneWork, Lanes, limbs, on_lanes};
use k256::elliptic_curve::bigint::U256;
use k256::elliptic_curve::subtle::{Choice, ConditionallySelectable};
use k256::elliptic_curve::{Curve, PrimeField};
use k256::{AffinePoint, Scalar};
use std::sync::OnceLock;
use zeroize::Zeroizing;

/// Digits of four bits that are positive and odd.
const DIGITS: usize = 8;
/// Places of each lane.
const STEPS: usize = 8;

/// Of one digit, at the places that the lanes are at: the limbs of x, then of y.
type Entry = [[[u64; 8]; 5]; 2];

/// For every step and digit. The place of a lane at a step is 8 · lane + step. 40 kB.
struct Table(Vec<[Entry; DIGITS]>);

impl Table {
    /// Cost: a millisecond, once.
    fn new() -> Self {
        let mut table = vec![[Entry::default(); DIGITS]; STEPS];
        let comb = Comb::<4>::new();
        for (place, multiples) in comb.places().enumerate() {
            let (lane, step) = (place / STEPS, place % STEPS);
            let entries = table.get_mut(step).into_iter().flatten();
            for (entry, multiple) in entries.zip(multiples) {
                for (coordinate, bytes) in entry.iter_mut().zip(multiple.coordinates()) {
                    let limbs = limbs(words(&bytes));
                    for (lanes, limb) in coordinate.iter_mut().zip(limbs) {
                        if let Some(place) = lanes.get_mut(lane) {
                            *place = limb;
                        }
                    }
                }
            }
        }
        Self(table)
    }
}

/// k · G for each k, in constant time, if this processor has lanes.
pub(crate) fn multiples_of_generator(scalars: &[&Scalar]) -> Option<Vec<AffinePoint>> {
    on_lanes(Multiples(scalars)).flatten()
}

/// The work of [`multiples_of_generator`].
pub(super) struct Multiples<'s>(pub(super) &'s [&'s Scalar]);

impl LaneWork for Multiples<'_> {
    type Output = Option<Vec<AffinePoint>>;

    #[inline(always)]
    fn run<L: Lanes>(self) -> Self::Output {
        static TABLE: OnceLock<Table> = OnceLock::new();
        let table = TABLE.get_or_init(Table::new);
        let mut made = Vec::with_capacity(self.0.len());
        for scalars in self.0.chunks(8 * TOGETHER) {
            let mut sums = [(Point::<L>::identity(), 0); TOGETHER];
            let groups = scalars.chunks(8);
            let count = groups.len();
            for (sum, scalars) in sums.iter_mut().zip(groups) {
                *sum = (group(table, scalars), u8::MAX >> (8 - scalars.len()));
            }
            made.extend(points(sums.get(..count)?)?);
        }
        Some(made)
    }
}

/// The multiples by at most eight scalars, each in the lane of its number.
#[inline(always)]
fn group<L: Lanes>(table: &Table, scalars: &[&Scalar]) -> Point<L> {
    let mut digits = [L::splat(0); 8];
    let mut sums = [Point::<L>::identity(); 8];
    let mut even = 0;
    for (lane, (digits, scalar)) in digits.iter_mut().zip(scalars).enumerate() {
        let recoded = Recoded::of(scalar);
        *digits = L::read(&recoded.digits);
        even |= recoded.is_of_even.unwrap_u8() << lane;
    }
    let count = scalars.len();
    let Some((first, others)) = table.0.split_first() else { return Point::identity() };
    for (sum, digits) in sums.iter_mut().zip(&mut digits).take(count) {
        *sum = next(first, digits).point();
    }
    for step in others {
        for (sum, digits) in sums.iter_mut().zip(&mut digits).take(count) {
            *sum = sum.plus_affine(next(step, digits));
        }
    }
    let count = pair::<L, 1>(&mut sums, count);
    let count = pair::<L, 2>(&mut sums, count);
    pair::<L, 4>(&mut sums, count);
    let [sum, ..] = sums;
    sum.negated(even)
}

/// Makes one vector of two, and returns how many are left.
#[inline(always)]
fn pair<L: Lanes, const DISTANCE: usize>(sums: &mut [Point<L>; 8], count: usize) -> usize {
    let pairs = count.div_ceil(2);
    for pair in 0..pairs {
        let first = sums.get(2 * pair).copied();
        let second = sums.get(2 * pair + 1).copied();
        if let (Some(first), Some(second), Some(sum)) = (first, second, sums.get_mut(pair)) {
            *sum = first.paired::<DISTANCE>(second);
        }
    }
    pairs
}

/// The multiples by the next digits, after a look at all of them.
#[inline(always)]
fn next<L: Lanes>(step: &[Entry; DIGITS], digits: &mut L) -> Affine<L> {
    let digit = digits.and(L::splat(15));
    *digits = digits.right::<4>();
    // v stands for 2v - 15: 8 and 7 for 1 and -1, 15 and 0 for 15 and -15.
    let negative = digit.and(L::splat(8)).equal(L::splat(0));
    let number = digit.minus(L::splat(8)).replaced(negative, L::splat(7).minus(digit));
    let mut found = Affine { x: Element::small(0), y: Element::small(0) };
    for (place, [x, y]) in (0..).zip(step) {
        let here = number.equal(L::splat(place));
        found.x = found.x.replaced(here, Element::read(x));
        found.y = found.y.replaced(here, Element::read(y));
    }
    found.negated(negative)
}

/// The digits of a scalar if it is odd, else those of the order less the scalar. Secret.
struct Recoded {
    /// The eight digits of each lane, the lowest first.
    digits: Zeroizing<[u64; 8]>,
    is_of_even: Choice,
}

impl Recoded {
    fn of(scalar: &Scalar) -> Self {
        let is_of_even = scalar.is_even();
        let scalar = Zeroizing::new(U256::from(scalar));
        // The order itself, which is odd, of zero.
        let negative = Zeroizing::new(k256::Secp256k1::ORDER.wrapping_sub(&scalar));
        let odd = Zeroizing::new(U256::conditional_select(&scalar, &negative, is_of_even));
        let half = Zeroizing::new(odd.shr_vartime(1));
        let [a, b, c, d] = *half.as_words();
        let d = d | 1 << 63;
        let mut digits = Zeroizing::new([0; 8]);
        for (pair, word) in digits.as_chunks_mut::<2>().0.iter_mut().zip([a, b, c, d]) {
            *pair = [word & u64::from(u32::MAX), word >> 32];
        }
        Self { digits, is_of_even }
    }
}
