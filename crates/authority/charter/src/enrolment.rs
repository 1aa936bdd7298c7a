//! A node's own statement of who it is (GOV-01).

use crate::statement::{NodeStatement, Signed, StatementError};
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, Transcript, tag, tag::Tag};
use quorate_identity::{Name, NodeId, NodePublic, NodeSecrets};
use std::fmt;

/// What a node does in a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Role {
    /// Holds shares and votes.
    #[n(0)]
    Signer,
    /// Votes only.
    #[n(1)]
    Witness,
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Signer => "signer",
            Self::Witness => "witness",
        })
    }
}

/// Name, role and public keys, signed by the statement key among them. Its hash is the node's
/// id. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Enrolment {
    /// Version of this form: 1.
    #[n(0)]
    pub version: u8,
    /// The node's name.
    #[n(1)]
    pub name: Name,
    /// Its role.
    #[n(2)]
    pub role: Role,
    /// Its public keys.
    #[n(3)]
    pub keys: NodePublic,
}

/// An enrolment and the node's signature over exactly its bytes.
pub type SignedEnrolment = Signed<Enrolment>;

impl Canonical for Enrolment {
    const BYTES_MAX: usize = 4 + Name::BYTES_MAX + NodePublic::BYTES_MAX;
}

impl NodeStatement for Enrolment {
    const TAG: Tag = tag::ENROLMENT;

    fn version(&self) -> u8 {
        self.version
    }
}

impl SignedEnrolment {
    /// Signs an enrolment with the keys that it names.
    pub fn create(name: Name, role: Role, secrets: &NodeSecrets) -> Self {
        Self::sign(Enrolment { version: 1, name, role, keys: secrets.public() }, secrets)
    }

    /// The node's id: the hash of the signed bytes.
    pub fn id(&self) -> NodeId {
        NodeId(Transcript::new(tag::NODE_ID).part(self.bytes()).digest())
    }

    /// Verifies form and signature; proves that whoever wrote it holds the statement key.
    ///
    /// # Errors
    /// [`StatementError`]; the fault of whoever supplied it.
    pub fn verify_own(&self) -> Result<(), StatementError> {
        self.check_version()?;
        self.check_signature(&self.body().keys)
    }
}
