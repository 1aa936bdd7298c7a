//! Backups as a whole: honest, broken, and made by liars.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has failed, which is what it is for"
)]

mod custodians;
mod exports;
mod fixtures;
mod honest;
mod mutations;
mod possession;
