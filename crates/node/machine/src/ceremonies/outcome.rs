//! How an attempt ends: one decision of the voters, COMMIT or VOID. Nodes act on its certificate
//! alone (CER-06).

use super::ceremony::{Phase, deal_bytes};
use super::keys::{FIRST_EPOCH, decided_key, public_of, share_key};
use crate::durable::{Table, Write};
use crate::event::Notice;
use crate::node::{Node, Turn};
use crate::wire::{DealStep, Message};
use quorate_charter::{
    AbortStatement, AttemptOutcome, Backup, Decided, EpochRecord, Instance, KeyOrder,
    PreparedStatement, Validity,
};
use quorate_codec::{Digest, tag};
use quorate_engine as engine;
use quorate_identity::{KeyId, NodeId, NodeSignature};

impl Node {
    /// Everybody's PREPARED is here: ask the voters to commit.
    pub(super) fn commit_if_prepared(&mut self, key: KeyId, turn: &mut Turn<'_>) {
        let Some(order) = self.state.key(&key).cloned() else { return };
        let members = order.tree.parties();
        let Some(book) = self.keys.books.get(&key) else { return };
        let (Some(ceremony), attempt) = (&book.ceremony, book.attempt) else { return };
        let Some(record) = &ceremony.record else { return };
        let complete = members.iter().all(|node| ceremony.prepared.contains_key(node));
        if !complete || !matches!(ceremony.phase, Phase::ExpectPrepared) {
            return;
        }
        let prepared: Vec<PreparedStatement> = ceremony.prepared.values().cloned().collect();
        if let Err(culprits) = self.check_commit(&order, attempt, record, &prepared) {
            self.void_attempt(key, "a PREPARED statement does not verify", &culprits, turn);
            return;
        }
        let outcome = AttemptOutcome::Commit { record: record.clone(), prepared };
        if let Some(ceremony) = self.ceremony(&key) {
            ceremony.phase = Phase::ExpectDecision;
        }
        let instance = Instance::Attempt { key, epoch: FIRST_EPOCH, attempt };
        self.propose(instance, quorate_codec::to_bytes(&outcome), turn);
    }

    /// Gives an attempt up here and asks the voters to void it.
    pub(super) fn void_attempt(
        &mut self,
        key: KeyId,
        why: &str,
        culprits: &[NodeId],
        turn: &mut Turn<'_>,
    ) {
        self.keys.due.set(key, turn.now.saturating_add(self.pace.ceremony_timeout_ms));
        let Some(attempt) = self.keys.books.get(&key).map(|book| book.attempt) else { return };
        self.audit(format!("attempt {attempt} at key {key}: {why}"), culprits, turn);
        let head = self.state.head();
        self.send_deal(key, DealStep::Abort { head }, turn);
    }

    /// A member gave the attempt up, this node or another: a reason to ask the voters for VOID,
    /// and the only one that they take (CER-09).
    pub(super) fn on_abort(&mut self, key: KeyId, abort: AbortStatement, turn: &mut Turn<'_>) {
        let Some(book) = self.keys.books.get_mut(&key) else { return };
        let attempt = book.attempt;
        if let Some(ceremony) = book.ceremony.as_mut() {
            // Who has asked the voters already goes on asking for the same.
            if matches!(ceremony.phase, Phase::ExpectDecision) && abort.node != self.me {
                return;
            }
            // The shares stay: if everybody's PREPARED is already out, COMMIT may still win.
            ceremony.phase = Phase::ExpectDecision;
            self.keys.due.set(key, turn.now.saturating_add(self.pace.ceremony_timeout_ms));
        }
        let outcome = AttemptOutcome::Void { attempt, abort };
        let instance = Instance::Attempt { key, epoch: FIRST_EPOCH, attempt };
        self.propose(instance, quorate_codec::to_bytes(&outcome), turn);
    }

