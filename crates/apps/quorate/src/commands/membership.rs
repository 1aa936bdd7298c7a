//! `node admit|admission|suspend|resume|revoke|rotate|declare|faults|list|inspect`: nodes that come
//! and go.

use super::charter::{confirm, file_motion, shown};
use super::genesis::{SMALL_FILE_MAX, role};
use super::{programs, release};
use crate::args::membership::{Admitted, Declared, Membership};
use crate::args::{Reader, Signer};
use crate::domain::{self, DomainDir, read_at_most};
use crate::face::Face;
use crate::failure::{Exit, Failure, Result};
use crate::replay;
use crate::sealed::SealedNode;
use crate::session::Session;
use quorate_charter::{
    Declaration, GenesisFile, MotionBody, Node, NodeChange, NodesChange, Role, SignedEnrolment,
    Standing, State,
};
use quorate_client::contract::{DomainNode, EntryPage, routes};
use quorate_identity::{Head, Name, NodeId, words};
use quorate_machine::seats;
use serde::Serialize;
use std::path::Path;

/// Runs such a verb.
///
/// # Errors
/// The caller's, or a node's.
pub async fn run(verb: Membership, face: Face) -> Result<()> {
    match verb {
        Membership::Inspect { file } => inspect(&file, face),
        Membership::Admit { file, votes, declared, faults, signer } => {
            let standing = if votes { Standing::Votes } else { Standing::Waits };
            let enrolment = read_enrolment(&file)?;
            let declared = declaration(declared);
            let admit = NodeChange::Admit { enrolment, declared, standing };
            change(vec![admit], faults.faults, &signer, face).await
        }
        Membership::Admission { name, reader } => admission(&name, &reader, face).await,
        Membership::Resume { name, program, faults, signer } => {
            let (name, standing) = (domain::name(&name)?, Standing::Votes);
            let meant = program.as_deref().map(release::digest).transpose()?;
            let session = Session::sign(&signer)?;
            let state = session.replay().await?;
            state.node_named(&name).ok_or_else(|| not_there(&name))?;
            // Those who may lie now, and those who may then.
            let lying = state.faults().max(faults.faults.map_or(0, usize::from));
            programs::look_at(&session, &state, &name, lying, meant, face).await?;
            let changes = vec![NodeChange::Stand { name, standing }];
            order(&session, &state, changes, faults.faults, face).await
        }
        Membership::Suspend { name, faults, signer } => {
            let (name, standing) = (domain::name(&name)?, Standing::Waits);
            change(vec![NodeChange::Stand { name, standing }], faults.faults, &signer, face).await
        }
        Membership::Revoke { name, faults, signer } => {
            let name = domain::name(&name)?;
            change(vec![NodeChange::Revoke { name }], faults.faults, &signer, face).await
        }
        Membership::Rotate { name, reader } => rotate(&name, &reader, face).await,
        Membership::Declare { name, declared, signer } => {
            let (name, declared) = (domain::name(&name)?, declaration(declared));
            change(vec![NodeChange::Declare { name, declared }], None, &signer, face).await
        }
        Membership::Faults { faults, signer } => {
            change(Vec::new(), Some(faults), &signer, face).await
        }
        Membership::At { name, api, reader } => at(&name, &api, &reader, face).await,
        Membership::List(reader) => list(&reader, face).await,
    }
}

async fn change(
    changes: Vec<NodeChange>,
    faults: Option<u8>,
    signer: &Signer,
    face: Face,
) -> Result<()> {
    let session = Session::sign(signer)?;
    let state = session.replay().await?;
    order(&session, &state, changes, faults, face).await
}

/// Shows what a change would do, asks, and files the motion.
async fn order(
    session: &Session,
    state: &State,
    changes: Vec<NodeChange>,
    faults: Option<u8>,
    face: Face,
) -> Result<()> {
    let body = MotionBody::Nodes(NodesChange { changes, faults });
    if !face.is_dry_run() {
        face.brief(&shown(&body, state));
        confirm(session)?;
    }
    file_motion(session, state, body, face).await
}

