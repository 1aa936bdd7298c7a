//! `drill start|finish`: custodians practise restoring, and the nodes are told.
//!
//! What opens the parts lies in the domain directory under `drills/`, with the report of each drill:
//! it opens shares of a canary, and nothing else.

use super::backup;
use crate::args::drill::{Drill as Verb, Start};
use crate::domain::{self, DomainDir, make_dir, read_at_most, write_whole};
use crate::face::Face;
use crate::failure::{Exit, Failure, Result};
use crate::session::Session;
use quorate_backup::bundle_digest;
use quorate_client::contract::{CustodyView, HexBytes, RecordDrill, routes};
use quorate_codec::{Canonical, Digest, from_bytes, to_bytes};
use quorate_identity::{Name, RecoveryKeyId, moment};
use quorate_recovery::drill::{
    Drill, DrillError, DrillPart, DrillPartFault, FinishError, FinishedDrill, Graded, HeldDrill,
    Outcome,
};
use rand_core::OsRng;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Longest that is kept of a drill, in bytes.
const HELD_BYTES_MAX: u64 = 8 << 20;

/// Runs a `drill` verb.
///
/// # Errors
/// The caller's; a peer's, if a backup or a part does not hold; the nodes'.
pub async fn run(verb: Verb, face: Face) -> Result<()> {
    match verb {
        Verb::Start(options) => crate::blocking(move || start(&options, face)).await,
        Verb::Finish { drill, parts, signer } => {
            let session = Session::sign(&signer)?;
            let drill: Drill = read(&drill, "drill", "name the file that `drill start` wrote")?;
            let next = "name the file that `quorate-recovery drill` wrote";
            let parts = parts.iter().map(|path| read(path, "part", next));
            let parts: Vec<DrillPart> = parts.collect::<Result<_>>()?;
            finish(&session, &drill, parts, face).await
        }
    }
}

#[derive(Serialize)]
struct Started {
    drill: Digest,
    file: PathBuf,
    trees: Vec<&'static str>,
    custodians: Vec<Name>,
    started_ms: u64,
}

fn start(options: &Start, face: Face) -> Result<()> {
    if options.output.exists() {
        let message = format!("{} exists already; nothing was written", options.output.display());
        return Err(Failure::caller("file_exists", message, "choose another name"));
    }
    let genesis = backup::expected(options.genesis.as_deref(), Some(&options.dir))?;
    let by = (domain::name(&options.who)?, crate::now_ms());
    let held = {
        let _progress = face.progress("verifying the backup");
        let reader = backup::open(&options.backup)?;
        HeldDrill::start(reader, &genesis, options.tree, by, &mut OsRng)
    };
    let held = held.map_err(|error| not_started(&options.backup, &error))?;
    let folder = folder(&DomainDir::new(&options.dir), held.drill());
    face.before(|| {
        let names: Vec<Name> = held.custodians().values().cloned().collect();
        format!("ask {} to restore, by {}", joined(&names), options.output.display())
    })?;
    make_dir(&folder)?;
    write_whole(&folder.join(HELD), &held.to_bytes(), 0o600)?;
    write_whole(&options.output, &to_bytes(held.drill()), 0o644)?;
    let started = Started {
        drill: held.drill().id(),
        file: options.output.clone(),
        trees: held.trees().iter().map(|tree| tree.as_str()).collect(),
        custodians: held.custodians().values().cloned().collect(),
        started_ms: held.drill().started_ms,
    };
    face.show(&started, |it| {
        format!(
            "this drill asks {}. Give each of them {} and {}; on the machine with the recovery key:\n  \
             quorate-recovery drill BACKUP DRILL --genesis HASH --key FILE --output PART\nThen: \
             quorate drill finish {} PART...",
            joined(&it.custodians),
            it.file.display(),
            options.backup.display(),
            it.file.display(),
        )
    });
    Ok(())
}

/// How a drill went, and which nodes know.
#[derive(Serialize)]
struct Report {
    drill: Digest,
    trees: Vec<&'static str>,
    started_ms: u64,
    started_by: Name,
    finished_ms: u64,
    custodians: Vec<Line>,
    /// How many of those who took part might be missing, whoever they are.
    spare: usize,
    recorded_by: Vec<Name>,
    refused_by: BTreeMap<Name, String>,
    silent: Vec<Name>,
    folder: PathBuf,
}

#[derive(Serialize)]
struct Line {
    name: Name,
    key: RecoveryKeyId,
    outcome: &'static str,
    /// From the start to their part, by their own clock.
    after_ms: Option<u64>,
    needed: bool,
}