    /// Whether no earlier life of this node can have had a part in the attempt under way, as far
    /// as the charter makes that a question (CER-10).
    ///
    /// A node that was taken back has lost rows: votes, and that it dealt. Its wish to come back
    /// was signed after the life that lost them, so whatever names the head of that entry, or a
    /// later head, is younger than that life. A key that was ordered later is; and an attempt is
    /// if the one before was given up under such a head, because nobody votes or deals in an
    /// attempt before the one before is void.
    pub(crate) fn is_of_this_life(&self, key: &KeyId) -> bool {
        let Some(back_at) = self.state.rejoined_at(&self.me) else { return true };
        let ordered_at = self.state.key(key).map(|order| order.entry);
        let given_up_at = self.keys.book(key).and_then(|book| book.given_up_at);
        let mut heads = [ordered_at, given_up_at].into_iter().flatten();
        heads.any(|head| self.governor.is_since(&head, back_at, &self.state.head()))
    }

    /// Ends what is under way, without a word: this node takes part in nothing any more. Its
    /// shares stay, a decision may still make them count.
    pub(crate) fn leave_ceremonies(&mut self) {
        for book in self.keys.books.values_mut() {
            book.ceremony = None;
        }
    }

    /// Judges a proposed outcome of an attempt. A witness can: everything in it is public.
    pub(crate) fn judge_outcome(
        &self,
        key: KeyId,
        epoch: u64,
        attempt: u32,
        value: &[u8],
    ) -> Validity {
        let Some(order) = self.state.key(&key) else { return Validity::Unknown };
        let valid = match quorate_codec::from_bytes::<AttemptOutcome>(value) {
            _ if epoch != FIRST_EPOCH => false,
            Err(_) => false,
            Ok(AttemptOutcome::Void { attempt: voided, abort }) => {
                voided == attempt && self.is_given_up(order, attempt, &abort)
            }
            Ok(AttemptOutcome::Commit { record, prepared }) => {
                self.check_commit(order, attempt, &record, &prepared).is_ok()
            }
        };
        if valid { Validity::Valid } else { Validity::Invalid }
    }

    /// Whether votes about an attempt make sense here: it is the one under way. A peer that is
    /// behind is shown what was decided; of one that is ahead we ask it.
    pub(crate) fn is_current_attempt(
        &mut self,
        from: NodeId,
        key: &KeyId,
        epoch: u64,
        attempt: u32,
        turn: &mut Turn<'_>,
    ) -> bool {
        if epoch != FIRST_EPOCH || self.state.key(key).is_none() {
            return false;
        }
        let book = self.keys.books.entry(*key).or_default();
        if book.record.is_some() || attempt < book.attempt {
            self.share_attempt_outcome(from, key, turn);
            return false;
        }
        if attempt > book.attempt {
            self.ask_for_records(from, turn);
            return false;
        }
        true
    }

    /// Shows a peer how the newest decided attempt at a key ended.
    pub(crate) fn share_attempt_outcome(&mut self, peer: NodeId, key: &KeyId, turn: &mut Turn<'_>) {
        let Some(book) = self.keys.books.get(key) else { return };
        let decided = book.decided.as_ref().or(book.voided.as_ref());
        let mut messages: Vec<Message> =
            decided.cloned().map(Message::Decided).into_iter().collect();
        messages.extend(book.birth.clone().map(Message::Outcome));
        for message in messages {
            self.send(peer, &message, turn);
        }
    }

    /// The outcome of an attempt is certified: act on it (CER-06).
    pub(crate) fn on_attempt_decided(&mut self, decided: Decided, turn: &mut Turn<'_>) {
        let instance = decided.instance;
        let Instance::Attempt { key, attempt, .. } = instance else { return };
        let Ok(outcome) = quorate_codec::from_bytes::<AttemptOutcome>(&decided.value) else {
            return;
        };
        if self.state.key(&key).is_none() {
            return;
        }
        let book = self.keys.books.entry(key).or_default();
        let known = [&book.decided, &book.voided].into_iter().flatten();
        if known.into_iter().any(|known| known.conflicts_with(&decided)) {
            self.halt(format!("two certified outcomes of {instance}"), turn);
            return;
        }
        if !book.decide(decided.clone(), &outcome) {
            return;
        }
        book.ceremony = None;
        // Attempts that this node never saw decided are over as well; their shares are shares
        // of nothing (CER-06).
        let commits = matches!(outcome, AttemptOutcome::Commit { .. });
        let over = book.prepared.keys().filter(|made| !commits || **made != attempt);
        for made in over.copied().collect::<Vec<_>>() {
            book.prepared.remove(&made);
            turn.out.writes.push(Write::delete(Table::Share, share_key(&key, made)));
        }
        let row = quorate_codec::to_bytes(&decided);
        turn.out.writes.push(Write::put(Table::EpochRecord, decided_key(&key), row));
        turn.out.barrier = true;
        turn.out.notices.push(Notice::Key(key));
        self.close_instance(instance, turn);
        self.broadcast(&Message::Decided(decided), turn);
        match outcome {
            AttemptOutcome::Commit { .. } => self.commit(key, attempt, turn),
            AttemptOutcome::Void { abort, .. } => {
                self.keys.due.set(key, turn.now.saturating_add(self.pace.retry_ms));
                let who = self.name_of(&abort.node).map(|name| name.to_string());
                let who = who.unwrap_or_default();
                let text = format!("attempt {attempt} at key {key} is void: {who} gave it up");
                self.audit(text, &[], turn);
            }
        }
    }

