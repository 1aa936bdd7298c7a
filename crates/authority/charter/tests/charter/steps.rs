//! Every pattern of lost messages, round by round (N-100): in each round every voter hears from
//! each other one all that it said or nothing, and from a liar one of several stories or
//! nothing; then its time is over. All combinations of all voters are walked, equal situations
//! once; where they become too many, a seeded part of them is followed. What is heard late is
//! covered, because voters say everything again.

use crate::explore::Dice;
use crate::explore::tendermint::{Tendermint, sign};
use crate::support::Domain;
use quorate_charter::{
    Agreement, BallotBody, Effects, Input, Instance, SignedBallotMessage, Validity,
};
use quorate_codec::{Digest, Transcript, tag};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};
use std::rc::Rc;

const VALUES: [&[u8]; 2] = [b"a", b"b"];
/// Longer than every timer of the ballots that are reached.
const STEP_MS: u64 = 1_000_000;

/// One voter's situation: its agreement and what it decided.
#[derive(Clone)]
struct Seat {
    agreement: Agreement,
    /// What it said itself that still counts, and every value that it ever precommitted.
    own: Vec<SignedBallotMessage>,
    precommits: BTreeSet<(u32, Digest)>,
    decided: Option<Vec<u8>>,
}

/// All situations of voters met so far; a situation of all is a list of their numbers.
struct Walk {
    rule: Tendermint,
    honest: Vec<usize>,
    liar: Option<usize>,
    seats: Vec<Rc<Seat>>,
    numbers: BTreeMap<u64, usize>,
}

impl Walk {
    fn new(nodes: u8, faults: u8, liar: Option<usize>) -> Self {
        let rule = Tendermint::new(&Domain::new(nodes, faults).state);
        let honest = (0..usize::from(nodes)).filter(|node| Some(*node) != liar).collect();
        Self { rule, honest, liar, seats: Vec::new(), numbers: BTreeMap::new() }
    }

    /// Walks so many rounds. Up to `most` situations a round are followed, all of them or a
    /// seeded choice; returns how many rounds were walked whole, and how many outcomes were
    /// looked at.
    fn walk(&mut self, rounds: u64, most: usize) -> (u64, usize) {
        let start: Vec<usize> = self.honest.clone().iter().map(|node| self.begin(*node)).collect();
        let (mut situations, mut whole, mut seen) = (BTreeSet::from([start]), rounds, 0);
        let mut dice = Dice(7);
        for round in 1..=rounds {
            let mut next = BTreeSet::new();
            let mut moves = BTreeMap::new();
            for situation in &situations {
                let choices: Vec<BTreeSet<usize>> = (0..situation.len())
                    .map(|place| self.outcomes(situation, place, round, &mut moves))
                    .collect();
                for outcome in product(&choices) {
                    self.check(&outcome);
                    seen += 1;
                    next.insert(outcome);
                }
            }
            if next.len() > most {
                whole = whole.min(round);
                let share = (most * 1_000_000 / next.len()) as u64;
                next.retain(|_| dice.roll(1_000_000) < share);
            }
            situations = next;
        }
        (whole, seen)
    }

    /// No two values are decided, or could be by what is signed, the liar signing for both.
    fn check(&self, situation: &[usize]) {
        let seats = || situation.iter().map(|number| &self.seats[*number]);
        let mut precommits: BTreeMap<(u32, Digest), usize> = BTreeMap::new();
        for precommit in seats().flat_map(|seat| &seat.precommits) {
            *precommits.entry(*precommit).or_default() += 1;
        }
        let needed = self.rule.state.quorum() - usize::from(self.liar.is_some());
        let possible = precommits.iter().filter(|(_, count)| **count >= needed);
        let mut values: BTreeSet<Digest> = possible.map(|((_, digest), _)| *digest).collect();
        values.extend(seats().filter_map(|seat| seat.decided.as_deref()).map(digest));
        assert!(values.len() < 2, "a fork");
    }

    fn begin(&mut self, node: usize) -> usize {
        let agreement = self.rule.agreement(node, None);
        let mut seat =
            Seat { agreement, own: Vec::new(), precommits: BTreeSet::new(), decided: None };
        let wish = VALUES[node % 2].to_vec();
        hand(&mut seat, Input::Propose(wish), 0);
        self.number(node, seat)
    }

    /// Everything that one voter may have become after a step.
    fn outcomes(
        &mut self,
        situation: &[usize],
        place: usize,
        step: u64,
        moves: &mut BTreeMap<Vec<usize>, BTreeSet<usize>>,
    ) -> BTreeSet<usize> {
        let mut outcomes = BTreeSet::new();
        for heard in 0..1_usize << situation.len() {
            if heard & (1 << place) != 0 {
                continue;
            }
            let mut key = vec![place, situation[place]];
            let others = (0..situation.len()).filter(|other| heard & (1 << other) != 0);
            key.extend(others.map(|other| situation[other]));
            if !moves.contains_key(&key) {
                let found = self.moves(&key, step);
                moves.insert(key.clone(), found);
            }
            outcomes.extend(&moves[&key]);
        }
        outcomes
    }

