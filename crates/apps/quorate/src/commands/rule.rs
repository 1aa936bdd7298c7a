//! `rule show|set|times`: who authorises what, how slowly, and who brings administrators back.

use super::charter::file_motion;
use super::genesis::split_pair;
use super::key::parse_tree;
use super::lifecycle::times::span;
use crate::args::people;
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::session::Session;
use quorate_access::Tree;
use quorate_charter::{Matter, MotionBody, PeopleChange, Recovery, Rule, Rules, Settings, Span};
use quorate_identity::Name;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// How long what is dangerous is announced in a new domain that is no trial.
const DELAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// How long a recovery of administrators is announced.
const RECOVERY_DELAY_MS: u64 = 14 * 24 * 60 * 60 * 1_000;

/// Runs a `rule` verb.
///
/// # Errors
/// The caller's, or a node's.
pub async fn run(verb: people::Rule, face: Face) -> Result<()> {
    match verb {
        people::Rule::Show(reader) => {
            let state = Session::read(&reader)?.replay().await?;
            face.show(&RulesView::of(state.rules()), text);
            Ok(())
        }
        people::Rule::Set { rules, signer } => {
            let session = Session::sign(&signer)?;
            let state = session.replay().await?;
            let rules = changed(&rules, state.rules())?.ok_or_else(|| {
                let next = "say what changes: --rule, --delay, --override, --recovery, …";
                Failure::caller("no_change", "the rules would stay as they are", next)
            })?;
            let body = MotionBody::People(PeopleChange::rules(rules));
            file_motion(&session, &state, body, face).await
        }
        people::Rule::Times { lease, clock_bound, signer } => {
            let session = Session::sign(&signer)?;
            let state = session.replay().await?;
            let typed = |text: Option<String>, before| text.map_or(Ok(before), |text| span(&text));
            let before = *state.settings();
            let settings = Settings {
                lease_ms: typed(lease, before.lease_ms)?,
                clock_bound_ms: typed(clock_bound, before.clock_bound_ms)?,
            };
            if settings == before {
                let next = "say what changes: --lease, --clock-bound";
                return Err(Failure::caller("no_change", "the times would stay as they are", next));
            }
            file_motion(&session, &state, MotionBody::SettingsSet { settings }, face).await
        }
    }
}

/// The rules of a new domain.
///
/// # Errors
/// The caller's: no rule, or one that cannot be read.
pub fn founding(typed: &people::Rules, administrators: &[Name], is_staging: bool) -> Result<Rules> {
    let Some(rule) = &typed.rule else {
        let next = "name those who authorise motions: --rule '2 of (ada, ben, cleo)'";
        return Err(Failure::caller("no_rule", "the domain has no rule", next));
    };
    let main = parse_tree(rule)?;
    let any = quorate_charter::Genesis::any_of(administrators);
    let upkeep = any.unwrap_or_else(|| main.clone());
    let mut rules = Rules::at_once(main, upkeep);
    rules.main.delay_ms = if is_staging { 0 } else { DELAY_MS };
    rules.main.overriding = one_more(&rules.main.tree);
    apply(typed, &mut rules)?;
    Ok(rules)
}

/// The rules with what was typed in place of what was; nothing if that is the same.
///
/// # Errors
/// The caller's: something that cannot be read.
pub fn changed(typed: &people::Rules, before: &Rules) -> Result<Option<Rules>> {
    let mut rules = before.clone();
    apply(typed, &mut rules)?;
    Ok(Some(rules).filter(|rules| rules != before))
}

fn apply(typed: &people::Rules, rules: &mut Rules) -> Result<()> {
    if let Some(tree) = &typed.rule {
        let tree = parse_tree(tree)?;
        if tree != rules.main.tree {
            rules.main.overriding = one_more(&tree);
            rules.main.tree = tree;
        }
    }
    if let Some(tree) = &typed.upkeep {
        rules.upkeep = parse_tree(tree)?;
    }
    if let Some(delay) = &typed.delay {
        rules.main.delay_ms = span(delay)?;
    }
    if let Some(tree) = &typed.overriding {
        rules.main.overriding = parse_tree(tree)?;
    }
    apply_special(typed, rules)?;
    if typed.no_recovery {
        rules.recovery = None;
    }
    match (&typed.recovery, rules.recovery.as_mut()) {
        (Some(tree), Some(recovery)) => recovery.tree = parse_tree(tree)?,
        (Some(tree), None) => {
            let (tree, delay_ms) = (parse_tree(tree)?, RECOVERY_DELAY_MS);
            rules.recovery = Some(Recovery { tree, delay_ms });
        }
        (None, _) => {}
    }
    if let Some(delay) = &typed.recovery_delay {
        let recovery = rules.recovery.as_mut().ok_or_else(|| {
            let next = "name the guardians who recover, with --recovery";
            Failure::caller("no_recovery", "nobody brings administrators back", next)
        })?;
        recovery.delay_ms = span(delay)?;
    }
    Ok(())
}

