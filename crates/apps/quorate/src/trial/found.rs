//! Founding as all operators and people at once.

use crate::commands::genesis::{Founding as Ceremony, refused, role, write_genesis};
use crate::commands::key::parse_tree;
use crate::domain::{self, DomainDir, NodeConfig, TRIAL, make_dir, write_whole};
use crate::failure::{Failure, Result};
use crate::sealed::{self, SealedNode};
use crate::session::AUDITOR;
use quorate_backup::RecoveryKeyLine;
use quorate_charter::{
    Custodian, Custody, GenesisFile, GenesisPerson, GenesisService, Role, Roles, Rules,
};
use quorate_client::contract::{DomainFile, DomainNode};
use quorate_codec::hex;
use quorate_identity::{CredentialSigner, FileSigner, MemorySigner, Name};
use quorate_recovery::key_file::KeyFile;
use quorate_recovery::passphrase::{Cost as RecoveryCost, Passphrase};
use quorate_recovery::secret::{Kind, Secret};
use quorate_store::Cost;
use rand_core::OsRng;
use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::thread;
use zeroize::Zeroizing;

/// What a trial domain is founded with.
#[derive(Debug, Clone)]
pub struct Founding {
    /// Name of the domain.
    pub domain: &'static str,
    /// Number of signers; a witness comes on top.
    pub signers: u8,
    /// Delay of every frame between nodes, in milliseconds; for measurements.
    pub delay_ms: u64,
}

impl Default for Founding {
    fn default() -> Self {
        Self { domain: "trial", signers: 3, delay_ms: 0 }
    }
}

/// Administrators; any two authorise a motion.
const ADMINISTRATORS: [&str; 3] = ["ada", "ben", "cleo"];
/// Approvers.
const APPROVERS: [&str; 2] = ["alice", "bob"];
/// Custodians; any two restore.
pub const CUSTODIANS: [&str; 3] = ["greta", "hugo", "iris"];
/// Where their keys lie.
pub const CUSTODIANS_DIR: &str = "custodians";
/// The one service.
const SERVICE: &str = "wallet-service";

/// Any two rule, any one orders refreshes, and nothing is announced: it is a trial.
fn rules() -> Result<Rules> {
    let tree = |count: &str| parse_tree(&format!("{count} of ({})", ADMINISTRATORS.join(", ")));
    Ok(Rules::at_once(tree("2")?, tree("any")?))
}

/// Founds a domain in `dir`, which must not exist or be empty: whole or not at all.
///
/// # Errors
/// The caller's: the directory holds something else. The machine's.
pub fn found(dir: &DomainDir, founding: &Founding) -> Result<()> {
    let draft = draft_of(dir.path())?;
    let founded = found_in(&DomainDir::new(&draft), founding).and_then(|()| {
        fs::rename(&draft, dir.path()).map_err(|error| {
            Failure::caller(
                "directory_not_empty",
                format!("{} cannot become a domain directory: {error}", dir.path().display()),
                "name a directory with --dir that does not exist yet",
            )
        })
    });
    if founded.is_err() {
        // What is left is only a draft.
        let _ = fs::remove_dir_all(&draft);
    }
    founded
}

/// A directory beside `dir` in which founding works until all is done.
fn draft_of(dir: &Path) -> Result<PathBuf> {
    let full = std::path::absolute(dir).map_err(|error| Failure::file(dir, &error))?;
    let name = full.file_name().map(|name| name.to_string_lossy().into_owned());
    let parent = full.parent().map(Path::to_path_buf);
    let (Some(name), Some(parent)) = (name, parent) else {
        let message = "the root of a file system is no domain directory";
        return Err(Failure::caller("directory_not_empty", message, "name another with --dir"));
    };
    let occupied = fs::read_dir(&full).is_ok_and(|mut entries| entries.next().is_some());
    if occupied || full.is_file() {
        return Err(Failure::caller(
            "directory_not_empty",
            format!("{} holds something else than a domain", dir.display()),
            "name a directory with --dir that does not exist yet",
        ));
    }
    fs::create_dir_all(&parent).map_err(|error| Failure::file(&parent, &error))?;
    Ok(parent.join(format!(".{name}.founding-{}", std::process::id())))
}

