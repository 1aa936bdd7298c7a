//! Changes of nodes (GOV-64 to GOV-69).

use super::State;
use super::roster::{Node, Roster};
use crate::enrolment::SignedEnrolment;
use crate::limits::{NODE_CHANGES_MAX, NODES_MAX};
use crate::motion::{Declaration, MotionBody, NodeChange, NodesChange, NodesError};
use quorate_identity::{Name, NodeId};
use std::collections::BTreeSet;

impl State {
    /// Who the nodes are after a change; refuses what must not be.
    pub(super) fn changed_nodes(&self, change: &NodesChange) -> Result<Roster, NodesError> {
        let names = change.names();
        let is_ordered = names.is_sorted_by(|left, right| left < right);
        let is_empty = names.is_empty() && change.faults.is_none();
        if !is_ordered || is_empty || names.len() > NODE_CHANGES_MAX {
            return Err(NodesError::Changes);
        }
        let mut roster = (*self.roster).clone();
        let mut known = self.known_points();
        for one in &change.changes {
            match one {
                NodeChange::Admit { enrolment, declared, standing } => {
                    self.check_admission(&roster, enrolment, &mut known)?;
                    check_declared(&enrolment.body().name, declared)?;
                    let (id, body) = (enrolment.id(), enrolment.body());
                    let node = Node::of(id, body, *standing, declared.clone(), self.head());
                    roster.nodes.insert(id, node);
                }
                NodeChange::Stand { name, standing } => {
                    let node = roster.node_mut(name)?;
                    if std::mem::replace(&mut node.standing, *standing) == *standing {
                        return Err(NodesError::Same(name.clone()));
                    }
                }
                NodeChange::Revoke { name } => {
                    let id = roster.node_mut(name)?.id;
                    roster.revoke_node(&id, self.position());
                }
                NodeChange::Declare { name, declared } => {
                    check_declared(name, declared)?;
                    let node = roster.node_mut(name)?;
                    if node.declared == *declared {
                        return Err(NodesError::Same(name.clone()));
                    }
                    node.declared = declared.clone();
                }
            }
        }
        roster.count_voters();
        if let Some(faults) = change.faults {
            roster.faults = usize::from(faults);
        }
        self.check_nodes_after(&roster)?;
        Ok(roster)
    }

    /// A name and keys that nobody has or had, and an enrolment by whoever holds them (N-27).
    fn check_admission(
        &self,
        roster: &Roster,
        enrolment: &SignedEnrolment,
        known: &mut BTreeSet<Vec<u8>>,
    ) -> Result<(), NodesError> {
        let body = enrolment.body();
        let name = || body.name.clone();
        let verified = enrolment.verify_own();
        verified.map_err(|error| NodesError::Enrolment { name: name(), error })?;
        let custodies = self.announced().filter_map(|it| match &it.motion.body {
            MotionBody::CustodySet { custody, .. } => Some(custody),
            _ => None,
        });
        let mut custodies = custodies.chain([self.custody()]);
        let is_custodians = custodies.any(|custody| custody.named(&body.name).is_some());
        if is_custodians || !roster.is_free(&body.name) {
            return Err(NodesError::NameTaken(name()));
        }
        let keys = [body.keys.statement(), body.keys.transport(), body.keys.sealed()];
        match keys.into_iter().all(|key| known.insert(key.to_vec())) {
            true => Ok(()),
            false => Err(NodesError::KeyTaken(name())),
        }
    }

    /// What holds of all nodes together: lies are borne, and what is under way can be decided. What
    /// it means for keys, those see who know their epochs (GOV-66).
    fn check_nodes_after(&self, roster: &Roster) -> Result<(), NodesError> {
        if roster.nodes.len() > NODES_MAX {
            return Err(NodesError::TooMany);
        }
        let (voters, faults) = (roster.voters.len(), roster.faults);
        // To lose a voter is no reason to bear fewer lies; to bear more needs as many as at a
        // founding.
        let needed = if faults > self.faults() { 3 * faults + 1 } else { 2 * faults + 1 };
        if voters < needed {
            return Err(NodesError::Faults { voters, faults, needed });
        }
        let before = self.electorate_now();
        let stays = |node: &&NodeId| roster.voters.contains_key(*node);
        let leaving = before.voters().iter().filter(|node| !stays(node)).count();
        let most = before.voters().len() - before.quorum();
        if leaving > most { Err(NodesError::Leaving { leaving, most }) } else { Ok(()) }
    }

    /// Who would vote, and who would sign, after a change that holds: for those who know the epochs
    /// of keys. Nothing where it does not hold.
    pub fn nodes_after(
        &self,
        change: &NodesChange,
    ) -> Option<(BTreeSet<NodeId>, BTreeSet<NodeId>)> {
        let roster = self.changed_nodes(change).ok()?;
        let signing = roster.nodes.values().filter(|node| node.signs()).map(|node| node.id);
        Some((roster.voters.keys().copied().collect(), signing.collect()))
    }
}

fn check_declared(name: &Name, declared: &Declaration) -> Result<(), NodesError> {
    if declared.is_plain() { Ok(()) } else { Err(NodesError::Declaration(name.clone())) }
}

impl Roster {
    fn node_mut(&mut self, name: &Name) -> Result<&mut Node, NodesError> {
        let node = self.nodes.values_mut().find(|node| node.name == *name);
        node.ok_or_else(|| NodesError::Unknown(name.clone()))
    }
}
