//! Nobody signs under a charter that has moved on: not a node that was frozen, not one restored from
//! an old copy, not a minority that is cut off; and of two motions at once one takes effect
//! everywhere.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_journeys::Trial;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

fn message(text: &str) -> Value {
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    json!({"kind": "message", "message": format!("0x{digits}")})
}

/// Writes the policy in force to a folder, with what signs messages turned into what forbids them, or
/// with another comment.
fn other_policy(
    trial: &Trial,
    folder: &str,
    change: impl Fn(&str) -> String,
    cases: impl Fn(&str) -> String,
) -> String {
    let shown = trial.run(&["policy", "show"]).ok().clone();
    let path = trial.file(folder);
    fs::create_dir(&path).unwrap();
    let put = |file: &str, text: &str| fs::write(Path::new(&path).join(file), text).unwrap();
    put("policy.cedar", &change(shown["cedar"].as_str().unwrap()));
    for (file, field) in [("limits.json", "limits"), ("lists.json", "lists")] {
        put(file, shown[field].as_str().unwrap());
    }
    put("cases.json", &cases(shown["cases"].as_str().unwrap()));
    path
}

fn forbidding(trial: &Trial, folder: &str) -> String {
    let hush = r#"
@id("hush")
@reason("nobody signs messages any more")
forbid(principal, action == Action::"message", resource);
"#;
    let others = |cases: &str| {
        let cases: Vec<Value> = serde_json::from_str(cases).unwrap();
        let is_other = |case: &&Value| !case["name"].as_str().unwrap().contains("message");
        let others: Vec<&Value> = cases.iter().filter(is_other).collect();
        json!(others).to_string()
    };
    other_policy(trial, folder, |cedar| format!("{cedar}{hush}"), others)
}

fn filed(trial: &Trial, arguments: &[&str]) -> String {
    trial.run(arguments).ok()["motion"].as_str().unwrap().to_owned()
}

fn until(trial: &Trial, motion: &str, states: &[&str]) -> String {
    loop {
        let state = trial.run(&["charter", "show", motion]).ok()["state"].clone();
        match state.as_str() {
            Some(state) if states.contains(&state) => return state.to_owned(),
            _ => sleep(Duration::from_millis(100)),
        }
    }
}

fn enact(trial: &Trial, arguments: &[&str]) {
    let motion = filed(trial, &[arguments, &["--as", "ada"]].concat());
    trial.run(&["charter", "sign", &motion, "--as", "ben"]).ok();
    until(trial, &motion, &["enacted"]);
}

fn state(trial: &Trial, request: &Value) -> Value {
    trial.run(&["request", "show", request["request"].as_str().unwrap()]).ok()["state"].clone()
}

/// N-72, N-74: a node that is kept on an old head while the others move on holds no lease on it any
/// more; nothing is signed under the policy of before, whoever asks it.
#[test]
fn neg_072_a_node_that_was_frozen_on_an_old_head_signs_nothing_under_it() {
    let trial = Trial::found();
    enact(&trial, &["rule", "times", "--lease", "2s"]);
    trial.pause("node-3");
    let policy = forbidding(&trial, "hush");
    enact(&trial, &["policy", "propose", &policy]);
    // It goes on, and one more is frozen: with node-2 it would be a quorum of the key.
    trial.pause("node-1");
    trial.resume("node-3");
    let asked = ["request", "create", "--key", "ops", "--intent", "-", "--as", "wallet-service"];
    let asked = [&asked[..], &["--node", "node-3"]].concat();
    let request = loop {
        let said = trial.run_with(&asked, &message("as before").to_string());
        match said.lines.first() {
            Some(request) if said.code == 0 || request.get("request").is_some() => {
                break request.clone();
            }
            _ => sleep(Duration::from_millis(100)),
        }
    };
    trial.until(|_| state(&trial, &request) == "denied");
    let shown = trial.run(&["request", "show", request["request"].as_str().unwrap()]).ok().clone();
    assert!(shown["signatures"].as_array().is_none_or(Vec::is_empty), "{shown}");
    trial.resume("node-1");
}

