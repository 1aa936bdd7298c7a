//! A copy of a store beside it, for as long as its rows are changed by another version (STO-21).
//!
//! It does not stay: it holds the keys of shares that the store will destroy, and it is a node of an
//! earlier time. Only who has the store open makes it and ends it.

use super::{SealedStore, Store, open_file};
use crate::disk::{self, Existing, guard};
use crate::lock::lock_path;
use crate::slots::slots_path;
use crate::{SealKey, StoreError};
use quorate_machine::durable::Record;
use rand_core::{OsRng, RngCore};
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Bytes that are read or written at once.
const PIECE: usize = 1 << 16;

impl Store {
    /// The copy that stands at `path`, if one does that is whole.
    ///
    /// # Errors
    /// [`StoreError::LaterCopy`]: it has had more commits than the store, or the key of the store does
    /// not open it. The machine's.
    pub fn copy_at(
        &self,
        path: impl AsRef<Path>,
        key: &SealKey,
    ) -> Result<Option<Vec<Record>>, StoreError> {
        let path = path.as_ref();
        let is_file = |path: &Path| fs::symlink_metadata(path).map_or(true, |it| it.is_file());
        if ![path, &slots_path(path), &lock_path(path)].into_iter().all(is_file) {
            return Ok(None);
        }
        match SealedStore::find(path).and_then(|found| found.unlock(key)) {
            Ok((copy, records)) if copy.state.commits <= self.state.commits => Ok(Some(records)),
            Err(error @ (StoreError::Full(_) | StoreError::Io { .. } | StoreError::Memory)) => {
                Err(error)
            }
            // What a crash leaves while one is made or ended.
            Err(
                StoreError::Missing(_)
                | StoreError::NotAStore(_)
                | StoreError::DamagedHeader(_)
                | StoreError::DamagedRow { .. }
                | StoreError::Mixed(_)
                | StoreError::MissingSlots(_)
                | StoreError::DamagedSlots(_)
                | StoreError::OlderRows(_)
                | StoreError::Damaged { .. },
            ) => Ok(None),
            _ => Err(StoreError::LaterCopy(path.to_owned())),
        }
    }

    /// Copies both files to `path`, in place of what stands there, and opens the copy with the key of
    /// the store: every row of it is verified, and that it is all of the store.
    ///
    /// # Errors
    /// The machine's; [`StoreError::BadCopy`] where the copy holds something else: then nothing of it
    /// is left.
    pub fn copy_to(&self, path: impl AsRef<Path>, key: &SealKey) -> Result<(), StoreError> {
        let path = path.as_ref();
        self.end_copy(path)?;
        let copied = self.copy_files(path).and_then(|()| {
            match SealedStore::find(path).and_then(|found| found.unlock(key)) {
                Ok((copy, _)) if copy.state == self.state && copy.id() == self.id() => Ok(()),
                Err(error @ (StoreError::Full(_) | StoreError::Io { .. })) => Err(error),
                _ => Err(StoreError::BadCopy(path.to_owned())),
            }
        });
        if copied.is_err() {
            // What made it fail says more than that nothing of it can be removed.
            let _ = self.end_copy(path);
        }
        copied
    }

    /// Ends the copy at `path`, if there is one: first what opens its shares is overwritten, then its
    /// files are removed. A link that stands there is removed, and what it leads to is left alone.
    ///
    /// # Errors
    /// The machine's: it cannot be done, or what stands there is no file.
    pub fn end_copy(&self, path: impl AsRef<Path>) -> Result<(), StoreError> {
        let path = path.as_ref();
        let slots = slots_path(path);
        let files = [slots.as_path(), path, &lock_path(path)].map(Path::to_owned);
        let ended =
            self.overwrite(&slots).and_then(|()| files.iter().try_for_each(|it| remove(it)));
        ended.and_then(|()| disk::sync_folder(path)).map_err(|source| disk::io_error(path, source))
    }

    /// Closes the store and opens it again, as a start does, without letting go of it.
    ///
    /// # Errors
    /// As [`SealedStore::unlock`].
    pub fn reopen(self, key: &SealKey) -> Result<(Self, Vec<Record>), StoreError> {
        let Self { path, database, sealer, slots, _lock: lock, .. } = self;
        drop((database, sealer, slots));
        let (database, header) = guard(&path, || open_file(&path))?;
        SealedStore { path, database, header, lock }.unlock(key)
    }

    fn copy_files(&self, path: &Path) -> Result<(), StoreError> {
        // Nobody writes meanwhile: that takes this store mutably.
        let copied = copy(&self.path, path)
            .and_then(|()| copy(&slots_path(&self.path), &slots_path(path)))
            .and_then(|()| disk::sync_folder(path));
        copied.map_err(|source| disk::io_error(path, source))
    }

    /// Overwrites the slots of a copy; never those of the store itself under another name.
    fn overwrite(&self, slots: &Path) -> io::Result<()> {
        let place = |found: &Metadata| (found.dev(), found.ino());
        let found = match fs::symlink_metadata(slots) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            found => found?,
        };
        let own = fs::metadata(slots_path(&self.path))?;
        if !found.is_file() || place(&found) == place(&own) {
            return Ok(());
        }
        let (mut file, mut left) = (File::options().write(true).open(slots)?, found.len());
        let mut random = vec![0; PIECE];
        while left > 0 {
            OsRng.fill_bytes(&mut random);
            let (part, _) = random.split_at(PIECE.min(usize::try_from(left).unwrap_or(PIECE)));
            file.write_all(part)?;
            left -= part.len() as u64;
        }
        file.sync_data()
    }
}

/// Byte for byte, so that it is a second one wherever it is stored.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let (mut from, mut to) = (File::open(from)?, disk::private_file(to, Existing::Refuse)?);
    let mut piece = vec![0; PIECE];
    loop {
        match from.read(&mut piece)? {
            0 => return to.sync_all(),
            read => to.write_all(piece.get(..read).unwrap_or_default())?,
        }
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
