//! How an attempt ends: one decision of the voters, COMMIT or VOID. Nodes act on its certificate
//! alone (CER-06).

use super::blame::Hearing;
use super::ceremony::{Ceremony, Phase, deal_bytes};
use super::keys::{contributions_gone, decided_key, publics_of, shares_gone, voided_key};
use crate::durable::{Table, Write};
use crate::event::{Barrier, Millis, Notice};
use crate::evidence::has_prepared;
use crate::limits;
use crate::node::{Node, Turn};
use crate::wire::{DealMessage, DealStep, Message};
use quorate_charter::{
    AbortStatement, AttemptOutcome, Decided, EpochRecord, Instance, PreparedStatement, State,
    Validity,
};
use quorate_codec::{Canonical, Transcript, tag};
use quorate_engine as engine;
use quorate_identity::{Head, KeyId, NodeId, NodeSignature};

/// Why a COMMIT is not voted for.
struct Refused {
    validity: Validity,
    culprits: Vec<NodeId>,
}

impl Refused {
    fn nobodys(validity: Validity) -> Self {
        Self { validity, culprits: Vec::new() }
    }
}

impl Node {
    /// Everybody's PREPARED is here: ask the voters to commit.
    pub(super) fn commit_if_prepared(&mut self, key: KeyId, turn: &mut Turn<'_>) {
        let Some(book) = self.keys.books.get(&key) else { return };
        let (Some(ceremony), attempt) = (&book.ceremony, book.attempt) else { return };
        let Some(record) = &ceremony.record else { return };
        let mut members = ceremony.plan.committee.iter();
        let complete = members.all(|node| ceremony.prepared.contains_key(node));
        if !complete || !matches!(ceremony.phase, Phase::ExpectPrepared) {
            return;
        }
        let epoch = ceremony.plan.epoch;
        let prepared: Vec<PreparedStatement> = ceremony.prepared.values().cloned().collect();
        if let Err(refused) = self.check_commit(&key, epoch, attempt, record, &prepared)
            && refused.validity != Validity::Late
        {
            let culprits = refused.culprits;
            let record = record.clone();
            for statement in prepared.iter().filter(|said| culprits.contains(&said.node)) {
                self.blame_prepared(key, &record, statement, turn);
            }
            self.void_attempt(key, "a PREPARED statement does not verify", &culprits, turn);
            return;
        }
        let outcome = AttemptOutcome::Commit { record: record.clone(), prepared };
        let outcome = quorate_codec::to_bytes(&outcome);
        if outcome.len() > AttemptOutcome::BYTES_MAX {
            // The charter orders no such key (GOV-18).
            self.void_attempt(key, "its outcome is too long to be decided", &[], turn);
            return;
        }
        if let Some(ceremony) = self.ceremony(&key) {
            ceremony.phase = Phase::ExpectDecision;
        }
        let Some(era) = self.next_era(&key) else { return };
        let instance = Instance::Attempt { key, epoch, attempt, era };
        self.propose(instance, outcome, turn);
    }

    /// For how long an attempt at a key may make no progress: its accounts take their time, and so do
    /// the backups of all members, which others may have to verify one after the other.
    pub(super) fn patience(&self, key: &KeyId) -> Millis {
        let accounts = self.state.key(key).map_or(1, |order| u64::from(order.accounts));
        let more = accounts.saturating_sub(1).saturating_mul(limits::CEREMONY_MS_PER_ACCOUNT);
        let members = self.state.key(key).and_then(|order| order.last_sharing());
        let members = members.map_or(0, |sharing| sharing.tree.parties().len());
        let custody = self.state.custody();
        let leaves = custody.seats.leaves().len() + custody.keys.leaves().len();
        let pieces = u64::try_from(members.saturating_mul(leaves)).unwrap_or(u64::MAX);
        let backups = pieces.saturating_mul(limits::CEREMONY_MS_PER_PIECE);
        self.pace.ceremony_timeout_ms.saturating_add(more).saturating_add(backups)
    }

