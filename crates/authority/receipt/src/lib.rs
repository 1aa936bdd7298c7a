//! What remains of a signature: everything that shows that it was allowed, in one file that
//! anybody can verify offline, from nothing but the hash of the domain's genesis.
//!
//! ```text
//! genesis hash ─▶ founders' signatures ─▶ every entry's certificate ─▶ head
//!                                                                       │ people, nodes, key, policy
//!   request, approvals, policy, decisions of a quorum  ◀────────────────┤
//!   certified epoch record ─▶ public key ─▶ signatures over what our decoders read
//! ```
//!
//! [`Receipt`] is the file, [`verify`] the proof, [`Report`] what it proves. A [`ReceiptError`]
//! says which statement failed and whose it was.
//!
//! What this crate does not do: it knows no share and no network, so it cannot say whether the
//! head of a receipt is still the newest. See `spec/receipt.md`.

mod error;
mod receipt;
mod report;
mod verify;

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod fixture;

pub use error::{Part, ReceiptError, Whose};
pub use receipt::{RECEIPT_BYTES_MAX, Receipt, ReceiptSignature};
pub use report::{NodeAllowance, Report};
pub use verify::verify;
