//! One question put to the rules: who may do this, and who must still agree.

use crate::policy::Policy;
use crate::rules::{Rule, built_in};
use crate::schema::{self, Question};
use cedar_policy::{Authorizer, Decision as CedarDecision, EntityUid, Response};
use minicbor::{Decode, Encode};
use quorate_access::Tree;
use quorate_identity::Name;
use std::collections::BTreeSet;

/// Most rules that a default denial lists.
const NEAREST_MAX: usize = 5;

/// Whom a request waits for under one rule.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct WaitingFor {
    /// The rule.
    #[n(0)]
    pub rule: String,
    /// People who could still approve, ascending.
    #[n(1)]
    pub people: Vec<Name>,
    /// The fewest of them that suffice.
    #[n(2)]
    pub needed: u32,
}

/// What the rules say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ruling {
    Allow { rule: String, reason: String },
    Wait { rule: String, reason: String, waiting_for: Vec<WaitingFor> },
    Deny { rule: String, reason: String },
}

impl Ruling {
    /// The rule that decided.
    pub fn rule(&self) -> &str {
        let (Self::Allow { rule, .. } | Self::Wait { rule, .. } | Self::Deny { rule, .. }) = self;
        rule
    }

    /// Why.
    pub fn reason(&self) -> &str {
        let (Self::Allow { reason, .. } | Self::Wait { reason, .. } | Self::Deny { reason, .. }) =
            self;
        reason
    }
}

/// Who has approved and who could.
pub(crate) struct Approvers<'a> {
    /// Approved, validly.
    pub approved: &'a BTreeSet<Name>,
    /// May approve this request: approvers at the head, without the requester.
    pub eligible: &'a BTreeSet<Name>,
}

impl Policy {
    /// Puts a question to the rules (POL-10 to POL-14).
    pub(crate) fn judge(&self, question: &Question<'_>, approvers: &Approvers<'_>) -> Ruling {
        let request = schema::request(question, &self.limits, &self.lists, self.schema);
        let (request, entities) = match request {
            Ok(request) => request,
            Err(error) => {
                let reason = format!("the question does not fit the schema: {error}");
                return deny(built_in::EVALUATION_ERROR, reason);
            }
        };
        let response = Authorizer::new().is_authorized(&request, &self.set, &entities);
        if let Some(error) = first_error(&response) {
            return deny(built_in::EVALUATION_ERROR, error);
        }
        let deciding = self.deciding(&response);
        match (response.decision(), deciding.first()) {
            (CedarDecision::Allow, Some(_)) => self.weigh(&deciding, approvers),
            (CedarDecision::Deny, Some(rule)) => deny(&rule.id, forbids(rule)),
            (_, None) => {
                deny(built_in::DEFAULT_DENY, self.nothing_permits(question, request.action()))
            }
        }
    }

    /// The rules that decided, ascending by id.
    fn deciding(&self, response: &Response) -> Vec<&Rule> {
        let ids: BTreeSet<&str> = response.diagnostics().reason().map(AsRef::as_ref).collect();
        ids.into_iter().filter_map(|id| self.rules.get(id)).collect()
    }

    /// Some permits apply: one without approvals, or with all of them, lets it pass; else it
    /// waits for those who can still satisfy one (POL-12), if anybody can (POL-13).
    fn weigh(&self, permits: &[&Rule], approvers: &Approvers<'_>) -> Ruling {
        let satisfied = |rule: &&&Rule| match &rule.approvals {
            None => true,
            Some(tree) => tree.satisfied(approvers.approved),
        };
        let without_asking = permits.iter().find(|rule| rule.approvals.is_none());
        if let Some(rule) = without_asking.or_else(|| permits.iter().find(satisfied)) {
            return Ruling::Allow { rule: rule.id.clone(), reason: allows(rule) };
        }
        let waits = permits.iter().filter_map(|rule| {
            let tree = rule.approvals.as_ref()?;
            Some((*rule, tree, waiting_for(rule, tree, approvers)?))
        });
        let waits: Vec<_> = waits.collect();
        match (waits.first(), permits.first()) {
            (Some((rule, tree, _)), _) => Ruling::Wait {
                rule: rule.id.clone(),
                reason: format!("{} needs approval by {tree}", rule.in_words()),
                waiting_for: waits.iter().map(|(_, _, waiting)| waiting.clone()).collect(),
            },
            (None, Some(rule)) => deny(&rule.id, nobody_can_approve(rule)),
            (None, None) => deny(built_in::DEFAULT_DENY, "no rule permits this".to_owned()),
        }
    }

    /// Default denial in words: the permits for this kind, and what the intent keeps of what
    /// they may ask for.
    fn nothing_permits(&self, question: &Question<'_>, action: Option<&EntityUid>) -> String {
        let covers =
            |rule: &&Rule| rule.permits && action.is_some_and(|action| rule.covers(action));
        let nearest: Vec<String> =
            self.rules.values().filter(covers).take(NEAREST_MAX).map(Rule::in_words).collect();
        let kind = &question.facts.kind;
        if nearest.is_empty() {
            return format!("no rule permits any {kind}");
        }
        let none_or = |names: Vec<&str>| match names.is_empty() {
            true => "none".to_owned(),
            false => names.join(", "),
        };
        format!(
            "no rule permits this {kind}; nearest: {}; lists that hold all its destinations: {}; \
             limits it keeps: {}",
            nearest.join(", "),
            none_or(self.lists.with_all(question.facts)),
            none_or(self.limits.within(question.facts)),
        )
    }
}

/// Any error denies: Cedar would skip the rule, and a skipped forbid lets pass what it should
/// stop (POL-11).
fn first_error(response: &Response) -> Option<String> {
    let errors: BTreeSet<String> =
        response.diagnostics().errors().map(ToString::to_string).collect();
    errors.into_iter().next().map(|error| format!("{error}; what cannot be judged is denied"))
}

/// Whom a permit still waits for; `None` if those who may approve can never satisfy it.
fn waiting_for(rule: &Rule, tree: &Tree<Name>, approvers: &Approvers<'_>) -> Option<WaitingFor> {
    let missing = tree.missing_for(approvers.approved)?;
    let wanted = missing.parties();
    let people: BTreeSet<Name> = wanted.intersection(approvers.eligible).cloned().collect();
    let fewest = missing.select(&people)?.parties().len();
    Some(WaitingFor {
        rule: rule.id.clone(),
        people: people.into_iter().collect(),
        needed: u32::try_from(fewest).unwrap_or(u32::MAX),
    })
}

pub(crate) fn deny(rule: &str, reason: String) -> Ruling {
    Ruling::Deny { rule: rule.to_owned(), reason }
}

fn allows(rule: &Rule) -> String {
    match (&rule.approvals, &rule.reason) {
        (Some(tree), _) => format!("{} is approved by {tree}", rule.in_words()),
        (None, Some(reason)) => reason.clone(),
        (None, None) => format!("rule {} permits it", rule.id),
    }
}

fn forbids(rule: &Rule) -> String {
    rule.reason.clone().unwrap_or_else(|| format!("rule {} forbids it", rule.id))
}

fn nobody_can_approve(rule: &Rule) -> String {
    let tree = rule.approvals.as_ref().map(ToString::to_string).unwrap_or_default();
    format!(
        "{} needs approval by {tree}, and too few of them may approve this request: the \
         requester never counts, and only approvers at the head do",
        rule.in_words()
    )
}
