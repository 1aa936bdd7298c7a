//! All participants of a dealing in one process, and one that may lie.

use quorate_access::Tree;
use quorate_codec::{Digest, Transcript, from_bytes, tag, to_bytes};
use quorate_curve::{Curve, NonIdentity, Point, SecretScalar};
use quorate_identity::NodeId;
use quorate_keygen::{
    DealError, Dealt, ExpectRound1, ExpectRound2, Holding, Knowledge, LeafStatements, Message1,
    Message2, Plan, Source, Terms, start,
};
use quorate_sharing::{Commitments, LeafShares, Polynomial};
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

/// The terms of a dealing from which nobody is absent.
pub fn terms<C: Curve>(tree: Tree<NodeId>, source: Source<C>) -> Terms<C> {
    Terms { ctx0: context(0), receivers: tree.parties(), tree, source }
}

/// The terms of a key generation.
pub fn fresh<C: Curve>(notation: &str, count: usize) -> Terms<C> {
    terms(tree(notation), Source::Fresh { count })
}

/// The plan of every participant that brings nothing along.
pub fn plans<C: Curve>(terms: &Terms<C>) -> Vec<Plan<C>> {
    let plan = |me| Plan { terms: terms.clone(), me, holding: Holding::Nothing };
    terms.participants().into_iter().map(plan).collect()
}

/// Keys that exist: what everybody knows of them, and what each party holds.
pub struct Keys<C: Curve> {
    pub tree: Tree<NodeId>,
    pub commitments: Vec<Commitments<C>>,
    pub shares: BTreeMap<NodeId, Vec<LeafShares<C>>>,
}

impl<C: Curve> Keys<C> {
    /// Keys that somebody trusted dealt.
    pub fn new(notation: &str, count: usize) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(77);
        let tree = tree(notation);
        let polynomials: Vec<Polynomial<C>> =
            (0..count).map(|_| Polynomial::random(&tree, &mut rng)).collect();
        let shares = |party: NodeId| {
            let of = |polynomial: &Polynomial<C>| -> LeafShares<C> {
                let own = tree.rows().into_iter().filter(|row| *row.party == party);
                own.map(|row| (row.leaf, polynomial.share(&row).unwrap())).collect()
            };
            (party, polynomials.iter().map(of).collect())
        };
        let shares = tree.parties().into_iter().map(shares).collect();
        let commitments = polynomials.iter().map(|all| all.commit().unwrap()).collect();
        Self { tree, commitments, shares }
    }

    /// The keys that a dealing over `tree` made.
    pub fn dealt(tree: Tree<NodeId>, dealt: BTreeMap<NodeId, Dealt<C>>) -> Self {
        let keys = &dealt.values().next().unwrap().keys;
        let commitments = keys.iter().map(|key| key.commitments.clone()).collect();
        let held = dealt
            .into_iter()
            .map(|(me, dealt)| (me, dealt.keys.into_iter().map(|key| key.shares).collect()));
        let held = held.filter(|(me, _)| tree.parties().contains(me));
        Self { shares: held.collect(), tree, commitments }
    }

    pub fn publics(&self) -> Vec<Point<C>> {
        self.commitments.iter().map(Commitments::constant).collect()
    }

    /// What `party` holds, copied: only tests have shares twice.
    pub fn held(&self, party: &NodeId) -> Vec<LeafShares<C>> {
        let copy = |shares: &LeafShares<C>| -> LeafShares<C> {
            shares.iter().map(|(leaf, share)| (leaf, share.plus(&SecretScalar::zero()))).collect()
        };
        self.shares[party].iter().map(copy).collect()
    }

    /// The terms under which `dealers` deal the keys over another tree.
    pub fn terms(&self, dealers: &[u8], notation: &str) -> Terms<C> {
        let dealers = dealers.iter().map(|number| node(*number)).collect();
        let (old, from) = (self.commitments.clone(), self.tree.clone());
        let source = Source::Shared { tree: from, dealers, old };
        terms(tree(notation), source)
    }

    /// The same while parties of that tree are absent.
    pub fn terms_without(&self, dealers: &[u8], notation: &str, absent: &[u8]) -> Terms<C> {
        let mut terms = self.terms(dealers, notation);
        terms.receivers.retain(|party| absent.iter().all(|number| *party != node(*number)));
        terms
    }

    /// The plan of every participant of such a dealing.
    pub fn plans(&self, terms: &Terms<C>) -> Vec<Plan<C>> {
        let dealers = terms.dealers();
        let mut plans = plans(terms);
        for plan in plans.iter_mut().filter(|plan| dealers.contains(&plan.me)) {
            plan.holding = Holding::Shares(self.held(&plan.me));
        }
        plans
    }
}

