//! The two signature schemes.

mod bip340;
mod ed25519;

pub use bip340::{Bip340, taproot_output_key};
pub use ed25519::Ed25519;

use quorate_curve::{Curve, NonIdentity, Scalar};

/// How the key is changed before it signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tweak {
    /// Not at all.
    None,
    /// BIP-341 key path without scripts (BIP-86); [`Bip340`] only.
    TaprootKeyPath,
}

/// A signature scheme, [`Ed25519`] or [`Bip340`]: a ciphersuite of RFC 9591 (section 6) with its
/// verification. Its methods are for this crate; a user names the scheme and calls [`crate::open`].
pub trait Suite: Send + Sync + 'static {
    /// The curve of its keys.
    type Curve: Curve;
    /// What all its hashes begin with but the challenge, which verifiers compute (contextString).
    const CONTEXT: &'static str;

    /// Whether it signs messages of this length, with this tweak.
    fn admits(message: &[u8], tweak: Tweak) -> bool;

    /// H1: a binding factor, of what it covers, part by part.
    fn binding_factor(parts: &[&[u8]]) -> Scalar<Self::Curve>;

    /// H4 or H5, by its name: what a message or a list of commitments is condensed to.
    fn condensed(name: &str, parts: &[&[u8]]) -> Vec<u8>;

    /// H2: the challenge of a signature, of the encoded sum of all nonces and of the encoded key.
    fn challenge(nonce: &[u8], key: &[u8], message: &[u8]) -> Scalar<Self::Curve>;

    /// Whether a point takes part as its negative, because verifiers know it by its x-coordinate
    /// and mean the other one.
    fn is_negated(encoded: &[u8]) -> bool;

    /// What signs after a tweak. `None` by a chance of 2^-128.
    fn signing_key(key: &NonIdentity<Self::Curve>, tweak: Tweak)
    -> Option<SigningKey<Self::Curve>>;

    /// Whether a signature verifies strictly, by a library that has no part in making it.
    fn verifies(
        key: &NonIdentity<Self::Curve>,
        tweak: Tweak,
        message: &[u8],
        signature: &[u8; 64],
    ) -> bool;
}

/// The key that verifiers know, whose secret is ± the shared one, plus an addend. Public.
#[derive(Debug, Clone, Copy)]
pub struct SigningKey<C: Curve> {
    /// The point.
    pub point: NonIdentity<C>,
    /// Whether it is the negative of the shared secret that is added to.
    pub is_negated: bool,
    /// What is added.
    pub addend: Scalar<C>,
}
