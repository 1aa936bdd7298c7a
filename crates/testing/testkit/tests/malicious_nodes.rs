//! The malicious-party harness of the node: what one node sends in an attempt is taken apart, each
//! field is changed, and the whole is signed with that node's own key. Honest nodes never end with
//! different records, prove at most the liar guilty, send nothing that depends on a share once
//! they noticed, keep exactly the rows that they had, and make the epoch in an attempt that
//! follows. `QUORATE_LONG=1` tries everything, otherwise a part of it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

use quorate_charter::{EpochRecord, MotionBody};
use quorate_client::contract::CeremonyPhase;
use quorate_codec::Digest;
use quorate_identity::{NodeId, Scheme};
use quorate_machine::durable::Table;
use quorate_machine::wire::{DealMessage, DealStep, Message};
use quorate_testkit::fields::changes;
use quorate_testkit::founding::{POLICY, name};
use quorate_testkit::importer::{Importer, offline, submit, try_offer};
use quorate_testkit::keys::{
    FIVE, ceremony, evidence, key, over, record, refresh, reshare, sign, until_epoch, with_ops,
};
use quorate_testkit::liar::{Complaint, Liar};
use quorate_testkit::world::{Disk, World};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

type Shared<T> = Rc<RefCell<T>>;

const SEED: u64 = 10;
const FROM: &str = "2 of (node-1, node-2, node-3)";

/// A ceremony, and the epoch that it makes.
struct Instance {
    name: &'static str,
    epoch: u64,
    /// The first epoch that is used.
    used: u64,
    begin: fn() -> World,
    order: fn(&World) -> MotionBody,
}

const INSTANCES: [Instance; 5] = [
    Instance {
        name: "key generation",
        epoch: 0,
        used: 0,
        begin: || {
            let mut world = World::of(SEED, FIVE);
            world.set_policy("node-1", POLICY);
            world
        },
        order: |world| {
            let (scheme, access) = (Scheme::Ed25519, over(world, FROM));
            MotionBody::KeyCreate { name: name("ops"), scheme, access, faults: 0, accounts: 1 }
        },
    },
    Instance {
        name: "refresh",
        epoch: 1,
        used: 1,
        begin: || with_ops(SEED, FIVE, FROM, 0).0,
        order: |_| refresh(),
    },
    Instance {
        name: "reshare",
        epoch: 1,
        used: 1,
        begin: || with_ops(SEED, FIVE, FROM, 0).0,
        order: |world| reshare(world, "2 of (node-2, node-3, node-4)", 0),
    },
    Instance {
        name: "repair",
        epoch: 2,
        used: 2,
        begin: || {
            let (mut world, _) = with_ops(SEED, FIVE, FROM, 0);
            world.stop("node-3");
            world.enact("node-1", refresh());
            until_epoch(&mut world, 1);
            let node = world.id("node-3");
            world.start(node);
            until_epoch(&mut world, 1);
            // Everybody has said and heard what there is to say of that epoch.
            world.pass(60_000);
            world
        },
        order: |_| refresh(),
    },
    Instance {
        name: "import",
        epoch: 0,
        used: 1,
        begin: || {
            let mut world = World::of(SEED, FIVE);
            world.set_policy("node-1", POLICY);
            world
        },
        order: |world| Importer::new(Scheme::Ed25519, 7).motion(world, "ops"),
    },
];

/// Plays the importer, where nodes wait for one: it is honest, and tries each attempt a few times.
struct Outside(BTreeMap<u32, u32>);

impl Outside {
    fn act(&mut self, world: &mut World) {
        for node in world.names() {
            let view = ceremony(world, &node);
            let waits = view.filter(|view| view.phase == CeremonyPhase::Importer);
            let Some(attempt) = waits.map(|view| view.attempt) else { continue };
            let Ok(offer) = try_offer(world, &node, "ops") else { continue };
            let tries = self.0.entry(attempt).or_default();
            *tries += 1;
            if *tries > 8 {
                continue;
            }
            let state = offline(world);
            if let Ok(answer) = Importer::new(Scheme::Ed25519, 7).deal(&state, &offer) {
                let _ = submit(world, &node, "ops", &answer);
            }
        }
    }
}

/// Which of the liar's messages: a step, and how many of its kind came before in this attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Plan,
    Round(u8),
    Prepared,
    Abort,
}

fn step_of(step: &DealStep) -> Option<Step> {
    match step {
        DealStep::Plan { .. } => Some(Step::Plan),
        DealStep::Round { number, .. } => Some(Step::Round(*number)),
        DealStep::Prepared { .. } => Some(Step::Prepared),
        DealStep::Abort { .. } => Some(Step::Abort),
        DealStep::Complaint { .. } | DealStep::Shown { .. } => None,
    }
}

