//! Presignatures in memory, and how many are wanted. They are never stored: a process that ends takes
//! them with it, so no copy of a disk has one (ECD-14).

use crate::event::Millis;
use crate::limits;
use crate::wire::Generation;
use quorate_codec::Digest;
use quorate_engine::Presignature;
use quorate_identity::{KeyId, NodeId};
use std::collections::{BTreeMap, BTreeSet};

/// All presignatures that a node takes part in, oldest first, and what the sessions ask for that it
/// leads.
#[derive(Default)]
pub(crate) struct Stock {
    batches: Vec<Batch>,
    demands: BTreeMap<Place, Demand>,
    /// Keys for which people asked for them, and how many of each leader.
    pub asked: BTreeMap<KeyId, u16>,
    /// When it is looked at what is lacking.
    due: Option<Millis>,
    /// When a session of each other leader was joined last.
    joined_at: BTreeMap<NodeId, Millis>,
}

/// Whose presignatures: only the leader of their making uses them, so that no two sessions take one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub key: KeyId,
    pub account: u16,
    pub leader: NodeId,
    /// Ascending.
    pub quorum: Vec<NodeId>,
}

/// What one session made.
pub(crate) struct Batch {
    pub place: Place,
    pub epoch_record: Digest,
    /// Of the quorum, in its order: a process that ended has none any more.
    pub incarnations: Vec<Digest>,
    /// Of this node's pairs.
    pub generations: Vec<Generation>,
    pub made_at: Millis,
    pub presignatures: Vec<Presignature>,
}

/// What a place needs.
#[derive(Debug, Default)]
struct Demand {
    /// Presignatures that were of use in about the last minute.
    uses: u32,
    /// When they were halved last.
    halved_at: Millis,
    /// Attempts that brought nothing.
    failures: u32,
    rests_until: Millis,
}

impl Stock {
    /// How many there are of a leader.
    pub fn of(&self, key: &KeyId, leader: &NodeId) -> usize {
        let ours = self
            .batches
            .iter()
            .filter(|batch| batch.place.key == *key && batch.place.leader == *leader);
        ours.map(|batch| batch.presignatures.len()).sum()
    }

    fn at(&self, place: &Place) -> usize {
        let ours = self.batches.iter().filter(|batch| batch.place == *place);
        ours.map(|batch| batch.presignatures.len()).sum()
    }

    /// Quorums for which a leader has so many of one account, the fullest first.
    pub fn quorums(&self, key: &KeyId, account: u16, leader: &NodeId, count: usize) -> Vec<&Place> {
        let mut places: Vec<&Place> = self
            .batches
            .iter()
            .map(|batch| &batch.place)
            .filter(|place| {
                (place.key, place.account, place.leader) == (*key, account, *leader)
                    && self.at(place) >= count
            })
            .collect();
        places.sort_by_key(|place| std::cmp::Reverse(self.at(place)));
        places.dedup();
        places
    }

    /// The names of as many, of the oldest; none if there are fewer.
    pub fn names(&self, place: &Place, count: usize) -> Vec<Digest> {
        let ours = self.batches.iter().filter(|batch| batch.place == *place);
        let all = ours.flat_map(|batch| batch.presignatures.iter().map(Presignature::name));
        let names: Vec<Digest> = all.take(count).collect();
        if names.len() == count { names } else { Vec::new() }
    }

    /// Whether these are there.
    pub fn has(&self, place: &Place, names: &[Digest]) -> bool {
        let ours = self.batches.iter().filter(|batch| batch.place == *place);
        let all: BTreeSet<Digest> =
            ours.flat_map(|batch| batch.presignatures.iter().map(Presignature::name)).collect();
        names.iter().all(|name| all.contains(name))
    }

    /// Takes these out, in this order: whatever comes of it, they are not there any more. Nothing if
    /// one was not there.
    pub fn take(&mut self, place: &Place, names: &[Digest]) -> Option<Vec<Presignature>> {
        let mut taken = BTreeMap::new();
        for batch in self.batches.iter_mut().filter(|batch| batch.place == *place) {
            let (ours, rest) = std::mem::take(&mut batch.presignatures)
                .into_iter()
                .partition(|presignature| names.contains(&presignature.name()));
            batch.presignatures = rest;
            let ours: Vec<Presignature> = ours;
            taken.extend(ours.into_iter().map(|presignature| (presignature.name(), presignature)));
        }
        self.batches.retain(|batch| !batch.presignatures.is_empty());
        names.iter().map(|name| taken.remove(name)).collect()
    }

    /// Adds what was made, and drops the oldest of that leader over the limit: first those that nobody
    /// needs.
    pub fn put(&mut self, batch: Batch, most: usize, now: Millis) {
        let (key, leader) = (batch.place.key, batch.place.leader);
        if let Some(demand) = self.demands.get_mut(&batch.place) {
            demand.failures = 0;
        }
        self.batches.push(batch);
        self.look_at(now);
        while self.of(&key, &leader) > most {
            let is_its = |batch: &Batch| batch.place.key == key && batch.place.leader == leader;
            let is_idle = |batch: &Batch| is_its(batch) && !self.demands.contains_key(&batch.place);
            let oldest = self.batches.iter().position(is_idle);
            let Some(oldest) = oldest.or_else(|| self.batches.iter().position(is_its)) else {
                return;
            };
            self.batches.remove(oldest);
        }
    }

