//! The points of secp256k1 in eight lanes, by formulas that are right for all of them: Renes,
//! Costello and Batina, "Complete addition formulas for prime order elliptic curves", EUROCRYPT 2016
//! (ePrint 2015/1060), algorithms 7 to 9 for a = 0, with b₃ = 3 · 7.
//!
//! What the paper computes as (a + b)(c + d) - ac - bd is here the sum ad + bc itself: two
//! products are added for less than it takes to carry the sums.

use super::field::{Element, Product};
use crate::vectors::Lanes;

/// A point in each lane, (x / z, y / z); the identity has z = 0.
#[derive(Clone, Copy)]
pub(super) struct Point<L> {
    pub(super) x: Element<L>,
    pub(super) y: Element<L>,
    pub(super) z: Element<L>,
}

/// A point in each lane that is not the identity.
#[derive(Clone, Copy)]
pub(super) struct Affine<L> {
    pub(super) x: Element<L>,
    pub(super) y: Element<L>,
}

impl<L: Lanes> Affine<L> {
    /// With these in front of them, the negatives.
    #[inline(always)]
    #[must_use]
    pub(super) fn negated(self, lanes: u8) -> Self {
        Self { x: self.x, y: self.y.replaced(lanes, self.y.negate()) }
    }

    #[inline(always)]
    pub(super) fn point(self) -> Point<L> {
        Point { x: self.x, y: self.y, z: Element::small(1) }
    }
}

impl<L: Lanes> Point<L> {
    /// The neutral element in every lane.
    #[inline(always)]
    pub(super) fn identity() -> Self {
        let zero = Element::small(0);
        Self { x: zero, y: Element::small(1), z: zero }
    }

    /// Algorithm 7.
    #[inline(always)]
    #[must_use]
    pub(super) fn plus(self, other: Self) -> Self {
        let (Self { x, y, z }, Self { x: u, y: v, z: w }) = (self, other);
        let xu = Product::of(x, u).fold();
        let yv = Product::of(y, v).fold();
        let zw_21 = Product::of(z, w).fold().times_21();
        let xy = Product::of(x, v).plus(y, u).element();
        let yz = Product::of(y, w).plus(z, v).element();
        let xz_21 = Product::of(x, w).plus(z, u).fold().times_21();
        let xu_3 = xu.thrice().carry();
        let (more, less) = (yv.plus(zw_21).carry(), yv.minus(zw_21).carry());
        Self::sum(xu_3, xy, yz, xz_21.carry(), more, less)
    }

    /// Algorithm 8.
    #[inline(always)]
    #[must_use]
    pub(super) fn plus_affine(self, Affine { x: u, y: v }: Affine<L>) -> Self {
        let Self { x, y, z } = self;
        let xu = Product::of(x, u).fold();
        let yv = Product::of(y, v).fold();
        let z_21 = z.wide().times_21();
        let xy = Product::of(x, v).plus(y, u).element();
        let yz = Product::of(z, v).fold().plus(y.wide()).carry();
        let xz_21 = Product::of(z, u).fold().plus(x.wide()).times_21();
        let xu_3 = xu.thrice().carry();
        let (more, less) = (yv.plus(z_21).carry(), yv.minus(z_21).carry());
        Self::sum(xu_3, xy, yz, xz_21.carry(), more, less)
    }

    /// What both have at the end: 3 x x', x y' + y x', y z' + z y', b₃ (x z' + z x') and
    /// y y' ± b₃ z z' are given.
    #[inline(always)]
    fn sum(
        xx: Element<L>,
        xy: Element<L>,
        yz: Element<L>,
        xz: Element<L>,
        more: Element<L>,
        less: Element<L>,
    ) -> Self {
        Self {
            x: Product::of(xy, less).plus(yz, xz.negate()).element(),
            y: Product::of(more, less).plus(xx, xz).element(),
            z: Product::of(yz, more).plus(xx, xy).element(),
        }
    }

    /// Algorithm 9.
    #[inline(always)]
    #[must_use]
    pub(super) fn double(self) -> Self {
        let Self { x, y, z } = self;
        let yy = Product::square(y).fold();
        let zz_21 = Product::square(z).fold().times_21();
        let xy_2 = Product::of(x, y).fold().twice().carry();
        let yz = Product::of(y, z).element();
        let yy_8 = yy.eightfold().carry();
        let (more, less) = (yy.plus(zz_21).carry(), yy.minus(zz_21.thrice()).carry());
        Self {
            x: less.times(xy_2),
            y: Product::of(less, more).plus(zz_21.carry(), yy_8).element(),
            z: yy_8.times(yz),
        }
    }

    /// `other` in these lanes, self elsewhere.
    #[inline(always)]
    #[must_use]
    pub(super) fn replaced(self, lanes: u8, other: Self) -> Self {
        Self {
            x: self.x.replaced(lanes, other.x),
            y: self.y.replaced(lanes, other.y),
            z: self.z.replaced(lanes, other.z),
        }
    }

    /// The negatives in these lanes.
    #[inline(always)]
    #[must_use]
    pub(super) fn negated(self, lanes: u8) -> Self {
        Self { y: self.y.replaced(lanes, self.y.negate()), ..self }
    }

    /// What the lane has whose number differs in this bit.
    #[inline(always)]
    #[must_use]
    pub(super) fn crossed<const DISTANCE: usize>(self) -> Self {
        Self {
            x: self.x.crossed::<DISTANCE>(),
            y: self.y.crossed::<DISTANCE>(),
            z: self.z.crossed::<DISTANCE>(),
        }
    }

    /// Sums of lanes that differ in this bit of their numbers: those of self in the lanes without
    /// it, those of `other` in the lanes with it.
    #[inline(always)]
    #[must_use]
    pub(super) fn paired<const DISTANCE: usize>(self, other: Self) -> Self {
        let with = const {
            match DISTANCE {
                1 => 0b1010_1010,
                2 => 0b1100_1100,
                _ => 0b1111_0000,
            }
        };
        let (crossed, other_crossed) = (self.crossed::<DISTANCE>(), other.crossed::<DISTANCE>());
        self.replaced(with, other_crossed).plus(crossed.replaced(with, other))
    }
}
