//! What a drill asks of custodians, and what each gives back, as files.

use crate::limits::{ASK_BYTES_MAX, ONE_TIME_BYTES_MAX, OPENED_BYTES_MAX, SEALING_BYTES_MAX};
use minicbor::decode::Error as DecodeError;
use minicbor::{Decode, Decoder, Encode};
use quorate_charter::Ask;
use quorate_charter::limits::CUSTODIANS_MAX;
use quorate_codec::{Canonical, Digest, Transcript, tag};
use quorate_identity::{GenesisHash, Name, RecoveryKeyId};
use std::fmt;

/// A drill, as custodians get it (REC-50). Nothing in it is believed: what it names is looked up in a
/// backup file that was verified. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Drill {
    /// Version of this form: 1.
    #[cbor(n(0), decode_with = "known")]
    pub version: u8,
    /// The domain.
    #[n(1)]
    pub genesis: GenesisHash,
    /// Random name of the backup file whose canary it is.
    #[n(2)]
    pub export: Digest,
    /// Which canary, by the digest of its bundle (BAK-27).
    #[n(3)]
    pub canary: Digest,
    /// The one-time key to which parts are sealed.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub arrival: Vec<u8>,
    /// What is asked of each custodian's key, ascending by key.
    #[cbor(n(5), decode_with = "ascending")]
    pub asks: Vec<Ask>,
    /// When it was started, in milliseconds since 1970, by the clock of whoever did.
    #[n(6)]
    pub started_ms: u64,
    /// Who says that they started it.
    #[n(7)]
    pub started_by: Name,
}

/// One custodian's part in a drill, sealed to whoever started it. What it says in plain is
/// authenticated once it opens, not before; when it was made is its own word even then. Public.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct DrillPart {
    /// Version of this form: 1.
    #[cbor(n(0), decode_with = "known")]
    pub version: u8,
    /// The drill.
    #[n(1)]
    pub drill: Digest,
    /// Whose part it is.
    #[n(2)]
    pub custodian: Name,
    /// Their recovery key.
    #[n(3)]
    pub key: RecoveryKeyId,
    /// When it was made, in milliseconds since 1970, by the clock of the custodian's machine.
    #[n(4)]
    pub made_at_ms: u64,
    /// What they opened of the canary.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub sealed: Vec<u8>,
}

impl Drill {
    /// The known version.
    pub const VERSION: u8 = 1;

    /// Names it: everything but what it asks, which is asked in its name.
    pub fn id(&self) -> Digest {
        let Self { genesis, export, canary, arrival, started_ms, started_by, .. } = self;
        let drill = Transcript::new(tag::RECOVERY_DRILL).part(genesis).part(export).part(canary);
        drill.part(arrival).number(*started_ms).part(started_by.as_str()).digest()
    }
}

impl DrillPart {
    /// The known version.
    pub const VERSION: u8 = 1;
}

impl Canonical for Drill {
    const BYTES_MAX: usize = 2
        + 3 * GenesisHash::BYTES_MAX
        + ONE_TIME_BYTES_MAX
        + CUSTODIANS_MAX * ASK_BYTES_MAX
        + 16
        + Name::BYTES_MAX;
}

impl Canonical for DrillPart {
    const BYTES_MAX: usize = 2
        + GenesisHash::BYTES_MAX
        + Name::BYTES_MAX
        + RecoveryKeyId::BYTES_MAX
        + 16
        + SEALING_BYTES_MAX
        + OPENED_BYTES_MAX;
}

impl fmt::Debug for DrillPart {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { drill, custodian, sealed, .. } = self;
        write!(formatter, "DrillPart({custodian} in {drill}, {} bytes)", sealed.len())
    }
}

/// 1, and no other.
fn known<X>(decoder: &mut Decoder<'_>, _: &mut X) -> Result<u8, DecodeError> {
    match decoder.u8()? {
        Drill::VERSION => Ok(Drill::VERSION),
        other => Err(DecodeError::message(format!("version {other}, known is 1"))),
    }
}

/// At least one, no more than a domain has custodians, ascending.
fn ascending<'b, X>(decoder: &mut Decoder<'b>, context: &mut X) -> Result<Vec<Ask>, DecodeError> {
    let count = decoder.array()?.and_then(|count| usize::try_from(count).ok());
    let count = count.filter(|count| (1..=CUSTODIANS_MAX).contains(count));
    let count = count.ok_or_else(|| DecodeError::message("nobody is asked, or too many are"))?;
    let asks: Vec<Ask> =
        (0..count).map(|_| Ask::decode(decoder, context)).collect::<Result<_, _>>()?;
    match asks.is_sorted_by(|left, right| left.key < right.key) {
        true => Ok(asks),
        false => Err(DecodeError::message("keys that are asked do not ascend")),
    }
}
