//! Another machine in a node's seat.

use crate::backups::{key_row, shares_of, shares_row};
use crate::custodians::RecoveryKeys;
use crate::founding::{Founding, name};
use crate::world::{Disk, World, records};
use quorate_backup::possession::Challenge;
use quorate_backup::{Opener, RecoveryKey, SoftKey, SoftKind};
use quorate_charter::{Ask, AttemptOutcome, Decided, EpochRecord, MotionBody, SignedSeatClaim};
use quorate_codec::{from_bytes, to_bytes};
use quorate_identity::{KeyId, NodeId, NodeSecrets};
use quorate_machine::BundlesRow;
use quorate_machine::durable::{Table, Write};
use quorate_machine::seats::{self, Taken};
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};

/// A machine that wants a node's seat.
pub struct Claimant {
    node: String,
    /// What it says of itself.
    pub claim: SignedSeatClaim,
}

/// What a machine says that wants the seat of a node of a founded domain. Nobody opens anything for
/// it: who restores its shares does so by other means.
///
/// # Panics
/// There is no such node.
pub fn claim(
    founding: &Founding,
    node: NodeId,
    secrets: &NodeSecrets,
    mut random: impl FnMut() -> [u8; 32],
) -> SignedSeatClaim {
    let arrival = SoftKey::from_seed(SoftKind::Hybrid, &random());
    let custodians = founding.state.custody().custodians.clone();
    let asks = custodians.into_iter().map(|custodian| {
        let key = RecoveryKey::from_bytes(&custodian.key).expect("a recovery key");
        let asked = Challenge::new(founding.hash, node, &key, &random());
        let challenge = to_bytes(&asked.expect("a key that opens").0);
        Ask { key: key.id(), challenge }
    });
    let mut asks: Vec<Ask> = asks.collect();
    asks.sort_by_key(|ask| ask.key);
    SignedSeatClaim::create(founding.hash, node, arrival.public().to_bytes(), asks, secrets)
}

/// The rows with which a machine takes the seat of a node: charter and records from one disk, the
/// backups from wherever they are; with shares that custodians restored, if there are `keys`. A key
/// whose backups are nowhere is left out: the machine learns of it from the others.
///
/// # Panics
/// The disk is none of a node.
pub fn rows(
    node: NodeId,
    disk: &Disk,
    backups: impl Fn(&[u8]) -> Option<Vec<u8>>,
    keys: Option<&RecoveryKeys>,
) -> Vec<Write> {
    let entries = disk.iter().filter(|((table, _), _)| *table == Table::Entry);
    let entries: Vec<_> = entries.map(|(_, row)| from_bytes(row).expect("an entry")).collect();
    seats::take(&node, &entries, &taken(node, disk, backups, keys), &[])
}

/// The same, as far as keys are concerned.
fn taken(
    node: NodeId,
    disk: &Disk,
    backups: impl Fn(&[u8]) -> Option<Vec<u8>>,
    keys: Option<&RecoveryKeys>,
) -> Vec<Taken> {
    let rows = |table| disk.iter().filter(move |((of, _), _)| *of == table);
    let made = rows(Table::EpochRecord).filter(|((_, key), _)| key.starts_with(b"d"));
    // Of every key the newest, as in a backup file.
    let newest: BTreeMap<KeyId, Decided> = made
        .map(|(_, row)| from_bytes::<Decided>(row).expect("a decision"))
        .map(|decided| (record(&decided).plan.key, decided))
        .collect();
    let bundles = |row: Vec<u8>| -> Option<Vec<Vec<u8>>> {
        let row: BundlesRow = from_bytes(&backups(&row)?).expect("bundles");
        Some(row.bundles.into_iter().map(Into::into).collect())
    };
    let taken = newest.into_values().filter_map(|decided| {
        let record = record(&decided);
        let of_shares = bundles(shares_row(&record))?;
        let of_key = match key_row(&record) {
            Some(row) => bundles(row)?,
            None => Vec::new(),
        };
        let keys = keys.filter(|_| record.plan.committee.contains(&node));
        let shares = keys.map(|keys| shares_of(&record, &of_shares, node, keys));
        Some(Taken { decided, of_shares, of_key, shares })
    });
    taken.collect()
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
        let mut random = ChaCha20Rng::from_seed(world.random());
        let claim = claim(&world.founding, id, &secrets, || {
            let mut bytes = [0; 32];
            random.fill_bytes(&mut bytes);
            bytes
        });
        Self { node: node.to_owned(), claim }
    }

    /// The motion that gives it the seat.
    ///
    /// # Panics
    /// Never.
    pub fn motion(&self) -> MotionBody {
        MotionBody::SeatGive { name: name(&self.node), claim: self.claim.clone() }
    }

    /// Takes the seat with what `from` has on its disk, with shares that custodians restored or
    /// without, and starts.
    ///
    /// # Panics
    /// It does not start.
    pub fn take(self, world: &mut World, from: &str, with_shares: bool) {
        let id = world.id(&self.node);
        let disk = world.host(from).disk.clone();
        let backups = |row: &[u8]| disk.get(&(Table::Backup, row.to_vec())).cloned();
        let keys = with_shares.then_some(&world.founding.recovery_keys);
        let rows = rows(id, &disk, backups, keys);
        world.host_mut(&self.node).write(&rows);
        world.start(id);
    }
}

/// Custodians' parts come once a machine is in its seat: it is stopped, gets the shares that it still
/// can use, and starts. Of which keys they are.
///
/// # Panics
/// It does not start.
pub fn add_shares(world: &mut World, node: &str, from: &str) -> BTreeSet<KeyId> {
    let id = world.id(node);
    let disk = world.host(from).disk.clone();
    let backups = |row: &[u8]| disk.get(&(Table::Backup, row.to_vec())).cloned();
    let taken = taken(id, &disk, backups, Some(&world.founding.recovery_keys));
    world.stop(node);
    let (rows, added) = seats::add_shares(&records(&world.host(node).disk), &taken, &[]);
    world.host_mut(node).write(&rows);
    world.start(id);
    added
}

/// The record that a decision certifies.
fn record(decided: &Decided) -> EpochRecord {
    match from_bytes(&decided.value).expect("an outcome") {
        AttemptOutcome::Commit { record, .. } => from_bytes(&record).expect("a record"),
        AttemptOutcome::Void { .. } => panic!("a void attempt made an epoch"),
    }
}
