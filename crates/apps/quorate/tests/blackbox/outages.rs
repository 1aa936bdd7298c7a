//! Nodes that die, and nodes that come back.

use crate::harness::{Domain, command, id, is_alive, kill, message, until};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

/// Runs a node by hand until the test ends it; waits until it serves.
fn run_node(domain: &Domain, name: &str) -> (Child, Value) {
    let args = ["--json", "node", "run", name, "--dir", domain.dir()];
    let mut child = command(&args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (child, serde_json::from_str(&line).unwrap())
}

fn key_status(domain: &Domain, node: &str, key: &str) -> Value {
    let status = domain.run(&["status", "--node", node]).ok();
    let keys = status["keys"].as_array().unwrap();
    keys.iter().find(|it| it["name"] == key).unwrap().clone()
}

#[test]
fn signing_goes_on_with_one_signer_down_stops_with_two_and_goes_on_again() {
    let domain = Domain::up("outage");
    kill(domain.node_pid("node-3"));
    until(|| (!is_alive(domain.node_pid("node-3"))).then_some(()));
    let one_down = domain.created("ops", &message("one down"), "wallet-service");
    assert_eq!(domain.wait(&one_down).ok()["state"], "signed");

    kill(domain.node_pid("node-2"));
    until(|| (key_status(&domain, "node-1", "ops")["can_sign"] == false).then_some(()));
    let missing = key_status(&domain, "node-1", "ops")["missing"].to_string();
    assert!(missing.contains("node-2") && missing.contains("node-3"), "{missing}");
    let stuck = domain.created("ops", &message("two down"), "wallet-service");
    let wait = domain.run(&["request", "wait", id(&stuck), "--timeout", "1"]);
    assert_eq!(wait.refused(4), "timeout");
    assert!(wait.message().contains("node-2"), "{wait:?}");

    // `up` restarts nobody; `node run` does, and notes the new process.
    let before = domain.node_pid("node-2");
    let (mut child, line) = run_node(&domain, "node-2");
    assert_eq!(line["name"], "node-2");
    assert_ne!(domain.node_pid("node-2"), before);
    assert_eq!(domain.wait(&stuck).ok()["state"], "signed");

    // What came and ended while the first node was down is found at the others.
    let (mut third, _) = run_node(&domain, "node-3");
    kill(domain.node_pid("node-1"));
    let missed = domain.created("ops", &message("without node-1"), "wallet-service");
    assert_eq!(domain.wait(&missed).ok()["state"], "signed");
    let (mut first, _) = run_node(&domain, "node-1");
    assert_eq!(domain.run(&["request", "show", id(&missed)]).ok()["state"], "signed");

    for node in [&mut first, &mut child, &mut third] {
        crate::harness::terminate(node.id());
        assert_eq!(node.wait().unwrap().code(), Some(0));
    }
}
