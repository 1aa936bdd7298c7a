//! The process dies between any two steps of a commit, or in the middle of one (STO-12).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that panics has failed")]

use super::{Phases, Step, Store};
use crate::seal::{SLOT_BYTES, slot_number};
use crate::slots::slots_path;
use crate::{Cost, Passphrase, Seal, SealKey, SealedStore, StoreError, StoreId, TpmObject};
use quorate_codec::Digest;
use quorate_machine::durable::{Table, Write};
use redb::{ReadableDatabase, ReadableTable};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

type Rows = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

/// Both files.
#[derive(Clone, PartialEq, Eq)]
struct Files {
    rows: Vec<u8>,
    slots: Vec<u8>,
}

impl Files {
    fn of(path: &Path) -> Self {
        Self { rows: fs::read(path).unwrap(), slots: fs::read(slots_path(path)).unwrap() }
    }

    fn put(&self, path: &Path) {
        fs::write(path, &self.rows).unwrap();
        fs::write(slots_path(path), &self.slots).unwrap();
    }
}

fn phrase() -> Passphrase {
    Passphrase::new("correct horse")
}

fn open(path: &Path) -> Result<(Store, Rows), StoreError> {
    let (store, records) = Store::open(path, &phrase())?;
    let row = |record: &quorate_machine::durable::Record| {
        ((record.table, record.key.clone()), record.value.to_vec())
    };
    let rows = records.iter().map(row).collect();
    Ok((store, rows))
}

/// The slots that rows name.
fn named(store: &Store) -> BTreeSet<u64> {
    let transaction = store.database.begin_read().unwrap();
    let table = transaction.open_table(super::ROWS).unwrap();
    let rows = table.iter().unwrap().map(Result::unwrap);
    let number = |(place, row): (redb::AccessGuard<'_, &[u8]>, redb::AccessGuard<'_, &[u8]>)| {
        let table = Table::from_number(place.value()[0])?;
        if table.is_erasable() { slot_number(row.value()) } else { None }
    };
    rows.filter_map(number).collect()
}

/// The bytes of every slot that is there.
fn slots(bytes: &[u8]) -> BTreeMap<u64, &[u8]> {
    (0..).zip(bytes.chunks(SLOT_BYTES).skip(2)).collect()
}

/// Both files at every step of a commit, torn writes between them included.
fn states(store: &mut Store, path: &Path, writes: &[Write]) -> Vec<(Option<Step>, Files)> {
    steps_of(path, |passed| {
        store.write(writes, Phases::Two, false, passed).unwrap();
    })
}

/// Both files at every step that this passes, and what torn writes of the slots make of them.
fn steps_of(path: &Path, act: impl FnOnce(&mut dyn FnMut(Step))) -> Vec<(Option<Step>, Files)> {
    let mut seen = vec![(None, Files::of(path))];
    act(&mut |step| seen.push((Some(step), Files::of(path))));
    let mut all = Vec::new();
    for pair in seen.windows(2) {
        let ((before, old), (_, new)) = (&pair[0], &pair[1]);
        all.push((*before, old.clone()));
        // What of the slots was written until it died: any sectors, or a part of one.
        for cut in [1, 60, 128, 200, 256, 300, 500, 1_000] {
            let torn = old.slots.iter().zip(&new.slots);
            let mut slots: Vec<u8> = torn
                .enumerate()
                .map(|(at, (old, new))| if at < cut { *new } else { *old })
                .collect();
            if new.slots.len() > old.slots.len() && cut > 128 {
                slots.extend(new.slots[old.slots.len()..].iter().take(cut));
            }
            all.push((*before, Files { rows: old.rows.clone(), slots }));
        }
    }
    all.extend(seen.last().cloned());
    all
}

/// STO-12: whatever a crash leaves, the store opens as one batch or the next left it, and after
/// that no key that no row names is in the slots any more.
#[test]
fn neg_099_a_crash_at_any_step_leaves_one_batch_or_the_next_and_no_forgotten_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let id = StoreId(Digest([1; 32]));
    let mut store = Store::create_with(&path, &phrase(), id, Cost::TRIAL).unwrap();
    let share = |name: &str, value: u8| Write::put(Table::Share, name, vec![value; 90]);
    let gone = |name: &str| Write::delete(Table::Share, name);
    let batches = [
        vec![share("a", 1), share("b", 2), Write::put(Table::Meta, "m", vec![1])],
        vec![share("a", 3)],
        vec![gone("b"), share("c", 4), Write::put(Table::Pair, "p", vec![5; 500])],
        vec![gone("a"), gone("c")],
        vec![share("a", 6), share("a", 7), gone("a"), share("a", 8)],
        vec![Write::put(Table::Meta, "m", vec![2])],
        vec![gone("p"), gone("a"), share("d", 9), share("e", 9), share("f", 9)],
    ];
    let mut before = Rows::new();
    for (at, batch) in batches.iter().enumerate() {
        let mut after = before.clone();
        for write in batch {
            let place = (write.table, write.key.clone());
            match &write.value {
                Some(value) => drop(after.insert(place, value.to_vec())),
                None => drop(after.remove(&place)),
            }
        }
        let all = states(&mut store, &path, batch);
        let sound = Files::of(&path);
        drop(store);
        let mut steps = BTreeMap::new();
        for (step, files) in &all {
            files.put(&path);
            let (opened, rows) = open(&path).unwrap_or_else(|error| panic!("{at}: {error}"));
            let durable = matches!(step, Some(Step::Rows | Step::SlotsErased));
            assert_eq!(rows, if durable { after.clone() } else { before.clone() }, "{at} {step:?}");
            let (named, left) = (named(&opened), Files::of(&path));
            for (number, slot) in slots(&files.slots) {
                let kept = slots(&left.slots).get(&number) == Some(&slot);
                assert_eq!(kept, named.contains(&number), "{at} {step:?} slot {number}");
            }
            drop(opened);
            *steps.entry(format!("{step:?}")).or_insert(0) += 1;
        }
        assert!(steps.len() > 1, "{at}: {steps:?}");
        sound.put(&path);
        let (opened, rows) = open(&path).unwrap();
        assert_eq!(rows, after);
        (store, before) = (opened, after);
    }
}

