//! Which programs nodes run, and the oldest that the charter allows (GOV-35).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_charter::{BallotBody, MotionBody, SignedBallotMessage};
use quorate_client::contract::{MotionState, MotionView, routes};
use quorate_identity::{MotionId, Scheme};
use quorate_machine::call::View;
use quorate_machine::wire::Message;
use quorate_testkit::founding::{Shape, name};
use quorate_testkit::keys::{sign, with_ops};
use quorate_testkit::world::World;

const TREE: &str = "2 of (node-1, node-2, node-3)";

fn require(version: &str) -> MotionBody {
    MotionBody::ReleaseRequire { minimum: version.parse().unwrap() }
}

fn shown(world: &mut World, node: &str, motion: &MotionId) -> MotionView {
    match world.call(node, "auditor", "GET", &routes::motion(motion), b"").unwrap() {
        View::Motion(view) => *view,
        other => panic!("no motion: {other:?}"),
    }
}

fn restart(world: &mut World, node: &str, version: &'static str) {
    world.stop(node);
    world.host_mut(node).version = Some(version);
    let id = world.id(node);
    world.start(id);
}

fn runs(world: &mut World, node: &str, of: &str) -> Option<String> {
    let status = world.status(node);
    let line = status.nodes.into_iter().find(|line| line.name == name(of)).unwrap();
    line.program.map(|program| program.version)
}

/// N-80: everybody says what it runs; a version is required only once enough run it, and from then on
/// whoever runs an older one is not heard, says why, and is one of them again once it is not.
#[test]
fn neg_080_nodes_hold_each_other_to_a_version() {
    let (mut world, _) = with_ops(90, Shape::default(), TREE, 1);
    assert_eq!(runs(&mut world, "node-1", "node-3").as_deref(), Some("1.0.0"));
    // Two of four run it: too few, and the motion says so.
    let motion = world.file_motion("node-1", require("1.1.0"));
    restart(&mut world, "node-1", "1.1.0");
    restart(&mut world, "witness-1", "1.2.0-rc.1");
    world.pass(20_000);
    let view = shown(&mut world, "node-1", &motion);
    assert_eq!(view.state, MotionState::Deciding);
    assert_eq!(
        view.waits_for.as_deref(),
        Some("2 voters run version 1.1.0 or a later one, 3 must")
    );
    sign(&mut world, "node-3", "versions live together");
    // Three, with a quorum of the key among them.
    restart(&mut world, "node-2", "1.1.0");
    world.until("it is required", |world| world.state("node-3").minimum().is_some());
    let own = world.status("node-3");
    let why = own.outdated.unwrap();
    assert!(
        why.starts_with("this program is version 1.0.0, and the charter requires 1.1.0"),
        "{why}"
    );
    assert!(!own.leased && world.host("node-3").alarms.contains(&why));
    world.until("nobody hears it", |world| {
        ["node-1", "node-2", "witness-1"].iter().all(|node| {
            let status = world.status(node);
            !status.nodes.iter().any(|line| line.name == name("node-3") && line.alive)
        })
    });
    sign(&mut world, "node-1", "without it");
    world.stop("node-1");
    assert!(!world.can_sign("node-2", "ops"), "with it nobody signs");
    // It follows the charter all the same, so that a start of the new program finds all of it.
    let node_1 = world.id("node-1");
    world.start(node_1);
    world.until("it is back", |world| world.can_sign("node-1", "ops"));
    world.enact("node-1", MotionBody::KeyRefresh { name: name("ops") });
    world.until("it follows", |world| world.state("node-3").head() == world.state("node-1").head());
    restart(&mut world, "node-3", "1.1.0");
    world.until("it is one of them", |world| world.can_sign("node-3", "ops"));
    // A minimum only rises.
    let (_, answer) = world.try_file_motion("node-1", require("1.1.0"));
    assert!(answer.unwrap_err().message.contains("a minimum only rises"));
}

/// GOV-35: a node that was off while the minimum rose hears of that before anything that came later,
/// which its program may not be able to read.
#[test]
fn gov_35_no_page_goes_on_after_another_minimum() {
    let (mut world, _) = with_ops(91, Shape::default(), TREE, 1);
    world.stop("node-3");
    for node in ["node-1", "node-2", "witness-1"] {
        restart(&mut world, node, "1.1.0");
    }
    world.until("they serve", |world| world.status("node-1").leased);
    world.enact("node-1", require("1.1.0"));
    let minimum = world.state("node-1").position();
    let order = world.founding.key_order("later", Scheme::Ed25519);
    world.enact("node-1", order);
    let sent = ["node-1", "node-2", "witness-1"].map(|node| world.host(node).outputs.len());
    let id = world.id("node-3");
    world.start(id);
    world.until("it follows", |world| world.state("node-3").position() > minimum);
    assert!(world.status("node-3").outdated.is_some());
    let mut pages = 0;
    for (node, sent) in ["node-1", "node-2", "witness-1"].into_iter().zip(sent) {
        let outputs = world.host(node).outputs.iter().skip(sent);
        for (_, message) in outputs.flat_map(|output| &output.messages) {
            let Message::Entries(entries) = message else { continue };
            if let Some(at) = entries.iter().position(|entry| entry.position() == minimum) {
                assert_eq!(at + 1, entries.len(), "{node}");
                pages += 1;
            }
        }
    }
    assert!(pages > 0, "somebody showed it the minimum");
}

