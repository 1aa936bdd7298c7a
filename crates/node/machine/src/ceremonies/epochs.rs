//! From one epoch of a key to the next: who signs under the new one, that it signs, and that the
//! shares of the old one are destroyed. See `spec/epochs.md`.

use super::keys::{Asked, contributions_gone, proof_key, shares_gone, statement_key};
use crate::durable::{Table, Write};
use crate::event::{Barrier, Notice};
use crate::limits;
use crate::node::{Node, Turn};
use crate::wire::{KeyProgress, Message, Outcome, Target};
use quorate_charter::{EpochStatement, EpochStep, SignedEpochStatement};
use quorate_codec::Digest;
use quorate_identity::{KeyId, NodeId};
use std::collections::BTreeMap;
use std::ops::Bound;

impl Node {
    /// Wants the first signature of every epoch that has none: a birth, or a test of new shares.
    pub(crate) fn drive_births(&mut self, turn: &mut Turn<'_>) {
        for key in self.keys.untried.clone() {
            let current = self.keys.current(&key);
            let signs = |current: &&super::keys::Epoch| {
                current.shares.is_some() && !current.record.plan.is_arrival()
            };
            if let Some(current) = current.filter(signs) {
                let target = Target::Birth(key, current.number());
                self.undertake(target, turn);
            }
        }
    }

    /// Verifies the first signature of an epoch; of the first one it opens the key for use
    /// (CER-07).
    pub(crate) fn on_birth(
        &mut self,
        from: NodeId,
        key: KeyId,
        epoch: u64,
        outcome: Outcome,
        turn: &mut Turn<'_>,
    ) {
        let Some(book) = self.keys.books.get_mut(&key) else { return };
        let made = book.epochs.get_mut(&epoch).filter(|made| made.proof.is_none());
        let Some(made) = made else { return };
        if !made.is_proven_by(&outcome) {
            let text = format!("the first signature of epoch {epoch} of key {key} does not verify");
            self.audit(text, &[from], turn);
            return;
        }
        let row = quorate_codec::to_bytes(&outcome);
        made.proof = Some(outcome);
        turn.out.writes.push(Write::put(Table::EpochRecord, proof_key(&key, epoch), row));
        turn.out.barrier = Barrier::Full;
        turn.out.notices.push(Notice::Key(key));
        self.abandon(&Target::Birth(key, epoch));
        if self.keys.current(&key).is_some_and(|current| current.number() == epoch) {
            self.keys.untried.remove(&key);
        }
        self.audit(format!("key {key} signs in epoch {epoch}"), &[], turn);
        self.learn_order_of(key);
        self.end_earlier_epochs(key, turn);
    }

    /// Says that this node signs under the newest epoch of a key from now on.
    pub(crate) fn say_committed(&mut self, key: KeyId, turn: &mut Turn<'_>) {
        self.say(key, EpochStep::Committed, turn);
    }

    pub(super) fn say(&mut self, key: KeyId, step: EpochStep, turn: &mut Turn<'_>) {
        let Some(current) = self.keys.current(&key) else { return };
        let body = EpochStatement {
            version: 1,
            genesis: self.state.genesis(),
            node: self.me,
            key,
            epoch: current.number(),
            record: current.digest,
            step,
        };
        let statement = SignedEpochStatement::sign(body, &self.secrets);
        self.broadcast(&Message::Epoch(statement.clone()), turn);
        self.on_epoch_statement(self.me, statement, turn);
    }

    /// What a node did with an epoch; its signature was checked.
    pub(crate) fn on_epoch_statement(
        &mut self,
        from: NodeId,
        statement: SignedEpochStatement,
        turn: &mut Turn<'_>,
    ) {
        let (key, epoch) = (statement.body().key, statement.body().epoch);
        if self.state.key(&key).is_none() {
            return;
        }
        let book = self.keys.books.entry(key).or_default();
        if epoch >= book.next_epoch() {
            self.ask_for_records(from, turn);
            return;
        }
        if !book.note(statement.clone()) {
            return;
        }
        let row = quorate_codec::to_bytes(&statement);
        let at = statement_key(&statement);
        turn.out.writes.push(Write::put(Table::EpochRecord, at, row));
        turn.out.notices.push(Notice::Key(key));
        self.end_earlier_epochs(key, turn);
    }

    /// Destroys the shares of earlier epochs, once the newest has signed and so many members hold
    /// its shares that it survives what the key is to survive (EPO-09, EPO-10). Never on a timer.
    pub(super) fn end_earlier_epochs(&mut self, key: KeyId, turn: &mut Turn<'_>) {
        // Whoever halted or is lapsed destroys nothing: it may be the last to have it.
        if self.abstains().is_some() {
            return;
        }
        let Some(book) = self.keys.books.get_mut(&key) else { return };
        let has_earlier = book.epochs.len() > 1;
        if !has_earlier || !book.current().is_some_and(super::keys::Epoch::may_end_earlier) {
            return;
        }
        let newest = book.next_epoch().saturating_sub(1);
        let shares: Vec<(u64, u32)> = book
            .epochs
            .values()
            .filter(|made| made.number() < newest && made.shares.is_some())
            .map(|made| (made.number(), made.record.plan.attempt))
            .collect();
        let mut key_backups = book.earlier_key_backups();
        book.end_earlier();
        let unheard = book.prepared.keys().filter(|(epoch, _)| *epoch < newest);
        let unheard: Vec<(u64, u32)> = unheard.copied().collect();
        let kept = book.key_backups();
        key_backups.extend(unheard.iter().filter(|made| !kept.contains(made)));
        book.prepared.retain(|(epoch, _), _| *epoch >= newest);
        let shares = shares.into_iter().chain(unheard);
        let peers = book.pair_peers();
        for (epoch, attempt) in shares {
            turn.out.writes.extend(shares_gone(&key, epoch, attempt));
        }
        for (epoch, attempt) in key_backups {
            turn.out.writes.push(contributions_gone(&key, epoch, attempt));
        }
        turn.out.barrier = Barrier::Full;
        turn.out.notices.push(Notice::Key(key));
        self.audit(format!("epochs of key {key} before {newest} are over"), &[], turn);
        self.forget_summand(&key, turn);
        self.pairs.replace_all(peers, turn.now);
        self.drive_pairs(turn);
    }

