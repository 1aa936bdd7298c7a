//! The charter as this machine verifies it itself, from the genesis on. A node delivers bytes;
//! what they mean is decided here.

use crate::domain::{DomainDir, read_at_most, write_whole};
use crate::face::Face;
use crate::failure::{Failure, Result};
use quorate_charter::{
    Ahead, AttemptOutcome, CertifiedEntry, Decided, EpochRecord, GenesisFile, KeyOrder, Replay,
    State,
};
use quorate_client::contract::{CharterEntry, EntryPage, EpochRecordAnswer, HexBytes};
use quorate_codec::{Digest, hex};
use quorate_identity::{Name, NodeId};
use quorate_recovery::backup_file::BundleKind;
use serde::{Deserialize, Serialize};
use std::num::NonZero;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Fewer entries than these are not worth a thread.
const ENTRIES_OF_A_THREAD: usize = 32;

/// Longest log file that is read, in bytes.
const LOG_BYTES_MAX: u64 = 256 << 20;

/// A log as it lies in a file, a line each: first the genesis, then every certified entry.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
enum Line {
    #[serde(rename = "genesis_file")]
    Genesis(HexBytes),
    #[serde(rename = "entry")]
    Entry(HexBytes),
}

/// The charter as this machine last verified it, verified again; what the genesis founds where it
/// never did.
///
/// # Errors
/// The caller's: the copy does not follow from the genesis.
pub fn known(dir: &DomainDir, founding: &State) -> Result<State> {
    let path = dir.known_charter_path();
    if !path.is_file() {
        return Ok(founding.clone());
    }
    let spoilt = |reason: &dyn std::fmt::Display| {
        let message = format!("{} does not hold: {reason}", path.display());
        Failure::caller("charter_copy", message, "delete it: it is fetched from a node again")
    };
    let (_, entries) = read_log(&path).map_err(|failure| spoilt(&failure))?;
    follow(founding.clone(), &entries).map_err(|failure| spoilt(&failure))
}

/// Keeps entries that were verified beyond the copy. A copy that cannot be written is no failure:
/// it is fetched again.
pub fn remember(dir: &DomainDir, genesis: &GenesisFile, news: &[CharterEntry]) {
    let path = dir.known_charter_path();
    let known = read_log(&path).map(|(_, entries)| entries).unwrap_or_default();
    let last = known.last().map_or(0, CertifiedEntry::position);
    let news: Vec<_> = news.iter().filter_map(|line| entry(&line.entry).ok()).collect();
    let follow = news.iter().filter(|entry| entry.position() > last);
    let follows = follow.clone().next().is_some_and(|entry| entry.position() == last + 1);
    if follows {
        let mut text = genesis_line(genesis);
        text.extend(known.iter().chain(follow).map(entry_line));
        let _ = write_whole(&path, text.as_bytes(), 0o644);
    }
}

/// Decodes a certified entry as a node delivered it.
///
/// # Errors
/// The node's.
pub fn entry(bytes: &HexBytes) -> Result<CertifiedEntry> {
    quorate_codec::from_bytes(&bytes.0).map_err(|error| {
        Failure::peer("bad_charter", format!("an entry is malformed: {error}"), NEXT)
    })
}

/// Verifies a page of entries and applies them.
///
/// # Errors
/// The node's: the log does not follow from the genesis.
pub fn apply_page(state: State, page: &EntryPage) -> Result<State> {
    let entries = page.entries.iter().map(|line| entry(&line.entry));
    follow(state, &entries.collect::<Result<Vec<_>>>()?)
}

/// Verifies entries and applies them: of their certificates those that no later one covers (GOV-24).
///
/// # Errors
/// The node's, or of whoever supplied the log.
pub fn follow(state: State, entries: &[CertifiedEntry]) -> Result<State> {
    let mut replay = Replay::from(state);
    let followed = replay.extend(entries, look_ahead).and_then(|()| replay.finish());
    followed.map_err(|error| Failure::peer("bad_charter", error, NEXT))
}

/// Verifies what people signed in entries on all cores. What a thread does not find is found when it
/// is met.
pub fn look_ahead(state: &State, entries: &[CertifiedEntry]) -> Ahead {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = threads.min(entries.len() / ENTRIES_OF_A_THREAD).max(1);
    let parts = entries.chunks(entries.len().div_ceil(threads).max(1));
    thread::scope(|scope| {
        let verify = |part| scope.spawn(move || Ahead::of(state, part));
        let workers: Vec<_> = parts.map(verify).collect();
        let found = workers.into_iter().map(|it| it.join().unwrap_or_default());
        found.fold(Ahead::default(), Ahead::join)
    })
}

