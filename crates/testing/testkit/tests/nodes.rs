//! Nodes come and go, at nodes that deal, sign, crash and lag (GOV-64 to GOV-69, AGR-13).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_charter::{
    AttemptPlan, BallotBody, Hello, Incarnation, Instance, MotionBody, NodeChange, NodesChange,
    PeopleChange, Role, SignedBallotMessage, SignedHello, Standing,
};
use quorate_client::contract::{MotionState, MotionView, NodeStanding, RequestState, routes};
use quorate_codec::{Digest, tag};
use quorate_identity::{KeyId, MotionId, Scheme};
use quorate_machine::boot::{BootError, rejoin};
use quorate_machine::call::View;
use quorate_machine::wire::{DealStep, Message};
use quorate_policy::PolicyBundle;
use quorate_testkit::founding::{POLICY, Shape, name};
use quorate_testkit::keys::{
    FIVE, THREE_OF_FIVE, ceremony, kept, key, record, refresh, reshare, sign, until_epoch, with_ops,
};
use quorate_testkit::newcomer::{Newcomer, changes, revokes, stands};
use quorate_testkit::world::{World, records};
use serde_json::json;
use std::cell::Cell;
use std::rc::Rc;

const TREE: &str = "2 of (node-1, node-2, node-3)";
const AFTER: &str = "2 of (node-2, node-3, node-5)";

/// A fifth signer that votes.
fn with_five(seed: u64) -> (World, KeyId, Newcomer) {
    let (mut world, id) = with_ops(seed, Shape::default(), TREE, 1);
    let five = Newcomer::new(&mut world, "node-5", Role::Signer);
    world.enact("node-1", changes(five.admission(Standing::Votes)));
    five.arrive(&mut world, "node-2");
    world.until("it is one of them", |world| world.status("node-5").leased);
    (world, id, five)
}

fn shown(world: &mut World, node: &str, motion: &MotionId) -> MotionView {
    match world.call(node, "auditor", "GET", &routes::motion(motion), b"").unwrap() {
        View::Motion(view) => *view,
        other => panic!("no motion: {other:?}"),
    }
}

fn standing(world: &mut World, node: &str, of: &str) -> Option<NodeStanding> {
    let status = world.status(node);
    status.nodes.iter().find(|line| line.name == name(of)).map(|line| line.standing)
}

/// GOV-64, GOV-65: on probation a node follows; then it votes, gets shares by a reshare, and signs;
/// the one that it replaces is revoked, its shares are worth nothing and nobody hears it.
#[test]
fn a_node_joins_and_another_leaves() {
    let (mut world, id) = with_ops(70, Shape::default(), TREE, 1);
    let five = Newcomer::new(&mut world, "node-5", Role::Signer);
    world.enact("node-1", changes(five.admission(Standing::Waits)));
    five.arrive(&mut world, "node-3");
    world.enact("node-1", refresh());
    until_epoch(&mut world, 1);
    assert_eq!(standing(&mut world, "node-5", "node-5"), Some(NodeStanding::Waits));
    assert!(!world.status("node-5").leased && !world.can_sign("node-5", "ops"));
    assert_eq!(world.state("node-1").quorum(), 3);

    world.enact("node-2", stands("node-5", Standing::Votes));
    world.until("it votes", |world| world.status("node-5").leased);
    assert_eq!((world.state("node-5").voters().len(), world.state("node-5").quorum()), (5, 4));
    let order = reshare(&world, AFTER, 1);
    world.enact("node-5", order);
    until_epoch(&mut world, 2);
    assert_eq!(kept(&world, "node-5", id), [2]);
    world.enact("node-1", revokes("node-1"));
    assert!(world.host("node-1").alarms.iter().any(|text| text.contains("revoked this node")));
    world.stop("node-1");
    // What it had is worth nothing, and what it knew of others' set-ups neither.
    until_epoch(&mut world, 3);
    world.stop("node-2");
    sign(&mut world, "node-5", "without it");
    let node_2 = world.id("node-2");
    world.start(node_2);
    world.until("all are there", |world| world.can_sign("node-2", "ops"));
    let made = record(&mut world, "node-5");
    assert!(!made.plan.participants().contains(&world.id("node-1")));
    // Its own disk says so when it starts again.
    let refused = world.try_start(world.id("node-1"));
    assert!(matches!(refused, Err(BootError::NotNamed)), "{refused:?}");
}

