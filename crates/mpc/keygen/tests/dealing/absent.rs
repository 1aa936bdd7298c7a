//! Dealings from which parties of the tree are absent, and what repairs them.

use crate::harness::{
    Deal, Keys, all_accuse, dealing, dealt, fresh, import, node, others, tree, with_foresight_in,
    with_liar_in,
};
use quorate_codec::from_bytes;
use quorate_curve::{Curve, Ed25519, P256, Secp256k1, SecretScalar};
use quorate_identity::NodeId;
use quorate_keygen::{
    DealFault, Dealt, Holding, Knowledge, LeafStatements, Message1, Message2, Plan, Terms, Whose,
    start,
};
use quorate_sharing::{LeafShares, additive_share};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::{BTreeMap, BTreeSet};

const TREE: &str = "2 of (1, 2, 3)";

fn set(numbers: &[u8]) -> BTreeSet<NodeId> {
    numbers.iter().map(|number| node(*number)).collect()
}

/// The key that the parties of a quorum have together.
fn recombined<C: Curve>(keys: &Keys<C>, quorum: &[u8], at: usize) -> SecretScalar<C> {
    let selection = keys.tree.select(&set(quorum)).unwrap();
    selection.parties().iter().fold(SecretScalar::zero(), |sum, party| {
        sum.plus(&additive_share(&selection, party, &keys.shares[party][at]).unwrap())
    })
}

/// Runs a dealing of keys; receivers have their shares and have proven them.
fn dealt_to<C: Curve>(keys: &Keys<C>, terms: &Terms<C>, run: u64) -> Keys<C> {
    let dealt: BTreeMap<NodeId, Dealt<C>> = Deal::run(keys.plans(terms), run);
    assert_eq!(dealt.keys().copied().collect::<BTreeSet<_>>(), terms.participants());
    let first = dealt.values().next().unwrap();
    let new: Vec<_> = first.keys.iter().map(|key| key.commitments.clone()).collect();
    let tree = &terms.tree;
    let statements =
        LeafStatements::new(&first.transcript, tree, &new, Knowledge::Combined).unwrap();
    for (me, dealt) in &dealt {
        let receives = terms.receivers.contains(me);
        assert_eq!(dealt.leaf_proofs.is_some(), receives);
        if let Some(proofs) = &dealt.leaf_proofs {
            statements.verify(*me, proofs).unwrap();
        }
        for (key, commitments) in dealt.keys.iter().zip(&new) {
            assert_eq!(key.commitments, *commitments);
            assert!(!receives || key.shares.matches(tree, me, commitments));
            assert_eq!(key.shares.is_empty(), !receives);
        }
    }
    let new = Keys::dealt(tree.clone(), dealt);
    assert_eq!(new.publics(), keys.publics());
    new
}

/// DEAL-02, DEAL-08, DEAL-15: of three, one is absent from a refresh. The two go on; the old
/// share of the third is worth nothing; a refresh in which it only receives repairs it.
fn an_absent_party_is_repaired_by_the_next_refresh<C: Curve>() {
    let keys = Keys::<C>::new(TREE, 2);
    let two = dealt_to(&keys, &keys.terms_without(&[1, 3], TREE, &[2]), 1);
    assert_eq!(recombined(&two, &[1, 3], 1).commit(), keys.publics()[1]);
    let old: &LeafShares<C> = &keys.shares[&node(2)][0];
    assert!(!old.matches(&two.tree, &node(2), &two.commitments[0]));

    let three = dealt_to(&two, &two.terms(&[1, 3], TREE), 2);
    for quorum in [[1, 2], [2, 3], [1, 3]] {
        assert_eq!(recombined(&three, &quorum, 0).commit(), keys.publics()[0]);
    }
    // Of the middle epoch nothing remains that fits the last one.
    let earlier = &two.shares[&node(1)][0];
    assert!(!earlier.matches(&three.tree, &node(1), &three.commitments[0]));
}

#[test]
fn absent_parties_are_repaired_on_every_curve() {
    an_absent_party_is_repaired_by_the_next_refresh::<Secp256k1>();
    an_absent_party_is_repaired_by_the_next_refresh::<Ed25519>();
    an_absent_party_is_repaired_by_the_next_refresh::<P256>();
}

/// DEAL-02, DEAL-08: a reshare while a new member with two leaves is absent; a dealer that has
/// leaves but receives nothing; an import while one of its parties is absent.
#[test]
fn reshares_and_imports_go_on_without_absent_parties() {
    let keys = Keys::<Ed25519>::new(TREE, 2);
    let to = "2 of (7, 8, any of (7, 9))";
    let without = dealt_to(&keys, &keys.terms_without(&[2, 3], to, &[7]), 1);
    assert_eq!(recombined(&without, &[8, 9], 0).commit(), keys.publics()[0]);
    let all = dealt_to(&without, &without.terms(&[8, 9], to), 2);
    assert_eq!(recombined(&all, &[7, 8], 1).commit(), keys.publics()[1]);
    assert_eq!(recombined(&all, &[7], 1).commit(), keys.publics()[1]);

    let left = dealt_to(&keys, &keys.terms_without(&[1, 2], TREE, &[1]), 3);
    assert_eq!(recombined(&left, &[2, 3], 0).commit(), keys.publics()[0]);

    let mut plans = import::<Ed25519>(9, 1, TREE);
    plans.retain(|plan| plan.me != node(3));
    plans.iter_mut().for_each(|plan| plan.terms.receivers = set(&[1, 2]));
    let public = plans[0].terms.clone();
    let imported = Keys::dealt(tree(TREE), Deal::run(plans, 4));
    assert_eq!(recombined(&imported, &[1, 2], 0).commit(), imported.publics()[0]);
    assert_eq!(public.participants(), set(&[1, 2, 9]));
}

