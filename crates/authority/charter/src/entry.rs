//! Entries: what nodes agree on (GOV-20).

use crate::agreement::{Decided, DecidedError, Instance};
use crate::custody::Custody;
use crate::export::Recipient;
use crate::imported::Imported;
use crate::limits::VALUE_BYTES_MAX;
use crate::motion::{Motion, MotionBody, MotionError, MotionStatus, NodesChange, SignedMotion};
use crate::presence::{Rejoin, RejoinError, SignedRejoin};
use crate::seat::SeatClaim;
use crate::state::State;
use minicbor::bytes::ByteVec;
use minicbor::decode::{Decoder, Error as CborError};
use minicbor::encode::{Encoder, Error as EncodeError, Write};
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, DecodeError, Transcript, tag};
use quorate_identity::{GenesisHash, Head, MotionId, NodeId, NodeSignatures, PersonId, Scheme};
use quorate_release::Version;
use std::sync::Arc;

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
#[allow(clippy::large_enum_variant, reason = "entries are few, and never in long lists")]
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum EntryBody {
    /// An authorised motion.
    #[n(0)]
    Motion(#[n(0)] SignedMotion),
    /// A lapsed node is back.
    #[n(1)]
    Rejoin(#[n(0)] SignedRejoin),
    /// An announced motion takes effect.
    #[n(2)]
    Enact(#[n(0)] MotionId),
}

/// What an entry does with a motion.
#[allow(clippy::large_enum_variant, reason = "entries are few, and never in long lists")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// It takes effect; signed by these, where it was not announced before.
    Enacts { id: MotionId, motion: Arc<Motion>, signed_by: Vec<PersonId> },
    /// It waits so long.
    Announces { id: MotionId, status: MotionStatus, delay_ms: u64 },
    /// There is none.
    Rejoins,
}

/// An entry's exact bytes and the certificate of the voters that decided it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertifiedEntry {
    bytes: ByteVec,
    entry: Entry,
    ballot: u32,
    certificate: NodeSignatures,
}

/// A proposed entry that may come next at some state, its certificate apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposedEntry {
    entry: Entry,
    step: Step,
}

/// An entry that was verified against the state before it. Only
/// [`State::verify_entry`](crate::State::verify_entry) makes one, and
/// [`State::apply`](crate::State::apply) takes nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedEntry {
    proposed: ProposedEntry,
    head: Head,
}

