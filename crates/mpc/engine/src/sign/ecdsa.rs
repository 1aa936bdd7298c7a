//! Sessions of the ECDSA engine. Its first message is a fresh contribution to the context and
//! nothing else; the engine proper begins with the context.

use crate::round::by_sender;
use crate::sign::{Engine, Seat};
use crate::{Failure, Inbound, Outbound, Outcome, PairSetup, Progress, Round, Seed, To};
use quorate_codec::Digest;
use quorate_ecdsa::EcdsaCurve;
use quorate_ecdsa::sign::{ExpectCommitments, ExpectParts, ExpectProducts, Letters, Plan};
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
    digests: Vec<[u8; 32]>,
    pairs: BTreeMap<NodeId, Arc<Setup>>,
}

pub(super) fn open<C: EcdsaCurve>(
    seat: Seat<C>,
    quorum: &BTreeSet<NodeId>,
    digests: Vec<[u8; 32]>,
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
    let opened = Opened { seat, quorum: quorum.clone(), digests, pairs };
    Ok((Box::new(opened), contribution))
}

impl<C: EcdsaCurve> Engine for Opened<C> {
    fn begin(
        self: Box<Self>,
        context: Digest,
        firsts: BTreeMap<NodeId, Vec<u8>>,
        seed: Seed,
    ) -> Result<Progress, Failure> {
        if let Some((sender, _)) = firsts.iter().find(|(_, b)| b.len() != CONTRIBUTION_BYTES) {
            return Err(Failure::peer(vec![*sender], "a malformed message"));
        }
        let plan = Plan {
            binding: context,
            parties: self.quorum,
            me: self.seat.me,
            share: self.seat.share,
            public_key: self.seat.public_key,
            pairs: self.pairs,
            digests: self.digests,
        };
        let (expect, letters) = quorate_ecdsa::sign::start(plan, &mut seed.rng())?;
        Ok(Progress::Next { round: Box::new(Commitments(expect)), outbound: post(letters) })
    }
}

struct Commitments<C: EcdsaCurve>(ExpectCommitments<C>);

struct Products<C: EcdsaCurve>(ExpectProducts<C>);

struct Parts<C: EcdsaCurve>(ExpectParts<C>);

impl<C: EcdsaCurve> Round for Commitments<C> {
    fn awaits(&self) -> Vec<NodeId> {
        self.0.awaits()
    }

    fn advance(self: Box<Self>, inbox: Vec<Inbound>, seed: Seed) -> Result<Progress, Failure> {
        let (expect, letters) = self.0.handle(&by_sender(inbox)?, &mut seed.rng())?;
        Ok(Progress::Next { round: Box::new(Products(expect)), outbound: post(letters) })
    }
}

impl<C: EcdsaCurve> Round for Products<C> {
    fn awaits(&self) -> Vec<NodeId> {
        self.0.awaits()
    }

    fn advance(self: Box<Self>, inbox: Vec<Inbound>, seed: Seed) -> Result<Progress, Failure> {
        drop(seed);
        let (expect, bytes) = self.0.handle(&by_sender(inbox)?)?;
        let outbound = vec![Outbound { to: To::All, bytes }];
        Ok(Progress::Next { round: Box::new(Parts(expect)), outbound })
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
