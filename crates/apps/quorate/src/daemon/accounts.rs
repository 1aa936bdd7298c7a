//! Where a node's time, bytes and syncs go, by part, so that the next improvement is visible.
//!
//! Jobs and transactions are timed on the thread that runs them. Channels between nodes have
//! threads of their own, whose time the kernel counts. What is left of the process is `other`.

use minicbor::Decoder;
use quorate_client::contract;
use quorate_machine::durable::{Table, Write};
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
    engine_ns: AtomicU64,
    policy_ns: AtomicU64,
    store_ns: AtomicU64,
    engine_bytes: AtomicU64,
    other_bytes: AtomicU64,
    engine_fsyncs: AtomicU64,
    other_fsyncs: AtomicU64,
    signatures: AtomicU64,
    released: Mutex<Released>,
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
        let spent = cpu_ns(ClockId::ThreadCPUTime).saturating_sub(self.since);
        self.total.fetch_add(spent, Ordering::Relaxed);
    }
}

impl Accounts {
    /// Times a job.
    pub fn time_job(&self, part: Part) -> Timer<'_> {
        time(match part {
            Part::Engine => &self.engine_ns,
            Part::Policy => &self.policy_ns,
        })
    }

    /// Times a transaction.
    pub fn time_store(&self) -> Timer<'_> {
        time(&self.store_ns)
    }

    /// Counts a frame handed to the channels, and the signature in it if it carries one.
    pub fn count_frame(&self, frame: &[u8]) {
        let kind = kind(frame);
        let engine = matches!(kind, Some(DEAL | PAIR | SESSION));
        let total = if engine { &self.engine_bytes } else { &self.other_bytes };
        total.fetch_add(frame.len() as u64, Ordering::Relaxed);
        if kind == Some(OUTCOME)
            && let Ok(Message::Outcome(outcome)) = quorate_codec::from_bytes(frame)
        {
            let mut released = self.released.lock().unwrap_or_else(PoisonError::into_inner);
            let fresh = released.note(outcome.target);
            self.signatures.fetch_add(u64::from(fresh), Ordering::Relaxed);
        }
    }

    /// Counts a durable transaction.
    pub fn count_commit(&self, writes: &[Write]) {
        let engine = [Table::Attempt, Table::Share, Table::Pair];
        let waited_for = writes.iter().any(|write| engine.contains(&write.table));
        let total = if waited_for { &self.engine_fsyncs } else { &self.other_fsyncs };
        total.fetch_add(1, Ordering::Relaxed);
    }

    /// The totals now.
    pub fn read(&self) -> contract::Accounts {
        let of = |total: &AtomicU64| total.load(Ordering::Relaxed);
        let (engine, policy, store) =
            (of(&self.engine_ns), of(&self.policy_ns), of(&self.store_ns));
        let transport = threads_ns(TRANSPORT_THREAD);
        let process = cpu_ns(ClockId::ProcessCPUTime);
        contract::Accounts {
            engine_cpu_ns: engine,
            transport_cpu_ns: transport,
            store_cpu_ns: store,
            policy_cpu_ns: policy,
            other_cpu_ns: process.saturating_sub(engine + policy + store + transport),
            engine_bytes: of(&self.engine_bytes),
            other_bytes: of(&self.other_bytes),
            engine_fsyncs: of(&self.engine_fsyncs),
            other_fsyncs: of(&self.other_fsyncs),
            signatures: of(&self.signatures),
        }
    }
}

fn time(total: &AtomicU64) -> Timer<'_> {
    Timer { total, since: cpu_ns(ClockId::ThreadCPUTime) }
}

fn cpu_ns(clock: ClockId) -> u64 {
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
const DEAL: u8 = 9;
const PAIR: u8 = 10;
const SESSION: u8 = 15;
const OUTCOME: u8 = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_codec::Digest;
    use quorate_identity::{Head, RequestId};
    use quorate_machine::wire::{Outcome, SessionMessage, SessionStep};

    #[test]
    fn frames_are_counted_by_what_they_carry() {
        let accounts = Accounts::default();
        let session = SessionMessage { run: Digest::ZERO, step: SessionStep::Abort };
        let session = quorate_codec::to_bytes(&Message::Session(session));
        let fetch = quorate_codec::to_bytes(&Message::Fetch(3));
        accounts.count_frame(&session);
        accounts.count_frame(&fetch);
        let read = accounts.read();
        assert_eq!(read.engine_bytes, session.len() as u64);
        assert_eq!(read.other_bytes, fetch.len() as u64);
        assert_eq!(read.signatures, 0);
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
        assert!(read.policy_cpu_ns > 0);
        assert_eq!(read.engine_cpu_ns, 0);
    }
}
