//! A node that lies: what it votes to some it denies to others, and what it computes in a session
//! it does not always send.

use crate::faults::Fault;
use quorate_charter::{BallotBody, SignedBallotMessage};
use quorate_codec::tag;
use quorate_identity::{GenesisHash, NodeId, NodeSecrets};
use quorate_machine::event::Envelope;
use quorate_machine::wire::{DealMessage, DealStep, Message, SessionMessage, SessionStep};

/// Messages longer than this carry a matrix of the ECDSA engine.
const LONG: usize = 4_096;

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
    /// The frames that the liar sends in place of this one, and the lie that they are.
    pub fn twist(&self, envelope: &Envelope, dice: u8) -> (Vec<Vec<u8>>, Option<Fault>) {
        let honest = (vec![envelope.bytes.clone()], None);
        match quorate_codec::from_bytes(&envelope.bytes) {
            Ok(Message::Ballot(vote)) if vote.voter() == self.node => {
                let Some(other) = self.opposite(&vote) else { return honest };
                let other = quorate_codec::to_bytes(&Message::Ballot(other));
                let both = vec![envelope.bytes.clone(), other.clone()];
                (if dice.is_multiple_of(2) { vec![other] } else { both }, Some(Fault::DoubleVote))
            }
            Ok(Message::Session(message)) => match spoiled(message, dice) {
                Some(lie) => {
                    let lie = quorate_codec::to_bytes(&Message::Session(lie));
                    (vec![lie], Some(Fault::SpoiledRound))
                }
                None => honest,
            },
            Ok(Message::Deal(deal)) if dice < 24 => match self.false_deal(deal, dice) {
                Some(lie) => {
                    let lie = quorate_codec::to_bytes(&Message::Deal(lie));
                    (vec![lie], Some(Fault::SpoiledDeal))
                }
                None => honest,
            },
            _ => honest,
        }
    }

    /// A message of a dealing with a byte changed, signed all the same.
    fn false_deal(&self, mut deal: DealMessage, dice: u8) -> Option<DealMessage> {
        let bytes = match &mut deal.step {
            DealStep::Round { bytes, .. } | DealStep::Complaint { bytes } => bytes,
            DealStep::Prepared { leaf_proofs, .. } => leaf_proofs,
            DealStep::Plan { .. } | DealStep::Abort { .. } | DealStep::Shown { .. } => {
                return None;
            }
        };
        let at = bytes.len().checked_sub(1)? * usize::from(dice) / 24;
        *bytes.get_mut(at)? ^= 1 << (dice % 8);
        let DealMessage { key, epoch, attempt, context, step, .. } = &deal;
        let said = (&self.genesis, key, *epoch, *attempt, *context, step);
        deal.signature = self.secrets.sign(tag::DEAL_MESSAGE, &quorate_codec::to_bytes(&said));
        Some(deal)
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

/// Every second message of a round with a byte changed, and every long one with a third of it
/// changed, so that the checks over its parts fail; `None` where there is nothing to spoil.
fn spoiled(mut message: SessionMessage, dice: u8) -> Option<SessionMessage> {
    let SessionStep::Round { bytes, .. } = &mut message.step else { return None };
    let length = bytes.len();
    let from = length.checked_sub(1)? * usize::from(dice) / 255;
    let range = match length > LONG {
        true => length / 3..2 * length / 3,
        false if dice.is_multiple_of(2) => from..from + 1,
        false => return None,
    };
    bytes.get_mut(range)?.iter_mut().for_each(|byte| *byte ^= 1 << (dice / 2 % 8));
    Some(message)
}
