//! The offline half of an import: what the members offer to whoever brings a key, and what comes
//! back. Values in, values out; see `spec/import.md`.
//!
//! ```text
//! members' plan and first messages ──► ImportOffer ──file──► deal, where the key is
//!            the same dealing goes on ◄── ImportAnswer ◄──file──
//! ```
//!
//! The importer is the one dealer of the ordinary dealing. It believes nobody: it has the charter
//! from the genesis on, whose hash its operator typed, and holds the plan, the members and their
//! signatures against it. Whoever carries the files can lose them, no more.

use crate::ceremonies::deal_bytes;
use crate::limits;
use crate::wire::{DealMessage, DealStep, ImportDealing};
use minicbor::{Decode, Encode};
use quorate_charter::{AttemptPlan, Imported, KeyOrder, State};
use quorate_codec::{Canonical, DecodeError, Digest, tag};
use quorate_engine::{
    self as engine, DealPlan, DealSource, Failure, Inbound, Outbound, Progress, Seed,
};
use quorate_identity::{ImporterSecret, Name, NodeId, NodeSignature};
use std::collections::{BTreeMap, BTreeSet};
use zeroize::Zeroizing;

/// What the members of an import hand to the importer. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ImportOffer {
    /// Version of this form: 1.
    #[n(0)]
    pub version: u8,
    /// The attempt.
    #[n(1)]
    pub plan: AttemptPlan,
    /// The first message of every member, ascending.
    #[n(2)]
    pub firsts: Vec<First>,
}

/// A member's first message in an import, with its signature. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct First {
    /// The member.
    #[n(0)]
    pub node: NodeId,
    /// The engine's message: the key under which the importer seals the member's shares.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
    /// The member's signature (CER-03).
    #[n(2)]
    pub signature: NodeSignature,
}

/// What the importer hands back: its messages, and those that it answered. Public: shares are
/// sealed for one member each.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ImportAnswer {
    /// Version of this form: 1.
    #[n(0)]
    pub version: u8,
    /// The first messages for which it was dealt.
    #[n(1)]
    pub firsts: Vec<First>,
    /// The importer's own messages.
    #[n(2)]
    pub dealing: ImportDealing,
}

