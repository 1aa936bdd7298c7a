//! Dealings, erased: key generation, refresh, reshare, repair and import.

use crate::backup::{Contributed, OnCurve, SourceHalf};
use crate::key::{Half, PublicHalf, SecretHalf};
use crate::{
    Failure, Inbound, KeyPublic, KeyShare, Outbound, Outcome, Progress, Round, Seed, To,
    round::by_sender,
};
use quorate_access::Tree;
use quorate_codec::Digest;
use quorate_curve::{Curve, Ed25519, NonIdentity, P256, Secp256k1, SecretScalar};
use quorate_identity::{NodeId, Scheme};
use quorate_keygen::{
    Contributions, DealError, Dealt, DealtKey, ExpectRound1, ExpectRound2, Holding, Knowledge,
    LeafStatements, Plan, Source, Terms, Whose,
};
use quorate_sharing::{Commitments, LeafShares};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What a dealing of any kind is to make, as the charter ordered it. All keys of a run have one
/// scheme (ENG-11).
pub struct DealPlan {
    /// Binds everything that all participants must agree on before they deal.
    pub ctx0: Digest,
    /// What the keys make.
    pub scheme: Scheme,
    /// Who may hold their shares.
    pub tree: Tree<NodeId>,
    /// Which parties of the tree take part and receive shares: a set that satisfies it, of new
    /// keys all. Who is absent holds nothing of the keys until a later dealing repairs it.
    pub receivers: BTreeSet<NodeId>,
    /// This node: a receiver, a dealer, or both.
    pub me: NodeId,
    /// Which keys are dealt, and who deals them.
    pub source: DealSource,
}

/// Which keys are dealt, and who deals them. Public in its shape, secret in what it holds.
pub enum DealSource {
    /// New keys, dealt by all parties of the tree.
    Fresh {
        /// How many.
        count: usize,
    },
    /// Keys that exist: refresh, reshare, repair.
    Shared {
        /// Exactly the parties of their own canonical selection in the keys' tree.
        dealers: BTreeSet<NodeId>,
        /// The keys, all over one tree, from their certified records.
        keys: Vec<Arc<KeyPublic>>,
        /// This node's shares of each, if it is a dealer; empty otherwise. Secret.
        shares: Vec<Arc<KeyShare>>,
    },
    /// Keys whose summands are known by their points: one dealer imports them, several restore
    /// them.
    Summands {
        /// Who deals, and the point of its summand of each key: 33 bytes SEC1 compressed, or 32
        /// bytes RFC 8032. Also for BIP-340, whose x-only form does not name one point.
        of: BTreeMap<NodeId, Vec<Vec<u8>>>,
        /// The canonical scalars of this node's summands, if it is a dealer; empty otherwise.
        /// Secret.
        secrets: Vec<Zeroizing<[u8; 32]>>,
    },
}

/// A verified dealing of any kind, nothing of it durable yet.
pub struct PreparedKeys {
    /// The keys, in the order of the plan.
    pub keys: Vec<PreparedKey>,
    /// Hash of everything that was said in the run.
    pub transcript: Digest,
    /// Proofs that this node knows its final shares, for [`verify_all_leaf_proofs`]; `None` if it
    /// holds none.
    pub leaf_proofs: Option<Vec<u8>>,
    /// What the dealers contributed; nothing once it was backed up. Secret.
    pub(crate) contributed: Option<Contributed>,
}

/// One key of a verified dealing.
pub struct PreparedKey {
    /// The public half of the key.
    pub public: KeyPublic,
    /// This node's shares, if it is a receiver. Secret.
    pub share: Option<KeyShare>,
    /// The chain code of a new key. One that existed keeps its own.
    pub chain_code: Option<Digest>,
}

