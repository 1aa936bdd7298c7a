//! Signing sessions, erased: everything is checked, then one of the two engines takes over.

mod ecdsa;
mod schnorr;

use crate::key::{Half, PublicHalf, SecretHalf};
use crate::presignature::Presigned;
use crate::quorum::Quorum;
use crate::round::by_sender;
use crate::signature::check_tweak;
use crate::{
    Failure, Inbound, KeyPublic, KeyShare, PairSetup, Payload, Permit, Presignature, Progress,
    Seed, Tweak,
};
use quorate_access::Tree;
use quorate_codec::{Digest, Transcript, tag};
use quorate_curve::{Curve, NonIdentity, Scalar, SecretScalar};
use quorate_derivation::{Child, Family, Path};
use quorate_identity::{KeyId, NodeId, Scheme};
use quorate_schnorr::{Bip340, Ed25519};
use quorate_sharing::LeafShares;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// The most payloads of one session.
pub const PAYLOADS_MAX: usize = 64;

/// What a signing session begins with.
#[derive(Debug)]
pub struct OpenPlan {
    /// The permission, consumed. Its path says which child of the key signs.
    pub permit: Permit,
    /// The chain code of the key's epoch record, from which the child follows.
    pub chain_code: Digest,
    /// How that child is changed before it signs.
    pub tweak: Tweak,
    /// The key.
    pub public: Arc<KeyPublic>,
    /// This node's shares of it.
    pub share: Arc<KeyShare>,
    /// Who takes part: exactly the parties of a canonical selection.
    pub quorum: BTreeSet<NodeId>,
    /// This node, one of the quorum.
    pub me: NodeId,
    /// The set-ups with all others of the quorum; ECDSA only.
    pub pairs: BTreeMap<NodeId, Arc<PairSetup>>,
    /// One for each payload, consumed; or none: then the session takes three rounds.
    pub presignatures: Vec<Presignature>,
}

/// What a session begins with that makes presignatures. It takes no permit: what it makes signs
/// nothing without one.
#[derive(Debug)]
pub struct AheadPlan {
    /// Binds everything that is agreed.
    pub terms: Digest,
    /// Which key.
    pub key: KeyId,
    /// The key.
    pub public: Arc<KeyPublic>,
    /// This node's shares of it.
    pub share: Arc<KeyShare>,
    /// Who takes part: exactly the parties of a canonical selection.
    pub quorum: BTreeSet<NodeId>,
    /// This node, one of the quorum.
    pub me: NodeId,
    /// The set-ups with all others of the quorum.
    pub pairs: BTreeMap<NodeId, Arc<PairSetup>>,
    /// How many: 1 to 64.
    pub count: usize,
}

/// A session whose first message is out. Holds nonces: consumed by [`begin`](Self::begin), never
/// stored. Secret.
pub struct Opening {
    /// What the session was bound to before it had a context.
    bound: Digest,
    me: NodeId,
    quorum: BTreeSet<NodeId>,
    own_first: Vec<u8>,
    engine: Box<dyn Engine>,
}

