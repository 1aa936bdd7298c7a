//! Liars, from lazy to inventive.

use super::tendermint::{Tendermint, sign};
use super::{Dice, Liar, naive::Vote};
use quorate_charter::{
    Agreement, BallotBody, Input, Instance, Lock, SignedBallotMessage, Validity,
};
use quorate_codec::Digest;
use std::collections::BTreeSet;

/// Says nothing.
pub struct Silent;

impl<M> Liar<M> for Silent {
    fn hear(&mut self, _: Option<&M>, _: u64, _: &mut Dice) -> Vec<(usize, M)> {
        Vec::new()
    }
}

/// Lives twice: two correct voters under one name, with different wishes, each talking to its
/// own half of the others; now and then one of them forgets everything.
pub struct Twins {
    pub rule: Tendermint,
    pub me: usize,
    pub twins: [Agreement; 2],
    pub wishes: [Vec<u8>; 2],
    pub halves: [BTreeSet<usize>; 2],
}

impl Twins {
    pub fn new(rule: &Tendermint, me: usize, wishes: [Vec<u8>; 2], dice: &mut Dice) -> Self {
        let mut halves = [BTreeSet::new(), BTreeSet::new()];
        for other in (0..rule.voters.len()).filter(|other| *other != me) {
            let side = dice.roll(3);
            if side != 1 {
                halves[0].insert(other);
            }
            if side != 0 {
                halves[1].insert(other);
            }
        }
        let twins = [rule.agreement(me, None), rule.agreement(me, None)];
        Self { rule: rule.clone(), me, twins, wishes, halves }
    }
}

impl Liar<SignedBallotMessage> for Twins {
    fn hear(
        &mut self,
        message: Option<&SignedBallotMessage>,
        now: u64,
        dice: &mut Dice,
    ) -> Vec<(usize, SignedBallotMessage)> {
        let mut lies = Vec::new();
        for side in 0..2 {
            if dice.chance(2) {
                self.twins[side] = self.rule.agreement(self.me, None);
            }
            let inputs = match message {
                Some(message) => vec![Input::Message(message.clone())],
                None => vec![Input::Propose(self.wishes[side].clone()), Input::Timeout],
            };
            for input in inputs {
                // It jumps its own queue: its clock runs ahead.
                let effects =
                    self.twins[side].handle(input, now * 2, &sign, &|_: &[u8]| Validity::Valid);
                for said in effects.broadcast {
                    lies.extend(self.halves[side].iter().map(|to| (*to, said.clone())));
                }
            }
        }
        lies
    }
}

/// Says anything that its own key can say: votes for whatever it heard of, in any ballot near,
/// to anybody; proposes two things; withholds what it likes; passes on what it heard.
pub struct Babbler {
    pub rule: Tendermint,
    pub me: usize,
    pub heard: Vec<SignedBallotMessage>,
    pub values: Vec<Vec<u8>>,
}

impl Babbler {
    fn babble(&self, dice: &mut Dice) -> SignedBallotMessage {
        let pick = |dice: &mut Dice, count: usize| dice.roll(count as u64) as usize;
        let latest = self.heard.iter().rev().take(6).map(SignedBallotMessage::ballot).max();
        let ballot = (u64::from(latest.unwrap_or(0)) + dice.roll(4)).saturating_sub(1) as u32;
        let value = self.values[pick(dice, self.values.len())].clone();
        let digests: Vec<Option<Digest>> =
            self.heard.iter().map(|message| message.body().digest()).collect();
        let digest = match digests.is_empty() || dice.chance(20) {
            true => None,
            false => digests[pick(dice, digests.len())],
        };
        let body = match dice.roll(8) {
            0 => match self.relocked(dice) {
                Some(BallotBody::Proposal { value, lock }) => BallotBody::Offer { value, lock },
                _ => BallotBody::Offer { value: value.into(), lock: None },
            },
            1 | 2 => self
                .relocked(dice)
                .unwrap_or(BallotBody::Proposal { value: value.into(), lock: None }),
            3..=5 => BallotBody::Prevote(digest),
            _ => BallotBody::Precommit(digest),
        };
        let (genesis, instance) = (self.rule.state.genesis(), Instance::Position(1));
        SignedBallotMessage::sign(genesis, instance, ballot, self.rule.voters[self.me], body, &sign)
    }

    /// An old lock shown again, truthfully, as anybody may.
    fn relocked(&self, dice: &mut Dice) -> Option<BallotBody> {
        let locks: Vec<&BallotBody> = self.heard.iter().map(SignedBallotMessage::body).collect();
        let locks: Vec<&&BallotBody> = locks
            .iter()
            .filter(|body| matches!(body, BallotBody::Proposal { lock: Some(Lock { .. }), .. }))
            .collect();
        let chosen = locks.get(dice.roll(locks.len().max(1) as u64) as usize)?;
        Some((**chosen).clone())
    }
}

impl Liar<SignedBallotMessage> for Babbler {
    fn hear(
        &mut self,
        message: Option<&SignedBallotMessage>,
        _: u64,
        dice: &mut Dice,
    ) -> Vec<(usize, SignedBallotMessage)> {
        if let Some(message) = message {
            self.heard.push(message.clone());
            if self.heard.len() > 60 {
                self.heard.remove(0);
            }
        }
        let mut lies = Vec::new();
        for _ in 0..dice.roll(3) {
            let to = dice.roll(self.rule.voters.len() as u64) as usize;
            let lie = match dice.chance(25) && !self.heard.is_empty() {
                true => self.heard[dice.roll(self.heard.len() as u64) as usize].clone(),
                false => self.babble(dice),
            };
            if to != self.me {
                lies.push((to, lie));
            }
        }
        lies
    }
}

/// The naive rule's liar: votes for everything, differently to everybody.
pub struct TwoFaced {
    pub me: usize,
    pub voters: usize,
    pub values: Vec<Vec<u8>>,
}

impl Liar<Vote> for TwoFaced {
    fn hear(&mut self, message: Option<&Vote>, _: u64, dice: &mut Dice) -> Vec<(usize, Vote)> {
        let ballot = message.map_or(0, |vote| vote.ballot);
        if message.is_some() && !dice.chance(20) {
            return Vec::new();
        }
        let others = (0..self.voters).filter(|to| *to != self.me);
        others
            .map(|to| {
                let value = self.values[dice.roll(self.values.len() as u64) as usize].clone();
                (to, Vote { ballot, voter: self.me, value })
            })
            .collect()
    }
}
