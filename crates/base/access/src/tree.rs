//! The tree itself: always well-formed.

use crate::limits::{DEPTH_MAX, LEAVES_MAX, PARTIES_MAX};
use std::collections::BTreeSet;
use std::fmt;

/// Who may do something together: one party, or a gate over subtrees.
///
/// Order is meaning: two trees whose children stand in different order are different trees. A
/// party may stand at several leaves. Public.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tree<P> {
    /// Satisfied by this party.
    Leaf(P),
    /// Satisfied by any `threshold` of the children.
    Gate(Gate<P>),
}

/// `threshold` of the children: 2 or more of them, the threshold between 1 and their number.
/// A gate's subtree keeps the limits of [`crate::limits`] (ACC-01, ACC-02).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gate<P> {
    threshold: u8,
    children: Vec<Tree<P>>,
}

/// A leaf's position among the leaves of its tree, from 0, in depth-first order. Never an
/// evaluation point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeafId(pub u16);

impl fmt::Display for LeafId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "leaf {}", self.0)
    }
}

/// Why parts do not make a tree; the fault of whoever supplied them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// A gate with fewer than two children.
    #[error("a gate needs at least 2 children, got {got}")]
    FewChildren {
        /// Children found.
        got: usize,
    },
    /// A threshold that is zero or above the number of children.
    #[error("a threshold lies between 1 and the number of children, got {threshold} of {children}")]
    Threshold {
        /// Threshold found.
        threshold: u64,
        /// Number of children.
        children: usize,
    },
    /// More leaves than [`LEAVES_MAX`].
    #[error("a tree has at most {LEAVES_MAX} leaves")]
    Leaves,
    /// Deeper than [`DEPTH_MAX`].
    #[error("a tree is at most {DEPTH_MAX} gates deep")]
    Depth,
    /// More distinct parties than [`PARTIES_MAX`].
    #[error("a tree has at most {PARTIES_MAX} parties")]
    Parties,
}

impl<P> Gate<P> {
    /// How many children must be satisfied.
    pub fn threshold(&self) -> u8 {
        self.threshold
    }

    /// The children; the one at position `i` from 0 has index `i + 1`.
    pub fn children(&self) -> &[Tree<P>] {
        &self.children
    }

    /// The children with their indices 1..m.
    pub(crate) fn indexed(&self) -> impl Iterator<Item = (u8, &Tree<P>)> {
        (1..=u8::MAX).zip(&self.children)
    }
}

impl<P: Ord> Tree<P> {
    /// A gate over `children`.
    ///
    /// # Errors
    /// [`TreeError`], when threshold, number of children, leaves, depth or parties are outside
    /// their limits.
    pub fn gate(threshold: u8, children: Vec<Self>) -> Result<Self, TreeError> {
        check_gate(u64::from(threshold), children.len())?;
        let tree = Self::Gate(Gate { threshold, children });
        if tree.leaf_count() > LEAVES_MAX {
            return Err(TreeError::Leaves);
        }
        if tree.depth() > DEPTH_MAX {
            return Err(TreeError::Depth);
        }
        if tree.parties_borrowed().len() > PARTIES_MAX {
            return Err(TreeError::Parties);
        }
        Ok(tree)
    }

    pub(crate) fn parties_borrowed(&self) -> BTreeSet<&P> {
        self.leaves().into_iter().map(|(_, party)| party).collect()
    }
}

/// The shape of one gate, before its subtrees are looked at.
pub(crate) fn check_gate(threshold: u64, children: usize) -> Result<(), TreeError> {
    if children < 2 {
        return Err(TreeError::FewChildren { got: children });
    }
    if children > LEAVES_MAX {
        return Err(TreeError::Leaves);
    }
    if threshold == 0 || threshold > children as u64 {
        return Err(TreeError::Threshold { threshold, children });
    }
    Ok(())
}

impl<P> Tree<P> {
    /// All leaves, depth-first, each with its party.
    pub fn leaves(&self) -> Vec<(LeafId, &P)> {
        let mut parties = Vec::new();
        self.collect_leaves(&mut parties);
        (0..).map(LeafId).zip(parties).collect()
    }

    /// The distinct parties.
    pub fn parties(&self) -> BTreeSet<P>
    where
        P: Ord + Clone,
    {
        self.leaves().into_iter().map(|(_, party)| party.clone()).collect()
    }

    /// Number of leaves.
    pub fn leaf_count(&self) -> usize {
        match self {
            Self::Leaf(_) => 1,
            Self::Gate(gate) => gate.children.iter().map(Self::leaf_count).sum(),
        }
    }

    /// Gates on the longest path to a leaf; zero for a lone leaf.
    pub fn depth(&self) -> usize {
        match self {
            Self::Leaf(_) => 0,
            Self::Gate(gate) => 1 + gate.children.iter().map(Self::depth).max().unwrap_or(0),
        }
    }

