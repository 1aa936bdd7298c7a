//! The program from outside: anybody verifies an export, and the recipient opens it.

use crate::domain::Domain;
use crate::exports::{given, parts};
use crate::harness::{Folder, Run, mode, recovery, typed_at};
use crate::whole_keys::secret;
use crate::world;
use quorate_backup::{RecoveryKey, RecoveryKeyLine};
use quorate_codec::{hex, to_bytes};
use quorate_identity::Head;
use quorate_recovery::export::{ExportFile, NodePart};
use serde_json::json;
use std::sync::OnceLock;

/// A folder with the recipient's key file, the domain that gave `treasury` to it, and what its nodes gave.
struct Given {
    folder: Folder,
    domain: Domain,
    export: Head,
    file: ExportFile,
}

fn made() -> &'static Given {
    static GIVEN: OnceLock<Given> = OnceLock::new();
    GIVEN.get_or_init(|| {
        let folder = Folder::new();
        folder.keygen("gil", "hybrid");
        folder.keygen("hal", "hybrid");
        let line: RecoveryKeyLine = folder.text("gil.pub").parse().unwrap();
        let to: RecoveryKey = line.key;
        let (mut domain, treasury) = (world().domain.clone(), &world().treasury);
        let export = domain.export("treasury", &to);
        let part = |node: &&str| -> NodePart { domain.part(treasury, export, node, &to) };
        let parts: Vec<NodePart> = ["node-1", "node-2"].iter().map(part).collect();
        let file = domain.export_file(&treasury.kept.record, export, &parts);
        folder.write("export", to_bytes(&file));
        folder.write("whole-phrase", "a whole key\n");
        Given { folder, domain, export, file }
    })
}

fn open(given: &Given, key: &str, output: &str, more: &[&str]) -> Run {
    let (folder, genesis) = (&given.folder, given.domain.state.genesis().to_string());
    let (file, key, output) = (folder.at("export"), folder.at(key), folder.at(output));
    let call = ["export", "open", &file, "--genesis", &genesis, "--key", &key, "--output", &output];
    let call = [&call[..], &["--json", "--yes"], more].concat();
    let phrase = folder.at("right");
    let run = recovery(&[&call[..], &["--passphrase-file", &phrase]].concat());
    for account in 0..2 {
        let secret = hex::encode(&secret(&world().treasury, account));
        assert!(!format!("{run:?}").contains(&secret[2..]), "{run:?}");
    }
    run
}

/// KEX-13, KEX-14: verified by anybody; opened by the recipient into files that others cannot read, in
/// the forms that an import reads; never over another, and never without the right key.
#[test]
fn an_export_is_verified_and_opened() {
    let given = made();
    let (folder, genesis) = (&given.folder, given.domain.state.genesis().to_string());
    let verify = ["--json", "export", "verify", &folder.at("export"), "--genesis", &genesis];
    let report = recovery(&verify).ok();
    assert_eq!((&report["name"], &report["recipient"]), (&json!("treasury"), &json!("gil")));
    assert_eq!(report["entry"], json!(given.export));
    assert_eq!(report["missing"], json!(null));
    assert_eq!(report["parts"].as_array().unwrap().len(), 2);

    let sealed = folder.at("whole-phrase");
    let more = ["--format", "keystore", "--account", "1", "--output-passphrase-file", &sealed];
    let shown = open(given, "gil", "keystore", &more).ok();
    assert_eq!(shown["encrypted"], json!(true));
    assert_eq!(mode(&folder.path("keystore")), 0o600);
    let read = eth_keystore::decrypt_key(folder.path("keystore"), "a whole key").unwrap();
    assert_eq!(read, secret(&world().treasury, 1));
    let (code, _) = open(given, "gil", "keystore", &more).refused(2);
    assert_eq!(code, "file_exists");

    let all = ["--format", "raw", "--unencrypted", "--all"];
    let shown = open(given, "gil", "all", &all).ok();
    assert_eq!(shown["accounts"].as_array().unwrap().len(), 2);
    for account in 0..2 {
        let file = format!("all.{account}");
        let expected = hex::encode(&secret(&world().treasury, account));
        assert_eq!(format!("0x{}", folder.text(&file).trim()), expected);
        assert_eq!(mode(&folder.path(&file)), 0o600);
    }
    let raw = ["--format", "raw", "--unencrypted"];
    let (code, message) = open(given, "hal", "no", &raw).refused(2);
    assert_eq!(code, "another_key", "{message}");
    let (code, _) = open(given, "gil", "no", &[&raw[..], &["--account", "2"]].concat()).refused(2);
    assert_eq!(code, "unknown_account");
    assert!(!folder.path("no").exists());

    let (code, _) = recovery(&["--json", "export", "verify", &folder.at("export")]).refused(2);
    assert_eq!(code, "genesis_needed");
    let elsewhere = format!("0x{}", "11".repeat(32));
    let other = ["--json", "export", "verify", &folder.at("export"), "--genesis", &elsewhere];
    assert_eq!(recovery(&other).refused(5).0, "export_refused");
    let (code, _) =
        recovery(&["--json", "export", "verify", &folder.at("gil"), "--genesis", &genesis])
            .refused(2);
    assert_eq!(code, "bad_file");
    let seen = folder.inspect("export").ok();
    assert_eq!(seen["what"], json!("export"));
}

