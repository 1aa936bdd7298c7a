//! Threshold Schnorr signatures by any quorum: FROST (RFC 9591) for Ed25519 and BIP-340.
//!
//! Every party has a summand of the key; keys come from `mpc/keygen`, quorums and summands from
//! above, and every party computes the public summands of all itself and hands them in.
//!
//! ```text
//! open ──► message 1: two commitments for every message to be signed
//!   ▼
//! ExpectCommitments ──► message 2: one share for every message
//!   ▼
//! ExpectShares ──► Vec<Signature>, or exactly those who lied
//! ```
//!
//! Assumed: authenticated channels; at least one honest party; security with abort. Randomness is
//! an argument, and only one source of every nonce among several.
//!
//! What this crate does not do: it stores nothing and hashes no message. See `spec/schnorr.md`.

mod error;
mod round1;
mod round2;
mod signature;
mod signing;
mod suite;
mod wire;

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod peer;
#[cfg(test)]
mod rfc9591;

pub use error::{Fault, SchnorrError};
pub use round1::{ExpectCommitments, Plan, open};
pub use round2::ExpectShares;
pub use signature::{Signature, verify};
pub use suite::{Bip340, Ed25519, SigningKey, Suite, Tweak, taproot_output_key};

/// Messages of single parties.
pub type Letters = std::collections::BTreeMap<quorate_identity::NodeId, Vec<u8>>;
