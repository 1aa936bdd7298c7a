//! The field of secp256k1 in eight lanes: integers modulo p = 2^256 - 2^32 - 977.
//!
//! A number has five limbs of 52 bits, the lowest first, of which the processor sees no more when it
//! multiplies, so that every factor must have been carried. Three types say how large the limbs are:
//!
//! * [`Element`]: carried. The lower limbs are below 2^52, the highest is below 2^49: the number is below
//!   2^257, and one of some that are equal modulo p.
//! * [`Product`]: a sum of at most two products of elements, in ten columns.
//! * [`Wide`]: what comes of a product or of sums, not carried. The limbs are below 2^63. Sums of wide
//!   numbers cost nothing, and one carry makes an element of all of them.

use crate::vectors::{Columns, LIMB, Lanes, checked, from_words, replaced, to_words};

/// 2^256 modulo p.
const FOLD: u64 = 0x1_0000_03d1;

/// 2^260 modulo p: what one unit of the sixth limb is worth.
const FOLD_LIMB: u64 = FOLD << 4;

const HIGHEST_LIMB: u64 = (1 << 48) - 1;

/// 2^14 · p in limbs of nearly 2^62, from which every wide number can be subtracted whose limbs are
/// at most [`SUBTRAHEND`]: 2^62 at every limb, of which the upper four are worth 2^10 at the next,
/// and that at the sixth limb 2^10 · 2^260.
const ZERO: [u64; 5] = [
    (1 << 62) - (FOLD << 14),
    (1 << 62) - (1 << 10),
    (1 << 62) - (1 << 10),
    (1 << 62) - (1 << 10),
    (1 << 62) - (1 << 10),
];

/// What a limb that is subtracted may be at most: 63 times one of a [`Product::fold`] of one product.
const SUBTRAHEND: u64 = 63 << 56;

/// What a limb of a [`Wide`] number may be at most.
const LARGEST: u64 = u64::MAX >> 1;

/// What a limb of a [`Product::fold`] is at most.
const LARGEST_FOLDED: u64 = (1 << 57) - 1;

/// How often the power before is squared, and the number of that by which it is then multiplied: the
/// base has the number 0, and what comes of the first step 1.
type Step = (u32, usize);

/// To the power p - 2, of which the binary digits are 223 ones, 0, 22 ones, 0000, 1, 0, 11, 0, 1: by
/// powers of 2, 3, 6, 9, 11, 22, 44, 88, 176, 220 and 223 ones.
const INVERSE: [Step; 15] = [
    (1, 0),
    (1, 0),
    (3, 2),
    (3, 2),
    (2, 1),
    (11, 5),
    (22, 6),
    (44, 7),
    (88, 8),
    (44, 7),
    (3, 2),
    (23, 6),
    (5, 0),
    (3, 1),
    (2, 0),
];

/// To the power (p + 1) / 16, which is 223 ones, 0, 22 ones, 0000, 11, in the same way.
const QUARTER_ROOT: [Step; 13] = [
    (1, 0),
    (1, 0),
    (3, 2),
    (3, 2),
    (2, 1),
    (11, 5),
    (22, 6),
    (44, 7),
    (88, 8),
    (44, 7),
    (3, 2),
    (23, 6),
    (6, 1),
];

/// An integer modulo p in each lane, carried.
#[derive(Clone, Copy)]
pub(super) struct Element<L>([L; 5]);

/// An integer modulo p in each lane, not carried.
#[derive(Clone, Copy)]
pub(super) struct Wide<L>([L; 5]);

/// A sum of products in each lane.
#[derive(Clone, Copy)]
pub(super) struct Product<L>(Columns<L>);

impl<L: Lanes> Product<L> {
    /// ab.
    #[inline(always)]
    pub(super) fn of(a: Element<L>, b: Element<L>) -> Self {
        Self(Columns::zero()).plus(a, b)
    }

    /// self + ab: once, so that a column is below 18 · 2^52.
    #[inline(always)]
    #[must_use]
    pub(super) fn plus(self, Element(a): Element<L>, Element(b): Element<L>) -> Self {
        Self(self.0.plus(a, b))
    }

    /// a²: the products of different limbs are there twice.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "the loops are of constants, and unrolled")]
    pub(super) fn square(Element(a): Element<L>) -> Self {
        let mut columns = Columns::<L>::zero();
        let Columns { low, high } = &mut columns;
        for i in 0..5 {
            for j in i + 1..5 {
                low[i + j] = low[i + j].add_low(a[i], a[j]);
                high[i + j] = high[i + j].add_high(a[i], a[j]);
            }
        }
        for i in 0..9 {
            (low[i], high[i]) = (low[i].left::<1>(), high[i].left::<1>());
        }
        for i in 0..5 {
            low[2 * i] = low[2 * i].add_low(a[i], a[i]);
            high[2 * i] = high[2 * i].add_high(a[i], a[i]);
        }
        Self(columns)
    }