/// NOD-05: records of more keys than fit one answer come one answer after the other, from all who have
/// them, and not one at each round of gossip.
#[test]
fn nod_05_records_that_do_not_fit_one_answer_are_asked_for_at_once() {
    let (mut world, _) = with_ops(72, Shape::default(), TREE, 1);
    world.pace.records_per_answer = 1;
    for node in ["node-1", "node-2", "node-3", "witness-1"] {
        let id = world.id(node);
        world.stop(node);
        world.start(id);
    }
    for key in ["first", "second", "third", "fourth", "fifth"] {
        let order = world.founding.key_order(key, Scheme::Ed25519);
        world.enact("node-1", order);
        world.until("it is made", |world| world.can_sign("node-1", key));
    }
    let five = Newcomer::new(&mut world, "node-5", Role::Signer);
    world.enact("node-1", changes(five.admission(Standing::Votes)));
    five.arrive(&mut world, "node-2");
    let arrived = world.now;
    world.until("it knows all of them", |world| {
        world.status("node-5").keys.iter().filter(|key| key.epoch.is_some()).count() == 6
    });
    assert!(world.now - arrived < world.pace.gossip_every_ms / 2, "{}", world.now - arrived);
    // Six keys, one an answer, of four peers; then nobody is asked for anything any more.
    let asked = |world: &World| {
        let outputs = world.host("node-5").outputs.iter();
        let messages = outputs.flat_map(|output| &output.messages);
        messages.filter(|(_, message)| matches!(message, Message::FetchRecords(_))).count()
    };
    let before = asked(&world);
    assert!((6..=24).contains(&before), "{before}");
    world.pass(3 * world.pace.gossip_every_ms);
    assert_eq!(asked(&world), before);
}

/// N-59, N-72: who was not admitted, who only waits, and who was revoked: none of them is heard.
#[test]
fn neg_059_strangers_and_those_who_left_are_not_heard() {
    let (mut world, _, _) = with_five(71);
    let stranger = Newcomer::new(&mut world, "node-6", Role::Signer);
    let (one, two) = (world.id("node-1"), world.id("node-2"));
    let says = |world: &World, who: &str| {
        let secrets = world.founding.nodes[&world.id(who)].secrets();
        let state = world.state("node-2");
        let hello = Hello {
            version: 1,
            genesis: state.genesis(),
            node: world.id(who),
            incarnation: Incarnation::first(Digest([7; 32])),
            head: state.head(),
            position: state.position(),
            highest_vote: state.position(),
            nonce: Digest([8; 32]),
            time_ms: world.now,
            program: quorate_testkit::world::program(quorate_testkit::world::VERSION),
        };
        let instance = Instance::Position(state.position() + 1);
        let sign = |tag, bytes: &[u8]| secrets.sign(tag, bytes);
        let vote = SignedBallotMessage::sign(
            state.genesis(),
            instance,
            0,
            world.id(who),
            BallotBody::Precommit(Some(Digest([1; 32]))),
            &sign,
        );
        [Message::Hello(SignedHello::sign(hello, &secrets)), Message::Ballot(vote)]
    };
    let check = |world: &World, who: &str| {
        let from = world.id(who);
        let state = world.state("node-2");
        says(world, who).map(|message| {
            let bytes = quorate_codec::to_bytes(&message);
            quorate_machine::ingress::check(&state, from, &bytes).is_ok()
        })
    };
    assert_eq!(check(&world, "node-1"), [true, true]);
    assert_eq!(check(&world, "node-6"), [false, false], "a coordinator's own node");
    // Passed on by a node that may speak, a stranger's vote is a stranger's.
    let [_, vote] = says(&world, "node-6");
    let state = world.state("node-2");
    let bytes = quorate_codec::to_bytes(&vote);
    assert!(quorate_machine::ingress::check(&state, one, &bytes).is_err());
    world.enact("node-2", changes(stranger.admission(Standing::Waits)));
    assert_eq!(check(&world, "node-6"), [true, false], "it waits");
    world.enact("node-2", revokes("node-1"));
    assert_eq!(check(&world, "node-1"), [false, false]);
    let [_, vote] = says(&world, "node-1");
    let state = world.state("node-2");
    let bytes = quorate_codec::to_bytes(&vote);
    assert!(quorate_machine::ingress::check(&state, two, &bytes).is_err());
}

