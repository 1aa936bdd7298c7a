//! Presignatures in a domain: made where people asked for them, each used once, void with everything
//! that they are bound to.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

use quorate_charter::MotionBody;
use quorate_client::contract::{PresignatureStock, RequestState};
use quorate_codec::Digest;
use quorate_engine::{Failure, Fault};
use quorate_identity::{NodeId, RequestId, Scheme};
use quorate_machine::job::JobResult;
use quorate_machine::wire::{Message, SessionMessage, SessionStep, Target, Terms};
use quorate_testkit::founding::{Shape, name};
use quorate_testkit::world::World;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

const POLICY: [&str; 4] = [
    r#"@id("messages")
@reason("the service signs messages")
permit(principal == Service::"wallet-service", action == Action::"evm.message", resource);

@id("digests")
@reason("and digests")
permit(principal == Service::"wallet-service", action == Action::"raw.digest", resource);

@id("no-transactions")
@reason("nothing moves here")
forbid(principal, action == Action::"evm.transaction", resource);
"#,
    "{}",
    "{}",
    r#"[{"name": "a message passes", "requester": "service:wallet-service",
  "key": {"name": "hot", "scheme": "ecdsa-secp256k1"}, "facts": {"kind": "evm.message"},
  "expect": "allow", "rule": "messages"},
 {"name": "a transaction is denied", "requester": "service:wallet-service",
  "key": {"name": "hot", "scheme": "ecdsa-secp256k1"}, "facts": {"kind": "evm.transaction"},
  "expect": "deny", "rule": "no-transactions"}]"#,
];

const NODES: [&str; 3] = ["node-1", "node-2", "node-3"];

fn presign(most: u16) -> MotionBody {
    MotionBody::KeyPresign { name: name("hot"), most }
}

/// A domain whose key signs without presignatures.
fn domain(seed: u64) -> World {
    let mut world = World::of(seed, Shape::default());
    world.make_key("hot", Scheme::EcdsaSecp256k1);
    world.set_policy("node-1", POLICY);
    world
}

/// How many a node has ready, and of how many.
fn stock(world: &mut World, node: &str) -> Option<(usize, u16)> {
    let status = world.status(node);
    let key = status.keys.into_iter().find(|key| key.name == name("hot")).unwrap();
    key.presignatures.map(|PresignatureStock { ready, most }| (ready, most))
}

fn until_stocked(world: &mut World, nodes: &[&str], least: usize) {
    world.until("presignatures are ready", |world| {
        nodes.iter().all(|node| stock(world, node).is_some_and(|(ready, _)| ready >= least))
    });
}

/// A domain in which every node has as many ready.
fn stocked(seed: u64, most: u16) -> World {
    let mut world = domain(seed);
    world.enact("node-1", presign(most));
    until_stocked(&mut world, &NODES, usize::from(most.min(32)));
    world
}

fn message(number: u32) -> Value {
    json!({"kind": "evm.message", "message": format!("0x{number:08x}")})
}

fn raw_digest(byte: u8) -> Value {
    json!({"kind": "raw.digest", "digest": format!("0x{}", format!("{byte:02x}").repeat(32))})
}

fn sign(world: &mut World, node: &str, intent: &Value) -> RequestId {
    let request = world.request("hot", intent, "wallet-service");
    let id = world.file(node, &request, "wallet-service", None).unwrap().request;
    world.until_state(node, &id, RequestState::Signed);
    id
}

/// What was said of sessions that sign: terms that were proposed, and rounds that were sent, by run.
#[derive(Default)]
struct Said {
    terms: Vec<Terms>,
    rounds: BTreeMap<Digest, BTreeSet<u8>>,
    runs: Vec<Digest>,
    /// Of sessions that make presignatures.
    ahead: Vec<Terms>,
    firsts: Vec<Vec<u8>>,
}

impl Said {
    /// Every presignature that was named was made since: in the same epoch, by the same processes.
    #[track_caller]
    fn names_only_what_it_heard_made(&self) {
        for terms in self.terms.iter().filter(|terms| !terms.presignatures.is_empty()) {
            let is_it = |made: &&Terms| {
                made.quorum == terms.quorum
                    && made.incarnations == terms.incarnations
                    && made.epoch_record == terms.epoch_record
            };
            assert!(self.ahead.iter().any(|made| is_it(&made)), "{terms:?}");
        }
    }
}

