//! The dealing, one file for each round in the order of the protocol (`spec/deal.md`).

pub(crate) mod round1;
pub(crate) mod round2;
pub(crate) mod terms;

#[cfg(test)]
mod false_shares;

use crate::{DealError, DealFault};
use quorate_codec::{Canonical, Digest, from_bytes};
use quorate_curve::{Curve, NonIdentity, SecretScalar};
use quorate_identity::NodeId;
use quorate_sharing::{Commitments, LeafShares};
use rand_core::CryptoRngCore;
use std::collections::{BTreeMap, BTreeSet};

pub use round1::start;
pub use terms::{Holding, Plan, Source, Terms};

/// A finished dealing, verified. Secret in its shares; everything else is the same at every
/// honest participant, but for its own leaf proofs.
#[derive(Debug)]
pub struct Dealt<C: Curve> {
    /// One for each secret, in their order.
    pub keys: Vec<DealtKey<C>>,
    /// Hash of every message of both rounds, in full.
    pub transcript: Digest,
    /// Proofs that this participant knows its shares, for its PREPARED statement; see
    /// [`LeafStatements`](crate::LeafStatements). `None` for whoever holds none.
    pub leaf_proofs: Option<Vec<u8>>,
    /// What every dealer contributed.
    pub contributions: Contributions<C>,
}

/// What the dealers contributed: together it is the secrets, whatever becomes of the shares, so it
/// is what a backup that outlives them is made of (DEAL-26). Secret in its own part.
#[derive(Debug)]
pub struct Contributions<C: Curve> {
    /// C_{i,j,0} of every dealer i, for each secret j in their order.
    pub publics: BTreeMap<NodeId, Vec<NonIdentity<C>>>,
    /// The logarithms of this participant's own. Empty for whoever is no dealer.
    pub own: Vec<SecretScalar<C>>,
}

/// One key of a finished dealing.
#[derive(Debug)]
pub struct DealtKey<C: Curve> {
    /// The commitments to the key: the sums of the dealers' commitments.
    pub commitments: Commitments<C>,
    /// This participant's shares, checked against the commitments. Empty for whoever is no
    /// receiver.
    pub shares: LeafShares<C>,
    /// The chain code of a new key: H(sid, Q). A key that existed keeps the one it has, which is
    /// the caller's to know.
    pub chain_code: Option<[u8; 32]>,
}

/// The form of the messages.
pub(crate) const VERSION: u8 = 2;

/// Decodes the message of every participant; all who sent something malformed are culprits.
fn read<M: Canonical>(
    participants: &BTreeSet<NodeId>,
    inbox: &BTreeMap<NodeId, Vec<u8>>,
    bytes_max: usize,
    fits: impl Fn(&NodeId, &M) -> bool,
) -> Result<BTreeMap<NodeId, M>, DealError> {
    if !inbox.keys().eq(participants.iter()) {
        return Err(DealError::nobody(DealFault::Inbox));
    }
    let mut messages = BTreeMap::new();
    let mut culprits = Vec::new();
    for (from, bytes) in inbox {
        let message = if bytes.len() > bytes_max { None } else { from_bytes::<M>(bytes).ok() };
        match message {
            Some(message) if fits(from, &message) => drop(messages.insert(*from, message)),
            _ => culprits.push(*from),
        }
    }
    accuse(culprits, DealFault::Malformed)?;
    Ok(messages)
}

/// The own message is the one that was made.
fn check_own(inbox: &BTreeMap<NodeId, Vec<u8>>, me: &NodeId, own: &[u8]) -> Result<(), DealError> {
    match inbox.get(me) {
        None => Err(DealError::nobody(DealFault::Inbox)),
        Some(bytes) if bytes != own => Err(DealError::nobody(DealFault::OwnMessage)),
        Some(_) => Ok(()),
    }
}

/// An error if anybody is guilty.
fn accuse(culprits: Vec<NodeId>, reason: DealFault) -> Result<(), DealError> {
    if culprits.is_empty() { Ok(()) } else { Err(DealError::of(culprits, reason)) }
}

/// Fresh weights under which many equations are checked as one; the first is one (CUR-07).
fn weights(count: usize, rng: &mut impl CryptoRngCore) -> Vec<u128> {
    let random = |rng: &mut dyn rand_core::RngCore| {
        u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64())
    };
    (0..count).map(|at| if at == 0 { 1 } else { random(rng) }).collect()
}
