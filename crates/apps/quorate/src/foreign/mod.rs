//! Keys as others write them down: a raw scalar, WIF, a mnemonic with a path, an encrypted
//! keystore, PEM, a seed of Ed25519 (IMP-10). Pure: text in, one secret scalar out. Every secret in
//! here is wiped when it is dropped and is printed nowhere.
//!
//! A key of Ed25519 is written down as a seed of 32 bytes, which RFC 8032 expands with SHA-512
//! into a scalar and a prefix of nonces. Shares are shares of the scalar; it is taken as RFC 8032
//! clamps it, modulo the order of the group. The public key is the same, so signatures verify as
//! before; their nonces are made another way, which no verifier can see. The prefix is of no use
//! and is not kept.

mod hd;
mod keystore;
mod pem;
mod wif;

pub use hd::{HdPath, mnemonic};
pub use keystore::keystore;
pub use pem::{is_encrypted, pem};
pub use wif::wif;

use quorate_codec::hex;
use quorate_curve::{Curve, Ed25519, P256, Secp256k1, SecretScalar};
use quorate_identity::Scheme;
use sha2::{Digest as _, Sha512};
use std::fmt;
use zeroize::Zeroizing;

/// Most iterations of PBKDF2 that a file may ask for.
const ITERATIONS_MAX: u32 = 10_000_000;
/// Most memory that a file may ask for, in bytes.
const MEMORY_MAX: u64 = 1 << 30;

