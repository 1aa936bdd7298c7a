//! Whose word that an attempt is given up voters take, and when (CER-09): also those that deal in
//! none, and whatever is proposed to them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_charter::{
    AbortStatement, AttemptOutcome, BallotBody, Decided, Instance, Lock, SignedBallotMessage,
};
use quorate_codec::{Digest, Transcript, tag};
use quorate_identity::{Head, KeyId, NodeSignature};
use quorate_machine::durable::Table;
use quorate_machine::wire::{DealMessage, DealStep, Message};
use quorate_testkit::founding::Shape;
use quorate_testkit::keys::{audit, record, refresh, until_epoch, with_ops};
use quorate_testkit::liar::Liar;
use quorate_testkit::world::World;

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

/// Brings a voter to a ballot and has a value proposed to it there; whether it votes for it then, or
/// for nothing.
fn votes_for(
    world: &mut World,
    voter: &str,
    (key, epoch, ballot): (KeyId, u64, u32),
    value: &[u8],
    lock: Option<&Lock>,
) -> bool {
    let (of, to) = (world.id(voter), world.id(voter));
    let proposal = BallotBody::Proposal { value: value.to_vec().into(), lock: lock.cloned() };
    let others = MEMBERS.iter().chain(&WITNESSES).filter(|other| **other != voter);
    let others: Vec<&str> = others.copied().collect();
    // Two are there already; whose turn it is to propose is one of all.
    let there = others[..2].iter().map(|by| (by, BallotBody::Precommit(None)));
    let proposals = others.iter().map(|by| (by, proposal.clone()));
    for (by, body) in there.chain(proposals).collect::<Vec<_>>() {
        let lie = say(world, by, key, epoch, ballot, body);
        let from = world.id(by);
        world.inject(from, to, &Message::Ballot(lie));
    }
    world.pass(100);
    let said = world.host(voter).outputs.iter().flat_map(|output| &output.messages);
    let prevote = said.into_iter().find_map(|(_, message)| match message {
        Message::Ballot(vote) if vote.voter() == of && vote.ballot() == ballot => {
            match vote.body() {
                BallotBody::Prevote(prevote) => Some(*prevote),
                _ => None,
            }
        }
        _ => None,
    });
    match prevote {
        Some(None) => false,
        Some(Some(digest)) if digest == digest_of(value) => true,
        // It is the voter's own turn: it has nothing to propose, or something else.
        None | Some(Some(_)) => votes_for(world, voter, (key, epoch, ballot + 1), value, lock),
    }
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
    let other = MEMBERS.into_iter().find(|member| !of_now.contains(member)).unwrap();
    for (member, head) in [(other, now), (of_now[0], ordered_at)] {
        let value = void(&world, member, key, 2, head);
        let prevote = BallotBody::Prevote(Some(digest_of(&value)));
        let by = MEMBERS.iter().chain(&WITNESSES).take(5);
        let votes = by.map(|by| say(&world, by, key, 2, 1, prevote.clone()));
        let prevotes = votes.map(|vote| (vote.voter(), *vote.signature())).collect();
        let lock = Lock { ballot: 1, prevotes };
        assert!(!counts(&mut world, member, head, None));
        assert!(counts(&mut world, member, head, Some(&lock)), "a quorum found it right");
    }
}
