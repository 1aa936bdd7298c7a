//! A node that lies: it proposes one value to some and another to others, votes for both, denies what
//! it voted, puts locks together from what others voted and with the keys of a machine that lost its
//! seat, and what it computes in a session it does not always send.

use crate::faults::Fault;
use quorate_charter::{
    AbortStatement, AttemptOutcome, BallotBody, Instance, Lock, Phase, SignedBallotMessage, State,
};
use quorate_codec::{Digest, Transcript, tag};
use quorate_identity::{GenesisHash, NodeId, NodeSecrets, NodeSignatures};
use quorate_machine::event::Envelope;
use quorate_machine::wire::{DealMessage, DealStep, Message, SessionMessage, SessionStep};
use std::collections::BTreeMap;

/// Messages longer than this carry a matrix of the ECDSA engine.
const LONG: usize = 4_096;

/// About how many instances it remembers what was said.
const REMEMBERED: usize = 24;

/// What the liar heard that others would have decided, by instance.
#[derive(Debug, Default)]
pub(crate) struct Heard(BTreeMap<Instance, Said>);

#[derive(Debug, Default)]
struct Said {
    values: BTreeMap<Digest, Vec<u8>>,
    prevotes: BTreeMap<(u32, Digest), NodeSignatures>,
}

/// The liar's keys, and where it votes.
pub(crate) struct Liar<'a> {
    /// The domain.
    pub genesis: GenesisHash,
    /// Who lies.
    pub node: NodeId,
    /// Its keys.
    pub secrets: NodeSecrets,
    /// The charter as it knows it.
    pub state: &'a State,
    /// Keys of machines that lost their seats.
    pub former: Vec<(NodeId, NodeSecrets)>,
    /// What it heard.
    pub heard: &'a mut Heard,
}

impl Heard {
    /// Takes note of a frame that reaches the liar, or that it would have sent.
    pub fn note(&mut self, bytes: &[u8]) {
        let Ok(Message::Ballot(said)) = quorate_codec::from_bytes(bytes) else { return };
        if !self.0.contains_key(&said.instance()) && self.0.len() >= REMEMBERED {
            self.0.pop_first();
        }
        let of = self.0.entry(said.instance()).or_default();
        match said.body() {
            BallotBody::Proposal { value, .. } | BallotBody::Offer { value, .. } => {
                of.values.insert(digest_of(value), value.to_vec());
            }
            BallotBody::Prevote(Some(digest)) => {
                let votes = of.prevotes.entry((said.ballot(), *digest)).or_default();
                votes.insert(said.voter(), *said.signature());
            }
            BallotBody::Prevote(None) | BallotBody::Precommit(_) => {}
        }
    }
}

impl Liar<'_> {
    /// The frames that the liar sends in place of this one, and the lie that they are.
    pub fn twist(&mut self, envelope: &Envelope, dice: u8) -> (Vec<Vec<u8>>, Option<Fault>) {
        let honest = (vec![envelope.bytes.clone()], None);
        match quorate_codec::from_bytes(&envelope.bytes) {
            Ok(Message::Ballot(said)) if said.voter() == self.node => {
                self.heard.note(&envelope.bytes);
                let Some((other, fault)) = self.otherwise(&said, dice) else { return honest };
                let other = quorate_codec::to_bytes(&Message::Ballot(other));
                let both = vec![envelope.bytes.clone(), other.clone()];
                (if dice.is_multiple_of(2) { vec![other] } else { both }, Some(fault))
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

    /// Something else for the same slot: a vote for another value, or for none; another value, with
    /// whatever lock can be had for it.
    fn otherwise(
        &mut self,
        said: &SignedBallotMessage,
        dice: u8,
    ) -> Option<(SignedBallotMessage, Fault)> {
        let (instance, ballot) = (said.instance(), said.ballot());
        let digest = said.body().digest()?;
        let other = self.another(instance, digest).filter(|_| !dice.is_multiple_of(3));
        let fault = if other.is_some() { Fault::TwoValues } else { Fault::DoubleVote };
        let body = match (said.body().phase(), other) {
            (Phase::Prevote, other) => BallotBody::Prevote(other.map(|(digest, _)| digest)),
            (Phase::Precommit, other) => BallotBody::Precommit(other.map(|(digest, _)| digest)),
            (_, None) => return None,
            (Phase::Proposal, Some((digest, value))) => {
                let lock = self.lock_for(instance, ballot, digest);
                BallotBody::Proposal { value: value.into(), lock }
            }
            (Phase::Offer, Some((digest, value))) => {
                let lock = self.lock_for(instance, ballot, digest);
                BallotBody::Offer { value: value.into(), lock }
            }
        };
        Some((self.say(&self.secrets, self.node, instance, ballot, body), fault))
    }

    fn say(
        &self,
        secrets: &NodeSecrets,
        voter: NodeId,
        instance: Instance,
        ballot: u32,
        body: BallotBody,
    ) -> SignedBallotMessage {
        let sign = |tag, bytes: &[u8]| secrets.sign(tag, bytes);
        SignedBallotMessage::sign(self.genesis, instance, ballot, voter, body, &sign)
    }

    /// Another value than this one for an instance: one that it heard; of an attempt, that it gives
    /// it up.
    fn another(&mut self, instance: Instance, than: Digest) -> Option<(Digest, Vec<u8>)> {
        let void = self.void(instance);
        let said = self.heard.0.entry(instance).or_default();
        let is_other = |digest: &Digest| *digest != than;
        if !said.values.keys().any(is_other) {
            said.values.extend(void.map(|value| (digest_of(&value), value)));
        }
        let mut others = said.values.iter().filter(|(digest, _)| is_other(digest));
        others.next().map(|(digest, value)| (*digest, value.clone()))
    }

    /// The liar's own word that an attempt is given up.
    fn void(&self, instance: Instance) -> Option<Vec<u8>> {
        let Instance::Attempt { key, epoch, attempt, .. } = instance else { return None };
        let head = self.state.head();
        let step = DealStep::Abort { head };
        let said = (&self.genesis, key, epoch, attempt, None::<Digest>, &step);
        let signature = self.secrets.sign(tag::DEAL_MESSAGE, &quorate_codec::to_bytes(&said));
        let abort = AbortStatement { node: self.node, head, signature };
        Some(quorate_codec::to_bytes(&AttemptOutcome::Void { attempt, abort }))
    }

    /// The prevotes of a quorum for a value in an earlier ballot: those that it heard, its own, and
    /// those of former keys.
    fn lock_for(&self, instance: Instance, before: u32, digest: Digest) -> Option<Lock> {
        let quorum = self.state.electorate(&instance).ok()?.quorum();
        let said = self.heard.0.get(&instance)?;
        let own = (self.node, NodeSecrets::from_bytes(&self.secrets.to_bytes()).ok()?);
        let corrupt = || self.former.iter().chain([&own]);
        let locks = (0..before).rev().map(|ballot| {
            let mut prevotes = said.prevotes.get(&(ballot, digest)).cloned().unwrap_or_default();
            for (voter, secrets) in corrupt() {
                let body = BallotBody::Prevote(Some(digest));
                let vote = self.say(secrets, *voter, instance, ballot, body);
                prevotes.insert(*voter, *vote.signature());
            }
            Lock { ballot, prevotes }
        });
        locks.into_iter().find(|lock| lock.prevotes.iter().count() >= quorum)
    }
}

/// What votes carry in place of a value (AGR-02).
fn digest_of(value: &[u8]) -> Digest {
    Transcript::new(tag::DECISION_VALUE).part(value).digest()
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
