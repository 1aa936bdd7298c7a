//! A key in an OpenSSH private key file.

use super::{CredentialSigner, MemorySigner, SignerError};
use crate::{Credential, CredentialSignature};
use quorate_codec::tag::Tag;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// Longest key file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Signs with the key of an OpenSSH private key file, which it reads once.
#[derive(Debug)]
pub struct FileSigner(MemorySigner);

impl FileSigner {
    /// Opens a private key file, with its passphrase if it has one. As OpenSSH does, refuses a
    /// file on which others have any right.
    ///
    /// # Errors
    /// [`SignerError`].
    pub fn open(path: &Path, passphrase: Option<&[u8]>) -> Result<Self, SignerError> {
        let (text, exposed) = read(path).map_err(|source| unreadable(path, source))?;
        if exposed {
            return Err(SignerError::Exposed(path.display().to_string()));
        }
        MemorySigner::from_openssh(&text, passphrase).map(Self)
    }

    /// Writes a private key file that only its owner can read, and the public key beside it in
    /// `path` with `.pub` appended. Never overwrites.
    ///
    /// # Errors
    /// [`SignerError::File`] if a file exists already or cannot be written.
    pub fn create(
        path: &Path,
        private_text: &str,
        credential: &Credential,
        comment: &str,
    ) -> Result<(), SignerError> {
        let public_path = path.with_added_extension("pub");
        let line = format!("{} {comment}\n", credential.to_openssh());
        write_new(path, 0o600, private_text).map_err(|source| unreadable(path, source))?;
        write_new(&public_path, 0o644, &line).map_err(|source| unreadable(&public_path, source))
    }
}

impl CredentialSigner for FileSigner {
    fn credential(&self) -> &Credential {
        self.0.credential()
    }

    fn sign(&self, tag: Tag, bytes: &[u8]) -> Result<CredentialSignature, SignerError> {
        self.0.sign(tag, bytes)
    }
}

/// The text, and whether group or others have any right to the file.
fn read(path: &Path) -> io::Result<(Zeroizing<String>, bool)> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let exposed = metadata.permissions().mode() & 0o077 != 0;
    let mut text =
        Zeroizing::new(String::with_capacity(metadata.len().min(FILE_BYTES_MAX) as usize));
    file.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
    Ok((text, exposed))
}

fn write_new(path: &Path, mode: u32, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn unreadable(path: &Path, source: io::Error) -> SignerError {
    SignerError::File { path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;

    #[test]
    fn a_written_key_opens_and_is_never_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ada");
        let signer = MemorySigner::from_seed(&[7; 32]).unwrap();
        let text = signer.to_openssh().unwrap();
        FileSigner::create(&path, &text, signer.credential(), "ada").unwrap();
        assert_eq!(FileSigner::open(&path, None).unwrap().credential(), signer.credential());
        let line = fs::read_to_string(directory.path().join("ada.pub")).unwrap();
        assert_eq!(line.parse(), Ok(signer.credential().clone()));
        let again = FileSigner::create(&path, &text, signer.credential(), "ada");
        assert!(matches!(again, Err(SignerError::File { .. })));

        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(FileSigner::open(&path, None), Err(SignerError::Exposed(_))));
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = FileSigner::open(Path::new("/nowhere/ada"), None).unwrap_err();
        assert!(error.to_string().contains("/nowhere/ada"));
        assert!(error.is_callers_fault());
    }
}
