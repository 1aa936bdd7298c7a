//! The program from outside: a custodian takes part in a drill.

use crate::domain::{Domain, custodian_secret, name};
use crate::drills::{STARTED, drilled};
use crate::harness::{Folder, Run, mode, recovery, typed_at};
use crate::world;
use quorate_backup::SoftKind;
use quorate_codec::{Digest, from_bytes, to_bytes};
use quorate_identity::words;
use quorate_recovery::drill::{Drill, DrillPart};
use quorate_recovery::key_file::KeyFile;
use quorate_recovery::passphrase::{Cost, Passphrase};
use serde_json::json;

/// A folder with a backup, a drill, the key file of a custodian and passphrases.
fn folder(drill: &Drill, who: &str) -> Folder {
    let folder = Folder::new();
    folder.write("backup", &drilled().file);
    folder.write("drill", to_bytes(drill));
    let secret = custodian_secret(SoftKind::X25519, 1, who);
    let cost = Cost::new(64, 1, 1).unwrap();
    let phrase = Passphrase::from("correct horse");
    let key = KeyFile::seal(name(who), &secret, &phrase, cost, [3; 16]).unwrap();
    folder.write("key", key.to_string());
    folder
}

fn call(folder: &Folder) -> Vec<String> {
    let genesis = world().domain.state.genesis().to_string();
    let at = |name: &str| folder.at(name);
    ["drill", &at("backup"), &at("drill"), "--genesis", &genesis]
        .into_iter()
        .chain(["--key", &at("key"), "--output", &at("part")])
        .map(str::to_owned)
        .collect()
}

fn run(folder: &Folder, passphrase: &str) -> Run {
    let call = call(folder);
    folder.run(&call.iter().map(String::as_str).collect::<Vec<_>>(), Some(passphrase))
}

/// REC-51 to REC-53: from a drill to a part that whoever started it opens.
#[test]
fn a_custodian_takes_part_in_a_drill() {
    let held = &drilled().held;
    let parts = ["greta", "iris"].map(|who| {
        let folder = folder(held.drill(), who);
        let shown = run(&folder, "right").ok();
        assert_eq!((&shown["custodian"], &shown["started_by"]), (&json!(who), &json!("ada")));
        assert_eq!(
            (&shown["drill"], &shown["started_ms"]),
            (&json!(held.drill().id()), &json!(STARTED))
        );
        assert_eq!(mode(&folder.path("part")), 0o600);
        let seen = folder.inspect("part").ok();
        assert_eq!((&seen["what"], &seen["custodian"]), (&json!("drill_part"), &json!(who)));
        assert_eq!(seen["made_at_ms"], shown["made_at_ms"]);
        let seen = folder.inspect("drill").ok();
        assert_eq!((&seen["what"], &seen["started_by"]), (&json!("drill"), &json!("ada")));
        assert_eq!(seen["asked"].as_array().unwrap().len(), 3);
        let people = recovery(&["inspect", &folder.at("drill")]).stdout;
        assert!(people.starts_with("a drill for 3 custodians, which says that ada started it"));
        let people = recovery(&["inspect", &folder.at("part")]).stdout;
        assert!(people.starts_with(&format!("custodian {who}'s part in drill 0x")), "{people}");
        from_bytes::<DrillPart>(&folder.read("part")).unwrap()
    });
    assert_eq!(held.finish(&parts).unwrap().took_part().len(), 2);
}

/// REC-51: people see that it is a drill, of which domain and who started it, before they type
/// anything.
#[test]
fn a_custodian_sees_what_it_is_before_anything_is_typed() {
    let folder = folder(drilled().held.drill(), "greta");
    let call = call(&folder);
    let call: Vec<&str> = call.iter().map(String::as_str).collect();
    let (shown, code) = typed_at(&call, &["of the key: "], &["correct horse"]);
    assert_eq!(code, Some(0), "{shown}");
    let before = shown.split("of the key: ").next().unwrap();
    for told in [
        "This is a DRILL",
        "no share of any key",
        "domain drawn, a trial",
        &words(&world().domain.state.genesis().digest()).join(" "),
        "2027-01-15 08:00:01 UTC by ada, as the drill says itself",
        "for      2 of (greta, hugo, iris)",
        "Custodian greta takes part",
    ] {
        assert!(before.contains(told), "{told}: {shown}");
    }
    assert!(shown.contains("No share was touched"), "{shown}");
}

/// REC-06, REC-51, REC-52: everything by which a custodian is told that nothing is opened.
#[test]
fn neg_084_a_crafted_drill_is_refused_before_a_passphrase() {
    let good = drilled().held.drill();
    let shares = &world().ops.kept.bundles[0].bytes;
    let other = Domain::founded(2, SoftKind::X25519).state.genesis();
    let crafted = Drill { canary: quorate_backup::bundle_digest(shares), ..good.clone() };
    let unreadable = Drill { arrival: vec![0; 9], ..good.clone() };
    for (drill, exit, code) in [
        (crafted, 5, "bad_drill"),
        (unreadable, 5, "bad_drill"),
        (Drill { export: Digest::ZERO, ..good.clone() }, 2, "other_backup"),
        (Drill { genesis: other, ..good.clone() }, 2, "other_domain"),
    ] {
        let folder = folder(&drill, "greta");
        // A wrong passphrase would be told if it were asked for.
        assert_eq!(run(&folder, "wrong").refused(exit).0, code);
        assert!(!folder.path("part").exists());
    }
    let folder = folder(good, "greta");
    assert_eq!(run(&folder, "wrong").refused(2).0, "wrong_passphrase");
    folder.write("part", "mine");
    assert_eq!(run(&folder, "right").refused(2).0, "file_exists");
    assert_eq!(folder.text("part"), "mine");
    std::fs::remove_file(folder.path("part")).unwrap();
    folder.write("drill", "hello");
    assert_eq!(run(&folder, "right").refused(2).0, "bad_drill");
    let stranger = self::folder(good, "greta");
    let secret = custodian_secret(SoftKind::X25519, 9, "greta");
    let cost = Cost::new(64, 1, 1).unwrap();
    let key =
        KeyFile::seal(name("greta"), &secret, &Passphrase::from("correct horse"), cost, [3; 16]);
    stranger.write("key", key.unwrap().to_string());
    assert_eq!(run(&stranger, "right").refused(2).0, "another_key");
    let (backup, drill) = (stranger.at("backup"), stranger.at("drill"));
    let (key, output) = (stranger.at("key"), stranger.at("part"));
    let none = ["--json", "drill", &backup, &drill, "--key", &key, "--output", &output];
    assert_eq!(recovery(&none).refused(2).0, "genesis_needed");
}