async fn finish(session: &Session, drill: &Drill, parts: Vec<DrillPart>, face: Face) -> Result<()> {
    let folder = folder(session.dir(), drill);
    let held = read_held(&folder)?;
    if drill != held.drill() {
        let message = "this drill was changed since it was started";
        return Err(Failure::caller(
            "bad_drill",
            message,
            "name the file that `drill start` wrote",
        ));
    }
    let (held, finished) = crate::blocking(move || match held.finish(&parts) {
        Ok(finished) => Ok((held, finished)),
        Err(error) => Err(unfinished(&error)),
    })
    .await?;
    let mut report = Report::new(&held, &finished, folder.clone());
    let proof = RecordDrill {
        canary: held.canary().into(),
        secret: HexBytes(finished.canary().to_vec()),
        took_part: finished.took_part(),
        started_ms: report.started_ms,
        finished_ms: report.finished_ms,
    };
    face.before(|| format!("keep this report, and show it to every node\n{}", report.text()))?;
    // However the nodes answer: what custodians did stands.
    report.keep()?;
    let told = bring(session, &proof, &mut report).await;
    report.keep()?;
    face.show(&report, Report::text);
    told
}

/// Brings the proof to every node: each keeps its own record.
async fn bring(session: &Session, proof: &RecordDrill, report: &mut Report) -> Result<()> {
    let (mut refusal, mut silence) = (None, None);
    for node in session.known().nodes() {
        let name = node.name.clone();
        let target = routes::RECORD_DRILL.path;
        match session.at(&name).post::<_, CustodyView>(target, proof).await {
            Ok(view) => match kept_as(&view, proof) {
                None => report.recorded_by.push(name),
                Some(first) => {
                    let message = format!("it keeps this drill as {first} told it");
                    let next =
                        format!("have {first} finish it: only they add parts that came late");
                    let failure = Failure::caller("told_by_another", message, next);
                    report.refused_by.insert(name, failure.to_string());
                    refusal = Some(failure);
                }
            },
            Err(failure) if failure.code() == "no_answer" => {
                report.silent.push(name);
                silence = Some(failure);
            }
            Err(failure) => {
                report.refused_by.insert(name, failure.to_string());
                refusal = Some(failure);
            }
        }
    }
    match refusal.or(silence) {
        Some(failure) if report.recorded_by.is_empty() => Err(failure),
        _ => Ok(()),
    }
}

/// Who told a node of this drill before, if it did not add who took part by this telling (GOV-57).
fn kept_as(view: &CustodyView, proof: &RecordDrill) -> Option<Name> {
    let canary = bundle_digest(&proof.canary.0);
    let mut last = view.drills.iter().filter_map(|it| it.last.as_ref());
    let held = last.find(|it| it.canary == canary)?;
    let all = proof.took_part.iter().all(|key| held.took_part.contains(key));
    (!all).then(|| held.by.clone())
}

/// When a drill was first said to be finished, in a report that is there: finishing it again, with
/// parts that came late, makes it no newer.
fn first_finished(folder: &Path) -> Option<u64> {
    let report = std::fs::read(folder.join("report.json")).ok()?;
    let report: serde_json::Value = serde_json::from_slice(&report).ok()?;
    report.get("finished_ms")?.as_u64()
}

impl Report {
    fn new(held: &HeldDrill, finished: &FinishedDrill, folder: PathBuf) -> Self {
        let drill = held.drill();
        let line = |it: &Graded| Line {
            name: it.name.clone(),
            key: it.key,
            outcome: match it.outcome {
                Outcome::TookPart => "took_part",
                Outcome::Lied => "lied",
                Outcome::Failed => "failed",
                Outcome::Missing => "missing",
            },
            after_ms: it.made_at_ms.map(|at| at.saturating_sub(drill.started_ms)),
            needed: it.is_needed,
        };
        Self {
            drill: drill.id(),
            trees: held.trees().iter().map(|tree| tree.as_str()).collect(),
            started_ms: drill.started_ms,
            started_by: drill.started_by.clone(),
            finished_ms: first_finished(&folder).unwrap_or_else(crate::now_ms),
            custodians: finished.custodians.iter().map(line).collect(),
            spare: finished.spare,
            recorded_by: Vec::new(),
            refused_by: BTreeMap::new(),
            silent: Vec::new(),
            folder,
        }
    }

    /// Writes it for programs and for people.
    fn keep(&self) -> Result<()> {
        let json = serde_json::to_vec_pretty(self).unwrap_or_default();
        write_whole(&self.folder.join("report.json"), &json, 0o644)?;
        write_whole(&self.folder.join("report.txt"), (self.text() + "\n").as_bytes(), 0o644)
    }

