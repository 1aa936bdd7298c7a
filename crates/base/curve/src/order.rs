//! Arithmetic modulo the orders of secp256k1 and P-256, for many secret scalars in a row.
//!
//! The libraries reduce after every operation. Here products are added up first, in nine words of 64
//! bits, and reduced once (Montgomery, "Modular multiplication without trial division", 1985): factors
//! are kept times R = 2^256, and one reduction divides by it. Everything takes the same time
//! whatever the numbers are.

use crate::{Curve, P256, Secp256k1};

/// A number below an order, the lowest word first.
pub(crate) type Limbs = [u64; 4];

/// The encoding of a number, the highest byte first.
pub(crate) type Bytes = [u8; 32];

/// A sum of fewer than 2^31 products, not reduced: less than 2^32 · 2^512.
pub(crate) type Sum = [u64; 9];

/// A curve whose scalars are written with the highest byte first, and whose order is near 2^256.
pub trait Order: Curve {
    /// The order, and what is computed from it.
    const MODULUS: Modulus;
}

impl Order for Secp256k1 {
    const MODULUS: Modulus = Modulus::new([
        0xbfd2_5e8c_d036_4141,
        0xbaae_dce6_af48_a03b,
        0xffff_ffff_ffff_fffe,
        0xffff_ffff_ffff_ffff,
    ]);
}

impl Order for P256 {
    const MODULUS: Modulus = Modulus::new([
        0xf3b9_cac2_fc63_2551,
        0xbce6_faad_a717_9e84,
        0xffff_ffff_ffff_ffff,
        0xffff_ffff_0000_0000,
    ]);
}

/// An order q, with 2^256 - 2^224 < q < 2^256.
#[derive(Debug, Clone, Copy)]
pub struct Modulus {
    pub(crate) order: Limbs,
    /// -1 / q modulo 2^64.
    pub(crate) inverse: u64,
    /// 2^256 modulo q: below 2^224, so that times a word below 2^32 it has no more than four words.
    radix: Limbs,
    /// 2^512 modulo q.
    square: Limbs,
}

impl Modulus {
    /// Computed by the compiler.
    const fn new(order: Limbs) -> Self {
        // 2^256 modulo q is 2^256 - q.
        let (radix, _) = subtract([0; 4], order);
        let [.., highest] = radix;
        assert!(highest < 1 << 32, "an order near 2^256");
        let mut square = radix;
        let mut doublings = 0;
        while doublings < 256 {
            square = double(square, order);
            doublings += 1;
        }
        let [lowest, ..] = order;
        // Each step doubles the number of right bits (Newton); the first is right for any odd q.
        let mut inverse = 1_u64;
        let mut steps = 0;
        while steps < 6 {
            inverse = inverse.wrapping_mul(2_u64.wrapping_sub(lowest.wrapping_mul(inverse)));
            steps += 1;
        }
        Self { order, inverse: inverse.wrapping_neg(), radix, square }
    }

    /// a + b.
    #[inline(always)]
    pub(crate) fn add(&self, a: &Limbs, b: &Limbs) -> Limbs {
        let (sum, carry) = add(*a, *b);
        self.below(sum, carry)
    }

    /// a - b.
    #[inline(always)]
    pub(crate) fn subtract(&self, a: &Limbs, b: &Limbs) -> Limbs {
        let (difference, borrow) = subtract(*a, *b);
        let (again, _) = add(difference, masked(self.order, borrow));
        again
    }

    /// a · 2^256: the form of factors.
    pub(crate) fn factor(&self, a: &Limbs) -> Limbs {
        let mut sum = [0; 9];
        accumulate(&mut sum, a, &self.square);
        self.reduce(&sum)
    }

    /// 2^256 in the form of a factor.
    pub(crate) fn two_256(&self) -> Limbs {
        self.square
    }

