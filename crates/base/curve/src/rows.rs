//! Rows of secret scalars in eight lanes, where the processor multiplies as many numbers at once.
//!
//! Eight scalars at a time are brought side by side, computed with in limbs of 52 bits and brought
//! back, so that a row is the same wherever it is made. Products are added up and reduced once, as in
//! [`order`](crate::order), but by Montgomery's R = 2^260, which is five limbs.

use crate::order::{Bytes, Limbs, Modulus, Sum, accumulate_at, words};
use crate::vectors::{Columns, LIMB, LaneWork, Lanes, checked, from_words, replaced, to_words};
use zeroize::Zeroizing;

/// How many are computed with at once.
const LANES: usize = 8;

/// How many vectors of products are added up before all columns are: the sum of all lanes of one is
/// below 8 · 9 · 56 · 2^52, which is less than 2^64.
const VECTORS: usize = 56;

/// How many products are added up before they are reduced, so that less than 3q is left of them.
const PRODUCTS: usize = 16;

/// What a column of so many products is at most, with one more for the reduction.
const LARGEST_COLUMN: u64 = (9 * (PRODUCTS as u64 + 1) + 1) << 52;

/// Numbers modulo q, in place.
pub(crate) struct Reduced<'a> {
    pub(crate) modulus: &'a Modulus,
    pub(crate) numbers: &'a mut [Bytes],
}

impl LaneWork for Reduced<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let order = Order::<L>::of(self.modulus);
        for numbers in self.numbers.chunks_mut(LANES) {
            // Below 2^256, and so below 2q.
            write(order.less(read(numbers)), numbers);
        }
    }
}

/// whole + plus - minus, one by one; where there are choices and one is 0, the whole alone.
pub(crate) struct Sums<'a> {
    pub(crate) modulus: &'a Modulus,
    pub(crate) whole: &'a [Bytes],
    pub(crate) plus: Term<'a>,
    pub(crate) minus: Term<'a>,
    /// A bit for each, the lowest of each byte first.
    pub(crate) choices: Option<&'a [u8]>,
    /// As many as the whole has.
    pub(crate) made: &'a mut [Bytes],
}

/// What is added or subtracted, below q.
#[derive(Clone, Copy)]
pub(crate) enum Term<'a> {
    Zero,
    /// The same number everywhere.
    Same(&'a Limbs),
    /// One for each.
    Each(&'a [Bytes]),
}

impl Term<'_> {
    /// The number at a place, unless it is zero everywhere.
    pub(crate) fn at(self, place: usize) -> Option<Limbs> {
        match self {
            Self::Zero => None,
            Self::Same(number) => Some(*number),
            Self::Each(numbers) => numbers.get(place).map(words),
        }
    }

    /// The numbers of eight places.
    #[inline(always)]
    fn read<L: Lanes>(self, block: usize) -> [L; 5] {
        match self {
            Self::Zero => [L::splat(0); 5],
            Self::Same(number) => from_words(number.map(L::splat)),
            Self::Each(numbers) => read(numbers.get(LANES * block..).unwrap_or_default()),
        }
    }
}

impl LaneWork for Sums<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let order = Order::<L>::of(self.modulus);
        let whole = self.whole.chunks(LANES);
        for (block, (whole, made)) in whole.zip(self.made.chunks_mut(LANES)).enumerate() {
            let (mut plus, mut minus) = (self.plus.read(block), self.minus.read(block));
            if let Some(choices) = self.choices {
                let lanes = lanes(choices.get(block).copied().unwrap_or_default());
                plus = replaced([L::splat(0); 5], lanes, plus);
                minus = replaced([L::splat(0); 5], lanes, minus);
            }
            write(order.sum(read(whole), plus, minus), made);
        }
    }
}

/// whole + Σ factor · row, one by one.
pub(crate) struct PlusWeighted<'a> {
    pub(crate) modulus: &'a Modulus,
    pub(crate) whole: &'a [Bytes],
    pub(crate) factors: &'a [Limbs],
    pub(crate) rows: &'a [&'a [Bytes]],
    /// As many as the whole has.
    pub(crate) made: &'a mut [Bytes],
}