/// The changes of a message: of the fields around it, and of those inside.
fn lies(message: &DealMessage, others: &[DealMessage]) -> Vec<(String, DealMessage)> {
    let mut lies = Vec::new();
    let mut lie = |what: &str, change: &dyn Fn(&mut DealMessage)| {
        let mut lie = message.clone();
        change(&mut lie);
        lies.push((what.to_owned(), lie));
    };
    lie("another key", &|lie| lie.key.0.0[0] ^= 1);
    lie("a later epoch", &|lie| lie.epoch += 1);
    lie("an earlier epoch", &|lie| lie.epoch = lie.epoch.wrapping_sub(1));
    lie("a later attempt", &|lie| lie.attempt += 1);
    lie("another context", &|lie| lie.context = Some(Digest([7; 32])));
    lie("no context", &|lie| lie.context = None);
    let inner = |bytes: &[u8], of: &dyn Fn(&DealStep) -> Option<Vec<u8>>| {
        let others: Vec<Vec<u8>> = others.iter().filter_map(|other| of(&other.step)).collect();
        let others: Vec<(&str, &[u8])> =
            others.iter().map(|bytes| ("another's value", bytes.as_slice())).collect();
        changes(bytes, &others)
    };
    let changed: Vec<(String, DealStep)> = match &message.step {
        DealStep::Plan { plan } => {
            let of = |step: &DealStep| match step {
                DealStep::Plan { plan } => Some(plan.clone()),
                _ => None,
            };
            let all = inner(plan, &of).into_iter();
            all.map(|change| (change.what, DealStep::Plan { plan: change.bytes })).collect()
        }
        DealStep::Round { number, bytes } => {
            let of = |step: &DealStep| match step {
                DealStep::Round { number: other, bytes } if other == number => Some(bytes.clone()),
                _ => None,
            };
            let round = |bytes| DealStep::Round { number: *number, bytes };
            let all = inner(bytes, &of).into_iter();
            let mut all: Vec<_> = all.map(|change| (change.what, round(change.bytes))).collect();
            let other = DealStep::Round { number: number + 1, bytes: bytes.clone() };
            all.push(("another round".to_owned(), other));
            all
        }
        DealStep::Prepared { record, leaf_proofs } => {
            let of_record = |step: &DealStep| match step {
                DealStep::Prepared { record, .. } => Some(record.clone()),
                _ => None,
            };
            let of_proofs = |step: &DealStep| match step {
                DealStep::Prepared { leaf_proofs, .. } => Some(leaf_proofs.clone()),
                _ => None,
            };
            let records = inner(record, &of_record).into_iter().map(|change| {
                let leaf_proofs = leaf_proofs.clone();
                (
                    format!("record: {}", change.what),
                    DealStep::Prepared { record: change.bytes, leaf_proofs },
                )
            });
            let proofs = inner(leaf_proofs, &of_proofs).into_iter().map(|change| {
                let record = record.clone();
                (
                    format!("proofs: {}", change.what),
                    DealStep::Prepared { record, leaf_proofs: change.bytes },
                )
            });
            records.chain(proofs).collect()
        }
        DealStep::Abort { .. } | DealStep::Complaint { .. } | DealStep::Shown { .. } => Vec::new(),
    };
    lies.extend(
        changed.into_iter().map(|(what, step)| (what, DealMessage { step, ..message.clone() })),
    );
    lies
}

/// Everything that anybody sent in the first attempt of an honest run.
fn rehearsal(instance: &Instance) -> (BTreeMap<(NodeId, Step), DealMessage>, EpochRecord) {
    let mut world = (instance.begin)();
    let heard: Shared<BTreeMap<(NodeId, Step), DealMessage>> = Rc::default();
    let (hears, epoch) = (Rc::clone(&heard), instance.epoch);
    world.wiretap = Some(Box::new(move |from, _, message| {
        if let Message::Deal(deal) = &message
            && (deal.epoch, deal.attempt) == (epoch, 0)
            && let Some(step) = step_of(&deal.step)
        {
            hears.borrow_mut().insert((from, step), deal.clone());
        }
        vec![message]
    }));
    let order = (instance.order)(&world);
    world.enact("node-1", order);
    made(&mut world, instance);
    let record = record(&mut world, "node-1");
    assert_eq!(record.plan.attempt, 0, "{}: nobody lied", instance.name);
    world.wiretap = None;
    let heard = heard.borrow().clone();
    (heard, record)
}

