//! Why nothing was opened in a drill, and why one was not finished.

use crate::verify::Report;
use quorate_access::Tree;
use quorate_charter::CustodyTree;
use quorate_identity::{Name, RecoveryKeyId};

/// Why a drill is not started, or a custodian opens nothing in one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DrillError {
    /// The file does not hold; nothing of it is opened.
    #[error("the backup does not hold")]
    Refused(Box<Report>),
    /// The drill is for another domain.
    #[error("this drill is for another domain")]
    Domain,
    /// The drill is about another backup file.
    #[error("this drill was started from another backup file")]
    File,
    /// What the drill names is no canary of the file: whoever made it wants something else opened.
    #[error("what this drill wants opened is no canary of the backup")]
    NoCanary,
    /// The file has no canary for this tree.
    #[error("the backup has no canary for those who restore {0}")]
    NoCanaryFor(CustodyTree),
    /// Nothing can be sealed to its one-time key. The fault of whoever made the drill.
    #[error("the one-time key of this drill cannot be read")]
    Arrival,
    /// The key restores nothing of the canary.
    #[error("this key is of no custodian who takes part in this drill")]
    NoCustodian(RecoveryKeyId),
    /// The drill asks nothing of the custodian.
    #[error("this drill asks nothing of custodian {0}")]
    NotAsked(Name),
}

/// Why a drill was not finished.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FinishError {
    /// A part cannot be used. Leave it out, or have it made again.
    #[error("the part of {custodian}: {fault}")]
    Part {
        /// Whose it says that it is, or is, as the fault tells.
        custodian: Name,
        /// What is wrong with it.
        fault: DrillPartFault,
    },
    /// Too few custodians took part; these together would do.
    #[error("custodians are missing: {0}")]
    Missing(Tree<Name>),
    /// No set of answers gives the canary: too many are false. Nobody can be named.
    #[error("what custodians opened does not fit together: too much of it is false")]
    False,
    /// As many sets as are tried did not give it.
    #[error("no set of the parts that were tried gives the canary")]
    GaveUp,
}

/// What is wrong with a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DrillPartFault {
    /// It was made for another drill.
    #[error("it is for another drill")]
    Drill,
    /// Nobody of this name and key restores the canary.
    #[error("no custodian of this name has its key")]
    NoCustodian,
    /// It was changed, or made by somebody who does not hold the custodian's key. Nobody is blamed.
    #[error("it does not open: it was changed, or somebody else made it")]
    Sealed,
    /// The custodian made it so.
    #[error("it opens, and is not what custodians open")]
    Form,
    /// There are two.
    #[error("it is there twice")]
    Twice,
    /// It was opened from another bundle.
    #[error("it opens another bundle than the canary of this drill")]
    Bundle,
}
