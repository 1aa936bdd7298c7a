//! A key as the engine knows it: its public half, and one node's shares.

use crate::quorum::{Quorum, Quorums};
use crate::{Failure, signature::x_only};
use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};
use quorate_access::limits::LEAVES_MAX;
use quorate_access::{LeafId, Tree};
use quorate_codec::{Canonical, Digest};
use quorate_curve::{Curve, Ed25519, NonIdentity, P256, Secp256k1, SecretScalar};
use quorate_derivation::{Child, Family, Path, derive};
use quorate_identity::{NodeId, Scheme};
use quorate_sharing::{Commitments, LeafShares};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use zeroize::{Zeroize, Zeroizing};

/// The public half of a key: scheme, tree, and the commitments from which every public share
/// follows. Remembers the quorums it has checked.
pub struct KeyPublic {
    scheme: Scheme,
    tree: Tree<NodeId>,
    pub(crate) half: PublicHalf,
}

/// The curve ends here.
pub(crate) enum PublicHalf {
    Secp256k1(Half<Secp256k1>),
    Ed25519(Half<Ed25519>),
    P256(Half<P256>),
}

/// What a public half is on one curve.
pub(crate) struct Half<C: Curve> {
    pub commitments: Commitments<C>,
    pub public_key: NonIdentity<C>,
    quorums: Quorums<C>,
}

impl KeyPublic {
    /// From the parts of an epoch record.
    ///
    /// # Errors
    /// The commitments are not a sharing over the tree: wrong number, not canonical points of
    /// the scheme's curve (N-05, N-07), or the identity among them (N-06). The fault of whoever
    /// supplied them, who is not known here.
    pub fn new(
        scheme: Scheme,
        tree: Tree<NodeId>,
        commitments: &[Vec<u8>],
    ) -> Result<Self, Failure> {
        let half = match scheme {
            Scheme::EcdsaSecp256k1 | Scheme::Bip340 => {
                PublicHalf::Secp256k1(Half::read(&tree, commitments)?)
            }
            Scheme::Ed25519 => PublicHalf::Ed25519(Half::read(&tree, commitments)?),
            Scheme::EcdsaP256 => PublicHalf::P256(Half::read(&tree, commitments)?),
        };
        Ok(Self { scheme, tree, half })
    }

    /// What the key makes.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Who holds its shares.
    pub fn tree(&self) -> &Tree<NodeId> {
        &self.tree
    }

    /// The commitments as canonical points, one for each column of the tree.
    pub fn commitments(&self) -> Vec<Vec<u8>> {
        match &self.half {
            PublicHalf::Secp256k1(half) => half.commitments.to_bytes(),
            PublicHalf::Ed25519(half) => half.commitments.to_bytes(),
            PublicHalf::P256(half) => half.commitments.to_bytes(),
        }
    }

    /// The public half of the child at `path`, shared over the same tree: every leaf's share is
    /// larger by the path's tweak (ENG-12). `chain_code` is that of the key's epoch record. For
    /// the root it is this very key.
    ///
    /// # Errors
    /// [`crate::Fault::Caller`]: by a chance of 2^-127 there is no such child. Cost: one
    /// multiplication a step.
    pub fn child(&self, chain_code: &Digest, path: &Path) -> Result<Self, Failure> {
        let half = match &self.half {
            PublicHalf::Secp256k1(half) => {
                PublicHalf::Secp256k1(half.at(&half.child(chain_code, path)?)?)
            }
            PublicHalf::Ed25519(half) => {
                PublicHalf::Ed25519(half.at(&half.child(chain_code, path)?)?)
            }
            PublicHalf::P256(half) => PublicHalf::P256(half.at(&half.child(chain_code, path)?)?),
        };
        Ok(Self { scheme: self.scheme, tree: self.tree.clone(), half })
    }

    /// The public key: 33 bytes SEC1 compressed (ECDSA), 32 bytes x-only (BIP-340), 32 bytes
    /// RFC 8032 (Ed25519).
    pub fn public_key(&self) -> Vec<u8> {
        match (&self.half, self.scheme) {
            (PublicHalf::Secp256k1(half), Scheme::Bip340) => x_only(&half.public_key),
            (PublicHalf::Secp256k1(half), _) => half.public_key.to_bytes(),
            (PublicHalf::Ed25519(half), _) => half.public_key.to_bytes(),
            (PublicHalf::P256(half), _) => half.public_key.to_bytes(),
        }
    }
}

