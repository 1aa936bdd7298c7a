//! From bytes to meaning and from signatures to what the requester wanted: everybody who
//! receives a signature verifies it (SES-09).

use crate::limits;
use crate::wire::SignatureBytes;
use quorate_intent::{Artifact, Decoded, Intent, KeyFacts};

/// Reads an intent for a key.
///
/// # Errors
/// Why the bytes mean nothing here, in words; unreadable means denied.
pub(crate) fn decode(intent: &Intent, key: &KeyFacts) -> Result<Decoded, String> {
    let decoded = intent.decode(key).map_err(|error| error.to_string())?;
    let count = decoded.signing_payloads().len();
    if count == 0 || count > limits::PAYLOADS_MAX {
        return Err(format!("{count} signatures; one to {} are possible", limits::PAYLOADS_MAX));
    }
    Ok(decoded)
}

/// Verifies the signatures under the key that the intent was decoded for, and builds the
/// artifact.
///
/// # Errors
/// Which signature does not verify, in words; the fault of whoever sent it.
pub(crate) fn finish(decoded: &Decoded, signatures: &[SignatureBytes]) -> Result<Artifact, String> {
    let signatures = signatures.iter().map(|signature| {
        let bytes = <[u8; 64]>::try_from(signature.bytes.as_slice()).ok()?;
        Some((bytes, signature.recovery_id))
    });
    let signatures = signatures.collect::<Option<Vec<_>>>().ok_or("not 64 bytes")?;
    decoded.finish(&signatures).map_err(|error| error.to_string())
}
