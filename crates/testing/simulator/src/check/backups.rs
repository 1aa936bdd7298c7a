//! 7. A key whose backup is not proven for its current epoch cannot sign: an epoch does not exist
//!    before every member has on its disk what custodians restore it from.

use crate::disk::Disk;
use quorate_charter::EpochRecord;
use quorate_codec::Digest;
use quorate_identity::NodeId;
use quorate_machine::durable::Table;
use quorate_testkit::backups::{bundles, key_row, restores, shares_row};
use quorate_testkit::custodians::RecoveryKeys;
use std::collections::BTreeSet;

/// The law.
pub const LAW: &str = "7: an epoch that exists is one that custodians restore";

/// What was looked at already.
#[derive(Debug, Default)]
pub struct Backups {
    /// On whose disk the bundles of which record are.
    kept: BTreeSet<(NodeId, Digest)>,
    /// Records whose bundles two custodians opened.
    restored: BTreeSet<Digest>,
}

impl Backups {
    /// A disk that has shares of a record's epoch, which its node knows to exist, has its backups as
    /// well; those that were seen first are restored.
    pub fn look(
        &mut self,
        node: NodeId,
        disk: &Disk,
        (record, digest): (&EpochRecord, Digest),
        keys: &RecoveryKeys,
    ) -> Option<String> {
        if self.kept.contains(&(node, digest)) {
            return None;
        }
        let says = |what: &str| {
            let plan = &record.plan;
            Some(format!("{node}, epoch {} of {}: {what}", plan.epoch, plan.key))
        };
        if record.backup.shares.len() != record.plan.committee.len() {
            return says("not a backup of every member");
        }
        let row = disk.row(Table::Backup, &shares_row(record));
        let shares = match bundles(row, &record.backup.shares) {
            Ok(shares) => shares,
            Err(why) => return says(&format!("shares: {why}")),
        };
        let contributions = match (&record.backup.key, key_row(record)) {
            (Some(key), Some(row)) => match bundles(disk.row(Table::Backup, &row), &key.bundles) {
                Ok(contributions) => Some(contributions),
                Err(why) => return says(&format!("contributions: {why}")),
            },
            _ if record.plan.is_arrival() => None,
            _ => return says("no backup of the key itself"),
        };
        if !self.restored.contains(&digest) {
            if let Err(why) = restores(record, &shares, contributions.as_deref(), keys) {
                return says(&why);
            }
            self.restored.insert(digest);
        }
        self.kept.insert((node, digest));
        None
    }
}
