//! What a damaged, swapped, mixed or old file comes to: a clear error or the right rows, never a
//! wrong row and never a panic.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_codec::Digest;
use quorate_machine::durable::{Record, Table, Write};
use quorate_store::{Cost, Passphrase, Store, StoreError, StoreId};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const ROWS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rows");

type Rows = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

fn phrase() -> Passphrase {
    Passphrase::new("correct horse")
}

fn create(path: &Path) -> Store {
    Store::create_with(path, &phrase(), StoreId(Digest([1; 32])), Cost::TRIAL).unwrap()
}

fn rows(records: &[Record]) -> Rows {
    let row = |record: &Record| ((record.table, record.key.clone()), record.value.to_vec());
    records.iter().map(row).collect()
}

fn read(path: &Path) -> Result<Rows, StoreError> {
    Store::open(path, &phrase()).map(|(_, records)| rows(&records))
}

/// A store with a few small rows, one large one, and a history.
fn furnished(path: &Path) -> Rows {
    let mut store = create(path);
    let share = Write::put(Table::Share, *b"key/epoch 1", vec![7; 96]);
    let pair = Write::put(Table::Pair, *b"peer", vec![8; 20_000]);
    store.commit(&[share, pair]).unwrap();
    let incarnation = |count| Write::put(Table::Incarnation, [], vec![count]);
    store.commit(&[incarnation(1), Write::put(Table::Audit, *b"1", vec![1])]).unwrap();
    store.commit(&[incarnation(2), Write::delete(Table::Audit, *b"1")]).unwrap();
    drop(store);
    read(path).unwrap()
}

struct Scratch {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn scratch() -> Scratch {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    Scratch { _folder: folder, path }
}

fn slots(path: &Path) -> PathBuf {
    path.with_extension("redb.slots")
}

/// Changes the rows behind the store's back, as somebody with the file but not the key can.
fn tamper(path: &Path, change: impl FnOnce(&mut BTreeMap<Vec<u8>, Vec<u8>>)) {
    let database = Database::open(path).unwrap();
    let mut rows = sealed(&database);
    let before: Vec<_> = rows.keys().cloned().collect();
    change(&mut rows);
    let transaction = database.begin_write().unwrap();
    {
        let mut table = transaction.open_table(ROWS).unwrap();
        for key in before {
            table.remove(key.as_slice()).unwrap();
        }
        for (key, row) in &rows {
            table.insert(key.as_slice(), row.as_slice()).unwrap();
        }
    }
    transaction.commit().unwrap();
}

fn sealed(database: &Database) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let transaction = database.begin_read().unwrap();
    let table = transaction.open_table(ROWS).unwrap();
    let mut rows = BTreeMap::new();
    for row in table.iter().unwrap() {
        let (key, value) = row.unwrap();
        rows.insert(key.value().to_vec(), value.value().to_vec());
    }
    rows
}

/// The first bytes of a file, and so many spread over its bytes that are not zero.
fn sample(bytes: &[u8], first: usize, spread: usize) -> Vec<usize> {
    let used: Vec<_> = (first..bytes.len()).filter(|at| bytes[*at] != 0).collect();
    let step = used.len() / spread + 1;
    (0..first).chain(used.into_iter().step_by(step)).collect()
}

fn place(table: Table, key: &[u8]) -> Vec<u8> {
    [&[table.number()], key].concat()
}

/// STO-07: every byte of redb's header, and a sample of all bytes that are not empty space.
#[test]
fn neg_060_a_flipped_byte_gives_a_clear_error_or_the_right_rows() {
    let Scratch { path, _folder } = scratch();
    let expected = furnished(&path);
    let sound = fs::read(&path).unwrap();
    let (mut refused, mut harmless) = (0, 0);
    for at in sample(&sound, 320, 150) {
        let mut flipped = sound.clone();
        flipped[at] ^= if at % 2 == 0 { 0x01 } else { 0x80 };
        fs::write(&path, &flipped).unwrap();
        match read(&path) {
            Ok(found) => {
                assert_eq!(found, expected, "byte {at}");
                harmless += 1;
            }
            Err(error) => {
                assert!(!error.is_callers_fault(), "byte {at}: {error}");
                assert!(!error.to_string().is_empty() && !error.next().is_empty());
                refused += 1;
            }
        }
    }
    assert!(refused > 50 && harmless > 50, "{refused} refused, {harmless} harmless");
    fs::write(&path, &sound).unwrap();
    assert_eq!(read(&path).unwrap(), expected);
}

