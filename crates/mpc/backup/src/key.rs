//! The keys of custodians, and what is encrypted to them.
//!
//! Every kind makes a secret of 32 bytes and something by which the holder of the private half,
//! and nobody else, makes the same secret again. Making it is a function of the key and of coins,
//! so that whoever knows the coins can repeat it; opening it needs nothing of a device but ECDH or
//! RSA-OAEP.

use quorate_codec::{Transcript, tag};
use quorate_curve::{NonIdentity, P256, SecretScalar, SecretStream, x25519};
use quorate_identity::RecoveryKeyId;
use rand_core::RngCore;
use rsa::BoxedUint;
use rsa::traits::PublicKeyParts;
use std::fmt;
use x_wing::{KeyExport, TryKeyInit};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

/// A secret that only the maker of an encapsulation and the holder of a key have.
pub type Shared = Zeroizing<[u8; 32]>;

/// The public half of a custodian's key, which something can be encrypted to: it exists only if it
/// is well-formed and not one under which everybody could open.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryKey(pub(crate) Kind);

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Hybrid(Box<x_wing::EncapsulationKey>),
    X25519([u8; 32]),
    P256(NonIdentity<P256>),
    Rsa(rsa::PublicKey),
}

/// Bytes that are no recovery key. Their author's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a recovery key: {0}")]
pub struct KeyError(&'static str);

/// What the holder of a recovery key does, in software or with a device: everything that a
/// custodian's tool needs of it.
pub trait Opener {
    /// Why a device did not answer.
    type Error;

    /// The public half.
    fn public(&self) -> &RecoveryKey;

    /// Of a P-256 or X25519 key: the shared coordinate with the public point `with` of 33 or 32
    /// bytes. Of an RSA key, which serves nothing else: what `with` encrypts by OAEP (SHA-1, MGF1
    /// with SHA-1, no label). Of a hybrid key: the secret of X-Wing. `None` if there is none.
    ///
    /// # Errors
    /// The device's, for instance that it was taken away; also where a device says no more than
    /// that it failed.
    fn open(&self, with: &[u8]) -> Result<Option<Shared>, Self::Error>;
}

/// How a key takes part in a row: kinds that are cheap to repeat share what they send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ephemeral {
    /// One coordinate for all X25519 keys of a row.
    X25519,
    /// One point for all P-256 keys of a row.
    P256,
}

impl Ephemeral {
    pub(crate) const ALL: [Self; 2] = [Self::X25519, Self::P256];

    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::X25519 => 32,
            Self::P256 => 33,
        }
    }
}

/// The private halves of what all keys of a kind share in a row. Wiped when dropped.
pub(crate) struct Ephemerals {
    pub(crate) x25519: StaticSecret,
    pub(crate) p256: SecretScalar<P256>,
}

impl Ephemerals {
    /// What follows from the coins of a row.
    pub(crate) fn new(coins: &[u8; 32]) -> Self {
        let mut stream = SecretStream::new(coins);
        let mut x25519 = Zeroizing::new([0; 32]);
        stream.fill_bytes(x25519.as_mut());
        Self { x25519: StaticSecret::from(*x25519), p256: SecretScalar::random(&mut stream) }
    }

    /// The public half of one.
    pub(crate) fn public(&self, kind: Ephemeral) -> Vec<u8> {
        match kind {
            Ephemeral::X25519 => PublicKey::from(&self.x25519).to_bytes().to_vec(),
            Ephemeral::P256 => encoded(self.p256.commit()),
        }
    }
}

