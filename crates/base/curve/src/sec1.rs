//! The two curves whose points are written as in SEC1. Cofactor one: on the curve is in the
//! group.

use crate::comb::{self, Comb};
use crate::curve::{Arithmetic, P256, Secp256k1};
use crate::secp256k1::{self, EitherPoint};
use crate::vectors::has_lanes;
use k256::elliptic_curve::BatchNormalize;
use k256::elliptic_curve::PrimeField;
use k256::elliptic_curve::bigint::U256;
use k256::elliptic_curve::ops::{MulByGenerator, Reduce};
use k256::elliptic_curve::sec1::{FromEncodedPoint, ToEncodedPoint};
use std::sync::OnceLock;

macro_rules! arithmetic {
    ($curve:ty, $library:ident, { $($points:tt)* }) => {
        impl Arithmetic for $curve {
            $($points)*

            type RawScalar = $library::Scalar;

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
    type RawPoint = EitherPoint;

    fn identity() -> Self::RawPoint {
        EitherPoint::Affine(k256::AffinePoint::IDENTITY)
    }

    fn generator() -> Self::RawPoint {
        EitherPoint::Affine(k256::AffinePoint::GENERATOR)
    }

    fn add(a: &Self::RawPoint, b: &Self::RawPoint) -> Self::RawPoint {
        a.plus(*b)
    }

    fn negate(a: &Self::RawPoint) -> Self::RawPoint {
        a.negate()
    }

    fn multiply(k: &Self::RawScalar, point: &Self::RawPoint) -> Self::RawPoint {
        let one = multiply_in_lanes(&[(k, point)]).and_then(|points| points.first().copied());
        one.unwrap_or_else(|| point.times(k))
    }

    fn multiply_all(terms: &[(&Self::RawScalar, &Self::RawPoint)]) -> Vec<Self::RawPoint> {
        let alone = || terms.iter().map(|(k, point)| point.times(k)).collect();
        multiply_in_lanes(terms).unwrap_or_else(alone)
    }

    fn multiply_base(k: &Self::RawScalar) -> Self::RawPoint {
        let one = multiply_base_in_lanes(&[k]).and_then(|points| points.first().copied());
        one.unwrap_or_else(|| EitherPoint::Sum(k256::ProjectivePoint::mul_by_generator(k)))
    }

    fn multiply_base_public(k: &Self::RawScalar) -> Self::RawPoint {
        let one = multiply_base_in_lanes(&[k]).and_then(|points| points.first().copied());
        one.unwrap_or_else(|| EitherPoint::Sum(times_by_bytes(k)))
    }

    fn multiply_base_all(scalars: &[&Self::RawScalar]) -> Vec<Self::RawPoint> {
        static COMB: OnceLock<Comb<5>> = OnceLock::new();
        multiply_base_in_lanes(scalars).unwrap_or_else(|| {
            let alone = k256::ProjectivePoint::mul_by_generator;
            sums(COMB.get_or_init(Comb::new).times_all(scalars, comb::scanned, alone))
        })
    }

    fn multiply_base_all_public(scalars: &[&Self::RawScalar]) -> Vec<Self::RawPoint> {
        static COMB: OnceLock<Comb<10>> = OnceLock::new();
        multiply_base_in_lanes(scalars).unwrap_or_else(|| {
            sums(COMB.get_or_init(Comb::new).times_all(scalars, comb::indexed, times_by_bytes))
        })
    }

    fn encode(point: &Self::RawPoint) -> Vec<u8> {
        Self::encode_all(&[*point]).into_iter().flatten().collect()
    }

    fn encode_all(points: &[Self::RawPoint]) -> Vec<Vec<u8>> {
        let affine = EitherPoint::all_to_affine(points);
        affine.iter().map(|point| point.to_encoded_point(true).as_bytes().to_vec()).collect()
    }

    fn decode(bytes: &[u8]) -> Option<Self::RawPoint> {
        let encoded = k256::EncodedPoint::from_bytes(compressed(bytes)?).ok()?;
        let affine: Option<_> = k256::AffinePoint::from_encoded_point(&encoded).into();
        affine.map(EitherPoint::Affine)
    }

    fn decode_all(encodings: &[&[u8]]) -> Vec<Option<Self::RawPoint>> {
        // Of one alone it takes as long with eight lanes.
        let points = (encodings.len() > 1).then(|| secp256k1::decode(encodings)).flatten();
        let points = points.map(|points| points.into_iter().map(|p| p.map(EitherPoint::Affine)));
        let alone = || encodings.iter().map(|bytes| Self::decode(bytes)).collect();
        points.map(Iterator::collect).unwrap_or_else(alone)
    }
});

arithmetic!(P256, p256, {
    type RawPoint = p256::ProjectivePoint;

    fn identity() -> Self::RawPoint {
        p256::ProjectivePoint::IDENTITY
    }

    fn generator() -> Self::RawPoint {
        p256::ProjectivePoint::GENERATOR
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
        p256::ProjectivePoint::mul_by_generator(k)
    }

    fn encode(point: &Self::RawPoint) -> Vec<u8> {
        point.to_affine().to_encoded_point(true).as_bytes().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self::RawPoint> {
        let encoded = p256::EncodedPoint::from_bytes(compressed(bytes)?).ok()?;
        let affine: Option<p256::AffinePoint> =
            p256::AffinePoint::from_encoded_point(&encoded).into();
        affine.map(p256::ProjectivePoint::from)
    }
});

/// Only the compressed form: one encoding a point.
fn compressed(bytes: &[u8]) -> Option<&[u8]> {
    (bytes.len() == 33 && matches!(bytes.first(), Some(2 | 3))).then_some(bytes)
}

fn sums(points: Vec<k256::ProjectivePoint>) -> Vec<EitherPoint> {
    points.into_iter().map(EitherPoint::Sum).collect()
}

fn multiply_base_in_lanes(scalars: &[&k256::Scalar]) -> Option<Vec<EitherPoint>> {
    let points = secp256k1::multiples_of_generator(scalars)?;
    Some(points.into_iter().map(EitherPoint::Affine).collect())
}

fn multiply_in_lanes(terms: &[(&k256::Scalar, &EitherPoint)]) -> Option<Vec<EitherPoint>> {
    if !has_lanes() {
        return None;
    }
    let points: Vec<EitherPoint> = terms.iter().map(|(_, point)| **point).collect();
    let points = EitherPoint::all_to_affine(&points);
    let terms: Vec<_> = terms.iter().map(|(k, _)| *k).zip(points).collect();
    let made = secp256k1::multiples(&terms)?;
    Some(made.into_iter().map(EitherPoint::Affine).collect())
}

/// k · G for a public k. One addition for each byte of k, from a table of all multiples of G by one
/// byte at each place; made once, in some milliseconds, and 0.7 MB large.
fn times_by_bytes(k: &k256::Scalar) -> k256::ProjectivePoint {
    static TABLE: OnceLock<Vec<k256::AffinePoint>> = OnceLock::new();
    let table = TABLE.get_or_init(byte_multiples);
    let bytes: [u8; 32] = k.to_bytes().into();
    let entries =
        bytes.iter().rev().enumerate().filter_map(|(place, byte)| {
            table.get(place * 255 + usize::from(*byte).checked_sub(1)?)
        });
    entries.fold(k256::ProjectivePoint::IDENTITY, |sum, entry| sum + entry)
}

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
