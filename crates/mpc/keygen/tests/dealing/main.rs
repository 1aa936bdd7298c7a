//! Dealings among members in one process, honest ones and ones with a liar.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

mod absent;
mod binding;
mod blame;
mod encodings;
mod exhaustive;
mod harness;
mod honest;
mod liars;
mod resharing;
mod secrets;
