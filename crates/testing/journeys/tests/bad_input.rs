//! Wrong turns. Each gets a clear error that says whose fault it is and what to do next, and
//! nothing is lost.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_journeys::{Trial, quorate};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

fn message(text: &str) -> Value {
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    json!({"kind": "message", "message": format!("0x{digits}")})
}

/// An EIP-1559 transfer of two ether on this chain, as its signing preimage.
fn transfer(chain: &str, to: &str) -> Value {
    let to = to.to_lowercase();
    let fields = format!(
        "{chain}808477359400850{fee}82520894{to}881bc16d674ec8000080c0",
        fee = "4a817c800",
        to = to.trim_start_matches("0x"),
    );
    let length = fields.len() / 2;
    let unsigned = if length < 56 {
        format!("0x02{:02x}{fields}", 0xc0 + length)
    } else {
        format!("0x02f8{length:02x}{fields}")
    };
    json!({"kind": "evm.transaction", "chain_id": 31337, "unsigned": unsigned})
}

const CHAIN_31337: &str = "827a69";
const CHAIN_1: &str = "01";

#[test]
fn requests_that_make_no_sense_are_refused_and_say_why() {
    let trial = Trial::founded();
    let listed = trial.listed("0x");
    let good = transfer(CHAIN_31337, &listed);
    let tampered = |from: &str, to: &str| {
        let mut intent = good.clone();
        intent["unsigned"] = json!(good["unsigned"].as_str().unwrap().replace(from, to));
        intent
    };
    let mut with_unknown_field = good.clone();
    with_unknown_field["memo"] = json!("x");
    let nonsense = [
        // another chain than the request says
        transfer(CHAIN_1, &listed),
        // an integer with a leading zero
        tampered("02f2", "02f3").clone(),
        tampered("82520894", "83005208").clone(),
        json!({"kind": "evm.transaction", "chain_id": 31337, "unsigned": "0x02c0"}),
        json!({"kind": "evm.transaction", "chain_id": 31337, "unsigned": "zz"}),
        json!({"kind": "teleport", "to": "x"}),
        json!({"kind": "bitcoin.psbt", "network": "regtest", "psbt": "AAAA"}),
        with_unknown_field,
        json!([]),
    ];
    for intent in &nonsense {
        let error = trial.try_request("treasury", intent, "wallet-service").error(2);
        assert_eq!(error["fault"], "caller", "{intent}");
    }
    let cases: [(&str, &str, &Value); 3] = [
        ("unheard-of", "wallet-service", &good),
        ("treasury", "nobody", &good),
        // a message is signed by an Ed25519 key
        ("treasury", "wallet-service", &message("x")),
    ];
    for (key, who, intent) in cases {
        let said = trial.try_request(key, intent, who);
        assert_eq!(said.error(2)["fault"], "caller", "{key} {who}");
    }
    trial.run(&["request", "show", &format!("0x{}", "22".repeat(32))]).error(2);
    trial.run(&["status", "--node", "node-9"]).error(2);
    assert!(trial.run(&["request", "list"]).lines.iter().all(|line| line["state"] != "signed"));
}

