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
use quorate_journeys::{HEIRS, Said, Successor, Trial, quorate};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

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
    let mut trial = Trial::founded();
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

/// SUC-30 to SUC-34: guardians stop what is left of a domain that another one succeeds; while it was
/// alive it refused.
#[test]
fn what_is_left_of_a_succeeded_domain_stops() {
    let mut trial = Trial::founded();
    let (predecessor, backup) = (trial.genesis(), trial.file("backup"));
    let guardians = ["gabi", "hans"].map(|who| {
        let key = trial.dir().join("people").join(who).display().to_string();
        let keygen = ["-q", "-t", "ed25519", "-N", "", "-C", who, "-f", &key];
        assert!(Command::new("ssh-keygen").args(keygen).status().unwrap().success());
        let file = trial.file(&format!("{who}.enrolment"));
        let enrol = ["person", "enrol", who, "--genesis", &predecessor, "--key", &key, "-o", &file];
        quorate(&enrol).ok();
        file
    });
    let [gabi, hans] = &guardians;
    let admit = ["person", "admit", gabi, hans, "--role", "guardian"];
    let recovery = ["--recovery", "all of (gabi, hans)", "--recovery-delay", "45s"];
    trial.enact(&[&admit[..], &recovery].concat());
    trial.run(&["backup", "export", "--output", &backup]).ok();
    let heirs = Successor::init(&trial, "heirs");
    for node in SIGNERS {
        heirs.claim(node, &backup, &predecessor).ok();
    }
    let created = heirs.create(&backup, &predecessor, &SIGNERS).ok().clone();
    let genesis = created["genesis"].as_str().unwrap().to_owned();

    // Nobody announces what is not founded, has other words, or does not succeed this domain.
    let early = trial.file("early.announcement");
    let refused = announce(&trial, &early, &heirs.genesis_file, &genesis, "gabi");
    assert_eq!(refused.error(5)["code"], "bad_genesis");
    for who in ["ada", "ben", "cleo"] {
        heirs.sign(who, &genesis).ok();
    }
    for node in HEIRS {
        heirs.countersign(node, &genesis, Some(&backup)).ok();
    }
    let refused = announce(&trial, &early, &heirs.genesis_file, &predecessor, "gabi");
    assert_eq!(refused.error(2)["code"], "genesis_mismatch");
    let ours = trial.dir().join("genesis.cbor").display().to_string();
    let refused = announce(&trial, &early, &ours, &predecessor, "gabi");
    assert_eq!(refused.error(2)["code"], "no_successor");
    let refused = announce(&trial, &early, &heirs.genesis_file, &genesis, "ada");
    assert_eq!(refused.error(2)["code"], "bad_cession");
    assert!(!Path::new(&early).exists());

    // While it is alive those who rule refuse, and it goes on.
    let one = announce(&trial, &early, &heirs.genesis_file, &genesis, "gabi").ok().clone();
    assert_eq!((&one["told"], &one["signed_by"]), (&json!(false), &json!(["gabi"])));
    assert_eq!(one["missing"], "hans");
    assert!(trial.run(&["succession", "list"]).lines.is_empty());
    let both = announce(&trial, &early, &heirs.genesis_file, &genesis, "hans").ok().clone();
    assert_eq!((&both["told"], &both["missing"]), (&json!(true), &Value::Null));
    trial.until(|status| status["successions"].is_array());
    let listed = trial.run(&["succession", "list"]).ok().clone();
    let id = both["cession"].as_str().unwrap();
    assert_eq!((&listed["called"], &listed["by"]), (&json!("harbour"), &json!(["gabi", "hans"])));
    let invented = format!("0x{}", "ab".repeat(32));
    let refused = trial.run(&["succession", "refuse", &invented, "--as", "ada"]);
    assert_eq!(refused.error(2)["code"], "not_announced");
    trial.enact(&["succession", "refuse", id]);
    trial.until(|status| status["successions"].is_null());
    let refused = announce(&trial, &early, &heirs.genesis_file, &genesis, "hans");
    assert_eq!(refused.refused()["code"], "bad_cession");
    trial.signed(&trial.request("ops", &message("alive"), "wallet-service"));

    // Then two nodes are gone, and nothing can be agreed on.
    trial.kill("node-3");
    trial.kill("witness");
    let file = trial.file("announcement");
    announce(&trial, &file, &heirs.genesis_file, &genesis, "gabi").ok();
    let both = announce(&trial, &file, &heirs.genesis_file, &genesis, "hans").ok().clone();
    assert_eq!(both["told"], true);
    let stopped = |node: &str| {
        trial.until_at(node, |status| status["halted"].is_string())["halted"].to_string()
    };
    for node in ["node-1", "node-2"] {
        let why = stopped(node);
        assert!(why.contains("harbour") && why.contains("two sites are gone"), "{why}");
    }

    // A start changes nothing, and who turns up later hears it from those that stopped.
    trial.kill("node-1");
    for node in ["node-1", "node-3", "witness"] {
        trial.start(node);
    }
    for node in ["node-1", "node-2", "node-3", "witness"] {
        let status = trial.until_at(node, |status| status["halted"].is_string());
        assert_eq!(status["leased"], false, "{node}");
    }
    let refused = trial.try_request("ops", &message("too late"), "wallet-service");
    assert_eq!(refused.refused()["code"], "not_serving", "nobody waits for what never comes");

    // Custodians see who announced it, before they open.
    let part = trial.file("part");
    let opened = heirs.open_announced("greta", &backup, &predecessor, &file, &part).ok().clone();
    assert_eq!(opened["announced_by"], json!(["gabi", "hans"]));
    assert_eq!(opened["announcement_lacks"], Value::Null);
}

/// Signs an announcement, and tells it once enough did.
fn announce(trial: &Trial, file: &str, successor: &str, hash: &str, who: &str) -> Said {
    let verb = ["succession", "announce", file, "--successor", successor, "--genesis", hash];
    trial.run(&[&verb[..], &["--reason", "two sites are gone", "--as", who]].concat())
}