    fn text(&self) -> String {
        let mut text = format!(
            "the canary was restored; drill of those who restore {}, started by {} on {}\n",
            self.trees.join(" and "),
            self.started_by,
            moment(self.started_ms)
        );
        for Line { name, outcome, after_ms, needed, .. } in &self.custodians {
            let after = after_ms.map(|ms| format!(" after {}", lasted(ms))).unwrap_or_default();
            let what = match *outcome {
                "took_part" if *needed => format!("took part{after}; without them: not restored"),
                "took_part" => format!("took part{after}"),
                "lied" => format!("LIED{after}: what they gave is not what was encrypted to them"),
                "failed" => format!("opened nothing{after}: their key or device failed them"),
                _ => "gave no part".to_owned(),
            };
            let _ = writeln!(text, "  {name:<16} {what}");
        }
        let _ = match self.spare {
            0 => writeln!(text, "none of those who took part could have been missing"),
            spare => writeln!(text, "any {spare} of those who took part could have been missing"),
        };
        if !self.recorded_by.is_empty() {
            let _ = writeln!(text, "recorded by {}", joined(&self.recorded_by));
        }
        for (node, why) in &self.refused_by {
            let _ = writeln!(text, "refused by {node}: {why}");
        }
        if !self.silent.is_empty() {
            let silent = joined(&self.silent);
            let _ = writeln!(text, "silent: {silent}; finish again when they run");
        }
        let _ = write!(text, "the report is in {}", self.folder.display());
        text
    }
}

/// A while, for people.
fn lasted(ms: u64) -> String {
    match ms / 1_000 {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ ..7_200 => format!("{} min", seconds / 60),
        seconds @ ..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

/// Name of what opens the parts, in the folder of a drill.
const HELD: &str = "held";

fn folder(dir: &DomainDir, drill: &Drill) -> PathBuf {
    dir.path().join("drills").join(drill.id().to_string())
}

fn read_held(folder: &Path) -> Result<HeldDrill> {
    let path = folder.join(HELD);
    if !path.exists() {
        let message = "this drill was not started in this domain directory";
        let next = "finish it where it was started: there is what opens the custodians' parts";
        return Err(Failure::caller("unknown_drill", message, next));
    }
    let bytes =
        read_at_most(&path, HELD_BYTES_MAX).map_err(|error| Failure::file(&path, &error))?;
    let bytes = zeroize::Zeroizing::new(bytes);
    HeldDrill::from_bytes(&bytes).ok_or_else(|| {
        let message = format!("{} is damaged", path.display());
        Failure::machine("file", message, "start another drill")
    })
}

fn read<T: Canonical>(path: &Path, what: &str, next: &str) -> Result<T> {
    let most = u64::try_from(T::BYTES_MAX).unwrap_or(u64::MAX);
    let bytes = read_at_most(path, most).map_err(|error| Failure::named_file(path, &error))?;
    from_bytes(&bytes).map_err(|error| {
        let message = format!("{} holds no {what} of a drill: {error}", path.display());
        Failure::caller(&format!("bad_{what}"), message, next)
    })
}

fn not_started(path: &Path, error: &DrillError) -> Failure {
    match error {
        DrillError::Refused(report) => backup::refused(path, report)
            .unwrap_or_else(|| Failure::peer("backup_refused", error, "take another backup")),
        DrillError::NoCanaryFor(_) => {
            let next = "export a backup with `quorate backup export`: it makes canaries anew";
            Failure::caller("no_canary", error, next)
        }
        _ => Failure::peer("bad_drill", error, "export another backup, and start from that"),
    }
}

fn unfinished(error: &FinishError) -> Failure {
    match error {
        FinishError::Part { fault, .. } => {
            let next = match fault {
                DrillPartFault::Twice => "name each custodian's part once",
                DrillPartFault::Drill => "name the drill that it was made for, or leave it out",
                _ => "leave it out, or have the custodian take part again",
            };
            Failure::peer("part_refused", error, next)
        }
        FinishError::Missing(_) => {
            let next =
                "wait for their parts; if they cannot give any, that is what the drill shows";
            Failure::caller("custodians_missing", error, next).with_exit(Exit::Quorum)
        }
        FinishError::False | FinishError::GaveUp => {
            let next = "ask further custodians for their parts, and leave out those that you trust \
                        least";
            Failure::peer("parts_false", error, next)
        }
    }
}

fn joined(names: &[Name]) -> String {
    names.iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
}
