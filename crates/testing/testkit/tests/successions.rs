//! Keys of a lost domain at the nodes of the domain that succeeds it (SUC-20 to SUC-26).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_charter::{MotionBody, Origin, Restored};
use quorate_client::contract::{CeremonyKind, KeyOrigin, KeyState, routes};
use quorate_codec::Digest;
use quorate_engine::Backups;
use quorate_identity::{KeyId, NodeId, Scheme};
use quorate_keygen::Message2;
use quorate_machine::call::View;
use quorate_machine::durable::Table;
use quorate_machine::evidence::EvidenceFile;
use quorate_machine::handover::Handover;
use quorate_machine::wire::{DealMessage, DealStep, Message};
use quorate_testkit::custodians::Reduced;
use quorate_testkit::estate::{LostKey, restart_with, succeeding};
use quorate_testkit::founding::{POLICY, name};
use quorate_testkit::importer::Importer;
use quorate_testkit::keys::{ceremony, evidence, kept, key, over, record, sign};
use quorate_testkit::liar::{Liar, round, second};
use quorate_testkit::world::World;

const TREE: &str = "2 of (node-1, node-2, node-3)";
const SIGNERS: [&str; 3] = ["node-1", "node-2", "node-3"];

fn summand_rows(world: &World, node: &str) -> usize {
    world.host(node).disk.keys().filter(|(table, _)| *table == Table::Summand).count()
}

/// Orders the key as `ops` over two of three, at whatever node.
fn restore(world: &mut World, lost: &LostKey) {
    let tree = over(world, TREE);
    world.enact("node-1", lost.motion("ops", tree));
}

fn until_restored(world: &mut World) {
    world.until("the key is restored", |world| {
        world.names().iter().all(|node| world.can_sign(node, "ops"))
    });
}

fn refused(world: &mut World, body: MotionBody) -> String {
    let (_, answer) = world.try_file_motion("node-1", body);
    let error = answer.unwrap_err();
    assert_eq!(error.code, "bad_motion", "{error:?}");
    error.message
}

/// SUC-20 to SUC-24: the key comes back with its accounts, points and chain codes, is dealt by those who
/// have summands and by nobody else, signs under new shares alone, and nobody keeps a summand.
#[test]
fn a_key_of_the_domain_before_is_restored_and_signs() {
    for (scheme, accounts) in [
        (Scheme::Ed25519, 3),
        (Scheme::EcdsaSecp256k1, 1),
        (Scheme::Bip340, 2),
        (Scheme::EcdsaP256, 1),
    ] {
        let (mut world, lost) = succeeding(70, scheme, accounts);
        restore(&mut world, &lost);
        until_restored(&mut world);
        let made = record(&mut world, "node-2");
        assert_eq!((made.plan.epoch, made.accounts.len()), (1, usize::from(accounts)));
        assert_eq!(made.plan.origin, Some(Origin::Restored(lost.inherited.restored.clone())));
        for (account, (public, chain_code)) in
            made.accounts.iter().zip(lost.inherited.points.iter().zip(&lost.inherited.chain_codes))
        {
            assert_eq!(account.commitments[0], **public, "{scheme}");
            assert_eq!(&account.chain_code, chain_code);
        }
        let id = made.plan.key;
        world.until("summands and the first shares are gone", |world| {
            SIGNERS
                .iter()
                .all(|node| summand_rows(world, node) == 0 && kept(world, node, id) == [1])
        });
        let shown = key(&mut world, "node-3");
        assert_eq!((shown.origin, shown.state), (KeyOrigin::Restored, KeyState::Active));
        assert_eq!(shown.backup, "proven");
        world.set_policy("node-1", POLICY);
        if matches!(scheme, Scheme::Ed25519 | Scheme::EcdsaP256) {
            sign(&mut world, "node-2", "restored");
        }
        for node in world.names() {
            assert!(world.host(&node).alarms.is_empty(), "{:?}", world.host(&node).alarms);
        }
    }
}

