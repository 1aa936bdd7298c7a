//! The one canonical byte form of everything that is hashed, signed, sent or stored.
//!
//! Values are CBOR (RFC 8949) in its deterministic subset: arrays in a fixed order, shortest
//! integers, definite lengths; no maps, floats, tags or trailing bytes. Types derive
//! [`minicbor::Encode`] and [`minicbor::Decode`]; [`from_bytes`] decodes, encodes again and
//! demands the same bytes, so two different byte strings never mean the same value (N-10).
//!
//! Hashes go through [`Transcript`], which begins with a [`Tag`](tag::Tag) and puts the length
//! before every part, so no two lists of parts collide (N-14). All tags stand in [`tag`].
//!
//! What this crate does not do: it knows no protocol, no key and no file. See `spec/encoding.md`.

mod canonical;
mod digest;
pub mod hex;
pub mod tag;
mod transcript;

pub use canonical::{Canonical, DecodeError, from_bytes, to_bytes};
pub use digest::Digest;
pub use transcript::{Stem, Transcript};

/// The CBOR crate whose derives every canonical type uses, so that all of them use one version.
pub use minicbor;
