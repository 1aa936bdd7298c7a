//! Why nothing was opened, or restored, for a seat.

use crate::verify::Report;
use quorate_access::Tree;
use quorate_identity::{KeyId, Name, NodeId, RecoveryKeyId};
use std::collections::BTreeSet;
use std::fmt;

/// Why a custodian opens nothing for a seat.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpeningError {
    /// The file does not hold; nothing of it is opened.
    #[error("the backup does not hold")]
    Refused(Box<Report>),
    /// The charter has no such node.
    #[error("the charter of this backup has no node {0}")]
    NoNode(Name),
    /// No entry gives the seat to anybody.
    #[error("the charter gives the seat of {0} to nobody")]
    NotGiven(Name),
    /// The entry gives it to a machine to which nothing can be sealed. The voters' fault.
    #[error("the one-time key of the claim to the seat of {0} cannot be read")]
    Arrival(Name),
    /// The node had no shares of what is in the file, but those that were dealt to the new machine.
    #[error("nothing is to be restored: {}", nothing(.node, *.later))]
    Nothing {
        /// The node.
        node: Name,
        /// Of how many keys the new machine has shares.
        later: usize,
    },
    /// The key is none of those for which the shares are backed up.
    #[error("this key restores none of them")]
    NoCustodian(RecoveryKeyId),
    /// A backup that held does not any more: memory changed under it.
    #[error("the backup of key {0} does not hold when it is looked at again")]
    Machine(KeyId),
    /// The claim asks nothing of the custodian: who speaks for them could not be told.
    #[error("the claim to the seat asks nothing of custodian {0}")]
    NotAsked(Name),
}

/// Why a seat was not restored. Nothing of it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestoreSeatError {
    /// No entry gives the seat of this node to anybody.
    #[error("the charter of this backup gives the seat of {0} to nobody")]
    NotGiven(NodeId),
    /// It was given to another claim than this machine's. The caller's fault, or its claim was
    /// overtaken.
    #[error("the charter gives the seat of {0} to another machine")]
    AnotherClaim(NodeId),
    /// A part cannot be used. Leave it out, or have it made again.
    #[error("the part of {custodian}: {fault}")]
    Part {
        /// Whose it says that it is, or is, as the fault tells.
        custodian: Name,
        /// What is wrong with it.
        fault: PartFault,
    },
    /// Too few custodians opened these.
    #[error("{}", missing(.0))]
    Missing(Vec<MissingCustodians>),
    /// No set of answers gives the secrets of this key: too many are false. Nobody can be named.
    #[error("what custodians opened of key {0} does not fit together: too much of it is false")]
    False(KeyId),
    /// As many sets of custodians as are tried did not give the secrets of this key.
    #[error(
        "no set of the parts that were tried gives key {0}: leave out those that you trust least"
    )]
    GaveUp(KeyId),
    /// The backup of this key does not hold any more: memory changed under it.
    #[error("the backup of key {0} does not hold when it is looked at again")]
    Machine(KeyId),
}

/// What is wrong with a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PartFault {
    /// Whoever made it.
    #[error("it is for another domain")]
    Domain,
    /// Whoever made it.
    #[error("it is for the seat of another node, {0}")]
    Seat(NodeId),
    /// It was made for an earlier claim, or a later one.
    #[error("it is for another claim to the seat")]
    Entry,
    /// Nobody of this name and key restores what is in the file.
    #[error("no custodian of this name has its key")]
    NoCustodian,
    /// The claim asks nothing of the custodian's key.
    #[error("the claim asks nothing of the key that it is made with")]
    NotAsked,
    /// It was changed, or made by somebody who does not hold the custodian's key. Nobody is blamed.
    #[error("it does not open: it was changed, or somebody else made it")]
    Sealed,
    /// The custodian made it so.
    #[error("it opens, and is not what custodians open")]
    Form,
    /// There are two.
    #[error("it is there twice")]
    Twice,
    /// It was opened from another backup file.
    #[error(
        "it opens epoch {epoch} of key {key}, which this file has not: the custodian took another file"
    )]
    Other {
        /// Of which key.
        key: KeyId,
        /// Of which epoch.
        epoch: u64,
    },
    /// It was opened from another bundle of the same key and epoch.
    #[error("it opens another bundle of key {0} than the one in this file")]
    Bundle(KeyId),
}

/// Who could still open a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingCustodians {
    /// The key.
    pub key: KeyId,
    /// Its name.
    pub name: Option<Name>,
    /// These together would do.
    pub who: Tree<Name>,
}

/// Why there is nothing.
fn nothing(node: &Name, later: usize) -> String {
    match later {
        0 => format!("this backup has no shares of {node} in keys that are in use"),
        _ => format!(
            "the shares of {node} in this backup, of {later} keys, were dealt to the new machine itself"
        ),
    }
}

/// Custodians are mostly the same for all keys: each tree is told once.
fn missing(all: &[MissingCustodians]) -> String {
    let trees: BTreeSet<String> = all.iter().map(|missing| missing.who.to_string()).collect();
    let trees: Vec<String> = trees.into_iter().collect();
    format!("custodians are missing: {}", trees.join("; and "))
}

impl fmt::Display for MissingCustodians {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(formatter, "{name}: {}", self.who),
            None => write!(formatter, "{}: {}", self.key, self.who),
        }
    }
}
