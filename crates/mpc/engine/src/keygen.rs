//! Key generation, erased.

use crate::{Failure, KeyPublic, KeyShare, Outbound, Round, Seed};
use quorate_access::Tree;
use quorate_codec::Digest;
use quorate_identity::{NodeId, Scheme};

/// What a key generation is to make, as the charter ordered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeygenPlan {
    /// Binds everything that all members must agree on before they deal.
    pub ctx0: Digest,
    /// What the key will make.
    pub scheme: Scheme,
    /// Who will hold its shares.
    pub tree: Tree<NodeId>,
    /// This node, a party of the tree.
    pub me: NodeId,
}

/// A verified dealing, nothing of it durable yet.
pub struct Prepared {
    /// The public half of the key.
    pub public: KeyPublic,
    /// This node's shares. Secret.
    pub share: KeyShare,
    /// Hash of everything that was said in the run.
    pub transcript: Digest,
    /// The chain code of the key.
    pub chain_code: Digest,
    /// Proofs that this node knows each of its final shares.
    pub leaf_proofs: Vec<u8>,
}

/// Begins to deal. Every message is a broadcast; every round awaits the own message too.
///
/// # Errors
/// [`crate::Fault::Caller`]: this node is no party of the tree.
pub fn start_keygen(
    plan: KeygenPlan,
    seed: Seed,
) -> Result<(Box<dyn Round>, Vec<Outbound>), Failure> {
    let _ = (plan, seed);
    todo!()
}

/// Whether a member knows each of its final shares.
///
/// # Errors
/// The proofs do not hold; the member's fault.
pub fn verify_leaf_proofs(
    transcript: Digest,
    public: &KeyPublic,
    node: NodeId,
    bytes: &[u8],
) -> Result<(), Failure> {
    let _ = (transcript, public, node, bytes);
    todo!()
}
