//! Dealings in which everybody is honest.

use crate::harness::{Deal, node, tree};
use quorate_curve::{Curve, Ed25519, P256, Secp256k1, SecretScalar};
use quorate_keygen::verify_leaf_proofs;
use quorate_sharing::{additive_share, check_quorum};
use std::collections::BTreeSet;

fn everybody_ends_with_the_same_key<C: Curve>(notation: &str) {
    let tree = tree(notation);
    let dealt = Deal::<C>::honest(notation);
    let first = dealt.values().next().unwrap();
    for (me, mine) in &dealt {
        assert_eq!(mine.commitments, first.commitments);
        assert_eq!(mine.transcript, first.transcript);
        assert_eq!(mine.chain_code, first.chain_code);
        assert!(mine.shares.matches(&tree, me, &mine.commitments));
        let proofs = &mine.leaf_proofs;
        verify_leaf_proofs(&first.transcript, &tree, &first.commitments, *me, proofs).unwrap();
    }
    let selection = tree.select(&tree.parties()).unwrap();
    check_quorum(&tree, &first.commitments, &selection).unwrap();
    let sum = selection.parties().into_iter().fold(SecretScalar::<C>::zero(), |sum, party| {
        sum.plus(&additive_share(&selection, &party, &dealt[&party].shares).unwrap())
    });
    assert_eq!(sum.commit(), first.commitments.constant());
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

/// The same plans and seeds give the same bytes: a run can be replayed exactly.
#[test]
fn a_dealing_follows_from_its_seeds() {
    let notation = "2 of (1, 2, 3)";
    let (one, two) = (Deal::<Ed25519>::honest(notation), Deal::<Ed25519>::honest(notation));
    assert_eq!(one[&node(1)].transcript, two[&node(1)].transcript);
    assert_eq!(one[&node(1)].leaf_proofs, two[&node(1)].leaf_proofs);
    let proofs: BTreeSet<_> = one.values().map(|dealt| &dealt.leaf_proofs).collect();
    assert_eq!(proofs.len(), 3);
}
