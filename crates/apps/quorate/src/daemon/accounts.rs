//! Where a node's time, bytes and syncs go, by part, so that the next improvement is visible.
//!
//! Jobs and transactions are timed on the thread that runs them. Channels between nodes have
//! threads of their own, whose time the kernel counts. What is left of the process is `other`.

use minicbor::Decoder;
use quorate_client::contract;
use quorate_machine::durable::{Table, Write, newest};
use quorate_machine::job::Part;
use quorate_machine::wire::{Message, Target};
use rustix::time::{ClockId, clock_gettime};
use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Name of the threads that carry channels between nodes.
pub const TRANSPORT_THREAD: &str = "transport";

/// Running totals since the process began.
#[derive(Debug, Default)]
pub struct Accounts {
    cpu_ns: ByPart,
    bytes: ByPart,
    fsyncs: ByPart,
    signatures: AtomicU64,
    released: Mutex<Released>,
}

/// One quantity by the part of the product that causes it.
#[derive(Debug, Default)]
struct ByPart {
    engine: AtomicU64,
    transport: AtomicU64,
    store: AtomicU64,
    policy: AtomicU64,
    other: AtomicU64,
}

/// What was released lately, so that a signature that is told to another peer later is not
/// counted twice.
#[derive(Debug, Default)]
struct Released {
    targets: BTreeSet<Target>,
    order: VecDeque<Target>,
}

/// How many released signatures are told apart.
const RELEASED_KEPT: usize = 4_096;

/// Adds the thread's CPU time since it was made when it is dropped.
pub struct Timer<'a> {
    total: &'a AtomicU64,
    since: u64,
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        let spent = cpu_ns_of(ClockId::ThreadCPUTime).saturating_sub(self.since);
        self.total.fetch_add(spent, Ordering::Relaxed);
    }
}

impl Accounts {
    /// Times a job.
    pub fn time_job(&self, part: Part) -> Timer<'_> {
        time(match part {
            Part::Engine => &self.cpu_ns.engine,
            Part::Policy => &self.cpu_ns.policy,
        })
    }

    /// Times a transaction.
    pub fn time_store(&self) -> Timer<'_> {
        time(&self.cpu_ns.store)
    }

    /// Counts a frame handed to the channels, and the signature in it if it carries one.
    pub fn count_frame(&self, frame: &[u8]) {
        let kind = kind(frame);
        let total = match kind {
            Some(DEAL | PAIR | SESSION) => &self.bytes.engine,
            Some(HELLO | WELCOME) => &self.bytes.transport,
            Some(REQUEST | APPROVAL | CANCELLATION | DECISION | OUTCOME) => &self.bytes.policy,
            _ => &self.bytes.other,
        };
        add(total, frame.len());
        if kind == Some(OUTCOME)
            && let Ok(Message::Outcome(outcome)) = quorate_codec::from_bytes(frame)
        {
            let mut released = self.released.lock().unwrap_or_else(PoisonError::into_inner);
            let fresh = released.note(outcome.target);
            self.signatures.fetch_add(u64::from(fresh), Ordering::Relaxed);
        }
    }

    /// Counts a durable transaction that synced so often: its first sync for what waited for it,
    /// the rest and its rows for the store.
    pub fn count_commit(&self, writes: &[Write], syncs: usize) {
        if syncs == 0 {
            return;
        }
        let has = |tables: &[Table]| writes.iter().any(|write| tables.contains(&write.table));
        let waited_for = if has(&[Table::Attempt, Table::Share, Table::Pair]) {
            &self.fsyncs.engine
        } else if has(&[Table::Request]) {
            &self.fsyncs.policy
        } else if has(&[Table::Peer, Table::Incarnation]) {
            &self.fsyncs.transport
        } else {
            &self.fsyncs.other
        };
        add(waited_for, 1);
        add(&self.fsyncs.store, syncs.saturating_sub(1));
        let rows = newest(writes).into_iter();
        let size = rows.map(|((_, key), row)| key.len() + row.map_or(0, <[u8]>::len));
        add(&self.bytes.store, size.sum());
    }

    /// The totals now.
    pub fn read(&self) -> contract::Accounts {
        let mut cpu_ns = self.cpu_ns.read();
        cpu_ns.transport = threads_ns(TRANSPORT_THREAD);
        let told_apart = cpu_ns.engine + cpu_ns.policy + cpu_ns.store + cpu_ns.transport;
        cpu_ns.other = cpu_ns_of(ClockId::ProcessCPUTime).saturating_sub(told_apart);
        contract::Accounts {
            cpu_ns,
            bytes: self.bytes.read(),
            fsyncs: self.fsyncs.read(),
            signatures: self.signatures.load(Ordering::Relaxed),
            memory_peak: memory_peak().unwrap_or_default(),
        }
    }
}

/// The most memory that this process ever held, in bytes, as Linux counts it.
fn memory_peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    kib.checked_mul(1_024)
}

