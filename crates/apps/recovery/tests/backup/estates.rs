//! The keys of a domain whose nodes are lost: what custodians open for the heirs of the one that
//! succeeds it, and what these inherit.

use crate::domain::{Dealt, Domain, custodian_secret, name, written};
use crate::estate::{
    Estate, Opened, SUCCESSOR, Small, arrival, blamed, claim_of, context, empty, estate, falsify,
    holder, inherit, of_two_custodies, part_by, probate, refusal, rng, small, succession, verified,
};
use crate::{World, world};
use minicbor::bytes::ByteVec;
use quorate_backup::possession::Challenge;
use quorate_backup::{Bundle, Opener, RecoveryKey, Shared, SoftKey, SoftKind};
use quorate_charter::{Ask, Custody, MotionBody, SeatClaim, SignedSeatClaim, Succession};
use quorate_codec::{Canonical, Digest, from_bytes, hex, to_bytes};
use quorate_curve::{Curve, Ed25519, Point, Secp256k1, SecretScalar};
use quorate_identity::{GenesisHash, Head, KeyId, Name, NodeId, RecoveryKeyId, Scheme};
use quorate_recovery::backup_file::{BundleKind, Item, StoredBundle};
use quorate_recovery::estate::{
    EstateFault, EstatePart, InheritError, Inheritance, LeftOut, ProbateError, Unrestorable,
};
use quorate_recovery::seat::{Arrival, MissingCustodians};
use std::cell::Cell;
use std::collections::BTreeSet;

fn not_taken(fault: &str) -> Result<(), String> {
    Err(fault.to_owned())
}

fn not_taken_of(fault: &str, of: impl std::fmt::Debug) -> Result<(), String> {
    Err(format!("{fault}({of:?})"))
}

fn is_of(id: KeyId) -> impl Fn(&Opened) -> bool {
    move |(key, ..)| key.as_slice() == id.as_ref()
}

fn named(estate: &Estate, whose: &[(&str, &str)]) -> BTreeSet<(Name, KeyId)> {
    whose.iter().map(|(who, key)| (name(who), estate.key(key))).collect()
}

fn nobody(inheritance: &Inheritance) -> bool {
    inheritance.liars.is_empty() && inheritance.silent.is_empty() && inheritance.missing.is_empty()
}

fn keys_of(inheritance: &Inheritance) -> Vec<KeyId> {
    inheritance.keys.iter().map(|it| it.key).collect()
}

fn told(missing: &[MissingCustodians]) -> BTreeSet<String> {
    missing.iter().map(MissingCustodians::to_string).collect()
}

/// The point that the dealers of an heir contributed to an account, by the bundles themselves: of
/// every dealer whose place leaves that of the heir (SUC-10).
fn point_of<C: Curve>(
    dealt: &Dealt<C>,
    (heir, heirs): (usize, usize),
    account: usize,
) -> Option<Vec<u8>> {
    let bundles = dealt.kept.bundles.iter().filter(|it| it.kind == BundleKind::Contributions);
    let mut bundles: Vec<_> = bundles.collect();
    bundles.sort_by_key(|bundle| bundle.author);
    let own = bundles.iter().enumerate().filter(|(place, _)| place % heirs == heir);
    let term = |(_, bundle): (usize, &&StoredBundle)| {
        let bundle: Bundle<C> = from_bytes(&bundle.bytes).unwrap();
        (bundle.claimed_publics()[account].point(), 1)
    };
    let terms: Vec<_> = own.map(term).collect();
    Some(Point::weighted_sum(&terms).non_identity().ok()?.to_bytes())
}

/// That what heirs have of a key adds up to it, and is of each what its dealers contributed.
#[track_caller]
pub fn assert_whole<C: Curve>(estate: &Estate, dealt: &Dealt<C>, of_heirs: &[Inheritance]) {
    let record = &dealt.kept.record;
    let (keys, _) = estate.verified.estate(estate.succession(), 1).unwrap();
    let known = keys.iter().find(|it| it.key() == record.plan.key).unwrap();
    assert_eq!(known.restored.summands, known.summands.digest());
    assert_eq!((known.scheme, known.public_keys.len()), (record.plan.scheme, dealt.secrets.len()));
    for (account, secret) in dealt.secrets.iter().enumerate() {
        let of_record = &record.accounts[account];
        assert_eq!(known.public_keys[account], of_record.public_key);
        assert_eq!(known.chain_codes[account], of_record.chain_code);
        let mut sum = SecretScalar::<C>::zero();
        for (place, inheritance) in of_heirs.iter().enumerate() {
            let expected = point_of(dealt, (place, of_heirs.len()), account);
            let summand = known.summands.0.iter().find(|it| it.dealer == estate.heir(place));
            assert_eq!(summand.map(|it| it.points[account].clone()), expected);
            let has = inheritance.keys.iter().find(|it| it.key == known.key());
            let has = has.map(|has| {
                assert_eq!(has.summand.len(), dealt.secrets.len());
                SecretScalar::<C>::from_bytes(&*has.summand[account]).unwrap()
            });
            let point = |has: &SecretScalar<C>| has.commit().non_identity().unwrap().to_bytes();
            assert_eq!(has.as_ref().map(point), expected);
            sum = has.map_or(sum.plus(&SecretScalar::zero()), |has| sum.plus(&has));
        }
        assert_eq!(sum.to_bytes(), secret.to_bytes());
    }
}

