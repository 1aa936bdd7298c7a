//! Who signs with whom: leaders, quorums and pair set-ups, and what one liar can do to them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that panics has failed")]

use quorate_access::Tree;
use quorate_client::contract::{RequestState, SessionFigures};
use quorate_codec::Digest;
use quorate_engine::{Failure, Fault};
use quorate_identity::{NodeId, RequestId, Scheme};
use quorate_machine::durable::Table;
use quorate_machine::job::{JobResult, Part};
use quorate_machine::wire::{
    Message, PairMessage, PairStep, SessionMessage, SessionStep, Target, Terms,
};
use quorate_policy::request::Verdict;
use quorate_testkit::founding::{POLICY, Shape, name};
use quorate_testkit::world::World;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Runs that a wiretap has seen.
type Runs = Arc<Mutex<BTreeSet<Digest>>>;

fn message(text: &str) -> Value {
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    json!({"kind": "message", "message": format!("0x{digits}")})
}

fn digest(byte: u8) -> Value {
    json!({"kind": "raw.digest", "digest": format!("0x{}", format!("{byte:02x}").repeat(32))})
}

fn ready(seed: u64, key: &str, scheme: Scheme) -> World {
    with_key(World::new(seed), 2, 3, key, scheme)
}

fn file(world: &mut World, node: &str, key: &str, intent: &Value) -> RequestId {
    let request = world.request(key, intent, "wallet-service");
    world.file(node, &request, "wallet-service", None).unwrap().request
}

/// A domain of so many signers that tolerates one liar, with a key over a threshold of them.
fn signers(seed: u64, threshold: u8, count: usize, key: &str, scheme: Scheme) -> World {
    let shape = Shape { signers: count, witnesses: 4_usize.saturating_sub(count), faults: 1 };
    with_key(World::of(seed, shape), threshold, count, key, scheme)
}

fn with_key(mut world: World, threshold: u8, count: usize, key: &str, scheme: Scheme) -> World {
    let tree = world.founding.some_of(threshold, count);
    world.make_key_over(key, scheme, tree);
    world.set_policy("node-1", POLICY);
    world.until("all can sign", |world| world.names().iter().all(|node| world.can_sign(node, key)));
    world
}

fn approved(world: &mut World, node: &str, key: &str, byte: u8) -> RequestId {
    let id = file(world, node, key, &digest(byte));
    world.vote(node, &id, "alice", Verdict::Approve).unwrap();
    world.vote(node, &id, "bob", Verdict::Approve).unwrap();
    id
}

/// SES-10: a signer that answers no pair set-up is in no quorum that needs one.
#[test]
fn neg_082_who_makes_no_pair_set_up_holds_up_no_signature() {
    let mut world = World::new(82);
    let mute = world.id("node-2");
    world.wiretap = Some(Box::new(move |from, _, message| match message {
        Message::Pair(_) if from == mute => Vec::new(),
        other => vec![other],
    }));
    let mut world = with_key(world, 2, 3, "treasury", Scheme::EcdsaSecp256k1);
    for byte in 0..8 {
        let began = world.now;
        let id = approved(&mut world, "node-2", "treasury", byte);
        world.until_state("node-1", &id, RequestState::Signed);
        assert!(world.now - began < 1_000, "{} ms", world.now - began);
    }
}

/// SES-10: a leader knows which of the others have no set-up with each other.
#[test]
fn neg_082_two_that_have_no_pair_set_up_are_never_in_one_quorum() {
    let shape = Shape { signers: 4, witnesses: 0, faults: 1 };
    let mut world = World::of(83, shape);
    let apart = [world.id("node-2"), world.id("node-3")];
    let proposed: Arc<Mutex<Vec<Terms>>> = Default::default();
    let seen = Arc::clone(&proposed);
    world.wiretap = Some(Box::new(move |from, to, message| match message {
        Message::Pair(_) if apart.contains(&from) && apart.contains(&to) => Vec::new(),
        other => {
            if let Message::Session(session) = &other
                && let SessionStep::Propose { terms, .. } = &session.step
            {
                seen.lock().unwrap().push(terms.clone());
            }
            vec![other]
        }
    }));
    let mut world = with_key(world, 3, 4, "treasury", Scheme::EcdsaSecp256k1);
    for byte in 0..6 {
        let began = world.now;
        let id = approved(&mut world, "node-2", "treasury", byte);
        world.until_state("node-1", &id, RequestState::Signed);
        assert!(world.now - began < 1_000, "{} ms", world.now - began);
    }
    let proposed = proposed.lock().unwrap();
    assert!(!proposed.is_empty());
    for terms in proposed.iter() {
        assert!(!apart.iter().all(|node| terms.quorum.contains(node)), "{terms:?}");
    }
}

