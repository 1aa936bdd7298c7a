//! `succession announce|list|refuse|claim|take|keys|forget`, `key restore`, and what a genesis says of the domain that it
//! succeeds.
//!
//! Everybody verifies the one backup file from which the keys are restored: founders before they
//! name it, nodes before they countersign and again when they take it up, custodians before they
//! open anything of it, administrators before they order a key.

mod announcing;

use super::charter::file_motion;
use super::custodian::read_names;
use super::key::{parse_tree, tree_of_nodes};
use super::node::{Joined, join};
use super::seat::{claim_words, read_backup, read_claim};
use crate::args::seat::Arriving;
use crate::args::succession::{Restore, Succeeds, Succession as Verb};
use crate::domain::{self, DomainDir, read_at_most, write_whole};
use crate::face::Face;
use crate::failure::{Exit, Failure, Result};
use crate::replay;
use crate::sealed::{SealedNode, open_with as open_node};
use crate::session::Session;
use quorate_charter::limits::ASKS_MAX;
use quorate_charter::{
    Genesis, MotionBody, Origin, Role, SignedSeatClaim, State, Succession, most_faults,
};
use quorate_codec::{Canonical, from_bytes, hex, to_bytes};
use quorate_identity::{GenesisHash, KeyId, Name, NodeId, Scheme};
use quorate_machine::estate::{self, Inherited, Legacy};
use quorate_recovery::estate::{
    EstateFault, EstateKey, EstatePart, InheritError, Inheritance, LeftOut,
};
use quorate_recovery::seat::{Arrival, VerifiedBackup};
use rand_core::OsRng;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Runs a `succession` verb.
///
/// # Errors
/// The caller's; a peer's, if a backup or a part does not hold.
pub async fn run(verb: Verb, face: Face) -> Result<()> {
    match verb {
        Verb::Announce(options) => announcing::announce(options, face).await,
        Verb::List(reader) => announcing::list(&reader, face).await,
        Verb::Refuse { announcement, signer } => {
            announcing::refuse(&announcement, &signer, face).await
        }
        Verb::Claim { arriving, omitted, output } => {
            claim(&arriving, &read_names(&omitted)?, &output, face)
        }
        Verb::Forget { name, dir, opening } => {
            let dir = DomainDir::new(dir);
            let name = dir.read_node(&domain::name(&name)?)?.name;
            forget(name.clone(), open_node(&dir, &name, &opening)?, face)
        }
        Verb::Take { name, dir, backup, genesis_file, genesis, opening, parts } => {
            let dir = DomainDir::new(dir);
            let name = dir.read_node(&domain::name(&name)?)?.name;
            let parts = parts.iter().map(|path| read_part(path)).collect::<Result<Vec<_>>>()?;
            let node = open_node(&dir, &name, &opening)?;
            let joined = join(&dir, node, genesis_file, genesis.as_deref())?;
            take(&dir, &name, joined, &backup, &parts, face)
        }
        Verb::Keys { backup, reader } => {
            let state = Session::read(&reader)?.replay().await?;
            let (found, _) = read_estate(&backup, &state, face)?;
            face.show(&Keys::new(&state, found), keys_text);
            Ok(())
        }
    }
}

#[derive(Serialize)]
struct Claimed {
    node: Name,
    id: NodeId,
    words: String,
    claim: PathBuf,
}

