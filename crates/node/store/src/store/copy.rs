//! A copy of a store beside it, for as long as its rows are changed by another version (STO-21).
//!
//! It does not stay: it holds the keys of shares that the store will destroy, and it is a node of an
//! earlier time.

use super::{SealedStore, Store};
use crate::disk::{self, Existing, guard};
use crate::lock::{Lock, lock_path};
use crate::slots::slots_path;
use crate::{SealKey, StoreError};
use rand_core::{OsRng, RngCore};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::path::Path;

impl Store {
    /// Copies both files to `path`, in place of a copy that is there, and opens the copy with the key
    /// of the store: every row of it is verified, and that it is all of the store.
    ///
    /// # Errors
    /// The machine's; [`StoreError::BadCopy`] where the copy holds something else. Then nothing of it
    /// is left.
    pub fn copy_to(&self, path: impl AsRef<Path>, key: &SealKey) -> Result<(), StoreError> {
        let path = path.as_ref();
        destroy(path)?;
        let copied = self.copy_files(path).and_then(|()| {
            let (copy, _) = SealedStore::find(path)?.unlock(key)?;
            match copy.state == self.state && copy.id() == self.id() {
                true => Ok(()),
                false => Err(StoreError::BadCopy(path.to_owned())),
            }
        });
        if copied.is_err() {
            destroy(path)?;
        }
        copied
    }

    fn copy_files(&self, path: &Path) -> Result<(), StoreError> {
        let copy = |from: &Path, to: &Path| -> io::Result<()> {
            let mut file = disk::private_file(to, Existing::Refuse)?;
            io::copy(&mut File::open(from)?, &mut file)?;
            file.sync_all()
        };
        // Nobody writes meanwhile: that takes this store mutably.
        guard(path, || {
            copy(&self.path, path)
                .and_then(|()| copy(&slots_path(&self.path), &slots_path(path)))
                .and_then(|()| disk::sync_folder(path))
                .map_err(|source| disk::io_error(path, source))
        })
    }
}

/// Destroys the copy of a store, if there is one: first what opens its shares is overwritten, then both
/// files are removed.
///
/// # Errors
/// [`StoreError::InUse`]; the machine's.
pub fn destroy(path: impl AsRef<Path>) -> Result<(), StoreError> {
    let path = path.as_ref();
    let slots = slots_path(path);
    if !path.exists() && !slots.exists() {
        return Ok(());
    }
    let lock = Lock::take(path)?;
    let destroyed = overwrite(&slots).and_then(|()| remove(&slots)).and_then(|()| remove(path));
    drop(lock);
    destroyed
        .and_then(|()| remove(&lock_path(path)))
        .and_then(|()| disk::sync_folder(path))
        .map_err(|source| disk::io_error(path, source))
}

fn overwrite(path: &Path) -> io::Result<()> {
    let mut file = match File::options().write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut left = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(0))?;
    let mut random = [0; 4_096];
    while left > 0 {
        OsRng.fill_bytes(&mut random);
        let (part, _) =
            random.split_at(random.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
        file.write_all(part)?;
        left -= part.len() as u64;
    }
    file.sync_data()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
