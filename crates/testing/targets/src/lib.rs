//! Fuzz targets: functions of bytes that nobody chose well, and what must hold whatever the bytes.
//!
//! ```text
//! decoders: [form][bytes]       whatever comes from outside, read by the decoder that would read it
//! charter:  [domain][step]…     a program of steps over a founded charter
//! ingress:  [arrival]…          what arrives at a node: frames, calls, time
//! ```
//!
//! Each target panics where something does not hold, and says nothing else. The same bytes do the
//! same thing every time. A fuzzer runs them without end (`docs/fuzzing.md`); the tests of this
//! crate run the seeds under `fuzz/corpus`, and changes of them, in every run of the suite.
//!
//! - [`decoders`], [`charter`] and [`ingress`] are the targets.
//! - [`corpus`] makes their seeds from real things.
//! - [`mutate`] changes bytes as a fuzzer would, from a seed.
//!
//! What this crate does not do: it looks for no coverage. That is the fuzzer's business.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a property that does not hold is a panic, which is what a fuzzer looks for"
)]

pub mod charter;
pub mod corpus;
pub mod decoders;
pub mod ingress;
mod input;
pub mod mutate;

/// A target, by its name: the folder of its seeds and its program for a fuzzer are called like that.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 3] =
    [("decoders", decoders::run), ("charter", charter::run), ("ingress", ingress::run)];
