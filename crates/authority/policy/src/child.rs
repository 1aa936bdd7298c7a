//! Which key a request is for: the child at its path, computed from the certified record (N-65).

use quorate_charter::EpochRecord;
use quorate_derivation::{DeriveError, Derived, Path, derive_encoded};
use quorate_intent::KeyFacts;

/// What a decoder must know of the child of a record's key at `path`: whoever reads a request
/// computes it like this and takes it from nobody (REQ-15).
///
/// # Errors
/// [`DeriveError`]: the record has no valid point, or by a chance of 2^-127 there is no such child.
/// Cost: one multiplication of the generator a step.
pub fn key_at(record: &EpochRecord, path: &Path) -> Result<KeyFacts, DeriveError> {
    let public_key = child_at(record, path)?.public_key;
    Ok(KeyFacts { scheme: record.plan.scheme, public_key })
}

/// The child of a record's key at `path`, with its chain code. The real point of the key is the
/// first commitment, whatever the parity that its public key forgets (DER-05).
///
/// # Errors
/// As [`key_at`].
pub fn child_at(record: &EpochRecord, path: &Path) -> Result<Derived, DeriveError> {
    let point = record.commitments.first().map(Vec::as_slice).unwrap_or_default();
    derive_encoded(record.plan.scheme, point, &record.chain_code.0, path)
}
