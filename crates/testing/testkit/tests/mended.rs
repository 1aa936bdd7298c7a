//! Faults of epochs that were once there: a test each, which fails when the check that mended it
//! is taken away.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

use quorate_charter::{AttemptPlan, EpochRecord, MotionBody};
use quorate_client::contract::{EpochState, RequestState};
use quorate_codec::{Canonical, Digest};
use quorate_identity::{KeyId, NodeId, Scheme};
use quorate_machine::boot::BootError;
use quorate_machine::durable::Table;
use quorate_machine::ingress;
use quorate_machine::limits;
use quorate_machine::wire::{DealMessage, DealStep, Message};
use quorate_testkit::founding::{POLICY, Shape, name};
use quorate_testkit::keys::{
    FIVE, THREE_OF_FIVE, audit, ceremony, epochs, evidence, kept, key, record, refresh, reshare,
    sign, until_epoch, until_made, with_ops,
};
use quorate_testkit::liar::Liar;
use quorate_testkit::world::World;
use serde_json::json;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// CER-09: a member that is to be dropped deals in nothing and gives up every attempt as soon as
/// it can be, before anybody plans it and after; the key moves on without it all the same.
#[test]
fn neg_082_who_is_to_be_dropped_ends_no_attempt_by_its_word() {
    let (mut world, _) = with_ops(82, FIVE, "2 of (node-1, node-2, node-3)", 0);
    let (dropped, id) = (world.id("node-3"), key_id(&world));
    world.wiretap = Some(Box::new(move |from, _, message| match message {
        Message::Deal(deal) if from == dropped => {
            let is_word = matches!(deal.step, DealStep::Abort { .. });
            if is_word { vec![Message::Deal(deal)] } else { Vec::new() }
        }
        other => vec![other],
    }));
    let body = reshare(&world, "2 of (node-1, node-2, node-4)", 0);
    world.enact("node-1", body);
    let lies = Liar::new(&world, "node-3");
    let mut said = BTreeSet::new();
    world.until("the key is reshared", |world| {
        let at = ceremony(world, "node-1").filter(|view| view.epoch == 1);
        // It may have been planned in, or have been the one to plan: a few attempts, not all.
        assert!(at.as_ref().is_none_or(|view| view.attempt <= 4), "{at:?}");
        // Once as soon as it is next, once when it is under way.
        if let Some(view) = at
            && said.insert((view.attempt, format!("{:?}", view.phase)))
        {
            let head = world.state("node-1").head();
            let signature = quorate_identity::NodeSignature([0; 64]);
            let word = lies.signed(DealMessage {
                key: id,
                epoch: 1,
                attempt: view.attempt,
                context: None,
                step: DealStep::Abort { head },
                signature,
            });
            for node in ["node-1", "node-2", "node-4", "node-5"] {
                let node = world.id(node);
                world.inject(dropped, node, &word);
            }
        }
        key(world, "node-1").epoch == 1
    });
    let plan = record(&mut world, "node-1").plan;
    assert!(said.len() > 1, "it said so again and again: {said:?}");
    assert!(!plan.participants().contains(&dropped));
}

fn key_id(world: &World) -> KeyId {
    world.state("node-1").key_named(&name("ops")).unwrap().key
}

/// EPO-04: a member that is silent is left out of later plans where the others are enough; who
/// said that the time was over is not, though the key could spare it, and it is the only one who
/// ever says so.
#[test]
fn neg_082_who_is_silent_is_left_out_and_who_says_so_is_not() {
    for quitter in ["node-1", "node-3"] {
        let tree = "2 of (node-1, node-2, node-3, node-4, node-5)";
        let (mut world, _) = with_ops(3, FIVE, tree, 0);
        let silent = [world.id("node-2"), world.id("node-4")];
        let quits = world.id(quitter);
        world.wiretap = Some(Box::new(move |from, _, message| match &message {
            // One in the first attempt, another later, so that two attempts end in time.
            Message::Deal(deal) if from == silent[usize::from(deal.attempt > 0)] => Vec::new(),
            Message::Deal(DealMessage { step: DealStep::Abort { .. }, .. }) if from != quits => {
                Vec::new()
            }
            _ => vec![message],
        }));
        world.enact(quitter, refresh());
        world.until("the epoch is made", |world| {
            let at = ceremony(world, "node-1");
            assert!(at.as_ref().is_none_or(|view| view.attempt <= 8), "{at:?}");
            world.names().iter().all(|node| key(world, node).epoch == 1)
        });
        let plan = record(&mut world, "node-1").plan;
        assert!(plan.attempt > 1, "attempt {}", plan.attempt);
        let others: Vec<NodeId> =
            world.nodes().into_iter().filter(|node| !silent.contains(node)).collect();
        assert_eq!(plan.committee, others, "{quitter}");
        assert!(!plan.dealers.iter().any(|dealer| silent.contains(dealer)));
        for node in world.names() {
            assert!(evidence(&mut world, &node).is_empty(), "silence is no proof");
        }
        world.wiretap = None;
        sign(&mut world, "node-1", "without it");
    }
}

