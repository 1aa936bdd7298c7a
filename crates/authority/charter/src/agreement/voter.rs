//! One voter in one instance: what goes in, what comes out, and when it wants to be woken.

use super::ballot::{BallotBody, Instance, LockKeys, Phase, SignedBallotMessage, value_digest};
use super::decided::Decided;
use super::evidence::Evidence;
use super::votes::{Book, ValidValue, Votes};
use crate::limits::{BALLOT_DOUBLINGS_MAX, BALLOT_MAX, SUGGEST_AFTER_PART, VALUE_BYTES_MAX};
use crate::state::Electorate;
use minicbor::bytes::ByteVec;
use quorate_codec::{Digest, tag::Tag};
use quorate_identity::{GenesisHash, NodeId, NodeSignature};
use std::collections::{BTreeMap, BTreeSet};

/// What a voter is told.
#[allow(clippy::large_enum_variant, reason = "moved once, and hardly ever anything else")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// This node would like this value decided. Replaces an earlier wish.
    Propose(Vec<u8>),
    /// A statement that [`SignedBallotMessage::verify`] accepted, from whomever it came.
    Message(SignedBallotMessage),
    /// One of which it found [`LockKeys::OfThen`](super::LockKeys::OfThen).
    Dated(SignedBallotMessage),
    /// Time has passed. Also given once after a restart, to take up the timers again.
    Timeout,
}

/// What this node thinks of a value, asked at every ballot anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// It may be decided.
    Valid,
    /// It was valid, but its time is over: accepted only on proof that a quorum found it valid
    /// in time, because some voter may be bound to it for ever (AGR-07).
    Late,
    /// It must not be decided.
    Invalid,
    /// Not known yet: no vote for it now, perhaps one later.
    Unknown,
}

/// What a voter wants done, in this order: `votes` durable, then `broadcast` sent.
#[derive(Debug, Default)]
pub struct Effects {
    /// The row to make durable before anything of this is sent.
    pub votes: Option<Votes>,
    /// For all other voters.
    pub broadcast: Vec<SignedBallotMessage>,
    /// When to give [`Input::Timeout`]; replaces the time given before. Nothing: no need.
    pub wake_at: Option<u64>,
    /// Voters caught saying two things in one place.
    pub evidence: Vec<Evidence>,
    /// The decision; the voter has nothing to do any more.
    pub decided: Option<Decided>,
}

/// One voter in one instance of the agreement primitive. See `spec/agreement.md`.
///
/// Values in, values out: time, signing and judgement are arguments. The voters of a position are
/// those of the state it was made from, those of an attempt those of its era (AGR-13).
#[derive(Debug, Clone)]
pub struct Agreement {
    pub(super) instance: Instance,
    pub(super) genesis: GenesisHash,
    pub(super) me: NodeId,
    pub(super) voters: Vec<NodeId>,
    pub(super) faults: usize,
    pub(super) quorum: usize,
    pub(super) ballot: u32,
    pub(super) step: Step,
    pub(super) book: Book,
    pub(super) locked: Option<(u32, Digest)>,
    pub(super) valid: Option<ValidValue>,
    /// What this node would like decided, and what others offered.
    pub(super) own: Option<Vec<u8>>,
    pub(super) offered: Option<Vec<u8>>,
    /// What this node thought of values in this ballot.
    pub(super) judged: BTreeMap<Digest, Validity>,
    heard_offers: BTreeSet<NodeId>,
    /// How often this node offered a value in this ballot.
    offers: u32,
    accused: BTreeSet<NodeId>,
    decided: bool,
    timers: Timers,
    ballot_ms: u64,
}

/// What a voter does next in its ballot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// Propose, or prevote what is proposed.
    Prevote,
    /// Precommit what a quorum prevotes.
    Precommit,
    /// Decide what a quorum precommits.
    Decide,
}

#[derive(Debug, Clone, Default)]
struct Timers {
    /// When the step ends without what it waits for.
    step: Option<u64>,
    /// When everything that still counts is sent again.
    resend: Option<u64>,
    /// When a value is offered to whoever proposes.
    offer: Option<u64>,
}

/// One call of [`Agreement::handle`].
pub(super) struct Turn<'a> {
    pub now: u64,
    pub sign: &'a dyn Fn(Tag, &[u8]) -> NodeSignature,
    pub judge: &'a dyn Fn(&[u8]) -> Validity,
    pub effects: Effects,
    pub has_voted: bool,
}

