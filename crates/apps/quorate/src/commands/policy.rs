//! `policy show|test|propose`.

use super::charter;
use crate::args::PolicyVerb;
use crate::domain::{read_at_most, write_whole};
use crate::face::{Face, harmless, short};
use crate::failure::{Failure, Result};
use crate::replay;
use crate::session::Session;
use quorate_charter::{MotionBody, State};
use quorate_codec::Digest;
use quorate_identity::{Head, MotionId};
use quorate_policy::{CaseResult, Policy, PolicyBundle, PolicyError, limits};
use serde::Serialize;
use std::fmt::Write;
use std::path::Path;

/// Runs a `policy` verb.
///
/// # Errors
/// The caller's, or a node's.
pub async fn run(verb: PolicyVerb, face: Face) -> Result<()> {
    match verb {
        PolicyVerb::Show { motion, output, reader } => {
            let session = Session::read(&reader)?;
            let shown = match motion {
                Some(motion) => Shown::proposed(&session, &motion).await?,
                None => Shown::in_force(&session.replay().await?)?,
            };
            if let Some(folder) = output {
                write(&shown, &folder, face)?;
            }
            face.show(&shown, Shown::text);
            Ok(())
        }
        PolicyVerb::Test { directory, dir: _ } => {
            let policy = load(&directory)?;
            test(&policy, face)
        }
        PolicyVerb::Propose { directory, signer } => {
            let bundle = tested(&directory)?;
            let session = Session::sign(&signer)?;
            let state = session.replay().await?;
            quorate_policy::vet(&bundle, &state).map_err(|error| unfit(&error))?;
            let body = MotionBody::PolicySet { bundle };
            // Whoever files it signs it, and reads first what it does. A dry run ends with that.
            if !face.is_dry_run() {
                face.brief(&charter::shown(&body, &state));
                charter::confirm(&session)?;
            }
            charter::file_motion(&session, &state, body, face).await
        }
    }
}

/// Reads and compiles the four files of a policy directory.
fn load(directory: &Path) -> Result<Policy> {
    let bundle = PolicyBundle::from_files(|name| {
        let path = directory.join(name);
        let bytes_max = u64::try_from(limits::FILE_BYTES_MAX).unwrap_or(u64::MAX);
        let bytes =
            read_at_most(&path, bytes_max).map_err(|error| Failure::named_file(&path, &error))?;
        String::from_utf8(bytes).map_err(|error| {
            let message = format!("{} is no text: {error}", path.display());
            Failure::caller("bad_policy", message, "write the file in UTF-8")
        })
    })?;
    Policy::from_bundle(bundle).map_err(|error| unfit(&error))
}

/// The bundle of a directory whose own table passes.
fn tested(directory: &Path) -> Result<Vec<u8>> {
    let policy = load(directory)?;
    let report = policy.run_cases().map_err(|error| unfit(&error))?;
    report.passed().map_err(|error| unfit(&error))?;
    Ok(policy.bundle().to_bytes())
}

#[derive(Serialize)]
struct Report {
    policy: Digest,
    passed: bool,
    cases: Vec<CaseResult>,
    untested: Vec<String>,
}

fn test(policy: &Policy, face: Face) -> Result<()> {
    let report = policy.run_cases().map_err(|error| unfit(&error))?;
    let verdict = report.passed().map_err(|error| unfit(&error));
    let passed = verdict.is_ok();
    let report =
        Report { policy: policy.digest(), passed, cases: report.cases, untested: report.untested };
    face.show(&report, |report| {
        let mut lines: Vec<String> = Vec::new();
        for case in &report.cases {
            lines.push(match &case.failure {
                None => format!("  passed  {}", case.name),
                Some(failure) => format!("  FAILED  {}: {failure}", case.name),
            });
        }
        for rule in &report.untested {
            lines.push(format!("  note: no case is decided by the rule {rule}"));
        }
        let failed = report.cases.iter().filter(|case| case.failure.is_some()).count();
        lines.push(format!("{} cases, {failed} failed", report.cases.len()));
        lines.join("\n")
    });
    verdict
}

