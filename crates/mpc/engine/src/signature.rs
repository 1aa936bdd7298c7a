//! Signatures that exist because they verify.

use crate::key::{Half, PublicHalf};
use crate::{Failure, KeyPublic, Payload, Tweak};
use quorate_curve::{NonIdentity, Secp256k1};
use quorate_identity::Scheme;
use quorate_schnorr::{Bip340, Ed25519};

/// A signature that was verified against the key it is for. Only the verifiers of the two
/// signing crates make what it is made of (ENG-09, N-43).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    bytes: [u8; 64],
    recovery_id: Option<u8>,
}

impl Signature {
    /// 64 bytes: r and s big-endian (ECDSA, s in the lower half), BIP-340, or RFC 8032.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// 0 to 3, for ECDSA on secp256k1 only: with it the key can be computed from the signature.
    pub fn recovery_id(&self) -> Option<u8> {
        self.recovery_id
    }
}

impl From<quorate_ecdsa::Signature> for Signature {
    fn from(verified: quorate_ecdsa::Signature) -> Self {
        Self { bytes: *verified.bytes(), recovery_id: verified.recovery_id() }
    }
}

impl From<quorate_schnorr::Signature> for Signature {
    fn from(verified: quorate_schnorr::Signature) -> Self {
        Self { bytes: *verified.bytes(), recovery_id: None }
    }
}

/// Verifies a signature of a key, strictly, in its one form.
///
/// # Errors
/// It does not verify: the fault of whoever supplied it, who is not known here. A payload or
/// tweak that the scheme does not sign: [`crate::Fault::Caller`].
pub fn verify(
    public: &KeyPublic,
    tweak: Tweak,
    payload: &Payload,
    bytes: &[u8],
) -> Result<Signature, Failure> {
    check_tweak(public.scheme(), tweak)?;
    match &public.half {
        PublicHalf::Ed25519(half) => {
            let message = payload.message()?;
            let tweak = tweak.schnorr();
            Ok(quorate_schnorr::verify::<Ed25519>(&half.public_key, tweak, message, bytes)?.into())
        }
        PublicHalf::Secp256k1(half) => verify_digest(public.scheme(), half, tweak, payload, bytes),
        PublicHalf::P256(half) => {
            Ok(quorate_ecdsa::verify(&half.public_key, &payload.digest()?, bytes)?.into())
        }
    }
}

/// The key that signatures verify under: the public key, or the Taproot output key (32 bytes
/// x-only).
pub fn output_key(public: &KeyPublic, tweak: Tweak) -> Vec<u8> {
    match (tweak, &public.half) {
        (Tweak::TaprootKeyPath, PublicHalf::Secp256k1(half))
            if public.scheme() == Scheme::Bip340 =>
        {
            // `None` by a chance of 2^-128, and then nothing verifies under an empty key.
            quorate_schnorr::taproot_output_key(&half.public_key).map_or(Vec::new(), Vec::from)
        }
        _ => public.public_key(),
    }
}

fn verify_digest(
    scheme: Scheme,
    half: &Half<Secp256k1>,
    tweak: Tweak,
    payload: &Payload,
    bytes: &[u8],
) -> Result<Signature, Failure> {
    let digest = payload.digest()?;
    if scheme == Scheme::EcdsaSecp256k1 {
        return Ok(quorate_ecdsa::verify(&half.public_key, &digest, bytes)?.into());
    }
    let tweak = tweak.schnorr();
    Ok(quorate_schnorr::verify::<Bip340>(&half.public_key, tweak, &digest, bytes)?.into())
}

/// Only BIP-340 keys are tweaked.
pub(crate) fn check_tweak(scheme: Scheme, tweak: Tweak) -> Result<(), Failure> {
    match (scheme, tweak) {
        (Scheme::Bip340, _) | (_, Tweak::None) => Ok(()),
        (_, Tweak::TaprootKeyPath) => {
            Err(Failure::caller("only BIP-340 keys have a Taproot tweak"))
        }
    }
}

/// The x-coordinate, which stands for the point of even y.
pub(crate) fn x_only(key: &NonIdentity<Secp256k1>) -> Vec<u8> {
    key.to_bytes().split_off(1)
}
