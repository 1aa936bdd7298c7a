//! Who is alive, and which keys can sign.

use super::{role_view, standing_view};
use crate::event::Millis;
use crate::node::Node;
use crate::presence::Heard;
use quorate_access::Tree;
use quorate_charter::{AttemptPlan, KeyOrder};
use quorate_client::contract::{
    CeremonyPhase, KeyStatus, NodeStatus, PresignatureStock, ProgramView, Status,
};
use quorate_identity::{KeyId, Name, NodeId};
use std::collections::BTreeSet;

impl Node {
    /// The status, as this node sees the domain. What is missing is said by name.
    pub(crate) fn view_status(&self, now: u64) -> Status {
        let node = self.name_of(&self.me);
        let nodes = self.state.nodes().map(|node| self.node_status(node)).collect();
        Status {
            domain: self.state.domain().clone(),
            head: self.state.head(),
            position: self.state.position(),
            // A node is always one of its own charter.
            node: node.unwrap_or_else(|| self.state.domain().clone()),
            leased: self.may_sign(now),
            // The process around it knows.
            seal: None,
            attended: None,
            memory: None,
            outdated: self.outdated.clone(),
            lapsed: self.presence.lapse().map(|lapse| lapse.reason.clone()),
            halted: self.halted.clone(),
            successions: self.view_cessions(),
            nodes,
            keys: self.state.keys().map(|order| self.key_status(order, now)).collect(),
        }
    }

    fn node_status(&self, node: &quorate_charter::Node) -> NodeStatus {
        let heard = match node.id == self.me {
            true => Some(Heard { head: self.state.head(), position: self.state.position() }),
            false => self.presence.heard(&node.id),
        };
        NodeStatus {
            name: node.name.clone(),
            role: role_view(node.role),
            standing: standing_view(node.standing),
            program: self.program_of(&node.id).map(|program| ProgramView {
                version: program.version.to_string(),
                digest: program.digest,
            }),
            alive: node.id == self.me || self.presence.is_here(&node.id),
            absent_since_ms: self.presence.absent_since(&node.id),
            head: heard.map(|heard| heard.head),
            lag: heard.map(|heard| self.state.position().saturating_sub(heard.position)),
            quarantined: self.pairs.quarantined().get(&node.id).cloned(),
            sessions: self.sessions.figures.of(&node.id),
        }
    }

    fn key_status(&self, order: &KeyOrder, now: Millis) -> KeyStatus {
        let present = self.present();
        let pairs = self.pairs.quarantined();
        let may_sign = |node: &&NodeId| self.state.is_signing(node) && !pairs.contains_key(node);
        let signers: BTreeSet<NodeId> = present.iter().filter(may_sign).copied().collect();
        let mut missing = Vec::new();
        let book = self.keys.book(&order.key);
        let plan = book.and_then(|book| book.record()).map(|record| &record.plan);
        let last = order.last_sharing().map(|sharing| &sharing.tree);
        if order.retired {
            missing.push("the key is retired for ever".to_owned());
        }
        match book {
            Some(book) if book.is_active() => {}
            Some(book) if book.current().is_some() => {
                missing.push("the key's birth signature".to_owned());
            }
            _ => {
                missing.push("the key is not made yet".to_owned());
                let members = last.map(Tree::parties).unwrap_or_default();
                let absent = members.iter().filter(|node| !present.contains(node));
                missing.extend(texts(self.names_of(absent)));
                let unshown = texts(self.unshown_custodians());
                missing.extend(unshown.map(|name| {
                    format!("the custodian {name}, who has not shown that the recovery key is held")
                }));
            }
        }
        let tree = plan.map(|plan| &plan.tree).or(last);
        let holders = plan.map(AttemptPlan::members);
        let able: BTreeSet<NodeId> = match &holders {
            Some(holders) => signers.intersection(holders).copied().collect(),
            None => signers,
        };
        if let Some(lacking) = tree.and_then(|tree| tree.missing_for(&able)) {
            missing.extend(texts(self.names_of(&lacking.parties())));
            let members = tree.map(Tree::parties).unwrap_or_default();
            let apart = pairs.iter().filter(|(node, _)| members.contains(node));
            missing.extend(apart.filter_map(|(node, why)| {
                Some(format!("the pair with {} is quarantined: {why}", self.name_of(node)?))
            }));
        }
        let voters = self.state.voters();
        if voters.keys().filter(|voter| present.contains(voter)).count() < self.state.quorum() {
            let absent = voters.keys().filter(|voter| !present.contains(voter));
            missing.extend(texts(self.names_of(absent)));
        }
        if self.abstains().is_some() {
            missing.push("the node that answers, which abstains".to_owned());
        }
        if let Some(freeze) = self.freezes.of_key(&order.key) {
            let by = self.state.person(&freeze.by).map(|person| person.name.to_string());
            let by = by.unwrap_or_else(|| freeze.by.to_string());
            missing.push(format!("a thaw: {by} froze it ({})", freeze.reason));
        }
        let mut said = BTreeSet::new();
        missing.retain(|text| said.insert(text.clone()));
        let notes = if order.retired { Vec::new() } else { self.key_notes(order, now) };
        KeyStatus {
            name: order.name.clone(),
            can_sign: missing.is_empty(),
            missing,
            notes,
            epoch: plan.map(|plan| plan.epoch),
            oldest_epoch_ms: self.oldest_epoch(&order.key),
            refresh_overdue_ms: self.overdue_ms(order, now).unwrap_or_default(),
            backup_holds: None,
            presignatures: self.view_stock(&order.key),
        }
    }

