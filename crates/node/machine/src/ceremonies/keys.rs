//! What a node knows of the keys of its charter beyond the orders.

use super::blame::Hearing;
use super::ceremony::Ceremony;
use super::proven::PROVEN;
use super::shares::Shares;
use crate::durable::{Table, Write};
use crate::event::Millis;
use crate::job::JobId;
use crate::limits;
use crate::schedule::Schedule;
use crate::wire::{DealMessage, KeyProgress, Outcome};
use quorate_charter::{
    AccountRecord, AttemptOutcome, AttemptPlan, Decided, EpochRecord, EpochStep, KeyOrder,
    SignedEpochStatement, State,
};
use quorate_codec::{Digest, Transcript, tag};
use quorate_engine::{self as engine, KeyPublic};
use quorate_identity::{Head, KeyId, Name, NodeId};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// The epoch that key generation makes.
pub(crate) const FIRST_EPOCH: u64 = 0;

/// All keys.
#[derive(Default)]
pub(crate) struct Keys {
    pub(super) books: BTreeMap<KeyId, KeyBook>,
    pub(super) by_job: BTreeMap<JobId, KeyId>,
    /// When each key is looked at next: something is ordered for it, or due.
    pub(super) due: Schedule<KeyId>,
    /// Keys whose newest epoch has not signed yet.
    pub(super) untried: BTreeSet<KeyId>,
    /// Keys of whose earlier epochs this node may still have to say that nothing is left of them
    /// here: few, where every event would otherwise look at all.
    pub(super) unerased: BTreeSet<KeyId>,
    /// When this node last asked a peer for what that knows more, until it tells everything again.
    pub(crate) asked: BTreeMap<NodeId, Asked>,
    /// The key at which the last answer to a peer that asked ended.
    pub(crate) answered: BTreeMap<NodeId, KeyId>,
    /// The jobs that verify backups of attempts under way.
    pub(super) backup_jobs: BTreeMap<JobId, KeyId>,
    /// Deletes rows of epochs that were over before this start.
    leftovers: Vec<Write>,
    /// The last outcome of an attempt whose signatures and proofs held here.
    pub(super) proven: Cell<Option<Digest>>,
    /// Rows of backups of keys themselves that are on this node's disk.
    held_key_backups: BTreeSet<Vec<u8>>,
}

/// That a peer was asked for records.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    /// When.
    pub(super) at: Millis,
    /// How far this node was with all keys then.
    pub(super) known: Digest,
}

/// What a node knows of one key.
#[derive(Default)]
pub(crate) struct KeyBook {
    /// The newest epoch, and those before it that are not over (EPO-10).
    pub(super) epochs: BTreeMap<u64, Epoch>,
    /// Epochs that are over, oldest first, as many as are shown.
    pub(super) past: VecDeque<PastEpoch>,
    /// The last voided attempt at the next epoch.
    pub voided: Option<Decided>,
    /// The head under which that attempt was given up.
    pub(super) given_up_at: Option<Head>,
    /// The attempt at the next epoch that is under way or next.
    pub(super) attempt: u32,
    /// The attempt in which this node dealt last, in this life or an earlier one.
    pub(super) dealt: Option<(u64, u32)>,
    /// Shares of attempts that are not decided; durable, some since an earlier life.
    pub(super) prepared: BTreeMap<(u64, u32), Arc<Shares>>,
    pub(super) ceremony: Option<Ceremony>,
    /// What was signed in the last attempt in which this node took part, until the next begins.
    pub(super) hearing: Option<Hearing>,
    pub(super) early: Vec<(NodeId, DealMessage)>,
    /// Since when the attempt could begin, as far as this node sees.
    pub(super) waits_since: Option<Millis>,
    /// Those who deal in the attempt under way, where this node does not.
    pub(super) left_to_others: Option<BTreeSet<NodeId>>,
    /// Since when the attempt is the one that is next, as far as this node looked at it.
    pub(super) opened_at: Option<Millis>,
    /// Whether this node gave the attempt up itself.
    pub(super) is_given_up: bool,
    /// In how many attempts at the next epoch each member failed, as this node saw it.
    pub(super) failures: BTreeMap<NodeId, u32>,
    /// Why the last attempt ended, for showing.
    pub(super) last_failure: Option<String>,
    /// The epoch whose absence was an alarm.
    pub(super) alarmed_for: Option<u64>,
    /// Whether what is left of a retired key was deleted in this life.
    pub(super) is_swept: bool,
    /// What nodes said about the end of the key.
    pub(super) destroyed: BTreeMap<NodeId, SignedEpochStatement>,
}

