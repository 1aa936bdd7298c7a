//! Commitments to the coefficients of a sharing.

use crate::SharingError;
use quorate_access::{LeafId, Row, Step, Tree};
use quorate_curve::{Curve, NonIdentity, Point, Scalar};
use std::collections::BTreeMap;

/// One point for every column of a tree, none of them the identity: C_0 commits to the secret,
/// the others to the gates' coefficients. Public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commitments<C: Curve>(Vec<NonIdentity<C>>);

impl<C: Curve> Commitments<C> {
    /// Commitments to a sharing over `tree`.
    ///
    /// # Errors
    /// Not exactly one point for every column, or one is the identity (SHR-03, SHR-04).
    pub fn new<P>(tree: &Tree<P>, points: Vec<Point<C>>) -> Result<Self, SharingError> {
        count(tree, points.len())?;
        non_identities(points).map(Self)
    }

    /// Reads encoded points.
    ///
    /// # Errors
    /// Not exactly one for every column of `tree`, or one is not the one encoding of a valid
    /// point other than the identity (SHR-03, SHR-04).
    pub fn from_bytes<P>(
        tree: &Tree<P>,
        points: &[impl AsRef<[u8]>],
    ) -> Result<Self, SharingError> {
        count(tree, points.len())?;
        let read = |(column, bytes): (usize, &_)| {
            let bytes: &[u8] = AsRef::<[u8]>::as_ref(bytes);
            NonIdentity::from_bytes(bytes).map_err(|_| SharingError::Point { column })
        };
        points.iter().enumerate().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// The encoded points, in the order of the columns.
    pub fn to_bytes(&self) -> Vec<Vec<u8>> {
        NonIdentity::all_to_bytes(&self.0)
    }

    /// How many there are: the columns of the tree that they are for.
    pub fn columns(&self) -> usize {
        self.0.len()
    }

    /// C_0: the public point of the secret.
    pub fn constant(&self) -> Point<C> {
        self.0.first().map_or(Point::identity(), NonIdentity::point)
    }

    /// The public share S_l of a leaf, from small multiples of the commitments (SHR-05). A row of
    /// another tree, which names columns that are not there, has the identity, which is no
    /// public share of anybody.
    pub fn leaf<P>(&self, row: &Row<'_, P>) -> Point<C> {
        let terms: Option<Point<C>> = row.steps.iter().map(|step| self.step(step)).sum();
        terms.map_or(Point::identity(), |sum| sum + self.constant())
    }

    /// The public shares of all leaves.
    pub fn leaves<P>(&self, tree: &Tree<P>) -> BTreeMap<LeafId, Point<C>> {
        tree.rows().iter().map(|row| (row.leaf, self.leaf(row))).collect()
    }

    /// The commitments to the sum of sharings over one tree; of none, or of different lengths,
    /// there is no sum.
    ///
    /// # Errors
    /// The lengths differ, or a sum is the identity.
    pub fn sum<'a>(sharings: impl IntoIterator<Item = &'a Self>) -> Result<Self, SharingError> {
        let mut sharings = sharings.into_iter();
        let first = sharings.next().ok_or(SharingError::Count { expected: 1, got: 0 })?;
        let mut points: Vec<Point<C>> = first.0.iter().map(NonIdentity::point).collect();
        for sharing in sharings {
            if sharing.0.len() != points.len() {
                return Err(SharingError::Count { expected: points.len(), got: sharing.0.len() });
            }
            for (sum, point) in points.iter_mut().zip(&sharing.0) {
                *sum = *sum + point.point();
            }
        }
        non_identities(points).map(Self)
    }

    /// The commitments to Σ ρ_i x_i, where x_i is the secret of the i-th of `sharings` over one
    /// tree and ρ_i the i-th of `weights`: what is true of all of them is true of this, and what
    /// is false of one is false of this but with probability 2^-128 (CUR-07, SHR-11).
    ///
    /// # Errors
    /// Not one weight for each sharing, their lengths differ, or a sum is the identity.
    pub fn weighted_sum<'a>(
        sharings: impl IntoIterator<Item = &'a Self>,
        weights: &[u128],
    ) -> Result<Self, SharingError> {
        let sharings: Vec<&Self> = sharings.into_iter().collect();
        let (expected, got) = (sharings.len(), weights.len());
        let first = sharings.first().filter(|_| expected == got);
        let first = first.ok_or(SharingError::Count { expected, got })?;
        if weights == [1] {
            return Ok(Self::clone(first));
        }
        let columns = first.columns();
        if let Some(other) = sharings.iter().find(|sharing| sharing.columns() != columns) {
            return Err(SharingError::Count { expected: columns, got: other.columns() });
        }
        let column = |column: usize| {
            let points = sharings.iter().filter_map(|sharing| sharing.0.get(column));
            let terms: Vec<(Point<C>, u128)> =
                points.map(NonIdentity::point).zip(weights.iter().copied()).collect();
            Point::weighted_sum(&terms)
        };
        non_identities((0..columns).map(column).collect()).map(Self)
    }

    /// The commitments to the sharing of x + δ in which every leaf's share is larger by δ: the
    /// constant polynomial is added, so only C_0 changes (SHR-12).
    ///
    /// # Errors
    /// C_0 + δ G is the identity.
    pub fn plus_constant(&self, delta: Scalar<C>) -> Result<Self, SharingError> {
        let mut points: Vec<Point<C>> = self.0.iter().map(NonIdentity::point).collect();
        if let Some(constant) = points.first_mut() {
            *constant = *constant + delta.commit();
        }
        non_identities(points).map(Self)
    }

    /// As many commitments as coefficients: for the dealer, whose polynomial has the tree's length.
    pub(crate) fn of_points(points: Vec<Point<C>>) -> Result<Self, SharingError> {
        non_identities(points).map(Self)
    }

    /// What one gate adds to the share of a leaf below it: the gate's polynomial without its
    /// constant term, at the index of the child, by Horner's rule.
    fn step(&self, step: &Step) -> Option<Point<C>> {
        let own =
            usize::from(step.column)..usize::from(step.column) + usize::from(step.threshold - 1);
        let coefficients = self.0.get(own)?.iter().rev().map(NonIdentity::point);
        Some(
            coefficients
                .fold(Point::identity(), |sum, next| (sum + next).small_mul(step.index.into())),
        )
    }
}

fn count<P>(tree: &Tree<P>, got: usize) -> Result<(), SharingError> {
    let expected = tree.columns();
    if got == expected { Ok(()) } else { Err(SharingError::Count { expected, got }) }
}

fn non_identities<C: Curve>(points: Vec<Point<C>>) -> Result<Vec<NonIdentity<C>>, SharingError> {
    let known = |(column, point): (usize, Point<C>)| {
        point.non_identity().map_err(|_| SharingError::Point { column })
    };
    points.into_iter().enumerate().map(known).collect()
}
