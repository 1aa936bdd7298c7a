//! A point of secp256k1, with its coordinates if they are known.

use k256::elliptic_curve::BatchNormalize;
use k256::{AffinePoint, ProjectivePoint, Scalar};

/// A point of secp256k1. What was read has coordinates, and so has what was multiplied in lanes; those
/// of other sums cost an inversion, which k256 does not save where it could.
#[derive(Debug, Clone, Copy)]
pub enum EitherPoint {
    /// The coordinates are known.
    Affine(AffinePoint),
    /// They are not.
    Sum(ProjectivePoint),
}

impl EitherPoint {
    pub(crate) fn projective(self) -> ProjectivePoint {
        match self {
            Self::Affine(point) => point.into(),
            Self::Sum(point) => point,
        }
    }

    /// The coordinates, if they cost nothing. The identity, which has none, is among what k256 does
    /// not always bring to affine coordinates together with others.
    fn affine(self) -> Option<AffinePoint> {
        match self {
            Self::Affine(point) => Some(point),
            Self::Sum(point) => {
                (point == ProjectivePoint::IDENTITY).then_some(AffinePoint::IDENTITY)
            }
        }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self::Sum(match (self, other) {
            (Self::Affine(a), Self::Affine(b)) => ProjectivePoint::from(a) + b,
            (Self::Affine(a), Self::Sum(b)) | (Self::Sum(b), Self::Affine(a)) => b + a,
            (Self::Sum(a), Self::Sum(b)) => a + b,
        })
    }

    pub(crate) fn negate(self) -> Self {
        match self {
            Self::Affine(point) => Self::Affine(-point),
            Self::Sum(point) => Self::Sum(-point),
        }
    }

    pub(crate) fn times(self, k: &Scalar) -> Self {
        Self::Sum(self.projective() * k)
    }

    /// The coordinates of all, by one inversion for those that are not known.
    pub(crate) fn all_to_affine(points: &[Self]) -> Vec<AffinePoint> {
        let sums = points.iter().filter(|point| point.affine().is_none());
        let sums: Vec<ProjectivePoint> = sums.map(|point| point.projective()).collect();
        // What inverts many at once does not take none.
        let found = match sums.is_empty() {
            true => Vec::new(),
            false => ProjectivePoint::batch_normalize(sums.as_slice()),
        };
        let mut found = found.into_iter();
        let affine = |point: &Self| point.affine().or_else(|| found.next()).unwrap_or_default();
        points.iter().map(affine).collect()
    }
}

impl PartialEq for EitherPoint {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Affine(a), Self::Affine(b)) => a == b,
            (Self::Affine(a), Self::Sum(b)) | (Self::Sum(b), Self::Affine(a)) => {
                b.eq_affine(a).into()
            }
            (Self::Sum(a), Self::Sum(b)) => a == b,
        }
    }
}

impl Eq for EitherPoint {}
