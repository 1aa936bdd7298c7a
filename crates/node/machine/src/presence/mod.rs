//! Who is here: channels, incarnations, recognition, the lease, clocks. See `spec/node.md`,
//! NOD-10 to NOD-17.
//!
//! A node says HELLO to every peer: its incarnation, head, highest vote, and a nonce. The peer
//! compares that with what it remembers and answers WELCOME: recognised, or here is your own
//! statement that lies ahead of you. A WELCOME also attests the peer's head; q attestations of
//! one head are a lease on it.

mod hello;
mod lapse;

use crate::durable::{Table, Write};
use crate::event::{Barrier, Millis};
use crate::node::{Node, Turn};
pub(crate) use lapse::{LAPSE_ROW, Lapse};
use quorate_charter::{Program, SignedHello, State};
use quorate_codec::Digest;
use quorate_identity::{Head, NodeId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The presence of a node.
#[derive(Default)]
pub(crate) struct Presence {
    clock: Millis,
    connected: BTreeSet<NodeId>,
    /// Since when a peer that was here is not any more.
    gone_since: BTreeMap<NodeId, Millis>,
    /// The newest hello of each peer: durable before the peer hears that it was recognised.
    remembered: BTreeMap<NodeId, SignedHello>,
    /// Peers whose hello was heard since this start: their incarnation is current.
    heard: BTreeMap<NodeId, Heard>,
    /// What peers run, heard or not.
    programs: BTreeMap<NodeId, Program>,
    /// Voters that recognised this incarnation of ours.
    recognised: BTreeSet<NodeId>,
    attested: BTreeMap<NodeId, Attested>,
    /// Nonces of hellos whose answers are still taken, and when they were sent.
    open: VecDeque<(Digest, Millis)>,
    asked: BTreeMap<NodeId, Asked>,
    /// Where a peer stood, and our log never was, when it was last shown what led there.
    shown: BTreeMap<NodeId, Head>,
    hello_at: Millis,
    gossip_at: Millis,
    lapse: Option<Lapse>,
}

/// Where a peer stands, as it last said.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard {
    pub head: Head,
    pub position: u64,
}

/// A peer's attestation of its head.
#[derive(Debug, Clone, Copy)]
struct Attested {
    head: Head,
    /// When this node sent the nonce that the attestation echoes.
    since: Millis,
}

/// How often a peer was asked for its attestation in vain, and when last.
#[derive(Debug, Clone, Copy, Default)]
struct Asked {
    at: Millis,
    times: u32,
}

/// Key of the row that holds the highest time of the node.
pub(crate) const CLOCK_ROW: &[u8] = b"clock";

impl Presence {
    /// What was durable before this start.
    pub fn load(
        clock: Millis,
        remembered: BTreeMap<NodeId, SignedHello>,
        lapse: Option<Lapse>,
    ) -> Self {
        Self { clock, remembered, lapse, ..Self::default() }
    }

    /// The node's time: never backwards (NOD-04).
    pub fn advance_clock(&mut self, now: Millis) -> Millis {
        self.clock = self.clock.max(now);
        self.clock
    }

    /// The node's time, as of the last event.
    pub fn now(&self) -> Millis {
        self.clock
    }

    /// The row with the node's time, to be made durable with whatever rests on it.
    pub fn clock_write(&self) -> Write {
        Write::put(Table::Meta, CLOCK_ROW, self.clock.to_be_bytes().to_vec())
    }

    /// Whether a channel to a node is up.
    pub fn is_connected(&self, node: &NodeId) -> bool {
        self.connected.contains(node)
    }

    /// Nodes with a channel, ascending.
    pub fn connected(&self) -> Vec<NodeId> {
        self.connected.iter().copied().collect()
    }

    /// What a peer runs, as it said since this start.
    pub fn program(&self, node: &NodeId) -> Option<&Program> {
        self.programs.get(node)
    }

    /// Nothing that a peer says counts until it says hello again; whether it was heard.
    pub fn unhear(&mut self, node: &NodeId) -> bool {
        self.attested.remove(node);
        self.recognised.remove(node);
        self.heard.remove(node).is_some()
    }

    /// Where a peer said it stands.
    pub fn heard(&self, node: &NodeId) -> Option<Heard> {
        self.heard.get(node).copied()
    }

    /// Whether a peer has a channel and was recognised by this node.
    pub fn is_here(&self, node: &NodeId) -> bool {
        self.connected.contains(node) && self.heard.contains_key(node)
    }

    /// Since when a peer that was here since this start is not any more.
    pub fn absent_since(&self, node: &NodeId) -> Option<Millis> {
        self.gone_since.get(node).copied()
    }

    /// What makes this node abstain, if anything does.
    pub fn lapse(&self) -> Option<&Lapse> {
        self.lapse.as_ref()
    }

