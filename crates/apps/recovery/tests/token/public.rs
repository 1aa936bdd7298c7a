//! Making a key in a token, and writing its public half.

use crate::harness::mode;
use crate::soft_hsm::{PIN, SoftHsm, module};
use quorate_identity::words;
use serde_json::json;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

/// REC-44, REC-45: of every kind that a token serves.
#[test]
fn a_key_is_made_in_the_token_and_its_public_half_written() {
    let hsm = SoftHsm::new();
    for (label, kind, bytes) in
        [("p256", "p256", 33), ("rsa2048", "rsa", 256), ("rsa3072", "rsa", 384)]
    {
        hsm.keygen(label);
        let shown = hsm.public(label).ok();
        let line = hsm.line(label);
        assert_eq!(line.key.to_bytes().len(), 1 + bytes);
        assert_eq!(
            shown,
            json!({
                "name": label, "kind": kind, "key": line.key.id(),
                "words": words(&line.key.id().digest()).join(" "),
                "public": hsm.0.at(&format!("{label}.pub")), "never_leaves": true,
            })
        );
        assert_eq!(mode(&hsm.0.path(&format!("{label}.pub"))), 0o644);
        assert_eq!(hsm.0.inspect(&format!("{label}.pub")).ok()["key"], shown["key"]);
        assert_eq!(hsm.public(label).refused(2).0, "file_exists", "REC-06");
    }
}

/// REC-45: a label names one key.
#[test]
fn no_second_key_is_made_under_a_label() {
    let hsm = SoftHsm::new();
    hsm.keygen("p256");
    hsm.public("p256").ok();
    for kind in ["p256", "rsa2048"] {
        let run = hsm.with_key(&["token", "keygen", "--kind", kind], "p256", "pin");
        assert_eq!(run.refused(2).0, "key_exists");
    }
    let before = hsm.line("p256");
    std::fs::remove_file(hsm.0.path("p256.pub")).unwrap();
    hsm.public("p256").ok();
    assert_eq!(hsm.line("p256"), before);
}

/// REC-41: tokens and keys are named, and nothing is guessed.
#[test]
fn a_token_or_key_that_is_not_there_is_told() {
    let hsm = SoftHsm::new();
    hsm.keygen("p256");
    let (module, pin, output) = (module(), hsm.0.at("pin"), hsm.0.at("out"));
    let refused = |module: &str, token: &str, label: &str| {
        let verb = ["token", "public", "--name", "vault", "--output", &output];
        let key = ["--module", module, "--token", token, "--key-label", label];
        hsm.run(&[verb.as_slice(), &key, &["--pin-file", &pin]].concat()).refused(2)
    };
    let (code, message) = refused(&module, "cellar", "p256");
    assert!(code == "no_token" && message.contains("but \"vault\""), "{message}");
    let (code, message) = refused(&module, "vault", "p257");
    assert!(code == "no_key" && message.contains("but \"p256\""), "{message}");
    hsm.add_token("vault");
    let (code, message) = refused(&module, "vault", "p256");
    assert!(code == "no_token" && message.starts_with("2 tokens"), "{message}");
    assert!(!hsm.0.path("out").exists());
}

/// REC-40: the module is the file that is named, and nothing that is found elsewhere.
#[test]
fn what_is_no_module_is_told() {
    let hsm = SoftHsm::new();
    let refused = |module: &str| hsm.run(&["token", "list", "--module", module]).refused(2);
    for none in [hsm.0.at("none"), hsm.0.at("conf"), hsm.0.at("")] {
        let (code, message) = refused(&none);
        assert!(code == "no_module" && message.contains(&none), "{message}");
    }
    // A library that the system would find.
    let (code, message) = refused("libc.so.6");
    assert!(code == "no_module" && message.contains("No such file"), "{message}");
}

