//! A key is given to somebody whole: when, by whom and to whom, and everything that must not come of it
//! (`spec/export.md`).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_backup::Opener;
use quorate_charter::{
    EpochRecord, Freeze, FreezeScope, MotionBody, PeopleChange, Recipient, SignedFreeze,
};
use quorate_client::contract::{KeyView, SubmitFreeze, routes};
use quorate_codec::{Digest, to_bytes};
use quorate_curve::{Curve, Ed25519, P256, Secp256k1};
use quorate_identity::{ActorId, Head, KeyId, NodeId, Scheme};
use quorate_machine::ExportRow;
use quorate_machine::call::{Call, View};
use quorate_machine::durable::Table;
use quorate_testkit::exports::{
    GIL, end, entry, export, part, recovery_key, rows, shares, show, until_part, whole,
};
use quorate_testkit::founding::{Shape, name};
use quorate_testkit::keys::{FIVE, epochs, key, record, refresh, sign, until_epoch, with_ops};
use quorate_testkit::world::World;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

const TREE: &str = "2 of (node-1, node-2, node-3)";
const SIGNERS: [&str; 3] = ["node-1", "node-2", "node-3"];
/// So long what is dangerous is announced, where it is.
const DELAY: u64 = 60_000;

/// A domain with the key `ops` over three signers, beside a witness.
fn domain(seed: u64) -> (World, KeyId) {
    with_ops(seed, Shape::default(), TREE, 1)
}

/// Gives `ops` to whoever holds this seed's recovery key, who shows it to every node.
fn give(world: &mut World, seed: u8) -> Head {
    let to = recovery_key(seed);
    let motion = world.file_motion("node-1", export("ops", &to));
    world.pass(1_000);
    for node in world.names() {
        assert!(show(world, &node, &to), "{node}");
    }
    world.until("the export takes effect", |world| {
        world.names().iter().all(|node| world.state(node).has_placed(&motion))
    });
    entry(world, "node-1", "ops")
}

/// What these nodes give, by node.
fn parts(world: &mut World, nodes: &[&str]) -> BTreeMap<NodeId, ExportRow> {
    nodes.iter().map(|node| (world.id(node), until_part(world, node, "ops"))).collect()
}

fn is_the_key<C: Curve>(
    record: &EpochRecord,
    entry: Head,
    parts: &BTreeMap<NodeId, ExportRow>,
    seed: u8,
) {
    whole::<C>(record, entry, parts, &recovery_key(seed), 0).unwrap();
}

fn refusal(world: &mut World, node: &str, entry: &Head) -> String {
    part(world, node, "ops", entry).unwrap_err()
}

/// KEX-06, KEX-08, KEX-09: what any two of three nodes give is the whole key, for the holder of the
/// recovery key that people signed; everybody sees for ever that it was given, and it still signs.
#[test]
fn a_key_is_given_whole_to_whom_people_signed() {
    let (mut world, _) = domain(400);
    let entry = give(&mut world, 1);
    let record = record(&mut world, "node-1");
    for two in [["node-1", "node-2"], ["node-1", "node-3"], ["node-2", "node-3"]] {
        let parts = parts(&mut world, &two);
        is_the_key::<Ed25519>(&record, entry, &parts, 1);
        let other = whole::<Ed25519>(&record, entry, &parts, &recovery_key(2), 0);
        assert!(other.is_err(), "nobody else opens it");
    }
    assert!(refusal(&mut world, "witness-1", &entry).contains("holds no share"));
    for node in world.names() {
        let says = |alarm: &String| alarm.contains("key ops is given whole to gil");
        assert!(world.host(&node).alarms.iter().any(says), "{node} gives notice");
        let KeyView { exports, warning, .. } = key(&mut world, &node);
        assert_eq!(exports[0].recipient, name(GIL));
        assert!(exports[0].is_open && warning.contains("exported"));
        let status = world.status(&node);
        let note = "it was given whole to gil at entry";
        assert!(status.keys[0].notes.iter().any(|it| it.contains(note)), "{:?}", status.keys);
    }
    sign(&mut world, "node-1", "it still signs");
    world.enact("node-1", end("ops"));
    let KeyView { exports, warning, .. } = key(&mut world, "node-3");
    assert!(!exports[0].is_open && warning.contains("exported"), "for ever");
}

