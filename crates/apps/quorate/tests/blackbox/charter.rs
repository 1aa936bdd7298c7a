//! Motions, the log, and its verification without trust in any node.

use crate::harness::{Domain, fresh_dir, quorate, shared, until};
use serde_json::{Value, json};
use std::fs;
use std::process::Command;

#[test]
fn a_motion_collects_signatures_and_makes_a_key() {
    let domain = shared();
    let motion = domain.run(&[
        "key",
        "create",
        "spare",
        "--scheme",
        "ed25519",
        "--access",
        "all of (node-1, node-2, node-3)",
        "--as",
        "cleo",
    ]);
    let motion = motion.ok();
    assert_eq!(motion["state"], "collecting");
    assert_eq!(motion["signed_by"], json!(["cleo"]));
    assert_eq!(motion["needed"], 1);
    let id = motion["motion"].as_str().unwrap();
    let sign = |who: &str| domain.run(&["charter", "sign", id, "--as", who]);
    assert_eq!(sign("cleo").refused(2), "signed_already");
    assert_eq!(sign("alice").refused(2), "bad_motion");
    assert_eq!(sign("wallet-service").refused(2), "forbidden");
    let shown = domain.run(&["charter", "show", id]).ok();
    assert_eq!(shown["signed_by"], json!(["cleo"]));
    assert_eq!(sign("ada").ok()["needed"], 0);
    let key = until(|| {
        let run = domain.run(&["key", "show", "spare"]);
        (run.code == Some(0)).then(|| run.ok()).filter(|key| key["state"] == "active")
    });
    assert_eq!(key["access"], "all of (node-1, node-2, node-3)");
    let log = domain.run(&["charter", "log"]).lines();
    assert!(log.iter().any(|entry| entry["motion"] == id && entry["kind"] == "key-create"));
}

#[test]
fn the_log_is_verified_from_the_genesis_and_only_with_its_hash() {
    let domain = shared();
    let genesis = domain.genesis();
    let dir = fresh_dir("log");
    let path = dir.join("log");
    let file = path.to_str().unwrap();
    let written = domain.run(&["charter", "log", "-o", file]).ok();
    let verify = |genesis: &str| {
        quorate(&["--json", "charter", "verify", "--file", file, "--genesis", genesis])
    };
    let verified = verify(&genesis).ok();
    assert_eq!(verified["head"], written["head"]);
    assert!(verified["position"].as_u64().unwrap() >= 4);
    let online = domain.run(&["charter", "verify", "--genesis", &genesis]).ok();
    assert!(online["position"].as_u64() >= verified["position"].as_u64());
    assert_eq!(domain.run(&["charter", "verify"]).refused(2), "genesis_needed");
    let other = format!("0x{}", "22".repeat(32));
    assert_eq!(verify(&other).refused(5), "bad_charter");
    // Whoever pins a head is told of a log that never had it, whatever holds: another, or one cut short.
    let pinned = |head: &str| {
        let args = ["--json", "charter", "verify", "--file", file, "--genesis", &genesis];
        quorate(&[&args[..], &["--head", head]].concat())
    };
    let head = written["head"].as_str().unwrap();
    assert_eq!(pinned(head).ok()["head"], head);
    let elsewhere = pinned(&other);
    assert_eq!(elsewhere.refused(3), "other_head");
    assert!(elsewhere.message().contains(head) && elsewhere.message().contains(&other));
    let whole = fs::read_to_string(&path).unwrap();
    let (rest, last) = whole.trim_end().rsplit_once('\n').unwrap();
    fs::write(&path, format!("{rest}\n")).unwrap();
    let short = verify(&genesis).ok()["head"].as_str().unwrap().to_owned();
    assert_eq!(pinned(head).refused(3), "other_head");
    assert!(pinned(&short).ok()["head"] == short.as_str());
    fs::write(&path, format!("{rest}\n{last}\n")).unwrap();
    assert_eq!(pinned(&short).ok()["head"], head, "the log went on from it");

    let text = fs::read_to_string(&path).unwrap();
    let altered = |text: String| {
        fs::write(&path, text).unwrap();
        verify(&genesis)
    };
    // An entry left out, and a digit of one changed.
    let without: Vec<&str> =
        text.lines().enumerate().filter(|(at, _)| *at != 2).map(|(_, line)| line).collect();
    assert_eq!(altered(without.join("\n") + "\n").refused(5), "bad_charter");
    let at = text.len() - 40;
    let digit = if &text[at..=at] == "0" { "1" } else { "0" };
    let changed = format!("{}{digit}{}", &text[..at], &text[at + 1..]);
    assert_eq!(altered(changed).refused(5), "bad_charter");
    fs::remove_dir_all(dir).unwrap();
}

