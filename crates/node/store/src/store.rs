//! The store.

use crate::disk::{self, Existing, guard};
use crate::header::{Header, VERSION};
use crate::lock::Lock;
use crate::seal::{Sealer, slot_number};
use crate::slots::Slots;
use crate::{Cost, Passphrase, Seal, SealKey, StoreError, StoreId, Stretch};
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, from_bytes, to_bytes};
use quorate_machine::durable::{Record, Table, Write, newest};
use redb::{Builder, Database, ReadableDatabase, ReadableTable, TableDefinition};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The header, under the key `""`.
const HEADER: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("header");
/// Every row: `table number || key` to `nonce || ciphertext`, or to that behind a slot's number.
const ROWS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rows");
/// The number under which the sum over all rows is sealed; no table of a node has it.
const STATE: u8 = 0;
/// A node's rows fit; redb's own default would be a gigabyte.
const CACHE_BYTES: usize = 32 << 20;

/// An open store. One process at a time has it (STO-09).
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    database: Arc<Database>,
    header: Header,
    sealer: Arc<Sealer>,
    slots: Slots,
    state: State,
    /// The phases of the newest commit.
    newest: Phases,
    failed: bool,
    _lock: Lock,
}

/// A store that was found and is kept from other processes, and that nobody has opened yet.
#[derive(Debug)]
pub struct SealedStore {
    path: PathBuf,
    database: Database,
    header: Header,
    lock: Lock,
}

/// Reads rows of an open store beside whoever writes them.
#[derive(Debug, Clone)]
pub struct StoreReader {
    path: PathBuf,
    database: Arc<Database>,
    sealer: Arc<Sealer>,
}

/// What one commit left: sealed beside the rows, so that rows of two times or two copies do not
/// pass for one store (STO-06).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct State {
    #[n(0)]
    version: u8,
    /// Commits so far.
    #[n(1)]
    commits: u64,
    /// Rows now.
    #[n(2)]
    rows: u64,
    /// Exclusive or of the marks of all rows.
    #[cbor(n(3), with = "minicbor::bytes")]
    sum: [u8; 32],
}

impl Canonical for State {
    const BYTES_MAX: usize = 64;
}

impl Store {
    /// Makes a store at `path`, readable by its owner only, empty. It appears whole or not at all.
    ///
    /// # Errors
    /// [`StoreError::Exists`], [`StoreError::EmptyPassphrase`], [`StoreError::InUse`],
    /// [`StoreError::Full`], [`StoreError::Io`].
    pub fn create(
        path: impl AsRef<Path>,
        passphrase: &Passphrase,
        id: StoreId,
    ) -> Result<Self, StoreError> {
        Self::create_with(path, passphrase, id, Cost::STANDARD)
    }

    /// Like [`create`](Self::create), with another cost of a guess.
    ///
    /// # Errors
    /// Those of [`create`](Self::create).
    pub fn create_with(
        path: impl AsRef<Path>,
        passphrase: &Passphrase,
        id: StoreId,
        cost: Cost,
    ) -> Result<Self, StoreError> {
        if passphrase.is_empty() {
            return Err(StoreError::EmptyPassphrase);
        }
        let stretch = Stretch::fresh(cost);
        let key = stretch.key(passphrase.as_bytes())?;
        Self::create_sealed(path, Seal::Passphrase(stretch), &key, id)
    }

