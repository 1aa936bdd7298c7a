//! A key in memory.

use super::{CredentialSigner, SignerError};
use crate::Credential;
use crate::sshsig::{CredentialSignature, HASH};
use quorate_codec::tag::Tag;
use rand_core::CryptoRngCore;
use ssh_key::private::Ed25519Keypair;
use ssh_key::{LineEnding, PrivateKey};
use std::fmt;
use zeroize::Zeroizing;

/// Signs with a secret key in memory, which is wiped when dropped and never printed.
pub struct MemorySigner {
    key: PrivateKey,
    credential: Credential,
}

impl MemorySigner {
    /// A fresh `ssh-ed25519` key.
    ///
    /// # Errors
    /// None that a sound `rng` could cause; see [`SignerError`].
    pub fn generate(rng: &mut impl CryptoRngCore) -> Result<Self, SignerError> {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *seed);
        Self::from_seed(&seed)
    }

    /// The `ssh-ed25519` key of an RFC 8032 seed: fixtures, and keys that are kept otherwise.
    ///
    /// # Errors
    /// None in practice; see [`SignerError`].
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, SignerError> {
        Self::from_key(PrivateKey::from(Ed25519Keypair::from_seed(seed)))
    }

    /// Reads the text of an OpenSSH private key file.
    ///
    /// # Errors
    /// [`SignerError`]; `PassphraseNeeded` if it is under a passphrase and none is given. A
    /// passphrase for a key without one is ignored.
    pub fn from_openssh(text: &str, passphrase: Option<&[u8]>) -> Result<Self, SignerError> {
        let key = PrivateKey::from_openssh(text).map_err(|_| SignerError::Malformed)?;
        if !key.is_encrypted() {
            return Self::from_key(key);
        }
        let passphrase = passphrase.ok_or(SignerError::PassphraseNeeded)?;
        Self::from_key(key.decrypt(passphrase).map_err(|_| SignerError::PassphraseWrong)?)
    }

    /// The text of an OpenSSH private key file, without passphrase. Secret.
    ///
    /// # Errors
    /// None in practice; see [`SignerError`].
    pub fn to_openssh(&self) -> Result<Zeroizing<String>, SignerError> {
        self.key.to_openssh(LineEnding::LF).map_err(|_| SignerError::Malformed)
    }

    /// Like [`to_openssh`](Self::to_openssh), under a passphrase (bcrypt, AES-256-CTR).
    ///
    /// # Errors
    /// None in practice; see [`SignerError`]. Costs some 100 ms on purpose.
    pub fn to_openssh_encrypted(
        &self,
        passphrase: &[u8],
        rng: &mut impl CryptoRngCore,
    ) -> Result<Zeroizing<String>, SignerError> {
        let encrypted = self.key.encrypt(rng, passphrase).map_err(|_| SignerError::Malformed)?;
        encrypted.to_openssh(LineEnding::LF).map_err(|_| SignerError::Malformed)
    }

    fn from_key(key: PrivateKey) -> Result<Self, SignerError> {
        let credential = Credential::from_openssh(
            &key.public_key().to_openssh().map_err(|_| SignerError::Malformed)?,
        );
        let credential = credential.map_err(|error| SignerError::Kind(error.to_string()))?;
        if key.key_data().is_sk_ed25519() {
            return Err(SignerError::Kind("a security key signs through ssh-agent".to_owned()));
        }
        Ok(Self { key, credential })
    }
}

impl CredentialSigner for MemorySigner {
    fn credential(&self) -> &Credential {
        &self.credential
    }

    fn sign(&self, tag: Tag, bytes: &[u8]) -> Result<CredentialSignature, SignerError> {
        let sshsig = self.key.sign(tag.name(), HASH, bytes).map_err(|_| SignerError::Faulty)?;
        let signature =
            CredentialSignature::from_sshsig(&sshsig).map_err(|_| SignerError::Faulty)?;
        let verified = self.credential.verify(tag, bytes, &signature);
        verified.map_err(|_| SignerError::Faulty)?;
        Ok(signature)
    }
}

impl fmt::Debug for MemorySigner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "MemorySigner({})", self.credential.fingerprint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    #[test]
    fn a_key_survives_its_file_form() {
        let signer = MemorySigner::from_seed(&[7; 32]).unwrap();
        let plain = signer.to_openssh().unwrap();
        let read = MemorySigner::from_openssh(&plain, None).unwrap();
        assert_eq!(read.credential(), signer.credential());
        assert!(!format!("{signer:?}").contains("seed"));
    }

    #[test]
    fn a_passphrase_is_needed_and_must_be_right() {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let signer = MemorySigner::generate(&mut rng).unwrap();
        let text = signer.to_openssh_encrypted(b"right", &mut rng).unwrap();
        let open = |passphrase| MemorySigner::from_openssh(&text, passphrase);
        assert_eq!(open(Some(b"right")).unwrap().credential(), signer.credential());
        assert!(matches!(open(None), Err(SignerError::PassphraseNeeded)));
        assert!(matches!(open(Some(b"wrong")), Err(SignerError::PassphraseWrong)));
        assert!(matches!(MemorySigner::from_openssh("x", None), Err(SignerError::Malformed)));
    }
}
