//! Key generation: attempts, their decided outcomes, and the birth signature. See
//! `spec/node.md`, CER, and `spec/keygen.md`.
//!
//! An attempt ends in exactly one decision of the voters: COMMIT with everybody's PREPARED, or
//! VOID. Nodes act on the decision's certificate, never on collected messages, so a voided
//! attempt cannot be revived (N-57).

use crate::durable::{Table, Write};
use crate::event::{Millis, Notice};
use crate::job::{JobId, Task};
use crate::node::{Node, Turn};
use crate::wire::{DealMessage, DealStep, Message, Outcome, Target};
use quorate_charter::{
    AttemptOutcome, Backup, Decided, EpochRecord, Instance, KeyOrder, PreparedStatement, Validity,
};
use quorate_codec::{Digest, Transcript, tag};
use quorate_engine::{self as engine, Failure, Fault, Inbound, KeyPublic, KeyShare, KeygenPlan, Progress, Round};
use quorate_identity::{KeyId, NodeId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The epoch that key generation makes.
const FIRST_EPOCH: u64 = 0;

/// Everything a node knows of the keys of its charter beyond the orders.
#[derive(Default)]
pub(crate) struct Keys {
    books: BTreeMap<KeyId, KeyBook>,
    by_job: BTreeMap<JobId, KeyId>,
}

/// What a node knows of one key.
#[derive(Default)]
pub(crate) struct KeyBook {
    /// The certified outcome that made the key.
    pub decided: Option<Decided>,
    /// The record inside it.
    pub record: Option<Arc<EpochRecord>>,
    /// Its public half.
    pub public: Option<Arc<KeyPublic>>,
    /// This node's shares, if it is a member.
    pub share: Option<Arc<KeyShare>>,
    /// The birth signature; without it the key signs nothing else.
    pub birth: Option<Outcome>,
    /// The last voided attempt.
    pub voided: Option<Decided>,
    /// The attempt that is under way or next.
    attempt: u32,
    /// An attempt in which this node already dealt before it restarted: it abstains.
    dealt: Option<u32>,
    not_before: Millis,
    ceremony: Option<Ceremony>,
    early: Vec<(NodeId, DealMessage)>,
}

struct Ceremony {
    context: Digest,
    deadline: Millis,
    messages: BTreeMap<(u8, NodeId), Vec<u8>>,
    prepared: BTreeMap<NodeId, PreparedStatement>,
    record: Option<Vec<u8>>,
    share: Option<Arc<KeyShare>>,
    phase: Phase,
}

enum Phase {
    Computing { number: u8 },
    ExpectRound { number: u8, round: Box<dyn Round> },
    ExpectPrepared,
    ExpectDecision,
}

impl Keys {
    /// What is known of a key.
    pub fn book(&self, key: &KeyId) -> Option<&KeyBook> {
        self.books.get(key)
    }

    /// All keys with their books.
    pub fn books(&self) -> impl Iterator<Item = (&KeyId, &KeyBook)> {
        self.books.iter()
    }

    /// Restores an attempt in which this node dealt before it restarted.
    pub fn load_dealt(&mut self, key: KeyId, attempt: u32) {
        self.books.entry(key).or_default().dealt = Some(attempt);
    }

    /// Restores a birth signature; it was verified when it was stored and is again by the caller.
    pub fn load_birth(&mut self, key: KeyId, birth: Outcome) {
        self.books.entry(key).or_default().birth = Some(birth);
    }

    /// Restores this node's shares.
    pub fn load_share(&mut self, key: KeyId, share: KeyShare) {
        self.books.entry(key).or_default().share = Some(Arc::new(share));
    }

    /// The earliest time at which an attempt is overdue or due.
    pub fn wake_at(&self) -> Option<Millis> {
        self.books.values().filter_map(|book| {
            let ceremony = book.ceremony.as_ref().map(|ceremony| ceremony.deadline);
            ceremony.or((book.record.is_none()).then_some(book.not_before).filter(|time| *time > 0))
        }).min()
    }
}

impl KeyBook {
    /// Whether the key may sign: committed and born.
    pub fn is_active(&self) -> bool {
        self.record.is_some() && self.birth.is_some()
    }

    /// Takes over a decided outcome: the record, or the next attempt's number.
    pub fn decide(&mut self, decided: Decided, outcome: &AttemptOutcome) -> bool {
        match outcome {
            AttemptOutcome::Commit { record, .. } => {
                if self.record.is_some() {
                    return false;
                }
                let Ok(record) = quorate_codec::from_bytes::<EpochRecord>(record) else { return false };
                let Ok(public) = public_of(&record) else { return false };
                self.public = Some(Arc::new(public));
                self.record = Some(Arc::new(record));
                self.decided = Some(decided);
                true
            }
            AttemptOutcome::Void { attempt } => {
                if self.record.is_some() || *attempt < self.attempt {
                    return false;
                }
                self.attempt = attempt + 1;
                self.voided = Some(decided);
                true
            }
        }
    }
}

impl Node {
    /// Starts attempts that can start, gives up those that are overdue.
    pub(crate) fn drive_ceremonies(&mut self, turn: &mut Turn<'_>) {
        let orders: Vec<KeyOrder> = self.state.keys().cloned().collect();
        for order in orders {
            let members = order.tree.parties();
            if !members.contains(&self.me) {
                continue;
            }
            let book = self.keys.books.entry(order.key).or_default();
            if book.record.is_some() {
                continue;
            }
            match &book.ceremony {
                Some(ceremony) if ceremony.deadline <= turn.now => {
                    self.void_attempt(order.key, "no progress in time", &[], turn);
                }
                Some(_) => {}
                None if book.dealt == Some(book.attempt) => {
                    // Two honest first messages would look like equivocation (N-89): abstain.
                    self.void_attempt(order.key, "this node restarted during the attempt", &[], turn);
                }
                None => self.start_attempt(&order, &members, turn),
            }
        }
    }

    /// Handles a message of a dealing.
    pub(crate) fn on_deal(&mut self, from: NodeId, message: DealMessage, turn: &mut Turn<'_>) {
        let key = message.key;
        let Some(order) = self.state.key(&key).cloned() else { return };
        if message.epoch != FIRST_EPOCH || !order.tree.parties().contains(&from) {
            return;
        }
        let book = self.keys.books.entry(key).or_default();
        if book.record.is_some() || message.attempt < book.attempt {
            return;
        }
        let current = message.attempt == book.attempt;
        let Some(ceremony) = book.ceremony.as_mut().filter(|_| current) else {
            // Ours has not begun: keep it; there are at most four messages a member and attempt.
            if book.early.len() < 4 * 64 {
                book.early.push((from, message));
            }
            return;
        };
        let signature = message.signature;
        match message.step {
            DealStep::Round { number, bytes } => {
                ceremony.messages.entry((number, from)).or_insert(bytes);
                self.advance_ceremony(key, turn);
            }
            DealStep::Prepared { record, leaf_proofs } => {
                let statement = PreparedStatement { node: from, leaf_proofs, signature };
                if ceremony.record.as_ref().is_some_and(|ours| *ours != record) {
                    self.void_attempt(key, "a member prepared another record", &[from], turn);
                    return;
                }
                // Before our own record is known, the statement is checked when all are here.
                ceremony.prepared.entry(from).or_insert(statement);
                self.commit_if_prepared(key, turn);
            }
            DealStep::Abort => {
                self.void_attempt(key, "a member gave the attempt up", &[], turn);
            }
        }
    }

    /// A round of a dealing was computed.
    pub(crate) fn on_deal_advanced(
        &mut self,
        id: JobId,
        result: Result<Progress, Failure>,
        turn: &mut Turn<'_>,
    ) -> bool {
        let Some(key) = self.keys.by_job.remove(&id) else { return false };
        match result {
            Ok(Progress::Next { round, outbound }) => {
                let Some(ceremony) = self.ceremony(&key) else { return true };
                let Phase::Computing { number } = ceremony.phase else { return true };
                ceremony.phase = Phase::ExpectRound { number: number + 1, round };
                for message in outbound {
                    self.send_deal(key, DealStep::Round { number: number + 1, bytes: message.bytes }, turn);
                }
                self.advance_ceremony(key, turn);
            }
            Ok(Progress::Done(engine::Outcome::Prepared(prepared))) => {
                self.prepare(key, *prepared, turn);
            }
            Ok(Progress::Done(_)) => {}
            Err(failure) => {
                let culprits = match &failure.fault {
                    Fault::Peer { culprits } => culprits.clone(),
                    Fault::Caller | Fault::Machine => Vec::new(),
                };
                self.void_attempt(key, &failure.reason, &culprits, turn);
            }
        }
        true
    }

    /// A job was lost: the attempt ends.
    pub(crate) fn deal_job_lost(&mut self, id: JobId, turn: &mut Turn<'_>) -> bool {
        let Some(key) = self.keys.by_job.remove(&id) else { return false };
        self.void_attempt(key, "this machine lost a computation", &[], turn);
        true
    }

    /// Judges a proposed outcome of an attempt. A witness can: everything in it is public.
    pub(crate) fn judge_outcome(&self, key: KeyId, attempt: u32, value: &[u8]) -> Validity {
        let Some(order) = self.state.key(&key) else { return Validity::Unknown };
        let Ok(outcome) = quorate_codec::from_bytes::<AttemptOutcome>(value) else {
            return Validity::Invalid;
        };
        match outcome {
            AttemptOutcome::Void { attempt: voided } if voided == attempt => Validity::Valid,
            AttemptOutcome::Void { .. } => Validity::Invalid,
            AttemptOutcome::Commit { record, prepared } => {
                match self.check_commit(order, attempt, &record, &prepared) {
                    Ok(()) => Validity::Valid,
                    Err(_) => Validity::Invalid,
                }
            }
        }
    }

    /// The outcome of an attempt is certified: act on it.
    pub(crate) fn on_attempt_decided(&mut self, decided: Decided, turn: &mut Turn<'_>) {
        let Instance::Attempt { key, attempt, .. } = decided.instance else { return };
        let Ok(outcome) = quorate_codec::from_bytes::<AttemptOutcome>(&decided.value) else { return };
        let row = quorate_codec::to_bytes(&decided);
        let me = self.me;
        let book = self.keys.books.entry(key).or_default();
        if !book.decide(decided, &outcome) {
            return;
        }
        let ceremony = book.ceremony.take();
        book.not_before = turn.now + self.pace.retry_ms;
        turn.out.writes.push(Write::put(Table::EpochRecord, decided_key(&key), row));
        turn.out.barrier = true;
        turn.out.notices.push(Notice::Key(key));
        match (&outcome, &book.record, &book.public) {
            (AttemptOutcome::Commit { .. }, Some(record), Some(public)) => {
                let is_member = record.tree.parties().contains(&me);
                if book.share.is_none() {
                    let ours = ceremony.filter(|_| attempt == record.attempt);
                    book.share = ours.and_then(|ceremony| ceremony.share);
                }
                let held = book.share.as_ref().is_some_and(|share| share.matches(public));
                if is_member && !held {
                    book.share = None;
                    self.alarm(format!("key {key} was committed without this node's shares"), &[], turn);
                }
                self.drive_births(turn);
            }
            _ => {
                turn.out.writes.push(Write::delete(Table::Share, share_key(&key, attempt)));
                self.audit(format!("attempt {attempt} at key {key} is void"), &[], turn);
                self.replay_early_deals(key, turn);
            }
        }
        self.drive_pairs(turn);
    }

    /// Wants a birth signature for every committed key that has none.
    pub(crate) fn drive_births(&mut self, turn: &mut Turn<'_>) {
        let unborn: Vec<Target> = self
            .keys
            .books
            .iter()
            .filter(|(_, book)| book.birth.is_none() && book.share.is_some())
            .filter_map(|(key, book)| Some(Target::Birth(*key, book.record.as_ref()?.epoch)))
            .collect();
        for target in unborn {
            self.undertake(target, turn);
        }
    }

    /// Verifies a birth signature and opens the key for use.
    pub(crate) fn on_birth(&mut self, key: KeyId, outcome: Outcome, turn: &mut Turn<'_>) {
        let Some(book) = self.keys.books.get_mut(&key) else { return };
        if book.birth.is_some() || !birth_is_valid(book, &outcome) {
            return;
        }
        let row = quorate_codec::to_bytes(&outcome);
        book.birth = Some(outcome);
        turn.out.writes.push(Write::put(Table::EpochRecord, birth_key(&key), row));
        turn.out.barrier = true;
        turn.out.notices.push(Notice::Key(key));
        self.abandon(&Target::Birth(key, FIRST_EPOCH), turn);
        self.audit(format!("key {key} is active"), &[], turn);
    }

    fn start_attempt(&mut self, order: &KeyOrder, members: &BTreeSet<NodeId>, turn: &mut Turn<'_>) {
        let key = order.key;
        let all_here = members.iter().all(|node| *node == self.me || self.presence.is_connected(node));
        let Some(book) = self.keys.books.get_mut(&key) else { return };
        if !all_here || book.not_before > turn.now || !self.may_take_part() {
            return;
        }
        let Some(book) = self.keys.books.get_mut(&key) else { return };
        let Some(incarnations) = self.presence.incarnations(self.incarnation.id, members.iter(), &self.me) else {
            return;
        };
        let attempt = book.attempt;
        let context = Transcript::new(tag::DEAL_CONTEXT)
            .part(order.scheme.to_string())
            .part("keygen")
            .part(self.state.genesis())
            .part(order.entry)
            .part(key)
            .number(FIRST_EPOCH)
            .number(u64::from(attempt))
            .part(quorate_codec::to_bytes(&order.tree))
            .list(incarnations)
            .digest();
        let plan = KeygenPlan { ctx0: context, scheme: order.scheme, tree: order.tree.clone(), me: self.me };
        match engine::start_keygen(plan, turn.seed()) {
            Ok((round, outbound)) => {
                book.dealt = Some(attempt);
                book.ceremony = Some(Ceremony {
                    context,
                    deadline: turn.now + self.pace.ceremony_timeout_ms,
                    messages: BTreeMap::new(),
                    prepared: BTreeMap::new(),
                    record: None,
                    share: None,
                    phase: Phase::ExpectRound { number: 1, round },
                });
                turn.out.writes.push(Write::put(Table::Attempt, dealt_key(&key), attempt.to_be_bytes().to_vec()));
                turn.out.barrier = true;
                for message in outbound {
                    self.send_deal(key, DealStep::Round { number: 1, bytes: message.bytes }, turn);
                }
                self.replay_early_deals(key, turn);
            }
            Err(failure) => {
                self.audit(format!("key generation did not start: {}", failure.reason), &[], turn);
            }
        }
    }

    fn replay_early_deals(&mut self, key: KeyId, turn: &mut Turn<'_>) {
        let Some(book) = self.keys.books.get_mut(&key) else { return };
        for (from, message) in std::mem::take(&mut book.early) {
            self.on_deal(from, message, turn);
        }
    }

    fn advance_ceremony(&mut self, key: KeyId, turn: &mut Turn<'_>) {
        let Some(ceremony) = self.ceremony(&key) else { return };
        let Phase::ExpectRound { number, round } = &ceremony.phase else { return };
        let number = *number;
        let awaited = round.awaits();
        if !awaited.iter().all(|node| ceremony.messages.contains_key(&(number, *node))) {
            return;
        }
        let phase = std::mem::replace(&mut ceremony.phase, Phase::Computing { number });
        let Phase::ExpectRound { round, .. } = phase else { return };
        let inbox = awaited
            .into_iter()
            .filter_map(|from| ceremony.messages.remove(&(number, from)).map(|bytes| Inbound { from, bytes }))
            .collect();
        let seed = turn.seed();
        let job = self.start_job(Task::Advance { round, inbox, seed }, turn);
        self.keys.by_job.insert(job, key);
    }

    /// The dealing is verified: make the shares durable, then say PREPARED.
    fn prepare(&mut self, key: KeyId, prepared: engine::Prepared, turn: &mut Turn<'_>) {
        let Some(order) = self.state.key(&key).cloned() else { return };
        let Some(attempt) = self.keys.books.get(&key).map(|book| book.attempt) else { return };
        let record = EpochRecord {
            version: 1,
            genesis: self.state.genesis(),
            key,
            epoch: FIRST_EPOCH,
            previous: Digest::ZERO,
            scheme: order.scheme,
            tree: order.tree.clone(),
            commitments: prepared.public.commitments(),
            public_key: prepared.public.public_key(),
            transcript: prepared.transcript,
            chain_code: prepared.chain_code,
            entry: order.entry,
            attempt,
            committee: order.tree.parties().into_iter().collect(),
            backup: Backup::Unproven,
        };
        let record = quorate_codec::to_bytes(&record);
        let share = prepared.share.to_bytes();
        turn.out.writes.push(Write::put(Table::Share, share_key(&key, attempt), share.to_vec()));
        turn.out.barrier = true;
        let Some(ceremony) = self.ceremony(&key) else { return };
        ceremony.record = Some(record.clone());
        ceremony.share = Some(Arc::new(prepared.share));
        ceremony.phase = Phase::ExpectPrepared;
        self.send_deal(key, DealStep::Prepared { record, leaf_proofs: prepared.leaf_proofs }, turn);
        self.commit_if_prepared(key, turn);
    }

    fn commit_if_prepared(&mut self, key: KeyId, turn: &mut Turn<'_>) {
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

    /// Checks a COMMIT value whole: the record is the order's, every member of the committee
    /// signed exactly it and knows its shares. Returns the culprits.
    fn check_commit(
        &self,
        order: &KeyOrder,
        attempt: u32,
        record_bytes: &[u8],
        prepared: &[PreparedStatement],
    ) -> Result<(), Vec<NodeId>> {
        let record = quorate_codec::from_bytes::<EpochRecord>(record_bytes).map_err(|_| Vec::new())?;
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
            let step = DealStep::Prepared {
                record: record_bytes.to_vec(),
                leaf_proofs: statement.leaf_proofs.clone(),
            };
            let bytes = deal_bytes(&self.state.genesis(), &order.key, FIRST_EPOCH, attempt, &step);
            let signed = self
                .state
                .node(&statement.node)
                .is_some_and(|node| node.keys.verify(tag::DEAL_MESSAGE, &bytes, &statement.signature).is_ok());
            let known = engine::verify_leaf_proofs(
                record.transcript,
                &public,
                statement.node,
                &statement.leaf_proofs,
            );
            if !signed || known.is_err() {
                return Err(vec![statement.node]);
            }
        }
        Ok(())
    }

    /// Gives an attempt up here and asks the voters to void it.
    fn void_attempt(&mut self, key: KeyId, why: &str, culprits: &[NodeId], turn: &mut Turn<'_>) {
        let Some(book) = self.keys.books.get_mut(&key) else { return };
        let attempt = book.attempt;
        if let Some(ceremony) = book.ceremony.as_mut() {
            // The shares stay: if everybody's PREPARED is already out, COMMIT may still win.
            ceremony.deadline = turn.now + self.pace.ceremony_timeout_ms;
            ceremony.phase = Phase::ExpectDecision;
        }
        self.audit(format!("attempt {attempt} at key {key}: {why}"), culprits, turn);
        self.send_deal(key, DealStep::Abort, turn);
        let outcome = AttemptOutcome::Void { attempt };
        let instance = Instance::Attempt { key, epoch: FIRST_EPOCH, attempt };
        self.propose(instance, quorate_codec::to_bytes(&outcome), turn);
    }

    fn send_deal(&mut self, key: KeyId, step: DealStep, turn: &mut Turn<'_>) {
        let Some(order) = self.state.key(&key) else { return };
        let members = order.tree.parties();
        let Some(attempt) = self.keys.books.get(&key).map(|book| book.attempt) else { return };
        let bytes = deal_bytes(&self.state.genesis(), &key, FIRST_EPOCH, attempt, &step);
        let signature = self.secrets.sign(tag::DEAL_MESSAGE, &bytes);
        let message = DealMessage { key, epoch: FIRST_EPOCH, attempt, step, signature };
        for peer in members.iter().filter(|peer| **peer != self.me) {
            self.send(*peer, &Message::Deal(message.clone()), turn);
        }
        // Our own messages belong to the transcript like everybody's.
        if !matches!(message.step, DealStep::Abort) {
            self.on_deal(self.me, message, turn);
        }
    }

    fn ceremony(&mut self, key: &KeyId) -> Option<&mut Ceremony> {
        self.keys.books.get_mut(key)?.ceremony.as_mut()
    }
}

/// The bytes that a member signs for a message of a dealing. Source: `spec/node.md`, CER-03.
pub(crate) fn deal_bytes(
    genesis: &quorate_identity::GenesisHash,
    key: &KeyId,
    epoch: u64,
    attempt: u32,
    step: &DealStep,
) -> Vec<u8> {
    quorate_codec::to_bytes(&(genesis, key, epoch, attempt, step))
}

/// The public half of a key, as its record states it.
///
/// # Errors
/// The record's commitments are not a sharing over its tree.
pub(crate) fn public_of(record: &EpochRecord) -> Result<KeyPublic, Failure> {
    KeyPublic::new(record.scheme, record.tree.clone(), &record.commitments)
}

/// Whether an outcome is a valid birth signature of the book's key.
pub(crate) fn birth_is_valid(book: &KeyBook, outcome: &Outcome) -> bool {
    let (Some(record), Some(public), [signature]) = (&book.record, &book.public, outcome.signatures.as_slice())
    else {
        return false;
    };
    let payload = crate::permit::payload(&quorate_policy::birth_payload(record));
    engine::verify(public, engine::Tweak::None, &payload, &signature.bytes).is_ok()
}

pub(crate) fn share_key(key: &KeyId, attempt: u32) -> Vec<u8> {
    [AsRef::<[u8]>::as_ref(key), &FIRST_EPOCH.to_be_bytes(), &attempt.to_be_bytes()].concat()
}

pub(crate) fn decided_key(key: &KeyId) -> Vec<u8> {
    [b"d".as_slice(), key.as_ref()].concat()
}

pub(crate) fn birth_key(key: &KeyId) -> Vec<u8> {
    [b"b".as_slice(), key.as_ref()].concat()
}

pub(crate) fn dealt_key(key: &KeyId) -> Vec<u8> {
    [b"deal".as_slice(), key.as_ref()].concat()
}
