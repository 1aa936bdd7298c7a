//! How long a node with many keys takes to start: `starting [KEYS [ACCOUNTS [DIR]]]`.
//!
//! Every key is ordered by a motion, dealt, backed up and certified, as in a test. What a signer then
//! has goes into a sealed store in DIR, which is opened as after a power cut, and the node starts from it:
//! what a process does from the passphrase until it serves, but for ports and channels. What was made
//! stays in DIR and is used again.
#![allow(clippy::unwrap_used, reason = "a program that panics has failed, which is all it can do")]

use quorate_engine::Backups;
use quorate_machine::boot::BootPlan;
use quorate_machine::durable::Write;
use quorate_machine::limits::Pace;
use quorate_machine::node::Node;
use quorate_store::{Passphrase, Store, StoreId};
use quorate_testkit::cores::{look_ahead, on_all_cores};
use quorate_testkit::custodians::Reduced;
use quorate_testkit::keys::many;
use quorate_testkit::world::{VERSION, World, program};
use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{env, fs};

fn main() {
    let count: u32 = env::args().nth(1).map_or(100, |text| text.parse().unwrap());
    let accounts: u16 = env::args().nth(2).map_or(1, |text| text.parse().unwrap());
    let parent = env::args().nth(3).map_or_else(env::temp_dir, PathBuf::from);
    let folder = parent.join(format!("starting-{count}-{accounts}"));
    let phrase = Passphrase::new("of a measurement");
    // The same in every process.
    let mut world = World::new(1);
    if !folder.exists() {
        make(&mut world, count, accounts, &folder, &phrase);
    }
    let path = folder.join("started");
    copy(&folder.join("cut-off"), &path);
    let now = fs::read_to_string(folder.join("now")).unwrap();
    let bytes = fs::metadata(&path).unwrap().len();
    println!("{count} keys of {accounts} accounts, {} MiB", bytes >> 20);

    let began = Instant::now();
    let (mut store, records) = Store::open(&path, &phrase).unwrap();
    tell("the store is open, every row verified", began);
    let plan = BootPlan {
        file: world.founding.file.clone(),
        secrets: world.founding.nodes.get(&world.id("node-1")).unwrap().secrets(),
        records,
        pace: Pace::default(),
        proofs: Backups::of::<Reduced>(),
        program: program(VERSION),
        look_ahead,
        cores: on_all_cores,
        now: now.parse().unwrap(),
    };
    let (node, output) = Node::boot(plan, &mut rand_core::OsRng).unwrap();
    tell("the charter is followed, every key is there", began);
    store.commit(&output.writes).unwrap();
    tell("ready: what a start writes is durable", began);
    assert_eq!(node.state().keys().count(), usize::try_from(count).unwrap());
}

/// Makes the keys, and the store of a signer as a power cut leaves it.
fn make(world: &mut World, count: u32, accounts: u16, folder: &Path, phrase: &Passphrase) {
    let began = Instant::now();
    many(world, count, accounts, |_| ());
    tell("the keys are made", began);
    let draft = folder.with_extension("draft");
    fs::create_dir_all(&draft).unwrap();
    let id = StoreId(world.id("node-1").0);
    let mut store = Store::create(draft.join("whole"), phrase, id).unwrap();
    let disk = &world.host("node-1").disk;
    let rows = disk.iter().map(|((table, key), row)| Write::put(*table, key.clone(), row.clone()));
    let rows: Vec<Write> = rows.collect();
    for batch in rows.chunks(1_000) {
        store.commit(batch).unwrap();
    }
    // It is still open.
    copy(&draft.join("whole"), &draft.join("cut-off"));
    fs::write(draft.join("now"), world.now.to_string()).unwrap();
    fs::rename(draft, folder).unwrap();
}

/// Both files of a store.
fn copy(from: &Path, to: &Path) {
    for end in ["", ".slots"] {
        let of = |path: &Path| format!("{}{end}", path.display());
        fs::copy(of(from), of(to)).unwrap();
    }
}

fn tell(what: &str, began: Instant) {
    println!("{what}: {:.2} s", began.elapsed().as_secs_f64());
}
