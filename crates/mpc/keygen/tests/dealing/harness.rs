//! All members of a dealing in one process, and one that may lie.

use quorate_access::Tree;
use quorate_codec::{Digest, Transcript, from_bytes, tag, to_bytes};
use quorate_curve::Curve;
use quorate_identity::NodeId;
use quorate_keygen::{
    DealError, Dealt, ExpectRound1, ExpectRound2, Message1, Message2, Plan, start,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeMap;

/// The node that the number stands for; ids ascend with numbers.
pub fn node(number: u8) -> NodeId {
    NodeId(Digest([number; 32]))
}

/// A tree over numbered nodes.
pub fn tree(notation: &str) -> Tree<NodeId> {
    let tree: Tree<u8> = notation.parse().unwrap();
    tree.map(|number| node(*number))
}

/// The context of a test, or of another run of it.
pub fn context(number: u8) -> Digest {
    Digest([0xc0 ^ number; 32])
}

/// Every message of one round: what each member received from each.
pub type Inboxes = BTreeMap<NodeId, BTreeMap<NodeId, Vec<u8>>>;

/// How every member fared.
pub type Results<T> = BTreeMap<NodeId, Result<T, DealError>>;

/// A whole dealing, stopped at each round so that messages can be changed on their way.
pub struct Deal<C: Curve> {
    /// What everybody agrees on.
    pub plans: BTreeMap<NodeId, Plan>,
    rngs: BTreeMap<NodeId, ChaCha20Rng>,
    firsts: BTreeMap<NodeId, ExpectRound1<C>>,
    seconds: BTreeMap<NodeId, ExpectRound2<C>>,
}

impl<C: Curve> Deal<C> {
    /// Members with randomness of their own.
    pub fn begin(notation: &str) -> (Self, Inboxes) {
        Self::begin_with(notation, context(0), u64::from)
    }

    /// Members whose randomness follows from `seed`.
    pub fn begin_with(notation: &str, ctx0: Digest, seed: impl Fn(u8) -> u64) -> (Self, Inboxes) {
        let tree = tree(notation);
        let plan = |me| Plan { ctx0, tree: tree.clone(), me };
        Self::begin_plans(tree.parties().into_iter().map(|me| (me, plan(me))).collect(), seed)
    }

    /// Members that may disagree about the plan.
    pub fn begin_plans(plans: BTreeMap<NodeId, Plan>, seed: impl Fn(u8) -> u64) -> (Self, Inboxes) {
        let mut deal = Self {
            plans: plans.clone(),
            rngs: BTreeMap::new(),
            firsts: BTreeMap::new(),
            seconds: BTreeMap::new(),
        };
        let mut sent = BTreeMap::new();
        for (me, plan) in plans {
            let mut rng = ChaCha20Rng::seed_from_u64(seed(me.0.0[0]));
            let (round, message) = start::<C>(plan, &mut rng).unwrap();
            deal.rngs.insert(me, rng);
            deal.firsts.insert(me, round);
            sent.insert(me, message);
        }
        let inboxes = deal.delivered(&sent);
        (deal, inboxes)
    }

    /// Everybody handles its first round. Members that end there send nothing more.
    pub fn round1(&mut self, inboxes: Inboxes) -> Results<Vec<u8>> {
        let mut results = BTreeMap::new();
        for (me, round) in std::mem::take(&mut self.firsts) {
            let rng = self.rngs.get_mut(&me).unwrap();
            let result = round.handle(inboxes[&me].clone(), rng).map(|(next, message)| {
                self.seconds.insert(me, next);
                message
            });
            results.insert(me, result);
        }
        results
    }

    /// The inboxes of the second round, where everybody finished the first.
    pub fn deliver(&self, results: Results<Vec<u8>>) -> Inboxes {
        self.delivered(&results.into_iter().map(|(from, sent)| (from, sent.unwrap())).collect())
    }

    /// Everybody handles its second round.
    pub fn round2(&mut self, inboxes: Inboxes) -> Results<Dealt<C>> {
        let mut results = BTreeMap::new();
        for (me, round) in std::mem::take(&mut self.seconds) {
            let rng = self.rngs.get_mut(&me).unwrap();
            results.insert(me, round.handle(inboxes[&me].clone(), rng));
        }
        results
    }

    /// Everybody honest to the end.
    pub fn honest(notation: &str) -> BTreeMap<NodeId, Dealt<C>> {
        let (mut deal, inboxes) = Self::begin(notation);
        let sent = deal.round1(inboxes);
        let inboxes = deal.deliver(sent);
        let results = deal.round2(inboxes);
        results.into_iter().map(|(me, result)| (me, result.unwrap())).collect()
    }

    fn delivered(&self, sent: &BTreeMap<NodeId, Vec<u8>>) -> Inboxes {
        self.plans.keys().map(|to| (*to, sent.clone())).collect()
    }
}

/// Runs a dealing in which `liar` rewrites what others receive from it: `first` and `second` get
/// the receiver and the honest message. Returns how the others fared.
pub fn with_liar<C: Curve>(
    notation: &str,
    liar_number: u8,
    first: impl Fn(NodeId, &mut Message1),
    second: impl Fn(NodeId, &mut Message2),
) -> Results<()> {
    let liar = node(liar_number);
    let (mut deal, mut inboxes) = Deal::<C>::begin(notation);
    rewrite(&mut inboxes, liar, first);
    let sent = deal.round1(inboxes);
    if sent.values().any(Result::is_err) {
        return others(sent, liar_number);
    }
    let mut inboxes = deal.deliver(sent);
    rewrite(&mut inboxes, liar, second);
    others(deal.round2(inboxes), liar_number)
}

/// Runs a dealing in which `liar` knows the others' second messages before it commits, and
/// reveals what `plan` makes of them: `plan` gets all honest messages and changes its own one.
/// The liar's commitment and echo fit its lie, its proof of possession is the one that
/// `proof_of` made in this run. Returns how the others fared.
pub fn with_foresight<C: Curve>(
    notation: &str,
    liar: u8,
    plan: impl Fn(&BTreeMap<NodeId, Message2>, &mut Message2),
    proof_of: u8,
) -> Results<()> {
    let second =
        |sent: &Result<Vec<u8>, _>| from_bytes::<Message2>(sent.as_ref().unwrap()).unwrap();
    let (mut deal, inboxes) = Deal::<C>::begin(notation);
    let sent = deal.round1(inboxes);
    let foreseen: BTreeMap<_, _> = sent.iter().map(|(from, sent)| (*from, second(sent))).collect();
    let mut lie = foreseen[&node(liar)].clone();
    plan(&foreseen, &mut lie);

    let (mut deal, mut inboxes) = Deal::<C>::begin(notation);
    rewrite(&mut inboxes, node(liar), |_, first: &mut Message1| {
        first.commitment = Transcript::new(tag::DEAL_COMMIT)
            .part(context(0))
            .part(node(liar))
            .part(first.sid)
            .part(first.seal_key.0)
            .list(lie.commitments.iter().map(|point| point.as_slice()))
            .part(lie.opening)
            .digest();
    });
    let sent = deal.round1(inboxes);
    lie.echo =
        sent.iter().find(|(me, _)| **me != node(liar)).map(|(_, sent)| second(sent).echo).unwrap();
    lie.proof = second(&sent[&node(proof_of)]).proof;
    let mut inboxes = deal.deliver(sent);
    rewrite(&mut inboxes, node(liar), |_, second: &mut Message2| *second = lie.clone());
    others(deal.round2(inboxes), liar)
}

/// How everybody but the liar fared.
pub fn others<T>(results: Results<T>, liar: u8) -> Results<()> {
    let others = results.into_iter().filter(|(me, _)| *me != node(liar));
    others.map(|(me, result)| (me, result.map(drop))).collect()
}

/// Changes a message of `from` for every receiver but itself.
pub fn rewrite<M>(inboxes: &mut Inboxes, from: NodeId, change: impl Fn(NodeId, &mut M))
where
    M: quorate_codec::Canonical,
{
    for (to, inbox) in inboxes.iter_mut().filter(|(to, _)| **to != from) {
        let bytes = inbox.get_mut(&from).unwrap();
        let mut message: M = from_bytes(bytes).unwrap();
        change(*to, &mut message);
        *bytes = to_bytes(&message);
    }
}

/// Everybody ended with exactly these culprits and this kind of reason.
pub fn all_accuse(
    results: &Results<()>,
    culprits: &[u8],
    kind: impl Fn(&quorate_keygen::DealFault) -> bool,
) {
    assert!(!results.is_empty());
    for (me, result) in results {
        let error = result.as_ref().expect_err("the dealing must end");
        let expected: Vec<NodeId> = culprits.iter().map(|number| node(*number)).collect();
        assert_eq!(error.culprits, expected, "{me}: {error}");
        assert!(kind(&error.reason), "{me}: {error}");
        assert!(!error.is_callers());
    }
}
