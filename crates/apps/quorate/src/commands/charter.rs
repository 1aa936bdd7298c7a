//! `charter log|show|diff|propose|sign|object|override|withdraw|status|verify`, and the filing of
//! motions for other verbs.

use crate::args::{Charter, Offline, Pinned, Reader, Signer};
use crate::domain::{DomainDir, read_at_most, write_whole};
use crate::face::{Face, ask, short};
use crate::failure::{Exit, Failure, Result};
use crate::replay;
use crate::session::Session;
use quorate_charter::{
    Announced, CertifiedEntry, EntryBody, GenesisFile, Motion, MotionBody, SignedMotion, State,
    body_effect, effect, verify_log,
};
use quorate_client::contract::{
    EntryPage, HexBytes, MotionState, MotionView, SignMotion, SubmitMotion, routes,
};
use quorate_codec::{Digest, tag};
use quorate_identity::{ActorId, GenesisHash, Head, MotionId, Name, PersonId, moment};
use quorate_policy::Policy;
use serde::Serialize;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a motion collects signatures: people sign when they come by.
const MOTION_LIFETIME: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// Runs a `charter` verb.
///
/// # Errors
/// The caller's, or a node's.
pub async fn run(verb: Charter, face: Face) -> Result<()> {
    match verb {
        Charter::Log { output, reader } => log(&reader, output.as_deref(), face).await,
        Charter::Show { motion, reader } => {
            let id: MotionId = replay::parse_hash(&motion, "motion")?;
            let view: MotionView = Session::read(&reader)?.get(&routes::motion(&id)).await?;
            face.show(&view, motion_text);
            Ok(())
        }
        Charter::Sign { motion, signer } => sign(&motion, &signer, face).await,
        Charter::Object { motion, signer } => {
            about(&motion, &signer, |it| Some(MotionBody::Object { motion: it.id }), face).await
        }
        Charter::Override { motion, signer } => {
            let overriding = |it: &Announced| {
                let objection = it.objection?.motion;
                Some(MotionBody::Override { motion: it.id, objection })
            };
            about(&motion, &signer, overriding, face).await
        }
        Charter::Withdraw { motion, signer } => {
            about(&motion, &signer, |it| Some(MotionBody::Withdraw { motion: it.id }), face).await
        }
        Charter::Status(reader) => status(&reader, face).await,
        Charter::Diff { from, to, reader } => diff(&reader, from, to, face).await,
        Charter::Propose { file, signer } => propose(&file, &signer, face).await,
        Charter::Verify { genesis, file, dir, pinned } => {
            verify(genesis.as_deref(), file.as_deref(), dir.as_deref(), &pinned, face).await
        }
    }
}

/// Files a motion with its first signature.
///
/// # Errors
/// The caller's: no person with a say, or not valid at this head.
pub async fn file_motion(
    session: &Session,
    state: &State,
    body: MotionBody,
    face: Face,
) -> Result<()> {
    put(session, state, &draft(state, body), face).await
}

/// Makes, signs and files a motion.
///
/// # Errors
/// As [`file_motion`].
pub async fn file(session: &Session, state: &State, body: MotionBody) -> Result<MotionView> {
    submit(session, &draft(state, body)).await
}

fn draft(state: &State, body: MotionBody) -> Motion {
    let lifetime = u64::try_from(MOTION_LIFETIME.as_millis()).unwrap_or(u64::MAX);
    let expiry_ms = crate::now_ms().saturating_add(lifetime);
    Motion::new(state, body, Digest(crate::random_bytes()), expiry_ms)
}

async fn submit(session: &Session, motion: &Motion) -> Result<MotionView> {
    let mut signed = SignedMotion::new(motion);
    signed.sign(person(session)?, session.signer())?;
    let submission = SubmitMotion { motion: HexBytes(quorate_codec::to_bytes(&signed)) };
    session.post(routes::SUBMIT_MOTION.path, &submission).await
}

/// Files a motion, or shows it where this is a dry run.
async fn put(session: &Session, state: &State, motion: &Motion, face: Face) -> Result<()> {
    if face.is_dry_run() {
        person(session)?;
        return rehearse(motion, state, face);
    }
    let view = submit(session, motion).await?;
    face.show(&view, motion_text);
    Ok(())
}