/// SUC-21: the handover certificates of both epochs hold, and say where the key is from.
#[test]
fn its_records_are_certificates_that_say_where_it_is_from() {
    let (mut world, lost) = succeeding(71, Scheme::Ed25519, 1);
    restore(&mut world, &lost);
    until_restored(&mut world);
    let target = routes::handover(&name("ops"), Some(1));
    let view = world.call("node-1", "auditor", "GET", &target, b"");
    let Ok(View::Handover(answer)) = view else { panic!("no handover: {view:?}") };
    let report = Handover::verify(&answer.file.0, &world.founding.hash).unwrap();
    assert_eq!(report.origin, Some(Origin::Restored(lost.inherited.restored.clone())));
    assert_eq!(report.before.unwrap().0, 0);
}

/// SUC-20: what is ordered is the key in the backup, whole: nothing of it can be another.
#[test]
fn neg_072_a_motion_restores_the_key_of_the_backup_or_nothing() {
    let (mut world, lost) = succeeding(72, Scheme::Ed25519, 2);
    let tree = over(&world, TREE);
    let with = |change: &dyn Fn(&mut Restored)| {
        let mut other = lost.clone();
        change(&mut other.inherited.restored);
        other.motion("ops", tree.clone())
    };
    let other = refused(&mut world, with(&|it| it.accounts = Digest([1; 32])));
    assert!(other.contains("are not those in the backup"), "{other}");
    let other = refused(&mut world, with(&|it| it.summands = Digest([1; 32])));
    assert!(other.contains("are not those in the backup"), "{other}");
    let other = refused(&mut world, with(&|it| it.name = name("another")));
    assert!(other.contains("or its name there"), "{other}");
    let other = refused(&mut world, with(&|it| it.key = KeyId(Digest([1; 32]))));
    assert!(other.contains("has not taken up such a key"), "{other}");
    let MotionBody::KeyRestore { name, access, faults, restored, .. } =
        lost.motion("ops", tree.clone())
    else {
        panic!("another motion")
    };
    for (scheme, accounts) in [(Scheme::Bip340, 2), (Scheme::Ed25519, 1)] {
        let (name, access, restored) = (name.clone(), access.clone(), restored.clone());
        let body = MotionBody::KeyRestore { name, scheme, access, faults, accounts, restored };
        let other = refused(&mut world, body);
        assert!(other.contains("other signatures, or has another number"), "{other}");
    }
    // What a stranger's domain never had stays a stranger's: nothing is restored where nothing was.
    let mut plain = World::new(72);
    let tree = over(&plain, TREE);
    let other = refused(&mut plain, lost.motion("ops", tree));
    assert!(other.contains("succeeds no other"), "{other}");
}

/// SUC-20: a motion that enough people signed gets no vote of a node that found another key, so it is
/// no entry while these are more than may lie.
#[test]
fn neg_072_voters_that_found_another_key_keep_it_out_of_the_charter() {
    let (mut world, lost) = succeeding(73, Scheme::Ed25519, 1);
    let heirs = world.founding.state.succession().unwrap().heirs();
    let mut other = LostKey::new(Scheme::Ed25519, 1, heirs, 999);
    // Under the id of the same key of the domain before.
    other.inherited.restored.key = lost.inherited.restored.key;
    for node in ["node-2", "node-3"] {
        restart_with(&mut world, node, |world| other.taken_up(world, node, true));
    }
    let tree = over(&world, TREE);
    let id = world.file_motion("node-1", lost.motion("ops", tree));
    world.pass(120_000);
    for node in world.names() {
        assert!(!world.state(&node).has_placed(&id), "{node}");
    }
}

/// SUC-20, AGR-07: a node that has not looked does not vote for it by itself, and hinders nobody; it
/// says at its start that it has not.
#[test]
fn a_node_that_took_up_nothing_hinders_nobody() {
    let (mut world, lost) = succeeding(74, Scheme::Ed25519, 1);
    let key = (Table::Estate, lost.inherited.restored.key.as_ref().to_vec());
    restart_with(&mut world, "witness-1", |world| {
        world.host_mut("witness-1").disk.remove(&key).unwrap();
    });
    let alarms = &world.host("witness-1").alarms;
    assert!(alarms.iter().any(|alarm| alarm.contains("has not taken up")), "{alarms:?}");
    restore(&mut world, &lost);
    until_restored(&mut world);
    let before = world.host("witness-1").alarms.len();
    restart_with(&mut world, "witness-1", |_| ());
    assert_eq!(world.host("witness-1").alarms.len(), before, "no more once keys are restored");
}

