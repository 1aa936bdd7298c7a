//! What must never work against the making of a key: attempts are ended by their members alone,
//! results and statements count where they belong, and who lost its past stays out of what it
//! may have had a part in.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

use quorate_charter::limits::VALUE_BYTES_MAX;
use quorate_charter::{
    AbortStatement, AttemptOutcome, BallotBody, Decided, EpochRecord, Instance, PreparedStatement,
    SignedBallotMessage,
};
use quorate_client::contract::AuditLine;
use quorate_codec::{Digest, tag};
use quorate_identity::{KeyId, NodeId, NodeSecrets, Scheme};
use quorate_machine::boot::rejoin;
use quorate_machine::call::View;
use quorate_machine::durable::Table;
use quorate_machine::event::Event;
use quorate_machine::job::{JobId, JobResult, Part};
use quorate_machine::wire::{DealMessage, DealStep, Message, Target};
use quorate_testkit::keys::reshare;
use quorate_testkit::world::{World, records};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

type Shared<T> = Rc<RefCell<T>>;

/// Orders a key and waits until all nodes know the order.
fn order(world: &mut World) -> KeyId {
    let body = world.founding.key_order("ops", Scheme::Ed25519);
    world.enact("node-1", body);
    world.state("node-1").keys().next().unwrap().key
}

fn made(world: &mut World) {
    world.until("the key is active", |world| {
        world.names().iter().all(|node| world.can_sign(node, "ops"))
    });
}

/// Notes the attempts in which members deal.
fn watch_attempts(world: &mut World) -> Shared<BTreeSet<u32>> {
    let attempts: Shared<BTreeSet<u32>> = Rc::default();
    let seen = Rc::clone(&attempts);
    world.wiretap = Some(Box::new(move |_, _, message| {
        if let Message::Deal(DealMessage { step: DealStep::Round { .. }, attempt, .. }) = &message {
            seen.borrow_mut().insert(*attempt);
        }
        vec![message]
    }));
    attempts
}

fn audit(world: &mut World, node: &str) -> Vec<AuditLine> {
    let view = world.call(node, "auditor", "GET", "/v1/audit", b"");
    let Ok(View::Audit(audit)) = view else { panic!("no audit: {view:?}") };
    audit.lines
}

fn accuses(world: &mut World, node: &str) -> bool {
    audit(world, node).iter().any(|line| !line.culprits.is_empty())
}

fn secrets(world: &World, node: &str) -> NodeSecrets {
    world.founding.nodes[&world.id(node)].secrets()
}

/// A member's message of a dealing.
fn deal(
    world: &World,
    signer: &NodeSecrets,
    key: KeyId,
    attempt: u32,
    step: DealStep,
) -> DealMessage {
    let genesis = world.founding.state.genesis();
    let context: Option<Digest> = None;
    let bytes = quorate_codec::to_bytes(&(&genesis, &key, 0_u64, attempt, context, &step));
    let signature = signer.sign(tag::DEAL_MESSAGE, &bytes);
    DealMessage { key, epoch: 0, attempt, context, step, signature }
}

fn abort(world: &World, signer: &NodeSecrets, key: KeyId, attempt: u32) -> DealMessage {
    let head = world.state("node-1").head();
    deal(world, signer, key, attempt, DealStep::Abort { head })
}

/// CER-09: VOID is taken from nobody but with the signed word of a member of the key, about this
/// attempt. A witness that offers and proposes it all the time hinders nothing.
#[test]
fn neg_082_who_is_no_member_cannot_void_an_attempt() {
    type Lie = fn(&World, KeyId) -> (NodeId, DealMessage);
    let lies: [(&str, Lie); 3] = [
        ("its own word", |world, key| {
            (world.id("witness-1"), abort(world, &secrets(world, "witness-1"), key, 0))
        }),
        ("a member's name", |world, key| {
            (world.id("node-2"), abort(world, &secrets(world, "witness-1"), key, 0))
        }),
        ("a member's word about another attempt", |world, key| {
            (world.id("node-2"), abort(world, &secrets(world, "node-2"), key, 1))
        }),
    ];
    for (what, lie) in lies {
        let mut world = World::new(82);
        let attempts = watch_attempts(&mut world);
        let key = order(&mut world);
        let (node, said) = lie(&world, key);
        let head = world.state("node-1").head();
        let abort = AbortStatement { node, head, signature: said.signature };
        let value = quorate_codec::to_bytes(&AttemptOutcome::Void { attempt: 0, abort });
        offer_everywhere(&mut world, key, &value);
        made(&mut world);
        assert_eq!(*attempts.borrow(), BTreeSet::from([0]), "{what}");
        assert!(world.state("node-1").key(&key).is_some());
    }
}

