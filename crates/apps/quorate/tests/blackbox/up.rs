//! `up`: what a newcomer gets, and how it ends and continues.

use crate::harness::{Domain, Run, is_alive, kill, message, quorate, shared, until};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[test]
fn it_says_once_what_runs() {
    let domain = shared();
    let ready = &domain.ready;
    assert_eq!(ready["ready"], true);
    let names: Vec<&str> = ready["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["node-1", "node-2", "node-3", "witness"]);
    let keys = ready["keys"].as_array().unwrap();
    let expected = [("treasury", "ecdsa-secp256k1"), ("vault", "bip340"), ("ops", "ed25519")];
    for ((name, scheme), key) in expected.into_iter().zip(keys) {
        assert_eq!((key["key"].as_str(), key["scheme"].as_str()), (Some(name), Some(scheme)));
        assert_eq!(key["access"], "2 of (node-1, node-2, node-3)");
        assert_eq!(key["state"], "active");
        assert_eq!(key["backup"], "proven");
        assert_eq!(key["epoch"], 0);
        assert_eq!(domain.run(&["key", "show", name]).ok(), *key);
    }
}

#[test]
fn domain_json_holds_exactly_what_the_contract_says() {
    let domain = shared();
    let file = domain.domain_file();
    let fields = |value: &serde_json::Value| -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(fields(&file), set(&["domain", "genesis", "nodes"]));
    for node in file["nodes"].as_array().unwrap() {
        assert_eq!(fields(node), set(&["name", "role", "api", "pid"]));
        assert!(node["api"].as_str().unwrap().starts_with("https://127.0.0.1:"));
        assert!(is_alive(u32::try_from(node["pid"].as_u64().unwrap()).unwrap()));
    }
}

#[test]
fn secrets_are_readable_by_their_owner_only() {
    let domain = shared();
    let secrets = [
        "people/ada",
        "people/auditor",
        "services/wallet-service",
        "nodes/node-1/passphrase",
        "nodes/node-1/store.redb",
        "nodes/node-1/store.redb.slots",
    ];
    for path in secrets {
        let mode = fs::metadata(domain.dir.join(path)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{path}");
    }
}

#[test]
fn a_second_one_on_the_same_directory_is_refused() {
    let domain = shared();
    let second = domain.run(&["up"]);
    assert_eq!(second.refused(2), "directory_in_use");
    let node = domain.run(&["node", "run", "node-1"]);
    assert_eq!(node.refused(2), "directory_in_use");
    assert!(domain.run(&["status"]).ok()["leased"].as_bool().unwrap());
}

#[test]
fn it_does_not_take_a_directory_that_holds_something_else() {
    let dir = crate::harness::fresh_dir("occupied");
    fs::write(dir.join("precious"), "do not touch").unwrap();
    for verb in ["up", "demo"] {
        let run: Run = quorate(&["--json", verb, "--dir", dir.to_str().unwrap()]);
        assert_eq!(run.refused(2), "directory_not_empty");
    }
    assert_eq!(fs::read(dir.join("precious")).unwrap(), b"do not touch");
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn it_ends_in_good_order_and_continues_even_after_everything_was_killed() {
    let mut domain = Domain::up("continued");
    let request = domain.created("ops", &message("before"), "wallet-service");
    assert_eq!(domain.wait(&request).ok()["state"], "signed");
    let (pids, keys) = (domain.pids(), domain.ready["keys"].clone());

    assert_eq!(domain.stop(), Some(0));
    assert!(pids.iter().all(|pid| !is_alive(*pid)));
    assert_eq!(domain.run(&["status"]).refused(4), "no_answer");

    domain.start();
    assert_eq!(domain.ready["keys"], keys);
    let known = domain.run(&["request", "show", crate::harness::id(&request)]).ok();
    assert_eq!(known["state"], "signed");

    domain.kill_everything();
    domain.start();
    assert_eq!(domain.ready["keys"], keys);
    let request = domain.created("ops", &message("after"), "wallet-service");
    assert_eq!(domain.wait(&request).ok()["state"], "signed");

    // Killed alone, it takes its nodes with it: they read the end of their pipe.
    let pids = domain.pids();
    kill(domain.pid());
    until(|| pids.iter().all(|pid| !is_alive(*pid)).then_some(()));
}
