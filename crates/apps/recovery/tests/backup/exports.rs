//! Keys that a domain gave to somebody whole: what nodes gave, verified and opened; and everything that
//! somebody may put in its place (KEX-11 to KEX-14).

use crate::domain::{Dealt, Domain, bundle_of, name};
use crate::whole_keys::secret;
use crate::{Kept, World, of, report, world};
use quorate_backup::{
    Parameters, Recovery, RecoveryKey, SoftKey, SoftKind, Standard, Statement, Subject,
};
use quorate_charter::{ExportStatement, MotionBody};
use quorate_codec::{Digest, to_bytes};
use quorate_curve::{Curve, Ed25519};
use quorate_identity::{GenesisHash, Head};
use quorate_recovery::backup_file::{BundleKind, Item, StoredBundle};
use quorate_recovery::export::{ExportFile, ExportFileError, Exported, NodePart};
use quorate_recovery::passphrase::Passphrase;
use quorate_recovery::verify::{Whose, Why};
use quorate_recovery::whole::{Format, KeyNetwork};
use std::sync::OnceLock;

/// Whoever gets the keys.
pub fn recipient() -> SoftKey {
    SoftKey::from_seed(SoftKind::Hybrid, &[77; 32])
}

fn to() -> RecoveryKey {
    quorate_backup::Opener::public(&recipient()).clone()
}

/// The tests' domain once all its keys were given to one recipient.
pub struct Given {
    pub domain: Domain,
    pub ops: Head,
    pub treasury: Head,
    vault: Head,
}

pub fn given() -> &'static Given {
    static GIVEN: OnceLock<Given> = OnceLock::new();
    GIVEN.get_or_init(|| {
        let mut domain = world().domain.clone();
        let [ops, treasury, vault] =
            ["ops", "treasury", "vault"].map(|key| domain.export(key, &to()));
        Given { domain, ops, treasury, vault }
    })
}

/// What these nodes give of a key, as they should.
pub fn parts<C: Curve>(dealt: &Dealt<C>, export: Head, members: &[&str]) -> Vec<NodePart> {
    members.iter().map(|member| given().domain.part(dealt, export, member, &to())).collect()
}

fn file<C: Curve>(dealt: &Dealt<C>, export: Head, parts: &[NodePart]) -> ExportFile {
    given().domain.export_file(&dealt.kept.record, export, parts)
}

fn read(file: &ExportFile) -> Result<Exported, ExportFileError> {
    Exported::read(&to_bytes(file), &given().domain.state.genesis())
}

fn refusal(file: &ExportFile) -> ExportFileError {
    match read(file) {
        Ok(_) => panic!("it holds"),
        Err(error) => error,
    }
}

/// The digits of every account of a key.
fn opened(exported: &Exported) -> Vec<String> {
    let Ok(opened) = exported.open(&recipient());
    let digits = |key: &quorate_recovery::whole::WholeKey| {
        let none: Option<&Passphrase> = None;
        let text = key.text(Format::Raw, KeyNetwork::Mainnet, none, &mut rand_core::OsRng);
        text.unwrap().trim().to_owned()
    };
    exported.whole(opened).unwrap().iter().map(digits).collect()
}

fn secrets<C: Curve>(dealt: &Dealt<C>) -> Vec<String> {
    let of = |account| quorate_codec::hex::encode(&secret(dealt, account))[2..].to_owned();
    (0..dealt.secrets.len()).map(of).collect()
}

/// KEX-13, KEX-14: any quorum's parts are the whole key, of every account and in every scheme, over plain
/// and nested trees.
#[test]
fn the_recipient_puts_the_whole_key_together() {
    let (given, World { ops, treasury, vault, .. }) = (given(), world());
    for members in
        [&["node-1", "node-3"][..], &["node-2", "node-3"], &["node-1", "node-2", "node-3"]]
    {
        let exported = read(&file(ops, given.ops, &parts(ops, given.ops, members))).unwrap();
        assert_eq!(opened(&exported), secrets(ops));
        let report = exported.report().unwrap();
        assert!(report.holds() && report.missing.is_none());
        assert_eq!((report.name, report.recipient), (name("ops"), name("gil")));
        assert_eq!((report.epoch, report.entry), (1, given.ops));
        assert!(!report.retired && report.ended_at.is_none());
    }
    let two = parts(treasury, given.treasury, &["node-1", "node-2"]);
    assert_eq!(opened(&read(&file(treasury, given.treasury, &two)).unwrap()), secrets(treasury));
    let two = parts(vault, given.vault, &["node-1", "node-2"]);
    assert_eq!(opened(&read(&file(vault, given.vault, &two)).unwrap()), secrets(vault));
}

