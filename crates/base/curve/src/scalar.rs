//! Public scalars: coefficients, challenges, responses.

use crate::{Curve, Point};
use quorate_codec::minicbor::{self, Decode, Decoder, Encode, Encoder, bytes::ByteArray};
use std::fmt;
use std::ops::{Add, Mul, Sub};

/// A public integer modulo the order. 32 canonical bytes: big-endian on the SEC1 curves,
/// little-endian on Ed25519.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Scalar<C: Curve>(C::RawScalar);

/// A public scalar that has an inverse.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NonZeroScalar<C: Curve>(Scalar<C>);

/// The bytes are not the canonical encoding of a scalar below the order, or it is zero where it
/// must not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a canonical scalar of the demanded kind")]
pub struct ScalarError;

impl<C: Curve> Scalar<C> {
    /// Zero.
    pub fn zero() -> Self {
        Self(C::RawScalar::default())
    }

    /// One.
    pub fn one() -> Self {
        Self::from_u64(1)
    }

    /// A small integer.
    pub fn from_u64(value: u64) -> Self {
        Self(C::scalar_from_u64(value))
    }

    /// An integer below 2^128.
    pub fn from_u128(value: u128) -> Self {
        let two_64 = Self::from_u64(u64::MAX) + Self::one();
        let (high, low) = ((value >> 64) as u64, value as u64);
        Self::from_u64(high) * two_64 + Self::from_u64(low)
    }

    /// 64 uniform bytes, such as [`quorate_codec::Transcript::wide`], modulo the order without
    /// noticeable bias (CUR-05).
    pub fn from_wide(bytes: &[u8; 64]) -> Self {
        Self(C::scalar_from_wide(bytes))
    }

    /// 32 bytes, the highest first, modulo the order: how ECDSA reads a digest and a coordinate
    /// (FIPS 186-5, section 6.4). Biased; not for what has to be uniform.
    pub fn reduced(bytes: &[u8; 32]) -> Self {
        Self(C::scalar_from_32(bytes))
    }

    /// Reads the canonical encoding.
    ///
    /// # Errors
    /// Not 32 bytes, or not below the order (CUR-04).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ScalarError> {
        let bytes: &[u8; 32] = bytes.try_into().map_err(|_| ScalarError)?;
        C::scalar_from_bytes(bytes).map(Self).ok_or(ScalarError)
    }

    /// The canonical encoding.
    pub fn to_bytes(self) -> [u8; 32] {
        C::scalar_to_bytes(&self.0)
    }

    /// self · G.
    pub fn commit(self) -> Point<C> {
        Point::base_mul_public(self)
    }

    /// The multiples of G by many; on secp256k1 cheaper than one by one.
    pub fn commit_all(scalars: &[Self]) -> Vec<Point<C>> {
        Point::base_mul_all_public(scalars)
    }

    /// This scalar, known not to be zero.
    ///
    /// # Errors
    /// It is zero.
    pub fn non_zero(self) -> Result<NonZeroScalar<C>, ScalarError> {
        if self == Self::zero() { Err(ScalarError) } else { Ok(NonZeroScalar(self)) }
    }

    pub(crate) fn raw(&self) -> &C::RawScalar {
        &self.0
    }
}

impl<C: Curve> NonZeroScalar<C> {
    /// As a scalar that may take part in sums.
    pub fn scalar(self) -> Scalar<C> {
        self.0
    }

    /// 1 / self.
    #[must_use]
    pub fn invert(self) -> Self {
        // A non-zero element of a field has an inverse; the default cannot be reached.
        Self(Scalar(C::scalar_invert(&self.0.0).unwrap_or_default()))
    }
}

impl<C: Curve> Mul for NonZeroScalar<C> {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self(self.0 * other.0)
    }
}

impl<C: Curve> Add for Scalar<C> {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(C::scalar_add(&self.0, &other.0))
    }
}

impl<C: Curve> Sub for Scalar<C> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(C::scalar_subtract(&self.0, &other.0))
    }
}

impl<C: Curve> Mul for Scalar<C> {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self(C::scalar_multiply(&self.0, &other.0))
    }
}

impl<C: Curve> fmt::Debug for Scalar<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", C::NAME, quorate_codec::hex::encode(&self.to_bytes()))
    }
}

impl<C: Curve> fmt::Debug for NonZeroScalar<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

impl<C: Curve, X> Encode<X> for Scalar<C> {
    fn encode<W: minicbor::encode::Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut X,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        encoder.bytes(&self.to_bytes())?.ok()
    }
}

impl<'b, C: Curve, X> Decode<'b, X> for Scalar<C> {
    fn decode(decoder: &mut Decoder<'b>, context: &mut X) -> Result<Self, minicbor::decode::Error> {
        let bytes: ByteArray<32> = decoder.decode_with(context)?;
        Self::from_bytes(&*bytes).map_err(minicbor::decode::Error::message)
    }
}
