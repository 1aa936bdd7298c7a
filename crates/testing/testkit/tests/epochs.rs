//! The epochs of a key: new shares for the same nodes and for others, absent members, withdrawn
//! orders, schedules, the end of a key; and that whatever breaks off, the key is wholly in one
//! epoch or in the next.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

use quorate_access::Tree;
use quorate_charter::{
    AttemptOutcome, AttemptPlan, Decided, EpochRecord, MotionBody, RefreshSchedule,
};
use quorate_client::contract::{
    CeremonyView, EpochState, EpochView, KeyState, KeyView, RequestState, routes,
};
use quorate_codec::{Digest, tag};
use quorate_identity::{Head, KeyId, NodeId, Scheme};
use quorate_keygen::Message1;
use quorate_machine::call::View;
use quorate_machine::durable::Table;
use quorate_machine::handover::Handover;
use quorate_machine::wire::{DealStep, Message, SessionStep, Target};
use quorate_machine::{Shares, publics_of};
use quorate_testkit::founding::{POLICY, Shape, name};
use quorate_testkit::liar::first;
use quorate_testkit::world::World;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use x25519_dalek::{PublicKey, StaticSecret};

const FIVE: Shape = Shape { signers: 5, witnesses: 0, faults: 1 };

fn message(text: &str) -> Value {
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    json!({"kind": "message", "message": format!("0x{digits}")})
}

fn refresh(key: &str) -> MotionBody {
    MotionBody::KeyRefresh { name: name(key) }
}

fn reshare(world: &World, key: &str, access: &str, faults: u8) -> MotionBody {
    let access: Tree<quorate_identity::Name> = access.parse().unwrap();
    let access = access.map(|node| world.id(node.as_str()));
    MotionBody::KeyReshare { name: name(key), access, faults }
}

fn key(world: &mut World, node: &str, key: &str) -> KeyView {
    let view = world.call(node, "auditor", "GET", &routes::key(&name(key)), b"");
    let Ok(View::Key(view)) = view else { panic!("no key: {view:?}") };
    *view
}

fn epochs(world: &mut World, node: &str, key: &str) -> Vec<EpochView> {
    let view = world.call(node, "auditor", "GET", &routes::epochs(&name(key)), b"");
    let Ok(View::Epochs(views)) = view else { panic!("no epochs: {view:?}") };
    views
}

fn ceremony(world: &mut World, node: &str, key: &str) -> Option<CeremonyView> {
    let view = world.call(node, "auditor", "GET", &routes::ceremony(&name(key)), b"");
    let Ok(View::Ceremonies(views)) = view else { panic!("no ceremonies: {view:?}") };
    views.into_iter().next()
}

/// Steps until a key is in an epoch at all nodes that run, and nothing is under way for it.
fn until_epoch(world: &mut World, text: &str, epoch: u64) {
    world.until("the epoch is made and safe", |world| {
        world.names().iter().all(|node| {
            key(world, node, text).epoch == epoch && ceremony(world, node, text).is_none()
        })
    });
}

/// Epochs of which a node has durable shares of a key.
fn kept(world: &World, node: &str, key: KeyId) -> Vec<u64> {
    let of_key = |row: &[u8]| row.starts_with(key.as_ref());
    let rows = world.host(node).disk.keys().filter(|(table, _)| *table == Table::Share);
    let rows = rows.filter(|(_, row)| of_key(row));
    rows.map(|(_, row)| u64::from_be_bytes(row[32..40].try_into().unwrap())).collect()
}

/// Signs a message with exactly these nodes running among those who hold the key.
fn sign(world: &mut World, at: &str, text: &str) {
    let request = world.request("ops", &message(text), "wallet-service");
    let id = world.file(at, &request, "wallet-service", None).unwrap().request;
    world.until_state(at, &id, RequestState::Signed);
}