/// One certified epoch of a key.
pub(crate) struct Epoch {
    /// The certified outcome that made it.
    pub decided: Decided,
    /// The record inside it.
    pub record: Arc<EpochRecord>,
    /// Its digest.
    pub digest: Digest,
    /// The public half of every account in this epoch.
    pub accounts: Vec<Arc<KeyPublic>>,
    /// This node's shares, if it holds some.
    pub shares: Option<Arc<Shares>>,
    /// The first signature; in the first epoch the key signs nothing else before.
    pub proof: Option<Outcome>,
    /// Who signs under this epoch from now on.
    pub committed: BTreeMap<NodeId, SignedEpochStatement>,
    /// Who destroyed the shares of earlier ones.
    pub erased: BTreeMap<NodeId, SignedEpochStatement>,
}

/// What is remembered of an epoch that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PastEpoch {
    pub decided: Decided,
    pub record: Arc<EpochRecord>,
}

impl Epoch {
    /// From a certified outcome that commits; nothing if the record in it makes no key.
    pub fn new(decided: Decided) -> Option<Self> {
        let outcome = quorate_codec::from_bytes::<AttemptOutcome>(&decided.value).ok()?;
        let AttemptOutcome::Commit { record, .. } = outcome else { return None };
        let record: EpochRecord = quorate_codec::from_bytes(&record).ok()?;
        let accounts = publics_of(&record)?.into_iter().map(Arc::new).collect();
        let digest = record.digest();
        let record = Arc::new(record);
        Some(Self {
            decided,
            record,
            digest,
            accounts,
            shares: None,
            proof: None,
            committed: BTreeMap::new(),
            erased: BTreeMap::new(),
        })
    }

    /// Whether an outcome is a valid first signature of it.
    pub fn is_proven_by(&self, outcome: &Outcome) -> bool {
        let first = self.accounts.first();
        first.is_some_and(|first| proof_is_valid(&self.record, first, outcome))
    }

    /// Its number.
    pub fn number(&self) -> u64 {
        self.record.plan.epoch
    }

    /// When its leader planned it, by that node's clock.
    pub fn planned_at(&self) -> Millis {
        self.record.plan.made_at
    }

    /// Whether the charter wants another epoch without an order: nobody signs under what an importer
    /// dealt, this one is backed up for others than those who restore now, or a node lost its
    /// machine, was revoked, or came back, and nobody knows who has the shares that lie there
    /// (GOV-34, GOV-62, GOV-67).
    pub fn is_owed(&self, custody: &Digest, state: &State) -> bool {
        let plan = &self.record.plan;
        plan.is_arrival()
            || !self.record.is_backed_up_for(custody)
            || state.owes_epochs_since(&plan.head)
    }

    /// Whether earlier epochs may be given up: it has signed, and so many of its members said
    /// that they hold its shares that the key survives the losses it is to survive (EPO-09).
    pub fn may_end_earlier(&self) -> bool {
        let held: BTreeSet<NodeId> = self.committed.keys().copied().collect();
        let plan = &self.record.plan;
        let (tree, faults) = (&plan.tree, usize::from(plan.faults));
        self.proof.is_some() && quorate_charter::has_commit_set(tree, faults, &held)
    }
}

impl Keys {
    /// The newest records of all keys.
    pub fn records(&self) -> impl Iterator<Item = (&KeyId, &EpochRecord)> {
        self.books.iter().filter_map(|(key, book)| Some((key, book.record()?.as_ref())))
    }

    /// What is known of a key.
    pub fn book(&self, key: &KeyId) -> Option<&KeyBook> {
        self.books.get(key)
    }

    /// The book of a key that the charter orders, to be filled at a start.
    pub fn book_mut(&mut self, key: KeyId) -> &mut KeyBook {
        self.books.entry(key).or_default()
    }

    /// The newest epoch of a key.
    pub fn current(&self, key: &KeyId) -> Option<&Epoch> {
        self.books.get(key)?.current()
    }

    /// Whether a job belongs to an attempt.
    pub fn owns(&self, job: &JobId) -> bool {
        self.by_job.contains_key(job)
    }

    /// The key whose attempt awaits this job; none if that attempt ended meanwhile.
    pub(super) fn take_job(&mut self, job: &JobId) -> Option<KeyId> {
        let key = self.by_job.remove(job)?;
        let ceremony = self.books.get(&key)?.ceremony.as_ref()?;
        (ceremony.job == Some(*job)).then_some(key)
    }

    /// Notes which job a key's attempt awaits.
    pub(super) fn await_job(&mut self, key: KeyId, job: JobId) {
        self.by_job.insert(job, key);
        if let Some(ceremony) = self.books.get_mut(&key).and_then(|book| book.ceremony.as_mut()) {
            ceremony.job = Some(job);
        }
    }

