//! The log of this node: entries verified, applied, stored, passed on.

use super::announced::{Late, Notices};
use crate::durable::{Table, Write};
use crate::event::{Barrier, Notice};
use crate::limits;
use crate::node::{Node, Turn};
use crate::wire::Message;
use quorate_charter::{CertifiedEntry, EntryBody, Instance, MotionBody, State};
use quorate_identity::{Name, NodeId};
use quorate_policy::Policy;
use std::sync::Arc;

impl Node {
    /// Certified entries came in: verify, apply, store, in order.
    pub(crate) fn on_entries(
        &mut self,
        from: NodeId,
        entries: Vec<CertifiedEntry>,
        turn: &mut Turn<'_>,
    ) {
        let full = entries.len() >= limits::ENTRIES_PER_ANSWER;
        let before = self.state.position();
        let news = entries.iter().filter(|entry| entry.position() > before).count();
        self.governor.late = (news > 1).then(Late::default);
        for entry in entries {
            if entry.position() <= self.state.position() {
                self.compare_with_log(&entry, turn);
            } else if entry.position() != self.state.position() + 1 || !self.append(entry, turn) {
                break;
            }
        }
        self.tell_late(turn);
        if self.state.position() == before {
            return;
        }
        if full {
            self.governor.fetched_at = 0;
            self.fetch_from(from, turn);
        } else {
            // What was refused before the charter came may hold now.
            self.keys.asked.remove(&from);
            self.ask_for_records(from, turn);
        }
    }

    /// Answers a peer that asks for entries after a position.
    pub(crate) fn send_entries(&mut self, peer: NodeId, after: u64, turn: &mut Turn<'_>) {
        let skip = usize::try_from(after).unwrap_or(usize::MAX);
        let after = self.governor.log.iter().skip(skip);
        let entries = answer(after, |entry| self.requires_a_release(entry));
        if !entries.is_empty() {
            self.send(peer, &Message::Entries(entries), turn);
        }
    }

    /// Whether an entry may require another release. What follows may have forms that an older program
    /// cannot read, which must hear first that it is too old (GOV-35).
    fn requires_a_release(&self, entry: &CertifiedEntry) -> bool {
        let motion = match &entry.entry().body {
            EntryBody::Motion(signed) => Some(signed),
            EntryBody::Enact(id) => self.governor.placed(id).map(|(motion, _)| motion),
            EntryBody::Rejoin(_) => None,
        };
        let body = motion.map(|motion| &motion.body().body);
        matches!(body, Some(MotionBody::ReleaseRequire { .. }))
    }

    /// Shows a peer the last entries up to a position.
    pub(crate) fn send_entries_up_to(&mut self, peer: NodeId, last: u64, turn: &mut Turn<'_>) {
        let end = usize::try_from(last).unwrap_or(usize::MAX).min(self.governor.log.len());
        let log = self.governor.log.get(..end).unwrap_or_default();
        let mut entries = answer(log.iter().rev(), |_| false);
        entries.reverse();
        if !entries.is_empty() {
            self.send(peer, &Message::Entries(entries), turn);
        }
    }

    /// Asks a peer that is ahead for what we lack.
    pub(crate) fn fetch_from(&mut self, peer: NodeId, turn: &mut Turn<'_>) {
        let at = self.governor.fetched_at;
        if at == 0 || turn.now >= at.saturating_add(self.pace.retry_ms) {
            self.governor.fetched_at = turn.now;
            self.send(peer, &Message::Fetch(self.state.position()), turn);
        }
    }