/// SES-11: whatever one member of five does to the sessions that it is in, few fail before a
/// quorum without it is found.
#[test]
fn neg_082_one_liar_of_five_spoils_few_sessions() {
    type Lie = fn(&SessionMessage, NodeId, NodeId) -> Vec<SessionStep>;
    // In place of its messages of the engine, to everybody; to one of them; in place of joining.
    let lies: [(&str, Lie); 3] = [
        ("ends what began", |message, _, _| match message.step {
            SessionStep::Round { .. } => vec![SessionStep::Abort],
            _ => vec![message.step.clone()],
        }),
        ("ends it for one", |message, to, first| match message.step {
            SessionStep::Round { .. } if to == first => vec![SessionStep::Abort],
            SessionStep::Round { .. } => Vec::new(),
            _ => vec![message.step.clone()],
        }),
        ("never joins", |message, _, _| match message.step {
            SessionStep::Join { .. } => vec![SessionStep::Abort],
            _ => vec![message.step.clone()],
        }),
    ];
    let mut world = signers(84, 3, 5, "ops", Scheme::Ed25519);
    for (lie, twist) in lies {
        for number in 0..8 {
            let liar = world.id(&format!("node-{}", 1 + number % 5));
            let first = *world.nodes().iter().find(|node| **node != liar).unwrap();
            let runs = Runs::default();
            let seen = Arc::clone(&runs);
            world.wiretap = Some(Box::new(move |from, to, message| {
                let Message::Session(session) = message else { return vec![message] };
                seen.lock().unwrap().insert(session.run);
                if from != liar {
                    return vec![Message::Session(session)];
                }
                let steps = twist(&session, to, first).into_iter();
                let run = session.run;
                steps.map(|step| Message::Session(SessionMessage { run, step })).collect()
            }));
            let text = format!("{lie} {number}");
            let node = world.founding.nodes[&first].name.to_string();
            let id = file(&mut world, &node, "ops", &message(&text));
            world.until_state(&node, &id, RequestState::Signed);
            let runs = runs.lock().unwrap().len();
            assert!(runs <= 5, "{text}: {runs} sessions");
            world.wiretap = None;
            world.until("all know", |world| {
                let names = world.names();
                names.iter().all(|node| world.show(node, &id).state == RequestState::Signed)
            });
        }
    }
}

/// SES-12: who says false things in the last round among three is not named, because nothing proves it;
/// it is there whenever a signature fails, and the figures of all others show that.
#[test]
fn neg_082_who_is_always_there_when_a_signature_fails_stands_out() {
    let mut world = signers(93, 3, 5, "treasury", Scheme::EcdsaSecp256k1);
    let liar = world.id("node-3");
    world.wiretap = Some(Box::new(move |from, _, message| match message {
        Message::Session(SessionMessage {
            run,
            step: SessionStep::Round { number: 3, mut bytes },
        }) if from == liar => {
            *bytes.last_mut().unwrap() ^= 1;
            vec![Message::Session(SessionMessage {
                run,
                step: SessionStep::Round { number: 3, bytes },
            })]
        }
        // It could sign by itself with what the others say.
        Message::Outcome(_) if from == liar => Vec::new(),
        other => vec![other],
    }));
    for byte in 1..=30 {
        let id = approved(&mut world, "node-1", "treasury", byte);
        world.until_state("node-1", &id, RequestState::Signed);
    }
    // By all honest nodes together: sessions that failed with each node in them.
    let mut failed: BTreeMap<String, u64> = BTreeMap::new();
    for at in ["node-1", "node-2", "node-4", "node-5"] {
        let nodes = world.status(at).nodes;
        let of_liar = nodes.iter().find(|node| node.name == name("node-3")).unwrap().sessions;
        for node in nodes {
            let SessionFigures { sessions, failed: here, broke } = node.sessions;
            assert!(here <= of_liar.failed && here <= sessions && broke == 0, "{at}: {node:?}");
            *failed.entry(node.name.to_string()).or_default() += here;
        }
    }
    let of_liar = failed.remove("node-3").unwrap();
    assert!(failed.values().all(|other| *other < of_liar), "{of_liar} and {failed:?}");
}

