//! Nodes come and go, as their operators and administrators do it: machines, files, words.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_journeys::{Machine, Trial, addresses, quorate};
use serde_json::{Value, json};
use std::fs;
use std::thread::sleep;
use std::time::Duration;

const KEYS: [&str; 3] = ["treasury", "vault", "ops"];
const AFTER: &str = "2 of (node-2, node-3, node-5)";

fn message(text: &str) -> Value {
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    json!({"kind": "message", "message": format!("0x{digits}")})
}

fn epoch(trial: &Trial, key: &str) -> u64 {
    trial.run(&["key", "show", key]).ok()["epoch"].as_u64().unwrap()
}

fn line<'a>(status: &'a Value, list: &str, name: &str) -> Option<&'a Value> {
    status[list].as_array().unwrap().iter().find(|it| it["name"] == name)
}

/// The charter as any node hands it out.
fn charter(trial: &Trial, file: &str) -> String {
    let path = trial.file(file);
    trial.run(&["charter", "log", "--output", &path]).ok();
    path
}

/// GOV-64 to GOV-67: a machine is admitted under the words that it shows, waits, votes, gets shares,
/// signs; the node that it replaces is thrown out while it runs, and finds nobody any more. The relay
/// that edits an enrolment, and the coordinator that admits a machine of its own and gives out another
/// charter, are on the way.
#[test]
fn a_node_joins_and_the_one_that_it_replaces_is_thrown_out() {
    let mut trial = Trial::founded();
    let before: Vec<Value> = KEYS
        .iter()
        .map(|key| trial.run(&["key", "show", key]).ok()["public_key"].clone())
        .collect();
    let at = addresses();
    let machine = Machine::new(&trial, "node-5", &at);
    let enrolment = machine.enrolment();
    let words = quorate(&["node", "inspect", &enrolment]).ok()["words"].clone();

    // A relay puts its own machine's keys in the place of these: whole, it has other words; in part,
    // it does not hold.
    let relay = Machine::new(&trial, "node-5", &addresses());
    let theirs = relay.enrolment();
    let their_words = quorate(&["node", "inspect", &theirs]).ok()["words"].clone();
    assert_ne!(their_words, words);
    let mut edited = fs::read(&enrolment).unwrap();
    let middle = edited.len() / 2;
    edited[middle] ^= 1;
    let broken = trial.file("broken");
    fs::write(&broken, edited).unwrap();
    let refused = trial.run(&["node", "admit", &broken, "--as", "ada"]);
    assert_eq!(refused.error(2)["code"], "bad_enrolment");

    // A coordinator who is an administrator admits that machine: alone.
    let own = trial.run(&["node", "admit", &theirs, "--votes", "--as", "cleo"]).ok().clone();
    assert_eq!(own["state"], "collecting");
    let own = own["motion"].as_str().unwrap();
    let founders = ["node-1", "node-2", "node-3", "witness"];
    let is_listed = |node: &str| {
        let listed = trial.run(&["node", "list", "--node", node]);
        assert!(listed.lines.len() >= founders.len(), "{listed:?}");
        listed.lines.iter().any(|it| it["words"] == their_words)
    };
    let genesis_file = trial.dir().join("genesis.cbor").display().to_string();
    let uninvited = quorate(&[
        "node",
        "run",
        "node-5",
        "--dir",
        &relay.dir().display().to_string(),
        "--genesis-file",
        &genesis_file,
        "--genesis",
        &trial.genesis(),
        "--passphrase-file",
        &relay.passphrase(),
    ]);
    assert_eq!(uninvited.error(2)["code"], "not_enrolled");

    // What it would do is shown before anybody signs.
    let shown = trial.run(&["--dry-run", "node", "admit", &enrolment, "--as", "ada"]).ok().clone();
    let effect = shown["effect"].to_string();
    assert!(
        effect.contains(words.as_str().unwrap()) && effect.contains("on probation"),
        "{effect}"
    );
    let early = charter(&trial, "early");
    let declared = ["--operator", "Acme", "--cloud", "own racks", "--jurisdiction", "CH"];
    trial.enact(&[&["node", "admit", &enrolment][..], &declared].concat());
    let admission = trial.run(&["node", "admission", "node-5"]).ok().clone();
    assert!(admission["confirmed_by"].as_array().unwrap().len() >= 2, "{admission}");
    let hash = admission["admission"].as_str().unwrap().to_owned();
    let whole = charter(&trial, "whole");
    assert_eq!(trial.run(&["charter", "show", own]).ok()["state"], "superseded");
    assert_eq!(founders.map(is_listed), [false; 4]);

    // The wrong turns of its operator: another hash, a charter that ends too early, another machine.
    let starts = |machine: &Machine, charter: &str, hash: &str| {
        let dir = machine.dir().display().to_string();
        quorate(&[
            "node",
            "run",
            "node-5",
            "--dir",
            &dir,
            "--charter",
            charter,
            "--admission",
            hash,
            "--passphrase-file",
            &machine.passphrase(),
        ])
    };
    let other = format!("0x{}", "ab".repeat(32));
    assert_eq!(starts(&machine, &whole, &other).error(3)["code"], "other_charter");
    assert_eq!(starts(&machine, &early, &hash).error(3)["code"], "other_charter");
    assert_eq!(starts(&relay, &whole, &hash).error(3)["code"], "not_admitted");

    // What the coordinator gives out instead: a charter that admits its machine where the other one
    // was admitted, and one whose last entry no quorum of nodes certified.
    let log = fs::read_to_string(&whole).unwrap();
    let digits = |file: &str| -> String {
        fs::read(file).unwrap().iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let other_machine = log.replace(&digits(&enrolment), &digits(&theirs));
    let last = log.rfind(|it: char| it.is_ascii_hexdigit()).unwrap();
    let digit = if &log[last..=last] == "0" { "1" } else { "0" };
    let uncertified = format!("{}{digit}{}", &log[..last], &log[last + 1..]);
    for (name, text) in [("other-machine", other_machine), ("uncertified", uncertified)] {
        assert_ne!(text, log);
        let file = trial.file(name);
        fs::write(&file, text).unwrap();
        for newcomer in [&relay, &machine] {
            assert_eq!(starts(newcomer, &file, &hash).error(5)["code"], "bad_charter", "{name}");
        }
    }

    trial.admit_machine(&machine, &whole, &hash);
    trial.run(&["node", "at", "node-5", "--api", &at.1]).ok();
    trial.until(|status| {
        line(status, "nodes", "node-5").is_some_and(|it| it["alive"] == true && it["lag"] == 0)
    });
    let waits = trial.run(&["status", "--node", "node-5"]).ok().clone();
    assert_eq!(waits["leased"], false);
    assert_eq!(line(&waits, "nodes", "node-5").unwrap()["standing"], "waits");
    let listed = trial.run(&["node", "list"]);
    let listed = listed.lines.iter().find(|it| it["name"] == "node-5").unwrap();
    assert_eq!((&listed["declared"]["operator"], &listed["words"]), (&json!("Acme"), &words));

    // From probation to a vote, to shares of every key.
    for custodian in ["greta", "hugo", "iris"] {
        let asked = trial.file(&format!("{custodian}-challenges"));
        trial.run(&["custodian", "challenges", custodian, "--output", &asked]).ok();
        let answers = trial.answer(custodian, &asked);
        trial.run(&["custodian", "answer", &answers, "--as", "ada"]).ok();
    }
    let resume = ["node", "resume", "node-5"];
    let shown = trial.run(&[&["--dry-run"], &resume[..], &["--as", "ada"]].concat()).ok().clone();
    assert!(shown["effect"].to_string().contains("5 nodes vote then, 4 decide"), "{shown}");
    trial.enact(&resume);
    for key in KEYS {
        trial.enact(&["key", "reshare", key, "--access", AFTER]);
    }
    trial.until(|_| KEYS.iter().all(|key| epoch(&trial, key) == 1));

    // Thrown out while it runs: it says so and stops, and does not come back.
    let revoked = trial.enact(&["node", "revoke", "node-1"]);
    assert!(revoked["effect"].to_string().contains("is refused from then on, for ever"));
    trial.until(|status| line(status, "nodes", "node-1").is_none());
    trial.kill("node-1");
    let ended = trial.run(&["node", "run", "node-1"]);
    let error = ended.error(2);
    assert_eq!(error["code"], "bad_genesis");
    assert!(error["message"].as_str().unwrap().contains("names no node with this node's keys"));
    trial.until(|_| KEYS.iter().all(|key| epoch(&trial, key) == 2));
    for (key, public) in KEYS.iter().zip(&before) {
        assert_eq!(&trial.run(&["key", "show", key]).ok()["public_key"], public);
        let file = trial.file(&format!("{key}-handover"));
        trial.run(&["key", "handover", "get", key, "--output", &file]).ok();
        trial.run(&["key", "handover", "verify", &file, "--genesis", &trial.genesis()]).ok();
    }

    // Without node-2 the newcomer's share is needed for every signature.
    trial.kill("node-2");
    trial.until(|status| line(status, "nodes", "node-2").unwrap()["alive"] == false);
    let signed = trial.request("ops", &message("with the newcomer"), "wallet-service");
    trial.signed(&signed);
    trial.verified_receipt(&signed);
    // A backup of the domain as it is now can be restored from, though a founder is gone.
    let backup = trial.file("backup");
    trial.run(&["backup", "export", "--output", &backup]).ok();
    let genesis = trial.genesis();
    quorate_journeys::recovery(&["verify", &backup, "--genesis", &genesis]).ok();
}

/// GOV-66: whoever asks for the admission that a new machine is to believe hears which nodes have it; one
/// alone is not enough, whatever it says.
#[test]
fn neg_072_an_admission_that_one_node_alone_confirms_is_refused() {
    let mut trial = Trial::founded();
    let machine = Machine::new(&trial, "node-5", &addresses());
    trial.enact(&["node", "admit", &machine.enrolment()]);
    let ask = ["node", "admission", "node-5"];
    let whole = trial.run(&ask).ok().clone();
    assert!(whole["confirmed_by"].as_array().unwrap().len() >= 2, "{whole}");
    for node in ["node-2", "node-3", "witness"] {
        trial.kill(node);
    }
    let alone = trial.run(&ask);
    let error = alone.error(3);
    assert_eq!(error["code"], "unconfirmed", "{error}");
    // It is shown all the same, so that people see who says so.
    let shown = &alone.lines[0];
    assert_eq!(shown["confirmed_by"], json!(["node-1"]), "{shown}");
    assert_eq!(shown["admission"], whole["admission"]);
    trial.start("node-3");
    trial.until_at("node-3", |status| status["position"].is_u64());
    let both = trial.run(&ask).ok()["confirmed_by"].clone();
    let mut names: Vec<&str> = both.as_array().unwrap().iter().flat_map(Value::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["node-1", "node-3"]);
    // Who founded the domain was admitted by nobody, and who is not there neither.
    assert_eq!(trial.run(&["node", "admission", "node-1"]).error(2)["code"], "founding_node");
    trial.run(&["node", "admission", "node-9"]).error(2);
}

/// N-72: a node that was thrown out while it was off starts again, hears nothing of it from anybody, and
/// is the first that is asked. Who knows no more than the genesis still finds the domain.
#[test]
fn neg_072_who_asks_a_node_that_was_thrown_out_first_finds_the_domain() {
    let mut trial = Trial::founded();
    trial.enact(&["node", "faults", "0"]);
    trial.kill("node-1");
    trial.enact(&["node", "revoke", "node-1"]);
    let head = trial.run(&["charter", "status"]).ok()["head"].clone();
    trial.start("node-1");
    let forget = || fs::remove_file(trial.dir().join("charter.jsonl")).unwrap();
    forget();
    trial.until_at("node-1", |status| status["position"].is_u64());
    let behind = trial.run(&["status", "--node", "node-1"]).ok().clone();
    assert_ne!(behind["head"], head, "it did not hear of it");

    // Whoever signs nothing is not believed about the charter alone.
    assert_eq!(trial.run(&["status"]).ok()["head"], head);
    assert_eq!(trial.run(&["charter", "status"]).ok()["head"], head);
    // From then on it is nobody here.
    let seen = trial.run(&["status"]).ok().clone();
    assert!(line(&seen, "nodes", "node-1").is_none(), "{seen}");

    // And what is filed first of all is filed with the others.
    forget();
    trial.enact(&["rule", "times", "--lease", "20s"]);
}

/// N-59, GOV-65, TRN-10: a node that was thrown out while it was off kept its share, and nobody has
/// new ones yet. With it a quorum of the key would be there; it finds nobody who signs with it.
#[test]
fn neg_059_a_node_that_was_thrown_out_and_kept_its_share_signs_with_nobody() {
    let mut trial = Trial::founded();
    trial.enact(&["node", "faults", "0"]);
    // What node-3 says comes late: it votes, and dies before anybody has new shares.
    trial.kill("node-3");
    trial.change_node_file("node-3", |config| config["delay_ms"] = json!(1_000));
    trial.start("node-3");
    trial.until_at("node-3", |status| status["leased"] == true);
    // This desk never hears of what follows.
    let desk = trial.desk("wallet-service");
    let asked =
        |verb: &[&str]| desk.run(&[verb, &["--node", "node-1", "--as", "wallet-service"]].concat());
    trial.kill("node-1");
    trial.enact(&["node", "revoke", "node-1"]);
    trial.kill("node-3");
    trial.start("node-1");
    let alive = |status: &Value| -> Vec<String> {
        let nodes = status["nodes"].as_array().unwrap().iter();
        let alive = nodes.filter(|node| node["alive"] == true);
        alive.map(|node| node["name"].as_str().unwrap().to_owned()).collect()
    };
    while asked(&["status"]).code != 0 {
        sleep(Duration::from_millis(100));
    }

    let intent = desk.path("intent.json");
    fs::write(&intent, message("with the one that left").to_string()).unwrap();
    let at_it = asked(&["request", "create", "--key", "ops", "--intent", &intent]).ok().clone();
    let here = trial.request("ops", &message("with the one that is left"), "wallet-service");
    let (at_it, id) = (at_it["request"].as_str().unwrap(), here["request"].as_str().unwrap());
    let decided = |status: &Value| {
        let decisions = status["decisions"].as_array().unwrap().iter();
        decisions.map(|it| (it["node"].clone(), it["outcome"].clone())).collect::<Vec<_>>()
    };
    let allowed = [(json!("node-2"), json!("allow"))];
    while decided(trial.run(&["request", "show", id]).ok()) != allowed {
        sleep(Duration::from_millis(100));
    }
    trial.run(&["request", "wait", id, "--timeout", "5"]).error(4);
    asked(&["request", "wait", at_it, "--timeout", "0"]).error(4);
    trial.run(&["request", "show", at_it]).error(2);
    let own = asked(&["status"]).ok().clone();
    assert_eq!((&own["leased"], alive(&own)), (&json!(false), vec!["node-1".to_owned()]), "{own}");
    assert_eq!(epoch(&trial, "ops"), 0, "its share is of the epoch that signs");

    // Those whom the charter names sign what it could not.
    trial.start("node-3");
    trial.signed(&here);
    trial.verified_receipt(&here);
    asked(&["request", "wait", at_it, "--timeout", "0"]).error(4);
}
