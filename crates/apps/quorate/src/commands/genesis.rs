//! `genesis create|sign|show|transcript|merge|join`: the founding ceremony, one file that everybody
//! signs.

mod transcript;

use super::custodian::{read_custody, read_names};
use super::rule;
use super::seat::claim_words;
use super::succession;
use crate::args::seal::Opening;
use crate::args::{CreateGenesis, Genesis as Verb};
use crate::domain::{self, DomainDir, read_at_most, read_genesis, verify_genesis, write_whole};
use crate::face::{Face, ask};
use crate::failure::{Failure, Result};
use crate::{replay, sealed, session};
use quorate_access::Tree;
use quorate_charter::{
    Custody, Genesis, GenesisError, GenesisFile, GenesisPerson, GenesisService, Roles, Rules,
    Settings, SignedEnrolment, SignedSeatClaim, Succession,
};
use quorate_client::contract::{DomainFile, DomainNode, NodeRole};
use quorate_codec::Digest;
use quorate_engine::RecoveryKey;
use quorate_identity::{Credential, GenesisHash, Head, Name, NodeId, words};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// Longest enrolment or public key file that is read, in bytes.
pub const SMALL_FILE_MAX: u64 = 16 << 10;

/// Runs a `genesis` verb.
///
/// # Errors
/// The caller's, or of whoever made a file.
pub fn run(verb: Verb, face: Face) -> Result<()> {
    match verb {
        Verb::Create(founding) => create(&founding, face),
        Verb::Sign {
            file,
            who,
            key,
            agent,
            node_dir,
            passphrase_file,
            device,
            genesis,
            backup,
        } => {
            let path = file;
            let mut file = read_genesis(&path)?;
            confirm(&file, genesis.as_deref(), face)?;
            match node_dir {
                Some(node_dir) => {
                    let opening = Opening { passphrase_file, device };
                    countersign(&mut file, &node_dir, &opening, backup.as_deref(), face)?;
                }
                None => {
                    let key = key.ok_or_else(nobody_signs)?;
                    let who = who.ok_or_else(nobody_signs)?;
                    sign(&mut file, &who, &key, agent, passphrase_file.as_deref())?;
                }
            }
            write_genesis(&path, &file)?;
            show(&file, face)
        }
        Verb::Show { file } => show(&read_genesis(&file)?, face),
        Verb::Transcript { file, output } => {
            transcript::run(&read_genesis(&file)?, output.as_deref(), face)
        }
        Verb::Merge { file, copies } => {
            let mut merged = read_genesis(&file)?;
            for copy in copies {
                merged.merge(&read_genesis(&copy)?).map_err(|error| refused(&error))?;
            }
            write_genesis(&file, &merged)?;
            show(&merged, face)
        }
        Verb::Join { file, genesis, dir, apis } => join(&file, &genesis, &dir, &apis, face),
    }
}

/// Writes the genesis that the options describe.
fn create(options: &CreateGenesis, face: Face) -> Result<()> {
    let people = [
        (options.administrators.as_slice(), Roles { administrator: true, ..Roles::default() }),
        (options.approvers.as_slice(), Roles { approver: true, ..Roles::default() }),
        (options.auditors.as_slice(), Roles { auditor: true, ..Roles::default() }),
        (options.operators.as_slice(), Roles { operator: true, ..Roles::default() }),
        (options.guardians.as_slice(), Roles { guardian: true, ..Roles::default() }),
    ];
    let people = read_people(people)?;
    let administrators = people.iter().filter(|person| person.roles.administrator);
    let administrators: Vec<Name> = administrators.map(|person| person.name.clone()).collect();
    let enrolments = options.nodes.iter().map(|it| read_enrolment(it.as_path()));
    let (succession, backup) = succession::of_genesis(&options.succeeds, face)?.unzip();
    let founding = Founding {
        domain: domain::name(&options.domain)?,
        nodes: enrolments.collect::<Result<_>>()?,
        rules: rule::founding(&options.rules, &administrators, options.staging)?,
        people,
        services: read_services(&options.services)?,
        faults: options.faults,
        staging: options.staging,
        custody: read_custody(&options.custody)?,
        excepted: read_names(&options.excepted)?,
        succession,
    };
    let file = founding.create()?;
    if let Some(backup) = backup {
        let genesis = file.genesis().map_err(|error| refused(&error))?;
        succession::check_estate(&genesis, &backup, face)?;
    }
    let genesis = file.genesis().map_err(|error| refused(&error))?;
    let output = options.output.display();
    face.before(|| {
        format!("write {output}, with another nonce and hash\n{}", text(&file, &genesis))
    })?;
    write_genesis(&options.output, &file)?;
    show(&file, face)
}

