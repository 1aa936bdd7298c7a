//! What changes of people and rules come to, in words and numbers.

use crate::member::{Authenticators, MemberKind, SignedMember};
use crate::motion::span::Span;
use crate::motion::{Change, PeopleChange};
use crate::rules::{Recovery, Rule, Rules, objected_ms};
use crate::state::State;
use quorate_access::{LintOptions, LintWarning, Tree};
use quorate_identity::{CredentialKind, Name, words};
use std::collections::{BTreeMap, BTreeSet};

/// What a change of people and rules does, one line a fact.
pub(super) fn people_effect(change: &PeopleChange, state: &State) -> Vec<String> {
    let mut lines: Vec<String> =
        change.changes.iter().flat_map(|one| change_effect(one, state)).collect();
    if let Some(rules) = &change.rules {
        lines.extend(rules_effect(state.rules(), rules, &teams_after(change, state)));
    }
    if !change.excepted.is_empty() {
        lines.push(format!(
            "{} will be more than one thing at once; that is shown for ever",
            listed(&change.excepted)
        ));
    }
    lines
}

fn change_effect(change: &Change, state: &State) -> Vec<String> {
    match change {
        Change::Enrol { member, roles } => {
            let said = member.body();
            let first = match said.kind {
                MemberKind::Person => format!("{} joins as {}", said.name, roles.text()),
                MemberKind::Service => {
                    format!("the service {} joins: it may file requests", said.name)
                }
            };
            let mut lines = vec![first];
            lines.extend(keys_effect(member, &said.name, &said.keys));
            lines
        }
        Change::Keys { member } => {
            let said = member.body();
            let roles = state.person_named(&said.name).map(|person| person.roles.text());
            let roles = roles.unwrap_or_else(|| "a service".to_owned());
            let mut lines = vec![format!(
                "{} ({roles}) has these keys from then on: whoever has them speaks as {}, and nobody else",
                said.name, said.name
            )];
            lines.extend(keys_effect(member, &said.name, &said.keys));
            lines
        }
        Change::Revoke { name } => vec![format!(
            "{name} leaves for ever: calls, requests, approvals and motions of {name} count for \
             nothing more, and the name is never given again"
        )],
        Change::Roles { name, roles } => {
            let before = state.person_named(name).map(|it| it.roles.text());
            let before = before.unwrap_or_else(|| "nobody".to_owned());
            let after = roles.text();
            vec![format!("{name} is {after} from then on, and was {before}")]
        }
        Change::Team { name, members } if members.is_empty() => {
            vec![format!("{name} is no team any more")]
        }
        Change::Team { name, members } => vec![format!("the team {name} is {}", listed(members))],
    }
}

fn keys_effect(member: &SignedMember, name: &Name, keys: &Authenticators) -> Vec<String> {
    let mut lines = vec![format!(
        "read these words on {name}'s own machine: {}",
        words(&member.digest()).join(" ")
    )];
    lines.extend(keys.iter().map(|key| {
        let print = key.fingerprint();
        match key.kind() {
            CredentialKind::SecurityKey => format!("a security key, touched to sign: {print}"),
            CredentialKind::Ed25519 | CredentialKind::P256 => {
                format!("a key that may be a file, and then be copied: {print}")
            }
        }
    }));
    lines
}

/// Teams as they are after the change.
fn teams_after(change: &PeopleChange, state: &State) -> BTreeMap<String, BTreeSet<Name>> {
    let mut teams: BTreeMap<String, BTreeSet<Name>> =
        state.teams().iter().map(|(name, members)| (name.to_string(), members.clone())).collect();
    for one in &change.changes {
        if let Change::Team { name, members } = one {
            teams.insert(name.to_string(), members.iter().cloned().collect());
        }
    }
    teams.retain(|_, members| !members.is_empty());
    teams
}

