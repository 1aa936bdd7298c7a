//! What stands in a backup file.

use crate::limits::{
    BUNDLE_BYTES_MAX, CANARY_BYTES_MAX, END_BYTES_MAX, ENTRY_BYTES_MAX, EPOCH_BYTES_MAX,
    HEAD_BYTES_MAX,
};
use minicbor::{Decode, Encode};
use quorate_charter::{CertifiedEntry, Decided, GenesisFile};
use quorate_codec::{Canonical, Digest};
use quorate_identity::NodeId;
use serde::Serialize;
use std::fmt;

/// One item of a backup file (REC-20). Public.
#[allow(clippy::large_enum_variant, reason = "there is one at a time")]
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Item {
    /// What the file says of itself.
    #[n(0)]
    Head(#[n(0)] FileHead),
    /// An entry of the charter.
    #[n(1)]
    Entry(#[n(0)] CertifiedEntry),
    /// The certified outcome of the newest epoch of a key.
    #[n(2)]
    Epoch(#[n(0)] Decided),
    /// A backup that belongs to the epoch before it.
    #[n(3)]
    Bundle(#[n(0)] StoredBundle),
    /// A bundle of a secret that is of no use but to be restored in a drill.
    #[n(4)]
    Canary(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    /// The end.
    #[n(5)]
    End(#[n(0)] FileEnd),
}

/// What a file says of itself. But for the genesis nothing proves it (REC-31).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct FileHead {
    /// When it was made, in milliseconds since 1970, by the clock of whoever made it.
    #[n(0)]
    pub made_at_ms: u64,
    /// 32 random bytes, by which canaries belong to this file.
    #[n(1)]
    pub export: Digest,
    /// The genesis with all signatures under it.
    #[n(2)]
    pub genesis: GenesisFile,
}

/// A backup as a node keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct StoredBundle {
    /// Of what.
    #[n(0)]
    pub kind: BundleKind,
    /// Whose.
    #[n(1)]
    pub author: NodeId,
    /// The bundle, as its author made it.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
}

/// What a bundle of an epoch is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize)]
#[cbor(index_only)]
#[serde(rename_all = "lowercase")]
pub enum BundleKind {
    /// A member's shares.
    #[n(0)]
    Shares,
    /// What a dealer contributed to the key itself.
    #[n(1)]
    Contributions,
}

/// The last item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct FileEnd {
    /// How many items stand before it.
    #[n(0)]
    pub items: u64,
    /// Running hash of everything before it (REC-22).
    #[n(1)]
    pub digest: Digest,
}

/// Which item something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemKind {
    /// [`Item::Head`].
    Head,
    /// [`Item::Entry`].
    Entry,
    /// [`Item::Epoch`].
    Epoch,
    /// [`Item::Bundle`].
    Bundle,
    /// [`Item::Canary`].
    Canary,
    /// [`Item::End`].
    End,
}

impl Item {
    /// Which one it is.
    pub fn kind(&self) -> ItemKind {
        match self {
            Self::Head(_) => ItemKind::Head,
            Self::Entry(_) => ItemKind::Entry,
            Self::Epoch(_) => ItemKind::Epoch,
            Self::Bundle(_) => ItemKind::Bundle,
            Self::Canary(_) => ItemKind::Canary,
            Self::End(_) => ItemKind::End,
        }
    }
}

impl Canonical for Item {
    const BYTES_MAX: usize = BUNDLE_BYTES_MAX;
}

impl ItemKind {
    /// How many bytes of an item say which one it is: the heads of a pair and of a number.
    pub(super) const BYTES: usize = 2;

    /// Which item begins like this.
    pub(super) fn of(start: &[u8]) -> Option<Self> {
        let kinds = [Self::Head, Self::Entry, Self::Epoch, Self::Bundle, Self::Canary, Self::End];
        let number = start.strip_prefix(&[0x82])?.first()?;
        kinds.get(usize::from(*number)).copied()
    }

    /// The longest such item, in bytes.
    pub fn bytes_max(self) -> usize {
        match self {
            Self::Head => HEAD_BYTES_MAX,
            Self::Entry => ENTRY_BYTES_MAX,
            Self::Epoch => EPOCH_BYTES_MAX,
            Self::Bundle => BUNDLE_BYTES_MAX,
            Self::Canary => CANARY_BYTES_MAX,
            Self::End => END_BYTES_MAX,
        }
    }
}

impl fmt::Display for ItemKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Head => "the head of the file",
            Self::Entry => "an entry of the charter",
            Self::Epoch => "an epoch",
            Self::Bundle => "a bundle",
            Self::Canary => "a canary",
            Self::End => "the end of the file",
        })
    }
}

impl fmt::Display for BundleKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Shares => "shares",
            Self::Contributions => "contributions",
        })
    }
}

// A limit by kind is never beyond that of the whole.
const _: () = assert!(
    HEAD_BYTES_MAX <= Item::BYTES_MAX
        && ENTRY_BYTES_MAX <= Item::BYTES_MAX
        && EPOCH_BYTES_MAX <= Item::BYTES_MAX
        && CANARY_BYTES_MAX <= Item::BYTES_MAX
        && END_BYTES_MAX <= Item::BYTES_MAX
);
