//! Files that are cut, changed, put together otherwise, or of another program.

use crate::domain::{EXPORT, boundaries, forced, read, written};
use crate::{refused_parts, report_forced, verified, world};
use proptest::prelude::*;
use quorate_charter::Instance;
use quorate_codec::Digest;
use quorate_recovery::backup_file::{
    BackupReader, BundleKind, FileEnd, FileFault, Item, ItemKind, StoredBundle,
};
use quorate_recovery::verify::{Part, Whose, Why, verify_key};
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use std::io;

fn whole() -> Vec<u8> {
    written(&world().domain.items(&world().keys()))
}

/// Numbers below each limit, always the same.
fn drawn(seed: u64) -> impl FnMut(usize) -> usize {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    move |limit| (rng.next_u64() % limit as u64) as usize
}

/// REC-22, REC-23: no byte can be another one.
#[test]
fn neg_010_a_flipped_byte_is_found_wherever_it_is() {
    let bytes = whole();
    let mut drawn = drawn(1);
    for _ in 0..1_000 {
        let (at, bit) = (drawn(bytes.len()), drawn(8));
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << bit;
        let error = read(&flipped).unwrap_err();
        assert!(error.to_string().len() > error.what().len() + 10, "what to do next: {error}");
    }
}

/// REC-23, REC-27: what is flipped in a bundle is told by its kind and author, and nobody else's
/// statement is touched.
#[test]
fn neg_010_a_flipped_byte_of_a_bundle_is_told_by_its_author() {
    let world = world();
    let kept = &world.treasury.kept;
    let decided = world.domain.certify(&kept.record, 3);
    let mut drawn = drawn(2);
    for _ in 0..1_000 {
        let mut bundle = kept.bundles[drawn(kept.bundles.len())].clone();
        let at = drawn(bundle.bytes.len());
        bundle.bytes[at] ^= 1 << drawn(8);
        let (kind, author) = (bundle.kind, bundle.author);
        // The others are left out, which spares their proofs.
        let report = verify_key(&world.domain.state, &decided, [bundle]);
        let of_backup = |it: &&quorate_recovery::verify::Checked| match &it.part {
            Part::Backup(part) => (part.kind, part.author.node) == (kind, author),
            _ => false,
        };
        let refusal = report.statements.iter().find(of_backup).unwrap().result.clone().unwrap_err();
        assert_eq!(refusal.whose, Whose::Holder, "its author may have made no mistake");
        assert_ne!(refusal.why, Why::Missing);
    }
}

/// REC-24 to REC-28: whoever flips a byte and makes the end fit it gains nothing. Only what nothing
/// proves (REC-31) can be written anew.
#[test]
fn neg_010_a_flipped_byte_is_found_where_the_end_was_made_anew() {
    let world = world();
    // One key, which spares the proofs of the others: they are missing, and every statement holds.
    let items = world.domain.items(std::slice::from_ref(&world.vault.kept));
    let is_refused = |items: &[Item]| report_forced(items).statements().any(|it| !it.holds());
    assert!(!is_refused(&items));
    let (mut drawn, mut tried) = (drawn(3), 0);
    while tried < 30 {
        let place = 1 + drawn(items.len() - 1);
        let mut flipped = quorate_codec::to_bytes(&items[place]);
        let at = drawn(flipped.len());
        flipped[at] ^= 1 << drawn(8);
        let Ok(item) = quorate_codec::from_bytes::<Item>(&flipped) else { continue };
        let mut items = items.clone();
        items[place] = item;
        assert!(is_refused(&items), "byte {at} of item {place}");
        tried += 1;
    }
}

/// REC-23: a file that ends early is refused, and where is said.
#[test]
fn neg_010_a_file_that_is_cut_is_refused_wherever_it_ends() {
    let bytes = whole();
    let boundaries = boundaries(&bytes);
    assert_eq!(boundaries.last(), Some(&bytes.len()));
    for (items, end) in boundaries.iter().take(boundaries.len() - 1).enumerate() {
        let error = read(&bytes[..*end]).unwrap_err();
        let expected = (FileFault::NoEnd, items as u64 + 1, *end as u64);
        assert_eq!((error.fault.clone(), error.item, error.offset), expected);
        let text = format!(
            "item {}, at byte {end}: the file ends here, without its last item: the \
                            rest was cut off; take another copy of the file, or another backup",
            items + 1
        );
        assert_eq!(error.to_string(), text);
    }
    let mut drawn = drawn(4);
    for _ in 0..500 {
        let end = drawn(bytes.len());
        let error = read(&bytes[..end]).unwrap_err();
        let is_told = match error.fault {
            FileFault::Other => end < boundaries[0],
            FileFault::NoEnd => boundaries.contains(&end),
            FileFault::Cut { missing } => {
                let at = boundaries.binary_search(&(error.offset as usize)).unwrap();
                let next = boundaries.get(at + 1).copied();
                end + missing == error.offset as usize + 4
                    || next.is_some_and(|next| end + missing <= next)
            }
            _ => false,
        };
        assert!(is_told, "{end}: {error}");
    }
}