/// SES-11: a leader whom a member refused asks the others first, where it needs all of them but one.
/// No other leader is heard, so that it is the same who asks again.
#[test]
fn neg_082_who_refuses_to_join_is_not_asked_again_at_once() {
    let mut world = signers(86, 4, 5, "ops", Scheme::Ed25519);
    let (leader, liar) = (world.id("node-1"), world.id("node-5"));
    let runs = Runs::default();
    let seen = Arc::clone(&runs);
    world.wiretap = Some(Box::new(move |from, _, message| {
        let Message::Session(mut session) = message else { return vec![message] };
        if matches!(session.step, SessionStep::Propose { .. }) {
            if from != leader {
                return Vec::new();
            }
            seen.lock().unwrap().insert(session.run);
        }
        if from == liar && matches!(session.step, SessionStep::Join { .. }) {
            session.step = SessionStep::Abort;
        }
        vec![Message::Session(session)]
    }));
    for number in 0..24 {
        let id = file(&mut world, "node-1", "ops", &message(&format!("{number}")));
        world.until_state("node-1", &id, RequestState::Signed);
        let asked = std::mem::take(&mut *runs.lock().unwrap()).len();
        assert!(asked <= 2, "{number}: {asked} sessions");
    }
}

/// SES-11: a liar that proposes again and again uses up nobody's attempts.
#[test]
fn neg_082_who_breaks_what_it_leads_is_not_followed_for_long() {
    let mut world = signers(85, 3, 5, "ops", Scheme::Ed25519);
    let liar = world.id("node-3");
    let caught: Arc<Mutex<Vec<(NodeId, Terms, SessionStep)>>> = Default::default();
    let kept = Arc::clone(&caught);
    // No proposal arrives; those of the liar are kept.
    world.wiretap = Some(Box::new(move |from, to, message| match &message {
        Message::Session(SessionMessage { step, .. }) => match step {
            SessionStep::Propose { terms, .. } => {
                if from == liar {
                    kept.lock().unwrap().push((to, terms.clone(), step.clone()));
                }
                Vec::new()
            }
            _ => vec![message],
        },
        _ => vec![message],
    }));
    for number in 0..10 {
        file(&mut world, "node-1", "ops", &message(&format!("{number}")));
    }
    world.until("the liar leads", |_| !caught.lock().unwrap().is_empty());
    let (_, terms, step) = caught.lock().unwrap()[0].clone();
    let Target::Request(id) = terms.target else { panic!("{terms:?}") };
    let members: Vec<NodeId> = terms.quorum.into_iter().filter(|node| *node != liar).collect();
    let mut joined = 0;
    for number in 0..100_u8 {
        let run = Digest([number; 32]);
        for step in [step.clone(), SessionStep::Abort] {
            // Past the wiretap: what the liar sends by other means.
            let held = world.wiretap.take();
            for member in &members {
                let step = step.clone();
                world.inject(liar, *member, &Message::Session(SessionMessage { run, step }));
            }
            world.pass(0);
            world.wiretap = held;
        }
        joined += joins(&world, &members, &run);
    }
    assert!(joined > 0 && joined <= 16, "{joined} joins");
    world.wiretap = None;
    world.until_state("node-1", &id, RequestState::Signed);
}

