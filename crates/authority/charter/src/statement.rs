//! Statements of nodes: bytes, and a signature of the statement key over exactly these bytes.

use crate::exact::Exact;
use crate::state::State;
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, Digest, Transcript, tag::Tag};
use quorate_identity::{GenesisHash, NodeId, NodePublic, NodeSecrets, NodeSignature};

/// Something that a node signs under one tag.
pub trait NodeStatement: Canonical {
    /// What the signature is for.
    const TAG: Tag;

    /// Version of its form.
    fn version(&self) -> u8;
}

/// A statement that names its domain and its node, hence can be held against a state.
pub trait DomainStatement: NodeStatement {
    /// The domain it is for.
    fn genesis(&self) -> GenesisHash;

    /// Who signs it.
    fn node(&self) -> NodeId;
}

/// A statement as it came: its exact bytes, what they say, and a signature not yet verified.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Signed<T> {
    #[cbor(n(0), bound = "T: Canonical")]
    said: Exact<T>,
    #[n(1)]
    signature: NodeSignature,
}

/// Why a node's statement does not hold; the fault of whoever sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// A form that this version does not know.
    #[error("a statement of version {0} is not known here")]
    Version(u8),
    /// It is for another domain (N-76).
    #[error("the statement is for another domain, {0}")]
    ForeignDomain(GenesisHash),
    /// The charter does not know the node (N-59).
    #[error("node {0} is not known in this domain")]
    UnknownNode(NodeId),
    /// The signature is not the node's under exactly these bytes and this purpose.
    #[error("the node's signature does not verify")]
    Signature,
}

impl<T: NodeStatement> Signed<T> {
    /// Signs a statement.
    pub fn sign(body: T, secrets: &NodeSecrets) -> Self {
        let said = Exact::of(body);
        let signature = secrets.sign(T::TAG, said.bytes());
        Self { said, signature }
    }

    /// What it says, unverified.
    pub fn body(&self) -> &T {
        self.said.body()
    }

    /// The signed bytes, as they came.
    pub fn bytes(&self) -> &[u8] {
        self.said.bytes()
    }

    /// The signature.
    pub fn signature(&self) -> &NodeSignature {
        &self.signature
    }

    /// Hash of the signed bytes.
    pub fn digest(&self) -> Digest {
        Transcript::new(T::TAG).part(self.bytes()).digest()
    }

    pub(crate) fn check_version(&self) -> Result<(), StatementError> {
        match self.body().version() {
            1 => Ok(()),
            version => Err(StatementError::Version(version)),
        }
    }

    pub(crate) fn check_signature(&self, keys: &NodePublic) -> Result<(), StatementError> {
        let verified = keys.verify(T::TAG, self.bytes(), &self.signature);
        verified.map_err(|_| StatementError::Signature)
    }
}

impl<T: DomainStatement> Signed<T> {
    /// Who is said to have signed it.
    pub fn node(&self) -> NodeId {
        self.body().node()
    }

    /// Verifies form, domain, node and signature at the head of `state` (GOV-30).
    ///
    /// # Errors
    /// [`StatementError`]. Cost: one signature verification.
    pub fn verify(&self, state: &State) -> Result<&T, StatementError> {
        self.check_version()?;
        if self.body().genesis() != state.genesis() {
            return Err(StatementError::ForeignDomain(self.body().genesis()));
        }
        let node = state.node(&self.node()).ok_or(StatementError::UnknownNode(self.node()))?;
        self.check_signature(&node.keys)?;
        Ok(self.body())
    }
}

impl<T: Canonical> Canonical for Signed<T> {
    const BYTES_MAX: usize = 8 + T::BYTES_MAX + NodeSignature::BYTES_MAX;
}