/// SUC-10 to SUC-14: what all heirs have adds up to every key, of both curves, of every account,
/// and also where shares were refreshed since.
#[test]
fn the_summands_of_all_heirs_are_every_key() {
    let World { domain, ops, treasury, vault, .. } = world();
    let estate = Estate::of(domain.clone(), &world().keys(), 2);
    let parts = estate.parts(["greta", "hugo", "iris"]).map(|part| {
        let read: EstatePart = from_bytes(&to_bytes(&part)).unwrap();
        assert_eq!(read, part);
        read
    });
    let of_heirs = estate.inherit_all(&parts);
    assert_whole(&estate, ops, &of_heirs);
    assert_whole(&estate, treasury, &of_heirs);
    assert_whole(&estate, vault, &of_heirs);
    for inheritance in &of_heirs {
        assert!(nobody(inheritance), "{inheritance:?}");
        assert_eq!(inheritance.keys.len(), 3);
        assert!(keys_of(inheritance).is_sorted());
    }
    let (keys, left_out) = estate.verified.estate(estate.succession(), 1).unwrap();
    let names: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
    assert_eq!((names, left_out), (vec!["ops", "treasury", "vault"], Vec::new()));
}

/// SUC-10: what two dealers contributed goes to two of three heirs, and the third has nothing of
/// it.
#[test]
fn of_two_dealers_two_heirs_inherit() {
    let Small { domain, ops, vault } = small();
    let estate = Estate::of(domain.clone(), &small().keys(), 3);
    let of_heirs = estate.inherit_all(&estate.parts(["greta", "iris"]));
    assert_whole(&estate, ops, &of_heirs);
    assert_whole(&estate, vault, &of_heirs);
    let both: BTreeSet<KeyId> = ["ops", "vault"].map(|key| estate.key(key)).into();
    let [first, second, third] = [0, 1, 2].map(|place| keys_of(&of_heirs[place]));
    for keys in [first, second] {
        assert_eq!(keys.into_iter().collect::<BTreeSet<_>>(), both);
    }
    assert_eq!(third, [estate.key("ops")]);
    assert!(of_heirs.iter().all(nobody));
}

