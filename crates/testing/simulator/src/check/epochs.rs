//! 2. A key's public point never changes, and every share belongs to the record of its epoch.
//! 5. After any crash at any write, each key is wholly in one epoch that is not over.
//!
//! This checker reads disks: what a node would find after a crash at this very moment.

use super::backups::{self, Backups};
use crate::disk::Disk;
use crate::faults::Milestone;
use quorate_charter::{AttemptOutcome, Decided, EpochRecord, Instance, has_commit_set};
use quorate_codec::Digest;
use quorate_engine::KeyPublic;
use quorate_identity::{KeyId, NodeId};
use quorate_machine::durable::Table;
use quorate_machine::{Shares, publics_of};
use quorate_testkit::custodians::RecoveryKeys;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const POINT: &str = "2: a key stays what it is, and its shares are of their epoch";
const WHOLE: &str = "5: each key is wholly in one epoch";

/// What the row of a share is about: key, epoch, attempt.
type ShareRow = (KeyId, u64, u32);

/// What was seen on all disks.
#[derive(Debug, Default)]
pub struct Epochs {
    made: BTreeMap<(KeyId, u64), Made>,
    read: BTreeSet<(NodeId, KeyId, u64)>,
    voided: BTreeSet<ShareRow>,
    kept: BTreeMap<NodeId, BTreeMap<ShareRow, Kept>>,
    /// What each node has to deal of keys of the domain before, by their ids there.
    summands: BTreeMap<NodeId, BTreeSet<Vec<u8>>>,
    backups: Backups,
    /// The epoch of each key for which some node gave up what was before.
    safe: BTreeMap<KeyId, u64>,
    /// What came about since it was asked last.
    pub news: Vec<Milestone>,
}

#[derive(Debug)]
struct Made {
    record: EpochRecord,
    digest: Digest,
    accounts: Vec<Arc<KeyPublic>>,
}

/// A share on a disk, and whether it is one of its epoch, as soon as that is known.
#[derive(Debug)]
struct Kept {
    bytes: Vec<u8>,
    is_genuine: Option<bool>,
}

