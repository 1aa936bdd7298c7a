//! Records of a key's epochs, and the outcome of an attempt at one (GOV-40).

use crate::limits::VALUE_BYTES_MAX;
use minicbor::decode::{Decoder, Error as CborError};
use minicbor::encode::{Encoder, Error as EncodeError, Write};
use minicbor::{Decode, Encode};
use quorate_access::Tree;
use quorate_codec::{Canonical, Digest, Transcript, tag};
use quorate_identity::{GenesisHash, Head, KeyId, NodeId, NodeSignature, Scheme};

/// What one epoch of a key is: who can sign, under which public shares, ordered by which entry.
/// Everything in it is public. Records of one key form a hash chain.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct EpochRecord {
    /// Version of this form: 1.
    #[n(0)]
    pub version: u8,
    /// The domain.
    #[n(1)]
    pub genesis: GenesisHash,
    /// The key.
    #[n(2)]
    pub key: KeyId,
    /// The epoch; key generation makes epoch 0.
    #[n(3)]
    pub epoch: u64,
    /// Digest of the record before; zero for epoch 0.
    #[n(4)]
    pub previous: Digest,
    /// What the key makes.
    #[n(5)]
    pub scheme: Scheme,
    /// Who can sign.
    #[n(6)]
    pub tree: Tree<NodeId>,
    /// The commitments of the sharing: encoded points, one a column of the tree.
    #[cbor(n(7), with = "byte_lists")]
    pub commitments: Vec<Vec<u8>>,
    /// The public key.
    #[cbor(n(8), with = "minicbor::bytes")]
    pub public_key: Vec<u8>,
    /// Hash of the whole dealing.
    #[n(9)]
    pub transcript: Digest,
    /// Chain code for public derivation.
    #[n(10)]
    pub chain_code: Digest,
    /// Head made by the entry that ordered the key.
    #[n(11)]
    pub entry: Head,
    /// The attempt that made the epoch.
    #[n(12)]
    pub attempt: u32,
    /// The members that hold shares, ascending.
    #[n(13)]
    pub committee: Vec<NodeId>,
    /// Whether a backup of this epoch was proven.
    #[n(14)]
    pub backup: Backup,
}

/// What is known of an epoch's backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Backup {
    /// None was proven.
    #[n(0)]
    Unproven,
}

/// A member's statement that it verified the dealing and made its shares durable. The signature
/// is over the dealing's last message (`spec/node.md`, CER-03); who knows that message verifies
/// it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PreparedStatement {
    /// The member.
    #[n(0)]
    pub node: NodeId,
    /// Proof that it knows its final leaf shares.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub leaf_proofs: Vec<u8>,
    /// Its signature.
    #[n(2)]
    pub signature: NodeSignature,
}

/// A member's statement that it gave an attempt up. The signature is over that message of the
/// dealing (`spec/node.md`, CER-03).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct AbortStatement {
    /// The member.
    #[n(0)]
    pub node: NodeId,
    /// Its head when it did.
    #[n(1)]
    pub head: Head,
    /// Its signature.
    #[n(2)]
    pub signature: NodeSignature,
}

/// What the voters decide about an attempt: exactly one of these, once (N-57, N-87).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum AttemptOutcome {
    /// The epoch exists.
    #[n(0)]
    Commit {
        /// The epoch record.
        #[cbor(n(0), with = "minicbor::bytes")]
        record: Vec<u8>,
        /// PREPARED of every member, ascending by node.
        #[n(1)]
        prepared: Vec<PreparedStatement>,
    },
    /// The attempt made nothing; the next one may begin.
    #[n(1)]
    Void {
        /// The attempt.
        #[n(0)]
        attempt: u32,
        /// Who gave it up: nobody else's word ends an attempt.
        #[n(1)]
        abort: AbortStatement,
    },
}

impl EpochRecord {
    /// The record's place in contexts and in its chain.
    pub fn digest(&self) -> Digest {
        Transcript::new(tag::EPOCH_RECORD).part(quorate_codec::to_bytes(self)).digest()
    }
}

impl Canonical for EpochRecord {
    const BYTES_MAX: usize = 32_768;
}

impl Canonical for AttemptOutcome {
    const BYTES_MAX: usize = VALUE_BYTES_MAX;
}

/// A list of byte strings.
mod byte_lists {
    use super::*;
    use minicbor::bytes::ByteSlice;

    pub fn encode<C, W: Write>(
        lists: &[Vec<u8>],
        encoder: &mut Encoder<W>,
        context: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        encoder.array(lists.len() as u64)?;
        lists
            .iter()
            .try_for_each(|bytes| <&ByteSlice>::from(bytes.as_slice()).encode(encoder, context))
    }

    pub fn decode<'b, C>(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Vec<Vec<u8>>, CborError> {
        let count = decoder.array()?.unwrap_or(u64::MAX);
        let mut lists = Vec::new();
        for _ in 0..count {
            lists.push(decoder.bytes()?.to_vec());
        }
        Ok(lists)
    }
}
