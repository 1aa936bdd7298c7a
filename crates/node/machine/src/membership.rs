//! Nodes that come and go (`spec/charter.md`, GOV-64 to GOV-69): what a node does at the entry that
//! says so, and when it votes for one.

use crate::node::{Node, Turn};
use crate::wire::Message;
use quorate_charter::{CertifiedEntry, Electorate, NodesChange, State};
use quorate_identity::{KeyId, Name, NodeId};
use std::collections::BTreeSet;

impl Node {
    /// Who decides about the next epoch of a key, as the position that made them voters. Nothing
    /// while this node's charter does not reach the plan of the newest one.
    pub(crate) fn next_era(&self, key: &KeyId) -> Option<u64> {
        self.next_electorate(key).map(Electorate::era)
    }

    fn next_electorate(&self, key: &KeyId) -> Option<&Electorate> {
        let newest = self.keys.book(key).and_then(|book| book.record()).map(|it| &it.plan);
        self.state.electorate_for(self.state.key(key)?, newest)
    }

    /// The first key for which a change of nodes comes too early (GOV-66): too few would be left of
    /// those who certified its newest epoch, of those who decide about its next one, of any who voted
    /// since (an attempt under way may be planned under them), or of those who hold its shares. Once
    /// it was shared anew by nodes of now, none of it is so.
    pub(crate) fn behind_for(&self, change: &NodesChange) -> Option<Name> {
        let (voting, signing) = self.state.nodes_after(change)?;
        let leaves = |node: &NodeId| !voting.contains(node);
        if !self.state.electorate_now().voters().iter().any(leaves) {
            return None;
        }
        let stranded = self.state.stranded_by(&voting);
        let standing = self.state.keys().filter(|order| !order.retired);
        let mut behind = standing.filter(|order| {
            let decides = self.next_era(&order.key).is_some_and(|era| stranded < Some(era));
            let current = self.keys.current(&order.key);
            let stands = current.is_none_or(|made| {
                let certified = self.state.electorate(&made.decided.instance);
                let certified = certified.is_ok_and(|it| it.is_believed_by(&voting));
                let (tree, members) = (&made.record.plan.tree, made.record.plan.members());
                let holds = |nodes: BTreeSet<NodeId>| tree.satisfied(&nodes);
                let had = members.iter().filter(|node| self.state.is_signing(node)).copied();
                certified
                    && (!holds(had.collect())
                        || holds(members.intersection(&signing).copied().collect()))
            });
            !(decides && stands)
        });
        behind.next().map(|order| order.name.clone())
    }

    /// The charter changed who the nodes are. What those said and made who left counts for nothing
    /// any more; this node stops for good if it is one of them, and waits if it votes no longer.
    pub(crate) fn on_nodes_changed(
        &mut self,
        before: &State,
        entry: &CertifiedEntry,
        turn: &mut Turn<'_>,
    ) {
        let state = std::sync::Arc::clone(&self.state);
        for node in before.nodes().filter(|node| state.node(&node.id).is_none()) {
            if node.id == self.me {
                self.halt("the charter revoked this node".to_owned(), turn);
                return;
            }
            // The last that it is told; it may not hear it.
            self.send(node.id, &Message::Entries(vec![entry.clone()]), turn);
            self.dismiss(node.id, "it was revoked", turn);
            self.presence_ended(&node.id);
            self.audit("a node was revoked".to_owned(), &[node.id], turn);
        }
        let stops = |node: &&NodeId| !state.is_voter(node) && state.node(node).is_some();
        for node in before.voters().keys().filter(stops) {
            match *node == self.me {
                true => {
                    self.fail_all_sessions("this node waits from now on", turn);
                    self.leave_ceremonies();
                }
                false => self.fail_sessions_with(*node, "it waits from now on", turn),
            }
        }
        self.restart_positions(turn);
    }

    /// What a node said and made counts for nothing any more.
    pub(crate) fn dismiss(&mut self, node: NodeId, why: &str, turn: &mut Turn<'_>) {
        self.fail_sessions_with(node, why, turn);
        self.forget_pair(&node, turn);
        self.forget_presence(&node, turn);
        turn.out.writes.extend(self.evidence.forget(&node));
        turn.out.writes.extend(self.keys.forget_statements(&node));
    }
}
