//! How a node starts: from the genesis file, its secrets, and the rows that were durable. It
//! replays the charter from genesis, verifies what it reads, and makes a new incarnation durable
//! before anything leaves (NOD-10).

mod keys;

use crate::audit::Audit;
use crate::ceremonies::{EvidenceBook, Keys};
use crate::cessions::{Cessions, Heard};
use crate::cores::Cores;
use crate::custody::Possessions;
use crate::drills::Drills;
use crate::durable::{Record, Table, Write};
use crate::estate::Estate;
use crate::event::{Alarm, Barrier, Millis, Output};
use crate::exports::Exports;
use crate::forks::FORK_ROW;
use crate::freezes::Freezes;
use crate::governor::{Governor, compiled_policy};
use crate::limits::Pace;
use crate::node::{HALT_ROW, Node, Turn};
use crate::outcome;
use crate::pairs::Pairs;
use crate::presence::{CLOCK_ROW, LAPSE_ROW, Lapse, Presence};
use crate::programs::outdated;
use crate::requests::{RequestBook, Requests};
use crate::sessions::Sessions;
use quorate_charter::{
    CertifiedEntry, GenesisError, GenesisFile, Incarnation, Instance, LogError, LookAhead, Program,
    Replay, SignedFreeze, SignedHello, SignedMotion, State, Votes,
};
use quorate_codec::{Canonical, Digest};
use quorate_engine::Backups;
use quorate_identity::{KeyId, NodeId, NodeSecrets};
use rand_core::CryptoRngCore;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Entries that are replayed at once: a few for every core, and few enough that those whose keys
/// changed among them, which are verified one after the other, are few.
const ENTRIES_AT_ONCE: usize = 1_024;

/// What a node starts from.
pub struct BootPlan {
    /// The genesis with all signatures. Its hash is for the caller to have compared with the
    /// founders; a node that ran before refuses any other than its own.
    pub file: GenesisFile,
    /// The node's keys.
    pub secrets: NodeSecrets,
    /// All rows that were durable, in any order.
    pub records: Vec<Record>,
    /// Waiting times.
    pub pace: Pace,
    /// How large the proofs of backups are: [`quorate_engine::Standard`] but in tests.
    pub proofs: Backups,
    /// What runs here.
    pub program: Program,
    /// How to verify what people signed in the charter ahead of the replay.
    pub look_ahead: LookAhead,
    /// How to do many things at once.
    pub cores: Cores,
    /// The clock now.
    pub now: Millis,
}

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// The caller's fault: the genesis does not hold.
    #[error("the genesis does not hold: {0}")]
    Genesis(#[from] GenesisError),
    /// The caller's fault: the node belongs to another domain.
    #[error("this node belongs to another domain than the genesis file")]
    OtherDomain,
    /// The caller's fault: no node of the charter has these keys, or not any more.
    #[error("the charter names no node with this node's keys")]
    NotNamed,
    /// The machine's fault: an entry of the log is missing or does not verify.
    #[error("entry {position} of the stored charter does not hold: {why}")]
    Entry {
        /// Its position.
        position: u64,
        /// Why.
        why: String,
    },
    /// The machine's fault: a row cannot be read. The node must not guess what it said.
    #[error("a stored row of table {table:?} cannot be read: {why}")]
    Row {
        /// Its table.
        table: Table,
        /// Why.
        why: String,
    },
}

impl BootError {
    /// Whether the caller can mend it; otherwise it is this machine's fault.
    pub fn is_callers_fault(&self) -> bool {
        match self {
            Self::Genesis(_) | Self::OtherDomain | Self::NotNamed => true,
            Self::Entry { .. } | Self::Row { .. } => false,
        }
    }
}

/// A node that is not lapsed cannot be taken back; the caller's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this node has not been found lapsed; there is nothing to come back from")]
pub struct NotLapsed;

