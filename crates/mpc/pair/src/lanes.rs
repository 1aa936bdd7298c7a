//! The keyed BLAKE3 of sixteen short messages at a time.
//!
//! Everything that a pair expands is short and comes in hundreds: nodes of trees, strings of
//! leaves, pads. A message that fills no more than one block of BLAKE3 is one call of its
//! compression function for each 64 bytes of output ("BLAKE3: one function, fast everywhere",
//! section 2), so sixteen of them go side by side, word by word, in the order in which vector
//! registers want them. The result is that of the plain function, which the tests compare.

use zeroize::Zeroize;

/// How many go side by side.
pub(crate) const LANES: usize = 16;

/// One word of each lane.
pub(crate) type Word = [u32; LANES];

/// Eight words for each lane: keys, nodes, leaves.
pub(crate) type Keys = [Word; 8];

/// Sixteen words for each lane: one block of output.
pub(crate) type Block = [Word; 16];

const IV: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// The order of the words of a message in each of the seven rounds.
const SCHEDULE: [[usize; 16]; 7] = schedule();

/// CHUNK_START, CHUNK_END, ROOT, KEYED_HASH: a message that is one block, under a key.
const FLAGS: u32 = 1 | 2 | 8 | 16;

/// Sixteen keys and messages, from which blocks of output are made in any order. Secret where the
/// keys or messages are: wiped when dropped.
pub(crate) struct Lanes {
    keys: Keys,
    message: Block,
    bytes: u32,
}

impl Lanes {
    /// The same message under different keys. It has at most 64 bytes; what exceeds them is not
    /// taken.
    pub(crate) fn of_keys(keys: &Keys, message: &[u8]) -> Self {
        let mut words = [[0; LANES]; 16];
        for (word, bytes) in words.iter_mut().zip(message.chunks(4)) {
            *word = [little_endian(bytes); LANES];
        }
        Self { keys: *keys, message: words, bytes: message.len().min(64) as u32 }
    }

    /// Different messages of `4 · N` bytes under one key, given by their words.
    pub(crate) fn of_messages<const N: usize>(key: &[u8; 32], message: &[Word; N]) -> Self {
        let mut keys = [[0; LANES]; 8];
        for (word, bytes) in keys.iter_mut().zip(key.chunks(4)) {
            *word = [little_endian(bytes); LANES];
        }
        let mut words = [[0; LANES]; 16];
        for (word, given) in words.iter_mut().zip(message) {
            *word = *given;
        }
        Self { keys, message: words, bytes: 4 * N as u32 }
    }

    /// Bytes 64 · `number` to 64 · `number` + 63 of the output of each lane.
    pub(crate) fn block(&self, number: u64) -> Block {
        compress(&self.keys, &self.message, number, self.bytes)
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        self.keys.zeroize();
        self.message.zeroize();
    }
}

/// Up to four bytes as a word, zeros behind them.
pub(crate) fn little_endian(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte))
}

/// Sets lane `lane` of these words to 32 bytes.
pub(crate) fn set_lane(keys: &mut Keys, lane: usize, bytes: &[u8; 32]) {
    for (word, bytes) in keys.iter_mut().zip(bytes.chunks(4)) {
        if let Some(word) = word.get_mut(lane) {
            *word = little_endian(bytes);
        }
    }
}

/// Lane `lane` of these words as bytes.
pub(crate) fn lane<const N: usize, const BYTES: usize>(
    words: &[Word; N],
    lane: usize,
) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    for (bytes, word) in bytes.chunks_mut(4).zip(words) {
        let word = word.get(lane).copied().unwrap_or_default();
        for (byte, from) in bytes.iter_mut().zip(word.to_le_bytes()) {
            *byte = from;
        }
    }
    bytes
}

/// BLAKE3's compression function, section 2.2 of its paper, in every lane.
fn compress(keys: &Keys, message: &Block, counter: u64, bytes: u32) -> Block {
    let splat = |word: u32| [word; LANES];
    let [k0, k1, k2, k3, k4, k5, k6, k7] = *keys;
    let [i0, i1, i2, i3, ..] = IV;
    let mut state = [
        k0,
        k1,
        k2,
        k3,
        k4,
        k5,
        k6,
        k7,
        splat(i0),
        splat(i1),
        splat(i2),
        splat(i3),
        splat(counter as u32),
        splat((counter >> 32) as u32),
        splat(bytes),
        splat(FLAGS),
    ];
    for order in &SCHEDULE {
        round(&mut state, message, order);
    }
    let [a0, a1, a2, a3, a4, a5, a6, a7, b0, b1, b2, b3, b4, b5, b6, b7] = state;
    [
        xor(a0, b0),
        xor(a1, b1),
        xor(a2, b2),
        xor(a3, b3),
        xor(a4, b4),
        xor(a5, b5),
        xor(a6, b6),
        xor(a7, b7),
        xor(b0, k0),
        xor(b1, k1),
        xor(b2, k2),
        xor(b3, k3),
        xor(b4, k4),
        xor(b5, k5),
        xor(b6, k6),
        xor(b7, k7),
    ]
}

