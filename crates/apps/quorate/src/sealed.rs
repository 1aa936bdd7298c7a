//! A node's sealed store as this program lays it out: the node's keys and its domain beside the
//! rows of the machine.

use crate::args::seal::Opening;
use crate::domain::{self, DomainDir};
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::sealing::{self, Made};
use crate::takeover::{self, Opened, TakenOver};
use quorate_charter::{Role, SignedEnrolment};
use quorate_identity::{GenesisHash, Name, NodeSecrets};
use quorate_machine::durable::{Record, Table, Write};
use quorate_recovery::seat::Arrival;
use quorate_store::{Cost, Seal, SealedStore, Store, StoreError, Stretch, TpmObject};
use rand_core::OsRng;
use std::path::Path;
use zeroize::Zeroizing;

/// The node's three secret keys.
const SECRETS: &[u8] = b"secrets";
/// The node's signed enrolment.
const ENROLMENT: &[u8] = b"enrolment";
/// The secrets behind a claim, until all is taken: among what is erased for good, because with parts
/// that somebody kept they are as good as shares.
const ARRIVAL: &[u8] = b"arrival";
/// The genesis that the node joined, once it did.
const GENESIS: &[u8] = b"joined-genesis";
/// How often the node was started, beside a counter that counts the same; then the counter's index.
const STARTS: &[u8] = b"starts/";

/// An open store, with what this program itself keeps there taken out of its rows.
pub struct SealedNode {
    /// The store.
    pub store: Store,
    /// The node's keys.
    pub secrets: NodeSecrets,
    /// Who the node is.
    pub enrolment: SignedEnrolment,
    /// The domain that it joined; never another one afterwards.
    pub genesis: Option<GenesisHash>,
    /// Seed and coins of a claim to a seat that was not taken yet.
    arrival: Option<Zeroizing<[u8; 64]>>,
    /// How often the node was started, as the store has it and as its counter has it.
    starts: Option<(u64, u64)>,
    /// What was done about the store, if another version left it.
    pub taken_over: Option<TakenOver>,
    /// The rows of the machine.
    pub records: Vec<Record>,
}

/// Makes a node's keys and its store under a passphrase, which stays open.
///
/// # Errors
/// The caller's: there is a store already. The machine's.
pub fn create(
    dir: &DomainDir,
    name: &Name,
    role: Role,
    passphrase: Zeroizing<String>,
    cost: Cost,
) -> Result<SealedNode> {
    if passphrase.is_empty() {
        return Err(store_failure(&StoreError::EmptyPassphrase));
    }
    let stretch = Stretch::fresh(cost);
    let key = stretch.key(passphrase.as_bytes()).map_err(|error| store_failure(&error))?;
    create_sealed(dir, name, role, &Made { seal: Seal::Passphrase(stretch), key, count: None })
}

/// Makes a node's keys and its store under a seal, which stays open.
///
/// # Errors
/// The caller's: there is a store already. The machine's.
pub fn create_sealed(dir: &DomainDir, name: &Name, role: Role, made: &Made) -> Result<SealedNode> {
    domain::make_dir(&dir.node_dir(name))?;
    let secrets = NodeSecrets::generate(&mut OsRng);
    let enrolment = SignedEnrolment::create(name.clone(), role, &secrets);
    let path = dir.store_path(name);
    let store = Store::create_sealed(path, made.seal.clone(), &made.key, enrolment.id().into());
    let mut store = store.map_err(|error| store_failure(&error))?;
    let mut writes = vec![
        Write::put(Table::Identity, SECRETS, secrets.to_bytes().to_vec()),
        Write::put(Table::Identity, ENROLMENT, quorate_codec::to_bytes(&enrolment)),
    ];
    writes.extend(starts_row(&made.seal, made.count));
    writes.push(crate::edition().mark());
    store.commit(&writes).map_err(|error| store_failure(&error))?;
    let (genesis, arrival, starts, taken_over) = (None, None, None, None);
    let records = Vec::new();
    Ok(SealedNode { store, secrets, enrolment, genesis, arrival, starts, taken_over, records })
}

/// Opens the store of a trial domain's node with the passphrase that lies beside it.
///
/// # Errors
/// As [`open_with`].
pub fn open_trial(dir: &DomainDir, name: &Name) -> Result<SealedNode> {
    open_with(dir, name, &Opening::default())
}

