//! Products of both curves, and an Alice who lies.

use super::*;
use crate::setup::tests::honest;
use crate::{Fault, PairError};
use proptest::prelude::*;
use quorate_curve::{Curve, P256, Secp256k1};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

fn terms(products: usize) -> Terms {
    Terms { ctx: Digest([8; 32]), receiver: NodeId(Digest([2; 32])), products }
}

fn copy<C: Curve>(scalar: &SecretScalar<C>) -> Scalar<C> {
    Scalar::from_bytes(scalar.to_bytes().as_slice()).unwrap()
}

fn borrowed<C: Curve>(inputs: &[Shares<C>]) -> Vec<[&SecretScalar<C>; 2]> {
    inputs.iter().map(|[first, second]| [first, second]).collect()
}

/// A run of products: Alice's inputs, Bob, what she keeps and what she says.
struct Run<C: ProductCurve> {
    inputs: Vec<Shares<C>>,
    bob: Bob<C>,
    kept: Vec<Shares<C>>,
    said: Vec<u8>,
}

impl<C: ProductCurve> Run<C> {
    fn new(products: usize) -> Self {
        let (alice, bob) = honest();
        let mut rng = ChaCha20Rng::seed_from_u64(products as u64);
        let mut input = || SecretScalar::random(&mut rng);
        let inputs: Vec<Shares<C>> = (0..products).map(|_| [input(), input()]).collect();
        let (bob, message) = Bob::start(bob, &terms(products), &[1; 32]);
        let (kept, said) =
            send(alice, &terms(products), &message, &borrowed(&inputs), &mut rng).unwrap();
        Self { inputs, bob, kept, said }
    }
}

fn shares_add_up<C: ProductCurve>() {
    for products in [1, 3] {
        let run = Run::<C>::new(products);
        let before: Vec<Scalar<C>> = run.bob.factors().iter().map(copy).collect();
        assert_eq!(run.said.len(), terms(products).alice_bytes());
        let shares = run.bob.finish(&run.said).unwrap();
        assert_eq!(shares.len(), products);
        for (((inputs, before), kept), (factor, shares)) in
            run.inputs.iter().zip(before).zip(&run.kept).zip(&shares)
        {
            let factor = copy(factor);
            assert_eq!(factor, before);
            for ((input, kept), share) in inputs.iter().zip(kept).zip(shares) {
                assert_eq!(copy(input) * factor, copy(kept) + copy(share));
                assert_ne!(copy(share), Scalar::zero());
            }
        }
    }
}

/// PAI-13, PAI-14.
#[test]
fn shares_of_a_product_add_up_to_it() {
    shares_add_up::<Secp256k1>();
    shares_add_up::<P256>();
}

/// PAI-06, PAI-08, PAI-12: both ends come back from a disk as it was, and multiply again under the same
/// terms. There is no counter that would have gone back: a fresh nonce of either, though the other
/// repeats its own, makes other pads, so that nothing cancels out between the two runs; one of Bob
/// makes other choices too.
#[test]
fn neg_098_both_ends_from_an_old_disk_meet_nothing_again() {
    let restored = |half: &Setup| Setup::from_bytes(&half.to_bytes()).unwrap();
    let input = SecretScalar::<Secp256k1>::random(&mut ChaCha20Rng::seed_from_u64(1));
    let run = |of_alice: u64, of_bob: u8| {
        let (alice, bob) = honest();
        let (alice, bob) = (restored(alice), restored(bob));
        let mut rng = ChaCha20Rng::seed_from_u64(of_alice);
        let (bob, message) = Bob::<Secp256k1>::start(&bob, &terms(1), &[of_bob; 32]);
        let (_, said) = send(&alice, &terms(1), &message, &[[&input; 2]], &mut rng).unwrap();
        let (choices, factor) = (bob.choices.to_vec(), copy(&bob.factors()[0]));
        bob.finish(&said).unwrap();
        (choices, factor, said)
    };
    let (first, of_alice, of_bob) = (run(1, 1), run(2, 1), run(1, 2));
    assert_eq!((&first.0, first.1), (&of_alice.0, of_alice.1));
    assert_ne!(first.1, of_bob.1);
    let flipped: u32 = first.0.iter().zip(&of_bob.0).map(|(a, b)| (a ^ b).count_ones()).sum();
    assert!((120..=296).contains(&flipped), "{flipped} of 416 choices are others");
    let scalars = |said: &[u8]| -> Vec<Scalar<Secp256k1>> {
        let corrections = said[32..32 + COLUMNS * COLUMN_BYTES].as_chunks::<32>().0;
        corrections.iter().map(|scalar| Scalar::from_bytes(scalar).unwrap()).collect()
    };
    for other in [of_alice, of_bob] {
        // With the same pads the inputs would show as one difference, wherever choices are equal.
        let (one, other) = (scalars(&first.2), scalars(&other.2));
        let mut differences: Vec<[u8; 32]> =
            one.iter().zip(&other).map(|(one, other)| (*one - *other).to_bytes()).collect();
        differences.sort_unstable();
        differences.dedup();
        assert_eq!(differences.len(), COLUMNS * TRANSFERS);
        assert!(!differences.contains(&[0; 32]));
    }
}

