//! What was lost comes back: custodians, each at an offline program of their own, open what they can
//! for the machine to which the charter gives a lost node's seat, and for no other.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

#[path = "intents/coins.rs"]
mod coins;
mod intents;

use coins::spend;
use intents::{message, payment};
use quorate_journeys::{Machine, Trial, recovery};
use serde_json::{Value, json};
use std::fs;

const KEYS: [&str; 3] = ["treasury", "vault", "ops"];
const SIGNERS: [&str; 3] = ["node-1", "node-2", "node-3"];

fn epoch(trial: &Trial, key: &str) -> u64 {
    trial.run(&["key", "show", key]).ok()["epoch"].as_u64().unwrap()
}

fn status_of<'a>(status: &'a Value, list: &str, name: &str) -> &'a Value {
    status[list].as_array().unwrap().iter().find(|it| it["name"] == name).unwrap()
}

/// Gives the seat of a node to a machine: one administrator files the motion, another signs it.
fn give(trial: &Trial, claim: &str) {
    let filed = trial.run(&["seat", "give", claim, "--as", "ada"]).ok().clone();
    let motion = filed["motion"].as_str().unwrap();
    trial.run(&["charter", "sign", motion, "--as", "ben"]).ok();
    loop {
        let shown = trial.run(&["charter", "show", motion]).ok().clone();
        if shown["state"] == "enacted" {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// A custodian of the trial opens a backup for a seat.
fn open(
    trial: &Trial,
    custodian: &str,
    backup: &str,
    seat: &str,
    part: &str,
) -> quorate_journeys::Said {
    let folder = trial.dir().join("custodians");
    let key = folder.join(custodian).display().to_string();
    let passphrase = folder.join(format!("{custodian}.passphrase")).display().to_string();
    recovery(&[
        "open",
        backup,
        "--genesis",
        &trial.genesis(),
        "--seat",
        seat,
        "--key",
        &key,
        "--passphrase-file",
        &passphrase,
        "--output",
        part,
        "--yes",
    ])
}

#[test]
fn a_node_whose_disk_is_gone_is_restored_by_two_custodians_and_signs() {
    let mut trial = Trial::founded();
    let before: Vec<Value> = KEYS
        .iter()
        .map(|key| trial.run(&["key", "show", key]).ok()["public_key"].clone())
        .collect();
    let early = trial.file("early");
    trial.run(&["backup", "export", "--output", &early]).ok();

    // The disk is gone, and with it everything that node-3 had.
    let ports = trial.addresses("node-3");
    trial.kill("node-3");
    fs::remove_dir_all(trial.dir().join("nodes").join("node-3")).unwrap();
    let machine = Machine::new(&trial, "node-3", &ports);

    // Nothing is opened for a seat that was given to nobody, whoever asks, and nothing is taken.
    let refused = open(&trial, "greta", &early, "node-3", &trial.file("none"));
    assert_eq!(refused.error(2)["code"], "seat_not_given");
    let refused = machine.take(&trial, &early, &[]);
    assert_eq!(refused.error(2)["code"], "no_claim");
    let claim = machine.claim(&trial, &early);
    let refused = machine.take(&trial, &early, &[]);
    assert_eq!(refused.error(3)["code"], "seat_not_given");
    give(&trial, &claim);
    let backup = trial.file("backup");
    trial.run(&["backup", "export", "--output", &backup]).ok();

    let parts = ["greta", "iris"].map(|custodian| {
        let part = trial.file(&format!("part-{custodian}"));
        let opened = open(&trial, custodian, &backup, "node-3", &part).ok().clone();
        assert_eq!(opened["opened"].as_array().unwrap().len(), 3, "{opened}");
        part
    });
    // One custodian is not enough, and a part is for one machine.
    let refused = machine.take(&trial, &backup, &parts[..1]);
    assert_eq!(refused.error(2)["code"], "custodians_missing");
    let other = Machine::new(&trial, "node-3", &ports);
    other.claim(&trial, &backup);
    let refused = other.take(&trial, &backup, &parts);
    assert_eq!(refused.error(3)["code"], "seat_of_another");

    let took = machine.take(&trial, &backup, &parts).ok().clone();
    assert_eq!(took["restored"].as_array().unwrap().len(), 3, "{took}");
    assert_eq!(took["lied"], json!({}));
    let refused = machine.take(&trial, &backup, &parts);
    assert_eq!(refused.error(2)["code"], "in_its_seat");
    // With node-2 away, the shares that came back are needed for every signature.
    trial.kill("node-2");
    trial.run_machine(&machine);
    trial.until(|status| {
        let is_here = |node| status_of(status, "nodes", node)["alive"] == true;
        is_here("node-3") && !is_here("node-2")
    });
    trial.until(|status| {
        let can_sign = |key| status_of(status, "keys", key)["can_sign"] == true;
        KEYS.iter().all(|key| can_sign(key))
    });
    trial.signed(&trial.request("ops", &message("restored"), "wallet-service"));
    trial.signed(&trial.request("treasury", &payment(&trial.listed("0x"), 0), "wallet-service"));
    let bitcoin = ["key", "address", "vault", "--chain", "bitcoin", "--network", "regtest"];
    let own = trial.run(&[&bitcoin[..], &["--type", "p2tr"]].concat()).ok()["address"].clone();
    let coin = |number| spend(own.as_str().unwrap(), &trial.listed("bcrt1"), number);
    trial.signed(&trial.request("vault", &coin(0), "wallet-service"));

    // Once all are there every key is shared anew, without an order: what the lost disk held is void.
    trial.start("node-2");
    let hugo = trial.file("hugo-challenges");
    trial.run(&["custodian", "challenges", "hugo", "--output", &hugo]).ok();
    let answers = trial.answer("hugo", &hugo);
    trial.run(&["custodian", "answer", &answers, "--as", "ada"]).ok();
    trial.until(|_| KEYS.iter().all(|key| epoch(&trial, key) == 1));
    for (key, public) in KEYS.iter().zip(&before) {
        assert_eq!(&trial.run(&["key", "show", key]).ok()["public_key"], public);
    }
    trial.signed(&trial.request("ops", &message("with new shares"), "wallet-service"));
    trial.signed(&trial.request("treasury", &payment(&trial.listed("0x"), 1), "wallet-service"));
    for key in KEYS {
        let file = trial.file(&format!("{key}-handover"));
        trial.run(&["key", "handover", "get", key, "--output", &file]).ok();
        let genesis = trial.genesis();
        trial.run(&["key", "handover", "verify", &file, "--genesis", &genesis]).ok();
    }
    let status = trial.run(&["status"]).ok().clone();
    for node in SIGNERS {
        assert_eq!(status_of(&status, "nodes", node)["alive"], true, "{status}");
    }
}
