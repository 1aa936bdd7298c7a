//! The genesis of a domain, and the file that collects everybody's signatures under it.

use crate::enrolment::SignedEnrolment;
use crate::limits::{GENESIS_BYTES_MAX, PEOPLE_MAX};
use crate::state::State;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use quorate_access::Tree;
use quorate_codec::{Canonical, DecodeError, Digest};
use quorate_identity::{
    Credential, CredentialSignature, CredentialSigner, GenesisHash, Name, NodeSecrets,
    NodeSignatures, PersonId, SignerError,
};

/// What founds a domain. Its hash is the domain's identity and pins everything after it. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Genesis {
    /// Version of this form: 1.
    #[n(0)]
    pub version: u8,
    /// The domain's name.
    #[n(1)]
    pub domain: Name,
    /// Whether this is a trial: shown wherever the domain is shown.
    #[n(2)]
    pub staging: bool,
    /// The founding nodes, each by its own signed enrolment, ascending by name.
    #[n(3)]
    pub nodes: Vec<SignedEnrolment>,
    /// The founding people, ascending by name.
    #[n(4)]
    pub people: Vec<GenesisPerson>,
    /// The founding services, ascending by name.
    #[n(5)]
    pub services: Vec<GenesisService>,
    /// Which administrators together authorise a motion.
    #[n(6)]
    pub rule: Tree<Name>,
    /// How many voters may lie: n is at least 3f + 1.
    #[n(7)]
    pub faults: u8,
    /// Times that hold for all nodes.
    #[n(8)]
    pub settings: Settings,
    /// Fresh random bytes, so that no two domains are the same.
    #[n(9)]
    pub nonce: Digest,
}

/// A founding person.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct GenesisPerson {
    /// Their name.
    #[n(0)]
    pub name: Name,
    /// Their public key.
    #[n(1)]
    pub credential: Credential,
    /// What they may do.
    #[n(2)]
    pub roles: Roles,
}

/// What a person may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Roles {
    /// Signs motions.
    #[n(0)]
    pub administrator: bool,
    /// Approves requests.
    #[n(1)]
    pub approver: bool,
    /// Reads everything.
    #[n(2)]
    pub auditor: bool,
}

/// A founding service: a program that files requests.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct GenesisService {
    /// Its name.
    #[n(0)]
    pub name: Name,
    /// Its public key.
    #[n(1)]
    pub credential: Credential,
}

/// Times that hold for all nodes of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Settings {
    /// How long a lease holds, counted from the sending of its nonce, in milliseconds.
    #[n(0)]
    pub lease_ms: u64,
    /// How far the clocks of nodes may differ, in milliseconds.
    #[n(1)]
    pub clock_bound_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { lease_ms: 60_000, clock_bound_ms: 5_000 }
    }
}

/// A genesis and the signatures under it: complete once all founding administrators and all
/// founding nodes have signed exactly these bytes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct GenesisFile {
    #[n(0)]
    version: u8,
    #[n(1)]
    genesis: ByteVec,
    #[n(2)]
    administrators: Vec<(PersonId, CredentialSignature)>,
    #[n(3)]
    nodes: NodeSignatures,
}

/// Who has not signed a genesis yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Missing {
    /// Founding administrators.
    pub administrators: Vec<Name>,
    /// Founding nodes.
    pub nodes: Vec<Name>,
}

/// Why a genesis, or the file that holds it, is refused.
#[derive(Debug, thiserror::Error)]
pub enum GenesisError {
    /// Not the canonical encoding of a genesis.
    #[error("the genesis is malformed: {0}")]
    Malformed(#[from] DecodeError),
    /// A form that this version does not know.
    #[error("a genesis of version {0} is not known here")]
    Version(u8),
}

impl Canonical for Genesis {
    const BYTES_MAX: usize = GENESIS_BYTES_MAX;
}

impl Canonical for GenesisFile {
    const BYTES_MAX: usize = GENESIS_BYTES_MAX
        + 16
        + PEOPLE_MAX * (1 + PersonId::BYTES_MAX + CredentialSignature::BYTES_MAX)
        + NodeSignatures::BYTES_MAX;
}

impl GenesisFile {
    /// A file around a well-formed genesis that nobody has signed yet.
    pub fn create(genesis: &Genesis) -> Result<Self, GenesisError> {
        todo!()
    }
    /// The genesis.
    pub fn genesis(&self) -> Result<Genesis, GenesisError> {
        todo!()
    }
    /// The domain's identity: the hash of the genesis bytes.
    pub fn hash(&self) -> GenesisHash {
        todo!()
    }
    /// Signs as a founding administrator; returns their name.
    pub fn sign(&mut self, signer: &dyn CredentialSigner) -> Result<Name, GenesisError> {
        todo!()
    }
    /// Countersigns as a founding node; returns its name.
    pub fn countersign(&mut self, secrets: &NodeSecrets) -> Result<Name, GenesisError> {
        todo!()
    }
    /// Takes over signatures from another copy of the same genesis.
    pub fn merge(&mut self, other: &Self) -> Result<(), GenesisError> {
        todo!()
    }
    /// Who has not signed yet.
    pub fn missing(&self) -> Result<Missing, GenesisError> {
        todo!()
    }
    /// Verifies everything and founds the state.
    pub fn verify(&self, hash: &GenesisHash) -> Result<State, GenesisError> {
        todo!()
    }
}
