//! What one custodian opens of a bundle.

use crate::bundle::ClosedRow;
use crate::key::Opener;
use crate::row::RowKey;
use crate::{Parameters, Proven, Standard};
use minicbor::{Decoder, Encoder};
use quorate_access::LeafId;
use quorate_access::limits::LEAVES_MAX;
use quorate_codec::Digest;
use quorate_curve::{Curve, SecretScalar};
use quorate_identity::RecoveryKeyId;
use std::collections::BTreeMap;
use std::fmt;
use zeroize::Zeroizing;

/// What one custodian opens of one bundle: for each of its leaves its share of the key of every
/// closed row, or nothing where its key makes nothing of the row (BAK-14). Secret, wiped when
/// dropped, printed as its custodian.
///
/// It says whose it is and is not signed: whoever takes it knows from elsewhere who sent it.
pub struct Part {
    custodian: RecoveryKeyId,
    bundle: Digest,
    leaves: BTreeMap<LeafId, Vec<Option<RowKey>>>,
}

impl<C: Curve, P: Parameters> Proven<C, P> {
    /// What the holder of a recovery key contributes to restoring (BAK-14). Everything of it at
    /// once: a device is asked once for every closed row and leaf. A row that a device does not
    /// open is left out, as whoever made the bundle may have made it so.
    ///
    /// # Errors
    /// The device's, if it opened nothing at all.
    pub fn open<O: Opener>(&self, opener: &O) -> Result<Part, O::Error> {
        let (custodian, rows) = (opener.public().id(), self.rows_of());
        let own = self.statement().recovery.leaves().filter(|(_, id, _)| *id == custodian);
        let (mut leaves, mut failed, mut opened) = (BTreeMap::new(), None, false);
        for (leaf, ..) in own {
            let mut open = |(row, closed): (u16, &ClosedRow)| match rows.open(
                row,
                &closed.ciphertext,
                leaf,
                opener,
            ) {
                Ok(share) => {
                    opened = true;
                    share
                }
                Err(error) => {
                    failed = Some(error);
                    None
                }
            };
            leaves.insert(leaf, self.closed().map(&mut open).collect());
        }
        match failed {
            Some(error) if !opened => Err(error),
            _ => Ok(Part { custodian, bundle: self.id(), leaves }),
        }
    }
}

impl Part {
    /// Whose it says that it is.
    pub fn custodian(&self) -> RecoveryKeyId {
        self.custodian
    }

    /// Of which bundle it is.
    pub fn bundle(&self) -> Digest {
        self.bundle
    }

    /// How many rows it has of each leaf, if it has as many of all.
    pub(crate) fn rows(&self) -> Option<usize> {
        let mut lengths = self.leaves.values().map(Vec::len);
        let first = lengths.next().unwrap_or(0);
        lengths.all(|length| length == first).then_some(first)
    }

    pub(crate) fn share(&self, leaf: LeafId, place: usize) -> Option<&RowKey> {
        self.leaves.get(&leaf)?.get(place)?.as_ref()
    }

    /// Its encoding (BAK-18). Secret.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // Room for all, so that no half of it stays behind in a moved buffer.
        let shares: usize = self.leaves.values().map(Vec::len).sum();
        let room = HEAD_BYTES_MAX + self.leaves.len() * LEAF_BYTES_MAX + shares * SHARE_BYTES_MAX;
        let mut bytes = Zeroizing::new(Vec::with_capacity(room));
        // Writing to a vector cannot fail.
        let written = self.encode(&mut Encoder::new(&mut *bytes));
        debug_assert!(written.is_ok() && bytes.len() <= room);
        bytes
    }

    /// The inverse of [`to_bytes`](Self::to_bytes), strictly; the caller wipes the bytes. `None`
    /// for anything else: the sender's fault.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let part = Self::decode(&mut Decoder::new(bytes)).ok()?;
        (*part.to_bytes() == bytes).then_some(part)
    }

    fn encode(&self, to: &mut Encoder<&mut Vec<u8>>) -> Encoded {
        to.array(4)?.u8(VERSION)?.bytes(self.custodian.as_ref())?.bytes(self.bundle.as_ref())?;
        to.array(self.leaves.len() as u64)?;
        for (leaf, shares) in &self.leaves {
            to.array(2)?.u16(leaf.0)?.array(shares.len() as u64)?;
            for share in shares {
                match share {
                    Some(share) => to.bytes(share.to_bytes().as_ref())?,
                    None => to.bytes(&[])?,
                };
            }
        }
        Ok(())
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, minicbor::decode::Error> {
        let other = || minicbor::decode::Error::message("not a part");
        let digest = |bytes: &[u8]| bytes.try_into().map(Digest).map_err(|_| other());
        if from.array()? != Some(4) || from.u8()? != VERSION {
            return Err(other());
        }
        let (custodian, bundle) = (RecoveryKeyId(digest(from.bytes()?)?), digest(from.bytes()?)?);
        let mut leaves = BTreeMap::new();
        for _ in 0..counted(from, LEAVES_MAX)? {
            if from.array()? != Some(2) {
                return Err(other());
            }
            let (leaf, rows) = (LeafId(from.u16()?), counted(from, ROWS_MAX)?);
            let mut shares = Vec::with_capacity(rows);
            for _ in 0..rows {
                shares.push(match from.bytes()? {
                    [] => None,
                    share => Some(SecretScalar::from_bytes(share).map_err(|_| other())?),
                });
            }
            leaves.insert(leaf, shares);
        }
        Ok(Self { custodian, bundle, leaves })
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Part({})", self.custodian)
    }
}

/// The longest part of a custodian with so many leaves, of a proof of [`Standard`] size, in bytes.
pub const fn part_bytes_max(leaves: usize) -> usize {
    HEAD_BYTES_MAX + leaves * (LEAF_BYTES_MAX + Standard::CLOSED as usize * SHARE_BYTES_MAX)
}

type Encoded = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

const VERSION: u8 = 1;

/// Most rows of a leaf that are read: more than any proof keeps closed.
const ROWS_MAX: usize = 256;

/// Version, two digests and the head of a list.
const HEAD_BYTES_MAX: usize = 2 + 34 + 34 + 3;

/// Heads and the number of a leaf.
const LEAF_BYTES_MAX: usize = 1 + 3 + 3;

/// A share with its head.
const SHARE_BYTES_MAX: usize = 34;

/// The length of a list that has at most so many elements.
pub(crate) fn counted(
    from: &mut Decoder<'_>,
    max: usize,
) -> Result<usize, minicbor::decode::Error> {
    let length = from.array()?.and_then(|length| usize::try_from(length).ok());
    let length = length.filter(|length| *length <= max);
    length.ok_or_else(|| minicbor::decode::Error::message("a list that is too long"))
}
