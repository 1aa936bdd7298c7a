//! `custodian list|challenges|answer|set`: who restores what is lost, and whether they can.

use super::charter::{fetch, file_motion};
use super::genesis::split_pair;
use super::key::parse_tree;
use super::lifecycle::times::span;
use crate::args::custody::{Custodian as Verb, Custody as Typed};
use crate::domain::{self, read_at_most, write_whole};
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::session::Session;
use quorate_backup::RecoveryKeyLine;
use quorate_backup::possession::{Answers, Challenge, Challenges};
use quorate_charter::{Custodian, Custody, MotionBody, Recipient};
use quorate_client::contract::{
    CustodianView, CustodyView, DrillView, HexBytes, ShowPossession, routes,
};
use quorate_codec::Canonical;
use quorate_identity::{MotionId, Name, NodeId, moment};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// Longest public recovery key file that is read, in bytes.
const LINE_FILE_MAX: u64 = 16 << 10;

/// Runs a `custodian` verb.
///
/// # Errors
/// The caller's, or a node's.
pub async fn run(verb: Verb, face: Face) -> Result<()> {
    match verb {
        Verb::List(reader) => list(&Session::read(&reader)?, face).await,
        Verb::Challenges { name, motion, output, reader } => {
            let session = Session::read(&reader)?;
            let custodian = custodian(&session, &domain::name(&name)?, motion.as_deref()).await?;
            challenges(&session, &custodian, &output, face).await
        }
        Verb::Answer { file, signer } => {
            let answers = read_answers(&file)?;
            let told = bring(&Session::sign(&signer)?, &answers).await?;
            face.show(&told, told_text);
            Ok(())
        }
        Verb::Set { custody, excepted, signer } => {
            let session = Session::sign(&signer)?;
            let state = session.replay().await?;
            let custody = read_custody(&custody)?;
            let excepted = read_names(&excepted)?;
            let body = MotionBody::CustodySet { custody, excepted };
            file_motion(&session, &state, body, face).await
        }
    }
}

/// Custodians and trees from what was typed.
///
/// # Errors
/// The caller's: a file that is no recovery key, a tree that is none.
pub fn read_custody(typed: &Typed) -> Result<Custody> {
    let mut custodians: Vec<Custodian> =
        typed.custodians.iter().map(|path| read_custodian(path)).collect::<Result<_>>()?;
    for pair in &typed.expires {
        let (name, lasts) = split_pair(pair)?;
        let (name, expires_ms) = (domain::name(name)?, crate::now_ms() + span(lasts)?);
        let custodian = custodians.iter_mut().find(|custodian| custodian.name == name);
        let custodian = custodian.ok_or_else(|| {
            let message = format!("{name} is none of the custodians");
            Failure::caller("unknown_custodian", message, "name one of them with --expires")
        })?;
        custodian.expires_ms = Some(expires_ms);
    }
    let threshold = u8::try_from(custodians.len() / 2 + 1).unwrap_or(u8::MAX);
    let custody = Custody::some_of(threshold, custodians);
    let mut custody = custody.map_err(|error| {
        Failure::caller("bad_custody", error, "name at least two custodians with --custodian")
    })?;
    if let Some(seats) = &typed.seats {
        custody.seats = parse_tree(seats)?;
        custody.keys = custody.seats.clone();
    }
    if let Some(keys) = &typed.keys {
        custody.keys = parse_tree(keys)?;
    }
    custody.check().map_err(|error| {
        Failure::caller("bad_custody", error, "correct --custodian, --seats or --keys")
    })?;
    Ok(custody)
}

/// Names in their order.
///
/// # Errors
/// The caller's: something that is no name.
pub fn read_names(names: &[String]) -> Result<Vec<Name>> {
    let mut names = names.iter().map(|name| domain::name(name)).collect::<Result<Vec<Name>>>()?;
    names.sort();
    names.dedup();
    Ok(names)
}

fn read_custodian(path: &Path) -> Result<Custodian> {
    let line = read_recovery_key(path)?;
    Ok(Custodian::new(line.name, line.key.to_bytes()))
}

/// A public recovery key, as `quorate-recovery` wrote it.
///
/// # Errors
/// The caller's: a file that is none.
pub fn read_recovery_key(path: &Path) -> Result<RecoveryKeyLine> {
    let bytes =
        read_at_most(path, LINE_FILE_MAX).map_err(|error| Failure::named_file(path, &error))?;
    String::from_utf8_lossy(&bytes).parse().map_err(|error| {
        let message = format!("{} is no public recovery key: {error}", path.display());
        Failure::caller("bad_key_file", message, "name FILE.pub of `quorate-recovery keygen`")
    })
}