    /// Keeps a message for later. Of each sender only so many and so large ones, so that nobody
    /// pushes out another's or fills the memory (NOD-05).
    pub(super) fn keep_early(&mut self, key: &KeyId, from: NodeId, message: DealMessage) {
        let early = self.books.values().flat_map(|book| &book.early);
        let kept: usize =
            early.filter(|(sender, _)| *sender == from).map(|(_, kept)| kept.weight()).sum();
        let has_room = kept.saturating_add(message.weight()) <= limits::EARLY_BYTES_MAX;
        if let Some(book) = self.books.get_mut(key).filter(|_| has_room) {
            book.keep_early(from, message);
        }
    }

    /// Takes up what the charter orders and what is not done.
    pub fn learn_orders(&mut self, state: &State, me: &NodeId) {
        for order in state.keys() {
            self.learn_order(order, state, me);
        }
    }

    /// The same of one key, where nothing changed about others: there may be many.
    pub fn learn_order(&mut self, order: &KeyOrder, state: &State, me: &NodeId) {
        let book = self.books.entry(order.key).or_default();
        if book.may_owe_erasure(me) {
            self.unerased.insert(order.key);
        }
        if order.retired {
            self.due.remove(&order.key);
            self.untried.remove(&order.key);
            return;
        }
        // An attempt under way has its own deadline.
        if book.ceremony.is_none() {
            match wake_for(order, book, state) {
                Some(at) => self.due.set_earlier(order.key, at),
                None => self.due.remove(&order.key),
            }
        }
        if book.current().is_some_and(|epoch| epoch.proof.is_none()) {
            self.untried.insert(order.key);
        }
    }

    /// Ends epochs that were over before this start.
    pub fn end_earlier_epochs(&mut self) {
        for (key, book) in &mut self.books {
            if book.current().is_some_and(Epoch::may_end_earlier) {
                let over = book.earlier_key_backups().into_iter();
                let over = over.map(|(epoch, attempt)| contributions_gone(key, epoch, attempt));
                self.leftovers.extend(over);
                book.end_earlier();
            }
        }
    }

    /// Holds the rows of backups that are there, by their keys, against those that should be: what
    /// nobody can need any more is deleted, and of what is missing the keys are named (EPO-34).
    pub fn check_backups<'a>(
        &mut self,
        state: &State,
        me: &NodeId,
        rows: impl Iterator<Item = &'a [u8]>,
    ) -> Vec<Name> {
        let there: BTreeSet<&[u8]> = rows.collect();
        let of_keys = there.iter().filter(|row| is_of_key(row));
        self.held_key_backups = of_keys.map(|row| row.to_vec()).collect();
        let (mut wanted, mut missing) = (BTreeSet::new(), Vec::new());
        for order in state.keys().filter(|order| !order.retired) {
            let Some(book) = self.books.get(&order.key) else { continue };
            let of_epochs = book.backup_rows(&order.key, me);
            if of_epochs.iter().any(|row| !there.contains(row.as_slice())) {
                missing.push(order.name.clone());
            }
            wanted.extend(of_epochs);
            for (epoch, attempt) in book.prepared.keys() {
                wanted.insert(share_key(&order.key, *epoch, *attempt));
                wanted.insert(contributions_key(&order.key, *epoch, *attempt));
            }
        }
        let over = there.into_iter().filter(|row| !wanted.contains(*row));
        self.leftovers.extend(over.map(|row| Write::delete(Table::Backup, row)));
        missing
    }

    /// Notes which backups of keys themselves are on the disk from now on.
    pub fn note_writes(&mut self, writes: &[Write]) {
        let of_keys = |write: &&Write| write.table == Table::Backup && is_of_key(&write.key);
        for write in writes.iter().filter(of_keys) {
            match write.value {
                Some(_) => _ = self.held_key_backups.insert(write.key.clone()),
                None => _ = self.held_key_backups.remove(&write.key),
            }
        }
    }

    /// Whether the newest record says of this node that it keeps the backup of the key itself, and it
    /// does not: its disk came from an old copy, and nobody noticed.
    pub fn lacks_key_backup(&self, key: &KeyId, me: &NodeId) -> bool {
        let record = self.book(key).and_then(KeyBook::record);
        let made = record.and_then(|record| record.backup.key.as_ref());
        made.filter(|made| made.holders.contains(me)).is_some_and(|made| {
            let row = contributions_key(key, made.epoch, made.attempt);
            !self.held_key_backups.contains(&row)
        })
    }

    /// Forgets what a node said that it did with epochs: its machine of now says so itself (GOV-61).
    pub fn forget_statements(&mut self, node: &NodeId) -> Vec<Write> {
        let mut gone = Vec::new();
        for book in self.books.values_mut() {
            for made in book.epochs.values_mut() {
                gone.extend(made.committed.remove(node));
                gone.extend(made.erased.remove(node));
            }
            gone.extend(book.destroyed.remove(node));
            book.failures.remove(node);
        }
        let delete = |statement: &SignedEpochStatement| {
            Write::delete(Table::EpochRecord, statement_key(statement))
        };
        gone.iter().map(delete).collect()
    }

    /// Keys whose newest epoch this node has shares of and did not say so.
    pub fn uncommitted(&self, me: &NodeId) -> Vec<KeyId> {
        let is_open = |made: &Epoch| made.shares.is_some() && !made.committed.contains_key(me);
        let open = self.books.iter().filter(|(_, book)| book.current().is_some_and(is_open));
        open.map(|(key, _)| *key).collect()
    }

    /// Notes rows of shares that nobody can need any more.
    pub fn note_leftover(&mut self, key: KeyId, epoch: u64, attempt: u32) {
        self.leftovers.extend(shares_gone(&key, epoch, attempt));
    }

    /// Deletes rows that stayed behind.
    pub fn take_leftovers(&mut self) -> Vec<Write> {
        std::mem::take(&mut self.leftovers)
    }

    /// How far this node is with every key, in one hash.
    pub fn progress_digest(&self) -> Digest {
        let start = Transcript::new(tag::KEY_PROGRESS).number(self.books.len() as u64);
        let one = |transcript: Transcript, (key, book): (&KeyId, &KeyBook)| {
            transcript.part(quorate_codec::to_bytes(&book.progress(*key)))
        };
        self.books.iter().fold(start, one).digest()
    }

    /// How far this node is with every key.
    pub fn progress(&self) -> Vec<KeyProgress> {
        self.books.iter().map(|(key, book)| book.progress(*key)).collect()
    }

    /// The earliest time at which an attempt is due or overdue.
    pub fn wake_at(&self) -> Option<Millis> {
        self.due.next()
    }
}

