//! A recovery key whose private half is in a token: a smartcard, a security key, an HSM (REC-40 to
//! REC-45).
//!
//! ```text
//!  Module::load(path) ── token(label) ──► Token ── log_in(PIN) ──► Unlocked ── key(label) ──► TokenKey
//!                                                                      └────── generate(label)
//! ```
//!
//! What speaks to the token is its maker's module, a library that is loaded by its path. It is given
//! the PIN and sees everything that is opened, so it is trusted as the token itself is.
//!
//! What this does not do: it keeps no PIN, tries none twice, and sets no token up. Of a coordinate
//! that a token derived, a copy stays in memory that was given back: the crate that reads it for us
//! wipes nothing.

mod error;
mod key;
mod module;
mod pin;
mod public;
mod unlocked;

pub use error::TokenError;
pub use key::TokenKey;
pub use module::{Described, Module, Token};
pub use pin::Pin;
pub use unlocked::{TokenKind, Unlocked};
