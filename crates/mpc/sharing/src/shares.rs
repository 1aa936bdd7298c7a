//! What one party holds.

use crate::{Commitments, SharingError};
use quorate_access::{LeafId, Tree};
use quorate_curve::{Curve, Scalar, SecretScalar};
use std::collections::BTreeMap;

/// One party's shares, one for each of its leaves. Secret, wiped when dropped, printed as their
/// leaves only.
pub struct LeafShares<C: Curve>(BTreeMap<LeafId, SecretScalar<C>>);

impl<C: Curve> LeafShares<C> {
    /// The share of a leaf.
    pub fn get(&self, leaf: LeafId) -> Option<&SecretScalar<C>> {
        self.0.get(&leaf)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none: what somebody holds who is no party of the tree.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The shares of Σ ρ_i x_i, where the i-th of `sharings` are those of x_i, all of the same
    /// leaves, and ρ_i is the i-th of `weights` (SHR-11). Secret.
    ///
    /// # Errors
    /// Not one weight for each, or the leaves differ.
    pub fn weighted_sum(sharings: &[Self], weights: &[u128]) -> Result<Self, SharingError> {
        let (expected, got) = (sharings.len(), weights.len());
        let first = sharings.first().filter(|_| expected == got);
        let first = first.ok_or(SharingError::Count { expected, got })?;
        if let Some(other) = sharings.iter().find(|other| !other.0.keys().eq(first.0.keys())) {
            return Err(SharingError::Count { expected: first.len(), got: other.len() });
        }
        let weigh = |leaf: LeafId| {
            let zero = SecretScalar::zero();
            sharings.iter().zip(weights).try_fold(zero, |sum, (shares, weight)| {
                let share = shares.get(leaf).ok_or(SharingError::NoShare { leaf })?;
                Ok(sum.plus(&share.times(Scalar::from_u128(*weight))))
            })
        };
        first.0.keys().map(|leaf| Ok((*leaf, weigh(*leaf)?))).collect()
    }

    /// This party's shares of x + δ (SHR-12). Secret.
    #[must_use]
    pub fn plus_constant(&self, delta: Scalar<C>) -> Self {
        self.0.iter().map(|(leaf, share)| (*leaf, share.plus_public(delta))).collect()
    }

    /// All shares, in the order of the leaves.
    pub fn iter(&self) -> impl Iterator<Item = (LeafId, &SecretScalar<C>)> {
        self.0.iter().map(|(leaf, share)| (*leaf, share))
    }

    /// Whether these are the shares of exactly the leaves of `party`, each with s_l G = S_l
    /// (SHR-06, N-60).
    pub fn matches<P: Eq>(&self, tree: &Tree<P>, party: &P, commitments: &Commitments<C>) -> bool {
        let rows = tree.rows();
        let own: Vec<_> = rows.iter().filter(|row| row.party == party).collect();
        own.len() == self.0.len()
            && own.iter().all(|row| {
                let public = commitments.leaf(row);
                !public.is_identity()
                    && self.get(row.leaf).is_some_and(|share| share.commit() == public)
            })
    }
}

impl<C: Curve> FromIterator<(LeafId, SecretScalar<C>)> for LeafShares<C> {
    fn from_iter<I: IntoIterator<Item = (LeafId, SecretScalar<C>)>>(shares: I) -> Self {
        Self(shares.into_iter().collect())
    }
}

impl<C: Curve> std::fmt::Debug for LeafShares<C> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("LeafShares").field(&self.0.keys().collect::<Vec<_>>()).finish()
    }
}
