//! The loop around [`Node::handle`]: events in; writes made durable, then everything else out.
//!
//! The node runs ahead in memory while its outputs are held back. One thread commits: it takes
//! all outputs that wait, sends what promises nothing, writes their rows in one transaction if any of
//! them is a barrier, and releases the rest in order (NOD-01). A failed commit ends the process: what
//! was promised is not durable. So does another generation of the machine's memory: what would leave
//! may leave twice.

use super::accounts::Accounts;
use super::generation::{Copied, Generation};
use crate::now_ms;
use quorate_machine::call::Answer;
use quorate_machine::durable::{Table, Write};
use quorate_machine::event::{Barrier, CallId, Envelope, Event, Notice, Output};
use quorate_machine::job::{Job, JobResult};
use quorate_machine::node::Node;
use quorate_store::Store;
use quorate_transport::MeshHandle;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{broadcast, mpsc, oneshot};

/// Events that may wait for the node; beyond it the sender waits.
const EVENTS_WAITING_MAX: usize = 4_096;
/// Notices that a slow watcher may be behind before it misses some.
const NOTICES_KEPT: usize = 1_024;
/// Lazy writes, and what was committed lightly, are committed fully at the latest after this time.
const LAZY_MAX: Duration = Duration::from_secs(1);
/// The node is given a tick at least this often.
const TICK_MAX: Duration = Duration::from_secs(60);

/// Where everything outside the node sends its events.
#[derive(Clone)]
pub struct Inbox {
    events: mpsc::Sender<Event>,
    replies: Replies,
    notices: broadcast::Sender<Notice>,
}

type Replies = Arc<Mutex<Waiting>>;

#[derive(Default)]
struct Waiting {
    next: u64,
    callers: BTreeMap<CallId, oneshot::Sender<Answer>>,
}

impl Inbox {
    /// Hands the node an event that expects no reply.
    pub async fn send(&self, event: Event) {
        // The loop ends only with the process.
        let _ = self.events.send(event).await;
    }

    /// Hands the node a call and waits for its reply; `None` when the node is stopping.
    pub async fn call(&self, event: impl FnOnce(CallId) -> Event) -> Option<Answer> {
        let (sender, receiver) = oneshot::channel();
        let id = {
            let mut waiting = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.next += 1;
            let id = CallId(waiting.next);
            waiting.callers.insert(id, sender);
            id
        };
        self.events.send(event(id)).await.ok()?;
        receiver.await.ok()
    }

    /// What changes from now on.
    pub fn watch(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }
}

/// What a node's process runs on.
pub struct Driver {
    /// The node.
    pub node: Node,
    /// What to do first: the boot's own output.
    pub first: Output,
    /// Its durable rows.
    pub store: Store,
    /// The memory that it was started in.
    pub generation: Generation,
    /// Its channels.
    pub mesh: MeshHandle,
    /// Where the time goes.
    pub accounts: Arc<Accounts>,
    /// Log every durable write.
    pub verbose: bool,
}

/// Why nothing leaves any more.
pub enum Ended {
    /// A commit failed.
    Store(String),
    /// What would leave may be what a copy says too.
    Copied(Copied),
}

/// A running loop.
pub struct Running {
    /// Where events go.
    pub inbox: Inbox,
    /// Ends when the committing thread does: with the reason, if it failed.
    pub committed: oneshot::Receiver<Option<Ended>>,
    stop: oneshot::Sender<()>,
}

impl Running {
    /// Ends the loop, with everything durable that the node wrote.
    pub async fn stop(self) {
        // Both ends may be gone already; then there is nothing to wait for.
        let _ = self.stop.send(());
        let _ = self.committed.await;
    }
}

