//! `node init|run|rejoin|release|reseal`; the other verbs are in `membership`.

use super::genesis::{role, split_pair};
use super::membership;
use crate::args::NodeVerb;
use crate::args::seal::{Opening, Resealing, Sealing};
use crate::daemon::{self, Plan};
use crate::domain::{self, DomainDir, NodeConfig, read_genesis, verify_genesis, write_whole};
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::qr::qr;
use crate::sealed::{SealedNode, open_of_any_age, open_with as open};
use crate::sealing::{self, Made};
use crate::{replay, sealed};
use clap::ValueEnum;
use quorate_charter::{GenesisFile, Role, State};
use quorate_client::contract::NodeRole;
use quorate_identity::{GenesisHash, Name, NodeId, words};
use quorate_store::{SealKind, StoreError};
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Runs a `node` verb.
///
/// # Errors
/// The caller's, or the machine's.
pub async fn run(verb: NodeVerb, face: Face) -> Result<()> {
    match verb {
        NodeVerb::Init { name, dir, witness, peer, api, sealing, opening } => {
            let name = domain::name(&name)?;
            let role = if witness { Role::Witness } else { Role::Signer };
            let addresses = (address(&peer)?, address(&api)?);
            let dir = DomainDir::new(dir);
            let made = new_seal(&dir, &name, &sealing, &opening)?;
            let attended = sealing::is_attended(made.seal.kind(), &opening);
            init(&dir, name, role, addresses, (&made, attended), face)
        }
        NodeVerb::Run {
            name,
            dir,
            genesis_file,
            genesis,
            admitted,
            addresses,
            opening,
            verbose,
            supervised,
        } => {
            let dir = DomainDir::new(dir);
            let mut config = dir.read_node(&domain::name(&name)?)?;
            note_addresses(&dir, &mut config, &addresses)?;
            let mut node = open(&dir, &config.name, &opening)?;
            node.count_start(&opening)?;
            let attended = sealing::is_attended(node.store.seal().kind(), &opening);
            let arrived = membership::arrive(&dir, &mut node, &admitted)?.is_some();
            let genesis_file = genesis_file.filter(|_| !arrived);
            let joined = join(&dir, node, genesis_file, genesis.as_deref())?;
            let plan = Plan { dir, config, attended, verbose, supervised };
            daemon::run(plan, joined, face).await
        }
        NodeVerb::Rejoin { name, dir, opening } => {
            let dir = DomainDir::new(dir);
            let name = dir.read_node(&domain::name(&name)?)?.name;
            let node = open_of_any_age(&dir, &name, &opening)?;
            rejoin(&dir, &name, node, face)
        }
        NodeVerb::Release { name, peer, dir, opening } => {
            let dir = DomainDir::new(dir);
            let name = dir.read_node(&domain::name(&name)?)?.name;
            let peer = domain::name(&peer)?;
            let node = open(&dir, &name, &opening)?;
            let Joined { node, state, .. } = join(&dir, node, None, None)?;
            let id = state.node_named(&peer).ok_or_else(|| dir.unknown_node(&peer))?.id;
            release(&dir, &name, (&peer, &id), node, face)
        }
        NodeVerb::Reseal { name, dir, resealing, opening } => {
            let dir = DomainDir::new(dir);
            let name = dir.read_node(&domain::name(&name)?)?.name;
            let node = open(&dir, &name, &opening)?;
            reseal(&dir, &name, node, (&resealing, &opening), face)
        }
        NodeVerb::Membership(verb) => membership::run(verb, face).await,
    }
}

#[derive(Serialize)]
struct Rejoining {
    node: Name,
    rejoins: bool,
}

