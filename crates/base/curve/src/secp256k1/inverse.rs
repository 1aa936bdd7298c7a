//! Inverses of many field elements.

use super::field::Element;
use crate::vectors::Lanes;

/// Replaces every number, none of which is zero, by its inverse.
#[inline(always)]
pub(super) fn invert_all<L: Lanes, const MANY: usize>(numbers: &mut [Element<L>; MANY]) {
    let mut before = [Element::small(1); MANY];
    let mut product = Element::small(1);
    for (before, number) in before.iter_mut().zip(&*numbers) {
        *before = product;
        product = product.times(*number);
    }
    let mut inverse = product.invert();
    for (before, number) in before.iter().zip(numbers).rev() {
        let next = inverse.times(*number);
        *number = inverse.times(*before);
        inverse = next;
    }
}
