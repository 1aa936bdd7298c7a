//! The rules of a domain: which administrators authorise what, how slowly, who overrides an
//! objection, and who brings administrators back when too few are left (GOV-70 to GOV-73).

use crate::limits::{DELAY_MS_MAX, OBJECTION_FACTOR, RECOVERY_DELAY_MS_MAX};
use minicbor::{Decode, Encode};
use quorate_access::limits::PARTIES_MAX;
use quorate_access::{LintOptions, Tree};
use quorate_codec::Canonical;
use quorate_identity::Name;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// Who authorises what. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Rules {
    /// For every matter that has no rule of its own.
    #[n(0)]
    pub main: Rule,
    /// Who together authorises upkeep, which changes neither who can sign nor what is allowed; one
    /// may be enough.
    #[n(1)]
    pub upkeep: Tree<Name>,
    /// Matters with rules of their own, ascending.
    #[n(2)]
    pub special: Vec<(Matter, Rule)>,
    /// Who brings administrators back; nobody where founders wanted it so.
    #[n(3)]
    pub recovery: Option<Recovery>,
}

/// One rule over administrators.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Rule {
    /// Who together authorises.
    #[n(0)]
    pub tree: Tree<Name>,
    /// How long a dangerous motion is announced before it takes effect, in milliseconds; 0: it
    /// takes effect at once, and nobody can object.
    #[n(1)]
    pub delay_ms: u64,
    /// Who together overrides an objection.
    #[n(2)]
    pub overriding: Tree<Name>,
}

/// Who brings administrators back when those there are cannot act any more.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Recovery {
    /// Which guardians together: people who are nothing else, whose keys are offline.
    #[n(0)]
    pub tree: Tree<Name>,
    /// How long that is announced before it takes effect, in milliseconds.
    #[n(1)]
    pub delay_ms: u64,
}

/// What a motion is about: each matter may have a rule of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Matter {
    /// Keys: made, shared, scheduled, ended.
    #[n(0)]
    Keys,
    /// The policy.
    #[n(1)]
    Policy,
    /// People who are no administrators, and teams.
    #[n(2)]
    People,
    /// Services.
    #[n(3)]
    Services,
    /// Nodes and their seats.
    #[n(4)]
    Nodes,
    /// Custodians.
    #[n(5)]
    Custody,
    /// The rules, and the keys of those who stand in them.
    #[n(6)]
    Rules,
    /// Times that hold for all nodes.
    #[n(7)]
    Settings,
    /// Ending a freeze.
    #[n(8)]
    Freezes,
}

/// A text that names no matter; the fault of who wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the matters are keys, policy, people, services, nodes, custody, rules, settings, freezes")]
pub struct UnknownMatter;

/// Why rules are refused; the fault of who wrote them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// Rules of their own that do not ascend by matter.
    #[error("the rules for single matters do not ascend")]
    Order,
    /// Somebody has a say who is no administrator, or is one and has none.
    #[error("{0} must be both an administrator and in a rule, or neither")]
    Party(Name),
    /// Somebody recovers who is no guardian, or is one and does not.
    #[error("{0} must be both a guardian and in the recovery rule, or neither")]
    Guardian(Name),
    /// Somebody who is no administrator has a say in upkeep.
    #[error("{0} has a say in upkeep and is no administrator")]
    UpkeepParty(Name),
    /// Somebody rules alone.
    #[error("the rule for {what} is refused: {why}")]
    Tree {
        /// Which one.
        what: String,
        /// Why.
        why: String,
    },
    /// More people than a tree has parties: not all of them could object.
    #[error("at most {PARTIES_MAX} people have a say or recover, not {0}")]
    TooMany(usize),
    /// A delay beyond its limit.
    #[error("the delay of the rule for {0} is too long")]
    Delay(String),
    /// Administrators would come too late to stop a recovery that is none.
    #[error(
        "administrators must have the time to stop a recovery: its delay is to be at least \
         {least_ms} ms, which is what an objected change of the rules takes"
    )]
    RecoveryTooFast {
        /// The shortest.
        least_ms: u64,
    },
}

impl Rule {
    /// A rule without delay, whose tree overrides objections.
    pub fn at_once(tree: Tree<Name>) -> Self {
        Self { overriding: tree.clone(), tree, delay_ms: 0 }
    }

    /// How long after an objection a motion can take effect, in milliseconds.
    pub fn objected_ms(&self) -> u64 {
        objected_ms(self.delay_ms)
    }
}

/// An objection begins a wait this long: longer than the announced one, and counted anew.
pub(crate) fn objected_ms(delay_ms: u64) -> u64 {
    delay_ms.saturating_mul(OBJECTION_FACTOR)
}

