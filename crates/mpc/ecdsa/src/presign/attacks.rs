//! Honest runs with presignatures, and one test per attack on them.

use super::online::Decided;
use super::{Decision, Presignature, decide, start};
use crate::fixture::{Ends, Key, ahead, node, online, rng};
use crate::sign::COUNT_MAX;
use crate::{EcdsaCurve, Fault, verify};
use proptest::prelude::*;
use quorate_codec::Digest;
use quorate_curve::{NonIdentity, P256, Scalar, Secp256k1};
use quorate_identity::NodeId;
use std::collections::BTreeMap;

const BINDING: Digest = Digest([3; 32]);

/// Who decides, the binding, and what.
type Party<C> = (NodeId, Digest, Decision<C>);

/// Changes something.
type Change<T> = fn(&mut T);

type Stock<C> = Vec<(NodeId, Vec<Presignature<C>>)>;

fn honest(_: u8, _: NodeId, _: NodeId, _: &mut Vec<u8>) {}

fn stock<C: EcdsaCurve>(key: &Key<C>, parties: u8, count: usize, seed: u64) -> Stock<C> {
    let plans = (1..=parties).map(|number| key.plan_ahead(number, count)).collect();
    ahead(plans, seed, honest).unwrap()
}

/// What everybody signs with all that it has: these digests, by the child with this tweak.
fn decisions<C: EcdsaCurve>(
    key: &Key<C>,
    stock: Stock<C>,
    digests: &[[u8; 32]],
    tweak: Scalar<C>,
) -> Vec<Party<C>> {
    let public_key = (key.public().point() + tweak.commit()).non_identity().unwrap();
    let decision = |(me, presignatures)| {
        let decision = Decision { presignatures, digests: digests.to_vec(), tweak, public_key };
        (me, BINDING, decision)
    };
    stock.into_iter().map(decision).collect()
}

fn fault_of(ends: &Ends, number: u8) -> Fault {
    ends[&node(number)].as_ref().unwrap_err().fault.clone()
}

fn presignatures_sign<C: EcdsaCurve>() {
    let digests = [[5; 32], [5; 32], [0; 32], [0xff; 32]];
    for (parties, tweak) in [(2, 0), (3, 7), (5, 1)] {
        let key = Key::<C>::new(parties);
        let tweak = Scalar::from_u64(tweak);
        let made = stock(&key, parties, digests.len(), 1);
        // Everybody names them alike, and no two have one name.
        let names = |of: &[Presignature<C>]| of.iter().map(Presignature::name).collect::<Vec<_>>();
        let own = names(&made[0].1);
        assert!(made.iter().all(|(_, of)| names(of) == own));
        assert_eq!(own.iter().collect::<std::collections::BTreeSet<_>>().len(), digests.len());
        let decisions = decisions(&key, made, &digests, tweak);
        let public_key = decisions[0].2.public_key;
        let ends = online(decisions, honest);
        assert_eq!(ends.len(), usize::from(parties));
        let signatures = ends[&node(1)].as_ref().unwrap();
        assert!(ends.values().all(|end| end.as_ref() == Ok(signatures)));
        for (signature, digest) in signatures.iter().zip(&digests) {
            assert_eq!(&verify(&public_key, digest, signature.bytes()).unwrap(), signature);
        }
        assert_ne!(signatures[0].bytes()[..32], signatures[1].bytes()[..32]);
    }
}

/// ECD-13 to ECD-16.
#[test]
fn presignatures_sign_for_the_key_and_its_children() {
    presignatures_sign::<Secp256k1>();
    presignatures_sign::<P256>();
}

/// Presignatures of several sessions, in any order, make one signature each.
#[test]
fn presignatures_of_several_sessions_go_together() {
    let key = Key::<Secp256k1>::new(2);
    let (one, two) = (stock(&key, 2, 3, 1), stock(&key, 2, 2, 2));
    let mixed = one.into_iter().zip(two).map(|((me, mut one), (_, mut two))| {
        (me, vec![one.remove(2), two.remove(1), one.remove(0)])
    });
    let decisions = decisions(&key, mixed.collect(), &[[1; 32], [2; 32], [3; 32]], Scalar::zero());
    assert!(online(decisions, honest).values().all(Result::is_ok));
}

