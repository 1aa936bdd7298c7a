//! Drives all parties of a run in one process: for tests, fixtures and benchmarks. A product
//! never does this.

use crate::{Failure, Inbound, Outbound, Outcome, PairPlan, PairSetup, Prepared, Round, Seed};
use crate::{OpenPlan, Signature};
use quorate_access::Tree;
use quorate_codec::Digest;
use quorate_identity::{NodeId, Scheme};
use std::collections::BTreeMap;

/// Makes fresh seeds.
pub type Seeds<'a> = &'a mut dyn FnMut() -> Seed;

/// Runs all parties of a protocol to the end; gives everybody's outcome.
///
/// # Errors
/// The first failure of any party.
pub fn run(
    parties: BTreeMap<NodeId, (Box<dyn Round>, Vec<Outbound>)>,
    seeds: Seeds<'_>,
) -> Result<BTreeMap<NodeId, Outcome>, Failure> {
    let _ = (parties, seeds, std::marker::PhantomData::<Inbound>);
    todo!()
}

/// Generates a key over a tree.
///
/// # Errors
/// The first failure of any party.
pub fn keygen(
    scheme: Scheme,
    tree: &Tree<NodeId>,
    ctx0: Digest,
    seeds: Seeds<'_>,
) -> Result<BTreeMap<NodeId, Prepared>, Failure> {
    let _ = (scheme, tree, ctx0, seeds);
    todo!()
}

/// Sets up a pair.
///
/// # Errors
/// The first failure of either end.
pub fn pair(
    low: NodeId,
    high: NodeId,
    ctx: Digest,
    seeds: Seeds<'_>,
) -> Result<(PairSetup, PairSetup), Failure> {
    let _ = (PairPlan { ctx, me: low, peer: high }, seeds);
    todo!()
}

/// Runs a signing session; gives every party's signatures.
///
/// # Errors
/// The first failure of any party.
pub fn sign(
    plans: Vec<OpenPlan>,
    seeds: Seeds<'_>,
) -> Result<BTreeMap<NodeId, Vec<Signature>>, Failure> {
    let _ = (plans, seeds);
    todo!()
}
