//! Whose word that an attempt is given up voters take, and when (CER-09): also those that deal in
//! none, and whatever is proposed to them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_charter::{
    AbortStatement, AttemptOutcome, AttemptPlan, BallotBody, Decided, Instance, Lock, MotionBody,
    SignedBallotMessage,
};
use quorate_codec::{Digest, Transcript, tag};
use quorate_identity::{Head, KeyId, NodeId, NodeSignature};
use quorate_machine::durable::Table;
use quorate_machine::wire::{DealMessage, DealStep, Message};
use quorate_testkit::founding::Shape;
use quorate_testkit::keys::{audit, record, refresh, until_epoch, with_ops};
use quorate_testkit::liar::Liar;
use quorate_testkit::world::World;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

const TREE: &str = "2 of (node-1, node-2, node-3, node-4)";
const MEMBERS: [&str; 4] = ["node-1", "node-2", "node-3", "node-4"];
const WITNESSES: [&str; 4] = ["witness-1", "witness-2", "witness-3", "witness-4"];
/// Eight voters, of whom five decide: the witnesses and one more. Of the members three are enough.
const EIGHT: Shape = Shape { signers: 4, witnesses: 4, faults: 1 };

/// A member's word that it gives the first attempt at an epoch up, said at this head.
fn word(world: &World, member: &str, key: KeyId, epoch: u64, head: Head) -> DealMessage {
    let (step, signature) = (DealStep::Abort { head }, NodeSignature([0; 64]));
    let message = DealMessage { key, epoch, attempt: 0, context: None, step, signature };
    match Liar::new(world, member).signed(message) {
        Message::Deal(message) => message,
        other => panic!("{other:?}"),
    }
}

/// The outcome that rests on that word.
fn void(world: &World, member: &str, key: KeyId, epoch: u64, head: Head) -> Vec<u8> {
    let signature = word(world, member, key, epoch, head).signature;
    let abort = AbortStatement { node: world.id(member), head, signature };
    quorate_codec::to_bytes(&AttemptOutcome::Void { attempt: 0, abort })
}

fn digest_of(value: &[u8]) -> Digest {
    Transcript::new(tag::DECISION_VALUE).part(value).digest()
}

fn say(
    world: &World,
    by: &str,
    key: KeyId,
    epoch: u64,
    ballot: u32,
    body: BallotBody,
) -> SignedBallotMessage {
    let instance = Instance::Attempt { key, epoch, attempt: 0, era: 0 };
    let voter = world.id(by);
    let secrets = world.founding.nodes[&voter].secrets();
    let sign = |tag, bytes: &[u8]| secrets.sign(tag, bytes);
    SignedBallotMessage::sign(world.founding.hash, instance, ballot, voter, body, &sign)
}

/// Brings a voter to a ballot, which another is to lead, and has a value proposed to it there; whether
/// it votes for it at once.
fn votes_for(
    world: &mut World,
    voter: &str,
    (key, epoch, from): (KeyId, u64, u32),
    value: &[u8],
    lock: Option<&Lock>,
) -> bool {
    let to = world.id(voter);
    let voters: Vec<&str> = MEMBERS.into_iter().chain(WITNESSES).collect();
    let mut by_id = voters.clone();
    by_id.sort_by_key(|voter| world.id(voter));
    // AGR-03
    let start = u64::from_be_bytes(*key.digest().as_bytes().first_chunk().unwrap());
    let leader = |ballot: u32| {
        let turn = start.wrapping_add(epoch).wrapping_add(u64::from(ballot)) % by_id.len() as u64;
        by_id[usize::try_from(turn).unwrap()]
    };
    let ballot = (from..).find(|ballot| leader(*ballot) != voter).unwrap();
    let there = voters.iter().filter(|other| **other != voter).take(2);
    let there = there.map(|by| (*by, BallotBody::Precommit(None)));
    let proposal = BallotBody::Proposal { value: value.to_vec().into(), lock: lock.cloned() };
    for (by, body) in there.chain([(leader(ballot), proposal)]).collect::<Vec<_>>() {
        let lie = say(world, by, key, epoch, ballot, body);
        let from = world.id(by);
        world.inject(from, to, &Message::Ballot(lie));
    }
    world.pass(100);
    let said = world.host(voter).outputs.iter().flat_map(|output| &output.messages);
    let mut prevotes = said.filter_map(|(_, message)| match message {
        Message::Ballot(vote) if (vote.voter(), vote.ballot()) == (to, ballot) => {
            match vote.body() {
                BallotBody::Prevote(prevote) => *prevote,
                _ => None,
            }
        }
        _ => None,
    });
    prevotes.any(|digest| digest == digest_of(value))
}

