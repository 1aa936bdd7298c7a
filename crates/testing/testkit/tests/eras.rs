//! What is said, decided or shown at another time than a node is in: at a head that it does not know
//! yet, by who left since, by the voters of before (AGR-12, AGR-13, GOV-67, RCP-04).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_charter::{
    AbortStatement, AttemptOutcome, BallotBody, Change, Decided, Instance, MotionBody,
    PeopleChange, Phase, RefreshSchedule, Role, SignedBallotMessage, Standing,
};
use quorate_client::contract::{RequestState, routes};
use quorate_codec::{Digest, Transcript, tag};
use quorate_identity::{Head, KeyId, NodeId, NodeSignatures, RequestId};
use quorate_machine::call::View;
use quorate_machine::durable::Table;
use quorate_machine::ingress;
use quorate_machine::limits::{ENTRIES_PER_ANSWER, Pace};
use quorate_machine::wire::{DealMessage, DealStep, Message};
use quorate_receipt::{Part, Receipt, ReceiptError, Report};
use quorate_testkit::founding::{Shape, name};
use quorate_testkit::keys::{
    FIVE, THREE_OF_FIVE, audit, evidence, key, record, refresh, reshare, sign, until_epoch,
    with_ops,
};
use quorate_testkit::liar::Liar;
use quorate_testkit::newcomer::{Newcomer, changes, revokes, stands};
use quorate_testkit::world::World;
use serde_json::json;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;

const TREE: &str = "2 of (node-1, node-2, node-3)";

const DAYS_90_MS: u64 = 90 * 24 * 60 * 60 * 1_000;

/// Six voters, of whom four decide.
const SIX: Shape = Shape { signers: 3, witnesses: 3, faults: 1 };

/// The values that a node ever voted for, of attempts at an epoch.
fn voted_for(world: &World, node: &str, of: u64) -> Vec<Digest> {
    let voter = world.id(node);
    let said = world.host(node).outputs.iter().flat_map(|output| &output.messages);
    let votes = said.filter_map(|(_, message)| match message {
        Message::Ballot(vote) if vote.voter() == voter => Some(vote),
        _ => None,
    });
    let of_epoch = votes
        .filter(|vote| matches!(vote.instance(), Instance::Attempt { epoch, .. } if epoch == of));
    let value = |vote: &SignedBallotMessage| match vote.body() {
        BallotBody::Prevote(value) | BallotBody::Precommit(value) => *value,
        BallotBody::Proposal { .. } | BallotBody::Offer { .. } => None,
    };
    of_epoch.filter_map(value).collect()
}

fn digest_of(value: &[u8]) -> Digest {
    Transcript::new(tag::DECISION_VALUE).part(value).digest()
}

/// How the newest attempt at the key ended, as a node has it on its disk.
fn ended(world: &World, node: &str, key: KeyId, epoch: u64) -> Option<Decided> {
    let made = [b"d", key.as_ref() as &[u8], &epoch.to_be_bytes()].concat();
    let voided = [b"v", key.as_ref() as &[u8]].concat();
    let disk = &world.host(node).disk;
    let row = [made, voided].into_iter().find_map(|row| disk.get(&(Table::EpochRecord, row)));
    row.map(|row| quorate_codec::from_bytes(row).unwrap())
}

fn is_signer(certificate: &NodeSignatures, node: &NodeId) -> bool {
    certificate.iter().any(|(signer, _)| signer == node)
}

/// A member's word that it gives the next attempt at the key up, said at this head.
fn abort(world: &World, node: &str, key: KeyId, epoch: u64, head: Head) -> DealMessage {
    let step = DealStep::Abort { head };
    let signature = quorate_identity::NodeSignature([0; 64]);
    let message = DealMessage { key, epoch, attempt: 0, context: None, step, signature };
    match Liar::new(world, node).signed(message) {
        Message::Deal(message) => message,
        other => panic!("{other:?}"),
    }
}

