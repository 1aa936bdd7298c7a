//! edwards25519: cofactor eight, so membership of the prime-order subgroup is checked.

use crate::curve::{Arithmetic, Ed25519};
use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{Identity, IsIdentity};

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

    fn multiply_base(k: &Self::RawScalar) -> Self::RawPoint {
        EdwardsPoint::mul_base(k)
    }

    fn encode(point: &Self::RawPoint) -> Vec<u8> {
        point.compress().to_bytes().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self::RawPoint> {
        let compressed = CompressedEdwardsY::from_slice(bytes).ok()?;
        let point = compressed.decompress()?;
        // Decompression accepts some second encodings and points with torsion (CUR-01, CUR-02).
        let canonical = point.compress() == compressed;
        (canonical && point.is_torsion_free() && !point.is_identity()).then_some(point)
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

    fn scalar_to_bytes(a: &Self::RawScalar) -> [u8; 32] {
        a.to_bytes()
    }

    fn scalar_from_bytes(bytes: &[u8; 32]) -> Option<Self::RawScalar> {
        Scalar::from_canonical_bytes(*bytes).into()
    }
}
