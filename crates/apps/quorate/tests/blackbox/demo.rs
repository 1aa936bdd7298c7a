//! The story, as programs see it.

use crate::harness::{fresh_dir, quorate};
use serde_json::{Value, json};
use std::fs;

/// N-73 among it, step 5: who proposes with a node's own keys, for a request that was filed and allowed,
/// another transaction than the one in it, is refused by whoever read the request.
#[test]
fn it_tells_seven_steps_and_ends_with_the_evidence() {
    let dir = fresh_dir("demo").join("D");
    let path = dir.to_str().unwrap();
    let run = quorate(&["--json", "demo", "--dir", path, "--keep"]);
    let lines = run.lines();
    assert!(run.stderr.is_empty(), "progress is for terminals: {}", run.stderr);
    let steps: Vec<&Value> = lines.iter().filter_map(|line| line.get("step")).collect();
    assert_eq!(
        steps,
        [&json!(1), &json!(2), &json!(3), &json!(4), &json!(5), &json!(6), &json!(7)]
    );
    let end = lines.last().unwrap();
    assert_eq!(end["ok"], true);
    assert_eq!(end["dir"], path);

    let addresses = |at: usize| end["keys"][at]["addresses"].as_object().unwrap().clone();
    assert!(addresses(0).contains_key("ethereum") && addresses(0).contains_key("p2wpkh"));
    assert!(addresses(1).contains_key("p2tr"));
    let requests = end["requests"].as_array().unwrap();
    assert!(requests.iter().all(|request| request["state"] == "signed"));
    let ether: Vec<&str> = requests
        .iter()
        .filter(|request| request["artifact"]["kind"] == "evm.transaction")
        .map(|request| request["artifact"]["value"].as_str().unwrap())
        .collect();
    assert_eq!(ether.len(), 2);
    assert!(ether.iter().all(|raw| raw.starts_with("0x02")), "both are of type 1559");
    assert_eq!(end["receipts"].as_array().unwrap().len(), requests.len());
    assert_eq!(end["denials"][0]["rule"], "no-unlisted-calls");
    assert_eq!(end["denials"][0]["request"]["state"], "denied");
    let refusal = &end["refusals"][0];
    assert_eq!(
        (refusal["node"].as_str(), refusal["proposed_by"].as_str()),
        (Some("node-2"), Some("node-1"))
    );
    assert!(refusal["reason"].as_str().unwrap().contains("what is to be signed"));
    let outages = end["outages"].as_array().unwrap();
    let signed: Vec<&Value> = outages.iter().map(|outage| &outage["signed"]).collect();
    assert_eq!(signed, [&json!(true), &json!(false), &json!(true)]);
    assert!(outages[1]["missing"].to_string().contains("node-3"));

    // What is kept is verified with no node running.
    let genesis = end["genesis"].as_str().unwrap();
    let receipt = end["receipts"][0].as_str().unwrap();
    quorate(&["--json", "receipt", "verify", receipt, "--genesis", genesis]).ok();
    quorate(&["--json", "charter", "verify", "--dir", path, "--genesis", genesis]).ok();
    fs::remove_dir_all(dir.parent().unwrap()).unwrap();
}
