//! What nodes send each other. One enum, canonical, behind the authenticated channel; whoever
//! must prove later what was said signs it inside (votes, hellos, decisions, dealings).

use minicbor::{Decode, Encode};
use quorate_charter as charter;
use quorate_codec::{Canonical, Digest, Transcript, tag};
use quorate_engine::Backed;
use quorate_identity::{GenesisHash, Head, KeyId, NodeId, NodeSignature, RequestId};
use quorate_policy::request as statement;
use std::fmt;

/// A message between two nodes of one domain.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub enum Message {
    /// Presence: incarnation, head, highest vote, nonce.
    #[n(0)]
    Hello(#[n(0)] charter::SignedHello),
    /// The answer to a hello.
    #[n(1)]
    Welcome(#[n(0)] charter::SignedWelcome),
    /// Asks for certified entries after a position.
    #[n(2)]
    Fetch(#[n(0)] u64),
    /// Certified entries, in order.
    #[n(3)]
    Entries(#[n(0)] Vec<charter::CertifiedEntry>),
    /// Asks for what the asker lacks about the epochs of keys: it says how far it is.
    #[n(4)]
    FetchRecords(#[n(0)] Vec<KeyProgress>),
    /// The outcome of an attempt: the value decided and its certificate.
    #[n(5)]
    Decided(#[n(0)] charter::Decided),
    /// A motion with the signatures that the sender knows.
    #[n(6)]
    Motion(#[n(0)] charter::SignedMotion),
    /// A proposal or vote.
    #[n(7)]
    Ballot(#[n(0)] charter::SignedBallotMessage),
    /// A lapsed node asks to come back.
    #[n(8)]
    Rejoin(#[n(0)] charter::SignedRejoin),
    /// A message of a dealing.
    #[n(9)]
    Deal(#[n(0)] DealMessage),
    /// A message of a pair set-up.
    #[n(10)]
    Pair(#[n(0)] PairMessage),
    /// A request.
    #[n(11)]
    Request(#[n(0)] statement::SignedRequest),
    /// An approval or rejection.
    #[n(12)]
    Approval(#[n(0)] statement::SignedApproval),
    /// The requester's cancellation.
    #[n(13)]
    Cancellation(#[n(0)] statement::SignedCancellation),
    /// A node's decision about a request.
    #[n(14)]
    Decision(#[n(0)] statement::SignedNodeDecision),
    /// A message of a signing session.
    #[n(15)]
    Session(#[n(0)] SessionMessage),
    /// A finished signature; everyone verifies it.
    #[n(16)]
    Outcome(#[n(0)] Outcome),
    /// The pair set-ups that the sender has ready.
    #[n(17)]
    Pairs(#[n(0)] Vec<Generation>),
    /// How far the sender is with all keys, as a hash: who is elsewhere asks for more.
    #[n(18)]
    Progress(#[n(0)] Digest),
    /// What a node did with an epoch of a key.
    #[n(19)]
    Epoch(#[n(0)] charter::SignedEpochStatement),
    /// What an importer deals, passed on by anybody.
    #[n(20)]
    Import(#[n(0)] Box<ImportDealing>),
    /// Proof that a node deviated; everyone verifies it.
    #[n(21)]
    Evidence(#[n(0)] Box<crate::evidence::Evidence>),
    /// A backup of what a dealing made.
    #[n(22)]
    Bundle(#[n(0)] BundleMessage),
    /// A person's statement that stops signing, passed on by anybody.
    #[n(23)]
    Freeze(#[n(0)] charter::SignedFreeze),
    /// Guardians' word that another domain takes over, passed on by anybody.
    #[n(24)]
    Cession(#[n(0)] Box<charter::SignedCession>),
}

/// How far a node is with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct KeyProgress {
    /// The key.
    #[n(0)]
    pub key: KeyId,
    /// The epoch that it would make next.
    #[n(1)]
    pub epoch: u64,
    /// The attempt at it that is under way or next.
    #[n(2)]
    pub attempt: u32,
    /// A hash of what it knows about the epoch that there is: whether it signed, who said what.
    #[n(3)]
    pub known: Digest,
}

impl Canonical for Message {
    const BYTES_MAX: usize = 8 << 20;
}

/// What a session is to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum Target {
    /// A request.
    #[n(0)]
    Request(#[n(0)] RequestId),
    /// The birth signature of a key's epoch.
    #[n(1)]
    Birth(#[n(0)] KeyId, #[n(1)] u64),
    /// Nothing yet: presignatures of an account of a key, for who leads their making.
    #[n(2)]
    Ahead(#[n(0)] KeyId, #[n(1)] u16, #[n(2)] NodeId),
}

impl Target {
    /// Who alone may lead it, if only one may.
    pub fn leader(&self) -> Option<NodeId> {
        match self {
            Self::Request(_) | Self::Birth(..) => None,
            Self::Ahead(_, _, leader) => Some(*leader),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(id) => write!(formatter, "request {id}"),
            Self::Birth(key, epoch) => write!(formatter, "the birth of key {key} in epoch {epoch}"),
            Self::Ahead(key, account, leader) => {
                write!(formatter, "presignatures of account {account} of key {key} for {leader}")
            }
        }
    }
}

/// Everything that the parties of a session must agree on before any of them sends a value that
/// depends on a share. Source: `spec/node.md`, SES-01; the session id comes on top once all
/// contributions are known.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Terms {
    /// Version of this form: 1.
    #[n(0)]
    pub version: u8,
    /// The domain.
    #[n(1)]
    pub genesis: GenesisHash,
    /// The charter head under which every party judged.
    #[n(2)]
    pub head: Head,
    /// What is signed.
    #[n(3)]
    pub target: Target,
    /// The key.
    #[n(4)]
    pub key: KeyId,
    /// Digest of the key's epoch record: scheme, tree, public shares, epoch.
    #[n(5)]
    pub epoch_record: Digest,
    /// Digest of the payloads and tweak that each party computed from the preimage itself.
    #[n(6)]
    pub payloads: Digest,
    /// The parties, ascending.
    #[n(7)]
    pub quorum: Vec<NodeId>,
    /// Their incarnations, in the same order.
    #[n(8)]
    pub incarnations: Vec<Digest>,
    /// Which child of the account signs; empty for the account itself.
    #[n(9)]
    pub path: Vec<u32>,
    /// The public key of that child, which each party derived from the epoch record itself.
    #[cbor(n(10), with = "minicbor::bytes")]
    pub child_key: Vec<u8>,
    /// Which account of the key signs.
    #[n(11)]
    pub account: u16,
    /// The presignatures that are used, one for each payload; none: three rounds.
    #[n(12)]
    pub presignatures: Vec<Digest>,
}

impl Terms {
    /// The context before the session id: what each party's [`quorate_engine::Permit`] is for.
    pub fn digest(&self) -> Digest {
        Transcript::new(tag::SESSION_CONTEXT).part(quorate_codec::to_bytes(self)).digest()
    }

    /// Names the first field in which `theirs` differs, for the local record; `None` if equal.
    pub fn difference(&self, theirs: &Self) -> Option<&'static str> {
        let checks = [
            (self.version != theirs.version, "version"),
            (self.genesis != theirs.genesis, "domain"),
            (self.target != theirs.target, "request"),
            (self.key != theirs.key, "key"),
            (self.payloads != theirs.payloads, "what is to be signed"),
            (self.account != theirs.account, "account"),
            (self.path != theirs.path, "path"),
            (self.child_key != theirs.child_key, "key at the path"),
            (self.epoch_record != theirs.epoch_record, "epoch of the key"),
            (self.head != theirs.head, "charter head"),
            (self.quorum != theirs.quorum, "quorum"),
            (self.incarnations != theirs.incarnations, "incarnations"),
        ];
        checks.into_iter().find(|(differs, _)| *differs).map(|(_, field)| field)
    }
}

/// Routes the messages of one run. Chosen by whoever starts it; nothing rests on it.
pub type RunId = Digest;

/// A message of a signing session.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SessionMessage {
    /// The run.
    #[n(0)]
    pub run: RunId,
    /// The step.
    #[n(1)]
    pub step: SessionStep,
}

/// The steps of a session. Source: `spec/node.md`, SES-02 to SES-09.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[allow(clippy::large_enum_variant, reason = "short-lived, and a form of the wire")]
pub enum SessionStep {
    /// The leader proposes terms and contributes first.
    #[n(0)]
    Propose {
        /// What it wants agreed.
        #[n(0)]
        terms: Terms,
        /// Which attempt this is, for the order of leaders.
        #[n(1)]
        attempt: u32,
        /// Its first message: nonce commitments, 32 random bytes, or opened ones.
        #[cbor(n(2), with = "minicbor::bytes")]
        first: Vec<u8>,
        /// The generations of the pair set-ups that it would use.
        #[n(3)]
        generations: Vec<Generation>,
    },
    /// A member computed the same terms itself and contributes.
    #[n(1)]
    Join {
        /// Digest of the terms that the member computed.
        #[n(0)]
        terms: Digest,
        /// Its first message.
        #[cbor(n(1), with = "minicbor::bytes")]
        first: Vec<u8>,
        /// The generations of the pair set-ups that it would use.
        #[n(2)]
        generations: Vec<Generation>,
    },
    /// A message of the engine's round.
    #[n(2)]
    Round {
        /// Counts the engine's rounds from 1.
        #[n(0)]
        number: u8,
        /// The engine's message.
        #[cbor(n(1), with = "minicbor::bytes")]
        bytes: Vec<u8>,
    },
    /// The session is over. One class for all causes (N-79).
    #[n(3)]
    Abort,
    /// A member has the presignatures of the session.
    #[n(4)]
    Made,
}

/// Which set-up of a pair somebody would use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Generation {
    /// The other node of the pair.
    #[n(0)]
    pub peer: NodeId,
    /// Names the set-up.
    #[n(1)]
    pub generation: Digest,
}

/// A signed message of a dealing. The bytes carry context, round and sender; the signature is
/// the sender's, so that two different messages for one slot prove equivocation.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DealMessage {
    /// The key that is made.
    #[n(0)]
    pub key: KeyId,
    /// The epoch that is made.
    #[n(1)]
    pub epoch: u64,
    /// The attempt.
    #[n(2)]
    pub attempt: u32,
    /// The digest of the attempt's plan, which the sender found right; nothing where it knows
    /// none.
    #[n(3)]
    pub context: Option<Digest>,
    /// The step.
    #[n(4)]
    pub step: DealStep,
    /// The sender's signature over all of this and the domain.
    #[n(5)]
    pub signature: NodeSignature,
}

impl DealMessage {
    /// How much memory it takes to keep, about.
    pub fn weight(&self) -> usize {
        size_of::<Self>()
            + match &self.step {
                DealStep::Round { bytes, .. } => bytes.len(),
                DealStep::Prepared { record, leaf_proofs } => record.len() + leaf_proofs.len(),
                DealStep::Plan { plan } => plan.len(),
                DealStep::Complaint { bytes } => bytes.len(),
                DealStep::Shown { messages } => {
                    let one = |shown: &ShownMessage| size_of::<ShownMessage>() + shown.bytes.len();
                    messages.iter().map(one).sum()
                }
                DealStep::Abort { .. } => 0,
            }
    }
}

/// A backup that its sender announced in a signed message of the dealing, which names it by its
/// digest.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct BundleMessage {
    /// The key that is made.
    #[n(0)]
    pub key: KeyId,
    /// The digest of the attempt's plan.
    #[n(1)]
    pub context: Digest,
    /// What it backs up.
    #[n(2)]
    pub kind: Backed,
    /// The bundle.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
}

/// The steps of a dealing.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum DealStep {
    /// A message of round 1, 2, ...
    #[n(0)]
    Round {
        /// Counts from 1.
        #[n(0)]
        number: u8,
        /// The engine's message.
        #[cbor(n(1), with = "minicbor::bytes")]
        bytes: Vec<u8>,
    },
    /// The statement PREPARED: the shares are durable, here is the proof that they are known.
    #[n(1)]
    Prepared {
        /// The whole epoch record as this member computed it.
        #[cbor(n(0), with = "minicbor::bytes")]
        record: Vec<u8>,
        /// Proof of knowledge of the member's final leaf shares.
        #[cbor(n(1), with = "minicbor::bytes")]
        leaf_proofs: Vec<u8>,
    },
    /// The sender gave this attempt up; others need not wait for it. It goes into the decision,
    /// so that everybody sees who did.
    #[n(2)]
    Abort {
        /// The sender's head.
        #[n(0)]
        head: Head,
    },
    /// The attempt's leader says what it sets out to do.
    #[n(3)]
    Plan {
        /// The plan.
        #[cbor(n(0), with = "minicbor::bytes")]
        plan: Vec<u8>,
    },
    /// The sender was dealt a bad share, and reveals the one key that proves it to others.
    #[n(4)]
    Complaint {
        /// The engine's complaint.
        #[cbor(n(0), with = "minicbor::bytes")]
        bytes: Vec<u8>,
    },
    /// What the sender received of the rounds, as it was signed: participants saw different
    /// things, and these show whose doing it was.
    #[n(5)]
    Shown {
        /// The messages.
        #[n(0)]
        messages: Vec<ShownMessage>,
    },
}

/// A message of a round, shown to others by whoever received it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ShownMessage {
    /// Who signed it.
    #[n(0)]
    pub author: NodeId,
    /// For which round.
    #[n(1)]
    pub number: u8,
    /// The engine's message.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
    /// The author's signature, as over its own [`DealMessage`].
    #[n(3)]
    pub signature: NodeSignature,
}

/// The two messages that an importer has in a dealing, each signed with the one-time key that the
/// charter names (IMP-06).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ImportDealing {
    /// That of round 1.
    #[n(0)]
    pub first: DealMessage,
    /// That of round 2.
    #[n(1)]
    pub second: DealMessage,
}

/// A message of a pair set-up.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PairMessage {
    /// The run.
    #[n(0)]
    pub run: RunId,
    /// The step.
    #[n(1)]
    pub step: PairStep,
}

/// The steps of a pair set-up. The node with the lower id asks.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum PairStep {
    /// Asks for a set-up.
    #[n(0)]
    Ask {
        /// The asker's contribution to the context.
        #[n(0)]
        nonce: Digest,
    },
    /// Agrees.
    #[n(1)]
    Agree {
        /// The other's contribution to the context.
        #[n(0)]
        nonce: Digest,
    },
    /// A message of the engine's round.
    #[n(2)]
    Round {
        /// Counts from 1.
        #[n(0)]
        number: u8,
        /// The engine's message.
        #[cbor(n(1), with = "minicbor::bytes")]
        bytes: Vec<u8>,
    },
    /// The set-up is over without a result.
    #[n(3)]
    Abort,
    /// The node with the higher id has no half any more: the other one should ask.
    #[n(4)]
    Lack,
}

/// A finished signature.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Outcome {
    /// What was signed.
    #[n(0)]
    pub target: Target,
    /// The head under which the quorum decided.
    #[n(1)]
    pub head: Head,
    /// The quorum that signed.
    #[n(2)]
    pub quorum: Vec<NodeId>,
    /// One signature a payload, in order.
    #[n(3)]
    pub signatures: Vec<SignatureBytes>,
}

impl Canonical for Outcome {
    const BYTES_MAX: usize = 16_384;
}

/// A signature as bytes; who receives it verifies it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignatureBytes {
    /// r and s, or R and s: 64 bytes.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
    /// The recovery id of an ECDSA signature.
    #[n(1)]
    pub recovery_id: Option<u8>,
}
