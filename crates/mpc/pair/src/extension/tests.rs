//! Against the figures done plainly, and against a Bob who lies.

use super::*;
use crate::trees::tests::{CTX, dealt};
use crate::trees::{self, LEAVES, Punctured, Whole};
use crate::{Fault, PairError};
use proptest::prelude::*;
use std::sync::OnceLock;
use zeroize::Zeroizing;

const NONCES: [[u8; 32]; 2] = [[5; 32], [6; 32]];

fn terms(transfers: usize) -> Terms<'static> {
    let receiver = NodeId(Digest([1; 32]));
    Terms { ctx: Digest([8; 32]), setup: CTX, receiver, purpose: "test", transfers }
}

fn made() -> &'static (Whole, Punctured) {
    static MADE: OnceLock<(Whole, Punctured)> = OnceLock::new();
    MADE.get_or_init(|| {
        let (pairs, digits, chosen) = dealt(3);
        let (whole, message) = trees::build(&CTX, &pairs);
        (whole, trees::open(&CTX, digits, &chosen, &message.try_into().unwrap()).unwrap())
    })
}

/// The string of each transfer as the paper says it: Bob's v and choices, from single leaves.
fn plainly(whole: &Whole, name: &Digest, transfers: usize) -> (Vec<u128>, Vec<bool>) {
    let bytes = transfers / 8 + 32;
    let string = |tree: usize, leaf: usize| {
        let key = crate::lanes::lane(&whole.0[tree / LANES][leaf], tree % LANES);
        let mut string = vec![0; bytes];
        let mut hasher = blake3::Hasher::new_keyed(&key);
        hasher.update(&name.0).update(b"string").finalize_xof().fill(&mut string);
        string
    };
    let mut strings = vec![0_u128; transfers];
    let mut choices = vec![false; transfers];
    for tree in 0..TREES {
        for leaf in 0..LEAVES {
            let bits = string(tree, leaf);
            for transfer in 0..transfers {
                let is_set = bits[transfer / 8] >> (transfer % 8) & 1 == 1;
                choices[transfer] ^= is_set && tree == 0;
                for plane in 0..DEPTH {
                    if is_set && leaf >> (DEPTH - 1 - plane) & 1 == 1 {
                        strings[transfer] ^= 1 << (DEPTH * tree + plane);
                    }
                }
            }
        }
    }
    (strings, choices)
}

/// PAI-07, PAI-08: what both ends have, for one and several words, and more than 512 transfers.
#[test]
fn both_ends_have_the_pads_that_the_paper_says() {
    let (whole, punctured) = made();
    for transfers in [32, 128, 416, 832] {
        let terms = terms(transfers);
        let (bob, message) = Receiver::start(whole, &terms, &NONCES[0]);
        assert_eq!(message.len(), terms.message_bytes());
        let alice = Sender::start(punctured, &terms, &message).unwrap();
        assert_eq!(bob.transcript(), alice.transcript());
        let (strings, choices) = plainly(whole, &terms.name(&NONCES[0]), transfers);
        let key = receiver::pad_key(&bob.name, &bob.message, &NONCES[1]);
        // Parts of 48 bytes are not parts of one block.
        for bytes in [32, 48] {
            let rows = Rows { transfers: 32, parts: 3, bytes };
            let chosen = each_pad(bob.pads(&NONCES[1], rows), rows);
            let [zeros, ones] = alice.pads(&NONCES[1], rows).map(|pads| each_pad(pads, rows));
            assert_eq!([chosen.len(), zeros.len(), ones.len()], [transfers; 3]);
            for (number, chosen) in chosen.iter().enumerate() {
                let choice = bob.choices()[number / 8] >> (number % 8) & 1 == 1;
                assert_eq!(choice, choices[number]);
                assert_eq!(*chosen, if choice { &ones } else { &zeros }[number]);
                assert_ne!(zeros[number], ones[number]);
                let mut pad = vec![0; 3 * bytes];
                let mut hasher = blake3::Hasher::new_keyed(&key);
                let string = strings[number].to_le_bytes();
                hasher.update(&string).update(&(number as u32).to_le_bytes());
                hasher.finalize_xof().fill(&mut pad);
                assert_eq!(*chosen, pad);
            }
        }
    }
}

/// The pads, put together again from their rows.
fn each_pad(pads: Pads, rows: Rows) -> Vec<Vec<u8>> {
    let pads: Vec<_> = pads.collect();
    let pad = |(of_parts, place): (&[Zeroizing<Vec<u8>>], usize)| {
        of_parts.iter().flat_map(|row| &row[place * rows.bytes..][..rows.bytes]).copied().collect()
    };
    let places = |of_parts| (0..rows.transfers).map(move |place| (of_parts, place));
    pads.chunks(rows.parts).flat_map(places).map(pad).collect()
}

