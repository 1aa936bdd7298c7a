//! What a caller gets wrong: a clear error, nothing filed, nothing lost.

use crate::harness::{SMALL, ether, fresh_dir, message, quorate, shared};
use serde_json::{Value, json};
use std::fs;

/// An address that the policy of a trial does not list.
const ANOTHER: &str = "0x90F79bf6EB2c4f870365E785982E1f101E93b906";

#[test]
fn unknown_keys_people_nodes_requests_and_motions_are_named() {
    let domain = shared();
    let zero = format!("0x{}", "00".repeat(32));
    assert_eq!(
        domain.create("spare-key", &message("x"), "wallet-service").refused(2),
        "unknown_key"
    );
    assert_eq!(domain.create("ops", &message("x"), "nobody").refused(2), "unknown_actor");
    assert_eq!(domain.run(&["status", "--node", "node-9"]).refused(2), "unknown_node");
    assert_eq!(domain.run(&["request", "show", &zero]).refused(2), "unknown_request");
    assert_eq!(domain.run(&["charter", "show", &zero]).refused(2), "unknown_motion");
    assert_eq!(domain.run(&["key", "show", "spare-key"]).refused(2), "unknown_key");
    assert_eq!(domain.run(&["request", "show", "0x12"]).refused(2), "bad_request");
    assert_eq!(quorate(&["--json", "status", "--dir", "nowhere"]).refused(2), "no_domain");
    let node = domain.run(&["node", "run", "node-9"]);
    assert_eq!(node.refused(2), "unknown_node");
}

#[test]
fn transactions_that_are_malformed_are_not_filed() {
    let domain = shared();
    let before = domain.run(&["request", "list"]).lines().len();
    let with = |field: &str, value: Value| {
        let mut intent = ether(SMALL);
        intent[field] = value;
        intent
    };
    let truncated = &SMALL[..SMALL.len() - 2];
    // The same fields, one length written longer than it has to be.
    let longer = SMALL.replacen("0x02f1", "0x02f831", 1);
    let bad = [
        with("unsigned", json!(truncated)),
        with("unsigned", json!(format!("{SMALL}00"))),
        with("unsigned", json!(longer)),
        with("unsigned", json!(SMALL.to_uppercase())),
        with("chain_id", json!(1)),
        with("to", json!("0x00")),
        json!({ "kind": "evm.blob" }),
        json!({ "kind": "bitcoin.psbt", "network": "regtest", "psbt": "AAAA" }),
        json!([]),
    ];
    for intent in bad {
        let run = domain.create("treasury", &intent, "wallet-service");
        assert_eq!(run.refused(2), "bad_intent", "{intent}");
    }
    // A key of another scheme.
    assert_eq!(domain.create("ops", &ether(SMALL), "wallet-service").refused(2), "bad_intent");
    let none = domain.run_with(
        "not json",
        &["request", "create", "--key", "ops", "--intent", "-", "--as", "wallet-service"],
    );
    assert_eq!(none.refused(2), "bad_intent");
    let list = domain.run(&["request", "list"]).lines();
    assert!(list.iter().skip(before).all(|it| it["intent"]["kind"] != "evm.blob"));
}

#[test]
fn trees_schemes_and_names_that_do_not_exist_are_refused() {
    let domain = shared();
    let create = |name: &str, scheme: &str, access: &str| {
        let args = ["key", "create", name, "--scheme", scheme, "--access", access, "--as", "ada"];
        domain.run(&args)
    };
    let two = "2 of (node-1, node-2, node-3)";
    assert_eq!(create("Key", "ed25519", two).refused(2), "bad_name");
    assert_eq!(create("key", "rsa", two).refused(2), "bad_scheme");
    assert_eq!(create("key", "ed25519", "2 of (node-1").refused(2), "bad_access");
    assert_eq!(create("key", "ed25519", "2 of (node-1, node-9)").refused(2), "unknown_node");
    // One machine alone, a machine that holds no shares, a name that is taken.
    for (name, access) in [
        ("alone", "any of (node-1, node-2)"),
        ("witnessed", "2 of (node-1, witness)"),
        ("ops", two),
    ] {
        assert_eq!(create(name, "ed25519", access).refused(2), "bad_motion", "{name}");
    }
    let by_an_approver = domain
        .run(&["key", "create", "mine", "--scheme", "ed25519", "--access", two, "--as", "alice"]);
    assert_eq!(by_an_approver.refused(2), "bad_motion");
}

