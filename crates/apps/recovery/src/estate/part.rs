//! What a custodian opened for the heirs of a successor, as a file (SUC-12).

use crate::limits::SEALED_BYTES_MAX;
use minicbor::decode::Error as DecodeError;
use minicbor::{Decode, Decoder, Encode};
use quorate_charter::limits::NODES_MAX;
use quorate_codec::{Canonical, Digest};
use quorate_identity::{GenesisHash, Name, NodeId, RecoveryKeyId};
use std::fmt;

/// One custodian's part in restoring a domain, sealed to each heir by itself. What it says in plain is
/// authenticated where it opens, not before. Public.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct EstatePart {
    /// Version of this form: 1.
    #[cbor(n(0), decode_with = "known")]
    pub version: u8,
    /// The successor.
    #[n(1)]
    pub successor: GenesisHash,
    /// The domain before.
    #[n(2)]
    pub predecessor: GenesisHash,
    /// The hash at the end of the backup file that was opened.
    #[n(3)]
    pub backup: Digest,
    /// Whose part it is.
    #[n(4)]
    pub custodian: Name,
    /// Their recovery key.
    #[n(5)]
    pub key: RecoveryKeyId,
    /// What they opened, for each heir alone; ascending.
    #[cbor(n(6), decode_with = "ascending")]
    pub sealed: Vec<SealedPart>,
}

/// What is sealed to one heir.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct SealedPart {
    /// Whom.
    #[n(0)]
    pub heir: NodeId,
    /// It.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
}

impl EstatePart {
    /// The known version.
    pub const VERSION: u8 = 1;
}

impl Canonical for EstatePart {
    // What a domain that is as large as it can be backs up, however it is given out.
    const BYTES_MAX: usize = NODES_MAX * SEALED_BYTES_MAX;
}

impl fmt::Debug for EstatePart {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { successor, custodian, sealed, .. } = self;
        write!(formatter, "EstatePart({custodian} for {} heirs of {successor})", sealed.len())
    }
}

/// 1, and no other.
fn known<X>(decoder: &mut Decoder<'_>, _: &mut X) -> Result<u8, DecodeError> {
    match decoder.u8()? {
        EstatePart::VERSION => Ok(EstatePart::VERSION),
        other => Err(DecodeError::message(format!("version {other}, known is 1"))),
    }
}

/// Each heir once, ascending.
fn ascending<X>(decoder: &mut Decoder<'_>, ctx: &mut X) -> Result<Vec<SealedPart>, DecodeError> {
    let sealed: Vec<SealedPart> = decoder.decode_with(ctx)?;
    match sealed.is_sorted_by(|one, next| one.heir < next.heir) {
        true => Ok(sealed),
        false => Err(DecodeError::message("heirs that do not ascend")),
    }
}