/// The plans of an import of `count` keys by `dealer`.
pub fn import<C: Curve>(dealer: u8, count: usize, notation: &str) -> Vec<Plan<C>> {
    let mut rng = ChaCha20Rng::seed_from_u64(78);
    let secrets: Vec<SecretScalar<C>> =
        (0..count).map(|_| SecretScalar::random(&mut rng)).collect();
    let publics: Vec<NonIdentity<C>> =
        secrets.iter().map(|secret| secret.commit().non_identity().unwrap()).collect();
    let source = Source::Summands { of: BTreeMap::from([(node(dealer), publics)]) };
    let mut plans = plans(&terms(tree(notation), source));
    plans.iter_mut().find(|plan| plan.me == node(dealer)).unwrap().holding =
        Holding::Secrets(secrets);
    plans
}

/// The plans of a restore of `count` keys, of which each dealer has a summand.
pub fn restore<C: Curve>(dealers: &[u8], count: usize, notation: &str) -> Vec<Plan<C>> {
    let mut rng = ChaCha20Rng::seed_from_u64(79);
    let mut held: BTreeMap<NodeId, Vec<SecretScalar<C>>> = BTreeMap::new();
    for dealer in dealers {
        let secrets = (0..count).map(|_| SecretScalar::random(&mut rng)).collect();
        held.insert(node(*dealer), secrets);
    }
    let points = |secrets: &Vec<SecretScalar<C>>| {
        secrets.iter().map(|secret| secret.commit().non_identity().unwrap()).collect()
    };
    let of = held.iter().map(|(dealer, secrets)| (*dealer, points(secrets))).collect();
    let mut plans = plans(&terms(tree(notation), Source::Summands { of }));
    for plan in &mut plans {
        if let Some(secrets) = held.remove(&plan.me) {
            plan.holding = Holding::Secrets(secrets);
        }
    }
    plans
}

/// Every message of one round: what each participant received from each.
pub type Inboxes = BTreeMap<NodeId, BTreeMap<NodeId, Vec<u8>>>;

/// How every participant fared.
pub type Results<T> = BTreeMap<NodeId, Result<T, DealError>>;

/// A whole dealing, stopped at each round so that messages can be changed on their way.
pub struct Deal<C: Curve> {
    /// Who takes part.
    pub members: Vec<NodeId>,
    rngs: BTreeMap<NodeId, ChaCha20Rng>,
    firsts: BTreeMap<NodeId, ExpectRound1<C>>,
    seconds: BTreeMap<NodeId, ExpectRound2<C>>,
}

impl<C: Curve> Deal<C> {
    /// A key generation by members with randomness of their own.
    pub fn begin(notation: &str) -> (Self, Inboxes) {
        Self::begin_with(notation, context(0), u64::from)
    }

    /// A key generation by members whose randomness follows from `seed`.
    pub fn begin_with(notation: &str, ctx0: Digest, seed: impl Fn(u8) -> u64) -> (Self, Inboxes) {
        Self::begin_plans(plans(&Terms { ctx0, ..fresh(notation, 1) }), seed)
    }

