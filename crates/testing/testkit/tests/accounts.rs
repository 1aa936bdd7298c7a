//! Keys with many accounts: dealt, decided, renewed and ended together, each with a secret of its
//! own, none of which signs for another.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

use quorate_charter::{AttemptOutcome, Decided, EpochRecord, MotionBody};
use quorate_client::contract::{KeyView, RequestState, RequestView, routes};
use quorate_identity::{KeyId, Scheme};
use quorate_machine::call::View;
use quorate_machine::durable::Table;
use quorate_machine::wire::{DealStep, Message, SessionMessage, SessionStep, Terms};
use quorate_policy::request::Verdict;
use quorate_testkit::founding::{POLICY, name};
use quorate_testkit::world::World;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const ACCOUNTS: u16 = 5;

/// A domain with a key of five accounts, and the policy.
fn ready(seed: u64, key: &str, scheme: Scheme) -> (World, KeyId) {
    let mut world = World::new(seed);
    let access = world.founding.two_of_three();
    let (name, faults, accounts) = (name(key), 1, ACCOUNTS);
    world.enact("node-1", MotionBody::KeyCreate { name, scheme, access, faults, accounts });
    world.set_policy("node-1", POLICY);
    world.until("all can sign", |world| world.names().iter().all(|node| world.can_sign(node, key)));
    let id = world.state("node-1").key_named(&self::name(key)).unwrap().key;
    (world, id)
}

fn message(text: &str) -> Value {
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    json!({"kind": "message", "message": format!("0x{digits}")})
}

fn digest(byte: u8) -> Value {
    json!({"kind": "raw.digest", "digest": format!("0x{}", format!("{byte:02x}").repeat(32))})
}