/// PAI-06: whatever the two ends do not agree on makes other strings, and is noticed.
#[test]
fn neg_017_an_extension_is_for_its_own_terms_only() {
    let (whole, punctured) = made();
    let good = terms(32);
    let other = NodeId(Digest([2; 32]));
    let (_, message) = Receiver::start(whole, &good, &NONCES[0]);
    assert!(Sender::start(punctured, &good, &message).is_ok());
    for bad in [
        Terms { ctx: Digest([9; 32]), ..good },
        Terms { setup: Digest([9; 32]), ..good },
        Terms { receiver: other, ..good },
        Terms { purpose: "other", ..good },
    ] {
        assert_eq!(Sender::start(punctured, &bad, &message).err().unwrap().fault, Fault::Cheater);
    }
    let longer = Terms { transfers: 64, ..good };
    assert_eq!(Sender::start(punctured, &longer, &message).err(), Some(PairError::MALFORMED));
}

/// PAI-08: another nonce of Alice, and another message of Bob, make all pads other ones.
#[test]
fn neg_092_alice_from_a_copy_meets_other_pads() {
    let (whole, punctured) = made();
    let rows = Rows { transfers: 32, parts: 1, bytes: 32 };
    let pads = |bob: &[u8; 32], alice: &[u8; 32]| {
        let (_, message) = Receiver::start(whole, &terms(32), bob);
        let [zeros, _] = Sender::start(punctured, &terms(32), &message).unwrap().pads(alice, rows);
        each_pad(zeros, rows)
    };
    let first = pads(&NONCES[0], &NONCES[1]);
    for other in [pads(&NONCES[1], &NONCES[1]), pads(&NONCES[0], &NONCES[0])] {
        assert!(first.iter().zip(&other).all(|(one, other)| one != other));
    }
}

/// A Bob who chooses differently for one tree: its correction is of other choices by `error`, and
/// its strings stay as they were. He says what would hold if he had not lied, and guesses that
/// Alice's digit is `guess`.
fn lie(tree: usize, error: &[u32], guess: u8) -> Vec<u8> {
    let (whole, _) = made();
    let terms = terms(416);
    let words = terms.words();
    let name = terms.name(&NONCES[0]);
    let folded = fold(&whole.0, &name, words);
    let mut message = NONCES[0].to_vec();
    let sum = |tree: usize| folded.sums.chunks(words).nth(tree).unwrap();
    for other in 1..TREES {
        let row = sum(other).iter().zip(sum(0)).zip(error);
        let row = row.map(|((a, b), error)| a ^ b ^ if other == tree { *error } else { 0 });
        append_words(&mut message, &row.collect::<Vec<_>>());
    }
    let check = check::Check::new(&name, &message[32..]);
    message.extend_from_slice(&check.hashes(sum(0)));
    let of_error = check.hashes(error);
    let mut hashes = Vec::new();
    for (row, plane) in folded.planes.chunks(words).enumerate() {
        let is_guessed = row / DEPTH == tree && guess >> (DEPTH - 1 - row % DEPTH) & 1 == 1;
        let error = of_error.map(|byte| if is_guessed { byte } else { 0 });
        hashes.extend(check.hashes(plane).iter().zip(error).map(|(hash, error)| hash ^ error));
    }
    message.extend_from_slice(&check::of_strings(&name, hashes).0);
    message
}

proptest! {
    /// PAI-07: who chooses otherwise for one tree is caught unless the whole digit was guessed:
    /// one in sixteen, and not bit by bit.
    #[test]
    fn neg_031_other_choices_for_one_tree_are_found_unless_the_digit_was_guessed(
        tree in 1..TREES, bit in 0..416_usize, guess in 0..16_u8,
    ) {
        let (_, punctured) = made();
        let mut error = vec![0; 416 / 32 + 8];
        error[bit / 32] = 1 << (bit % 32);
        let caught = Sender::start(punctured, &terms(416), &lie(tree, &error, guess)).err();
        let expected = (punctured.digits[tree] != guess).then_some(Fault::Cheater);
        prop_assert_eq!(caught.map(|error| error.fault), expected);
    }

    /// PAI-07: no multiple of a block in the masks, and no sum of blocks, hides what was changed.
    #[test]
    fn neg_032_errors_that_would_cancel_out_are_found(
        tree in 1..TREES, block in 0..3_usize, other in 0..5_usize, value in any::<[u32; 4]>(),
    ) {
        prop_assume!(block != other && value != [0; 4]);
        let (_, punctured) = made();
        let guess = punctured.digits[tree] ^ 1;
        let mut error = vec![0; 416 / 32 + 8];
        error[4 * block..4 * block + 4].copy_from_slice(&value);
        // Blocks 3 and 4 stand for the two masks, which follow the thirteen words of data.
        let at = if other < 3 { 4 * other } else { 13 + 4 * (other - 3) };
        error[at..at + 4].copy_from_slice(&value);
        let caught = Sender::start(punctured, &terms(416), &lie(tree, &error, guess)).err();
        prop_assert_eq!(caught.map(|error| error.fault), Some(Fault::Cheater));
    }

    /// PAI-07: every byte of Bob's message matters.
    #[test]
    fn neg_031_a_changed_message_is_found(at in any::<prop::sample::Index>(), bit in 0..8) {
        let (whole, punctured) = made();
        let (_, mut message) = Receiver::start(whole, &terms(128), &NONCES[0]);
        let at = at.index(message.len());
        message[at] ^= 1_u8 << bit;
        prop_assert!(Sender::start(punctured, &terms(128), &message).is_err());
    }
}