    /// Participants that may disagree about the terms.
    pub fn begin_plans(plans: Vec<Plan<C>>, seed: impl Fn(u8) -> u64) -> (Self, Inboxes) {
        let mut deal = Self {
            members: plans.iter().map(|plan| plan.me).collect(),
            rngs: BTreeMap::new(),
            firsts: BTreeMap::new(),
            seconds: BTreeMap::new(),
        };
        let mut sent = BTreeMap::new();
        for plan in plans {
            let me = plan.me;
            let mut rng = ChaCha20Rng::seed_from_u64(seed(me.0.0[0]));
            let (round, message) = start::<C>(plan, &mut rng).unwrap();
            deal.rngs.insert(me, rng);
            deal.firsts.insert(me, round);
            sent.insert(me, message);
        }
        let inboxes = deal.delivered(&sent);
        (deal, inboxes)
    }

    /// Everybody handles its first round. Participants that end there send nothing more.
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

    /// A key generation with everybody honest to the end.
    pub fn honest(notation: &str) -> BTreeMap<NodeId, Dealt<C>> {
        Self::run(plans(&fresh(notation, 1)), 0)
    }

    /// Any dealing with everybody honest to the end; other runs have other randomness.
    pub fn run(plans: Vec<Plan<C>>, run: u64) -> BTreeMap<NodeId, Dealt<C>> {
        let (mut deal, inboxes) = Self::begin_plans(plans, |id| u64::from(id) + 256 * run);
        let sent = deal.round1(inboxes);
        let inboxes = deal.deliver(sent);
        let results = deal.round2(inboxes);
        results.into_iter().map(|(me, result)| (me, result.unwrap())).collect()
    }

    fn delivered(&self, sent: &BTreeMap<NodeId, Vec<u8>>) -> Inboxes {
        self.members.iter().map(|to| (*to, sent.clone())).collect()
    }
}

/// Runs a key generation in which `liar` rewrites what others receive from it: `first` and
/// `second` get the receiver and the honest message. Returns how the others fared.
pub fn with_liar<C: Curve>(
    notation: &str,
    liar: u8,
    first: impl Fn(NodeId, &mut Message1),
    second: impl Fn(NodeId, &mut Message2),
) -> Results<()> {
    others(with_liar_in::<C>(plans(&fresh(notation, 1)), liar, first, second), liar)
}

/// The same in any dealing; returns how everybody fared.
pub fn with_liar_in<C: Curve>(
    plans: Vec<Plan<C>>,
    liar: u8,
    first: impl Fn(NodeId, &mut Message1),
    second: impl Fn(NodeId, &mut Message2),
) -> Results<Option<Dealt<C>>> {
    let (mut deal, mut inboxes) = Deal::<C>::begin_plans(plans, u64::from);
    rewrite(&mut inboxes, node(liar), first);
    let sent = deal.round1(inboxes);
    if sent.values().any(Result::is_err) {
        return sent.into_iter().map(|(me, result)| (me, result.map(|_| None))).collect();
    }
    let mut inboxes = deal.deliver(sent);
    rewrite(&mut inboxes, node(liar), second);
    deal.round2(inboxes).into_iter().map(|(me, result)| (me, result.map(Some))).collect()
}

/// Runs a key generation in which `liar` knows the others' second messages before it commits,
/// and reveals what `plan` makes of them: `plan` gets all honest messages and changes its own
/// one. The liar's commitment and echo fit its lie, its proof of possession is the one that
/// `proof_of` made in this run. Returns how the others fared.
pub fn with_foresight<C: Curve>(
    notation: &str,
    liar: u8,
    plan: impl Fn(&BTreeMap<NodeId, Message2>, &mut Message2),
    proof_of: u8,
) -> Results<()> {
    let terms = fresh::<C>(notation, 1);
    others(with_foresight_in(&terms, &|| plans(&terms), liar, plan, proof_of), liar)
}

