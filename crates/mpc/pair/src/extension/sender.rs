//! Alice: lacks a leaf of each tree, and has both pads of every transfer.

use super::check::{self, Check};
use super::receiver::{digest, pad_key};
use super::strings::{Pads, Rows, Strings};
use super::{Terms, fold};
use crate::PairError;
use crate::trees::{DEPTH, LEAVES, Punctured, all_or_none};
use quorate_codec::Digest;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Alice, once Bob's message is checked. Secret: both pads of every transfer.
pub(crate) struct Sender {
    name: Digest,
    message: Digest,
    /// All digits, as what is between the two strings of any transfer.
    difference: Box<Zeroizing<[u32; 4]>>,
    strings: Strings,
}

impl Sender {
    /// Takes Bob's message and checks it.
    ///
    /// # Errors
    /// A message of another length is malformed; one that does not hold is cheating (PAI-07).
    pub(crate) fn start(
        trees: &Punctured,
        terms: &Terms<'_>,
        message: &[u8],
    ) -> Result<Self, PairError> {
        let words = terms.words();
        let parts = (message.len() == terms.message_bytes()).then(|| {
            let (nonce, rest) = message.split_first_chunk::<32>()?;
            let (rest, of_strings) = rest.split_last_chunk::<32>()?;
            let (corrections, of_choices) = rest.split_last_chunk::<32>()?;
            Some((nonce, corrections, of_choices, of_strings))
        });
        let (nonce, corrections, of_choices, of_strings) =
            parts.flatten().ok_or(PairError::MALFORMED)?;
        let name = terms.name(nonce);
        let mut folded = fold(&trees.leaves, &name, words);
        let rows = &mut folded.planes;
        let corrected = rows.chunks_mut(DEPTH * words).zip(trees.digits.iter()).skip(1);
        for ((rows, digit), correction) in corrected.zip(corrections.chunks(4 * words)) {
            for (row, mask) in rows.chunks_mut(words).zip(bits(*digit)) {
                for (word, bytes) in row.iter_mut().zip(correction.as_chunks().0) {
                    *word ^= mask & u32::from_le_bytes(*bytes);
                }
            }
        }
        let check = Check::new(&name, corrections);
        let mut hashes = Vec::with_capacity(32 * rows.len() / words);
        let masks = trees.digits.iter().flat_map(|digit| bits(*digit));
        for (row, mask) in rows.chunks(words).zip(masks) {
            let hash = check.hashes(row);
            hashes.extend(hash.iter().zip(of_choices).map(|(hash, of)| hash ^ (of & mask as u8)));
        }
        let expected = check::of_strings(&name, hashes);
        if !bool::from(expected.0.ct_eq(of_strings)) {
            return Err(PairError::cheater("an extension does not hold"));
        }
        Ok(Self {
            name,
            message: digest(&name, message),
            difference: difference(trees.digits.as_slice()),
            strings: Strings::of(rows, words),
        })
    }

    /// For each transfer the pads of either choice.
    pub(crate) fn pads(&self, nonce: &[u8; 32], rows: Rows) -> [Pads; 2] {
        let key = pad_key(&self.name, &self.message, nonce);
        [&[0; 4], &**self.difference].map(|difference| self.strings.pads(&key, difference, rows))
    }

    /// Names the extension and Bob's whole message.
    pub(crate) fn transcript(&self) -> Digest {
        self.message
    }
}

/// All bits or none, for each bit of a digit, the highest first.
fn bits(digit: u8) -> [u32; DEPTH] {
    std::array::from_fn(|plane| all_or_none(digit >> (DEPTH - 1 - plane)))
}

/// The digits in the order of the rows: bit 4t + p belongs to plane p of tree t.
fn difference(digits: &[u8]) -> Box<Zeroizing<[u32; 4]>> {
    let mut words = Box::new(Zeroizing::new([0; 4]));
    for (word, digits) in words.iter_mut().zip(digits.chunks(32 / DEPTH)) {
        let rows = digits.iter().flat_map(|digit| bits(digit % LEAVES as u8));
        *word = rows.rev().fold(0, |word, bit| word << 1 | (bit & 1));
    }
    words
}
