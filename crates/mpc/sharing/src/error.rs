//! What can be wrong with a sharing.

use quorate_access::LeafId;

/// Why a sharing or a quorum of it was refused. Who is at fault depends on who supplied it: a
/// dealer, a stored record, or the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SharingError {
    /// Not one commitment for every column of the tree (SHR-03).
    #[error("{got} commitments where the tree has {expected} columns")]
    Count {
        /// Columns of the tree.
        expected: usize,
        /// Commitments found.
        got: usize,
    },
    /// A commitment is not a valid point other than the identity (SHR-04).
    #[error("commitment {column} is not a valid point other than the identity")]
    Point {
        /// Its column.
        column: usize,
    },
    /// A party has no share of a leaf that the selection wants from it.
    #[error("no share of {leaf}")]
    NoShare {
        /// The leaf.
        leaf: LeafId,
    },
    /// The party has no selected leaf, hence no weight in this quorum (SHR-08).
    #[error("the party has no selected leaf")]
    NoWeight,
    /// The selection does not recombine to the committed secret (SHR-09).
    #[error("the quorum does not recombine to the key")]
    Quorum,
}