/// CER-05, EPO-05: COMMIT is taken from nobody but with exactly one record that all members signed and whose
/// shares they know, of this attempt and with the public key that its sharing has; whoever signs
/// whatever else.
#[test]
fn neg_093_a_commit_is_taken_as_its_members_signed_it_or_not_at_all() {
    type Lie = fn(&World, &mut EpochRecord, &mut Vec<PreparedStatement>);
    let honest: Lie = |world, record, prepared| sign_prepared(world, record, prepared);
    let lies: [(&str, Lie); 9] = [
        ("another attempt", |world, record, prepared| {
            record.plan.attempt = 1;
            sign_prepared(world, record, prepared);
        }),
        ("an epoch before, of which there is none", |world, record, prepared| {
            record.plan.previous = Digest([7; 32]);
            sign_prepared(world, record, prepared);
        }),
        ("fewer dealers than parties", |world, record, prepared| {
            record.plan.dealers.truncate(2);
            sign_prepared(world, record, prepared);
        }),
        ("another form", |world, record, prepared| {
            record.version += 1;
            sign_prepared(world, record, prepared);
        }),
        ("another public key", |world, record, prepared| {
            record.accounts[0].public_key = vec![7; 32];
            sign_prepared(world, record, prepared);
        }),
        ("another transcript", |world, record, prepared| {
            record.transcript = Digest([7; 32]);
            sign_prepared(world, record, prepared);
        }),
        ("without a member", |world, record, prepared| {
            sign_prepared(world, record, prepared);
            prepared.pop();
        }),
        ("signed about another record", |_, record, _| record.accounts[0].chain_code.0[0] ^= 1),
        ("one member's shares for two", |world, record, prepared| {
            prepared[1].leaf_proofs = prepared[0].leaf_proofs.clone();
            sign_prepared(world, record, prepared);
        }),
    ];
    let (record, prepared) = rehearsal(93);
    for (what, lie) in [("nothing", honest)].into_iter().chain(lies) {
        let mut world = World::new(93);
        let key = order(&mut world);
        let (mut record, mut prepared) = (record.clone(), prepared.clone());
        // Another record than the members are about to make, and as good.
        record.plan.made_at += 1;
        lie(&world, &mut record, &mut prepared);
        let record = quorate_codec::to_bytes(&record);
        let outcome = AttemptOutcome::Commit { record, prepared };
        offer_everywhere(&mut world, key, &quorate_codec::to_bytes(&outcome));
        world.until("an epoch is made", |world| committed(world, key).is_some());
        let (record, prepared) = committed(&world, key).unwrap();
        let made = AttemptOutcome::Commit { record: quorate_codec::to_bytes(&record), prepared };
        assert_eq!(made == outcome, what == "nothing", "{what}");
    }
}

/// What was committed in a world of this seed in which nobody lies.
fn rehearsal(seed: u64) -> (EpochRecord, Vec<PreparedStatement>) {
    let mut world = World::new(seed);
    let key = order(&mut world);
    made(&mut world);
    committed(&world, key).unwrap()
}

/// The first epoch of a key, as node-1 knows it.
fn committed(world: &World, key: KeyId) -> Option<(EpochRecord, Vec<PreparedStatement>)> {
    let row = [b"d".as_slice(), key.as_ref(), &0_u64.to_be_bytes()].concat();
    let row = world.host("node-1").disk.get(&(Table::EpochRecord, row))?;
    let decided: Decided = quorate_codec::from_bytes(row).unwrap();
    match quorate_codec::from_bytes(&decided.value) {
        Ok(AttemptOutcome::Commit { record, prepared }) => {
            Some((quorate_codec::from_bytes(&record).unwrap(), prepared))
        }
        other => panic!("no commit: {other:?}"),
    }
}