/// SUC-22: who deals a key must be of its tree, and satisfy it: else fewer than the tree demands would
/// have it together.
#[test]
fn neg_003_a_tree_that_its_dealers_do_not_satisfy_is_refused() {
    let (mut world, _) = succeeding(75, Scheme::Ed25519, 1);
    let [one, two, three] = SIGNERS.map(|node| world.id(node));
    let mut restored = |heirs: [NodeId; 2], tree: &str| {
        let lost = LostKey::new(Scheme::Ed25519, 1, heirs, 75);
        for node in world.names() {
            restart_with(&mut world, &node, |world| lost.taken_up(world, &node, true));
        }
        let tree = over(&world, tree);
        world.try_file_motion("node-1", lost.motion("ops", tree)).1
    };
    for tree in ["3 of (node-1, node-2, node-3)", "all of (node-1, node-3)"] {
        let error = restored([one, two], tree).unwrap_err();
        assert!(error.message.contains("satisfy it"), "{error:?}");
    }
    restored([two, three], "2 of (node-1, node-2, node-3)").unwrap();
    until_restored(&mut world);
}

/// SUC-24: an heir without what custodians opened for it is told what it lacks, nothing is made without
/// it, and once it has it the key is made without another order.
#[test]
fn a_part_may_follow() {
    let (mut world, lost) = succeeding(76, Scheme::Ed25519, 1);
    let row = (Table::Summand, lost.inherited.restored.key.as_ref().to_vec());
    restart_with(&mut world, "node-2", |world| {
        world.host_mut("node-2").disk.remove(&row).unwrap();
    });
    restore(&mut world, &lost);
    world.pass(60_000);
    assert_eq!(key(&mut world, "node-1").state, KeyState::Ordered);
    let view = ceremony(&mut world, "node-1").unwrap();
    assert_eq!(view.kind, CeremonyKind::Restore);
    let waits = |alarms: &[String]| {
        let waits =
            alarms.iter().filter(|alarm| alarm.contains("waits for what custodians opened"));
        waits.count()
    };
    assert_eq!(waits(&world.host("node-2").alarms), 1);
    assert_eq!(waits(&world.host("node-1").alarms), 0);
    // It ends no attempt for that: no more of them begin than time out.
    let attempts = world.call("node-1", "auditor", "GET", "/v1/audit", b"");
    let Ok(View::Audit(audit)) = attempts else { panic!("no audit: {attempts:?}") };
    let void = audit.lines.iter().filter(|line| line.text.contains("is void")).count();
    assert!(void <= 4, "{void} attempts in a minute");
    restart_with(&mut world, "node-2", |world| lost.taken_up(world, "node-2", true));
    until_restored(&mut world);
}

/// SUC-24: a power cut in the middle of an attempt, at whatever place, loses no summand: each of three
/// nodes stops after so many of its outputs.
#[test]
fn a_node_that_stops_in_the_middle_deals_again() {
    for (seed, node) in (80..).zip(SIGNERS) {
        for after in [1, 4, 9, 16] {
            let (mut world, lost) = succeeding(seed, Scheme::Ed25519, 1);
            restore(&mut world, &lost);
            let begun = world.host(node).outputs.len();
            world.until("it is in the middle", |world| {
                world.host(node).outputs.len() >= begun + after || world.can_sign(node, "ops")
            });
            restart_with(&mut world, node, |_| ());
            until_restored(&mut world);
            world.until("no summand stays", |world| {
                SIGNERS.iter().all(|node| summand_rows(world, node) == 0)
            });
        }
    }
}

/// SUC-23, DEAL-18: an heir that deals something else than its summand is found guilty by everybody, and
/// nothing is made of it.
#[test]
fn neg_054_an_heir_deals_its_summand_or_is_convicted() {
    let (mut world, lost) = succeeding(77, Scheme::Ed25519, 1);
    let liar = world.id("node-2");
    let mut other = lost.clone();
    // It holds something else, which it finds out itself before it deals: so nothing leaves it.
    other.summands.get_mut(&liar).unwrap()[0][0] ^= 1;
    restart_with(&mut world, "node-2", |world| other.taken_up(world, "node-2", true));
    restore(&mut world, &lost);
    world.pass(60_000);
    assert_eq!(key(&mut world, "node-1").state, KeyState::Ordered);
    let id = world.state("node-1").key_named(&name("ops")).unwrap().key;
    for node in SIGNERS {
        assert!(kept(&world, node, id).is_empty(), "{node}");
    }
    restart_with(&mut world, "node-2", |world| lost.taken_up(world, "node-2", true));
    until_restored(&mut world);
}

