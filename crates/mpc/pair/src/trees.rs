//! All leaves but one: of each of 32 trees with 16 leaves one side knows every leaf, and the other
//! every leaf but that of a digit of its own, which the first does not learn.
//!
//! Roy, "SoftSpokenOT", ePrint 2022/192: figure 13 makes the trees from random transfers, four for
//! each, and figure 14 checks that whoever built them told the other the truth. Who cheats can
//! guess digits, and is caught if a guess is wrong (PAI-05).
//!
//! Sixteen trees go side by side. The side that lacks a leaf keeps its leaves by their *distance*
//! from the one it lacks, place and digit combined bit by bit, so that the missing one is always
//! at 0 and no place in memory depends on a digit.

use crate::PairError;
use crate::lanes::{Keys, LANES, Lanes, Word, lane, set_lane, xor};
use quorate_codec::{Digest, Transcript, tag};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

/// Levels of a tree: bits of a digit.
pub(crate) const DEPTH: usize = 4;
/// Leaves of a tree.
pub(crate) const LEAVES: usize = 1 << DEPTH;
/// Trees of a set-up.
pub(crate) const TREES: usize = 32;
/// Transfers that 32 trees are made from.
pub(crate) const PLACES: usize = DEPTH * TREES;
/// Trees that go side by side are a group.
pub(crate) const GROUPS: usize = TREES / LANES;

/// One secret digit of four bits for each tree. It stays at one place, so that a move leaves nothing behind.
pub(crate) type Digits = Box<Zeroizing<[u8; TREES]>>;
/// Both keys of each place, or the one that was chosen.
pub(crate) type Pairs = Zeroizing<Vec<[[u8; 32]; 2]>>;
pub(crate) type Chosen = Zeroizing<Vec<[u8; 32]>>;

/// The leaves of sixteen trees, by place or by distance.
pub(crate) type Leaves = [Keys; LEAVES];

/// What one side holds: all leaves, by group and place. Secret: wiped when dropped.
pub(crate) struct Whole(pub(crate) Box<[Leaves; GROUPS]>);

/// What the other side holds: its digits, and all leaves but theirs, by group and distance; at 0
/// stand zeros. Secret: wiped when dropped.
pub(crate) struct Punctured {
    pub(crate) digits: Digits,
    pub(crate) leaves: Box<[Leaves; GROUPS]>,
}

/// For each tree: the corrections of the levels below the first, and the sum of its checked strings.
const TREE_BYTES: usize = (DEPTH - 1) * 2 * 32 + 32;
/// Length of what the builder says: all trees, and the hash of all checked strings.
pub(crate) const BYTES: usize = TREES * TREE_BYTES + 32;

/// What a node of a tree is the key of.
#[derive(Clone, Copy)]
enum Use {
    Children,
    Checked,
}

/// Builds all trees, each from the keys of four places in a row; and what the other side needs for
/// its part.
pub(crate) fn build(ctx: &Digest, keys: &[[[u8; 32]; 2]]) -> (Whole, Vec<u8>) {
    let mut message = vec![0; BYTES];
    let mut checked = Vec::with_capacity(TREES * LEAVES * 32);
    let mut whole = Whole(Box::new([[[[0; LANES]; 8]; LEAVES]; GROUPS]));
    let mut told = message.chunks_mut(LANES * TREE_BYTES);
    let groups = keys.chunks(LANES * DEPTH).zip(&mut told);
    for ((keys, told), leaves) in groups.zip(whole.0.iter_mut()) {
        grow(ctx, keys, told, leaves);
        let strings = leaves.iter().map(|leaf| expand(ctx, leaf, Use::Checked, 0).0);
        let strings: Zeroizing<Vec<Keys>> = Zeroizing::new(strings.collect());
        tell(told, TREE_BYTES - 32, &sum(strings.iter()));
        append(&mut checked, &strings);
    }
    let hash = checked_hash(ctx, &checked);
    if let Some(last) = message.last_chunk_mut() {
        *last = hash.0;
    }
    checked.zeroize();
    (whole, message)
}