/// EPO-01: nobody makes an epoch under an order from before its tree was ordered, whoever signed it:
/// nobody else takes such a record, and a key that was born under one would sign for nobody.
#[test]
fn neg_093_no_epoch_is_made_under_an_order_from_before_its_tree() {
    let reshared = |world: &mut World| {
        // Nothing is made while a party is absent.
        world.stop("node-3");
        let key = order(world);
        let first = world.state("node-1").head();
        let body = reshare(world, "all of (node-1, node-2, node-3)", 0);
        world.enact("node-1", body);
        let absent = world.id("node-3");
        world.start(absent);
        world.until("all know the orders", |world| {
            let head = world.state("node-1").head();
            world.running().len() == 4 && world.state("node-3").head() == head
        });
        (key, first)
    };
    let mut world = World::new(94);
    let (key, first) = reshared(&mut world);
    made(&mut world);
    let (record, prepared) = committed(&world, key).unwrap();
    assert_ne!(record.plan.order, first);
    for order in [record.plan.order, first] {
        let mut world = World::new(94);
        let (key, _) = reshared(&mut world);
        let (mut record, mut prepared) = (record.clone(), prepared.clone());
        record.plan.made_at += 1;
        record.plan.order = order;
        if let Some(backup) = &mut record.backup.key {
            backup.order = order;
        }
        sign_prepared(&world, &record, &mut prepared);
        let record = quorate_codec::to_bytes(&record);
        let outcome = AttemptOutcome::Commit { record, prepared };
        offer_everywhere(&mut world, key, &quorate_codec::to_bytes(&outcome));
        world.until("an epoch is made", |world| committed(world, key).is_some());
        let (record, prepared) = committed(&world, key).unwrap();
        let made = AttemptOutcome::Commit { record: quorate_codec::to_bytes(&record), prepared };
        assert_eq!(made == outcome, order != first);
    }
}

/// Signs for every member that it is prepared with this record.
fn sign_prepared(world: &World, record: &EpochRecord, prepared: &mut [PreparedStatement]) {
    let (genesis, plan) = (world.founding.state.genesis(), &record.plan);
    for PreparedStatement { node, leaf_proofs, signature } in prepared {
        let (record, leaf_proofs) = (quorate_codec::to_bytes(record), leaf_proofs.clone());
        let step = DealStep::Prepared { record, leaf_proofs };
        let said = (&genesis, &plan.key, plan.epoch, plan.attempt, Some(plan.context()), &step);
        let secrets = world.founding.nodes[node].secrets();
        *signature = secrets.sign(tag::DEAL_MESSAGE, &quorate_codec::to_bytes(&said));
    }
}

/// The witness offers a value for attempt 0, and proposes it wherever it is its turn.
fn offer_everywhere(world: &mut World, key: KeyId, value: &[u8]) {
    let (liar, secrets) = (world.id("witness-1"), secrets(world, "witness-1"));
    let genesis = world.founding.state.genesis();
    let instance = Instance::Attempt { key, epoch: 0, attempt: 0, era: 0 };
    let sign = |tag, bytes: &[u8]| secrets.sign(tag, bytes);
    let offer = BallotBody::Offer { value: value.to_vec().into(), lock: None };
    let proposal = BallotBody::Proposal { value: value.to_vec().into(), lock: None };
    let bodies = [(0, offer)].into_iter().chain((0..4).map(|ballot| (ballot, proposal.clone())));
    for (ballot, body) in bodies {
        let lie = SignedBallotMessage::sign(genesis, instance, ballot, liar, body, &sign);
        for node in ["node-1", "node-2", "node-3"] {
            let node = world.id(node);
            world.inject(liar, node, &Message::Ballot(lie.clone()));
        }
    }
}

/// CER-09: a member can give an attempt up, for itself and all others; every node then knows who
/// did, a witness too, and nobody stands accused for it.
#[test]
fn neg_082_who_gives_an_attempt_up_is_named_everywhere() {
    // Here node-2 is to plan the first attempt, so that its word counts before any plan.
    let mut world = World::new(4);
    let attempts = watch_attempts(&mut world);
    let key = order(&mut world);
    let quitter = world.id("node-2");
    let said = abort(&world, &secrets(&world, "node-2"), key, 0);
    let honest = world.id("node-1");
    world.inject(quitter, honest, &Message::Deal(said));
    made(&mut world);
    assert_eq!(*attempts.borrow(), BTreeSet::from([0, 1]));
    for node in world.names() {
        let lines = audit(&mut world, &node);
        assert!(lines.iter().any(|line| line.text.ends_with("is void: node-2 gave it up")));
        assert!(!accuses(&mut world, &node), "{node}");
    }
}