/// NOD-05: frames that are on their way while the nodes change are nobody's. A node that missed a
/// request whole hears of it all the same, though it was signed long ago and no channel ended.
#[test]
fn nod_05_what_was_lost_while_the_nodes_changed_is_told_again() {
    let (mut world, _, _) = with_five(74);
    world.pass(2 * world.pace.gossip_every_ms);
    let late = world.id("node-3");
    world.wiretap = Some(Box::new(move |_, to, message| match message {
        Message::Request(_) | Message::Outcome(_) if to == late => Vec::new(),
        other => vec![other],
    }));
    let message = json!({"kind": "message", "message": "0x0102"});
    let request = world.request("ops", &message, "wallet-service");
    let id = world.file("node-1", &request, "wallet-service", None).unwrap().request;
    for node in world.names().iter().filter(|node| *node != "node-3") {
        world.until_state(node, &id, RequestState::Signed);
    }
    world.pass(1_000);
    world.wiretap = None;
    world.pass(4 * world.pace.gossip_every_ms);
    assert!(world.find("node-3", &id).is_none(), "what ended is told to who comes up alone");
    world.enact("node-1", stands("node-5", Standing::Waits));
    world.until_state("node-3", &id, RequestState::Signed);
}

/// GOV-65: a suspended node neither votes nor signs, keeps its shares, and does both again once it
/// is resumed.
#[test]
fn a_suspended_node_waits() {
    let (mut world, id, _) = with_five(72);
    world.enact("node-1", stands("node-3", Standing::Waits));
    world.until("it waits", |world| !world.status("node-3").leased);
    assert_eq!(world.state("node-2").quorum(), 3);
    assert_eq!(kept(&world, "node-3", id), [0]);
    sign(&mut world, "node-2", "without it");
    // Alone with it, node-2 signs nothing.
    world.stop("node-1");
    assert!(!world.can_sign("node-2", "ops"));
    let node_1 = world.id("node-1");
    world.start(node_1);
    world.until("it is back", |world| world.can_sign("node-1", "ops"));
    world.enact("node-1", stands("node-3", Standing::Votes));
    world.until("it votes again", |world| world.can_sign("node-3", "ops"));
    world.stop("node-1");
    sign(&mut world, "node-3", "with it");
}

/// GOV-66: nobody leaves while too few would be left of those who decide about a key; the motion
/// waits, says for what, and takes effect once the key was shared anew.
#[test]
fn a_revocation_waits_for_keys_that_are_behind() {
    let (mut world, id) = with_ops(73, FIVE, THREE_OF_FIVE, 1);
    let six = Newcomer::new(&mut world, "node-6", Role::Signer);
    world.enact("node-1", changes(six.admission(Standing::Votes)));
    six.arrive(&mut world, "node-1");
    world.until("it votes", |world| world.status("node-6").leased);
    // Of the five who decide about the key, four must stay.
    assert_eq!(kept(&world, "node-1", id), [0]);
    world.enact("node-2", stands("node-5", Standing::Waits));
    let motion = world.file_motion("node-2", revokes("node-4"));
    world.pass(20_000);
    let view = shown(&mut world, "node-2", &motion);
    assert_eq!(view.state, MotionState::Deciding);
    let waits = view.waits_for.unwrap();
    assert!(waits.contains("of those who decide about the key ops"), "{waits}");
    let order = reshare(&world, "3 of (node-1, node-2, node-3, node-4, node-6)", 1);
    world.enact("node-2", order);
    world.until("it is gone", |world| {
        ["node-1", "node-2", "node-3", "node-6"]
            .iter()
            .all(|node| world.state(node).node_named(&name("node-4")).is_none())
    });
    world.stop("node-4");
    let order = reshare(&world, "2 of (node-1, node-2, node-3, node-6)", 1);
    world.enact("node-1", order);
    world.until("it is shared over those who stay", |world| {
        key(world, "node-1").epoch == 2 && ceremony(world, "node-1").is_none()
    });
    sign(&mut world, "node-6", "with those who stay");
}

