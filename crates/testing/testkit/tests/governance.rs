//! Dangerous motions, freezes and people who leave, at nodes that crash, lag and are cut off
//! (GOV-80 to GOV-92).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_charter::{
    Change, Declaration, Fate, Freeze, FreezeScope, MotionBody, NodeChange, PeopleChange, Role,
    SignedFreeze, SignedMotion, Standing,
};
use quorate_client::contract::{
    FreezeView, HexBytes, MotionState, MotionView, RequestState, SubmitFreeze, SubmitMotion, routes,
};
use quorate_codec::{Digest, to_bytes};
use quorate_identity::{ActorId, KeyId, MotionId, Scheme};
use quorate_machine::call::View;
use quorate_machine::durable::Table;
use quorate_machine::wire::Message;
use quorate_policy::PolicyBundle;
use quorate_policy::request::Verdict;
use quorate_testkit::founding::{POLICY, Shape, name};
use quorate_testkit::keys::{FIVE, audit, sign, with_ops};
use quorate_testkit::newcomer::{Newcomer, changes, revokes, stands};
use quorate_testkit::world::World;
use serde_json::json;

const TREE: &str = "2 of (node-1, node-2, node-3)";
/// So long what is dangerous is announced.
const DELAY: u64 = 60_000;

/// A domain with the key `ops`, which announces what is dangerous a minute before.
fn slow(seed: u64) -> (World, KeyId) {
    let (mut world, id) = with_ops(seed, Shape::default(), TREE, 1);
    let mut rules = world.state("node-1").rules().clone();
    rules.main.delay_ms = DELAY;
    world.enact("node-1", MotionBody::People(PeopleChange::rules(rules)));
    (world, id)
}

/// Another policy than the one in force: its version tells when it took effect.
fn other() -> MotionBody {
    let [cedar, limits, lists, cases] = POLICY.map(str::to_owned);
    let cedar = cedar.replace("nothing moves here", "nothing moves here, still");
    let bundle = PolicyBundle::new(cedar, limits, lists, cases).to_bytes();
    MotionBody::PolicySet { bundle }
}

/// Files a motion that these people signed.
fn file(world: &mut World, node: &str, body: MotionBody, by: &[&str]) -> MotionId {
    let state = world.state(node);
    let nonce = Digest(world.random());
    let motion: SignedMotion =
        world.founding.motion(&state, body, nonce, world.now + 3_600_000, by);
    let submit = SubmitMotion { motion: HexBytes(to_bytes(&motion)) };
    let submit = serde_json::to_vec(&submit).unwrap();
    world.call(node, by[0], "POST", routes::SUBMIT_MOTION.path, &submit).unwrap();
    motion.id()
}

fn until_placed(world: &mut World, motion: MotionId) {
    world.until("the motion is placed", |world| {
        let names = world.names();
        names
            .iter()
            .all(|node| world.host(node).node.is_none() || world.state(node).has_placed(&motion))
    });
}

fn fate(world: &World, node: &str, motion: &MotionId) -> Option<Fate> {
    world.state(node).fate(motion)
}

fn shown(world: &mut World, node: &str, motion: &MotionId) -> MotionView {
    match world.call(node, "auditor", "GET", &routes::motion(motion), b"").unwrap() {
        View::Motion(view) => *view,
        other => panic!("no motion: {other:?}"),
    }
}

fn signed_freeze(world: &mut World, who: &str, scope: FreezeScope) -> SignedFreeze {
    let ActorId::Person(by) = world.founding.actor(who) else { panic!() };
    let genesis = world.founding.hash;
    let (reason, nonce) = ("the laptop is gone".to_owned(), Digest(world.random()));
    let freeze = Freeze { version: 1, genesis, scope, by, reason, nonce };
    SignedFreeze::sign(&freeze, world.founding.signer(who)).unwrap()
}

fn freeze(
    world: &mut World,
    node: &str,
    who: &str,
    signed: &SignedFreeze,
) -> Result<Vec<FreezeView>, String> {
    let body = serde_json::to_vec(&SubmitFreeze { freeze: HexBytes(to_bytes(signed)) }).unwrap();
    match world.call(node, who, "POST", routes::FREEZE.path, &body) {
        Ok(View::Freezes(views)) => Ok(views),
        Ok(other) => panic!("no freezes: {other:?}"),
        Err(error) => Err(error.message),
    }
}