    /// The form of a factor for lanes, times 2^260, from that times 2^256.
    pub(crate) fn lane_factor(&self, factor: &Limbs) -> Limbs {
        (0..4).fold(*factor, |number, _| self.add(&number, &number))
    }

    /// A sum divided by 2^256: of products of which one factor each is in the form of
    /// [`factor`](Self::factor), the sum of the products.
    #[inline(always)]
    pub(crate) fn reduce(&self, sum: &Sum) -> Limbs {
        let [mut a, mut b, mut c, mut d, e, f, g, h, highest] = *sum;
        let [p, q, r, s] = self.order;
        for _ in 0..4 {
            let m = a.wrapping_mul(self.inverse);
            let (_, carry) = multiply_add(m, p, a, 0);
            let (next_a, carry) = multiply_add(m, q, b, carry);
            let (next_b, carry) = multiply_add(m, r, c, carry);
            let (next_c, carry) = multiply_add(m, s, d, carry);
            (a, b, c, d) = (next_a, next_b, next_c, carry);
        }
        // The highest word stands for as many times 2^256, and so does what is carried.
        let (high, carry) = add([e, f, g, h], times(self.radix, highest));
        let (high, _) = add(high, masked(self.radix, carry));
        // At most q of the lower half, and less than 2^256 < 2q: twice it may be too large.
        let (sum, carry) = add([a, b, c, d], high);
        self.below(self.below(sum, carry), 0)
    }

    /// A number of 257 bits, less q if it is not below q.
    #[inline(always)]
    fn below(&self, number: Limbs, carry: u64) -> Limbs {
        let (less, borrow) = subtract(number, self.order);
        // It was below q exactly if nothing was carried and something borrowed.
        select(less, number, borrow & (carry ^ 1))
    }

    /// 32 bytes, the highest first, modulo q.
    #[inline(always)]
    pub(crate) fn read(&self, bytes: &Bytes) -> Limbs {
        self.below(words(bytes), 0)
    }
}

/// a · k, which has no more than four words.
#[inline(always)]
fn times([a, b, c, d]: Limbs, k: u64) -> Limbs {
    let (a, carry) = multiply_add(a, k, 0, 0);
    let (b, carry) = multiply_add(b, k, 0, carry);
    let (c, carry) = multiply_add(c, k, 0, carry);
    let (d, _) = multiply_add(d, k, 0, carry);
    [a, b, c, d]
}

/// Adds a · b to a sum.
#[inline(always)]
pub(crate) fn accumulate(sum: &mut Sum, a: &Limbs, b: &Limbs) {
    for (place, a) in a.iter().enumerate() {
        let mut carry = 0;
        let mut words = sum.iter_mut().skip(place);
        // The factor's words first: who asks the sum's first loses one at the end.
        for (b, word) in b.iter().zip(words.by_ref()) {
            (*word, carry) = multiply_add(*a, *b, *word, carry);
        }
        for word in words {
            let (with, more) = word.overflowing_add(carry);
            (*word, carry) = (with, u64::from(more));
        }
    }
}

/// Adds a to a sum, where the bit is 1.
#[inline(always)]
pub(crate) fn accumulate_where(sum: &mut Sum, a: &Limbs, bit: u64) {
    let mut carry = 0;
    let mut words = sum.iter_mut();
    for (a, word) in masked(*a, bit).iter().zip(words.by_ref()) {
        (*word, carry) = add_word(*word, *a, carry);
    }
    for word in words {
        (*word, carry) = add_word(*word, 0, carry);
    }
}

/// Adds a number times a power of two to a sum.
#[inline(always)]
pub(crate) fn accumulate_at(sum: &mut Sum, bits: usize, number: u64) {
    let mut rest = u128::from(number) << (bits % 64);
    for word in sum.iter_mut().skip(bits / 64) {
        rest += u128::from(*word);
        *word = rest as u64;
        rest >>= 64;
    }
}

