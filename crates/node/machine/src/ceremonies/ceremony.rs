//! One attempt at an epoch of a key, at one participant: the plan, the rounds of the dealing, then
//! PREPARED. See `spec/epochs.md`.

use super::backing_up::{Announcement, BackingUp, backup_terms};
use super::blame::Hearing;
use super::importing::Importing;
use super::keys::{dealt_key, dealt_row, share_key};
use super::plan::Unplanned;
use super::shares::Shares;
use crate::durable::{Table, Write};
use crate::event::{Barrier, Millis};
use crate::evidence::{BACKUP_ROUND, FIRST_ROUND, SECOND_ROUND};
use crate::job::{JobId, Task};
use crate::limits;
use crate::node::{Node, Turn};
use crate::wire::{DealMessage, DealStep, Message};
use quorate_charter::{
    AbortStatement, AccountRecord, AttemptPlan, Backup, EpochRecord, KeyOrder, Origin,
    PreparedStatement, Validity,
};
use quorate_client::contract::CeremonyPhase;
use quorate_codec::{Canonical, Digest, tag};
use quorate_engine::{
    self as engine, DealPlan, DealSource, Failure, Inbound, Progress, Round, Signed,
};
use quorate_identity::{GenesisHash, KeyId, NodeId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An attempt under way.
pub(crate) struct Ceremony {
    pub(super) plan: AttemptPlan,
    /// Its digest: what everybody signs with every message.
    pub(super) context: Digest,
    /// What we said, to be said again: a lost frame must not cost an attempt.
    pub(super) said: Vec<DealMessage>,
    pub(super) messages: BTreeMap<(u8, NodeId), Vec<u8>>,
    pub(super) prepared: BTreeMap<NodeId, PreparedStatement>,
    pub(super) record: Option<Vec<u8>>,
    /// Everybody's backups.
    pub(super) backup: BackingUp,
    /// What an import needs beyond that.
    pub(super) import: Importing,
    pub(super) phase: Phase,
    /// When it began here.
    pub(super) began_at: Millis,
    /// Whose messages were awaited when it was given up.
    pub(super) silent: Vec<NodeId>,
    /// The job whose result is awaited: a late one of a voided attempt is nobody's (N-57).
    pub(super) job: Option<JobId>,
}

impl Ceremony {
    /// How far it is, for showing.
    pub(super) fn phase_view(&self) -> CeremonyPhase {
        match self.phase {
            _ if self.awaits_importer() => CeremonyPhase::Importer,
            Phase::Computing { number: BACKUP_ROUND } | Phase::ExpectBackups => {
                CeremonyPhase::BackingUp
            }
            Phase::Computing { .. } | Phase::ExpectRound { .. } => CeremonyPhase::Dealing,
            Phase::ExpectPrepared => CeremonyPhase::Prepared,
            Phase::ExpectDecision => CeremonyPhase::Deciding,
        }
    }

    /// Whose messages of the round that is under way are here.
    pub(super) fn heard_from(&self) -> BTreeSet<NodeId> {
        let heard = self.messages.keys().map(|(_, node)| *node);
        match &self.phase {
            Phase::ExpectRound { .. } => heard.collect(),
            _ => self.plan.participants(),
        }
    }

    /// Whether nothing was put to the voters yet.
    pub(super) fn is_open(&self) -> bool {
        !matches!(self.phase, Phase::ExpectDecision)
    }
}

pub(super) enum Phase {
    /// A job computes; round 0 makes the first messages.
    Computing { number: u8 },
    /// Messages of a round are awaited.
    ExpectRound { number: u8, round: Box<dyn Round> },
    /// Our backups are out; others' are awaited and verified.
    ExpectBackups,
    /// Our PREPARED is out, if we hold shares; others' are awaited.
    ExpectPrepared,
    /// The voters decide.
    ExpectDecision,
}

impl Node {
    /// Handles a message of a dealing; its signature was checked.
    pub(crate) fn on_deal(&mut self, from: NodeId, message: DealMessage, turn: &mut Turn<'_>) {
        let key = message.key;
        if self.state.key(&key).is_none() || !self.may_be_of_a_run(&message) {
            return;
        }
        if self.hear(from, &message, turn) {
            return;
        }
        let book = self.keys.books.entry(key).or_default();
        let next = (book.next_epoch(), book.attempt);
        if (message.epoch, message.attempt) < next {
            self.share_attempt_outcome(from, &key, turn);
            return;
        }
        if message.epoch > next.0 {
            self.ask_for_records(from, turn);
            return;
        }
        let current = message.attempt == next.1;
        if let DealStep::Abort { head } = message.step
            && current
        {
            let abort = AbortStatement { node: from, head, signature: message.signature };
            if self.takes_word_of(&key, &from, turn.now) {
                self.on_abort(key, abort, turn);
            } else {
                // Its plan may show that the word counts.
                self.keys.keep_early(&key, from, message);
            }
            return;
        }
        let Some(ceremony) = book.ceremony.as_mut().filter(|_| current) else {
            // Ours has not begun: a plan may begin it.
            self.keys.keep_early(&key, from, message.clone());
            if current && let DealStep::Plan { plan } = &message.step {
                self.on_plan(from, key, plan, turn);
            }
            return;
        };
        if ceremony.record.is_none() && matches!(message.step, DealStep::Prepared { .. }) {
            // It is compared with our own record, which is not there yet: nobody is accused for
            // a statement about another one.
            self.keys.keep_early(&key, from, message);
            return;
        }
        if matches!(message.step, DealStep::Plan { .. }) {
            return;
        }
        if !ceremony.plan.participants().contains(&from) {
            return;
        }
        if message.context != Some(ceremony.context) {
            // Somebody was told another plan, or says so: nobody is accused for it.
            *book.failures.entry(from).or_default() += 1;
            self.void_attempt(key, "a member takes part in another plan", &[], turn);
            return;
        }
        let signature = message.signature;
        match message.step {
            DealStep::Round { number: BACKUP_ROUND, bytes } => {
                let signature = signature.0.to_vec().into();
                self.on_announced(from, key, Signed { bytes: bytes.into(), signature }, turn);
            }
            DealStep::Round { number, bytes } => {
                if number == 1 && ceremony.plan.import().is_some() {
                    ceremony.import.note_first(from, &bytes, message.signature);
                }
                ceremony.messages.entry((number, from)).or_insert(bytes);
                self.advance_ceremony(key, turn);
            }
            DealStep::Prepared { record, leaf_proofs } => {
                if !ceremony.plan.committee.contains(&from) {
                    return;
                }
                if ceremony.record.as_ref().is_some_and(|ours| *ours != record) {
                    // Some dealer showed us two dealings; who it was, its messages show.
                    self.show_messages(key, turn);
                    self.void_attempt(key, "a member prepared another record", &[], turn);
                    return;
                }
                let statement = PreparedStatement { node: from, leaf_proofs, signature };
                ceremony.prepared.entry(from).or_insert(statement);
                self.commit_if_prepared(key, turn);
            }
            DealStep::Abort { .. }
            | DealStep::Plan { .. }
            | DealStep::Complaint { .. }
            | DealStep::Shown { .. } => {}
        }
    }

    /// Whether a message can be one of a run at its key: there are two rounds of a dealing and what is
    /// announced after them, and none is longer than accounts and tree of the key make it. Others are
    /// nobody's, so that nobody fills the memory, or makes evidence too long to be shown.
    fn may_be_of_a_run(&self, message: &DealMessage) -> bool {
        let fits = |number: u8, length: usize| {
            let rounds = FIRST_ROUND..=SECOND_ROUND;
            match number == BACKUP_ROUND {
                true => length <= Announcement::BYTES_MAX,
                false => rounds.contains(&number) && length <= self.longest_round(&message.key),
            }
        };
        match &message.step {
            DealStep::Round { number, bytes } => fits(*number, bytes.len()),
            DealStep::Shown { messages } => {
                messages.iter().all(|shown| fits(shown.number, shown.bytes.len()))
            }
            _ => true,
        }
    }

    fn longest_round(&self, key: &KeyId) -> usize {
        let order = self.state.key(key);
        let wanted = order.and_then(|order| order.last_sharing()).map(|sharing| &sharing.tree);
        let current = self.keys.current(key).map(|current| &current.record.plan.tree);
        let accounts = order.map_or(1, |order| usize::from(order.accounts));
        let longest = wanted.into_iter().chain(current);
        let longest = longest.map(|tree| limits::round_bytes_max(tree, accounts)).max();
        longest.unwrap_or_default().min(limits::DEAL_BYTES_MAX)
    }

    /// Plans the attempt that is next, if it is this node's to plan and enough are here; else
    /// waits for who plans it, not for ever (CER-01, EPO-04).
    pub(super) fn pursue_attempt(&mut self, order: &KeyOrder, turn: &mut Turn<'_>) {
        let key = order.key;
        self.keys.due.set(key, turn.now.saturating_add(self.pace.retry_ms));
        let Some(wanted) = self.wanted(&key, turn.now) else { return };
        if !self.may_take_part() {
            return;
        }
        let Some(book) = self.keys.books.get(&key) else { return };
        let attempt = book.attempt;
        let Some(planner) = self.planner(&key, &wanted, attempt) else { return };
        let plan = match self.make_plan(order, &wanted, turn.now) {
            Ok(plan) => plan,
            Err(Unplanned::Missing(_) | Unplanned::NotYet) => {
                // Whoever comes is a reason to look again at once.
                self.keys.due.set(key, turn.now.saturating_add(self.pace.retry_max_ms));
                if let Some(book) = self.keys.books.get_mut(&key) {
                    book.waits_since = None;
                }
                return;
            }
        };
        let candidates = self.candidates(&key, &wanted);
        let all_take_part = plan.participants() == candidates
            || candidates.iter().all(|node| *node == self.me || self.presence.is_here(node));
        let Some(book) = self.keys.books.get_mut(&key) else { return };
        let since = *book.waits_since.get_or_insert(turn.now);
        let waited = turn.now.saturating_sub(since);
        if book.left_to_others.is_some() {
            if waited >= self.patience(&key).saturating_mul(4) {
                self.void_attempt(key, "nobody ends what others began", &[], turn);
            }
            return;
        }
        if planner == self.me {
            // Who is just away for a moment is worth a moment.
            if all_take_part || waited >= self.pace.retry_max_ms {
                self.lead_attempt(&candidates, plan, turn);
            }
            return;
        }
        let patience = match self.presence.is_here(&planner) {
            true => self.patience(&key),
            false => self.pace.retry_max_ms.saturating_mul(2),
        };
        if waited >= patience {
            self.void_attempt(key, "its leader made no plan in time", &[planner], turn);
        }
    }

    /// Tells the plan to everybody who could take part, so that who does not leaves the attempt
    /// to those who do, and to all voters: it says whose word may end the attempt (CER-09).
    fn lead_attempt(
        &mut self,
        candidates: &BTreeSet<NodeId>,
        plan: AttemptPlan,
        turn: &mut Turn<'_>,
    ) {
        let key = plan.key;
        let step = DealStep::Plan { plan: quorate_codec::to_bytes(&plan) };
        let message = self.signed_step(key, plan.epoch, plan.attempt, None, step);
        let participants = plan.participants();
        if !participants.contains(&self.me) {
            // It leaves the attempt to others: who is to be dropped and need not deal, or is left
            // out itself.
            if let Some(book) = self.keys.books.get_mut(&key) {
                book.left_to_others = Some(participants);
                book.waits_since = Some(turn.now);
            }
        } else if !self.start_attempt(plan, turn) {
            return;
        }
        if let Some(ceremony) = self.ceremony(&key) {
            ceremony.said.push(message.clone());
        }
        let to_all = Message::Deal(message);
        for peer in candidates.iter().copied().chain(self.voters_besides(candidates)) {
            self.send(peer, &to_all, turn);
        }
        self.replay_early_deals(key, turn);
    }

    fn voters_besides(&self, nodes: &BTreeSet<NodeId>) -> Vec<NodeId> {
        let voters = self.state.voters().keys().filter(|voter| !nodes.contains(voter));
        voters.copied().collect()
    }

    /// The attempt's leader says what it sets out to do.
    fn on_plan(&mut self, from: NodeId, key: KeyId, bytes: &[u8], turn: &mut Turn<'_>) {
        let Ok(plan) = quorate_codec::from_bytes::<AttemptPlan>(bytes) else {
            self.audit(format!("a plan for key {key} is malformed"), &[from], turn);
            return;
        };
        let Some(book) = self.keys.books.get(&key) else { return };
        let is_next =
            (plan.key, plan.epoch, plan.attempt) == (key, book.next_epoch(), book.attempt);
        let has_dealt = book.dealt == Some((plan.epoch, plan.attempt));
        let takes_part = plan.participants().contains(&self.me);
        if !is_next || has_dealt || !self.may_take_part() || !self.is_of_this_life(&key) {
            return;
        }
        // It was found right before, and is not to be held against the time again.
        if book.left_to_others.is_some() {
            return;
        }
        if self.busy_ceremonies() >= 2 * limits::CEREMONIES_LIVE_MAX {
            // It was kept, and is looked at again.
            self.keys.due.set_earlier(key, turn.now.saturating_add(self.pace.retry_ms));
            return;
        }
        match self.judge_plan(from, &plan, turn.now) {
            Validity::Valid if !takes_part => {
                if let Some(book) = self.keys.books.get_mut(&key) {
                    book.left_to_others = Some(plan.participants());
                    book.waits_since = Some(turn.now);
                }
            }
            Validity::Valid => {
                if self.start_attempt(plan, turn) {
                    self.replay_early_deals(key, turn);
                }
            }
            // It is looked at again when this node knows more; else the attempt ends in time.
            Validity::Unknown | Validity::Late => {
                self.keys.due.set_earlier(key, turn.now.saturating_add(self.pace.retry_ms));
            }
            // It has no say in it.
            Validity::Invalid if !takes_part => {}
            Validity::Invalid => {
                let text = format!("refused a plan for epoch {} of key {key}", plan.epoch);
                self.audit(text, &[from], turn);
                self.void_attempt(key, "its plan is not what this node verified", &[from], turn);
            }
        }
    }

    /// Looks again at plans that were not understood when they came, and at words that give the attempt
    /// up and did not count yet.
    pub(super) fn look_at_early(&mut self, key: KeyId, turn: &mut Turn<'_>) {
        let Some(book) = self.keys.books.get(&key).filter(|book| book.ceremony.is_none()) else {
            return;
        };
        let attempt = book.attempt;
        let early = book.early.iter().filter(|(_, message)| message.attempt == attempt);
        let early: Vec<(NodeId, DealMessage)> = early.cloned().collect();
        for (from, message) in early {
            match message.step {
                DealStep::Plan { plan } => self.on_plan(from, key, &plan, turn),
                DealStep::Abort { head } if self.takes_word_of(&key, &from, turn.now) => {
                    let abort = AbortStatement { node: from, head, signature: message.signature };
                    self.on_abort(key, abort, turn);
                }
                _ => {}
            }
        }
    }

    /// Begins an attempt with a plan that this node made or found right. That it deals in it is
    /// durable before its first message leaves (CER-02).
    fn start_attempt(&mut self, plan: AttemptPlan, turn: &mut Turn<'_>) -> bool {
        let key = plan.key;
        let custody = self.state.custody_of(&plan.custody);
        let Some(terms) = custody.and_then(|custody| backup_terms(custody, &plan)) else {
            self.void_attempt(key, "the custodians' recovery keys cannot be read", &[], turn);
            return false;
        };
        let source = match self.source_of(&plan) {
            Ok(source) => source,
            Err(why) => {
                self.void_attempt(key, why, &[], turn);
                return false;
            }
        };
        let before = self.goes_on_from(&plan);
        let Some(book) = self.keys.books.get_mut(&key) else { return false };
        let (epoch, attempt, context) = (plan.epoch, plan.attempt, plan.context());
        book.dealt = Some((epoch, attempt));
        book.hearing = Some(Hearing::new(plan.clone(), before));
        let deal = DealPlan {
            ctx0: context,
            scheme: plan.scheme,
            tree: plan.tree.clone(),
            receivers: plan.members(),
            me: self.me,
            source,
        };
        book.ceremony = Some(Ceremony {
            backup: BackingUp::new(terms),
            plan,
            context,
            said: Vec::new(),
            messages: BTreeMap::new(),
            prepared: BTreeMap::new(),
            record: None,
            import: Importing::default(),
            phase: Phase::Computing { number: 0 },
            began_at: turn.now,
            silent: Vec::new(),
            job: None,
        });
        let row = dealt_row(epoch, attempt);
        turn.out.writes.push(Write::put(Table::Attempt, dealt_key(&key), row));
        turn.out.barrier = Barrier::Full;
        self.keys.due.set(key, turn.now.saturating_add(self.patience(&key)));
        let seed = turn.seed();
        let job = self.start_job(Task::Deal { plan: deal, seed }, turn);
        self.keys.await_job(key, job);
        true
    }

    /// What this node brings along to a dealing.
    fn source_of(&self, plan: &AttemptPlan) -> Result<DealSource, &'static str> {
        let Some(current) = self.keys.current(&plan.key) else {
            return match &plan.origin {
                Some(Origin::Imported(imported)) => Ok(DealSource::Summands {
                    of: BTreeMap::from([(
                        imported.importer.dealer(),
                        vec![imported.public.clone()],
                    )]),
                    secrets: Vec::new(),
                }),
                Some(Origin::Restored(restored)) => self.restore_source(restored),
                None => Ok(DealSource::Fresh { count: usize::from(plan.accounts) }),
            };
        };
        let dealers: BTreeSet<NodeId> = plan.dealers.iter().copied().collect();
        let shares = match (dealers.contains(&self.me), &current.shares) {
            (false, _) => Vec::new(),
            (true, Some(shares)) => shares.all(),
            (true, None) => return Err("this node has no shares to deal"),
        };
        Ok(DealSource::Shared { dealers, keys: current.accounts.clone(), shares })
    }

    /// A round of a dealing was computed.
    pub(crate) fn on_deal_advanced(
        &mut self,
        id: JobId,
        result: Result<Progress, Failure>,
        turn: &mut Turn<'_>,
    ) {
        let Some(key) = self.keys.take_job(&id) else { return };
        match result {
            Ok(Progress::Next { round, outbound }) => {
                let Some(ceremony) = self.ceremony(&key) else { return };
                let Phase::Computing { number } = ceremony.phase else { return };
                let number = number.saturating_add(1);
                ceremony.phase = Phase::ExpectRound { number, round };
                for message in outbound {
                    let bytes = message.bytes;
                    self.send_deal(key, DealStep::Round { number, bytes }, turn);
                }
                self.advance_ceremony(key, turn);
            }
            Ok(Progress::Done(engine::Outcome::Dealt(dealt))) => self.back_up(key, *dealt, turn),
            Ok(Progress::Done(_)) => {
                self.void_attempt(key, "the engine made something else", &[], turn);
            }
            Err(failure) => {
                self.blame(key, &failure, turn);
                if self.ceremony(&key).is_some_and(|ceremony| !ceremony.is_open()) {
                    // It is given up already, for what was just proven or by somebody else.
                    return;
                }
                let (reason, culprits) = self.why_failed(&key, failure);
                self.void_attempt(key, &reason, &culprits, turn);
            }
        }
    }

    /// A job was lost: the attempt ends.
    pub(crate) fn deal_job_lost(&mut self, id: JobId, turn: &mut Turn<'_>) -> bool {
        let owned = self.keys.owns(&id);
        if let Some(key) = self.keys.take_job(&id) {
            self.void_attempt(key, "this machine lost a computation", &[], turn);
        }
        owned
    }

    pub(super) fn replay_early_deals(&mut self, key: KeyId, turn: &mut Turn<'_>) {
        let Some(book) = self.keys.books.get_mut(&key) else { return };
        for (from, message) in std::mem::take(&mut book.early) {
            self.on_deal(from, message, turn);
        }
    }

    pub(super) fn advance_ceremony(&mut self, key: KeyId, turn: &mut Turn<'_>) {
        let Some(ceremony) = self.ceremony(&key) else { return };
        let Phase::ExpectRound { number, round } = &ceremony.phase else { return };
        let number = *number;
        let awaited = round.awaits();
        if !awaited.iter().all(|node| ceremony.messages.contains_key(&(number, *node))) {
            self.wait_for_importer(key, turn);
            return;
        }
        let phase = std::mem::replace(&mut ceremony.phase, Phase::Computing { number });
        let Phase::ExpectRound { round, .. } = phase else { return };
        let mut message = |from| {
            let bytes = ceremony.messages.remove(&(number, from))?;
            Some(Inbound { from, bytes })
        };
        let inbox = awaited.into_iter().filter_map(&mut message).collect();
        self.keys.due.set(key, turn.now.saturating_add(self.patience(&key)));
        let seed = turn.seed();
        let task = Task::Advance { round, inbox, seed, is_brief: false };
        let job = self.start_job(task, turn);
        self.keys.await_job(key, job);
    }

    /// Whose messages an attempt waits for, as far as this node sees.
    pub(super) fn awaited_in(ceremony: &Ceremony) -> Vec<NodeId> {
        match &ceremony.phase {
            Phase::ExpectRound { number, round } => {
                let awaited = round.awaits().into_iter();
                awaited.filter(|node| !ceremony.messages.contains_key(&(*number, *node))).collect()
            }
            Phase::ExpectBackups => ceremony.awaited_backups(),
            Phase::ExpectPrepared => {
                let members = ceremony.plan.committee.iter();
                members.filter(|node| !ceremony.prepared.contains_key(node)).copied().collect()
            }
            Phase::Computing { .. } | Phase::ExpectDecision => Vec::new(),
        }
    }

    /// The dealing and its backups are verified: make shares and backups durable, then say PREPARED
    /// (CER-04, N-95).
    pub(super) fn prepare(
        &mut self,
        key: KeyId,
        dealt: engine::PreparedKeys,
        backup: Backup,
        turn: &mut Turn<'_>,
    ) {
        let me = self.me;
        let Some(plan) = self.ceremony(&key).map(|ceremony| ceremony.plan.clone()) else { return };
        let brought = self.brought_chain_codes(&plan);
        let Some(book) = self.keys.books.get_mut(&key) else { return };
        let before = book.current().map(|current| Arc::clone(&current.record));
        let Some(ceremony) = book.ceremony.as_mut() else { return };
        let engine::PreparedKeys { keys, transcript, leaf_proofs, .. } = dealt;
        let Some((accounts, shares)) = accounts_of(keys, before.as_deref(), &brought) else {
            return self.void_attempt(key, "the engine made other keys", &[], turn);
        };
        let record = EpochRecord {
            version: EpochRecord::VERSION,
            plan: ceremony.plan.clone(),
            accounts,
            transcript,
            backup,
        };
        if before.is_some_and(|before| !record.continues(&before)) {
            return self.void_attempt(key, "the engine made other keys", &[], turn);
        }
        let record = quorate_codec::to_bytes(&record);
        let (epoch, attempt) = (ceremony.plan.epoch, ceremony.plan.attempt);
        ceremony.record = Some(record.clone());
        ceremony.phase = Phase::ExpectPrepared;
        let is_member = ceremony.plan.committee.contains(&me);
        if let Some((shares, leaf_proofs)) = shares.zip(leaf_proofs) {
            let row = shares.to_row();
            turn.out.writes.push(Write::put(Table::Share, share_key(&key, epoch, attempt), row));
            turn.out.writes.extend(ceremony.bundle_rows());
            ceremony.drop_backups(&me);
            turn.out.barrier = Barrier::Full;
            book.prepared.insert((epoch, attempt), Arc::new(shares));
            self.send_deal(key, DealStep::Prepared { record, leaf_proofs }, turn);
        } else if is_member {
            return self.void_attempt(key, "the engine made no shares", &[], turn);
        }
        self.keys.due.set(key, turn.now.saturating_add(self.patience(&key)));
        self.replay_early_deals(key, turn);
        self.commit_if_prepared(key, turn);
    }

    /// Signs a message of the attempt that is next and sends it to all who may take part (CER-03).
    pub(super) fn send_deal(&mut self, key: KeyId, step: DealStep, turn: &mut Turn<'_>) {
        let Some(book) = self.keys.books.get(&key) else { return };
        let (epoch, attempt) = (book.next_epoch(), book.attempt);
        let is_abort = matches!(step, DealStep::Abort { .. });
        let ceremony = book.ceremony.as_ref();
        let context = ceremony.map(|ceremony| ceremony.context).filter(|_| !is_abort);
        let peers = match ceremony.filter(|_| !is_abort) {
            Some(ceremony) => ceremony.plan.participants(),
            // Everybody may vote on it.
            None => self.presence.connected().into_iter().collect(),
        };
        let message = self.signed_step(key, epoch, attempt, context, step);
        let to_all = Message::Deal(message.clone());
        for peer in peers {
            self.send(peer, &to_all, turn);
        }
        if let Some(ceremony) = self.ceremony(&key)
            && !ceremony.said.contains(&message)
        {
            ceremony.said.push(message.clone());
        }
        // Our own messages belong to the transcript like everybody's.
        self.on_deal(self.me, message, turn);
    }

    pub(super) fn signed_step(
        &self,
        key: KeyId,
        epoch: u64,
        attempt: u32,
        context: Option<Digest>,
        step: DealStep,
    ) -> DealMessage {
        let signature = quorate_identity::NodeSignature([0; 64]);
        let mut message = DealMessage { key, epoch, attempt, context, step, signature };
        let bytes = deal_bytes(&self.state.genesis(), &message);
        message.signature = self.secrets.sign(tag::DEAL_MESSAGE, &bytes);
        message
    }

    /// Says again to a member what was said in the attempts under way, to others their plans.
    pub(crate) fn share_deals(&mut self, peer: NodeId, turn: &mut Turn<'_>) {
        let ceremonies = self.keys.books.values().filter_map(|book| book.ceremony.as_ref());
        let with = ceremonies.filter(|ceremony| ceremony.plan.participants().contains(&peer));
        let ceremonies = self.keys.books.values().filter_map(|book| book.ceremony.as_ref());
        let without = ceremonies.filter(|it| !it.plan.participants().contains(&peer));
        let is_plan = |message: &&DealMessage| matches!(message.step, DealStep::Plan { .. });
        let plans = without.flat_map(|ceremony| ceremony.said.iter().filter(is_plan).cloned());
        let said = with.clone().flat_map(|ceremony| ceremony.said.iter().cloned());
        let said = said.chain(plans).map(Message::Deal);
        let me = self.me;
        let mut room = limits::BUNDLE_BYTES_PER_ANSWER;
        let bundles = with.clone().flat_map(|ceremony| ceremony.bundles_for(&peer, &me));
        let bundles = bundles.take_while(|bundle| {
            let has_room = room > 0;
            room = room.saturating_sub(bundle.bytes.len());
            has_room
        });
        let bundles = bundles.map(Message::Bundle);
        let imported = with.filter_map(|ceremony| ceremony.import.dealing.clone());
        let imported = imported.map(|dealing| Message::Import(Box::new(dealing)));
        for message in said.chain(bundles).chain(imported).collect::<Vec<_>>() {
            self.send(peer, &message, turn);
        }
    }

    pub(super) fn ceremony(&mut self, key: &KeyId) -> Option<&mut Ceremony> {
        self.keys.books.get_mut(key)?.ceremony.as_mut()
    }
}