impl<C: Curve> Half<C> {
    fn read(tree: &Tree<NodeId>, commitments: &[Vec<u8>]) -> Result<Self, Failure> {
        let unusable = |why: String| Failure::peer(Vec::new(), format!("commitments: {why}"));
        let commitments = Commitments::from_bytes(tree, commitments)
            .map_err(|error| unusable(error.to_string()))?;
        Self::new(commitments).ok_or_else(|| unusable("the key is the identity".into()))
    }

    pub fn new(commitments: Commitments<C>) -> Option<Self> {
        let public_key = commitments.constant().non_identity().ok()?;
        Some(Self { commitments, public_key, quorums: Quorums::default() })
    }

    /// The quorum of exactly these parties, checked once (ENG-06).
    pub fn quorum(
        &self,
        tree: &Tree<NodeId>,
        parties: &BTreeSet<NodeId>,
    ) -> Result<Arc<Quorum<C>>, Failure> {
        self.quorums.get(parties, || Quorum::new(tree, &self.commitments, parties))
    }
}

impl<C: Family> Half<C> {
    /// Derives from the real point, whatever its parity (N-65).
    pub fn child(&self, chain_code: &Digest, path: &Path) -> Result<Child<C>, Failure> {
        derive(&self.public_key, &chain_code.0, path)
            .map_err(|error| Failure::caller(error.to_string()))
    }

    /// The public half of a child: C_0 plus δ G.
    pub fn at(&self, child: &Child<C>) -> Result<Self, Failure> {
        let shifted = self.commitments.plus_constant(child.tweak).ok().and_then(Self::new);
        let shifted = shifted.filter(|half| half.public_key == child.key);
        shifted.ok_or_else(|| Failure::caller("the child key is none"))
    }
}

/// One node's shares of a key. Secret: wiped, never printed.
pub struct KeyShare {
    pub(crate) half: SecretHalf,
}

pub(crate) enum SecretHalf {
    Secp256k1(LeafShares<Secp256k1>),
    Ed25519(LeafShares<Ed25519>),
    P256(LeafShares<P256>),
}

impl KeyShare {
    /// The canonical encoding, to be sealed. Secret.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let (curve, leaves) = match &self.half {
            SecretHalf::Secp256k1(shares) => (0, store(shares)),
            SecretHalf::Ed25519(shares) => (1, store(shares)),
            SecretHalf::P256(shares) => (2, store(shares)),
        };
        let stored = StoredShare { version: VERSION, curve, leaves };
        // Room for the whole encoding, so that no half of it stays behind in a moved buffer.
        let mut bytes = Zeroizing::new(Vec::with_capacity(StoredShare::BYTES_MAX));
        bytes.extend_from_slice(&Zeroizing::new(quorate_codec::to_bytes(&stored)));
        bytes
    }

    /// The inverse of [`to_bytes`](Self::to_bytes).
    ///
    /// # Errors
    /// [`crate::Fault::Machine`]: the store is damaged or from another version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Failure> {
        let damaged = || Failure::machine("a stored share is damaged");
        let stored: StoredShare = quorate_codec::from_bytes(bytes).map_err(|_| damaged())?;
        let ascending = stored.leaves.is_sorted_by(|left, right| left.leaf < right.leaf);
        if stored.version != VERSION || !ascending {
            return Err(damaged());
        }
        let half = match stored.curve {
            0 => load(&stored.leaves).map(SecretHalf::Secp256k1),
            1 => load(&stored.leaves).map(SecretHalf::Ed25519),
            2 => load(&stored.leaves).map(SecretHalf::P256),
            _ => None,
        };
        half.map(|half| Self { half }).ok_or_else(damaged)
    }

    /// A party's shares as custodians gave them back: one secret for each of its leaves, ascending,
    /// each the one of its public share (N-68).
    ///
    /// # Errors
    /// [`crate::Fault::Caller`]: these are not the party's shares of this key.
    ///
    /// Cost: a multiplication a share.
    pub fn restored(
        node: &NodeId,
        public: &KeyPublic,
        secrets: &[Zeroizing<[u8; 32]>],
    ) -> Result<Self, Failure> {
        let other = || Failure::caller("these are not the node's shares of this key");
        let own = public.tree.leaves().into_iter().filter(|(_, party)| *party == node);
        let mut leaves: Vec<LeafId> = own.map(|(leaf, _)| leaf).collect();
        leaves.sort_unstable();
        if leaves.len() != secrets.len() {
            return Err(other());
        }
        let stored = leaves.into_iter().zip(secrets);
        let stored: Vec<StoredLeaf> = stored
            .map(|(leaf, secret)| StoredLeaf { leaf: leaf.0, share: (**secret).into() })
            .collect();
        let stored = StoredShare { version: VERSION, curve: 0, leaves: stored };
        let half = match &public.half {
            PublicHalf::Secp256k1(_) => load(&stored.leaves).map(SecretHalf::Secp256k1),
            PublicHalf::Ed25519(_) => load(&stored.leaves).map(SecretHalf::Ed25519),
            PublicHalf::P256(_) => load(&stored.leaves).map(SecretHalf::P256),
        };
        let share = half.map(|half| Self { half }).ok_or_else(other)?;
        if share.is_held_by(node, public) { Ok(share) } else { Err(other()) }
    }

    /// Whether these are all shares of this very party of the key, each matching its public
    /// share (ENG-04, N-60): another member's are as wrong here as damaged ones.
    pub fn is_held_by(&self, node: &NodeId, public: &KeyPublic) -> bool {
        let first = match &self.half {
            SecretHalf::Secp256k1(shares) => shares.iter().next().map(|(leaf, _)| leaf),
            SecretHalf::Ed25519(shares) => shares.iter().next().map(|(leaf, _)| leaf),
            SecretHalf::P256(shares) => shares.iter().next().map(|(leaf, _)| leaf),
        };
        let leaves = public.tree.leaves();
        let owner = leaves.into_iter().find(|(leaf, _)| Some(*leaf) == first);
        owner.is_some_and(|(_, owner)| owner == node) && self.matches(public)
    }

    /// Whether these are all shares of one party of the key, each matching its public share
    /// (ENG-04, N-60).
    pub fn matches(&self, public: &KeyPublic) -> bool {
        match (&self.half, &public.half) {
            (SecretHalf::Secp256k1(shares), PublicHalf::Secp256k1(half)) => {
                matches(shares, &public.tree, &half.commitments)
            }
            (SecretHalf::Ed25519(shares), PublicHalf::Ed25519(half)) => {
                matches(shares, &public.tree, &half.commitments)
            }
            (SecretHalf::P256(shares), PublicHalf::P256(half)) => {
                matches(shares, &public.tree, &half.commitments)
            }
            _ => false,
        }
    }
}

