//! What the node shows of itself, as types of the contract.

mod ceremonies;
mod charter;
mod evidence;
mod imports;
mod keys;
mod motions;
mod receipt;
mod requests;
mod status;

pub(crate) use evidence::unknown_evidence;

use crate::node::Node;
use quorate_charter::{Role, Standing};
use quorate_client::contract::{Audit, AuditLine, ErrorBody, ErrorCode, NodeRole, NodeStanding};
use quorate_identity::{Name, NodeId};

impl Node {
    /// The name of a node of the charter.
    pub(crate) fn name_of(&self, node: &NodeId) -> Option<Name> {
        self.state.node_ever(node).map(|node| node.name.clone())
    }

    fn names_of<'a>(&self, nodes: impl IntoIterator<Item = &'a NodeId>) -> Vec<Name> {
        let names = nodes.into_iter().filter_map(|node| self.name_of(node));
        let mut names: Vec<Name> = names.collect();
        names.sort();
        names
    }

    /// The newest lines of the audit trail.
    pub(crate) fn view_audit(&self) -> Audit {
        let line = |line: &crate::audit::Line| AuditLine {
            at_ms: line.at,
            text: line.text.clone(),
            culprits: self.names_of(&line.culprits),
        };
        Audit { lines: self.trail.lines().map(line).collect() }
    }
}

fn role_view(role: Role) -> NodeRole {
    match role {
        Role::Signer => NodeRole::Signer,
        Role::Witness => NodeRole::Witness,
    }
}

fn standing_view(standing: Standing) -> NodeStanding {
    match standing {
        Standing::Votes => NodeStanding::Votes,
        Standing::Waits => NodeStanding::Waits,
    }
}

/// There is no such key.
pub(crate) fn unknown_key() -> ErrorBody {
    let message = "there is no such key in the charter";
    ErrorBody::new(ErrorCode::UnknownKey, message, "see the list of keys")
}

/// The key is ordered, not made.
pub(crate) fn key_not_ready() -> ErrorBody {
    let message = "the key is ordered, but its nodes have not made it yet";
    ErrorBody::new(ErrorCode::KeyNotReady, message, "see `status` for what is missing, and wait")
}

/// There is no such request.
pub(crate) fn unknown_request() -> ErrorBody {
    let message = "this node knows no such request";
    ErrorBody::new(ErrorCode::UnknownRequest, message, "check its id, or ask another node")
}

/// There is no such motion.
pub(crate) fn unknown_motion() -> ErrorBody {
    let message = "this node knows no such motion";
    ErrorBody::new(ErrorCode::UnknownMotion, message, "check its id, or ask another node")
}
