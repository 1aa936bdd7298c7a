//! Nodes die and come back, and so does the whole domain; nothing signs without a quorum and
//! nothing is lost.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_journeys::{Trial, quorate};
use serde_json::{Value, json};

fn message(text: &str) -> Value {
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    json!({"kind": "message", "message": format!("0x{digits}")})
}

fn can_sign(status: &Value, key: &str) -> bool {
    let keys = status["keys"].as_array().unwrap();
    keys.iter().any(|line| line["name"] == key && line["can_sign"] == true)
}

#[test]
fn one_dead_signer_is_tolerated_two_stop_signing_and_their_return_lets_it_go_on() {
    let mut trial = Trial::founded();
    trial.kill("node-1");
    trial.signed(&trial.request("ops", &message("with two"), "wallet-service"));

    trial.kill("node-2");
    let stopped = trial.until(|status| !can_sign(status, "ops"));
    let keys = stopped["keys"].as_array().unwrap();
    let ops = keys.iter().find(|line| line["name"] == "ops").unwrap();
    assert!(!ops["missing"].as_array().unwrap().is_empty(), "it says what is missing: {ops}");
    let waiting = trial.request("ops", &message("with one"), "wallet-service");
    let id = waiting["request"].as_str().unwrap();
    let error = trial.run(&["request", "wait", id, "--timeout", "2"]).error(4);
    assert!(error["message"].as_str().unwrap().len() > 10);

    trial.start("node-1");
    trial.start("node-2");
    trial.signed(&waiting);
    let alive = |node: &Value| node["alive"] == true;
    trial.until(|status| {
        can_sign(status, "treasury") && status["nodes"].as_array().unwrap().iter().all(alive)
    });
}

#[test]
fn a_power_cut_of_everything_loses_nothing() {
    let mut trial = Trial::found();
    let before = trial.signed(&trial.request("ops", &message("before"), "wallet-service"));
    let head = trial.run(&["status"]).ok()["head"].clone();
    let nodes: Vec<Value> = trial.ready["nodes"].as_array().unwrap().clone();
    assert_eq!(nodes.len(), 4);
    for node in &nodes {
        trial.kill(node["name"].as_str().unwrap());
    }
    trial.down();
    trial.up();
    assert_eq!(trial.run(&["status"]).ok()["head"], head);
    let id = before["request"].as_str().unwrap();
    assert_eq!(trial.run(&["request", "show", id]).ok()["signatures"], before["signatures"]);
    trial.signed(&trial.request("ops", &message("after"), "wallet-service"));
    let ecdsa = trial.run(&["key", "show", "treasury"]).ok().clone();
    assert_eq!((&ecdsa["state"], &ecdsa["backup"]), (&json!("active"), &json!("proven")));
}

#[test]
fn the_charter_and_receipts_verify_offline_against_the_genesis_hash_alone() {
    let mut trial = Trial::founded();
    let signed = trial.signed(&trial.request("ops", &message("kept"), "wallet-service"));
    trial.verified_receipt(&signed);
    let genesis = trial.genesis();
    trial.run(&["charter", "verify", "--genesis", &genesis]).ok();
    trial.run(&["charter", "verify"]).error(2);
    let other = format!("0x{}", "11".repeat(32));
    assert_ne!(trial.run(&["charter", "verify", "--genesis", &other]).code, 0);

    let file = trial.dir().join("kept.receipt");
    let path = file.display().to_string();
    trial.run(&["receipt", "get", signed["request"].as_str().unwrap(), "-o", &path]).ok();
    trial.down();
    quorate(&["receipt", "verify", &path]).error(2);
    quorate(&["receipt", "verify", &path, "--genesis", &other]).error(5);
    quorate(&["receipt", "verify", &path, "--genesis", &genesis]).ok();
    let whole = std::fs::read(&file).unwrap();
    for at in (0..whole.len()).step_by(whole.len() / 40 + 1) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        std::fs::write(&file, flipped).unwrap();
        quorate(&["receipt", "verify", &path, "--genesis", &genesis]).error(5);
    }
}

/// N-92: what a copy of a node's memory could say too is not said (MEM-01). The node is stopped where it
/// stands, as a machine is for a snapshot, and goes on in another generation.
#[test]
fn neg_092_a_node_that_goes_on_in_a_copy_of_its_memory_ends_before_it_says_anything() {
    let mut trial = Trial::founded();
    let file = trial.file("generation");
    std::fs::write(&file, "first").unwrap();
    trial.kill("node-1");
    trial.change_node_file("node-1", |config| config["generation_file"] = json!(file));
    trial.start("node-1");
    trial.until_at("node-1", |status| status["memory"] == "asked" && can_sign(status, "treasury"));
    trial.kill("node-2");

    trial.pause("node-1");
    std::fs::write(&file, "second").unwrap();
    trial.resume("node-1");
    trial.until(|status| !can_sign(status, "ops"));
    let waiting = trial.request("ops", &message("twice"), "wallet-service");
    let id = waiting["request"].as_str().unwrap();
    trial.run(&["request", "wait", id, "--timeout", "2"]).error(4);
    assert!(
        trial.log("node-1").contains("its generation is another one"),
        "{}",
        trial.log("node-1")
    );

    // What comes back is another incarnation, in the generation of now.
    trial.start("node-1");
    trial.signed(&waiting);

    trial.kill("node-1");
    trial.change_node_file("node-1", |config| config["generation_file"] = json!("/nowhere"));
    trial.start("node-1");
    trial.until(|status| !can_sign(status, "ops"));
    // It may still be about to end; far longer than a start takes is too long.
    let ended = (0..600).any(|_| {
        let said = trial.log("node-1").contains("/nowhere");
        if !said {
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        said
    });
    assert!(ended, "{}", trial.log("node-1"));
}
