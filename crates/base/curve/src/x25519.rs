//! Which bytes are keys of X25519 (RFC 7748) that something may be encrypted to, and the exchange
//! with one of them, once or many times.
//!
//! The function itself accepts every 32 bytes. A coordinate that is not reduced, or whose ignored
//! bit is set, is another form of the same key; with one of small order everybody makes the same
//! secret.

use curve25519_dalek_5::edwards::EdwardsBasepointTable;
use curve25519_dalek_5::montgomery::MontgomeryPoint;
use curve25519_dalek_5::traits::BasepointTable;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use zeroize::Zeroizing;

/// Whether this is the one encoding of a coordinate: below p = 2^255 - 19 (CUR-09).
pub fn is_canonical(coordinate: &[u8; 32]) -> bool {
    coordinate.iter().rev().lt(P.iter().rev())
}

/// Whether a canonical coordinate is of small order, on the curve or on its twist: it is one of
/// five (CUR-09).
pub fn is_of_small_order(coordinate: &[u8; 32]) -> bool {
    let mut one = [0; 32];
    one[0] = 1;
    let mut minus_one = P;
    minus_one[0] -= 1;
    [[0; 32], one, minus_one, ORDER_EIGHT, ORDER_EIGHT_TOO].contains(coordinate)
}

/// A key that something is encrypted to often: after the first exchanges its multiples are kept, and
/// each further one takes a third of the time. 30 KB, public.
pub struct Multiples {
    point: MontgomeryPoint,
    /// How many exchanges there were, up to where the table is made.
    exchanges: AtomicU8,
    /// On edwards25519, where there are additions; `None` on the twist, where no key lies whose
    /// private half is known to exist.
    table: OnceLock<Option<Box<EdwardsBasepointTable>>>,
}

impl Multiples {
    /// Of the key with this coordinate.
    pub fn new(coordinate: &[u8; 32]) -> Self {
        let point = MontgomeryPoint(*coordinate);
        Self { point, exchanges: AtomicU8::new(0), table: OnceLock::new() }
    }

    /// X25519(k, key), in constant time. Whether the table exists depends on how often this was
    /// called alone.
    ///
    /// Cost: one multiplication for the first exchanges, about 20 more for the one that makes the
    /// table, then a third of one.
    pub fn exchange(&self, k: &[u8; 32]) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(match self.table() {
            Some(table) => table.mul_base_clamped(*k).to_montgomery().0,
            None => self.point.mul_clamped(*k).0,
        })
    }

    fn table(&self) -> Option<&EdwardsBasepointTable> {
        if let Some(made) = self.table.get() {
            return made.as_deref();
        }
        // exchanges at the same time may be counted as one, which delays the table and nothing else
        let before = self.exchanges.load(Ordering::Relaxed);
        if before < WITHOUT_TABLE {
            self.exchanges.store(before + 1, Ordering::Relaxed);
            return None;
        }
        // A point and its negative have the same coordinate, and so have their multiples.
        let on_the_curve = || self.point.to_edwards(0);
        let make = || on_the_curve().map(|it| Box::new(EdwardsBasepointTable::create(&it)));
        self.table.get_or_init(make).as_deref()
    }
}

/// Exchanges before the table is made: about as many pay for it.
const WITHOUT_TABLE: u8 = 32;

/// p = 2^255 - 19, little-endian.
const P: [u8; 32] = {
    let mut p = [0xff; 32];
    p[0] = 0xed;
    p[31] = 0x7f;
    p
};

/// A coordinate of order eight.
const ORDER_EIGHT: [u8; 32] = [
    0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a,
    0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
];

/// The other one.
const ORDER_EIGHT_TOO: [u8; 32] = [
    0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b,
    0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
];

#[cfg(test)]
mod tests {
    use super::*;
    use curve25519_dalek_5::montgomery::MontgomeryPoint;
    use curve25519_dalek_5::scalar::Scalar;

    /// CUR-09: the five and no neighbour of theirs: eight times them, and nothing else, is zero.
    #[test]
    fn neg_008_the_coordinates_of_small_order_are_these() {
        let mut one = [0; 32];
        one[0] = 1;
        let mut minus_one = P;
        minus_one[0] -= 1;
        let eight = |point: [u8; 32]| (MontgomeryPoint(point) * Scalar::from(8_u8)).to_bytes();
        for bad in [[0; 32], one, minus_one, ORDER_EIGHT, ORDER_EIGHT_TOO] {
            assert!(is_canonical(&bad) && is_of_small_order(&bad));
            assert_eq!(eight(bad), [0; 32]);
            let mut next = bad;
            next[0] ^= 4;
            assert!(!is_of_small_order(&next));
            assert_ne!(eight(next), [0; 32]);
        }
    }

    /// On the curve, with and without torsion, and on the twist; scalars at both ends; before there
    /// is a table and afterwards.
    #[test]
    fn an_exchange_by_multiples_is_that_of_the_ladder() {
        let mut on_the_curve = 0;
        for number in 0..32 {
            let mut coordinate = [number; 32];
            coordinate[31] = 2;
            let multiples = Multiples::new(&coordinate);
            let exchange = |k: [u8; 32]| {
                let ladder = MontgomeryPoint(coordinate).mul_clamped(k).0;
                assert_eq!(*multiples.exchange(&k), ladder, "{number}");
            };
            (0..WITHOUT_TABLE).for_each(|first| exchange([first; 32]));
            assert!(multiples.table.get().is_none());
            [[0; 32], [0xff; 32], [number; 32], coordinate].into_iter().for_each(exchange);
            let made = multiples.table.get().unwrap();
            on_the_curve += u32::from(made.is_some());
        }
        assert!((8..24).contains(&on_the_curve), "{on_the_curve}");
    }

    /// CUR-09: p itself, what is above it, and the bit that the function ignores.
    #[test]
    fn neg_009_a_coordinate_has_one_form() {
        let mut below = P;
        below[0] -= 1;
        let mut top = [1; 32];
        top[31] |= 0x80;
        assert!(is_canonical(&below) && is_canonical(&[0; 32]));
        assert!(!is_canonical(&P) && !is_canonical(&top) && !is_canonical(&[0xff; 32]));
    }
}