/// When a key is to be looked at for what the charter wants of it: at once, on schedule, or never.
pub(super) fn wake_for(order: &KeyOrder, book: &KeyBook, state: &State) -> Option<Millis> {
    let goal = order.goal();
    let Some(current) = book.current() else {
        return goal.and_then(|goal| goal.sharing).map(|_| 0);
    };
    let plan = &current.record.plan;
    let is_owed = current.is_owed(&state.custody_digest(), state);
    if is_owed || goal.is_some_and(|goal| goal.order != plan.order) {
        return Some(0);
    }
    order.schedule.map(|schedule| schedule.due_at(&order.key, plan.epoch, plan.made_at))
}

impl KeyBook {
    /// The newest epoch.
    pub fn current(&self) -> Option<&Epoch> {
        self.epochs.last_key_value().map(|(_, epoch)| epoch)
    }

    pub(super) fn current_mut(&mut self) -> Option<&mut Epoch> {
        self.epochs.last_entry().map(std::collections::btree_map::OccupiedEntry::into_mut)
    }

    /// The certified epochs that are known here, newest first.
    pub fn certified(&self) -> impl Iterator<Item = (&AttemptPlan, &Decided)> {
        let known = self.epochs.values().rev().map(|made| (&made.record.plan, &made.decided));
        known.chain(self.past.iter().rev().map(|past| (&past.record.plan, &past.decided)))
    }

    /// An epoch that is not over.
    pub fn epoch(&self, number: u64) -> Option<&Epoch> {
        self.epochs.get(&number)
    }

    /// The digest of an epoch's record.
    pub fn record_digest(&self, number: u64) -> Option<Digest> {
        let past = self.past.iter().find(|past| past.record.plan.epoch == number);
        self.epochs
            .get(&number)
            .map(|made| made.digest)
            .or_else(|| past.map(|past| past.record.digest()))
    }

    /// Whether the newest epoch has another tree than the one before it.
    pub fn is_reshared(&self) -> bool {
        let mut trees = self.certified().map(|(plan, _)| &plan.tree);
        let newest = trees.next();
        trees.next().is_some_and(|before| Some(before) != newest)
    }

    /// Nobody is passed over any more for what failed before.
    pub fn forget_failures(&mut self) {
        self.failures.clear();
        self.left_to_others = None;
        self.waits_since = None;
    }

    /// Why the last attempt at the next epoch made nothing.
    pub fn last_failure(&self) -> Option<&str> {
        self.last_failure.as_deref()
    }

    /// The epoch that an attempt would make now.
    pub fn next_epoch(&self) -> u64 {
        self.current().map_or(FIRST_EPOCH, |epoch| epoch.number().saturating_add(1))
    }

