//! Honest runs with both schemes, and one test per attack on this engine.

use crate::fixture::{CONTEXT, Ends, Key, MESSAGE, node, rng, run};
use crate::wire::edit;
use crate::{Bip340, Ed25519, Fault, Suite, Tweak, open, taproot_output_key, verify};
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::scalar::Scalar;
use quorate_codec::Digest;
use quorate_curve::{Curve, NonIdentity, SecretScalar};
use quorate_identity::NodeId;
use sha2::{Digest as _, Sha512};

fn honest(_: u8, _: NodeId, _: NodeId, _: &mut Vec<u8>) {}

/// Rewrites the first item of what node 1 sends to node 2 in one round.
fn rewriting(
    round: u8,
    change: impl Fn(&mut Vec<u8>),
) -> impl Fn(u8, NodeId, NodeId, &mut Vec<u8>) {
    move |at, from, to, bytes| {
        if (at, from, to) == (round, node(1), node(2)) {
            edit(bytes, |items| change(&mut items[0]));
        }
    }
}

fn fault_of(ends: &Ends, number: u8) -> Fault {
    ends[&node(number)].as_ref().unwrap_err().fault.clone()
}

fn attack<S: Suite>(round: u8, change: impl Fn(&mut Vec<u8>)) -> Fault {
    let plans = Key::<S>::new(3, 1).plans(&[&MESSAGE], Tweak::None);
    fault_of(&run(plans, rewriting(round, change)), 2)
}

#[test]
fn any_number_of_parties_signs_ed25519_and_dalek_agrees_strictly() {
    for parties in 1..=4 {
        let key = Key::<Ed25519>::new(parties, 1);
        let messages: [&[u8]; 3] = [b"", b"one", &[7; 1000]];
        let ends = run(key.plans(&messages, Tweak::None), honest);
        assert_eq!(ends.len(), usize::from(parties));
        let public = key.public().to_bytes()[..].try_into().unwrap();
        let dalek = ed25519_dalek::VerifyingKey::from_bytes(&public).unwrap();
        for end in ends.values() {
            let signatures = end.as_ref().unwrap();
            for (signature, message) in signatures.iter().zip(messages) {
                let bytes = signature.bytes();
                let parsed = ed25519_dalek::Signature::from_bytes(bytes);
                dalek.verify_strict(message, &parsed).unwrap();
                assert!(cofactored(&public, message, bytes));
            }
        }
    }
}

#[test]
fn bip340_signs_with_and_without_tweak_whatever_the_parity() {
    // Seeds give keys of even and of odd y.
    for seed in 1..=6 {
        for tweak in [Tweak::None, Tweak::TaprootKeyPath] {
            let key = Key::<Bip340>::new(2, seed);
            let ends = run(key.plans(&[&MESSAGE, &MESSAGE], tweak), honest);
            let signatures = ends[&node(1)].as_ref().unwrap();
            assert_eq!(ends[&node(2)].as_ref(), Ok(signatures));
            assert_ne!(signatures[0], signatures[1]);
            let x_only = match tweak {
                Tweak::None => key.public().to_bytes()[1..].try_into().unwrap(),
                Tweak::TaprootKeyPath => taproot_output_key(&key.public()).unwrap(),
            };
            let library = k256::schnorr::VerifyingKey::from_bytes(&x_only).unwrap();
            for signature in signatures {
                let parsed = signature.bytes().as_slice().try_into().unwrap();
                library.verify_raw(&MESSAGE, &parsed).unwrap();
            }
        }
    }
}