impl LaneWork for PlusWeighted<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let order = Order::<L>::of(self.modulus);
        let factors: Vec<Limbs> =
            self.factors.iter().map(|factor| self.modulus.lane_factor(factor)).collect();
        let whole = self.whole.chunks(LANES);
        for (block, (whole, made)) in whole.zip(self.made.chunks_mut(LANES)).enumerate() {
            let mut sum = read(whole);
            for (factors, rows) in factors.chunks(PRODUCTS).zip(self.rows.chunks(PRODUCTS)) {
                let mut columns = Columns::zero();
                for (factor, row) in factors.iter().zip(rows) {
                    let row = read(row.get(LANES * block..).unwrap_or_default());
                    columns = columns.plus(row, from_words(factor.map(L::splat)));
                }
                sum = order.reduce(columns, sum);
            }
            write(sum, made);
        }
    }
}

/// Adds Σ factor · scalar to a sum, of at most [`WeightedSum::MOST`].
pub(crate) struct WeightedSum<'a> {
    pub(crate) sum: &'a mut Sum,
    pub(crate) scalars: &'a [Bytes],
    pub(crate) factors: &'a [Limbs],
}

impl WeightedSum<'_> {
    pub(crate) const MOST: usize = VECTORS * LANES;
}

impl LaneWork for WeightedSum<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let mut columns = Columns::<L>::zero();
        for (scalars, factors) in self.scalars.chunks(LANES).zip(self.factors.chunks(LANES)) {
            columns = columns.plus(read(scalars), read_factors(factors));
        }
        for (place, column) in columns.merged().into_iter().enumerate() {
            let column = column.write().into_iter().fold(0, u64::wrapping_add);
            accumulate_at(self.sum, 52 * place, column);
        }
    }
}

/// An order in every lane.
struct Order<L> {
    order: [L; 5],
    /// 2^260 - q.
    short: [L; 5],
    /// q, of limbs that are enough to subtract others from.
    bias: [L; 5],
    /// -1 / q modulo 2^52.
    inverse: L,
}

impl<L: Lanes> Order<L> {
    #[inline(always)]
    fn of(modulus: &Modulus) -> Self {
        let order = from_words(modulus.order.map(L::splat));
        let [a, b, c, d, e] = order;
        // Limbs below 2^52 each: what is short of 2^260 - 1, and one.
        let limb = L::splat(LIMB);
        let one = L::splat(1);
        let short =
            [limb.minus(a).plus(one), limb.minus(b), limb.minus(c), limb.minus(d), limb.minus(e)];
        // 2^53 at every limb, of which the upper four take two each at the next.
        let (first, next, last) = (L::splat(1 << 53), L::splat((1 << 53) - 2), L::splat(2));
        let bias = [a.plus(first), b.plus(next), c.plus(next), d.plus(next), e.minus(last)];
        Self { order, short, bias, inverse: L::splat(modulus.inverse & LIMB) }
    }

    /// a + b - c, all below q.
    #[inline(always)]
    fn sum(&self, a: [L; 5], b: [L; 5], c: [L; 5]) -> [L; 5] {
        let [p, q, r, s, t] = a;
        let [f, g, h, i, j] = b;
        let [k, l, m, n, o] = c;
        let [u, v, w, x, y] = self.bias;
        // The highest limb may have been below zero before what is carried.
        self.canonical([
            u.plus(p).plus(f).minus(k),
            v.plus(q).plus(g).minus(l),
            w.plus(r).plus(h).minus(m),
            x.plus(s).plus(i).minus(n),
            y.plus(t).plus(j).minus(o),
        ])
    }

    /// A sum of at most [`PRODUCTS`] products divided by 2^260, and a number below q.
    ///
    /// A product is below q · 2^256, so that with m · q, m < 2^260, less than (16 / 2^4 + 1) q is left.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "the loops are of constants, and unrolled")]
    fn reduce(&self, columns: Columns<L>, whole: [L; 5]) -> [L; 5] {
        let mut columns = columns.merged();
        let zero = L::splat(0);
        for first in 0..5 {
            // The lower 52 bits of the first column become zero, and what is above is carried.
            let m = zero.add_low(columns[first], self.inverse);
            for (place, limb) in self.order.into_iter().enumerate() {
                let at = first + place;
                columns[at] = columns[at].add_low(m, limb);
                columns[at + 1] = columns[at + 1].add_high(m, limb);
            }
            columns[first + 1] = columns[first + 1].plus(columns[first].right::<52>());
        }
        let [.., a, b, c, d, e] = checked(columns, LARGEST_COLUMN);
        let [f, g, h, i, j] = whole;
        self.canonical([a.plus(f), b.plus(g), c.plus(h), d.plus(i), e.plus(j)])
    }