    /// The incarnations of `nodes` in their order; nothing until all were heard.
    pub fn incarnations<'a>(
        &self,
        ours: Digest,
        nodes: impl Iterator<Item = &'a NodeId>,
        me: &NodeId,
    ) -> Option<Vec<Digest>> {
        let incarnation = |node: &NodeId| match node == me {
            true => Some(ours),
            false => {
                let hello = self.remembered.get(node).filter(|_| self.heard.contains_key(node))?;
                Some(hello.body().incarnation.id)
            }
        };
        nodes.map(incarnation).collect()
    }

    /// Whether q voters attest exactly the head of `state`, freshly (NOD-12).
    pub fn has_lease(&self, now: Millis, state: &State, me: &NodeId) -> bool {
        let head = state.head();
        let lease_ms = state.settings().lease_ms;
        let holds = |voter: &&NodeId| {
            *voter == me
                || self.attested.get(*voter).is_some_and(|attested| {
                    attested.head == head && now.saturating_sub(attested.since) < lease_ms
                })
        };
        state.voters().keys().filter(holds).count() >= state.quorum()
    }

    fn is_recognised(&self, state: &State, me: &NodeId) -> bool {
        let recognises = |voter: &&NodeId| *voter == me || self.recognised.contains(*voter);
        state.voters().keys().filter(recognises).count() >= state.quorum()
    }

    /// When the next hello or round of gossip is due.
    pub fn wake_at(&self) -> Option<Millis> {
        Some(self.hello_at.min(self.gossip_at))
    }
}

impl Node {
    /// Whether this node takes part in anything: the charter lets it vote, q voters recognised its
    /// incarnation, and it is not lapsed (NOD-11).
    pub(crate) fn may_take_part(&self) -> bool {
        self.abstains().is_none()
            && self.state.is_voter(&self.me)
            && self.presence.is_recognised(&self.state, &self.me)
    }

    /// Whether this node may take part in signing now: no other domain took over (SUC-32), no vote of
    /// its own runs ahead of its head (N-101), and its lease holds.
    pub(crate) fn may_sign(&self, now: Millis) -> bool {
        self.may_take_part()
            && !self.cessions.are_over()
            && !self.governor.is_locked(self.state.position())
            && self.presence.has_lease(now, &self.state, &self.me)
    }

    /// Forgets everything that a peer said of itself, of us and of heads: another machine is that
    /// peer now.
    pub(crate) fn forget_presence(&mut self, peer: &NodeId, turn: &mut Turn<'_>) {
        self.presence.heard.remove(peer);
        self.presence.remembered.remove(peer);
        self.presence.recognised.remove(peer);
        self.presence.attested.remove(peer);
        self.presence.asked.remove(peer);
        let key: &[u8] = peer.as_ref();
        turn.out.writes.push(Write::delete(Table::Peer, key));
        turn.out.barrier = Barrier::Full;
    }

    /// A node is none any more: its channel is nobody's.
    pub(crate) fn presence_ended(&mut self, peer: &NodeId) {
        self.presence.connected.remove(peer);
        self.presence.gone_since.remove(peer);
        self.presence.shown.remove(peer);
    }

    /// A channel came up: say who is here and what is open.
    pub(crate) fn on_connected(&mut self, peer: NodeId, turn: &mut Turn<'_>) {
        if peer == self.me || self.state.node(&peer).is_none() {
            return;
        }
        self.presence.connected.insert(peer);
        self.presence.gone_since.remove(&peer);
        self.keys.asked.remove(&peer);
        self.look_again(turn);
        self.say_hello(&[peer], turn);
        self.share_fork(peer, turn);
        self.share_everything(peer, turn);
        // Once is enough: it is long, and whoever finds some tells everybody.
        self.share_evidence(peer, turn);
        self.share_ended(peer, turn);
    }

    /// A channel went down. Attestations of the peer age out; what it holds up ends now.
    pub(crate) fn on_disconnected(&mut self, peer: NodeId, turn: &mut Turn<'_>) {
        if self.presence.connected.remove(&peer) {
            self.presence.shown.remove(&peer);
            self.keys.answered.remove(&peer);
            self.presence.gone_since.insert(peer, turn.now);
            self.sessions_lost_peer(peer, turn);
            self.pair_lost_peer(&peer, turn.now);
        }
    }

    /// Says hello to everybody when it is time, and tells everything open again.
    pub(crate) fn drive_presence(&mut self, turn: &mut Turn<'_>) {
        if self.presence.hello_at <= turn.now {
            self.greet_all(turn);
        }
        if self.presence.gossip_at <= turn.now {
            self.presence.gossip_at = turn.now.saturating_add(self.pace.gossip_every_ms);
            self.keys.asked.clear();
            self.watch_ages(turn);
            self.look_again(turn);
            let tells_ended = self.tells_ended();
            for peer in self.presence.connected() {
                self.share_everything(peer, turn);
                if tells_ended {
                    self.share_ended(peer, turn);
                }
            }
        }
    }

    /// Everything that matters is told again, so that a lost frame costs time and no more.
    fn share_everything(&mut self, peer: NodeId, turn: &mut Turn<'_>) {
        self.share_governance(peer, turn);
        self.share_progress(peer, turn);
        self.share_deals(peer, turn);
        self.share_requests(peer, turn);
    }
}