/// A law and what was seen of its breach.
pub type Breach = (&'static str, String);

impl Epochs {
    /// A disk changed; `restored`: it was replaced, so that what is gone was not given up.
    pub fn look(
        &mut self,
        node: NodeId,
        disk: &Disk,
        restored: bool,
        keys: &RecoveryKeys,
    ) -> Vec<Breach> {
        let mut broken = self.read_records(node, disk);
        broken.extend(self.look_at_summands(node, disk, restored));
        let before = self.kept.remove(&node).unwrap_or_default();
        let now = self.read_shares(node, disk, &before, &mut broken);
        for ((key, epoch, _), _) in now.iter().filter(|(_, it)| it.is_genuine == Some(true)) {
            let knows = disk.row(Table::EpochRecord, &about(b'd', key, *epoch)).is_some();
            if let Some(made) = self.made.get(&(*key, *epoch)).filter(|_| knows) {
                let seen = self.backups.look(node, disk, (&made.record, made.digest), keys);
                broken.extend(seen.map(|seen| (backups::LAW, seen)));
            }
        }
        if !restored {
            for (key, epoch, attempt) in before.keys().filter(|row| !now.contains_key(*row)) {
                let made = self.made.get(&(*key, *epoch));
                if made.is_none_or(|made| made.record.plan.attempt != *attempt) {
                    continue;
                }
                match self.safe_after(disk, key, *epoch) {
                    Some(later) => {
                        let safe = self.safe.entry(*key).or_default();
                        *safe = later.max(*safe);
                    }
                    None => broken.push((
                        WHOLE,
                        format!("{node} destroyed its shares of epoch {epoch} of {key} too early"),
                    )),
                }
            }
        }
        self.kept.insert(node, now);
        broken
    }

    /// Whether every key can be put together from the disks, in one epoch that is not over.
    pub fn whole(&self) -> Vec<Breach> {
        let keys: BTreeSet<KeyId> = self.made.keys().map(|(key, _)| *key).collect();
        let is_whole = |key: &KeyId| {
            let since = self.safe.get(key).copied().unwrap_or_default();
            let mut live = self.made.range((*key, since)..=(*key, u64::MAX));
            live.any(|((_, epoch), made)| {
                let row = (*key, *epoch, made.record.plan.attempt);
                let holds = |node: &NodeId| {
                    let kept = self.kept.get(node).and_then(|rows| rows.get(&row));
                    kept.is_some_and(|kept| kept.is_genuine == Some(true))
                };
                made.record.plan.tree.satisfied_by(&holds)
            })
        };
        let lost = keys.iter().filter(|key| !is_whole(key));
        lost.map(|key| (WHOLE, format!("no epoch of {key} is whole on the disks"))).collect()
    }

    /// Shares that nobody needs any more, when the world is at rest.
    pub fn left_over(&self) -> Vec<String> {
        let mut found = Vec::new();
        if self.has_restored() {
            let keeps = self.summands.iter().filter(|(_, rows)| !rows.is_empty());
            found.extend(keeps.map(|(node, _)| format!("{node} keeps a summand")));
        }
        for (node, rows) in &self.kept {
            for (key, epoch, attempt) in rows.keys() {
                let newest = self.made.range((*key, 0)..=(*key, u64::MAX)).next_back();
                let wanted = newest.map(|((_, epoch), made)| (*epoch, made.record.plan.attempt));
                if wanted != Some((*epoch, *attempt)) {
                    found.push(format!(
                        "{node} keeps shares of epoch {epoch}, attempt {attempt}, of {key}; the \
                         newest is {wanted:?}"
                    ));
                }
            }
        }
        found
    }

    /// The record of an epoch that some disk has.
    pub fn record(&self, key: &KeyId, epoch: u64) -> Option<&EpochRecord> {
        self.made.get(&(*key, epoch)).map(|made| &made.record)
    }

    /// The record of the newest epoch of a key that some disk has.
    pub fn newest(&self, key: &KeyId) -> Option<&EpochRecord> {
        let newest = self.made.range((*key, 0)..=(*key, u64::MAX)).next_back();
        newest.map(|(_, made)| &made.record)
    }

    /// Whether a key of the domain before has an epoch without its summands.
    pub fn has_restored(&self) -> bool {
        self.made
            .iter()
            .any(|((_, epoch), made)| *epoch > 0 && restored_key(&made.record).is_some())
    }

    /// A summand goes when its node knows the second epoch of its key, and no earlier (SUC-24).
    fn look_at_summands(&mut self, node: NodeId, disk: &Disk, restored: bool) -> Option<Breach> {
        let now: BTreeSet<Vec<u8>> =
            disk.rows(Table::Summand).map(|(row, _)| row.to_vec()).collect();
        let before = self.summands.insert(node, now.clone()).unwrap_or_default();
        let is_over = |row: &Vec<u8>| {
            self.made.iter().any(|((key, epoch), made)| {
                *epoch > 0
                    && restored_key(&made.record) == Some(row.clone())
                    && disk.row(Table::EpochRecord, &about(b'd', key, *epoch)).is_some()
            })
        };
        let gone = before.difference(&now).find(|row| !is_over(row)).filter(|_| !restored)?;
        Some((WHOLE, format!("{node} destroyed its summand of {gone:?} too early")))
    }

    fn read_records(&mut self, node: NodeId, disk: &Disk) -> Vec<Breach> {
        let mut broken = Vec::new();
        for (row, value) in disk.rows(Table::EpochRecord) {
            let Ok(decided) = (match (row.first(), row.len()) {
                (Some(b'd' | b'v'), _) => quorate_codec::from_bytes::<Decided>(value),
                _ => continue,
            }) else {
                continue;
            };
            let Instance::Attempt { key, epoch, attempt, .. } = decided.instance else { continue };
            if row.first() == Some(&b'v') {
                if self.voided.insert((key, epoch, attempt)) && epoch > 0 {
                    self.news.push(Milestone::Voided);
                }
                continue;
            }
            if self.read.insert((node, key, epoch)) {
                let seen = self.learn(key, epoch, &decided);
                broken.extend(seen.map(|seen| (POINT, format!("{node}: {seen}"))));
            }
        }
        broken
    }

    /// Takes a certified record over, or says what is wrong with it.
    fn learn(&mut self, key: KeyId, epoch: u64, decided: &Decided) -> Option<String> {
        let unsound = || Some(format!("the record of epoch {epoch} of {key} is none"));
        let Ok(AttemptOutcome::Commit { record, .. }) = quorate_codec::from_bytes(&decided.value)
        else {
            return unsound();
        };
        let Ok(record) = quorate_codec::from_bytes::<EpochRecord>(&record) else {
            return unsound();
        };
        let digest = record.digest();
        if let Some(known) = self.made.get(&(key, epoch)) {
            return (known.digest != digest)
                .then(|| format!("another record of epoch {epoch} of {key}"));
        }
        let plan = &record.plan;
        let Some(accounts) = publics_of(&record) else {
            return unsound();
        };
        let accounts: Vec<Arc<KeyPublic>> = accounts.into_iter().map(Arc::new).collect();
        let mut others = self.made.range((key, 0)..=(key, u64::MAX));
        let is_another = others.any(|(_, made)| !record.continues(&made.record));
        let before = epoch.checked_sub(1).and_then(|before| self.made.get(&(key, before)));
        self.news.extend(before.map(|before| match before.record.plan.tree == plan.tree {
            true => Milestone::Refreshed,
            false => Milestone::Reshared,
        }));
        let of_records = record.accounts.iter().map(|account| account.public_key.clone());
        let made = accounts.iter().map(|public| public.public_key());
        let differs = !made.eq(of_records) || is_another || !record.is_as_ordered();
        let row = (key, epoch, record.plan.attempt);
        for (node, rows) in &mut self.kept {
            if let Some(kept) = rows.get_mut(&row) {
                kept.is_genuine = Some(are_shares(&kept.bytes, node, &accounts));
            }
        }
        self.made.insert((key, epoch), Made { record, digest, accounts });
        differs.then(|| format!("epoch {epoch} made another key of {key}"))
    }

    fn read_shares(
        &self,
        node: NodeId,
        disk: &Disk,
        before: &BTreeMap<ShareRow, Kept>,
        broken: &mut Vec<Breach>,
    ) -> BTreeMap<ShareRow, Kept> {
        let mut kept = BTreeMap::new();
        for (row, value) in disk.rows(Table::Share) {
            let Some((key, epoch, attempt)) = share_row(row) else { continue };
            let row = (key, epoch, attempt);
            let known = before.get(&row).filter(|known| known.bytes == value);
            let made = self.made.get(&(key, epoch));
            let is_of_epoch = made.is_some_and(|made| made.record.plan.attempt == attempt);
            let genuine = |made: &Made| is_of_epoch && are_shares(value, &node, &made.accounts);
            let is_genuine = known.and_then(|known| known.is_genuine).or_else(|| made.map(genuine));
            let knows = disk.row(Table::EpochRecord, &about(b'd', &key, epoch)).is_some();
            if knows && is_genuine == Some(false) {
                let seen = format!("{node} keeps a false share of epoch {epoch} of {key}");
                broken.push((POINT, seen));
            }
            if !knows && self.knows_void(disk, &row) {
                let seen =
                    format!("{node} keeps a share of void attempt {attempt} at {epoch} of {key}");
                broken.push((POINT, seen));
            }
            kept.insert(row, Kept { bytes: value.to_vec(), is_genuine });
        }
        kept
    }

    /// Whether this disk knows that an attempt is void.
    fn knows_void(&self, disk: &Disk, (key, epoch, attempt): &ShareRow) -> bool {
        let row = [b"v".as_slice(), key.as_ref()].concat();
        let value = disk.row(Table::EpochRecord, &row);
        let decided = value.and_then(|value| quorate_codec::from_bytes::<Decided>(value).ok());
        decided.is_some_and(|decided| match decided.instance {
            Instance::Attempt { epoch: at, attempt: voided, .. } => {
                at == *epoch && *attempt <= voided
            }
            _ => false,
        })
    }

    /// The epoch after this one that has signed and that enough members hold, as a disk shows it.
    fn safe_after(&self, disk: &Disk, key: &KeyId, epoch: u64) -> Option<u64> {
        let later = self.made.range((*key, epoch + 1)..=(*key, u64::MAX));
        later.rev().map(|((_, later), made)| (*later, made)).find_map(|(later, made)| {
            let has = |kind| disk.row(Table::EpochRecord, &about(kind, key, later)).is_some();
            let said = |node: &&NodeId| {
                let row = [about(b's', key, later), vec![0], node.as_ref().to_vec()].concat();
                disk.row(Table::EpochRecord, &row).is_some()
            };
            let plan = &made.record.plan;
            let held: BTreeSet<NodeId> = plan.committee.iter().filter(said).copied().collect();
            let safe = has(b'd')
                && has(b'b')
                && has_commit_set(&plan.tree, usize::from(plan.faults), &held);
            safe.then_some(later)
        })
    }
}

/// Whether these bytes are a node's share of a key.
fn are_shares(bytes: &[u8], node: &NodeId, accounts: &[Arc<KeyPublic>]) -> bool {
    Shares::from_row(bytes).is_some_and(|shares| shares.are_held_by(node, accounts))
}

/// The key of a row about an epoch.
fn about(kind: u8, key: &KeyId, epoch: u64) -> Vec<u8> {
    [&[kind], key.as_ref() as &[u8], &epoch.to_be_bytes()].concat()
}

/// The key of the domain before that a record restores.
fn restored_key(record: &EpochRecord) -> Option<Vec<u8>> {
    let restored = record.plan.origin.as_ref()?.restored()?;
    Some(restored.key.as_ref().to_vec())
}

fn share_row(row: &[u8]) -> Option<ShareRow> {
    let (key, rest) = row.split_first_chunk::<32>()?;
    let (epoch, rest) = rest.split_first_chunk::<8>()?;
    let attempt = u32::from_be_bytes(rest.try_into().ok()?);
    Some((KeyId(Digest(*key)), u64::from_be_bytes(*epoch), attempt))
}