impl Agreement {
    /// A voter that begins, or goes on from its durable row.
    pub fn new(
        instance: Instance,
        (genesis, electorate): (GenesisHash, &Electorate),
        me: NodeId,
        votes: Option<Votes>,
        ballot_ms: u64,
    ) -> Self {
        let mut agreement = Self {
            instance,
            genesis,
            me,
            faults: electorate.faults(),
            quorum: electorate.quorum(),
            voters: electorate.voters().iter().copied().collect(),
            ballot: 0,
            step: Step::Prevote,
            book: Book::default(),
            locked: None,
            valid: None,
            own: None,
            offered: None,
            judged: BTreeMap::new(),
            heard_offers: BTreeSet::new(),
            offers: 0,
            accused: BTreeSet::new(),
            decided: false,
            timers: Timers::default(),
            ballot_ms: ballot_ms.max(1),
        };
        if let Some(votes) = votes {
            agreement.restore(votes);
        }
        agreement
    }

    /// Handles one input. What comes back is a function of the inputs so far alone.
    pub fn handle(
        &mut self,
        input: Input,
        now: u64,
        sign: &dyn Fn(Tag, &[u8]) -> NodeSignature,
        judge: &dyn Fn(&[u8]) -> Validity,
    ) -> Effects {
        let effects = Effects::default();
        let mut turn = Turn { now, sign, judge, effects, has_voted: false };
        if self.decided {
            return turn.effects;
        }
        match input {
            Input::Propose(value) if value.len() <= VALUE_BYTES_MAX => self.own = Some(value),
            Input::Propose(_) => {}
            Input::Message(message) => self.receive(message, LockKeys::OfNow, &mut turn),
            Input::Dated(message) => self.receive(message, LockKeys::OfThen, &mut turn),
            Input::Timeout => self.on_time(&mut turn),
        }
        turn.effects.decided = self.advance(&mut turn);
        self.decided = turn.effects.decided.is_some();
        turn.effects.wake_at = self.arm(now);
        if turn.has_voted {
            turn.effects.votes = Some(self.votes());
        }
        turn.effects
    }

    /// Forgets what another voter said: under which keys it speaks changed, or it left, and no
    /// certificate may hold what it said before.
    pub fn forget(&mut self, voter: &NodeId) {
        if *voter != self.me {
            self.book.forget(voter);
        }
    }

    /// Whether what is proposed in a ballot is kept.
    pub fn keeps_a_proposal_of(&self, ballot: u32) -> bool {
        let proposer = self.proposer(ballot);
        proposer.is_some_and(|it| self.book.get(ballot, Phase::Proposal, it).is_some())
    }

    /// Bytes of values that are kept from proposals of a voter.
    pub fn bytes_kept_from(&self, voter: &NodeId) -> usize {
        let held = self.book.iter().map(|held| &held.message);
        held.filter(|message| message.voter() == *voter)
            .map(SignedBallotMessage::proposed_bytes)
            .sum()
    }

    /// Whether this voter ever precommitted a value here. While the instance is undecided it
    /// must then neither sign nor attest the head before it (AGR-09, N-101).
    pub fn has_precommitted(&self) -> bool {
        self.locked.is_some()
    }

    /// Everything that a voter with nothing needs to catch up: for a peer that just connected,
    /// and for all after a while without progress.
    pub fn resend(&self) -> Vec<SignedBallotMessage> {
        let counts = |message: &SignedBallotMessage| {
            let is_vote = !matches!(message.body(), BallotBody::Proposal { .. });
            is_vote || message.ballot() == self.ballot
        };
        let held = self.book.iter().map(|held| &held.message);
        held.filter(|message| counts(message)).cloned().collect()
    }

    /// Who proposes in a ballot (AGR-03).
    pub(super) fn proposer(&self, ballot: u32) -> Option<NodeId> {
        let count = self.voters.len() as u64;
        let turn = self.instance.offset().wrapping_add(u64::from(ballot)).checked_rem(count)?;
        self.voters.get(usize::try_from(turn).ok()?).copied()
    }

    /// Begins a ballot.
    pub(super) fn begin(&mut self, ballot: u32) {
        self.ballot = ballot;
        self.step = Step::Prevote;
        self.book.prune(ballot);
        self.judged.clear();
        self.heard_offers.clear();
        self.offers = 0;
        self.timers.step = None;
        self.timers.offer = None;
    }

