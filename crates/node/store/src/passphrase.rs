//! From a passphrase, or another secret that may be guessed, to the key that wraps the data key.

use crate::{SealKey, StoreError, seal};
use argon2::{Algorithm, Argon2, Params, Version};
use minicbor::{Decode, Encode};
use std::fmt;
use zeroize::Zeroizing;

/// A passphrase. Secret: wiped when dropped, never printed.
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes the text as it is, spaces included.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Whether there is nothing in it, which seals nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Passphrase(secret)")
    }
}

/// What one guess of a passphrase costs: the parameters of Argon2id (RFC 9106), stored in the
/// header (STO-02). Public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Cost {
    #[n(0)]
    memory_kib: u32,
    #[n(1)]
    passes: u32,
    #[n(2)]
    lanes: u32,
}

/// How a key follows from a secret: Argon2id with a salt. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Stretch {
    #[n(0)]
    cost: Cost,
    #[cbor(n(1), with = "minicbor::bytes")]
    salt: [u8; 16],
}

impl Stretch {
    /// With a fresh salt.
    pub fn fresh(cost: Cost) -> Self {
        Self { cost, salt: seal::random() }
    }

    /// As a header has it; `None` where it asks for more than the limits (STO-02).
    pub(crate) fn of_parts(
        (memory_kib, passes, lanes): (u32, u32, u32),
        salt: [u8; 16],
    ) -> Option<Self> {
        Some(Self { cost: Cost::new(memory_kib, passes, lanes)?, salt })
    }

    pub(crate) fn parts(&self) -> ((u32, u32, u32), [u8; 16]) {
        (self.cost.parts(), self.salt)
    }

    /// The key that follows from these bytes.
    ///
    /// # Errors
    /// [`StoreError::Memory`].
    pub fn key(&self, secret: &[u8]) -> Result<SealKey, StoreError> {
        self.cost.derive(secret, &self.salt).map(SealKey::from).ok_or(StoreError::Memory)
    }
}

impl Cost {
    /// 64 MiB and three passes: RFC 9106's second choice with one lane, a quarter of a second on
    /// a small machine, once at a start.
    pub const STANDARD: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 };
    /// For tests of everything but the cost itself.
    pub const TRIAL: Self = Self { memory_kib: 64, passes: 1, lanes: 1 };

    /// Parameters within the limits, so that a header cannot demand all memory or an hour.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Option<Self> {
        let within = (64..=1 << 20).contains(&memory_kib)
            && (1..=16).contains(&passes)
            && (1..=4).contains(&lanes);
        within.then_some(Self { memory_kib, passes, lanes })
    }

    pub(crate) fn parts(self) -> (u32, u32, u32) {
        (self.memory_kib, self.passes, self.lanes)
    }

    /// The key-encryption key; `None` only where the library refuses what [`Cost::new`] allows
    /// or memory is short.
    fn derive(self, secret: &[u8], salt: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(32)).ok()?;
        let mut key = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(secret, salt, &mut *key)
            .ok()?;
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sto_02_costs_beyond_the_limits_do_not_exist() {
        let (memory, passes, lanes) = Cost::STANDARD.parts();
        assert_eq!(Cost::new(memory, passes, lanes), Some(Cost::STANDARD));
        let (memory, passes, lanes) = Cost::TRIAL.parts();
        assert_eq!(Cost::new(memory, passes, lanes), Some(Cost::TRIAL));
        for (memory, passes, lanes) in
            [(63, 1, 1), ((1 << 20) + 1, 1, 1), (64, 0, 1), (64, 17, 1), (64, 1, 0), (64, 1, 5)]
        {
            assert_eq!(Cost::new(memory, passes, lanes), None);
        }
    }

    #[test]
    fn neg_077_a_passphrase_prints_as_nothing() {
        assert_eq!(format!("{:?}", Passphrase::new("open sesame")), "Passphrase(secret)");
    }

    #[test]
    fn sto_02_phrase_salt_and_cost_all_enter_the_key() {
        let key = |phrase: &str, salt: u8, passes: u32| {
            Cost::new(64, passes, 1).unwrap().derive(phrase.as_bytes(), &[salt; 16]).unwrap()
        };
        let base = key("a", 1, 1);
        assert_eq!(*base, *key("a", 1, 1));
        for other in [key("b", 1, 1), key("a", 2, 1), key("a", 1, 2)] {
            assert_ne!(*base, *other);
        }
    }
}
