//! The key that an intent would be signed with, and the verification of what it signed.

use crate::address::taproot_output_key;
use crate::decoded::SigningPayload;
use crate::error::IntentError;
use k256::ecdsa::VerifyingKey;
use k256::ecdsa::signature::hazmat::PrehashVerifier;
use k256::schnorr;
use quorate_identity::Scheme;
use secp256k1::ecdsa::{self, RecoverableSignature, RecoveryId};
use secp256k1::{Message, Secp256k1, VerifyOnly};
use std::sync::OnceLock;

/// What a decoder must know of a key: its scheme and public key, 33 bytes compressed SEC 1 for
/// ECDSA on either curve, 32 bytes x-only for BIP-340, 32 bytes for Ed25519. Public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFacts {
    /// The scheme.
    pub scheme: Scheme,
    /// The public key in its encoding.
    pub public_key: Vec<u8>,
}

/// A key that is valid for its scheme.
#[derive(Debug, Clone)]
pub(crate) enum Key {
    Ecdsa(VerifyingKey),
    Bip340 { internal: [u8; 32], output: [u8; 32] },
    Ed25519(ed25519_dalek::VerifyingKey),
    EcdsaP256(p256::ecdsa::VerifyingKey),
}

/// A signature that verified under the key over its payload: 64 bytes, and for ECDSA on secp256k1
/// the recovery id 0 or 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Verified {
    pub bytes: [u8; 64],
    pub recovery_id: u8,
}

impl Key {
    pub fn new(facts: &KeyFacts) -> Result<Self, IntentError> {
        let wrong = || IntentError::Key(facts.scheme);
        let bytes = facts.public_key.as_slice();
        match facts.scheme {
            Scheme::EcdsaSecp256k1 => {
                let key = VerifyingKey::from_sec1_bytes(bytes).ok().filter(|_| bytes.len() == 33);
                key.map(Self::Ecdsa).ok_or_else(wrong)
            }
            Scheme::Bip340 => {
                let internal = bytes.try_into().map_err(|_| wrong())?;
                let output = taproot_output_key(&internal)?;
                Ok(Self::Bip340 { internal, output })
            }
            Scheme::Ed25519 => {
                let array = bytes.try_into().map_err(|_| wrong())?;
                let key = ed25519_dalek::VerifyingKey::from_bytes(array).map_err(|_| wrong())?;
                let point = key.to_edwards();
                let canonical = point.compress().as_bytes() == array;
                let sound = canonical && point.is_torsion_free() && !key.is_weak();
                if sound { Ok(Self::Ed25519(key)) } else { Err(wrong()) }
            }
            Scheme::EcdsaP256 => {
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(bytes).ok();
                let key = key.filter(|_| bytes.len() == 33);
                key.map(Self::EcdsaP256).ok_or_else(wrong)
            }
        }
    }

    pub fn scheme(&self) -> Scheme {
        match self {
            Self::Ecdsa(_) => Scheme::EcdsaSecp256k1,
            Self::Bip340 { .. } => Scheme::Bip340,
            Self::Ed25519(_) => Scheme::Ed25519,
            Self::EcdsaP256(_) => Scheme::EcdsaP256,
        }
    }

    /// The public key in its encoding.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Ecdsa(key) => key.to_encoded_point(true).as_bytes().to_vec(),
            Self::Bip340 { internal, .. } => internal.to_vec(),
            Self::Ed25519(key) => key.to_bytes().to_vec(),
            Self::EcdsaP256(key) => key.to_encoded_point(true).as_bytes().to_vec(),
        }
    }

    /// The ECDSA key on secp256k1, for kinds that need one.
    pub fn ecdsa(&self, kind: &'static str) -> Result<&VerifyingKey, IntentError> {
        match self {
            Self::Ecdsa(key) => Ok(key),
            _ => Err(self.unfit(kind, "ecdsa-secp256k1")),
        }
    }

    /// The error that this key's scheme cannot sign a kind.
    pub fn unfit(&self, kind: &'static str, needed: &'static str) -> IntentError {
        IntentError::Scheme { kind, scheme: self.scheme(), needed }
    }

    /// Verifies one signature over one payload (INT-08). ECDSA signatures must have a low s, and
    /// on secp256k1 recover to this very key; the recovery id is found here and a given one must be
    /// it. On P-256 there is none.
    pub fn verify(
        &self,
        payload: &SigningPayload,
        tweaked: bool,
        (bytes, recovery_id): &([u8; 64], Option<u8>),
    ) -> Option<Verified> {
        match (self, payload) {
            (Self::Ecdsa(key), SigningPayload::Digest(digest)) => {
                let recovery_id = recovery(key, digest, bytes, *recovery_id)?;
                Some(Verified { bytes: *bytes, recovery_id })
            }
            (Self::Bip340 { internal, output }, SigningPayload::Digest(digest)) => {
                let key = if tweaked { output } else { internal };
                let key = schnorr::VerifyingKey::from_bytes(key).ok()?;
                let signature = schnorr::Signature::try_from(bytes.as_slice()).ok()?;
                key.verify_prehash(digest, &signature).ok()?;
                Some(Verified { bytes: *bytes, recovery_id: 0 })
            }
            (Self::Ed25519(key), SigningPayload::Message(message)) => {
                key.verify_strict(message, &ed25519_dalek::Signature::from_bytes(bytes)).ok()?;
                Some(Verified { bytes: *bytes, recovery_id: 0 })
            }
            (Self::EcdsaP256(key), SigningPayload::Digest(digest)) => {
                let signature = p256::ecdsa::Signature::from_slice(bytes).ok()?;
                let is_only_form = signature.normalize_s().is_none() && recovery_id.is_none();
                key.verify_prehash(digest, &signature).ok().filter(|()| is_only_form)?;
                Some(Verified { bytes: *bytes, recovery_id: 0 })
            }
            _ => None,
        }
    }
}

/// The recovery id under which a signature with a low s recovers to `key`: the equation of
/// verification, which libsecp256k1 computes.
fn recovery(
    key: &VerifyingKey,
    digest: &[u8; 32],
    bytes: &[u8; 64],
    given: Option<u8>,
) -> Option<u8> {
    static VERIFIER: OnceLock<Secp256k1<VerifyOnly>> = OnceLock::new();
    let verifier = VERIFIER.get_or_init(Secp256k1::verification_only);
    let signature = ecdsa::Signature::from_compact(bytes).ok()?;
    let mut low = signature;
    low.normalize_s();
    if low != signature {
        return None;
    }
    let key = key.to_encoded_point(true);
    // An x-coordinate above the group order (ids 2 and 3) no chain accepts; it never happens.
    let mut ids = (0..2).filter(|id| given.is_none_or(|given| given == *id));
    ids.find(|id| {
        let found = RecoveryId::from_i32((*id).into())
            .and_then(|id| RecoverableSignature::from_compact(bytes, id))
            .and_then(|it| verifier.recover_ecdsa(&Message::from_digest(*digest), &it));
        found.is_ok_and(|found| found.serialize() == key.as_bytes())
    })
}
