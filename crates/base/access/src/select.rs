//! The one way in which a set of parties uses a tree.

use crate::tree::{Gate, LeafId, Tree};
use std::collections::BTreeSet;

/// The leaves that a set of parties uses, canonical: it depends on the tree and the set alone
/// (ACC-09). Public; it enters the context of every session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection<P> {
    leaves: Vec<SelectedLeaf<P>>,
}

/// A selected leaf. Its coefficient is the product over its steps of the Lagrange coefficient
/// at zero of `index` among `chosen`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectedLeaf<P> {
    /// The leaf.
    pub leaf: LeafId,
    /// Its party.
    pub party: P,
    /// The gates above it, from the root down.
    pub path: Vec<SelectedStep>,
}

/// One gate above a selected leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectedStep {
    /// Index of the child on the path, from 1.
    pub index: u8,
    /// Indices of all selected children, ascending, exactly threshold many; holds `index`.
    pub chosen: Vec<u8>,
}

impl<P> Selection<P> {
    /// The selected leaves, ascending.
    pub fn leaves(&self) -> &[SelectedLeaf<P>] {
        &self.leaves
    }

    /// The parties that have a selected leaf. Others of the set have no weight and must not
    /// take part in a session: an engine that counts heads would count them (N-03).
    pub fn parties(&self) -> BTreeSet<P>
    where
        P: Ord + Clone,
    {
        self.leaves.iter().map(|leaf| leaf.party.clone()).collect()
    }
}

impl<P: Ord + Clone> Tree<P> {
    /// The canonical selection for `present`, or `None` if it does not satisfy the tree.
    ///
    /// Bottom-up, every gate takes as many satisfied children as its threshold says: those
    /// whose own selections have the fewest parties, and among equals those of lowest index.
    /// Unsatisfied children are never taken, spare ones contribute nothing (N-04). Parties
    /// without a leaf are dropped and the choice is made again, until all have one, so that
    /// the selection's own parties select exactly the same. Greedy: where a party stands at
    /// several leaves the result may not be the smallest possible.
    pub fn select(&self, present: &BTreeSet<P>) -> Option<Selection<P>> {
        let mut present = present.clone();
        loop {
            let mut leaves = Vec::new();
            choose(self, &present, &mut 0)?.collect(&mut Vec::new(), &mut leaves);
            let selection = Selection { leaves };
            let parties = selection.parties();
            if parties == present {
                return Some(selection);
            }
            present = parties;
        }
    }
}

/// A satisfied subtree, reduced to what it uses.
enum Chosen<'a, P> {
    Leaf(LeafId, &'a P),
    Gate(Vec<(u8, Chosen<'a, P>)>),
}

/// `next_leaf` counts the leaves passed, used or not.
fn choose<'a, P: Ord>(
    tree: &'a Tree<P>,
    present: &BTreeSet<P>,
    next_leaf: &mut u16,
) -> Option<Chosen<'a, P>> {
    match tree {
        Tree::Leaf(party) => {
            let leaf = LeafId(*next_leaf);
            *next_leaf += 1;
            present.contains(party).then_some(Chosen::Leaf(leaf, party))
        }
        Tree::Gate(gate) => choose_children(gate, present, next_leaf),
    }
}

fn choose_children<'a, P: Ord>(
    gate: &'a Gate<P>,
    present: &BTreeSet<P>,
    next_leaf: &mut u16,
) -> Option<Chosen<'a, P>> {
    let mut satisfied: Vec<(u8, Chosen<'a, P>)> = gate
        .indexed()
        .filter_map(|(index, child)| Some((index, choose(child, present, next_leaf)?)))
        .collect();
    if satisfied.len() < usize::from(gate.threshold()) {
        return None;
    }
    satisfied.sort_by_cached_key(|(index, child)| (child.parties().len(), *index));
    satisfied.truncate(usize::from(gate.threshold()));
    satisfied.sort_by_key(|(index, _)| *index);
    Some(Chosen::Gate(satisfied))
}

