//! Guardians announce that another domain takes over: nodes that can agree on nothing any more stop
//! after the delay, those that can are told otherwise (SUC-30 to SUC-34).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_charter::{
    Cession, Change, MemberKind, MotionBody, Object, PeopleChange, Recovery, Roles, Rule, Rules,
    SignedCession, SignedMember,
};
use quorate_client::contract::{CessionView, HexBytes, RequestState, SubmitCession, routes};
use quorate_codec::{Digest, to_bytes};
use quorate_identity::{GenesisHash, MemorySigner};
use quorate_machine::call::View;
use quorate_machine::durable::Table;
use quorate_machine::wire::Message;
use quorate_testkit::founding::{Shape, name};
use quorate_testkit::keys::{sign, with_ops};
use quorate_testkit::world::World;
use serde_json::json;

const TREE: &str = "2 of (node-1, node-2, node-3)";

/// So long after a node heard it, it stops.
const RECOVERY_MS: u64 = 600_000;

/// A guardian's key.
fn signer(who: &str) -> MemorySigner {
    MemorySigner::from_seed(&[who.as_bytes()[0]; 32]).unwrap()
}

/// A domain with the key `ops` and three guardians.
fn guarded(seed: u64) -> World {
    let (mut world, _) = with_ops(seed, Shape::default(), TREE, 1);
    let changes = ["gabi", "hans", "ines"].map(|who| {
        let signer = signer(who);
        let genesis = world.founding.hash;
        let member =
            SignedMember::create(genesis, name(who), MemberKind::Person, &[&signer]).unwrap();
        Change::Enrol { member, roles: Roles { guardian: true, ..Roles::default() } }
    });
    let mut rules = world.state("node-1").rules().clone();
    let tree = "2 of (gabi, hans, ines)".parse().unwrap();
    rules.recovery = Some(Recovery { tree, delay_ms: RECOVERY_MS });
    let change = PeopleChange { changes: changes.into(), rules: Some(rules), excepted: Vec::new() };
    world.enact("node-1", MotionBody::People(change));
    world
}

fn cession(world: &mut World, by: &[&str]) -> SignedCession {
    let cession = Cession {
        version: 1,
        genesis: world.founding.hash,
        successor: GenesisHash(Digest([7; 32])),
        called: name("phoenix"),
        reason: "two sites burnt down".to_owned(),
        rules: world.state("node-1").version(&Object::Rules),
        nonce: Digest(world.random()),
    };
    signed(world, &cession, by)
}

fn signed(world: &World, cession: &Cession, by: &[&str]) -> SignedCession {
    let mut signed = SignedCession::new(cession);
    for who in by {
        let person = world.state("node-1").person_named(&name(who)).unwrap().id;
        signed.sign(person, &signer(who)).unwrap();
    }
    signed
}

fn refusal(cession: &SignedCession) -> MotionBody {
    MotionBody::Thaw { freezes: vec![], barred: vec![], refused: vec![cession.digest()] }
}

fn announce(
    world: &mut World,
    node: &str,
    signed: &SignedCession,
) -> Result<Vec<CessionView>, String> {
    let body = SubmitCession { cession: HexBytes(to_bytes(signed)) };
    let body = serde_json::to_vec(&body).unwrap();
    match world.call(node, "auditor", "POST", routes::ANNOUNCE_SUCCESSION.path, &body) {
        Ok(View::Cessions(views)) => Ok(views),
        Ok(other) => panic!("no successions: {other:?}"),
        Err(error) => Err(error.message),
    }
}

fn shown(world: &mut World, node: &str) -> Vec<CessionView> {
    match world.call(node, "auditor", "GET", routes::SUCCESSIONS.path, b"").unwrap() {
        View::Cessions(views) => views,
        other => panic!("no successions: {other:?}"),
    }
}

fn halted(world: &mut World, node: &str) -> Option<String> {
    world.status(node).halted
}

fn restart(world: &mut World, node: &str) {
    world.stop(node);
    let node = world.id(node);
    world.start(node);
}

