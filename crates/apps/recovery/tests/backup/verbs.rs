//! The program from outside: what people and scripts are told of a backup.

use crate::domain::{Domain, Kept, boundaries, written};
use crate::harness::{Folder, Run, recovery};
use crate::world;
use quorate_backup::SoftKind;
use serde_json::{Value, json};

fn file(keys: &[Kept]) -> Vec<u8> {
    written(&world().domain.items(keys))
}

fn verify(folder: &Folder, json: &[&str]) -> Run {
    let (path, genesis) = (folder.at("backup"), world().domain.state.genesis().to_string());
    recovery(&[json, &["verify", &path, "--genesis", &genesis]].concat())
}

fn holding(bytes: &[u8]) -> Folder {
    let folder = Folder::new();
    folder.write("backup", bytes);
    folder
}

/// REC-29: a file that holds is status 0, for people a line a key.
#[test]
fn a_backup_that_holds_is_told_in_few_lines() {
    let folder = holding(&file(&world().keys()));
    let report = verify(&folder, &["--json"]).ok();
    assert_eq!((&report["holds"], &report["missing"]), (&json!(true), &json!([])));
    assert_eq!(report["charter"]["head"], json!(world().domain.state.head()));
    let shares = &report["keys"][0]["statements"][1];
    let node = world().domain.node("node-2");
    let expected = json!({ "part": "shares", "author": "node-2", "node": node, "epoch": 1,
        "custodians": "2 of (greta, hugo, iris)", "holds": true });
    assert_eq!(shares, &expected);

    let people = verify(&folder, &[]);
    assert_eq!((people.code, people.stderr.as_str()), (Some(0), ""));
    let lines: Vec<&str> = people.stdout.lines().collect();
    assert!(lines[0].starts_with("backup of domain drawn, a trial"), "{people:?}");
    assert!(lines[3].contains("2027-01-15 08:00:00 UTC, as it says itself"));
    let key = "  ops              ed25519         epoch 1, shares of 3 nodes for 2 of (greta, hugo, \
               iris), contributions of 3 nodes for all of (greta, hugo, iris)";
    assert_eq!(lines[5], key);
    assert_eq!(lines.len(), 10, "{people:?}");
    assert!(lines[9].contains("compare the head"));
}

/// REC-24: the hash comes from elsewhere, or nothing is verified.
#[test]
fn neg_066_without_a_genesis_hash_nothing_is_verified() {
    let folder = holding(&file(&world().keys()));
    let path = folder.at("backup");
    let (code, message) = recovery(&["--json", "verify", &path]).refused(2);
    assert_eq!(code, "genesis_needed");
    assert!(message.contains("brings its own genesis"), "{message}");
    let people = recovery(&["verify", &path]);
    assert!(people.stderr.contains("next: give --genesis HASH"), "{people:?}");
    let (code, _) = recovery(&["--json", "verify", &path, "--genesis", "0x12"]).refused(2);
    assert_eq!(code, "bad_usage");

    let other = Domain::founded(2, SoftKind::X25519).state.genesis().to_string();
    let refused = recovery(&["--json", "verify", &path, "--genesis", &other]);
    assert_eq!(refused.code, Some(5));
    let report: Value = serde_json::from_str(&refused.stdout).unwrap();
    assert_eq!((&report["holds"], &report["charter"]), (&json!(false), &Value::Null));
}

