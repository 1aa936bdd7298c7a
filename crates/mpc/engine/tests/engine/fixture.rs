//! Keys and pair set-ups, each made once per test process.

use quorate_access::Tree;
use quorate_codec::Digest;
use quorate_derivation::Path;
use quorate_engine::{
    AheadPlan, KeyPublic, KeyShare, OpenPlan, PairSetup, Payload, Permit, Presignature, Tweak,
    local::{self, LocalFailure},
};
use quorate_identity::{KeyId, NodeId, Scheme};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

pub const TWO_OF_THREE: &str = "2 of (a, b, c)";
pub const TWO_GROUPS: &str = "all of (2 of (a, b, c), any of (d, e))";
pub const REPEATED: &str = "2 of (a, all of (a, b), c)";

/// Every key of these tests has this one.
pub const CHAIN_CODE: Digest = Digest([0xcc; 32]);

/// A node by its letter.
pub fn node(name: &str) -> NodeId {
    NodeId(Digest([name.as_bytes()[0]; 32]))
}

pub fn nodes(names: &str) -> BTreeSet<NodeId> {
    names.chars().map(|name| node(&name.to_string())).collect()
}

pub fn tree(notation: &str) -> Tree<NodeId> {
    notation.parse::<Tree<String>>().unwrap().map(|name| node(name))
}

/// A generated key, as all its holders have it.
pub struct Key {
    pub public: Arc<KeyPublic>,
    pub shares: BTreeMap<NodeId, Arc<KeyShare>>,
}

pub fn key(scheme: Scheme, notation: &str) -> Arc<Key> {
    type Keys = BTreeMap<(Scheme, String), Arc<Key>>;
    static KEYS: OnceLock<Mutex<Keys>> = OnceLock::new();
    let mut keys = KEYS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let made = keys.entry((scheme, notation.to_string())).or_insert_with(|| {
        let mut seeds = local::seeds(7);
        let prepared = local::keygen(scheme, &tree(notation), Digest::ZERO, &mut seeds).unwrap();
        let public = prepared.values().next().unwrap();
        let public = KeyPublic::new(scheme, tree(notation), &public.public.commitments()).unwrap();
        let shares = prepared.into_iter().map(|(node, prepared)| (node, prepared.share.into()));
        Arc::new(Key { public: public.into(), shares: shares.collect() })
    });
    Arc::clone(made)
}

/// The half of `me` of the set-up with `peer`.
pub fn pair(me: NodeId, peer: NodeId) -> Arc<PairSetup> {
    type Halves = BTreeMap<(NodeId, NodeId), Arc<PairSetup>>;
    static PAIRS: OnceLock<Mutex<Halves>> = OnceLock::new();
    let mut halves =
        PAIRS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if !halves.contains_key(&(me, peer)) {
        let (at_me, at_peer) = local::pair(me, peer, Digest::ZERO, &mut local::seeds(8)).unwrap();
        halves.insert((me, peer), at_me.into());
        halves.insert((peer, me), at_peer.into());
    }
    Arc::clone(&halves[&(me, peer)])
}

/// A payload of the scheme's kind.
pub fn payload(scheme: Scheme, text: &str) -> Payload {
    let mut digest = [0x42; 32];
    digest[..text.len()].copy_from_slice(text.as_bytes());
    match scheme {
        Scheme::Ed25519 => Payload::Message(text.as_bytes().to_vec()),
        Scheme::EcdsaSecp256k1 | Scheme::EcdsaP256 | Scheme::Bip340 => Payload::Digest(digest),
    }
}

/// What one node opens a session with.
pub fn plan(key: &Key, quorum: &str, me: NodeId, payloads: &[Payload]) -> OpenPlan {
    let quorum = nodes(quorum);
    let ecdsa = key.public.scheme().is_ecdsa();
    let peers = quorum.iter().filter(|peer| ecdsa && **peer != me);
    OpenPlan {
        permit: Permit::issue(
            KeyId(Digest::ZERO),
            Path::root(),
            payloads.to_vec(),
            Digest([1; 32]),
        ),
        chain_code: CHAIN_CODE,
        tweak: Tweak::None,
        public: Arc::clone(&key.public),
        share: Arc::clone(&key.shares[&me]),
        pairs: peers.map(|peer| (*peer, pair(me, *peer))).collect(),
        quorum,
        me,
        presignatures: Vec::new(),
    }
}

/// Presignatures of a key at every node of a quorum.
pub fn presigned(key: &Key, quorum: &str, count: usize) -> BTreeMap<NodeId, Vec<Presignature>> {
    let plan = |me: NodeId| {
        let OpenPlan { public, share, quorum, me, pairs, .. } = plan(key, quorum, me, &[]);
        let (terms, id) = (Digest([2; 32]), KeyId(Digest::ZERO));
        AheadPlan { terms, key: id, public, share, quorum, me, pairs, count }
    };
    let plans = nodes(quorum).into_iter().map(plan).collect();
    local::presign(plans, &mut local::seeds(10)).unwrap()
}

pub fn plans(key: &Key, quorum: &str, payloads: &[Payload]) -> Vec<OpenPlan> {
    nodes(quorum).into_iter().map(|me| plan(key, quorum, me, payloads)).collect()
}

/// Rewrites what `from` sends to `to` in one round, and says what came of it.
pub fn attack(
    plans: Vec<OpenPlan>,
    round: u8,
    (from, to): (&str, &str),
    change: impl Fn(&mut Vec<u8>),
) -> LocalFailure {
    let mut wire = |at, sender, receiver, bytes: &mut Vec<u8>| {
        if (at, sender, receiver) == (round, node(from), node(to)) {
            change(bytes);
        }
    };
    local::sign_over(plans, &mut local::seeds(9), &mut wire).unwrap_err()
}
