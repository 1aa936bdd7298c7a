//! Files that hold, and what is said of them.

use crate::domain::{EXPORT, NOW, custody, forced, name, read, written};
use crate::{of, refused, refused_parts, report, world};
use quorate_backup::SoftKind;
use quorate_charter::{KeyBackup, MotionBody};
use quorate_codec::Digest;
use quorate_curve::{Secp256k1, SecretScalar};
use quorate_recovery::backup_file::{
    BackupWriter, BundleKind, FileEnd, FileHead, Item, StoredBundle, WriteError,
};
use quorate_recovery::verify::{Author, Note, Part, Said, Whose, Why, verify_key};
use std::io;

/// REC-20, REC-22: what is written is what the specification says, and is read again.
#[test]
fn a_file_is_read_as_it_was_written() {
    let world = world();
    let items = world.domain.items(&world.keys());
    let bytes = written(&items);
    assert_eq!(bytes, forced(&items));
    let read = read(&bytes).unwrap();
    assert_eq!(read[..items.len()], items);
    assert!(matches!(read[items.len()..], [Item::End(FileEnd { items: count, .. })]
        if count == items.len() as u64));
}

/// REC-24 to REC-29, REC-32: every statement is told, by name.
#[test]
fn a_file_holds_statement_by_statement() {
    let world = world();
    let items = world.domain.items(&world.keys());
    let report = report(&items);
    assert!(report.holds(), "{:#}", report.to_json());
    assert_eq!(report.said, Some(Said { made_at_ms: NOW, export: EXPORT }));
    let charter = report.charter.as_ref().unwrap();
    assert_eq!((charter.domain.as_str(), charter.staging, charter.position), ("drawn", true, 4));
    assert_eq!(charter.head, world.domain.state.head());
    let parts = |key: &str| -> Vec<String> {
        of(&report, key).statements.iter().map(|it| it.part.to_string()).collect()
    };
    // In the order of the committee, which is that of ids.
    let nodes = ["node-2", "node-1", "node-3"];
    let backups = |kind: &str, epoch: u64, tree: &str| {
        nodes.map(|node| {
            format!("the {kind} of {node} in epoch {epoch}, for {tree} (greta, hugo, iris)")
        })
    };
    for (key, epoch) in [("ops", 1), ("treasury", 0), ("vault", 0)] {
        let expected = [
            &["the record".to_owned()][..],
            &backups("shares", epoch, "2 of"),
            // The key itself is backed up once, whatever was refreshed since.
            &backups("contributions", 0, "all of"),
            &["the contributions of all dealers together".to_owned()],
        ];
        assert_eq!(parts(key), expected.concat(), "{key}");
        assert_eq!((of(&report, key).epoch, &of(&report, key).notes), (Some(epoch), &Vec::new()));
    }
    let file: Vec<&Part> = report.of_file.iter().map(|it| &it.part).collect();
    assert_eq!(file, [&Part::File, &Part::Genesis, &Part::Charter]);
    assert_eq!(report, crate::report(&items), "whatever thread was faster");
}

/// A node asks about one key, with what it keeps.
#[test]
fn one_key_is_verified_alone() {
    let world = world();
    let kept = &world.ops.kept;
    let decided = world.domain.certify(&kept.record, 3);
    let report = verify_key(&world.domain.state, &decided, kept.bundles.clone());
    assert!(report.holds(), "{:#}", report.to_json());
    let whole = crate::report(&world.domain.items(&world.keys()));
    assert_eq!(&report, of(&whole, "ops"));
}

/// REC-30: a canary is for the custodians of now, and belongs to the file.
#[test]
fn a_canary_holds() {
    let world = world();
    let mut items = world.domain.items(&world.keys());
    let author = world.domain.node("witness");
    items.push(Item::Canary(world.domain.canary(author, EXPORT, 1)));
    let report = report(&items);
    assert!(report.holds());
    let author = Author { node: author, name: Some(name("witness")) };
    assert_eq!(report.of_file.last().unwrap().part, Part::Canary(Some(author)));
}

