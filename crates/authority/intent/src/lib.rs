//! Typed intents: what somebody wants signed, complete, and the decoders that read its raw bytes
//! into facts that people can judge.
//!
//! ```text
//! JSON ──from_json──▶ Intent ──decode(key)──▶ Decoded ──▶ facts, effect, details
//!                       │                        ├──────▶ signing payloads ──▶ (engine)
//!                     digest                     └──finish(signatures)──────▶ Artifact
//! ```
//!
//! Facts, words, payloads and artifact all come out of the one value that was parsed from the
//! intent's bytes, and [`Decoded`] has no other constructor: a request cannot show one transaction
//! and have another signed (N-73). What the decoders cannot read exactly they refuse.
//!
//! Each kind of intent is one file under `kinds/` and one line in its list.
//!
//! What this crate does not do: it knows no policy, no person and no share; it never asks a
//! network. See `spec/intent.md`.

mod address;
mod decoded;
mod error;
mod intent;
mod key;
mod kinds;
pub mod limits;
mod text;
mod words;

pub use address::{
    Network, NetworkError, ethereum_address, p2pkh, p2sh_p2wpkh, p2tr, p2wpkh, taproot_output_key,
};
pub use decoded::{
    Artifact, Decoded, IntentFacts, SignatureEncoding, SignatureItem, SigningPayload,
};
pub use error::{InputProblem, IntentError};
pub use intent::Intent;
pub use key::KeyFacts;
pub use kinds::KINDS;
pub use words::amount_in_words;

/// How messages begin that nodes sign for themselves: no request signs one (INT-14).
pub const RESERVED_PREFIX: &[u8] = b"quorate.birth/v1\n";