/// EPO-08, EPO-12: the record of an epoch, with its decision, is the proof that the key was handed
/// on: whoever has the charter sees order, old and new holders, and that the public key stayed.
#[test]
fn neg_055_an_epoch_is_handed_on_by_its_record_alone() {
    let (mut world, id) = ready(56, FIVE, 1);
    let before = record(&world, "node-1", id, 0);
    let body = reshare(&world, "ops", "2 of (node-3, node-4, node-5)", 1);
    // node-5 hears nothing before it is all over.
    world.stop("node-2");
    world.enact("node-1", body);
    until_epoch(&mut world, "ops", 1);
    let node = world.id("node-2");
    world.start(node);
    until_epoch(&mut world, "ops", 1);
    let after = record(&world, "node-2", id, 1);
    assert_eq!(after.plan.previous, before.digest());
    assert!(after.continues(&before));
    assert_ne!(after.accounts[0].commitments[1], before.accounts[0].commitments[1]);
    // As a file, verified with nothing but the hash of the genesis.
    let certificate = |world: &mut World, epoch| {
        let target = routes::handover(&name("ops"), epoch);
        match world.call("node-2", "auditor", "GET", &target, b"") {
            Ok(View::Handover(answer)) => answer.file.0,
            other => panic!("no certificate: {other:?}"),
        }
    };
    let file = certificate(&mut world, None);
    let report = Handover::verify(&file, &world.founding.hash).unwrap();
    assert_eq!((report.epoch, report.record, report.signed), (1, after.digest(), true));
    assert_eq!(report.public_keys, [before.accounts[0].public_key.clone()]);
    let first = "2 of (node-1, node-2, node-3)".parse().unwrap();
    assert_eq!(report.before, Some((0, first)));
    assert_eq!(report.access, "2 of (node-3, node-4, node-5)".parse().unwrap());
    let zero = certificate(&mut world, Some(0));
    assert_eq!(Handover::verify(&zero, &world.founding.hash).unwrap().before, None);
    let other = quorate_identity::GenesisHash(Digest([9; 32]));
    assert!(Handover::verify(&file, &other).is_err());
    for at in (0..file.len()).step_by(file.len() / 61) {
        let mut changed = file.clone();
        changed[at] ^= 1;
        assert!(Handover::verify(&changed, &world.founding.hash).is_err(), "byte {at}");
    }
    let state = world.state("node-2");
    let order = state.key(&id).unwrap();
    assert!(order.has_ordered_tree(&after.plan.tree, &after.plan.order));
    assert!(!order.has_ordered_tree(&after.plan.tree, &before.plan.order));
    let dealt = |node: &str| after.plan.dealers.contains(&world.id(node));
    assert!(!dealt("node-2") && !dealt("node-4") && !dealt("node-5"));
    world.stop("node-1");
    sign(&mut world, "node-4", "by those who joined");
}

/// A domain with the key ops over the first three signers, and the policy.
fn ready(seed: u64, shape: Shape, faults: u8) -> (World, KeyId) {
    let mut world = World::of(seed, shape);
    let access: Tree<quorate_identity::Name> = "2 of (node-1, node-2, node-3)".parse().unwrap();
    let access = access.map(|node| world.id(node.as_str()));
    let body = MotionBody::KeyCreate {
        name: name("ops"),
        scheme: Scheme::Ed25519,
        access,
        faults,
        accounts: 1,
    };
    world.enact("node-1", body);
    world.until("the key is active", |world| {
        world.names().iter().all(|node| world.can_sign(node, "ops"))
    });
    world.set_policy("node-1", POLICY);
    let id = world.state("node-1").key_named(&name("ops")).unwrap().key;
    (world, id)
}

/// EPO-06, EPO-09, EPO-10: the key stays, every share is another one, and of the old ones
/// nothing is left once the new ones have signed.
#[test]
fn a_refresh_keeps_the_key_and_leaves_nothing_of_the_old_shares() {
    let (mut world, id) = ready(1, Shape::default(), 1);
    let before = key(&mut world, "node-1", "ops");
    let rows = |world: &World| -> Vec<Vec<u8>> {
        let hosts = ["node-1", "node-2", "node-3"].map(|node| world.host(node));
        let shares = hosts.iter().flat_map(|host| &host.disk);
        shares
            .filter(|((table, _), _)| *table == Table::Share)
            .map(|(_, row)| row.clone())
            .collect()
    };
    let old = rows(&world);
    world.enact("node-2", refresh("ops"));
    until_epoch(&mut world, "ops", 1);
    let after = key(&mut world, "witness-1", "ops");
    assert_eq!((after.public_key, after.access), (before.public_key, before.access));
    let new = rows(&world);
    assert_eq!((old.len(), new.len()), (3, 3));
    assert!(new.iter().all(|row| !old.contains(row)));
    for node in ["node-1", "node-2", "node-3"] {
        assert_eq!(kept(&world, node, id), [1], "{node}");
    }
    for absent in ["node-1", "node-2", "node-3"] {
        world.stop(absent);
        let at = if absent == "node-1" { "node-2" } else { "node-1" };
        sign(&mut world, at, absent);
        let node = world.id(absent);
        world.start(node);
    }
    let views = epochs(&mut world, "node-1", "ops");
    assert_eq!(views.len(), 2);
    assert_eq!((views[0].state, views[1].state), (EpochState::Current, EpochState::Over));
    assert_eq!(views[0].previous, views[1].record);
    assert_eq!(views[0].erased_earlier.len(), 3);
}

