//! Files that are whole and say what is not so.

use crate::domain::{Domain, EXPORT, Kept, custody, name, recoveries, written};
use crate::{node, of, refused, refused_parts, report, verified, world};
use quorate_backup::{BackupFault, Parameters, SoftKind};
use quorate_charter::{CertifiedEntry, MotionBody};
use quorate_codec::Digest;
use quorate_curve::{Secp256k1, SecretScalar};
use quorate_recovery::backup_file::{BundleKind, Item};
use quorate_recovery::verify::{KeyReport, Part, Report, Whose, Why, verify_key};

/// What comes of a key, whose record these voters certified anew.
fn verified_key(kept: &Kept) -> KeyReport {
    let domain = &world().domain;
    verify_key(&domain.state, &domain.certify(&kept.record, 3), kept.bundles.clone())
}

/// The shares of this node in vault, in its place among bundles.
fn place(kept: &Kept, kind: BundleKind, who: &str) -> usize {
    let author = world().domain.node(who);
    kept.bundles.iter().position(|it| (it.kind, it.author) == (kind, author)).unwrap()
}

fn part(kind: &str, who: &str, epoch: u64) -> String {
    let tree = if kind == "shares" { "2 of" } else { "all of" };
    format!("the {kind} of {who} in epoch {epoch}, for {tree} (greta, hugo, iris)")
}

fn no_sum(whose: Whose) -> (String, Whose, Why) {
    ("the contributions of all dealers together".to_owned(), whose, Why::Incomplete)
}

/// REC-24: the domain is that of the hash that was given, and of no other.
#[test]
fn neg_066_a_file_of_another_domain_proves_nothing() {
    let world = world();
    let bytes = written(&world.domain.items(&world.keys()));
    let other = Domain::founded(2, SoftKind::X25519).state.genesis();
    let report = verified(&bytes, &other);
    assert!(!report.holds() && report.charter.is_none() && report.keys.is_empty());
    let refused = refused_parts(&report);
    let [(Part::Genesis, Whose::Holder, Why::Genesis(why)), rest] = &refused[..] else {
        panic!("{refused:?}")
    };
    let (wanted, got) = (other.to_string(), world.domain.state.genesis().to_string());
    assert!(why.contains(&wanted) && why.contains(&got), "{why}");
    assert_eq!(rest, &(Part::Charter, Whose::Holder, Why::RestsOn("the genesis")));
}

/// REC-24: a genesis that not all founders signed founds nothing, and is not theirs.
#[test]
fn neg_072_a_genesis_without_all_its_signatures_founds_nothing() {
    let world = world();
    let genesis = world.domain.file.genesis().unwrap();
    let mut items = world.domain.items(&world.keys());
    let Item::Head(head) = &mut items[0] else { panic!() };
    head.genesis = quorate_charter::GenesisFile::create(&genesis).unwrap();
    let refused = refused_parts(&report(&items));
    assert!(matches!(&refused[0], (Part::Genesis, Whose::Holder, Why::Genesis(_))), "{refused:?}");
}

/// REC-27: a bundle that is not there is missed by its name.
#[test]
fn neg_095_a_missing_bundle_is_told_by_its_author() {
    let mut kept = world().vault.kept.clone();
    let at = place(&kept, BundleKind::Shares, "node-1");
    kept.bundles.remove(at);
    let missing = (part("shares", "node-1", 0), Whose::Holder, Why::Missing);
    assert_eq!(refused(&verified_key(&kept)), std::slice::from_ref(&missing));
    let at = place(&kept, BundleKind::Contributions, "node-3");
    kept.bundles.remove(at);
    let also = (part("contributions", "node-3", 0), Whose::Holder, Why::Missing);
    assert_eq!(refused(&verified_key(&kept)), [missing, also, no_sum(Whose::Holder)]);
}

/// REC-27: a bundle counts as that of its author, once and in its place.
#[test]
fn neg_066_a_bundle_of_another_author_in_its_place_is_refused() {
    let good = &world().vault.kept;
    let [first, second] = ["node-1", "node-3"].map(|who| place(good, BundleKind::Shares, who));
    // Under the name of the one, the bundle of the other.
    let mut kept = good.clone();
    kept.bundles[first].bytes.clone_from(&good.bundles[second].bytes);
    let other = Why::Author("node-3".to_owned());
    let expected = (part("shares", "node-1", 0), Whose::Holder, other.clone());
    assert_eq!(refused(&verified_key(&kept)), [expected]);
    // The same where the record names it: then it is the author's own lie.
    let mut bundle = good.bundles[first].clone();
    bundle.bytes.clone_from(&good.bundles[second].bytes);
    kept.keep(bundle);
    assert_eq!(
        refused(&verified_key(&kept)),
        [(part("shares", "node-1", 0), node("node-1"), other)]
    );
    // Under its own name it is not what is expected there, and comes twice.
    let mut kept = good.clone();
    kept.bundles[first] = good.bundles[second].clone();
    let expected = [
        (part("shares", "node-1", 0), Whose::Holder, Why::Missing),
        ("the shares of node-3".to_owned(), Whose::Holder, Why::Stray),
    ];
    assert_eq!(refused(&verified_key(&kept)), expected);
    // In another order than the committee's.
    let mut kept = good.clone();
    kept.bundles.swap(first, second);
    assert!(!verified_key(&kept).holds());
}