/// KEX-13: parts of fewer than the tree needs open nothing, and those who would do are named.
#[test]
fn too_few_parts_are_told_with_who_is_missing() {
    let (given, World { ops, treasury, .. }) = (given(), world());
    let exported = read(&file(ops, given.ops, &parts(ops, given.ops, &["node-2"]))).unwrap();
    let report = exported.report().unwrap();
    assert_eq!(report.missing.as_deref(), Some("any of (node-1, node-3)"));
    assert!(!report.holds());
    assert!(matches!(exported.suffices(), Err(ExportFileError::Missing(_))));
    let Ok(opened) = exported.open(&recipient());
    assert!(exported.whole(opened).is_err());
    let two = parts(treasury, given.treasury, &["node-2", "node-3"]);
    let exported = read(&file(treasury, given.treasury, &two)).unwrap();
    assert_eq!(exported.report().unwrap().missing.as_deref(), Some("node-1"));
    assert!(read(&file(ops, given.ops, &[])).unwrap().suffices().is_err());
}

/// A proof that is smaller than those of backups.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Weak {}

impl Parameters for Weak {
    const ROWS: u16 = 16;
    const CLOSED: u16 = 8;
}

/// KEX-11, N-66, N-70: whoever signed something false is named, and nobody for what another may have
/// made of a file; the others' parts are enough all the same.
#[test]
fn neg_066_070_whoever_gave_something_false_is_named_and_nobody_else() {
    let (given, ops) = (given(), &world().ops);
    let (domain, record) = (&given.domain, &ops.kept.record);
    let shares = &ops.shares[&domain.node("node-2")];
    let expected = domain.export_statement(ops, given.ops, "node-2", &to());
    let made = |statement: Statement<Ed25519>| bundle_of::<Ed25519, Standard>(statement, shares);
    let gives = |bundle: &[u8]| domain.gives(record, given.ops, "node-2", bundle);
    let honest = domain.part(ops, given.ops, "node-2", &to());
    let Subject::Export { of, epoch, leaves, tree, record: digest, export } =
        expected.subject.clone()
    else {
        panic!()
    };
    let subject = |epoch, export: Digest| {
        let (of, leaves) = (of.clone(), leaves.clone());
        let subject = Subject::Export { of, epoch, leaves, tree, record: digest, export };
        gives(&made(Statement { subject, ..expected.clone() }))
    };
    let backup = Subject::Shares { of: of.clone(), epoch, leaves: leaves.clone(), tree };
    let backup = made(Statement { subject: backup, ..expected.clone() });
    let stranger = SoftKey::from_seed(SoftKind::Hybrid, &[78; 32]);
    let stranger = quorate_backup::Opener::public(&stranger).clone();
    let elsewhere = Statement { recovery: Recovery::alone(stranger), ..expected.clone() };
    let others = bundle_of::<Ed25519, Standard>(
        domain.export_statement(&world().ops_before, given.ops, "node-2", &to()),
        &world().ops_before.shares[&domain.node("node-2")],
    );
    let weak = bundle_of::<Ed25519, Weak>(expected.clone(), shares);
    let mut flipped = honest.bundle.to_vec();
    let last = flipped.len() - 40;
    flipped[last] ^= 1;
    let lies: [(&str, NodePart); 9] = [
        ("no bundle", gives(b"no bundle")),
        ("too long", gives(&vec![0; 1 << 20])),
        ("a byte flipped before it signed", gives(&flipped)),
        ("a proof that is too small", gives(&weak)),
        ("a backup of these very shares", gives(&backup)),
        ("shares of the epoch before", gives(&others)),
        ("another epoch in its statement", subject(epoch + 1, export)),
        ("for another export", subject(epoch, Digest([9; 32]))),
        ("to another recipient", gives(&made(elsewhere))),
    ];
    let body = |change: fn(&mut ExportStatement)| {
        let mut body = honest.statement.body().clone();
        change(&mut body);
        domain.says(body, "node-2", &honest.bundle)
    };
    let mut swapped = honest.clone();
    swapped.bundle = flipped.into();
    let forged = domain.says(honest.statement.body().clone(), "node-3", &honest.bundle);
    let not_theirs: [(&str, NodePart); 6] = [
        ("said for another export", body(|it| it.export = Head(Digest([9; 32])))),
        ("said for another epoch", body(|it| it.epoch -= 1)),
        ("said for another record", body(|it| it.record = Digest([9; 32]))),
        ("said in another domain", body(|it| it.genesis = GenesisHash(Digest([9; 32])))),
        ("changed since it signed", swapped),
        ("signed by somebody else", forged),
    ];
    let all = lies.iter().map(|it| (it, true)).chain(not_theirs.iter().map(|it| (it, false)));
    for ((what, part), lied) in all {
        let mut parts = parts(ops, given.ops, &["node-1", "node-3"]);
        parts.push(part.clone());
        let exported = read(&file(ops, given.ops, &parts)).unwrap();
        let report = exported.report().unwrap();
        assert!(!report.holds() && report.missing.is_none(), "{what}");
        for told in &report.parts {
            assert_eq!(told.holds, told.node != "node-2", "{what}: {told:?}");
            assert_eq!(told.lied, lied && told.node == "node-2", "{what}: {told:?}");
        }
        assert_eq!(opened(&exported), secrets(ops), "{what}: the others are enough");
    }
    // Who holds no share, or stands twice or out of order, is nobody's lie either.
    let witness = domain.gives(record, given.ops, "witness", &honest.bundle);
    let report = read(&file(ops, given.ops, &[witness])).unwrap().report().unwrap();
    assert!(!report.parts[0].holds && !report.parts[0].lied);
    let twice = file(ops, given.ops, &[honest.clone(), honest]);
    let report = read(&twice).unwrap().report().unwrap();
    assert!(report.parts.iter().all(|part| !part.holds && !part.lied));
}