/// DEAL-02: receivers that could not use the keys, strangers, none, and key generation without
/// somebody. Who is absent cannot begin.
#[test]
fn neg_003_receivers_that_do_not_satisfy_the_tree_are_refused() {
    let keys = Keys::<Ed25519>::new(TREE, 1);
    let begin = |terms: Terms<Ed25519>, me: u8| {
        let holding = Holding::Shares(keys.held(&node(me)));
        let plan = Plan { terms, me: node(me), holding };
        start(plan, &mut ChaCha20Rng::seed_from_u64(1)).map(drop)
    };
    let with =
        |terms: Terms<Ed25519>, receivers: &[u8]| Terms { receivers: set(receivers), ..terms };
    let shared = keys.terms(&[1, 2], TREE);
    assert!(begin(with(shared.clone(), &[1, 3]), 1).is_ok());
    for terms in [
        with(shared.clone(), &[]),
        with(shared.clone(), &[1]),
        with(shared.clone(), &[1, 2, 9]),
        with(shared.clone(), &[1, 9]),
        with(keys.terms(&[1, 2], "all of (1, any of (2, 3))"), &[2, 3]),
        with(fresh(TREE, 1), &[1, 2]),
        with(import(9, 1, TREE)[0].terms.clone(), &[9]),
    ] {
        let error = begin(terms, 1).unwrap_err();
        assert_eq!(error.reason, DealFault::Terms);
        assert_eq!(error.whose(), Whose::Caller);
    }
    let absent = begin(with(shared, &[1, 2]), 3).unwrap_err();
    assert_eq!((absent.whose(), absent.reason), (Whose::Caller, DealFault::NotMember));
}

/// DEAL-03, DEAL-08: a dealer that seals for an absent party too, or for one receiver less, is
/// accused, also where it had committed in time; a message of the absent party is no part of the
/// run.
#[test]
fn neg_010_there_is_one_ciphertext_for_each_leaf_of_a_receiver() {
    let keys = Keys::<Ed25519>::new(TREE, 1);
    let terms = keys.terms_without(&[1, 3], TREE, &[2]);
    let malformed = |fault: &DealFault| *fault == DealFault::Malformed;
    let lies: [fn(&mut Message2); 3] = [
        |lie| {
            let again = dealt(lie).sealed[0].clone();
            dealing(lie).sealed.insert(1, again);
        },
        |lie| drop(dealing(lie).sealed.pop()),
        |lie| dealing(lie).sealed.clear(),
    ];
    for lie in lies {
        let results = with_foresight_in(&terms, &|| keys.plans(&terms), 1, |_, m| lie(m), 1);
        all_accuse(&others(results, 1), &[1], malformed);
    }
    // Ciphertexts in each other's places do not open.
    let swapped = |_: NodeId, second: &mut Message2| dealing(second).sealed.swap(0, 1);
    let results = with_liar_in(keys.plans(&terms), 1, |_, _| (), swapped);
    let bad = |fault: &DealFault| {
        let DealFault::SubShare { dealer, receiver, leaf, .. } = fault else { return false };
        (*dealer, *receiver, leaf.0) == (node(1), node(3), 2)
    };
    all_accuse(&others(results, 1), &[], bad);

    let (mut deal, mut inboxes) = Deal::begin_plans(keys.plans(&terms), u64::from);
    let uninvited = inboxes[&node(1)][&node(3)].clone();
    inboxes.get_mut(&node(1)).unwrap().insert(node(2), uninvited);
    let error = deal.round1(inboxes).remove(&node(1)).unwrap().unwrap_err();
    assert_eq!((error.whose(), error.reason), (Whose::Caller, DealFault::Inbox));
}

/// DEAL-01: who receives is part of what is hashed in a run.
#[test]
fn neg_017_the_receivers_are_part_of_the_terms() {
    let keys = Keys::<Ed25519>::new("3 of (1, 2, 3, 4, 5)", 1);
    let to = "2 of (1, 2, 3, 4, 5)";
    // Both lists have as many leaves, so no length gives the difference away.
    let terms = keys.terms_without(&[1, 2, 3], to, &[4]);
    let other = keys.terms_without(&[1, 2, 3], to, &[5]);
    let digests: Vec<_> = [&terms, &other]
        .into_iter()
        .map(|terms| {
            let (mut deal, inboxes) = Deal::begin_plans(keys.plans(terms), |_| 7);
            let sent = deal.round1(inboxes);
            from_bytes::<Message2>(sent[&node(1)].as_ref().unwrap()).unwrap().echo
        })
        .collect();
    assert_ne!(digests[0], digests[1]);
}

/// DEAL-03: who only receives in a repair sends keys; a dealer that receives nothing sends none.
#[test]
fn neg_010_only_receivers_announce_keys() {
    let keys = Keys::<Ed25519>::new(TREE, 1);
    let terms = keys.terms_without(&[1, 2], TREE, &[1]);
    let (_, inboxes) = Deal::begin_plans(keys.plans(&terms), u64::from);
    let first = |from: u8| from_bytes::<Message1>(&inboxes[&node(2)][&node(from)]).unwrap();
    assert_eq!([1, 2, 3].map(|from| first(from).seal_keys.len()), [0, 2, 2]);
    let keys_of_two = first(2).seal_keys;
    let announce = |_: NodeId, first: &mut Message1| first.seal_keys = keys_of_two.clone();
    let results = with_liar_in(keys.plans(&terms), 1, announce, |_, _| ());
    all_accuse(&others(results, 1), &[1], |fault| *fault == DealFault::Malformed);
}