/// What an operator's `node rejoin` makes durable while the node is stopped: at its next start
/// the node asks the voters to take it back (NOD-16).
///
/// # Errors
/// [`NotLapsed`].
pub fn rejoin(records: &[Record]) -> Result<Write, NotLapsed> {
    let row = records.iter().find(|row| row.table == Table::Meta && row.key == LAPSE_ROW);
    let lapse = row.and_then(|row| quorate_codec::from_bytes::<Lapse>(&row.value).ok());
    lapse.map(Lapse::wanting_back).ok_or(NotLapsed)
}

/// A pair that is not quarantined needs no release; the caller's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this node has no quarantine against that peer")]
pub struct NotQuarantined;

/// What an operator's `node release` makes durable while the node is stopped: it ends the
/// quarantine of one peer. Nothing of the old set-up is left, so the next one is made anew (PAR-06).
///
/// # Errors
/// [`NotQuarantined`].
pub fn release(records: &[Record], peer: &NodeId) -> Result<Write, NotQuarantined> {
    let key: &[u8] = peer.as_ref();
    let row = records.iter().find(|row| row.table == Table::Quarantine && row.key == key);
    row.map(|row| Write::delete(Table::Quarantine, row.key.clone())).ok_or(NotQuarantined)
}

/// Key of the row that holds the genesis file.
const GENESIS_ROW: &[u8] = b"genesis";
/// Key of the row that holds the incarnation.
const INCARNATION_ROW: &[u8] = b"incarnation";

impl Node {
    /// Starts a node. The output holds what must be durable before anything else happens.
    ///
    /// # Errors
    /// [`BootError`]. Cost: some signature verifications an entry and a request.
    pub fn boot(plan: BootPlan, rng: &mut dyn CryptoRngCore) -> Result<(Self, Output), BootError> {
        let BootPlan { file, secrets, records, pace, proofs, program, look_ahead, cores, now } =
            plan;
        let rows = Rows::new(records);
        let stored = rows.get(Table::Meta, GENESIS_ROW);
        if stored.is_some_and(|stored| stored != quorate_codec::to_bytes(&file)) {
            return Err(BootError::OtherDomain);
        }
        let founded = file.verify(&file.hash())?;
        let (state, log) = replay(founded, &rows, look_ahead)?;
        let me = named(&state, &secrets).ok_or(BootError::NotNamed)?;
        let clock = rows.get(Table::Meta, CLOCK_ROW).and_then(|row| row.try_into().ok());
        let clock = clock.map(u64::from_be_bytes).unwrap_or_default();
        let mut alarms = Vec::new();
        let mut keys = keys::load(&state, &me, &rows, cores, &mut alarms)?;
        let evidence = evidence(&state, proofs, &rows, &mut keys, &mut alarms);
        let halted = rows.get(Table::Meta, HALT_ROW);
        let fork = rows.get(Table::Meta, FORK_ROW).map(|row| read(Table::Meta, row));
        let lapse = rows.get(Table::Meta, LAPSE_ROW).map(|row| read(Table::Meta, row));
        let mut node = Self {
            me,
            incarnation: incarnation(&rows, rng)?,
            presence: Presence::load(
                clock,
                rows.all::<NodeId, SignedHello>(Table::Peer)?,
                lapse.transpose()?,
            ),
            governor: governor(log, &rows)?,
            pairs: pairs(&state, &keys, &me, &rows, now)?,
            requests: requests(&state, &keys, &rows),
            sessions: Sessions::default(),
            attempts: rows.digests(Table::Attempt),
            jobs: 0,
            trail: trail(&rows),
            evidence,
            fork: fork.transpose()?,
            halted: halted.map(|row| String::from_utf8_lossy(row).into_owned()),
            possessions: possessions(&rows)?,
            drills: drills(&rows, &mut alarms),
            freezes: freezes(&state, &rows)?,
            cessions: cessions(&rows)?,
            exports: exports(&rows),
            estate: estate(&rows)?,
            policy: compiled_policy(&state),
            outdated: outdated(&state, &program),
            program,
            state: Arc::new(state),
            keys,
            secrets,
            pace,
            proofs,
            file,
        };
        let now = node.presence.advance_clock(now);
        let mut turn =
            Turn { now, rng, out: Output { barrier: Barrier::Full, ..Output::default() } };
        turn.out.writes = node.first_writes();
        turn.out.writes.extend(node.keys.take_leftovers());
        node.look_at_announced(&mut turn);
        node.look_at_cessions(&mut turn);
        node.look_at_custody(&mut turn);
        node.look_at_drills(&mut turn);
        node.look_at_exports();
        node.learn_asked(now);
        node.forget_summands(&mut turn);
        alarms.extend(node.untaken_estate());
        alarms.extend(node.lacking_summands());
        alarms.extend(node.cession_alarms());
        for alarm in alarms {
            node.alarm(alarm.text, &alarm.culprits, &mut turn);
        }
        turn.out.wake_at = node.wake_at();
        Ok((node, turn.out))
    }