/// Begins a dealing of any kind. Every message is a broadcast; every round awaits the messages of
/// all dealers and receivers, the own one included. Ends in [`Outcome::Dealt`].
///
/// # Errors
/// [`crate::Fault::Caller`]: this node takes no part, the dealers are not those of their
/// selection, the receivers not of the tree or too few, there are no keys or too many, keys of
/// different trees or schemes, or public points that are none. [`crate::Fault::Machine`]: this
/// node is to deal keys and does not have what belongs to them.
pub fn start_deal(plan: DealPlan, seed: Seed) -> Result<(Box<dyn Round>, Vec<Outbound>), Failure> {
    match plan.scheme {
        Scheme::EcdsaSecp256k1 | Scheme::Bip340 => start::<Secp256k1>(plan, seed),
        Scheme::Ed25519 => start::<Ed25519>(plan, seed),
        Scheme::EcdsaP256 => start::<P256>(plan, seed),
    }
}

/// Whether bytes are the one encoding of a public point that a key of this scheme can have: on the
/// curve, of prime order, not the identity.
///
/// # Errors
/// [`crate::Fault::Caller`].
pub fn check_public(scheme: Scheme, bytes: &[u8]) -> Result<(), Failure> {
    let is_point = match scheme {
        Scheme::EcdsaSecp256k1 | Scheme::Bip340 => {
            NonIdentity::<Secp256k1>::from_bytes(bytes).is_ok()
        }
        Scheme::Ed25519 => NonIdentity::<Ed25519>::from_bytes(bytes).is_ok(),
        Scheme::EcdsaP256 => NonIdentity::<P256>::from_bytes(bytes).is_ok(),
    };
    if is_point { Ok(()) } else { Err(Failure::caller("not a public point")) }
}

/// Whether members know their final shares of keys of one run: `new` says whether the keys were
/// made in it. Takes the proofs of all members, because what is common to them is the larger
/// part.
///
/// # Errors
/// The proofs of a member do not hold; the first such member's fault. Keys of different trees or
/// curves: [`crate::Fault::Caller`].
pub fn verify_all_leaf_proofs(
    transcript: Digest,
    keys: &[&KeyPublic],
    new: bool,
    proofs: &[(NodeId, &[u8])],
) -> Result<(), Failure> {
    let knowledge = if new { Knowledge::Each } else { Knowledge::Combined };
    verify_leaves(transcript, keys, knowledge, proofs)
}

fn verify_leaves(
    transcript: Digest,
    keys: &[&KeyPublic],
    knowledge: Knowledge,
    proofs: &[(NodeId, &[u8])],
) -> Result<(), Failure> {
    let mixed = || Failure::caller("keys of one run have one tree and one curve");
    let first = keys.first().ok_or_else(mixed)?;
    match first.half {
        PublicHalf::Secp256k1(_) => {
            verify_on::<Secp256k1>(transcript, first, keys, knowledge, proofs)
        }
        PublicHalf::Ed25519(_) => verify_on::<Ed25519>(transcript, first, keys, knowledge, proofs),
        PublicHalf::P256(_) => verify_on::<P256>(transcript, first, keys, knowledge, proofs),
    }
}

fn verify_on<C: Erase>(
    transcript: Digest,
    first: &KeyPublic,
    keys: &[&KeyPublic],
    knowledge: Knowledge,
    proofs: &[(NodeId, &[u8])],
) -> Result<(), Failure> {
    let tree = first.tree();
    let commitments = commitments_of::<C>(tree, keys.iter().copied())?;
    let statements = LeafStatements::new(&transcript, tree, &commitments, knowledge)?;
    proofs.iter().try_for_each(|(node, bytes)| Ok(statements.verify(*node, bytes)?))
}

/// The commitments of keys over one tree and curve.
fn commitments_of<'a, C: Erase>(
    tree: &Tree<NodeId>,
    keys: impl Iterator<Item = &'a KeyPublic>,
) -> Result<Vec<Commitments<C>>, Failure> {
    let mixed = || Failure::caller("keys of one run have one tree and one curve");
    let commitments = |key: &KeyPublic| {
        C::commitments(&key.half).filter(|_| key.tree() == tree).cloned().ok_or_else(mixed)
    };
    keys.map(commitments).collect()
}

