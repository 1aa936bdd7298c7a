//! Whole set-ups, and set-ups in which any message is rewritten.

use super::*;
use crate::Fault;
use crate::base;
use crate::extension::{Receiver, Rows, Sender, Terms};
use crate::trees;
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::sync::OnceLock;

const LOWER: NodeId = NodeId(Digest([1; 32]));
const HIGHER: NodeId = NodeId(Digest([2; 32]));

/// How a run ended: at which of the two first, or with both halves.
type End = Result<(Setup, Setup), (NodeId, PairError)>;

/// Runs a set-up; `rewrite` sees each message with its round and sender.
fn run(contexts: [Digest; 2], seed: u64, rewrite: impl Fn(usize, NodeId, &mut Vec<u8>)) -> End {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let [context, other] = contexts;
    let lower = start(Plan { context, me: LOWER, peer: HIGHER }, &mut rng);
    let higher = start(Plan { context: other, me: HIGHER, peer: LOWER }, &mut rng);
    let ((mut lower, mut from_lower), (mut higher, mut from_higher)) =
        (lower.unwrap(), higher.unwrap());
    for round in 1.. {
        rewrite(round, LOWER, &mut from_lower);
        rewrite(round, HIGHER, &mut from_higher);
        let at_lower = lower.handle(&from_higher).map_err(|error| (LOWER, error))?;
        let at_higher = higher.handle(&from_lower).map_err(|error| (HIGHER, error))?;
        match (at_lower, at_higher) {
            (Step::Next(low, from_low), Step::Next(high, from_high)) => {
                (lower, higher, from_lower, from_higher) = (low, high, from_low, from_high);
            }
            (Step::Done(lower), Step::Done(higher)) => return Ok((*lower, *higher)),
            _ => panic!("both end in the same round"),
        }
    }
    unreachable!()
}

pub(crate) fn honest() -> &'static (Setup, Setup) {
    static HALVES: OnceLock<(Setup, Setup)> = OnceLock::new();
    HALVES.get_or_init(|| run([Digest::ZERO; 2], 1, |_, _, _| ()).unwrap())
}

/// PAI-10: transfers in both directions, one id, one seed.
#[test]
fn both_halves_belong_together_in_both_directions() {
    let (lower, higher) = honest();
    assert_eq!((lower.id, &lower.seed), (higher.id, &higher.seed));
    for (alice, bob) in [(lower, higher), (higher, lower)] {
        let ctx = Digest([7; 32]);
        let terms = Terms { ctx, setup: lower.id, receiver: LOWER, purpose: "test", transfers: 64 };
        let (receiver, message) = Receiver::start(&bob.whole, &terms, &[1; 32]);
        let sender = Sender::start(&alice.punctured, &terms, &message).unwrap();
        let rows = Rows { transfers: 64, parts: 1, bytes: 32 };
        let [zeros, ones] = sender.pads(&[2; 32], rows).map(|mut rows| rows.next().unwrap());
        let pads = receiver.pads(&[2; 32], rows).next().unwrap();
        let choices = receiver.choices();
        for (number, chosen) in pads.chunks(32).enumerate() {
            let pads = if choices[number / 8] >> (number % 8) & 1 == 1 { &ones } else { &zeros };
            assert_eq!(pads.chunks(32).nth(number), Some(chosen));
        }
    }
    // The other direction has digits of its own.
    assert_ne!(*lower.punctured.digits, *higher.punctured.digits);
}

#[test]
fn a_seed_gives_one_run_and_other_seeds_or_contexts_give_others() {
    let again = run([Digest::ZERO; 2], 1, |_, _, _| ()).unwrap().0;
    assert_eq!(again.to_bytes().as_slice(), honest().0.to_bytes().as_slice());
    let other = run([Digest::ZERO; 2], 2, |_, _, _| ()).unwrap().0;
    let elsewhere = run([Digest([1; 32]); 2], 1, |_, _, _| ()).unwrap().0;
    for set_up in [other, elsewhere] {
        assert_ne!(set_up.id, again.id);
        assert_ne!(*set_up.seed, *again.seed);
        assert_ne!(*set_up.punctured.digits.first_chunk::<31>().unwrap(), [0; 31]);
    }
}

/// PAI-15: a generator that repeats itself under another context repeats no element and no digit.
/// Where one of a place's two elements came again, it would be the one that was not chosen.
#[test]
fn neg_092_a_generator_that_repeats_itself_shows_no_choice() {
    let first = |context| {
        let plan = Plan { context, me: LOWER, peer: HIGHER };
        start(plan, &mut ChaCha20Rng::seed_from_u64(1)).unwrap().1[96..].to_vec()
    };
    let (one, other) = (first(Digest([1; 32])), first(Digest([2; 32])));
    assert_eq!((one.len(), first(Digest([1; 32]))), (base::BYTES, one.clone()));
    let elements: std::collections::BTreeSet<&[u8]> =
        one.chunks(32).chain(other.chunks(32)).collect();
    assert_eq!(elements.len(), 512);
    let lower = |context| run([context; 2], 1, |_, _, _| ()).unwrap().0;
    let (one, other) = (lower(Digest([1; 32])), lower(Digest([2; 32])));
    assert_ne!(one.punctured.digits, other.punctured.digits);
}

#[test]
fn a_node_has_no_set_up_with_itself() {
    let plan = Plan { context: Digest::ZERO, me: LOWER, peer: LOWER };
    let refused = start(plan, &mut ChaCha20Rng::seed_from_u64(1)).err().unwrap();
    assert_eq!(refused.fault, Fault::Caller);
}

