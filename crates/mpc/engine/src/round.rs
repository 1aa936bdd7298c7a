//! One protocol run, seen from outside: rounds that wait for messages.

use crate::{Failure, PairSetup, PreparedKeys, Presignature, Seed, Signature};
use quorate_identity::NodeId;
use std::collections::BTreeMap;
use std::fmt;

/// A run that waits for the messages of one round. Consumed by [`advance`](Self::advance), so no
/// round ever runs twice and no nonce is ever used again (ENG-01).
pub trait Round: Send {
    /// From whom exactly one message each is awaited, ascending. Holds this node itself in
    /// dealings, where the own messages belong to the transcript like everybody's, and never
    /// elsewhere.
    fn awaits(&self) -> Vec<NodeId>;

    /// Takes the awaited messages, in any order, and computes the next step.
    ///
    /// # Errors
    /// [`Failure`]: the run is over, and everything it knew is wiped.
    fn advance(self: Box<Self>, inbox: Vec<Inbound>, seed: Seed) -> Result<Progress, Failure>;
}

/// A message that arrived, authenticated by the channel.
#[derive(Clone, PartialEq, Eq)]
pub struct Inbound {
    /// Who sent it.
    pub from: NodeId,
    /// The engine's bytes.
    pub bytes: Vec<u8>,
}

/// A message to be sent over an authenticated and encrypted channel.
#[derive(Clone, PartialEq, Eq)]
pub struct Outbound {
    /// To whom.
    pub to: To,
    /// The engine's bytes.
    pub bytes: Vec<u8>,
}

/// To whom a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// To all other parties of the run: the same bytes.
    All,
    /// To one party only.
    One(NodeId),
}

/// What a step led to.
pub enum Progress {
    /// Messages to send, and the round that waits for the answers.
    Next {
        /// The next round.
        round: Box<dyn Round>,
        /// The messages to send.
        outbound: Vec<Outbound>,
    },
    /// The run is over.
    Done(Outcome),
}

/// What a finished run leaves.
pub enum Outcome {
    /// A dealing of any kind: verified, nothing is durable yet.
    Dealt(Box<PreparedKeys>),
    /// A set-up with one peer.
    Pair(PairSetup),
    /// One verified signature per payload, in their order.
    Signatures(Vec<Signature>),
    /// Presignatures, for whatever is signed later.
    Presignatures(Vec<Presignature>),
}

/// An inbox by sender.
///
/// # Errors
/// [`crate::Fault::Caller`]: two messages of one sender.
pub(crate) fn by_sender(inbox: Vec<Inbound>) -> Result<BTreeMap<NodeId, Vec<u8>>, Failure> {
    let mut messages = BTreeMap::new();
    for Inbound { from, bytes } in inbox {
        if messages.insert(from, bytes).is_some() {
            return Err(Failure::caller("a round takes one message of each sender"));
        }
    }
    Ok(messages)
}

/// The one message of an inbox.
///
/// # Errors
/// [`crate::Fault::Caller`]: not exactly one, or of somebody else.
pub(crate) fn single(inbox: Vec<Inbound>, from: NodeId) -> Result<Vec<u8>, Failure> {
    let mut messages = by_sender(inbox)?;
    match (messages.remove(&from), messages.is_empty()) {
        (Some(bytes), true) => Ok(bytes),
        _ => Err(Failure::caller("a round takes exactly the messages it awaits")),
    }
}

impl fmt::Debug for Inbound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Inbound({}, {} bytes)", self.from, self.bytes.len())
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Outbound({:?}, {} bytes)", self.to, self.bytes.len())
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Next { outbound, .. } => write!(formatter, "Next({outbound:?})"),
            Self::Done(outcome) => write!(formatter, "Done({outcome:?})"),
        }
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dealt(_) => formatter.write_str("Dealt"),
            Self::Pair(_) => formatter.write_str("Pair"),
            Self::Presignatures(made) => write!(formatter, "Presignatures({})", made.len()),
            Self::Signatures(signatures) => write!(formatter, "Signatures({signatures:?})"),
        }
    }
}