/// N-60: a share of one epoch is none of the next, even on the disk of its own node.
#[test]
fn neg_060_shares_of_two_epochs_do_not_mix() {
    let (mut world, id) = ready(60, Shape::default(), 1);
    let share = |world: &World| -> Vec<u8> {
        let disk = &world.host("node-2").disk;
        let row = disk
            .iter()
            .find(|((table, row), _)| *table == Table::Share && row.starts_with(id.as_ref()));
        row.unwrap().1.clone()
    };
    let old = share(&world);
    world.enact("node-1", refresh("ops"));
    until_epoch(&mut world, "ops", 1);
    let record = record(&world, "node-1", id, 1);
    let accounts: Vec<_> = publics_of(&record).unwrap().into_iter().map(Arc::new).collect();
    let held =
        |bytes: &[u8]| Shares::from_row(bytes).unwrap().are_held_by(&world.id("node-2"), &accounts);
    assert!(held(&share(&world)) && !held(&old));
    // On the disk in place of the new one: the node goes on without it and says so.
    world.stop("node-2");
    let row = world
        .host("node-2")
        .disk
        .keys()
        .find(|(table, row)| *table == Table::Share && row.starts_with(id.as_ref()));
    let row = row.unwrap().clone();
    world.host_mut("node-2").disk.insert(row, old);
    let node = world.id("node-2");
    world.start(node);
    assert!(world.host("node-2").alarms.iter().any(|alarm| alarm.contains("share of key")));
    sign(&mut world, "node-1", "without node-2");
    // The next refresh gives it shares again.
    world.enact("node-1", refresh("ops"));
    until_epoch(&mut world, "ops", 2);
    world.stop("node-1");
    sign(&mut world, "node-2", "with node-2");
}

/// The certified record of an epoch, from a node's disk.
fn record(world: &World, node: &str, key: KeyId, epoch: u64) -> EpochRecord {
    let row = [b"d".as_slice(), key.as_ref(), &epoch.to_be_bytes()].concat();
    let row = &world.host(node).disk[&(Table::EpochRecord, row)];
    let decided: Decided = quorate_codec::from_bytes(row).unwrap();
    let Ok(AttemptOutcome::Commit { record, .. }) = quorate_codec::from_bytes(&decided.value)
    else {
        panic!("no commit")
    };
    quorate_codec::from_bytes(&record).unwrap()
}

/// EPO-06: to more nodes, a higher threshold, a tree of another form, and to others altogether;
/// who leaves keeps nothing, who joins gets shares without ever having had some.
#[test]
fn a_key_moves_from_tree_to_tree_and_to_other_nodes() {
    let (mut world, id) = ready(2, FIVE, 1);
    let public = key(&mut world, "node-1", "ops").public_key;
    let request = world.request("ops", &message("early"), "wallet-service");
    let early = world.file("node-1", &request, "wallet-service", None).unwrap().request;
    world.until_state("node-1", &early, RequestState::Signed);
    let trees = [
        ("3 of (node-1, node-2, node-3, node-4, node-5)", 2, "node-4"),
        ("all of (2 of (node-1, node-2, node-3), any of (node-4, node-5))", 1, "node-5"),
        ("2 of (node-4, node-5, node-4)", 0, ""),
        ("2 of (node-3, node-4, node-5)", 1, "node-3"),
        ("all of (node-1, node-2)", 0, "node-2"),
    ];
    let mut epoch = 0;
    for (tree, faults, at) in trees {
        let body = reshare(&world, "ops", tree, faults);
        if at.is_empty() {
            // One node alone would be a quorum: nobody may order that.
            let state = world.state("node-1");
            let motion = world.founding.motion(
                &state,
                body,
                Digest([9; 32]),
                world.now + 1_000,
                &["ada", "ben"],
            );
            assert!(state.check_motion(&motion, world.now).is_err());
            continue;
        }
        world.enact("node-1", body);
        epoch += 1;
        until_epoch(&mut world, "ops", epoch);
        let view = key(&mut world, "node-2", "ops");
        assert_eq!((view.access.to_string(), view.faults), (tree.to_owned(), faults));
        assert_eq!(view.public_key, public);
        let holders: BTreeSet<String> = view.holders.iter().map(ToString::to_string).collect();
        for node in ["node-1", "node-2", "node-3", "node-4", "node-5"] {
            let expected: &[u64] = if holders.contains(node) { &[epoch] } else { &[] };
            assert_eq!(kept(&world, node, id), expected, "{node} after {tree}");
        }
        sign(&mut world, at, tree);
    }
    // What an earlier committee signed is still shown and proven.
    let view = world.call("node-1", "auditor", "GET", &routes::receipt(&early), b"");
    let Ok(View::Receipt(answer)) = view else { panic!("{view:?}") };
    quorate_receipt::verify(&answer.receipt.0, &world.founding.hash).unwrap();
}

