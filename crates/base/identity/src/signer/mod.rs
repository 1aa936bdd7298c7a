//! Signing as a person or service: with a key in memory, in a file, or in ssh-agent (IDN-09).
//!
//! The one place of this crate with effects: [`FileSigner`] reads a file, [`AgentSigner`] talks
//! to a socket that it is given. Nothing here looks at the environment.

mod agent;
mod file;
mod memory;

pub use agent::AgentSigner;
pub use file::FileSigner;
pub use memory::MemorySigner;

use crate::{Credential, CredentialSignature};
use quorate_codec::tag::Tag;

/// Signs for one credential, wherever its secret half is.
pub trait CredentialSigner {
    /// The public key that signs.
    fn credential(&self) -> &Credential;

    /// Signs `bytes` as what `tag` names. What comes back has been verified.
    ///
    /// # Errors
    /// [`SignerError`].
    fn sign(&self, tag: Tag, bytes: &[u8]) -> Result<CredentialSignature, SignerError>;
}

/// Why nothing was signed. Never says anything about a secret.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// The caller's fault: there is no such key file, or it cannot be read.
    #[error("the key file {path} cannot be read: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The caller's fault: others may read the key file.
    #[error("the key file {0} is readable by others; restrict it with chmod 600")]
    Exposed(String),
    /// The caller's fault: not an OpenSSH private key.
    #[error("not an OpenSSH private key")]
    Malformed,
    /// The caller's fault: a kind of key that is not accepted, or one whose secret is elsewhere.
    #[error("this key cannot sign from its file: {0}")]
    Kind(String),
    /// The caller's fault: the file is under a passphrase and none was given.
    #[error("the key is protected by a passphrase")]
    PassphraseNeeded,
    /// The caller's fault.
    #[error("the passphrase is wrong")]
    PassphraseWrong,
    /// The machine's fault: ssh-agent cannot be reached, or broke off.
    #[error("ssh-agent cannot be reached: {0}")]
    Agent(#[source] std::io::Error),
    /// The machine's fault: ssh-agent answers what no agent should.
    #[error("ssh-agent answered nonsense")]
    AgentNonsense,
    /// The caller's fault: ssh-agent does not have the key, or its holder declined.
    #[error("ssh-agent did not sign: the key is not loaded, or its use was declined")]
    AgentRefused,
    /// The machine's fault: what the key made does not verify. For a security key: it was not
    /// touched.
    #[error("the signature made does not verify")]
    Faulty,
}

impl SignerError {
    /// Whether the caller can mend it; otherwise it is this machine's fault.
    pub fn is_callers_fault(&self) -> bool {
        match self {
            Self::File { .. }
            | Self::Exposed(_)
            | Self::Malformed
            | Self::Kind(_)
            | Self::PassphraseNeeded
            | Self::PassphraseWrong
            | Self::AgentRefused => true,
            Self::Agent(_) | Self::AgentNonsense | Self::Faulty => false,
        }
    }
}