/// KEX-14: another key than the recipient's opens nothing, the custodians' neither.
#[test]
fn neg_071_nobody_elses_key_opens_it() {
    let (given, ops) = (given(), &world().ops);
    let exported =
        read(&file(ops, given.ops, &parts(ops, given.ops, &["node-1", "node-2"]))).unwrap();
    assert_eq!(exported.recipient(), to().id());
    let other = SoftKey::from_seed(SoftKind::Hybrid, &[78; 32]);
    let Ok(opened) = exported.open(&other);
    let error = exported.whole(opened).unwrap_err();
    assert!(matches!(error, ExportFileError::NotOpened(_)), "{error}");
    assert!(!format!("{:?}", exported.open(&recipient())).contains("0x"));
}

/// KEX-13, N-72: the genesis hash, every entry, the epoch and the entry of the export are held against
/// what comes from elsewhere; a file that leaves out or adds anything is refused.
#[test]
fn neg_072_what_is_around_the_parts_is_verified() {
    let (given, World { ops, ops_before, treasury, .. }) = (given(), world());
    let (domain, record) = (&given.domain, &ops.kept.record);
    let parts = parts(ops, given.ops, &["node-1", "node-2"]);
    let good = file(ops, given.ops, &parts);
    assert!(read(&good).is_ok());
    let elsewhere = Exported::read(&to_bytes(&good), &GenesisHash(Digest([9; 32])));
    assert!(matches!(elsewhere, Err(ExportFileError::Genesis(_))));
    let mut bytes = to_bytes(&good);
    bytes.truncate(bytes.len() - 1);
    let cut = Exported::read(&bytes, &domain.state.genesis());
    assert!(matches!(cut, Err(ExportFileError::Form)));
    assert_eq!(refusal(&ExportFile { version: 2, ..good.clone() }), ExportFileError::Version(2));
    // The export itself left out at the end, or in the middle.
    let at = domain.entries.len();
    let without = ExportFile { entries: domain.entries[..at - 3].to_vec(), ..good.clone() };
    assert_eq!(refusal(&without), ExportFileError::NoExport(name("ops")));
    let mut entries = domain.entries.clone();
    entries.remove(at - 2);
    let gap = refusal(&ExportFile { entries, ..good.clone() });
    assert!(matches!(gap, ExportFileError::Entry(_, _)), "{gap}");
    let behind = ExportFile { entries: Vec::new(), ..good.clone() };
    assert!(matches!(refusal(&behind), ExportFileError::Record(_)));
    let none = Head(domain.state.genesis().digest());
    for (what, export) in [("of another key", given.treasury), ("of none", none)] {
        let wrong = refusal(&ExportFile { export, ..good.clone() });
        assert_eq!(wrong, ExportFileError::NoExport(name("ops")), "{what}");
    }
    let decided = domain.certify(record, 2);
    let few = refusal(&ExportFile { decided, ..good.clone() });
    assert!(matches!(few, ExportFileError::Record(_)), "{few}");
    // The parts of one key under the record of another one, or of an epoch before.
    for decided in [&treasury.kept.record, &ops_before.kept.record] {
        let decided = domain.certify(decided, 3);
        match read(&ExportFile { decided, ..good.clone() }) {
            Err(error) => assert_eq!(error, ExportFileError::NoExport(name("treasury"))),
            Ok(exported) => assert_eq!(exported.sound().count(), 0),
        }
    }
}