/// EPO-03: by default nobody may be missing where the loss of one more could be the loss of the
/// key; the refresh waits, says for whom, and signing goes on.
#[test]
fn a_refresh_waits_for_who_is_missing_and_says_so() {
    let (mut world, id) = ready(3, Shape::default(), 1);
    world.stop("node-3");
    world.enact("node-1", refresh("ops"));
    world.pass(60_000);
    let view = ceremony(&mut world, "node-1", "ops").unwrap();
    assert_eq!(view.missing, [name("node-3")]);
    let status = world.status("node-1");
    let line = status.keys.iter().find(|line| line.name == name("ops")).unwrap();
    assert!(line.can_sign);
    assert!(line.notes.iter().any(|note| note.starts_with("node-3 is absent since")), "{line:?}");
    assert!(line.notes.iter().any(|note| note.contains("waits for node-3")), "{line:?}");
    sign(&mut world, "node-1", "meanwhile");
    assert_eq!(kept(&world, "node-1", id), [0]);
    let node = world.id("node-3");
    world.start(node);
    until_epoch(&mut world, "ops", 1);
}

/// EPO-03: with a smaller promise it goes on without them; who was absent has an old share, which
/// is worth nothing, and the next refresh repairs it.
#[test]
fn who_is_absent_is_repaired_by_the_next_refresh() {
    let (mut world, id) = ready(4, Shape::default(), 0);
    world.stop("node-3");
    world.enact("node-1", refresh("ops"));
    until_epoch(&mut world, "ops", 1);
    let view = key(&mut world, "node-1", "ops");
    assert_eq!(view.without_shares, [name("node-3")]);
    assert_eq!((kept(&world, "node-1", id), kept(&world, "node-2", id)), (vec![1], vec![1]));
    let node = world.id("node-3");
    world.start(node);
    world.until("node-3 knows and has let go", |world| {
        key(world, "node-3", "ops").epoch == 1 && kept(world, "node-3", id).is_empty()
    });
    sign(&mut world, "node-3", "without a share of its own");
    world.enact("node-1", refresh("ops"));
    until_epoch(&mut world, "ops", 2);
    assert_eq!(kept(&world, "node-3", id), [2]);
    world.stop("node-2");
    sign(&mut world, "node-3", "with a share of its own");
}

/// EPO-02: what cannot be done is withdrawn, and the key is as it was.
#[test]
fn a_withdrawn_reshare_leaves_the_key_as_it_was() {
    let (mut world, id) = ready(5, FIVE, 1);
    world.stop("node-5");
    let body = reshare(&world, "ops", "2 of (node-1, node-4, node-5)", 1);
    world.enact("node-1", body);
    world.pass(20_000);
    assert_eq!(ceremony(&mut world, "node-1", "ops").unwrap().missing, [name("node-5")]);
    world.enact("node-1", MotionBody::KeyVoid { name: name("ops") });
    world.pass(20_000);
    assert!(ceremony(&mut world, "node-1", "ops").is_none());
    let node = world.id("node-5");
    world.start(node);
    world.pass(60_000);
    assert_eq!(key(&mut world, "node-1", "ops").epoch, 0);
    sign(&mut world, "node-1", "as before");
    world.enact("node-1", refresh("ops"));
    until_epoch(&mut world, "ops", 1);
    assert_eq!(kept(&world, "node-3", id), [1]);
    assert_eq!(
        key(&mut world, "node-1", "ops").access.to_string(),
        "2 of (node-1, node-2, node-3)"
    );
}

