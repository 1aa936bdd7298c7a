//! 12. A node gives its part of a key only where the charter that it stands at gives that key to
//!     somebody who showed it the recovery key, and nothing that it took stops it. The part is on its
//!     disk, and is its certified share; with enough others it is the key.

use super::epochs::Epochs;
use crate::disk::Disk;
use quorate_backup::{Opener, SoftKey};
use quorate_charter::State;
use quorate_codec::Digest;
use quorate_curve::Ed25519;
use quorate_identity::{Head, KeyId, NodeId, RecoveryKeyId};
use quorate_machine::ExportRow;
use quorate_machine::durable::Table;
use quorate_machine::event::Millis;
use quorate_testkit::exports::{shares, whole};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What was answered before an export ended may leave so much later.
const UNDER_WAY_MS: Millis = 10;

/// An export of a key: the entry by which it took effect, and the epoch that parts are of.
type Which = (Head, KeyId, u64);

/// Recovery keys that get keys, and what nodes gave for them.
#[derive(Default)]
pub struct Given {
    holders: BTreeMap<RecoveryKeyId, Arc<SoftKey>>,
    shown: BTreeSet<(NodeId, RecoveryKeyId)>,
    stand: BTreeMap<NodeId, Arc<State>>,
    /// Since when a node stands where an export is over.
    over: BTreeMap<(NodeId, Head), Millis>,
    parts: BTreeMap<Which, BTreeMap<NodeId, ExportRow>>,
    /// How often a key was given whole since it was asked last.
    pub news: u64,
}

impl Given {
    /// Somebody has a recovery key.
    pub fn holds(&mut self, key: Arc<SoftKey>) {
        self.holders.insert(key.public().id(), key);
    }

    /// The recovery key is shown to a node.
    pub fn shows(&mut self, node: NodeId, key: RecoveryKeyId) {
        self.shown.insert((node, key));
    }

    /// A node stands at a head.
    pub fn stands(&mut self, node: NodeId, state: &Arc<State>, now: Millis) {
        for order in state.keys().filter(|order| order.is_exported()) {
            for export in order.exports.iter().filter(|export| export.ended.is_some()) {
                self.over.entry((node, export.entry)).or_insert(now);
            }
        }
        self.stand.insert(node, Arc::clone(state));
    }

    /// Where a node stands.
    pub fn stand(&self, node: &NodeId) -> Option<&State> {
        self.stand.get(node).map(|state| &**state)
    }

    /// A node gave the part that lies in this row.
    pub fn answered(
        &mut self,
        node: NodeId,
        row: &[u8],
        (disk, epochs): (&Disk, &Epochs),
        now: Millis,
    ) -> Option<String> {
        let says = |what: &str| Some(format!("{node} gave a part {what}"));
        let Some((export, key, epoch)) = parse(row) else { return says("of nothing") };
        let state = self.stand.get(&node)?;
        let Some(order) = state.key(&key).and_then(|order| order.export(&export)) else {
            return says("for an export that the charter does not know");
        };
        let ended = self.over.get(&(node, export));
        if ended.is_some_and(|ended| now.saturating_sub(*ended) > UNDER_WAY_MS) {
            return says("for an export that is over");
        }
        let recipient = order.recipient.key_id();
        let Some(holder) = self.holders.get(&recipient) else { return says("to nobody's key") };
        if !self.shown.contains(&(node, recipient)) {
            return says("for a recovery key that nobody showed it");
        }
        let Some(record) = epochs.record(&key, epoch) else { return says("of no epoch") };
        let Some(part) = disk.row(Table::Export, row) else {
            // It goes with the export and with the epoch.
            let is_newest = epochs.record(&key, epoch + 1).is_none();
            return says("that it does not keep").filter(|_| ended.is_none() && is_newest);
        };
        let Ok(part) = quorate_codec::from_bytes::<ExportRow>(part) else {
            return says("that is none");
        };
        let parts = self.parts.entry((export, key, epoch)).or_default();
        if parts.get(&node) == Some(&part) {
            return None;
        }
        if let Err(why) = shares::<Ed25519>(record, export, node, &part, holder) {
            return says(&format!("that does not hold: {why}"));
        }
        let is_new = parts.insert(node, part).is_none();
        if is_new && record.plan.tree.satisfied_by(&|node: &NodeId| parts.contains_key(node)) {
            self.news += 1;
            if let Err(why) = whole::<Ed25519>(record, export, parts, holder, 0) {
                return says(&format!("that makes no key with the others: {why}"));
            }
        }
        None
    }
}

fn parse(row: &[u8]) -> Option<Which> {
    let (export, rest) = row.split_first_chunk::<32>()?;
    let (key, rest) = rest.split_first_chunk::<32>()?;
    let (epoch, _) = rest.split_first_chunk::<8>()?;
    Some((Head(Digest(*export)), KeyId(Digest(*key)), u64::from_be_bytes(*epoch)))
}