/// SES-07: a session is left for one of an earlier turn once for each leader. A liar that claims
/// ever earlier turns holds nobody: its session ends, and counts for it.
#[test]
fn neg_082_ever_earlier_turns_hold_nobody() {
    let mut world = signers(89, 3, 5, "ops", Scheme::Ed25519);
    let liar = world.id("node-3");
    let caught: Arc<Mutex<Vec<SessionStep>>> = Default::default();
    let kept = Arc::clone(&caught);
    world.wiretap = Some(Box::new(move |from, _, message| match &message {
        Message::Session(SessionMessage { step: SessionStep::Propose { .. }, .. })
            if from != liar =>
        {
            Vec::new()
        }
        Message::Session(SessionMessage { step, .. }) if from == liar => {
            kept.lock().unwrap().push(step.clone());
            Vec::new()
        }
        _ => vec![message],
    }));
    for number in 0..10 {
        file(&mut world, "node-1", "ops", &message(&format!("{number}")));
    }
    world.until("the liar leads", |_| !caught.lock().unwrap().is_empty());
    let SessionStep::Propose { terms, attempt, first, generations } =
        caught.lock().unwrap()[0].clone()
    else {
        panic!("it proposes first");
    };
    let Target::Request(id) = terms.target else { panic!("{terms:?}") };
    let members: Vec<NodeId> = terms.quorum.iter().copied().filter(|node| *node != liar).collect();
    world.wiretap = None;
    let mut joined = 0;
    for number in 0..60_u32 {
        // Only one of them is asked, so nothing ever begins.
        let run = Digest([u8::try_from(number).unwrap(); 32]);
        let (terms, first) = (terms.clone(), first.clone());
        let attempt = attempt + 5 * (1_000 - number);
        let generations = generations.clone();
        let step = SessionStep::Propose { terms, attempt, first, generations };
        world.inject(liar, members[0], &Message::Session(SessionMessage { run, step }));
        world.pass(1);
        joined += joins(&world, &members[..1], &run);
    }
    assert!(joined <= 2, "{joined} joins");
    world.until_state("node-1", &id, RequestState::Signed);
}

/// How often nodes have joined a run.
fn joins(world: &World, nodes: &[NodeId], run: &Digest) -> usize {
    let sent = nodes.iter().flat_map(|node| {
        let name = world.founding.nodes[node].name.to_string();
        let outputs = world.host(&name).outputs.iter().flat_map(|output| &output.messages);
        outputs.map(|(_, message)| message.clone()).collect::<Vec<_>>()
    });
    let is_join = |message: &Message| {
        matches!(message, Message::Session(SessionMessage { run: of, step: SessionStep::Join { .. } })
            if of == run)
    };
    sent.filter(is_join).count()
}

/// PAR-05: asking for a set-up again and again, or claiming to lack one, starts one job a pause.
#[test]
fn neg_031_asking_for_set_ups_again_and_again_starts_few() {
    let mut world = ready(86, "treasury", Scheme::EcdsaSecp256k1);
    world.pass(60_000);
    let mut ids: Vec<NodeId> = world.founding.two_of_three().parties().into_iter().collect();
    ids.sort();
    let (low, high) = (ids[0], ids[2]);
    for (liar, honest, lacks) in [(low, high, false), (high, low, true)] {
        let started = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&started);
        world.jobs = Some(Box::new(move |node, job| {
            if node == honest && job.part == Part::Engine {
                count.fetch_add(1, Ordering::Relaxed);
            }
            Some(job.run())
        }));
        let before = asks(&world, honest, liar);
        for number in 0..100_u8 {
            let nonce = Digest([number; 32]);
            let step = if lacks { PairStep::Lack } else { PairStep::Ask { nonce } };
            let message = Message::Pair(PairMessage { run: Digest([number; 32]), step });
            world.inject(liar, honest, &message);
            if number % 10 == 0 {
                world.pass(1);
            }
        }
        world.pass(1_000);
        assert!(asks(&world, honest, liar) - before <= 1);
        // one set-up at most: its beginning, and seven rounds
        let started = started.load(Ordering::Relaxed);
        assert!(started <= 8, "{started} jobs, lacks: {lacks}");
    }
    world.jobs = None;
    world.pass(60_000);
    let id = approved(&mut world, "node-1", "treasury", 1);
    world.until_state("node-1", &id, RequestState::Signed);
}

/// How often a node has asked a peer for a set-up.
fn asks(world: &World, node: NodeId, peer: NodeId) -> usize {
    let name = world.founding.nodes[&node].name.to_string();
    let sent = world.host(&name).outputs.iter().flat_map(|output| &output.messages);
    let is_ask = |message: &Message| {
        matches!(message, Message::Pair(PairMessage { step: PairStep::Ask { .. }, .. }))
    };
    sent.filter(|(to, message)| *to == peer && is_ask(message)).count()
}