/// EPO-20: without another order, no earlier than it is due, again and again.
#[test]
fn a_schedule_refreshes_without_another_order() {
    let (mut world, _) = ready(6, Shape::default(), 1);
    let schedule = RefreshSchedule { every_ms: 600_000, jitter_ms: 60_000, window: None };
    let body = MotionBody::KeySchedule { name: name("ops"), schedule: Some(schedule) };
    world.enact("node-1", body);
    let made = key(&mut world, "node-1", "ops").made_at_ms.unwrap();
    assert!(
        (made + 540_000..=made + 600_000)
            .contains(&key(&mut world, "node-1", "ops").refresh_due_ms.unwrap())
    );
    world.pass(made + 539_000 - world.now);
    assert_eq!(key(&mut world, "node-1", "ops").epoch, 0);
    world.pass(120_000);
    assert_eq!(key(&mut world, "node-1", "ops").epoch, 1);
    world.pass(1_400_000);
    assert_eq!(key(&mut world, "node-1", "ops").epoch, 3);
    let head = world.state("node-1").head();
    world.enact("node-1", MotionBody::KeySchedule { name: name("ops"), schedule: None });
    assert_ne!(world.state("node-1").head(), head, "epochs are no entries");
    world.pass(3_000_000);
    assert_eq!(key(&mut world, "node-1", "ops").epoch, 3);
    sign(&mut world, "node-1", "after all this");
}

/// EPO-24: shares that have become too old are an alarm, once, and a figure in the status.
#[test]
fn shares_that_are_too_old_are_an_alarm() {
    let (mut world, id) = ready(61, Shape::default(), 1);
    let schedule = RefreshSchedule { every_ms: 600_000, jitter_ms: 0, window: None };
    let body = MotionBody::KeySchedule { name: name("ops"), schedule: Some(schedule) };
    world.enact("node-1", body);
    let made = key(&mut world, "node-1", "ops").made_at_ms.unwrap();
    // All three must be there.
    world.stop("node-3");
    let alarms = |world: &World| {
        let alarms = &world.host("node-1").alarms;
        alarms.iter().filter(|alarm| alarm.contains("overdue")).count()
    };
    world.pass(made + 890_000 - world.now);
    let status = world.status("node-1").keys.remove(0);
    assert!((280_000..=290_000).contains(&status.refresh_overdue_ms), "{status:?}");
    assert_eq!((status.epoch, status.oldest_epoch_ms), (Some(0), Some(made)));
    assert_eq!(alarms(&world), 0);
    world.pass(600_000);
    assert_eq!(alarms(&world), 1);
    let node = world.id("node-3");
    world.start(node);
    until_epoch(&mut world, "ops", 1);
    let status = world.status("node-1").keys.remove(0);
    assert_eq!((status.epoch, status.refresh_overdue_ms), (Some(1), 0));
    // A replaced epoch that cannot end is one as well: its first signature is lost, whoever makes
    // it.
    world.wiretap = Some(Box::new(move |_, _, message| {
        let is_first = |step: &SessionStep| {
            matches!(step, SessionStep::Propose { terms, .. }
                if matches!(terms.target, Target::Birth(key, _) if key == id))
        };
        match &message {
            Message::Session(session) if is_first(&session.step) => Vec::new(),
            _ => vec![message],
        }
    }));
    world.enact("node-1", MotionBody::KeySchedule { name: name("ops"), schedule: None });
    world.enact("node-1", refresh("ops"));
    world.pass(30_000);
    let epoch = |world: &mut World| key(world, "node-1", "ops").epoch;
    assert_eq!(epoch(&mut world), 2);
    world.pass(3_700_000);
    let kept = |alarm: &&String| alarm.contains("replaced epoch are kept");
    assert_eq!(world.host("node-1").alarms.iter().filter(kept).count(), 1);
    world.wiretap = None;
    until_epoch(&mut world, "ops", 2);
}

/// EPO-01, CER-07: a key that has not signed yet gets no new shares, whatever is ordered meanwhile;
/// once it is born it does.
#[test]
fn a_key_is_born_before_it_is_refreshed() {
    let mut world = World::new(14);
    let dealt: Rc<RefCell<BTreeSet<u64>>> = Rc::default();
    let is_unborn = Rc::new(Cell::new(true));
    let (deals, holds) = (Rc::clone(&dealt), Rc::clone(&is_unborn));
    world.wiretap = Some(Box::new(move |_, _, message| match &message {
        Message::Session(_) if holds.get() => Vec::new(),
        Message::Deal(deal) => {
            deals.borrow_mut().insert(deal.epoch);
            vec![message]
        }
        _ => vec![message],
    }));
    let order = world.founding.key_order("ops", Scheme::Ed25519);
    world.enact("node-1", order);
    world.until("the first epoch is made", |world| epochs(world, "node-1", "ops").len() == 1);
    world.enact("node-1", refresh("ops"));
    world.pass(120_000);
    assert_eq!(*dealt.borrow(), BTreeSet::from([0]));
    assert_eq!(key(&mut world, "node-1", "ops").epoch, 0);
    is_unborn.set(false);
    until_epoch(&mut world, "ops", 1);
}