/// Grows the trees of a group, level by level, into `leaves`.
fn grow(ctx: &Digest, keys: &[[[u8; 32]; 2]], told: &mut [u8], leaves: &mut Leaves) {
    let mut nodes = Zeroizing::new(vec![side(keys, 0, 0), side(keys, 0, 1)]);
    for level in 1..DEPTH {
        let mut children = Zeroizing::new(Vec::with_capacity(2 * nodes.len()));
        for node in nodes.iter() {
            let (zero, one) = expand(ctx, node, Use::Children, level);
            children.extend([zero, one]);
        }
        for bit in 0..2 {
            let sum = sum(children.iter().skip(bit).step_by(2));
            tell(told, ((level - 1) * 2 + bit) * 32, &plus(&sum, &side(keys, level, bit)));
        }
        nodes = children;
    }
    for (leaf, node) in leaves.iter_mut().zip(nodes.iter()) {
        *leaf = *node;
    }
}

/// Finds all leaves but those of the digits, from the keys of four places for each tree, chosen by
/// the complements of the bits of its digit, the highest first; and checks them.
///
/// # Errors
/// [`crate::Fault::Cheater`]: whoever built them told something else than they say (PAI-05).
pub(crate) fn open(
    ctx: &Digest,
    digits: Digits,
    keys: &[[u8; 32]],
    message: &[u8; BYTES],
) -> Result<Punctured, PairError> {
    let mut checked = Zeroizing::new(Vec::with_capacity(TREES * LEAVES * 32));
    let mut leaves = Box::new([[[[0; LANES]; 8]; LEAVES]; GROUPS]);
    let told = message.chunks_exact(LANES * TREE_BYTES);
    let groups = keys.chunks(LANES * DEPTH).zip(digits.chunks(LANES)).zip(told);
    for (((keys, digits), told), leaves) in groups.zip(leaves.iter_mut()) {
        let masks = masks(digits);
        find(ctx, &masks, keys, told, leaves);
        let strings = leaves.iter().map(|leaf| expand(ctx, leaf, Use::Checked, 0).0);
        let mut strings: Zeroizing<Vec<Keys>> = Zeroizing::new(strings.collect());
        let known = sum(strings.iter().skip(1));
        if let Some(missing) = strings.first_mut() {
            *missing = plus(&known, &heard(told, TREE_BYTES - 32));
        }
        by_place(&mut strings, &masks);
        append(&mut checked, &strings);
    }
    let punctured = Punctured { digits, leaves };
    let hash = checked_hash(ctx, &checked);
    if !bool::from(hash.0.ct_eq(message.last_chunk().unwrap_or(&[0; 32]))) {
        return Err(PairError::cheater("trees are not what their builder says"));
    }
    Ok(punctured)
}

/// The leaves of a group by their distance, level by level.
fn find(ctx: &Digest, masks: &[Word; DEPTH], keys: &[[u8; 32]], told: &[u8], leaves: &mut Leaves) {
    const NOTHING: Keys = [[0; LANES]; 8];
    let mut nodes = Zeroizing::new(vec![NOTHING, chosen(keys, 0)]);
    for (level, mask) in masks.iter().enumerate().skip(1) {
        let mut children = Zeroizing::new(Vec::with_capacity(2 * nodes.len()));
        children.extend([NOTHING; 2]);
        for node in nodes.iter().skip(1) {
            let (zero, one) = expand(ctx, node, Use::Children, level);
            children.extend([choose(mask, &zero, &one), choose(mask, &one, &zero)]);
        }
        let known = sum(children.iter().skip(3).step_by(2));
        let at = (level - 1) * 2 * 32;
        let correction = choose(mask, &heard(told, at + 32), &heard(told, at));
        if let Some(sibling) = children.get_mut(1) {
            *sibling = plus(&plus(&correction, &chosen(keys, level)), &known);
        }
        nodes = children;
    }
    for (leaf, node) in leaves.iter_mut().zip(nodes.iter()) {
        *leaf = *node;
    }
}

/// Puts what stands by distance where it belongs: whoever adds a digit bit by bit swaps halves.
fn by_place(strings: &mut [Keys], masks: &[Word; DEPTH]) {
    for (level, mask) in masks.iter().enumerate() {
        let half = LEAVES >> (level + 1);
        for block in strings.chunks_mut(2 * half) {
            let (low, high) = block.split_at_mut(half.min(block.len()));
            for (low, high) in low.iter_mut().zip(high) {
                (*low, *high) = (choose(mask, low, high), choose(mask, high, low));
            }
        }
    }
}

