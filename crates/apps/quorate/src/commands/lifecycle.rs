//! `key refresh|reshare|schedule|presign|epochs|advise|retire` and `ceremony list|show|retry|void`.

mod advice;
pub mod import;
pub mod times;

use super::charter::{file, file_motion, motion_text};
use super::key::{parse_tree, text as key_text, tree_of_nodes, verified_view};
use crate::args::lifecycle::{Ceremony, Lifecycle, Wait};
use crate::domain;
use crate::face::{Face, ask};
use crate::failure::{Exit, Failure, Result};
use crate::replay;
use crate::session::Session;
use quorate_charter::{MotionBody, most_faults};
use quorate_client::contract::{
    CeremonyPhase, CeremonyView, EpochState, EpochView, KeyState, KeyView, MotionState, MotionView,
    routes,
};
use quorate_identity::{Name, moment};
use std::fmt::Write;
use std::time::{Duration, Instant};

/// How often the nodes are asked how far they are.
const POLL: Duration = Duration::from_millis(200);

/// Runs a verb about a key's later life.
///
/// # Errors
/// The caller's, or a node's; exit 4 when the time is over.
pub async fn run(verb: Lifecycle, face: Face) -> Result<()> {
    match verb {
        Lifecycle::Refresh { name, wait, signer } => {
            let name = domain::name(&name)?;
            let session = Session::sign(&signer)?;
            deal(&session, &name, MotionBody::KeyRefresh { name: name.clone() }, wait, face).await
        }
        Lifecycle::Reshare { name, access, faults, wait, signer } => {
            let name = domain::name(&name)?;
            let session = Session::sign(&signer)?;
            let state = session.replay().await?;
            let access = tree_of_nodes(&state, &parse_tree(&access)?)?;
            let faults = faults.unwrap_or_else(|| most_faults(&access));
            let body = MotionBody::KeyReshare { name: name.clone(), access, faults };
            deal(&session, &name, body, wait, face).await
        }
        Lifecycle::Schedule { name, every, jitter, window, off, signer } => {
            let name = domain::name(&name)?;
            let schedule = match every.filter(|_| !off) {
                None => None,
                Some(every) => Some(times::schedule(&every, &jitter, window.as_deref())?),
            };
            let session = Session::sign(&signer)?;
            let state = session.replay().await?;
            replay::key_named(&state, &name)?;
            file_motion(&session, &state, MotionBody::KeySchedule { name, schedule }, face).await
        }
        Lifecycle::Presign { name, most, off, signer } => {
            let name = domain::name(&name)?;
            let most = most.filter(|_| !off).unwrap_or_default();
            let session = Session::sign(&signer)?;
            let state = session.replay().await?;
            replay::key_named(&state, &name)?;
            file_motion(&session, &state, MotionBody::KeyPresign { name, most }, face).await
        }
        Lifecycle::Epochs { name, reader } => {
            let name = domain::name(&name)?;
            let epochs = epochs_of(&Session::read(&reader)?, &name).await?;
            epochs.iter().for_each(|epoch| face.show(epoch, epoch_text));
            Ok(())
        }
        Lifecycle::Advise { name, touched, reader } => {
            let name = domain::name(&name)?;
            let session = Session::read(&reader)?;
            let epochs = epochs_of(&session, &name).await?;
            let view = verified_view(&session, &name).await?;
            let known = (view.origin, !view.exports.is_empty());
            let advice = advice::advise(&name, &epochs, &touched, known)?;
            face.show(&advice, advice::text);
            Ok(())
        }
        Lifecycle::Retire { name, confirm, signer } => {
            let name = domain::name(&name)?;
            let session = Session::sign(&signer)?;
            let state = session.replay().await?;
            replay::key_named(&state, &name)?;
            if !face.is_dry_run() {
                confirm_retirement(&name, confirm.as_deref())?;
            }
            file_motion(&session, &state, MotionBody::KeyRetire { name }, face).await
        }
    }
}