/// REC-29: what was read of a file that is cut is judged, and it is said that more is missing.
#[test]
fn what_is_left_of_a_file_is_judged() {
    let world = world();
    let bytes = whole();
    let boundaries = boundaries(&bytes);
    // Head, four entries, ops with its epoch and six bundles, then treasury's epoch and one bundle.
    let end = boundaries[5 + 7 + 2];
    let report = verified(&bytes[..end], &world.domain.state.genesis());
    assert!(!report.holds() && crate::of(&report, "ops").holds());
    assert!(matches!(refused_parts(&report)[..], [(Part::File, Whose::Holder, Why::File(_))]));
    let missing: Vec<&str> = report.missing.iter().map(|key| key.name.as_str()).collect();
    assert_eq!(missing, ["vault"]);
    assert_eq!(crate::refused(crate::of(&report, "treasury")).len(), 5 + 1, "and no sum");
}

/// REC-22: an end counts and hashes, and is the end.
#[test]
fn neg_010_an_end_that_does_not_fit_is_refused() {
    let bytes = whole();
    let (boundaries, items) = (boundaries(&bytes), read(&bytes).unwrap());
    let start = boundaries[boundaries.len() - 2];
    let Some(Item::End(end)) = items.last() else { panic!() };
    let ending = |end: FileEnd| {
        let end = quorate_codec::to_bytes(&Item::End(end));
        let length = u32::try_from(end.len()).unwrap().to_be_bytes();
        read(&[&bytes[..start], &length, &end].concat()).map(|_| ()).map_err(|it| it.fault)
    };
    assert_eq!(ending(*end), Ok(()));
    let more = end.items + 1;
    let count = FileFault::Count { said: more, got: end.items };
    assert_eq!(ending(FileEnd { items: more, ..*end }), Err(count));
    assert_eq!(ending(FileEnd { digest: Digest::ZERO, ..*end }), Err(FileFault::Digest));
    for more in [&b"\n"[..], &bytes[boundaries[0]..], &bytes] {
        let fault = read(&[&bytes, more].concat()).unwrap_err().fault;
        assert_eq!(fault, FileFault::Trailing);
    }
}

/// REC-21: an item in another place than its own ends the reading, and is told.
#[test]
fn neg_010_items_out_of_order_are_refused() {
    let world = world();
    let items = world.domain.items(std::slice::from_ref(&world.vault.kept));
    // head, 4 entries, epoch, 3 shares, 3 contributions
    let (head, entry, epoch, shares, contributions) = (0, 1, 5, 6, 9);
    let canary = Item::Canary(world.domain.canary(world.domain.node("node-1"), EXPORT, 1));
    let with_canary: Vec<Item> = items.iter().cloned().chain([canary]).collect();
    let moved = |from: usize, to: usize| {
        let mut items = with_canary.clone();
        let item = items.remove(from);
        items.insert(to, item);
        items
    };
    assert!(read(&forced(&with_canary)).is_ok());
    let last = with_canary.len() - 1;
    for (what, items, at, got) in [
        ("no head", with_canary[1..].to_vec(), 1, ItemKind::Entry),
        ("a head behind an entry", moved(head, entry), 1, ItemKind::Entry),
        ("an entry behind an epoch", moved(entry, epoch), 6, ItemKind::Entry),
        ("an epoch before an entry", moved(epoch, entry), 3, ItemKind::Entry),
        ("a bundle before its epoch", moved(shares, epoch), 6, ItemKind::Bundle),
        ("shares behind contributions", moved(shares, contributions), 10, ItemKind::Bundle),
        ("a canary before an epoch", moved(last, epoch), 7, ItemKind::Epoch),
        ("a canary before contributions", moved(last, contributions), 11, ItemKind::Bundle),
        ("two heads", [&items[..1], &items].concat(), 2, ItemKind::Head),
        ("nothing but an end", Vec::new(), 1, ItemKind::End),
    ] {
        let error = read(&forced(&items)).unwrap_err();
        if what == "shares behind contributions" {
            // Among those of its kind it would be welcome: here it stands behind the first.
            assert!(matches!(error.fault, FileFault::Order { got: ItemKind::Bundle, .. }));
            continue;
        }
        let FileFault::Order { got: found, .. } = error.fault else { panic!("{what}: {error}") };
        assert_eq!((error.item, found), (at, got), "{what}");
    }
}

