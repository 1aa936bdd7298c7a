//! Seeds: every law holds in every world, every fault and write point was met, and bugs that are
//! planted are found. `QUORATE_LONG=1` runs more of them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_machine::durable::Table;
use quorate_simulator::{Coverage, Fault, Mutant, Plan, Report, Story, run};
use std::ops::RangeInclusive;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Events of a world before it heals.
const EVENTS: u64 = 600;

/// Tables that a node writes in stories without pairs. `Identity` is written before a node runs.
const TABLES: [Table; 17] = [
    Table::Meta,
    Table::Incarnation,
    Table::Entry,
    Table::Votes,
    Table::Peer,
    Table::EpochRecord,
    Table::Share,
    Table::Summand,
    Table::Backup,
    Table::Motion,
    Table::Request,
    Table::Attempt,
    Table::Audit,
    Table::Heard,
    Table::Freeze,
    Table::Possession,
    Table::Cession,
];

/// One that is written so seldom that only thousands of worlds meet a crash on both sides of it.
const RARE: [Table; 1] = [Table::Export];

/// What takes effect after it was announced.
const ANNOUNCED: [&str; 11] = [
    "administrators-recover",
    "custody-set",
    "key-export",
    "key-reshare",
    "node-admit",
    "person-enrol",
    "policy-set",
    "rules-set",
    "seat-give",
    "service-enrol",
    "settings-set",
];

/// What is placed in charters.
const KINDS: [&str; 31] = [
    "administrators-recover",
    "custody-set",
    "enact",
    "key-create",
    "key-export",
    "key-export-end",
    "key-refresh",
    "key-reshare",
    "key-restore",
    "key-void",
    "member-keys",
    "member-revoke",
    "node-admit",
    "node-declare",
    "node-resume",
    "node-revoke",
    "node-suspend",
    "object",
    "override",
    "person-enrol",
    "person-roles",
    "policy-set",
    "rejoin",
    "release-require",
    "rules-set",
    "seat-give",
    "service-enrol",
    "settings-set",
    "team-set",
    "thaw",
    "withdraw",
];

#[test]
fn seeds_keep_every_law_and_meet_every_fault() {
    let plans: Vec<Plan> = seeds()
        .map(|seed| {
            // most of what the others do, governance does too
            let story = match seed % 20 {
                0..=2 => Story::Birth,
                3..=4 => Story::Withheld,
                5..=7 => Story::Epochs,
                8..=12 => Story::Succession,
                13..=17 => Story::Governance,
                _ => Story::Schnorr,
            };
            // an epoch takes longer than a signature, and so does what is announced
            let events = match story {
                Story::Epochs => 2 * EVENTS,
                Story::Governance => 3 * EVENTS,
                _ => EVENTS,
            };
            Plan { seed, story, events, mutant: None }
        })
        .collect();
    let coverage = all_hold(&plans);
    assert!(coverage.events >= 200 * plans.len() as u64);
    if plans.len() < 400 {
        return println!("figures: too few worlds to say what was never met");
    }
    let rare: &[Table] = if plans.len() < 5_000 { &[] } else { &RARE };
    let kinds = [coverage.missed_kinds(&KINDS), coverage.missed_enacted(&ANNOUNCED)].concat();
    let missed = [coverage.missed(&TABLES), coverage.missed_writes(rare), kinds].concat();
    assert!(missed.is_empty(), "never met: {missed:?}\n{coverage}");
}

/// 400 of them, or 10,000; of these a part where `QUORATE_LONG` is the first and the last, as in
/// `1..5000`: all of them take hours of a core.
fn seeds() -> RangeInclusive<u64> {
    let long = std::env::var("QUORATE_LONG").ok();
    let ends = long.as_deref().and_then(|long| long.split_once(".."));
    let part = ends.map(|(first, last)| first.parse().unwrap()..=last.parse().unwrap());
    part.unwrap_or(if long.is_some() { 1..=10_000 } else { 1..=400 })
}

#[test]
fn ecdsa_seeds_keep_every_law() {
    const WORLDS: u64 = 24;
    let plan = |seed| Plan { seed, story: Story::Ecdsa, events: 1_000, mutant: None };
    let coverage = all_hold(&(49..49 + WORLDS).map(plan).collect::<Vec<_>>());
    assert!(coverage.events >= WORLDS * 200);
    let missed = coverage.missed_writes(&[Table::Pair, Table::Quarantine]);
    assert!(missed.is_empty(), "never met: {missed:?}\n{coverage}");
}