    /// Verifies and applies the next entry, and everything that follows from a new head.
    pub(super) fn append(&mut self, entry: CertifiedEntry, turn: &mut Turn<'_>) -> bool {
        let verified = match self.state.verify_entry(&entry) {
            Ok(verified) => verified,
            Err(error) => {
                self.audit(format!("refused an entry: {error}"), &[], turn);
                return false;
            }
        };
        let before = Arc::clone(&self.state);
        let (seated, notices) = (verified.seat(), Notices::of(&verified, &before));
        let changes_nodes = verified.changes_nodes();
        let key = verified.enacted().and_then(|motion| motion.body.key()).cloned();
        self.state = Arc::new(before.apply(verified));
        self.governor.looks = 0;
        let position = self.state.position();
        let row = quorate_codec::to_bytes(&entry);
        turn.out.writes.push(Write::put(Table::Entry, position.to_be_bytes(), row));
        turn.out.barrier = Barrier::Full;
        let rejoin = match &entry.entry().body {
            EntryBody::Rejoin(rejoin) => Some(rejoin.body().clone()),
            EntryBody::Motion(_) | EntryBody::Enact(_) => None,
        };
        self.governor.push(entry.clone());
        self.close_instance(Instance::Position(position), turn);
        turn.out.notices.push(Notice::Head(self.state.head()));
        self.audit(format!("entry {position}, head {}", self.state.head()), &[], turn);
        if let Some(rejoin) = rejoin {
            self.governor.came_back.insert(rejoin.node, turn.now);
            self.on_rejoined(&rejoin, turn);
        }
        if let Some(node) = seated {
            self.on_seat_given(node, turn);
        }
        if before.minimum() != self.state.minimum() {
            self.on_minimum(turn);
        }
        if changes_nodes {
            self.on_nodes_changed(&before, &entry, turn);
        }
        self.look_at_announced(turn);
        self.tell_notices(&notices, turn);
        self.after_new_head(&before, key.as_ref(), turn);
        for alarm in self.lacking_summands_of(position) {
            self.alarm(alarm.text, &alarm.culprits, turn);
        }
        true
    }

    /// `key`: the one key of which alone the entry says something.
    fn after_new_head(&mut self, before: &State, key: Option<&Name>, turn: &mut Turn<'_>) {
        if before.policy_version() != self.state.policy_version() {
            self.policy = compiled_policy(&self.state);
        }
        let state = Arc::clone(&self.state);
        self.governor.rejoins.retain(|_, rejoin| state.check_rejoin(rejoin).is_ok());
        self.fail_all_sessions("the charter moved on", turn);
        self.look_at_freezes(turn);
        self.look_at_cessions(turn);
        self.look_at_custody(turn);
        self.look_at_drills(turn);
        self.look_at_exports();
        self.tell_export(turn);
        match key {
            Some(key) => self.look_at_key(key, turn),
            None => self.look_at_keys(turn),
        }
        self.pairs.learn_orders(&state, &self.keys, &self.me);
        self.learn_asked(turn.now);
        self.greet_all(turn);
        self.judge_all(turn);
        self.drive_births(turn);
        self.propose_next(turn);
    }

    /// An entry at a place that this node has filled: it should be the same.
    pub(super) fn compare_with_log(&mut self, entry: &CertifiedEntry, turn: &mut Turn<'_>) {
        if self.fork.is_some() {
            return;
        }
        let index = entry.position().checked_sub(1).and_then(|index| usize::try_from(index).ok());
        let ours = index.and_then(|index| self.governor.log.get(index));
        let Some(ours) = ours.filter(|ours| ours.head() != entry.head()) else { return };
        let (known, other) = (ours.to_decided(), entry.to_decided());
        if other.verify(&self.state).is_ok() {
            self.on_fork(known, other, turn);
        }
    }
}

/// As many entries as one answer holds, none after one that is the last.
fn answer<'a>(
    entries: impl Iterator<Item = &'a CertifiedEntry>,
    is_last: impl Fn(&CertifiedEntry) -> bool,
) -> Vec<CertifiedEntry> {
    let (mut bytes, mut is_over) = (0, false);
    let fits = |entry: &&CertifiedEntry| {
        let first = bytes == 0;
        bytes += entry.bytes().len();
        let fits = first || (bytes <= limits::ENTRY_BYTES_PER_ANSWER && !is_over);
        is_over |= is_last(entry);
        fits
    };
    entries.take(limits::ENTRIES_PER_ANSWER).take_while(fits).cloned().collect()
}

/// The policy of a state, compiled; a policy that entered the log was vetted by a quorum.
pub(crate) fn compiled_policy(state: &State) -> Option<Arc<Policy>> {
    state.policy().and_then(|bytes| Policy::compile(bytes).ok()).map(Arc::new)
}
