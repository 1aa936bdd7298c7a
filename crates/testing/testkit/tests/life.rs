//! The life of a domain: founded, keys made, a policy set, requests allowed, denied, approved,
//! signed; nodes that die and come back.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that panics has failed")]

use quorate_client::contract::{Encoding, KeyState, RequestState, routes};
use quorate_codec::{Transcript, tag};
use quorate_identity::Scheme;
use quorate_machine::call::View;
use quorate_machine::durable::Table;
use quorate_machine::event::Barrier;
use quorate_machine::limits;
use quorate_policy::request::Verdict;
use quorate_testkit::founding::{POLICY, Shape};
use quorate_testkit::world::{Slow, World};
use serde_json::{Value, json};

fn message(text: &str) -> Value {
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    json!({"kind": "message", "message": format!("0x{digits}")})
}

#[test]
fn a_domain_makes_keys_and_signs_what_its_policy_allows() {
    let mut world = World::new(1);
    world.make_key("ops", Scheme::Ed25519);
    let early = world.request("ops", &message("early"), "wallet-service");
    let early = world.file("node-1", &early, "wallet-service", None).unwrap();
    world.until_state("node-1", &early.request, RequestState::Denied);
    world.set_policy("node-2", POLICY);

    let request = world.request("ops", &message("hello"), "wallet-service");
    let filed = world.file("node-2", &request, "wallet-service", None).unwrap();
    assert_eq!(filed.state, RequestState::Waiting);
    for node in ["node-1", "node-2", "node-3", "witness-1"] {
        let view = world.until_state(node, &filed.request, RequestState::Signed);
        assert_eq!(view.signatures.len(), 1, "{node}");
        assert!(view.artifact.is_some());
    }
    let view = world.call("witness-1", "auditor", "GET", &routes::receipt(&filed.request), b"");
    let Ok(View::Receipt(answer)) = view else { panic!("{view:?}") };
    let report = quorate_receipt::verify(&answer.receipt.0, &world.founding.hash).unwrap();
    assert_eq!(report.request, filed.request);
}

fn digest(byte: u8) -> Value {
    json!({"kind": "raw.digest", "digest": format!("0x{}", format!("{byte:02x}").repeat(32))})
}

/// A domain with one key and the policy.
fn ready(seed: u64, key: &str, scheme: Scheme) -> World {
    let mut world = World::new(seed);
    world.make_key(key, scheme);
    world.set_policy("node-1", POLICY);
    world.until("the lease is back", |world| world.can_sign("node-1", key));
    world
}

#[test]
fn approvals_are_collected_and_a_rejection_ends_a_request() {
    let mut world = ready(2, "vault", Scheme::Bip340);
    let request = world.request("vault", &digest(1), "wallet-service");
    let id = world.file("node-1", &request, "wallet-service", None).unwrap().request;
    world.until_known(&id);
    world.until("it waits for alice and bob", |world| {
        let view = world.show("witness-1", &id);
        view.waiting_for
            .first()
            .is_some_and(|waiting| waiting.people.len() == 2 && waiting.needed == 2)
    });
    let refused = world.vote("node-1", &id, "ada", Verdict::Approve).unwrap_err();
    assert_eq!(refused.code, "vote_refused");
    world.vote("node-2", &id, "alice", Verdict::Approve).unwrap();
    world.pass(10);
    let twice = world.vote("node-2", &id, "alice", Verdict::Approve).unwrap_err();
    assert_eq!(twice.code, "vote_refused");
    world.until("every node has alice's approval", |world| {
        world.names().iter().all(|node| world.show(node, &id).approvals.len() == 1)
    });
    assert_eq!(world.show("node-3", &id).state, RequestState::Waiting);
    world.vote("node-3", &id, "bob", Verdict::Approve).unwrap();
    let view = world.until_state("node-1", &id, RequestState::Signed);
    assert_eq!(view.approvals.len(), 2);

    let request = world.request("vault", &digest(2), "wallet-service");
    let id = world.file("node-1", &request, "wallet-service", None).unwrap().request;
    world.vote("node-1", &id, "bob", Verdict::Reject).unwrap();
    world.until_state("node-3", &id, RequestState::Rejected);
    let late = world.vote("node-1", &id, "alice", Verdict::Approve).unwrap_err();
    assert_eq!(late.code, "request_ended");
}

