//! Points from their encodings.

use super::field::Element;
use super::{one_by_one, point, side_by_side};
use crate::order::words;
use crate::vectors::{LaneWork, Lanes, on_lanes};
use k256::AffinePoint;

/// The points with these encodings as in SEC1, compressed, if this processor has lanes.
pub(crate) fn decode(encodings: &[&[u8]]) -> Option<Vec<Option<AffinePoint>>> {
    on_lanes(Decode(encodings))
}

/// The work of [`decode`].
pub(super) struct Decode<'b>(pub(super) &'b [&'b [u8]]);

impl LaneWork for Decode<'_> {
    type Output = Vec<Option<AffinePoint>>;

    #[inline(always)]
    fn run<L: Lanes>(self) -> Self::Output {
        let mut made = Vec::with_capacity(self.0.len());
        for encodings in self.0.chunks(8) {
            group::<L>(encodings, &mut made);
        }
        made
    }
}

/// Of at most eight encodings, of which each has a lane: a y with y² = x³ + 7.
#[inline(always)]
fn group<L: Lanes>(encodings: &[&[u8]], made: &mut Vec<Option<AffinePoint>>) {
    let (mut coordinates, mut wrong, mut odd) = ([[0; 4]; 8], 0_u8, 0_u8);
    for (lane, (x, encoding)) in coordinates.iter_mut().zip(encodings).enumerate() {
        let (tag, bytes) = match encoding.split_first_chunk() {
            Some(([tag @ (2 | 3)], bytes)) => (*tag, bytes.try_into().ok()),
            _ => (0, None),
        };
        let bytes: Option<&[u8; 32]> = bytes;
        *x = bytes.map(words).unwrap_or_default();
        odd |= (tag & 1) << lane;
        wrong |= u8::from(bytes.is_none()) << lane;
    }
    let given: [L; 4] = side_by_side(&coordinates);
    let x = Element::from_words(given);
    // Not below p: another encoding of a point, and of x - p.
    let [a, b, c, d] = given;
    let [e, f, g, h] = x.to_words();
    wrong |= !(a.equal(e) & b.equal(f) & c.equal(g) & d.equal(h));
    let square = x.square().times(x).wide().plus(Element::small(7).wide()).carry();
    let y = square.root();
    wrong |= !y.square().equal(square);
    // No y is zero: there is no point of order two.
    let y = y.replaced(y.is_odd() ^ odd, y.negate());
    let y = one_by_one(y.to_words());
    for (lane, (x, y)) in coordinates.iter().zip(&y).enumerate().take(encodings.len()) {
        made.push(if wrong >> lane & 1 == 0 { point([x, y]) } else { None });
    }
}
