//! Custodians, as callers see them.

use super::HexBytes;
use quorate_access::Tree;
use quorate_codec::Digest;
use quorate_identity::{GenesisHash, MotionId, Name, NodeId, RecoveryKeyId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /v1/custody`: who restores what is lost, and what the answering node asks them to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CustodyView {
    /// The domain.
    #[schema(value_type = String)]
    pub genesis: GenesisHash,
    /// The answering node.
    #[schema(value_type = String)]
    pub node: NodeId,
    /// Digest of the custody, to which backups are bound.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// Who together restores the shares of one node.
    #[schema(value_type = String)]
    pub seats: Tree<Name>,
    /// Who together restores whole keys.
    #[schema(value_type = String)]
    pub keys: Tree<Name>,
    /// Everybody who is a custodian, or would be.
    pub custodians: Vec<CustodianView>,
    /// Who is more than one of administrator, approver, auditor, operator and custodian, or was
    /// once.
    #[schema(value_type = Vec<String>)]
    pub excepted: Vec<Name>,
    /// For each recovery tree the last drill, and when the next one is due.
    #[serde(default)]
    pub drills: Vec<DrillView>,
}

/// The drills of those who restore by one tree, as the answering node was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DrillView {
    /// Which tree: `seats` or `keys`.
    pub tree: String,
    /// Since when these custodians are those of the charter, in milliseconds since 1970.
    pub since_ms: u64,
    /// When the next drill is due: so long after the last one, or after they became custodians.
    pub due_ms: u64,
    /// The last one, if they have held any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<LastDrill>,
}

/// A drill that gave back its canary. Who took part, and when, is the word of whoever told the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LastDrill {
    /// Digest of the canary.
    #[schema(value_type = String)]
    pub canary: Digest,
    /// When it was started, in milliseconds since 1970.
    pub started_ms: u64,
    /// When it was finished.
    pub finished_ms: u64,
    /// Who told the node.
    #[schema(value_type = String)]
    pub by: Name,
    /// The recovery keys of those who are said to have taken part.
    #[schema(value_type = Vec<String>)]
    pub took_part: Vec<RecoveryKeyId>,
}

/// A custodian.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CustodianView {
    /// Their name.
    #[schema(value_type = String)]
    pub name: Name,
    /// The id of their recovery key.
    #[schema(value_type = String)]
    pub key: RecoveryKeyId,
    /// What kind of key it is.
    pub kind: String,
    /// Its fingerprint in twelve words, as the recovery tool shows it.
    pub fingerprint: Vec<String>,
    /// Until when they are to have another key, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
    /// Whether they showed the answering node that they hold it.
    pub is_shown: bool,
    /// What the answering node asks, until it was answered: canonical bytes of its challenge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub challenge: Option<HexBytes>,
    /// The motion that would enrol this key, if the charter does not name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub proposed: Option<MotionId>,
    /// The key that is given to them whole, or would be: then they are no custodian.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub gets: Option<Name>,
    /// When the last drill was finished in which they are said to have taken part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drilled_ms: Option<u64>,
}

/// `GET /v1/keys/{key}/bundles/{bundle}`: a backup, for those who verify or keep it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BundleAnswer {
    /// The bundle, as its author made it.
    #[schema(value_type = String)]
    pub bundle: HexBytes,
}

/// `POST /v1/custody/answers`: the answer to the challenge of the node that is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowPossession {
    /// Of which recovery key.
    #[schema(value_type = String)]
    pub key: RecoveryKeyId,
    /// Canonical bytes of the answer.
    #[schema(value_type = String)]
    pub answer: HexBytes,
}

/// `POST /v1/drills`: that custodians restored a canary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordDrill {
    /// The canary, as it stands in the backup file.
    #[schema(value_type = String)]
    pub canary: HexBytes,
    /// What it holds: 32 bytes.
    #[schema(value_type = String)]
    pub secret: HexBytes,
    /// The recovery keys of those who took part, ascending.
    #[schema(value_type = Vec<String>)]
    pub took_part: Vec<RecoveryKeyId>,
    /// When the drill was started, in milliseconds since 1970.
    pub started_ms: u64,
    /// When it was finished.
    pub finished_ms: u64,
}
