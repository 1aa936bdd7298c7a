//! What deleted shares and set-ups leave behind: nothing that opens. What damaged, missing, old or
//! foreign slots come to: a clear error or the right rows.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_codec::Digest;
use quorate_machine::durable::{Table, Write};
use quorate_store::{Cost, Passphrase, Store, StoreError, StoreId};
use rand_core::{OsRng, RngCore};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const SLOT: usize = 128;

type Rows = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

/// Both files, as somebody may have copied them.
#[derive(Clone)]
struct Copy {
    rows: Vec<u8>,
    slots: Vec<u8>,
}

fn slots(path: &Path) -> PathBuf {
    path.with_extension("redb.slots")
}

impl Copy {
    fn of(path: &Path) -> Self {
        Self { rows: fs::read(path).unwrap(), slots: fs::read(slots(path)).unwrap() }
    }

    fn put(&self, path: &Path) {
        fs::write(path, &self.rows).unwrap();
        fs::write(slots(path), &self.slots).unwrap();
    }
}

fn phrase() -> Passphrase {
    Passphrase::new("correct horse")
}

fn create(path: &Path, id: u8) -> Store {
    Store::create_with(path, &phrase(), StoreId(Digest([id; 32])), Cost::TRIAL).unwrap()
}

fn read(path: &Path) -> Result<Rows, StoreError> {
    let (_, records) = Store::open(path, &phrase())?;
    let row = |record: &quorate_machine::durable::Record| {
        ((record.table, record.key.clone()), record.value.to_vec())
    };
    Ok(records.iter().map(row).collect())
}

fn scratch() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    (folder, path)
}

fn share(epoch: u8, value: u8) -> Write {
    Write::put(Table::Share, [epoch], vec![value; 96])
}

/// STO-12: with the old rows, the passphrase and the slots as they are now, nobody has the old
/// share, whether it was deleted or replaced; with the old slots it is there.
#[test]
fn neg_099_an_old_copy_of_the_rows_and_the_passphrase_do_not_give_a_deleted_share() {
    let replace = Write::put(Table::Share, [1], vec![0; 96]);
    for end in [Write::delete(Table::Share, [1]), replace] {
        let (_folder, path) = scratch();
        let mut store = create(&path, 1);
        store.commit(&[share(1, 7), share(2, 8)]).unwrap();
        drop(store);
        let old = Copy::of(&path);
        let (mut store, _) = Store::open(&path, &phrase()).unwrap();
        store.commit(&[end]).unwrap();
        drop(store);
        let new = Copy::of(&path);

        Copy { rows: old.rows.clone(), slots: new.slots.clone() }.put(&path);
        let error = read(&path).unwrap_err();
        assert!(matches!(error, StoreError::DamagedRow { table: Table::Share, .. }), "{error}");
        // What is tried does no harm to what is there.
        assert_eq!(fs::read(slots(&path)).unwrap(), new.slots);
        new.put(&path);
        assert_eq!(read(&path).unwrap()[&(Table::Share, vec![2])], [8; 96]);
        // No slot of the old share is left, sealed or not.
        let old_slots: Vec<_> = old.slots.chunks(SLOT).skip(2).collect();
        let kept = new.slots.chunks(SLOT).filter(|slot| old_slots.contains(slot)).count();
        assert_eq!((old_slots.len(), kept), (2, 1), "the other share's alone");

        old.put(&path);
        assert_eq!(
            read(&path).unwrap()[&(Table::Share, vec![1])],
            [7; 96],
            "so both are kept safe"
        );
    }
}

/// STO-13: each has its own error, and nothing is overwritten.
#[test]
fn neg_060_slots_that_are_missing_old_foreign_or_cut_give_clear_errors() {
    let (_folder, path) = scratch();
    let mut store = create(&path, 1);
    store.commit(&[Write::put(Table::Meta, *b"m", vec![1])]).unwrap();
    drop(store);
    let empty = Copy::of(&path);
    let (mut store, _) = Store::open(&path, &phrase()).unwrap();
    store.commit(&[share(1, 7), Write::put(Table::Pair, *b"p", vec![8; 500])]).unwrap();
    store.commit(&[Write::put(Table::Meta, *b"m", vec![2])]).unwrap();
    store.commit(&[share(2, 9)]).unwrap();
    drop(store);
    let sound = Copy::of(&path);
    let expected = read(&path).unwrap();
    let sound = Copy { rows: fs::read(&path).unwrap(), ..sound };
    let (_other_folder, other) = scratch();
    let mut foreign = create(&other, 2);
    foreign.commit(&[share(1, 7), share(2, 7), share(3, 7)]).unwrap();
    drop(foreign);

    let with = |found: &[u8]| {
        Copy { rows: sound.rows.clone(), slots: found.to_vec() }.put(&path);
        let error = read(&path).unwrap_err();
        assert!(!error.is_callers_fault() && !error.next().is_empty(), "{error}");
        assert_eq!(fs::read(slots(&path)).unwrap(), found, "{error}");
        error
    };
    fs::remove_file(slots(&path)).unwrap();
    assert!(matches!(read(&path), Err(StoreError::MissingSlots(_))));
    assert!(matches!(read(&path), Err(StoreError::MissingSlots(_))), "it was not made anew");
    assert!(matches!(with(&[]), StoreError::DamagedSlots(_)));
    assert!(matches!(with(&sound.slots[..100]), StoreError::DamagedSlots(_)));
    assert!(matches!(with(&vec![0; 5 * SLOT]), StoreError::DamagedSlots(_)));
    assert!(matches!(with(&fs::read(slots(&other)).unwrap()), StoreError::DamagedSlots(_)));
    assert!(matches!(with(&empty.slots), StoreError::DamagedRow { table: Table::Share, .. }));
    let cut = &sound.slots[..sound.slots.len() - 1];
    assert!(matches!(with(cut), StoreError::DamagedRow { table: Table::Share, .. }));
    let mut swapped = sound.slots.clone();
    swapped[2 * SLOT..4 * SLOT].rotate_left(SLOT);
    assert!(matches!(with(&swapped), StoreError::DamagedRow { .. }));

    // Rows from before the slots were taken would have them overwritten.
    Copy { rows: empty.rows, slots: sound.slots.clone() }.put(&path);
    assert!(matches!(read(&path), Err(StoreError::OlderRows(_))));
    assert_eq!(fs::read(slots(&path)).unwrap(), sound.slots);
    sound.put(&path);
    assert_eq!(read(&path).unwrap(), expected);
}

