//! OpenSSL: the verifier that every Debian machine has.

use crate::peer::OracleError;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// The system's `openssl` program.
pub struct OpenSsl;

/// What stands before the 32 bytes of an Ed25519 key in a SubjectPublicKeyInfo (RFC 8410).
const ED25519_SPKI_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The same before the 33 bytes of a key of P-256 (RFC 5480).
const P256_SPKI_PREFIX: [u8; 26] = [
    0x30, 0x39, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x22, 0x00,
];

impl OpenSsl {
    /// Whether OpenSSL accepts `signature` over `message` under an Ed25519 public key.
    pub fn verify_ed25519(
        public_key: &[u8; 32],
        message: &[u8],
        signature: &[u8; 64],
    ) -> Result<bool, OracleError> {
        let key = [&ED25519_SPKI_PREFIX[..], public_key].concat();
        Self::verify(&key, &["-rawin"], message, signature)
    }

    /// Whether OpenSSL accepts `signature`, in DER, over the SHA-256 of `message` under a public key
    /// of P-256, compressed as SEC 1 has it.
    pub fn verify_p256(
        public_key: &[u8; 33],
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, OracleError> {
        let key = [&P256_SPKI_PREFIX[..], public_key].concat();
        Self::verify(&key, &["-rawin", "-digest", "sha256"], message, signature)
    }

    fn verify(
        key_der: &[u8],
        how: &[&str],
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, OracleError> {
        let files = TempDir::new()?;
        let key = files.path().join("key.der");
        let (message_file, signature_file) =
            (files.path().join("message"), files.path().join("signature"));
        std::fs::write(&key, key_der)?;
        std::fs::write(&message_file, message)?;
        std::fs::write(&signature_file, signature)?;
        let verification = Command::new("openssl")
            .args(["pkeyutl", "-verify", "-pubin", "-keyform", "DER"])
            .args(how)
            .arg("-inkey")
            .arg(&key)
            .arg("-in")
            .arg(&message_file)
            .arg("-sigfile")
            .arg(&signature_file)
            .stderr(Stdio::piped())
            .output()
            .map_err(|_| OracleError::Missing { what: "openssl".into() })?;
        match String::from_utf8_lossy(&verification.stdout).trim() {
            "Signature Verified Successfully" => Ok(verification.status.success()),
            "Signature Verification Failure" => Ok(false),
            _ => Err(OracleError::Call(String::from_utf8_lossy(&verification.stderr).into_owned())),
        }
    }
}
