//! One row: everything of it is a function of its key, so that whoever gets the key can make the
//! row again and compare.

use crate::key::{Ephemeral, Ephemerals, Opener, Shared};
use crate::recovery::Recovery;
use crate::seeds::Seed;
use quorate_access::LeafId;
use quorate_codec::{Digest, Stem, Transcript, tag};
use quorate_curve::{Curve, Ed25519, SecretScalar, SecretStream};
use quorate_identity::RecoveryKeyId;
use quorate_sharing::Polynomial;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// The key of a row, a scalar of the field in which it is shared among custodians, whatever the
/// curve of the secrets. Secret.
pub(crate) type RowKey = SecretScalar<Ed25519>;

/// A share of the key of a row, sealed.
const SEALED_BYTES: usize = 32;

/// What all rows of a proof have in common.
pub(crate) struct Rows<'a> {
    statement: Digest,
    salt: [u8; 32],
    recovery: &'a Recovery,
}

/// Where a leaf's piece stands in the ciphertext of a row.
struct Piece<'a> {
    /// What the custodian's key makes the secret from.
    sent: &'a [u8],
    /// The sealed share.
    sealed: &'a [u8; SEALED_BYTES],
}

impl<'a> Rows<'a> {
    pub(crate) fn new(statement: Digest, salt: [u8; 32], recovery: &'a Recovery) -> Self {
        Self { statement, salt, recovery }
    }

    /// The key of a row, from its seed (BAK-05).
    pub(crate) fn key(&self, row: u16, seed: &Seed) -> RowKey {
        let wide = Transcript::new(tag::BACKUP_ROW_KEY)
            .part(self.salt)
            .number(row.into())
            .part(seed.as_ref())
            .wide();
        SecretScalar::from_wide(&Zeroizing::new(wide))
    }

    /// What hides the secrets in a row, one after the other (BAK-06).
    pub(crate) fn masks<C: Curve>(
        &self,
        row: u16,
        key: &RowKey,
    ) -> impl Iterator<Item = SecretScalar<C>> + use<C> {
        let mut stream = self.stream(row, key, "masks");
        std::iter::repeat_with(move || SecretScalar::random(&mut stream))
    }

    /// The key of a row, shared over the recovery tree and encrypted to every leaf (BAK-07). The
    /// leaf whose key takes nothing, if one does.
    ///
    /// Cost: one encapsulation for every leaf, and one multiplication for each kind of key that
    /// shares what it sends.
    pub(crate) fn encrypt(&self, row: u16, key: &RowKey) -> Result<Vec<u8>, LeafId> {
        self.encrypt_sharing(row, key, &self.polynomial(row, key))
    }

    /// A sharing, encrypted with the coins of a row.
    pub(crate) fn encrypt_sharing(
        &self,
        row: u16,
        key: &RowKey,
        polynomial: &Polynomial<Ed25519>,
    ) -> Result<Vec<u8>, LeafId> {
        let ephemerals = Ephemerals::new(&self.coins(row, key, "ephemerals"));
        let shared_by_all: BTreeMap<Ephemeral, Vec<u8>> =
            self.ephemerals().into_iter().map(|kind| (kind, ephemerals.public(kind))).collect();
        let mut ciphertext = Vec::with_capacity(self.ciphertext_bytes());
        shared_by_all.values().for_each(|public| ciphertext.extend(public));
        let rows = self.recovery.tree().rows();
        let keys = self.recovery.sealing_keys();
        for ((leaf, name, recovery_key), matrix_row) in self.recovery.leaves().zip(rows) {
            let coins = self.leaf_coins(row, key, leaf);
            let sealing = keys.get(&name).ok_or(leaf)?;
            let (own, shared) = sealing.encapsulate(&ephemerals, &coins).ok_or(leaf)?;
            let of_all = recovery_key.ephemeral().and_then(|kind| shared_by_all.get(&kind));
            let share = polynomial.share(&matrix_row).ok_or(leaf)?.to_bytes();
            let label = self.label(row, leaf, name);
            let sealed = padded(&share, &shared, of_all.unwrap_or(&own), &label);
            ciphertext.extend(own);
            ciphertext.extend(*sealed);
        }
        Ok(ciphertext)
    }

    /// The sharing of the key of a row among the custodians.
    pub(crate) fn polynomial(&self, row: u16, key: &RowKey) -> Polynomial<Ed25519> {
        let mut stream = self.stream(row, key, "polynomial");
        let secret = key.plus(&SecretScalar::zero());
        Polynomial::with_constant(self.recovery.tree(), secret, &mut stream)
    }