/// SUC-10, SUC-12: what is sealed for an heir is what its dealers contributed and nothing else;
/// together that is everything, once.
#[test]
fn neg_084_no_heir_gets_what_is_for_another() {
    let estate = estate();
    let [part] = estate.parts(["greta"]);
    let dealers = |key: &str| {
        let record =
            if key == "ops" { &small().ops.kept.record } else { &small().vault.kept.record };
        record.plan.dealers.iter().map(|it| (estate.key(key), *it)).collect::<Vec<_>>()
    };
    let (ops, vault) = (dealers("ops"), dealers("vault"));
    assert_eq!((ops.len(), vault.len()), (3, 2));
    assert!(ops.is_sorted() && vault.is_sorted());
    for (place, mut expected) in
        [vec![ops[0], ops[2], vault[0]], vec![ops[1], vault[1]]].into_iter().enumerate()
    {
        expected.sort();
        let plain = estate.plain(place, &part);
        let got = plain.iter().map(|(key, dealer, _)| (key.to_vec(), dealer.to_vec()));
        let expected = expected.iter().map(|(key, dealer)| (key.as_ref(), dealer.as_ref()));
        let expected =
            expected.map(|(key, dealer): (&[u8], &[u8])| (key.to_vec(), dealer.to_vec()));
        assert_eq!(got.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }
    let heirs: Vec<NodeId> = part.sealed.iter().map(|sealed| sealed.heir).collect();
    assert_eq!(heirs, [estate.heir(0), estate.heir(1)]);
}

/// SUC-02, SUC-11: everything that a person is shown comes from the backup and the founders'
/// genesis.
#[test]
fn a_probate_tells_what_is_opened_for_whom() {
    let estate = estate();
    let probate = estate.probate();
    assert_eq!(probate.predecessor().head(), estate.domain.state.head());
    assert_eq!(probate.successor().genesis(), estate.successor.file.hash());
    assert_eq!(probate.succession(), estate.succession());
    let heirs: Vec<_> = probate.heirs().map(|(who, claim)| (who.clone(), claim.digest())).collect();
    let claims = estate.succession().claims.iter().map(SignedSeatClaim::digest);
    assert_eq!(
        heirs,
        [0, 1].map(|it| estate.called(it)).into_iter().zip(claims).collect::<Vec<_>>()
    );
    let custodian = probate.for_key(holder("iris").public().id()).unwrap();
    assert_eq!((custodian.name(), custodian.of_others().count()), (&name("iris"), 0));
    let keys: Vec<KeyId> = custodian.keys().map(|key| key.key()).collect();
    let mut expected = ["ops", "vault"].map(|key| estate.key(key));
    expected.sort();
    assert_eq!(keys, expected);
    assert_eq!(probate.left_out(), []);
    let stranger = custodian_secret(SoftKind::X25519, 9, "greta").key();
    let id = stranger.public().id();
    assert_eq!(probate.for_key(id).err(), Some(ProbateError::NoCustodian(id)));
    // Whoever is asked opens with the own key only.
    let opened = custodian.open(&holder("greta"), &mut rng());
    let another = ProbateError::NoCustodian(holder("greta").public().id());
    assert_eq!(opened.unwrap_or_else(|never| match never {}), Err(another));
}

/// SUC-14: without parts nothing is inherited, and with too few of them an heir is told who could
/// still help; a key that has enough comes all the same.
#[test]
fn who_is_missing_is_told_by_name() {
    let estate = estate();
    let none = estate.inherit(0, &[]).unwrap();
    assert!(none.keys.is_empty() && nobody(&none));
    let [greta, hugo] = estate.parts(["greta", "hugo"]);
    for place in [0, 1] {
        let error = estate.inherit(place, std::slice::from_ref(&hugo)).unwrap_err();
        let InheritError::Missing(missing) = &error else { panic!("{error}") };
        let expected = ["ops", "vault"].map(|key| format!("{key}: any of (greta, iris)"));
        assert_eq!(told(missing), expected.clone().into());
        let text = error.to_string();
        assert!(expected.iter().all(|it| text.contains(it)), "{text}");
    }

    // Of the two contributions to one key, hugo opens one; another key he leaves out.
    let of = |key, dealer: usize| (estate.key(key), small().ops.kept.record.plan.dealers[dealer]);
    let (key, dealer) = of("ops", 2);
    let one = estate.edited(&hugo, 0, |plain| {
        let before = plain.len();
        plain.retain(|(k, d, _)| (k.as_slice(), d.as_slice()) != (key.as_ref(), dealer.as_ref()));
        assert_eq!(plain.len(), before - 1);
    });
    let some = estate.inherit(0, &[greta.clone(), one]).unwrap();
    assert_eq!(keys_of(&some), [estate.key("vault")]);
    assert_eq!(told(&some.missing), ["ops: any of (hugo, iris)".to_owned()].into());
    let vault = estate.key("vault");
    let other = estate.edited(&hugo, 0, |plain| plain.retain(|it| !is_of(vault)(it)));
    let some = estate.inherit(0, &[greta, other]).unwrap();
    assert_eq!(keys_of(&some), [estate.key("ops")]);
    assert_eq!(told(&some.missing), ["vault: any of (hugo, iris)".to_owned()].into());
}

/// SUC-14, BAK-16: whoever lies to an heir is named there with the key, and the others restore.
#[test]
fn neg_096_a_lying_custodian_is_named_and_the_others_restore() {
    let estate = estate();
    let [greta, hugo, iris] = estate.parts(["greta", "hugo", "iris"]);
    let ops = estate.key("ops");
    let lying = estate.edited(&hugo, 0, |plain| {
        plain.iter_mut().filter(|it| is_of(ops)(it)).for_each(|(.., opened)| falsify(opened));
    });
    let parts = [lying.clone(), greta.clone(), iris.clone()];
    let of_heirs = estate.inherit_all(&parts);
    assert_whole(estate, &small().ops, &of_heirs);
    assert_whole(estate, &small().vault, &of_heirs);
    assert_eq!(of_heirs[0].liars, named(estate, &[("hugo", "ops")]));
    assert!(of_heirs[0].silent.is_empty() && nobody(&of_heirs[1]));

    // Who lies in one contribution and opens nothing of another is a liar.
    let both = estate.edited(&lying, 0, |plain| {
        let (.., opened) = plain.iter_mut().rfind(|it| is_of(ops)(it)).unwrap();
        empty(opened);
    });
    let inheritance = estate.inherit(0, &[both, greta.clone(), iris]).unwrap();
    assert_eq!(inheritance.liars, named(estate, &[("hugo", "ops")]));
    assert!(inheritance.silent.is_empty());

    // Two do not tell who of them lies, and get nothing.
    let error = estate.inherit(0, &[lying.clone(), greta.clone()]).unwrap_err();
    assert_eq!(error, InheritError::False(ops));
    assert!(estate.inherit(1, &[lying, greta]).is_ok());
}

/// SUC-14: who could open a key and did not is told, whether it was left out or opened to nothing.
#[test]
fn a_silent_custodian_is_named() {
    let estate = estate();
    let [greta, hugo, iris] = estate.parts(["greta", "hugo", "iris"]);
    let vault = estate.key("vault");
    let left_out = estate.edited(&hugo, 1, |plain| plain.retain(|it| !is_of(vault)(it)));
    let emptied = estate.edited(&hugo, 1, |plain| {
        plain.iter_mut().filter(|it| is_of(vault)(it)).for_each(|(.., opened)| empty(opened));
    });
    let nothing = estate.edited(&hugo, 1, Vec::clear);
    for (hugo, expected) in [
        (left_out, &[("hugo", "vault")][..]),
        (emptied, &[("hugo", "vault")]),
        (nothing, &[("hugo", "ops"), ("hugo", "vault")]),
    ] {
        let of_heirs = estate.inherit_all(&[greta.clone(), hugo, iris.clone()]);
        assert_whole(estate, &small().vault, &of_heirs);
        assert_eq!(of_heirs[1].silent, named(estate, expected));
        assert!(of_heirs[1].liars.is_empty() && nobody(&of_heirs[0]));
    }
}

/// SUC-14: of a key that an heir gets in two contributions, opening one is not enough.
#[test]
fn a_custodian_who_opens_half_of_a_key_is_named() {
    let estate = estate();
    let [greta, hugo, iris] = estate.parts(["greta", "hugo", "iris"]);
    let ops = estate.key("ops");
    let half = estate.edited(&hugo, 0, |plain| {
        let of_ops: Vec<usize> = (0..plain.len()).filter(|at| is_of(ops)(&plain[*at])).collect();
        assert_eq!(of_ops.len(), 2);
        plain.remove(of_ops[1]);
    });
    let inheritance = estate.inherit(0, &[greta, half, iris]).unwrap();
    assert_eq!(inheritance.silent, named(estate, &[("hugo", "ops")]));
    assert!(inheritance.liars.is_empty());
}

/// SUC-12, SUC-13: a part serves one heir of one successor, from one backup, and opens as nothing
/// else.
#[test]
fn neg_083_a_part_for_another_successor_backup_or_heir_does_not_open() {
    let estate = estate();
    let [part] = estate.parts(["greta"]);
    assert_eq!(estate.take(0, &part), Ok(()));

    // Founded by the same nodes with the same secrets, from the same backup.
    let again = Domain::succeeding(SUCCESSOR, 9, estate.succession().clone());
    let theirs = probate(&estate.domain, &estate.file, &again).ok().unwrap();
    let theirs = part_by(&theirs, &holder("greta")).unwrap();
    let (ours, other) = (part.successor, again.state.genesis());
    assert_eq!(estate.take(0, &theirs), not_taken_of("Successor", other));
    let renamed = EstatePart { successor: ours, ..theirs };
    assert_eq!(estate.take(0, &renamed), not_taken("Sealed"));

    let (elsewhere, nowhere) = (GenesisHash(Digest([9; 32])), Digest([9; 32]));
    let changed = EstatePart { predecessor: elsewhere, ..part.clone() };
    assert_eq!(estate.take(0, &changed), not_taken("Backup"));
    let changed = EstatePart { backup: nowhere, ..part.clone() };
    assert_eq!(estate.take(0, &changed), not_taken("Backup"));

    // Nobody but the custodian seals for it, and even that is bound to all of these.
    let (heir, plain) = (estate.heir(0), to_bytes(&estate.plain(0, &part)));
    let sealed = |as_of: &EstatePart, heir| {
        estate.made(&holder("greta"), &part, (0, context(as_of, heir)), &plain)
    };
    assert_eq!(estate.take(0, &sealed(&part, heir)), Ok(()));
    for (what, as_of, heir) in [
        ("successor", EstatePart { successor: elsewhere, ..part.clone() }, heir),
        ("predecessor", EstatePart { predecessor: elsewhere, ..part.clone() }, heir),
        ("backup", EstatePart { backup: nowhere, ..part.clone() }, heir),
        ("heir", part.clone(), estate.heir(1)),
        ("key", EstatePart { key: holder("hugo").public().id(), ..part.clone() }, heir),
    ] {
        assert_eq!(estate.take(0, &sealed(&as_of, heir)), not_taken("Sealed"), "{what}");
    }

    let mut moved = part.clone();
    let [first, second] = moved.sealed.as_mut_slice() else { panic!() };
    std::mem::swap(&mut first.bytes, &mut second.bytes);
    let mut alone = part.clone();
    alone.sealed.remove(0);
    for (place, of_other) in [(0, not_taken("Heir")), (1, Ok(()))] {
        assert_eq!(estate.take(place, &moved), not_taken("Sealed"));
        assert_eq!(estate.take(place, &alone), of_other);
    }
}

/// SUC-12: what was opened of one backup of a domain serves for no other, though key and heirs are
/// the same.
#[test]
fn neg_070_a_part_of_another_backup_file_is_not_taken() {
    let estate = estate();
    let mut items = estate.domain.items(&small().keys());
    let Item::Head(head) = &mut items[0] else { panic!() };
    head.export = Digest([1; 32]);
    let file = written(&items);
    let succession = succession(&verified(&estate.domain, &file), 2);
    let other = Domain::succeeding(SUCCESSOR, 1, succession);
    let theirs = probate(&estate.domain, &file, &other).ok().unwrap();
    let theirs = part_by(&theirs, &holder("greta")).unwrap();
    let successor = estate.successor.state.genesis();
    let renamed = EstatePart { successor, ..theirs };
    assert_eq!(estate.take(0, &renamed), not_taken("Backup"));
    let renamed = EstatePart { backup: estate.verified.digest(), ..renamed };
    assert_eq!(estate.take(0, &renamed), not_taken("Sealed"));
}

/// SUC-13, BAK-30: nobody speaks for a custodian without its key, and nobody is blamed for what
/// others made in their name.
#[test]
fn neg_019_a_part_in_somebody_elses_name_does_not_open_and_blames_nobody() {
    let estate = estate();
    let [greta, hugo, iris] = estate.parts(["greta", "hugo", "iris"]);
    let plain = to_bytes(&estate.plain(0, &hugo));
    let context = context(&hugo, estate.heir(0));
    for forger in ["iris", "greta"] {
        let forged = estate.made(&holder(forger), &hugo, (0, context), &plain);
        assert_eq!(estate.take(0, &forged), not_taken("Sealed"), "{forger}");
    }
    // What one opened itself, under the name and key of another, or of nobody.
    let (custodian, key) = (hugo.custodian.clone(), hugo.key);
    let theirs = EstatePart { custodian: custodian.clone(), key, ..iris.clone() };
    assert_eq!(estate.take(0, &theirs), not_taken("Sealed"));
    let theirs = EstatePart { custodian, ..iris.clone() };
    assert_eq!(estate.take(0, &theirs), not_taken("NoCustodian"));
    let key = custodian_secret(SoftKind::X25519, 9, "iris").public().id();
    assert_eq!(estate.take(0, &EstatePart { key, ..iris.clone() }), not_taken("NoCustodian"));
    // With the own key, what another one opened.
    let others = estate.sealing(&iris, 0, &plain);
    assert_eq!(estate.take(0, &others), not_taken("Form"));

    let mut changed = hugo.clone();
    *changed.sealed[0].bytes.last_mut().unwrap() ^= 1;
    assert_eq!(estate.take(0, &changed), not_taken("Sealed"));
    assert_eq!(estate.take(1, &changed), Ok(()), "it is another heir's");
    let twice = estate.inherit(0, &[hugo.clone(), greta, hugo.clone()]).unwrap_err();
    assert_eq!(blamed(twice), (hugo.custodian, "Twice".to_owned()));
}

/// SUC-13: a custodian who seals for an heir what is for another, or is in no such file, is told.
#[test]
fn neg_083_an_heir_takes_nothing_that_is_for_another() {
    let estate = estate();
    let [part] = estate.parts(["greta"]);
    let ours = estate.plain(1, &part);
    let theirs = estate.plain(0, &part);
    assert!(theirs.iter().all(|it| ours.iter().all(|our| (&our.0, &our.1) != (&it.0, &it.1))));
    let (ops, vault) = (estate.key("ops"), estate.key("vault"));
    let with = |it: Opened| {
        estate.edited(&part, 1, |plain| {
            plain.push(it);
            plain.sort_by(|left, right| (&left.0, &left.1).cmp(&(&right.0, &right.1)));
        })
    };
    let of = |key| move |all: &[Opened]| all.iter().find(|it| is_of(key)(it)).unwrap().clone();
    assert_eq!(estate.take(1, &with(of(ops)(&theirs))), not_taken_of("Other", ops));
    assert_eq!(estate.take(1, &with(of(vault)(&theirs))), not_taken_of("Other", vault));
    let mut no_key = of(ops)(&ours);
    no_key.0 = vec![9; 32].into();
    let nowhere = KeyId(Digest([9; 32]));
    assert_eq!(estate.take(1, &with(no_key)), not_taken_of("Other", nowhere));
    let mut no_dealer = of(ops)(&ours);
    no_dealer.1 = vec![9; 32].into();
    assert_eq!(estate.take(1, &with(no_dealer)), not_taken_of("Other", ops));
}

/// SUC-14, BAK-15: what was opened of another bundle of the same dealer is told, and whose it is.
#[test]
fn neg_070_what_is_of_another_bundle_is_told_apart() {
    let estate = estate();
    let [greta, hugo] = estate.parts(["greta", "hugo"]);
    let vault = estate.key("vault");
    let other = estate.edited(&hugo, 0, |plain| {
        let (.., opened) = plain.iter_mut().find(|it| is_of(vault)(it)).unwrap();
        let mut bytes = opened.to_vec();
        // A list of four, the version, the custodian's key of 34 bytes, and the head of the digest.
        bytes[2 + 34 + 2] ^= 1;
        *opened = bytes.into();
    });
    let error = estate.inherit(0, &[greta, other]).unwrap_err();
    assert_eq!(blamed(error), (name("hugo"), format!("Bundle({vault:?})")));
}

/// SUC-12: what is sealed has one form.
#[test]
fn neg_010_what_is_sealed_has_one_form() {
    let estate = estate();
    let [part] = estate.parts(["greta"]);
    let plain = estate.plain(0, &part);
    let good = to_bytes(&plain);
    assert_eq!(good[0], 0x83);
    assert_eq!(estate.take(0, &estate.sealing(&part, 0, &good)), Ok(()));
    let mut swapped = plain.clone();
    swapped.swap(0, 1);
    let (key, dealer, opened) = plain[0].clone();
    let short: ByteVec = dealer[1..].to_vec().into();
    for (what, bytes) in [
        ("another order", to_bytes(&swapped)),
        ("one twice", to_bytes(&vec![plain[0].clone(), plain[0].clone()])),
        ("a dealer of 31 bytes", to_bytes(&vec![(key.clone(), short, opened.clone())])),
        ("an epoch", to_bytes(&vec![(key.clone(), 0_u64, opened)])),
        ("no part", to_bytes(&vec![(key, dealer, ByteVec::from(vec![0x80]))])),
        ("bytes behind", [&good[..], &[0]].concat()),
        ("a longer number", [&[0x98, 3], &good[1..]].concat()),
        ("cut", good[..good.len() - 1].to_vec()),
        ("nothing", Vec::new()),
    ] {
        let taken = estate.take(0, &estate.sealing(&part, 0, &bytes));
        assert_eq!(taken, not_taken("Form"), "{what}");
    }
}

/// SUC-12: the file of a part, its version and its length.
#[test]
fn neg_015_a_file_of_a_part_is_read_strictly() {
    let [part] = estate().parts(["greta"]);
    let bytes = to_bytes(&part);
    assert_eq!(from_bytes::<EstatePart>(&bytes).unwrap(), part);
    let mut later = bytes.clone();
    later[1] = 2;
    let refused = from_bytes::<EstatePart>(&later).unwrap_err().to_string();
    assert!(refused.contains("version 2"), "{refused}");
    assert!(from_bytes::<EstatePart>(&bytes[..bytes.len() - 1]).is_err());
    assert!(from_bytes::<EstatePart>(&[&bytes[..], &[0]].concat()).is_err());
    assert!(from_bytes::<quorate_recovery::seat::SeatPart>(&bytes).is_err());
    assert!(bytes.len() < EstatePart::BYTES_MAX);
    let [first, second] = &part.sealed[..] else { panic!("{part:?}") };
    for sealed in [[second, first], [first, first]] {
        let sealed = sealed.map(Clone::clone).to_vec();
        let odd = to_bytes(&EstatePart { sealed, ..part.clone() });
        let refused = from_bytes::<EstatePart>(&odd).unwrap_err().to_string();
        assert!(refused.contains("do not ascend"), "{refused}");
    }
    // Places are not an order of ids: the file has its own.
    let mut succession = estate().succession().clone();
    succession.claims.reverse();
    let successor = Domain::succeeding(SUCCESSOR, 9, succession);
    let probate = probate(&estate().domain, &estate().file, &successor).ok().unwrap();
    let part = part_by(&probate, &holder("greta")).unwrap();
    assert_eq!(from_bytes::<EstatePart>(&to_bytes(&part)).unwrap(), part);
}

/// N-77: what was inherited prints as its number.
#[test]
fn neg_077_what_was_inherited_prints_as_nothing() {
    let estate = estate();
    let parts = estate.parts(["greta", "hugo"]);
    let inheritance = estate.inherit(0, &parts).unwrap();
    let shown = format!("{inheritance:?} {:?}", parts[0]);
    assert!(shown.contains(&format!("Inherited({}, 1)", estate.key("ops"))), "{shown}");
    let secrets = inheritance.keys.iter().flat_map(|it| &it.summand);
    for secret in secrets {
        assert!(!shown.contains(&hex::encode(secret.as_ref())[2..]));
        assert!(!shown.contains(&format!("{}, {}", secret[0], secret[1])));
    }
    assert!(shown.len() < 1_000, "{shown}");
}

/// SUC-13: only the machine whose claim the founders signed inherits, and only of whom it asked.
#[test]
fn neg_076_nobody_inherits_with_another_claim() {
    let estate = estate();
    let parts = estate.parts(["greta", "hugo"]);
    let as_of = |heir: NodeId, arrival: &Arrival| {
        inherit(&estate.verified, &estate.successor, heir, arrival, &parts)
    };
    let (first, second) = (estate.heir(0), estate.heir(1));
    assert!(as_of(first, &estate.arrival(0)).is_ok());
    for (heir, of) in [(first, estate.arrival(1)), (second, estate.arrival(0))] {
        assert_eq!(as_of(heir, &of).unwrap_err(), InheritError::AnotherClaim);
    }
    for node in ["node-3", "witness"] {
        let no_heir = estate.successor.node(node);
        let error = as_of(no_heir, &estate.arrival(0)).unwrap_err();
        assert_eq!(error, InheritError::NoHeir, "{node}");
    }
    // The one-time key of the claim, and other secrets behind what it asks.
    let other = Arrival::new(estate.arrival(0).seed(), &[9; 32]);
    let error = as_of(first, &other).unwrap_err();
    assert_eq!(blamed(error), (name("greta"), "NotAsked".to_owned()));
}

/// SUC-03, SUC-13: whom an heir does not ask cannot be told from others, so opens nothing for
/// anybody; and heirs do not begin.
#[test]
fn neg_076_a_custodian_whom_an_heir_does_not_ask_opens_nothing() {
    let estate = estate();
    let hugo = holder("hugo").public().id();
    let successor = estate.claiming(1, |claim| claim.asks.retain(|ask| ask.key != hugo));
    let probate = probate(&estate.domain, &estate.file, &successor);
    let (heir, custodian) = (estate.called(1), name("hugo"));
    assert_eq!(probate.err(), Some(ProbateError::NotAsked { heir, custodian }));

    let fault = EstateFault::NotAsked { heir: estate.heir(1), key: hugo };
    let succession = successor.state.succession().unwrap();
    assert_eq!(estate.verified.estate(succession, 1).unwrap_err(), fault);
    let arrival = estate.arrival(0);
    let error = inherit(&estate.verified, &successor, estate.heir(0), &arrival, &[]).unwrap_err();
    assert_eq!(error, InheritError::Fault(fault));
}

/// A custodian's key that counts how often it is used.
struct Counting(SoftKey, Cell<usize>);

impl Opener for Counting {
    type Error = <SoftKey as Opener>::Error;

    fn public(&self) -> &RecoveryKey {
        self.0.public()
    }

    fn open(&self, with: &[u8]) -> Result<Option<Shared>, Self::Error> {
        self.1.set(self.1.get() + 1);
        self.0.open(with)
    }
}

/// SUC-12, BAK-22: where one heir asks what no key of the custodian's kind takes, nothing is opened
/// for any of them; what cannot even be read is told before that.
#[test]
fn neg_086_what_is_asked_and_malformed_opens_nothing_for_anybody() {
    let estate = estate();
    let greta = holder("greta").public().id();
    let uses = |successor: &Domain| {
        let probate = probate(&estate.domain, &estate.file, successor).ok().unwrap();
        let counting = Counting(holder("greta"), Cell::new(0));
        let part = probate.for_key(greta).unwrap().open(&counting, &mut rng());
        (part.unwrap_or_else(|never| match never {}).is_ok(), counting.1.get())
    };
    // A challenge each, and what is closed of five contributions.
    assert_eq!(uses(&estate.successor), (true, 2 + 5 * 32));
    let asking = |challenge: Vec<u8>| {
        estate.claiming(1, |claim| {
            let ask = claim.asks.iter_mut().find(|ask| ask.key == greta).unwrap();
            *ask = Ask { key: greta, challenge };
        })
    };
    let hybrid = SoftKey::from_seed(SoftKind::Hybrid, &[9; 32]);
    let (genesis, heir) = (estate.domain.state.genesis(), estate.heir(1));
    let (asked, _) = Challenge::new(genesis, heir, hybrid.public(), &[1; 32]).unwrap();
    assert_eq!(uses(&asking(to_bytes(&asked))), (false, 1));

    let claim = EstateFault::Claim(heir);
    assert_eq!(fault(&estate.domain, &estate.file, &asking(vec![0xff])), claim);
    let no_key = estate.claiming(1, |claim| claim.arrival = vec![9; 40]);
    assert_eq!(fault(&estate.domain, &estate.file, &no_key), claim);
}

/// Why this backup is not the one of this successor: custodians and heirs tell alike.
#[track_caller]
fn fault(domain: &Domain, file: &[u8], successor: &Domain) -> EstateFault {
    let fault = match refusal(domain, file, successor) {
        ProbateError::Fault(fault) => fault,
        other => panic!("{other}"),
    };
    let (backup, succession) = (verified(domain, file), successor.state.succession().unwrap());
    assert_eq!(backup.estate(succession, 1).unwrap_err(), fault);
    let heir = succession.claims[0].body().node;
    let arrival = arrival(successor.state.node(&heir).unwrap().name.as_str());
    let error = inherit(&backup, successor, heir, &arrival, &[]).unwrap_err();
    assert_eq!(error, InheritError::Fault(fault.clone()));
    fault
}

/// SUC-02, SUC-04, REC-22: custodians open the one file that the founders named, neither an older nor a
/// newer one, nor another of the same charter.
#[test]
fn neg_070_only_the_backup_that_the_founders_named_is_opened() {
    let Estate { domain, file, successor, .. } = estate();
    let mut moved = domain.clone();
    moved.place(MotionBody::KeyRefresh { name: name("ops") });
    let newer = written(&moved.items(&small().keys()));
    let (named, here) = (domain.state.position(), moved.state.position());
    assert_eq!((named, here), (3, 4));
    assert_eq!(fault(&moved, &newer, successor), EstateFault::Earlier { named, here });

    let of_newer = Domain::succeeding(SUCCESSOR, 1, succession(&verified(&moved, &newer), 2));
    assert!(probate(&moved, &newer, &of_newer).is_ok());
    assert_eq!(fault(domain, file, &of_newer), EstateFault::Later(moved.state.head()));

    let mut items = domain.items(&small().keys());
    let Item::Head(head) = &mut items[0] else { panic!() };
    head.export = Digest([1; 32]);
    assert_eq!(fault(domain, &written(&items), successor), EstateFault::OtherFile(named));
}

/// SUC-02: whoever names this very file and another head made that up, also where the domain had it
/// once.
#[test]
fn neg_072_a_head_that_is_not_that_of_the_backup_is_refused() {
    let estate = estate();
    let first = estate.domain.entries[0].head();
    assert_eq!(estate.domain.state.position_of(&first), Some(1));
    for head in [Head(Digest([9; 32])), first] {
        let succession = Succession { head, ..estate.succession().clone() };
        let successor = Domain::succeeding(SUCCESSOR, 1, succession);
        assert_eq!(fault(&estate.domain, &estate.file, &successor), EstateFault::Head);
    }
}

/// SUC-02: nothing is opened for whoever succeeds another domain, or none.
#[test]
fn neg_076_a_successor_of_another_domain_gets_nothing() {
    let estate = estate();
    let other = GenesisHash(Digest([9; 32]));
    let mut succession = estate.succession().clone();
    succession.predecessor = other;
    let claim = |place: usize| {
        let claim = estate.succession().claims[place].body().clone();
        claim_of(estate.called(place).as_str(), SeatClaim { genesis: other, ..claim })
    };
    succession.claims = [0, 1].map(claim).into();
    let successor = Domain::succeeding(SUCCESSOR, 1, succession);
    let fault = fault(&estate.domain, &estate.file, &successor);
    assert_eq!(fault, EstateFault::Domain(other));

    let none = Domain::founded(SUCCESSOR, SoftKind::X25519);
    let refused = refusal(&estate.domain, &estate.file, &none);
    assert_eq!(refused, ProbateError::NoSuccession);
    let (heir, arrival) = (estate.heir(0), estate.arrival(0));
    let error = inherit(&estate.verified, &none, heir, &arrival, &[]).unwrap_err();
    assert_eq!(error, InheritError::NoHeir);
}

/// SUC-02: of a file that does not hold nothing is opened, also where only a bundle of shares does
/// not.
#[test]
fn neg_083_a_file_that_does_not_hold_opens_nothing() {
    let estate = estate();
    let genesis = estate.domain.state.genesis();
    let [mut ops, vault] = small().keys();
    let shares = ops.bundles.iter_mut().find(|it| it.kind == BundleKind::Shares).unwrap();
    shares.bytes[500] ^= 1;
    let file = written(&estate.domain.items(&[ops, vault]));
    let report = crate::verified(&file, &genesis);
    assert!(!report.holds());
    // The founders name this very file.
    let succession = Succession { backup: report.digest.unwrap(), ..estate.succession().clone() };
    let successor = Domain::succeeding(SUCCESSOR, 1, succession);
    let refused = refusal(&estate.domain, &file, &successor);
    assert_eq!(refused, ProbateError::Refused(Box::new(report)));

    let cut = &estate.file[..estate.file.len() - 1];
    let refused = refusal(&estate.domain, cut, &estate.successor);
    assert!(matches!(refused, ProbateError::Refused(_)), "{refused}");
    let elsewhere = Domain::founded(3, SoftKind::X25519);
    let refused = refusal(&elsewhere, &estate.file, &estate.successor);
    assert!(matches!(refused, ProbateError::Refused(_)), "{refused}");
}

/// SUC-11: retired keys and those of which only shares are backed up are left out, by name; where
/// nothing is left there is nothing to open.
#[test]
fn keys_that_nobody_restores_are_left_out() {
    let mut domain = small().domain.clone();
    let secret = SecretScalar::<Secp256k1>::from_wide(&[9; 64]);
    domain.order_import("old", &secret);
    let old = domain.import("old", &secret).kept;
    domain.place(MotionBody::KeyRetire { name: name("vault") });
    let keys = [small().keys().as_slice(), &[old]].concat();
    let estate = Estate::of(domain.clone(), &keys, 2);
    let (known, left_out) = estate.verified.estate(estate.succession(), 1).unwrap();
    let expected = [("old", Unrestorable::SharesAlone), ("vault", Unrestorable::Retired)];
    let expected = expected.map(|(key, why)| LeftOut { name: name(key), why });
    assert_eq!(left_out, expected);
    assert_eq!(known.iter().map(|key| key.key()).collect::<Vec<_>>(), [estate.key("ops")]);
    let probate = estate.probate();
    let mut seen = probate.left_out().to_vec();
    seen.sort_by(|left, right| left.name.cmp(&right.name));
    assert_eq!(seen, expected);
    assert_eq!(probate.keys().map(|key| key.key()).collect::<Vec<_>>(), [estate.key("ops")]);
    let parts = ["greta", "hugo"].map(|who| part_by(&probate, &holder(who)).unwrap());
    let of_heirs = estate.inherit_all(&parts);
    assert_whole(&estate, &small().ops, &of_heirs);
    assert!(of_heirs.iter().all(|it| it.keys.len() == 1 && nobody(it)));

    // A custodian who opens the retired one all the same.
    let [theirs] = crate::estate::estate().parts(["greta"]);
    let retired = estate.key("vault");
    let mut all = crate::estate::estate().plain(0, &theirs);
    all.retain(is_of(retired));
    let too_much = estate.edited(&parts[0], 0, |plain| {
        plain.append(&mut all);
        plain.sort_by(|left, right| left.0.cmp(&right.0));
    });
    assert_eq!(estate.take(0, &too_much), not_taken_of("Other", retired));

    domain.place(MotionBody::KeyRetire { name: name("ops") });
    let none = Estate::of(domain, &keys, 2);
    let refused = refusal(&none.domain, &none.file, &none.successor);
    assert_eq!(refused, ProbateError::Nothing);
}

/// SUC-11, BAK-26: the custody under which a key was made counts for it, whatever the charter says
/// now.
#[test]
fn neg_070_the_custody_of_each_key_counts() {
    let (estate, ops, vault) = of_two_custodies();
    assert!(estate.succession().claims.iter().all(|claim| claim.body().asks.len() == 6));

    let of = |seed, who| custodian_secret(SoftKind::X25519, seed, who).key();
    let probate = estate.probate();
    let now = of(99, "greta").public().id();
    assert_eq!(probate.for_key(now).err(), Some(ProbateError::NoCustodian(now)));
    let then = [1, 77].map(|seed| ["greta", "iris"].map(|who| of(seed, who)));
    for (holders, mine, others) in [(&then[0], "ops", "vault"), (&then[1], "vault", "ops")] {
        let custodian = probate.for_key(holders[0].public().id()).unwrap();
        let keys: Vec<KeyId> = custodian.keys().map(|key| key.key()).collect();
        assert_eq!(keys, [estate.key(mine)]);
        let keys: Vec<KeyId> = custodian.of_others().map(|key| key.key()).collect();
        assert_eq!(keys, [estate.key(others)]);
    }
    let parts = then.map(|holders| holders.map(|holder| part_by(&probate, &holder).unwrap()));
    let some = estate.inherit(0, &parts[0]).unwrap();
    assert_eq!(keys_of(&some), [estate.key("ops")]);
    assert_eq!(told(&some.missing), ["vault: 2 of (greta, hugo, iris)".to_owned()].into());
    assert!(some.liars.is_empty() && some.silent.is_empty());
    let of_heirs = estate.inherit_all(&parts.concat());
    assert_whole(&estate, &ops, &of_heirs);
    assert_whole(&estate, &vault, &of_heirs);
    assert!(of_heirs.iter().all(nobody), "nobody is silent of what others restore");
}

/// SUC-03: a claim asks those and only those whose keys restore a whole key that is in use.
#[test]
fn a_claim_asks_everybody_who_restores_a_key_in_use() {
    let asked = |estate: &Estate, place: usize| -> BTreeSet<RecoveryKeyId> {
        estate.succession().claims[place].body().asks.iter().map(|ask| ask.key).collect()
    };
    let ids = |seed: u8| {
        ["greta", "hugo", "iris"]
            .map(|who| custodian_secret(SoftKind::X25519, seed, who).public().id())
    };
    let (estate, ops, vault) = of_two_custodies();
    let mut domain = estate.domain.clone();
    domain.place(MotionBody::KeyRetire { name: name("vault") });
    let retired = Estate::of(domain, &[ops.kept, vault.kept], 2);

    let mut domain = Domain::founded(1, SoftKind::X25519);
    let custody = domain.state.custody().clone();
    let custody = Custody { keys: "all of (greta, hugo)".parse().unwrap(), ..custody };
    domain.place(MotionBody::CustodySet { custody, excepted: Vec::new() });
    domain.order("ops", Scheme::Ed25519, "2 of (node-1, node-2)", 1);
    let ops = domain.generate::<Ed25519>("ops").kept;
    let of_two = Estate::of(domain, &[ops], 2);
    for place in [0, 1] {
        assert_eq!(asked(&estate, place), [ids(1), ids(77)].concat().into_iter().collect());
        assert_eq!(asked(&retired, place), ids(1).into());
        assert_eq!(asked(&of_two, place), ids(1)[..2].iter().copied().collect());
    }
    // She restores shares alone.
    let iris = ids(1)[2];
    let refused = of_two.probate().for_key(iris).err();
    assert_eq!(refused, Some(ProbateError::NoCustodian(iris)));
}

/// SUC-13: who restores one key speaks for no other.
#[test]
fn neg_066_a_custodian_of_another_key_opens_nothing_of_this_one() {
    let (estate, _, vault) = of_two_custodies();
    let [part] = estate.parts(["greta"]);
    assert_eq!(estate.take(0, &part), Ok(()));
    let (key, dealer) = (estate.key("vault"), vault.kept.record.plan.dealers[0]);
    let more = estate.edited(&part, 0, |plain| {
        assert_eq!(plain.len(), 1);
        let id = |bytes: &[u8]| ByteVec::from(bytes.to_vec());
        plain.push((id(key.as_ref()), id(dealer.as_ref()), plain[0].2.clone()));
        plain.sort_by(|left, right| left.0.cmp(&right.0));
    });
    assert_eq!(estate.take(0, &more), not_taken("Form"));
}
