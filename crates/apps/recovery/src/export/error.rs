//! Why an export does not hold, or nothing came of it.

use crate::verify::{Refusal, Whose};
use quorate_access::Tree;
use quorate_backup::BackupFault;
use quorate_identity::{Name, RecoveryKeyId};

/// Why a file is no export, or no key comes of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportFileError {
    /// It does not read as one.
    #[error("it is no export, or it is damaged")]
    Form,
    /// A form of a later program.
    #[error("an export of version {0} is not known here")]
    Version(u8),
    /// The genesis is not that of the expected hash, or not signed by all.
    #[error("the genesis does not hold: {0}")]
    Genesis(Refusal),
    /// An entry does not follow, or is not certified.
    #[error("entry {0} of its charter does not hold: {1}")]
    Entry(u64, Refusal),
    /// The epoch is not certified, or not one of the key as it was ordered.
    #[error("the record of its epoch does not hold: {0}")]
    Record(Refusal),
    /// Entries were left out at the end.
    #[error("its charter ends before the head at which its epoch was planned")]
    Behind,
    /// The charter exports the key by no such entry.
    #[error("no entry of its charter gives key {0} to anybody so")]
    NoExport(Name),
    /// The recipient's key is none.
    #[error("the recovery key of {0} is none")]
    Recipient(Name),
    /// Somebody else's key.
    #[error("this key is not the one that the key was exported to")]
    OtherKey(RecoveryKeyId),
    /// Too few parts hold; these would do.
    #[error("parts are missing, of: {0}")]
    Missing(Tree<Name>),
    /// The recipient's key opened nothing of a part that holds.
    #[error("the key opened nothing of the part of node {0}")]
    NotOpened(String),
    /// The key has fewer accounts.
    #[error("there is no account {account}: the key has {accounts}, counted from 0")]
    NoAccount {
        /// Which was asked for.
        account: usize,
        /// How many there are.
        accounts: usize,
    },
    /// Verified parts give another key than the certified one: memory changed under them.
    #[error("the export does not hold when it is looked at again")]
    Machine,
}

/// Why a part does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PartFault {
    /// Of a node that holds no shares of the epoch.
    #[error("it is of a node that holds no share of this epoch")]
    Stranger,
    /// One node gave two, or they are out of their order.
    #[error("the parts do not ascend by node")]
    Order,
    /// The node's word for it does not hold.
    #[error("the node did not sign it: {0}")]
    Statement(String),
    /// The node gave it for something else: another export, key, epoch or record.
    #[error("the node gave it for another {0}")]
    For(&'static str),
    /// Another bundle than the node signed.
    #[error("it is not the bundle that the node signed")]
    Unnamed,
    /// It is no bundle, or longer than one.
    #[error("what the node signed is no bundle")]
    Form,
    /// What the bundle itself shows.
    #[error("{0}")]
    Bundle(BackupFault),
}

impl PartFault {
    /// Who has to answer for it: whoever signed a false bundle for just this; else nobody but whoever
    /// made, copied or kept the file (KEX-11).
    pub fn whose(&self, node: String) -> Whose {
        match self {
            Self::Form | Self::Bundle(_) => Whose::Node(node),
            Self::Stranger | Self::Order | Self::Statement(_) | Self::For(_) | Self::Unnamed => {
                Whose::Holder
            }
        }
    }
}