    /// The same in five limbs: of one product they are below 2^56, of two below 2^57.
    ///
    /// A column u above the fifth stands for 2^260 times as much as that five below, which is
    /// [`FOLD_LIMB`]. Its product with the lower 52 bits of u has two halves, that with the bits above
    /// belongs to the next column.
    #[inline(always)]
    pub(super) fn fold(self) -> Wide<L> {
        // The last column is the upper half of products of highest limbs: below 2 · 2^46.
        let [a, b, c, d, e, f, g, h, i, j] = self.0.merged();
        let zero = L::splat(0);
        let fold = L::splat(FOLD_LIMB);
        let into = |column: L, upper: L, below: L| {
            let carried = zero.add_high(below, fold).add_low(below.right::<52>(), fold);
            column.add_low(upper, fold).plus(carried)
        };
        // What goes into a sixth limb is below 2^32, and folded once more.
        let sixth = zero.add_high(j, fold);
        let a = a.add_low(f, fold).add_low(sixth, fold);
        let b = into(b, g, f).add_high(sixth, fold);
        Wide([a, b, into(c, h, g), into(d, i, h), into(e, j, i)]).checked(LARGEST_FOLDED)
    }

    /// The same, carried.
    #[inline(always)]
    pub(super) fn element(self) -> Element<L> {
        self.fold().carry()
    }
}

impl<L: Lanes> Wide<L> {
    #[cfg(test)]
    #[inline(always)]
    pub(super) fn of(limbs: [L; 5]) -> Self {
        Self(limbs)
    }

    /// Looks at the limbs of the plain twin: none is above this.
    #[inline(always)]
    fn checked(self, largest: u64) -> Self {
        Self(checked(self.0, largest))
    }

    /// The same in a form that can be multiplied. What exceeds 256 bits is folded once: it is below
    /// 2^15, and what it adds to the lowest limb below 2^48. A limb carries at most 2^12 to the next,
    /// so that the highest one ends below 2^48 + 2^12.
    #[inline(always)]
    pub(super) fn carry(self) -> Element<L> {
        let [a, b, c, d, e] = self.checked(LARGEST).0;
        let limb = L::splat(LIMB);
        let a = a.add_low(e.right::<48>(), L::splat(FOLD));
        let e = e.and(L::splat(HIGHEST_LIMB));
        let b = b.plus(a.right::<52>());
        let c = c.plus(b.right::<52>());
        let d = d.plus(c.right::<52>());
        let e = e.plus(d.right::<52>());
        Element([a.and(limb), b.and(limb), c.and(limb), d.and(limb), e])
    }

    /// self + other.
    #[inline(always)]
    #[must_use]
    pub(super) fn plus(self, Self([f, g, h, i, j]): Self) -> Self {
        let Self([a, b, c, d, e]) = self;
        Self([a.plus(f), b.plus(g), c.plus(h), d.plus(i), e.plus(j)]).checked(LARGEST)
    }

    /// self - other, whose limbs are at most [`SUBTRAHEND`].
    #[inline(always)]
    #[must_use]
    pub(super) fn minus(self, other: Self) -> Self {
        let [a, b, c, d, e] = ZERO;
        let Self([f, g, h, i, j]) = other.checked(SUBTRAHEND);
        let [a, b, c] = [L::splat(a), L::splat(b), L::splat(c)];
        let [d, e] = [L::splat(d), L::splat(e)];
        self.plus(Self([a.minus(f), b.minus(g), c.minus(h), d.minus(i), e.minus(j)]))
    }

    /// 2 · self.
    #[inline(always)]
    #[must_use]
    pub(super) fn twice(self) -> Self {
        self.plus(self)
    }

    /// 3 · self.
    #[inline(always)]
    #[must_use]
    pub(super) fn thrice(self) -> Self {
        self.plus(self.twice())
    }

    /// 8 · self.
    #[inline(always)]
    #[must_use]
    pub(super) fn eightfold(self) -> Self {
        let Self([a, b, c, d, e]) = self;
        let [a, b, c, d, e] =
            [a.left::<3>(), b.left::<3>(), c.left::<3>(), d.left::<3>(), e.left::<3>()];
        Self([a, b, c, d, e]).checked(LARGEST)
    }

    /// 21 · self, which is three times the 7 of the equation y² = x³ + 7.
    #[inline(always)]
    #[must_use]
    pub(super) fn times_21(self) -> Self {
        self.eightfold().twice().plus(self.twice().twice()).plus(self)
    }
}

impl<L: Lanes> Element<L> {
    /// A number below 2^256 in every lane, of limbs as here.
    #[inline(always)]
    pub(super) fn splat([a, b, c, d, e]: [u64; 5]) -> Self {
        Self([L::splat(a), L::splat(b), L::splat(c), L::splat(d), L::splat(e)])
    }

