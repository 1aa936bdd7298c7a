//! The keyed BLAKE3 of sixteen short messages at a time.
//!
//! Everything that a pair expands is short and comes in hundreds: nodes of trees, strings of
//! leaves, pads. A message that fills no more than one block of BLAKE3 is one call of its
//! compression function for each 64 bytes of output ("BLAKE3: one function, fast everywhere",
//! section 2), so sixteen of them go side by side, word by word, in the order in which vector
//! registers want them. The result is that of the plain function, which the tests compare.

use quorate_curve::vectors::{Words, Work, on_widest};
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
    /// The same message under different keys.
    pub(crate) fn of_keys<const N: usize>(keys: &Keys, message: &[u8; N]) -> Self {
        const { assert!(N <= 64, "one block") };
        let mut lanes = Self { keys: *keys, message: [[0; LANES]; 16], bytes: N as u32 };
        for (word, bytes) in lanes.message.iter_mut().zip(message.chunks(4)) {
            *word = [little_endian(bytes); LANES];
        }
        lanes
    }

    /// Different messages of `4 · N` bytes under one key, given by their words.
    pub(crate) fn of_messages<const N: usize>(key: &[u8; 32], message: &[Word; N]) -> Self {
        const { assert!(N <= 16, "one block") };
        let mut lanes =
            Self { keys: [[0; LANES]; 8], message: [[0; LANES]; 16], bytes: 4 * N as u32 };
        for (word, bytes) in lanes.keys.iter_mut().zip(key.chunks(4)) {
            *word = [little_endian(bytes); LANES];
        }
        for (word, given) in lanes.message.iter_mut().zip(message) {
            *word = *given;
        }
        lanes
    }

    /// Bytes 64 · `number` to 64 · `number` + 63 of the output of each lane.
    pub(crate) fn block(&self, number: u64) -> Block {
        let Self { keys, message, bytes } = self;
        on_widest(Compress { keys, message, counter: number, bytes: *bytes })
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        self.keys.as_flattened_mut().zeroize();
        self.message.as_flattened_mut().zeroize();
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
struct Compress<'a> {
    keys: &'a Keys,
    message: &'a Block,
    counter: u64,
    bytes: u32,
}

impl Work for Compress<'_> {
    type Output = Block;

    #[inline(always)]
    fn run<W: Words>(self) -> Block {
        const { assert!(LANES.is_multiple_of(W::LANES)) };
        let mut output = [[0; LANES]; 16];
        for first in (0..LANES).step_by(W::LANES) {
            let mut keys = [W::splat(0); 8];
            let mut message = [W::splat(0); 16];
            read(&mut keys, self.keys, first);
            read(&mut message, self.message, first);
            let made = compress_some(keys, message, self.counter, self.bytes);
            for (output, word) in output.iter_mut().zip(made) {
                word.write(output.get_mut(first..).unwrap_or_default());
            }
        }
        output
    }
}

#[inline(always)]
fn read<W: Words, const N: usize>(words: &mut [W; N], from: &[Word; N], first: usize) {
    for (word, from) in words.iter_mut().zip(from) {
        *word = W::read(from.get(first..).unwrap_or_default());
    }
}

#[inline(always)]
fn compress_some<W: Words>(keys: [W; 8], message: [W; 16], counter: u64, bytes: u32) -> [W; 16] {
    let [k0, k1, k2, k3, k4, k5, k6, k7] = keys;
    let [i0, i1, i2, i3, ..] = IV;
    let (i0, i1, i2, i3) = (W::splat(i0), W::splat(i1), W::splat(i2), W::splat(i3));
    let (low, high) = (W::splat(counter as u32), W::splat((counter >> 32) as u32));
    let (bytes, flags) = (W::splat(bytes), W::splat(FLAGS));
    let mut state = [k0, k1, k2, k3, k4, k5, k6, k7, i0, i1, i2, i3, low, high, bytes, flags];
    round::<W, 0>(&mut state, &message);
    round::<W, 1>(&mut state, &message);
    round::<W, 2>(&mut state, &message);
    round::<W, 3>(&mut state, &message);
    round::<W, 4>(&mut state, &message);
    round::<W, 5>(&mut state, &message);
    round::<W, 6>(&mut state, &message);
    let [a0, a1, a2, a3, a4, a5, a6, a7, b0, b1, b2, b3, b4, b5, b6, b7] = state;
    [
        a0.xor(b0),
        a1.xor(b1),
        a2.xor(b2),
        a3.xor(b3),
        a4.xor(b4),
        a5.xor(b5),
        a6.xor(b6),
        a7.xor(b7),
        b0.xor(k0),
        b1.xor(k1),
        b2.xor(k2),
        b3.xor(k3),
        b4.xor(k4),
        b5.xor(k5),
        b6.xor(k6),
        b7.xor(k7),
    ]
}

