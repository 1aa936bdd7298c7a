//! Presignatures are made ahead of requests, where people asked for them. See `spec/node.md`, AHD.

use crate::event::Millis;
use crate::job::{AheadTask, Task};
use crate::limits;
use crate::node::{Node, Turn};
use crate::sessions::leading::choose;
use crate::sessions::stock::{Batch, Place, at_once};
use crate::sessions::{Phase, Session};
use crate::target::Material;
use crate::wire::{Message, RunId, SessionMessage, SessionStep, Target, Terms};
use quorate_codec::Digest;
use quorate_engine::Presignature;
use quorate_identity::{KeyId, NodeId};
use std::collections::{BTreeMap, BTreeSet};

impl Node {
    /// The charter moved: which keys want presignatures, and how many.
    pub(crate) fn learn_asked(&mut self, now: Millis) {
        let orders = self.state.keys().filter(|order| order.presignatures > 0 && !order.retired);
        let asked: BTreeMap<KeyId, u16> =
            orders.map(|order| (order.key, order.presignatures)).collect();
        if !asked.is_empty() {
            self.sessions.stock.look_at(now);
        }
        self.sessions.stock.asked = asked;
    }

    /// Drops what may not be used any more (AHD-03).
    pub(super) fn purge_presignatures(&mut self, now: Millis) {
        let mut batches = self.sessions.stock.take_all();
        let count = batches.len();
        batches.retain(|batch| self.is_current(batch, now));
        if batches.len() < count {
            self.sessions.stock.look_at(now);
        }
        self.sessions.stock.put_back(batches);
    }

    /// Drops what may not be used any more, and makes what is lacking: one session at a time.
    pub(crate) fn drive_ahead(&mut self, turn: &mut Turn<'_>) {
        self.purge_presignatures(turn.now);
        let (soon, late) = (turn.now + self.pace.retry_ms, turn.now + self.pace.retry_max_ms);
        if self.sessions.stock.asked.is_empty() || !self.sessions.stock.take_due(turn.now) {
            return;
        }
        if !self.may_sign(turn.now) {
            return self.sessions.stock.look_at(late);
        }
        for key in self.sessions.stock.undemanded() {
            match self.first_quorum(&key) {
                Some(quorum) => {
                    let place = Place { key, account: 0, leader: self.me, quorum };
                    self.sessions.stock.note_use(place, 1, turn.now);
                }
                // Somebody is away, the key is not born, or this node holds no share.
                None => self.sessions.stock.look_at(late),
            }
        }
        if self.ahead_led_by(&self.me) > 0 {
            return self.sessions.stock.look_at(soon);
        }
        if let Some(place) = self.sessions.stock.next_to_fill(turn.now, self.pace.retry_ms) {
            self.fill(&place, turn);
        }
    }

    /// Sessions that make presignatures and that a node leads.
    fn ahead_led_by(&self, leader: &NodeId) -> usize {
        self.sessions.ahead().filter(|target| target.leader() == Some(*leader)).count()
    }

    /// Whether one more session that makes presignatures for another leader may be joined: few at a
    /// time, one of each, and a pause between two, so that they take no session's place that signs.
    pub(super) fn has_room_ahead(&self, leader: &NodeId, now: Millis) -> bool {
        let pause = self.pace.retry_ms / 2;
        self.sessions.ahead().count() < limits::AHEAD_LIVE_MAX
            && self.ahead_led_by(leader) == 0
            && self.sessions.stock.may_join(leader, now, pause)
    }

    /// With whom this node begins before any request told whom it needs.
    fn first_quorum(&self, key: &KeyId) -> Option<Vec<NodeId>> {
        let target = Target::Ahead(*key, 0, self.me);
        let tree = self.tree_of(&target)?;
        let signers = self.live_signers(&target);
        if !signers.contains(&self.me) || !self.keys.book(key)?.is_active() {
            return None;
        }
        let others = signers.into_iter().filter(|node| *node != self.me);
        let ranked: Vec<NodeId> = [self.me].into_iter().chain(others).collect();
        let paired = |one: &NodeId, other: &NodeId| self.pairs.are_paired(&self.me, one, other);
        let quorum = choose(&tree, &ranked, &paired, &mut limits::QUORUMS_TRIED_MAX.clone())?;
        Some(quorum.into_iter().collect())
    }

