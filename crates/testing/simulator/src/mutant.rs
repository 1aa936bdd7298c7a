//! Planted bugs. Each is what a careless change of the product would do, planted around the node
//! so that the product itself holds no switch for it. A simulator that misses one is broken.

use quorate_machine::durable::{Table, Write};

/// A bug that one host, or all of them, is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mutant {
    /// Votes are not made durable: after a crash a node votes again.
    ForgetsVotes,
    /// Frames leave before the writes under them are durable.
    SendsBeforeWriting,
    /// The random source begins anew at every start, as after a restored memory snapshot.
    RepeatsRandomness,
    /// Shares are not made durable before PREPARED is said.
    ForgetsShares,
    /// The node's clock stands still, so that a lease never ages.
    StopsItsClock,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::ForgetsVotes,
        Self::SendsBeforeWriting,
        Self::RepeatsRandomness,
        Self::ForgetsShares,
        Self::StopsItsClock,
    ];

    /// Whether this write gets lost.
    pub(crate) fn loses(self, write: &Write) -> bool {
        match self {
            Self::ForgetsVotes => write.table == Table::Votes,
            Self::ForgetsShares => write.table == Table::Share,
            Self::SendsBeforeWriting | Self::RepeatsRandomness | Self::StopsItsClock => false,
        }
    }

    /// The bug of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mutant| format!("{mutant:?}") == name)
    }
}