#[test]
fn only_the_right_people_approve_once_and_in_time() {
    let trial = Trial::founded();
    let listed = trial.listed("0x");
    let large = transfer(CHAIN_31337, &listed);
    let request = trial.request("treasury", &large, "wallet-service");

    // without a terminal the digest must be given, and be the right one
    let id = request["request"].as_str().unwrap();
    trial.run(&["request", "approve", id, "--as", "alice"]).error(2);
    let wrong = format!("0x{}", "33".repeat(32));
    trial.run(&["request", "approve", id, "--digest", &wrong, "--as", "alice"]).error(2);
    // ada administers, she does not approve
    trial.vote("approve", &request, "ada").error(2);
    trial.vote("approve", &request, "alice").ok();
    // a second vote of hers changes nothing: either it is refused or it counts once
    let twice = trial.vote("approve", &request, "alice");
    assert!(twice.code == 0 || twice.error(2)["fault"] == "caller");
    let view = trial.run(&["request", "show", id]).ok().clone();
    assert_eq!(view["state"], "waiting");
    assert_eq!(view["approvals"].as_array().unwrap().len(), 1);

    // nobody approves what they asked for
    let own = trial.request("treasury", &large, "alice");
    trial.vote("approve", &own, "alice").error(2);

    // a rejection is final
    trial.vote("reject", &request, "bob").ok();
    let ended = trial.wait(&request);
    assert_eq!(ended.code, 3);
    trial.vote("approve", &request, "bob").error(2);

    // a request that expires takes no vote any more
    let file = large.to_string();
    let arguments = ["request", "create", "--key", "treasury", "--intent", "-"];
    let short = [&arguments[..], &["--as", "wallet-service", "--expires", "2"]].concat();
    let short = trial.run_with(&short, &file).ok().clone();
    assert_eq!(trial.wait(&short).code, 3);
    let late = trial.vote("approve", &short, "alice").error(2);
    assert_eq!(late["fault"], "caller");

    // the service takes back what it asked; nobody else can
    let mine = trial.request("treasury", &large, "wallet-service");
    let id = mine["request"].as_str().unwrap();
    trial.run(&["request", "cancel", id, "--as", "bob"]).error(2);
    trial.run(&["request", "cancel", id, "--as", "wallet-service"]).ok();
    assert_eq!(trial.wait(&mine).code, 3);
}

#[test]
fn filing_twice_is_filing_once() {
    let trial = Trial::founded();
    let file = |text: &str, key: &str| {
        let arguments = ["request", "create", "--key", "ops", "--intent", "-"];
        let more = ["--as", "wallet-service", "--idempotency-key", key];
        trial.run_with(&[&arguments[..], &more].concat(), &message(text).to_string())
    };
    let first = file("one", "k1").ok()["request"].clone();
    assert_eq!(file("one", "k1").ok()["request"], first);
    assert_ne!(file("one", "k2").ok()["request"], first);
    let conflict = file("two", "k1").error(2);
    assert_eq!(conflict["fault"], "caller");
}

#[test]
fn a_denial_names_the_rule_that_decided() {
    let trial = Trial::founded();
    let raw = json!({"kind": "raw.digest", "digest": format!("0x{}", "44".repeat(32))});
    let denied = trial.wait(&trial.request("treasury", &raw, "wallet-service"));
    assert_eq!(denied.code, 3);
    let id = trial.run(&["request", "list"]).lines;
    let view = id.iter().find(|view| view["state"] == "denied").expect("it is listed as denied");
    let decisions = view["decisions"].as_array().unwrap();
    let denials = decisions.iter().filter(|decision| decision["outcome"] == "deny");
    assert!(denials.clone().count() >= 2, "{decisions:?}");
    assert!(denials.into_iter().all(|decision| !decision["rule"].as_str().unwrap().is_empty()));
}

#[test]
fn a_directory_in_use_a_taken_port_and_a_wrong_passphrase_are_told_apart() {
    let mut trial = Trial::founded();
    let dir = trial.dir_text();
    let in_use = quorate(&["node", "run", "node-1", "--dir", &dir]);
    assert_eq!(in_use.error(in_use.code)["fault"], "caller");
    assert!([2, 6].contains(&in_use.code));

    trial.kill("node-1");
    let wrong = trial.dir().join("wrong");
    std::fs::write(&wrong, "not the passphrase").unwrap();
    let wrong = wrong.display().to_string();
    let refused = quorate(&["node", "run", "node-1", "--dir", &dir, "--passphrase-file", &wrong]);
    let refused = refused.error(2);
    assert!(refused["message"].as_str().unwrap().contains("passphrase"), "{refused}");

    // somebody else listens where the node listened
    let config: Value =
        serde_json::from_slice(&std::fs::read(trial.dir().join("nodes/node-1/node.json")).unwrap())
            .unwrap();
    let listener = std::net::TcpListener::bind(config["api"].as_str().unwrap()).unwrap();
    let taken = quorate(&["node", "run", "node-1", "--dir", &dir]);
    let taken = taken.error(6);
    assert_eq!(taken["fault"], "machine", "{taken}");
    drop(listener);

    trial.start("node-1");
    trial.until(|status| {
        status["nodes"].as_array().unwrap().iter().all(|node| node["alive"] == true)
    });
}

