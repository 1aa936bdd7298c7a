//! Honest runs, and one test per attack on this engine.

use crate::fixture::{DIGEST, Ends, Key, node, pair_up, rng, run, setup};
use crate::sign::{self, Letters};
use crate::{EcdsaCurve, Fault, verify};
use proptest::prelude::*;
use quorate_codec::Digest;
use quorate_curve::{P256, Scalar, Secp256k1};
use quorate_identity::NodeId;
use quorate_pair::Setup;

// Where the parts of messages begin, for one digest: name and commitment; the extension (nonce,
// corrections, hash of choices, of strings). Name, nonce, corrections, η, μ; R, Γ^u, Γ^v, ψ, pk.
const COMMITMENT: usize = 32;
const EXTENSION: usize = 64;
const EXTENSION_BYTES: usize = 32 + 31 * 84 + 64;
const CORRECTIONS: usize = 64;
const ETA: usize = CORRECTIONS + 3 * 416 * 32;
const NONCE_POINT: usize = ETA + 64;
const GAMMA_U: usize = NONCE_POINT + 33;
const GAMMA_V: usize = GAMMA_U + 33;
const PSI: usize = GAMMA_V + 33;
const PUBLIC: usize = PSI + 32;

fn honest(_: u8, _: NodeId, _: NodeId, _: &mut Vec<u8>) {}

/// Rewrites what node 1 sends to node 2 in one round.
fn rewriting(
    round: u8,
    change: impl Fn(&mut Vec<u8>),
) -> impl Fn(u8, NodeId, NodeId, &mut Vec<u8>) {
    move |at, from, to, bytes| {
        if (at, from, to) == (round, node(1), node(2)) {
            change(bytes);
        }
    }
}

fn fault_of(ends: &Ends, number: u8) -> Fault {
    ends[&node(number)].as_ref().unwrap_err().fault.clone()
}

/// What node 2 of two or three says of node 1.
fn attack<C: EcdsaCurve>(parties: u8, round: u8, change: impl Fn(&mut Vec<u8>)) -> Fault {
    let plans = Key::<C>::new(parties).plans(&[DIGEST]);
    fault_of(&run(plans, 1, rewriting(round, change)), 2)
}

fn flip(offset: usize) -> impl Fn(&mut Vec<u8>) {
    move |bytes| bytes[offset] ^= 1
}

fn parties_sign<C: EcdsaCurve>() {
    for parties in [2, 3, 5] {
        let key = Key::<C>::new(parties);
        let digests = [DIGEST, DIGEST, [0; 32], [0xff; 32]];
        let ends = run(key.plans(&digests), 1, honest);
        assert_eq!(ends.len(), usize::from(parties));
        let signatures = ends[&node(1)].as_ref().unwrap();
        for (signature, digest) in signatures.iter().zip(&digests) {
            let verified = verify(&key.public(), digest, signature.bytes()).unwrap();
            // The id that came with it is the one that is found.
            assert_eq!(&verified, signature);
        }
        // Everybody holds the same, and no nonce serves twice.
        assert!(ends.values().all(|end| end.as_ref() == Ok(signatures)));
        assert_ne!(signatures[0].bytes()[..32], signatures[1].bytes()[..32]);
    }
}

/// ECD-01, ECD-12.
#[test]
fn two_three_and_five_parties_sign_one_or_several_digests() {
    parties_sign::<Secp256k1>();
    parties_sign::<P256>();
}

/// ECD-12: a third library agrees.
#[test]
fn signatures_verify_elsewhere() {
    use k256::ecdsa::signature::hazmat::PrehashVerifier;
    let key = Key::<Secp256k1>::new(3);
    let library = k256::ecdsa::VerifyingKey::from_sec1_bytes(&key.public().to_bytes()).unwrap();
    let mut ids = [0; 4];
    for seed in 0..8 {
        let ends = run(key.plans(&[DIGEST; 4]), seed, honest);
        for signature in ends[&node(1)].as_ref().unwrap() {
            let parsed = k256::ecdsa::Signature::from_slice(signature.bytes()).unwrap();
            library.verify_prehash(&DIGEST, &parsed).unwrap();
            ids[usize::from(signature.recovery_id().unwrap())] += 1;
        }
    }
    assert!(ids[0] > 5 && ids[1] > 5 && ids[2] + ids[3] == 0, "{ids:?}");
}