impl ByPart {
    fn read(&self) -> contract::Totals {
        let of = |total: &AtomicU64| total.load(Ordering::Relaxed);
        contract::Totals {
            engine: of(&self.engine),
            transport: of(&self.transport),
            store: of(&self.store),
            policy: of(&self.policy),
            other: of(&self.other),
        }
    }
}

fn add(total: &AtomicU64, number: usize) {
    total.fetch_add(number as u64, Ordering::Relaxed);
}

fn time(total: &AtomicU64) -> Timer<'_> {
    Timer { total, since: cpu_ns_of(ClockId::ThreadCPUTime) }
}

fn cpu_ns_of(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or_default();
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}

/// CPU time of this process's threads of one name, as the kernel counts it; 0 where it does not.
fn threads_ns(name: &str) -> u64 {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let named = threads.filter(|thread| {
        fs::read_to_string(thread.path().join("comm")).is_ok_and(|comm| comm.trim_end() == name)
    });
    named
        .filter_map(|thread| {
            let counted = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            counted.split(' ').next()?.parse::<u64>().ok()
        })
        .sum()
}

impl Released {
    /// Whether the target was not noted before.
    fn note(&mut self, target: Target) -> bool {
        let fresh = self.targets.insert(target);
        if fresh {
            self.order.push_back(target);
        }
        if self.order.len() > RELEASED_KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.targets.remove(&oldest);
        }
        fresh
    }
}

/// The number of a message's kind; nothing else of it is looked at.
fn kind(frame: &[u8]) -> Option<u8> {
    let mut decoder = Decoder::new(frame);
    decoder.array().ok()?;
    decoder.u8().ok()
}

// Numbers of kinds in `quorate_machine::wire::Message`; a test holds them together.
const HELLO: u8 = 0;
const WELCOME: u8 = 1;
const DEAL: u8 = 9;
const PAIR: u8 = 10;
const REQUEST: u8 = 11;
const APPROVAL: u8 = 12;
const CANCELLATION: u8 = 13;
const DECISION: u8 = 14;
const SESSION: u8 = 15;
const OUTCOME: u8 = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_codec::Digest;
    use quorate_identity::{Head, RequestId};
    use quorate_machine::wire::{Outcome, SessionMessage, SessionStep};

    #[test]
    fn this_process_holds_some_memory() {
        assert!(Accounts::default().read().memory_peak > 1 << 20);
    }

    #[test]
    fn frames_are_counted_by_what_they_carry() {
        let accounts = Accounts::default();
        let session = SessionMessage { run: Digest::ZERO, step: SessionStep::Abort };
        let session = quorate_codec::to_bytes(&Message::Session(session));
        let fetch = quorate_codec::to_bytes(&Message::Fetch(3));
        accounts.count_frame(&session);
        accounts.count_frame(&fetch);
        let read = accounts.read();
        assert_eq!(read.bytes.engine, session.len() as u64);
        assert_eq!(read.bytes.other, fetch.len() as u64);
        assert_eq!(read.signatures, 0);
    }

    #[test]
    fn a_commit_is_counted_for_what_waited_for_it() {
        let accounts = Accounts::default();
        let write = |table| Write::put(table, [1; 4], vec![0; 16]);
        let syncs = 2;
        accounts.count_commit(&[write(Table::Request), write(Table::Attempt)], syncs);
        accounts.count_commit(&[write(Table::Request)], 1);
        accounts.count_commit(&[write(Table::Peer)], syncs);
        // One that replaces shares.
        accounts.count_commit(&[write(Table::Share)], syncs + 2);
        accounts.count_commit(&[write(Table::Votes)], syncs);
        let fsyncs = accounts.read().fsyncs;
        let waited = [fsyncs.engine, fsyncs.policy, fsyncs.transport, fsyncs.other];
        assert_eq!(waited, [2, 1, 1, 1]);
        assert_eq!(fsyncs.store, 4 + 2);
        assert_eq!(accounts.read().bytes.store, 6 * 20);
    }

    #[test]
    fn a_signature_is_counted_once_however_often_it_is_told() {
        let accounts = Accounts::default();
        let outcome = |byte: u8| {
            let target = Target::Request(RequestId(Digest([byte; 32])));
            let head = Head(Digest::ZERO);
            let outcome = Outcome { target, head, quorum: Vec::new(), signatures: Vec::new() };
            quorate_codec::to_bytes(&Message::Outcome(outcome))
        };
        for byte in [1, 1, 2, 1, 2] {
            accounts.count_frame(&outcome(byte));
        }
        assert_eq!(accounts.read().signatures, 2);
    }

    #[test]
    fn time_goes_to_the_part_that_spent_it() {
        let accounts = Accounts::default();
        {
            let _timer = accounts.time_job(Part::Policy);
            let sum: u64 = (0..5_000_000_u64).map(std::hint::black_box).sum();
            std::hint::black_box(sum);
        }
        let read = accounts.read();
        assert!(read.cpu_ns.policy > 0);
        assert_eq!(read.cpu_ns.engine, 0);
    }
}