/// SUC-24: summands travel nowhere: no message of any node has one in it.
#[test]
fn neg_077_no_summand_leaves_its_node() {
    let (mut world, lost) = succeeding(78, Scheme::Ed25519, 1);
    restore(&mut world, &lost);
    until_restored(&mut world);
    let secrets: Vec<[u8; 32]> = lost.summands.values().flatten().copied().collect();
    let mut rounds = 0;
    for node in world.names() {
        for (_, message) in world.host(&node).outputs.iter().flat_map(|output| &output.messages) {
            if let Message::Deal(message) = message
                && matches!(message.step, DealStep::Round { .. })
            {
                rounds += 1;
            }
            let bytes = quorate_codec::to_bytes(message);
            for secret in &secrets {
                assert!(!bytes.windows(32).any(|window| window == secret), "{node}");
            }
        }
    }
    assert!(rounds > 0);
}

/// SUC-20: one key of the domain before stands once here; what was retired before it was made can be
/// restored again, under another name.
#[test]
fn a_key_is_restored_once() {
    let (mut world, lost) = succeeding(79, Scheme::Ed25519, 1);
    // Node-3 lacks its part, so that nothing is made yet.
    let row = (Table::Summand, lost.inherited.restored.key.as_ref().to_vec());
    restart_with(&mut world, "node-3", |world| {
        world.host_mut("node-3").disk.remove(&row).unwrap();
    });
    restore(&mut world, &lost);
    let tree = over(&world, TREE);
    let again = refused(&mut world, lost.motion("twin", tree.clone()));
    assert!(again.contains("is that key of the domain before"), "{again}");
    world.enact("node-1", MotionBody::KeyRetire { name: name("ops") });
    restart_with(&mut world, "node-3", |world| lost.taken_up(world, "node-3", true));
    world.enact("node-1", lost.motion("twin", tree));
    world.until("it is restored", |world| {
        world.names().iter().all(|node| world.can_sign(node, "twin"))
    });
    assert_eq!(world.state("node-1").key_named(&name("twin")).unwrap().accounts, 1);
}

/// What a liar makes of its second message.
type Lie = fn(&mut Message2);

/// A restore in which node-2 lies in the first attempt: `change` rewrites its second message.
fn restored_with(change: impl Fn(&mut Message2) + 'static) -> World {
    let (mut world, lost) = succeeding(90, Scheme::Ed25519, 1);
    let lies = Liar::new(&world, "node-2");
    world.wiretap = Some(Box::new(move |from, _, message| match &message {
        // The liar helps nobody to see it, and does not end the attempt itself.
        Message::Evidence(_) | Message::Ballot(_) if from == lies.node => Vec::new(),
        Message::Deal(DealMessage {
            epoch: 0,
            attempt: 0,
            step: DealStep::Shown { .. } | DealStep::Abort { .. },
            ..
        }) if from == lies.node => Vec::new(),
        Message::Deal(deal) if from == lies.node && (deal.epoch, deal.attempt) == (0, 0) => {
            let lie = second(&deal.step).map(|mut lie| {
                change(&mut lie);
                lies.saying(deal, round(2, &lie))
            });
            vec![lie.unwrap_or(message)]
        }
        _ => vec![message],
    }));
    restore(&mut world, &lost);
    until_restored(&mut world);
    world
}