/// Checks everything that can be checked before a session (ENG-02), and makes the first message,
/// which depends on no share. The child key and its tweak are computed here; there is no way to hand
/// them in (ENG-12, N-65).
///
/// # Errors
/// [`crate::Fault::Caller`] for a quorum, payload, tweak or set-up that does not fit;
/// [`crate::Fault::Machine`] for damaged material.
pub fn open(plan: OpenPlan, seed: Seed) -> Result<(Opening, Vec<u8>), Failure> {
    let OpenPlan { permit, chain_code, tweak, public, share, quorum, me, pairs, presignatures } =
        plan;
    let Permit { key, path, payloads, terms } = permit;
    if !(1..=PAYLOADS_MAX).contains(&payloads.len()) {
        return Err(Failure::caller("a session signs 1 to 64 payloads"));
    }
    if !quorum.contains(&me) {
        return Err(Failure::caller("this node is not in the quorum"));
    }
    check_tweak(public.scheme(), tweak)?;
    if !presignatures.is_empty() && !public.scheme().is_ecdsa() {
        return Err(Failure::caller("only ECDSA has presignatures"));
    }
    let place =
        Place { key, path: &path, chain_code, terms, me, tree: public.tree(), quorum: &quorum };
    let (bound, engine, first): (_, Box<dyn Engine>, _) = match (&public.half, &share.half) {
        (PublicHalf::Ed25519(half), SecretHalf::Ed25519(shares)) => {
            let (seat, checked) = place.seat(half, shares)?;
            let messages = payloads.iter().map(Payload::message).collect::<Result<_, _>>()?;
            let bound = seat.bound;
            let (engine, first) = schnorr::open::<Ed25519>(seat, &checked, tweak, messages, seed)?;
            (bound, engine, first)
        }
        (PublicHalf::Secp256k1(half), SecretHalf::Secp256k1(shares)) => {
            let (seat, checked) = place.seat(half, shares)?;
            let digests = digests(&payloads)?;
            let bound = seat.bound;
            let (engine, first) = if public.scheme() == Scheme::Bip340 {
                let messages = digests.iter().map(<[u8; 32]>::as_slice).collect();
                schnorr::open::<Bip340>(seat, &checked, tweak, messages, seed)?
            } else {
                open_ecdsa(seat, &quorum, digests, &pairs, presignatures, seed)?
            };
            (bound, engine, first)
        }
        (PublicHalf::P256(half), SecretHalf::P256(shares)) => {
            let (seat, _) = place.seat(half, shares)?;
            let bound = seat.bound;
            let digests = digests(&payloads)?;
            let (engine, first) = open_ecdsa(seat, &quorum, digests, &pairs, presignatures, seed)?;
            (bound, engine, first)
        }
        _ => return Err(Failure::machine("the shares are of another curve than the key")),
    };
    Ok((Opening { bound, me, quorum, own_first: first.clone(), engine }, first))
}

fn digests(payloads: &[Payload]) -> Result<Vec<[u8; 32]>, Failure> {
    payloads.iter().map(Payload::digest).collect()
}

/// Opens a session of an ECDSA key that makes presignatures, for the key itself: whatever its
/// children sign later. Everything is checked as for a session that signs.
///
/// # Errors
/// As [`open`].
pub fn open_ahead(plan: AheadPlan, seed: Seed) -> Result<(Opening, Vec<u8>), Failure> {
    let AheadPlan { terms, key, public, share, quorum, me, pairs, count } = plan;
    if !quorum.contains(&me) {
        return Err(Failure::caller("this node is not in the quorum"));
    }
    if !public.scheme().is_ecdsa() {
        return Err(Failure::caller("only ECDSA has presignatures"));
    }
    // The key itself is derived from nothing.
    let (path, chain_code) = (&Path::root(), Digest::ZERO);
    let place = Place { key, path, chain_code, terms, me, tree: public.tree(), quorum: &quorum };
    let (bound, (engine, first)) = match (&public.half, &share.half) {
        (PublicHalf::Secp256k1(half), SecretHalf::Secp256k1(shares)) => {
            let (seat, _) = place.seat(half, shares)?;
            (seat.bound, ecdsa::open(seat, &quorum, ecdsa::Aim::Ahead(count), &pairs, seed)?)
        }
        (PublicHalf::P256(half), SecretHalf::P256(shares)) => {
            let (seat, _) = place.seat(half, shares)?;
            (seat.bound, ecdsa::open(seat, &quorum, ecdsa::Aim::Ahead(count), &pairs, seed)?)
        }
        _ => return Err(Failure::machine("the shares are of another curve than the key")),
    };
    Ok((Opening { bound, me, quorum, own_first: first.clone(), engine }, first))
}

