//! Keys of a simulated domain are given whole: administrators order and end it, and whoever gets a key
//! shows the recovery key to nodes and asks for what they give.

use crate::governing::standpoint;
use crate::people::{People, ask};
use crate::world::World;
use quorate_backup::{Opener, SoftKey, SoftKind};
use quorate_charter::{MotionBody, Recipient};
use quorate_client::contract::{ExportView, KeyView};
use quorate_identity::{Head, Name, NodeId};
use quorate_machine::call::{Call, View};
use quorate_machine::event::Millis;
use quorate_testkit::exports::answer_to;
use quorate_testkit::founding::name;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many recovery keys there are in a world: each part for one is computed.
const HOLDERS_MAX: usize = 3;

/// How long people watch a part that is not made, in milliseconds.
const PATIENCE_MS: Millis = 60_000;

/// Who gets keys.
#[derive(Debug, Default)]
pub(crate) struct Giving {
    holders: Vec<Arc<SoftKey>>,
    /// Since when a node should have a part for an export.
    late: BTreeMap<(NodeId, Head), Millis>,
}

impl Giving {
    /// Whether nobody gets anything yet.
    pub(crate) fn is_to_nobody(&self) -> bool {
        self.holders.is_empty()
    }
}

impl People {
    /// Administrators give a key to somebody, or end that.
    pub(crate) fn give(&mut self, world: &mut World) {
        let Some((node, state)) = standpoint(world) else { return };
        let orders: Vec<_> = state.keys().collect();
        let Some(order) = orders.get(world.draw(orders.len() as u32) as usize) else { return };
        let name = order.name.clone();
        let recipient = match order.open_exports().next() {
            Some(_) if world.draw(2) == 0 => None,
            _ if self.giving.holders.len() >= HOLDERS_MAX => return,
            _ => Some(self.somebody(world)),
        };
        let body = MotionBody::KeyExport { name, recipient };
        self.move_motion_at(world, node, &body, &["ada", "cleo"]);
    }

    /// Somebody makes a recovery key.
    fn somebody(&mut self, world: &mut World) -> Recipient {
        let key = Arc::new(SoftKey::from_seed(SoftKind::X25519, &world.draw_digest().0));
        let public = key.public().to_bytes();
        world.checkers.holds(Arc::clone(&key));
        self.giving.holders.push(key);
        Recipient { name: name(&format!("gil-{}", self.giving.holders.len())), key: public }
    }

    /// Whoever gets keys shows all nodes the recovery key and asks for their parts.
    pub(crate) fn fetch_all(&mut self, world: &mut World) {
        let ids: Vec<NodeId> = world.hosts.keys().copied().collect();
        ids.into_iter().for_each(|node| self.fetch(world, node));
    }

    fn fetch(&mut self, world: &mut World, node: NodeId) {
        let Some(View::Custody(view)) = ask(world, node, Call::Custody) else { return };
        let answers = self.giving.holders.iter().filter_map(|key| {
            let answer = answer_to(&view, key)?;
            Some((key.public().id(), answer))
        });
        for (key, answer) in answers.collect::<Vec<_>>() {
            world.checkers.shows(node, key);
            self.call_at(world, node, "auditor", answer);
        }
        for (key, export) in open_exports(world, node) {
            let part = Call::ExportPart { key: key.key, export: export.entry };
            self.call_at(world, node, "auditor", part);
        }
    }

    /// In a healed world: recovery keys are shown to all, parts are fetched, and a node that could not
    /// make one is started again.
    pub(crate) fn finish_giving(&mut self, world: &mut World) {
        let ids: Vec<NodeId> = world.hosts.keys().copied().collect();
        let mut late = BTreeMap::new();
        for node in ids {
            self.fetch(world, node);
            for (_, export) in missing_parts(world, node) {
                let which = (node, export.entry);
                let since = self.giving.late.get(&which).copied().unwrap_or(world.now);
                late.insert(which, since);
            }
        }
        // Each start begins the wait anew after which a node stops for good.
        late.retain(|_, _| !world.is_succession_meant());
        let over = late.iter().find(|(_, since)| world.now >= **since + PATIENCE_MS);
        if let Some(node) = over.map(|((node, _), _)| *node) {
            late.retain(|(of, _), _| *of != node);
            world.switch_off(node);
        }
        self.giving.late = late;
    }
}

/// Exports of keys for which a node gives parts.
fn open_exports(world: &mut World, node: NodeId) -> Vec<(KeyView, ExportView)> {
    let Some(View::Keys(keys)) = ask(world, node, Call::Keys) else { return Vec::new() };
    let of = |key: KeyView| {
        let open = key.exports.clone().into_iter().filter(|export| export.is_open);
        open.map(move |export| (key.clone(), export))
    };
    keys.into_iter().flat_map(of).collect()
}

/// Those for which it has no part of the newest epoch, though it holds shares of it.
pub(crate) fn missing_parts(world: &mut World, node: NodeId) -> Vec<(Name, ExportView)> {
    let holds = |key: &KeyView, world: &World| {
        let record = world.checkers.record(&key.id, key.epoch);
        record.is_some_and(|record| record.plan.tree.parties().contains(&node))
    };
    let is_due = |export: &ExportView| !export.awaits.iter().any(|why| why.contains("no share"));
    let open = open_exports(world, node).into_iter();
    let missing = open.filter(|(key, export)| {
        export.epoch != Some(key.epoch) && is_due(export) && holds(key, world)
    });
    missing.map(|(key, export)| (key.key, export)).collect()
}
