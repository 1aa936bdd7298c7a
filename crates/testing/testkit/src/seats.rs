//! Another machine in a node's seat.

use crate::backups;
use crate::world::{World, records};
use quorate_charter::{AttemptOutcome, Decided, EpochRecord, MotionBody, SignedSeatClaim};
use quorate_codec::from_bytes;
use quorate_identity::KeyId;
use quorate_machine::BundlesRow;
use quorate_machine::durable::Table;
use quorate_machine::seats::{self, Arrival, Taken};
use std::collections::BTreeMap;

/// A machine that wants a node's seat: its claim, and what it keeps for its arrival.
pub struct Claimant {
    node: String,
    /// What it says of itself.
    pub claim: SignedSeatClaim,
}

impl Claimant {
    /// The node's machine is lost with all that was on its disk; another one makes keys and claims
    /// the seat.
    ///
    /// # Panics
    /// There is no such node.
    pub fn of(world: &mut World, node: &str) -> Self {
        let id = world.id(node);
        if world.host(node).node.is_some() {
            world.stop(node);
        }
        let seed = world.random();
        let replaced = world.founding.nodes.get_mut(&id).expect("a node");
        replaced.replace(seed);
        let secrets = replaced.secrets();
        world.host_mut(node).disk.clear();
        let (arrival, row) = Arrival::generate(&mut rand_of(world));
        world.host_mut(node).write(&[row]);
        let custody = world.founding.state.custody().clone();
        let claim = arrival.claim(world.founding.hash, id, &custody, &secrets).expect("a claim");
        Self { node: node.to_owned(), claim }
    }

    /// The motion that gives it the seat.
    ///
    /// # Panics
    /// Never.
    pub fn motion(&self) -> MotionBody {
        let name = self.node.parse().expect("a name");
        MotionBody::SeatGive { name, claim: self.claim.clone() }
    }

    /// Takes the seat with what `from` has on its disk, with shares that custodians restored or
    /// without, and starts.
    ///
    /// # Panics
    /// It does not start.
    pub fn take(self, world: &mut World, from: &str, with_shares: bool) {
        let id = world.id(&self.node);
        assert!(Arrival::load(&records(&world.host(&self.node).disk)).is_some());
        let disk = world.host(from).disk.clone();
        let rows = |table| disk.iter().filter(move |((of, _), _)| *of == table);
        let entries: Vec<_> =
            rows(Table::Entry).map(|(_, row)| from_bytes(row).expect("an entry")).collect();
        let made = rows(Table::EpochRecord).filter(|((_, key), _)| key.starts_with(b"d"));
        // Of every key the newest, as in a backup file.
        let newest: BTreeMap<KeyId, Decided> = made
            .map(|(_, row)| from_bytes::<Decided>(row).expect("a decision"))
            .map(|decided| (record(&decided).plan.key, decided))
            .collect();
        let keys = newest.into_values().map(|decided| {
            let record = record(&decided);
            let bundles = |row: Vec<u8>| -> Vec<Vec<u8>> {
                let row = disk.get(&(Table::Backup, row)).expect("a row of backups");
                let row: BundlesRow = from_bytes(row).expect("bundles");
                row.bundles.into_iter().map(Into::into).collect()
            };
            let of_shares = bundles(backups::shares_row(&record));
            let of_key = backups::key_row(&record).map(bundles).unwrap_or_default();
            let keys = &world.founding.recovery_keys;
            let shares = (with_shares && record.plan.committee.contains(&id))
                .then(|| backups::shares_of(&record, &of_shares, id, keys));
            Taken { decided, of_shares, of_key, shares }
        });
        let rows = seats::take(&id, &entries, &keys.collect::<Vec<_>>(), &[]);
        world.host_mut(&self.node).write(&rows);
        world.start(id);
    }
}

/// The record that a decision certifies.
fn record(decided: &Decided) -> EpochRecord {
    match from_bytes(&decided.value).expect("an outcome") {
        AttemptOutcome::Commit { record, .. } => from_bytes(&record).expect("a record"),
        AttemptOutcome::Void { .. } => panic!("a void attempt made an epoch"),
    }
}

fn rand_of(world: &mut World) -> rand_chacha::ChaCha20Rng {
    rand_chacha::rand_core::SeedableRng::from_seed(world.random())
}
