//! Requests from filing to receipt.

use crate::harness::{SMALL, ether, fresh_dir, id, message, quorate, shared};
use serde_json::json;
use std::fs;

#[test]
fn a_small_transfer_is_signed_with_nobody_asked() {
    let domain = shared();
    let request = domain.created("treasury", &ether(SMALL), "wallet-service");
    assert_eq!(request["request"], request["request_digest"]);
    let signed = domain.wait(&request).ok();
    assert_eq!(signed["state"], "signed");
    assert_eq!(signed["approvals"], json!([]));
    let signatures = signed["signatures"].as_array().unwrap();
    assert_eq!(signatures.len(), 1);
    assert_eq!(signatures[0]["encoding"], "rsv");
    assert_eq!(signatures[0]["signature"].as_str().unwrap().len(), 2 + 2 * 65);
    assert_eq!(signed["artifact"]["kind"], "evm.transaction");
    assert!(signed["artifact"]["value"].as_str().unwrap().starts_with("0x02f8"));
    let allowing = signed["decisions"].as_array().unwrap().iter();
    assert!(allowing.filter(|it| it["outcome"] == "allow").count() >= 2);
}

#[test]
fn a_receipt_is_verified_offline_and_only_with_its_genesis() {
    let domain = shared();
    let request = domain.created("ops", &message("receipt"), "wallet-service");
    let early = fresh_dir("receipt").join("early");
    let early_run = domain.run(&["receipt", "get", id(&request), "-o", early.to_str().unwrap()]);
    if early_run.code != Some(0) {
        assert_eq!(early_run.refused(2), "not_signed");
        assert!(!early.exists());
    }
    assert_eq!(domain.wait(&request).ok()["state"], "signed");
    let path = early.with_file_name("receipt");
    let path = path.to_str().unwrap();
    domain.run(&["receipt", "get", id(&request), "-o", path]).ok();

    let verify = |path: &str, genesis: &str| {
        quorate(&["--json", "receipt", "verify", path, "--genesis", genesis])
    };
    let report = verify(path, &domain.genesis()).ok();
    assert_eq!(report["request"], request["request"]);
    assert_eq!(report["rule"], "ops-message");
    assert_eq!(quorate(&["--json", "receipt", "verify", path]).refused(2), "genesis_needed");
    // An auditor who knows a head believes no receipt whose charter never had it.
    let genesis = domain.genesis();
    let pinned = |head: &str| {
        let args = ["--json", "receipt", "verify", path, "--genesis", &genesis, "--head", head];
        quorate(&args)
    };
    let head = report["head"].as_str().unwrap();
    for had in [head, &domain.genesis()] {
        assert_eq!(pinned(had).ok(), report, "the genesis hash is the first head");
    }
    let elsewhere = pinned(&format!("0x{}", "33".repeat(32)));
    assert_eq!(elsewhere.refused(3), "other_head");
    assert!(elsewhere.message().contains(head), "{elsewhere:?}");
    assert_eq!(pinned("0x33").refused(2), "bad_head");
    let other = format!("0x{}", "11".repeat(32));
    assert_eq!(verify(path, &other).refused(5), "bad_receipt");
    assert_eq!(verify("nowhere", &other).refused(2), "file");

    let bytes = fs::read(path).unwrap();
    for at in (0..bytes.len()).step_by(bytes.len() / 12) {
        let mut altered = bytes.clone();
        altered[at] ^= 1;
        fs::write(path, altered).unwrap();
        assert_eq!(verify(path, &domain.genesis()).refused(5), "bad_receipt", "byte {at}");
    }
    fs::remove_dir_all(early.parent().unwrap()).unwrap();
}

#[test]
fn what_is_denied_names_its_rule() {
    let domain = shared();
    let digest = json!({ "kind": "raw.digest", "digest": format!("0x{}", "ab".repeat(32)) });
    let request = domain.created("treasury", &digest, "wallet-service");
    let run = domain.wait(&request);
    assert_eq!(run.refused(3), "denied");
    assert!(run.message().contains("no-raw-digests"), "{run:?}");
    let view: serde_json::Value = serde_json::from_str(run.stdout.trim()).unwrap();
    assert_eq!(view["state"], "denied");
    let decisions = view["decisions"].as_array().unwrap();
    assert!(decisions.iter().any(|it| it["outcome"] == "deny" && it["rule"] == "no-raw-digests"));

    let by_a_person = domain.created("ops", &message("not the wallet"), "alice");
    assert_eq!(domain.wait(&by_a_person).refused(3), "denied");
}

#[test]
fn filing_twice_is_filing_once() {
    let domain = shared();
    let file = |text: &str| {
        let args = [
            "request",
            "create",
            "--key",
            "ops",
            "--intent",
            "-",
            "--as",
            "wallet-service",
            "--idempotency-key",
            "once",
        ];
        domain.run_with(&message(text).to_string(), &args)
    };
    let first = file("idempotent").ok();
    assert_eq!(file("idempotent").ok()["request"], first["request"]);
    assert_eq!(file("something else").refused(2), "idempotency_conflict");
}

#[test]
fn only_the_requester_takes_a_request_back() {
    let domain = shared();
    let request = domain.created("treasury", &ether(crate::harness::LARGE), "wallet-service");
    domain.waiting(&request);
    let cancel = |who: &str| domain.run(&["request", "cancel", id(&request), "--as", who]);
    assert_eq!(cancel("alice").refused(2), "vote_refused");
    assert_eq!(cancel("wallet-service").ok()["state"], "cancelled");
    assert_eq!(domain.wait(&request).refused(3), "cancelled");
}

#[test]
fn a_list_has_a_line_for_each_request() {
    let domain = shared();
    let request = domain.created("ops", &message("listed"), "wallet-service");
    let listed = domain.run(&["request", "list"]).lines();
    assert!(listed.iter().any(|it| it["request"] == request["request"]));
}
