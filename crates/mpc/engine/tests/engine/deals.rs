//! Dealings of keys that exist, and of several keys at once, through the erased face.

use crate::fixture::{
    Key, REPEATED, TWO_GROUPS, TWO_OF_THREE, key, node, nodes, payload, plans, tree,
};
use quorate_codec::Digest;
use quorate_engine::{
    DealPlan, DealSource, Failure, Fault, KeyPublic, KeyShare, PreparedKeys, Seed, local,
    start_deal, verify_all_leaf_proofs,
};
use quorate_identity::{NodeId, Scheme};
use std::collections::BTreeMap;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The plan of everybody for dealing `keys` over another tree.
fn reshare(keys: &[Arc<Key>], dealers: &str, to: &str) -> Vec<DealPlan> {
    let dealers = nodes(dealers);
    let participants = &dealers | &tree(to).parties();
    let plan = |me: NodeId| DealPlan {
        ctx0: Digest([6; 32]),
        scheme: keys[0].public.scheme(),
        tree: tree(to),
        receivers: tree(to).parties(),
        me,
        source: DealSource::Shared {
            dealers: dealers.clone(),
            keys: keys.iter().map(|key| Arc::clone(&key.public)).collect(),
            shares: keys
                .iter()
                .filter(|_| dealers.contains(&me))
                .map(|key| Arc::clone(&key.shares[&me]))
                .collect(),
        },
    };
    participants.into_iter().map(plan).collect()
}

/// The keys that a dealing made, as their holders have them.
fn dealt(prepared: BTreeMap<NodeId, PreparedKeys>) -> Vec<Key> {
    let first = prepared.values().next().unwrap();
    let mut keys: Vec<Key> = first
        .keys
        .iter()
        .map(|key| {
            let (public, tree) = (&key.public, key.public.tree().clone());
            let public = KeyPublic::new(public.scheme(), tree, &public.commitments()).unwrap();
            Key { public: public.into(), shares: BTreeMap::new() }
        })
        .collect();
    for (me, prepared) in prepared {
        for (key, made) in keys.iter_mut().zip(prepared.keys) {
            if let Some(share) = made.share {
                assert!(share.is_held_by(&me, &key.public));
                key.shares.insert(me, share.into());
            }
        }
    }
    keys
}

fn signs(key: &Key, quorum: &str) {
    let scheme = key.public.scheme();
    let plans = plans(key, quorum, &[payload(scheme, "after")]);
    local::sign(plans, &mut local::seeds(3)).unwrap();
}

/// ENG-11: a reshared key is the same key and signs under its new tree; its proofs hold.
#[test]
fn reshared_keys_sign() {
    for scheme in Scheme::ALL {
        let old = key(scheme, TWO_OF_THREE);
        let plans = reshare(&[Arc::clone(&old)], "ac", TWO_GROUPS);
        let prepared = local::deal(plans, &mut local::seeds(4)).unwrap();
        let first = prepared.values().next().unwrap();
        let proofs: Vec<(NodeId, &[u8])> = prepared
            .iter()
            .map(|(node, prepared)| (*node, prepared.leaf_proofs.as_deref().unwrap()))
            .collect();
        let keys: Vec<&KeyPublic> = first.keys.iter().map(|key| &key.public).collect();
        verify_all_leaf_proofs(first.transcript, &keys, false, &proofs).unwrap();
        let swapped = [(proofs[0].0, proofs[1].1)];
        let failure = verify_all_leaf_proofs(first.transcript, &keys, false, &swapped);
        assert_eq!(failure.unwrap_err().fault, Fault::Peer { culprits: vec![proofs[0].0] });
        let new = dealt(prepared).remove(0);
        assert_eq!(new.public.public_key(), old.public.public_key());
        assert_ne!(new.public.commitments(), old.public.commitments());
        signs(&new, "abd");
        assert!(old.shares.iter().all(|(_, share)| !share.matches(&new.public)));
    }
}

/// ENG-11: several keys at once, and a member that only receives.
#[test]
fn several_keys_are_made_and_refreshed_in_one_run() {
    let source = || DealSource::Fresh { count: 3 };
    let plan = |me| DealPlan {
        ctx0: Digest([8; 32]),
        scheme: Scheme::Ed25519,
        tree: tree(REPEATED),
        receivers: tree(REPEATED).parties(),
        me,
        source: source(),
    };
    let plans = tree(REPEATED).parties().into_iter().map(plan).collect();
    let made = local::deal(plans, &mut local::seeds(5)).unwrap();
    assert!(made.values().all(|made| made.keys.iter().all(|key| key.chain_code.is_some())));
    let made: Vec<Arc<Key>> = dealt(made).into_iter().map(Arc::new).collect();
    let refreshed = local::deal(reshare(&made, "ab", REPEATED), &mut local::seeds(6)).unwrap();
    assert!(refreshed.values().all(|all| all.keys.iter().all(|key| key.chain_code.is_none())));
    for (new, old) in dealt(refreshed).iter().zip(&made) {
        assert_eq!(new.public.public_key(), old.public.public_key());
        signs(new, "ac");
    }
}