    /// Bytes of the newest decided outcomes.
    pub fn outcome_bytes(&self) -> usize {
        let decided = self.current().map(|current| &current.decided);
        decided.into_iter().chain(&self.voided).map(|decided| decided.value.len()).sum()
    }

    /// The head under which the last attempt at the next epoch was given up.
    pub fn given_up_at(&self) -> Option<Head> {
        self.given_up_at
    }

    /// The record of the newest epoch.
    pub fn record(&self) -> Option<&Arc<EpochRecord>> {
        self.current().map(|epoch| &epoch.record)
    }

    /// Whether the key may sign: born, which a later epoch shows too (CER-07). An imported key is
    /// born in the epoch after the import (IMP-09).
    pub fn is_active(&self) -> bool {
        self.current().is_some_and(|epoch| {
            let born_in = epoch.record.plan.birth_epoch();
            epoch.number() > born_in || (epoch.number() == born_in && epoch.proof.is_some())
        })
    }

    /// Whether nothing is left to be learned about the newest epoch.
    pub fn is_settled(&self) -> bool {
        self.epochs.len() == 1 && self.current().is_some_and(|epoch| epoch.proof.is_some())
    }

    /// Nodes with whom this one signs, or signed, with set-ups of pairs.
    pub fn pair_peers(&self) -> Vec<NodeId> {
        let plans = self.certified().map(|(plan, _)| plan).take(2);
        let with_pairs = plans.filter(|plan| plan.scheme.is_ecdsa());
        with_pairs.flat_map(|plan| plan.committee.iter().copied()).collect()
    }

    pub(super) fn progress(&self, key: KeyId) -> KeyProgress {
        let start = Transcript::new(tag::KEY_PROGRESS).list(self.destroyed.keys());
        let known = match self.current() {
            None => start.digest(),
            Some(current) => start
                .number(u64::from(current.proof.is_some()))
                .list(current.committed.keys())
                .list(current.erased.keys())
                .digest(),
        };
        KeyProgress { key, epoch: self.next_epoch(), attempt: self.attempt, known }
    }

    /// Keeps a message for later, of each sender only so many. That the sender has room is for the
    /// caller to know.
    fn keep_early(&mut self, from: NodeId, message: DealMessage) {
        let mut kept = self.early.iter().filter(|(sender, _)| *sender == from);
        if kept.clone().count() < limits::EARLY_DEALS_MAX
            && kept.all(|(_, known)| *known != message)
        {
            self.early.push((from, message));
        }
    }

    /// Restores that this node dealt in an attempt before it restarted.
    pub fn load_dealt(&mut self, epoch: u64, attempt: u32) {
        self.dealt = Some((epoch, attempt));
    }

    /// Whether shares of an attempt may still be needed: its epoch is not over, or not decided.
    pub fn may_need(&self, epoch: u64, attempt: u32) -> bool {
        match self.epochs.get(&epoch) {
            Some(made) => made.record.plan.attempt == attempt,
            None => epoch >= self.next_epoch() || self.epochs.len() > 1,
        }
    }

    /// Restores who was proven guilty in attempts at the next epoch.
    pub fn load_guilty(&mut self, guilty: BTreeSet<NodeId>) {
        self.failures.extend(guilty.into_iter().map(|node| (node, PROVEN)));
    }

    /// Restores shares of an attempt: they count once it is committed.
    pub fn load_shares(&mut self, epoch: u64, attempt: u32, shares: Shares) {
        let shares = Arc::new(shares);
        match self.epochs.get_mut(&epoch) {
            Some(made) if made.record.plan.attempt == attempt => made.shares = Some(shares),
            _ => _ = self.prepared.insert((epoch, attempt), shares),
        }
    }

    /// Restores what a node said about an epoch that is not over.
    pub fn load_statement(&mut self, statement: SignedEpochStatement) {
        let _ = self.note(statement);
    }

    /// Restores the certified outcome of an attempt; whether it could be read.
    pub fn load_decided(&mut self, decided: Decided) -> bool {
        self.decide(decided)
    }

    /// Forgets shares that are not what the record of their epoch says; whether this node lacks
    /// some of the newest that it should hold.
    pub fn drop_false_shares(&mut self, me: &NodeId) -> bool {
        for made in self.epochs.values_mut() {
            let accounts = &made.accounts;
            made.shares = made.shares.take().filter(|shares| shares.are_held_by(me, accounts));
        }
        self.current().is_some_and(|current| {
            current.shares.is_none() && current.record.plan.committee.contains(me)
        })
    }

    /// The numbers of the newest epoch and of those before it that are not over.
    pub fn live_epochs(&self) -> Vec<u64> {
        self.epochs.keys().copied().collect()
    }

