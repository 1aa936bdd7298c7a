//! Which channel to a peer is the one.

use crate::limits::{FRAME_OVERHEAD, QUEUE_BYTES_MAX};
use quorate_identity::NodeId;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;

/// A frame that waits to be sent.
pub(super) struct Queued {
    pub(super) bytes: Vec<u8>,
    pub(super) since: Instant,
}

/// The receiving side of a channel's queue, for the task that sends.
pub(super) struct Outgoing {
    pub(super) frames: mpsc::UnboundedReceiver<Queued>,
    pub(super) waiting: Arc<AtomicUsize>,
    /// Told when the channel must end at once.
    pub(super) kill: Arc<Notify>,
    /// Told when the peer is none any more: what it says counts no longer, what it is told does.
    pub(super) dismissed: Arc<Notify>,
    links: Links,
    peer: NodeId,
    serial: u64,
}

impl Drop for Outgoing {
    /// The channel is forgotten, unless another one took its place.
    fn drop(&mut self) {
        if let Some(slot) = self.links.table().slots.get_mut(&self.peer) {
            slot.remove(self.serial);
        }
    }
}

struct Link {
    serial: u64,
    dialled_by: NodeId,
    frames: mpsc::UnboundedSender<Queued>,
    waiting: Arc<AtomicUsize>,
    kill: Arc<Notify>,
    dismissed: Arc<Notify>,
}

struct Slot {
    link: Option<Link>,
    up: watch::Sender<bool>,
    /// Held by the one task that reports on this peer, so that reports keep their order.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// The channels of a mesh, at most one a peer.
#[derive(Clone)]
pub(super) struct Links {
    me: NodeId,
    table: Arc<Mutex<Table>>,
}

struct Table {
    slots: BTreeMap<NodeId, Slot>,
    next_serial: u64,
    closed: bool,
}

impl Links {
    pub(super) fn new(me: NodeId, peers: impl Iterator<Item = NodeId>) -> Self {
        let slots = peers.map(|peer| (peer, Slot::empty())).collect();
        let table = Table { slots, next_serial: 0, closed: false };
        Self { me, table: Arc::new(Mutex::new(table)) }
    }

    /// Whether a new channel would be the one (TRN-04): there is none, or the old one was dialled
    /// by the same end and is therefore the older attempt, or by the higher id.
    pub(super) fn would_take(&self, peer: NodeId, dialled_by: NodeId) -> bool {
        let table = self.table();
        let slot = table.slots.get(&peer);
        !table.closed && slot.is_some_and(|slot| slot.takes(dialled_by, self.me.min(peer)))
    }

    /// Makes a new channel the one, if it is; the old one ends.
    pub(super) fn install(&self, peer: NodeId, dialled_by: NodeId) -> Option<Outgoing> {
        let mut table = self.table();
        let lower = self.me.min(peer);
        let serial = table.next_serial;
        let closed = table.closed;
        let slot =
            table.slots.get_mut(&peer).filter(|slot| !closed && slot.takes(dialled_by, lower))?;
        if let Some(old) = slot.link.take() {
            old.kill.notify_one();
        }
        let (sender, frames) = mpsc::unbounded_channel();
        let (waiting, kill) = (Arc::<AtomicUsize>::default(), Arc::<Notify>::default());
        let dismissed = Arc::<Notify>::default();
        slot.link = Some(Link {
            serial,
            dialled_by,
            frames: sender,
            waiting: Arc::clone(&waiting),
            kill: Arc::clone(&kill),
            dismissed: Arc::clone(&dismissed),
        });
        slot.up.send_replace(true);
        table.next_serial += 1;
        Some(Outgoing { frames, waiting, kill, dismissed, links: self.clone(), peer, serial })
    }

    /// Queues a frame. Never waits: without a channel the frame is dropped, with a full queue
    /// the channel is (TRN-06).
    pub(super) fn send(&self, peer: NodeId, bytes: Vec<u8>) -> Sent {
        let mut table = self.table();
        let Some(slot) = table.slots.get_mut(&peer) else { return Sent::NoChannel };
        let Some(link) = &slot.link else { return Sent::NoChannel };
        let size = bytes.len() + FRAME_OVERHEAD;
        if link.waiting.fetch_add(size, Ordering::Relaxed) + size > QUEUE_BYTES_MAX {
            link.kill.notify_one();
            let serial = link.serial;
            slot.remove(serial);
            return Sent::Overfull;
        }
        let queued = Queued { bytes, since: Instant::now() };
        if link.frames.send(queued).is_ok() { Sent::Queued } else { Sent::NoChannel }
    }

    /// Makes room for the channel of a peer that is new.
    pub(super) fn add(&self, peer: NodeId) {
        self.table().slots.entry(peer).or_insert_with(Slot::empty);
    }

