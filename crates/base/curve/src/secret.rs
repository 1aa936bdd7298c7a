//! Secret scalars: shares, nonces, coefficients of polynomials.

use crate::{Curve, Point, Scalar, ScalarError};
use rand_core::CryptoRngCore;
use std::fmt;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

/// A secret integer modulo the order. Secret: not `Copy`, not `Clone`, wiped when dropped,
/// compared in constant time, printed as nothing (CUR-06).
pub struct SecretScalar<C: Curve>(Box<C::RawScalar>);

impl<C: Curve> SecretScalar<C> {
    /// A uniform scalar.
    pub fn random(rng: &mut impl CryptoRngCore) -> Self {
        let mut wide = Zeroizing::new([0u8; 64]);
        rng.fill_bytes(wide.as_mut());
        Self::from_wide(&wide)
    }

    /// 64 uniform secret bytes modulo the order, without noticeable bias (CUR-05).
    pub fn from_wide(bytes: &[u8; 64]) -> Self {
        Self(Box::new(C::scalar_from_wide(bytes)))
    }

    /// Reads the canonical encoding of 32 secret bytes. The caller wipes them.
    ///
    /// # Errors
    /// Not 32 bytes, or not below the order (CUR-04).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ScalarError> {
        let bytes: &[u8; 32] = bytes.try_into().map_err(|_| ScalarError)?;
        C::scalar_from_bytes(bytes).map(|raw| Self(Box::new(raw))).ok_or(ScalarError)
    }

    /// The canonical encoding, wiped when dropped.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(C::scalar_to_bytes(&self.0))
    }

    /// Zero, to begin a sum with.
    pub fn zero() -> Self {
        Self(Box::default())
    }

    /// self + other.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self(Box::new(C::scalar_add(&self.0, &other.0)))
    }

    /// self - other.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        Self(Box::new(C::scalar_subtract(&self.0, &other.0)))
    }

    /// self + other for a public other.
    #[must_use]
    pub fn plus_public(&self, other: Scalar<C>) -> Self {
        Self(Box::new(C::scalar_add(&self.0, other.raw())))
    }

    /// self · other for a public other.
    #[must_use]
    pub fn times(&self, other: Scalar<C>) -> Self {
        Self(Box::new(C::scalar_multiply(&self.0, other.raw())))
    }

    /// self · other for a secret other.
    #[must_use]
    pub fn times_secret(&self, other: &Self) -> Self {
        Self(Box::new(C::scalar_multiply(&self.0, &other.0)))
    }

    /// nonce + e · self: the response of a proof to a short challenge, encoded. Secret until it is
    /// sent, wiped when dropped. Cheaper than its parts, for who needs thousands.
    pub fn response(&self, nonce: &Self, challenge: u16) -> Zeroizing<[u8; 32]> {
        let challenge = C::scalar_from_u64(challenge.into());
        let mut product = C::scalar_multiply(&self.0, &challenge);
        let mut sum = C::scalar_add(&nonce.0, &product);
        let bytes = Zeroizing::new(C::scalar_to_bytes(&sum));
        product.zeroize();
        sum.zeroize();
        bytes
    }

    /// self · G.
    pub fn commit(&self) -> Point<C> {
        Point::base_mul(self)
    }

    /// The multiples of G by many; on secp256k1 cheaper than one by one.
    pub fn commit_all(scalars: &[Self]) -> Vec<Point<C>> {
        Point::base_mul_all(scalars)
    }

    /// The same of scalars that lie in different places.
    pub fn commit_each(scalars: &[&Self]) -> Vec<Point<C>> {
        Point::base_mul_all(scalars.iter().copied())
    }

    /// Makes the value public: for the response of a proof, whose randomness hides the secret.
    pub fn reveal(self) -> Scalar<C> {
        Scalar::from_bytes(self.to_bytes().as_ref()).unwrap_or(Scalar::zero())
    }

    pub(crate) fn raw(&self) -> &C::RawScalar {
        &self.0
    }
}

impl<C: Curve> ConstantTimeEq for SecretScalar<C> {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl<C: Curve> Drop for SecretScalar<C> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<C: Curve> fmt::Debug for SecretScalar<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretScalar")
    }
}