/// A motion that was not filed.
#[derive(Serialize)]
struct Rehearsal {
    dry_run: bool,
    kind: String,
    effect: Vec<String>,
    delay_ms: u64,
    needs: Option<String>,
    motion: HexBytes,
}

/// Shows what a motion would do and who would have to sign it; refuses what nodes would refuse.
fn rehearse(motion: &Motion, state: &State, face: Face) -> Result<()> {
    let signed = SignedMotion::new(motion);
    state.check_motion(&signed, crate::now_ms()).map_err(|error| {
        Failure::caller("bad_motion", error, "correct what you ask for; nothing was filed")
    })?;
    let rehearsal = Rehearsal {
        dry_run: true,
        kind: motion.kind().to_owned(),
        effect: consequence(motion, state)?,
        delay_ms: state.delay_of(&motion.body),
        needs: state.missing_for(&signed).map(|tree| tree.to_string()),
        motion: HexBytes(signed.bytes().to_vec()),
    };
    face.show(&rehearsal, |it| {
        let needs = it.needs.as_deref().unwrap_or("nobody");
        format!("not filed: a motion that\n{}\n  needs {needs}", indent(&it.effect))
    });
    Ok(())
}

/// Files a motion that a dry run showed: its JSON, or its bytes as `motion` in it.
async fn propose(path: &Path, by: &Signer, face: Face) -> Result<()> {
    #[derive(serde::Deserialize)]
    struct Drafted {
        motion: HexBytes,
    }
    let bytes = read_at_most(path, 4 << 20).map_err(|error| Failure::named_file(path, &error))?;
    let not_one = |error: &dyn std::fmt::Display| {
        let message = format!("{} holds no motion: {error}", path.display());
        Failure::caller("bad_motion", message, "name what a verb printed with --dry-run --json")
    };
    let drafted: Drafted = serde_json::from_slice(&bytes).map_err(|error| not_one(&error))?;
    let signed = SignedMotion::read(&drafted.motion.0).map_err(|error| not_one(&error))?;
    let motion = signed.body();
    let session = Session::sign(by)?;
    let state = session.replay().await?;
    // What is wrong with it is found here: a signature that left cannot be called back.
    state.check_motion(&signed, crate::now_ms()).map_err(|error| not_one(&error))?;
    let shown = consequence(motion, &state)?;
    face.brief(&format!("motion {}\n{}", signed.id(), indent(&shown)));
    if !face.is_dry_run() {
        confirm(&session)?;
    }
    put(&session, &state, motion, face).await
}

/// Files a motion about an announced one.
async fn about(
    motion: &str,
    by: &Signer,
    body: impl FnOnce(&Announced) -> Option<MotionBody>,
    face: Face,
) -> Result<()> {
    let id: MotionId = replay::parse_hash(motion, "motion")?;
    let session = Session::sign(by)?;
    let state = session.replay().await?;
    let next = "`quorate charter status` lists what is announced";
    let announced = state.announcement(&id).ok_or_else(|| {
        Failure::caller("not_announced", format!("no motion {id} is announced"), next)
    })?;
    let body = body(announced).ok_or_else(|| {
        Failure::caller("not_objected", format!("nobody objected to motion {id}"), next)
    })?;
    // Which motion it is about is read before anything is signed.
    let shown = draft(&state, body);
    face.brief(&indent(&effect(&shown, &state)));
    if !face.is_dry_run() {
        confirm(&session)?;
    }
    put(&session, &state, &shown, face).await
}

/// Signs a motion whose bytes were read and whose id was computed here.
///
/// # Errors
/// The caller's: no such motion, signed already, expired. The node's: other bytes.
pub async fn add_signature(session: &Session, id: &MotionId) -> Result<MotionView> {
    let (motion, _) = fetch(session, id).await?;
    submit_signature(session, id, &motion).await
}