/// CER-05, CER-09, AGR-13: a plan, or the word of who gives an attempt up, may be of a later head than
/// a voter knows. It votes for neither, accuses nobody, and votes once it has caught up.
#[test]
fn neg_072_who_is_behind_votes_for_no_head_that_it_does_not_know() {
    for is_given_up in [false, true] {
        let (mut world, id) = with_ops(91, SIX, TREE, 1);
        world.stop("node-3");
        world.enact("node-1", refresh());
        // It waits for node-3. Meanwhile the others move on; of two of them no vote about the attempt
        // gets through, so that nothing is decided without the one that is behind.
        let late = world.id("witness-3");
        let unheard = ["witness-1", "witness-2"].map(|node| world.id(node));
        let (withheld, asked) = (Rc::new(Cell::new(true)), Rc::new(Cell::new(false)));
        let (withholds, asks) = (Rc::clone(&withheld), Rc::clone(&asked));
        world.wiretap = Some(Box::new(move |from, to, message| {
            let is_lost = match &message {
                Message::Entries(_) => to == late && withholds.get(),
                Message::Ballot(vote) => match vote.instance() {
                    Instance::Position(_) => to == late && withholds.get(),
                    Instance::Attempt { .. } => {
                        let is_proposal = matches!(vote.body().phase(), Phase::Proposal);
                        asks.set(asks.get() || (to == late && is_proposal));
                        unheard.contains(&from)
                    }
                },
                Message::Deal(DealMessage { step: DealStep::Round { .. }, .. }) => is_given_up,
                _ => false,
            };
            if is_lost { Vec::new() } else { vec![message] }
        }));
        let before = world.state("witness-3").head();
        let body = MotionBody::KeySchedule { name: name("ops"), schedule: None };
        let motion = world.file_motion("node-1", body);
        let others = ["node-1", "node-2", "witness-1", "witness-2"];
        world.until("the others have moved on", |world| {
            others.iter().all(|node| world.state(node).has_placed(&motion))
        });
        let node_3 = world.id("node-3");
        world.start(node_3);
        world.until("the late one is asked", |_| asked.get());
        world.pass(20_000);
        assert_eq!(world.state("witness-3").head(), before);
        assert_eq!(voted_for(&world, "witness-3", 1), [], "{is_given_up}");
        assert!(ended(&world, "node-1", id, 1).is_none(), "{is_given_up}");
        assert!(evidence(&mut world, "witness-3").is_empty());
        let lines = audit(&mut world, "witness-3");
        assert!(lines.iter().all(|line| line.culprits.is_empty()), "{lines:?}");
        assert!(world.host("witness-3").node.as_ref().unwrap().abstains().is_none());

        withheld.set(false);
        world.until("it is decided", |world| ended(world, "node-1", id, 1).is_some());
        let decided = ended(&world, "node-1", id, 1).unwrap();
        assert!(is_signer(&decided.certificate, &late), "{is_given_up}");
        let outcome: AttemptOutcome = quorate_codec::from_bytes(&decided.value).unwrap();
        assert_eq!(matches!(outcome, AttemptOutcome::Void { .. }), is_given_up);
        assert!(voted_for(&world, "witness-3", 1).contains(&digest_of(&decided.value)));
    }
}

/// EPO-04, AGR-13: a member that is told a plan of a head which it does not know neither deals nor gives
/// the attempt up, and accuses nobody: it may be the one that is behind. Once it is not it deals.
#[test]
fn neg_072_who_is_behind_joins_no_plan_of_a_head_that_it_does_not_know() {
    let (mut world, _) = with_ops(95, SIX, TREE, 1);
    world.stop("node-3");
    world.enact("node-1", refresh());
    let late = world.id("node-2");
    let (withheld, planned) = (Rc::new(Cell::new(true)), Rc::new(Cell::new(false)));
    let (withholds, plans) = (Rc::clone(&withheld), Rc::clone(&planned));
    world.wiretap = Some(Box::new(move |_, to, message| {
        let is_lost = match &message {
            Message::Entries(_) => to == late && withholds.get(),
            Message::Ballot(vote) => {
                let is_position = matches!(vote.instance(), Instance::Position(_));
                is_position && to == late && withholds.get()
            }
            Message::Deal(DealMessage { step: DealStep::Plan { .. }, .. }) => {
                plans.set(plans.get() || to == late);
                false
            }
            _ => false,
        };
        if is_lost { Vec::new() } else { vec![message] }
    }));
    let before = world.state("node-2").head();
    let body = MotionBody::KeySchedule { name: name("ops"), schedule: None };
    let motion = world.file_motion("node-1", body);
    world.until("the others have moved on", |world| {
        ["node-1", "witness-1", "witness-2", "witness-3"]
            .iter()
            .all(|node| world.state(node).has_placed(&motion))
    });
    let node_3 = world.id("node-3");
    world.start(node_3);
    world.until("the late one is told the plan", |_| planned.get());
    world.pass(5_000);
    assert_eq!(world.state("node-2").head(), before);
    let said = world.host("node-2").outputs.iter().flat_map(|output| &output.messages);
    let mut deals = said.filter_map(|(_, message)| match message {
        Message::Deal(deal) if deal.epoch == 1 => Some(deal),
        _ => None,
    });
    assert!(deals.next().is_none(), "it deals in nothing, and ends nothing");
    let lines = audit(&mut world, "node-2");
    assert!(lines.iter().all(|line| line.culprits.is_empty()), "{lines:?}");
    withheld.set(false);
    until_epoch(&mut world, 1);
    let made = record(&mut world, "node-2").plan;
    assert_ne!(made.head, before);
    assert_eq!(made.attempt, 0);
    assert!(made.committee.contains(&late));
}

