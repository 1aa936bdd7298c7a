//! What a store does on sound disks: rows come back, one process at a time, whole batches.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_codec::Digest;
use quorate_machine::durable::{Record, Table, Write};
use quorate_store::{Cost, Passphrase, Store, StoreError, StoreId};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::{fs, thread};

fn scratch() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    (folder, path)
}

fn phrase() -> Passphrase {
    Passphrase::new("correct horse")
}

fn id() -> StoreId {
    StoreId(Digest([1; 32]))
}

fn create(path: &PathBuf) -> Store {
    Store::create_with(path, &phrase(), id(), Cost::TRIAL).unwrap()
}

fn plain(records: &[Record]) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
    let row = |record: &Record| (record.table, record.key.clone(), record.value.to_vec());
    records.iter().map(row).collect()
}

#[test]
fn sto_10_what_was_committed_comes_back_in_the_order_of_tables_and_keys() {
    let (_folder, path) = scratch();
    let mut store = create(&path);
    assert_eq!(store.id(), id());
    let writes = [
        Write::put(Table::Identity, *b"k", vec![1, 2, 3]),
        Write::put(Table::Meta, *b"b", vec![]),
        Write::put(Table::Meta, *b"a", vec![9; 100_000]),
        Write::put(Table::Audit, *b"gone", vec![5]),
        Write::put(Table::Votes, *b"twice", vec![1]),
        Write::put(Table::Votes, *b"twice", vec![2]),
        Write::delete(Table::Audit, *b"gone"),
        Write::delete(Table::Audit, *b"never there"),
    ];
    store.commit(&writes).unwrap();
    store.commit(&[]).unwrap();
    let expected = vec![
        (Table::Meta, b"a".to_vec(), vec![9; 100_000]),
        (Table::Meta, b"b".to_vec(), vec![]),
        (Table::Votes, b"twice".to_vec(), vec![2]),
        (Table::Identity, b"k".to_vec(), vec![1, 2, 3]),
    ];
    drop(store);
    for _ in 0..2 {
        let (store, records) = Store::open(&path, &phrase()).unwrap();
        assert_eq!(plain(&records), expected);
        assert_eq!(store.id(), id());
    }
}

#[test]
fn sto_10_rows_survive_many_batches_and_reopenings() {
    let (_folder, path) = scratch();
    let mut store = create(&path);
    let mut expected = std::collections::BTreeMap::new();
    for round in 0_u8..40 {
        let writes = (0_u8..8).map(|step| {
            let key = vec![round.wrapping_mul(7).wrapping_add(step.wrapping_mul(11)) % 23];
            if step % 3 == 2 {
                expected.remove(&key);
                Write::delete(Table::Request, key)
            } else {
                expected.insert(key.clone(), vec![round, step]);
                Write::put(Table::Request, key, vec![round, step])
            }
        });
        let writes: Vec<_> = writes.collect();
        store.commit(&writes).unwrap();
        if round % 10 == 9 {
            drop(store);
            let (again, records) = Store::open(&path, &phrase()).unwrap();
            let found = records.iter().map(|record| (record.key.clone(), record.value.to_vec()));
            assert_eq!(found.collect::<std::collections::BTreeMap<_, _>>(), expected);
            store = again;
        }
    }
}

#[test]
fn sto_03_a_wrong_passphrase_opens_nothing_and_harms_nothing() {
    let (_folder, path) = scratch();
    let mut store = create(&path);
    store.commit(&[Write::put(Table::Meta, *b"a", vec![1])]).unwrap();
    drop(store);
    for wrong in ["correct horsf", "", "correct horse "] {
        let error = Store::open(&path, &Passphrase::new(wrong)).unwrap_err();
        assert!(matches!(error, StoreError::WrongPassphrase));
        assert!(error.is_callers_fault());
    }
    assert_eq!(Store::open(&path, &phrase()).unwrap().1.len(), 1);
    let other = path.with_file_name("other");
    let empty = Store::create_with(&other, &Passphrase::new(""), id(), Cost::TRIAL);
    assert!(matches!(empty, Err(StoreError::EmptyPassphrase)));
    assert!(!other.exists());
}

#[test]
fn sto_08_the_file_is_its_owners_and_is_never_overwritten() {
    let (_folder, path) = scratch();
    fs::write(path.with_extension("draft"), "left by a crash").unwrap();
    drop(create(&path));
    for file in [&path, &path.with_extension("redb.slots")] {
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(!path.with_extension("draft").exists());
    let before = fs::read(&path).unwrap();
    let again = Store::create_with(&path, &phrase(), id(), Cost::TRIAL);
    assert!(matches!(again, Err(StoreError::Exists(_))));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn sto_09_one_process_at_a_time() {
    let (_folder, path) = scratch();
    let mut store = create(&path);
    let error = Store::open(&path, &phrase()).unwrap_err();
    assert!(matches!(error, StoreError::InUse { pid: Some(pid), .. } if pid == std::process::id()));
    assert!(error.to_string().contains(&std::process::id().to_string()));
    // Another process that knows nothing of the lock file still meets redb's own lock.
    let lock = fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let lock = lock.into_iter().find(|entry| entry.extension().unwrap() == "lock").unwrap();
    fs::remove_file(lock).unwrap();
    let error = Store::open(&path, &phrase()).unwrap_err();
    assert!(matches!(error, StoreError::InUse { pid: None, .. }), "{error}");
    store.commit(&[Write::put(Table::Meta, *b"a", vec![1])]).unwrap();
    drop(store);
    assert_eq!(Store::open(&path, &phrase()).unwrap().1.len(), 1);
}

#[test]
fn sto_10_a_store_moves_to_the_committing_thread() {
    let (_folder, path) = scratch();
    let mut store = create(&path);
    let committing = thread::spawn(move || {
        store.commit(&[Write::put(Table::Meta, *b"a", vec![1])]).unwrap();
    });
    committing.join().unwrap();
    assert_eq!(Store::open(&path, &phrase()).unwrap().1.len(), 1);
}

#[test]
fn sto_08_a_folder_that_is_not_there_is_the_machines_word() {
    let (folder, _) = scratch();
    let path = folder.path().join("no such folder").join("store.redb");
    let error = Store::create_with(&path, &phrase(), id(), Cost::TRIAL).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }) && !error.is_callers_fault());
    assert!(matches!(Store::open(folder.path(), &phrase()), Err(StoreError::NotAStore(_))));
}
