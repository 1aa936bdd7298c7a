//! What the node holds of its mesh.

use super::Peer;
use super::doors::Doors;
use super::links::{Links, Sent};
use crate::TransportError;
use crate::limits::{FRAME_BYTES_MAX, STOP_MAX};
use quorate_identity::NodeId;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

/// Sends frames. Cheap to clone; the mesh stops with its last handle.
#[derive(Clone)]
pub struct MeshHandle {
    doors: Arc<Doors>,
    links: Links,
    /// Who is to be dialled from now on, too.
    newcomers: mpsc::UnboundedSender<(NodeId, String)>,
    stop: Arc<watch::Sender<bool>>,
    /// Its other end goes with the last task.
    tasks: watch::Receiver<()>,
    refused: Arc<AtomicU64>,
}

impl MeshHandle {
    pub(super) fn new(
        doors: Arc<Doors>,
        links: Links,
        newcomers: mpsc::UnboundedSender<(NodeId, String)>,
        stop: watch::Sender<bool>,
        tasks: watch::Receiver<()>,
        refused: Arc<AtomicU64>,
    ) -> Self {
        Self { doors, links, newcomers, stop: Arc::new(stop), tasks, refused }
    }

    /// Sends a frame to a peer. Never waits and never fails: without a channel the frame is
    /// dropped; a peer that does not keep up loses its channel; every protocol repeats what
    /// matters. Callable from any thread.
    pub fn send(&self, to: NodeId, bytes: Vec<u8>) {
        let length = bytes.len();
        if length == 0 || length > FRAME_BYTES_MAX {
            tracing::error!(peer = %to, length, "no frame has this length; it is not sent");
            return;
        }
        if self.links.send(to, bytes) == Sent::Overfull {
            tracing::warn!(peer = %to, "the peer does not keep up; its channel is dropped");
        }
    }

    /// These are the peers from now on (TRN-10): the channel of whoever has other keys ends, and
    /// former keys are refused; whoever is none any more is heard no more, and told what is sent to
    /// it for another [`LAST_WORDS_MAX`](crate::limits::LAST_WORDS_MAX); who is new is let in, and
    /// dialled where an address is known. Harmless where nothing changes.
    ///
    /// # Errors
    /// [`TransportError::Roster`]: two nodes have one key; nothing is changed.
    pub fn follow(&self, mut peers: BTreeMap<NodeId, Peer>) -> Result<(), TransportError> {
        let keys = peers.iter().map(|(id, peer)| (*id, peer.keys)).collect();
        let moved = self.doors.follow(keys)?;
        for peer in moved.moved {
            self.links.end(peer);
        }
        for peer in moved.left {
            self.links.dismiss(peer);
        }
        for id in moved.came {
            self.links.add(id);
            if let Some(peer) = peers.remove(&id) {
                // Nobody listens any more once the mesh has stopped.
                let _ = self.newcomers.send((id, peer.address));
            }
        }
        Ok(())
    }

    /// How many connections were refused, or refused this node, because of their keys or their
    /// bytes; for metrics.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Stops: sends what waits, closes every channel, and returns when that is done, at the
    /// latest after [`STOP_MAX`] (TRN-09).
    pub async fn shutdown(&self) {
        self.links.close();
        self.stop.send_replace(true);
        let mut tasks = self.tasks.clone();
        // Over the time they end with the process.
        let _ = timeout(STOP_MAX, tasks.changed()).await;
    }
}

impl fmt::Debug for MeshHandle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MeshHandle")
    }
}
