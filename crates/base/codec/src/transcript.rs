//! The tagged, length-prefixed hash.

use crate::{Digest, tag::Tag};
use sha2::{Digest as _, Sha256, Sha512};

/// Collects the parts of something to be hashed, unambiguously: the tag, then every part behind
/// its length as eight big-endian bytes. Source: `spec/encoding.md`, ENC-05.
#[derive(Clone)]
pub struct Transcript {
    bytes: Vec<u8>,
}

impl Transcript {
    /// Begins with `tag`, which names what is hashed and its version.
    pub fn new(tag: Tag) -> Self {
        Self { bytes: Vec::new() }.part(tag.name().as_bytes())
    }

    /// Appends one part of any length.
    #[must_use]
    pub fn part(mut self, part: impl AsRef<[u8]>) -> Self {
        let part = part.as_ref();
        self.bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        self.bytes.extend_from_slice(part);
        self
    }

    /// Appends a number as a part of eight big-endian bytes.
    #[must_use]
    pub fn number(self, number: u64) -> Self {
        self.part(number.to_be_bytes())
    }

    /// Appends a list: its length, then every element. Two lists in a row cannot be confused
    /// with one.
    #[must_use]
    pub fn list<P: AsRef<[u8]>>(self, parts: impl IntoIterator<Item = P>) -> Self {
        let parts: Vec<P> = parts.into_iter().collect();
        let counted = self.number(parts.len() as u64);
        parts.into_iter().fold(counted, |transcript, part| transcript.part(part))
    }

    /// SHA-256 of everything appended.
    pub fn digest(&self) -> Digest {
        Digest(Sha256::digest(&self.bytes).into())
    }

    /// SHA-512 of everything appended: enough bytes to reduce modulo a 256-bit order without
    /// bias (N-13).
    pub fn wide(&self) -> [u8; 64] {
        Sha512::digest(&self.bytes).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tag;

    #[test]
    fn neg_014_parts_do_not_run_into_each_other() {
        let split = Transcript::new(tag::TEST).part("a$").part("b").digest();
        let moved = Transcript::new(tag::TEST).part("a").part("$b").digest();
        assert_ne!(split, moved);
        let two_lists = Transcript::new(tag::TEST).list(["a", "b"]).list(["c"]).digest();
        let one_list = Transcript::new(tag::TEST).list(["a"]).list(["b", "c"]).digest();
        assert_ne!(two_lists, one_list);
    }
}
