//! What makes the key-encryption key: the kinds of seals (STO-14).
//!
//! This crate stretches passphrases and credentials itself. What a TPM or a token does is an effect
//! of the program above, which reads here what to ask of them, and gives back the key.

use crate::passphrase::Stretch;
use crate::seal;
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, from_bytes, to_bytes};
use rand_core::{OsRng, RngCore};
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The key-encryption key: whoever has it opens the store. Secret: not `Copy`, not `Clone`, wiped
/// when dropped, never printed.
pub struct SealKey(Zeroizing<[u8; 32]>);

impl SealKey {
    /// A fresh one, to be sealed to something that gives it back.
    pub fn random() -> Self {
        let mut key = Zeroizing::new([0; 32]);
        OsRng.fill_bytes(&mut *key);
        Self(key)
    }

    /// As something gave it back; `None` if it has not 32 bytes. The caller wipes the bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut key = Zeroizing::new([0; 32]);
        (bytes.len() == key.len()).then(|| {
            key.copy_from_slice(bytes);
            Self(key)
        })
    }

    /// Whether both are one, in constant time.
    pub fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&*other.0).into()
    }

    /// For whatever keeps it. Secret.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<Zeroizing<[u8; 32]>> for SealKey {
    fn from(key: Zeroizing<[u8; 32]>) -> Self {
        Self(key)
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SealKey(secret)")
    }
}

/// Whether a person must be there when a store opens, and what opens it. Public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealKind {
    /// A passphrase that somebody types. Attended.
    Passphrase,
    /// A secret that systemd hands to the unit. Unattended.
    SystemdCredential,
    /// A TPM 2.0 of this machine. Unattended.
    Tpm2,
    /// A key in a token or HSM. Unattended where its PIN is.
    Pkcs11,
}

impl SealKind {
    /// Its name, for people and programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passphrase => "passphrase",
            Self::SystemdCredential => "systemd-credential",
            Self::Tpm2 => "tpm2",
            Self::Pkcs11 => "pkcs11",
        }
    }

    /// Whether somebody has to type what opens it.
    pub fn is_attended(self) -> bool {
        self == Self::Passphrase
    }
}

impl fmt::Display for SealKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What opens a store, as its header says. Public, and nobody's word before the store has opened:
/// so it names keys and blobs, and never a library to load or a file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seal {
    /// A passphrase, stretched.
    Passphrase(Stretch),
    /// A credential of this name, stretched like a passphrase, because it may be one.
    SystemdCredential {
        /// What systemd calls it.
        name: String,
        /// From its bytes to the key.
        stretch: Stretch,
    },
    /// An object that one TPM alone loads and unseals.
    Tpm2(TpmObject),
    /// A key in a token that answers a challenge.
    Pkcs11(TokenChallenge),
}

/// A key-encryption key as a TPM sealed it (STO-16). Public: only the TPM that made it opens it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TpmObject {
    /// TPM2B_PUBLIC without its length.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub public: Vec<u8>,
    /// TPM2B_PRIVATE without its length.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub private: Vec<u8>,
    /// The index of a counter in the TPM that counts the starts of the node, if it has one (STO-19).
    #[n(2)]
    pub counter: Option<u32>,
}

/// What a token is asked (STO-17): HMAC-SHA-256 of the challenge is the key-encryption key. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TokenChallenge {
    /// What the token is called.
    #[n(0)]
    pub token: String,
    /// What its key is called.
    #[n(1)]
    pub key: String,
    /// Random, for this store and this sealing alone.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub challenge: [u8; 32],
}

/// A credential in a header.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct StoredCredential {
    #[n(0)]
    name: String,
    #[n(1)]
    stretch: Stretch,
}

/// How a header has a seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form {
    /// A passphrase: the form that had no kinds.
    Stretched(Stretch),
    /// Anything else: the number of its kind, and what describes it.
    Named(u8, Vec<u8>),
}

/// Longest description of a seal, in bytes: a TPM's object has some 300.
const SEAL_BYTES_MAX: usize = 2_048;
/// Longest label of a token (PKCS #11 has 32) or its key, and name of a credential, in bytes.
const NAME_BYTES_MAX: usize = 255;

impl Canonical for TpmObject {
    const BYTES_MAX: usize = SEAL_BYTES_MAX;
}

impl Canonical for TokenChallenge {
    const BYTES_MAX: usize = SEAL_BYTES_MAX;
}

impl Canonical for StoredCredential {
    const BYTES_MAX: usize = SEAL_BYTES_MAX;
}

impl TokenChallenge {
    /// A fresh challenge to this key of this token.
    pub fn fresh(token: impl Into<String>, key: impl Into<String>) -> Self {
        Self { token: token.into(), key: key.into(), challenge: seal::random() }
    }
}