/// What each node that answers says about custodians, by its name.
async fn ask_all(session: &Session) -> Result<BTreeMap<Name, CustodyView>> {
    let mut views = BTreeMap::new();
    let mut silent = None;
    for node in session.known().nodes() {
        match session.at(&node.name).get::<CustodyView>(routes::CUSTODY.path).await {
            Ok(view) if view.node == node.id && view.genesis == session.founding().genesis() => {
                views.insert(node.name.clone(), view);
            }
            Ok(_) => {
                let message = format!("node {} answers as another node", node.name);
                return Err(Failure::peer("bad_answer", message, "tell its operator"));
            }
            Err(failure) => silent = Some(failure),
        }
    }
    match silent {
        Some(failure) if views.is_empty() => Err(failure),
        _ => Ok(views),
    }
}

/// A custodian, and which nodes have seen that the recovery key is held.
#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    custodian: CustodianView,
    shown_to: Vec<Name>,
    not_shown_to: Vec<Name>,
}

#[derive(Serialize)]
struct List {
    seats: String,
    keys: String,
    custodians: Vec<Listed>,
    /// Of each tree the drill that any node knows and that was finished last.
    drills: Vec<DrillView>,
    silent: Vec<Name>,
    excepted: Vec<Name>,
}

async fn list(session: &Session, face: Face) -> Result<()> {
    let views = ask_all(session).await?;
    let nodes = session.known().nodes().map(|node| node.name.clone());
    let silent: Vec<Name> = nodes.filter(|node| !views.contains_key(node)).collect();
    let state = session.replay().await?;
    let (custody, mut known) = (state.custody(), BTreeMap::new());
    for custodian in views.values().flat_map(|view| &view.custodians) {
        known.entry((custodian.name.clone(), custodian.key)).or_insert(custodian);
    }
    let listed = |custodian: &CustodianView| {
        let shown = |view: &CustodyView| {
            view.custodians.iter().any(|it| it.key == custodian.key && it.is_shown)
        };
        let (yes, no): (Vec<_>, Vec<_>) = views.iter().partition(|(_, view)| shown(view));
        let names = |all: Vec<(&Name, &CustodyView)>| -> Vec<Name> {
            all.into_iter().map(|(node, _)| node.clone()).collect()
        };
        let (shown_to, not_shown_to) = (names(yes), names(no));
        let same = views.values().flat_map(|view| &view.custodians);
        let same = same.filter(|it| (&it.name, it.key) == (&custodian.name, custodian.key));
        // What every node that answers was told at least.
        let drilled_ms = same.map(|it| it.drilled_ms).min().flatten();
        let custodian = CustodianView { drilled_ms, ..custodian.clone() };
        Listed { custodian, shown_to, not_shown_to }
    };
    let mut drills: BTreeMap<&str, &DrillView> = BTreeMap::new();
    for drill in views.values().flat_map(|view| &view.drills) {
        let newest = drills.entry(&drill.tree).or_insert(drill);
        // One node that says that nothing is due hides nothing.
        if drill.due_ms < newest.due_ms {
            *newest = drill;
        }
    }
    let list = List {
        seats: custody.seats.to_string(),
        keys: custody.keys.to_string(),
        custodians: known.into_values().map(listed).collect(),
        drills: drills.into_values().cloned().collect(),
        silent,
        excepted: state.excepted().iter().cloned().collect(),
    };
    face.show(&list, list_text);
    Ok(())
}

fn list_text(list: &List) -> String {
    let mut text = format!("shares are restored by {}\n", list.seats);
    let _ = writeln!(text, "keys are restored without any node's shares by {}", list.keys);
    for Listed { custodian, not_shown_to, .. } in &list.custodians {
        let proposed = custodian.proposed.map(|motion| format!(" (proposed by motion {motion})"));
        let _ = writeln!(
            text,
            "{:<16} {}{}{}",
            custodian.name,
            custodian.kind,
            custodian
                .gets
                .as_ref()
                .map(|key| format!(", gets key {key} whole"))
                .unwrap_or_default(),
            proposed.unwrap_or_default()
        );
        let _ = writeln!(text, "  {}", custodian.fingerprint.join(" "));
        let shown = match not_shown_to.is_empty() {
            true => "has shown the recovery key to every node that answers".to_owned(),
            false => format!("has not shown the recovery key to {}", joined(not_shown_to)),
        };
        let _ = writeln!(text, "  {shown}");
        if let Some(at) = custodian.expires_ms {
            let _ = writeln!(text, "  to be renewed by {}", moment(at));
        }
        if custodian.gets.is_none() {
            let drilled = custodian.drilled_ms.map_or_else(|| "none yet".to_owned(), moment);
            let _ = writeln!(text, "  last drill: {drilled}");
        }
    }
    for drill in &list.drills {
        let _ = writeln!(text, "{}", drill_line(drill, crate::now_ms()));
    }
    if !list.excepted.is_empty() {
        let _ = writeln!(text, "more than one thing at once: {}", joined(&list.excepted));
    }
    if !list.silent.is_empty() {
        let _ = writeln!(text, "not asked, because silent: {}", joined(&list.silent));
    }
    text.trim_end().to_owned()
}