impl RecoveryKey {
    /// Reads a key: the number of its kind, then its bytes (BAK-17).
    ///
    /// | kind | number | bytes |
    /// |---|---|---|
    /// | X25519 with ML-KEM-768 (X-Wing) | 0 | 1216 |
    /// | X25519 | 1 | 32, reduced, not of small order |
    /// | P-256 | 2 | 33, SEC1 compressed |
    /// | RSA, exponent 65537 | 3 | 256, 384 or 512: the modulus |
    ///
    /// # Errors
    /// Anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let (kind, key) = bytes.split_first().ok_or(KeyError("it is empty"))?;
        let kind = match kind {
            0 => Kind::Hybrid(Box::new(hybrid(key)?)),
            1 => Kind::X25519(coordinate(key)?),
            2 => Kind::P256(NonIdentity::from_bytes(key).map_err(|_| KeyError("no point"))?),
            3 => Kind::Rsa(modulus(key)?),
            _ => return Err(KeyError("its kind is unknown")),
        };
        Ok(Self(kind))
    }

    /// Its encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (kind, key) = match &self.0 {
            Kind::Hybrid(key) => (0, key.to_bytes().to_vec()),
            Kind::X25519(key) => (1, key.to_vec()),
            Kind::P256(key) => (2, key.to_bytes()),
            Kind::Rsa(key) => (3, key.n().to_be_bytes_trimmed_vartime().into_vec()),
        };
        [[kind].as_slice(), &key].concat()
    }

    /// Its name.
    pub fn id(&self) -> RecoveryKeyId {
        RecoveryKeyId(Transcript::new(tag::RECOVERY_KEY).part(self.to_bytes()).digest())
    }

    /// What kind it is, for people.
    pub fn kind(&self) -> &'static str {
        match &self.0 {
            Kind::Hybrid(_) => "X25519 with ML-KEM-768",
            Kind::X25519(_) => "X25519",
            Kind::P256(_) => "P-256",
            Kind::Rsa(_) => "RSA",
        }
    }

    /// What kind it is, as it is written in files.
    pub fn kind_name(&self) -> &'static str {
        match &self.0 {
            Kind::Hybrid(_) => "hybrid",
            Kind::X25519(_) => "x25519",
            Kind::P256(_) => "p256",
            Kind::Rsa(_) => "rsa",
        }
    }

    /// What it shares with other keys of a row.
    pub(crate) fn ephemeral(&self) -> Option<Ephemeral> {
        match &self.0 {
            Kind::X25519(_) => Some(Ephemeral::X25519),
            Kind::P256(_) => Some(Ephemeral::P256),
            Kind::Hybrid(_) | Kind::Rsa(_) => None,
        }
    }

    /// Whether these bytes are what its device may be given: of its kind, and well-formed (BAK-10).
    pub(crate) fn takes(&self, sent: &[u8]) -> bool {
        match &self.0 {
            // Every string of its length is a ciphertext of ML-KEM; the coordinate stands last.
            Kind::Hybrid(_) => {
                let last = sent.last_chunk::<32>().map(|last| coordinate(last));
                sent.len() == x_wing::CIPHERTEXT_SIZE && last.is_some_and(|last| last.is_ok())
            }
            Kind::X25519(_) => coordinate(sent).is_ok(),
            Kind::P256(_) => NonIdentity::<P256>::from_bytes(sent).is_ok(),
            Kind::Rsa(key) => {
                sent.len() == key.size() && BoxedUint::from_be_slice_vartime(sent) < **key.n()
            }
        }
    }

    /// Length of what is sent for this key alone.
    pub(crate) fn own_bytes(&self) -> usize {
        match &self.0 {
            Kind::Hybrid(_) => x_wing::CIPHERTEXT_SIZE,
            Kind::X25519(_) | Kind::P256(_) => 0,
            Kind::Rsa(key) => key.size(),
        }
    }
}

impl fmt::Debug for RecoveryKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RecoveryKey({}, {})", self.kind(), self.id())
    }
}

/// The longest encoding of a key.
pub(crate) const KEY_BYTES_MAX: usize = 1 + x_wing::ENCAPSULATION_KEY_SIZE;

/// The longest that is sent to a key.
pub(crate) const SENT_BYTES_MAX: usize = x_wing::CIPHERTEXT_SIZE;

fn hybrid(bytes: &[u8]) -> Result<x_wing::EncapsulationKey, KeyError> {
    let last = bytes.last_chunk::<32>().ok_or(KeyError("no hybrid key"))?;
    coordinate(last)?;
    x_wing::EncapsulationKey::new_from_slice(bytes).map_err(|_| KeyError("no hybrid key"))
}

fn coordinate(bytes: &[u8]) -> Result<[u8; 32], KeyError> {
    let key: [u8; 32] = bytes.try_into().map_err(|_| KeyError("not 32 bytes"))?;
    if !x25519::is_canonical(&key) {
        return Err(KeyError("not reduced"));
    }
    if x25519::is_of_small_order(&key) { Err(KeyError("of small order")) } else { Ok(key) }
}

