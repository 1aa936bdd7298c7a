//! A domain whose nodes are all gone comes back in other hands: the same keys and addresses, from one
//! backup file and two of three custodians, and no key in one place on the way.

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
use quorate_journeys::{HEIRS, Successor, Trial};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

const KEYS: [&str; 3] = ["treasury", "vault", "ops"];
const SIGNERS: [&str; 3] = ["north", "south", "east"];
const TREE: &str = "2 of (north, south, east)";

/// What people know of a key: where payments go, and what verifies signatures.
fn addresses(run: impl Fn(&[&str]) -> Value) -> Vec<Value> {
    let mut all: Vec<Value> =
        KEYS.iter().map(|key| run(&["key", "show", key])["public_key"].clone()).collect();
    all.push(run(&["key", "address", "treasury", "--chain", "ethereum"])["address"].clone());
    let bitcoin = ["key", "address", "vault", "--chain", "bitcoin", "--network", "regtest"];
    all.push(run(&[&bitcoin[..], &["--type", "p2tr"]].concat())["address"].clone());
    let child = ["key", "derive", "treasury", "--path", "m/0/5"];
    all.push(run(&child)["public_key"].clone());
    assert!(all.iter().all(|it| !it.is_null()), "{all:?}");
    all
}

/// The policy in force, as a directory that can be proposed again.
fn save_policy(trial: &Trial) -> String {
    let shown = trial.run(&["policy", "show"]).ok().clone();
    let dir = trial.file("policy");
    fs::create_dir(&dir).unwrap();
    for (field, name) in [
        ("cedar", "policy.cedar"),
        ("limits", "limits.json"),
        ("lists", "lists.json"),
        ("cases", "cases.json"),
    ] {
        fs::write(Path::new(&dir).join(name), shown[field].as_str().unwrap()).unwrap();
    }
    dir
}