fn drill_line(drill: &DrillView, now: u64) -> String {
    let last = drill.last.as_ref();
    let last = last.map_or_else(
        || "none yet".to_owned(),
        |last| format!("{} (told by {})", moment(last.finished_ms), last.by),
    );
    let (tree, due) = (&drill.tree, moment(drill.due_ms));
    match drill.due_ms <= now {
        true => format!(
            "drill of {tree}: last {last}, OVERDUE since {due}: export a backup, then `quorate drill start`"
        ),
        false => format!("drill of {tree}: last {last}, due by {due}"),
    }
}

fn joined(names: &[Name]) -> String {
    names.iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
}

#[derive(Serialize)]
struct Collected {
    custodian: Name,
    file: String,
    nodes: Vec<Name>,
    silent: Vec<Name>,
}

async fn challenges(
    session: &Session,
    custodian: &Custodian,
    output: &Path,
    face: Face,
) -> Result<()> {
    let views = ask_all(session).await?;
    let file = collect(session, &views, custodian)?.ok_or_else(|| {
        let message = format!("{} has shown its key to every node that answers", custodian.name);
        Failure::caller("shown_already", message, "see `quorate custodian list`")
    })?;
    write_whole(output, &quorate_codec::to_bytes(&file), 0o644)?;
    let asked: Vec<NodeId> = file.iter().map(|(node, _)| node).collect();
    let (nodes, silent) = session
        .known()
        .nodes()
        .map(|node| (node.id, node.name.clone()))
        .partition::<Vec<_>, _>(|(id, _)| asked.contains(id));
    let names = |all: Vec<(NodeId, Name)>| all.into_iter().map(|(_, name)| name).collect();
    let collected = Collected {
        custodian: custodian.name.clone(),
        file: output.display().to_string(),
        nodes: names(nodes),
        silent: names(silent),
    };
    face.show(&collected, |it| {
        let silent = match it.silent.is_empty() {
            true => String::new(),
            false => format!("\nnot asked, because silent: {}", joined(&it.silent)),
        };
        format!(
            "{}: what {} ask {}; answer it where the recovery key is: quorate-recovery answer{silent}",
            it.file,
            joined(&it.nodes),
            it.custodian
        )
    });
    Ok(())
}

/// What the nodes that answer ask the holder of one recovery key, as far as it was not shown to them;
/// nothing if it was shown to all.
fn collect(
    session: &Session,
    views: &BTreeMap<Name, CustodyView>,
    custodian: &Custodian,
) -> Result<Option<Challenges>> {
    let key = custodian.key_id();
    let bad = || {
        Failure::peer("bad_answer", "a node asks something unreadable", "tell the node's operator")
    };
    let mut challenges = Vec::new();
    for view in views.values() {
        let asked = view.custodians.iter().find(|asked| asked.key == key);
        let Some(challenge) = asked.and_then(|asked| asked.challenge.as_ref()) else { continue };
        let challenge: Challenge = quorate_codec::from_bytes(&challenge.0).map_err(|_| bad())?;
        challenges.push((view.node, challenge));
    }
    if challenges.is_empty() {
        return Ok(None);
    }
    let genesis = session.founding().genesis();
    let file = Challenges::new(genesis, custodian.name.clone(), key, challenges);
    file.map(Some).ok_or_else(bad)
}

/// The custodian of a name: as the charter has it, or as a motion would.
async fn custodian(session: &Session, name: &Name, motion: Option<&str>) -> Result<Custodian> {
    let of_recipient = |recipient: &Recipient| {
        let Recipient { name, key } = recipient.clone();
        Custodian::new(name, key)
    };
    let custody = match motion {
        None => {
            let state = session.replay().await?;
            let open = state.keys().flat_map(|order| order.open_exports());
            let mut recipients = open.map(|export| &export.recipient);
            // No custodian of now has the name of a recipient when a key is given.
            match recipients.find(|it| it.name == *name && state.custody().named(name).is_none()) {
                Some(recipient) => return Ok(of_recipient(recipient)),
                None => state.custody().clone(),
            }
        }
        Some(motion) => {
            let id: MotionId = crate::replay::parse_hash(motion, "motion")?;
            match &fetch(session, &id).await?.0.body().body {
                MotionBody::CustodySet { custody, .. } => custody.clone(),
                MotionBody::KeyExport { recipient: Some(recipient), .. }
                    if recipient.name == *name =>
                {
                    return Ok(of_recipient(recipient));
                }
                _ => {
                    let message =
                        "this motion sets no custody, and gives no key to anybody of that name";
                    return Err(Failure::caller("bad_motion", message, "name another motion"));
                }
            }
        }
    };
    custody.named(name).cloned().ok_or_else(|| {
        let message = format!("{name} is no custodian there");
        let next = "see `quorate custodian list`; of one that is proposed name the motion";
        Failure::caller("unknown_custodian", message, next)
    })
}

