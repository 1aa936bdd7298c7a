//! Honest runs, and one test per attack on this engine.

use crate::fixture::{DIGEST, Ends, Key, node, pair_up, refused_offer, run, setup};
use crate::pair::Setup;
use crate::sign::{self, Letters};
use crate::wire::edit;
use crate::{EcdsaError, Fault, verify};
use k256::ecdsa::signature::hazmat::PrehashVerifier;
use k256::ecdsa::{Signature as Library, VerifyingKey};
use quorate_codec::Digest;
use quorate_identity::NodeId;

// Offsets in the items of rounds 1 and 2.
const MATRIX: usize = 96;
const ROW: usize = 78;
const GAMMA_U: usize = 32;
const PSI: usize = 98;
const PUBLIC_SHARE: usize = 130;
const NONCE_POINT: usize = 163;
const TAU: usize = 260;

fn honest(_: u8, _: NodeId, _: NodeId, _: &mut Vec<u8>) {}

/// Rewrites the item that node 1 sends to node 2 in one round.
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

fn attack(round: u8, change: impl Fn(&mut Vec<u8>)) -> Fault {
    fault_of(&run(Key::new(2).plans(&[DIGEST]), rewriting(round, change)), 2)
}

fn flip(offset: usize) -> impl Fn(&mut Vec<u8>) {
    move |item| item[offset] ^= 1
}

#[test]
fn two_and_three_parties_sign_one_or_several_digests() {
    for parties in [2, 3] {
        let key = Key::new(parties);
        let digests = [DIGEST, DIGEST, [0; 32], [0xff; 32]];
        let ends = run(key.plans(&digests), honest);
        assert_eq!(ends.len(), usize::from(parties));
        let library = VerifyingKey::from_sec1_bytes(&key.public().to_bytes()).unwrap();
        let signatures = ends[&node(1)].as_ref().unwrap();
        for (signature, digest) in signatures.iter().zip(&digests) {
            let parsed = Library::from_slice(signature.bytes()).unwrap();
            library.verify_prehash(digest, &parsed).unwrap();
        }
        // Everybody holds the same, and no nonce serves twice.
        assert!(ends.values().all(|end| end.as_ref() == Ok(signatures)));
        assert_ne!(signatures[0].bytes()[..32], signatures[1].bytes()[..32]);
    }
}

#[test]
fn a_stored_setup_signs_and_a_damaged_one_is_noticed() {
    let key = Key::new(2);
    let mut plans = key.plans(&[DIGEST]);
    let stored = setup(node(1), node(2)).to_bytes();
    assert_eq!(stored.len(), Setup::BYTES);
    let restored = Setup::from_bytes(&stored).unwrap();
    assert_eq!(restored.to_bytes(), stored);
    plans[0].pairs.insert(node(2), restored.into());
    assert!(run(plans, honest).values().all(Result::is_ok));
    for damage in [0, 1] {
        let mut damaged = stored.to_vec();
        damaged[damage] = 7;
        assert_eq!(Setup::from_bytes(&damaged).unwrap_err().fault, Fault::Machine);
    }
    assert!(Setup::from_bytes(&stored[1..]).is_err());
}

#[test]
fn plans_that_do_not_fit_are_the_callers_fault() {
    let key = Key::new(2);
    let fault = |change: &dyn Fn(&mut sign::Plan)| {
        let mut plan = key.plan(1, &[DIGEST]);
        change(&mut plan);
        sign::start(plan).err().map(|error| error.fault)
    };
    assert_eq!(fault(&|_| {}), None);
    assert_eq!(fault(&|plan| plan.digests.clear()), Some(Fault::Caller));
    assert_eq!(fault(&|plan| plan.pairs.clear()), Some(Fault::Caller));
    assert_eq!(fault(&|plan| plan.me = node(3)), Some(Fault::Caller));
    assert_eq!(fault(&|plan| plan.parties.retain(|party| *party == node(1))), Some(Fault::Caller));
    let alone = crate::pair::Plan { context: Digest::ZERO, me: node(1), peer: node(1) };
    assert_eq!(crate::pair::start(alone).err().unwrap().fault, Fault::Caller);
}

