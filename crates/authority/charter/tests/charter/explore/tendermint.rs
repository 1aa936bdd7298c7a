//! The agreement primitive as a rule of the world. Signatures are stand-ins: whatever reaches a
//! voter has been verified, and no liar can sign for another.

use super::{In, Out, Rule, Voter};
use quorate_charter::{Agreement, Input, Instance, SignedBallotMessage, State, Validity, Votes};
use quorate_identity::{NodeId, NodeSignature};
use std::sync::Arc;

/// What a voter thinks of a value at a time.
pub type Judge = Arc<dyn Fn(usize, &[u8], u64) -> Validity>;

#[derive(Clone)]
pub struct Tendermint {
    pub state: State,
    pub voters: Vec<NodeId>,
    pub judge: Judge,
    /// Whether a voter that comes back finds its row; without it the world must find a fork.
    pub remembers: bool,
}

impl Tendermint {
    pub fn new(state: &State) -> Self {
        let voters = state.voters().keys().copied().collect();
        let judge = Arc::new(|_, _: &[u8], _| Validity::Valid);
        Self { state: state.clone(), voters, judge, remembers: true }
    }

    pub fn judged(self, judge: impl Fn(usize, &[u8], u64) -> Validity + 'static) -> Self {
        Self { judge: Arc::new(judge), ..self }
    }

    pub fn number(&self, id: &NodeId) -> usize {
        self.voters.iter().position(|voter| voter == id).unwrap()
    }

    pub fn agreement(&self, me: usize, row: Option<Votes>) -> Agreement {
        {
            let voters = (self.state.genesis(), self.state.electorate_now());
            Agreement::new(Instance::Position(1), voters, self.voters[me], row, BALLOT_MS)
        }
    }
}

/// The first ballot's time.
pub const BALLOT_MS: u64 = 100;

pub fn sign(_: quorate_codec::tag::Tag, _: &[u8]) -> NodeSignature {
    NodeSignature([0; 64])
}

struct Seat {
    agreement: Agreement,
    rule: Tendermint,
    me: usize,
}

impl Rule for Tendermint {
    type Message = SignedBallotMessage;
    type Row = Votes;

    fn start(&self, me: usize, row: Option<Votes>) -> Box<dyn Voter<SignedBallotMessage, Votes>> {
        let row = row.filter(|_| self.remembers);
        // The row survives its encoding, as in a store.
        let row = row.map(|row| quorate_codec::from_bytes(&quorate_codec::to_bytes(&row)).unwrap());
        Box::new(Seat { agreement: self.agreement(me, row), rule: self.clone(), me })
    }

    fn author(&self, message: &SignedBallotMessage) -> usize {
        self.number(&message.voter())
    }
}

impl Voter<SignedBallotMessage, Votes> for Seat {
    fn handle(
        &mut self,
        input: In<SignedBallotMessage>,
        now: u64,
    ) -> Out<SignedBallotMessage, Votes> {
        let input = match input {
            In::Propose(value) => Input::Propose(value),
            In::Message(message) => Input::Message(message),
            In::Timeout => Input::Timeout,
        };
        let judge = |value: &[u8]| (self.rule.judge)(self.me, value, now);
        let effects = self.agreement.handle(input, now, &sign, &judge);
        Out {
            row: effects.votes,
            broadcast: effects.broadcast,
            wake_at: effects.wake_at,
            decided: effects.decided.map(|decided| decided.value),
            accused: effects.evidence.iter().map(|one| self.rule.number(&one.culprit())).collect(),
        }
    }
}
