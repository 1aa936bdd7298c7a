//! What is due when, cheap to ask: every event asks.

use crate::event::Millis;
use std::collections::{BTreeMap, BTreeSet};

/// One moment for each of some things.
#[derive(Debug)]
pub(crate) struct Schedule<K> {
    by_time: BTreeSet<(Millis, K)>,
    times: BTreeMap<K, Millis>,
}

impl<K> Default for Schedule<K> {
    fn default() -> Self {
        Self { by_time: BTreeSet::new(), times: BTreeMap::new() }
    }
}

impl<K: Ord + Copy> Schedule<K> {
    /// Sets the moment of a thing, whatever it was before.
    pub fn set(&mut self, thing: K, at: Millis) {
        self.remove(&thing);
        self.times.insert(thing, at);
        self.by_time.insert((at, thing));
    }

    /// Sets the moment of a thing unless an earlier one is set.
    pub fn set_earlier(&mut self, thing: K, at: Millis) {
        if self.times.get(&thing).is_none_or(|set| *set > at) {
            self.set(thing, at);
        }
    }

    /// Forgets a thing.
    pub fn remove(&mut self, thing: &K) {
        if let Some(at) = self.times.remove(thing) {
            self.by_time.remove(&(at, *thing));
        }
    }

    /// The earliest moment.
    pub fn next(&self) -> Option<Millis> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes out everything whose moment has come, earliest first.
    pub fn take_due(&mut self, now: Millis) -> Vec<K> {
        let mut due = Vec::new();
        while let Some((at, thing)) = self.by_time.first().copied() {
            if at > now {
                break;
            }
            self.remove(&thing);
            due.push(thing);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_fall_due_in_order_and_once() {
        let mut schedule = Schedule::default();
        schedule.set('b', 20);
        schedule.set('a', 30);
        schedule.set('c', 10);
        schedule.set('a', 5);
        schedule.remove(&'c');
        assert_eq!(schedule.next(), Some(5));
        assert_eq!(schedule.take_due(20), ['a', 'b']);
        assert_eq!(schedule.take_due(99), []);
        assert_eq!(schedule.next(), None);
    }
}