    pub(super) fn enter(&mut self, step: Step) {
        self.step = step;
        self.timers.step = None;
    }

    /// Signs a statement of this voter, remembers it and sends it.
    pub(super) fn say(&mut self, body: BallotBody, turn: &mut Turn<'_>) {
        let (genesis, instance) = (self.genesis, self.instance);
        let message =
            SignedBallotMessage::sign(genesis, instance, self.ballot, self.me, body, turn.sign);
        turn.effects.broadcast.push(message.clone());
        if !matches!(message.body(), BallotBody::Offer { .. }) {
            let _ = self.book.insert(message, LockKeys::OfNow, self.ballot);
            turn.has_voted = true;
        }
    }

    /// What this node thinks of a value, asked once a ballot unless it does not know.
    pub(super) fn judge(&mut self, value: &[u8], digest: Digest, turn: &Turn<'_>) -> Validity {
        if let Some(validity) = self.judged.get(&digest) {
            return *validity;
        }
        let validity = (turn.judge)(value);
        if validity != Validity::Unknown {
            self.judged.insert(digest, validity);
        }
        validity
    }

    fn receive(&mut self, message: SignedBallotMessage, keys: LockKeys, turn: &mut Turn<'_>) {
        let voter = message.voter();
        let is_peer = voter != self.me && self.voters.contains(&voter);
        if message.instance() != self.instance || !is_peer || message.ballot() > BALLOT_MAX {
            return;
        }
        let is_proof = keys == LockKeys::OfNow;
        match message.body() {
            BallotBody::Offer { value, lock } => match lock {
                Some(lock) if is_proof => self.learn_valid(ValidValue::of(value, lock)),
                // Who made it proposes it, in its turn.
                Some(_) => {}
                None => self.consider_offer(voter, value, turn),
            },
            BallotBody::Proposal { .. } if self.proposer(message.ballot()) != Some(voter) => {}
            BallotBody::Proposal { value, lock } => {
                if let Some(lock) = lock.as_ref().filter(|_| is_proof) {
                    self.learn_valid(ValidValue::of(value, lock));
                }
                self.hold(message, keys, turn);
            }
            BallotBody::Prevote(_) | BallotBody::Precommit(_) => self.hold(message, keys, turn),
        }
    }

    fn hold(&mut self, message: SignedBallotMessage, keys: LockKeys, turn: &mut Turn<'_>) {
        let voter = message.voter();
        if message.ballot() < self.ballot && self.timers.resend.is_none() {
            // The peer is behind: what brought us here brings it here too (AGR-08).
            self.timers.resend = Some(turn.now + self.ballot_ms / SUGGEST_AFTER_PART);
        }
        if let Some(evidence) = self.book.insert(message, keys, self.ballot)
            && self.accused.insert(voter)
        {
            turn.effects.evidence.push(evidence);
        }
    }

    /// Takes an offered value as this node's own wish if it has none and finds it valid. One
    /// judgement a voter and ballot.
    fn consider_offer(&mut self, voter: NodeId, value: &[u8], turn: &mut Turn<'_>) {
        let has_wish = self.own.is_some() || self.offered.is_some();
        if has_wish || self.heard_offers.contains(&voter) || self.proven(turn).is_some() {
            return;
        }
        let validity = self.judge(value, value_digest(value), turn);
        if validity != Validity::Unknown {
            self.heard_offers.insert(voter);
        }
        if validity == Validity::Valid {
            self.offered = Some(value.to_vec());
        }
    }

    fn on_time(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now;
        let due = |timer: &mut Option<u64>| timer.take_if(|at| *at <= now).is_some();
        let (step, resend) = (due(&mut self.timers.step), due(&mut self.timers.resend));
        let offer = due(&mut self.timers.offer);
        // Others may have no other word of the value: it is said again with everything else.
        if offer || resend {
            self.offer(turn);
        }
        if resend {
            turn.effects.broadcast.extend(self.resend());
        }
        if step {
            self.give_up_step(turn);
        }
    }