/// What the record says of every account that was dealt, and this node's shares, if it got some. One
/// that existed keeps its chain code, one that was not made here brings its own.
fn accounts_of(
    keys: Vec<engine::PreparedKey>,
    before: Option<&EpochRecord>,
    brought: &[Digest],
) -> Option<(Vec<AccountRecord>, Option<Shares>)> {
    let count = keys.len();
    let mut accounts = Vec::with_capacity(count);
    let mut shares = Vec::with_capacity(count);
    for (place, made) in keys.into_iter().enumerate() {
        let kept = before.and_then(|before| before.accounts.get(place));
        accounts.push(AccountRecord {
            commitments: made.public.commitments(),
            public_key: made.public.public_key(),
            chain_code: kept
                .map(|kept| kept.chain_code)
                .or(brought.get(place).copied())
                .or(made.chain_code)?,
        });
        shares.extend(made.share);
    }
    let holds_all = shares.len() == count;
    (holds_all || shares.is_empty()).then(|| (accounts, holds_all.then(|| Shares::new(shares))))
}

/// The bytes that a member signs for a message of a dealing (CER-03). The context is that of the
/// attempt's plan, so that whoever judges the message knows what it was said in.
pub(crate) fn deal_bytes(genesis: &GenesisHash, message: &DealMessage) -> Vec<u8> {
    let DealMessage { key, epoch, attempt, context, step, .. } = message;
    quorate_codec::to_bytes(&(genesis, key, epoch, attempt, context, step))
}