/// Why an entry is refused; the fault of whoever proposed or showed it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Not the canonical encoding of an entry.
    #[error("the entry is malformed: {0}")]
    Malformed(#[from] DecodeError),
    /// A form that this version does not know.
    #[error("an entry of version {0} is not known here")]
    Version(u8),
    /// It is of another domain.
    #[error("the entry is of another domain, {0}")]
    ForeignDomain(GenesisHash),
    /// It is not the next one: behind the head, or beyond it.
    #[error("the entry is for position {got}, the next one is {expected}")]
    Position {
        /// The next position.
        expected: u64,
        /// The entry's position.
        got: u64,
    },
    /// It follows another head.
    #[error("the entry follows head {theirs}, ours is {ours}")]
    Fork {
        /// Our head.
        ours: Head,
        /// The head that it follows.
        theirs: Head,
    },
    /// A decision of something else.
    #[error("the decision is not about a position, or its entry is for another one")]
    Instance,
    /// Its motion is refused.
    #[error(transparent)]
    Motion(#[from] MotionError),
    /// Its rejoin is refused.
    #[error(transparent)]
    Rejoin(#[from] RejoinError),
    /// Its certificate does not hold.
    #[error(transparent)]
    Certificate(#[from] DecidedError),
    /// Valid in everything but the time: its motion has expired, or is announced and not due. A
    /// voter accepts it only on proof that a quorum found it valid in time (AGR-07).
    #[error("the motion has expired, or is not due yet")]
    Late(Box<ProposedEntry>),
}

impl Entry {
    /// The entry that would come next at this state.
    pub fn next(state: &State, body: EntryBody) -> Self {
        let (genesis, prev) = (state.genesis(), state.head());
        Self { version: 1, genesis, position: state.position() + 1, prev, body }
    }

    /// What it places: the motion's kind, or `rejoin`.
    pub fn kind(&self) -> &'static str {
        match &self.body {
            EntryBody::Motion(signed) => signed.body().kind(),
            EntryBody::Rejoin(_) => "rejoin",
            EntryBody::Enact(_) => "enact",
        }
    }
}

impl ProposedEntry {
    pub(crate) fn new(entry: Entry, step: Step) -> Self {
        Self { entry, step }
    }

    /// The entry.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// The motion that it announces, or that takes effect by it, if it is about one.
    pub fn motion(&self) -> Option<&Motion> {
        match &self.step {
            Step::Enacts { motion, .. } => Some(motion),
            Step::Announces { status, .. } => Some(&status.motion),
            Step::Rejoins => None,
        }
    }

    /// The key that it brings from elsewhere, if it brings one. The point is opaque here: who votes
    /// for it looks at it.
    pub fn import(&self) -> Option<(Scheme, &Imported)> {
        match &self.motion()?.body {
            MotionBody::KeyImport { scheme, imported, .. } => Some((*scheme, imported)),
            _ => None,
        }
    }

    /// The custody that it sets, if it sets one. Its keys are opaque here: who votes for it looks at
    /// them.
    pub fn custody(&self) -> Option<&Custody> {
        match &self.motion()?.body {
            MotionBody::CustodySet { custody, .. } => Some(custody),
            _ => None,
        }
    }

    /// Who gets a key by it, if somebody does. The recovery key is opaque here: who votes for it looks
    /// at it.
    pub fn recipient(&self) -> Option<&Recipient> {
        match &self.motion()?.body {
            MotionBody::KeyExport { recipient, .. } => recipient.as_ref(),
            _ => None,
        }
    }

    /// The claim to a seat that it grants, if it grants one. Its one-time key is opaque here: who
    /// votes for it looks at it.
    pub fn claim(&self) -> Option<&SeatClaim> {
        match &self.motion()?.body {
            MotionBody::SeatGive { claim, .. } => Some(claim.body()),
            _ => None,
        }
    }

    /// The change of nodes that it makes or announces, if it is one. What it means for keys is for
    /// those who know their epochs.
    pub fn nodes(&self) -> Option<&NodesChange> {
        match &self.motion()?.body {
            MotionBody::Nodes(change) => Some(change),
            _ => None,
        }
    }

    /// The version that it requires, if it requires one.
    pub fn minimum(&self) -> Option<&Version> {
        match &self.motion()?.body {
            MotionBody::ReleaseRequire { minimum } => Some(minimum),
            _ => None,
        }
    }

    /// The node that comes back by it, if one does.
    pub fn rejoins(&self) -> Option<NodeId> {
        match &self.entry.body {
            EntryBody::Rejoin(rejoin) => Some(rejoin.node()),
            EntryBody::Motion(_) | EntryBody::Enact(_) => None,
        }
    }

    /// The policy that it sets, if it sets one. Opaque here: who votes for it looks inside.
    pub fn policy(&self) -> Option<&[u8]> {
        match &self.motion()?.body {
            MotionBody::PolicySet { bundle } => Some(bundle),
            _ => None,
        }
    }
}

impl VerifiedEntry {
    pub(crate) fn new(proposed: ProposedEntry, head: Head) -> Self {
        Self { proposed, head }
    }

    /// The entry.
    pub fn entry(&self) -> &Entry {
        &self.proposed.entry
    }

    /// The head that it makes.
    pub fn head(&self) -> Head {
        self.head
    }

    /// What it does with a motion.
    pub(crate) fn step(&self) -> &Step {
        &self.proposed.step
    }

    /// The motion that takes effect by it, if one does.
    pub fn enacted(&self) -> Option<&Motion> {
        match self.step() {
            Step::Enacts { motion, .. } => Some(motion),
            Step::Announces { .. } | Step::Rejoins => None,
        }
    }

    /// The motion that waits from it on, if one does.
    pub fn announced(&self) -> Option<MotionId> {
        match self.step() {
            Step::Announces { id, .. } => Some(*id),
            Step::Enacts { .. } | Step::Rejoins => None,
        }
    }

    /// Whether it changes who the nodes are.
    pub fn changes_nodes(&self) -> bool {
        self.enacted().is_some_and(|motion| matches!(motion.body, MotionBody::Nodes(_)))
    }

    /// The node whose seat it gives to another machine, if it does.
    pub fn seat(&self) -> Option<NodeId> {
        match &self.enacted()?.body {
            MotionBody::SeatGive { claim, .. } => Some(claim.body().node),
            _ => None,
        }
    }

    pub(crate) fn rejoin(&self) -> Option<&Rejoin> {
        match &self.entry().body {
            EntryBody::Rejoin(rejoin) => Some(rejoin.body()),
            EntryBody::Motion(_) | EntryBody::Enact(_) => None,
        }
    }
}

impl CertifiedEntry {
    /// The entry of a decided position; nothing is verified.
    ///
    /// # Errors
    /// [`EntryError`]: the decision is about something else, or its value is no entry.
    pub fn from_decided(decided: &Decided) -> Result<Self, EntryError> {
        let entry: Entry = quorate_codec::from_bytes(&decided.value)?;
        let is_of_entry = decided.instance == Instance::Position(entry.position)
            && decided.genesis == entry.genesis;
        if decided.version != 1 || !is_of_entry {
            return Err(EntryError::Instance);
        }
        let (bytes, certificate) = (decided.value.clone().into(), decided.certificate.clone());
        Ok(Self { bytes, entry, ballot: decided.ballot, certificate })
    }

    /// The decision that it is.
    pub fn to_decided(&self) -> Decided {
        Decided {
            version: 1,
            genesis: self.entry.genesis,
            instance: Instance::Position(self.entry.position),
            ballot: self.ballot,
            value: self.bytes.to_vec(),
            certificate: self.certificate.clone(),
        }
    }

    /// Its position; the first is 1.
    pub fn position(&self) -> u64 {
        self.entry.position
    }

    /// The entry, unverified.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// The entry's exact bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The precommits of the voters that decided it.
    pub fn certificate(&self) -> &NodeSignatures {
        &self.certificate
    }

    /// The head that it makes: the hash of its bytes (GOV-21).
    pub fn head(&self) -> Head {
        Head(Transcript::new(tag::ENTRY).part(self.bytes()).digest())
    }
}

impl<C> Encode<C> for CertifiedEntry {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        context: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        encoder.array(4)?.u8(1)?.bytes(&self.bytes)?.u32(self.ballot)?;
        self.certificate.encode(encoder, context)
    }
}

impl<'b, C> Decode<'b, C> for CertifiedEntry {
    fn decode(decoder: &mut Decoder<'b>, context: &mut C) -> Result<Self, CborError> {
        if decoder.array()? != Some(4) || decoder.u8()? != 1 {
            return Err(CborError::message("not a certified entry of version 1"));
        }
        let bytes = ByteVec::from(decoder.bytes()?.to_vec());
        let entry = quorate_codec::from_bytes(&bytes).map_err(CborError::message)?;
        let ballot = decoder.u32()?;
        let certificate = NodeSignatures::decode(decoder, context)?;
        Ok(Self { bytes, entry, ballot, certificate })
    }
}

impl Canonical for Entry {
    const BYTES_MAX: usize = VALUE_BYTES_MAX;
}

impl Canonical for CertifiedEntry {
    const BYTES_MAX: usize = 32 + VALUE_BYTES_MAX + NodeSignatures::BYTES_MAX;
}
