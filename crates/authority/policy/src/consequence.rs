//! What a policy lets people do that the one before did not, in words and numbers: what whoever
//! signs for it reads first (POL-17).

use crate::limits::{Limit, Measure};
use crate::policy::Policy;
use crate::rules::{self, Asks, Rule};
use cedar_policy::{
    ActionConstraint, EntityUid, PolicyId, PrincipalConstraint, ResourceConstraint,
};
use quorate_access::{LintOptions, LintWarning, Tree};
use quorate_identity::Name;
use quorate_intent::amount_in_words;
use std::collections::{BTreeMap, BTreeSet};

/// So many entries that a list gains or loses are shown one by one.
const ENTRIES_SHOWN: usize = 20;
/// Kinds of intent that move nothing by themselves.
const WORDS_ONLY: [&str; 2] = ["message", "evm.message"];

impl Policy {
    /// What changes if this policy follows another, one line a fact: rules, and rules that look at
    /// a limit or list that changed, said whole; then the limits and lists themselves. `teams` are
    /// people who work, live or fall together. Public. Cost: that of compiling a policy, about.
    pub fn consequence(
        &self,
        before: Option<&Self>,
        teams: &BTreeMap<Name, BTreeSet<Name>>,
    ) -> Vec<String> {
        let moved = self.moved(before);
        let mut lines = Vec::new();
        for rule in self.rules.values() {
            let asks = self.asks(rule);
            let was = before.and_then(|it| Some((it, it.rules.get(&rule.id)?)));
            let what = match was {
                None => "new rule",
                Some((it, was)) if it.text(was) != self.text(rule) => "changed rule",
                Some(_) if asks.iter().any(|ask| moved.contains(ask)) => "rule, as before,",
                Some(_) => continue,
            };
            lines.push(format!("{what} {}: {}", rule.in_words(), self.says(rule, &asks, teams)));
            if let Some((it, was)) = was {
                let said = it.says(was, &it.asks(was), teams);
                lines.push(format!("  before: it {said}"));
            }
        }
        let Some(before) = before else { return lines };
        for rule in before.rules.values().filter(|rule| !self.rules.contains_key(&rule.id)) {
            let said = before.says(rule, &before.asks(rule), teams);
            lines.push(format!("no rule {} any more: it {said}", rule.in_words()));
        }
        for (_, name) in moved.iter().filter(|(asked, _)| *asked == Asks::Limit) {
            lines.push(match (self.limits.get(name), before.limits.get(name)) {
                (Some(new), Some(old)) => {
                    format!("limit {name}: {} (before: {})", most(new), most(old))
                }
                (Some(new), None) => format!("limit {name}, new: {}", most(new)),
                (None, _) => format!("no limit {name} any more"),
            });
        }
        for (_, name) in moved.iter().filter(|(asked, _)| *asked == Asks::List) {
            let (new, old) = (self.lists.get(name), before.lists.get(name));
            let [new, old] = [new, old].map(|list| list.cloned().unwrap_or_default());
            lines.extend(entries(name, "gains", new.difference(&old)));
            lines.extend(entries(name, "loses", old.difference(&new)));
        }
        if self.bundle().cases != before.bundle().cases {
            lines.push("its own table of cases is another one".to_owned());
        }
        if lines.is_empty() {
            lines.push(match self.digest() == before.digest() {
                true => "it is the policy in force".to_owned(),
                false => "no rule, limit or list changes".to_owned(),
            });
        }
        lines
    }

    /// Limits and lists that are not what they were.
    fn moved(&self, before: Option<&Self>) -> BTreeSet<(Asks, String)> {
        let Some(before) = before else { return BTreeSet::new() };
        let limits = self.limits.names().chain(before.limits.names());
        let limits = limits.filter(|name| self.limits.get(name) != before.limits.get(name));
        let lists = self.lists.names().chain(before.lists.names());
        let lists = lists.filter(|name| self.lists.get(name) != before.lists.get(name));
        let limits = limits.map(|name| (Asks::Limit, name.to_owned()));
        limits.chain(lists.map(|name| (Asks::List, name.to_owned()))).collect()
    }

