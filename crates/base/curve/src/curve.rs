//! The curves, and the arithmetic that a curve lends to the types of this crate.

use std::fmt::Debug;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// A curve of the product. Sealed: the types of this crate rest on the promises of
/// [`Arithmetic`], which only the three curves here make.
pub trait Curve: Arithmetic + Copy + Eq + Ord + Debug + Send + Sync + 'static {
    /// Its name in transcripts and texts.
    const NAME: &'static str;
    /// Length of an encoded point in bytes: SEC1 compressed, or RFC 8032.
    const POINT_BYTES: usize;
}

/// secp256k1 (SEC 2): ECDSA for most chains, and BIP-340.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Secp256k1;

/// NIST P-256 (FIPS 186-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct P256;

/// The prime-order subgroup of edwards25519 (RFC 8032).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ed25519;

/// What a library must do for a curve. Implementations promise: `decode` yields points of the
/// prime-order subgroup in their one encoding and never the identity; `scalar_from_bytes`
/// accepts canonical values below the order only.
pub trait Arithmetic {
    /// A point of the prime-order subgroup.
    type RawPoint: Copy + Eq + Debug + Send + Sync + 'static;
    /// An integer modulo the order.
    type RawScalar: Copy + Eq + Default + ConstantTimeEq + Zeroize + Send + Sync + 'static;

    /// The neutral element.
    fn identity() -> Self::RawPoint;
    /// The generator.
    fn generator() -> Self::RawPoint;
    /// a + b.
    fn add(a: &Self::RawPoint, b: &Self::RawPoint) -> Self::RawPoint;
    /// -a.
    fn negate(a: &Self::RawPoint) -> Self::RawPoint;
    /// k · P, in constant time.
    fn multiply(k: &Self::RawScalar, point: &Self::RawPoint) -> Self::RawPoint;
    /// k · P for each, in constant time.
    fn multiply_all(terms: &[(&Self::RawScalar, &Self::RawPoint)]) -> Vec<Self::RawPoint> {
        terms.iter().map(|(k, point)| Self::multiply(k, point)).collect()
    }
    /// Σ k · P over public terms, possibly in variable time.
    fn linear_combination(terms: &[(Self::RawScalar, Self::RawPoint)]) -> Self::RawPoint {
        let each: Vec<_> = terms.iter().map(|(k, point)| (k, point)).collect();
        let products = Self::multiply_all(&each).into_iter();
        products.reduce(|sum, product| Self::add(&sum, &product)).unwrap_or_else(Self::identity)
    }
    /// k · G, in constant time.
    fn multiply_base(k: &Self::RawScalar) -> Self::RawPoint;
    /// k · G for a public k, possibly in variable time.
    fn multiply_base_public(k: &Self::RawScalar) -> Self::RawPoint {
        Self::multiply_base(k)
    }
    /// k · G for each k, in constant time.
    fn multiply_base_all(scalars: &[&Self::RawScalar]) -> Vec<Self::RawPoint> {
        scalars.iter().map(|k| Self::multiply_base(k)).collect()
    }
    /// k · G for each public k, possibly in variable time.
    fn multiply_base_all_public(scalars: &[&Self::RawScalar]) -> Vec<Self::RawPoint> {
        scalars.iter().map(|k| Self::multiply_base_public(k)).collect()
    }
    /// The encoding; of a non-identity point.
    fn encode(point: &Self::RawPoint) -> Vec<u8>;
    /// The encodings of non-identity points: one inversion for all where the library offers it.
    fn encode_all(points: &[Self::RawPoint]) -> Vec<Vec<u8>> {
        points.iter().map(Self::encode).collect()
    }
    /// The point with exactly this encoding.
    fn decode(bytes: &[u8]) -> Option<Self::RawPoint>;
    /// The points with exactly these encodings.
    fn decode_all(encodings: &[&[u8]]) -> Vec<Option<Self::RawPoint>> {
        encodings.iter().map(|bytes| Self::decode(bytes)).collect()
    }

    /// a + b.
    fn scalar_add(a: &Self::RawScalar, b: &Self::RawScalar) -> Self::RawScalar;
    /// a - b.
    fn scalar_subtract(a: &Self::RawScalar, b: &Self::RawScalar) -> Self::RawScalar;
    /// a · b.
    fn scalar_multiply(a: &Self::RawScalar, b: &Self::RawScalar) -> Self::RawScalar;
    /// 1 / a, if a is not zero.
    fn scalar_invert(a: &Self::RawScalar) -> Option<Self::RawScalar>;
    /// A small integer.
    fn scalar_from_u64(value: u64) -> Self::RawScalar;
    /// 64 uniform bytes modulo the order; the bias is below 2^-250.
    fn scalar_from_wide(bytes: &[u8; 64]) -> Self::RawScalar;
    /// 32 bytes modulo the order, the highest first: for who says what its bias means.
    fn scalar_from_32(bytes: &[u8; 32]) -> Self::RawScalar;
    /// The canonical encoding: big-endian on the SEC1 curves, little-endian on Ed25519.
    fn scalar_to_bytes(a: &Self::RawScalar) -> [u8; 32];
    /// The scalar with exactly this encoding.
    fn scalar_from_bytes(bytes: &[u8; 32]) -> Option<Self::RawScalar>;
}

impl Curve for Secp256k1 {
    const NAME: &'static str = "secp256k1";
    const POINT_BYTES: usize = 33;
}

impl Curve for P256 {
    const NAME: &'static str = "p256";
    const POINT_BYTES: usize = 33;
}

impl Curve for Ed25519 {
    const NAME: &'static str = "ed25519";
    const POINT_BYTES: usize = 32;
}