fn claim(arriving: &Arriving, omitted: &[Name], output: &Path, face: Face) -> Result<()> {
    if output.exists() {
        let message = format!("{} exists already; nothing was written", output.display());
        return Err(Failure::caller("file_exists", message, "choose another name"));
    }
    let dir = DomainDir::new(&arriving.dir);
    let name = dir.read_node(&domain::name(&arriving.name)?)?.name;
    let genesis: GenesisHash = replay::parse_hash(&arriving.genesis, "genesis hash")?;
    let mut node = open_node(&dir, &name, &arriving.opening)?;
    if node.genesis.is_some() {
        let message = format!("node {name} belongs to a domain already");
        let next = "claim with a machine that was just made with `quorate node init`";
        return Err(Failure::caller("in_its_seat", message, next));
    }
    if node.enrolment.body().role != Role::Signer {
        let message = format!("{name} is a witness: it gets no part of a key");
        return Err(Failure::caller("other_role", message, "claim with signers alone"));
    }
    let backup = verified(&arriving.backup, &genesis, omitted, face)?;
    face.before(|| {
        let output = output.display();
        format!("sign a claim of {name} to its part of the lost domain, and write it to {output}")
    })?;
    // The same at every call: an earlier claim may stand in a genesis.
    let arrival = match node.arrival() {
        Some(arrival) => arrival,
        None => node.keep_arrival(Arrival::random(&mut OsRng))?,
    };
    let id = node.enrolment.id();
    let asks = backup.asks_for_estate(&arrival, id).ok_or_else(|| {
        let message = "a recovery key in this charter cannot be read";
        Failure::peer("bad_charter", message, "show this to the other operators")
    })?;
    if asks.len() > ASKS_MAX {
        let message = format!(
            "the keys of this domain are backed up for {} recovery keys; a claim asks at most \
             {ASKS_MAX}",
            asks.len()
        );
        let next = "take an earlier backup, in which they are backed up for fewer";
        return Err(Failure::caller("too_many_custodians", message, next));
    }
    let signed = SignedSeatClaim::create(genesis, id, arrival.public(), asks, &node.secrets);
    write_whole(output, &to_bytes(&signed), 0o644)?;
    let claimed = Claimed { node: name, id, words: claim_words(&signed), claim: output.to_owned() };
    face.show(&claimed, |it| {
        format!(
            "this machine asks for its part of what restores the lost domain. Founders and custodians \
             see these words; read them out to them:\n  {}\n\n\
             Send {} to whoever makes the genesis, with the enrolment of {}: \
             quorate genesis create --succeeds",
            it.words,
            it.claim.display(),
            it.node
        )
    });
    Ok(())
}

/// What a genesis is to say of the domain that it succeeds, and the backup of that, which the founders
/// verified.
///
/// # Errors
/// The caller's: no hash. A peer's: the backup does not hold.
pub fn of_genesis(options: &Succeeds, face: Face) -> Result<Option<(Succession, VerifiedBackup)>> {
    let (Some(path), Some(hash), Some(reason)) =
        (&options.backup, &options.predecessor, &options.reason)
    else {
        return Ok(None);
    };
    let predecessor: GenesisHash = replay::parse_hash(hash, "genesis hash")?;
    let claims = options.claims.iter().map(|path| read_claim(path));
    let claims = claims.collect::<Result<Vec<_>>>()?;
    let omitted = read_names(&options.omitted)?;
    let verified = verified(path, &predecessor, &omitted, face)?;
    let (head, backup) = (verified.state().head(), verified.digest());
    let reason = reason.trim().to_owned();
    let succession = Succession { predecessor, head, backup, reason, claims, omitted };
    Ok(Some((succession, verified)))
}

/// Holds a genesis against the backup that it names, and says who is to get what of it.
///
/// # Errors
/// The caller's: it is another file, a claim asks too little, or too few have a key together.
pub fn check_estate(genesis: &Genesis, backup: &VerifiedBackup, face: Face) -> Result<()> {
    let Some(succession) = &genesis.succession else { return Ok(()) };
    let faults = usize::from(genesis.faults);
    let (keys, left_out) = backup.estate(succession, faults).map_err(unfit)?;
    let mut text = String::from("of the lost domain these have together:\n");
    for key in &keys {
        let dealers = key.summands.dealers();
        let named = genesis.nodes.iter().filter(|node| dealers.contains(&node.id()));
        let names: Vec<&str> = named.map(|node| node.body().name.as_str()).collect();
        let _ = writeln!(text, "  {:<16} {}", key.name, names.join(", "));
    }
    for key in &left_out {
        let _ = writeln!(text, "  {:<16} nobody: {}", key.name, key.why);
    }
    face.brief(text.trim_end());
    Ok(())
}

