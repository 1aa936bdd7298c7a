//! Numbers of 256 bits in lanes, in five limbs of 52 bits, the lowest first, because the processor
//! multiplies as many bits (Gueron and Krasnov, "Accelerating big integer arithmetic using Intel IFMA
//! extensions", ARITH 2016). It does not see more than 52 bits of a limb that it multiplies.

use super::Lanes;

/// The bits of a limb.
pub(crate) const LIMB: u64 = (1 << 52) - 1;

/// The limbs of a number below 2^256, whose words are given.
pub(crate) const fn limbs([a, b, c, d]: [u64; 4]) -> [u64; 5] {
    [
        a & LIMB,
        (a >> 52 | b << 12) & LIMB,
        (b >> 40 | c << 24) & LIMB,
        (c >> 28 | d << 36) & LIMB,
        d >> 16,
    ]
}

/// The same in every lane.
#[inline(always)]
pub(crate) fn from_words<L: Lanes>([a, b, c, d]: [L; 4]) -> [L; 5] {
    let limb = L::splat(LIMB);
    [
        a.and(limb),
        a.right::<52>().or(b.left::<12>()).and(limb),
        b.right::<40>().or(c.left::<24>()).and(limb),
        c.right::<28>().or(d.left::<36>()).and(limb),
        d.right::<16>(),
    ]
}

/// The inverse of [`from_words`], of limbs below 2^52 that make a number below 2^256.
#[inline(always)]
pub(crate) fn to_words<L: Lanes>([a, b, c, d, e]: [L; 5]) -> [L; 4] {
    [
        a.or(b.left::<52>()),
        b.right::<12>().or(c.left::<40>()),
        c.right::<24>().or(d.left::<28>()),
        d.right::<36>().or(e.left::<16>()),
    ]
}

/// `other` in these lanes, the number elsewhere.
#[inline(always)]
pub(crate) fn replaced<L: Lanes>(number: [L; 5], lanes: u8, other: [L; 5]) -> [L; 5] {
    let ([a, b, c, d, e], [f, g, h, i, j]) = (number, other);
    [
        a.replaced(lanes, f),
        b.replaced(lanes, g),
        c.replaced(lanes, h),
        d.replaced(lanes, i),
        e.replaced(lanes, j),
    ]
}

/// Looks at the limbs of the plain twin: none is above this.
#[inline(always)]
pub(crate) fn checked<L: Lanes, const N: usize>(limbs: [L; N], largest: u64) -> [L; N] {
    if L::IS_TWIN && cfg!(debug_assertions) {
        check(&limbs.map(L::write), largest);
    }
    limbs
}

/// Not inlined: it would be in every sum.
#[inline(never)]
fn check(limbs: &[[u64; 8]], largest: u64) {
    assert!(limbs.iter().flatten().all(|limb| *limb <= largest));
}

/// A sum of products in each lane: the lower halves of the products of limbs, and the upper halves,
/// which belong one column higher.
#[derive(Clone, Copy)]
pub(crate) struct Columns<L> {
    pub(crate) low: [L; 9],
    pub(crate) high: [L; 9],
}

impl<L: Lanes> Columns<L> {
    /// Of no products.
    #[inline(always)]
    pub(crate) fn zero() -> Self {
        Self { low: [L::splat(0); 9], high: [L::splat(0); 9] }
    }

    /// self + ab.
    #[inline(always)]
    #[must_use]
    #[expect(
        clippy::indexing_slicing,
        clippy::needless_range_loop,
        reason = "the loops are of constants, and unrolled"
    )]
    pub(crate) fn plus(mut self, a: [L; 5], b: [L; 5]) -> Self {
        for i in 0..5 {
            for j in 0..5 {
                self.low[i + j] = self.low[i + j].add_low(a[i], b[j]);
                self.high[i + j] = self.high[i + j].add_high(a[i], b[j]);
            }
        }
        self
    }

    /// Ten columns, lower and upper halves together: of n products below 9n · 2^52.
    #[inline(always)]
    pub(crate) fn merged(self) -> [L; 10] {
        let [a, b, c, d, e, f, g, h, i] = self.low;
        let [b1, c1, d1, e1, f1, g1, h1, i1, j] = self.high;
        let [b, c, d, e] = [b.plus(b1), c.plus(c1), d.plus(d1), e.plus(e1)];
        [a, b, c, d, e, f.plus(f1), g.plus(g1), h.plus(h1), i.plus(i1), j]
    }
}