/// PAR-03: one end of a pair is restored to an older set-up. No leader would choose the pair any
/// more, so it is made anew as soon as the two tell each other.
#[test]
fn neg_060_an_older_half_of_a_pair_is_replaced() {
    let mut world = World::new(90);
    let (one, other) = (world.id("node-1"), world.id("node-2"));
    let both = Tree::gate(2, vec![Tree::Leaf(one), Tree::Leaf(other)]).unwrap();
    world.make_key_over("treasury", Scheme::EcdsaSecp256k1, both);
    world.set_policy("node-1", POLICY);
    world.until("it can sign", |world| world.can_sign("node-1", "treasury"));
    let half = |node: NodeId| (Table::Pair, AsRef::<[u8]>::as_ref(&node).to_vec());
    let older = world.host("node-2").disk[&half(one)].clone();
    for (node, name, peer) in [(one, "node-1", other), (other, "node-2", one)] {
        world.stop(name);
        world.host_mut(name).disk.remove(&half(peer)).unwrap();
        world.start(node);
    }
    world.until("both have a new half", |world| {
        let made = |name, peer| world.host(name).disk.contains_key(&half(peer));
        made("node-1", other) && made("node-2", one)
    });
    assert_ne!(world.host("node-2").disk[&half(one)], older);
    world.stop("node-2");
    world.host_mut("node-2").disk.insert(half(one), older);
    world.start(other);
    world.pass(60_000);
    let id = approved(&mut world, "node-1", "treasury", 1);
    world.until_state("node-1", &id, RequestState::Signed);
}

/// PAR-04: ending the run before the result of a failing check is back evades nothing. PAR-06:
/// once an operator has released the pair it is made anew.
#[test]
fn neg_031_ending_the_run_first_evades_no_quarantine_and_a_release_makes_the_pair_anew() {
    let mut world = ready(87, "treasury", Scheme::EcdsaSecp256k1);
    let (liar, victim) = (world.id("node-1"), world.id("node-2"));
    let key: &[u8] = liar.as_ref();
    let (pair, quarantine) = ((Table::Pair, key.to_vec()), (Table::Quarantine, key.to_vec()));
    world.stop("node-2");
    let old = world.host_mut("node-2").disk.remove(&pair).unwrap();
    let began = Arc::new(Mutex::new(false));
    let known = Arc::clone(&began);
    world.wiretap = Some(Box::new(move |from, to, message| match &message {
        Message::Pair(PairMessage { run, step: PairStep::Round { .. } })
            if (from, to) == (liar, victim) && !*known.lock().unwrap() =>
        {
            *known.lock().unwrap() = true;
            let end = Message::Pair(PairMessage { run: *run, step: PairStep::Abort });
            vec![message, end]
        }
        _ => vec![message],
    }));
    let failed = Arc::new(Mutex::new(false));
    let (began_by, fell) = (Arc::clone(&began), Arc::clone(&failed));
    world.jobs = Some(Box::new(move |node, job| {
        let is_engine = job.part == Part::Engine;
        let result = job.run();
        let is_next = node == victim && is_engine && *began_by.lock().unwrap();
        if !is_next || *fell.lock().unwrap() {
            return Some(result);
        }
        *fell.lock().unwrap() = true;
        Some(JobResult::Advanced(Err(Failure {
            fault: Fault::Peer { culprits: vec![liar] },
            reason: "a check of the set-up failed".into(),
            quarantine: Some(liar),
            complaint: None,
        })))
    }));
    world.start(victim);
    world.until("the check has failed", |_| *failed.lock().unwrap());
    assert!(world.host("node-2").disk.contains_key(&quarantine));
    let status = world.status("node-2");
    let why = status.nodes.into_iter().find(|node| node.name.as_str() == "node-1").unwrap();
    assert!(why.quarantined.unwrap().contains("check of the set-up"));
    world.pass(120_000);
    assert!(!world.host("node-2").disk.contains_key(&pair));

    world.stop("node-2");
    let rows = quorate_testkit::world::records(&world.host("node-2").disk);
    let release = quorate_machine::boot::release(&rows, &liar).unwrap();
    assert!(release.value.is_none());
    assert!(quorate_machine::boot::release(&rows, &victim).is_err());
    world.host_mut("node-2").disk.remove(&(release.table, release.key));
    world.start(victim);
    world.until("the pair is made anew", |world| world.host("node-2").disk.contains_key(&pair));
    assert_ne!(world.host("node-2").disk[&pair], old);
    let id = approved(&mut world, "node-2", "treasury", 1);
    world.until_state("node-2", &id, RequestState::Signed);
}

