//! Ed25519 without its loose ends (IDN-04).

use crate::{KeyError, SignatureError};
use ed25519_dalek::{Signature, VerifyingKey};

/// A public key whose point is canonical, on the curve, of prime order and not the identity
/// (N-08): the keys that generation can produce, and no others.
pub(crate) fn key_from_bytes(bytes: &[u8; 32]) -> Result<VerifyingKey, KeyError> {
    let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError)?;
    let point = key.to_edwards();
    let canonical = point.compress().as_bytes() == bytes;
    if canonical && point.is_torsion_free() && !key.is_weak() { Ok(key) } else { Err(KeyError) }
}

/// Verifies strictly: canonical `s`, no small-order `R`, the equation without cofactor.
pub(crate) fn verify(
    key: &VerifyingKey,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    let signature = Signature::from_slice(signature).map_err(|_| SignatureError)?;
    key.verify_strict(message, &signature).map_err(|_| SignatureError)
}

#[cfg(test)]
mod tests {
    use super::*;
    use curve25519_dalek::constants::EIGHT_TORSION;
    use curve25519_dalek::scalar::Scalar;
    use curve25519_dalek::{EdwardsPoint, traits::Identity};
    use ed25519_dalek::{Signer, SigningKey};

    #[test]
    fn neg_008_small_and_mixed_order_keys_are_refused() {
        let honest = SigningKey::from_bytes(&[7; 32]).verifying_key();
        assert!(key_from_bytes(honest.as_bytes()).is_ok());
        for torsion in EIGHT_TORSION {
            assert_eq!(key_from_bytes(torsion.compress().as_bytes()), Err(KeyError));
            if torsion != EdwardsPoint::identity() {
                let mixed = honest.to_edwards() + torsion;
                assert_eq!(key_from_bytes(mixed.compress().as_bytes()), Err(KeyError));
            }
        }
    }

    #[test]
    fn neg_009_keys_off_the_curve_and_second_encodings_are_refused() {
        // y = 2 is not on the curve; p + 1 is a second encoding of y = 1.
        let mut off_curve = [0; 32];
        off_curve[0] = 2;
        let mut second = [0xff; 32];
        (second[0], second[31]) = (0xee, 0x7f);
        for bytes in [off_curve, second] {
            assert_eq!(key_from_bytes(&bytes), Err(KeyError));
        }
    }

    #[test]
    fn neg_009_a_scalar_above_the_order_is_refused() {
        let secret = SigningKey::from_bytes(&[7; 32]);
        let signature = secret.sign(b"message").to_bytes();
        let key = secret.verifying_key();
        assert_eq!(verify(&key, b"message", &signature), Ok(()));

        // s + l verifies in a careless verifier: the order l, little-endian, is added by hand.
        let order = (Scalar::ZERO - Scalar::ONE).to_bytes();
        let mut carry = 1_u16;
        let mut forged = signature;
        for (byte, order) in forged[32..].iter_mut().zip(order) {
            let sum = u16::from(*byte) + u16::from(order) + carry;
            (*byte, carry) = (sum as u8, sum >> 8);
        }
        assert_eq!(verify(&key, b"message", &forged), Err(SignatureError));
        assert_eq!(verify(&key, b"message", &signature[..63]), Err(SignatureError));
    }
}
