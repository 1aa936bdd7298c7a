//! One attempt at a key, at one member: rounds of the dealing, then PREPARED.

use super::keys::{FIRST_EPOCH, dealt_key, share_key};
use crate::durable::{Table, Write};
use crate::job::{JobId, Task};
use crate::limits;
use crate::node::{Node, Turn};
use crate::wire::{DealMessage, DealStep, Message};
use quorate_charter::{AbortStatement, Backup, EpochRecord, KeyOrder, PreparedStatement};
use quorate_codec::{Digest, Transcript, tag};
use quorate_engine::{self as engine, Failure, Fault, Inbound, KeygenPlan, Progress, Round};
use quorate_identity::{GenesisHash, KeyId, NodeId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An attempt under way.
pub(crate) struct Ceremony {
    /// What we said, to be said again: a lost frame must not cost an attempt.
    pub(super) said: Vec<DealMessage>,
    pub(super) messages: BTreeMap<(u8, NodeId), Vec<u8>>,
    pub(super) prepared: BTreeMap<NodeId, PreparedStatement>,
    pub(super) record: Option<Vec<u8>>,
    pub(super) phase: Phase,
    /// The job whose result is awaited: a late one of a voided attempt is nobody's (N-57).
    pub(super) job: Option<JobId>,
}

pub(super) enum Phase {
    /// A job computes; round 0 makes the first messages.
    Computing { number: u8 },
    /// Messages of a round are awaited.
    ExpectRound { number: u8, round: Box<dyn Round> },
    /// Our PREPARED is out; others' are awaited.
    ExpectPrepared,
    /// The voters decide.
    ExpectDecision,
}

impl Node {
    /// Handles a message of a dealing; its signature was checked.
    pub(crate) fn on_deal(&mut self, from: NodeId, message: DealMessage, turn: &mut Turn<'_>) {
        let key = message.key;
        let Some(order) = self.state.key(&key) else { return };
        let members = order.tree.parties();
        let is_member = members.contains(&from) && members.contains(&self.me);
        if message.epoch != FIRST_EPOCH || !is_member {
            return;
        }
        let book = self.keys.books.entry(key).or_default();
        if book.record.is_some() || message.attempt < book.attempt {
            self.share_attempt_outcome(from, &key, turn);
            return;
        }
        let current = message.attempt == book.attempt;
        if let DealStep::Abort { head } = message.step
            && current
        {
            let abort = AbortStatement { node: from, head, signature: message.signature };
            self.on_abort(key, abort, turn);
            return;
        }
        let Some(ceremony) = book.ceremony.as_mut().filter(|_| current) else {
            // Ours has not begun.
            book.keep_early(from, message);
            return;
        };
        if ceremony.record.is_none() && matches!(message.step, DealStep::Prepared { .. }) {
            // It is compared with our own record, which is not there yet: nobody is accused for
            // a statement about another one.
            book.keep_early(from, message);
            return;
        }
        let signature = message.signature;
        match message.step {
            DealStep::Round { number, bytes } if number <= limits::ROUNDS_MAX => {
                ceremony.messages.entry((number, from)).or_insert(bytes);
                self.advance_ceremony(key, turn);
            }
            DealStep::Round { .. } | DealStep::Abort { .. } => {}
            DealStep::Prepared { record, leaf_proofs } => {
                if ceremony.record.as_ref().is_some_and(|ours| *ours != record) {
                    // Some dealer showed us two dealings; who it was, the transcripts show.
                    self.void_attempt(key, "a member prepared another record", &[], turn);
                    return;
                }
                let statement = PreparedStatement { node: from, leaf_proofs, signature };
                ceremony.prepared.entry(from).or_insert(statement);
                self.commit_if_prepared(key, turn);
            }
        }
    }

    /// Begins the attempt that is next, if every member is here (CER-01). That this node deals in
    /// it is durable before its first message leaves (CER-02).
    pub(super) fn start_attempt(
        &mut self,
        order: &KeyOrder,
        members: &BTreeSet<NodeId>,
        turn: &mut Turn<'_>,
    ) {
        let key = order.key;
        let all_here = members.iter().all(|node| *node == self.me || self.presence.is_here(node));
        let incarnations =
            self.presence.incarnations(self.incarnation.id, members.iter(), &self.me);
        let incarnations = incarnations.filter(|_| all_here && self.may_take_part());
        let Some(incarnations) = incarnations else {
            self.keys.due.set(key, turn.now.saturating_add(self.pace.retry_ms));
            return;
        };
        let Some(book) = self.keys.books.get_mut(&key) else { return };
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
        book.dealt = Some(attempt);
        book.ceremony = Some(Ceremony {
            said: Vec::new(),
            messages: BTreeMap::new(),
            prepared: BTreeMap::new(),
            record: None,
            phase: Phase::Computing { number: 0 },
            job: None,
        });
        let dealt = attempt.to_be_bytes().to_vec();
        turn.out.writes.push(Write::put(Table::Attempt, dealt_key(&key), dealt));
        turn.out.barrier = true;
        self.keys.due.set(key, turn.now.saturating_add(self.pace.ceremony_timeout_ms));
        let plan = KeygenPlan {
            ctx0: context,
            scheme: order.scheme,
            tree: order.tree.clone(),
            me: self.me,
        };
        let seed = turn.seed();
        let job = self.start_job(Task::Deal { plan, seed }, turn);
        self.keys.await_job(key, job);
        self.replay_early_deals(key, turn);
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
            Ok(Progress::Done(engine::Outcome::Prepared(prepared))) => {
                self.prepare(key, *prepared, turn);
            }
            Ok(Progress::Done(_)) => {
                self.void_attempt(key, "the engine made something else", &[], turn);
            }
            Err(failure) => {
                let culprits = match failure.fault {
                    Fault::Peer { culprits } => culprits,
                    Fault::Caller | Fault::Machine => Vec::new(),
                };
                self.void_attempt(key, &failure.reason, &culprits, turn);
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
        let mut message = |from| {
            let bytes = ceremony.messages.remove(&(number, from))?;
            Some(Inbound { from, bytes })
        };
        let inbox = awaited.into_iter().filter_map(&mut message).collect();
        self.keys.due.set(key, turn.now.saturating_add(self.pace.ceremony_timeout_ms));
        let seed = turn.seed();
        let job = self.start_job(Task::Advance { round, inbox, seed }, turn);
        self.keys.await_job(key, job);
    }

    /// The dealing is verified: make the shares durable, then say PREPARED (CER-04).
    fn prepare(&mut self, key: KeyId, prepared: engine::Prepared, turn: &mut Turn<'_>) {
        let Some(order) = self.state.key(&key).cloned() else { return };
        let genesis = self.state.genesis();
        let Some(book) = self.keys.books.get_mut(&key) else { return };
        let attempt = book.attempt;
        let Some(ceremony) = book.ceremony.as_mut() else { return };
        if !matches!(ceremony.phase, Phase::Computing { .. }) {
            return;
        }
        let record = EpochRecord {
            version: 1,
            genesis,
            key,
            epoch: FIRST_EPOCH,
            previous: Digest::ZERO,
            scheme: order.scheme,
            commitments: prepared.public.commitments(),
            public_key: prepared.public.public_key(),
            transcript: prepared.transcript,
            chain_code: prepared.chain_code,
            entry: order.entry,
            attempt,
            committee: order.tree.parties().into_iter().collect(),
            tree: order.tree,
            backup: Backup::Unproven,
        };
        let record = quorate_codec::to_bytes(&record);
        let share = prepared.share.to_bytes().to_vec();
        turn.out.writes.push(Write::put(Table::Share, share_key(&key, attempt), share));
        turn.out.barrier = true;
        ceremony.record = Some(record.clone());
        ceremony.phase = Phase::ExpectPrepared;
        book.prepared.insert(attempt, Arc::new(prepared.share));
        self.keys.due.set(key, turn.now.saturating_add(self.pace.ceremony_timeout_ms));
        let leaf_proofs = prepared.leaf_proofs;
        self.send_deal(key, DealStep::Prepared { record, leaf_proofs }, turn);
        self.replay_early_deals(key, turn);
    }

    /// Signs a message of this attempt and sends it to all members (CER-03).
    pub(super) fn send_deal(&mut self, key: KeyId, step: DealStep, turn: &mut Turn<'_>) {
        let Some(order) = self.state.key(&key) else { return };
        let mut peers = order.tree.parties();
        peers.remove(&self.me);
        let Some(attempt) = self.keys.books.get(&key).map(|book| book.attempt) else { return };
        let bytes = deal_bytes(&self.state.genesis(), &key, FIRST_EPOCH, attempt, &step);
        let signature = self.secrets.sign(tag::DEAL_MESSAGE, &bytes);
        let message = DealMessage { key, epoch: FIRST_EPOCH, attempt, step, signature };
        for peer in peers {
            self.send(peer, &Message::Deal(message.clone()), turn);
        }
        if let Some(ceremony) = self.ceremony(&key)
            && !ceremony.said.contains(&message)
        {
            ceremony.said.push(message.clone());
        }
        // Our own messages belong to the transcript like everybody's.
        self.on_deal(self.me, message, turn);
    }

    /// Says again to a member what was said in the attempts under way.
    pub(crate) fn share_deals(&mut self, peer: NodeId, turn: &mut Turn<'_>) {
        let ceremonies = self.keys.books.iter().filter_map(|(key, book)| {
            let order = self.state.key(key)?;
            let ceremony = book.ceremony.as_ref()?;
            order.tree.parties().contains(&peer).then_some(ceremony)
        });
        let said = ceremonies.flat_map(|ceremony| ceremony.said.iter().cloned());
        for message in said.collect::<Vec<_>>() {
            self.send(peer, &Message::Deal(message), turn);
        }
    }

    pub(super) fn ceremony(&mut self, key: &KeyId) -> Option<&mut Ceremony> {
        self.keys.books.get_mut(key)?.ceremony.as_mut()
    }
}

/// The bytes that a member signs for a message of a dealing (CER-03).
pub(crate) fn deal_bytes(
    genesis: &GenesisHash,
    key: &KeyId,
    epoch: u64,
    attempt: u32,
    step: &DealStep,
) -> Vec<u8> {
    quorate_codec::to_bytes(&(genesis, key, epoch, attempt, step))
}