/// What other rules change: everything that is not said stays.
fn rules_effect(
    before: &Rules,
    after: &Rules,
    teams: &BTreeMap<String, BTreeSet<Name>>,
) -> Vec<String> {
    let mut lines = Vec::new();
    let gone = before
        .special
        .iter()
        .filter(|(matter, _)| !after.special.iter().any(|(of, _)| of == matter));
    for (matter, rule) in gone {
        lines.push(format!("{matter}: the rule for everything else holds from then on"));
        lines.extend(rule_effect(matter.as_str(), rule, &after.main, teams));
    }
    let was = |what: &str| {
        let found = before.all().find(|(of, _)| of == what).map(|(_, rule)| rule);
        found.unwrap_or(&before.main)
    };
    for (what, rule) in after.all() {
        if rule != was(&what) {
            lines.extend(rule_effect(&what, was(&what), rule, teams));
        }
    }
    if before.upkeep != after.upkeep {
        lines.push(format!("upkeep needs {} (before: {})", after.upkeep, before.upkeep));
    }
    if before.recovery != after.recovery {
        lines.extend(recovery_effect(before.recovery.as_ref(), after.recovery.as_ref()));
    }
    let has_say = |rules: &Rules| rules.administrators();
    let lose: Vec<Name> = has_say(before).difference(&has_say(after)).cloned().collect();
    if !lose.is_empty() {
        lines.push(format!("{} will have no say any more", listed(&lose)));
    }
    let gain: Vec<Name> = has_say(after).difference(&has_say(before)).cloned().collect();
    if !gain.is_empty() {
        lines.push(format!("{} will have a say", listed(&gain)));
    }
    lines
}

fn rule_effect(
    what: &str,
    before: &Rule,
    after: &Rule,
    teams: &BTreeMap<String, BTreeSet<Name>>,
) -> Vec<String> {
    let mut lines = Vec::new();
    if before.tree != after.tree {
        let (few, were) = (after.tree.fewest(), before.tree.fewest());
        lines.push(format!("{what} needs {} (before: {})", after.tree, before.tree));
        lines.push(match few.cmp(&were) {
            std::cmp::Ordering::Less => {
                format!("{what}: {few} people are enough, where {were} were needed")
            }
            std::cmp::Ordering::Equal => format!("{what}: {few} people are enough, as before"),
            std::cmp::Ordering::Greater => {
                format!("{what}: {few} people are needed, where {were} were enough")
            }
        });
        lines.extend(together(what, &after.tree, teams));
    }
    if before.delay_ms != after.delay_ms {
        lines.push(match after.delay_ms {
            0 => format!("{what}: nothing is announced any more; nobody can object"),
            delay_ms => format!(
                "{what}: what is dangerous is announced {} before it takes effect (before: {})",
                Span(delay_ms),
                Span(before.delay_ms)
            ),
        });
    }
    if before.overriding != after.overriding || before.tree != after.tree {
        lines.push(format!(
            "{what}: an objection begins {} more, and then {} override it (before: {})",
            Span(objected_ms(after.delay_ms)),
            after.overriding,
            before.overriding
        ));
        if after.overriding.fewest() <= after.tree.fewest() {
            lines.push(format!("{what}: as few override an objection as rule: it only delays"));
        }
    }
    lines
}

/// Whom nothing happens without, and teams that rule alone.
fn together(
    what: &str,
    tree: &Tree<Name>,
    teams: &BTreeMap<String, BTreeSet<Name>>,
) -> Vec<String> {
    let options = LintOptions { groups: teams.clone(), ..LintOptions::default() };
    let report = tree.lint(&options);
    let mut lines: Vec<String> = report
        .warnings
        .iter()
        .filter_map(|warning| match warning {
            LintWarning::GroupIsQuorum(team) => {
                Some(format!("{what}: people of the team {team} are enough, with nobody else"))
            }
            LintWarning::GroupBlocks(team) => {
                Some(format!("{what}: without the team {team} nothing is decided"))
            }
            _ => None,
        })
        .collect();
    if !report.indispensable.is_empty() {
        let names: Vec<Name> = report.indispensable.into_iter().collect();
        lines.push(format!(
            "{what}: without {} nothing is decided; whoever is lost is a recovery",
            listed(&names)
        ));
    }
    lines
}

fn recovery_effect(before: Option<&Recovery>, after: Option<&Recovery>) -> Vec<String> {
    let was = before.map_or_else(
        || "nobody".to_owned(),
        |it| format!("{}, announced {} before", it.tree, Span(it.delay_ms)),
    );
    match after {
        None => vec![
            format!("nobody brings administrators back any more (before: {was})"),
            "if too few administrators are left, the domain is governed by nobody, for ever"
                .to_owned(),
        ],
        Some(it) => vec![format!(
            "administrators are brought back by {}, announced {} before (before: {was})",
            it.tree,
            Span(it.delay_ms)
        )],
    }
}

fn listed(names: &[Name]) -> String {
    names.iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
}