    /// Makes a store that opens with this key, which the caller gets again by what the seal names.
    ///
    /// # Errors
    /// Those of [`create`](Self::create), and [`StoreError::BadSeal`].
    pub fn create_sealed(
        path: impl AsRef<Path>,
        seal: Seal,
        key: &SealKey,
        id: StoreId,
    ) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        let lock = Lock::take(&path)?;
        if path.exists() {
            return Err(StoreError::Exists(path));
        }
        let (header, sealer) = Header::create(id, seal, key)?;
        let slots = Slots::create(&path, &sealer)?;
        let draft = path.with_extension("draft");
        let failed = |source| disk::io_error(&path, source);
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        drop(disk::private_file(&draft, Existing::Refuse).map_err(failed)?);
        let database = builder().create(&draft).map_err(|error| disk::redb_error(&path, error))?;
        let state = State { version: VERSION, commits: 0, rows: 0, sum: [0; 32] };
        let failed = false;
        let (database, sealer) = (Arc::new(database), Arc::new(sealer));
        let newest = Phases::Two;
        let mut store =
            Self { path, database, header, sealer, slots, state, newest, failed, _lock: lock };
        store.write(&[], Phases::Two, true, &mut |_| ())?;
        fs::rename(&draft, &store.path)
            .and_then(|()| disk::sync_folder(&store.path))
            .map_err(|source| disk::io_error(&store.path, source))?;
        Ok(store)
    }

    /// Opens a store under a passphrase: [`SealedStore::find`] and [`SealedStore::unlock`].
    ///
    /// # Errors
    /// Theirs, and [`StoreError::OtherSeal`].
    pub fn open(
        path: impl AsRef<Path>,
        passphrase: &Passphrase,
    ) -> Result<(Self, Vec<Record>), StoreError> {
        let found = SealedStore::find(path)?;
        let Seal::Passphrase(stretch) = found.seal() else {
            return Err(StoreError::OtherSeal { named: found.seal().kind() });
        };
        let key = stretch.key(passphrase.as_bytes())?;
        found.unlock(&key)
    }

    /// Makes all writes durable, in one transaction, or none (STO-10); of several of one row the last
    /// is what they leave. When it returns, they survive a crash and a power cut, and what deleted or replaced shares and
    /// set-ups held is gone (STO-12). An empty batch makes what was committed lightly last as safe; where there
    /// is nothing of that, nothing is written.
    ///
    /// Says how often it synced, growing files apart: twice, the pages of the file and then which of two
    /// commits counts; and the slots once before where it puts shares or set-ups, once after where it
    /// deletes or replaces some.
    ///
    /// # Errors
    /// The machine's. Afterwards the store takes no more writes: what the node holds in memory
    /// may not be durable, so the process must end (NOD-01).
    pub fn commit(&mut self, writes: &[Write]) -> Result<usize, StoreError> {
        self.commit_as(writes, Phases::Two)
    }

    /// Like [`commit`](Self::commit) with one sync for both. All of it survives a crash and a power cut
    /// as well; but if the disk *then* spoils one of the pages it wrote last, the store opens as the
    /// commit before left it, as if this one had been cut off, where after [`commit`](Self::commit) it
    /// does not open. Shares and set-ups are committed in two phases always.
    ///
    /// # Errors
    /// Those of [`commit`](Self::commit).
    pub fn commit_lightly(&mut self, writes: &[Write]) -> Result<usize, StoreError> {
        let has_secrets = writes.iter().any(|write| write.table.is_erasable());
        self.commit_as(writes, if has_secrets { Phases::Two } else { Phases::One })
    }

    fn commit_as(&mut self, writes: &[Write], phases: Phases) -> Result<usize, StoreError> {
        if writes.is_empty() && self.newest >= phases {
            return Ok(0);
        }
        self.write(writes, phases, false, &mut |_| ())
    }

    /// Reads rows while this one is written.
    pub fn reader(&self) -> StoreReader {
        let (database, sealer) = (Arc::clone(&self.database), Arc::clone(&self.sealer));
        StoreReader { path: self.path.clone(), database, sealer }
    }

    /// Whose store it is.
    pub fn id(&self) -> StoreId {
        self.header.store()
    }

    /// What opens it.
    pub fn seal(&self) -> &Seal {
        self.header.seal()
    }

    /// `passed` is told of every step that is durable.
    fn write(
        &mut self,
        writes: &[Write],
        phases: Phases,
        first: bool,
        passed: &mut dyn FnMut(Step),
    ) -> Result<usize, StoreError> {
        if self.failed {
            return Err(StoreError::Failed(self.path.clone()));
        }
        // Until the commit is known to be durable, the store counts as failed.
        self.failed = true;
        let path = self.path.clone();
        let (state, syncs) = guard(&path, || self.transact(writes, phases, first, passed))?;
        self.state = state;
        self.newest = phases;
        self.failed = false;
        Ok(syncs)
    }

    fn transact(
        &mut self,
        writes: &[Write],
        phases: Phases,
        first: bool,
        passed: &mut dyn FnMut(Step),
    ) -> Result<(State, usize), StoreError> {
        let failed = |error: redb::Error| disk::redb_error(&self.path, error);
        let slots_failed = |source| disk::io_error(&self.path, source);
        let mut syncs = match phases {
            Phases::One => 1,
            Phases::Two => 2,
        };
        let (mut taken, mut freed) = (BTreeMap::new(), BTreeSet::new());
        let mut state = self.state.clone();
        let mut transaction = self.database.begin_write().map_err(|error| failed(error.into()))?;
        transaction.set_two_phase_commit(phases == Phases::Two);
        if first {
            let mut table = transaction.open_table(HEADER).map_err(|error| failed(error.into()))?;
            let header = self.header.to_bytes();
            table.insert(&[][..], header.as_slice()).map_err(|error| failed(error.into()))?;
        }
        {
            let mut rows = transaction.open_table(ROWS).map_err(|error| failed(error.into()))?;
            for ((table, key), value) in newest(writes) {
                let number = table.number();
                let place = [&[number], key].concat();
                let sealed = value.map(|value| {
                    if !table.is_erasable() {
                        return self.sealer.seal(number, key, value);
                    }
                    let at = self.slots.take();
                    let (row, slot) = self.sealer.seal_erasable(number, key, at, value);
                    taken.insert(at, slot);
                    row
                });
                let old = match &sealed {
                    Some(row) => rows.insert(place.as_slice(), row.as_slice()),
                    None => rows.remove(place.as_slice()),
                };
                let old = old.map_err(|error| failed(error.into()))?;
                let mark = |row: &[u8]| self.sealer.mark(number, key, row);
                let old = old.as_ref().map(|old| old.value());
                freed.extend(old.filter(|_| table.is_erasable()).and_then(slot_number));
                state.remove(old.and_then(mark));
                state.add(sealed.and_then(|row| mark(&row)));
            }
            state.commits += 1;
            let sealed = self.sealer.seal(STATE, &[], &to_bytes(&state));
            rows.insert(&[STATE][..], sealed.as_slice()).map_err(|error| failed(error.into()))?;
        }
        if !taken.is_empty() {
            let written = self.slots.write(&self.sealer, &taken, state.commits);
            written.map_err(slots_failed)?;
            syncs += 1;
            passed(Step::SlotsTaken);
        }
        transaction.commit().map_err(|error| failed(error.into()))?;
        passed(Step::Rows);
        read_back(&self.path, &self.database, &self.sealer, &mut self.slots, writes)?;
        if !freed.is_empty() {
            let erased = self.slots.erase(&self.sealer, &freed, state.commits);
            erased.map_err(slots_failed)?;
            syncs += 1;
            passed(Step::SlotsErased);
        }
        Ok((state, syncs))
    }
}