    /// Gives an attempt up here and asks the voters to void it.
    pub(super) fn void_attempt(
        &mut self,
        key: KeyId,
        why: &str,
        culprits: &[NodeId],
        turn: &mut Turn<'_>,
    ) {
        self.keys.due.set(key, turn.now.saturating_add(self.patience(&key)));
        let Some(book) = self.keys.books.get_mut(&key) else { return };
        let (epoch, attempt) = (book.next_epoch(), book.attempt);
        book.last_failure = Some(why.to_owned());
        for culprit in culprits {
            *book.failures.entry(*culprit).or_default() += 1;
        }
        let text = format!("attempt {attempt} at epoch {epoch} of key {key}: {why}");
        self.audit(text, culprits, turn);
        let head = self.state.head();
        self.send_deal(key, DealStep::Abort { head }, turn);
    }

    /// A member gave the attempt up, this node or another: a reason to ask the voters for VOID,
    /// and the only one that they take (CER-09).
    pub(super) fn on_abort(&mut self, key: KeyId, abort: AbortStatement, turn: &mut Turn<'_>) {
        let may_end = self.may_give_up(&key, &abort.node) == Validity::Valid;
        let is_wanted = self.wanted(&key, turn.now).is_some();
        let Some(book) = self.keys.books.get_mut(&key) else { return };
        let (epoch, attempt) = (book.next_epoch(), book.attempt);
        if !may_end || !(is_wanted || book.ceremony.is_some()) {
            return;
        }
        book.is_given_up |= abort.node == self.me;
        if let Some(ceremony) = book.ceremony.as_mut() {
            // Who has asked the voters already goes on asking for the same.
            if matches!(ceremony.phase, Phase::ExpectDecision) && abort.node != self.me {
                return;
            }
            if ceremony.is_open() {
                ceremony.silent = Self::awaited_in(ceremony);
            }
            // The shares stay: if everybody's PREPARED is already out, COMMIT may still win.
            ceremony.phase = Phase::ExpectDecision;
            ceremony.drop_backups(&self.me);
            self.keys.due.set(key, turn.now.saturating_add(self.patience(&key)));
        }
        let outcome = AttemptOutcome::Void { attempt, abort };
        let Some(era) = self.next_era(&key) else { return };
        let instance = Instance::Attempt { key, epoch, attempt, era };
        self.propose(instance, quorate_codec::to_bytes(&outcome), turn);
    }

    /// Whether no earlier life of this node can have had a part in the attempt under way, as far
    /// as the charter makes that a question (CER-10).
    ///
    /// A node that was taken back has lost rows: votes, and that it dealt. Its wish to come back
    /// was signed after the life that lost them, so whatever names the head of that entry, or a
    /// later head, is younger than that life. A key that was ordered later is; an attempt is if
    /// the one before was given up under such a head, or if the epoch before was planned under
    /// one, because nobody votes or deals in an attempt before what comes before it is decided.
    pub(crate) fn is_of_this_life(&self, key: &KeyId) -> bool {
        let Some(back_at) = self.state.rejoined_at(&self.me) else { return true };
        let ordered_at = self.state.key(key).map(|order| order.entry);
        let book = self.keys.book(key);
        let given_up_at = book.and_then(|book| book.given_up_at);
        let made_at = book.and_then(|book| book.record()).map(|record| record.plan.head);
        let mut heads = [ordered_at, given_up_at, made_at].into_iter().flatten();
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
        now: Millis,
    ) -> Validity {
        match quorate_codec::from_bytes::<AttemptOutcome>(value) {
            Err(_) => Validity::Invalid,
            Ok(AttemptOutcome::Void { attempt: voided, abort }) => {
                let AbortStatement { node, head, signature } = abort;
                let step = DealStep::Abort { head };
                let said = (epoch, attempt, head);
                let said = self.has_given_up(&node, &key, said, step, &signature);
                let Some(at) = self.state.position_of(&head) else { return Validity::Unknown };
                if voided != attempt || !said {
                    return Validity::Invalid;
                }
                match self.may_give_up(&key, &node) {
                    // A word of before what is known to have come of the key may be somebody's who
                    // has former keys; some voter may be bound to it all the same (AGR-07).
                    Validity::Valid if self.newest_known(&key) > Some(at) => Validity::Late,
                    Validity::Valid => self.weigh_word_of(&key, &node, now),
                    other => other,
                }
            }
            Ok(AttemptOutcome::Commit { record, prepared }) => {
                match self.check_commit(&key, epoch, attempt, &record, &prepared) {
                    Ok(()) => Validity::Valid,
                    Err(refused) => refused.validity,
                }
            }
        }
    }

