//! Keys shared by a polynomial, and runs of sessions in which any message may be rewritten.

use crate::{Letters, Plan, SchnorrError, Signature, Suite, Tweak, open};
use quorate_codec::Digest;
use quorate_curve::{Curve, NonIdentity, Scalar, SecretScalar};
use quorate_identity::NodeId;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::collections::BTreeMap;

pub const MESSAGE: [u8; 32] = [0x42; 32];
pub const CONTEXT: Digest = Digest([8; 32]);

pub fn node(number: u8) -> NodeId {
    NodeId(Digest([number; 32]))
}

pub fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

/// A key: coefficients of a polynomial, of which all parties together know just enough values.
pub struct Key<S: Suite>(Vec<Scalar<S::Curve>>);

impl<S: Suite> Key<S> {
    pub fn new(parties: u8, seed: u8) -> Self {
        let mut rng = rng(seed);
        Self((0..parties).map(|_| SecretScalar::random(&mut rng).reveal()).collect())
    }

    pub fn public(&self) -> NonIdentity<S::Curve> {
        self.0[0].commit().non_identity().unwrap()
    }

    /// The value at a party's number.
    pub fn value(&self, number: u8) -> Scalar<S::Curve> {
        let number = Scalar::from_u64(number.into());
        self.0.iter().rev().fold(Scalar::zero(), |value, next| value * number + *next)
    }

    /// A party's summand of the key.
    fn share(&self, number: u8) -> Scalar<S::Curve> {
        let all: Vec<u64> = (1..=self.0.len() as u64).collect();
        self.value(number) * coefficient(number.into(), &all)
    }

    /// What the node of this number signs with.
    pub fn plan(&self, number: u8, messages: &[&[u8]], tweak: Tweak) -> Plan<S> {
        let public = |number| (node(number), self.share(number).commit().non_identity().unwrap());
        Plan {
            terms: Digest([7; 32]),
            me: node(number),
            share: SecretScalar::from_bytes(&self.share(number).to_bytes()).unwrap(),
            public_shares: (1..=self.0.len() as u8).map(public).collect(),
            public_key: self.public(),
            tweak,
            messages: messages.iter().map(|message| message.to_vec()).collect(),
        }
    }

    pub fn plans(&self, messages: &[&[u8]], tweak: Tweak) -> Vec<Plan<S>> {
        (1..=self.0.len() as u8).map(|number| self.plan(number, messages, tweak)).collect()
    }
}

/// Lagrange's coefficient of a number at zero, among these: Π j / (j - number) over the others.
pub fn coefficient<C: Curve>(number: u64, all: &[u64]) -> Scalar<C> {
    let own = Scalar::from_u64(number);
    let others = all.iter().filter(|other| **other != number).map(|other| Scalar::from_u64(*other));
    others.fold(Scalar::one(), |product, other| {
        product * other * (other - own).non_zero().unwrap().invert().scalar()
    })
}

/// What became of each party.
pub type Ends = BTreeMap<NodeId, Result<Vec<Signature>, SchnorrError>>;

/// Runs a session; `rewrite` sees every message as (round, from, to, bytes). When a party fails,
/// the others are asked no further.
pub fn run<S: Suite>(
    plans: Vec<Plan<S>>,
    rewrite: impl Fn(u8, NodeId, NodeId, &mut Vec<u8>),
) -> Ends {
    let nodes: Vec<NodeId> = plans.iter().map(|plan| plan.me).collect();
    let inbox = |round, sent: &BTreeMap<NodeId, Vec<u8>>, to: NodeId| -> Letters {
        let others = nodes.iter().filter(|from| **from != to);
        let letter = |from: &NodeId| {
            let mut bytes = sent[from].clone();
            rewrite(round, *from, to, &mut bytes);
            (*from, bytes)
        };
        others.map(letter).collect()
    };
    let mut ends = Ends::new();
    let (mut firsts, mut states) = (BTreeMap::new(), Vec::new());
    for (seed, plan) in (1..).zip(plans) {
        let me = plan.me;
        let (state, first) = open(plan, &mut rng(seed)).unwrap();
        firsts.insert(me, first);
        states.push((me, state));
    }
    let (mut seconds, mut last) = (BTreeMap::new(), Vec::new());
    for (me, state) in states {
        match state.handle(CONTEXT, &inbox(1, &firsts, me)) {
            Ok((state, second)) => {
                seconds.insert(me, second);
                last.push((me, state));
            }
            Err(error) => drop(ends.insert(me, Err(error))),
        }
    }
    if ends.is_empty() {
        ends.extend(
            last.into_iter().map(|(me, state)| (me, state.handle(&inbox(2, &seconds, me)))),
        );
    }
    ends
}