/// Why nothing is dealt, or a dealing is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Not one of the forms here.
    #[error("not what a node hands out for an import: {0}")]
    Malformed(#[from] DecodeError),
    /// A form that this version does not know.
    #[error("a form of version {0} is not known here")]
    Version(u8),
    /// The charter orders no import of the key, or not any more.
    #[error("the charter does not order an import of this key")]
    NotOrdered,
    /// The charter names another importer, or another point.
    #[error("the charter names another {0} than this ceremony has")]
    Other(&'static str),
    /// The plan is not what the charter orders (IMP-05).
    #[error("the plan of the nodes is not what the charter orders: {0} differs")]
    Plan(&'static str),
    /// Not exactly one first message of every member (IMP-05).
    #[error("the offer does not hold one message of each of the nodes that will hold the key")]
    Members,
    /// A message is not its member's (IMP-05).
    #[error("the message in the name of {0} was not signed by it")]
    Forged(Name),
    /// A message is not the importer's (IMP-06).
    #[error("the dealing was not signed with the importer's key")]
    Importer,
    /// The dealing itself: among others, a secret that does not make the point.
    #[error("the dealing failed: {0}")]
    Engine(#[from] Failure),
}

impl ImportOffer {
    /// The version of this form.
    pub const VERSION: u8 = 1;

    /// Holds the offer against a charter that was verified from its genesis on: the plan is what
    /// the charter orders, and each member of its tree signed its own message for exactly this
    /// plan (IMP-05). Returns what the charter says of the key.
    ///
    /// # Errors
    /// [`ImportError`]: what differs, or whose message is forged.
    pub fn check<'a>(&self, state: &'a State) -> Result<(&'a KeyOrder, &'a Imported), ImportError> {
        if self.version != Self::VERSION {
            return Err(ImportError::Version(self.version));
        }
        let order = state.key(&self.plan.key).ok_or(ImportError::NotOrdered)?;
        let imported = order.imported().ok_or(ImportError::NotOrdered)?;
        self.check_plan(state, order)?;
        self.check_firsts(state)?;
        Ok((order, imported))
    }

    /// Everything of the plan that the charter alone tells.
    fn check_plan(&self, state: &State, order: &KeyOrder) -> Result<(), ImportError> {
        let plan = &self.plan;
        let goal = order.goal().ok_or(ImportError::NotOrdered)?;
        let sharing = goal.sharing.ok_or(ImportError::NotOrdered)?;
        let members: Vec<NodeId> = sharing.tree.parties().into_iter().collect();
        let parts = [
            (plan.version == AttemptPlan::VERSION, "its form"),
            (plan.genesis == state.genesis(), "the domain"),
            (plan.origin == order.origin, "the imported key"),
            (plan.scheme == order.scheme, "the scheme"),
            (plan.epoch == 0 && plan.previous == Digest::ZERO, "the epoch"),
            (plan.tree == sharing.tree, "who can sign"),
            (plan.faults == sharing.faults, "how many nodes may be lost"),
            (order.stands(&plan.order), "the order"),
            (plan.dealers.is_empty(), "who deals"),
            (plan.committee == members, "who receives shares"),
            (plan.incarnations.len() == members.len(), "who takes part"),
        ];
        match parts.into_iter().find(|(holds, _)| !holds) {
            Some((_, what)) => Err(ImportError::Plan(what)),
            None => Ok(()),
        }
    }

    fn check_firsts(&self, state: &State) -> Result<(), ImportError> {
        if !self.firsts.iter().map(|first| &first.node).eq(&self.plan.committee) {
            return Err(ImportError::Members);
        }
        for first in &self.firsts {
            let member = state.node(&first.node).ok_or(ImportError::Members)?;
            let message = first.message(&self.plan);
            let bytes = deal_bytes(&state.genesis(), &message);
            let verified = member.keys.verify(tag::DEAL_MESSAGE, &bytes, &first.signature);
            verified.map_err(|_| ImportError::Forged(member.name.clone()))?;
        }
        Ok(())
    }
}

impl First {
    /// The signed message that it was in the dealing of this plan.
    fn message(&self, plan: &AttemptPlan) -> DealMessage {
        DealMessage {
            key: plan.key,
            epoch: plan.epoch,
            attempt: plan.attempt,
            context: Some(plan.context()),
            step: DealStep::Round { number: 1, bytes: self.bytes.clone() },
            signature: self.signature,
        }
    }
}

/// Deals a key to those whom an offer names: both messages of the importer, signed (IMP-06). The
/// offer is checked first, whole. `seeds` are fresh, one for each message.
///
/// # Errors
/// [`ImportError`]; nothing was dealt.
pub fn deal(
    state: &State,
    offer: &ImportOffer,
    importer: &ImporterSecret,
    secret: Zeroizing<[u8; 32]>,
    seeds: [Seed; 2],
) -> Result<ImportAnswer, ImportError> {
    let (_, imported) = offer.check(state)?;
    if imported.importer != importer.public() {
        return Err(ImportError::Other("importer's key"));
    }
    let (plan, dealer) = (&offer.plan, imported.importer.dealer());
    let of = BTreeMap::from([(dealer, vec![imported.public.clone()])]);
    let source = DealSource::Summands { of, secrets: vec![secret] };
    let terms = DealPlan {
        ctx0: plan.context(),
        scheme: plan.scheme,
        tree: plan.tree.clone(),
        receivers: plan.members(),
        me: dealer,
        source,
    };
    let [first_seed, second_seed] = seeds;
    let (round, outbound) = engine::start_deal(terms, first_seed)?;
    let first = only(outbound)?;
    let from_members = offer
        .firsts
        .iter()
        .map(|member| Inbound { from: member.node, bytes: member.bytes.clone() });
    let mut inbox: Vec<Inbound> = from_members.collect();
    inbox.push(Inbound { from: dealer, bytes: first.clone() });
    let Progress::Next { outbound, .. } = round.advance(inbox, second_seed)? else {
        return Err(unexpected());
    };
    let second = only(outbound)?;
    let sign = |number: u8, bytes: Vec<u8>| {
        let mut message = DealMessage {
            key: plan.key,
            epoch: plan.epoch,
            attempt: plan.attempt,
            context: Some(plan.context()),
            step: DealStep::Round { number, bytes },
            signature: NodeSignature([0; 64]),
        };
        let bytes = deal_bytes(&state.genesis(), &message);
        message.signature = importer.sign(tag::DEAL_MESSAGE, &bytes);
        message
    };
    let dealing = ImportDealing { first: sign(1, first), second: sign(2, second) };
    Ok(ImportAnswer { version: ImportAnswer::VERSION, firsts: offer.firsts.clone(), dealing })
}

/// The one message of a step.
fn only(outbound: Vec<Outbound>) -> Result<Vec<u8>, ImportError> {
    match <[Outbound; 1]>::try_from(outbound) {
        Ok([message]) => Ok(message.bytes),
        Err(_) => Err(unexpected()),
    }
}

fn unexpected() -> ImportError {
    ImportError::Plan("the course of the dealing")
}

/// Whether a dealing is that of the importer whom the charter names for its key: both messages,
/// each in its place and signed with the one-time key (IMP-06). For which attempt, its context
/// says, and each member compares it with its own.
///
/// # Errors
/// [`ImportError`]; whoever passed it on made it up, or it is of another domain.
pub fn check_dealing(state: &State, dealing: &ImportDealing) -> Result<(), ImportError> {
    let ImportDealing { first, second } = dealing;
    let order = state.key(&first.key).ok_or(ImportError::NotOrdered)?;
    let imported = order.imported().ok_or(ImportError::NotOrdered)?;
    let place =
        |message: &DealMessage| (message.key, message.epoch, message.attempt, message.context);
    if place(first) != place(second) || first.epoch != 0 || first.context.is_none() {
        return Err(ImportError::Importer);
    }
    for (expected, message) in [(1, first), (2, second)] {
        let in_place = match &message.step {
            DealStep::Round { number, bytes } => {
                *number == expected && bytes.len() <= limits::DEAL_BYTES_MAX
            }
            DealStep::Prepared { .. }
            | DealStep::Abort { .. }
            | DealStep::Plan { .. }
            | DealStep::Complaint { .. }
            | DealStep::Shown { .. } => false,
        };
        let bytes = deal_bytes(&state.genesis(), message);
        let verified = imported.importer.verify(tag::DEAL_MESSAGE, &bytes, &message.signature);
        if !in_place || verified.is_err() {
            return Err(ImportError::Importer);
        }
    }
    Ok(())
}

impl ImportAnswer {
    /// The version of this form.
    pub const VERSION: u8 = 1;

    /// Members of whom the importer was shown another first message than `ours` has of them: they
    /// said two things in one attempt, or somebody made one up.
    pub(crate) fn differing(&self, ours: &[First]) -> BTreeSet<NodeId> {
        let theirs = self.firsts.iter();
        let differs = theirs
            .filter(|theirs| ours.iter().any(|ours| ours.node == theirs.node && ours != *theirs));
        differs.map(|first| first.node).collect()
    }
}

impl Canonical for ImportOffer {
    const BYTES_MAX: usize = 64 + AttemptPlan::BYTES_MAX + FIRSTS_BYTES_MAX;
}

impl Canonical for ImportAnswer {
    const BYTES_MAX: usize = 512 + FIRSTS_BYTES_MAX + 2 * limits::DEAL_BYTES_MAX;
}

/// First messages have a key for each dealer, so those of an import are short.
const FIRSTS_BYTES_MAX: usize = quorate_charter::limits::NODES_MAX * 512;
