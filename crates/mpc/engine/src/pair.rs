//! The set-up between two nodes, erased.

use crate::round::single;
use crate::{Failure, Inbound, Outbound, Outcome, Progress, Round, Seed, To};
use quorate_codec::Digest;
use quorate_identity::NodeId;
use quorate_pair::Setup;
use quorate_pair::setup::{self, Expect, Step};
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

/// Begins a set-up. Both ends call this with the same context. Everything random in it follows
/// from this seed.
///
/// # Errors
/// [`crate::Fault::Caller`]: a node has no set-up with itself.
pub fn start_pair_setup(
    plan: PairPlan,
    seed: Seed,
) -> Result<(Box<dyn Round>, Vec<Outbound>), Failure> {
    let PairPlan { ctx, me, peer } = plan;
    let plan = setup::Plan { context: ctx, me, peer };
    let (expect, message) =
        setup::start(plan, &mut seed.rng()).map_err(|error| Failure::of_setup(peer, error))?;
    Ok((Box::new(Waiting { peer, expect }), letter(peer, message)))
}

/// Any round of a set-up.
struct Waiting {
    peer: NodeId,
    expect: Box<dyn Expect>,
}

impl Round for Waiting {
    fn awaits(&self) -> Vec<NodeId> {
        vec![self.peer]
    }

    fn advance(self: Box<Self>, inbox: Vec<Inbound>, seed: Seed) -> Result<Progress, Failure> {
        drop(seed);
        let Self { peer, expect } = *self;
        let step =
            expect.handle(&single(inbox, peer)?).map_err(|error| Failure::of_setup(peer, error))?;
        Ok(match step {
            Step::Next(expect, message) => Progress::Next {
                round: Box::new(Self { peer, expect }),
                outbound: letter(peer, message),
            },
            Step::Done(setup) => Progress::Done(Outcome::Pair(PairSetup(Arc::new(*setup)))),
        })
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
        let damaged = |error: quorate_pair::PairError| Failure::machine(error.reason);
        Ok(Self(Arc::new(Setup::from_bytes(bytes).map_err(damaged)?)))
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