/// PAI-13: gadgets are hashes, distinct, and those of one curve are not the other's.
#[test]
fn a_gadget_is_what_its_tag_says() {
    let (one, other) = (gadget::gadget::<Secp256k1>(), gadget::gadget::<P256>());
    assert_eq!((one.len(), other.len()), (TRANSFERS, TRANSFERS));
    let hash = Transcript::new(tag::PAIR_GADGET).part("p256").number(5).wide();
    assert_eq!(other[5], Scalar::from_wide(&hash));
    let mut bytes: Vec<[u8; 32]> = one.iter().map(|g| g.to_bytes()).collect();
    bytes.extend(other.iter().map(|g| g.to_bytes()));
    bytes.sort_unstable();
    bytes.dedup();
    assert_eq!(bytes.len(), 2 * TRANSFERS);
}

/// PAI-01.
#[test]
fn neg_007_products_have_their_lengths_and_inputs() {
    let (alice, bob) = honest();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let (_, message) = Bob::<Secp256k1>::start(bob, &terms(1), &[1; 32]);
    assert_eq!(message.len(), terms(1).bob_bytes::<Secp256k1>(bob));
    let refused = send::<Secp256k1>(alice, &terms(1), &message, &[], &mut rng).err().unwrap();
    assert_eq!(refused.fault, Fault::Caller);
    // By a byte, and by a whole product, which nothing else would miss.
    let said = Run::<Secp256k1>::new(2).said;
    let longer = [&said[..], &said[32..32 + PRODUCT_BYTES]].concat();
    let shorter = &said[..said.len() - PRODUCT_BYTES];
    for other in [&said[..said.len() - 1], shorter, &longer, &[]] {
        let refused = Run::<Secp256k1>::new(2).bob.finish(other).err();
        assert_eq!(refused, Some(PairError::MALFORMED));
    }
}

/// PAI-14: a correction or η at the order or above it is malformed before anything is computed.
#[test]
fn neg_009_scalars_of_a_product_are_below_the_order() {
    for at in [0, 415, 416, 3 * 416 - 1, 3 * 416] {
        let mut run = Run::<Secp256k1>::new(1);
        run.said[32 + 32 * at..64 + 32 * at].fill(0xff);
        assert_eq!(run.bob.finish(&run.said).err(), Some(PairError::MALFORMED));
    }
}