/// STO-12: the steps come in this order, and only those that are needed.
#[test]
fn sto_12_keys_are_durable_before_their_rows_and_gone_after_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let id = StoreId(Digest([1; 32]));
    let mut store = Store::create_with(&path, &phrase(), id, Cost::TRIAL).unwrap();
    let mut steps = |writes: &[Write]| {
        let mut seen = Vec::new();
        let syncs = store.write(writes, Phases::Two, false, &mut |step| seen.push(step)).unwrap();
        assert_eq!(syncs, 1 + seen.len());
        seen
    };
    let many = |table, value| -> Vec<Write> {
        (0..3_000_u32).map(|n| Write::put(table, n.to_be_bytes(), vec![value; 40])).collect()
    };
    let gone: Vec<Write> =
        (0..3_000_u32).map(|n| Write::delete(Table::Share, n.to_be_bytes())).collect();
    assert_eq!(steps(&many(Table::Audit, 1)), [Step::Rows]);
    // Three thousand keys cost one sync each way, as one does.
    assert_eq!(steps(&many(Table::Share, 1)), [Step::SlotsTaken, Step::Rows]);
    assert_eq!(steps(&many(Table::Share, 2)), [Step::SlotsTaken, Step::Rows, Step::SlotsErased]);
    assert_eq!(steps(&gone), [Step::Rows, Step::SlotsErased]);
    assert_eq!(steps(&gone), [Step::Rows]);
    let both = [Write::put(Table::Pair, "p", vec![1]), Write::delete(Table::Pair, "p")];
    assert_eq!(steps(&both), [Step::Rows]);
    // Freed slots are used again.
    let length = fs::metadata(slots_path(&path)).unwrap().len();
    assert_eq!(length, (2 + 2 * 3_000) * SLOT_BYTES as u64);
    assert_eq!(steps(&many(Table::Share, 3)), [Step::SlotsTaken, Step::Rows]);
    assert_eq!(fs::metadata(slots_path(&path)).unwrap().len(), length);
}

/// STO-18: whatever a crash during a resealing leaves opens by the seal of before or by the new one,
/// never by both, with all rows; and after that no key of the other time is in the slots.
#[test]
fn sto_18_a_crash_while_a_store_is_sealed_anew_leaves_one_seal_or_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let id = StoreId(Digest([1; 32]));
    let mut store = Store::create_with(&path, &phrase(), id, Cost::TRIAL).unwrap();
    let share = |name: &str, value: u8| Write::put(Table::Share, name, vec![value; 90]);
    let batch =
        [share("a", 1), share("b", 2), share("c", 3), Write::put(Table::Meta, "m", vec![1])];
    store.commit(&batch).unwrap();
    store.commit(&[Write::delete(Table::Share, "b")]).unwrap();
    let before = Files::of(&path);
    let key = SealKey::random();
    let object = TpmObject { public: vec![1; 48], private: vec![2; 190], counter: None };
    let all = steps_of(&path, |passed| {
        store.reseal_stepwise(Seal::Tpm2(object.clone()), &key, passed).unwrap();
    });
    drop(store);
    let after = Files::of(&path);
    let (mut by_old, mut by_new) = (0, 0);
    for (step, files) in all.iter().chain([&(Some(Step::SlotsErased), after.clone())]) {
        let durable = matches!(step, Some(Step::Rows | Step::SlotsErased));
        files.put(&path);
        let found = SealedStore::find(&path).unwrap();
        assert_eq!(found.seal() == &Seal::Tpm2(object.clone()), durable, "{step:?}");
        let opened = if durable {
            by_new += 1;
            let opened = found.unlock(&key).unwrap();
            drop(opened);
            assert!(matches!(open(&path), Err(StoreError::OtherSeal { .. })));
            SealedStore::find(&path).unwrap().unlock(&key).unwrap()
        } else {
            by_old += 1;
            assert!(matches!(found.unlock(&key), Err(StoreError::WrongPassphrase)));
            Store::open(&path, &phrase()).unwrap()
        };
        let (store, records) = opened;
        let keys: Vec<&[u8]> = records.iter().map(|record| record.key.as_slice()).collect();
        assert_eq!(keys, [b"m", b"a", b"c"], "{step:?}");
        let (named, left) = (named(&store), Files::of(&path));
        for (number, slot) in slots(&files.slots) {
            let kept = slots(&left.slots).get(&number) == Some(&slot);
            assert_eq!(kept, named.contains(&number), "{step:?} slot {number}");
        }
    }
    assert!(by_old > 8 && by_new > 8, "{by_old} {by_new}");

    // Rows of the one time and slots of the other are no store, whoever has which secret.
    Files { rows: before.rows.clone(), slots: after.slots.clone() }.put(&path);
    assert!(matches!(open(&path), Err(StoreError::DamagedSlots(_))));
    Files { rows: after.rows.clone(), slots: before.slots.clone() }.put(&path);
    let mixed = SealedStore::find(&path).unwrap().unlock(&key);
    assert!(matches!(mixed, Err(StoreError::DamagedSlots(_))));
    // What was copied before still opens as it did: that is what a copy is.
    before.put(&path);
    assert!(open(&path).is_ok());
}
