//! The sealed store: what a node makes durable, in two files that tell a thief nothing.
//!
//! ```text
//! passphrase --Argon2id--> key-encryption key --unwraps--> data key --opens--> every row, slot
//!                                       slot --holds--> key of a share or set-up
//! ```
//!
//! - [`Store::create`] makes the file, [`Store::open`] reads all of it back, [`Store::commit`]
//!   makes a batch of writes durable in one transaction or not at all.
//! - A row opens only in its own place: its table and key, in its own store (N-60). The rows
//!   together open only as the set that one commit left, so that rows of two copies do not mix.
//! - What a deleted share or set-up held is gone: its row was sealed under a key of its own, which
//!   stood in a slot of a second file and was overwritten there (N-99).
//! - Damage is told apart: passphrase, header, row, slots, file, version, another process, full disk.
//!
//! What this crate does not do: it does not know what the rows mean, and it cannot know whether
//! the whole file is an old copy. The peers of the node notice that (`spec/node.md`). See
//! `spec/store.md`.

mod disk;
mod error;
mod header;
mod lock;
mod passphrase;
mod seal;
mod slots;
mod store;

pub use error::StoreError;
pub use header::StoreId;
pub use passphrase::{Cost, Passphrase};
pub use store::{Store, StoreReader};
