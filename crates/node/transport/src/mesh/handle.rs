//! What the node holds of its mesh.

use super::doors::Doors;
use super::links::{Links, Sent};
use crate::TransportError;
use crate::limits::{FRAME_BYTES_MAX, STOP_MAX};
use quorate_identity::{NodeId, NodePublic};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch;
use tokio::time::timeout;

/// Sends frames. Cheap to clone; the mesh stops with its last handle.
#[derive(Clone)]
pub struct MeshHandle {
    doors: Arc<Doors>,
    links: Links,
    stop: Arc<watch::Sender<bool>>,
    /// Its other end goes with the last task.
    tasks: watch::Receiver<()>,
    refused: Arc<AtomicU64>,
}

impl MeshHandle {
    pub(super) fn new(
        doors: Arc<Doors>,
        links: Links,
        stop: watch::Sender<bool>,
        tasks: watch::Receiver<()>,
        refused: Arc<AtomicU64>,
    ) -> Self {
        Self { doors, links, stop: Arc::new(stop), tasks, refused }
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

    /// A peer has other keys from now on: its channel ends, and whoever has the former keys is
    /// refused (TRN-10). Harmless where nothing changes.
    ///
    /// # Errors
    /// [`TransportError::Roster`]: another node has the key; nothing is changed.
    pub fn rekey(&self, peer: NodeId, keys: NodePublic) -> Result<(), TransportError> {
        if self.doors.rekey(peer, keys)? {
            self.links.end(peer);
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