/// CER-09: an attempt whose member died ends in bounded time, and the next one makes the key once
/// the member is back.
#[test]
fn an_attempt_with_a_dead_member_is_voided_and_the_next_one_makes_the_key() {
    let mut world = World::new(84);
    let attempts = watch_attempts(&mut world);
    let key = order(&mut world);
    world.until("node-3 deals", |_| attempts.borrow().contains(&0));
    world.stop("node-3");
    let began = world.now;
    world.until("the attempt is void", |world| {
        audit(world, "witness-1").iter().any(|line| line.text.ends_with("gave it up"))
    });
    assert!(world.now - began < 60_000);
    let node = world.id("node-3");
    world.start(node);
    made(&mut world);
    assert!(world.state("node-3").key(&key).is_some());
}

/// Holds results of a node's engine back, those that `is_held` says.
fn hold(
    world: &mut World,
    node: NodeId,
    mut is_held: impl FnMut(&JobResult) -> bool + 'static,
) -> Shared<Vec<(JobId, JobResult)>> {
    let held: Shared<Vec<(JobId, JobResult)>> = Rc::default();
    let keep = Rc::clone(&held);
    world.jobs = Some(Box::new(move |owner, job| {
        let (id, part) = (job.id, job.part);
        let result = job.run();
        if owner == node && part == Part::Engine && is_held(&result) {
            keep.borrow_mut().push((id, result));
            return None;
        }
        Some(result)
    }));
    held
}

/// CER-06, NOD-03: what was still computed for an attempt when it was voided is nobody's once it
/// is ready: the attempt under way waits for its own.
#[test]
fn neg_057_a_late_result_of_a_voided_attempt_is_nobodys() {
    let mut world = World::new(57);
    let attempts = watch_attempts(&mut world);
    let slow = world.id("node-2");
    let mut left = 2;
    let held = hold(&mut world, slow, move |_| {
        let is_held = left > 0;
        left -= i32::from(is_held);
        is_held
    });
    order(&mut world);
    world.until("attempt 0 is void and 1 begins", |_| held.borrow().len() == 2);
    for (id, result) in held.borrow_mut().drain(..) {
        world.give(slow, Event::JobDone { id, result });
    }
    made(&mut world);
    assert_eq!(*attempts.borrow(), BTreeSet::from([0, 1]));
}

/// CER-05: PREPARED that comes before this node has its own record waits for it. It is compared
/// with that record then, and accuses nobody: another dealer may have shown two dealings.
#[test]
fn neg_089_an_early_prepared_waits_and_accuses_nobody() {
    for is_other in [false, true] {
        let mut world = World::new(89);
        let (slow, early) = (world.id("node-2"), world.id("node-3"));
        let signer = secrets(&world, "node-3");
        let held = hold(&mut world, slow, {
            let mut left = 1;
            move |result| {
                let is_last = matches!(result, JobResult::BackupVerified(_));
                let is_held = is_last && left > 0;
                left -= i32::from(is_held);
                is_held
            }
        });
        let genesis = world.founding.state.genesis();
        let heard: Shared<BTreeSet<NodeId>> = Rc::default();
        let attempts: Shared<BTreeSet<u32>> = Rc::default();
        let (hears, dealt) = (Rc::clone(&heard), Rc::clone(&attempts));
        world.wiretap = Some(Box::new(move |from, to, mut message| {
            let Message::Deal(deal) = &mut message else { return vec![message] };
            dealt.borrow_mut().insert(deal.attempt);
            if let DealStep::Prepared { record, .. } = &mut deal.step
                && to == slow
                && deal.attempt == 0
            {
                hears.borrow_mut().insert(from);
                if is_other && from == early {
                    let mut other: EpochRecord = quorate_codec::from_bytes(record).unwrap();
                    other.accounts[0].chain_code = Digest([7; 32]);
                    *record = quorate_codec::to_bytes(&other);
                    let said = (&genesis, &deal.key, 0_u64, 0_u32, deal.context, &deal.step);
                    let bytes = quorate_codec::to_bytes(&said);
                    deal.signature = signer.sign(tag::DEAL_MESSAGE, &bytes);
                }
            }
            vec![message]
        }));
        order(&mut world);
        world.until("others are prepared", |_| heard.borrow().len() == 2);
        assert_eq!(held.borrow().len(), 1);
        for (id, result) in held.borrow_mut().drain(..) {
            world.give(slow, Event::JobDone { id, result });
        }
        made(&mut world);
        assert!(!accuses(&mut world, "node-2"));
        let mut lines = audit(&mut world, "node-2").into_iter();
        assert_eq!(lines.any(|line| line.text.contains("another record")), is_other);
        assert!(is_other || *attempts.borrow() == BTreeSet::from([0]));
    }
}

