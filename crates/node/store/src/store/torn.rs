//! A disk that keeps of what it was not told to sync what it likes, and one that spoils what it wrote
//! last (STO-10).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that panics has failed")]

use super::{Phases, State, Store, VERSION, builder};
use crate::header::Header;
use crate::lock::Lock;
use crate::slots::{Slots, slots_path};
use crate::{Cost, Passphrase, Seal, StoreError, StoreId, Stretch};
use quorate_codec::Digest;
use quorate_machine::durable::{Table, Write};
use rand_core::{OsRng, RngCore};
use redb::StorageBackend;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

type Rows = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

/// A disk in memory.
#[derive(Debug, Clone, Default)]
struct Disk(Arc<Mutex<Platter>>);

#[derive(Debug, Default)]
struct Platter {
    /// What a reader sees.
    seen: Vec<u8>,
    /// What survives a power cut in any case.
    synced: Vec<u8>,
    /// What was written since.
    since: Vec<(usize, Vec<u8>)>,
    /// What a power cut right before a sync may have left, of each sync once.
    cuts: Vec<Cut>,
}

/// Before a sync: what was there at the one before, and what was written since.
#[derive(Debug)]
struct Cut {
    synced: Vec<u8>,
    since: Vec<(usize, Vec<u8>)>,
}

impl Cut {
    /// What a power cut leaves that keeps the writes that `keeps` says.
    fn image(&self, len: usize, mut keeps: impl FnMut(usize) -> bool) -> Vec<u8> {
        let mut image = self.synced.clone();
        image.resize(len, 0);
        let kept = self.since.iter().enumerate().filter(|(at, _)| keeps(*at));
        for (_, (offset, data)) in kept {
            image[*offset..offset + data.len()].copy_from_slice(data);
        }
        image
    }
}

impl Disk {
    fn platter(&self) -> MutexGuard<'_, Platter> {
        self.0.lock().unwrap()
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.platter().seen.len() as u64)
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).unwrap();
        out.copy_from_slice(&self.platter().seen[offset..offset + out.len()]);
        Ok(())
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).unwrap();
        self.platter().seen.resize(len, 0);
        Ok(())
    }
    fn sync_data(&self) -> io::Result<()> {
        let platter = &mut *self.platter();
        let since = std::mem::take(&mut platter.since);
        let synced = std::mem::replace(&mut platter.synced, platter.seen.clone());
        platter.cuts.push(Cut { synced, since });
        Ok(())
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).unwrap();
        let platter = &mut *self.platter();
        platter.seen[offset..offset + data.len()].copy_from_slice(data);
        // A page may be torn at every sector.
        let sectors = data.chunks(512).enumerate();
        platter.since.extend(sectors.map(|(at, part)| (offset + at * 512, part.to_vec())));
        Ok(())
    }
}

fn phrase() -> Passphrase {
    Passphrase::new("correct horse")
}

/// An empty store on such a disk; its slots lie at the path.
fn create(path: &Path) -> (Store, Disk) {
    let disk = Disk::default();
    let database = builder().create_with_backend(disk.clone()).unwrap();
    let seal = Stretch::fresh(Cost::TRIAL);
    let key = seal.key(phrase().as_bytes()).unwrap();
    let (header, sealer) =
        Header::create(StoreId(Digest([1; 32])), Seal::Passphrase(seal), &key).unwrap();
    let state = State { version: VERSION, commits: 0, rows: 0, sum: [0; 32] };
    let slots = Slots::create(path, &sealer).unwrap();
    let mut store = Store {
        path: path.to_owned(),
        database: Arc::new(database),
        header,
        sealer: Arc::new(sealer),
        slots,
        state,
        newest: Phases::Two,
        failed: false,
        _lock: Lock::take(path).unwrap(),
    };
    store.write(&[], Phases::Two, true, &mut |_| ()).unwrap();
    (store, disk)
}

/// What a store opens with that has these bytes, and the slots of that one.
fn opened(slots: &Path, image: &[u8]) -> Result<Rows, StoreError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    std::fs::write(&path, image).unwrap();
    std::fs::copy(slots_path(slots), slots_path(&path)).unwrap();
    let (_, records) = Store::open(&path, &phrase())?;
    let row = |record: &quorate_machine::durable::Record| {
        ((record.table, record.key.clone()), record.value.to_vec())
    };
    Ok(records.iter().map(row).collect())
}

fn commit(store: &mut Store, phases: Phases, batch: &[Write]) -> usize {
    match phases {
        Phases::One => store.commit_lightly(batch).unwrap(),
        Phases::Two => store.commit(batch).unwrap(),
    }
}

fn apply(rows: &mut Rows, batch: &[Write]) {
    for write in batch {
        let place = (write.table, write.key.clone());
        match &write.value {
            Some(value) => _ = rows.insert(place, value.to_vec()),
            None => _ = rows.remove(&place),
        }
    }
}

/// Puts, replaces and deletes rows of several pages.
fn batch(number: u8) -> Vec<Write> {
    vec![
        Write::put(Table::Request, [number % 4], vec![number; 2_000]),
        Write::put(Table::Attempt, [number], vec![number; 700]),
        Write::delete(Table::Attempt, [number.wrapping_sub(3)]),
        Write::put(Table::Audit, *b"newest", vec![number; 90]),
    ]
}

fn path_in(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("store")
}