/// NOD-10, CER-08: what this machine cannot read of a certified epoch it does not guess: it would
/// be made anew.
#[test]
fn nod_10_an_unreadable_record_is_no_missing_one() {
    let (mut world, id) = with_ops(84, Shape::default(), "2 of (node-1, node-2, node-3)", 1);
    world.enact("node-1", refresh());
    until_epoch(&mut world, 1);
    world.stop("node-2");
    let node = world.id("node-2");
    let good = world.host("node-2").disk.clone();
    let row = |epoch: u64| {
        (Table::EpochRecord, [b"d", id.as_ref() as &[u8], &epoch.to_be_bytes()].concat())
    };
    let other = good[&row(0)].clone();
    let damaged: [(u64, Vec<u8>); 4] = [
        (1, Vec::new()),
        (1, good[&row(1)][..good[&row(1)].len() - 1].to_vec()),
        (1, other),
        (0, vec![0x80]),
    ];
    for (epoch, value) in damaged {
        assert!(good.contains_key(&row(epoch)));
        world.host_mut("node-2").disk.insert(row(epoch), value);
        let error = world.try_start(node).unwrap_err();
        assert!(matches!(error, BootError::Row { table: Table::EpochRecord, .. }), "{error}");
        assert!(!error.is_callers_fault());
        world.host_mut("node-2").disk = good.clone();
    }
    world.try_start(node).unwrap();
    until_epoch(&mut world, 1);
}

/// EPO-10: an epoch that was over is over after a restart, and a row of its shares that stayed
/// behind is deleted.
#[test]
fn neg_099_an_epoch_that_is_over_stays_over_after_a_restart() {
    let (mut world, id) = with_ops(85, Shape::default(), "2 of (node-1, node-2, node-3)", 1);
    let is_share = |key: &(Table, Vec<u8>)| key.0 == Table::Share;
    let old = world.host("node-2").disk.clone().into_iter().find(|(key, _)| is_share(key)).unwrap();
    world.enact("node-1", refresh());
    until_epoch(&mut world, 1);
    world.stop("node-2");
    world.host_mut("node-2").disk.insert(old.0, old.1);
    assert_eq!(kept(&world, "node-2", id), [0, 1]);
    let node = world.id("node-2");
    world.start(node);
    // At the start itself: nobody needs to tell it again.
    assert_eq!(kept(&world, "node-2", id), [1]);
    let states: Vec<EpochState> =
        epochs(&mut world, "node-2").into_iter().map(|view| view.state).collect();
    assert_eq!(states, [EpochState::Current, EpochState::Over]);
    until_epoch(&mut world, 1);
    world.stop("node-1");
    sign(&mut world, "node-2", "with its new share");
}

/// PAR-07, EPO-11: a peer that does not help to replace a set-up from before the end of an epoch
/// keeps it alive for a while and no longer.
#[test]
fn neg_090_a_peer_keeps_no_old_set_up_alive() {
    let mut world = World::new(86);
    world.make_key("ops", Scheme::EcdsaSecp256k1);
    let pairs = |world: &World| pairs(world, "node-1");
    world.until("the pairs are there", |world| pairs(world).len() == 2);
    let old = pairs(&world);
    let (one, other) = (world.id("node-1"), world.id("node-2"));
    world.wiretap = Some(Box::new(move |from, to, message| match message {
        Message::Pair(_) if [from, to] == [one, other] || [from, to] == [other, one] => Vec::new(),
        other => vec![other],
    }));
    world.enact("node-1", refresh());
    until_made(&mut world, 1);
    world.until("the old epoch is over", |world| {
        epochs(world, "node-1").iter().all(|view| view.state != EpochState::Kept)
    });
    let kept_at = pairs(&world).get(other.as_ref() as &[u8]).cloned();
    assert_eq!(kept_at, old.get(other.as_ref() as &[u8]).cloned(), "not yet thrown away");
    world.pass(60_000);
    assert!(pairs(&world).values().all(|row| !old.values().any(|known| known == row)));
    world.wiretap = None;
    world.until("everybody says that nothing is left", |world| {
        epochs(world, "node-1")[0].erased_earlier.len() == 3
    });
}

