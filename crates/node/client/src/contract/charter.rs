//! The charter as it can be read and verified from outside.

use super::{HexBytes, NodeRole, NodeStanding};
use quorate_identity::{GenesisHash, Head, MotionId, Name, NodeId, PersonId, ServiceId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /v1/charter`: where the answering node stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Charter {
    /// Name of the domain.
    #[schema(value_type = String)]
    pub domain: Name,
    /// The domain.
    #[schema(value_type = String)]
    pub genesis: GenesisHash,
    /// The node's head.
    #[schema(value_type = String)]
    pub head: Head,
    /// Its position; genesis is 0.
    pub position: u64,
}

/// `GET /v1/charter/genesis`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GenesisAnswer {
    /// Canonical bytes of the genesis file: genesis and all signatures.
    #[schema(value_type = String)]
    pub genesis_file: HexBytes,
}

/// `GET /v1/charter/entries?after=N`: certified entries in order, a page at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntryPage {
    /// Entries at the positions `after + 1`, `after + 2`, …
    pub entries: Vec<CharterEntry>,
    /// The node's head.
    #[schema(value_type = String)]
    pub head: Head,
    /// Its position: the page is the last one if it ends here.
    pub position: u64,
}

/// One entry of the charter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CharterEntry {
    /// Its position; the first one is 1.
    pub position: u64,
    /// The head it makes.
    #[schema(value_type = String)]
    pub head: Head,
    /// The motion that it places, or that takes effect by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub motion: Option<MotionId>,
    /// Its kind: `key-create`, `policy-set`, `rejoin`, …
    pub kind: String,
    /// Canonical bytes of the certified entry. What it changed, and who signed, tells whoever replays
    /// it: that hangs on the state before.
    #[schema(value_type = String)]
    pub entry: HexBytes,
}

/// `GET /v1/charter/roster`: names and ids at the head, for those who build statements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RosterAnswer {
    /// The domain.
    #[schema(value_type = String)]
    pub genesis: GenesisHash,
    /// The head the roster holds at.
    #[schema(value_type = String)]
    pub head: Head,
    /// Nodes.
    pub nodes: Vec<RosterNode>,
    /// People.
    pub people: Vec<RosterPerson>,
    /// Services.
    pub services: Vec<RosterService>,
}

/// A node in [`RosterAnswer`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RosterNode {
    /// Its name.
    #[schema(value_type = String)]
    pub name: Name,
    /// Its id.
    #[schema(value_type = String)]
    pub id: NodeId,
    /// Its role.
    pub role: NodeRole,
    /// Whether it takes part.
    pub standing: NodeStanding,
    /// Who runs it, as people declared it; empty where nobody did, as the two below.
    pub operator: String,
    /// On whose machines.
    pub cloud: String,
    /// Under whose law.
    pub jurisdiction: String,
}

/// A person in [`RosterAnswer`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RosterPerson {
    /// Their name.
    #[schema(value_type = String)]
    pub name: Name,
    /// Their id.
    #[schema(value_type = String)]
    pub id: PersonId,
    /// `administrator`, `approver`, `auditor`, `operator`, `guardian`.
    pub roles: Vec<String>,
    /// Their OpenSSH public keys: each speaks for them.
    pub keys: Vec<String>,
}

/// A service in [`RosterAnswer`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RosterService {
    /// Its name.
    #[schema(value_type = String)]
    pub name: Name,
    /// Its id.
    #[schema(value_type = String)]
    pub id: ServiceId,
    /// Its OpenSSH public keys: each speaks for it.
    pub keys: Vec<String>,
}