    /// A rule as Cedar has it, annotations too, however it was laid out.
    fn text(&self, rule: &Rule) -> Option<serde_json::Value> {
        self.set.policy(&PolicyId::new(&rule.id))?.to_json().ok()
    }

    /// Limits and lists that a rule looks at.
    fn asks(&self, rule: &Rule) -> BTreeSet<(Asks, String)> {
        self.text(rule).map(|json| rules::asks(&json)).unwrap_or_default()
    }

    /// What a rule does.
    fn says(
        &self,
        rule: &Rule,
        asks: &BTreeSet<(Asks, String)>,
        teams: &BTreeMap<Name, BTreeSet<Name>>,
    ) -> String {
        let verb = if rule.permits { "permits" } else { "forbids" };
        let mut text = format!("{verb} {}{}", kinds(&rule.actions), self.scope(rule));
        match &rule.approvals {
            Some(tree) => text.push_str(&approved(tree, teams)),
            None if rule.permits => text.push_str(", and nobody has to approve"),
            None => {}
        }
        let bound = self.text(rule).map(|json| rules::binding(&json)).unwrap_or_default();
        let looked = |binds: bool| {
            let asks = asks.iter().filter(|ask| bound.contains(ask) == binds);
            asks.map(|ask| self.looked_at(ask)).collect::<Vec<_>>().join(", ")
        };
        for (binds, how) in
            [(true, "it looks at"), (false, "read the rule, which does not simply ask for")]
        {
            let looked = looked(binds);
            if !looked.is_empty() {
                text.push_str(&format!("; {how} {looked}"));
            }
        }
        let is_amount = |(asked, name): &(Asks, String)| {
            let limit = self.limits.get(name).filter(|_| *asked == Asks::Limit);
            limit.is_some_and(|limit| limit.of == Measure::Amount)
        };
        let moves = match &rule.actions {
            ActionConstraint::Any => true,
            ActionConstraint::In(kinds) => kinds.iter().any(moves),
            ActionConstraint::Eq(kind) => moves(kind),
        };
        if rule.permits && moves && !bound.iter().any(is_amount) {
            text.push_str("; it looks at no limit on amounts");
        }
        text
    }

    /// Who asks and with which key, where a rule says so.
    fn scope(&self, rule: &Rule) -> String {
        let policy = self.set.policy(&PolicyId::new(&rule.id));
        let who = policy.map(|policy| match policy.principal_constraint() {
            PrincipalConstraint::Any => String::new(),
            PrincipalConstraint::In(who) | PrincipalConstraint::Eq(who) => {
                format!(" asked for by {}", bare(&who))
            }
            PrincipalConstraint::Is(kind) => format!(" asked for by any {kind}"),
            PrincipalConstraint::IsIn(_, who) => format!(" asked for by {}", bare(&who)),
        });
        let key = policy.map(|policy| match policy.resource_constraint() {
            ResourceConstraint::In(key)
            | ResourceConstraint::Eq(key)
            | ResourceConstraint::IsIn(_, key) => format!(" under the key {}", bare(&key)),
            ResourceConstraint::Any | ResourceConstraint::Is(_) => " under any key".to_owned(),
        });
        who.into_iter().chain(key).collect()
    }

    fn looked_at(&self, (asked, name): &(Asks, String)) -> String {
        match asked {
            Asks::Limit => match self.limits.get(name) {
                Some(limit) => format!("limit {name} ({})", most(limit)),
                None => format!("limit {name}"),
            },
            Asks::List => match self.lists.get(name).map_or(0, BTreeSet::len) {
                1 => format!("list {name} (one destination)"),
                count => format!("list {name} ({count} destinations)"),
            },
        }
    }
}