/// The set-ups of a node, as they lie on its disk.
fn pairs(world: &World, node: &str) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let rows = world.host(node).disk.iter().filter(|((table, _), _)| *table == Table::Pair);
    rows.map(|((_, key), row)| (key.clone(), row.clone())).collect()
}

fn all_pairs(world: &World) -> [BTreeMap<Vec<u8>, Vec<u8>>; 3] {
    ["node-1", "node-2", "node-3"].map(|node| pairs(world, node))
}

/// Waits until every end of every set-up is another one.
fn until_all_are_new(world: &mut World, first: &[BTreeMap<Vec<u8>, Vec<u8>>; 3]) {
    let is_new = |(now, was): (&BTreeMap<_, _>, &BTreeMap<Vec<u8>, Vec<u8>>)| {
        now.len() == 2 && now.iter().all(|(peer, row)| was.get(peer) != Some(row))
    };
    world.until("every end is made anew", |world| all_pairs(world).iter().zip(first).all(is_new));
}

fn ready(world: &mut World, node: &str) -> usize {
    let keys = world.status(node).keys.into_iter();
    keys.filter_map(|key| Some(key.presignatures?.ready)).sum()
}

/// PAR-08: a set-up that nothing replaces is replaced by itself, at both ends, once, and keys sign before
/// and after; what was made ahead is void once.
#[test]
fn par_08_a_set_up_ages() {
    let mut world = World::new(89);
    world.pace.pair_age_ms = 20 * 60_000;
    let nodes = ["node-1", "node-2", "node-3"];
    for node in nodes {
        world.stop(node);
        let node = world.id(node);
        world.start(node);
    }
    world.make_key("ops", Scheme::EcdsaP256);
    world.set_policy("node-1", POLICY);
    world.enact("node-1", MotionBody::KeyPresign { name: name("ops"), most: 32 });
    world.until("the pairs are there", |world| all_pairs(world).iter().all(|of| of.len() == 2));
    let first = all_pairs(&world);
    world.pass(15 * 60_000);
    assert_eq!(all_pairs(&world), first, "not yet");
    sign(&mut world, "node-1", "with the first");
    world.pass(6 * 60_000);
    until_all_are_new(&mut world, &first);
    let second = all_pairs(&world);
    sign(&mut world, "node-2", "with the next");
    world.pass(10_000);
    let stocks = nodes.map(|node| ready(&mut world, node));
    assert!(stocks.iter().all(|ready| *ready > 0), "{stocks:?}");
    for _ in 0..12 {
        world.pass(5_000);
        assert_eq!(all_pairs(&world), second, "the fresh one is not thrown away");
        let now = nodes.map(|node| ready(&mut world, node));
        assert_eq!(now, stocks, "nor what was made with it");
    }
    world.pass(10 * 60_000);
    assert_eq!(all_pairs(&world), second, "once in that time");
}

/// PAR-08: a set-up that was made while the clock ran ahead lasts no longer for it.
#[test]
fn par_08_a_clock_that_ran_ahead_makes_no_set_up_last() {
    let mut world = World::new(90);
    world.make_key("ops", Scheme::EcdsaP256);
    world.until("the pairs are there", |world| all_pairs(world).iter().all(|of| of.len() == 2));
    world.stop("node-1");
    let then = world.now + 365 * 86_400_000;
    for ((table, _), row) in &mut world.host_mut("node-1").disk {
        if *table == Table::Pair {
            // The last thing in a row is when it was made.
            let at = row.len() - 8;
            row[at..].copy_from_slice(&then.to_be_bytes());
        }
    }
    let old = pairs(&world, "node-1");
    let node = world.id("node-1");
    world.start(node);
    world.until("both are made anew", |world| {
        let now = pairs(world, "node-1");
        now.len() == 2 && now.iter().all(|(peer, row)| old.get(peer) != Some(row))
    });
    let anew = all_pairs(&world);
    world.pass(60_000);
    assert_eq!(all_pairs(&world), anew, "once");
}

