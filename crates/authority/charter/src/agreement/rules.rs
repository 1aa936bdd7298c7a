//! The rules of a ballot, as Tendermint has them (arXiv 1807.04938, algorithm 1; the lines are
//! cited). They fire until none can.

use super::ballot::{BallotBody, Lock, LockKeys, Phase, value_digest};
use super::decided::Decided;
use super::voter::{Agreement, Step, Turn, Validity};
use super::votes::ValidValue;
use quorate_codec::Digest;

impl Agreement {
    /// Fires rules until none can; returns the decision if one does.
    pub(super) fn advance(&mut self, turn: &mut Turn<'_>) -> Option<Decided> {
        loop {
            let decided = self.decision();
            if decided.is_some() {
                return decided;
            }
            let moved = self.skip()
                || self.pass_over()
                || match self.step {
                    Step::Prevote => self.prevote(turn),
                    Step::Precommit => self.precommit(turn),
                    Step::Decide => self.await_decision(),
                };
            if !moved {
                return None;
            }
        }
    }

    /// The step's time is over (lines 57 to 67).
    pub(super) fn give_up_step(&mut self, turn: &mut Turn<'_>) {
        match self.step {
            Step::Prevote => self.say_prevote(None, turn),
            Step::Precommit => self.say_precommit(None, turn),
            Step::Decide => self.begin(self.ballot.saturating_add(1)),
        }
    }

    /// Remembers the latest value that a quorum prevoted (lines 42 and 43).
    pub(super) fn learn_valid(&mut self, valid: ValidValue) {
        let newer = |known: &ValidValue| valid.lock.ballot > known.lock.ballot;
        if self.valid.as_ref().is_none_or(newer) {
            self.valid = Some(valid);
        }
    }

    /// A quorum precommitted one value in one ballot: decided (line 49).
    fn decision(&self) -> Option<Decided> {
        self.book.ballots().into_iter().find_map(|ballot| {
            let digest = self.book.winner(ballot, Phase::Precommit, self.quorum)??;
            Some(Decided {
                version: 1,
                genesis: self.genesis,
                instance: self.instance,
                ballot,
                value: self.value(digest)?,
                certificate: self.book.signatures(ballot, Phase::Precommit, digest),
            })
        })
    }

    /// More voters than may lie are further: at least one honest voter is, so follow (line 55).
    fn skip(&mut self) -> bool {
        let height = self.book.heights(self.me).get(self.faults).copied();
        let Some(height) = height.filter(|height| *height > self.ballot) else { return false };
        self.begin(height);
        true
    }

    /// A quorum precommitted nothing, so no value can be decided in this ballot any more: the
    /// next one begins at once, whatever this node still waits for.
    fn pass_over(&mut self) -> bool {
        let nothing = self.book.winner(self.ballot, Phase::Precommit, self.quorum) == Some(None);
        if nothing {
            self.begin(self.ballot.saturating_add(1));
        }
        nothing
    }

    /// Proposes, if it is this node's turn and it has something; prevotes what is proposed
    /// (lines 11 to 33).
    fn prevote(&mut self, turn: &mut Turn<'_>) -> bool {
        let Some(proposer) = self.proposer(self.ballot) else { return false };
        let has_proposed = self.book.get(self.ballot, Phase::Proposal, proposer).is_some();
        if proposer == self.me && !has_proposed {
            let Some((value, lock)) = self.choose(turn) else { return false };
            self.say(BallotBody::Proposal { value: value.into(), lock }, turn);
        }
        let Some(held) = self.book.get(self.ballot, Phase::Proposal, proposer) else {
            return false;
        };
        let BallotBody::Proposal { value, lock } = held.message.body() else { return false };
        let (value, lock) = (value.to_vec(), lock.as_ref().map(|lock| (lock.ballot, held.keys)));
        let Some(vote) = self.opinion(&value, lock, turn) else { return false };
        if vote.is_some() && self.own.is_none() {
            self.offered = Some(value);
        }
        self.say_prevote(vote, turn);
        true
    }

    /// What this node proposes: what a quorum prevoted in an earlier ballot, else what it would like,
    /// else what it was offered. What is not valid any more is forgotten. A proposal without a lock is
    /// always safe, so one whose value it does not know what to think of holds up no other.
    fn choose(&mut self, turn: &Turn<'_>) -> Option<(Vec<u8>, Option<Lock>)> {
        if let Some(ValidValue { value, lock }) = self.proven(turn) {
            return Some((value.to_vec(), Some(lock)));
        }
        for is_own in [true, false] {
            let wish = if is_own { &mut self.own } else { &mut self.offered };
            let Some(value) = wish.take() else { continue };
            let validity = self.judge(&value, value_digest(&value), turn);
            let wish = if is_own { &mut self.own } else { &mut self.offered };
            match validity {
                Validity::Valid => {
                    *wish = Some(value.clone());
                    return Some((value, None));
                }
                Validity::Unknown => *wish = Some(value),
                Validity::Late | Validity::Invalid => {}
            }
        }
        None
    }

