//! `policy show|test|propose`.

use super::charter::file_motion;
use crate::args::PolicyVerb;
use crate::domain::read_at_most;
use crate::face::{Face, short};
use crate::failure::{Failure, Result};
use crate::session::Session;
use quorate_charter::MotionBody;
use quorate_client::contract::{PolicyView, routes};
use quorate_codec::Digest;
use quorate_policy::{CaseResult, Policy, PolicyBundle, PolicyError, limits};
use serde::Serialize;
use std::path::Path;

/// Runs a `policy` verb.
///
/// # Errors
/// The caller's, or a node's.
pub async fn run(verb: PolicyVerb, face: Face) -> Result<()> {
    match verb {
        PolicyVerb::Show(reader) => {
            let view: PolicyView = Session::read(&reader)?.get(routes::POLICY.path).await?;
            face.show(&view, text);
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
            file_motion(&session, &state, MotionBody::PolicySet { bundle }, face).await
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

fn text(view: &PolicyView) -> String {
    let (policy, head) = (short(&view.policy), short(&view.head));
    let rules = view.rules.join(", ");
    format!(
        "policy {policy} in force at head {head}\nrules: {rules}\n\n--- policy.cedar\n{}\n\
         --- limits.json\n{}\n--- lists.json\n{}",
        view.cedar.trim_end(),
        view.limits.trim_end(),
        view.lists.trim_end()
    )
}
