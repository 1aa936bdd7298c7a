//! `evm.message`: a message signed as wallets do (EIP-191, `personal_sign`).

use super::{Content, Kind, rsv, rsv_bytes};
use crate::address::evm_address;
use crate::decoded::{IntentFacts, SignatureItem, SigningPayload};
use crate::error::IntentError;
use crate::key::{Key, Verified};
use crate::limits::MESSAGE_BYTES_MAX;
use crate::text::Hex;
use crate::words;
use alloy_primitives::{Address, eip191_hash_message};
use minicbor::{Decode, Encode};
use quorate_codec::hex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The message without its prefix (INT-13).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EvmMessage {
    #[n(0)]
    message: Hex<MESSAGE_BYTES_MAX>,
}

impl Kind for EvmMessage {
    fn decode(&self, key: &Key) -> Result<Box<dyn Content>, IntentError> {
        let signer = evm_address(key.ecdsa("evm.message")?);
        let message = self.message.bytes().to_vec();
        Ok(Box::new(Parsed { key: key.bytes(), signer, message }))
    }
}

#[derive(Debug)]
struct Parsed {
    key: Vec<u8>,
    signer: Address,
    message: Vec<u8>,
}

impl Content for Parsed {
    fn facts(&self) -> IntentFacts {
        IntentFacts::default()
    }

    fn details(&self) -> Value {
        json!({"signer": self.signer.to_string(), "message": hex::encode(&self.message)})
    }

    fn effect(&self) -> Vec<String> {
        vec![format!(
            "signs an Ethereum message of {} bytes as {}: {}",
            self.message.len(),
            self.signer,
            words::message(&self.message)
        )]
    }

    fn payloads(&self) -> Vec<SigningPayload> {
        vec![SigningPayload::Digest(eip191_hash_message(&self.message).0)]
    }

    /// The artifact is what wallets return: r, s, and v as 27 or 28.
    fn finish(&self, signatures: &[Verified]) -> (Vec<u8>, Vec<SignatureItem>) {
        let value = signatures.iter().flat_map(|signature| rsv_bytes(signature, 27)).collect();
        (value, signatures.iter().map(|signature| rsv(&self.key, signature)).collect())
    }
}
