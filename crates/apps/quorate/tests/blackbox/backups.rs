//! `backup export|verify|status`: a file that proves every backup, or is refused.

use crate::harness::{Domain, Run, fresh_dir, quorate, shared, until};
use crate::interface::{client, wait};
use quorate_client::contract::routes;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// An export of the shared domain, and what was said of it.
fn exported(dir: &Path, name: &str) -> (PathBuf, Value) {
    let file = dir.join(name);
    let said = shared().run(&["backup", "export", "--output", path(&file)]).ok();
    (file, said)
}

fn path(file: &Path) -> &str {
    file.to_str().unwrap()
}

fn verified(file: &Path, genesis: &str) -> Run {
    quorate(&["--json", "backup", "verify", path(file), "--genesis", genesis])
}

/// What a verification printed, whether it held or not.
fn report(run: &Run) -> Value {
    serde_json::from_str(run.stdout.lines().last().unwrap()).unwrap()
}

fn files(dir: &Path) -> usize {
    fs::read_dir(dir).unwrap().count()
}

#[test]
fn everything_that_a_domain_keeps_is_exported_and_verified_without_it() {
    let (domain, dir) = (shared(), fresh_dir("exports"));
    let (file, said) = exported(&dir, "backup");
    assert_eq!(said["keys"].as_array().unwrap().len(), 3);
    // A share of each signer, and a contribution of each dealer.
    assert_eq!(said["bundles"], 18);
    assert_eq!(said["not_made"], serde_json::json!([]));
    assert_eq!(files(&dir), 1);

    let held = verified(&file, &domain.genesis()).ok();
    assert_eq!(held["holds"], true);
    assert_eq!(held["missing"], serde_json::json!([]));
    assert_eq!(held["charter"]["position"], said["position"]);
    assert_eq!(held["charter"]["head"], said["head"]);
    assert_eq!(held["keys"].as_array().unwrap().len(), 3);
    // The directory says the same hash.
    assert_eq!(domain.run(&["backup", "verify", path(&file)]).ok()["holds"], true);

    let all = domain.run(&["backup", "status"]).lines();
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|key| key["backup"] == "proven"), "{all:?}");
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_backup_of_another_domain_or_none_is_refused() {
    let (domain, dir) = (shared(), fresh_dir("refused"));
    let (file, _) = exported(&dir, "backup");

    let none = quorate(&["--json", "backup", "verify", path(&file)]);
    assert_eq!(none.refused(2), "genesis_needed");
    let other = format!("0x{}", "11".repeat(32));
    let run = verified(&file, &other);
    assert_eq!(run.refused(5), "backup_refused");
    assert_eq!(report(&run)["holds"], false);
    assert_eq!(report(&run)["charter"], Value::Null);
    assert_eq!(verified(&file, "0x11").refused(2), "bad_genesis_hash");
    assert_eq!(verified(&dir.join("nowhere"), &domain.genesis()).refused(2), "file");

    let text = dir.join("text");
    fs::write(&text, "my backup, I think").unwrap();
    assert_eq!(verified(&text, &domain.genesis()).refused(5), "bad_backup");
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_backup_that_was_cut_or_changed_anywhere_is_refused() {
    let (domain, dir) = (shared(), fresh_dir("damaged"));
    let (file, _) = exported(&dir, "backup");
    let whole = fs::read(&file).unwrap();
    let refused = |bytes: &[u8], what: &str| {
        let damaged = dir.join("damaged");
        fs::write(&damaged, bytes).unwrap();
        let run = verified(&damaged, &domain.genesis());
        let code = run.refused(5);
        assert!(["bad_backup", "backup_refused"].contains(&code.as_str()), "{what}: {run:?}");
    };
    for cut in [0, 1, whole.len() / 2, whole.len() - 1] {
        refused(&whole[..cut], &format!("cut at {cut}"));
    }
    for part in 0..8 {
        let at = part * (whole.len() - 1) / 7;
        let mut changed = whole.clone();
        changed[at] ^= 1;
        refused(&changed, &format!("byte {at}"));
    }
    let longer = [whole.as_slice(), &[0]].concat();
    refused(&longer, "a byte more");
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn an_export_overwrites_nothing_and_leaves_nothing_half_done() {
    let (domain, dir) = (shared(), fresh_dir("half"));
    let (file, _) = exported(&dir, "backup");
    let kept = fs::read(&file).unwrap();
    let again = domain.run(&["backup", "export", "--output", path(&file)]);
    assert_eq!(again.refused(2), "file_exists");
    assert_eq!(fs::read(&file).unwrap(), kept);

    // A service signs; it is shown no backups.
    let other = dir.join("other");
    let service = ["backup", "export", "--output", path(&other), "--as", "wallet-service"];
    assert_eq!(domain.run(&service).refused(2), "forbidden");
    let nowhere = dir.join("no folder").join("backup");
    let run = domain.run(&["backup", "export", "--output", path(&nowhere)]);
    assert_eq!(run.refused(6), "file");
    assert_eq!(files(&dir), 1);
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn an_export_is_complete_while_a_node_is_down_and_none_is_made_while_all_are() {
    let mut domain = Domain::up("exported");
    let dir = fresh_dir("while-down");
    let file = dir.join("backup");
    crate::harness::kill(domain.node_pid("node-3"));
    let said = domain.run(&["backup", "export", "--output", path(&file)]).ok();
    assert_eq!(said["bundles"], 18);
    assert_eq!(verified(&file, &domain.genesis()).ok()["holds"], true);

    let genesis = domain.genesis();
    domain.kill_everything();
    let other = dir.join("other");
    let run = domain.run(&["backup", "export", "--output", path(&other)]);
    assert_eq!(run.refused(4), "no_answer");
    assert_eq!(files(&dir), 1);
    // The file needs no domain.
    assert_eq!(verified(&file, &genesis).ok()["holds"], true);
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_node_verifies_again_what_it_keeps_and_says_so_in_its_metrics() {
    let mut domain = Domain::up("watched");
    domain.stop();
    for node in ["node-1", "witness"] {
        let path = domain.dir.join("nodes").join(node).join("node.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        config["verify_every_s"] = 1.into();
        fs::write(&path, config.to_string()).unwrap();
    }
    domain.start();
    let metrics = |node: &str| {
        let client = client(&domain, node, "auditor", "auditor");
        wait(client.get_text(routes::METRICS.path)).unwrap()
    };
    for key in ["treasury", "vault", "ops"] {
        let held = format!("quorate_key_backup_holds{{key=\"{key}\"}} 1\n");
        let since = format!("quorate_key_backup_verified_timestamp_seconds{{key=\"{key}\"}} 1");
        let text = until(|| Some(metrics("node-1")).filter(|text| text.contains(&held)));
        assert!(text.contains(&since), "{text}");
        assert!(text.contains(&format!("quorate_key_backup_proven{{key=\"{key}\"}} 1\n")));
    }
    // Who keeps no shares keeps no backups.
    assert!(!metrics("witness").contains("quorate_key_backup_holds{"));
}