/// ECD-14: a decision takes one presignature of its quorum and key for each digest.
#[test]
fn decisions_that_do_not_fit_are_the_callers_fault() {
    let key = Key::<Secp256k1>::new(2);
    let fault = |change: &dyn Fn(&mut Decision<Secp256k1>)| {
        let made = stock(&key, 2, 2, 1);
        let (_, _, mut decision) =
            decisions(&key, made, &[[1; 32], [2; 32]], Scalar::zero()).remove(0);
        change(&mut decision);
        decide(decision).err().map(|error| error.fault)
    };
    assert_eq!(fault(&|_| {}), None);
    assert_eq!(fault(&|decision| decision.digests.truncate(1)), Some(Fault::Caller));
    let nothing = |decision: &mut Decision<Secp256k1>| {
        decision.digests.clear();
        decision.presignatures.clear();
    };
    assert_eq!(fault(&nothing), Some(Fault::Caller));
    let another_key = |decision: &mut Decision<Secp256k1>| decision.tweak = Scalar::one();
    assert_eq!(fault(&another_key), Some(Fault::Caller));
    for other in [Key::<Secp256k1>::new(3), Key::new(2)] {
        // Of another key and quorum, and of the same quorum as another node.
        let is_same = other.public() == key.public();
        let parties = if is_same { 2 } else { 3 };
        let mut made = stock(&other, parties, 1, 1);
        let stranger = made.remove(usize::from(is_same)).1;
        let stranger = std::sync::Mutex::new(stranger);
        let mix = |decision: &mut Decision<Secp256k1>| {
            decision.presignatures[1] = stranger.lock().unwrap().remove(0);
        };
        assert_eq!(fault(&mix), Some(Fault::Caller));
    }
    for count in [0, COUNT_MAX + 1] {
        let begun = start(key.plan_ahead(1, count), &mut rng(1));
        assert_eq!(begun.err().unwrap().fault, Fault::Caller);
    }
}

/// ECD-14: what is opened is what was committed to; who opens something else is named.
#[test]
fn neg_039_an_opening_that_was_not_committed_to_names_its_sender() {
    let key = Key::<Secp256k1>::new(3);
    for (at, change) in [(0, 1), (63, 0x80), (31, 1)] {
        let made = stock(&key, 3, 2, 1);
        let decisions = decisions(&key, made, &[[1; 32], [2; 32]], Scalar::zero());
        let ends = online(decisions, |round, from, to, bytes| {
            if (round, from, to) == (1, node(1), node(2)) {
                bytes[at] ^= change;
            }
        });
        assert_eq!(fault_of(&ends, 2), Fault::Peers(vec![node(1)]));
        assert_eq!(ends.len(), 1, "nobody else has a reason to complain");
    }
    // Two openings of one session may not change places.
    let made = stock(&key, 3, 2, 1);
    let decisions = decisions(&key, made, &[[1; 32], [2; 32]], Scalar::zero());
    let ends = online(decisions, |round, from, _, bytes| {
        if (round, from) == (1, node(1)) {
            bytes.rotate_left(32);
        }
    });
    assert_eq!(fault_of(&ends, 2), Fault::Peers(vec![node(1)]));
}

/// ECD-14.
#[test]
fn neg_009_openings_have_one_length() {
    let key = Key::<Secp256k1>::new(2);
    for length in [0, 31, 33, 64] {
        let made = stock(&key, 2, 1, 1);
        let decisions = decisions(&key, made, &[[1; 32]], Scalar::zero());
        let ends = online(decisions, |round, from, _, bytes| {
            if (round, from) == (1, node(1)) {
                bytes.resize(length, 0);
            }
        });
        assert_eq!(fault_of(&ends, 2), Fault::Peers(vec![node(1)]));
    }
}

