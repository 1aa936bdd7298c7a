//! The way back: what custodians open, and what follows from it.

use crate::key::Opener;
use crate::limits::SETS_TRIED_MAX;
use crate::row::{RowKey, Rows};
use crate::{Parameters, Proven};
use minicbor::{Decode, Encode};
use quorate_access::limits::LEAVES_MAX;
use quorate_access::{LeafId, Tree};
use quorate_codec::{Canonical, from_bytes, to_bytes};
use quorate_curve::{Curve, Scalar, SecretScalar};
use quorate_identity::RecoveryKeyId;
use quorate_sharing::coefficients;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

/// What one custodian opens: for each of its leaves its share of the key of every closed row.
/// Secret, wiped when dropped, printed as its custodian.
pub struct Part {
    custodian: RecoveryKeyId,
    leaves: BTreeMap<LeafId, Vec<Option<RowKey>>>,
}

/// What came of restoring.
pub struct Restored<C: Curve> {
    /// The secrets, in their order. Each was compared with its public point.
    pub secrets: Vec<SecretScalar<C>>,
    /// Custodians whose answer is not what was encrypted to them. Empty where no row can tell.
    pub liars: BTreeSet<RecoveryKeyId>,
}

/// Why nothing was restored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// Too few custodians have answered; these would do.
    #[error("custodians are missing: {0}")]
    Missing(Tree<RecoveryKeyId>),
    /// No set of answers gives the secrets: too many are false. Nobody can be named.
    #[error("the custodians' answers do not fit together: too many of them are false")]
    False,
}

impl<C: Curve, P: Parameters> Proven<C, P> {
    /// What the holder of a recovery key contributes to restoring (BAK-14). Everything of it at once: a
    /// device is asked once for every closed row and leaf.
    ///
    /// # Errors
    /// The device's.
    pub fn open<O: Opener>(&self, opener: &O) -> Result<Part, O::Error> {
        let (custodian, rows) = (opener.public().id(), self.rows_of());
        let own = self.statement().recovery.leaves().filter(|(_, key)| key.id() == custodian);
        let mut leaves = BTreeMap::new();
        for (leaf, _) in own {
            let open = |(row, closed): (u16, &crate::bundle::ClosedRow)| {
                rows.open(row, &closed.ciphertext, leaf, opener)
            };
            leaves.insert(leaf, self.closed().map(open).collect::<Result<_, _>>()?);
        }
        Ok(Part { custodian, leaves })
    }

    /// Restores the secrets from what custodians opened. Every closed row is tried until one gives
    /// them (N-68, BAK-15); where answers are false, so are other sets of custodians.
    ///
    /// # Errors
    /// [`RestoreError`].
    pub fn restore(&self, parts: &[Part]) -> Result<Restored<C>, RestoreError> {
        let parts: BTreeMap<_, _> = parts.iter().map(|part| (part.custodian, part)).collect();
        let present: BTreeSet<RecoveryKeyId> = parts.keys().copied().collect();
        if let Some(missing) = self.statement().recovery.tree().missing_for(&present) {
            return Err(RestoreError::Missing(missing));
        }
        let rows = self.rows_of();
        for set in sets(&present).take(SETS_TRIED_MAX) {
            for (place, (number, row)) in self.closed().enumerate() {
                let Some(key) = self.row_key(&parts, &set, place) else { continue };
                let Some(secrets) = self.secrets(&rows, number, &row.responses, &key) else {
                    continue;
                };
                let is_good = rows.encrypt(number, &key).is_ok_and(|made| made == row.ciphertext);
                let liars = if is_good {
                    self.liars(&rows, &parts, place, number, &key)
                } else {
                    BTreeSet::new()
                };
                return Ok(Restored { secrets, liars });
            }
        }
        Err(RestoreError::False)
    }

    /// The key of the row at this place, if these custodians satisfy the tree and all answered.
    fn row_key(
        &self,
        parts: &BTreeMap<RecoveryKeyId, &Part>,
        set: &BTreeSet<RecoveryKeyId>,
        place: usize,
    ) -> Option<RowKey> {
        let selection = self.statement().recovery.tree().select(set)?;
        let weights = coefficients(&selection);
        let mut key = SecretScalar::zero();
        for leaf in selection.leaves() {
            let share = parts.get(&leaf.party)?.share(leaf.leaf, place)?;
            let weight: Scalar<_> = *weights.get(&leaf.leaf)?;
            key = key.plus(&share.times(weight));
        }
        Some(key)
    }

    /// What a key of a row uncovers, if it is all of the secrets.
    fn secrets(
        &self,
        rows: &Rows<'_>,
        number: u16,
        responses: &[u8],
        key: &RowKey,
    ) -> Option<Vec<SecretScalar<C>>> {
        let masks = rows.masks::<C>(number, key);
        let pairs = responses.as_chunks::<32>().0.iter().zip(masks);
        let minus_one = Scalar::zero() - Scalar::one();
        let uncover =
            |((response, mask), public): ((_, SecretScalar<C>), &quorate_curve::NonIdentity<C>)| {
                let response: &[u8; 32] = response;
                let response = Scalar::<C>::from_bytes(response).ok()?;
                let secret = mask.times(minus_one).plus_public(response);
                (secret.commit() == public.point()).then_some(secret)
            };
        pairs.zip(&self.statement().publics).map(uncover).collect()
    }

