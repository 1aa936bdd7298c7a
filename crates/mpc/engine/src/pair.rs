//! The set-up between two nodes, erased.

use crate::round::single;
use crate::{Failure, Inbound, Outbound, Outcome, Progress, Round, Seed, To};
use quorate_codec::Digest;
use quorate_ecdsa::pair::{ExpectOffer, ExpectReveal, Plan, Setup};
use quorate_identity::NodeId;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What a pair set-up is made for: one pair of nodes, all their ECDSA keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairPlan {
    /// Binds everything that both ends must agree on; both contributed fresh bytes to it.
    pub ctx: Digest,
    /// This node.
    pub me: NodeId,
    /// The other one.
    pub peer: NodeId,
}

/// One node's half of a pair set-up. Secret: wiped, never printed.
pub struct PairSetup(pub(crate) Arc<Setup>);

/// Begins a set-up. Both ends call this with the same context. The engine draws its own
/// randomness here (docs/adr/0003-ecdsa-engine.md); the seed is wiped unused.
///
/// # Errors
/// [`crate::Fault::Caller`]: a node has no set-up with itself.
pub fn start_pair_setup(
    plan: PairPlan,
    seed: Seed,
) -> Result<(Box<dyn Round>, Vec<Outbound>), Failure> {
    drop(seed);
    let PairPlan { ctx, me, peer } = plan;
    let (expect, message) = quorate_ecdsa::pair::start(Plan { context: ctx, me, peer })?;
    Ok((Box::new(Round1(expect)), letter(peer, message)))
}

struct Round1(ExpectOffer);

struct Round2(ExpectReveal);

impl Round for Round1 {
    fn awaits(&self) -> Vec<NodeId> {
        vec![self.0.awaits()]
    }

    fn advance(self: Box<Self>, inbox: Vec<Inbound>, seed: Seed) -> Result<Progress, Failure> {
        drop(seed);
        let peer = self.0.awaits();
        let (expect, message) = self.0.handle(&single(inbox, peer)?)?;
        Ok(Progress::Next { round: Box::new(Round2(expect)), outbound: letter(peer, message) })
    }
}

impl Round for Round2 {
    fn awaits(&self) -> Vec<NodeId> {
        vec![self.0.awaits()]
    }

    fn advance(self: Box<Self>, inbox: Vec<Inbound>, seed: Seed) -> Result<Progress, Failure> {
        drop(seed);
        let peer = self.0.awaits();
        let setup = self.0.handle(&single(inbox, peer)?)?;
        Ok(Progress::Done(Outcome::Pair(PairSetup(Arc::new(setup)))))
    }
}

impl PairSetup {
    /// The encoding, to be sealed. Secret.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        self.0.to_bytes()
    }

    /// The inverse of [`to_bytes`](Self::to_bytes).
    ///
    /// # Errors
    /// [`crate::Fault::Machine`]: the store is damaged or from another version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Failure> {
        Ok(Self(Arc::new(Setup::from_bytes(bytes)?)))
    }
}

fn letter(peer: NodeId, bytes: Vec<u8>) -> Vec<Outbound> {
    vec![Outbound { to: To::One(peer), bytes }]
}

impl fmt::Debug for PairSetup {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PairSetup(secret)")
    }
}
