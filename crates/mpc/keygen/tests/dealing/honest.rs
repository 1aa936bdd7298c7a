//! Dealings in which everybody is honest.

use crate::harness::{
    Deal, Keys, context, fresh, import, node, plans, restore, tree, verify_leaf_proofs,
};
use quorate_curve::{Curve, Ed25519, P256, Point, Secp256k1, SecretScalar};
use quorate_identity::NodeId;
use quorate_keygen::{Dealt, Knowledge, LeafStatements, Plan, Terms};
use quorate_sharing::{Commitments, additive_share, check_quorum};
use std::collections::{BTreeMap, BTreeSet};

/// All participants agree about everything, every party holds its shares and has proven it, and
/// all parties together reconstruct every key. Returns the public keys.
fn everybody_agrees<C: Curve>(
    notation: &str,
    knowledge: Knowledge,
    dealt: &BTreeMap<NodeId, Dealt<C>>,
) -> Vec<Point<C>> {
    let tree = tree(notation);
    let first = dealt.values().next().unwrap();
    let keys: Vec<Commitments<C>> = first.keys.iter().map(|key| key.commitments.clone()).collect();
    let statements = LeafStatements::new(&first.transcript, &tree, &keys, knowledge).unwrap();
    for (me, mine) in dealt {
        assert_eq!(mine.transcript, first.transcript);
        assert_eq!(mine.keys.len(), keys.len());
        for ((key, expected), reference) in mine.keys.iter().zip(&keys).zip(&first.keys) {
            assert_eq!(key.commitments, *expected);
            assert_eq!(key.chain_code, reference.chain_code);
            assert!(key.shares.matches(&tree, me, &key.commitments));
            assert_eq!(key.shares.is_empty(), !tree.parties().contains(me));
        }
        match &mine.leaf_proofs {
            Some(proofs) => statements.verify(*me, proofs).unwrap(),
            None => assert!(!tree.parties().contains(me)),
        }
    }
    let selection = tree.select(&tree.parties()).unwrap();
    for (at, key) in keys.iter().enumerate() {
        check_quorum(&tree, key, &selection).unwrap();
        let sum = selection.parties().into_iter().fold(SecretScalar::<C>::zero(), |sum, party| {
            let shares = &dealt[&party].keys[at].shares;
            sum.plus(&additive_share(&selection, &party, shares).unwrap())
        });
        assert_eq!(sum.commit(), key.constant());
    }
    keys.iter().map(Commitments::constant).collect()
}

fn everybody_ends_with_the_same_key<C: Curve>(notation: &str) {
    let dealt = Deal::<C>::honest(notation);
    everybody_agrees(notation, Knowledge::Each, &dealt);
    assert!(dealt.values().all(|dealt| dealt.keys[0].chain_code.is_some()));
}

#[test]
fn every_curve_and_shape_of_tree_gives_a_key() {
    everybody_ends_with_the_same_key::<Secp256k1>("2 of (1, 2, 3)");
    everybody_ends_with_the_same_key::<Ed25519>("2 of (1, 2, 3)");
    everybody_ends_with_the_same_key::<P256>("2 of (1, 2, 3)");
    everybody_ends_with_the_same_key::<Ed25519>("all of (2 of (1, 2, 3), any of (4, 5))");
    everybody_ends_with_the_same_key::<Secp256k1>("2 of (1, all of (2, 1), 3 of (2, 3, 4))");
    everybody_ends_with_the_same_key::<Ed25519>("all of (1, 2)");
    everybody_ends_with_the_same_key::<Ed25519>("7");
}

/// DEAL-11, DEAL-16, DEAL-17: keys of one run differ, and each has its own proofs.
#[test]
fn several_keys_are_made_in_one_run() {
    let dealt = Deal::<Ed25519>::run(plans(&fresh("2 of (1, 2, 3)", 3)), 0);
    let publics = everybody_agrees("2 of (1, 2, 3)", Knowledge::Each, &dealt);
    assert!(publics[0] != publics[1] && publics[1] != publics[2] && publics[0] != publics[2]);
    let codes: BTreeSet<_> = dealt[&node(1)].keys.iter().map(|key| key.chain_code).collect();
    assert_eq!(codes.len(), 3);
}

/// DEAL-02, DEAL-15: the four things that are done with keys that exist; the keys stay the same.
fn keys_that_exist_are_dealt_again<C: Curve>() {
    let keys = Keys::<C>::new("2 of (1, 2, 3)", 3);
    let cases: [(&str, &[u8], &str); 7] = [
        ("refresh by two of three", &[1, 3], "2 of (1, 2, 3)"),
        ("refresh by the others", &[2, 3], "2 of (1, 2, 3)"),
        ("repair of 2, which only receives", &[1, 3], "2 of (1, 2, 3)"),
        ("another threshold", &[1, 2], "3 of (1, 2, 3)"),
        ("an overlapping committee", &[1, 2], "all of (2 of (2, 3, 4), any of (5, 2))"),
        ("a disjoint committee", &[2, 3], "2 of (7, 8, 9)"),
        ("one party", &[1, 2], "9"),
    ];
    for (case, dealers, to) in cases {
        let terms = keys.terms(dealers, to);
        let dealt = Deal::run(keys.plans(&terms), 1);
        assert_eq!(everybody_agrees(to, Knowledge::Combined, &dealt), keys.publics(), "{case}");
        assert!(dealt.values().all(|dealt| dealt.keys[0].chain_code.is_none()));
        let new = Keys::dealt(tree(to), dealt);
        let differ = new.commitments.iter().zip(&keys.commitments).all(|(new, old)| new != old);
        assert!(differ, "{case}: the sharing is new");
    }
    for (dealer, to) in [(9, "2 of (1, 2, 3)"), (2, "2 of (1, 2, 3)")] {
        let plans: Vec<Plan<C>> = import(dealer, 2, to);
        let publics: Vec<_> = plans[0].terms.source.clone().into_publics();
        let dealt = Deal::run(plans, 2);
        assert_eq!(everybody_agrees(to, Knowledge::Combined, &dealt), publics);
    }
}

