//! Which statement of a receipt does not hold, and whose it is (RCP-10).

use std::fmt;

/// Why a receipt proves nothing: the first statement in it that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{part} does not hold: {reason}; it is {whose}")]
pub struct ReceiptError {
    /// Which statement.
    pub part: Part,
    /// Whose statement it is.
    pub whose: Whose,
    /// What is wrong with it.
    pub reason: String,
}

/// A statement of a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The file itself.
    Receipt,
    /// The genesis.
    Genesis,
    /// An entry of the log, by its position.
    Entry(u64),
    /// The record of the key's epoch.
    EpochRecord,
    /// The request.
    Request,
    /// An approval, by its place in the file, from 1.
    Approval(usize),
    /// The policy of the head.
    Policy,
    /// A node's decision, by its place in the file, from 1.
    Decision(usize),
    /// The quorum.
    Quorum,
    /// The signatures.
    Signature,
}

/// Whose a statement is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// Whoever shows the receipt.
    Holder,
    /// The founders of the domain.
    Founders,
    /// The voters of the domain together.
    Voters,
    /// A person or service, by name or id.
    Actor(String),
    /// A node, by name or id.
    Node(String),
    /// A key, by name or id.
    Key(String),
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Receipt => formatter.write_str("the receipt"),
            Self::Genesis => formatter.write_str("the genesis"),
            Self::Entry(position) => write!(formatter, "entry {position} of the charter"),
            Self::EpochRecord => formatter.write_str("the epoch record of the key"),
            Self::Request => formatter.write_str("the request"),
            Self::Approval(place) => write!(formatter, "approval {place}"),
            Self::Policy => formatter.write_str("the policy's judgement"),
            Self::Decision(place) => write!(formatter, "node decision {place}"),
            Self::Quorum => formatter.write_str("the quorum"),
            Self::Signature => formatter.write_str("the signature"),
        }
    }
}

impl fmt::Display for Whose {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holder => formatter.write_str("for whoever shows the receipt to answer for"),
            Self::Founders => formatter.write_str("a statement of the domain's founders"),
            Self::Voters => formatter.write_str("a statement of the domain's voters"),
            Self::Actor(name) => write!(formatter, "a statement of {name}"),
            Self::Node(name) => write!(formatter, "a statement of node {name}"),
            Self::Key(name) => write!(formatter, "a signature of key {name}"),
        }
    }
}
