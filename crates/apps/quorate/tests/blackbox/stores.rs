//! Sealed stores: wrong passphrases, damage, old copies, taken ports.

use crate::harness::{Domain, command, kill, message, until};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Stdio};

/// Starts a node by hand, with its log in a file.
fn run_node(domain: &Domain, name: &str, log: &str) -> Child {
    let log = fs::File::create(domain.dir.join(log)).unwrap();
    let args = ["--json", "node", "run", name, "--dir", domain.dir()];
    let mut child = command(&args).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains(name), "{line}");
    child
}

#[test]
fn a_store_that_does_not_hold_starts_nothing_and_an_old_copy_is_noticed_by_the_others() {
    let domain = Domain::up("stores");
    let store = domain.dir.join("nodes/node-3/store.redb");
    let run = || domain.run(&["node", "run", "node-3"]);

    kill(domain.node_pid("node-3"));
    let old_copy = until(|| fs::read(&store).ok());
    let slots = store.with_extension("redb.slots");
    let old_slots = fs::read(&slots).unwrap();
    let wrong = domain.dir.join("wrong-passphrase");
    fs::write(&wrong, "not this one\n").unwrap();
    let with_wrong =
        domain.run(&["node", "run", "node-3", "--passphrase-file", wrong.to_str().unwrap()]);
    assert_eq!(with_wrong.refused(2), "wrong_passphrase");
    assert_eq!(
        domain.run(&["node", "run", "node-3", "--passphrase-file", "nowhere"]).refused(2),
        "passphrase_file"
    );
    assert_eq!(domain.run(&["node", "rejoin", "node-3"]).refused(2), "not_lapsed");
    let release = |peer| domain.run(&["node", "release", "node-3", "--peer", peer]).refused(2);
    assert_eq!(release("node-1"), "not_quarantined");
    assert_eq!(release("nobody"), "unknown_node");

    // A flipped byte in rows that are in use, a torn file, something else.
    for altered in [
        old_copy.iter().enumerate().map(|(at, byte)| byte ^ u8::from(at % 4096 == 2048)).collect(),
        old_copy[..old_copy.len() / 2].to_vec(),
        b"something else".to_vec(),
    ] {
        fs::write(&store, &altered).unwrap();
        let code = run().refused(6);
        assert!(["store_damaged", "not_a_store"].contains(&code.as_str()), "{code}");
        assert_eq!(fs::read(&store).unwrap().len(), altered.len(), "nothing is lost");
    }
    fs::write(&store, &old_copy).unwrap();
    // The keys of its shares are gone.
    fs::remove_file(&slots).unwrap();
    assert_eq!(run().refused(6), "store_damaged");
    assert!(!slots.exists());
    fs::write(&slots, &old_slots).unwrap();

    let config = fs::read_to_string(domain.dir.join("nodes/node-3/node.json")).unwrap();
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    for port in ["peer", "api"] {
        let taken = TcpListener::bind(config[port].as_str().unwrap()).unwrap();
        assert_eq!(run().refused(6), "port_taken");
        drop(taken);
    }

    // It lives on, then its disk is put back to the old copy.
    let mut node = run_node(&domain, "node-3", "log-1");
    until(|| {
        let status = domain.run(&["status", "--node", "node-3"]);
        (status.code == Some(0) && status.ok()["leased"] == true).then_some(())
    });
    kill(node.id());
    node.wait().unwrap();
    fs::write(&store, &old_copy).unwrap();
    fs::write(&slots, &old_slots).unwrap();
    let mut node = run_node(&domain, "node-3", "log-2");
    until(|| {
        let log = fs::read_to_string(domain.dir.join("log-2")).unwrap();
        log.contains("lapsed").then_some(())
    });
    assert_eq!(domain.run(&["status", "--node", "node-3"]).ok()["leased"], false);
    assert_eq!(domain.run(&["node", "rejoin", "node-3"]).refused(2), "directory_in_use");
    crate::harness::terminate(node.id());
    node.wait().unwrap();
    assert_eq!(domain.run(&["node", "rejoin", "node-3"]).ok()["rejoins"], true);
    let mut node = run_node(&domain, "node-3", "log-3");
    until(|| {
        let status = domain.run(&["status", "--node", "node-3"]);
        (status.code == Some(0) && status.ok()["leased"] == true).then_some(())
    });
    let log = domain.run(&["charter", "log"]).lines();
    assert!(log.iter().any(|entry| entry["kind"] == "rejoin"));

    // It signs again: with node-2 gone, nothing works without it.
    kill(domain.node_pid("node-2"));
    let request = domain.created("ops", &message("rejoined"), "wallet-service");
    assert_eq!(domain.wait(&request).ok()["state"], "signed");
    crate::harness::terminate(node.id());
    node.wait().unwrap();
}
