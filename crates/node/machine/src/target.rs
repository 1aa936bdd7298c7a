//! What a session needs to know of its target: who may sign it, the terms as this node computes
//! them, the material, the authorisation.

use crate::node::{Node, Turn};
use crate::permit;
use crate::wire::{Generation, Target, Terms};
use quorate_access::Tree;
use quorate_codec::{Digest, Transcript, tag};
use quorate_engine::{KeyPublic, KeyShare, PairSetup, Tweak};
use quorate_identity::{KeyId, NodeId};
use quorate_intent::SigningPayload;
use quorate_policy::request::NodeOutcome;
use quorate_policy::{Authorized, SignRequest};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The kind of intent of which nodes know nothing but the digest.
const RAW_DIGEST: &str = "raw.digest";

/// What this node puts into a session.
pub(crate) struct Material {
    pub public: Arc<KeyPublic>,
    pub share: Arc<KeyShare>,
    pub chain_code: Digest,
    pub tweak: Tweak,
    pub pairs: BTreeMap<NodeId, Arc<PairSetup>>,
    pub generations: Vec<Generation>,
}

impl Node {
    /// The tree over nodes that must be satisfied to sign a target.
    pub(crate) fn tree_of(&self, target: &Target) -> Option<Tree<NodeId>> {
        Some(self.keys.current(&self.key_of(target)?)?.record.plan.tree.clone())
    }

    /// Those who hold shares of a target's key in its newest epoch.
    fn holders(&self, target: &Target) -> Vec<NodeId> {
        let current = self.key_of(target).and_then(|key| self.keys.current(&key));
        current.map(|current| current.record.plan.committee.clone()).unwrap_or_default()
    }

    /// Whether this node knows what a target is.
    pub(crate) fn knows(&self, target: &Target) -> bool {
        self.key_of(target).is_some()
    }

    /// Members of the target's key that are here and may sign, this node included; without those
    /// whose pair with us is quarantined.
    pub(crate) fn live_signers(&self, target: &Target) -> BTreeSet<NodeId> {
        self.holders(target)
            .into_iter()
            .filter(|node| *node == self.me || self.presence.is_here(node))
            .filter(|node| self.state.is_signing(node))
            .filter(|node| !self.pairs.quarantined().contains_key(node))
            .collect()
    }

    /// Live members known to allow the target at this node's head.
    pub(crate) fn allowing(&self, target: &Target) -> BTreeSet<NodeId> {
        let mut nodes = self.live_signers(target);
        if let Target::Request(id) = target {
            let head = self.state.head();
            nodes.retain(|node| {
                let book = self.requests.book(id);
                book.and_then(|book| book.decisions.get(node)).is_some_and(|decision| {
                    decision.body().head == head && decision.body().is_allowance()
                })
            });
        }
        nodes
    }

    /// Whether a member is known to deny the target at this node's head.
    pub(crate) fn has_denied(&self, node: &NodeId, target: &Target) -> bool {
        let Target::Request(id) = target else { return false };
        let head = self.state.head();
        let decision = self.requests.book(id).and_then(|book| book.decisions.get(node));
        decision.is_some_and(|decision| {
            decision.body().head == head && decision.body().outcome == NodeOutcome::Deny
        })
    }

    /// Whether a target has ended here.
    pub(crate) fn is_over(&self, target: &Target) -> bool {
        match target {
            Target::Request(id) => self.requests.book(id).is_some_and(|book| book.stage.is_final()),
            Target::Ahead(..) => false,
            Target::Birth(key, epoch) => {
                let current = self.keys.current(key);
                current.is_some_and(|current| match current.number().cmp(epoch) {
                    std::cmp::Ordering::Less => false,
                    std::cmp::Ordering::Equal => current.proof.is_some(),
                    std::cmp::Ordering::Greater => true,
                })
            }
        }
    }

    /// Whether every two members of a session need a pair set-up.
    pub(crate) fn needs_pairs(&self, target: &Target) -> bool {
        let order = self.key_of(target).and_then(|key| self.state.key(&key));
        order.is_some_and(|order| order.scheme.is_ecdsa())
    }

    /// The terms of a session for a target with this quorum, from what this node verified
    /// itself; `None` while it has not allowed it.
    pub(crate) fn terms(
        &self,
        target: Target,
        quorum: &BTreeSet<NodeId>,
        incarnations: Vec<Digest>,
        presignatures: Vec<Digest>,
    ) -> Option<Terms> {
        if !self.wants(&target) {
            return None;
        }
        let key = self.key_of(&target)?;
        let book = self.keys.book(&key)?;
        let current = book.current()?;
        // Only its birth is signed by a key that is not born (CER-07), and nothing by one that is
        // retired (EPO-15), or frozen (GOV-90).
        let may_sign = match target {
            Target::Request(_) | Target::Ahead(..) => book.is_active(),
            Target::Birth(_, epoch) => {
                epoch == current.number() && !current.record.plan.is_arrival()
            }
        };
        let is_frozen = self.freezes.of_key(&key).is_some();
        if !may_sign || is_frozen || self.state.key(&key).is_none_or(|order| order.retired) {
            return None;
        }
        let work = self.work(&target)?;
        let quorum: Vec<NodeId> = quorum.iter().copied().collect();
        Some(Terms {
            version: 1,
            genesis: self.state.genesis(),
            head: self.state.head(),
            target,
            key,
            epoch_record: current.digest,
            payloads: payloads_digest(&work.payloads, work.tweak),
            quorum,
            incarnations,
            account: work.account,
            path: work.path,
            child_key: work.public_key,
            presignatures,
        })
    }

