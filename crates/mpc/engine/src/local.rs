//! Drives all parties of a run in one process: for tests, fixtures and benchmarks. A product
//! never does this: no single machine may know what one of these functions knows.

use crate::{
    AheadPlan, DealPlan, DealSource, Failure, Fault, Inbound, KeyPublic, KeyShare, OpenPlan,
    Opening, Outbound, Outcome, PairPlan, PairSetup, PreparedKey, PreparedKeys, Presignature,
    Progress, Round, Seed, Signature, To, open, open_ahead, start_deal, start_pair_setup,
};
use quorate_access::Tree;
use quorate_codec::{Digest, Transcript, tag};
use quorate_identity::{NodeId, Scheme};
use std::collections::BTreeMap;

/// Makes fresh seeds.
pub type Seeds<'a> = &'a mut dyn FnMut() -> Seed;

/// Seeds that follow from a number: every run of a test is the same.
pub fn seeds(number: u64) -> impl FnMut() -> Seed {
    let mut count = 0_u64;
    move || {
        count += 1;
        Seed::new(Transcript::new(tag::TEST).number(number).number(count).digest().0)
    }
}

/// A party of a run: the round it waits in, and what it has to send.
pub type Party = (Box<dyn Round>, Vec<Outbound>);

/// A failure, and at which party it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalFailure {
    /// Who saw it.
    pub at: NodeId,
    /// What was seen.
    pub failure: Box<Failure>,
}

/// What a listener does with messages on their way: (number of the round from 1, from, to,
/// bytes).
pub type Wire<'a> = &'a mut dyn FnMut(u8, NodeId, NodeId, &mut Vec<u8>);

/// Runs all parties of a protocol to the end; gives everybody's outcome.
///
/// # Errors
/// The failure of the first party, in order of ids, that has one.
pub fn run(
    parties: BTreeMap<NodeId, Party>,
    seeds: Seeds<'_>,
) -> Result<BTreeMap<NodeId, Outcome>, LocalFailure> {
    run_over(parties, seeds, &mut |_, _, _, _| {})
}

/// Like [`run`], with messages that can be rewritten on their way.
///
/// # Errors
/// The failure of the first party, in order of ids, that has one.
pub fn run_over(
    mut parties: BTreeMap<NodeId, Party>,
    seeds: Seeds<'_>,
    wire: Wire<'_>,
) -> Result<BTreeMap<NodeId, Outcome>, LocalFailure> {
    let mut outcomes = BTreeMap::new();
    for number in 1..=u8::MAX {
        if parties.is_empty() {
            break;
        }
        let mut inboxes = deliver(number, &parties, wire);
        let mut next = BTreeMap::new();
        for (me, (round, _)) in parties {
            let inbox = inboxes.remove(&me).unwrap_or_default();
            match round
                .advance(inbox, seeds())
                .map_err(|failure| LocalFailure { at: me, failure: failure.into() })?
            {
                Progress::Next { round, outbound } => drop(next.insert(me, (round, outbound))),
                Progress::Done(outcome) => drop(outcomes.insert(me, outcome)),
            }
        }
        parties = next;
    }
    Ok(outcomes)
}

/// One new key.
pub struct Prepared {
    /// The public half of the key.
    pub public: KeyPublic,
    /// This node's shares. Secret.
    pub share: KeyShare,
    /// Hash of everything that was said in the run.
    pub transcript: Digest,
    /// The chain code of the key.
    pub chain_code: Digest,
    /// Proofs that this node knows each of its final shares.
    pub leaf_proofs: Vec<u8>,
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
) -> Result<BTreeMap<NodeId, Prepared>, LocalFailure> {
    let receivers = tree.parties();
    let plan = |me: &NodeId| DealPlan {
        ctx0,
        scheme,
        tree: tree.clone(),
        receivers: receivers.clone(),
        me: *me,
        source: DealSource::Fresh { count: 1 },
    };
    let dealt = deal(receivers.iter().map(plan).collect(), seeds)?;
    // Who takes part in a key generation holds all of it.
    Ok(dealt.into_iter().filter_map(|(me, keys)| Some((me, one(keys)?))).collect())
}

fn one(dealt: PreparedKeys) -> Option<Prepared> {
    let PreparedKeys { mut keys, transcript, leaf_proofs, .. } = dealt;
    let PreparedKey { public, share, chain_code } = keys.pop()?;
    let (share, chain_code, leaf_proofs) = (share?, chain_code?, leaf_proofs?);
    Some(Prepared { public, share, transcript, chain_code, leaf_proofs })
}

/// Runs a dealing of any kind: one plan for each participant.
///
/// # Errors
/// The first failure of any participant.
pub fn deal(
    plans: Vec<DealPlan>,
    seeds: Seeds<'_>,
) -> Result<BTreeMap<NodeId, PreparedKeys>, LocalFailure> {
    deal_over(plans, seeds, &mut |_, _, _, _| {})
}

/// Like [`deal`], with messages that can be rewritten on their way.
///
/// # Errors
/// The failure of the first participant, in order of ids, that has one.
pub fn deal_over(
    plans: Vec<DealPlan>,
    seeds: Seeds<'_>,
    wire: Wire<'_>,
) -> Result<BTreeMap<NodeId, PreparedKeys>, LocalFailure> {
    let mut parties = BTreeMap::new();
    for plan in plans {
        let me = plan.me;
        parties.insert(me, started(me, start_deal(plan, seeds()))?);
    }
    let dealt =
        run_over(parties, seeds, wire)?.into_iter().filter_map(|(me, outcome)| match outcome {
            Outcome::Dealt(keys) => Some((me, *keys)),
            _ => None,
        });
    Ok(dealt.collect())
}

