//! What several nodes say together.

use crate::{NodeId, NodePublic, NodeSignature};
use minicbor::bytes::ByteVec;
use minicbor::decode::{Decoder, Error as CborError};
use minicbor::encode::{Encoder, Error as EncodeError, Write};
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, tag::Tag};
use std::collections::BTreeMap;

/// Most signatures of a certificate: as many as a tree has parties.
pub const SIGNATURES_MAX: usize = 64;

/// Longest statement of a certificate, in bytes.
pub const STATEMENT_BYTES_MAX: usize = 1 << 20;

/// Signatures of different nodes under the same bytes, ascending by node (IDN-06). Not yet
/// verified: [`verify`](Self::verify) does that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeSignatures(BTreeMap<NodeId, NodeSignature>);

/// Why signatures do not certify bytes; the fault of whoever assembled them, and no proof
/// against the nodes named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// A signature by somebody who has no say.
    #[error("{0} has no say in this certificate")]
    Stranger(NodeId),
    /// A signature that does not verify.
    #[error("the signature of {0} does not verify")]
    Signature(NodeId),
    /// Too few signatures.
    #[error("{got} signatures, {needed} are needed")]
    Few {
        /// Signatures found.
        got: usize,
        /// Signatures needed.
        needed: usize,
    },
}

impl NodeSignatures {
    /// Adds one signature; a second one of the same node replaces the first.
    pub fn insert(&mut self, node: NodeId, signature: NodeSignature) {
        self.0.insert(node, signature);
    }

    /// The signatures, ascending by node.
    pub fn iter(&self) -> impl Iterator<Item = (&NodeId, &NodeSignature)> {
        self.0.iter()
    }

    /// How many nodes have signed.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nobody has signed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Verifies that at least `needed` of `voters` signed exactly `bytes` as what `tag` names.
    /// Every signature present must be a voter's and must verify.
    ///
    /// # Errors
    /// [`CertificateError`]. Cost: one verification a signature.
    pub fn verify(
        &self,
        tag: Tag,
        bytes: &[u8],
        voters: &BTreeMap<NodeId, NodePublic>,
        needed: usize,
    ) -> Result<(), CertificateError> {
        self.verify_by(tag, bytes, needed, |node| voters.get(node).copied().into_iter().collect())
    }

    /// The same where a voter may have had several keys: of each signature one of `keys` must be the
    /// key.
    ///
    /// # Errors
    /// [`CertificateError`]. Cost: one verification a signature and key that is tried.
    pub fn verify_by(
        &self,
        tag: Tag,
        bytes: &[u8],
        needed: usize,
        keys: impl Fn(&NodeId) -> Vec<NodePublic>,
    ) -> Result<(), CertificateError> {
        let got = self.0.len();
        if got < needed || got == 0 {
            return Err(CertificateError::Few { got, needed });
        }
        for (node, signature) in &self.0 {
            let keys = keys(node);
            if keys.is_empty() {
                return Err(CertificateError::Stranger(*node));
            }
            if !keys.iter().any(|keys| keys.verify(tag, bytes, signature).is_ok()) {
                return Err(CertificateError::Signature(*node));
            }
        }
        Ok(())
    }
}

impl FromIterator<(NodeId, NodeSignature)> for NodeSignatures {
    fn from_iter<I: IntoIterator<Item = (NodeId, NodeSignature)>>(signatures: I) -> Self {
        Self(signatures.into_iter().collect())
    }
}

impl<C> Encode<C> for NodeSignatures {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        context: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        encoder.array(self.0.len() as u64)?;
        for (node, signature) in &self.0 {
            node.encode(encoder.array(2)?, context)?;
            signature.encode(encoder, context)?;
        }
        Ok(())
    }
}

impl<'b, C> Decode<'b, C> for NodeSignatures {
    fn decode(decoder: &mut Decoder<'b>, context: &mut C) -> Result<Self, CborError> {
        let count = decoder.array()?.unwrap_or(u64::MAX);
        if count > SIGNATURES_MAX as u64 {
            return Err(CborError::message("too many signatures"));
        }
        let mut signatures = BTreeMap::new();
        for _ in 0..count {
            if decoder.array()? != Some(2) {
                return Err(CborError::message("not a node and its signature"));
            }
            let node = NodeId::decode(decoder, context)?;
            let signature = NodeSignature::decode(decoder, context)?;
            let ascending = signatures.last_key_value().is_none_or(|(last, _)| *last < node);
            if !ascending {
                return Err(CborError::message("nodes do not ascend"));
            }
            signatures.insert(node, signature);
        }
        Ok(Self(signatures))
    }
}

impl Canonical for NodeSignatures {
    const BYTES_MAX: usize =
        3 + SIGNATURES_MAX * (1 + NodeId::BYTES_MAX + NodeSignature::BYTES_MAX);
}