/// The same in any dealing; returns how everybody fared.
pub fn with_foresight_in<C: Curve>(
    terms: &Terms<C>,
    plans: &dyn Fn() -> Vec<Plan<C>>,
    liar: u8,
    plan: impl Fn(&BTreeMap<NodeId, Message2>, &mut Message2),
    proof_of: u8,
) -> Results<Option<Dealt<C>>> {
    let second =
        |sent: &Result<Vec<u8>, _>| from_bytes::<Message2>(sent.as_ref().unwrap()).unwrap();
    let (mut deal, inboxes) = Deal::<C>::begin_plans(plans(), u64::from);
    let sent = deal.round1(inboxes);
    let foreseen: BTreeMap<_, _> = sent.iter().map(|(from, sent)| (*from, second(sent))).collect();
    let mut lie = foreseen[&node(liar)].clone();
    plan(&foreseen, &mut lie);
    let commitments = dealt(&lie).commitments.clone();
    let opening = dealt(&lie).opening;

    let (mut deal, mut inboxes) = Deal::<C>::begin_plans(plans(), u64::from);
    rewrite(&mut inboxes, node(liar), |_, first: &mut Message1| {
        let start = Transcript::new(tag::DEAL_COMMIT)
            .part(terms_digest(terms))
            .part(node(liar))
            .part(first.sid)
            .list(first.seal_keys.iter().map(|key| key.0))
            .number(commitments.len() as u64);
        let all = commitments.iter().fold(start, |transcript, points| {
            transcript.list(points.iter().map(|point| point.as_slice()))
        });
        first.commitment = Some(all.part(opening).digest());
    });
    let sent = deal.round1(inboxes);
    lie.echo =
        sent.iter().find(|(me, _)| **me != node(liar)).map(|(_, sent)| second(sent).echo).unwrap();
    dealing(&mut lie).proofs = second(&sent[&node(proof_of)]).dealing.unwrap().proofs;
    let mut inboxes = deal.deliver(sent);
    rewrite(&mut inboxes, node(liar), |_, second: &mut Message2| *second = lie.clone());
    deal.round2(inboxes).into_iter().map(|(me, result)| (me, result.map(Some))).collect()
}

/// What the specification says of the terms' hash, written out again.
fn terms_digest<C: Curve>(terms: &Terms<C>) -> Digest {
    let start = Transcript::new(tag::DEAL_TERMS)
        .part(terms.ctx0)
        .part(C::NAME)
        .part(to_bytes(&terms.tree))
        .list(&terms.receivers);
    let all = match &terms.source {
        Source::Fresh { count } => start.part("fresh").number(*count as u64),
        Source::Shared { tree, dealers, old } => {
            let start =
                start.part("shared").number(old.len() as u64).part(to_bytes(tree)).list(dealers);
            old.iter().fold(start, |transcript, key| transcript.list(key.to_bytes()))
        }
        Source::Summands { of } => {
            let count = of.values().next().unwrap().len();
            let start = start.part("summands").number(count as u64).number(of.len() as u64);
            of.iter().fold(start, |transcript, (dealer, points)| {
                transcript.part(dealer).list(points.iter().map(NonIdentity::to_bytes))
            })
        }
    };
    all.digest()
}

/// Verifies the leaf proofs of one new key.
pub fn verify_leaf_proofs<C: Curve>(
    transcript: &Digest,
    tree: &Tree<NodeId>,
    commitments: &Commitments<C>,
    who: NodeId,
    bytes: &[u8],
) -> Result<(), DealError> {
    let keys = std::slice::from_ref(commitments);
    LeafStatements::new(transcript, tree, keys, Knowledge::Each)?.verify(who, bytes)
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
        assert_eq!(error.whose(), quorate_keygen::Whose::Peers);
    }
}

/// What a dealer reveals, to be changed.
pub fn dealing(second: &mut Message2) -> &mut quorate_keygen::Dealing2 {
    second.dealing.as_mut().unwrap()
}

/// What a dealer revealed.
pub fn dealt(second: &Message2) -> &quorate_keygen::Dealing2 {
    second.dealing.as_ref().unwrap()
}