/// STO-07, on what a killed process leaves: the file as it is between two commits.
#[test]
fn neg_060_a_flipped_byte_after_a_crash_gives_a_clear_error_or_what_one_commit_left() {
    let Scratch { path, _folder } = scratch();
    let copy = path.with_extension("copy");
    let mut store = create(&path);
    let put = |value| Write::put(Table::Incarnation, [], vec![value; 50]);
    let mut left = Vec::new();
    for value in 1..=4 {
        store.commit(&[put(value)]).unwrap();
        left.push(BTreeMap::from([((Table::Incarnation, vec![]), vec![value; 50])]));
    }
    fs::copy(&path, &copy).unwrap();
    drop(store);
    let sound = fs::read(&copy).unwrap();
    fs::write(&path, &sound).unwrap();
    assert_eq!(&read(&path).unwrap(), left.last().unwrap());
    for at in sample(&sound, 128, 60) {
        let mut flipped = sound.clone();
        flipped[at] ^= 1;
        fs::write(&path, &flipped).unwrap();
        match read(&path) {
            // The one byte that names the current slot of redb may name the one before: an old
            // copy, whole, which the peers notice (STO-11).
            Ok(found) if at == 9 => assert!(left.contains(&found)),
            Ok(found) => assert_eq!(&found, left.last().unwrap(), "byte {at}"),
            Err(error) => assert!(!error.is_callers_fault(), "byte {at}: {error}"),
        }
    }
}

#[test]
fn neg_060_a_cut_or_padded_or_foreign_file_is_refused() {
    let Scratch { path, _folder } = scratch();
    let expected = furnished(&path);
    let sound = fs::read(&path).unwrap();
    for length in [1, 100, 4_096, 8_192, sound.len() / 2, sound.len() - 1] {
        fs::write(&path, &sound[..length]).unwrap();
        let error = read(&path).unwrap_err();
        assert!(!error.is_callers_fault(), "{length}: {error}");
    }
    fs::write(&path, []).unwrap();
    assert!(matches!(read(&path), Err(StoreError::NotAStore(_))));
    fs::write(&path, vec![b'x'; 10_000]).unwrap();
    assert!(!read(&path).unwrap_err().is_callers_fault());
    drop(fs::remove_file(&path));
    assert!(matches!(read(&path), Err(StoreError::Missing(_))));
    Database::create(&path).unwrap();
    assert!(matches!(read(&path), Err(StoreError::NotAStore(_))));
    fs::write(&path, &sound).unwrap();
    assert_eq!(read(&path).unwrap(), expected);
}

/// STO-04, STO-05.
#[test]
fn neg_060_a_row_swapped_renamed_or_altered_does_not_open() {
    let share = place(Table::Share, b"key/epoch 1");
    let pair = place(Table::Pair, b"peer");
    type Change = Box<dyn Fn(&mut BTreeMap<Vec<u8>, Vec<u8>>)>;
    let (a, b) = (share.clone(), pair.clone());
    let swapped: Change = Box::new(move |rows| {
        let (first, second) = (rows[&a].clone(), rows[&b].clone());
        rows.insert(a.clone(), second);
        rows.insert(b.clone(), first);
    });
    let a = share.clone();
    let renamed: Change = Box::new(move |rows| {
        let row = rows.remove(&a).unwrap();
        rows.insert(place(Table::Share, b"key/epoch 2"), row);
    });
    let a = share.clone();
    let altered: Change = Box::new(move |rows| *rows.get_mut(&a).unwrap().last_mut().unwrap() ^= 1);
    let cut: Change = Box::new(move |rows| rows.get_mut(&share).unwrap().truncate(10));
    for change in [swapped, renamed, altered, cut] {
        let Scratch { path, _folder } = scratch();
        furnished(&path);
        tamper(&path, change);
        let error = read(&path).unwrap_err();
        assert!(
            matches!(error, StoreError::DamagedRow { table: Table::Share | Table::Pair, .. }),
            "{error}"
        );
    }
}

