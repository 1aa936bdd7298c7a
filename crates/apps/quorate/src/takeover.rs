//! A store that another version of the programs left: taken over, after a copy that is verified, or
//! refused (STO-20 to STO-22).

use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::sealed::store_failure;
use quorate_machine::durable::Record;
use quorate_machine::edition::{self, EditionError, TakeOver};
use quorate_release::Version;
use quorate_store::{SealKey, Store, StoreError};
use std::path::{Path, PathBuf};

/// A store with rows of this version.
pub struct Opened {
    /// The store.
    pub store: Store,
    /// Its rows.
    pub records: Vec<Record>,
    /// What was done about it, if another version left it.
    pub taken_over: Option<TakenOver>,
}

/// What was done about a store that another version left.
#[derive(Debug)]
pub struct TakenOver {
    /// Which one.
    pub from: Version,
    /// How many rows were written.
    pub rows: usize,
}

/// Makes the rows of an opened store those of this version. Rows that an earlier one left are changed in
/// one commit, once a copy beside the store was verified; then all is read again. The copy ends once a
/// node has started from the rows ([`end_copy`]). A crash at any moment leaves rows of the one version or
/// of the other, and the next start goes on.
///
/// # Errors
/// Those of the store; the caller's: a later version wrote it, or one that is too old.
pub fn settle(store: Store, records: Vec<Record>, key: &SealKey, path: &Path) -> Result<Opened> {
    let failed = |error: StoreError| store_failure(&error);
    let copy = copy_path(path);
    let copied = store.copy_at(&copy, key).map_err(failed)?;
    // What was never finished is of no version.
    let taken = match records.is_empty() {
        true => None,
        false => crate::edition().take_over(&records).map_err(|error| refused(&error, path))?,
    };
    let Some(TakeOver { from, writes }) = taken else {
        return Ok(Opened { store, records, taken_over: None });
    };
    let would = || format!("take the store {} over from version {from}", path.display());
    Face::of_process().before(would)?;
    drop(records);
    let mut store = store;
    // No node has started from what a version between made: what was before it is the way back.
    let is_before = |rows: Vec<Record>| edition::writer(&rows).is_ok_and(|before| before < from);
    if !copied.is_some_and(is_before) {
        store.copy_to(&copy, key).map_err(failed)?;
    }
    store.commit(&writes).map_err(failed)?;
    let (store, records) = store.reopen(key).map_err(|error| unopened(&error, path))?;
    Ok(Opened { store, records, taken_over: Some(TakenOver { from, rows: writes.len() }) })
}

/// Ends the copy of a store whose rows serve, if there is one.
///
/// # Errors
/// The machine's.
pub fn end_copy(store: &Store, path: &Path) -> Result<()> {
    store.end_copy(copy_path(path)).map_err(|error| store_failure(&error))
}

/// A store that does not open: where it is damaged and a copy is there, that is the way back.
pub fn unopened(error: &StoreError, path: &Path) -> Failure {
    let copy = copy_path(path);
    let failure = store_failure(error);
    let is_damage = ["store_damaged", "store_read_back", "not_a_store"].contains(&failure.code());
    let is_whole = copy.is_file() && copy.with_added_extension("slots").is_file();
    if !is_damage || !is_whole {
        return failure;
    }
    let next = format!(
        "check the disk; the store as it was before this version is in {0} and {0}.slots: put both in \
         its place, and start again",
        copy.display()
    );
    Failure::machine(error.code(), error, next)
}

/// Where the copy is, for as long as there is one.
fn copy_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".takeover");
    PathBuf::from(name)
}

fn refused(error: &EditionError, path: &Path) -> Failure {
    let next = match error {
        EditionError::Downgrade { from, .. } => format!(
            "install version {from} or a later one: going back would lose what it wrote; a fault of it \
             is mended by a version after it"
        ),
        EditionError::TooOld { oldest, .. } => {
            format!("install version {oldest} first, start the node once, then this version")
        }
        EditionError::Rows { .. } | EditionError::Writer(_) => {
            "run the version that used the store last, and report this".to_owned()
        }
    };
    let message = format!("{}: {error}", path.display());
    match error.is_callers_fault() {
        true => Failure::caller("store_version", message, next),
        false => Failure::machine("store_version", message, next),
    }
}
