//! The program from outside: custodians take a whole key out of their domain.

use crate::domain::{Domain, custodian_secret, name, written};
use crate::harness::{Folder, Run, mode, recovery, typed_at};
use crate::opening::key_file;
use crate::whole_keys::{ALL, file, secret};
use crate::world;
use bitcoin::PrivateKey;
use quorate_backup::SoftKind;
use quorate_charter::MotionBody;
use quorate_codec::hex;
use quorate_curve::{Secp256k1, SecretScalar};
use quorate_identity::words;
use serde_json::{Value, json};

/// A folder with a backup, the key files of all custodians, and passphrases.
fn folder(file: &[u8]) -> Folder {
    let folder = Folder::new();
    folder.write("backup", file);
    ALL.iter().for_each(|who| folder.write(who, key_file(who, 1)));
    folder.write("phrase", "open sesame\n");
    folder.write("whole-phrase", "a whole key\n");
    folder
}

/// The words of a call of `combine` for a domain, with these custodians' keys.
fn call(folder: &Folder, domain: &Domain, who: &[&str], more: &[&str]) -> Vec<String> {
    let (backup, genesis) = (folder.at("backup"), domain.state.genesis().to_string());
    let mut call = ["combine", &backup, "--genesis", &genesis].map(str::to_owned).to_vec();
    call.extend(who.iter().flat_map(|who| ["--key".to_owned(), folder.at(who)]));
    call.extend(["--output".to_owned(), folder.at("whole")]);
    call.extend(more.iter().map(|word| (*word).to_owned()));
    call
}

/// Runs it for programs, each passphrase from a file, without questions. Nothing that it says holds
/// anything of a key.
fn combine(folder: &Folder, domain: &Domain, who: &[&str], more: &[&str]) -> Run {
    let phrase = folder.at("phrase");
    let mut call = call(folder, domain, who, more);
    call.extend(who.iter().flat_map(|_| ["--passphrase-file", &phrase]).map(str::to_owned));
    call.extend(["--json", "--yes"].map(str::to_owned));
    let run = recovery(&call.iter().map(String::as_str).collect::<Vec<_>>());
    assert_silent(&format!("{}{}", run.stdout, run.stderr));
    run
}

#[track_caller]
fn assert_silent(said: &str) {
    for account in 0..2 {
        let secret = hex::encode(&secret(&world().treasury, account));
        assert!(!said.contains(&secret[2..]), "{said}");
    }
    assert!(!said.contains("open sesame") && !said.contains("a whole key"), "{said}");
}

/// REC-46 to REC-49: from a backup to a key in a form that is encrypted, and in one that is not.
#[test]
fn custodians_take_a_key_out() {
    let (folder, domain) = (folder(file()), &world().domain);
    let sealed = ["--name", "treasury", "--account", "1", "--format", "keystore"];
    let phrase = folder.at("whole-phrase");
    let sealed = [&sealed[..], &["--output-passphrase-file", &phrase]].concat();
    let shown = combine(&folder, domain, &ALL, &sealed).ok();
    let account = &world().treasury.kept.record.accounts[1];
    let expected = json!({
        "genesis": domain.state.genesis(),
        "genesis_words": words(&domain.state.genesis().digest()).join(" "),
        "name": "treasury", "key": world().treasury.kept.record.plan.key,
        "scheme": "ecdsa-secp256k1", "account": 1,
        "public_key": hex::encode(&account.public_key),
        "custodians": ALL, "liars": [], "silent": [], "format": "keystore", "encrypted": true,
        "output": folder.at("whole"),
    });
    assert_eq!(shown, expected);
    assert_eq!(mode(&folder.path("whole")), 0o600);
    let read = eth_keystore::decrypt_key(folder.path("whole"), "a whole key").unwrap();
    assert_eq!(read, secret(&world().treasury, 1));

    std::fs::remove_file(folder.path("whole")).unwrap();
    let plain = ["--name", "vault", "--format", "wif", "--unencrypted", "--network", "testnet"];
    let shown = combine(&folder, domain, &ALL, &plain).ok();
    assert_eq!((&shown["encrypted"], &shown["account"]), (&json!(false), &json!(0)));
    let read = PrivateKey::from_wif(folder.text("whole").trim()).unwrap();
    assert_eq!(read.to_bytes(), secret(&world().vault, 0));
    assert_eq!(read.network, bitcoin::NetworkKind::Test);
    assert_eq!(mode(&folder.path("whole")), 0o600);
}