fn listen(world: &mut World) -> Rc<RefCell<Said>> {
    let said: Rc<RefCell<Said>> = Rc::default();
    let keep = Rc::clone(&said);
    world.wiretap = Some(Box::new(move |_, _, message| {
        if let Message::Session(SessionMessage { run, step }) = &message {
            let mut said = keep.borrow_mut();
            match step {
                SessionStep::Propose { terms, first, .. } => {
                    if matches!(terms.target, Target::Request(_)) {
                        said.terms.push(terms.clone());
                        said.runs.push(*run);
                        said.rounds.entry(*run).or_default();
                        said.firsts.push(first.clone());
                    } else if terms.target.leader().is_some() {
                        said.ahead.push(terms.clone());
                    }
                }
                SessionStep::Join { first, .. } => said.firsts.push(first.clone()),
                SessionStep::Round { number, .. } => {
                    if let Some(rounds) = said.rounds.get_mut(run) {
                        rounds.insert(*number);
                    }
                }
                _ => {}
            }
        }
        vec![message]
    }));
    said
}

/// AHD-01, AHD-02: nobody makes any before people asked; then a signature takes one round, and no
/// presignature is named twice; what is used up is made anew. Asked no more, all are gone.
#[test]
fn neg_038_each_presignature_signs_once() {
    let mut world = domain(1);
    let said = listen(&mut world);
    sign(&mut world, "node-1", &message(0));
    assert!(NODES.iter().all(|node| stock(&mut world, node).is_none()));
    assert!(said.borrow().terms[0].presignatures.is_empty());
    assert_eq!(said.borrow().rounds.values().next().unwrap().len(), 3);
    world.enact("node-1", presign(8));
    until_stocked(&mut world, &NODES, 8);
    *said.borrow_mut() = Said::default();
    for number in 1..=24 {
        let node = NODES[number as usize % 3];
        sign(&mut world, node, &message(number));
    }
    let used: Vec<Digest> =
        said.borrow().terms.iter().flat_map(|terms| terms.presignatures.clone()).collect();
    assert!(used.len() >= 12, "most signatures took one: {}", used.len());
    assert_eq!(used.iter().collect::<BTreeSet<_>>().len(), used.len(), "none served twice");
    let firsts = said.borrow().firsts.clone();
    assert_eq!(firsts.iter().collect::<BTreeSet<_>>().len(), firsts.len(), "nor was opened twice");
    let one_round = said.borrow().rounds.values().filter(|rounds| rounds.len() == 1).count();
    assert_eq!(one_round, used.len(), "each of these sessions had one round");
    until_stocked(&mut world, &NODES, 5);
    world.enact("node-1", presign(0));
    assert!(NODES.iter().all(|node| stock(&mut world, node).is_none()));
    *said.borrow_mut() = Said::default();
    sign(&mut world, "node-1", &message(99));
    assert!(said.borrow().terms[0].presignatures.is_empty());
}

/// AHD-04: a raw digest is signed in three rounds, whatever there is.
#[test]
fn neg_039_no_presignature_signs_a_raw_digest() {
    let mut world = stocked(2, 8);
    let said = listen(&mut world);
    sign(&mut world, "node-1", &raw_digest(1));
    assert!(said.borrow().terms.iter().all(|terms| terms.presignatures.is_empty()));
}