    /// Whose answers are not what a good row encrypts: everything of it follows from its key
    /// (BAK-16, N-96).
    fn liars(
        &self,
        rows: &Rows<'_>,
        parts: &BTreeMap<RecoveryKeyId, &Part>,
        place: usize,
        number: u16,
        key: &RowKey,
    ) -> BTreeSet<RecoveryKeyId> {
        let polynomial = rows.polynomial(number, key);
        let tree = self.statement().recovery.tree();
        let false_leaf = |row: &quorate_access::Row<'_, RecoveryKeyId>| {
            let part = parts.get(row.party)?;
            let encrypted = polynomial.share(row)?;
            let answered = part.share(row.leaf, place);
            let is_true = answered.is_some_and(|share| bool::from(share.ct_eq(&encrypted)));
            (!is_true).then_some(*row.party)
        };
        tree.rows().iter().filter_map(false_leaf).collect()
    }
}

impl Part {
    /// Whose it is.
    pub fn custodian(&self) -> RecoveryKeyId {
        self.custodian
    }

    fn share(&self, leaf: LeafId, place: usize) -> Option<&RowKey> {
        self.leaves.get(&leaf)?.get(place)?.as_ref()
    }

    /// Its encoding: for each leaf the shares of all rows, of 32 bytes each, or none. Secret.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let share =
            |share: &Option<RowKey>| PartShare(share.as_ref().map(|share| *share.to_bytes()));
        let leaves =
            self.leaves.iter().map(|(leaf, shares)| (leaf.0, shares.iter().map(share).collect()));
        let wire = PartWire { custodian: self.custodian, leaves: leaves.collect() };
        Zeroizing::new(to_bytes(&wire))
    }

    /// The inverse of [`to_bytes`](Self::to_bytes); the caller wipes the bytes.
    ///
    /// # Errors
    /// Not such an encoding: the sender's fault.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let wire: PartWire = from_bytes(bytes).ok()?;
        let mut leaves = BTreeMap::new();
        for (leaf, shares) in &wire.leaves {
            let share = |share: &PartShare| match &share.0 {
                Some(bytes) => SecretScalar::from_bytes(bytes).ok().map(Some),
                None => Some(None),
            };
            let shares: Option<Vec<_>> = shares.iter().map(share).collect();
            if leaves.insert(LeafId(*leaf), shares?).is_some() {
                return None;
            }
        }
        Some(Self { custodian: wire.custodian, leaves })
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Part({:?})", self.custodian)
    }
}

impl<C: Curve> fmt::Debug for Restored<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Restored({} secrets, liars {:?})", self.secrets.len(), self.liars)
    }
}

/// A part as it is sent.
#[derive(Encode, Decode)]
struct PartWire {
    #[n(0)]
    custodian: RecoveryKeyId,
    #[n(1)]
    leaves: Vec<(u16, Vec<PartShare>)>,
}

/// A share, wiped when dropped.
#[derive(Encode, Decode)]
struct PartShare(#[cbor(n(0), with = "minicbor::bytes")] Option<[u8; 32]>);

impl Drop for PartShare {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Canonical for PartWire {
    // Rows beyond the parameters are of no use, and of no harm.
    const BYTES_MAX: usize = 64 + LEAVES_MAX * (8 + 256 * 36);
}

/// Sets of custodians to try: all, then without one, without two, and so on.
fn sets(present: &BTreeSet<RecoveryKeyId>) -> impl Iterator<Item = BTreeSet<RecoveryKeyId>> {
    (0..present.len())
        .flat_map(move |left_out| without(&present.iter().copied().collect::<Vec<_>>(), left_out))
}

/// All sets that lack exactly so many, at most as many as are tried.
fn without(all: &[RecoveryKeyId], left_out: usize) -> Vec<BTreeSet<RecoveryKeyId>> {
    let mut found = Vec::new();
    let mut chosen = Vec::new();
    choose(all, left_out, &mut chosen, &mut found);
    found
}

fn choose(
    all: &[RecoveryKeyId],
    left_out: usize,
    chosen: &mut Vec<RecoveryKeyId>,
    found: &mut Vec<BTreeSet<RecoveryKeyId>>,
) {
    if found.len() == SETS_TRIED_MAX || all.len() < left_out {
        return;
    }
    let Some((first, rest)) = all.split_first() else {
        found.push(chosen.iter().copied().collect());
        return;
    };
    chosen.push(*first);
    choose(rest, left_out, chosen, found);
    chosen.pop();
    if let Some(fewer) = left_out.checked_sub(1) {
        choose(rest, fewer, chosen, found);
    }
}