/// EPO-15: a retired key signs nothing, is not refreshed, and nobody keeps its shares.
#[test]
fn a_retired_key_is_gone_for_ever() {
    let (mut world, id) = ready(7, Shape::default(), 1);
    let open = world.request("ops", &message("too late"), "wallet-service");
    world.enact("node-1", MotionBody::KeyRetire { name: name("ops") });
    world.pass(5_000);
    for node in ["node-1", "node-2", "node-3"] {
        assert!(kept(&world, node, id).is_empty(), "{node}");
    }
    assert_eq!(key(&mut world, "witness-1", "ops").state, KeyState::Retired);
    let refused = world.file("node-1", &open, "wallet-service", None).unwrap_err();
    assert_eq!(refused.code, "key_retired");
    let state = world.state("node-1");
    let late = world.founding.motion(
        &state,
        refresh("ops"),
        Digest([1; 32]),
        world.now + 1_000,
        &["ada", "ben"],
    );
    assert!(state.check_motion(&late, world.now).is_err());
    world.stop("node-2");
    let node = world.id("node-2");
    world.start(node);
    world.pass(5_000);
    assert!(!world.can_sign("node-2", "ops"));
    assert_eq!(epochs(&mut world, "node-2", "ops").len(), 1, "its records are kept");
}

/// Whether a row holds the secret half of one of these keys, at any place of it.
fn holds_one(row: &[u8], keys: &BTreeSet<[u8; 32]>) -> bool {
    row.windows(32).any(|window| {
        let secret = StaticSecret::from(<[u8; 32]>::try_from(window).unwrap());
        keys.contains(PublicKey::from(&secret).as_bytes())
    })
}

/// DEAL-03, DEAL-13: who records what nodes seal for each other and reads their disks, at any time
/// or years later, opens nothing: a receiving key is made for one run and one dealer, and no disk
/// ever holds it.
#[test]
fn neg_063_no_disk_ever_holds_a_receiving_key() {
    type Heard = BTreeMap<(NodeId, u64, u32), Message1>;
    let (mut world, _) = ready(63, FIVE, 1);
    let heard: Rc<RefCell<Heard>> = Rc::default();
    let hear = Rc::clone(&heard);
    world.wiretap = Some(Box::new(move |from, _, message| {
        if let Message::Deal(deal) = &message
            && let Some(said) = first(&deal.step)
        {
            hear.borrow_mut().insert((from, deal.epoch, deal.attempt), said);
        }
        vec![message]
    }));
    let mut written: BTreeSet<Vec<u8>> = BTreeSet::new();
    for epoch in 1..=2 {
        world.enact("node-1", refresh("ops"));
        world.until("the epoch is made", |world| {
            let disks = world.names().into_iter().map(|node| world.host(&node).disk.clone());
            written.extend(disks.flat_map(|disk| disk.into_values()));
            ceremony(world, "node-1", "ops").is_none() && key(world, "node-1", "ops").epoch == epoch
        });
    }
    let heard = heard.borrow();
    let all: Vec<[u8; 32]> =
        heard.values().flat_map(|said| said.seal_keys.iter().map(|key| key.0)).collect();
    let keys: BTreeSet<[u8; 32]> = all.iter().copied().collect();
    assert!(heard.keys().map(|(_, epoch, _)| *epoch).collect::<BTreeSet<_>>() == [1, 2].into());
    assert!(all.len() >= 12 && keys.len() == all.len(), "each is used once: {}", all.len());
    let planted = StaticSecret::from([63; 32]);
    let row = [&[1, 2, 3][..], planted.as_bytes(), &[4]].concat();
    assert!(holds_one(&row, &[*PublicKey::from(&planted).as_bytes()].into()), "it would be found");
    assert!(written.len() > 20);
    assert!(!written.iter().any(|row| holds_one(row, &keys)));
}

