//! The set-up between two nodes, erased.

use crate::{Failure, Outbound, Round, Seed};
use quorate_codec::Digest;
use quorate_identity::NodeId;
use std::fmt;
use zeroize::Zeroizing;

/// What a pair set-up is made for: one pair of nodes, all their ECDSA keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairPlan {
    /// Binds everything that both ends must agree on; both contributed fresh bytes to it.
    pub ctx: Digest,
    /// This node.
    pub me: NodeId,
    /// The other one.
    pub peer: NodeId,
}

/// One node's half of a pair set-up. Secret: wiped, never printed.
pub struct PairSetup {
    _private: (),
}

/// Begins a set-up. Both ends call this with the same context.
///
/// # Errors
/// [`crate::Fault::Caller`]: a node has no set-up with itself.
pub fn start_pair_setup(
    plan: PairPlan,
    seed: Seed,
) -> Result<(Box<dyn Round>, Vec<Outbound>), Failure> {
    let _ = (plan, seed);
    todo!()
}

impl PairSetup {
    /// The encoding, to be sealed. Secret.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        todo!()
    }

    /// The inverse of [`to_bytes`](Self::to_bytes).
    ///
    /// # Errors
    /// [`crate::Fault::Machine`]: the store is damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Failure> {
        let _ = bytes;
        todo!()
    }
}

impl fmt::Debug for PairSetup {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PairSetup(secret)")
    }
}