impl Driver {
    /// Starts the loop; `after` sees the node after every event.
    pub fn start(self, after: impl Fn(&Node) + Send + 'static) -> Running {
        let Self { mut node, first, store, generation, mesh, accounts, verbose } = self;
        let (events, mut receiver) = mpsc::channel(EVENTS_WAITING_MAX);
        let (notices, _) = broadcast::channel(NOTICES_KEPT);
        let inbox = Inbox { events: events.clone(), replies: Replies::default(), notices };
        let (done, committed) = oneshot::channel();
        let (stop, mut stopped) = oneshot::channel();
        let committer =
            Committer { store, generation, mesh, inbox: inbox.clone(), accounts, verbose };
        let accounts = Arc::clone(&committer.accounts);
        let outputs = committer.start(done);
        tokio::spawn(async move {
            let mut wake_at = first.wake_at;
            pass_on(first, &outputs, &events, &accounts);
            loop {
                let sleep = wake_at.map_or(TICK_MAX, |at| {
                    Duration::from_millis(at.saturating_sub(now_ms()).max(1)).min(TICK_MAX)
                });
                let event = tokio::select! {
                    biased;
                    _ = &mut stopped => break,
                    event = receiver.recv() => match event { Some(event) => event, None => break },
                    () = tokio::time::sleep(sleep) => Event::Tick,
                };
                let mut next = Some(event);
                while let Some(event) = next.take() {
                    let mut output = node.handle(now_ms(), event, &mut rand_core::OsRng);
                    wake_at = output.wake_at;
                    after(&node);
                    let here = if receiver.is_empty() { brief(&mut output) } else { None };
                    pass_on(output, &outputs, &events, &accounts);
                    next = here.map(|job| run_job(job, &accounts));
                }
            }
        });
        Running { inbox, committed, stop }
    }
}

/// The only job of an output, if it is brief: where nothing else waits it runs here, because to hand
/// it to another thread and its result back would take as long (NOD-03).
fn brief(output: &mut Output) -> Option<Job> {
    match output.jobs.as_slice() {
        [job] if job.is_brief() => output.jobs.pop(),
        _ => None,
    }
}

/// Starts the output's jobs at once, then hands the rest to the committing thread.
fn pass_on(
    mut output: Output,
    outputs: &std::sync::mpsc::Sender<Output>,
    events: &mpsc::Sender<Event>,
    accounts: &Arc<Accounts>,
) {
    for job in std::mem::take(&mut output.jobs) {
        let (events, accounts) = (events.clone(), Arc::clone(accounts));
        tokio::task::spawn_blocking(move || {
            let event = run_job(job, &accounts);
            // The loop ends only with the process.
            let _ = events.blocking_send(event);
        });
    }
    // The committing thread ends before the loop only when it failed, and with it the process.
    let _ = outputs.send(output);
}

/// Runs a job; a panic is an event that ends its session, no more (NOD-03).
fn run_job(job: Job, accounts: &Accounts) -> Event {
    let (id, part) = (job.id, job.part);
    let timer = accounts.time_job(part);
    let result = catch_unwind(AssertUnwindSafe(|| job.run())).unwrap_or(JobResult::Lost);
    drop(timer);
    Event::JobDone { id, result }
}

/// Which tables a transaction puts rows into, and deletes rows of; nothing of what they hold.
struct Rows(BTreeSet<(Table, bool)>);

impl Rows {
    fn of(writes: &[Write]) -> Self {
        Self(writes.iter().map(|write| (write.table, write.value.is_none())).collect())
    }
}

impl fmt::Display for Rows {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (table, is_gone)) in self.0.iter().enumerate() {
            let before = if at == 0 { "" } else { ", " };
            let what = if *is_gone { "no " } else { "" };
            write!(formatter, "{before}{what}{table:?}")?;
        }
        Ok(())
    }
}

/// Makes writes durable and releases outputs in order.
struct Committer {
    store: Store,
    generation: Generation,
    mesh: MeshHandle,
    inbox: Inbox,
    accounts: Arc<Accounts>,
    verbose: bool,
}

impl Committer {
    fn start(mut self, done: oneshot::Sender<Option<Ended>>) -> std::sync::mpsc::Sender<Output> {
        let (sender, receiver) = std::sync::mpsc::channel::<Output>();
        std::thread::spawn(move || {
            let failed = self.run(&receiver);
            // Nobody waits any more once the process is ending.
            let _ = done.send(failed);
        });
        sender
    }