/// GOV-67, CER-09: what a member said before it was revoked ends no attempt afterwards, whoever
/// passes it on. The word of one that stayed does.
#[test]
fn neg_082_the_word_of_who_was_revoked_ends_no_attempt() {
    for (member, counts) in [("node-1", false), ("node-2", true)] {
        let access = "2 of (node-1, node-2, node-3, node-4)";
        let (mut world, id) = with_ops(92, FIVE, access, 1);
        let said = abort(&world, member, id, 1, world.state("node-1").head());
        // The next epoch is owed, and nothing is dealt.
        world.wiretap = Some(Box::new(move |_, _, message| match message {
            Message::Deal(_) => Vec::new(),
            other => vec![other],
        }));
        world.enact("node-2", revokes("node-1"));
        let from = world.id(member);
        let frame = quorate_codec::to_bytes(&Message::Deal(said.clone()));
        assert_eq!(ingress::check(&world.state("node-2"), from, &frame).is_ok(), counts);
        let DealStep::Abort { head } = said.step else { panic!("{said:?}") };
        let word = AbortStatement { node: from, head, signature: said.signature };
        let value = quorate_codec::to_bytes(&AttemptOutcome::Void { attempt: 0, abort: word });
        // node-5 votes and is no member: nothing but the word itself speaks against it.
        let (genesis, to) = (world.founding.hash, world.id("node-5"));
        let instance = Instance::Attempt { key: id, epoch: 1, attempt: 0, era: 0 };
        for liar in ["node-2", "node-3", "node-4"].map(|node| world.id(node)) {
            let secrets = world.founding.nodes[&liar].secrets();
            let sign = |tag, bytes: &[u8]| secrets.sign(tag, bytes);
            let body = BallotBody::Proposal { value: value.clone().into(), lock: None };
            let lie = SignedBallotMessage::sign(genesis, instance, 0, liar, body, &sign);
            world.inject(liar, to, &Message::Ballot(lie));
        }
        world.pass(1_000);
        let votes = voted_for(&world, "node-5", 1);
        assert_eq!(votes.contains(&digest_of(&value)), counts, "{member}");
        assert_eq!(key(&mut world, "node-5").epoch, 0);
    }
}

/// A decision that the first attempt at an epoch was void, with the precommits of these voters.
fn voided(world: &World, (key, epoch): (KeyId, u64), at: Head, voters: &[&str]) -> Message {
    let genesis = world.founding.hash;
    let word = abort(world, voters[0], key, epoch, at);
    let abort = AbortStatement { node: world.id(voters[0]), head: at, signature: word.signature };
    let value = quorate_codec::to_bytes(&AttemptOutcome::Void { attempt: 0, abort });
    let digest = digest_of(&value);
    let instance = Instance::Attempt { key, epoch, attempt: 0, era: 0 };
    let precommit = |node: &&str| {
        let node = world.id(node);
        let secrets = world.founding.nodes[&node].secrets();
        let body = BallotBody::Precommit(Some(digest));
        let sign = |tag, bytes: &[u8]| secrets.sign(tag, bytes);
        let vote = SignedBallotMessage::sign(genesis, instance, 0, node, body, &sign);
        (node, *vote.signature())
    };
    let certificate = voters.iter().map(precommit).collect();
    Message::Decided(Decided { version: 1, genesis, instance, ballot: 0, value, certificate })
}

