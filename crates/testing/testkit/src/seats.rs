//! Another machine in a node's seat.

use crate::backups;
use crate::world::World;
use quorate_backup::possession::Challenge;
use quorate_backup::{Opener, RecoveryKey, SoftKey, SoftKind};
use quorate_charter::{Ask, AttemptOutcome, Decided, EpochRecord, MotionBody, SignedSeatClaim};
use quorate_codec::{from_bytes, to_bytes};
use quorate_identity::KeyId;
use quorate_machine::BundlesRow;
use quorate_machine::durable::Table;
use quorate_machine::seats::{self, Taken};
use std::collections::BTreeMap;

/// A machine that wants a node's seat.
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
        let arrival = SoftKey::from_seed(SoftKind::Hybrid, &world.random());
        let custodians = world.founding.state.custody().custodians.clone();
        let asks = custodians.into_iter().map(|custodian| {
            let key = RecoveryKey::from_bytes(&custodian.key).expect("a recovery key");
            let asked = Challenge::new(world.founding.hash, id, &key, &world.random());
            let challenge = to_bytes(&asked.expect("a key that opens").0);
            Ask { key: key.id(), challenge }
        });
        let mut asks: Vec<Ask> = asks.collect();
        asks.sort_by_key(|ask| ask.key);
        let arrival = arrival.public().to_bytes();
        let claim = SignedSeatClaim::create(world.founding.hash, id, arrival, asks, &secrets);
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