#[test]
fn neg_060_a_flipped_byte_in_a_store_is_noticed_and_the_others_go_on() {
    let mut trial = Trial::founded();
    trial.kill("node-3");
    let store = trial.dir().join("nodes/node-3/store.redb");
    let whole = std::fs::read(&store).unwrap();
    let dir = trial.dir_text();
    // a sealed row: flip bytes until one of them is not in free space
    let mut noticed = 0;
    for at in (4096..whole.len()).step_by(whole.len() / 12) {
        let mut flipped = whole.clone();
        for offset in 0..64 {
            if let Some(byte) = flipped.get_mut(at + offset) {
                *byte ^= 0x55;
            }
        }
        std::fs::write(&store, flipped).unwrap();
        let mut process = std::process::Command::new(quorate_journeys::binary())
            .args(["node", "run", "node-3", "--json", "--dir", &dir])
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        // it either serves with right data or says at once that the store is damaged
        let begun = std::time::Instant::now();
        while process.try_wait().unwrap().is_none() && begun.elapsed() < Duration::from_secs(3) {
            std::thread::sleep(Duration::from_millis(20));
        }
        if let Some(status) = process.try_wait().unwrap() {
            let mut stderr = String::new();
            process.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
            assert_eq!(status.code(), Some(6), "{stderr}");
            assert!(stderr.contains("\"next\""), "{stderr}");
            assert!(!stderr.contains("panicked"), "{stderr}");
            noticed += 1;
        } else {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
    assert!(noticed > 0, "no flip was noticed");
    trial.signed(&trial.request("ops", &message("without node-3"), "wallet-service"));
}

#[test]
fn neg_061_a_store_restored_from_an_old_copy_lapses_until_its_operator_brings_it_back() {
    let mut trial = Trial::founded();
    trial.kill("node-3");
    let store = trial.dir().join("nodes/node-3/store.redb");
    let slots = store.with_extension("redb.slots");
    let (old, old_slots) = (std::fs::read(&store).unwrap(), std::fs::read(&slots).unwrap());
    trial.start("node-3");
    let all_alive = |status: &Value| {
        status["nodes"].as_array().unwrap().iter().all(|node| node["alive"] == true)
    };
    trial.until(all_alive);
    trial.signed(&trial.request("ops", &message("while it was ahead"), "wallet-service"));
    trial.kill("node-3");
    std::fs::write(&store, old).unwrap();
    std::fs::write(&slots, old_slots).unwrap();
    trial.start("node-3");

    // it serves, takes part in nothing, and the others do not count on it
    let own = |trial: &Trial| trial.run(&["status", "--node", "node-3"]);
    trial.until(|_| own(&trial).lines.last().is_some_and(|status| status["lapsed"].is_string()));
    trial.until(|status| !all_alive(status));
    assert_eq!(own(&trial).ok()["leased"], false);
    trial.signed(&trial.request("ops", &message("without the lapsed"), "wallet-service"));

    trial.run(&["node", "rejoin", "node-3"]).error(2);
    trial.kill("node-3");
    trial.run(&["node", "rejoin", "node-3"]).ok();
    trial.start("node-3");
    trial.until(all_alive);
    trial.until(|_| own(&trial).lines.last().is_some_and(|status| status["leased"] == true));
    trial.kill("node-1");
    trial.signed(&trial.request("ops", &message("with its help again"), "wallet-service"));
}

#[test]
fn garbage_on_every_listening_port_is_survived() {
    let trial = Trial::founded();
    let nodes = trial.ready["nodes"].as_array().unwrap().clone();
    for node in &nodes {
        let name = node["name"].as_str().unwrap();
        let path = trial.dir().join("nodes").join(name).join("node.json");
        let config: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        for port in ["peer", "api"] {
            for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0x16; 4096], &[0; 1], b""] {
                let mut stream = TcpStream::connect(config[port].as_str().unwrap()).unwrap();
                // the other side may hang up first, which is an answer
                let _ = stream.write_all(garbage);
                let _ = stream.shutdown(std::net::Shutdown::Write);
                stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                let mut answer = Vec::new();
                let _ = stream.read_to_end(&mut answer);
                assert!(answer.len() < 4096, "{name} {port} answered at length");
            }
        }
    }
    trial.signed(&trial.request("ops", &message("still here"), "wallet-service"));
}
