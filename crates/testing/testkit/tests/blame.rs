//! What nodes prove about each other when a dealing fails, and what they do not (`spec/blame.md`).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

use quorate_access::Tree;
use quorate_charter::{EpochRecord, MotionBody};
use quorate_client::contract::{EvidenceView, RequestState, routes};
use quorate_codec::Digest;
use quorate_identity::{GenesisHash, KeyId, Name, NodeId, Scheme};
use quorate_keygen::{Message1, Message2};
use quorate_machine::call::View;
use quorate_machine::durable::Table;
use quorate_machine::evidence::EvidenceFile;
use quorate_machine::wire::{DealMessage, DealStep, Message};
use quorate_testkit::founding::{POLICY, Shape, name};
use quorate_testkit::liar::{Complaint, Liar, first, round, second};
use quorate_testkit::world::World;
use serde_json::json;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

const FIVE: Shape = Shape { signers: 5, witnesses: 0, faults: 1 };
const SEED: u64 = 94;

/// A domain with the key ops over the first three signers, any two of whom are enough.
fn ready() -> (World, KeyId) {
    let mut world = World::of(SEED, FIVE);
    let access: Tree<Name> = "2 of (node-1, node-2, node-3)".parse().unwrap();
    let access = access.map(|node| world.id(node.as_str()));
    let scheme = Scheme::Ed25519;
    world.enact("node-1", MotionBody::KeyCreate { name: name("ops"), scheme, access, faults: 0 });
    world.until("the key is active", |world| {
        world.names().iter().all(|node| world.can_sign(node, "ops"))
    });
    world.set_policy("node-1", POLICY);
    let id = world.state("node-1").key_named(&name("ops")).unwrap().key;
    (world, id)
}

fn epoch_of(world: &mut World, node: &str) -> u64 {
    let view = world.call(node, "auditor", "GET", &routes::key(&name("ops")), b"");
    let Ok(View::Key(view)) = view else { panic!("no key: {view:?}") };
    view.epoch
}

fn refresh(world: &mut World) {
    world.enact("node-1", MotionBody::KeyRefresh { name: name("ops") });
    world.until("the next epoch is made", |world| {
        world.names().iter().all(|node| epoch_of(world, node) == 1)
    });
}

fn sign(world: &mut World, text: &str) {
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let message = json!({"kind": "message", "message": format!("0x{digits}")});
    let request = world.request("ops", &message, "wallet-service");
    let id = world.file("node-1", &request, "wallet-service", None).unwrap().request;
    world.until_state("node-1", &id, RequestState::Signed);
}

fn evidence(world: &mut World, node: &str) -> Vec<EvidenceView> {
    let view = world.call(node, "auditor", "GET", routes::EVIDENCE_LIST.path, b"");
    let Ok(View::EvidenceList(views)) = view else { panic!("no evidence: {view:?}") };
    views
}

fn file(world: &mut World, node: &str, evidence: &Digest) -> Vec<u8> {
    let view = world.call(node, "auditor", "GET", &routes::evidence(evidence), b"");
    let Ok(View::Evidence(answer)) = view else { panic!("no evidence: {view:?}") };
    answer.file.0
}

fn record(world: &mut World) -> EpochRecord {
    let view = world.call("node-1", "auditor", "GET", &routes::epoch_record(&name("ops")), b"");
    let Ok(View::EpochRecord(answer)) = view else { panic!("no record: {view:?}") };
    let decided: quorate_charter::Decided = quorate_codec::from_bytes(&answer.record.0).unwrap();
    match quorate_codec::from_bytes(&decided.value).unwrap() {
        quorate_charter::AttemptOutcome::Commit { record, .. } => {
            quorate_codec::from_bytes(&record).unwrap()
        }
        quorate_charter::AttemptOutcome::Void { .. } => panic!("a void attempt made an epoch"),
    }
}

