//! HELLO and WELCOME.

use crate::durable::{Table, Write};
use crate::event::Barrier;
use crate::limits;
use crate::node::{Node, Turn};
use crate::presence::{Asked, Attested, Heard};
use crate::wire::Message;
use quorate_charter::{
    Hello, Incarnation, Recognition, SignedHello, SignedWelcome, State, Welcome,
};
use quorate_codec::Digest;
use quorate_identity::{Head, NodeId};

impl Node {
    /// Says hello to everybody: at each interval, at a new head, and with each vote, so that
    /// peers remember how far this node went (NOD-15).
    pub(crate) fn greet_all(&mut self, turn: &mut Turn<'_>) {
        self.presence.hello_at = turn.now.saturating_add(self.pace.hello_every_ms);
        let peers = self.presence.connected();
        self.say_hello(&peers, turn);
    }

    pub(super) fn say_hello(&mut self, peers: &[NodeId], turn: &mut Turn<'_>) {
        if peers.is_empty() {
            return;
        }
        let nonce = Digest(turn.random_bytes());
        self.presence.open.push_back((nonce, turn.now));
        if self.presence.open.len() > limits::HELLOS_OPEN_MAX {
            self.presence.open.pop_front();
        }
        let hello = Hello {
            version: 1,
            genesis: self.state.genesis(),
            node: self.me,
            incarnation: self.incarnation,
            head: self.state.head(),
            position: self.state.position(),
            highest_vote: self.governor.highest_vote(),
            nonce,
            time_ms: turn.now,
            program: self.program.clone(),
        };
        let message = Message::Hello(SignedHello::sign(hello, &self.secrets));
        for peer in peers {
            self.send(*peer, &message, turn);
        }
    }

    /// A peer says who it is and where it stands.
    pub(crate) fn on_hello(&mut self, from: NodeId, signed: SignedHello, turn: &mut Turn<'_>) {
        let hello = signed.body().clone();
        let program = self.presence.programs.insert(from, hello.program.clone());
        if !self.state.allows(&hello.program) {
            self.pass_over(from, &hello, turn);
            return;
        }
        let known = self.presence.remembered.get(&from).cloned();
        if let Some(ahead) = known.as_ref().filter(|known| known.body().lies_ahead_of(&hello)) {
            // A hello that was overtaken on the way looks the same; only its author can tell.
            if ahead.body().incarnation.id != hello.incarnation.id {
                self.presence.heard.remove(&from);
                self.presence.attested.remove(&from);
                self.audit("a node came back behind its own past".into(), &[from], turn);
            }
            self.send_welcome(from, &hello, Recognition::Lapsed(Box::new(ahead.clone())), turn);
            self.show_log(from, &hello, turn);
            return;
        }
        if is_behind_the_charter(&self.state, &hello) {
            // The entry that took the node back says so; it finds it when it catches up.
            self.presence.heard.remove(&from);
            self.show_log(from, &hello, turn);
            return;
        }
        let is_new = known.as_ref().is_none_or(|known| {
            let known = known.body();
            known.incarnation != hello.incarnation
                || known.position != hello.position
                || known.highest_vote != hello.highest_vote
        });
        if is_new {
            self.remember(from, signed, turn);
        }
        let heard = Heard { head: hello.head, position: hello.position };
        let is_back = self.presence.heard.insert(from, heard).is_none();
        if is_back || program.is_none_or(|program| program != hello.program) {
            self.look_again(turn);
        }
        self.send_welcome(from, &hello, Recognition::Recognised(hello.incarnation.id), turn);
        self.show_log(from, &hello, turn);
        self.catch_up_with(from, hello.position, turn);
        self.ask_for_attestation(from, hello.head, turn);
    }

    /// A peer answers a hello of ours.
    pub(crate) fn on_welcome(&mut self, from: NodeId, welcome: &Welcome, turn: &mut Turn<'_>) {
        // Of whoever is passed over nothing counts, however it was said before.
        if welcome.to != self.me || self.is_passed_over(&from) {
            return;
        }
        let ours = match &welcome.recognition {
            Recognition::Recognised(id) => *id == self.incarnation.id,
            Recognition::Lapsed(evidence) => return self.consider_lapse(evidence.body(), turn),
        };
        let sent = self.presence.open.iter().find(|(nonce, _)| *nonce == welcome.nonce);
        let Some(since) = sent.map(|(_, since)| *since).filter(|_| ours) else { return };
        if !self.presence.recognised.contains(&from) {
            let before = self.may_take_part();
            self.presence.recognised.insert(from);
            if !before && self.may_take_part() {
                self.audit("recognised by a quorum of voters".into(), &[], turn);
                self.take_up_work(turn);
            }
        }
        // The peer's clock must lie within the bound of ours while the question was on its way
        // (NOD-17): of a node whose clock is off no q attestations remain, so it stops itself.
        let bound = self.state.settings().clock_bound_ms;
        let on_its_way = since.saturating_sub(bound)..=turn.now.saturating_add(bound);
        if on_its_way.contains(&welcome.time_ms) && welcome.attests(&welcome.head, &welcome.nonce) {
            self.take_attestation(from, Attested { head: welcome.head, since }, turn);
        }
        if let Some(heard) = self.presence.heard.get_mut(&from) {
            *heard = Heard { head: welcome.head, position: welcome.position };
        }
        self.catch_up_with(from, welcome.position, turn);
    }

