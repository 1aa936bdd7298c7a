//! The limits of a backup. They bound what is read and what is computed.

/// Most secrets of one bundle: the leaves of a node in a thousand accounts.
pub const SECRETS_MAX: usize = 4096;

/// Most sets of custodians that a restore tries when answers are false: some milliseconds each.
pub const SETS_TRIED_MAX: usize = 4096;

/// Most nodes that ask one custodian at once: as many as a domain can have.
pub const NODES_MAX: usize = 64;
