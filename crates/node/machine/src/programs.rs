//! Which programs nodes run, and the oldest that the charter allows (GOV-35).

use crate::node::{Node, Turn};
use quorate_charter::{Hello, Program, State};
use quorate_identity::NodeId;
use quorate_release::Version;
use std::collections::BTreeSet;

/// Why a node with this program takes part in nothing, if it must not.
pub(crate) fn outdated(state: &State, program: &Program) -> Option<String> {
    let minimum = state.minimum().filter(|_| !state.allows(program))?;
    let version = &program.version;
    Some(format!(
        "this program is version {version}, and the charter requires {minimum}: install that or a \
         later one, and start again"
    ))
}

impl Node {
    /// What a node runs, as it said last.
    pub(crate) fn program_of(&self, node: &NodeId) -> Option<&Program> {
        match *node == self.me {
            true => Some(&self.program),
            false => self.presence.program(node),
        }
    }

    /// Whether nothing of a peer counts, because of what it runs.
    pub(crate) fn is_passed_over(&self, peer: &NodeId) -> bool {
        self.program_of(peer).is_some_and(|program| !self.state.allows(program))
    }

    /// A peer runs what the charter does not allow: it is shown why, and not heard otherwise.
    pub(crate) fn pass_over(&mut self, from: NodeId, hello: &Hello, turn: &mut Turn<'_>) {
        if self.presence.unhear(&from) {
            self.fail_sessions_with(from, "its program is older than the charter allows", turn);
            let version = &hello.program.version;
            self.audit(format!("a node runs version {version}: it is not heard"), &[from], turn);
        }
        self.show_log(from, hello, turn);
    }

    /// The charter requires another version: who runs an older one is not heard from now on, this node
    /// itself included.
    pub(crate) fn on_minimum(&mut self, turn: &mut Turn<'_>) {
        self.outdated = outdated(&self.state, &self.program);
        if let Some(why) = self.outdated.clone() {
            self.fail_all_sessions("this program is older than the charter allows", turn);
            self.leave_ceremonies();
            self.alarm(why, &[], turn);
        }
        for peer in self.presence.connected() {
            if self.is_passed_over(&peer) && self.presence.unhear(&peer) {
                self.fail_sessions_with(peer, "its program is older than the charter allows", turn);
            }
        }
    }

    /// What speaks against requiring a version now, as this node hears the others: too few voters run
    /// it, or some key could not be used by those who do. So no domain locks itself out.
    pub(crate) fn lacking_for(&self, minimum: &Version) -> Option<String> {
        let runs = |node: &NodeId| {
            let is_heard = *node == self.me || self.presence.is_here(node);
            is_heard && self.program_of(node).is_some_and(|program| program.version >= *minimum)
        };
        let voters = self.state.voters().keys();
        let ready: BTreeSet<NodeId> = voters.filter(|node| runs(node)).copied().collect();
        let (got, needed) = (ready.len(), self.state.quorum());
        if got < needed {
            return Some(format!(
                "{got} voters run version {minimum} or a later one, {needed} must"
            ));
        }
        let signing: BTreeSet<NodeId> =
            ready.into_iter().filter(|node| self.state.is_signing(node)).collect();
        let mut standing = self.state.keys().filter(|order| !order.retired);
        let stranded = standing.find(|order| {
            let made = self.keys.current(&order.key).map(|made| &made.record.plan);
            let members = made.map(|plan| plan.members());
            let able = members.map_or_else(
                || signing.clone(),
                |members| signing.intersection(&members).copied().collect(),
            );
            let tree = made.map(|plan| &plan.tree);
            let tree = tree.or_else(|| order.last_sharing().map(|sharing| &sharing.tree));
            tree.is_some_and(|tree| !tree.satisfied(&able))
        });
        stranded.map(|order| {
            format!(
                "those who run version {minimum} cannot use the key {} without others",
                order.name
            )
        })
    }
}
