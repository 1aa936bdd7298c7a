//! How many parties may be lost before nobody is left who satisfies a tree (ACC-11).

use crate::limits::{LOSSES_MAX, LOSSES_REPEATED_MAX};
use crate::tree::Tree;
use std::collections::BTreeSet;

impl<P: Ord + Clone> Tree<P> {
    /// Whether `present` still satisfies the tree after the loss of any `losses` of its parties.
    ///
    /// Cost: one walk where no party stands at several leaves; else at most as many walks as a
    /// quorum has parties, to the power of `losses`. More losses than [`tolerance`](Self::tolerance)
    /// can count are never survived.
    pub fn survives(&self, present: &BTreeSet<P>, losses: usize) -> bool {
        if self.repeats() {
            losses <= LOSSES_REPEATED_MAX && survives_each(self, present, losses)
        } else {
            losses <= LOSSES_MAX && cost_of_blocking(self, present) > losses
        }
    }

    /// The most parties of the tree of which any may be lost without losing what it guards; at
    /// most [`LOSSES_MAX`], and [`LOSSES_REPEATED_MAX`] where a party stands at several leaves.
    pub fn tolerance(&self) -> usize {
        let all = self.parties();
        (1..=LOSSES_MAX).take_while(|losses| self.survives(&all, *losses)).count()
    }

    /// Whether a party stands at several leaves.
    fn repeats(&self) -> bool {
        self.parties().len() < self.leaf_count()
    }
}

/// The fewest parties of `present` without whom the tree is not satisfied: exact where each
/// stands at one leaf, because then what blocks one child blocks no other.
fn cost_of_blocking<P: Ord>(tree: &Tree<P>, present: &BTreeSet<P>) -> usize {
    match tree {
        Tree::Leaf(party) => usize::from(present.contains(party)),
        Tree::Gate(gate) => {
            let mut costs: Vec<usize> =
                gate.children().iter().map(|child| cost_of_blocking(child, present)).collect();
            costs.sort_unstable();
            let enough = costs.len() + 1 - usize::from(gate.threshold());
            costs.iter().take(enough).sum()
        }
    }
}

/// Whoever blocks every quorum has one of each, so of this one too: tries all its parties.
fn survives_each<P: Ord + Clone>(tree: &Tree<P>, present: &BTreeSet<P>, losses: usize) -> bool {
    let Some(quorum) = tree.select(present) else { return false };
    losses == 0
        || quorum.parties().iter().all(|lost| {
            let mut rest = present.clone();
            rest.remove(lost);
            survives_each(tree, &rest, losses - 1)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tree(text: &str) -> Tree<u8> {
        text.parse().unwrap()
    }

    /// Takes away every set of so many parties.
    fn survives_all_sets(tree: &Tree<u8>, present: &BTreeSet<u8>, losses: usize) -> bool {
        if losses == 0 {
            return tree.satisfied(present);
        }
        tree.satisfied(present)
            && present.iter().all(|lost| {
                let mut rest = present.clone();
                rest.remove(lost);
                survives_all_sets(tree, &rest, losses - 1)
            })
    }

    #[test]
    fn acc_11_the_tolerance_of_well_known_trees() {
        let known = [
            ("2 of (1, 2, 3)", 1),
            ("3 of (1, 2, 3, 4, 5)", 2),
            ("all of (1, 2)", 0),
            ("all of (2 of (1, 2, 3), any of (4, 5))", 1),
            ("all of (2 of (1, 2, 3), 4)", 0),
            ("2 of (1, 1, 2)", 0),
            ("2 of (1, 1, 2, 2, 3)", 1),
        ];
        for (text, losses) in known {
            assert_eq!(tree(text).tolerance(), losses, "{text}");
        }
    }

    #[test]
    fn acc_11_absent_parties_count_as_lost() {
        let tree = tree("3 of (1, 2, 3, 4, 5)");
        let four = BTreeSet::from([1, 2, 4, 5]);
        assert!(tree.survives(&four, 1) && !tree.survives(&four, 2));
        assert!(!tree.survives(&BTreeSet::from([1, 2]), 0));
    }

    fn any_tree() -> impl Strategy<Value = Tree<u8>> {
        let leaf = (0_u8..7).prop_map(Tree::Leaf);
        leaf.prop_recursive(3, 10, 4, |inner| {
            (prop::collection::vec(inner, 2..=4), any::<u8>()).prop_map(|(children, draw)| {
                let most = u8::try_from(children.len()).unwrap();
                Tree::gate(1 + draw % most, children).unwrap()
            })
        })
    }

    proptest! {
        /// ACC-11 against taking away every set.
        #[test]
        fn acc_11_survives_exactly_if_every_rest_satisfies(
            tree in any_tree(),
            present in prop::collection::btree_set(0_u8..7, 0..7),
            losses in 0_usize..=3,
        ) {
            prop_assert_eq!(
                tree.survives(&present, losses),
                survives_all_sets(&tree, &present, losses)
            );
        }
    }
}