fn modulus(bytes: &[u8]) -> Result<rsa::PublicKey, KeyError> {
    let whole = [256, 384, 512].contains(&bytes.len());
    let is_full = bytes.first().is_some_and(|first| first >> 7 == 1);
    let is_odd = bytes.last().is_some_and(|last| last & 1 == 1);
    if !(whole && is_full && is_odd) {
        return Err(KeyError("no modulus of 2048, 3072 or 4096 bits"));
    }
    let n = BoxedUint::from_be_slice_vartime(bytes);
    rsa::PublicKey::new(n, 65537_u64.into()).map_err(|_| KeyError("no RSA key"))
}

/// A point that may be the identity in theory: its bytes are then of no use, and nobody's.
fn encoded(point: quorate_curve::Point<P256>) -> Vec<u8> {
    point.non_identity().map(|point| point.to_bytes()).unwrap_or_default()
}

/// The coordinate of a secret point, as ECDH gives it.
pub(crate) fn coordinate_of(point: quorate_curve::Point<P256>) -> Option<Shared> {
    let bytes = Zeroizing::new(encoded(point));
    let (_, coordinate) = bytes.split_first()?;
    coordinate.try_into().ok().map(Zeroizing::new)
}

/// A recovery key with its private half in memory. Secret, wiped when dropped, printed as its
/// kind. RSA keys live in devices only.
pub struct SoftKey {
    public: RecoveryKey,
    secret: SoftSecret,
}

enum SoftSecret {
    Hybrid(Box<x_wing::DecapsulationKey>),
    X25519(StaticSecret),
    P256(SecretScalar<P256>),
}

/// The kinds of [`SoftKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SoftKind {
    /// X25519 with ML-KEM-768: the default.
    Hybrid,
    /// X25519.
    X25519,
    /// P-256.
    P256,
}

impl SoftKey {
    /// The key that follows from 32 uniform secret bytes, which the caller wipes.
    pub fn from_seed(kind: SoftKind, seed: &[u8; 32]) -> Self {
        let (secret, public) = match kind {
            SoftKind::Hybrid => {
                let secret = Box::new(x_wing::DecapsulationKey::from(*seed));
                let public = Kind::Hybrid(Box::new(
                    x_wing::Decapsulator::encapsulation_key(&*secret).clone(),
                ));
                (SoftSecret::Hybrid(secret), public)
            }
            SoftKind::X25519 => {
                let secret = StaticSecret::from(*seed);
                let public = Kind::X25519(PublicKey::from(&secret).to_bytes());
                (SoftSecret::X25519(secret), public)
            }
            SoftKind::P256 => {
                let mut stream = SecretStream::new(seed);
                let (secret, public) = loop {
                    let secret = SecretScalar::random(&mut stream);
                    // Zero has probability 2^-256.
                    if let Ok(public) = secret.commit().non_identity() {
                        break (secret, public);
                    }
                };
                (SoftSecret::P256(secret), Kind::P256(public))
            }
        };
        Self { public: RecoveryKey(public), secret }
    }
}

impl Opener for SoftKey {
    type Error = std::convert::Infallible;

    fn public(&self) -> &RecoveryKey {
        &self.public
    }

    fn open(&self, with: &[u8]) -> Result<Option<Shared>, Self::Error> {
        Ok(match &self.secret {
            SoftSecret::Hybrid(secret) => x_wing::Decapsulate::decapsulate_slice(&**secret, with)
                .ok()
                .map(|shared| Zeroizing::new(shared.into())),
            SoftSecret::X25519(secret) => <[u8; 32]>::try_from(with).ok().map(|with| {
                Zeroizing::new(secret.diffie_hellman(&PublicKey::from(with)).to_bytes())
            }),
            SoftSecret::P256(secret) => NonIdentity::<P256>::from_bytes(with)
                .ok()
                .and_then(|with| coordinate_of(with.point().secret_mul(secret))),
        })
    }
}

impl fmt::Debug for SoftKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SoftKey({})", self.public.kind())
    }
}
