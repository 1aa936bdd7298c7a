//! One node, deciding: a deterministic machine. See `spec/node.md`.
//!
//! ```text
//!  frames ──ingress::check──▶┐                        ┌──▶ writes      made durable first,
//!  calls ───call::parse─────▶│                        ├──▶ envelopes   then released
//!  time ────────────────────▶│ Node::handle(now, …)   ├──▶ replies
//!  jobs done ───────────────▶│                        ├──▶ jobs        run on any core
//!  channels up and down ────▶┘                        └──▶ alarms, notices, wake_at
//! ```
//!
//! A [`node::Node`] holds no clock, socket, file or random source: a driver runs it, on tokio in
//! the product and from a seed in the simulator, and the same inputs give the same outputs. It
//! starts with [`node::Node::boot`] from the rows that were durable, and takes part only once a
//! quorum of voters recognised its new incarnation.
//!
//! Inside, by what they care for:
//!
//! - *presence*: who is here, the lease on the head, lapses;
//! - *governor*: motions, agreement, the log;
//! - *ceremonies*: key generation, imports and births; *pairs*: set-ups for ECDSA;
//! - *requests*: filed, judged, voted on, ended; *sessions*: signing.
//!
//! What this crate does not do: it signs nothing that the policy did not authorise at this
//! node's own head (the one door is `permit.rs`), it believes no other node's decision, and it
//! never sends anything that depends on a share before all parties showed the same terms.

mod audit;
pub mod boot;
pub mod call;
mod ceremonies;
mod cessions;
pub mod cores;
mod custody;
pub mod drills;
pub mod durable;
pub mod edition;
pub mod estate;
pub mod event;
pub mod evidence;
mod exports;
mod forks;
mod freezes;
mod governor;
pub mod handover;
pub mod import;
pub mod ingress;
pub mod job;
pub mod limits;
mod membership;
pub mod node;
mod outcome;
mod pairs;
mod permit;
mod presence;
mod programs;
mod requests;
mod schedule;
pub mod seats;
mod sessions;
mod target;
mod views;
pub mod wire;

pub use ceremonies::{BundlesRow, Shares, publics_of};
pub use exports::ExportRow;
