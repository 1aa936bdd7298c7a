//! Points.

use crate::{Curve, Scalar, SecretScalar};
use quorate_codec::minicbor::{self, Decode, Decoder, Encode, Encoder, bytes::ByteSlice};
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Mul, Neg, Sub};

/// A point of the prime-order subgroup, possibly the identity. Public. Comes from arithmetic
/// only; what is read from bytes is a [`NonIdentity`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Point<C: Curve>(C::RawPoint);

/// A point of the prime-order subgroup that is not the identity. Public. Encoded in exactly
/// [`Curve::POINT_BYTES`] bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NonIdentity<C: Curve>(Point<C>);

/// The bytes or the point are not what is demanded: wrong length, off the curve, outside the
/// prime-order subgroup, another encoding of a point, or the identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid point other than the identity")]
pub struct PointError;

impl<C: Curve> Point<C> {
    /// The neutral element.
    pub fn identity() -> Self {
        Self(C::identity())
    }

    /// The generator G.
    pub fn generator() -> Self {
        Self(C::generator())
    }

    /// k · G for a secret k, in constant time.
    pub fn base_mul(k: &SecretScalar<C>) -> Self {
        Self(C::multiply_base(k.raw()))
    }

    /// k · G for a public k; the door is [`Scalar::commit`].
    pub(crate) fn base_mul_public(k: Scalar<C>) -> Self {
        Self(C::multiply_base_public(k.raw()))
    }

    /// k · G for each secret k, in constant time; the doors are [`SecretScalar::commit_all`] and
    /// [`SecretScalar::commit_each`].
    pub(crate) fn base_mul_all<'s>(
        scalars: impl IntoIterator<Item = &'s SecretScalar<C>>,
    ) -> Vec<Self> {
        let raw: Vec<&C::RawScalar> = scalars.into_iter().map(SecretScalar::raw).collect();
        C::multiply_base_all(&raw).into_iter().map(Self).collect()
    }

    /// k · G for each public k; the door is [`Scalar::commit_all`].
    pub(crate) fn base_mul_all_public(scalars: &[Scalar<C>]) -> Vec<Self> {
        let raw: Vec<&C::RawScalar> = scalars.iter().map(Scalar::raw).collect();
        C::multiply_base_all_public(&raw).into_iter().map(Self).collect()
    }

    /// k · self for a secret k, in constant time.
    pub fn secret_mul(&self, k: &SecretScalar<C>) -> Self {
        Self(C::multiply(k.raw(), &self.0))
    }

    /// k · P for each secret k and its P, in constant time; on secp256k1 some together can be cheaper
    /// than one by one.
    pub fn secret_mul_all(terms: &[(&SecretScalar<C>, Self)]) -> Vec<Self> {
        let raw: Vec<_> = terms.iter().map(|(k, point)| (k.raw(), &point.0)).collect();
        C::multiply_all(&raw).into_iter().map(Self).collect()
    }

    /// A small multiple by double-and-add: at most sixteen doublings, in variable time. For
    /// public indices and short challenges.
    pub fn small_mul(&self, k: u16) -> Self {
        let mut product = Self::identity();
        for bit in (0..u16::BITS - k.leading_zeros()).rev() {
            product = product + product;
            if k >> bit & 1 == 1 {
                product = product + *self;
            }
        }
        product
    }

    /// Σ k · P over public terms, possibly in variable time, as the library or the lanes of the curve
    /// do it best. Of no terms, the identity.
    ///
    /// Cost: up to four terms at once cost hardly more than one.
    pub fn linear_combination(terms: &[(Scalar<C>, Self)]) -> Self {
        let raw: Vec<_> = terms.iter().map(|(k, point)| (*k.raw(), point.0)).collect();
        Self(C::linear_combination(&raw))
    }

    /// Σ k · P over public terms, in variable time, by buckets (Pippenger): for coefficients that
    /// a verifier draws to check many equations as one. Of no terms, the identity (CUR-07).
    ///
    /// Cost: about 16 additions for each of many terms, 64 for each of few.
    pub fn weighted_sum(terms: &[(Self, u128)]) -> Self {
        let width: u32 = match terms.len() {
            0..8 => 2,
            8..64 => 4,
            64..512 => 6,
            _ => 8,
        };
        let digits = (0..u128::BITS.div_ceil(width)).rev();
        digits.fold(Self::identity(), |sum, digit| {
            let shifted = (0..width).fold(sum, |sum, _| sum + sum);
            shifted + Self::digit_sum(terms, digit * width, width)
        })
    }

    /// Σ d · P, where d is the digit of `width` bits at `shift` of each coefficient.
    fn digit_sum(terms: &[(Self, u128)], shift: u32, width: u32) -> Self {
        let mask = (1_u128 << width) - 1;
        let mut buckets = vec![Self::identity(); (1 << width) - 1];
        for (point, coefficient) in terms {
            let digit = (coefficient >> shift & mask) as usize;
            if let Some(bucket) = digit.checked_sub(1).and_then(|at| buckets.get_mut(at)) {
                *bucket = *bucket + *point;
            }
        }
        let start = (Self::identity(), Self::identity());
        let (_, total) = buckets.into_iter().rev().fold(start, |(running, total), bucket| {
            let running = running + bucket;
            (running, total + running)
        });
        total
    }

    /// Whether this is the identity.
    pub fn is_identity(&self) -> bool {
        *self == Self::identity()
    }

    /// This point, known not to be the identity.
    ///
    /// # Errors
    /// It is the identity.
    pub fn non_identity(self) -> Result<NonIdentity<C>, PointError> {
        if self.is_identity() { Err(PointError) } else { Ok(NonIdentity(self)) }
    }
}

