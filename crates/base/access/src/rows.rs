//! The tree as a matrix: what each leaf's share is made of (`spec/access.md`, ACC-05).

use crate::tree::{Gate, LeafId, Tree};

/// A leaf and the gates above it, from the root down. Its share is
/// `x + sum over steps, k = 1..threshold-1, of a[column + k - 1] * index^k`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<'a, P> {
    /// The leaf.
    pub leaf: LeafId,
    /// Its party.
    pub party: &'a P,
    /// The gates on the path to it.
    pub steps: Vec<Step>,
}

/// One gate on the path to a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Position of the gate among all gates, from 0, depth-first, parents first.
    pub gate: u16,
    /// The gate's threshold; its polynomial has degree `threshold - 1`.
    pub threshold: u8,
    /// Index of the child on the path, from 1: the evaluation point.
    pub index: u8,
    /// Where the gate's `threshold - 1` own coefficients begin among all [`Tree::columns`];
    /// column 0 is the secret.
    pub column: u16,
}

impl<P> Tree<P> {
    /// Number of coefficients and of commitments of a sharing over the tree:
    /// `1 + sum over gates of (threshold - 1)`; at most 128.
    pub fn columns(&self) -> usize {
        1 + self.own_columns()
    }

    /// The row of every leaf, in the order of [`Tree::leaves`].
    pub fn rows(&self) -> Vec<Row<'_, P>> {
        let mut walk = Walk { rows: Vec::new(), next_gate: 0, next_column: 1, steps: Vec::new() };
        walk.visit(self);
        walk.rows
    }

    fn own_columns(&self) -> usize {
        match self {
            Self::Leaf(_) => 0,
            Self::Gate(gate) => {
                let below: usize = gate.children().iter().map(Self::own_columns).sum();
                usize::from(gate.threshold() - 1) + below
            }
        }
    }
}

struct Walk<'a, P> {
    rows: Vec<Row<'a, P>>,
    next_gate: u16,
    next_column: u16,
    steps: Vec<Step>,
}

impl<'a, P> Walk<'a, P> {
    fn visit(&mut self, tree: &'a Tree<P>) {
        match tree {
            Tree::Leaf(party) => {
                let leaf = LeafId(self.rows.len() as u16);
                self.rows.push(Row { leaf, party, steps: self.steps.clone() });
            }
            Tree::Gate(gate) => self.visit_gate(gate),
        }
    }

    fn visit_gate(&mut self, gate: &'a Gate<P>) {
        let (number, column) = (self.next_gate, self.next_column);
        self.next_gate += 1;
        self.next_column += u16::from(gate.threshold() - 1);
        for (index, child) in gate.indexed() {
            self.steps.push(Step { gate: number, threshold: gate.threshold(), index, column });
            self.visit(child);
            self.steps.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tests::trees;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn rows_name_gates_columns_and_indices() {
        let tree: Tree<u8> = "2 of (1, 2 of (2, 3, 4), all of (5, 6, 7))".parse().unwrap();
        assert_eq!(tree.columns(), 1 + 1 + 1 + 2);
        let rows = tree.rows();
        let step = |gate, threshold, index, column| Step { gate, threshold, index, column };
        assert_eq!(rows[0].steps, [step(0, 2, 1, 1)]);
        assert_eq!(rows[3].steps, [step(0, 2, 2, 1), step(1, 2, 3, 2)]);
        assert_eq!(rows[6].steps, [step(0, 2, 3, 1), step(2, 3, 3, 3)]);
    }

    proptest! {
        #[test]
        fn neg_001_no_index_is_ever_zero(tree in trees(6)) {
            let steps: Vec<Step> = tree.rows().into_iter().flat_map(|row| row.steps).collect();
            prop_assert!(steps.iter().all(|step| step.index >= 1));
        }

        // Indices are at most 128, below every group order: distinct numbers are distinct
        // evaluation points.
        #[test]
        fn neg_002_paths_are_distinct_and_columns_do_not_overlap(tree in trees(6)) {
            let rows = tree.rows();
            let leaves = tree.leaves();
            prop_assert_eq!(rows.iter().map(|row| (row.leaf, row.party)).collect::<Vec<_>>(), leaves);
            let path = |row: &Row<'_, u8>| {
                row.steps.iter().map(|step| (step.gate, step.index)).collect::<Vec<_>>()
            };
            let paths: BTreeSet<_> = rows.iter().map(path).collect();
            prop_assert_eq!(paths.len(), rows.len());

            let gates: BTreeSet<_> = rows
                .iter()
                .flat_map(|row| row.steps.iter().map(|step| (step.gate, step.column, step.threshold)))
                .collect();
            let mut column = 1;
            for (number, (gate, first, threshold)) in gates.into_iter().enumerate() {
                prop_assert_eq!(usize::from(gate), number);
                prop_assert_eq!(first, column);
                column += u16::from(threshold - 1);
            }
            prop_assert_eq!(usize::from(column), tree.columns());
            prop_assert!(tree.columns() <= tree.leaf_count());
        }
    }
}
