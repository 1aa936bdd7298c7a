//! The limits of a dealing. They bound what is read and what is computed.

/// Most secrets that one run deals. A thousand keys fit; more are dealt in several runs.
pub const SECRETS_MAX: usize = 1024;