/// The same on the other curves, under x-only keys, and of every account.
#[test]
fn keys_of_every_scheme_and_account_are_given() {
    let mut world = World::new(401);
    for (key, scheme) in [
        ("treasury", Scheme::EcdsaSecp256k1),
        ("vault", Scheme::Bip340),
        ("releases", Scheme::EcdsaP256),
    ] {
        world.make_key(key, scheme);
    }
    let access = world.founding.two_of_three();
    let body = MotionBody::KeyCreate {
        name: name("many"),
        scheme: Scheme::Ed25519,
        access,
        faults: 1,
        accounts: 3,
    };
    world.enact("node-1", body);
    world.until("it is active", |world| {
        world.names().iter().all(|node| world.can_sign(node, "many"))
    });
    let to = recovery_key(3);
    for of in ["treasury", "vault", "releases", "many"] {
        let motion = world.file_motion("node-1", export(of, &to));
        world.pass(1_000);
        for node in world.names() {
            assert!(show(&mut world, &node, &to));
        }
        world.until("it takes effect", |world| world.state("node-1").has_placed(&motion));
        let entry = entry(&world, "node-1", of);
        let two = ["node-1", "node-3"];
        let parts: BTreeMap<NodeId, ExportRow> =
            two.iter().map(|node| (world.id(node), until_part(&mut world, node, of))).collect();
        let target = routes::epoch_record(&name(of));
        let Ok(View::EpochRecord(answer)) = world.call("node-1", "auditor", "GET", &target, b"")
        else {
            panic!("no record")
        };
        let record = read(&answer.record.0);
        match of {
            "many" => (0..3).for_each(|account| {
                whole::<Ed25519>(&record, entry, &parts, &to, account).unwrap();
            }),
            "releases" => drop(whole::<P256>(&record, entry, &parts, &to, 0).unwrap()),
            _ => drop(whole::<Secp256k1>(&record, entry, &parts, &to, 0).unwrap()),
        }
    }
}

fn read(decided: &[u8]) -> EpochRecord {
    let decided: quorate_charter::Decided = quorate_codec::from_bytes(decided).unwrap();
    match quorate_codec::from_bytes(&decided.value).unwrap() {
        quorate_charter::AttemptOutcome::Commit { record, .. } => {
            quorate_codec::from_bytes(&record).unwrap()
        }
        quorate_charter::AttemptOutcome::Void { .. } => panic!("a void attempt made an epoch"),
    }
}

/// KEX-04, BAK-21, AGR-07: the motion is placed once a quorum of nodes was shown the recovery key, each
/// by the answer to what it asked itself; nobody else's key, and no answer to another node, is one.
#[test]
fn neg_019_an_export_counts_once_its_key_was_shown() {
    let (mut world, _) = with_ops(402, FIVE, TREE, 1);
    let to = recovery_key(4);
    let motion = world.file_motion("node-1", export("ops", &to));
    world.pass(1_000);
    let (first, second) = (world.id("node-1"), world.id("node-2"));
    let Ok(View::Custody(view)) = world.ask(first, Call::Custody) else { panic!("no custody") };
    let asked = view.custodians.iter().find(|it| it.key == to.public().id()).unwrap();
    assert_eq!((&asked.name, asked.gets.as_ref()), (&name(GIL), Some(&name("ops"))));
    assert_eq!(asked.proposed, Some(motion));
    let challenge = &asked.challenge.as_ref().unwrap().0;
    let challenge = quorate_codec::from_bytes(challenge).unwrap();
    let answer = quorate_backup::possession::answer(&to, view.genesis, first, &challenge);
    let Ok(Some(answer)) = answer else { panic!("it opens") };
    let call = Call::ShowPossession { key: to.public().id(), answer };
    assert!(world.ask(second, call).is_err(), "it answers another node");
    for node in ["node-1", "node-2", "node-3"] {
        assert!(show(&mut world, node, &to));
    }
    world.pass(120_000);
    assert!(!world.state("node-1").has_placed(&motion), "three of five are no quorum here");
    assert!(show(&mut world, "node-4", &to));
    world.until("it is placed", |world| {
        world.names().iter().all(|node| world.state(node).has_placed(&motion))
    });
    let entry = entry(&world, "node-5", "ops");
    let parts = parts(&mut world, &["node-2", "node-3"]);
    is_the_key::<Ed25519>(&record(&mut world, "node-1"), entry, &parts, 4);
}

/// AGR-04, KEX-04: while nobody shows the recovery key, nodes do not vote about it again and again, and
/// what comes next is decided at once.
#[test]
fn a_motion_that_waits_for_a_key_holds_nothing_up() {
    let (mut world, _) = domain(404);
    let to = recovery_key(6);
    let waits = world.file_motion("node-1", export("ops", &to));
    world.pass(600_000);
    let filed_at = world.now;
    let next = world.file_motion("node-2", MotionBody::KeyRefresh { name: name("ops") });
    world.until("the next motion is placed", |world| world.state("node-2").has_placed(&next));
    assert!(world.now - filed_at < 2_000, "{} ms", world.now - filed_at);
    assert!(!world.state("node-2").has_placed(&waits));
}

