//! `message`: bytes, signed as they are with an Ed25519 key (RFC 8032).

use super::{Content, Kind};
use crate::decoded::{IntentFacts, SignatureEncoding, SignatureItem, SigningPayload};
use crate::RESERVED_PREFIX;
use crate::error::IntentError;
use crate::key::{Key, Verified};
use crate::limits::MESSAGE_BYTES_MAX;
use crate::text::Hex;
use crate::words;
use minicbor::{Decode, Encode};
use quorate_codec::hex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A message of any bytes. Other schemes sign digests, so what they sign is `raw.digest` or a
/// kind with a prefix of its own, such as `evm.message` (INT-14).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Message {
    #[n(0)]
    message: Hex<MESSAGE_BYTES_MAX>,
}

impl Kind for Message {
    fn decode(&self, key: &Key) -> Result<Box<dyn Content>, IntentError> {
        match key {
            Key::Ed25519(_) if self.message.bytes().starts_with(RESERVED_PREFIX) => {
                Err(IntentError::Reserved)
            }
            Key::Ed25519(_) => {
                Ok(Box::new(Parsed { key: key.bytes(), message: self.message.bytes().to_vec() }))
            }
            _ => Err(key.unfit("message", "ed25519 (for Ethereum: evm.message)")),
        }
    }
}

#[derive(Debug)]
struct Parsed {
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
        vec![SigningPayload::Message(self.message.clone())]
    }

    fn finish(&self, signatures: &[Verified]) -> (Vec<u8>, Vec<SignatureItem>) {
        let item = |signature: &Verified| SignatureItem {
            input: None,
            public_key: self.key.clone(),
            encoding: SignatureEncoding::Ed25519,
            signature: signature.bytes.to_vec(),
        };
        let items: Vec<SignatureItem> = signatures.iter().map(item).collect();
        (items.iter().flat_map(|item| item.signature.clone()).collect(), items)
    }
}
