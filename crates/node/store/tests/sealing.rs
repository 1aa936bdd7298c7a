//! Stores that something else than a passphrase opens, and stores that are sealed anew.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_codec::Digest;
use quorate_machine::durable::{Record, Table, Write};
use quorate_store::{
    Cost, Passphrase, Seal, SealKey, SealKind, SealedStore, Store, StoreError, StoreId, Stretch,
    TokenChallenge, TpmObject,
};
use std::fs;
use std::path::{Path, PathBuf};

fn scratch() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    (folder, path)
}

fn id() -> StoreId {
    StoreId(Digest([1; 32]))
}

/// A seal of each kind with its key.
fn every() -> Vec<(Seal, SealKey)> {
    let (typed, handed) = (Stretch::fresh(Cost::TRIAL), Stretch::fresh(Cost::TRIAL));
    let keys = [typed.key(b"typed").unwrap(), handed.key(b"handed").unwrap()];
    let [typed_key, handed_key] = keys;
    vec![
        (Seal::Passphrase(typed), typed_key),
        (Seal::SystemdCredential { name: "seal".into(), stretch: handed }, handed_key),
        (
            Seal::Tpm2(TpmObject { public: vec![1; 48], private: vec![2; 190], counter: None }),
            SealKey::random(),
        ),
        (Seal::Pkcs11(TokenChallenge::fresh("vault", "node-1")), SealKey::random()),
    ]
}

fn copy(key: &SealKey) -> SealKey {
    SealKey::from_bytes(key.as_bytes()).unwrap()
}

fn opened(path: &Path, key: &SealKey) -> Result<(Store, Vec<Record>), StoreError> {
    SealedStore::find(path)?.unlock(key)
}

fn plain(records: &[Record]) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
    let row = |record: &Record| (record.table, record.key.clone(), record.value.to_vec());
    records.iter().map(row).collect()
}

fn batch() -> Vec<Write> {
    let share = |n: u8| Write::put(Table::Share, [n], vec![n; 700]);
    let mut writes: Vec<Write> = (0..9).map(share).collect();
    writes.push(Write::put(Table::Identity, *b"secrets", vec![7; 96]));
    writes.push(Write::put(Table::Meta, *b"m", vec![8]));
    writes
}

#[test]
fn sto_14_a_store_of_each_kind_opens_again_and_by_no_other_key() {
    for (seal, key) in every() {
        let (_folder, path) = scratch();
        let mut store = Store::create_sealed(&path, seal.clone(), &key, id()).unwrap();
        store.commit(&batch()).unwrap();
        assert_eq!(store.seal(), &seal);
        drop(store);
        for _ in 0..2 {
            let found = SealedStore::find(&path).unwrap();
            assert_eq!(found.seal(), &seal);
            let (store, records) = found.unlock(&key).unwrap();
            assert_eq!((records.len(), store.seal().kind()), (11, seal.kind()));
        }
        let before = fs::read(&path).unwrap();
        let code = opened(&path, &SealKey::random()).unwrap_err().code();
        let expected = match seal.kind() {
            SealKind::Passphrase => "wrong_passphrase",
            SealKind::SystemdCredential => "wrong_credential",
            SealKind::Tpm2 | SealKind::Pkcs11 => "wrong_seal_key",
        };
        assert_eq!(code, expected);
        // A passphrase is not even tried on what it does not open.
        let typed = Store::open(&path, &Passphrase::new("typed"));
        match seal.kind() {
            SealKind::Passphrase => assert!(typed.is_ok()),
            named => {
                let error = typed.unwrap_err();
                assert!(matches!(error, StoreError::OtherSeal { named: it } if it == named));
                assert_eq!(fs::read(&path).unwrap().len(), before.len());
            }
        }
    }
}

#[test]
fn sto_18_every_kind_is_sealed_anew_by_every_other_and_the_old_key_opens_nothing() {
    for (old, old_key) in every() {
        for (new, new_key) in every() {
            let (_folder, path) = scratch();
            let mut store = Store::create_sealed(&path, old.clone(), &old_key, id()).unwrap();
            store.commit(&batch()).unwrap();
            drop(store);
            let (mut store, records) = opened(&path, &old_key).unwrap();
            let rows = plain(&records);
            store.reseal(new.clone(), &new_key).unwrap();
            // It takes writes as before.
            store.commit(&[Write::put(Table::Share, [0], vec![9; 700])]).unwrap();
            drop(store);
            let error = opened(&path, &old_key).unwrap_err();
            assert!(error.code().starts_with("wrong_"), "{error}");
            let (store, records) = opened(&path, &new_key).unwrap();
            assert_eq!(store.seal(), &new);
            let again = plain(&records);
            assert_eq!(again.len(), rows.len());
            for (row, before) in again.iter().zip(&rows) {
                let changed = (row.0, row.1.as_slice()) == (Table::Share, &[0][..]);
                assert_eq!(row == before, !changed);
            }
        }
    }
}

#[test]
fn sto_18_the_header_of_before_does_not_open_the_rows_of_after() {
    let (_folder, path) = scratch();
    let mut all = every().into_iter();
    let ((old, old_key), (new, new_key)) = (all.next().unwrap(), all.next().unwrap());
    let mut store = Store::create_sealed(&path, old.clone(), &old_key, id()).unwrap();
    store.commit(&batch()).unwrap();
    store.reseal(new, &new_key).unwrap();
    // Back to the old secret: its header is another one again, over another data key.
    store.reseal(old, &copy(&old_key)).unwrap();
    drop(store);
    assert_eq!(opened(&path, &old_key).unwrap().1.len(), 11);
    assert!(opened(&path, &new_key).is_err());
}

#[test]
fn sto_18_a_store_that_is_in_use_is_not_found() {
    let (_folder, path) = scratch();
    let (seal, key) = every().remove(2);
    let store = Store::create_sealed(&path, seal, &key, id()).unwrap();
    assert!(matches!(SealedStore::find(&path), Err(StoreError::InUse { .. })));
    drop(store);
    let found = SealedStore::find(&path).unwrap();
    assert!(matches!(SealedStore::find(&path), Err(StoreError::InUse { .. })));
    drop(found);
    let too_long = Seal::Pkcs11(TokenChallenge::fresh("t".repeat(256), "k"));
    let (mut store, _) = opened(&path, &key).unwrap();
    assert!(matches!(store.reseal(too_long, &key), Err(StoreError::BadSeal(SealKind::Pkcs11))));
    // Nothing was done, and nothing has failed.
    store.commit(&batch()).unwrap();
}