impl Rules {
    /// One rule for everything but upkeep, without delay and without recovery.
    pub fn at_once(main: Tree<Name>, upkeep: Tree<Name>) -> Self {
        Self { main: Rule::at_once(main), upkeep, special: Vec::new(), recovery: None }
    }

    /// The rule for a matter.
    pub fn for_matter(&self, matter: Matter) -> &Rule {
        let special = self.special.iter().find(|(of, _)| *of == matter);
        special.map_or(&self.main, |(_, rule)| rule)
    }

    /// Every rule, and what it is called.
    pub fn all(&self) -> impl Iterator<Item = (String, &Rule)> {
        let special = self.special.iter().map(|(matter, rule)| (matter.to_string(), rule));
        std::iter::once(("everything else".to_owned(), &self.main)).chain(special)
    }

    /// Everybody with a say: upkeep has no others.
    pub fn administrators(&self) -> BTreeSet<Name> {
        self.all().flat_map(|(_, rule)| rule.tree.parties()).collect()
    }

    /// Everybody who recovers.
    pub fn guardians(&self) -> BTreeSet<Name> {
        self.recovery.as_ref().map(|recovery| recovery.tree.parties()).unwrap_or_default()
    }

    /// Checks the rules for a domain of these administrators and guardians (GOV-71).
    ///
    /// # Errors
    /// [`RulesError`].
    pub fn check(
        &self,
        administrators: &BTreeSet<Name>,
        guardians: &BTreeSet<Name>,
    ) -> Result<(), RulesError> {
        if !self.special.is_sorted_by(|(left, _), (right, _)| left < right) {
            return Err(RulesError::Order);
        }
        let with_a_say = self.administrators();
        if let Some(name) = administrators.symmetric_difference(&with_a_say).next() {
            return Err(RulesError::Party(name.clone()));
        }
        if let Some(name) = self.upkeep.parties().difference(administrators).next() {
            return Err(RulesError::UpkeepParty(name.clone()));
        }
        if let Some(name) = guardians.symmetric_difference(&self.guardians()).next() {
            return Err(RulesError::Guardian(name.clone()));
        }
        let number = administrators.len() + guardians.len();
        if number > PARTIES_MAX {
            return Err(RulesError::TooMany(number));
        }
        for (what, rule) in self.all() {
            if let Some(name) = rule.overriding.parties().difference(administrators).next() {
                return Err(RulesError::Party(name.clone()));
            }
            check_tree(&what, &rule.tree)?;
            check_tree(&format!("{what} after an objection"), &rule.overriding)?;
            if rule.delay_ms > DELAY_MS_MAX {
                return Err(RulesError::Delay(what));
            }
        }
        self.recovery.as_ref().map_or(Ok(()), |recovery| self.check_recovery(recovery))
    }

    /// Whoever recovers does so more slowly than administrators change the rules, even if one of
    /// them objects: otherwise they could not stop a recovery that is none (GOV-73).
    fn check_recovery(&self, recovery: &Recovery) -> Result<(), RulesError> {
        let what = "recovery of administrators";
        check_tree(what, &recovery.tree)?;
        if recovery.delay_ms > RECOVERY_DELAY_MS_MAX {
            return Err(RulesError::Delay(what.to_owned()));
        }
        let rule = self.for_matter(Matter::Rules);
        let least_ms = rule.delay_ms.saturating_add(rule.objected_ms());
        match recovery.delay_ms >= least_ms {
            true => Ok(()),
            false => Err(RulesError::RecoveryTooFast { least_ms }),
        }
    }
}

/// Nobody rules alone.
fn check_tree(what: &str, tree: &Tree<Name>) -> Result<(), RulesError> {
    match tree.lint(&LintOptions::default()).errors.first() {
        Some(error) => Err(RulesError::Tree { what: what.to_owned(), why: error.to_string() }),
        None => Ok(()),
    }
}

impl Matter {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Keys,
        Self::Policy,
        Self::People,
        Self::Services,
        Self::Nodes,
        Self::Custody,
        Self::Rules,
        Self::Settings,
        Self::Freezes,
    ];

    /// What it is called.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::Policy => "policy",
            Self::People => "people",
            Self::Services => "services",
            Self::Nodes => "nodes",
            Self::Custody => "custody",
            Self::Rules => "rules",
            Self::Settings => "settings",
            Self::Freezes => "freezes",
        }
    }
}

impl fmt::Display for Matter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Matter {
    type Err = UnknownMatter;

    fn from_str(text: &str) -> Result<Self, UnknownMatter> {
        Self::ALL.into_iter().find(|matter| matter.as_str() == text).ok_or(UnknownMatter)
    }
}

impl Canonical for Rules {
    const BYTES_MAX: usize = (3 + 2 * Matter::ALL.len()) * (Tree::<Name>::BYTES_MAX + 16);
}