/// PAR-07: what replaces a set-up after an epoch is not replaced in its turn, though it began in the very
/// millisecond in which the epoch was over.
#[test]
fn par_07_a_set_up_is_replaced_once_after_an_epoch() {
    let mut world = World::new(91);
    world.make_key("ops", Scheme::EcdsaSecp256k1);
    world.until("the pairs are there", |world| all_pairs(world).iter().all(|of| of.len() == 2));
    // The pause after they were made is over, so nothing holds the next ones up.
    world.pass(60_000);
    let first = all_pairs(&world);
    world.enact("node-1", refresh());
    until_made(&mut world, 1);
    until_all_are_new(&mut world, &first);
    let second = all_pairs(&world);
    for _ in 0..12 {
        world.pass(5_000);
        assert_eq!(all_pairs(&world), second);
    }
}

/// GOV-12, GOV-16: upkeep, which one person may order, ends no motion that others sign: it touches
/// nothing.
#[test]
fn gov_16_upkeep_supersedes_no_other_motion() {
    let (mut world, _) = with_ops(87, FIVE, "2 of (node-1, node-2, node-3)", 1);
    let state = world.state("node-1");
    let bodies = [
        reshare(&world, "2 of (node-3, node-4, node-5)", 1),
        MotionBody::KeySchedule { name: name("ops"), schedule: None },
    ];
    for (at, body) in bodies.into_iter().enumerate() {
        let nonce = Digest([u8::try_from(at).unwrap() + 1; 32]);
        let expires = world.now + 3_600_000;
        let open = world.founding.motion(&state, body, nonce, expires, &["ada", "ben"]);
        assert!(state.check_motion(&open, world.now).is_ok());
        world.enact("node-1", refresh());
        let later = world.state("node-1");
        assert_ne!(later.head(), state.head());
        assert!(later.check_motion(&open, world.now).is_ok(), "motion {at} is still open");
    }
    // Nor is it superseded by them.
    let (now, who) = (world.state("node-1"), ["ada", "ben"]);
    let open = world.founding.motion(&now, refresh(), Digest([9; 32]), world.now + 3_600_000, &who);
    let schedule = MotionBody::KeySchedule { name: name("ops"), schedule: None };
    world.enact("node-1", schedule);
    assert!(world.state("node-1").check_motion(&open, world.now).is_ok());
}

/// EPO-09, NOD-18: a node that halted, or finds that it is an old copy of itself, destroys nothing,
/// whatever it hears: not shares of earlier epochs, not those of a retired key.
#[test]
fn neg_055_who_abstains_destroys_nothing() {
    for is_lapsed in [false, true] {
        let (mut world, id) = with_ops(88, FIVE, THREE_OF_FIVE, 1);
        let node = world.id("node-2");
        if is_lapsed {
            let old = world.host("node-2").disk.clone();
            world.stop("node-2");
            world.start(node);
            // Its votes of this life are forgotten by the next.
            world.enact("node-1", MotionBody::KeySchedule { name: name("ops"), schedule: None });
            world.stop("node-2");
            world.host_mut("node-2").disk = old;
            world.start(node);
        } else {
            // It stopped for good before; why does not matter here.
            world.stop("node-2");
            let row = (Table::Meta, b"halt".to_vec());
            world.host_mut("node-2").disk.insert(row, b"a fork".to_vec());
            world.start(node);
        }
        let abstains =
            |world: &World| world.host("node-2").node.as_ref().unwrap().abstains().is_some();
        world.until("node-2 abstains", |world| abstains(world));
        let body = refresh();
        world.enact("node-1", body);
        world.until("the others are in the next epoch", |world| {
            key(world, "node-1").epoch == 1 && ceremony(world, "node-1").is_none()
        });
        world.pass(60_000);
        assert_eq!(key(&mut world, "node-2").epoch, 1, "it hears of it");
        assert_eq!(kept(&world, "node-1", id), [1]);
        assert_eq!(kept(&world, "node-2", id), [0], "lapsed: {is_lapsed}");
        world.enact("node-1", MotionBody::KeyRetire { name: name("ops") });
        world.pass(60_000);
        assert!(kept(&world, "node-1", id).is_empty());
        assert_eq!(kept(&world, "node-2", id), [0], "lapsed: {is_lapsed}");
        assert!(abstains(&world));
    }
}