/// AHD-03: a process that ends takes its presignatures with it, and nobody uses those that it had a
/// part in. There is nothing on its disk, so no copy of it has any.
#[test]
fn neg_036_092_a_restart_voids_all_that_it_had_a_part_in() {
    let mut world = stocked(3, 8);
    let stopped = world.id("node-2");
    world.stop("node-2");
    world.start(stopped);
    assert_eq!(stock(&mut world, "node-2"), Some((0, 8)));
    let said = listen(&mut world);
    world.until("all sign again", |world| {
        world.names().iter().all(|node| world.can_sign(node, "hot"))
    });
    for number in 0..6 {
        sign(&mut world, NODES[number as usize % 3], &message(number));
    }
    until_stocked(&mut world, &NODES, 8);
    for number in 6..18 {
        sign(&mut world, NODES[number as usize % 3], &message(number));
    }
    // Whatever was used with it was made with the process of now; of others, nothing is void.
    let mut said = said.borrow_mut();
    said.terms.retain(|terms| terms.quorum.contains(&stopped));
    assert!(said.terms.iter().any(|terms| !terms.presignatures.is_empty()));
    said.names_only_what_it_heard_made();
}

/// AHD-03, N-40: a new epoch of the key voids them, and signing goes on.
#[test]
fn neg_040_a_new_epoch_voids_all() {
    let mut world = stocked(4, 8);
    sign(&mut world, "node-1", &message(1));
    let said = listen(&mut world);
    world.enact("node-1", MotionBody::KeyRefresh { name: name("hot") });
    world.until("a new epoch", |world| {
        let status = world.status("node-1");
        status.keys.iter().any(|key| key.epoch == Some(1))
    });
    for number in 2..6 {
        sign(&mut world, NODES[number as usize % 3], &message(number));
    }
    // Set-ups are made anew as well, and what was made with the ones before is void once more.
    for number in 6..24 {
        until_stocked(&mut world, &NODES, 5);
        sign(&mut world, NODES[number as usize % 3], &message(number));
    }
    let said = said.borrow();
    assert!(said.terms.iter().any(|terms| !terms.presignatures.is_empty()));
    said.names_only_what_it_heard_made();
}

/// AHD-03: a pair that is quarantined takes its presignatures with it; others are made with others.
#[test]
fn neg_097_a_quarantine_voids_those_of_the_pair() {
    let mut world = stocked(7, 8);
    let victim = world.id("node-1");
    let peer: Rc<RefCell<Option<NodeId>>> = Rc::default();
    let (found, fails) = (Rc::clone(&peer), Rc::clone(&peer));
    world.wiretap = Some(Box::new(move |from, _, message| {
        if let Message::Session(SessionMessage { step: SessionStep::Propose { terms, .. }, .. }) =
            &message
            && from == victim
            && !terms.presignatures.is_empty()
        {
            let other = terms.quorum.iter().find(|node| **node != victim);
            found.borrow_mut().get_or_insert(*other.unwrap());
        }
        vec![message]
    }));
    let mut has_failed = false;
    world.jobs = Some(Box::new(move |node, job| {
        let result = job.run();
        let peer = *fails.borrow();
        let (JobResult::Advanced(Ok(_)), Some(peer), false, true) =
            (&result, peer, has_failed, node == victim)
        else {
            return Some(result);
        };
        has_failed = true;
        Some(JobResult::Advanced(Err(Failure {
            fault: Fault::Peer { culprits: vec![peer] },
            reason: "a check of the multiplication failed".into(),
            quarantine: Some(peer),
            complaint: None,
        })))
    }));
    // Until it is node-1's turn to lead.
    for number in 0..20 {
        if peer.borrow().is_none() {
            sign(&mut world, "node-1", &message(number));
        }
    }
    let peer = peer.borrow().unwrap();
    let status = world.status("node-1");
    let apart: Vec<_> = status.nodes.iter().filter(|node| node.quarantined.is_some()).collect();
    assert_eq!(apart.len(), 1);
    let said = listen(&mut world);
    until_stocked(&mut world, &["node-1"], 8);
    for number in 20..30 {
        sign(&mut world, "node-1", &message(number));
    }
    let said = said.borrow();
    // Its peer knows of no quarantine, and proposes what nobody joins.
    let used = said
        .terms
        .iter()
        .zip(&said.runs)
        .filter(|(terms, run)| !terms.presignatures.is_empty() && !said.rounds[run].is_empty());
    let quorums: Vec<&Vec<NodeId>> = used.map(|(terms, _)| &terms.quorum).collect();
    assert!(!quorums.is_empty());
    assert!(!quorums.iter().any(|quorum| quorum.contains(&victim) && quorum.contains(&peer)));
}

