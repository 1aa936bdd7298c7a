//! Who decides: the voters of now, and those of attempts that began under others (AGR-13).

use super::{KeyOrder, State};
use crate::agreement::{Instance, quorum};
use crate::epoch::AttemptPlan;
use quorate_identity::{Head, NodeId};
use std::collections::BTreeSet;

/// Voters, and how many of them may lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Electorate {
    era: u64,
    voters: BTreeSet<NodeId>,
    faults: usize,
}

impl Electorate {
    pub(super) fn new(era: u64, voters: BTreeSet<NodeId>, faults: usize) -> Self {
        Self { era, voters, faults }
    }

    /// The position of the entry that made them voters; 0 for the genesis.
    pub fn era(&self) -> u64 {
        self.era
    }

    /// Who votes, ascending.
    pub fn voters(&self) -> &BTreeSet<NodeId> {
        &self.voters
    }

    /// Whether a node votes.
    pub fn contains(&self, node: &NodeId) -> bool {
        self.voters.contains(node)
    }

    /// How many may lie.
    pub fn faults(&self) -> usize {
        self.faults
    }

    /// How many decide (AGR-01).
    pub fn quorum(&self) -> usize {
        quorum(self.voters.len(), self.faults)
    }

    /// Whether enough of them are among `nodes` to decide anything.
    pub fn is_quorate(&self, nodes: &BTreeSet<NodeId>) -> bool {
        self.voters.intersection(nodes).count() >= self.quorum()
    }

    /// Whether of any quorum of them more are among `nodes` than may lie, then or if `faults` may:
    /// what such a quorum certified is believed by whoever knows these nodes (AGR-13).
    pub fn is_believed_by(&self, nodes: &BTreeSet<NodeId>, faults: usize) -> bool {
        let gone = self.voters.difference(nodes).count();
        self.quorum().saturating_sub(gone) > self.faults.max(faults)
    }
}

impl State {
    /// Who decides about an instance: about a position the voters of the state before it, about an
    /// attempt those of its era.
    ///
    /// # Errors
    /// The era, if no entry that is known made voters there.
    pub fn electorate(&self, instance: &Instance) -> Result<&Electorate, u64> {
        match instance {
            Instance::Position(position) => Ok(self.electorate_at(position.saturating_sub(1))),
            Instance::Attempt { era, .. } => self.eras.get(era).map(AsRef::as_ref).ok_or(*era),
        }
    }

    /// The voters of now.
    pub fn electorate_now(&self) -> &Electorate {
        &self.electorate
    }

    /// The voters of the state at a position; of the newest where it lies beyond.
    pub fn electorate_at(&self, position: u64) -> &Electorate {
        self.eras.range(..=position).last().map_or(&self.electorate, |(_, electorate)| electorate)
    }

    /// Who decides about the next epoch of a key: the voters of when its newest was planned, or of
    /// when it was ordered, where it has none. Nothing while that head is not known here (AGR-13).
    pub fn electorate_for(
        &self,
        order: &KeyOrder,
        newest: Option<&AttemptPlan>,
    ) -> Option<&Electorate> {
        let ordered = self.position_of(&order.entry)?;
        let planned = newest.map_or(Some(ordered), |plan| self.position_of(&plan.head))?;
        Some(self.electorate_at(planned.max(ordered)))
    }

    /// The newest electorate that could decide nothing if only `nodes` were left, as the position
    /// that made it; nothing where all could.
    pub fn stranded_by(&self, nodes: &BTreeSet<NodeId>) -> Option<u64> {
        let mut newest = self.eras.values().rev();
        newest.find(|electorate| !electorate.is_quorate(nodes)).map(|it| it.era())
    }

    /// The position of the entry that last changed who the nodes are: admitted or revoked one, gave
    /// a seat to another machine, or changed who votes. 0 if none ever did.
    pub fn nodes_changed_at(&self) -> u64 {
        self.nodes_changed_at
    }

    /// Whether every key whose newest epoch was planned at `head` is owed another, without an order: a
    /// machine lost its place since, and whoever has it may have its shares and its vote (GOV-62,
    /// GOV-67); one came back, and what it was restored from lies somewhere (GOV-34); or more may lie
    /// than those who decided then took into account.
    pub fn owes_epochs_since(&self, head: &Head) -> bool {
        self.owed_since > self.position_of(head).unwrap_or_default()
    }
}
