//! Who was guilty, from signed messages, for anybody to verify later and offline (DEAL-19 to
//! DEAL-22, DEAL-25; `docs/adr/0006-complaints-reveal-a-key.md`).
//!
//! What this module does not do: it signs and verifies nothing itself. Whoever judges brings the
//! [`Signatures`], which bind a message to the context, the round and its author.

mod complaint;
mod echoes;
mod equivocation;
mod misdealing;

pub use complaint::{Accusation, Complaint, Unproven, Verdict};
pub use echoes::{EchoFindings, judge_echoes};
pub use equivocation::Equivocation;
pub use misdealing::Misdealing;

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use quorate_identity::NodeId;

/// A message as it was sent, with its author's signature. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Signed {
    /// The bytes of the message.
    #[n(0)]
    pub bytes: ByteVec,
    /// The signature, in whatever form the signing layer gives it.
    #[n(1)]
    pub signature: ByteVec,
}

/// Where a signed message belongs. A participant signs one message for each place of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Place {
    /// The first round.
    #[n(1)]
    Message1,
    /// The second round.
    #[n(2)]
    Message2,
    /// The complaint that may follow.
    #[n(3)]
    Complaint,
    /// What a participant says of its backups, once the dealing is verified. It has no part in the
    /// dealing itself.
    #[n(4)]
    Backup,
}

/// Verifies signatures of one run: `hold` says whether `author` signed these bytes for this place
/// of the run with this very context. A function of that form is one.
pub trait Signatures {
    /// Whether the signature holds.
    fn hold(&self, author: &NodeId, place: Place, signed: &Signed) -> bool;
}

impl<F: Fn(&NodeId, Place, &Signed) -> bool> Signatures for F {
    fn hold(&self, author: &NodeId, place: Place, signed: &Signed) -> bool {
        self(author, place, signed)
    }
}
