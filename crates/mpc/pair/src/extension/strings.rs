//! From rows, one for each bit of the digits, to strings, one for each transfer, and their pads.

use super::check::MASK_WORDS;
use crate::lanes::{LANES, Lanes, Word, xor};
use crate::trees::PLACES;
use zeroize::{Zeroize, Zeroizing};

/// A string of 128 bits for each transfer, sixteen side by side: those of the same place in
/// sixteen words of a row. Secret: wiped when dropped.
pub(crate) struct Strings {
    /// Transfer 512 a + 32 l + b has lane l of entry 32 a + b.
    lanes: Vec<[Word; 4]>,
    transfers: usize,
}

/// Pads of equal length, one for each transfer. Secret: wiped when dropped.
pub(crate) struct Pads {
    bytes: Zeroizing<Vec<u8>>,
    each: usize,
}

impl Strings {
    /// Turns 128 rows of this many words over: bit i of the string of transfer j is bit j of row i.
    pub(super) fn of(rows: &[u32], words: usize) -> Self {
        let columns = words - MASK_WORDS;
        let mut lanes = vec![[[0; LANES]; 4]; columns.div_ceil(LANES) * 32];
        for (first, lanes) in (0..columns).step_by(LANES).zip(lanes.chunks_mut(32)) {
            for (word, rows) in rows.chunks(32 * words).take(PLACES / 32).enumerate() {
                let mut square = [[0; LANES]; 32];
                for (square, row) in square.iter_mut().zip(rows.chunks(words)) {
                    let row = row.iter().take(columns).skip(first);
                    for (to, from) in square.iter_mut().zip(row) {
                        *to = *from;
                    }
                }
                transpose(&mut square);
                for (string, turned) in lanes.iter_mut().zip(&square) {
                    if let Some(to) = string.get_mut(word) {
                        *to = *turned;
                    }
                }
                square.zeroize();
            }
        }
        Self { lanes, transfers: 32 * columns }
    }

    /// The keyed hash of each string plus `difference`, with its number (PAI-08).
    pub(super) fn pads(&self, key: &[u8; 32], difference: &[u32; 4], each: usize) -> Pads {
        let mut bytes = Zeroizing::new(vec![0; self.transfers * each]);
        for (entry, string) in self.lanes.iter().enumerate() {
            let transfer = |lane: usize| 512 * (entry / 32) + 32 * lane + entry % 32;
            let [a, b, c, d] = std::array::from_fn(|word| {
                let string = string.get(word).copied().unwrap_or_default();
                xor(string, [difference.get(word).copied().unwrap_or_default(); LANES])
            });
            let number = std::array::from_fn(|lane| transfer(lane) as u32);
            let mut message = [a, b, c, d, number];
            let pads = Lanes::of_messages(key, &message);
            message.zeroize();
            for block in 0..each.div_ceil(64) {
                let mut output = pads.block(block as u64);
                for number in 0..LANES {
                    let from = transfer(number) * each + 64 * block;
                    let pad = bytes.get_mut(from..from + (each - 64 * block).min(64));
                    for (to, word) in pad.unwrap_or_default().chunks_mut(4).zip(&output) {
                        let word = word.get(number).copied().unwrap_or_default();
                        for (to, byte) in to.iter_mut().zip(word.to_le_bytes()) {
                            *to = byte;
                        }
                    }
                }
                output.zeroize();
            }
        }
        Pads { bytes, each }
    }
}

impl Pads {
    /// Each pad, in the order of the transfers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.chunks_exact(self.each)
    }
}

impl Drop for Strings {
    fn drop(&mut self) {
        self.lanes.as_flattened_mut().as_flattened_mut().zeroize();
    }
}

/// Turns 32 rows of 32 bits over, in every lane: squares of halving size swap two of their
/// quarters (Warren, "Hacker's Delight", section 7-3).
fn transpose(rows: &mut [Word; 32]) {
    let mut mask: u32 = 0x0000_ffff;
    let mut half = 16;
    while half > 0 {
        for block in rows.chunks_mut(2 * half) {
            let (low, high) = block.split_at_mut(half);
            for (low, high) in low.iter_mut().zip(high) {
                for (low, high) in low.iter_mut().zip(high) {
                    let swapped = (*low >> half ^ *high) & mask;
                    *low ^= swapped << half;
                    *high ^= swapped;
                }
            }
        }
        half /= 2;
        mask ^= mask << half;
    }
}