#[test]
fn a_stored_set_up_signs() {
    let key = Key::<Secp256k1>::new(2);
    let mut plans = key.plans(&[DIGEST]);
    let stored = setup(node(1), node(2)).to_bytes();
    plans[0].pairs.insert(node(2), Setup::from_bytes(&stored).unwrap().into());
    assert!(run(plans, 1, honest).values().all(Result::is_ok));
}

#[test]
fn a_seed_gives_one_run() {
    let signed = |seed| {
        let ends = run(Key::<Secp256k1>::new(3).plans(&[DIGEST]), seed, honest);
        *ends[&node(1)].as_ref().unwrap()[0].bytes()
    };
    assert_eq!(signed(1), signed(1));
    assert_ne!(signed(1), signed(2));
}

/// ECD-01, ECD-02: a plan that does not fit is no session.
#[test]
fn plans_that_do_not_fit_are_the_callers_fault() {
    let key = Key::<Secp256k1>::new(2);
    let fault = |change: &dyn Fn(&mut sign::Plan<Secp256k1>)| {
        let mut plan = key.plan(1, &[DIGEST]);
        change(&mut plan);
        sign::start(plan, &mut rng(1)).err().map(|error| error.fault)
    };
    assert_eq!(fault(&|_| {}), None);
    assert_eq!(fault(&|plan| plan.digests.clear()), Some(Fault::Caller));
    assert_eq!(fault(&|plan| plan.digests = vec![DIGEST; 65]), Some(Fault::Caller));
    assert_eq!(fault(&|plan| plan.pairs.clear()), Some(Fault::Caller));
    let elsewhere = |plan: &mut sign::Plan<Secp256k1>| {
        plan.me = node(3);
        plan.pairs = [1, 2].map(|peer| (node(peer), setup(node(3), node(peer)))).into();
    };
    assert_eq!(fault(&elsewhere), Some(Fault::Caller));
    assert_eq!(fault(&|plan| plan.parties.retain(|party| *party == node(1))), Some(Fault::Caller));
}

/// ECD-04: a round takes one message of each other party, of nobody else.
#[test]
fn neg_020_messages_of_others_are_the_callers_fault() {
    let key = Key::<Secp256k1>::new(3);
    let (state, letters) = sign::start(key.plan(1, &[DIGEST]), &mut rng(1)).unwrap();
    let own = letters[&node(2)].clone();
    let messages = Letters::from([(node(2), own.clone()), (node(4), own)]);
    assert_eq!(state.handle(&messages, &mut rng(2)).err().unwrap().fault, Fault::Caller);
}

/// ECD-02, ECD-04: the first message already differs, before anything depends on a share or a
/// set-up, and nobody is accused.
#[test]
fn neg_021_other_digests_quorums_or_bindings_are_other_sessions() {
    let key = Key::<Secp256k1>::new(2);
    for change in [
        (|plan| plan.digests[0][0] ^= 1) as fn(&mut sign::Plan<Secp256k1>),
        |plan| plan.digests.push(DIGEST),
        |plan| plan.binding = Digest::ZERO,
        |plan| plan.public_key = Scalar::from_u64(5).commit().non_identity().unwrap(),
    ] {
        let mut plans = key.plans(&[DIGEST]);
        change(&mut plans[0]);
        let ends = run(plans, 1, honest);
        assert_eq!(fault_of(&ends, 1), Fault::Peers(Vec::new()));
        assert_eq!(fault_of(&ends, 2), Fault::Peers(Vec::new()));
    }
}

/// ECD-04: an older half of a set-up is noticed before it is used.
#[test]
fn neg_092_halves_of_two_set_ups_accuse_nobody() {
    let key = Key::<Secp256k1>::new(2);
    let mut plans = key.plans(&[DIGEST]);
    let (older, _) = pair_up(node(1), node(2), Digest([8; 32]));
    plans[0].pairs.insert(node(2), older.into());
    let ends = run(plans, 1, honest);
    assert_eq!(fault_of(&ends, 1), Fault::Peers(Vec::new()));
    assert_eq!(fault_of(&ends, 2), Fault::Peers(Vec::new()));
}

