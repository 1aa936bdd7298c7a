//! What must never work against a node: each test is one attack of the catalogue, and the
//! check of `spec/node.md` that defeats it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that panics has failed")]

use quorate_charter::{
    BallotBody, CertifiedEntry, Decided, Entry, EntryBody, Hello, Incarnation, Instance,
    Recognition, SignedBallotMessage, SignedHello, SignedWelcome, Welcome,
};
use quorate_client::contract::{OutcomeView, RequestState};
use quorate_codec::{Digest, Transcript, tag};
use quorate_engine::{Failure, Fault};
use quorate_identity::{NodeId, NodeSecrets, RequestId, Scheme};
use quorate_machine::durable::Table;
use quorate_machine::event::Barrier;
use quorate_machine::job::{JobResult, Part};
use quorate_machine::wire::{Message, SessionMessage, SessionStep, Target, Terms};
use quorate_policy::request::Verdict;
use quorate_testkit::founding::POLICY;
use quorate_testkit::keys::evidence;
use quorate_testkit::world::World;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

fn message(text: &str) -> Value {
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    json!({"kind": "message", "message": format!("0x{digits}")})
}

fn digest(byte: u8) -> Value {
    json!({"kind": "raw.digest", "digest": format!("0x{}", format!("{byte:02x}").repeat(32))})
}

fn ready(seed: u64, key: &str, scheme: Scheme) -> World {
    let mut world = World::new(seed);
    world.make_key(key, scheme);
    world.set_policy("node-1", POLICY);
    world.until("all can sign", |world| world.names().iter().all(|node| world.can_sign(node, key)));
    world
}

fn file(world: &mut World, node: &str, key: &str, intent: &Value) -> RequestId {
    let request = world.request(key, intent, "wallet-service");
    world.file(node, &request, "wallet-service", None).unwrap().request
}

/// Lets every proposal be changed on its way.
fn change_terms(world: &mut World, change: impl Fn(&mut Terms) + 'static) {
    world.wiretap = Some(Box::new(move |_, _, mut message| {
        if let Message::Session(SessionMessage {
            step: SessionStep::Propose { terms, .. }, ..
        }) = &mut message
        {
            change(terms);
        }
        vec![message]
    }));
}

/// Steps until some node has refused a proposal for a request; the reason.
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

/// SES-03: head, epoch, quorum, incarnations, request: whatever differs at two parties ends the
/// session at its first message, and nothing that depends on a share has left.
#[test]
fn neg_021_another_context_ends_the_session_before_a_share_is_used() {
    type Change = fn(&mut Terms);
    let changes: [(&str, Change); 5] = [
        ("charter head", |terms| terms.head.0 = Digest([7; 32])),
        ("epoch of the key", |terms| terms.epoch_record = Digest([7; 32])),
        ("incarnations", |terms| terms.incarnations.reverse()),
        ("key", |terms| terms.key.0 = Digest([7; 32])),
        ("domain", |terms| terms.genesis.0 = Digest([7; 32])),
    ];
    let mut world = ready(21, "ops", Scheme::Ed25519);
    for (number, (field, change)) in changes.into_iter().enumerate() {
        change_terms(&mut world, change);
        let id = file(&mut world, "node-1", "ops", &message(&format!("request {number}")));
        let before = rounds_sent(&world);
        let reason = refused(&mut world, &id);
        assert!(reason.ends_with(field), "{reason}");
        assert_eq!(rounds_sent(&world), before, "{field}");
        world.wiretap = None;
        world.until_state("node-1", &id, RequestState::Signed);
    }
}

fn rounds_sent(world: &World) -> usize {
    let outputs = ["node-1", "node-2", "node-3"].map(|node| &world.host(node).outputs);
    let messages = outputs.into_iter().flatten().flat_map(|output| &output.messages);
    let is_round = |message: &Message| {
        matches!(message, Message::Session(SessionMessage { step: SessionStep::Round { .. }, .. }))
    };
    messages.filter(|(_, message)| is_round(message)).count()
}