    fn moves(&mut self, key: &[usize], step: u64) -> BTreeSet<usize> {
        let (place, number, heard) = (key[0], key[1], &key[2..]);
        let now = step * STEP_MS;
        let mut found = BTreeSet::new();
        let mut seat = Seat::clone(&self.seats[number]);
        for other in heard {
            let other = Rc::clone(&self.seats[*other]);
            match &other.decided {
                Some(value) => seat.decided = seat.decided.or(Some(value.clone())),
                None => {
                    for message in &other.own {
                        hand(&mut seat, Input::Message(message.clone()), now);
                    }
                }
            }
        }
        for lie in self.lies() {
            let mut seat = seat.clone();
            for message in lie {
                hand(&mut seat, Input::Message(message), now);
            }
            hand(&mut seat, Input::Timeout, now + STEP_MS - 1);
            found.insert(self.number(self.honest[place], seat));
        }
        found
    }

    /// What the liar may tell a voter in one step: nothing, or everything for one value.
    fn lies(&self) -> Vec<Vec<SignedBallotMessage>> {
        let mut lies = vec![Vec::new()];
        let Some(liar) = self.liar else { return lies };
        for value in VALUES {
            let lie = (0..2).flat_map(|ballot| self.lie(liar, ballot, value));
            lies.push(lie.collect());
        }
        lies
    }

    fn lie(&self, liar: usize, ballot: u32, value: &[u8]) -> [SignedBallotMessage; 3] {
        let digest = Some(digest(value));
        let proposal = BallotBody::Proposal { value: value.to_vec().into(), lock: None };
        [proposal, BallotBody::Prevote(digest), BallotBody::Precommit(digest)].map(|body| {
            let (genesis, instance) = (self.rule.state.genesis(), Instance::Position(1));
            let voter = self.rule.voters[liar];
            SignedBallotMessage::sign(genesis, instance, ballot, voter, body, &sign)
        })
    }

    fn number(&mut self, node: usize, mut seat: Seat) -> usize {
        let id = self.rule.voters[node];
        let held = seat.agreement.resend().into_iter();
        seat.own = held.filter(|message| message.voter() == id).collect();
        seat.precommits.extend(seat.own.iter().filter_map(|message| match message.body() {
            BallotBody::Precommit(Some(digest)) => Some((message.ballot(), *digest)),
            _ => None,
        }));
        let mut hash = Hash(0xcbf2_9ce4_8422_2325);
        write!(hash, "{:?} {:?} {:?}", seat.agreement, seat.decided, seat.precommits).unwrap();
        *self.numbers.entry(hash.0).or_insert_with(|| {
            self.seats.push(Rc::new(seat));
            self.seats.len() - 1
        })
    }
}

fn hand(seat: &mut Seat, input: Input, now: u64) {
    if seat.decided.is_none() {
        let effects: Effects =
            seat.agreement.handle(input, now, &sign, &|_: &[u8]| Validity::Valid);
        seat.decided = effects.decided.map(|decided| decided.value);
    }
}

fn digest(value: &[u8]) -> Digest {
    Transcript::new(tag::DECISION_VALUE).part(value).digest()
}

/// All lists with one element of each set.
fn product(sets: &[BTreeSet<usize>]) -> Vec<Vec<usize>> {
    sets.iter().fold(vec![Vec::new()], |lists, set| {
        let longer = |list: &Vec<usize>| {
            let list = list.clone();
            set.iter().map(move |one| [list.as_slice(), &[*one]].concat()).collect::<Vec<_>>()
        };
        lists.iter().flat_map(longer).collect()
    })
}

/// FNV-1a over what is written.
struct Hash(u64);

impl Write for Hash {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}

#[test]
fn neg_100_no_pattern_of_losses_forks_three_voters() {
    let (whole, seen) = Walk::new(3, 0, None).walk(10, 300);
    assert!(whole >= 3 && seen > 10_000, "{whole} rounds whole, {seen} outcomes");
}

#[test]
fn neg_100_no_pattern_of_losses_and_no_liar_fork_four_voters() {
    // The liar proposes in ballot 0, or in none of the first two.
    for liar in [1, 3] {
        let (whole, seen) = Walk::new(4, 1, Some(liar)).walk(8, 20);
        assert!(whole >= 1 && seen > 10_000, "{whole} rounds whole, {seen} outcomes");
    }
}
