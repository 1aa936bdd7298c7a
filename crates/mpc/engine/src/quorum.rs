//! From a quorum of any tree to what the signing engines want: summands that add up to the key for
//! ECDSA, and for Schnorr a sharing by one polynomial of degree one below the number of parties, at
//! the points 1, 2, … (ENG-06 to ENG-08).

use crate::Failure;
use quorate_access::{Selection, Tree};
use quorate_codec::Digest;
use quorate_curve::{Curve, NonIdentity, NonZeroScalar, Point, Scalar, SecretScalar};
use quorate_identity::NodeId;
use quorate_sharing::{Commitments, LeafShares, additive_public, additive_share, quorum_digest};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// A quorum of a key, checked. Public.
pub(crate) struct Quorum<C: Curve> {
    selection: Selection<NodeId>,
    /// 1 / L_p: takes a party's summand to its value of the polynomial.
    inverses: BTreeMap<NodeId, Scalar<C>>,
    /// Everybody's summand, in public.
    public_summands: BTreeMap<NodeId, Point<C>>,
    /// Everybody's value of the polynomial, in public.
    pub public_shares: BTreeMap<NodeId, NonIdentity<C>>,
    /// Hash of the selected leaves and their coefficients.
    pub digest: Digest,
}

impl<C: Curve> Quorum<C> {
    /// Selects canonically, demands that every party has a leaf, and checks that the selected
    /// public shares recombine to the key.
    ///
    /// # Errors
    /// [`crate::Fault::Caller`]: the parties do not satisfy the tree, or one of them has no weight
    /// and would only be counted (N-03); or the shares do not recombine (N-04).
    pub fn new(
        tree: &Tree<NodeId>,
        commitments: &Commitments<C>,
        parties: &BTreeSet<NodeId>,
    ) -> Result<Self, Failure> {
        let selection = tree
            .select(parties)
            .ok_or_else(|| Failure::caller("the quorum does not satisfy the key's tree"))?;
        if selection.parties() != *parties {
            return Err(Failure::caller("a party of the quorum has no weight in it"));
        }
        let unusable = || Failure::caller("the quorum does not recombine to the key");
        let mut sum = Point::identity();
        let mut inverses = BTreeMap::new();
        let (mut public_summands, mut public_shares) = (BTreeMap::new(), BTreeMap::new());
        for (party, number) in parties.iter().zip(1..) {
            let public =
                additive_public(tree, commitments, &selection, party).map_err(|_| unusable())?;
            sum = sum + public;
            let inverse = lagrange_inverse(number, parties.len()).ok_or_else(unusable)?;
            inverses.insert(*party, inverse);
            public_summands.insert(*party, public);
            let share = (public * inverse).non_identity().map_err(|_| unusable())?;
            public_shares.insert(*party, share);
        }
        if sum != commitments.constant() {
            return Err(unusable());
        }
        let digest = quorum_digest::<C, _>(&selection);
        Ok(Self { selection, inverses, public_summands, public_shares, digest })
    }

    /// This party's summand of the key, X_p, checked against its public half.
    ///
    /// # Errors
    /// [`crate::Fault::Machine`]: the shares lack a leaf or do not match.
    pub fn summand(
        &self,
        party: &NodeId,
        shares: &LeafShares<C>,
    ) -> Result<SecretScalar<C>, Failure> {
        let damaged = || Failure::machine("this node's shares do not match the key");
        let summand = additive_share(&self.selection, party, shares).map_err(|_| damaged())?;
        let public = self.public_summands.get(party);
        if public == Some(&summand.commit()) { Ok(summand) } else { Err(damaged()) }
    }

    /// A party's value of the polynomial, from its summand: X_p / L_p.
    ///
    /// # Errors
    /// [`crate::Fault::Caller`]: it is none of the quorum.
    pub fn value(
        &self,
        party: &NodeId,
        summand: &SecretScalar<C>,
    ) -> Result<SecretScalar<C>, Failure> {
        let inverse = self.inverses.get(party);
        let inverse = inverse.ok_or_else(|| Failure::caller("this node is not in the quorum"))?;
        Ok(summand.times(*inverse))
    }
}

/// 1 / L of point `number` among 1..=`count`, where L is its Lagrange coefficient at zero:
/// Π (j - number) / j over the other points j. Never zero.
fn lagrange_inverse<C: Curve>(number: u64, count: usize) -> Option<Scalar<C>> {
    let own = Scalar::from_u64(number);
    (1..=count as u64).filter(|other| *other != number).map(Scalar::from_u64).try_fold(
        Scalar::one(),
        |product: Scalar<C>, other: Scalar<C>| {
            let inverse = other.non_zero().map(NonZeroScalar::invert).ok()?;
            Some(product * (other - own) * inverse.scalar())
        },
    )
}

/// The quorums of a key that were checked already. Bounded; a quorum depends on the key and its
/// parties alone, so nothing is ever stale.
pub(crate) struct Quorums<C: Curve>(Mutex<BTreeMap<BTreeSet<NodeId>, Arc<Quorum<C>>>>);

const QUORUMS_MAX: usize = 64;

impl<C: Curve> Quorums<C> {
    pub fn get(
        &self,
        parties: &BTreeSet<NodeId>,
        check: impl FnOnce() -> Result<Quorum<C>, Failure>,
    ) -> Result<Arc<Quorum<C>>, Failure> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(quorum) = known.get(parties) {
            return Ok(Arc::clone(quorum));
        }
        let quorum = Arc::new(check()?);
        if known.len() >= QUORUMS_MAX {
            known.clear();
        }
        known.insert(parties.clone(), Arc::clone(&quorum));
        Ok(quorum)
    }
}

impl<C: Curve> Default for Quorums<C> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_curve::{Ed25519, P256, Secp256k1};

    /// ENG-07: interpolating the inverses' inverses at zero gives every additive share back.
    fn coefficients_interpolate<C: Curve>() {
        for count in 1..=6_usize {
            // f(X) = 5 + X^(count - 1), summed with L_p at the points, is f(0).
            let mut sum = Scalar::<C>::zero();
            for number in 1..=count as u64 {
                let inverse = lagrange_inverse::<C>(number, count).unwrap();
                let power = (1..count).fold(Scalar::one(), |p, _| p * Scalar::from_u64(number));
                let value =
                    if count == 1 { Scalar::from_u64(5) } else { Scalar::from_u64(5) + power };
                sum = sum + value * inverse.non_zero().unwrap().invert().scalar();
            }
            assert_eq!(sum, Scalar::from_u64(5), "{count} parties");
        }
    }

    #[test]
    fn the_inverses_are_those_of_lagrange_coefficients() {
        coefficients_interpolate::<Secp256k1>();
        coefficients_interpolate::<P256>();
        coefficients_interpolate::<Ed25519>();
    }
}