/// STO-10: whatever of the unsynced sectors a power cut leaves, in whatever order, the store opens as
/// one batch or the next left it; once the commit is back, as the next.
#[test]
fn sto_10_a_power_cut_leaves_one_batch_or_the_next() {
    for phases in [Phases::One, Phases::Two] {
        let folder = tempfile::tempdir().unwrap();
        let path = path_in(&folder);
        let (mut store, disk) = create(&path);
        let mut before = Rows::new();
        let (mut old, mut new) = (0, 0);
        for number in 0..4 {
            disk.platter().cuts.clear();
            commit(&mut store, phases, &batch(number));
            let mut after = before.clone();
            apply(&mut after, &batch(number));
            let (cuts, len) = {
                let platter = &mut *disk.platter();
                (std::mem::take(&mut platter.cuts), platter.seen.len())
            };
            for cut in cuts {
                let count = cut.since.len();
                let one_missing = (0..count).map(|lost| cut.image(len, |at| at != lost));
                let one_kept = (0..count).map(|kept| cut.image(len, |at| at == kept));
                let some = (0..20).map(|_| cut.image(len, |_| OsRng.next_u32() & 1 == 0));
                for image in one_missing.chain(one_kept).chain(some) {
                    let rows = opened(&path, &image).unwrap();
                    old += usize::from(rows == before);
                    new += usize::from(rows == after);
                    assert!(rows == before || rows == after, "{phases:?} {number}: {rows:?}");
                }
            }
            let synced = disk.platter().synced.clone();
            assert!(opened(&path, &synced).unwrap() == after, "{phases:?} {number}");
            before = after;
        }
        assert!(old > 0 && new > 0, "{old} {new}");
    }
}

/// What is synced, with one bit wrong in a sector that was written since the cuts were cleared, and where
/// that is.
fn spoiled(disk: &Disk) -> Vec<(usize, Vec<u8>)> {
    let platter = disk.platter();
    let written = platter.cuts.iter().flat_map(|cut| &cut.since);
    let spoil = |(offset, _): &(usize, Vec<u8>)| {
        let mut image = platter.synced.clone();
        // Behind the marks at the start of the file.
        image[offset + 300] ^= 0x10;
        (*offset, image)
    };
    written.map(spoil).collect()
}

/// STO-10, STO-07: a disk that loses power and then spoils a sector of what it wrote last takes a light
/// commit back, and nothing before it; one in two phases it only makes unreadable.
#[test]
fn sto_10_a_spoiled_sector_takes_back_a_light_commit_at_most() {
    for (phases, goes_back) in [(Phases::One, true), (Phases::Two, false)] {
        let folder = tempfile::tempdir().unwrap();
        let path = path_in(&folder);
        let (mut store, disk) = create(&path);
        let (mut before, mut after) = (Rows::new(), Rows::new());
        for number in 0..4 {
            disk.platter().cuts.clear();
            before = after.clone();
            commit(&mut store, phases, &batch(number));
            apply(&mut after, &batch(number));
        }
        let mut went_back = false;
        for (offset, image) in spoiled(&disk) {
            match opened(&path, &image) {
                Ok(rows) if rows == before => went_back = true,
                Ok(rows) => assert!(rows == after, "{phases:?} {offset}: {rows:?}"),
                Err(error) => assert!(!goes_back, "{offset}: {error}"),
            }
        }
        assert_eq!(went_back, goes_back, "{phases:?}");
    }
}

/// STO-10: nothing that was committed lightly is taken back any more once a full commit came, of
/// whatever, also of nothing.
#[test]
fn sto_10_a_full_commit_makes_the_light_one_before_it_safe() {
    let folder = tempfile::tempdir().unwrap();
    let path = path_in(&folder);
    let (mut store, disk) = create(&path);
    let mut before = Rows::new();
    // The file grows at first only.
    for number in 0..12 {
        commit(&mut store, Phases::Two, &batch(number));
        apply(&mut before, &batch(number));
    }
    disk.platter().cuts.clear();
    commit(&mut store, Phases::One, &batch(12));
    assert_eq!(commit(&mut store, Phases::One, &[]), 0);
    assert_eq!(commit(&mut store, Phases::Two, &[]), 2);
    assert_eq!(commit(&mut store, Phases::Two, &[]), 0);
    assert_eq!(disk.platter().cuts.len(), 3);
    for (offset, image) in spoiled(&disk) {
        assert!(!opened(&path, &image).is_ok_and(|rows| rows == before), "{offset}");
    }
}

/// STO-10: a commit says how often it synced, and no secret is committed lightly.
#[test]
fn sto_10_a_commit_syncs_as_often_as_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, disk) = create(&path_in(&folder));
    let mut counts = Vec::new();
    for number in 0..16 {
        let phases = if number % 2 == 0 { Phases::One } else { Phases::Two };
        disk.platter().cuts.clear();
        let said = commit(&mut store, phases, &batch(number));
        counts.push((said, disk.platter().cuts.len()));
    }
    // The file grows at first only.
    assert_eq!(counts[12..], [(1, 1), (2, 2), (1, 1), (2, 2)], "{counts:?}");
    disk.platter().cuts.clear();
    let said = store.commit_lightly(&[Write::put(Table::Share, *b"k", vec![1; 90])]).unwrap();
    assert_eq!((said, disk.platter().cuts.len()), (3, 2), "one of its syncs is the slots'");
}
