//! Planted bugs. Each is what a careless change of the product would do, planted around the node
//! so that the product itself holds no switch for it. A simulator that misses one is broken.

use crate::disk::Disk;
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
    /// Backups are verified and not kept.
    ForgetsBackups,
    /// Shares of an epoch are destroyed as soon as the next one is decided, before it has signed.
    ErasesAtCommit,
    /// Shares of a voided attempt stay.
    KeepsVoidedShares,
    /// Shares of epochs that are over stay.
    KeepsOldShares,
    /// The node's clock stands still, so that a lease never ages.
    StopsItsClock,
    /// Freezes are answered and not made durable.
    ForgetsFreezes,
    /// When an announcement was heard is written down as long ago.
    BackdatesAnnouncements,
    /// Cessions are answered and not made durable.
    ForgetsCessions,
    /// The delay of a cession begins anew at every start.
    ProlongsCessions,
    /// Parts of exported keys are given and not made durable.
    ForgetsParts,
    /// A node says that it runs the release that is required, and does not.
    ClaimsANewerProgram,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::ForgetsVotes,
        Self::SendsBeforeWriting,
        Self::RepeatsRandomness,
        Self::ForgetsShares,
        Self::ForgetsBackups,
        Self::StopsItsClock,
        Self::ErasesAtCommit,
        Self::KeepsVoidedShares,
        Self::KeepsOldShares,
        Self::ForgetsFreezes,
        Self::BackdatesAnnouncements,
        Self::ForgetsCessions,
        Self::ProlongsCessions,
        Self::ForgetsParts,
        Self::ClaimsANewerProgram,
    ];

    /// What becomes of the writes of a commit.
    pub(crate) fn bend(self, writes: &mut Vec<Write>, disk: &Disk) {
        let is_about = |write: &Write, kind: u8| {
            write.table == Table::EpochRecord
                && write.value.is_some()
                && write.key.first() == Some(&kind)
        };
        let voids = writes.iter().any(|write| is_about(write, b'v'));
        if self == Self::ErasesAtCommit {
            let made: Vec<Vec<u8>> = writes
                .iter()
                .filter(|write| is_about(write, b'd'))
                .filter_map(|write| write.key.get(1..41).map(<[u8]>::to_vec))
                .collect();
            let is_earlier = |row: &[u8]| {
                made.iter().any(|made| row.starts_with(&made[..32]) && row < &made[..])
            };
            let old = disk.rows(Table::Share).filter(|(row, _)| is_earlier(row));
            writes.extend(old.map(|(row, _)| Write::delete(Table::Share, row)));
        }
        if self == Self::BackdatesAnnouncements {
            let heard =
                writes.iter_mut().filter(|it| it.table == Table::Heard && it.value.is_some());
            heard
                .for_each(|write| *write = Write::put(Table::Heard, write.key.clone(), vec![0; 8]));
        }
        if self == Self::ProlongsCessions {
            // the time ends the row, in nine bytes; one that is yet to come is taken for now
            let rows = writes.iter_mut().filter(|it| it.table == Table::Cession);
            for row in rows.filter_map(|write| write.value.as_mut()) {
                let tail = row.len().saturating_sub(8);
                row.splice(tail.., (u64::MAX / 2).to_be_bytes());
            }
        }
        writes.retain(|write| {
            let erases = write.table == Table::Share && write.value.is_none();
            let stays = match self {
                Self::KeepsVoidedShares => erases && voids,
                Self::KeepsOldShares => erases && !voids,
                _ => false,
            };
            !stays && !self.loses(write)
        });
    }

    /// Whether this write gets lost.
    fn loses(self, write: &Write) -> bool {
        match self {
            Self::ForgetsVotes => write.table == Table::Votes,
            Self::ForgetsShares => write.table == Table::Share,
            Self::ForgetsBackups => write.table == Table::Backup,
            Self::ForgetsFreezes => write.table == Table::Freeze,
            Self::ForgetsCessions => write.table == Table::Cession,
            Self::ForgetsParts => write.table == Table::Export,
            Self::SendsBeforeWriting
            | Self::RepeatsRandomness
            | Self::StopsItsClock
            | Self::ErasesAtCommit
            | Self::KeepsVoidedShares
            | Self::KeepsOldShares
            | Self::BackdatesAnnouncements
            | Self::ProlongsCessions
            | Self::ClaimsANewerProgram => false,
        }
    }

    /// The bug of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mutant| format!("{mutant:?}") == name)
    }
}
