//! The tagged, length-prefixed hash.

use crate::{Digest, tag::Tag};
use sha2::{Digest as _, Sha256, Sha512};
use zeroize::Zeroizing;

/// Collects the parts of something to be hashed, unambiguously: the tag, then every part behind
/// its length as eight big-endian bytes. Source: `spec/encoding.md`, ENC-05.
///
/// Parts may be secret: what is collected is wiped and never printed.
#[derive(Clone)]
pub struct Transcript {
    bytes: Zeroizing<Vec<u8>>,
}

impl Transcript {
    /// Begins with `tag`, which names what is hashed and its version.
    pub fn new(tag: Tag) -> Self {
        Self { bytes: Zeroizing::new(Vec::new()) }.part(tag.name().as_bytes())
    }

    /// Appends one part of any length.
    #[must_use]
    pub fn part(mut self, part: impl AsRef<[u8]>) -> Self {
        let part = part.as_ref();
        self.reserve(8 + part.len());
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
        Digest(Sha256::digest(self.bytes.as_slice()).into())
    }

    /// SHA-512 of everything appended: enough bytes to reduce modulo a 256-bit order without
    /// bias (N-13).
    pub fn wide(&self) -> [u8; 64] {
        Sha512::digest(self.bytes.as_slice()).into()
    }

    /// What has been appended, hashed so far, to begin many hashes with that differ only in what
    /// follows.
    pub fn stem(&self) -> Stem {
        Stem(Sha256::new_with_prefix(self.bytes.as_slice()))
    }

    /// Makes room, so that a vector never grows by itself and leaves its old bytes behind.
    fn reserve(&mut self, more: usize) {
        let needed = self.bytes.len() + more;
        if needed > self.bytes.capacity() {
            let mut larger =
                Zeroizing::new(Vec::with_capacity(needed.max(256).next_power_of_two()));
            larger.extend_from_slice(&self.bytes);
            self.bytes = larger;
        }
    }
}

/// A [`Transcript`] that is hashed as it grows and cheap to clone. Its few buffered bytes are not
/// wiped, as those of any hash are not.
#[derive(Clone)]
pub struct Stem(Sha256);

impl Stem {
    /// Appends one part of any length.
    #[must_use]
    pub fn part(mut self, part: impl AsRef<[u8]>) -> Self {
        let part = part.as_ref();
        self.0.update((part.len() as u64).to_be_bytes());
        self.0.update(part);
        self
    }

    /// Appends a number as a part of eight big-endian bytes.
    #[must_use]
    pub fn number(self, number: u64) -> Self {
        self.part(number.to_be_bytes())
    }

    /// SHA-256 of everything appended.
    pub fn digest(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tag;
    use proptest::prelude::*;

    #[test]
    fn neg_014_parts_do_not_run_into_each_other() {
        let split = Transcript::new(tag::TEST).part("a$").part("b").digest();
        let moved = Transcript::new(tag::TEST).part("a").part("$b").digest();
        assert_ne!(split, moved);
        let two_lists = Transcript::new(tag::TEST).list(["a", "b"]).list(["c"]).digest();
        let one_list = Transcript::new(tag::TEST).list(["a"]).list(["b", "c"]).digest();
        assert_ne!(two_lists, one_list);
    }

    #[test]
    fn the_hash_is_what_the_spec_says() {
        let bytes = b"\0\0\0\0\0\0\0\x0fquorate/test/v1\0\0\0\0\0\0\0\x02ab";
        let transcript = Transcript::new(tag::TEST).part("ab");
        assert_eq!(transcript.digest().as_bytes()[..], Sha256::digest(bytes)[..]);
        assert_eq!(transcript.wide()[..], Sha512::digest(bytes)[..]);
    }

    #[test]
    fn a_stem_goes_on_as_its_transcript_would() {
        let transcript = Transcript::new(tag::TEST).part("ab");
        let stem = transcript.stem();
        assert_eq!(stem.clone().digest(), transcript.digest());
        assert_eq!(stem.number(7).part("c").digest(), transcript.number(7).part("c").digest());
    }

    fn hash(lists: &[Vec<Vec<u8>>]) -> Digest {
        lists
            .iter()
            .fold(Transcript::new(tag::TEST), |transcript, list| transcript.list(list))
            .digest()
    }

    proptest! {
        #[test]
        fn neg_014_different_lists_of_parts_have_different_hashes(left in lists(), right in lists()) {
            prop_assert_eq!(left == right, hash(&left) == hash(&right));
        }

        #[test]
        fn growing_changes_nothing(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 0..8)) {
            let transcript = parts.iter().fold(Transcript::new(tag::TEST), Transcript::part);
            let mut bytes = Vec::new();
            for part in std::iter::once(tag::TEST.name().as_bytes()).chain(parts.iter().map(Vec::as_slice)) {
                bytes.extend((part.len() as u64).to_be_bytes());
                bytes.extend(part);
            }
            prop_assert_eq!(transcript.digest().as_bytes()[..].to_vec(), Sha256::digest(bytes).to_vec());
        }
    }

    /// Short lists over few bytes, so that collisions would be met.
    fn lists() -> impl Strategy<Value = Vec<Vec<Vec<u8>>>> {
        let part = prop::collection::vec(0_u8..2, 0..3);
        prop::collection::vec(prop::collection::vec(part, 0..3), 2)
    }
}
