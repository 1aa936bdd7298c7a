//! A domain directory: who is where on this machine. Nothing in it is trusted but the genesis
//! hash, and that only because its owner compared it.
//!
//! ```text
//! D/domain.json          what runs here: {domain, genesis, nodes: [{name, role, api, pid}]}
//! D/genesis.cbor         the genesis with everybody's signatures
//! D/nodes/NAME/          node.json (addresses), store.redb and store.redb.slots (sealed),
//!                        enrolment.cbor (public), passphrase (trial domains only, readable by its owner)
//! D/people/NAME          OpenSSH private key, and NAME.pub
//! D/services/NAME        the same for services
//! ```

use crate::face::Face;
use crate::failure::{Failure, Result};
use quorate_charter::{GenesisFile, State};
use quorate_client::contract::{DomainFile, DomainNode, NodeRole};
use quorate_identity::{GenesisHash, Name};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// A file that says that a domain is for trying things out.
pub const TRIAL: &str = "trial";

/// Longest genesis file that is read, in bytes.
const GENESIS_BYTES_MAX: u64 = 4 << 20;
/// Longest passphrase file that is read, in bytes.
const PASSPHRASE_BYTES_MAX: u64 = 4_096;

/// `D/nodes/NAME/node.json`: addresses only. Peers are known by their keys, so a wrong address
/// can delay and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeConfig {
    /// Its name.
    pub name: Name,
    /// What it does.
    pub role: NodeRole,
    /// Where it listens for nodes.
    pub peer: SocketAddr,
    /// Where it listens for people and services.
    pub api: SocketAddr,
    /// Where the other nodes listen: `HOST:PORT`.
    #[serde(default)]
    pub peers: BTreeMap<Name, String>,
    /// Delay added to every frame to other nodes, in milliseconds; for measurements.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub delay_ms: u64,
    /// Seconds from one verification of all backups here to the next; a day where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify_every_s: Option<NonZeroU64>,
    /// Days from one drill of custodians to the next; 100 where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill_every_days: Option<NonZeroU32>,
    /// A file that has another content once this machine goes on in a copy of its memory, for
    /// hypervisors that say so in a way of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation_file: Option<PathBuf>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A domain directory.
#[derive(Debug, Clone)]
pub struct DomainDir(PathBuf);

impl DomainDir {
    /// Names a directory; nothing is read.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where the genesis is.
    pub fn genesis_path(&self) -> PathBuf {
        self.0.join("genesis.cbor")
    }

    /// The directory of a node.
    pub fn node_dir(&self, name: &Name) -> PathBuf {
        self.0.join("nodes").join(name.as_str())
    }

    /// The sealed store of a node.
    pub fn store_path(&self, name: &Name) -> PathBuf {
        self.node_dir(name).join("store.redb")
    }

    /// The passphrase file that only a trial domain has.
    pub fn trial_passphrase(&self, name: &Name) -> PathBuf {
        self.node_dir(name).join("passphrase")
    }

    /// Name of the file beside a node's store with its public copy of the charter, so that it can
    /// be verified while no node runs.
    pub const CHARTER_COPY: &str = "charter.jsonl";

    /// Whether this is a domain for trying things out, where one person acts as everybody.
    pub fn is_trial(&self) -> bool {
        self.0.join(TRIAL).exists()
    }

    /// Whether a domain was founded here.
    pub fn is_founded(&self) -> bool {
        self.0.join("domain.json").exists()
    }

