//! `seat claim|give|take`: another machine in the place of a node that was lost.
//!
//! The new machine believes a genesis hash that was typed, and the backup file that follows from it;
//! custodians believe the entry that gave the seat.

use super::backup;
use super::charter::file_motion;
use super::genesis::write_genesis;
use crate::args::seat::{Arriving, Seat};
use crate::domain::{self, DomainDir, read_at_most, write_whole};
use crate::face::Face;
use crate::failure::{Exit, Failure, Result};
use crate::replay;
use crate::sealed::{SealedNode, open_with as open_node};
use crate::session::Session;
use quorate_charter::limits::ASKS_MAX;
use quorate_charter::{
    CertifiedEntry, GenesisFile, MotionBody, SignedSeatClaim, State, verify_log,
};
use quorate_codec::{Canonical, from_bytes, to_bytes};
use quorate_engine::KeyShare;
use quorate_identity::{GenesisHash, KeyId, Name, NodeId, words};
use quorate_machine::seats::{self, Taken};
use quorate_machine::{Shares, publics_of};
use quorate_recovery::backup_file::{BundleKind, Item};
use quorate_recovery::seat::{
    Arrival, PartFault, RestoreSeatError, RestoredKey, SeatPart, VerifiedBackup,
};
use quorate_recovery::verify::HeldKey;
use rand_core::OsRng;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Runs a `seat` verb.
///
/// # Errors
/// The caller's; a peer's, if a backup or a part does not hold.
pub async fn run(verb: Seat, face: Face) -> Result<()> {
    match verb {
        Seat::Claim { arriving, output } => claim(&arriving, &output, face),
        Seat::Give { claim, signer } => {
            let claim = read_claim(&claim)?;
            let session = Session::sign(&signer)?;
            let state = session.replay().await?;
            let node = claim.body().node;
            let name = state.node(&node).map(|node| node.name.clone()).ok_or_else(|| {
                let message = "the claim is for the seat of a node that this domain does not have";
                Failure::caller("other_domain", message, "bring it to the domain that it is for")
            })?;
            file_motion(&session, &state, MotionBody::SeatGive { name, claim }, face).await
        }
        Seat::Take { arriving, parts } => take(&arriving, &parts, face),
    }
}

/// The new machine, its store open, and the domain as a backup file shows it.
struct Machine {
    dir: DomainDir,
    name: Name,
    genesis: GenesisHash,
    node: SealedNode,
    backup: VerifiedBackup,
    /// The node whose seat it is.
    id: NodeId,
}

impl Machine {
    fn open(arriving: &Arriving, face: Face) -> Result<Self> {
        let dir = DomainDir::new(&arriving.dir);
        let name = dir.read_node(&domain::name(&arriving.name)?)?.name;
        let genesis: GenesisHash = replay::parse_hash(&arriving.genesis, "genesis hash")?;
        let node = open_node(&dir, &name, &arriving.opening)?;
        if node.genesis.is_some() && node.arrival().is_none() {
            return Err(in_its_seat(&dir, &name));
        }
        let backup = {
            let _progress = face.progress("verifying the backup");
            read_backup(&arriving.backup, &genesis, &[])?
        };
        let id = seat_of(backup.state(), &node, &name)?;
        Ok(Self { dir, name, genesis, node, backup, id })
    }
}

/// A backup file that holds, but for keys that are given up, whole in memory.
///
/// # Errors
/// The caller's: no such file. A peer's: it does not hold.
pub fn read_backup(path: &Path, genesis: &GenesisHash, omitted: &[Name]) -> Result<VerifiedBackup> {
    let read = VerifiedBackup::read_without(backup::open(path)?, genesis, omitted);
    read.map_err(|report| {
        backup::refused(path, &report).unwrap_or_else(|| {
            let message = format!("{} does not hold", path.display());
            Failure::peer("backup_refused", message, "take another backup")
        })
    })
}

/// The node of the charter whose name and role this machine was made for.
fn seat_of(state: &State, node: &SealedNode, name: &Name) -> Result<NodeId> {
    let known = state.node_named(name).ok_or_else(|| {
        let names: Vec<String> = state.nodes().map(|node| node.name.to_string()).collect();
        let message = format!("the charter in this backup has no node {name}");
        let next = format!("make the machine under the name of one of: {}", names.join(", "));
        Failure::caller("unknown_node", message, next)
    })?;
    let role = node.enrolment.body().role;
    if known.role != role {
        let message = format!("{name} is a {}, this machine was made as a {role}", known.role);
        let next = "make it again with `quorate node init`, with or without --witness";
        return Err(Failure::caller("other_role", message, next));
    }
    Ok(known.id)
}

