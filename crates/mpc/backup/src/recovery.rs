//! Who restores: a tree over recovery keys.

use crate::key::{KEY_BYTES_MAX, RecoveryKey};
use crate::sealing::SealingKey;
use minicbor::decode::Error as DecodeError;
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decode, Decoder, Encode, Encoder};
use quorate_access::limits::PARTIES_MAX;
use quorate_access::{LeafId, Tree};
use quorate_codec::Canonical;
use quorate_identity::RecoveryKeyId;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// A recovery tree with the keys of its custodians: every key stands in the tree and every leaf
/// has its key. Public.
#[derive(Clone)]
pub struct Recovery {
    tree: Tree<RecoveryKeyId>,
    keys: BTreeMap<RecoveryKeyId, RecoveryKey>,
    /// Made when something is encrypted to them; clones share them.
    sealing: Arc<OnceLock<BTreeMap<RecoveryKeyId, SealingKey>>>,
}

impl Recovery {
    /// A tree whose parties are places in a list of keys; see [`over`](Self::over).
    pub fn new(tree: &Tree<usize>, keys: &[RecoveryKey]) -> Option<Self> {
        Self::over(tree, &keys.iter().cloned().enumerate().collect())
    }

    /// A tree over custodians with these keys. `None` if somebody in it has none, or two have the
    /// same. The caller's fault.
    pub fn over<P: Ord>(tree: &Tree<P>, keys: &BTreeMap<P, RecoveryKey>) -> Option<Self> {
        let distinct: BTreeSet<RecoveryKeyId> = keys.values().map(RecoveryKey::id).collect();
        if distinct.len() != keys.len() {
            return None;
        }
        let tree = tree.try_map(|who| keys.get(who).map(RecoveryKey::id).ok_or(())).ok()?;
        let used = tree.parties();
        let keys = keys.values().map(|key| (key.id(), key.clone()));
        Some(Self::made(tree, keys.filter(|(id, _)| used.contains(id)).collect()))
    }

    /// One key alone: whoever holds it restores everything.
    pub fn alone(key: RecoveryKey) -> Self {
        let id = key.id();
        Self::made(Tree::Leaf(id), BTreeMap::from([(id, key)]))
    }

    fn made(tree: Tree<RecoveryKeyId>, keys: BTreeMap<RecoveryKeyId, RecoveryKey>) -> Self {
        Self { tree, keys, sealing: Arc::default() }
    }

    /// The tree.
    pub fn tree(&self) -> &Tree<RecoveryKeyId> {
        &self.tree
    }

    /// The keys.
    pub fn keys(&self) -> impl Iterator<Item = &RecoveryKey> {
        self.keys.values()
    }

    /// The keys by their names, ready for encrypting to them many times.
    pub(crate) fn sealing_keys(&self) -> &BTreeMap<RecoveryKeyId, SealingKey> {
        let made = || self.keys.iter().map(|(id, key)| (*id, SealingKey::new(key))).collect();
        self.sealing.get_or_init(made)
    }

    /// Leaves with their keys and the names of these, in their order.
    pub(crate) fn leaves(&self) -> impl Iterator<Item = (LeafId, RecoveryKeyId, &RecoveryKey)> {
        let key = |(leaf, id): (_, &RecoveryKeyId)| self.keys.get(id).map(|key| (leaf, *id, key));
        self.tree.leaves().into_iter().filter_map(key)
    }
}

impl PartialEq for Recovery {
    fn eq(&self, other: &Self) -> bool {
        self.tree == other.tree && self.keys == other.keys
    }
}

impl Eq for Recovery {}

impl fmt::Debug for Recovery {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Recovery").field(&self.tree).field(&self.keys).finish()
    }
}

impl<X> Encode<X> for Recovery {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        context: &mut X,
    ) -> Result<(), EncodeError<W::Error>> {
        self.tree.encode(encoder.array(2)?, context)?;
        encoder.array(self.keys.len() as u64)?;
        self.keys.values().try_for_each(|key| encoder.bytes(&key.to_bytes()).map(|_| ()))
    }
}

impl<'b, X> Decode<'b, X> for Recovery {
    fn decode(decoder: &mut Decoder<'b>, context: &mut X) -> Result<Self, DecodeError> {
        if decoder.array()? != Some(2) {
            return Err(DecodeError::message("not a recovery tree"));
        }
        let tree = Tree::decode(decoder, context)?;
        let parties = tree.parties();
        if decoder.array()? != Some(parties.len() as u64) {
            return Err(DecodeError::message("not one key for every custodian"));
        }
        let mut keys = BTreeMap::new();
        for _ in &parties {
            let key = RecoveryKey::from_bytes(decoder.bytes()?).map_err(DecodeError::message)?;
            keys.insert(key.id(), key);
        }
        if keys.keys().eq(&parties) {
            Ok(Self::made(tree, keys))
        } else {
            Err(DecodeError::message("a custodian without a key"))
        }
    }
}

impl Canonical for Recovery {
    const BYTES_MAX: usize =
        Tree::<RecoveryKeyId>::BYTES_MAX + PARTIES_MAX * (KEY_BYTES_MAX + 3) + 5;
}
