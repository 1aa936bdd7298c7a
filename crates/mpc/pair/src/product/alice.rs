//! Alice: two inputs for each product.

use super::{
    COLUMN_BYTES, COLUMNS, Challenge, PRODUCT_BYTES, ProductCurve, Shares, Terms, columns, rows,
};
use crate::extension::Sender;
use crate::{PairError, Setup};
use quorate_curve::{SecretScalar, SecretScalars};
use rand_core::CryptoRngCore;

/// Takes Bob's message, and multiplies each pair of inputs by a factor that only he knows: her
/// shares, and her message (PAI-14).
///
/// # Errors
/// A malformed message is the peer's fault; an extension that does not hold is cheating (PAI-07);
/// not one pair of inputs for each product is the caller's.
pub fn send<C: ProductCurve>(
    setup: &Setup,
    terms: &Terms,
    message: &[u8],
    inputs: &[[&SecretScalar<C>; 2]],
    rng: &mut impl CryptoRngCore,
) -> Result<(Vec<Shares<C>>, Vec<u8>), PairError> {
    if inputs.len() != terms.products {
        return Err(PairError::caller("a product has two inputs"));
    }
    let sender = Sender::start(&setup.punctured, &terms.extension::<C>(setup), message)?;
    let mut nonce = [0; 32];
    rng.fill_bytes(&mut nonce);
    let [mut zeros, mut ones] = sender.pads(&nonce, rows::<C>());
    let mut answer = Vec::with_capacity(terms.alice_bytes());
    answer.extend_from_slice(&nonce);
    let mut kept = Vec::with_capacity(inputs.len());
    for inputs in inputs {
        let zeros: [_; COLUMNS] = columns(&mut zeros);
        let ones: [_; COLUMNS] = columns(&mut ones);
        let check = SecretScalar::<C>::random(rng);
        let [first, second] = inputs;
        for ((zeros, ones), input) in zeros.iter().zip(&ones).zip([*first, *second, &check]) {
            answer.extend_from_slice(zeros.minus_plus(ones, input).as_bytes());
        }
        answer.resize(answer.len() + 64, 0);
        kept.push((zeros, check));
    }
    let said = answer.get(32..).unwrap_or_default().chunks(PRODUCT_BYTES);
    let corrections = said.filter_map(|said| said.get(..COLUMNS * COLUMN_BYTES));
    let challenge = Challenge::new(&sender.transcript(), &nonce, corrections);
    let mut shares = Vec::with_capacity(inputs.len());
    let said = answer.get_mut(32..).unwrap_or_default().chunks_mut(PRODUCT_BYTES);
    for (product, (((zeros, check), inputs), said)) in kept.iter().zip(inputs).zip(said).enumerate()
    {
        let [one, two] = challenge.weights(product);
        let [first, second] = inputs;
        let eta = check.plus(&first.times(one)).plus(&second.times(two)).reveal();
        let mu = challenge.hash(product, zeros, |rows| rows);
        let end = said.get_mut(COLUMNS * COLUMN_BYTES..).into_iter().flatten();
        for (to, from) in end.zip(eta.to_bytes().into_iter().chain(mu.0)) {
            *to = from;
        }
        let [first, second, _] = zeros;
        let share = |column: &SecretScalars<C>| {
            SecretScalar::zero().minus(&column.weighted_sum(C::gadget()))
        };
        shares.push([share(first), share(second)]);
    }
    Ok((shares, answer))
}
