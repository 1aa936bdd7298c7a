//! What stories begin with: domains whose keys were made in a calm world, once for all seeds.

use crate::disk::Disk;
use crate::people;
use crate::world::{Story, World, schemes};
use quorate_identity::{NodeId, Scheme};
use quorate_machine::durable::{Table, Write};
use quorate_machine::estate::take_up;
use quorate_machine::event::Millis;
use quorate_testkit::estate::LostKey;
use quorate_testkit::founding::{Founding, Shape};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// How old the world is when a story begins: later than everything that made it ready.
pub const AGE_MS: Millis = 60 * 60_000;

type Beginning = (Arc<Founding>, BTreeMap<NodeId, Disk>);

static BEGINNINGS: LazyLock<Mutex<BTreeMap<Story, Beginning>>> = LazyLock::new(Default::default);

/// The domain of a story and everybody's disk.
///
/// # Panics
/// A calm world cannot make its keys.
pub(crate) fn world(story: Story) -> Beginning {
    let mut beginnings = BEGINNINGS.lock().unwrap_or_else(PoisonError::into_inner);
    let (founding, disks) = beginnings.entry(story).or_insert_with(|| make(story));
    (Arc::clone(founding), disks.clone())
}

/// The two signers that are cut off where a policy is withheld from them.
pub(crate) fn isolated(founding: &Founding) -> Vec<NodeId> {
    ["node-1", "node-2"].map(|name| founding.node(name)).to_vec()
}

/// Two signers have lost their pair set-up and must make it anew.
pub(crate) fn lose_a_pair(founding: &Founding, disks: &mut BTreeMap<NodeId, Disk>) {
    let pair = ["node-1", "node-2"].map(|name| founding.node(name));
    for (own, other) in [(pair[0], pair[1]), (pair[1], pair[0])] {
        let lost = Write::delete(Table::Pair, other.as_ref() as &[u8]);
        if let Some(disk) = disks.get_mut(&own) {
            disk.commit(&[lost]);
        }
    }
}

/// The key of the domain before, where there was one.
pub(crate) fn lost_key(founding: &Founding) -> Option<LostKey> {
    let heirs = founding.state.succession()?.heirs();
    Some(LostKey::new(Scheme::Ed25519, 1, heirs, 7))
}

fn make(story: Story) -> Beginning {
    let shape = match story {
        Story::Withheld => Shape { signers: 5, witnesses: 1, faults: 1 },
        Story::Epochs => Shape { signers: 5, witnesses: 0, faults: 1 },
        Story::Schnorr | Story::Birth | Story::Ecdsa | Story::Succession | Story::Governance => {
            Shape::default()
        }
    };
    let founding = Arc::new(match story {
        Story::Succession => Founding::succeeding(7, shape),
        _ => Founding::new(7, shape),
    });
    let mut world = World::calm(Arc::clone(&founding), 7);
    let up = world.run_until(60_000, people::all_serve);
    assert!(up, "a calm domain serves");
    people::set_policy(&mut world);
    for (key, scheme) in schemes(story) {
        people::order_key(&mut world, key, *scheme);
    }
    let names: Vec<&str> = schemes(story).iter().map(|(key, _)| *key).collect();
    let made = world.run_until(20 * 60_000, |world| people::all_active(world, &names));
    assert!(made, "a calm domain makes its keys: {:?}", world.checkers.violations);
    if story == Story::Governance {
        people::enrol_a_service(&mut world);
        let has_service = |world: &mut World| world.checkers.newest().services().count() > 1;
        assert!(world.run_until(60_000, has_service), "a calm domain enrols a service");
        people::announce_what_is_dangerous(&mut world);
        let is_slow = |world: &mut World| world.checkers.newest().rules().main.delay_ms > 0;
        assert!(world.run_until(60_000, is_slow), "a calm domain sets its rules");
    }
    let mut disks: BTreeMap<NodeId, Disk> =
        world.hosts.iter().map(|(id, host)| (*id, host.disk.clone())).collect();
    if let Some(lost) = lost_key(&founding) {
        for (id, disk) in &mut disks {
            disk.commit(&take_up(&[lost.legacy(id, true)]));
        }
    }
    (founding, disks)
}
