//! What is known of a key that was not made here.

use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, Digest};
use quorate_identity::{ImporterKey, Scheme};
use std::fmt;

/// A key that somebody held whole before it came here, and who brings it. People sign all of
/// it, and every epoch record of the key repeats it (IMP-01, IMP-08). Public.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct Imported {
    /// The public point Q: 33 bytes SEC 1 compressed, or 32 bytes RFC 8032. Also for BIP-340,
    /// whose x-only form does not name one point.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub public: Vec<u8>,
    /// The chain code of the key, from which its children are derived.
    #[n(1)]
    pub chain_code: Digest,
    /// The one-time key of whoever deals it.
    #[n(2)]
    pub importer: ImporterKey,
}

impl Imported {
    /// Whether the point is as long as those of the scheme.
    pub fn fits(&self, scheme: Scheme) -> bool {
        let length = match scheme {
            Scheme::EcdsaSecp256k1 | Scheme::Bip340 | Scheme::EcdsaP256 => 33,
            Scheme::Ed25519 => 32,
        };
        self.public.len() == length
    }

    /// Whether a point or public key is this one or its negative (IMP-02).
    pub fn is_same_key(&self, public: &[u8]) -> bool {
        is_same_key(&self.public, public)
    }
}

/// Whether two points or public keys are the same or each other's negative: who knows the secret of one
/// knows that of the other, so they are one key, whatever schemes they serve (IMP-02).
pub fn is_same_key(one: &[u8], other: &[u8]) -> bool {
    // The coordinate of either form, without the sign of the other one.
    fn coordinate(bytes: &[u8]) -> Option<(bool, [u8; 32])> {
        if let Some((_, rest)) = bytes.split_first().filter(|(_, rest)| rest.len() == 32) {
            return Some((true, rest.try_into().ok()?));
        }
        Some((false, bytes.try_into().ok()?))
    }
    let unsigned = |mut bytes: [u8; 32]| {
        if let Some(last) = bytes.last_mut() {
            *last &= 0x7f;
        }
        bytes
    };
    match (coordinate(one), coordinate(other)) {
        // Two points of Ed25519: the sign is the highest bit.
        (Some((false, ours)), Some((false, theirs))) => unsigned(ours) == unsigned(theirs),
        // Points of one of the other curves, or one and an x-only key.
        (Some((_, ours)), Some((_, theirs))) => ours == theirs,
        _ => false,
    }
}

impl fmt::Debug for Imported {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Imported({})", quorate_codec::hex::encode(&self.public))
    }
}

impl Canonical for Imported {
    const BYTES_MAX: usize = 1 + 35 + 34 + ImporterKey::BYTES_MAX;
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_identity::ImporterSecret;

    fn imported(public: &[u8]) -> Imported {
        let importer = ImporterSecret::from_bytes(&[1; 32]).public();
        Imported { public: public.to_vec(), chain_code: Digest::ZERO, importer }
    }

    /// IMP-02.
    #[test]
    fn a_key_is_known_by_any_of_its_forms() {
        let x = [7; 32];
        let (even, odd) = ([&[2][..], &x].concat(), [&[3][..], &x].concat());
        let known = imported(&even);
        assert!(known.is_same_key(&even) && known.is_same_key(&odd) && known.is_same_key(&x));
        assert!(!known.is_same_key(&[8; 32]) && !known.is_same_key(&[2; 31]));
        let mut negative = x;
        negative[31] ^= 0x80;
        assert!(imported(&x).is_same_key(&negative));
        assert!(!known.is_same_key(&negative));
        assert!(known.fits(Scheme::Bip340) && !known.fits(Scheme::Ed25519));
        assert!(!known.fits(Scheme::Ed25519) && imported(&x).fits(Scheme::Ed25519));
    }
}