/// GOV-35, N-80: what is below the minimum votes for nothing, whoever speaks with its keys: not with those
/// who are left, though the three of them would be enough.
#[test]
fn neg_080_votes_of_whoever_runs_less_than_the_minimum_decide_nothing() {
    let (mut world, _) = with_ops(94, Shape::default(), TREE, 1);
    for node in ["node-1", "node-2", "witness-1"] {
        restart(&mut world, node, "1.1.0");
    }
    world.until("they serve", |world| world.status("node-1").leased);
    world.enact("node-1", require("1.1.0"));
    world.until("it heard", |world| world.status("node-3").outdated.is_some());
    world.stop("node-2");
    let before = world.state("node-1").position();
    let honest = ["node-1", "witness-1"];
    let (outdated, genesis) = (world.id("node-3"), world.state("node-1").genesis());
    let secrets = world.founding.nodes[&outdated].secrets();
    let order = world.founding.key_order("later", Scheme::Ed25519);
    world.file_motion("node-1", order);
    // Whatever the two vote for, its keys vote for as well, to both.
    let mut votes = 0;
    for _ in 0..400 {
        let sent = honest.map(|node| world.host(node).outputs.len());
        world.pass(500);
        for (node, sent) in honest.into_iter().zip(sent) {
            let outputs = world.host(node).outputs.iter().skip(sent);
            let messages = outputs.flat_map(|output| output.messages.clone());
            let said: Vec<Message> = messages.map(|(_, message)| message).collect();
            for message in said {
                let Message::Ballot(said) = message else { continue };
                let body = match said.body() {
                    BallotBody::Prevote(Some(value)) => BallotBody::Prevote(Some(*value)),
                    BallotBody::Precommit(Some(value)) => BallotBody::Precommit(Some(*value)),
                    _ => continue,
                };
                let (instance, ballot) = (said.instance(), said.ballot());
                let sign = |tag, bytes: &[u8]| secrets.sign(tag, bytes);
                let vote =
                    SignedBallotMessage::sign(genesis, instance, ballot, outdated, body, &sign);
                for to in honest {
                    let to = world.id(to);
                    world.inject(outdated, to, &Message::Ballot(vote.clone()));
                }
                votes += 1;
            }
        }
    }
    assert!(votes > 0, "they voted");
    assert_eq!(honest.map(|node| world.state(node).position()), [before; 2]);
    // With the new program the same keys count.
    restart(&mut world, "node-3", "1.1.0");
    world.until("it is decided", |world| world.state("node-1").position() > before);
}

/// GOV-35: voters enough are not enough where a key would be left without a quorum of nodes that run it.
#[test]
fn gov_35_no_minimum_leaves_a_key_without_its_quorum() {
    let (mut world, _) = with_ops(93, Shape::default(), "2 of (node-1, node-3)", 0);
    let motion = world.file_motion("node-1", require("1.1.0"));
    for node in ["node-1", "node-2", "witness-1"] {
        restart(&mut world, node, "1.1.0");
    }
    world.until("they serve", |world| world.status("node-1").leased);
    world.pass(60_000);
    let view = shown(&mut world, "node-1", &motion);
    assert_eq!(view.state, MotionState::Deciding);
    let waits = "those who run version 1.1.0 cannot use the key ops without others";
    assert_eq!(view.waits_for.as_deref(), Some(waits));
    sign(&mut world, "node-2", "the key goes on meanwhile");
    restart(&mut world, "node-3", "1.1.0");
    world.until("it is required", |world| world.state("node-2").minimum().is_some());
}

/// AGR-04: of motions that wait for programs nobody asks for votes, however many they are, and what
/// else comes is decided meanwhile; once the programs run they are decided too.
#[test]
fn agr_04_what_waits_for_programs_is_proposed_when_they_run() {
    let (mut world, _) = with_ops(92, Shape::default(), TREE, 1);
    let motions = ["1.1.0", "1.0.1"].map(|it| world.file_motion("node-1", require(it)));
    let nodes = ["node-1", "node-2", "node-3", "witness-1"];
    let ballots = |world: &World| {
        let outputs = nodes.iter().flat_map(|node| &world.host(node).outputs);
        let messages = outputs.flat_map(|output| &output.messages);
        messages.filter(|(_, message)| matches!(message, Message::Ballot(_))).count()
    };
    let before = ballots(&world);
    world.pass(60_000);
    assert_eq!(ballots(&world), before, "nothing is voted on");
    for motion in &motions {
        assert_eq!(shown(&mut world, "node-1", motion).state, MotionState::Deciding);
    }
    world.enact("node-1", MotionBody::KeyRefresh { name: name("ops") });
    for node in ["node-1", "node-2", "witness-1"] {
        restart(&mut world, node, "1.1.0");
    }
    // As soon as they are heard, and not at the next round of gossip only.
    let restarted = world.now;
    world.until("one is decided", |world| world.state("node-2").minimum().is_some());
    assert!(world.now - restarted < world.pace.gossip_every_ms / 2, "{}", world.now - restarted);
    world.until("none waits", |world| {
        let views = motions.map(|motion| shown(world, "node-2", &motion).state);
        !views.contains(&MotionState::Deciding)
    });
}
