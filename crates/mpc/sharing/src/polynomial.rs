//! The dealer's secret coefficients.

use crate::{Commitments, SharingError};
use quorate_access::{Row, Tree};
use quorate_curve::{Curve, Point, Scalar, SecretScalar};
use rand_core::CryptoRngCore;

/// The coefficients of a sharing: a secret and, for each gate, as many random ones as its
/// threshold minus one. Secret, wiped when dropped; made for one dealing and never stored.
pub struct Polynomial<C: Curve>(Vec<SecretScalar<C>>);

impl<C: Curve> Polynomial<C> {
    /// A sharing of a random secret.
    pub fn random<P>(tree: &Tree<P>, rng: &mut impl CryptoRngCore) -> Self {
        let secret = SecretScalar::random(rng);
        Self::with_constant(tree, secret, rng)
    }

    /// A sharing of `secret`.
    pub fn with_constant<P>(
        tree: &Tree<P>,
        secret: SecretScalar<C>,
        rng: &mut impl CryptoRngCore,
    ) -> Self {
        let mut coefficients = Vec::with_capacity(tree.columns());
        coefficients.push(secret);
        coefficients.resize_with(tree.columns(), || SecretScalar::random(rng));
        Self(coefficients)
    }

    /// A sharing with these coefficients, in the order of the columns: to repeat a known one.
    ///
    /// # Errors
    /// Not exactly one for every column.
    pub fn from_coefficients<P>(
        tree: &Tree<P>,
        coefficients: Vec<SecretScalar<C>>,
    ) -> Result<Self, SharingError> {
        let (expected, got) = (tree.columns(), coefficients.len());
        if got == expected {
            Ok(Self(coefficients))
        } else {
            Err(SharingError::Count { expected, got })
        }
    }

    /// The commitments, exactly one for each column.
    ///
    /// # Errors
    /// A coefficient is zero: the secret that the caller gave, or with probability 2^-250 a
    /// random one.
    pub fn commit(&self) -> Result<Commitments<C>, SharingError> {
        let points: Vec<Point<C>> = self.0.iter().map(SecretScalar::commit).collect();
        Commitments::of_points(points)
    }

    /// The secret, and nothing else of it.
    pub fn into_constant(self) -> Option<SecretScalar<C>> {
        self.0.into_iter().next()
    }

    /// The secret.
    pub fn constant(&self) -> Option<&SecretScalar<C>> {
        self.0.first()
    }

    /// The share of a leaf (SHR-02). `None` for a row of another tree, which names columns that
    /// are not there.
    pub fn share<P>(&self, row: &Row<'_, P>) -> Option<SecretScalar<C>> {
        let mut share = self.0.first()?.plus(&SecretScalar::zero());
        for step in &row.steps {
            let first = usize::from(step.column);
            let own = self.0.get(first..first + usize::from(step.threshold - 1))?;
            let index = Scalar::from_u64(step.index.into());
            let term = own
                .iter()
                .rev()
                .fold(SecretScalar::zero(), |sum, next| sum.plus(next).times(index));
            share = share.plus(&term);
        }
        Some(share)
    }
}

impl<C: Curve> std::fmt::Debug for Polynomial<C> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Polynomial")
    }
}
