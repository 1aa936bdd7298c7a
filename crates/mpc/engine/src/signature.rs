//! Signatures that exist because they verify.

use crate::{Failure, KeyPublic, Payload, Tweak};

/// A signature that was verified against the key it is for; nothing else makes one (N-43).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    bytes: Vec<u8>,
    recovery_id: Option<u8>,
}

impl Signature {
    /// 64 bytes: r and s big-endian (ECDSA, s in the lower half), BIP-340, or RFC 8032.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// 0 to 3, for ECDSA only: with it the key can be computed from the signature.
    pub fn recovery_id(&self) -> Option<u8> {
        self.recovery_id
    }
}

/// Verifies a signature of a key.
///
/// # Errors
/// It does not verify, or is not in its one form; the fault of whoever supplied it.
pub fn verify(
    public: &KeyPublic,
    tweak: Tweak,
    payload: &Payload,
    bytes: &[u8],
) -> Result<Signature, Failure> {
    let _ = (public, tweak, payload, bytes);
    todo!()
}

/// The key that signatures verify under: the public key, or the Taproot output key.
pub fn output_key(public: &KeyPublic, tweak: Tweak) -> Vec<u8> {
    let _ = (public, tweak);
    todo!()
}
