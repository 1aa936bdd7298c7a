//! The permission to sign, and what is signed.

use crate::Failure;
use quorate_codec::Digest;
use quorate_derivation::Path;
use quorate_identity::KeyId;
use std::fmt;

/// The permission to sign exactly these payloads with exactly this key, or this child of it, once
/// (ENG-02). Not `Clone`:
/// consumed by [`crate::open`]. Only `node/machine` issues permits, out of an authorisation that
/// the policy gave; `xtask tidy` refuses the constructor anywhere else.
pub struct Permit {
    pub(crate) key: KeyId,
    pub(crate) path: Path,
    pub(crate) payloads: Vec<Payload>,
    pub(crate) terms: Digest,
}

/// What is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// A 32-byte digest or message: ECDSA and BIP-340.
    Digest([u8; 32]),
    /// A message of any length: Ed25519.
    Message(Vec<u8>),
}

/// How the key at the permit's path is changed before it signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tweak {
    /// Not at all.
    None,
    /// BIP-341 key path without scripts (BIP-86); BIP-340 keys only.
    TaprootKeyPath,
}

impl Permit {
    /// Permits one session under `terms` to sign `payloads` with the child of `key` at `path`.
    pub fn issue(key: KeyId, path: Path, payloads: Vec<Payload>, terms: Digest) -> Self {
        Self { key, path, payloads, terms }
    }
}

impl Tweak {
    /// The same for the Schnorr engine.
    pub(crate) fn schnorr(self) -> quorate_schnorr::Tweak {
        match self {
            Self::None => quorate_schnorr::Tweak::None,
            Self::TaprootKeyPath => quorate_schnorr::Tweak::TaprootKeyPath,
        }
    }
}

impl Payload {
    /// What ECDSA and BIP-340 sign.
    ///
    /// # Errors
    /// [`crate::Fault::Caller`]: it is a message.
    pub(crate) fn digest(&self) -> Result<[u8; 32], Failure> {
        match self {
            Self::Digest(digest) => Ok(*digest),
            Self::Message(_) => Err(Failure::caller("this scheme signs 32-byte digests")),
        }
    }

    /// What Ed25519 signs.
    ///
    /// # Errors
    /// [`crate::Fault::Caller`]: it is a digest.
    pub(crate) fn message(&self) -> Result<&[u8], Failure> {
        match self {
            Self::Message(message) => Ok(message),
            Self::Digest(_) => Err(Failure::caller("this scheme signs messages, not digests")),
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Permit({} of {})", self.payloads.len(), self.key)
    }
}