/// SCH-11: a signature under one output key is none under the other.
#[test]
fn neg_028_a_signature_without_the_tweak_spends_nothing() {
    let key = Key::<Bip340>::new(2, 1);
    let (plain, taproot) = (Tweak::None, Tweak::TaprootKeyPath);
    for (made, claimed) in [(plain, taproot), (taproot, plain)] {
        let ends = run(key.plans(&[&MESSAGE], made), honest);
        let bytes = *ends[&node(1)].as_ref().unwrap()[0].bytes();
        assert!(verify::<Bip340>(&key.public(), made, &MESSAGE, &bytes).is_ok());
        assert!(verify::<Bip340>(&key.public(), claimed, &MESSAGE, &bytes).is_err());
    }
    // Parties that disagree about it find out before any share leaves.
    let mut plans = key.plans(&[&MESSAGE], taproot);
    plans[0].tweak = plain;
    let ends = run(plans, honest);
    assert_eq!(fault_of(&ends, 2), Fault::Peers(Vec::new()));
}

#[test]
fn plans_that_do_not_fit_are_the_callers_fault() {
    fn fault<S: Suite>(messages: &[&[u8]], tweak: Tweak) -> Option<Fault> {
        let plan = Key::<S>::new(2, 1).plan(1, messages, tweak);
        open(plan, &mut rng(1)).err().map(|error| error.fault)
    }
    assert_eq!(fault::<Ed25519>(&[b"any"], Tweak::None), None);
    assert_eq!(fault::<Ed25519>(&[b"any"], Tweak::TaprootKeyPath), Some(Fault::Caller));
    assert_eq!(fault::<Ed25519>(&[], Tweak::None), Some(Fault::Caller));
    assert_eq!(fault::<Bip340>(&[&MESSAGE[1..]], Tweak::None), Some(Fault::Caller));
    let mut plan = Key::<Ed25519>::new(2, 1).plan(1, &[b"m"], Tweak::None);
    plan.me = node(9);
    assert_eq!(open(plan, &mut rng(1)).err().unwrap().fault, Fault::Caller);
    assert_eq!(fault::<Ed25519>(&[b"any".as_slice(); 64], Tweak::None), None);
    assert_eq!(fault::<Ed25519>(&[b"any".as_slice(); 65], Tweak::None), Some(Fault::Caller));
    let mut plan = Key::<Ed25519>::new(2, 1).plan(1, &[b"m"], Tweak::None);
    plan.public_key = Key::<Ed25519>::new(2, 2).public();
    assert_eq!(open(plan, &mut rng(1)).err().unwrap().fault, Fault::Caller);
    let mut plan = Key::<Ed25519>::new(2, 1).plan(1, &[b"m"], Tweak::None);
    plan.share = SecretScalar::random(&mut rng(3));
    assert_eq!(open(plan, &mut rng(1)).err().unwrap().fault, Fault::Machine);
}

/// SCH-04.
#[test]
fn neg_006_a_commitment_is_never_the_identity() {
    let guilty = Fault::Peers(vec![node(1)]);
    let identity = |item: &mut Vec<u8>| {
        item[..32].fill(0);
        item[0] = 1;
    };
    assert_eq!(attack::<Ed25519>(1, identity), guilty);
    assert_eq!(attack::<Bip340>(1, |item| item[33..].fill(0)), guilty);
}

/// SCH-04.
#[test]
fn neg_008_small_and_mixed_order_commitments_are_refused() {
    for torsion in &EIGHT_TORSION[1..] {
        let mixed = ED25519_BASEPOINT_POINT + torsion;
        for point in [*torsion, mixed] {
            let bytes = point.compress().to_bytes();
            let fault = attack::<Ed25519>(1, |item| item[32..].copy_from_slice(&bytes));
            assert_eq!(fault, Fault::Peers(vec![node(1)]));
        }
    }
}

