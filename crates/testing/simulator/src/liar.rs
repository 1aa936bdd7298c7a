//! A voter that lies: what it votes to some it denies to others.

use quorate_charter::{BallotBody, SignedBallotMessage};
use quorate_identity::{GenesisHash, NodeId, NodeSecrets};
use quorate_machine::event::Envelope;
use quorate_machine::wire::Message;

/// The liar's keys, and where it votes.
pub struct Liar {
    /// The domain.
    pub genesis: GenesisHash,
    /// Who lies.
    pub node: NodeId,
    /// Its keys.
    pub secrets: NodeSecrets,
}

impl Liar {
    /// The frames that the liar sends in place of this one.
    pub fn twist(&self, envelope: &Envelope, coin: bool) -> Vec<Vec<u8>> {
        let vote = match quorate_codec::from_bytes(&envelope.bytes) {
            Ok(Message::Ballot(vote)) if vote.voter() == self.node => vote,
            _ => return vec![envelope.bytes.clone()],
        };
        let Some(other) = self.opposite(&vote) else { return vec![envelope.bytes.clone()] };
        let other = quorate_codec::to_bytes(&Message::Ballot(other));
        if coin { vec![other] } else { vec![envelope.bytes.clone(), other] }
    }

    /// A vote for the same slot that says otherwise.
    fn opposite(&self, vote: &SignedBallotMessage) -> Option<SignedBallotMessage> {
        let body = match vote.body() {
            BallotBody::Prevote(Some(_)) => BallotBody::Prevote(None),
            BallotBody::Precommit(Some(_)) => BallotBody::Precommit(None),
            _ => return None,
        };
        let sign = |tag, bytes: &[u8]| self.secrets.sign(tag, bytes);
        let (instance, ballot) = (vote.instance(), vote.ballot());
        Some(SignedBallotMessage::sign(self.genesis, instance, ballot, self.node, body, &sign))
    }
}