    /// Takes over a decided outcome of an attempt at the next epoch or a later one: whoever missed
    /// some is told the newest, whose certificate stands for all before. Says whether it was news.
    pub(super) fn decide(&mut self, decided: Decided) -> bool {
        let quorate_charter::Instance::Attempt { epoch, attempt, .. } = decided.instance else {
            return false;
        };
        let outcome = quorate_codec::from_bytes::<AttemptOutcome>(&decided.value);
        let next = self.next_epoch();
        match outcome {
            Ok(AttemptOutcome::Commit { .. }) if epoch >= next => {
                let made = Epoch::new(decided).filter(|made| made.number() == epoch);
                made.is_some_and(|made| self.take_made(made))
            }
            Ok(AttemptOutcome::Void { abort, .. }) if epoch == next && attempt >= self.attempt => {
                self.attempt = attempt.saturating_add(1);
                self.voided = Some(decided);
                self.given_up_at = Some(abort.head);
                self.waits_since = None;
                self.left_to_others = None;
                self.opened_at = None;
                self.is_given_up = false;
                self.drop_old_messages();
                true
            }
            _ => false,
        }
    }

    /// Takes over an epoch that was made, the next or a later one; whether it is one.
    pub fn take_made(&mut self, made: Epoch) -> bool {
        if made.number() < self.next_epoch() {
            return false;
        }
        self.epochs.insert(made.number(), made);
        self.attempt = 0;
        self.voided = None;
        self.given_up_at = None;
        self.waits_since = None;
        self.failures.clear();
        self.hearing = None;
        self.last_failure = None;
        self.left_to_others = None;
        self.opened_at = None;
        self.is_given_up = false;
        self.drop_old_messages();
        true
    }

    /// Messages of attempts that are decided are nobody's.
    fn drop_old_messages(&mut self) {
        let next = (self.next_epoch(), self.attempt);
        self.early.retain(|(_, message)| (message.epoch, message.attempt) >= next);
    }

    /// Takes note of what a node did with an epoch; whether it is news.
    pub(super) fn note(&mut self, statement: SignedEpochStatement) -> bool {
        let body = statement.body();
        let node = body.node;
        if body.step == EpochStep::Destroyed {
            return self.destroyed.insert(node, statement).is_none();
        }
        let made = self.epochs.get_mut(&body.epoch);
        let Some(made) = made.filter(|made| made.digest == body.record) else { return false };
        match body.step {
            EpochStep::Committed if made.record.plan.committee.contains(&node) => {
                made.committed.insert(node, statement).is_none()
            }
            EpochStep::ErasedBefore => made.erased.insert(node, statement).is_none(),
            EpochStep::Committed | EpochStep::Destroyed => false,
        }
    }

    /// Backups of the key itself that are over with all epochs before the newest: epoch and attempt
    /// of each.
    pub(super) fn earlier_key_backups(&self) -> BTreeSet<(u64, u32)> {
        let mut all = self.key_backups();
        let current = self.record().and_then(|record| record.backup.key.as_ref());
        if let Some(current) = current {
            all.remove(&(current.epoch, current.attempt));
        }
        all
    }

    /// The rows of backups that a node should have of this key: of every epoch that is not over the
    /// shares, where it has its own, and the key itself, where it is said to keep that.
    fn backup_rows(&self, key: &KeyId, me: &NodeId) -> BTreeSet<Vec<u8>> {
        let is_member = |made: &&Epoch| made.record.plan.committee.contains(me);
        let is_newest = |made: &&Epoch| made.number().saturating_add(1) == self.next_epoch();
        let shares = self
            .epochs
            .values()
            .filter(|made| made.shares.is_some() || (is_member(made) && is_newest(made)));
        let shares = shares.map(|made| share_key(key, made.number(), made.record.plan.attempt));
        let keys = self.epochs.values().filter_map(|made| made.record.backup.key.as_ref());
        let keys = keys.filter(|made| made.holders.contains(me));
        let keys = keys.map(|made| contributions_key(key, made.epoch, made.attempt));
        shares.chain(keys).collect()
    }

    /// In which row, and at which place of it, a backup lies that the newest record names, where a node
    /// should have it.
    pub fn bundle_place(&self, me: &NodeId, bundle: &Digest) -> Option<(Vec<u8>, usize)> {
        let current = self.current()?;
        let (plan, backup) = (&current.record.plan, &current.record.backup);
        let at = |all: &[Digest]| all.iter().position(|named| named == bundle);
        let shares = at(&backup.shares).filter(|_| current.shares.is_some());
        let shares = shares.map(|at| (share_key(&plan.key, plan.epoch, plan.attempt), at));
        shares.or_else(|| {
            let key = backup.key.as_ref().filter(|key| key.holders.contains(me))?;
            Some((contributions_key(&plan.key, key.epoch, key.attempt), at(&key.bundles)?))
        })
    }

