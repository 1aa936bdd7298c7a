//! Dry runs: everything is read and judged as ever, and nothing is signed, sent or written.

use crate::harness::{Domain, LARGE, Run, ether, fresh_dir, id, message, quorate, shared, until};
use serde_json::json;
use std::fs;
use std::process::Command;

/// What a dry run says that it would do.
#[track_caller]
pub fn would(run: &Run) -> String {
    let said = run.ok();
    assert_eq!(said["dry_run"], true, "{said}");
    said["would"].as_str().unwrap().to_owned()
}

#[test]
fn no_node_hears_of_what_is_only_shown() {
    let domain = shared();
    let dry = |args: &[&str]| domain.run(&[&["--dry-run"], args].concat());
    let request = domain.created("treasury", &ether(LARGE), "wallet-service");
    domain.waiting(&request);
    let (id, digest) = (id(&request), request["request_digest"].as_str().unwrap());
    let view = || domain.run(&["request", "show", id]).ok();

    for verb in ["approve", "reject"] {
        let shown = would(&dry(&["request", verb, id, "--digest", digest, "--as", "alice"]));
        assert!(shown.starts_with(&format!("{verb} request {id}")), "{shown}");
    }
    assert!(would(&dry(&["request", "cancel", id, "--as", "wallet-service"])).contains(id));
    assert_eq!((&view()["approvals"], &view()["state"]), (&json!([]), &json!("waiting")));
    // What would be refused is refused.
    let by_a_service = dry(&["request", "approve", id, "--as", "wallet-service"]);
    assert_eq!(by_a_service.refused(2), "vote_refused");

    let listed = || domain.run(&["request", "list"]).lines().len();
    let before = listed();
    let create = ["request", "create", "--key", "ops", "--intent", "-", "--as", "wallet-service"];
    let intent = message("never filed").to_string();
    let created = domain.run_with(&intent, &[&["--dry-run"], &create[..]].concat());
    assert!(would(&created).contains("never filed"), "{created:?}");
    assert_eq!(listed(), before);

    let team = ["person", "team", "harbour", "--member", "ada", "--member", "ben", "--as", "ada"];
    let motion = domain.run(&team).ok();
    let motion = motion["motion"].as_str().unwrap();
    assert!(would(&dry(&["charter", "sign", motion, "--as", "ben"])).contains("harbour"));
    assert_eq!(domain.run(&["charter", "show", motion]).ok()["signed_by"], json!(["ada"]));

    let freeze = would(&dry(&["freeze", "--all", "--reason", "smoke", "--as", "ada"]));
    assert!(freeze.contains("everything") && freeze.contains("smoke"), "{freeze}");
    assert!(domain.run(&["freeze", "--list", "--as", "ada"]).lines().is_empty());
    assert!(would(&dry(&["ceremony", "retry", "ops", "--as", "ada"])).contains("ops"));
    // Who only reads reads as ever.
    assert_eq!(dry(&["status"]).ok()["domain"], "trial");
}

