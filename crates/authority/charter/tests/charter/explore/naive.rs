//! What must not be built: one vote a ballot, anybody proposes, no second phase and no lock.

use super::{In, Out, Rule, Voter};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone)]
pub struct Naive {
    pub quorum: usize,
    /// Whether a voter that waited in vain votes again in a next ballot; otherwise it has one
    /// vote for ever.
    pub has_ballots: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Vote {
    pub ballot: u64,
    pub voter: usize,
    pub value: Vec<u8>,
}

struct Seat {
    rule: Naive,
    me: usize,
    ballot: u64,
    wish: Option<Vec<u8>>,
    votes: BTreeMap<u64, BTreeMap<Vec<u8>, BTreeSet<usize>>>,
    voted: Option<Vote>,
}

impl Rule for Naive {
    type Message = Vote;
    type Row = Vote;

    fn start(&self, me: usize, row: Option<Vote>) -> Box<dyn Voter<Vote, Vote>> {
        let ballot = row.as_ref().map_or(0, |vote| vote.ballot);
        let votes = BTreeMap::new();
        Box::new(Seat { rule: self.clone(), me, ballot, wish: None, votes, voted: row })
    }

    fn author(&self, message: &Vote) -> usize {
        message.voter
    }
}

impl Voter<Vote, Vote> for Seat {
    fn handle(&mut self, input: In<Vote>, now: u64) -> Out<Vote, Vote> {
        let mut row = None;
        let repeats = matches!(input, In::Timeout);
        let mut value = None;
        match input {
            In::Propose(wish) => {
                value = Some(wish.clone());
                self.wish = Some(wish);
            }
            In::Message(vote) => {
                self.count(&vote);
                if vote.ballot > self.ballot && self.rule.has_ballots {
                    self.ballot = vote.ballot;
                }
                value = (vote.ballot == self.ballot).then_some(vote.value);
            }
            In::Timeout => {
                let has_voted = self.voted.as_ref().is_some_and(|vote| vote.ballot == self.ballot);
                if self.rule.has_ballots && has_voted {
                    self.ballot += 1;
                    value = self.wish.clone();
                }
            }
        }
        let is_free = self.voted.as_ref().is_none_or(|vote| vote.ballot < self.ballot);
        if is_free && let Some(value) = value {
            let vote = Vote { ballot: self.ballot, voter: self.me, value };
            self.count(&vote);
            self.voted = Some(vote.clone());
            row = Some(vote);
        }
        let decided = self.votes.values().flatten();
        let decided = decided.filter(|(_, voters)| voters.len() >= self.rule.quorum);
        let decided = decided.map(|(value, _)| value.clone()).next();
        Out {
            row: row.clone(),
            broadcast: self.voted.iter().filter(|_| repeats || row.is_some()).cloned().collect(),
            wake_at: Some(now + 100 + 10 * self.me as u64),
            decided,
            accused: Vec::new(),
        }
    }
}

impl Seat {
    fn count(&mut self, vote: &Vote) {
        let votes = self.votes.entry(vote.ballot).or_default();
        if votes.values().all(|voters| !voters.contains(&vote.voter)) {
            votes.entry(vote.value.clone()).or_default().insert(vote.voter);
        }
    }
}
