//! Another machine in the seat of a node that was lost (GOV-60 to GOV-63).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_charter::{
    AbortStatement, Ask, AttemptOutcome, BallotBody, Decided, Instance, MotionBody, MotionError,
    SignedBallotMessage, SignedSeatClaim,
};
use quorate_client::contract::{RequestState, routes};
use quorate_codec::{Transcript, tag, to_bytes};
use quorate_engine::Backups;
use quorate_identity::{Head, KeyId, NodeId, NodeSecrets, NodeSignature, Scheme};
use quorate_machine::boot::BootError;
use quorate_machine::call::View;
use quorate_machine::durable::Table;
use quorate_machine::evidence::{Evidence, EvidenceFile};
use quorate_machine::handover::Handover;
use quorate_machine::wire::Message;
use quorate_testkit::custodians::Reduced;
use quorate_testkit::forged::Forged;
use quorate_testkit::founding::{Shape, name};
use quorate_testkit::keys::{
    FIVE, epochs, kept, key, record, refresh, sign, until_epoch, until_made, with_ops,
};
use quorate_testkit::seats::{Claimant, add_shares};
use quorate_testkit::world::World;
use serde_json::json;

const TREE: &str = "2 of (node-1, node-2, node-3)";

/// GOV-60 to GOV-62: custodians give a node's shares back, to another machine; it signs with one
/// other, and all shares that the lost machine knew are over as soon as all are there.
#[test]
fn a_lost_node_is_restored_to_its_seat_and_signs() {
    let (mut world, id) = with_ops(60, Shape::default(), TREE, 1);
    let lost = world.host("node-3").disk.clone();
    let claimant = Claimant::of(&mut world, "node-3");
    world.enact("node-1", claimant.motion());
    let seat = world.state("node-1").seat(&world.id("node-3")).unwrap().clone();
    assert_eq!(&seat.claim, claimant.claim.body());
    // Another one is away: with what the lost machine knew, it could sign now.
    world.stop("node-2");
    claimant.take(&mut world, "node-1", true);
    assert_eq!(kept(&world, "node-3", id), [0]);
    world.until("it is back", |world| world.can_sign("node-3", "ops"));
    sign(&mut world, "node-3", "restored");
    let stolen = (Table::Share, shares_row(&world, id, 0));
    assert_eq!(lost[&stolen], world.host("node-3").disk[&stolen], "the very same shares");
    // No order is needed for what follows.
    let node_2 = world.id("node-2");
    world.start(node_2);
    until_epoch(&mut world, 1);
    world.until("old shares are destroyed", |world| {
        ["node-1", "node-2", "node-3"].iter().all(|node| kept(world, node, id) == [1])
    });
    sign(&mut world, "node-1", "with new shares");
    assert_eq!(key(&mut world, "node-3").backup, "proven");
    let is_notice = |alarm: &String| alarm.contains("(seat-give) took effect at once");
    for node in world.names() {
        let alarms = &world.host(&node).alarms;
        assert!(alarms.iter().all(is_notice), "{node}: {alarms:?}");
    }
}

fn shares_row(world: &World, key: quorate_identity::KeyId, epoch: u64) -> Vec<u8> {
    let rows = world.host("node-1").disk.keys().filter(|(table, _)| *table == Table::Share);
    let of = [key.as_ref() as &[u8], &epoch.to_be_bytes()].concat();
    rows.map(|(_, row)| row.clone()).find(|row| row.starts_with(&of)).unwrap()
}

/// GOV-62: where the others can deal, no custodian is needed.
#[test]
fn a_machine_without_shares_takes_a_seat_and_gets_them_from_the_others() {
    let (mut world, id) = with_ops(61, Shape::default(), TREE, 1);
    let ecdsa = world.make_key("treasury", Scheme::EcdsaSecp256k1);
    let claimant = Claimant::of(&mut world, "node-3");
    world.enact("node-1", claimant.motion());
    claimant.take(&mut world, "node-2", false);
    until_epoch(&mut world, 1);
    world.until("both keys are shared anew", |world| {
        [id, ecdsa].iter().all(|key| kept(world, "node-3", *key) == [1])
    });
    world.stop("node-1");
    sign(&mut world, "node-3", "with new shares");
    assert!(world.can_sign("node-3", "treasury"), "pairs are set up anew");
    let made = record(&mut world, "node-2");
    assert_eq!(made.plan.epoch, 1);
}

