//! What goes wrong, how often, and the count of how often it did: a run in which some fault or
//! write point was never hit has proven nothing about it.

use quorate_charter::{CertifiedEntry, EntryBody};
use quorate_identity::MotionId;
use quorate_machine::durable::{Table, Write};
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
    /// A disk spoils what it wrote last as its node dies, and takes a light commit back.
    Spoiled,
    /// A job is lost.
    JobLost,
    /// A node comes back from an old copy of its disk.
    RolledBack,
    /// A lying voter votes for nothing where it votes for a value.
    DoubleVote,
    /// A lying voter proposes, offers or votes for two values.
    TwoValues,
    /// A lying signer sends a wrong message of a session.
    SpoiledRound,
    /// A lying member deals falsely, or says that it prepared something else.
    SpoiledDeal,
    /// A clock runs ahead or behind.
    ClockSkew,
    /// A disk is lost, and another machine takes the node's seat.
    SeatTaken,
    /// A machine joins that was never there.
    MachineJoined,
}

impl Fault {
    /// All faults.
    pub const ALL: [Self; 19] = [
        Self::Lost,
        Self::Doubled,
        Self::Reordered,
        Self::Delayed,
        Self::Tampered,
        Self::Disconnected,
        Self::Partitioned,
        Self::CrashBeforeWrite,
        Self::CrashAfterWrite,
        Self::Spoiled,
        Self::JobLost,
        Self::RolledBack,
        Self::DoubleVote,
        Self::TwoValues,
        Self::SpoiledRound,
        Self::SpoiledDeal,
        Self::ClockSkew,
        Self::SeatTaken,
        Self::MachineJoined,
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

/// What comes about for keys, and for a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Milestone {
    /// New shares for the same tree were committed.
    Refreshed,
    /// Shares for another tree were committed.
    Reshared,
    /// An attempt was voided.
    Voided,
    /// A key was given whole to somebody: enough parts of one epoch were fetched.
    Given,
    /// Administrators refused that another domain takes over.
    Refused,
    /// Another domain takes over: all nodes stopped.
    Ceded,
    /// A node stood where the charter requires a later program than it runs.
    Outdated,
}

impl Milestone {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Refreshed,
        Self::Reshared,
        Self::Voided,
        Self::Given,
        Self::Refused,
        Self::Ceded,
        Self::Outdated,
    ];
}

/// A durable step of a node towards an epoch after the first, or of any that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EpochWrite {
    /// That it deals.
    Dealt,
    /// Its new shares.
    Prepared,
    /// That the epoch is made.
    Committed,
    /// That the attempt is void.
    Voided,
    /// That the epoch has signed.
    Proven,
    /// That shares are gone.
    Erased,
}

impl EpochWrite {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Dealt, Self::Prepared, Self::Committed, Self::Voided, Self::Proven, Self::Erased];

    /// Which step a write is.
    pub fn of(write: &Write) -> Option<Self> {
        let later = |at: usize| write.key.get(at..at + 8).is_some_and(|epoch| epoch != [0; 8]);
        match (write.table, &write.value, write.key.first()) {
            (Table::Share, Some(_), _) if later(32) => Some(Self::Prepared),
            (Table::Share, None, _) => Some(Self::Erased),
            (Table::EpochRecord, Some(_), Some(b'd')) if later(33) => Some(Self::Committed),
            (Table::EpochRecord, Some(_), Some(b'b')) if later(33) => Some(Self::Proven),
            (Table::EpochRecord, Some(_), Some(b'v')) => Some(Self::Voided),
            (Table::Attempt, Some(value), _) if write.key.starts_with(b"deal") => {
                (!value.starts_with(&[0; 8])).then_some(Self::Dealt)
            }
            _ => None,
        }
    }
}