/// AHD-02: a leader that names what its member does not have, or of somebody else, signs nothing with
/// it; the request is signed in three rounds.
#[test]
fn neg_038_a_presignature_that_a_member_lacks_is_not_waited_for() {
    let mut world = stocked(5, 8);
    let said = listen(&mut world);
    // Every proposal names another presignature on its way.
    let listening = world.wiretap.take().unwrap();
    let listening = RefCell::new(listening);
    world.wiretap = Some(Box::new(move |from, to, message| {
        let message = match message {
            Message::Session(SessionMessage { run, step }) => {
                let step = match step {
                    SessionStep::Propose { mut terms, attempt, first, generations } => {
                        terms.presignatures.iter_mut().for_each(|name| *name = Digest([9; 32]));
                        SessionStep::Propose { terms, attempt, first, generations }
                    }
                    other => other,
                };
                Message::Session(SessionMessage { run, step })
            }
            other => other,
        };
        (listening.borrow_mut())(from, to, message)
    }));
    sign(&mut world, "node-1", &message(1));
    assert!(said.borrow().terms.iter().any(|terms| !terms.presignatures.is_empty()));
    assert!(said.borrow().rounds.values().any(|rounds| rounds.len() == 3));
}

/// AHD-01, AHD-05: nobody makes presignatures for another leader, too many at once, or that nobody
/// asked for.
#[test]
fn neg_082_presignatures_are_made_with_their_leader_alone() {
    let mut world = World::of(6, Shape::default());
    let all = world.founding.some_of(3, 3);
    world.make_key_over("hot", Scheme::EcdsaSecp256k1, all);
    world.set_policy("node-1", POLICY);
    // Proposals are caught on their way, and arrive as often as this test likes.
    let proposals: Rc<RefCell<Vec<(NodeId, NodeId, SessionStep)>>> = Rc::default();
    let keep = Rc::clone(&proposals);
    world.wiretap = Some(Box::new(move |from, to, message| {
        if let Message::Session(SessionMessage { step, .. }) = &message
            && let SessionStep::Propose { terms, .. } = step
            && terms.target.leader().is_some()
        {
            keep.borrow_mut().push((from, to, step.clone()));
            return Vec::new();
        }
        vec![message]
    }));
    world.enact("node-1", presign(8));
    world.until("somebody proposes", |_| !proposals.borrow().is_empty());
    world.wiretap = None;
    let (from, to, step) = proposals.borrow()[0].clone();
    let node = world.founding.nodes[&to].name.to_string();
    let answers = |world: &mut World, sender: NodeId, run: u8| {
        let outputs = world.host(&node).outputs.len();
        let message = SessionMessage { run: Digest([run; 32]), step: step.clone() };
        world.inject(sender, to, &Message::Session(message));
        world.pass(0);
        let sent = world.host(&node).outputs[outputs..].iter().flat_map(|it| it.messages.clone());
        let of_run = sent.filter_map(|(_, message)| match message {
            Message::Session(SessionMessage { run: of, step }) if of == Digest([run; 32]) => {
                Some(step)
            }
            _ => None,
        });
        of_run.collect::<Vec<SessionStep>>()
    };
    // Another member of the quorum says the same as the leader.
    let other = world.nodes().into_iter().find(|id| {
        let SessionStep::Propose { terms, .. } = &step else { return false };
        terms.quorum.contains(id) && *id != from && *id != to
    });
    assert_eq!(answers(&mut world, other.unwrap(), 1), [SessionStep::Abort]);
    // The leader itself is joined, once at a time.
    let joined = answers(&mut world, from, 2);
    assert!(joined.iter().all(|step| matches!(step, SessionStep::Join { .. })), "{joined:?}");
    assert!(!joined.is_empty());
    assert_eq!(answers(&mut world, from, 3), [SessionStep::Abort]);
    // Nobody asks any more; the head is another one, too.
    world.enact("node-1", presign(0));
    assert_eq!(answers(&mut world, from, 4), [SessionStep::Abort]);
}