/// EPO-11: with ECDSA the set-ups of pairs are as old as the shares; nobody says that nothing of
/// an earlier epoch is left before they are made anew.
#[test]
fn a_refresh_renews_the_pairs() {
    let mut world = World::new(8);
    let id = world.make_key("treasury", Scheme::EcdsaSecp256k1);
    let pairs = |world: &World| -> Vec<Vec<u8>> {
        let rows = world.host("node-1").disk.iter().filter(|((table, _), _)| *table == Table::Pair);
        rows.map(|(_, row)| row.clone()).collect()
    };
    world.until("the pairs are there", |world| pairs(world).len() == 2);
    let old = pairs(&world);
    world.enact("node-1", refresh("treasury"));
    world.until("everybody says so", |world| {
        epochs(world, "node-1", "treasury")[0].erased_earlier.len() == 3
    });
    // Made anew already, or thrown away and about to be.
    assert!(pairs(&world).iter().all(|row| !old.contains(row)));
    assert_eq!(kept(&world, "node-1", id), [1]);
    world.until("the pairs are there again", |world| pairs(world).len() == 2);
    let new = pairs(&world);
    assert!(new.iter().all(|row| !old.contains(row)));
    world.until("it signs", |world| world.can_sign("node-1", "treasury"));
}

/// EPO-04, EPO-05: what a lying leader plans, signed by itself, nobody deals; the attempt is void,
/// another leader's plan is followed, and the key is wholly in the new epoch.
#[test]
fn neg_054_a_false_plan_is_dealt_by_nobody() {
    type Lie = fn(&World, &mut AttemptPlan);
    let lies: [(&str, Lie); 12] = [
        ("another tree", |world, plan| {
            plan.tree = world.founding.some_of(2, 4);
        }),
        ("fewer losses", |_, plan| plan.faults = 0),
        ("an order that is none", |_, plan| plan.order = Head(Digest([7; 32]))),
        ("another epoch before", |_, plan| plan.previous = Digest([7; 32])),
        ("dealers that are no quorum", |_, plan| plan.dealers.truncate(1)),
        ("more dealers than are needed", |_, plan| plan.dealers = plan.committee.clone()),
        ("a committee that is too small", |_, plan| {
            plan.committee.truncate(2);
            plan.incarnations.truncate(2);
        }),
        ("a clock that is off", |_, plan| plan.made_at += 600_000),
        ("another life of a node", |_, plan| plan.incarnations[0] = Digest([7; 32])),
        ("another scheme", |_, plan| plan.scheme = Scheme::Bip340),
        ("a head that nobody knows", |_, plan| plan.head = Head(Digest([7; 32]))),
        ("a head from before its order", |world, plan| plan.head = world.founding.state.head()),
    ];
    for (what, lie) in lies {
        let (mut world, _) = ready(54, FIVE, 1);
        let secrets: Vec<_> = world
            .nodes()
            .into_iter()
            .map(|node| (node, world.founding.nodes[&node].secrets()))
            .collect();
        let genesis = world.founding.state.genesis();
        let spoil: Rc<RefCell<Vec<AttemptPlan>>> = Rc::default();
        let spoiled = Rc::clone(&spoil);
        let dealt: Rc<RefCell<Vec<Option<Digest>>>> = Rc::default();
        let deals = Rc::clone(&dealt);
        let template = World::of(54, FIVE);
        world.wiretap = Some(Box::new(move |from, _, mut message| {
            if let Message::Deal(deal) = &mut message
                && deal.epoch == 1
                && deal.attempt == 0
                && let DealStep::Plan { plan } = &deal.step
            {
                let mut changed: AttemptPlan = quorate_codec::from_bytes(plan).unwrap();
                lie(&template, &mut changed);
                spoiled.borrow_mut().push(changed.clone());
                deal.step = DealStep::Plan { plan: quorate_codec::to_bytes(&changed) };
                let (_, signer) = secrets.iter().find(|(node, _)| *node == from).unwrap();
                let said =
                    (&genesis, &deal.key, deal.epoch, deal.attempt, deal.context, &deal.step);
                deal.signature = signer.sign(tag::DEAL_MESSAGE, &quorate_codec::to_bytes(&said));
            }
            if let Message::Deal(deal) = &message
                && let DealStep::Round { .. } = deal.step
            {
                deals.borrow_mut().push(deal.context);
            }
            vec![message]
        }));
        world.enact("node-1", refresh("ops"));
        until_epoch(&mut world, "ops", 1);
        assert!(!spoil.borrow().is_empty(), "{what}");
        let contexts = spoil.borrow().iter().map(|plan| Some(plan.context())).collect::<Vec<_>>();
        assert!(!dealt.borrow().iter().any(|context| contexts.contains(context)), "{what}");
        let id = world.state("node-1").key_named(&name("ops")).unwrap().key;
        let made = record(&world, "node-1", id, 1);
        assert!(made.plan.attempt > 0, "{what}: nobody joined the leader's first attempt");
        assert!(!spoil.borrow().contains(&made.plan), "{what}");
        sign(&mut world, "node-1", what);
    }
}

