//! Drills of custodians, as nodes are told of them (GOV-55 to GOV-57).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_backup::{
    Keyed, Recovery, RecoveryKey, Standard, Statement, Subject, bundle_digest, prove,
};
use quorate_charter::{Custody, CustodyTree, MotionBody};
use quorate_client::contract::{CustodyView, ErrorBody, ErrorCode, RecordDrill, routes};
use quorate_codec::{Digest, to_bytes};
use quorate_curve::{Ed25519, SecretScalar};
use quorate_identity::{GenesisHash, Head, KeyId, Name, NodeId, RecoveryKeyId};
use quorate_machine::call::{Call, View};
use quorate_machine::durable::Table;
use quorate_testkit::custodians::{CUSTODIANS, RecoveryKeys};
use quorate_testkit::founding::name;
use quorate_testkit::world::World;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeMap;

const DAY_MS: u64 = 86_400_000;

/// A canary for those of a custody who restore shares, and what it holds.
fn canary(world: &World, custody: &Custody, number: u8) -> RecordDrill {
    let genesis = world.founding.hash;
    let author = world.id("node-1");
    let subject = Subject::Canary { genesis, export: Digest([number; 32]) };
    bundle(world, custody, (author, subject), &["greta", "hugo"])
}

fn bundle(
    world: &World,
    custody: &Custody,
    (author, subject): (NodeId, Subject),
    took_part: &[&str],
) -> RecordDrill {
    let mut rng = ChaCha20Rng::seed_from_u64(9);
    let secret = SecretScalar::<Ed25519>::random(&mut rng);
    let keys: BTreeMap<Name, RecoveryKey> = custody
        .custodians
        .iter()
        .map(|it| (it.name.clone(), RecoveryKey::from_bytes(&it.key).unwrap()))
        .collect();
    let recovery = Recovery::over(CustodyTree::Seats.of(custody), &keys).unwrap();
    let publics = vec![secret.commit().non_identity().unwrap()];
    let bytes = secret.to_bytes().to_vec();
    let statement = Statement { author, subject, publics, recovery };
    let canary = prove::<Ed25519, Standard>(statement, &[secret], &mut rng).unwrap();
    let mut took_part: Vec<RecoveryKeyId> =
        took_part.iter().map(|who| keys[&name(who)].id()).collect();
    took_part.sort();
    RecordDrill {
        canary: to_bytes(&canary).into(),
        secret: bytes.into(),
        took_part,
        started_ms: world.now - 5_000,
        finished_ms: world.now,
    }
}

fn bring(world: &mut World, who: &str, drill: &RecordDrill) -> Result<Box<CustodyView>, ErrorBody> {
    let body = serde_json::to_vec(drill).unwrap();
    match world.call("node-1", who, "POST", routes::RECORD_DRILL.path, &body)? {
        View::Custody(view) => Ok(view),
        other => panic!("{other:?}"),
    }
}

fn shown(world: &mut World) -> Box<CustodyView> {
    let node = world.id("node-1");
    match world.ask(node, Call::Custody) {
        Ok(View::Custody(view)) => view,
        other => panic!("{other:?}"),
    }
}

fn drilled(view: &CustodyView) -> Vec<(&str, Option<u64>)> {
    view.custodians.iter().map(|it| (it.name.as_str(), it.drilled_ms)).collect()
}

/// Why a node records nothing; then it shows none.
fn refused(world: &mut World, drill: &RecordDrill) -> String {
    let before = shown(world);
    let error = bring(world, "ada", drill).unwrap_err();
    assert_eq!(error.code, ErrorCode::BadStatement.as_str(), "{error:?}");
    assert_eq!(shown(world), before);
    error.message
}

/// GOV-55 to GOV-57: from nothing to a drill that stays recorded, by anybody who watches.
#[test]
fn a_drill_is_recorded_and_is_due_again() {
    let mut world = World::new(80);
    let custody = world.state("node-1").custody().clone();
    let view = shown(&mut world);
    assert_eq!(view.drills.len(), 2);
    let began = view.drills[0].since_ms;
    for (drill, tree) in view.drills.iter().zip(["seats", "keys"]) {
        assert_eq!((drill.tree.as_str(), &drill.last), (tree, &None));
        assert_eq!(drill.due_ms, drill.since_ms + 100 * DAY_MS);
    }
    world.now += 10 * DAY_MS;
    let drill = canary(&world, &custody, 1);
    // Whoever audits may tell of it.
    let view = bring(&mut world, "auditor", &drill).unwrap();
    let expected =
        [("greta", Some(drill.finished_ms)), ("hugo", Some(drill.finished_ms)), ("iris", None)];
    assert_eq!(drilled(&view), expected);
    // Both trees are one.
    for held in &view.drills {
        let last = held.last.as_ref().unwrap();
        assert_eq!((held.due_ms, held.since_ms), (drill.finished_ms + 100 * DAY_MS, began));
        assert_eq!((last.by.as_str(), &last.took_part), ("auditor", &drill.took_part));
        assert_eq!(last.canary, bundle_digest(&drill.canary.0));
        assert_eq!((last.started_ms, last.finished_ms), (drill.started_ms, drill.finished_ms));
    }
    let trail = world.call("node-1", "auditor", "GET", routes::AUDIT.path, b"").unwrap();
    let trail = serde_json::to_string(&trail).unwrap();
    for told in ["a canary was restored in a drill; auditor says by ", "greta", "hugo"] {
        assert!(trail.contains(told), "{trail}");
    }
    // What a node was told it tells after a restart; another node was not told.
    world.stop("node-1");
    let node = world.id("node-1");
    world.start(node);
    assert_eq!(shown(&mut world).drills, view.drills);
    let node_2 = world.id("node-2");
    let Ok(View::Custody(other)) = world.ask(node_2, Call::Custody) else { panic!() };
    assert!(other.drills.iter().all(|it| it.last.is_none()));
    for node in world.names() {
        assert!(world.host(&node).alarms.is_empty());
    }
}

