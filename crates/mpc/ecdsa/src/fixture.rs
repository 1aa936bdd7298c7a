//! Nodes with ready set-ups, and runs of sessions in which any message may be rewritten.

use crate::presign::{self, Decision, Presignature};
use crate::sign::{self, Aim, ExpectCommitments, ExpectParts, ExpectProducts, Letters, Plan};
use crate::{EcdsaCurve, EcdsaError, Signature};
use quorate_codec::Digest;
use quorate_curve::{NonIdentity, Scalar, SecretScalar};
use quorate_identity::NodeId;
use quorate_pair::{Setup, local};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

pub const DIGEST: [u8; 32] = [0x42; 32];

pub fn node(number: u8) -> NodeId {
    NodeId(Digest([number; 32]))
}

/// The stream under a key that is the number, its lowest byte first, and zeros.
pub fn rng(seed: u64) -> ChaCha20Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    ChaCha20Rng::from_seed(key)
}

/// Each node's half with each other one, of the nodes 1 to 5. Made once per test process.
pub fn setup(of: NodeId, with: NodeId) -> Arc<Setup> {
    static HALVES: OnceLock<BTreeMap<(NodeId, NodeId), Arc<Setup>>> = OnceLock::new();
    let make = || {
        let pairs = (1..=5).flat_map(|a| (a + 1..=5).map(move |b| (node(a), node(b))));
        let halves = pairs.flat_map(|(a, b)| {
            let (at_a, at_b) = pair_up(a, b, Digest([9; 32]));
            [((a, b), Arc::new(at_a)), ((b, a), Arc::new(at_b))]
        });
        halves.collect()
    };
    Arc::clone(&HALVES.get_or_init(make)[&(of, with)])
}

/// Both halves of a set-up.
pub fn pair_up(a: NodeId, b: NodeId, context: Digest) -> (Setup, Setup) {
    local::pair_up(a, b, context, &mut rng(1)).unwrap()
}

/// A key: what each of its parties adds to it.
pub struct Key<C: EcdsaCurve> {
    summands: Vec<Scalar<C>>,
}

impl<C: EcdsaCurve> Key<C> {
    pub fn new(parties: u8) -> Self {
        let mut rng = rng(parties.into());
        let summand = |_| SecretScalar::random(&mut rng).reveal();
        Self { summands: (0..parties).map(summand).collect() }
    }

    pub fn summands(&self) -> &[Scalar<C>] {
        &self.summands
    }

    pub fn public(&self) -> NonIdentity<C> {
        let sum = self.summands.iter().fold(Scalar::zero(), |sum, summand| sum + *summand);
        sum.commit().non_identity().unwrap()
    }

    /// What the node of this number signs with.
    pub fn plan(&self, number: u8, digests: &[[u8; 32]]) -> Plan<C> {
        let me = node(number);
        let parties: Vec<NodeId> = (1..=self.summands.len() as u8).map(node).collect();
        let others = parties.iter().filter(|party| **party != me);
        let summand = self.summands[usize::from(number) - 1];
        Plan {
            binding: Digest([7; 32]),
            me,
            share: SecretScalar::from_bytes(&summand.to_bytes()).unwrap(),
            public_key: self.public(),
            pairs: others.map(|party| (*party, setup(me, *party))).collect(),
            digests: digests.to_vec(),
            parties: parties.into_iter().collect(),
        }
    }

    /// What the same node makes presignatures with.
    pub fn plan_ahead(&self, number: u8, count: usize) -> presign::Plan<C> {
        let Plan { binding, parties, me, share, public_key, pairs, .. } = self.plan(number, &[]);
        presign::Plan { binding, parties, me, share, public_key, pairs, count }
    }

    pub fn plans(&self, digests: &[[u8; 32]]) -> Vec<Plan<C>> {
        (1..=self.summands.len() as u8).map(|number| self.plan(number, digests)).collect()
    }
}

/// What became of each party of a session that signs.
pub type Ends = BTreeMap<NodeId, Result<Vec<Signature>, EcdsaError>>;

/// What each party goes on with, or the errors of those that do not: then nobody is asked any
/// further.
type Still<T> = Result<Vec<(NodeId, T)>, BTreeMap<NodeId, EcdsaError>>;

/// Runs a session; `rewrite` sees every message as (round, from, to, bytes).
pub fn run<C: EcdsaCurve>(
    plans: Vec<Plan<C>>,
    seed: u64,
    rewrite: impl Fn(u8, NodeId, NodeId, &mut Vec<u8>),
) -> Ends {
    let mut rng = rng(seed);
    let begin = plans.into_iter().map(|plan| (plan.me, sign::start(plan, &mut rng).unwrap()));
    let first = begin.collect();
    let signed = two_rounds(first, &rewrite, &mut rng).and_then(|(states, answers)| {
        let parts = all(states, |me, state| state.handle(&answers.to(me)))?;
        Ok(last_round(3, parts, &rewrite))
    });
    ends(signed)
}

