//! The two signature schemes.

mod bip340;
mod ed25519;

pub use bip340::{Bip340, taproot_output_key};
pub use ed25519::Ed25519;

use frost_core::keys::{KeyPackage, PublicKeyPackage};
use frost_core::round1::SigningNonces;
use frost_core::round2::SignatureShare;
use frost_core::{Ciphersuite, Element, Error, SigningPackage};
use quorate_curve::{Curve, NonIdentity};

/// How the key is changed before it signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tweak {
    /// Not at all.
    None,
    /// BIP-341 key path without scripts (BIP-86); [`Bip340`] only.
    TaprootKeyPath,
}

/// A signature scheme: [`Ed25519`] or [`Bip340`]. Its methods are for this crate; a user names
/// the scheme and calls [`crate::open`].
pub trait Suite: Send + Sync + 'static {
    /// The curve of its keys.
    type Curve: Curve;
    /// The library's name for it.
    type Library: Ciphersuite<SignatureSerialization: Send> + Send + Sync;

    /// Whether it signs messages of this length, with this tweak.
    fn admits(message: &[u8], tweak: Tweak) -> bool;

    /// A point as the library has it. That it is one, and of prime order, the type says: nothing is
    /// checked again.
    fn element(point: &NonIdentity<Self::Curve>) -> Element<Self::Library>;

    /// This party's share of a signature (RFC 9591, section 5.2).
    ///
    /// # Errors
    /// The library's.
    fn sign(
        package: &SigningPackage<Self::Library>,
        nonces: &SigningNonces<Self::Library>,
        key: &KeyPackage<Self::Library>,
        tweak: Tweak,
    ) -> Result<SignatureShare<Self::Library>, Error<Self::Library>>;

    /// The public halves as they are after the tweak.
    fn tweaked(
        keys: PublicKeyPackage<Self::Library>,
        tweak: Tweak,
    ) -> PublicKeyPackage<Self::Library>;

    /// Whether a signature verifies strictly, by another library than the one that made it.
    fn verifies(
        key: &NonIdentity<Self::Curve>,
        tweak: Tweak,
        message: &[u8],
        signature: &[u8; 64],
    ) -> bool;
}