/// Notes in the stopped node's store that it shall ask to be taken back when it starts.
fn rejoin(dir: &DomainDir, name: &Name, mut node: SealedNode, face: Face) -> Result<()> {
    let is_older = node.is_older_copy();
    let lapse = quorate_machine::boot::rejoin(&node.records);
    if lapse.is_ok() {
        face.before(|| format!("note in the store of node {name} that it shall be taken back"))?;
    } else if is_older {
        face.before(|| format!("count the old copy of the store of node {name} from now on"))?;
    }
    if is_older {
        node.accept_age()?;
    }
    if is_older && lapse.is_err() {
        let noted = Rejoining { node: name.clone(), rejoins: false };
        face.show(&noted, |it| {
            let (name, dir) = (&it.node, dir.path().display());
            format!(
                "the old copy of node {name} counts from now on; start it, and once its log says \
                 that it has lapsed, stop it and rejoin: quorate node run {name} --dir {dir}"
            )
        });
        return Ok(());
    }
    let write = lapse.map_err(|error| {
        let next = "start the node with `quorate node run`; only once its log says that it has \
                    lapsed, stop it and rejoin";
        Failure::caller("not_lapsed", error, next)
    })?;
    node.commit(&[write])?;
    let noted = Rejoining { node: name.clone(), rejoins: true };
    face.show(&noted, |it| {
        let (name, dir) = (&it.node, dir.path().display());
        format!(
            "node {name} will ask the others to take it back; start it: \
             quorate node run {name} --dir {dir}"
        )
    });
    Ok(())
}

#[derive(Serialize)]
struct Released {
    node: Name,
    peer: Name,
    released: bool,
}

/// Ends the quarantine of a peer in the stopped node's store.
fn release(
    dir: &DomainDir,
    name: &Name,
    (peer, id): (&Name, &NodeId),
    mut node: SealedNode,
    face: Face,
) -> Result<()> {
    let write = quorate_machine::boot::release(&node.records, id).map_err(|error| {
        let next = "`quorate status --node NODE` shows whom a node has quarantined; each end of a \
                    pair that did is released at that end";
        Failure::caller("not_quarantined", error, next)
    })?;
    face.before(|| format!("release {peer} from quarantine in the store of node {name}"))?;
    node.commit(&[write])?;
    let released = Released { node: name.clone(), peer: peer.clone(), released: true };
    face.show(&released, |it| {
        let (name, peer, dir) = (&it.node, &it.peer, dir.path().display());
        format!(
            "node {name} has released {peer} from quarantine and makes a new pair set-up with it; \
             start it: quorate node run {name} --dir {dir}"
        )
    });
    Ok(())
}

#[derive(Serialize)]
struct Resealed {
    node: Name,
    seal: &'static str,
    attended: bool,
    before: &'static str,
}

/// Seals the stopped node's store by something else.
fn reseal(
    dir: &DomainDir,
    name: &Name,
    mut node: SealedNode,
    (resealing, now): (&Resealing, &Opening),
    face: Face,
) -> Result<()> {
    let old = node.store.seal().clone();
    let before = old.kind();
    face.before(|| {
        let by = resealing.sealing.seal.to_possible_value();
        let by = by.as_ref().map_or("", |value| value.get_name());
        let before = before.as_str();
        format!(
            "seal the store of node {name} anew by {by}; {before} opens it now and no longer then"
        )
    })?;
    let next = resealing.opening(now);
    let made = sealing::make(&resealing.sealing, &next, name)?;
    {
        let _progress = face.progress("sealing the store anew");
        node.reseal(&made, &dir.store_path(name))?;
    }
    // One of the few places of a TPM; that it stays taken harms nothing.
    let _ = sealing::forget(&old, now);
    // Of a trial domain: it opens nothing any more.
    let stored = dir.trial_passphrase(name);
    if stored.is_file() {
        std::fs::remove_file(&stored).map_err(|error| Failure::file(&stored, &error))?;
    }
    let kind = made.seal.kind();
    let (seal, attended) = (kind.as_str(), sealing::is_attended(kind, &next));
    let done = Resealed { node: name.clone(), seal, attended, before: before.as_str() };
    face.show(&done, |it| {
        format!(
            "the store of node {} is sealed by {}; {} opens nothing of it any more.\n\nCopies \
             from before still open as they did: destroy them.\n{}",
            it.node,
            it.seal,
            match before {
                SealKind::Passphrase => "the passphrase of before",
                _ => "what opened it before",
            },
            comes_back(attended)
        )
    });
    Ok(())
}

