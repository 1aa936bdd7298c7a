//! Nodes with ready set-ups, and runs of sessions in which any message may be rewritten.

use crate::pair::{self, ExpectOffer, Setup};
use crate::sign::{self, Letters, Plan};
use crate::wire::edit;
use crate::{EcdsaError, Fault, Signature};
use quorate_codec::Digest;
use quorate_curve::{NonIdentity, Scalar, Secp256k1, SecretScalar};
use quorate_identity::NodeId;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

pub const DIGEST: [u8; 32] = [0x42; 32];

pub fn node(number: u8) -> NodeId {
    NodeId(Digest([number; 32]))
}

/// Each node's half with each other one, of the nodes 1 to 3. Made once per test process.
pub fn setup(of: NodeId, with: NodeId) -> Arc<Setup> {
    static HALVES: OnceLock<BTreeMap<(NodeId, NodeId), Arc<Setup>>> = OnceLock::new();
    let make = || {
        let pairs = [(1, 2), (1, 3), (2, 3)].map(|(a, b)| (node(a), node(b)));
        let halves = pairs.into_iter().flat_map(|(a, b)| {
            let (at_a, at_b) = pair_up(a, b, |_| {}).unwrap();
            [((a, b), Arc::new(at_a)), ((b, a), Arc::new(at_b))]
        });
        halves.collect()
    };
    Arc::clone(&HALVES.get_or_init(make)[&(of, with)])
}

fn start_pair(me: NodeId, peer: NodeId) -> (ExpectOffer, Vec<u8>) {
    pair::start(pair::Plan { context: Digest([9; 32]), me, peer }).unwrap()
}

/// A set-up between two nodes, the second message of `a` rewritten on its way.
pub fn pair_up(
    a: NodeId,
    b: NodeId,
    rewrite: impl FnOnce(&mut Vec<u8>),
) -> Result<(Setup, Setup), EcdsaError> {
    let ((at_a, from_a), (at_b, from_b)) = (start_pair(a, b), start_pair(b, a));
    let (at_b, second_from_b) = at_b.handle(&from_a)?;
    let (at_a, mut second_from_a) = at_a.handle(&from_b)?;
    rewrite(&mut second_from_a);
    let at_b = at_b.handle(&second_from_a)?;
    Ok((at_a.handle(&second_from_b)?, at_b))
}

/// What node 2 says to a rewritten first message of node 1.
pub fn refused_offer(change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Fault {
    static OFFER: OnceLock<Vec<u8>> = OnceLock::new();
    let mut offer = OFFER.get_or_init(|| start_pair(node(1), node(2)).1).clone();
    edit(&mut offer, change);
    let (expect, _) = start_pair(node(2), node(1));
    expect.handle(&offer).err().unwrap().fault
}

/// A key: coefficients of a polynomial.
pub struct Key {
    coefficients: Vec<Scalar<Secp256k1>>,
}

impl Key {
    pub fn new(parties: u8) -> Self {
        let mut rng = ChaCha20Rng::from_seed([parties; 32]);
        let coefficient = |_| SecretScalar::random(&mut rng).reveal();
        Self { coefficients: (0..parties).map(coefficient).collect() }
    }

    pub fn public(&self) -> NonIdentity<Secp256k1> {
        secret(self.coefficients[0]).commit().non_identity().unwrap()
    }

    fn share(&self, number: u8) -> SecretScalar<Secp256k1> {
        let number = Scalar::from_u64(number.into());
        let horner = |value, coefficient: &Scalar<_>| value * number + *coefficient;
        secret(self.coefficients.iter().rev().fold(Scalar::zero(), horner))
    }

    /// What the node of this number signs with.
    pub fn plan(&self, number: u8, digests: &[[u8; 32]]) -> Plan {
        let me = node(number);
        let parties: Vec<NodeId> = (1..=self.coefficients.len() as u8).map(node).collect();
        let others = parties.iter().filter(|party| **party != me);
        Plan {
            binding: Digest([7; 32]),
            me,
            share: self.share(number),
            public_key: self.public(),
            pairs: others.map(|party| (*party, setup(me, *party))).collect(),
            digests: digests.to_vec(),
            parties: parties.into_iter().collect(),
        }
    }

    pub fn plans(&self, digests: &[[u8; 32]]) -> Vec<Plan> {
        (1..=self.coefficients.len() as u8).map(|number| self.plan(number, digests)).collect()
    }
}

fn secret(scalar: Scalar<Secp256k1>) -> SecretScalar<Secp256k1> {
    SecretScalar::from_bytes(&scalar.to_bytes()).unwrap()
}

/// What became of each party.
pub type Ends = BTreeMap<NodeId, Result<Vec<Signature>, EcdsaError>>;

/// Runs a session; `rewrite` sees every message as (round, from, to, bytes). Parties that fail
/// fall silent; the others are asked no further.
pub fn run(plans: Vec<Plan>, rewrite: impl Fn(u8, NodeId, NodeId, &mut Vec<u8>)) -> Ends {
    let mut ends = Ends::new();
    let mut nodes: Vec<NodeId> = plans.iter().map(|plan| plan.me).collect();
    let mut mail = BTreeMap::new();
    let post = |mail: &mut BTreeMap<(NodeId, NodeId), Vec<u8>>, round, from, letters: Letters| {
        for (to, mut bytes) in letters {
            rewrite(round, from, to, &mut bytes);
            mail.insert((to, from), bytes);
        }
    };
    let mut first = Vec::new();
    for plan in plans {
        let me = plan.me;
        let (state, letters) = sign::start(plan).unwrap();
        post(&mut mail, 1, me, letters);
        first.push((me, state));
    }
    let mut second = Vec::new();
    let inbox = std::mem::take(&mut mail);
    for (me, state) in first {
        match state.handle(&received(&inbox, me)) {
            Ok((state, letters)) => {
                post(&mut mail, 2, me, letters);
                second.push((me, state));
            }
            Err(error) => drop(ends.insert(me, Err(error))),
        }
    }
    let mut third = Vec::new();
    let inbox = std::mem::take(&mut mail);
    if !ends.is_empty() {
        return ends;
    }
    for (me, state) in second {
        match state.handle(&received(&inbox, me)) {
            Ok((state, bytes)) => {
                nodes.retain(|to| *to != me);
                let letters = nodes.iter().map(|to| (*to, bytes.clone())).collect();
                nodes.push(me);
                post(&mut mail, 3, me, letters);
                third.push((me, state));
            }
            Err(error) => drop(ends.insert(me, Err(error))),
        }
    }
    if !ends.is_empty() {
        return ends;
    }
    for (me, state) in third {
        ends.insert(me, state.handle(&received(&mail, me)));
    }
    ends
}

fn received(mail: &BTreeMap<(NodeId, NodeId), Vec<u8>>, to: NodeId) -> Letters {
    let ours = mail.iter().filter(|((receiver, _), _)| *receiver == to);
    ours.map(|((_, sender), bytes)| (*sender, bytes.clone())).collect()
}