const VERSION: u8 = 1;

/// The stored form (ENG-04).
#[derive(Encode, Decode)]
struct StoredShare {
    #[n(0)]
    version: u8,
    #[n(1)]
    curve: u8,
    #[n(2)]
    leaves: Vec<StoredLeaf>,
}

#[derive(Encode, Decode)]
struct StoredLeaf {
    #[n(0)]
    leaf: u16,
    #[n(1)]
    share: ByteArray<32>,
}

impl Canonical for StoredShare {
    const BYTES_MAX: usize = 8 + LEAVES_MAX * 40;
}

impl Drop for StoredShare {
    fn drop(&mut self) {
        self.leaves.iter_mut().for_each(|leaf| leaf.share.as_mut_slice().zeroize());
    }
}

fn store<C: Curve>(shares: &LeafShares<C>) -> Vec<StoredLeaf> {
    let leaf = |(leaf, share): (LeafId, &SecretScalar<C>)| StoredLeaf {
        leaf: leaf.0,
        share: (*share.to_bytes()).into(),
    };
    shares.iter().map(leaf).collect()
}

fn load<C: Curve>(leaves: &[StoredLeaf]) -> Option<LeafShares<C>> {
    let leaf = |leaf: &StoredLeaf| {
        Some((LeafId(leaf.leaf), SecretScalar::from_bytes(leaf.share.as_slice()).ok()?))
    };
    leaves.iter().map(leaf).collect()
}

fn matches<C: Curve>(
    shares: &LeafShares<C>,
    tree: &Tree<NodeId>,
    commitments: &Commitments<C>,
) -> bool {
    let first = shares.iter().next().map(|(leaf, _)| leaf);
    let party = tree.leaves().into_iter().find(|(leaf, _)| Some(*leaf) == first);
    party.is_some_and(|(_, party)| shares.matches(tree, party, commitments))
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

impl KeyPublic {
    /// The public half of a dealing that was just verified.
    pub(crate) fn dealt(scheme: Scheme, tree: Tree<NodeId>, half: PublicHalf) -> Self {
        Self { scheme, tree, half }
    }
}