    fn first_writes(&self) -> Vec<Write> {
        let incarnation = quorate_codec::to_bytes(&self.incarnation);
        vec![
            Write::put(Table::Meta, GENESIS_ROW, quorate_codec::to_bytes(&self.file)),
            Write::put(Table::Incarnation, INCARNATION_ROW, incarnation),
        ]
    }
}

/// The stored rows, by table and key.
struct Rows(BTreeMap<(Table, Vec<u8>), zeroize::Zeroizing<Vec<u8>>>);

impl Rows {
    fn new(records: Vec<Record>) -> Self {
        Self(records.into_iter().map(|row| ((row.table, row.key), row.value)).collect())
    }

    fn get(&self, table: Table, key: &[u8]) -> Option<&[u8]> {
        self.0.get(&(table, key.to_vec())).map(|row| row.as_slice())
    }

    /// The rows of a table, ascending by key.
    fn of(&self, table: Table) -> impl Iterator<Item = (&[u8], &[u8])> {
        let rows = self.0.range((table, Vec::new())..);
        let rows = rows.take_while(move |((found, _), _)| *found == table);
        rows.map(|((_, key), value)| (key.as_slice(), value.as_slice()))
    }

    /// The rows of a table whose keys and values are canonical.
    fn all<K: RowKey + Ord, V: Canonical>(
        &self,
        table: Table,
    ) -> Result<BTreeMap<K, V>, BootError> {
        let mut all = BTreeMap::new();
        for (key, value) in self.of(table) {
            let key = K::from_row_key(key).ok_or_else(|| unreadable(table, "its key"))?;
            all.insert(key, read(table, value)?);
        }
        Ok(all)
    }

    /// The keys of a table that are digests.
    fn digests(&self, table: Table) -> VecDeque<Digest> {
        let keys = self.of(table).filter_map(|(key, _)| key.try_into().ok());
        keys.map(Digest).collect()
    }
}

/// A row key with a meaning.
trait RowKey: Sized {
    fn from_row_key(bytes: &[u8]) -> Option<Self>;
}

impl RowKey for NodeId {
    fn from_row_key(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(Digest(bytes)))
    }
}

impl RowKey for Instance {
    fn from_row_key(bytes: &[u8]) -> Option<Self> {
        quorate_codec::from_bytes(bytes).ok()
    }
}

fn named(state: &State, secrets: &NodeSecrets) -> Option<NodeId> {
    let public = secrets.public();
    state.nodes().find(|node| node.keys == public).map(|node| node.id)
}