/// AGR-12, AGR-13: of an era before the one that decides now nobody takes a newest epoch; but that an
/// outcome was decided twice by its voters stops a node all the same, if more of those who signed
/// vote still than may lie or be honest.
#[test]
fn neg_072_an_outcome_that_an_earlier_era_decided_twice_halts_a_node_for_good() {
    let (mut world, id) = with_ops(93, Shape::default(), TREE, 1);
    let five = Newcomer::new(&mut world, "node-5", Role::Signer);
    world.enact("node-1", changes(five.admission(Standing::Votes)));
    five.arrive(&mut world, "node-2");
    world.until("it is one of them", |world| world.status("node-5").leased);
    let order = reshare(&world, "2 of (node-2, node-3, node-5)", 1);
    world.enact("node-1", order);
    until_epoch(&mut world, 1);
    let made = record(&mut world, "node-2").plan;
    assert_eq!(made.attempt, 0);
    let state = world.state("node-2");
    let next = state.electorate_for(state.key(&id).unwrap(), Some(&made)).unwrap();
    assert!(next.era() > 0, "others decide now than those who decided then");
    world.enact("node-2", stands("node-1", Standing::Waits));
    let (liar, honest) = (world.id("node-3"), world.id("node-2"));
    let abstains = |world: &World| world.host("node-2").node.as_ref().unwrap().abstains().is_some();
    let few = voided(&world, (id, 1), made.head, &["node-1", "node-2", "node-3"]);
    world.inject(liar, honest, &few);
    world.pass(1_000);
    assert!(!abstains(&world), "too few of them vote still");
    let all = ["node-1", "node-2", "node-3", "witness-1"];
    let many = voided(&world, (id, 1), made.head, &all);
    world.inject(liar, honest, &many);
    world.until("node-2 halts", |world| abstains(world));
    let why = world.status("node-2").halted.unwrap();
    assert!(why.contains("two certified decisions"), "{why}");
}

fn signed(world: &mut World, node: &str, byte: u8) -> RequestId {
    let message = json!({"kind": "message", "message": format!("0x{byte:02x}")});
    let request = world.request("ops", &message, "wallet-service");
    let filed = world.file(node, &request, "wallet-service", None).unwrap();
    world.until("all know that it is signed", |world| {
        world.names().iter().all(|node| {
            let view = world.find(node, &filed.request);
            view.is_some_and(|view| view.state == RequestState::Signed)
        })
    });
    filed.request
}

fn receipt(world: &mut World, node: &str, request: &RequestId) -> Receipt {
    let view = world.call(node, "auditor", "GET", &routes::receipt(request), b"");
    let Ok(View::Receipt(answer)) = view else { panic!("{view:?}") };
    quorate_codec::from_bytes(&answer.receipt.0).unwrap()
}

/// The certified record of the key's newest epoch.
fn newest(world: &mut World, node: &str) -> Decided {
    let view = world.call(node, "auditor", "GET", &routes::epoch_record(&name("ops")), b"");
    let Ok(View::EpochRecord(answer)) = view else { panic!("{view:?}") };
    quorate_codec::from_bytes(&answer.record.0).unwrap()
}

/// RCP-03, RCP-04, AGR-13: a receipt shows the epoch under which its quorum decided, and the voters who
/// certified that, also when nodes were admitted and revoked since, and the key was shared anew under
/// the same order by those who were left. With a record that others certified, or are said to have
/// certified, it proves nothing.
#[test]
fn neg_087_a_receipt_names_the_voters_of_its_own_time() {
    let (mut world, _) = with_ops(94, FIVE, THREE_OF_FIVE, 1);
    let verify = |world: &World, receipt: &Receipt| -> Result<Report, ReceiptError> {
        quorate_receipt::verify(&receipt.to_bytes(), &world.founding.hash)
    };
    let before = signed(&mut world, "node-2", 1);
    let six = Newcomer::new(&mut world, "node-6", Role::Signer);
    world.enact("node-1", changes(six.admission(Standing::Votes)));
    six.arrive(&mut world, "node-2");
    world.until("it is one of them", |world| world.status("node-6").leased);
    let between = signed(&mut world, "node-2", 2);
    for (epoch, node) in [(1, "node-1"), (2, "node-6")] {
        world.enact("node-2", revokes(node));
        world.stop(node);
        until_epoch(&mut world, epoch);
    }
    let after = signed(&mut world, "node-2", 3);
    for (request, epoch) in [(&before, 0), (&between, 0), (&after, 2)] {
        for node in ["node-2", "node-5"] {
            let shown = receipt(&mut world, node, request);
            let report = verify(&world, &shown).unwrap_or_else(|why| panic!("{node}: {why}"));
            assert_eq!((report.request, report.epoch), (*request, epoch), "{node}");
        }
    }
    // Epochs 1 and 2 fulfil the same order; those who decided about 2 are of a later era.
    let made = newest(&mut world, "node-2");
    let Instance::Attempt { era, .. } = made.instance else { panic!("{made:?}") };
    assert!(era > 0);
    let refused = |world: &World, receipt: &Receipt| {
        let error = verify(world, receipt).unwrap_err();
        assert_eq!(error.part, Part::EpochRecord, "{error}");
        error.reason
    };
    let mut later = receipt(&mut world, "node-2", &before);
    later.epoch = made;
    let why = refused(&world, &later);
    assert!(why.contains(&format!("names no voters of era {era}")), "{why}");
    for is_other in [0, era] {
        let mut lie = receipt(&mut world, "node-2", if is_other == 0 { &after } else { &between });
        let Instance::Attempt { key, epoch, attempt, era } = lie.epoch.instance else { panic!() };
        assert_ne!(era, is_other);
        lie.epoch.instance = Instance::Attempt { key, epoch, attempt, era: is_other };
        refused(&world, &lie);
    }
}

