//! edwards25519: cofactor eight, so membership of the prime-order subgroup is checked.

use crate::curve::{Arithmetic, Ed25519};
use curve25519_dalek_5::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek_5::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek_5::scalar::Scalar;
use curve25519_dalek_5::traits::{Identity, IsIdentity, VartimeMultiscalarMul};
use std::sync::OnceLock;
use zeroize::Zeroize;

impl Arithmetic for Ed25519 {
    type RawPoint = EdwardsPoint;
    type RawScalar = Scalar;

    fn identity() -> Self::RawPoint {
        EdwardsPoint::identity()
    }

    fn generator() -> Self::RawPoint {
        ED25519_BASEPOINT_POINT
    }

    fn add(a: &Self::RawPoint, b: &Self::RawPoint) -> Self::RawPoint {
        a + b
    }

    fn negate(a: &Self::RawPoint) -> Self::RawPoint {
        -a
    }

    fn multiply(k: &Self::RawScalar, point: &Self::RawPoint) -> Self::RawPoint {
        point * k
    }

    fn linear_combination(terms: &[(Self::RawScalar, Self::RawPoint)]) -> Self::RawPoint {
        let (scalars, points): (Vec<_>, Vec<_>) = terms.iter().copied().unzip();
        EdwardsPoint::vartime_multiscalar_mul(scalars, points)
    }

    fn multiply_base(k: &Self::RawScalar) -> Self::RawPoint {
        EdwardsPoint::mul_base(k)
    }

    fn multiply_base_public(k: &Self::RawScalar) -> Self::RawPoint {
        static TABLE: OnceLock<Vec<EdwardsPoint>> = OnceLock::new();
        let table = TABLE.get_or_init(byte_multiples);
        let entries = k.as_bytes().iter().enumerate().filter_map(|(place, byte)| {
            table.get(place * 255 + usize::from(*byte).checked_sub(1)?)
        });
        entries.sum()
    }

    fn encode(point: &Self::RawPoint) -> Vec<u8> {
        point.compress().to_bytes().to_vec()
    }

    fn encode_all(points: &[Self::RawPoint]) -> Vec<Vec<u8>> {
        let encoded = EdwardsPoint::compress_batch_alloc(points);
        encoded.iter().map(|point| point.to_bytes().to_vec()).collect()
    }

    fn decode(bytes: &[u8]) -> Option<Self::RawPoint> {
        let compressed = CompressedEdwardsY::from_slice(bytes).ok()?;
        // Decompression accepts some second encodings and points with torsion (CUR-01, CUR-02). A
        // sign of x = 0 is none of those that remain: such points are of small order.
        let point = has_reduced_y(&compressed.0).then(|| compressed.decompress())??;
        (has_no_torsion(&point) && !point.is_identity()).then_some(point)
    }

    fn scalar_add(a: &Self::RawScalar, b: &Self::RawScalar) -> Self::RawScalar {
        a + b
    }

    fn scalar_subtract(a: &Self::RawScalar, b: &Self::RawScalar) -> Self::RawScalar {
        a - b
    }

    fn scalar_multiply(a: &Self::RawScalar, b: &Self::RawScalar) -> Self::RawScalar {
        a * b
    }

    fn scalar_invert(a: &Self::RawScalar) -> Option<Self::RawScalar> {
        (*a != Scalar::ZERO).then(|| a.invert())
    }

    fn scalar_from_u64(value: u64) -> Self::RawScalar {
        Scalar::from(value)
    }

    fn scalar_from_wide(bytes: &[u8; 64]) -> Self::RawScalar {
        Scalar::from_bytes_mod_order_wide(bytes)
    }

    fn scalar_from_32(bytes: &[u8; 32]) -> Self::RawScalar {
        let mut lowest_first = *bytes;
        lowest_first.reverse();
        let scalar = Scalar::from_bytes_mod_order(lowest_first);
        lowest_first.zeroize();
        scalar
    }

    fn scalar_to_bytes(a: &Self::RawScalar) -> [u8; 32] {
        a.to_bytes()
    }

    fn scalar_from_bytes(bytes: &[u8; 32]) -> Option<Self::RawScalar> {
        Scalar::from_canonical_bytes(*bytes).into()
    }
}

/// Whether l P is the identity, where l is the order: (l - 1) P = -P. Encodings are public, and the
/// multiple by digits of its own costs a quarter less than the one in constant time; most of the upper
/// half of l is zero.
fn has_no_torsion(point: &EdwardsPoint) -> bool {
    let (minus_one, zero) = (-Scalar::ONE, Scalar::ZERO);
    EdwardsPoint::vartime_double_scalar_mul_basepoint(&minus_one, point, &zero) == -point
}

/// Whether the coordinate of an encoding, which is its lower 255 bits, is below 2^255 - 19.
fn has_reduced_y([lowest, middle @ .., highest]: &[u8; 32]) -> bool {
    let is_highest = highest | 0x80 == 0xff && middle.iter().all(|byte| *byte == 0xff);
    !(is_highest && *lowest >= 0xed)
}

/// 1 to 255 times 256^place · G, for each place of a scalar's 32 bytes, the lowest first.
fn byte_multiples() -> Vec<EdwardsPoint> {
    let mut multiples = Vec::with_capacity(32 * 255);
    let mut place = ED25519_BASEPOINT_POINT;
    for _ in 0..32 {
        let mut multiple = place;
        for _ in 0..255 {
            multiples.push(multiple);
            multiple += place;
        }
        place = multiple;
    }
    multiples
}

#[cfg(test)]
mod tests {
    use super::has_reduced_y;

    /// CUR-01. No point of prime order has a second encoding, so only this test sees the bound.
    #[test]
    fn neg_009_a_coordinate_is_reduced_below_the_prime() {
        for highest in [0x7f, 0xff] {
            let with = |lowest, middle, highest| {
                let mut bytes = [0xff; 32];
                (bytes[0], bytes[17], bytes[31]) = (lowest, middle, highest);
                has_reduced_y(&bytes)
            };
            assert!(with(0xec, 0xff, highest));
            assert!(!with(0xed, 0xff, highest) && !with(0xff, 0xff, highest));
            assert!(with(0xff, 0xfe, highest) && with(0xff, 0xff, highest ^ 1));
        }
    }
}
