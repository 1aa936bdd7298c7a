//! Forms of private keys that other software reads (REC-49). What they hold is one secret scalar, so
//! what is written is wiped, but for what a passphrase seals.

mod base58;
mod keystore;
mod pem;

use super::WholeKey;
use crate::passphrase::Passphrase;
use clap::ValueEnum;
use quorate_codec::hex;
use quorate_identity::Scheme;
use rand_core::CryptoRngCore;
use serde::Serialize;
use std::fmt;
use zeroize::Zeroizing;

/// How a whole key is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Extended private key of BIP-32, with the chain code: all children too. Never encrypted.
    Xprv,
    /// Wallet import format, compressed. Never encrypted.
    Wif,
    /// PKCS #8 in PEM, as OpenSSL reads it; encrypted under a passphrase.
    Pkcs8,
    /// Ethereum's keystore, version 3; always encrypted under a passphrase.
    Keystore,
    /// 64 hexadecimal digits: the scalar as its curve writes it. Never encrypted.
    Raw,
}

/// For which coins: the version bytes of BIP-32 and WIF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KeyNetwork {
    /// Where coins are worth something.
    Mainnet,
    /// Every network for trying things out.
    Testnet,
}

/// Why a key is not written in a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// The form has keys of another curve.
    #[error("{0} holds keys of secp256k1, and this is one of {1} signatures")]
    Scheme(Format, Scheme),
    /// RFC 8410 has seeds, and the keys of a domain have none.
    #[error(
        "PKCS #8 holds the seed that a key of Ed25519 is made of (RFC 8410, RFC 8032); a key that \
         nodes made is a scalar, and nobody has a seed that leads to it"
    )]
    Seed,
    /// The form is always sealed, and no passphrase is given.
    #[error("{0} is always encrypted")]
    Sealed(Format),
    /// The form is never sealed.
    #[error("{0} is never encrypted: whoever gets the file has the key")]
    Unsealed(Format),
    /// The form is the same for all networks.
    #[error("{0} does not say for which network it is")]
    Network(Format),
    /// Memory is short; the machine's fault.
    #[error("there is too little memory to write the key")]
    Memory,
}

impl Format {
    /// Whether the form has a place for keys of these signatures.
    ///
    /// # Errors
    /// [`FormError::Scheme`], [`FormError::Seed`].
    pub fn fits(self, scheme: Scheme) -> Result<(), FormError> {
        match (self, scheme) {
            (Self::Raw, _)
            | (Self::Pkcs8, Scheme::EcdsaP256)
            | (_, Scheme::EcdsaSecp256k1 | Scheme::Bip340) => Ok(()),
            (Self::Pkcs8, Scheme::Ed25519) => Err(FormError::Seed),
            (Self::Xprv | Self::Wif | Self::Keystore, Scheme::Ed25519 | Scheme::EcdsaP256) => {
                Err(FormError::Scheme(self, scheme))
            }
        }
    }

    /// Whether the form can be sealed under a passphrase, or not, as is wished.
    ///
    /// # Errors
    /// [`FormError::Sealed`], [`FormError::Unsealed`].
    pub fn can_be(self, sealed: bool) -> Result<(), FormError> {
        match (self, sealed) {
            (Self::Keystore, false) => Err(FormError::Sealed(self)),
            (Self::Xprv | Self::Wif | Self::Raw, true) => Err(FormError::Unsealed(self)),
            _ => Ok(()),
        }
    }

    /// Whether the form says for which network it is.
    ///
    /// # Errors
    /// [`FormError::Network`].
    pub fn has_network(self) -> Result<(), FormError> {
        match self {
            Self::Xprv | Self::Wif => Ok(()),
            Self::Pkcs8 | Self::Keystore | Self::Raw => Err(FormError::Network(self)),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Xprv => "an extended private key of BIP-32",
            Self::Wif => "a key in wallet import format",
            Self::Pkcs8 => "PKCS #8",
            Self::Keystore => "a keystore of Ethereum",
            Self::Raw => "a bare scalar",
        })
    }
}

impl WholeKey {
    /// The key as other software reads it, sealed under the passphrase if there is one. Secret where
    /// it is not sealed.
    ///
    /// Cost: where it is sealed that of scrypt, for a keystore with 256 MiB.
    ///
    /// # Errors
    /// [`FormError`].
    pub fn text(
        &self,
        format: Format,
        network: KeyNetwork,
        passphrase: Option<&Passphrase>,
        rng: &mut impl CryptoRngCore,
    ) -> Result<Zeroizing<String>, FormError> {
        format.fits(self.scheme)?;
        format.can_be(passphrase.is_some())?;
        match (format, passphrase) {
            (Format::Xprv, _) => base58::xprv(self, network),
            (Format::Wif, _) => base58::wif(self, network),
            (Format::Pkcs8, passphrase) => pem::text(self, passphrase, rng),
            (Format::Keystore, Some(passphrase)) => keystore::text(self, passphrase, rng),
            (Format::Keystore, None) => Err(FormError::Sealed(format)),
            (Format::Raw, _) => {
                let digits = Zeroizing::new(hex::encode(&*self.secret));
                Ok(line(digits.trim_start_matches("0x")))
            }
        }
    }
}

/// A line of its own, in one buffer that does not move.
fn line(text: &str) -> Zeroizing<String> {
    let mut line = Zeroizing::new(String::with_capacity(text.len() + 1));
    line.push_str(text);
    line.push('\n');
    line
}