/// CER-06: what a later decision skipped is over with it: a node that missed a VOID keeps no
/// shares of that attempt.
#[test]
fn neg_053_shares_of_a_skipped_attempt_go_with_the_decision_that_skips_it() {
    // Here node-3 is to plan the second attempt, so that its word counts before any plan.
    let mut world = World::new(3);
    let decided: Shared<BTreeSet<u32>> = Rc::default();
    let seen = Rc::clone(&decided);
    world.wiretap = Some(Box::new(move |_, _, message| {
        if let Message::Decided(decided) = &message
            && let Instance::Attempt { attempt, .. } = decided.instance
        {
            seen.borrow_mut().insert(attempt);
        }
        vec![message]
    }));
    let key = order(&mut world);
    world.until("node-2 has shares", |world| shares(world, "node-2") == 1);
    for peer in ["node-1", "node-3", "witness-1"] {
        world.cut("node-2", peer, true);
    }
    world.until("attempt 0 is void", |_| decided.borrow().contains(&0));
    let said = abort(&world, &secrets(&world, "node-3"), key, 1);
    let (quitter, honest) = (world.id("node-3"), world.id("node-1"));
    world.inject(quitter, honest, &Message::Deal(said));
    world.until("attempt 1 is void", |_| decided.borrow().contains(&1));
    assert_eq!(shares(&world, "node-2"), 1);
    for peer in ["node-1", "node-3", "witness-1"] {
        world.cut("node-2", peer, false);
    }
    made(&mut world);
    for node in ["node-1", "node-2", "node-3"] {
        assert_eq!(shares(&world, node), 1, "{node}");
    }
}

fn shares(world: &World, node: &str) -> usize {
    world.host(node).disk.keys().filter(|(table, _)| *table == Table::Share).count()
}

/// CER-10, NOD-16: a voter that lost its votes and was taken back neither votes nor deals where
/// the life that it lost may have done so: not in the attempt that was open, nor at a position
/// up to the entry that took it back. Once that attempt is void it is a voter like any other.
#[test]
fn neg_061_a_voter_that_was_taken_back_stays_out_of_its_earlier_lifes_attempts() {
    let mut world = World::new(62);
    let node = world.id("node-2");
    let old = world.host("node-2").disk.clone();
    let (said, dealt): (Shared<Vec<Instance>>, Shared<BTreeSet<u32>>) = Default::default();
    let lost = Rc::new(Cell::new(true));
    let (says, deals, is_lost) = (Rc::clone(&said), Rc::clone(&dealt), Rc::clone(&lost));
    // Nobody is heard to be prepared, so the first attempt must be void; votes about attempts are
    // lost, so that it stays open.
    world.wiretap = Some(Box::new(move |from, _, message| {
        match &message {
            Message::Ballot(vote) => {
                if vote.voter() == node && from == node {
                    says.borrow_mut().push(vote.instance());
                }
                let is_vote =
                    matches!(vote.body(), BallotBody::Prevote(_) | BallotBody::Precommit(_));
                let is_attempt = matches!(vote.instance(), Instance::Attempt { .. });
                if is_vote && is_attempt && is_lost.get() {
                    return Vec::new();
                }
            }
            Message::Deal(deal) => match &deal.step {
                DealStep::Prepared { .. } if deal.attempt == 0 => return Vec::new(),
                DealStep::Round { .. } if from == node => {
                    deals.borrow_mut().insert(deal.attempt);
                }
                _ => {}
            },
            _ => {}
        }
        vec![message]
    }));
    let key = order(&mut world);
    let attempt = |attempt| Instance::Attempt { key, epoch: 0, attempt, era: 0 };
    world.until("node-2 votes about the attempt", |_| said.borrow().contains(&attempt(0)));
    world.stop("node-2");
    world.host_mut("node-2").disk = old;
    world.start(node);
    let abstains = |world: &World| world.host("node-2").node.as_ref().unwrap().abstains().is_some();
    world.until("it is lapsed", |world| abstains(world));
    world.stop("node-2");
    let wish = rejoin(&records(&world.host("node-2").disk)).unwrap();
    let row = wish.value.unwrap().to_vec();
    world.host_mut("node-2").disk.insert((wish.table, wish.key), row);
    said.borrow_mut().clear();
    dealt.borrow_mut().clear();
    world.start(node);
    world.until("it is taken back", |world| !abstains(world));
    let back_at = world.state("node-2").rejoined_at(&node).unwrap();
    world.pass(120_000);
    assert!(said.borrow().iter().all(|it| matches!(it, Instance::Position(at) if *at > back_at)));
    assert!(dealt.borrow().is_empty());
    lost.set(false);
    made(&mut world);
    let said = said.borrow();
    assert!(!said.contains(&attempt(0)));
    assert!((1..9).any(|number| said.contains(&attempt(number))));
    for node in world.names() {
        let alarms = &world.host(&node).alarms;
        assert!(!alarms.iter().any(|text| text.contains("two statements")), "{alarms:?}");
    }
}

