//! What nodes prove about each other when a dealing fails, and what they do not (`spec/blame.md`).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

use quorate_charter::AttemptPlan;
use quorate_client::contract::routes;
use quorate_codec::Digest;
use quorate_engine::Backups;
use quorate_identity::{GenesisHash, KeyId, NodeId};
use quorate_keygen::{Message1, Message2};
use quorate_machine::call::View;
use quorate_machine::durable::Table;
use quorate_machine::event::Event;
use quorate_machine::evidence::EvidenceFile;
use quorate_machine::job::JobResult;
use quorate_machine::wire::{DealMessage, DealStep, Message};
use quorate_testkit::custodians::Reduced;
use quorate_testkit::forged::Forged;
use quorate_testkit::founding::name;
use quorate_testkit::keys::{
    FIVE, ceremony, evidence, key, record, refresh, sign, until_made, with_ops,
};
use quorate_testkit::liar::{Complaint, Liar, first, round, second};
use quorate_testkit::newcomer::revokes;
use quorate_testkit::world::World;
use std::cell::RefCell;
use std::rc::Rc;

const SEED: u64 = 106;

/// A domain with the key ops over the first three signers, any two of whom are enough.
fn ready() -> World {
    with_ops(SEED, FIVE, "2 of (node-1, node-2, node-3)", 0).0
}

fn refreshed(world: &mut World) {
    world.enact("node-1", refresh());
    until_made(world, 1);
}

fn file(world: &mut World, node: &str, evidence: &Digest) -> Vec<u8> {
    let view = world.call(node, "auditor", "GET", &routes::evidence(evidence), b"");
    let Ok(View::Evidence(answer)) = view else { panic!("no evidence: {view:?}") };
    answer.file.0
}

/// Who deals in the first attempt at a refresh, and who does not: the same in every world of this
/// seed.
fn roles() -> (String, String, String) {
    let mut world = ready();
    refreshed(&mut world);
    let plan = record(&mut world, "node-1").plan;
    assert_eq!(plan.attempt, 0);
    let named = |node: &NodeId| world.founding.nodes[node].name.to_string();
    let dealers: Vec<String> = plan.dealers.iter().map(named).collect();
    let other = plan.committee.iter().map(named).find(|node| !dealers.contains(node));
    (dealers[0].clone(), dealers[1].clone(), other.unwrap())
}

/// A refresh in which `change` rewrites the steps of one node in the first attempts, for each
/// receiver, nothing where they stay; returns what came of it.
fn refresh_with(
    liar: &str,
    change: impl FnMut(NodeId, &DealMessage) -> Option<DealStep> + 'static,
) -> World {
    refresh_in(ready(), liar, change)
}

/// The same in this world.
fn refresh_in(
    mut world: World,
    liar: &str,
    mut change: impl FnMut(NodeId, &DealMessage) -> Option<DealStep> + 'static,
) -> World {
    let lies = Liar::new(&world, liar);
    world.wiretap = Some(Box::new(move |from, to, message| match &message {
        // The liar helps nobody to see it, and does not end the attempt itself.
        Message::Evidence(_) | Message::Ballot(_) if from == lies.node => Vec::new(),
        Message::Deal(DealMessage {
            epoch: 1,
            step: DealStep::Shown { .. } | DealStep::Abort { .. },
            ..
        }) if from == lies.node => Vec::new(),
        Message::Deal(deal) if from == lies.node && deal.epoch == 1 && deal.attempt == 0 => {
            vec![change(to, deal).map_or(message.clone(), |step| lies.saying(deal, step))]
        }
        _ => vec![message],
    }));
    refreshed(&mut world);
    world
}