/// What the seal means for a start.
fn comes_back(attended: bool) -> &'static str {
    if attended {
        "It cannot start again by itself after a power cut: somebody gives its passphrase or PIN at \
         every start."
    } else {
        "It starts again by itself after a power cut, as long as what opens it is there."
    }
}

/// A node that belongs to a domain.
pub struct Joined {
    /// Its store and keys.
    pub node: SealedNode,
    /// The genesis with all signatures, verified.
    pub file: GenesisFile,
    /// The state that it founds.
    pub state: State,
}

#[derive(Serialize)]
struct Initialised {
    name: Name,
    node: NodeId,
    role: NodeRole,
    words: String,
    enrolment: PathBuf,
    seal: &'static str,
    attended: bool,
}

/// A seal for a store that is not there yet.
fn new_seal(dir: &DomainDir, name: &Name, sealing: &Sealing, with: &Opening) -> Result<Made> {
    let path = dir.store_path(name);
    if path.exists() {
        return Err(sealed::store_failure(&StoreError::Exists(path)));
    }
    Face::of_process()
        .before(|| format!("make the keys of node {name}, and its store {}", path.display()))?;
    sealing::make(sealing, with, name)
}

fn init(
    dir: &DomainDir,
    name: Name,
    node_role: Role,
    (peer, api): (SocketAddr, SocketAddr),
    (made, attended): (&Made, bool),
    face: Face,
) -> Result<()> {
    let seal = made.seal.kind().as_str();
    let made = {
        let _progress = face.progress("sealing the store");
        sealed::create_sealed(dir, &name, node_role, made)?
    };
    let role = role(node_role);
    let config = NodeConfig {
        name: name.clone(),
        role,
        peer,
        api,
        peers: BTreeMap::new(),
        delay_ms: 0,
        verify_every_s: None,
        drill_every_days: None,
        generation_file: None,
    };
    dir.write_node(&config)?;
    let enrolment = dir.node_dir(&name).join("enrolment.cbor");
    write_whole(&enrolment, &quorate_codec::to_bytes(&made.enrolment), 0o644)?;
    let words = words(&made.enrolment.body().keys.fingerprint()).join(" ");
    let node = made.enrolment.id();
    let made = Initialised { name, node, role, words, enrolment, seal, attended };
    face.show(&made, |made| {
        let code = face.is_seen().then(|| qr(&made.words)).flatten();
        let code = code.map(|code| format!("\n\n{code}")).unwrap_or_default();
        format!(
            "node {} has its keys, sealed by {seal} in {}\n{}\n\nIts fingerprint, for whoever \
             makes the genesis; read it to them:\n  {}{code}\n\nSend them {}\n\nIf it is to \
             replace a node that was lost, go on with: quorate seat claim; if a whole domain: \
             quorate succession claim",
            made.name,
            dir.store_path(&made.name).display(),
            comes_back(attended),
            made.words,
            made.enrolment.display()
        )
    });
    Ok(())
}

