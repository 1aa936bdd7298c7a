//! Why no whole key came of a backup.

use crate::verify::Report;
use quorate_access::Tree;
use quorate_identity::{Name, RecoveryKeyId};

/// Why nothing is opened of a key, or nothing came of what was opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CombineError {
    /// The file does not hold; nothing of it is opened.
    #[error("the backup does not hold")]
    Refused(Box<Report>),
    /// The charter has no such key.
    #[error("the charter of this backup has no key {0}")]
    NoKey(Name),
    /// Nobody is to sign with the key any more.
    #[error("the charter retired key {0}")]
    Retired(Name),
    /// The key is retired, and nobody put its last epoch into the file.
    #[error("this backup has no epoch of key {0}, which is retired")]
    NotHere(Name),
    /// There is no backup of the key itself.
    #[error("key {0} was imported, and so far only its shares are backed up, not the key itself")]
    SharesAlone(Name),
    /// The key has fewer accounts.
    #[error("there is no account {account}: the key has {accounts}, counted from 0")]
    NoAccount {
        /// Which was asked for.
        account: usize,
        /// How many there are.
        accounts: usize,
    },
    /// The key is none of those that restore the whole key together.
    #[error("this key is none of the custodians' who restore the whole key")]
    NoCustodian(RecoveryKeyId),
    /// One custodian's key came twice.
    #[error("the key of custodian {0} is here twice")]
    Twice(Name),
    /// Too few are here.
    #[error("custodians are missing: {0}")]
    Missing(Tree<Name>),
    /// No set of what was opened gives the key. Nobody can be named.
    #[error("what the custodians' keys opened does not fit together: too much of it is false")]
    False,
    /// As many sets as are tried did not give it.
    #[error("no set of custodians that was tried gives the key")]
    GaveUp,
    /// A backup that held does not any more, or gives another key than the certified one: memory
    /// changed under it.
    #[error("the backup of the key does not hold when it is looked at again")]
    Machine,
}
