//! The program from outside: a custodian opens its part for a lost node's seat.

use crate::domain::{Domain, Kept, custodian_secret, name, written};
use crate::harness::{Folder, Run, mode, recovery, typed_at};
use crate::seats::{Lost, NODE, lost};
use crate::world;
use quorate_backup::SoftKind;
use quorate_charter::MotionBody;
use quorate_codec::from_bytes;
use quorate_identity::words;
use quorate_recovery::key_file::KeyFile;
use quorate_recovery::passphrase::{Cost, Passphrase};
use quorate_recovery::seat::SeatPart;
use serde_json::{Value, json};

/// A folder with a backup, the key file of a custodian and passphrases.
fn folder(file: &[u8], who: &str) -> Folder {
    let folder = Folder::new();
    folder.write("backup", file);
    folder.write("key", key_file(who, 1));
    folder
}

/// The key file of a custodian, under `open sesame`.
pub fn key_file(who: &str, seed: u8) -> String {
    let secret = custodian_secret(SoftKind::X25519, seed, who);
    let phrase = Passphrase::from("open sesame");
    let cost = Cost::new(64, 1, 1).unwrap();
    KeyFile::seal(name(who), &secret, &phrase, cost, [3; 16]).unwrap().to_string()
}

/// Runs `open` for a domain with these options besides.
fn open(folder: &Folder, domain: &Domain, more: &[&str]) -> Run {
    let (backup, key) = (folder.at("backup"), folder.at("key"));
    let (output, genesis) = (folder.at("part"), domain.state.genesis().to_string());
    folder.write("phrase", "open sesame\n");
    folder.write("wrong", "open barley\n");
    let call = ["open", &backup, "--genesis", &genesis, "--key", &key, "--output", &output];
    let with_seat = ["--seat", NODE];
    let with_seat = if more.contains(&"--seat") { &[][..] } else { &with_seat };
    recovery(&[&call, with_seat, more].concat())
}

/// The same for programs, with a passphrase and without questions.
fn opened(folder: &Folder, domain: &Domain, phrase: &str) -> Run {
    let phrase = folder.at(phrase);
    open(folder, domain, &["--json", "--yes", "--passphrase-file", &phrase])
}

/// A domain with these motions placed before the seat is given.
fn after(motions: Vec<MotionBody>, keys: &[Kept]) -> Lost {
    let mut domain = world().domain.clone();
    motions.into_iter().for_each(|motion| domain.place(motion));
    Lost::to(domain, 1, keys)
}

/// REC-33, REC-35, REC-37: from a file to a part that the new machine opens.
#[test]
fn a_custodian_opens_its_part() {
    let lost = lost();
    let claim = lost.domain.claim(NODE, &lost.arrival).digest();
    let claim_words = words(&claim).join(" ");
    let parts = ["greta", "iris"].map(|who| {
        let folder = folder(&lost.file, who);
        let shown = opened(&folder, &lost.domain, "phrase").ok();
        assert_eq!((&shown["custodian"], &shown["seat"]), (&json!(who), &json!(NODE)));
        assert_eq!((&shown["claim"], &shown["claim_words"]), (&json!(claim), &json!(claim_words)));
        assert_eq!((&shown["expired_ms"], &shown["later"]), (&Value::Null, &json!([])));
        let mut epochs: Vec<(String, u64)> = shown["opened"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| (it["name"].as_str().unwrap().to_owned(), it["epoch"].as_u64().unwrap()))
            .collect();
        epochs.sort();
        let expected = [("ops", 1), ("treasury", 0), ("vault", 0)];
        assert_eq!(epochs, expected.map(|(key, epoch)| (key.to_owned(), epoch)));
        assert_eq!(mode(&folder.path("part")), 0o600);
        let seen = folder.inspect("part").ok();
        assert_eq!((&seen["what"], &seen["custodian"]), (&json!("seat_part"), &json!(who)));
        assert_eq!(seen["node"], json!(lost.domain.node(NODE)));
        from_bytes::<SeatPart>(&folder.read("part")).unwrap()
    });
    assert_eq!(lost.restore(&parts).unwrap().keys.len(), 3);
}

/// REC-35: people see whose words to compare before they type anything; and where nobody can be asked,
/// nothing is opened.
#[test]
fn the_words_of_the_claim_are_shown_first() {
    let lost = lost();
    let folder = folder(&lost.file, "greta");
    let wrong = folder.at("wrong");
    let run = open(&folder, &lost.domain, &["--passphrase-file", &wrong]);
    assert_eq!(run.code, Some(2), "{run:?}");
    let claim = lost.domain.claim(NODE, &lost.arrival).digest();
    for shown in [
        "domain drawn, a trial",
        &words(&lost.domain.state.genesis().digest()).join(" "),
        &words(&claim).join(" "),
        "Read these words on the machine itself",
        "Custodian greta opens the shares of node-3 of\n",
        "  ops              epoch 1\n",
    ] {
        assert!(run.stdout.contains(shown), "{shown}: {run:?}");
    }
    assert!(run.stderr.contains("there is no terminal"), "{run:?}");
    let phrase = folder.at("wrong");
    let run = open(&folder, &lost.domain, &["--yes", "--passphrase-file", &phrase]);
    assert!(run.stderr.contains("the passphrase is wrong"), "{run:?}");
    assert!(!folder.path("part").exists());
}

