//! The sealed store: what a node makes durable, in two files that tell a thief nothing.
//!
//! ```text
//! passphrase or credential --Argon2id--┐
//! TPM 2.0 --unseals--------------------├-> key-encryption key --unwraps--> data key --opens--> every
//! token --answers a challenge----------┘                                                row, slot
//!                                       slot --holds--> key of a share or set-up
//! ```
//!
//! - [`Store::create`] makes the file, [`Store::open`] reads all of it back, [`Store::commit`]
//!   makes a batch of writes durable in one transaction or not at all.
//! - A row opens only in its own place: its table and key, in its own store (N-60). The rows
//!   together open only as the set that one commit left, so that rows of two copies do not mix.
//! - What a deleted share or set-up held is gone: its row was sealed under a key of its own, which
//!   stood in a slot of a second file and was overwritten there (N-99).
//! - The header names what opens it ([`Seal`]) and is bound to that, so that nobody turns one kind
//!   into another. [`Store::reseal`] seals everything anew, under a fresh data key.
//! - Where another version is to change the rows, [`Store::copy_to`] makes a copy that is verified, and
//!   [`Store::end_copy`] ends it.
//! - Damage is told apart: passphrase, header, row, slots, file, version, another process, full disk.
//!
//! What this crate does not do: it does not know what the rows mean, and it cannot know whether
//! the whole file is an old copy; it speaks to no TPM and no token, which the program above does. The
//! peers of the node notice an old copy (`spec/node.md`). See `spec/store.md`.

mod disk;
mod error;
mod header;
mod kek;
mod lock;
mod passphrase;
mod seal;
mod slots;
mod store;

pub use error::StoreError;
pub use header::StoreId;
pub use kek::{Seal, SealKey, SealKind, TokenChallenge, TpmObject};
pub use passphrase::{Cost, Passphrase, Stretch};
pub use store::{SealedStore, Store, StoreReader};
