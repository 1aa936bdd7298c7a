//! The built program from outside, as a newcomer and a script meet it: real processes, real
//! stores, real channels; exit statuses and JSON as the contract says.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod harness;

mod addresses;
mod approvals;
mod backups;
mod bad_input;
mod charter;
mod demo;
mod dry_runs;
mod founding;
mod interface;
mod liars;
mod outages;
mod releases;
mod requests;
mod seals;
mod staging;
mod stores;
mod unattended;
mod up;
mod whole_keys;
