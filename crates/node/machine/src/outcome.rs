//! From bytes to meaning and from signatures to what the requester wanted: everybody who
//! receives a signature verifies it (SES-09).

use crate::limits;
use crate::wire::SignatureBytes;
use quorate_charter::EpochRecord;
use quorate_intent::{Artifact, Decoded};
use quorate_policy::key_at;
use quorate_policy::request::RequestBody;

/// Reads the intent of a request for the account that it names, or for the child of it at its
/// path, which is derived here from the key's record (N-65).
///
/// # Errors
/// Why the bytes mean nothing here, in words; unreadable means denied.
pub(crate) fn decode(request: &RequestBody, record: &EpochRecord) -> Result<Decoded, String> {
    let path = request.derivation_path().map_err(|error| error.to_string())?;
    let key = key_at(record, request.account, &path).map_err(|error| error.to_string())?;
    let decoded = request.intent.decode(&key).map_err(|error| error.to_string())?;
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
