//! What a node knows of the keys of its charter beyond the orders.

use super::ceremony::Ceremony;
use crate::event::Millis;
use crate::job::JobId;
use crate::limits;
use crate::schedule::Schedule;
use crate::wire::{DealMessage, Outcome};
use quorate_charter::{AttemptOutcome, Decided, EpochRecord, State};
use quorate_engine::{self as engine, Failure, KeyPublic, KeyShare};
use quorate_identity::{Head, KeyId, NodeId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The epoch that key generation makes.
pub(crate) const FIRST_EPOCH: u64 = 0;

/// All keys.
#[derive(Default)]
pub(crate) struct Keys {
    pub(super) books: BTreeMap<KeyId, KeyBook>,
    pub(super) by_job: BTreeMap<JobId, KeyId>,
    /// Ordered keys without a record: when each is looked at next.
    pub(super) due: Schedule<KeyId>,
    /// Keys with a record and without a birth signature.
    pub(super) unborn: BTreeSet<KeyId>,
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
    /// The head under which that attempt was given up.
    pub(super) given_up_at: Option<Head>,
    /// The attempt that is under way or next.
    pub(super) attempt: u32,
    /// An attempt in which this node already dealt, in this life or an earlier one.
    pub(super) dealt: Option<u32>,
    /// Shares of attempts that are not decided; durable, some since an earlier life.
    pub(super) prepared: BTreeMap<u32, Arc<KeyShare>>,
    pub(super) ceremony: Option<Ceremony>,
    pub(super) early: Vec<(NodeId, DealMessage)>,
}

impl Keys {
    /// What is known of a key.
    pub fn book(&self, key: &KeyId) -> Option<&KeyBook> {
        self.books.get(key)
    }

    /// The book of a key that the charter orders, to be filled at a start.
    pub fn book_mut(&mut self, key: KeyId) -> &mut KeyBook {
        self.books.entry(key).or_default()
    }

    /// Keys that are active here: a peer need not send them.
    pub fn active(&self) -> Vec<KeyId> {
        self.books.iter().filter(|(_, book)| book.is_active()).map(|(key, _)| *key).collect()
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

    /// Takes up keys that the charter orders and that are not made.
    pub fn learn_orders(&mut self, state: &State) {
        for order in state.keys() {
            let book = self.books.entry(order.key).or_default();
            if book.record.is_none() {
                self.due.set_earlier(order.key, 0);
            } else if book.birth.is_none() {
                self.unborn.insert(order.key);
            }
        }
    }

    /// The earliest time at which an attempt is due or overdue.
    pub fn wake_at(&self) -> Option<Millis> {
        self.due.next()
    }
}

impl KeyBook {
    /// Keeps a message for later. Of each sender only so many, so that nobody pushes out
    /// another's (NOD-05).
    pub(super) fn keep_early(&mut self, from: NodeId, message: DealMessage) {
        let mut kept = self.early.iter().filter(|(sender, _)| *sender == from);
        if kept.clone().count() < limits::EARLY_DEALS_MAX
            && kept.all(|(_, known)| *known != message)
        {
            self.early.push((from, message));
        }
    }

    /// Whether the key may sign: committed and born (CER-07).
    pub fn is_active(&self) -> bool {
        self.record.is_some() && self.birth.is_some()
    }

    /// Restores that this node dealt in an attempt before it restarted.
    pub fn load_dealt(&mut self, attempt: u32) {
        self.dealt = Some(attempt);
    }

    /// Restores shares of an attempt: they count once it is committed.
    pub fn load_share(&mut self, attempt: u32, share: KeyShare) {
        let share = Arc::new(share);
        if self.record.as_ref().is_some_and(|record| record.attempt == attempt) {
            self.share = Some(Arc::clone(&share));
        }
        self.prepared.insert(attempt, share);
    }

    /// Takes over a decided outcome: the record, or the next attempt's number. Says whether it
    /// was news.
    pub fn decide(&mut self, decided: Decided, outcome: &AttemptOutcome) -> bool {
        if self.record.is_some() {
            return false;
        }
        match outcome {
            AttemptOutcome::Commit { record, .. } => {
                let record = quorate_codec::from_bytes::<EpochRecord>(record);
                let made = record.ok().and_then(|record| Some((public_of(&record).ok()?, record)));
                let Some((public, record)) = made else { return false };
                self.public = Some(Arc::new(public));
                self.record = Some(Arc::new(record));
                self.decided = Some(decided);
                true
            }
            AttemptOutcome::Void { attempt, abort } => {
                if *attempt < self.attempt {
                    return false;
                }
                self.attempt = attempt.saturating_add(1);
                self.voided = Some(decided);
                self.given_up_at = Some(abort.head);
                true
            }
        }
    }
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
    let (Some(record), Some(public)) = (&book.record, &book.public) else { return false };
    let [signature] = outcome.signatures.as_slice() else { return false };
    let payload = crate::permit::payload(&quorate_policy::birth_payload(record));
    engine::verify(public, engine::Tweak::None, &payload, &signature.bytes).is_ok()
}

/// Key of the row of an attempt's shares.
pub(crate) fn share_key(key: &KeyId, attempt: u32) -> Vec<u8> {
    [AsRef::<[u8]>::as_ref(key), &FIRST_EPOCH.to_be_bytes(), &attempt.to_be_bytes()].concat()
}

/// The inverse of [`share_key`], for shares of the first epoch.
pub(crate) fn parse_share_key(bytes: &[u8]) -> Option<(KeyId, u32)> {
    let (key, rest) = bytes.split_first_chunk::<32>()?;
    let (epoch, attempt) = rest.split_first_chunk::<8>()?;
    let attempt = u32::from_be_bytes(attempt.try_into().ok()?);
    (u64::from_be_bytes(*epoch) == FIRST_EPOCH)
        .then_some((KeyId(quorate_codec::Digest(*key)), attempt))
}

/// Key of the row of a key's newest decided outcome.
pub(crate) fn decided_key(key: &KeyId) -> Vec<u8> {
    [b"d".as_slice(), key.as_ref()].concat()
}

/// Key of the row of a key's birth signature.
pub(crate) fn birth_key(key: &KeyId) -> Vec<u8> {
    [b"b".as_slice(), key.as_ref()].concat()
}

/// Key of the row that says in which attempt this node dealt.
pub(crate) fn dealt_key(key: &KeyId) -> Vec<u8> {
    [b"deal".as_slice(), key.as_ref()].concat()
}

/// The inverse of [`dealt_key`].
pub(crate) fn parse_dealt_key(bytes: &[u8]) -> Option<KeyId> {
    let key = bytes.strip_prefix(b"deal")?.try_into().ok()?;
    Some(KeyId(quorate_codec::Digest(key)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::DealStep;
    use quorate_codec::Digest;
    use quorate_identity::NodeSignature;

    #[test]
    fn nod_05_early_messages_of_a_dealing_push_out_nobody_elses() {
        let node = |number: u8| NodeId(Digest([number; 32]));
        let message = |attempt: u32| DealMessage {
            key: KeyId(Digest([7; 32])),
            epoch: FIRST_EPOCH,
            attempt,
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
        let of = |number| book.early.iter().filter(|(from, _)| *from == node(number)).count();
        assert_eq!((of(1), of(2)), (limits::EARLY_DEALS_MAX, 1));
    }
}