/// What a genesis is made of.
pub struct Founding {
    /// Name of the domain.
    pub domain: Name,
    /// The nodes.
    pub nodes: Vec<SignedEnrolment>,
    /// The people.
    pub people: Vec<GenesisPerson>,
    /// The services.
    pub services: Vec<GenesisService>,
    /// Who authorises what.
    pub rules: Rules,
    /// How many nodes may lie; as many as possible where it is not said.
    pub faults: Option<u8>,
    /// Whether the domain is for trying things out.
    pub staging: bool,
    /// Who restores what is lost.
    pub custody: Custody,
    /// Who is more than one thing.
    pub excepted: Vec<Name>,
    /// The domain that it succeeds, if it does.
    pub succession: Option<Succession>,
}

impl Founding {
    /// The file that nobody has signed yet.
    ///
    /// # Errors
    /// The caller's: names or keys that stand twice, a rule that one person satisfies, ...
    pub fn create(mut self) -> Result<GenesisFile> {
        self.nodes.sort_by(|a, b| a.body().name.cmp(&b.body().name));
        self.people.sort_by(|a, b| a.name.cmp(&b.name));
        self.services.sort_by(|a, b| a.name.cmp(&b.name));
        let most = self.nodes.len().saturating_sub(1) / 3;
        let genesis = Genesis {
            version: 1,
            domain: self.domain,
            staging: self.staging,
            nodes: self.nodes,
            people: self.people,
            services: self.services,
            rules: self.rules,
            faults: self.faults.unwrap_or(u8::try_from(most).unwrap_or(u8::MAX)),
            settings: Settings::default(),
            nonce: Digest(crate::random_bytes()),
            custody: self.custody,
            excepted: self.excepted,
            succession: self.succession,
        };
        GenesisFile::create(&genesis).map_err(|error| refused(&error))
    }
}

/// Writes the ceremony file.
///
/// # Errors
/// The machine's.
pub fn write_genesis(path: &Path, file: &GenesisFile) -> Result<()> {
    write_whole(path, &quorate_codec::to_bytes(file), 0o644)
}

/// A genesis that does not hold, at the human edge.
pub fn refused(error: &GenesisError) -> Failure {
    Failure::caller("bad_genesis", error, "correct it, and show everybody the new hash")
}

fn sign(
    file: &mut GenesisFile,
    who: &str,
    key: &Path,
    agent: bool,
    passphrase_file: Option<&Path>,
) -> Result<()> {
    let who = domain::name(who)?;
    let signer = match agent {
        true => session::agent(&read_credential(key)?)?,
        false => session::key_file(key, passphrase_file, &format!("passphrase of {who}'s key: "))?,
    };
    let genesis = file.genesis().map_err(|error| refused(&error))?;
    let enrolled = genesis.people.iter().find(|person| person.name == who);
    if enrolled.map(|person| &person.credential) != Some(signer.credential()) {
        let message = format!("this is not the key of {who} in the genesis");
        return Err(Failure::caller("wrong_key", message, "name the right key, or the right name"));
    }
    let hash = file.hash();
    Face::of_process().before(|| format!("sign the genesis {hash} as {who}"))?;
    file.sign(&*signer).map_err(|error| refused(&error))?;
    Ok(())
}

fn countersign(
    file: &mut GenesisFile,
    node_dir: &Path,
    opening: &Opening,
    backup: Option<&Path>,
    face: Face,
) -> Result<()> {
    let (dir, name) = split_node_dir(node_dir)?;
    let node = sealed::open_with(&dir, &name, opening)?;
    let genesis = file.genesis().map_err(|error| refused(&error))?;
    check_recovery_keys(&genesis)?;
    succession::check_before_countersigning(&genesis, &node, backup, face)?;
    face.before(|| format!("countersign the genesis {} as node {name}", file.hash()))?;
    file.countersign(&node.secrets).map_err(|error| refused(&error))?;
    Ok(())
}