/// CER-06, EPO-10: shares of an epoch that a node never heard decided are kept while one before is,
/// through a restart too: the certificate of a later one says nothing about who has them. They go
/// when all that is over.
#[test]
fn neg_087_shares_of_an_unheard_epoch_go_when_it_is_over() {
    let (mut world, id) = with_ops(89, FIVE, THREE_OF_FIVE, 1);
    let node = world.id("node-3");
    world.enact("node-1", refresh());
    world.until("node-3 has new shares", |world| kept(world, "node-3", id) == [0, 1]);
    let peers = ["node-1", "node-2", "node-4", "node-5"];
    for peer in peers {
        world.cut("node-3", peer, true);
    }
    world.until("the others are in epoch 1", |world| {
        peers.iter().all(|peer| key(world, peer).epoch == 1)
    });
    world.file_motion("node-1", refresh());
    world.until("the others are in epoch 2", |world| {
        peers.iter().all(|peer| key(world, peer).epoch == 2)
    });
    // What ends epochs does not reach node-3.
    world.wiretap = Some(Box::new(move |_, to, message| match message {
        Message::Epoch(_) if to == node => Vec::new(),
        other => vec![other],
    }));
    for peer in peers {
        world.cut("node-3", peer, false);
    }
    world.until("node-3 hears of epoch 2", |world| key(world, "node-3").epoch == 2);
    world.pass(20_000);
    assert_eq!(kept(&world, "node-3", id), [0, 1]);
    world.stop("node-3");
    world.start(node);
    world.until("node-3 is back", |world| world.status("node-3").leased);
    assert_eq!(kept(&world, "node-3", id), [0, 1]);
    world.wiretap = None;
    world.until("it is over", |world| ceremony(world, "node-3").is_none());
    assert!(kept(&world, "node-3", id).is_empty(), "{:?}", kept(&world, "node-3", id));
}

/// INT-14, REQ-14: what nodes sign for themselves nobody can ask for, whatever the policy allows.
#[test]
fn int_14_the_birth_message_cannot_be_asked_for() {
    let (mut world, _) = with_ops(90, Shape::default(), "2 of (node-1, node-2, node-3)", 1);
    let made = record(&mut world, "node-1");
    let birth = match quorate_policy::birth_payload(&made) {
        quorate_intent::SigningPayload::Message(message) => message,
        other => panic!("of Ed25519: {other:?}"),
    };
    let ask = |world: &mut World, message: &[u8]| {
        let digits: String = message.iter().map(|byte| format!("{byte:02x}")).collect();
        let intent = json!({"kind": "message", "message": format!("0x{digits}")});
        let request = world.request("ops", &intent, "wallet-service");
        world.file("node-1", &request, "wallet-service", None)
    };
    let prefix = &birth[..birth.len() - 32];
    for message in [birth.clone(), prefix.to_vec(), [prefix, b"another"].concat()] {
        assert_eq!(ask(&mut world, &message).unwrap_err().code, "bad_intent");
    }
    let shorter = ask(&mut world, &prefix[..prefix.len() - 1]).unwrap().request;
    world.until_state("node-1", &shorter, RequestState::Signed);
}