/// SCH-12: strict where verifiers differ, so that nobody can be made to disagree.
#[test]
fn neg_008_signatures_that_only_some_verifiers_accept_are_none() {
    let key = Key::<Ed25519>::new(2, 1);
    let ends = run(key.plans(&[b"m"], Tweak::None), honest);
    let good = *ends[&node(1)].as_ref().unwrap()[0].bytes();
    let check = |bytes: &[u8]| verify::<Ed25519>(&key.public(), Tweak::None, b"m", bytes);
    assert!(check(&good).is_ok());
    // s + order: the same equation, another signature.
    let mut unreduced = good;
    let order = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0_u16;
    for (byte, add) in unreduced[32..].iter_mut().zip(order) {
        carry += u16::from(*byte) + add;
        *byte = carry as u8;
        carry >>= 8;
    }
    assert!(check(&unreduced).is_err());
    // R plus torsion, which a cofactored verifier would let pass for another challenge.
    let nonce = CompressedEdwardsY(good[..32].try_into().unwrap()).decompress().unwrap();
    let mut mixed = good;
    mixed[..32].copy_from_slice((nonce + EIGHT_TORSION[1]).compress().as_bytes());
    assert!(check(&mixed).is_err());
    assert!(check(&good[..63]).is_err());
}

/// SCH-04, SCH-08.
#[test]
fn neg_009_unreduced_shares_and_other_encodings_are_malformed() {
    let guilty = Fault::Peers(vec![node(1)]);
    assert_eq!(attack::<Ed25519>(2, |item| item.fill(0xff)), guilty);
    assert_eq!(attack::<Bip340>(2, |item| item.fill(0xff)), guilty);
    assert_eq!(attack::<Bip340>(1, |item| item[0] = 4), guilty);
    assert_eq!(attack::<Ed25519>(1, |item| item.truncate(63)), guilty);
}

/// SCH-03.
#[test]
fn neg_007_lists_have_exactly_one_item_for_every_message() {
    for change in [(|items| items.clear()) as fn(&mut Vec<Vec<u8>>), |items| {
        items.push(items[0].clone());
    }] {
        for round in [1, 2] {
            let plans = Key::<Ed25519>::new(2, 1).plans(&[b"m"], Tweak::None);
            let ends = run(plans, |at, from, _, bytes| {
                if (at, from) == (round, node(1)) {
                    edit(bytes, change);
                }
            });
            assert_eq!(fault_of(&ends, 2), Fault::Peers(vec![node(1)]));
        }
    }
}

/// SCH-06: a message of another run names nobody, because a third party can cause it.
#[test]
fn neg_021_other_terms_or_contexts_end_the_session() {
    let key = Key::<Ed25519>::new(2, 1);
    let mut plans = key.plans(&[b"m"], Tweak::None);
    plans[0].terms = Digest::ZERO;
    assert_eq!(fault_of(&run(plans, honest), 2), Fault::Peers(Vec::new()));

    let (one, first) = open(key.plan(1, &[b"m"], Tweak::None), &mut rng(1)).unwrap();
    let (two, second) = open(key.plan(2, &[b"m"], Tweak::None), &mut rng(2)).unwrap();
    let (_, share) = one.handle(Digest([1; 32]), &[(node(2), second)].into()).unwrap();
    let (two, _) = two.handle(CONTEXT, &[(node(1), first)].into()).unwrap();
    let error = two.handle(&[(node(1), share)].into()).unwrap_err();
    assert_eq!(error.fault, Fault::Peers(Vec::new()));
}

/// SCH-05: every message has two nonces of its own, and they enter together with a factor over
/// everybody's commitments.
#[test]
fn neg_029_parallel_sessions_and_messages_share_no_nonce() {
    let key = Key::<Ed25519>::new(2, 1);
    let (_, first) = open(key.plan(1, &[b"m", b"m"], Tweak::None), &mut rng(1)).unwrap();
    let (_, again) = open(key.plan(1, &[b"m", b"m"], Tweak::None), &mut rng(2)).unwrap();
    let mut points = std::collections::BTreeSet::new();
    for mut bytes in [first, again] {
        edit(&mut bytes, |items| {
            points.extend(items.iter().flat_map(|item| [item[..32].to_vec(), item[32..].to_vec()]));
        });
    }
    assert_eq!(points.len(), 8);
}

