//! People: who may approve what, and what they must have seen.

use crate::harness::{Domain, LARGE, Run, ether, id, shared};
use crate::interface::{client, founding, wait};
use quorate_client::contract::{HexBytes, RequestView, SubmitStatement, routes};
use quorate_codec::to_bytes;
use quorate_identity::{FileSigner, GenesisHash, RequestId};
use quorate_policy::request::{Approval, Signed, Verdict};
use serde_json::Value;

fn vote(domain: &Domain, verb: &str, request: &Value, who: &str) -> Run {
    let digest = request["request_digest"].as_str().unwrap();
    domain.run(&["request", verb, id(request), "--as", who, "--digest", digest])
}

fn large(domain: &Domain, who: &str) -> Value {
    domain.created("treasury", &ether(LARGE), who)
}

#[test]
fn a_large_transfer_waits_says_for_whom_and_is_signed_once_both_approved() {
    let domain = shared();
    let request = large(domain, "wallet-service");
    let waiting = domain.waiting(&request);
    assert_eq!(waiting["waiting_for"][0]["rule"], "large-transfer");
    assert_eq!(waiting["waiting_for"][0]["people"], serde_json::json!(["alice", "bob"]));
    assert_eq!(waiting["waiting_for"][0]["needed"], 2);

    let timeout = domain.run(&["request", "wait", id(&request), "--timeout", "0"]);
    assert_eq!(timeout.refused(4), "timeout");
    assert!(timeout.message().contains("alice"), "{timeout:?}");

    vote(domain, "approve", &request, "alice").ok();
    assert_eq!(vote(domain, "approve", &request, "alice").refused(2), "vote_refused");
    assert_eq!(vote(domain, "reject", &request, "alice").refused(2), "vote_refused");
    vote(domain, "approve", &request, "bob").ok();
    let signed = domain.wait(&request).ok();
    assert_eq!(signed["state"], "signed");
    assert_eq!(signed["approvals"].as_array().unwrap().len(), 2);
    assert_eq!(vote(domain, "approve", &request, "bob").refused(2), "vote_refused");
}

#[test]
fn an_approval_needs_the_digest_that_was_computed_here() {
    let domain = shared();
    let request = large(domain, "wallet-service");
    let blind = domain.run(&["request", "approve", id(&request), "--as", "alice"]);
    assert_eq!(blind.refused(2), "digest_needed");
    let other = large(domain, "wallet-service");
    let other = other["request_digest"].as_str().unwrap();
    let args = ["request", "approve", id(&request), "--as", "alice", "--digest", other];
    assert_eq!(domain.run(&args).refused(2), "digest_mismatch");
    let view = domain.run(&["request", "show", id(&request)]).ok();
    assert_eq!(view["approvals"], serde_json::json!([]));
}

#[test]
fn the_wrong_person_does_not_count() {
    let domain = shared();
    let request = large(domain, "wallet-service");
    for who in ["ada", "wallet-service"] {
        assert_eq!(vote(domain, "approve", &request, who).refused(2), "vote_refused");
    }
    assert_eq!(vote(domain, "approve", &request, "auditor").refused(2), "forbidden");
    assert_eq!(vote(domain, "approve", &request, "zoe").refused(2), "unknown_actor");
}

#[test]
fn nobody_approves_their_own_request() {
    let domain = shared();
    let request = large(domain, "alice");
    let own = vote(domain, "approve", &request, "alice");
    assert_eq!(own.refused(2), "vote_refused");
    assert!(own.message().contains("filed"), "{own:?}");
    // Both approvers are needed and one of them asked, so it can never pass.
    assert_eq!(domain.wait(&request).refused(3), "denied");
}

#[test]
fn a_rejection_ends_a_request() {
    let domain = shared();
    let request = large(domain, "wallet-service");
    assert_eq!(vote(domain, "reject", &request, "bob").ok()["state"], "rejected");
    let run = domain.wait(&request);
    assert_eq!(run.refused(3), "rejected");
    assert!(run.message().contains("bob"));
    assert_eq!(vote(domain, "approve", &request, "alice").refused(2), "request_ended");
}

#[test]
fn an_expired_request_takes_no_approval() {
    let domain = shared();
    let args = [
        "request",
        "create",
        "--key",
        "treasury",
        "--intent",
        "-",
        "--as",
        "wallet-service",
        "--expires",
        "2",
    ];
    let request = domain.run_with(&ether(LARGE).to_string(), &args).ok();
    assert_eq!(domain.wait(&request).refused(3), "expired");
    assert_eq!(vote(domain, "approve", &request, "alice").refused(2), "request_ended");
}

/// N-76: what an approver signed is handed in for another request, and for the same one although it is
/// of another domain, by whoever took it on its way and by the approver's own program.
#[test]
fn neg_076_approval_bytes_count_for_one_request_of_one_domain() {
    let domain = shared();
    let [first, second] = [large(domain, "wallet-service"), large(domain, "wallet-service")];
    let state = founding(domain);
    let alice = state.person_named(&"alice".parse().unwrap()).unwrap().id;
    let signer = FileSigner::open(&domain.dir.join("people/alice"), None).unwrap();
    let digest = |request: &Value| -> RequestId { id(request).parse().unwrap() };
    let expiry = first["expires_ms"].as_u64().unwrap();
    let approves = |genesis: GenesisHash| {
        let approval = Approval::new(genesis, digest(&first), alice, Verdict::Approve, expiry);
        let signed = Signed::sign(&approval, &signer).unwrap();
        SubmitStatement { statement: HexBytes(to_bytes(&signed)) }
    };
    let other = format!("0x{}", "42".repeat(32)).parse().unwrap();
    let (here, elsewhere) = (approves(state.genesis()), approves(other));
    let callers = ["alice", "ada"].map(|who| client(domain, "node-1", who, who));
    for caller in &callers {
        for (statement, request) in [(&here, &second), (&elsewhere, &first)] {
            let route = routes::approvals(&digest(request));
            let posted = wait(caller.post::<_, RequestView>(&route, statement));
            assert_eq!(posted.unwrap_err().code, "bad_statement");
        }
    }
    let route = routes::approvals(&digest(&first));
    let counts = wait(callers[0].post::<_, RequestView>(&route, &here)).unwrap();
    assert_eq!(counts.approvals.len(), 1);
    let untouched = domain.run(&["request", "show", id(&second)]).ok();
    assert_eq!(
        (&untouched["approvals"], &untouched["state"]),
        (&Value::Array(vec![]), &"waiting".into())
    );
}