/// GOV-55: what was brought must be what the canary holds, and the canary one that holds.
#[test]
fn neg_084_a_drill_without_the_canary_is_not_recorded() {
    let mut world = World::new(81);
    let custody = world.state("node-1").custody().clone();
    let good = canary(&world, &custody, 1);
    let secret = SecretScalar::<Ed25519>::random(&mut ChaCha20Rng::seed_from_u64(1));
    let with = |change: &dyn Fn(&mut RecordDrill)| {
        let mut drill = good.clone();
        change(&mut drill);
        drill
    };
    let another = secret.to_bytes().to_vec();
    for secret in [another, vec![0; 32], vec![0xff; 32], Vec::new(), vec![1; 33]] {
        let drill = with(&|it| it.secret = secret.clone().into());
        assert!(refused(&mut world, &drill).contains("not what the canary holds"));
    }
    for (change, why) in [
        (with(&|it| it.canary.0[500] ^= 1), "this canary: "),
        (with(&|it| it.canary.0.truncate(900)), "it is no canary"),
        (with(&|it| it.canary.0 = vec![0; 400_000]), "it is no canary"),
        (with(&|it| it.took_part.truncate(1)), "do not restore this canary"),
        (with(&|it| it.took_part.clear()), "do not restore this canary"),
        (with(&|it| it.took_part.reverse()), "do not ascend"),
        (with(&|it| it.took_part[1] = it.took_part[0]), "do not ascend"),
        (with(&|it| it.took_part[1] = RecoveryKeyId(Digest([0xff; 32]))), "is no custodian"),
        (with(&|it| it.started_ms = it.finished_ms + 1), "finished before it was started"),
        (with(&|it| it.finished_ms += 120_000), "not finished yet"),
    ] {
        let got = refused(&mut world, &change);
        assert!(got.contains(why), "{why}: {got}");
    }
    assert!(bring(&mut world, "ada", &good).is_ok());
}

/// GOV-55: a bundle of shares is refused whatever was restored from it, and so is a canary of another
/// domain, of a stranger or for other custodians.
#[test]
fn neg_084_what_is_no_canary_of_these_custodians_is_not_recorded() {
    let mut world = World::new(82);
    let custody = world.state("node-1").custody().clone();
    let (genesis, node) = (world.founding.hash, world.id("node-1"));
    let both = ["greta", "hugo"];
    let public = SecretScalar::<Ed25519>::random(&mut ChaCha20Rng::seed_from_u64(3));
    let public = public.commit().non_identity().unwrap();
    let (key, head) = (KeyId(Digest([1; 32])), Head(Digest([2; 32])));
    let of = Keyed::new(genesis, key, &[public], Digest([3; 32]), head);
    let shares = Subject::Shares { of: of.clone(), epoch: 0, leaves: vec![0], tree: Digest::ZERO };
    let export = Subject::Export {
        of: of.clone(),
        epoch: 0,
        leaves: vec![0],
        tree: Digest::ZERO,
        record: Digest::ZERO,
        export: Digest::ZERO,
    };
    let elsewhere = GenesisHash(Digest([9; 32]));
    let canary = |genesis| Subject::Canary { genesis, export: Digest([1; 32]) };
    for (author, subject, why) in [
        (node, shares, "of a key, and no canary"),
        (node, export, "of a key, and no canary"),
        (node, Subject::Contributions { of, epoch: 0 }, "of a key, and no canary"),
        (node, canary(elsewhere), "a canary of another domain"),
        (NodeId(Digest([8; 32])), canary(genesis), "of no node of the domain"),
    ] {
        let drill = bundle(&world, &custody, (author, subject), &both);
        let got = refused(&mut world, &drill);
        assert!(got.contains(why), "{why}: {got}");
    }
    let mut number = 0;
    let others = RecoveryKeys::new(&CUSTODIANS, || {
        number += 1;
        [number; 32]
    });
    let drill = bundle(&world, &others.custody(2), (node, canary(genesis)), &both);
    assert!(refused(&mut world, &drill).contains("other custodians"));
    let all = Custody { seats: "all of (greta, hugo, iris)".parse().unwrap(), ..custody };
    let drill = bundle(&world, &all, (node, canary(genesis)), &both);
    assert!(refused(&mut world, &drill).contains("another recovery tree"));
}

