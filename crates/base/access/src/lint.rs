//! What an administrator should know about a tree before signing it (`spec/access.md`, ACC-10).

mod quorums;

use crate::tree::Tree;
use quorums::Quorums;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What the linter is told beside the tree.
#[derive(Debug, Clone)]
pub struct LintOptions<P> {
    /// Accept that a single party is a quorum.
    pub singleton_acknowledged: bool,
    /// Groups of parties that may fail or fall together, by label: an operator, a failure
    /// domain, a jurisdiction.
    pub groups: BTreeMap<String, BTreeSet<P>>,
}

impl<P> Default for LintOptions<P> {
    fn default() -> Self {
        Self { singleton_acknowledged: false, groups: BTreeMap::new() }
    }
}

/// The linter's findings about one tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LintReport<P> {
    /// Why the tree must not be used.
    pub errors: Vec<LintError<P>>,
    /// What to think about before using it.
    pub warnings: Vec<LintWarning<P>>,
    /// Every smallest set of parties that satisfies the tree, in ascending order; `None` when
    /// they are too many to list.
    pub minimal_quorums: Option<Vec<BTreeSet<P>>>,
    /// In how many ways leaves can satisfy the tree with none to spare; the number of minimal
    /// quorums if no party stands at several leaves. Saturates.
    pub ways: u128,
    /// Whether two quorums without a common party exist: they could sign conflicting things.
    /// When the quorums are not listed and a party stands at several leaves, `true` means that
    /// they may exist.
    pub disjoint_quorums: bool,
    /// Parties without whom nothing can be signed.
    pub indispensable: BTreeSet<P>,
}

impl<P> LintReport<P> {
    /// Whether the tree may be used.
    pub fn passes(&self) -> bool {
        self.errors.is_empty()
    }
}

/// A finding that forbids the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LintError<P> {
    /// This party alone satisfies the tree.
    Singleton(P),
}

/// A finding to think about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LintWarning<P> {
    /// This party alone satisfies the tree, which was acknowledged.
    Singleton(P),
    /// The parties of this group alone satisfy the tree.
    GroupIsQuorum(String),
    /// Without the parties of this group nothing can be signed.
    GroupBlocks(String),
    /// This party is in no minimal quorum: the others decide as if it were not there.
    Irrelevant(P),
}

impl<P: fmt::Display> fmt::Display for LintError<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Singleton(party) => write!(formatter, "{party} alone is a quorum"),
        }
    }
}

impl<P: fmt::Display> fmt::Display for LintWarning<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Singleton(party) => write!(formatter, "{party} alone is a quorum"),
            Self::GroupIsQuorum(group) => write!(formatter, "{group} alone is a quorum"),
            Self::GroupBlocks(group) => write!(formatter, "{group} alone can block every quorum"),
            Self::Irrelevant(party) => write!(formatter, "{party} is in no minimal quorum"),
        }
    }
}

impl<P: Ord + Clone> Tree<P> {
    /// Judges the tree. The work is bounded by [`crate::limits`], whatever the tree.
    pub fn lint(&self, options: &LintOptions<P>) -> LintReport<P> {
        let parties: Vec<P> = self.parties().into_iter().collect();
        let quorums = Quorums::of(self, &parties);
        let (errors, mut warnings) = self.lint_singletons(&parties, options);
        warnings.extend(self.lint_groups(&parties, options));
        if let Some(listed) = &quorums.minimal {
            let relevant: BTreeSet<&P> = listed.iter().flatten().collect();
            let irrelevant = parties.iter().filter(|party| !relevant.contains(party));
            warnings.extend(irrelevant.cloned().map(LintWarning::Irrelevant));
        }
        let blocks = |party: &&P| !self.satisfied_by(&|other| other != *party);
        LintReport {
            errors,
            warnings,
            minimal_quorums: quorums.minimal,
            ways: quorums.ways,
            disjoint_quorums: quorums.disjoint,
            indispensable: parties.iter().filter(blocks).cloned().collect(),
        }
    }

    fn lint_singletons(
        &self,
        parties: &[P],
        options: &LintOptions<P>,
    ) -> (Vec<LintError<P>>, Vec<LintWarning<P>>) {
        let alone = |party: &&P| self.satisfied_by(&|other| other == *party);
        let singletons = parties.iter().filter(alone).cloned();
        match options.singleton_acknowledged {
            true => (Vec::new(), singletons.map(LintWarning::Singleton).collect()),
            false => (singletons.map(LintError::Singleton).collect(), Vec::new()),
        }
    }

    /// A group of all parties is trivially both, hence not worth a word.
    fn lint_groups(&self, parties: &[P], options: &LintOptions<P>) -> Vec<LintWarning<P>> {
        let mut warnings = Vec::new();
        for (label, group) in &options.groups {
            if parties.iter().all(|party| group.contains(party)) {
                continue;
            }
            if self.satisfied(group) {
                warnings.push(LintWarning::GroupIsQuorum(label.clone()));
            }
            if !self.satisfied_by(&|party| !group.contains(party)) {
                warnings.push(LintWarning::GroupBlocks(label.clone()));
            }
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tests::trees;
    use proptest::prelude::*;

    fn lint(tree: &str) -> LintReport<String> {
        tree.parse::<Tree<String>>().unwrap().lint(&LintOptions::default())
    }

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| name.to_string()).collect()
    }

