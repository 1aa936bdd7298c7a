//! Threshold ECDSA on secp256k1: the set-up between two nodes, and signing with any quorum.
//!
//! The protocol is DKLs23 (ePrint 2023/765); its pair set-up and signing phases are those of
//! `dkls23-core`, and nothing else of that library is used: keys come from `mpc/keygen`, quorums
//! and coefficients from `mpc/sharing`, ids and numbering from here.
//!
//! ```text
//! pair::start → ExpectOffer → ExpectReveal → Setup            once per pair of nodes
//! sign::start → ExpectCommitments → ExpectProducts → ExpectParts → Vec<Signature>
//! ```
//!
//! Assumed: authenticated, encrypted channels; at least one honest party; security with abort.
//! Randomness: the library draws its own from the operating system, so runs are not replayable
//! byte by byte (docs/adr/0003-ecdsa-engine.md).
//!
//! What this crate does not do: it stores nothing, remembers no quarantine (the caller must, when
//! it sees [`Fault::Cheater`]), and hashes no message. See `spec/ecdsa.md`.

mod error;
pub mod pair;
pub mod sign;
mod signature;
mod wire;

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod cheating_receiver;
#[cfg(test)]
mod fixture;

pub use error::{EcdsaError, Fault};
pub use signature::{Signature, verify};