/// REC-27: what a bundle is of is compared before its proof is looked at.
#[test]
fn neg_066_bundles_of_another_key_and_kind_are_told() {
    let world = world();
    let mut kept = world.vault.kept.clone();
    let at = place(&kept, BundleKind::Shares, "node-1");
    let treasury = &world.treasury.kept;
    let other = place(treasury, BundleKind::Shares, "node-1");
    let own = place(&kept, BundleKind::Contributions, "node-1");
    for (bytes, why) in [
        (treasury.bundles[other].bytes.clone(), Why::Key(treasury.record.plan.key)),
        (
            kept.bundles[own].bytes.clone(),
            Why::Kind { claimed: "contributions", expected: "shares" },
        ),
        (vec![1, 2, 3], Why::Unnamed),
        (vec![0; 200_000], Why::TooLong { got: 200_000, max: 0 }),
    ] {
        kept.bundles[at].bytes = bytes;
        let mut refused = refused(&verified_key(&kept));
        if let [(.., Why::TooLong { max, .. })] = &mut refused[..] {
            *max = 0;
        }
        assert_eq!(refused, [(part("shares", "node-1", 0), Whose::Holder, why)]);
    }
}

/// REC-27: a bundle of an older epoch is told by both numbers, whoever put it there.
#[test]
fn neg_070_epochs_that_are_mixed_are_told() {
    let world = world();
    let before = &world.ops_before.kept;
    let mut kept = world.ops.kept.clone();
    let at = place(&kept, BundleKind::Shares, "node-2");
    let old = before.bundles[place(before, BundleKind::Shares, "node-2")].clone();
    kept.bundles[at] = old.clone();
    let why = Why::Epoch { claimed: 0, expected: 1 };
    let text = "it is a bundle of epoch 0, where the record wants one of epoch 1";
    assert_eq!(why.to_string(), text);
    let expected = (part("shares", "node-2", 1), Whose::Holder, why.clone());
    assert_eq!(refused(&verified_key(&kept)), [expected]);

    kept.keep(old);
    let expected = (part("shares", "node-2", 1), node("node-2"), why);
    assert_eq!(refused(&verified_key(&kept)), [expected]);
}

/// REC-29: of two epochs of a key in one file the older one is told, wherever it stands.
#[test]
fn neg_070_an_epoch_beside_a_newer_one_is_told() {
    let world = world();
    let [ops, treasury, vault] = world.keys();
    let before = world.ops_before.kept.clone();
    let newer =
        |report: &Report| -> Vec<Option<u64>> { report.keys.iter().map(|key| key.newer).collect() };
    let all = [ops.clone(), before, treasury.clone(), vault.clone()];
    let mixed = report(&world.domain.items(&all));
    assert_eq!(newer(&mixed), [None, Some(1), None, None]);
    assert!(!mixed.holds());
    let twice = report(&world.domain.items(&[ops.clone(), treasury, vault, ops]));
    assert_eq!(newer(&twice), [None, None, None, Some(1)]);
}

/// REC-28, BAK-26: each contribution proves itself, and together they are another key.
#[test]
fn neg_066_contributions_that_are_another_key_are_found_by_their_sum() {
    let world = world();
    let mut kept = world.treasury.kept.clone();
    let mut secrets: Vec<SecretScalar<Secp256k1>> =
        (1..=2).map(|byte| SecretScalar::from_wide(&[byte; 64])).collect();
    let author = world.domain.node("node-2");
    kept.keep(world.domain.contributions(&kept.record, author, &secrets));
    let together = "the contributions of all dealers together".to_owned();
    let expected = (together, Whose::Voters, Why::Sum(0));
    assert_eq!(refused(&verified_key(&kept)), [expected]);

    secrets.pop();
    kept.keep(world.domain.contributions(&kept.record, author, &secrets));
    let count = Why::Count { got: 1, expected: 2 };
    let expected = (part("contributions", "node-2", 0), node("node-2"), count);
    assert_eq!(refused(&verified_key(&kept)), [expected, no_sum(node("node-2"))]);
}