/// GOV-63: parts that come once the machine is in its seat still give it its shares, as long as no
/// other epoch was made; of one that is over they give nothing.
#[test]
fn shares_may_follow_to_a_machine_in_its_seat() {
    let (mut world, id) = with_ops(67, Shape::default(), TREE, 1);
    let claimant = Claimant::of(&mut world, "node-3");
    world.enact("node-1", claimant.motion());
    world.stop("node-2");
    let before = world.host("node-1").disk.clone();
    claimant.take(&mut world, "node-1", false);
    world.until("it is back", |world| world.can_sign("node-1", "ops"));
    assert!(kept(&world, "node-3", id).is_empty());
    assert_eq!(add_shares(&mut world, "node-3", "node-1"), [id].into());
    assert_eq!(kept(&world, "node-3", id), [0]);
    assert!(add_shares(&mut world, "node-3", "node-1").is_empty(), "it has them");
    world.until("both are there", |world| world.can_sign("node-3", "ops"));
    sign(&mut world, "node-3", "with what followed");
    let node_2 = world.id("node-2");
    world.start(node_2);
    until_epoch(&mut world, 1);
    world.until("old shares are destroyed", |world| kept(world, "node-3", id) == [1]);
    // The same parts again: their epoch is over.
    world.host_mut("node-1").disk = before;
    assert!(add_shares(&mut world, "node-3", "node-1").is_empty());
    assert_eq!(kept(&world, "node-3", id), [1]);
}

/// GOV-61: what an earlier certificate rests on stays verifiable after the seat was given away, at
/// nodes that start again and at the machine that takes it.
#[test]
fn records_of_before_hold_under_the_keys_of_then() {
    let (mut world, id) = with_ops(62, Shape::default(), TREE, 1);
    world.enact("node-1", refresh());
    until_epoch(&mut world, 1);
    // Node-2 is one of the two, whose decision the receipt has.
    world.stop("node-3");
    let message = json!({"kind": "message", "message": "0x0102"});
    let request = world.request("ops", &message, "wallet-service");
    let early = world.file("node-1", &request, "wallet-service", None).unwrap().request;
    world.until_state("node-1", &early, RequestState::Signed);
    let node_3 = world.id("node-3");
    world.start(node_3);
    let claimant = Claimant::of(&mut world, "node-2");
    world.enact("node-1", claimant.motion());
    for node in ["node-1", "node-3", "witness-1"] {
        let id = world.id(node);
        world.stop(node);
        world.start(id);
    }
    world.until("they are back", |world| world.can_sign("node-1", "ops"));
    sign(&mut world, "node-1", "two are enough");
    claimant.take(&mut world, "node-3", true);
    until_made(&mut world, 2);
    // What a former key signed is still shown and proven, as a file too.
    let view = world.call("node-1", "auditor", "GET", &routes::receipt(&early), b"");
    let Ok(View::Receipt(answer)) = view else { panic!("{view:?}") };
    quorate_receipt::verify(&answer.receipt.0, &world.founding.hash).unwrap();
    for epoch in [1, 2] {
        let target = routes::handover(&name("ops"), Some(epoch));
        let view = world.call("node-1", "auditor", "GET", &target, b"");
        let Ok(View::Handover(answer)) = view else { panic!("{view:?}") };
        let report = Handover::verify(&answer.file.0, &world.founding.hash).unwrap();
        assert_eq!(report.epoch, epoch);
    }
    assert_eq!(kept(&world, "node-2", id).last(), Some(&2));
    assert!(!epochs(&mut world, "node-2").is_empty());
}

/// A decision that ends an attempt at `ops`, with these voters' precommits. The word of the member
/// that gives it up is said to be from this head.
fn voided(
    world: &World,
    (key, epoch): (KeyId, u64),
    at: Head,
    voters: &[(NodeId, NodeSecrets)],
) -> Message {
    let genesis = world.founding.hash;
    let (member, signature) = (voters[0].0, NodeSignature([7; 64]));
    let abort = AbortStatement { node: member, head: at, signature };
    let value = to_bytes(&AttemptOutcome::Void { attempt: 0, abort });
    let digest = Transcript::new(tag::DECISION_VALUE).part(&value).digest();
    let instance = Instance::Attempt { key, epoch, attempt: 0, era: 0 };
    let precommit = |(node, secrets): &(NodeId, NodeSecrets)| {
        let body = BallotBody::Precommit(Some(digest));
        let sign = |tag, bytes: &[u8]| secrets.sign(tag, bytes);
        let vote = SignedBallotMessage::sign(genesis, instance, 0, *node, body, &sign);
        (*node, *vote.signature())
    };
    let certificate = voters.iter().map(precommit).collect();
    Message::Decided(Decided { version: 1, genesis, instance, ballot: 0, value, certificate })
}