#[inline(always)]
fn round(state: &mut Block, message: &Block, order: &[usize; 16]) {
    let word =
        |at: usize| order.get(at).and_then(|at| message.get(*at)).copied().unwrap_or([0; LANES]);
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = state;
    mix(a, e, i, m, word(0), word(1));
    mix(b, f, j, n, word(2), word(3));
    mix(c, g, k, o, word(4), word(5));
    mix(d, h, l, p, word(6), word(7));
    mix(a, f, k, p, word(8), word(9));
    mix(b, g, l, m, word(10), word(11));
    mix(c, h, i, n, word(12), word(13));
    mix(d, e, j, o, word(14), word(15));
}

/// The quarter round G.
#[inline(always)]
fn mix(a: &mut Word, b: &mut Word, c: &mut Word, d: &mut Word, x: Word, y: Word) {
    *a = add(add(*a, *b), x);
    *d = rotate::<16>(xor(*d, *a));
    *c = add(*c, *d);
    *b = rotate::<12>(xor(*b, *c));
    *a = add(add(*a, *b), y);
    *d = rotate::<8>(xor(*d, *a));
    *c = add(*c, *d);
    *b = rotate::<7>(xor(*b, *c));
}

#[inline(always)]
fn add(a: Word, b: Word) -> Word {
    std::array::from_fn(|lane| at(&a, lane).wrapping_add(at(&b, lane)))
}

/// a ⊕ b, in every lane.
#[inline(always)]
pub(crate) fn xor(a: Word, b: Word) -> Word {
    std::array::from_fn(|lane| at(&a, lane) ^ at(&b, lane))
}

#[inline(always)]
fn rotate<const BITS: u32>(a: Word) -> Word {
    std::array::from_fn(|lane| at(&a, lane).rotate_right(BITS))
}

#[inline(always)]
fn at(word: &Word, lane: usize) -> u32 {
    word.get(lane).copied().unwrap_or_default()
}

const fn schedule() -> [[usize; 16]; 7] {
    const PERMUTED: [usize; 16] = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
    let mut rounds = [[0; 16]; 7];
    let mut order = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    let mut number = 0;
    while number < 7 {
        #[expect(clippy::indexing_slicing, reason = "computed by the compiler, which looks")]
        {
            rounds[number] = order;
            let before = order;
            let mut at = 0;
            while at < 16 {
                order[at] = before[PERMUTED[at]];
                at += 1;
            }
        }
        number += 1;
    }
    rounds
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(key: &[u8; 32], message: &[u8], bytes: usize) -> Vec<u8> {
        let mut output = vec![0; bytes];
        blake3::Hasher::new_keyed(key).update(message).finalize_xof().fill(&mut output);
        output
    }

    proptest! {
        /// PAI-04.
        #[test]
        fn lanes_are_the_plain_function(
            keys in prop::collection::vec(any::<[u8; 32]>(), LANES),
            message in prop::collection::vec(any::<u8>(), 0..=64),
            words in any::<[[u32; LANES]; 5]>(),
        ) {
            let mut lanes = [[0; LANES]; 8];
            for (number, key) in keys.iter().enumerate() {
                set_lane(&mut lanes, number, key);
            }
            let of_keys = Lanes::of_keys(&lanes, &message);
            let of_messages = Lanes::of_messages(&keys[0], &words);
            for number in 0..LANES {
                let other: [u8; 20] = lane(&words, number);
                for block in 0..3 {
                    let piece = |all: Vec<u8>| all[64 * block..].to_vec();
                    let wanted = piece(plain(&keys[number], &message, 64 * (block + 1)));
                    let made: [u8; 64] = lane(&of_keys.block(block as u64), number);
                    prop_assert_eq!(&made[..], &wanted[..]);
                    let wanted = piece(plain(&keys[0], &other, 64 * (block + 1)));
                    let made: [u8; 64] = lane(&of_messages.block(block as u64), number);
                    prop_assert_eq!(&made[..], &wanted[..]);
                }
            }
        }
    }
}
