//! Ed25519 (RFC 8032), as FROST(Ed25519, SHA-512) of RFC 9591, section 6.1.

use crate::suite::{SigningKey, Suite, Tweak};
use ed25519_dalek::{Signature, VerifyingKey};
use quorate_curve::{NonIdentity, Scalar};
use sha2::{Digest, Sha512};

/// Ed25519: messages of any length (SCH-09).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ed25519;

type Curve = quorate_curve::Ed25519;

impl Suite for Ed25519 {
    type Curve = Curve;
    const CONTEXT: &'static str = "FROST-ED25519-SHA512-v1";

    fn admits(_: &[u8], tweak: Tweak) -> bool {
        tweak == Tweak::None
    }

    fn binding_factor(parts: &[&[u8]]) -> Scalar<Curve> {
        Scalar::from_wide(&hash(&[&[Self::CONTEXT.as_bytes(), b"rho"], parts].concat()))
    }

    fn condensed(name: &str, parts: &[&[u8]]) -> Vec<u8> {
        hash(&[&[Self::CONTEXT.as_bytes(), name.as_bytes()], parts].concat()).to_vec()
    }

    /// That of RFC 8032, without a context.
    fn challenge(nonce: &[u8], key: &[u8], message: &[u8]) -> Scalar<Curve> {
        Scalar::from_wide(&hash(&[nonce, key, message]))
    }

    fn is_negated(_: &[u8]) -> bool {
        false
    }

    fn signing_key(key: &NonIdentity<Curve>, _: Tweak) -> Option<SigningKey<Curve>> {
        Some(SigningKey { point: *key, is_negated: false, addend: Scalar::zero() })
    }

    /// Canonical A, R and s, no small order, and the equation without the cofactor: whatever
    /// passes here passes every verifier, the cofactored ones included (SCH-12, N-08).
    fn verifies(
        key: &NonIdentity<Curve>,
        tweak: Tweak,
        message: &[u8],
        signature: &[u8; 64],
    ) -> bool {
        let key = key.to_bytes();
        let Some(key) = key.first_chunk().and_then(|key| VerifyingKey::from_bytes(key).ok()) else {
            return false;
        };
        tweak == Tweak::None
            && key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

fn hash(parts: &[&[u8]]) -> [u8; 64] {
    parts.iter().fold(Sha512::new(), |hash, part| hash.chain_update(part)).finalize().into()
}