/// REC-23: a damaged item is told, and what stands behind it is read all the same.
#[test]
fn a_damaged_item_does_not_hide_the_others() {
    let world = world();
    let items = world.domain.items(&world.keys());
    let bytes = written(&items);
    let boundaries = boundaries(&bytes);
    // The epoch of ops, in whose list of fields something else is said.
    let mut flipped = bytes.clone();
    flipped[boundaries[5] + 4 + 3] ^= 1;
    let reader = BackupReader::new(flipped.as_slice()).unwrap();
    let read: Vec<_> = reader.collect();
    assert_eq!(read.len(), items.len() + 1);
    let error = read[5].as_ref().unwrap_err();
    assert!(matches!(error.fault, FileFault::Malformed { kind: ItemKind::Epoch, .. }));
    assert_eq!(read.last().unwrap().as_ref().unwrap_err().fault, FileFault::Digest);
    assert_eq!(read.iter().filter(|item| item.is_err()).count(), 2);

    let report = verified(&flipped, &world.domain.state.genesis());
    assert!(crate::of(&report, "treasury").holds() && crate::of(&report, "vault").holds());
    let unread = &report.keys[0];
    assert_eq!((unread.key, unread.epoch), (None, None));
    let refused = crate::refused(unread);
    assert_eq!((refused.len(), refused[0].0.as_str()), (7, "the record"));
    assert_eq!(refused[1].0, "the shares of node-2");
    let rests = |(_, _, why): &(_, _, Why)| *why == Why::RestsOn("the record");
    assert!(refused[1..].iter().all(rests), "{:#}", unread.to_json());
    assert_eq!(report.missing.len(), 1);

    // A bundle of ops whose kind is none: it is missing, and its author is told.
    let mut flipped = bytes.clone();
    flipped[boundaries[7] + 4 + 4] ^= 4;
    let report = verified(&flipped, &world.domain.state.genesis());
    let refused = crate::refused(crate::of(&report, "ops"));
    assert_eq!(refused.len(), 1);
    assert!(refused[0].0.starts_with("the shares of node-1") && refused[0].2 == Why::Missing);
    let faults = refused_parts(&report).into_iter().map(|(_, _, why)| match why {
        Why::File(error) => error.fault,
        other => panic!("{other}"),
    });
    assert!(matches!(
        &faults.collect::<Vec<_>>()[..],
        [FileFault::Malformed { kind: ItemKind::Bundle, .. }, FileFault::Digest]
    ));
}

/// REC-21: a length is looked at before anything is made room for, and what comes without end has
/// one.
#[test]
fn neg_015_damaged_lengths_and_endless_items_are_refused() {
    let bytes = whole();
    let boundaries = boundaries(&bytes);
    let with_length = |item: usize, length: u32| {
        let mut bytes = bytes.clone();
        bytes[boundaries[item]..][..4].copy_from_slice(&length.to_be_bytes());
        read(&bytes).unwrap_err().fault
    };
    for item in [0, 1, 5, 6] {
        for length in [u32::MAX, 1 << 30, 12 << 20] {
            let fault = with_length(item, length);
            assert!(matches!(fault, FileFault::Length { .. }), "{item}: {fault}");
        }
        assert_eq!(with_length(item, 0), FileFault::Unknown);
        assert_eq!(with_length(item, 1), FileFault::Unknown);
    }
    let end = with_length(boundaries.len() - 2, 1_000);
    assert!(matches!(end, FileFault::Length { kind: ItemKind::End, got: 1_000, .. }));

    let world = world();
    let head = &world.domain.items(&[])[..1];
    let epoch = Item::Epoch(world.domain.certify(&world.vault.kept.record, 0));
    let bundle = |kind| {
        let (author, bytes) = (world.domain.node("node-1"), Vec::new());
        Item::Bundle(StoredBundle { kind, author, bytes })
    };
    let of = |items: Vec<Item>| read(&forced(&items)).map(|_| ()).map_err(|error| error.fault);
    let many = |start: &[Item], item: Item, count| [start, &vec![item; count]].concat();
    let begun = [head, &[epoch]].concat();
    for kind in [BundleKind::Shares, BundleKind::Contributions] {
        assert_eq!(of(many(&begun, bundle(kind), 64)), Ok(()));
        let fault = of(many(&begun, bundle(kind), 65)).unwrap_err();
        assert!(matches!(fault, FileFault::TooMany { max: 64, .. }), "{fault}");
    }
    let void = Item::Epoch(world.domain.decide(Instance::Position(1), Vec::new(), 0));
    assert_eq!(of(many(head, void.clone(), 16_384)), Ok(()));
    let fault = of(many(head, void, 16_385)).unwrap_err();
    assert!(matches!(fault, FileFault::TooMany { max: 16_384, what: "epochs" }), "{fault}");
    let fault = of(many(head, Item::Canary(Vec::new()), 65)).unwrap_err();
    assert!(matches!(fault, FileFault::TooMany { max: 64, what: "canaries" }), "{fault}");
}