    fn take_attestation(&mut self, from: NodeId, attested: Attested, turn: &mut Turn<'_>) {
        let known = self.presence.attested.get(&from);
        if known.is_some_and(|known| known.since > attested.since) {
            return;
        }
        let had = self.presence.has_lease(turn.now, &self.state, &self.me);
        self.presence.asked.remove(&from);
        self.presence.attested.insert(from, attested);
        if !had && self.presence.has_lease(turn.now, &self.state, &self.me) {
            self.look_at_all(turn);
        }
    }

    fn send_welcome(
        &mut self,
        to: NodeId,
        hello: &Hello,
        recognition: Recognition,
        turn: &mut Turn<'_>,
    ) {
        // Whoever was found behind its own past neither recognises nor attests.
        if self.abstains().is_some() {
            return;
        }
        let welcome = Welcome {
            version: 1,
            genesis: self.state.genesis(),
            node: self.me,
            to,
            recognition,
            head: self.state.head(),
            position: self.state.position(),
            highest_vote: self.governor.highest_vote(),
            // It attests only what it takes part in itself (NOD-11, NOD-13).
            locked: self.governor.is_locked(self.state.position()) || !self.may_take_part(),
            nonce: hello.nonce,
            time_ms: turn.now,
        };
        let signed = SignedWelcome::sign(welcome, &self.secrets);
        self.send(to, &Message::Welcome(signed), turn);
    }

    /// Sends a peer what it lacks of our log. If it stands where our log never was, then once the end of
    /// what leads there: one of the two logs is a fork, and it finds that out from ours (NOD-18).
    pub(crate) fn show_log(&mut self, peer: NodeId, hello: &Hello, turn: &mut Turn<'_>) {
        let is_ours = self.state.position_of(&hello.head) == Some(hello.position);
        if is_ours || hello.position > self.state.position() {
            self.send_entries(peer, hello.position, turn);
        } else if self.fork.is_none()
            && self.presence.shown.insert(peer, hello.head) != Some(hello.head)
        {
            self.send_entries_up_to(peer, hello.position, turn);
        }
    }

    /// Asks a peer that is ahead for what we lack.
    fn catch_up_with(&mut self, peer: NodeId, theirs: u64, turn: &mut Turn<'_>) {
        if theirs > self.state.position() {
            self.fetch_from(peer, turn);
        }
    }

    /// A peer reached our head and has not attested it to us: ask at once, not at the next
    /// interval; ever more slowly while it does not.
    fn ask_for_attestation(&mut self, peer: NodeId, head: Head, turn: &mut Turn<'_>) {
        let known = self.presence.attested.get(&peer);
        let attested = known.is_some_and(|known| known.head == head);
        let recognised = self.presence.recognised.contains(&peer);
        let pointless = head != self.state.head() || self.abstains().is_some();
        if pointless || (attested && recognised) {
            return;
        }
        let asked = self.presence.asked.get(&peer).copied().unwrap_or_default();
        let pause = (self.pace.retry_ms << asked.times.min(8)).min(self.pace.retry_max_ms);
        let again = asked.at.saturating_add(pause);
        if asked.times == 0 || turn.now >= again {
            let times = asked.times.saturating_add(1);
            self.presence.asked.insert(peer, Asked { at: turn.now, times });
            self.say_hello(&[peer], turn);
        } else {
            self.presence.hello_at = self.presence.hello_at.min(again);
        }
    }

    /// Remembers a peer's statement, durably before the peer hears of it. A restart of the peer
    /// ends what it took part in.
    fn remember(&mut self, peer: NodeId, hello: SignedHello, turn: &mut Turn<'_>) {
        let key: &[u8] = peer.as_ref();
        turn.out.writes.push(Write::put(Table::Peer, key, quorate_codec::to_bytes(&hello)));
        turn.out.barrier = Barrier::Full;
        let incarnation = hello.body().incarnation.id;
        let known = self.presence.remembered.insert(peer, hello);
        if known.is_some_and(|known| known.body().incarnation.id != incarnation) {
            self.presence.attested.remove(&peer);
            self.fail_sessions_with(peer, "a member restarted", turn);
        }
    }
}

/// Whether a node that the charter took back comes with an incarnation that cannot follow the
/// one it was taken back as.
fn is_behind_the_charter(state: &State, hello: &Hello) -> bool {
    let Some(recorded) = state.rejoined(&hello.node) else { return false };
    is_other_line(recorded, &hello.incarnation)
}

/// Whether `seen` cannot be `now` or one of its predecessors. Incarnations that nobody saw may
/// lie between.
pub(super) fn is_other_line(seen: &Incarnation, now: &Incarnation) -> bool {
    match now.count.checked_sub(seen.count) {
        None => true,
        Some(0) => now.id != seen.id,
        Some(1) => now.previous != seen.id,
        Some(_) => false,
    }
}