    /// Runs until the loop ends; the reason if it had to end before.
    fn run(&mut self, receiver: &std::sync::mpsc::Receiver<Output>) -> Option<Ended> {
        let mut pending: Vec<Write> = Vec::new();
        // Since when something waits that is not committed, or not fully.
        let mut unsettled: Option<Instant> = None;
        loop {
            let waited = unsettled.map_or(Duration::ZERO, |since| since.elapsed());
            let received = receiver.recv_timeout(LAZY_MAX.saturating_sub(waited));
            let ends = matches!(received, Err(RecvTimeoutError::Disconnected));
            let mut batch: Vec<Output> = received.into_iter().collect();
            batch.extend(receiver.try_iter());
            // Each time, so that a machine that nobody asks anything notices it too; and first, because
            // what a copy would write is not written either: the disk may be that of both.
            if let Err(copied) = self.generation.look() {
                return Some(Ended::Copied(copied));
            }
            for envelope in batch.iter_mut().flat_map(|output| std::mem::take(&mut output.early)) {
                self.send(envelope);
            }
            let asked = batch.iter().map(|output| output.barrier).max().unwrap_or_default();
            pending.extend(batch.iter_mut().flat_map(|output| std::mem::take(&mut output.writes)));
            if !pending.is_empty() {
                unsettled.get_or_insert_with(Instant::now);
            }
            let is_late = unsettled.is_some_and(|since| since.elapsed() >= LAZY_MAX);
            // Nothing stays as a light commit left it for longer than a second, or over the end.
            let barrier = if ends || is_late { Barrier::Full } else { asked };
            if barrier.holds() {
                if let Err(ended) = self.commit(&pending, barrier) {
                    return Some(ended);
                }
                pending.clear();
                if barrier == Barrier::Full {
                    unsettled = None;
                }
            }
            for output in batch {
                self.release(output);
            }
            if ends {
                return None;
            }
        }
    }

    /// Makes rows durable, and looks once more: it may have waited for the disk.
    fn commit(&mut self, writes: &[Write], barrier: Barrier) -> Result<(), Ended> {
        let rows = (self.verbose && !writes.is_empty()).then(|| Rows::of(writes));
        if let Some(rows) = &rows {
            tracing::info!("writes {rows}");
        }
        let timer = self.accounts.time_store();
        let committed = match barrier {
            Barrier::Full => self.store.commit(writes),
            Barrier::Light | Barrier::None => self.store.commit_lightly(writes),
        };
        drop(timer);
        let syncs = committed.map_err(|error| Ended::Store(error.to_string()))?;
        self.accounts.count_commit(writes, syncs);
        if let Some(rows) = &rows {
            tracing::info!("wrote {rows}");
        }
        self.generation.look().map_err(Ended::Copied)
    }

    fn send(&self, envelope: Envelope) {
        self.accounts.count_frame(&envelope.bytes);
        self.mesh.send(envelope.to, envelope.bytes);
    }