    /// Length of the ciphertext of a row.
    pub(crate) fn ciphertext_bytes(&self) -> usize {
        let shared: usize = self.ephemerals().into_iter().map(Ephemeral::bytes).sum();
        let own = self.recovery.leaves().map(|(_, _, key)| key.own_bytes() + SEALED_BYTES);
        shared + own.sum::<usize>()
    }

    /// The first leaf for which a ciphertext of the right length holds nothing that its key could
    /// open (BAK-10).
    pub(crate) fn malformed(&self, ciphertext: &[u8]) -> Option<LeafId> {
        let is_bad = |leaf: &LeafId, key: &crate::RecoveryKey| {
            self.piece(ciphertext, *leaf).is_none_or(|piece| !key.takes(piece.sent))
        };
        self.recovery.leaves().find(|(leaf, _, key)| is_bad(leaf, key)).map(|(leaf, ..)| leaf)
    }

    /// What a custodian's key makes of its leaf in a row: its share of the key of the row, or
    /// nothing, as in a row that was not made as it should be.
    pub(crate) fn open<O: Opener>(
        &self,
        row: u16,
        ciphertext: &[u8],
        leaf: LeafId,
        opener: &O,
    ) -> Result<Option<RowKey>, O::Error> {
        let Some(piece) = self.piece(ciphertext, leaf) else { return Ok(None) };
        let label = self.label(row, leaf, opener.public().id());
        let Some(shared) = opener.open(piece.sent)? else { return Ok(None) };
        let share = padded(piece.sealed, &shared, piece.sent, &label);
        Ok(SecretScalar::from_bytes(share.as_ref()).ok())
    }

    /// The piece of a leaf; `None` if the ciphertext is too short or there is no such leaf.
    fn piece<'c>(&self, ciphertext: &'c [u8], leaf: LeafId) -> Option<Piece<'c>> {
        let mut rest = ciphertext;
        let mut shared = BTreeMap::new();
        for kind in self.ephemerals() {
            let (first, others) = rest.split_at_checked(kind.bytes())?;
            shared.insert(kind, first);
            rest = others;
        }
        for (at, _, key) in self.recovery.leaves() {
            let (own, others) = rest.split_at_checked(key.own_bytes())?;
            let (sealed, others) = others.split_first_chunk::<SEALED_BYTES>()?;
            if at == leaf {
                let sent = key.ephemeral().map_or(Some(own), |kind| shared.get(&kind).copied())?;
                return Some(Piece { sent, sealed });
            }
            rest = others;
        }
        None
    }

    /// What the keys of this tree share in a row, in their order.
    fn ephemerals(&self) -> Vec<Ephemeral> {
        let used =
            |kind: &Ephemeral| self.recovery.keys().any(|key| key.ephemeral() == Some(*kind));
        Ephemeral::ALL.into_iter().filter(used).collect()
    }

    /// Where a share belongs: moved to another bundle, row or leaf it does not open (BAK-07).
    fn label(&self, row: u16, leaf: LeafId, key: RecoveryKeyId) -> Digest {
        self.stem(tag::BACKUP_LEAF).number(row.into()).number(leaf.0.into()).part(key).digest()
    }

    fn stem(&self, tag: tag::Tag) -> Stem {
        Transcript::new(tag).part(self.statement).part(self.salt).stem()
    }

    fn coins(&self, row: u16, key: &RowKey, purpose: &str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.of_key(row, key).part(purpose).digest().0)
    }

    fn leaf_coins(&self, row: u16, key: &RowKey, leaf: LeafId) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.of_key(row, key).part("leaf").number(leaf.0.into()).digest().0)
    }

    fn stream(&self, row: u16, key: &RowKey, purpose: &str) -> SecretStream {
        SecretStream::new(&self.coins(row, key, purpose))
    }

    fn of_key(&self, row: u16, key: &RowKey) -> Transcript {
        Transcript::new(tag::BACKUP_ROW_COINS)
            .part(self.statement)
            .part(self.salt)
            .number(row.into())
            .part(key.to_bytes().as_ref())
    }
}

/// Seals a share, and opens it again: it is combined with a pad that follows from the secret, from
/// what was sent for it and from where it belongs, and serves this once. There is nothing to
/// authenticate it by: what does not open to the right share belongs to a row that nobody believes.
fn padded(share: &[u8; 32], shared: &Shared, sent: &[u8], label: &Digest) -> Zeroizing<[u8; 32]> {
    let pad = Transcript::new(tag::BACKUP_PAD).part(shared.as_ref()).part(sent).part(label);
    let mut padded = Zeroizing::new(pad.digest().0);
    padded.iter_mut().zip(share).for_each(|(byte, share)| *byte ^= share);
    padded
}