/// REC-23, N-15: a file of nothing but rubble is not told item by item.
#[test]
fn neg_015_no_more_than_a_thousand_items_that_cannot_be_read_are_told() {
    let bytes = forced(&world().domain.items(&[])[..1]);
    let [_, behind_head, end] = boundaries(&bytes)[..] else { panic!() };
    let told = |count: usize| {
        // An entry's number, and nothing of an entry.
        let rubble = [0, 0, 0, 2, 0x82, 1].repeat(count);
        let bytes = [&bytes[..behind_head], &rubble, &bytes[behind_head..end]].concat();
        let all: Vec<_> = BackupReader::new(bytes.as_slice()).unwrap().collect();
        all
    };
    // A head, the rubble, and an end which counts otherwise.
    assert_eq!(told(1_000).len(), 1_002);
    let all = told(5_000);
    assert_eq!(all.len(), 1_002);
    let last = &all.last().unwrap().as_ref().unwrap_err().fault;
    assert!(matches!(last, FileFault::TooMany { max: 1_000, .. }), "{last}");
}

/// REC-20: a later form is told by its number, and something else is no backup.
#[test]
fn later_versions_and_other_files_are_told_apart() {
    let bytes = whole();
    let line = "quorate-backup-1\n".len();
    let beginning = |start: &str| {
        let error = read(&[start.as_bytes(), &bytes[line..]].concat()).unwrap_err();
        assert_eq!((error.item, error.offset), (0, 0));
        error
    };
    assert_eq!(beginning("quorate-backup-2\n").fault, FileFault::Version(2));
    let later = beginning("quorate-backup-40\n").to_string();
    let text = "it is a backup file of version 40, known is 1; use a quorate-recovery that knows this \
                version";
    assert_eq!(later, text);
    let long = "quorate-backup-1".repeat(9);
    for other in [
        "",
        "\n",
        "quorate-backup-1",
        "quorate-backup-01\n",
        "quorate-backup-1 \n",
        "quorate-backup-1\r\n",
        " quorate-backup-1\n",
        "quorate-backup-x\n",
        "quorate-recovery-1\n",
        &long,
    ] {
        assert_eq!(beginning(other).fault, FileFault::Other, "{other:?}");
    }
    assert_eq!(read(b"").unwrap_err().fault, FileFault::Other);
}

/// A disk that fails is said to have failed.
#[test]
fn what_cannot_be_read_is_told() {
    struct Broken;
    impl io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the cable is out"))
        }
    }
    let bytes = whole();
    let source = io::Read::chain(&bytes[..2_000], Broken);
    let error = BackupReader::new(source).unwrap().find_map(Result::err).unwrap();
    assert_eq!(error.fault, FileFault::Unread("the cable is out".to_owned()));
    assert!(error.to_string().contains("check the disk"));
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(
        rest in prop::collection::vec(any::<u8>(), 0..200),
        length in prop::option::of(0_u8..150),
        kind in 0_u8..8,
    ) {
        let head = length.map(|length| vec![0, 0, 0, length, 0x82, kind]).unwrap_or_default();
        let _ = read(&[b"quorate-backup-1\n", &head[..], &rest].concat());
    }
}
