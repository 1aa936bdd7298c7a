//! The agreement primitive, explored: bad networks, crashes, liars (AGR-04 to AGR-10, N-100).

use crate::explore::liars::{Babbler, Silent, Twins, TwoFaced};
use crate::explore::naive::Naive;
use crate::explore::tendermint::Tendermint;
use crate::explore::{Dice, End, Liar, Weather, World};
use crate::support::Domain;
use quorate_charter::{SignedBallotMessage, Validity};
use std::collections::BTreeMap;

/// The sizes at which a naive rule fails (N-100).
const SIZES: [(u8, u8); 4] = [(3, 0), (4, 1), (6, 1), (7, 1)];

type Liars = BTreeMap<usize, Box<dyn Liar<SignedBallotMessage>>>;

/// Bad weather of every kind: lossy, slow, cut in one direction or both, crashing.
fn weather(dice: &mut Dice) -> Weather {
    Weather {
        heal_ms: 1 + dice.roll(4_000),
        loss: [0, 10, 30, 60][dice.roll(4) as usize],
        delay_ms: [10, 40, 100, 300][dice.roll(4) as usize],
        cut_ms: [0, 60, 300, 1_500][dice.roll(4) as usize],
        mute: [0, 90][dice.roll(2) as usize],
        no_hearsay: dice.chance(60),
        crashes: dice.roll(3) * dice.roll(4),
        end_ms: 600_000,
    }
}

/// Wishes of n voters: at least one honest one wishes something; often they disagree.
fn wishes(voters: usize, liar: Option<usize>, dice: &mut Dice) -> Vec<Option<Vec<u8>>> {
    let mut wishes: Vec<Option<Vec<u8>>> =
        (0..voters).map(|_| dice.chance(60).then(|| vec![b'a' + dice.roll(3) as u8])).collect();
    let honest = (0..voters).find(|node| Some(*node) != liar).unwrap();
    wishes[honest].get_or_insert(b"a".to_vec());
    wishes
}

fn liar(rule: &Tendermint, me: usize, dice: &mut Dice) -> Box<dyn Liar<SignedBallotMessage>> {
    let values = vec![b"a".to_vec(), b"b".to_vec(), b"poison".to_vec()];
    match dice.roll(5) {
        0 => Box::new(Silent),
        1 | 2 => Box::new(Twins::new(rule, me, [b"a".to_vec(), b"b".to_vec()], dice)),
        _ => Box::new(Babbler { rule: rule.clone(), me, heard: Vec::new(), values }),
    }
}

fn explore(rule: &Tendermint, faults: u8, seed: u64) -> End {
    let mut dice = Dice(seed);
    let voters = rule.voters.len();
    let mut liars: Liars = BTreeMap::new();
    if faults > 0 && dice.chance(85) {
        let me = dice.roll(voters as u64) as usize;
        liars.insert(me, liar(rule, me, &mut dice));
    }
    let wishes = wishes(voters, liars.keys().next().copied(), &mut dice);
    let weather = weather(&mut dice);
    World::new(rule, weather, wishes, liars, seed).run()
}

#[test]
fn neg_100_agreement_never_forks_and_always_ends() {
    for (nodes, faults) in SIZES {
        let rule = Tendermint::new(&Domain::new(nodes, faults).state).judged(|_, value, _| {
            if value == b"poison" { Validity::Invalid } else { Validity::Valid }
        });
        for seed in 0..100 {
            let end = explore(&rule, faults, seed);
            let good = matches!(&end, End::Decided(value) if value != b"poison");
            assert!(good, "n = {nodes}, f = {faults}, seed {seed}: {end:?}");
        }
    }
}

