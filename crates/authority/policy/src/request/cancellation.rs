//! Cancellation: the requester takes a request back.

use super::statement::{Signed, Statement, Verified};
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, tag, tag::Tag};
use quorate_identity::{ActorId, GenesisHash, RequestId};

/// What a requester signs to take a request back (REQ-10). Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Cancellation {
    /// Version of this form: 1.
    #[n(0)]
    version: u8,
    /// The domain.
    #[n(1)]
    pub genesis: GenesisHash,
    /// The request.
    #[n(2)]
    pub request: RequestId,
    /// Who filed it.
    #[n(3)]
    pub requester: ActorId,
}

/// A cancellation as it came.
pub type SignedCancellation = Signed<Cancellation>;
/// A cancellation whose signature was verified. Whether its signer filed the request is for
/// whoever knows the request to check.
pub type VerifiedCancellation = Verified<Cancellation>;

impl Cancellation {
    /// A cancellation.
    pub fn new(genesis: GenesisHash, request: RequestId, requester: ActorId) -> Self {
        Self { version: 1, genesis, request, requester }
    }
}

impl Canonical for Cancellation {
    const BYTES_MAX: usize = 128;
}

impl Statement for Cancellation {
    const TAG: Tag = tag::CANCELLATION;

    fn version(&self) -> u8 {
        self.version
    }

    fn genesis(&self) -> GenesisHash {
        self.genesis
    }

    fn signer(&self) -> ActorId {
        self.requester
    }
}

impl Verified<Cancellation> {
    /// Whether this takes back `request` (REQ-10).
    pub fn is_for(&self, request: &super::VerifiedRequest) -> bool {
        let body = self.body();
        body.request == request.id() && body.requester == request.body().requester
    }
}
