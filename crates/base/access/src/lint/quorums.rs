//! Minimal quorums: counted always, listed while they are few.

use crate::limits::QUORUMS_LISTED_MAX;
use crate::tree::{Gate, Tree};
use std::collections::BTreeSet;

/// A set of parties, one bit each by position in the ascending list of parties. A tree has at
/// most 128 leaves, so 128 bits always suffice.
type Mask = u128;

pub(super) struct Quorums<P> {
    pub minimal: Option<Vec<BTreeSet<P>>>,
    pub ways: u128,
    pub disjoint: bool,
}

impl<P: Ord + Clone> Quorums<P> {
    pub fn of(tree: &Tree<P>, parties: &[P]) -> Self {
        let masks = minimal_masks(tree, parties);
        let disjoint = match &masks {
            Some(masks) => masks.iter().any(|left| masks.iter().any(|right| left & right == 0)),
            None => splits(tree),
        };
        Self { minimal: masks.map(|masks| sets(&masks, parties)), ways: ways(tree), disjoint }
    }
}

/// In how many ways leaves satisfy the tree with none to spare.
fn ways<P>(tree: &Tree<P>) -> u128 {
    let Tree::Gate(gate) = tree else { return 1 };
    // by_size[k]: ways to satisfy exactly k of the children seen so far.
    let mut by_size = vec![0_u128; usize::from(gate.threshold()) + 1];
    if let Some(none) = by_size.first_mut() {
        *none = 1;
    }
    for child in gate.children() {
        let child_ways = ways(child);
        let with_child: Vec<u128> = std::iter::once(0)
            .chain(by_size.iter().map(|before| before.saturating_mul(child_ways)))
            .collect();
        for (size, more) in by_size.iter_mut().zip(with_child) {
            *size = size.saturating_add(more);
        }
    }
    by_size.last().copied().unwrap_or(0)
}

/// Whether the leaves can be split so that both halves satisfy the tree. A gate of `m` children
/// of which `d` can be split serves both halves exactly if `m + d >= 2 * threshold`. Exact when
/// every party has one leaf; otherwise `false` is still certain, because treating leaves of one
/// party as different parties only adds splits.
fn splits<P>(tree: &Tree<P>) -> bool {
    let Tree::Gate(gate) = tree else { return false };
    let splitting = gate.children().iter().filter(|child| splits(child)).count();
    gate.children().len() + splitting >= 2 * usize::from(gate.threshold())
}

/// The inclusion-minimal satisfying sets, or `None` if on the way more than
/// [`QUORUMS_LISTED_MAX`] had to be held.
fn minimal_masks<P: Ord>(tree: &Tree<P>, parties: &[P]) -> Option<Vec<Mask>> {
    match tree {
        Tree::Leaf(party) => {
            let position = parties.binary_search(party).ok()?;
            Some(vec![1 << position])
        }
        Tree::Gate(gate) => minimal_masks_of_gate(gate, parties),
    }
}

fn minimal_masks_of_gate<P: Ord>(gate: &Gate<P>, parties: &[P]) -> Option<Vec<Mask>> {
    // by_size[k]: minimal sets that satisfy k of the children seen so far.
    let mut by_size: Vec<Vec<Mask>> = vec![Vec::new(); usize::from(gate.threshold()) + 1];
    by_size.first_mut()?.push(0);
    for child in gate.children() {
        let child_masks = minimal_masks(child, parties)?;
        let with_child: Vec<Vec<Mask>> = by_size
            .iter()
            .map(|before| union_of_each(before, &child_masks))
            .collect::<Option<_>>()?;
        for (size, more) in by_size.iter_mut().skip(1).zip(with_child) {
            size.extend(more);
            minimise(size)?;
        }
    }
    by_size.pop()
}

fn union_of_each(left: &[Mask], right: &[Mask]) -> Option<Vec<Mask>> {
    if left.len() * right.len() > 8 * QUORUMS_LISTED_MAX {
        return None;
    }
    let mut unions: Vec<Mask> =
        left.iter().flat_map(|left| right.iter().map(move |right| left | right)).collect();
    minimise(&mut unions)?;
    Some(unions)
}

/// Drops sets that contain another, or gives up when too many are left. Fewer parties come
/// first, so one pass suffices.
fn minimise(masks: &mut Vec<Mask>) -> Option<()> {
    masks.sort_unstable_by_key(|mask| (mask.count_ones(), *mask));
    masks.dedup();
    let mut minimal: Vec<Mask> = Vec::new();
    for mask in masks.iter() {
        if minimal.iter().any(|smaller| smaller & mask == *smaller) {
            continue;
        }
        if minimal.len() == QUORUMS_LISTED_MAX {
            return None;
        }
        minimal.push(*mask);
    }
    *masks = minimal;
    Some(())
}

fn sets<P: Ord + Clone>(masks: &[Mask], parties: &[P]) -> Vec<BTreeSet<P>> {
    let members = |mask: &Mask| {
        let of_mask = |(position, _): &(usize, &P)| mask >> position & 1 == 1;
        parties.iter().enumerate().filter(of_mask).map(|(_, party)| party.clone()).collect()
    };
    let mut sets: Vec<BTreeSet<P>> = masks.iter().map(members).collect();
    sets.sort();
    sets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tests::trees;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn splitting_agrees_with_the_listed_quorums(tree in trees(200)) {
            let mut next = 0_u32;
            let tree = tree.map(|_| { next += 1; next });
            let parties: Vec<u32> = tree.parties().into_iter().collect();
            if let Some(masks) = minimal_masks(&tree, &parties) {
                let disjoint = masks.iter().any(|left| masks.iter().any(|right| left & right == 0));
                prop_assert_eq!(splits(&tree), disjoint);
            }
        }

        #[test]
        fn where_parties_repeat_no_split_is_missed(tree in trees(6)) {
            let parties: Vec<u8> = tree.parties().into_iter().collect();
            let masks = minimal_masks(&tree, &parties).unwrap();
            let disjoint = masks.iter().any(|left| masks.iter().any(|right| left & right == 0));
            prop_assert!(splits(&tree) || !disjoint);
        }
    }
}
