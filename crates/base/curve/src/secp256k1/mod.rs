//! The points of secp256k1 in eight lanes, where the processor multiplies as many numbers at once.
//!
//! * [`generator`]: multiples of G by secret scalars, each spread over all lanes.
//! * [`variable`]: multiples of other points by secret scalars, side by side.
//! * [`decode`]: points from their encodings, side by side.
//! * [`group`], [`field`], [`inverse`]: the arithmetic, written once for any [`Lanes`].
//! * [`EitherPoint`]: a point whose coordinates need not be computed again.
//!
//! All functions give nothing where the processor has no such lanes, and whoever asked asks k256. What
//! they give are points of k256, which looks again whether they are on the curve.

mod decode;
mod either;
mod field;
mod generator;
mod group;
mod inverse;
#[cfg(test)]
mod tests;
mod variable;

pub(crate) use decode::decode;
pub use either::EitherPoint;
pub(crate) use generator::multiples_of_generator;
pub(crate) use variable::multiples;

use crate::order::{Limbs, bytes, words};
use crate::vectors::Lanes;
use field::Element;
use group::Point;
use inverse::invert_all;
use k256::elliptic_curve::sec1::{FromEncodedPoint, ToEncodedPoint};
use k256::{AffinePoint, EncodedPoint};

/// As many numbers of 256 bits, one after the other, as words side by side.
#[inline(always)]
fn side_by_side<L: Lanes>(numbers: &[Limbs; 8]) -> [L; 4] {
    let mut words = [[0; 8]; 4];
    for (lane, number) in numbers.iter().enumerate() {
        for (words, word) in words.iter_mut().zip(number) {
            if let Some(place) = words.get_mut(lane) {
                *place = *word;
            }
        }
    }
    let [a, b, c, d] = &words;
    [L::read(a), L::read(b), L::read(c), L::read(d)]
}

/// The inverse of [`side_by_side`].
#[inline(always)]
fn one_by_one<L: Lanes>([a, b, c, d]: [L; 4]) -> [Limbs; 8] {
    let words = [a.write(), b.write(), c.write(), d.write()];
    let mut numbers = [[0; 4]; 8];
    for (lane, number) in numbers.iter_mut().enumerate() {
        for (words, word) in words.iter().zip(number) {
            *word = words.get(lane).copied().unwrap_or_default();
        }
    }
    numbers
}

/// The coordinates of a point of k256, or `None` of the identity.
fn coordinates(point: &AffinePoint) -> Option<[Limbs; 2]> {
    let encoded = point.to_encoded_point(false);
    let x: &[u8; 32] = encoded.x()?.as_ref();
    let y: &[u8; 32] = encoded.y()?.as_ref();
    Some([words(x), words(y)])
}

/// The point of k256 with these coordinates, or `None` if they are not on the curve.
fn point([x, y]: [&Limbs; 2]) -> Option<AffinePoint> {
    let encoded = EncodedPoint::from_affine_coordinates(&bytes(x).into(), &bytes(y).into(), false);
    AffinePoint::from_encoded_point(&encoded).into()
}

/// How many vectors of points are brought to affine coordinates together, by one inversion.
const TOGETHER: usize = 8;

/// The points of these lanes, vector by vector; `None` if one is not on the curve, as it always is.
#[inline(always)]
fn points<L: Lanes>(sums: &[(Point<L>, u8)]) -> Option<Vec<AffinePoint>> {
    let mut made = Vec::with_capacity(8 * sums.len());
    for sums in sums.chunks(TOGETHER) {
        let mut inverses = [Element::small(1); TOGETHER];
        let mut identities = [0; TOGETHER];
        for ((inverse, identities), (sum, _)) in inverses.iter_mut().zip(&mut identities).zip(sums)
        {
            *identities = sum.z.is_zero();
            *inverse = sum.z.replaced(*identities, Element::small(1));
        }
        invert_all(&mut inverses);
        for (((sum, wanted), inverse), identities) in sums.iter().zip(inverses).zip(identities) {
            let x = one_by_one(sum.x.times(inverse).to_words());
            let y = one_by_one(sum.y.times(inverse).to_words());
            for (lane, (x, y)) in x.iter().zip(&y).enumerate() {
                match (wanted >> lane & 1, identities >> lane & 1) {
                    (0, _) => {}
                    (_, 1) => made.push(AffinePoint::IDENTITY),
                    _ => made.push(point([x, y])?),
                }
            }
        }
    }
    Some(made)
}