/// A node founds no successor whose backup it did not verify itself, none with a claim that it did not
/// make, and none that leaves out the claim that it made (SUC-03).
///
/// # Errors
/// The caller's: no backup, another claim. A peer's: the backup does not hold.
pub fn check_before_countersigning(
    genesis: &Genesis,
    node: &SealedNode,
    backup: Option<&Path>,
    face: Face,
) -> Result<()> {
    let Some(succession) = &genesis.succession else { return Ok(()) };
    let path = backup.ok_or_else(|| {
        let message = "this domain succeeds another one, and a node verifies for itself of what";
        Failure::caller(
            "backup_needed",
            message,
            "give the backup of the lost domain with --backup",
        )
    })?;
    let backup = verified(path, &succession.predecessor, &succession.omitted, face)?;
    check_estate(genesis, &backup, face)?;
    let named = succession.claim_of(&node.enrolment.id()).map(|claim| &claim.body().arrival);
    let own = node.arrival().map(|arrival| arrival.public());
    match named == own.as_ref() {
        true => Ok(()),
        false => Err(another_claim()),
    }
}

#[derive(Serialize)]
struct Forgot {
    node: Name,
    forgot: bool,
}

/// Gives up what a stopped node was given, and with what it could be given more.
fn forget(name: Name, mut node: SealedNode, face: Face) -> Result<()> {
    face.before(|| format!("erase at node {name} what custodians opened for it"))?;
    let rows = estate::give_up(&node.records);
    node.inherit(rows, true)?;
    face.show(&Forgot { node: name, forgot: true }, |it| {
        format!(
            "{} has nothing left of what custodians opened for it; a key that is not restored yet \
             cannot be any more in this domain",
            it.node
        )
    });
    Ok(())
}

/// What a genesis says of its succession, for people.
pub fn text_of(genesis: &Genesis) -> String {
    let Some(succession) = &genesis.succession else { return String::new() };
    let mut text = format!(
        "it succeeds the domain {}\n  {}\n  of which entry {} is the last one known\n  because: {}\n\
         what restores its keys is opened for, in these places\n",
        succession.predecessor,
        quorate_identity::words(&succession.predecessor.digest()).join(" "),
        succession.head,
        succession.reason,
    );
    for (place, claim) in (1..).zip(&succession.claims) {
        let id = claim.body().node;
        let node = genesis.nodes.iter().find(|node| node.id() == id);
        let name = node.map_or_else(|| id.to_string(), |node| node.body().name.to_string());
        let _ = writeln!(text, "  {place}. {name:<13} claim    {}", claim_words(claim));
    }
    for name in &succession.omitted {
        let _ = writeln!(text, "  {name:<16} is given up");
    }
    text
}

fn succession_of(state: &State) -> Result<&Succession> {
    state.succession().ok_or_else(|| {
        let message = "this domain succeeds no other: there is nothing to restore";
        let next = "keys from elsewhere are brought with `quorate key import`";
        Failure::caller("no_succession", message, next)
    })
}

fn verified(
    path: &Path,
    genesis: &GenesisHash,
    omitted: &[Name],
    face: Face,
) -> Result<VerifiedBackup> {
    let _progress = face.progress("verifying the backup");
    read_backup(path, genesis, omitted)
}

/// What a backup has of the lost domain, and what of it cannot be restored.
type Found = (Vec<EstateKey>, Vec<LeftOut>);

/// Reads it.
fn read_estate(path: &Path, state: &State, face: Face) -> Result<(Found, VerifiedBackup)> {
    let succession = succession_of(state)?;
    let backup = verified(path, &succession.predecessor, &succession.omitted, face)?;
    let estate = backup.estate(succession, state.faults()).map_err(unfit)?;
    Ok((estate, backup))
}

#[derive(Serialize)]
struct TookUp {
    node: Name,
    genesis: GenesisHash,
    predecessor: GenesisHash,
    /// Keys of which this node has its part.
    inherited: Vec<Name>,
    /// Keys of which it has none, because too few custodians opened them here or it deals none.
    known: Vec<Name>,
    left_out: BTreeMap<Name, String>,
    /// Custodians whose answer was false, with the keys.
    lied: BTreeMap<Name, Vec<Name>>,
    /// Custodians who did not open all of some keys.
    silent: BTreeMap<Name, Vec<Name>>,
    /// Of keys that too few custodians opened: who could still help.
    missing: BTreeMap<Name, String>,
}