/// The multiples of a point by the digits of a short number, to multiply it by many: three
/// additions each, in variable time. Public.
pub struct ShortMultiples<C: Curve>(Vec<Point<C>>);

impl<C: Curve> ShortMultiples<C> {
    const DIGIT_BITS: u32 = 4;
    const DIGITS: usize = (1 << Self::DIGIT_BITS) - 1;

    /// Of this point. Cost: 60 additions.
    pub fn new(point: Point<C>) -> Self {
        let mut multiples = Vec::with_capacity(4 * Self::DIGITS);
        let mut place = point;
        for _ in 0..u16::BITS / Self::DIGIT_BITS {
            let mut multiple = place;
            for _ in 0..Self::DIGITS {
                multiples.push(multiple);
                multiple = multiple + place;
            }
            place = multiple;
        }
        Self(multiples)
    }

    /// k times the point.
    pub fn times(&self, k: u16) -> Point<C> {
        let places = (0..u16::BITS / Self::DIGIT_BITS).zip(self.0.chunks(Self::DIGITS));
        let digit = |place: u32| usize::from(k >> (place * Self::DIGIT_BITS)) & Self::DIGITS;
        let entries = places
            .filter_map(|(place, multiples)| multiples.get(digit(place).checked_sub(1)?).copied());
        entries.sum()
    }
}

impl<C: Curve> NonIdentity<C> {
    /// Reads the one encoding of a point: SEC1 compressed, or RFC 8032.
    ///
    /// # Errors
    /// [`PointError`]; always the sender's fault (CUR-01, CUR-02, CUR-03).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PointError> {
        C::decode(bytes).map(|raw| Self(Point(raw))).ok_or(PointError)
    }

    /// Reads many encodings, each for itself; on secp256k1 some together can be cheaper than one by
    /// one.
    ///
    /// # Errors
    /// Of each as of [`from_bytes`](Self::from_bytes).
    pub fn all_from_bytes(encodings: &[&[u8]]) -> Vec<Result<Self, PointError>> {
        let points = C::decode_all(encodings).into_iter();
        points.map(|raw| raw.map(|raw| Self(Point(raw))).ok_or(PointError)).collect()
    }

    /// The encoding, [`Curve::POINT_BYTES`] long.
    pub fn to_bytes(&self) -> Vec<u8> {
        C::encode(&self.0.0)
    }

    /// The encodings of many points; on secp256k1 cheaper than one by one.
    pub fn all_to_bytes(points: &[Self]) -> Vec<Vec<u8>> {
        // What inverts many at once does not take none.
        if points.is_empty() {
            return Vec::new();
        }
        let raw: Vec<C::RawPoint> = points.iter().map(|point| point.0.0).collect();
        C::encode_all(&raw)
    }

    /// As a point that may take part in sums.
    pub fn point(&self) -> Point<C> {
        self.0
    }
}

impl<C: Curve> Add for Point<C> {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(C::add(&self.0, &other.0))
    }
}

impl<C: Curve> Sub for Point<C> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl<C: Curve> Neg for Point<C> {
    type Output = Self;
    fn neg(self) -> Self {
        Self(C::negate(&self.0))
    }
}

impl<C: Curve> Mul<Scalar<C>> for Point<C> {
    type Output = Self;
    fn mul(self, k: Scalar<C>) -> Self {
        Self(C::multiply(k.raw(), &self.0))
    }
}

impl<C: Curve> Sum for Point<C> {
    fn sum<I: Iterator<Item = Self>>(points: I) -> Self {
        points.fold(Self::identity(), Add::add)
    }
}

impl<C: Curve> fmt::Debug for Point<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.non_identity() {
            Ok(point) => fmt::Debug::fmt(&point, formatter),
            Err(_) => write!(formatter, "{}:identity", C::NAME),
        }
    }
}

impl<C: Curve> fmt::Debug for NonIdentity<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", C::NAME, quorate_codec::hex::encode(&self.to_bytes()))
    }
}

impl<C: Curve, X> Encode<X> for NonIdentity<C> {
    fn encode<W: minicbor::encode::Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut X,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        encoder.bytes(&self.to_bytes())?.ok()
    }
}

impl<'b, C: Curve, X> Decode<'b, X> for NonIdentity<C> {
    fn decode(decoder: &mut Decoder<'b>, context: &mut X) -> Result<Self, minicbor::decode::Error> {
        let bytes: &ByteSlice = decoder.decode_with(context)?;
        Self::from_bytes(bytes).map_err(minicbor::decode::Error::message)
    }
}
