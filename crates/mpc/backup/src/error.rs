//! What can be wrong, and whose fault it is.

use quorate_access::LeafId;
use quorate_identity::NodeId;

/// A bundle that proves nothing. The fault of whoever sent it; a bundle is not signed by itself, so
/// nothing is proven of anybody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no backup of node {author}: {fault}")]
pub struct BackupError {
    /// Whose backup was looked for.
    pub author: NodeId,
    /// What is wrong.
    pub fault: BackupFault,
}

/// What is wrong with a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BackupFault {
    /// It is no bundle.
    #[error("it is no bundle")]
    Form,
    /// It has a form that this release does not know.
    #[error("its version is unknown")]
    Version,
    /// It is by another node than the one whose backup is looked for (BAK-03).
    #[error("it is the backup of another node")]
    Author,
    /// It is about something else: another key, epoch, tree or order (BAK-03).
    #[error("it is about something else: another domain, key, epoch, tree or order")]
    Subject,
    /// It is encrypted to another recovery tree (BAK-03).
    #[error("it is encrypted to other custodians or by another recovery tree")]
    Recovery,
    /// It backs up other secrets (BAK-03).
    #[error("it is about other secrets than those that are public")]
    Secrets,
    /// It has not the parts of its form (BAK-09).
    #[error("it has not the length that its statement demands")]
    Length,
    /// A closed row's ciphertext is nothing that a custodian can open (BAK-10).
    #[error("what row {row} encrypts for leaf {leaf} is malformed")]
    Ciphertext {
        /// The row.
        row: u16,
        /// The custodian's leaf in the recovery tree.
        leaf: LeafId,
    },
    /// A response is no scalar (BAK-10).
    #[error("the response of row {row} for secret {secret} is malformed")]
    Response {
        /// The row.
        row: u16,
        /// Which secret, from 0.
        secret: usize,
    },
    /// The challenge does not follow from what was committed to (BAK-11).
    #[error("its proof does not hold")]
    Proof,
}

/// Why nothing was proven. This machine's fault or its caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProveError {
    /// There are no secrets, or too many.
    #[error("between one and {max} secrets are backed up at once, not {got}")]
    Count {
        /// How many there are.
        got: usize,
        /// How many there may be.
        max: usize,
    },
    /// A secret is not the one that is public.
    #[error("secret {secret} is not the logarithm of its public point")]
    Secret {
        /// Which, from 0.
        secret: usize,
    },
    /// A random scalar is zero, which has probability 2^-250: the source of chance is broken.
    #[error("the source of chance gave nothing")]
    Chance,
    /// A custodian's key takes nothing.
    #[error("nothing can be encrypted to the key of leaf {leaf}")]
    Key {
        /// Its leaf in the recovery tree.
        leaf: LeafId,
    },
}
