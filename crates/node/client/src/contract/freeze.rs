//! Freezes: what signs nothing, who said so, and why.

use super::HexBytes;
use quorate_codec::Digest;
use quorate_identity::Name;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/freezes`: a person's statement that stops signing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitFreeze {
    /// Canonical bytes of the signed freeze.
    #[schema(value_type = String)]
    pub freeze: HexBytes,
}

/// A freeze that counts at the answering node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FreezeView {
    /// Its digest: a thaw names it.
    #[schema(value_type = String)]
    pub freeze: Digest,
    /// The key that signs nothing; everything where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub key: Option<Name>,
    /// Who said so.
    #[schema(value_type = Option<String>)]
    pub by: Option<Name>,
    /// Why.
    pub reason: String,
    /// Canonical bytes of the signed freeze, to verify and pass on.
    #[schema(value_type = String)]
    pub bytes: HexBytes,
}