/// REC-27: a proof for other custodians than the charter's is refused though the record names it.
#[test]
fn neg_066_a_backup_for_other_custodians_is_refused() {
    let world = world();
    let strangers = recoveries(&custody(SoftKind::X25519, 66)).0;
    let theirs = world.domain.recoveries();
    let author = world.domain.node("node-1");
    for recovery in [strangers, theirs.1] {
        let mut kept = world.vault.kept.clone();
        kept.keep(world.domain.shares(&world.vault, author, &recovery));
        let why = Why::Bundle(BackupFault::Recovery);
        assert_eq!(
            refused(&verified_key(&kept)),
            [(part("shares", "node-1", 0), node("node-1"), why)]
        );
    }
    let mut kept = world.vault.kept.clone();
    kept.keep(world.domain.shares(&world.vault, author, &theirs.0));
    assert!(verified_key(&kept).holds());
}

/// A proof that cheats pass now and then.
enum Weak {}

impl Parameters for Weak {
    const ROWS: u16 = 16;
    const CLOSED: u16 = 8;
}

/// REC-27: there is one size of a proof.
#[test]
fn neg_067_a_weak_proof_is_refused() {
    let world = world();
    let mut kept = world.vault.kept.clone();
    let author = world.domain.node("node-3");
    kept.keep(world.domain.weak_shares::<_, Weak>(&world.vault, author));
    let why = Why::Bundle(BackupFault::Length);
    assert_eq!(refused(&verified_key(&kept)), [(part("shares", "node-3", 0), node("node-3"), why)]);
}

/// REC-27: what no custodian's device should be given is refused, and for whom it is is told.
#[test]
fn neg_086_a_malformed_piece_of_a_named_bundle_is_refused() {
    let world = world();
    let mut kept = world.vault.kept.clone();
    let mut bundle = kept.bundles[place(&kept, BundleKind::Shares, "node-1")].clone();
    // … [[one coordinate for all three, their shares], [one response of 32 bytes]]
    let response = bundle.bytes.len() - 34;
    bundle.bytes[response - 128..][..32].fill(0);
    kept.keep(bundle);
    let refused = refused(&verified_key(&kept));
    let [(said, whose, Why::Bundle(BackupFault::Ciphertext { .. }))] = &refused[..] else {
        panic!("{refused:?}")
    };
    assert_eq!((said, whose), (&part("shares", "node-1", 0), &node("node-1")));
}

/// REC-27: a proof is verified, not only named.
#[test]
fn neg_083_a_named_bundle_with_a_row_of_another_is_refused() {
    let world = world();
    let mut kept = world.vault.kept.clone();
    let [mut own, other] =
        ["node-1", "node-3"].map(|who| kept.bundles[place(&kept, BundleKind::Shares, who)].clone());
    let end = own.bytes.len();
    let row = other.bytes.len() - (34 + 130)..;
    own.bytes[end - (34 + 130)..].copy_from_slice(&other.bytes[row]);
    kept.keep(own);
    let why = Why::Bundle(BackupFault::Proof);
    assert_eq!(refused(&verified_key(&kept)), [(part("shares", "node-1", 0), node("node-1"), why)]);
}

/// REC-30: a drill hands out what a canary holds, so nothing else is one.
#[test]
fn neg_084_a_canary_of_anything_else_is_refused() {
    let world = world();
    let (domain, ops) = (&world.domain, &world.ops.kept);
    let author = domain.node("node-1");
    let stranger = quorate_identity::NodeId(Digest([7; 32]));
    let other = Domain::founded(2, SoftKind::X25519);
    let bytes = |kind| ops.bundles[place(ops, kind, "node-1")].bytes.clone();
    let kind = |claimed| Why::Kind { claimed, expected: "a canary" };
    let mut malformed = domain.canary(author, EXPORT, 1);
    let end = malformed.len() - 1;
    malformed[end] ^= 1;
    for (bytes, expected) in [
        (bytes(BundleKind::Shares), kind("shares")),
        (bytes(BundleKind::Contributions), kind("contributions")),
        (domain.canary(author, EXPORT, 2), Why::Count { got: 2, expected: 1 }),
        (domain.canary(author, Digest::ZERO, 1), Why::Export),
        (domain.canary(stranger, EXPORT, 1), Why::Stranger(stranger.to_string())),
        (other.canary(author, EXPORT, 1), Why::Domain(other.state.genesis())),
        (malformed, Why::Bundle(BackupFault::Proof)),
        (vec![1, 2, 3], Why::Form),
    ] {
        let items = [&domain.items(&[])[..], &[Item::Canary(bytes)]].concat();
        let refused = refused_parts(&report(&items));
        let [(Part::Canary(_), Whose::Holder, why)] = &refused[..] else { panic!("{refused:?}") };
        assert_eq!(*why, expected);
    }
    // After a change of custody it is for those of before.
    let mut later = domain.clone();
    let custody = custody(SoftKind::X25519, 77);
    later.place(MotionBody::CustodySet { custody, excepted: Vec::new() });
    let items = [&later.items(&[])[..], &[Item::Canary(domain.canary(author, EXPORT, 1))]].concat();
    let refused = refused_parts(&report(&items));
    assert_eq!(refused.last().unwrap().2, Why::Bundle(BackupFault::Recovery));
}

