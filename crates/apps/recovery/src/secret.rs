//! The secret from which a recovery key follows (REC-02).

use clap::ValueEnum;
use quorate_backup::{Opener, RecoveryKey, SoftKey, SoftKind};
use quorate_codec::{Transcript, tag};
use quorate_curve::{Ed25519, SecretScalar};
use rand_core::CryptoRngCore;
use std::fmt;
use zeroize::Zeroizing;

/// Which algorithm a recovery key has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// X25519 with ML-KEM-768: also against who records today and has a quantum computer later.
    Hybrid,
    /// X25519.
    X25519,
    /// P-256.
    P256,
}

/// A uniform scalar of edwards25519, and the kind of key that follows from it: what a key file keeps
/// and what pages are shares of. Secret, wiped when dropped, printed as its kind.
pub struct Secret {
    kind: Kind,
    scalar: SecretScalar<Ed25519>,
}

impl Kind {
    /// As it is written in files and arguments.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hybrid => "hybrid",
            Self::X25519 => "x25519",
            Self::P256 => "p256",
        }
    }

    /// The inverse.
    pub fn named(text: &str) -> Option<Self> {
        [Self::Hybrid, Self::X25519, Self::P256].into_iter().find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl From<Kind> for SoftKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Hybrid => Self::Hybrid,
            Kind::X25519 => Self::X25519,
            Kind::P256 => Self::P256,
        }
    }
}

impl Secret {
    /// A fresh one.
    pub fn random(kind: Kind, rng: &mut impl CryptoRngCore) -> Self {
        Self::new(kind, SecretScalar::random(rng))
    }

    /// That of a scalar.
    pub fn new(kind: Kind, scalar: SecretScalar<Ed25519>) -> Self {
        Self { kind, scalar }
    }

    /// The kind of its key.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The scalar.
    pub(crate) fn scalar(&self) -> &SecretScalar<Ed25519> {
        &self.scalar
    }

    /// The key that follows from it: that of a seed (BAK-19) which is a hash of kind and scalar, so
    /// that a scalar has three keys that say nothing of each other (REC-02).
    pub fn key(&self) -> SoftKey {
        let seed = Transcript::new(tag::RECOVERY_SEED).part(self.kind.as_str());
        let seed = Zeroizing::new(seed.part(self.scalar.to_bytes().as_ref()).digest().0);
        SoftKey::from_seed(self.kind.into(), &seed)
    }

    /// The public half of the key.
    pub fn public(&self) -> RecoveryKey {
        self.key().public().clone()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Secret({})", self.kind)
    }
}