    /// Shows what this node would propose, while nobody has proposed: with the proof that a quorum found
    /// it right, if it has one, so that nobody who is bound to a value is left alone with it.
    fn offer(&mut self, turn: &mut Turn<'_>) {
        if self.book.count(self.ballot, Phase::Proposal) > 0 {
            return;
        }
        let proven = self.valid.clone().filter(|valid| valid.lock.ballot < self.ballot);
        let wish = self.own.clone().or_else(|| self.offered.clone());
        let wish = wish.filter(|it| proven.as_ref().is_none_or(|valid| valid.value[..] != it[..]));
        let wish = wish.map(|value| (ByteVec::from(value), None));
        let proven = proven.map(|ValidValue { value, lock }| (value, Some(lock)));
        let shown: Vec<_> = proven.into_iter().chain(wish).collect();
        if !shown.is_empty() {
            self.offers = self.offers.saturating_add(1);
        }
        for (value, lock) in shown {
            self.say(BallotBody::Offer { value, lock }, turn);
        }
    }

    /// Sets the timers that the situation asks for; returns the first of them.
    fn arm(&mut self, now: u64) -> Option<u64> {
        if self.decided {
            self.timers = Timers::default();
            return None;
        }
        let heard = |phase| self.book.count(self.ballot, phase) >= self.quorum;
        let waits = match self.step {
            Step::Prevote => self.is_engaged(),
            Step::Precommit => heard(Phase::Prevote) || heard(Phase::Precommit),
            Step::Decide => heard(Phase::Precommit),
        };
        match waits {
            true => _ = self.timers.step.get_or_insert(now + self.ballot_time()),
            false => self.timers.step = None,
        }
        if self.is_engaged() {
            _ = self.timers.resend.get_or_insert(now + self.ballot_ms);
            let unproposed =
                self.step == Step::Prevote && self.book.count(self.ballot, Phase::Proposal) == 0;
            if unproposed && self.proposer(self.ballot) != Some(self.me) {
                // A proposer that cannot take it yet is told again, less often each time.
                let doubled = 1 << self.offers.min(BALLOT_DOUBLINGS_MAX);
                let pause = (self.ballot_ms / SUGGEST_AFTER_PART).saturating_mul(doubled);
                _ = self.timers.offer.get_or_insert(now.saturating_add(pause));
            }
        }
        let Timers { step, resend, offer } = &self.timers;
        [*step, *resend, *offer].into_iter().flatten().min()
    }

    /// Whether there is anything to decide as far as this node knows: it has a wish, has voted
    /// in this ballot, or more voters than may lie are in this ballot or beyond (AGR-04). A node
    /// with nothing to decide is silent, so a liar alone keeps nobody busy.
    fn is_engaged(&self) -> bool {
        let wishes = self.own.is_some() || self.offered.is_some() || self.valid.is_some();
        let heights = self.book.heights(self.me);
        let others = heights.get(self.faults).is_some_and(|height| *height >= self.ballot);
        wishes || self.step != Step::Prevote || others
    }

    /// Ballots take twice as long each time, up to a limit, so that some ballot is long enough
    /// for any network (AGR-06).
    fn ballot_time(&self) -> u64 {
        self.ballot_ms.saturating_mul(1 << self.ballot.min(BALLOT_DOUBLINGS_MAX))
    }

    /// The row as it stands (AGR-05): a voter that begins with it goes on from here.
    pub fn votes(&self) -> Votes {
        let is_kept = |message: &SignedBallotMessage| {
            let is_vote = !matches!(message.body(), BallotBody::Proposal { .. });
            is_vote || (message.voter() == self.me && message.ballot() == self.ballot)
        };
        let held = self.book.iter().map(|held| &held.message);
        Votes {
            version: 1,
            ballot: self.ballot,
            messages: held.filter(|message| is_kept(message)).cloned().collect(),
            locked: self.locked,
            valid: self.valid.clone(),
        }
    }

    fn restore(&mut self, votes: Votes) {
        self.ballot = votes.ballot;
        self.locked = votes.locked;
        self.valid = votes.valid;
        for message in votes.messages {
            let _ = self.book.insert(message, LockKeys::OfNow, self.ballot);
        }
        let has_said = |phase| self.book.get(self.ballot, phase, self.me).is_some();
        self.step = match (has_said(Phase::Prevote), has_said(Phase::Precommit)) {
            (_, true) => Step::Decide,
            (true, false) => Step::Precommit,
            (false, false) => Step::Prevote,
        };
    }
}
