//! The agreement primitive, every order of events at small sizes (AGR-01 to AGR-11, N-100): the
//! voters are the product's own, their statements are signed and verified as in the product, and
//! stateright walks everything that can happen to them.
//!
//! *What can happen.* A statement that was made stays there to be heard by anybody, at any time,
//! again, or never: so messages are lost, late, doubled and in any order. A voter's time is over
//! whenever it waits for that. A voter crashes after whatever it says, as often as it likes, and
//! goes on from its row alone; where it leads it may come back with another wish. A liar says
//! anything to anybody, in any ballot and differently to each.
//!
//! *What keeps it small*, without losing an order of events that counts:
//!
//! - Others' statements are taken out of the row. They are still there to be heard, so who comes
//!   back with fewer of them can do what the other can, and more. What a voter that goes on in
//!   memory does is compared at each step with one that came back with its whole row (AGR-05).
//! - A voter hears what it needs for its next statement and nothing else, for the same reason:
//!   votes of one ballot and phase, so many that a rule may look at them, with the value that
//!   they are for; or a proposal. No rule looks at more.
//! - An offer with a proof is heard alone: it teaches a value and no more. One without is a wish like
//!   a voter's own (AGR-04).
//! - Whether something is decided follows from what is signed (AGR-11), whoever has seen it, so
//!   the walk goes on without anybody who sees it.
//! - The two values are alike, so the first honest leader wishes for the first one.
//! - A liar votes for values, never for nothing: a vote for another value does the same.
//! - A value that is late, or not known yet, makes a voter say nothing or wait (AGR-07), and so
//!   does the time. Every value here is valid or is not.
//!
//! *Bounds.* Nothing is said in later ballots than the given number; crashes and messages have no
//! limit of their own. At (3, 0) three ballots, each voter leading once: 2.78 million situations,
//! of 1517 rows. At (4, 1) two ballots, where the liar leads the first, the second or neither:
//! 114, 109 and 35 thousand. A proof that is older than a lock first does harm in the third ballot.

mod liar;
mod statements;
mod voter;

use crate::support::Domain;
use quorate_charter::{LockKeys, Phase, SignedBallotMessage, State as Charter};
use quorate_codec::{Digest, Transcript, tag};
use quorate_identity::{NodeId, NodeSecrets};
use statements::{Set, Statement, Statements};
use stateright::{Checker, HasDiscoveries, Model, Path, Property};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use voter::{Memory, Rows};

/// What voters may want decided.
const VALUES: [&[u8]; 2] = [b"a", b"b"];
/// What no honest voter finds valid.
const POISON: &[u8] = b"poison";

const ONE_DECISION: &str = "never two decisions";
const ONE_STATEMENT: &str = "nobody honest contradicts itself";
const VALIDITY: &str = "only what was proposed and is valid is decided";
const DECIDES: &str = "everybody honest decides";
const DECIDES_LATE: &str = "it is decided in the last ballot alone";

/// How large a walk is.
#[derive(Debug, Clone, Copy)]
struct Size {
    nodes: u8,
    faults: u8,
    /// Places of voters that lie; 1 leads the first ballot, 2 the second, and so on (AGR-03).
    liars: &'static [usize],
    ballots: u32,
}

struct Voting {
    size: Size,
    charter: Charter,
    voters: Vec<NodeId>,
    secrets: BTreeMap<NodeId, NodeSecrets>,
    memory: Memory,
    known: Mutex<Known>,
}

/// Everything met so far, numbered.
#[derive(Default)]
struct Known {
    statements: Statements,
    lies: BTreeMap<liar::Lie, usize>,
    rows: Rows,
}

/// Where everybody is: the honest voters' rows, and all that they ever said.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Situation {
    rows: Vec<usize>,
    said: Set,
}

/// An honest voter says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Action {
    voter: usize,
    step: voter::Step,
}

impl Voting {
    fn new(size: Size, memory: Memory) -> Self {
        let Domain { state: charter, nodes: secrets, .. } = Domain::new(size.nodes, size.faults);
        let voters = charter.voters().keys().copied().collect();
        Self { size, charter, voters, secrets, memory, known: Mutex::default() }
    }

    fn honest(&self) -> impl Iterator<Item = usize> {
        (0..self.voters.len()).filter(|place| !self.size.liars.contains(place))
    }