fn made(world: &mut World, instance: &Instance) {
    let mut outside = Outside(BTreeMap::new());
    world.until("the epoch is made and signs", |world| {
        outside.act(world);
        world.names().iter().all(|node| {
            let view = key(world, node);
            view.public_key.is_some() && view.epoch == instance.used && world.can_sign(node, "ops")
        })
    });
}

/// Rows that an attempt may leave: that it was dealt in, the trail, evidence, votes, what was
/// decided about it, and what is known of peers and time.
fn lasting(disk: &Disk) -> Disk {
    let passing = [
        Table::Audit,
        Table::Evidence,
        Table::Guilt,
        Table::Votes,
        Table::Peer,
        Table::Meta,
        Table::Attempt,
        Table::Entry,
        Table::Motion,
        Table::Request,
    ];
    let rows = disk.iter().filter(|((table, row), _)| {
        let is_voided = *table == Table::EpochRecord && row.first() == Some(&b'v');
        !(is_voided || passing.contains(table))
    });
    rows.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// One node lies in the first attempt. What becomes of it.
fn lie_in(
    instance: &Instance,
    liar: NodeId,
    step: Step,
    what: &str,
    honestly: &DealMessage,
    told: &DealMessage,
    is_added: bool,
) {
    let mut world = (instance.begin)();
    let liar_name = world.founding.nodes[&liar].name.to_string();
    let honest: Vec<String> = world.names().into_iter().filter(|node| *node != liar_name).collect();
    let what = format!("{}: {liar_name}, {step:?}, {what}", instance.name);
    let before: BTreeMap<String, Disk> =
        honest.iter().map(|node| (node.clone(), lasting(&world.host(node).disk))).collect();
    let lies = Liar::new(&world, &liar_name);
    let (lie, honestly) = (lies.signed(told.clone()), honestly.clone());
    let epoch = instance.epoch;
    // Who gave the attempt up, and what it said in it afterwards.
    let over: Shared<BTreeSet<NodeId>> = Rc::default();
    let late: Shared<Vec<NodeId>> = Rc::default();
    let told_once: Shared<bool> = Rc::default();
    let (gave_up, said_late, is_told) = (Rc::clone(&over), Rc::clone(&late), Rc::clone(&told_once));
    world.wiretap = Some(Box::new(move |from, _, message| {
        let Message::Deal(deal) = &message else { return vec![message] };
        if (deal.epoch, deal.attempt) != (epoch, 0) {
            return vec![message];
        }
        if from == liar {
            let is_it = step_of(&deal.step) == Some(step);
            // The world goes as it did in the rehearsal, so the lie belongs to this very run.
            assert!(!is_it || *deal == honestly);
            is_told.replace_with(|told| *told || is_it);
            return match (is_it, is_added) {
                (false, _) => vec![message],
                (true, false) => vec![lie.clone()],
                (true, true) => vec![message, lie.clone()],
            };
        }
        match &deal.step {
            DealStep::Abort { .. } => drop(gave_up.borrow_mut().insert(from)),
            DealStep::Round { number: 2, .. } | DealStep::Prepared { .. }
                if gave_up.borrow().contains(&from) =>
            {
                said_late.borrow_mut().push(from);
            }
            _ => {}
        }
        vec![message]
    }));
    let order = (instance.order)(&world);
    world.enact("node-1", order);
    // Until it is made after all, or void.
    let used = instance.used;
    let mut outside = Outside(BTreeMap::new());
    world.until(&what, |world| {
        outside.act(world);
        honest.iter().all(|node| {
            let view = ceremony(world, node);
            let is_made = key(world, node).public_key.is_some() && key(world, node).epoch == used;
            let is_void = view.is_some_and(|view| view.epoch == epoch && view.attempt > 0);
            is_made || is_void
        })
    });
    assert!(*told_once.borrow(), "{what}: it was told");
    assert!(late.borrow().is_empty(), "{what}: said by {:?} after it gave up", late.borrow());
    let is_made = key(&mut world, &honest[0]).epoch == used
        && key(&mut world, &honest[0]).public_key.is_some();
    if !is_made {
        for node in &honest {
            // A next attempt may have begun: what it prepares is its own.
            let mut now = lasting(&world.host(node).disk);
            now.retain(|(table, row), _| {
                *table != Table::Share || before[node].contains_key(&(*table, row.clone())) || {
                    let attempt = row.last_chunk::<4>().map(|it| u32::from_be_bytes(*it));
                    attempt == Some(0)
                }
            });
            assert_eq!(now.len(), before[node].len(), "{what}: rows of {node}");
            assert!(now == before[node], "{what}: rows of {node}");
        }
        if epoch > 0 {
            sign(&mut world, &honest[0], "under the epoch before");
        }
    }
    // What follows without the lie makes the epoch, the same everywhere.
    made(&mut world, instance);
    let records: BTreeSet<Vec<u8>> =
        honest.iter().map(|node| quorate_codec::to_bytes(&record(&mut world, node))).collect();
    assert_eq!(records.len(), 1, "{what}");
    sign(&mut world, &honest[0], "under the epoch that was made");
    for node in &honest {
        let proven: Vec<_> =
            evidence(&mut world, node).into_iter().flat_map(|view| view.culprits).collect();
        assert!(proven.iter().all(|culprit| culprit.as_str() == liar_name), "{what}: {proven:?}");
        let alarms = &world.host(node).alarms;
        assert!(!alarms.iter().any(|text| text.contains("halted")), "{what}: {alarms:?}");
    }
}

fn matrix(instance: &Instance, stride: usize, offset: usize) -> usize {
    let (heard, record) = rehearsal(instance);
    let plan = &record.plan;
    let only_receives = plan.committee.iter().find(|node| !plan.dealers.contains(node));
    let liars: BTreeSet<NodeId> =
        [plan.dealers.first(), only_receives].into_iter().flatten().copied().collect();
    let mut cases = Vec::new();
    for ((from, step), message) in &heard {
        // Every attempt has one leader: it may be anybody.
        if !liars.contains(from) && *step != Step::Plan {
            continue;
        }
        let others = heard.iter().filter(|((other, of), _)| other != from && of == step);
        let others: Vec<DealMessage> = others.map(|(_, message)| message.clone()).collect();
        for (what, lie) in lies(message, &others) {
            cases.push((*from, *step, what, message.clone(), lie, false));
        }
    }
    // Words and complaints that nobody asked for, beside what is right.
    let template = (instance.begin)();
    for liar in &liars {
        let said = &heard[&(*liar, Step::Round(2))];
        let head = template.state("node-1").head();
        let step = DealStep::Abort { head };
        let abort = DealMessage { step, context: None, ..said.clone() };
        cases.push((
            *liar,
            Step::Round(2),
            "a word that gives up".to_owned(),
            said.clone(),
            abort,
            true,
        ));
        let dealer = plan.dealers.iter().find(|dealer| *dealer != liar);
        let Some(dealer) = dealer else { continue };
        if let DealStep::Round { bytes, .. } = &heard[&(*dealer, Step::Round(2))].step {
            let complaint = Complaint::about(*dealer, bytes, [7; 32]);
            let bytes = minicbor::to_vec(&complaint).unwrap();
            let about = |what: String, bytes: Vec<u8>| {
                let step = DealStep::Complaint { bytes };
                let lie = DealMessage { step, ..said.clone() };
                (*liar, Step::Round(2), what, said.clone(), lie, true)
            };
            let changed = changes(&bytes, &[]).into_iter();
            cases.extend(
                changed.map(|change| about(format!("complaint: {}", change.what), change.bytes)),
            );
            cases.push(about("a false complaint".to_owned(), bytes));
        }
    }
    let mut tried = 0;
    for (liar, step, what, honestly, lie, is_added) in
        cases.iter().skip(offset % stride).step_by(stride)
    {
        lie_in(instance, *liar, *step, what, honestly, lie, *is_added);
        tried += 1;
    }
    println!("figures: {}: {tried} of {} lies", instance.name, cases.len());
    tried
}

fn stride() -> usize {
    if std::env::var_os("QUORATE_LONG").is_some() { 1 } else { 40 }
}

/// CER-01 to CER-06, BLM-01 to BLM-09, EPO-05 to EPO-07.
#[test]
fn neg_010_a_lying_node_spoils_no_key_generation() {
    assert!(matrix(&INSTANCES[0], stride(), 1) > 10);
}

/// The same.
#[test]
fn neg_054_a_lying_node_spoils_no_refresh() {
    assert!(matrix(&INSTANCES[1], stride(), 2) > 10);
}

/// The same.
#[test]
fn neg_056_a_lying_node_spoils_no_reshare() {
    assert!(matrix(&INSTANCES[2], stride(), 3) > 10);
}

/// The same, with an importer outside.
#[test]
fn neg_064_a_lying_node_spoils_no_import() {
    assert!(matrix(&INSTANCES[4], stride(), 5) > 5);
}

/// The same, with a receiver that comes back.
#[test]
fn neg_055_a_lying_node_spoils_no_repair() {
    assert!(matrix(&INSTANCES[3], stride(), 4) > 10);
}
