//! Evidence against nodes: what a node can prove to anybody.

use super::HexBytes;
use quorate_codec::Digest;
use quorate_identity::Name;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `evidence list`: a piece of evidence that the answering node keeps. Whoever fetches it
/// verifies it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EvidenceView {
    /// Names it.
    #[schema(value_type = String)]
    pub evidence: Digest,
    /// Who is proven guilty.
    #[schema(value_type = Vec<String>)]
    pub culprits: Vec<Name>,
    /// Of what.
    pub what: String,
    /// Where: `position 7`, `attempt 2 at epoch 1`.
    pub place: String,
    /// The key, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub key: Option<Name>,
    /// When the node took it up, in milliseconds since 1970 on its clock.
    pub at_ms: u64,
}

/// `evidence get`: the piece as a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EvidenceAnswer {
    /// Names it.
    #[schema(value_type = String)]
    pub evidence: Digest,
    /// The bytes of the file; whoever gets them verifies them with the hash of the genesis.
    #[schema(value_type = String)]
    pub file: HexBytes,
}