/// ENG-11: one of three is absent from a refresh; the others sign, and the next refresh, in which
/// it only receives, lets it sign again.
#[test]
fn an_absent_party_is_repaired_by_the_next_refresh() {
    let old = key(Scheme::Bip340, TWO_OF_THREE);
    let mut absent = reshare(&[Arc::clone(&old)], "ac", TWO_OF_THREE);
    absent.retain(|plan| plan.me != node("b"));
    absent.iter_mut().for_each(|plan| plan.receivers = nodes("ac"));
    let two = dealt(local::deal(absent, &mut local::seeds(4)).unwrap()).remove(0);
    assert_eq!(two.shares.keys().copied().collect::<Vec<_>>(), [node("a"), node("c")]);
    assert_eq!(two.public.public_key(), old.public.public_key());
    signs(&two, "ac");
    assert!(!old.shares[&node("b")].is_held_by(&node("b"), &two.public));
    let all = reshare(&[Arc::new(two)], "ac", TWO_OF_THREE);
    let three = dealt(local::deal(all, &mut local::seeds(5)).unwrap()).remove(0);
    signs(&three, "ab");
    signs(&three, "bc");
}

/// ENG-11: an imported key is the given one, under every scheme.
#[test]
fn an_imported_key_signs() {
    let mut one = [0; 32];
    let generator = "0x0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
    let generator = quorate_codec::hex::decode_array::<33>(generator).unwrap();
    one[31] = 1;
    let plan = |me: NodeId| DealPlan {
        ctx0: Digest([7; 32]),
        scheme: Scheme::Bip340,
        tree: tree(TWO_OF_THREE),
        receivers: tree(TWO_OF_THREE).parties(),
        me,
        source: DealSource::Summands {
            of: BTreeMap::from([(node("z"), vec![generator.to_vec()])]),
            secrets: if me == node("z") { vec![Zeroizing::new(one)] } else { Vec::new() },
        },
    };
    let plans = nodes("abcz").into_iter().map(plan).collect();
    let prepared = local::deal(plans, &mut local::seeds(7)).unwrap();
    assert!(prepared[&node("z")].keys[0].share.is_none());
    let key = dealt(prepared).remove(0);
    assert_eq!(key.public.public_key(), generator[1..]);
    signs(&key, "bc");
}

/// ENG-05, ENG-11: what the caller got wrong is the caller's fault, what the store got wrong the
/// machine's; a bad share comes with a complaint.
#[test]
fn neg_060_failures_of_dealings_say_whose_fault_it_was() {
    let old = key(Scheme::Bip340, TWO_OF_THREE);
    let start = |change: &dyn Fn(&mut DealPlan)| -> Failure {
        let mut plan = reshare(&[Arc::clone(&old)], "ac", TWO_OF_THREE).remove(0);
        change(&mut plan);
        start_deal(plan, Seed::new([1; 32])).map(drop).unwrap_err()
    };
    let shared =
        |plan: &mut DealPlan, change: &dyn Fn(&mut Vec<Arc<KeyShare>>)| match &mut plan.source {
            DealSource::Shared { shares, .. } => change(shares),
            DealSource::Fresh { .. } | DealSource::Summands { .. } => panic!("not shared"),
        };
    let foreign = key(Scheme::Ed25519, TWO_OF_THREE);
    let callers: [&dyn Fn(&mut DealPlan); 5] = [
        &|plan| plan.me = node("y"),
        &|plan| plan.scheme = Scheme::EcdsaSecp256k1,
        &|plan| plan.source = DealSource::Fresh { count: 0 },
        &|plan| plan.receivers = nodes("a"),
        &|plan| plan.receivers = nodes("abz"),
    ];
    for change in callers {
        assert_eq!(start(change).fault, Fault::Caller);
    }
    let machines: [&dyn Fn(&mut DealPlan); 3] = [
        &|plan| shared(plan, &|shares| shares.clear()),
        &|plan| shared(plan, &|shares| shares[0] = Arc::clone(&old.shares[&node("b")])),
        &|plan| shared(plan, &|shares| shares[0] = Arc::clone(&foreign.shares[&node("a")])),
    ];
    for change in machines {
        assert_eq!(start(change).fault, Fault::Machine);
    }

    let plans = reshare(&[Arc::clone(&old)], "ac", TWO_OF_THREE);
    let mut wire = |round, from, to, bytes: &mut Vec<u8>| {
        if (round, from, to) == (2, node("a"), node("b")) {
            // The last byte is of the last ciphertext; b's stands before it.
            let at = bytes.len() - 85;
            bytes[at] ^= 1;
        }
    };
    let failure = local::deal_over(plans, &mut local::seeds(8), &mut wire).unwrap_err();
    assert_eq!(failure.at, node("b"));
    assert_eq!(failure.failure.fault, Fault::Peer { culprits: Vec::new() });
    assert_eq!(failure.failure.complaint.unwrap().dealer(), node("a"));
}
