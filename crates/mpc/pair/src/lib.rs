//! What two nodes do together: a set-up, once, and from it any number of products, in which each
//! has one factor and neither learns the other's.
//!
//! ```text
//! setup ─► extension ─► product
//!  once     transfers    (a, b) ↦ c + d = a · b, c with one node and d with the other
//! ```
//!
//! Roles in an extension and in a product are *Alice*, who sends and has what she multiplies, and
//! *Bob*, who receives and has chosen. Each node is Alice in one direction and Bob in the other.
//!
//! Assumed: channels that authenticate and encrypt. Given: security with abort against either of
//! the two; a failed check of trees, of an extension or of a product may have shown one bit of what
//! is kept, so it ends the set-up ([`Fault::Cheater`]), and the caller must remember that before it
//! answers anything. What each part rests on is said in docs/adr/0019.
//!
//! What this crate does not do: it knows no key, signs nothing, sends and stores nothing, draws no
//! randomness by itself. See `spec/pair.md`.

mod base;
mod error;
mod extension;
mod lanes;
pub mod local;
pub mod product;
pub mod setup;
mod trees;

pub use error::{Fault, PairError};
pub use setup::Setup;