/// Every honest node proves one of these of the liar, once, a file of it convinces anybody, the
/// epoch is made by others, and the key signs.
fn only(world: &mut World, liar: &str, what: &[&str]) {
    let genesis = world.founding.hash;
    for node in world.names().into_iter().filter(|node| node != liar) {
        let views = evidence(world, &node);
        assert_eq!(views.len(), 1, "{node}: {views:?}");
        assert!(what.contains(&views[0].what.as_str()), "{node}: {views:?}");
        for view in views {
            assert_eq!(view.culprits, [name(liar)], "{node}");
            assert_eq!(view.place, "attempt 0 at epoch 1");
            let bytes = file(world, &node, &view.evidence);
            let (finding, id, _) =
                EvidenceFile::verify(&bytes, &genesis, Backups::of::<Reduced>()).unwrap();
            assert_eq!(finding.culprits, [world.id(liar)]);
            assert_eq!(id, view.evidence);
            let other = GenesisHash(Digest([7; 32]));
            assert!(EvidenceFile::verify(&bytes, &other, Backups::of::<Reduced>()).is_err());
        }
    }
    let plan = record(world, "node-1").plan;
    assert!(!plan.participants().contains(&world.id(liar)), "the liar is left out");
    assert_eq!(plan.attempt, 1, "and the next attempt makes it");
    sign(world, "node-1", "all the same");
}

/// BLM-04, BLM-05, DEAL-20: a receiver of a bad share proves it to everybody; nodes that take no part
/// are shown it too.
#[test]
fn neg_094_a_bad_share_convicts_its_dealer_everywhere() {
    let (liar, ..) = roles();
    let mut world = refresh_with(&liar, |_, deal| {
        let mut lie: Message2 = second(&deal.step)?;
        for sealed in &mut lie.dealing.as_mut()?.sealed {
            sealed.0[40] ^= 1;
        }
        Some(round(2, &lie))
    });
    only(&mut world, &liar, &["a bad share"]);
}

/// BLM-03, DEAL-21, DEAL-22: a dealer that tells one receiver another dealing is convicted by the two.
#[test]
fn neg_025_two_dealings_convict_their_dealer() {
    let (liar, one, _) = roles();
    let probe = ready();
    let one = probe.id(&one);
    let mut world = refresh_with(&liar, move |to, deal| {
        let mut lie: Message2 = second(&deal.step).filter(|_| to == one)?;
        for sealed in &mut lie.dealing.as_mut()?.sealed {
            sealed.0[40] ^= 1;
        }
        Some(round(2, &lie))
    });
    let twice = "two messages in one place of a dealing";
    only(&mut world, &liar, &["a bad share", twice]);
}

/// BLM-05, BLM-10: a dealer that tells each receiver a dealing in which only the other's share is bad.
/// Each sees nothing wrong with its own; their backups are of two dealings. The messages that they show
/// each other convict the dealer, and none of them.
#[test]
fn neg_025_two_dealings_that_nobody_complains_about_convict_their_dealer() {
    let (liar, ..) = roles();
    let probe = ready();
    let nodes = ["node-1", "node-2", "node-3"].map(|node| probe.id(node));
    let dealer = probe.id(&liar);
    let mut world = refresh_with(&liar, move |to, deal| {
        let mut lie: Message2 = second(&deal.step)?;
        let sealed = &mut lie.dealing.as_mut()?.sealed;
        for (leaf, receiver) in nodes.iter().enumerate() {
            if *receiver != to && *receiver != dealer {
                sealed[leaf].0[40] ^= 1;
            }
        }
        Some(round(2, &lie))
    });
    only(&mut world, &liar, &["two messages in one place of a dealing"]);
}

/// BLM-03, DEAL-21: who tells participants different first messages makes echoes differ; what they
/// show each other convicts it, and nobody whose echo differs.
#[test]
fn neg_025_two_first_messages_convict_their_author() {
    let (_, one, liar) = roles();
    let probe = ready();
    let one = probe.id(&one);
    let mut world = refresh_with(&liar, move |to, deal| {
        let mut lie: Message1 = first(&deal.step).filter(|_| to == one)?;
        lie.sid = Digest([7; 32]);
        Some(round(1, &lie))
    });
    only(&mut world, &liar, &["two messages in one place of a dealing"]);
}