/// KEX-06: a node to which the recovery key was not shown gives nothing, though others decided.
#[test]
fn a_node_that_was_not_shown_the_key_gives_nothing() {
    let (mut world, _) = with_ops(403, FIVE, "2 of (node-1, node-2, node-5)", 1);
    let to = recovery_key(5);
    let motion = world.file_motion("node-1", export("ops", &to));
    world.pass(1_000);
    for node in ["node-1", "node-2", "node-3", "node-4"] {
        assert!(show(&mut world, node, &to));
    }
    world.until("it is placed", |world| {
        world.names().iter().all(|node| world.state(node).has_placed(&motion))
    });
    let entry = entry(&world, "node-5", "ops");
    until_part(&mut world, "node-1", "ops");
    world.pass(10_000);
    assert!(refusal(&mut world, "node-5", &entry).contains("has not shown this node"));
    assert!(rows(&world, "node-5").is_empty());
    assert!(show(&mut world, "node-5", &to));
    until_part(&mut world, "node-5", "ops");
}

/// KEX-02, KEX-04: a key that is none, and more motions than a node asks keys for, are not even filed.
#[test]
fn what_is_no_recovery_key_gets_nothing() {
    let (mut world, _) = domain(404);
    let mut refused = |key: Vec<u8>| {
        let recipient = Some(Recipient { name: name(GIL), key });
        let body = MotionBody::KeyExport { name: name("ops"), recipient };
        world.try_file_motion("node-1", body).1.unwrap_err().message
    };
    // A coordinate of small order, to which anybody could answer.
    let none = refused([&[1][..], &[0; 32]].concat());
    assert!(refused(b"no key".to_vec()).contains("none") && none.contains("none"), "{none}");
    let greta = world.founding.recovery_keys.of("greta").public().to_bytes();
    let recipient = Some(Recipient { name: name(GIL), key: greta });
    let body = MotionBody::KeyExport { name: name("ops"), recipient };
    let (_, answer) = world.try_file_motion("node-1", body);
    assert!(answer.unwrap_err().message.contains("is, or was, somebody's in this domain"));
    for seed in 10..14 {
        world.file_motion("node-1", export("ops", &recovery_key(seed)));
    }
    let (_, more) = world.try_file_motion("node-1", export("ops", &recovery_key(14)));
    assert!(more.unwrap_err().message.contains("too many motions"));
}

/// KEX-01, KEX-06: what is only announced, or was withdrawn or objected to, gives nothing.
#[test]
fn what_is_announced_or_withdrawn_gives_nothing() {
    let (mut world, _) = domain(405);
    let mut rules = world.state("node-1").rules().clone();
    rules.main.delay_ms = DELAY;
    world.enact("node-1", MotionBody::People(PeopleChange::rules(rules)));
    let to = recovery_key(6);
    let announce = |world: &mut World| {
        let motion = world.file_motion("node-1", export("ops", &to));
        world.pass(1_000);
        for node in world.names() {
            assert!(show(world, &node, &to));
        }
        world.until("it is announced", |world| {
            world.names().iter().all(|node| world.state(node).has_placed(&motion))
        });
        motion
    };
    let motion = announce(&mut world);
    world.pass(DELAY / 2);
    let nothing = |world: &World| {
        world.names().iter().all(|node| {
            let state = world.state(node);
            !state.key_named(&name("ops")).unwrap().is_exported() && rows(world, node).is_empty()
        })
    };
    assert!(nothing(&world), "announced");
    let head = world.state("node-1").head();
    let early = refusal(&mut world, "node-1", &head);
    assert!(early.contains("no entry of the charter exports the key so"), "{early}");
    world.enact("node-2", MotionBody::Withdraw { motion });
    world.pass(3 * DELAY);
    assert!(nothing(&world), "withdrawn");
    announce(&mut world);
    world.pass(2 * DELAY);
    assert!(world.state("node-1").key_named(&name("ops")).unwrap().is_exported());
    until_part(&mut world, "node-2", "ops");
}

fn freeze(world: &mut World, id: KeyId) -> Digest {
    let ActorId::Person(by) = world.founding.actor("alice") else { panic!() };
    let (reason, nonce) = ("nobody meant that".to_owned(), Digest(world.random()));
    let (scope, genesis) = (FreezeScope::Key(id), world.founding.hash);
    let freeze = Freeze { version: 1, genesis, scope, by, reason, nonce };
    let signed = SignedFreeze::sign(&freeze, world.founding.signer("alice")).unwrap();
    let body = serde_json::to_vec(&SubmitFreeze { freeze: to_bytes(&signed).into() }).unwrap();
    world.call("node-1", "alice", "POST", routes::FREEZE.path, &body).unwrap();
    signed.digest()
}

