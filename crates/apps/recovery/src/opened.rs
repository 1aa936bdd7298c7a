//! What a custodian opened of several bundles, as it is sealed for one machine: of a seat (REC-37) or
//! of an heir (SUC-12).

use crate::limits::OPENED_BYTES_MAX;
use minicbor::decode::Error as DecodeError;
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decoder, Encoder};
use quorate_backup::Part;
use quorate_codec::Digest;
use quorate_identity::{KeyId, NodeId};
use zeroize::Zeroizing;

/// What a custodian opened of one bundle of a key. Secret.
pub(crate) struct Opened<W> {
    pub key: KeyId,
    /// Which of the key's bundles.
    pub which: W,
    pub part: Part,
}

/// Tells bundles of a key apart: by its epoch, or by who made it.
pub(crate) trait Which: Copy + Ord {
    fn encode<S: Write>(&self, to: &mut Encoder<S>) -> Result<(), EncodeError<S::Error>>;
    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError>;
}

impl Which for u64 {
    fn encode<S: Write>(&self, to: &mut Encoder<S>) -> Result<(), EncodeError<S::Error>> {
        to.u64(*self)?.ok()
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        from.u64()
    }
}

impl Which for NodeId {
    fn encode<S: Write>(&self, to: &mut Encoder<S>) -> Result<(), EncodeError<S::Error>> {
        to.bytes(self.as_ref())?.ok()
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        digest(from).map(Self)
    }
}

/// What is sealed: keys ascending, and of each its bundles ascending, with what was opened of it.
pub(crate) fn plain<W: Which>(opened: &[Opened<W>]) -> Zeroizing<Vec<u8>> {
    // Room for all, so that no half of it stays behind in a moved buffer.
    let parts: Vec<_> = opened.iter().map(|it| it.part.to_bytes()).collect();
    let room = parts.iter().map(|part| part.len() + AROUND_BYTES_MAX).sum::<usize>();
    let mut bytes = Zeroizing::new(Vec::with_capacity(room + AROUND_BYTES_MAX));
    let mut encoder = Encoder::new(&mut *bytes);
    // Writing to a vector cannot fail.
    let mut written = encoder.array(opened.len() as u64).map(drop);
    for (Opened { key, which, .. }, part) in opened.iter().zip(&parts) {
        written = written.and_then(|()| {
            encoder.array(3)?.bytes(key.as_ref())?;
            which.encode(&mut encoder)?;
            encoder.bytes(part)?.ok()
        });
    }
    debug_assert!(written.is_ok());
    bytes
}

/// The inverse, strictly; `None` for anything else.
pub(crate) fn opened<W: Which>(plain_bytes: &[u8]) -> Option<Vec<Opened<W>>> {
    let opened = read(&mut Decoder::new(plain_bytes)).ok()?;
    let place = |it: &Opened<W>| (it.key, it.which);
    let ascending = opened.is_sorted_by(|left, right| place(left) < place(right));
    (ascending && *plain(&opened) == plain_bytes).then_some(opened)
}

fn read<W: Which>(from: &mut Decoder<'_>) -> Result<Vec<Opened<W>>, DecodeError> {
    let count = from.array()?.and_then(|count| usize::try_from(count).ok()).ok_or_else(other)?;
    // Each takes more bytes than its key: what is not there takes no room.
    if count > from.input().len() / KEY_BYTES {
        return Err(other());
    }
    let mut opened = Vec::new();
    for _ in 0..count {
        if from.array()? != Some(3) {
            return Err(other());
        }
        let (key, which, part) = (KeyId(digest(from)?), W::decode(from)?, from.bytes()?);
        let part = Some(part).filter(|part| part.len() <= OPENED_BYTES_MAX);
        let part = part.and_then(Part::from_bytes).ok_or_else(other)?;
        opened.push(Opened { key, which, part });
    }
    Ok(opened)
}

fn digest(from: &mut Decoder<'_>) -> Result<Digest, DecodeError> {
    Ok(Digest(from.bytes()?.try_into().map_err(|_| other())?))
}

fn other() -> DecodeError {
    DecodeError::message("not what custodians open")
}

/// What every opened bundle takes at least: the id of its key.
const KEY_BYTES: usize = 32;
/// Heads of lists, a key and which of its bundles.
const AROUND_BYTES_MAX: usize = 96;