/// BLM-05: who shows what it has before the others have said their own, so that they answer with
/// half of it, hides no second message.
#[test]
fn neg_025_an_early_showing_hides_no_second_message() {
    let (_, one, liar) = roles();
    let mut world = ready();
    let (lies, one) = (Liar::new(&world, &liar), world.id(&one));
    world.wiretap = Some(Box::new(move |from, to, message| match &message {
        Message::Evidence(_) if from == lies.node => Vec::new(),
        Message::Deal(deal) if from == lies.node && deal.epoch == 1 && deal.attempt == 0 => {
            let Some(mut said) = first(&deal.step) else {
                let is_shown = matches!(deal.step, DealStep::Shown { .. });
                return if is_shown { Vec::new() } else { vec![message] };
            };
            if to == one {
                said.sid = Digest([7; 32]);
            }
            let early = DealStep::Shown { messages: Vec::new() };
            vec![lies.saying(deal, round(1, &said)), lies.saying(deal, early)]
        }
        _ => vec![message],
    }));
    refreshed(&mut world);
    only(&mut world, &liar, &["two messages in one place of a dealing"]);
}

/// BLM-04, BLM-05: a complaint about an attempt that is over, judged when the next has begun, makes
/// nobody show half of what is said in that one: whoever leads it and tells two things is convicted.
#[test]
fn neg_025_a_late_complaint_hides_no_second_message() {
    // In the first attempt nobody says PREPARED; who plans the second is the same in every world.
    let unheard = |deal: &DealMessage| {
        (deal.epoch, deal.attempt) == (1, 0) && matches!(deal.step, DealStep::Prepared { .. })
    };
    let mut world = ready();
    let leader: Rc<RefCell<Option<NodeId>>> = Rc::default();
    let sees = Rc::clone(&leader);
    world.wiretap = Some(Box::new(move |from, _, message| match &message {
        Message::Deal(deal) if unheard(deal) => Vec::new(),
        Message::Deal(DealMessage {
            epoch: 1, attempt: 1, step: DealStep::Plan { .. }, ..
        }) => {
            sees.borrow_mut().get_or_insert(from);
            vec![message]
        }
        _ => vec![message],
    }));
    refreshed(&mut world);
    let leader = leader.borrow().unwrap();
    let plan = record(&mut world, "node-1").plan;
    assert!(plan.attempt == 1 && plan.participants().contains(&leader));
    let victim = plan.participants().into_iter().find(|node| *node != leader).unwrap();

    let mut world = ready();
    let lies = Liar::new(&world, world.founding.nodes[&leader].name.as_ref());
    let heard: Rc<RefCell<Option<(NodeId, DealMessage)>>> = Rc::default();
    world.wiretap = Some(Box::new(move |from, to, message| {
        let Message::Deal(deal) = &message else {
            let is_told = matches!(message, Message::Evidence(_) | Message::Ballot(_));
            return if is_told && from == leader { Vec::new() } else { vec![message] };
        };
        if unheard(deal) {
            return Vec::new();
        }
        if (deal.epoch, deal.attempt) == (1, 0) && second(&deal.step).is_some() && from != leader {
            heard.borrow_mut().get_or_insert((from, deal.clone()));
        }
        if from != leader || (deal.epoch, deal.attempt) != (1, 1) {
            return vec![message];
        }
        match &deal.step {
            DealStep::Plan { .. } => {
                let (dealer, before) = heard.borrow().clone().unwrap();
                let mut another = second(&before.step).unwrap();
                another.echo = Digest([7; 32]);
                let bytes = quorate_codec::to_bytes(&another);
                let late = Complaint::about(dealer, &bytes, [7; 32]);
                vec![lies.saying(&before, late.step()), message]
            }
            // It helps nobody to see it, and does not end the attempt itself.
            DealStep::Shown { .. } | DealStep::Abort { .. } => Vec::new(),
            step => match first(step) {
                Some(mut said) if to == victim => {
                    said.sid = Digest([7; 32]);
                    vec![lies.saying(deal, round(1, &said))]
                }
                _ => vec![message],
            },
        }
    }));
    refreshed(&mut world);
    let liar = world.founding.nodes[&leader].name.clone();
    for node in world.names().into_iter().filter(|node| *node != liar.as_str()) {
        let found = evidence(&mut world, &node);
        let twice = "two messages in one place of a dealing";
        assert!(found.iter().any(|view| view.what == twice), "{node}: {found:?}");
        assert!(found.iter().all(|view| view.culprits == [liar.clone()]), "{node}: {found:?}");
    }
    assert_eq!(record(&mut world, "node-1").plan.attempt, 2);
}

