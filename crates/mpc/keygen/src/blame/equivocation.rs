//! Two different messages that one author signed for one place.

use super::{Place, Signatures, Signed};
use minicbor::{Decode, Encode};
use quorate_identity::NodeId;

/// Proof that somebody told different participants different things (DEAL-22). Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Equivocation {
    /// Who.
    #[n(0)]
    pub author: NodeId,
    /// In which place of the run.
    #[n(1)]
    pub place: Place,
    /// One message.
    #[n(2)]
    pub one: Signed,
    /// Another.
    #[n(3)]
    pub other: Signed,
}

impl Equivocation {
    /// Whether this proves it: the messages differ, whatever their signatures, and the author
    /// signed both.
    pub fn is_proven(&self, signatures: &impl Signatures) -> bool {
        self.one.bytes != self.other.bytes
            && signatures.hold(&self.author, self.place, &self.one)
            && signatures.hold(&self.author, self.place, &self.other)
    }
}
