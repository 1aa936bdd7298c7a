//! A node that joins a domain which exists (GOV-64, GOV-69).

use crate::founding::{FoundingNode, name};
use crate::world::{World, commit};
use quorate_charter::{
    Declaration, MotionBody, NodeChange, NodesChange, Role, SignedEnrolment, Standing,
};
use quorate_codec::from_bytes;
use quorate_identity::NodeId;
use quorate_machine::durable::Table;
use quorate_machine::seats;

/// A machine with keys of its own that wants to join.
pub struct Newcomer {
    node: String,
    /// Its id.
    pub id: NodeId,
    /// What it says of itself.
    pub enrolment: SignedEnrolment,
}

impl Newcomer {
    /// A machine makes its keys.
    pub fn new(world: &mut World, node: &str, role: Role) -> Self {
        let machine = FoundingNode::joining(name(node), role, world.random());
        let enrolment = SignedEnrolment::create(name(node), role, &machine.secrets());
        let id = enrolment.id();
        world.add(id, machine);
        Self { node: node.to_owned(), id, enrolment }
    }

    /// What admits it.
    pub fn admission(&self, standing: Standing) -> NodeChange {
        let (enrolment, declared) = (self.enrolment.clone(), Declaration::default());
        NodeChange::Admit { enrolment, declared, standing }
    }

    /// It takes the charter over from a node's disk, and starts.
    ///
    /// # Panics
    /// The node has none that admits it.
    pub fn arrive(&self, world: &mut World, from: &str) {
        let disk = world.host(from).disk.iter();
        let entries = disk.filter(|((table, _), _)| *table == Table::Entry);
        let entries: Vec<_> = entries.map(|(_, row)| from_bytes(row).expect("an entry")).collect();
        let rows = seats::take(&self.id, &entries, &[], &[]);
        commit(&mut world.host_mut(&self.node).disk, &rows);
        world.start(self.id);
    }
}

/// The motion for one change of nodes.
pub fn changes(change: NodeChange) -> MotionBody {
    MotionBody::Nodes(NodesChange::one(change))
}

/// Revokes a node.
pub fn revokes(node: &str) -> MotionBody {
    changes(NodeChange::Revoke { name: name(node) })
}

/// Lets a node take part, or wait.
pub fn stands(node: &str, standing: Standing) -> MotionBody {
    changes(NodeChange::Stand { name: name(node), standing })
}
