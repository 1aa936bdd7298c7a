//! The sharing compared with plain linear algebra on the tree's matrix.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use proptest::prelude::*;
use quorate_access::{LeafId, Row, Tree};
use quorate_curve::{Curve, Ed25519, P256, Point, Scalar, Secp256k1, SecretScalar};
use quorate_sharing::{
    Commitments, LeafShares, Polynomial, SharingError, additive_public, additive_share,
    check_quorum, coefficients,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::{BTreeMap, BTreeSet};

/// Trees over the parties 0..6, parties repeated freely.
fn trees() -> impl Strategy<Value = Tree<u8>> {
    let leaf = (0_u8..6).prop_map(Tree::Leaf);
    leaf.prop_recursive(3, 16, 4, |inner| {
        (prop::collection::vec(inner, 2..=4), any::<prop::sample::Index>()).prop_map(
            |(children, threshold)| {
                let threshold = 1 + threshold.index(children.len()) as u8;
                Tree::gate(threshold, children).unwrap()
            },
        )
    })
}

fn sets() -> impl Strategy<Value = BTreeSet<u8>> {
    prop::collection::btree_set(0_u8..7, 0..7)
}

/// The row of a leaf, written out: 1, then idx^k in the columns of each gate above it.
fn written_out(row: &Row<'_, u8>, columns: usize) -> Vec<Scalar<Ed25519>> {
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

/// Whether (1, 0, …, 0) is a combination of the rows: Gauss elimination of the transposed
/// system.
fn spans_the_secret(rows: &[Vec<Scalar<Ed25519>>], columns: usize) -> bool {
    let target = |column| if column == 0 { Scalar::one() } else { Scalar::zero() };
    let mut equations: Vec<Vec<Scalar<Ed25519>>> = (0..columns)
        .map(|column| rows.iter().map(|row| row[column]).chain([target(column)]).collect())
        .collect();
    let mut next = 0;
    for unknown in 0..rows.len() {
        let pivot = (next..columns).find(|at| equations[*at][unknown] != Scalar::zero());
        let Some(pivot) = pivot else { continue };
        equations.swap(next, pivot);
        let inverse = equations[next][unknown].non_zero().unwrap().invert().scalar();
        let pivot: Vec<_> = equations[next].iter().map(|entry| *entry * inverse).collect();
        equations[next] = pivot.clone();
        for (_, equation) in equations.iter_mut().enumerate().filter(|(at, _)| *at != next) {
            let factor = equation[unknown];
            for (entry, of_pivot) in equation.iter_mut().zip(&pivot) {
                *entry = *entry - factor * *of_pivot;
            }
        }
        next += 1;
    }
    equations[next..].iter().all(|equation| equation[rows.len()] == Scalar::zero())
}

struct Shared<C: Curve> {
    tree: Tree<u8>,
    secret: SecretScalar<C>,
    commitments: Commitments<C>,
    shares: BTreeMap<u8, LeafShares<C>>,
}

fn share<C: Curve>(tree: &Tree<u8>, seed: u64) -> Shared<C> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let secret = SecretScalar::<C>::random(&mut rng);
    let copy = secret.plus(&SecretScalar::zero());
    let polynomial = Polynomial::with_constant(tree, copy, &mut rng);
    let rows = tree.rows();
    let own = |party: u8| {
        let own = rows.iter().filter(|row| *row.party == party);
        own.map(|row| (row.leaf, polynomial.share(row).unwrap())).collect()
    };
    let shares = tree.parties().into_iter().map(|party| (party, own(party))).collect();
    Shared { tree: tree.clone(), secret, commitments: polynomial.commit().unwrap(), shares }
}

/// SHR-02, SHR-05, SHR-06 to SHR-09 on one curve.
fn a_quorum_has_the_secret<C: Curve>(shared: &Shared<C>, present: &BTreeSet<u8>) {
    let Some(selection) = shared.tree.select(present) else { return };
    check_quorum(&shared.tree, &shared.commitments, &selection).unwrap();
    let mut sum = SecretScalar::<C>::zero();
    let mut public = Point::identity();
    for party in selection.parties() {
        let additive = additive_share(&selection, &party, &shared.shares[&party]).unwrap();
        let point = additive_public(&shared.tree, &shared.commitments, &selection, &party).unwrap();
        assert_eq!(additive.commit(), point);
        sum = sum.plus(&additive);
        public = public + point;
    }
    assert_eq!(sum.reveal(), shared.secret.plus(&SecretScalar::zero()).reveal());
    assert_eq!(public, shared.commitments.constant());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// SHR-01, SHR-07: a set satisfies the tree exactly if its rows span the secret's; so
    /// whatever a set that does not satisfy it holds is independent of the secret.
    #[test]
    fn neg_004_sets_satisfy_the_tree_exactly_if_their_rows_span_the_secret(
        tree in trees(),
        present in sets(),
    ) {
        let rows = tree.rows();
        let held = rows.iter().filter(|row| present.contains(row.party));
        let held: Vec<_> = held.map(|row| written_out(row, tree.columns())).collect();
        prop_assert_eq!(tree.satisfied(&present), spans_the_secret(&held, tree.columns()));
    }

    /// SHR-07: the coefficients solve the system, and use the selected leaves only.
    #[test]
    fn neg_004_coefficients_combine_the_rows_to_the_secret(tree in trees(), present in sets()) {
        let Some(selection) = tree.select(&present) else { return Ok(()) };
        let weights = coefficients::<Ed25519, _>(&selection);
        let rows: BTreeMap<LeafId, Vec<_>> =
            tree.rows().iter().map(|row| (row.leaf, written_out(row, tree.columns()))).collect();
        let mut sum = vec![Scalar::zero(); tree.columns()];
        for (leaf, weight) in &weights {
            for (entry, of_row) in sum.iter_mut().zip(&rows[leaf]) {
                *entry = *entry + *weight * *of_row;
            }
        }
        prop_assert_eq!(sum[0], Scalar::one());
        prop_assert!(sum[1..].iter().all(|entry| *entry == Scalar::zero()));
        prop_assert!(weights.values().all(|weight| *weight != Scalar::zero()));
    }

    /// SHR-02: the share of a leaf is its row times the coefficients; no share is the secret
    /// itself unless the tree says so, and two leaves below one gate differ (N-01, N-02).
    #[test]
    fn neg_001_no_leaf_has_the_secret_unless_it_may(tree in trees(), seed: u64) {
        let shared = share::<Ed25519>(&tree, seed);
        for row in tree.rows() {
            let alone = row.steps.iter().all(|step| step.threshold == 1);
            let holds = shared.commitments.leaf(&row) == shared.commitments.constant();
            prop_assert_eq!(alone, holds);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// SHR-02: indices below one gate stay distinct modulo every order.
    #[test]
    fn neg_002_shares_below_a_gate_differ(children in 2_u8..=64, threshold in 2_u8..=64) {
        let threshold = threshold.min(children);
        let tree = Tree::gate(threshold, (0..children).map(Tree::Leaf).collect()).unwrap();
        let shared = share::<Secp256k1>(&tree, 1);
        let publics = shared.commitments.leaves(&tree);
        let distinct: BTreeSet<_> = publics.values().map(|point| format!("{point:?}")).collect();
        prop_assert_eq!(distinct.len(), usize::from(children));
    }

    /// SHR-08, SHR-09 with redundant quorums, repeated parties and nested gates.
    #[test]
    fn neg_003_every_quorum_on_every_curve_has_the_secret(
        tree in trees(),
        present in sets(),
        seed: u64,
    ) {
        a_quorum_has_the_secret(&share::<Ed25519>(&tree, seed), &present);
        a_quorum_has_the_secret(&share::<Secp256k1>(&tree, seed), &present);
        a_quorum_has_the_secret(&share::<P256>(&tree, seed), &present);
    }
}

/// SHR-08: an OR within a threshold within an AND; siblings partly satisfied, quorums larger
/// than needed, a party at several leaves.
#[test]
fn neg_004_redundant_and_partly_satisfied_siblings_have_no_weight() {
    let tree: Tree<u8> =
        "all of (2 of (any of (1, 2), all of (3, 4), 5), 2 of (1, 1, 6))".parse().unwrap();
    let shared = share::<Secp256k1>(&tree, 3);
    for present in [
        BTreeSet::from([1, 5]),
        BTreeSet::from([1, 2, 3, 5, 6]),
        BTreeSet::from([1, 2, 3, 4, 5, 6]),
        BTreeSet::from([1, 3, 4]),
    ] {
        assert!(tree.satisfied(&present));
        a_quorum_has_the_secret(&shared, &present);
    }
    assert!(tree.select(&BTreeSet::from([2, 3, 5, 6])).is_none());
}

/// SHR-08: who has no selected leaf gets no additive share, not a share of zero.
#[test]
fn neg_003_a_party_without_weight_is_an_error() {
    let tree: Tree<u8> = "2 of (1, 2, 3)".parse().unwrap();
    let shared = share::<Ed25519>(&tree, 3);
    let selection = tree.select(&BTreeSet::from([1, 2, 3])).unwrap();
    let none = additive_share(&selection, &3, &shared.shares[&3]).map(drop);
    assert_eq!(none, Err(SharingError::NoWeight));
    let none = additive_public(&tree, &shared.commitments, &selection, &3);
    assert_eq!(none, Err(SharingError::NoWeight));
    // Another party's shares do not pass for one's own.
    let wrong = additive_share(&selection, &1, &shared.shares[&2]).map(drop);
    assert_eq!(wrong, Err(SharingError::NoShare { leaf: LeafId(0) }));
}

/// SHR-09: a selection of another tree does not recombine to this key.
#[test]
fn neg_004_a_selection_of_another_tree_is_refused() {
    let tree: Tree<u8> = "2 of (1, 2, 3)".parse().unwrap();
    let shared = share::<Ed25519>(&tree, 3);
    for (other, present) in [
        ("any of (1, 2, 3)", vec![1]),
        ("all of (2, 1)", vec![1, 2]),
        ("2 of (3, 4, 5, 2)", vec![2, 5]),
        ("4 of (1, 2, 3, 4)", vec![1, 2, 3, 4]),
    ] {
        let other: Tree<u8> = other.parse().unwrap();
        let selection = other.select(&present.into_iter().collect()).unwrap();
        assert!(check_quorum(&tree, &shared.commitments, &selection).is_err(), "{other}");
    }
}

/// SHR-03, SHR-04: as many commitments as columns, none of them the identity.
#[test]
fn neg_007_commitments_are_exactly_as_many_as_columns() {
    let tree: Tree<u8> = "2 of (1, 2, 3)".parse().unwrap();
    let longer: Tree<u8> = "3 of (1, 2, 3)".parse().unwrap();
    let commitments = share::<Secp256k1>(&tree, 1).commitments;
    let bytes = commitments.to_bytes();
    assert_eq!(Commitments::from_bytes(&tree, &bytes), Ok(commitments.clone()));
    let read = |bytes: &[Vec<u8>]| Commitments::<Secp256k1>::from_bytes(&tree, bytes);
    let longer_bytes = share::<Secp256k1>(&longer, 1).commitments.to_bytes();
    assert_eq!(read(&longer_bytes), Err(SharingError::Count { expected: 2, got: 3 }));
    assert_eq!(read(&bytes[..1]), Err(SharingError::Count { expected: 2, got: 1 }));
    assert_eq!(read(&[]), Err(SharingError::Count { expected: 2, got: 0 }));
    let many = vec![bytes[0].clone(); 129];
    assert_eq!(read(&many), Err(SharingError::Count { expected: 2, got: 129 }));
    let points = vec![commitments.constant(), Point::identity()];
    assert_eq!(Commitments::new(&tree, points), Err(SharingError::Point { column: 1 }));
    assert_eq!(
        Commitments::sum([&commitments, &share::<Secp256k1>(&longer, 1).commitments]),
        Err(SharingError::Count { expected: 2, got: 3 })
    );
    assert!(Commitments::<Secp256k1>::sum([]).is_err());
    // A row of a larger tree names columns that are not there.
    let row = &longer.rows()[0];
    assert!(commitments.leaf(row).is_identity());
}

/// SHR-06: exactly the own leaves, each the committed one.
#[test]
fn neg_060_shares_match_their_commitments_or_are_refused() {
    let tree: Tree<u8> = "2 of (1, 2, 1)".parse().unwrap();
    let one = share::<Ed25519>(&tree, 1);
    let two = share::<Ed25519>(&tree, 2);
    assert!(one.shares[&1].matches(&tree, &1, &one.commitments));
    assert!(!one.shares[&1].matches(&tree, &2, &one.commitments));
    assert!(!one.shares[&2].matches(&tree, &1, &one.commitments));
    assert!(!two.shares[&1].matches(&tree, &1, &one.commitments));
    let copy = |shares: &LeafShares<Ed25519>, leaf| {
        (leaf, shares.get(leaf).unwrap().plus(&SecretScalar::zero()))
    };
    let fewer: LeafShares<Ed25519> = [copy(&one.shares[&1], LeafId(0))].into_iter().collect();
    assert!(!fewer.matches(&tree, &1, &one.commitments));
    let swapped: LeafShares<Ed25519> = [
        (LeafId(0), copy(&one.shares[&1], LeafId(2)).1),
        (LeafId(2), copy(&one.shares[&1], LeafId(0)).1),
    ]
    .into_iter()
    .collect();
    assert!(!swapped.matches(&tree, &1, &one.commitments));
    assert!(!format!("{:?}", one.shares[&1]).contains("0x"));
}

/// SHR-11: weighted sums of sharings are sharings of the weighted sum, on every curve; and one
/// wrong share among many makes the sum wrong.
fn weighted_sums_agree<C: Curve>() {
    let mut rng = ChaCha20Rng::seed_from_u64(11);
    let tree: Tree<u8> = "2 of (1, all of (2, 1), 3 of (2, 3, 4))".parse().unwrap();
    let weights = [1, 7, u128::MAX, 1 << 127];
    let polynomials: Vec<Polynomial<C>> =
        weights.iter().map(|_| Polynomial::random(&tree, &mut rng)).collect();
    let commitments: Vec<_> = polynomials.iter().map(|all| all.commit().unwrap()).collect();
    let held = |polynomial: &Polynomial<C>| -> LeafShares<C> {
        let own = tree.rows().into_iter().filter(|row| *row.party == 1);
        own.map(|row| (row.leaf, polynomial.share(&row).unwrap())).collect()
    };
    let mut shares: Vec<_> = polynomials.iter().map(held).collect();
    let sum = Commitments::weighted_sum(&commitments, &weights).unwrap();
    assert!(LeafShares::weighted_sum(&shares, &weights).unwrap().matches(&tree, &1, &sum));
    assert_eq!(
        sum.constant(),
        commitments.iter().zip(weights).map(|(c, w)| c.constant() * Scalar::from_u128(w)).sum()
    );
    let wrong = shares[2].iter().map(|(leaf, s)| (leaf, s.plus_public(Scalar::one()))).collect();
    shares[2] = wrong;
    assert!(!LeafShares::weighted_sum(&shares, &weights).unwrap().matches(&tree, &1, &sum));

    let other: Tree<u8> = "all of (1, 2)".parse().unwrap();
    let other = Polynomial::<C>::random(&other, &mut rng).commit().unwrap();
    let mixed = Commitments::weighted_sum([&commitments[0], &other], &[1, 2]);
    assert_eq!(mixed.unwrap_err(), SharingError::Count { expected: 5, got: 2 });
    assert!(Commitments::weighted_sum(&commitments, &weights[1..]).is_err());
    assert!(LeafShares::weighted_sum(&shares, &weights[1..]).is_err());
    assert!(LeafShares::<C>::weighted_sum(&[], &[]).is_err());
}

#[test]
fn weighted_sums_of_sharings_are_sharings() {
    weighted_sums_agree::<Secp256k1>();
    weighted_sums_agree::<P256>();
    weighted_sums_agree::<Ed25519>();
}