fn found_in(dir: &DomainDir, founding: &Founding) -> Result<()> {
    make_dir(dir.path())?;
    let people = people(dir)?;
    let service = keypair(&dir.path().join("services"), SERVICE)?;
    let custodians = custodians(dir)?;
    let nodes = nodes(dir, founding.signers)?;
    let ceremony = Ceremony {
        domain: domain::name(founding.domain)?,
        nodes: nodes.iter().map(|node| node.enrolment.clone()).collect(),
        people: people.iter().map(|(person, _)| person.clone()).collect(),
        services: vec![GenesisService {
            name: domain::name(SERVICE)?,
            credential: service.credential().clone(),
        }],
        rules: rules()?,
        faults: None,
        staging: true,
        custody: Custody::some_of(2, custodians)
            .map_err(|error| Failure::machine("internal", error, "report it"))?,
        excepted: Vec::new(),
        succession: None,
    };
    let file = sign_all(ceremony.create()?, &people, &nodes)?;
    write_genesis(&dir.genesis_path(), &file)?;
    let genesis = file.hash();
    let mut lines = Vec::new();
    for (mut node, config) in configs(nodes, founding.delay_ms)? {
        node.join(genesis)?;
        dir.write_node(&config)?;
        let api = format!("https://{}", config.api);
        lines.push(DomainNode { name: config.name, role: config.role, api, pid: 0 });
    }
    write_whole(&dir.path().join(TRIAL), TRIAL_TEXT.as_bytes(), 0o644)?;
    let domain = domain::name(founding.domain)?;
    dir.write(&DomainFile { domain, genesis, nodes: lines })
}

/// Keys of all people, each in a file that only its owner reads.
fn people(dir: &DomainDir) -> Result<Vec<(GenesisPerson, MemorySigner)>> {
    let folder = dir.path().join("people");
    let administrators =
        ADMINISTRATORS.map(|name| (name, Roles { administrator: true, ..Roles::default() }));
    let approvers = APPROVERS.map(|name| (name, Roles { approver: true, ..Roles::default() }));
    let auditor = [(AUDITOR, Roles { auditor: true, ..Roles::default() })];
    let all = administrators.into_iter().chain(approvers).chain(auditor);
    all.map(|(name, roles)| {
        let signer = keypair(&folder, name)?;
        let credential = signer.credential().clone();
        Ok((GenesisPerson { name: domain::name(name)?, credential, roles }, signer))
    })
    .collect()
}

/// Recovery keys of all custodians, each in a file under a passphrase that lies beside it: a trial.
fn custodians(dir: &DomainDir) -> Result<Vec<Custodian>> {
    let folder = dir.path().join(CUSTODIANS_DIR);
    make_dir(&folder)?;
    thread::scope(|scope| {
        let made = CUSTODIANS.map(|name| scope.spawn(|| custodian(&folder, name)));
        made.into_iter().map(|made| made.join().unwrap_or_else(|_| Err(lost()))).collect()
    })
}

fn custodian(folder: &Path, name: &str) -> Result<Custodian> {
    let secret = Secret::random(Kind::Hybrid, &mut OsRng);
    let passphrase = Zeroizing::new(hex::encode(&crate::random_bytes::<16>()));
    write_whole(&folder.join(name).with_extension("passphrase"), passphrase.as_bytes(), 0o600)?;
    let (name, key) = (domain::name(name)?, secret.public());
    let passphrase = Passphrase::from(passphrase.as_str());
    let salt = crate::random_bytes();
    let sealed = KeyFile::seal(name.clone(), &secret, &passphrase, RecoveryCost::STANDARD, salt);
    let sealed = sealed.map_err(|error| Failure::machine("seal", error, "free some memory"))?;
    write_whole(&folder.join(name.as_str()), sealed.to_string().as_bytes(), 0o600)?;
    let line = RecoveryKeyLine { name: name.clone(), key: key.clone() };
    let path = folder.join(name.as_str()).with_extension("pub");
    write_whole(&path, format!("{line}\n").as_bytes(), 0o644)?;
    Ok(Custodian::new(name, key.to_bytes()))
}

