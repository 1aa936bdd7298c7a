//! What came out of an intent's bytes: facts to judge, words to read, payloads to sign, and in
//! the end the artifact. All of it is read off one parsed value.

use crate::error::IntentError;
use crate::intent::Intent;
use crate::key::Key;
use crate::kinds::Content;
use alloy_primitives::U256;
use quorate_codec::{Digest, hex};
use quorate_identity::Scheme;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha512};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A decoded intent. Only [`Intent::decode`] makes one, from the intent's own bytes; nothing in it
/// can be set (INT-05, N-73). Public.
#[derive(Debug, Clone)]
pub struct Decoded {
    intent_digest: Digest,
    kind: &'static str,
    key: Key,
    payloads: Vec<SigningPayload>,
    content: Arc<dyn Content>,
}

/// What the engine signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SigningPayload {
    /// A digest, for ECDSA and BIP-340.
    Digest([u8; 32]),
    /// A whole message, for Ed25519.
    Message(Vec<u8>),
}

impl SigningPayload {
    /// The SHA-256 of a message: what ECDSA on P-256 signs of one (FIPS 186-5).
    pub fn hashed(message: &[u8]) -> Self {
        Self::Digest(Sha256::digest(message).into())
    }
}

/// Facts for rules (INT-04). Amounts are in the smallest unit of their asset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IntentFacts {
    /// `eip155:31337`, `bitcoin:regtest`; empty for what is no transaction.
    pub network: String,
    /// Every destination, each in its one text form: EIP-55, bech32. Change that goes back to
    /// the key is none.
    pub to: BTreeSet<String>,
    /// What leaves the key for others, as far as the bytes say: asset and amount.
    pub moves: Vec<(String, U256)>,
    /// What the chain takes, at most: asset and amount.
    pub fees: Vec<(String, U256)>,
    /// It carries input data for its destination.
    pub calls: bool,
    /// It creates a contract.
    pub creates: bool,
    /// The first four bytes of a call's input, 0x-hex.
    pub selector: Option<String>,
}

/// What a signed intent becomes: a signed raw transaction, or a signature. Public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The kind of intent.
    pub kind: String,
    /// 0x-hex.
    pub value: String,
    /// The signatures in it, in order.
    pub signatures: Vec<SignatureItem>,
}

/// One signature of an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureItem {
    /// Which input of a Bitcoin transaction it is for.
    pub input: Option<u32>,
    /// The key it verifies under: for a taproot key path the output key.
    pub public_key: Vec<u8>,
    /// How `signature` is encoded.
    pub encoding: SignatureEncoding,
    /// The signature.
    pub signature: Vec<u8>,
}

/// How a signature is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureEncoding {
    /// r, s and the recovery id 0 or 1: 65 bytes.
    Rsv,
    /// DER with a low s, without a sighash type.
    Der,
    /// 64 bytes (BIP-340).
    Bip340,
    /// 64 bytes (RFC 8032).
    Ed25519,
}

impl SignatureEncoding {
    /// The text form.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rsv => "rsv",
            Self::Der => "der",
            Self::Bip340 => "bip340",
            Self::Ed25519 => "ed25519",
        }
    }
}

impl Decoded {
    pub(crate) fn new(intent: &Intent, key: Key, content: Box<dyn Content>) -> Self {
        let (intent_digest, kind) = (intent.digest(), intent.kind());
        let payloads = content.payloads();
        Self { intent_digest, kind, key, payloads, content: Arc::from(content) }
    }

    /// Digest of the intent that was decoded.
    pub fn intent_digest(&self) -> Digest {
        self.intent_digest
    }

    /// Scheme of the key that it was decoded for.
    pub fn scheme(&self) -> Scheme {
        self.key.scheme()
    }

    /// Public key that it was decoded for.
    pub fn public_key(&self) -> Vec<u8> {
        self.key.bytes()
    }

    /// The kind of intent.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Facts for rules.
    pub fn facts(&self) -> IntentFacts {
        self.content.facts()
    }

    /// What it would do, in words, one line an effect (INT-06).
    pub fn effect(&self) -> Vec<String> {
        self.content.effect()
    }

    /// Facts and every field of the bytes, as JSON; amounts are decimal strings.
    pub fn facts_json(&self) -> Value {
        let facts = self.facts();
        let amounts = |amounts: &[(String, U256)]| -> Vec<Value> {
            let amount = |(asset, amount): &(String, U256)| json!({"asset": asset, "amount": amount.to_string()});
            amounts.iter().map(amount).collect()
        };
        json!({
            "kind": self.kind,
            "network": facts.network,
            "to": facts.to,
            "moves": amounts(&facts.moves),
            "fees": amounts(&facts.fees),
            "calls": facts.calls,
            "creates": facts.creates,
            "selector": facts.selector,
            "details": self.content.details(),
        })
    }

    /// What the engine signs, in order, computed from the bytes (INT-05).
    pub fn signing_payloads(&self) -> Vec<SigningPayload> {
        self.payloads.clone()
    }

    /// What is signed, as digests: 32 bytes each; for Ed25519 the SHA-512 of the message.
    pub fn signing_digests(&self) -> Vec<Vec<u8>> {
        let digest = |payload: &SigningPayload| match payload {
            SigningPayload::Digest(digest) => digest.to_vec(),
            SigningPayload::Message(message) => Sha512::digest(message).to_vec(),
        };
        self.payloads.iter().map(digest).collect()
    }

    /// Whether the signatures are those of a taproot key path: made under the output key of
    /// BIP-86, not the key itself.
    pub fn is_taproot(&self) -> bool {
        self.content.is_taproot()
    }

    /// Verifies the signatures, one a payload in order, and builds the artifact (INT-07, INT-08).
    /// Each is 64 bytes and, for ECDSA on secp256k1, a recovery id that is checked where it is given.
    ///
    /// # Errors
    /// [`IntentError::SignatureCount`], [`IntentError::Signature`].
    pub fn finish(&self, signatures: &[([u8; 64], Option<u8>)]) -> Result<Artifact, IntentError> {
        let (got, needed) = (signatures.len(), self.payloads.len());
        if got != needed {
            return Err(IntentError::SignatureCount { got, needed });
        }
        let mut verified = Vec::with_capacity(needed);
        for (index, (payload, signature)) in self.payloads.iter().zip(signatures).enumerate() {
            let checked = self.key.verify(payload, self.is_taproot(), signature);
            verified.push(checked.ok_or(IntentError::Signature(index))?);
        }
        let (value, signatures) = self.content.finish(&verified);
        Ok(Artifact { kind: self.kind.to_owned(), value: hex::encode(&value), signatures })
    }
}