async fn submit_signature(
    session: &Session,
    id: &MotionId,
    motion: &SignedMotion,
) -> Result<MotionView> {
    let signature = session.signer().sign(tag::MOTION, motion.bytes())?;
    let body = SignMotion { signature: HexBytes(signature.as_bytes().to_vec()) };
    session.post(&routes::motion_signatures(id), &body).await
}

/// A motion as it was filed, its id computed here, and what a node says of it.
///
/// # Errors
/// As [`add_signature`].
pub async fn fetch(session: &Session, id: &MotionId) -> Result<(SignedMotion, MotionView)> {
    let view: MotionView = session.get(&routes::motion(id)).await?;
    let motion = SignedMotion::read(&view.bytes.0).map_err(|error| {
        Failure::peer("bad_motion", error, "ask whoever filed it to file it again")
    })?;
    match motion.id() == *id {
        true => Ok((motion, view)),
        false => Err(Failure::peer(
            "bad_answer",
            "the node delivered another motion under this id",
            "ask another node with --node, and show this to the operators",
        )),
    }
}

async fn sign(motion: &str, by: &Signer, face: Face) -> Result<()> {
    let id: MotionId = replay::parse_hash(motion, "motion")?;
    let session = Session::sign(by)?;
    person(&session)?;
    let state = session.replay().await?;
    let (signed, view) = fetch(&session, &id).await?;
    if view.signed_by.contains(session.name()) {
        let message = format!("{} has signed this motion already", session.name());
        return Err(Failure::caller("signed_already", message, "ask the others to sign it"));
    }
    let shown = consequence(signed.body(), &state)?;
    face.before(|| format!("sign motion {id}\n{}", indent(&shown)))?;
    face.brief(&format!("motion {id}\n{}", indent(&shown)));
    confirm(&session)?;
    let view = submit_signature(&session, &id, &signed).await?;
    face.show(&view, motion_text);
    Ok(())
}

/// What a motion that says this would do, for whoever is about to sign it.
pub fn shown(body: &MotionBody, state: &State) -> String {
    let lines = effect(&draft(state, body.clone()), state);
    indent(&with_policy(lines, body, state))
}

/// Asks whoever sits at a terminal before anything is signed.
///
/// # Errors
/// The caller's: they say no.
pub fn confirm(session: &Session) -> Result<()> {
    match session.dir().is_trial() || ask("Sign it?").unwrap_or(true) {
        true => Ok(()),
        false => {
            Err(Failure::caller("not_confirmed", "nothing was signed", "run it again to sign"))
        }
    }
}

/// What a motion would change, computed here from its bytes; a policy is compiled and its own
/// table is run.
fn consequence(motion: &Motion, state: &State) -> Result<Vec<String>> {
    if let MotionBody::PolicySet { bundle } = &motion.body {
        quorate_policy::vet(bundle, state).map_err(|error| {
            let next = "do not sign it; ask whoever proposed it";
            Failure::peer("bad_policy", format!("the proposed policy does not hold: {error}"), next)
        })?;
    }
    Ok(with_policy(effect(motion, state), &motion.body, state))
}

/// With what follows from a policy, if it is one, where another is in force.
fn with_policy(mut lines: Vec<String>, body: &MotionBody, state: &State) -> Vec<String> {
    let MotionBody::PolicySet { bundle } = body else { return lines };
    let in_force = state.policy().and_then(|bytes| Policy::compile(bytes).ok());
    if let Ok(policy) = Policy::compile(bundle) {
        lines.extend(policy.consequence(in_force.as_ref(), state.teams()));
    }
    lines
}

/// The person who signs.
///
/// # Errors
/// The caller's: it is a service.
pub fn person(session: &Session) -> Result<PersonId> {
    match session.actor() {
        ActorId::Person(person) => Ok(person),
        ActorId::Service(_) => Err(Failure::caller(
            "forbidden",
            format!("{} is a service; people sign motions and approvals", session.name()),
            "name a person with --as",
        )),
    }
}

