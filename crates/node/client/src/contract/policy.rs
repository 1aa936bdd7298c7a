//! The policy in force.

use quorate_codec::Digest;
use quorate_identity::Head;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `policy show`: the four files of the policy, byte for byte as they were proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyView {
    /// The head at which it holds.
    #[schema(value_type = String)]
    pub head: Head,
    /// Digest of the bundle.
    #[schema(value_type = String)]
    pub policy: Digest,
    /// Ids of its rules.
    pub rules: Vec<String>,
    /// `policy.cedar`.
    pub cedar: String,
    /// `limits.json`.
    pub limits: String,
    /// `lists.json`.
    pub lists: String,
    /// `cases.json`.
    pub cases: String,
}
