//! What a custodian opened for a seat, as a file (REC-37).

use crate::limits::SEALED_BYTES_MAX;
use crate::opened::Opened;
use minicbor::decode::Error as DecodeError;
use minicbor::{Decode, Decoder, Encode};
use quorate_codec::Canonical;
use quorate_identity::{GenesisHash, Head, Name, NodeId, RecoveryKeyId};
use std::fmt;

/// One custodian's part in restoring a seat, sealed to the machine that has it now. What it says in
/// plain is authenticated once it opens, not before. Public.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct SeatPart {
    /// Version of this form: 1.
    #[cbor(n(0), decode_with = "known")]
    pub version: u8,
    /// The domain.
    #[n(1)]
    pub genesis: GenesisHash,
    /// The node whose seat it is.
    #[n(2)]
    pub node: NodeId,
    /// The entry that gave the seat.
    #[n(3)]
    pub entry: Head,
    /// Whose part it is.
    #[n(4)]
    pub custodian: Name,
    /// Their recovery key.
    #[n(5)]
    pub key: RecoveryKeyId,
    /// What they opened, for the new machine alone.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub sealed: Vec<u8>,
}

/// What a custodian opened of the lost node's shares of one key, in an epoch. Secret.
pub(super) type OpenedKey = Opened<u64>;

impl SeatPart {
    /// The known version.
    pub const VERSION: u8 = 1;

    /// How every part begins, whatever follows: a list of seven, and the version.
    pub const START: [u8; 2] = [0x87, Self::VERSION];
}

impl Canonical for SeatPart {
    const BYTES_MAX: usize = 2
        + GenesisHash::BYTES_MAX
        + NodeId::BYTES_MAX
        + Head::BYTES_MAX
        + Name::BYTES_MAX
        + RecoveryKeyId::BYTES_MAX
        + SEALED_BYTES_MAX;
}

impl fmt::Debug for SeatPart {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, entry, custodian, sealed, .. } = self;
        let sealed = sealed.len();
        write!(formatter, "SeatPart({custodian} for {node}, entry {entry}, {sealed} bytes)")
    }
}

/// 1, and no other.
fn known<X>(decoder: &mut Decoder<'_>, _: &mut X) -> Result<u8, DecodeError> {
    match decoder.u8()? {
        SeatPart::VERSION => Ok(SeatPart::VERSION),
        other => Err(DecodeError::message(format!("version {other}, known is 1"))),
    }
}