async fn log(reader: &Reader, output: Option<&Path>, face: Face) -> Result<()> {
    let session = Session::read(reader)?;
    let mut file = replay::genesis_line(session.genesis());
    let state = walk(&session, u64::MAX, |certified, changed| match output {
        Some(_) => file.push_str(&replay::entry_line(certified)),
        None => face.show(&changed, Changed::text),
    })
    .await?;
    if let Some(path) = output {
        write_whole(path, file.as_bytes(), 0o644)?;
        let written = Verified::of(&state);
        face.show(&written, |it| format!("{} entries written, head {}", it.position, it.head));
        return Ok(());
    }
    let motions: Vec<MotionView> = session.get(routes::MOTIONS.path).await?;
    let open = |motion: &&MotionView| {
        matches!(
            motion.state,
            MotionState::Collecting
                | MotionState::Deciding
                | MotionState::Announced
                | MotionState::Objected
        )
    };
    for motion in motions.iter().filter(open) {
        face.show(motion, motion_text);
    }
    if state.position() == 0 && !motions.iter().any(|motion| open(&motion)) {
        face.tell("nothing after the genesis yet");
    }
    Ok(())
}

/// What changed after one position, up to another.
async fn diff(reader: &Reader, from: u64, to: Option<u64>, face: Face) -> Result<()> {
    let session = Session::read(reader)?;
    let show = |_: &CertifiedEntry, changed: Changed| {
        if changed.position > from {
            face.show(&changed, Changed::text);
        }
    };
    walk(&session, to.unwrap_or(u64::MAX), show).await.map(|_| ())
}

/// Takes the log from a node up to a position, and shows each entry once it is verified, with its
/// certificate: others may get it (GOV-24). The state after the last one.
async fn walk(
    session: &Session,
    to: u64,
    mut show: impl FnMut(&CertifiedEntry, Changed),
) -> Result<State> {
    let mut state = session.founding().clone();
    loop {
        let page: EntryPage = session.get(&routes::entries(state.position())).await?;
        let before = state.position();
        for line in &page.entries {
            let certified = replay::entry(&line.entry)?;
            if certified.position() > to {
                return Ok(state);
            }
            let changed = Changed::by(&certified, &state);
            state = replay::apply(state, &certified)?;
            show(&certified, changed);
        }
        if state.position() >= page.position.min(to) {
            return Ok(state);
        }
        if state.position() == before {
            let message = format!(
                "the node stands at position {} and shows nothing after {before}",
                page.position
            );
            return Err(Failure::peer("bad_charter", message, "ask another node: --node NODE"));
        }
    }
}

/// An entry, and what it changed in words, computed here from the state before it.
#[derive(Serialize)]
struct Changed {
    position: u64,
    head: Head,
    kind: String,
    /// The motion that it places, or that takes effect by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    motion: Option<MotionId>,
    effect: Vec<String>,
    signed_by: Vec<Name>,
}

impl Changed {
    fn by(certified: &CertifiedEntry, before: &State) -> Self {
        let (motion, signers) = match &certified.entry().body {
            EntryBody::Motion(signed) => (Some(signed.id()), signed.signatures.as_slice()),
            EntryBody::Enact(motion) => (Some(*motion), &[][..]),
            EntryBody::Rejoin(_) => (None, &[][..]),
        };
        let people = signers.iter().filter_map(|(person, _)| before.person(person));
        let mut signed_by: Vec<Name> = people.map(|person| person.name.clone()).collect();
        signed_by.sort();
        Self {
            position: certified.position(),
            head: certified.head(),
            kind: certified.entry().kind().to_owned(),
            motion,
            effect: entry_effect(certified, before),
            signed_by,
        }
    }

    fn text(&self) -> String {
        let mut text = format!("{:>4}  {}  {}", self.position, short(&self.head), self.kind);
        for line in &self.effect {
            let _ = write!(text, "\n      {line}");
        }
        if !self.signed_by.is_empty() {
            let _ = write!(text, "\n      signed by {}", names(&self.signed_by));
        }
        text
    }
}

