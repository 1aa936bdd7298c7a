//! Seeds, fixtures and founded domains for tests across crates.
//!
//! * [`founding`]: a domain founded from a seed, with everybody's keys at hand.
//! * [`backups`]: whether they restore what they should.
//! * [`cores`]: all of them at once.
//! * [`custodians`]: its custodians, who restore.
//! * [`fields`]: messages taken apart, every field changed.
//! * [`keys`]: one key of it in its epochs.
//! * [`importer`]: somebody who brings a key from elsewhere.
//! * [`liar`]: a node of it that lies in dealings; [`forged`]: evidence that it makes up.
//! * [`seats`]: another machine in the place of one that was lost.
//! * [`world`]: that domain at work in one process, from the same seed.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "fixtures of tests: one that cannot be made is a failed test"
)]

pub mod backups;
pub mod cores;
pub mod custodians;
pub mod estate;
pub mod exports;
pub mod fields;
pub mod forged;
pub mod founding;
pub mod importer;
pub mod keys;
pub mod liar;
pub mod newcomer;
pub mod seats;
pub mod world;
