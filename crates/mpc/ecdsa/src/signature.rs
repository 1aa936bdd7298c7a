//! ECDSA signatures that exist because they verify.

use crate::{EcdsaCurve, EcdsaError};
use quorate_curve::{NonIdentity, Scalar};

/// A signature that was verified; nothing but this module makes one (ECD-12, N-43). Public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    bytes: [u8; 64],
    recovery_id: Option<u8>,
}

impl Signature {
    /// r and s, 32 bytes big-endian each; s lies in the lower half.
    pub fn bytes(&self) -> &[u8; 64] {
        &self.bytes
    }

    /// 0 to 3, on secp256k1: bit 0 is the parity of the nonce point, bit 1 whether its x is above
    /// the order.
    pub fn recovery_id(&self) -> Option<u8> {
        self.recovery_id
    }

    /// The signature with this r and s of a nonce point with this recovery id, s taken to the lower
    /// half, if it verifies.
    pub(crate) fn assemble<C: EcdsaCurve>(
        key: &NonIdentity<C>,
        digest: &[u8; 32],
        r: Scalar<C>,
        s: Scalar<C>,
        recovery_id: u8,
    ) -> Option<Self> {
        let (s, recovery_id) = match is_high(s) {
            true => (Scalar::zero() - s, recovery_id ^ 1),
            false => (s, recovery_id),
        };
        Self::check(key, digest, r, s, recovery_id)
    }

    fn check<C: EcdsaCurve>(
        key: &NonIdentity<C>,
        digest: &[u8; 32],
        r: Scalar<C>,
        s: Scalar<C>,
        recovery_id: u8,
    ) -> Option<Self> {
        let zero = Scalar::zero();
        let mut bytes = [0; 64];
        for (to, from) in bytes.iter_mut().zip(r.to_bytes().into_iter().chain(s.to_bytes())) {
            *to = from;
        }
        let holds = r != zero
            && s != zero
            && !is_high(s)
            && C::is_signature(key, digest, &bytes, recovery_id);
        holds.then_some(Self { bytes, recovery_id: C::RECOVERS.then_some(recovery_id) })
    }
}

/// Whether a scalar is the larger one of itself and its negative.
fn is_high<C: EcdsaCurve>(s: Scalar<C>) -> bool {
    s.to_bytes() > (Scalar::zero() - s).to_bytes()
}

/// Verifies the one form of a signature over a 32-byte digest: r and s canonical and not zero, s
/// in the lower half (N-11, N-12). The recovery id is found here, never taken from anybody.
///
/// # Errors
/// It does not verify; the fault of whoever supplied it, who is not known here.
pub fn verify<C: EcdsaCurve>(
    key: &NonIdentity<C>,
    digest: &[u8; 32],
    bytes: &[u8],
) -> Result<Signature, EcdsaError> {
    let found = || {
        let (r, s) = bytes.split_at_checked(32)?;
        let (r, s) = (Scalar::from_bytes(r).ok()?, Scalar::from_bytes(s).ok()?);
        let ids = if C::RECOVERS { 0..4 } else { 0..1 };
        ids.into_iter().find_map(|id| Signature::check(key, digest, r, s, id))
    };
    found().ok_or_else(|| EcdsaError::unattributed("the signature does not verify"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use k256::ecdsa::signature::hazmat::PrehashSigner;
    use quorate_curve::{P256, Secp256k1};

    const DIGEST: [u8; 32] = [7; 32];

    macro_rules! signed {
        ($library:ident, $curve:ty, $secret:expr) => {{
            let key = $library::ecdsa::SigningKey::from_slice(&[$secret; 32]).unwrap();
            let public = key.verifying_key().to_encoded_point(true);
            let signature: $library::ecdsa::Signature = key.sign_prehash(&DIGEST).unwrap();
            let signature = signature.normalize_s().unwrap_or(signature);
            let public = NonIdentity::<$curve>::from_bytes(public.as_bytes()).unwrap();
            (public, <[u8; 64]>::from(signature.to_bytes()))
        }};
    }

    fn refused<C: EcdsaCurve>(key: &NonIdentity<C>, other: &NonIdentity<C>, good: [u8; 64]) {
        assert_eq!(verify(key, &DIGEST, &good).unwrap().bytes(), &good);
        // ECD-12: the other s.
        let s = Scalar::<C>::from_bytes(&good[32..]).unwrap();
        let high = [&good[..32], &(Scalar::zero() - s).to_bytes()].concat();
        assert!(verify(key, &DIGEST, &high).is_err());
        // Zero, and what is not reduced.
        for half in [0, 32] {
            for value in [0x00, 0xff] {
                let mut changed = good;
                changed[half..half + 32].fill(value);
                assert!(verify(key, &DIGEST, &changed).is_err());
            }
        }
        // Another key, digest or length, and any byte.
        assert!(verify(other, &DIGEST, &good).is_err());
        assert!(verify(key, &[8; 32], &good).is_err());
        assert!(verify(key, &DIGEST, &good[..63]).is_err());
        assert!(verify(key, &DIGEST, &[&good[..], &[0]].concat()).is_err());
        for byte in 0..64 {
            let mut changed = good;
            changed[byte] ^= 1;
            assert!(verify(key, &DIGEST, &changed).is_err(), "byte {byte}");
        }
    }

    /// ECD-12.
    #[test]
    fn neg_011_012_043_only_one_form_verifies_and_only_what_was_signed() {
        let ((key, good), (other, _)) = (signed!(k256, Secp256k1, 1), signed!(k256, Secp256k1, 2));
        refused(&key, &other, good);
        let ((key, good), (other, _)) = (signed!(p256, P256, 1), signed!(p256, P256, 2));
        refused(&key, &other, good);
    }

    /// ECD-12: the id that is found leads from the signature to the key, with another library.
    #[test]
    fn neg_011_the_recovery_id_finds_the_key() {
        let mut seen = [false; 2];
        for secret in 1..20 {
            let (key, bytes) = signed!(k256, Secp256k1, secret);
            let verified = verify(&key, &DIGEST, &bytes).unwrap();
            let id = verified.recovery_id().unwrap();
            seen[usize::from(id)] = true;
            let id = k256::ecdsa::RecoveryId::from_byte(id).unwrap();
            let signature = k256::ecdsa::Signature::from_slice(&bytes).unwrap();
            let found =
                k256::ecdsa::VerifyingKey::recover_from_prehash(&DIGEST, &signature, id).unwrap();
            assert_eq!(found.to_encoded_point(true).as_bytes(), key.to_bytes());
        }
        assert_eq!(seen, [true; 2]);
    }
}
