//! What is signed: bytes as they came, and what they say, which is read once.

use minicbor::bytes::ByteVec;
use minicbor::decode::{Decoder, Error as CborError};
use minicbor::encode::{Encoder, Error as EncodeError, Write};
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, DecodeError};
use std::sync::Arc;

/// A body with its exact bytes: signatures are under these, and nothing that was read is ever encoded
/// again to verify them. In a message it is one byte string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exact<T> {
    bytes: ByteVec,
    body: Arc<T>,
}

impl<T: Canonical> Exact<T> {
    /// What is said here first.
    pub fn of(body: T) -> Self {
        Self { bytes: quorate_codec::to_bytes(&body).into(), body: Arc::new(body) }
    }

    /// What these bytes say.
    ///
    /// # Errors
    /// Not the canonical encoding of a body; the fault of who wrote it.
    pub fn read(bytes: impl Into<ByteVec>) -> Result<Self, DecodeError> {
        let bytes = bytes.into();
        let body = Arc::new(quorate_codec::from_bytes(&bytes)?);
        Ok(Self { bytes, body })
    }
}

impl<T> Exact<T> {
    /// What it says.
    pub fn body(&self) -> &Arc<T> {
        &self.body
    }

    /// The bytes that are signed.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl<T, C> Encode<C> for Exact<T> {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        context: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        self.bytes.encode(encoder, context)
    }
}

impl<'b, T: Canonical, C> Decode<'b, C> for Exact<T> {
    fn decode(decoder: &mut Decoder<'b>, context: &mut C) -> Result<Self, CborError> {
        let bytes = ByteVec::decode(decoder, context)?;
        Self::read(bytes).map_err(CborError::message)
    }
}

/// The version of a form that has one version yet.
pub(crate) fn version_1<C>(decoder: &mut Decoder<'_>, _: &mut C) -> Result<u8, CborError> {
    match decoder.u8()? {
        1 => Ok(1),
        version => {
            Err(CborError::message(format!("a form of version {version} is not known here")))
        }
    }
}
