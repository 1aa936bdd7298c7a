//! Passphrases that are typed at a terminal.

use crate::harness::{Folder, typed_at};

/// Runs `keygen` at a terminal and types each of these when it is asked for; what the terminal showed
/// and the exit status.
fn typed(folder: &Folder, output: &str, lines: &[&str]) -> (String, Option<i32>) {
    let output = folder.at(output);
    let call = ["keygen", "--name", "vault", "--kind", "x25519", "--output", &output];
    typed_at(&call, &["seals the key: ", "the same again: "], lines)
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