    /// All backups of the key itself that are not over: epoch and attempt of each.
    pub(super) fn key_backups(&self) -> BTreeSet<(u64, u32)> {
        let of = |made: &Epoch| made.record.backup.key.as_ref().map(|it| (it.epoch, it.attempt));
        self.epochs.values().filter_map(of).collect()
    }

    /// Ends all epochs before the newest; which they are.
    pub(super) fn end_earlier(&mut self) -> Vec<u64> {
        let newest = self.current().map(Epoch::number);
        let earlier: Vec<u64> =
            self.epochs.keys().filter(|epoch| Some(**epoch) != newest).copied().collect();
        for epoch in &earlier {
            if let Some(made) = self.epochs.remove(epoch) {
                let (decided, record) = (made.decided, made.record);
                self.past.push_back(PastEpoch { decided, record });
            }
        }
        while self.past.len() > limits::PAST_EPOCHS_SHOWN_MAX {
            self.past.pop_front();
        }
        earlier
    }
}

/// The public half of every account of a key, as its record states it. None if the commitments of
/// an account are not a sharing over the record's tree, or if there are not as many accounts as its
/// plan says.
pub fn publics_of(record: &EpochRecord) -> Option<Vec<KeyPublic>> {
    let EpochRecord { plan, accounts, .. } = record;
    let is_whole = accounts.len() == usize::from(plan.accounts);
    let public = |account: &AccountRecord| {
        KeyPublic::new(plan.scheme, plan.tree.clone(), &account.commitments).ok()
    };
    is_whole.then(|| accounts.iter().map(public).collect()).flatten()
}

/// Whether an outcome is a valid first signature of an epoch, whose first account this is.
pub(crate) fn proof_is_valid(record: &EpochRecord, first: &KeyPublic, outcome: &Outcome) -> bool {
    // Nobody signs under what an importer dealt; who shows a signature knows the key (IMP-09).
    if record.plan.is_arrival() {
        return false;
    }
    let [signature] = outcome.signatures.as_slice() else { return false };
    let payload = crate::permit::payload(&quorate_policy::birth_payload(record));
    engine::verify(first, engine::Tweak::None, &payload, &signature.bytes).is_ok()
}

/// Key of a row about an epoch, in the order of keys and epochs.
fn epoch_key(kind: &[u8], key: &KeyId, epoch: u64) -> Vec<u8> {
    [kind, key.as_ref(), &epoch.to_be_bytes()].concat()
}

/// The key and epoch of such a row, and what follows.
fn parse_epoch_key<'a>(kind: &[u8], bytes: &'a [u8]) -> Option<(KeyId, u64, &'a [u8])> {
    let (key, rest) = bytes.strip_prefix(kind)?.split_first_chunk::<32>()?;
    let (epoch, rest) = rest.split_first_chunk::<8>()?;
    Some((KeyId(Digest(*key)), u64::from_be_bytes(*epoch), rest))
}

/// Key of the row of an attempt's shares.
pub(crate) fn share_key(key: &KeyId, epoch: u64, attempt: u32) -> Vec<u8> {
    [epoch_key(b"", key, epoch), attempt.to_be_bytes().to_vec()].concat()
}

/// The inverse of [`share_key`].
pub(crate) fn parse_share_key(bytes: &[u8]) -> Option<(KeyId, u64, u32)> {
    let (key, epoch, rest) = parse_epoch_key(b"", bytes)?;
    Some((key, epoch, u32::from_be_bytes(rest.try_into().ok()?)))
}

/// Key of the row of the backup of a key itself, made in an attempt.
pub(crate) fn contributions_key(key: &KeyId, epoch: u64, attempt: u32) -> Vec<u8> {
    [b"k".as_slice(), &share_key(key, epoch, attempt)].concat()
}

/// Whether a row of backups is of a key itself.
fn is_of_key(row: &[u8]) -> bool {
    row.strip_prefix(b"k").and_then(parse_share_key).is_some()
}

/// What goes when an attempt made nothing, or its epoch is over: this node's shares, and the backups
/// of everybody's.
pub(crate) fn shares_gone(key: &KeyId, epoch: u64, attempt: u32) -> [Write; 2] {
    let at = share_key(key, epoch, attempt);
    [Write::delete(Table::Share, at.clone()), Write::delete(Table::Backup, at)]
}

/// What goes when the backup of a key itself is over.
pub(crate) fn contributions_gone(key: &KeyId, epoch: u64, attempt: u32) -> Write {
    Write::delete(Table::Backup, contributions_key(key, epoch, attempt))
}

