//! The two curves whose points are written as in SEC1. Cofactor one: on the curve is in the
//! group.

use crate::comb::{self, Comb};
use crate::curve::{Arithmetic, P256, Secp256k1};
use k256::elliptic_curve::BatchNormalize;
use k256::elliptic_curve::PrimeField;
use k256::elliptic_curve::bigint::U256;
use k256::elliptic_curve::ops::{MulByGenerator, Reduce};
use k256::elliptic_curve::sec1::{FromEncodedPoint, ToEncodedPoint};
use std::sync::OnceLock;

macro_rules! arithmetic {
    ($curve:ty, $library:ident, { $($more:tt)* }) => {
        impl Arithmetic for $curve {
            type RawPoint = $library::ProjectivePoint;
            type RawScalar = $library::Scalar;

            fn identity() -> Self::RawPoint {
                $library::ProjectivePoint::IDENTITY
            }

            fn generator() -> Self::RawPoint {
                $library::ProjectivePoint::GENERATOR
            }

            fn add(a: &Self::RawPoint, b: &Self::RawPoint) -> Self::RawPoint {
                a + b
            }

            fn negate(a: &Self::RawPoint) -> Self::RawPoint {
                -*a
            }

            fn multiply(k: &Self::RawScalar, point: &Self::RawPoint) -> Self::RawPoint {
                point * k
            }

            fn multiply_base(k: &Self::RawScalar) -> Self::RawPoint {
                $library::ProjectivePoint::mul_by_generator(k)
            }

            fn encode(point: &Self::RawPoint) -> Vec<u8> {
                point.to_affine().to_encoded_point(true).as_bytes().to_vec()
            }

            $($more)*

            fn decode(bytes: &[u8]) -> Option<Self::RawPoint> {
                // Only the compressed form: one encoding a point.
                let compressed = bytes.len() == 33 && matches!(bytes.first(), Some(2 | 3));
                let encoded =
                    $library::EncodedPoint::from_bytes(bytes).ok().filter(|_| compressed)?;
                let affine: Option<$library::AffinePoint> =
                    $library::AffinePoint::from_encoded_point(&encoded).into();
                affine.map($library::ProjectivePoint::from)
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
                a.invert().into()
            }

            fn scalar_from_u64(value: u64) -> Self::RawScalar {
                $library::Scalar::from(value)
            }

            fn scalar_from_wide(bytes: &[u8; 64]) -> Self::RawScalar {
                // high · 2^256 + low, each half reduced; 2^256 = (2^64)^4 modulo the order.
                let (high, low) = bytes.split_at(32);
                let reduce = |half: &[u8]| {
                    <$library::Scalar as Reduce<U256>>::reduce(U256::from_be_slice(half))
                };
                let two_64 = $library::Scalar::from(u64::MAX) + $library::Scalar::ONE;
                let two_128 = two_64 * two_64;
                reduce(high) * two_128 * two_128 + reduce(low)
            }

            fn scalar_from_32(bytes: &[u8; 32]) -> Self::RawScalar {
                <$library::Scalar as Reduce<U256>>::reduce(U256::from_be_slice(bytes))
            }

            fn scalar_to_bytes(a: &Self::RawScalar) -> [u8; 32] {
                a.to_bytes().into()
            }

            fn scalar_from_bytes(bytes: &[u8; 32]) -> Option<Self::RawScalar> {
                $library::Scalar::from_repr((*bytes).into()).into()
            }
        }
    };
}

arithmetic!(Secp256k1, k256, {
    /// One addition for each byte of k, from a table of all multiples of G by one byte at each
    /// place; made once, in some milliseconds, and 0.7 MB large.
    fn multiply_base_public(k: &Self::RawScalar) -> Self::RawPoint {
        static TABLE: OnceLock<Vec<k256::AffinePoint>> = OnceLock::new();
        let table = TABLE.get_or_init(byte_multiples);
        let bytes: [u8; 32] = k.to_bytes().into();
        let entries = bytes.iter().rev().enumerate().filter_map(|(place, byte)| {
            table.get(place * 255 + usize::from(*byte).checked_sub(1)?)
        });
        entries.fold(k256::ProjectivePoint::IDENTITY, |sum, entry| sum + entry)
    }

    fn multiply_base_all(scalars: &[&Self::RawScalar]) -> Vec<Self::RawPoint> {
        static COMB: OnceLock<Comb<5>> = OnceLock::new();
        COMB.get_or_init(Comb::new).times_all(scalars, comb::scanned, Self::multiply_base)
    }

    fn multiply_base_all_public(scalars: &[&Self::RawScalar]) -> Vec<Self::RawPoint> {
        static COMB: OnceLock<Comb<10>> = OnceLock::new();
        let comb = COMB.get_or_init(Comb::new);
        comb.times_all(scalars, comb::indexed, Self::multiply_base_public)
    }

    fn encode_all(points: &[Self::RawPoint]) -> Vec<Vec<u8>> {
        let affine = k256::ProjectivePoint::batch_normalize(points);
        affine.iter().map(|point| point.to_encoded_point(true).as_bytes().to_vec()).collect()
    }
});
arithmetic!(P256, p256, {});

/// 1 to 255 times 256^place · G, for each place of a scalar's 32 bytes, the lowest first.
fn byte_multiples() -> Vec<k256::AffinePoint> {
    let mut multiples = Vec::with_capacity(32 * 255);
    let mut place = k256::ProjectivePoint::GENERATOR;
    for _ in 0..32 {
        let mut multiple = place;
        for _ in 0..255 {
            multiples.push(multiple);
            multiple += place;
        }
        place = multiple;
    }
    k256::ProjectivePoint::batch_normalize(multiples.as_slice())
}
