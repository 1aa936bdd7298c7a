//! The request: an intent, a key, and who asks.

use super::statement::{Signed, Statement, Verified};
use crate::limits::LIFETIME_MS_MAX;
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, tag, tag::Tag};
use quorate_derivation::{Path, PathError};
use quorate_identity::{ActorId, GenesisHash, KeyId, RequestId};
use quorate_intent::Intent;

/// What a requester signs. Its hash is the request's id and what approvers sign (REQ-03). Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RequestBody {
    /// Version of this form: 1.
    #[n(0)]
    version: u8,
    /// The domain.
    #[n(1)]
    pub genesis: GenesisHash,
    /// With which key.
    #[n(2)]
    pub key: KeyId,
    /// What is to be signed, complete.
    #[n(3)]
    pub intent: Intent,
    /// Which child of the account, as it was signed; a [`Path`] once it is checked. Empty: the
    /// account itself.
    #[n(4)]
    pub path: Vec<u32>,
    /// Thirty-two fresh random bytes.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub nonce: [u8; 32],
    /// When it ends, in milliseconds since 1970.
    #[n(6)]
    pub expiry_ms: u64,
    /// Who asks.
    #[n(7)]
    pub requester: ActorId,
    /// Which account of the key.
    #[n(8)]
    pub account: u16,
}

/// A request as it came.
pub type SignedRequest = Signed<RequestBody>;
/// A request whose signature was verified.
pub type VerifiedRequest = Verified<RequestBody>;

/// Why a request is not taken now; the caller's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Its time ran out.
    #[error("the request has expired")]
    Expired,
    /// It ends too far in the future.
    #[error("the request expires in more than {} days", LIFETIME_MS_MAX / 86_400_000)]
    TooLate,
    /// No child is to be had there.
    #[error("the path leads to no key: {0}")]
    Path(#[from] PathError),
}

impl RequestBody {
    /// A request for `intent` under account 0 of the key itself.
    pub fn new(
        genesis: GenesisHash,
        key: KeyId,
        intent: Intent,
        nonce: [u8; 32],
        expiry_ms: u64,
        requester: ActorId,
    ) -> Self {
        let (version, path, account) = (1, Vec::new(), 0);
        Self { version, genesis, key, intent, path, nonce, expiry_ms, requester, account }
    }

    /// The same request, under the child of an account of the key at `path`.
    #[must_use]
    pub fn at(self, account: u16, path: &Path) -> Self {
        Self { account, path: path.steps().to_vec(), ..self }
    }

    /// The path, if keys can be derived along it (DER-01).
    ///
    /// # Errors
    /// [`PathError`]; the requester's fault.
    pub fn derivation_path(&self) -> Result<Path, PathError> {
        Path::new(self.path.clone())
    }
}

impl Canonical for RequestBody {
    const BYTES_MAX: usize = 1_024 + Intent::BYTES_MAX;
}

impl Statement for RequestBody {
    const TAG: Tag = tag::REQUEST;

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

impl Signed<RequestBody> {
    /// The id: the hash of the signed bytes.
    pub fn id(&self) -> RequestId {
        RequestId(self.digest())
    }
}

impl Verified<RequestBody> {
    /// The id: the hash of the signed bytes.
    pub fn id(&self) -> RequestId {
        self.signed().id()
    }

    /// Whether the request may be taken at this moment (REQ-04).
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn check(&self, now_ms: u64) -> Result<(), RequestError> {
        let body = self.body();
        if body.expiry_ms <= now_ms {
            return Err(RequestError::Expired);
        }
        if body.expiry_ms - now_ms > LIFETIME_MS_MAX {
            return Err(RequestError::TooLate);
        }
        body.derivation_path()?;
        Ok(())
    }
}
