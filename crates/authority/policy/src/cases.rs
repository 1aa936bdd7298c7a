//! A policy's own test table: what it must allow, make wait, and deny. It must pass before the
//! policy can be proposed, and every node runs it before it votes (POL-15).

use crate::error::{PolicyError, PolicyFile};
use crate::facts::Facts;
use crate::intents;
use crate::json;
use crate::judge::{Approvers, Ruling};
use crate::limits::CASES_MAX;
use crate::policy::Policy;
use crate::schema::{Asker, Question};
use quorate_codec::hex;
use quorate_identity::{Name, Scheme};
use quorate_intent::Intent;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One case of the table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// What the case shows, in words.
    name: String,
    /// `person:NAME` or `service:NAME`.
    requester: String,
    /// The key.
    key: CaseKey,
    /// An intent as it is filed; its bytes are decoded as a node would.
    #[serde(default)]
    intent: Option<Intent>,
    /// Or the facts themselves.
    #[serde(default)]
    facts: Option<Facts>,
    /// Who has approved.
    #[serde(default)]
    approvals: Vec<Name>,
    /// What must come out.
    expect: Expected,
    /// The rule that must decide.
    rule: String,
    /// Who must be asked, where it waits.
    #[serde(default)]
    waiting_for: Option<BTreeSet<Name>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseKey {
    name: Name,
    scheme: Scheme,
    /// 0x-hex; needed where an intent is decoded.
    #[serde(default)]
    public_key: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Expected {
    Allow,
    Wait,
    Deny,
}

/// What became of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaseReport {
    /// Every case, in the order of the table.
    pub cases: Vec<CaseResult>,
    /// Rules that no case was decided by: nothing shows that they do what they should.
    pub untested: Vec<String>,
}

/// What became of one case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaseResult {
    /// The case.
    pub name: String,
    /// What came out instead; nothing if it passed.
    pub failure: Option<String>,
}

impl CaseReport {
    /// Whether every case passed.
    ///
    /// # Errors
    /// [`PolicyError::Cases`] with every case that did not.
    pub fn passed(&self) -> Result<(), PolicyError> {
        let failed = self.cases.iter().filter_map(|case| {
            let failure = case.failure.as_ref()?;
            Some(format!("'{}': {failure}", case.name))
        });
        let failed: Vec<String> = failed.collect();
        if failed.is_empty() { Ok(()) } else { Err(PolicyError::Cases(failed)) }
    }
}

/// Reads the table.
pub(crate) fn parse(text: &str) -> Result<Vec<Case>, PolicyError> {
    let cases: Vec<Case> = json::parse(PolicyFile::Cases, text)?;
    if cases.len() > CASES_MAX {
        return Err(PolicyError::TooLong { file: PolicyFile::Cases });
    }
    if cases.is_empty() { Err(PolicyError::NoCases) } else { Ok(cases) }
}

/// Runs the table. Everybody whom a rule names, and nobody else, counts as an approver.
pub(crate) fn run(policy: &Policy, cases: Vec<Case>) -> CaseReport {
    let approvers = policy.approvers();
    let mut untested: BTreeSet<&str> = policy.rule_ids().collect();
    let mut results = Vec::new();
    for case in cases {
        let outcome = run_one(policy, &case, &approvers);
        if let Ok(ruling) = &outcome {
            untested.remove(ruling.rule());
        }
        let failure = outcome.map_or_else(Some, |ruling| difference(&case, &ruling));
        results.push(CaseResult { name: case.name, failure });
    }
    let untested = untested.into_iter().map(str::to_owned).collect();
    CaseReport { cases: results, untested }
}

/// The ruling on a case, or why the case makes no sense.
fn run_one(policy: &Policy, case: &Case, approvers: &BTreeSet<Name>) -> Result<Ruling, String> {
    let (kind, name) = case.requester.split_once(':').unwrap_or_default();
    let name: Name = name.parse().map_err(|_| "the requester has no name".to_owned())?;
    let asker = match kind {
        "person" => Asker::Person(&name),
        "service" => Asker::Service(&name),
        _ => return Err("a requester is person:NAME or service:NAME".to_owned()),
    };
    let eligible: BTreeSet<Name> = match asker {
        Asker::Person(person) => {
            approvers.iter().filter(|other| *other != person).cloned().collect()
        }
        Asker::Service(_) => approvers.clone(),
    };
    let approved: BTreeSet<Name> = case.approvals.iter().cloned().collect();
    if let Some(stranger) = approved.difference(&eligible).next() {
        return Err(format!("{stranger} cannot approve it: the requester, or not in any rule"));
    }
    let facts = facts(case)?;
    let question = Question { asker, key: &case.key.name, scheme: case.key.scheme, facts: &facts };
    Ok(policy.judge(&question, &Approvers { approved: &approved, eligible: &eligible }))
}

fn facts(case: &Case) -> Result<Facts, String> {
    match (&case.intent, &case.facts) {
        (None, Some(facts)) => Ok(facts.clone()),
        (Some(intent), None) => {
            let public_key = case.key.public_key.as_deref().unwrap_or("0x");
            let public_key = hex::decode(public_key).map_err(|error| error.to_string())?;
            intents::facts_of(intent, case.key.scheme, public_key)
        }
        _ => Err("a case has either an intent or facts".to_owned()),
    }
}

/// How a ruling differs from what the case expects.
fn difference(case: &Case, ruling: &Ruling) -> Option<String> {
    let (outcome, asked) = match ruling {
        Ruling::Allow { .. } => (Expected::Allow, None),
        Ruling::Wait { waiting_for, .. } => {
            let people = waiting_for.iter().flat_map(|waiting| waiting.people.iter().cloned());
            (Expected::Wait, Some(people.collect::<BTreeSet<Name>>()))
        }
        Ruling::Deny { .. } => (Expected::Deny, None),
    };
    if outcome != case.expect || ruling.rule() != case.rule {
        return Some(format!(
            "expected {:?} by {}, got {outcome:?} by {}: {}",
            case.expect,
            case.rule,
            ruling.rule(),
            ruling.reason()
        ));
    }
    let wrong_people = case.waiting_for.is_some() && case.waiting_for != asked;
    wrong_people.then(|| format!("waits for {asked:?}"))
}
