//! How long what was lost takes to come back: a node with a key of many accounts, from a backup file
//! to its first signature; then the whole domain, into another one.
//!
//! `cargo run -p quorate-journeys --example restoring -- 1000`, with both programs built before
//! (`cargo build`), or both with `--release`. What it prints is in `docs/performance.md`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement that fails says so"
)]

use quorate_journeys::{HEIRS, Machine, Successor, Trial, recovery};
use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, Instant};

const TREE: &str = "2 of (node-1, node-2, node-3)";
const SIGNERS: [&str; 3] = ["north", "south", "east"];

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let done = work();
    println!("{what:<48} {:>8.2} s", began.elapsed().as_secs_f64());
    done
}

fn enacted(trial: &Trial, filed: &Value) {
    let motion = filed["motion"].as_str().unwrap();
    trial.run(&["charter", "sign", motion, "--as", "ben"]).ok();
    while trial.run(&["charter", "show", motion]).ok()["state"] != "enacted" {
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn message(text: &str) -> Value {
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    json!({"kind": "message", "message": format!("0x{digits}")})
}

fn main() {
    let accounts = std::env::args().nth(1).unwrap_or_else(|| "1000".to_owned());
    let mut trial = Trial::found();
    let create = ["key", "create", "big", "--scheme", "ecdsa-secp256k1", "--access", TREE];
    let create = [&create[..], &["--count", &accounts, "--as", "ada"]].concat();
    enacted(&trial, trial.run(&create).ok());
    timed(&format!("a key of {accounts} accounts is made"), || {
        while trial.run(&["key", "show", "big"]).ok()["state"] != "active" {
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    let (early, backup) = (trial.file("early"), trial.file("backup"));
    timed("backup export, verified", || {
        trial.run(&["backup", "export", "--output", &early]).ok();
    });
    println!("{:<48} {:>8.1} MB", "the file", fs::metadata(&early).unwrap().len() as f64 / 1e6);
    one_node(&mut trial, &early, &backup);
    whole_domain(&mut trial, &early);
}

/// A node's disk is gone.
fn one_node(trial: &mut Trial, early: &str, backup: &str) {
    let ports = trial.addresses("node-3");
    trial.kill("node-3");
    fs::remove_dir_all(trial.dir().join("nodes").join("node-3")).unwrap();
    let machine = Machine::new(trial, "node-3", &ports);
    let claim = timed("seat claim, which verifies the file", || machine.claim(trial, early));
    enacted(trial, trial.run(&["seat", "give", &claim, "--as", "ada"]).ok());
    trial.run(&["backup", "export", "--output", backup]).ok();
    let genesis = trial.genesis();
    let parts = ["greta", "iris"].map(|who| {
        let folder = trial.dir().join("custodians");
        let key = folder.join(who).display().to_string();
        let passphrase = folder.join(format!("{who}.passphrase")).display().to_string();
        let part = trial.file(&format!("part-{who}"));
        let verb = ["open", backup, "--genesis", &genesis, "--seat", "node-3", "--yes"];
        let held = ["--key", &key, "--passphrase-file", &passphrase, "--output", &part];
        timed("a custodian opens, which verifies the file", || {
            recovery(&[&verb[..], &held].concat()).ok();
        });
        part
    });
    trial.kill("node-2");
    let began = Instant::now();
    timed("seat take, which verifies the file and restores", || {
        machine.take(trial, backup, &parts).ok();
    });
    trial.run_machine(&machine);
    trial.until(|status| {
        let lines = status["keys"].as_array().unwrap();
        lines.iter().all(|line| line["can_sign"] == true)
            && status["nodes"]
                .as_array()
                .unwrap()
                .iter()
                .any(|node| node["name"] == "node-3" && node["alive"] == true)
    });
    trial.signed(&trial.request("ops", &message("back"), "wallet-service"));
    println!(
        "{:<48} {:>8.2} s\n",
        "a node: from file and parts to its first signature",
        began.elapsed().as_secs_f64()
    );
}

/// All nodes are gone.
fn whole_domain(trial: &mut Trial, backup: &str) {
    let predecessor = trial.genesis();
    let shown = trial.run(&["policy", "show"]).ok().clone();
    let policy = trial.file("policy");
    fs::create_dir(&policy).unwrap();
    for (field, name) in [
        ("cedar", "policy.cedar"),
        ("limits", "limits.json"),
        ("lists", "lists.json"),
        ("cases", "cases.json"),
    ] {
        fs::write(format!("{policy}/{name}"), shown[field].as_str().unwrap()).unwrap();
    }
    trial.down();
    let mut heirs = Successor::init(trial, "heirs");
    for node in SIGNERS {
        heirs.claim(node, backup, &predecessor).ok();
    }
    let created = heirs.create(backup, &predecessor, &SIGNERS).ok().clone();
    let genesis = created["genesis"].as_str().unwrap().to_owned();
    for who in ["ada", "ben", "cleo"] {
        heirs.sign(who, &genesis).ok();
    }
    for node in HEIRS {
        heirs.countersign(node, &genesis, Some(backup)).ok();
    }
    let parts = ["greta", "iris"].map(|who| {
        let part = trial.file(&format!("estate-{who}"));
        timed("a custodian opens for a successor", || {
            heirs.open(who, backup, &predecessor, &part).ok();
        });
        part
    });
    for node in SIGNERS {
        timed("succession take, which verifies and restores", || {
            heirs.take(node, &genesis, backup, &parts).ok();
        });
    }
    heirs.take("watch", &genesis, backup, &[]).ok();
    let began = Instant::now();
    for node in HEIRS {
        heirs.start(node, &genesis);
    }
    heirs.join(&genesis);
    heirs.until_status(|status| status["leased"] == true);
    heirs.show_recovery_keys();
    let tree = "2 of (north, south, east)";
    for key in ["big", "ops"] {
        let verb = ["key", "restore", key, "--backup", backup, "--access", tree, "--as", "ada"];
        heirs.enact(&heirs.run(&verb));
    }
    timed("both epochs of both keys, once ordered", || {
        heirs.until(|| {
            ["big", "ops"]
                .iter()
                .all(|key| heirs.run(&["key", "show", key]).ok()["state"] == "active")
        });
    });
    heirs.enact(&heirs.run(&["policy", "propose", &policy, "--as", "ada"]));
    heirs.signed("ops", &message("elsewhere"));
    println!(
        "{:<48} {:>8.2} s",
        "a domain: from its start to the first signature",
        began.elapsed().as_secs_f64()
    );
}