/// PAI-01: ends that were told different contexts accuse nobody.
#[test]
fn neg_021_another_context_is_nobodys_fault() {
    let (_, error) = run([Digest([1; 32]), Digest([2; 32])], 1, |_, _, _| ()).err().unwrap();
    assert_eq!(error.fault, Fault::Unknown);
}

/// PAI-01, PAI-11: longer, shorter, empty; where nothing is said, too.
#[test]
fn neg_007_every_message_has_its_length() {
    for (round, sender) in (1..=7).flat_map(|round| [(round, LOWER), (round, HIGHER)]) {
        let cut: [fn(&mut Vec<u8>); 4] = [
            |message| message.truncate(0),
            |message| message.truncate(31),
            |message| message.truncate(message.len() - 1),
            |message| message.push(0),
        ];
        for cut in cut {
            let change = |now, from, message: &mut Vec<u8>| {
                if (now, from) == (round, sender) {
                    cut(message);
                }
            };
            let (at, error) = run([Digest::ZERO; 2], 1, change).err().unwrap();
            assert_eq!(at, if sender == LOWER { HIGHER } else { LOWER });
            assert_eq!(error, PairError::MALFORMED, "round {round}");
        }
    }
}

/// What each part of each message means for whoever gets it changed: round, sender, first byte, how
/// many, fault.
const PARTS: &[(usize, NodeId, usize, usize, Fault)] = &[
    // Commitments are looked at when they open, unless the two compare first what they heard.
    (1, LOWER, 32, 32, Fault::Peer),
    (1, LOWER, 64, 32, Fault::Unknown),
    (1, HIGHER, 32, 32, Fault::Peer),
    (1, HIGHER, 64, 32, Fault::Unknown),
    (2, LOWER, 32, 32, Fault::Peer),
    (2, HIGHER, 32, 32, Fault::Peer),
    (3, HIGHER, 32, 32, Fault::Unknown),
    (3, HIGHER, 64, trees::BYTES, Fault::Cheater),
    (3, HIGHER, 64 + trees::BYTES, 32 + 31 * 48 + 64, Fault::Cheater),
    // A nonce that nobody committed to makes other keys, which look like trees that do not hold.
    (4, LOWER, 32, 32, Fault::Cheater),
    (4, LOWER, 64, 32, Fault::Peer),
    (5, HIGHER, 32, 32, Fault::Peer),
    (7, LOWER, 32, 32, Fault::Unknown),
    (7, HIGHER, 32, 32, Fault::Unknown),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// PAI-01 to PAI-11: a changed message never leads to two halves.
    #[test]
    fn neg_031_what_was_changed_on_its_way_leads_to_no_set_up(
        part in 0..PARTS.len(), at in any::<prop::sample::Index>(), bit in 0..8,
    ) {
        let (round, sender, first, count, fault) = PARTS[part];
        let at = first + at.index(count);
        let change = |now, from, message: &mut Vec<u8>| {
            if (now, from) == (round, sender) { message[at] ^= 1_u8 << bit }
        };
        let (_, error) = run([Digest::ZERO; 2], 1, change).err().unwrap();
        prop_assert_eq!(error.fault, fault, "{:?}: byte {} of round {}", error, at, round);
    }

    /// PAI-05, PAI-10: of the lower node's trees too, a lie is found, or it was about what no digit
    /// uses, and then the two do not confirm the same.
    #[test]
    fn neg_031_other_trees_lead_to_no_set_up(at in 0..trees::BYTES, bit in 0..8) {
        let change = |round, from, message: &mut Vec<u8>| {
            if (round, from) == (6, LOWER) { message[32 + at] ^= 1_u8 << bit }
        };
        let (_, error) = run([Digest::ZERO; 2], 1, change).err().unwrap();
        prop_assert!(matches!(error.fault, Fault::Cheater | Fault::Unknown));
    }

    /// PAI-02: elements of another kind, in either direction.
    #[test]
    fn neg_005_other_elements_lead_to_no_set_up(
        place in 0..256_usize, bit in 0..8, byte in 0..32_usize,
    ) {
        for (sender, element) in [(LOWER, 96 + 32 * place), (HIGHER, 96)] {
            let change = |round, from, message: &mut Vec<u8>| {
                if (round, from) == (1, sender) { message[element + byte] ^= 1_u8 << bit }
            };
            prop_assert!(run([Digest::ZERO; 2], 1, change).is_err());
        }
    }

/// PAI-12.
    #[test]
    fn neg_079_the_stored_form_is_one_and_damage_is_found(at in any::<prop::sample::Index>()) {
        let (lower, _) = honest();
        let bytes = lower.to_bytes();
        prop_assert_eq!(bytes.len(), Setup::BYTES);
        prop_assert_eq!(Setup::from_bytes(&bytes).unwrap().to_bytes(), bytes.clone());
        let short = at.index(bytes.len());
        prop_assert_eq!(Setup::from_bytes(&bytes[..short]).err().unwrap().fault, Fault::Machine);
        let mut version = bytes.clone();
        version[0] = 1;
        prop_assert!(Setup::from_bytes(&version).is_err());
        let mut digit = bytes.clone();
        digit[65 + 32 * 16 * 32 + short % 32] |= 16;
        prop_assert!(Setup::from_bytes(&digit).is_err());
    }
}

/// Nothing secret is printed.
#[test]
fn a_set_up_prints_as_nothing() {
    assert_eq!(format!("{:?}", honest().0), "Setup(secret)");
    assert_eq!(base::BYTES, 8192);
}
