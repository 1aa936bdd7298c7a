//! The check of an extension: two universal hashes of each string, over GF(2^128).
//!
//! With the blocks b of 128 bits and the mask M, the hash under χ is M plus the polynomial in χ
//! with the coefficients b, and none of power 0: whoever could add the same to a block and to the
//! mask would change nothing. The field and its product are those of POLYVAL (RFC 8452, section 3),
//! whose product has a constant factor; that is a bijection of χ.
//!
//! It is linear, so that Alice computes what Bob must have hashed (PAI-07).

use super::append_words;
use polyval::Polyval;
use polyval::universal_hash::{KeyInit, UniversalHash};
use quorate_codec::{Digest, Transcript, tag};
use zeroize::{Zeroize, Zeroizing};

/// Words at the end of each string that nothing else uses: two masks of 128 bits.
pub(super) const MASK_WORDS: usize = 8;

/// The hashes of one string.
pub(super) type Hashes = [u8; 32];

/// Both keys. Public: they follow from what Bob has fixed by then.
pub(super) struct Check([Polyval; 2]);

impl Check {
    /// Of the extension with this name, after all corrections.
    pub(super) fn new(name: &Digest, corrections: &[u8]) -> Self {
        let condensed = blake3::hash(corrections);
        let keys = Transcript::new(tag::PAIR_CHECK).part(name).part(condensed.as_bytes()).digest();
        let key = |at: usize| {
            let mut key = polyval::Key::default();
            key.copy_from_slice(keys.0.get(at..at + 16).unwrap_or(&[0; 16]));
            Polyval::new(&key)
        };
        Self([key(0), key(16)])
    }

    /// The hashes of a string with its masks.
    pub(super) fn hashes(&self, string: &[u32]) -> Hashes {
        let (data, masks) = string.split_at(string.len().saturating_sub(MASK_WORDS));
        let mut hashes = [0; 32];
        let masks = masks.iter().flat_map(|word| word.to_le_bytes());
        let mut bytes = Vec::with_capacity(4 * data.len());
        append_words(&mut bytes, data);
        // Block by block, so that neither waits for the other.
        let mut keys = self.0.clone();
        for block in bytes.chunks(16) {
            keys.iter_mut().for_each(|key| key.update_padded(block));
        }
        bytes.as_mut_slice().zeroize();
        for (hash, key) in hashes.chunks_mut(16).zip(keys) {
            for (hash, byte) in hash.iter_mut().zip(key.finalize()) {
                *hash = byte;
            }
        }
        for (hash, mask) in hashes.iter_mut().zip(masks) {
            *hash ^= mask;
        }
        hashes
    }
}

/// What Bob says of all his strings: one hash of their hashes. Alice can compute what they must
/// be, so it says the same as they would (ADR 19). The hashes are wiped.
pub(super) fn of_strings(name: &Digest, mut hashes: Vec<u8>) -> Digest {
    let condensed = Zeroizing::new(*blake3::hash(&hashes).as_bytes());
    hashes.as_mut_slice().zeroize();
    Transcript::new(tag::PAIR_STRINGS).part(name).part(condensed.as_slice()).digest()
}