/// KEX-06, KEX-09: one person's freeze stops an export at every node, before a part is made and while it
/// is given; a thaw lets it go on.
#[test]
fn a_frozen_key_is_not_given() {
    let (mut world, id) = domain(406);
    let frozen = freeze(&mut world, id);
    world.pass(1_000);
    let entry = give(&mut world, 7);
    world.pass(60_000);
    for node in SIGNERS {
        assert!(refusal(&mut world, node, &entry).contains("the key is frozen"), "{node}");
        assert!(rows(&world, node).is_empty(), "{node}");
    }
    let thaw = |freeze| MotionBody::Thaw { freezes: vec![freeze], barred: vec![], refused: vec![] };
    world.enact("node-1", thaw(frozen));
    parts(&mut world, &SIGNERS);
    let again = freeze(&mut world, id);
    world.pass(1_000);
    for node in SIGNERS {
        assert!(refusal(&mut world, node, &entry).contains("the key is frozen"), "{node}");
    }
    world.enact("node-1", thaw(again));
    parts(&mut world, &SIGNERS);
}

/// KEX-06, KEX-09: a node that is behind, that has no lease, or that is an old copy of itself makes and
/// gives nothing.
#[test]
fn neg_072_a_node_that_is_behind_without_a_lease_or_lapsed_gives_nothing() {
    let (mut world, _) = domain(407);
    let old = world.host("node-3").disk.clone();
    for other in ["node-1", "node-2", "witness-1"] {
        world.cut("node-3", other, true);
    }
    let to = recovery_key(8);
    let motion = world.file_motion("node-1", export("ops", &to));
    world.pass(1_000);
    for node in ["node-1", "node-2", "witness-1"] {
        assert!(show(&mut world, node, &to));
    }
    world.until("it takes effect", |world| world.state("node-1").has_placed(&motion));
    let entry = entry(&world, "node-1", "ops");
    let behind = refusal(&mut world, "node-3", &entry);
    assert!(behind.contains("no entry of the charter"), "{behind}");
    parts(&mut world, &["node-1", "node-2"]);
    // Cut off, it gives nothing more once its lease is over.
    for other in ["node-2", "witness-1"] {
        world.cut("node-1", other, true);
    }
    world.pass(120_000);
    let without = refusal(&mut world, "node-1", &entry);
    assert!(without.contains("no fresh word of the others"), "{without}");
    for other in ["node-2", "witness-1"] {
        world.cut("node-1", other, false);
    }
    world.until("it is given again", |world| part(world, "node-1", "ops", &entry).is_ok());
    for other in ["node-1", "node-2", "witness-1"] {
        world.cut("node-3", other, false);
    }
    world.until("it knows of it", |world| world.state("node-3").has_placed(&motion));
    assert!(show(&mut world, "node-3", &to));
    until_part(&mut world, "node-3", "ops");
    let id = world.id("node-3");
    world.stop("node-3");
    world.host_mut("node-3").disk = old;
    world.start(id);
    world.until("it is lapsed", |world| {
        world.host("node-3").node.as_ref().is_some_and(|node| node.abstains().is_some())
    });
    world.until("it knows of it", |world| world.state("node-3").has_placed(&motion));
    world.pass(10_000);
    let lapsed = refusal(&mut world, "node-3", &entry);
    assert!(lapsed.contains("takes part in nothing"), "{lapsed}");
    assert!(rows(&world, "node-3").is_empty());
}

/// KEX-05, KEX-07: once an export ended, or the key is retired, what was made goes and nothing is given;
/// of another export nothing made for the first one counts.
#[test]
fn neg_070_an_export_that_ended_gives_nothing_and_another_one_its_own() {
    let (mut world, _) = domain(408);
    let first = give(&mut world, 9);
    let before = parts(&mut world, &SIGNERS);
    world.enact("node-1", end("ops"));
    world.until("the parts are gone", |world| {
        SIGNERS.iter().all(|node| rows(world, node).is_empty())
    });
    assert!(refusal(&mut world, "node-2", &first).contains("the export ended"));
    let second = give(&mut world, 9);
    assert_ne!(first, second);
    let after = parts(&mut world, &SIGNERS);
    let record = record(&mut world, "node-1");
    is_the_key::<Ed25519>(&record, second, &after, 9);
    // The same shares, epoch and recipient: only the entry differs.
    for (node, part) in &before {
        let to = recovery_key(9);
        assert!(shares::<Ed25519>(&record, first, *node, part, &to).is_ok());
        let replayed = shares::<Ed25519>(&record, second, *node, part, &to);
        assert!(replayed.err().unwrap().contains("something else"), "a replay");
    }
    world.enact("node-1", MotionBody::KeyRetire { name: name("ops") });
    world.until("the parts are gone", |world| {
        SIGNERS.iter().all(|node| rows(world, node).is_empty())
    });
    assert!(refusal(&mut world, "node-1", &second).contains("the key is retired"));
    assert!(world.state("node-1").key_named(&name("ops")).unwrap().is_exported());
}

