//! The second file: one small slot for the key of each row whose deletion destroys it (STO-12).
//!
//! ```text
//! head | head | slot 0 | slot 1 | …        each 128 bytes: nonce, sealed 88 bytes, tag
//! ```
//!
//! A slot is overwritten in its place when its row is gone, so whoever has an old copy of the rows
//! and the passphrase, but no old copy of this file, has nothing of them. The two heads take
//! turns; the later one names the last commit that took or freed slots, so that rows of another
//! time are noticed before any slot is overwritten.

use crate::StoreError;
use crate::disk::{self, Existing};
use crate::seal::{self, SLOT_BYTES, Sealer, Slot};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// How many slots stand before slot 0.
const HEADS: u64 = 2;

/// The open file. Sealed keys only; one process at a time has it, by the lock of the store.
#[derive(Debug)]
pub(crate) struct Slots {
    file: File,
    /// How many there are, free ones included.
    count: u64,
    free: BTreeSet<u64>,
    /// Which head is written next.
    turn: u64,
    /// What the later head names.
    commits: u64,
}

impl Slots {
    /// Makes the file of a new store: two heads, no slot. One that holds no slot either was left
    /// by a crash, and is made again.
    ///
    /// # Errors
    /// [`StoreError::Exists`]: there are slots, whose rows somebody may still have.
    pub(crate) fn create(store: &Path, sealer: &Sealer) -> Result<Self, StoreError> {
        let path = slots_path(store);
        let failed = |source| disk::io_error(&path, source);
        match fs::metadata(&path) {
            Ok(found) if found.len() > HEADS * SLOT_BYTES as u64 => {
                return Err(StoreError::Exists(path));
            }
            Ok(_) => fs::remove_file(&path).map_err(failed)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let file = disk::private_file(&path, Existing::Refuse).map_err(failed)?;
        let mut slots = Self { file, count: 0, free: BTreeSet::new(), turn: 0, commits: 0 };
        for _ in 0..HEADS {
            slots.write_head(sealer, 0).map_err(failed)?;
        }
        slots.file.sync_all().and_then(|()| disk::sync_folder(&path)).map_err(failed)?;
        Ok(slots)
    }

    /// Opens the file of a store that is there.
    ///
    /// # Errors
    /// [`StoreError::MissingSlots`]; [`StoreError::DamagedSlots`] where neither head opens: damage,
    /// or the file of another store.
    pub(crate) fn open(store: &Path, sealer: &Sealer) -> Result<Self, StoreError> {
        let path = slots_path(store);
        let failed = |source| disk::io_error(&path, source);
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => {}
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
            _ => return Err(StoreError::MissingSlots(path)),
        }
        let file = disk::private_file(&path, Existing::Keep).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        // What a crash left of the last slot is a slot that no row names.
        let count = length.div_ceil(SLOT_BYTES as u64).saturating_sub(HEADS);
        let mut slots = Self { file, count, free: BTreeSet::new(), turn: 0, commits: 0 };
        let mut latest = None;
        for head in 0..HEADS {
            let found = slots.read_at(head).map_err(failed)?;
            let commits = found.and_then(|slot| sealer.open_head(head, &slot));
            latest = latest.max(commits.map(|commits| (commits, head)));
        }
        let (commits, head) = latest.ok_or(StoreError::DamagedSlots(path))?;
        slots.commits = commits;
        slots.turn = (head + 1) % HEADS;
        Ok(slots)
    }

    /// The commit that the later head names: rows that are more than one behind are of another
    /// time. One behind they may be after a crash.
    pub(crate) fn fit(&self, commits: u64) -> bool {
        self.commits <= commits.saturating_add(1)
    }

    /// A slot as it stands in the file; `None` where there is none.
    pub(crate) fn read(&mut self, number: u64) -> io::Result<Option<Slot>> {
        if number < self.count { self.read_at(HEADS + number) } else { Ok(None) }
    }

    /// Knows from now on which slots rows name, and overwrites all others: what a crash left
    /// between the commit of the rows and the overwriting of their slots.
    pub(crate) fn keep(&mut self, named: &BTreeSet<u64>) -> io::Result<()> {
        let unnamed: BTreeSet<u64> =
            (0..self.count).filter(|number| !named.contains(number)).collect();
        if unnamed.is_empty() {
            return Ok(());
        }
        self.overwrite(&unnamed)?;
        self.file.sync_data()?;
        self.free = unnamed;
        Ok(())
    }

    /// A slot that no row names, for a row of the commit that is being made.
    pub(crate) fn take(&mut self) -> u64 {
        self.free.pop_first().unwrap_or_else(|| {
            self.count += 1;
            self.count - 1
        })
    }

    /// Makes the keys of rows durable, before the commit with this number names them. One sync,
    /// however many.
    pub(crate) fn write(
        &mut self,
        sealer: &Sealer,
        slots: &BTreeMap<u64, Slot>,
        commits: u64,
    ) -> io::Result<()> {
        self.write_head(sealer, commits)?;
        self.write_all(slots)?;
        self.file.sync_data()
    }

    /// Overwrites the slots of rows that the commit with this number left without a name. One
    /// sync, however many; when it returns, what the rows held is gone.
    pub(crate) fn erase(
        &mut self,
        sealer: &Sealer,
        numbers: &BTreeSet<u64>,
        commits: u64,
    ) -> io::Result<()> {
        self.write_head(sealer, commits)?;
        self.overwrite(numbers)?;
        self.file.sync_data()?;
        self.free.extend(numbers);
        Ok(())
    }

    fn overwrite(&mut self, numbers: &BTreeSet<u64>) -> io::Result<()> {
        let random = numbers.iter().map(|number| (*number, seal::random()));
        self.write_all(&random.collect())
    }

    fn write_head(&mut self, sealer: &Sealer, commits: u64) -> io::Result<()> {
        let head = self.turn;
        self.write_at(head, &sealer.seal_head(head, commits))?;
        self.turn = (head + 1) % HEADS;
        self.commits = commits;
        Ok(())
    }

    /// Slots beside each other are written as one.
    fn write_all(&mut self, slots: &BTreeMap<u64, Slot>) -> io::Result<()> {
        let mut run: Vec<u8> = Vec::new();
        let mut first = 0;
        for (number, slot) in slots {
            if *number != first + (run.len() / SLOT_BYTES) as u64 {
                self.write_at(HEADS + first, &run)?;
                run.clear();
                first = *number;
            }
            run.extend_from_slice(slot);
        }
        self.write_at(HEADS + first, &run)
    }

    fn write_at(&mut self, place: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(place * SLOT_BYTES as u64))?;
        self.file.write_all(bytes)
    }

    fn read_at(&mut self, place: u64) -> io::Result<Option<Slot>> {
        let mut slot = [0; SLOT_BYTES];
        self.file.seek(SeekFrom::Start(place * SLOT_BYTES as u64))?;
        match self.file.read_exact(&mut slot) {
            Ok(()) => Ok(Some(slot)),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Where the slots of a store are.
pub(crate) fn slots_path(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".slots");
    PathBuf::from(name)
}