fn keypair(folder: &Path, name: &str) -> Result<MemorySigner> {
    make_dir(folder)?;
    let signer = MemorySigner::generate(&mut OsRng)?;
    FileSigner::create(&folder.join(name), &signer.to_openssh()?, signer.credential(), name)?;
    Ok(signer)
}

/// All nodes, made beside each other: sealing a store takes its time on purpose.
fn nodes(dir: &DomainDir, signers: u8) -> Result<Vec<SealedNode>> {
    let signers = (1..=signers).map(|number| (format!("node-{number}"), Role::Signer));
    let all: Vec<(String, Role)> = signers.chain([("witness".to_owned(), Role::Witness)]).collect();
    thread::scope(|scope| {
        let made: Vec<_> = all
            .iter()
            .map(|(name, role)| scope.spawn(move || node(dir, &domain::name(name)?, *role)))
            .collect();
        made.into_iter().map(|made| made.join().unwrap_or_else(|_| Err(lost()))).collect()
    })
}

fn lost() -> Failure {
    Failure::machine("internal", "a thread of this process was lost", "try again")
}

fn node(dir: &DomainDir, name: &Name, role: Role) -> Result<SealedNode> {
    let passphrase = Zeroizing::new(hex::encode(&crate::random_bytes::<16>()));
    make_dir(&dir.node_dir(name))?;
    write_whole(&dir.trial_passphrase(name), passphrase.as_bytes(), 0o600)?;
    let made = sealed::create(dir, name, role, passphrase, Cost::STANDARD)?;
    let enrolment = quorate_codec::to_bytes(&made.enrolment);
    write_whole(&dir.node_dir(name).join("enrolment.cbor"), &enrolment, 0o644)?;
    Ok(made)
}

fn sign_all(
    mut file: GenesisFile,
    people: &[(GenesisPerson, MemorySigner)],
    nodes: &[SealedNode],
) -> Result<GenesisFile> {
    for (_, signer) in people.iter().filter(|(person, _)| person.roles.administrator) {
        file.sign(signer).map_err(|error| refused(&error))?;
    }
    for node in nodes {
        file.countersign(&node.secrets).map_err(|error| refused(&error))?;
    }
    file.verify(&file.hash()).map_err(|error| refused(&error))?;
    Ok(file)
}

/// Where each node listens, and where it finds the others.
fn configs(nodes: Vec<SealedNode>, delay_ms: u64) -> Result<Vec<(SealedNode, NodeConfig)>> {
    let ports = free_addresses(2 * nodes.len())?;
    let pairs = ports.as_chunks::<2>().0;
    let peers: BTreeMap<Name, String> = nodes
        .iter()
        .zip(pairs)
        .map(|(node, [peer, _])| (node.enrolment.body().name.clone(), peer.to_string()))
        .collect();
    let configs = nodes.into_iter().zip(pairs).map(|(node, [peer, api])| {
        let name = node.enrolment.body().name.clone();
        let mut others = peers.clone();
        others.remove(&name);
        let role = role(node.enrolment.body().role);
        let config = NodeConfig {
            name,
            role,
            peer: *peer,
            api: *api,
            peers: others,
            delay_ms,
            verify_every_s: None,
            drill_every_days: None,
            generation_file: None,
        };
        (node, config)
    });
    Ok(configs.collect())
}

/// So many loopback addresses that nobody listens at now.
///
/// # Errors
/// The machine's.
pub fn free_addresses(count: usize) -> Result<Vec<SocketAddr>> {
    // All are held until the last one is found, so that they differ.
    let held: std::io::Result<Vec<TcpListener>> =
        (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect();
    let addresses = held.and_then(|held| held.iter().map(TcpListener::local_addr).collect());
    addresses.map_err(|error| {
        let message = format!("no free port of the loopback interface: {error}");
        Failure::machine("listen", message, "check the network interfaces of this machine")
    })
}

const TRIAL_TEXT: &str = "A domain for trying things out: one machine holds everybody's keys and \
                          passphrases here. Test funds only.\n";