/// REC-29: a key of which nothing is there is missed by its name; one that nobody wants any more
/// too, as it may have been made.
#[test]
fn neg_095_a_key_without_an_epoch_is_missed() {
    let world = world();
    let [ops, treasury, _] = world.keys();
    let mut domain = world.domain.clone();
    domain.place(MotionBody::KeyVoid { name: name("treasury") });
    let missing = |keys: &[Kept]| -> Vec<(String, bool)> {
        let report = report(&domain.items(keys));
        assert!(!report.holds());
        report.missing.iter().map(|it| (it.name.to_string(), it.is_withdrawn)).collect()
    };
    assert_eq!(missing(&[ops.clone(), treasury]), [("vault".to_owned(), false)]);
    let mut both = missing(&[ops]);
    both.sort();
    assert_eq!(both, [("treasury".to_owned(), true), ("vault".to_owned(), false)]);
}

/// REC-24: entries that were left out are missed, in the middle by those behind them, at the end by
/// what was planned later; what does not rest on them is judged all the same.
#[test]
fn neg_072_a_charter_with_entries_left_out_is_refused() {
    let world = world();
    let without = |left_out: usize| {
        let mut items = world.domain.items(&world.keys());
        items.remove(left_out);
        report(&items)
    };
    let report_of = without(2);
    let refused_of = refused_parts(&report_of);
    assert!(matches!(&refused_of[..], [(Part::Entry(3), Whose::Holder, Why::Entry(_))]));
    assert_eq!(report_of.charter.as_ref().unwrap().position, 1);
    let no_order = Why::Record("no entry of this charter ordered it");
    let expected = ("the record".to_owned(), Whose::Holder, no_order);
    assert_eq!(refused(of(&report_of, "ops"))[0], expected, "its refresh was ordered later");
    assert!(report_of.missing.is_empty(), "as far as the charter is known");

    // The last entry ordered the refresh; vault was planned when it was there.
    let mut domain = world.domain.clone();
    let mut vault = world.vault.kept.clone();
    vault.record.plan.head = domain.state.head();
    domain.entries.pop();
    let [_, treasury, _] = world.keys();
    let cut = report(&domain.items(&[world.ops_before.kept.clone(), treasury, vault]));
    let behind = (Part::Charter, Whose::Holder, Why::Behind);
    assert_eq!(refused_parts(&cut), [behind]);
    assert!(cut.keys.iter().all(KeyReport::holds));
}

/// REC-24: an entry that no quorum certified is nobody's, and ends the charter.
#[test]
fn neg_072_an_entry_that_no_quorum_certified_ends_the_charter() {
    let world = world();
    let mut items = world.domain.items(&world.keys());
    let Item::Entry(entry) = &mut items[4] else { panic!() };
    let mut decided = entry.to_decided();
    decided = world.domain.decide(decided.instance, decided.value, 2);
    *entry = CertifiedEntry::from_decided(&decided).unwrap();
    let report = report(&items);
    assert!(matches!(refused_parts(&report)[..], [(Part::Entry(4), Whose::Holder, Why::Entry(_))]));
    assert!(of(&report, "vault").holds());
}

/// REC-32: what is wrong with one statement is said of that one, and of what rests upon it.
#[test]
fn what_does_not_hold_touches_nothing_else() {
    let world = world();
    let mut keys = world.keys();
    keys[1].bundles[4].bytes[100] ^= 1;
    let report = report(&world.domain.items(&keys));
    assert!(of(&report, "ops").holds() && of(&report, "vault").holds());
    let failed: Vec<String> = refused(of(&report, "treasury")).into_iter().map(|it| it.0).collect();
    assert_eq!(failed, [part("contributions", "node-1", 0), no_sum(Whose::Holder).0]);
}
