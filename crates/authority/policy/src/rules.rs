//! `policy.cedar` read into rules: every rule named, every annotation understood, every name
//! known, the whole checked strictly against the schema.

use crate::error::{PolicyError, PolicyFile};
use crate::json::is_plain_name;
use crate::limits::{Limits, RULES_MAX};
use crate::lists::{self, Lists};
use crate::text;
use cedar_policy::{
    ActionConstraint, Effect, EntityUid, Policy as CedarPolicy, PolicyId, PolicySet, Schema,
    ValidationMode, Validator,
};
use quorate_access::Tree;
use quorate_identity::Name;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

/// Ids that decisions use where no rule of the policy decided; no rule may take one.
pub mod built_in {
    /// No rule permits it.
    pub const DEFAULT_DENY: &str = "default-deny";
    /// A rule could not be evaluated.
    pub const EVALUATION_ERROR: &str = "evaluation-error";
    /// There is no policy at this head.
    pub const NO_POLICY: &str = "no-policy";
    /// The bytes of the intent could not be read.
    pub const UNREADABLE: &str = "unreadable";
    /// The request itself does not hold at this head.
    pub const INVALID: &str = "invalid-request";
    /// A person rejected it.
    pub const REJECTED: &str = "rejected";
    /// Its time ran out.
    pub const EXPIRED: &str = "expired";

    /// All of them.
    pub const ALL: [&str; 7] =
        [DEFAULT_DENY, EVALUATION_ERROR, NO_POLICY, UNREADABLE, INVALID, REJECTED, EXPIRED];
}

/// One rule.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    /// Its `@id`.
    pub id: String,
    /// Whether it permits.
    pub permits: bool,
    /// Its `@reason`.
    pub reason: Option<String>,
    /// Its `@approvals`.
    pub approvals: Option<Tree<Name>>,
    /// Kinds of intent that its scope covers.
    pub actions: ActionConstraint,
}

impl Rule {
    /// Whether its scope covers intents of a kind.
    pub fn covers(&self, action: &EntityUid) -> bool {
        match &self.actions {
            ActionConstraint::Any => true,
            ActionConstraint::In(actions) => actions.contains(action),
            ActionConstraint::Eq(only) => only == action,
        }
    }

    /// The rule in words: its id and its reason.
    pub fn in_words(&self) -> String {
        match &self.reason {
            Some(reason) => format!("{} ({reason})", self.id),
            None => self.id.clone(),
        }
    }
}

/// Reads the rules; the set holds each one under its `@id` (POL-04).
pub(crate) fn parse(
    text: &str,
    schema: &Schema,
    limits: &Limits,
    lists: &Lists,
) -> Result<(PolicySet, BTreeMap<String, Rule>), PolicyError> {
    text::check(text)?;
    let anonymous =
        PolicySet::from_str(text).map_err(|error| PolicyError::Syntax(error.to_string()))?;
    if anonymous.num_of_templates() > 0 {
        return Err(PolicyError::Template);
    }
    let count = anonymous.num_of_policies();
    if count == 0 || count > RULES_MAX {
        return Err(PolicyError::Count(count));
    }
    let mut set = PolicySet::new();
    let mut rules = BTreeMap::new();
    for policy in anonymous.policies() {
        let rule = read(policy)?;
        check_names(policy, &rule, limits, lists)?;
        let id = rule.id.clone();
        let added = set.add(policy.new_id(PolicyId::new(&id)));
        if added.is_err() || rules.insert(id.clone(), rule).is_some() {
            return Err(PolicyError::SameId(id));
        }
    }
    check_schema(&set, schema)?;
    Ok((set, rules))
}

fn read(policy: &CedarPolicy) -> Result<Rule, PolicyError> {
    let id = match policy.annotation("id") {
        Some(id) => id.to_owned(),
        None => return Err(PolicyError::Unnamed(policy.to_string().chars().take(120).collect())),
    };
    if !is_plain_name(&id) || built_in::ALL.contains(&id.as_str()) {
        return Err(PolicyError::BadId(id));
    }
    let known = ["id", "reason", "approvals"];
    if let Some((name, _)) = policy.annotations().find(|(name, _)| !known.contains(name)) {
        return Err(PolicyError::Annotation { rule: id, name: name.to_owned() });
    }
    let permits = policy.effect() == Effect::Permit;
    let approvals = match policy.annotation("approvals") {
        None => None,
        Some(_) if !permits => return Err(PolicyError::ApprovalsOnForbid(id)),
        Some(notation) => {
            let refused = |reason: String| PolicyError::Approvals { rule: id.clone(), reason };
            Some(
                notation
                    .parse()
                    .map_err(|error: quorate_access::ParseError| refused(error.to_string()))?,
            )
        }
    };
    let reason = policy.annotation("reason").filter(|reason| !reason.is_empty());
    Ok(Rule {
        id,
        permits,
        reason: reason.map(printable),
        approvals,
        actions: policy.action_constraint(),
    })
}

