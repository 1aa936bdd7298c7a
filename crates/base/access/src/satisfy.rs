//! Is a set of parties enough, and if not, what is missing?

use crate::tree::Tree;
use std::collections::BTreeSet;

impl<P: Ord> Tree<P> {
    /// Whether the parties of `present` satisfy the tree (ACC-06). Parties that the tree does
    /// not know count for nothing.
    pub fn satisfied(&self, present: &BTreeSet<P>) -> bool {
        self.satisfied_by(&|party| present.contains(party))
    }

    /// Like [`satisfied`](Self::satisfied), for a set that is a predicate.
    pub fn satisfied_by(&self, present: &impl Fn(&P) -> bool) -> bool {
        match self {
            Self::Leaf(party) => present(party),
            Self::Gate(gate) => {
                let satisfied = gate.children().iter().filter(|child| child.satisfied_by(present));
                satisfied.count() >= usize::from(gate.threshold())
            }
        }
    }

    /// What must still be satisfied beside `present`: the tree without what is satisfied
    /// already, its thresholds lowered accordingly (ACC-07). `None` when nothing is missing.
    ///
    /// A set of further parties satisfies the answer exactly if together with `present` it
    /// satisfies this tree.
    pub fn missing_for(&self, present: &BTreeSet<P>) -> Option<Self>
    where
        P: Clone,
    {
        let gate = match self {
            Self::Leaf(party) => {
                return (!present.contains(party)).then(|| Self::Leaf(party.clone()));
            }
            Self::Gate(gate) => gate,
        };
        let unsatisfied: Vec<Self> =
            gate.children().iter().filter_map(|child| child.missing_for(present)).collect();
        let satisfied = (gate.children().len() - unsatisfied.len()) as u8;
        match gate.threshold().checked_sub(satisfied) {
            None | Some(0) => None,
            Some(needed) => Self::residual(needed, unsatisfied),
        }
    }

    /// How many parties the cheapest selection among all parties takes (ACC-08): the size of
    /// the smallest quorum, unless a party stands at several leaves, when it may be more.
    pub fn fewest(&self) -> usize
    where
        P: Clone,
    {
        self.select(&self.parties()).map_or(0, |selection| selection.parties().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tests::trees;
    use proptest::prelude::*;

    fn missing(tree: &str, present: &[&str]) -> Option<String> {
        let tree: Tree<String> = tree.parse().unwrap();
        let present = present.iter().map(|party| party.to_string()).collect();
        tree.missing_for(&present).map(|missing| missing.to_string())
    }

    #[test]
    fn what_is_missing_reads_like_a_rule() {
        let tree = "2 of (a, b, any of (c, d))";
        assert_eq!(missing(tree, &[]).as_deref(), Some(tree));
        assert_eq!(missing(tree, &["a"]).as_deref(), Some("any of (b, any of (c, d))"));
        assert_eq!(missing(tree, &["d"]).as_deref(), Some("any of (a, b)"));
        assert_eq!(missing(tree, &["a", "d"]), None);
        assert_eq!(missing("all of (a, b)", &["a", "x"]).as_deref(), Some("b"));
    }

    #[test]
    fn the_fewest_are_counted() {
        for (tree, fewest) in [("a", 1), ("2 of (a, b, c)", 2), ("any of (all of (a, b), c)", 1)] {
            assert_eq!(tree.parse::<Tree<String>>().unwrap().fewest(), fewest);
        }
    }

    proptest! {
        #[test]
        fn more_parties_never_hurt(
            tree in trees(6),
            present in prop::collection::btree_set(0_u8..6, 0..6),
            more in prop::collection::btree_set(0_u8..8, 0..6),
        ) {
            let all: BTreeSet<u8> = present.union(&more).copied().collect();
            prop_assert!(!tree.satisfied(&present) || tree.satisfied(&all));
        }

        #[test]
        fn the_missing_part_is_exactly_what_is_missing(
            tree in trees(6),
            present in prop::collection::btree_set(0_u8..6, 0..6),
            more in prop::collection::btree_set(0_u8..6, 0..6),
        ) {
            let all: BTreeSet<u8> = present.union(&more).copied().collect();
            let missing = tree.missing_for(&present);
            prop_assert_eq!(missing.is_none(), tree.satisfied(&present));
            if let Some(missing) = missing {
                prop_assert_eq!(missing.satisfied(&more), tree.satisfied(&all));
                prop_assert!(missing.parties().is_disjoint(&present));
            }
        }
    }
}
