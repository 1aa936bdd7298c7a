//! Random bytes that follow from a seed.

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use rand_core::{CryptoRng, Error, RngCore};
use std::fmt;

/// The ChaCha20 stream under a seed of 32 bytes, nonce and counter zero. Secret: not `Clone`, the
/// state and what was computed ahead are wiped when dropped, printed as nothing (CUR-08).
///
/// Every request takes whole words of four bytes, so that what follows does not depend on how
/// bytes were asked for: the same as the generator of this name in `rand_chacha`, which wipes
/// nothing.
pub struct SecretStream(ChaCha20Rng);

impl SecretStream {
    /// The stream that follows from `seed`; whoever has the seed wipes it.
    pub fn new(seed: &[u8; 32]) -> Self {
        Self(ChaCha20Rng::from_seed(*seed))
    }
}

impl RngCore for SecretStream {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.0.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for SecretStream {}

impl fmt::Debug for SecretStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretStream(secret)")
    }
}

/// The generator wipes itself: a build without that does not compile.
const _: () = {
    const fn wipes<T: zeroize::ZeroizeOnDrop>() {}
    wipes::<ChaCha20Rng>();
};

#[cfg(test)]
mod tests {
    use super::*;

    /// CUR-08: bytes, words and pieces of any length, as the other implementation gives them.
    #[test]
    fn the_stream_is_that_of_another_implementation() {
        use rand_chacha::rand_core::SeedableRng as _;
        for seed in [[0; 32], [7; 32]] {
            let mut one = SecretStream::new(&seed);
            let mut other = rand_chacha::ChaCha20Rng::from_seed(seed);
            for length in [1, 2, 3, 4, 5, 31, 32, 64, 127, 255, 256, 257, 1000] {
                let (mut ours, mut theirs) = (vec![0; length], vec![0; length]);
                one.fill_bytes(&mut ours);
                other.fill_bytes(&mut theirs);
                assert_eq!(ours, theirs, "{length}");
                assert_eq!(one.next_u32(), other.next_u32());
                assert_eq!(one.next_u64(), other.next_u64());
            }
        }
    }

    /// CUR-08.
    #[test]
    fn a_stream_prints_as_nothing() {
        assert_eq!(format!("{:?}", SecretStream::new(&[7; 32])), "SecretStream(secret)");
    }
}
