//! Multiples of any points by secret scalars.
//!
//! There is a λ with λ³ = 1 modulo the order and a β with β³ = 1 modulo p, so that λ(x, y) = (βx, y).
//! A scalar k is k₁ + λk₂ with halves of 128 bits (Gallant, Lambert and Vanstone, "Faster point
//! multiplication on elliptic curves with efficient endomorphisms", CRYPTO 2001), and kP = k₁P +
//! k₂(λP). Each half takes a lane where there are no more than four points, and of more points each
//! takes a lane for both, which saves doublings.

use super::field::Element;
use super::group::Point;
use super::{coordinates, points, side_by_side};
use crate::vectors::{LaneWork, Lanes, on_lanes};
use k256::elliptic_curve::bigint::U256;
use k256::elliptic_curve::ops::Reduce;
use k256::elliptic_curve::scalar::IsHigh;
use k256::elliptic_curve::subtle::ConditionallySelectable;
use k256::{AffinePoint, Scalar};
use zeroize::{Zeroize, Zeroizing};

/// A third root of one modulo the order.
pub(super) const LAMBDA: U256 =
    U256::from_be_hex("5363ad4cc05c30e0a5261c028812645a122e22ea20816678df02967c1b23bd72");

/// The third root of one modulo p that belongs to it, as words, the lowest first.
pub(super) const BETA: [u64; 4] =
    [0xc139_6c28_7195_01ee, 0x9cf0_4975_12f5_8995, 0x6e64_479e_ac34_34e9, 0x7ae9_6a2b_657c_0710];

/// The short vectors (a₁, b₁) and (a₂, b₂) with a + λb = 0 modulo the order, of which the extended
/// algorithm of Euclid finds them: a₁ = b₂, a₂ = b₂ - b₁, and b₁ is negative.
pub(super) const MINUS_B1: u128 = 0xe443_7ed6_010e_8828_6f54_7fa9_0abf_e4c3;
pub(super) const B2: u128 = 0x3086_d221_a7d4_6bcd_e86c_90e4_9284_eb15;

/// 2^384 · b₂ / q and 2^384 · -b₁ / q, where q is the order, to the nearest integers.
const G1: U256 =
    U256::from_be_hex("3086d221a7d46bcde86c90e49284eb153daa8a1471e8ca7fe893209a45dbb031");
const G2: U256 =
    U256::from_be_hex("e4437ed6010e88286f547fa90abfe4c4221208ac9df506c61571b4ae8ac47f71");

/// k · P for each, in constant time, if this processor has lanes.
pub(crate) fn multiples(terms: &[(&Scalar, AffinePoint)]) -> Option<Vec<AffinePoint>> {
    on_lanes(Multiples(terms)).flatten()
}

