//! Motions: what people sign to change the charter.

use super::HexBytes;
use quorate_identity::{MotionId, Name};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/motions`: files a motion with its first signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitMotion {
    /// Canonical bytes of the signed motion.
    #[schema(value_type = String)]
    pub motion: HexBytes,
}

/// `POST /v1/motions/{motion}/signatures`: adds one person's signature over the motion's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignMotion {
    /// The signer's SSHSIG, binary.
    #[schema(value_type = String)]
    pub signature: HexBytes,
}

/// A motion and who has signed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MotionView {
    /// Its id.
    #[schema(value_type = String)]
    pub motion: MotionId,
    /// How far it is.
    pub state: MotionState,
    /// Names of those who signed.
    #[schema(value_type = Vec<String>)]
    pub signed_by: Vec<Name>,
    /// The fewest further signatures that can suffice; 0 once it is authorised.
    pub needed: u32,
    /// Which people, in tree notation; absent once it is authorised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// Its kind: `key-create`, `policy-set`, …
    pub kind: String,
    /// What it would change, in words.
    pub effect: Vec<String>,
    /// When it expires, in milliseconds since 1970.
    pub expires_ms: u64,
    /// The position of its entry, once it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// When it takes effect by the answering node's clock, in milliseconds since 1970, while it is
    /// announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_ms: Option<u64>,
    /// Who objected, while it is announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub objected_by: Option<Name>,
    /// What it waits for beside signatures and its delay, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// Canonical bytes of the motion without signatures: what a signer decodes and signs.
    #[schema(value_type = String)]
    pub bytes: HexBytes,
}

/// How far a motion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MotionState {
    /// Signatures are missing.
    Collecting,
    /// Authorised; the nodes have not placed it yet.
    Deciding,
    /// In the charter, and announced: it takes effect after its delay.
    Announced,
    /// Announced, and somebody objected: it needs those who override that.
    Objected,
    /// Announced, and withdrawn before it took effect.
    Withdrawn,
    /// It took effect.
    Enacted,
    /// It takes no effect: something it touches changed before it could.
    Superseded,
    /// Its time ran out.
    Expired,
}