/// N-15, AGR-08: a voter proposes the longest values there are in attempts at every key. Another keeps
/// some of them and answers; beyond that it takes no more, and goes on answering everybody else.
#[test]
fn neg_015_a_voter_fills_no_memory_with_what_it_proposes() {
    let mut world = World::new(63);
    let voter = world.id("node-1");
    // Nobody deals, so that every attempt stays open.
    world.wiretap = Some(Box::new(|_, _, message| match message {
        Message::Deal(_) => Vec::new(),
        other => vec![other],
    }));
    let order = |number: usize| {
        let key = format!("key-{number}");
        let order = world.founding.key_order(&key, Scheme::Ed25519);
        world.enact("node-1", order);
        world.state("node-1").key_named(&key.parse().unwrap()).unwrap().key
    };
    let keys: Vec<KeyId> = (0..32).map(order).collect();
    let (some, others) = keys.split_at(20);
    // In how many attempts the voter answers what is proposed, which is nothing that it would have.
    let mut answers = |by: &str, keys: &[KeyId], length: usize| {
        let (from, secrets) = (world.id(by), secrets(&world, by));
        let genesis = world.founding.hash;
        let sign = |tag, bytes: &[u8]| secrets.sign(tag, bytes);
        for (number, key) in (0..).zip(keys) {
            let instance = Instance::Attempt { key: *key, epoch: 0, attempt: 0, era: 0 };
            for ballot in 0..8 {
                let body = BallotBody::Proposal { value: vec![number; length].into(), lock: None };
                let lie = SignedBallotMessage::sign(genesis, instance, ballot, from, body, &sign);
                world.inject(from, voter, &Message::Ballot(lie));
            }
        }
        world.pass(100);
        let said = world.host("node-1").outputs.iter().flat_map(|output| &output.messages);
        let votes = said.into_iter().filter_map(|(_, message)| match message {
            Message::Ballot(vote) if vote.voter() == voter => Some(vote.instance()),
            _ => None,
        });
        let is_of = |it: &Instance| keys.iter().any(|key| it.is_attempt(key, 0, 0));
        votes.filter(is_of).collect::<BTreeSet<Instance>>().len()
    };
    assert!(answers("witness-1", some, VALUE_BYTES_MAX) > 0, "there is room for some");
    assert_eq!(answers("witness-1", others, 16), 0, "and then for none");
    assert!(answers("node-3", others, 16) > 0, "nobody takes another's room");
}

/// NOD-05: a birth signature in a form that is too long to be read again is not stored, so nobody
/// is kept from starting.
#[test]
fn nod_05_a_padded_birth_signature_keeps_nobody_from_starting() {
    let mut world = World::new(91);
    let stranger = NodeId(Digest([7; 32]));
    world.wiretap = Some(Box::new(move |_, _, message| match message {
        Message::Outcome(genuine) if matches!(genuine.target, Target::Birth(..)) => {
            let mut padded = genuine.clone();
            padded.quorum = vec![stranger; 600];
            vec![Message::Outcome(padded), Message::Outcome(genuine)]
        }
        other => vec![other],
    }));
    world.make_key("ops", Scheme::Ed25519);
    world.pass(60_000);
    for name in world.names() {
        let node = world.id(&name);
        world.stop(&name);
        assert!(world.try_start(node).is_ok(), "{name}");
    }
    world.until("all can sign", |world| {
        let names = world.names();
        names.iter().all(|node| world.can_sign(node, "ops"))
    });
}
