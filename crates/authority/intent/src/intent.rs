//! The intent: a kind and the raw bytes to be signed.

use crate::decoded::Decoded;
use crate::error::IntentError;
use crate::key::{Key, KeyFacts};
use crate::kinds::Body;
use crate::limits;
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, Digest, Transcript, tag};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What somebody wants signed, complete: a kind and its fields (INT-01, INT-02). Nothing in it
/// has been read yet; [`decode`](Self::decode) does that. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(transparent)]
#[serde(transparent)]
pub struct Intent(#[n(0)] Body);

impl Intent {
    /// Reads the JSON form; unknown kinds, unknown fields and repeated fields are refused.
    ///
    /// # Errors
    /// [`IntentError::Json`], [`IntentError::TooLong`].
    pub fn from_json(text: &str) -> Result<Self, IntentError> {
        if text.len() > limits::JSON_BYTES_MAX {
            return Err(IntentError::TooLong { got: text.len() });
        }
        serde_json::from_str(text).map_err(|error| IntentError::Json(error.to_string()))
    }

    /// Reads a JSON value. A value has lost which fields were repeated in its text; where that
    /// text comes from outside, use [`from_json`](Self::from_json).
    ///
    /// # Errors
    /// [`IntentError::Json`].
    pub fn from_value(value: &Value) -> Result<Self, IntentError> {
        Self::deserialize(value).map_err(|error| IntentError::Json(error.to_string()))
    }

    /// The JSON form; [`from_value`](Self::from_value) reads it back to the same intent.
    pub fn to_json(&self) -> Value {
        // Fields are numbers and texts, so this cannot fail.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The kind: the Cedar action.
    pub fn kind(&self) -> &'static str {
        self.0.name()
    }

    /// Hash of the canonical form (INT-02).
    pub fn digest(&self) -> Digest {
        Transcript::new(tag::INTENT).part(quorate_codec::to_bytes(self)).digest()
    }

    /// Reads the raw bytes, for signing with this key. What cannot be read exactly is refused
    /// (INT-03).
    ///
    /// # Errors
    /// [`IntentError`]. Cost: microseconds, and one point multiplication for taproot.
    pub fn decode(&self, key: &KeyFacts) -> Result<Decoded, IntentError> {
        let key = Key::new(key)?;
        let content = self.0.kind().decode(&key)?;
        Ok(Decoded::new(self, key, content))
    }
}

impl Canonical for Intent {
    const BYTES_MAX: usize = limits::INTENT_BYTES_MAX;
}