#[test]
fn an_ecdsa_key_signs_over_pair_set_ups() {
    let mut world = ready(3, "treasury", Scheme::EcdsaSecp256k1);
    let request = world.request("treasury", &digest(3), "wallet-service");
    let id = world.file("node-3", &request, "wallet-service", None).unwrap().request;
    world.until_known(&id);
    world.vote("node-1", &id, "alice", Verdict::Approve).unwrap();
    world.vote("node-1", &id, "bob", Verdict::Approve).unwrap();
    let view = world.until_state("node-3", &id, RequestState::Signed);
    assert_eq!(view.signatures[0].signature.0.len(), 65);

    // A key on the other curve signs over the same set-ups, messages too.
    let pairs = |world: &World| -> Vec<Vec<u8>> {
        let rows = world.host("node-1").disk.iter().filter(|((table, _), _)| *table == Table::Pair);
        rows.map(|(_, row)| row.clone()).collect()
    };
    let before = pairs(&world);
    world.make_key("releases", Scheme::EcdsaP256);
    assert_eq!((before.len(), pairs(&world)), (2, before));
    let request = world.request("releases", &message("release 1.0"), "wallet-service");
    let id = world.file("node-2", &request, "wallet-service", None).unwrap().request;
    let view = world.until_state("node-2", &id, RequestState::Signed);
    assert_eq!(view.signatures[0].encoding, Encoding::Der);
    assert_eq!(view.signatures[0].public_key.0.len(), 33);

    let transaction = json!({"kind": "evm.message", "message": "0x00"});
    let denied = world.request("treasury", &transaction, "wallet-service");
    let id = world.file("node-1", &denied, "wallet-service", None).unwrap().request;
    let view = world.until_state("node-2", &id, RequestState::Denied);
    assert!(view.decisions.iter().all(|decision| !decision.rule.is_empty()));
}

#[test]
fn rqs_04_the_same_filing_is_the_same_request() {
    let mut world = ready(4, "ops", Scheme::Ed25519);
    let first = world.request("ops", &message("once"), "wallet-service");
    let again = world.request("ops", &message("once"), "wallet-service");
    let other = world.request("ops", &message("other"), "wallet-service");
    let who = "wallet-service";
    let id = world.file("node-1", &first, who, Some("k")).unwrap().request;
    assert_eq!(world.file("node-1", &first, who, Some("k")).unwrap().request, id);
    assert_eq!(world.file("node-1", &again, who, Some("k")).unwrap().request, id);
    assert_eq!(
        world.file("node-1", &other, who, Some("k")).unwrap_err().code,
        "idempotency_conflict"
    );
    let mine = world.file("node-1", &other, who, Some("l")).unwrap().request;
    assert_ne!(mine, id);
    world.until_state("node-2", &id, RequestState::Signed);
    world.stop("node-1");
    let node = world.id("node-1");
    world.start(node);
    assert_eq!(world.file("node-1", &again, who, Some("k")).unwrap().request, id);
}

#[test]
fn rqs_03_expiry_and_cancellation_are_final() {
    let mut world = ready(5, "vault", Scheme::Bip340);
    let request = world.request("vault", &digest(5), "wallet-service");
    let id = world.file("node-1", &request, "wallet-service", None).unwrap().request;
    assert_eq!(world.cancel("node-1", &id, "alice").unwrap_err().code, "vote_refused");
    assert_eq!(world.cancel("node-2", &id, "wallet-service").unwrap_err().code, "unknown_request");
    world.cancel("node-1", &id, "wallet-service").unwrap();
    world.until_state("node-2", &id, RequestState::Cancelled);
    let request = world.request("vault", &digest(6), "wallet-service");
    let id = world.file("node-1", &request, "wallet-service", None).unwrap().request;
    world.pass(601_000);
    for node in ["node-1", "node-2", "node-3", "witness-1"] {
        assert_eq!(world.show(node, &id).state, RequestState::Expired);
    }
    let late = world.file("node-1", &request, "wallet-service", None).unwrap();
    assert_eq!(late.state, RequestState::Expired);
}

/// NOD-01, RQS-04: a request is passed on before it is durable, but not where a repetition depends on
/// what this node kept.
#[test]
fn rqs_04_what_is_filed_under_an_idempotency_key_is_durable_before_others_hear_of_it() {
    let mut world = ready(15, "ops", Scheme::Ed25519);
    for (number, idempotency) in [None, Some("order-7")].into_iter().enumerate() {
        let request = world.request("ops", &message(&format!("{number}")), "wallet-service");
        let before = world.host("node-1").outputs.len();
        world.file("node-1", &request, "wallet-service", idempotency).unwrap();
        let outputs = &world.host("node-1").outputs[before..];
        let early = outputs.iter().map(|output| output.early);
        let peers = world.nodes().len() - 1;
        let expected = if idempotency.is_none() { peers } else { 0 };
        assert_eq!(early.sum::<usize>(), expected, "{idempotency:?}");
        // Nobody else may have heard of it.
        assert_eq!(outputs[0].barrier, Barrier::Full, "{idempotency:?}");
    }
}

