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

/// Pads, row by row: for so many transfers the first part of each pad one after the other, then the
/// second ones. Secret: wiped when dropped.
pub(crate) type Pads = std::vec::IntoIter<Zeroizing<Vec<u8>>>;

/// What the rows of pads are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows {
    /// How many transfers make a row of each part: one or more.
    pub(crate) transfers: usize,
    /// How many parts a pad has.
    pub(crate) parts: usize,
    /// Length of a part, a multiple of 16.
    pub(crate) bytes: usize,
}

/// What is written at once: four words.
const PIECE: usize = 16;

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
                square.as_flattened_mut().zeroize();
            }
        }
        Self { lanes, transfers: 32 * columns }
    }

    /// The keyed hash of each string plus `difference`, with its number (PAI-08).
    pub(super) fn pads(&self, key: &[u8; 32], difference: &[u32; 4], rows: Rows) -> Pads {
        let Rows { transfers, parts, bytes } = rows;
        let count = parts * (self.transfers / transfers);
        let mut made: Vec<_> =
            (0..count).map(|_| Zeroizing::new(vec![0; transfers * bytes])).collect();
        let pieces = parts * bytes / PIECE;
        for (entry, string) in self.lanes.iter().enumerate() {
            let transfer = |lane: usize| 512 * (entry / 32) + 32 * lane + entry % 32;
            let [a, b, c, d] = std::array::from_fn(|word| {
                let string = string.get(word).copied().unwrap_or_default();
                xor(string, [difference.get(word).copied().unwrap_or_default(); LANES])
            });
            let number = std::array::from_fn(|lane| transfer(lane) as u32);
            let places: [_; LANES] = std::array::from_fn(|lane| {
                (transfer(lane) / transfers, transfer(lane) % transfers)
            });
            let mut message = [a, b, c, d, number];
            let pads = Lanes::of_messages(key, &message);
            message.as_flattened_mut().zeroize();
            for block in 0..pieces.div_ceil(4) {
                let mut output = pads.block(block as u64);
                for (piece, words) in (4 * block..pieces).zip(output.as_chunks().0) {
                    let (part, at) = (PIECE * piece / bytes, PIECE * piece % bytes);
                    let mut turned = turned(words);
                    for (words, (row, place)) in turned.iter().zip(&places) {
                        let row = made.get_mut(row * parts + part);
                        let to = row.and_then(|row| row.get_mut(place * bytes + at..));
                        if let Some(to) = to.and_then(<[u8]>::first_chunk_mut) {
                            *to = *words;
                        }
                    }
                    turned.as_flattened_mut().zeroize();
                }
                output.as_flattened_mut().zeroize();
            }
        }
        made.into_iter()
    }
}

/// The bytes of four words in each lane.
fn turned([a, b, c, d]: &[Word; 4]) -> [[u8; PIECE]; LANES] {
    let mut bytes = [[0; PIECE]; LANES];
    let words = a.iter().zip(b).zip(c.iter().zip(d));
    for (bytes, ((a, b), (c, d))) in bytes.iter_mut().zip(words) {
        for (to, word) in bytes.as_chunks_mut().0.iter_mut().zip([a, b, c, d]) {
            *to = word.to_le_bytes();
        }
    }
    bytes
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