/// SES-04: a node takes part in a run once, also if it is proposed again after it ended.
#[test]
fn neg_020_nobody_joins_a_run_twice() {
    let mut world = ready(20, "ops", Scheme::Ed25519);
    let (liar, victim) = (world.id("node-1"), world.id("node-2"));
    let caught: Arc<Mutex<Vec<SessionStep>>> = Default::default();
    let kept = Arc::clone(&caught);
    world.wiretap = Some(Box::new(move |from, to, message| match &message {
        Message::Session(SessionMessage { step: step @ SessionStep::Propose { .. }, .. })
            if (from, to) == (liar, victim) =>
        {
            kept.lock().unwrap().push(step.clone());
            Vec::new()
        }
        _ => vec![message],
    }));
    for number in 0..24 {
        file(&mut world, "node-1", "ops", &message(&format!("{number}")));
    }
    world.pass(10);
    let caught = caught.lock().unwrap().clone();
    world.wiretap = None;
    let (run, fresh) = (Digest([5; 32]), Digest([6; 32]));
    let tell = |world: &mut World, run, step: &SessionStep| {
        let step = step.clone();
        world.inject(liar, victim, &Message::Session(SessionMessage { run, step }));
    };
    tell(&mut world, run, &caught[0]);
    world.until("it joins", |world| joins(world, &[victim], &run) == 1);
    tell(&mut world, run, &SessionStep::Abort);
    // The same proposal again, and another one under the name of the run that is over.
    tell(&mut world, run, &caught[0]);
    tell(&mut world, run, &caught[1]);
    tell(&mut world, fresh, &caught[1]);
    world.until("it joins a run of its own name", |world| joins(world, &[victim], &fresh) == 1);
    assert_eq!(joins(&world, &[victim], &run), 1);
}

/// SES-07: of two proposals at once, which reach the members in different orders, everybody
/// follows the same one, and neither is spoilt by the other.
#[test]
fn ses_07_of_two_proposals_at_once_everybody_follows_the_earlier_turn() {
    let mut world = signers(88, 3, 5, "ops", Scheme::Ed25519);
    let mut crossed = 0;
    for number in 0..8 {
        let held: Arc<Mutex<Vec<(NodeId, NodeId, SessionMessage)>>> = Default::default();
        let keep = Arc::clone(&held);
        world.wiretap = Some(Box::new(move |from, to, message| match message {
            Message::Session(session) if matches!(session.step, SessionStep::Propose { .. }) => {
                keep.lock().unwrap().push((from, to, session));
                Vec::new()
            }
            other => vec![other],
        }));
        let id = file(&mut world, "node-1", "ops", &message(&format!("{number}")));
        let runs = |held: &Mutex<Vec<(NodeId, NodeId, SessionMessage)>>| {
            let held = held.lock().unwrap();
            held.iter().map(|(_, _, session)| session.run).collect::<Vec<_>>()
        };
        world.until("two propose", |_| {
            let runs = runs(&held);
            runs.len() >= 4 && runs[0] != runs[runs.len() - 1]
        });
        let held: Vec<_> = std::mem::take(&mut *held.lock().unwrap());
        let (first, second) = held.split_at(2);
        let both = first.iter().filter(|(_, to, _)| second.iter().any(|(_, at, _)| at == to));
        let both: Vec<NodeId> = both.map(|(_, to, _)| *to).collect();
        crossed += both.len();
        // One of them hears the second proposal first.
        let late = |(_, to, _): &&(NodeId, NodeId, SessionMessage)| both.first() == Some(to);
        let early = first.iter().filter(|it| !late(it)).chain(second);
        for (from, to, session) in early.chain(first.iter().filter(late)) {
            world.inject(*from, *to, &Message::Session(session.clone()));
        }
        let (proposed, began): (Runs, Runs) = Default::default();
        let (seen, rounds) = (Arc::clone(&proposed), Arc::clone(&began));
        world.wiretap = Some(Box::new(move |_, _, message| {
            if let Message::Session(session) = &message {
                match session.step {
                    SessionStep::Propose { .. } => _ = seen.lock().unwrap().insert(session.run),
                    SessionStep::Round { .. } => _ = rounds.lock().unwrap().insert(session.run),
                    _ => {}
                }
            }
            vec![message]
        }));
        let at = world.now;
        world.until_state("node-1", &id, RequestState::Signed);
        assert!(world.now - at < 50, "{number}: {} ms", world.now - at);
        assert_eq!(proposed.lock().unwrap().len(), 2, "{number}");
        assert_eq!(*began.lock().unwrap(), [first[0].2.run].into(), "{number}");
        world.wiretap = None;
        world.pass(10);
    }
    assert!(crossed > 0, "no two proposals crossed");
}