/// GOV-34, GOV-66: who came back votes about nothing older, so a revocation waits; and every key is
/// shared anew without an order, so it does not wait long.
#[test]
fn a_key_is_shared_anew_after_a_node_came_back() {
    let (mut world, id) = with_ops(83, Shape::default(), TREE, 1);
    let old = world.host("node-3").disk.clone();
    sign(&mut world, "node-3", "what its old copy does not know");
    world.enact("node-1", refresh());
    until_epoch(&mut world, 1);
    world.stop("node-3");
    world.host_mut("node-3").disk = old;
    let node = world.id("node-3");
    world.start(node);
    let abstains = |world: &World| world.host("node-3").node.as_ref().unwrap().abstains().is_some();
    world.until("it is lapsed", |world| abstains(world));
    world.stop("node-3");
    let wish = rejoin(&records(&world.host("node-3").disk)).unwrap();
    let row = wish.value.unwrap().to_vec();
    world.host_mut("node-3").disk.insert((wish.table, wish.key), row);
    // No dealing gets through for now.
    let lost = Rc::new(Cell::new(true));
    let loses = Rc::clone(&lost);
    world.wiretap = Some(Box::new(move |_, _, message| match message {
        Message::Deal(_) if loses.get() => Vec::new(),
        other => vec![other],
    }));
    world.start(node);
    world.until("it is taken back", |world| !abstains(world));
    let motion = world.file_motion("node-2", revokes("node-1"));
    world.pass(20_000);
    let view = shown(&mut world, "node-2", &motion);
    assert_eq!(view.state, MotionState::Deciding);
    let waits = view.waits_for.unwrap();
    assert!(waits.contains("of those who decide about the key ops"), "{waits}");
    assert_eq!(key(&mut world, "node-2").epoch, 1);
    lost.set(false);
    world.until("it is gone, and nobody ordered anything", |world| {
        ["node-2", "node-3", "witness-1"]
            .iter()
            .all(|node| world.state(node).node_named(&name("node-1")).is_none())
    });
    assert_eq!(key(&mut world, "node-2").epoch, 2);
    assert!(kept(&world, "node-3", id).contains(&2), "it has shares of the new epoch");
}

/// GOV-66: a key that those who stay could not use keeps its nodes, once it is made; a suspension,
/// which can be undone, it does not hinder.
#[test]
fn nobody_leaves_with_the_only_shares() {
    let (mut world, _, _) = with_five(74);
    let pair = quorate_testkit::keys::over(&world, "all of (node-1, node-2)");
    world.make_key_over("pair", Scheme::Ed25519, pair);
    let motion = world.file_motion("node-1", revokes("node-1"));
    world.pass(20_000);
    let waits = shown(&mut world, "node-1", &motion).waits_for.unwrap();
    assert!(waits.contains("could not use the key pair any more"), "{waits}");
    world.enact("node-2", stands("node-1", Standing::Waits));
    assert!(!world.can_sign("node-2", "pair"));
    world.enact("node-2", stands("node-1", Standing::Votes));
    world.until("it is back", |world| world.can_sign("node-2", "pair"));
}

