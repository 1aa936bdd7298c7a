//! Every small tree, dealt to from every kind of other one.

use crate::harness::{Deal, Keys, node, plans, terms};
use quorate_access::{Row, Tree};
use quorate_curve::{Ed25519, Scalar, SecretScalar};
use quorate_identity::NodeId;
use quorate_keygen::Source;
use quorate_sharing::{LeafShares, additive_share};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::collections::BTreeSet;

const LEAVES: usize = 5;
const DEPTH: usize = 3;

/// All shapes of trees with `leaves` leaves and at most `depth` gates above each, with every
/// threshold; leaves are not yet anybody's.
fn shapes(leaves: usize, depth: usize) -> Vec<Tree<u8>> {
    if leaves == 1 {
        return vec![Tree::Leaf(0)];
    }
    if depth == 0 {
        return Vec::new();
    }
    let lists = (2..=leaves).flat_map(|children| lists(leaves, children, depth - 1));
    lists
        .flat_map(|children: Vec<Tree<u8>>| {
            let thresholds = 1..=children.len() as u8;
            thresholds.map(move |threshold| Tree::gate(threshold, children.clone()).unwrap())
        })
        .collect()
}

/// All lists of `children` trees that have `leaves` leaves together.
fn lists(leaves: usize, children: usize, depth: usize) -> Vec<Vec<Tree<u8>>> {
    if children == 0 {
        return if leaves == 0 { vec![Vec::new()] } else { Vec::new() };
    }
    let mut all = Vec::new();
    for own in 1..=leaves {
        let rest = lists(leaves - own, children - 1, depth);
        for first in shapes(own, depth) {
            all.extend(
                rest.iter().map(|rest| [std::slice::from_ref(&first), rest.as_slice()].concat()),
            );
        }
    }
    all
}

/// Gives each leaf a party: all different, the last the same as the first, or two in turn.
fn labelled(shape: &Tree<u8>, pattern: u8, from: u8) -> Tree<NodeId> {
    let leaves = shape.leaf_count() as u8;
    let mut next = 0;
    let numbered = numbered(shape, &mut next);
    numbered.map(|leaf| {
        let party = match pattern {
            0 => *leaf,
            1 if *leaf == leaves - 1 => 0,
            1 => *leaf,
            _ => leaf % 2,
        };
        node(from + party + 1)
    })
}

fn numbered(tree: &Tree<u8>, next: &mut u8) -> Tree<u8> {
    match tree {
        Tree::Leaf(_) => {
            *next += 1;
            Tree::Leaf(*next - 1)
        }
        Tree::Gate(gate) => {
            let children = gate.children().iter().map(|child| numbered(child, next)).collect();
            Tree::gate(gate.threshold(), children).unwrap()
        }
    }
}

fn all_trees() -> Vec<Tree<NodeId>> {
    let shapes = (1..=LEAVES).flat_map(|leaves| shapes(leaves, DEPTH));
    let all = shapes.flat_map(|shape| {
        let from = shape.leaf_count() as u8 % 3 * 2;
        let mut patterns: Vec<_> = (0..3).map(|pattern| labelled(&shape, pattern, from)).collect();
        patterns.dedup();
        patterns
    });
    all.collect()
}

fn subsets(parties: &BTreeSet<NodeId>) -> impl Iterator<Item = BTreeSet<NodeId>> + use<> {
    let parties: Vec<NodeId> = parties.iter().copied().collect();
    (0..1_u32 << parties.len()).map(move |mask| {
        let chosen = (0..parties.len()).filter(|at| mask >> at & 1 == 1);
        chosen.map(|at| parties[at]).collect()
    })
}

/// The row of a leaf, written out: 1, then idx^k in the columns of each gate above it.
fn written_out(row: &Row<'_, NodeId>, columns: usize) -> Vec<Scalar<Ed25519>> {
    let mut entries = vec![Scalar::zero(); columns];
    entries[0] = Scalar::one();
    for step in &row.steps {
        let index = Scalar::from_u64(step.index.into());
        let mut power = Scalar::one();
        for k in 0..usize::from(step.threshold - 1) {
            power = power * index;
            entries[usize::from(step.column) + k] = power;
        }
    }
    entries
}

/// Whether the secret is a linear combination of what `set` holds: elimination of the transposed
/// system.
fn determines_the_secret(tree: &Tree<NodeId>, set: &BTreeSet<NodeId>) -> bool {
    let columns = tree.columns();
    let rows: Vec<_> = tree
        .rows()
        .iter()
        .filter(|row| set.contains(row.party))
        .map(|row| written_out(row, columns))
        .collect();
    let target = |column| if column == 0 { Scalar::one() } else { Scalar::zero() };
    let mut equations: Vec<Vec<Scalar<Ed25519>>> = (0..columns)
        .map(|column| rows.iter().map(|row| row[column]).chain([target(column)]).collect())
        .collect();
    let mut solved = 0;
    for unknown in 0..rows.len() {
        let pivot = (solved..columns).find(|at| equations[*at][unknown] != Scalar::zero());
        let Some(pivot) = pivot else { continue };
        equations.swap(solved, pivot);
        let inverse = equations[solved][unknown].non_zero().unwrap().invert().scalar();
        let pivot: Vec<_> = equations[solved].iter().map(|entry| *entry * inverse).collect();
        for (at, equation) in equations.iter_mut().enumerate() {
            let factor = if at == solved { Scalar::zero() } else { equation[unknown] };
            for (entry, other) in equation.iter_mut().zip(&pivot) {
                *entry = *entry - *other * factor;
            }
        }
        equations[solved] = pivot;
        solved += 1;
    }
    equations[solved..].iter().all(|equation| equation[rows.len()] == Scalar::zero())
}

