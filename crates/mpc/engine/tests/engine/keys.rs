//! Keys and shares: their forms, and that they belong to each other.

use crate::fixture::{REPEATED, TWO_OF_THREE, key, node, pair, payload, plan, tree};
use quorate_codec::Digest;
use quorate_engine::{
    Fault, KeyPublic, KeyShare, PairSetup, Seed, local, open, verify_all_leaf_proofs,
};
use quorate_identity::Scheme;

#[test]
fn a_generated_key_is_whole_and_its_proofs_hold() {
    for scheme in Scheme::ALL {
        let tree = tree(REPEATED);
        let prepared = local::keygen(scheme, &tree, Digest([5; 32]), &mut local::seeds(5)).unwrap();
        let length = if scheme.is_ecdsa() { 33 } else { 32 };
        let first = prepared.values().next().unwrap();
        for (node, one) in &prepared {
            assert_eq!(one.public.public_key(), first.public.public_key());
            assert_eq!(one.public.public_key().len(), length);
            assert_eq!((one.transcript, one.chain_code), (first.transcript, first.chain_code));
            assert!(one.share.matches(&first.public));
            let known = |node, proofs: &[u8]| {
                verify_all_leaf_proofs(one.transcript, &[&one.public], true, &[(node, proofs)])
            };
            assert_eq!(known(*node, &one.leaf_proofs), Ok(()));
            let forged = known(crate::fixture::node("b"), &first.leaf_proofs).unwrap_err();
            assert_eq!(forged.fault, Fault::Peer { culprits: vec![crate::fixture::node("b")] });
        }
    }
}

#[test]
fn stored_forms_come_back_and_damage_is_noticed() {
    for scheme in Scheme::ALL {
        let key = key(scheme, REPEATED);
        for share in key.shares.values() {
            let bytes = share.to_bytes();
            let restored = KeyShare::from_bytes(&bytes).unwrap();
            assert_eq!(restored.to_bytes(), bytes);
            assert!(restored.matches(&key.public));
            let mut version = bytes.to_vec();
            version[1] = 9;
            assert_eq!(KeyShare::from_bytes(&version).unwrap_err().fault, Fault::Machine);
            assert!(KeyShare::from_bytes(&bytes[..bytes.len() - 1]).is_err());
        }
    }
    let bytes = pair(node("a"), node("b")).to_bytes();
    assert_eq!(PairSetup::from_bytes(&bytes).unwrap().to_bytes(), bytes);
    assert_eq!(PairSetup::from_bytes(&bytes[1..]).unwrap_err().fault, Fault::Machine);
}

/// ENG-03, with N-06 and N-07.
#[test]
fn neg_005_commitments_are_valid_points_one_for_each_column() {
    for scheme in Scheme::ALL {
        let good = key(scheme, TWO_OF_THREE).public.commitments();
        let refused = |change: &dyn Fn(&mut Vec<Vec<u8>>)| {
            let mut changed = good.clone();
            change(&mut changed);
            KeyPublic::new(scheme, tree(TWO_OF_THREE), &changed).is_err()
        };
        assert!(!refused(&|_| {}));
        assert!(refused(&|points| drop(points.pop())));
        assert!(refused(&|points| points.push(points[0].clone())));
        assert!(refused(&|points| points.clear()));
        assert!(refused(&|points| points[1].fill(0)));
        assert!(refused(&|points| points[1].fill(0xff)));
        assert!(refused(&|points| points[0].push(0)));
    }
    // The identity of Ed25519, and a point of small order.
    let mut identity = vec![0; 32];
    identity[0] = 1;
    let good = key(Scheme::Ed25519, TWO_OF_THREE).public.commitments();
    for point in [identity, vec![0; 32]] {
        let points = [point, good[1].clone()];
        let failure = KeyPublic::new(Scheme::Ed25519, tree(TWO_OF_THREE), &points).unwrap_err();
        assert_eq!(failure.fault, Fault::Peer { culprits: Vec::new() });
    }
}

/// ENG-04: shares of another key, party or curve, or of too few leaves, are noticed when they are
/// loaded, and again when a session opens.
#[test]
fn neg_060_foreign_or_changed_shares_do_not_match() {
    let key = key(Scheme::Ed25519, REPEATED);
    let other = crate::fixture::key(Scheme::Ed25519, TWO_OF_THREE);
    let curves = [Scheme::Bip340, Scheme::EcdsaP256];
    let others = curves.map(|scheme| crate::fixture::key(scheme, REPEATED));
    let (a, c) = (&key.shares[&node("a")], &key.shares[&node("c")]);
    assert!(a.matches(&key.public) && c.matches(&key.public));
    assert!(!a.matches(&other.public));
    for other in &others {
        assert!(!a.matches(&other.public) && !other.shares[&node("a")].matches(&key.public));
    }
    assert!(!others[0].shares[&node("a")].matches(&others[1].public));
    // The last share of a's two, changed by one bit.
    let mut changed = a.to_bytes().to_vec();
    let last = changed.len() - 32;
    changed[last] ^= 1;
    let changed = KeyShare::from_bytes(&changed).unwrap();
    assert!(!changed.matches(&key.public));
    let mut plan = plan(&key, "ab", node("a"), &[payload(Scheme::Ed25519, "m")]);
    plan.share = changed.into();
    let failure = open(plan, Seed::new([1; 32])).unwrap_err();
    assert_eq!(failure.fault, Fault::Machine);
}