/// Opens a node's store by whatever it is sealed with.
///
/// # Errors
/// The caller's: no such node, in use, a wrong passphrase, what the seal needs is not there. The
/// machine's: damage, a TPM or token that fails, a store that is older than its counter.
pub fn open_with(dir: &DomainDir, name: &Name, with: &Opening) -> Result<SealedNode> {
    open_counted(dir, name, with, |noted, counted| match noted < counted {
        true => Err(Failure::machine(
            "older_copy",
            format!("the store of node {name} is an old copy: its TPM has counted later starts"),
            "if you put it back, say so with `quorate node rejoin`; if you did not, find out who did",
        )),
        false => Ok(()),
    })
}

/// As [`open_with`], of an old copy too: for its operator, who put it back.
///
/// # Errors
/// As [`open_with`].
pub fn open_of_any_age(dir: &DomainDir, name: &Name, with: &Opening) -> Result<SealedNode> {
    open_counted(dir, name, with, |_, _| Ok(()))
}

/// Opens a store, and lets the caller judge its starts, as it has them and as its counter has them,
/// before anything of it is changed.
fn open_counted(
    dir: &DomainDir,
    name: &Name,
    with: &Opening,
    judge: impl FnOnce(u64, u64) -> Result<()>,
) -> Result<SealedNode> {
    let path = dir.store_path(name);
    let found = SealedStore::find(&path).map_err(|error| takeover::unopened(&error, &path))?;
    let stored = dir.trial_passphrase(name);
    let key = sealing::key_of(found.seal(), with, name, Some(&stored))?;
    let opened = found.unlock(&key).map_err(|error| takeover::unopened(&error, &path));
    let (store, records) = opened?;
    let starts = starts(&store, &records, with)?;
    if let Some((noted, counted)) = starts {
        judge(noted, counted)?;
    }
    let Opened { store, records, taken_over } = takeover::settle(store, records, &key, &path)?;
    let is_ours = |record: &Record| {
        record.table == Table::Identity
            || record.table == Table::Meta && record.key.starts_with(STARTS)
            || (record.table, record.key.as_slice()) == (Table::Meta, GENESIS)
            || (record.table, record.key.as_slice()) == (Table::Summand, ARRIVAL)
    };
    let (ours, records): (Vec<Record>, Vec<Record>) = records.into_iter().partition(is_ours);
    let row = |key: &[u8]| ours.iter().find(|record| record.key.as_slice() == key);
    let secrets = row(SECRETS).and_then(|row| NodeSecrets::from_bytes(&row.value).ok());
    let enrolment = row(ENROLMENT).and_then(|row| quorate_codec::from_bytes(&row.value).ok());
    let genesis = row(GENESIS).map(|row| quorate_codec::from_bytes(&row.value)).transpose();
    let arrival = row(ARRIVAL).and_then(|row| row.value.as_slice().try_into().ok());
    let arrival = arrival.map(Zeroizing::new);
    match (secrets, enrolment, genesis) {
        (Some(secrets), Some(enrolment), Ok(genesis)) => Ok(SealedNode {
            store,
            secrets,
            enrolment,
            genesis,
            arrival,
            starts,
            taken_over,
            records,
        }),
        _ => Err(Failure::machine(
            "store_damaged",
            format!("the store of node {name} lacks the node's keys"),
            "it was not finished: make the node again under another name, or restore a copy",
        )),
    }
}

/// How often a node was started, as its store has it and as its counter has it, where there is one.
fn starts(store: &Store, records: &[Record], with: &Opening) -> Result<Option<(u64, u64)>> {
    let counted = sealing::count(store.seal(), with)?;
    Ok(counted.map(|counted| {
        let is_here = |key: &[u8], row: &&Record| row.table == Table::Meta && row.key == key;
        let row = starts_key(store.seal());
        let row = row.and_then(|key| records.iter().find(|row| is_here(&key, row)));
        let noted = row.and_then(|row| row.value.as_slice().try_into().ok());
        (noted.map(u64::from_be_bytes).unwrap_or_default(), counted)
    }))
}

impl SealedNode {
    /// Seals the store by something else, durably. Nothing stays under the seal of before.
    ///
    /// # Errors
    /// The machine's.
    pub fn reseal(&mut self, made: &Made, path: &Path) -> Result<()> {
        // Before, so that no crash leaves a counter without its row.
        let (before, row) = (starts_key(self.store.seal()), starts_row(&made.seal, made.count));
        self.commit(&Vec::from_iter(row))?;
        let sealed = self.store.reseal(made.seal.clone(), &made.key);
        sealed.map_err(|error| store_failure(&error))?;
        takeover::end_copy(&self.store, path)?;
        let gone = before.map(|key| Write::delete(Table::Meta, key));
        self.commit(&Vec::from_iter(gone))
    }

    /// Whether its counter has counted starts that the store knows nothing of (STO-19).
    pub fn is_older_copy(&self) -> bool {
        self.starts.is_some_and(|(noted, counted)| noted < counted)
    }

