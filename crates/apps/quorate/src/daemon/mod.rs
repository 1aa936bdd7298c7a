//! One node as a process: its store, its channels, its interface, and the loop around it.
//!
//! ```text
//! peers ──► mesh ──► ingress::check ──┐                       ┌──► mesh ──► peers
//!                                     ├──► driver: Node ──► commit ──► replies
//! people, services ──► server ────────┘                       └──► notices
//! ```

mod accounts;
mod backups;
mod calls;
mod copy;
mod driver;
mod events;
mod generation;
mod metrics;
mod server;

use crate::commands::node::Joined;
use crate::domain::{DomainDir, NodeConfig};
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::now_ms;
use crate::replay;
use crate::signals::Signals;
use crate::takeover::{self, TakenOver};
use accounts::{Accounts, TRANSPORT_THREAD};
use backups::Findings;
use driver::{Driver, Ended, Inbox};
use generation::Generation;
use quorate_charter::{Program, State};
use quorate_client::contract::DomainNode;
use quorate_client::contract::call::ReplayGuard;
use quorate_engine::{Backups, Standard};
use quorate_identity::{NodeId, NodeSecrets};
use quorate_machine::boot::{BootError, BootPlan};
use quorate_machine::event::Event;
use quorate_machine::ingress;
use quorate_machine::limits::Pace;
use quorate_machine::node::Node;
use quorate_store::SealKind;
use quorate_transport::{
    ApiListener, MeshEvent, MeshEvents, MeshHandle, MeshPlan, Peer, TransportError,
};
use server::Interface;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};

/// Frames of one peer that wait to be checked.
const UNCHECKED_MAX: usize = 64;

/// How a node's process runs.
pub struct Plan {
    /// The domain directory.
    pub dir: DomainDir,
    /// The node's addresses.
    pub config: NodeConfig,
    /// Somebody gave what opened the store.
    pub attended: bool,
    /// Log every durable write.
    pub verbose: bool,
    /// End when the standard input ends.
    pub supervised: bool,
}

/// Runs a node until a signal comes.
///
/// # Errors
/// The caller's: a port is taken. The machine's: the store failed.
pub async fn run(plan: Plan, joined: Joined, face: Face) -> Result<()> {
    log_to_stderr(face);
    let Plan { dir, config, attended, verbose, supervised } = plan;
    let Joined { node, file, .. } = joined;
    let seal = node.store.seal().kind();
    let mut signals = Signals::new()?;
    if supervised {
        signals = signals.with_parent();
    }
    // Before there is a nonce that a copy of this memory could have too.
    let generation = Generation::observe(config.generation_file.as_deref())?;
    let memory = generation.notice();
    let threads = Threads::start()?;
    // Both ports are ours before anything leaves: a node that cannot serve says nothing to peers.
    let api = bind(config.api)?;
    let api = ApiListener::new(api, &node.secrets).map_err(|error| transport(&error))?;
    let api_address = api.local_addr();
    let channels = threads.bind(config.peer)?;
    let own = copy_of(&node.secrets)?;

    let copy = dir.node_dir(&config.name).join(DomainDir::CHARTER_COPY);
    let copied = file.clone();
    let boot = BootPlan {
        file,
        secrets: node.secrets,
        records: node.records,
        pace: pace(&config),
        proofs: Backups::of::<Standard>(),
        program: running()?,
        look_ahead: replay::look_ahead,
        cores: replay::on_all_cores,
        now: now_ms(),
    };
    let (booted, first) =
        Node::boot(boot, &mut rand_core::OsRng).map_err(|error| not_booted(&error))?;
    // The rows serve: what they were before is not needed any more.
    takeover::end_copy(&node.store, &dir.store_path(&config.name))?;
    // Only now: a start that fails says why, and nothing else.
    if let Ok(genesis) = copied.genesis()
        && genesis.staging
    {
        tracing::warn!(domain = %genesis.domain, "STAGING: this node serves a domain for trying things out");
    }
    tell_seal(seal, attended, supervised);
    if let Some(TakenOver { from, rows }) = node.taken_over {
        tracing::info!("the store was taken over from version {from}: {rows} rows were written");
    }
    // Who the peers are, and which node this is, the charter says that was just replayed.
    let (me, state) = (booted.id(), booted.state());
    let (mesh, mesh_events) = start_mesh(&threads, &own, me, &state, &config, channels)?;
    drop(own);
    let accounts = Arc::new(Accounts::default());
    let rows = node.store.reader();
    let (heads, state) = watch::channel(state);
    let driver = Driver {
        node: booted,
        first,
        store: node.store,
        generation,
        mesh: mesh.clone(),
        accounts: Arc::clone(&accounts),
        verbose,
    };
    let mut running = driver.start(move |node| {
        heads.send_if_modified(|known| {
            let moved = !Arc::ptr_eq(known, &node.state());
            if moved {
                *known = node.state();
            }
            moved
        });
    });
    tokio::spawn(follow_charter(mesh.clone(), me, config.clone(), state.clone()));
    tokio::spawn(take_in(mesh_events, running.inbox.clone(), state.clone()));
    tokio::spawn(copy::keep(copy, copied, running.inbox.clone(), state.clone()));
    let interface = Arc::new(Interface {
        me,
        inbox: running.inbox.clone(),
        state: state.clone(),
        accounts,
        mesh: mesh.clone(),
        rows,
        findings: Findings::default(),
        replays: Mutex::new(ReplayGuard::default()),
        drill_turn: tokio::sync::Mutex::default(),
        seal,
        attended,
        memory,
    });
    let every =
        config.verify_every_s.map_or(backups::EVERY, |every| Duration::from_secs(every.get()));
    tokio::spawn(backups::watch(Arc::clone(&interface), every));
    tokio::spawn(server::serve(api, interface));

    let line = DomainNode {
        name: config.name.clone(),
        role: config.role,
        api: format!("https://{api_address}"),
        pid: std::process::id(),
    };
    dir.note_running(&state.borrow().clone(), line.clone())?;
    face.show(&line, |line| format!("node {} serves at {}", line.name, line.api));

    let outcome = tokio::select! {
        () = signals.ended() => Ok(()),
        ended = &mut running.committed => Err(failed(ended.ok().flatten())),
    };
    if outcome.is_ok() {
        // Everything durable, everything sent, then the end.
        running.stop().await;
        mesh.shutdown().await;
    }
    outcome
}