/// What an entry does at the state before it.
fn entry_effect(certified: &CertifiedEntry, before: &State) -> Vec<String> {
    match &certified.entry().body {
        EntryBody::Motion(signed) => {
            let motion = signed.body();
            with_policy(effect(motion, before), &motion.body, before)
        }
        EntryBody::Enact(id) => match before.announcement(id) {
            Some(announced) => {
                let body = &announced.motion.body;
                let said = with_policy(body_effect(body, before), body, before);
                let first =
                    format!("motion {id}, announced at {}, takes effect", announced.position);
                std::iter::once(first).chain(said).collect()
            }
            None => vec![format!("motion {id} takes effect")],
        },
        EntryBody::Rejoin(rejoin) => {
            let name = before.node(&rejoin.node()).map(|node| node.name.to_string());
            let name = name.unwrap_or_else(|| rejoin.node().to_string());
            vec![format!("takes node {name} back, which had lapsed")]
        }
    }
}

/// Where the log stands, and what waits.
#[derive(Serialize)]
struct Standing {
    domain: Name,
    staging: bool,
    genesis: GenesisHash,
    head: Head,
    position: u64,
    policy_version: u64,
    announced: Vec<Waiting>,
    collecting: Vec<MotionView>,
}

/// An announced motion as the charter has it, verified here; only when it is due a node says, by its
/// clock.
#[derive(Serialize)]
struct Waiting {
    motion: MotionId,
    kind: &'static str,
    matter: String,
    effect: Vec<String>,
    signed_by: Vec<Name>,
    delay_ms: u64,
    due_ms: Option<u64>,
    objected_by: Option<Name>,
    overridden: bool,
}

impl Waiting {
    fn of(announced: &Announced, state: &State, views: &[MotionView]) -> Self {
        let name = |id: &PersonId| state.person(id).map(|person| person.name.clone());
        let view = views.iter().find(|view| view.motion == announced.id);
        let body = &announced.motion.body;
        Self {
            motion: announced.id,
            kind: announced.motion.kind(),
            matter: announced.matter.to_string(),
            effect: with_policy(body_effect(body, state), body, state),
            signed_by: announced.signed_by.iter().filter_map(name).collect(),
            delay_ms: announced.delay_ms,
            due_ms: view.and_then(|view| view.due_ms),
            objected_by: announced.objection.and_then(|objection| name(&objection.by)),
            overridden: announced.overridden.is_some(),
        }
    }
}

fn waiting_text(waiting: &Waiting) -> String {
    let (id, kind) = (waiting.motion, waiting.kind);
    let mut text =
        format!("motion {id} ({kind}, about {})\n{}", waiting.matter, indent(&waiting.effect));
    let due = waiting
        .due_ms
        .map_or_else(|| "after its delay".to_owned(), |at| format!("at {}", moment(at)));
    let _ = match (&waiting.objected_by, waiting.overridden) {
        (None, _) => {
            write!(text, "\n  takes effect {due}\n  object: quorate charter object {id} --as NAME")
        }
        (Some(by), true) => {
            write!(text, "\n  {by} objected, that is overridden; takes effect {due}")
        }
        (Some(by), false) => write!(
            text,
            "\n  {by} objected; it takes effect only if that is overridden: quorate charter override \
             {id} --as NAME"
        ),
    };
    let _ = write!(text, "\n  withdraw: quorate charter withdraw {id} --as NAME");
    let _ = write!(text, "\n  signed by {}", names(&waiting.signed_by));
    text
}

async fn status(reader: &Reader, face: Face) -> Result<()> {
    let session = Session::read(reader)?;
    let state = session.replay().await?;
    let motions: Vec<MotionView> = session.get(routes::MOTIONS.path).await?;
    let announced = state.announced().map(|it| Waiting::of(it, &state, &motions)).collect();
    let open = |motion: &MotionView| {
        matches!(motion.state, MotionState::Collecting | MotionState::Deciding)
    };
    let collecting = motions.into_iter().filter(open).collect();
    let standing = Standing {
        domain: state.domain().clone(),
        staging: state.is_staging(),
        genesis: state.genesis(),
        head: state.head(),
        position: state.position(),
        policy_version: state.policy_version(),
        announced,
        collecting,
    };
    face.show(&standing, |it| {
        let trial = if it.staging { " (staging)" } else { "" };
        let mut text =
            format!("{}{trial} at position {}\nhead {}", it.domain, it.position, it.head);
        let announced: Vec<String> = it.announced.iter().map(waiting_text).collect();
        let collecting: Vec<String> = it.collecting.iter().map(motion_text).collect();
        for (what, motions) in [("announced", announced), ("collecting signatures", collecting)] {
            match motions.is_empty() {
                true => text += &format!("\nnothing is {what}"),
                false => text += &format!("\n{what}:\n{}", motions.join("\n")),
            }
        }
        text
    });
    Ok(())
}