fn take(
    dir: &DomainDir,
    name: &Name,
    joined: Joined,
    path: &Path,
    parts: &[EstatePart],
    face: Face,
) -> Result<()> {
    let Joined { mut node, state, .. } = joined;
    let succession = succession_of(&state)?;
    let ((keys, left_out), backup) = read_estate(path, &state, face)?;
    let inheritance = match parts {
        [] => None,
        parts => {
            let arrival = node.arrival().ok_or_else(nothing_awaited)?;
            let _progress = face.progress("restoring");
            let id = node.enrolment.id();
            let got = backup.inherit(&state, (&id, &arrival), parts);
            Some(got.map_err(|error| not_inherited(&error, backup.state()))?)
        }
    };
    let mut summands: BTreeMap<KeyId, _> = BTreeMap::new();
    let got = inheritance.as_ref().map_or(&[][..], |it| &it.keys);
    for inherited in got {
        summands.insert(inherited.key, inherited.summand.clone());
    }
    // What is restored needs nothing any more, and is not written again.
    let over = estate::restored_keys(&node.records);
    summands.retain(|key, _| !over.contains(key));
    let had = estate::with_summand(&node.records);
    let has = |key: &KeyId| had.contains(key) || summands.contains_key(key) || over.contains(key);
    let deals = |key: &EstateKey| key.summands.dealers().contains(&node.enrolment.id());
    let is_whole = keys.iter().all(|key| !deals(key) || has(&key.key()));
    let (inherited, known): (Vec<&EstateKey>, Vec<&EstateKey>) =
        keys.iter().partition(|key| has(&key.key()));
    let names = |keys: Vec<&EstateKey>| keys.into_iter().map(|key| key.name.clone()).collect();
    let took = TookUp {
        node: name.clone(),
        genesis: state.genesis(),
        predecessor: succession.predecessor,
        inherited: names(inherited),
        known: names(known),
        left_out: left_out.iter().map(|it| (it.name.clone(), it.why.to_string())).collect(),
        lied: by_custodian(inheritance.as_ref().map(|it| &it.liars), &keys),
        silent: by_custodian(inheritance.as_ref().map(|it| &it.silent), &keys),
        missing: missing_of(inheritance.as_ref()),
    };
    let legacies: Vec<Legacy> = keys
        .into_iter()
        .map(|key| Legacy { summand: summands.remove(&key.key()), inherited: inherited_of(key) })
        .collect();
    let dir = dir.path().display().to_string();
    face.before(|| format!("keep this in the store of node {name}\n{}", took_text(&took, &dir)))?;
    node.inherit(estate::take_up(&legacies), is_whole)?;
    face.show(&took, |it| took_text(it, &dir));
    Ok(())
}

fn inherited_of(key: EstateKey) -> Inherited {
    let EstateKey { scheme, points, chain_codes, restored, summands, .. } = key;
    let points = points.into_iter().map(Into::into).collect();
    Inherited { scheme, points, chain_codes, restored, summands }
}

fn by_custodian(
    pairs: Option<&BTreeSet<(Name, KeyId)>>,
    keys: &[EstateKey],
) -> BTreeMap<Name, Vec<Name>> {
    let mut by: BTreeMap<Name, Vec<Name>> = BTreeMap::new();
    for (custodian, key) in pairs.into_iter().flatten() {
        let named = keys.iter().find(|it| it.key() == *key).map(|it| it.name.clone());
        by.entry(custodian.clone()).or_default().extend(named);
    }
    by
}

fn missing_of(inheritance: Option<&Inheritance>) -> BTreeMap<Name, String> {
    let missing = inheritance.into_iter().flat_map(|it| &it.missing);
    missing.filter_map(|it| Some((it.name.clone()?, it.who.to_string()))).collect()
}

fn took_text(took: &TookUp, dir: &str) -> String {
    let list = |names: &[Name]| names.iter().map(Name::as_str).collect::<Vec<_>>().join(", ");
    let name = &took.node;
    let mut text = format!("{name} knows the keys of the lost domain");
    if !took.inherited.is_empty() {
        let _ = write!(text, "\nit has its part of: {}", list(&took.inherited));
    }
    if !took.known.is_empty() {
        let _ = write!(text, "\nit has no part of: {}", list(&took.known));
    }
    for (key, why) in &took.left_out {
        let _ = write!(text, "\nnot restored: {key}, {why}");
    }
    for (custodian, keys) in &took.lied {
        let _ = write!(text, "\n{custodian} LIED: what they gave is not theirs of: {}", list(keys));
    }
    for (custodian, keys) in &took.silent {
        let _ = write!(text, "\n{custodian} did not open all of: {}", list(keys));
    }
    for (key, who) in &took.missing {
        let _ = write!(text, "\nnot enough custodians opened {key}: missing are {who}");
    }
    let _ = write!(
        text,
        "\n\nStart it: quorate node run {name} --dir {dir} --at NODE=HOST:PORT, for every other node\n\
         Once all run, administrators order each key: quorate key restore"
    );
    text
}