    #[test]
    fn two_of_three_is_a_good_tree() {
        let report = lint("2 of (a, b, c)");
        assert!(report.passes() && report.warnings.is_empty());
        let quorums = vec![names(&["a", "b"]), names(&["a", "c"]), names(&["b", "c"])];
        assert_eq!(report.minimal_quorums, Some(quorums));
        assert_eq!(report.ways, 3);
        assert!(!report.disjoint_quorums);
        assert!(report.indispensable.is_empty());
    }

    #[test]
    fn neg_003_a_party_that_is_a_quorum_by_repetition_is_an_error() {
        let report = lint("2 of (a, a, b)");
        assert_eq!(report.errors, [LintError::Singleton("a".to_owned())]);
        let tree: Tree<String> = "2 of (a, a, b)".parse().unwrap();
        let options = LintOptions { singleton_acknowledged: true, ..LintOptions::default() };
        let acknowledged = tree.lint(&options);
        assert!(acknowledged.passes());
        assert!(acknowledged.warnings.contains(&LintWarning::Singleton("a".to_owned())));
        assert!(acknowledged.warnings.contains(&LintWarning::Irrelevant("b".to_owned())));
    }

    #[test]
    fn a_lone_leaf_and_an_or_are_singletons() {
        assert_eq!(lint("a").errors.len(), 1);
        assert_eq!(lint("any of (a, b)").errors.len(), 2);
    }

    #[test]
    fn disjoint_quorums_and_indispensable_parties_are_reported() {
        assert!(lint("2 of (a, b, c, d)").disjoint_quorums);
        assert!(!lint("3 of (a, b, c, d)").disjoint_quorums);
        assert!(!lint("all of (a, 2 of (b, c, d, e))").disjoint_quorums);
        assert!(lint("2 of (2 of (a, b, c, d), e, 2 of (f, g, h, i))").disjoint_quorums);
        assert_eq!(lint("all of (a, 2 of (b, c, d))").indispensable, names(&["a"]));
    }

    #[test]
    fn groups_that_rule_or_block_are_warned_of() {
        let tree: Tree<String> = "2 of (a, b, c)".parse().unwrap();
        let groups = BTreeMap::from([
            ("acme".to_owned(), names(&["a", "b"])),
            ("everybody".to_owned(), names(&["a", "b", "c"])),
            ("solo".to_owned(), names(&["c"])),
        ]);
        let report = tree.lint(&LintOptions { groups, ..LintOptions::default() });
        let warnings: Vec<_> = report.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(warnings, ["acme alone is a quorum", "acme alone can block every quorum"]);
    }

    #[test]
    fn neg_015_a_tree_with_countless_quorums_is_counted_and_not_listed() {
        let leaves: Vec<Tree<u32>> = (0..64).map(Tree::Leaf).collect();
        let report = Tree::gate(32, leaves.clone()).unwrap().lint(&LintOptions::default());
        assert_eq!(report.minimal_quorums, None);
        assert_eq!(report.ways, 1_832_624_140_942_590_534);
        assert!(report.disjoint_quorums);
        let report = Tree::gate(33, leaves).unwrap().lint(&LintOptions::default());
        assert!(!report.disjoint_quorums);
        let repeated = (0..128).map(|leaf| Tree::Leaf(leaf % 64)).collect();
        let report = Tree::gate(64, repeated).unwrap().lint(&LintOptions::default());
        assert_eq!(report.minimal_quorums, None);
        assert!(report.ways > u128::MAX / 100_000);
    }

    fn any_disjoint<P: Ord>(sets: &[BTreeSet<P>]) -> bool {
        sets.iter().any(|left| sets.iter().any(|right| left.is_disjoint(right)))
    }

    proptest! {
        #[test]
        fn the_listed_quorums_are_all_minimal_ones_and_nothing_else(tree in trees(6)) {
            let report = tree.lint(&LintOptions::default());
            let subsets = (0_u8..64).map(|mask| (0..6).filter(move |bit| mask >> bit & 1 == 1));
            let satisfying: Vec<BTreeSet<u8>> =
                subsets.map(Iterator::collect).filter(|set| tree.satisfied(set)).collect();
            let minimal = |set: &&BTreeSet<u8>| {
                !satisfying.iter().any(|other| other.is_subset(set) && other != *set)
            };
            let mut expected: Vec<_> = satisfying.iter().filter(minimal).cloned().collect();
            expected.sort();
            prop_assert_eq!(report.disjoint_quorums, any_disjoint(&expected));
            prop_assert_eq!(report.minimal_quorums, Some(expected));
        }

        #[test]
        fn without_repetition_the_count_is_exact(tree in trees(200)) {
            let mut next = 0_u32;
            let tree = tree.map(|_| { next += 1; next });
            let report = tree.lint(&LintOptions::default());
            if let Some(quorums) = report.minimal_quorums {
                prop_assert_eq!(report.ways, quorums.len() as u128);
                prop_assert_eq!(report.disjoint_quorums, any_disjoint(&quorums));
            }
        }
    }
}
