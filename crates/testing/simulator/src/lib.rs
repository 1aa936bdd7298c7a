//! A whole domain from one seed: the nodes that run in production, in a world that loses, doubles,
//! delays and alters frames, kills nodes at every write, restores old disks, bends clocks, and
//! has a voter that lies.
//!
//! ```text
//!           ┌────────── World: one clock, one seed, one queue of happenings ─────────┐
//!   people ─┤►  Host: Node + Disk  ──frames──►  Net (faults)  ──frames──►  Host ...   │
//!           └──────────────── everything seen is shown to the checkers ──────────────┘
//! ```
//!
//! * [`run`] runs a seed and returns what it saw; the same seed gives the same bytes.
//! * [`check`] holds the laws of the product, one file each.
//! * [`Mutant`] plants a bug around a node: a run that does not find it is worth nothing.
//!
//! What it does not do: no sockets, no threads, no real time.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a simulated world that breaks its own rules is a failed test"
)]

mod ceding;
pub mod check;
mod disk;
mod faults;
mod giving;
mod governing;
mod host;
mod liar;
mod machines;
mod mutant;
mod net;
mod operators;
mod people;
mod ready;
mod recovering;
mod report;
mod world;

pub use faults::{Coverage, EpochWrite, Fault, Milestone, Side};
pub use mutant::Mutant;
pub use report::Report;
pub use world::{Plan, Story, run};
