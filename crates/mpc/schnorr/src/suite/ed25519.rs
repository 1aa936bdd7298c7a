//! Ed25519 (RFC 8032), with FROST(Ed25519, SHA-512) of RFC 9591.

use crate::suite::{Suite, Tweak};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use ed25519_dalek::{Signature, VerifyingKey};
use frost_core::keys::{KeyPackage, PublicKeyPackage};
use frost_core::round1::SigningNonces;
use frost_core::round2::SignatureShare;
use frost_core::{Error, SigningPackage};
use frost_ed25519::Ed25519Sha512;
use quorate_curve::NonIdentity;

/// Ed25519: messages of any length (SCH-09).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ed25519;

impl Suite for Ed25519 {
    type Curve = quorate_curve::Ed25519;
    type Library = Ed25519Sha512;

    fn admits(_: &[u8], tweak: Tweak) -> bool {
        tweak == Tweak::None
    }

    fn element(point: &NonIdentity<quorate_curve::Ed25519>) -> EdwardsPoint {
        let encoded = CompressedEdwardsY::from_slice(&point.to_bytes());
        // What was made from these very bytes decompresses; a default could not sign anything.
        encoded.ok().and_then(|encoded| encoded.decompress()).unwrap_or_default()
    }

    fn sign(
        package: &SigningPackage<Ed25519Sha512>,
        nonces: &SigningNonces<Ed25519Sha512>,
        key: &KeyPackage<Ed25519Sha512>,
        _: Tweak,
    ) -> Result<SignatureShare<Ed25519Sha512>, Error<Ed25519Sha512>> {
        frost_core::round2::sign(package, nonces, key)
    }

    fn tweaked(keys: PublicKeyPackage<Ed25519Sha512>, _: Tweak) -> PublicKeyPackage<Ed25519Sha512> {
        keys
    }

    /// Canonical A, R and s, no small order, and the equation without the cofactor: whatever
    /// passes here passes every verifier, the cofactored ones included (SCH-12, N-08).
    fn verifies(
        key: &NonIdentity<quorate_curve::Ed25519>,
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