#[test]
fn usage_errors_are_errors_of_the_caller() {
    assert_eq!(quorate(&["--json", "frobnicate"]).refused(2), "bad_usage");
    assert_eq!(quorate(&["--json", "key", "show"]).refused(2), "bad_usage");
    let plain = quorate(&["key", "show"]);
    assert_eq!(plain.code, Some(2));
    assert!(plain.stderr.contains("Usage"));
    let bare = quorate(&[]);
    assert_eq!(bare.code, Some(0));
    assert!(bare.stdout.contains("Usage"));
}

#[test]
fn a_policy_is_tested_before_it_is_proposed() {
    let domain = shared();
    let dir = fresh_dir("policy");
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("policy");
    for file in ["policy.cedar", "limits.json", "lists.json", "cases.json"] {
        fs::copy(source.join(file), dir.join(file)).unwrap();
    }
    let path = dir.to_str().unwrap();
    let test = || quorate(&["--json", "policy", "test", path]);
    assert_eq!(test().ok()["passed"], true);

    // Whoever proposes one reads what it changes, and whoever is asked to sign it gets its files.
    let lists = fs::read_to_string(dir.join("lists.json")).unwrap();
    let mut changed: serde_json::Value = serde_json::from_str(&lists).unwrap();
    changed["payees"].as_array_mut().unwrap().push(ANOTHER.into());
    fs::write(dir.join("lists.json"), changed.to_string()).unwrap();
    let propose = ["policy", "propose", path, "--as", "ada"];
    let plain = quorate(&[&propose[..], &["--dir", domain.dir()]].concat());
    let gains = format!("list payees gains {ANOTHER}");
    assert!(plain.code == Some(0) && plain.stdout.contains(&gains), "{plain:?}");
    let motion = domain.run(&propose).ok()["motion"].as_str().unwrap().to_owned();
    let copy = dir.join("proposed");
    let show = |motion: &str, to: &std::path::Path| {
        domain.run(&["policy", "show", "--motion", motion, "-o", to.to_str().unwrap()])
    };
    assert_eq!(show(&motion, &copy).ok()["motion"], *motion);
    for file in ["policy.cedar", "limits.json", "lists.json", "cases.json"] {
        let [ours, theirs] = [&dir, &copy].map(|at| fs::read(at.join(file)).unwrap());
        assert!(ours == theirs, "{file}");
    }
    assert_eq!(show(&motion, &copy).refused(2), "file", "nothing is written over");
    let times = domain.run(&["rule", "times", "--lease", "50s", "--as", "ada"]).ok();
    let other = show(times["motion"].as_str().unwrap(), &dir.join("other"));
    assert_eq!(other.refused(2), "no_policy");
    fs::write(dir.join("lists.json"), lists).unwrap();

    let limits = fs::read_to_string(dir.join("limits.json")).unwrap();
    let doubled = limits.replace("1000000000000000000", "2000000000000000000");
    fs::write(dir.join("limits.json"), doubled).unwrap();
    assert_eq!(test().refused(2), "policy_cases");
    let proposed = domain.run(&["policy", "propose", path, "--as", "ada"]);
    assert_eq!(proposed.refused(2), "policy_cases");

    fs::write(dir.join("policy.cedar"), "permit (").unwrap();
    assert_eq!(test().refused(2), "bad_policy");
    fs::remove_file(dir.join("policy.cedar")).unwrap();
    assert_eq!(test().refused(2), "file");
    fs::remove_dir_all(dir).unwrap();
}
