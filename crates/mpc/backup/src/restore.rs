//! The way back: what follows from what custodians opened.

use crate::bundle::ClosedRow;
use crate::limits::SETS_TRIED_MAX;
use crate::part::Part;
use crate::row::{RowKey, Rows};
use crate::{Parameters, Proven};
use quorate_access::{Selection, Tree};
use quorate_curve::{Curve, NonIdentity, Point, Scalar, SecretScalar};
use quorate_identity::RecoveryKeyId;
use quorate_sharing::coefficients;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use subtle::ConstantTimeEq;

/// What came of restoring.
pub struct Restored<C: Curve> {
    /// The secrets, in their order. Each was compared with its public point.
    pub secrets: Vec<SecretScalar<C>>,
    /// Custodians whose answer is not what was encrypted to them, in a row that was made as it
    /// should be. Empty where no row can tell.
    pub liars: BTreeSet<RecoveryKeyId>,
    /// Custodians who opened nothing of such a row, and lied in none: their keys or devices failed
    /// them.
    pub silent: BTreeSet<RecoveryKeyId>,
}

/// Why nothing was restored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// Too few custodians have answered; these would do.
    #[error("custodians are missing: {0}")]
    Missing(Tree<RecoveryKeyId>),
    /// An answer is about another bundle, or has not its rows. Nobody lied: it was mixed up.
    #[error("the answer of custodian {0} is about another bundle")]
    Other(RecoveryKeyId),
    /// Two answers are of one custodian.
    #[error("two answers are said to be of custodian {0}")]
    Twice(RecoveryKeyId),
    /// No set of answers gives the secrets: too many are false. Nobody can be named.
    #[error("the custodians' answers do not fit together: too many of them are false")]
    False,
    /// As many sets as are tried did not give them; another choice of answers may.
    #[error(
        "no {SETS_TRIED_MAX} sets of these answers gave the secrets: leave out those that you \
         trust least, and try again"
    )]
    GaveUp,
}

type Parts<'a> = BTreeMap<RecoveryKeyId, &'a Part>;

impl<C: Curve, P: Parameters> Proven<C, P> {
    /// Restores the secrets from what custodians opened. Whoever calls knows of each part who sent
    /// it. Every closed row is tried until one gives them (N-68, BAK-15); where answers are false,
    /// so are other sets of custodians.
    ///
    /// # Errors
    /// [`RestoreError`].
    pub fn restore(&self, parts: &[Part]) -> Result<Restored<C>, RestoreError> {
        let parts = self.sorted(parts)?;
        let present: BTreeSet<RecoveryKeyId> = parts.keys().copied().collect();
        let tree = &self.statement().recovery.tree();
        if let Some(missing) = tree.missing_for(&present) {
            return Err(RestoreError::Missing(missing));
        }
        // Whom to leave out: one more each time of those on whom a set before relied in vain.
        let (mut left_out, mut tried) = (VecDeque::from([BTreeSet::new()]), BTreeSet::new());
        while let Some(without) = left_out.pop_front() {
            let set: BTreeSet<RecoveryKeyId> = present.difference(&without).copied().collect();
            let Some(selection) = tree.select(&set) else { continue };
            let relied_on = selection.parties();
            if !tried.insert(relied_on.clone()) {
                continue;
            }
            if let Some(restored) = self.restore_with(&parts, &selection) {
                return Ok(restored);
            }
            if tried.len() == SETS_TRIED_MAX {
                return Err(RestoreError::GaveUp);
            }
            let one_more = |one| without.iter().copied().chain([one]).collect();
            left_out.extend(relied_on.into_iter().map(one_more));
        }
        Err(RestoreError::False)
    }

