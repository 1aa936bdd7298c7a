//! A copy of a store while another version changes its rows, and rows of a version that is not known.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_codec::Digest;
use quorate_machine::durable::{Record, Table, Write};
use quorate_store::{Cost, Passphrase, Seal, SealedStore, Store, StoreError, StoreId};
use redb::{Database, TableDefinition};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const ROWS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rows");

fn phrase() -> Passphrase {
    Passphrase::new("correct horse")
}

/// A store with rows of both kinds, and the key that opens it.
fn furnished(path: &Path) -> (Store, quorate_store::SealKey) {
    let id = StoreId(Digest([1; 32]));
    let mut store = Store::create_with(path, &phrase(), id, Cost::TRIAL).unwrap();
    let share = |epoch, value| Write::put(Table::Share, [epoch], vec![value; 96]);
    store.commit(&[share(1, 7), Write::put(Table::Meta, *b"a", vec![1])]).unwrap();
    store.commit(&[Write::delete(Table::Share, [1]), share(2, 8)]).unwrap();
    let Seal::Passphrase(stretch) = store.seal() else { panic!("another seal") };
    let key = stretch.key(b"correct horse").unwrap();
    (store, key)
}

fn scratch() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    (folder, path)
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn plain(records: &[Record]) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
    let row = |record: &Record| (record.table, record.key.clone(), record.value.to_vec());
    records.iter().map(row).collect()
}