/// SES-09: an outcome waits for other writes until somebody asks: that answer waits for it, the next
/// one for nothing.
#[test]
fn ses_09_nobody_is_told_of_an_outcome_that_is_not_durable() {
    let mut world = ready(14, "ops", Scheme::Ed25519);
    let request = world.request("ops", &message("told when it is kept"), "wallet-service");
    let id = world.file("node-1", &request, "wallet-service", None).unwrap().request;
    world.pass(3_000);
    for node in ["node-1", "node-2", "node-3", "witness-1"] {
        let mut waits = || {
            let before = world.host(node).outputs.len();
            assert_eq!(world.show(node, &id).state, RequestState::Signed);
            let outputs = world.host(node).outputs[before..].iter();
            outputs.map(|output| output.barrier).max()
        };
        let [first, second] = [waits(), waits()];
        assert_eq!([first, second], [Some(Barrier::Light), Some(Barrier::None)], "{node}");
    }
}

/// RQS-01, CER-07: nobody asks anything of a key that is not born.
#[test]
fn rqs_01_a_key_that_is_not_born_takes_no_request() {
    let mut world = World::new(12);
    world.set_policy("node-1", POLICY);
    let order = world.founding.key_order("ops", Scheme::Ed25519);
    world.enact("node-1", order);
    let request = world.request("ops", &message("too early"), "wallet-service");
    assert!(!world.can_sign("node-1", "ops"));
    let refused = world.file("node-1", &request, "wallet-service", None).unwrap_err();
    assert_eq!(refused.code, "key_not_ready");
    world.until("the key is born", |world| world.can_sign("node-1", "ops"));
    let id = world.file("node-1", &request, "wallet-service", None).unwrap().request;
    world.until_state("node-1", &id, RequestState::Signed);
}

/// RQS-05: what people withdrew is kept until it expires, and who withdraws too much waits for it.
#[test]
fn rqs_05_who_takes_back_too_much_is_told_to_wait() {
    let mut world = ready(13, "vault", Scheme::Bip340);
    let file = |world: &mut World, number: usize| {
        let byte = u8::try_from(number % 256).unwrap();
        let request = world.request("vault", &digest(byte), "wallet-service");
        world.file("node-1", &request, "wallet-service", None)
    };
    for number in 0..limits::WITHDRAWN_MAX {
        let id = file(&mut world, number).unwrap().request;
        world.cancel("node-1", &id, "wallet-service").unwrap();
    }
    assert_eq!(file(&mut world, 0).unwrap_err().code, "busy");
    world.pass(601_000);
    assert!(file(&mut world, 0).is_ok());
}

#[test]
fn one_dead_signer_is_tolerated_two_stop_signing_and_their_return_lets_it_go_on() {
    let mut world = ready(6, "ops", Scheme::Ed25519);
    world.stop("node-1");
    let request = world.request("ops", &message("with two"), "wallet-service");
    let id = world.file("node-2", &request, "wallet-service", None).unwrap().request;
    world.until_state("node-2", &id, RequestState::Signed);
    world.stop("node-2");
    let status = world.status("node-3");
    let line = &status.keys[0];
    assert!(!line.can_sign && line.missing.contains(&"node-1".to_owned()), "{line:?}");
    let request = world.request("ops", &message("with one"), "wallet-service");
    let id = world.file("node-3", &request, "wallet-service", None).unwrap().request;
    world.pass(120_000);
    let view = world.show("node-3", &id);
    assert_eq!(view.state, RequestState::Signing);
    assert_eq!(view.waiting_for[0].rule, "quorum");
    assert!(!world.status("node-3").leased);
    for node in ["node-1", "node-2"] {
        let node = world.id(node);
        world.start(node);
    }
    world.until_state("witness-1", &id, RequestState::Signed);
    world.until("all can sign", |world| {
        world.names().iter().all(|node| world.can_sign(node, "ops"))
    });
}

#[test]
fn a_power_cut_of_everything_loses_nothing() {
    let mut world = ready(7, "ops", Scheme::Ed25519);
    let request = world.request("ops", &message("before"), "wallet-service");
    let id = world.file("node-1", &request, "wallet-service", None).unwrap().request;
    let before = world.until_state("node-1", &id, RequestState::Signed);
    world.pass(2_000);
    let head = world.status("node-1").head;
    let names = world.names();
    for node in &names {
        world.stop(node);
    }
    for node in &names {
        let node = world.id(node);
        world.start(node);
    }
    world.until("all can sign", |world| names.iter().all(|node| world.can_sign(node, "ops")));
    assert_eq!(world.status("witness-1").head, head);
    assert_eq!(world.show("node-1", &id).signatures, before.signatures);
    let request = world.request("ops", &message("after"), "wallet-service");
    let id = world.file("node-3", &request, "wallet-service", None).unwrap().request;
    world.until_state("node-3", &id, RequestState::Signed);
}

