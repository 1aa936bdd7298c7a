//! `raw.digest`: thirty-two bytes that nobody can read, signed as they are. For keys whose policy
//! says so, and for nothing else (N-73).

use super::{Content, Kind, plain};
use crate::decoded::{IntentFacts, SignatureItem, SigningPayload};
use crate::error::IntentError;
use crate::key::{Key, Verified};
use crate::text::Hex;
use minicbor::{Decode, Encode};
use quorate_codec::hex;
use quorate_identity::Scheme;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A digest, for ECDSA and BIP-340 keys (INT-15). It is signed under the key itself, never under
/// a taproot output key.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawDigest {
    #[n(0)]
    digest: Hex<32>,
}

impl Kind for RawDigest {
    fn decode(&self, key: &Key) -> Result<Box<dyn Content>, IntentError> {
        if let Key::Ed25519(_) = key {
            return Err(key.unfit("raw.digest", "ecdsa-secp256k1, bip340 or ecdsa-p256"));
        }
        let digest = self.digest.bytes().try_into();
        let digest = digest.map_err(|_| IntentError::Json("digest: must be 32 bytes".into()))?;
        Ok(Box::new(Parsed { scheme: key.scheme(), key: key.bytes(), digest }))
    }
}

#[derive(Debug)]
struct Parsed {
    scheme: Scheme,
    key: Vec<u8>,
    digest: [u8; 32],
}

impl Content for Parsed {
    fn facts(&self) -> IntentFacts {
        IntentFacts::default()
    }

    fn details(&self) -> Value {
        json!({"digest": hex::encode(&self.digest)})
    }

    fn effect(&self) -> Vec<String> {
        vec![format!(
            "signs the digest {}; what stands behind it cannot be known: it may be any transaction",
            hex::encode(&self.digest)
        )]
    }

    fn payloads(&self) -> Vec<SigningPayload> {
        vec![SigningPayload::Digest(self.digest)]
    }

    fn finish(&self, signatures: &[Verified]) -> (Vec<u8>, Vec<SignatureItem>) {
        let item = |signature| plain(self.scheme, &self.key, signature);
        let items: Vec<SignatureItem> = signatures.iter().map(item).collect();
        (items.iter().flat_map(|item| item.signature.clone()).collect(), items)
    }
}