    /// Whether this node goes along when another gives the attempt up.
    pub(super) fn takes_word_of(&self, key: &KeyId, node: &NodeId, now: Millis) -> bool {
        self.weigh_word_of(key, node, now) == Validity::Valid
    }

    /// What this node thinks of another's word that gives the attempt up (CER-09, N-82). It counts if
    /// this node gave the attempt up too, or its author takes part in it, as far as this node knows
    /// who does. Before any plan is known, the word of who should plan counts, others' only after a
    /// while: else whoever is to be dropped could end every attempt to drop it. Those of whom a plan
    /// tells have their time too. Where nothing is wanted nobody's counts: a member could void
    /// attempts without end.
    fn weigh_word_of(&self, key: &KeyId, node: &NodeId, now: Millis) -> Validity {
        let counts = |holds: bool| if holds { Validity::Valid } else { Validity::Late };
        let Some(book) = self.keys.book(key) else { return Validity::Late };
        if *node == self.me || book.is_given_up {
            return Validity::Valid;
        }
        if let Some(ceremony) = &book.ceremony {
            return counts(ceremony.plan.participants().contains(node));
        }
        let waited = |since: Option<Millis>| since.map_or(0, |at| now.saturating_sub(at));
        if let Some(others) = &book.left_to_others {
            let is_over = waited(book.waits_since) >= self.patience(key).saturating_mul(4);
            return counts(is_over || others.contains(node));
        }
        let Some(wanted) = self.wanted(key, now) else { return Validity::Late };
        let is_planner = self.planner(key, &wanted, book.attempt) == Some(*node);
        match waited(book.opened_at) >= self.pace.retry_max_ms.saturating_mul(3) {
            waited if waited || is_planner => Validity::Valid,
            // Soon it will.
            _ => Validity::Unknown,
        }
    }

    /// Whether a node's word ends an attempt: it holds shares of the key, or is to (CER-09).
    fn may_give_up(&self, key: &KeyId, node: &NodeId) -> Validity {
        let Some(order) = self.state.key(key) else { return Validity::Unknown };
        let current = self.keys.current(key).map(|current| &current.record.plan.tree);
        let wanted = order.goal().and_then(|goal| goal.sharing).map(|sharing| &sharing.tree);
        let last = order.last_sharing().map(|sharing| &sharing.tree);
        let trees = [current, wanted, last].into_iter().flatten();
        let is_member = trees.map(|tree| tree.parties()).any(|parties| parties.contains(node));
        if is_member && self.state.is_signing(node) {
            Validity::Valid
        } else if order.has_ever_named(node) {
            Validity::Late
        } else {
            Validity::Unknown
        }
    }

    /// Whether votes about an attempt make sense here: it is the one under way. A peer that is
    /// behind is shown what was decided; of one that is ahead we ask it.
    pub(crate) fn is_current_attempt(
        &mut self,
        from: NodeId,
        key: &KeyId,
        (epoch, attempt, era): (u64, u32, u64),
        turn: &mut Turn<'_>,
    ) -> bool {
        if self.state.key(key).is_none_or(|order| order.retired) {
            return false;
        }
        let next_era = self.next_era(key);
        let book = self.keys.books.entry(*key).or_default();
        let next = (book.next_epoch(), book.attempt);
        if (epoch, attempt) < next {
            self.share_attempt_outcome(from, key, turn);
            return false;
        }
        if (epoch, attempt) > next {
            self.ask_for_records(from, turn);
            return false;
        }
        // Others decide about it than its sender thinks, or this node is behind (AGR-13).
        next_era == Some(era)
    }

