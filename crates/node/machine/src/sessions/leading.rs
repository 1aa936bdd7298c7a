//! What this node wants signed, and whose turn it is to propose it.

use crate::event::Millis;
use crate::limits;
use crate::node::{Node, Turn};
use crate::wire::Target;
use quorate_codec::{Digest, Transcript, tag};
use quorate_identity::NodeId;
use std::collections::BTreeSet;

/// Something this node wants signed because it allows it itself.
#[derive(Debug, Default)]
pub(crate) struct Undertaking {
    /// Whose turn it is to propose: counts through the order of leaders.
    pub turn: u32,
    /// Sessions that ended without a signature.
    pub failures: u32,
    /// Members that broke a session of this target, ended it or did not answer: others are
    /// chosen before them. No accusation: they may have had a reason.
    pub avoided: BTreeSet<NodeId>,
    /// Too few nodes have allowed yet: the next decision is a reason to look again.
    pub expects_allows: bool,
}

impl Node {
    /// Wants a target signed: called when this node's own judgement allows it.
    pub(crate) fn undertake(&mut self, target: Target, turn: &mut Turn<'_>) {
        self.sessions.undertakings.entry(target).or_default();
        self.answer_unjudged(target, turn);
        self.look_at(target, turn.now);
        self.drive_sessions(turn);
    }

    /// Gives a target up: it is signed, denied, expired or superseded.
    pub(crate) fn abandon(&mut self, target: &Target) {
        self.sessions.undertakings.remove(target);
        self.sessions.due.remove(target);
        self.sessions.unjudged.remove(target);
        if let Some(run) = self.sessions.by_target.get(target).copied() {
            self.end_session(run);
        }
    }

    /// Another node allowed the target.
    pub(crate) fn another_allows(&mut self, target: &Target, turn: &mut Turn<'_>) {
        if let Some(undertaking) = self.sessions.undertakings.get_mut(target)
            && std::mem::take(&mut undertaking.expects_allows)
        {
            self.look_at(*target, turn.now);
            self.drive_sessions(turn);
        }
    }

    /// The lease began, a node came up, a pair became ready: everything is worth another look.
    pub(crate) fn look_at_all(&mut self, turn: &mut Turn<'_>) {
        let targets: Vec<Target> = self.sessions.undertakings.keys().copied().collect();
        for target in targets {
            self.look_at(target, turn.now);
        }
    }

    /// Looks again at a target at some moment, unless a session for it is live.
    fn look_at(&mut self, target: Target, at: Millis) {
        if self.sessions.undertakings.contains_key(&target) && !self.sessions.is_live(&target) {
            self.sessions.due.set(target, at);
        }
    }

    /// Puts a target off.
    pub(super) fn postpone(&mut self, target: Target, pause: Millis, turn: &Turn<'_>) {
        self.look_at(target, turn.now.saturating_add(pause));
    }

    /// Proposes a session for a target if it is our turn; waits otherwise.
    pub(super) fn pursue(&mut self, target: Target, turn: &mut Turn<'_>) {
        let Some(undertaking) = self.sessions.undertakings.get_mut(&target) else { return };
        undertaking.expects_allows = false;
        let (at_turn, failures) = (undertaking.turn, undertaking.failures);
        if self.sessions.is_live(&target) {
            return;
        }
        // A request may be given up; that a key is born is never.
        if let (Target::Request(id), true) = (target, failures >= limits::ATTEMPTS_MAX) {
            self.give_up(id, turn);
            return;
        }
        if !self.may_sign(turn.now) {
            self.postpone(target, self.pace.retry_max_ms, turn);
            return;
        }
        if self.sessions.live.len() >= limits::SESSIONS_LIVE_MAX {
            self.postpone(target, self.pace.retry_ms, turn);
            return;
        }
        let allowing = self.allowing(&target);
        if !self.tree_of(&target).is_some_and(|tree| tree.satisfied(&allowing)) {
            if let Some(undertaking) = self.sessions.undertakings.get_mut(&target) {
                undertaking.expects_allows = true;
            }
            self.postpone(target, self.pace.retry_max_ms, turn);
            return;
        }
        // Everybody orders the same nodes, so that one of them leads and the others wait (SES-02).
        let order = leaders(&target, &allowing);
        let leader =
            usize::try_from(at_turn).ok().and_then(|turn| order.get(turn % order.len().max(1)));
        if leader == Some(&self.me) {
            self.lead(target, at_turn, &allowing, &order, turn);
        } else {
            if let Some(undertaking) = self.sessions.undertakings.get_mut(&target) {
                undertaking.turn = at_turn.saturating_add(1);
            }
            self.postpone(target, self.pace.session_timeout_ms / 4, turn);
        }
    }

