//! BIP-340 on secp256k1, with the key path of BIP-341.

use crate::suite::{Suite, Tweak};
use frost_core::keys::{KeyPackage, PublicKeyPackage};
use frost_core::round1::SigningNonces;
use frost_core::round2::SignatureShare;
use frost_core::{Error, SigningPackage};
use frost_secp256k1_tr::Secp256K1Sha256TR;
use frost_secp256k1_tr::keys::Tweak as _;
use k256::elliptic_curve::sec1::FromEncodedPoint;
use k256::schnorr::{Signature, VerifyingKey};
use k256::{AffinePoint, EncodedPoint, ProjectivePoint};
use quorate_curve::{NonIdentity, Scalar, Secp256k1};
use sha2::{Digest, Sha256};

/// BIP-340: messages of 32 bytes; keys by their x-coordinate, which stands for the point of even
/// y (SCH-10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bip340;

/// No scripts: an empty Merkle root, which adds nothing to the tweak's hash (BIP-86).
const NO_SCRIPTS: &[u8] = &[];

impl Suite for Bip340 {
    type Curve = Secp256k1;
    type Library = Secp256K1Sha256TR;

    fn admits(message: &[u8], _: Tweak) -> bool {
        message.len() == 32
    }

    fn element(point: &NonIdentity<Secp256k1>) -> ProjectivePoint {
        // What was made from these very bytes is a point; a default could not sign anything.
        let encoded = EncodedPoint::from_bytes(point.to_bytes()).unwrap_or_default();
        let point = Option::<AffinePoint>::from(AffinePoint::from_encoded_point(&encoded));
        point.unwrap_or_default().into()
    }

    fn sign(
        package: &SigningPackage<Secp256K1Sha256TR>,
        nonces: &SigningNonces<Secp256K1Sha256TR>,
        key: &KeyPackage<Secp256K1Sha256TR>,
        tweak: Tweak,
    ) -> Result<SignatureShare<Secp256K1Sha256TR>, Error<Secp256K1Sha256TR>> {
        match tweak {
            Tweak::None => frost_core::round2::sign(package, nonces, key),
            Tweak::TaprootKeyPath => {
                frost_secp256k1_tr::round2::sign_with_tweak(package, nonces, key, Some(NO_SCRIPTS))
            }
        }
    }

    fn tweaked(
        keys: PublicKeyPackage<Secp256K1Sha256TR>,
        tweak: Tweak,
    ) -> PublicKeyPackage<Secp256K1Sha256TR> {
        match tweak {
            Tweak::None => keys,
            Tweak::TaprootKeyPath => keys.tweak(Some(NO_SCRIPTS)),
        }
    }

    fn verifies(
        key: &NonIdentity<Secp256k1>,
        tweak: Tweak,
        message: &[u8],
        signature: &[u8; 64],
    ) -> bool {
        let output_key = match tweak {
            Tweak::None => x_only(key),
            Tweak::TaprootKeyPath => taproot_output_key(key),
        };
        let Some(output_key) = output_key else { return false };
        let (Ok(key), Ok(signature)) =
            (VerifyingKey::from_bytes(&output_key), Signature::try_from(signature.as_slice()))
        else {
            return false;
        };
        key.verify_raw(message, &signature).is_ok()
    }
}

/// The output key of BIP-341 without scripts, x-only: the even-y point of the key plus
/// H_TapTweak(x) · G (SCH-11, N-28). Computed here, from BIP-341, not by the library that signs.
/// `None` by a chance of 2^-128.
pub fn taproot_output_key(key: &NonIdentity<Secp256k1>) -> Option<[u8; 32]> {
    let x = x_only(key)?;
    let tag = Sha256::digest(b"TapTweak");
    let hash = Sha256::new().chain_update(tag).chain_update(tag).chain_update(x).finalize();
    let tweak: Scalar<Secp256k1> = Scalar::from_bytes(&hash).ok()?;
    let mut even = [2; 33];
    even.get_mut(1..)?.copy_from_slice(&x);
    let lifted: NonIdentity<Secp256k1> = NonIdentity::from_bytes(&even).ok()?;
    x_only(&(lifted.point() + tweak.commit()).non_identity().ok()?)
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
