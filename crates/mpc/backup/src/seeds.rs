//! One seed for each row, from a tree of hashes, so that all but some can be told in few bytes
//! (Goldreich, Goldwasser, Micali, "How to construct random functions", 1986; the puncturing is
//! Boneh and Waters', ePrint 2013/352).

use quorate_codec::{Transcript, tag};
use zeroize::Zeroizing;

/// Length of a seed in bytes.
pub(crate) const SEED_BYTES: usize = 16;

/// A seed of a row, or of all rows below a node. Secret until it is told, wiped when dropped.
pub(crate) type Seed = Zeroizing<[u8; SEED_BYTES]>;

/// All seeds under a root.
pub(crate) fn seeds(root: &Seed, salt: &[u8; 32], rows: u16) -> Vec<Seed> {
    let mut seeds = Vec::with_capacity(rows.into());
    let mut take = |node: Node, seed: &Seed| {
        let mut each = |_, seed: &Seed| seeds.push(seed.clone());
        expand(node, seed, salt, rows, &mut each);
    };
    take(Node::root(rows), root);
    seeds
}

/// The fewest seeds from which all seeds follow but those of the rows `closed`, ascending: of the
/// largest subtrees without a closed row, from left to right (BAK-08).
pub(crate) fn cover(root: &Seed, salt: &[u8; 32], rows: u16, closed: &[u16]) -> Vec<u8> {
    let mut told = Vec::new();
    descend(Node::root(rows), root, &mut |node, seed| {
        if node.first >= rows {
            return None;
        }
        if node.is_free_of(closed) {
            told.extend_from_slice(seed.as_ref());
            return None;
        }
        node.children(seed, salt)
    });
    told
}

/// The seeds of all open rows with their numbers, from what [`cover`] gave; `None` if it is not of
/// that length. Public.
pub(crate) fn opened(
    told: &[u8],
    salt: &[u8; 32],
    rows: u16,
    closed: &[u16],
) -> Option<Vec<(u16, Seed)>> {
    let (told, rest) = told.as_chunks::<SEED_BYTES>();
    let free = free_nodes(rows, closed);
    if told.len() != free.len() || !rest.is_empty() {
        return None;
    }
    let mut all = Vec::with_capacity(rows.into());
    for (node, seed) in free.into_iter().zip(told) {
        let mut each = |row, seed: &Seed| all.push((row, seed.clone()));
        expand(node, &Zeroizing::new(*seed), salt, rows, &mut each);
    }
    Some(all)
}

/// How many bytes [`cover`] has at most: as many nodes as if every closed row were met alone.
pub(crate) fn cover_bytes_max(rows: u16, closed: u16) -> usize {
    usize::from(closed) * usize::from(Node::root(rows).height) * SEED_BYTES
}

/// A node of the tree: the rows from `first`, 2^height of them, of which the last may not exist.
#[derive(Clone, Copy)]
struct Node {
    first: u16,
    height: u16,
}

impl Node {
    fn root(rows: u16) -> Self {
        let height = u16::BITS - rows.saturating_sub(1).leading_zeros();
        Self { first: 0, height: height as u16 }
    }

    fn is_free_of(self, closed: &[u16]) -> bool {
        let rows = u32::from(self.first)..u32::from(self.first) + (1 << self.height);
        !closed.iter().any(|row| rows.contains(&u32::from(*row)))
    }

    fn halves(self) -> Option<[Self; 2]> {
        let height = self.height.checked_sub(1)?;
        Some([
            Self { first: self.first, height },
            Self { first: self.first + (1 << height), height },
        ])
    }

    fn children(self, seed: &Seed, salt: &[u8; 32]) -> Option<[(Self, Seed); 2]> {
        let child = |node: Self| (node, node.seed(seed, salt));
        self.halves().map(|halves| halves.map(child))
    }

    /// The seed of a child, from its parent's (BAK-05).
    fn seed(self, parent: &Seed, salt: &[u8; 32]) -> Seed {
        let hash = Transcript::new(tag::BACKUP_SEED)
            .part(salt)
            .number(self.height.into())
            .number(self.first.into())
            .part(parent.as_ref())
            .digest();
        let hash = Zeroizing::new(hash.0);
        let mut seed = Seed::default();
        seed.iter_mut().zip(hash.iter()).for_each(|(to, from)| *to = *from);
        seed
    }
}

/// Visits nodes from left to right, going down where `into` gives children.
fn descend(
    node: Node,
    seed: &Seed,
    into: &mut impl FnMut(Node, &Seed) -> Option<[(Node, Seed); 2]>,
) {
    for (child, seed) in into(node, seed).into_iter().flatten() {
        descend(child, &seed, into);
    }
}

/// The rows below a node, in their order.
fn expand(node: Node, seed: &Seed, salt: &[u8; 32], rows: u16, each: &mut impl FnMut(u16, &Seed)) {
    descend(node, seed, &mut |node, seed| {
        if node.first >= rows {
            return None;
        }
        if node.height == 0 {
            each(node.first, seed);
        }
        node.children(seed, salt)
    });
}

/// The nodes of [`cover`].
fn free_nodes(rows: u16, closed: &[u16]) -> Vec<Node> {
    let mut free = Vec::new();
    let mut open = vec![Node::root(rows)];
    while let Some(node) = open.pop() {
        if node.first >= rows {
            continue;
        }
        if node.is_free_of(closed) {
            free.push(node);
        } else if let Some([left, right]) = node.halves() {
            open.extend([right, left]);
        }
    }
    free
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SALT: [u8; 32] = [7; 32];

    #[test]
    fn seeds_are_distinct_and_follow_from_root_and_salt() {
        let root = Seed::new([1; SEED_BYTES]);
        let all = seeds(&root, &SALT, 221);
        let distinct: std::collections::BTreeSet<_> = all.iter().map(|seed| **seed).collect();
        assert_eq!(distinct.len(), 221);
        assert_ne!(*seeds(&root, &[8; 32], 221)[0], *all[0]);
        assert_eq!(*seeds(&root, &SALT, 200)[199], *all[199]);
    }

    proptest! {
        /// BAK-08: the open seeds and nothing else follow, and in no more bytes than are allowed.
        #[test]
        fn a_cover_tells_exactly_the_open_rows(
            rows in 1_u16..300,
            picks in prop::collection::btree_set(0_u16..300, 0..40),
        ) {
            let root = Seed::new([2; SEED_BYTES]);
            let closed: Vec<u16> = picks.into_iter().filter(|row| *row < rows).collect();
            let told = cover(&root, &SALT, rows, &closed);
            let all = seeds(&root, &SALT, rows);
            let open = opened(&told, &SALT, rows, &closed).unwrap();
            let expected: Vec<u16> = (0..rows).filter(|row| !closed.contains(row)).collect();
            prop_assert_eq!(open.iter().map(|(row, _)| *row).collect::<Vec<_>>(), expected);
            for (row, seed) in &open {
                prop_assert_eq!(**seed, *all[usize::from(*row)]);
            }
            // No seed of a closed row stands in what is told.
            for row in &closed {
                let hidden = all[usize::from(*row)].as_slice();
                prop_assert!(!told.chunks(SEED_BYTES).any(|seed| seed == hidden));
            }
            if !closed.is_empty() {
                prop_assert!(told.len() <= cover_bytes_max(rows, closed.len() as u16));
            }
            prop_assert!(opened(&told[..told.len().saturating_sub(1)], &SALT, rows, &closed).is_none() || told.is_empty());
        }
    }
}