/// An extension for one curve, or one count, is not one for another.
#[test]
fn neg_017_products_are_for_their_own_curve() {
    let (alice, bob) = honest();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let (_, message) = Bob::<Secp256k1>::start(bob, &terms(1), &[1; 32]);
    let inputs = [[SecretScalar::<P256>::random(&mut rng), SecretScalar::random(&mut rng)]];
    let refused = send(alice, &terms(1), &message, &borrowed(&inputs), &mut rng).err().unwrap();
    assert_eq!(refused.fault, Fault::Cheater);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// PAI-14: who corrects one transfer otherwise is caught exactly if Bob chose 1 there; what
    /// she says of η and μ is always looked at.
    #[test]
    fn neg_031_another_correction_is_found_where_it_was_chosen(
        product in 0..2_usize, column in 0..3_usize, row in 0..TRANSFERS, bit in 0..8,
    ) {
        let mut run = Run::<Secp256k1>::new(2);
        let choices = run.bob.choices.clone();
        let at = product * TRANSFERS + row;
        let chose = choices[at / 8] >> (at % 8) & 1 == 1;
        // The lowest byte: the scalar stays below the order.
        let byte = 32 + product * PRODUCT_BYTES + column * COLUMN_BYTES + 32 * row + 31;
        run.said[byte] ^= 1_u8 << bit;
        // The challenge follows from all corrections, so Alice would have to say η and μ anew.
        let caught = run.bob.finish(&run.said).err().map(|error| error.fault);
        prop_assert_eq!(caught, Some(Fault::Cheater));
        let caught = lie(product, column, row).err().map(|error| error.fault);
        prop_assert_eq!(caught, chose.then_some(Fault::Cheater));
    }

    /// PAI-14.
    #[test]
    fn neg_031_other_check_values_are_found(
        product in 0..2_usize, at in 0..64_usize, bit in 0..7,
    ) {
        let mut run = Run::<Secp256k1>::new(2);
        run.said[32 + product * PRODUCT_BYTES + COLUMNS * COLUMN_BYTES + at] ^= 1_u8 << bit;
        let caught = run.bob.finish(&run.said).err().unwrap();
        prop_assert!(caught.fault == Fault::Cheater || caught == PairError::MALFORMED);
    }
}

/// An Alice who adds one to the correction of one transfer, and says of η and μ what fits if Bob
/// chose 0 there.
fn lie(product: usize, column: usize, row: usize) -> Result<(), PairError> {
    let (alice, bob) = honest();
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let (bob, message) = Bob::<Secp256k1>::start(bob, &terms(2), &[1; 32]);
    let extension = terms(2).extension::<Secp256k1>(alice);
    let sender = extension::Sender::start(&alice.punctured, &extension, &message).unwrap();
    let nonce = [9; 32];
    let pads = || sender.pads(&nonce, rows::<Secp256k1>());
    let [mut zeros, mut ones] = pads();
    let mut said = nonce.to_vec();
    let mut input = || SecretScalar::<Secp256k1>::random(&mut rng);
    let inputs = [[input(), input(), input()], [input(), input(), input()]];
    let shift = SecretScalar::from_bytes(&Scalar::<Secp256k1>::one().to_bytes()).unwrap();
    for (number, inputs) in inputs.iter().enumerate() {
        let (zeros, ones) = (columns::<Secp256k1>(&mut zeros), columns(&mut ones));
        for (at, input) in inputs.iter().enumerate() {
            let mut bytes = zeros[at].minus_plus(&ones[at], input).as_bytes().to_vec();
            let shifted = zeros[at].minus_plus(&ones[at], &input.plus(&shift));
            let shifted = shifted.as_bytes();
            if (number, at) == (product, column) {
                bytes[32 * row..32 * row + 32].copy_from_slice(&shifted[32 * row..32 * row + 32]);
            }
            said.extend_from_slice(&bytes);
        }
        said.extend_from_slice(&[0; 64]);
    }
    let corrections: Vec<Vec<u8>> = said[32..]
        .chunks(PRODUCT_BYTES)
        .map(|said| said[..COLUMNS * COLUMN_BYTES].to_vec())
        .collect();
    let challenge =
        Challenge::new(&sender.transcript(), &nonce, corrections.iter().map(Vec::as_slice));
    let [mut zeros, _] = pads();
    for (number, [first, second, check]) in inputs.iter().enumerate() {
        let [one, two] = challenge.weights(number);
        let eta = check.plus(&first.times(one)).plus(&second.times(two)).reveal();
        let mu = challenge.hash(number, &columns::<Secp256k1>(&mut zeros), |rows| rows);
        let end = 32 + number * PRODUCT_BYTES + COLUMNS * COLUMN_BYTES;
        said[end..end + 32].copy_from_slice(&eta.to_bytes());
        said[end + 32..end + 64].copy_from_slice(&mu.0);
    }
    bob.finish(&said).map(|_| ())
}
