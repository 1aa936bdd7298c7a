//! Keys get new shares, again and again, while nodes are killed, in one round at a random moment,
//! in the next as soon as it writes what it is waited for: the public key stays, the key signs, and
//! the epoch is the current one everywhere. `QUORATE_LONG=1` runs a hundred rounds, which meet every
//! write point of an epoch; `QUORATE_SEED` repeats a run that failed.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

mod intents;

use intents::{message, payment};
use quorate_journeys::Trial;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Draws from a seed, so that a run can be repeated as far as processes can.
struct Dice(u64);

impl Dice {
    fn below(&mut self, below: u64) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }

    fn one_of<'a>(&mut self, these: &[&'a str]) -> &'a str {
        let count = u64::try_from(these.len()).unwrap();
        these[usize::try_from(self.below(count)).unwrap()]
    }
}

/// The write points of an epoch, as the log names them: the order in its entry; votes about entry
/// and outcome; that it was dealt, what was decided and said; new shares; new set-ups of pairs; the
/// end of the old ones.
const POINTS: [&str; 6] = ["Entry", "Votes", "EpochRecord", "Share", "Pair", "no Share"];

/// Whether a line of a log is about a write to this point.
fn is_at(line: &str, point: &str) -> bool {
    let rows = line.split_once("writes ").or_else(|| line.split_once("wrote "));
    rows.is_some_and(|(_, rows)| rows.split(", ").any(|row| row.trim() == point))
}

/// The last point that a node reached before it was killed, and whether the write came back.
fn reached(log: &str) -> Option<String> {
    log.lines().rev().find_map(|line| {
        let point = POINTS.iter().rev().find(|point| is_at(line, point))?;
        let when = if line.contains("wrote ") { "after" } else { "before" };
        Some(format!("{when} {point}"))
    })
}

const SIGNERS: [&str; 3] = ["node-1", "node-2", "node-3"];
const TREES: [&str; 2] = ["2 of (node-1, node-2, node-3)", "all of (node-1, node-2, node-3)"];

fn can_sign(status: &Value, key: &str) -> bool {
    let keys = status["keys"].as_array().unwrap();
    keys.iter().any(|line| line["name"] == key && line["can_sign"] == true)
}

/// Everybody is here and the key can sign.
fn whole(trial: &Trial, key: &str) {
    trial.until(|status| {
        let nodes = status["nodes"].as_array().unwrap();
        nodes.iter().all(|node| node["alive"] == true) && can_sign(status, key)
    });
}