    /// The smallest number that is equal modulo q to one below 3q, carried.
    #[inline(always)]
    fn canonical(&self, number: [L; 5]) -> [L; 5] {
        let once = self.less(checked(carried(number), LIMB));
        checked(self.less(once), LIMB)
    }

    /// A number, less q if it is not below q: exactly if it reaches 2^260 with what q is short of
    /// that.
    #[inline(always)]
    fn less(&self, number: [L; 5]) -> [L; 5] {
        let [a, b, c, d, e] = number;
        let [f, g, h, i, j] = self.short;
        let [a, b, c, d, e] = carried([a.plus(f), b.plus(g), c.plus(h), d.plus(i), e.plus(j)]);
        let is_large = e.right::<52>().equal(L::splat(1));
        let less = [a, b, c, d, e.and(L::splat(LIMB))];
        replaced(number, is_large, less)
    }
}

/// The same with lower limbs of 52 bits.
#[inline(always)]
fn carried<L: Lanes>([a, b, c, d, e]: [L; 5]) -> [L; 5] {
    let limb = L::splat(LIMB);
    let b = b.plus(a.right::<52>());
    let c = c.plus(b.right::<52>());
    let d = d.plus(c.right::<52>());
    let e = e.plus(d.right::<52>());
    [a.and(limb), b.and(limb), c.and(limb), d.and(limb), e]
}

/// The lanes of the bits of a byte: as [`transposed`] leaves numbers, first those of even places.
#[inline(always)]
fn lanes(bits: u8) -> u8 {
    let swapped = (bits >> 1 ^ bits) & 0b0010_0010;
    let bits = bits ^ swapped ^ swapped << 1;
    let swapped = (bits >> 2 ^ bits) & 0b0000_1100;
    bits ^ swapped ^ swapped << 2
}

/// The first eight scalars, or zeros where there are fewer. Only of fewer a copy is made, and wiped: it
/// would be left on the stack.
#[inline(always)]
fn read<L: Lanes>(scalars: &[Bytes]) -> [L; 5] {
    let mut some;
    let eight = match scalars.first_chunk() {
        Some(eight) => eight,
        None => {
            some = Zeroizing::new([[0; 32]; LANES]);
            some.iter_mut().zip(scalars).for_each(|(to, from)| *to = *from);
            &*some
        }
    };
    let mut words = [L::splat(0); 4];
    for (to, from) in words.iter_mut().zip(eight.as_flattened().as_chunks().0) {
        *to = L::read_bytes(from);
    }
    let [d, c, b, a] = transposed(words);
    from_words([a, b, c, d])
}

/// The same of factors.
#[inline(always)]
fn read_factors<L: Lanes>(factors: &[Limbs]) -> [L; 5] {
    let eight = factors.first_chunk().copied().unwrap_or_else(|| {
        let mut eight = [[0; 4]; LANES];
        eight.iter_mut().zip(factors).for_each(|(to, from)| *to = *from);
        eight
    });
    let mut words = [L::splat(0); 4];
    for (to, from) in words.iter_mut().zip(eight.as_flattened().as_chunks().0) {
        *to = L::read(from);
    }
    from_words(transposed(words))
}

/// The inverse of [`read`]: eight scalars, or as many as there is room for.
#[inline(always)]
fn write<L: Lanes>(limbs: [L; 5], scalars: &mut [Bytes]) {
    let [a, b, c, d] = to_words(limbs);
    let words = transposed([d, c, b, a]);
    if let Some(eight) = scalars.first_chunk_mut() {
        return write_eight(words, eight);
    }
    let mut eight = Zeroizing::new([[0; 32]; LANES]);
    write_eight(words, &mut eight);
    scalars.iter_mut().zip(&*eight).for_each(|(to, from)| *to = *from);
}

#[inline(always)]
fn write_eight<L: Lanes>(words: [L; 4], eight: &mut [Bytes; LANES]) {
    for (to, from) in eight.as_flattened_mut().as_chunks_mut().0.iter_mut().zip(words) {
        *to = from.write_bytes();
    }
}

