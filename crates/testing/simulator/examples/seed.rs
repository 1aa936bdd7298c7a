//! Replays one seed: `cargo run -p quorate-simulator --example seed -- STORY SEED [EVENTS [MUTANT]]`.

use quorate_simulator::{Mutant, Plan, Story, run};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let word = |at: usize| words.get(at).map(String::as_str).unwrap_or_default();
    let story = match word(0) {
        "epochs" => Story::Epochs,
        "birth" => Story::Birth,
        "ecdsa" => Story::Ecdsa,
        "withheld" => Story::Withheld,
        "succession" => Story::Succession,
        "governance" => Story::Governance,
        _ => Story::Schnorr,
    };
    let number = |at: usize| word(at).parse::<u64>().ok();
    let plan = Plan {
        seed: number(1).unwrap_or(1),
        story,
        events: number(2).unwrap_or(400),
        mutant: Mutant::named(word(3)),
    };
    let report = run(plan);
    println!("{report}\n{}", report.coverage);
    if !report.violations.is_empty() {
        std::process::exit(3);
    }
}