/// STO-06.
#[test]
fn neg_061_rows_of_two_times_do_not_pass_for_one_store() {
    let Scratch { path, _folder } = scratch();
    let expected = furnished(&path);
    let share = place(Table::Share, b"key/epoch 1");
    let mut old = BTreeMap::new();
    tamper(&path, |rows| old = rows.clone());
    assert_eq!(read(&path).unwrap(), expected);
    let old_slots = fs::read(slots(&path)).unwrap();
    let (mut store, _) = Store::open(&path, &phrase()).unwrap();
    store.commit(&[Write::put(Table::Share, *b"key/epoch 1", vec![9; 96])]).unwrap();
    drop(store);
    let new = fs::read(&path).unwrap();
    let new_slots = fs::read(slots(&path)).unwrap();

    let put_back = |rows: &mut BTreeMap<Vec<u8>, Vec<u8>>| {
        rows.insert(share.clone(), old[&share].clone());
    };
    let drop_row = |rows: &mut BTreeMap<Vec<u8>, Vec<u8>>| drop(rows.remove(&share));
    let old_sum = |rows: &mut BTreeMap<Vec<u8>, Vec<u8>>| {
        rows.insert(vec![0], old[&vec![0]].clone());
    };
    let no_sum = |rows: &mut BTreeMap<Vec<u8>, Vec<u8>>| drop(rows.remove(&vec![0]));
    type Change<'a> = &'a dyn Fn(&mut BTreeMap<Vec<u8>, Vec<u8>>);
    let changes: [Change<'_>; 3] = [&drop_row, &old_sum, &no_sum];
    for change in changes {
        fs::write(&path, &new).unwrap();
        tamper(&path, |rows| change(rows));
        assert!(matches!(read(&path), Err(StoreError::Mixed(_))));
    }
    // The key of the old share is gone; with the slots as they were, the sum does not hold.
    let damaged = |error| matches!(error, StoreError::DamagedRow { table: Table::Share, .. });
    fs::write(&path, &new).unwrap();
    tamper(&path, |rows| put_back(rows));
    assert!(damaged(read(&path).unwrap_err()));
    fs::write(slots(&path), &old_slots).unwrap();
    assert!(matches!(read(&path), Err(StoreError::Mixed(_))));
    tamper(&path, |rows| *rows = old.clone());
    assert_eq!(read(&path).unwrap(), expected, "an old copy, whole, is a store");
    fs::write(slots(&path), &new_slots).unwrap();
    assert!(damaged(read(&path).unwrap_err()));
}

#[test]
fn neg_061_an_old_copy_is_a_whole_store_for_its_peers_to_judge() {
    let Scratch { path, _folder } = scratch();
    let expected = furnished(&path);
    let copy = fs::read(&path).unwrap();
    let (mut store, _) = Store::open(&path, &phrase()).unwrap();
    store.commit(&[Write::put(Table::Incarnation, [], vec![3])]).unwrap();
    drop(store);
    assert_ne!(read(&path).unwrap(), expected);
    fs::write(&path, copy).unwrap();
    assert_eq!(read(&path).unwrap(), expected, "STO-11");
}

/// STO-04: nothing of a value stands in the file.
#[test]
fn neg_077_the_file_does_not_show_what_a_row_holds() {
    let Scratch { path, _folder } = scratch();
    let mut store = create(&path);
    let secret = b"a share that nobody may read";
    store.commit(&[Write::put(Table::Share, *b"k", secret.to_vec())]).unwrap();
    drop(store);
    let bytes = fs::read(&path).unwrap();
    assert!(!bytes.windows(8).any(|window| secret.windows(8).any(|part| part == window)));
}