    /// A small number in every lane.
    #[inline(always)]
    pub(super) fn small(number: u32) -> Self {
        Self::splat([number.into(), 0, 0, 0, 0])
    }

    /// Numbers of this form.
    #[inline(always)]
    pub(super) fn read([a, b, c, d, e]: &[[u64; 8]; 5]) -> Self {
        Self([L::read(a), L::read(b), L::read(c), L::read(d), L::read(e)])
    }

    /// Numbers below 2^256, as words of 64 bits, the lowest first.
    #[inline(always)]
    pub(super) fn from_words(words: [L; 4]) -> Self {
        Self(from_words(words))
    }

    /// The inverse of [`from_words`](Self::from_words), of the smallest numbers that are equal to
    /// these modulo p.
    #[inline(always)]
    pub(super) fn to_words(self) -> [L; 4] {
        to_words(self.reduced().0)
    }

    /// To compute with before it is carried again.
    #[inline(always)]
    pub(super) fn wide(self) -> Wide<L> {
        Wide(self.0)
    }

    /// self · other.
    #[inline(always)]
    #[must_use]
    pub(super) fn times(self, other: Self) -> Self {
        Product::of(self, other).element()
    }

    /// self².
    #[inline(always)]
    #[must_use]
    pub(super) fn square(self) -> Self {
        Product::square(self).element()
    }

    /// -self.
    #[inline(always)]
    #[must_use]
    pub(super) fn negate(self) -> Self {
        Wide([L::splat(0); 5]).minus(self.wide()).carry()
    }

    /// `other` in these lanes, self elsewhere.
    #[inline(always)]
    #[must_use]
    pub(super) fn replaced(self, lanes: u8, other: Self) -> Self {
        Self(replaced(self.0, lanes, other.0))
    }

    /// What the lane has whose number differs in this bit.
    #[inline(always)]
    #[must_use]
    pub(super) fn crossed<const DISTANCE: usize>(self) -> Self {
        let Self([a, b, c, d, e]) = self;
        Self([
            a.crossed::<DISTANCE>(),
            b.crossed::<DISTANCE>(),
            c.crossed::<DISTANCE>(),
            d.crossed::<DISTANCE>(),
            e.crossed::<DISTANCE>(),
        ])
    }

    /// The smallest numbers that are equal to these modulo p.
    #[inline(always)]
    fn reduced(self) -> Self {
        // Below 2^256: of what exceeded it once, next to nothing is left.
        let number = self.wide().carry();
        // Not below p exactly if 2^256 is reached with what it is short of that.
        let Self([a, b, c, d, e]) = number;
        let limb = L::splat(LIMB);
        let a = a.plus(L::splat(FOLD));
        let b = b.plus(a.right::<52>());
        let c = c.plus(b.right::<52>());
        let d = d.plus(c.right::<52>());
        let e = e.plus(d.right::<52>());
        let is_large = e.right::<48>().equal(L::splat(1));
        let e = e.and(L::splat(HIGHEST_LIMB));
        let less = Self([a.and(limb), b.and(limb), c.and(limb), d.and(limb), e]);
        number.replaced(is_large, less)
    }

    /// The lanes with zero.
    #[inline(always)]
    pub(super) fn is_zero(self) -> u8 {
        let Self([a, b, c, d, e]) = self.reduced();
        a.or(b).or(c).or(d).or(e).equal(L::splat(0))
    }

    /// The lanes in which both are the same number.
    #[inline(always)]
    pub(super) fn equal(self, other: Self) -> u8 {
        self.wide().minus(other.wide()).carry().is_zero()
    }

    /// The lanes with an odd number, of the smallest that are equal to these.
    #[inline(always)]
    pub(super) fn is_odd(self) -> u8 {
        let Self([a, ..]) = self.reduced();
        a.and(L::splat(1)).equal(L::splat(1))
    }

    /// A power by a chain.
    #[inline(always)]
    fn power<const STEPS: usize>(self, chain: &[Step; STEPS]) -> Self {
        let mut powers = [self; STEPS];
        let mut power = self;
        for (number, (squarings, factor)) in chain.iter().enumerate() {
            for _ in 0..*squarings {
                power = power.square();
            }
            power = power.times(powers.get(*factor).copied().unwrap_or(self));
            if let Some(kept) = powers.get_mut(number + 1) {
                *kept = power;
            }
        }
        power
    }

    /// 1 / self, and zero of zero.
    #[inline(always)]
    #[must_use]
    pub(super) fn invert(self) -> Self {
        self.power(&INVERSE)
    }

    /// A square root, if there is one.
    #[inline(always)]
    #[must_use]
    pub(super) fn root(self) -> Self {
        self.power(&QUARTER_ROOT).square().square()
    }
}
