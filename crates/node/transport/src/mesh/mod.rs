//! The mesh: one channel to every peer, kept up.
//!
//! ```text
//! handle.send(peer, frame) --> queue --> link --> TLS --> the peer's link --> events
//! ```
//!
//! Both ends dial, so a wrong address at one of them does no harm; what comes up twice is
//! resolved by the ids (TRN-04).

mod accept;
mod dial;
mod doors;
mod handle;
mod link;
mod links;

pub use handle::MeshHandle;

use crate::TransportError;
use crate::limits::EVENTS_WAITING_MAX;
use doors::Doors;
use links::Links;
use quorate_identity::{NodeId, NodePublic, NodeSecrets};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};

/// A node at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its keys, from the charter.
    pub keys: NodePublic,
    /// Where it listens: `host:port`. A wrong address delays and does nothing else.
    pub address: String,
}

/// What a mesh is made of.
#[derive(Debug, Clone)]
pub struct MeshPlan {
    /// This node.
    pub me: NodeId,
    /// The other nodes of the charter.
    pub peers: BTreeMap<NodeId, Peer>,
    /// Held back for so long before a frame is sent; for measurements, otherwise zero.
    pub delay: Duration,
}

/// What happened on the mesh. For each peer the order is: connected, frames, disconnected, and
/// so on. Frames sent or received around a disconnection may be lost, never altered or doubled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MeshEvent {
    /// A channel to the peer is up; it proved its transport key.
    Connected(NodeId),
    /// The channel is down; it is being dialled again.
    Disconnected(NodeId),
    /// A frame came, whole.
    Frame {
        /// The peer that sent it.
        from: NodeId,
        /// What it sent.
        bytes: Vec<u8>,
    },
}

/// An event, with the room that it takes until the node has it.
type Waiting = (MeshEvent, Option<OwnedSemaphorePermit>);

/// Where the node takes its events. While it takes none, the peers are made to wait (TRN-06).
#[derive(Debug)]
pub struct MeshEvents(mpsc::Receiver<Waiting>);

impl MeshEvents {
    /// The next event; `None` once the mesh has stopped.
    pub async fn recv(&mut self) -> Option<MeshEvent> {
        self.0.recv().await.map(|(event, _)| event)
    }
}

/// What every task of a mesh knows.
struct Shared {
    me: NodeId,
    doors: Arc<Doors>,
    links: Links,
    events: mpsc::Sender<Waiting>,
    delay: Duration,
    /// Connections that came to nothing because of their keys or their bytes.
    refused: Arc<AtomicU64>,
    stop: watch::Receiver<bool>,
    /// Goes with the last task.
    _alive: watch::Sender<()>,
}

/// Starts a mesh: accepts at `listener`, dials every peer, and goes on until
/// [`MeshHandle::shutdown`] or until the last handle is dropped. Needs a tokio runtime.
///
/// # Errors
/// [`TransportError::Roster`], the caller's; [`TransportError::Tls`].
pub fn start(
    secrets: &NodeSecrets,
    plan: MeshPlan,
    listener: TcpListener,
) -> Result<(MeshHandle, MeshEvents), TransportError> {
    let doors = Arc::new(Doors::new(secrets, &plan)?);
    let (events, waiting) = mpsc::channel(EVENTS_WAITING_MAX);
    let (stop_sender, stop) = watch::channel(false);
    let refused = Arc::new(AtomicU64::new(0));
    let links = Links::new(plan.me, plan.peers.keys().copied());
    let (alive, tasks) = watch::channel(());
    let (newcomers, awaited) = mpsc::unbounded_channel();
    let handle = MeshHandle::new(
        Arc::clone(&doors),
        links.clone(),
        newcomers,
        stop_sender,
        tasks,
        Arc::clone(&refused),
    );
    let shared = Arc::new(Shared {
        me: plan.me,
        doors,
        links,
        events,
        delay: plan.delay,
        refused,
        stop,
        _alive: alive,
    });
    for (id, peer) in plan.peers {
        tokio::spawn(dial::keep_dialling(Arc::clone(&shared), id, peer.address));
    }
    tokio::spawn(dial::keep_greeting(Arc::clone(&shared), awaited));
    tokio::spawn(accept::keep_accepting(shared, listener));
    Ok((handle, MeshEvents(waiting)))
}