    /// Shows a peer how the newest decided attempt at a key ended.
    pub(crate) fn share_attempt_outcome(&mut self, peer: NodeId, key: &KeyId, turn: &mut Turn<'_>) {
        let Some(book) = self.keys.books.get(key) else { return };
        let current = book.current();
        let decided = current.map(|current| &current.decided).into_iter();
        let mut messages: Vec<Message> =
            decided.chain(&book.voided).cloned().map(Message::Decided).collect();
        if let Some(current) = current {
            messages.extend(current.proof.clone().map(Message::Outcome));
            let statements = current.committed.values().chain(current.erased.values());
            messages.extend(statements.cloned().map(Message::Epoch));
        }
        messages.extend(book.destroyed.values().cloned().map(Message::Epoch));
        for message in messages {
            self.send(peer, &message, turn);
        }
    }

    /// Whether a decision counts here: under the keys of now always; under former ones only if it is
    /// about an attempt that was planned or given up no earlier than what this node knows to have come
    /// of the key. So whoever has former keys decides nothing, neither anew nor against what is known,
    /// once one epoch was made without them (AGR-11).
    fn is_decided_in_order(&self, key: &KeyId, decided: &Decided) -> bool {
        let at = decided.planned_at().and_then(|head| self.state.position_of(&head));
        let is_in_order = at.is_some_and(|at| self.newest_known(key) <= Some(at));
        is_in_order || decided.verify_now(&self.state).is_ok()
    }

    /// The outcome of an attempt is certified: act on it (CER-06).
    pub(crate) fn on_attempt_decided(&mut self, decided: Decided, turn: &mut Turn<'_>) {
        let instance = decided.instance;
        let Instance::Attempt { key, epoch, attempt, era } = instance else { return };
        if self.state.key(&key).is_none() {
            return;
        }
        if !self.is_decided_in_order(&key, &decided) {
            return;
        }
        // Before anything else: by whomever it was decided, it was decided twice.
        if let Some(book) = self.keys.book(&key) {
            let made = book.epochs.values().map(|made| &made.decided);
            let mut known = made.chain(&book.voided);
            if let Some(known) = known.find(|known| known.conflicts_with(&decided)).cloned() {
                return self.on_fork(known, decided, turn);
            }
        }
        // Of the epoch that is next this node knows who decides; whoever missed some believes the
        // newest, of which more voters of now speak than may lie (AGR-13).
        let is_next = self.keys.book(&key).map_or(0, |book| book.next_epoch()) == epoch;
        let next_era = self.next_era(&key);
        let is_right = if is_next { next_era == Some(era) } else { next_era <= Some(era) };
        if next_era.is_none() || !is_right {
            return;
        }
        let book = self.keys.books.entry(key).or_default();
        let failed = match quorate_codec::from_bytes::<AttemptOutcome>(&decided.value) {
            Ok(AttemptOutcome::Void { abort, .. }) => Some(abort.node),
            Ok(AttemptOutcome::Commit { .. }) => None,
            Err(_) => return,
        };
        let ceremony = book.ceremony.take();
        if !book.decide(decided.clone()) {
            book.ceremony = ceremony;
            return;
        }
        // Attempts that this node never saw decided are over as well; their shares are shares
        // of nothing (CER-06). Those of an epoch that it never heard of are kept like it.
        let is_over = |made: &&(u64, u32)| made.0 == epoch && made.1 <= attempt;
        let over: Vec<(u64, u32)> = book.prepared.keys().filter(is_over).copied().collect();
        for made in over {
            if failed.is_some() || made != (epoch, attempt) {
                book.prepared.remove(&made);
                turn.out.writes.extend(shares_gone(&key, made.0, made.1));
                turn.out.writes.push(contributions_gone(&key, made.0, made.1));
            }
        }
        let row = quorate_codec::to_bytes(&decided);
        match failed {
            Some(_) => {
                turn.out.writes.push(Write::put(Table::EpochRecord, voided_key(&key), row));
            }
            None => {
                let made = decided_key(&key, epoch);
                turn.out.writes.push(Write::put(Table::EpochRecord, made, row));
                turn.out.writes.push(Write::delete(Table::EpochRecord, voided_key(&key)));
            }
        }
        turn.out.barrier = Barrier::Full;
        turn.out.notices.push(Notice::Key(key));
        // Who catches up tells nobody: whoever else lacks it asks.
        if self.governor.is_open(&instance) {
            self.broadcast(&Message::Decided(decided), turn);
        }
        self.close_instance(instance, turn);
        match failed {
            None => self.commit(key, epoch, attempt, turn),
            Some(node) => self.attempt_failed(key, attempt, node, ceremony, turn),
        }
    }

