//! What this node wants signed, whose turn it is to propose it, and with whom.

use crate::event::Millis;
use crate::limits;
use crate::node::{Node, Turn};
use crate::sessions::{Blame, Session};
use crate::wire::Target;
use quorate_access::Tree;
use quorate_codec::{Digest, Transcript, tag};
use quorate_identity::NodeId;
use std::collections::{BTreeMap, BTreeSet};

/// Something this node wants signed because it allows it itself.
#[derive(Debug, Default)]
pub(crate) struct Undertaking {
    /// Whose turn it is to propose: counts through the order of leaders.
    pub turn: u32,
    /// Sessions that ended without a signature.
    failures: u32,
    /// In how many of those each other member took part, once more for who was seen to break one.
    /// Who has the fewest is chosen first. No accusation: it may have had a reason.
    faults: BTreeMap<NodeId, u32>,
    /// How many of those each member led.
    led: BTreeMap<NodeId, u32>,
    /// Until when the leader of this turn is waited for.
    patience: Option<Millis>,
    /// Leaders passed over since the last session though they are here.
    passed: u32,
    /// Not before: an attempt has just failed.
    rests_until: Millis,
    /// Leaders for whose sessions this node left another: once each, so that nobody keeps it
    /// from a session that goes on.
    gave_way_to: BTreeSet<NodeId>,
    /// No quorum is known yet: the next decision or pair is a reason to look again.
    lacks_quorum: bool,
}

/// Who proposes now.
enum Next {
    /// This node, with this quorum.
    Ourselves(BTreeSet<NodeId>),
    /// Another node; it has until then.
    Another(Millis),
    /// Nobody could.
    Nobody,
}

impl Undertaking {
    /// Whether a member has led more failed sessions than its share of the turns and one more:
    /// who breaks what it leads does not use up the attempts of all (SES-11, N-82).
    pub fn has_led_enough(&self, leader: &NodeId, members: usize) -> bool {
        let turns = u32::try_from(members).map_or(0, |members| self.turn / members.max(1));
        self.led_by(leader) > turns.saturating_add(1)
    }

    /// How many failed sessions a member led.
    pub fn led_by(&self, leader: &NodeId) -> u32 {
        self.led.get(leader).copied().unwrap_or_default()
    }

    /// Whether a session for it ended without a signature.
    pub fn has_failed(&self) -> bool {
        self.failures > 0
    }

    /// Whether this node would still leave another leader's session for this one's.
    pub fn would_give_way_to(&self, leader: &NodeId) -> bool {
        self.led_by(leader) == 0 && !self.gave_way_to.contains(leader)
    }

    /// Leaves another leader's session for this one's.
    pub fn give_way_to(&mut self, leader: NodeId) {
        self.gave_way_to.insert(leader);
    }

    /// A proposal from a later turn: catches up, so slowly that nobody can push us far ahead.
    pub fn catch_up(&mut self, attempt: u32) {
        if attempt > self.turn {
            self.next_turn(self.turn.saturating_add(1));
        }
    }

    fn next_turn(&mut self, turn: u32) {
        self.turn = turn;
        self.patience = None;
    }