    /// What a quorum prevoted in an earlier ballot, unless this node finds it invalid, or does not know.
    pub(super) fn proven(&mut self, turn: &Turn<'_>) -> Option<ValidValue> {
        let valid = self.valid.clone().filter(|valid| valid.lock.ballot < self.ballot)?;
        let validity = self.judge(&valid.value, valid.digest(), turn);
        matches!(validity, Validity::Valid | Validity::Late).then_some(valid)
    }

    /// The prevote that a proposal deserves (lines 22 to 33); nothing while this node does not
    /// know what to think of it and the ballot's time is not over. A lock that needs former keys
    /// frees nobody but who saw those prevotes when the keys were in force: whoever has them now may
    /// have voted twice (AGR-13).
    fn opinion(
        &mut self,
        value: &[u8],
        lock: Option<(u32, LockKeys)>,
        turn: &Turn<'_>,
    ) -> Option<Option<Digest>> {
        let digest = value_digest(value);
        let shown = lock.filter(|(_, keys)| *keys == LockKeys::OfNow).map(|(ballot, _)| ballot);
        let seen = self.valid.as_ref().filter(|valid| valid.digest() == digest);
        let seen = seen.map(|valid| valid.lock.ballot).filter(|ballot| *ballot < self.ballot);
        let frees = |bound: u32| shown.max(seen).is_some_and(|ballot| ballot >= bound);
        let (is_ours, is_free) = match self.locked {
            None => (false, true),
            Some((ballot, locked)) => (locked == digest, frees(ballot)),
        };
        let is_proven = lock.is_some() || seen.is_some() || is_ours;
        let is_acceptable = match self.judge(value, digest, turn) {
            Validity::Unknown => return None,
            Validity::Valid => true,
            Validity::Late => is_proven,
            Validity::Invalid => false,
        };
        Some((is_acceptable && (is_ours || is_free)).then_some(digest))
    }

    /// Precommits what a quorum prevoted, and is bound to it from then on (lines 36 to 46).
    fn precommit(&mut self, turn: &mut Turn<'_>) -> bool {
        match self.book.winner(self.ballot, Phase::Prevote, self.quorum) {
            None => false,
            Some(None) => {
                self.say_precommit(None, turn);
                true
            }
            Some(Some(digest)) => {
                let Some(value) = self.value(digest) else { return false };
                let validity = self.judge(&value, digest, turn);
                if !matches!(validity, Validity::Valid | Validity::Late) {
                    return false;
                }
                self.learn_prevoted(value, digest);
                self.locked = Some((self.ballot, digest));
                self.say_precommit(Some(digest), turn);
                true
            }
        }
    }

    /// Waits for precommits; meanwhile a late quorum of prevotes is worth knowing (line 36).
    fn await_decision(&mut self) -> bool {
        if let Some(Some(digest)) = self.book.winner(self.ballot, Phase::Prevote, self.quorum)
            && let Some(value) = self.value(digest)
        {
            self.learn_prevoted(value, digest);
        }
        false
    }

    fn learn_prevoted(&mut self, value: Vec<u8>, digest: Digest) {
        let prevotes = self.book.signatures(self.ballot, Phase::Prevote, digest);
        let lock = Lock { ballot: self.ballot, prevotes };
        self.learn_valid(ValidValue { value: value.into(), lock });
    }

    fn say_prevote(&mut self, vote: Option<Digest>, turn: &mut Turn<'_>) {
        self.say(BallotBody::Prevote(vote), turn);
        self.enter(Step::Precommit);
    }

    fn say_precommit(&mut self, vote: Option<Digest>, turn: &mut Turn<'_>) {
        self.say(BallotBody::Precommit(vote), turn);
        self.enter(Step::Decide);
    }

    /// The value of a digest, if this node has it.
    fn value(&self, digest: Digest) -> Option<Vec<u8>> {
        let proposed = self.book.iter().filter(|held| held.digest == Some(digest));
        let mut proposed = proposed.filter_map(|held| match held.message.body() {
            BallotBody::Proposal { value, .. } => Some(value.to_vec()),
            _ => None,
        });
        let valid = self.valid.as_ref().filter(|valid| valid.digest() == digest);
        let wishes = || [self.own.as_ref(), self.offered.as_ref()].into_iter().flatten();
        let wished = || wishes().find(|value| value_digest(value) == digest).cloned();
        proposed.next().or_else(|| valid.map(|valid| valid.value.to_vec())).or_else(wished)
    }
}