/// ECD-10: the first message already differs, before anything depends on a share.
#[test]
fn neg_021_other_digests_quorums_or_bindings_are_other_sessions() {
    let key = Key::new(2);
    for change in [
        (|plan| plan.digests[0][0] ^= 1) as fn(&mut sign::Plan),
        |plan| plan.digests.push(DIGEST),
        |plan| plan.binding = Digest::ZERO,
    ] {
        let mut plans = key.plans(&[DIGEST]);
        change(&mut plans[0]);
        let ends = run(plans, honest);
        assert_eq!(fault_of(&ends, 1), Fault::Peers(Vec::new()));
        assert_eq!(fault_of(&ends, 2), Fault::Peers(Vec::new()));
    }
}

/// ECD-07, ECD-12: a check that fails would leak if it were repeated.
#[test]
fn neg_031_a_failed_check_is_cheating() {
    let cheater = Fault::Cheater(node(1));
    // Every row of the matrix, so that the check fails whatever the choice bits are.
    let matrix = |item: &mut Vec<u8>| (0..256).for_each(|row| item[MATRIX + row * ROW] ^= 1);
    assert_eq!(attack(1, matrix), cheater);
    for offset in [TAU + 31, PUBLIC_SHARE, GAMMA_U] {
        let offset_fault = attack(2, flip(offset));
        assert_eq!(offset_fault, cheater, "offset {offset}");
    }
    // Base transfers: the seed of the last encryption's base point, a response of the proof.
    for offset in [33 + 33 + 4 + 31, 33 + 64 * 69 + 32] {
        assert_eq!(refused_offer(|items| items[0][offset] ^= 1), cheater, "offset {offset}");
    }
}

/// ECD-03, ECD-06: what is merely malformed is caught before the library sees it.
#[test]
fn neg_031_a_malformed_message_is_a_fault_but_no_cheating() {
    let malformed = Fault::Peers(vec![node(1)]);
    assert_eq!(attack(1, |item| item.truncate(100)), malformed);
    assert_eq!(attack(1, |item| item.push(0)), malformed);
    assert_eq!(attack(2, |item| item[PSI..PSI + 32].fill(0xff)), malformed);
    assert_eq!(attack(2, |item| item[TAU..TAU + 32].fill(0xff)), malformed);
    assert_eq!(attack(2, |item| item[GAMMA_U] = 4), malformed);
    assert_eq!(attack(3, |item| item[32..].fill(0xff)), malformed);
    // The identity where a point stands; lengths are those of every message.
    assert_eq!(refused_offer(|items| items[0][..33].fill(0)), malformed);
}

/// ECD-08.
#[test]
fn neg_024_the_half_seed_was_fixed_before_the_other_was_seen() {
    let setup = pair_up(node(1), node(2), |bytes| edit(bytes, |items| items[0][0] ^= 1));
    let error: EcdsaError = setup.unwrap_err();
    assert_eq!(error.fault, Fault::Peers(vec![node(1)]));
}

/// ECD-05: nobody is accused, because a third party can cause it.
#[test]
fn neg_017_a_set_up_takes_no_message_of_another() {
    let start = |context| {
        let context = Digest([context; 32]);
        crate::pair::start(crate::pair::Plan { context, me: node(1), peer: node(2) }).unwrap()
    };
    let ((one, _), (two, own)) = (start(1), start(2));
    assert_eq!(one.handle(&own).err().unwrap().fault, Fault::Peers(Vec::new()));
    // Reflected to its author: the direction does not fit, and its own proof does not hold.
    assert!(two.handle(&own).is_err());
}

/// ECD-11: fresh bytes of both ends enter every extension, so no pad is ever used twice, not
/// even if a session id came again.
#[test]
fn neg_033_two_runs_of_one_session_share_no_transfer() {
    let key = Key::new(2);
    let letter = || sign::start(key.plan(1, &[DIGEST])).unwrap().1.remove(&node(2)).unwrap();
    let (one, two) = (letter(), letter());
    let row = 40 + MATRIX..40 + MATRIX + ROW;
    assert_ne!(one[row.clone()], two[row]);
}

