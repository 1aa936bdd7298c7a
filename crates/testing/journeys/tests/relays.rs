//! Somebody stands between all nodes, while one joins and keys are made for it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_journeys::{Machine, Relay, Trial, addresses};
use serde_json::{Value, json};
use std::thread::sleep;
use std::time::Duration;

const WITH_THE_NEWCOMER: &str = "2 of (node-2, node-3, node-5)";

fn message(text: &str) -> Value {
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    json!({"kind": "message", "message": format!("0x{digits}")})
}

/// The shares of a key that is made, and those of one that is shared anew with a node that just joined,
/// go through other hands, which change bits all the time and lead nodes to each other's doors. Nothing
/// is read there, nothing of it is taken for what it is not, nobody is accused of it; and when it is
/// over, all is done as it was ordered.
#[test]
fn who_stands_between_the_nodes_while_one_joins_reads_changes_and_accuses_nothing() {
    let mut trial = Trial::founded();
    let before = trial.run(&["key", "show", "ops"]).ok().clone();
    let relays = trial.relayed();
    trial.until(|status| status["leased"] == true);
    let bend = |one_in: usize| relays.iter().for_each(|relay| relay.bend(one_in));
    let bent = || relays.iter().map(Relay::bent).sum::<usize>();
    bend(40);

    // A node joins.
    let at = addresses();
    let machine = Machine::new(&trial, "node-5", &at);
    let enrolment = machine.enrolment();
    trial.enact(&["node", "admit", &enrolment, "--votes", "--faults", "1"]);
    let admission = trial.run(&["node", "admission", "node-5"]).ok()["admission"].clone();
    let charter = trial.file("charter");
    trial.run(&["charter", "log", "--output", &charter]).ok();
    trial.admit_machine(&machine, &charter, admission.as_str().unwrap());
    trial.run(&["node", "at", "node-5", "--api", &at.1]).ok();
    trial.until_at("node-5", |status| status["leased"] == true);
    for custodian in ["greta", "hugo", "iris"] {
        let asked = trial.file(&format!("{custodian}-challenges"));
        trial.run(&["custodian", "challenges", custodian, "--output", &asked]).ok();
        let answers = trial.answer(custodian, &asked);
        trial.run(&["custodian", "answer", &answers, "--as", "ada"]).ok();
    }

    // Keys are dealt to it, and whoever looks for node-2 or node-3 comes to the other one's door.
    let listens = |node: &str| trial.addresses(node).0;
    let create = ["key", "create", "of-the-newcomer", "--scheme", "ed25519"];
    trial.enact(&[&create[..], &["--access", WITH_THE_NEWCOMER]].concat());
    trial.enact(&["key", "reshare", "ops", "--access", WITH_THE_NEWCOMER, "--no-wait"]);
    let so_far = bent();
    relays[1].lead_to(&listens("node-3"));
    relays[2].lead_to(&listens("node-2"));
    while bent() < so_far + 10 {
        sleep(Duration::from_millis(100));
    }
    relays[1].lead_to(&listens("node-2"));
    relays[2].lead_to(&listens("node-3"));
    while bent() < so_far + 30 {
        sleep(Duration::from_millis(100));
    }
    bend(0);
    let key = |key: &str| trial.run(&["key", "show", key]).ok().clone();
    trial.until(|_| {
        let (made, shared) = (key("of-the-newcomer"), key("ops"));
        made["state"] == "active" && shared["epoch"] == 1
    });
    assert_eq!(key("ops")["public_key"], before["public_key"]);
    assert_eq!(key("ops")["backup"], "proven");

    // Its shares are those that the orders are about: without node-2 they are needed.
    let verified = trial.run(&["charter", "verify", "--genesis", &trial.genesis()]).ok().clone();
    assert_eq!(verified["verified"], true);
    for node in ["node-1", "node-2", "node-3", "witness", "node-5"] {
        let status = trial.run(&["status", "--node", node]).ok().clone();
        for fault in ["halted", "lapsed"] {
            assert_eq!(status[fault], Value::Null, "{node}: {status}");
        }
        let accused = trial.run(&["evidence", "list", "--node", node]);
        assert_eq!((accused.code, accused.lines.len()), (0, 0), "{accused:?}");
    }
    trial.kill("node-2");
    for name in ["of-the-newcomer", "ops"] {
        trial.until(|status| {
            let keys = status["keys"].as_array().unwrap();
            keys.iter().any(|it| it["name"] == name && it["can_sign"] == true)
        });
    }
    let signed = trial.request("ops", &message("with the newcomer"), "wallet-service");
    trial.signed(&signed);
    trial.verified_receipt(&signed);

    // What went through those hands says nothing: no name, no key, no head of the charter.
    let digits = |text: &Value| -> Vec<u8> {
        let text = text.as_str().unwrap().trim_start_matches("0x").as_bytes();
        let pairs = text.chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
        pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
    };
    let secrets = [
        b"of-the-newcomer".to_vec(),
        b"wallet-service".to_vec(),
        digits(&before["public_key"]),
        digits(&json!(trial.genesis())),
    ];
    // Of two nodes that call each other one channel stays: so all relays together have seen it all.
    let bytes = relays.iter().map(Relay::bytes).sum::<usize>();
    assert!(bytes > 100_000, "{bytes} bytes");
    let is_seen = |bytes: &[u8]| relays.iter().any(|relay| relay.has_seen(bytes));
    // How the two ends greet is in the open, so whatever else were would be seen.
    assert!(is_seen(b"quorate/mesh/"));
    assert!(!secrets.iter().any(|secret| is_seen(secret)));
}