/// GOV-80, GOV-81: no quorum of voters lets a dangerous motion take effect before its delay, and
/// all of them do after it, though every node lost its power meanwhile.
#[test]
fn a_dangerous_motion_takes_effect_after_its_delay_and_not_before() {
    let (mut world, _) = slow(80);
    let version = world.state("node-1").policy_version();
    let began = world.now;
    let motion = file(&mut world, "node-1", other(), &["ada", "ben"]);
    until_placed(&mut world, motion);
    let view = shown(&mut world, "node-2", &motion);
    assert_eq!(view.state, MotionState::Announced);
    assert!(view.due_ms.is_some_and(|due| due >= began + DELAY));
    for node in world.names() {
        let told = world.host(&node).alarms.iter().any(|alarm| alarm.contains("is announced"));
        assert!(told, "{node} gives notice");
    }
    world.pass(DELAY / 2);
    for node in world.names() {
        world.stop(&node);
    }
    for node in world.nodes() {
        world.start(node);
    }
    let passed = world.now - began;
    world.pass(DELAY - passed - 1_000);
    for node in world.names() {
        assert_eq!(world.state(&node).policy_version(), version, "{node} waits");
    }
    sign(&mut world, "node-1", "under the policy in force");
    world.until("it takes effect", |world| {
        world.names().iter().all(|node| world.state(node).policy_version() == version + 1)
    });
    assert!(world.now >= began + DELAY);
    assert!(world.now < began + DELAY + DELAY / 2, "the power cut did not begin the wait anew");
    assert!(matches!(fate(&world, "node-3", &motion), Some(Fate::Enacted(_))));
    let heard = world.host("node-1").disk.keys().filter(|(table, _)| *table == Table::Heard);
    assert_eq!(heard.count(), 0, "what is over is forgotten");
}

/// A voter that was away while a motion was announced measures from when it heard of it; the others
/// need it for nothing.
#[test]
fn who_hears_of_it_late_hinders_nobody_and_hurries_nobody() {
    let (mut world, _) = slow(81);
    let version = world.state("node-1").policy_version();
    world.stop("node-3");
    let motion = file(&mut world, "node-1", other(), &["ada", "ben"]);
    until_placed(&mut world, motion);
    world.pass(DELAY - 5_000);
    let node_3 = world.id("node-3");
    world.start(node_3);
    world.until("it caught up", |world| world.state("node-3").has_placed(&motion));
    let due = shown(&mut world, "node-3", &motion).due_ms.unwrap();
    assert!(due > world.now + DELAY - 5_000, "it measures by itself");
    world.pass(10_000);
    assert!(world.now < due);
    for node in world.names() {
        assert_eq!(world.state(&node).policy_version(), version + 1, "{node}");
    }
}

/// N-102: a stolen administrator's key objects: it delays once, and those who override go on.
#[test]
fn neg_102_an_objection_delays_and_is_overridden_at_real_nodes() {
    let (mut world, _) = slow(82);
    let version = world.state("node-1").policy_version();
    let motion = file(&mut world, "node-1", other(), &["ada", "ben"]);
    until_placed(&mut world, motion);
    world.pass(DELAY / 2);
    let objection = file(&mut world, "node-3", MotionBody::Object { motion }, &["cleo"]);
    until_placed(&mut world, objection);
    let objected_at = world.now;
    let view = shown(&mut world, "witness-1", &motion);
    assert_eq!((view.state, view.objected_by), (MotionState::Objected, Some(name("cleo"))));
    world.pass(3 * DELAY);
    assert_eq!(world.state("node-1").policy_version(), version, "nobody overrode it");
    let over = MotionBody::Override { motion, objection };
    let over = file(&mut world, "node-2", over, &["ada", "ben"]);
    let overridden_at = world.now;
    world.until("it takes effect", |world| {
        world.names().iter().all(|node| world.state(node).policy_version() == version + 1)
    });
    assert!(world.now >= objected_at + 2 * DELAY);
    assert!(world.now >= overridden_at + DELAY, "nobody overrides in silence");
    assert!(matches!(fate(&world, "node-1", &over), Some(Fate::Enacted(_))));
    // The same key objects to its own removal in vain, and to everything else only once more.
    let out = Change::Revoke { name: name("cleo") };
    let mut rules = world.state("node-1").rules().clone();
    for tree in [&mut rules.main.tree, &mut rules.main.overriding, &mut rules.upkeep] {
        *tree = "all of (ada, ben)".parse().unwrap();
    }
    let change = PeopleChange { changes: vec![out], rules: Some(rules), excepted: vec![] };
    let removal = file(&mut world, "node-1", MotionBody::People(change), &["ada", "ben"]);
    until_placed(&mut world, removal);
    let state = world.state("node-3");
    let vain = world.founding.motion(
        &state,
        MotionBody::Object { motion: removal },
        Digest([7; 32]),
        world.now + 1_000_000,
        &["cleo"],
    );
    assert!(state.check_motion(&vain, world.now).is_err());
    world.until("she is gone", |world| {
        world.names().iter().all(|node| world.state(node).person_named(&name("cleo")).is_none())
    });
}