/// AGR-11, GOV-61: a quorum that needs a former key decides nothing about what came after the next
/// epoch, whatever head it names: neither against what is known, nor anew. The same quorum under keys
/// of now does.
#[test]
fn neg_057_former_keys_decide_nothing_once_an_epoch_was_made_without_them() {
    let (mut world, id) = with_ops(65, FIVE, "3 of (node-1, node-2, node-3, node-4, node-5)", 1);
    let former = world.founding.nodes[&world.id("node-4")].secrets();
    let ordered_at = world.state("node-1").key(&id).unwrap().entry;
    let claimant = Claimant::of(&mut world, "node-4");
    world.enact("node-1", claimant.motion());
    claimant.take(&mut world, "node-1", true);
    until_epoch(&mut world, 1);
    let own = |world: &World, node: &str| {
        let id = world.id(node);
        (id, world.founding.nodes[&id].secrets())
    };
    let others = ["node-2", "node-3", "node-5"].map(|node| own(&world, node));
    let with = |fourth: (NodeId, NodeSecrets)| {
        let others = others
            .iter()
            .map(|(id, secrets)| (*id, NodeSecrets::from_bytes(&secrets.to_bytes()).unwrap()));
        others.chain([fourth]).collect::<Vec<_>>()
    };
    let (node_1, node_2, node_4) = (world.id("node-1"), world.id("node-2"), world.id("node-4"));
    let now = world.state("node-1").head();
    let voids = |world: &World| {
        let row = [b"v", id.as_ref() as &[u8]].concat();
        world.host("node-1").disk.contains_key(&(Table::EpochRecord, row))
    };
    // Of an attempt to come, and of the one that made the newest epoch.
    for (epoch, head) in [(2, ordered_at), (2, now), (1, ordered_at)] {
        let again = NodeSecrets::from_bytes(&former.to_bytes()).unwrap();
        let forged = voided(&world, (id, epoch), head, &with((node_4, again)));
        world.inject(node_2, node_1, &forged);
        world.pass(100);
        assert!(!voids(&world), "epoch {epoch}");
        let node = world.host("node-1").node.as_ref().unwrap();
        assert_eq!(node.abstains(), None, "it did not halt");
    }
    let heir = own(&world, "node-4");
    let real = voided(&world, (id, 2), now, &with(heir));
    world.inject(node_2, node_1, &real);
    world.until("it counts", |world| voids(world));
}

/// GOV-61, BLM-07: what the former machine signed accuses nobody, in a node and as a file; what the
/// machine of now signs accuses it.
#[test]
fn neg_094_nobody_is_accused_by_former_keys() {
    let (mut world, _) = with_ops(66, FIVE, TREE, 0);
    let node_2 = world.id("node-2");
    let former = world.founding.nodes[&node_2].secrets();
    let plan = record(&mut world, "node-1").plan;
    let claimant = Claimant::of(&mut world, "node-2");
    world.enact("node-1", claimant.motion());
    let heir = world.founding.nodes[&node_2].secrets();
    let evidence =
        |by: &NodeSecrets| -> Evidence { Forged::twice(1, plan.clone(), node_2, by).read() };
    let state = world.state("node-1");
    let proofs = || Backups::of::<Reduced>();
    assert!(evidence(&former).verify(&state, proofs()).is_err());
    assert_eq!(evidence(&heir).verify(&state, proofs()).unwrap().culprits, [node_2]);
    let told = |world: &mut World, by: &NodeSecrets| {
        let message = Message::Evidence(Box::new(evidence(by)));
        let (from, to) = (world.id("node-3"), world.id("node-1"));
        world.inject(from, to, &message);
        world.pass(1_000);
        quorate_testkit::keys::evidence(world, "node-1")
    };
    assert!(told(&mut world, &former).is_empty());
    let kept = told(&mut world, &heir);
    assert_eq!(kept.len(), 1);
    let target = routes::evidence(&kept[0].evidence);
    let view = world.call("node-1", "auditor", "GET", &target, b"");
    let Ok(View::Evidence(answer)) = view else { panic!("{view:?}") };
    let verified = EvidenceFile::verify(&answer.file.0, &world.founding.hash, proofs());
    assert_eq!(verified.unwrap().0.culprits, [node_2]);
}