/// SES-03: what is signed is what each node computed from the preimage itself.
#[test]
fn neg_073_a_proposal_to_sign_something_else_is_refused_and_recorded() {
    let mut world = ready(73, "vault", Scheme::Bip340);
    let id = file(&mut world, "node-1", "vault", &digest(1));
    change_terms(&mut world, |terms| terms.payloads = Digest([9; 32]));
    world.vote("node-1", &id, "alice", Verdict::Approve).unwrap();
    world.vote("node-1", &id, "bob", Verdict::Approve).unwrap();
    let reason = refused(&mut world, &id);
    assert!(reason.contains("what is to be signed"), "{reason}");
    world.wiretap = None;
    world.until_state("node-1", &id, RequestState::Signed);
}

/// SES-06: the head moves after the proposal; the session ends and the new policy decides.
#[test]
fn neg_074_a_policy_that_changes_between_check_and_sign_wins() {
    let mut world = ready(74, "ops", Scheme::Ed25519);
    // Hold every contribution back, so that sessions wait with a decision made at the old head.
    let held = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&held);
    world.wiretap = Some(Box::new(move |from, to, message| {
        if let Message::Session(SessionMessage { step: SessionStep::Join { .. }, .. }) = &message {
            keep.lock().unwrap().push((from, to, message));
            return Vec::new();
        }
        vec![message]
    }));
    let id = file(&mut world, "node-1", "ops", &message("too late"));
    world.until("a contribution is on its way", |_| !held.lock().unwrap().is_empty());
    let mut stricter = POLICY;
    let cedar = POLICY[0]
        .replace("@id(\"messages\")", "@id(\"messages\")\n@approvals(\"all of (alice, bob)\")");
    stricter[0] = &cedar;
    stricter[3] = r#"[{"name": "a message waits", "requester": "service:wallet-service",
        "key": {"name": "ops", "scheme": "ed25519"}, "facts": {"kind": "message"},
        "expect": "wait", "rule": "messages"}]"#;
    world.set_policy("node-2", stricter);
    for (from, to, message) in held.lock().unwrap().drain(..) {
        world.inject(from, to, &message);
    }
    world.wiretap = None;
    world.pass(60_000);
    for node in world.names() {
        let view = world.show(&node, &id);
        assert_eq!(view.state, RequestState::Waiting, "{node}");
        assert!(view.signatures.is_empty());
    }
}

/// PAR-04: the quarantine is in the same output as the reply, behind a barrier; the pair is used
/// by no key any more, and stays quarantined over a restart.
#[test]
fn neg_031_a_failed_check_quarantines_the_pair_before_any_reply() {
    let mut world = ready(31, "treasury", Scheme::EcdsaSecp256k1);
    let id = file(&mut world, "node-1", "treasury", &digest(3));
    let (liar, victim) = quarantine_once(&mut world);
    world.vote("node-1", &id, "alice", Verdict::Approve).unwrap();
    world.vote("node-1", &id, "bob", Verdict::Approve).unwrap();
    world.until("a pair is quarantined", |_| victim.lock().unwrap().is_some());
    let victim = victim.lock().unwrap().unwrap();
    let node = world.founding.nodes[&victim].name.to_string();
    let liar = liar.lock().unwrap().unwrap();
    world.until_state("node-1", &id, RequestState::Signed);
    let outputs = &world.host(&node).outputs;
    let quarantine =
        outputs.iter().find(|output| output.tables.contains(&Table::Quarantine)).unwrap();
    assert!(quarantine.barrier == Barrier::Full && quarantine.tables.contains(&Table::Pair));
    let replies: Vec<&Message> = quarantine.messages.iter().map(|(_, message)| message).collect();
    assert!(replies.iter().any(|message| is_abort(message)), "{replies:?}");
    let key: &[u8] = liar.as_ref();
    assert!(!world.host(&node).disk.contains_key(&(Table::Pair, key.to_vec())));
    world.stop(&node);
    world.start(victim);
    world.pass(120_000);
    assert!(!world.host(&node).disk.contains_key(&(Table::Pair, key.to_vec())));
    assert!(world.host(&node).disk.contains_key(&(Table::Quarantine, key.to_vec())));
}