/// GOV-16, N-102: an administrator files motion after motion, at all nodes, and signs everything that
/// others file. That keeps nobody else's out: neither an objection nor that administrator's removal.
#[test]
fn neg_102_who_fills_the_pool_of_motions_keeps_nobody_else_out() {
    let (mut world, _) = slow(84);
    let announced = file(&mut world, "node-1", other(), &["ada", "ben"]);
    until_placed(&mut world, announced);
    let vain = |world: &mut World| {
        let state = world.state("node-1");
        let (nonce, expiry) = (Digest(world.random()), world.now + 3_600_000);
        let motion = world.founding.motion(&state, other(), nonce, expiry, &["cleo"]);
        let submit = SubmitMotion { motion: HexBytes(to_bytes(&motion)) };
        let submit = serde_json::to_vec(&submit).unwrap();
        world.call("node-1", "cleo", "POST", routes::SUBMIT_MOTION.path, &submit)
    };
    let refused = (0..1_000).find_map(|_| vain(&mut world).err()).unwrap();
    assert!(refused.message.contains("too many motions"), "{refused:?}");
    assert!(refused.next.contains("wait until"), "{refused:?}");
    world.pass(5_000);
    let waiting = |world: &World, node: &str| {
        world.host(node).disk.keys().filter(|(table, _)| *table == Table::Motion).count()
    };
    assert!(world.names().iter().all(|node| waiting(&world, node) == 128));
    let objection = MotionBody::Object { motion: announced };
    let objection = file(&mut world, "node-2", objection, &["ben"]);
    until_placed(&mut world, objection);
    let out = Change::Revoke { name: name("cleo") };
    let mut rules = world.state("node-1").rules().clone();
    for tree in [&mut rules.main.tree, &mut rules.main.overriding, &mut rules.upkeep] {
        *tree = "all of (ada, ben)".parse().unwrap();
    }
    let change = PeopleChange { changes: vec![out], rules: Some(rules), excepted: vec![] };
    let removal = file(&mut world, "node-3", MotionBody::People(change), &["ada", "ben"]);
    until_placed(&mut world, removal);
    world.until("she is gone", |world| world.state("node-1").person_named(&name("cleo")).is_none());
    world.until("her motions go with her", |world| {
        world.names().iter().all(|node| waiting(world, node) == 0)
    });
}

/// A motion that nobody would vote for any more, once it is due, holds nothing else up.
#[test]
fn what_nobody_votes_for_holds_nothing_up() {
    let (mut world, _) = slow(83);
    let motion = file(&mut world, "node-1", other(), &["ada", "ben"]);
    until_placed(&mut world, motion);
    // Its rule wants both approvers; one leaves, which waits for nobody.
    let gone = PeopleChange::one(Change::Revoke { name: name("bob") });
    let gone = file(&mut world, "node-2", MotionBody::People(gone), &["ada", "ben"]);
    until_placed(&mut world, gone);
    world.pass(2 * DELAY);
    assert_eq!(
        fate(&world, "node-1", &motion),
        Some(Fate::Announced),
        "it asks for who is not there"
    );
    let order = world.founding.key_order("later", quorate_identity::Scheme::Ed25519);
    let order = file(&mut world, "node-3", order, &["ada", "ben"]);
    until_placed(&mut world, order);
    let back = file(&mut world, "node-1", MotionBody::Withdraw { motion }, &["ada", "ben"]);
    until_placed(&mut world, back);
    assert!(matches!(fate(&world, "node-2", &motion), Some(Fate::Withdrawn(_))));
}

