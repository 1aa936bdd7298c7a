//! Keys get new shares, again and again, while nodes are killed at random moments: the public key
//! stays, the key signs, and the epoch is the current one everywhere. `QUORATE_LONG=1` runs a
//! hundred rounds; `QUORATE_SEED` repeats a run that failed.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_primitives::{Address, TxKind, U256};
use quorate_journeys::Trial;
use serde_json::{Value, json};
use std::time::Duration;

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

const SIGNERS: [&str; 3] = ["node-1", "node-2", "node-3"];
const TREES: [&str; 2] = ["2 of (node-1, node-2, node-3)", "all of (node-1, node-2, node-3)"];

fn message(text: &str) -> Value {
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    json!({"kind": "message", "message": format!("0x{digits}")})
}

/// A small payment to a listed address, so that nobody is asked.
fn payment(trial: &Trial, nonce: u64) -> Value {
    let to: Address = trial.listed("0x").parse().unwrap();
    let transaction = TxEip1559 {
        chain_id: 31337,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 20_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        to: TxKind::Call(to),
        value: U256::from(1_000 + nonce),
        ..TxEip1559::default()
    };
    let unsigned = transaction.encoded_for_signing();
    let digits: String = unsigned.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({"kind": "evm.transaction", "chain_id": 31337, "unsigned": format!("0x{digits}")})
}

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
    let mut trial = Trial::found();
    let nodes = trial.ready["nodes"].as_array().unwrap().clone();
    let all: Vec<&str> = nodes.iter().map(|node| node["name"].as_str().unwrap()).collect();
    let mut kills = 0;
    for round in 0..rounds {
        let key = dice.one_of(&["ops", "ops", "vault", "treasury"]);
        let before = trial.run(&["key", "show", key]).ok().clone();
        let is_refresh = dice.below(2) == 0;
        let tree = dice.one_of(&TREES);
        let what = if is_refresh { "refresh".to_owned() } else { format!("reshare to {tree}") };
        let victim = dice.one_of(&all);
        let (pause, off) = (dice.below(1_500), dice.below(1_500));
        println!("round {round}: {what} of {key}; {victim} dies after {pause} ms for {off} ms");

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
        std::thread::sleep(Duration::from_millis(pause));
        trial.kill(victim);
        kills += 1;
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
            trial.signed(&trial.request(key, &payment(&trial, round), "wallet-service"));
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
    println!("figures: {rounds} rounds of new shares, {kills} nodes killed during them");
}
