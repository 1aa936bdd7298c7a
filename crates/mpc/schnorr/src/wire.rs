//! The form of all messages of this crate.

use crate::SchnorrError;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, Digest};
use quorate_identity::NodeId;

/// Every message: what run it belongs to, and items of one fixed length (SCH-03).
#[derive(Encode, Decode)]
struct Message {
    #[n(0)]
    run: Digest,
    #[n(1)]
    items: Vec<ByteVec>,
}

impl Canonical for Message {
    const BYTES_MAX: usize = 64 << 10;
}

/// Encodes the items of a message of `run`.
pub(crate) fn encode(run: Digest, items: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let items = items.into_iter().map(ByteVec::from).collect();
    quorate_codec::to_bytes(&Message { run, items })
}

/// Reads a message of `run` with exactly `count` items of exactly `length` bytes.
///
/// # Errors
/// The sender's fault if the form is wrong. Nobody's in particular if it belongs to another run:
/// a third party can make two honest ones see different runs.
pub(crate) fn decode(
    bytes: &[u8],
    sender: NodeId,
    run: Digest,
    count: usize,
    length: usize,
) -> Result<Vec<Vec<u8>>, SchnorrError> {
    let message: Message =
        quorate_codec::from_bytes(bytes).map_err(|_| SchnorrError::malformed(sender))?;
    if message.run != run {
        return Err(SchnorrError::unattributed("a message of another run"));
    }
    let exact = message.items.len() == count
        && message.items.iter().all(|item| item.as_slice().len() == length);
    if !exact {
        return Err(SchnorrError::malformed(sender));
    }
    Ok(message.items.into_iter().map(Into::into).collect())
}

/// Changes the items of a message, as a malicious sender would.
#[cfg(test)]
pub(crate) fn edit(bytes: &mut Vec<u8>, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
    let message: Message = quorate_codec::from_bytes(bytes).unwrap();
    let mut items = message.items.into_iter().map(Into::into).collect();
    change(&mut items);
    *bytes = encode(message.run, items);
}