    /// Notes who failed: who gave up in the middle; but where the time was over, those whose
    /// messages were missing then, not who said so.
    fn attempt_failed(
        &mut self,
        key: KeyId,
        attempt: u32,
        node: NodeId,
        ceremony: Option<Ceremony>,
        turn: &mut Turn<'_>,
    ) {
        let doublings = attempt.min(limits::RETRY_DOUBLINGS_MAX);
        let pause = self.pace.retry_ms.saturating_mul(1 << doublings).min(self.pace.retry_max_ms);
        self.keys.due.set(key, turn.now.saturating_add(pause));
        let is_judging = self.is_judging(&key);
        if !is_judging {
            self.note_unsupported(key, attempt);
        }
        let patience = self.patience(&key);
        if let (Some(ceremony), Some(book)) = (ceremony, self.keys.books.get_mut(&key)) {
            let lasted = turn.now.saturating_sub(ceremony.began_at);
            let is_settled = book.hearing.as_ref().is_some_and(Hearing::is_settled);
            let failed = match lasted < patience / 4 * 3 {
                // Whose fault it was is known, or about to be: not who said so.
                true if is_settled || is_judging => Vec::new(),
                true => vec![node],
                false => ceremony.silent,
            };
            for node in failed.into_iter().filter(|node| *node != self.me) {
                *book.failures.entry(node).or_default() += 1;
            }
        }
        let who = self.name_of(&node).map(|name| name.to_string()).unwrap_or_default();
        let text = format!("attempt {attempt} at key {key} is void: {who} gave it up");
        self.audit(text, &[], turn);
        self.look_at_early(key, turn);
    }

    /// The epoch exists: take up this node's shares, if they are what the record says (N-60), and
    /// say so. Sessions of the epoch before end; its shares stay until nobody can need them
    /// (EPO-08).
    fn commit(&mut self, key: KeyId, epoch: u64, attempt: u32, turn: &mut Turn<'_>) {
        let me = self.me;
        let Some(book) = self.keys.books.get_mut(&key) else { return };
        let shares = book.prepared.remove(&(epoch, attempt));
        let Some(current) = book.current_mut() else { return };
        current.shares = shares.filter(|shares| shares.are_held_by(&me, &current.accounts));
        let is_member = current.record.plan.committee.contains(&me);
        let holds = current.shares.is_some();
        if is_member && !holds {
            let text = format!("epoch {epoch} of key {key} was made without this node's shares");
            self.alarm(text, &[], turn);
        }
        self.audit(format!("epoch {epoch} of key {key} is made"), &[], turn);
        // Whoever takes part in nothing is no survivor for others to count on.
        if holds && self.abstains().is_none() {
            self.say_committed(key, turn);
        }
        self.keys.untried.insert(key);
        self.keys.due.remove(&key);
        self.learn_order_of(key);
        let state = std::sync::Arc::clone(&self.state);
        self.pairs.learn_orders(&state, &self.keys, &self.me);
        self.fail_sessions_of(key, "the key has a new epoch", turn);
        self.drive_births(turn);
        self.look_again(turn);
        self.judge_all(turn);
        self.end_earlier_epochs(key, turn);
    }

