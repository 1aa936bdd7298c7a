//! What a run saw.

use crate::check::Violation;
use crate::faults::Coverage;
use quorate_codec::Digest;
use std::fmt;

/// The end of a run.
#[derive(Debug, Clone)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// Hash of everything that happened, byte for byte.
    pub trace: Digest,
    /// How often each fault and write point was hit.
    pub coverage: Coverage,
    /// Laws that were broken.
    pub violations: Vec<Violation>,
    /// How the requests ended.
    pub endings: Endings,
}

/// How many requests ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Endings {
    /// Signed, and the signature verified by a library that is not ours.
    pub signed: u64,
    /// Denied by the policy.
    pub denied: u64,
    /// Ended in another way: rejected, cancelled, expired, given up.
    pub other: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Endings { signed, denied, other } = self.endings;
        write!(
            formatter,
            "seed {}: {} events, {signed} signed, {denied} denied, {other} ended otherwise, \
             trace {}",
            self.seed, self.coverage.events, self.trace
        )?;
        for violation in &self.violations {
            write!(formatter, "\n  broken: {}\n    {}", violation.law, violation.seen)?;
        }
        Ok(())
    }
}