/// SCH-05: hedged with everything that is known, a seed that comes twice repeats no nonce for
/// another message, quorum or session; never derived from the message alone, it repeats none for
/// the same message under a fresh seed either (N-41).
#[test]
fn neg_037_nonces_follow_from_seed_share_and_terms() {
    let key = Key::<Ed25519>::new(2, 1);
    let first = |plan, seed| open(plan, &mut rng(seed)).unwrap().1;
    let plan = || key.plan(1, &[b"m"], Tweak::None);
    let item = |mut bytes: Vec<u8>| {
        let mut item = Vec::new();
        edit(&mut bytes, |items| item = items[0].clone());
        item
    };
    let base = item(first(plan(), 1));
    assert_eq!(item(first(plan(), 1)), base);
    assert_ne!(item(first(plan(), 2)), base);
    let mut other_terms = plan();
    other_terms.terms = Digest::ZERO;
    assert_ne!(item(first(other_terms, 1)), base);
    assert_ne!(item(first(key.plan(1, &[b"n"], Tweak::None), 1)), base);
    assert_ne!(item(first(Key::<Ed25519>::new(2, 9).plan(1, &[b"m"], Tweak::None), 1)), base);
    assert_ne!(item(first(Key::<Ed25519>::new(3, 1).plan(1, &[b"m"], Tweak::None), 1)), base);
}

/// A source of randomness that is stuck.
struct Stuck;

impl rand_core::RngCore for Stuck {
    fn next_u32(&mut self) -> u32 {
        7
    }

    fn next_u64(&mut self) -> u64 {
        7
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.fill(7);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        bytes.fill(7);
        Ok(())
    }
}

impl rand_core::CryptoRng for Stuck {}

/// SCH-05: where nothing is fresh, equal messages of one session still have nonces of their own, and
/// so has each tweak.
#[test]
fn neg_037_a_stuck_source_repeats_no_nonce() {
    let key = Key::<Bip340>::new(2, 1);
    let mut items = std::collections::BTreeSet::new();
    for tweak in [Tweak::None, Tweak::TaprootKeyPath] {
        let plan = key.plan(1, &[&MESSAGE, &MESSAGE], tweak);
        edit(&mut open(plan, &mut Stuck).unwrap().1, |said| {
            items.extend(said.iter().flat_map(|it| [it[..33].to_vec(), it[33..].to_vec()]));
        });
    }
    assert_eq!(items.len(), 8);
}

/// SCH-13: exactly the liars are named, by every honest party, whatever the scheme and tweak.
#[test]
fn neg_042_a_wrong_share_names_its_author_and_gives_no_signature() {
    fn lies<S: Suite>(tweak: Tweak, liars: &[u8]) {
        let plans = Key::<S>::new(4, 2).plans(&[&MESSAGE, &MESSAGE], tweak);
        let guilty: Vec<NodeId> = liars.iter().copied().map(node).collect();
        let ends = run(plans, |round, from, _, bytes| {
            if round == 2 && guilty.contains(&from) {
                // At another place of each, lest what they change cancels: that would be no lie.
                let place = usize::from(from.0.0[0]);
                edit(bytes, |items| items[1][place] ^= 1);
            }
        });
        for (_, end) in ends.iter().filter(|(node, _)| !guilty.contains(node)) {
            assert_eq!(end.as_ref().unwrap_err().fault, Fault::Peers(guilty.clone()));
        }
    }
    lies::<Ed25519>(Tweak::None, &[1]);
    lies::<Ed25519>(Tweak::None, &[2, 4]);
    lies::<Bip340>(Tweak::None, &[3]);
    lies::<Bip340>(Tweak::TaprootKeyPath, &[1, 2]);
}

/// SCH-12: one wrong signature among several, and none comes out.
#[test]
fn neg_043_no_signature_comes_out_of_a_session_that_failed() {
    let plans = Key::<Ed25519>::new(2, 1).plans(&[b"a", b"b"], Tweak::None);
    let ends = run(plans, |round, from, _, bytes| {
        if (round, from) == (2, node(1)) {
            edit(bytes, |items| items[1][0] ^= 1);
        }
    });
    assert!(ends[&node(2)].is_err());
    assert!(ends[&node(1)].is_ok());
}