    fn view_stock(&self, key: &KeyId) -> Option<PresignatureStock> {
        let stock = &self.sessions.stock;
        let most = stock.asked.get(key).copied()?;
        Some(PresignatureStock { ready: stock.of(key, &self.me), most })
    }

    /// Who is absent and what that means, what waits, and what is overdue (EPO-21).
    fn key_notes(&self, order: &KeyOrder, now: Millis) -> Vec<String> {
        let exported = order.exports.iter().map(|export| {
            let (to, at) = (&export.recipient.name, export.position);
            let open = if export.is_open() { "; nodes still give their parts of it" } else { "" };
            format!("it was given whole to {to} at entry {at}, who can sign alone, for ever{open}")
        });
        let mut notes: Vec<String> = exported.collect();
        let Some(book) = self.keys.book(&order.key) else { return notes };
        if let Some(plan) = book.record().map(|record| &record.plan) {
            let here = self.present();
            let absent = plan.committee.iter().filter(|node| !here.contains(node));
            for node in absent {
                let Some(name) = self.name_of(node) else { continue };
                let rest: BTreeSet<NodeId> = plan.members().intersection(&here).copied().collect();
                let means = match (1..=usize::from(u8::MAX))
                    .take_while(|losses| plan.tree.survives(&rest, *losses))
                    .count()
                {
                    0 if !plan.tree.satisfied(&rest) => "no quorum is left".to_owned(),
                    0 => "the loss of one more stops signing".to_owned(),
                    more => format!("the loss of {more} more is survived"),
                };
                let since = self.presence.absent_since(node);
                let since = since.map(|at| format!(" since {} s", now.saturating_sub(at) / 1_000));
                notes.push(format!("{name} is absent{}: {means}", since.unwrap_or_default()));
            }
            for node in plan.tree.parties().difference(&plan.members()) {
                let Some(name) = self.name_of(node) else { continue };
                notes.push(format!(
                    "{name} has no share of epoch {}: it gets one with the next refresh",
                    plan.epoch
                ));
            }
            let custody = self.state.custody_digest();
            if book.is_active() && !book.record().is_some_and(|it| it.is_backed_up_for(&custody)) {
                let unshown = texts(self.unshown_custodians()).collect::<Vec<_>>().join(", ");
                let waits = match unshown.is_empty() {
                    true => String::new(),
                    false => format!("; {unshown} has not shown this node the recovery key"),
                };
                notes.push(format!("its backup is for custodians who were replaced{waits}"));
            }
            if let Some(late) = self.overdue_ms(order, now) {
                notes.push(format!("its refresh is overdue by {} s", late / 1_000));
            }
        }
        if !book.is_settled() && book.current().is_some_and(|current| current.number() > 0) {
            notes.push("shares of the epoch before are kept: the new one is not safe yet".into());
        }
        if let Some(outlook) = self.outlook(&order.key, now) {
            let missing = texts(self.names_of(&outlook.missing)).collect::<Vec<_>>().join(", ");
            let epoch = book.next_epoch();
            let waits = match missing.is_empty() {
                _ if outlook.phase == CeremonyPhase::Importer => ", waits for its importer".into(),
                true => String::new(),
                false => format!(", waits for {missing}"),
            };
            notes.push(format!("epoch {epoch} is being made, attempt {}{waits}", outlook.attempt));
        }
        notes
    }

    /// Nodes that are here: those with a channel whose incarnation was recognised, and this node
    /// unless it abstains.
    fn present(&self) -> BTreeSet<NodeId> {
        let nodes = self.state.nodes();
        let here = |node: &NodeId| match *node == self.me {
            true => self.abstains().is_none(),
            false => self.presence.is_here(node),
        };
        nodes.map(|node| node.id).filter(here).collect()
    }
}

fn texts(names: Vec<Name>) -> impl Iterator<Item = String> {
    names.into_iter().map(|name| name.to_string())
}
