//! Fingerprints that people read to each other.

use bip39::Language;
use quorate_codec::Digest;

/// Twelve English words for the first 132 bits of `digest` (IDN-10), from the list of BIP-39:
/// any four letters tell two words apart. Words compare, they are no seed phrase and hide
/// nothing.
pub fn words(digest: &Digest) -> [&'static str; 12] {
    let list = Language::English.word_list();
    std::array::from_fn(|word| {
        let number = (0..11).fold(0, |number, bit| number << 1 | bit_of(digest, 11 * word + bit));
        list.get(number).copied().unwrap_or_default()
    })
}

/// Bit `position` of the digest, most significant first.
fn bit_of(digest: &Digest, position: usize) -> usize {
    let byte = digest.as_bytes().get(position / 8).copied().unwrap_or_default();
    usize::from(byte >> (7 - position % 8) & 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_follow_the_bits() {
        assert_eq!(words(&Digest::ZERO), ["abandon"; 12]);
        assert_eq!(words(&Digest([0xff; 32])), ["zoo"; 12]);
        let mut second_word = [0; 32];
        second_word[2] = 0b0000_0100;
        assert_eq!(words(&Digest(second_word))[..3], ["abandon", "ability", "abandon"]);
    }

    proptest! {
        #[test]
        fn every_one_of_the_first_132_bits_changes_a_word(bytes: [u8; 32], bit in 0_usize..132) {
            let mut other = bytes;
            other[bit / 8] ^= 0x80 >> (bit % 8);
            prop_assert_ne!(words(&Digest(bytes)), words(&Digest(other)));
        }
    }
}
