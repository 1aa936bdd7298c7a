//! `backup export|verify|status`: a file that proves every backup, or is refused.

use crate::harness::{Domain, Run, command, fresh_dir, quorate, shared, until};
use crate::interface::{client, wait};
use quorate_client::contract::routes;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

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
    assert_eq!(verified(&text, &domain.genesis()).refused(2), "bad_file");
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
        assert_eq!(run.refused(5), "backup_refused", "{what}");
    };
    let first = "quorate-backup-1\n".len();
    for cut in [first, first + 1, whole.len() / 2, whole.len() - 1] {
        refused(&whole[..cut], &format!("cut at {cut}"));
    }
    for part in 0..8 {
        let at = first + part * (whole.len() - 1 - first) / 7;
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
fn everything_that_a_domain_keeps_is_exported_and_verified_without_it() {
    let mut domain = Domain::up("exported");
    let (dir, genesis) = (fresh_dir("exports"), domain.genesis());
    let file = dir.join("backup");
    let export = |file: &Path| domain.run(&["backup", "export", "--output", path(file)]);
    let said = export(&file).ok();
    assert_eq!(said["keys"].as_array().unwrap().len(), 3);
    // The shares of each signer, and the contributions of each dealer.
    assert_eq!(said["bundles"], 18);
    assert_eq!(said["not_made"], serde_json::json!([]));
    assert_eq!(files(&dir), 1);

    let held = verified(&file, &genesis).ok();
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

    // The backup of the key itself stays that of its birth.
    domain.run(&["key", "refresh", "ops", "--as", "ada"]).ok();
    until(|| (domain.run(&["key", "show", "ops"]).ok()["epoch"] == 1).then_some(()));
    // Whoever is there has everything.
    crate::harness::kill(domain.node_pid("node-1"));
    let args = ["backup", "export", "--output", "-", "--dir", domain.dir()];
    let piped = command(&args).output().unwrap();
    assert!(piped.status.success(), "{piped:?}");
    let later = dir.join("later");
    fs::write(&later, piped.stdout).unwrap();
    let held = verified(&later, &genesis).ok();
    assert_eq!(held["holds"], true);
    let ops = held["keys"].as_array().unwrap().iter().find(|key| key["name"] == "ops").unwrap();
    assert_eq!(ops["epoch"], 1);
    assert_eq!(ops["notes"], serde_json::json!([]));

    domain.kill_everything();
    let none = dir.join("none");
    let run = domain.run(&["backup", "export", "--output", path(&none)]);
    assert_eq!(run.refused(4), "no_answer");
    assert_eq!(files(&dir), 2);
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
        config["drill_every_days"] = 7.into();
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
    // Nobody has held a drill yet: one is due so long after the founding as the operator says.
    let text = metrics("witness");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    for tree in ["seats", "keys"] {
        let start = format!("quorate_drill_due_timestamp_seconds{{tree=\"{tree}\"}} ");
        let due = text.lines().find_map(|line| line.strip_prefix(&start)).unwrap();
        let due: f64 = due.parse().unwrap();
        assert!((now..=now + 7.0 * 86_400.0).contains(&due), "{due}");
        assert!(due > now + 6.9 * 86_400.0, "{due}");
    }
    assert!(!text.contains("quorate_drill_timestamp_seconds{"), "{text}");
    // Who keeps no shares keeps no backups.
    assert!(!metrics("witness").contains("quorate_key_backup_holds{"));
}