#[test]
fn a_node_that_was_away_catches_up_with_entries_records_and_requests() {
    let mut world = World::new(8);
    world.make_key("ops", Scheme::Ed25519);
    world.stop("witness-1");
    world.set_policy("node-1", POLICY);
    let request = world.request("ops", &message("meanwhile"), "wallet-service");
    world.until("the lease is back", |world| world.can_sign("node-1", "ops"));
    let signed = world.file("node-1", &request, "wallet-service", None).unwrap().request;
    world.until_state("node-1", &signed, RequestState::Signed);
    let rejected = world.request("ops", &json!({"kind": "message", "message": "0x"}), "alice");
    let denied = world.file("node-2", &rejected, "alice", None).unwrap().request;
    world.until_state("node-2", &denied, RequestState::Denied);
    let witness = world.id("witness-1");
    world.start(witness);
    world.until("the witness is at the head", |world| {
        world.status("witness-1").head == world.status("node-1").head
    });
    let Ok(View::Key(key)) =
        world.call("witness-1", "auditor", "GET", &routes::key(&"ops".parse().unwrap()), b"")
    else {
        panic!("no key")
    };
    let ended = world.until_state("witness-1", &signed, RequestState::Signed);
    assert_eq!(ended.signatures.len(), 1);
    world.until_state("witness-1", &denied, RequestState::Denied);
    assert_eq!(key.state, KeyState::Active);
    assert_eq!(key.access.parties().len(), 3);
}

#[test]
fn lost_frames_cost_time_and_no_more() {
    let mut world = World::new(10);
    let mut count = 0_u64;
    // One frame of seven is lost, one comes twice, in no rhythm that rounds of gossip could have.
    world.wiretap = Some(Box::new(move |_, _, message| {
        count += 1;
        match Transcript::new(tag::TEST).number(count).digest().0[0] % 7 {
            0 => Vec::new(),
            3 => vec![message.clone(), message],
            _ => vec![message],
        }
    }));
    world.make_key("ops", Scheme::Ed25519);
    world.set_policy("node-3", POLICY);
    let request = world.request("ops", &message("through noise"), "wallet-service");
    let id = world.file("node-1", &request, "wallet-service", None).unwrap().request;
    world.until_state("node-1", &id, RequestState::Signed);
    // A channel that lost something has ended; a new one tells what ended meanwhile.
    for is_cut in [true, false] {
        for (one, other) in [("node-1", "node-3"), ("node-2", "node-3"), ("node-1", "witness-1")] {
            world.cut(one, other, is_cut);
        }
    }
    for node in world.names() {
        world.until_state(&node, &id, RequestState::Signed);
    }
}

/// SES-02: all order the same members, so one leads as soon as it knows a quorum, and nobody
/// waits for one that does not come. Frames and jobs take random times, so this is virtual time.
#[test]
fn ses_02_three_of_five_sign_without_waiting_for_a_leader() {
    let shape = Shape { signers: 5, witnesses: 0, faults: 1 };
    let mut world = World::of(35, shape);
    let tree = world.founding.some_of(3, 5);
    world.make_key_over("ops", Scheme::Ed25519, tree);
    world.set_policy("node-1", POLICY);
    world.until("all can sign", |world| {
        world.names().iter().all(|node| world.can_sign(node, "ops"))
    });
    world.slow = Some(Slow { frame_ms: 8, job_ms: 8 });
    let mut times = Vec::new();
    for number in 0..50 {
        let node = format!("node-{}", 1 + number % 5);
        let request = world.request("ops", &message(&format!("{number}")), "wallet-service");
        let began = world.now;
        let id = world.file(&node, &request, "wallet-service", None).unwrap().request;
        world.until_state(&node, &id, RequestState::Signed);
        times.push(world.now - began);
    }
    times.sort_unstable();
    println!("{times:?}");
    assert!(times[49] <= 2 * times[25], "{times:?}");
}

/// PAR-05: what a node says because it lacks its half is no reason to refuse who asks.
#[test]
fn par_05_set_ups_are_made_at_once_however_their_messages_cross() {
    let mut world = World::new(36);
    world.slow = Some(Slow { frame_ms: 30, job_ms: 30 });
    world
        .until("all take part", |world| world.names().iter().all(|node| world.status(node).leased));
    let order = world.founding.key_order("treasury", Scheme::EcdsaSecp256k1);
    let began = world.now;
    world.enact("node-1", order);
    world.until("all can sign", |world| {
        world.names().iter().all(|node| world.can_sign(node, "treasury"))
    });
    println!("{} ms", world.now - began);
    assert!(world.now - began < 5_000, "{} ms", world.now - began);
}
