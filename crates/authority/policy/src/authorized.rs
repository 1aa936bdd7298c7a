//! The proof that a decision was made: a value that only this crate can make, and that is spent
//! by using it.

use quorate_codec::Digest;
use quorate_derivation::Path;
use quorate_identity::{Head, KeyId, RequestId};
use quorate_intent::SigningPayload;

/// Something that the policy, or the law of births, authorised at one head until one moment.
/// Not `Clone`: one authorisation, one attempt. Only [`decide`](crate::decide()) and
/// [`authorize_birth`](crate::authorize_birth) make one (REQ-12).
#[derive(Debug)]
pub struct Authorized<T> {
    inner: T,
    head: Head,
    expiry_ms: u64,
}

/// What may be signed. Public.
#[derive(Debug, PartialEq, Eq)]
pub struct SignRequest {
    /// With which key.
    pub key: KeyId,
    /// With which account of it.
    pub account: u16,
    /// With which child of it; a birth is the key's own.
    pub path: Path,
    /// For which request; nothing for a birth, which nobody files.
    pub request: Option<RequestId>,
    /// Digest of the intent that was decoded; of the epoch record for a birth.
    pub intent_digest: Digest,
    /// What the engine signs, in order: computed by this node from the intent's bytes (N-73).
    pub payloads: Vec<SigningPayload>,
    /// The head under which it was decided.
    pub head: Head,
    /// When the authorisation ends, in milliseconds since 1970.
    pub expiry_ms: u64,
}

/// An authorisation that does not hold any more: decide again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StaleAuthorization {
    /// The charter moved on (N-74).
    #[error("the decision was made at head {decided}, the head is {now}")]
    Head {
        /// The head of the decision.
        decided: Head,
        /// The head now.
        now: Head,
    },
    /// Its time ran out.
    #[error("the decision has expired")]
    Expired,
}

impl Authorized<SignRequest> {
    pub(crate) fn new(inner: SignRequest) -> Self {
        Self { head: inner.head, expiry_ms: inner.expiry_ms, inner }
    }
}

impl<T> Authorized<T> {
    /// What is authorised.
    pub fn get(&self) -> &T {
        &self.inner
    }

    /// The head under which it was decided.
    pub fn head(&self) -> Head {
        self.head
    }

    /// When it ends, in milliseconds since 1970.
    pub fn expiry_ms(&self) -> u64 {
        self.expiry_ms
    }

    /// Whether it still holds at this head and time.
    ///
    /// # Errors
    /// [`StaleAuthorization`].
    pub fn check(&self, head: Head, now_ms: u64) -> Result<(), StaleAuthorization> {
        if self.head != head {
            return Err(StaleAuthorization::Head { decided: self.head, now: head });
        }
        if self.expiry_ms <= now_ms { Err(StaleAuthorization::Expired) } else { Ok(()) }
    }

    /// Spends it, if it still holds (REQ-13).
    ///
    /// # Errors
    /// [`StaleAuthorization`]; it is gone either way.
    pub fn redeem(self, head: Head, now_ms: u64) -> Result<T, StaleAuthorization> {
        self.check(head, now_ms)?;
        Ok(self.inner)
    }

    /// Spends it, by who has [checked](Self::check) it at this head before.
    pub fn into_inner(self) -> T {
        self.inner
    }
}
