//! 8. When faults heal, every session and ceremony ends: what is still open, in words.

use crate::people::{ask, requests};
use crate::world::World;
use quorate_client::contract::{EpochState, KeyState};
use quorate_identity::{Head, KeyId, NodeId};
use quorate_machine::call::{Call, View};
use std::collections::{BTreeMap, BTreeSet};

/// What has not ended yet; nothing when the world is at rest.
pub(crate) fn unsettled(world: &mut World) -> Vec<String> {
    let mut open = Vec::new();
    let mut heights: BTreeMap<KeyId, BTreeSet<u64>> = BTreeMap::new();
    let ids: Vec<NodeId> = world.hosts.keys().copied().collect();
    let heads: BTreeSet<Option<Head>> = ids
        .iter()
        .map(|id| world.hosts[id].node.as_ref().map(|node| node.state().head()))
        .collect();
    if heads.len() != 1 || heads.contains(&None) {
        open.push(format!("nodes stand at {} heads", heads.len()));
    }
    for id in &ids {
        let name = world.hosts[id].name.clone();
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
    let known: BTreeSet<_> = requests(world).into_iter().map(|view| view.request).collect();
    let lost = world.recorded().filter(|request| !known.contains(request));
    open.extend(lost.map(|request| format!("request {request} was recorded and is gone")));
    open
}
