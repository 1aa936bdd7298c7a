//! Threshold ECDSA on secp256k1 and P-256, with any quorum of two nodes or more.
//!
//! The protocol is DKLs23 (ePrint 2023/765), protocol 3.6, for parties that hold an additive
//! sharing of the key; what it multiplies with are the products of `mpc/pair`. Keys come from
//! `mpc/keygen`, quorums and coefficients from `mpc/sharing`.
//!
//! ```text
//! sign::start      → ExpectCommitments → ExpectProducts → ExpectParts → Vec<Signature>
//! presign::start   → ExpectCommitments → ExpectProducts → Vec<Presignature>
//! presign::decide  → ExpectOpenings → ExpectParts → Vec<Signature>
//! ```
//!
//! Assumed: authenticated, encrypted channels; at least one honest party; security with abort.
//!
//! What this crate does not do: it stores nothing, remembers no quarantine (the caller must, when
//! it sees [`Fault::Cheater`]), draws no randomness by itself, and hashes no message. See
//! `spec/ecdsa.md`.

mod curve;
mod error;
pub mod presign;
pub mod sign;
mod signature;

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod vectors;

pub use curve::EcdsaCurve;
pub use error::{EcdsaError, Fault};
pub use signature::{Signature, verify};
