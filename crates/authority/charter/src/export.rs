//! That a key is given to somebody whole: to whom, and since when (`spec/export.md`).

use crate::limits::{EXPORTS_OF_A_KEY_MAX, EXPORTS_OPEN_MAX, RECOVERY_KEY_BYTES_MAX};
use crate::statement::{DomainStatement, NodeStatement, Signed};
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, Digest, Transcript, tag, tag::Tag};
use quorate_identity::{GenesisHash, Head, KeyId, Name, NodeId, RecoveryKeyId};

/// Who gets a key: whoever holds a recovery key made for that. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Recipient {
    /// Their name. A person of this name is the same human being.
    #[n(0)]
    pub name: Name,
    /// Their recovery key, opaque here.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub key: Vec<u8>,
}

/// An export of a key that took effect. It is remembered for ever (KEX-05).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// The head that the entry made by which it took effect: what its bundles are bound to.
    pub entry: Head,
    /// The position of that entry.
    pub position: u64,
    /// Who gets the key.
    pub recipient: Recipient,
    /// The position of the entry that ended it, if one did: from then on nodes give nothing for it.
    pub ended: Option<u64>,
}

/// What a node says of the part of a key that it gives for an export: whoever collects bundles can
/// name nobody falsely (KEX-11). Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ExportStatement {
    /// Version of this form: 1.
    #[n(0)]
    pub version: u8,
    /// The domain.
    #[n(1)]
    pub genesis: GenesisHash,
    /// Who gives it.
    #[n(2)]
    pub node: NodeId,
    /// The key.
    #[n(3)]
    pub key: KeyId,
    /// The epoch whose shares they are.
    #[n(4)]
    pub epoch: u64,
    /// Digest of the epoch's record.
    #[n(5)]
    pub record: Digest,
    /// The head that the entry made by which the export took effect.
    #[n(6)]
    pub export: Head,
    /// Digest of the bundle (BAK-27).
    #[n(7)]
    pub bundle: Digest,
}

/// An [`ExportStatement`] with its signature.
pub type SignedExportStatement = Signed<ExportStatement>;

impl Canonical for ExportStatement {
    const BYTES_MAX: usize = 320;
}

impl NodeStatement for ExportStatement {
    const TAG: Tag = tag::EXPORT_STATEMENT;

    fn version(&self) -> u8 {
        self.version
    }
}

impl DomainStatement for ExportStatement {
    fn genesis(&self) -> GenesisHash {
        self.genesis
    }

    fn node(&self) -> NodeId {
        self.node
    }
}

/// Why an export is refused; the fault of who wrote the motion.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// Bytes that are no recovery key.
    #[error("the recovery key of {0} is empty, too long, or none")]
    Key(Name),
    /// Somebody else has the name.
    #[error("{0} is the name of a node, a service or a custodian: name the recipient otherwise")]
    Name(Name),
    /// The key is, or was, for something else.
    #[error(
        "the key of {0} is, or was, somebody's in this domain: a key is exported to one that was \
         made for it and serves nothing else"
    )]
    KeyTaken(Name),
    /// A custodian would have a key that keys were exported to.
    #[error("keys of this domain were exported to the recovery key of {0}: no custodian has it")]
    Recipient(Name),
    /// The same export is open.
    #[error("the key {0} is being exported to this recovery key already")]
    Open(Name),
    /// There is no export to end.
    #[error("no export of the key {0} is open")]
    NotOpen(Name),
    /// As many of a key are open as may be.
    #[error("{EXPORTS_OF_A_KEY_MAX} exports of the key {0} are open; end them first")]
    TooMany(Name),
    /// As many of all keys are open as may be.
    #[error("{EXPORTS_OPEN_MAX} exports of keys are open; end those that are done first")]
    TooManyOpen,
}

impl Recipient {
    /// The id of the key, as `spec/backup.md` names it (BAK-17).
    pub fn key_id(&self) -> RecoveryKeyId {
        RecoveryKeyId(Transcript::new(tag::RECOVERY_KEY).part(&self.key).digest())
    }

    /// The key as a point, as keys of nodes and people are compared: without the number of its kind.
    pub(crate) fn point(&self) -> &[u8] {
        self.key.split_first().map_or(&[], |(_, point)| point)
    }

    /// Whether it is the key of this point of a node or person. SSH writes points of P-256 with both
    /// coordinates, recovery keys have the first.
    pub(crate) fn is_point(&self, known: &[u8]) -> bool {
        let first = |point: &'_ [u8]| point.get(1..33).map(<[u8]>::to_vec);
        let own = self.point();
        let are_of_p256 = (own.len(), known.len()) == (33, 65);
        own == known || (are_of_p256 && first(own) == first(known))
    }

    /// Whether it may be a recovery key, as far as that is to be seen without knowing what one is.
    pub(crate) fn is_well_formed(&self) -> bool {
        (1..=RECOVERY_KEY_BYTES_MAX).contains(&self.key.len())
    }
}

impl Export {
    /// Whether nodes give parts of it: nobody ended it.
    pub fn is_open(&self) -> bool {
        self.ended.is_none()
    }
}