type Seen = Arc<Mutex<Option<NodeId>>>;

/// The first engine round of a node whose quorum has another node fails as a check of the
/// multiplication would: the liar and the victim.
fn quarantine_once(world: &mut World) -> (Seen, Seen) {
    let (liar, victim): (Seen, Seen) = Default::default();
    let (found, fell) = (Arc::clone(&liar), Arc::clone(&victim));
    let peers: Arc<Mutex<std::collections::BTreeMap<_, _>>> = Default::default();
    let known = Arc::clone(&peers);
    world.wiretap = Some(Box::new(move |from, to, message| {
        if let Message::Session(SessionMessage { step: SessionStep::Round { .. }, .. }) = &message {
            known.lock().unwrap().insert(to, from);
        }
        vec![message]
    }));
    world.jobs = Some(Box::new(move |node, job| {
        let is_engine = job.part == Part::Engine;
        let result = job.run();
        let peer = peers.lock().unwrap().get(&node).copied();
        let (JobResult::Advanced(_), Some(peer), true, None) =
            (&result, peer, is_engine, *fell.lock().unwrap())
        else {
            return Some(result);
        };
        *fell.lock().unwrap() = Some(node);
        *found.lock().unwrap() = Some(peer);
        Some(JobResult::Advanced(Err(Failure {
            fault: Fault::Peer { culprits: vec![peer] },
            reason: "a check of the multiplication failed".into(),
            quarantine: Some(peer),
            complaint: None,
        })))
    }));
    (liar, victim)
}

fn is_abort(message: &Message) -> bool {
    matches!(message, Message::Session(SessionMessage { step: SessionStep::Abort, .. }))
}

/// PAR-04: a failure of one session ends every session of the pair, whatever its key or request.
#[test]
fn neg_044_a_quarantine_ends_all_sessions_of_the_pair() {
    let mut world = ready(44, "treasury", Scheme::EcdsaSecp256k1);
    let ids: Vec<RequestId> =
        (10..14).map(|byte| file(&mut world, "node-1", "treasury", &digest(byte))).collect();
    let (_, victim) = quarantine_once(&mut world);
    for id in &ids {
        world.vote("node-1", id, "alice", Verdict::Approve).unwrap();
        world.vote("node-1", id, "bob", Verdict::Approve).unwrap();
    }
    world.until("a pair is quarantined", |_| victim.lock().unwrap().is_some());
    let victim = victim.lock().unwrap().unwrap();
    let node = world.founding.nodes[&victim].name.to_string();
    world.until("it is written", |world| {
        world.host(&node).outputs.iter().any(|output| output.tables.contains(&Table::Quarantine))
    });
    for id in &ids {
        world.until_state("node-1", id, RequestState::Signed);
    }
}

/// NOD-18: two certificates for one position prove more liars than the domain tolerates. Whoever
/// was shown the other one shows it to everybody, a node that was away included, and each stops by
/// itself.
#[test]
fn neg_072_a_node_that_sees_the_charter_forked_halts_for_good() {
    let mut world = ready(72, "ops", Scheme::Ed25519);
    let (liar, honest) = (world.id("node-2"), world.id("node-1"));
    let forked = forked(&world);
    world.stop("node-3");
    world.inject(liar, honest, &forked);
    world.until("everybody halts", |world| {
        world.names().iter().filter(|node| *node != "node-3").all(|node| abstains(world, node))
    });
    world.stop("node-2");
    world.stop("witness-1");
    world.stop("node-1");
    world.start(honest);
    let late = world.id("node-3");
    world.start(late);
    world.until("who was away halts too", |world| abstains(world, "node-3"));
    world.pass(60_000);
    let status = world.status("node-1");
    assert!(!status.leased && !status.keys[0].can_sign);
    assert!(status.halted.unwrap().contains("certified"));
    assert!(world.host("node-1").alarms.iter().any(|text| text.contains("halted")));
    // Who signed both in one ballot is proven guilty by both together (AGR-10), to anybody.
    let evidence = evidence(&mut world, "node-1");
    assert!(evidence.len() >= 2, "{evidence:?}");
    for piece in evidence {
        let (what, place) = ("two statements for one precommit", "position 1");
        assert_eq!((piece.what.as_str(), piece.place.as_str()), (what, place));
    }
}