    fn leader(&self, ballot: u32) -> usize {
        (1 + usize::try_from(ballot).unwrap()) % self.voters.len()
    }

    /// What a voter may wish for: either value, if it ever leads.
    fn wishes(&self, place: usize) -> &'static [&'static [u8]] {
        let leaders = || (0..self.size.ballots).map(|ballot| self.leader(ballot));
        let first = leaders().find(|leader| !self.size.liars.contains(leader));
        if leaders().any(|leader| leader == place) && first != Some(place) {
            &VALUES
        } else {
            &VALUES[..1]
        }
    }

    /// The number of a statement; it must hold, like all that reaches a voter (AGR-02).
    fn number(&self, known: &mut Known, message: &SignedBallotMessage) -> usize {
        known.statements.number(message, |message| {
            assert_eq!(message.verify(&self.charter), Ok(LockKeys::OfNow));
            self.voters.iter().position(|voter| *voter == message.voter()).unwrap()
        })
    }

    /// The values, by ballot, for which a certificate can be made, the liars signing (AGR-11).
    fn decisions(&self, situation: &Situation) -> Vec<(u32, Digest)> {
        self.signed_by(situation, self.charter.quorum() - self.size.liars.len())
    }

    /// The values, by ballot, that so many honest voters precommitted.
    fn signed_by(&self, situation: &Situation, count: usize) -> Vec<(u32, Digest)> {
        let known = self.known.lock().unwrap();
        let precommits = known.statements.of(Phase::Precommit);
        let signed = precommits.filter(|(_, _, by)| by.shared(&situation.said).len() >= count);
        signed.map(|(ballot, digest, _)| (ballot, digest)).collect()
    }

    fn was_proposed(&self, situation: &Situation, digest: Digest) -> bool {
        let known = self.known.lock().unwrap();
        let lies = known.lies.values().copied().collect::<Set>();
        let mut proposals = known.statements.of(Phase::Proposal);
        proposals.any(|(_, value, by)| {
            value == digest
                && !(by.shared(&situation.said).is_empty() && by.shared(&lies).is_empty())
        })
    }

    /// How it came to the end of a path, for people.
    fn story(&self, path: Path<Situation, Action>) -> String {
        let known = self.known.lock().unwrap();
        let mut told = BTreeSet::new();
        let mut tell = |action: Action| -> String {
            let said = action.step.said.iter().filter(|said| told.insert(*said)).map(|said| {
                let Statement { ballot, phase, digest, .. } = &known.statements[said];
                let value = [VALUES[0], VALUES[1], POISON]
                    .into_iter()
                    .find(|value| Some(value_digest(value)) == *digest)
                    .map_or("nothing".into(), String::from_utf8_lossy);
                format!("voter {}, ballot {ballot}: {phase} of {value}\n", action.voter)
            });
            said.collect()
        };
        path.into_actions().into_iter().map(&mut tell).collect()
    }
}

fn value_digest(value: &[u8]) -> Digest {
    Transcript::new(tag::DECISION_VALUE).part(value).digest()
}

impl Model for Voting {
    type State = Situation;
    type Action = Action;

    fn init_states(&self) -> Vec<Situation> {
        let mut known = self.known.lock().unwrap();
        let rows = self.honest().map(|place| self.first_row(&mut known, place)).collect();
        vec![Situation { rows, said: Set::default() }]
    }

    fn actions(&self, situation: &Situation, actions: &mut Vec<Action>) {
        let mut known = self.known.lock().unwrap();
        let lies = self.lies(&mut known, situation);
        let shown = lies.with(&self.offers(&mut known, situation));
        for (voter, row) in self.honest().zip(&situation.rows) {
            for wish in self.wishes(voter) {
                let heard = situation.said.with(&shown);
                let steps = self.steps(&mut known, voter, *row, wish, heard);
                actions.extend(steps.iter().map(|step| Action { voter, step: *step }));
            }
        }
    }

