//! Custodians hold a drill, each at an offline program of their own, and the nodes know of it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_journeys::{Said, Trial, recovery};
use serde_json::{Value, json};
use std::fs;

/// A custodian of the trial takes part in a drill.
fn take_part(trial: &Trial, custodian: &str, backup: &str, drill: &str, part: &str) -> Said {
    let folder = trial.dir().join("custodians");
    let key = folder.join(custodian).display().to_string();
    let passphrase = folder.join(format!("{custodian}.passphrase")).display().to_string();
    let genesis = trial.genesis();
    let held = ["--genesis", &genesis, "--key", &key, "--passphrase-file", &passphrase];
    recovery(&[&["drill", backup, drill], &held[..], &["--output", part]].concat())
}

fn custodian<'a>(list: &'a Value, name: &str) -> &'a Value {
    list["custodians"].as_array().unwrap().iter().find(|it| it["name"] == name).unwrap()
}

#[test]
fn two_custodians_hold_a_drill_and_every_node_knows() {
    let trial = Trial::founded();
    let [backup, drill] = ["backup", "drill"].map(|name| trial.file(name));
    trial.run(&["backup", "export", "--output", &backup]).ok();
    let start = ["drill", "start", "--backup", &backup, "--output", &drill, "--as", "ada"];
    let started = trial.run(&start).ok().clone();
    // The trial has one tree for both.
    assert_eq!(started["trees"], json!(["seats", "keys"]));
    assert_eq!(started["custodians"].as_array().unwrap().len(), 3);
    assert_eq!(trial.run(&start).error(2)["code"], "file_exists");
    let list = trial.run(&["custodian", "list"]).ok().clone();
    assert!(list["drills"].as_array().unwrap().iter().all(|it| it["last"].is_null()), "{list}");

    let parts = ["greta", "iris"].map(|name| {
        let part = trial.file(&format!("part-{name}"));
        let gave = take_part(&trial, name, &backup, &drill, &part).ok().clone();
        assert_eq!((&gave["custodian"], &gave["started_by"]), (&json!(name), &json!("ada")));
        assert_eq!(gave["drill"], started["drill"]);
        part
    });
    // What is opened is of this drill alone: another file is another drill.
    let later = trial.file("later");
    trial.run(&["backup", "export", "--output", &later]).ok();
    let refused = take_part(&trial, "hugo", &later, &drill, &trial.file("none"));
    assert_eq!(refused.error(2)["code"], "other_backup");
    let second = trial.file("second");
    let start = ["drill", "start", "--backup", &later, "--output", &second, "--as", "ben"];
    trial.run(&start).ok();
    let mixed = ["drill", "finish", &second, &parts[0], &parts[1], "--as", "ada"];
    assert_eq!(trial.run(&mixed).error(5)["code"], "part_refused");

    let few = trial.run(&["drill", "finish", &drill, &parts[0], "--as", "ada"]);
    let missing = few.error(4);
    assert_eq!(missing["code"], "custodians_missing");
    assert!(missing["message"].as_str().unwrap().contains("any of (hugo, iris)"), "{missing}");
    // A service holds none, and what custodians did is told all the same.
    let finish = ["drill", "finish", &drill, &parts[0], &parts[1], "--as"];
    let refused = trial.run(&[&finish[..], &["wallet-service"]].concat());
    assert_eq!(refused.error(2)["code"], "forbidden");
    let folder = trial.dir().join("drills").join(started["drill"].as_str().unwrap());
    let text = fs::read_to_string(folder.join("report.txt")).unwrap();
    assert!(text.contains("hugo             gave no part"), "{text}");

    let report = trial.run(&[&finish[..], &["auditor"]].concat()).ok().clone();
    let outcomes: Vec<_> = report["custodians"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["name"].as_str().unwrap(), it["outcome"].as_str().unwrap(), &it["needed"]))
        .collect();
    let (yes, no) = (json!(true), json!(false));
    let expected =
        [("greta", "took_part", &yes), ("hugo", "missing", &no), ("iris", "took_part", &yes)];
    assert_eq!((outcomes, &report["spare"]), (expected.to_vec(), &json!(0)));
    assert_eq!(report["recorded_by"].as_array().unwrap().len(), 4, "{report}");
    let kept: Value =
        serde_json::from_slice(&fs::read(folder.join("report.json")).unwrap()).unwrap();
    assert_eq!(kept, report);

    let list = trial.run(&["custodian", "list"]).ok().clone();
    for (name, at) in [
        ("greta", &report["finished_ms"]),
        ("hugo", &Value::Null),
        ("iris", &report["finished_ms"]),
    ] {
        assert_eq!(&custodian(&list, name)["drilled_ms"], at, "{name}");
    }
    for held in list["drills"].as_array().unwrap() {
        assert_eq!(held["last"]["by"], "auditor");
        assert_eq!(held["last"]["finished_ms"], report["finished_ms"]);
        let due = report["finished_ms"].as_u64().unwrap() + 100 * 86_400_000;
        assert_eq!(held["due_ms"], due);
    }
    assert_eq!(trial.run(&["backup", "status"]).code, 0);
    // Hugo comes late: who took part grows, and nothing gets newer.
    let part = trial.file("part-hugo");
    take_part(&trial, "hugo", &backup, &drill, &part).ok();
    // Nobody else adds him to what the auditor told.
    let all = [&finish[..4], &[&parts[1], &part, "--as"]].concat();
    let other = trial.run(&[&all[..], &["ada"]].concat());
    assert_eq!(other.error(2)["code"], "told_by_another");
    assert!(other.error(2)["next"].as_str().unwrap().contains("auditor"));
    let list = trial.run(&["custodian", "list"]).ok().clone();
    assert!(custodian(&list, "hugo")["drilled_ms"].is_null(), "{list}");
    let again = trial.run(&[&all[..], &["auditor"]].concat()).ok().clone();
    assert_eq!((&again["spare"], &again["refused_by"]), (&json!(1), &json!({})));
    let list = trial.run(&["custodian", "list"]).ok().clone();
    assert_eq!(custodian(&list, "hugo")["drilled_ms"], report["finished_ms"]);

    // Elsewhere nobody has what opens the parts.
    fs::remove_dir_all(&folder).unwrap();
    let gone = trial.run(&[&finish[..], &["ada"]].concat());
    assert_eq!(gone.error(2)["code"], "unknown_drill");
}