/// KEX-13: that it ended, or that the key is retired since, is told and hinders nobody who has the parts.
#[test]
fn what_happened_since_is_told() {
    let (given, ops) = (given(), &world().ops);
    let mut domain = given.domain.clone();
    let parts = parts(ops, given.ops, &["node-1", "node-2"]);
    domain.place(MotionBody::KeyExport { name: name("ops"), recipient: None });
    domain.place(MotionBody::KeyRetire { name: name("ops") });
    let file = domain.export_file(&ops.kept.record, given.ops, &parts);
    let exported = Exported::of(&file, &domain.state.genesis()).unwrap();
    let report = exported.report().unwrap();
    assert_eq!(report.ended_at, Some(domain.state.position() - 1));
    assert!(report.retired && report.holds());
    assert_eq!(opened(&exported), secrets(ops));
    // Once more to the same recipient: what was given for the first time counts for that alone.
    let mut again = given.domain.clone();
    again.place(MotionBody::KeyExport { name: name("ops"), recipient: None });
    let second = again.export("ops", &to());
    let file = again.export_file(&ops.kept.record, second, &parts);
    let replayed = Exported::of(&file, &again.state.genesis()).unwrap();
    assert_eq!(replayed.sound().count(), 0);
}

/// N-70, N-84: what a node gives for an export is no backup and no canary, wherever it is put.
#[test]
fn neg_070_084_an_export_is_no_backup_and_no_canary() {
    let (given, World { domain, ops, treasury, vault, .. }) = (given(), world());
    let author = domain.node("node-2");
    let statement = given.domain.export_statement(ops, given.ops, "node-2", &to());
    let bytes = bundle_of::<Ed25519, Standard>(statement, &ops.shares[&author]);
    let mut kept: Kept = ops.kept.clone();
    kept.keep(StoredBundle { kind: BundleKind::Shares, author, bytes: bytes.clone() });
    let keys = [kept, treasury.kept.clone(), vault.kept.clone()];
    let report_of = report(&domain.items(&keys));
    let refused = crate::refused(of(&report_of, "ops"));
    let kind = Why::Kind { claimed: "an export", expected: "shares" };
    assert!(
        refused
            .iter()
            .any(|(_, whose, why)| { *whose == Whose::Node("node-2".to_owned()) && *why == kind })
    );
    let mut items = domain.items(&world().keys());
    items.push(Item::Canary(bytes));
    let report_of = report(&items);
    let kind = Why::Kind { claimed: "an export", expected: "a canary" };
    let parts = crate::refused_parts(&report_of);
    assert!(parts.iter().any(|(_, _, why)| *why == kind), "{parts:?}");
}

/// BAK-26: nor is the bundle of a backup ever an export, by whatever custodian it was to be opened; see
/// also the table of lies. Nothing of it adds up to a key for the recipient.
#[test]
fn neg_066_a_backup_is_no_export() {
    let (given, ops) = (given(), &world().ops);
    let record = &ops.kept.record;
    let bundles = ops.kept.bundles.iter().filter(|it| it.kind == BundleKind::Shares);
    let parts: Vec<NodePart> = bundles
        .map(|it| {
            let node = given.domain.state.node(&it.author).unwrap().name.to_string();
            given.domain.gives(record, given.ops, &node, &it.bytes)
        })
        .collect();
    assert_eq!(parts.len(), 3);
    let exported = read(&file(ops, given.ops, &parts)).unwrap();
    assert_eq!(exported.sound().count(), 0);
    let report = exported.report().unwrap();
    assert!(report.parts.iter().all(|part| part.lied), "{report:?}");
}