    /// Ends the channel to a peer at once, if there is one.
    pub(super) fn end(&self, peer: NodeId) {
        let mut table = self.table();
        let Some(slot) = table.slots.get_mut(&peer) else { return };
        if let Some(link) = slot.link.take() {
            link.kill.notify_one();
            slot.up.send_replace(false);
        }
    }

    /// Listens no more to a peer, and ends its channel after the last words to it.
    pub(super) fn dismiss(&self, peer: NodeId) {
        if let Some(link) = self.table().slots.get(&peer).and_then(|slot| slot.link.as_ref()) {
            link.dismissed.notify_one();
        }
    }

    /// Follows whether there is a channel.
    pub(super) fn watch(&self, peer: NodeId) -> Option<watch::Receiver<bool>> {
        self.table().slots.get(&peer).map(|slot| slot.up.subscribe())
    }

    /// The right to report on a peer.
    pub(super) fn turn(&self, peer: NodeId) -> Option<Arc<tokio::sync::Mutex<()>>> {
        self.table().slots.get(&peer).map(|slot| Arc::clone(&slot.turn))
    }

    /// Takes no more channels and lets those that are there send what waits.
    pub(super) fn close(&self) {
        let mut table = self.table();
        table.closed = true;
        for slot in table.slots.values_mut() {
            slot.link = None;
            slot.up.send_replace(false);
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    Queued,
    NoChannel,
    Overfull,
}

impl Slot {
    fn empty() -> Self {
        let (up, _) = watch::channel(false);
        Self { link: None, up, turn: Arc::default() }
    }

    fn takes(&self, dialled_by: NodeId, lower: NodeId) -> bool {
        let old = self.link.as_ref().map(|link| link.dialled_by);
        old.is_none_or(|old| old == dialled_by || dialled_by == lower)
    }

    fn remove(&mut self, serial: u64) {
        if self.link.as_ref().is_some_and(|link| link.serial == serial) {
            self.link = None;
            self.up.send_replace(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_codec::Digest;

    fn node(byte: u8) -> NodeId {
        NodeId(Digest([byte; 32]))
    }

    fn ended(outgoing: &Outgoing) -> bool {
        outgoing.frames.is_closed()
    }

    #[test]
    fn trn_04_both_ends_keep_the_same_one_of_two_channels() {
        // Whatever comes up first, at both ends what the lower id dialled remains.
        for (me, peer) in [(node(1), node(2)), (node(2), node(1))] {
            let (lower, higher) = (node(1), node(2));
            let links = Links::new(me, [peer].into_iter());
            let first = links.install(peer, higher).unwrap();
            assert!(links.would_take(peer, lower));
            let second = links.install(peer, lower).unwrap();
            assert!(ended(&first) && !ended(&second));
            assert!(!links.would_take(peer, higher));
            assert!(links.install(peer, higher).is_none());
        }
    }

    #[test]
    fn trn_04_a_peer_that_dials_again_has_lost_its_old_channel() {
        let (me, peer) = (node(1), node(2));
        for dialled_by in [me, peer] {
            let links = Links::new(me, [peer].into_iter());
            let old = links.install(peer, dialled_by).unwrap();
            let new = links.install(peer, dialled_by).unwrap();
            assert!(ended(&old) && !ended(&new));
            drop(old);
            assert_eq!(links.send(peer, vec![1]), Sent::Queued);
            drop(new);
            assert_eq!(links.send(peer, vec![1]), Sent::NoChannel);
        }
    }

    #[test]
    fn neg_015_a_full_queue_costs_the_channel_not_the_memory() {
        let (me, peer) = (node(1), node(2));
        let links = Links::new(me, [peer].into_iter());
        let outgoing = links.install(peer, me).unwrap();
        let up = links.watch(peer).unwrap();
        let frame = vec![0; QUEUE_BYTES_MAX / 4];
        for _ in 0..3 {
            assert_eq!(links.send(peer, frame.clone()), Sent::Queued);
        }
        assert_eq!(links.send(peer, frame), Sent::Overfull);
        assert_eq!(links.send(peer, vec![1]), Sent::NoChannel);
        assert!(!*up.borrow() && ended(&outgoing));
        assert!(links.install(peer, node(2)).is_some());
    }

    #[test]
    fn a_stranger_has_no_place_and_a_closed_mesh_takes_nobody() {
        let links = Links::new(node(1), [node(2)].into_iter());
        assert!(!links.would_take(node(3), node(3)));
        assert!(links.install(node(3), node(3)).is_none());
        links.close();
        assert!(links.install(node(2), node(1)).is_none());
    }
}