fn unfit(error: &PolicyError) -> Failure {
    let next = match error {
        PolicyError::Cases(_) => "correct the rules or the table, and run `quorate policy test`",
        _ => "correct the file, and run `quorate policy test`",
    };
    let code = match error {
        PolicyError::Cases(_) => "policy_cases",
        _ => "bad_policy",
    };
    Failure::caller(code, error, next)
}

/// A policy, in force or proposed.
#[derive(Serialize)]
struct Shown {
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<Head>,
    #[serde(skip_serializing_if = "Option::is_none")]
    motion: Option<MotionId>,
    policy: Digest,
    rules: Vec<String>,
    cedar: String,
    limits: String,
    lists: String,
    cases: String,
}

impl Shown {
    /// What the charter has, verified here and not as a node says.
    fn in_force(state: &State) -> Result<Self> {
        let bytes = state.policy().ok_or_else(|| {
            let next = "propose one with `quorate policy propose`";
            Failure::caller("no_policy", "the charter has no policy yet: nothing is signed", next)
        })?;
        let policy = Policy::compile(bytes).map_err(|error| {
            let message = format!("this program cannot read the policy in force: {error}");
            Failure::caller("bad_policy", message, "install the version that the nodes run")
        })?;
        Ok(Self { head: Some(state.head()), ..Self::of(&policy) })
    }

    fn of(policy: &Policy) -> Self {
        let PolicyBundle { cedar, limits, lists, cases, .. } = policy.bundle().clone();
        let rules = policy.rule_ids().map(str::to_owned).collect();
        let (head, motion, policy) = (None, None, policy.digest());
        Self { head, motion, policy, rules, cedar, limits, lists, cases }
    }

    /// What a motion would set, read from the bytes that people sign.
    async fn proposed(session: &Session, motion: &str) -> Result<Self> {
        let id: MotionId = replay::parse_hash(motion, "motion")?;
        let (signed, _) = charter::fetch(session, &id).await?;
        let MotionBody::PolicySet { bundle } = &signed.body().body else {
            let message = format!("motion {id} sets no policy");
            let next = format!("`quorate charter show {id}` says what it does");
            return Err(Failure::caller("no_policy", message, next));
        };
        let policy = Policy::compile(bundle).map_err(|error| {
            let message = format!("the proposed policy does not hold: {error}");
            Failure::peer("bad_policy", message, "do not sign it; ask whoever proposed it")
        })?;
        Ok(Self { motion: Some(id), ..Self::of(&policy) })
    }

    fn files(&self) -> [(&'static str, &str); 4] {
        let Self { cedar, limits, lists, cases, .. } = self;
        [
            ("policy.cedar", cedar),
            ("limits.json", limits),
            ("lists.json", lists),
            ("cases.json", cases),
        ]
    }

    fn text(&self) -> String {
        let place = match (&self.head, &self.motion) {
            (Some(head), _) => format!("in force at head {}", short(head)),
            (None, Some(motion)) => format!("proposed by motion {motion}"),
            (None, None) => String::new(),
        };
        let mut text =
            format!("policy {} {place}\nrules: {}\n", short(&self.policy), self.rules.join(", "));
        // The table is longer than all the rest, and says nothing that binds.
        for (name, contents) in self.files().into_iter().filter(|(name, _)| *name != "cases.json") {
            let _ = write!(text, "\n--- {name}\n{}", harmless(contents).trim_end());
        }
        text
    }
}

/// Writes the files of a policy to a directory that is not there yet.
fn write(policy: &Shown, folder: &Path, face: Face) -> Result<()> {
    face.before(|| format!("write the policy {} to {}", policy.policy, folder.display()))?;
    let made = std::fs::create_dir(folder);
    made.map_err(|error| Failure::named_file(folder, &error))?;
    for (name, contents) in policy.files() {
        write_whole(&folder.join(name), contents.as_bytes(), 0o644)?;
    }
    Ok(())
}
