//! Two versions of the programs in one domain: they sign together, the later one takes over what the
//! earlier one stored, and there is no way back.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_journeys::{Trial, binary, next, run};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

/// One row that the next version changes, and the one that names the version.
const TAKEN: &str = "the store was taken over from version 0.1.0: 2 rows were written";

fn message(text: &str) -> Value {
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    json!({"kind": "message", "message": format!("0x{digits}")})
}

fn store(trial: &Trial, node: &str) -> PathBuf {
    trial.dir().join("nodes").join(node).join("store.redb")
}

/// The files of a node's store, and of a copy of it.
fn stored(trial: &Trial, node: &str) -> Vec<String> {
    let folder = store(trial, node);
    let files = fs::read_dir(folder.parent().unwrap()).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("store.redb")).collect();
    names.sort();
    names
}

/// The version that each node runs, as one of them heard it.
fn versions(status: &Value) -> Vec<String> {
    let nodes = status["nodes"].as_array().unwrap().iter();
    nodes.map(|node| node["program"]["version"].as_str().unwrap_or_default().to_owned()).collect()
}

fn can_sign(status: &Value, key: &str) -> bool {
    let keys = status["keys"].as_array().unwrap();
    keys.iter().any(|line| line["name"] == key && line["can_sign"] == true)
}

fn is_here(status: &Value, node: &str, version: &str) -> bool {
    let mut nodes = status["nodes"].as_array().unwrap().iter();
    let node = nodes.find(|line| line["name"] == node).unwrap();
    node["alive"] == true && node["program"]["version"] == version
}

/// The domain asks for the next version while node-2 runs this one: whoever is left behind says so, and
/// counts for nobody, though its share would be enough.
fn left_behind(trial: &mut Trial) {
    trial.enact(&["release", "require", "0.2.0"]);
    let own = trial.until_at("node-2", |status| status["outdated"].is_string());
    assert_eq!(own["leased"], false, "{own}");
    let alive = |status: &Value, name: &str| {
        let mut nodes = status["nodes"].as_array().unwrap().iter();
        nodes.any(|node| node["name"] == name && node["alive"] == true)
    };
    for peer in ["node-1", "node-3", "witness"] {
        trial.until_at(peer, |status| !alive(status, "node-2"));
    }
    // Of the two signers that are left one is not heard.
    trial.kill("node-3");
    trial.until_at("node-1", |status| !can_sign(status, "ops"));
    let waiting = trial.request("ops", &message("of whoever is left behind"), "wallet-service");
    let id = waiting["request"].as_str().unwrap();
    trial.run(&["request", "wait", id, "--timeout", "3"]).error(4);
    trial.start_with(&next(), "node-3");
    trial.signed(&waiting);
    assert!(!alive(trial.run(&["status", "--node", "node-1"]).ok(), "node-2"));
}

/// N-80: a domain of this version becomes one of the next, a node at a time, without a pause; who stays
/// behind when the domain asks for it is heard by no peer, and who goes back is refused by the store.
#[test]
fn neg_080_a_domain_goes_from_one_version_to_the_next_and_not_back() {
    let mut trial = Trial::founded();
    trial.signed(&trial.request("ops", &message("of one version"), "wallet-service"));
    for key in ["ops", "treasury"] {
        trial.until(|status| can_sign(status, key));
    }

    // The first one, with what a crash during an earlier try has left.
    trial.kill("node-1");
    let copy = store(&trial, "node-1").with_extension("redb.takeover");
    fs::write(&copy, "half of a copy").unwrap();
    fs::write(copy.with_extension("takeover.slots"), "half of its slots").unwrap();
    trial.start_with(&next(), "node-1");
    trial.until_at("node-2", |status| is_here(status, "node-1", "0.2.0"));
    assert_eq!(trial.log("node-1").matches(TAKEN).count(), 1);
    assert_eq!(stored(&trial, "node-1"), ["store.redb", "store.redb.lock", "store.redb.slots"]);

    // Two of the three signers are needed: one of each version.
    trial.kill("node-3");
    let both = ["ops", "treasury"];
    trial.until_at("node-2", |status| both.iter().all(|key| can_sign(status, key)));
    trial.signed(&trial.request("ops", &message("of two versions"), "wallet-service"));

    // The next ones, whose operator loses patience, or whose power goes, at any moment.
    let ways = [("node-3", 0..12_u64), ("witness", 12..18), ("node-2", 18..24)];
    for (node, pauses) in ways {
        if node == "node-2" {
            left_behind(&mut trial);
        }
        if node != "node-3" {
            trial.kill(node);
        }
        for pause in pauses {
            trial.start_with(&next(), node);
            sleep(Duration::from_millis(40 * pause % 500));
            trial.kill_started();
        }
        trial.start_with(&next(), node);
        trial.until_at("node-1", |status| is_here(status, node, "0.2.0"));
        assert!(trial.log(node).matches(TAKEN).count() <= 1, "taken over twice");
        assert_eq!(stored(&trial, node), ["store.redb", "store.redb.lock", "store.redb.slots"]);
    }
    let status = trial.until(|status| both.iter().all(|key| can_sign(status, key)));
    assert_eq!(versions(&status), ["0.2.0"; 4]);

    // The way back: refused before anything is written.
    trial.kill("node-1");
    let taken = trial.log("node-1").matches(TAKEN).count();
    let dir = trial.dir_text();
    for verb in ["run", "rejoin"] {
        let refused = run(binary(), &["node", verb, "node-1", "--dir", &dir]).error(2);
        assert_eq!(refused["code"], "store_version");
        for part in ["0.2.0", "0.1.0"] {
            assert!(refused["message"].as_str().unwrap().contains(part), "{refused}");
        }
    }
    trial.start_with(&next(), "node-1");
    trial.until(|status| is_here(status, "node-1", "0.2.0"));
    assert_eq!(trial.log("node-1").matches(TAKEN).count(), taken, "it is still of that version");
    trial.signed(&trial.request("ops", &message("of the next version"), "wallet-service"));
}

/// REL-14: who orders that a node may vote hears what it runs, and names it where that is not what the
/// others run.
#[test]
fn neg_080_a_node_that_runs_something_else_votes_only_where_that_is_meant() {
    let mut trial = Trial::founded();
    trial.enact(&["node", "suspend", "node-3"]);
    trial.kill("node-3");
    trial.start_with(&next(), "node-3");
    let resume = ["node", "resume", "node-3", "--as", "ada"];
    let resumes_with = |program: &str| trial.run(&[&resume[..], &["--program", program]].concat());
    let status = trial.until(|status| is_here(status, "node-3", "0.2.0"));
    let runs = |node: &str| {
        let mut nodes = status["nodes"].as_array().unwrap().iter();
        let line = nodes.find(|line| line["name"] == node).unwrap();
        line["program"]["digest"].as_str().unwrap().to_owned()
    };
    let error = trial.run(&resume).error(3).clone();
    assert_eq!(error["code"], "program_differs");
    let (message, advice) = (error["message"].to_string(), error["next"].to_string());
    assert!(message.contains("of the voters that answer 0 run the same, 2 must"), "{message}");
    assert!(advice.contains(&format!("--program {}", runs("node-3"))), "{advice}");
    assert_eq!(resumes_with(&runs("node-1")).error(3)["code"], "program_differs");
    assert_eq!(resumes_with("node-3").error(2)["code"], "bad_digest");
    trial.enact(&["node", "resume", "node-3", "--program", &runs("node-3")]);
    trial.until_at("node-3", |status| status["leased"] == true);
}
