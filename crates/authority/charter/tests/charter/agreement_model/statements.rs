//! Statements by number, and sets of them.

use quorate_charter::{Phase, SignedBallotMessage};
use quorate_codec::{Digest, to_bytes};
use std::collections::BTreeMap;
use std::ops::Index;

/// All statements met so far.
#[derive(Default)]
pub struct Statements {
    all: Vec<Statement>,
    numbers: BTreeMap<Vec<u8>, usize>,
    slots: BTreeMap<(usize, u32, Phase), Set>,
    about: BTreeMap<(Phase, u32, Digest), Set>,
}

/// A verified statement, taken apart once.
pub struct Statement {
    pub message: SignedBallotMessage,
    pub place: usize,
    pub ballot: u32,
    pub phase: Phase,
    pub digest: Option<Digest>,
}

impl Statements {
    /// The number of a statement; `place` says whose it is, once.
    pub fn number(
        &mut self,
        message: &SignedBallotMessage,
        place: impl FnOnce(&SignedBallotMessage) -> usize,
    ) -> usize {
        *self.numbers.entry(to_bytes(message)).or_insert_with(|| {
            let (number, place) = (self.all.len(), place(message));
            let (ballot, body) = (message.ballot(), message.body());
            let (phase, digest) = (body.phase(), body.digest());
            self.slots.entry((place, ballot, phase)).or_default().insert(number);
            if let Some(digest) = digest {
                self.about.entry((phase, ballot, digest)).or_default().insert(number);
            }
            let message = message.clone();
            self.all.push(Statement { message, place, ballot, phase, digest });
            number
        })
    }

    /// What is said in a phase, by ballot and value.
    pub fn of(&self, phase: Phase) -> impl Iterator<Item = (u32, Digest, Set)> {
        let about = self.about.iter().filter(move |((of, ..), _)| *of == phase);
        about.map(|((_, ballot, digest), set)| (*ballot, *digest, *set))
    }

    /// What is said in one slot each: by one voter, in one ballot, in one phase.
    pub fn slots(&self) -> impl Iterator<Item = Set> {
        self.slots.values().copied()
    }
}

impl Index<usize> for Statements {
    type Output = Statement;

    fn index(&self, number: usize) -> &Statement {
        &self.all[number]
    }
}

/// A set of statements, few enough for a machine word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Set(u128);

impl Set {
    pub fn insert(&mut self, number: usize) {
        assert!(number < 128, "more statements than a set holds");
        self.0 |= 1 << number;
    }

    pub fn len(&self) -> usize {
        self.0.count_ones() as usize
    }

    pub fn is_empty(&self) -> bool {
        self.0 == 0
    }

    pub fn with(self, other: &Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn shared(self, other: &Self) -> Self {
        Self(self.0 & other.0)
    }

    pub fn iter(self) -> impl Iterator<Item = usize> + Clone {
        let after = |rest: &u128| rest.checked_sub(1).map(|less| rest & less);
        let rests = std::iter::successors(Some(self.0), after);
        rests.take_while(|rest| *rest != 0).map(|rest| rest.trailing_zeros() as usize)
    }
}

impl FromIterator<usize> for Set {
    fn from_iter<I: IntoIterator<Item = usize>>(numbers: I) -> Self {
        let mut set = Self::default();
        numbers.into_iter().for_each(|number| set.insert(number));
        set
    }
}
