//! Who is alive, and which keys can sign.

use super::role_view;
use crate::node::Node;
use crate::presence::Heard;
use quorate_charter::KeyOrder;
use quorate_client::contract::{KeyStatus, NodeStatus, Status};
use quorate_identity::{Name, NodeId};
use std::collections::BTreeSet;

impl Node {
    /// The status, as this node sees the domain. What is missing is said by name.
    pub(crate) fn view_status(&self, now: u64) -> Status {
        let node = self.name_of(&self.me);
        let nodes = self.state.nodes().map(|node| self.node_status(node)).collect();
        Status {
            domain: self.state.domain().clone(),
            head: self.state.head(),
            position: self.state.position(),
            // A node is always one of its own charter.
            node: node.unwrap_or_else(|| self.state.domain().clone()),
            leased: self.may_sign(now),
            lapsed: self.presence.lapse().map(|lapse| lapse.reason.clone()),
            halted: self.halted.clone(),
            nodes,
            keys: self.state.keys().map(|order| self.key_status(order)).collect(),
        }
    }

    fn node_status(&self, node: &quorate_charter::Node) -> NodeStatus {
        let heard = match node.id == self.me {
            true => Some(Heard { head: self.state.head(), position: self.state.position() }),
            false => self.presence.heard(&node.id),
        };
        NodeStatus {
            name: node.name.clone(),
            role: role_view(node.role),
            alive: node.id == self.me || self.presence.is_here(&node.id),
            head: heard.map(|heard| heard.head),
            lag: heard.map(|heard| self.state.position().saturating_sub(heard.position)),
            quarantined: self.pairs.quarantined().get(&node.id).cloned(),
        }
    }

    fn key_status(&self, order: &KeyOrder) -> KeyStatus {
        let present = self.present();
        let pairs = self.pairs.quarantined();
        let signers = present.iter().filter(|node| !pairs.contains_key(node)).copied().collect();
        let mut missing = Vec::new();
        match self.keys.book(&order.key) {
            Some(book) if book.is_active() => {}
            Some(book) if book.record.is_some() => {
                missing.push("the key's birth signature".to_owned());
            }
            _ => {
                missing.push("the key is not made yet".to_owned());
                let members = order.tree.parties();
                let absent = members.iter().filter(|node| !present.contains(node));
                missing.extend(texts(self.names_of(absent)));
            }
        }
        if let Some(tree) = order.tree.missing_for(&signers) {
            missing.extend(texts(self.names_of(&tree.parties())));
            let members = order.tree.parties();
            let apart = pairs.iter().filter(|(node, _)| members.contains(node));
            missing.extend(apart.filter_map(|(node, why)| {
                Some(format!("the pair with {} is quarantined: {why}", self.name_of(node)?))
            }));
        }
        let voters = self.state.voters();
        if voters.keys().filter(|voter| present.contains(voter)).count() < self.state.quorum() {
            let absent = voters.keys().filter(|voter| !present.contains(voter));
            missing.extend(texts(self.names_of(absent)));
        }
        if self.abstains().is_some() {
            missing.push("the node that answers, which abstains".to_owned());
        }
        let mut said = BTreeSet::new();
        missing.retain(|text| said.insert(text.clone()));
        KeyStatus { name: order.name.clone(), can_sign: missing.is_empty(), missing }
    }

    /// Nodes that are here: those with a channel whose incarnation was recognised, and this node
    /// unless it abstains.
    fn present(&self) -> BTreeSet<NodeId> {
        let nodes = self.state.nodes();
        let here = |node: &NodeId| match *node == self.me {
            true => self.abstains().is_none(),
            false => self.presence.is_here(node),
        };
        nodes.map(|node| node.id).filter(here).collect()
    }
}

fn texts(names: Vec<Name>) -> impl Iterator<Item = String> {
    names.into_iter().map(|name| name.to_string())
}
