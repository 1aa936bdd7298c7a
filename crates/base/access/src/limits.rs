//! The limits of a tree (ACC-02). They bound every recursion and enumeration over one.

/// Most leaves of a tree.
pub const LEAVES_MAX: usize = 128;

/// Most gates on a path from the root to a leaf; also the deepest notation or encoding read.
pub const DEPTH_MAX: usize = 8;

/// Most distinct parties of a tree.
pub const PARTIES_MAX: usize = 64;

/// Longest notation that is parsed, in bytes: 128 leaves of 66 characters, with room for gates.
pub const NOTATION_BYTES_MAX: usize = 16 * 1024;

/// Most minimal quorums that the linter lists; more are only counted.
pub const QUORUMS_LISTED_MAX: usize = 256;

/// Most losses that are reckoned with: as many as 64 parties in one majority gate bear.
pub const LOSSES_MAX: usize = 31;

/// Most losses that are reckoned with where a party stands at several leaves: there every set of
/// so many parties is tried.
pub const LOSSES_REPEATED_MAX: usize = 3;