    fn lead(
        &mut self,
        target: Target,
        at_turn: u32,
        allowing: &BTreeSet<NodeId>,
        order: &[NodeId],
        turn: &mut Turn<'_>,
    ) {
        let Some(undertaking) = self.sessions.undertakings.get(&target) else { return };
        let preferred = allowing.difference(&undertaking.avoided).copied().collect();
        let mut quorum = self.choose_quorum(&target, preferred, order);
        if quorum.is_none() {
            quorum = self.choose_quorum(&target, allowing.clone(), order);
            if let Some(undertaking) = self.sessions.undertakings.get_mut(&target) {
                undertaking.avoided.clear();
            }
        }
        let terms = quorum.and_then(|quorum| {
            let ours = self.incarnation.id;
            let incarnations = self.presence.incarnations(ours, quorum.iter(), &self.me)?;
            self.terms(target, &quorum, incarnations)
        });
        let Some(terms) = terms else {
            self.postpone(target, self.pace.retry_ms, turn);
            return;
        };
        let run = Digest(turn.random_bytes());
        self.open_session(run, terms, at_turn, true, turn);
    }

    /// After a session without a signature: another turn, after a pause that grows.
    pub(super) fn retry_after_failure(
        &mut self,
        target: Target,
        avoid: &[NodeId],
        turn: &mut Turn<'_>,
    ) {
        let Some(undertaking) = self.sessions.undertakings.get_mut(&target) else { return };
        undertaking.avoided.extend(avoid);
        undertaking.turn = undertaking.turn.saturating_add(1);
        undertaking.failures = undertaking.failures.saturating_add(1);
        let shift = undertaking.failures.min(6).saturating_sub(1);
        let pause = (self.pace.retry_ms << shift).min(self.pace.retry_max_ms);
        let jitter = u64::from(u16::from_be_bytes(turn.random_bytes())) % (pause / 2 + 1);
        self.postpone(target, pause / 2 + jitter, turn);
        self.renew_authorisation(&target, turn);
    }

    /// A minimal quorum out of `nodes` that keeps the earliest of `order`, ourselves first.
    fn choose_quorum(
        &self,
        target: &Target,
        nodes: BTreeSet<NodeId>,
        order: &[NodeId],
    ) -> Option<BTreeSet<NodeId>> {
        let tree = self.tree_of(target)?;
        let mut quorum = nodes;
        let last_first = order.iter().rev().filter(|node| **node != self.me);
        for node in last_first.chain([&self.me]) {
            if quorum.remove(node) && !tree.satisfied(&quorum) {
                quorum.insert(*node);
            }
        }
        let chosen = tree.select(&quorum)?.parties();
        chosen.contains(&self.me).then_some(chosen)
    }
}

/// The order in which nodes lead the attempts at a target.
fn leaders(target: &Target, nodes: &BTreeSet<NodeId>) -> Vec<NodeId> {
    let target = quorate_codec::to_bytes(target);
    let mut order: Vec<(Digest, NodeId)> = nodes
        .iter()
        .map(|node| (Transcript::new(tag::LEADER).part(&target).part(node).digest(), *node))
        .collect();
    order.sort();
    order.into_iter().map(|(_, node)| node).collect()
}