/// BLM-05, DEAL-25: what everybody sees to be no dealing is proven by all messages of the run, to
/// those who had no part in it as well.
#[test]
fn neg_007_what_is_no_dealing_convicts_its_dealer_everywhere() {
    let (liar, ..) = roles();
    type Lie = fn(&DealMessage) -> Option<DealStep>;
    let lies: [Lie; 5] = [
        |deal| {
            let mut lie = first(&deal.step)?;
            lie.commitment = None;
            Some(round(1, &lie))
        },
        |deal| {
            let mut lie = first(&deal.step)?;
            lie.seal_keys[0].0 = [0; 32];
            Some(round(1, &lie))
        },
        |deal| {
            let mut lie = second(&deal.step)?;
            lie.dealing.as_mut()?.opening = Digest([7; 32]);
            Some(round(2, &lie))
        },
        |deal| {
            let mut lie = second(&deal.step)?;
            let _ = lie.dealing.as_mut()?.commitments[0].pop();
            Some(round(2, &lie))
        },
        |deal| match &deal.step {
            DealStep::Round { number: 2, .. } => {
                Some(DealStep::Round { number: 2, bytes: vec![0x80] })
            }
            _ => None,
        },
    ];
    for lie in lies {
        let mut world = refresh_with(&liar, move |_, deal| lie(deal));
        only(&mut world, &liar, &["a message that is no dealing"]);
    }
}

/// BLM-05, DEAL-16: PREPARED with proofs that do not hold convicts who signed it.
#[test]
fn neg_093_proofs_that_do_not_hold_convict_who_signed_them() {
    let (_, _, liar) = roles();
    let mut world = refresh_with(&liar, |_, deal| match &deal.step {
        DealStep::Prepared { record, leaf_proofs } => {
            let mut leaf_proofs = leaf_proofs.clone();
            let last = leaf_proofs.len() - 1;
            leaf_proofs[last] ^= 1;
            Some(DealStep::Prepared { record: record.clone(), leaf_proofs })
        }
        _ => None,
    });
    only(&mut world, &liar, &["proofs of new shares that do not hold"]);
}

/// BLM-04, DEAL-20: a false complaint convicts whoever makes it and costs the honest dealer nothing.
#[test]
fn neg_094_a_false_complaint_convicts_the_complainer_everywhere() {
    let (honest, _, liar) = roles();
    // In the place of its word PREPARED it complains.
    let heard: Rc<RefCell<Option<Vec<u8>>>> = Rc::default();
    let mut world = ready();
    let (lies, dealer) = (Liar::new(&world, &liar), world.id(&honest));
    let seen = Rc::clone(&heard);
    world.wiretap = Some(Box::new(move |from, _, message| {
        let Message::Deal(deal) = &message else { return vec![message] };
        if (deal.epoch, deal.attempt) != (1, 0) {
            return vec![message];
        }
        if from == dealer
            && let DealStep::Round { number: 2, bytes } = &deal.step
        {
            *seen.borrow_mut() = Some(bytes.clone());
        }
        match (&deal.step, seen.borrow().as_ref()) {
            (DealStep::Prepared { .. }, Some(bytes)) if from == lies.node => {
                let complaint = Complaint::about(dealer, bytes, [7; 32]);
                vec![lies.saying(deal, complaint.step())]
            }
            _ => vec![message],
        }
    }));
    refreshed(&mut world);
    only(&mut world, &liar, &["a false complaint about a share"]);
}