/// Why something is not read as a key. It never repeats what it read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForeignError {
    /// Not the form that it should be.
    #[error("not {0}")]
    Form(&'static str),
    /// A number that no key of the curve has: zero, or at or above the order.
    #[error("not a secret key of its curve")]
    Scalar,
    /// A key that is not for this scheme.
    #[error("{0} is not a form of keys for {1} signatures")]
    Scheme(&'static str, Scheme),
    /// A key of an uncompressed public key, which has other addresses.
    #[error("the key belongs to an uncompressed public key, whose addresses are not made here")]
    Uncompressed,
    /// For another network.
    #[error("the key is for another network than {0}")]
    Network(&'static str),
    /// A mnemonic with a word or checksum that is wrong.
    #[error("the mnemonic is wrong: {0}")]
    Mnemonic(String),
    /// A path that leads nowhere.
    #[error("not a path for such a key: {0}")]
    Path(&'static str),
    /// A wrong password, or a damaged file.
    #[error("the password is wrong, or the keystore is damaged")]
    Password,
    /// A keystore of a kind that is not read here.
    #[error("the keystore asks for {0}, which is not read here")]
    Unsupported(&'static str),
    /// The public key that stands beside a private one is not its own.
    #[error("the private key makes another public key than the one that stands beside it")]
    Public,
    /// The address that stands in a keystore is not that of the key in it.
    #[error("the key in the keystore makes another address than the one that stands there")]
    Address,
}

/// One secret scalar from elsewhere. Secret.
pub struct ForeignKey {
    /// Canonical, as the curve writes it.
    secret: Zeroizing<[u8; 32]>,
    scheme: Scheme,
    /// The chain code that came with it, where it is a node of BIP-32 or SLIP-10.
    chain_code: Option<[u8; 32]>,
}

impl ForeignKey {
    fn new(
        secret: &[u8; 32],
        scheme: Scheme,
        chain_code: Option<[u8; 32]>,
    ) -> Result<Self, ForeignError> {
        let key = Self { secret: Zeroizing::new(*secret), scheme, chain_code };
        key.public()?;
        Ok(key)
    }

    /// The scalar, for the one dealing. Secret.
    pub fn secret(&self) -> Zeroizing<[u8; 32]> {
        self.secret.clone()
    }

    /// The public point: 33 bytes SEC 1 compressed, or 32 bytes RFC 8032.
    ///
    /// # Errors
    /// [`ForeignError::Scalar`].
    pub fn public(&self) -> Result<Vec<u8>, ForeignError> {
        match self.scheme {
            Scheme::EcdsaSecp256k1 | Scheme::Bip340 => point::<Secp256k1>(&self.secret),
            Scheme::Ed25519 => point::<Ed25519>(&self.secret),
            Scheme::EcdsaP256 => point::<P256>(&self.secret),
        }
    }

    /// The chain code that came with it.
    pub fn chain_code(&self) -> Option<[u8; 32]> {
        self.chain_code
    }
}

impl fmt::Debug for ForeignKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ForeignKey(secret)")
    }
}

fn point<C: Curve>(secret: &[u8; 32]) -> Result<Vec<u8>, ForeignError> {
    let scalar = SecretScalar::<C>::from_bytes(secret).map_err(|_| ForeignError::Scalar)?;
    let point = scalar.commit().non_identity().map_err(|_| ForeignError::Scalar)?;
    Ok(point.to_bytes())
}

/// A scalar as 64 digits, with or without `0x`: big-endian for secp256k1 and P-256; of Ed25519, the scalar
/// itself, little-endian and reduced, which is what other threshold systems hold and no wallet.
///
/// # Errors
/// [`ForeignError::Form`], [`ForeignError::Scalar`].
pub fn raw(text: &str, scheme: Scheme) -> Result<ForeignKey, ForeignError> {
    ForeignKey::new(&*digits(text)?, scheme, None)
}

/// A seed of RFC 8032, 64 digits.
///
/// # Errors
/// [`ForeignError::Form`]; [`ForeignError::Scheme`]: only Ed25519 has seeds.
pub fn seed(text: &str, scheme: Scheme) -> Result<ForeignKey, ForeignError> {
    match scheme {
        Scheme::Ed25519 => expand(&*digits(text)?),
        other => Err(ForeignError::Scheme("a seed", other)),
    }
}

/// The scalar of a seed: the first half of its SHA-512, clamped, modulo the order.
fn expand(seed: &[u8; 32]) -> Result<ForeignKey, ForeignError> {
    let mut hash = Zeroizing::new([0; 64]);
    hash.copy_from_slice(&Sha512::digest(seed));
    // Clamped in its place, then read as a wide number whose upper half is zero.
    let mut wide = Zeroizing::new([0; 64]);
    for (at, (to, from)) in wide.iter_mut().zip(hash.iter()).take(32).enumerate() {
        *to = match at {
            0 => from & 0xf8,
            31 => (from & 0x7f) | 0x40,
            _ => *from,
        };
    }
    let scalar = SecretScalar::<Ed25519>::from_wide(&wide);
    ForeignKey::new(&scalar.to_bytes(), Scheme::Ed25519, None)
}

fn digits(text: &str) -> Result<Zeroizing<[u8; 32]>, ForeignError> {
    let wrong = || ForeignError::Form("64 hexadecimal digits");
    let text = text.trim();
    let text = text.strip_prefix("0x").unwrap_or(text);
    let lower = Zeroizing::new(format!("0x{}", text.to_ascii_lowercase()));
    hex::decode_array(&lower).map(Zeroizing::new).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::SigningKey;

    /// IMP-10.
    #[test]
    fn a_raw_scalar_is_read_as_its_curve_writes_it() {
        let one = format!("{:0>64}", 1);
        let generator = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
        for text in [one.clone(), format!("0x{one}"), format!(" {one}\n")] {
            let key = raw(&text, Scheme::EcdsaSecp256k1).unwrap();
            assert_eq!(hex::encode(&key.public().unwrap()), format!("0x{generator}"));
        }
        let key = raw(&one, Scheme::EcdsaP256).unwrap();
        let generator = "036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
        assert_eq!(hex::encode(&key.public().unwrap()), format!("0x{generator}"));
        let order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
        assert_eq!(raw(order, Scheme::EcdsaP256).unwrap_err(), ForeignError::Scalar);
        let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
        for bad in [order, &"0".repeat(64)] {
            assert_eq!(raw(bad, Scheme::Bip340).unwrap_err(), ForeignError::Scalar);
        }
        for bad in ["", "1", &"g".repeat(64), &one[1..], &format!("{one}0")] {
            assert!(matches!(raw(bad, Scheme::Bip340), Err(ForeignError::Form(_))), "{bad}");
        }
        assert_eq!(format!("{:?}", raw(&one, Scheme::Bip340).unwrap()), "ForeignKey(secret)");
    }

    /// IMP-10: the key of the first test of RFC 8032 keeps its public key.
    #[test]
    fn a_seed_becomes_the_scalar_of_the_same_public_key() {
        let seed_text = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let public = "0xd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        let key = seed(seed_text, Scheme::Ed25519).unwrap();
        assert_eq!(hex::encode(&key.public().unwrap()), public);
        for byte in 0..32 {
            let dalek = SigningKey::from_bytes(&[byte; 32]);
            let key = expand(&[byte; 32]).unwrap();
            assert_eq!(key.public().unwrap(), dalek.verifying_key().to_bytes());
        }
        assert!(seed(seed_text, Scheme::Bip340).is_err());
    }
}
