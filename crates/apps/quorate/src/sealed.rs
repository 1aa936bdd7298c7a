//! A node's sealed store as this program lays it out: the node's keys and its domain beside the
//! rows of the machine.

use crate::domain::{self, DomainDir};
use crate::failure::{Failure, Result};
use quorate_charter::{Role, SignedEnrolment};
use quorate_identity::{GenesisHash, Name, NodeSecrets};
use quorate_machine::durable::{Record, Table, Write};
use quorate_store::{Cost, Passphrase, Store, StoreError};
use rand_core::OsRng;
use zeroize::Zeroizing;

/// The node's three secret keys.
const SECRETS: &[u8] = b"secrets";
/// The node's signed enrolment.
const ENROLMENT: &[u8] = b"enrolment";
/// The genesis that the node joined, once it did.
const GENESIS: &[u8] = b"joined-genesis";

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
    /// The rows of the machine.
    pub records: Vec<Record>,
}

/// Makes a node's keys and its store, which stays open.
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
    domain::make_dir(&dir.node_dir(name))?;
    let secrets = NodeSecrets::generate(&mut OsRng);
    let enrolment = SignedEnrolment::create(name.clone(), role, &secrets);
    let passphrase = Passphrase::new(passphrase.as_str());
    let path = dir.store_path(name);
    let mut store = Store::create_with(path, &passphrase, enrolment.id().into(), cost)
        .map_err(|error| store_failure(&error))?;
    let writes = [
        Write::put(Table::Identity, SECRETS, secrets.to_bytes().to_vec()),
        Write::put(Table::Identity, ENROLMENT, quorate_codec::to_bytes(&enrolment)),
    ];
    store.commit(&writes).map_err(|error| store_failure(&error))?;
    Ok(SealedNode { store, secrets, enrolment, genesis: None, records: Vec::new() })
}

/// Opens a node's store.
///
/// # Errors
/// The caller's: no such node, in use, a wrong passphrase. The machine's: damage.
pub fn open(dir: &DomainDir, name: &Name, passphrase: Zeroizing<String>) -> Result<SealedNode> {
    let passphrase = Passphrase::new(passphrase.as_str());
    let (store, records) =
        Store::open(dir.store_path(name), &passphrase).map_err(|error| store_failure(&error))?;
    let is_ours = |record: &Record| {
        record.table == Table::Identity
            || (record.table == Table::Meta && record.key.as_slice() == GENESIS)
    };
    let (ours, records): (Vec<Record>, Vec<Record>) = records.into_iter().partition(is_ours);
    let row = |key: &[u8]| ours.iter().find(|record| record.key.as_slice() == key);
    let secrets = row(SECRETS).and_then(|row| NodeSecrets::from_bytes(&row.value).ok());
    let enrolment = row(ENROLMENT).and_then(|row| quorate_codec::from_bytes(&row.value).ok());
    let genesis = row(GENESIS).map(|row| quorate_codec::from_bytes(&row.value)).transpose();
    match (secrets, enrolment, genesis) {
        (Some(secrets), Some(enrolment), Ok(genesis)) => {
            Ok(SealedNode { store, secrets, enrolment, genesis, records })
        }
        _ => Err(Failure::machine(
            "store_damaged",
            format!("the store of node {name} lacks the node's keys"),
            "it was not finished: make the node again under another name, or restore a copy",
        )),
    }
}

impl SealedNode {
    /// Notes durably which domain the node joined.
    ///
    /// # Errors
    /// The machine's.
    pub fn join(&mut self, genesis: GenesisHash) -> Result<()> {
        let row = Write::put(Table::Meta, GENESIS, quorate_codec::to_bytes(&genesis));
        self.store.commit(&[row]).map_err(|error| store_failure(&error))?;
        self.genesis = Some(genesis);
        Ok(())
    }
}

/// A store's error at the human edge.
pub fn store_failure(error: &StoreError) -> Failure {
    match error.is_callers_fault() {
        true => Failure::caller(error.code(), error, error.next()),
        false => Failure::machine(error.code(), error, error.next()),
    }
}