/// SES-03, EPO-08: a session whose terms name another epoch of the key is joined by nobody, and no
/// message that depends on a share leaves; nobody is accused, because epochs change on the way.
#[test]
fn neg_058_a_session_in_another_epoch_is_joined_by_nobody() {
    let (mut world, id) = ready(58, Shape::default(), 1);
    let old = record(&world, "node-1", id, 0).digest();
    world.enact("node-1", refresh("ops"));
    until_epoch(&mut world, "ops", 1);
    let is_spoiled = Rc::new(RefCell::new(true));
    let (spoils, rounds) = (Rc::clone(&is_spoiled), Rc::new(RefCell::new(0)));
    let counted = Rc::clone(&rounds);
    world.wiretap = Some(Box::new(move |_, _, mut message| {
        if let Message::Session(session) = &mut message
            && *spoils.borrow()
        {
            match &mut session.step {
                SessionStep::Propose { terms, .. } => terms.epoch_record = old,
                SessionStep::Round { .. } => *counted.borrow_mut() += 1,
                SessionStep::Join { .. } | SessionStep::Abort | SessionStep::Made => {}
            }
        }
        vec![message]
    }));
    let request = world.request("ops", &message("now"), "wallet-service");
    let request = world.file("node-1", &request, "wallet-service", None).unwrap().request;
    world.pass(30_000);
    assert_eq!(*rounds.borrow(), 0);
    assert_ne!(world.show("node-1", &request).state, RequestState::Signed);
    let view = world.call("node-2", "auditor", "GET", "/v1/audit", b"");
    let Ok(View::Audit(audit)) = view else { panic!("no audit: {view:?}") };
    assert!(audit.lines.iter().all(|line| line.culprits.is_empty()), "{audit:?}");
    assert!(audit.lines.iter().any(|line| line.text.contains("epoch of the key")), "{audit:?}");
    *is_spoiled.borrow_mut() = false;
    world.until_state("node-1", &request, RequestState::Signed);
}

/// EPO-09: a member that never says that it holds its new shares keeps nobody's old ones alive,
/// where the key survives its loss; where it does not, they are kept.
#[test]
fn neg_088_a_withheld_word_does_not_keep_old_shares_alive() {
    for (tree, faults, ends) in [
        ("3 of (node-1, node-2, node-3, node-4, node-5)", 1, true),
        ("3 of (node-1, node-2, node-3, node-4, node-5)", 2, false),
    ] {
        let (mut world, id) = ready(88, FIVE, 1);
        let silent = world.id("node-2");
        world.wiretap = Some(Box::new(move |from, _, message| match message {
            Message::Epoch(statement) if from == silent || statement.node() == silent => vec![],
            other => vec![other],
        }));
        let body = reshare(&world, "ops", tree, faults);
        world.enact("node-1", body);
        world.until("the epoch is made", |world| key(world, "node-1", "ops").epoch == 1);
        world.pass(120_000);
        let expected: &[u64] = if ends { &[1] } else { &[0, 1] };
        assert_eq!(kept(&world, "node-1", id), expected, "{faults}");
        sign(&mut world, "node-1", "either way");
    }
}

/// EPO-07 to EPO-10: a node dies at every write of a refresh in turn, before it is durable and
/// after; the others may go on, and once it is back the key is in the new epoch, every share is
/// of that epoch, and every quorum signs.
#[test]
fn neg_053_whoever_dies_when_the_key_is_wholly_in_one_epoch() {
    for victim in ["node-1", "node-2", "node-3"] {
        for die_at in 0..12 {
            let (mut world, id) = ready(55 + die_at, Shape::default(), 1);
            let writes = |world: &World| {
                let outputs = world.host(victim).outputs.iter();
                outputs.filter(|output| output.barrier.holds()).count()
            };
            world.enact("node-1", refresh("ops"));
            let began = writes(&world);
            let at = began + usize::try_from(die_at).unwrap();
            world.until("the write is there, or the end", |world| {
                writes(world) >= at || key(world, victim, "ops").epoch == 1
            });
            world.stop(victim);
            world.pass(3_000);
            let node = world.id(victim);
            world.start(node);
            until_epoch(&mut world, "ops", 1);
            for holder in ["node-1", "node-2", "node-3"] {
                assert_eq!(kept(&world, holder, id), [1], "{victim} at {die_at}: {holder}");
            }
            for absent in ["node-1", "node-2", "node-3"] {
                world.stop(absent);
                let at = if absent == "node-1" { "node-2" } else { "node-1" };
                sign(&mut world, at, absent);
                let node = world.id(absent);
                world.start(node);
            }
        }
    }
}