/// Whose approval is enough, and whether people of one team are.
fn approved(tree: &Tree<Name>, teams: &BTreeMap<Name, BTreeSet<Name>>) -> String {
    let groups = teams.iter().map(|(team, people)| (team.to_string(), people.clone())).collect();
    let report = tree.lint(&LintOptions { groups, ..LintOptions::default() });
    let mut text = match tree.fewest() {
        1 => format!(", once {tree} approved: one person is enough"),
        fewest => format!(", once {tree} approved: {fewest} people are enough"),
    };
    for warning in report.warnings {
        if let LintWarning::GroupIsQuorum(team) = warning {
            text.push_str(&format!(", of the team {team} alone too"));
        }
    }
    text
}

/// Entries of a list that come or go, a line each; of very many the first.
fn entries<'a>(name: &str, verb: &str, entries: impl Iterator<Item = &'a String>) -> Vec<String> {
    let all: Vec<&String> = entries.collect();
    let shown = all.iter().take(ENTRIES_SHOWN);
    let mut lines: Vec<String> = shown.map(|entry| format!("list {name} {verb} {entry}")).collect();
    if all.len() > ENTRIES_SHOWN {
        lines.push(format!("list {name} {verb} {} more", all.len() - ENTRIES_SHOWN));
    }
    lines
}

/// What a limit lets pass.
fn most(limit: &Limit) -> String {
    let amount = amount_in_words(&rules::printable(&limit.asset), limit.max);
    match limit.of {
        Measure::Amount => format!("at most {amount}"),
        Measure::Fee => format!("a fee of at most {amount}"),
    }
}

fn kinds(actions: &ActionConstraint) -> String {
    match actions {
        ActionConstraint::Any => "everything".to_owned(),
        ActionConstraint::In(kinds) => kinds.iter().map(bare).collect::<Vec<_>>().join(", "),
        ActionConstraint::Eq(kind) => bare(kind),
    }
}

fn moves(kind: &EntityUid) -> bool {
    !WORDS_ONLY.contains(&bare(kind).as_str())
}

/// The name in an entity.
fn bare(entity: &EntityUid) -> String {
    let id: &str = entity.id().as_ref();
    id.to_owned()
}

#[cfg(test)]
mod tests {
    use crate::{Policy, PolicyBundle};
    use quorate_identity::Name;
    use std::collections::{BTreeMap, BTreeSet};

