//! Attacks with lengths, points, scalars and bytes.

use crate::harness::{
    Deal, Keys, all_accuse, dealing, dealt, node, others, verify_leaf_proofs, with_foresight,
    with_liar,
};
use proptest::prelude::*;
use quorate_codec::to_bytes;
use quorate_curve::{Ed25519, Secp256k1};
use quorate_keygen::{DealFault, Message2, Proof, SealPublic, Whose};

const TREE: &str = "2 of (1, 2, 3)";

fn malformed(fault: &DealFault) -> bool {
    *fault == DealFault::Malformed
}

/// DEAL-08: a longer vector would raise the threshold, a shorter one lower it. The liar commits
/// to its vector, so that nothing but the count gives it away.
#[test]
fn neg_007_vectors_that_are_longer_shorter_or_empty_are_refused() {
    let changes: [fn(&mut Message2); 9] = [
        |second| {
            let again = dealt(second).commitments[0][1].clone();
            dealing(second).commitments[0].push(again);
        },
        |second| drop(dealing(second).commitments[0].pop()),
        |second| dealing(second).commitments[0].clear(),
        |second| {
            let again = dealt(second).sealed[0].clone();
            dealing(second).sealed.push(again);
        },
        |second| dealing(second).sealed.clear(),
        |second| dealing(second).sealed[0].0.push(0),
        |second| dealing(second).sealed[0].0.truncate(79),
        |second| {
            let again = dealt(second).commitments[0].clone();
            dealing(second).commitments.push(again);
        },
        |second| dealing(second).commitments.clear(),
    ];
    for change in changes {
        let results = with_foresight::<Secp256k1>(TREE, 2, |_, lie| change(lie), 2);
        all_accuse(&results, &[2], malformed);
    }
}

/// DEAL-08, CUR-01.
#[test]
fn neg_005_points_that_are_none_are_refused() {
    let off_curve =
        |_, second: &mut Message2| dealing(second).commitments[0][1] = vec![2; 33].into();
    // x = 0x0202… is on secp256k1 or not; 0x05 is no tag at all.
    let no_tag = |_, second: &mut Message2| dealing(second).commitments[0][1][0] = 5;
    let short = |_, second: &mut Message2| dealing(second).commitments[0][0].truncate(32);
    let results = with_liar::<Secp256k1>(TREE, 2, |_, _| (), no_tag);
    all_accuse(&results, &[2], malformed);
    let results = with_liar::<Secp256k1>(TREE, 2, |_, _| (), short);
    all_accuse(&results, &[2], malformed);
    let results = with_liar::<Secp256k1>(TREE, 2, |_, _| (), off_curve);
    all_accuse(&results, &[2], |fault| matches!(fault, DealFault::Malformed | DealFault::Opening));
}

/// DEAL-08, CUR-03: also in the form that RFC 8032 would give it.
#[test]
fn neg_006_the_identity_is_no_commitment() {
    for column in [0, 1] {
        let identity = |_, second: &mut Message2| {
            let mut bytes = vec![0; 32];
            bytes[0] = 1;
            dealing(second).commitments[0][column] = bytes.into();
        };
        all_accuse(&with_liar::<Ed25519>(TREE, 2, |_, _| (), identity), &[2], malformed);
    }
}

/// DEAL-08, CUR-02: C_{i,0} plus a point of order two.
#[test]
fn neg_008_points_of_mixed_order_are_refused() {
    let mixed = |_, second: &mut Message2| {
        // (x, y) + (0, -1) = (-x, -y): p - y, and the other sign of x.
        let bytes: &mut Vec<u8> = &mut dealing(second).commitments[0][0];
        let sign = bytes[31] & 0x80;
        bytes[31] &= 0x7f;
        let mut borrow = 0_i32;
        for (at, byte) in bytes.iter_mut().enumerate() {
            let p = match at {
                0 => 0xed,
                31 => 0x7f,
                _ => 0xff,
            };
            let difference = p - i32::from(*byte) - borrow;
            borrow = i32::from(difference < 0);
            *byte = difference.rem_euclid(256) as u8;
        }
        bytes[31] |= sign ^ 0x80;
    };
    all_accuse(&with_liar::<Ed25519>(TREE, 2, |_, _| (), mixed), &[2], malformed);
}

/// DEAL-23, CUR-04: z + q is the same response in another form.
#[test]
fn neg_009_responses_have_one_form() {
    // The order of edwards25519, little-endian.
    let order = quorate_codec::hex::decode_array::<32>(
        "0xedd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
    )
    .unwrap();
    let change = |_, second: &mut Message2| {
        let mut bytes = to_bytes(&dealing(second).proofs[0]);
        // Three bytes of head, then two of challenge.
        let response = &mut bytes[5..37];
        let mut carry = 0_u16;
        for (byte, other) in response.iter_mut().zip(order) {
            let sum = u16::from(*byte) + u16::from(other) + carry;
            *byte = sum.to_le_bytes()[0];
            carry = sum >> 8;
        }
        dealing(second).proofs[0] = quorate_codec::minicbor::decode::<Proof>(&bytes).unwrap();
    };
    let results = with_liar::<Ed25519>(TREE, 2, |_, _| (), change);
    all_accuse(&results, &[2], |fault| *fault == DealFault::Possession);
}