/// Runs a `ceremony` verb.
///
/// # Errors
/// As [`run`].
pub async fn ceremony(verb: Ceremony, face: Face) -> Result<()> {
    match verb {
        Ceremony::List(reader) => {
            let session = Session::read(&reader)?;
            let views: Vec<CeremonyView> = session.get(routes::CEREMONIES.path).await?;
            views.iter().for_each(|view| face.show(view, ceremony_text));
            if views.is_empty() {
                face.tell("nothing is under way");
            }
            Ok(())
        }
        Ceremony::Show { name, wait, timeout, reader } => {
            let name = domain::name(&name)?;
            let session = Session::read(&reader)?;
            if wait {
                let key = wait_for(&session, &name, Duration::from_secs(timeout), face).await?;
                face.show(&key, key_text);
                return Ok(());
            }
            let views: Vec<CeremonyView> = session.get(&routes::ceremony(&name)).await?;
            views.iter().for_each(|view| face.show(view, ceremony_text));
            if views.is_empty() {
                face.tell(&format!("nothing is under way for key {name}"));
            }
            Ok(())
        }
        Ceremony::Retry { name, signer } => {
            let name = domain::name(&name)?;
            let session = Session::sign(&signer)?;
            face.before(|| {
                format!(
                    "tell every node that answers to try again what is under way for key {name}"
                )
            })?;
            let views: Vec<CeremonyView> =
                session.everywhere(&routes::retry_ceremony(&name)).await?;
            views.iter().for_each(|view| face.show(view, ceremony_text));
            if views.is_empty() {
                face.tell(&format!("nothing is under way for key {name}"));
            }
            Ok(())
        }
        Ceremony::Void { name, signer } => {
            let name = domain::name(&name)?;
            let session = Session::sign(&signer)?;
            let state = session.replay().await?;
            replay::key_named(&state, &name)?;
            file_motion(&session, &state, MotionBody::KeyVoid { name }, face).await
        }
    }
}

/// Orders an epoch and stays until it is safe; takes up the wait where the same is under way.
async fn deal(
    session: &Session,
    name: &Name,
    body: MotionBody,
    wait: Wait,
    face: Face,
) -> Result<()> {
    let state = session.replay().await?;
    let order = replay::key_named(&state, name)?;
    let is_refresh = matches!(body, MotionBody::KeyRefresh { .. });
    let view: KeyView = session.get(&routes::key(name)).await?;
    if view.state == KeyState::Ordered && is_refresh && !order.retired {
        let next = "wait until `quorate key show` says that it is active";
        let message = format!("key {name} is not made yet, so there is nothing to refresh");
        return Err(Failure::caller("key_not_ready", message, next));
    }
    let under_way: Vec<CeremonyView> = session.get(&routes::ceremony(name)).await?;
    let resumes =
        is_refresh && under_way.iter().any(|view| !matches!(view.phase, CeremonyPhase::Ending));
    if resumes {
        face.tell(&format!("new shares of {name} are being made already; waiting for them"));
    } else {
        if face.is_dry_run() {
            return file_motion(session, &state, body, face).await;
        }
        let motion = file(session, &state, body).await?;
        if motion.state == MotionState::Collecting || wait.no_wait {
            face.show(&motion, motion_text);
            return Ok(());
        }
        face.tell(&motion_text(&motion));
        let motion = placed(session, &motion.motion, Duration::from_secs(wait.timeout)).await?;
        if motion.state != MotionState::Enacted {
            face.show(&motion, motion_text);
            return Ok(());
        }
    }
    if wait.no_wait || face.is_dry_run() {
        return Ok(());
    }
    let key = wait_for(session, name, Duration::from_secs(wait.timeout), face).await?;
    face.show(&key, key_text);
    Ok(())
}

/// Waits until a motion is in the charter of the node that answers, in force or announced.
async fn placed(
    session: &Session,
    motion: &quorate_identity::MotionId,
    timeout: Duration,
) -> Result<MotionView> {
    let began = Instant::now();
    loop {
        let view: MotionView = session.get(&routes::motion(motion)).await?;
        match view.state {
            MotionState::Enacted | MotionState::Announced | MotionState::Objected => {
                return Ok(view);
            }
            MotionState::Superseded | MotionState::Withdrawn | MotionState::Expired => {
                let message = "the motion never entered the charter: something else came first";
                let next = "look at `quorate charter log`, and order it again";
                return Err(Failure::caller("superseded", message, next).with_exit(Exit::Refused));
            }
            MotionState::Collecting | MotionState::Deciding if began.elapsed() >= timeout => {
                let message = "too few nodes answered to place the motion in time";
                let next = "see `quorate status`; it goes on when they are back";
                return Err(Failure::peer("quorum_missing", message, next).with_exit(Exit::Quorum));
            }
            MotionState::Collecting | MotionState::Deciding => tokio::time::sleep(POLL).await,
        }
    }
}

