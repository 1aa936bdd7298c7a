//! A freeze: a person's statement that stops signing, honoured by whoever hears it before anything
//! is agreed on (GOV-90 to GOV-92).

use crate::limits::REASON_BYTES_MAX;
use crate::line::is_line;
use crate::state::State;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, DecodeError, Digest, Transcript, tag};
use quorate_identity::{
    CredentialSignature, CredentialSigner, GenesisHash, KeyId, PersonId, SignerError,
};

/// What a person says to stop signing. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Freeze {
    /// Version of this form: 1.
    #[n(0)]
    pub version: u8,
    /// The domain.
    #[n(1)]
    pub genesis: GenesisHash,
    /// Of what.
    #[n(2)]
    pub scope: FreezeScope,
    /// Who says so.
    #[n(3)]
    pub by: PersonId,
    /// Why: a line that everybody reads.
    #[n(4)]
    pub reason: String,
    /// Fresh random bytes: each freeze is ended by itself.
    #[n(5)]
    pub nonce: Digest,
}

/// What signs nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum FreezeScope {
    /// Everything.
    #[n(0)]
    Domain,
    /// One key.
    #[n(1)]
    Key(#[n(0)] KeyId),
}

/// A freeze's exact bytes and the signature under them.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignedFreeze {
    /// The bytes that the person signed.
    #[n(0)]
    pub bytes: ByteVec,
    /// The signature.
    #[n(1)]
    pub signature: CredentialSignature,
}

/// Why a freeze is not honoured; the fault of whoever sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FreezeError {
    /// Not the canonical encoding of a freeze.
    #[error("the freeze is malformed: {0}")]
    Malformed(#[from] DecodeError),
    /// A form that this version does not know.
    #[error("a freeze of version {0} is not known here")]
    Version(u8),
    /// It is for another domain (N-76).
    #[error("the freeze is for another domain, {0}")]
    ForeignDomain(GenesisHash),
    /// The reason is longer than a line, or holds what is no text.
    #[error("a reason is one line of plain letters, at most {REASON_BYTES_MAX}")]
    Reason,
    /// It is of a key that the charter does not have.
    #[error("there is no such key in this domain")]
    UnknownKey,
    /// Its author is no person of the charter, or was barred.
    #[error("{0} may freeze nothing in this domain")]
    NotEntitled(PersonId),
    /// As many freezes of one person count as may.
    #[error("as many freezes of {0} count as may; one of everything is always possible")]
    TooMany(PersonId),
    /// It was ended: it counts once.
    #[error("this freeze was ended")]
    Thawed,
    /// The signature does not verify.
    #[error("the signature under the freeze does not verify")]
    Signature,
}

impl SignedFreeze {
    /// Signs a freeze.
    ///
    /// # Errors
    /// [`SignerError`].
    pub fn sign(freeze: &Freeze, signer: &dyn CredentialSigner) -> Result<Self, SignerError> {
        let bytes = quorate_codec::to_bytes(freeze);
        let signature = signer.sign(tag::FREEZE, &bytes)?;
        Ok(Self { bytes: bytes.into(), signature })
    }

    /// Names it: a thaw names what it ends.
    pub fn digest(&self) -> Digest {
        Transcript::new(tag::FREEZE).part(self.bytes.as_slice()).digest()
    }

    /// What it says, unverified.
    ///
    /// # Errors
    /// [`FreezeError::Malformed`], [`FreezeError::Version`].
    pub fn body(&self) -> Result<Freeze, FreezeError> {
        let freeze: Freeze = quorate_codec::from_bytes(&self.bytes)?;
        match freeze.version {
            1 => Ok(freeze),
            version => Err(FreezeError::Version(version)),
        }
    }

    /// Whether one that was verified once is over at the head of `state`: it was ended, or its author
    /// was barred. That its author left, or has other keys by now, ends nothing: stolen keys are
    /// replaced just then (GOV-92).
    pub fn is_over(&self, freeze: &Freeze, state: &State) -> bool {
        state.has_thawed(&self.digest()) || state.is_barred(&freeze.by)
    }

    /// Verifies that it counts at the head of `state` (GOV-90, GOV-91).
    ///
    /// # Errors
    /// [`FreezeError`]. Cost: one signature verification a key of its author.
    pub fn verify(&self, state: &State) -> Result<Freeze, FreezeError> {
        let freeze = self.body()?;
        if freeze.genesis != state.genesis() {
            return Err(FreezeError::ForeignDomain(freeze.genesis));
        }
        if freeze.reason.is_empty() || !is_line(&freeze.reason, REASON_BYTES_MAX) {
            return Err(FreezeError::Reason);
        }
        if state.has_thawed(&self.digest()) {
            return Err(FreezeError::Thawed);
        }
        if let FreezeScope::Key(key) = freeze.scope
            && state.key(&key).is_none()
        {
            return Err(FreezeError::UnknownKey);
        }
        let author = state.person(&freeze.by).filter(|person| state.may_freeze(&person.id));
        let author = author.ok_or(FreezeError::NotEntitled(freeze.by))?;
        let verified = author.keys.verify(tag::FREEZE, &self.bytes, &self.signature);
        verified.map_err(|_| FreezeError::Signature)?;
        Ok(freeze)
    }
}

impl Canonical for Freeze {
    const BYTES_MAX: usize = 64
        + GenesisHash::BYTES_MAX
        + KeyId::BYTES_MAX
        + PersonId::BYTES_MAX
        + REASON_BYTES_MAX
        + 40;
}

impl Canonical for SignedFreeze {
    const BYTES_MAX: usize = 16 + Freeze::BYTES_MAX + CredentialSignature::BYTES_MAX;
}
