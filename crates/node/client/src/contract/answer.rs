//! Small answers: what happened, what it cost, what changed.

use quorate_identity::{Head, Name, RequestId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /v1/audit`: the newest lines of the answering node's audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Audit {
    /// Newest last.
    pub lines: Vec<AuditLine>,
}

/// One line of the audit trail. Local evidence of one node, not a signed statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditLine {
    /// When, in milliseconds since 1970 on the node's clock.
    pub at_ms: u64,
    /// What happened.
    pub text: String,
    /// Nodes that it accuses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub culprits: Vec<Name>,
}

/// One element of `GET /v1/events`, a stream of server-sent events: what changed, not how. Who
/// wants to know more asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Notice {
    /// A request has a new state, decision or approval.
    #[schema(value_type = String)]
    Request(RequestId),
    /// The charter has a new head.
    #[schema(value_type = String)]
    Head(Head),
    /// A key has a new state.
    #[schema(value_type = String)]
    Key(Name),
}

/// `GET /v1/accounts`: running totals of the answering node's process, for `bench`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Accounts {
    /// CPU nanoseconds.
    pub cpu_ns: Totals,
    /// Bytes sent to nodes; for the store, bytes of the rows written.
    pub bytes: Totals,
    /// Syncs of the disk.
    pub fsyncs: Totals,
    /// Signatures released.
    pub signatures: u64,
    /// The most memory that the process ever held, in bytes; zero where the system does not say.
    #[serde(default)]
    pub memory_peak: u64,
}

/// Totals by the part of the product that caused them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Totals {
    /// Threshold arithmetic: its time, its messages, commits that a session or ceremony waits for.
    pub engine: u64,
    /// Channels between nodes: their time, who is here, commits about peers.
    pub transport: u64,
    /// The sealed store: its time, its rows, the second sync of every commit.
    pub store: u64,
    /// Decoding and judging: its time, requests and what is said about them, their commits.
    pub policy: u64,
    /// Everything else.
    pub other: u64,
}

impl Totals {
    /// Combines two totals part by part.
    pub fn combine(&self, other: &Self, with: fn(u64, u64) -> u64) -> Self {
        Self {
            engine: with(self.engine, other.engine),
            transport: with(self.transport, other.transport),
            store: with(self.store, other.store),
            policy: with(self.policy, other.policy),
            other: with(self.other, other.other),
        }
    }
}
