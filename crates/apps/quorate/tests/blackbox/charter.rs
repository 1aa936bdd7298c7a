//! Motions, the log, and its verification without trust in any node.

use crate::harness::{fresh_dir, quorate, shared, until};
use serde_json::json;
use std::fs;

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
