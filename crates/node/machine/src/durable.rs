//! What a node makes durable: rows of named tables. The machine decides what is written and
//! when it must be safe; `quorate-store` makes it so, sealed. See `spec/node.md`.

use std::collections::BTreeMap;
use std::fmt;
use zeroize::Zeroizing;

/// The tables of a node. The number is part of the stored form and never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Table {
    /// Facts about the node itself: which domain it belongs to.
    Meta = 1,
    /// The node's incarnation.
    Incarnation = 2,
    /// Certified charter entries by position.
    Entry = 3,
    /// The node's own votes, per instance of agreement.
    Votes = 4,
    /// What this node saw of each peer: its incarnation and highest statements.
    Peer = 5,
    /// Certified epoch records by key and epoch.
    EpochRecord = 6,
    /// This node's secret shares by key, epoch and attempt.
    Share = 7,
    /// Secret set-ups by peer.
    Pair = 8,
    /// Quarantined peers, with the reason.
    Quarantine = 9,
    /// Motions that collect signatures or wait for a position.
    Motion = 10,
    /// Requests with everything collected about them.
    Request = 11,
    /// Attempts to sign, written before the node's last message.
    Attempt = 12,
    /// The audit trail.
    Audit = 13,
    /// The key pairs of the node.
    Identity = 14,
    /// Evidence against nodes.
    Evidence = 15,
    /// Who was proven guilty of what last.
    Guilt = 16,
    /// Backups that this node verified, by key, epoch and attempt.
    Backup = 17,
    /// What custodians' keys this node was shown to be held.
    Possession = 18,
    /// Drills of custodians, by recovery tree.
    Drill = 19,
    /// Keys of the domain before, by their ids there.
    Estate = 20,
    /// What this node deals of them, by the same ids, and what opens parts for it. Secret.
    Summand = 21,
    /// When this node stored what began the wait of an announced motion, by position.
    Heard = 22,
    /// Freezes that count, by their digests.
    Freeze = 23,
    /// Cessions that wait, by their digests, with when this node heard them.
    Cession = 24,
    /// This node's parts of keys that the charter gives to somebody, by entry, key, epoch and attempt.
    Export = 25,
}

impl Table {
    /// All tables.
    pub const ALL: [Self; 25] = [
        Self::Meta,
        Self::Incarnation,
        Self::Entry,
        Self::Votes,
        Self::Peer,
        Self::EpochRecord,
        Self::Share,
        Self::Pair,
        Self::Quarantine,
        Self::Motion,
        Self::Request,
        Self::Attempt,
        Self::Audit,
        Self::Identity,
        Self::Evidence,
        Self::Guilt,
        Self::Backup,
        Self::Possession,
        Self::Drill,
        Self::Estate,
        Self::Summand,
        Self::Heard,
        Self::Freeze,
        Self::Cession,
        Self::Export,
    ];

    /// Whether what a deleted or replaced row held must be gone for good, from old copies of the
    /// store too: secrets of epochs that are over (STO-12). Such rows cost more to write.
    pub fn is_erasable(self) -> bool {
        match self {
            Self::Share | Self::Pair | Self::Summand => true,
            Self::Meta
            | Self::Incarnation
            | Self::Entry
            | Self::Votes
            | Self::Peer
            | Self::EpochRecord
            | Self::Quarantine
            | Self::Motion
            | Self::Request
            | Self::Attempt
            | Self::Audit
            | Self::Identity
            | Self::Evidence
            | Self::Guilt
            | Self::Backup
            | Self::Possession
            | Self::Drill
            | Self::Estate
            | Self::Heard
            | Self::Freeze
            | Self::Cession
            | Self::Export => false,
        }
    }

    /// Whether a start reads its rows, and not only their keys. Backups and exports are long, and nothing
    /// follows from them but that they are there: they are read when somebody asks for them.
    pub fn is_read_at_start(self) -> bool {
        !matches!(self, Self::Backup | Self::Export)
    }

    /// The stored number.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The table with a stored number, if there is one.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.number() == number)
    }
}

/// One row as it is read back at a start. The value may be secret.
pub struct Record {
    /// Its table.
    pub table: Table,
    /// Its key within the table. Not secret.
    pub key: Vec<u8>,
    /// Its value; wiped when dropped. Empty where a start reads keys alone.
    pub value: Zeroizing<Vec<u8>>,
}

impl Record {
    /// A row as a start reads it: without its value where its key is all that counts.
    pub fn at_start(table: Table, key: Vec<u8>, value: Zeroizing<Vec<u8>>) -> Self {
        let value = if table.is_read_at_start() { value } else { Zeroizing::default() };
        Self { table, key, value }
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Record({:?}, {} bytes)", self.table, self.value.len())
    }
}

/// One change of a row.
pub struct Write {
    /// Its table.
    pub table: Table,
    /// Its key within the table. Not secret.
    pub key: Vec<u8>,
    /// The new value, or `None` to delete the row. Wiped when dropped.
    pub value: Option<Zeroizing<Vec<u8>>>,
}

impl Write {
    /// Puts a value.
    pub fn put(table: Table, key: impl Into<Vec<u8>>, value: Vec<u8>) -> Self {
        Self { table, key: key.into(), value: Some(Zeroizing::new(value)) }
    }

    /// Deletes a row.
    pub fn delete(table: Table, key: impl Into<Vec<u8>>) -> Self {
        Self { table, key: key.into(), value: None }
    }
}

/// What writes leave of each row that they change: its value, or that it is gone.
pub fn newest(writes: &[Write]) -> BTreeMap<(Table, &[u8]), Option<&[u8]>> {
    fn row(write: &Write) -> ((Table, &[u8]), Option<&[u8]>) {
        let value = write.value.as_ref().map(|value| value.as_slice());
        ((write.table, write.key.as_slice()), value)
    }
    writes.iter().map(row).collect()
}

impl fmt::Debug for Write {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.value.is_some() { "put" } else { "delete" };
        write!(formatter, "Write({verb} {:?})", self.table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// STO-12: what is secret beyond its epoch is erased for good, and nothing else: that costs more.
    #[test]
    fn sto_12_rows_with_shares_and_set_ups_are_erased_for_good() {
        let erased = Table::ALL.into_iter().filter(|table| table.is_erasable());
        assert_eq!(erased.collect::<Vec<_>>(), [Table::Share, Table::Pair, Table::Summand]);
    }
}