/// Key of the row of the certified outcome that made an epoch.
pub(crate) fn decided_key(key: &KeyId, epoch: u64) -> Vec<u8> {
    epoch_key(b"d", key, epoch)
}

/// The inverse of [`decided_key`].
pub(crate) fn parse_decided_key(bytes: &[u8]) -> Option<(KeyId, u64)> {
    let (key, epoch, rest) = parse_epoch_key(b"d", bytes)?;
    rest.is_empty().then_some((key, epoch))
}

/// Key of the row of a key's last voided attempt.
pub(crate) fn voided_key(key: &KeyId) -> Vec<u8> {
    [b"v".as_slice(), key.as_ref()].concat()
}

/// Key of the row of an epoch's first signature.
pub(crate) fn proof_key(key: &KeyId, epoch: u64) -> Vec<u8> {
    epoch_key(b"b", key, epoch)
}

/// Key of the row of what a node did with an epoch.
pub(crate) fn statement_key(statement: &SignedEpochStatement) -> Vec<u8> {
    let body = statement.body();
    let step = match body.step {
        EpochStep::Committed => 0,
        EpochStep::ErasedBefore => 1,
        EpochStep::Destroyed => 2,
    };
    [epoch_key(b"s", &body.key, body.epoch), vec![step], body.node.as_ref().to_vec()].concat()
}

/// Whether this is the key of such a row.
pub(crate) fn is_statement_key(bytes: &[u8]) -> bool {
    parse_epoch_key(b"s", bytes).is_some_and(|(.., rest)| rest.len() == 33)
}

/// Key of the row that says in which attempt this node dealt last.
pub(crate) fn dealt_key(key: &KeyId) -> Vec<u8> {
    [b"deal".as_slice(), key.as_ref()].concat()
}

/// The inverse of [`dealt_key`].
pub(crate) fn parse_dealt_key(bytes: &[u8]) -> Option<KeyId> {
    let key = bytes.strip_prefix(b"deal")?.try_into().ok()?;
    Some(KeyId(Digest(key)))
}

/// The row itself: epoch and attempt.
pub(crate) fn dealt_row(epoch: u64, attempt: u32) -> Vec<u8> {
    [epoch.to_be_bytes().as_slice(), &attempt.to_be_bytes()].concat()
}

/// The inverse of [`dealt_row`].
pub(crate) fn parse_dealt_row(bytes: &[u8]) -> Option<(u64, u32)> {
    let (epoch, attempt) = bytes.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*epoch), u32::from_be_bytes(attempt.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::DealStep;
    use quorate_identity::NodeSignature;

    #[test]
    fn nod_05_early_messages_of_a_dealing_push_out_nobody_elses() {
        let node = |number: u8| NodeId(Digest([number; 32]));
        let message = |attempt: u32| DealMessage {
            key: KeyId(Digest([7; 32])),
            epoch: FIRST_EPOCH,
            attempt,
            context: None,
            step: DealStep::Round { number: 1, bytes: Vec::new() },
            signature: NodeSignature([0; 64]),
        };
        let mut book = KeyBook::default();
        for attempt in 0..1_000 {
            book.keep_early(node(1), message(attempt));
        }
        for _ in 0..1_000 {
            book.keep_early(node(2), message(0));
        }
        let mut keys = Keys::default();
        let heavy = |key: u8| DealMessage {
            key: KeyId(Digest([key; 32])),
            step: DealStep::Round { number: 1, bytes: vec![0; limits::DEAL_BYTES_MAX] },
            ..message(0)
        };
        for key in 0..32 {
            let key = KeyId(Digest([key; 32]));
            keys.book_mut(key);
            keys.keep_early(&key, node(3), heavy(key.0.0[0]));
        }
        let kept: usize = keys.books.values().map(|book| book.early.len()).sum();
        assert_eq!(kept, limits::EARLY_BYTES_MAX / limits::DEAL_BYTES_MAX - 1);
        let of = |number| book.early.iter().filter(|(from, _)| *from == node(number)).count();
        assert_eq!((of(1), of(2)), (limits::EARLY_DEALS_MAX, 1));
    }

    #[test]
    fn keys_of_rows_read_back() {
        let key = KeyId(Digest([7; 32]));
        assert_eq!(parse_share_key(&share_key(&key, 3, 5)), Some((key, 3, 5)));
        assert_eq!(parse_decided_key(&decided_key(&key, 9)), Some((key, 9)));
        assert_eq!(parse_decided_key(&proof_key(&key, 9)), None);
        assert_eq!(parse_dealt_key(&dealt_key(&key)), Some(key));
        assert_eq!(parse_dealt_row(&dealt_row(4, 2)), Some((4, 2)));
        assert_eq!(parse_share_key(&[0; 3]), None);
    }
}
