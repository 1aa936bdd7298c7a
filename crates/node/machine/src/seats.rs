//! Another machine in the seat of a node that was lost (`spec/charter.md`, GOV-60 to GOV-63).
//!
//! ```text
//! the new machine          administrators            custodians             the new machine
//! claim ──────────────────► SeatGive, an entry ─────► parts, each for ─────► take: charter,
//! (its keys, a one-time                               this entry's claim     records, backups,
//!  key, its challenges)                                                      shares
//! ```
//!
//! The claim is all that the new machine says before it knows anything but the genesis hash and a
//! backup file; the entry is all that custodians believe. Where the others can share anew without the
//! seat, no custodian is needed: the machine takes its seat without shares.

use crate::ceremonies::{
    BundlesRow, Shares, contributions_key, decided_key, parse_decided_key, share_key,
};
use crate::custody::Possessions;
use crate::durable::{Record, Table, Write};
use crate::node::{Node, Turn};
use quorate_charter::{
    AttemptOutcome, CertifiedEntry, Decided, EpochRecord, MotionBody, MotionError, SeatClaim,
    SignedMotion,
};
use quorate_engine::{PossessionChallenge, RecoveryKey};
use quorate_identity::{KeyId, NodeId, RecoveryKeyId};
use std::collections::BTreeSet;

/// A key as a machine finds it when it takes its seat: all of it was verified by whoever hands it in,
/// and is held against the charter again when the node starts.
pub struct Taken {
    /// The decision that made its newest epoch.
    pub decided: Decided,
    /// The backups of everybody's shares, in the order in which the record names them.
    pub of_shares: Vec<Vec<u8>>,
    /// The backups of the key itself, in the same order; none where the record names none.
    pub of_key: Vec<Vec<u8>>,
    /// The seat's shares, as far as custodians opened them.
    pub shares: Option<Shares>,
}

/// The rows with which a machine takes its seat: from them it starts as if it had been there. `shown`
/// are the recovery keys whose holders opened something for this machine, so that they need not be
/// asked again (GOV-54).
pub fn take(
    node: &NodeId,
    entries: &[CertifiedEntry],
    keys: &[Taken],
    shown: &[RecoveryKeyId],
) -> Vec<Write> {
    let entry = |entry: &CertifiedEntry| {
        let row = quorate_codec::to_bytes(entry);
        Write::put(Table::Entry, entry.position().to_be_bytes(), row)
    };
    let mut rows: Vec<Write> = entries.iter().map(entry).collect();
    rows.extend(keys.iter().flat_map(|key| key.rows(node)));
    rows.extend(shown.iter().map(Possessions::shown));
    rows
}

/// The rows with which a stopped node that took its seat before gets shares that custodians opened
/// later, and of which keys: only of epochs that are still the newest that it knows, and that it has no
/// shares of.
pub fn add_shares(
    records: &[Record],
    keys: &[Taken],
    shown: &[RecoveryKeyId],
) -> (Vec<Write>, BTreeSet<KeyId>) {
    let rows = |table| records.iter().filter(move |row| row.table == table);
    let newest = |key: &KeyId| {
        let of_key = rows(Table::EpochRecord).filter_map(|row| {
            let (of, epoch) = parse_decided_key(&row.key)?;
            (of == *key).then_some((epoch, row.value.as_slice()))
        });
        of_key.max_by_key(|(epoch, _)| *epoch).map(|(_, row)| row)
    };
    let mut writes: Vec<Write> = shown.iter().map(Possessions::shown).collect();
    let mut added = BTreeSet::new();
    for taken in keys {
        let Some((record, shares)) = taken.record().zip(taken.shares.as_ref()) else { continue };
        let plan = &record.plan;
        let place = share_key(&plan.key, plan.epoch, plan.attempt);
        let is_newest =
            newest(&plan.key) == Some(quorate_codec::to_bytes(&taken.decided).as_slice());
        if is_newest && !rows(Table::Share).any(|row| row.key == place) {
            writes.push(Write::put(Table::Share, place, shares.to_row()));
            added.insert(plan.key);
        }
    }
    (writes, added)
}

impl Taken {
    /// What was decided, if it is an epoch.
    pub fn record(&self) -> Option<EpochRecord> {
        match quorate_codec::from_bytes(&self.decided.value).ok()? {
            AttemptOutcome::Commit { record, .. } => quorate_codec::from_bytes(&record).ok(),
            AttemptOutcome::Void { .. } => None,
        }
    }

    fn rows(&self, node: &NodeId) -> Vec<Write> {
        let Some(record) = self.record() else { return Vec::new() };
        let plan = &record.plan;
        let bundles = |key: Vec<u8>, bundles: &[Vec<u8>]| {
            let bundles = bundles.iter().map(|bundle| bundle.clone().into()).collect();
            Write::put(Table::Backup, key, quorate_codec::to_bytes(&BundlesRow { bundles }))
        };
        let decided = quorate_codec::to_bytes(&self.decided);
        let made = decided_key(&plan.key, plan.epoch);
        let mut rows = vec![Write::put(Table::EpochRecord, made, decided)];
        let place = share_key(&plan.key, plan.epoch, plan.attempt);
        if plan.committee.contains(node) {
            rows.push(bundles(place.clone(), &self.of_shares));
        }
        if let Some(backup) = record.backup.key.filter(|backup| backup.holders.contains(node)) {
            let place = contributions_key(&plan.key, backup.epoch, backup.attempt);
            rows.push(bundles(place, &self.of_key));
        }
        if let Some(shares) = &self.shares {
            rows.push(Write::put(Table::Share, place, shares.to_row()));
        }
        rows
    }
}

/// Whether what a claim asks of custodians can be read: voters look at it before they vote (GOV-60).
pub(crate) fn is_readable(claim: &SeatClaim) -> bool {
    RecoveryKey::from_bytes(&claim.arrival).is_ok()
        && claim
            .asks
            .iter()
            .all(|ask| quorate_codec::from_bytes::<PossessionChallenge>(&ask.challenge).is_ok())
}

/// A motion as it is filed: what its claim asks of custodians can be read.
pub(crate) fn check_seat_motion(motion: &SignedMotion) -> Result<(), MotionError> {
    match &motion.body().body {
        MotionBody::SeatGive { name, claim } if !is_readable(claim.body()) => {
            Err(MotionError::Arrival(name.clone()))
        }
        _ => Ok(()),
    }
}

impl Node {
    /// The charter gave the seat of a node to another machine: what the former one said and made
    /// counts for nothing any more (GOV-61). If it is this node's own seat, this is that former
    /// machine: it stops for good.
    pub(crate) fn on_seat_given(&mut self, node: NodeId, turn: &mut Turn<'_>) {
        if node == self.me {
            let is_mine = |node: &quorate_charter::Node| node.keys == self.secrets.public();
            if !self.state.node(&self.me).is_some_and(is_mine) {
                let why = "the charter gave this node's seat to another machine";
                self.halt(why.to_owned(), turn);
            }
            return;
        }
        self.dismiss(node, "its seat was given to another machine", turn);
        self.restart_positions(turn);
        self.retell_ended();
        let what = "the seat of a node was given to another machine".to_owned();
        self.audit(what, &[node], turn);
    }
}
