//! A store that another version of the programs left: taken over, after a copy that is verified, or
//! refused (STO-20 to STO-22).

use crate::failure::{Failure, Result};
use crate::sealed::store_failure;
use quorate_machine::durable::Record;
use quorate_machine::edition::{EditionError, TakeOver};
use quorate_release::Version;
use quorate_store::{SealKey, SealedStore, Store, StoreError};
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

/// Opens a store. Rows that an earlier version left are changed in one commit, once a copy beside it
/// was verified; the copy ends when all was read again. A crash at any moment leaves rows of the one
/// version or of the other, and the next start goes on.
///
/// # Errors
/// Those of the store; the caller's: a later version wrote it, or one that is too old.
pub fn open(found: SealedStore, key: &SealKey, path: &Path) -> Result<Opened> {
    let failed = |error: StoreError| store_failure(&error);
    let copy = copy_path(path);
    let (mut store, records) = found.unlock(key).map_err(failed)?;
    let Some(TakeOver { from, writes }) =
        crate::edition().take_over(&records).map_err(|error| refused(&error, path))?
    else {
        // What a crash left after the commit.
        quorate_store::destroy(copy).map_err(failed)?;
        return Ok(Opened { store, records, taken_over: None });
    };
    drop(records);
    store.copy_to(&copy, key).map_err(failed)?;
    store.commit(&writes).map_err(failed)?;
    drop(store);
    let opened = SealedStore::find(path).and_then(|found| found.unlock(key));
    let (store, records) = opened.map_err(|error| kept(&error, &copy))?;
    quorate_store::destroy(copy).map_err(failed)?;
    Ok(Opened { store, records, taken_over: Some(TakenOver { from, rows: writes.len() }) })
}

/// Where the copy is, for as long as there is one.
fn copy_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".before");
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

/// What was written does not read back: the copy does.
fn kept(error: &StoreError, copy: &Path) -> Failure {
    let next = format!(
        "check the disk; the store as it was is in {0} and {0}.slots: put both in its place, and start \
         the version that left it",
        copy.display()
    );
    Failure::machine(error.code(), error, next)
}