fn abstains(world: &World, node: &str) -> bool {
    world.host(node).node.as_ref().unwrap().abstains().is_some()
}

/// A second entry for position 1, certified by all voters.
fn forked(world: &World) -> Message {
    let (founding, now) = (&world.founding, world.now);
    let body = founding.key_order("forked", Scheme::Ed25519);
    let who = ["ada", "ben"];
    let motion = founding.motion(&founding.state, body, Digest([4; 32]), now + 3_600_000, &who);
    let entry = Entry::next(&founding.state, EntryBody::Motion(motion));
    let value = quorate_codec::to_bytes(&entry);
    let digest = Transcript::new(tag::DECISION_VALUE).part(&value).digest();
    let instance = Instance::Position(1);
    let precommit = |(node, secrets): (&NodeId, NodeSecrets)| {
        let body = BallotBody::Precommit(Some(digest));
        let sign = |tag, bytes: &[u8]| secrets.sign(tag, bytes);
        let genesis = founding.state.genesis();
        let vote = SignedBallotMessage::sign(genesis, instance, 0, *node, body, &sign);
        (*node, *vote.signature())
    };
    let voters = founding.nodes.iter().map(|(node, it)| (node, it.secrets()));
    let certificate = voters.map(precommit).collect();
    let genesis = founding.state.genesis();
    let decided = Decided { version: 1, genesis, instance, ballot: 0, value, certificate };
    Message::Entries(vec![CertifiedEntry::from_decided(&decided).unwrap()])
}

/// Shows a node its own statement that lies ahead of it.
fn lapsed(world: &World) -> Message {
    let (node, peer) = (world.id("node-1"), world.id("node-2"));
    let state = world.state("node-1");
    let hello = Hello {
        version: 1,
        genesis: state.genesis(),
        node,
        incarnation: Incarnation::first(Digest([1; 32])),
        head: state.head(),
        position: state.position(),
        highest_vote: 99,
        nonce: Digest::ZERO,
        time_ms: world.now,
        program: quorate_testkit::world::program(quorate_testkit::world::VERSION),
    };
    let evidence = SignedHello::sign(hello, &world.founding.nodes[&node].secrets());
    let welcome = Welcome {
        version: 1,
        genesis: state.genesis(),
        node: peer,
        to: node,
        recognition: Recognition::Lapsed(Box::new(evidence)),
        head: state.head(),
        position: state.position(),
        highest_vote: state.position(),
        locked: false,
        nonce: Digest::ZERO,
        time_ms: world.now,
    };
    Message::Welcome(SignedWelcome::sign(welcome, &world.founding.nodes[&peer].secrets()))
}

/// NOD-11, NOD-14, NOD-18: a node that halts or finds itself lapsed in the midst of making a key
/// says nothing more about it, whatever it was still computing.
#[test]
fn neg_061_a_node_that_abstains_leaves_the_dealing_too() {
    for cause in [forked, lapsed] {
        let mut world = World::new(18);
        let (peer, node) = (world.id("node-2"), world.id("node-1"));
        let body = world.founding.key_order("ops", Scheme::Ed25519);
        world.enact("node-1", body);
        world.until("node-1 deals", |world| dealt(world, "node-1") > 0);
        let cause = cause(&world);
        world.inject(peer, node, &cause);
        world.until("node-1 abstains", |world| abstains(world, "node-1"));
        let before = dealt(&world, "node-1");
        world.pass(60_000);
        assert_eq!(dealt(&world, "node-1"), before);
    }
}

fn dealt(world: &World, node: &str) -> usize {
    let messages = world.host(node).outputs.iter().flat_map(|output| &output.messages);
    messages.filter(|(_, message)| matches!(message, Message::Deal(_))).count()
}