/// Turns over each half of four vectors, a square of four by four numbers: what was eight times four
/// numbers one after the other is four vectors then, first of the even places, then of the odd ones.
#[inline(always)]
fn transposed<L: Lanes>([a, b, c, d]: [L; 4]) -> [L; 4] {
    let (odd, even) = (0b1010_1010, 0b0101_0101);
    let (a, b) = (a.replaced(odd, b.crossed::<1>()), b.replaced(even, a.crossed::<1>()));
    let (c, d) = (c.replaced(odd, d.crossed::<1>()), d.replaced(even, c.crossed::<1>()));
    let (upper, lower) = (0b1100_1100, 0b0011_0011);
    let (a, c) = (a.replaced(upper, c.crossed::<2>()), c.replaced(lower, a.crossed::<2>()));
    let (b, d) = (b.replaced(upper, d.crossed::<2>()), d.replaced(lower, b.crossed::<2>()));
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::{Order as _, accumulate, accumulate_whole, bytes, masked};
    use crate::vectors::on_lanes;
    use crate::{P256, Secp256k1};
    use proptest::prelude::*;

    /// Every operation on rows of these numbers: the first as they are, the others below the order.
    #[derive(Clone)]
    struct Everything {
        modulus: Modulus,
        raw: Vec<Bytes>,
        rows: Vec<Vec<Bytes>>,
        factors: Vec<Limbs>,
        choices: Vec<u8>,
    }

    impl Everything {
        fn new(modulus: Modulus, columns: &[Vec<Bytes>], factors: &[Bytes]) -> Self {
            let row = |row: &Vec<Bytes>| row.iter().map(|it| bytes(&modulus.read(it))).collect();
            let factors = factors.iter().map(|factor| modulus.read(factor)).collect();
            let (raw, rows) = columns.split_first().unwrap();
            let choices = raw.iter().map(|number| number[31]).collect();
            Self {
                modulus,
                raw: raw.clone(),
                rows: rows.iter().map(row).collect(),
                factors,
                choices,
            }
        }

        fn term(&self) -> Term<'_> {
            Term::Each(&self.rows[0])
        }

        fn same(&self) -> Term<'_> {
            Term::Same(&self.factors[0])
        }

        /// The same, number for number.
        fn plainly(&self) -> (Vec<Vec<u8>>, Sum) {
            let modulus = &self.modulus;
            let places = 0..self.raw.len();
            let row = |row: usize, place: usize| words(&self.rows[row][place]);
            let chosen = |place: usize| u64::from(self.choices[place / 8] >> (place % 8) & 1);
            let each = |made: &dyn Fn(usize) -> Limbs| {
                places.clone().flat_map(|place| bytes(&made(place))).collect::<Vec<u8>>()
            };
            let mut all = Sum::default();
            for (scalar, factor) in self.rows[0].iter().zip(&self.factors) {
                accumulate(&mut all, &words(scalar), factor);
            }
            let weighted = |place: usize| {
                let mut sum = Sum::default();
                accumulate_whole(&mut sum, &row(0, place));
                for (number, factor) in (0..self.rows.len()).zip(&self.factors) {
                    accumulate(&mut sum, &row(number, place), factor);
                }
                modulus.reduce(&sum)
            };
            let number = self.factors[0];
            let made = [
                each(&|place| modulus.read(&self.raw[place])),
                each(&|place| {
                    modulus.add(&modulus.subtract(&row(1, place), &row(0, place)), &number)
                }),
                each(&|place| modulus.add(&row(1, place), &masked(row(0, place), chosen(place)))),
                each(&|place| modulus.subtract(&row(1, place), &masked(number, chosen(place)))),
                each(&weighted),
            ];
            (made.to_vec(), all)
        }
    }

    impl LaneWork for &Everything {
        type Output = (Vec<Vec<u8>>, Sum);

        #[inline(always)]
        fn run<L: Lanes>(self) -> Self::Output {
            let mut numbers = self.raw.clone();
            let modulus = &self.modulus;
            Reduced { modulus, numbers: &mut numbers }.run::<L>();
            let mut made = vec![numbers.as_flattened().to_vec()];
            for (plus, minus, choices) in [
                (self.same(), self.term(), None),
                (self.term(), Term::Zero, Some(self.choices.as_slice())),
                (Term::Zero, self.same(), Some(self.choices.as_slice())),
            ] {
                let mut row = vec![[0; 32]; self.raw.len()];
                let whole = &self.rows[1];
                Sums { modulus, whole, plus, minus, choices, made: &mut row }.run::<L>();
                made.push(row.into_flattened());
            }
            let mut row = vec![[0; 32]; self.raw.len()];
            let rows: Vec<&[Bytes]> = self.rows.iter().map(Vec::as_slice).collect();
            let (whole, factors, rows) = (&self.rows[0], &self.factors, &rows);
            PlusWeighted { modulus, whole, factors, rows, made: &mut row }.run::<L>();
            made.push(row.into_flattened());
            let mut sum = Sum::default();
            let (scalars, factors) = (&self.rows[0], &self.factors);
            WeightedSum { sum: &mut sum, scalars, factors }.run::<L>();
            (made, sum)
        }
    }

    fn is_the_same_in_lanes(columns: &[Vec<Bytes>], factors: &[Bytes]) {
        for modulus in [Secp256k1::MODULUS, P256::MODULUS] {
            let work = Everything::new(modulus, columns, factors);
            let plain = work.plainly();
            assert_eq!((&work).run::<[u64; 8]>(), plain);
            if let Some(found) = on_lanes(&work) {
                assert_eq!(found, plain);
            }
        }
    }

    /// 0, 1, both orders, their neighbours, 2^256 - 1, and numbers of which many words are all zeros
    /// or all ones.
    fn edges() -> impl Strategy<Value = Bytes> {
        let word = prop_oneof![Just(0), Just(u64::MAX), Just(1), any::<u64>()];
        let near = |modulus: Modulus| {
            let [low, rest @ ..] = modulus.order;
            let [a, b, c] = rest;
            prop_oneof![Just(low - 1), Just(low), Just(low + 1)].prop_map(move |low| [low, a, b, c])
        };
        let small = prop_oneof![Just([0; 4]), Just([1, 0, 0, 0]), Just([u64::MAX; 4])];
        let of_order = prop_oneof![near(Secp256k1::MODULUS), near(P256::MODULUS)];
        let words = prop_oneof![small, of_order, prop::array::uniform4(word)];
        words.prop_map(|limbs| bytes(&limbs))
    }

    proptest! {
        /// CUR-14.
        #[test]
        fn rows_are_the_same_in_lanes(
            (columns, factors) in (1..20_usize, 3..20_usize).prop_flat_map(|(count, rows)| {
                let row = prop::collection::vec(edges(), count);
                (prop::collection::vec(row, rows), prop::collection::vec(edges(), count + rows))
            }),
        ) {
            is_the_same_in_lanes(&columns, &factors);
        }
    }

    /// CUR-14: as many products as are added up before they are reduced, and one more. All numbers are
    /// just below the order and differ, so that for some places the multiple of the order that is added
    /// is nearly the largest too, and with it nearly three times the order is left.
    #[test]
    fn the_largest_sums_of_products_are_the_same_in_lanes() {
        for modulus in [Secp256k1::MODULUS, P256::MODULUS] {
            let below = |less: usize| bytes(&modulus.subtract(&[0; 4], &[less as u64, 0, 0, 0]));
            for rows in [PRODUCTS, PRODUCTS + 1] {
                let row = |row: usize| (1..400).map(|place| below(row + place)).collect();
                // And the raw numbers.
                let columns: Vec<Vec<Bytes>> = (0..rows + 1).map(row).collect();
                // In the form for lanes sixteen times as much is short of the order.
                let factors: Vec<Bytes> = (1..=rows).map(below).collect();
                is_the_same_in_lanes(&columns, &factors);
            }
        }
    }

    /// CUR-14: as many vectors as are added up before their columns are, of numbers for which both
    /// halves of all products of limbs are large: 0.984 · 2^64 is the largest column then.
    #[test]
    fn the_largest_columns_are_the_same_in_lanes() {
        let number = |limb: u64| {
            let words = to_words([limb, limb, limb, limb, 1].map(|limb| [limb; LANES]));
            bytes(&words.map(|[word, ..]| word))
        };
        let (scalar, factor) = (number((1 << 52) - (1 << 26)), number((1 << 52) - (1 << 26) + 1));
        let most = WeightedSum::MOST;
        is_the_same_in_lanes(&vec![vec![scalar; most]; 3], &vec![factor; most]);
    }

    #[test]
    fn bits_have_their_lanes() {
        let numbers: Vec<Bytes> = (0..8).map(|number| bytes(&[number, 0, 0, 0])).collect();
        let [first, ..] = read::<[u64; 8]>(&numbers);
        for (lane, number) in first.into_iter().enumerate() {
            assert_eq!(lanes(1 << number), 1 << lane);
        }
    }
}