    /// Reads `domain.json`.
    ///
    /// # Errors
    /// The caller's: no domain there. The machine's: unreadable.
    pub fn read(&self) -> Result<DomainFile> {
        let path = self.0.join("domain.json");
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                Failure::machine(
                    "domain_file",
                    format!("{} is not a domain file: {error}", path.display()),
                    "restore it from a copy; it holds names and addresses only",
                )
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Failure::caller(
                "no_domain",
                format!("there is no domain in {}", self.0.display()),
                "name the right directory with --dir; `quorate up --dir` makes one for trying \
                 things out, `quorate genesis join` one for a domain that exists",
            )),
            Err(error) => Err(Failure::file(&path, &error)),
        }
    }

    /// Writes `domain.json`, whole or not at all.
    ///
    /// # Errors
    /// The machine's.
    pub fn write(&self, file: &DomainFile) -> Result<()> {
        let mut json = serde_json::to_vec_pretty(file).unwrap_or_default();
        json.push(b'\n');
        write_whole(&self.0.join("domain.json"), &json, 0o644)
    }

    /// Notes under which process and address a node runs; the first node of this machine makes
    /// the file.
    ///
    /// # Errors
    /// The machine's.
    pub fn note_running(&self, state: &State, node: DomainNode) -> Result<()> {
        let _guard = self.lock()?;
        let mut file = match self.is_founded() {
            true => self.read()?,
            false => DomainFile {
                domain: state.domain().clone(),
                genesis: state.genesis(),
                nodes: Vec::new(),
            },
        };
        match file.nodes.iter_mut().find(|line| line.name == node.name) {
            Some(line) => *line = node,
            None => file.nodes.push(node),
        }
        self.write(&file)
    }

    /// The genesis with its founding state, verified against the hash in `domain.json`.
    ///
    /// # Errors
    /// Those of [`read`](Self::read) and [`read_genesis`].
    pub fn genesis(&self) -> Result<(GenesisFile, State)> {
        let hash = self.read()?.genesis;
        let file = read_genesis(&self.genesis_path())?;
        let state = verify_genesis(&file, &hash)?;
        Ok((file, state))
    }

    /// The charter as this machine last verified it.
    pub fn known_charter_path(&self) -> PathBuf {
        self.path().join(Self::CHARTER_COPY)
    }

    /// Reads a node's addresses.
    ///
    /// # Errors
    /// The caller's: no such node here.
    pub fn read_node(&self, name: &Name) -> Result<NodeConfig> {
        let path = self.node_dir(name).join("node.json");
        let bytes = fs::read(&path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => self.unknown_node(name),
            _ => Failure::file(&path, &error),
        })?;
        serde_json::from_slice(&bytes).map_err(|error| {
            Failure::machine(
                "node_file",
                format!("{} does not parse: {error}", path.display()),
                "it holds addresses only: write it again, or restore it from a copy",
            )
        })
    }

    /// Writes a node's addresses.
    ///
    /// # Errors
    /// The machine's.
    pub fn write_node(&self, config: &NodeConfig) -> Result<()> {
        let json = serde_json::to_vec_pretty(config).unwrap_or_default();
        make_dir(&self.node_dir(&config.name))?;
        write_whole(&self.node_dir(&config.name).join("node.json"), &json, 0o644)
    }

    /// The error for a node that is not of this directory.
    pub fn unknown_node(&self, name: &Name) -> Failure {
        Failure::caller(
            "unknown_node",
            format!("there is no node {name} in {}", self.0.display()),
            "check the name against domain.json, or make the node with `quorate node init`",
        )
    }

    /// The key file of a person or service.
    ///
    /// # Errors
    /// The caller's: nobody of that name here.
    pub fn actor_key(&self, name: &Name) -> Result<PathBuf> {
        let files = ["people", "services"].map(|folder| self.0.join(folder).join(name.as_str()));
        files.into_iter().find(|path| path.is_file()).ok_or_else(|| {
            Failure::caller(
                "unknown_actor",
                format!("there is no key of {name} in {}", self.0.display()),
                "put the OpenSSH key under people/ or services/, or name somebody else with --as",
            )
        })
    }

    /// Takes the directory for one supervisor; `None` when another has it.
    ///
    /// # Errors
    /// The machine's.
    pub fn try_own(&self) -> Result<Option<fs::File>> {
        let path = self.0.join(".supervised");
        let file = fs::File::create(&path).map_err(|error| Failure::file(&path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(Failure::file(&path, &error)),
        }
    }

    /// Takes the directory's lock for a short change.
    fn lock(&self) -> Result<fs::File> {
        Face::of_process().before(|| format!("change {}", self.0.display()))?;
        let path = self.0.join(".lock");
        let file = fs::File::create(&path).map_err(|error| Failure::file(&path, &error))?;
        file.lock().map_err(|error| Failure::file(&path, &error))?;
        Ok(file)
    }
}

