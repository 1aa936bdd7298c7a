//! Changes of nodes, in one step with how many voters may lie (GOV-64).

use crate::enrolment::SignedEnrolment;
use crate::few::few;
use crate::limits::{DECLARED_BYTES_MAX, NODE_CHANGES_MAX, NODES_MAX};
use crate::line::is_line;
use crate::statement::StatementError;
use minicbor::{Decode, Encode};
use quorate_identity::Name;
use std::fmt;

/// What changes about nodes. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct NodesChange {
    /// One a node, ascending by name.
    #[cbor(n(0), decode_with = "few::<NODE_CHANGES_MAX, _, _>")]
    pub changes: Vec<NodeChange>,
    /// How many voters may lie from then on, where that changes.
    #[n(1)]
    pub faults: Option<u8>,
}

/// What changes about one node.
#[allow(clippy::large_enum_variant, reason = "changes are few, and never in long lists")]
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum NodeChange {
    /// A node joins.
    #[n(0)]
    Admit {
        /// What it says of itself.
        #[n(0)]
        enrolment: SignedEnrolment,
        /// Where and by whom it is run.
        #[n(1)]
        declared: Declaration,
        /// Whether it takes part at once, or is on probation.
        #[n(2)]
        standing: Standing,
    },
    /// A node takes part from then on, or waits.
    #[n(1)]
    Stand {
        /// Which.
        #[n(0)]
        name: Name,
        /// Its standing.
        #[n(1)]
        standing: Standing,
    },
    /// A node leaves for ever; its name and its keys are never given again.
    #[n(2)]
    Revoke {
        /// Which.
        #[n(0)]
        name: Name,
    },
    /// Where and by whom a node is run.
    #[n(3)]
    Declare {
        /// Which.
        #[n(0)]
        name: Name,
        /// What people say of it.
        #[n(1)]
        declared: Declaration,
    },
}

/// Whether a node takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Standing {
    /// It votes, and as a signer holds shares and signs.
    #[n(0)]
    Votes,
    /// It follows the charter and does nothing else: it is on probation, or suspended.
    #[n(1)]
    Waits,
}

/// Where and by whom a node is run, as people say: nothing depends on it but what `posture` tells
/// them. Empty where nobody said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Declaration {
    /// Who runs it.
    #[n(0)]
    pub operator: String,
    /// On whose machines: a cloud, a data centre.
    #[n(1)]
    pub cloud: String,
    /// Under whose law.
    #[n(2)]
    pub jurisdiction: String,
}

/// Why a change of nodes is refused; the fault of who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodesError {
    /// Nothing changes, or too much at once, or the list does not ascend.
    #[error(
        "a motion changes 1 to {NODE_CHANGES_MAX} nodes, ascending by name, or how many may lie"
    )]
    Changes,
    /// An enrolment that does not hold.
    #[error("the enrolment of {name} does not hold: {error}")]
    Enrolment {
        /// Of whom.
        name: Name,
        /// Why.
        error: StatementError,
    },
    /// The name is somebody's, or was.
    #[error("the name {0} is, or was, somebody's in this domain; names are never given again")]
    NameTaken(Name),
    /// A key is somebody's, or was (N-27).
    #[error("a key of {0} is, or was, somebody's in this domain; make the node anew")]
    KeyTaken(Name),
    /// There is no node of this name.
    #[error("there is no node of the name {0}")]
    Unknown(Name),
    /// Nothing would change.
    #[error("nothing would change for {0}")]
    Same(Name),
    /// More nodes than a domain may have.
    #[error("a domain has at most {NODES_MAX} nodes")]
    TooMany,
    /// Too few voters for the lies that are to be borne.
    #[error("{voters} voters do not bear {faults} that lie; at least {needed} must vote")]
    Faults {
        /// Who would vote.
        voters: usize,
        /// How many of them may lie.
        faults: usize,
        /// How many must vote.
        needed: usize,
    },
    /// So many stop voting that what is under way could never be decided.
    #[error("{leaving} voters would stop voting at once, {most} may; admit others first")]
    Leaving {
        /// Who would.
        leaving: usize,
        /// Who may.
        most: usize,
    },
    /// The nodes that stay could not use a key any more.
    #[error("the nodes that stay could not use the key {0} any more; reshare it over others first")]
    KeyLost(Name),
    /// As this node knows them, the epochs of a key rest on voters who would be gone.
    #[error(
        "too few would stay of those who decide about the key {0}, or certified it: it waits until \
         that is shared anew by the nodes of now"
    )]
    KeyBehind(Name),
    /// A declaration that is no plain text, or too long.
    #[error("what is declared of {0} is plain text of at most {DECLARED_BYTES_MAX} letters a line")]
    Declaration(Name),
}

impl NodesChange {
    /// One change.
    pub fn one(change: NodeChange) -> Self {
        Self { changes: vec![change], faults: None }
    }

    /// What it is about, in two words.
    pub fn kind(&self) -> &'static str {
        match self.changes.as_slice() {
            [] => "faults-set",
            [NodeChange::Admit { .. }] => "node-admit",
            [NodeChange::Stand { standing: Standing::Waits, .. }] => "node-suspend",
            [NodeChange::Stand { standing: Standing::Votes, .. }] => "node-resume",
            [NodeChange::Revoke { .. }] => "node-revoke",
            [NodeChange::Declare { .. }] => "node-declare",
            _ => "nodes-change",
        }
    }

    /// The names of the nodes that change, ascending where the change is well-formed.
    pub fn names(&self) -> Vec<Name> {
        self.changes.iter().map(|change| change.name().clone()).collect()
    }

    /// Who leaves for ever.
    pub fn revoked(&self) -> impl Iterator<Item = &Name> {
        self.changes.iter().filter_map(|change| match change {
            NodeChange::Revoke { name } => Some(name),
            _ => None,
        })
    }

    /// Whether a node leaves for ever.
    pub fn revokes(&self) -> bool {
        self.revoked().next().is_some()
    }

    /// Whether somebody else decides or signs afterwards, or more may lie. To take a node its vote
    /// is no danger and often urgent: as many lies are borne as before.
    pub(crate) fn is_dangerous(&self) -> bool {
        let gives = |change: &NodeChange| {
            matches!(
                change,
                NodeChange::Admit { .. } | NodeChange::Stand { standing: Standing::Votes, .. }
            )
        };
        self.faults.is_some() || self.changes.iter().any(gives)
    }
}

impl NodeChange {
    /// The node's name.
    pub fn name(&self) -> &Name {
        match self {
            Self::Admit { enrolment, .. } => &enrolment.body().name,
            Self::Stand { name, .. } | Self::Revoke { name } | Self::Declare { name, .. } => name,
        }
    }
}

impl Declaration {
    /// Each part, with what it is called.
    pub fn parts(&self) -> [(&'static str, &str); 3] {
        [
            ("operator", self.operator.as_str()),
            ("cloud", self.cloud.as_str()),
            ("jurisdiction", self.jurisdiction.as_str()),
        ]
    }

    pub(crate) fn is_plain(&self) -> bool {
        self.parts().iter().all(|(_, text)| is_line(text, DECLARED_BYTES_MAX))
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Votes => "votes",
            Self::Waits => "waits",
        })
    }
}