/// The sum of the additive shares that `quorum` makes of `shares_of` each party.
fn recombined<'a>(
    tree: &Tree<NodeId>,
    quorum: &BTreeSet<NodeId>,
    shares_of: impl Fn(&NodeId) -> &'a LeafShares<Ed25519>,
) -> SecretScalar<Ed25519> {
    let selection = tree.select(quorum).unwrap();
    selection.parties().iter().fold(SecretScalar::zero(), |sum, party| {
        sum.plus(&additive_share(&selection, party, shares_of(party)).unwrap())
    })
}

/// Every quorum has every key, and nobody else has any (DEAL-15).
fn check(keys: &Keys<Ed25519>) {
    for (party, shares) in &keys.shares {
        for (shares, key) in shares.iter().zip(&keys.commitments) {
            assert!(shares.matches(&keys.tree, party, key), "{:?}", keys.tree);
        }
    }
    for set in subsets(&keys.tree.parties()) {
        let satisfied = keys.tree.satisfied(&set);
        assert_eq!(determines_the_secret(&keys.tree, &set), satisfied, "{:?} {set:?}", keys.tree);
        for (at, key) in keys.commitments.iter().enumerate().filter(|_| satisfied) {
            let secret = recombined(&keys.tree, &set, |party| &keys.shares[party][at]);
            assert_eq!(secret.commit(), key.constant(), "{:?} {set:?}", keys.tree);
        }
    }
}

/// Shares of two epochs of one tree never make the key together, whichever parties of a quorum
/// have the old ones.
fn check_mixed(old: &Keys<Ed25519>, new: &Keys<Ed25519>) {
    let quorums = subsets(&new.tree.parties()).filter_map(|set| new.tree.select(&set));
    for quorum in quorums.map(|selection| selection.parties()).collect::<BTreeSet<_>>() {
        let mixtures = subsets(&quorum).filter(|part| !part.is_empty() && *part != quorum);
        for late in mixtures {
            let of = |party: &NodeId| if late.contains(party) { old } else { new };
            let sum = recombined(&new.tree, &quorum, |party| &of(party).shares[party][0]);
            assert_ne!(sum.commit(), new.commitments[0].constant(), "{quorum:?} {late:?}");
        }
    }
}

/// A random quorum, without those that have no weight in it.
fn quorum(tree: &Tree<NodeId>, rng: &mut impl RngCore) -> BTreeSet<NodeId> {
    let all: Vec<_> =
        subsets(&tree.parties()).filter_map(|set| Some(tree.select(&set)?.parties())).collect();
    all[rng.next_u32() as usize % all.len()].clone()
}

fn reshared(keys: &Keys<Ed25519>, to: &Tree<NodeId>, rng: &mut ChaCha20Rng) -> Keys<Ed25519> {
    let dealers = quorum(&keys.tree, rng);
    let source = Source::Shared { tree: keys.tree.clone(), dealers, old: keys.commitments.clone() };
    let terms = terms(to.clone(), source);
    let dealt = Deal::run(keys.plans(&terms), rng.next_u64() >> 16);
    let new = Keys::dealt(to.clone(), dealt);
    assert_eq!(new.publics(), keys.publics(), "from {:?} to {to:?}", keys.tree);
    new
}

fn made(tree: &Tree<NodeId>, run: u64) -> Keys<Ed25519> {
    let terms = terms(tree.clone(), Source::Fresh { count: 1 });
    Keys::dealt(tree.clone(), Deal::run(plans(&terms), run))
}

/// DEAL-15, DEAL-18: two keys wander through all trees in random order, refreshed on the way; in
/// some a key is generated. All trees in the long run, some otherwise.
#[test]
fn neg_004_every_small_tree_keeps_the_keys_for_its_quorums_alone() {
    let long = std::env::var_os("QUORATE_LONG").is_some();
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let mut trees = all_trees();
    assert!(trees.len() > 1000, "{}", trees.len());
    for at in (1..trees.len()).rev() {
        trees.swap(at, rng.next_u32() as usize % (at + 1));
    }
    trees.truncate(if long { usize::MAX } else { 90 });
    let mut keys = Keys::<Ed25519>::new("2 of (1, 2, 3)", 2);
    for (at, tree) in trees.iter().enumerate() {
        keys = reshared(&keys, tree, &mut rng);
        check(&keys);
        if long || at % 3 == 0 {
            let refreshed = reshared(&keys, tree, &mut rng);
            check(&refreshed);
            check_mixed(&keys, &refreshed);
            keys = refreshed;
        }
        if long || at % 12 == 0 {
            check(&made(tree, at as u64));
        }
    }
}
