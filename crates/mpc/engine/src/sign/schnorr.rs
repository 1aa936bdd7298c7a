//! Sessions of the Schnorr engine.

use crate::quorum::Quorum;
use crate::round::by_sender;
use crate::sign::{Engine, Seat};
use crate::{Failure, Inbound, Outbound, Outcome, Progress, Round, Seed, To, Tweak};
use quorate_codec::Digest;
use quorate_identity::NodeId;
use quorate_schnorr::{ExpectCommitments, ExpectShares, Plan, Suite};
use std::collections::BTreeMap;

pub(super) fn open<S: Suite>(
    seat: Seat<S::Curve>,
    quorum: &Quorum<S::Curve>,
    tweak: Tweak,
    messages: Vec<&[u8]>,
    seed: Seed,
) -> Result<(Box<dyn Engine>, Vec<u8>), Failure>
where
    ExpectCommitments<S>: Send,
    ExpectShares<S>: Send,
{
    let plan = Plan::<S> {
        terms: seat.bound,
        me: seat.me,
        share: seat.share,
        public_shares: quorum.public_summands.clone(),
        public_key: seat.public_key,
        tweak: tweak.schnorr(),
        messages: messages.into_iter().map(<[u8]>::to_vec).collect(),
    };
    let (expect, first) = quorate_schnorr::open(plan, &mut seed.rng())?;
    Ok((Box::new(Opened(expect)), first))
}

struct Opened<S: Suite>(ExpectCommitments<S>);

impl<S: Suite> Engine for Opened<S>
where
    ExpectCommitments<S>: Send,
    ExpectShares<S>: Send,
{
    fn begin(
        self: Box<Self>,
        context: Digest,
        firsts: BTreeMap<NodeId, Vec<u8>>,
        seed: Seed,
    ) -> Result<Progress, Failure> {
        drop(seed);
        let (expect, bytes) = self.0.handle(context, &firsts)?;
        let outbound = vec![Outbound { to: To::All, bytes }];
        Ok(Progress::Next { round: Box::new(Shares(expect)), outbound })
    }
}

struct Shares<S: Suite>(ExpectShares<S>);

impl<S: Suite> Round for Shares<S>
where
    ExpectShares<S>: Send,
{
    fn awaits(&self) -> Vec<NodeId> {
        self.0.awaits()
    }

    fn advance(self: Box<Self>, inbox: Vec<Inbound>, seed: Seed) -> Result<Progress, Failure> {
        drop(seed);
        let signatures = self.0.handle(&by_sender(inbox)?)?;
        Ok(Progress::Done(Outcome::Signatures(signatures.into_iter().map(Into::into).collect())))
    }
}