fn declaration(declared: Declared) -> Declaration {
    let Declared { operator, cloud, jurisdiction } = declared;
    Declaration { operator, cloud, jurisdiction }
}

fn read_enrolment(path: &Path) -> Result<SignedEnrolment> {
    let bytes =
        read_at_most(path, SMALL_FILE_MAX).map_err(|error| Failure::named_file(path, &error))?;
    let bad = |error: &dyn std::fmt::Display| {
        let message = format!("{} holds no enrolment of a node: {error}", path.display());
        Failure::caller("bad_enrolment", message, "name the file that `node init` wrote, unchanged")
    };
    let enrolment: SignedEnrolment =
        quorate_codec::from_bytes(&bytes).map_err(|error| bad(&error))?;
    enrolment.verify_own().map_err(|error| bad(&error))?;
    Ok(enrolment)
}

/// A step of somebody, as they type it.
#[derive(Serialize)]
struct Step {
    who: &'static str,
    command: String,
}

#[derive(Serialize)]
struct Rotation {
    node: Name,
    steps: Vec<Step>,
}

/// How a node gets new keys: another machine takes its seat.
///
/// # Errors
/// The caller's, in the end always: what was asked for takes more than one machine.
async fn rotate(name: &str, reader: &Reader, face: Face) -> Result<()> {
    let state = Session::read(reader)?.replay().await?;
    let name = domain::name(name)?;
    let node = state.node_named(&name).ok_or_else(|| not_there(&name))?;
    let rotation = Rotation { steps: steps(&state, node), node: name };
    face.show(&rotation, |it| {
        let steps = it.steps.iter().zip(1..);
        let steps = steps.map(|(it, number)| format!("\n{number}. {}:\n   {}", it.who, it.command));
        format!("new keys for node {}{}", it.node, steps.collect::<String>())
    });
    let message = "keys never leave a machine, so a node gets new ones on a machine of its own";
    let next = "take these steps, each where it says; words are compared before anything is signed";
    Err(Failure::caller("several_machines", message, next))
}

fn steps(state: &State, node: &Node) -> Vec<Step> {
    const MACHINE: &str = "its operator, on the new machine, in a new directory";
    const ADMINISTRATOR: &str = "an administrator";
    let (name, genesis) = (&node.name, state.genesis());
    let witness = if node.role == Role::Witness { " --witness" } else { "" };
    let others = state.nodes().filter(|other| other.id != node.id);
    let at: String = others.map(|other| format!(" --at {}=HOST:PORT", other.name)).collect();
    let step = |who, command| Step { who, command };
    vec![
        step(ADMINISTRATOR, "quorate backup export --output before.backup".to_owned()),
        step(
            MACHINE,
            format!("quorate node init {name}{witness} --dir DIR --peer HOST:PORT --api HOST:PORT"),
        ),
        step(
            MACHINE,
            format!(
                "quorate seat claim {name} --dir DIR --backup before.backup --genesis {genesis} \
                 --output {name}.claim"
            ),
        ),
        step(ADMINISTRATOR, format!("quorate seat give {name}.claim --as NAME")),
        step("the other administrators", "quorate charter sign MOTION --as NAME".to_owned()),
        step(ADMINISTRATOR, "quorate backup export --output after.backup".to_owned()),
        step(
            MACHINE,
            format!("quorate seat take {name} --dir DIR --backup after.backup --genesis {genesis}"),
        ),
        step(MACHINE, format!("quorate node run {name} --dir DIR{at}")),
    ]
}

#[derive(Serialize)]
struct NodeView {
    name: Name,
    id: NodeId,
    role: String,
    /// `votes`, `waits`; of a file nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    standing: Option<String>,
    words: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    declared: Option<DeclaredView>,
}

#[derive(Serialize)]
struct DeclaredView {
    operator: String,
    cloud: String,
    jurisdiction: String,
}