    /// The key is made: take up this node's shares, if they are what the record says (N-60).
    fn commit(&mut self, key: KeyId, attempt: u32, turn: &mut Turn<'_>) {
        self.keys.due.remove(&key);
        self.keys.unborn.insert(key);
        let Some(book) = self.keys.books.get_mut(&key) else { return };
        let (Some(record), Some(public)) = (&book.record, &book.public) else { return };
        let is_member = record.tree.parties().contains(&self.me);
        let share = book.prepared.remove(&attempt);
        book.share = share.filter(|share| share.is_held_by(&self.me, public));
        if is_member && book.share.is_none() {
            self.alarm(format!("key {key} was committed without this node's shares"), &[], turn);
        }
        self.audit(format!("key {key} is made"), &[], turn);
        self.drive_births(turn);
        self.judge_all(turn);
    }

    /// Checks a COMMIT value whole: the record is the order's, every member of the committee
    /// signed exactly it and knows its shares (CER-05, N-93). Returns the culprits.
    fn check_commit(
        &self,
        order: &KeyOrder,
        attempt: u32,
        record_bytes: &[u8],
        prepared: &[PreparedStatement],
    ) -> Result<(), Vec<NodeId>> {
        let record = quorate_codec::from_bytes::<EpochRecord>(record_bytes);
        let record = record.map_err(|_| Vec::new())?;
        let members: Vec<NodeId> = order.tree.parties().into_iter().collect();
        let public = public_of(&record).map_err(|_| Vec::new())?;
        let ordered = record.version == 1
            && record.genesis == self.state.genesis()
            && record.key == order.key
            && record.epoch == FIRST_EPOCH
            && record.previous == Digest::ZERO
            && record.scheme == order.scheme
            && record.tree == order.tree
            && record.entry == order.entry
            && record.attempt == attempt
            && record.committee == members
            && record.backup == Backup::Unproven
            && record.public_key == public.public_key()
            && prepared.iter().map(|statement| statement.node).eq(members.iter().copied());
        if !ordered {
            return Err(Vec::new());
        }
        for statement in prepared {
            let (node, leaf_proofs) = (statement.node, statement.leaf_proofs.clone());
            let step = DealStep::Prepared { record: record_bytes.to_vec(), leaf_proofs };
            let signed = self.has_said(&node, &order.key, attempt, &step, &statement.signature);
            let proofs = &statement.leaf_proofs;
            let known = engine::verify_leaf_proofs(record.transcript, &public, node, proofs);
            if !signed || known.is_err() {
                return Err(vec![node]);
            }
        }
        Ok(())
    }

    /// Whether a member of the key signed that it gave this attempt up (CER-09).
    fn is_given_up(&self, order: &KeyOrder, attempt: u32, abort: &AbortStatement) -> bool {
        let AbortStatement { node, head, signature } = abort;
        let step = DealStep::Abort { head: *head };
        order.tree.parties().contains(node)
            && self.has_said(node, &order.key, attempt, &step, signature)
    }

    fn has_said(
        &self,
        node: &NodeId,
        key: &KeyId,
        attempt: u32,
        step: &DealStep,
        signature: &NodeSignature,
    ) -> bool {
        let bytes = deal_bytes(&self.state.genesis(), key, FIRST_EPOCH, attempt, step);
        self.state
            .node(node)
            .is_some_and(|member| member.keys.verify(tag::DEAL_MESSAGE, &bytes, signature).is_ok())
    }
}
