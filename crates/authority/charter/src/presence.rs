//! Which incarnation of a node stands where (GOV-31).

use crate::statement::{DomainStatement, NodeStatement, Signed, StatementError};
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, Digest, tag, tag::Tag};
use quorate_identity::{GenesisHash, Head, NodeId};
use quorate_release::Version;

/// One life of a node, from a start to the next: made durable before anything leaves (NOD-10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Incarnation {
    /// Version of this form: 1.
    #[n(0)]
    pub version: u8,
    /// Counts the starts, from 1.
    #[n(1)]
    pub count: u64,
    /// Fresh random bytes.
    #[n(2)]
    pub id: Digest,
    /// The id of the incarnation before; zero for the first.
    #[n(3)]
    pub previous: Digest,
}

/// A node says who it is this time and how far it knows the charter. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Hello {
    /// Version of this form: 1.
    #[n(0)]
    pub version: u8,
    /// The domain.
    #[n(1)]
    pub genesis: GenesisHash,
    /// Who speaks.
    #[n(2)]
    pub node: NodeId,
    /// Its incarnation.
    #[n(3)]
    pub incarnation: Incarnation,
    /// Its head.
    #[n(4)]
    pub head: Head,
    /// The head's position.
    #[n(5)]
    pub position: u64,
    /// The highest position at which it ever voted.
    #[n(6)]
    pub highest_vote: u64,
    /// Fresh random bytes, to be echoed.
    #[n(7)]
    pub nonce: Digest,
    /// Its clock, in milliseconds since 1970.
    #[n(8)]
    pub time_ms: u64,
    /// What it runs.
    #[n(9)]
    pub program: Program,
}

/// Which program a node runs, as it says itself (GOV-35). Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Program {
    /// Its version.
    #[n(0)]
    pub version: Version,
    /// SHA-256 of the file that it was started from: what a release names.
    #[n(1)]
    pub digest: Digest,
}

/// The answer to a hello. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Welcome {
    /// Version of this form: 1.
    #[n(0)]
    pub version: u8,
    /// The domain.
    #[n(1)]
    pub genesis: GenesisHash,
    /// Who answers.
    #[n(2)]
    pub node: NodeId,
    /// Whom it answers.
    #[n(3)]
    pub to: NodeId,
    /// What the answerer makes of the asker's incarnation.
    #[n(4)]
    pub recognition: Recognition,
    /// The answerer's head.
    #[n(5)]
    pub head: Head,
    /// The head's position.
    #[n(6)]
    pub position: u64,
    /// The highest position at which the answerer ever voted.
    #[n(7)]
    pub highest_vote: u64,
    /// Whether the answerer precommitted beyond its head: then this attests no head (N-101).
    #[n(8)]
    pub locked: bool,
    /// The nonce of the hello.
    #[n(9)]
    pub nonce: Digest,
    /// The answerer's clock, in milliseconds since 1970.
    #[n(10)]
    pub time_ms: u64,
}

/// What a node makes of a peer's incarnation.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Recognition {
    /// It is the one it should be: its id.
    #[n(0)]
    Recognised(#[n(0)] Digest),
    /// The peer itself once signed a hello that lies ahead: it was rolled back.
    #[n(1)]
    Lapsed(#[n(0)] Box<SignedHello>),
}

/// A lapsed node asks to come back, by its operator's hand. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Rejoin {
    /// Version of this form: 1.
    #[n(0)]
    pub version: u8,
    /// The domain.
    #[n(1)]
    pub genesis: GenesisHash,
    /// Who asks.
    #[n(2)]
    pub node: NodeId,
    /// The incarnation that shall count from now on.
    #[n(3)]
    pub incarnation: Incarnation,
    /// The head it had caught up to when it asked.
    #[n(4)]
    pub head: Head,
}

/// A hello and its signature.
pub type SignedHello = Signed<Hello>;
/// A welcome and its signature.
pub type SignedWelcome = Signed<Welcome>;
/// A rejoin and its signature.
pub type SignedRejoin = Signed<Rejoin>;

/// Why a rejoin is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RejoinError {
    /// The statement does not hold.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The node has no vote to come back to.
    #[error("node {0} waits: it does not vote")]
    NoVote(NodeId),
    /// The incarnation is not later than the one recorded.
    #[error("incarnation {count} of node {node} is not later than the recorded one")]
    Stale {
        /// The node.
        node: NodeId,
        /// The incarnation's count.
        count: u64,
    },
}

impl Incarnation {
    /// The first life of a node.
    pub fn first(id: Digest) -> Self {
        Self { version: 1, count: 1, id, previous: Digest::ZERO }
    }

    /// The life after this one.
    #[must_use]
    pub fn next(&self, id: Digest) -> Self {
        Self { version: 1, count: self.count.saturating_add(1), id, previous: self.id }
    }
}

impl Hello {
    /// Whether this hello lies ahead of what the same node says of itself in `now`: it was
    /// rolled back, or lives twice (GOV-32). A peer that finds so shows the node its own hello;
    /// the node believes it by the same comparison with what it knows of itself (NOD-14), so an
    /// old hello that somebody sends again harms nobody.
    pub fn lies_ahead_of(&self, now: &Self) -> bool {
        if self.node != now.node || self.genesis != now.genesis {
            return false;
        }
        let (then, life) = (&self.incarnation, &now.incarnation);
        let is_other_life = then.count == life.count && then.id != life.id;
        let has_other_past =
            life.count.checked_sub(then.count) == Some(1) && life.previous != then.id;
        let is_behind = life.count < then.count
            || now.position < self.position
            || now.highest_vote < self.highest_vote;
        is_other_life || has_other_past || is_behind
    }
}

impl Welcome {
    /// Whether this attests `head` to who sent `nonce`: the answerer stands exactly there, is
    /// not locked beyond it, and recognises the asker (GOV-33).
    pub fn attests(&self, head: &Head, nonce: &Digest) -> bool {
        let recognises = matches!(self.recognition, Recognition::Recognised(_));
        recognises && !self.locked && self.head == *head && self.nonce == *nonce
    }
}

impl Canonical for Incarnation {
    const BYTES_MAX: usize = 80;
}

impl Canonical for Program {
    const BYTES_MAX: usize = 48 + Version::BYTES_MAX;
}

impl Canonical for Hello {
    const BYTES_MAX: usize = 320 + Program::BYTES_MAX;
}

impl Canonical for Welcome {
    const BYTES_MAX: usize = 320 + SignedHello::BYTES_MAX;
}

impl Canonical for Rejoin {
    const BYTES_MAX: usize = 256;
}

macro_rules! statements {
    ($($statement:ident: $tag:ident;)*) => {$(
        impl NodeStatement for $statement {
            const TAG: Tag = tag::$tag;

            fn version(&self) -> u8 {
                self.version
            }
        }

        impl DomainStatement for $statement {
            fn genesis(&self) -> GenesisHash {
                self.genesis
            }

            fn node(&self) -> NodeId {
                self.node
            }
        }
    )*};
}

statements! {
    Hello: HELLO;
    Welcome: WELCOME;
    Rejoin: REJOIN;
}