/// Replays the log from genesis: every rule, and every certificate that no later one covers (N-72,
/// GOV-24).
fn replay(
    founded: State,
    rows: &Rows,
    look_ahead: LookAhead,
) -> Result<(State, Vec<CertifiedEntry>), BootError> {
    let mut log = Vec::new();
    for (position, (_, row)) in (1..).zip(rows.of(Table::Entry)) {
        let entry: Result<CertifiedEntry, _> = quorate_codec::from_bytes(row);
        log.push(entry.map_err(|error| BootError::Entry { position, why: error.to_string() })?);
    }
    let failed = |error: LogError| match error {
        LogError::Entry { position, error } => {
            BootError::Entry { position, why: error.to_string() }
        }
        LogError::Genesis(error) => BootError::Genesis(error),
    };
    let mut replay = Replay::from(founded);
    for entries in log.chunks(ENTRIES_AT_ONCE) {
        replay.extend(entries, look_ahead).map_err(failed)?;
    }
    Ok((replay.finish().map_err(failed)?, log))
}

fn incarnation(rows: &Rows, rng: &mut dyn CryptoRngCore) -> Result<Incarnation, BootError> {
    let mut id = [0; 32];
    rng.fill_bytes(&mut id);
    match rows.get(Table::Incarnation, INCARNATION_ROW) {
        None => Ok(Incarnation::first(Digest(id))),
        Some(row) => Ok(read::<Incarnation>(Table::Incarnation, row)?.next(Digest(id))),
    }
}

/// Cessions that wait, whether or not they count at the head: that is looked at next.
fn cessions(rows: &Rows) -> Result<Cessions, BootError> {
    let mut cessions = Cessions::default();
    for (_, row) in rows.of(Table::Cession) {
        cessions.load(read::<Heard>(Table::Cession, row)?);
    }
    Ok(cessions)
}

/// Freezes that count at the head; the others go with the next entry.
fn freezes(state: &State, rows: &Rows) -> Result<Freezes, BootError> {
    let mut freezes = Freezes::default();
    for (_, row) in rows.of(Table::Freeze) {
        let signed: SignedFreeze = read(Table::Freeze, row)?;
        // It was verified when it was taken, under keys that may have been replaced since.
        let freeze =
            signed.body().map_err(|error| unreadable(Table::Freeze, &error.to_string()))?;
        if !signed.is_over(&freeze, state) {
            freezes.load(signed, freeze);
        }
    }
    Ok(freezes)
}

fn governor(log: Vec<CertifiedEntry>, rows: &Rows) -> Result<Governor, BootError> {
    let votes = rows.all::<Instance, Votes>(Table::Votes)?;
    let motions = rows.of(Table::Motion).map(|(_, row)| read(Table::Motion, row));
    let motions = motions.collect::<Result<Vec<SignedMotion>, _>>()?;
    let heard = rows.of(Table::Heard).map(|(key, row)| {
        let position = key.try_into().map(u64::from_be_bytes);
        let at = row.try_into().map(u64::from_be_bytes);
        position.ok().zip(at.ok()).ok_or_else(|| unreadable(Table::Heard, "its key or its time"))
    });
    Ok(Governor::load(log, votes, motions, heard.collect::<Result<_, _>>()?))
}

fn pairs(
    state: &State,
    keys: &Keys,
    me: &NodeId,
    rows: &Rows,
    now: Millis,
) -> Result<Pairs, BootError> {
    let mut pairs = Pairs::default();
    for (key, row) in rows.of(Table::Quarantine) {
        let peer = NodeId::from_row_key(key);
        let peer = peer.ok_or_else(|| unreadable(Table::Quarantine, "its key"))?;
        pairs.load_quarantine(peer, String::from_utf8_lossy(row).into_owned());
    }
    for (key, row) in rows.of(Table::Pair) {
        if let Some(peer) = NodeId::from_row_key(key) {
            pairs.load(peer, row);
        }
    }
    pairs.learn_orders(state, keys, me);
    pairs.replace_all(keys.with_erasure_open(me), now);
    Ok(pairs)
}