/// ECD-15, ECD-16: the move covers what every party opened, so nobody's may be missing.
#[test]
fn neg_039_a_decision_takes_exactly_one_opening_of_each_other_party() {
    let key = Key::<Secp256k1>::new(3);
    let digests = [[1; 32]];
    let fault = |from: &[u8]| {
        let made = stock(&key, 3, 1, 1);
        let said = decisions(&key, made, &digests, Scalar::zero())
            .into_iter()
            .map(|(me, _, decision)| (me, decide(decision).unwrap()));
        let mut said: BTreeMap<NodeId, _> = said.collect();
        let (state, _) = said.remove(&node(1)).unwrap();
        let opening = |from: &u8| (node(*from), said[&node((*from).min(3))].1.clone());
        state.handle(BINDING, &from.iter().map(opening).collect()).err().map(|error| error.fault)
    };
    assert_eq!(fault(&[2, 3]), None);
    assert_eq!(fault(&[2]), Some(Fault::Caller));
    assert_eq!(fault(&[]), Some(Fault::Caller));
    assert_eq!(fault(&[2, 3, 9]), Some(Fault::Caller));
}

/// ECD-13, ECD-04: who commits to other bytes towards another party is found before anything of round
/// 2 is used.
#[test]
fn neg_034_different_commitments_to_openings_are_found_ahead() {
    let key = Key::<Secp256k1>::new(3);
    let plans = (1..=3).map(|number| key.plan_ahead(number, 2)).collect();
    // Behind the name and two commitments to nonce points.
    let ends = ahead(plans, 1, |round, from, to, bytes| {
        if (round, from, to) == (1, node(1), node(2)) {
            bytes[32 + 64] ^= 1;
        }
    });
    let errors = ends.err().unwrap();
    for party in [2, 3] {
        assert_eq!(errors[&node(party)].fault, Fault::Peers(Vec::new()));
    }
}

/// ECD-15: parties that decided differently about one presignature make no signature, and nobody is
/// accused.
#[test]
fn neg_038_091_one_presignature_signs_one_thing() {
    let key = Key::<Secp256k1>::new(2);
    let different: [Change<Party<Secp256k1>>; 3] = [
        |(_, _, decision)| decision.digests[0][0] ^= 1,
        |(_, binding, _)| *binding = Digest([4; 32]),
        |(_, _, decision)| {
            decision.tweak = Scalar::from_u64(2);
            let key = decision.public_key.point() + decision.tweak.commit();
            decision.public_key = key.non_identity().unwrap();
        },
    ];
    for change in different {
        let made = stock(&key, 2, 1, 1);
        let mut decisions = decisions(&key, made, &[[1; 32]], Scalar::zero());
        change(&mut decisions[0]);
        let ends = online(decisions, honest);
        for party in [1, 2] {
            assert_eq!(fault_of(&ends, party), Fault::Peers(Vec::new()));
        }
    }
    // Another presignature of the same session: its bytes open nothing.
    let made = stock(&key, 2, 2, 1);
    let other = made.into_iter().enumerate().map(|(at, (me, mut of))| (me, vec![of.remove(at)]));
    let ends = online(decisions(&key, other.collect(), &[[1; 32]], Scalar::zero()), honest);
    assert_eq!(fault_of(&ends, 1), Fault::Peers(vec![node(2)]));
}

/// ECD-15: whatever anybody opens moves the nonce point, so that nobody knows it before everybody has
/// decided.
#[test]
fn neg_039_the_nonce_point_moves_with_every_decision() {
    let key = Key::<Secp256k1>::new(2);
    let signed = |digest: u8, tweak: u64, binding: u8| {
        let made = stock(&key, 2, 1, 1);
        let mut decisions = decisions(&key, made, &[[digest; 32]], Scalar::from_u64(tweak));
        decisions.iter_mut().for_each(|(_, of, _)| *of = Digest([binding; 32]));
        let ends = online(decisions, honest);
        <[u8; 32]>::try_from(&ends[&node(1)].as_ref().unwrap()[0].bytes()[..32]).unwrap()
    };
    let points = [signed(1, 0, 3), signed(2, 0, 3), signed(1, 1, 3), signed(1, 0, 4)];
    assert_eq!(points.iter().collect::<std::collections::BTreeSet<_>>().len(), points.len());
    assert_eq!(signed(1, 0, 3), points[0], "the same seeds make the same");
}

