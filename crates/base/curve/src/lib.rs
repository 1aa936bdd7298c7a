//! Points and scalars that are valid because they exist.
//!
//! * [`Point`] lies in the prime-order subgroup of its curve; [`NonIdentity`] is not the
//!   identity either, and is the only form that is ever read from bytes (CUR-01 to CUR-03).
//! * [`Scalar`] is public, canonical, `Copy`. [`SecretScalar`] is neither `Copy` nor `Clone`, is
//!   wiped when dropped, compares in constant time and prints as nothing.
//! * [`SecretScalars`] are many of them in a row, to be computed with together.
//! * [`SecretStream`] gives the random bytes that follow from a seed, and is wiped too.
//! * [`x25519`] says which bytes are keys that something may be encrypted to.
//! * [`Curve`] is one of [`Secp256k1`], [`P256`], [`Ed25519`]; nobody else can implement it.
//!
//! The arithmetic is k256's, p256's and curve25519-dalek's; ours are points of secp256k1 in eight
//! lanes where the processor has them, the order in which many of them are added, and rows of scalars.
//! What this crate does not do: signatures, sharing, key derivation. See `spec/curve.md`.

mod comb;
mod curve;
mod edwards;
mod order;
mod point;
mod rows;
mod scalar;
mod sec1;
mod secp256k1;
mod secret;
mod stream;
mod vector;
pub mod vectors;
pub mod x25519;

pub use curve::{Curve, Ed25519, P256, Secp256k1};
pub use order::{Modulus, Order};
pub use point::{NonIdentity, Point, PointError, ShortMultiples};
pub use scalar::{NonZeroScalar, Scalar, ScalarError};
pub use secret::SecretScalar;
pub use stream::SecretStream;
pub use vector::{Factors, SecretScalars};

#[cfg(test)]
mod suite;
