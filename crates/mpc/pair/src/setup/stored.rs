//! A finished set-up and its stored form.

use crate::PairError;
use crate::lanes::{LANES, lane, set_lane};
use crate::trees::{GROUPS, LEAVES, Leaves, Punctured, TREES, Whole};
use quorate_codec::{Digest, Transcript, tag};
use quorate_curve::{Curve, SecretScalar};
use std::fmt;
use zeroize::Zeroizing;

/// One node's half of a set-up with one peer. Secret: whoever has both halves of a set-up, or one
/// half and many failed checks of the other end, learns shares. Wiped when dropped, never printed.
pub struct Setup {
    /// The transcript: both halves of a set-up have the same, and no other set-up has it. Public.
    pub(crate) id: Digest,
    /// From which both make shares of zero.
    pub(crate) seed: Box<Zeroizing<[u8; 32]>>,
    /// As Bob.
    pub(crate) whole: Whole,
    /// As Alice.
    pub(crate) punctured: Punctured,
}

const VERSION: u8 = 2;

impl Setup {
    /// Length of the stored form, about 32 KB: version, transcript, seed, all leaves of one
    /// direction tree by tree, a byte for each digit of the other, and its leaves by their distance
    /// from the digit's, that excepted (PAI-12).
    pub const BYTES: usize = 1 + 32 + 32 + TREES * LEAVES * 32 + TREES + TREES * (LEAVES - 1) * 32;

    /// Names the set-up: both halves have the same id. Public.
    pub fn id(&self) -> Digest {
        self.id
    }

    /// A secret scalar that both nodes of the set-up get for this context and number, and nobody
    /// else: one adds it, the other subtracts it (PAI-10).
    pub fn share_of_zero<C: Curve>(&self, ctx: &Digest, number: u64) -> SecretScalar<C> {
        let share = Transcript::new(tag::PAIR_SHARE_OF_ZERO).part(self.seed.as_slice()).part(ctx);
        let wide = Zeroizing::new(share.part(C::NAME).number(number).wide());
        SecretScalar::from_wide(&wide)
    }

    /// The stored form, to be sealed. Secret.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(Self::BYTES));
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.id.0);
        bytes.extend_from_slice(self.seed.as_slice());
        write(&self.whole.0, 0, &mut bytes);
        bytes.extend_from_slice(self.punctured.digits.as_slice());
        write(&self.punctured.leaves, 1, &mut bytes);
        bytes
    }

    /// The inverse of [`to_bytes`](Self::to_bytes) (PAI-12).
    ///
    /// # Errors
    /// [`crate::Fault::Machine`]: the store is damaged or from another version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PairError> {
        let damaged = PairError::machine("a stored pair set-up is damaged");
        Self::read(bytes).ok_or(damaged)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let bytes = (bytes.len() == Self::BYTES).then_some(bytes)?;
        let bytes = bytes.strip_prefix(&[VERSION])?;
        let (id, bytes) = bytes.split_first_chunk()?;
        let (seed, bytes) = bytes.split_first_chunk()?;
        let (whole, bytes) = bytes.split_at_checked(TREES * LEAVES * 32)?;
        let whole = Whole(read(whole, 0));
        let (digits, bytes) = bytes.split_first_chunk()?;
        let digits = Box::new(Zeroizing::new(*digits));
        let are_digits = digits.iter().all(|digit| usize::from(*digit) < LEAVES);
        let punctured = Punctured { digits, leaves: read(bytes, 1) };
        let seed = Box::new(Zeroizing::new(*seed));
        are_digits.then(|| Self { id: Digest(*id), seed, whole, punctured })
    }
}

/// Tree by tree, each from leaf `first` on.
fn write(groups: &[Leaves; GROUPS], first: usize, bytes: &mut Vec<u8>) {
    for leaves in groups {
        for tree in 0..LANES {
            for leaf in leaves.iter().skip(first) {
                let leaf: Zeroizing<[u8; 32]> = Zeroizing::new(lane(leaf, tree));
                bytes.extend_from_slice(leaf.as_slice());
            }
        }
    }
}

/// The inverse of [`write`].
fn read(bytes: &[u8], first: usize) -> Box<[Leaves; GROUPS]> {
    let mut groups = Box::new([[[[0; LANES]; 8]; LEAVES]; GROUPS]);
    let mut trees = bytes.chunks((LEAVES - first) * 32);
    for leaves in groups.iter_mut() {
        for tree in 0..LANES {
            let stored = trees.next().unwrap_or_default().chunks(32);
            for (leaf, stored) in leaves.iter_mut().skip(first).zip(stored) {
                if let Some(stored) = stored.first_chunk() {
                    set_lane(leaf, tree, stored);
                }
            }
        }
    }
    groups
}

impl fmt::Debug for Setup {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Setup(secret)")
    }
}
