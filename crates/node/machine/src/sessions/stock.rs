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
    /// Sessions of about the last minute.
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

    /// Adds what was made, and drops the oldest of that leader over the limit.
    pub fn put(&mut self, batch: Batch, most: usize) {
        let (key, leader) = (batch.place.key, batch.place.leader);
        if let Some(demand) = self.demands.get_mut(&batch.place) {
            (demand.failures, demand.rests_until) = (0, 0);
        }
        self.batches.push(batch);
        while self.of(&key, &leader) > most {
            let is_its = |batch: &Batch| batch.place.key == key && batch.place.leader == leader;
            let Some(oldest) = self.batches.iter().position(is_its) else { return };
            self.batches.remove(oldest);
        }
    }

    /// All batches, to be put back as far as they may be used.
    pub fn take_all(&mut self) -> Vec<Batch> {
        std::mem::take(&mut self.batches)
    }

    /// Puts batches back, and forgets what is needed for keys of which nobody asks for any more.
    pub fn put_back(&mut self, batches: Vec<Batch>) {
        self.batches = batches;
        let asked = &self.asked;
        self.demands.retain(|place, _| asked.contains_key(&place.key));
    }

    /// A session was led at this place: there will be more.
    pub fn note_use(&mut self, place: Place, now: Millis) {
        let demand = self.demands.entry(place).or_default();
        demand.halve(now);
        demand.uses = demand.uses.saturating_add(1);
    }

    /// Nothing is needed at this place any more.
    pub fn forget(&mut self, place: &Place) {
        self.demands.remove(place);
    }

    /// Whether anything is asked for at a key.
    pub fn is_demanded(&self, key: &KeyId) -> bool {
        self.demands.keys().any(|place| place.key == *key)
    }

    /// A place that has less than half of what it needs and rests no longer, the emptiest first. From
    /// now on it rests, longer with each attempt that brings nothing.
    pub fn next_to_fill(&mut self, now: Millis, pause: Millis) -> Option<Place> {
        let mut lacking: Vec<(usize, Place)> = Vec::new();
        for (place, demand) in &mut self.demands {
            demand.halve(now);
            let Some(most) = self.asked.get(&place.key) else { continue };
            if demand.rests_until <= now {
                lacking.push((demand.wanted(*most), place.clone()));
            }
        }
        lacking.retain(|(wanted, place)| 2 * self.at(place) <= *wanted);
        let (_, place) = lacking.into_iter().min_by_key(|(_, place)| self.at(place))?;
        let demand = self.demands.get_mut(&place)?;
        let shift = demand.failures.min(limits::RETRY_DOUBLINGS_MAX.min(8));
        demand.rests_until = now.saturating_add(pause << shift);
        demand.failures = demand.failures.saturating_add(1);
        Some(place)
    }

    /// When a place may be filled again.
    pub fn wake_at(&self, now: Millis) -> Option<Millis> {
        let rests = self.demands.values().map(|demand| demand.rests_until);
        rests.filter(|until| *until > now).min()
    }
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
