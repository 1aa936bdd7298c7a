//! A whole key for other software: the way out of a domain (REC-46 to REC-49).
//!
//! ```text
//!  backup file, name of a key ──► Combining ── open, by each custodian's key ──► Opened ──┐
//!                                     └────────────── combine, of one account ◄───────────┘
//!                                                          │
//!                                     WholeKey ── text ──► xprv, WIF, PKCS #8, keystore, digits
//! ```
//!
//! Everywhere else a key is never in one place. Here it is, and whoever has it then signs without any
//! node: so it takes everybody whom the domain named for that, one key is named at a time, and what it
//! adds up to is compared with the certified public key before anything leaves.
//!
//! What it does not do: it opens no shares, asks nobody and writes no file.

mod combining;
mod error;
mod forms;

pub use combining::{Combined, Combining, Opened};
pub use error::CombineError;
pub use forms::{FormError, Format, KeyNetwork};

use quorate_curve::{Curve, Ed25519, P256, Secp256k1, SecretScalar};
use quorate_identity::Scheme;
use std::fmt;
use zeroize::Zeroizing;

/// A private key, whole. Secret, wiped when dropped, printed as its scheme.
pub struct WholeKey {
    scheme: Scheme,
    /// Canonical, as the curve writes it.
    secret: Zeroizing<[u8; 32]>,
    /// The point of it, as the curve writes it, with its real parity.
    point: Vec<u8>,
    chain_code: [u8; 32],
}

impl WholeKey {
    /// The key of a scalar in the encoding of the scheme's curve, which the caller wipes, and the
    /// chain code from which its children follow. `None` if it is no private key.
    pub fn new(scheme: Scheme, secret: &[u8; 32], chain_code: [u8; 32]) -> Option<Self> {
        let point = match scheme {
            Scheme::EcdsaSecp256k1 | Scheme::Bip340 => point::<Secp256k1>(secret)?,
            Scheme::Ed25519 => point::<Ed25519>(secret)?,
            Scheme::EcdsaP256 => point::<P256>(secret)?,
        };
        Some(Self { scheme, secret: Zeroizing::new(*secret), point, chain_code })
    }

    /// Which signatures it makes.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The public point: 33 bytes SEC 1 compressed, or 32 bytes RFC 8032.
    pub fn point(&self) -> &[u8] {
        &self.point
    }
}

impl fmt::Debug for WholeKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "WholeKey({})", self.scheme)
    }
}

fn point<C: Curve>(secret: &[u8; 32]) -> Option<Vec<u8>> {
    let scalar = SecretScalar::<C>::from_bytes(secret).ok()?;
    Some(scalar.commit().non_identity().ok()?.to_bytes())
}
