//! A secret that systemd hands to the unit (STO-15): a file in the directory that it names, in
//! memory that no other unit reads and no disk keeps.

use crate::domain::read_at_most;
use crate::failure::{Failure, Result};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Names the directory; a path, and no secret.
const DIRECTORY: &str = "CREDENTIALS_DIRECTORY";
/// Longest credential that is read, in bytes.
const BYTES_MAX: u64 = 64 << 10;

/// Reads a credential, byte for byte.
///
/// # Errors
/// The caller's: systemd handed none of that name to this process, or an empty one.
pub fn read(name: &str) -> Result<Zeroizing<Vec<u8>>> {
    read_in(std::env::var_os(DIRECTORY).map(PathBuf::from).as_deref(), name)
}

fn read_in(directory: Option<&Path>, name: &str) -> Result<Zeroizing<Vec<u8>>> {
    let next = format!(
        "let the unit have it with LoadCredentialEncrypted={name}:FILE, and start it by systemd"
    );
    if !is_name(name) {
        let message = "this is no name of a credential: it is empty, too long, or a path";
        let next = "name it as the unit does, with letters, digits, `-`, `_` and `.`";
        return Err(Failure::caller("bad_credential", message, next));
    }
    let Some(directory) = directory else {
        let message = format!(
            "the store is sealed by the systemd credential \"{name}\", and this process was handed none"
        );
        return Err(Failure::caller("no_credential", message, next));
    };
    let bytes = read_at_most(&directory.join(name), BYTES_MAX).map(Zeroizing::new);
    let bytes = bytes.map_err(|error| {
        let message = format!("the systemd credential \"{name}\" cannot be read: {error}");
        Failure::caller("no_credential", message, next)
    })?;
    if bytes.is_empty() {
        let message = format!("the systemd credential \"{name}\" is empty, which seals nothing");
        let next = "make one with: head -c 32 /dev/urandom | systemd-creds encrypt - FILE";
        return Err(Failure::caller("empty_credential", message, next));
    }
    Ok(bytes)
}

/// One part of a path, so that a header leads nowhere else.
fn is_name(name: &str) -> bool {
    let part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
    (1..=255).contains(&name.len()) && name.bytes().all(part) && !matches!(name, "." | "..")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

    use super::*;

    #[test]
    fn sto_15_a_credential_is_read_as_it_is_and_one_that_is_none_has_its_own_error() {
        let folder = tempfile::tempdir().unwrap();
        let put =
            |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
        put("seal", b"\x00\xff secret\n");
        put("empty", b"");
        put("long", &vec![7; (64 << 10) + 1]);
        let read = |name: &str| read_in(Some(folder.path()), name);
        assert_eq!(read("seal").unwrap().as_slice(), b"\x00\xff secret\n");
        assert_eq!(read("empty").unwrap_err().code(), "empty_credential");
        for missing in ["other", "long"] {
            assert_eq!(read(missing).unwrap_err().code(), "no_credential");
        }
        assert_eq!(read_in(None, "seal").unwrap_err().code(), "no_credential");
        for failure in [read("empty"), read("long"), read_in(None, "seal")] {
            assert!(!failure.unwrap_err().to_string().contains("secret\n"));
        }
    }

    #[test]
    fn sto_15_a_name_from_a_header_leads_to_no_other_file() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("in")).unwrap();
        std::fs::write(folder.path().join("outside"), "not for it").unwrap();
        let inside = folder.path().join("in");
        let absolute = folder.path().join("outside");
        for name in ["../outside", ".", "..", "", "a/b", "a\0b", absolute.to_str().unwrap()] {
            assert_eq!(
                read_in(Some(&inside), name).unwrap_err().code(),
                "bad_credential",
                "{name}"
            );
        }
        assert_eq!(read_in(Some(&inside), &"n".repeat(256)).unwrap_err().code(), "bad_credential");
    }
}