/// NOD-04: a clock that ran far ahead for a while is not made durable, because no quorum bears it
/// out; set right, the node is back after a restart.
#[test]
fn nod_04_a_clock_that_ran_ahead_can_be_set_right() {
    let mut world = ready(4, "ops", Scheme::Ed25519);
    world.host_mut("node-3").ahead_ms = 365 * 24 * 3_600_000;
    world.set_policy("node-1", POLICY);
    world.pass(120_000);
    assert!(!world.status("node-3").leased);
    world.stop("node-3");
    world.host_mut("node-3").ahead_ms = 0;
    let node = world.id("node-3");
    world.start(node);
    world.until("node-3 can sign", |world| world.can_sign("node-3", "ops"));
}

/// NOD-04, N-72: a clock that is set back while the node is off sets nothing back. It goes on from the last
/// time at which it did something under a lease, so that what was over by then stays over.
#[test]
fn nod_04_time_goes_on_over_a_restart_whatever_the_clock_says() {
    let mut world = ready(5, "ops", Scheme::Ed25519);
    // Within the bound that others accept.
    world.host_mut("node-3").ahead_ms = 4_000;
    world.pass(30_000);
    assert!(world.status("node-3").leased);
    let said = |world: &World, since: usize| -> Vec<u64> {
        let outputs = world.host("node-3").outputs.iter().skip(since);
        let messages = outputs.flat_map(|output| &output.messages);
        let hellos = messages.filter_map(|(_, message)| match message {
            Message::Hello(hello) => Some(hello.body().time_ms),
            _ => None,
        });
        hellos.collect()
    };
    let id = file(&mut world, "node-3", "ops", &message("under a lease"));
    world.until_state("node-3", &id, RequestState::Signed);
    let (node, then) = (world.id("node-3"), world.now + 4_000);
    assert!(said(&world, 0).iter().all(|time| *time <= then));
    world.stop("node-3");
    world.host_mut("node-3").ahead_ms = 0;
    let before = world.host("node-3").outputs.len();
    world.start(node);
    world.pass(1_000);
    let times = said(&world, before);
    let clock = world.now;
    assert!(!times.is_empty() && times.iter().all(|time| *time > clock), "{times:?}, {clock}");
    world.until("it serves", |world| world.can_sign("node-3", "ops"));
}

/// NOD-02: a node's decision counts from the node alone. An earlier one, shown again by another,
/// undoes nothing.
#[test]
fn neg_076_an_earlier_decision_shown_by_another_node_undoes_nothing() {
    let mut world = ready(76, "vault", Scheme::Bip340);
    let [honest, author, liar] = ["node-1", "node-2", "node-3"].map(|node| world.id(node));
    let first: Arc<Mutex<Option<Message>>> = Default::default();
    let shown: Arc<Mutex<bool>> = Default::default();
    let (keep, told) = (Arc::clone(&first), Arc::clone(&shown));
    // No session, so that the request stays as it is.
    world.wiretap = Some(Box::new(move |from, to, message| match &message {
        Message::Session(_) => Vec::new(),
        Message::Decision(decision) if decision.node() == author && to == honest => {
            keep.lock().unwrap().get_or_insert_with(|| message.clone());
            *told.lock().unwrap() |= from == liar;
            vec![message]
        }
        _ => vec![message],
    }));
    let id = file(&mut world, "node-1", "vault", &digest(7));
    world.until("node-2 waits", |world| {
        first.lock().unwrap().is_some() && decided(world, &id) == Some(OutcomeView::Wait)
    });
    world.vote("node-1", &id, "alice", Verdict::Approve).unwrap();
    world.vote("node-1", &id, "bob", Verdict::Approve).unwrap();
    world.until("node-2 allows", |world| decided(world, &id) == Some(OutcomeView::Allow));
    let again = first.lock().unwrap().clone().unwrap();
    world.inject(liar, honest, &again);
    world.until("it is shown again", |_| *shown.lock().unwrap());
    assert_eq!(decided(&mut world, &id), Some(OutcomeView::Allow));
    world.wiretap = None;
    world.until_state("node-1", &id, RequestState::Signed);
}