/// How the last attempt that was given up ended, as a node has it on its disk.
fn voided(world: &World, node: &str, key: KeyId) -> Option<Decided> {
    let row = [b"v", key.as_ref() as &[u8]].concat();
    let row = world.host(node).disk.get(&(Table::EpochRecord, row))?;
    Some(quorate_codec::from_bytes(row).unwrap())
}

/// A member that takes no part, because its leader does not see it, gives the attempt up at all
/// witnesses. They deal in nothing, and with it they are a quorum; but they are told the plan.
#[test]
fn neg_082_who_takes_no_part_ends_no_attempt_with_voters_that_deal_in_none() {
    let (mut world, key) = with_ops(101, EIGHT, TREE, 1);
    for member in ["node-1", "node-2", "node-4"] {
        world.cut("node-3", member, true);
    }
    world.enact("node-1", refresh());
    let head = world.state("node-1").head();
    let liar = world.id("node-3");
    let said = word(&world, "node-3", key, 1, head);
    for witness in WITNESSES {
        let to = world.id(witness);
        world.inject(liar, to, &Message::Deal(said.clone()));
    }
    until_epoch(&mut world, 1);
    let made = record(&mut world, "node-1").plan;
    assert_eq!(made.attempt, 0, "nobody ended it");
    assert!(!made.participants().contains(&liar));
    for witness in WITNESSES {
        assert!(audit(&mut world, witness).iter().all(|line| line.culprits.is_empty()));
    }
}

/// Where nothing is wanted of a key nobody's word ends anything, or a member could have attempts
/// voided without end. The key is shared anew as ever.
#[test]
fn neg_082_attempts_at_an_idle_key_cannot_be_voided() {
    let (mut world, key) = with_ops(102, EIGHT, TREE, 1);
    let head = world.state("node-1").head();
    let said = word(&world, "node-3", key, 1, head);
    let value = void(&world, "node-3", key, 1, head);
    let liar = world.id("node-3");
    for node in ["node-1", "node-2", "node-4"].iter().chain(&WITNESSES) {
        let to = world.id(node);
        world.inject(liar, to, &Message::Deal(said.clone()));
    }
    world.pass(60_000);
    for voter in ["node-1", "witness-1"] {
        assert!(!votes_for(&mut world, voter, (key, 1, 3), &value, None), "{voter}");
    }
    world.pass(60_000);
    assert!(voided(&world, "node-1", key).is_none());
    world.enact("node-1", refresh());
    until_epoch(&mut world, 1);
}

/// AGR-07, AGR-13: a word of before the newest epoch was planned counts for nobody, though its author
/// is a member and says it of the attempt under way: it may be somebody's with former keys. Nor does
/// one that comes before its time. But a voter goes along where it sees that a quorum found it right.
#[test]
fn neg_057_a_word_of_before_what_is_known_of_the_key_is_late() {
    let (mut world, key) = with_ops(103, EIGHT, TREE, 1);
    let ordered_at = world.state("node-1").head();
    world.enact("node-1", refresh());
    until_epoch(&mut world, 1);
    assert_ne!(record(&mut world, "node-1").plan.head, ordered_at);
    world.wiretap = Some(Box::new(|_, _, message| match message {
        Message::Deal(_) => Vec::new(),
        other => vec![other],
    }));
    world.enact("node-1", refresh());
    let now = world.state("node-1").head();
    let mut ballot = 0;
    let mut counts = |world: &mut World, member, head, lock: Option<&Lock>| {
        ballot += 10;
        let value = void(world, member, key, 2, head);
        votes_for(world, "witness-1", (key, 2, ballot), &value, lock)
    };
    let counted = |world: &mut World, counts: &mut dyn FnMut(&mut World, &'static str) -> bool| {
        MEMBERS.into_iter().filter(|member| counts(world, member)).collect::<Vec<_>>()
    };
    let of_before =
        counted(&mut world, &mut |world, member| counts(world, member, ordered_at, None));
    assert!(of_before.is_empty(), "{of_before:?}");
    let of_now = counted(&mut world, &mut |world, member| counts(world, member, now, None));
    assert_eq!(of_now.len(), 1, "the word of who is to plan: {of_now:?}");
    let planner = of_now[0];
    let value = void(&world, planner, key, 2, ordered_at);
    let prevote = BallotBody::Prevote(Some(digest_of(&value)));
    let by = MEMBERS.iter().chain(&WITNESSES).take(5);
    let votes = by.map(|by| say(&world, by, key, 2, 1, prevote.clone()));
    let prevotes = votes.map(|vote| (vote.voter(), *vote.signature())).collect();
    let lock = Lock { ballot: 1, prevotes };
    assert!(!counts(&mut world, planner, ordered_at, None));
    assert!(counts(&mut world, planner, ordered_at, Some(&lock)), "a quorum found it right");
}