#[derive(Serialize)]
struct Claimed {
    node: Name,
    id: NodeId,
    words: String,
    claim: PathBuf,
}

fn claim(arriving: &Arriving, output: &Path, face: Face) -> Result<()> {
    if output.exists() {
        let message = format!("{} exists already; nothing was written", output.display());
        return Err(Failure::caller("file_exists", message, "choose another name"));
    }
    let mut machine = Machine::open(arriving, face)?;
    face.before(|| {
        let (name, output) = (&machine.name, output.display());
        format!("sign a claim of this machine to the seat of {name}, and write it to {output}")
    })?;
    // The same at every call: an earlier claim may have been granted.
    let arrival = match machine.node.arrival() {
        Some(arrival) => arrival,
        None => machine.node.keep_arrival(Arrival::random(&mut OsRng))?,
    };
    let (id, genesis) = (machine.id, machine.genesis);
    // The keys of now, and those for which what is lost was backed up.
    let state = machine.backup.state();
    let held = machine.backup.keys().iter().map(|key| key.record().plan.custody);
    let then = held.collect::<BTreeSet<_>>().into_iter().filter_map(|it| state.custody_of(&it));
    let asks = arrival.asks(genesis, id, then.chain([state.custody()])).ok_or_else(|| {
        let message = "a recovery key in this charter cannot be read";
        Failure::peer("bad_charter", message, "show this to the other operators")
    })?;
    if asks.len() > ASKS_MAX {
        let message = format!(
            "the keys of this domain are backed up for {} recovery keys; a claim asks at most \
             {ASKS_MAX}",
            asks.len()
        );
        let next = "refresh keys that are still backed up for custodians of long ago, then take a \
                    backup";
        return Err(Failure::caller("too_many_custodians", message, next));
    }
    let secrets = &machine.node.secrets;
    let signed = SignedSeatClaim::create(genesis, id, arrival.public(), asks, secrets);
    write_whole(output, &to_bytes(&signed), 0o644)?;
    let claimed = Claimed {
        node: machine.name.clone(),
        id,
        words: claim_words(&signed),
        claim: output.to_owned(),
    };
    face.show(&claimed, |it| {
        format!(
            "this machine asks for the seat of {}. Whoever signs the motion, and every custodian who \
             opens something for it, must see these words; read them out to them:\n  {}\n\n\
             Send {} to an administrator: quorate seat give",
            it.node,
            it.words,
            it.claim.display()
        )
    });
    Ok(())
}

/// The words of a claim, which people compare.
pub fn claim_words(claim: &SignedSeatClaim) -> String {
    words(&claim.digest()).join(" ")
}

/// Reads a claim that a machine made.
///
/// # Errors
/// The caller's: it is none.
pub fn read_claim(path: &Path) -> Result<SignedSeatClaim> {
    let most = u64::try_from(SignedSeatClaim::BYTES_MAX).unwrap_or(u64::MAX);
    let bytes = read_at_most(path, most).map_err(|error| Failure::named_file(path, &error))?;
    let bad = |error: &dyn std::fmt::Display| {
        let message = format!("{} holds no claim: {error}", path.display());
        Failure::caller(
            "bad_claim",
            message,
            "name the file that `seat claim` or `succession claim` wrote",
        )
    };
    let claim: SignedSeatClaim = from_bytes(&bytes).map_err(|error| bad(&error))?;
    claim.verify_own().map_err(|error| bad(&error))?;
    Ok(claim)
}

#[derive(Serialize)]
struct TookSeat {
    node: Name,
    genesis: GenesisHash,
    position: u64,
    /// Keys of which the shares are back.
    restored: Vec<Name>,
    /// Keys of which they are not: the others have to share them anew.
    without: Vec<Name>,
    /// Custodians whose answer was false, with the keys.
    lied: BTreeMap<Name, Vec<Name>>,
    /// Custodians who opened nothing of some keys.
    silent: BTreeMap<Name, Vec<Name>>,
    /// Of keys that too few custodians opened: who could still help.
    missing: BTreeMap<Name, String>,
}