/// What node-2 decided, as node-1 knows it.
fn decided(world: &mut World, id: &RequestId) -> Option<OutcomeView> {
    let decisions = world.show("node-1", id).decisions;
    decisions.iter().find(|it| it.node.as_str() == "node-2").map(|it| it.outcome)
}

/// NOD-17: a node whose clock is off gets no attestation that counts, and stops itself.
#[test]
fn nod_17_a_node_outside_the_clock_bound_holds_no_lease() {
    let mut world = ready(17, "ops", Scheme::Ed25519);
    world.host_mut("node-3").ahead_ms = 20_000;
    world.pass(120_000);
    assert!(!world.status("node-3").leased);
    assert!(world.status("node-1").leased && world.status("witness-1").leased);
    let id = file(&mut world, "node-1", "ops", &message("without node-3"));
    world.until_state("node-1", &id, RequestState::Signed);
}

/// NOD-02, SES-03: who is no member of the key, or of the domain, takes part in nothing.
#[test]
fn neg_059_who_does_not_belong_to_the_key_gets_no_session() {
    let mut world = ready(59, "vault", Scheme::Bip340);
    let id = file(&mut world, "node-1", "vault", &digest(5));
    world.until("node-1 has judged", |world| !world.show("node-1", &id).decisions.is_empty());
    let (witness, honest) = (world.id("witness-1"), world.id("node-1"));
    let mut quorum = vec![witness, honest];
    quorum.sort();
    let state = world.state("node-1");
    let terms = Terms {
        version: 1,
        genesis: state.genesis(),
        head: state.head(),
        target: Target::Request(id),
        key: state.keys().next().unwrap().key,
        epoch_record: Digest::ZERO,
        payloads: Digest::ZERO,
        incarnations: vec![Digest::ZERO; 2],
        quorum,
        account: 0,
        path: Vec::new(),
        child_key: Vec::new(),
        presignatures: Vec::new(),
    };
    let step = SessionStep::Propose { terms, attempt: 0, first: vec![0; 32], generations: vec![] };
    let proposal = Message::Session(SessionMessage { run: Digest([1; 32]), step });
    world.inject(witness, honest, &proposal);
    let reason = refused(&mut world, &id);
    assert!(reason.contains("allowed") || reason.contains("quorum"), "{reason}");
    world.vote("node-1", &id, "alice", Verdict::Approve).unwrap();
    world.vote("node-1", &id, "bob", Verdict::Approve).unwrap();
    world.until("node-1 allows", |world| world.show("node-1", &id).state != RequestState::Waiting);
    world.inject(witness, honest, &proposal);
    let view = world.until_state("node-1", &id, RequestState::Signed);
    assert!(view.refusals.iter().all(|refusal| refusal.proposed_by.as_str() == "witness-1"));
    let stranger = NodeId(Digest([3; 32]));
    let bytes = quorate_codec::to_bytes(&proposal);
    assert!(quorate_machine::ingress::check(&state, stranger, &bytes).is_err());
}

/// CER-08: a share that is not what the record says is not used.
#[test]
fn neg_060_a_damaged_share_is_noticed_at_the_start() {
    let mut world = ready(60, "ops", Scheme::Ed25519);
    world.stop("node-1");
    world.stop("node-2");
    let other: Vec<_> = {
        let disk = &world.host("node-2").disk;
        disk.iter()
            .filter(|((table, _), _)| *table == Table::Share)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    };
    world.host_mut("node-1").disk.extend(other);
    for node in ["node-1", "node-2"] {
        let node = world.id(node);
        world.start(node);
    }
    assert!(world.host("node-1").alarms.iter().any(|text| text.contains("damaged")));
    let id = file(&mut world, "node-2", "ops", &message("without node-1's share"));
    world.until_state("node-2", &id, RequestState::Signed);
}

