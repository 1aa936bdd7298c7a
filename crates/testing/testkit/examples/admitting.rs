//! How long a domain with many keys takes to admit a node: `admitting [KEYS]`.
//!
//! Every key is ordered by a motion, dealt, backed up and certified by three signers and a witness, as
//! in a test. Then a fifth node is admitted, takes the charter over, and votes. All nodes run here,
//! one after the other on one core, so the time is what all of them together compute; nothing is
//! sent and no disk is written.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a program that panics has failed, which is all it can do"
)]

use quorate_charter::{Role, Standing};
use quorate_machine::durable::Table;
use quorate_testkit::keys::many;
use quorate_testkit::newcomer::{Newcomer, changes};
use quorate_testkit::world::World;
use std::time::Instant;

fn main() {
    let count: u32 = std::env::args().nth(1).map_or(100, |text| text.parse().unwrap());
    let mut world = World::new(1);
    let began = Instant::now();
    many(&mut world, count, 1, |made| {
        if made.is_power_of_two() {
            tell(&format!("{made} keys made"), began);
        }
    });
    tell(&format!("{count} keys made"), began);
    let before = Instant::now();
    let five = Newcomer::new(&mut world, "node-5", Role::Signer);
    world.enact("node-1", changes(five.admission(Standing::Votes)));
    tell("the motion is in the charter of all", before);
    let arrives = Instant::now();
    five.arrive(&mut world, "node-2");
    tell("the newcomer verified the charter", arrives);
    world.until("it votes", now_and_then(|world| world.status("node-5").leased));
    tell("it votes", arrives);
    // What a node shows of all keys is work too; its disk is looked at without.
    let all = count as usize;
    world.until("it knows every key", now_and_then(|world| records(world, "node-5") == all));
    tell("it knows the newest epoch of every key", arrives);
    let status = world.status("node-5");
    assert!(status.keys.iter().all(|key| key.epoch.is_some()));
    tell("admitted, in all", before);
}

/// Looking at all keys after every step would take longer than the steps.
fn now_and_then(mut holds: impl FnMut(&mut World) -> bool) -> impl FnMut(&mut World) -> bool {
    let mut steps = 0;
    move |world| {
        steps += 1;
        steps % 100 == 0 && holds(world)
    }
}

/// How many certified epochs a node has.
fn records(world: &World, node: &str) -> usize {
    let rows = world.host(node).disk.range((Table::EpochRecord, b"d".to_vec())..);
    rows.take_while(|((table, row), _)| *table == Table::EpochRecord && row[0] == b'd').count()
}

fn tell(what: &str, began: Instant) {
    println!("{what}: {:.2} s", began.elapsed().as_secs_f64());
}
