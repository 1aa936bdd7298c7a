//! The loop around [`Node::handle`]: events in; writes made durable, then everything else out.
//!
//! The node runs ahead in memory while its outputs are held back. One thread commits: it takes
//! all outputs that wait, writes their rows in one transaction if any of them is a barrier, and
//! releases them in order. A failed commit ends the process: what was promised is not durable.

use super::accounts::Accounts;
use quorate_machine::call::Answer;
use quorate_machine::durable::Write;
use quorate_machine::event::{CallId, Event, Notice, Output};
use quorate_machine::job::{Job, JobResult};
use quorate_machine::node::Node;
use quorate_store::Store;
use quorate_transport::MeshHandle;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::{broadcast, mpsc, oneshot};

/// Events that may wait for the node; beyond it the sender waits.
const EVENTS_WAITING_MAX: usize = 4_096;
/// Lazy writes are made durable at the latest after this time.
const LAZY_MAX: Duration = Duration::from_secs(1);

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
    callers: HashMap<CallId, oneshot::Sender<Answer>>,
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
    /// Its channels.
    pub mesh: MeshHandle,
    /// Where the time goes.
    pub accounts: Arc<Accounts>,
}

/// The node's own clock, in milliseconds since 1970.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl Driver {
    /// Starts the loop. The second value ends when the committing thread does, with the reason.
    pub fn start(self, after: impl Fn(&Node) + Send + 'static) -> (Inbox, oneshot::Receiver<String>) {
        let Self { mut node, first, store, mesh, accounts } = self;
        let (events, mut receiver) = mpsc::channel(EVENTS_WAITING_MAX);
        let (notices, _) = broadcast::channel(1_024);
        let inbox = Inbox { events: events.clone(), replies: Replies::default(), notices };
        let (failed, failure) = oneshot::channel();
        let outputs = committer(store, mesh, inbox.clone(), Arc::clone(&accounts), failed);
        tokio::spawn(async move {
            let mut wake_at = first.wake_at;
            release_jobs(first, &outputs, &events, &accounts);
            loop {
                let sleep = wake_at.map_or(Duration::from_secs(60), |at| {
                    Duration::from_millis(at.saturating_sub(now_ms()).clamp(1, 60_000))
                });
                let event = tokio::select! {
                    event = receiver.recv() => match event { Some(event) => event, None => break },
                    () = tokio::time::sleep(sleep) => Event::Tick,
                };
                let timer = accounts.time_other();
                let output = node.handle(now_ms(), event, &mut rand_core::OsRng);
                drop(timer);
                wake_at = output.wake_at;
                after(&node);
                release_jobs(output, &outputs, &events, &accounts);
            }
        });
        (inbox, failure)
    }
}

/// Starts the output's jobs at once, then hands the rest to the committing thread.
fn release_jobs(
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
    let _ = outputs.send(output);
}

/// Runs a job; a panic is an event that ends its session, no more.
fn run_job(job: Job, accounts: &Accounts) -> Event {
    let (id, part) = (job.id, job.part);
    let timer = accounts.time_job(part);
    let result = catch_unwind(AssertUnwindSafe(|| job.run())).unwrap_or(JobResult::Lost);
    drop(timer);
    Event::JobDone { id, result }
}

/// The thread that makes writes durable and releases outputs in order.
fn committer(
    mut store: Store,
    mesh: MeshHandle,
    inbox: Inbox,
    accounts: Arc<Accounts>,
    failed: oneshot::Sender<String>,
) -> std::sync::mpsc::Sender<Output> {
    let (sender, receiver) = std::sync::mpsc::channel::<Output>();
    std::thread::spawn(move || {
        let mut lazy: Vec<Write> = Vec::new();
        let mut lazy_since = Instant::now();
        loop {
            let first = match receiver.recv_timeout(LAZY_MAX) {
                Ok(output) => Some(output),
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => None,
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return,
            };
            let mut batch: Vec<Output> = first.into_iter().collect();
            batch.extend(receiver.try_iter());
            let barrier = batch.iter().any(|output| output.barrier);
            if lazy.is_empty() {
                lazy_since = Instant::now();
            }
            lazy.extend(batch.iter_mut().flat_map(|output| std::mem::take(&mut output.writes)));
            if barrier || (!lazy.is_empty() && lazy_since.elapsed() >= LAZY_MAX) {
                let timer = accounts.time_store();
                let committed = store.commit(&lazy);
                drop(timer);
                accounts.count_commit();
                if let Err(error) = committed {
                    let _ = failed.send(error.to_string());
                    return;
                }
                lazy.clear();
            }
            for output in batch {
                release(output, &mesh, &inbox, &accounts);
            }
        }
    });
    sender
}

fn release(output: Output, mesh: &MeshHandle, inbox: &Inbox, accounts: &Accounts) {
    let timer = accounts.time_transport();
    for envelope in output.envelopes {
        accounts.count_bytes(envelope.bytes.len());
        mesh.send(envelope.to, envelope.bytes);
    }
    drop(timer);
    for reply in output.replies {
        let caller = inbox
            .replies
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .callers
            .remove(&reply.id);
        // A caller that went away does not need its reply.
        let _ = caller.map(|caller| caller.send(reply.answer));
    }
    for alarm in output.alarms {
        tracing::warn!(culprits = ?alarm.culprits, "{}", alarm.text);
    }
    for notice in output.notices {
        let _ = inbox.notices.send(notice);
    }
}
