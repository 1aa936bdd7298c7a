//! The file.

use minicbor::{Decode, Encode};
use quorate_charter::{CertifiedEntry, Decided, GenesisFile};
use quorate_codec::Canonical;
use quorate_policy::request::{SignedApproval, SignedNodeDecision, SignedRequest};

/// Longest receipt, in bytes: the log of a domain is part of it, and that grows at the pace of
/// people.
pub const RECEIPT_BYTES_MAX: usize = 64 << 20;

/// Everything that shows that one signature was allowed (RCP-01). Public: it names people and
/// shows what was signed, but holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Receipt {
    /// Version of this form: 1.
    #[n(0)]
    pub version: u8,
    /// The genesis with all signatures under it.
    #[n(1)]
    pub genesis: GenesisFile,
    /// Every entry up to the head that the quorum relied on, in order.
    #[n(2)]
    pub entries: Vec<CertifiedEntry>,
    /// The decision that made the key's epoch, with the epoch record in it.
    #[n(3)]
    pub epoch: Decided,
    /// The request.
    #[n(4)]
    pub request: SignedRequest,
    /// The approvals that counted.
    #[n(5)]
    pub approvals: Vec<SignedApproval>,
    /// The decisions of the quorum that signed, ascending by node.
    #[n(6)]
    pub decisions: Vec<SignedNodeDecision>,
    /// One signature a payload of the intent, in order.
    #[n(7)]
    pub signatures: Vec<ReceiptSignature>,
}

/// A signature as the engine made it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ReceiptSignature {
    /// r and s, or R and s.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub bytes: [u8; 64],
    /// The recovery id of an ECDSA signature.
    #[n(1)]
    pub recovery_id: Option<u8>,
}

impl Receipt {
    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        quorate_codec::to_bytes(self)
    }
}

impl Canonical for Receipt {
    const BYTES_MAX: usize = RECEIPT_BYTES_MAX;
}
