//! Requests as callers see them.

use super::HexBytes;
use quorate_codec::Digest;
use quorate_identity::{ActorId, Head, Name, RequestId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/requests`: files a request. Unknown fields are refused (API-02).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitRequest {
    /// Canonical bytes of the signed request.
    #[schema(value_type = String)]
    pub request: HexBytes,
    /// Names this filing: the same key with the same content is the same request, with other
    /// content an error. At most 64 characters of `a-z`, `A-Z`, `0-9`, `-` and `_`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// `POST …/approvals`, `POST …/cancellation`: a signed statement about a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitStatement {
    /// Canonical bytes of the signed statement.
    #[schema(value_type = String)]
    pub statement: HexBytes,
}

/// A request, as the answering node knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RequestView {
    /// Its id.
    #[schema(value_type = String)]
    pub request: RequestId,
    /// What approvers sign: the digest of intent, key, path, nonce and expiry. The same value
    /// as the id.
    #[schema(value_type = String)]
    pub request_digest: Digest,
    /// Digest of the intent.
    #[schema(value_type = String)]
    pub intent_digest: Digest,
    /// What the key will sign, computed by the node from the intent's bytes: a 32-byte digest
    /// each, for Ed25519 the SHA-512 of the message, 64 bytes.
    #[schema(value_type = Vec<String>)]
    pub signing_digests: Vec<HexBytes>,
    /// Where it stands.
    pub state: RequestState,
    /// Whom it waits for, one element for each rule that could let it pass.
    pub waiting_for: Vec<WaitingView>,
    /// What each node decided, as far as the answering node heard.
    pub decisions: Vec<DecisionView>,
    /// What the bytes mean.
    pub facts: serde_json::Value,
    /// The signatures, once it is signed.
    pub signatures: Vec<SignatureView>,
    /// What to send where, once it is signed.
    pub artifact: Option<ArtifactView>,
    /// Name of the key.
    #[schema(value_type = String)]
    pub key: Name,
    /// Which account of the key signs.
    #[serde(default)]
    pub account: u16,
    /// Which child of the account signs: `m` for the account itself, or `m/0/5`.
    #[serde(default = "root")]
    pub path: String,
    /// The public key of that child, as the node derived it: what addresses and signatures are
    /// of, before a taproot tweak. Missing while the key is not made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub public_key: Option<HexBytes>,
    /// Who filed it.
    #[schema(value_type = String)]
    pub requester: ActorId,
    /// Name of whoever filed it.
    #[schema(value_type = String)]
    pub requester_name: Name,
    /// When it expires, in milliseconds since 1970.
    pub expires_ms: u64,
    /// The intent as it was filed.
    pub intent: serde_json::Value,
    /// What it would do, in words.
    pub effect: Vec<String>,
    /// Approvals and rejections.
    pub approvals: Vec<ApprovalView>,
    /// Proposals to sign it that the answering node refused: somebody showed it something else.
    pub refusals: Vec<RefusalView>,
    /// Canonical bytes of the signed request: what an approver decodes on their own machine.
    #[schema(value_type = String)]
    pub bytes: HexBytes,
}

fn root() -> String {
    "m".to_owned()
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RequestState {
    /// Not decided: people or nodes are missing.
    Waiting,
    /// Allowed; the quorum is at work.
    Signing,
    /// Signed and verified.
    Signed,
    /// Denied by the policy.
    Denied,
    /// Rejected by a person.
    Rejected,
    /// Its time ran out.
    Expired,
    /// Taken back by its requester.
    Cancelled,
    /// Given up after too many attempts.
    Failed,
}

impl RequestState {
    /// Whether nothing more will happen.
    pub fn is_terminal(self) -> bool {
        !matches!(self, Self::Waiting | Self::Signing)
    }
}

/// Whom a request waits for under one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WaitingView {
    /// The rule.
    pub rule: String,
    /// Who could still approve.
    #[schema(value_type = Vec<String>)]
    pub people: Vec<Name>,
    /// The fewest of them that suffice.
    pub needed: u32,
}

/// One node's decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DecisionView {
    /// Name of the node.
    #[schema(value_type = String)]
    pub node: Name,
    /// What it decided.
    pub outcome: OutcomeView,
    /// The rule that decided.
    pub rule: String,
    /// Why, in words.
    pub reason: String,
    /// The charter head it judged at.
    #[schema(value_type = String)]
    pub head: Head,
}

/// What a node decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeView {
    /// It may be signed.
    Allow,
    /// It must not be signed.
    Deny,
    /// Approvals are missing.
    Wait,
}

/// An approval or rejection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApprovalView {
    /// Whose.
    #[schema(value_type = String)]
    pub person: Name,
    /// Which.
    pub verdict: VerdictView,
}

/// Approval or rejection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum VerdictView {
    /// For it.
    Approve,
    /// Against it.
    Reject,
}

/// A proposal that a node refused to sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefusalView {
    /// Who refused.
    #[schema(value_type = String)]
    pub node: Name,
    /// Who proposed.
    #[schema(value_type = String)]
    pub proposed_by: Name,
    /// Why it was refused.
    pub reason: String,
    /// When, in milliseconds since 1970 on the refusing node's clock.
    pub at_ms: u64,
}

/// One signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignatureView {
    /// Which input of a Bitcoin transaction it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<u32>,
    /// The key it verifies under: for a taproot key path the tweaked output key.
    #[schema(value_type = String)]
    pub public_key: HexBytes,
    /// How `signature` is encoded.
    pub encoding: Encoding,
    /// The signature.
    #[schema(value_type = String)]
    pub signature: HexBytes,
}

/// Encoding of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// r, s and the recovery id 0 or 1: 65 bytes.
    Rsv,
    /// DER, low s.
    Der,
    /// 64 bytes (BIP-340).
    Bip340,
    /// 64 bytes (RFC 8032).
    Ed25519,
}

/// What a signed intent becomes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ArtifactView {
    /// The kind of intent.
    pub kind: String,
    /// A signed raw transaction or a signature, 0x-hex.
    pub value: String,
}

/// `GET …/receipt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReceiptAnswer {
    /// Canonical bytes of the receipt.
    #[schema(value_type = String)]
    pub receipt: HexBytes,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_02_submissions_refuse_unknown_fields_and_other_hex() {
        let parse = |json: &str| serde_json::from_str::<SubmitRequest>(json);
        assert!(parse(r#"{"request":"0x00ff"}"#).is_ok());
        for bad in [
            r#"{"request":"0x00FF"}"#,
            r#"{"request":"00ff"}"#,
            r#"{"request":"0x0"}"#,
            r#"{"request":"0x00","idempotency-key":"k"}"#,
            r#"{"request":"0x00","request":"0x01"}"#,
            r#"{}"#,
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn api_01_states_have_the_names_of_the_contract() {
        let states = [
            RequestState::Waiting,
            RequestState::Signing,
            RequestState::Signed,
            RequestState::Denied,
            RequestState::Rejected,
            RequestState::Expired,
            RequestState::Cancelled,
            RequestState::Failed,
        ];
        let names = "waiting signing signed denied rejected expired cancelled failed";
        let json = serde_json::to_value(states).unwrap();
        assert_eq!(json, serde_json::json!(names.split(' ').collect::<Vec<_>>()));
        assert_eq!(states.iter().filter(|state| state.is_terminal()).count(), 6);
    }
}
