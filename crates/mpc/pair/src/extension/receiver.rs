//! Bob: has all leaves, and chooses.

use super::check::{self, Check};
use super::strings::{Pads, Rows, Strings};
use super::{Terms, append_words, fold};
use crate::trees::Whole;
use quorate_codec::{Digest, Transcript, tag};
use zeroize::Zeroizing;

/// Bob, once his message is made. Secret: his choices and strings.
pub(crate) struct Receiver {
    pub(super) name: Digest,
    pub(super) message: Digest,
    choices: Zeroizing<Vec<u32>>,
    strings: Strings,
}

impl Receiver {
    /// Extends by the transfers that the terms say. The nonce is fresh in every extension.
    pub(crate) fn start(trees: &Whole, terms: &Terms<'_>, nonce: &[u8; 32]) -> (Self, Vec<u8>) {
        let name = terms.name(nonce);
        let words = terms.words();
        let folded = fold(&trees.0, &name, words);
        let mut message = Vec::with_capacity(terms.message_bytes());
        message.extend_from_slice(nonce);
        let mut sums = folded.sums.chunks(words);
        let choices = sums.next().unwrap_or_default();
        for sum in sums {
            for (a, b) in sum.iter().zip(choices) {
                message.extend_from_slice(&(a ^ b).to_le_bytes());
            }
        }
        let check = Check::new(&name, message.get(32..).unwrap_or_default());
        message.extend_from_slice(&check.hashes(choices));
        let mut hashes = Vec::with_capacity(32 * folded.planes.len() / words);
        for plane in folded.planes.chunks(words) {
            hashes.extend_from_slice(&check.hashes(plane));
        }
        message.extend_from_slice(&check::of_strings(&name, hashes).0);
        let receiver = Self {
            name,
            message: digest(&name, &message),
            choices: Zeroizing::new(
                choices.iter().take(words - super::MASK_WORDS).copied().collect(),
            ),
            strings: Strings::of(&folded.planes, words),
        };
        (receiver, message)
    }

    /// The choices, a bit for each transfer, the lowest of each byte first. Secret.
    pub(crate) fn choices(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(4 * self.choices.len()));
        append_words(&mut bytes, &self.choices);
        bytes
    }

    /// For each transfer the pad that was chosen, once Alice's nonce is known.
    pub(crate) fn pads(&self, nonce: &[u8; 32], rows: Rows) -> Pads {
        let key = pad_key(&self.name, &self.message, nonce);
        self.strings.pads(&key, &[0; 4], rows)
    }

    /// Names the extension and Bob's whole message.
    pub(crate) fn transcript(&self) -> Digest {
        self.message
    }
}

/// Of Bob's whole message.
pub(super) fn digest(name: &Digest, message: &[u8]) -> Digest {
    let condensed = blake3::hash(message);
    Transcript::new(tag::PAIR_EXTENDED).part(name).part(condensed.as_bytes()).digest()
}

/// The key of all pads, which both know, covers Bob's whole message, and Alice's nonce: who comes back from a copy,
/// nonce and all, meets other pads with another message (PAI-08, N-92).
pub(super) fn pad_key(name: &Digest, message: &Digest, nonce: &[u8; 32]) -> [u8; 32] {
    Transcript::new(tag::PAIR_PADS).part(name).part(message).part(nonce).digest().0
}
