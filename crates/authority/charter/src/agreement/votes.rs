//! What a voter remembers: durable, so that a restart never votes twice in one slot.

use super::ballot::{Lock, LockKeys, Phase, SignedBallotMessage, value_digest};
use super::evidence::Evidence;
use crate::limits::VALUE_BYTES_MAX;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, Digest};
use quorate_identity::{NodeId, NodeSignatures};
use std::collections::{BTreeMap, BTreeSet};

/// The durable row of one instance: everything that a voter needs after a restart to go on as if
/// it had only been slow (AGR-05). Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Votes {
    #[n(0)]
    pub(crate) version: u8,
    /// The ballot of the latest vote.
    #[n(1)]
    pub(crate) ballot: u32,
    /// Own and others' statements of this ballot and the one before.
    #[n(2)]
    pub(crate) messages: Vec<SignedBallotMessage>,
    /// The value that this voter last precommitted, by ballot and digest.
    #[n(3)]
    pub(crate) locked: Option<(u32, Digest)>,
    /// The value that a quorum prevoted last, as far as this voter saw.
    #[n(4)]
    pub(crate) valid: Option<ValidValue>,
}

/// A value with the prevotes of a quorum.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct ValidValue {
    #[n(0)]
    pub value: ByteVec,
    #[n(1)]
    pub lock: Lock,
}

impl ValidValue {
    /// A value as it came, with its proof.
    pub fn of(value: &ByteVec, lock: &Lock) -> Self {
        Self { value: value.clone(), lock: lock.clone() }
    }

    pub fn digest(&self) -> Digest {
        value_digest(&self.value)
    }
}

impl Votes {
    /// Whether the voter ever precommitted a value here. While the instance is undecided it must
    /// then neither sign nor attest the head before it, after a restart included (AGR-09,
    /// N-101).
    pub fn has_precommitted(&self) -> bool {
        self.locked.is_some()
    }

    /// Forgets what others said: who they are, or under which keys they speak, changed. They tell
    /// it again as far as it still counts. Whether there was anything.
    pub fn forget_others(&mut self, me: &NodeId) -> bool {
        let before = self.messages.len();
        self.messages.retain(|message| message.voter() == *me);
        self.messages.len() < before
    }

    /// Forgets what one voter said. Whether there was anything.
    pub fn forget(&mut self, voter: &NodeId) -> bool {
        let before = self.messages.len();
        self.messages.retain(|message| message.voter() != *voter);
        self.messages.len() < before
    }
}

impl Canonical for Votes {
    // A proposal, a valid value, and two votes a voter in each of at most four ballots.
    const BYTES_MAX: usize = 4 * (VALUE_BYTES_MAX + NodeSignatures::BYTES_MAX);
}

/// The statements that count now, one a slot: of the current ballot, the one before, the next
/// one, and of each voter the highest beyond. So what a liar can fill is bounded (AGR-08).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Book(BTreeMap<Slot, Held>);

type Slot = (u32, Phase, NodeId);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    pub message: SignedBallotMessage,
    pub digest: Option<Digest>,
    /// What its lock was worth when it came: it is worth no less since.
    pub keys: LockKeys,
}

impl Book {
    /// Takes a statement in, unless it is for a past ballot or for a slot that is taken; two
    /// statements for one slot are evidence.
    pub fn insert(
        &mut self,
        message: SignedBallotMessage,
        keys: LockKeys,
        current: u32,
    ) -> Option<Evidence> {
        let (ballot, phase, voter) = (message.ballot(), message.body().phase(), message.voter());
        if ballot.saturating_add(1) < current {
            return None;
        }
        if let Some(held) = self.0.get(&(ballot, phase, voter)) {
            return Evidence::of(&held.message, &message);
        }
        let beyond = current.saturating_add(1);
        if ballot > beyond {
            let others = |slot: &Slot| slot.0 > beyond && slot.1 == phase && slot.2 == voter;
            if self.0.keys().any(|slot| others(slot) && slot.0 > ballot) {
                return None;
            }
            self.0.retain(|slot, _| !others(slot));
        }
        let digest = message.body().digest();
        self.0.insert((ballot, phase, voter), Held { message, digest, keys });
        None
    }

    /// Forgets what lies before the ballot that precedes `current`.
    pub fn prune(&mut self, current: u32) {
        self.0.retain(|(ballot, ..), _| ballot.saturating_add(1) >= current);
    }

    /// Forgets what a voter said.
    pub fn forget(&mut self, voter: &NodeId) {
        self.0.retain(|(.., of), _| of != voter);
    }

    pub fn get(&self, ballot: u32, phase: Phase, voter: NodeId) -> Option<&Held> {
        self.0.get(&(ballot, phase, voter))
    }

    /// Everything, by ballot and phase.
    pub fn iter(&self) -> impl Iterator<Item = &Held> {
        self.0.values()
    }

    /// The statements of one phase of one ballot.
    pub fn of(&self, ballot: u32, phase: Phase) -> impl Iterator<Item = &Held> {
        self.iter().filter(move |held| {
            held.message.ballot() == ballot && held.message.body().phase() == phase
        })
    }

    /// How many voted in one phase of one ballot.
    pub fn count(&self, ballot: u32, phase: Phase) -> usize {
        self.of(ballot, phase).count()
    }

    /// What at least `quorum` voters voted for in one phase of one ballot: a value, or nothing.
    pub fn winner(&self, ballot: u32, phase: Phase, quorum: usize) -> Option<Option<Digest>> {
        let mut counts = BTreeMap::new();
        for held in self.of(ballot, phase) {
            *counts.entry(held.digest).or_insert(0) += 1;
        }
        counts.into_iter().find(|(_, count)| *count >= quorum).map(|(digest, _)| digest)
    }

    /// The signatures of those who voted for this value in one phase of one ballot.
    pub fn signatures(&self, ballot: u32, phase: Phase, digest: Digest) -> NodeSignatures {
        let votes = self.of(ballot, phase).filter(|held| held.digest == Some(digest));
        votes.map(|held| (held.message.voter(), *held.message.signature())).collect()
    }

    /// The ballots of which anything is held.
    pub fn ballots(&self) -> BTreeSet<u32> {
        self.0.keys().map(|slot| slot.0).collect()
    }

    /// Of every voter but `me`, the highest ballot that it was heard in; descending.
    pub fn heights(&self, me: NodeId) -> Vec<u32> {
        let mut highest: BTreeMap<NodeId, u32> = BTreeMap::new();
        for (ballot, _, voter) in self.0.keys().filter(|slot| slot.2 != me) {
            let height = highest.entry(*voter).or_default();
            *height = (*height).max(*ballot);
        }
        let mut heights: Vec<u32> = highest.into_values().collect();
        heights.sort_unstable_by(|left, right| right.cmp(left));
        heights
    }
}