fn inspect(path: &Path, face: Face) -> Result<()> {
    let enrolment = read_enrolment(path)?;
    let body = enrolment.body();
    let view = NodeView {
        name: body.name.clone(),
        id: enrolment.id(),
        role: body.role.to_string(),
        standing: None,
        words: words(&body.keys.fingerprint()).join(" "),
        declared: None,
    };
    face.show(&view, |it| {
        format!(
            "node {}, a {}\nid    {}\nwords {}\n\nCompare the words with those that its machine \
             shows, over another way than this file came.",
            it.name, it.role, it.id, it.words
        )
    });
    Ok(())
}

async fn list(reader: &Reader, face: Face) -> Result<()> {
    let state = Session::read(reader)?.replay().await?;
    let views: Vec<NodeView> = state
        .nodes()
        .map(|node| NodeView {
            name: node.name.clone(),
            id: node.id,
            role: node.role.to_string(),
            standing: Some(node.standing.to_string()),
            words: words(&node.keys.fingerprint()).join(" "),
            declared: Some(DeclaredView {
                operator: node.declared.operator.clone(),
                cloud: node.declared.cloud.clone(),
                jurisdiction: node.declared.jurisdiction.clone(),
            }),
        })
        .collect();
    for view in &views {
        face.show(view, |it| {
            let standing = it.standing.as_deref().unwrap_or_default();
            let mut text = format!("{}  {}, {standing}\n  {}", it.name, it.role, it.words);
            let declared = it.declared.iter();
            let parts = declared.flat_map(|it| [&it.operator, &it.cloud, &it.jurisdiction]);
            let parts: Vec<&str> =
                parts.map(String::as_str).filter(|part| !part.is_empty()).collect();
            if !parts.is_empty() {
                text += &format!("\n  declared: {}", parts.join(", "));
            }
            text
        });
    }
    Ok(())
}

/// Notes where a node is. It is known by its keys, so a wrong address delays and nothing else.
async fn at(name: &str, api: &str, reader: &Reader, face: Face) -> Result<()> {
    let session = Session::read(reader)?;
    let state = session.replay().await?;
    let name = domain::name(name)?;
    let node = state.node_named(&name).ok_or_else(|| not_there(&name))?;
    let address = api.strip_prefix("https://").unwrap_or(api);
    let api = format!("https://{address}");
    let line = DomainNode { name, role: role(node.role), api, pid: 0 };
    face.before(|| format!("note that node {} is asked at {}", line.name, line.api))?;
    session.dir().note_running(&state, line.clone())?;
    face.show(&line, |it| format!("node {} is asked at {}", it.name, it.api));
    Ok(())
}

fn not_there(name: &Name) -> Failure {
    let message = format!("the charter admits no node {name}");
    let next = "`quorate charter status` lists what is announced; `quorate node admit` files it";
    Failure::caller("unknown_node", message, next)
}

#[derive(Serialize)]
struct Admission {
    node: Name,
    standing: String,
    /// What the new node's operator types.
    admission: Head,
    words: String,
    position: u64,
    /// The nodes whose charter, verified here, goes through it.
    confirmed_by: Vec<Name>,
}