    /// The same tree over other parties: names to ids, ids to names.
    pub fn map<Q>(&self, mut convert: impl FnMut(&P) -> Q) -> Tree<Q> {
        let convert: &mut dyn FnMut(&P) -> Q = &mut convert;
        match self {
            Self::Leaf(party) => Tree::Leaf(convert(party)),
            Self::Gate(gate) => Tree::Gate(Gate {
                threshold: gate.threshold,
                children: gate.children.iter().map(|child| child.map(&mut *convert)).collect(),
            }),
        }
    }

    /// Like [`map`](Self::map), where a party may have no counterpart.
    ///
    /// # Errors
    /// The first error of `convert`.
    pub fn try_map<Q, E>(&self, mut convert: impl FnMut(&P) -> Result<Q, E>) -> Result<Tree<Q>, E> {
        let convert: &mut dyn FnMut(&P) -> Result<Q, E> = &mut convert;
        match self {
            Self::Leaf(party) => convert(party).map(Tree::Leaf),
            Self::Gate(gate) => {
                let convert_child = |child: &Self| child.try_map(&mut *convert);
                let children = gate.children.iter().map(convert_child).collect::<Result<_, E>>()?;
                Ok(Tree::Gate(Gate { threshold: gate.threshold, children }))
            }
        }
    }

    /// A gate whose parts come from a well-formed tree and hence need no checks; a lone child
    /// stands for itself.
    pub(crate) fn residual(threshold: u8, mut children: Vec<Self>) -> Option<Self> {
        match children.len() {
            0 => None,
            1 => children.pop(),
            _ => Some(Self::Gate(Gate { threshold, children })),
        }
    }

    fn collect_leaves<'a>(&'a self, parties: &mut Vec<&'a P>) {
        match self {
            Self::Leaf(party) => parties.push(party),
            Self::Gate(gate) => {
                gate.children.iter().for_each(|child| child.collect_leaves(parties))
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Trees over the parties 0..`parties`, at most four gates deep, parties repeated freely.
    pub(crate) fn trees(parties: u8) -> impl Strategy<Value = Tree<u8>> {
        let leaf = (0..parties).prop_map(Tree::Leaf);
        leaf.prop_recursive(3, 24, 4, |inner| {
            (prop::collection::vec(inner, 2..=4), any::<prop::sample::Index>()).prop_map(
                |(children, threshold)| {
                    let threshold = 1 + threshold.index(children.len()) as u8;
                    Tree::gate(threshold, children).unwrap()
                },
            )
        })
    }

    fn flat(leaves: usize, party: impl Fn(usize) -> usize) -> Result<Tree<usize>, TreeError> {
        Tree::gate(1, (0..leaves).map(|leaf| Tree::Leaf(party(leaf))).collect())
    }

    #[test]
    fn a_gate_has_two_children_and_a_threshold_among_them() {
        let leaf = || Tree::Leaf(0_u8);
        assert_eq!(Tree::gate(1, vec![leaf()]), Err(TreeError::FewChildren { got: 1 }));
        let zero = Tree::gate(0, vec![leaf(), leaf()]);
        assert_eq!(zero, Err(TreeError::Threshold { threshold: 0, children: 2 }));
        let above = Tree::gate(3, vec![leaf(), leaf()]);
        assert_eq!(above, Err(TreeError::Threshold { threshold: 3, children: 2 }));
        assert!(Tree::gate(2, vec![leaf(), leaf()]).is_ok());
    }

    #[test]
    fn neg_015_leaves_parties_and_depth_are_bounded() {
        assert!(flat(128, |leaf| leaf % 64).is_ok());
        assert_eq!(flat(129, |_| 0), Err(TreeError::Leaves));
        assert_eq!(flat(65, |leaf| leaf), Err(TreeError::Parties));
        let deeper = |tree| Tree::gate(1, vec![tree, Tree::Leaf(0_u8)]);
        let deepest = (0..8).try_fold(Tree::Leaf(0), |tree, _| deeper(tree)).unwrap();
        assert_eq!(deepest.depth(), 8);
        assert_eq!(deeper(deepest), Err(TreeError::Depth));
    }

    proptest! {
        #[test]
        fn mapping_there_and_back_changes_nothing(tree in trees(6)) {
            prop_assert_eq!(tree.map(|party| party + 1).map(|party| party - 1), tree.clone());
            prop_assert_eq!(tree.try_map(|party| Ok::<_, ()>(*party)), Ok(tree.clone()));
            prop_assert_eq!(tree.try_map(|_| Err::<u8, _>("none")), Err("none"));
        }
    }
}
