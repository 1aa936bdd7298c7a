//! Key generation: attempts, their decided outcomes, and the birth signature. See
//! `spec/node.md`, CER, and `spec/deal.md`.
//!
//! An attempt ends in exactly one decision of the voters: COMMIT with everybody's PREPARED, or
//! VOID. Nodes act on the decision's certificate, never on collected messages, so a voided
//! attempt cannot be revived (N-57).

mod ceremony;
mod keys;
mod outcome;

use crate::durable::{Table, Write};
use crate::event::Notice;
use crate::limits;
use crate::node::{Node, Turn};
use crate::wire::{Message, Outcome, Target};
pub(crate) use ceremony::deal_bytes;
pub(crate) use keys::{
    FIRST_EPOCH, Keys, birth_is_valid, birth_key, decided_key, parse_dealt_key, parse_share_key,
};
use quorate_identity::{KeyId, NodeId};

impl Node {
    /// Starts attempts that can start, gives up those that are overdue.
    pub(crate) fn drive_ceremonies(&mut self, turn: &mut Turn<'_>) {
        for key in self.keys.due.take_due(turn.now) {
            let Some(order) = self.state.key(&key).cloned() else { continue };
            let members = order.tree.parties();
            let Some(book) = self.keys.books.get(&key) else { continue };
            if book.record.is_some() || !members.contains(&self.me) {
                continue;
            }
            let may_take_part = self.may_take_part();
            let is_of_this_life = self.is_of_this_life(&key);
            match &book.ceremony {
                Some(_) => self.void_attempt(key, "no progress in time", &[], turn),
                // Two honest first messages would look like equivocation (N-89): abstain.
                None if book.dealt == Some(book.attempt) && may_take_part => {
                    self.void_attempt(key, "this node restarted during the attempt", &[], turn);
                }
                None if !is_of_this_life && may_take_part => {
                    let why = "this node was taken back, and may have dealt before";
                    self.void_attempt(key, why, &[], turn);
                }
                None => self.start_attempt(&order, &members, turn),
            }
        }
    }

    /// Wants a birth signature for every committed key that has none.
    pub(crate) fn drive_births(&mut self, turn: &mut Turn<'_>) {
        for key in self.keys.unborn.clone() {
            let held = self.keys.book(&key).is_some_and(|book| book.share.is_some());
            if held {
                self.undertake(Target::Birth(key, FIRST_EPOCH), turn);
            }
        }
    }

    /// Verifies a birth signature and opens the key for use (CER-07).
    pub(crate) fn on_birth(
        &mut self,
        from: NodeId,
        key: KeyId,
        outcome: Outcome,
        turn: &mut Turn<'_>,
    ) {
        let Some(book) = self.keys.books.get_mut(&key) else { return };
        if book.birth.is_some() || book.record.is_none() {
            return;
        }
        if !birth_is_valid(book, &outcome) {
            self.audit(format!("a birth signature of key {key} does not verify"), &[from], turn);
            return;
        }
        let row = quorate_codec::to_bytes(&outcome);
        book.birth = Some(outcome);
        self.keys.unborn.remove(&key);
        turn.out.writes.push(Write::put(Table::EpochRecord, birth_key(&key), row));
        turn.out.barrier = true;
        turn.out.notices.push(Notice::Key(key));
        self.abandon(&Target::Birth(key, FIRST_EPOCH));
        self.audit(format!("key {key} is active"), &[], turn);
    }

    /// Asks a peer for the records that this node lacks, where it lacks any.
    pub(crate) fn ask_for_records(&mut self, peer: NodeId, turn: &mut Turn<'_>) {
        let active = self.keys.active();
        if active.len() < self.state.keys().count() {
            self.send(peer, &Message::FetchRecords(active), turn);
        }
    }

    /// Answers a peer that asks for records, naming those it has.
    pub(crate) fn on_fetch_records(&mut self, from: NodeId, known: &[KeyId], turn: &mut Turn<'_>) {
        let books = self.keys.books.iter();
        let news = books.filter(|(key, book)| {
            (book.decided.is_some() || book.voided.is_some()) && !known.contains(key)
        });
        let keys: Vec<KeyId> = news.map(|(key, _)| *key).take(limits::RECORDS_PER_ANSWER).collect();
        for key in keys {
            self.share_attempt_outcome(from, &key, turn);
        }
    }
}