    const CASE: &str = r#"[{"name":"a call is denied","requester":"service:bot",
        "key":{"name":"ops","scheme":"ed25519"},
        "facts":{"kind":"evm.transaction","calls":true},"expect":"deny","rule":"default-deny"}]"#;
    const PAYEE: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
    const OTHER: &str = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";
    const SMALL: &str = r#"@id("small") @reason("small ones") @approvals("2 of (ada, ben, cleo)")
        permit(principal, action == Action::"evm.transaction", resource)
        when { context.to_in.contains("payees") && context.within.contains("some") };"#;
    const WORDS: &str = r#"@id("words")
        permit(principal == Service::"bot", action == Action::"message", resource == Key::"ops");"#;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn policy(rules: &[&str], ether: &str, payees: &[&str]) -> Policy {
        let limits = format!(r#"{{"some":{{"asset":"ether","max":"{ether}000000000000000000"}}}}"#);
        let lists = serde_json::json!({ "payees": payees }).to_string();
        let bundle = PolicyBundle::new(rules.concat(), limits, lists, CASE.to_owned());
        Policy::from_bundle(bundle).unwrap()
    }

    fn after(before: Option<&Policy>, policy: &Policy) -> Vec<String> {
        let team = ["ada", "ben"].map(name).into_iter().collect::<BTreeSet<_>>();
        policy.consequence(before, &BTreeMap::from([(name("ops"), team)]))
    }

    #[test]
    fn pol_17_a_first_policy_is_said_whole() {
        let said = after(None, &policy(&[SMALL, WORDS], "1", &[PAYEE]));
        assert_eq!(
            said,
            [
                "new rule small (small ones): permits evm.transaction under any key, once 2 of \
                 (ada, ben, cleo) approved: 2 people are enough, of the team ops alone too; it \
                 looks at limit some (at most 1 ETH), list payees (one destination)",
                "new rule words: permits message asked for by bot under the key ops, and nobody \
                 has to approve",
            ]
        );
    }

    #[test]
    fn pol_17_a_raised_limit_says_who_can_move_how_much() {
        let before = policy(&[SMALL, WORDS], "1", &[PAYEE]);
        let said = after(Some(&before), &policy(&[SMALL, WORDS], "500", &[PAYEE]));
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(said[0].starts_with("rule, as before, small"), "{}", said[0]);
        assert!(said[0].contains("2 people are enough, of the team ops alone too"), "{}", said[0]);
        assert!(said[0].contains("limit some (at most 500 ETH)"), "{}", said[0]);
        assert!(said[1].starts_with("  before: it permits evm.transaction"), "{}", said[1]);
        assert!(said[1].contains("limit some (at most 1 ETH)"), "{}", said[1]);
        assert_eq!(said[2], "limit some: at most 500 ETH (before: at most 1 ETH)");
    }

    #[test]
    fn pol_04_a_reason_passes_for_nothing_else() {
        let rule = WORDS.replace("permit", r#"@reason("it's\nnothing\u{1b}[2J") permit"#);
        let said = after(None, &policy(&[&rule], "1", &[PAYEE]));
        assert!(said[0].contains(r"(it's\nnothing\u{1b}[2J)"), "{}", said[0]);
    }

    #[test]
    fn pol_17_a_limit_that_does_not_bind_is_not_shown_as_one() {
        let (when, before) = (policy(&[SMALL], "1", &[PAYEE]), "context.within.contains(\"some\")");
        for other in [format!("!{before}"), format!("({before} || context.calls)")] {
            let said =
                after(Some(&when), &policy(&[&SMALL.replace(before, &other)], "1", &[PAYEE]));
            assert!(said[0].starts_with("changed rule small"), "{}", said[0]);
            let tail = "; it looks at list payees (one destination); read the rule, which does not \
                        simply ask for limit some (at most 1 ETH); it looks at no limit on amounts";
            assert!(said[0].ends_with(tail), "{}", said[0]);
        }
        let unless = SMALL.replace("when {", "unless {");
        let said = after(Some(&when), &policy(&[&unless], "1", &[PAYEE]));
        assert!(said[0].ends_with("; it looks at no limit on amounts"), "{}", said[0]);
    }

    #[test]
    fn pol_17_an_asset_writes_on_no_terminal() {
        let limits = r#"{"some":{"asset":"\u001b[2J\n","max":"1"}}"#.to_owned();
        let lists = serde_json::json!({ "payees": [PAYEE] }).to_string();
        let bundle = PolicyBundle::new(SMALL.to_owned(), limits, lists, CASE.to_owned());
        let said = after(None, &Policy::from_bundle(bundle).unwrap());
        assert!(said[0].contains(r"at most 1 of \u{1b}[2J\n"), "{}", said[0]);
    }

    #[test]
    fn pol_17_lists_rules_and_nothing() {
        let before = policy(&[SMALL, WORDS], "1", &[PAYEE]);
        let said = after(Some(&before), &policy(&[SMALL], "1", &[OTHER]));
        let starts = [
            "rule, as before, small",
            "  before: it permits evm.transaction",
            "no rule words any more: it permits message",
        ];
        for (said, start) in said.iter().zip(starts) {
            assert!(said.starts_with(start), "{said}");
        }
        let lists = [format!("list payees gains {OTHER}"), format!("list payees loses {PAYEE}")];
        assert_eq!(said[3..], lists);
        let open = SMALL.replace(r#" && context.within.contains("some")"#, "");
        let said = after(Some(&before), &policy(&[&open, WORDS], "1", &[PAYEE]));
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].starts_with("changed rule small"), "{}", said[0]);
        assert!(said[0].ends_with("; it looks at no limit on amounts"), "{}", said[0]);
        assert!(said[1].contains("limit some (at most 1 ETH)"), "{}", said[1]);
        assert_eq!(after(Some(&before), &before), ["it is the policy in force"]);
        let laid_out = policy(&[SMALL, "\n\n", WORDS], "1", &[PAYEE]);
        assert_eq!(after(Some(&before), &laid_out), ["no rule, limit or list changes"]);
    }
}
