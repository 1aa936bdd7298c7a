//! `quorate-recovery`: what a custodian runs, on a machine without a network, with a recovery key.
//!
//! ```text
//!  keygen ──► FILE      the private half, sealed under a passphrase     key_file.rs
//!        ├──► FILE.pub  the public half, one line, for who enrols it    (quorate-backup)
//!        └──► pages     shares of it as words, K of N restore it        paper.rs
//!  from-paper: K pages ──► FILE, FILE.pub
//!  inspect: what a file is, without any secret
//!  answer: challenges of nodes ──► answers: the key is held here        (quorate-backup)
//!  token: a private half in a smartcard, security key or HSM           token/
//!  verify: backup file, genesis hash ──► what of it holds               backup_file/, verify/
//!  open: backup file ──► a part for the machine with a lost node's seat seat/
//!  combine: backup file ──► one whole key, for other software          whole/
//!  open: backup file, genesis of a successor ──► a part for its nodes   estate/
//!  drill: backup file, DRILL ──► a part of a canary, for practice      drill/
//!  export: what nodes gave of a key ──► the whole key                  export/
//! ```
//!
//! It is small so that it can be read whole before it is trusted. It reaches no network, no runtime
//! and none of a node's crates, and `cargo xtask tidy` holds it to that (REC-01).
//!
//! Nodes write and verify backup files with the same code, as a library, and a machine that has a lost
//! node's seat restores its shares from custodians' parts.
//!
//! What it does not do: it enrols no key, gives no seat, and takes no secret from an argument or the
//! environment. See `spec/recovery.md`.

pub mod args;
pub mod backup_file;
mod commands;
pub mod drill;
pub mod estate;
pub mod export;
pub mod face;
pub mod failure;
mod files;
pub mod key_file;
pub mod limits;
mod lines;
mod opened;
pub mod paper;
pub mod passphrase;
pub mod process;
pub mod seat;
pub mod secret;
pub mod token;
pub mod verify;
pub mod whole;

pub use commands::{run, verify as verify_command};
