//! Successions that are announced: which domain takes over, who said so, and when nodes stop.

use super::HexBytes;
use quorate_codec::Digest;
use quorate_identity::Name;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/successions`: guardians' word that another domain takes over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitCession {
    /// Canonical bytes of the signed cession.
    #[schema(value_type = String)]
    pub cession: HexBytes,
}

/// A succession that is announced at the answering node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CessionView {
    /// Its digest: whoever refuses it names it.
    #[schema(value_type = String)]
    pub cession: Digest,
    /// The genesis hash of the domain that takes over.
    #[schema(value_type = String)]
    pub successor: Digest,
    /// What that one calls itself.
    #[schema(value_type = String)]
    pub called: Name,
    /// Why.
    pub reason: String,
    /// The guardians who said so.
    #[schema(value_type = Vec<String>)]
    pub by: Vec<Name>,
    /// When the answering node stops for good, by its own clock, in milliseconds since 1970.
    pub stops_at_ms: u64,
    /// Canonical bytes of the signed cession, to verify and pass on.
    #[schema(value_type = String)]
    pub bytes: HexBytes,
}