/// GOV-24, NOD-12: who was off for months catches up page by page, over an entry after which others
/// decide than those that it knows; then it holds a lease, and its share signs.
#[test]
fn who_was_off_for_months_catches_up_over_a_change_of_voters() {
    const ENTRIES: u64 = 150;
    let (mut world, _) = with_ops(93, Shape::default(), TREE, 1);
    let left_at = world.state("node-3").position();
    world.stop("node-3");
    let five = Newcomer::new(&mut world, "node-5", Role::Signer);
    for number in 0..ENTRIES - 1 {
        if number == 100 {
            world.enact("node-1", changes(five.admission(Standing::Votes)));
            five.arrive(&mut world, "node-2");
            world.until("it is one of them", |world| world.status("node-5").leased);
        }
        // Two in one page that touch people.
        if let 20 | 21 = number {
            let members =
                ["alice", "bob"].into_iter().take(1 + usize::from(number == 21)).map(name);
            let (name, members) = (name("night"), members.collect());
            let change = PeopleChange::one(Change::Team { name, members });
            world.enact("node-1", MotionBody::People(change));
            continue;
        }
        // As cheap as an entry gets, and the last one leaves nothing to be refreshed.
        let every = RefreshSchedule { every_ms: DAYS_90_MS, jitter_ms: 0, window: None };
        let schedule = (number % 2 == 1).then_some(every);
        world.enact("node-1", MotionBody::KeySchedule { name: name("ops"), schedule });
    }
    assert_eq!(world.state("node-1").position(), left_at + ENTRIES);
    world.now += DAYS_90_MS;
    world.pass(10_000);

    let (node_3, begun) = (world.id("node-3"), world.now);
    // Each head that it reaches it greets others with, who show it more: a hello that is lost must not
    // hold it up, so all of them are but the first to each.
    let mut greeted = BTreeSet::new();
    world.wiretap = Some(Box::new(move |from, to, message| match &message {
        Message::Hello(_) if from == node_3 && !greeted.insert(to) => Vec::new(),
        _ => vec![message],
    }));
    world.start(node_3);
    world.until("it has all of it", |world| {
        world.state("node-3").head() == world.state("node-1").head()
    });
    world.wiretap = None;
    let took = world.now - begun;
    assert!(took < Pace::default().retry_ms, "it asked on at once, and not after {took} ms");
    let pages = |node: &str| {
        let sent = world.host(node).outputs.iter().flat_map(|output| &output.messages);
        let pages = sent.filter_map(|(to, message)| match message {
            Message::Entries(entries) if *to == node_3 => Some(entries.len()),
            _ => None,
        });
        pages.filter(|entries| *entries > 1).collect::<Vec<_>>()
    };
    let pages: Vec<usize> = ["node-1", "node-2", "node-5", "witness-1"].map(pages).concat();
    let full = pages.iter().filter(|entries| **entries == ENTRIES_PER_ANSWER).count();
    assert!(full >= 2 && pages.iter().all(|entries| *entries <= ENTRIES_PER_ANSWER), "{pages:?}");
    assert!(evidence(&mut world, "node-3").is_empty());
    // GOV-86: one word a page, and not one for each of what was decided long ago.
    let told: Vec<&String> =
        world.host("node-3").alarms.iter().filter(|it| it.contains("at once")).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    let (many, whom) = ("2 motions had taken effect at once", ": they touch alice, bob, night");
    assert!(told[0].contains(many) && told[0].ends_with(whom), "{told:?}");
    assert!(told[1].ends_with(": it touches node-5"), "{told:?}");

    world.until("it holds a lease", |world| world.status("node-3").leased);
    // Four of five decide, two of three sign: without node-2 it is needed for either.
    world.stop("node-2");
    sign(&mut world, "node-3", "after months");
    world.enact("node-3", MotionBody::KeySchedule { name: name("ops"), schedule: None });
}