/// CER-09: before a plan is known, the words of others than who is to plan count after a while, so
/// that nobody waits for that one for ever.
#[test]
fn neg_082_the_word_of_who_is_not_to_plan_counts_after_a_while() {
    let (mut world, key) = with_ops(107, EIGHT, TREE, 1);
    world.enact("node-1", refresh());
    until_epoch(&mut world, 1);
    let planner: Rc<Cell<Option<NodeId>>> = Rc::default();
    let plans = Rc::clone(&planner);
    world.wiretap = Some(Box::new(move |from, _, message| match &message {
        Message::Deal(deal) => {
            if matches!(deal.step, DealStep::Plan { .. }) {
                plans.set(Some(from));
            }
            Vec::new()
        }
        _ => vec![message],
    }));
    world.enact("node-1", refresh());
    world.until("somebody plans", |_| planner.get().is_some());
    let now = world.state("node-1").head();
    let mut others = MEMBERS.into_iter().filter(|member| Some(world.id(member)) != planner.get());
    let other = others.next_back().unwrap();
    let value = void(&world, other, key, 2, now);
    assert!(!votes_for(&mut world, "witness-1", (key, 2, 10), &value, None));
    // What is proposed is told on by whoever hears it, so all vote once it counts.
    let ended = |world: &World| {
        MEMBERS.iter().chain(&WITNESSES).all(|node| voided(world, node, key).is_some())
    };
    let while_ms = 3 * world.pace.retry_max_ms;
    world.pass(while_ms - 1_000);
    assert!(!ended(&world));
    world.pass(2_000);
    assert!(ended(&world));
    assert_eq!(voided(&world, "witness-1", key).unwrap().value, value);
}

/// CER-09, N-82: whoever is not to plan tells all members a plan, before anybody could. Nobody gives
/// the attempt up for it, and nobody stands accused.
#[test]
fn neg_082_a_plan_of_who_is_not_to_plan_costs_nothing() {
    let (mut world, key) = with_ops(104, EIGHT, TREE, 1);
    let mut plan = record(&mut world, "node-1").plan;
    (plan.epoch, plan.version) = (1, 0);
    let plan = DealStep::Plan { plan: quorate_codec::to_bytes(&plan) };
    let signature = NodeSignature([0; 64]);
    let stray = DealMessage { key, epoch: 1, attempt: 0, context: None, step: plan, signature };
    let stray = Liar::new(&world, "witness-1").signed(stray);
    // Those who deal hear of nothing else for a moment.
    let holds = Rc::new(Cell::new(true));
    let held = Rc::clone(&holds);
    world.wiretap = Some(Box::new(move |_, _, message| match message {
        Message::Deal(_) if held.get() => Vec::new(),
        other => vec![other],
    }));
    world.enact("node-1", refresh());
    holds.set(false);
    let liar = world.id("witness-1");
    for member in MEMBERS {
        let to = world.id(member);
        world.inject(liar, to, &stray);
    }
    until_epoch(&mut world, 1);
    assert_eq!(record(&mut world, "node-1").plan.attempt, 0, "nobody gave it up");
    for node in MEMBERS {
        let lines = audit(&mut world, node);
        assert!(!lines.iter().any(|line| line.text.contains("refused a plan")), "{lines:?}");
    }
}