/// GOV-82: whoever keeps an objection out of the log, by not voting for it where everybody is needed,
/// does not get the motion in either.
#[test]
fn neg_102_who_keeps_an_objection_out_gets_nothing_in() {
    let (mut world, _) = with_ops(84, Shape::default(), TREE, 1);
    let mut rules = world.state("node-1").rules().clone();
    rules.main.delay_ms = 60_000;
    world.enact("node-1", MotionBody::People(PeopleChange::rules(rules)));
    // Two administrators that somebody stole announce a policy, and suspend an honest node.
    let [cedar, limits, lists, cases] = POLICY.map(str::to_owned);
    let cedar = cedar.replace("nothing moves here", "everything moves");
    let bundle = PolicyBundle::new(cedar, limits, lists, cases).to_bytes();
    let announced = world.file_motion("node-1", MotionBody::PolicySet { bundle });
    world.until("it is announced", |world| {
        world.names().iter().all(|node| world.state(node).announcement(&announced).is_some())
    });
    world.enact("node-1", stands("node-2", Standing::Waits));
    // node-3 lies: it votes for nothing until the motion is due, and then for that.
    let (liar, before) = (world.id("node-3"), world.state("node-1").position());
    let due = world.now + 60_000;
    let silent = std::rc::Rc::new(std::cell::Cell::new(true));
    let is_silent = std::rc::Rc::clone(&silent);
    world.wiretap = Some(Box::new(move |from, _, message| {
        let is_vote = matches!(&message, Message::Ballot(vote)
            if matches!(vote.instance(), Instance::Position(_)));
        if from == liar && is_vote && is_silent.get() { Vec::new() } else { vec![message] }
    }));
    let objection = world.file_motion("node-1", MotionBody::Object { motion: announced });
    world.pass(120_000);
    assert!(world.now > due);
    silent.set(false);
    world.pass(120_000);
    let state = world.state("node-1");
    assert_eq!(state.policy_version(), 1, "the objection came first, or nothing did");
    assert!(state.position() == before || state.has_placed(&objection));
}

/// AGR-13, N-87: voters change while attempts are under way; every epoch has one outcome, decided by
/// one set of voters, and all nodes agree on it.
#[test]
fn neg_087_voters_change_under_an_attempt_and_it_has_one_outcome() {
    for seed in 75..81 {
        let (mut world, _, _) = with_five(seed);
        let order = reshare(&world, AFTER, 1);
        let ordered = world.file_motion("node-1", order);
        // Into the middle of the dealing, each time elsewhere.
        world.until("it is ordered", |world| world.state("node-1").has_placed(&ordered));
        for _ in 0..(seed - 75) * 40 {
            world.step();
        }
        let both = NodesChange {
            changes: vec![NodeChange::Stand { name: name("node-1"), standing: Standing::Waits }],
            faults: None,
        };
        world.enact("node-2", MotionBody::Nodes(both));
        world.until("it is shared over the others", |world| {
            ["node-2", "node-3", "node-5", "witness-1"]
                .iter()
                .all(|node| key(world, node).epoch == 1 && ceremony(world, node).is_none())
        });
        world.enact("node-2", revokes("node-1"));
        until_epochs(&mut world, 2);
        let records = ["node-2", "node-3", "node-5"].map(|node| record(&mut world, node).digest());
        assert!(records.iter().all(|record| *record == records[0]), "{seed}");
        for node in ["node-2", "node-3", "node-5", "witness-1"] {
            assert!(world.status(node).halted.is_none(), "{seed}: {node}");
        }
        sign(&mut world, "node-5", "under voters of now");
    }
}

fn until_epochs(world: &mut World, epoch: u64) {
    world.until("the epoch is made", |world| {
        ["node-2", "node-3", "node-5"]
            .iter()
            .all(|node| key(world, node).epoch == epoch && ceremony(world, node).is_none())
    });
}