/// A node founds no domain whose keys it could not back up.
fn check_recovery_keys(genesis: &Genesis) -> Result<()> {
    for custodian in &genesis.custody.custodians {
        RecoveryKey::from_bytes(&custodian.key).map_err(|error| {
            let message = format!("the recovery key of {} cannot be read: {error}", custodian.name);
            Failure::caller("bad_genesis", message, "have the genesis made again with another key")
        })?;
    }
    Ok(())
}

/// `D/nodes/NAME` as a domain directory and a name.
fn split_node_dir(node_dir: &Path) -> Result<(DomainDir, Name)> {
    let parts = || {
        let name = node_dir.file_name()?.to_str()?.parse().ok()?;
        let dir = node_dir.parent()?.parent()?;
        Some((DomainDir::new(dir), name))
    };
    parts().ok_or_else(|| {
        let message = format!("{} is not the directory of a node", node_dir.display());
        Failure::caller("unknown_node", message, "name it as DIR/nodes/NAME")
    })
}

fn nobody_signs() -> Failure {
    Failure::caller(
        "nobody_signs",
        "it is not said who signs",
        "an administrator: --as NAME --key FILE; a node: --node-dir DIR/nodes/NAME",
    )
}

/// The signer compares the hash with the others: as an argument, or when asked.
pub fn confirm(file: &GenesisFile, expected: Option<&str>, face: Face) -> Result<()> {
    let hash = file.hash();
    if let Some(expected) = expected {
        let expected: GenesisHash = replay::parse_hash(expected, "genesis hash")?;
        return match expected == hash {
            true => Ok(()),
            false => Err(Failure::caller(
                "genesis_mismatch",
                format!("this genesis has the hash {hash}, not {expected}"),
                "nothing was signed; compare the files with the others",
            )),
        };
    }
    face.brief(&text(file, &file.genesis().map_err(|error| refused(&error))?));
    if face.is_dry_run() {
        return Ok(());
    }
    match ask("Is this what the others see, word for word?") {
        Some(true) => Ok(()),
        Some(false) => {
            let next = "compare the twelve words with the others first";
            Err(Failure::caller("not_confirmed", "nothing was signed", next))
        }
        None => Err(Failure::caller(
            "genesis_needed",
            "there is no terminal to ask at, and no genesis hash was given",
            "compare the hash with the others, then give it with --genesis",
        )),
    }
}

fn join(file: &Path, hash: &str, dir: &Path, apis: &[String], face: Face) -> Result<()> {
    let hash = replay::parse_hash(hash, "genesis hash")?;
    let genesis = read_genesis(file)?;
    let state = verify_genesis(&genesis, &hash)?;
    let dir = DomainDir::new(dir);
    let mut nodes = Vec::new();
    for api in apis {
        let (name, address) = split_pair(api)?;
        let name = domain::name(name)?;
        let node = state.node_named(&name).ok_or_else(|| dir.unknown_node(&name))?;
        let address = address.strip_prefix("https://").unwrap_or(address);
        let role = role(node.role);
        nodes.push(DomainNode { name, role, api: format!("https://{address}"), pid: 0 });
    }
    face.before(|| {
        let asked = nodes.iter().map(|node| format!("\n  {} asked at {}", node.name, node.api));
        format!(
            "make {} a directory of the domain {}, {hash}{}",
            dir.path().display(),
            state.domain(),
            asked.collect::<String>()
        )
    })?;
    for folder in ["people", "services"] {
        domain::make_dir(&dir.path().join(folder))?;
    }
    write_genesis(&dir.genesis_path(), &genesis)?;
    let file = DomainFile { domain: state.domain().clone(), genesis: hash, nodes };
    dir.write(&file)?;
    face.show(&file, |file| {
        format!(
            "{} knows the domain {} now; put your OpenSSH key to people/NAME or services/NAME",
            dir.path().display(),
            file.domain
        )
    });
    Ok(())
}

/// A node's role in the contract.
pub fn role(role: quorate_charter::Role) -> NodeRole {
    match role {
        quorate_charter::Role::Signer => NodeRole::Signer,
        quorate_charter::Role::Witness => NodeRole::Witness,
    }
}

/// `NAME=REST` as typed.
///
/// # Errors
/// The caller's.
pub fn split_pair(text: &str) -> Result<(&str, &str)> {
    text.split_once('=').ok_or_else(|| {
        Failure::caller("bad_pair", format!("{text} is not NAME=VALUE"), "write it as NAME=VALUE")
    })
}

