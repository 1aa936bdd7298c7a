//! Attacks on dealings of keys that exist: refresh, reshare, repair, import.

use crate::harness::{
    Deal, Keys, all_accuse, context, dealing, dealt, fresh, import, node, others, plans, restore,
    with_foresight_in, with_liar_in,
};
use quorate_codec::Digest;
use quorate_curve::{Ed25519, NonIdentity, Point, Secp256k1, SecretScalar};
use quorate_identity::NodeId;
use quorate_keygen::{
    DealFault, Holding, Knowledge, LeafStatements, Message1, Message2, Plan, Proof, Source, Terms,
    Whose, start,
};
use quorate_sharing::Commitments;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeMap;

const TREE: &str = "2 of (1, 2, 3)";

type Foreseen = BTreeMap<NodeId, Message2>;

/// What a liar makes of its second message, knowing those of the others.
type Lie<'a> = &'a dyn Fn(&Foreseen, &mut Message2);

/// A change of the first message of the participant with this number.
type FirstLie = (u8, fn(&mut Message1));

/// One point more of the constant term of one secret.
fn shift(second: &mut Message2, secret: usize) {
    let point = &mut dealing(second).commitments[secret][0];
    let shifted = NonIdentity::<Secp256k1>::from_bytes(point).unwrap().point() + Point::generator();
    *point = shifted.non_identity().unwrap().to_bytes().into();
}

/// DEAL-18: a dealer that commits in time, but to something else than its part of the keys: of
/// one among several, of two exchanged, of parts that add up, or as another quorum would have it.
#[test]
fn neg_054_a_dealer_deals_its_part_of_every_key_or_is_accused() {
    let keys = Keys::<Secp256k1>::new(TREE, 3);
    let terms = keys.terms(&[1, 3], TREE);
    let other_quorum = {
        let terms = keys.terms(&[1, 2], TREE);
        let (mut deal, inboxes) = Deal::begin_plans(keys.plans(&terms), u64::from);
        let sent = deal.round1(inboxes);
        quorate_codec::from_bytes::<Message2>(sent[&node(1)].as_ref().unwrap()).unwrap()
    };
    let lies: [Lie<'_>; 5] = [
        &|_, lie| shift(lie, 0),
        &|_, lie| shift(lie, 2),
        &|_, lie| dealing(lie).commitments.swap(0, 1),
        &|all, lie| dealing(lie).commitments = dealt(&all[&node(3)]).commitments.clone(),
        &|_, lie| dealing(lie).commitments = dealt(&other_quorum).commitments.clone(),
    ];
    for lie in lies {
        let results = with_foresight_in(&terms, &|| keys.plans(&terms), 1, lie, 1);
        all_accuse(&others(results, 1), &[1], |fault| *fault == DealFault::Constant);
    }
}

/// DEAL-18: the importer deals exactly the announced keys.
#[test]
fn neg_054_an_importer_deals_the_announced_keys_or_is_accused() {
    let terms = import::<Secp256k1>(9, 2, TREE)[0].terms.clone();
    let lie = |_: &Foreseen, lie: &mut Message2| shift(lie, 1);
    let results = with_foresight_in(&terms, &|| import(9, 2, TREE), 9, lie, 9);
    all_accuse(&others(results, 9), &[9], |fault| *fault == DealFault::Constant);
}

