//! Keys in a token, as a custodian meets them: the built program and SoftHSM, a token in software.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../backup/domain.rs"]
#[allow(dead_code, reason = "most of it is for another suite")]
mod domain;
#[path = "../blackbox/harness.rs"]
#[allow(dead_code, reason = "what it has of key files is for another suite")]
mod harness;
mod soft_hsm;

mod answer;
mod combining;
mod public;
mod restore;
mod unsuitable;