/// What runs here, as this node tells the others.
fn running() -> Result<Program> {
    let digest = crate::commands::running()?.sha256;
    let version = crate::edition().version.parse().map_err(|error| {
        Failure::machine("process", error, "build this program from an unchanged source")
    })?;
    Ok(Program { version, digest })
}

/// The waiting times of a node, as its operator has them.
fn pace(config: &NodeConfig) -> Pace {
    let usual = Pace::default();
    let every = config.drill_every_days.map(|days| u64::from(days.get()) * 86_400_000);
    Pace { drill_every_ms: every.unwrap_or(usual.drill_every_ms), ..usual }
}

/// Channels between nodes have threads of their own, so that their time can be told apart. They
/// end with this value.
struct Threads(Option<Runtime>);

impl Threads {
    fn start() -> Result<Self> {
        let threads = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(TRANSPORT_THREAD)
            .enable_all()
            .build();
        threads.map(|threads| Self(Some(threads))).map_err(|error| {
            let message = format!("no threads could be made: {error}");
            Failure::machine("process", message, "check the limits of this machine")
        })
    }
}

impl Threads {
    /// Listens, on these threads.
    fn bind(&self, address: SocketAddr) -> Result<TcpListener> {
        let _entered = self.0.as_ref().map(Runtime::enter);
        bind(address)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // Within another runtime one may not wait for threads to end.
        if let Some(threads) = self.0.take() {
            threads.shutdown_background();
        }
    }
}

fn start_mesh(
    threads: &Threads,
    secrets: &NodeSecrets,
    me: NodeId,
    state: &State,
    config: &NodeConfig,
    listener: TcpListener,
) -> Result<(MeshHandle, MeshEvents)> {
    let _entered = threads.0.as_ref().map(Runtime::enter);
    let peers = peers(state, me, config);
    let plan = MeshPlan { me, peers, delay: Duration::from_millis(config.delay_ms) };
    quorate_transport::start(secrets, plan, listener).map_err(|error| transport(&error))
}

/// The other nodes of the charter, and where they are, as far as that is known here: without an
/// address the other end dials.
fn peers(state: &State, me: NodeId, config: &NodeConfig) -> BTreeMap<NodeId, Peer> {
    let others = state.nodes().filter(|node| node.id != me);
    let peer = |node: &quorate_charter::Node| {
        let address = config.peers.get(&node.name).cloned().unwrap_or_default();
        (node.id, Peer { keys: node.keys, address })
    };
    others.map(peer).collect()
}

/// Listens, on the threads that are entered.
fn bind(address: SocketAddr) -> Result<TcpListener> {
    let bound = std::net::TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    });
    bound.map_err(|source| match source.kind() {
        std::io::ErrorKind::AddrInUse => transport(&TransportError::PortTaken(address)),
        _ => transport(&TransportError::Listen { address, source }),
    })
}