/// A key of the lost domain, and what became of it here.
#[derive(Serialize)]
struct KeyFound {
    name: Name,
    id: KeyId,
    scheme: Scheme,
    accounts: usize,
    public_key: String,
    /// Who deals it here.
    restored_by: Vec<Name>,
    /// What it is called here, once it was ordered.
    here: Option<Name>,
}

#[derive(Serialize)]
struct Keys {
    predecessor: GenesisHash,
    keys: Vec<KeyFound>,
    left_out: BTreeMap<Name, String>,
}

impl Keys {
    fn new(state: &State, (keys, left_out): Found) -> Self {
        let here = |key: KeyId| {
            let mut orders = state.keys().filter(|order| !order.retired);
            let order = orders.find(|order| {
                let restored = order.origin.as_ref().and_then(Origin::restored);
                restored.is_some_and(|restored| restored.key == key)
            });
            order.map(|order| order.name.clone())
        };
        let found = |key: EstateKey| KeyFound {
            here: here(key.key()),
            id: key.key(),
            scheme: key.scheme,
            accounts: key.public_keys.len(),
            public_key: key.public_keys.first().map(|key| hex::encode(key)).unwrap_or_default(),
            restored_by: names_of(state, &key.summands.dealers()),
            name: key.name,
        };
        Self {
            predecessor: state.succession().map_or(state.genesis(), |it| it.predecessor),
            keys: keys.into_iter().map(found).collect(),
            left_out: left_out.into_iter().map(|it| (it.name, it.why.to_string())).collect(),
        }
    }
}

fn names_of(state: &State, nodes: &BTreeSet<NodeId>) -> Vec<Name> {
    nodes.iter().filter_map(|id| Some(state.node(id)?.name.clone())).collect()
}

fn keys_text(keys: &Keys) -> String {
    let mut lines = Vec::new();
    for key in &keys.keys {
        let by: Vec<&str> = key.restored_by.iter().map(Name::as_str).collect();
        let here = match &key.here {
            Some(name) if *name == key.name => "restored".to_owned(),
            Some(name) => format!("restored as {name}"),
            None => format!("not restored; {} deal it", by.join(", ")),
        };
        let (name, scheme, id) = (&key.name, key.scheme, key.id);
        let accounts = match key.accounts {
            1 => String::new(),
            more => format!(", {more} accounts"),
        };
        lines.push(format!("{name:<16} {scheme:<16} {here}{accounts}"));
        lines.push(format!("  id {id}, public key {}", key.public_key));
    }
    for (name, why) in &keys.left_out {
        lines.push(format!("{name:<16} cannot be restored: {why}"));
    }
    match lines.is_empty() {
        true => "the lost domain had no keys".to_owned(),
        false => lines.join("\n"),
    }
}

/// `key restore`: files the motion that restores a key of the lost domain.
///
/// # Errors
/// The caller's; a node's.
pub async fn restore(options: &Restore, face: Face) -> Result<()> {
    let wanted = domain::name(&options.name)?;
    let called = options.called.as_deref().map(domain::name).transpose()?;
    let tree = parse_tree(&options.access)?;
    let session = Session::sign(&options.signer)?;
    let state = session.replay().await?;
    let ((keys, left_out), _) = read_estate(&options.backup, &state, face)?;
    if let Some(left_out) = left_out.iter().find(|it| it.name == wanted) {
        let message = format!("{wanted} cannot be restored: {}", left_out.why);
        let next = "bring it from elsewhere with `quorate key import`, if you have it";
        return Err(Failure::caller("nothing_to_restore", message, next));
    }
    let known: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
    let known = known.join(", ");
    let key = keys.into_iter().find(|key| key.name == wanted).ok_or_else(|| {
        let message = format!("the lost domain had no key {wanted}");
        Failure::caller("unknown_key", message, format!("its keys are: {known}"))
    })?;
    let access = tree_of_nodes(&state, &tree)?;
    let dealers = key.summands.dealers();
    if !dealers.is_subset(&access.parties()) || !access.satisfied(&dealers) {
        let names: Vec<String> =
            names_of(&state, &dealers).iter().map(ToString::to_string).collect();
        let message = format!(
            "what restores {wanted} is opened for {}: they must be in its tree, and satisfy it",
            names.join(", ")
        );
        let next = "restore it over such a tree, then `quorate key reshare` over the one you want";
        return Err(Failure::caller("bad_access", message, next));
    }
    let body = MotionBody::KeyRestore {
        name: called.unwrap_or(wanted),
        scheme: key.scheme,
        faults: options.faults.unwrap_or_else(|| most_faults(&access)),
        access,
        accounts: u16::try_from(key.public_keys.len()).unwrap_or(u16::MAX),
        restored: key.restored,
    };
    file_motion(&session, &state, body, face).await
}