/// Somebody else signs what was filed; the motion is in force then.
#[track_caller]
fn enact(domain: &Domain, filed: &Value, who: &str) {
    let id = filed["motion"].as_str().unwrap();
    domain.run(&["charter", "sign", id, "--as", who]).ok();
    until(|| (domain.run(&["charter", "show", id]).ok()["state"] == "enacted").then_some(()));
}

#[test]
fn motions_about_nodes_people_services_and_times_do_what_they_say() {
    let domain = Domain::up("motions");
    let dir = fresh_dir("motions");
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();

    // What a dry run wrote is filed later, by somebody else, as it was shown.
    let declare = ["node", "declare", "node-1", "--operator", "Acme", "--jurisdiction", "CH"];
    let shown = [&["--dry-run"], &declare[..], &["--as", "ada"]].concat();
    let shown = domain.run(&shown).ok();
    fs::write(path("motion"), shown.to_string()).unwrap();
    let filed = domain.run(&["charter", "propose", &path("motion"), "--as", "ben"]).ok();
    assert_eq!((&filed["bytes"], &filed["signed_by"]), (&shown["motion"], &json!(["ben"])));
    enact(&domain, &filed, "cleo");
    let nodes = domain.run(&["node", "list"]).lines();
    let node = nodes.iter().find(|it| it["name"] == "node-1").unwrap();
    assert_eq!(node["declared"]["operator"], "Acme");
    fs::write(path("none"), "{}").unwrap();
    let none = domain.run(&["charter", "propose", &path("none"), "--as", "ben"]);
    assert_eq!(none.refused(2), "bad_motion");

    let team = ["person", "team", "quay", "--member", "ada", "--member", "ben", "--as", "ada"];
    enact(&domain, &domain.run(&team).ok(), "ben");
    let people = domain.run(&["person", "list"]).lines();
    let ada = people.iter().find(|it| it["name"] == "ada").unwrap();
    assert_eq!(ada["teams"], json!(["quay"]));

    let (key, enrolment, genesis) = (path("key"), path("enrolment"), domain.genesis());
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519", "-N", "", "-f", &key]);
    assert!(keygen.status().unwrap().success());
    let enrol = ["--json", "service", "enrol", "wallet-service", "--genesis", &genesis];
    let enrolled = quorate(&[&enrol[..], &["--key", &key, "-o", &enrolment]].concat()).ok();
    let rotate = domain.run(&["service", "rotate", &enrolment, "--as", "ada"]).ok();
    enact(&domain, &rotate, "ben");
    let services = domain.run(&["service", "list"]).lines();
    assert_eq!(services[0]["fingerprints"], enrolled["fingerprints"]);
    let before = domain.run(&["status", "--as", "wallet-service"]);
    assert_eq!(before.refused(2), "wrong_key");
    fs::copy(&key, domain.dir.join("services/wallet-service")).unwrap();
    domain.run(&["status", "--as", "wallet-service"]).ok();

    let times = ["rule", "times", "--clock-bound", "7s", "--as", "ada"];
    enact(&domain, &domain.run(&times).ok(), "ben");
    assert_eq!(domain.run(&times).refused(2), "no_change");

    // A node's keys are made on its machine: no motion makes others, and the verb says what does.
    let rotate = domain.run(&["node", "rotate", "witness"]);
    assert_eq!(rotate.refused(2), "several_machines");
    let plan: Value = serde_json::from_str(&rotate.stdout).unwrap();
    let steps = plan["steps"].as_array().unwrap().iter();
    let steps: Vec<&str> = steps.map(|it| it["command"].as_str().unwrap()).collect();
    assert!(steps[1].starts_with("quorate node init witness --witness --dir"), "{steps:?}");
    assert!(steps[6].starts_with("quorate seat take witness"), "{steps:?}");
    assert!(steps[6].ends_with(&genesis) && steps[7].contains("--at node-3="), "{steps:?}");
    assert_eq!(domain.run(&["node", "rotate", "node-9"]).refused(2), "unknown_node");

    let nothing = format!("0x{}", "22".repeat(32));
    let get = ["evidence", "get", &nothing, "-o", &path("evidence")];
    assert_eq!(domain.run(&get).refused(2), "unknown_evidence");
    let verify = ["--json", "evidence", "verify", &path("none"), "--genesis", &genesis];
    assert_eq!(quorate(&verify).refused(5), "bad_evidence");
    fs::remove_dir_all(dir).unwrap();
}