/// NOD-14 to NOD-16: a node restored from an old copy finds out, abstains, voids what was
/// one-time, and comes back by its operator's hand.
#[test]
fn neg_061_a_restored_node_is_lapsed_until_the_charter_takes_it_back() {
    let mut world = ready(61, "treasury", Scheme::EcdsaSecp256k1);
    world.until("pairs exist", |world| has_pairs(world, "node-2"));
    let old = world.host("node-2").disk.clone();
    let node = world.id("node-2");
    world.stop("node-2");
    world.start(node);
    world.set_policy("node-1", POLICY);
    world.stop("node-2");
    world.host_mut("node-2").disk = old;
    world.start(node);
    world.until("it is lapsed", |world| {
        world.host("node-2").node.as_ref().unwrap().abstains().is_some()
    });
    assert!(!has_pairs(&world, "node-2"));
    assert!(!world.status("node-2").leased);
    world.pass(60_000);
    assert!(world.host("node-2").node.as_ref().unwrap().abstains().is_some());
    // A restart does not heal it, however often.
    for _ in 0..3 {
        world.stop("node-2");
        world.start(node);
        world.pass(20_000);
        assert!(world.host("node-2").node.as_ref().unwrap().abstains().is_some());
    }
    // It still shows what it knows, and the others sign without it.
    world.status("node-2");
    let id = file(&mut world, "node-1", "treasury", &digest(6));
    world.vote("node-1", &id, "alice", Verdict::Approve).unwrap();
    world.vote("node-1", &id, "bob", Verdict::Approve).unwrap();
    world.until_state("node-1", &id, RequestState::Signed);
    assert_eq!(
        world
            .show("node-1", &id)
            .decisions
            .iter()
            .filter(|it| it.node.as_str() == "node-2")
            .count(),
        0
    );

    world.stop("node-2");
    let rows = quorate_testkit::world::records(&world.host("node-2").disk);
    let wish = quorate_machine::boot::rejoin(&rows).unwrap();
    let row = wish.value.unwrap().to_vec();
    world.host_mut("node-2").disk.insert((wish.table, wish.key), row);
    world.start(node);
    world.until("it is back", |world| world.can_sign("node-2", "treasury"));
    world.until("its pairs are made anew", |world| has_pairs(world, "node-2"));
    let kinds = world.state("node-1");
    assert!(kinds.rejoined(&node).is_some());
}

fn has_pairs(world: &World, node: &str) -> bool {
    world.host(node).disk.keys().filter(|(table, _)| *table == Table::Pair).count() == 2
}

/// SES-08: whatever goes wrong, the wire says the one word.
#[test]
fn neg_079_every_failure_looks_the_same_on_the_wire() {
    let mut world = ready(79, "ops", Scheme::Ed25519);
    type Cause = Box<dyn Fn(&mut SessionMessage)>;
    let causes: [Cause; 3] = [
        Box::new(|message| {
            if let SessionStep::Round { bytes, .. } = &mut message.step {
                bytes.iter_mut().for_each(|byte| *byte ^= 0x55);
            }
        }),
        Box::new(|message| {
            if let SessionStep::Join { terms, .. } = &mut message.step {
                *terms = Digest([1; 32]);
            }
        }),
        Box::new(|message| {
            if let SessionStep::Propose { terms, .. } = &mut message.step {
                terms.payloads = Digest([1; 32]);
            }
        }),
    ];
    let mut seen = Vec::new();
    for (number, cause) in causes.into_iter().enumerate() {
        let answers = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&answers);
        world.wiretap = Some(Box::new(move |_, _, mut message| {
            if let Message::Session(session) = &mut message {
                if let SessionStep::Abort = session.step {
                    kept.lock().unwrap().push(quorate_codec::to_bytes(&session.step));
                }
                cause(session);
            }
            vec![message]
        }));
        let id = file(&mut world, "node-1", "ops", &message(&format!("cause {number}")));
        world.until("an abort", |_| !answers.lock().unwrap().is_empty());
        seen.extend(answers.lock().unwrap().drain(..));
        world.wiretap = None;
        world.until_state("node-1", &id, RequestState::Signed);
    }
    seen.dedup();
    assert_eq!(seen.len(), 1);
}