/// REC-35: who reads the words types the node's name, then the passphrase; who types anything else is
/// not even asked for it.
#[test]
fn a_custodian_confirms_by_the_name_of_the_node() {
    let lost = lost();
    let folder = folder(&lost.file, "greta");
    let (backup, key, output) = (folder.at("backup"), folder.at("key"), folder.at("part"));
    let genesis = lost.domain.state.genesis().to_string();
    let call = [
        &["open", &backup, "--genesis", &genesis, "--seat", NODE][..],
        &["--key", &key, "--output", &output],
    ]
    .concat();
    let prompts = ["to go on: ", "of the key: "];
    for no in ["yes", "", "node-1"] {
        let (shown, code) = typed_at(&call, &prompts, &[no]);
        assert_eq!(code, Some(2), "{shown}");
        assert!(shown.contains("nothing was opened"), "{shown}");
        assert!(!folder.path("part").exists());
    }
    let (shown, code) = typed_at(&call, &prompts, &[NODE, "open sesame"]);
    assert_eq!(code, Some(0), "{shown}");
    assert!(folder.path("part").exists());
}

/// REC-06, REC-33 to REC-36: everything by which a custodian is told that nothing is opened, and what to
/// do.
#[test]
fn nothing_is_opened_and_nothing_overwritten() {
    let lost = lost();
    let held = folder(&lost.file, "greta");
    assert_eq!(opened(&held, &lost.domain, "wrong").refused(2).0, "wrong_passphrase");
    held.write("part", "mine");
    assert_eq!(opened(&held, &lost.domain, "phrase").refused(2).0, "file_exists");
    assert_eq!(held.text("part"), "mine");

    let file = written(&world().domain.items(&world().keys()));
    let missing = folder(&file, "greta");
    let (code, message) = opened(&missing, &world().domain, "phrase").refused(2);
    assert_eq!(code, "seat_not_given");
    assert_eq!(message, "the charter gives the seat of node-3 to nobody");

    let stranger = folder(&lost.file, "greta");
    stranger.write("key", key_file("greta", 9));
    let (code, _) = opened(&stranger, &lost.domain, "phrase").refused(2);
    assert_eq!(code, "another_key");

    let elsewhere = folder(&lost.file, "greta");
    let call = ["--seat", "node-9", "--json", "--yes"];
    let run = open(&elsewhere, &lost.domain, &call);
    assert_eq!(run.refused(2).0, "unknown_node");
    let (backup, key) = (elsewhere.at("backup"), elsewhere.at("key"));
    let output = elsewhere.at("part");
    let call = ["--json", "open", &backup, "--key", &key, "--output", &output, "--seat", NODE];
    assert_eq!(recovery(&call).refused(2).0, "genesis_needed");
    let retired = ["ops", "treasury", "vault"].map(|key| MotionBody::KeyRetire { name: name(key) });
    let retired = after(retired.into(), &world().keys());
    let nothing = folder(&retired.file, "greta");
    let (code, _) = opened(&nothing, &retired.domain, "phrase").refused(2);
    assert_eq!(code, "nothing_to_restore");
    for folder in [missing, stranger, elsewhere, nothing] {
        assert!(!folder.path("part").exists());
    }
}

/// REC-33: a file that does not hold is refused as `verify` refuses it, report and status.
#[test]
fn neg_083_a_file_that_does_not_hold_is_refused_as_verify_does() {
    let lost = lost();
    let [mut ops, treasury, vault] = world().keys();
    ops.bundles[0].bytes[500] ^= 1;
    let folder = folder(&written(&lost.domain.items(&[ops, treasury, vault])), "greta");
    let (backup, genesis) = (folder.at("backup"), lost.domain.state.genesis().to_string());
    let verified = recovery(&["--json", "verify", &backup, "--genesis", &genesis]);
    let run = opened(&folder, &lost.domain, "phrase");
    assert_eq!((run.code, &run.stdout, &run.stderr), (Some(5), &verified.stdout, &verified.stderr));
    assert_eq!(verified.code, Some(5));
    assert!(!folder.path("part").exists());
}

/// GOV-50: who is overdue is told and hindered in nothing.
#[test]
fn an_expired_custodian_opens_all_the_same() {
    let mut custody = world().domain.state.custody().clone();
    custody.custodians[0].expires_ms = Some(1_000);
    let motion = MotionBody::CustodySet { custody, excepted: Vec::new() };
    let lost = after(vec![motion], &world().keys());
    let told = folder(&lost.file, "greta");
    let phrase = told.at("phrase");
    let run = open(&told, &lost.domain, &["--yes", "--passphrase-file", &phrase]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let warning = "Warning: the key of greta is overdue since 1970-01-01 00:00:01 UTC";
    assert!(run.stdout.contains(warning), "{run:?}");
    assert!(run.stdout.contains("3 keys are opened for the machine that has the seat of node-3"));
    let shown = opened(&folder(&lost.file, "greta"), &lost.domain, "phrase").ok();
    assert_eq!(shown["expired_ms"], 1_000);
    let shown = opened(&folder(&lost.file, "hugo"), &lost.domain, "phrase").ok();
    assert_eq!(shown["expired_ms"], Value::Null);
}