/// Round `NUMBER`, whose order of words the compiler knows.
#[inline(always)]
fn round<W: Words, const NUMBER: usize>(state: &mut [W; 16], message: &[W; 16]) {
    let [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15] =
        in_order::<W, NUMBER>(message);
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = state;
    mix(a, e, i, m, m0, m1);
    mix(b, f, j, n, m2, m3);
    mix(c, g, k, o, m4, m5);
    mix(d, h, l, p, m6, m7);
    mix(a, f, k, p, m8, m9);
    mix(b, g, l, m, m10, m11);
    mix(c, h, i, n, m12, m13);
    mix(d, e, j, o, m14, m15);
}

#[inline(always)]
fn in_order<W: Words, const NUMBER: usize>(message: &[W; 16]) -> [W; 16] {
    let mut words = *message;
    for (word, at) in words.iter_mut().zip(SCHEDULE.get(NUMBER).into_iter().flatten()) {
        *word = message.get(*at).copied().unwrap_or(*word);
    }
    words
}

/// The quarter round G.
#[inline(always)]
fn mix<W: Words>(a: &mut W, b: &mut W, c: &mut W, d: &mut W, x: W, y: W) {
    *a = a.plus(*b).plus(x);
    *d = d.xor(*a).rotate::<16>();
    *c = c.plus(*d);
    *b = b.xor(*c).rotate::<12>();
    *a = a.plus(*b).plus(y);
    *d = d.xor(*a).rotate::<8>();
    *c = c.plus(*d);
    *b = b.xor(*c).rotate::<7>();
}

/// a ⊕ b, in every lane.
#[inline(always)]
pub(crate) fn xor(mut a: Word, b: Word) -> Word {
    for (a, b) in a.iter_mut().zip(b) {
        *a ^= b;
    }
    a
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
            message in any::<[u8; 64]>(),
            words in any::<[[u32; LANES]; 5]>(),
        ) {
            let mut lanes = [[0; LANES]; 8];
            for (number, key) in keys.iter().enumerate() {
                set_lane(&mut lanes, number, key);
            }
            let of_keys = Lanes::of_keys(&lanes, &message);
            let short = Lanes::of_keys(&lanes, message.first_chunk::<35>().unwrap());
            let of_messages = Lanes::of_messages(&keys[0], &words);
            // Without vectors it goes round four times.
            let Lanes { keys: of, message: words_of, bytes } = &of_keys;
            let plainly = Compress { keys: of, message: words_of, counter: 1, bytes: *bytes };
            prop_assert_eq!(plainly.run::<[u32; 4]>(), of_keys.block(1));
            for number in 0..LANES {
                let other: [u8; 20] = lane(&words, number);
                for block in 0..3 {
                    let piece = |all: Vec<u8>| all[64 * block..].to_vec();
                    let wanted = piece(plain(&keys[number], &message, 64 * (block + 1)));
                    let made: [u8; 64] = lane(&of_keys.block(block as u64), number);
                    prop_assert_eq!(&made[..], &wanted[..]);
                    let wanted = piece(plain(&keys[number], &message[..35], 64 * (block + 1)));
                    let made: [u8; 64] = lane(&short.block(block as u64), number);
                    prop_assert_eq!(&made[..], &wanted[..]);
                    let wanted = piece(plain(&keys[0], &other, 64 * (block + 1)));
                    let made: [u8; 64] = lane(&of_messages.block(block as u64), number);
                    prop_assert_eq!(&made[..], &wanted[..]);
                }
            }
        }
    }
}