fn read_enrolment(path: &Path) -> Result<SignedEnrolment> {
    let bytes =
        read_at_most(path, SMALL_FILE_MAX).map_err(|error| Failure::named_file(path, &error))?;
    let bad = |error: &dyn std::fmt::Display| {
        let message = format!("{} is not a node's enrolment: {error}", path.display());
        Failure::peer("bad_enrolment", message, "get the file that `node init` wrote")
    };
    let enrolment: SignedEnrolment =
        quorate_codec::from_bytes(&bytes).map_err(|error| bad(&error))?;
    enrolment.verify_own().map_err(|error| bad(&error))?;
    Ok(enrolment)
}

fn read_credential(path: &Path) -> Result<Credential> {
    let bytes =
        read_at_most(path, SMALL_FILE_MAX).map_err(|error| Failure::named_file(path, &error))?;
    Credential::from_openssh(&String::from_utf8_lossy(&bytes)).map_err(|error| {
        let message = format!("{}: {error}", path.display());
        Failure::caller("bad_key_file", message, "name a file as ssh-keygen writes it: KEY.pub")
    })
}

/// People by name; who is named under several roles has them all.
fn read_people(groups: [(&[String], Roles); 5]) -> Result<Vec<GenesisPerson>> {
    let mut people: BTreeMap<Name, GenesisPerson> = BTreeMap::new();
    for (pairs, roles) in groups {
        for pair in pairs {
            let (name, path) = split_pair(pair)?;
            let name = domain::name(name)?;
            let credential = read_credential(Path::new(path))?;
            let person = people.entry(name.clone()).or_insert_with(|| GenesisPerson {
                name: name.clone(),
                credential: credential.clone(),
                roles: Roles::default(),
            });
            if person.credential != credential {
                let message = format!("{name} is named with two different keys");
                return Err(Failure::caller("two_keys", message, "give a person one key"));
            }
            person.roles.administrator |= roles.administrator;
            person.roles.approver |= roles.approver;
            person.roles.auditor |= roles.auditor;
            person.roles.operator |= roles.operator;
            person.roles.guardian |= roles.guardian;
        }
    }
    Ok(people.into_values().collect())
}

fn read_services(pairs: &[String]) -> Result<Vec<GenesisService>> {
    let read = |pair: &String| {
        let (name, path) = split_pair(pair)?;
        let credential = read_credential(Path::new(path))?;
        Ok(GenesisService { name: domain::name(name)?, credential })
    };
    pairs.iter().map(read).collect()
}

#[derive(Serialize)]
struct GenesisView {
    genesis: GenesisHash,
    words: String,
    domain: Name,
    staging: bool,
    faults: u8,
    rules: rule::RulesView,
    nodes: Vec<NodeView>,
    people: Vec<PersonView>,
    services: Vec<ServiceView>,
    seats: Tree<Name>,
    keys: Tree<Name>,
    custodians: Vec<CustodianView>,
    excepted: Vec<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    succeeds: Option<SuccessionView>,
    complete: bool,
    missing: Vec<Name>,
}

#[derive(Serialize)]
struct NodeView {
    name: Name,
    role: NodeRole,
    fingerprint: Digest,
    words: String,
}

#[derive(Serialize)]
struct PersonView {
    name: Name,
    roles: Vec<&'static str>,
    /// The keys about which an auditor reads who does not read everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    reads: Option<Vec<Name>>,
    fingerprint: String,
}

#[derive(Serialize)]
struct CustodianView {
    name: Name,
    fingerprint: Digest,
    words: String,
    expires_ms: Option<u64>,
}

#[derive(Serialize)]
struct SuccessionView {
    predecessor: GenesisHash,
    head: Head,
    backup: Digest,
    reason: String,
    claims: Vec<ClaimView>,
    omitted: Vec<Name>,
}

#[derive(Serialize)]
struct ClaimView {
    node: NodeId,
    words: String,
}

#[derive(Serialize)]
struct ServiceView {
    name: Name,
    fingerprint: String,
}

fn show(file: &GenesisFile, face: Face) -> Result<()> {
    let genesis = file.genesis().map_err(|error| refused(&error))?;
    face.name_staging(file);
    face.show(&view(file, &genesis), |_| text(file, &genesis));
    Ok(())
}

