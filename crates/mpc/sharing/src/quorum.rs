//! From the leaves that a quorum uses to one additive share for each of its parties.

use crate::{Commitments, LeafShares, SharingError};
use quorate_access::{LeafId, SelectedLeaf, SelectedStep, Selection, Tree};
use quorate_codec::{Digest, Transcript, tag};
use quorate_curve::{Curve, NonZeroScalar, Point, Scalar, SecretScalar};
use std::collections::BTreeMap;

/// λ_l of every selected leaf: the product over the gates above it of the Lagrange coefficient
/// at zero of its index among the chosen ones (SHR-07). Then Σ λ_l s_l = x.
pub fn coefficients<C: Curve, P>(selection: &Selection<P>) -> BTreeMap<LeafId, Scalar<C>> {
    selection.leaves().iter().map(|leaf| (leaf.leaf, coefficient(leaf))).collect()
}

/// X_p = Σ λ_l s_l over the selected leaves of `party` (SHR-08). Secret.
///
/// # Errors
/// The party has no selected leaf, or lacks the share of one.
pub fn additive_share<C: Curve, P: Eq>(
    selection: &Selection<P>,
    party: &P,
    shares: &LeafShares<C>,
) -> Result<SecretScalar<C>, SharingError> {
    let mut sum = SecretScalar::zero();
    for leaf in leaves_of(selection, party)? {
        let share = shares.get(leaf.leaf).ok_or(SharingError::NoShare { leaf: leaf.leaf })?;
        sum = sum.plus(&share.times(coefficient(leaf)));
    }
    Ok(sum)
}

/// X_p G, from the commitments alone (SHR-08).
///
/// # Errors
/// The party has no selected leaf, or the selection names leaves that `tree` has not.
pub fn additive_public<C: Curve, P: Eq>(
    tree: &Tree<P>,
    commitments: &Commitments<C>,
    selection: &Selection<P>,
    party: &P,
) -> Result<Point<C>, SharingError> {
    let public = commitments.leaves(tree);
    leaves_of(selection, party)?.into_iter().map(|leaf| weighted(&public, leaf)).sum()
}

/// Checks that every selected leaf is its party's and that Σ λ_l S_l = C_0, before every use of
/// a quorum (SHR-09, N-04).
///
/// # Errors
/// The selection is not one of this tree's, or the commitments are not those of its sharing.
pub fn check_quorum<C: Curve, P: Eq>(
    tree: &Tree<P>,
    commitments: &Commitments<C>,
    selection: &Selection<P>,
) -> Result<(), SharingError> {
    let rows = tree.rows();
    let stands_at = |leaf: &SelectedLeaf<P>| {
        rows.get(usize::from(leaf.leaf.0)).is_some_and(|row| *row.party == leaf.party)
    };
    if !selection.leaves().iter().all(stands_at) {
        return Err(SharingError::Quorum);
    }
    let public = commitments.leaves(tree);
    let leaves = selection.leaves().iter();
    let sum: Point<C> = leaves.map(|leaf| weighted(&public, leaf)).sum::<Result<_, _>>()?;
    if sum == commitments.constant() { Ok(()) } else { Err(SharingError::Quorum) }
}

/// The hash of the selected leaves, their parties and their coefficients, for the context of a
/// session (SHR-10).
pub fn quorum_digest<C: Curve, P: AsRef<[u8]>>(selection: &Selection<P>) -> Digest {
    let start = Transcript::new(tag::QUORUM).part(C::NAME).number(selection.leaves().len() as u64);
    let all = selection.leaves().iter().fold(start, |transcript, leaf| {
        let coefficient: Scalar<C> = coefficient(leaf);
        transcript.number(leaf.leaf.0.into()).part(&leaf.party).part(coefficient.to_bytes())
    });
    all.digest()
}

fn leaves_of<'a, P: Eq>(
    selection: &'a Selection<P>,
    party: &P,
) -> Result<Vec<&'a SelectedLeaf<P>>, SharingError> {
    let own: Vec<_> = selection.leaves().iter().filter(|leaf| leaf.party == *party).collect();
    if own.is_empty() { Err(SharingError::NoWeight) } else { Ok(own) }
}

fn weighted<C: Curve, P>(
    public: &BTreeMap<LeafId, Point<C>>,
    leaf: &SelectedLeaf<P>,
) -> Result<Point<C>, SharingError> {
    let share = public.get(&leaf.leaf).ok_or(SharingError::NoShare { leaf: leaf.leaf })?;
    Ok(*share * coefficient(leaf))
}

fn coefficient<C: Curve, P>(leaf: &SelectedLeaf<P>) -> Scalar<C> {
    let (numerator, denominator) = leaf
        .path
        .iter()
        .map(lagrange::<C>)
        .fold((Scalar::one(), Scalar::one()), |(numerator, denominator), (above, below)| {
            (numerator * above, denominator * below)
        });
    // Differences of distinct indices below 256 are not zero modulo any order (ACC-01); were
    // they, the coefficient would be zero and the check of the quorum would fail.
    let inverse = denominator.non_zero().map(|known| NonZeroScalar::invert(known).scalar());
    numerator * inverse.unwrap_or(Scalar::zero())
}

/// Numerator and denominator of Π j / (j - i) over the other chosen indices j.
fn lagrange<C: Curve>(step: &SelectedStep) -> (Scalar<C>, Scalar<C>) {
    let own = Scalar::from_u64(step.index.into());
    let others = step.chosen.iter().filter(|index| **index != step.index);
    others
        .map(|index| Scalar::from_u64((*index).into()))
        .fold((Scalar::one(), Scalar::one()), |(numerator, denominator), other| {
            (numerator * other, denominator * (other - own))
        })
}