/// BLM-08: evidence is durable, and a node that knows it from an earlier life leaves the culprit
/// out as well.
#[test]
fn neg_094_what_was_proven_stays_proven() {
    let (liar, ..) = roles();
    let mut world = ready();
    let lies = Liar::new(&world, &liar);
    world.wiretap = Some(Box::new(move |from, _, message| match &message {
        Message::Deal(deal) if deal.epoch == 1 && from == lies.node && deal.attempt == 0 => {
            let Some(mut lie) = second(&deal.step) else { return vec![message] };
            for sealed in &mut lie.dealing.as_mut().unwrap().sealed {
                sealed.0[40] ^= 1;
            }
            vec![lies.saying(deal, round(2, &lie))]
        }
        // Nothing more is heard of the attempts that follow.
        Message::Deal(deal) if deal.epoch == 1 && deal.attempt > 0 => Vec::new(),
        _ => vec![message],
    }));
    world.file_motion("node-1", refresh());
    let honest: Vec<String> = world.names().into_iter().filter(|node| *node != liar).collect();
    world.until("all know", |world| honest.iter().all(|node| evidence(world, node).len() == 1));
    let proven = evidence(&mut world, &honest[0]);
    for node in &honest {
        assert_eq!(evidence(&mut world, node)[0].evidence, proven[0].evidence, "the same");
        let id = world.id(node);
        world.stop(node);
        if node == &honest[1] {
            // As if other pieces had taken its place: who is guilty is known all the same.
            let disk = &mut world.host_mut(node).disk;
            disk.retain(|(table, _), _| *table != Table::Evidence);
            world.start(id);
            assert!(evidence(&mut world, node).is_empty());
            continue;
        }
        world.start(id);
        assert_eq!(evidence(&mut world, node)[0].evidence, proven[0].evidence, "{node}");
    }
    world.pass(1_000);
    assert!(evidence(&mut world, &honest[1]).is_empty(), "told again it is no news");
    world.wiretap = None;
    until_made(&mut world, 1);
    let plan = record(&mut world, &honest[0]).plan;
    assert!(!plan.participants().contains(&world.id(&liar)), "{plan:?}");
    assert!(ceremony(&mut world, &honest[0]).is_none_or(|view| view.evidence.len() == 1));
}

/// GOV-67, BLM-07: what rests on the word of a member that was revoked since proves nothing any more:
/// not what a node keeps, not what it was still verifying, nor on a disk.
#[test]
fn neg_094_a_complaint_of_who_was_revoked_accuses_nobody() {
    // Any of four members can be spared by the key, also without the liar.
    let four = || with_ops(SEED, FIVE, "2 of (node-1, node-2, node-3, node-4)", 0).0;
    let mut honest = four();
    refreshed(&mut honest);
    let dealer = record(&mut honest, "node-1").plan.dealers[0];
    let members = ["node-1", "node-2", "node-3", "node-4"];
    let others = members.into_iter().filter(|node| honest.id(node) != dealer);
    let [complainer, member, _] = others.collect::<Vec<_>>()[..] else { panic!() };
    let liar = honest.founding.nodes[&dealer].name.to_string();
    let leaf = members.iter().position(|node| *node == complainer).unwrap();
    let mut world = refresh_in(four(), &liar, move |_, deal| {
        let mut lie: Message2 = second(&deal.step)?;
        lie.dealing.as_mut()?.sealed[leaf].0[40] ^= 1;
        Some(round(2, &lie))
    });
    world.wiretap = None;
    let said = world.host(complainer).outputs.iter().flat_map(|output| &output.messages);
    let mut told = said.filter_map(|(_, message)| match message {
        Message::Evidence(evidence) => Some(evidence.clone()),
        _ => None,
    });
    let told = told.next().unwrap();
    let before = world.state(member);
    let guilty = told.verify(&before, Backups::of::<Reduced>()).unwrap();
    assert_eq!((guilty.culprits, guilty.what), (vec![dealer], "a bad share"));
    // Two nodes know nothing of it and are told; one of them takes its time.
    for node in [member, "node-5"] {
        world.stop(node);
        let disk = &mut world.host_mut(node).disk;
        disk.retain(|(table, _), _| !matches!(table, Table::Evidence | Table::Guilt));
        world.start(world.id(node));
        assert!(evidence(&mut world, node).is_empty());
    }
    let slow = world.id("node-5");
    let held = Rc::new(RefCell::new(Vec::new()));
    let holds = Rc::clone(&held);
    world.jobs = Some(Box::new(move |node, job| {
        let id = job.id;
        match job.run() {
            result @ JobResult::Proven(_) if node == slow => {
                holds.borrow_mut().push((id, result));
                None
            }
            result => Some(result),
        }
    }));
    for node in [member, "node-5"] {
        world.inject(dealer, world.id(node), &Message::Evidence(told.clone()));
    }
    world.until("it is taken, or looked at", |world| {
        evidence(world, member).len() == 1 && !held.borrow().is_empty()
    });

    world.enact(member, revokes(complainer));
    world.stop(complainer);
    for (id, result) in held.borrow_mut().drain(..) {
        world.give(slow, Event::JobDone { id, result });
    }
    world.pass(1_000);
    let after = world.state(member);
    assert!(told.verify(&after, Backups::of::<Reduced>()).is_err());
    for node in world.names() {
        assert!(evidence(&mut world, &node).is_empty(), "{node}");
    }
    world.stop(member);
    world.start(world.id(member));
    assert!(evidence(&mut world, member).is_empty());
    let alarms = &world.host(member).alarms;
    assert!(!alarms.iter().any(|text| text.contains("damaged")), "{alarms:?}");
}