/// KEX-07: parts are of the newest epoch alone; those of the epoch before go with its shares, and do not
/// mix with later ones.
#[test]
fn neg_070_parts_follow_the_epoch_and_do_not_mix() {
    let (mut world, _) = domain(409);
    let entry = give(&mut world, 10);
    let old = parts(&mut world, &SIGNERS);
    let first = record(&mut world, "node-1");
    world.enact("node-1", refresh());
    until_epoch(&mut world, 1);
    let second = record(&mut world, "node-1");
    let new = parts(&mut world, &SIGNERS);
    for node in SIGNERS {
        assert_eq!(rows(&world, node).len(), 1, "{node} keeps the newest alone");
    }
    is_the_key::<Ed25519>(&second, entry, &new, 10);
    is_the_key::<Ed25519>(&first, entry, &old, 10);
    let mut mixed = new.clone();
    let node = world.id("node-1");
    mixed.insert(node, old[&node].clone());
    mixed.remove(&world.id("node-3"));
    for record in [&first, &second] {
        let to = recovery_key(10);
        assert!(whole::<Ed25519>(record, entry, &mixed, &to, 0).is_err());
    }
    assert_eq!(epochs(&mut world, "node-1")[0].epoch, 1);
}

/// KEX-08: fewer nodes than sign together give nothing of the key.
#[test]
fn fewer_parts_than_the_tree_needs_are_nothing() {
    let (mut world, _) = domain(411);
    let entry = give(&mut world, 12);
    let record = record(&mut world, "node-1");
    let one = parts(&mut world, &["node-2"]);
    let none = whole::<Ed25519>(&record, entry, &one, &recovery_key(12), 0);
    assert!(none.err().unwrap().contains("too few"));
}

/// KEX-08, KEX-10: after a power cut while a part was computed a node makes another one that is as good;
/// after one that came later it gives the very same.
#[test]
fn neg_085_a_power_cut_leaves_the_same_part_or_a_sound_one() {
    let (mut world, _) = domain(410);
    let holds = Rc::new(Cell::new(true));
    let (id, held) = (world.id("node-1"), Rc::clone(&holds));
    world.jobs = Some(Box::new(move |node, job| match node == id && held.get() {
        true => None,
        false => Some(job.run()),
    }));
    let entry = give(&mut world, 11);
    world.pass(5_000);
    assert!(refusal(&mut world, "node-1", &entry).contains("is being made"));
    world.stop("node-1");
    assert!(rows(&world, "node-1").is_empty(), "nothing was durable");
    holds.set(false);
    world.start(id);
    let made = until_part(&mut world, "node-1", "ops");
    let record = record(&mut world, "node-1");
    let both = parts(&mut world, &["node-1", "node-2"]);
    is_the_key::<Ed25519>(&record, entry, &both, 11);
    world.stop("node-1");
    world.start(id);
    assert_eq!(until_part(&mut world, "node-1", "ops"), made, "made once for an epoch");
    // What nobody needs any more is gone after a start.
    let stray = [&rows(&world, "node-1")[0][..32], &[9; 44]].concat();
    world.stop("node-1");
    world.host_mut("node-1").disk.insert((Table::Export, stray.clone()), vec![1]);
    world.start(id);
    world.until("it is gone", |world| !rows(world, "node-1").contains(&stray));
    assert_eq!(until_part(&mut world, "node-1", "ops"), made);
}

/// KEX-09: services read no part, as they read no backups.
#[test]
fn services_read_no_parts() {
    let (mut world, _) = domain(412);
    let entry = give(&mut world, 13);
    until_part(&mut world, "node-1", "ops");
    let target = routes::export_part(&name("ops"), &entry);
    let error = world.call("node-1", "wallet-service", "GET", &target, b"").unwrap_err();
    assert_eq!(error.code, "forbidden");
    assert!(world.call("node-1", "alice", "GET", &target, b"").is_ok());
}
