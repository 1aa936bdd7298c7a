//! Key generation: every member deals a fresh random secret over the key's tree, verifiably; the
//! key is the sum, and nobody ever knows it.
//!
//! ```text
//!  start ──► message 1: commitment, run id, sealing key     (everybody to everybody)
//!    ▼
//!  ExpectRound1 ──► message 2: coefficients, echo, proof of possession, sealed shares
//!    ▼
//!  ExpectRound2 ──► Dealt: commitments, own shares, transcript, chain code, leaf proofs
//! ```
//!
//! A round is consumed by the messages that it awaits, so none runs twice. Messages arrive as
//! bytes whose sender is known; signing them and finding two for one slot is the caller's part,
//! as are durable shares, PREPARED statements and the decision (`spec/keygen.md`).
//!
//! A member that is online and honest ends with shares of the key that all honest members know,
//! or with a [`DealError`] that accuses only whom it can prove guilty.
//!
//! What this crate does not do yet: dealing an existing secret (refresh, reshare, repair,
//! import), and complaints that convince others.

mod deal;
mod error;
mod leaves;
mod proof;
mod seal;

pub use deal::round1::{ExpectRound1, Message1};
pub use deal::round2::{ExpectRound2, Message2};
pub use deal::{Dealt, Plan, start};
pub use error::{DealError, DealFault};
pub use leaves::verify_leaf_proofs;
pub use proof::{Parameters, Proof};
pub use seal::{SealPublic, Sealed};