fn files(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        names.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn sto_21_a_copy_holds_every_row_and_replaces_what_a_crash_left_of_one() {
    let (_folder, path) = scratch();
    let (mut store, key) = furnished(&path);
    let copy = beside(&path, ".takeover");
    fs::write(&copy, "half a copy").unwrap();
    fs::write(beside(&copy, ".slots"), vec![3; 700]).unwrap();
    assert!(store.copy_at(&copy, &key).unwrap().is_none());
    store.copy_to(&copy, &key).unwrap();
    assert_eq!(store.copy_at(&copy, &key).unwrap().unwrap().len(), 2);
    // once more, over a whole one
    store.commit(&[Write::put(Table::Meta, *b"b", vec![2])]).unwrap();
    store.copy_to(&copy, &key).unwrap();
    for file in [copy.clone(), beside(&copy, ".slots")] {
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    // the store goes on; the copy is of before
    store.commit(&[Write::put(Table::Meta, *b"c", vec![3])]).unwrap();
    drop(store);
    let (_, copied) = SealedStore::find(&copy).unwrap().unlock(&key).unwrap();
    let (_, records) = SealedStore::find(&path).unwrap().unlock(&key).unwrap();
    let mut expected = plain(&records);
    expected.retain(|(_, key, _)| key != b"c");
    assert_eq!(plain(&copied), expected);
    assert_eq!(copied.len(), 3);
}

#[test]
fn sto_21_a_copy_that_does_not_open_is_not_left_behind() {
    let (folder, path) = scratch();
    let (store, _) = furnished(&path);
    let other = quorate_store::SealKey::random();
    let refused = store.copy_to(beside(&path, ".takeover"), &other).unwrap_err();
    assert!(matches!(refused, StoreError::BadCopy(_)), "{refused}");
    assert_eq!(files(folder.path()), ["store.redb", "store.redb.lock", "store.redb.slots"]);
}

/// Who kept the files of the copy under another name has nothing of the shares in it.
#[test]
fn neg_099_a_copy_that_ended_opens_nothing() {
    let (folder, path) = scratch();
    let (store, key) = furnished(&path);
    let copy = beside(&path, ".takeover");
    store.copy_to(&copy, &key).unwrap();
    let kept = folder.path().join("kept");
    fs::hard_link(&copy, &kept).unwrap();
    fs::hard_link(beside(&copy, ".slots"), beside(&kept, ".slots")).unwrap();
    store.end_copy(&copy).unwrap();
    let found = SealedStore::find(&kept).unwrap();
    let refused = found.unlock(&key).unwrap_err();
    assert!(matches!(refused, StoreError::DamagedSlots(_)), "{refused}");
    for file in ["kept", "kept.slots", "kept.lock"] {
        fs::remove_file(folder.path().join(file)).unwrap();
    }
    assert_eq!(files(folder.path()), ["store.redb", "store.redb.lock", "store.redb.slots"]);
    // nothing is there any more, which is no failure
    store.end_copy(&copy).unwrap();
    drop(store);
    SealedStore::find(&path).unwrap().unlock(&key).unwrap();
}

#[test]
fn sto_21_a_store_that_was_put_back_is_told_that_the_copy_knows_more() {
    let (folder, path) = scratch();
    let (mut store, key) = furnished(&path);
    let old: Vec<_> =
        [path.clone(), beside(&path, ".slots")].map(|it| fs::read(it).unwrap()).into();
    store.commit(&[Write::put(Table::Meta, *b"b", vec![2])]).unwrap();
    let copy = beside(&path, ".takeover");
    store.copy_to(&copy, &key).unwrap();
    drop(store);
    fs::write(&path, &old[0]).unwrap();
    fs::write(beside(&path, ".slots"), &old[1]).unwrap();
    let (store, _) = SealedStore::find(&path).unwrap().unlock(&key).unwrap();
    let refused = store.copy_at(&copy, &key).unwrap_err();
    assert!(matches!(refused, StoreError::LaterCopy(_)) && refused.is_callers_fault(), "{refused}");
    let other = quorate_store::SealKey::random();
    let refused = store.copy_at(&copy, &other).unwrap_err();
    assert!(matches!(refused, StoreError::LaterCopy(_)), "{refused}");
    drop(store);
    let (_, copied) = SealedStore::find(&copy).unwrap().unlock(&key).unwrap();
    assert_eq!(copied.len(), 3);
    drop(folder);
}

/// What lies where a copy would be, and is none, is not written to.
#[test]
fn sto_21_nothing_is_overwritten_through_a_link() {
    let (folder, path) = scratch();
    let (store, key) = furnished(&path);
    let copy = beside(&path, ".takeover");
    let precious = folder.path().join("precious");
    fs::write(&precious, "of somebody").unwrap();
    for file in [copy.clone(), beside(&copy, ".slots")] {
        std::os::unix::fs::symlink(&precious, file).unwrap();
    }
    assert!(store.copy_at(&copy, &key).unwrap().is_none());
    store.copy_to(&copy, &key).unwrap();
    store.end_copy(&copy).unwrap();
    assert_eq!(fs::read(&precious).unwrap(), b"of somebody");
    // one that leads nowhere
    std::os::unix::fs::symlink(folder.path().join("nowhere"), beside(&copy, ".slots")).unwrap();
    store.copy_to(&copy, &key).unwrap();
    store.end_copy(&copy).unwrap();
    // the store's own slots under that name
    fs::hard_link(beside(&path, ".slots"), beside(&copy, ".slots")).unwrap();
    store.end_copy(&copy).unwrap();
    drop(store);
    let (_, records) = SealedStore::find(&path).unwrap().unlock(&key).unwrap();
    assert_eq!(records.len(), 2);
}

#[test]
fn sto_21_a_store_that_is_opened_again_is_let_go_to_nobody() {
    let (_folder, path) = scratch();
    let (store, key) = furnished(&path);
    let reader = store.reader();
    drop(reader);
    let (store, records) = store.reopen(&key).unwrap();
    assert_eq!(records.len(), 2);
    assert!(matches!(SealedStore::find(&path), Err(StoreError::InUse { .. })));
    drop(store);
    SealedStore::find(&path).unwrap();
}

#[test]
fn sto_22_rows_of_a_table_that_is_not_known_are_not_called_damage_alone() {
    let (_folder, path) = scratch();
    let (store, key) = furnished(&path);
    drop(store);
    let database = Database::open(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(ROWS).unwrap().insert(&[200, 1][..], &[5; 60][..]).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let refused = SealedStore::find(&path).unwrap().unlock(&key).unwrap_err();
    assert!(matches!(refused, StoreError::LaterTable { number: 200, .. }), "{refused}");
    assert_eq!(refused.code(), "store_version");
    assert!(!refused.is_callers_fault());
}