    fn fill(&mut self, place: &Place, turn: &mut Turn<'_>) {
        let target = Target::Ahead(place.key, place.account, self.me);
        if self.sessions.is_live(&target) {
            return;
        }
        let quorum: BTreeSet<NodeId> = place.quorum.iter().copied().collect();
        let fits = quorum.is_subset(&self.live_signers(&target)) && self.all_paired(&quorum);
        let selection = self.tree_of(&target).and_then(|tree| tree.select(&quorum));
        if !fits || selection.is_none_or(|selection| selection.parties() != quorum) {
            // Somebody is away, or apart from this node: others are asked until it is needed again.
            self.sessions.stock.forget(place);
            return;
        }
        let (ours, me) = (self.incarnation.id, self.me);
        let incarnations = self.presence.incarnations(ours, quorum.iter(), &me);
        let terms = incarnations.and_then(|them| self.terms(target, &quorum, them, Vec::new()));
        if let Some(terms) = terms {
            let run = Digest(turn.random_bytes());
            self.open_session(run, terms, 0, me, turn);
        }
    }

    /// Whether presignatures of a key are to be made and used: people asked, the key signs, and
    /// nothing stops it.
    pub(crate) fn asks_ahead(&self, key: &KeyId) -> bool {
        self.sessions.stock.asked.contains_key(key)
            && self.freezes.of_key(key).is_none()
            && self.keys.book(key).is_some_and(|book| book.is_active())
    }

    /// How many one session makes.
    fn batch_size(&self, key: &KeyId) -> usize {
        self.sessions.stock.asked.get(key).copied().map_or(0, at_once)
    }

    /// Whether every two of these hold the two ends of one set-up (SES-10).
    fn all_paired(&self, quorum: &BTreeSet<NodeId>) -> bool {
        let mut pairs = quorum.iter().flat_map(|one| quorum.range(..one).map(move |it| (it, one)));
        pairs.all(|(one, other)| self.pairs.are_paired(&self.me, one, other))
    }

    /// Whether a batch may be used: nothing that it is bound to has changed (AHD-03).
    fn is_current(&self, batch: &Batch, now: u64) -> bool {
        let Place { key, quorum, .. } = &batch.place;
        let record = self.keys.current(key).map(|current| current.digest);
        let peers = quorum.iter().copied().filter(|peer| *peer != self.me);
        // Who is away for a moment may come back as the same process; who does not is another one.
        let (ours, me) = (self.incarnation.id, self.me);
        let known = quorum.iter().zip(&batch.incarnations).all(|(node, incarnation)| {
            let now = self.presence.incarnations(ours, [node].into_iter(), &me);
            now.is_none_or(|now| now == [*incarnation])
        });
        self.asks_ahead(key)
            && self.abstains().is_none()
            && record == Some(batch.epoch_record)
            && known
            && quorum.iter().all(|node| self.state.is_signing(node))
            && self.pairs.generations(peers) == batch.generations
            && now.saturating_sub(batch.made_at) < limits::PRESIGNATURE_AGE_MAX_MS
    }

    /// The place of presignatures that terms name, if this node would use any for their target.
    fn place_of(&self, target: &Target, quorum: &[NodeId], leader: NodeId) -> Option<Place> {
        let (key, account) = self.presigns(target)?;
        Some(Place { key, account, leader, quorum: quorum.to_vec() })
    }

    /// Which of its presignatures this node uses for a target that it leads; none where it has none,
    /// where it tried before, or where none may be used. It is noted that some were of use.
    pub(super) fn choose_presignatures(
        &mut self,
        target: &Target,
        quorum: &BTreeSet<NodeId>,
        turn: &Turn<'_>,
    ) -> Vec<Digest> {
        let quorum: Vec<NodeId> = quorum.iter().copied().collect();
        let Some(place) = self.place_of(target, &quorum, self.me) else { return Vec::new() };
        let count = self.payload_count(target);
        let names = self.sessions.stock.names(&place, count);
        self.sessions.stock.note_use(place, count, turn.now);
        let has_failed = self.sessions.undertakings.get(target).is_some_and(|it| it.has_failed());
        if has_failed { Vec::new() } else { names }
    }

    /// A quorum out of `nodes` for which this node has presignatures for a target.
    pub(super) fn stocked_quorum(
        &self,
        target: &Target,
        nodes: &BTreeSet<NodeId>,
    ) -> Option<BTreeSet<NodeId>> {
        let (key, account) = self.presigns(target)?;
        let count = self.payload_count(target);
        let places = self.sessions.stock.quorums(&key, account, &self.me, count);
        let mut quorums = places.into_iter().map(|place| place.quorum.iter().copied().collect());
        quorums.find(|quorum: &BTreeSet<NodeId>| quorum.is_subset(nodes) && self.all_paired(quorum))
    }

