//! Requests under child keys, at nodes: every node derives for itself, and who proposes otherwise is
//! refused.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has failed"
)]

use quorate_charter::{AttemptOutcome, Decided, EpochRecord};
use quorate_client::contract::{RequestState, RequestView, routes};
use quorate_derivation::{HARDENED, derive_encoded};
use quorate_identity::{RequestId, Scheme};
use quorate_machine::call::View;
use quorate_machine::wire::{Message, SessionMessage, SessionStep, Terms};
use quorate_policy::request::Verdict;
use quorate_testkit::founding::POLICY;
use quorate_testkit::world::World;
use serde_json::{Value, json};

fn ready(seed: u64, key: &str, scheme: Scheme) -> World {
    let mut world = World::new(seed);
    world.make_key(key, scheme);
    world.set_policy("node-1", POLICY);
    world.until("all can sign", |world| world.names().iter().all(|node| world.can_sign(node, key)));
    world
}

fn message(text: &str) -> Value {
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    json!({"kind": "message", "message": format!("0x{digits}")})
}

fn digest(byte: u8) -> Value {
    json!({"kind": "raw.digest", "digest": format!("0x{}", format!("{byte:02x}").repeat(32))})
}

fn file_at(world: &mut World, key: &str, path: &[u32], intent: &Value) -> RequestView {
    let request = world.request_at(key, path.to_vec(), intent, "wallet-service");
    world.file("node-1", &request, "wallet-service", None).unwrap()
}

fn get(world: &mut World, node: &str, target: &str) -> View {
    world.call(node, "auditor", "GET", target, b"").unwrap()
}

/// The child key as somebody outside derives it, from the certified record alone.
fn outside(world: &mut World, key: &str, path: &str) -> Vec<u8> {
    let target = routes::epoch_record(&key.parse().unwrap());
    let View::EpochRecord(answer) = get(world, "node-1", &target) else {
        panic!("a record is asked for")
    };
    let decided: Decided = quorate_codec::from_bytes(&answer.record.0).unwrap();
    let AttemptOutcome::Commit { record, .. } = quorate_codec::from_bytes(&decided.value).unwrap()
    else {
        panic!("the key was made")
    };
    let record: EpochRecord = quorate_codec::from_bytes(&record).unwrap();
    let path = path.parse().unwrap();
    let account = record.account(0).unwrap();
    let point = &account.commitments[0];
    derive_encoded(record.plan.scheme, point, &account.chain_code.0, &path).unwrap().public_key
}

/// REQ-15, SES-01: the signature is the child's, for every scheme, and every node shows the same
/// path and key.
#[test]
fn a_quorum_signs_for_the_child_that_a_request_names() {
    let cases = [
        ("ops", Scheme::Ed25519, message("from a child")),
        ("vault", Scheme::Bip340, digest(1)),
        ("releases", Scheme::EcdsaP256, message("from a child")),
    ];
    for (key, scheme, intent) in cases {
        let mut world = ready(65, key, scheme);
        let filed = file_at(&mut world, key, &[0, 5], &intent);
        let id = filed.request;
        if scheme == Scheme::Bip340 {
            world.vote("node-1", &id, "alice", Verdict::Approve).unwrap();
            world.vote("node-1", &id, "bob", Verdict::Approve).unwrap();
        }
        let child = outside(&mut world, key, "m/0/5");
        for node in ["node-1", "node-2", "node-3"] {
            world.until_state(node, &id, RequestState::Signed);
            let view = world.show(node, &id);
            assert_eq!((view.path.as_str(), view.public_key.unwrap().0), ("m/0/5", child.clone()));
            assert_eq!(view.signatures[0].public_key.0, child);
        }
        let root = outside(&mut world, key, "m");
        assert_ne!(root, child);
        let target = routes::child_key(&key.parse().unwrap(), 0, &"m/0/5".parse().unwrap());
        let View::ChildKey(shown) = get(&mut world, "node-2", &target) else {
            panic!("a child is asked for")
        };
        assert_eq!((shown.public_key.0, shown.path.as_str()), (child, "m/0/5"));
    }
}