/// Two messages for one place of an attempt, each signed by the liar, said to be of `author`.
fn twice(world: &World, liar: &Liar, author: NodeId, plan: AttemptPlan) -> Message {
    let secrets = world.founding.nodes[&liar.node].secrets();
    Forged::twice(1, plan, author, &secrets).told()
}

/// BLM-01, BLM-02, BLM-06, BLM-08: a liar can prove whatever it likes, against itself alone; of what
/// happened lately, once. Nobody can prove anything of somebody who did not sign it.
#[test]
fn neg_089_made_up_evidence_convicts_nobody_else_and_fills_no_disk() {
    let mut world = ready();
    let lies = Liar::new(&world, "node-2");
    let (to, honest) = (world.id("node-1"), world.id("node-3"));
    let plan = record(&mut world, "node-1").plan;
    let rows = |world: &World| {
        let disk = &world.host("node-1").disk;
        disk.keys().filter(|(table, _)| *table == Table::Evidence).count()
    };
    let framed = twice(&world, &lies, honest, plan.clone());
    world.inject(lies.node, to, &framed);
    world.pass(1_000);
    assert_eq!(rows(&world), 0, "of somebody who did not sign it");
    let elsewhere = AttemptPlan { epoch: 7, ..plan.clone() };
    let unknown = AttemptPlan { key: KeyId(Digest([7; 32])), ..plan.clone() };
    for plan in [elsewhere, unknown] {
        let message = twice(&world, &lies, lies.node, plan);
        world.inject(lies.node, to, &message);
    }
    world.pass(1_000);
    assert_eq!(rows(&world), 0, "of another time");
    for number in 0..20 {
        let of_no_time = AttemptPlan { attempt: number + 1, ..plan.clone() };
        // Whatever it says of the same, and again and again, is no news.
        let another = AttemptPlan { made_at: plan.made_at + u64::from(number), ..plan.clone() };
        for plan in [of_no_time, another] {
            let message = twice(&world, &lies, lies.node, plan);
            for _ in 0..3 {
                world.inject(lies.node, to, &message);
            }
        }
    }
    world.pass(1_000);
    assert_eq!(rows(&world), 1, "attempts that there were not are of no time");
    assert_eq!(world.host("node-1").alarms.len(), 1, "{:?}", world.host("node-1").alarms);
    for view in evidence(&mut world, "node-1") {
        assert_eq!(view.culprits, [name("node-2")]);
    }
    // What one of them is told, all are.
    assert_eq!(evidence(&mut world, "node-3")[0].culprits, [name("node-2")]);
    refreshed(&mut world);
    sign(&mut world, "node-1", "nothing follows for another epoch");
}