#[derive(Serialize)]
struct Verified<'a> {
    verified: bool,
    domain: &'a Name,
    genesis: GenesisHash,
    head: Head,
    position: u64,
    keys: Vec<&'a Name>,
    policy_version: u64,
}

impl<'a> Verified<'a> {
    fn of(state: &'a State) -> Self {
        Self {
            verified: true,
            domain: state.domain(),
            genesis: state.genesis(),
            head: state.head(),
            position: state.position(),
            keys: state.keys().map(|key| &key.name).collect(),
            policy_version: state.policy_version(),
        }
    }
}

async fn verify(
    genesis: Option<&str>,
    file: Option<&Path>,
    dir: Option<&Path>,
    pinned: &Pinned,
    face: Face,
) -> Result<()> {
    let hash = genesis_hash(genesis)?;
    let state = match (file, dir) {
        (Some(path), _) => verify_file(path, &hash)?,
        (None, Some(dir)) => match Session::open(dir, crate::session::AUDITOR, None, None) {
            Ok(session) => match session.replay().await {
                Ok(state) if state.genesis() == hash => state,
                Ok(state) => return Err(other_domain(&state)),
                Err(failure) if failure.code() == "no_answer" => verify_copies(dir, &hash)?,
                Err(failure) => return Err(failure),
            },
            Err(_) => verify_copies(dir, &hash)?,
        },
        (None, None) => {
            let message = "no log to verify";
            let next = "name a file with --file, or a domain directory with --dir";
            return Err(Failure::caller("no_log", message, next));
        }
    };
    check_head(
        pinned,
        |head| state.position_of(head).is_some(),
        || format!("this charter ends in head {} at position {}", state.head(), state.position()),
    )?;
    face.show(&Verified::of(&state), |it| {
        format!(
            "the charter of {} holds from its genesis to position {}\nhead {}",
            it.domain, it.position, it.head
        )
    });
    Ok(())
}

/// The genesis hash that a verification is held against.
///
/// # Errors
/// The caller's: none given.
fn genesis_hash(text: Option<&str>) -> Result<GenesisHash> {
    let text = text.ok_or_else(|| {
        Failure::caller(
            "genesis_needed",
            "without a genesis hash nothing can be verified: any domain could have made this",
            "give the hash that you compared with the administrators, with --genesis",
        )
    })?;
    replay::parse_hash(text, "genesis hash")
}

/// Holds what was verified against the head that an auditor pinned, if they did: a charter that did not
/// go through it may hold by itself and still be cut short, or written by those who had former keys.
///
/// # Errors
/// The caller's: no head. Refused: the charter never had it.
pub fn check_head(
    pinned: &Pinned,
    went_through: impl FnOnce(&Head) -> bool,
    what: impl FnOnce() -> String,
) -> Result<()> {
    let Some(text) = &pinned.head else { return Ok(()) };
    let head: Head = replay::parse_hash(text, "head")?;
    if went_through(&head) {
        return Ok(());
    }
    let message = format!("{}, and never went through {head}", what());
    let next = "it is older than what you know, or not of your domain: do not rely on it before nodes \
                of different operators show both heads in their log: `quorate charter log --node NODE`; \
                where they do not, show it to everybody";
    Err(Failure::caller("other_head", message, next).with_exit(Exit::Refused))
}

/// A file that is verified without any node, and the genesis hash that it is held against.
///
/// # Errors
/// The caller's: no hash, no such file, or one that is too long.
pub fn read_offline(it: &Offline, bytes_max: u64) -> Result<(Vec<u8>, GenesisHash)> {
    let hash = genesis_hash(it.genesis.as_deref())?;
    let bytes = read_at_most(&it.file, bytes_max);
    Ok((bytes.map_err(|error| Failure::named_file(&it.file, &error))?, hash))
}