/// SES-03: a coordinator that proposes another path, or another key at the path, is refused by
/// every member, which computed both itself, before anything that depends on a share has left.
#[test]
fn neg_065_a_coordinator_that_proposes_another_child_is_refused() {
    type Change = fn(&mut Terms);
    let changes: [(&str, Change); 4] = [
        ("path", |terms| terms.path = vec![0, 6]),
        ("path", |terms| terms.path = Vec::new()),
        ("path", |terms| terms.path.push(HARDENED)),
        ("key at the path", |terms| terms.child_key[0] ^= 1),
    ];
    let mut world = ready(66, "ops", Scheme::Ed25519);
    for (number, (field, change)) in changes.into_iter().enumerate() {
        world.wiretap = Some(Box::new(move |_, _, mut message| {
            if let Message::Session(SessionMessage {
                step: SessionStep::Propose { terms, .. },
                ..
            }) = &mut message
            {
                change(terms);
            }
            vec![message]
        }));
        let id = file_at(&mut world, "ops", &[0, 5], &message(&format!("{number}"))).request;
        let before = rounds_sent(&world);
        let reason = refused(&mut world, &id);
        assert!(reason.ends_with(field), "{reason}");
        assert_eq!(rounds_sent(&world), before, "{field}");
        world.wiretap = None;
        world.until_state("node-1", &id, RequestState::Signed);
    }
}

/// DER-07: the extended key that a node shows is what wallets read; what it does not have it says.
#[test]
fn nodes_show_the_extended_form_of_keys_on_secp256k1() {
    let mut world = ready(68, "vault", Scheme::Bip340);
    let target = |network: &str| routes::xpub(&"vault".parse().unwrap(), 0, network);
    let View::Xpub(view) = get(&mut world, "node-3", &target("testnet")) else {
        panic!("an extended key is asked for")
    };
    assert!(view.xpub.starts_with("tpub") && view.descriptors.len() == 2);
    let mut fails = |target: &str| {
        let error = world.call("node-3", "auditor", "GET", target, b"").unwrap_err();
        error.code
    };
    assert_eq!(fails(&target("moon")), "bad_call");
    assert_eq!(fails("/v1/keys/vault/child?path=m/0'"), "bad_call");
    assert_eq!(fails("/v1/keys/nobody/child"), "unknown_key");
}

/// DER-01, REQ-04: at the door, with the reason.
#[test]
fn neg_065_hardened_and_endless_paths_are_not_taken() {
    let mut world = ready(67, "ops", Scheme::Ed25519);
    let mut file = |path: Vec<u32>| {
        let request = world.request_at("ops", path, &message("hardened"), "wallet-service");
        world.file("node-1", &request, "wallet-service", None).map(drop)
    };
    let error = file(vec![0, HARDENED + 44]).unwrap_err();
    assert!(error.message.contains("hardened (44')"), "{}", error.message);
    assert!(error.message.contains("private key"), "{}", error.message);
    assert!(file(vec![0; 9]).unwrap_err().message.contains("at most 8"));
    file(vec![0; 8]).unwrap();
}

fn refused(world: &mut World, id: &RequestId) -> String {
    let mut reason = None;
    world.until("a refusal", |world| {
        let names = world.names();
        let views = names.iter().filter_map(|node| world.find(node, id));
        reason = views.flat_map(|view| view.refusals).map(|refusal| refusal.reason).next();
        reason.is_some()
    });
    reason.unwrap()
}

fn rounds_sent(world: &World) -> usize {
    let outputs = ["node-1", "node-2", "node-3"].map(|node| &world.host(node).outputs);
    let messages = outputs.into_iter().flatten().flat_map(|output| &output.messages);
    let is_round = |message: &Message| {
        matches!(message, Message::Session(SessionMessage { step: SessionStep::Round { .. }, .. }))
    };
    messages.filter(|(_, message)| is_round(message)).count()
}