/// BLM-06: whoever tells things that do not hold is not listened to for an hour; others are.
#[test]
fn neg_082_false_evidence_costs_little() {
    let mut world = ready();
    let (lies, other) = (Liar::new(&world, "node-2"), Liar::new(&world, "node-3"));
    let (to, honest) = (world.id("node-1"), world.id("node-4"));
    let plan = record(&mut world, "node-1").plan;
    let known = |world: &mut World| evidence(world, "node-1").len();
    for number in 0..40 {
        let plan = AttemptPlan { made_at: number, ..plan.clone() };
        let framed = twice(&world, &lies, honest, plan);
        world.inject(lies.node, to, &framed);
        world.pass(10);
    }
    let true_one = twice(&world, &lies, lies.node, plan.clone());
    world.inject(lies.node, to, &true_one);
    world.pass(1_000);
    assert_eq!(known(&mut world), 0, "nobody listens any more");
    world.cut("node-1", "node-2", true);
    world.cut("node-1", "node-2", false);
    world.inject(lies.node, to, &true_one);
    world.pass(1_000);
    assert_eq!(known(&mut world), 0, "nor on another channel");
    let of_another = twice(&world, &other, other.node, plan);
    world.inject(other.node, to, &of_another);
    world.until("others count", |world| known(world) == 1);
    world.now += 3_600_000;
    world.pass(60_000);
    world.inject(lies.node, to, &true_one);
    world.until("it counts again", |world| known(world) == 2);
}

/// BLM-06, CER-09: who proves something against itself, about a plan that it made up, ends no
/// attempt: else whoever is to be dropped could end every one.
#[test]
fn neg_082_who_proves_something_against_itself_ends_no_attempt() {
    let mut world = ready();
    let lies = Liar::new(&world, "node-2");
    let plan = record(&mut world, "node-1").plan;
    let own = AttemptPlan { epoch: 1, made_at: plan.made_at + 1, ..plan };
    let evidence = twice(&world, &lies, lies.node, own);
    let told = Rc::new(RefCell::new(0));
    let count = Rc::clone(&told);
    world.wiretap = Some(Box::new(move |_, _, message| match &message {
        Message::Deal(DealMessage { step: DealStep::Round { .. }, attempt: 0, .. }) => {
            *count.borrow_mut() += 1;
            vec![evidence.clone(), message]
        }
        _ => vec![message],
    }));
    refreshed(&mut world);
    assert!(*told.borrow() > 3, "everybody was told in the middle");
    assert_eq!(record(&mut world, "node-1").plan.attempt, 0);
    let view = &self::evidence(&mut world, "node-1")[0];
    assert_eq!(view.culprits, [name("node-2")]);
}

/// BLM-04, BLM-06: complaints from those who take no part, for other attempts, or again and again,
/// end nothing and convict nobody.
#[test]
fn neg_094_complaints_from_elsewhere_are_nobodys() {
    let (dealer, _, liar) = roles();
    let mut world = ready();
    let outsider = Liar::new(&world, "node-5");
    let other = Liar::new(&world, &liar);
    let dealer = world.id(&dealer);
    let everybody = world.nodes();
    let sent: Rc<RefCell<Vec<(NodeId, Message)>>> = Rc::default();
    let send = Rc::clone(&sent);
    world.wiretap = Some(Box::new(move |from, _, message| {
        let Message::Deal(deal) = &message else { return vec![message] };
        if let DealStep::Round { number: 2, bytes } = &deal.step
            && (deal.epoch, deal.attempt, from) == (1, 0, dealer)
            && send.borrow().is_empty()
        {
            let complaint = Complaint::about(dealer, bytes, [7; 32]).step();
            let say = |liar: &Liar, deal: DealMessage| {
                send.borrow_mut().push((liar.node, liar.saying(&deal, complaint.clone())));
            };
            for _ in 0..50 {
                say(&outsider, deal.clone());
            }
            say(&other, DealMessage { attempt: 1, ..deal.clone() });
            say(&other, DealMessage { epoch: 0, ..deal.clone() });
            say(&other, DealMessage { context: None, ..deal.clone() });
            say(&other, DealMessage { context: Some(Digest([7; 32])), ..deal.clone() });
        }
        vec![message]
    }));
    world.enact("node-1", refresh());
    let mut has_sent = false;
    world.until("the epoch is made", |world| {
        if !has_sent && !sent.borrow().is_empty() {
            has_sent = true;
            for (from, message) in sent.borrow().iter() {
                for to in everybody.iter().filter(|to| *to != from) {
                    world.inject(*from, *to, message);
                }
            }
        }
        world.names().iter().all(|node| key(world, node).epoch == 1)
    });
    assert!(has_sent);
    assert_eq!(record(&mut world, "node-1").plan.attempt, 0);
    for node in world.names() {
        assert!(evidence(&mut world, &node).is_empty(), "{node}");
    }
}