    fn next_state(&self, situation: &Situation, action: Action) -> Option<Situation> {
        let mut next = situation.clone();
        let seat = self.honest().position(|voter| voter == action.voter)?;
        next.rows[seat] = action.step.row;
        next.said = next.said.with(&action.step.said);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONE_DECISION, |voting: &Self, situation: &Situation| {
                let decisions = voting.decisions(situation);
                decisions.iter().all(|(_, digest)| *digest == decisions[0].1)
            }),
            Property::always(ONE_STATEMENT, |voting: &Self, situation: &Situation| {
                let known = voting.known.lock().unwrap();
                known.statements.slots().all(|slot| slot.shared(&situation.said).len() < 2)
            }),
            Property::always(VALIDITY, |voting: &Self, situation: &Situation| {
                voting.decisions(situation).iter().all(|(_, digest)| {
                    *digest != value_digest(POISON) && voting.was_proposed(situation, *digest)
                })
            }),
            Property::sometimes(DECIDES, |voting: &Self, situation: &Situation| {
                let mut seats = voting.honest().zip(&situation.rows);
                !voting.signed_by(situation, voting.honest().count()).is_empty()
                    && seats.all(|(voter, row)| voting.decides(voter, *row, situation.said))
            }),
            Property::sometimes(DECIDES_LATE, |voting: &Self, situation: &Situation| {
                let decisions = voting.decisions(situation);
                let last = |(ballot, _): &(u32, Digest)| ballot + 1 == voting.size.ballots;
                !decisions.is_empty() && decisions.iter().all(last)
            }),
        ]
    }
}

/// Walks everything; nothing may go wrong, and what should be possible must be.
fn holds(size: Size, least: usize) {
    let checker = Voting::new(size, Memory::Row).checker().spawn_bfs().join();
    let mut found = checker.discoveries();
    for good in [DECIDES, DECIDES_LATE] {
        assert!(found.remove(good).is_some(), "{size:?}: not possible: {good}");
    }
    let wrong = found.into_iter().next();
    let wrong = wrong.map(|(name, path)| format!("{name}\n{}", checker.model().story(path)));
    assert_eq!(wrong, None, "{size:?}");
    let situations = checker.unique_state_count();
    let rows = checker.model().known.lock().unwrap().rows.len();
    println!("figures: {size:?}: {situations} situations, {rows} rows");
    assert!(situations >= least, "{size:?}: {situations} situations are fewer than there were");
}

/// Walks until something goes wrong, which it must.
fn breaks(size: Size, memory: Memory, what: &str) {
    let any = HasDiscoveries::AnyOf(BTreeSet::from([ONE_DECISION, ONE_STATEMENT, VALIDITY]));
    let checker = Voting::new(size, memory).checker().finish_when(any).spawn_bfs().join();
    assert!(checker.discoveries().contains_key(what), "{size:?} {memory:?}: not found: {what}");
}

#[test]
fn neg_100_no_order_of_events_forks_three_voters_that_crash() {
    holds(Size { nodes: 3, faults: 0, liars: &[], ballots: 3 }, 2_700_000);
}

#[test]
fn neg_100_no_order_of_events_forks_four_voters_whose_first_leader_lies() {
    holds(Size { nodes: 4, faults: 1, liars: &[1], ballots: 2 }, 110_000);
}

#[test]
fn neg_100_no_order_of_events_forks_four_voters_whose_second_leader_lies() {
    holds(Size { nodes: 4, faults: 1, liars: &[2], ballots: 2 }, 105_000);
}

#[test]
fn neg_100_no_order_of_events_forks_four_voters_whose_last_leader_lies() {
    holds(Size { nodes: 4, faults: 1, liars: &[3], ballots: 2 }, 34_000);
}

/// The same walk finds the fork where voters forget, or where more lie than may: so it could find
/// one above.
#[test]
fn neg_100_broken_rules_fork() {
    let three = Size { nodes: 3, faults: 0, liars: &[], ballots: 2 };
    breaks(three, Memory::RowWithoutLock, ONE_DECISION);
    breaks(three, Memory::Nothing, ONE_STATEMENT);
    let four = Size { nodes: 4, faults: 1, liars: &[1], ballots: 2 };
    breaks(four, Memory::RowWithoutLock, ONE_DECISION);
    let two_lie = Size { liars: &[1, 3], ballots: 1, ..four };
    breaks(two_lie, Memory::Row, ONE_DECISION);
    let one_lies = Size { nodes: 3, faults: 0, liars: &[1], ballots: 1 };
    breaks(one_lies, Memory::Row, ONE_DECISION);
}