/// AGR-13: whoever plans an attempt names no head of before the voters of now, and so chooses no
/// electorate that would keep it in.
#[test]
fn neg_087_who_plans_chooses_no_electorate_of_before() {
    let (mut world, _) = with_ops(85, Shape::default(), TREE, 1);
    let before = world.state("node-1").head();
    let five = Newcomer::new(&mut world, "node-5", Role::Signer);
    world.enact("node-1", changes(five.admission(Standing::Votes)));
    five.arrive(&mut world, "node-2");
    world.until("it is one of them", |world| world.status("node-5").leased);
    let nodes = world.nodes();
    let secrets: Vec<_> =
        nodes.into_iter().map(|id| (id, world.founding.nodes[&id].secrets())).collect();
    let genesis = world.founding.hash;
    let lied = std::rc::Rc::new(std::cell::Cell::new(0));
    let lies = std::rc::Rc::clone(&lied);
    world.wiretap = Some(Box::new(move |from, _, mut message| {
        if let Message::Deal(deal) = &mut message
            && deal.attempt == 0
            && let DealStep::Plan { plan } = &deal.step
        {
            let mut plan: AttemptPlan = quorate_codec::from_bytes(plan).unwrap();
            plan.head = before;
            deal.step = DealStep::Plan { plan: quorate_codec::to_bytes(&plan) };
            let (_, signer) = secrets.iter().find(|(node, _)| *node == from).unwrap();
            let said = (&genesis, &deal.key, deal.epoch, deal.attempt, deal.context, &deal.step);
            deal.signature = signer.sign(tag::DEAL_MESSAGE, &quorate_codec::to_bytes(&said));
            lies.set(lies.get() + 1);
        }
        vec![message]
    }));
    world.enact("node-1", refresh());
    until_epoch(&mut world, 1);
    assert!(lied.get() > 0);
    let made = record(&mut world, "node-1");
    assert!(made.plan.attempt > 0, "nobody joined the leader's first attempt");
    let state = world.state("node-1");
    let order = state.key_named(&name("ops")).unwrap();
    let next = state.electorate_for(order, Some(&made.plan)).unwrap();
    assert_eq!(next, state.electorate_now());
}

/// A node that was away while others came and went catches up, believes the newest epochs, and
/// starts from its own disk afterwards.
#[test]
fn who_was_away_catches_up_over_changes_of_nodes() {
    let (mut world, id, _) = with_five(82);
    world.stop("node-3");
    let six = Newcomer::new(&mut world, "node-6", Role::Signer);
    world.enact("node-1", changes(six.admission(Standing::Votes)));
    six.arrive(&mut world, "node-1");
    world.until("it votes", |world| world.status("node-6").leased);
    world.enact("node-1", refresh());
    let node_3 = world.id("node-3");
    world.start(node_3);
    until_epoch(&mut world, 1);
    world.stop("node-3");
    let order = reshare(&world, "2 of (node-2, node-3, node-5, node-6)", 1);
    world.enact("node-1", order);
    world.until("it is made without node-3", |world| key(world, "node-2").epoch == 2);
    world.enact("node-2", revokes("node-1"));
    world.stop("node-1");
    world.until("shared anew", |world| {
        key(world, "node-2").epoch == 3 && ceremony(world, "node-2").is_none()
    });
    world.start(node_3);
    world.until("it caught up", |world| key(world, "node-3").epoch == 3);
    assert!(world.state("node-3").node_named(&name("node-1")).is_none());
    assert_eq!(kept(&world, "node-3", id), [1]);
    world.stop("node-3");
    world.start(node_3);
    world.enact("node-2", refresh());
    world.until("it has shares again", |world| kept(world, "node-3", id) == [4]);
    world.stop("node-2");
    sign(&mut world, "node-3", "after all that");
}

/// N-61: a node that was revoked while it was away comes back with its old share, and its old
/// friends: nobody signs, attests or deals with it.
#[test]
fn neg_061_a_revoked_node_with_its_share_finds_nobody() {
    let (mut world, id, _) = with_five(83);
    world.stop("node-1");
    let order = reshare(&world, AFTER, 1);
    world.enact("node-2", order);
    world.until("reshared", |world| key(world, "node-2").epoch == 1);
    world.enact("node-2", revokes("node-1"));
    world.until("shared anew", |world| key(world, "node-2").epoch == 2);
    let node_1 = world.id("node-1");
    world.start(node_1);
    world.pass(60_000);
    assert!(!world.status("node-1").leased && !world.can_sign("node-1", "ops"));
    let message = json!({"kind": "message", "message": "0x616c6f6e65"});
    let request = world.request("ops", &message, "wallet-service");
    let filed = world.file("node-1", &request, "wallet-service", None).unwrap();
    world.pass(60_000);
    assert_ne!(world.show("node-1", &filed.request).state, RequestState::Signed);
    assert_eq!(kept(&world, "node-1", id), [0], "it knows of nothing since");
    for node in ["node-2", "node-3", "node-5"] {
        assert!(!world.status(node).nodes.iter().any(|line| line.name == name("node-1")));
    }
}
