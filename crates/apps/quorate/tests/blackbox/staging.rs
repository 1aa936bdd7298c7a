//! A staging domain cannot be mistaken for production.

use crate::harness::{LARGE, Run, ether, id, quorate, shared};
use std::fs;

#[test]
fn a_staging_domain_is_named_first_by_every_verb_and_never_where_programs_read() {
    let domain = shared();
    let request = domain.created("treasury", &ether(LARGE), "wallet-service");
    domain.waiting(&request);
    let (id, digest) = (id(&request), request["request_digest"].as_str().unwrap());
    let team = ["person", "team", "quay", "--member", "ada", "--member", "ben", "--as", "ada"];
    let motion = domain.run(&team).ok();
    let motion = motion["motion"].as_str().unwrap();
    let ceremony = domain.dir.join("genesis.cbor");
    let here = ["--dir", domain.dir()];
    let plain = |args: &[&str]| quorate(&[args, &here].concat());
    let runs: [Run; 6] = [
        plain(&["status"]),
        plain(&["node", "list"]),
        plain(&["request", "show", id]),
        plain(&["request", "approve", id, "--digest", digest, "--as", "alice"]),
        plain(&["charter", "sign", motion, "--as", "ben"]),
        quorate(&["genesis", "show", ceremony.to_str().unwrap()]),
    ];
    for run in &runs {
        assert_eq!(run.code, Some(0), "{run:?}");
        // No terminal, no colour; said once.
        let said = "STAGING: trial is a domain for trying things out, not production\n";
        assert_eq!(run.stderr, said, "{run:?}");
        assert!(!run.stdout.contains("STAGING"), "{run:?}");
    }
    assert!(runs[0].stdout.starts_with("domain trial (staging) at position"), "{:?}", runs[0]);
    let status = domain.run(&["status"]);
    assert_eq!((&status.ok()["staging"], status.stderr.as_str()), (&true.into(), ""));
    let log = fs::read_to_string(domain.dir.join("nodes/node-1/log")).unwrap();
    assert!(log.contains("STAGING"), "{log}");
}
