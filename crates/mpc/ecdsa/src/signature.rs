//! ECDSA signatures that exist because they verify.

use crate::EcdsaError;
use k256::ecdsa::signature::hazmat::PrehashVerifier;
use k256::ecdsa::{RecoveryId, Signature as Library, VerifyingKey};
use k256::elliptic_curve::scalar::IsHigh;
use quorate_curve::{NonIdentity, Secp256k1};

/// A signature that was verified; nothing but [`verify`] makes one (ECD-14, N-43). Public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    bytes: [u8; 64],
    recovery_id: u8,
}

impl Signature {
    /// r and s, 32 bytes big-endian each; s lies in the lower half.
    pub fn bytes(&self) -> &[u8; 64] {
        &self.bytes
    }

    /// 0 to 3: bit 0 is the parity of the nonce point, bit 1 whether its x is above the order.
    pub fn recovery_id(&self) -> u8 {
        self.recovery_id
    }
}

/// Verifies the one form of a signature over a 32-byte digest: r and s canonical and not zero, s
/// in the lower half (N-11, N-12). The recovery id is computed here, never taken from anybody.
///
/// # Errors
/// It does not verify; the fault of whoever supplied it, who is not known here.
pub fn verify(
    key: &NonIdentity<Secp256k1>,
    digest: &[u8; 32],
    bytes: &[u8],
) -> Result<Signature, EcdsaError> {
    let invalid = || EcdsaError::unattributed("the signature does not verify");
    let bytes: [u8; 64] = bytes.try_into().map_err(|_| invalid())?;
    let signature = Library::from_slice(&bytes).map_err(|_| invalid())?;
    if bool::from(signature.s().is_high()) {
        return Err(invalid());
    }
    let key = VerifyingKey::from_sec1_bytes(&key.to_bytes()).map_err(|_| invalid())?;
    key.verify_prehash(digest, &signature).map_err(|_| invalid())?;
    let recovery_id =
        RecoveryId::trial_recovery_from_prehash(&key, digest, &signature).map_err(|_| invalid())?;
    Ok(Signature { bytes, recovery_id: recovery_id.to_byte() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use k256::ecdsa::SigningKey;
    use k256::ecdsa::signature::hazmat::PrehashSigner;

    const DIGEST: [u8; 32] = [7; 32];

    fn signed(secret: u8) -> (NonIdentity<Secp256k1>, Library) {
        let key = SigningKey::from_slice(&[secret; 32]).unwrap();
        let public = key.verifying_key().to_encoded_point(true);
        let signature: Library = key.sign_prehash(&DIGEST).unwrap();
        (NonIdentity::from_bytes(public.as_bytes()).unwrap(), signature)
    }

    /// ECD-14.
    #[test]
    fn neg_011_only_low_s_verifies_and_the_recovery_id_finds_the_key() {
        for secret in 1..20 {
            let (key, signature) = signed(secret);
            let verified = verify(&key, &DIGEST, &signature.to_bytes()).unwrap();
            let id = RecoveryId::from_byte(verified.recovery_id()).unwrap();
            let found = VerifyingKey::recover_from_prehash(&DIGEST, &signature, id).unwrap();
            assert_eq!(found.to_encoded_point(true).as_bytes(), key.to_bytes());
            let (r, s) = signature.split_scalars();
            let high = Library::from_scalars(r, -s).unwrap();
            assert!(verify(&key, &DIGEST, &high.to_bytes()).is_err());
        }
    }

    /// ECD-14: a zero r or s is no signature; the session fails and a fresh one is made.
    #[test]
    fn neg_012_zero_and_unreduced_values_are_no_signature() {
        let (key, signature) = signed(1);
        let bytes: [u8; 64] = signature.to_bytes().into();
        for half in [0, 32] {
            for value in [0x00, 0xff] {
                let mut changed = bytes;
                changed[half..half + 32].fill(value);
                assert!(verify(&key, &DIGEST, &changed).is_err());
            }
        }
    }

    /// ECD-14.
    #[test]
    fn neg_043_what_does_not_verify_is_no_signature() {
        let (key, signature) = signed(1);
        let bytes: [u8; 64] = signature.to_bytes().into();
        assert!(verify(&signed(2).0, &DIGEST, &bytes).is_err());
        assert!(verify(&key, &[8; 32], &bytes).is_err());
        assert!(verify(&key, &DIGEST, &bytes[..63]).is_err());
        for byte in 0..64 {
            let mut changed = bytes;
            changed[byte] ^= 1;
            assert!(verify(&key, &DIGEST, &changed).is_err(), "byte {byte}");
        }
    }
}