/// SUC-31, SUC-32: what is left of a domain hears it, tells each other, waits by its own clock over
/// a power cut, and stops for good; until then it goes on.
#[test]
fn survivors_stop_after_the_delay_and_not_before() {
    let mut world = guarded(300);
    world.stop("node-3");
    world.stop("witness-1");
    let told = cession(&mut world, &["gabi", "ines"]);
    let began = world.now;
    let views = announce(&mut world, "node-1", &told).unwrap();
    assert_eq!(views.len(), 1);
    assert_eq!(views[0].by, [name("gabi"), name("ines")]);
    assert_eq!(
        (views[0].called.clone(), views[0].stops_at_ms),
        (name("phoenix"), began + RECOVERY_MS)
    );
    world.until("the other heard it", |world| shown(world, "node-2").len() == 1);
    for node in ["node-1", "node-2"] {
        let alarms = &world.host(node).alarms;
        assert!(
            alarms.iter().any(|it| it.contains("takes over, say gabi, ines: \"two sites")),
            "{node}"
        );
    }
    world.pass(RECOVERY_MS / 2);
    restart(&mut world, "node-2");
    world.pass(RECOVERY_MS / 2 - 60_000);
    assert_eq!(halted(&mut world, "node-1"), None, "the delay is not over");
    assert_eq!(halted(&mut world, "node-2"), None);
    world.pass(70_000);
    // It was switched off for a moment: it could have missed a refusal, so it hears others a while.
    assert_eq!(halted(&mut world, "node-2"), None);
    assert!(!world.status("node-2").leased, "and signs nothing meanwhile");
    assert!(halted(&mut world, "node-1").is_some(), "it was awake all the time");
    world.pass(RECOVERY_MS / 2);
    for node in ["node-1", "node-2"] {
        assert!(halted(&mut world, node).unwrap().contains("phoenix"), "{node}");
        restart(&mut world, node);
        assert!(halted(&mut world, node).is_some(), "{node} stays so");
    }
    // Whoever was switched off meanwhile hears it from those that stopped, waits and stops as well.
    let node_3 = world.id("node-3");
    world.start(node_3);
    world.until("it is told", |world| shown(world, "node-3").len() == 1);
    let witness = world.id("witness-1");
    world.start(witness);
    let message = json!({"kind": "message", "message": "0x1234"});
    let request = world.request("ops", &message, "wallet-service");
    let filed = world.file("node-3", &request, "wallet-service", None).unwrap();
    world.pass(60_000);
    assert_ne!(world.show("node-3", &filed.request).state, RequestState::Signed);
    world.pass(RECOVERY_MS);
    assert!(halted(&mut world, "node-3").is_some());
    assert!(halted(&mut world, "witness-1").is_some());
}

/// SUC-33: a domain that is alive refuses it, at once and for ever; another one has to be refused
/// anew.
#[test]
fn a_domain_that_is_alive_refuses() {
    let mut world = guarded(301);
    for other in ["node-1", "node-2", "witness-1"] {
        world.cut("node-3", other, true);
    }
    let told = cession(&mut world, &["gabi", "hans"]);
    announce(&mut world, "node-1", &told).unwrap();
    announce(&mut world, "node-3", &told).unwrap();
    sign(&mut world, "node-1", "while it waits");
    let no = refusal(&told);
    let motion = world.file_motion("node-1", no);
    world.until("three refused it", |world| {
        let names = ["node-1", "node-2", "witness-1"];
        names.iter().all(|node| world.state(node).has_placed(&motion))
    });
    assert_eq!(shown(&mut world, "node-1"), []);
    assert_eq!(shown(&mut world, "node-3").len(), 1, "it could not hear that");
    for other in ["node-1", "node-2", "witness-1"] {
        world.cut("node-3", other, false);
    }
    world.until("it caught up", |world| shown(world, "node-3").is_empty());
    let (from, to) = (world.id("node-3"), world.id("node-1"));
    world.inject(from, to, &Message::Cession(Box::new(told.clone())));
    assert!(announce(&mut world, "node-2", &told).unwrap_err().contains("refused it"));
    world.pass(2 * RECOVERY_MS);
    for node in world.names() {
        assert_eq!(halted(&mut world, &node), None, "{node}");
        assert!(
            !world.host(&node).disk.keys().any(|(table, _)| *table == Table::Cession),
            "{node} forgot it"
        );
    }
    sign(&mut world, "node-3", "afterwards");
    let again = cession(&mut world, &["gabi", "hans"]);
    assert!(announce(&mut world, "node-2", &again).is_ok());
}

/// SUC-30: too few, somebody else, another domain, a forged signature, a domain that succeeds itself.
#[test]
fn neg_076_only_guardians_of_now_announce_and_enough_of_them() {
    let mut world = guarded(302);
    let refused = |world: &mut World, signed: &SignedCession, why: &str| {
        let error = announce(world, "node-1", signed).unwrap_err();
        assert!(error.contains(why), "{error}");
    };
    let alone = cession(&mut world, &["gabi"]);
    refused(&mut world, &alone, "too few guardians");
    let administrators = cession(&mut world, &["ada", "gabi", "hans"]);
    refused(&mut world, &administrators, "is no guardian");
    let body = alone.body().unwrap();
    let foreign = Cession { genesis: GenesisHash(Digest([9; 32])), ..body.clone() };
    let foreign = signed(&world, &foreign, &["gabi", "hans"]);
    refused(&mut world, &foreign, "another domain");
    let itself = Cession { successor: body.genesis, ..body.clone() };
    let itself = signed(&world, &itself, &["gabi", "hans"]);
    refused(&mut world, &itself, "succeed itself");
    let lines = Cession { reason: "one\ntwo".to_owned(), ..body.clone() };
    let lines = signed(&world, &lines, &["gabi", "hans"]);
    refused(&mut world, &lines, "one line");
    let mut forged = cession(&mut world, &["gabi", "hans"]);
    let (of_gabi, of_hans) = (forged.signatures[0].1.clone(), forged.signatures[1].1.clone());
    forged.signatures[0].1 = of_hans;
    forged.signatures[1].1 = of_gabi;
    refused(&mut world, &forged, "does not verify");
    let mut twice = cession(&mut world, &["gabi"]);
    twice.signatures.push(twice.signatures[0].clone());
    refused(&mut world, &twice, "must ascend");
    for node in world.names() {
        assert_eq!(shown(&mut world, &node), [], "{node}");
        assert!(
            !world.host(&node).disk.keys().any(|(table, _)| *table == Table::Cession),
            "{node}"
        );
    }
}

