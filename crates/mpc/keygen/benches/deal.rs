//! What a dealing costs: processor time of all participants together, on one thread.
//!
//! `cargo bench -p quorate-keygen --bench deal`

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a measurement that panics has failed, which is what it is for"
)]

use quorate_access::Tree;
use quorate_codec::Digest;
use quorate_curve::{Curve, Ed25519, Secp256k1};
use quorate_identity::NodeId;
use quorate_keygen::{Dealt, Holding, LeafStatements, Plan, Source, Terms, start};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::{BTreeMap, BTreeSet};

type All<C> = BTreeMap<NodeId, Dealt<C>>;

fn main() {
    fresh_keys::<Secp256k1>("2 of (1, 2, 3)", 1, 40);
    fresh_keys::<Secp256k1>("3 of (1, 2, 3, 4, 5)", 1, 20);
    fresh_keys::<Secp256k1>("7 of (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)", 1, 8);
    fresh_keys::<Ed25519>("2 of (1, 2, 3)", 1, 40);
    fresh_keys::<Secp256k1>("2 of (1, 2, 3)", 100, 1);
    refreshed::<Secp256k1>(1, 40);
    refreshed::<Secp256k1>(100, 5);
    refreshed::<Secp256k1>(1000, 2);
    refreshed::<Ed25519>(1000, 2);
}

fn fresh_keys<C: Curve>(notation: &str, count: usize, rounds: u64) {
    let (tree, source) = (tree(notation), Source::Fresh { count });
    let terms = Terms { ctx0: Digest([1; 32]), receivers: tree.parties(), tree, source };
    let runs = (0..rounds).map(|round| {
        let plans = terms.participants().into_iter();
        let plan = |me| Plan { terms: terms.clone(), me, holding: Holding::Nothing };
        run::<C>(&terms, plans.map(plan).collect(), round).0
    });
    report::<C>(&format!("key generation, {notation}, {count} keys"), runs);
}

fn refreshed<C: Curve>(count: usize, rounds: u64) {
    let notation = "2 of (1, 2, 3)";
    let tree = tree(notation);
    // Keys to begin with, from somebody who knows them all: quicker than a key generation.
    let mut rng = ChaCha20Rng::seed_from_u64(8);
    let polynomials: Vec<quorate_sharing::Polynomial<C>> =
        (0..count).map(|_| quorate_sharing::Polynomial::random(&tree, &mut rng)).collect();
    let old: Vec<_> = polynomials.iter().map(|all| all.commit().unwrap()).collect();
    let dealers: BTreeSet<NodeId> = [node(1), node(3)].into();
    let source = Source::Shared { tree: tree.clone(), dealers: dealers.clone(), old };
    let receivers = tree.parties();
    let terms = Terms { ctx0: Digest([2; 32]), tree: tree.clone(), receivers, source };
    let plan = |me: NodeId| {
        let row = tree.rows().into_iter().find(|row| *row.party == me).unwrap();
        let share = |all: &quorate_sharing::Polynomial<C>| {
            [(row.leaf, all.share(&row).unwrap())].into_iter().collect()
        };
        let shares = polynomials.iter().map(share).collect();
        let holding =
            if dealers.contains(&me) { Holding::Shares(shares) } else { Holding::Nothing };
        Plan { terms: terms.clone(), me, holding }
    };
    let runs = (0..rounds).map(|round| {
        let plans = terms.participants().into_iter().map(plan).collect();
        run::<C>(&terms, plans, round).0
    });
    report::<C>(&format!("refresh, {notation}, {count} keys"), runs);
}

/// Milliseconds of dealing, and of everybody's verifying everybody's leaf proofs.
#[derive(Clone, Copy)]
struct Cost {
    start: f64,
    round1: f64,
    round2: f64,
    verify: f64,
    bytes: usize,
}

fn run<C: Curve>(terms: &Terms<C>, plans: Vec<Plan<C>>, round: u64) -> (Cost, All<C>) {
    let mut rng = ChaCha20Rng::seed_from_u64(round);
    let begun = cpu_ms();
    let (mut rounds, mut firsts) = (BTreeMap::new(), BTreeMap::new());
    for plan in plans {
        let me = plan.me;
        let (round, first) = start(plan, &mut rng).unwrap();
        rounds.insert(me, round);
        firsts.insert(me, first);
    }
    let started = cpu_ms();
    let (mut nexts, mut seconds) = (BTreeMap::new(), BTreeMap::new());
    for (me, round) in rounds {
        let (next, second) = round.handle(firsts.clone(), &mut rng).unwrap();
        nexts.insert(me, next);
        seconds.insert(me, second);
    }
    let revealed = cpu_ms();
    let mut dealt = BTreeMap::new();
    for (me, next) in nexts {
        dealt.insert(me, next.handle(seconds.clone(), &mut rng).unwrap());
    }
    let ended = cpu_ms();
    for mine in dealt.values() {
        let keys: Vec<_> = mine.keys.iter().map(|key| key.commitments.clone()).collect();
        let knowledge = terms.source.knowledge();
        let statements =
            LeafStatements::new(&mine.transcript, &terms.tree, &keys, knowledge).unwrap();
        for (from, theirs) in &dealt {
            if let Some(proofs) = &theirs.leaf_proofs {
                statements.verify(*from, proofs).unwrap();
            }
        }
    }
    let cost = Cost {
        start: started - begun,
        round1: revealed - started,
        round2: ended - revealed,
        verify: cpu_ms() - ended,
        bytes: seconds.values().map(Vec::len).max().unwrap_or_default(),
    };
    (cost, dealt)
}

fn report<C: Curve>(what: &str, runs: impl Iterator<Item = Cost>) {
    // The mean, because the clock is coarse.
    let runs: Vec<Cost> = runs.collect();
    let mean = |of: fn(&Cost) -> f64| runs.iter().map(of).sum::<f64>() / runs.len() as f64;
    let (start, round1, round2) = (mean(|c| c.start), mean(|c| c.round1), mean(|c| c.round2));
    println!(
        "{what}, {}: {:.1} ms ({:.1} start, {:.1} round 1, {:.1} round 2), then {:.1} ms for all \
         to verify all leaf proofs; message 2 at most {} bytes",
        C::NAME,
        start + round1 + round2,
        start,
        round1,
        round2,
        mean(|c| c.verify),
        runs.iter().map(|c| c.bytes).max().unwrap_or_default()
    );
}

fn node(number: u8) -> NodeId {
    NodeId(Digest([number; 32]))
}

fn tree(notation: &str) -> Tree<NodeId> {
    let tree: Tree<u8> = notation.parse().unwrap();
    tree.map(|number| node(*number))
}

/// Processor time of this thread, as Linux counts it.
fn cpu_ms() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1e6
}
