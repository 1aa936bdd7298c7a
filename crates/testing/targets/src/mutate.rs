//! Bytes changed as a fuzzer changes them, from a seed: bits, numbers, parts of others.

use rand_chacha::ChaCha20Rng;
use rand_core::RngCore;

/// What is longer than the longest seeds finds nothing more.
const BYTES_MAX: usize = 64 << 10;

/// Bytes with one to eight changes; `other` is where parts come from.
pub fn mutated(bytes: &[u8], other: &[u8], rng: &mut ChaCha20Rng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..1 + below(rng, 8) {
        change(&mut bytes, other, rng);
    }
    bytes.truncate(BYTES_MAX);
    bytes
}

fn change(bytes: &mut Vec<u8>, other: &[u8], rng: &mut ChaCha20Rng) {
    let at = below(rng, bytes.len());
    let length = 1 + below(rng, 8);
    let end = (at + length).min(bytes.len());
    match below(rng, 8) {
        _ if bytes.is_empty() => bytes.push(rng.next_u32().to_le_bytes()[0]),
        0 => bytes[at] ^= 1 << below(rng, 8),
        1 => bytes[at] = rng.next_u32().to_le_bytes()[0],
        2 => bytes[at] = bytes[at].wrapping_add(1),
        // what ends a length, or begins another form
        3 => bytes[at] = [0, 1, 0x17, 0x18, 0x7f, 0x80, 0xf6, 0xff][below(rng, 8)],
        4 => drop(bytes.drain(at..end)),
        5 => {
            let again = bytes[at..end].to_vec();
            bytes.splice(at..at, again);
        }
        6 => {
            let from = below(rng, other.len());
            let part = &other[from..(from + 4 * length).min(other.len())];
            bytes.splice(at..at, part.iter().copied());
        }
        _ => {
            let from = below(rng, other.len());
            for (byte, theirs) in bytes[at..].iter_mut().zip(&other[from..]).take(4 * length) {
                *byte = *theirs;
            }
        }
    }
}

/// A number below a limit, and zero below zero.
fn below(rng: &mut ChaCha20Rng, limit: usize) -> usize {
    rng.next_u32() as usize % limit.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::SeedableRng;

    #[test]
    fn a_seed_makes_one_change() {
        let change =
            |seed| mutated(b"one two three", b"four", &mut ChaCha20Rng::seed_from_u64(seed));
        assert_eq!(change(1), change(1));
        assert!((2..20).any(|seed| change(seed) != change(1)));
        assert!(!mutated(b"", b"", &mut ChaCha20Rng::seed_from_u64(1)).is_empty());
    }
}
