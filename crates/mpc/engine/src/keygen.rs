//! Key generation, erased.

use crate::key::{Half, PublicHalf, SecretHalf};
use crate::{
    Failure, Inbound, KeyPublic, KeyShare, Outbound, Outcome, Progress, Round, Seed, To,
    round::by_sender,
};
use quorate_access::Tree;
use quorate_codec::Digest;
use quorate_curve::{Curve, Ed25519, Secp256k1};
use quorate_identity::{NodeId, Scheme};
use quorate_keygen::{DealError, Dealt, ExpectRound1, ExpectRound2, Plan};
use quorate_sharing::LeafShares;
use std::fmt;

/// What a key generation is to make, as the charter ordered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeygenPlan {
    /// Binds everything that all members must agree on before they deal.
    pub ctx0: Digest,
    /// What the key will make.
    pub scheme: Scheme,
    /// Who will hold its shares.
    pub tree: Tree<NodeId>,
    /// This node, a party of the tree.
    pub me: NodeId,
}

/// A verified dealing, nothing of it durable yet.
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

/// Begins to deal. Every message is a broadcast; every round awaits the own message too.
///
/// # Errors
/// [`crate::Fault::Caller`]: this node is no party of the tree.
pub fn start_keygen(
    plan: KeygenPlan,
    seed: Seed,
) -> Result<(Box<dyn Round>, Vec<Outbound>), Failure> {
    match plan.scheme {
        Scheme::EcdsaSecp256k1 | Scheme::Bip340 => start::<Secp256k1>(plan, seed),
        Scheme::Ed25519 => start::<Ed25519>(plan, seed),
    }
}

/// Whether a member knows each of its final shares.
///
/// # Errors
/// The proofs do not hold; the member's fault.
pub fn verify_leaf_proofs(
    transcript: Digest,
    public: &KeyPublic,
    node: NodeId,
    bytes: &[u8],
) -> Result<(), Failure> {
    let tree = public.tree();
    let verified = match &public.half {
        PublicHalf::Secp256k1(half) => {
            quorate_keygen::verify_leaf_proofs(&transcript, tree, &half.commitments, node, bytes)
        }
        PublicHalf::Ed25519(half) => {
            quorate_keygen::verify_leaf_proofs(&transcript, tree, &half.commitments, node, bytes)
        }
    };
    verified.map_err(Failure::from)
}

/// The curves of keys: how a curve's halves become erased ones.
trait Erase: Curve {
    fn public(half: Half<Self>) -> PublicHalf;
    fn secret(shares: LeafShares<Self>) -> SecretHalf;
}

impl Erase for Secp256k1 {
    fn public(half: Half<Self>) -> PublicHalf {
        PublicHalf::Secp256k1(half)
    }

    fn secret(shares: LeafShares<Self>) -> SecretHalf {
        SecretHalf::Secp256k1(shares)
    }
}

impl Erase for Ed25519 {
    fn public(half: Half<Self>) -> PublicHalf {
        PublicHalf::Ed25519(half)
    }

    fn secret(shares: LeafShares<Self>) -> SecretHalf {
        SecretHalf::Ed25519(shares)
    }
}

/// What is known of the key before it exists.
struct Order {
    scheme: Scheme,
    tree: Tree<NodeId>,
}

struct Round1<C: Curve>(Order, ExpectRound1<C>);

struct Round2<C: Curve>(Order, ExpectRound2<C>);

fn start<C: Erase>(
    plan: KeygenPlan,
    seed: Seed,
) -> Result<(Box<dyn Round>, Vec<Outbound>), Failure> {
    let KeygenPlan { ctx0, scheme, tree, me } = plan;
    let order = Order { scheme, tree: tree.clone() };
    let (expect, message) = quorate_keygen::start::<C>(Plan { ctx0, tree, me }, &mut seed.rng())?;
    Ok((Box::new(Round1(order, expect)), broadcast(message)))
}

impl<C: Erase> Round for Round1<C> {
    fn awaits(&self) -> Vec<NodeId> {
        self.0.tree.parties().into_iter().collect()
    }

    fn advance(self: Box<Self>, inbox: Vec<Inbound>, seed: Seed) -> Result<Progress, Failure> {
        let Self(order, expect) = *self;
        let (expect, message) = expect.handle(by_sender(inbox)?, &mut seed.rng())?;
        let round = Box::new(Round2(order, expect));
        Ok(Progress::Next { round, outbound: broadcast(message) })
    }
}

impl<C: Erase> Round for Round2<C> {
    fn awaits(&self) -> Vec<NodeId> {
        self.0.tree.parties().into_iter().collect()
    }

    fn advance(self: Box<Self>, inbox: Vec<Inbound>, seed: Seed) -> Result<Progress, Failure> {
        let Self(order, expect) = *self;
        let dealt = expect.handle(by_sender(inbox)?, &mut seed.rng())?;
        let prepared = prepare(order, dealt)?;
        Ok(Progress::Done(Outcome::Prepared(Box::new(prepared))))
    }
}

fn prepare<C: Erase>(order: Order, dealt: Dealt<C>) -> Result<Prepared, Failure> {
    let Dealt { commitments, shares, transcript, chain_code, leaf_proofs } = dealt;
    let half = Half::new(commitments)
        .ok_or_else(|| Failure::peer(Vec::new(), "the key is the identity"))?;
    Ok(Prepared {
        public: KeyPublic::dealt(order.scheme, order.tree, C::public(half)),
        share: KeyShare { half: C::secret(shares) },
        transcript,
        chain_code: Digest(chain_code),
        leaf_proofs,
    })
}

fn broadcast(bytes: Vec<u8>) -> Vec<Outbound> {
    vec![Outbound { to: To::All, bytes }]
}

impl From<DealError> for Failure {
    fn from(error: DealError) -> Self {
        let reason = error.to_string();
        if error.is_callers() { Self::caller(reason) } else { Self::peer(error.culprits, reason) }
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Prepared({:?}, {})", self.public, self.transcript)
    }
}