/// A module or token that fails is this machine's fault.
#[test]
fn a_token_that_fails_is_told_so() {
    let hsm = SoftHsm::new();
    hsm.0.write("conf", "directories.tokendir = /nowhere/at/all\n");
    let run = hsm.run(&["token", "list", "--module", &module()]);
    assert_eq!(run.refused(6).0, "token_failed");
}

#[test]
fn tokens_are_listed_without_a_pin() {
    let hsm = SoftHsm::new();
    hsm.add_token("cellar");
    let listed = hsm.run(&["token", "list", "--module", &module()]).ok();
    let mut labels: Vec<_> =
        listed["tokens"].as_array().unwrap().iter().map(|token| token["label"].clone()).collect();
    labels.sort_by_key(ToString::to_string);
    assert_eq!(labels, ["cellar", "vault"]);
}

/// REC-42: a PIN from a file is given to the token once.
#[test]
fn a_wrong_pin_is_told_and_an_empty_one_never_tried() {
    let hsm = SoftHsm::new();
    hsm.keygen("p256");
    hsm.0.write("empty", "\n");
    let refused = |pin: &str| {
        let output = hsm.0.at("out");
        let verb = ["token", "public", "--name", "vault", "--output", &output];
        hsm.with_key(&verb, "p256", pin).refused(2)
    };
    let (code, message) = refused("wrong-pin");
    assert!(code == "wrong_pin" && message.contains("locks after few"), "{message}");
    assert_eq!(refused("empty").0, "empty_pin");
    assert_eq!(refused("none").0, "pin_file");
    let key = ["--module", &module(), "--token", "vault", "--key-label", "p256"];
    let run = hsm.run(&[["token", "keygen"].as_slice(), &key].concat());
    assert_eq!(run.refused(2).0, "pin_needed", "there is no terminal");
    assert!(!hsm.0.path("out").exists());
}

/// REC-42: typed at a terminal: asked for once, and not shown.
#[test]
fn a_pin_is_typed_once_and_not_shown() {
    let hsm = SoftHsm::new();
    hsm.keygen("p256");
    let (shown, code) = typed(&hsm, "1234567890");
    assert!(code == Some(2) && shown.contains("says that the PIN is wrong"), "{shown}");
    let (shown, code) = typed(&hsm, PIN);
    assert!(code == Some(0) && !shown.contains(PIN), "{shown}");
    assert!(shown.contains("at which wrong ones were tried"), "{shown}");
    assert!(hsm.0.path("out").exists());
}

/// Runs `token public` at a terminal, which `script` plays, and types the PIN when it is asked for;
/// what the terminal showed and the exit status.
fn typed(hsm: &SoftHsm, pin: &str) -> (String, Option<i32>) {
    let call = format!(
        "tty; '{}' token public --module '{}' --token vault --key-label p256 --name vault --output '{}'",
        env!("CARGO_BIN_EXE_quorate-recovery"),
        module(),
        hsm.0.at("out")
    );
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--flush", "--command", &call, "/dev/null"])
        .env("SOFTHSM2_CONF", hsm.0.path("conf"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (mut shown, mut one, mut is_typed) = (String::new(), [0], false);
    while stdout.read(&mut one).unwrap_or(0) == 1 {
        shown.push(one[0].into());
        if !is_typed && shown.contains("PIN of the token vault") && shown.ends_with(": ") {
            until_silent(shown.lines().next().unwrap());
            writeln!(stdin, "{pin}").unwrap();
            is_typed = true;
        }
    }
    assert_eq!(shown.matches("PIN of the token").count(), 1, "{shown}");
    (shown, child.wait().unwrap().code())
}

/// Waits until a terminal shows no more what is typed, as a person's fingers do: the prompt comes
/// first. Gives up in the end, for the test to say that the PIN was shown.
fn until_silent(terminal: &str) {
    let is_silent = || {
        let output = Command::new("stty").args(["-F", terminal, "-a"]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).split_whitespace().any(|word| word == "-echo")
    };
    for _ in 0..1000 {
        if is_silent() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}
