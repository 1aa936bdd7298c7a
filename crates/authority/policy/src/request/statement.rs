//! Statements of people and services: bytes, a signature over exactly these bytes, and what is
//! known once both were held against a charter.

use super::VERSION;
use crate::people;
use minicbor::bytes::ByteVec;
use minicbor::decode::{Decoder, Error as CborError};
use minicbor::encode::{Encoder, Error as EncodeError, Write};
use minicbor::{Decode, Encode};
use quorate_charter::State;
use quorate_codec::{Canonical, DecodeError, Digest, Transcript, tag::Tag};
use quorate_identity::{
    ActorId, Credential, CredentialSignature, CredentialSigner, GenesisHash, NodeId, SignerError,
};
use std::fmt;
use std::marker::PhantomData;

/// Something that a person or service signs under one tag.
pub trait Statement: Canonical {
    /// What the signature is for.
    const TAG: Tag;

    /// Version of its form.
    fn version(&self) -> u8;

    /// The domain it is for.
    fn genesis(&self) -> GenesisHash;

    /// Who signs it.
    fn signer(&self) -> ActorId;
}

/// A statement as it came: its exact bytes and a signature, neither looked at yet (REQ-01).
pub struct Signed<T> {
    bytes: ByteVec,
    signature: CredentialSignature,
    statement: PhantomData<fn() -> T>,
}

/// Why a statement does not hold at a head; the fault of whoever sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// The bytes are no such statement.
    #[error("the statement is malformed: {0}")]
    Malformed(#[from] DecodeError),
    /// A form that this version does not know.
    #[error("a statement of version {0} is not known here")]
    Version(u8),
    /// It is for another domain (N-76).
    #[error("the statement is for another domain, {0}")]
    ForeignDomain(GenesisHash),
    /// The charter does not know the signer at this head.
    #[error("{0} is not known in this domain")]
    UnknownSigner(ActorId),
    /// The signature is not the signer's under exactly these bytes and this purpose.
    #[error("the signature of {0} does not verify")]
    Signature(ActorId),
    /// The charter does not know the node at this head.
    #[error("node {0} is not known in this domain")]
    UnknownNode(NodeId),
    /// The signature is not the node's.
    #[error("the signature of node {0} does not verify")]
    NodeSignature(NodeId),
}

impl<T: Statement> Signed<T> {
    /// Signs a statement.
    ///
    /// # Errors
    /// [`SignerError`].
    pub fn sign(statement: &T, signer: &dyn CredentialSigner) -> Result<Self, SignerError> {
        let bytes = quorate_codec::to_bytes(statement);
        let signature = signer.sign(T::TAG, &bytes)?;
        Ok(Self::from_parts(bytes, signature))
    }

    /// Puts bytes and signature together; checks nothing.
    pub fn from_parts(bytes: Vec<u8>, signature: CredentialSignature) -> Self {
        Self { bytes: bytes.into(), signature, statement: PhantomData }
    }

    /// The signed bytes.
    pub fn statement(&self) -> &[u8] {
        &self.bytes
    }

    /// The signature.
    pub fn signature(&self) -> &CredentialSignature {
        &self.signature
    }

    /// Hash of the signed bytes.
    pub fn digest(&self) -> Digest {
        Transcript::new(T::TAG).part(self.statement()).digest()
    }

    /// What the bytes say, unverified: for showing to whoever is about to sign.
    ///
    /// # Errors
    /// [`StatementError::Malformed`], [`StatementError::Version`].
    pub fn read(&self) -> Result<T, StatementError> {
        let body: T = quorate_codec::from_bytes(&self.bytes)?;
        match body.version() {
            VERSION => Ok(body),
            version => Err(StatementError::Version(version)),
        }
    }

    /// Verifies form, domain, signer and signature at the head of `state` (REQ-02).
    ///
    /// # Errors
    /// [`StatementError`]. Cost: one signature verification.
    pub fn verify(self, state: &State) -> Result<Verified<T>, StatementError> {
        let body = self.read()?;
        if body.genesis() != state.genesis() {
            return Err(StatementError::ForeignDomain(body.genesis()));
        }
        let signer = body.signer();
        let actor = people::actor(state, &signer).ok_or(StatementError::UnknownSigner(signer))?;
        let verified = actor.keys.verify(T::TAG, &self.bytes, &self.signature);
        let credential = verified.map_err(|_| StatementError::Signature(signer))?.clone();
        Ok(Verified { body, signed: self, credential })
    }
}

/// A statement that held at some head. Whether it still counts is asked again at the head of
/// each decision: people leave and keys rotate (REQ-09).
#[derive(Clone, PartialEq, Eq)]
pub struct Verified<T> {
    body: T,
    signed: Signed<T>,
    credential: Credential,
}

impl<T: Statement> Verified<T> {
    /// What it says.
    pub fn body(&self) -> &T {
        &self.body
    }

    /// The statement as it came, to keep and pass on.
    pub fn signed(&self) -> &Signed<T> {
        &self.signed
    }

    /// Hash of the signed bytes.
    pub fn digest(&self) -> Digest {
        self.signed.digest()
    }

    /// Whether its signer is still known under the key that signed.
    pub(crate) fn stands_at(&self, state: &State) -> bool {
        let actor = people::actor(state, &self.body.signer());
        self.body.genesis() == state.genesis()
            && actor.is_some_and(|actor| actor.keys.contains(&self.credential))
    }
}

impl<T> Clone for Signed<T> {
    fn clone(&self) -> Self {
        Self {
            bytes: self.bytes.clone(),
            signature: self.signature.clone(),
            statement: PhantomData,
        }
    }
}

impl<T> PartialEq for Signed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes && self.signature == other.signature
    }
}

impl<T> Eq for Signed<T> {}

impl<T: Statement> fmt::Debug for Signed<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Signed({}, {})", T::TAG.name(), self.digest())
    }
}

impl<T: Statement> fmt::Debug for Verified<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Verified({}, {})", T::TAG.name(), self.digest())
    }
}

impl<T, C> Encode<C> for Signed<T> {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        context: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        encoder.array(3)?.u8(VERSION)?;
        self.bytes.encode(encoder, context)?;
        self.signature.encode(encoder, context)
    }
}

impl<'b, T, C> Decode<'b, C> for Signed<T> {
    fn decode(decoder: &mut Decoder<'b>, context: &mut C) -> Result<Self, CborError> {
        if decoder.array()? != Some(3) || decoder.u8()? != VERSION {
            return Err(CborError::message("not a signed statement of version 1"));
        }
        let bytes = ByteVec::decode(decoder, context)?;
        let signature = CredentialSignature::decode(decoder, context)?;
        Ok(Self { bytes, signature, statement: PhantomData })
    }
}

impl<T: Canonical> Canonical for Signed<T> {
    const BYTES_MAX: usize = 8 + T::BYTES_MAX + CredentialSignature::BYTES_MAX;
}