fn read_answers(path: &Path) -> Result<Answers> {
    let most = u64::try_from(Answers::BYTES_MAX).unwrap_or(u64::MAX);
    let bytes = read_at_most(path, most).map_err(|error| Failure::named_file(path, &error))?;
    quorate_codec::from_bytes(&bytes).map_err(|error| {
        let message = format!("{} holds no answers of a custodian: {error}", path.display());
        Failure::caller(
            "bad_answers",
            message,
            "name the file that `quorate-recovery answer` wrote",
        )
    })
}

/// To whom answers were brought.
#[derive(Serialize)]
pub struct Told {
    taken: Vec<Name>,
    refused: BTreeMap<Name, String>,
    silent: Vec<Name>,
}

/// Brings answers to the nodes that asked.
///
/// # Errors
/// The caller's: answers for another domain, or to no node of it. No node took one: why a node refused
/// it, or that none answers (exit 4).
pub async fn bring(session: &Session, answers: &Answers) -> Result<Told> {
    let known = session.known();
    if answers.genesis() != known.genesis() {
        let message = "these answers are for another domain";
        return Err(Failure::caller("other_domain", message, "bring them to that one"));
    }
    let asked = known.nodes().filter(|node| answers.to(&node.id).is_some());
    let asked: Vec<Name> = asked.map(|node| node.name.clone()).collect();
    Face::of_process().before(|| format!("bring an answer to {}", joined(&asked)))?;
    let mut told = Told { taken: Vec::new(), refused: BTreeMap::new(), silent: Vec::new() };
    let (mut refusal, mut silence) = (None, None);
    for node in known.nodes() {
        let Some(answer) = answers.to(&node.id) else { continue };
        let answer = HexBytes(quorate_codec::to_bytes(answer));
        let body = ShowPossession { key: answers.key(), answer };
        let name = node.name.clone();
        let target = routes::SHOW_POSSESSION.path;
        match session.at(&name).post::<_, CustodyView>(target, &body).await {
            Ok(_) => told.taken.push(name),
            Err(failure) if failure.code() == "no_answer" => {
                told.silent.push(name);
                silence = Some(failure);
            }
            Err(failure) => {
                told.refused.insert(name, failure.to_string());
                refusal = Some(failure);
            }
        }
    }
    match refusal.or(silence) {
        Some(failure) if told.taken.is_empty() => Err(failure),
        _ => Ok(told),
    }
}

fn told_text(told: &Told) -> String {
    let mut text = match told.taken.is_empty() {
        true => "no node took an answer".to_owned(),
        false => format!("shown to {}", joined(&told.taken)),
    };
    for (node, why) in &told.refused {
        let _ = write!(text, "\nrefused by {node}: {why}");
    }
    if !told.silent.is_empty() {
        let silent = joined(&told.silent);
        let _ = write!(text, "\nsilent: {silent}; bring the file again when they run");
    }
    text
}

/// What the nodes still ask the custodians of the charter.
///
/// # Errors
/// As [`bring`].
pub async fn open_challenges(session: &Session) -> Result<Vec<Challenges>> {
    let (state, views) = (session.replay().await?, ask_all(session).await?);
    let custodians = state.custody().custodians.iter();
    let open = custodians.map(|custodian| collect(session, &views, custodian));
    open.filter_map(Result::transpose).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics has failed")]
mod tests {
    use super::*;
    use quorate_client::contract::LastDrill;

    /// GOV-57: what is overdue ends with what to do.
    #[test]
    fn a_drill_that_is_overdue_is_told_with_what_to_do() {
        let last = LastDrill {
            canary: quorate_codec::Digest([1; 32]),
            started_ms: 0,
            finished_ms: 86_400_000,
            by: "ada".parse().unwrap(),
            took_part: Vec::new(),
        };
        let tree = "keys".to_owned();
        let drill = DrillView { tree, since_ms: 0, due_ms: 172_800_000, last: Some(last) };
        let due = "drill of keys: last 1970-01-02 00:00:00 UTC (told by ada), due by 1970-01-03 00:00:00 UTC";
        assert_eq!(drill_line(&drill, 172_799_999), due);
        let late = drill_line(&DrillView { last: None, ..drill }, 172_800_000);
        let expected = "drill of keys: last none yet, OVERDUE since 1970-01-03 00:00:00 UTC: export a \
                        backup, then `quorate drill start`";
        assert_eq!(late, expected);
    }
}