/// All bits or none of each lane, for each bit of its digit, the highest first.
pub(crate) fn masks(digits: &[u8]) -> [Word; DEPTH] {
    std::array::from_fn(|level| {
        let mut mask = [0; LANES];
        for (mask, digit) in mask.iter_mut().zip(digits) {
            *mask = all_or_none(digit >> (DEPTH - 1 - level));
        }
        mask
    })
}

/// All bits, or none: the lowest bit of a digit as often as a word has bits. The compiler is not told
/// that there are only two cases, so that it makes no branch of them.
pub(crate) fn all_or_none(bit: u8) -> u32 {
    std::hint::black_box(u32::from(bit & 1).wrapping_neg())
}

/// Two times 32 bytes under a node's key.
fn expand(ctx: &Digest, node: &Keys, used: Use, level: usize) -> (Keys, Keys) {
    let mut message = [0_u8; 34];
    for (byte, from) in message.iter_mut().zip(ctx.0.iter().chain(&[used as u8, level as u8])) {
        *byte = *from;
    }
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = Lanes::of_keys(node, &message).block(0);
    ([a, b, c, d, e, f, g, h], [i, j, k, l, m, n, o, p])
}

fn checked_hash(ctx: &Digest, checked: &[u8]) -> Digest {
    let condensed = Zeroizing::new(*blake3::hash(checked).as_bytes());
    Transcript::new(tag::PAIR_TREES).part(ctx).part(condensed.as_slice()).digest()
}

/// The keys of one level and bit of a group's trees.
fn side(keys: &[[[u8; 32]; 2]], level: usize, bit: usize) -> Keys {
    let mut lanes = [[0; LANES]; 8];
    for (tree, places) in keys.chunks(DEPTH).enumerate() {
        if let Some(key) = places.get(level).and_then(|keys| keys.get(bit)) {
            set_lane(&mut lanes, tree, key);
        }
    }
    lanes
}

/// The keys of one level of a group's trees.
fn chosen(keys: &[[u8; 32]], level: usize) -> Keys {
    let mut lanes = [[0; LANES]; 8];
    for (tree, places) in keys.chunks(DEPTH).enumerate() {
        if let Some(key) = places.get(level) {
            set_lane(&mut lanes, tree, key);
        }
    }
    lanes
}

/// Writes 32 bytes of each tree at `at` of what is told of it.
fn tell(told: &mut [u8], at: usize, what: &Keys) {
    for (tree, told) in told.chunks_exact_mut(TREE_BYTES).enumerate() {
        if let Some(told) = told.get_mut(at..at + 32) {
            told.copy_from_slice(&lane::<8, 32>(what, tree));
        }
    }
}

/// The inverse of [`tell`].
fn heard(told: &[u8], at: usize) -> Keys {
    let mut lanes = [[0; LANES]; 8];
    for (tree, told) in told.chunks_exact(TREE_BYTES).enumerate() {
        if let Some(bytes) = told.get(at..).and_then(|told| told.first_chunk()) {
            set_lane(&mut lanes, tree, bytes);
        }
    }
    lanes
}

fn append(checked: &mut Vec<u8>, strings: &[Keys]) {
    for tree in 0..LANES {
        for string in strings {
            checked.extend_from_slice(&lane::<8, 32>(string, tree));
        }
    }
}

fn plus(a: &Keys, b: &Keys) -> Keys {
    let mut sum = *a;
    for (sum, b) in sum.iter_mut().zip(b) {
        *sum = xor(*sum, *b);
    }
    sum
}

fn sum<'a>(all: impl Iterator<Item = &'a Keys>) -> Keys {
    all.fold([[0; LANES]; 8], |sum, one| plus(&sum, one))
}

/// `zero` in the lanes whose mask is empty, `one` in the others.
fn choose(mask: &Word, zero: &Keys, one: &Keys) -> Keys {
    let mut chosen = *zero;
    for (chosen, one) in chosen.iter_mut().zip(one) {
        for ((chosen, one), mask) in chosen.iter_mut().zip(one).zip(mask) {
            *chosen ^= mask & (*chosen ^ one);
        }
    }
    chosen
}

impl Drop for Whole {
    fn drop(&mut self) {
        self.0.as_flattened_mut().as_flattened_mut().as_flattened_mut().zeroize();
    }
}