fn read_part(path: &Path) -> Result<EstatePart> {
    let most = u64::try_from(EstatePart::BYTES_MAX).unwrap_or(u64::MAX);
    let bytes = read_at_most(path, most).map_err(|error| Failure::named_file(path, &error))?;
    from_bytes(&bytes).map_err(|error| {
        let message = format!("{} holds nothing that a custodian opened: {error}", path.display());
        let next = "name the file that `quorate-recovery open --successor` wrote";
        Failure::caller("bad_part", message, next)
    })
}

fn nothing_awaited() -> Failure {
    let message = "this machine awaits nothing of custodians: it claimed nothing, or has all of it";
    let next = "take up without parts; only who claims with `quorate succession claim` gets some";
    Failure::caller("no_claim", message, next)
}

fn another_claim() -> Failure {
    let message = "the genesis has another claim of this node than this machine made";
    let next = "found anew with the claim of this machine; do not sign this genesis";
    Failure::caller("claim_of_another", message, next).with_exit(Exit::Refused)
}

fn unfit(fault: EstateFault) -> Failure {
    let message = fault.to_string();
    match fault {
        EstateFault::Domain(_) => {
            Failure::caller("another_domain", message, "take the backup of the lost domain")
        }
        EstateFault::Earlier { .. } => {
            let next = "found anew with this later backup, or take the one that the founders named";
            Failure::caller("backup_overtaken", message, next)
        }
        EstateFault::Later(_) | EstateFault::OtherFile(_) => {
            Failure::caller("another_backup", message, "take the file that the founders named")
        }
        EstateFault::Head => Failure::peer("bad_succession", message, "do not sign it; found anew"),
        EstateFault::Holders { .. } => {
            let next = "found with fewer that may lie (--faults), or give the key up with --omit";
            Failure::caller("few_heirs", message, next)
        }
        EstateFault::NoKey(_) => {
            Failure::caller("unknown_key", message, "name keys of the lost domain with --omit")
        }
        EstateFault::Claim(_) | EstateFault::NotAsked { .. } => {
            let next = "make the claim again with `quorate succession claim` and this very backup";
            Failure::peer("bad_claim", message, next)
        }
        EstateFault::Machine => Failure::machine("memory", message, "try again"),
    }
}

fn not_inherited(error: &InheritError, state: &State) -> Failure {
    let mut message = error.to_string();
    // Custodians know keys by their names.
    for key in state.keys() {
        message = message.replace(&key.key.to_string(), key.name.as_str());
    }
    match error {
        InheritError::Fault(fault) => unfit(fault.clone()),
        InheritError::AnotherClaim => another_claim(),
        InheritError::NoHeir => {
            Failure::caller("no_claim", message, "take up without parts at this node")
        }
        InheritError::Part { .. } => {
            let next = "leave it out, or have the custodian open it again for this domain";
            Failure::peer("part_refused", message, next)
        }
        InheritError::Missing(_) => {
            let next = "ask these to run `quorate-recovery open --successor`";
            Failure::caller("custodians_missing", message, next)
        }
        InheritError::False(_) => {
            Failure::peer("parts_false", message, "ask further custodians for their parts")
        }
        InheritError::GaveUp(_) => {
            Failure::peer("parts_false", message, "leave out those that you trust least")
        }
    }
}
