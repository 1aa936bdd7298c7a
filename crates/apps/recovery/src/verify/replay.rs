//! The charter of a file, replayed from its genesis as far as it holds (REC-24).

use super::report::CharterSeen;
use super::why::{Refusal, Whose, Why};
use quorate_charter::{CertifiedEntry, GenesisFile, State};
use quorate_identity::{GenesisHash, Head};
use std::collections::BTreeSet;

/// A charter while it is read. After an entry that does not hold it goes no further.
pub(crate) struct Replay {
    state: State,
    heads: BTreeSet<Head>,
    holds: bool,
}

impl Replay {
    /// Founds the domain of this hash.
    pub fn begin(file: &GenesisFile, hash: &GenesisHash) -> Result<Self, Refusal> {
        let state = file.verify(hash).map_err(|error| {
            // Other bytes, or bytes without all their signatures, are not the founders'.
            let is_theirs = file.hash() == *hash && file.genesis().is_err();
            let whose = if is_theirs { Whose::Founders } else { Whose::Holder };
            Refusal { whose, why: Why::Genesis(error.to_string()) }
        })?;
        Ok(Self { heads: BTreeSet::from([state.head()]), state, holds: true })
    }

    /// Goes on by an entry. Those behind one that does not hold are passed over.
    pub fn enter(&mut self, entry: &CertifiedEntry) -> Result<(), Refusal> {
        if !self.holds {
            return Ok(());
        }
        match self.state.verify_entry(entry) {
            Ok(verified) => {
                self.state.advance(verified);
                self.heads.insert(self.state.head());
                Ok(())
            }
            Err(error) => {
                self.holds = false;
                // Out of its place it may be as good as it is without those that were left out.
                let is_in_place = entry.entry().prev == self.state.head();
                let is_certified = entry.to_decided().verify(&self.state).is_ok();
                let whose = if is_in_place && is_certified { Whose::Voters } else { Whose::Holder };
                Err(Refusal { whose, why: Why::Entry(error.to_string()) })
            }
        }
    }

    /// The state at the last entry that holds.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The same, for good.
    pub fn into_state(self) -> State {
        self.state
    }

    /// Whether every entry holds.
    pub fn holds(&self) -> bool {
        self.holds
    }

    /// Whether the charter came by this head.
    pub fn has_passed(&self, head: &Head) -> bool {
        self.heads.contains(head)
    }

    /// How far it came.
    pub fn seen(&self) -> CharterSeen {
        let state = &self.state;
        CharterSeen {
            domain: state.domain().clone(),
            staging: state.is_staging(),
            head: state.head(),
            position: state.position(),
        }
    }
}