/// REC-26: what an importer dealt no node could back up whole, and its shares are.
#[test]
fn the_first_epoch_of_an_imported_key_has_shares_alone() {
    let mut domain = world().domain.clone();
    let secret = SecretScalar::<Secp256k1>::from_wide(&[9; 64]);
    domain.order_import("old", &secret);
    let made = domain.import("old", &secret);
    let verified =
        |record| verify_key(&domain.state, &domain.certify(record, 3), made.kept.bundles.clone());
    let report = verified(&made.kept.record);
    assert!(report.holds(), "{:#}", report.to_json());
    assert_eq!(report.statements.len(), 4, "the record and three members");
    assert_eq!(report.notes, [Note::SharesAlone]);

    let mut other = made.kept.record.clone();
    other.backup.key.clone_from(&world().vault.kept.record.backup.key);
    let whole = Why::Record("it names a backup of a key that no node dealt");
    assert_eq!(refused(&verified(&other))[0], ("the record".to_owned(), Whose::Voters, whole));
    // A later epoch with a backup from before the birth.
    let mut other = made.kept.record.clone();
    other.plan.epoch = 1;
    let key = world().vault.kept.record.backup.key.clone().unwrap();
    let order = other.plan.order;
    other.backup.key = Some(KeyBackup { order, epoch: 0, ..key });
    let (_, _, why) = refused(&verified(&other)).swap_remove(0);
    assert!(why.to_string().starts_with("the backup of the key itself is of another dealing"));
    let mut other = made.kept.record.clone();
    other.accounts[0].chain_code = Digest::ZERO;
    let another = Why::Record("it is another key than the one that was imported");
    assert_eq!(refused(&verified(&other))[0], ("the record".to_owned(), Whose::Voters, another));
}

/// REC-29: what is true and no failure is told.
#[test]
fn a_change_of_custody_and_a_retired_key_are_noted() {
    let world = world();
    let mut domain = world.domain.clone();
    domain.place(MotionBody::KeyRetire { name: name("vault") });
    domain.place(MotionBody::KeyRefresh { name: name("ops") });
    let custody = custody(SoftKind::X25519, 77);
    domain.place(MotionBody::CustodySet { custody, excepted: Vec::new() });
    let [ops, treasury, vault] = world.keys();
    let all = report(&domain.items(&[ops.clone(), treasury.clone(), vault]));
    assert!(all.holds(), "{:#}", all.to_json());
    assert_eq!(of(&all, "ops").notes, [Note::CustodyChanged, Note::Ordered]);
    assert_eq!(of(&all, "vault").notes, [Note::CustodyChanged, Note::Retired]);
    assert!(report(&domain.items(&[ops, treasury])).holds(), "nobody misses a retired key");
}

/// REC-21: a writer writes nothing that a reader would refuse.
#[test]
fn a_writer_refuses_what_is_out_of_place() {
    let world = world();
    let items = world.domain.items(std::slice::from_ref(&world.vault.kept));
    let Item::Head(head) = items[0].clone() else { panic!() };
    let (entry, epoch, bundle) = (&items[1], &items[5], &items[6]);
    let end = Item::End(FileEnd { items: 1, digest: Digest::ZERO });
    let mut writer = BackupWriter::new(Vec::new(), head.clone()).unwrap();
    let mut refused = |item: &Item| {
        assert!(matches!(writer.write(item), Err(WriteError::Order(_))), "{:?}", item.kind());
    };
    refused(bundle);
    refused(&end);
    refused(&Item::Head(head.clone()));
    let mut writer = BackupWriter::new(Vec::new(), head.clone()).unwrap();
    writer.write(epoch).unwrap();
    assert!(matches!(writer.write(entry), Err(WriteError::Order(_))));
    let bytes = vec![0; 11 << 20];
    let (kind, author) = (BundleKind::Shares, world.domain.node("node-1"));
    let long = Item::Bundle(StoredBundle { kind, author, bytes });
    assert!(matches!(writer.write(&long), Err(WriteError::TooLong { .. })));
    // What was refused left nothing behind.
    assert_eq!(writer.finish().unwrap(), written(&[items[0].clone(), epoch.clone()]));
    assert!(matches!(BackupWriter::new(Full, head), Err(WriteError::Io(_))));
}

/// A disk without space.
struct Full;

impl io::Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// REC-31: what a file says of itself is no part of what holds.
#[test]
fn what_a_file_says_of_itself_proves_nothing() {
    let world = world();
    let mut items = world.domain.items(&world.keys());
    let genesis = world.domain.file.clone();
    items[0] = Item::Head(FileHead { made_at_ms: 0, export: Digest::ZERO, genesis });
    let report = report(&items);
    assert!(report.holds() && refused_parts(&report).is_empty());
    assert_eq!(report.to_json()["unverified"]["made_at_ms"], 0);
}