fn take(arriving: &Arriving, paths: &[PathBuf], face: Face) -> Result<()> {
    let parts = paths.iter().map(|path| read_part(path)).collect::<Result<Vec<_>>>()?;
    let mut machine = Machine::open(arriving, face)?;
    let (name, id, state) = (machine.name.clone(), machine.id, machine.backup.state());
    let is_again = machine.node.genesis.is_some();
    if is_again && (parts.is_empty() || machine.node.genesis != Some(machine.genesis)) {
        return Err(in_its_seat(&machine.dir, &name));
    }
    let arrival = machine.node.arrival().ok_or_else(|| {
        let message = "this machine has claimed no seat yet";
        Failure::caller("no_claim", message, "begin with `quorate seat claim`")
    })?;
    let seat = state.seat(&id).ok_or_else(|| not_given(&name))?;
    if seat.claim.keys != machine.node.secrets.public() {
        return Err(another_machine(&name));
    }
    let restored = machine.backup.restore(&id, &arrival, &parts);
    let restored = restored.map_err(|error| unrestored(&error, &name, state))?;
    let mut shares = BTreeMap::new();
    for key in &restored.keys {
        shares.insert(key.key, shares_of(&machine, key)?);
    }
    face.before(|| {
        let keys = restored.keys.iter().filter_map(|it| Some(state.key(&it.key)?.name.as_str()));
        let keys: Vec<&str> = keys.collect();
        format!("take the seat of {name} on this machine, with shares of: {}", keys.join(", "))
    })?;
    let held = machine.backup.keys().iter();
    let keys: Vec<Taken> = held.map(|held| taken(held, shares.remove(&held.key()))).collect();
    let shown: Vec<_> = parts.iter().map(|part| part.key).collect();
    let (rows, back) = match is_again {
        true => seats::add_shares(&machine.node.records, &keys, &shown),
        false => {
            let (genesis_file, entries) = charter_of(&arriving.backup, state)?;
            write_genesis(&machine.dir.genesis_path(), &genesis_file)?;
            (
                seats::take(&id, &entries, &keys, &shown),
                restored.keys.iter().map(|it| it.key).collect(),
            )
        }
    };
    let called = |key: KeyId| state.key(&key).map(|order| order.name.clone());
    let named = |is_back: bool| {
        let lost = machine.backup.lost(&id).map(HeldKey::key);
        lost.filter(|key| back.contains(key) == is_back).filter_map(called).collect()
    };
    let without: Vec<Name> = named(false);
    let by_custodian = |pairs: &BTreeSet<(Name, KeyId)>| {
        let mut by: BTreeMap<Name, Vec<Name>> = BTreeMap::new();
        for (custodian, key) in pairs {
            by.entry(custodian.clone()).or_default().extend(called(*key));
        }
        by
    };
    let took = TookSeat {
        node: name,
        genesis: machine.genesis,
        position: state.position(),
        restored: named(true),
        without: without.clone(),
        lied: by_custodian(&restored.liars),
        silent: by_custodian(&restored.silent),
        missing: restored
            .missing
            .iter()
            .filter_map(|it| Some((it.name.clone()?, it.who.to_string())))
            .collect(),
    };
    machine.node.arrive(machine.genesis, rows, without.is_empty())?;
    let dir = machine.dir.path().display().to_string();
    face.show(&took, |it| took_text(it, &dir));
    Ok(())
}

fn took_text(took: &TookSeat, dir: &str) -> String {
    let list = |names: &[Name]| names.iter().map(Name::as_str).collect::<Vec<_>>().join(", ");
    let name = &took.node;
    let mut text = format!("this machine is {name} from now on");
    if !took.restored.is_empty() {
        text += &format!("\nits shares are back of: {}", list(&took.restored));
    }
    if !took.without.is_empty() {
        text += &format!(
            "\nwithout shares of: {}; the other nodes share these anew once enough of them run, and \
             until then parts may follow: stop the node and `seat take` again with them",
            list(&took.without)
        );
    }
    for (custodian, keys) in &took.lied {
        text += &format!("\n{custodian} LIED: what they gave is not theirs of: {}", list(keys));
    }
    for (custodian, keys) in &took.silent {
        text += &format!("\n{custodian} opened nothing of: {}", list(keys));
    }
    for (key, who) in &took.missing {
        text += &format!("\nnot enough custodians opened {key}: missing are {who}");
    }
    text += &format!(
        "\n\nStart it: quorate node run {name} --dir {dir} --at NODE=HOST:PORT, for every other \
         node\nThen every key is shared anew by itself, so that what lies on the lost machine is \
         worth nothing. Custodians who have not shown {name} their key yet do so first: \
         quorate custodian challenges"
    );
    text
}

/// What a key is for the store of the new machine.
fn taken(held: &HeldKey, shares: Option<Shares>) -> Taken {
    let of = |wanted: BundleKind| {
        let bundles = held.bundles().filter(move |(kind, ..)| *kind == wanted);
        bundles.map(|(.., bytes)| bytes.to_vec()).collect()
    };
    Taken {
        decided: held.decided().clone(),
        of_shares: of(BundleKind::Shares),
        of_key: of(BundleKind::Contributions),
        shares,
    }
}