/// What a genesis says, as programs read it.
fn view(file: &GenesisFile, genesis: &Genesis) -> GenesisView {
    let missing = file.missing().unwrap_or_default();
    GenesisView {
        genesis: file.hash(),
        words: words(&file.hash().digest()).join(" "),
        domain: genesis.domain.clone(),
        staging: genesis.staging,
        faults: genesis.faults,
        rules: rule::RulesView::of(&genesis.rules),
        nodes: genesis
            .nodes
            .iter()
            .map(|node| NodeView {
                name: node.body().name.clone(),
                role: role(node.body().role),
                fingerprint: node.body().keys.fingerprint(),
                words: words(&node.body().keys.fingerprint()).join(" "),
            })
            .collect(),
        people: genesis
            .people
            .iter()
            .map(|person| PersonView {
                name: person.name.clone(),
                roles: person.roles.named(),
                reads: person.roles.reads.clone(),
                fingerprint: person.credential.fingerprint(),
            })
            .collect(),
        services: genesis
            .services
            .iter()
            .map(|service| ServiceView {
                name: service.name.clone(),
                fingerprint: service.credential.fingerprint(),
            })
            .collect(),
        seats: genesis.custody.seats.clone(),
        keys: genesis.custody.keys.clone(),
        custodians: genesis
            .custody
            .custodians
            .iter()
            .map(|custodian| CustodianView {
                name: custodian.name.clone(),
                fingerprint: custodian.key_id().digest(),
                words: words(&custodian.key_id().digest()).join(" "),
                expires_ms: custodian.expires_ms,
            })
            .collect(),
        excepted: genesis.excepted.clone(),
        succeeds: genesis.succession.as_ref().map(SuccessionView::new),
        complete: missing.administrators.is_empty() && missing.nodes.is_empty(),
        missing: missing.administrators.into_iter().chain(missing.nodes).collect(),
    }
}

impl SuccessionView {
    fn new(succession: &Succession) -> Self {
        let claim = |claim: &SignedSeatClaim| ClaimView {
            node: claim.body().node,
            words: claim_words(claim),
        };
        Self {
            predecessor: succession.predecessor,
            head: succession.head,
            backup: succession.backup,
            reason: succession.reason.clone(),
            claims: succession.claims.iter().map(claim).collect(),
            omitted: succession.omitted.clone(),
        }
    }
}

fn text(file: &GenesisFile, genesis: &Genesis) -> String {
    let missing = file.missing().unwrap_or_default();
    let missing: Vec<Name> = missing.administrators.into_iter().chain(missing.nodes).collect();
    let missing: Vec<&str> = missing.iter().map(Name::as_str).collect();
    let signed = match missing.is_empty() {
        true => "signed by everybody".to_owned(),
        false => format!("not signed yet by {}", missing.join(", ")),
    };
    said(file, genesis) + &signed
}

/// What a genesis says, in words, who signed it left out.
fn said(file: &GenesisFile, genesis: &Genesis) -> String {
    let hash = file.hash();
    let trial = if genesis.staging { " (staging)" } else { "" };
    let mut text = format!("genesis of {}{trial}\n  {hash}\n", genesis.domain);
    let _ = writeln!(text, "  {}", words(&hash.digest()).join(" "));
    let _ = writeln!(text, "{}", rule::in_words(&genesis.rules));
    let lying = genesis.faults;
    let _ = writeln!(text, "{} nodes, of which {lying} may lie", genesis.nodes.len());
    for node in &genesis.nodes {
        let node = node.body();
        let (name, role) = (&node.name, node.role);
        let fingerprint = words(&node.keys.fingerprint()).join(" ");
        let _ = writeln!(text, "  {name:<16} {role:<8} {fingerprint}");
    }
    for person in &genesis.people {
        let roles = person.roles.text();
        let fingerprint = person.credential.fingerprint();
        let _ = writeln!(text, "  {:<16} {roles}  {fingerprint}", person.name);
    }
    for service in &genesis.services {
        let fingerprint = service.credential.fingerprint();
        let _ = writeln!(text, "  {:<16} service  {fingerprint}", service.name);
    }
    let custody = &genesis.custody;
    let _ = writeln!(text, "shares are restored by {}", custody.seats);
    let _ = writeln!(text, "keys are restored without any node's shares by {}", custody.keys);
    for custodian in &custody.custodians {
        let fingerprint = words(&custodian.key_id().digest()).join(" ");
        let _ = writeln!(text, "  {:<16} custodian  {fingerprint}", custodian.name);
    }
    for name in &genesis.excepted {
        let _ = writeln!(text, "  {name} is more than one thing at once");
    }
    text.push_str(&succession::text_of(genesis));
    text
}