/// SCH-12, CUR-07: what is wrong in one signature is not made good by another.
#[test]
fn neg_043_errors_of_several_signatures_do_not_cancel() {
    fn cancels<S: Suite>() {
        let messages: [&[u8]; 3] = [&MESSAGE; 3];
        let plans = Key::<S>::new(2, 1).plans(&messages, Tweak::None);
        let ends = run(plans, |round, from, _, bytes| {
            if (round, from) == (2, node(1)) {
                edit(bytes, |items| {
                    let read = |item: &[u8]| quorate_curve::Scalar::<S::Curve>::from_bytes(item);
                    let (one, two) = (read(&items[1]).unwrap(), read(&items[2]).unwrap());
                    let more = quorate_curve::Scalar::one();
                    items[1] = (one + more).to_bytes().to_vec();
                    items[2] = (two - more).to_bytes().to_vec();
                });
            }
        });
        assert_eq!(fault_of(&ends, 2), Fault::Peers(vec![node(1)]));
    }
    cancels::<Ed25519>();
    cancels::<Bip340>();
}

/// SCH-07: a quorum is a map of nodes; who sends what is known from the channel.
#[test]
fn neg_030_a_round_takes_exactly_one_message_of_each_other_party() {
    let key = Key::<Ed25519>::new(3, 1);
    let open = |number: u8| open(key.plan(number, &[b"m"], Tweak::None), &mut rng(number)).unwrap();
    let firsts: Vec<Vec<u8>> = (1..=3).map(|number| open(number).1).collect();
    let letters = |numbers: &[u8]| {
        let letter = |number: &u8| (node(*number), firsts[usize::from(*number) - 1].clone());
        numbers.iter().map(letter).collect()
    };
    let fault = |letters| open(1).0.handle(CONTEXT, &letters).err().map(|error| error.fault);
    assert_eq!(fault(letters(&[2, 3])), None);
    assert_eq!(fault(letters(&[2])), Some(Fault::Caller));
    assert_eq!(fault(letters(&[1, 2, 3])), Some(Fault::Caller));
    let mut stranger = letters(&[2]);
    stranger.insert(node(9), firsts[2].clone());
    assert_eq!(fault(stranger), Some(Fault::Caller));
}

/// SCH-13.
#[test]
fn neg_079_errors_hold_no_value() {
    let plans = Key::<Ed25519>::new(2, 1).plans(&[b"m"], Tweak::None);
    let ends = run(plans, rewriting(2, |item| item[0] ^= 1));
    let error = ends[&node(2)].as_ref().unwrap_err();
    assert_eq!(error.to_string(), "a signature share is wrong");
}

/// The cofactored equation, written out: [8]sB = [8]R + [8]kA.
fn cofactored(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let (nonce, s) = signature.split_at(32);
    let point = |bytes: &[u8]| CompressedEdwardsY(bytes.try_into().unwrap()).decompress().unwrap();
    let hash = Sha512::new().chain_update(nonce).chain_update(public).chain_update(message);
    let challenge = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
    let s = Scalar::from_canonical_bytes(s.try_into().unwrap()).unwrap();
    let left = ED25519_BASEPOINT_POINT * s;
    (left - point(nonce) - point(public) * challenge).mul_by_cofactor() == Default::default()
}

/// Both curves encode points as their trait says, which the messages rely on.
#[test]
fn commitments_have_the_length_of_two_points() {
    fn check<S: Suite>() {
        let (_, mut first) =
            open(Key::<S>::new(2, 1).plan(1, &[&MESSAGE], Tweak::None), &mut rng(1)).unwrap();
        edit(&mut first, |items| {
            let bytes = S::Curve::POINT_BYTES;
            assert_eq!(items[0].len(), 2 * bytes);
            assert!(NonIdentity::<S::Curve>::from_bytes(&items[0][bytes..]).is_ok());
        });
    }
    check::<Ed25519>();
    check::<Bip340>();
}