/// ECD-08: a check that fails would leak if it were repeated. All of these are made by node 1
/// alone, so only it is to blame, among three as well.
#[test]
fn neg_031_a_failed_check_is_cheating() {
    let cheater = Fault::Cheater(node(1));
    for parties in [2, 3] {
        let last = EXTENSION + EXTENSION_BYTES - 1;
        for offset in [EXTENSION, EXTENSION + 32, EXTENSION + 700, last - 32, last] {
            assert_eq!(attack::<Secp256k1>(parties, 1, flip(offset)), cheater, "{offset}");
        }
        for offset in [CORRECTIONS + 31, ETA + 31, ETA + 32, GAMMA_U, GAMMA_V, PUBLIC] {
            assert_eq!(attack::<Secp256k1>(parties, 2, flip(offset)), cheater, "{offset}");
            assert_eq!(attack::<P256>(parties, 2, flip(offset)), cheater, "{offset}");
        }
    }
}

/// ECD-03, ECD-04: what is merely malformed is a fault, but no cheating.
#[test]
fn neg_031_007_a_malformed_message_is_a_fault_but_no_cheating() {
    let malformed = Fault::Peers(vec![node(1)]);
    let attack =
        |parties, round, change: fn(&mut Vec<u8>)| attack::<Secp256k1>(parties, round, change);
    for round in 1..=3 {
        assert_eq!(attack(3, round, |bytes| bytes.truncate(31)), malformed);
        assert_eq!(attack(3, round, |bytes| bytes.truncate(bytes.len() - 1)), malformed);
        assert_eq!(attack(3, round, |bytes| bytes.push(0)), malformed);
    }
    assert_eq!(attack(3, 2, |bytes| bytes[PSI..PSI + 32].fill(0xff)), malformed);
    assert_eq!(attack(3, 2, |bytes| bytes[CORRECTIONS..CORRECTIONS + 32].fill(0xff)), malformed);
    for point in [NONCE_POINT, GAMMA_U, GAMMA_V, PUBLIC] {
        // Another form, and what could be read as the identity.
        let form = |bytes: &mut Vec<u8>| bytes[point] = 4;
        let zeros = |bytes: &mut Vec<u8>| bytes[point..point + 33].fill(0);
        assert_eq!(super::attacks::attack::<Secp256k1>(3, 2, form), malformed);
        assert_eq!(super::attacks::attack::<Secp256k1>(3, 2, zeros), malformed);
    }
    assert_eq!(attack(3, 3, |bytes| bytes[32..64].fill(0xff)), malformed);
    assert_eq!(attack(3, 3, |bytes| bytes[64..].fill(0xff)), malformed);
}

/// ECD-05, ECD-07: the committed nonce point cannot change, and nobody is quarantined for trying.
#[test]
fn neg_024_an_opening_that_does_not_fit_names_its_sender() {
    assert_eq!(attack::<Secp256k1>(2, 2, flip(NONCE_POINT)), Fault::Peers(vec![node(1)]));
}

/// ECD-04: who commits to different points towards different parties is found before anything of
/// round 2 is used, and severs no two honest nodes.
#[test]
fn neg_034_different_commitments_are_found_before_a_set_up_is_used() {
    let plans = Key::<Secp256k1>::new(3).plans(&[DIGEST]);
    let ends = run(plans, 1, rewriting(1, flip(COMMITMENT)));
    for party in [2, 3] {
        assert_eq!(fault_of(&ends, party), Fault::Peers(Vec::new()));
    }
}