/// Words of a rule beside which other things are shown: nothing in them acts on a terminal, or
/// begins a line.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '"' | '\'' | '\\' => shown.push(letter),
            _ => shown.extend(letter.escape_debug()),
        }
    }
    shown
}

/// Strict, and a warning counts as an error: a rule that can never apply, or that looks like
/// another, is a mistake that would stay silent (POL-06).
fn check_schema(set: &PolicySet, schema: &Schema) -> Result<(), PolicyError> {
    let result = Validator::new(schema.clone()).validate(set, ValidationMode::Strict);
    let errors = result.validation_errors().map(ToString::to_string);
    let warnings = result.validation_warnings().map(ToString::to_string);
    let first = errors.chain(warnings).next();
    first.map_or(Ok(()), |found| Err(PolicyError::Schema(found)))
}

/// A rule that asks for a limit or list that does not exist would stay silent: a forbid above
/// all (POL-06).
fn check_names(
    policy: &CedarPolicy,
    rule: &Rule,
    limits: &Limits,
    lists: &Lists,
) -> Result<(), PolicyError> {
    let json = policy.to_json().map_err(|error| PolicyError::Syntax(error.to_string()))?;
    let mut asked = Vec::new();
    collect_asked(&json, &mut asked);
    for (attribute, name) in asked {
        let unknown =
            |file| Err(PolicyError::Unknown { rule: rule.id.clone(), name: name.to_owned(), file });
        match attribute {
            "within" if !limits.names().any(|known| known == name) => {
                return unknown(PolicyFile::Limits);
            }
            "to_in" | "to_any_in" if !lists.names().any(|known| known == name) => {
                return unknown(PolicyFile::Lists);
            }
            "to" => lists::check_destination(name)?,
            "selector" if !is_selector(name) => {
                return Err(PolicyError::Selector(name.chars().take(96).collect()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// What else in a bundle a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Asks {
    /// An entry of `limits.json`.
    Limit,
    /// An entry of `lists.json`.
    List,
}

/// Limits and lists that a rule in Cedar's JSON form names.
pub(crate) fn asks(json: &Value) -> BTreeSet<(Asks, String)> {
    let mut asked = Vec::new();
    collect_asked(json, &mut asked);
    let known = asked.into_iter().filter_map(|(attribute, name)| match attribute {
        "within" => Some((Asks::Limit, name.to_owned())),
        "to_in" | "to_any_in" => Some((Asks::List, name.to_owned())),
        _ => None,
    });
    known.collect()
}

/// Of these, those without which the rule never applies: each stands in a `when`, joined to whatever
/// else is there by `&&` alone.
pub(crate) fn binding(json: &Value) -> BTreeSet<(Asks, String)> {
    let conditions = json.get("conditions").and_then(Value::as_array);
    let is_when = |it: &&Value| it.get("kind").and_then(Value::as_str) == Some("when");
    let whens = conditions.into_iter().flatten().filter(is_when);
    let mut open: Vec<&Value> = whens.filter_map(|it| it.get("body")).collect();
    let mut bound = BTreeSet::new();
    while let Some(body) = open.pop() {
        if let Some(both) = body.get("&&") {
            open.extend(["left", "right"].iter().filter_map(|side| both.get(side)));
        } else if body.get("contains").is_some() {
            bound.extend(asks(body));
        }
    }
    bound
}

/// `0x` and eight lower-case hex digits.
fn is_selector(text: &str) -> bool {
    let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.strip_prefix("0x").is_some_and(|rest| rest.len() == 8 && rest.bytes().all(hex))
}

/// Literals that an expression compares a set of the context with: the attribute and the text.
fn collect_asked<'a>(json: &'a Value, asked: &mut Vec<(&'a str, &'a str)>) {
    match json {
        Value::Object(fields) => {
            let sides = [("left", "right"), ("right", "left")];
            for (side, other) in sides {
                let attribute = fields.get(side).and_then(context_attribute);
                if let (Some(attribute), Some(other)) = (attribute, fields.get(other)) {
                    collect_literals(attribute, other, asked);
                }
            }
            fields.values().for_each(|value| collect_asked(value, asked));
        }
        Value::Array(elements) => {
            elements.iter().for_each(|element| collect_asked(element, asked));
        }
        _ => {}
    }
}

/// `context.attribute` in Cedar's JSON form.
fn context_attribute(json: &Value) -> Option<&str> {
    let access = json.get(".")?;
    let of_context = access.get("left")?.get("Var")?.as_str()? == "context";
    access.get("attr")?.as_str().filter(|_| of_context)
}

fn collect_literals<'a>(attribute: &'a str, json: &'a Value, asked: &mut Vec<(&'a str, &'a str)>) {
    match json {
        Value::String(text) => asked.push((attribute, text)),
        Value::Array(elements) => {
            elements.iter().for_each(|element| collect_literals(attribute, element, asked));
        }
        Value::Object(fields) => {
            for value in ["Value", "Set"].into_iter().filter_map(|name| fields.get(name)) {
                collect_literals(attribute, value, asked);
            }
        }
        _ => {}
    }
}