/// STO-13: every byte of the slots.
#[test]
fn neg_060_a_flipped_byte_in_the_slots_gives_a_clear_error_or_the_right_rows() {
    let (_folder, path) = scratch();
    let mut store = create(&path, 1);
    store.commit(&[share(1, 7), Write::put(Table::Pair, *b"p", vec![8; 500])]).unwrap();
    store.commit(&[share(2, 9), Write::delete(Table::Share, [1])]).unwrap();
    drop(store);
    let expected = read(&path).unwrap();
    let sound = Copy::of(&path);
    assert_eq!(sound.slots.len(), 5 * SLOT);
    let mut harmless = 0;
    for at in 0..sound.slots.len() {
        let mut flipped = sound.clone();
        flipped.slots[at] ^= 1 << (at % 8);
        flipped.put(&path);
        match read(&path) {
            Ok(rows) => {
                assert_eq!(rows, expected, "byte {at}");
                harmless += 1;
            }
            Err(StoreError::DamagedRow { table: Table::Share | Table::Pair, .. }) => {}
            Err(error) => panic!("byte {at}: {error}"),
        }
    }
    // Two heads, of which one is enough, and one free slot.
    assert_eq!(harmless, 3 * SLOT);
}

/// STO-08: slots that somebody's rows may need are not overwritten by a new store.
#[test]
fn sto_08_slots_without_a_store_are_kept() {
    let (_folder, path) = scratch();
    drop(create(&path, 1));
    fs::remove_file(&path).unwrap();
    let mut store = create(&path, 1);
    store.commit(&[share(1, 7)]).unwrap();
    drop(store);
    let sound = Copy::of(&path);
    fs::remove_file(&path).unwrap();
    let again = Store::create_with(&path, &phrase(), StoreId(Digest([2; 32])), Cost::TRIAL);
    assert!(matches!(again, Err(StoreError::Exists(_))));
    sound.put(&path);
    assert_eq!(read(&path).unwrap().len(), 1);
}

/// STO-10, STO-12: ten thousand random operations, reopened now and then, against a map. The
/// slots stay as many as there were rows at once, and those of a batch.
#[test]
fn sto_12_random_operations_do_what_a_map_does() {
    let (_folder, path) = scratch();
    let mut store = create(&path, 1);
    let mut model = Rows::new();
    let below = |bound: u32| (OsRng.next_u64() % u64::from(bound)) as u32;
    let tables = [Table::Share, Table::Pair, Table::Request];
    let (mut operations, mut batches, mut most) = (0, 0, 0);
    while operations < 10_000 {
        let mut batch = Vec::new();
        for _ in 0..=below(200) {
            let table = tables[below(3) as usize];
            let key = vec![below(40) as u8];
            if below(3) == 0 {
                model.remove(&(table, key.clone()));
                batch.push(Write::delete(table, key));
            } else {
                let value = vec![below(256) as u8; below(200) as usize];
                model.insert((table, key.clone()), value.clone());
                batch.push(Write::put(table, key, value));
            }
        }
        operations += batch.len();
        let held = model.keys().filter(|(table, _)| table.is_erasable()).count();
        most = most.max(held + batch.len());
        store.commit(&batch).unwrap();
        batches += 1;
        if batches % 10 == 0 {
            drop(store);
            let (again, records) = Store::open(&path, &phrase()).unwrap();
            let found: Rows = records
                .iter()
                .map(|record| ((record.table, record.key.clone()), record.value.to_vec()))
                .collect();
            assert_eq!(found, model, "after {operations} operations");
            store = again;
        }
    }
    let slots = fs::metadata(slots(&path)).unwrap().len() as usize / SLOT - 2;
    assert!(slots <= most, "{slots} slots, {most} rows at most");
}
