//! BIP-340 on secp256k1, with the key path of BIP-341: the suite that `frost-secp256k1-tr` calls
//! `FROST-secp256k1-SHA256-TR-v1`, which is that of RFC 9591, section 6.5, but for points that stand
//! for what has even y, and for the challenge.

use crate::suite::{SigningKey, Suite, Tweak};
use k256::elliptic_curve::hash2curve::{ExpandMsg, ExpandMsgXmd, Expander};
use quorate_curve::{NonIdentity, Point, Scalar, Secp256k1};
use secp256k1::{Message, VerifyOnly, XOnlyPublicKey, schnorr::Signature};
use sha2::{Digest, Sha256};
use std::sync::OnceLock;

/// BIP-340: messages of 32 bytes; keys by their x-coordinate, which stands for the point of even
/// y (SCH-10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bip340;

impl Suite for Bip340 {
    type Curve = Secp256k1;
    const CONTEXT: &'static str = "FROST-secp256k1-SHA256-TR-v1";

    fn admits(message: &[u8], _: Tweak) -> bool {
        message.len() == 32
    }

    /// `hash_to_field` of RFC 9380, section 5.2, with `expand_message_xmd` and SHA-256: 48 bytes
    /// modulo the order.
    fn binding_factor(parts: &[&[u8]]) -> Scalar<Secp256k1> {
        let mut wide = [0; 64];
        let tag = [Self::CONTEXT.as_bytes(), b"rho"];
        // It fails for tags and lengths that are none of these.
        if let (Ok(mut expanded), Some(low)) = (
            ExpandMsgXmd::<Sha256>::expand_message(parts, &tag, HASH_TO_FIELD_BYTES),
            wide.last_chunk_mut::<HASH_TO_FIELD_BYTES>(),
        ) {
            expanded.fill_bytes(low);
        }
        Scalar::from_wide(&wide)
    }

    fn condensed(name: &str, parts: &[&[u8]]) -> Vec<u8> {
        let hash = Sha256::new().chain_update(Self::CONTEXT).chain_update(name);
        parts.iter().fold(hash, |hash, part| hash.chain_update(part)).finalize().to_vec()
    }

    fn challenge(nonce: &[u8], key: &[u8], message: &[u8]) -> Scalar<Secp256k1> {
        let x = |encoded: &[u8]| encoded.last_chunk::<32>().copied().unwrap_or_default();
        Scalar::reduced(&tagged("BIP0340/challenge", &[&x(nonce), &x(key), message]))
    }

    fn is_negated(encoded: &[u8]) -> bool {
        encoded.first() == Some(&ODD)
    }

    fn signing_key(key: &NonIdentity<Secp256k1>, tweak: Tweak) -> Option<SigningKey<Secp256k1>> {
        let addend = match tweak {
            Tweak::None => Scalar::zero(),
            Tweak::TaprootKeyPath => taproot_tweak(key)?,
        };
        let is_odd = Self::is_negated(&key.to_bytes());
        let tweaked = even(key.point(), is_odd) + addend.commit();
        let is_odd_tweaked = Self::is_negated(&tweaked.non_identity().ok()?.to_bytes());
        Some(SigningKey {
            point: even(tweaked, is_odd_tweaked).non_identity().ok()?,
            is_negated: is_odd != is_odd_tweaked,
            addend: if is_odd_tweaked { Scalar::zero() - addend } else { addend },
        })
    }

    /// By libsecp256k1, under the output key that [`taproot_output_key`] finds.
    fn verifies(
        key: &NonIdentity<Secp256k1>,
        tweak: Tweak,
        message: &[u8],
        signature: &[u8; 64],
    ) -> bool {
        static VERIFIER: OnceLock<secp256k1::Secp256k1<VerifyOnly>> = OnceLock::new();
        let verifier = VERIFIER.get_or_init(secp256k1::Secp256k1::verification_only);
        let verified = || {
            let output_key = match tweak {
                Tweak::None => x_only(key)?,
                Tweak::TaprootKeyPath => taproot_output_key(key)?,
            };
            let key = XOnlyPublicKey::from_slice(&output_key).ok()?;
            let signature = Signature::from_slice(signature).ok()?;
            let message = Message::from_digest(message.try_into().ok()?);
            verifier.verify_schnorr(&signature, &message, &key).ok()
        };
        verified().is_some()
    }
}

/// L of RFC 9380: bytes of which an integer modulo the order is made.
const HASH_TO_FIELD_BYTES: usize = 48;

/// The first byte of an encoding (SEC1, compressed) with odd y.
const ODD: u8 = 3;

/// The output key of BIP-341 without scripts, x-only: the even-y point of the key plus
/// H_TapTweak(x(P)) G (SCH-11, N-28). `None` by a chance of 2^-128.
pub fn taproot_output_key(key: &NonIdentity<Secp256k1>) -> Option<[u8; 32]> {
    x_only(&Bip340::signing_key(key, Tweak::TaprootKeyPath)?.point)
}

/// H_TapTweak(x(P)), with no scripts: an empty Merkle root adds nothing to the hash (BIP-86).
fn taproot_tweak(key: &NonIdentity<Secp256k1>) -> Option<Scalar<Secp256k1>> {
    Scalar::from_bytes(&tagged("TapTweak", &[&x_only(key)?])).ok()
}

/// The tagged hash of BIP-340.
fn tagged(tag: &str, parts: &[&[u8]]) -> [u8; 32] {
    let tag = Sha256::digest(tag);
    let hash = Sha256::new().chain_update(tag).chain_update(tag);
    parts.iter().fold(hash, |hash, part| hash.chain_update(part)).finalize().into()
}

/// Of a point and its negative the one with even y.
fn even(point: Point<Secp256k1>, is_odd: bool) -> Point<Secp256k1> {
    if is_odd { -point } else { point }
}

fn x_only(key: &NonIdentity<Secp256k1>) -> Option<[u8; 32]> {
    key.to_bytes().last_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_codec::hex;

    /// SCH-11: the first vector of BIP-341 (`wallet-test-vectors.json`) and the first address of
    /// BIP-86, neither with scripts; the key's own parity plays no part.
    #[test]
    fn neg_028_the_output_key_is_that_of_bip_341() {
        let vectors = [
            (
                "d6889cb081036e0faefa3a35157ad71086b123b2b144b649798b494c300a961d",
                "53a1f6e454df1aa2776a2814a721372d6258050de330b3c6d10ee8f4e0dda343",
            ),
            (
                "cc8a4bc64d897bddc5fbc2f670f7a8ba0b386779106cf1223c6fc5d7cd6fc115",
                "a60869f0dbcf1dc659c9cecbaf8050135ea9e8cdc487053f1dc6880949dc684c",
            ),
        ];
        for (internal, output) in vectors {
            for parity in ["02", "03"] {
                let key = hex::decode(&format!("0x{parity}{internal}")).unwrap();
                let key = NonIdentity::from_bytes(&key).unwrap();
                let output_key = taproot_output_key(&key).unwrap();
                assert_eq!(hex::encode(&output_key), format!("0x{output}"));
            }
        }
    }
}