    fn release(&self, output: Output) {
        for envelope in output.envelopes {
            self.send(envelope);
        }
        for reply in output.replies {
            let caller = {
                let mut waiting = self.inbox.replies.lock().unwrap_or_else(PoisonError::into_inner);
                waiting.callers.remove(&reply.id)
            };
            // A caller that went away does not need its reply.
            if let Some(caller) = caller {
                let _ = caller.send(reply.answer);
            }
        }
        for alarm in output.alarms {
            tracing::warn!(culprits = ?alarm.culprits, "{}", alarm.text);
        }
        for notice in output.notices {
            // Nobody may be watching.
            let _ = self.inbox.notices.send(notice);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics has failed")]
mod tests {
    use super::*;
    use quorate_codec::Digest;
    use quorate_identity::{NodeId, NodeSecrets};
    use quorate_machine::event::Reply;
    use quorate_store::{Cost, Passphrase, StoreId};
    use quorate_transport::MeshPlan;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A committer over an empty store, in memory that is another one after so many looks.
    struct Bench {
        committer: Committer,
        rows: quorate_store::StoreReader,
        replied: oneshot::Receiver<Answer>,
        _folder: tempfile::TempDir,
        _threads: tokio::runtime::Runtime,
    }

    impl Bench {
        fn new(looks: u32) -> Self {
            let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            let entered = threads.enter();
            let folder = tempfile::tempdir().unwrap();
            let passphrase = Passphrase::new("of a test");
            let path = folder.path().join("store");
            let store =
                Store::create_with(path, &passphrase, StoreId::random(), Cost::TRIAL).unwrap();
            let secrets = NodeSecrets::generate(&mut rand_core::OsRng);
            let me = NodeId(Digest::ZERO);
            let plan = MeshPlan { me, peers: BTreeMap::new(), delay: Duration::ZERO };
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0");
            let listener = threads.block_on(listener).unwrap();
            let (mesh, _) = quorate_transport::start(&secrets, plan, listener).unwrap();
            drop(entered);
            let (events, _) = mpsc::channel(1);
            let (notices, _) = broadcast::channel(1);
            let inbox = Inbox { events, replies: Replies::default(), notices };
            let (caller, replied) = oneshot::channel();
            inbox.replies.lock().unwrap().callers.insert(CallId(1), caller);

            // One look is that at the start.
            let left = AtomicU32::new(looks + 1);
            let now = move || {
                let left =
                    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |it| it.checked_sub(1));
                u8::from(left.is_err())
            };
            let (generation, rows) = (Generation::of(now), store.reader());
            let accounts = Arc::new(Accounts::default());
            let committer = Committer { store, generation, mesh, inbox, accounts, verbose: false };
            Self { committer, rows, replied, _folder: folder, _threads: threads }
        }
    }

    /// A row, and a reply that waits as this barrier says.
    fn output(barrier: Barrier) -> Output {
        Output {
            writes: vec![Write::put(Table::Backup, b"row".to_vec(), b"said".to_vec())],
            barrier,
            replies: vec![Reply { id: CallId(1), answer: Err(crate::daemon::calls::bug()) }],
            ..Output::default()
        }
    }

    /// What becomes of an output: whether its row was written, whether its reply left, and whether the
    /// thread ended because the memory is another one.
    fn after(looks: u32) -> (bool, bool, bool) {
        let mut bench = Bench::new(looks);
        let (sender, receiver) = std::sync::mpsc::channel();
        sender.send(output(Barrier::Full)).unwrap();
        drop(sender);
        let ended = bench.committer.run(&receiver);
        let is_written = bench.rows.read(Table::Backup, b"row").unwrap().is_some();
        let is_copied = matches!(ended, Some(Ended::Copied(Copied::Another)));
        (is_written, bench.replied.try_recv().is_ok(), is_copied)
    }

    fn syncs(accounts: &Accounts) -> u64 {
        let by = accounts.read().fsyncs;
        by.engine + by.transport + by.store + by.policy + by.other
    }

    /// NOD-01, STO-10: a full barrier costs two syncs, a light one one, and two more when the loop ends; what
    /// nothing waited for is committed fully.
    #[test]
    fn nod_01_a_barrier_is_as_heavy_as_it_says() {
        for (barrier, expected) in [(Barrier::Full, 2), (Barrier::Light, 1 + 2), (Barrier::None, 2)]
        {
            let mut bench = Bench::new(u32::MAX - 1);
            let (sender, receiver) = std::sync::mpsc::channel();
            sender.send(output(barrier)).unwrap();
            drop(sender);
            assert!(bench.committer.run(&receiver).is_none());
            assert_eq!(syncs(&bench.committer.accounts), expected, "{barrier:?}");
        }
    }

    /// STO-10: what was committed lightly is committed fully soon after, also if nothing happens, and at
    /// once where something relies on it.
    #[test]
    fn sto_10_nothing_stays_light() {
        for relies in [false, true] {
            let mut bench = Bench::new(u32::MAX - 1);
            let accounts = Arc::clone(&bench.committer.accounts);
            let (sender, receiver) = std::sync::mpsc::channel();
            let runs = std::thread::spawn(move || bench.committer.run(&receiver).is_none());
            let until = |count| {
                while syncs(&accounts) < count {
                    std::thread::sleep(Duration::from_millis(1));
                }
            };
            sender.send(output(Barrier::Light)).unwrap();
            until(1);
            if relies {
                sender.send(Output { barrier: Barrier::Full, ..Output::default() }).unwrap();
            }
            until(3);
            drop(sender);
            assert!(runs.join().unwrap());
            assert_eq!(syncs(&accounts), 3, "{relies}");
        }
    }

    /// N-92, MEM-01: the memory is looked at before a row is written, and again before anything leaves.
    #[test]
    fn neg_092_what_a_copy_would_write_and_say_is_neither_written_nor_said() {
        assert_eq!(after(0), (false, false, true), "it went on in a copy");
        assert_eq!(after(1), (true, false, true), "it was copied while it wrote");
        assert_eq!(after(100), (true, true, false), "nobody copied it");
    }
}
