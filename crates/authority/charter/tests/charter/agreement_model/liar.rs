//! What liars may say: anything that their own keys can sign, and locks that hold. And what anybody may
//! show: that a quorum found a value right.

use super::statements::Set;
use super::voter::POSITION;
use super::{Known, POISON, Situation, VALUES, Voting, value_digest};
use quorate_charter::{BallotBody, Lock, Phase, SignedBallotMessage};
use quorate_identity::{NodeId, NodeSignature};

/// Voter, ballot, phase, value, and the ballot of the lock.
pub type Lie = (usize, u32, Phase, &'static [u8], Option<u32>);

impl Voting {
    /// Everything that the liars may have said by now.
    pub(super) fn lies(&self, known: &mut Known, situation: &Situation) -> Set {
        let mut lies = Vec::new();
        for liar in self.size.liars {
            for ballot in 0..self.size.ballots {
                for value in VALUES {
                    lies.push((*liar, ballot, Phase::Prevote, value, None));
                    lies.push((*liar, ballot, Phase::Precommit, value, None));
                }
                for value in [VALUES[0], VALUES[1], POISON] {
                    let proposal = |lock| (*liar, ballot, Phase::Proposal, value, lock);
                    if self.leader(ballot) == *liar {
                        lies.push(proposal(None));
                        lies.extend((0..ballot).map(|lock| proposal(Some(lock))));
                    }
                }
            }
        }
        lies.into_iter().filter_map(|lie| self.lie(known, situation, lie)).collect()
    }

    /// The offers of values that a quorum prevoted (AGR-04). Whoever holds the prevotes may make them,
    /// so here they are made as soon as there are so many; each in two names, since nobody hears itself.
    pub(super) fn offers(&self, known: &mut Known, situation: &Situation) -> Set {
        let last = self.size.ballots.saturating_sub(1);
        let of = |lock| VALUES.map(|value| (lock, value));
        let proofs: Vec<(u32, &'static [u8])> = (0..last).flat_map(of).collect();
        let by = |(lock, value)| [0, 1].map(|place| (place, last, Phase::Offer, value, Some(lock)));
        let offers = proofs.into_iter().flat_map(by);
        offers.filter_map(|offer| self.lie(known, situation, offer)).collect()
    }

    /// The number of a lie; a lock that nothing proves yet cannot be shown.
    fn lie(&self, known: &mut Known, situation: &Situation, lie: Lie) -> Option<usize> {
        let (liar, ballot, phase, value, lock) = lie;
        let prevotes = match lock {
            Some(lock) => Some(self.prevotes(known, situation, lock, value)?),
            None => None,
        };
        if let Some(number) = known.lies.get(&lie) {
            return Some(*number);
        }
        let lock = lock.zip(prevotes);
        let lock = lock.map(|(ballot, of)| Lock { ballot, prevotes: of.into_iter().collect() });
        let body = match phase {
            Phase::Proposal => BallotBody::Proposal { value: value.to_vec().into(), lock },
            Phase::Prevote => BallotBody::Prevote(Some(value_digest(value))),
            Phase::Precommit => BallotBody::Precommit(Some(value_digest(value))),
            Phase::Offer => BallotBody::Offer { value: value.to_vec().into(), lock },
        };
        let number = self.number(known, &self.say(liar, ballot, body));
        known.lies.insert(lie, number);
        Some(number)
    }

    /// The prevotes of a quorum for a value, the liars' among them, if there are so many.
    fn prevotes(
        &self,
        known: &Known,
        situation: &Situation,
        ballot: u32,
        value: &[u8],
    ) -> Option<Vec<(NodeId, NodeSignature)>> {
        let digest = Some(value_digest(value));
        let said = situation.said.iter().map(|said| &known.statements[said]);
        let said = said.filter(|said| {
            (said.ballot, said.phase, said.digest) == (ballot, Phase::Prevote, digest)
        });
        let mut messages: Vec<SignedBallotMessage> = said.map(|it| it.message.clone()).collect();
        if messages.len() + self.size.liars.len() < self.charter.quorum() {
            return None;
        }
        let prevote = |liar: &usize| self.say(*liar, ballot, BallotBody::Prevote(digest));
        messages.extend(self.size.liars.iter().map(prevote));
        Some(messages.iter().map(|message| (message.voter(), *message.signature())).collect())
    }

    fn say(&self, liar: usize, ballot: u32, body: BallotBody) -> SignedBallotMessage {
        let (genesis, voter) = (self.charter.genesis(), self.voters[liar]);
        let sign = |tag, bytes: &[u8]| self.secrets[&voter].sign(tag, bytes);
        SignedBallotMessage::sign(genesis, POSITION, ballot, voter, body, &sign)
    }
}