/// ECD-06, ECD-09: node 1 plays two sessions at once, with one share or nonce towards node 2 and
/// another towards node 3.
#[test]
fn neg_034_different_inputs_in_two_pairs_give_no_signature() {
    let key = Key::<Secp256k1>::new(3);
    // With the other share everything that is drawn is another, too.
    for (is_share, seed) in [(true, 1), (false, 5)] {
        let mut other = key.plan(1, &[DIGEST]);
        if is_share {
            other.share = other.share.plus_public(Scalar::one());
        }
        let plans = [key.plan(1, &[DIGEST]), other, key.plan(2, &[DIGEST]), key.plan(3, &[DIGEST])];
        let mut seeds = [1, seed, 2, 3].into_iter();
        let [(liar, to_two), (twin, to_three), (two, from_two), (three, from_three)] =
            plans.map(|plan| sign::start(plan, &mut rng(seeds.next().unwrap())).unwrap());
        let mail = |to: u8, letters: [(u8, &Letters); 2]| -> Letters {
            letters.map(|(from, all)| (node(from), all[&node(to)].clone())).into()
        };
        let heard = mail(1, [(2, &from_two), (3, &from_three)]);
        let (_, liar_letters) = liar.handle(&heard, &mut rng(4)).unwrap();
        let (_, twin_letters) = twin.handle(&heard, &mut rng(4)).unwrap();
        let at_two = mail(2, [(1, &to_two), (3, &from_three)]);
        let at_three = mail(3, [(1, &to_three), (2, &from_two)]);
        let (two, two_letters) = two.handle(&at_two, &mut rng(6)).unwrap();
        let (three, three_letters) = three.handle(&at_three, &mut rng(7)).unwrap();
        let at_two = mail(2, [(1, &liar_letters), (3, &three_letters)]);
        let at_three = mail(3, [(1, &twin_letters), (2, &two_letters)]);
        // Nobody honest says anything of round 3.
        let nobody = Fault::Peers(Vec::new());
        let two = two.handle(&at_two).err().map(|error| error.fault);
        let three = three.handle(&at_three).err().map(|error| error.fault);
        assert_eq!((two, three), (Some(nobody.clone()), Some(nobody)));
    }
}

/// ECD-09: a party whose share is not what it should be: nobody is accused among three, the other
/// one among two.
#[test]
fn neg_004_078_shares_that_are_no_sharing_of_the_key_sign_nothing() {
    for (parties, fault) in [(2, Fault::Peers(vec![node(1)])), (3, Fault::Peers(Vec::new()))] {
        let mut plans = Key::<Secp256k1>::new(parties).plans(&[DIGEST]);
        plans[0].share = plans[0].share.plus_public(Scalar::one());
        let ends = run(plans, 1, honest);
        assert_eq!(fault_of(&ends, 2), fault);
        // Before anything of round 3 is said: nobody reveals a part of what is none.
        let reason = ends[&node(2)].as_ref().unwrap_err().reason;
        assert_eq!(reason, "the parties' shares are not a sharing of the key");
    }
}

/// ECD-10: among two it was the other one; among three nobody is accused.
#[test]
fn neg_043_078_a_wrong_part_gives_no_signature() {
    for offset in [32 + 31, 64 + 31] {
        let two = attack::<Secp256k1>(2, 3, flip(offset));
        assert_eq!(two, Fault::Peers(vec![node(1)]));
        let plans = Key::<Secp256k1>::new(3).plans(&[DIGEST]);
        let ends = run(plans, 1, rewriting(3, flip(offset)));
        assert_eq!(fault_of(&ends, 2), Fault::Peers(Vec::new()));
        // Node 3 got the right part, and what it holds verifies.
        assert!(ends[&node(3)].is_ok());
    }
}

/// ECD-10: a sum of zero has no inverse, and is no reason to panic.
#[test]
fn neg_012_a_denominator_of_zero_gives_no_signature() {
    let key = Key::<Secp256k1>::new(2);
    let ends = run(key.plans(&[DIGEST]), 1, |round, from, to, bytes: &mut Vec<u8>| {
        // What node 1 says becomes what would cancel out what node 2 said in the same run.
        if (round, from, to) == (3, node(1), node(2)) {
            bytes[32..64].copy_from_slice(&u_of_node_2());
        }
    });
    assert_eq!(fault_of(&ends, 2), Fault::Peers(vec![node(1)]));
}

