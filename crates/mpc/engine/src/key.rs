//! A key as the engine knows it: its public half, and one node's shares.

use crate::Failure;
use quorate_access::Tree;
use quorate_identity::{NodeId, Scheme};
use std::fmt;
use zeroize::Zeroizing;

/// The public half of a key: scheme, tree, and the commitments from which every public share
/// follows.
pub struct KeyPublic {
    scheme: Scheme,
    tree: Tree<NodeId>,
}

impl KeyPublic {
    /// From the parts of an epoch record.
    ///
    /// # Errors
    /// The commitments are not a sharing over the tree: wrong number, not canonical points of
    /// the scheme's curve (N-05, N-07), or a public key that is the identity (N-06).
    pub fn new(
        scheme: Scheme,
        tree: Tree<NodeId>,
        commitments: &[Vec<u8>],
    ) -> Result<Self, Failure> {
        let _ = commitments;
        Ok(Self { scheme, tree })
    }

    /// What the key makes.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Who holds its shares.
    pub fn tree(&self) -> &Tree<NodeId> {
        &self.tree
    }

    /// The commitments as canonical points, one per column of the tree.
    pub fn commitments(&self) -> Vec<Vec<u8>> {
        todo!()
    }

    /// The public key: 33 bytes SEC1 compressed (ECDSA), 32 bytes x-only (BIP-340), 32 bytes
    /// RFC 8032 (Ed25519).
    pub fn public_key(&self) -> Vec<u8> {
        todo!()
    }
}

/// One node's shares of a key. Secret: wiped, never printed.
pub struct KeyShare {
    _private: (),
}

impl KeyShare {
    /// The canonical encoding, to be sealed. Secret.
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

    /// Whether every share matches its public share (N-60).
    pub fn matches(&self, public: &KeyPublic) -> bool {
        let _ = public;
        todo!()
    }
}

impl fmt::Debug for KeyPublic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyPublic({})", self.scheme)
    }
}

impl fmt::Debug for KeyShare {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeyShare(secret)")
    }
}
