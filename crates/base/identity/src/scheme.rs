//! Signature schemes.

use crate::text::serde_as_text;
use minicbor::{Decode, Encode};
use quorate_codec::Canonical;
use std::fmt;
use std::str::FromStr;

/// What a key makes: a key has one scheme for all its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Scheme {
    /// ECDSA on secp256k1 over a 32-byte digest (SEC 1).
    #[n(0)]
    EcdsaSecp256k1,
    /// Schnorr signatures on secp256k1 with x-only keys (BIP-340).
    #[n(1)]
    Bip340,
    /// Ed25519 (RFC 8032).
    #[n(2)]
    Ed25519,
    /// ECDSA on NIST P-256 over a 32-byte digest (FIPS 186-5).
    #[n(3)]
    EcdsaP256,
}

impl Scheme {
    /// All schemes.
    pub const ALL: [Self; 4] = [Self::EcdsaSecp256k1, Self::Bip340, Self::Ed25519, Self::EcdsaP256];

    /// The text form.
    pub fn name(self) -> &'static str {
        match self {
            Self::EcdsaSecp256k1 => "ecdsa-secp256k1",
            Self::Bip340 => "bip340",
            Self::Ed25519 => "ed25519",
            Self::EcdsaP256 => "ecdsa-p256",
        }
    }

    /// Whether it is ECDSA, on either curve: its sessions take a set-up with every peer.
    pub fn is_ecdsa(self) -> bool {
        match self {
            Self::EcdsaSecp256k1 | Self::EcdsaP256 => true,
            Self::Bip340 | Self::Ed25519 => false,
        }
    }
}

/// A text that names no scheme; the caller's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a scheme is one of ecdsa-secp256k1, bip340, ed25519, ecdsa-p256")]
pub struct SchemeError;

impl fmt::Display for Scheme {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for Scheme {
    type Err = SchemeError;

    fn from_str(text: &str) -> Result<Self, SchemeError> {
        Self::ALL.into_iter().find(|scheme| scheme.name() == text).ok_or(SchemeError)
    }
}

impl Canonical for Scheme {
    const BYTES_MAX: usize = 1;
}

serde_as_text!(Scheme);

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_codec::{from_bytes, to_bytes};

    #[test]
    fn schemes_round_trip_and_others_are_refused() {
        for scheme in Scheme::ALL {
            assert_eq!(scheme.to_string().parse(), Ok(scheme));
            assert_eq!(from_bytes(&to_bytes(&scheme)), Ok(scheme));
        }
        assert_eq!("ECDSA".parse::<Scheme>(), Err(SchemeError));
        assert!(from_bytes::<Scheme>(&[4]).is_err());
    }
}
