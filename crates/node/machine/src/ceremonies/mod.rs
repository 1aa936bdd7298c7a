//! The epochs of keys: attempts at them, their decided outcomes, first signatures, and the end of
//! earlier ones. See `spec/node.md`, CER, `spec/epochs.md` and `spec/deal.md`.
//!
//! An attempt ends in exactly one decision of the voters: COMMIT with everybody's PREPARED, or
//! VOID. Nodes act on the decision's certificate, never on collected messages, so a voided
//! attempt cannot be revived (N-57).

mod ages;
mod backing_up;
mod blame;
mod ceremony;
mod epochs;
mod erasures;
mod importing;
mod keys;
mod outcome;
mod plan;
mod proven;
mod shares;

use crate::limits;
use crate::node::{Node, Turn};
pub use backing_up::BundlesRow;
pub(crate) use backing_up::{FalseBackup, recoveries};
pub(crate) use blame::{Before, terms_of};
pub(crate) use ceremony::deal_bytes;
pub(crate) use importing::NotTaken;
pub use keys::publics_of;
pub(crate) use keys::{
    Epoch, KeyBook, Keys, is_statement_key, parse_dealt_key, parse_dealt_row, parse_decided_key,
    parse_share_key, proof_is_valid, proof_key, voided_key,
};
pub(crate) use keys::{contributions_key, decided_key, share_key};
pub(crate) use outcome::prove_commit;
pub(crate) use plan::follows;
pub(crate) use proven::{EvidenceBook, Found, Kept};
use quorate_charter::Validity;
use quorate_identity::{KeyId, Name};
pub use shares::Shares;

impl Node {
    /// Starts attempts that can start, gives up those that are overdue.
    pub(crate) fn drive_ceremonies(&mut self, turn: &mut Turn<'_>) {
        for key in self.keys.due.take_due(turn.now) {
            let Some(order) = self.state.key(&key).cloned() else { continue };
            let Some(book) = self.keys.books.get(&key) else { continue };
            if let Some(ceremony) = &book.ceremony {
                let silent = Self::awaited_in(ceremony);
                self.void_attempt(key, "no progress in time", &silent, turn);
                continue;
            }
            let next = (book.next_epoch(), book.attempt);
            let has_dealt = book.dealt == Some(next);
            let Some(wanted) = self.wanted(&key, turn.now) else {
                self.rest(&order, turn);
                continue;
            };
            if let Some(book) = self.keys.books.get_mut(&key) {
                book.opened_at.get_or_insert(turn.now);
            }
            if !self.candidates(&key, &wanted).contains(&self.me) {
                self.follow_attempt(key, turn);
                continue;
            }
            let may_take_part = self.may_take_part();
            if has_dealt && may_take_part {
                // Two honest first messages would look like equivocation (N-89): abstain.
                self.void_attempt(key, "this node restarted during the attempt", &[], turn);
            } else if !self.is_of_this_life(&key) && may_take_part {
                let why = "this node was taken back, and may have dealt before";
                self.void_attempt(key, why, &[], turn);
            } else {
                self.look_at_early(key, turn);
                let begun = self.keys.book(&key).is_some_and(|book| book.ceremony.is_some());
                let is_free = self.busy_ceremonies() < limits::CEREMONIES_LIVE_MAX;
                // Whoever is guilty of the attempt before is to be left out of this one.
                if !begun && is_free && !self.is_judging(&key) {
                    self.pursue_attempt(&order, turn);
                } else if !begun {
                    self.keys.due.set(key, turn.now.saturating_add(self.pace.retry_ms));
                }
            }
        }
    }

    /// An attempt in which this node has no part but a vote: what came too early is looked at again
    /// as long as any is there.
    fn follow_attempt(&mut self, key: KeyId, turn: &mut Turn<'_>) {
        self.look_at_early(key, turn);
        if self.keys.book(&key).is_some_and(|book| !book.early.is_empty()) {
            self.keys.due.set_earlier(key, turn.now.saturating_add(self.pace.retry_max_ms));
        }
    }

    /// Attempts under way that hold a job or messages; those that wait for an importer, for hours,
    /// hold next to nothing.
    fn busy_ceremonies(&self) -> usize {
        let live = self.keys.books.values().filter_map(|book| book.ceremony.as_ref());
        live.filter(|ceremony| !ceremony.awaits_importer()).count()
    }

    /// An operator wants the next attempt at once, whoever failed before.
    pub(crate) fn retry_ceremony(&mut self, name: &Name, turn: &mut Turn<'_>) {
        let Some(key) = self.state.key_named(name).map(|order| order.key) else { return };
        let Some(book) = self.keys.books.get_mut(&key) else { return };
        book.forget_failures();
        if book.ceremony.is_none() {
            self.keys.due.set(key, turn.now);
        }
    }

    /// Nothing is wanted of a key now: look again when its schedule says so.
    fn rest(&mut self, order: &quorate_charter::KeyOrder, turn: &Turn<'_>) {
        let Some(book) = self.keys.book(&order.key) else { return };
        let at = keys::wake_for(order, book, &self.state).filter(|at| *at > turn.now);
        if let Some(at) = at {
            self.keys.due.set(order.key, at);
        }
    }

    /// Looks at every key again: somebody came, or the charter moved on.
    pub(crate) fn look_at_keys(&mut self, turn: &mut Turn<'_>) {
        let state = std::sync::Arc::clone(&self.state);
        self.keys.learn_orders(&state, &self.me);
        self.look_at_attempts(turn);
    }

    /// The charter moved on, and says something else of one key alone.
    pub(crate) fn look_at_key(&mut self, name: &Name, turn: &mut Turn<'_>) {
        if let Some(key) = self.state.key_named(name).map(|order| order.key) {
            self.learn_order_of(key);
        }
        self.look_at_attempts(turn);
    }

    fn learn_order_of(&mut self, key: KeyId) {
        let state = std::sync::Arc::clone(&self.state);
        if let Some(order) = state.key(&key) {
            self.keys.learn_order(order, &state, &self.me);
        }
    }

    /// What is under way or waits, held against the charter of now.
    fn look_at_attempts(&mut self, turn: &mut Turn<'_>) {
        self.destroy_retired(turn);
        let waiting = self.keys.books.iter().filter(|(_, book)| !book.early.is_empty());
        for key in waiting.map(|(key, _)| *key).collect::<Vec<_>>() {
            self.look_at_early(key, turn);
        }
        let several = self.keys.books.iter().filter(|(_, book)| book.epochs.len() > 1);
        for key in several.map(|(key, _)| *key).collect::<Vec<_>>() {
            self.end_earlier_epochs(key, turn);
        }
        // What the charter does not want any more ends, unless it is about to be decided.
        let unwanted = self.keys.books.iter().filter(|(_, book)| {
            book.ceremony.as_ref().is_some_and(|ceremony| {
                ceremony.is_open() && self.check_plan(&ceremony.plan) == Validity::Late
            })
        });
        for key in unwanted.map(|(key, _)| *key).collect::<Vec<_>>() {
            self.void_attempt(key, "the charter wants something else by now", &[], turn);
        }
    }
}
