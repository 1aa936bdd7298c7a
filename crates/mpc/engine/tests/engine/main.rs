//! The engine from outside: honest runs of every scheme over several trees, and attacks.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stand outside `#[test]` functions"
)]

mod attacks;
mod children;
mod deals;
mod fixture;
mod keys;
mod presigned;
mod quorums;
mod signing;