/// Runs a naive rule over seeds; whether a fork and whether a standstill were found.
fn naive_ends(nodes: u8, faults: u8, has_ballots: bool) -> (bool, bool) {
    let voters = usize::from(nodes);
    let quorum = quorate_charter::quorum(voters, usize::from(faults));
    let rule = Naive { quorum, has_ballots };
    let mut found = (false, false);
    for seed in 0..400 {
        let mut dice = Dice(seed);
        let mut liars: BTreeMap<usize, Box<dyn Liar<_>>> = BTreeMap::new();
        if faults > 0 {
            let (me, values) =
                (dice.roll(voters as u64) as usize, vec![b"a".to_vec(), b"b".to_vec()]);
            liars.insert(me, Box::new(TwoFaced { me, voters, values }));
        }
        let wishes = wishes(voters, liars.keys().next().copied(), &mut dice);
        let weather = Weather { end_ms: 20_000, ..weather(&mut dice) };
        match World::new(&rule, weather, wishes, liars, seed).run() {
            End::Fork => found.0 = true,
            End::Stuck => found.1 = true,
            End::Decided(_) | End::FalseAccusation => {}
        }
    }
    found
}

#[test]
fn neg_100_a_naive_rule_forks_or_gets_stuck_in_the_same_world() {
    for (nodes, faults) in SIZES {
        let (forks, _) = naive_ends(nodes, faults, true);
        assert!(forks, "votes of every ballot count: n = {nodes}, f = {faults}");
        let (_, sticks) = naive_ends(nodes, faults, false);
        assert!(sticks, "one vote for ever: n = {nodes}, f = {faults}");
    }
}

/// Voters that come back without their votes break what a quorum relies on; the world sees it,
/// so it would see a vote that was sent before it was durable (AGR-05).
#[test]
fn neg_100_forgotten_votes_are_found_out() {
    let remembering = Tendermint::new(&Domain::new(3, 0).state);
    let forgetful = Tendermint { remembers: false, ..remembering };
    let ends: Vec<End> = (0..200).map(|seed| explore(&forgetful, 0, seed)).collect();
    let is_found = |end: &End| matches!(end, End::Fork | End::FalseAccusation);
    assert!(ends.iter().any(is_found));
}

/// A value whose time runs out while some voter is bound to it: it must still be decided, or
/// another one, but the position must not be blocked (AGR-07).
#[test]
fn neg_100_a_value_that_expires_in_between_blocks_nothing() {
    for (nodes, faults) in SIZES {
        let rule = Tendermint::new(&Domain::new(nodes, faults).state).judged(|me, value, now| {
            // Every voter's clock is different; "c" has no end.
            match value {
                b"poison" => Validity::Invalid,
                b"c" => Validity::Valid,
                _ if now < 1_000 + 100 * me as u64 => Validity::Valid,
                _ => Validity::Late,
            }
        });
        for seed in 0..40 {
            let mut dice = Dice(seed);
            let voters = rule.voters.len();
            let mut liars: Liars = BTreeMap::new();
            if faults > 0 {
                let me = dice.roll(voters as u64) as usize;
                liars.insert(me, liar(&rule, me, &mut dice));
            }
            let mut wishes = wishes(voters, liars.keys().next().copied(), &mut dice);
            let honest = (0..voters).find(|node| !liars.contains_key(node)).unwrap();
            wishes[honest] = Some(b"c".to_vec());
            let weather = weather(&mut dice);
            let end = World::new(&rule, weather, wishes, liars, seed).run();
            let good = matches!(&end, End::Decided(value) if value != b"poison");
            assert!(good, "n = {nodes}, f = {faults}, seed {seed}: {end:?}");
        }
    }
}

/// A voter that does not know what to think of a value waits, and votes for it once it knows.
#[test]
fn a_voter_that_lags_behind_joins_in_later() {
    let rule = Tendermint::new(&Domain::new(4, 1).state).judged(|me, _, now| {
        if now < 700 * me as u64 { Validity::Unknown } else { Validity::Valid }
    });
    for seed in 0..100 {
        let end = explore(&rule, 1, seed);
        assert!(matches!(end, End::Decided(_)), "seed {seed}: {end:?}");
    }
}