/// Waits until nothing is under way for a key; its view then, verified here.
async fn wait_for(
    session: &Session,
    name: &Name,
    timeout: Duration,
    face: Face,
) -> Result<KeyView> {
    let began = Instant::now();
    let progress = face.progress(&format!("new shares of {name}"));
    loop {
        let views: Vec<CeremonyView> = session.get(&routes::ceremony(name)).await?;
        let Some(view) = views.first() else { return verified_view(session, name).await };
        progress.says(&progress_text(view));
        if began.elapsed() >= timeout {
            let missing = names(&view.missing);
            let message = match view.missing.is_empty() {
                true => format!("new shares of {name} are not made yet"),
                false => format!("new shares of {name} are not made yet: {missing} must be here"),
            };
            let next = format!("it goes on by itself; see `quorate ceremony show {name}`");
            return Err(Failure::peer("ceremony_open", message, next).with_exit(Exit::Quorum));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// The epochs of a key as a node tells them, the newest one verified here.
async fn epochs_of(session: &Session, name: &Name) -> Result<Vec<EpochView>> {
    verified_view(session, name).await?;
    session.get(&routes::epochs(name)).await
}

fn confirm_retirement(name: &Name, confirmed: Option<&str>) -> Result<()> {
    let question = format!(
        "This ends the key {name} for ever. Whatever it still guards is lost, unless a backup \
         exists that was proven."
    );
    let agreed = match confirmed {
        Some(confirmed) => confirmed == name.as_str(),
        None => ask(&question).unwrap_or(false),
    };
    if agreed {
        return Ok(());
    }
    let message = format!("the end of key {name} was not confirmed; nothing was done");
    let next = format!("confirm it at a terminal, or with --confirm {name}");
    Err(Failure::caller("not_confirmed", message, next))
}

fn progress_text(view: &CeremonyView) -> String {
    let nodes = view.nodes.iter().map(|node| format!("{} {}", node.node, node.phase));
    let nodes: Vec<String> = nodes.collect();
    format!("epoch {} of {}, attempt {}: {}", view.epoch, view.key, view.attempt, nodes.join(", "))
}

fn ceremony_text(view: &CeremonyView) -> String {
    let kind = match view.kind {
        quorate_client::contract::CeremonyKind::Generate => "generation",
        quorate_client::contract::CeremonyKind::Import => "import",
        quorate_client::contract::CeremonyKind::Restore => "restore",
        quorate_client::contract::CeremonyKind::Refresh => "refresh",
        quorate_client::contract::CeremonyKind::Reshare => "reshare",
    };
    let phase = match view.phase {
        CeremonyPhase::Waiting => "waiting",
        CeremonyPhase::Importer => "every node is ready for the importer",
        CeremonyPhase::Dealing => "dealing",
        CeremonyPhase::BackingUp => "backing up",
        CeremonyPhase::Prepared => "prepared",
        CeremonyPhase::Deciding => "deciding",
        CeremonyPhase::Ending => "made; the epoch before is kept until this one is safe",
    };
    let mut text =
        format!("{kind} of key {}: epoch {}, attempt {}\n", view.key, view.epoch, view.attempt);
    let _ = writeln!(text, "  state   {phase}");
    let _ = write!(text, "  access  {}", view.access);
    for node in &view.nodes {
        let here = if node.alive { "" } else { ", absent" };
        let role = match (node.deals, node.receives) {
            (true, true) => "deals and receives",
            (true, false) => "deals",
            (false, true) => "receives",
            (false, false) => "takes no part",
        };
        let _ = write!(text, "\n  {:<12} {}, {role}{here}", node.node, node.phase);
    }
    if !view.missing.is_empty() {
        let _ = write!(text, "\n  waits for {}", names(&view.missing));
    }
    if view.phase == CeremonyPhase::Importer {
        let _ = write!(text, "\n  next    {}", import::waits_text(&view.key));
    }
    if let Some(why) = &view.last_failure {
        let _ = write!(text, "\n  the attempt before made nothing: {why}");
    }
    for proof in &view.evidence {
        let (who, what, place) = (names(&proof.culprits), &proof.what, &proof.place);
        let _ =
            write!(text, "\n  proven of {who}: {what} ({place}), see evidence {}", proof.evidence);
    }
    text
}

fn epoch_text(epoch: &EpochView) -> String {
    let state = match epoch.state {
        EpochState::Current => "current",
        EpochState::Kept => "kept until the next is safe",
        EpochState::Over => "over",
    };
    let mut text = format!("epoch {} of {}: {state}\n", epoch.epoch, epoch.key);
    let _ = writeln!(text, "  access   {}", epoch.access);
    let _ = writeln!(text, "  holders  {}", names(&epoch.holders));
    let _ = writeln!(text, "  dealers  {}", names(&epoch.dealers));
    let _ = writeln!(text, "  planned  {}, attempt {}", moment(epoch.made_at_ms), epoch.attempt);
    let _ = write!(text, "  record   {}", epoch.record);
    if epoch.state == EpochState::Current && epoch.epoch > 0 {
        let _ = write!(text, "\n  earlier shares destroyed by {}", names(&epoch.erased_earlier));
    }
    text
}

fn names(names: &[Name]) -> String {
    let names: Vec<&str> = names.iter().map(Name::as_str).collect();
    if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
}