impl SealedStore {
    /// Finds a store and reads its header; every page of its file is verified (STO-07). Nothing that
    /// the header says is sure before [`unlock`](Self::unlock).
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::InUse`]: the caller's. All others are the machine's.
    pub fn find(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() && metadata.len() > 0 => {}
            Ok(_) => return Err(StoreError::NotAStore(path)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(StoreError::Missing(path));
            }
            Err(error) => return Err(disk::io_error(&path, error)),
        }
        let lock = Lock::take(&path)?;
        let (database, header) = guard(&path, || open_file(&path))?;
        Ok(Self { path, database, header, lock })
    }

    /// What is to open it.
    pub fn seal(&self) -> &Seal {
        self.header.seal()
    }

    /// Opens it and reads it back, every row verified, in the order of tables and keys; what a start
    /// has no use for is verified and left. Values may be secret; they are wiped when dropped.
    ///
    /// # Errors
    /// [`StoreError::WrongPassphrase`], [`StoreError::WrongCredential`]: the caller's. All others are
    /// the machine's: [`StoreError::WrongSealKey`], and each for one kind of damage (STO-03, STO-05
    /// to STO-07).
    pub fn unlock(self, key: &SealKey) -> Result<(Store, Vec<Record>), StoreError> {
        let Self { path, database, header, lock } = self;
        let sealer = header.unlock(key, &path)?;
        let mut slots = Slots::open(&path, &sealer)?;
        let (state, records, named) =
            guard(&path, || read_all(&path, &database, &sealer, &mut slots))?;
        // Only now, with every row open, is anything overwritten.
        slots.keep(&named).map_err(|source| disk::io_error(&path, source))?;
        let failed = false;
        let (database, sealer) = (Arc::new(database), Arc::new(sealer));
        // Verifying it ends with a commit in two phases.
        let newest = Phases::Two;
        let store =
            Store { path, database, header, sealer, slots, state, newest, failed, _lock: lock };
        Ok((store, records))
    }
}

impl StoreReader {
    /// A row of a table that a start does not read, as it was last committed; `None` if there is
    /// none, and of all other tables, which hold secrets.
    ///
    /// # Errors
    /// The machine's: it cannot be read, or is damaged.
    pub fn read(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let (path, number) = (&self.path, table.number());
        if table.is_read_at_start() {
            return Ok(None);
        }
        guard(path, || {
            let failed = |error: redb::Error| disk::redb_error(path, error);
            let transaction = self.database.begin_read().map_err(|error| failed(error.into()))?;
            let rows = transaction.open_table(ROWS).map_err(|error| failed(error.into()))?;
            let place = [&[number], key].concat();
            let row = rows.get(place.as_slice()).map_err(|error| failed(error.into()))?;
            let Some(row) = row else { return Ok(None) };
            let damaged = || StoreError::DamagedRow { path: path.clone(), table };
            let value = self.sealer.open(number, key, row.value()).ok_or_else(damaged)?;
            Ok(Some(value.to_vec()))
        })
    }
}

/// Whether the erasable rows of a batch read back from their places as what they are: whoever
/// relies on a share relies on what is stored, not on what should have been (STO-12, EPO-07).
fn read_back(
    path: &Path,
    database: &Database,
    sealer: &Sealer,
    slots: &mut Slots,
    writes: &[Write],
) -> Result<(), StoreError> {
    let erasable = newest(writes).into_iter().filter(|((table, _), _)| table.is_erasable());
    let put = erasable.filter_map(|((table, key), value)| Some((table.number(), key, value?)));
    let put: Vec<_> = put.collect();
    if put.is_empty() {
        return Ok(());
    }
    let failed = |error: redb::Error| disk::redb_error(path, error);
    let transaction = database.begin_read().map_err(|error| failed(error.into()))?;
    let rows = transaction.open_table(ROWS).map_err(|error| failed(error.into()))?;
    for (number, key, value) in put {
        let place = [&[number], key].concat();
        let row = rows.get(place.as_slice()).map_err(|error| failed(error.into()))?;
        let slot = row.as_ref().and_then(|row| slot_number(row.value()));
        let slot = slot.map(|at| slots.read(at)).transpose();
        let slot = slot.map_err(|source| disk::io_error(path, source))?.flatten();
        let read = row
            .as_ref()
            .zip(slot)
            .and_then(|(row, slot)| sealer.open_erasable(number, key, row.value(), &slot));
        if read.as_deref().map(Vec::as_slice) != Some(value) {
            return Err(StoreError::ReadBack(path.to_owned()));
        }
    }
    Ok(())
}

/// The table of a row.
fn known(path: &Path, number: u8) -> Result<Table, StoreError> {
    let later = || StoreError::LaterTable { path: path.to_owned(), number };
    Table::from_number(number).ok_or_else(later)
}

/// How a commit becomes the one that counts (STO-10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phases {
    /// Its pages and which of two commits counts are synced together: on opening, checksums tell one
    /// that was cut off.
    One,
    /// Its pages are synced before it counts.
    Two,
}

/// What of a commit is durable, in the order in which it becomes so (STO-12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The keys of the rows that it puts.
    SlotsTaken,
    /// The rows.
    Rows,
    /// That the keys of rows that are gone are gone too.
    SlotsErased,
}

impl State {
    fn add(&mut self, mark: Option<[u8; 32]>) {
        if let Some(mark) = mark {
            self.rows += 1;
            self.mix(mark);
        }
    }

    fn remove(&mut self, mark: Option<[u8; 32]>) {
        if let Some(mark) = mark {
            self.rows = self.rows.saturating_sub(1);
            self.mix(mark);
        }
    }

    fn mix(&mut self, mark: [u8; 32]) {
        for (sum, mark) in self.sum.iter_mut().zip(mark) {
            *sum ^= mark;
        }
    }
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

/// Opens the file, has redb verify every page of it (STO-07), and reads the header.
fn open_file(path: &Path) -> Result<(Database, Header), StoreError> {
    let database = builder().set_check_integrity_on_open(true).open(path);
    let database = database.map_err(|error| disk::redb_error(path, error))?;
    let header = {
        let failed = |error: redb::Error| match error {
            redb::Error::TableDoesNotExist(_) => StoreError::NotAStore(path.to_owned()),
            error => disk::redb_error(path, error),
        };
        let transaction = database.begin_read().map_err(|error| failed(error.into()))?;
        let table = transaction.open_table(HEADER).map_err(|error| failed(error.into()))?;
        let bytes = table.get(&[][..]).map_err(|error| failed(error.into()))?;
        let bytes = bytes.ok_or_else(|| StoreError::DamagedHeader(path.to_owned()))?;
        Header::read(bytes.value(), path)?
    };
    Ok((database, header))
}

fn read_all(
    path: &Path,
    database: &Database,
    sealer: &Sealer,
    slots: &mut Slots,
) -> Result<(State, Vec<Record>, BTreeSet<u64>), StoreError> {
    let failed = |error: redb::Error| disk::redb_error(path, error);
    let mixed = || StoreError::Mixed(path.to_owned());
    let transaction = database.begin_read().map_err(|error| failed(error.into()))?;
    let rows = transaction.open_table(ROWS).map_err(|error| failed(error.into()))?;
    let mut found = State { version: VERSION, commits: 0, rows: 0, sum: [0; 32] };
    let mut state = None;
    let (mut records, mut named) = (Vec::new(), BTreeSet::new());
    // A row that does not open is told last: rows of another time explain it better.
    let mut closed = None;
    for row in rows.iter().map_err(|error| failed(error.into()))? {
        let (place, row) = row.map_err(|error| failed(error.into()))?;
        let (place, row) = (place.value(), row.value());
        let (number, key) = place.split_first().ok_or_else(mixed)?;
        if *number == STATE {
            let value = sealer.open(STATE, key, row).ok_or_else(mixed)?;
            state = Some(from_bytes::<State>(&value).map_err(|_| mixed())?);
            continue;
        }
        let table = known(path, *number)?;
        let value = if table.is_erasable() {
            let at = slot_number(row);
            let slot = at.map(|at| slots.read(at)).transpose();
            let slot = slot.map_err(|source| disk::io_error(path, source))?.flatten();
            named.extend(at);
            slot.and_then(|slot| sealer.open_erasable(*number, key, row, &slot))
        } else {
            sealer.open(*number, key, row)
        };
        let Some(value) = value else {
            closed = closed.or(Some(table));
            continue;
        };
        found.add(sealer.mark(*number, key, row));
        records.push(Record::at_start(table, key.to_vec(), value));
    }
    let state = state.ok_or_else(mixed)?;
    if !slots.fit(state.commits) {
        return Err(StoreError::OlderRows(path.to_owned()));
    }
    if let Some(table) = closed {
        return Err(StoreError::DamagedRow { path: path.to_owned(), table });
    }
    found.commits = state.commits;
    if found == state { Ok((state, records, named)) } else { Err(mixed()) }
}

mod copy;
mod reseal;

#[cfg(test)]
mod crashes;

#[cfg(test)]
mod torn;
