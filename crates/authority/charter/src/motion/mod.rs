//! Motions: what people sign to change the charter.

mod effect;

pub use effect::effect;

use crate::limits::{MOTION_BYTES_MAX, MOTION_SIGNATURES_MAX};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use quorate_access::Tree;
use quorate_codec::{Canonical, DecodeError, Digest};
use quorate_identity::{
    CredentialSignature, CredentialSigner, GenesisHash, KeyId, MotionId, Name, NodeId, PersonId,
    Scheme, SignerError,
};

/// What people sign: never a position or a predecessor, so that another entry does not void
/// signatures that took days to collect. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Motion {
    /// Version of this form: 1.
    #[n(0)]
    pub version: u8,
    /// The domain.
    #[n(1)]
    pub genesis: GenesisHash,
    /// What changes.
    #[n(2)]
    pub body: MotionBody,
    /// The versions that what it touches must have, ascending.
    #[n(3)]
    pub expects: Vec<(Object, u64)>,
    /// Fresh random bytes.
    #[n(4)]
    pub nonce: Digest,
    /// When it ends, in milliseconds since 1970.
    #[n(5)]
    pub expiry_ms: u64,
}

/// What a motion changes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum MotionBody {
    /// Orders a new key.
    #[n(0)]
    KeyCreate {
        /// The key's name.
        #[n(0)]
        name: Name,
        /// What it makes.
        #[n(1)]
        scheme: Scheme,
        /// Which signers together can sign.
        #[n(2)]
        access: Tree<NodeId>,
    },
    /// Sets the policy.
    #[n(1)]
    PolicySet {
        /// The policy bundle, opaque here.
        #[cbor(n(0), with = "minicbor::bytes")]
        bundle: Vec<u8>,
    },
}

/// Something with a version that a motion touches. An object that was never touched has version
/// 0, and every motion that touches it adds 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum Object {
    /// The policy.
    #[n(0)]
    Policy,
    /// The key of this name.
    #[n(1)]
    Key(#[n(0)] Name),
}

/// A motion's exact bytes and the signatures collected so far, ascending by person.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignedMotion {
    /// The bytes that people sign.
    #[n(0)]
    pub bytes: ByteVec,
    /// Who signed them; one signature a person.
    #[n(1)]
    pub signatures: Vec<(PersonId, CredentialSignature)>,
}

/// How far a motion is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MotionStatus {
    /// What it says.
    pub motion: Motion,
    /// Who signed it.
    pub signed_by: Vec<PersonId>,
    /// Who must still sign it; nothing once it is authorised.
    pub missing: Option<Tree<PersonId>>,
}

/// Why a motion is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MotionError {
    /// Not the canonical encoding of a motion.
    #[error("the motion is malformed: {0}")]
    Malformed(#[from] DecodeError),
    /// A form that this version does not know.
    #[error("a motion of version {0} is not known here")]
    Version(u8),
    /// The machine's limit: too many motions collect signatures.
    #[error("too many motions collect signatures; wait until some are decided")]
    TooMany,
}

impl Canonical for Motion {
    const BYTES_MAX: usize = MOTION_BYTES_MAX;
}

impl Canonical for SignedMotion {
    const BYTES_MAX: usize = MOTION_BYTES_MAX
        + 16
        + MOTION_SIGNATURES_MAX * (1 + PersonId::BYTES_MAX + CredentialSignature::BYTES_MAX);
}

impl Motion {
    /// `key-create` or `policy-set`.
    pub fn kind(&self) -> &'static str {
        todo!()
    }
    /// A motion that expects what it touches to stand as it does in `state`.
    pub fn new(state: &crate::State, body: MotionBody, nonce: Digest, expiry_ms: u64) -> Self {
        todo!()
    }
    /// What it touches, ascending.
    pub fn touches(&self) -> Vec<Object> {
        todo!()
    }
}

impl SignedMotion {
    /// A motion without signatures.
    pub fn new(motion: &Motion) -> Self {
        todo!()
    }
    /// The id.
    pub fn id(&self) -> MotionId {
        todo!()
    }
    /// The id of the key that the motion orders, if it orders one.
    pub fn key_id(&self) -> KeyId {
        todo!()
    }
    /// What it says.
    pub fn body(&self) -> Result<Motion, MotionError> {
        todo!()
    }
    /// Takes over signatures from another copy of the same motion; whether any was new.
    pub fn merge(&mut self, other: &Self) -> bool {
        todo!()
    }
    /// Adds a signature; whether it is the person's first.
    pub fn add(&mut self, person: PersonId, signature: CredentialSignature) -> bool {
        todo!()
    }
    /// Signs it as this person.
    pub fn sign(&mut self, person: PersonId, signer: &dyn CredentialSigner) -> Result<(), SignerError> {
        todo!()
    }
}