/// CER-09: who plans tells everybody another plan, each over three of four, none of which is its own,
/// and falls silent. All give the attempt up, each its own; they go along with each other's words, or
/// the attempt would never end.
#[test]
fn neg_082_a_leader_that_tells_different_plans_ends_its_attempt_alone() {
    let shape = Shape { signers: 5, witnesses: 0, faults: 1 };
    let tree = "2 of (node-1, node-2, node-3, node-4, node-5)";
    let (mut world, _) = with_ops(105, shape, tree, 1);
    let everybody: Vec<NodeId> = world.founding.nodes.keys().copied().collect();
    let liars: BTreeMap<NodeId, Liar> =
        world.names().iter().map(|node| (world.id(node), Liar::new(&world, node))).collect();
    let told: Rc<RefCell<BTreeSet<NodeId>>> = Rc::default();
    let tells = Rc::clone(&told);
    let leader: Rc<Cell<Option<NodeId>>> = Rc::default();
    let lies = Rc::clone(&leader);
    world.wiretap = Some(Box::new(move |from, to, message| {
        let Message::Deal(deal) = &message else {
            let is_silent = lies.get() == Some(from) && matches!(message, Message::Ballot(_));
            return if is_silent { Vec::new() } else { vec![message] };
        };
        let DealStep::Plan { plan } = &deal.step else {
            return if lies.get() == Some(from) { Vec::new() } else { vec![message] };
        };
        if deal.attempt > 0 {
            return vec![message];
        }
        lies.set(Some(from));
        let mut plan: AttemptPlan = quorate_codec::from_bytes(plan).unwrap();
        let lives: BTreeMap<NodeId, _> =
            plan.participants().into_iter().zip(plan.incarnations.iter().copied()).collect();
        let others: Vec<NodeId> = everybody.iter().copied().filter(|it| *it != from).collect();
        let place = others.iter().position(|other| *other == to).unwrap();
        let mut over: Vec<NodeId> = (place..place + 3).map(|at| others[at % 4]).collect();
        over.sort_unstable();
        plan.dealers = over[..2].to_vec();
        plan.incarnations = over.iter().map(|node| lives[node]).collect();
        plan.committee = over;
        tells.borrow_mut().insert(to);
        let step = DealStep::Plan { plan: quorate_codec::to_bytes(&plan) };
        vec![liars[&from].signed(DealMessage { step, ..deal.clone() })]
    }));
    world.enact("node-1", refresh());
    until_epoch(&mut world, 1);
    assert_eq!(told.borrow().len(), 4, "all four were told one");
    let made = record(&mut world, "node-1").plan;
    assert!(made.attempt > 0);
    assert!(!made.participants().is_empty() && leader.get().is_some());
}

/// EPO-15: attempts that were given up, and not decided, end with their key. Nobody votes about them
/// for ever.
#[test]
fn attempts_at_a_retired_key_are_over() {
    let (mut world, key) = with_ops(106, EIGHT, TREE, 1);
    world.wiretap = Some(Box::new(|_, _, message| match &message {
        Message::Deal(DealMessage { step: DealStep::Round { .. }, .. }) => Vec::new(),
        Message::Ballot(vote) if matches!(vote.instance(), Instance::Attempt { .. }) => Vec::new(),
        _ => vec![message],
    }));
    let votes = |world: &World, node: &str| {
        let rows = world.host(node).disk.iter().filter(|((table, _), _)| *table == Table::Votes);
        let instances = rows.map(|((_, row), _)| quorate_codec::from_bytes(row).unwrap());
        instances.filter(|instance| matches!(instance, Instance::Attempt { .. })).count()
    };
    world.enact("node-1", refresh());
    world.until("members vote that it is over", |world| {
        MEMBERS.iter().any(|node| votes(world, node) > 0)
    });
    let body = MotionBody::KeyRetire { name: "ops".parse().unwrap() };
    world.enact("node-1", body);
    world.wiretap = None;
    world.pass(120_000);
    let said = |world: &World| {
        let nodes = world.names().into_iter();
        let outputs = nodes.flat_map(|node| world.host(&node).outputs.clone());
        let messages = outputs.flat_map(|output| output.messages);
        let is_vote = |message: &Message| {
            matches!(message, Message::Ballot(vote)
            if matches!(vote.instance(), Instance::Attempt { key: of, .. } if of == key))
        };
        messages.filter(|(_, message)| is_vote(message)).count()
    };
    let before = said(&world);
    assert!(before > 0);
    world.pass(120_000);
    assert_eq!(said(&world), before, "nobody says anything about it");
    for node in world.names() {
        assert_eq!(votes(&world, &node), 0, "{node}");
    }
}
