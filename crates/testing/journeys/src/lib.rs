//! A trial domain of real processes, driven from outside: only the program `quorate`, its
//! arguments, its output and its exit codes, as a user's script sees them.
//!
//! ```text
//!   test ──▶ Trial ──▶ quorate up --dir D --json   (three signers and a witness)
//!                 ──▶ quorate VERB … --dir D --json  (one process a call)
//! ```
//!
//! The domain ends with its [`Trial`]. What people type as the guide has it, with questions that are
//! asked back, goes from a [`Chapter`] through a shell at a terminal:
//!
//! ```text
//!   docs/guide ──▶ Chapter ──▶ Desk ──▶ quorate …, quorate-recovery …, cp … (a home directory each)
//! ```
//!
//! What this crate does not do: it links no crate of the product, so nothing here can see more than a
//! user sees.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that panics has failed, which is what it is for"
)]

mod chapter;
mod desk;
mod founded;
mod machine;
mod motions;
mod program;
mod relay;
mod successor;
mod trial;

pub use chapter::{Chapter, commands, root};
pub use desk::{Desk, Running, Shown, network};
pub use machine::{Machine, addresses};
pub use program::{Said, binary, next, quorate, recovery, run};
pub use relay::Relay;
pub use successor::{HEIRS, Successor};
pub use trial::Trial;
