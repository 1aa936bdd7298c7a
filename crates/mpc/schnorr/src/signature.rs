//! Schnorr signatures that exist because they verify.

use crate::{SchnorrError, Suite, Tweak};
use quorate_curve::NonIdentity;

/// A signature that was verified; nothing but [`verify`] makes one (SCH-12, N-43). Public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature([u8; 64]);

impl Signature {
    /// RFC 8032 or BIP-340.
    pub fn bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

/// Verifies a signature strictly against the key after its tweak.
///
/// # Errors
/// It does not verify; the fault of whoever supplied it, who is not known here.
pub fn verify<S: Suite>(
    key: &NonIdentity<S::Curve>,
    tweak: Tweak,
    message: &[u8],
    bytes: &[u8],
) -> Result<Signature, SchnorrError> {
    let invalid = || SchnorrError::unattributed("the signature does not verify");
    let bytes: [u8; 64] = bytes.try_into().map_err(|_| invalid())?;
    let holds = S::admits(message, tweak) && S::verifies(key, tweak, message, &bytes);
    if holds { Ok(Signature(bytes)) } else { Err(invalid()) }
}