    /// Whether a session of another leader may begin: its last one is a pause ago.
    pub fn may_join(&self, leader: &NodeId, now: Millis, pause: Millis) -> bool {
        self.joined_at.get(leader).is_none_or(|at| now >= at.saturating_add(pause))
    }

    /// A session of another leader begins.
    pub fn note_joined(&mut self, leader: NodeId, now: Millis) {
        self.joined_at.insert(leader, now);
    }

    /// Drops all of a place: somebody did not have what was named, so who has what is not known. It is
    /// filled again after a pause.
    pub fn spoil(&mut self, place: &Place, until: Millis) {
        self.batches.retain(|batch| batch.place != *place);
        if let Some(demand) = self.demands.get_mut(place) {
            demand.rests_until = until.max(demand.rests_until);
        }
        self.look_at(until);
    }

    /// From this moment on it is to be looked at what is lacking.
    pub fn look_at(&mut self, at: Millis) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// Whether it is to be looked at what is lacking; from then on not any more.
    pub fn take_due(&mut self, now: Millis) -> bool {
        let is_due = self.due.is_some_and(|due| due <= now);
        if is_due {
            self.due = None;
        }
        is_due
    }

    /// All batches, to be put back as far as they may be used.
    pub fn take_all(&mut self) -> Vec<Batch> {
        std::mem::take(&mut self.batches)
    }

    /// Puts batches back.
    pub fn put_back(&mut self, batches: Vec<Batch>) {
        self.batches = batches;
    }

    /// So many were of use for a session at this place, whether or not they were there: there will be
    /// more.
    pub fn note_use(&mut self, place: Place, count: usize, now: Millis) {
        let demand = self.demands.entry(place).or_default();
        demand.halve(now);
        demand.uses = demand.uses.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
        self.look_at(now);
    }

    /// Nothing is needed at this place any more.
    pub fn forget(&mut self, place: &Place) {
        self.demands.remove(place);
    }

    /// Keys of which somebody asked for presignatures, and nothing is needed anywhere.
    pub fn undemanded(&self) -> Vec<KeyId> {
        let demanded: BTreeSet<KeyId> = self.demands.keys().map(|place| place.key).collect();
        self.asked.keys().filter(|key| !demanded.contains(key)).copied().collect()
    }

    /// A place that has less than half of what it needs, the emptiest first, if it does not rest and
    /// as many as one session makes have room beside what other places need. From now on it rests,
    /// longer with each attempt that brings nothing.
    pub fn next_to_fill(&mut self, now: Millis, pause: Millis) -> Option<Place> {
        let asked = &self.asked;
        self.demands.retain(|place, demand| {
            demand.halve(now);
            demand.uses > 0 && asked.contains_key(&place.key)
        });
        let mut lacking = Vec::new();
        for (place, demand) in &self.demands {
            let Some(most) = self.asked.get(&place.key).copied() else { continue };
            let needed = self.demands.keys().filter(|other| other.key == place.key);
            let there: usize = needed.map(|other| self.at(other)).sum();
            let at = self.at(place);
            if 2 * at <= demand.wanted(most) && there + at_once(most) <= usize::from(most) {
                lacking.push((at, demand.rests_until, place.clone()));
            }
        }
        if let Some(next) = lacking.iter().map(|(_, until, _)| *until).filter(|it| *it > now).min()
        {
            self.look_at(next);
        }
        lacking.retain(|(_, until, _)| *until <= now);
        let (_, _, place) = lacking.into_iter().min_by_key(|(at, ..)| *at)?;
        let demand = self.demands.get_mut(&place)?;
        let shift = demand.failures.min(limits::RETRY_DOUBLINGS_MAX.min(8));
        demand.rests_until = now.saturating_add(pause << shift);
        demand.failures = demand.failures.saturating_add(1);
        self.look_at(now.saturating_add(pause));
        Some(place)
    }

    /// When it is to be looked at what is lacking.
    pub fn wake_at(&self, now: Millis) -> Option<Millis> {
        self.due.filter(|due| *due > now)
    }
}

/// How many one session makes where people asked for so many: half of them, so that the other half is
/// there meanwhile.
pub(super) fn at_once(most: u16) -> usize {
    usize::from(most).div_ceil(2).min(limits::PRESIGNATURES_AT_ONCE)
}

impl Demand {
    fn halve(&mut self, now: Millis) {
        let minutes = now.saturating_sub(self.halved_at) / 60_000;
        if minutes > 0 {
            self.uses = self.uses.checked_shr(minutes.min(31) as u32).unwrap_or_default();
            self.halved_at = now;
        }
    }

    /// Those of two minutes like the last one.
    fn wanted(&self, most: u16) -> usize {
        let uses = usize::try_from(self.uses.saturating_mul(2)).unwrap_or(usize::MAX);
        uses.max(limits::PRESIGNATURES_LEAST).min(usize::from(most))
    }
}