/// GOV-61: the machine that was lost turns up again. It learns that it is nobody any more and stops
/// for good; while it does not learn it, nobody listens to it.
#[test]
fn neg_019_the_former_machine_is_nobody() {
    let (mut world, id) = with_ops(63, Shape::default(), TREE, 1);
    let lost = world.host("node-3").disk.clone();
    let secrets = |world: &World| world.founding.nodes[&world.id("node-3")].secrets().public();
    let former = secrets(&world);
    let claimant = Claimant::of(&mut world, "node-3");
    assert_ne!(former, secrets(&world));
    world.enact("node-1", claimant.motion());
    let entered = world.state("node-1").position();
    // It never saw the entry, and cannot start under keys that are not in its charter.
    world.host_mut("node-3").disk = lost;
    let node_3 = world.id("node-3");
    let refused = world.try_start(node_3);
    assert!(matches!(refused, Err(BootError::NotNamed)), "a machine with other keys: {refused:?}");
    // With its own it starts, and is shown the entry.
    world.founding.restore_founding_keys(&node_3);
    world.start(node_3);
    world.until("it learns of the entry", |world| {
        world.host("node-3").node.as_ref().is_some_and(|node| node.abstains().is_some())
    });
    assert_eq!(world.state("node-3").position(), entered);
    let status = world.status("node-3");
    assert!(serde_json::to_string(&status).unwrap().contains("another machine"), "{status:?}");
    world.stop("node-3");
    assert!(matches!(world.try_start(node_3), Err(BootError::NotNamed)));
    assert_eq!(kept(&world, "node-1", id), [0], "nothing is shared anew with it");
}

/// GOV-60: a claim is refused for another seat or domain, for keys that somebody has or had, when it
/// is not signed by those keys, and when custodians could not read it.
#[test]
fn neg_027_claims_that_do_not_hold_are_refused() {
    let (mut world, _) = with_ops(64, FIVE, TREE, 0);
    let former = world.founding.nodes[&world.id("node-4")].secrets();
    let claimant = Claimant::of(&mut world, "node-4");
    let claim = claimant.claim.body().clone();
    let secrets = world.founding.nodes[&world.id("node-4")].secrets();
    let refused = |world: &mut World, called: &str, claim: SignedSeatClaim| {
        let state = world.state("node-1");
        let body = MotionBody::SeatGive { name: name(called), claim };
        let motion = world.founding.motion(
            &state,
            body,
            quorate_codec::Digest([7; 32]),
            world.now + 1_000,
            &["ada", "ben"],
        );
        state.check_motion(&motion, world.now).map(|_| ()).unwrap_err()
    };
    let signed = |change: &dyn Fn(&mut quorate_charter::SeatClaim)| {
        let mut claim = claim.clone();
        change(&mut claim);
        SignedSeatClaim::sign(claim, &secrets)
    };
    let node_1 = world.id("node-1");
    let is = |error: &MotionError, text: &str| {
        assert!(error.to_string().contains(text), "{error}");
    };
    is(&refused(&mut world, "node-5", signed(&|_| {})), "not for the seat of a node node-5");
    is(&refused(&mut world, "node-4", signed(&|it| it.node = node_1)), "not for the seat");
    let elsewhere = quorate_identity::GenesisHash(quorate_codec::Digest([9; 32]));
    is(&refused(&mut world, "node-4", signed(&|it| it.genesis = elsewhere)), "another domain");
    let own = world.founding.nodes[&node_1].secrets();
    let keys = own.public();
    is(&refused(&mut world, "node-4", signed(&|it| it.keys = keys)), "does not verify");
    let as_node_1 = SignedSeatClaim::create(
        claim.genesis,
        claim.node,
        claim.arrival.clone(),
        claim.asks.clone(),
        &own,
    );
    is(&refused(&mut world, "node-4", as_node_1), "somebody's");
    is(&refused(&mut world, "node-4", signed(&|it| it.arrival.clear())), "asks of custodians");
    let twice = Ask { key: claim.asks[0].key, challenge: vec![0; 32] };
    let again = signed(&|it| it.asks.insert(0, twice.clone()));
    is(&refused(&mut world, "node-4", again), "asks of custodians");
    // What cannot be read is found by nodes, who know curves.
    let garbage = signed(&|it| it.arrival = vec![1; 40]);
    let body = MotionBody::SeatGive { name: name("node-4"), claim: garbage };
    let filed = world.try_file_motion("node-1", body);
    assert!(format!("{filed:?}").contains("asks of custodians"), "{filed:?}");

    // Once it is there, nobody's keys come back: neither those of now nor those of before.
    world.enact("node-1", claimant.motion());
    is(&refused(&mut world, "node-4", signed(&|_| {})), "somebody's");
    let back = SignedSeatClaim::create(
        claim.genesis,
        claim.node,
        claim.arrival.clone(),
        claim.asks.clone(),
        &former,
    );
    is(&refused(&mut world, "node-4", back), "somebody's");
}
