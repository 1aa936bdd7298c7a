//! A whole log, verified offline.

use crate::entry::{CertifiedEntry, EntryError};
use crate::genesis::{GenesisError, GenesisFile};
use crate::state::State;
use quorate_identity::GenesisHash;

/// Why a log does not hold.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Its genesis does not.
    #[error("the genesis does not hold: {0}")]
    Genesis(#[from] GenesisError),
    /// An entry does not.
    #[error("entry {position} does not hold: {error}")]
    Entry {
        /// Where.
        position: u64,
        /// Why.
        error: EntryError,
    },
}

/// Verifies a log from its genesis, which must have the given hash, to its last entry, offline
/// (GOV-23). The hash pins the domain; how far the log reaches is the caller's to compare with
/// the head it expects, because a prefix of a true log is a true log (N-72).
///
/// # Errors
/// [`LogError`]: the first thing that does not hold.
pub fn verify_log(
    file: &GenesisFile,
    hash: &GenesisHash,
    entries: impl IntoIterator<Item = CertifiedEntry>,
) -> Result<State, LogError> {
    let mut state = file.verify(hash)?;
    for certified in entries {
        let position = certified.position();
        let verified = state.verify_entry(&certified);
        state.advance(verified.map_err(|error| LogError::Entry { position, error })?);
    }
    Ok(state)
}