/// How often everything was hit.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    /// Hits by fault.
    pub faults: BTreeMap<Fault, u64>,
    /// Crashes by table written and side.
    pub write_points: BTreeMap<(Table, Side), u64>,
    /// Crashes by step towards an epoch and side.
    pub epoch_writes: BTreeMap<(EpochWrite, Side), u64>,
    /// What came about.
    pub milestones: BTreeMap<Milestone, u64>,
    /// Entries placed in charters, by kind.
    pub placed: BTreeMap<&'static str, u64>,
    /// Announced motions that took effect, by kind.
    pub enacted: BTreeMap<&'static str, u64>,
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

    /// Whether the next crash at a write of this table falls before it: sides take turns, and
    /// worlds begin with either.
    pub fn is_turn(&self, table: Table, world: u64) -> bool {
        let met = |side| self.write_points.get(&(table, side)).copied().unwrap_or(0);
        (world + met(Side::Before) + met(Side::After)).is_multiple_of(2)
    }

    /// Counts a crash at these steps towards an epoch.
    pub fn hit_epoch(&mut self, writes: &[EpochWrite], side: Side) {
        for write in writes {
            *self.epoch_writes.entry((*write, side)).or_default() += 1;
        }
    }

    /// Counts how often something came about.
    pub fn reach(&mut self, milestone: Milestone, times: u64) {
        if times > 0 {
            *self.milestones.entry(milestone).or_default() += times;
        }
    }

    /// Adds another run's counts.
    pub fn add(&mut self, other: &Self) {
        for (fault, count) in &other.faults {
            *self.faults.entry(*fault).or_default() += count;
        }
        for (point, count) in &other.write_points {
            *self.write_points.entry(*point).or_default() += count;
        }
        for (point, count) in &other.epoch_writes {
            *self.epoch_writes.entry(*point).or_default() += count;
        }
        for (milestone, count) in &other.milestones {
            self.reach(*milestone, *count);
        }
        for (kind, count) in &other.placed {
            *self.placed.entry(kind).or_default() += count;
        }
        for (kind, count) in &other.enacted {
            *self.enacted.entry(kind).or_default() += count;
        }
        self.events += other.events;
    }

    /// Counts the entries of a charter, and what of them took effect after it was announced.
    pub fn place(&mut self, log: &[CertifiedEntry]) {
        let log = || log.iter().map(CertifiedEntry::entry);
        let motions = log().filter_map(|entry| match &entry.body {
            EntryBody::Motion(motion) => Some((motion.id(), entry.kind())),
            EntryBody::Enact(_) | EntryBody::Rejoin(_) => None,
        });
        let kinds: BTreeMap<MotionId, &'static str> = motions.collect();
        for entry in log() {
            *self.placed.entry(entry.kind()).or_default() += 1;
            if let EntryBody::Enact(motion) = &entry.body
                && let Some(kind) = kinds.get(motion)
            {
                *self.enacted.entry(kind).or_default() += 1;
            }
        }
    }

    /// Kinds of entries that were never placed.
    pub fn missed_kinds(&self, kinds: &[&'static str]) -> Vec<String> {
        let missed = kinds.iter().filter(|kind| !self.placed.contains_key(*kind));
        missed.map(|kind| format!("an entry of the kind {kind}")).collect()
    }

    /// Kinds that never took effect after they were announced.
    pub fn missed_enacted(&self, kinds: &[&'static str]) -> Vec<String> {
        let missed = kinds.iter().filter(|kind| !self.enacted.contains_key(*kind));
        missed.map(|kind| format!("an announced {kind} that takes effect")).collect()
    }

    /// Faults and write points of `tables` that were never hit.
    pub fn missed(&self, tables: &[Table]) -> Vec<String> {
        let faults = Fault::ALL.iter().filter(|fault| !self.faults.contains_key(fault));
        let faults = faults.map(|fault| format!("{fault:?}"));
        faults.chain(self.missed_writes(tables)).chain(self.missed_milestones()).collect()
    }

    /// What never came about, and steps towards epochs at which nobody died.
    fn missed_milestones(&self) -> Vec<String> {
        let made = Milestone::ALL.iter().filter(|it| !self.milestones.contains_key(it));
        let points =
            EpochWrite::ALL.iter().flat_map(|it| [(*it, Side::Before), (*it, Side::After)]);
        let missed = points.filter(|point| !self.epoch_writes.contains_key(point));
        let missed = missed.map(|(write, side)| format!("epoch {write:?} {side:?}"));
        made.map(|milestone| format!("{milestone:?}")).chain(missed).collect()
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
        for ((write, side), count) in &self.epoch_writes {
            writeln!(formatter, "  {count:>8}  crash {side:?} epoch step {write:?}")?;
        }
        for (milestone, count) in &self.milestones {
            writeln!(formatter, "  {count:>8}  {milestone:?}")?;
        }
        for (kind, count) in &self.placed {
            writeln!(formatter, "  {count:>8}  placed {kind}")?;
        }
        for (kind, count) in &self.enacted {
            writeln!(formatter, "  {count:>8}  after its wait {kind}")?;
        }
        Ok(())
    }
}