/// ECD-15: the move covers everything that is decided, what each party opened among it.
#[test]
fn neg_039_the_move_covers_everything() {
    fn key(number: u64) -> NonIdentity<Secp256k1> {
        Scalar::from_u64(number).commit().non_identity().unwrap()
    }
    let base = || Decided {
        binding: BINDING,
        public_key: key(5),
        tweak: Scalar::from_u64(2),
        child: key(7),
        names: vec![Digest([1; 32])],
        digests: vec![[2; 32]],
        opened: BTreeMap::from([(node(1), vec![3; 32]), (node(2), vec![4; 32])]),
    };
    let changes: [Change<Decided<Secp256k1>>; 9] = [
        |it| it.binding = Digest::ZERO,
        |it| it.public_key = key(6),
        |it| it.tweak = Scalar::one(),
        |it| it.child = key(8),
        |it| it.names[0] = Digest::ZERO,
        |it| it.digests[0] = [0; 32],
        |it| drop(it.opened.insert(node(1), vec![5; 32])),
        |it| drop(it.opened.insert(node(2), vec![5; 32])),
        |it| it.opened = BTreeMap::from([(node(1), vec![4; 32]), (node(2), vec![3; 32])]),
    ];
    let mut all = std::collections::BTreeSet::from([base().digest()]);
    for change in changes {
        let mut changed = base();
        change(&mut changed);
        assert!(all.insert(changed.digest()));
    }
}

/// ECD-13: a presignature session is none that signs, whatever else is the same.
#[test]
fn neg_021_sessions_for_later_and_for_now_have_different_names() {
    let key = Key::<Secp256k1>::new(2);
    let (state, _) = start(key.plan_ahead(1, 1), &mut rng(1)).unwrap();
    let (_, letters) = crate::sign::start(key.plan(2, &[[1; 32]]), &mut rng(2)).unwrap();
    let mut letter = letters[&node(1)].clone();
    letter.splice(64..64, [0; 32]);
    let heard = BTreeMap::from([(node(2), letter)]);
    let error = state.handle(&heard, &mut rng(3)).err().unwrap();
    assert_eq!(error.fault, Fault::Peers(Vec::new()));
    assert_eq!(error.reason, "the parties do not speak of the same");
}

#[test]
fn neg_079_a_presignature_prints_as_nothing() {
    let made = stock(&Key::<Secp256k1>::new(2), 2, 1, 1);
    assert_eq!(format!("{:?}", made[0].1[0]), "Presignature(secret)");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// ECD-13 to ECD-16: no bit of any message, ahead or online, can be changed and a signature come
    /// out at its receiver; an honest node is never named.
    #[test]
    fn neg_031_no_changed_message_leads_to_a_signature(
        round in 1..=4_u8, at in any::<prop::sample::Index>(), bit in 0..8,
    ) {
        let change = |shift: u8| move |of: u8, from: NodeId, to: NodeId, bytes: &mut Vec<u8>| {
            if (of + shift, from, to) == (round, node(1), node(2)) {
                let at = at.index(bytes.len());
                bytes[at] ^= 1_u8 << bit;
            }
        };
        let is_fair = |fault: &Fault| match fault {
            Fault::Peers(culprits) => culprits.is_empty() || *culprits == [node(1)],
            Fault::Cheater(culprit) => *culprit == node(1),
            Fault::Caller | Fault::Machine => false,
        };
        let key = Key::<Secp256k1>::new(3);
        let plans = (1..=3).map(|number| key.plan_ahead(number, 1)).collect();
        match ahead(plans, 1, change(0)) {
            Err(errors) => {
                prop_assert!(round <= 2);
                prop_assert!(errors.values().all(|error| is_fair(&error.fault)), "{errors:?}");
            }
            Ok(made) => {
                prop_assert!(round > 2);
                let ends = online(decisions(&key, made, &[[1; 32]], Scalar::zero()), change(2));
                prop_assert!(ends.get(&node(2)).is_none_or(Result::is_err));
                for error in ends.values().filter_map(|end| end.as_ref().err()) {
                    prop_assert!(is_fair(&error.fault), "{error:?}");
                }
            }
        }
    }
}