/// Adds a · 2^256 to a sum: a number that is reduced with it.
#[inline(always)]
pub(crate) fn accumulate_whole(sum: &mut Sum, a: &Limbs) {
    let mut carry = 0;
    let mut words = sum.iter_mut().skip(4);
    for (a, word) in a.iter().zip(words.by_ref()) {
        (*word, carry) = add_word(*word, *a, carry);
    }
    for word in words {
        (*word, carry) = add_word(*word, 0, carry);
    }
}

/// The words of 32 bytes, the highest byte first.
#[inline(always)]
pub(crate) fn words(bytes: &Bytes) -> Limbs {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().rev().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_be_bytes(*bytes);
    }
    words
}

/// The inverse of [`words`].
#[inline(always)]
pub(crate) fn bytes(words: &Limbs) -> Bytes {
    let mut bytes = [0; 32];
    for (bytes, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(words.iter().rev()) {
        *bytes = word.to_be_bytes();
    }
    bytes
}

/// `zero` or `one`, by a bit.
#[inline(always)]
pub(crate) fn select(zero: Limbs, one: Limbs, bit: u64) -> Limbs {
    let ([a, b, c, d], [e, f, g, h]) = (zero, one);
    let mask = mask(bit);
    [a ^ (mask & (a ^ e)), b ^ (mask & (b ^ f)), c ^ (mask & (c ^ g)), d ^ (mask & (d ^ h))]
}

/// The number, or zero if the bit is zero.
#[inline(always)]
pub(crate) fn masked(number: Limbs, bit: u64) -> Limbs {
    let mask = mask(bit);
    number.map(|word| word & mask)
}

/// All bits or none. The compiler is not told that there are only two cases, so that it makes no
/// branch of them.
#[inline(always)]
fn mask(bit: u64) -> u64 {
    std::hint::black_box(bit.wrapping_neg())
}

const fn double(number: Limbs, order: Limbs) -> Limbs {
    let (twice, carry) = add(number, number);
    let (less, borrow) = subtract(twice, order);
    if carry == 0 && borrow == 1 { twice } else { less }
}

#[inline(always)]
const fn add([a, b, c, d]: Limbs, [e, f, g, h]: Limbs) -> (Limbs, u64) {
    let (a, carry) = add_word(a, e, 0);
    let (b, carry) = add_word(b, f, carry);
    let (c, carry) = add_word(c, g, carry);
    let (d, carry) = add_word(d, h, carry);
    ([a, b, c, d], carry)
}

#[inline(always)]
const fn subtract([a, b, c, d]: Limbs, [e, f, g, h]: Limbs) -> (Limbs, u64) {
    let (a, borrow) = subtract_word(a, e, 0);
    let (b, borrow) = subtract_word(b, f, borrow);
    let (c, borrow) = subtract_word(c, g, borrow);
    let (d, borrow) = subtract_word(d, h, borrow);
    ([a, b, c, d], borrow)
}

#[inline(always)]
const fn add_word(a: u64, b: u64, carry: u64) -> (u64, u64) {
    let sum = a as u128 + b as u128 + carry as u128;
    (sum as u64, (sum >> 64) as u64)
}

#[inline(always)]
const fn subtract_word(a: u64, b: u64, borrow: u64) -> (u64, u64) {
    let difference = (a as u128).wrapping_sub(b as u128 + borrow as u128);
    (difference as u64, (difference >> 64) as u64 & 1)
}

/// a · b + c + carry: never more than 2^128 - 1.
#[inline(always)]
const fn multiply_add(a: u64, b: u64, c: u64, carry: u64) -> (u64, u64) {
    let product = a as u128 * b as u128 + c as u128 + carry as u128;
    (product as u64, (product >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scalar;
    use proptest::prelude::*;

    fn scalar<C: Order>(limbs: &Limbs) -> Scalar<C> {
        Scalar::from_bytes(&bytes(limbs)).unwrap()
    }

    /// Numbers of which many words are all zeros or all ones.
    fn edges() -> impl Strategy<Value = [u8; 32]> {
        let word = prop_oneof![Just(0), Just(u64::MAX), Just(1), any::<u64>()];
        prop::array::uniform4(word).prop_map(|limbs| bytes(&limbs))
    }

    fn is_arithmetic<C: Order>(numbers: &[[u8; 32]]) {
        let modulus = C::MODULUS;
        let limbs: Vec<Limbs> = numbers.iter().map(|bytes| modulus.read(bytes)).collect();
        let scalars: Vec<Scalar<C>> = numbers.iter().map(Scalar::reduced).collect();
        let (mut sum, mut expected) = ([0; 9], Scalar::zero());
        for (limbs, scalars) in limbs.windows(2).zip(scalars.windows(2)) {
            assert_eq!(scalar::<C>(&limbs[0]), scalars[0]);
            assert_eq!(scalar::<C>(&modulus.add(&limbs[0], &limbs[1])), scalars[0] + scalars[1]);
            let difference = modulus.subtract(&limbs[0], &limbs[1]);
            assert_eq!(scalar::<C>(&difference), scalars[0] - scalars[1]);
            accumulate(&mut sum, &limbs[0], &modulus.factor(&limbs[1]));
            accumulate_whole(&mut sum, &limbs[1]);
            expected = expected + scalars[0] * scalars[1] + scalars[1];
            assert_eq!(scalar::<C>(&modulus.reduce(&sum)), expected);
        }
        for (number, limbs) in numbers.iter().zip(&limbs) {
            let canonical = Scalar::<C>::from_bytes(number).ok();
            assert_eq!(canonical.is_some(), bytes(limbs) == *number);
        }
    }

    proptest! {
        /// CUR-11.
        #[test]
        fn it_is_the_arithmetic_of_the_libraries(numbers in prop::collection::vec(edges(), 2..40)) {
            is_arithmetic::<Secp256k1>(&numbers);
            is_arithmetic::<P256>(&numbers);
        }
    }

    /// CUR-11: more of the largest products than any sum has.
    fn largest_products_add_up<C: Order>() {
        let largest = Scalar::<C>::zero() - Scalar::one();
        let modulus = C::MODULUS;
        let limbs = modulus.read(&largest.to_bytes());
        let (mut sum, mut expected) = ([0; 9], Scalar::zero());
        for _ in 0..2_000 {
            accumulate(&mut sum, &limbs, &modulus.factor(&limbs));
            expected = expected + Scalar::one();
        }
        assert_eq!(scalar::<C>(&modulus.reduce(&sum)), expected);
    }

    /// CUR-11: sums that take every step of a reduction, which chance does not meet: the upper half
    /// is carried over, and the lower half comes out as the order itself.
    fn rare_sums_are_reduced<C: Order>() {
        const MAX: u64 = u64::MAX;
        let modulus = C::MODULUS;
        let two = Scalar::<C>::from_u64(2);
        let two_257 = (0..257).fold(Scalar::one(), |power, _| power * two);
        let carried = modulus.reduce(&[0, 0, 0, 0, MAX, MAX, MAX, MAX, 1]);
        assert_eq!(scalar::<C>(&carried), two_257 - Scalar::one());
        let [a, b, c, d] = modulus.order;
        let twice = modulus.reduce(&[a, b, c, d, MAX, MAX, MAX, MAX, 0]);
        let two_256 = (0..256).fold(Scalar::one(), |power, _| power * two);
        assert_eq!(scalar::<C>(&twice), two_256 - Scalar::one());
    }

    #[test]
    fn sums_at_their_limits_are_right() {
        largest_products_add_up::<Secp256k1>();
        largest_products_add_up::<P256>();
        rare_sums_are_reduced::<Secp256k1>();
        rare_sums_are_reduced::<P256>();
    }
}
