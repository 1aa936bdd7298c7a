//! What a custodian opened for a seat, as a file and as what is sealed in it (REC-37).

use crate::limits::{EPOCHS_MAX, OPENED_BYTES_MAX, SEALED_BYTES_MAX};
use minicbor::decode::Error as DecodeError;
use minicbor::{Decode, Decoder, Encode, Encoder};
use quorate_backup::Part;
use quorate_codec::{Canonical, Digest};
use quorate_identity::{GenesisHash, Head, KeyId, Name, NodeId, RecoveryKeyId};
use std::fmt;
use zeroize::Zeroizing;

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

/// What a custodian opened of the lost node's shares of one key. Secret.
pub(super) struct OpenedKey {
    pub key: KeyId,
    pub epoch: u64,
    pub part: Part,
}

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

/// What is sealed: keys ascending, each with its epoch and what was opened of it.
pub(super) fn plain(opened: &[OpenedKey]) -> Zeroizing<Vec<u8>> {
    // Room for all, so that no half of it stays behind in a moved buffer.
    let parts: Vec<_> = opened.iter().map(|it| it.part.to_bytes()).collect();
    let room = parts.iter().map(|part| part.len() + AROUND_BYTES_MAX).sum::<usize>();
    let mut bytes = Zeroizing::new(Vec::with_capacity(room + AROUND_BYTES_MAX));
    let mut encoder = Encoder::new(&mut *bytes);
    // Writing to a vector cannot fail.
    let mut written = encoder.array(opened.len() as u64).map(drop);
    for (OpenedKey { key, epoch, .. }, part) in opened.iter().zip(&parts) {
        written = written.and_then(|()| {
            let pair = encoder.array(3)?.bytes(key.as_ref())?.u64(*epoch)?;
            pair.bytes(part)?.ok()
        });
    }
    debug_assert!(written.is_ok());
    bytes
}

/// The inverse, strictly; `None` for anything else.
pub(super) fn opened(plain_bytes: &[u8]) -> Option<Vec<OpenedKey>> {
    let opened = read(&mut Decoder::new(plain_bytes)).ok()?;
    let ascending = opened.is_sorted_by(|left, right| left.key < right.key);
    (ascending && *plain(&opened) == plain_bytes).then_some(opened)
}

fn read(from: &mut Decoder<'_>) -> Result<Vec<OpenedKey>, DecodeError> {
    let other = || DecodeError::message("not what custodians open");
    let count = from.array()?.and_then(|count| usize::try_from(count).ok()).ok_or_else(other)?;
    if count > EPOCHS_MAX {
        return Err(other());
    }
    let mut opened = Vec::new();
    for _ in 0..count {
        if from.array()? != Some(3) {
            return Err(other());
        }
        let key: [u8; 32] = from.bytes()?.try_into().map_err(|_| other())?;
        let (key, epoch, part) = (KeyId(Digest(key)), from.u64()?, from.bytes()?);
        let part = Some(part).filter(|part| part.len() <= OPENED_BYTES_MAX);
        let part = part.and_then(Part::from_bytes).ok_or_else(other)?;
        opened.push(OpenedKey { key, epoch, part });
    }
    Ok(opened)
}

/// Heads of lists, a key and a number.
const AROUND_BYTES_MAX: usize = 64;
