//! The charter from outside: founding, the log and what it refuses, presence, and the agreement
//! primitive by hand, in a bad world, and in every order of events.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

mod agreement;
mod agreement_model;
mod announced;
mod ballots;
mod custody;
mod encoding;
mod epochs_model;
mod explore;
mod exports;
mod former;
mod founding;
mod keys;
mod log;
mod nodes;
mod people;
mod presence;
mod succession;
mod support;
mod vectors;