/// GOV-57: a canary counts once, whenever and however it is told again.
#[test]
fn neg_076_a_drill_that_is_told_again_makes_nothing_newer() {
    let mut world = World::new(83);
    let custody = world.state("node-1").custody().clone();
    let first = canary(&world, &custody, 1);
    let view = bring(&mut world, "ada", &first).unwrap();
    assert_eq!(bring(&mut world, "ben", &first).unwrap(), view, "nothing changes");
    world.now += 50 * DAY_MS;
    // With one who came late, at the time of the drill and not of the telling.
    let mut late = first.clone();
    late.took_part = custody.custodians.iter().map(|it| it.key_id()).collect();
    late.took_part.sort();
    late.finished_ms = world.now;
    assert_eq!(bring(&mut world, "ben", &late).unwrap(), view, "somebody else adds nobody");
    let view = bring(&mut world, "ada", &late).unwrap();
    assert!(drilled(&view).iter().all(|(_, at)| *at == Some(first.finished_ms)));
    assert_eq!(view.drills[0].due_ms, first.finished_ms + 100 * DAY_MS);

    let again = RecordDrill { started_ms: first.started_ms + 1, ..late.clone() };
    assert!(refused(&mut world, &again).contains("recorded before"));
    let second = canary(&world, &custody, 2);
    let view = bring(&mut world, "ada", &second).unwrap();
    let expected = [
        ("greta", Some(second.finished_ms)),
        ("hugo", Some(second.finished_ms)),
        ("iris", Some(first.finished_ms)),
    ];
    assert_eq!(drilled(&view), expected);
    world.now += DAY_MS;
    let again = RecordDrill { finished_ms: world.now, ..first };
    assert!(refused(&mut world, &again).contains("recorded before"));
}

/// GOV-56, API-12: services hold no drills; whoever is a person of the domain tells of one.
#[test]
fn neg_084_a_service_records_no_drill() {
    let mut world = World::new(84);
    let custody = world.state("node-1").custody().clone();
    let drill = canary(&world, &custody, 1);
    let error = bring(&mut world, "wallet-service", &drill).unwrap_err();
    assert_eq!(error.code, ErrorCode::Forbidden.as_str());
    // What else is filed is still not for auditors.
    let error = world.call("node-1", "auditor", "POST", routes::SUBMIT_MOTION.path, b"{}");
    assert_eq!(error.unwrap_err().code, ErrorCode::Forbidden.as_str());
    for who in ["ada", "alice", "auditor"] {
        assert!(bring(&mut world, who, &drill).is_ok(), "{who}");
    }
}

/// GOV-57: other custodians have held no drill, and the time runs anew; who stayed is still known.
#[test]
fn other_custodians_begin_anew() {
    let mut world = World::new(85);
    let custody = world.state("node-1").custody().clone();
    let drill = canary(&world, &custody, 1);
    bring(&mut world, "ada", &drill).unwrap();
    world.now += 30 * DAY_MS;
    let mut next = custody.clone();
    next.custodians.retain(|it| it.name != name("iris"));
    next.seats = "all of (greta, hugo)".parse().unwrap();
    next.keys = next.seats.clone();
    let motion = MotionBody::CustodySet { custody: next, excepted: Vec::new() };
    world.enact("node-1", motion);
    let view = shown(&mut world);
    for held in &view.drills {
        assert_eq!(held.last, None);
        assert_eq!(held.due_ms, held.since_ms + 100 * DAY_MS);
        assert!(held.since_ms > drill.finished_ms + 29 * DAY_MS);
    }
    let expected = [("greta", Some(drill.finished_ms)), ("hugo", Some(drill.finished_ms))];
    assert_eq!(drilled(&view), expected);
    assert!(refused(&mut world, &drill).contains("another recovery tree"));
}

/// GOV-57: what cannot be read of drills is told, and the node starts.
#[test]
fn neg_060_damaged_drills_stop_no_node() {
    let mut world = World::new(86);
    world.stop("node-1");
    let node = world.id("node-1");
    let host = world.host_mut("node-1");
    let rows = host.disk.iter_mut().filter(|((table, _), _)| *table == Table::Drill);
    let mut damaged = 0;
    for (_, row) in rows {
        row.truncate(3);
        damaged += 1;
    }
    assert_eq!(damaged, 2);
    world.start(node);
    let alarms = &world.host("node-1").alarms;
    assert!(alarms.iter().all(|it| it.contains("drills of custodians are damaged")), "{alarms:?}");
    assert_eq!(alarms.len(), 2);
    assert_eq!(shown(&mut world).drills.len(), 2);
}