/// NOD-05: messages of a dealing wait in memory, so longer ones than any honest node sends do not
/// get in; those of attempts that are decided do not stay.
#[test]
fn nod_05_messages_of_a_dealing_have_an_end() {
    let (mut world, id) = with_ops(91, FIVE, "2 of (node-1, node-2, node-3)", 1);
    let lies = Liar::new(&world, "node-2");
    let state = world.state("node-1");
    let message = |attempt: u32, step: DealStep| {
        let signature = quorate_identity::NodeSignature([0; 64]);
        let context = Some(Digest([7; 32]));
        lies.signed(DealMessage { key: id, epoch: 1, attempt, context, step, signature })
    };
    type Make = fn(usize) -> DealStep;
    let steps: [(usize, Make); 5] = [
        (limits::DEAL_BYTES_MAX, |size| DealStep::Round { number: 1, bytes: vec![0; size] }),
        (limits::DEAL_BYTES_MAX, |size| DealStep::Prepared {
            record: Vec::new(),
            leaf_proofs: vec![0; size],
        }),
        (EpochRecord::BYTES_MAX, |size| DealStep::Prepared {
            record: vec![0; size],
            leaf_proofs: Vec::new(),
        }),
        (AttemptPlan::BYTES_MAX, |size| DealStep::Plan { plan: vec![0; size] }),
        (138, |size| DealStep::Complaint { bytes: vec![0; size] }),
    ];
    let liar = lies.node;
    for (most, step) in steps {
        let taken = |size| {
            let bytes = quorate_codec::to_bytes(&message(0, step(size)));
            ingress::check(&state, liar, &bytes).is_ok()
        };
        assert!(taken(most) && !taken(most + 1), "{most}");
    }
    // Of each sender eight wait; once attempts are over, others find room again. A word that gives
    // the attempt up waits while it does not count, and counts once it does.
    let honest = world.id("node-1");
    for number in 0..20 {
        let step = DealStep::Round { number: 1, bytes: vec![number; 8] };
        let early = message(0, step);
        world.inject(liar, honest, &early);
    }
    world.enact("node-1", refresh());
    until_epoch(&mut world, 1);
    assert_eq!(record(&mut world, "node-1").plan.attempt, 1, "the first had another context");
    assert!(audit(&mut world, "node-1").iter().any(|line| line.text.contains("another plan")));
    world.enact("node-1", refresh());
    until_epoch(&mut world, 2);
    assert_eq!(record(&mut world, "node-1").plan.attempt, 0, "nothing of it is left");
}

/// NOD-05: early messages about attempts that never come make room once those are over: a message
/// that comes before its plan is kept again, and nobody waits until it is told once more.
#[test]
fn nod_05_early_messages_of_what_is_over_make_room() {
    let (mut world, id) = with_ops(92, FIVE, "2 of (node-1, node-2, node-3)", 1);
    let lies = Liar::new(&world, "node-2");
    let liar = lies.node;
    let receivers = [world.id("node-1"), world.id("node-3")];
    for number in 0..20 {
        let step = DealStep::Round { number: 1, bytes: vec![number; 8] };
        let signature = quorate_identity::NodeSignature([0; 64]);
        let context = Some(Digest([7; 32]));
        let early = DealMessage { key: id, epoch: 1, attempt: 1, context, step, signature };
        let early = lies.signed(early);
        receivers.iter().for_each(|to| world.inject(liar, *to, &early));
    }
    world.enact("node-1", refresh());
    until_epoch(&mut world, 1);
    assert_eq!(record(&mut world, "node-1").plan.attempt, 0);
    // The next plan reaches one of them only after the first message of node-2.
    let held: Rc<RefCell<Option<(NodeId, NodeId, Message)>>> = Rc::default();
    let came: Rc<RefCell<bool>> = Rc::default();
    let (hold, comes) = (Rc::clone(&held), Rc::clone(&came));
    world.wiretap = Some(Box::new(move |from, to, message| {
        let Message::Deal(deal) = &message else { return vec![message] };
        let is_plan = matches!(deal.step, DealStep::Plan { .. });
        let mut holds = hold.borrow_mut();
        if is_plan && holds.is_none() && receivers.contains(&to) {
            *holds = Some((from, to, message));
            return Vec::new();
        }
        let is_first = matches!(deal.step, DealStep::Round { number: 1, .. });
        let is_it = holds.as_ref().is_some_and(|(_, victim, _)| *victim == to);
        comes.replace_with(|comes| *comes || (is_it && is_first && from == liar));
        vec![message]
    }));
    world.enact("node-1", refresh());
    let began = world.now;
    let mut is_let_go = false;
    world.until("the epoch is made", |world| {
        if *came.borrow() && !is_let_go {
            is_let_go = true;
            let (from, to, message) = held.borrow().clone().unwrap();
            world.inject(from, to, &message);
        }
        key(world, "node-1").epoch == 2
    });
    assert!(is_let_go);
    assert_eq!(record(&mut world, "node-1").plan.attempt, 0);
    assert!(world.now - began < 10_000, "after {} ms", world.now - began);
}