fn open_ecdsa<C: Presigned>(
    seat: Seat<C>,
    quorum: &BTreeSet<NodeId>,
    digests: Vec<[u8; 32]>,
    pairs: &BTreeMap<NodeId, Arc<PairSetup>>,
    presignatures: Vec<Presignature>,
    seed: Seed,
) -> Result<(Box<dyn Engine>, Vec<u8>), Failure> {
    match presignatures.is_empty() {
        true => ecdsa::open(seat, quorum, ecdsa::Aim::Sign(digests), pairs, seed),
        false => ecdsa::decide(seat, quorum, digests, presignatures),
    }
}

impl Opening {
    /// Begins, once the first messages of all parties are here and the context, which covers
    /// them, is agreed. `firsts` holds the message of every other party of the quorum.
    ///
    /// # Errors
    /// [`Failure`]: the session is over, its nonces are wiped.
    pub fn begin(
        self,
        context: Digest,
        firsts: Vec<Inbound>,
        seed: Seed,
    ) -> Result<Progress, Failure> {
        let firsts = by_sender(firsts)?;
        if !firsts.keys().eq(self.quorum.iter().filter(|node| **node != self.me)) {
            return Err(Failure::caller("a session begins with one message of each other party"));
        }
        // The messages that are used, not only those that the context was made from.
        let of = |node: &NodeId| firsts.get(node).unwrap_or(&self.own_first);
        let context = Transcript::new(tag::ENGINE_SESSION)
            .part("begin")
            .part(self.bound)
            .part(context)
            .list(self.quorum.iter().map(of))
            .digest();
        self.engine.begin(context, firsts, seed)
    }
}

/// An engine that has made its first message.
trait Engine: Send {
    fn begin(
        self: Box<Self>,
        context: Digest,
        firsts: BTreeMap<NodeId, Vec<u8>>,
        seed: Seed,
    ) -> Result<Progress, Failure>;
}

/// This node's place in a session: what it is bound to, the child key, and its part of that.
/// Secret.
struct Seat<C: Curve> {
    bound: Digest,
    me: NodeId,
    public_key: NonIdentity<C>,
    /// Its summand of the child key.
    share: SecretScalar<C>,
    /// By how much the child's secret key is larger than the key's.
    tweak: Scalar<C>,
}

/// What a seat is made from, whatever the curve.
struct Place<'a> {
    key: KeyId,
    path: &'a Path,
    chain_code: Digest,
    terms: Digest,
    me: NodeId,
    tree: &'a Tree<NodeId>,
    quorum: &'a BTreeSet<NodeId>,
}

impl Place<'_> {
    /// Derives the child, and checks quorum and share as for the key itself: the sharing of the
    /// child has the same tree, and every leaf's share is larger by δ (ENG-12).
    fn seat<C: Family>(
        &self,
        half: &Half<C>,
        shares: &LeafShares<C>,
    ) -> Result<(Seat<C>, Arc<Quorum<C>>), Failure> {
        let child = half.child(&self.chain_code, self.path)?;
        let (quorum, share) = if self.path.is_root() {
            let quorum = half.quorum(self.tree, self.quorum)?;
            let share = quorum.summand(&self.me, shares)?;
            (quorum, share)
        } else {
            let quorum = half.at(&child)?.quorum(self.tree, self.quorum)?;
            let share = quorum.summand(&self.me, &shares.plus_constant(child.tweak))?;
            (quorum, share)
        };
        let bound = self.bind(&child, &quorum);
        let seat = Seat { bound, me: self.me, public_key: child.key, share, tweak: child.tweak };
        Ok((seat, quorum))
    }

    /// Binds the permit's terms, the key, the canonical selection with its coefficients, and the
    /// child with the way to it (ENG-08).
    fn bind<C: Curve>(&self, child: &Child<C>, quorum: &Quorum<C>) -> Digest {
        Transcript::new(tag::ENGINE_SESSION)
            .part("open")
            .part(self.terms)
            .part(self.key)
            .part(quorum.digest)
            .list(self.path.steps().iter().map(|index| index.to_be_bytes()))
            .part(child.tweak.to_bytes())
            .part(child.key.to_bytes())
            .digest()
    }
}

impl fmt::Debug for Opening {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Opening(secret)")
    }
}