/// SUC-32: keys that were stolen from guardians count no longer once those have others.
#[test]
fn neg_076_guardians_who_left_announce_nothing() {
    let mut world = guarded(303);
    let told = cession(&mut world, &["gabi", "hans"]);
    announce(&mut world, "node-2", &told).unwrap();
    world.until("all heard it", |world| {
        world.names().iter().all(|node| shown(world, node).len() == 1)
    });
    let mut rules = world.state("node-1").rules().clone();
    rules.recovery.as_mut().unwrap().tree = "all of (hans, ines)".parse().unwrap();
    let gone = Change::Revoke { name: name("gabi") };
    let change = PeopleChange { rules: Some(rules), ..PeopleChange::one(gone) };
    world.enact("node-1", MotionBody::People(change));
    world.until("it counts no longer", |world| {
        world.names().iter().all(|node| shown(world, node).is_empty())
    });
    restart(&mut world, "node-2");
    world.pass(2 * RECOVERY_MS);
    for node in world.names() {
        assert_eq!(halted(&mut world, &node), None, "{node}");
    }
}

/// SUC-32, SUC-33: whoever was switched off while the others refused hears of that before it stops,
/// though the delay is over when it starts.
#[test]
fn who_slept_through_the_refusal_does_not_stop() {
    let mut world = guarded(304);
    let told = cession(&mut world, &["gabi", "hans"]);
    announce(&mut world, "node-1", &told).unwrap();
    world.until("all heard it", |world| {
        world.names().iter().all(|node| shown(world, node).len() == 1)
    });
    world.stop("node-3");
    world.enact("node-1", refusal(&told));
    world.pass(3 * RECOVERY_MS);
    let node_3 = world.id("node-3");
    world.start(node_3);
    world.pass(1_000);
    let alarms = &world.host("node-3").alarms;
    assert!(alarms.iter().any(|it| it.contains("a succession is announced")), "said at the start");
    world.until("it caught up", |world| shown(world, "node-3").is_empty());
    world.pass(2 * RECOVERY_MS);
    assert_eq!(halted(&mut world, "node-3"), None);
    world.stop("node-2");
    sign(&mut world, "node-3", "it takes part");
    // A freeze of the same digest, if there were one, is not ended by it, nor the other way round.
    let state = world.state("node-3");
    assert!(state.has_refused(&told.digest()) && !state.has_thawed(&told.digest()));
}

/// SUC-30: what guardians signed under other rules counts for nothing, however late it is shown.
#[test]
fn neg_076_an_announcement_of_before_other_rules_is_void() {
    let mut world = guarded(305);
    let kept = cession(&mut world, &["gabi", "hans"]);
    let rules = world.state("node-1").rules().clone();
    world.enact(
        "node-1",
        MotionBody::People(PeopleChange::rules(Rules {
            main: Rule { delay_ms: 1_000, ..rules.main.clone() },
            ..rules
        })),
    );
    let error = announce(&mut world, "node-2", &kept).unwrap_err();
    assert!(error.contains("the rules of this domain changed"), "{error}");
}

/// SUC-32, SUC-33: a domain that had no power for longer than the delay still refuses.
#[test]
fn a_domain_that_slept_refuses() {
    let mut world = guarded(306);
    let told = cession(&mut world, &["gabi", "hans"]);
    announce(&mut world, "node-1", &told).unwrap();
    world.until("all heard it", |world| {
        world.names().iter().all(|node| shown(world, node).len() == 1)
    });
    for node in world.names() {
        world.stop(&node);
    }
    world.pass(3 * RECOVERY_MS);
    for node in world.nodes() {
        world.start(node);
    }
    world.pass(RECOVERY_MS / 4);
    for node in world.names() {
        assert!(!world.can_sign(&node, "ops"), "{node} signs nothing");
        assert_eq!(halted(&mut world, &node), None, "{node} did not hear a refusal in its sleep");
    }
    world.enact("node-2", refusal(&told));
    world.pass(2 * RECOVERY_MS);
    for node in world.names() {
        assert_eq!(halted(&mut world, &node), None, "{node}");
    }
    sign(&mut world, "node-1", "awake again");
}
