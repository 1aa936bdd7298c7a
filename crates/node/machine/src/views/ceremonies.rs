//! What is under way for keys, as callers see it.

use super::unknown_key;
use crate::ceremonies::KeyBook;
use crate::event::Millis;
use crate::node::Node;
use quorate_charter::KeyOrder;
use quorate_client::contract::{
    CeremonyKind, CeremonyNode, CeremonyPhase, CeremonyView, ErrorBody,
};
use quorate_identity::{Name, NodeId};

impl Node {
    /// Everything that is under way, by key.
    pub(crate) fn view_ceremonies(&self, now: Millis) -> Vec<CeremonyView> {
        let mut views: Vec<CeremonyView> =
            self.state.keys().filter_map(|order| self.ceremony_view(order, now)).collect();
        views.sort_by(|left, right| left.key.cmp(&right.key));
        views
    }

    /// What is under way for one key, if anything is.
    pub(crate) fn view_ceremony(
        &self,
        name: &Name,
        now: Millis,
    ) -> Result<Vec<CeremonyView>, ErrorBody> {
        let order = self.state.key_named(name).ok_or_else(unknown_key)?;
        Ok(self.ceremony_view(order, now).into_iter().collect())
    }

    fn ceremony_view(&self, order: &KeyOrder, now: Millis) -> Option<CeremonyView> {
        let book = self.keys.book(&order.key)?;
        match self.outlook(&order.key, now) {
            Some(outlook) => {
                let before = book.record().map(|record| &record.plan.tree);
                let kind = match before {
                    None if order.is_imported() => CeremonyKind::Import,
                    None if order.origin.is_some() => CeremonyKind::Restore,
                    None => CeremonyKind::Generate,
                    Some(tree) if *tree == outlook.tree => CeremonyKind::Refresh,
                    Some(_) => CeremonyKind::Reshare,
                };
                let node = |id: &NodeId| CeremonyNode {
                    node: self.name_of(id).unwrap_or_else(|| order.name.clone()),
                    alive: *id == self.me || self.presence.is_here(id),
                    deals: outlook.dealers.contains(id),
                    receives: outlook.receivers.contains(id),
                    phase: outlook.phase_of(id).to_owned(),
                };
                Some(CeremonyView {
                    key: order.name.clone(),
                    kind,
                    epoch: book.next_epoch(),
                    attempt: outlook.attempt,
                    phase: outlook.phase,
                    access: self.named(&outlook.tree)?,
                    nodes: outlook.nodes.iter().map(node).collect(),
                    missing: self.names_of(&outlook.missing),
                    last_failure: book.last_failure().map(str::to_owned),
                    evidence: self.evidence_about(&order.key, book.next_epoch()),
                })
            }
            None => self.ending_view(order, book),
        }
    }

    /// An epoch that is made, while the one before it is still kept.
    fn ending_view(&self, order: &KeyOrder, book: &KeyBook) -> Option<CeremonyView> {
        let current = book.current().filter(|_| !book.is_settled() && !order.retired)?;
        let plan = &current.record.plan;
        let kind = match plan.epoch {
            0 if plan.import().is_some() => CeremonyKind::Import,
            0 if plan.restore().is_some() => CeremonyKind::Restore,
            0 => CeremonyKind::Generate,
            _ if book.is_reshared() => CeremonyKind::Reshare,
            _ => CeremonyKind::Refresh,
        };
        let node = |id: NodeId| CeremonyNode {
            node: self.name_of(&id).unwrap_or_else(|| order.name.clone()),
            alive: id == self.me || self.presence.is_here(&id),
            deals: plan.dealers.contains(&id),
            receives: plan.committee.contains(&id),
            phase: match current.committed.contains_key(&id) {
                true => "committed".to_owned(),
                false => "prepared".to_owned(),
            },
        };
        let silent = plan.committee.iter().filter(|id| !current.committed.contains_key(id));
        let silent: Vec<NodeId> = silent.copied().collect();
        Some(CeremonyView {
            key: order.name.clone(),
            kind,
            epoch: plan.epoch,
            attempt: plan.attempt,
            phase: CeremonyPhase::Ending,
            access: self.named(&plan.tree)?,
            nodes: plan.participants().into_iter().map(node).collect(),
            missing: self.names_of(&silent),
            last_failure: None,
            evidence: self.evidence_about(&order.key, plan.epoch),
        })
    }
}