/// KEX-13: a part that is false, and parts that are too few, end with their own codes after the report.
#[test]
fn what_does_not_hold_is_told_and_nothing_is_written() {
    let given = made();
    let (folder, genesis) = (&given.folder, given.domain.state.genesis().to_string());
    let verify = |name: &str, file: &ExportFile| {
        folder.write(name, to_bytes(file));
        recovery(&["--json", "export", "verify", &folder.at(name), "--genesis", &genesis])
    };
    let few = ExportFile { parts: given.file.parts[..1].to_vec(), ..given.file.clone() };
    let run = verify("few", &few);
    assert_eq!(run.code, Some(5));
    assert!(run.stderr.contains("export_incomplete") && run.stdout.contains("node-"), "{run:?}");
    let record = &world().treasury.kept.record;
    let lie = given.domain.gives(record, given.export, "node-3", b"nothing");
    let mut parts = given.file.parts.clone();
    parts.push(lie);
    let lied = given.domain.export_file(record, given.export, &parts);
    let run = verify("lied", &lied);
    assert_eq!(run.code, Some(5));
    assert!(run.stderr.contains("export_false"), "{run:?}");
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let told = report["parts"].as_array().unwrap().iter().find(|it| it["node"] == "node-3");
    assert_eq!(told.unwrap()["lied"], json!(true));
    let call = ["export", "open", &folder.at("few"), "--genesis", &genesis];
    let (key, phrase, output) = (folder.at("gil"), folder.at("right"), folder.at("none"));
    let held = ["--key", &key, "--passphrase-file", &phrase, "--output", &output];
    let form = ["--format", "raw", "--unencrypted", "--json", "--yes"];
    let run = recovery(&[&call[..], &held, &form].concat());
    assert!(run.stderr.contains("export_incomplete"), "{run:?}");
    assert!(!folder.path("none").exists());
}

/// KEX-14: people read what it means, and type the name of the key before any passphrase.
#[test]
fn people_confirm_an_export_by_the_name_of_the_key() {
    let given = made();
    let (folder, genesis) = (&given.folder, given.domain.state.genesis().to_string());
    let (file, key, output) = (folder.at("export"), folder.at("gil"), folder.at("typed"));
    let call = ["export", "open", &file, "--genesis", &genesis, "--key", &key, "--output", &output];
    let call = [&call[..], &["--format", "raw", "--unencrypted"]].concat();
    let prompts = ["to go on: ", "passphrase of the key: "];
    let (shown, code) = typed_at(&call, &prompts, &["vault"]);
    assert_eq!(code, Some(2), "{shown}");
    assert!(shown.contains("nothing was opened"), "{shown}");
    let (shown, code) = typed_at(&call, &prompts, &["treasury", "correct horse"]);
    assert_eq!(code, Some(0), "{shown}");
    for said in [
        "given whole to gil",
        "The WHOLE key treasury is about to be put together on this machine.",
        "signs with the key for ever",
        "node-1 holds",
    ] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    let expected = hex::encode(&secret(&world().treasury, 0));
    assert_eq!(format!("0x{}", folder.text("typed").trim()), expected);
}

/// The same through a domain whose parts are those of the library's tests, for a key of Ed25519.
#[test]
fn a_key_of_another_form_is_refused_its_form() {
    let of_library = given();
    let ops = &world().ops;
    let folder = Folder::new();
    folder.keygen("gil", "x25519");
    let all = parts(ops, of_library.ops, &["node-1", "node-2"]);
    let file = of_library.domain.export_file(&ops.kept.record, of_library.ops, &all);
    folder.write("export", to_bytes(&file));
    let genesis = of_library.domain.state.genesis().to_string();
    let call = ["export", "open", &folder.at("export"), "--genesis", &genesis];
    let (key, phrase, output) = (folder.at("gil"), folder.at("right"), folder.at("none"));
    let held = ["--key", &key, "--passphrase-file", &phrase, "--output", &output];
    let form = ["--format", "wif", "--unencrypted", "--json", "--yes"];
    let run = recovery(&[&call[..], &held, &form].concat());
    assert_eq!(run.refused(2).0, "wrong_format");
}
