//! The one-time key of whoever imports a key.

use crate::node::signed_message;
use crate::{KeyError, NodeId, NodeSignature, SignatureError, ed25519};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use minicbor::decode::{Decoder, Error as CborError};
use minicbor::encode::{Encoder, Error as EncodeError, Write};
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, Transcript, hex, tag, tag::Tag};
use rand_core::CryptoRngCore;
use std::fmt;
use zeroize::Zeroizing;

/// The secret half of a key made for one import and used for nothing else (IMP-03): an Ed25519
/// key that signs messages of dealings. Wiped when dropped, never printed.
pub struct ImporterSecret(SigningKey);

impl ImporterSecret {
    /// A fresh key.
    pub fn generate(rng: &mut impl CryptoRngCore) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *seed);
        Self(SigningKey::from_bytes(&seed))
    }

    /// From the bytes that [`to_bytes`](Self::to_bytes) gave.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(bytes))
    }

    /// The 32 bytes to be kept. Secret.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public half.
    pub fn public(&self) -> ImporterKey {
        ImporterKey(self.0.verifying_key().to_bytes())
    }

    /// Signs `bytes` as what `tag` names, as nodes do (IDN-05).
    pub fn sign(&self, tag: Tag, bytes: &[u8]) -> NodeSignature {
        NodeSignature(self.0.sign(&signed_message(tag, bytes)).to_bytes())
    }
}

impl fmt::Debug for ImporterSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ImporterSecret(secret)")
    }
}

/// The public half: canonical, of prime order. Public.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImporterKey([u8; 32]);

impl ImporterKey {
    /// From 32 bytes RFC 8032.
    ///
    /// # Errors
    /// [`KeyError`]; the fault of whoever wrote it.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        ed25519::key_from_bytes(bytes).map(|_| Self(*bytes))
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Its place in a dealing: the hash of the key under a tag of its own, so never that of a
    /// node.
    pub fn dealer(&self) -> NodeId {
        NodeId(Transcript::new(tag::IMPORTER_ID).part(self.0).digest())
    }

    /// Verifies a message of the importer.
    ///
    /// # Errors
    /// [`SignatureError`]; the sender's fault.
    pub fn verify(
        &self,
        tag: Tag,
        bytes: &[u8],
        signature: &NodeSignature,
    ) -> Result<(), SignatureError> {
        let key = VerifyingKey::from_bytes(&self.0).map_err(|_| SignatureError)?;
        ed25519::verify(&key, &signed_message(tag, bytes), &signature.0)
    }
}

impl fmt::Display for ImporterKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for ImporterKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ImporterKey({self})")
    }
}

impl<C> Encode<C> for ImporterKey {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        encoder.bytes(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for ImporterKey {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, CborError> {
        let bytes: [u8; 32] =
            decoder.bytes()?.try_into().map_err(|_| CborError::message("a key has 32 bytes"))?;
        Self::from_bytes(&bytes).map_err(CborError::message)
    }
}

impl Canonical for ImporterKey {
    const BYTES_MAX: usize = 34;
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_codec::{from_bytes, to_bytes};
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    /// IMP-03.
    #[test]
    fn an_importers_key_survives_storage_and_signs_for_itself_alone() {
        let secret = ImporterSecret::generate(&mut ChaCha20Rng::from_seed([1; 32]));
        let again = ImporterSecret::from_bytes(&secret.to_bytes());
        let (key, other) = (secret.public(), ImporterSecret::from_bytes(&[9; 32]).public());
        assert_eq!(again.public(), key);
        assert_eq!(from_bytes::<ImporterKey>(&to_bytes(&key)), Ok(key));
        assert_ne!(key.dealer(), other.dealer());
        assert_eq!(format!("{secret:?}"), "ImporterSecret(secret)");
        let signature = secret.sign(tag::TEST, b"x");
        assert_eq!(key.verify(tag::TEST, b"x", &signature), Ok(()));
        assert!(key.verify(tag::DEAL_MESSAGE, b"x", &signature).is_err());
        assert!(key.verify(tag::TEST, b"y", &signature).is_err());
        assert!(other.verify(tag::TEST, b"x", &signature).is_err());
        assert!(ImporterKey::from_bytes(&[0; 32]).is_err());
    }
}