/// GOV-90: a freeze is honoured on receipt, by a minority that can agree on nothing, and by
/// everybody else once they hear of it; a start keeps it.
#[test]
fn a_freeze_needs_nobodys_agreement() {
    let (mut world, id) = with_ops(90, Shape::default(), TREE, 1);
    for other in ["node-1", "node-2", "witness-1"] {
        world.cut("node-3", other, true);
    }
    let signed = signed_freeze(&mut world, "alice", FreezeScope::Key(id));
    let views = freeze(&mut world, "node-3", "alice", &signed).unwrap();
    assert_eq!((views.len(), views[0].by.clone()), (1, Some(name("alice"))));
    assert!(!world.can_sign("node-3", "ops"));
    sign(&mut world, "node-1", "the others have not heard of it");
    for other in ["node-1", "node-2", "witness-1"] {
        world.cut("node-3", other, false);
    }
    world.until("all have heard", |world| {
        world.names().iter().all(|node| !world.can_sign(node, "ops"))
    });
    let message = json!({"kind": "message", "message": "0x1234"});
    let request = world.request("ops", &message, "wallet-service");
    let filed = world.file("node-1", &request, "wallet-service", None).unwrap();
    world.stop("node-2");
    let node_2 = world.id("node-2");
    world.start(node_2);
    world.pass(120_000);
    for node in world.names() {
        assert_ne!(world.show(&node, &filed.request).state, RequestState::Signed, "{node}");
        assert!(
            world.host(&node).alarms.iter().any(|alarm| alarm.contains("alice froze the key ops"))
        );
    }
    // That its author leaves ends nothing: it takes a thaw.
    let gone = PeopleChange::one(Change::Revoke { name: name("alice") });
    world.enact("node-2", MotionBody::People(gone));
    world.stop("node-3");
    let node_3 = world.id("node-3");
    world.start(node_3);
    world.pass(60_000);
    for node in world.names() {
        assert!(!world.can_sign(&node, "ops"), "{node} stays frozen");
    }
    // A thaw is an entry; what it ended is over for ever.
    let thaw = MotionBody::Thaw { freezes: vec![signed.digest()], barred: vec![], refused: vec![] };
    world.enact("node-1", thaw);
    world.until_state("node-1", &filed.request, RequestState::Signed);
    world.inject(world.id("node-3"), world.id("node-1"), &Message::Freeze(signed.clone()));
    assert!(freeze(&mut world, "node-2", "bob", &signed).unwrap_err().contains("was ended"));
    sign(&mut world, "node-2", "thawed");
}

/// GOV-91, GOV-92: whoever is barred freezes nothing, nobody freezes in another's name, and one
/// stolen key does not fill a node's memory.
#[test]
fn a_freezer_can_be_barred() {
    let (mut world, id) = with_ops(91, Shape::default(), TREE, 1);
    let forged = {
        let ActorId::Person(by) = world.founding.actor("bob") else { panic!() };
        let genesis = world.founding.hash;
        let reason = "in another's name".to_owned();
        let (scope, nonce) = (FreezeScope::Domain, Digest([1; 32]));
        let freeze = Freeze { version: 1, genesis, scope, by, reason, nonce };
        SignedFreeze::sign(&freeze, world.founding.signer("alice")).unwrap()
    };
    assert!(
        freeze(&mut world, "node-1", "alice", &forged).unwrap_err().contains("does not verify")
    );
    let mut last = None;
    for _ in 0..16 {
        let signed = signed_freeze(&mut world, "auditor", FreezeScope::Key(id));
        assert!(freeze(&mut world, "node-1", "auditor", &signed).is_ok(), "an auditor may");
        last = Some(signed.digest());
    }
    let more = signed_freeze(&mut world, "auditor", FreezeScope::Key(id));
    assert!(freeze(&mut world, "node-1", "auditor", &more).is_err());
    let everything = signed_freeze(&mut world, "auditor", FreezeScope::Domain);
    assert!(freeze(&mut world, "node-1", "auditor", &everything).is_ok(), "always possible");
    let bar = MotionBody::Thaw {
        freezes: vec![last.unwrap()],
        barred: vec![name("auditor")],
        refused: vec![],
    };
    world.enact("node-2", bar);
    world.until("nothing is frozen", |world| {
        world.names().iter().all(|node| world.can_sign(node, "ops"))
    });
    let signed = signed_freeze(&mut world, "auditor", FreezeScope::Domain);
    assert!(
        freeze(&mut world, "node-1", "auditor", &signed)
            .unwrap_err()
            .contains("may freeze nothing")
    );
    let signed = signed_freeze(&mut world, "bob", FreezeScope::Domain);
    assert!(freeze(&mut world, "node-3", "bob", &signed).is_ok());
    world.until("all is frozen", |world| {
        world.names().iter().all(|node| !world.can_sign(node, "ops"))
    });
}

/// N-76: what somebody approved counts for nothing once they left.
#[test]
fn neg_076_who_left_approves_nothing() {
    let (mut world, _) = with_ops(92, Shape::default(), TREE, 1);
    let digest = json!({"kind": "raw.digest", "digest": format!("0x{}", "11".repeat(32))});
    world.make_key("treasury", quorate_identity::Scheme::EcdsaSecp256k1);
    let request = world.request("treasury", &digest, "wallet-service");
    let filed = world.file("node-1", &request, "wallet-service", None).unwrap();
    world.until_known(&filed.request);
    world.vote("node-1", &filed.request, "alice", Verdict::Approve).unwrap();
    let change = PeopleChange::one(Change::Revoke { name: name("alice") });
    world.enact("node-1", MotionBody::People(change));
    world.vote("node-2", &filed.request, "bob", Verdict::Approve).unwrap();
    world.pass(120_000);
    for node in world.names() {
        let state = world.show(&node, &filed.request).state;
        assert_ne!(state, RequestState::Signed, "{node}");
    }
}

