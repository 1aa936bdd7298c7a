//! What a member does with a proposal: each reason not to join, and what remains of it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

use quorate_client::contract::RequestState;
use quorate_codec::Digest;
use quorate_identity::{NodeId, RequestId, Scheme};
use quorate_machine::call::View;
use quorate_machine::limits;
use quorate_machine::wire::{Message, RunId, SessionMessage, SessionStep, Target, Terms};
use quorate_policy::request::Verdict;
use quorate_testkit::founding::{POLICY, Shape};
use quorate_testkit::world::World;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

fn message(text: &str) -> Value {
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    json!({"kind": "message", "message": format!("0x{digits}")})
}

fn digest(byte: u8) -> Value {
    json!({"kind": "raw.digest", "digest": format!("0x{}", format!("{byte:02x}").repeat(32))})
}

/// A domain with a key over a threshold of its first three signers, and the policy.
fn ready(seed: u64, shape: Shape, threshold: u8, key: &str, scheme: Scheme) -> World {
    let mut world = World::of(seed, shape);
    let tree = world.founding.some_of(threshold, 3);
    world.make_key_over(key, scheme, tree);
    world.set_policy("node-1", POLICY);
    world.until("all can sign", |world| world.names().iter().all(|node| world.can_sign(node, key)));
    world
}

fn file(world: &mut World, key: &str, intent: &Value) -> RequestId {
    let request = world.request(key, intent, "wallet-service");
    world.file("node-1", &request, "wallet-service", None).unwrap().request
}

fn trail(world: &mut World, node: &str) -> Vec<String> {
    let view = world.call(node, "auditor", "GET", "/v1/audit", b"");
    let Ok(View::Audit(audit)) = view else { panic!("no audit: {view:?}") };
    audit.lines.into_iter().map(|line| line.text).collect()
}

/// A proposal that never arrived: from whom, to whom.
struct Caught {
    from: NodeId,
    to: NodeId,
    step: SessionStep,
}

impl Caught {
    /// The first proposal for what is under way.
    fn first(world: &mut World) -> Self {
        let caught: Rc<RefCell<Option<Self>>> = Rc::default();
        let keep = Rc::clone(&caught);
        world.wiretap = Some(Box::new(move |from, to, message| match message {
            Message::Session(SessionMessage { step, .. }) => {
                if matches!(step, SessionStep::Propose { .. }) {
                    keep.borrow_mut().get_or_insert(Self { from, to, step });
                }
                Vec::new()
            }
            other => vec![other],
        }));
        world.until("somebody proposes", |_| caught.borrow().is_some());
        world.wiretap = None;
        caught.take().unwrap()
    }

    /// Proposes other terms to the same member in a new run; what the member wrote down and sent
    /// back at once.
    fn again(&self, world: &mut World, run: u8, change: impl FnOnce(&mut Terms)) -> Answer {
        let mut step = self.step.clone();
        let SessionStep::Propose { terms, .. } = &mut step else { panic!("{step:?}") };
        change(terms);
        let run = Digest([run; 32]);
        let to = world.founding.nodes[&self.to].name.to_string();
        let (lines, outputs) = (trail(world, &to).len(), world.host(&to).outputs.len());
        world.inject(self.from, self.to, &Message::Session(SessionMessage { run, step }));
        world.pass(0);
        let outputs = &world.host(&to).outputs[outputs..];
        let sent = outputs.iter().flat_map(|output| &output.messages);
        let sent = sent.filter(|(to, _)| *to == self.from).map(|(_, message)| message.clone());
        let sent = sent.collect();
        Answer { run, sent, lines: trail(world, &to).split_off(lines) }
    }
}

struct Answer {
    run: RunId,
    sent: Vec<Message>,
    lines: Vec<String>,
}

impl Answer {
    fn has_joined(&self) -> bool {
        let mut steps = self.sent.iter().filter_map(|message| match message {
            Message::Session(session) if session.run == self.run => Some(&session.step),
            _ => None,
        });
        !steps.all(|step| matches!(step, SessionStep::Abort))
    }

    #[track_caller]
    fn is_refused(&self, reason: &str) {
        assert!(!self.has_joined(), "{:?}", self.sent);
        assert!(self.lines.iter().any(|line| line.contains(reason)), "{:?}", self.lines);
    }
}