/// SUC-25, DEAL-20, DEAL-25: an heir that lies while it deals is proven guilty to everybody, by a file
/// that convinces whoever has the genesis; its next attempt is honest, and the key is restored.
#[test]
fn neg_094_an_heir_that_lies_is_proven_guilty() {
    let lies: [(&str, Lie); 2] = [
        ("a bad share", |lie| {
            for sealed in &mut lie.dealing.as_mut().unwrap().sealed {
                sealed.0[40] ^= 1;
            }
        }),
        ("a message that is no dealing", |lie| {
            let commitments = &mut lie.dealing.as_mut().unwrap().commitments;
            commitments[0].swap(0, 1);
        }),
    ];
    for (what, lie) in lies {
        let mut world = restored_with(lie);
        let genesis = world.founding.hash;
        for node in ["node-1", "node-3", "witness-1"] {
            let views = evidence(&mut world, node);
            let view = views.iter().find(|view| view.what == what).unwrap_or_else(|| {
                panic!("{node}: {views:?}");
            });
            assert_eq!(view.culprits, [name("node-2")]);
            let target = routes::evidence(&view.evidence);
            let answer = world.call(node, "auditor", "GET", &target, b"");
            let Ok(View::Evidence(answer)) = answer else { panic!("no evidence: {answer:?}") };
            let proofs = Backups::of::<Reduced>();
            let (finding, ..) = EvidenceFile::verify(&answer.file.0, &genesis, proofs).unwrap();
            assert_eq!(finding.culprits, [world.id("node-2")]);
        }
    }
}

/// SUC-22: a key that is not restored yet is not shared over a tree that those who deal it do not
/// satisfy: it could not be dealt, and honest leaders would look like liars. Once it is, it can be.
#[test]
fn neg_003_a_key_is_not_shared_past_its_dealers_before_it_is_restored() {
    let (mut world, lost) = succeeding(84, Scheme::Ed25519, 1);
    let row = (Table::Summand, lost.inherited.restored.key.as_ref().to_vec());
    restart_with(&mut world, "node-2", |world| {
        world.host_mut("node-2").disk.remove(&row).unwrap();
    });
    restore(&mut world, &lost);
    let two = |world: &World| MotionBody::KeyReshare {
        name: name("ops"),
        access: over(world, "all of (node-1, node-3)"),
        faults: 0,
    };
    let body = two(&world);
    let why = refused(&mut world, body);
    assert!(why.contains("once it is restored"), "{why}");
    restart_with(&mut world, "node-2", |world| lost.taken_up(world, "node-2", true));
    until_restored(&mut world);
    let body = two(&world);
    world.enact("node-1", body);
    world.until("it is shared over two", |world| {
        ["node-1", "node-3"].iter().all(|node| key(world, node).epoch >= 2)
    });
}

/// SUC-20, IMP-02: one key has one name here, whoever brings it.
#[test]
fn neg_022_a_key_that_is_ordered_is_brought_by_nobody_else() {
    let (mut world, lost) = succeeding(85, Scheme::Ed25519, 1);
    let importer = Importer::new(Scheme::Ed25519, 5);
    let mut same = importer.motion(&world, "bought");
    let MotionBody::KeyImport { imported, .. } = &mut same else { panic!("another motion") };
    imported.public = lost.inherited.points[0].to_vec();
    let tree = over(&world, TREE);
    world.enact("node-1", same.clone());
    let why = refused(&mut world, lost.motion("ops", tree.clone()));
    assert!(why.contains("has this public key already"), "{why}");
    world.enact("node-1", MotionBody::KeyRetire { name: name("bought") });
    world.enact("node-1", lost.motion("ops", tree));
    let MotionBody::KeyImport { name: called, .. } = &mut same else { panic!("another motion") };
    *called = name("again");
    let why = refused(&mut world, same);
    assert!(why.contains("has this public key already"), "{why}");
}

/// SUC-24: of a key that was restored, retired and ordered again what custodians opened anew is kept
/// until that order is done.
#[test]
fn an_order_after_a_retired_one_keeps_its_summands() {
    let (mut world, lost) = succeeding(86, Scheme::Ed25519, 1);
    restore(&mut world, &lost);
    until_restored(&mut world);
    world.until("summands are gone", |world| {
        SIGNERS.iter().all(|node| summand_rows(world, node) == 0)
    });
    world.enact("node-1", MotionBody::KeyRetire { name: name("ops") });
    let tree = over(&world, TREE);
    world.enact("node-1", lost.motion("twin", tree));
    for node in SIGNERS {
        restart_with(&mut world, node, |world| lost.taken_up(world, node, true));
        assert!(summand_rows(&world, node) <= 1);
    }
    world.until("it is restored again", |world| {
        world.names().iter().all(|node| world.can_sign(node, "twin"))
    });
    world.until("summands are gone again", |world| {
        SIGNERS.iter().all(|node| summand_rows(world, node) == 0)
    });
}
