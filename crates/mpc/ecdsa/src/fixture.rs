//! Nodes with ready set-ups, and runs of sessions in which any message may be rewritten.

use crate::sign::{self, Letters, Plan};
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

pub fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
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

    pub fn plans(&self, digests: &[[u8; 32]]) -> Vec<Plan<C>> {
        (1..=self.summands.len() as u8).map(|number| self.plan(number, digests)).collect()
    }
}

/// What became of each party.
pub type Ends = BTreeMap<NodeId, Result<Vec<Signature>, EcdsaError>>;

/// Runs a session; `rewrite` sees every message as (round, from, to, bytes). Once a party failed,
/// nobody is asked any further.
pub fn run<C: EcdsaCurve>(
    plans: Vec<Plan<C>>,
    seed: u64,
    rewrite: impl Fn(u8, NodeId, NodeId, &mut Vec<u8>),
) -> Ends {
    let mut rng = rng(seed);
    let mut ends = Ends::new();
    let nodes: Vec<NodeId> = plans.iter().map(|plan| plan.me).collect();
    let mut first = Vec::new();
    let mut mail = Mail::new(&rewrite, 1);
    for plan in plans {
        let me = plan.me;
        let (state, letters) = sign::start(plan, &mut rng).unwrap();
        mail.post(me, letters);
        first.push((me, state));
    }
    let mut second = Vec::new();
    let mut answers = Mail::new(&rewrite, 2);
    for (me, state) in first {
        match state.handle(&mail.to(me), &mut rng) {
            Ok((state, letters)) => {
                answers.post(me, letters);
                second.push((me, state));
            }
            Err(error) => drop(ends.insert(me, Err(error))),
        }
    }
    if !ends.is_empty() {
        return ends;
    }
    let mut third = Vec::new();
    let mut parts = Mail::new(&rewrite, 3);
    for (me, state) in second {
        match state.handle(&answers.to(me)) {
            Ok((state, bytes)) => {
                let others = nodes.iter().filter(|to| **to != me);
                parts.post(me, others.map(|to| (*to, bytes.clone())).collect());
                third.push((me, state));
            }
            Err(error) => drop(ends.insert(me, Err(error))),
        }
    }
    if !ends.is_empty() {
        return ends;
    }
    for (me, state) in third {
        ends.insert(me, state.handle(&parts.to(me)));
    }
    ends
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
