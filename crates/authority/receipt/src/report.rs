//! What a receipt proves.

use quorate_codec::{Digest, hex};
use quorate_derivation::Path;
use quorate_identity::{GenesisHash, Head, KeyId, Name, RequestId, Scheme};
use quorate_intent::{Artifact, SignatureItem};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What a verified receipt says: what was signed, who asked, who approved, under which rule,
/// which nodes allowed it, and at which head. Only [`verify`](crate::verify()) makes one.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// Name of the domain.
    pub domain: Name,
    /// The domain.
    pub genesis: GenesisHash,
    /// Whether the domain is a trial.
    pub staging: bool,
    /// The head that the quorum relied on.
    pub head: Head,
    /// Its position.
    pub position: u64,
    /// Every head that the charter went through until then, that one too.
    pub heads: BTreeSet<Head>,
    /// The request.
    pub request: RequestId,
    /// Who asked.
    pub requester: Name,
    /// The key.
    pub key: KeyId,
    /// Its name.
    pub key_name: Name,
    /// To how many the charter had given the key whole by then: each of them could have signed alone
    /// (KEX-05).
    pub exported: usize,
    /// Its scheme.
    pub scheme: Scheme,
    /// Which account of it signed.
    pub account: u16,
    /// The account's public key, from the certified record of the key's epoch.
    pub public_key: Vec<u8>,
    /// Which child of the account signed; `m` is the account itself.
    pub path: Path,
    /// The public key of that child, computed here from the record.
    pub child_key: Vec<u8>,
    /// Its epoch.
    pub epoch: u64,
    /// The kind of intent.
    pub kind: String,
    /// Digest of the intent.
    pub intent_digest: Digest,
    /// What it did, in words, from the bytes.
    pub effect: Vec<String>,
    /// What it did, from the bytes.
    pub facts: Value,
    /// What was signed.
    pub signing_digests: Vec<Vec<u8>>,
    /// Who approved.
    pub approvals: Vec<Name>,
    /// The rule that lets it pass, judged here.
    pub rule: String,
    /// Why, in words.
    pub reason: String,
    /// What each node of the quorum stated.
    pub decisions: Vec<NodeAllowance>,
    /// The signed transaction or signature.
    pub artifact: Artifact,
}

/// A node's statement that it allows the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeAllowance {
    /// The node.
    pub node: Name,
    /// The rule that it named.
    pub rule: String,
    /// Why, in its words.
    pub reason: String,
}

impl Report {
    /// The report as JSON.
    pub fn to_json(&self) -> Value {
        let decision = |decision: &NodeAllowance| {
            json!({"node": decision.node, "outcome": "allow", "rule": decision.rule,
                "reason": decision.reason, "head": self.head})
        };
        let digests = self.signing_digests.iter().map(|digest| hex::encode(digest));
        json!({
            "domain": self.domain,
            "genesis": self.genesis,
            "staging": self.staging,
            "head": self.head,
            "position": self.position,
            "request": self.request,
            "requester": self.requester,
            "key": self.key,
            "key_name": self.key_name,
            "exported": self.exported,
            "scheme": self.scheme,
            "account": self.account,
            "public_key": hex::encode(&self.public_key),
            "path": self.path.to_string(),
            "child_key": hex::encode(&self.child_key),
            "epoch": self.epoch,
            "kind": self.kind,
            "intent_digest": self.intent_digest,
            "effect": self.effect,
            "facts": self.facts,
            "signing_digests": digests.collect::<Vec<_>>(),
            "approvals": self.approvals,
            "rule": self.rule,
            "reason": self.reason,
            "decisions": self.decisions.iter().map(decision).collect::<Vec<_>>(),
            "signatures": self.artifact.signatures.iter().map(signature).collect::<Vec<_>>(),
            "artifact": {"kind": self.artifact.kind, "value": self.artifact.value},
        })
    }
}

fn signature(item: &SignatureItem) -> Value {
    let mut view = json!({
        "public_key": hex::encode(&item.public_key),
        "encoding": item.encoding.name(),
        "signature": hex::encode(&item.signature),
    });
    if let (Some(input), Some(fields)) = (item.input, view.as_object_mut()) {
        fields.insert("input".to_owned(), input.into());
    }
    view
}