/// Does each of so many parts, on all cores.
pub fn on_all_cores(count: usize, part: &(dyn Fn(usize) + Sync)) {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(count);
    let next = AtomicUsize::new(0);
    let work = || {
        let numbers = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        numbers.take_while(|number| *number < count).for_each(part);
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            // A thread that cannot be had leaves its parts to the others.
            let _ = thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
}

/// Verifies one entry and applies it.
///
/// # Errors
/// The node's, or of whoever supplied the log.
pub fn apply(mut state: State, entry: &CertifiedEntry) -> Result<State> {
    let verified = state.verify_entry(entry).map_err(|error| {
        let position = entry.position();
        let message = format!("entry {position} of the charter does not hold: {error}");
        Failure::peer("bad_charter", message, NEXT)
    })?;
    state.advance(verified);
    Ok(state)
}

/// What a key is, from its certified epoch record and the charter's order, both verified here.
///
/// # Errors
/// The node's: the record does not hold.
pub fn key_record(
    state: &State,
    order: &KeyOrder,
    answer: &EpochRecordAnswer,
) -> Result<EpochRecord> {
    certified_record(state, order, &answer.record).map_err(|reason| {
        let message = format!("the epoch record of key {} does not hold: {reason}", order.name);
        Failure::peer("bad_epoch_record", message, NEXT)
    })
}

/// The backups that a record names, in the order of a file: of what, whose, and the digest of each.
pub fn bundles(record: &EpochRecord) -> Vec<(BundleKind, NodeId, Digest)> {
    let shares = record.plan.committee.iter().zip(&record.backup.shares);
    let shares = shares.map(|(author, digest)| (BundleKind::Shares, *author, *digest));
    let keys = record.backup.key.iter().flat_map(|key| key.dealers.iter().zip(&key.bundles));
    let keys = keys.map(|(author, digest)| (BundleKind::Contributions, *author, *digest));
    shares.chain(keys).collect()
}

fn certified_record(
    state: &State,
    order: &KeyOrder,
    bytes: &HexBytes,
) -> std::result::Result<EpochRecord, String> {
    let decided: Decided =
        quorate_codec::from_bytes(&bytes.0).map_err(|error| error.to_string())?;
    decided.verify(state).map_err(|error| error.to_string())?;
    let outcome = quorate_codec::from_bytes(&decided.value).map_err(|error| error.to_string())?;
    let AttemptOutcome::Commit { record, .. } = outcome else {
        return Err("it certifies an attempt that made nothing".to_owned());
    };
    let record: EpochRecord =
        quorate_codec::from_bytes(&record).map_err(|error| error.to_string())?;
    let plan = &record.plan;
    let (key, epoch, attempt) = (plan.key, plan.epoch, plan.attempt);
    let at = |head| state.position_of(head);
    let is_since = at(&plan.head).is_none_or(|head| at(&plan.order) <= Some(head));
    let in_its_place = is_since && decided.instance.is_attempt(&key, epoch, attempt);
    let as_ordered = plan.genesis == state.genesis()
        && plan.key == order.key
        && (plan.scheme, plan.accounts) == (order.scheme, order.accounts)
        && record.accounts.len() == usize::from(plan.accounts)
        && plan.origin == order.origin
        && order.has_ordered(&plan.order)
        && order.has_ordered_tree(&plan.tree, &plan.order);
    match in_its_place && as_ordered {
        true => Ok(record),
        false => Err("it is not what the charter ordered".to_owned()),
    }
}

/// The order of a key by its name.
///
/// # Errors
/// The caller's: no such key.
pub fn key_named<'a>(state: &'a State, name: &Name) -> Result<&'a KeyOrder> {
    state.key_named(name).ok_or_else(|| {
        let known: Vec<&str> = state.keys().map(|key| key.name.as_str()).collect();
        let next = match known.is_empty() {
            true => "there are none yet; order one with `quorate key create`".to_owned(),
            false => format!("the keys are: {}", known.join(", ")),
        };
        Failure::caller("unknown_key", format!("there is no key {name} in this domain"), next)
    })
}

/// Writes the first line of a log file.
pub fn genesis_line(file: &GenesisFile) -> String {
    line(&Line::Genesis(HexBytes(quorate_codec::to_bytes(file))))
}

/// Writes a further line of a log file.
pub fn entry_line(entry: &CertifiedEntry) -> String {
    line(&Line::Entry(HexBytes(quorate_codec::to_bytes(entry))))
}

fn line(line: &Line) -> String {
    // The type always serialises.
    serde_json::to_string(line).unwrap_or_default() + "\n"
}

/// Reads a log file. A last line that is not whole was being written when its writer stopped,
/// and is left out.
///
/// # Errors
/// The caller's: no such file. A peer's: not a log.
pub fn read_log(path: &Path) -> Result<(GenesisFile, Vec<CertifiedEntry>)> {
    let not_a_log = |reason: &dyn std::fmt::Display| {
        let message = format!("{} is not a charter log: {reason}", path.display());
        Failure::peer("bad_charter", message, "name a file that `charter log --output` wrote")
    };
    let bytes =
        read_at_most(path, LOG_BYTES_MAX).map_err(|error| Failure::named_file(path, &error))?;
    let text = String::from_utf8(bytes).map_err(|error| not_a_log(&error))?;
    let whole = text.rfind('\n').map_or("", |end| text.get(..end).unwrap_or_default());
    let mut lines = whole.lines();
    let first = lines.next().unwrap_or_default();
    let Ok(Line::Genesis(genesis)) = serde_json::from_str(first) else {
        return Err(not_a_log(&"it does not begin with a genesis"));
    };
    let genesis = quorate_codec::from_bytes(&genesis.0).map_err(|error| not_a_log(&error))?;
    Face::of_process().name_staging(&genesis);
    let mut entries = Vec::new();
    for line in lines {
        match serde_json::from_str(line) {
            Ok(Line::Entry(bytes)) => entries.push(entry(&bytes)?),
            _ => return Err(not_a_log(&"a line is no entry")),
        }
    }
    Ok((genesis, entries))
}

/// A 32-byte value as typed: an id, a hash, a digest.
///
/// # Errors
/// The caller's.
pub fn parse_hash<T: std::str::FromStr<Err = hex::HexError>>(text: &str, what: &str) -> Result<T> {
    text.parse().map_err(|error| {
        let code = format!("bad_{}", what.replace(' ', "_"));
        Failure::caller(&code, format!("not a {what}: {error}"), "give 0x and 64 lower-case digits")
    })
}

const NEXT: &str = "ask another node with --node, and show this to the operators: the log that \
                    this one delivered is not the domain's";