/// Reads a genesis file, and says so if it is one of a staging domain; nothing is verified.
///
/// # Errors
/// The caller's: no such file. A peer's: not a genesis.
pub fn read_genesis(path: &Path) -> Result<GenesisFile> {
    let bytes =
        read_at_most(path, GENESIS_BYTES_MAX).map_err(|error| Failure::named_file(path, &error))?;
    let file: GenesisFile = quorate_codec::from_bytes(&bytes).map_err(|error| {
        Failure::peer(
            "bad_genesis",
            format!("{} is not a genesis file: {error}", path.display()),
            "get the file again from whoever made it",
        )
    })?;
    Face::of_process().name_staging(&file);
    Ok(file)
}

/// The founding state of a genesis that everybody signed and whose hash is the given one.
///
/// # Errors
/// A peer's: whoever supplied the file.
pub fn verify_genesis(file: &GenesisFile, hash: &GenesisHash) -> Result<State> {
    file.verify(hash).map_err(|error| {
        Failure::peer(
            "bad_genesis",
            format!("the genesis file does not hold: {error}"),
            "get the file again, and compare its hash with the administrators",
        )
    })
}

/// A name as typed.
///
/// # Errors
/// The caller's.
pub fn name(text: &str) -> Result<Name> {
    text.parse().map_err(|error| Failure::caller("bad_name", error, "choose another name"))
}

/// Makes a directory that only its owner reads.
///
/// # Errors
/// The machine's.
pub fn make_dir(path: &Path) -> Result<()> {
    Face::of_process().before(|| format!("make the folder {}", path.display()))?;
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| Failure::file(path, &error))
}

/// Writes a file whole or not at all: a crash leaves the old one.
///
/// # Errors
/// The machine's.
pub fn write_whole(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let would = || format!("write {}, {} bytes", path.display(), bytes.len());
    Face::of_process().before(would)?;
    let draft = path.with_added_extension("new");
    let mut options = fs::OpenOptions::new();
    let written = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&draft)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&draft, path));
    written.map_err(|error| Failure::file(path, &error))
}

/// Reads a file that may be at most so long.
///
/// # Errors
/// Those of the file, and one for a longer file.
pub fn read_at_most(path: &Path, bytes_max: u64) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    let read = fs::File::open(path)?.take(bytes_max + 1).read_to_end(&mut bytes)?;
    match u64::try_from(read).is_ok_and(|read| read <= bytes_max) {
        true => Ok(bytes),
        false => Err(std::io::Error::other(format!("longer than {bytes_max} bytes"))),
    }
}

/// Reads a passphrase: from the given file, from the trial domain's own, or from a prompt.
///
/// # Errors
/// The caller's: no file, no terminal.
pub fn passphrase(
    given: Option<&Path>,
    stored: Option<&Path>,
    prompt: &str,
) -> Result<Zeroizing<String>> {
    if let Some(path) = given.or(stored.filter(|path| path.is_file())) {
        return read_passphrase(path);
    }
    rpassword::prompt_password(prompt).map(Zeroizing::new).map_err(|_| {
        Failure::caller(
            "passphrase_needed",
            "a passphrase is needed and there is no terminal to ask at",
            "name a file that holds it with --passphrase-file",
        )
    })
}

fn read_passphrase(path: &Path) -> Result<Zeroizing<String>> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::caller(
            "passphrase_file",
            format!("{} cannot be read: {error}", path.display()),
            "name a readable text file with --passphrase-file",
        )
    };
    let bytes = read_at_most(path, PASSPHRASE_BYTES_MAX).map(Zeroizing::new);
    let bytes = bytes.map_err(|error| unreadable(&error))?;
    let text = std::str::from_utf8(&bytes).map_err(|error| unreadable(&error))?;
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}
