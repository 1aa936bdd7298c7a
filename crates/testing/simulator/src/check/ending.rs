//! 8. When faults heal, every session and ceremony ends, every motion is decided, and all stand at
//!    one head, with every key backed up for the custodians of now: what is still open, in words.

use crate::ceding::shown_cessions;
use crate::giving::missing_parts;
use crate::governing::{freezes, motions, nodes};
use crate::people::{ask, requests};
use crate::world::World;
use quorate_charter::{Standing, State};
use quorate_client::contract::{EpochState, KeyState, MotionState};
use quorate_identity::{Head, KeyId, NodeId};
use quorate_machine::call::{Call, View};
use std::collections::{BTreeMap, BTreeSet};

/// What has not ended yet; nothing when the world is at rest.
pub(crate) fn unsettled(world: &mut World) -> Vec<String> {
    let mut open = Vec::new();
    let mut heights: BTreeMap<KeyId, BTreeSet<u64>> = BTreeMap::new();
    let newest = world.checkers.newest();
    // Who was thrown out is not waited for.
    let ids = nodes(world);
    let heads: BTreeSet<Option<Head>> = ids
        .iter()
        .map(|id| world.hosts[id].node.as_ref().map(|node| node.state().head()))
        .collect();
    if heads.len() != 1 || heads.contains(&None) {
        open.push(format!("nodes stand at {} heads", heads.len()));
    }
    for id in &ids {
        let name = world.hosts[id].name.clone();
        let frozen = freezes(world, *id);
        open.extend(world.checkers.forgotten(*id, &frozen));
        open.extend(frozen.iter().map(|it| format!("at {name} {} is frozen", it.freeze)));
        let ceded = shown_cessions(world, *id, true);
        open.extend(ceded.iter().map(|it| format!("at {name} the cession {} waits", it.cession)));
        open.extend(undecided(world, *id).map(|it| format!("at {name} {it}")));
        if newest.node(id).is_some_and(|node| node.standing == Standing::Waits) {
            continue;
        }
        match ask(world, *id, Call::Status) {
            Some(View::Status(status)) if status.leased => {}
            _ => {
                let reason = world.hosts[id].node.as_ref().and_then(|node| node.abstains());
                let why = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
                open.push(format!("{name} holds no lease{why}"));
            }
        }
        let Some(View::Keys(keys)) = ask(world, *id, Call::Keys) else { continue };
        for key in keys.iter().filter(|key| key.state != KeyState::Active) {
            open.push(format!("at {name} key {} is {:?}", key.key, key.state));
        }
        for key in keys {
            heights.entry(key.id).or_default().insert(key.epoch);
            let epochs = ask(world, *id, Call::Epochs(key.key.clone()));
            let Some(View::Epochs(epochs)) = epochs else { continue };
            for epoch in epochs.iter().filter(|epoch| epoch.state == EpochState::Kept) {
                open.push(format!("at {name} epoch {} of {} is not over", epoch.epoch, key.key));
            }
        }
        if let Some(View::Ceremonies(views)) = ask(world, *id, Call::Ceremonies) {
            for view in views {
                open.push(format!(
                    "at {name} epoch {} of {} is {:?} in attempt {}, missing {:?}: {:?}",
                    view.epoch, view.key, view.phase, view.attempt, view.missing, view.last_failure
                ));
            }
        }
        for (key, export) in missing_parts(world, *id) {
            let (who, why) = (export.recipient, export.awaits.unwrap_or_default());
            open.push(format!("at {name} the part of {key} for {who} is not ready: {why}"));
        }
        let Some(View::Requests(views)) = ask(world, *id, Call::Requests { state: None }) else {
            continue;
        };
        for view in views.iter().filter(|view| !view.state.is_terminal()) {
            open.push(format!("at {name} request {} is {:?}", view.request, view.state));
        }
    }
    let apart = heights.iter().filter(|(_, epochs)| epochs.len() > 1);
    open.extend(apart.map(|(key, epochs)| format!("key {key} is in epochs {epochs:?}")));
    open.extend(world.checkers.left_over());
    open.extend(world.checkers.not_backed_up());
    open.extend(lost_requests(world, &newest));
    // Some answer came after what it was about was refused.
    world.people.governing.follow(&newest, world.now);
    open.extend(world.people.governing.lost(&newest));
    open
}

/// What hinders that a domain is over whose guardians meant it: who still goes on, and what those that
/// stopped do not show any more.
pub(crate) fn going_on(world: &mut World) -> Vec<String> {
    let newest = world.checkers.newest();
    let is_vacant = |id: &NodeId| world.vacant.as_ref().is_some_and(|it| it.node == *id);
    let ids: Vec<NodeId> = nodes(world).into_iter().filter(|id| !is_vacant(id)).collect();
    let mut open = Vec::new();
    for id in ids {
        let (ceded, frozen) = (shown_cessions(world, id, true), freezes(world, id));
        let node = world.hosts[&id].node.as_ref();
        if node.is_none_or(|node| node.halted().is_none()) {
            open.push(format!("{id} was told of {} cessions, and goes on", ceded.len()));
        }
        open.extend(world.checkers.forgotten(id, &frozen));
    }
    open.extend(lost_requests(world, &newest));
    open
}

/// Requests that a node said it recorded, and that no node knows.
fn lost_requests(world: &mut World, newest: &State) -> Vec<String> {
    let known: BTreeSet<_> = requests(world).into_iter().map(|view| view.request).collect();
    let lost = world.recorded(newest).filter(|request| !known.contains(request));
    lost.map(|request| format!("request {request} was recorded and is gone")).collect()
}

/// Motions that a node shows as open.
fn undecided(world: &mut World, node: NodeId) -> impl Iterator<Item = String> {
    let open = motions(world, node).into_iter().filter(|view| match view.state {
        MotionState::Collecting
        | MotionState::Deciding
        | MotionState::Announced
        | MotionState::Objected => true,
        MotionState::Withdrawn
        | MotionState::Enacted
        | MotionState::Superseded
        | MotionState::Expired => false,
    });
    open.map(|it| {
        let why = it.waits_for.map(|why| format!(": {why}")).unwrap_or_default();
        format!("motion {} ({}, {:?}) is {:?}{why}", it.motion, it.kind, it.due_ms, it.state)
    })
}
