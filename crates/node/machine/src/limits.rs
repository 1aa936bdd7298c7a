//! Every limit of a node, in one place, with its intent. Over a limit the answer is `busy` or
//! the oldest goes first, always before one-time material is touched.

use crate::event::Millis;

/// Requests that may be undecided or unsigned at once: a flood must not fill the memory.
pub const REQUESTS_LIVE_MAX: usize = 4_096;
/// Requests in any state that are kept in memory and listed; older ended ones are dropped from
/// the list first.
pub const REQUESTS_KEPT_MAX: usize = 65_536;
/// Sessions that a node takes part in at once: each holds nonces and a job.
pub const SESSIONS_LIVE_MAX: usize = 128;
/// Messages kept for a run that this node has not joined yet, over all runs.
pub const EARLY_MESSAGES_MAX: usize = 1_024;
/// Motions that collect signatures at once; people file them, so they are few.
pub const MOTIONS_PENDING_MAX: usize = 256;
/// Approvals and rejections kept for one request: one a person.
pub const VOTES_PER_REQUEST_MAX: usize = 128;
/// Charter entries in one answer to a node that catches up.
pub const ENTRIES_PER_ANSWER: usize = 64;
/// Attempts to sign one request before it counts as failed.
pub const ATTEMPTS_MAX: u32 = 64;
/// Positions beyond its head for which a node takes part in agreement: exactly the next one.
pub const POSITIONS_AHEAD: u64 = 1;
/// Signatures of one request: the inputs of one transaction.
pub const PAYLOADS_MAX: usize = 64;

/// The waiting times of a node. They make it patient or quick, never unsafe; the simulator
/// shrinks them.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Between two hellos, as a part of the lease: a third leaves room for two lost ones.
    pub hello_every_ms: Millis,
    /// A signing session without progress for so long is over.
    pub session_timeout_ms: Millis,
    /// An attempt at key generation without progress for so long is proposed as void.
    pub ceremony_timeout_ms: Millis,
    /// First pause between two attempts; doubles up to [`Pace::retry_max_ms`].
    pub retry_ms: Millis,
    /// Longest pause between two attempts.
    pub retry_max_ms: Millis,
    /// First timeout of a ballot.
    pub ballot_ms: Millis,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            hello_every_ms: 15_000,
            session_timeout_ms: 10_000,
            ceremony_timeout_ms: 30_000,
            retry_ms: 150,
            retry_max_ms: 5_000,
            ballot_ms: 1_500,
        }
    }
}