impl Seal {
    /// Which kind it is.
    pub fn kind(&self) -> SealKind {
        match self {
            Self::Passphrase(_) => SealKind::Passphrase,
            Self::SystemdCredential { .. } => SealKind::SystemdCredential,
            Self::Tpm2(_) => SealKind::Tpm2,
            Self::Pkcs11(_) => SealKind::Pkcs11,
        }
    }

    /// Whether a header has room for it.
    pub(crate) fn fits(&self) -> bool {
        let short = |text: &String| !text.is_empty() && text.len() <= NAME_BYTES_MAX;
        match self {
            Self::Passphrase(_) => true,
            Self::SystemdCredential { name, stretch } => {
                let (cost, salt) = stretch.parts();
                short(name) && Stretch::of_parts(cost, salt).is_some()
            }
            Self::Tpm2(object) => to_bytes(object).len() <= SEAL_BYTES_MAX,
            Self::Pkcs11(asked) => short(&asked.token) && short(&asked.key),
        }
    }

    /// As a header has it.
    pub(crate) fn to_stored(&self) -> Form {
        match self {
            Self::Passphrase(stretch) => Form::Stretched(stretch.clone()),
            Self::SystemdCredential { name, stretch } => {
                let stored = StoredCredential { name: name.clone(), stretch: stretch.clone() };
                Form::Named(1, to_bytes(&stored))
            }
            Self::Tpm2(object) => Form::Named(2, to_bytes(object)),
            Self::Pkcs11(asked) => Form::Named(3, to_bytes(asked)),
        }
    }

    /// The inverse of a named form; `None` for what is no seal.
    pub(crate) fn from_stored(kind: u8, bytes: &[u8]) -> Option<Self> {
        let seal = match kind {
            1 => {
                let StoredCredential { name, stretch } = from_bytes(bytes).ok()?;
                Self::SystemdCredential { name, stretch }
            }
            2 => Self::Tpm2(from_bytes(bytes).ok()?),
            3 => Self::Pkcs11(from_bytes(bytes).ok()?),
            _ => return None,
        };
        seal.fits().then_some(seal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cost;

    fn every() -> [Seal; 3] {
        [
            Seal::SystemdCredential { name: "seal".into(), stretch: Stretch::fresh(Cost::TRIAL) },
            Seal::Tpm2(TpmObject { public: vec![1; 48], private: vec![2; 190], counter: Some(7) }),
            Seal::Pkcs11(TokenChallenge::fresh("vault", "node-1")),
        ]
    }

    fn named(seal: &Seal) -> (u8, Vec<u8>) {
        match seal.to_stored() {
            Form::Named(kind, bytes) => (kind, bytes),
            Form::Stretched(_) => panic!("a passphrase"),
        }
    }

    #[test]
    fn sto_14_a_seal_comes_back_as_it_was_and_under_no_other_kind() {
        for seal in every() {
            let (kind, bytes) = named(&seal);
            assert_eq!(Seal::from_stored(kind, &bytes).as_ref(), Some(&seal));
            for other in (0..=255).filter(|other| *other != kind) {
                assert_eq!(Seal::from_stored(other, &bytes), None, "{kind} as {other}");
            }
        }
    }

    #[test]
    fn sto_14_only_a_passphrase_needs_somebody() {
        let kinds = every().map(|seal| seal.kind());
        assert!(kinds.iter().all(|kind| !kind.is_attended()));
        assert_eq!(kinds.map(SealKind::as_str), ["systemd-credential", "tpm2", "pkcs11"]);
        assert!(SealKind::Passphrase.is_attended());
    }

    #[test]
    fn sto_14_names_and_blobs_have_limits() {
        let long = "n".repeat(NAME_BYTES_MAX + 1);
        let stretch = Stretch::fresh(Cost::TRIAL);
        for seal in [
            Seal::SystemdCredential { name: String::new(), stretch: stretch.clone() },
            Seal::SystemdCredential { name: long.clone(), stretch },
            Seal::Tpm2(TpmObject {
                public: vec![],
                private: vec![0; SEAL_BYTES_MAX],
                counter: None,
            }),
            Seal::Pkcs11(TokenChallenge::fresh("", "k")),
            Seal::Pkcs11(TokenChallenge::fresh("t", &long)),
        ] {
            assert!(!seal.fits(), "{:?}", seal.kind());
            let (kind, bytes) = named(&seal);
            assert_eq!(Seal::from_stored(kind, &bytes), None);
        }
    }

    #[test]
    fn neg_077_a_key_prints_as_nothing_and_has_32_bytes() {
        assert_eq!(format!("{:?}", SealKey::random()), "SealKey(secret)");
        assert_ne!(SealKey::random().as_bytes(), SealKey::random().as_bytes());
        for length in [0, 31, 33] {
            assert!(SealKey::from_bytes(&vec![7; length]).is_none(), "{length}");
        }
        let key = SealKey::from_bytes(&[7; 32]).unwrap();
        assert_eq!(key.as_bytes(), &[7; 32]);
        assert!(key.is(&SealKey::from_bytes(&[7; 32]).unwrap()) && !key.is(&SealKey::random()));
    }
}