fn apply_special(typed: &people::Rules, rules: &mut Rules) -> Result<()> {
    let mut special: BTreeMap<Matter, Rule> = rules.special.drain(..).collect();
    for matter in &typed.no_special {
        special.remove(&parse_matter(matter)?);
    }
    for pair in &typed.special {
        let (matter, tree) = split_pair(pair)?;
        let tree = parse_tree(tree)?;
        let (delay_ms, overriding) = (rules.main.delay_ms, one_more(&tree));
        special.insert(parse_matter(matter)?, Rule { tree, delay_ms, overriding });
    }
    let mut of = |matter: &str| {
        let matter = parse_matter(matter)?;
        special.remove(&matter).map(|rule| (matter, rule)).ok_or_else(|| {
            let message = format!("{matter} has no rule of its own");
            Failure::caller("no_rule", message, "give it one with --rule-for")
        })
    };
    let mut changed = Vec::new();
    for pair in &typed.special_delays {
        let (matter, delay) = split_pair(pair)?;
        let (matter, rule) = of(matter)?;
        changed.push((matter, Rule { delay_ms: span(delay)?, ..rule }));
    }
    special.extend(changed);
    for pair in &typed.special_overriding {
        let (matter, tree) = split_pair(pair)?;
        let matter = parse_matter(matter)?;
        let Some(rule) = special.get_mut(&matter) else {
            let message = format!("{matter} has no rule of its own");
            return Err(Failure::caller("no_rule", message, "give it one with --rule-for"));
        };
        rule.overriding = parse_tree(tree)?;
    }
    rules.special = special.into_iter().collect();
    Ok(())
}

/// One more than authorises, of all who do, where somebody is left who may object; else who
/// authorises.
fn one_more(tree: &Tree<Name>) -> Tree<Name> {
    let parties: Vec<Tree<Name>> = tree.parties().into_iter().map(Tree::Leaf).collect();
    let needed = tree.fewest() + 1;
    let is_enough = needed < parties.len();
    let threshold = u8::try_from(needed).ok().filter(|_| is_enough);
    let more = threshold.and_then(|threshold| Tree::gate(threshold, parties).ok());
    more.unwrap_or_else(|| tree.clone())
}

fn parse_matter(text: &str) -> Result<Matter> {
    text.parse()
        .map_err(|error| Failure::caller("bad_matter", format!("{text} is no matter"), error))
}

/// Rules as programs read them.
#[derive(Serialize)]
pub struct RulesView {
    rules: Vec<RuleView>,
    upkeep: Tree<Name>,
    recovery: Option<RecoveryView>,
}

#[derive(Serialize)]
struct RuleView {
    matter: String,
    tree: Tree<Name>,
    fewest: usize,
    delay_ms: u64,
    objected_ms: u64,
    overriding: Tree<Name>,
}

#[derive(Serialize)]
struct RecoveryView {
    tree: Tree<Name>,
    delay_ms: u64,
}

impl RulesView {
    /// Of these rules.
    pub fn of(rules: &Rules) -> Self {
        let view = |(matter, rule): (String, &Rule)| RuleView {
            matter,
            tree: rule.tree.clone(),
            fewest: rule.tree.fewest(),
            delay_ms: rule.delay_ms,
            objected_ms: rule.objected_ms(),
            overriding: rule.overriding.clone(),
        };
        let recovery = rules.recovery.as_ref();
        Self {
            rules: rules.all().map(view).collect(),
            upkeep: rules.upkeep.clone(),
            recovery: recovery
                .map(|it| RecoveryView { tree: it.tree.clone(), delay_ms: it.delay_ms }),
        }
    }
}

/// The rules in words, as the genesis shows them as well.
pub fn in_words(rules: &Rules) -> String {
    text(&RulesView::of(rules))
}

fn text(view: &RulesView) -> String {
    let mut text = String::new();
    for rule in &view.rules {
        let _ = writeln!(text, "{} needs {}", rule.matter, rule.tree);
        let _ = match rule.delay_ms {
            0 => writeln!(text, "  what is dangerous takes effect at once; nobody can object"),
            delay_ms => writeln!(
                text,
                "  what is dangerous is announced {} before; an objection begins {} more, and then \
                 {} override it",
                Span(delay_ms),
                Span(rule.objected_ms),
                rule.overriding
            ),
        };
    }
    let _ = writeln!(text, "refreshes need {}", view.upkeep);
    let _ = match &view.recovery {
        None => write!(text, "nobody brings administrators back if too few are left"),
        Some(it) => write!(
            text,
            "administrators are brought back by {}, announced {} before",
            it.tree,
            Span(it.delay_ms)
        ),
    };
    text
}