/// GOV-86: nobody is suspended, revoked, barred or left behind without a word of it: every node says
/// so, with the names of whom it touches. What touches a key alone is no such news.
#[test]
fn whom_a_motion_touches_at_once_every_node_says() {
    let mut world = World::of(86, FIVE);
    world.make_key("ops", Scheme::Ed25519);
    for node in world.names() {
        assert!(world.host(&node).alarms.is_empty(), "{:?}", world.host(&node).alarms);
    }
    let declared = Declaration { operator: "Acme".to_owned(), ..Declaration::default() };
    let declares = changes(NodeChange::Declare { name: name("node-2"), declared });
    let of_people = |change| {
        let (changes, rules, excepted) = (vec![change], None, Vec::new());
        MotionBody::People(PeopleChange { changes, rules, excepted })
    };
    let team = |members: &[&str]| Change::Team {
        name: name("night"),
        members: members.iter().map(|who| name(who)).collect(),
    };
    let refused = Vec::new();
    let thaw =
        MotionBody::Thaw { freezes: vec![Digest([7; 32])], barred: vec![name("alice")], refused };
    let mut rules = world.state("node-1").rules().clone();
    rules.main.delay_ms = DELAY;
    let minimum = MotionBody::ReleaseRequire { minimum: "1.0.0".parse().unwrap() };
    // What is said of a node does nothing to it.
    world.enact("node-1", declares);
    for node in world.names() {
        assert!(world.host(&node).alarms.is_empty(), "{:?}", world.host(&node).alarms);
    }
    for (body, kind, touched) in [
        (stands("node-3", Standing::Waits), "node-suspend", "node-3"),
        // Its rule has no delay yet.
        (stands("node-3", Standing::Votes), "node-resume", "node-3"),
        (of_people(team(&["alice", "bob"])), "team-set", "alice, bob, night"),
        (of_people(team(&["bob"])), "team-set", "alice, bob, night"),
        (thaw, "thaw", "alice"),
        (minimum, "release-require", "every node that runs less than version 1.0.0"),
        (MotionBody::People(PeopleChange::rules(rules)), "rules-set", "ada, ben, cleo"),
        (of_people(Change::Revoke { name: name("bob") }), "member-revoke", "bob"),
        (revokes("node-4"), "node-revoke", "node-4"),
    ] {
        let says = format!("({kind}) took effect at once: it touches {touched}");
        let told = |world: &World, node: &str| {
            let alarms = &world.host(node).alarms;
            alarms.iter().filter(|alarm| alarm.ends_with(&says)).count()
        };
        let before: Vec<(String, usize)> =
            world.names().into_iter().map(|node| (node.clone(), told(&world, &node))).collect();
        world.enact("node-1", body);
        world.until(kind, |world| before.iter().all(|(node, known)| told(world, node) > *known));
        for (node, known) in before {
            assert_eq!(told(&world, &node), known + 1, "{node}, {kind}");
            let lines = audit(&mut world, &node);
            assert!(lines.iter().any(|line| line.text.ends_with(&says)), "{node}, {kind}");
        }
    }

    // What waits says it when it is announced, and not once more when it takes effect.
    let six = Newcomer::new(&mut world, "node-6", Role::Signer);
    let admits = changes(six.admission(Standing::Waits));
    let motion = file(&mut world, "node-1", admits, &["ada", "ben"]);
    let until_fate = |world: &mut World, is: fn(Fate) -> bool| {
        world.until("its fate", |world| fate(world, "node-1", &motion).is_some_and(is));
    };
    let said = |world: &World| -> Vec<String> {
        let alarms = world.host("node-1").alarms.iter();
        alarms.filter(|alarm| alarm.contains("(node-admit)")).cloned().collect()
    };
    until_fate(&mut world, |fate| fate == Fate::Announced);
    let announced = said(&world);
    assert_eq!(announced.len(), 1, "{announced:?}");
    let text = &announced[0];
    assert!(text.contains("is announced") && text.ends_with("it touches node-6"), "{text}");
    until_fate(&mut world, |fate| matches!(fate, Fate::Enacted(_)));
    assert_eq!(said(&world), announced);
}