    /// The parts by their custodians, those of strangers left out.
    fn sorted<'a>(&self, parts: &'a [Part]) -> Result<Parts<'a>, RestoreError> {
        let custodians = self.statement().recovery.tree().parties();
        let mut sorted = BTreeMap::new();
        for part in parts.iter().filter(|part| custodians.contains(&part.custodian())) {
            let custodian = part.custodian();
            if part.bundle() != self.id() || part.rows() != Some(self.closed().count()) {
                return Err(RestoreError::Other(custodian));
            }
            if sorted.insert(custodian, part).is_some() {
                return Err(RestoreError::Twice(custodian));
            }
        }
        Ok(sorted)
    }

    /// What follows from the answers of exactly these custodians, and what it shows of all.
    fn restore_with(
        &self,
        parts: &Parts<'_>,
        selection: &Selection<RecoveryKeyId>,
    ) -> Option<Restored<C>> {
        let rows = self.rows_of();
        let (mut secrets, mut liars, mut silent) = (None, BTreeSet::new(), BTreeSet::new());
        for (place, (number, row)) in self.closed().enumerate() {
            let Some(key) = row_key(parts, selection, place) else { continue };
            let Some(found) = self.uncovered(&rows, number, row, &key) else { continue };
            if rows.encrypt(number, &key).is_ok_and(|made| made == row.ciphertext) {
                self.judge(&rows, parts, (place, number, &key), &mut liars, &mut silent);
            }
            secrets.get_or_insert(found);
        }
        silent.retain(|id| !liars.contains(id));
        secrets.map(|secrets| Restored { secrets, liars, silent })
    }

    /// What a key of a row uncovers, if it is all of the secrets.
    fn uncovered(
        &self,
        rows: &Rows<'_>,
        number: u16,
        row: &ClosedRow,
        key: &RowKey,
    ) -> Option<Vec<SecretScalar<C>>> {
        let minus_one = Scalar::zero() - Scalar::one();
        let uncover = |(response, mask): (&[u8; 32], SecretScalar<C>)| {
            let response = Scalar::<C>::from_bytes(response).ok()?;
            Some(mask.times(minus_one).plus_public(response))
        };
        let (responses, _) = row.responses.as_chunks::<32>();
        let masked = || responses.iter().zip(rows.masks::<C>(number, key));
        let is_it = |(point, public): (Point<C>, &NonIdentity<C>)| point == public.point();
        let publics = &self.statement().publics;
        // Of a false key the first is false already, and there may be very many false keys.
        let first = uncover(masked().next()?)?;
        if !is_it((first.commit(), publics.first()?)) {
            return None;
        }
        let all = masked().map(uncover).collect::<Option<Vec<_>>>()?;
        SecretScalar::commit_all(&all).into_iter().zip(publics).all(is_it).then_some(all)
    }

    /// Compares all answers with what a good row encrypts: everything of it follows from its key
    /// (BAK-16, N-96).
    fn judge(
        &self,
        rows: &Rows<'_>,
        parts: &Parts<'_>,
        (place, number, key): (usize, u16, &RowKey),
        liars: &mut BTreeSet<RecoveryKeyId>,
        silent: &mut BTreeSet<RecoveryKeyId>,
    ) {
        let polynomial = rows.polynomial(number, key);
        for row in self.statement().recovery.tree().rows() {
            let Some(part) = parts.get(row.party) else { continue };
            match (part.share(row.leaf, place), polynomial.share(&row)) {
                (Some(answered), Some(encrypted)) if !bool::from(answered.ct_eq(&encrypted)) => {
                    liars.insert(*row.party);
                }
                (None, _) => {
                    silent.insert(*row.party);
                }
                _ => {}
            }
        }
    }
}

/// The key of the row at this place, if everybody of a selection answered for it.
fn row_key(
    parts: &Parts<'_>,
    selection: &Selection<RecoveryKeyId>,
    place: usize,
) -> Option<RowKey> {
    let weights = coefficients(selection);
    let mut key = SecretScalar::zero();
    for leaf in selection.leaves() {
        let share = parts.get(&leaf.party)?.share(leaf.leaf, place)?;
        key = key.plus(&share.times(*weights.get(&leaf.leaf)?));
    }
    Some(key)
}

impl<C: Curve> fmt::Debug for Restored<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { secrets, liars, silent } = self;
        write!(formatter, "Restored({} secrets, liars {liars:?}, silent {silent:?})", secrets.len())
    }
}