/// REC-29, REC-32: what does not hold is told below its key, and the status is that of a file that
/// somebody made.
#[test]
fn what_does_not_hold_is_told_below_its_key() {
    let [mut ops, treasury, _] = world().keys();
    ops.bundles[0].bytes[500] ^= 1;
    let before = world().ops_before.kept.clone();
    let folder = holding(&file(&[ops, treasury, before]));
    let run = verify(&folder, &["--json"]);
    assert_eq!(run.code, Some(5), "{run:?}");
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let shares = &report["keys"][0]["statements"][1];
    assert_eq!((&shares["holds"], &shares["answers"]), (&json!(false), &json!("holder")));
    assert!(shares["reason"].as_str().unwrap().contains("not the bundle that the record names"));
    assert_eq!(report["missing"][0]["name"], "vault");
    let error: Value = serde_json::from_str(&run.stderr).unwrap();
    let error = &error["error"];
    assert_eq!((&error["code"], &error["fault"]), (&json!("backup_refused"), &json!("peer")));
    let message = error["message"].as_str().unwrap();
    let counted = "1 of 27 statements do not hold; keys missing: 1; older epochs: 1";
    assert!(message.ends_with(counted), "{message}");

    let people = verify(&folder, &[]).stdout;
    for line in [
        "  ops              ed25519         epoch 1, 1 of 8 statements do NOT hold",
        "    the shares of node-2 in epoch 1, for 2 of (greta, hugo, iris): it is not the bundle that \
         the record names: it was damaged, changed or made again; whoever made or kept the file \
         answers for that",
        "    epoch 0 is OLD: epoch 1 of the key is in the same file",
        "    note: the charter ordered another epoch after this one",
        "  vault            MISSING: no epoch of it is in the file",
        "NOT everything holds",
    ] {
        assert!(people.lines().any(|it| it == line), "{line}\n{people}");
    }
}

/// REC-23: a file that is cut is judged as far as it goes; another file is none.
#[test]
fn neg_010_cut_and_foreign_files_are_told_apart() {
    let bytes = file(&world().keys());
    let cut = boundaries(&bytes)[6];
    let folder = holding(&bytes[..cut + 100]);
    let run = verify(&folder, &["--json"]);
    assert_eq!(run.code, Some(5), "{run:?}");
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let reason = report["statements"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with(&format!("item 7, at byte {cut}: the file ends in the middle")));
    let inspected = folder.run(&["inspect", &folder.at("backup")], None);
    assert_eq!(inspected.refused(6).0, "backup_damaged");

    for (bytes, code) in [
        (&b"quorate-backup-2\n"[..], "file_version"),
        (b"quorate-backup-x\n", "bad_file"),
        (b"hello", "bad_file"),
    ] {
        folder.write("backup", bytes);
        assert_eq!(verify(&folder, &["--json"]).refused(2).0, code);
        assert_eq!(folder.run(&["inspect", &folder.at("backup")], None).refused(2).0, code);
    }
    let nowhere = world().domain.state.genesis().to_string();
    let missing = recovery(&["--json", "verify", &folder.at("none"), "--genesis", &nowhere]);
    assert_eq!(missing.refused(2).0, "file");
}

/// REC-31: what a file says of itself is told as that.
#[test]
fn what_a_backup_says_of_itself_is_marked_as_unverified() {
    let [mut ops, treasury, vault] = world().keys();
    // Nobody looks at proofs here.
    ops.bundles[0].bytes[500] ^= 1;
    let folder = holding(&file(&[ops, treasury, vault]));
    let said = folder.inspect("backup").ok();
    assert_eq!((&said["what"], &said["verified"]), (&json!("backup"), &json!(false)));
    let genesis = json!(world().domain.state.genesis());
    assert_eq!((&said["domain"], &said["genesis"]), (&json!("drawn"), &genesis));
    assert_eq!((&said["made_at_ms"], &said["entries"]), (&json!(1_800_000_000_000_u64), &json!(4)));
    let trees = (&json!("2 of (greta, hugo, iris)"), &json!("all of (greta, hugo, iris)"));
    assert_eq!((&said["seats"], &said["whole_keys"]), trees);
    assert_eq!(said["custodians"][2]["name"], "iris");
    let key = world().vault.kept.record.plan.key;
    let expected =
        json!({ "key": key, "name": "vault", "scheme": "bip340", "epoch": 0, "bundles": 6 });
    assert_eq!(said["keys"][2], expected);

    let people = recovery(&["inspect", &folder.at("backup")]).stdout;
    assert!(
        people
            .starts_with("a backup, which says of itself what follows; NOTHING of it is verified")
    );
    for line in
        ["  vault            bip340          epoch 0, 6 bundles", "  domain      drawn, a trial"]
    {
        assert!(people.lines().any(|it| it == line), "{people}");
    }
}