/// Sets up a pair: the halves of `low` and of `high`.
///
/// # Errors
/// The first failure of either end.
pub fn pair(
    low: NodeId,
    high: NodeId,
    ctx: Digest,
    seeds: Seeds<'_>,
) -> Result<(PairSetup, PairSetup), LocalFailure> {
    let mut parties = BTreeMap::new();
    for (me, peer) in [(low, high), (high, low)] {
        parties.insert(me, started(me, start_pair_setup(PairPlan { ctx, me, peer }, seeds()))?);
    }
    let mut outcomes = run(parties, seeds)?;
    match (outcomes.remove(&low), outcomes.remove(&high)) {
        (Some(Outcome::Pair(at_low)), Some(Outcome::Pair(at_high))) => Ok((at_low, at_high)),
        _ => Err(LocalFailure { at: low, failure: Failure::machine("a run ended early").into() }),
    }
}

/// Runs a signing session; gives every party's signatures.
///
/// # Errors
/// The first failure of any party.
pub fn sign(
    plans: Vec<OpenPlan>,
    seeds: Seeds<'_>,
) -> Result<BTreeMap<NodeId, Vec<Signature>>, LocalFailure> {
    sign_over(plans, seeds, &mut |_, _, _, _| {})
}

/// Like [`sign`], with messages that can be rewritten on their way. The first messages are round
/// 0 and rewritten for all alike, because the context, which is made here, covers them.
///
/// # Errors
/// The failure of the first party, in order of ids, that has one.
pub fn sign_over(
    plans: Vec<OpenPlan>,
    seeds: Seeds<'_>,
    wire: Wire<'_>,
) -> Result<BTreeMap<NodeId, Vec<Signature>>, LocalFailure> {
    let opened = plans.into_iter().map(|plan| (plan.me, open(plan, seeds())));
    let signed = session(opened.collect(), seeds, wire)?.into_iter();
    let signatures = |(me, outcome)| match outcome {
        Outcome::Signatures(signatures) => Some((me, signatures)),
        _ => None,
    };
    Ok(signed.filter_map(signatures).collect())
}

/// Makes presignatures.
///
/// # Errors
/// The failure of the first party, in order of ids, that has one.
pub fn presign(
    plans: Vec<AheadPlan>,
    seeds: Seeds<'_>,
) -> Result<BTreeMap<NodeId, Vec<Presignature>>, LocalFailure> {
    let opened = plans.into_iter().map(|plan| (plan.me, open_ahead(plan, seeds())));
    let made = session(opened.collect(), seeds, &mut |_, _, _, _| {})?.into_iter();
    let presignatures = |(me, outcome)| match outcome {
        Outcome::Presignatures(made) => Some((me, made)),
        _ => None,
    };
    Ok(made.filter_map(presignatures).collect())
}

/// What came of opening a session at one node.
type Opened = Result<(Opening, Vec<u8>), Failure>;

fn session(
    opened: Vec<(NodeId, Opened)>,
    seeds: Seeds<'_>,
    wire: Wire<'_>,
) -> Result<BTreeMap<NodeId, Outcome>, LocalFailure> {
    let mut openings: BTreeMap<NodeId, Opening> = BTreeMap::new();
    let mut firsts: BTreeMap<NodeId, Vec<u8>> = BTreeMap::new();
    for (me, opened) in opened {
        let (opening, mut first) =
            opened.map_err(|failure| LocalFailure { at: me, failure: failure.into() })?;
        wire(0, me, me, &mut first);
        openings.insert(me, opening);
        firsts.insert(me, first);
    }
    let context = Transcript::new(tag::SESSION_ID).list(firsts.values()).digest();
    let mut parties = BTreeMap::new();
    for (me, opening) in openings {
        let others = firsts.iter().filter(|(node, _)| **node != me);
        let inbox = others.map(|(from, bytes)| Inbound { from: *from, bytes: bytes.clone() });
        let begun = opening.begin(context, inbox.collect(), seeds());
        match begun.map_err(|failure| LocalFailure { at: me, failure: failure.into() })? {
            Progress::Next { round, outbound } => drop(parties.insert(me, (round, outbound))),
            Progress::Done(_) => {}
        }
    }
    run_over(parties, seeds, wire)
}

fn started(me: NodeId, start: Result<Party, Failure>) -> Result<Party, LocalFailure> {
    start.map_err(|failure| LocalFailure { at: me, failure: failure.into() })
}

/// Everybody's inbox: exactly the messages of those that a round awaits.
fn deliver(
    number: u8,
    parties: &BTreeMap<NodeId, Party>,
    wire: Wire<'_>,
) -> BTreeMap<NodeId, Vec<Inbound>> {
    let mut inboxes: BTreeMap<NodeId, Vec<Inbound>> = BTreeMap::new();
    for (me, (round, _)) in parties {
        for from in round.awaits() {
            let sent = parties.get(&from).map(|(_, outbound)| outbound.as_slice());
            for message in sent.unwrap_or_default() {
                if message.to == To::All || message.to == To::One(*me) {
                    let mut bytes = message.bytes.clone();
                    wire(number, from, *me, &mut bytes);
                    inboxes.entry(*me).or_default().push(Inbound { from, bytes });
                }
            }
        }
    }
    inboxes
}

impl LocalFailure {
    /// The nodes that are accused, if it is peers' fault.
    pub fn culprits(&self) -> Option<&[NodeId]> {
        match &self.failure.fault {
            Fault::Peer { culprits } => Some(culprits),
            Fault::Caller | Fault::Machine => None,
        }
    }
}

impl std::fmt::Display for LocalFailure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "at {}: {}", self.at, self.failure)
    }
}

impl std::error::Error for LocalFailure {}