/// A statement, as the exact bytes that were signed, and the nodes' signatures under them.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Certificate {
    /// Version of this form, 1.
    #[n(0)]
    version: Version,
    /// The bytes that were signed.
    #[n(1)]
    statement: ByteVec,
    /// Who signed them.
    #[n(2)]
    signatures: NodeSignatures,
}

impl Certificate {
    /// Puts a statement and its signatures together; checks nothing.
    pub fn new(statement: Vec<u8>, signatures: NodeSignatures) -> Self {
        Self { version: Version, statement: statement.into(), signatures }
    }

    /// The bytes that were signed.
    pub fn statement(&self) -> &[u8] {
        &self.statement
    }

    /// Who signed them.
    pub fn signatures(&self) -> &NodeSignatures {
        &self.signatures
    }

    /// Verifies as [`NodeSignatures::verify`] and returns the statement.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn verify(
        &self,
        tag: Tag,
        voters: &BTreeMap<NodeId, NodePublic>,
        needed: usize,
    ) -> Result<&[u8], CertificateError> {
        self.signatures.verify(tag, &self.statement, voters, needed)?;
        Ok(&self.statement)
    }
}

impl Canonical for Certificate {
    const BYTES_MAX: usize = 2 + 5 + STATEMENT_BYTES_MAX + NodeSignatures::BYTES_MAX;
}

/// The one version of the form that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version;

impl<C> Encode<C> for Version {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        encoder.u8(1)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Version {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, CborError> {
        match decoder.u8()? {
            1 => Ok(Self),
            _ => Err(CborError::message("unknown version of a certificate")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NodeSecrets;
    use quorate_codec::{Digest, from_bytes, tag, to_bytes};
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    fn node(number: u8) -> (NodeId, NodeSecrets) {
        let secrets = NodeSecrets::generate(&mut ChaCha20Rng::from_seed([number; 32]));
        (NodeId(Digest([number; 32])), secrets)
    }

    fn voters() -> BTreeMap<NodeId, NodePublic> {
        (1..=4).map(node).map(|(id, secrets)| (id, secrets.public())).collect()
    }

    fn signed(numbers: &[u8], bytes: &[u8]) -> NodeSignatures {
        let sign = |(id, secrets): (NodeId, NodeSecrets)| (id, secrets.sign(tag::PRECOMMIT, bytes));
        numbers.iter().copied().map(node).map(sign).collect()
    }

    #[test]
    fn a_quorum_certifies_and_less_does_not() {
        let certificate = Certificate::new(b"value".to_vec(), signed(&[1, 2, 4], b"value"));
        assert_eq!(certificate.verify(tag::PRECOMMIT, &voters(), 3), Ok(&b"value"[..]));
        let few = CertificateError::Few { got: 3, needed: 4 };
        assert_eq!(certificate.verify(tag::PRECOMMIT, &voters(), 4), Err(few));
        assert_eq!(from_bytes(&to_bytes(&certificate)), Ok(certificate));
        let nobody = NodeSignatures::default().verify(tag::PRECOMMIT, b"value", &voters(), 0);
        assert_eq!(nobody, Err(CertificateError::Few { got: 0, needed: 0 }));
    }

    #[test]
    fn strangers_and_false_signatures_are_named() {
        let stranger = signed(&[1, 2, 9], b"value");
        let refused = stranger.verify(tag::PRECOMMIT, b"value", &voters(), 2);
        assert_eq!(refused, Err(CertificateError::Stranger(node(9).0)));
        let mut transplanted = signed(&[1, 2], b"value");
        transplanted.insert(node(3).0, node(1).1.sign(tag::PRECOMMIT, b"value"));
        let refused = transplanted.verify(tag::PRECOMMIT, b"value", &voters(), 3);
        assert_eq!(refused, Err(CertificateError::Signature(node(3).0)));
    }

    #[test]
    fn neg_022_votes_of_one_phase_do_not_certify_the_other() {
        let signatures = signed(&[1, 2, 3], b"value");
        assert!(signatures.verify(tag::PREVOTE, b"value", &voters(), 3).is_err());
    }

    #[test]
    fn neg_010_repeated_or_reordered_signatures_do_not_decode() {
        let signatures = signed(&[1, 2], b"value");
        let bytes = to_bytes(&signatures);
        let (first, second) = bytes[1..].split_at(bytes.len() / 2);
        for list in [[second, first].concat(), [first, first].concat()] {
            assert!(from_bytes::<NodeSignatures>(&[&[0x82], &list[..]].concat()).is_err());
        }
        assert!(from_bytes::<NodeSignatures>(&bytes).is_ok());
    }

    #[test]
    fn neg_015_a_claimed_number_of_signatures_costs_nothing() {
        assert!(
            from_bytes::<NodeSignatures>(&[0x9b, 255, 255, 255, 255, 255, 255, 255, 255]).is_err()
        );
        assert!(from_bytes::<NodeSignatures>(&[0x98, 65]).is_err());
    }
}
