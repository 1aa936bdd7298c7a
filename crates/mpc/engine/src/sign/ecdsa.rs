//! Sessions of the ECDSA engine. Its first message is a fresh contribution to the context and
//! nothing else, or what a presignature committed to; the engine proper begins with the context.

use crate::presignature::Presigned;
use crate::round::by_sender;
use crate::sign::{Engine, Seat};
use crate::{
    Failure, Inbound, Outbound, Outcome, PairSetup, Presignature, Progress, Round, Seed, To,
};
use quorate_codec::Digest;
use quorate_ecdsa::EcdsaCurve;
use quorate_ecdsa::presign::{self, Decision, ExpectOpenings};
use quorate_ecdsa::sign::{
    self, Digests, ExpectCommitments, ExpectParts, ExpectProducts, Letters, Plan,
};
use quorate_identity::NodeId;
use quorate_pair::Setup;
use rand_core::RngCore;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const CONTRIBUTION_BYTES: usize = 32;

/// Everything that the engine will begin with.
struct Opened<C: EcdsaCurve> {
    seat: Seat<C>,
    quorum: BTreeSet<NodeId>,
    aim: Aim,
    pairs: BTreeMap<NodeId, Arc<Setup>>,
}

/// What a session is for.
pub(super) enum Aim {
    /// These are signed.
    Sign(Vec<[u8; 32]>),
    /// So many presignatures are made.
    Ahead(usize),
}

pub(super) fn open<C: Presigned>(
    seat: Seat<C>,
    quorum: &BTreeSet<NodeId>,
    aim: Aim,
    pairs: &BTreeMap<NodeId, Arc<PairSetup>>,
    seed: Seed,
) -> Result<(Box<dyn Engine>, Vec<u8>), Failure> {
    if quorum.len() < 2 {
        return Err(Failure::caller("an ECDSA session takes two nodes or more"));
    }
    let own = |peer: &NodeId| {
        let setup = pairs.get(peer).map(|setup| (*peer, Arc::clone(&setup.0)));
        setup.ok_or_else(|| Failure::caller("a pair of the quorum has no set-up"))
    };
    let pairs =
        quorum.iter().filter(|peer| **peer != seat.me).map(own).collect::<Result<_, _>>()?;
    let mut contribution = vec![0; CONTRIBUTION_BYTES];
    seed.rng().fill_bytes(&mut contribution);
    let opened = Opened { seat, quorum: quorum.clone(), aim, pairs };
    Ok((Box::new(opened), contribution))
}

impl<C: Presigned> Engine for Opened<C> {
    fn begin(
        self: Box<Self>,
        context: Digest,
        firsts: BTreeMap<NodeId, Vec<u8>>,
        seed: Seed,
    ) -> Result<Progress, Failure> {
        if let Some((sender, _)) = firsts.iter().find(|(_, b)| b.len() != CONTRIBUTION_BYTES) {
            return Err(Failure::peer(vec![*sender], "a malformed message"));
        }
        let Self { seat: Seat { me, share, public_key, .. }, quorum: parties, aim, pairs } = *self;
        let (binding, rng) = (context, &mut seed.rng());
        match aim {
            Aim::Sign(digests) => {
                let plan = Plan { binding, parties, me, share, public_key, pairs, digests };
                let (expect, letters) = quorate_ecdsa::sign::start(plan, rng)?;
                Ok(Progress::Next { round: Box::new(Commitments(expect)), outbound: post(letters) })
            }
            Aim::Ahead(count) => {
                let plan = presign::Plan { binding, parties, me, share, public_key, pairs, count };
                let (expect, letters) = presign::start(plan, rng)?;
                Ok(Progress::Next { round: Box::new(Commitments(expect)), outbound: post(letters) })
            }
        }
    }
}

