//! `message`: bytes, signed as they are with an Ed25519 key (RFC 8032), or their SHA-256 with one of
//! ECDSA on P-256 (FIPS 186-5).

use super::{Content, Kind, plain};
use crate::RESERVED_PREFIX;
use crate::decoded::{IntentFacts, SignatureItem, SigningPayload};
use crate::error::IntentError;
use crate::key::{Key, Verified};
use crate::limits::MESSAGE_BYTES_MAX;
use crate::text::Hex;
use crate::words;
use minicbor::{Decode, Encode};
use quorate_codec::hex;
use quorate_identity::Scheme;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A message of any bytes. Keys on secp256k1 sign digests of transactions, so what else they sign is
/// `raw.digest` or a kind with a prefix of its own, such as `evm.message` (INT-14).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Message {
    #[n(0)]
    message: Hex<MESSAGE_BYTES_MAX>,
}

impl Kind for Message {
    fn decode(&self, key: &Key) -> Result<Box<dyn Content>, IntentError> {
        let message = self.message.bytes();
        match key {
            Key::Ed25519(_) | Key::EcdsaP256(_) if message.starts_with(RESERVED_PREFIX) => {
                Err(IntentError::Reserved)
            }
            Key::Ed25519(_) | Key::EcdsaP256(_) => {
                let (scheme, key) = (key.scheme(), key.bytes());
                Ok(Box::new(Parsed { scheme, key, message: message.to_vec() }))
            }
            _ => Err(key.unfit("message", "ed25519 or ecdsa-p256 (for Ethereum: evm.message)")),
        }
    }
}

#[derive(Debug)]
struct Parsed {
    scheme: Scheme,
    key: Vec<u8>,
    message: Vec<u8>,
}

impl Content for Parsed {
    fn facts(&self) -> IntentFacts {
        IntentFacts::default()
    }

    fn details(&self) -> Value {
        json!({"message": hex::encode(&self.message)})
    }

    fn effect(&self) -> Vec<String> {
        let length = self.message.len();
        vec![format!("signs a message of {length} bytes: {}", words::message(&self.message))]
    }

    fn payloads(&self) -> Vec<SigningPayload> {
        vec![match self.scheme {
            Scheme::EcdsaP256 => SigningPayload::hashed(&self.message),
            _ => SigningPayload::Message(self.message.clone()),
        }]
    }

    fn finish(&self, signatures: &[Verified]) -> (Vec<u8>, Vec<SignatureItem>) {
        let item = |signature| plain(self.scheme, &self.key, signature);
        let items: Vec<SignatureItem> = signatures.iter().map(item).collect();
        (items.iter().flat_map(|item| item.signature.clone()).collect(), items)
    }
}