/// DEAL-18: who deals a summand of a key that is restored deals the known one, also where the other
/// dealers could make up for it.
#[test]
fn neg_054_a_summand_is_the_known_one_or_its_dealer_is_accused() {
    let plans = || restore::<Secp256k1>(&[1, 3], 2, TREE);
    let terms = plans()[0].terms.clone();
    let lies: [Lie<'_>; 3] =
        [&|_, lie| shift(lie, 0), &|_, lie| dealing(lie).commitments.swap(0, 1), &|all, lie| {
            dealing(lie).commitments = dealt(&all[&node(3)]).commitments.clone()
        }];
    for lie in lies {
        let results = with_foresight_in(&terms, &plans, 1, lie, 1);
        all_accuse(&others(results, 1), &[1], |fault| *fault == DealFault::Constant);
    }
}

/// The points of everybody's summands.
type Points = BTreeMap<NodeId, Vec<NonIdentity<Ed25519>>>;

/// DEAL-02: every dealer has a summand of every key.
#[test]
fn neg_003_summands_are_of_every_key_or_nothing_is_dealt() {
    let plans = restore::<Ed25519>(&[1, 3], 2, TREE);
    let start = |change: &dyn Fn(&mut Points)| {
        let mut terms = plans[0].terms.clone();
        let Source::Summands { of } = &mut terms.source else { panic!("no summands") };
        change(of);
        let plan = Plan { terms, me: node(1), holding: Holding::Nothing };
        quorate_keygen::start(plan, &mut ChaCha20Rng::seed_from_u64(1))
            .map(drop)
            .unwrap_err()
            .reason
    };
    assert_eq!(start(&|of| of.clear()), DealFault::Terms);
    let fewer = start(&|of| _ = of.get_mut(&node(3)).unwrap().pop());
    assert_eq!(fewer, DealFault::Terms);
    assert_eq!(start(&|_| ()), DealFault::Holding);
}

/// DEAL-01, DEAL-10: what the old keys are, their tree and their dealers are part of the run, so
/// a receiver that was told something else finds out before it trusts a dealer, and accuses
/// nobody.
#[test]
fn neg_055_receivers_that_know_other_keys_do_not_take_part() {
    let keys = Keys::<Ed25519>::new(TREE, 2);
    let terms = keys.terms(&[1, 2], "2 of (7, 8, 9)");
    let forged = |change: &dyn Fn(&mut Source<Ed25519>)| {
        let mut plans = keys.plans(&terms);
        let victim = plans.iter_mut().find(|plan| plan.me == node(8)).unwrap();
        change(&mut victim.terms.source);
        let (mut deal, inboxes) = Deal::begin_plans(plans, u64::from);
        let sent = deal.round1(inboxes);
        let inboxes = deal.deliver(sent);
        let results = others(deal.round2(inboxes), 0);
        all_accuse(&results, &[], |fault| matches!(fault, DealFault::Echo { .. }));
    };
    let other = Keys::<Ed25519>::new("all of (1, 2)", 2);
    forged(&|source| match source {
        Source::Shared { old, .. } => old.swap(0, 1),
        Source::Fresh { .. } | Source::Summands { .. } => panic!("not shared"),
    });
    forged(&|source| match source {
        Source::Shared { old, .. } => *old = vec![old[0].clone(), other.commitments[0].clone()],
        Source::Fresh { .. } | Source::Summands { .. } => panic!("not shared"),
    });
    forged(&|source| match source {
        Source::Shared { tree, .. } => *tree = other.tree.clone(),
        Source::Fresh { .. } | Source::Summands { .. } => panic!("not shared"),
    });
}

/// DEAL-08, DEAL-18: a sharing of zero has no form, and one with any other constant term than the
/// dealer's part is refused.
#[test]
fn neg_056_a_refresh_that_deals_zero_cannot_be_written() {
    let keys = Keys::<Ed25519>::new(TREE, 1);
    let terms = keys.terms(&[1, 2], TREE);
    let zero = |_: &Foreseen, lie: &mut Message2| {
        let mut identity = vec![0; 32];
        identity[0] = 1;
        dealing(lie).commitments[0][0] = identity.into();
    };
    let results = with_foresight_in(&terms, &|| keys.plans(&terms), 2, zero, 2);
    all_accuse(&others(results, 2), &[2], |fault| *fault == DealFault::Malformed);
}

/// DEAL-02: dealers without weight, too few of them, no keys, too many, and keys of another tree.
#[test]
fn neg_003_terms_under_which_nothing_can_be_dealt_are_refused() {
    let keys = Keys::<Ed25519>::new(TREE, 1);
    let start = |terms: Terms<Ed25519>| {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let plan = Plan { terms, me: node(1), holding: Holding::Nothing };
        start(plan, &mut rng).map(drop).unwrap_err()
    };
    let other = Keys::<Ed25519>::new("all of (1, 2)", 1);
    let mut mixed = keys.terms(&[1, 2], TREE);
    let three = Keys::<Ed25519>::new("3 of (1, 2, 3)", 1);
    if let Source::Shared { old, .. } = &mut mixed.source {
        old.push(three.commitments[0].clone());
    }
    let mut none = other.terms(&[1, 2], TREE);
    if let Source::Shared { old, .. } = &mut none.source {
        old.clear();
    }
    let many = quorate_keygen::limits::SECRETS_MAX + 1;
    for terms in [
        keys.terms(&[1, 2, 3], TREE),
        keys.terms(&[1], TREE),
        keys.terms(&[1, 9], TREE),
        keys.terms(&[], TREE),
        fresh(TREE, 0),
        fresh(TREE, many),
        mixed,
        none,
    ] {
        let error = start(terms);
        assert_eq!(error.reason, DealFault::Terms);
        assert_eq!(error.whose(), Whose::Caller);
    }
    let stranger = keys.terms(&[2, 3], "2 of (2, 3, 4)");
    assert_eq!(start(stranger).reason, DealFault::NotMember);
}

/// DEAL-02: a dealer whose shares are missing, damaged, another's or too few does not begin.
#[test]
fn neg_060_a_dealer_without_its_shares_does_not_begin() {
    let keys = Keys::<Ed25519>::new(TREE, 2);
    let terms = keys.terms(&[1, 2], TREE);
    let begin = |holding| {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let plan = Plan { terms: terms.clone(), me: node(1), holding };
        start(plan, &mut rng).map(drop)
    };
    assert!(begin(Holding::Shares(keys.held(&node(1)))).is_ok());
    let mut damaged = keys.held(&node(1));
    let one = quorate_curve::Scalar::one();
    damaged[1] = damaged[1].iter().map(|(leaf, share)| (leaf, share.plus_public(one))).collect();
    let mut few = keys.held(&node(1));
    few.pop();
    let mut swapped = keys.held(&node(1));
    swapped.swap(0, 1);
    for holding in [
        Holding::Nothing,
        Holding::Secrets(vec![SecretScalar::zero(), SecretScalar::zero()]),
        Holding::Shares(keys.held(&node(2))),
        Holding::Shares(damaged),
        Holding::Shares(few),
        Holding::Shares(swapped),
    ] {
        let error = begin(holding).unwrap_err();
        assert_eq!(error.reason, DealFault::Holding);
        assert_eq!(error.whose(), Whose::Machine);
    }
}

/// DEAL-07, DEAL-17: in a refresh there is nothing to prove possession of, and no proof of a key
/// generation is accepted there; the proofs of final shares are of their own kind in each.
#[test]
fn neg_022_proofs_of_a_key_generation_serve_in_no_refresh() {
    let made = Deal::<Ed25519>::run(plans(&fresh(TREE, 2)), 0);
    let keys: Vec<Commitments<Ed25519>> =
        made[&node(1)].keys.iter().map(|key| key.commitments.clone()).collect();
    let tree = crate::harness::tree(TREE);
    let proofs = made[&node(1)].leaf_proofs.as_ref().unwrap();
    let transcript = &made[&node(1)].transcript;
    let verify = |knowledge, proofs: &[u8]| {
        let statements = LeafStatements::new(transcript, &tree, &keys, knowledge).unwrap();
        statements.verify(node(1), proofs).is_ok()
    };
    assert!(verify(Knowledge::Each, proofs) && !verify(Knowledge::Combined, proofs));
    // The first of the two alone is no proof of the combination either.
    let alone = [&[0x82, 2, 0x81], &proofs[3..3 + (proofs.len() - 3) / 2]].concat();
    assert!(!verify(Knowledge::Combined, &alone) && !verify(Knowledge::Each, &alone));

    let existing = Keys::<Ed25519>::new(TREE, 2);
    let terms = existing.terms(&[1, 2], TREE);
    let proof: Proof = quorate_codec::minicbor::decode(&alone[3..]).unwrap();
    let add = |_: NodeId, second: &mut Message2| dealing(second).proofs = vec![proof.clone(); 2];
    let results = with_liar_in(existing.plans(&terms), 2, |_, _| (), add);
    all_accuse(&others(results, 2), &[2], |fault| *fault == DealFault::Malformed);
}

/// DEAL-16, DEAL-17: proofs of final shares of a refresh stay with their run, member and keys.
#[test]
fn neg_017_combined_leaf_proofs_stay_where_they_were_made() {
    let keys = Keys::<Ed25519>::new(TREE, 3);
    let terms = keys.terms(&[1, 2], TREE);
    let one = Deal::run(keys.plans(&terms), 1);
    let two = Deal::run(keys.plans(&Terms { ctx0: context(9), ..terms.clone() }), 1);
    let tree = crate::harness::tree(TREE);
    let new = |dealt: &BTreeMap<NodeId, quorate_keygen::Dealt<Ed25519>>| -> Vec<_> {
        dealt[&node(1)].keys.iter().map(|key| key.commitments.clone()).collect()
    };
    let verify = |transcript: &Digest, keys: &[Commitments<Ed25519>], who: u8, proofs_of: u8| {
        let statements = LeafStatements::new(transcript, &tree, keys, Knowledge::Combined).unwrap();
        statements.verify(node(who), one[&node(proofs_of)].leaf_proofs.as_ref().unwrap()).is_ok()
    };
    let (transcript, keys) = (&one[&node(1)].transcript, new(&one));
    for who in [1, 2, 3] {
        assert!(verify(transcript, &keys, who, who));
    }
    assert!(!verify(transcript, &keys, 1, 2));
    assert!(!verify(&two[&node(1)].transcript, &keys, 1, 1));
    assert!(!verify(transcript, &[keys[1].clone(), keys[0].clone(), keys[2].clone()], 1, 1));
    assert!(!verify(transcript, &keys[..2], 1, 1));
    let none = LeafStatements::<Ed25519>::new(transcript, &tree, &[], Knowledge::Combined);
    assert_eq!(none.unwrap_err().reason, DealFault::Terms);
}

/// DEAL-03, DEAL-08: whoever only receives reveals no dealing, whoever only deals announces no
/// keys; what is missing or too much accuses its sender.
#[test]
fn neg_010_what_a_role_does_not_send_is_refused() {
    let keys = Keys::<Ed25519>::new(TREE, 1);
    let terms = keys.terms(&[1, 2], "2 of (2, 7, 8)");
    let malformed = |fault: &DealFault| *fault == DealFault::Malformed;
    let firsts: [FirstLie; 6] = [
        (1, |first| first.commitment = None),
        (1, |first| first.seal_keys = vec![quorate_keygen::SealPublic([9; 32]); 2]),
        (7, |first| first.commitment = Some(Digest([1; 32]))),
        (7, |first| first.seal_keys.truncate(1)),
        (2, |first| first.seal_keys.clear()),
        (2, |first| first.commitment = None),
    ];
    for (liar, lie) in firsts {
        let results = with_liar_in(keys.plans(&terms), liar, |_, first| lie(first), |_, _| ());
        all_accuse(&others(results, liar), &[liar], malformed);
    }
    let (mut deal, inboxes) = Deal::<Ed25519>::begin_plans(keys.plans(&terms), u64::from);
    let sent = deal.round1(inboxes);
    let theirs: Message2 = quorate_codec::from_bytes(sent[&node(1)].as_ref().unwrap()).unwrap();
    for (liar, dealing) in [(1, None), (2, None), (7, theirs.dealing)] {
        let lie = |_: NodeId, second: &mut Message2| second.dealing = dealing.clone();
        let results = with_liar_in(keys.plans(&terms), liar, |_, _| (), lie);
        all_accuse(&others(results, liar), &[liar], malformed);
    }
}