fn verify_file(path: &Path, hash: &GenesisHash) -> Result<State> {
    let (genesis, entries) = replay::read_log(path)?;
    verified(&genesis, hash, entries)
}

/// Without a node: the copies that the nodes of this machine keep beside their stores. The
/// longest one that holds counts.
fn verify_copies(dir: &Path, hash: &GenesisHash) -> Result<State> {
    let nodes = std::fs::read_dir(dir.join("nodes")).into_iter().flatten().flatten();
    let copies: Vec<PathBuf> = nodes
        .map(|node| node.path().join(DomainDir::CHARTER_COPY))
        .filter(|path| path.is_file())
        .collect();
    let mut best: Result<State> = Err(Failure::caller(
        "no_log",
        format!("no node answers, and {} holds no copy of the charter", dir.display()),
        "start a node, or name a file with --file",
    ));
    for path in copies {
        let state = verify_file(&path, hash);
        let longer = match (&best, &state) {
            (Ok(best), Ok(state)) => state.position() > best.position(),
            (Err(_), _) => true,
            (Ok(_), Err(_)) => false,
        };
        if longer {
            best = state;
        }
    }
    best
}

fn verified(
    genesis: &GenesisFile,
    hash: &GenesisHash,
    entries: Vec<CertifiedEntry>,
) -> Result<State> {
    verify_log(genesis, hash, entries).map_err(|error| {
        let next = "do not rely on it; get the log from another node";
        Failure::peer("bad_charter", error, next)
    })
}

fn other_domain(state: &State) -> Failure {
    Failure::peer(
        "bad_charter",
        format!("this is the charter of another genesis, {}", state.genesis()),
        "check the hash, or the directory",
    )
}

/// A motion for people.
pub fn motion_text(motion: &MotionView) -> String {
    let mut text = format!("motion {}\n{}", motion.motion, indent(&motion.effect));
    let state = match (motion.state, motion.position) {
        (MotionState::Collecting, _) => {
            let whom = motion.missing.as_deref().unwrap_or("somebody");
            format!("collects signatures; missing: {whom}")
        }
        (MotionState::Deciding, _) => "authorised; the nodes are placing it".to_owned(),
        (MotionState::Announced, _) => match motion.due_ms {
            Some(due) => format!("announced; it takes effect at {}", moment(due)),
            None => "announced; it takes effect after its delay".to_owned(),
        },
        (MotionState::Objected, _) => {
            let by = motion.objected_by.as_ref().map_or("somebody", Name::as_str);
            format!(
                "{by} objected; it takes effect only once that is overridden, and its delay is over"
            )
        }
        (MotionState::Withdrawn, _) => "withdrawn before it took effect".to_owned(),
        (MotionState::Enacted, Some(position)) => format!("in the charter at position {position}"),
        (MotionState::Enacted, None) => "in the charter".to_owned(),
        (MotionState::Superseded, _) => "void: what it touches changed before it".to_owned(),
        (MotionState::Expired, _) => "expired".to_owned(),
    };
    let _ = write!(text, "\n  {state}\n  signed by {}", names(&motion.signed_by));
    if let Some(why) = &motion.waits_for {
        let _ = write!(text, "\n  it waits: {why}");
    }
    if motion.state == MotionState::Collecting {
        let _ = write!(text, "\n  expires {}", moment(motion.expires_ms));
        let _ = write!(text, "\n  sign it: quorate charter sign {} --as NAME", motion.motion);
    }
    if motion.state == MotionState::Announced {
        let _ = write!(text, "\n  object: quorate charter object {} --as NAME", motion.motion);
    }
    if motion.state == MotionState::Objected {
        let _ = write!(text, "\n  override: quorate charter override {} --as NAME", motion.motion);
    }
    text
}

fn names(names: &[Name]) -> String {
    let names: Vec<&str> = names.iter().map(Name::as_str).collect();
    if names.is_empty() { "nobody yet".to_owned() } else { names.join(", ") }
}

fn indent(lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| format!("  {line}")).collect();
    lines.join("\n")
}