/// ECD-11, ECD-13: node 1 plays two sessions at once, with one nonce or share towards node 2 and
/// another towards node 3.
#[test]
fn neg_034_different_inputs_in_two_pairs_give_no_signature() {
    let key = Key::new(3);
    let other_share = |plan: &mut sign::Plan| {
        plan.share = plan.share.plus_public(quorate_curve::Scalar::one());
    };
    for change in [(|_| {}) as fn(&mut sign::Plan), other_share] {
        let mut other = key.plan(1, &[DIGEST]);
        change(&mut other);
        let starts =
            [key.plan(1, &[DIGEST]), other, key.plan(2, &[DIGEST]), key.plan(3, &[DIGEST])]
                .map(|plan| sign::start(plan).unwrap());
        let [(liar, to_two), (twin, to_three), (two, from_two), (three, from_three)] = starts;
        let mail = |to: u8, letters: [(u8, &Letters); 2]| -> Letters {
            letters.map(|(from, all)| (node(from), all[&node(to)].clone())).into()
        };
        let heard = mail(1, [(2, &from_two), (3, &from_three)]);
        let (_, liar_letters) = liar.handle(&heard).unwrap();
        let (_, twin_letters) = twin.handle(&heard).unwrap();
        let (two, two_letters) = two.handle(&mail(2, [(1, &to_two), (3, &from_three)])).unwrap();
        let (three, three_letters) =
            three.handle(&mail(3, [(1, &to_three), (2, &from_two)])).unwrap();
        let two = two.handle(&mail(2, [(1, &liar_letters), (3, &three_letters)]));
        let three = three.handle(&mail(3, [(1, &twin_letters), (2, &two_letters)]));
        let nobody = Fault::Peers(Vec::new());
        match (two, three) {
            // Another nonce: the nonce points differ, and no signature comes out.
            (Ok((two, _)), Ok((_, part))) => {
                let parts = Letters::from([(node(1), part.clone()), (node(3), part)]);
                assert_eq!(two.handle(&parts).unwrap_err().fault, nobody);
            }
            // Another share: not a sharing of the key.
            (_, three) => assert_eq!(three.err().unwrap().fault, nobody),
        }
    }
}

/// ECD-12: the committed nonce point cannot change, and nobody is quarantined for trying.
#[test]
fn neg_024_an_opening_that_does_not_fit_names_its_sender() {
    for offset in [PSI + 31, NONCE_POINT] {
        assert_eq!(attack(2, flip(offset)), Fault::Peers(vec![node(1)]), "offset {offset}");
    }
}

/// ECD-13: among two it was the other one; among three nobody is accused.
#[test]
fn neg_043_a_wrong_part_gives_no_signature() {
    assert_eq!(attack(3, flip(31)), Fault::Peers(vec![node(1)]));
    let ends = run(Key::new(3).plans(&[DIGEST]), rewriting(3, flip(63)));
    assert_eq!(fault_of(&ends, 2), Fault::Peers(Vec::new()));
    // Node 3 got the right part, and what it holds verifies.
    let signature = &ends[&node(3)].as_ref().unwrap()[0];
    assert!(verify(&Key::new(3).public(), &DIGEST, signature.bytes()).is_ok());
}

/// ECD-11: sessions over one set-up do not touch each other.
#[test]
fn neg_044_sessions_interleave_and_fail_alone() {
    let key = Key::new(2);
    let plans = |binding: u8| {
        let mut plans = key.plans(&[DIGEST]);
        plans.iter_mut().for_each(|plan| plan.binding = Digest([binding; 32]));
        plans
    };
    let begun: Vec<_> = [plans(1), plans(2)]
        .into_iter()
        .map(|plans| plans.into_iter().map(|plan| sign::start(plan).unwrap()).collect::<Vec<_>>())
        .collect();
    assert!(run(plans(3), honest).values().all(Result::is_ok));
    // A letter of the second session is none of the first.
    let mut begun = begun.into_iter();
    let (mut first, mut second) = (begun.next().unwrap(), begun.next().unwrap());
    let (expect, _) = first.remove(0);
    let (_, strange) = second.remove(1);
    let strange = Letters::from([(node(2), strange[&node(1)].clone())]);
    assert_eq!(expect.handle(&strange).err().unwrap().fault, Fault::Peers(Vec::new()));
    assert!(run(plans(1), honest).values().all(Result::is_ok));
}

/// ECD-09: neither a set-up nor an error shows a secret.
#[test]
fn neg_079_nothing_prints_a_secret() {
    assert_eq!(format!("{:?}", setup(node(1), node(2))), "Setup(secret)");
    let error = attack(3, flip(0));
    assert!(format!("{error:?}").len() < 200);
}