/// Opens what presignatures committed to: they are used for these digests, and for nothing else.
pub(super) fn decide<C: Presigned>(
    seat: Seat<C>,
    quorum: &BTreeSet<NodeId>,
    digests: Vec<[u8; 32]>,
    presignatures: Vec<Presignature>,
) -> Result<(Box<dyn Engine>, Vec<u8>), Failure> {
    let of_curve = presignatures.into_iter().map(C::reveal).collect::<Option<Vec<_>>>();
    let presignatures =
        of_curve.ok_or_else(|| Failure::caller("a presignature of another curve"))?;
    let Seat { me, public_key, tweak, .. } = seat;
    let (state, opening) = presign::decide(Decision { presignatures, digests, tweak, public_key })?;
    let others = quorum.iter().filter(|node| **node != me);
    if !state.awaits().iter().eq(others) {
        return Err(Failure::caller("presignatures of another quorum"));
    }
    Ok((Box::new(Decided(state)), opening))
}

/// Presignatures are taken; the others' openings are awaited.
struct Decided<C: EcdsaCurve>(ExpectOpenings<C>);

impl<C: Presigned> Engine for Decided<C> {
    fn begin(
        self: Box<Self>,
        context: Digest,
        firsts: BTreeMap<NodeId, Vec<u8>>,
        seed: Seed,
    ) -> Result<Progress, Failure> {
        drop(seed);
        let (expect, bytes) = self.0.handle(context, &firsts)?;
        let outbound = vec![Outbound { to: To::All, bytes }];
        Ok(Progress::Next { round: Box::new(Parts(expect)), outbound })
    }
}

struct Commitments<C: EcdsaCurve, A: For<C>>(ExpectCommitments<C, A>);

struct Products<C: EcdsaCurve, A: For<C>>(ExpectProducts<C, A>);

struct Parts<C: EcdsaCurve>(ExpectParts<C>);

/// What comes of the second round, for each aim.
trait For<C: EcdsaCurve>: sign::Aim + Send + Sized + 'static {
    fn finish(expect: ExpectProducts<C, Self>, inbox: &Letters) -> Result<Progress, Failure>;
}

impl<C: EcdsaCurve> For<C> for Digests {
    fn finish(expect: ExpectProducts<C, Self>, inbox: &Letters) -> Result<Progress, Failure> {
        let (expect, bytes) = expect.handle(inbox)?;
        let outbound = vec![Outbound { to: To::All, bytes }];
        Ok(Progress::Next { round: Box::new(Parts(expect)), outbound })
    }
}

impl<C: Presigned> For<C> for presign::Ahead {
    fn finish(expect: ExpectProducts<C, Self>, inbox: &Letters) -> Result<Progress, Failure> {
        let made = expect.handle(inbox)?.into_iter().map(C::erase).collect();
        Ok(Progress::Done(Outcome::Presignatures(made)))
    }
}

impl<C: EcdsaCurve, A: For<C>> Round for Commitments<C, A> {
    fn awaits(&self) -> Vec<NodeId> {
        self.0.awaits()
    }

    fn advance(self: Box<Self>, inbox: Vec<Inbound>, seed: Seed) -> Result<Progress, Failure> {
        let (expect, letters) = self.0.handle(&by_sender(inbox)?, &mut seed.rng())?;
        Ok(Progress::Next { round: Box::new(Products(expect)), outbound: post(letters) })
    }
}

impl<C: EcdsaCurve, A: For<C>> Round for Products<C, A> {
    fn awaits(&self) -> Vec<NodeId> {
        self.0.awaits()
    }

    fn advance(self: Box<Self>, inbox: Vec<Inbound>, seed: Seed) -> Result<Progress, Failure> {
        drop(seed);
        A::finish(self.0, &by_sender(inbox)?)
    }
}

impl<C: EcdsaCurve> Round for Parts<C> {
    fn awaits(&self) -> Vec<NodeId> {
        self.0.awaits()
    }

    fn advance(self: Box<Self>, inbox: Vec<Inbound>, seed: Seed) -> Result<Progress, Failure> {
        drop(seed);
        let signatures = self.0.handle(&by_sender(inbox)?)?;
        Ok(Progress::Done(Outcome::Signatures(signatures.into_iter().map(Into::into).collect())))
    }
}

fn post(letters: Letters) -> Vec<Outbound> {
    letters.into_iter().map(|(to, bytes)| Outbound { to: To::One(to), bytes }).collect()
}