/// The entry that admitted a node, as every node that answers has it.
async fn admission(name: &str, reader: &Reader, face: Face) -> Result<()> {
    let session = Session::read(reader)?;
    let state = session.replay().await?;
    let name = domain::name(name)?;
    let node = state.node_named(&name).ok_or_else(|| not_there(&name))?;
    if node.entry.digest() == state.genesis().digest() {
        let message = format!("{name} founded the domain: it starts with the genesis hash");
        return Err(Failure::caller("founding_node", message, "see `quorate node run --genesis`"));
    }
    let position = state.position_of(&node.entry).unwrap_or_default();
    let mut confirmed_by = Vec::new();
    for other in state.nodes().filter(|other| other.id != node.id) {
        // It must hand out this very entry; one that does not answer, or lags, confirms nothing.
        let target = routes::entries(position.saturating_sub(1));
        let page = session.at(&other.name).get::<EntryPage>(&target).await;
        let entry = page.ok().and_then(|page| replay::entry(&page.entries.first()?.entry).ok());
        if entry.is_some_and(|entry| entry.head() == node.entry) {
            confirmed_by.push(other.name.clone());
        }
    }
    let few = confirmed_by.len() < 2;
    let view = Admission {
        node: name,
        standing: node.standing.to_string(),
        admission: node.entry,
        words: words(&node.entry.digest()).join(" "),
        position,
        confirmed_by,
    };
    face.show(&view, |it| {
        let by = it.confirmed_by.iter().map(Name::as_str).collect::<Vec<_>>().join(", ");
        format!(
            "node {} was admitted at position {}, by the entry\n  {}\n  {}\nas these have it: {by}",
            it.node, it.position, it.admission, it.words
        )
    });
    match few {
        false => Ok(()),
        true => {
            let message = "fewer than two nodes confirm it";
            let next = "start others and ask again: a new node believes this hash alone";
            Err(Failure::peer("unconfirmed", message, next).with_exit(Exit::Refused))
        }
    }
}

/// The first start of a node that was admitted: the whole charter is verified from its genesis on,
/// and believed because it goes through the one entry whose hash the operator typed. Durable before
/// the node says anything.
///
/// # Errors
/// The caller's: another hash, a charter that ends before the entry, or one that admits others keys.
/// A peer's: the charter does not hold.
pub fn arrive(
    dir: &DomainDir,
    node: &mut SealedNode,
    admitted: &Admitted,
) -> Result<Option<GenesisFile>> {
    let (Some(charter), Some(admission)) = (&admitted.charter, &admitted.admission) else {
        return Ok(None);
    };
    let hash: Head = replay::parse_hash(admission, "admission hash")?;
    let (file, entries) = replay::read_log(charter)?;
    // Its genesis is not believed either: whoever knows the hash of an entry knows all before it.
    let founded = file.verify(&file.hash()).map_err(|error| {
        let message = format!("the genesis in {} does not hold: {error}", charter.display());
        Failure::peer("bad_charter", message, "take the charter from another node")
    })?;
    let mut state = founded;
    let mut admitting: Option<State> = None;
    for entry in &entries {
        state = replay::apply(state, entry)?;
        if state.head() == hash {
            admitting = Some(state.clone());
        }
    }
    let name = &node.enrolment.body().name;
    let id = node.enrolment.id();
    let admits = |state: &State| state.node(&id).is_some_and(|it| it.entry == hash);
    let Some(admitting) = admitting else {
        let message =
            format!("the charter in {} does not go through this entry", charter.display());
        let next = "compare the hash with the administrators again, digit by digit; where it is right, \
                    somebody gave you another charter: take it from another node";
        return Err(Failure::caller("other_charter", message, next).with_exit(Exit::Refused));
    };
    if !admits(&admitting) {
        let message = format!("this entry does not admit this machine as node {name}");
        let next = "ask for the hash that `quorate node admission` shows for this node; where that is \
                    it, the charter admitted another machine: compare the words of `node init`";
        return Err(Failure::caller("not_admitted", message, next).with_exit(Exit::Refused));
    }
    if state.node(&id).is_none_or(|it| it.keys != node.secrets.public()) {
        let message = format!("the charter has revoked node {name}, or given its seat away");
        let next = "make another node, under another name";
        return Err(Failure::caller("revoked", message, next).with_exit(Exit::Refused));
    }
    let genesis = state.genesis();
    match node.genesis {
        Some(joined) if joined != genesis => Err(Failure::caller(
            "genesis_mismatch",
            format!("this node belongs to the domain {joined}"),
            "a node never changes its domain; make another node for another domain",
        )),
        // What it knows already it verified itself.
        Some(_) => Ok(Some(file)),
        None => {
            super::genesis::write_genesis(&dir.genesis_path(), &file)?;
            let rows = seats::take(&id, &entries, &[], &[]);
            node.arrive(genesis, rows, true)?;
            Ok(Some(file))
        }
    }
}
