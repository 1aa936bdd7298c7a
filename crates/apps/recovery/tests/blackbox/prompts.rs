//! Passphrases that are typed at a terminal, which `script` plays.

use crate::harness::Folder;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

/// Runs `keygen` at a terminal and types each of these when it is asked for; what the terminal showed
/// and the exit status.
fn typed(folder: &Folder, output: &str, lines: &[&str]) -> (String, Option<i32>) {
    let program = env!("CARGO_BIN_EXE_quorate-recovery");
    let call =
        format!("'{program}' keygen --name vault --kind x25519 --output '{}'", folder.at(output));
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--flush", "--command", &call, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut shown = String::new();
    let mut one = [0];
    let mut asked = lines.iter();
    while stdout.read(&mut one).unwrap_or(0) == 1 {
        shown.push(one[0].into());
        if shown.ends_with("seals the key: ") || shown.ends_with("the same again: ") {
            writeln!(stdin, "{}", asked.next().unwrap()).unwrap();
        }
    }
    assert!(asked.next().is_none(), "{shown}");
    (shown, child.wait().unwrap().code())
}

/// REC-07: a new passphrase is asked for twice.
#[test]
fn a_new_passphrase_is_typed_twice() {
    let folder = Folder::new();
    let (shown, code) = typed(&folder, "vault", &["correct horse", "correct house"]);
    assert_eq!(code, Some(2), "{shown}");
    assert!(shown.contains("the two passphrases are not the same"), "{shown}");
    let (shown, code) = typed(&folder, "vault", &[""]);
    assert_eq!(code, Some(2), "{shown}");
    assert!(!folder.path("vault").exists());
    let (shown, code) = typed(&folder, "vault", &["correct horse", "correct horse"]);
    assert_eq!(code, Some(0), "{shown}");
    assert!(folder.path("vault").exists());
}
