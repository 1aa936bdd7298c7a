//! Where a node's time, bytes and syncs go, by part, so that the next improvement is visible.

use cpu_time::ThreadTime;
use quorate_machine::job::Part;
use std::sync::atomic::{AtomicU64, Ordering};

/// Running totals since the process began.
#[derive(Debug, Default)]
pub struct Accounts {
    engine_ns: AtomicU64,
    policy_ns: AtomicU64,
    store_ns: AtomicU64,
    transport_ns: AtomicU64,
    other_ns: AtomicU64,
    bytes: AtomicU64,
    commits: AtomicU64,
}

/// A reading of the totals.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reading {
    /// CPU nanoseconds of threshold arithmetic.
    pub engine_ns: u64,
    /// CPU nanoseconds of decoding and judging.
    pub policy_ns: u64,
    /// CPU nanoseconds of the committing thread inside the store.
    pub store_ns: u64,
    /// CPU nanoseconds of sending.
    pub transport_ns: u64,
    /// CPU nanoseconds of the node's own loop.
    pub other_ns: u64,
    /// Bytes sent to peers.
    pub bytes: u64,
    /// Durable transactions.
    pub commits: u64,
}

/// Adds the thread's CPU time since it was made when it is dropped.
pub struct Timer<'a> {
    total: &'a AtomicU64,
    since: ThreadTime,
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        let spent = u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX);
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

    /// Times sending.
    pub fn time_transport(&self) -> Timer<'_> {
        time(&self.transport_ns)
    }

    /// Times the node's loop.
    pub fn time_other(&self) -> Timer<'_> {
        time(&self.other_ns)
    }

    /// Counts bytes handed to the transport.
    pub fn count_bytes(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts a durable transaction.
    pub fn count_commit(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    /// The totals now.
    pub fn read(&self) -> Reading {
        let of = |total: &AtomicU64| total.load(Ordering::Relaxed);
        Reading {
            engine_ns: of(&self.engine_ns),
            policy_ns: of(&self.policy_ns),
            store_ns: of(&self.store_ns),
            transport_ns: of(&self.transport_ns),
            other_ns: of(&self.other_ns),
            bytes: of(&self.bytes),
            commits: of(&self.commits),
        }
    }
}

fn time(total: &AtomicU64) -> Timer<'_> {
    Timer { total, since: ThreadTime::now() }
}