/// NOD-13: a node that precommitted beyond its head neither attests nor signs until the position
/// is decided, a restart in between included.
#[test]
fn neg_101_a_locked_node_is_silent_until_the_position_is_decided() {
    let mut world = ready(101, "ops", Scheme::Ed25519);
    // Precommits are lost: everybody locks, nobody decides.
    world.wiretap = Some(Box::new(|_, _, message| match &message {
        Message::Ballot(ballot) if ballot.body().phase() == quorate_charter::Phase::Precommit => {
            Vec::new()
        }
        _ => vec![message],
    }));
    let state = world.state("node-1");
    let nonce = Digest(world.random());
    let body = world.founding.key_order("spare", Scheme::Ed25519);
    let motion = world.founding.motion(&state, body, nonce, world.now + 3_600_000, &["ada", "ben"]);
    let honest = world.id("node-1");
    let peer = world.id("node-2");
    world.inject(peer, honest, &Message::Motion(motion));
    world.until("somebody is locked", |world| !world.status("node-2").leased);
    world.until("all are locked", |world| {
        world.names().iter().all(|node| !world.status(node).leased)
    });
    let id = file(&mut world, "node-1", "ops", &message("under a superseded head"));
    world.pass(70_000);
    assert_ne!(world.show("node-1", &id).state, RequestState::Signed);
    let names = world.names();
    for node in &names {
        world.stop(node);
        let node = world.id(node);
        world.start(node);
    }
    world.pass(70_000);
    assert!(names.iter().all(|node| !world.status(node).leased));
    assert_ne!(world.show("node-1", &id).state, RequestState::Signed);
    world.wiretap = None;
    world.until_state("node-1", &id, RequestState::Signed);
    assert_eq!(world.state("node-1").position(), 3);
}

/// CER-02: a node that restarts during an attempt deals no second time in it.
#[test]
fn neg_089_a_restarted_member_abstains_from_the_attempt() {
    let mut world = World::new(89);
    let body = world.founding.key_order("ops", Scheme::Ed25519);
    let dealt: Arc<Mutex<Vec<(NodeId, u32)>>> = Default::default();
    let seen = Arc::clone(&dealt);
    world.wiretap = Some(Box::new(move |from, _, message| {
        if let Message::Deal(deal) = &message
            && let quorate_machine::wire::DealStep::Round { number: 1, .. } = deal.step
        {
            seen.lock().unwrap().push((from, deal.attempt));
        }
        vec![message]
    }));
    world.enact("node-1", body);
    let node = world.id("node-2");
    world.until("node-2 has dealt", |_| dealt.lock().unwrap().contains(&(node, 0)));
    world.stop("node-2");
    let before = dealt.lock().unwrap().iter().filter(|it| **it == (node, 0)).count();
    world.start(node);
    world.until("the key is active", |world| world.can_sign("node-2", "ops"));
    let dealt = dealt.lock().unwrap();
    assert_eq!(dealt.iter().filter(|it| **it == (node, 0)).count(), before);
    assert!(dealt.contains(&(node, 1)));
}

/// SES-06: an approval that ends while contributions are awaited ends the session.
#[test]
fn neg_074_an_authorisation_that_ends_before_the_engine_begins_signs_nothing() {
    let mut world = ready(75, "vault", Scheme::Bip340);
    let held = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&held);
    world.wiretap = Some(Box::new(move |from, to, message| {
        if let Message::Session(SessionMessage { step: SessionStep::Join { .. }, .. }) = &message {
            keep.lock().unwrap().push((from, to, message));
            return Vec::new();
        }
        vec![message]
    }));
    let id = file(&mut world, "node-1", "vault", &digest(7));
    for who in ["alice", "bob"] {
        world.vote_for("node-1", &id, who, Verdict::Approve, 5_000).unwrap();
    }
    world.until("a contribution is on its way", |_| !held.lock().unwrap().is_empty());
    // The member that joined last has all it needs.
    world.pass(10);
    let before = rounds_sent(&world);
    world.pass(6_000);
    for (from, to, message) in held.lock().unwrap().drain(..) {
        world.inject(from, to, &message);
    }
    world.wiretap = None;
    world.pass(30_000);
    assert_eq!(rounds_sent(&world), before);
    assert_ne!(world.show("node-1", &id).state, RequestState::Signed);
}