/// N-61, N-72: a disk restored from before a policy was replaced brings that policy back for nobody.
#[test]
fn neg_061_a_snapshot_with_an_older_policy_signs_nothing() {
    let mut trial = Trial::found();
    trial.kill("node-3");
    let store = trial.dir().join("nodes/node-3/store.redb");
    let slots = store.with_extension("redb.slots");
    let (old, old_slots) = (fs::read(&store).unwrap(), fs::read(&slots).unwrap());
    trial.start("node-3");
    let policy = forbidding(&trial, "hush");
    enact(&trial, &["policy", "propose", &policy]);
    trial.until(|_| {
        let own = trial.run(&["status", "--node", "node-3"]);
        own.lines.last().is_some_and(|status| status["leased"] == true)
    });
    trial.kill("node-3");
    fs::write(&store, old).unwrap();
    fs::write(&slots, old_slots).unwrap();
    trial.start("node-3");
    trial.until(|_| {
        let own = trial.run(&["status", "--node", "node-3"]);
        own.lines.last().is_some_and(|status| status["lapsed"].is_string())
    });
    let request = trial.try_request("ops", &message("under the old policy"), "wallet-service");
    let request = request.lines[0].clone();
    trial.until(|_| state(&trial, &request) == "denied");
}

/// Two administrators file motions about the same thing at once, and both sign both: one takes effect,
/// the same everywhere, and the other never.
#[test]
fn of_two_conflicting_motions_at_once_one_takes_effect_everywhere() {
    let trial = Trial::found();
    let comment = |number: &str| {
        let number = number.to_owned();
        let folder = format!("policy-{number}");
        let change = move |cedar: &str| format!("// number {number}\n{cedar}");
        other_policy(&trial, &folder, change, str::to_owned)
    };
    let policies = [comment("one"), comment("two")];
    let motions: Vec<String> = std::thread::scope(|scope| {
        let file = |policy: &str, who: &'static str| {
            let policy = policy.to_owned();
            let trial = &trial;
            scope.spawn(move || filed(trial, &["policy", "propose", &policy, "--as", who]))
        };
        let (one, two) = (file(&policies[0], "ada"), file(&policies[1], "ben"));
        vec![one.join().unwrap(), two.join().unwrap()]
    });
    std::thread::scope(|scope| {
        for (motion, who) in motions.iter().zip(["ben", "ada"]) {
            // Whoever comes second may find that the other took effect already.
            scope.spawn(|| trial.run(&["charter", "sign", motion, "--as", who]));
        }
    });
    let ends: Vec<String> =
        motions.iter().map(|motion| until(&trial, motion, &["enacted", "superseded"])).collect();
    let mut sorted = ends.clone();
    sorted.sort();
    assert_eq!(sorted, ["enacted", "superseded"]);
    let heads = || -> Vec<Value> {
        ["node-1", "node-2", "node-3", "witness"]
            .iter()
            .map(|node| trial.run(&["status", "--node", node]).ok()["head"].clone())
            .collect()
    };
    while heads().windows(2).any(|pair| pair[0] != pair[1]) {
        sleep(Duration::from_millis(100));
    }
    let won = ends.iter().position(|end| end == "enacted").unwrap();
    let shown = trial.run(&["policy", "show"]).ok()["cedar"].clone();
    let number = ["number one", "number two"][won];
    assert!(shown.as_str().unwrap().contains(number), "{shown}");
}

/// N-101, and the minority that is cut off: two signers alone have the key's quorum and not the
/// charter's, so they sign nothing once their lease is over; a freeze is honoured by them all the same,
/// and holds when the others are back.
#[test]
fn neg_101_a_minority_that_is_cut_off_signs_nothing_and_honours_a_freeze() {
    let trial = Trial::found();
    enact(&trial, &["rule", "times", "--lease", "2s"]);
    trial.signed(&trial.request("ops", &message("together"), "wallet-service"));
    trial.pause("node-1");
    trial.pause("witness");
    let own = |node: &str| trial.run(&["status", "--node", node]).ok().clone();
    trial.until(|_| ["node-2", "node-3"].iter().all(|node| own(node)["leased"] == false));
    let request = trial.request("ops", &message("alone"), "wallet-service");
    let id = request["request"].as_str().unwrap();
    trial.run(&["request", "wait", id, "--timeout", "5"]).error(4);
    trial.run(&["freeze", "--key", "ops", "--reason", "cut off", "--as", "auditor"]).ok();
    trial.resume("node-1");
    trial.resume("witness");
    trial.until(|_| own("node-2")["leased"] == true && own("node-1")["leased"] == true);
    trial.run(&["request", "wait", id, "--timeout", "5"]).error(4);
    let status = trial.run(&["status"]).ok().clone();
    let ops = status["keys"].as_array().unwrap().iter().find(|key| key["name"] == "ops").unwrap();
    assert!(ops["missing"].to_string().contains("auditor froze it"), "{ops}");
}