/// The curves of keys: how a curve's halves become erased ones, and back.
pub(crate) trait Erase: Curve {
    fn public(half: Half<Self>) -> PublicHalf;
    fn secret(shares: LeafShares<Self>) -> SecretHalf;
    fn commitments(half: &PublicHalf) -> Option<&Commitments<Self>>;
    fn shares(half: &SecretHalf) -> Option<&LeafShares<Self>>;
    fn contributed(contributions: Contributions<Self>) -> Contributed;
    fn contributions(contributed: Contributed) -> Option<Contributions<Self>>;
    fn source(half: OnCurve<Self>) -> SourceHalf;
}

macro_rules! erase {
    ($($curve:ident)*) => {
        $(impl Erase for $curve {
            fn public(half: Half<Self>) -> PublicHalf {
                PublicHalf::$curve(half)
            }

            fn secret(shares: LeafShares<Self>) -> SecretHalf {
                SecretHalf::$curve(shares)
            }

            fn commitments(half: &PublicHalf) -> Option<&Commitments<Self>> {
                let PublicHalf::$curve(half) = half else { return None };
                Some(&half.commitments)
            }

            fn shares(half: &SecretHalf) -> Option<&LeafShares<Self>> {
                let SecretHalf::$curve(shares) = half else { return None };
                Some(shares)
            }

            fn contributed(contributions: Contributions<Self>) -> Contributed {
                Contributed::$curve(contributions)
            }

            fn contributions(contributed: Contributed) -> Option<Contributions<Self>> {
                let Contributed::$curve(contributions) = contributed else { return None };
                Some(contributions)
            }

            fn source(half: OnCurve<Self>) -> SourceHalf {
                SourceHalf::$curve(half)
            }
        })*
    };
}

erase!(Secp256k1 Ed25519 P256);

/// What is known of the keys before they exist.
struct Order {
    scheme: Scheme,
    tree: Tree<NodeId>,
}

struct Round1<C: Curve>(Order, ExpectRound1<C>);

struct Round2<C: Curve>(Order, ExpectRound2<C>);

fn start<C: Erase>(plan: DealPlan, seed: Seed) -> Result<(Box<dyn Round>, Vec<Outbound>), Failure> {
    let DealPlan { ctx0, scheme, tree, receivers, me, source } = plan;
    let order = Order { scheme, tree: tree.clone() };
    let (source, holding) = on_curve::<C>(scheme, source)?;
    let terms = Terms { ctx0, tree, receivers, source };
    let (expect, message) =
        quorate_keygen::start::<C>(Plan { terms, me, holding }, &mut seed.rng())?;
    Ok((Box::new(Round1(order, expect)), broadcast(message)))
}

/// The source on its curve, and what this node holds of it.
pub(crate) fn on_curve<C: Erase>(
    scheme: Scheme,
    source: DealSource,
) -> Result<(Source<C>, Holding<C>), Failure> {
    match source {
        DealSource::Fresh { count } => Ok((Source::Fresh { count }, Holding::Nothing)),
        DealSource::Shared { dealers, keys, shares } => {
            if keys.iter().any(|key| key.scheme() != scheme) {
                return Err(Failure::caller("keys of one run have one scheme"));
            }
            let first = keys.first().ok_or_else(|| Failure::caller("no keys to deal"))?;
            let tree = first.tree().clone();
            let old = commitments_of::<C>(&tree, keys.iter().map(Arc::as_ref))?;
            let wrong = || Failure::machine("the shares are of another curve than the key");
            let copy = |share: &Arc<KeyShare>| C::shares(&share.half).map(copied).ok_or_else(wrong);
            let held: Vec<LeafShares<C>> = shares.iter().map(copy).collect::<Result<_, _>>()?;
            let holding = if held.is_empty() { Holding::Nothing } else { Holding::Shares(held) };
            Ok((Source::Shared { tree, dealers, old }, holding))
        }
        DealSource::Summands { of, secrets } => {
            let point = |bytes: &Vec<u8>| {
                NonIdentity::from_bytes(bytes).map_err(|_| Failure::caller("not a public point"))
            };
            let points = |(dealer, points): (&NodeId, &Vec<Vec<u8>>)| {
                Ok((*dealer, points.iter().map(point).collect::<Result<_, _>>()?))
            };
            let of = of.iter().map(points).collect::<Result<_, Failure>>()?;
            let scalar = |bytes: &Zeroizing<[u8; 32]>| {
                SecretScalar::from_bytes(bytes.as_ref())
                    .map_err(|_| Failure::caller("not a secret key"))
            };
            let held: Vec<SecretScalar<C>> =
                secrets.iter().map(scalar).collect::<Result<_, _>>()?;
            let holding = if held.is_empty() { Holding::Nothing } else { Holding::Secrets(held) };
            Ok((Source::Summands { of }, holding))
        }
    }
}