/// Requests as far as they still verify; what does not is dropped, peers tell it again.
fn requests(state: &State, keys: &Keys, rows: &Rows) -> Requests {
    let loaded = rows.of(Table::Request).filter_map(|(_, row)| RequestBook::load(row, state).ok());
    let mut books: Vec<RequestBook> = loaded.collect();
    books.sort_by_key(|book| book.filed_at);
    let mut requests = Requests::default();
    for mut book in books {
        book.decoded = decoded(keys, &book.request.body().key, &book);
        requests.insert(book);
    }
    requests
}

fn decoded(keys: &Keys, key: &KeyId, book: &RequestBook) -> Option<Arc<quorate_intent::Decoded>> {
    let record = keys.book(key)?.record()?;
    outcome::decode(book.request.body(), record).ok().map(Arc::new)
}

/// What is known of recovery keys: a row that cannot be read would be asked for anew.
fn possessions(rows: &Rows) -> Result<Possessions, BootError> {
    let mut possessions = Possessions::default();
    for (key, row) in rows.of(Table::Possession) {
        if !possessions.load(key, row) {
            return Err(unreadable(Table::Possession, "it is damaged"));
        }
    }
    Ok(possessions)
}

/// Drills that were held: what cannot be read of them is told, and hinders nothing.
fn drills(rows: &Rows, alarms: &mut Vec<Alarm>) -> Drills {
    let mut drills = Drills::default();
    for (key, row) in rows.of(Table::Drill) {
        if !drills.load(key, row) {
            let text = "the stored drills of custodians are damaged: hold another".to_owned();
            alarms.push(Alarm { text, culprits: Vec::new() });
        }
    }
    drills
}

/// Parts of exported keys that were made. What is of an export or epoch that is over goes with the
/// first turn.
fn exports(rows: &Rows) -> Exports {
    let mut exports = Exports::default();
    for (key, _) in rows.of(Table::Export) {
        // What has another key is found by nobody.
        let _ = exports.load(key);
    }
    exports
}

/// What was found of the domain before.
fn estate(rows: &Rows) -> Result<Estate, BootError> {
    let mut estate = Estate::default();
    for table in [Table::Estate, Table::Summand] {
        for (key, row) in rows.of(table) {
            if !estate.load(table, key, row) {
                return Err(unreadable(table, "it is damaged"));
            }
        }
    }
    Ok(estate)
}

/// What was proven stays proven: who deviated in attempts at an epoch that is not made yet is left
/// out where it can be (BLM-08).
fn evidence(
    state: &State,
    proofs: Backups,
    rows: &Rows,
    keys: &mut Keys,
    alarms: &mut Vec<Alarm>,
) -> EvidenceBook {
    let mut book = EvidenceBook::default();
    for (key, row) in rows.of(Table::Evidence) {
        if !book.load(state, proofs, key, row) {
            let text = "a stored piece of evidence is damaged".to_owned();
            alarms.push(Alarm { text, culprits: Vec::new() });
        }
    }
    for (key, row) in rows.of(Table::Guilt) {
        if !book.load_guilt(key, row) {
            let text = "a stored proof of guilt is damaged".to_owned();
            alarms.push(Alarm { text, culprits: Vec::new() });
        }
    }
    for order in state.keys() {
        let known = keys.book_mut(order.key);
        known.load_guilty(book.guilty_of(&order.key, known.next_epoch()));
    }
    book
}

fn trail(rows: &Rows) -> Audit {
    let mut trail = Audit::default();
    for (key, row) in rows.of(Table::Audit) {
        trail.load(key, row);
    }
    trail
}

fn read<T: Canonical>(table: Table, row: &[u8]) -> Result<T, BootError> {
    quorate_codec::from_bytes(row).map_err(|error| unreadable(table, &error.to_string()))
}

fn unreadable(table: Table, why: &str) -> BootError {
    BootError::Row { table, why: why.to_owned() }
}