/// Who deals in the first attempt at a refresh, and who does not: the same in every world of this
/// seed.
fn roles() -> (String, String, String) {
    let (mut world, _) = ready();
    refresh(&mut world);
    let plan = record(&mut world).plan;
    assert_eq!(plan.attempt, 0);
    let named = |node: &NodeId| world.founding.nodes[node].name.to_string();
    let dealers: Vec<String> = plan.dealers.iter().map(named).collect();
    let other = plan.committee.iter().map(named).find(|node| !dealers.contains(node));
    (dealers[0].clone(), dealers[1].clone(), other.unwrap())
}

/// A refresh in which `change` rewrites the steps of one node in the first attempts, for each
/// receiver, nothing where they stay; returns what came of it.
fn refresh_with(
    liar: &str,
    mut change: impl FnMut(NodeId, &DealMessage) -> Option<DealStep> + 'static,
) -> World {
    let (mut world, _) = ready();
    let lies = Liar::new(&world, liar);
    world.wiretap = Some(Box::new(move |from, to, message| match &message {
        Message::Deal(deal) if from == lies.node && deal.epoch == 1 && deal.attempt == 0 => {
            vec![change(to, deal).map_or(message.clone(), |step| lies.saying(deal, step))]
        }
        _ => vec![message],
    }));
    refresh(&mut world);
    world
}

/// Every honest node proves exactly this of the liar, a file of it convinces anybody, the epoch is
/// made by others, and the key signs.
fn only(world: &mut World, liar: &str, what: &[&str]) {
    let genesis = world.founding.hash;
    for node in world.names().into_iter().filter(|node| node != liar) {
        let views = evidence(world, &node);
        let found: BTreeSet<&str> = views.iter().map(|view| view.what.as_str()).collect();
        assert_eq!(found, what.iter().copied().collect(), "{node}: {views:?}");
        for view in views {
            assert_eq!(view.culprits, [name(liar)], "{node}");
            assert_eq!(view.place, "attempt 0 at epoch 1");
            let bytes = file(world, &node, &view.evidence);
            let (finding, id, _) = EvidenceFile::verify(&bytes, &genesis).unwrap();
            assert_eq!(finding.culprits, [world.id(liar)]);
            assert_eq!(id, view.evidence);
            let other = GenesisHash(Digest([7; 32]));
            assert!(EvidenceFile::verify(&bytes, &other).is_err());
        }
    }
    let plan = record(world).plan;
    assert!(!plan.participants().contains(&world.id(liar)), "the liar is left out");
    assert_eq!(plan.attempt, 1, "and the next attempt makes it");
    sign(world, "all the same");
}

/// BLM-04, BLM-05, DEAL-20: a receiver of a bad share proves it to everybody; nodes that take no part
/// are shown it too.
#[test]
fn neg_094_a_bad_share_convicts_its_dealer_everywhere() {
    let (liar, ..) = roles();
    let mut world = refresh_with(&liar, |_, deal| {
        let mut lie: Message2 = second(&deal.step)?;
        for sealed in &mut lie.dealing.as_mut()?.sealed {
            sealed.0[40] ^= 1;
        }
        Some(round(2, &lie))
    });
    only(&mut world, &liar, &["a bad share"]);
}

/// BLM-03, DEAL-21, DEAL-22: a dealer that tells one receiver another dealing is convicted by the two.
#[test]
fn neg_025_two_dealings_convict_their_dealer() {
    let (liar, one, _) = roles();
    let (probe, _) = ready();
    let one = probe.id(&one);
    let mut world = refresh_with(&liar, move |to, deal| {
        let mut lie: Message2 = second(&deal.step).filter(|_| to == one)?;
        for sealed in &mut lie.dealing.as_mut()?.sealed {
            sealed.0[40] ^= 1;
        }
        Some(round(2, &lie))
    });
    let twice = "two messages in one place of a dealing";
    only(&mut world, &liar, &["a bad share", twice]);
}