/// The shares once more, for the run that consumes them.
fn copied<C: Curve>(shares: &LeafShares<C>) -> LeafShares<C> {
    shares.iter().map(|(leaf, share)| (leaf, share.plus(&SecretScalar::zero()))).collect()
}

impl<C: Erase> Round for Round1<C> {
    fn awaits(&self) -> Vec<NodeId> {
        self.1.awaits().into_iter().collect()
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
        self.1.awaits().into_iter().collect()
    }

    fn advance(self: Box<Self>, inbox: Vec<Inbound>, seed: Seed) -> Result<Progress, Failure> {
        let Self(order, expect) = *self;
        let dealt = expect.handle(by_sender(inbox)?, &mut seed.rng())?;
        Ok(Progress::Done(Outcome::Dealt(Box::new(prepare(&order, dealt)?))))
    }
}

fn prepare<C: Erase>(order: &Order, dealt: Dealt<C>) -> Result<PreparedKeys, Failure> {
    let Dealt { keys, transcript, leaf_proofs, contributions } = dealt;
    let key = |key: DealtKey<C>| {
        let half = Half::new(key.commitments)
            .ok_or_else(|| Failure::peer(Vec::new(), "the key is the identity"))?;
        let held = !key.shares.is_empty();
        Ok(PreparedKey {
            public: KeyPublic::dealt(order.scheme, order.tree.clone(), C::public(half)),
            share: held.then(|| KeyShare { half: C::secret(key.shares) }),
            chain_code: key.chain_code.map(Digest),
        })
    };
    let keys = keys.into_iter().map(key).collect::<Result<_, Failure>>()?;
    let contributed = Some(C::contributed(contributions));
    Ok(PreparedKeys { keys, transcript, leaf_proofs, contributed })
}

fn broadcast(bytes: Vec<u8>) -> Vec<Outbound> {
    vec![Outbound { to: To::All, bytes }]
}

impl From<DealError> for Failure {
    /// A bad share comes with the complaint that proves it to others (ENG-05).
    fn from(error: DealError) -> Self {
        let reason = error.to_string();
        match error.whose() {
            Whose::Caller => Self::caller(reason),
            Whose::Machine => Self::machine(reason),
            Whose::Peers => {
                Self { complaint: error.complaint, ..Self::peer(error.culprits, reason) }
            }
        }
    }
}

impl fmt::Debug for PreparedKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PreparedKeys({}, {})", self.keys.len(), self.transcript)
    }
}

impl fmt::Debug for PreparedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PreparedKey({:?})", self.public)
    }
}

impl fmt::Debug for DealPlan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "DealPlan({}, {}, {:?})", self.ctx0, self.scheme, self.source)
    }
}

impl fmt::Debug for DealSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fresh { count } => write!(formatter, "Fresh({count})"),
            Self::Shared { keys, .. } => write!(formatter, "Shared({})", keys.len()),
            Self::Summands { of, .. } => write!(formatter, "Summands({})", of.len()),
        }
    }
}