/// Makes presignatures, with rewritten messages as in [`run`].
pub fn ahead<C: EcdsaCurve>(
    plans: Vec<presign::Plan<C>>,
    seed: u64,
    rewrite: impl Fn(u8, NodeId, NodeId, &mut Vec<u8>),
) -> Still<Vec<Presignature<C>>> {
    let mut rng = rng(seed);
    let begin = plans.into_iter().map(|plan| (plan.me, presign::start(plan, &mut rng).unwrap()));
    let first = begin.collect();
    let (states, answers) = two_rounds(first, &rewrite, &mut rng)?;
    all(states, |me, state| state.handle(&answers.to(me)))
}

/// Signs with presignatures; what is opened is round 1, what is signed round 2. The binding is each
/// party's own.
pub fn online<C: EcdsaCurve>(
    decisions: Vec<(NodeId, Digest, Decision<C>)>,
    rewrite: impl Fn(u8, NodeId, NodeId, &mut Vec<u8>),
) -> Ends {
    let nodes: Vec<NodeId> = decisions.iter().map(|(me, ..)| *me).collect();
    let mut openings = Mail::new(&rewrite, 1);
    let decide = |(me, binding, decision)| {
        let (state, bytes) = presign::decide(decision).unwrap();
        openings.post_all(me, &nodes, &bytes);
        (me, (binding, state))
    };
    let states: Vec<_> = decisions.into_iter().map(decide).collect();
    let parts = all(states, |me, (binding, state)| state.handle(binding, &openings.to(me)));
    let ends_of = |parts| Ok(last_round(2, parts, &rewrite));
    ends(parts.and_then(ends_of))
}

fn ends(signed: Result<Ends, BTreeMap<NodeId, EcdsaError>>) -> Ends {
    signed.unwrap_or_else(|errors| errors.into_iter().map(|(me, error)| (me, Err(error))).collect())
}

fn all<S, T>(
    states: Vec<(NodeId, S)>,
    mut step: impl FnMut(NodeId, S) -> Result<T, EcdsaError>,
) -> Still<T> {
    let mut next = Vec::new();
    let mut errors = BTreeMap::new();
    for (me, state) in states {
        match step(me, state) {
            Ok(state) => next.push((me, state)),
            Err(error) => drop(errors.insert(me, error)),
        }
    }
    if errors.is_empty() { Ok(next) } else { Err(errors) }
}

/// A party's last state, and what it says to everybody.
type Spoken<C> = (ExpectParts<C>, Vec<u8>);

/// A party's state and what it says.
type Said<S> = (S, Letters);

#[expect(clippy::type_complexity, reason = "states and their mail, used here alone")]
fn two_rounds<'r, C: EcdsaCurve, A: Aim, F: Fn(u8, NodeId, NodeId, &mut Vec<u8>)>(
    first: Vec<(NodeId, Said<ExpectCommitments<C, A>>)>,
    rewrite: &'r F,
    rng: &mut ChaCha20Rng,
) -> Result<(Vec<(NodeId, ExpectProducts<C, A>)>, Mail<'r, F>), BTreeMap<NodeId, EcdsaError>> {
    let mut mail = Mail::new(rewrite, 1);
    let states: Vec<_> = first.into_iter().map(|said| mail.keep(said)).collect();
    let second = all(states, |me, state| state.handle(&mail.to(me), rng))?;
    let mut answers = Mail::new(rewrite, 2);
    let states = second.into_iter().map(|said| answers.keep(said)).collect();
    Ok((states, answers))
}

fn last_round<C: EcdsaCurve>(
    round: u8,
    said: Vec<(NodeId, Spoken<C>)>,
    rewrite: &impl Fn(u8, NodeId, NodeId, &mut Vec<u8>),
) -> Ends {
    let nodes: Vec<NodeId> = said.iter().map(|(me, _)| *me).collect();
    let mut parts = Mail::new(rewrite, round);
    let keep = |(me, (state, bytes)): (NodeId, Spoken<C>)| {
        parts.post_all(me, &nodes, &bytes);
        (me, state)
    };
    let states: Vec<_> = said.into_iter().map(keep).collect();
    states.into_iter().map(|(me, state)| (me, state.handle(&parts.to(me)))).collect()
}

/// The messages of one round.
struct Mail<'r, F> {
    rewrite: &'r F,
    round: u8,
    letters: BTreeMap<(NodeId, NodeId), Vec<u8>>,
}

impl<'r, F: Fn(u8, NodeId, NodeId, &mut Vec<u8>)> Mail<'r, F> {
    fn new(rewrite: &'r F, round: u8) -> Self {
        Self { rewrite, round, letters: BTreeMap::new() }
    }

    fn keep<S>(&mut self, (me, (state, letters)): (NodeId, Said<S>)) -> (NodeId, S) {
        self.post(me, letters);
        (me, state)
    }

    /// The same to everybody else.
    fn post_all(&mut self, from: NodeId, nodes: &[NodeId], bytes: &[u8]) {
        let others = nodes.iter().filter(|to| **to != from);
        self.post(from, others.map(|to| (*to, bytes.to_vec())).collect());
    }

    fn post(&mut self, from: NodeId, letters: Letters) {
        for (to, mut bytes) in letters {
            (self.rewrite)(self.round, from, to, &mut bytes);
            self.letters.insert((to, from), bytes);
        }
    }

    fn to(&self, to: NodeId) -> Letters {
        let ours = self.letters.iter().filter(|((receiver, _), _)| *receiver == to);
        ours.map(|((_, sender), bytes)| (*sender, bytes.clone())).collect()
    }
}
