//! The built program from outside, as a custodian and a script meet it: real files, exit statuses and
//! JSON as `quorate` has them.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod harness;

mod keys;
mod paper;
mod possession;
mod prompts;