    /// Whether this node wants a target: it allows it, or people asked for it.
    pub(crate) fn wants(&self, target: &Target) -> bool {
        match target {
            Target::Request(_) | Target::Birth(..) => self.sessions.is_undertaken(target),
            Target::Ahead(key, ..) => self.asks_ahead(key),
        }
    }

    /// Of which key and account presignatures may sign a target: of none a birth, and no raw digest,
    /// of which nobody knows what it is (AHD-04).
    pub(crate) fn presigns(&self, target: &Target) -> Option<(KeyId, u16)> {
        let Target::Request(id) = target else { return None };
        let book = self.requests.book(id)?;
        let is_raw = book.decoded.as_ref()?.kind() == RAW_DIGEST;
        let request = book.request.body();
        (!is_raw && self.asks_ahead(&request.key)).then_some((request.key, request.account))
    }

    /// How many payloads a target has.
    pub(crate) fn payload_count(&self, target: &Target) -> usize {
        self.work(target).map_or(0, |work| work.payloads.len())
    }

    /// Shares and pair set-ups for a session with these terms.
    pub(crate) fn signing_material(&self, terms: &Terms) -> Option<Material> {
        let current = self.keys.current(&terms.key)?;
        let account = terms.account;
        let tweak = self.work(&terms.target)?.tweak;
        let peers = terms.quorum.iter().copied().filter(|peer| *peer != self.me);
        let (pairs, generations) = match current.record.plan.scheme.is_ecdsa() {
            true => {
                let pairs = peers
                    .clone()
                    .map(|peer| Some((peer, self.pairs.get(&peer)?.1)))
                    .collect::<Option<BTreeMap<_, _>>>()?;
                (pairs, self.pairs.generations(peers))
            }
            false => (BTreeMap::new(), Vec::new()),
        };
        Some(Material {
            public: Arc::clone(current.accounts.get(usize::from(account))?),
            share: current.shares.as_ref()?.of(account)?,
            chain_code: current.record.account(account)?.chain_code,
            tweak,
            pairs,
            generations,
        })
    }

    /// The authorisation for one attempt at a target, consumed.
    pub(crate) fn take_authorisation(
        &mut self,
        target: &Target,
        turn: &mut Turn<'_>,
    ) -> Option<Authorized<SignRequest>> {
        match target {
            Target::Request(id) => self.take_request_authorisation(id, turn),
            Target::Birth(key, _) => {
                let record = &self.keys.current(key)?.record;
                quorate_policy::authorize_birth(&self.state, record)
            }
            Target::Ahead(..) => None,
        }
    }

    /// The key of a target.
    fn key_of(&self, target: &Target) -> Option<KeyId> {
        match target {
            Target::Request(id) => Some(self.requests.book(id)?.request.body().key),
            Target::Birth(key, _) | Target::Ahead(key, ..) => Some(*key),
        }
    }

    /// What is signed for a target and with which key, decoded and derived here.
    fn work(&self, target: &Target) -> Option<Work> {
        match target {
            Target::Request(id) => {
                let book = self.requests.book(id)?;
                let decoded = book.decoded.as_ref()?;
                Some(Work {
                    payloads: decoded.signing_payloads(),
                    tweak: permit::tweak(decoded),
                    account: book.request.body().account,
                    path: book.request.body().path.clone(),
                    public_key: decoded.public_key(),
                })
            }
            Target::Birth(key, _) => {
                let record = &self.keys.current(key)?.record;
                Some(Work {
                    payloads: vec![quorate_policy::birth_payload(record)],
                    tweak: Tweak::None,
                    account: 0,
                    path: Vec::new(),
                    public_key: record.account(0)?.public_key.clone(),
                })
            }
            Target::Ahead(key, account, _) => {
                let record = &self.keys.current(key)?.record;
                Some(Work {
                    payloads: Vec::new(),
                    tweak: Tweak::None,
                    account: *account,
                    path: Vec::new(),
                    public_key: record.account(*account)?.public_key.clone(),
                })
            }
        }
    }
}

/// What is signed, and with which child of which account of the key.
struct Work {
    payloads: Vec<SigningPayload>,
    tweak: Tweak,
    account: u16,
    path: Vec<u32>,
    public_key: Vec<u8>,
}

fn payloads_digest(payloads: &[SigningPayload], tweak: Tweak) -> Digest {
    let tweak: &[u8] = match tweak {
        Tweak::None => b"none",
        Tweak::TaprootKeyPath => b"taproot-key-path",
    };
    let parts = payloads.iter().map(|payload| match payload {
        SigningPayload::Digest(digest) => [b"d".as_slice(), digest].concat(),
        SigningPayload::Message(message) => [b"m".as_slice(), message].concat(),
    });
    Transcript::new(tag::INTENT).part("payloads").part(tweak).list(parts).digest()
}
