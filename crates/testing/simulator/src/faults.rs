//! What goes wrong, how often, and the count of how often it did: a run in which some fault or
//! write point was never hit has proven nothing about it.

use quorate_machine::durable::Table;
use std::collections::BTreeMap;
use std::fmt;

/// Something that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// A frame is lost.
    Lost,
    /// A frame arrives twice.
    Doubled,
    /// A frame overtakes an earlier one.
    Reordered,
    /// A frame is late by seconds.
    Delayed,
    /// A frame is altered on the way; the channel notices and breaks.
    Tampered,
    /// A channel breaks.
    Disconnected,
    /// A group of nodes cannot reach the others for a while.
    Partitioned,
    /// A node dies before its writes are durable.
    CrashBeforeWrite,
    /// A node dies after its writes, before anything left.
    CrashAfterWrite,
    /// A job is lost.
    JobLost,
    /// A node comes back from an old copy of its disk.
    RolledBack,
    /// A lying voter sends two votes for one slot.
    DoubleVote,
    /// A lying signer sends a wrong message of a session.
    SpoiledRound,
    /// A clock runs ahead or behind.
    ClockSkew,
}

impl Fault {
    /// All faults.
    pub const ALL: [Self; 14] = [
        Self::Lost,
        Self::Doubled,
        Self::Reordered,
        Self::Delayed,
        Self::Tampered,
        Self::Disconnected,
        Self::Partitioned,
        Self::CrashBeforeWrite,
        Self::CrashAfterWrite,
        Self::JobLost,
        Self::RolledBack,
        Self::DoubleVote,
        Self::SpoiledRound,
        Self::ClockSkew,
    ];
}

/// Which side of a durable write a crash fell on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The writes were lost.
    Before,
    /// The writes are there; nothing left the node.
    After,
}

/// How often everything was hit.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    /// Hits by fault.
    pub faults: BTreeMap<Fault, u64>,
    /// Crashes by table written and side.
    pub write_points: BTreeMap<(Table, Side), u64>,
    /// Events handled.
    pub events: u64,
}

impl Coverage {
    /// Counts a fault.
    pub fn hit(&mut self, fault: Fault) {
        *self.faults.entry(fault).or_default() += 1;
    }

    /// Counts a crash at a write.
    pub fn hit_write(&mut self, table: Table, side: Side) {
        *self.write_points.entry((table, side)).or_default() += 1;
    }

    /// Adds another run's counts.
    pub fn add(&mut self, other: &Self) {
        for (fault, count) in &other.faults {
            *self.faults.entry(*fault).or_default() += count;
        }
        for (point, count) in &other.write_points {
            *self.write_points.entry(*point).or_default() += count;
        }
        self.events += other.events;
    }

    /// Faults and write points of `tables` that were never hit.
    pub fn missed(&self, tables: &[Table]) -> Vec<String> {
        let faults = Fault::ALL.iter().filter(|fault| !self.faults.contains_key(fault));
        let faults = faults.map(|fault| format!("{fault:?}"));
        faults.chain(self.missed_writes(tables)).collect()
    }

    /// Write points of `tables` that were never hit.
    pub fn missed_writes(&self, tables: &[Table]) -> Vec<String> {
        let points =
            tables.iter().flat_map(|table| [(*table, Side::Before), (*table, Side::After)]);
        let missed = points.filter(|point| !self.write_points.contains_key(point));
        missed.map(|(table, side)| format!("{table:?} {side:?}")).collect()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{} events", self.events)?;
        for (fault, count) in &self.faults {
            writeln!(formatter, "  {count:>8}  {fault:?}")?;
        }
        for ((table, side), count) in &self.write_points {
            writeln!(formatter, "  {count:>8}  crash {side:?} write of {table:?}")?;
        }
        Ok(())
    }
}
