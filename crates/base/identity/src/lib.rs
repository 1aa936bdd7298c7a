//! Who is who: names, ids, and the signatures that prove them.
//!
//! Two kinds of key exist, and they never do each other's work:
//!
//! - A **node** holds three keys ([`NodeSecrets`]): one signs statements, one authenticates
//!   channels, one receives sealed messages.
//! - A **person** or **service** holds an SSH key ([`Credential`]) and signs with it in the SSHSIG
//!   form, so that `ssh-keygen -Y`, ssh-agent and security keys work as they are.
//!
//! Every signature is made under a [`Tag`](quorate_codec::tag::Tag) that names what is signed; a
//! signature under one tag verifies under no other (N-22). What is signed are the exact bytes
//! that were received; nothing is encoded again before it is checked.
//!
//! What this crate does not do: it does not decide who may do anything. Only [`signer`] touches
//! files and sockets; all else is values in, values out. See `spec/identity.md`.

mod certificate;
mod credential;
mod ed25519;
mod id;
mod importer;
mod moment;
mod name;
mod node;
mod scheme;
pub mod signer;
mod sshsig;
mod text;
mod words;

pub use certificate::{Certificate, CertificateError, NodeSignatures};
pub use credential::{Credential, CredentialError, CredentialKind};
pub use id::{
    ActorId, ActorIdError, GenesisHash, Head, KeyId, MotionId, NodeId, PersonId, RecoveryKeyId,
    RequestId, ServiceId,
};
pub use importer::{ImporterKey, ImporterSecret};
pub use moment::moment;
pub use name::{NAME_BYTES_MAX, Name, NameError};
pub use node::{NodePublic, NodeSecrets, NodeSignature};
pub use scheme::{Scheme, SchemeError};
pub use signer::{AgentSigner, CredentialSigner, FileSigner, MemorySigner, SignerError};
pub use sshsig::CredentialSignature;
pub use words::words;

/// A signature that does not prove what it should; the fault of whoever sent it. Says nothing
/// about why, because that is nobody's business on the wire (N-79).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct SignatureError;

/// A key that no honest party would have; the fault of whoever sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid public key")]
pub struct KeyError;