    fn note_failure(&mut self, me: NodeId, session: &Session, blame: Blame) {
        self.next_turn(self.turn.saturating_add(1));
        self.passed = 0;
        let broke = match blame {
            Blame::Nobody => return,
            Blame::Unknown => Vec::new(),
            Blame::Of(members) => members,
        };
        self.failures = self.failures.saturating_add(1);
        *self.led.entry(session.leader).or_default() += 1;
        let quorum = &session.terms.quorum;
        let broke = broke.iter().filter(|member| quorum.contains(member));
        for member in quorum.iter().chain(broke).filter(|member| **member != me) {
            *self.faults.entry(*member).or_default() += 1;
        }
    }
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
        self.sessions.waiting.remove(target);
        if let Some(run) = self.sessions.by_target.get(target).copied() {
            self.end_session(run);
        }
    }

    /// Another node allowed the target.
    pub(crate) fn another_allows(&mut self, target: &Target, turn: &mut Turn<'_>) {
        if self.sessions.undertakings.get(target).is_some_and(|it| it.lacks_quorum) {
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

    /// Other nodes have more pairs: what lacked a quorum may have one, and a moment later is
    /// early enough, so that nobody keeps this node busy with it.
    pub(crate) fn look_at_lacking(&mut self, turn: &mut Turn<'_>) {
        let at = turn.now.saturating_add(self.pace.retry_ms);
        for (target, undertaking) in &self.sessions.undertakings {
            if undertaking.lacks_quorum && !self.sessions.by_target.contains_key(target) {
                self.sessions.due.set_earlier(*target, at);
            }
        }
    }

    /// Looks again at a target at some moment, unless a session for it is live.
    fn look_at(&mut self, target: Target, at: Millis) {
        let Some(undertaking) = self.sessions.undertakings.get(&target) else { return };
        if !self.sessions.is_live(&target) {
            self.sessions.due.set(target, at.max(undertaking.rests_until));
        }
    }

    /// Puts a target off.
    pub(super) fn postpone(&mut self, target: Target, pause: Millis, turn: &Turn<'_>) {
        self.look_at(target, turn.now.saturating_add(pause));
    }

    /// Proposes a session for a target if it is our turn; waits otherwise.
    pub(super) fn pursue(&mut self, target: Target, turn: &mut Turn<'_>) {
        let Some(undertaking) = self.sessions.undertakings.get_mut(&target) else { return };
        undertaking.lacks_quorum = false;
        let failures = undertaking.failures;
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
        self.purge_presignatures(turn.now);
        match self.whose_turn(&target, turn.now) {
            Next::Ourselves(quorum) => self.lead(target, &quorum, turn),
            Next::Another(until) => self.look_at(target, until),
            Next::Nobody => {
                if let Some(undertaking) = self.sessions.undertakings.get_mut(&target) {
                    undertaking.lacks_quorum = true;
                }
                self.postpone(target, self.pace.retry_max_ms, turn);
            }
        }
    }

    /// Goes through the order of leaders: who cannot lead is passed over at once, who could is
    /// waited for a moment (SES-02).
    fn whose_turn(&mut self, target: &Target, now: Millis) -> Next {
        let allowing = self.allowing(target);
        let order = self.order_of_leaders(target);
        let Some(undertaking) = self.sessions.undertakings.get(target) else { return Next::Nobody };
        let (first, patience, passed) =
            (undertaking.turn, undertaking.patience, undertaking.passed);
        let is_quorum = self.tree_of(target).is_some_and(|tree| tree.satisfied(&allowing));
        let mut passed_now = 0;
        for at in (first..).take(if is_quorum { order.len() } else { 0 }) {
            let Some(leader) = leader_of(&order, at) else { break };
            let next = if *leader == self.me {
                let stocked = self.stocked_quorum(target, &allowing);
                let stocked = stocked.filter(|_| !undertaking.has_failed());
                let quorum = stocked.or_else(|| self.quorum_led_by(leader, target, &allowing));
                let Some(quorum) = quorum else { continue };
                Next::Ourselves(quorum)
            } else if self.could_lead(leader, target, &allowing) {
                match patience.filter(|_| at == first) {
                    Some(until) if until <= now => {
                        passed_now = 1;
                        continue;
                    }
                    Some(until) => Next::Another(until),
                    None => {
                        let shift = passed.saturating_add(passed_now).min(4);
                        let pause = (self.pace.lead_ms << shift).min(self.pace.retry_max_ms);
                        Next::Another(now.saturating_add(pause))
                    }
                }
            } else {
                continue;
            };
            if let Some(undertaking) = self.sessions.undertakings.get_mut(target) {
                undertaking.turn = at;
                undertaking.passed = passed.saturating_add(passed_now);
                undertaking.patience = match next {
                    Next::Another(until) => Some(until),
                    Next::Ourselves(_) | Next::Nobody => None,
                };
            }
            return next;
        }
        Next::Nobody
    }

    /// Whether a leader may be about to propose: it is here, and it allows the target and has a
    /// quorum, or has not judged yet.
    fn could_lead(&self, leader: &NodeId, target: &Target, allowing: &BTreeSet<NodeId>) -> bool {
        if allowing.contains(leader) {
            return self.quorum_led_by(leader, target, allowing).is_some();
        }
        self.live_signers(target).contains(leader) && !self.has_denied(leader, target)
    }

    fn lead(&mut self, target: Target, quorum: &BTreeSet<NodeId>, turn: &mut Turn<'_>) {
        let ours = self.incarnation.id;
        let incarnations = self.presence.incarnations(ours, quorum.iter(), &self.me);
        let presignatures = self.choose_presignatures(&target, quorum, turn);
        let terms = incarnations.and_then(|them| self.terms(target, quorum, them, presignatures));
        let at_turn = self.sessions.undertakings.get(&target).map(|it| it.turn);
        let (Some(terms), Some(at_turn)) = (terms, at_turn) else {
            self.postpone(target, self.pace.retry_ms, turn);
            return;
        };
        let run = Digest(turn.random_bytes());
        self.open_session(run, terms, at_turn, self.me, turn);
    }

    /// After a session without a signature: another turn, after a pause that grows.
    pub(super) fn retry_after_failure(
        &mut self,
        session: &Session,
        blame: Blame,
        turn: &mut Turn<'_>,
    ) {
        let target = session.terms.target;
        self.sessions.figures.note_failure(&self.me, session, &blame);
        if !matches!(blame, Blame::Nobody) {
            self.spoil_presignatures(session, turn);
        }
        let Some(undertaking) = self.sessions.undertakings.get_mut(&target) else { return };
        undertaking.note_failure(self.me, session, blame);
        let shift = undertaking.failures.min(6).saturating_sub(1);
        let pause = (self.pace.retry_ms << shift).min(self.pace.retry_max_ms);
        let jitter = u64::from(u16::from_be_bytes(turn.random_bytes())) % (pause / 2 + 1);
        undertaking.rests_until = turn.now.saturating_add(pause / 2 + jitter);
        self.look_at(target, turn.now);
        self.renew_authorisation(&target, turn);
        self.answer_unjudged(target, turn);
    }

    /// All members of the target's key in the order in which they lead. Everybody computes the
    /// same one, whomever it sees.
    pub(super) fn order_of_leaders(&self, target: &Target) -> Vec<NodeId> {
        let members = self.tree_of(target).map(|tree| tree.parties()).unwrap_or_default();
        let mut order: Vec<NodeId> = members.into_iter().collect();
        order.sort_by_cached_key(|node| rank(target, 0, node));
        order
    }

    /// The quorum that a leader chooses out of `nodes`: minimal, with a pair between all where the
    /// key needs them (SES-10), and of those that took part in the fewest failed sessions. Ties are
    /// broken in another way after each failure, so that every quorum has its turn (SES-11, N-82).
    fn quorum_led_by(
        &self,
        leader: &NodeId,
        target: &Target,
        nodes: &BTreeSet<NodeId>,
    ) -> Option<BTreeSet<NodeId>> {
        let tree = self.tree_of(target)?;
        let undertaking = self.sessions.undertakings.get(target)?;
        let needs_pairs = self.needs_pairs(target);
        let paired = |one: &NodeId, other: &NodeId| {
            !needs_pairs || self.pairs.are_paired(&self.me, one, other)
        };
        let with = nodes.iter().filter(|node| *node != leader && paired(leader, node));
        let mut others: Vec<NodeId> = with.copied().collect();
        others.sort_by_cached_key(|node| {
            let faults = undertaking.faults.get(node).copied().unwrap_or_default();
            (faults, rank(target, undertaking.failures, node))
        });
        let led = nodes.get(leader)?;
        let ranked: Vec<NodeId> = [*led].into_iter().chain(others).collect();
        choose(&tree, &ranked, &paired, &mut limits::QUORUMS_TRIED_MAX.clone())
    }
}

/// Whose turn it is.
pub(super) fn leader_of(order: &[NodeId], turn: u32) -> Option<&NodeId> {
    order.get(usize::try_from(turn).ok()?.checked_rem(order.len())?)
}

fn rank(target: &Target, failures: u32, node: &NodeId) -> Digest {
    let target = quorate_codec::to_bytes(target);
    Transcript::new(tag::LEADER).part(target).part(failures.to_be_bytes()).part(node).digest()
}

/// A minimal quorum out of `ranked`, its first in it and the earliest kept, in which everybody is
/// paired with everybody. Of two that are not, one is left out, the later first: so a quorum is
/// found where there is one, within the tries.
pub(super) fn choose(
    tree: &Tree<NodeId>,
    ranked: &[NodeId],
    paired: &dyn Fn(&NodeId, &NodeId) -> bool,
    tries: &mut u32,
) -> Option<BTreeSet<NodeId>> {
    *tries = tries.checked_sub(1)?;
    let mut quorum: BTreeSet<NodeId> = ranked.iter().copied().collect();
    for node in ranked.iter().rev() {
        if quorum.remove(node) && !tree.satisfied(&quorum) {
            quorum.insert(*node);
        }
    }
    let quorum = tree.select(&quorum)?.parties();
    if !quorum.contains(ranked.first()?) {
        return None;
    }
    let members: Vec<&NodeId> = ranked.iter().filter(|node| quorum.contains(node)).collect();
    let apart = members.iter().enumerate().find_map(|(index, one)| {
        let other = members.iter().skip(index + 1).find(|other| !paired(one, other))?;
        Some((*one, *other))
    });
    let Some((one, other)) = apart else { return Some(quorum) };
    [other, one].into_iter().find_map(|left_out| {
        let rest: Vec<NodeId> = ranked.iter().filter(|node| *node != left_out).copied().collect();
        choose(tree, &rest, paired, tries)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(number: u8) -> NodeId {
        NodeId(Digest([number; 32]))
    }

    fn some_of(threshold: u8, nodes: u8) -> Tree<NodeId> {
        Tree::gate(threshold, (0..nodes).map(|number| Tree::Leaf(node(number))).collect()).unwrap()
    }

    #[test]
    fn ses_02_a_quorum_of_pairs_is_found_where_there_is_one() {
        let ranked: Vec<NodeId> = (0..5).map(node).collect();
        let apart = [(1, 2), (1, 3), (2, 4)];
        let paired = |one: &NodeId, other: &NodeId| {
            let numbers = (one.0.0[0].min(other.0.0[0]), one.0.0[0].max(other.0.0[0]));
            !apart.contains(&numbers)
        };
        let found = |threshold, tries: u32| {
            choose(&some_of(threshold, 5), &ranked, &paired, &mut tries.clone())
        };
        assert_eq!(found(3, 99), Some([0, 1, 4].map(node).into()));
        assert_eq!(found(4, 99), None);
        assert_eq!(found(3, 1), None);
        let all = choose(&some_of(3, 5), &ranked, &|_, _| true, &mut 1);
        assert_eq!(all, Some([0, 1, 2].map(node).into()));
    }
}