fn show(world: &mut World, node: &str, key: &str) -> KeyView {
    let view = world.call(node, "auditor", "GET", &routes::key(&name(key)), b"");
    let Ok(View::Key(view)) = view else { panic!("no key: {view:?}") };
    *view
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

fn file(world: &mut World, node: &str, key: &str, account: u16, intent: &Value) -> RequestView {
    let request = world.request_for(key, account, vec![0, 1], intent, "wallet-service");
    world.file(node, &request, "wallet-service", None).unwrap()
}

/// EPO-23: one decision makes all accounts; each is a key of its own, and each signs, as do its
/// children.
#[test]
fn every_account_is_a_key_of_its_own_and_signs() {
    let (mut world, id) = ready(1, "ops", Scheme::Ed25519);
    let record = record(&world, "node-2", id, 0);
    let keys: BTreeSet<_> = record.accounts.iter().map(|account| &account.public_key).collect();
    let codes: BTreeSet<_> = record.accounts.iter().map(|account| account.chain_code).collect();
    assert_eq!((keys.len(), codes.len()), (usize::from(ACCOUNTS), usize::from(ACCOUNTS)));
    let shown = show(&mut world, "node-3", "ops");
    assert_eq!(shown.accounts, ACCOUNTS);
    assert_eq!(shown.public_key.unwrap().0, record.accounts[0].public_key);
    for account in 0..ACCOUNTS {
        let filed = file(&mut world, "node-1", "ops", account, &message("from an account"));
        world.until_state("node-2", &filed.request, RequestState::Signed);
        let signed = world.show("node-2", &filed.request);
        assert_eq!(signed.account, account);
        let path = "m/0/1".parse().unwrap();
        let child = quorate_policy::child_at(&record, account, &path).unwrap();
        assert_eq!(signed.signatures[0].public_key.0, child.public_key);
        let target = routes::child_key(&name("ops"), account, &path);
        let Ok(View::ChildKey(view)) = world.call("node-3", "auditor", "GET", &target, b"") else {
            panic!("a child is asked for")
        };
        assert_eq!((view.account, view.public_key.0), (account, child.public_key));
    }
    let target = routes::child_key(&name("ops"), ACCOUNTS, &"m".parse().unwrap());
    let error = world.call("node-3", "auditor", "GET", &target, b"").unwrap_err();
    assert_eq!(error.code, "bad_call");
}

/// The same for ECDSA and BIP-340, whose sharings are on the other curve and whose sessions use
/// pairs.
#[test]
fn accounts_of_the_other_schemes_sign() {
    for (key, scheme) in [("treasury", Scheme::EcdsaSecp256k1), ("vault", Scheme::Bip340)] {
        let (mut world, id) = ready(2, key, scheme);
        let record = record(&world, "node-2", id, 0);
        for account in [0, ACCOUNTS - 1] {
            let filed = file(&mut world, "node-1", key, account, &digest(account as u8 + 1));
            for person in ["alice", "bob"] {
                world.vote("node-1", &filed.request, person, Verdict::Approve).unwrap();
            }
            world.until_state("node-1", &filed.request, RequestState::Signed);
            let signed = world.show("node-1", &filed.request);
            let path = "m/0/1".parse().unwrap();
            let child = quorate_policy::child_at(&record, account, &path).unwrap();
            assert_eq!(signed.signatures[0].public_key.0, child.public_key, "{scheme}");
        }
    }
}

/// EPO-23: a refresh renews the sharings of all accounts in one attempt and changes none of them; a
/// crash of every node in the middle leaves all in the same epoch.
#[test]
fn a_refresh_renews_all_accounts_and_keeps_them() {
    let (mut world, id) = ready(3, "ops", Scheme::Ed25519);
    let before = record(&world, "node-1", id, 0);
    world.enact("node-1", MotionBody::KeyRefresh { name: name("ops") });
    world.until("a node has committed", |world| show(world, "node-2", "ops").epoch == 1);
    for node in ["node-1", "node-2", "node-3"] {
        world.stop(node);
    }
    for node in world.nodes() {
        world.start(node);
    }
    world.until("all are in the epoch", |world| {
        world.names().iter().all(|node| show(world, node, "ops").epoch == 1)
    });
    let after = record(&world, "node-3", id, 1);
    assert!(after.continues(&before));
    for (before, after) in before.accounts.iter().zip(&after.accounts) {
        assert_ne!(before.commitments[1], after.commitments[1]);
    }
    for account in 0..ACCOUNTS {
        let filed = file(&mut world, "node-1", "ops", account, &message("after the refresh"));
        world.until_state("node-3", &filed.request, RequestState::Signed);
    }
}

/// N-65, SES-03: a coordinator that proposes another account is refused before anything that
/// depends on a share has left.
#[test]
fn neg_065_a_coordinator_that_proposes_another_account_is_refused() {
    let (mut world, id) = ready(4, "ops", Scheme::Ed25519);
    let other = record(&world, "node-1", id, 0).accounts[2].public_key.clone();
    type Change = Box<dyn Fn(&mut Terms)>;
    let changes: [(&str, Change); 2] = [
        ("account", Box::new(|terms| terms.account = 2)),
        ("key at the path", Box::new(move |terms| terms.child_key.clone_from(&other))),
    ];
    for (field, change) in changes {
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
        let filed = file(&mut world, "node-1", "ops", 1, &message(field));
        world.until("a member refuses", |world| {
            let nodes = ["node-1", "node-2", "node-3"];
            nodes.iter().any(|node| {
                let view = world.find(node, &filed.request);
                view.is_some_and(|view| {
                    view.refusals.iter().any(|refusal| refusal.reason.ends_with(field))
                })
            })
        });
        world.wiretap = None;
        world.until_state("node-1", &filed.request, RequestState::Signed);
    }
}

/// N-54, N-60: in a refresh a dealer that deals one account of many falsely is named, and nothing
/// changes for any account.
#[test]
fn neg_054_one_false_account_among_many_voids_the_attempt() {
    let (mut world, id) = ready(5, "ops", Scheme::Ed25519);
    let before = record(&world, "node-1", id, 0);
    let liar = world.id("node-1");
    let genesis = world.founding.state.genesis();
    let secrets = world.founding.nodes[&liar].secrets();
    world.wiretap = Some(Box::new(move |from, _, mut message| {
        if let Message::Deal(deal) = &mut message
            && from == liar
            && deal.attempt == 0
            && let DealStep::Round { number: 2, bytes } = &mut deal.step
            && bytes.len() > 500
        {
            // A point of some account.
            let middle = bytes.len() / 3;
            bytes[middle] ^= 1;
            let said = (&genesis, &deal.key, deal.epoch, deal.attempt, deal.context, &deal.step);
            let said = quorate_codec::to_bytes(&said);
            deal.signature = secrets.sign(quorate_codec::tag::DEAL_MESSAGE, &said);
        }
        vec![message]
    }));
    world.enact("node-2", MotionBody::KeyRefresh { name: name("ops") });
    world.until("the next attempt makes the epoch", |world| {
        world.names().iter().all(|node| show(world, node, "ops").epoch == 1)
    });
    let after = record(&world, "node-2", id, 1);
    assert!(after.plan.attempt > 0 || !after.plan.dealers.contains(&liar));
    assert!(after.continues(&before));
}