#[test]
fn a_seed_replays_byte_for_byte() {
    for (seed, story) in [
        (1, Story::Schnorr),
        (2, Story::Birth),
        (3, Story::Withheld),
        (4, Story::Epochs),
        (5, Story::Succession),
        (6, Story::Governance),
        (7, Story::Ecdsa),
    ] {
        let plan = Plan { seed, story, events: EVENTS, mutant: None };
        let (first, again) = (run(plan), run(plan));
        assert_eq!(first.trace, again.trace, "seed {seed}");
        assert_ne!(first.trace, run(Plan { seed: seed + 100, ..plan }).trace);
    }
}

#[test]
fn every_planted_bug_is_found() {
    for mutant in Mutant::ALL {
        let story = match mutant {
            Mutant::ForgetsShares | Mutant::ForgetsBackups | Mutant::SendsBeforeWriting => {
                Story::Birth
            }
            Mutant::ErasesAtCommit | Mutant::KeepsVoidedShares | Mutant::KeepsOldShares => {
                Story::Epochs
            }
            Mutant::StopsItsClock => Story::Withheld,
            Mutant::ForgetsFreezes
            | Mutant::BackdatesAnnouncements
            | Mutant::ForgetsCessions
            | Mutant::ProlongsCessions
            | Mutant::ForgetsParts
            | Mutant::ClaimsANewerProgram => Story::Governance,
            Mutant::ForgetsVotes | Mutant::RepeatsRandomness => Story::Schnorr,
        };
        let plan = |seed| Plan { seed, story, events: 1_500, mutant: Some(mutant) };
        // that somebody signs too long is found by the law about it, not only by how the world ends
        let law = match mutant {
            Mutant::ProlongsCessions => "11",
            Mutant::ClaimsANewerProgram => "13",
            _ => "",
        };
        let barks = |report: Report| {
            let mut broken = report.violations.into_iter();
            broken.find(|seen| seen.law.starts_with(law)).map(|seen| (report.seed, seen.law))
        };
        let found = (1..=200).find_map(|seed| barks(run(plan(seed))));
        let (seed, law) = found.unwrap_or_else(|| panic!("{mutant:?} was not found in 200 seeds"));
        println!("figures: {mutant:?} found by seed {seed}: {law}");
    }
}

/// Runs all plans on all cores; fails with the command that replays the first broken one.
fn all_hold(plans: &[Plan]) -> Coverage {
    let next = AtomicUsize::new(0);
    let total = Mutex::new((Coverage::default(), 0, Vec::<(Plan, Report)>::new(), 0_usize));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some(plan) = plans.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let report = std::panic::catch_unwind(|| run(*plan));
                    let report = report.unwrap_or_else(|why| {
                        eprintln!("{:?} seed {} panicked", plan.story, plan.seed);
                        std::panic::resume_unwind(why)
                    });
                    let mut total = total.lock().unwrap();
                    total.0.add(&report.coverage);
                    total.1 += report.endings.signed;
                    total.3 += 1;
                    // a long run is watched: what breaks is told at once
                    if total.3 % 500 == 0 {
                        eprintln!("{} worlds, {} broke a law", total.3, total.2.len());
                    }
                    if !report.violations.is_empty() {
                        eprintln!("{:?} {report}", plan.story);
                        total.2.push((*plan, report));
                    }
                }
            });
        }
    });
    let (coverage, signed, mut broken, _) = total.into_inner().unwrap();
    broken.sort_by_key(|(plan, _)| plan.seed);
    if let Some((plan, report)) = broken.first() {
        for (plan, report) in broken.iter().skip(1) {
            println!("{:?} {}: {}", plan.story, plan.seed, report.violations[0].seen);
        }
        panic!(
            "{} of {} worlds broke a law; the first:\n{report}\nreplay it: cargo run -p \
             quorate-simulator --example seed -- {} {} {}",
            broken.len(),
            plans.len(),
            format!("{:?}", plan.story).to_lowercase(),
            plan.seed,
            plan.events,
        );
    }
    let met: Vec<String> = Fault::ALL
        .iter()
        .map(|fault| format!("{fault:?} {}", coverage.faults.get(fault).copied().unwrap_or(0)))
        .collect();
    println!("figures: {} worlds, {} events, {signed} signed", plans.len(), coverage.events);
    println!("figures: {}", met.join(", "));
    for line in coverage.to_string().lines().skip(1 + coverage.faults.len()) {
        println!("figures: {}", line.trim());
    }
    coverage
}
