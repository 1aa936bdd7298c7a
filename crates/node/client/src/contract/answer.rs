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
    /// CPU nanoseconds of threshold arithmetic.
    pub engine_cpu_ns: u64,
    /// CPU nanoseconds of channels.
    pub transport_cpu_ns: u64,
    /// CPU nanoseconds of the store.
    pub store_cpu_ns: u64,
    /// CPU nanoseconds of decoding and judging.
    pub policy_cpu_ns: u64,
    /// CPU nanoseconds of everything else in the process.
    pub other_cpu_ns: u64,
    /// Bytes sent to nodes that carry the engine's messages.
    pub engine_bytes: u64,
    /// All other bytes sent to nodes.
    pub other_bytes: u64,
    /// Durable transactions that a session waited for.
    pub engine_fsyncs: u64,
    /// All other durable transactions.
    pub other_fsyncs: u64,
    /// Signatures released.
    pub signatures: u64,
}