impl Drop for Punctured {
    fn drop(&mut self) {
        self.leaves.as_flattened_mut().as_flattened_mut().as_flattened_mut().zeroize();
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::{RngCore, SeedableRng};

    pub const CTX: Digest = Digest([3; 32]);

    /// Keys of places as transfers leave them, and digits with what they choose.
    pub fn dealt(seed: u64) -> (Pairs, Digits, Chosen) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut key = || {
            let mut key = [0; 32];
            rng.fill_bytes(&mut key);
            key
        };
        let pairs: Pairs = Zeroizing::new((0..PLACES).map(|_| [key(), key()]).collect());
        let digits = Box::new(Zeroizing::new(key().map(|byte| byte % 16)));
        let bit = |place: usize| digits[place / DEPTH] >> (3 - place % DEPTH) & 1;
        let chosen =
            pairs.iter().enumerate().map(|(place, keys)| keys[usize::from(1 - bit(place))]);
        let chosen = Zeroizing::new(chosen.collect());
        (pairs, digits, chosen)
    }

    /// Tree by tree and node by node, as the figure says.
    fn plainly(keys: &[[[u8; 32]; 2]]) -> Vec<[u8; 32]> {
        let mut nodes = vec![keys[0][0], keys[0][1]];
        for level in 1..DEPTH {
            nodes = nodes
                .iter()
                .flat_map(|node| {
                    let mut children = [0; 64];
                    let mut hasher = blake3::Hasher::new_keyed(node);
                    hasher.update(&CTX.0).update(&[0, level as u8]);
                    hasher.finalize_xof().fill(&mut children);
                    [*children.first_chunk().unwrap(), *children.last_chunk().unwrap()]
                })
                .collect();
        }
        nodes
    }

    #[test]
    fn whole_trees_are_those_of_the_figure() {
        let (pairs, _, _) = dealt(1);
        let (whole, _) = build(&CTX, &pairs);
        for (tree, keys) in pairs.chunks(DEPTH).enumerate() {
            let leaves = whole.0[tree / LANES].iter().map(|leaf| lane(leaf, tree % LANES));
            assert_eq!(leaves.collect::<Vec<[u8; 32]>>(), plainly(keys));
        }
    }

    proptest! {
        /// PAI-05: all leaves but one, at their distance from it.
        #[test]
        fn every_leaf_but_that_of_the_digit_is_found(seed in any::<u64>()) {
            let (pairs, digits, chosen) = dealt(seed);
            let (whole, message) = build(&CTX, &pairs);
            let found = open(&CTX, digits.clone(), &chosen, &message.try_into().unwrap()).unwrap();
            for (tree, digit) in digits.iter().enumerate() {
                let (group, number) = (tree / LANES, tree % LANES);
                for distance in 0..LEAVES {
                    let place = distance ^ usize::from(*digit);
                    let theirs: [u8; 32] = lane(&found.leaves[group][distance], number);
                    let ours: [u8; 32] = lane(&whole.0[group][place], number);
                    prop_assert_eq!(theirs, if distance == 0 { [0; 32] } else { ours });
                }
            }
        }

        /// PAI-05: a builder that lies about one side of one level is caught exactly where the
        /// digit makes the other use it; so it learns one bit once, and nothing if it is caught.
        #[test]
        fn neg_031_a_lie_in_a_tree_is_found_unless_it_guessed_the_digit(
            seed in any::<u64>(), tree in 0..TREES, level in 1..DEPTH, bit in 0..2_usize,
            byte in 0..32_usize,
        ) {
            let (pairs, digits, chosen) = dealt(seed);
            let (_, mut message) = build(&CTX, &pairs);
            message[tree * TREE_BYTES + ((level - 1) * 2 + bit) * 32 + byte] ^= 1;
            let used = digits[tree] >> (3 - level) & 1 != bit as u8;
            let opened = open(&CTX, digits, &chosen, &message.try_into().unwrap());
            let fault = opened.err().map(|error| error.fault);
            prop_assert_eq!(fault, used.then_some(crate::Fault::Cheater));
        }

        /// PAI-05: sums and hash enter every check.
        #[test]
        fn neg_031_changed_check_values_are_found(at in 0..TREES + 1, byte in 0..32_usize) {
            let (pairs, digits, chosen) = dealt(7);
            let (_, mut message) = build(&CTX, &pairs);
            let place = if at == TREES { TREES * TREE_BYTES } else { (at + 1) * TREE_BYTES - 32 };
            message[place + byte] ^= 1;
            let opened = open(&CTX, digits, &chosen, &message.try_into().unwrap());
            prop_assert_eq!(opened.err().unwrap().fault, crate::Fault::Cheater);
        }
    }
}