    /// Takes the store for what is to count from now on, however old it is.
    ///
    /// # Errors
    /// The machine's.
    pub fn accept_age(&mut self) -> Result<()> {
        let row = starts_row(self.store.seal(), self.starts.map(|(_, counted)| counted));
        self.commit(&Vec::from_iter(row))
    }

    /// Counts a start: first durably in the store, then in its counter for ever. A crash between the
    /// two leaves the store one ahead, which is no old copy.
    ///
    /// # Errors
    /// The machine's.
    pub fn count_start(&mut self, with: &Opening) -> Result<()> {
        let Some((_, counted)) = self.starts else { return Ok(()) };
        let row = starts_row(self.store.seal(), counted.checked_add(1));
        self.commit(&Vec::from_iter(row))?;
        sealing::count_up(self.store.seal(), with)
    }

    /// Makes rows durable.
    ///
    /// # Errors
    /// The machine's.
    pub fn commit(&mut self, writes: &[Write]) -> Result<()> {
        let name = &self.enrolment.body().name;
        Face::of_process().before(|| format!("write to the store of node {name}"))?;
        self.store.commit(writes).map(|_| ()).map_err(|error| store_failure(&error))
    }

    /// Notes durably which domain the node joined.
    ///
    /// # Errors
    /// The machine's.
    pub fn join(&mut self, genesis: GenesisHash) -> Result<()> {
        let row = Write::put(Table::Meta, GENESIS, quorate_codec::to_bytes(&genesis));
        self.commit(&[row])?;
        self.genesis = Some(genesis);
        Ok(())
    }

    /// The secrets behind the claim to a seat that this machine made, if it did and did not take it
    /// yet.
    pub fn arrival(&self) -> Option<Arrival> {
        let (seed, coins) = self.arrival.as_ref()?.split_first_chunk::<32>()?;
        Some(Arrival::new(seed, coins.first_chunk()?))
    }

    /// Keeps them durably, before the claim leaves.
    ///
    /// # Errors
    /// The machine's.
    pub fn keep_arrival(&mut self, arrival: Arrival) -> Result<Arrival> {
        let mut bytes = Zeroizing::new([0; 64]);
        let (seed, coins) = bytes.split_at_mut(32);
        seed.copy_from_slice(arrival.seed());
        coins.copy_from_slice(arrival.coins());
        let row = Write::put(Table::Summand, ARRIVAL, bytes.to_vec());
        self.commit(&[row])?;
        self.arrival = Some(bytes);
        Ok(arrival)
    }

    /// Takes a seat: all rows and the domain at once, so that a crash leaves all or nothing. The
    /// secrets behind the claim stay as long as parts may still come.
    ///
    /// # Errors
    /// The machine's.
    pub fn arrive(
        &mut self,
        genesis: GenesisHash,
        mut rows: Vec<Write>,
        is_whole: bool,
    ) -> Result<()> {
        let kept: Vec<Record> = rows
            .iter()
            .filter_map(|row| {
                Some(Record::at_start(row.table, row.key.clone(), row.value.clone()?))
            })
            .collect();
        rows.push(Write::put(Table::Meta, GENESIS, quorate_codec::to_bytes(&genesis)));
        if is_whole {
            rows.push(Write::delete(Table::Summand, ARRIVAL));
            self.arrival = None;
        }
        self.commit(&rows)?;
        self.records.extend(kept);
        self.genesis = Some(genesis);
        Ok(())
    }

    /// Takes up keys of the domain before. The secrets behind the claim stay as long as parts may still
    /// come.
    ///
    /// # Errors
    /// The machine's.
    pub fn inherit(&mut self, mut rows: Vec<Write>, is_whole: bool) -> Result<()> {
        if is_whole {
            rows.push(Write::delete(Table::Summand, ARRIVAL));
            self.arrival = None;
        }
        self.commit(&rows)
    }
}

/// Where the starts stand that the counter of this seal counts too.
fn starts_key(seal: &Seal) -> Option<Vec<u8>> {
    match seal {
        Seal::Tpm2(TpmObject { counter: Some(index), .. }) => {
            Some([STARTS, &index.to_be_bytes()].concat())
        }
        _ => None,
    }
}

fn starts_row(seal: &Seal, starts: Option<u64>) -> Option<Write> {
    let value = starts?.to_be_bytes().to_vec();
    Some(Write::put(Table::Meta, starts_key(seal)?, value))
}

/// A store's error at the human edge.
pub fn store_failure(error: &StoreError) -> Failure {
    match error.is_callers_fault() {
        true => Failure::caller(error.code(), error, error.next()),
        false => Failure::machine(error.code(), error, error.next()),
    }
}
