//! The kinds of intent, one file each. A new kind is a file and a line in the list below; its
//! number and name are for ever.

use crate::decoded::{IntentFacts, SignatureEncoding, SignatureItem, SigningPayload};
use crate::error::IntentError;
use crate::key::{Key, Verified};
use minicbor::{Decode, Encode};
use quorate_identity::Scheme;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt::Debug;

/// The fields of one kind, not read yet.
pub(crate) trait Kind {
    /// Reads the raw bytes, for signing with this key.
    fn decode(&self, key: &Key) -> Result<Box<dyn Content>, IntentError>;
}

/// The one parsed value behind a [`Decoded`](crate::Decoded): everything that is shown, judged or
/// signed is read off it.
pub(crate) trait Content: Debug + Send + Sync {
    /// Facts for rules.
    fn facts(&self) -> IntentFacts;
    /// Every field, for people and programs.
    fn details(&self) -> Value;
    /// What it would do, in words.
    fn effect(&self) -> Vec<String>;
    /// What is signed, in order.
    fn payloads(&self) -> Vec<SigningPayload>;
    /// Whether the signatures are those of a taproot key path.
    fn is_taproot(&self) -> bool {
        false
    }
    /// The artifact of verified signatures, as many as payloads.
    fn finish(&self, signatures: &[Verified]) -> (Vec<u8>, Vec<SignatureItem>);
}

macro_rules! kinds {
    ($($number:tt $name:tt $type:ident in mod $module:ident;)*) => {
        $(mod $module;)*

        /// The names of all kinds, in the order of their numbers.
        pub const KINDS: &[&str] = &[$($name),*];

        /// The kinds and their fields. JSON names the kind, the canonical form numbers it.
        #[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
        #[serde(tag = "kind")]
        pub(crate) enum Body {
            $(
                #[n($number)]
                #[serde(rename = $name)]
                $type(#[n(0)] $module::$type),
            )*
        }

        impl Body {
            /// The kind's name.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$type(_) => $name,)*
                }
            }

            /// The kind's decoder.
            pub fn kind(&self) -> &dyn Kind {
                match self {
                    $(Self::$type(kind) => kind,)*
                }
            }
        }
    };
}

kinds! {
    0 "evm.transaction" EvmTransaction in mod evm_transaction;
    1 "evm.message" EvmMessage in mod evm_message;
    2 "bitcoin.psbt" BitcoinPsbt in mod bitcoin_psbt;
    3 "message" Message in mod message;
    4 "raw.digest" RawDigest in mod raw_digest;
}

/// The item of a signature by the key itself over bytes that are no transaction, as its scheme
/// writes it.
fn plain(scheme: Scheme, key: &[u8], signature: &Verified) -> SignatureItem {
    let item = |encoding, bytes| SignatureItem {
        input: None,
        public_key: key.to_vec(),
        encoding,
        signature: bytes,
    };
    match scheme {
        Scheme::EcdsaSecp256k1 => rsv(key, signature),
        Scheme::Bip340 => item(SignatureEncoding::Bip340, signature.bytes.to_vec()),
        Scheme::Ed25519 => item(SignatureEncoding::Ed25519, signature.bytes.to_vec()),
        Scheme::EcdsaP256 => {
            // What verified has a form in DER.
            let der = p256::ecdsa::Signature::from_slice(&signature.bytes);
            let der = der.map(|signature| signature.to_der().as_bytes().to_vec());
            item(SignatureEncoding::Der, der.unwrap_or_default())
        }
    }
}

/// The item of an ECDSA signature with its recovery id, for the key itself.
fn rsv(key: &[u8], signature: &Verified) -> SignatureItem {
    SignatureItem {
        input: None,
        public_key: key.to_vec(),
        encoding: SignatureEncoding::Rsv,
        signature: rsv_bytes(signature, 0),
    }
}

/// r, s, and the recovery id above a base.
fn rsv_bytes(signature: &Verified, base: u8) -> Vec<u8> {
    let mut bytes = signature.bytes.to_vec();
    bytes.push(base + signature.recovery_id);
    bytes
}