/// DEAL-03, DEAL-08.
#[test]
fn neg_010_trailing_bytes_other_versions_and_other_messages_are_refused() {
    let lies: [fn(&mut Vec<u8>); 4] = [
        |bytes| bytes.push(0),
        |bytes| bytes[1] = 1,
        |bytes| bytes.truncate(40),
        |bytes| bytes.clear(),
    ];
    for lie in lies {
        let (mut deal, mut inboxes) = Deal::<Ed25519>::begin(TREE);
        for to in [1, 3] {
            lie(inboxes.get_mut(&node(to)).unwrap().get_mut(&node(2)).unwrap());
        }
        let results = others(deal.round1(inboxes), 2);
        all_accuse(&results, &[2], malformed);

        let (mut deal, inboxes) = Deal::<Ed25519>::begin(TREE);
        let sent = deal.round1(inboxes);
        let mut inboxes = deal.deliver(sent);
        for to in [1, 3] {
            lie(inboxes.get_mut(&node(to)).unwrap().get_mut(&node(2)).unwrap());
        }
        let results = others(deal.round2(inboxes), 2);
        all_accuse(&results, &[2], malformed);
    }
}

/// DEAL-05: with a key of small order the share would be sealed under a known secret.
#[test]
fn neg_008_sealing_keys_of_small_order_are_refused() {
    let order_eight = "0xe0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800";
    let order_eight = quorate_codec::hex::decode_array::<32>(order_eight).unwrap();
    let mut one = [0; 32];
    one[0] = 1;
    for key in [[0; 32], one, order_eight] {
        let results = with_liar::<Ed25519>(
            TREE,
            2,
            |_, first| first.seal_keys[2] = SealPublic(key),
            |_, _| (),
        );
        all_accuse(&results, &[2], |fault| *fault == DealFault::SealKey);
    }
}

/// DEAL-05: p + 9 for 9, and the bit that X25519 ignores.
#[test]
fn neg_009_sealing_keys_have_one_form() {
    let mut above = [0xff; 32];
    (above[0], above[31]) = (0xf6, 0x7f);
    let mut ignored = [0; 32];
    (ignored[0], ignored[31]) = (9, 0x80);
    for key in [above, ignored] {
        let lie = |_, first: &mut quorate_keygen::Message1| first.seal_keys[0] = SealPublic(key);
        all_accuse(&with_liar::<Ed25519>(TREE, 2, lie, |_, _| ()), &[2], malformed);
    }
}

/// DEAL-16.
#[test]
fn neg_007_leaf_proofs_are_exactly_one_a_leaf() {
    let notation = "2 of (1, 1, 2)";
    let tree = crate::harness::tree(notation);
    let all = Deal::<Ed25519>::honest(notation);
    let (one, two) = (&all[&node(1)], &all[&node(2)]);
    let proofs = |dealt: &quorate_keygen::Dealt<_>| dealt.leaf_proofs.clone().unwrap();
    let (of_one, of_two) = (proofs(one), proofs(two));
    let verify = |who: u8, bytes: &[u8]| {
        verify_leaf_proofs(&one.transcript, &tree, &one.keys[0].commitments, node(who), bytes)
    };
    verify(1, &of_one).unwrap();
    verify(2, &of_two).unwrap();
    let proof_bytes = of_two.len() - 3;
    let lists = |proofs: &[&[u8]]| {
        let mut bytes = vec![0x82, 2, 0x80 + proofs.len() as u8];
        proofs.iter().for_each(|proof| bytes.extend_from_slice(proof));
        bytes
    };
    let (first, second) = of_one[3..].split_at(proof_bytes);
    assert_eq!(lists(&[first, second]), of_one);
    for lie in [
        lists(&[]),
        lists(&[first]),
        lists(&[first, first]),
        lists(&[second, first]),
        lists(&[first, second, second]),
        of_two.clone(),
        Vec::new(),
    ] {
        let error = verify(1, &lie).unwrap_err();
        assert_eq!((error.culprits, error.reason), (vec![node(1)], DealFault::LeafProofs));
    }
    let stranger = verify(9, &of_one).unwrap_err();
    assert_eq!(stranger.whose(), Whose::Caller);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// DEAL-24: whatever byte of whatever message is changed, nobody panics and no honest member
    /// is accused.
    #[test]
    fn neg_010_a_changed_byte_accuses_at_most_its_sender(
        round in 1_u8..=2,
        refresh: bool,
        at in any::<prop::sample::Index>(),
        flip in 1_u8..,
    ) {
        let (mut deal, mut inboxes) = if refresh {
            let keys = Keys::<Ed25519>::new(TREE, 2);
            Deal::begin_plans(keys.plans(&keys.terms(&[1, 2], TREE)), u64::from)
        } else {
            Deal::<Ed25519>::begin(TREE)
        };
        let liar = node(2);
        let change = |inboxes: &mut crate::harness::Inboxes| {
            for to in [1, 3] {
                let bytes = inboxes.get_mut(&node(to)).unwrap().get_mut(&liar).unwrap();
                let at = at.index(bytes.len());
                bytes[at] ^= flip;
            }
        };
        if round == 1 {
            change(&mut inboxes);
        }
        let sent = deal.round1(inboxes);
        let mut errors: Vec<_> = sent.values().filter_map(|result| result.clone().err()).collect();
        if errors.is_empty() {
            let mut inboxes = deal.deliver(sent);
            if round == 2 {
                change(&mut inboxes);
            }
            errors.extend(deal.round2(inboxes).into_values().filter_map(Result::err));
        }
        for error in errors {
            prop_assert!(error.culprits.is_empty() || error.culprits == [liar], "{:?}", error);
        }
    }
}