/// The node takes its keys, and its channels prove them too.
fn copy_of(secrets: &NodeSecrets) -> Result<NodeSecrets> {
    NodeSecrets::from_bytes(&secrets.to_bytes())
        .map_err(|error| Failure::machine("process", error, "start the node again"))
}

/// Lets in whoever the charter admits, and refuses whoever it revokes, and former keys, as soon as
/// it says so (TRN-10).
async fn follow_charter(
    mesh: MeshHandle,
    me: NodeId,
    config: NodeConfig,
    mut state: watch::Receiver<Arc<State>>,
) {
    loop {
        let peers = peers(&state.borrow_and_update(), me, &config);
        if let Err(error) = mesh.follow(peers) {
            tracing::error!(%error, "the peers of the charter are not those of this node's channels");
        }
        if state.changed().await.is_err() {
            return;
        }
    }
}

/// Passes on what the peers send, each peer's frames in their order, checked on any core.
async fn take_in(mut events: MeshEvents, inbox: Inbox, state: watch::Receiver<Arc<State>>) {
    let mut lines: BTreeMap<NodeId, mpsc::Sender<MeshEvent>> = BTreeMap::new();
    while let Some(event) = events.recv().await {
        let peer = match &event {
            MeshEvent::Connected(peer) | MeshEvent::Disconnected(peer) => *peer,
            MeshEvent::Frame { from, .. } => *from,
        };
        let line = lines.entry(peer).or_insert_with(|| {
            let (line, receiver) = mpsc::channel(UNCHECKED_MAX);
            tokio::spawn(take_in_from(receiver, inbox.clone(), state.clone()));
            line
        });
        // Ends only with the process.
        let _ = line.send(event).await;
    }
}

async fn take_in_from(
    mut line: mpsc::Receiver<MeshEvent>,
    inbox: Inbox,
    state: watch::Receiver<Arc<State>>,
) {
    while let Some(event) = line.recv().await {
        let event = match event {
            MeshEvent::Connected(peer) => Event::Connected(peer),
            MeshEvent::Disconnected(peer) => Event::Disconnected(peer),
            MeshEvent::Frame { from, bytes } => {
                let state = state.borrow().clone();
                match ingress::check(&state, from, &bytes) {
                    Ok(frame) => Event::Frame { from, frame: Box::new(frame) },
                    Err(error) => {
                        tracing::warn!(peer = %from, %error, "a frame was dropped");
                        continue;
                    }
                }
            }
        };
        inbox.send(event).await;
    }
}

/// Diagnostics go to stderr: lines for people, objects for programs.
fn log_to_stderr(face: Face) {
    let builder =
        tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(tracing::Level::INFO);
    // A second subscriber in one process would be a mistake of ours, and harmless.
    let _ = match face.is_json() {
        true => builder.json().try_init(),
        false => builder.try_init(),
    };
}

/// Whether the node comes back by itself, which its operator should know before the power cut.
fn tell_seal(seal: SealKind, attended: bool, supervised: bool) {
    match attended {
        // A supervisor gives the passphrase that lies beside the store.
        true if supervised => {}
        true => tracing::warn!(
            %seal,
            "this node cannot start again by itself after a power cut: its passphrase or PIN must be \
             given at every start; `quorate node reseal` seals it by something that is there"
        ),
        false => tracing::info!(%seal, "this node starts again by itself"),
    }
}

fn not_booted(error: &BootError) -> Failure {
    match error.is_callers_fault() {
        true => {
            let next = "check the genesis file and the directory; if the charter revoked this node, or \
                        gave its seat to another machine, destroy this one's disk";
            Failure::caller("bad_genesis", error, next)
        }
        false => {
            let next = "restore the store from a copy, start the node, then `quorate node rejoin`";
            Failure::machine("store_damaged", error, next)
        }
    }
}

fn transport(error: &TransportError) -> Failure {
    match error.is_callers_fault() {
        true => Failure::caller(error.code(), error, error.next()),
        false => Failure::machine(error.code(), error, error.next()),
    }
}

fn failed(ended: Option<Ended>) -> Failure {
    let reason = match ended {
        Some(Ended::Copied(copied)) => {
            let next = "start the node again, as a service does by itself: what was half done is forgotten; \
                        if the copy runs elsewhere, stop one of the two for good";
            return Failure::machine("memory_copied", copied, next);
        }
        Some(Ended::Store(reason)) => reason,
        None => "the committing thread was lost".to_owned(),
    };
    let next = "mend the disk and start the node again; nothing that was promised is lost";
    Failure::machine("store_failed", reason, next)
}