    /// Checks a COMMIT value whole: its plan is what the charter wants and follows the newest
    /// record and names the backups that it should, every member of the committee signed exactly
    /// this record and knows its shares (CER-05, EPO-05, EPO-33, N-93).
    fn check_commit(
        &self,
        key: &KeyId,
        epoch: u64,
        attempt: u32,
        record_bytes: &[u8],
        prepared: &[PreparedStatement],
    ) -> Result<(), Refused> {
        let invalid = || Refused::nobodys(Validity::Invalid);
        let record = quorate_codec::from_bytes::<EpochRecord>(record_bytes);
        let record = record.map_err(|_| invalid())?;
        let plan = &record.plan;
        if (plan.key, plan.epoch, plan.attempt) != (*key, epoch, attempt) {
            return Err(invalid());
        }
        let standing = self.check_plan(plan);
        if matches!(standing, Validity::Invalid | Validity::Unknown) {
            return Err(Refused::nobodys(standing));
        }
        let before = self.keys.current(key).map(|current| &current.record);
        let follows = match before {
            Some(before) => record.continues(before),
            None => record.is_as_ordered(),
        };
        let sound = record.version == EpochRecord::VERSION
            && follows
            && record.has_backup(before.map(AsRef::as_ref))
            && prepared.iter().map(|statement| &statement.node).eq(&plan.committee);
        if !sound {
            return Err(invalid());
        }
        // The same value is judged with every vote about it, and what it proves does not change.
        let proofs = Transcript::new(tag::DECISION_VALUE).part(record_bytes);
        let proofs = proofs.list(prepared.iter().map(quorate_codec::to_bytes)).digest();
        if self.keys.proven.get() != Some(proofs) {
            let is_new = before.is_none() && !plan.is_arrival();
            let proven = prove_commit(&self.state, &record, record_bytes, is_new, prepared);
            proven.map_err(|culprits| Refused { validity: Validity::Invalid, culprits })?;
            self.keys.proven.set(Some(proofs));
        }
        match standing {
            Validity::Valid => Ok(()),
            other => Err(Refused::nobodys(other)),
        }
    }

    fn has_given_up(
        &self,
        node: &NodeId,
        key: &KeyId,
        (epoch, attempt, head): (u64, u32, Head),
        step: DealStep,
        signature: &NodeSignature,
    ) -> bool {
        let signature = *signature;
        let message = DealMessage { key: *key, epoch, attempt, context: None, step, signature };
        let bytes = deal_bytes(&self.state.genesis(), &message);
        let keys = self.state.keys_for_attempt(node, key, &head);
        keys.iter().any(|keys| keys.verify(tag::DEAL_MESSAGE, &bytes, &message.signature).is_ok())
    }
}

/// What is arithmetic about a COMMIT value: that its record is a sharing with the public keys that
/// it states, and that every member of the committee signed exactly this record and knows its
/// shares (CER-05). Anybody can check it.
///
/// # Errors
/// Who is at fault, as far as that is known. Cost: some multiplications an account and leaf of a
/// new key, a part of one of a key that existed.
pub(crate) fn prove_commit(
    state: &State,
    record: &EpochRecord,
    record_bytes: &[u8],
    is_new: bool,
    prepared: &[PreparedStatement],
) -> Result<(), Vec<NodeId>> {
    let accounts = publics_of(record).ok_or_else(Vec::new)?;
    let mut public_keys = record.accounts.iter().map(|account| &account.public_key);
    if !accounts.iter().all(|public| public_keys.next() == Some(&public.public_key())) {
        return Err(Vec::new());
    }
    for PreparedStatement { node, leaf_proofs, signature } in prepared {
        let (record_bytes, leaf_proofs) = (record_bytes.to_vec(), leaf_proofs.clone());
        let step = DealStep::Prepared { record: record_bytes, leaf_proofs };
        if !has_prepared(state, &record.plan, node, step, *signature) {
            return Err(vec![*node]);
        }
    }
    let proofs: Vec<(NodeId, &[u8])> = prepared
        .iter()
        .map(|statement| (statement.node, statement.leaf_proofs.as_slice()))
        .collect();
    let accounts: Vec<&engine::KeyPublic> = accounts.iter().collect();
    let known = engine::verify_all_leaf_proofs(record.transcript, &accounts, is_new, &proofs);
    known.map_err(|failure| match failure.fault {
        engine::Fault::Peer { culprits } => culprits,
        engine::Fault::Caller | engine::Fault::Machine => Vec::new(),
    })
}