/// Motions of every matter: a dry run says what each would do and who would have to sign it, with nobody's
/// signature under anything.
#[test]
fn no_motion_is_filed_by_what_is_only_shown() {
    let domain = Domain::up("dry-motions");
    let stands = || {
        let status = domain.run(&["charter", "status"]).ok();
        (status["head"].clone(), status["collecting"].clone())
    };
    let policy = domain.dir.join("only-shown");
    let policy = policy.to_str().unwrap();
    domain.run(&["policy", "show", "-o", policy]).ok();
    let enrolled = |kind: &str| {
        let (dir, genesis) = (fresh_dir("only-shown"), domain.genesis());
        let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
        let (key, file) = (path("key"), path("only-shown.enrolment"));
        let mut keygen = Command::new("ssh-keygen");
        assert!(
            keygen.args(["-q", "-t", "ed25519", "-N", "", "-f", &key]).status().unwrap().success()
        );
        let enrol =
            [kind, "enrol", "only-shown", "--genesis", &genesis, "--key", &key, "-o", &file];
        quorate(&[&["--json"], &enrol[..]].concat()).ok();
        file
    };
    let (person, service) = (enrolled("person"), enrolled("service"));
    let all = "all of (node-1, node-2)";
    let matters: &[(&[&str], &str)] = &[
        (&["person", "admit", &person, "--role", "approver"], "only-shown"),
        (&["person", "revoke", "alice"], "alice"),
        (&["person", "roles", "bob", "--role", "operator"], "bob"),
        (&["person", "team", "only-shown", "--member", "ada"], "only-shown"),
        (&["service", "admit", &service], "only-shown"),
        (&["service", "revoke", "wallet-service"], "wallet-service"),
        (&["node", "declare", "node-1", "--operator", "Acme"], "Acme"),
        (&["node", "suspend", "node-3"], "node-3"),
        (&["node", "revoke", "node-3", "--faults", "0"], "node-3"),
        (&["node", "faults", "0"], "0"),
        (&["rule", "set", "--delay", "24h"], "1 day"),
        (&["rule", "times", "--lease", "20s"], "20 seconds"),
        (&["key", "create", "only-shown", "--scheme", "ed25519", "--access", all], "only-shown"),
        (&["key", "reshare", "ops", "--access", all], "ops"),
        (&["key", "refresh", "ops"], "ops"),
        (&["key", "schedule", "ops", "--every", "30d"], "every 30 days"),
        (&["key", "retire", "ops"], "ops"),
        (&["policy", "propose", policy], "policy"),
        (&["release", "require", "0.1.0"], "0.1.0"),
    ];
    let before = stands();
    assert_eq!(before.1, json!([]));
    for (motion, part) in matters {
        let shown = domain.run(&[&["--dry-run"], *motion, &["--as", "ada"]].concat()).ok();
        assert_eq!((&shown["dry_run"], &shown["state"]), (&json!(true), &json!(null)), "{shown}");
        assert!(shown["effect"].to_string().contains(part), "{motion:?}: {shown}");
        assert!(shown["needs"].as_str().is_some_and(|it| !it.is_empty()), "{motion:?}: {shown}");
    }
    // What would be refused is refused, before anything is shown.
    let nobody = domain.run(&["--dry-run", "person", "revoke", "nobody", "--as", "ada"]);
    nobody.refused(2);
    assert_eq!(stands(), before);
}

#[test]
fn no_file_is_made_by_what_is_only_shown() {
    let domain = shared();
    let dir = fresh_dir("dry");
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let (output, backup) = (path("output"), path("backup"));
    let genesis = domain.genesis();
    // Not while another test has a key made.
    until(|| {
        let _ = fs::remove_file(&backup);
        domain.run(&["backup", "export", "-o", &backup]).ok();
        (domain.run(&["backup", "verify", &backup]).code == Some(0)).then_some(())
    });
    for args in [
        &["charter", "log", "-o", &output][..],
        &["backup", "export", "-o", &output],
        &["drill", "start", "--backup", &backup, "-o", &output, "--as", "ada"],
    ] {
        let shown = would(&domain.run(&[&["--dry-run"], args].concat()));
        assert!(shown.contains(&output), "{args:?}: {shown}");
    }
    assert!(!domain.dir.join("drills").exists());
    let key = path("key");
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519", "-N", "", "-f", &key]);
    assert!(keygen.status().unwrap().success());
    let dry = |args: &[&str]| quorate(&[&["--json", "--dry-run"], args].concat());
    let enrol = ["person", "enrol", "gina", "--genesis", &genesis, "--key", &key, "-o", &output];
    assert!(would(&dry(&enrol)).contains("gina"));
    let home = path("machine");
    assert!(would(&dry(&["node", "init", "node-9", "--dir", &home])).contains("node-9"));
    let mut left: Vec<_> = fs::read_dir(&dir).unwrap().map(|it| it.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["backup", "key", "key.pub"]);
    // What runs cannot be shown; it says why.
    for args in [&["node", "run", "node-1", "--dir", &home][..], &["up", "--dir", &home], &["demo"]]
    {
        let refused = dry(args);
        assert_eq!(refused.refused(2), "no_dry_run");
        assert!(refused.message().contains("for show"), "{refused:?}");
    }
    fs::remove_dir_all(dir).unwrap();
}