    /// Destroys what a retired key left here (EPO-15).
    pub(super) fn destroy_retired(&mut self, turn: &mut Turn<'_>) {
        if self.abstains().is_some() {
            return;
        }
        let retired = self.state.keys().filter(|order| order.retired).map(|order| order.key);
        for key in retired.collect::<Vec<_>>() {
            let Some(book) = self.keys.books.get_mut(&key) else { continue };
            let held = |made: &mut super::keys::Epoch| {
                made.shares.take().map(|_| (made.number(), made.record.plan.attempt))
            };
            let mut shares: Vec<(u64, u32)> = book.epochs.values_mut().filter_map(held).collect();
            shares.extend(std::mem::take(&mut book.prepared).into_keys());
            let key_backups = book.key_backups();
            book.ceremony = None;
            let held_some = !shares.is_empty();
            if !held_some && std::mem::replace(&mut book.is_swept, true) {
                continue;
            }
            for (epoch, attempt) in shares {
                turn.out.writes.extend(shares_gone(&key, epoch, attempt));
                turn.out.writes.push(contributions_gone(&key, epoch, attempt));
            }
            self.drop_attempts_at(&key, turn);
            // Also of who held shares once, and keeps the backup of the key itself.
            for (epoch, attempt) in key_backups {
                turn.out.writes.push(contributions_gone(&key, epoch, attempt));
            }
            if !held_some {
                continue;
            }
            turn.out.barrier = Barrier::Full;
            self.fail_sessions_of(key, "the key is retired", turn);
            self.audit(format!("shares of the retired key {key} are destroyed"), &[], turn);
            self.say(key, EpochStep::Destroyed, turn);
        }
    }

    /// Tells a peer in one hash how far this node is with all keys.
    pub(crate) fn share_progress(&mut self, peer: NodeId, turn: &mut Turn<'_>) {
        let digest = self.keys.progress_digest();
        self.send(peer, &Message::Progress(digest), turn);
    }

    /// A peer is elsewhere: ask it for what it knows more, unless nothing came of asking it before. It
    /// is asked again when this node tells everything again.
    pub(crate) fn on_progress(&mut self, from: NodeId, digest: Digest, turn: &mut Turn<'_>) {
        let own = self.keys.progress_digest();
        let is_useless = self.keys.asked.get(&from).is_some_and(|asked| asked.known == own);
        if digest != own && !is_useless {
            self.keys.asked.remove(&from);
            self.ask_for_records(from, turn);
        }
    }

    /// Asks a peer for what it knows more about the epochs of keys, unless that was just asked: many
    /// statements of one answer may give reason to.
    pub(crate) fn ask_for_records(&mut self, peer: NodeId, turn: &mut Turn<'_>) {
        let asked = self.keys.asked.get(&peer);
        if asked.is_some_and(|asked| turn.now < asked.at.saturating_add(self.pace.retry_ms)) {
            return;
        }
        let asked = Asked { at: turn.now, known: self.keys.progress_digest() };
        self.keys.asked.insert(peer, asked);
        let progress = self.keys.progress();
        self.send(peer, &Message::FetchRecords(progress), turn);
    }

    /// Answers a peer that asks for records. Where they are too many for one answer, it says again how
    /// far it is, so that the peer asks for more. An answer goes on where the last one to that peer
    /// ended, so that what the peer refuses hides nothing; the first begins at another key at every
    /// node, so that a peer that asks several of them hears different things.
    pub(crate) fn on_fetch_records(
        &mut self,
        from: NodeId,
        known: &[KeyProgress],
        turn: &mut Turn<'_>,
    ) {
        let theirs: BTreeMap<KeyId, &KeyProgress> =
            known.iter().map(|progress| (progress.key, progress)).collect();
        let last = self.keys.answered.get(&from).copied().unwrap_or(KeyId(self.me.0));
        let after = (Bound::Excluded(last), Bound::Unbounded);
        let books = self.keys.books.range(after).chain(self.keys.books.range(..=last));
        let mut news = books.filter(|(key, book)| match theirs.get(key) {
            None => book.next_epoch() > 0 || book.attempt > 0,
            Some(theirs) => {
                let ours = book.progress(theirs.key);
                (theirs.epoch, theirs.attempt) < (ours.epoch, ours.attempt)
                    || (theirs.epoch == ours.epoch && theirs.known != ours.known)
            }
        });
        let mut room = limits::RECORD_BYTES_PER_ANSWER;
        let fits = news.by_ref().take_while(|(_, book)| {
            let has_room = room > 0;
            room = room.saturating_sub(book.outcome_bytes());
            has_room
        });
        let keys: Vec<KeyId> =
            fits.map(|(key, _)| *key).take(self.pace.records_per_answer).collect();
        let is_cut = room == 0 || news.next().is_some();
        if let Some(last) = keys.last() {
            self.keys.answered.insert(from, *last);
        }
        for key in keys {
            self.share_attempt_outcome(from, &key, turn);
        }
        if is_cut {
            self.share_progress(from, turn);
        }
    }
}
