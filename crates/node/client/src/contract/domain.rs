//! What the command line says about a whole domain.

use super::{KeyView, RequestView};
use quorate_identity::{GenesisHash, Name};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `D/domain.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DomainFile {
    /// Name of the domain.
    #[schema(value_type = String)]
    pub domain: Name,
    /// The domain.
    #[schema(value_type = String)]
    pub genesis: GenesisHash,
    /// The nodes of this machine.
    pub nodes: Vec<DomainNode>,
}

/// A node in [`DomainFile`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DomainNode {
    /// Its name.
    #[schema(value_type = String)]
    pub name: Name,
    /// Its role.
    pub role: NodeRole,
    /// Where people and services reach it: `https://ADDRESS`.
    pub api: String,
    /// The process that ran it last.
    pub pid: u32,
}

/// Whether a node takes part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum NodeStanding {
    /// It votes, and as a signer holds shares and signs.
    #[default]
    Votes,
    /// It follows the charter and does nothing else: on probation, or suspended.
    Waits,
}

/// What a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum NodeRole {
    /// Holds shares and votes.
    Signer,
    /// Votes only.
    Witness,
}

/// The one line of `up --json`, once the domain serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ready {
    /// Always true.
    pub ready: bool,
    /// Name of the domain.
    #[schema(value_type = String)]
    pub domain: Name,
    /// The domain.
    #[schema(value_type = String)]
    pub genesis: GenesisHash,
    /// The domain directory.
    pub dir: String,
    /// The nodes.
    pub nodes: Vec<DomainNode>,
    /// The keys.
    pub keys: Vec<KeyView>,
}

/// The last object of `demo --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DemoEnd {
    /// Whether every step ended as it should.
    pub ok: bool,
    /// Name of the domain.
    #[schema(value_type = String)]
    pub domain: Name,
    /// The domain.
    #[schema(value_type = String)]
    pub genesis: GenesisHash,
    /// The domain directory.
    pub dir: String,
    /// The keys, with addresses.
    pub keys: Vec<KeyView>,
    /// The signed requests.
    pub requests: Vec<RequestView>,
    /// Paths of their receipts.
    pub receipts: Vec<String>,
    /// Requests that the policy denied.
    pub denials: Vec<Denial>,
    /// Proposals that a node refused.
    pub refusals: Vec<super::RefusalView>,
    /// What stopped and what went on while nodes were down.
    pub outages: Vec<Outage>,
}

/// A denial that the demo shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Denial {
    /// The rule that denied it.
    pub rule: String,
    /// Why.
    pub reason: String,
    /// The request.
    pub request: RequestView,
}

/// An outage that the demo shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Outage {
    /// The nodes that were down.
    #[schema(value_type = Vec<String>)]
    pub down: Vec<Name>,
    /// Whether a request was signed meanwhile.
    pub signed: bool,
    /// What was missing, as `status` said.
    pub missing: Vec<String>,
}
