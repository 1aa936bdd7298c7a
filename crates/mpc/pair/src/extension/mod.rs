//! Many random transfers from the trees of a set-up: SoftSpokenOT with the repetition code (Roy,
//! ePrint 2022/192, figures 7 and 9), made for semi-honest parties first, and checked.
//!
//! Every leaf makes a string of bits, one for each transfer and 256 that hide what the check
//! shows. Bob, who has all leaves, chooses by the sum of the first tree's strings, and tells by how
//! much the sums of the others differ from it. Alice, who lacks a leaf of each tree, ends with
//! Bob's string for every transfer, plus her digits if he chose one.
//!
//! ```text
//! Bob → Alice   nonce, 31 corrections, two hashes of his choices, a hash of the hashes of his strings
//! Alice → Bob   nonce
//! ```
//!
//! Every extension has a name, [`Terms::name`], which binds all that both ends agree on (PAI-06).

mod check;
mod receiver;
mod sender;
mod strings;

pub(crate) use receiver::Receiver;
pub(crate) use sender::Sender;
pub(crate) use strings::{Pads, Rows};

use crate::lanes::{LANES, Lanes, Word, xor};
use crate::trees::{DEPTH, GROUPS, Leaves, PLACES, TREES};
use check::MASK_WORDS;
use quorate_codec::{Digest, Transcript, tag};
use quorate_identity::NodeId;
use zeroize::Zeroize;

/// What an extension is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms<'a> {
    /// Binds everything that is agreed: who, for what, and fresh bytes of everybody.
    pub(crate) ctx: Digest,
    /// The set-up, by its transcript.
    pub(crate) setup: Digest,
    /// Whose choices they are: Bob.
    pub(crate) receiver: NodeId,
    /// What its pads will be: the name of a curve, or other trees.
    pub(crate) purpose: &'a str,
    /// How many transfers, a multiple of 32.
    pub(crate) transfers: usize,
}

impl Terms<'_> {
    /// σ: names one extension (PAI-06).
    pub(crate) fn name(&self, nonce: &[u8; 32]) -> Digest {
        Transcript::new(tag::PAIR_EXTENSION)
            .part(self.ctx)
            .part(self.setup)
            .part(self.receiver)
            .part(self.purpose)
            .number(self.transfers as u64)
            .part(nonce)
            .digest()
    }

    /// Words of a string: a bit for each transfer, and the masks.
    fn words(&self) -> usize {
        self.transfers / 32 + MASK_WORDS
    }

    /// Length of Bob's message.
    pub(crate) fn message_bytes(&self) -> usize {
        32 + (TREES - 1) * self.words() * 4 + 32 + 32
    }
}

/// What follows from all strings: for each tree their sum, and the sum of each by its place, in
/// planes of bits. Secret: wiped when dropped. Without the leaf at 0 only the planes mean something.
struct Folded {
    /// Row by row: the sum of each tree's strings.
    sums: Vec<u32>,
    /// Row by row: the planes of each tree, the highest bit first.
    planes: Vec<u32>,
}

/// Bits that say which planes a leaf belongs to.
fn is_in(leaf: usize, plane: usize) -> bool {
    leaf >> (DEPTH - 1 - plane) & 1 == 1
}

/// Makes and adds up all strings.
///
/// Cost: for each leaf one compression for every 512 transfers.
fn fold(leaves: &[Leaves; GROUPS], name: &Digest, words: usize) -> Folded {
    let (sums, planes) = (vec![0; TREES * words], vec![0; PLACES * words]);
    let mut folded = Folded { sums, planes };
    let mut message = [0_u8; 38];
    for (byte, from) in message.iter_mut().zip(name.0.iter().chain(b"string")) {
        *byte = *from;
    }
    let sums = folded.sums.chunks_mut(LANES * words);
    let groups = sums.zip(folded.planes.chunks_mut(LANES * DEPTH * words));
    for ((sums, planes), leaves) in groups.zip(leaves) {
        let strings: Vec<Lanes> =
            leaves.iter().map(|leaf| Lanes::of_keys(leaf, &message)).collect();
        for block in 0..words.div_ceil(16) {
            let mut added = [[[0; LANES]; 16]; 1 + DEPTH];
            for (leaf, string) in strings.iter().enumerate() {
                let mut string = string.block(block as u64);
                let mut of_leaf = added.iter_mut();
                if let Some(all) = of_leaf.next() {
                    add(all, &string);
                }
                for (plane, added) in of_leaf.enumerate() {
                    if is_in(leaf, plane) {
                        add(added, &string);
                    }
                }
                string.as_flattened_mut().zeroize();
            }
            let mut of_group = added.iter();
            let all = of_group.next().into_iter();
            place(sums, all, words, 16 * block);
            place(planes, of_group, words, 16 * block);
            added.as_flattened_mut().as_flattened_mut().zeroize();
        }
    }
    folded
}

impl Drop for Folded {
    fn drop(&mut self) {
        self.sums.as_mut_slice().zeroize();
        self.planes.as_mut_slice().zeroize();
    }
}

fn add(sum: &mut [Word; 16], string: &[Word; 16]) {
    for (sum, word) in sum.iter_mut().zip(string) {
        *sum = xor(*sum, *word);
    }
}

/// Writes the words of a block to their rows: one for each tree and kind.
fn place<'a>(
    rows: &mut [u32],
    kinds: impl ExactSizeIterator<Item = &'a [Word; 16]>,
    words: usize,
    from: usize,
) {
    let per_tree = kinds.len();
    for (kind, block) in kinds.enumerate() {
        for (tree, rows) in rows.chunks_mut(per_tree * words).enumerate() {
            let row = rows.chunks_mut(words).nth(kind).into_iter().flatten();
            for (to, word) in row.skip(from).zip(block) {
                *to = word.get(tree).copied().unwrap_or_default();
            }
        }
    }
}

/// Appends words, each as four bytes, the lowest first.
fn append_words(bytes: &mut Vec<u8>, words: &[u32]) {
    for word in words {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
}

#[cfg(test)]
mod tests;
