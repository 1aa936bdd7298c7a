//! Public derivation: from a key, its chain code and a path to a child key, with nothing secret.
//!
//! ```text
//! Q, chain code ──derive(m/0/5)──▶ child key Q' = Q + δ G, and δ, the sum of all steps' tweaks
//!        │
//!        ├──ExtendedKey──▶ xpub…                       wallets that watch
//!        └──Descriptor───▶ wpkh([fp]xpub…/0/*)#…       and their address lists
//! ```
//!
//! secp256k1 derives as BIP-32 does, P-256 as SLIP-10 does, Ed25519 by a scheme of our own name
//! ([`Family::SCHEME`]).
//! Everything here follows from public values, so every node, every client and every verifier of a
//! receipt computes δ and Q' by itself, and nothing of it is ever taken from anybody (N-65).
//!
//! What this crate does not do: hardened steps, which need the private key; anything with shares
//! (`mpc/engine` adds δ to them); addresses. See `spec/derivation.md`.

mod child;
mod descriptor;
mod path;
mod xpub;

pub use child::{Child, DeriveError, Derived, Family, derive, derive_encoded, scheme_name};
pub use descriptor::{Branch, Descriptor, ScriptType};
pub use path::{HARDENED, Path, PathError, STEPS_MAX};
pub use xpub::{ExtendedKey, KeyNetwork, XpubError, fingerprint};
