//! What is told of an export that was verified.

use super::{ExportFileError, Exported};
use quorate_access::Tree;
use quorate_codec::{Digest, hex};
use quorate_identity::{GenesisHash, Head, KeyId, Name, NodeId, RecoveryKeyId, Scheme, words};
use serde::Serialize;
use std::collections::BTreeSet;

/// What an export proves. Public.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportReport {
    /// The domain.
    pub genesis: GenesisHash,
    /// The words of its genesis hash.
    pub genesis_words: String,
    /// Its name.
    pub domain: Name,
    /// Whether it is a trial.
    pub staging: bool,
    /// The head of the charter in the file.
    pub head: Head,
    /// Its position.
    pub position: u64,
    /// The key.
    pub key: KeyId,
    /// Its name.
    pub name: Name,
    /// Which signatures it makes.
    pub scheme: Scheme,
    /// The public keys of its accounts, from account 0 on.
    pub public_keys: Vec<String>,
    /// The epoch whose shares the parts are.
    pub epoch: u64,
    /// Digest of its record.
    pub record: Digest,
    /// Who signs together under it.
    pub access: String,
    /// Who gets the key.
    pub recipient: Name,
    /// The id of their recovery key.
    pub recovery_key: RecoveryKeyId,
    /// Its words.
    pub recovery_words: String,
    /// The head that the entry of the export made.
    pub entry: Head,
    /// The position of that entry.
    pub exported_at: u64,
    /// The position of the entry that ended the export, if one did by the charter in the file.
    pub ended_at: Option<u64>,
    /// Whether the key is retired by that charter.
    pub retired: bool,
    /// What nodes gave.
    pub parts: Vec<PartReport>,
    /// Nodes of whom some more parts are needed; nothing where those that hold are enough.
    pub missing: Option<String>,
}

/// A node's part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartReport {
    /// Its name, or id.
    pub node: String,
    /// Whether it holds.
    pub holds: bool,
    /// Why not.
    pub why: Option<String>,
    /// Whether the node signed what is false: then it lied.
    pub lied: bool,
    /// Whether it is of another epoch than the record: the node is behind, or ahead.
    pub is_of_another_epoch: bool,
}

impl ExportReport {
    /// Whether every part holds, and they are enough.
    pub fn holds(&self) -> bool {
        self.missing.is_none() && self.parts.iter().all(|part| part.holds)
    }
}

impl Exported {
    /// What it proves.
    ///
    /// # Errors
    /// Never: what it names was looked up before.
    pub fn report(&self) -> Result<ExportReport, ExportFileError> {
        let (state, record, order) = (self.state(), self.record(), self.order()?);
        let recovery_key = self.recipient();
        let words = |digest: &Digest| words(digest).join(" ");
        let part = |judged: &super::reading::Judged| {
            let node = self.called(&judged.node);
            let fault = judged.held.as_ref().err();
            let whose = fault.map(|fault| (fault, fault.whose(node.clone())));
            PartReport {
                is_of_another_epoch: fault == Some(&super::PartFault::For("epoch")),
                lied: whose
                    .as_ref()
                    .is_some_and(|(_, it)| matches!(it, crate::verify::Whose::Node(_))),
                why: whose.map(|(fault, whose)| format!("{fault}; {whose}")),
                holds: fault.is_none(),
                node,
            }
        };
        Ok(ExportReport {
            genesis: state.genesis(),
            genesis_words: words(&state.genesis().digest()),
            domain: state.domain().clone(),
            staging: state.is_staging(),
            head: state.head(),
            position: state.position(),
            key: order.key,
            name: order.name.clone(),
            scheme: order.scheme,
            public_keys: record.accounts.iter().map(|it| hex::encode(&it.public_key)).collect(),
            epoch: record.plan.epoch,
            record: record.digest(),
            access: record.plan.tree.map(|node| self.called(node)).to_string(),
            recipient: self.export.recipient.name.clone(),
            recovery_key,
            recovery_words: words(&recovery_key.digest()),
            entry: self.export.entry,
            exported_at: self.export.position,
            ended_at: self.export.ended,
            retired: order.retired,
            parts: self.parts.iter().map(part).collect(),
            missing: self.missing().map(|tree| tree.to_string()),
        })
    }

    /// Nodes of whom some more parts are needed, if those that hold are too few.
    pub fn missing(&self) -> Option<Tree<Name>> {
        let sound: BTreeSet<NodeId> = self.sound().collect();
        let missing = self.record().plan.tree.missing_for(&sound)?;
        let name = |node: &NodeId| self.state().node_ever(node).map(|node| node.name.clone());
        // Every node of a tree that was ordered is, or was, one of the domain.
        missing.try_map(|node| name(node).ok_or(())).ok()
    }

    /// What a node is called.
    pub(super) fn called(&self, node: &NodeId) -> String {
        let known = self.state().node_ever(node);
        known.map_or_else(|| node.to_string(), |node| node.name.to_string())
    }
}
