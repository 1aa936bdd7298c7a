//! How long a node with many keys takes to start: `starting [KEYS [DIR]]`.
//!
//! Every key is ordered by a motion, dealt, backed up and certified, as in a test. What a signer then
//! has goes into a sealed store in DIR, which is opened as after a power cut, and the node starts from it:
//! what a process does from the passphrase until it serves, but for ports and channels.
#![allow(clippy::unwrap_used, reason = "a program that panics has failed, which is all it can do")]

use quorate_engine::Backups;
use quorate_machine::boot::BootPlan;
use quorate_machine::durable::Write;
use quorate_machine::limits::Pace;
use quorate_machine::node::Node;
use quorate_store::{Passphrase, Store, StoreId};
use quorate_testkit::cores::look_ahead;
use quorate_testkit::custodians::Reduced;
use quorate_testkit::keys::many;
use quorate_testkit::world::{VERSION, World, program};
use std::path::PathBuf;
use std::time::Instant;
use std::{env, fs, process};

fn main() {
    let count: u32 = env::args().nth(1).map_or(100, |text| text.parse().unwrap());
    let parent = env::args().nth(2).map_or_else(env::temp_dir, PathBuf::from);
    let folder = parent.join(format!("starting-{}", process::id()));
    let (path, copy) = (folder.join("store"), folder.join("copy"));
    let phrase = Passphrase::new("of a measurement");
    let mut world = World::new(1);
    let began = Instant::now();
    many(&mut world, count, |_| ());
    tell("the keys are made", began);

    fs::create_dir_all(&folder).unwrap();
    let id = world.id("node-1");
    let mut store = Store::create(&path, &phrase, StoreId(id.0)).unwrap();
    let disk = &world.host("node-1").disk;
    let rows = disk.iter().map(|((table, key), row)| Write::put(*table, key.clone(), row.clone()));
    let rows: Vec<Write> = rows.collect();
    for batch in rows.chunks(1_000) {
        store.commit(batch).unwrap();
    }
    // Of a store that is open, a copy is what a power cut leaves.
    for end in ["", ".slots"] {
        let of = |path: &PathBuf| format!("{}{end}", path.display());
        fs::copy(of(&path), of(&copy)).unwrap();
    }
    drop(store);
    let bytes = fs::metadata(&copy).unwrap().len();
    println!("{} rows, {} MiB", rows.len(), bytes >> 20);

    let began = Instant::now();
    let (store, records) = Store::open(&copy, &phrase).unwrap();
    tell("the store is open, every row verified", began);
    let plan = BootPlan {
        file: world.founding.file.clone(),
        secrets: world.founding.nodes.get(&id).unwrap().secrets(),
        records,
        pace: Pace::default(),
        proofs: Backups::of::<Reduced>(),
        program: program(VERSION),
        look_ahead,
        now: world.now,
    };
    let (node, output) = Node::boot(plan, &mut rand_core::OsRng).unwrap();
    tell("the charter is followed, every key is there", began);
    let mut store = store;
    store.commit(&output.writes).unwrap();
    tell("ready: what a start writes is durable", began);
    assert_eq!(node.state().keys().count(), usize::try_from(count).unwrap());
    fs::remove_dir_all(&folder).unwrap();
}

fn tell(what: &str, began: Instant) {
    println!("{what}: {:.2} s", began.elapsed().as_secs_f64());
}