/// The genesis of the node's domain: the one that it joined before, or, the first time, the one
/// whose hash its operator compared with the administrators.
///
/// # Errors
/// The caller's: no genesis, another one, or one that does not enrol this node.
pub fn join(
    dir: &DomainDir,
    mut node: SealedNode,
    file: Option<PathBuf>,
    hash: Option<&str>,
) -> Result<Joined> {
    let given: Option<GenesisHash> =
        hash.map(|hash| replay::parse_hash(hash, "genesis hash")).transpose()?;
    let hash = match (node.genesis, given) {
        (Some(joined), Some(given)) if joined != given => {
            return Err(Failure::caller(
                "genesis_mismatch",
                format!("this node belongs to the domain {joined}"),
                "a node never changes its domain; make another node for another domain",
            ));
        }
        (Some(joined), _) => joined,
        (None, Some(given)) => given,
        (None, None) => {
            return Err(Failure::caller(
                "genesis_needed",
                "this node has not joined a domain yet",
                "whoever founds gives --genesis-file and, with --genesis, the hash that was compared; \
                 whoever was admitted gives --charter and --admission",
            ));
        }
    };
    let kept = dir.genesis_path();
    let path = file.unwrap_or_else(|| kept.clone());
    let file = read_genesis(&path)?;
    let state = verify_genesis(&file, &hash)?;
    // Whoever joined before may have its seat from a later entry: the start finds out.
    if node.genesis.is_none() && state.node(&node.enrolment.id()).is_none() {
        return Err(Failure::caller(
            "not_enrolled",
            format!("this genesis does not enrol this node ({})", node.enrolment.body().name),
            "found the domain with the enrolment that `node init` wrote for it; a node that joins later \
             starts with --charter and --admission; the seat of a node that was lost is taken with \
             `quorate seat`",
        ));
    }
    if Face::of_process().is_dry_run() {
        return Ok(Joined { node, file, state });
    }
    if path != kept {
        super::genesis::write_genesis(&kept, &file)?;
    }
    if node.genesis.is_none() {
        node.join(hash)?;
    }
    Ok(Joined { node, file, state })
}

fn note_addresses(dir: &DomainDir, config: &mut NodeConfig, given: &[String]) -> Result<()> {
    for pair in given {
        let (name, address) = split_pair(pair)?;
        config.peers.insert(domain::name(name)?, address.to_owned());
    }
    if given.is_empty() { Ok(()) } else { dir.write_node(config) }
}

fn address(text: &str) -> Result<SocketAddr> {
    text.parse().map_err(|_| {
        let message = format!("{text} is not an address to listen at");
        Failure::caller("bad_address", message, "write it as 10.0.0.1:7101")
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

    use super::*;
    use quorate_codec::Digest;
    use quorate_machine::durable::{Table, Write};
    use quorate_store::Cost;
    use zeroize::Zeroizing;

    #[test]
    fn par_06_a_release_takes_the_quarantine_of_one_peer_out_of_the_store() {
        let below = tempfile::tempdir().unwrap();
        let dir = DomainDir::new(below.path().join("domain"));
        let (name, peer) = (domain::name("node-1").unwrap(), domain::name("node-2").unwrap());
        let passphrase = Zeroizing::new("one of many".to_owned());
        domain::make_dir(&dir.node_dir(&name)).unwrap();
        std::fs::write(dir.trial_passphrase(&name), passphrase.as_bytes()).unwrap();
        let mut made = sealed::create(&dir, &name, Role::Signer, passphrase, Cost::TRIAL).unwrap();
        let ids = [NodeId(Digest([2; 32])), NodeId(Digest([3; 32]))];
        let rows = ids.map(|id| Write::put(Table::Quarantine, id.0.0, b"a check failed".to_vec()));
        made.store.commit(&rows).unwrap();
        drop(made);
        let reopened = || sealed::open_trial(&dir, &name).unwrap();
        let [id, other] = ids;
        release(&dir, &name, (&peer, &id), reopened(), Face::new(true, false)).unwrap();
        let again =
            release(&dir, &name, (&peer, &id), reopened(), Face::new(true, false)).unwrap_err();
        assert_eq!(again.code(), "not_quarantined");
        let left = reopened().records;
        let left = left.iter().filter(|row| row.table == Table::Quarantine);
        assert_eq!(left.map(|row| row.key.clone()).collect::<Vec<_>>(), [other.0.0.to_vec()]);
    }
}
