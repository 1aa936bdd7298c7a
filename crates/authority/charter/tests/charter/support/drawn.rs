//! Logs drawn in a tiny language, one chain a line:
//!
//! ```text
//! G -> a[key hot] -> b
//! a -> c[policy 7, by ada]
//! ```
//!
//! `G` is the genesis. A name that is new is an entry after the one before it; in brackets: what
//! its motion does (`key NAME`, `policy NUMBER`, `again ENTRY`: the very motion of that entry),
//! who signed it (`by ada+ben`) and how many nodes certified it (`votes 2`). Left out, it sets
//! some policy, ada and ben signed, and a quorum certified. An entry after one that does not
//! hold stands where it would stand if it held.

use super::{Domain, signed_by};
use quorate_charter::{
    CertifiedEntry, Entry, EntryBody, LogError, MotionBody, SignedMotion, State, verify_log,
};
use std::collections::BTreeMap;

pub struct Drawing<'a> {
    domain: &'a Domain,
    states: BTreeMap<String, State>,
    motions: BTreeMap<String, SignedMotion>,
    entries: BTreeMap<String, CertifiedEntry>,
}

impl<'a> Drawing<'a> {
    pub fn new(domain: &'a Domain, text: &str) -> Self {
        let states = BTreeMap::from([("G".to_owned(), domain.state.clone())]);
        let mut drawing =
            Self { domain, states, motions: BTreeMap::new(), entries: BTreeMap::new() };
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let mut words = line.split("->").map(str::trim);
            let mut parent = words.next().unwrap().to_owned();
            for word in words {
                parent = drawing.draw(&parent, word);
            }
        }
        drawing
    }

    pub fn state(&self, entry: &str) -> &State {
        &self.states[entry]
    }

    pub fn entry(&self, entry: &str) -> CertifiedEntry {
        self.entries[entry].clone()
    }

    pub fn motion(&self, entry: &str) -> &SignedMotion {
        &self.motions[entry]
    }

    /// Replays these entries in this order.
    pub fn replay(&self, entries: &str) -> Result<State, LogError> {
        let entries = entries.split_whitespace().map(|entry| self.entry(entry));
        verify_log(&self.domain.file, &self.domain.hash, entries)
    }

    fn draw(&mut self, parent: &str, word: &str) -> String {
        let (entry, notes) = word.split_once('[').unwrap_or((word, ""));
        if self.entries.contains_key(entry) {
            return entry.to_owned();
        }
        let mut body = MotionBody::PolicySet { bundle: entry.as_bytes().to_vec() };
        let (mut by, mut again) = ("ada+ben", None);
        let state = self.states[parent].clone();
        let mut votes = state.quorum();
        let notes = notes.trim_end_matches(']').split(',').map(str::trim);
        for note in notes.filter(|note| !note.is_empty()) {
            match note.split_once(' ').unwrap() {
                ("key", key) => body = self.domain.key_create(key),
                ("policy", number) => body = MotionBody::PolicySet { bundle: number.into() },
                ("again", other) => again = Some(self.motions[other].clone()),
                ("by", people) => by = people,
                ("votes", count) => votes = count.parse().unwrap(),
                (other, _) => panic!("'{other}' means nothing"),
            }
        }
        let people: Vec<&str> = by.split('+').filter(|one| *one != "nobody").collect();
        let motion =
            again.unwrap_or_else(|| signed_by(&state, self.domain.motion(&state, body), &people));
        let certified =
            self.domain.certify(&Entry::next(&state, EntryBody::Motion(motion.clone())), votes);
        let next = match state.verify_entry(&certified) {
            Ok(verified) => state.apply(verified),
            Err(_) => state,
        };
        self.states.insert(entry.to_owned(), next);
        self.motions.insert(entry.to_owned(), motion);
        self.entries.insert(entry.to_owned(), certified);
        entry.to_owned()
    }
}