impl<'a, P: Ord> Chosen<'a, P> {
    fn parties(&self) -> BTreeSet<&'a P> {
        match self {
            Self::Leaf(_, party) => BTreeSet::from([*party]),
            Self::Gate(children) => {
                children.iter().flat_map(|(_, child)| child.parties()).collect()
            }
        }
    }

    fn collect(&self, path: &mut Vec<SelectedStep>, leaves: &mut Vec<SelectedLeaf<P>>)
    where
        P: Clone,
    {
        match self {
            Self::Leaf(leaf, party) => {
                leaves.push(SelectedLeaf {
                    leaf: *leaf,
                    party: P::clone(party),
                    path: path.clone(),
                });
            }
            Self::Gate(children) => {
                let chosen: Vec<u8> = children.iter().map(|(index, _)| *index).collect();
                for (index, child) in children {
                    path.push(SelectedStep { index: *index, chosen: chosen.clone() });
                    child.collect(path, leaves);
                    path.pop();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tests::trees;
    use proptest::prelude::*;

    fn selected(tree: &str, present: &[u8]) -> Option<Vec<u16>> {
        let tree: Tree<u8> = tree.parse().unwrap();
        let selection = tree.select(&present.iter().copied().collect())?;
        Some(selection.leaves().iter().map(|leaf| leaf.leaf.0).collect())
    }

    #[test]
    fn the_cheapest_children_are_taken_and_then_the_first() {
        assert_eq!(selected("2 of (1, 2, 3)", &[1, 2, 3]), Some(vec![0, 1]));
        assert_eq!(selected("2 of (1, 2, 3)", &[1, 3]), Some(vec![0, 2]));
        assert_eq!(selected("2 of (1, 2, 3)", &[1]), None);
        assert_eq!(selected("any of (all of (1, 2), 3)", &[1, 2, 3]), Some(vec![2]));
        // Two leaves of one party cost as much as one.
        assert_eq!(selected("any of (all of (1, 1), 2)", &[1, 2]), Some(vec![0, 1]));
    }

    #[test]
    fn neg_003_a_party_at_several_leaves_is_kept_apart_by_leaf() {
        let tree: Tree<u8> = "2 of (1, 1, 2)".parse().unwrap();
        let selection = tree.select(&BTreeSet::from([1])).unwrap();
        let leaves: Vec<_> =
            selection.leaves().iter().map(|leaf| (leaf.leaf.0, leaf.party)).collect();
        assert_eq!(leaves, [(0, 1), (1, 1)]);
        assert_eq!(selection.parties(), BTreeSet::from([1]));
    }

    #[test]
    fn neg_003_a_party_without_a_leaf_is_dropped_from_the_quorum() {
        let tree: Tree<u8> = "any of (1, 2)".parse().unwrap();
        let selection = tree.select(&BTreeSet::from([1, 2, 9])).unwrap();
        assert_eq!(selection.parties(), BTreeSet::from([1]));
    }

    #[test]
    fn dropping_a_party_may_make_another_choice_cheaper() {
        // With 0 and 5 the inner gate would take 0 and one 5, so the outer prefers the lone 5;
        // with 5 alone the inner gate is as cheap, and comes first.
        let tree = "any of (2 of (0, 1, 5, 5), 5)";
        assert_eq!(selected(tree, &[0, 5]), Some(vec![2, 3]));
        assert_eq!(selected(tree, &[5]), Some(vec![2, 3]));
    }

    #[test]
    fn neg_004_unsatisfied_and_spare_children_are_never_selected() {
        // An OR within a threshold within an AND, its siblings partly satisfied.
        let tree = "all of (2 of (any of (1, 2), all of (3, 4), 5), 6)";
        assert_eq!(selected(tree, &[2, 3, 5, 6]), Some(vec![1, 4, 5]));
        assert_eq!(selected(tree, &[1, 2, 3, 4, 5, 6]), Some(vec![0, 4, 5]));
        assert_eq!(selected(tree, &[2, 3, 6]), None);
        assert_eq!(selected(tree, &[1, 2, 6]), None);
    }

    /// Whether `leaves` alone satisfy the tree, each gate by exactly its threshold.
    fn exact(tree: &Tree<u8>, leaves: &BTreeSet<u16>, next_leaf: &mut u16) -> Option<bool> {
        let gate = match tree {
            Tree::Leaf(_) => {
                *next_leaf += 1;
                return Some(leaves.contains(&(*next_leaf - 1)));
            }
            Tree::Gate(gate) => gate,
        };
        let children: Option<Vec<bool>> =
            gate.children().iter().map(|child| exact(child, leaves, next_leaf)).collect();
        match children?.into_iter().filter(|used| *used).count() {
            0 => Some(false),
            used if used == usize::from(gate.threshold()) => Some(true),
            _ => None,
        }
    }

    proptest! {
        #[test]
        fn neg_004_a_selection_satisfies_every_gate_exactly(
            tree in trees(6),
            present in prop::collection::btree_set(0_u8..8, 0..8),
        ) {
            let selection = tree.select(&present);
            prop_assert_eq!(selection.is_some(), tree.satisfied(&present));
            if let Some(selection) = selection {
                let leaves = selection.leaves().iter().map(|leaf| leaf.leaf.0).collect();
                prop_assert_eq!(exact(&tree, &leaves, &mut 0), Some(true));
                prop_assert!(selection.parties().is_subset(&present));
                prop_assert!(tree.satisfied(&selection.parties()));
                let leaves = tree.leaves();
                for leaf in selection.leaves() {
                    prop_assert_eq!(leaves[usize::from(leaf.leaf.0)], (leaf.leaf, &leaf.party));
                }
            }
        }

        #[test]
        fn paths_agree_with_the_rows(
            tree in trees(6),
            present in prop::collection::btree_set(0_u8..6, 0..6),
        ) {
            let rows = tree.rows();
            for leaf in tree.select(&present).iter().flat_map(Selection::leaves) {
                let steps = &rows[usize::from(leaf.leaf.0)].steps;
                prop_assert_eq!(leaf.path.len(), steps.len());
                for (selected, step) in leaf.path.iter().zip(steps) {
                    prop_assert_eq!(selected.index, step.index);
                    prop_assert_eq!(selected.chosen.len(), usize::from(step.threshold));
                    prop_assert!(selected.chosen.contains(&step.index));
                    prop_assert!(selected.chosen.is_sorted_by(|left, right| left < right));
                }
            }
        }

        #[test]
        fn the_parties_of_a_selection_select_the_same(
            tree in trees(6),
            present in prop::collection::btree_set(0_u8..6, 0..6),
        ) {
            if let Some(selection) = tree.select(&present) {
                prop_assert_eq!(tree.select(&selection.parties()), Some(selection));
            }
        }
    }
}