#[test]
fn a_domain_without_nodes_is_restored_into_another_and_signs_with_the_same_addresses() {
    let mut trial = Trial::found();
    let (predecessor, backup) = (trial.genesis(), trial.file("backup"));
    let before = addresses(|verb| trial.run(verb).ok().clone());
    let (payee, policy) = (trial.listed("0x"), save_policy(&trial));
    let (bitcoin, listed) = (before[4].as_str().unwrap().to_owned(), trial.listed("bcrt1"));
    let early = trial.file("early");
    trial.run(&["backup", "export", "--output", &early]).ok();
    trial.run(&["backup", "export", "--output", &backup]).ok();

    // Both data centres burn down.
    trial.down();
    fs::remove_dir_all(trial.dir().join("nodes")).unwrap();

    // Machines of other people, elsewhere.
    let mut heirs = Successor::init(&trial, "heirs");
    let refused = heirs.claim("watch", &backup, &predecessor);
    assert_eq!(refused.error(2)["code"], "other_role");
    for node in SIGNERS {
        let claimed = heirs.claim(node, &backup, &predecessor).ok().clone();
        assert_eq!(claimed["words"].as_str().unwrap().split(' ').count(), 12);
    }
    let one = heirs.create(&backup, &predecessor, &SIGNERS[..1]);
    assert_eq!(one.error(2)["code"], "bad_genesis");
    let created = heirs.create(&backup, &predecessor, &SIGNERS).ok().clone();
    let genesis = created["genesis"].as_str().unwrap().to_owned();
    assert_eq!(created["succeeds"]["predecessor"], json!(predecessor));
    assert_eq!(created["succeeds"]["claims"].as_array().unwrap().len(), 3);
    assert_eq!(created["succeeds"]["omitted"], json!([]));

    // A node founds nothing on a backup that it did not verify, or on another file.
    let refused = heirs.countersign("north", &genesis, None);
    assert_eq!(refused.error(2)["code"], "backup_needed");
    let refused = heirs.countersign("north", &genesis, Some(&early));
    assert_eq!(refused.error(2)["code"], "another_backup");
    for who in ["ada", "ben", "cleo"] {
        heirs.sign(who, &genesis).ok();
    }
    // Nothing is opened before everybody founded it.
    let part = trial.file("none");
    let refused = heirs.open("greta", &backup, &predecessor, &part);
    assert_eq!(refused.error(2)["code"], "bad_genesis");
    for node in HEIRS {
        heirs.countersign(node, &genesis, Some(&backup)).ok();
    }
    let refused = heirs.open("greta", &early, &predecessor, &part);
    assert_eq!(refused.error(2)["code"], "another_backup");
    let parts = ["greta", "iris"].map(|custodian| {
        let part = trial.file(&format!("part-{custodian}"));
        let opened = heirs.open(custodian, &backup, &predecessor, &part).ok().clone();
        assert_eq!(opened["opened"].as_array().unwrap().len(), 3, "{opened}");
        assert_eq!(opened["successor"], json!(genesis));
        part
    });

    // One custodian is not enough; each machine takes its own part of each key, and the witness none.
    let refused = heirs.take("north", &genesis, &backup, &parts[..1]);
    assert_eq!(refused.error(2)["code"], "custodians_missing");
    for node in SIGNERS {
        let took = heirs.take(node, &genesis, &backup, &parts).ok().clone();
        assert_eq!(took["inherited"].as_array().unwrap().len(), 3, "{took}");
        assert_eq!((&took["lied"], &took["missing"]), (&json!({}), &json!({})));
    }
    let refused = heirs.take("watch", &genesis, &backup, &parts);
    assert_eq!(refused.error(2)["code"], "no_claim");
    let took = heirs.take("watch", &genesis, &backup, &[]).ok().clone();
    assert_eq!(took["known"].as_array().unwrap().len(), 3, "{took}");

    for node in HEIRS {
        heirs.start(node, &genesis);
    }
    heirs.join(&genesis);
    heirs.until_status(|status| status["leased"] == true);
    let told = heirs.run(&["succession", "keys", "--backup", &backup]).ok().clone();
    assert!(told["keys"].as_array().unwrap().iter().all(|key| key["here"].is_null()));
    heirs.show_recovery_keys();
    let restore = |key: &str, tree: &str| {
        let verb = ["key", "restore", key, "--backup", &backup, "--access", tree, "--as", "ada"];
        heirs.run(&verb)
    };
    // Not over a tree that would give two of three less than each has, and not what never was.
    let refused = restore("ops", "all of (north, south)");
    assert_eq!(refused.error(2)["code"], "bad_access");
    assert_eq!(restore("other", TREE).error(2)["code"], "unknown_key");
    for key in KEYS {
        heirs.enact(&restore(key, TREE));
    }
    assert_eq!(restore("ops", TREE).error(2)["code"], "bad_motion");
    heirs.until(|| {
        KEYS.iter().all(|key| heirs.run(&["key", "show", key]).ok()["state"] == "active")
    });

    // The same keys, for everybody who pays to them or verifies.
    assert_eq!(addresses(|verb| heirs.run(verb).ok().clone()), before);
    for key in KEYS {
        let shown = heirs.run(&["key", "show", key]).ok().clone();
        assert_eq!((&shown["origin"], &shown["epoch"]), (&json!("restored"), &json!(1)));
        assert_eq!(shown["backup"], "proven");
        let file = trial.file(&format!("{key}-handover"));
        heirs.run(&["key", "handover", "get", key, "--output", &file]).ok();
        let handed = ["key", "handover", "verify", &file, "--genesis", &genesis];
        assert_eq!(heirs.run(&handed).ok()["origin"], "restored");
    }
    let told = heirs.run(&["succession", "keys", "--backup", &backup]).ok().clone();
    for key in told["keys"].as_array().unwrap() {
        assert_eq!(key["here"], key["name"]);
    }

    // It signs, also after a power cut and with a node away; and its own backup holds.
    heirs.enact(&heirs.run(&["policy", "propose", &policy, "--as", "ada"]));
    heirs.signed("ops", &message("restored"));
    heirs.kill("south");
    heirs.signed("treasury", &payment(&payee, 0));
    heirs.signed("vault", &spend(&bitcoin, &listed, 0));
    let after = trial.file("after");
    heirs.run(&["backup", "export", "--output", &after]).ok();
    heirs.run(&["backup", "verify", &after]).ok();
}
