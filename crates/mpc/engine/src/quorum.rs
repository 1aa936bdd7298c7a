//! From a quorum of any tree to what the signing engines want: summands that add up to the key
//! (ENG-06 to ENG-08).

use crate::Failure;
use quorate_access::{Selection, Tree};
use quorate_codec::Digest;
use quorate_curve::{Curve, NonIdentity, Point, SecretScalar};
use quorate_identity::NodeId;
use quorate_sharing::{Commitments, LeafShares, additive_public, additive_share, quorum_digest};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// A quorum of a key, checked. Public.
pub(crate) struct Quorum<C: Curve> {
    selection: Selection<NodeId>,
    /// Everybody's summand, in public.
    pub public_summands: BTreeMap<NodeId, NonIdentity<C>>,
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
        let mut public_summands = BTreeMap::new();
        for party in parties {
            let public =
                additive_public(tree, commitments, &selection, party).map_err(|_| unusable())?;
            sum = sum + public;
            public_summands.insert(*party, public.non_identity().map_err(|_| unusable())?);
        }
        if sum != commitments.constant() {
            return Err(unusable());
        }
        let digest = quorum_digest::<C, _>(&selection);
        Ok(Self { selection, public_summands, digest })
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
        let public = self.public_summands.get(party).map(NonIdentity::point);
        if public == Some(summand.commit()) { Ok(summand) } else { Err(damaged()) }
    }
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
