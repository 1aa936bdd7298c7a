//! A whole log, verified offline.

use crate::entry::{CertifiedEntry, EntryError};
use crate::genesis::{GenesisError, GenesisFile};
use crate::state::{Ahead, LookAhead, State};
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

/// Follows a log whose entries this machine, or whoever it believes, verified before: what is checked
/// is everything but the certificates that later ones cover (GOV-24). Nothing is believed before
/// [`finish`](Self::finish).
pub struct Replay {
    state: State,
    /// The last entry, while its certificate was not verified.
    uncovered: Option<CertifiedEntry>,
}

impl Replay {
    /// Follows on from a state that is believed.
    pub fn from(state: State) -> Self {
        Self { state, uncovered: None }
    }

    /// The next entries, as many at once as there are at hand, and how to look ahead at them.
    ///
    /// # Errors
    /// [`LogError::Entry`]: the first that does not hold. Cost: one signature verification a signer of
    /// a motion, and a voter's where voters change.
    pub fn extend(
        &mut self,
        entries: &[CertifiedEntry],
        look_ahead: LookAhead,
    ) -> Result<(), LogError> {
        let ahead: Ahead = look_ahead(&self.state, entries);
        for certified in entries {
            let position = certified.position();
            let failed = |error| LogError::Entry { position, error };
            let held = self.state.hold_certified(certified, &ahead).map_err(failed)?;
            // What comes after is certified by others, or under other keys: it covers nothing before.
            if held.changes_nodes() || held.seat().is_some() {
                let certified = certified.to_decided().verify(&self.state);
                certified.map_err(|error| failed(error.into()))?;
                self.uncovered = None;
            } else {
                self.uncovered = Some(certified.clone());
            }
            self.state.advance(held);
        }
        Ok(())
    }

    /// The position after which the next entry comes.
    pub fn position(&self) -> u64 {
        self.state.position()
    }

    /// The state at the last entry, whose certificate is verified now and covers what came before it.
    ///
    /// # Errors
    /// [`LogError::Entry`].
    pub fn finish(self) -> Result<State, LogError> {
        if let Some(last) = self.uncovered {
            let failed = |error: EntryError| LogError::Entry { position: last.position(), error };
            last.to_decided().verify(&self.state).map_err(|error| failed(error.into()))?;
        }
        Ok(self.state)
    }
}