/// REC-47: people read what it means, type the name of the key, and only then passphrases, each of whom
/// is named.
#[test]
fn people_confirm_by_the_name_of_the_key() {
    let (folder, domain) = (folder(file()), &world().domain);
    let more = ["--name", "treasury", "--format", "pkcs8"];
    let call = call(&folder, domain, &ALL, &more);
    let call: Vec<&str> = call.iter().map(String::as_str).collect();
    let whose = ALL.map(|who| format!("passphrase of custodian {who}: "));
    let prompts = ["to go on: ", "seals the whole key: ", "the same again: "];
    let prompts = [prompts.as_slice(), &whose.each_ref().map(String::as_str)].concat();
    for no in ["yes", "", "vault"] {
        let (shown, code) = typed_at(&call, &prompts, &[no]);
        assert_eq!(code, Some(2), "{shown}");
        assert!(shown.contains("nothing was opened"), "{shown}");
    }
    let (shown, code) = typed_at(&call, &prompts, &["treasury", "a whole key", "a whole kay"]);
    assert_eq!(code, Some(2), "{shown}");
    assert!(shown.contains("the two passphrases are not the same"), "{shown}");
    assert!(!folder.path("whole").exists());
    let lines = ["treasury", "a whole key", "a whole key"];
    let lines = [lines.as_slice(), &["open sesame"; 3]].concat();
    let (shown, code) = typed_at(&call, &prompts, &lines);
    assert_eq!(code, Some(0), "{shown}");
    assert!(folder.text("whole").starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    let account = |at: usize| hex::encode(&world().treasury.kept.record.accounts[at].public_key);
    let said = [
        &words(&domain.state.genesis().digest()).join(" "),
        "The WHOLE key treasury is about to be put together on this machine.",
        "signatures  ecdsa-secp256k1",
        &format!("account 0   {}, which is written", account(0)),
        &format!("account 1   {}\r\n", account(1)),
        "needs       all of (greta, hugo, iris)",
        "here        greta, hugo, iris",
        "as          PKCS #8, encrypted",
        "the key exists whole in one place",
        "No policy, no approval and no limit",
        "for ever",
        "Type treasury to go on: ",
        whose[0].as_str(),
        whose[1].as_str(),
        whose[2].as_str(),
        "The whole key treasury is in ",
        "move what it protects to a new key at once",
    ];
    let mut rest = shown.as_str();
    for said in said {
        let at = rest.find(said).unwrap_or_else(|| panic!("{said}: {shown}"));
        rest = &rest[at..];
    }
}

/// REC-47: where nobody can be asked, nothing is opened.
#[test]
fn without_a_terminal_a_script_says_yes() {
    let (folder, domain) = (folder(file()), &world().domain);
    let more = ["--name", "ops", "--format", "raw", "--unencrypted", "--json"];
    let call = call(&folder, domain, &ALL, &more);
    let run = recovery(&call.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(run.refused(2).0, "confirmation_needed");
    assert!(!folder.path("whole").exists());
}

/// REC-46, REC-48: too few custodians are told who is missing before anybody types a passphrase; a
/// stranger, or one who comes twice, opens nothing.
#[test]
fn neg_071_too_few_custodians_open_nothing() {
    let (folder, domain) = (folder(file()), &world().domain);
    let more = ["--name", "ops", "--format", "raw", "--unencrypted"];
    let refused = |who: &[&str]| combine(&folder, domain, who, &more).refused(2);
    let (code, message) = refused(&["greta", "iris"]);
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("custodians_missing", "custodians are missing: hugo")
    );
    folder.write("wrong", "open barley\n");
    assert_eq!(refused(&["greta", "iris", "greta"]).0, "custodian_twice");
    folder.write("hugo", key_file("hugo", 9));
    let (code, message) = refused(&ALL);
    let stranger = custodian_secret(SoftKind::X25519, 9, "hugo").public().id();
    assert_eq!(code, "another_key");
    assert!(message.contains(&words(&stranger.digest()).join(" ")), "{message}");
    assert!(!folder.path("whole").exists());
}

/// REC-06, REC-46 to REC-49: everything else by which nothing is opened, and what is left is what was
/// there.
#[test]
fn nothing_is_opened_and_nothing_overwritten() {
    let (folder, domain) = (folder(file()), &world().domain);
    let refused = |more: &[&str]| combine(&folder, domain, &ALL, more).refused(2).0;
    let wif = |key| ["--name", key, "--format", "wif", "--unencrypted"];
    assert_eq!(refused(&wif("savings")), "unknown_key");
    assert_eq!(refused(&["--name", "vault", "--format", "wif"]), "unencrypted_needed");
    assert_eq!(refused(&["--name", "vault", "--format", "xprv"]), "unencrypted_needed");
    assert_eq!(refused(&["--name", "vault", "--format", "raw"]), "unencrypted_needed");
    for wrong in [
        &["--name", "ops", "--format", "wif", "--unencrypted"][..],
        &["--name", "ops", "--format", "pkcs8"],
        &["--name", "vault", "--format", "keystore", "--unencrypted"],
        &["--name", "vault", "--format", "pkcs8", "--network", "testnet"],
    ] {
        assert_eq!(refused(wrong), "wrong_format", "{wrong:?}");
    }
    let account = [&wif("treasury")[..], &["--account", "2"]].concat();
    assert_eq!(refused(&account), "unknown_account");
    let empty = folder.at("empty");
    folder.write("empty", "\n");
    let sealed = ["--name", "vault", "--format", "pkcs8", "--output-passphrase-file", &empty];
    assert_eq!(refused(&sealed), "empty_passphrase");
    let uneven = [&wif("vault")[..], &["--passphrase-file", &empty]].concat();
    assert_eq!(refused(&uneven), "bad_usage");
    let both = [&wif("vault")[..], &["--output-passphrase-file", &empty]].concat();
    assert_eq!(refused(&both), "bad_usage");
    folder.write("phrase", "open barley\n");
    assert_eq!(refused(&wif("vault")), "wrong_passphrase");
    assert!(!folder.path("whole").exists());
    folder.write("whole", "mine");
    assert_eq!(refused(&wif("vault")), "file_exists");
    assert_eq!(folder.text("whole"), "mine");

    let (backup, key, output) = (folder.at("backup"), folder.at("greta"), folder.at("none"));
    let call = ["combine", &backup, "--key", &key, "--output", &output, "--json"];
    assert_eq!(recovery(&[&call[..], &wif("vault")].concat()).refused(2).0, "genesis_needed");
}

/// REC-46: what is retired is opened only where that is said; what has shares alone, not at all.
#[test]
fn retired_and_imported_keys_are_told() {
    let mut domain = world().domain.clone();
    let imported = SecretScalar::<Secp256k1>::from_wide(&[9; 64]);
    domain.order_import("old", &imported);
    let made = domain.import("old", &imported);
    domain.place(MotionBody::KeyRetire { name: name("vault") });
    let keys = [world().keys().as_slice(), &[made.kept]].concat();
    let folder = folder(&written(&domain.items(&keys)));
    let wif = |key| ["--name", key, "--format", "wif", "--unencrypted"];
    let (code, message) = combine(&folder, &domain, &ALL, &wif("old")).refused(2);
    assert!(code == "shares_alone" && message.contains("was imported"), "{message}");
    assert_eq!(combine(&folder, &domain, &ALL, &wif("vault")).refused(2).0, "key_retired");
    let meant = [&wif("vault")[..], &["--retired"]].concat();
    assert_eq!(combine(&folder, &domain, &ALL, &meant).ok()["name"], "vault");
}

/// REC-46: a file that does not hold is refused as `verify` refuses it, report and status.
#[test]
fn neg_083_a_file_that_does_not_hold_is_refused_as_verify_does() {
    let [mut ops, treasury, vault] = world().keys();
    ops.bundles[0].bytes[500] ^= 1;
    let domain = &world().domain;
    let folder = folder(&written(&domain.items(&[ops, treasury, vault])));
    let (backup, genesis) = (folder.at("backup"), domain.state.genesis().to_string());
    let verified = recovery(&["--json", "verify", &backup, "--genesis", &genesis]);
    let run =
        combine(&folder, domain, &ALL, &["--name", "vault", "--format", "wif", "--unencrypted"]);
    assert_eq!((run.code, &run.stdout, &run.stderr), (Some(5), &verified.stdout, &verified.stderr));
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["holds"], json!(false));
    assert!(!folder.path("whole").exists());
}
