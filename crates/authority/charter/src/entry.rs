//! Entries: what nodes agree on.

use crate::agreement::Decided;
use crate::limits::VALUE_BYTES_MAX;
use crate::motion::{Motion, MotionError, SignedMotion};
use crate::presence::{RejoinError, SignedRejoin};
use crate::state::State;
use minicbor::bytes::ByteVec;
use minicbor::decode::{Decoder, Error as CborError};
use minicbor::encode::{Encoder, Error as EncodeError, Write};
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, DecodeError};
use quorate_identity::{CertificateError, GenesisHash, Head, NodeSignatures};

/// One step of the log: what it places, after what. Its hash is the new head.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Entry {
    /// Version of this form: 1.
    #[n(0)]
    pub version: u8,
    /// The domain.
    #[n(1)]
    pub genesis: GenesisHash,
    /// Its position; the first is 1.
    #[n(2)]
    pub position: u64,
    /// The head before it.
    #[n(3)]
    pub prev: Head,
    /// What it places.
    #[n(4)]
    pub body: EntryBody,
}

/// What an entry places in the log.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum EntryBody {
    /// An authorised motion.
    #[n(0)]
    Motion(#[n(0)] SignedMotion),
    /// A lapsed node is back.
    #[n(1)]
    Rejoin(#[n(0)] SignedRejoin),
}

/// An entry's exact bytes and the certificate of the voters that decided it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertifiedEntry {
    bytes: ByteVec,
    entry: Entry,
    ballot: u32,
    certificate: NodeSignatures,
}

/// A proposed entry that may come next at some state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposedEntry {
    entry: Entry,
    motion: Option<Motion>,
}

/// An entry that was verified against the state before it; only [`State::verify_entry`] makes
/// one, and [`State::apply`] takes nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedEntry {
    proposed: ProposedEntry,
    head: Head,
}

/// Why an entry is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Not the canonical encoding of an entry.
    #[error("the entry is malformed: {0}")]
    Malformed(#[from] DecodeError),
    /// A form that this version does not know.
    #[error("an entry of version {0} is not known here")]
    Version(u8),
    /// Its motion is refused.
    #[error(transparent)]
    Motion(#[from] MotionError),
    /// Its rejoin is refused.
    #[error(transparent)]
    Rejoin(#[from] RejoinError),
    /// Its certificate does not hold.
    #[error("the certificate does not hold: {0}")]
    Certificate(#[from] CertificateError),
    /// Valid in everything but the time: its motion has expired. A voter accepts it only on
    /// proof that a quorum found it valid in time.
    #[error("the motion has expired")]
    Late(Box<ProposedEntry>),
}

impl Canonical for Entry {
    const BYTES_MAX: usize = VALUE_BYTES_MAX;
}

impl Entry {
    /// The entry that would come next at this state.
    pub fn next(state: &State, body: EntryBody) -> Self {
        todo!()
    }
}

impl ProposedEntry {
    /// The entry.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }
    /// The policy that it sets, if it sets one.
    pub fn policy(&self) -> Option<&[u8]> {
        todo!()
    }
}

impl CertifiedEntry {
    /// What a decided position says.
    pub fn from_decided(decided: &Decided) -> Result<Self, EntryError> {
        todo!()
    }
    /// Its position.
    pub fn position(&self) -> u64 {
        self.entry.position
    }
    /// The entry, unverified.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }
    /// The head that it makes.
    pub fn head(&self) -> Head {
        todo!()
    }
}

impl<C> Encode<C> for CertifiedEntry {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        context: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        todo!()
    }
}

impl<'b, C> Decode<'b, C> for CertifiedEntry {
    fn decode(decoder: &mut Decoder<'b>, context: &mut C) -> Result<Self, CborError> {
        todo!()
    }
}

impl Canonical for CertifiedEntry {
    const BYTES_MAX: usize = 32 + VALUE_BYTES_MAX + NodeSignatures::BYTES_MAX;
}
