//! The dealing, one file for each round in the order of the protocol (`spec/keygen.md`).

pub(crate) mod round1;
pub(crate) mod round2;

#[cfg(test)]
mod false_shares;

use crate::{DealError, DealFault};
use quorate_access::Tree;
use quorate_codec::{Canonical, Digest, Transcript, from_bytes, tag, to_bytes};
use quorate_curve::Curve;
use quorate_identity::NodeId;
use quorate_sharing::{Commitments, LeafShares};
use std::collections::{BTreeMap, BTreeSet};

pub use round1::start;

/// What all members of a dealing must agree on, and who this one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The context: suite, operation, genesis, ordering entry, key, epoch, attempt, incarnations.
    /// The caller's; a new one for every attempt (DKG-01).
    pub ctx0: Digest,
    /// The tree over which is dealt. Its parties are the members.
    pub tree: Tree<NodeId>,
    /// The node that runs this.
    pub me: NodeId,
}

/// A finished dealing, verified. Secret in its shares; everything else is the same at every
/// honest member, but for its own leaf proofs.
#[derive(Debug)]
pub struct Dealt<C: Curve> {
    /// The commitments to the key: the sums of the members' commitments.
    pub commitments: Commitments<C>,
    /// This member's shares, checked against the commitments.
    pub shares: LeafShares<C>,
    /// Hash of every message of both rounds, in full.
    pub transcript: Digest,
    /// The key's chain code: H(sid, Q).
    pub chain_code: [u8; 32],
    /// Proofs that this member knows its shares, for its PREPARED statement; see
    /// [`verify_leaf_proofs`](crate::verify_leaf_proofs).
    pub leaf_proofs: Vec<u8>,
}

impl Plan {
    fn members(&self) -> BTreeSet<NodeId> {
        self.tree.parties()
    }

    /// A transcript that begins with the context, the curve and the tree.
    fn transcript<C: Curve>(&self, tag: tag::Tag) -> Transcript {
        Transcript::new(tag).part(self.ctx0).part(C::NAME).part(to_bytes(&self.tree))
    }

    /// Decodes the message of every member; all who sent something malformed are culprits.
    fn read<M: Canonical>(
        &self,
        inbox: &BTreeMap<NodeId, Vec<u8>>,
        own: &[u8],
        fits: impl Fn(&M) -> bool,
    ) -> Result<BTreeMap<NodeId, M>, DealError> {
        if !inbox.keys().eq(self.members().iter()) {
            return Err(DealError::nobody(DealFault::Inbox));
        }
        if inbox.get(&self.me).is_none_or(|bytes| bytes != own) {
            return Err(DealError::nobody(DealFault::OwnMessage));
        }
        let mut messages = BTreeMap::new();
        let mut culprits = Vec::new();
        for (from, bytes) in inbox {
            match from_bytes::<M>(bytes) {
                Ok(message) if fits(&message) => drop(messages.insert(*from, message)),
                _ => culprits.push(*from),
            }
        }
        accuse(culprits, DealFault::Malformed)?;
        Ok(messages)
    }
}

/// An error if anybody is guilty.
fn accuse(culprits: Vec<NodeId>, reason: DealFault) -> Result<(), DealError> {
    if culprits.is_empty() { Ok(()) } else { Err(DealError::of(culprits, reason)) }
}