    /// Whether terms of another leader may name these presignatures: none, or as many as there are
    /// payloads, all of which this node has.
    pub(super) fn accepts_presignatures(&self, leader: NodeId, theirs: &Terms) -> bool {
        let names: BTreeSet<&Digest> = theirs.presignatures.iter().collect();
        let Some(place) = self.place_of(&theirs.target, &theirs.quorum, leader) else {
            return names.is_empty();
        };
        names.is_empty()
            || (names.len() == theirs.presignatures.len()
                && names.len() == self.payload_count(&theirs.target)
                && self.sessions.stock.has(&place, &theirs.presignatures))
    }

    /// Takes what terms name out of the stock, whatever comes of it (AHD-02).
    pub(super) fn take_presignatures(
        &mut self,
        leader: NodeId,
        terms: &Terms,
    ) -> Option<Vec<Presignature>> {
        if terms.presignatures.is_empty() {
            return Some(Vec::new());
        }
        let place = self.place_of(&terms.target, &terms.quorum, leader)?;
        self.sessions.stock.take(&place, &terms.presignatures)
    }

    /// A session that named presignatures of this node came to nothing, and not by its own doing: a
    /// member may not have what this node thinks that it has.
    pub(super) fn spoil_presignatures(&mut self, session: &Session, turn: &Turn<'_>) {
        let Session { terms, leader, .. } = session;
        if terms.presignatures.is_empty() || *leader != self.me {
            return;
        }
        let (key, account, quorum) = (terms.key, terms.account, terms.quorum.clone());
        let place = Place { key, account, leader: *leader, quorum };
        self.sessions.stock.spoil(&place, turn.now + self.pace.retry_max_ms);
    }

    /// The task that opens a session which makes presignatures.
    pub(super) fn ahead_task(
        &self,
        terms: &Terms,
        material: Material,
        turn: &mut Turn<'_>,
    ) -> Task {
        Task::OpenAhead(Box::new(AheadTask {
            terms: terms.digest(),
            key: terms.key,
            public: material.public,
            share: material.share,
            quorum: terms.quorum.iter().copied().collect(),
            me: self.me,
            pairs: material.pairs,
            count: self.batch_size(&terms.key),
            seed: turn.seed(),
        }))
    }

    /// Presignatures are made here. A member keeps them and says so; the leader keeps them once all
    /// have said so, so that it names none that somebody does not have yet.
    pub(super) fn on_made(
        &mut self,
        run: RunId,
        presignatures: Vec<Presignature>,
        turn: &mut Turn<'_>,
    ) {
        let Some(session) = self.sessions.live.get_mut(&run) else { return };
        if session.leader == self.me {
            session.phase = Phase::ExpectMade(presignatures);
            session.made.insert(self.me);
            self.sessions.deadlines.set(run, turn.now + self.pace.session_timeout_ms);
            self.keep_if_made_by_all(run, turn);
            return;
        }
        let leader = session.leader;
        let message = SessionMessage { run, step: SessionStep::Made };
        if let Some(session) = self.end_session(run) {
            self.keep(session, presignatures, turn);
            self.send(leader, &Message::Session(message), turn);
        }
    }

    /// A member has them.
    pub(super) fn keep_if_made_by_all(&mut self, run: RunId, turn: &mut Turn<'_>) {
        let Some(session) = self.sessions.live.get(&run) else { return };
        if !matches!(session.phase, Phase::ExpectMade(_)) || !session.awaited().is_empty() {
            return;
        }
        let Some(mut session) = self.end_session(run) else { return };
        let phase = std::mem::replace(&mut session.phase, Phase::Opening);
        if let Phase::ExpectMade(presignatures) = phase {
            self.keep(session, presignatures, turn);
        }
    }

    fn keep(&mut self, session: Session, presignatures: Vec<Presignature>, turn: &Turn<'_>) {
        let Session { terms, leader, mut generations, .. } = session;
        let batch = Batch {
            place: Place { key: terms.key, account: terms.account, leader, quorum: terms.quorum },
            epoch_record: terms.epoch_record,
            incarnations: terms.incarnations,
            generations: generations.remove(&self.me).unwrap_or_default(),
            made_at: turn.now,
            presignatures,
        };
        let most = self.sessions.stock.asked.get(&terms.key).copied().unwrap_or_default();
        // A leader knows before its members which ones it has used, or dropped.
        let most = match batch.place.leader == self.me {
            true => usize::from(most),
            false => usize::from(most) + self.batch_size(&terms.key),
        };
        if self.is_current(&batch, turn.now) {
            self.sessions.stock.put(batch, most, turn.now);
        }
    }
}