#[test]
fn keys_go_from_epoch_to_epoch_while_nodes_are_killed() {
    let rounds = if std::env::var_os("QUORATE_LONG").is_some() { 100 } else { 10 };
    let named = std::env::var("QUORATE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = named.unwrap_or_else(|| u64::from(std::process::id()));
    println!("figures: repeat it with QUORATE_SEED={seed}");
    let mut dice = Dice(seed);
    let mut trial = Trial::founded();
    let nodes = trial.ready["nodes"].as_array().unwrap().clone();
    let all: Vec<&str> = nodes.iter().map(|node| node["name"].as_str().unwrap()).collect();
    // From here on they log what they write.
    for node in &all {
        trial.kill(node);
        trial.start(node);
    }
    whole(&trial, "ops");
    let mut kills: BTreeMap<String, u32> = BTreeMap::new();
    for round in 0..rounds {
        let aimed = (round % 2 == 1).then(|| POINTS[usize::try_from(round / 2).unwrap() % 6]);
        let key = match aimed {
            // Only keys of ECDSA have pairs.
            Some("Pair") => "treasury",
            _ => dice.one_of(&["ops", "ops", "vault", "treasury"]),
        };
        let before = trial.run(&["key", "show", key]).ok().clone();
        let is_refresh = dice.below(2) == 0;
        let tree = dice.one_of(&TREES);
        let what = if is_refresh { "refresh".to_owned() } else { format!("reshare to {tree}") };
        let victim = match aimed {
            Some("Share" | "no Share" | "Pair") => dice.one_of(&SIGNERS),
            _ => dice.one_of(&all),
        };
        let (pause, off) = (dice.below(1_500), dice.below(1_500));
        let when = aimed.map_or(format!("after {pause} ms"), |point| format!("at {point}"));
        println!("round {round}: {what} of {key}; {victim} dies {when} for {off} ms");
        let logged = trial.log(victim).len();

        // the order needs two administrators; a refresh only one, where the rule says so
        let order = match is_refresh {
            true => trial.run(&["key", "refresh", key, "--no-wait", "--as", "ada"]),
            false => {
                let order = ["key", "reshare", key, "--access", tree, "--no-wait", "--as", "ada"];
                trial.run(&order)
            }
        };
        let order = order.ok().clone();
        if order["state"] == "collecting" {
            let motion = order["motion"].as_str().unwrap();
            trial.run(&["charter", "sign", motion, "--as", "ben"]).ok();
        }
        match aimed {
            Some(point) => {
                // It writes that in this epoch; if not, the end of the round is as good a moment.
                let begun = Instant::now();
                let writes = |trial: &Trial| {
                    trial.log(victim)[logged..].lines().any(|line| is_at(line, point))
                };
                while !writes(&trial) && begun.elapsed() < Duration::from_secs(10) {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            None => std::thread::sleep(Duration::from_millis(pause)),
        }
        trial.kill(victim);
        let point = reached(&trial.log(victim)[logged..]).unwrap_or("nothing yet".to_owned());
        *kills.entry(point).or_default() += 1;
        std::thread::sleep(Duration::from_millis(off));
        trial.start(victim);
        whole(&trial, key);

        // a motion that was under way when the node died may take its time to be placed
        let goal = before["epoch"].as_u64().unwrap() + 1;
        let after = loop {
            trial.run(&["ceremony", "show", key, "--wait", "--timeout", "300"]).ok();
            let after = trial.run(&["key", "show", key]).ok().clone();
            if after["epoch"].as_u64().unwrap() >= goal {
                break after;
            }
            std::thread::sleep(Duration::from_millis(100));
        };
        assert_eq!(after["epoch"], goal, "{what}: {after}");
        assert_eq!(after["public_key"], before["public_key"], "{what}");
        assert!(after["without_shares"].as_array().unwrap().is_empty(), "{what}: {after}");
        let said = trial.run(&["key", "epochs", key]);
        said.ok();
        let current: Vec<&Value> =
            said.lines.iter().filter(|line| line["state"] == "current").collect();
        assert_eq!(current.len(), 1, "{what}: {:?}", said.lines);
        assert_eq!(current[0]["epoch"], goal, "{what}");

        whole(&trial, key);
        if key == "treasury" {
            trial.signed(&trial.request(
                key,
                &payment(&trial.listed("0x"), round),
                "wallet-service",
            ));
        }
        // that a new epoch of the vault signs, its own first signature has shown
        if key != "ops" {
            continue;
        }
        let text = format!("epoch {goal}");
        trial.signed(&trial.request(key, &message(&text), "wallet-service"));
        let bears_loss = after["access"].as_str().unwrap().starts_with("2 of");
        for absent in SIGNERS.iter().filter(|_| bears_loss) {
            trial.kill(absent);
            let text = format!("epoch {goal} without {absent}");
            trial.signed(&trial.request(key, &message(&text), "wallet-service"));
            trial.start(absent);
            whole(&trial, key);
        }
    }
    println!("figures: {rounds} rounds of new shares, a node killed in each: {kills:?}");
    if rounds == 100 {
        let missed: Vec<&str> = POINTS
            .into_iter()
            .filter(|point| !kills.keys().any(|met| met.split_once(' ').unwrap().1 == *point))
            .collect();
        assert!(missed.is_empty(), "never killed at {missed:?}");
    }
}
