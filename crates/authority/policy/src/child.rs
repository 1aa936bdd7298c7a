//! Which key a request is for: the child of an account at its path, computed from the certified record (N-65).

use quorate_charter::{AccountRecord, EpochRecord};
use quorate_derivation::{DeriveError, Derived, Path, derive_encoded};
use quorate_intent::KeyFacts;

/// Why a request names no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChildError {
    /// The key has fewer accounts; whoever names it is at fault.
    #[error("the key has no account {asked}, it has accounts 0 to {}", .has.saturating_sub(1))]
    NoAccount {
        /// Asked for.
        asked: u16,
        /// How many there are.
        has: u16,
    },
    /// The record has no valid point, or by a chance of 2^-127 there is no such child.
    #[error(transparent)]
    Derive(#[from] DeriveError),
}

/// What a decoder must know of the child of an account of a record's key at `path`: whoever reads
/// a request computes it like this and takes it from nobody (REQ-15).
///
/// # Errors
/// [`ChildError`]. Cost: one multiplication of the generator a step.
pub fn key_at(record: &EpochRecord, account: u16, path: &Path) -> Result<KeyFacts, ChildError> {
    let public_key = child_at(record, account, path)?.public_key;
    Ok(KeyFacts { scheme: record.plan.scheme, public_key })
}

/// The child of an account of a record's key at `path`, with its chain code. The real point of the
/// account is the first commitment, whatever the parity that its public key forgets (DER-05).
///
/// # Errors
/// As [`key_at`].
pub fn child_at(record: &EpochRecord, account: u16, path: &Path) -> Result<Derived, ChildError> {
    let AccountRecord { commitments, chain_code, .. } = account_of(record, account)?;
    let point = commitments.first().map(Vec::as_slice).unwrap_or_default();
    Ok(derive_encoded(record.plan.scheme, point, &chain_code.0, path)?)
}

fn account_of(record: &EpochRecord, asked: u16) -> Result<&AccountRecord, ChildError> {
    let has = record.plan.accounts;
    record.account(asked).ok_or(ChildError::NoAccount { asked, has })
}
