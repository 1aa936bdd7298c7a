//! Why nothing was opened for a successor, or inherited.

use crate::seat::MissingCustodians;
use crate::verify::Report;
use quorate_identity::{GenesisHash, Head, KeyId, Name, NodeId, RecoveryKeyId};

/// Why a backup and the genesis of a successor do not belong together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EstateFault {
    /// It succeeds another domain.
    #[error("the new domain succeeds {0}, which is not the domain of this backup")]
    Domain(GenesisHash),
    /// The backup that it names was made earlier: the founders did not know of this one.
    #[error(
        "the new domain restores from a backup that ends at entry {named}; this one ends at {here}"
    )]
    Earlier {
        /// The last entry that the founders knew.
        named: u64,
        /// The last one here.
        here: u64,
    },
    /// The backup that it names goes on beyond this one.
    #[error("the new domain restores from a later backup than this one: its head is {0}")]
    Later(Head),
    /// It is another file of the same charter.
    #[error(
        "the new domain restores from another backup than this one, though both end at entry {0}"
    )]
    OtherFile(u64),
    /// It names this file and another head: whoever wrote the genesis made that up.
    #[error("the new domain names this backup, and another head than it has")]
    Head,
    /// What an heir claims cannot be read.
    #[error("what {0} claims cannot be read")]
    Claim(NodeId),
    /// A claim asks nothing of a custodian, who could then open nothing for it.
    #[error("what {heir} claims asks nothing of the recovery key {key}, which restores some key")]
    NotAsked {
        /// Whose claim.
        heir: NodeId,
        /// The key.
        key: RecoveryKeyId,
    },
    /// So many heirs as may lie would have a whole key.
    #[error(
        "the key {key} is given out among {heirs} nodes, and so many may lie in the new domain"
    )]
    Holders {
        /// The key.
        key: Name,
        /// Among how many it is given out.
        heirs: usize,
    },
    /// A key that is given up was none.
    #[error("the domain of this backup has no key {0} that could be given up")]
    NoKey(Name),
    /// A bundle that held does not any more: memory changed under it.
    #[error("the backup does not hold when it is looked at again")]
    Machine,
}

/// Why a custodian opens nothing for a successor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbateError {
    /// The file does not hold; nothing of it is opened.
    #[error("the backup does not hold")]
    Refused(Box<Report>),
    /// The genesis succeeds no domain.
    #[error("the new domain succeeds no other")]
    NoSuccession,
    /// They do not belong together.
    #[error(transparent)]
    Fault(#[from] EstateFault),
    /// There is no key to be restored.
    #[error("nothing is to be restored: no key of this backup is in use, or backed up itself")]
    Nothing,
    /// The key is none of those that restore something.
    #[error("this key restores none of them")]
    NoCustodian(RecoveryKeyId),
    /// What an heir asks does not open with the custodian's key: its claim was made so.
    #[error("what {0} asks of you does not open with your key")]
    Unanswered(String),
    /// An heir asks nothing of the custodian: who speaks for them could not be told.
    #[error("{heir} asks nothing of custodian {custodian}")]
    NotAsked {
        /// The heir.
        heir: Name,
        /// The custodian.
        custodian: Name,
    },
}

/// Why nothing was inherited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InheritError {
    /// Backup and genesis do not belong together.
    #[error(transparent)]
    Fault(#[from] EstateFault),
    /// The genesis names another claim than this machine's.
    #[error("the new domain knows another claim of this node")]
    AnotherClaim,
    /// The node is no heir: nothing is opened for it.
    #[error("this node is no heir: custodians open nothing for it")]
    NoHeir,
    /// A part cannot be used. Leave it out, or have it made again.
    #[error("the part of {custodian}: {fault}")]
    Part {
        /// Whose it says that it is, or is, as the fault tells.
        custodian: Name,
        /// What is wrong with it.
        fault: PartFault,
    },
    /// Too few custodians opened anything.
    #[error("custodians are missing: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Missing(Vec<MissingCustodians>),
    /// No set of answers gives the secrets of this key: too many are false. Nobody can be named.
    #[error("what custodians opened of key {0} does not fit together: too much of it is false")]
    False(KeyId),
    /// As many sets of custodians as are tried did not give the secrets of this key.
    #[error(
        "no set of the parts that were tried gives key {0}: leave out those that you trust least"
    )]
    GaveUp(KeyId),
}

/// What is wrong with a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PartFault {
    /// Whoever made it.
    #[error("it is for another new domain, {0}")]
    Successor(GenesisHash),
    /// Whoever made it.
    #[error("it is of another backup")]
    Backup,
    /// It has nothing for this node.
    #[error("it has nothing for this node")]
    Heir,
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
    /// It was opened from another bundle than the one that this file has.
    #[error("it opens another bundle of key {0} than the one in this file")]
    Bundle(KeyId),
    /// The custodian made it so: it opens what is for others, or is in no such file.
    #[error("it opens something of key {0} that is not for this node")]
    Other(KeyId),
}