/// A node's shares as its store keeps them.
fn shares_of(machine: &Machine, restored: &RestoredKey) -> Result<Shares> {
    let damaged = || {
        let message = format!("the record of key {} cannot be read again", restored.key);
        Failure::machine("memory", message, "try again")
    };
    let held = machine.backup.key(&restored.key).ok_or_else(damaged)?;
    let publics = publics_of(held.record()).ok_or_else(damaged)?;
    let secrets = restored.secrets.to_bytes();
    let each = secrets.len().checked_div(publics.len()).filter(|each| *each > 0);
    let accounts = secrets.chunks(each.ok_or_else(damaged)?).zip(&publics);
    let shares = accounts.map(|(own, public)| KeyShare::restored(&machine.id, public, own));
    shares.collect::<std::result::Result<_, _>>().map(Shares::new).map_err(|_| damaged())
}

/// The charter of a file that was verified: when the node starts it is verified once more.
fn charter_of(path: &Path, state: &State) -> Result<(GenesisFile, Vec<CertifiedEntry>)> {
    let (mut genesis, mut entries) = (None, Vec::new());
    for item in backup::open(path)? {
        match item {
            Ok(Item::Head(head)) => genesis = Some(head.genesis),
            Ok(Item::Entry(entry)) => entries.push(entry),
            Ok(_) | Err(_) => break,
        }
    }
    // Nobody verified this reading of it: another charter would be found when the node starts, too
    // late to take the seat again.
    let is_whole = |file: &GenesisFile| {
        verify_log(file, &state.genesis(), entries.iter().cloned())
            .is_ok_and(|read| read.head() == state.head())
    };
    let genesis = genesis.filter(is_whole);
    let genesis = genesis.ok_or_else(|| {
        let message = format!("{} was changed while it was read", path.display());
        Failure::machine("file", message, "try again with a copy that nobody writes to")
    })?;
    Ok((genesis, entries))
}

fn read_part(path: &Path) -> Result<SeatPart> {
    let most = u64::try_from(SeatPart::BYTES_MAX).unwrap_or(u64::MAX);
    let bytes = read_at_most(path, most).map_err(|error| Failure::named_file(path, &error))?;
    from_bytes(&bytes).map_err(|error| {
        let message = format!("{} holds nothing that a custodian opened: {error}", path.display());
        Failure::caller("bad_part", message, "name the file that `quorate-recovery open` wrote")
    })
}

fn in_its_seat(dir: &DomainDir, name: &Name) -> Failure {
    let message = format!("node {name} in {} is in its seat already", dir.path().display());
    let next = "start it with `quorate node run`; another machine needs a directory of its own, made \
                with `quorate node init`";
    Failure::caller("in_its_seat", message, next)
}

fn not_given(name: &Name) -> Failure {
    let message = format!("in this backup the charter gives the seat of {name} to nobody");
    let next = "once the motion of `quorate seat give` is in the charter, take a new backup";
    Failure::caller("seat_not_given", message, next).with_exit(Exit::Refused)
}

fn another_machine(name: &Name) -> Failure {
    let message = format!("the charter gives the seat of {name} to another machine than this one");
    let next = "find out whose claim was signed: compare the words with those of `seat claim` here";
    Failure::caller("seat_of_another", message, next).with_exit(Exit::Refused)
}

fn unrestored(error: &RestoreSeatError, name: &Name, state: &State) -> Failure {
    let mut message = error.to_string();
    // Custodians know keys by their names.
    for key in state.keys() {
        message = message.replace(&key.key.to_string(), key.name.as_str());
    }
    match error {
        RestoreSeatError::NotGiven(_) => not_given(name),
        RestoreSeatError::AnotherClaim(_) => another_machine(name),
        RestoreSeatError::Part { fault, .. } => {
            let next = match fault {
                PartFault::Twice => "name each custodian's part once",
                PartFault::Other { .. } | PartFault::Bundle(_) => {
                    "take the backup file that all custodians opened, or have them open this one"
                }
                _ => "leave it out, or have the custodian open it again from this backup file",
            };
            Failure::peer("part_refused", message, next)
        }
        RestoreSeatError::Missing(_) => {
            let next = "ask these to run `quorate-recovery open`, or give no part at all where the \
                        other nodes can share anew";
            Failure::caller("custodians_missing", message, next)
        }
        RestoreSeatError::False(_) => {
            Failure::peer("parts_false", message, "ask further custodians for their parts")
        }
        RestoreSeatError::GaveUp(_) => {
            Failure::peer("parts_false", message, "leave out those that you trust least")
        }
        RestoreSeatError::Machine(_) => Failure::machine("memory", message, "try again"),
    }
}
