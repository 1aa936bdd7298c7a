//! The curves, and who verifies for each: another library than the one that signs.

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use quorate_curve::{NonIdentity, P256, Secp256k1};
use quorate_pair::product::ProductCurve;
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use std::sync::OnceLock;

/// A curve on which ECDSA signs.
pub trait EcdsaCurve: ProductCurve {
    /// Whether signatures have a recovery id, with which the key follows from them.
    const RECOVERS: bool;

    /// Whether r and s, not zero and below the order, are a signature of `key` over a digest; where
    /// there are recovery ids, of a nonce point with this one: bit 0 the parity of its y, bit 1
    /// whether its x is above the order.
    fn is_signature(key: &NonIdentity<Self>, digest: &[u8; 32], bytes: &[u8; 64], id: u8) -> bool;
}

impl EcdsaCurve for Secp256k1 {
    const RECOVERS: bool = true;

    /// The key that follows from signature, digest and id is the key: that is the equation of
    /// verification. libsecp256k1 computes it.
    fn is_signature(key: &NonIdentity<Self>, digest: &[u8; 32], bytes: &[u8; 64], id: u8) -> bool {
        static VERIFIER: OnceLock<secp256k1::Secp256k1<secp256k1::VerifyOnly>> = OnceLock::new();
        let verifier = VERIFIER.get_or_init(secp256k1::Secp256k1::verification_only);
        let recovered = RecoveryId::from_i32(id.into())
            .and_then(|id| RecoverableSignature::from_compact(bytes, id))
            .and_then(|signature| {
                verifier.recover_ecdsa(&secp256k1::Message::from_digest(*digest), &signature)
            });
        recovered.is_ok_and(|found| found.serialize() == key.to_bytes().as_slice())
    }
}

impl EcdsaCurve for P256 {
    const RECOVERS: bool = false;

    fn is_signature(key: &NonIdentity<Self>, digest: &[u8; 32], bytes: &[u8; 64], _: u8) -> bool {
        let verified = || {
            let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&key.to_bytes()).ok()?;
            let signature = p256::ecdsa::Signature::from_slice(bytes).ok()?;
            key.verify_prehash(digest, &signature).ok()
        };
        verified().is_some()
    }
}
