//! Keys in files.

use crate::harness::{Folder, mode, recovery};
use quorate_backup::RecoveryKeyLine;
use quorate_identity::words;
use serde_json::json;
use std::fs;

/// REC-03, REC-06, BAK-24: the file says what it is, and the line beside it is what is enrolled.
#[test]
fn a_key_is_made_of_every_kind() {
    let folder = Folder::new();
    for kind in ["hybrid", "x25519", "p256"] {
        let made = folder.keygen(kind, kind);
        let line = folder.text(&format!("{kind}.pub"));
        let line: RecoveryKeyLine = line.parse().unwrap();
        assert_eq!((line.name.as_str(), line.key.kind_name()), (kind, kind));
        let words = words(&line.key.id().digest()).join(" ");
        let expected = json!({
            "name": kind, "kind": kind, "key": line.key.id(), "words": words, "pages": [],
            "file": folder.at(kind), "public": folder.at(&format!("{kind}.pub")),
        });
        assert_eq!(made, expected);
        assert_eq!(mode(&folder.path(kind)), 0o600);

        let seen = json!({ "name": kind, "kind": kind, "key": line.key.id(), "words": words });
        for (file, what) in [(kind.to_owned(), "key_file"), (format!("{kind}.pub"), "public_key")] {
            let mut expected = seen.clone();
            expected["what"] = json!(what);
            assert_eq!(folder.inspect(&file).ok(), expected);
        }
    }
    let text = folder.text("hybrid");
    assert!(text.starts_with("quorate-recovery-secret-1\nname: hybrid\nkind: hybrid\nkey: 0x"));
    assert!(text.contains("\nargon2id: m=65536 t=3 p=1\n"), "REC-04");
}

#[test]
fn no_two_keys_are_the_same() {
    let folder = Folder::new();
    let [first, second] = ["first", "second"].map(|name| folder.keygen(name, "x25519"));
    assert_ne!(first["key"], second["key"]);
}

/// REC-06: neither a key, nor what stands where one would go, is overwritten; nothing half is left.
#[test]
fn nothing_is_overwritten() {
    let folder = Folder::new();
    folder.keygen("vault", "x25519");
    folder.write("notes.pub", "mine");
    let before = (folder.read("vault"), folder.read("vault.pub"), folder.names(""));
    let pages = ["--paper", "2/3", "--paper-dir", &folder.at("")];
    folder.write("vault-page-3-of-3.txt", "mine");
    for (output, more) in
        [("vault", &[][..]), ("notes", &[]), ("right", &[]), ("fresh", pages.as_slice())]
    {
        let output = folder.at(output);
        let args = [&["keygen", "--name", "vault", "--output", output.as_str()], more].concat();
        let (code, message) = folder.run(&args, Some("right")).refused(2);
        assert_eq!(code, "file_exists", "{message}");
        assert!(message.contains("nothing was written"));
    }
    fs::remove_file(folder.path("vault-page-3-of-3.txt")).unwrap();
    assert_eq!((folder.read("vault"), folder.read("vault.pub"), folder.names("")), before);
    assert_eq!(folder.text("notes.pub"), "mine");
    let nowhere = folder.at("nowhere/vault");
    let args = ["keygen", "--name", "vault", "--output", nowhere.as_str()];
    assert_eq!(folder.run(&args, Some("right")).refused(6).0, "file");
}

/// REC-05: what is damaged, foreign or of a later program is told apart.
#[test]
fn neg_010_files_that_are_not_whole_are_refused_with_the_reason() {
    let folder = Folder::new();
    folder.keygen("vault", "p256");
    let (file, line) = (folder.text("vault"), folder.text("vault.pub"));
    let refused = |bytes: &str, code: i32, expected: &str| {
        folder.write("bad", bytes);
        let (code, message) = folder.inspect("bad").refused(code);
        assert_eq!(code, expected, "{message}");
        message
    };
    refused(&file[..file.len() / 2], 6, "key_file_damaged");
    refused(&file.replace("m=65536", "m=65537"), 6, "key_file_damaged");
    let later = refused(&file.replace("secret-1", "secret-2"), 2, "file_version");
    assert!(later.contains("version 2"));
    refused(&line[..line.len() / 2], 2, "bad_public_key");
    let later = refused(&line.replace("key-1", "key-2"), 2, "file_version");
    assert!(later.contains("version 2"));
    refused("quorate-recovery-paper-2\n", 2, "file_version");
    refused("quorate-recovery-paper-1\n", 2, "bad_page");
    refused("quorate-recovery-else-1\n", 2, "bad_public_key");
    refused("", 2, "bad_file");
    refused("hello\n", 2, "bad_file");
    refused(&"a".repeat(200_000), 2, "bad_file");
    assert_eq!(folder.inspect("none").refused(2).0, "file");
}

/// REC-07: where passphrases come from, and where not.
#[test]
fn passphrases_are_not_empty_and_come_from_files_that_exist() {
    let folder = Folder::new();
    folder.write("empty", "\n");
    folder.write("binary", [0xff, 0xfe]);
    let output = folder.at("vault");
    let keygen = ["keygen", "--name", "vault", "--output", output.as_str()];
    let code = |passphrase| folder.run(&keygen, Some(passphrase)).refused(2).0;
    assert_eq!(code("empty"), "empty_passphrase");
    assert_eq!(code("none"), "passphrase_file");
    assert_eq!(code("binary"), "passphrase_file");
    assert_eq!(
        folder.run(&[&keygen[..], &["--passphrase", "x"]].concat(), None).refused(2).0,
        "bad_usage"
    );
    assert_eq!(folder.names(""), ["binary", "empty", "right", "wrong"]);
}

#[test]
fn usage_errors_are_errors_of_the_caller() {
    let refused = |args: &[&str]| recovery(&[&["--json"], args].concat()).refused(2).0;
    assert_eq!(refused(&["frobnicate"]), "bad_usage");
    assert_eq!(refused(&["inspect"]), "bad_usage");
    assert_eq!(refused(&["from-paper", "--output", "x"]), "bad_usage");
    let keygen = ["keygen", "--output", "x", "--name"];
    assert_eq!(refused(&[&keygen[..], &["Vault"]].concat()), "bad_usage");
    for more in [
        &["--kind", "rsa"][..],
        &["--paper", "2/3"],
        &["--paper-dir", "x"],
        &["--paper", "1/3", "--paper-dir", "x"],
    ] {
        assert_eq!(refused(&[&keygen[..], &["vault"], more].concat()), "bad_usage", "{more:?}");
    }
    let plain = recovery(&["inspect"]);
    assert_eq!(plain.code, Some(2));
    assert!(plain.stderr.contains("Usage"));
    let bare = recovery(&[]);
    assert!(bare.code == Some(0) && bare.stdout.contains("Usage"));
    let missing = recovery(&["inspect", "none"]);
    assert!(missing.stderr.starts_with("error (in the call): none: "), "{missing:?}");
    assert!(missing.stderr.contains("\n  next: "));
}
