//! Why a statement of a file does not hold, and who has to answer for that.

use crate::backup_file::{BundleKind, FileError};
use quorate_backup::BackupFault;
use quorate_codec::Digest;
use quorate_identity::{GenesisHash, KeyId, Name};
use std::fmt;

/// A statement that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Who has to answer for it. Nobody is named for what somebody else may have made of a file.
    pub whose: Whose,
    /// What is wrong.
    pub why: Why,
}

/// Who answers for something that does not hold (REC-32).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// Whoever made, copied or kept the file.
    Holder,
    /// The founders of the domain.
    Founders,
    /// The voters, a quorum of whom certified it.
    Voters,
    /// The node, by name or id, whose backup the certified record names.
    Node(String),
}

/// What is wrong with a statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// The file does not read as a whole one.
    #[error("{}", .0.what())]
    File(FileError),
    /// The genesis is not that of the expected hash, or is not signed by all.
    #[error("{0}")]
    Genesis(String),
    /// An entry does not follow, or is not certified.
    #[error("{0}")]
    Entry(String),
    /// Entries were left out at the end.
    #[error("it ends before the head at which an epoch of this file was planned")]
    Behind,
    /// What follows rests on what does not hold.
    #[error("it rests on {0}, which does not hold")]
    RestsOn(&'static str),
    /// No quorum of voters stands behind it.
    #[error("{0}")]
    Certificate(String),
    /// It is certified, and is not what a record of this key must be.
    #[error("{0}")]
    Record(&'static str),
    /// An account is not shared over the tree of the record.
    #[error("account {0} is no sharing over the record's tree on the curve of its scheme")]
    Account(usize),
    /// An account's public key is another one than its sharing has.
    #[error("the public key of account {0} is not the one that its sharing commits to")]
    PublicKey(usize),
    /// The charter never had these custodians.
    #[error("it is backed up for a custody {0} that the charter never set")]
    Custody(Digest),
    /// A custodian's key is none.
    #[error("the recovery key of custodian {0} is none")]
    CustodianKey(Name),
    /// Two custodians have one key, or one has none.
    #[error("its custodians are no recovery tree")]
    CustodyTree,
    /// The file does not have it.
    #[error("it is not in the file")]
    Missing,
    /// The file has something that nobody looks for there.
    #[error(
        "nothing like it is expected here: it is not named by the record, comes twice or in another place"
    )]
    Stray,
    /// The record names another bundle.
    #[error("it is not the bundle that the record names: it was damaged, changed or made again")]
    Unnamed,
    /// It is no bundle.
    #[error("it is no bundle")]
    Form,
    /// It is longer than a bundle of its secrets and custodians.
    #[error("it has {got} bytes, and at most {max} for so many secrets and custodians")]
    TooLong {
        /// Its length.
        got: usize,
        /// The longest.
        max: usize,
    },
    /// A bundle of another node.
    #[error("it is a bundle of node {0}")]
    Author(String),
    /// A node that the charter does not have.
    #[error("it is of {0}, which is no node of the domain")]
    Stranger(String),
    /// A bundle of something else.
    #[error("it is a bundle of {claimed} in the place of {expected}")]
    Kind {
        /// What it says that it is.
        claimed: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// A bundle of another domain.
    #[error("it is a bundle of another domain, {0}")]
    Domain(GenesisHash),
    /// A bundle of another key.
    #[error("it is a bundle of another key, {0}")]
    Key(KeyId),
    /// A bundle of another epoch (N-70).
    #[error("it is a bundle of epoch {claimed}, where the record wants one of epoch {expected}")]
    Epoch {
        /// The epoch that it says.
        claimed: u64,
        /// The epoch that it should be of.
        expected: u64,
    },
    /// A canary of another file.
    #[error("it belongs to another file than this one")]
    Export,
    /// Not one secret for every account, or for the canary.
    #[error("it is of {got} secrets, where {expected} are expected")]
    Count {
        /// Of how many it is.
        got: usize,
        /// Of how many it should be.
        expected: usize,
    },
    /// A member without a leaf.
    #[error("its author has no share of the key")]
    NoShare,
    /// What the bundle itself shows.
    #[error("{0}")]
    Bundle(BackupFault),
    /// What the dealers contributed is another key (BAK-26).
    #[error("they add up to another key than that of account {0}")]
    Sum(usize),
    /// There is nothing to add up.
    #[error("they do not all hold, so nothing adds up")]
    Incomplete,
}

impl Why {
    /// This, for whoever made the file to answer for.
    pub(super) fn of_holder(self) -> Refusal {
        Refusal { whose: Whose::Holder, why: self }
    }

    /// This, for a quorum of voters to answer for.
    pub(super) fn of_voters(self) -> Refusal {
        Refusal { whose: Whose::Voters, why: self }
    }

    /// That a bundle is not of the kind that it should be.
    pub(super) fn kind(claimed: &'static str, expected: BundleKind) -> Self {
        let expected = match expected {
            BundleKind::Shares => "shares",
            BundleKind::Contributions => "contributions",
        };
        Self::Kind { claimed, expected }
    }

    /// That a bundle is no canary.
    pub(super) fn not_a_canary(claimed: &'static str) -> Self {
        Self::Kind { claimed, expected: "a canary" }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}; {}", self.why, self.whose)
    }
}

impl fmt::Display for Whose {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holder => formatter.write_str("whoever made or kept the file answers for that"),
            Self::Founders => formatter.write_str("the founders answer for that"),
            Self::Voters => formatter.write_str("the voters who certified it answer for that"),
            Self::Node(name) => write!(formatter, "node {name} answers for that"),
        }
    }
}