/// The negative of u as node 2 says it in the run of seed 1.
fn u_of_node_2() -> [u8; 32] {
    let said = std::sync::Mutex::new([0; 32]);
    run(Key::<Secp256k1>::new(2).plans(&[DIGEST]), 1, |round, from, _, bytes: &mut Vec<u8>| {
        if (round, from) == (3, node(2)) {
            let u = Scalar::<Secp256k1>::from_bytes(&bytes[32..64]).unwrap();
            *said.lock().unwrap() = (Scalar::zero() - u).to_bytes();
        }
    });
    said.into_inner().unwrap()
}

/// ECD-11: a machine that comes back from a copy, generator and all, draws other nonces as soon as
/// the session is another one, and opens no nonce twice.
#[test]
fn neg_032_033_a_generator_that_repeats_itself_repeats_no_nonce() {
    let key = Key::<Secp256k1>::new(2);
    let start = |binding: u8| {
        let mut plan = key.plan(1, &[DIGEST]);
        plan.binding = Digest([binding; 32]);
        sign::start(plan, &mut rng(1)).unwrap().1.remove(&node(2)).unwrap()
    };
    let (one, two) = (start(1), start(2));
    for (from, to) in [(COMMITMENT, EXTENSION), (EXTENSION, EXTENSION + 32)] {
        assert_ne!(one[from..to], two[from..to]);
    }
    // In round 2 what was heard enters too: another message of the peer meets another nonce.
    let answer = |seed| {
        let (state, _) = sign::start(key.plan(1, &[DIGEST]), &mut rng(1)).unwrap();
        let (_, letters) = sign::start(key.plan(2, &[DIGEST]), &mut rng(seed)).unwrap();
        let heard = Letters::from([(node(2), letters[&node(1)].clone())]);
        state.handle(&heard, &mut rng(3)).unwrap().1.remove(&node(2)).unwrap()
    };
    assert_ne!(answer(4)[32..CORRECTIONS], answer(5)[32..CORRECTIONS]);
}

/// Sessions over one set-up do not touch each other.
#[test]
fn neg_044_sessions_interleave_and_fail_alone() {
    let key = Key::<Secp256k1>::new(2);
    let begun = |binding: u8, number: u8| {
        let mut plan = key.plan(number, &[DIGEST]);
        plan.binding = Digest([binding; 32]);
        sign::start(plan, &mut rng(number.into())).unwrap()
    };
    let ((one, _), (_, strange)) = (begun(1, 1), begun(2, 2));
    assert!(run(key.plans(&[DIGEST]), 3, honest).values().all(Result::is_ok));
    // A letter of the second session is none of the first.
    let strange = Letters::from([(node(2), strange[&node(1)].clone())]);
    let refused = one.handle(&strange, &mut rng(4)).err().unwrap();
    assert_eq!(refused.fault, Fault::Peers(Vec::new()));
    assert!(run(key.plans(&[DIGEST]), 1, honest).values().all(Result::is_ok));
}

#[test]
fn neg_079_nothing_prints_a_secret() {
    assert_eq!(format!("{:?}", setup(node(1), node(2))), "Setup(secret)");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// ECD-03 to ECD-10: no bit of any message can be changed and a signature come out at its
    /// receiver; an honest node is never named.
    #[test]
    fn neg_031_no_changed_message_leads_to_a_signature(
        round in 1..=3_u8, at in any::<prop::sample::Index>(), bit in 0..8,
    ) {
        let change = |bytes: &mut Vec<u8>| {
            let at = at.index(bytes.len());
            bytes[at] ^= 1_u8 << bit;
        };
        let plans = Key::<Secp256k1>::new(3).plans(&[DIGEST]);
        let ends = run(plans, 1, rewriting(round, change));
        prop_assert!(ends.get(&node(2)).is_none_or(Result::is_err));
        for error in ends.values().filter_map(|end| end.as_ref().err()) {
            let is_fair = match &error.fault {
                Fault::Peers(culprits) => culprits.is_empty() || *culprits == [node(1)],
                Fault::Cheater(culprit) => *culprit == node(1),
                Fault::Caller | Fault::Machine => false,
            };
            prop_assert!(is_fair, "{error:?}");
        }
    }
}
