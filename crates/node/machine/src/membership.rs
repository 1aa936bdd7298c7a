//! Nodes that come and go (`spec/charter.md`, GOV-64 to GOV-69): what a node does at the entry that
//! says so, and when it votes for one.

use crate::node::{Node, Turn};
use crate::wire::Message;
use quorate_charter::{CertifiedEntry, Electorate, NodesChange, NodesError, State};
use quorate_identity::{KeyId, NodeId};
use std::collections::BTreeSet;

/// What a node that was revoked tells its operator.
const REVOKED: &str =
    "the charter revoked this node: once every key was shared anew, destroy its disk";

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

    /// What a change of nodes waits for, if it comes too early (GOV-66): a key for which too few would
    /// be left of those who certified its newest epoch, of those who decide about its next one, of
    /// any who voted since (an attempt under way may be planned under them), or of those who hold its
    /// shares. Once it was shared anew by nodes of now, none of it is so.
    pub(crate) fn behind_for(&self, change: &NodesChange) -> Option<NodesError> {
        let (voting, _) = self.state.nodes_after(change)?;
        let faults = change.faults.map_or(self.state.faults(), usize::from);
        let leaves = |node: &NodeId| !voting.contains(node);
        let someone_leaves = self.state.electorate_now().voters().iter().any(leaves);
        if !someone_leaves && faults <= self.state.faults() {
            return None;
        }
        let revoked = change.revoked().filter_map(|name| self.state.node_named(name));
        let revoked: BTreeSet<NodeId> = revoked.map(|node| node.id).collect();
        let stranded = self.state.stranded_by(&voting);
        let came_back =
            voting.iter().filter_map(|node| Some((*node, self.state.rejoined_at(node)?)));
        let came_back: Vec<(NodeId, u64)> = came_back.collect();
        let standing = self.state.keys().filter(|order| !order.retired);
        standing.into_iter().find_map(|order| {
            let era = self.next_era(&order.key);
            // Who came back votes about nothing that may be older than that (CER-10).
            let known = self.newest_known(&order.key);
            let barred =
                came_back.iter().filter(|(_, at)| Some(*at) > known).map(|(node, _)| *node);
            let barred: BTreeSet<NodeId> = barred.collect();
            let stranded = match barred.is_empty() {
                true => stranded,
                false => self.state.stranded_by(&voting.difference(&barred).copied().collect()),
            };
            let decides = era.is_some_and(|era| stranded < Some(era));
            let current = self.keys.current(&order.key);
            let believed = current.is_none_or(|made| {
                // A seat that was given away since: its signature is under former keys.
                let known = self.state.position_of(&made.record.plan.head);
                let seated = came_back
                    .iter()
                    .filter(|(node, at)| Some(*at) > known && self.state.seat(node).is_some());
                let seated: BTreeSet<NodeId> = seated.map(|(node, _)| *node).collect();
                let stay = voting.difference(&seated).copied().collect();
                let certified = self.state.electorate(&made.decided.instance);
                certified.is_ok_and(|it| it.is_believed_by(&stay, faults))
            });
            let is_lost = current.is_some_and(|made| {
                let (tree, members) = (&made.record.plan.tree, made.record.plan.members());
                let there = members.iter().filter(|node| self.state.node(node).is_some());
                let there: BTreeSet<NodeId> = there.copied().collect();
                let left = there.difference(&revoked).copied().collect();
                tree.satisfied(&there) && !tree.satisfied(&left)
            });
            match (is_lost, decides && believed) {
                (true, _) => Some(NodesError::KeyLost(order.name.clone())),
                (false, false) => Some(NodesError::KeyBehind(order.name.clone())),
                (false, true) => None,
            }
        })
    }

    /// The position of the youngest thing that is known of a key: its order, the plan of its newest
    /// epoch, or the word that gave the last attempt up.
    pub(crate) fn newest_known(&self, key: &KeyId) -> Option<u64> {
        let book = self.keys.book(key);
        let ordered = self.state.key(key).map(|order| order.entry);
        let made = book.and_then(|book| book.record()).map(|record| record.plan.head);
        let given_up = book.and_then(|book| book.given_up_at());
        let heads = [ordered, made, given_up].into_iter().flatten();
        heads.filter_map(|head| self.state.position_of(&head)).max()
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
                self.halt(REVOKED.to_owned(), turn);
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
        self.retell_ended();
    }

    /// What a node said and made counts for nothing any more.
    pub(crate) fn dismiss(&mut self, node: NodeId, why: &str, turn: &mut Turn<'_>) {
        self.fail_sessions_with(node, why, turn);
        self.forget_votes_of(&node, turn);
        self.forget_pair(&node, turn);
        self.forget_presence(&node, turn);
        turn.out.writes.extend(self.evidence.forget(&node));
        turn.out.writes.extend(self.keys.forget_statements(&node));
    }
}