/// SES-03, NOD-12, RQS-02: a member joins nothing that it does not know, has not allowed or that
/// ended, no quorum that the key's tree does not name, and nothing while it holds no lease. The one
/// who asks for what has ended is told how.
#[test]
fn neg_021_each_reason_to_refuse_a_proposal() {
    let mut world = ready(3, Shape::default(), 2, "vault", Scheme::Bip340);
    let open = file(&mut world, "vault", &digest(1));
    let id = file(&mut world, "vault", &digest(2));
    world.until("all have judged", |world| {
        let names = ["node-1", "node-2", "node-3"];
        names.iter().all(|node| {
            let views = [world.find(node, &open), world.find(node, &id)];
            views.iter().flatten().filter(|view| view.decisions.len() == 3).count() == 2
        })
    });
    for who in ["alice", "bob"] {
        world.vote("node-1", &id, who, Verdict::Approve).unwrap();
    }
    let caught = Caught::first(&mut world);
    let refusals = |world: &mut World, id: &RequestId| {
        let member = world.founding.nodes[&caught.to].name.to_string();
        let refusals = world.show(&member, id).refusals.into_iter();
        refusals.map(|refusal| refusal.reason).collect::<Vec<_>>()
    };
    let unknown = Target::Request(RequestId(Digest([7; 32])));
    let answer = caught.again(&mut world, 1, |terms| terms.target = unknown);
    answer.is_refused("joined no session");
    answer.is_refused("does not know what is to be signed");
    caught
        .again(&mut world, 2, |terms| terms.target = Target::Request(open))
        .is_refused("this node has not allowed it");
    assert!(refusals(&mut world, &open).iter().any(|reason| reason.contains("has not allowed")));
    let mut all: Vec<NodeId> =
        ["node-1", "node-2", "node-3"].iter().map(|node| world.id(node)).collect();
    all.sort();
    let spare = caught.again(&mut world, 3, |terms| {
        let least = terms.incarnations[0];
        terms.quorum = all;
        terms.incarnations.push(least);
    });
    spare.is_refused("its quorum is none of the key's access tree");
    assert!(refusals(&mut world, &id).iter().any(|reason| reason.contains("access tree")));
    let alone = caught.again(&mut world, 4, |terms| {
        terms.quorum.retain(|node| *node != caught.to);
        terms.incarnations.pop();
    });
    alone.is_refused("does not hold proposer and receiver");
    let member = world.founding.nodes[&caught.to].name.to_string();
    // By its clock the attestations of all others are too old.
    world.host_mut(&member).ahead_ms = 61_000;
    caught.again(&mut world, 5, |_| {}).is_refused("this node holds no lease");
    world.host_mut(&member).ahead_ms = 0;
    world.until_state(&member, &id, RequestState::Signed);
    let late = caught.again(&mut world, 6, |_| {});
    assert!(!late.has_joined() && late.lines.is_empty(), "{:?}", late.lines);
    assert!(late.sent.iter().any(|message| matches!(message, Message::Outcome(_))));
}

/// SES-03, SES-01: who has not heard of a member of the quorum since its start takes nobody's word
/// for that one's incarnation.
#[test]
fn neg_021_a_member_that_was_not_heard_of_is_not_signed_with() {
    let shape = Shape { signers: 3, witnesses: 2, faults: 1 };
    let mut world = ready(21, shape, 3, "ops", Scheme::Ed25519);
    let node = world.id("node-3");
    world.stop("node-3");
    world.cut("node-2", "node-3", true);
    world.start(node);
    world.until("node-3 can sign", |world| world.status("node-3").leased);
    file(&mut world, "ops", &message("all three"));
    let what = "a member of the quorum is not here";
    world.until(what, |world| trail(world, "node-3").iter().any(|line| line.contains(what)));
    let sent = world.host("node-3").outputs.iter().flat_map(|output| &output.messages);
    let mut joins = sent.filter(|(_, message)| {
        matches!(message, Message::Session(SessionMessage { step: SessionStep::Join { .. }, .. }))
    });
    assert!(joins.next().is_none());
    world.cut("node-2", "node-3", false);
    let id = file(&mut world, "ops", &message("all three again"));
    world.until_state("node-3", &id, RequestState::Signed);
}

/// NOD-05, SES-03: however many sessions others propose, a node is in so many at once and no more;
/// the others have their turn.
#[test]
fn nod_05_a_node_is_in_so_many_sessions_at_once() {
    type Runs = BTreeMap<NodeId, BTreeSet<RunId>>;
    let mut world = ready(5, Shape::default(), 2, "ops", Scheme::Ed25519);
    let runs: Rc<RefCell<Runs>> = Rc::default();
    let seen = Rc::clone(&runs);
    // Nobody's contribution arrives, so that no session ends for a while.
    world.wiretap = Some(Box::new(move |from, _, message| match &message {
        Message::Session(SessionMessage { run, step }) => match step {
            SessionStep::Propose { .. } => {
                seen.borrow_mut().entry(from).or_default().insert(*run);
                vec![message]
            }
            SessionStep::Join { .. } => {
                seen.borrow_mut().entry(from).or_default().insert(*run);
                Vec::new()
            }
            SessionStep::Round { .. } | SessionStep::Abort | SessionStep::Made => Vec::new(),
        },
        _ => vec![message],
    }));
    let count = 2 * limits::SESSIONS_LIVE_MAX;
    let ids: Vec<RequestId> =
        (0..count).map(|number| file(&mut world, "ops", &message(&format!("{number}")))).collect();
    world.pass(2_000);
    let most = runs.borrow().values().map(BTreeSet::len).max();
    assert_eq!(most, Some(limits::SESSIONS_LIVE_MAX));
    world.wiretap = None;
    for id in ids {
        world.until_state("node-1", &id, RequestState::Signed);
    }
}