/// The work of [`multiples`].
pub(super) struct Multiples<'s>(pub(super) &'s [(&'s Scalar, AffinePoint)]);

impl LaneWork for Multiples<'_> {
    type Output = Option<Vec<AffinePoint>>;

    #[inline(always)]
    fn run<L: Lanes>(self) -> Self::Output {
        let mut made = Vec::with_capacity(self.0.len());
        for terms in self.0.chunks(8) {
            let count = terms.len();
            made.extend(points(&[match count {
                ..=4 => (half_by_half::<L>(terms), 0b0101_0101 >> (8 - 2 * count)),
                _ => (two_halves::<L>(terms), u8::MAX >> (8 - count)),
            }])?);
        }
        Some(made)
    }
}

/// Of at most four terms, each in the lane of twice its number.
#[inline(always)]
fn half_by_half<L: Lanes>(terms: &[(&Scalar, AffinePoint)]) -> Point<L> {
    let mut halves = Halves::default();
    let mut bases = [[[0; 4]; 8]; 2];
    let mut identities = u8::MAX;
    for (number, (scalar, point)) in terms.iter().enumerate() {
        for (half, lane) in split(scalar).iter().zip([2 * number, 2 * number + 1]) {
            halves.set(lane, half);
            place(&mut bases, &mut identities, lane, point);
        }
    }
    let [x, y] = bases;
    let (x, y) = (Element::from_words(side_by_side(&x)), Element::from_words(side_by_side(&y)));
    let x = x.replaced(0b1010_1010, x.times(beta()));
    let base = Point { x, y, z: Element::small(1) }.replaced(identities, Point::identity());
    let sum = sum(base, [halves]);
    sum.plus(sum.crossed::<1>())
}

/// Of at most eight terms, each in the lane of its number.
#[inline(always)]
fn two_halves<L: Lanes>(terms: &[(&Scalar, AffinePoint)]) -> Point<L> {
    let (mut first, mut second) = (Halves::default(), Halves::default());
    let mut bases = [[[0; 4]; 8]; 2];
    let mut identities = u8::MAX;
    for (lane, (scalar, point)) in terms.iter().enumerate() {
        let [of_point, of_image] = &*split(scalar);
        first.set(lane, of_point);
        second.set(lane, of_image);
        place(&mut bases, &mut identities, lane, point);
    }
    let [x, y] = bases;
    let (x, y) = (side_by_side(&x), side_by_side(&y));
    let base = Point { x: Element::from_words(x), y: Element::from_words(y), z: Element::small(1) };
    sum(base.replaced(identities, Point::identity()), [first, second])
}

/// Puts a point into a lane; of the lanes without one the identity is the point.
fn place(bases: &mut [[[u64; 4]; 8]; 2], identities: &mut u8, lane: usize, point: &AffinePoint) {
    if let Some(coordinates) = coordinates(point) {
        *identities &= !(1 << lane);
        for (base, coordinate) in bases.iter_mut().zip(coordinates) {
            if let Some(base) = base.get_mut(lane) {
                *base = coordinate;
            }
        }
    }
}

#[inline(always)]
fn beta<L: Lanes>() -> Element<L> {
    let [a, b, c, d] = BETA;
    Element::from_words([L::splat(a), L::splat(b), L::splat(c), L::splat(d)])
}

/// Half a scalar: what it is without its sign, with 8 added at every place of four bits but the
/// highest, and the sign.
#[derive(Default, Zeroize)]
pub(super) struct Half {
    shifted: u128,
    is_negative: u8,
}

/// 8 at every place of four bits but the highest.
const EIGHTS: u128 = u128::MAX / 15 / 16 * 8;

/// What the highest digit is at most. Of the halves, the first is at most (a₁ + a₂ + 1) / 2 and the
/// second at most (b₂ - b₁) / 2 + 1, both below 0xa2a9 · 2^112 (what is rounded in c₁ and c₂ is wrong by
/// at most 1/2 + 2^-127).
pub(super) const HIGHEST: usize = 10;

/// The halves of a scalar, in constant time.
pub(super) fn split(scalar: &Scalar) -> Zeroizing<[Half; 2]> {
    // The nearest point of the lattice of the short vectors is c₁ times the first and c₂ times the
    // second of them (Babai's rounding).
    let k = Zeroizing::new(U256::from(scalar));
    let rounded = |constant: &U256| {
        let (_, high) = k.mul_wide(constant);
        let [_, fraction, low, above] = *high.as_words();
        let whole = u128::from(low) | u128::from(above) << 64;
        // Below 2^128 - 1, because the scalar is below the order.
        Zeroizing::new(Scalar::from(whole.wrapping_add(u128::from(fraction >> 63))))
    };
    let (c1, c2) = (rounded(&G1), rounded(&G2));
    let second = Zeroizing::new(*c1 * Scalar::from(MINUS_B1) - *c2 * Scalar::from(B2));
    let first = Zeroizing::new(*scalar - *second * <Scalar as Reduce<U256>>::reduce(LAMBDA));
    Zeroizing::new([Half::of(&first), Half::of(&second)])
}

impl Half {
    fn of(scalar: &Scalar) -> Self {
        let is_negative = scalar.is_high();
        let value = Scalar::conditional_select(scalar, &-scalar, is_negative);
        let value = Zeroizing::new(U256::from(&*Zeroizing::new(value)));
        let [low, high, ..] = *value.as_words();
        let shifted = (u128::from(low) | u128::from(high) << 64).wrapping_add(EIGHTS);
        debug_assert!(value.bits_vartime() <= 128 && shifted >> 124 <= HIGHEST as u128);
        Self { shifted, is_negative: is_negative.unwrap_u8() }
    }
}

#[cfg(test)]
impl Half {
    /// The size, and its highest digit.
    pub(super) fn parts(&self) -> (u128, u128) {
        (self.shifted - EIGHTS, self.shifted >> 124)
    }

    pub(super) fn sign(&self) -> k256::elliptic_curve::subtle::Choice {
        self.is_negative.into()
    }
}

/// Halves of scalars in eight lanes: the lower words, the upper words, and the lanes of negative
/// ones.
#[derive(Zeroize)]
#[zeroize(drop)]
struct Halves {
    low: [u64; 8],
    high: [u64; 8],
    negative: u8,
}

impl Default for Halves {
    /// Zeros.
    fn default() -> Self {
        let (low, high) = (EIGHTS as u64, (EIGHTS >> 64) as u64);
        Self { low: [low; 8], high: [high; 8], negative: 0 }
    }
}

impl Halves {
    fn set(&mut self, lane: usize, half: &Half) {
        if let (Some(low), Some(high)) = (self.low.get_mut(lane), self.high.get_mut(lane)) {
            (*low, *high) = (half.shifted as u64, (half.shifted >> 64) as u64);
        }
        self.negative |= half.is_negative << lane;
    }
}

/// The multiples of the bases by the first halves, and of their images by the second ones, if there
/// are any.
///
/// The digits of a half are those of what it is with 8 added, less 8: from -8 to 7, but the highest,
/// from 0 to [`HIGHEST`].
#[inline(always)]
fn sum<L: Lanes, const HALVES: usize>(base: Point<L>, halves: [Halves; HALVES]) -> Point<L> {
    let mut table = [Point::identity(); HIGHEST + 1];
    let mut multiple = base;
    for (number, entry) in table.iter_mut().enumerate().skip(1) {
        *entry = multiple;
        if number < HIGHEST {
            multiple = multiple.plus(base);
        }
    }
    let mut digits = [[L::splat(0); 2]; HALVES];
    for (digits, halves) in digits.iter_mut().zip(&halves) {
        *digits = [L::read(&halves.low), L::read(&halves.high)];
    }
    let mut sum = Point::identity();
    for place in 0..32 {
        if place > 0 {
            for _ in 0..4 {
                sum = sum.double();
            }
        }
        for (number, (digits, halves)) in digits.iter_mut().zip(&halves).enumerate() {
            let [low, high] = *digits;
            let digit = high.right::<60>();
            *digits = [low.left::<4>(), high.left::<4>().or(low.right::<60>())];
            let (entries, size, below) = match place {
                0 => (table.get(..), digit, 0),
                _ => {
                    let below = digit.right::<3>().equal(L::splat(0));
                    let eight = L::splat(8);
                    let size = digit.minus(eight).replaced(below, eight.minus(digit));
                    (table.get(..9), size, below)
                }
            };
            let mut found = Point::identity();
            for (entry, at) in entries.unwrap_or_default().iter().zip(0..) {
                found = found.replaced(size.equal(L::splat(at)), *entry);
            }
            if number > 0 {
                found.x = found.x.times(beta());
            }
            sum = sum.plus(found.negated(below ^ halves.negative));
        }
    }
    sum
}