/// BLM-03, DEAL-21: who tells participants different first messages makes echoes differ; what they
/// show each other convicts it, and nobody whose echo differs.
#[test]
fn neg_025_two_first_messages_convict_their_author() {
    let (_, one, liar) = roles();
    let (probe, _) = ready();
    let one = probe.id(&one);
    let mut world = refresh_with(&liar, move |to, deal| {
        let mut lie: Message1 = first(&deal.step).filter(|_| to == one)?;
        lie.sid = Digest([7; 32]);
        Some(round(1, &lie))
    });
    only(&mut world, &liar, &["two messages in one place of a dealing"]);
}

/// BLM-05, DEAL-25: what everybody sees to be no dealing is proven by all messages of the run, to
/// those who had no part in it as well.
#[test]
fn neg_007_what_is_no_dealing_convicts_its_dealer_everywhere() {
    let (liar, ..) = roles();
    type Lie = fn(&DealMessage) -> Option<DealStep>;
    let lies: [Lie; 5] = [
        |deal| {
            let mut lie = first(&deal.step)?;
            lie.commitment = None;
            Some(round(1, &lie))
        },
        |deal| {
            let mut lie = first(&deal.step)?;
            lie.seal_keys[0].0 = [0; 32];
            Some(round(1, &lie))
        },
        |deal| {
            let mut lie = second(&deal.step)?;
            lie.dealing.as_mut()?.opening = Digest([7; 32]);
            Some(round(2, &lie))
        },
        |deal| {
            let mut lie = second(&deal.step)?;
            let _ = lie.dealing.as_mut()?.commitments[0].pop();
            Some(round(2, &lie))
        },
        |deal| match &deal.step {
            DealStep::Round { number: 2, .. } => {
                Some(DealStep::Round { number: 2, bytes: vec![0x80] })
            }
            _ => None,
        },
    ];
    for lie in lies {
        let mut world = refresh_with(&liar, move |_, deal| lie(deal));
        only(&mut world, &liar, &["a message that is no dealing"]);
    }
}

/// BLM-05, DEAL-16: PREPARED with proofs that do not hold convicts who signed it.
#[test]
fn neg_093_proofs_that_do_not_hold_convict_who_signed_them() {
    let (_, _, liar) = roles();
    let mut world = refresh_with(&liar, |_, deal| match &deal.step {
        DealStep::Prepared { record, leaf_proofs } => {
            let mut leaf_proofs = leaf_proofs.clone();
            let last = leaf_proofs.len() - 1;
            leaf_proofs[last] ^= 1;
            Some(DealStep::Prepared { record: record.clone(), leaf_proofs })
        }
        _ => None,
    });
    only(&mut world, &liar, &["proofs of new shares that do not hold"]);
}

/// BLM-04, DEAL-20: a false complaint convicts whoever makes it and costs the honest dealer nothing.
#[test]
fn neg_094_a_false_complaint_convicts_the_complainer_everywhere() {
    let (honest, _, liar) = roles();
    // In the place of its word PREPARED it complains.
    let heard: Rc<RefCell<Option<Vec<u8>>>> = Rc::default();
    let (mut world, _) = ready();
    let (lies, dealer) = (Liar::new(&world, &liar), world.id(&honest));
    let seen = Rc::clone(&heard);
    world.wiretap = Some(Box::new(move |from, _, message| {
        let Message::Deal(deal) = &message else { return vec![message] };
        if (deal.epoch, deal.attempt) != (1, 0) {
            return vec![message];
        }
        if from == dealer
            && let DealStep::Round { number: 2, bytes } = &deal.step
        {
            *seen.borrow_mut() = Some(bytes.clone());
        }
        match (&deal.step, seen.borrow().as_ref()) {
            (DealStep::Prepared { .. }, Some(bytes)) if from == lies.node => {
                let complaint = Complaint::about(dealer, bytes, [7; 32]);
                vec![lies.saying(deal, complaint.step())]
            }
            _ => vec![message],
        }
    }));
    refresh(&mut world);
    only(&mut world, &liar, &["a false complaint about a share"]);
}
