//! Randomness, given as an argument.

use quorate_curve::SecretStream;
use std::fmt;
use zeroize::Zeroizing;

/// 32 fresh random bytes for one step. Secret, one-time: consumed by the step it is given to,
/// wiped afterwards, never printed.
pub struct Seed(Zeroizing<[u8; 32]>);

impl Seed {
    /// From bytes of a cryptographic random source that serve nothing else.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The generator that the seed feeds; it wipes itself too.
    pub(crate) fn rng(self) -> SecretStream {
        SecretStream::new(&self.0)
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Seed(secret)")
    }
}
