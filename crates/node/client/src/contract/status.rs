//! Who is alive, at which head, and which keys can sign.

use super::{CessionView, NodeRole, NodeStanding};
use quorate_codec::Digest;
use quorate_identity::{Head, Name};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `status`: as one node sees the domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// Name of the domain.
    #[schema(value_type = String)]
    pub domain: Name,
    /// Head of the node that answers.
    #[schema(value_type = String)]
    pub head: Head,
    /// Position of that head; genesis is 0.
    pub position: u64,
    /// The node that answers.
    #[schema(value_type = String)]
    pub node: Name,
    /// Whether the answering node holds a lease on its head: only then it signs.
    pub leased: bool,
    /// What opens the answering node's store: `passphrase`, `systemd-credential`, `tpm2` or `pkcs11`.
    #[serde(default)]
    pub seal: Option<String>,
    /// Whether somebody gives what opens it at every start: a passphrase, or the PIN of a token. Where
    /// nobody does the node starts again by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attended: Option<bool>,
    /// How the answering node would notice that its machine goes on in a copy of its memory: `asked`, the
    /// hypervisor, before anything leaves; `told`, by the kernel, a moment later; `never`; or
    /// `physical`, no virtual machine as far as can be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
    /// Why the answering node's program may take part in nothing, if it may not: it is older than the
    /// charter allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outdated: Option<String>,
    /// Why the answering node is lapsed, if it is: its data is an old copy of itself. It takes
    /// part in nothing until its operator brings it back.
    pub lapsed: Option<String>,
    /// Why the answering node stopped for good, if it did: the charter is forked, or it is no node of
    /// it any more, or another domain took over.
    pub halted: Option<String>,
    /// Successions that are announced at the answering node, which stops for one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub successions: Vec<CessionView>,
    /// All nodes of the charter.
    pub nodes: Vec<NodeStatus>,
    /// All keys of the charter.
    pub keys: Vec<KeyStatus>,
}

/// A node in [`Status`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeStatus {
    /// Its name.
    #[schema(value_type = String)]
    pub name: Name,
    /// Its role.
    pub role: NodeRole,
    /// Whether it takes part.
    #[serde(default)]
    pub standing: NodeStanding,
    /// What it runs, as it said itself and was heard last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<ProgramView>,
    /// Whether a channel to it is up.
    pub alive: bool,
    /// Since when it is not, in milliseconds since 1970, as far as the answering node saw it go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent_since_ms: Option<u64>,
    /// Its head, as last heard.
    #[schema(value_type = Option<String>)]
    pub head: Option<Head>,
    /// How many entries it is behind the answering node; unknown until it was heard.
    pub lag: Option<u64>,
    /// Why the answering node computes nothing with it any more, until its operator releases it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantined: Option<String>,
    /// How the answering node's sessions with it went since the answering node started.
    #[serde(default)]
    pub sessions: SessionFigures,
}

/// How sessions with one node went, in [`NodeStatus`]: who is always there when it fails, more often than
/// others, may be why. Each number counts some of the one before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionFigures {
    /// How many are over, whatever came of them.
    pub sessions: u64,
    /// How many of them some member made fail.
    pub failed: u64,
    /// In how many of these it was silent, refused, or was proved false, as the answering node saw. Somebody
    /// else may have caused it: whoever holds messages back makes others look silent.
    pub broke: u64,
}

/// What a node runs, in [`NodeStatus`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProgramView {
    /// Its version.
    pub version: String,
    /// SHA-256 of the file that it was started from: a release names it.
    #[schema(value_type = String)]
    pub digest: Digest,
}

/// A key in [`Status`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyStatus {
    /// Its name.
    #[schema(value_type = String)]
    pub name: Name,
    /// Whether a quorum of its access tree is alive and recognised.
    pub can_sign: bool,
    /// What is missing until it can sign, in words: nodes of which some must come back, or
    /// that the key is still being made.
    pub missing: Vec<String>,
    /// What else its people should know: who is absent and what that means, what is overdue.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Its epoch, once it is made.
    pub epoch: Option<u64>,
    /// When the oldest epoch was planned whose shares are not given up, in milliseconds since 1970.
    pub oldest_epoch_ms: Option<u64>,
    /// For how long its refresh is overdue; zero where it is not.
    #[serde(default)]
    pub refresh_overdue_ms: u64,
    /// Whether every backup of it that the answering node is to keep was there and held when it looked
    /// last; nothing where it keeps none, or did not look yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup_holds: Option<bool>,
    /// Presignatures of it at the answering node, for signatures that it leads; nothing where nobody
    /// asked for any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presignatures: Option<PresignatureStock>,
}

/// How many signatures of a key are begun ahead of requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PresignatureStock {
    /// That are ready.
    pub ready: usize,
    /// That people asked for, at most.
    pub most: u16,
}