/// DEAL-02: a key that is restored is the sum of what its dealers knew of it.
fn summands_add_up<C: Curve>() {
    for (dealers, to) in [
        (&[1, 3][..], "2 of (1, 2, 3)"),
        (&[1, 2, 3], "2 of (1, 2, 3)"),
        (&[2, 9], "2 of (1, 2, any of (3, 4))"),
    ] {
        let plans: Vec<Plan<C>> = restore(dealers, 3, to);
        let publics: Vec<_> = plans[0].terms.source.clone().into_publics();
        assert_eq!(publics.len(), 3);
        assert_eq!(everybody_agrees(to, Knowledge::Combined, &Deal::run(plans, 3)), publics);
    }
}

/// The keys of an import or a restore, from its terms.
trait IntoPublics<C: Curve> {
    fn into_publics(self) -> Vec<Point<C>>;
}

impl<C: Curve> IntoPublics<C> for quorate_keygen::Source<C> {
    fn into_publics(self) -> Vec<Point<C>> {
        match self {
            Self::Summands { of } => {
                let mut dealers = of.into_values();
                let first = dealers.next().unwrap();
                let first = first.iter().map(|public| public.point()).collect();
                dealers.fold(first, |sums: Vec<Point<C>>, points| {
                    let pairs = sums.iter().zip(points);
                    pairs
                        .map(|(sum, point)| Point::weighted_sum(&[(*sum, 1), (point.point(), 1)]))
                        .collect()
                })
            }
            Self::Fresh { .. } | Self::Shared { .. } => panic!("no summands"),
        }
    }
}

#[test]
fn a_key_is_restored_from_its_summands() {
    summands_add_up::<Secp256k1>();
    summands_add_up::<Ed25519>();
    summands_add_up::<P256>();
}

#[test]
fn refresh_reshare_repair_and_import_keep_the_keys() {
    keys_that_exist_are_dealt_again::<Secp256k1>();
    keys_that_exist_are_dealt_again::<Ed25519>();
    keys_that_exist_are_dealt_again::<P256>();
}

/// DEAL-02: a party at several leaves deals their weighted sum, and receives each.
#[test]
fn a_dealer_with_several_leaves_deals_once() {
    let notation = "2 of (1, all of (2, 1), 3 of (2, 3, 4))";
    let keys = Keys::<Ed25519>::new(notation, 2);
    let terms = keys.terms(&[1, 2], notation);
    let dealt = Deal::run(keys.plans(&terms), 1);
    assert_eq!(everybody_agrees(notation, Knowledge::Combined, &dealt), keys.publics());
}

/// DEAL-02: an imported key is refreshed at once by those who received it; the importer has no part in it.
#[test]
fn neg_064_an_import_is_followed_by_a_refresh_without_the_importer() {
    let to = "2 of (1, 2, 3)";
    let imported = Keys::<Ed25519>::dealt(tree(to), Deal::run(import(9, 1, to), 1));
    let terms = imported.terms(&[1, 2], to);
    assert!(!terms.participants().contains(&node(9)));
    let refreshed = Deal::run(imported.plans(&terms), 2);
    assert_eq!(everybody_agrees(to, Knowledge::Combined, &refreshed), imported.publics());
}

/// The same plans and seeds give the same bytes: a run can be replayed exactly.
#[test]
fn a_dealing_follows_from_its_seeds() {
    let notation = "2 of (1, 2, 3)";
    let (one, two) = (Deal::<Ed25519>::honest(notation), Deal::<Ed25519>::honest(notation));
    assert_eq!(one[&node(1)].transcript, two[&node(1)].transcript);
    assert_eq!(one[&node(1)].leaf_proofs, two[&node(1)].leaf_proofs);
    let proofs: BTreeSet<_> = one.values().map(|dealt| &dealt.leaf_proofs).collect();
    assert_eq!(proofs.len(), 3);
    let other = Terms { ctx0: context(1), ..fresh::<Ed25519>(notation, 1) };
    assert_ne!(Deal::run(plans(&other), 0)[&node(1)].transcript, one[&node(1)].transcript);
    let (me, mine) = one.iter().next().unwrap();
    let proofs = mine.leaf_proofs.as_ref().unwrap();
    let tree = tree(notation);
    verify_leaf_proofs(&mine.transcript, &tree, &mine.keys[0].commitments, *me, proofs).unwrap();
}
