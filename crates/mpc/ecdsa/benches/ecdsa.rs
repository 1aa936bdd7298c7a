//! Our engine and `dkls23-core` side by side, in one process and on one thread, by turns: processor
//! time of one party in milliseconds, medians; and bytes from one to another.
//!
//! `cargo xtask bench ecdsa [--json]`

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a measurement that panics has failed, which is what it is for"
)]

use dkls23_core::protocols::re_key::re_key;
use dkls23_core::protocols::signing::SignData;
use dkls23_core::protocols::{Parameters, Party, PartyIndex};
use dkls23_core::utilities::multiplication::{MulReceiver, MulSender};
use quorate_codec::Digest;
use quorate_curve::vectors::with_vectors;
use quorate_curve::{Ed25519, P256, Scalar, Secp256k1, SecretScalar};
use quorate_ecdsa::EcdsaCurve;
use quorate_ecdsa::presign::{self, Decision, Presignature};
use quorate_ecdsa::sign::{self, Letters, Plan};
use quorate_identity::NodeId;
use quorate_pair::{Setup, local};
use quorate_schnorr as schnorr;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeMap;
use std::sync::Arc;

fn main() {
    let is_json = std::env::args().any(|argument| argument == "--json");
    for path in ["avx512", "portable"] {
        if path == "avx512" && !is_x86_feature_detected!("avx512f") {
            continue;
        }
        let print = |row: &str, ours, peer| print(is_json, path, row, ours, peer);
        with_vectors(path == "avx512", || rows(&print));
    }
    with_vectors(false, || {
        let print = |row, ours, peer| print(is_json, "portable", row, ours, Some(peer));
        let (mut ours, mut peer) = (Schnorr::new(), Frost::new());
        let both: Vec<_> = (0..100).map(|_| (ours.sign(), peer.sign())).collect();
        let (ours, peers) = both.into_iter().unzip();
        print("ed25519-2of3", median(ours), median(peers));
        let bytes = Ours::<Secp256k1>::new(2).bytes();
        print("bytes", bytes as f64, PEER_BYTES as f64);
    });
}

/// Milliseconds of one party: how ours and the peer's is named, and both.
fn rows(print: &dyn Fn(&str, f64, Option<f64>)) {
    // By turns, so that a busy machine is busy for both.
    let by_turns =
        |name: &str, turns, ours: &mut dyn FnMut() -> f64, peer: &mut dyn FnMut() -> f64| {
            let both: Vec<_> = (0..turns).map(|_| (ours(), peer())).collect();
            let (ours, peers) = both.into_iter().unzip();
            print(name, median(ours), Some(median(peers)));
        };
    by_turns("setup", 5, &mut pair_up_ours, &mut pair_up_peers);
    for parties in [2, 3] {
        let (mut ours, mut peer) = (Ours::<Secp256k1>::new(parties), Peer::new(parties));
        by_turns(&format!("sign-{parties}"), 60, &mut || ours.sign(1), &mut || peer.sign());
    }
    // What the peer does not have.
    let mut batch = Ours::<Secp256k1>::new(2);
    print("sign-2-of-32", median((0..5).map(|_| batch.sign(32) / 32.0).collect()), None);
    print("presign-32", median((0..9).map(|_| batch.presign(32).0 / 32.0).collect()), None);
    print("online", median((0..3).flat_map(|_| batch.online(32)).collect()), None);
    let mut p256 = Ours::<P256>::new(2);
    print("sign-2-p256", median((0..30).map(|_| p256.sign(1)).collect()), None);
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn print(is_json: bool, path: &str, row: &str, ours: f64, peer: Option<f64>) {
    let ratio = peer.map(|peer| peer / ours);
    if is_json {
        let value = |of: Option<f64>| of.map_or("null".to_owned(), |of| format!("{of:.3}"));
        let (peer, ratio) = (value(peer), value(ratio));
        println!(
            r#"{{"row":"{row}","path":"{path}","ours":{ours:.3},"peer":{peer},"ratio":{ratio}}}"#
        );
    } else {
        let value = |of: Option<f64>| of.map_or("–".to_owned(), |of| format!("{of:.2}"));
        println!("{row:14} {path:9} {ours:10.3} {:>10} {:>7}", value(peer), value(ratio));
    }
}

/// From one party to another for one signature, as version 0.6.2 says it, without anything around.
const PEER_BYTES: usize = 26_746 + 53_700 + 64;

/// Milliseconds of this thread.
fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
    };
    let before = now();
    let done = work();
    (now() - before, done)
}

fn node(number: u8) -> NodeId {
    NodeId(Digest([number; 32]))
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::from_entropy()
}

fn pair_up(a: NodeId, b: NodeId) -> (Setup, Setup) {
    local::pair_up(a, b, Digest::ZERO, &mut rng()).unwrap()
}

fn pair_up_ours() -> f64 {
    timed(|| pair_up(node(1), node(2))).0 / 2.0
}

fn pair_up_peers() -> f64 {
    type Theirs = k256_14::Secp256k1;
    let direction = || {
        let (sender, proof, nonce) = MulReceiver::<Theirs>::init_phase1(b"bench");
        let (receiver, correlation, secrets, encryptions) =
            MulSender::<Theirs>::init_phase1(b"bench");
        let seed = &receiver.seed;
        MulReceiver::init_phase2(&sender, b"bench", seed, &encryptions, &nonce).unwrap();
        MulSender::init_phase2(&receiver, b"bench", correlation, &secrets, &proof, &nonce).unwrap();
    };
    // Both directions, at both nodes.
    timed(|| (direction(), direction())).0 / 2.0
}

/// What each node has.
type Stock<C> = Vec<(NodeId, Vec<Presignature<C>>)>;

/// A key of ours, with all set-ups.
struct Ours<C: EcdsaCurve> {
    summands: Vec<Scalar<C>>,
    pairs: BTreeMap<(u8, u8), Arc<Setup>>,
    binding: u8,
}

impl<C: EcdsaCurve> Ours<C> {
    fn new(parties: u8) -> Self {
        let mut pairs = BTreeMap::new();
        for a in 1..=parties {
            for b in a + 1..=parties {
                let (at_a, at_b) = pair_up(node(a), node(b));
                pairs.insert((a, b), Arc::new(at_a));
                pairs.insert((b, a), Arc::new(at_b));
            }
        }
        let summand = |_| SecretScalar::<C>::random(&mut rng()).reveal();
        Self { summands: (0..parties).map(summand).collect(), pairs, binding: 0 }
    }

    fn plans(&mut self, digests: usize) -> Vec<Plan<C>> {
        self.binding = self.binding.wrapping_add(1);
        let count = self.summands.len() as u8;
        let key = self.summands.iter().fold(Scalar::zero(), |sum, summand| sum + *summand);
        let plan = |me: u8| {
            let with = |peer: u8| (node(peer), Arc::clone(&self.pairs[&(me, peer)]));
            Plan {
                binding: Digest([self.binding; 32]),
                parties: (1..=count).map(node).collect(),
                me: node(me),
                share: SecretScalar::from_bytes(&self.summands[usize::from(me) - 1].to_bytes())
                    .unwrap(),
                public_key: key.commit().non_identity().unwrap(),
                pairs: (1..=count).filter(|peer| *peer != me).map(with).collect(),
                digests: vec![[7; 32]; digests],
            }
        };
        (1..=count).map(plan).collect()
    }

    /// A whole session, milliseconds of one party.
    fn sign(&mut self, digests: usize) -> f64 {
        let plans = self.plans(digests);
        let parties = plans.len() as f64;
        timed(|| run(plans)).0 / parties
    }

    /// Makes presignatures: milliseconds of one party, and what each has.
    fn presign(&mut self, count: usize) -> (f64, Stock<C>) {
        let ahead = |plan: Plan<C>| {
            let Plan { binding, parties, me, share, public_key, pairs, .. } = plan;
            presign::Plan { binding, parties, me, share, public_key, pairs, count }
        };
        let plans: Vec<_> = self.plans(0).into_iter().map(ahead).collect();
        let parties = plans.len() as f64;
        let (spent, made) = timed(|| run_ahead(plans));
        (spent / parties, made)
    }

    /// Signs with each of so many presignatures: milliseconds of one party, each time.
    fn online(&mut self, count: usize) -> Vec<f64> {
        let (_, mut stock) = self.presign(count);
        let key = self.summands.iter().fold(Scalar::zero(), |sum, summand| sum + *summand);
        let public_key = key.commit().non_identity().unwrap();
        let mut one = || {
            let decision = |(me, of): &mut (NodeId, Vec<Presignature<C>>)| {
                let presignatures = vec![of.pop().unwrap()];
                let digests = vec![[7; 32]];
                (*me, Decision { presignatures, digests, tweak: Scalar::zero(), public_key })
            };
            let decisions: Vec<_> = stock.iter_mut().map(decision).collect();
            timed(|| run_online(decisions)).0 / self.summands.len() as f64
        };
        (0..count).map(|_| one()).collect()
    }

    /// Of all rounds, from one party to another.
    fn bytes(&mut self) -> usize {
        run(self.plans(1))
    }
}

/// Runs a session; how many bytes one party sent to another.
fn run<C: EcdsaCurve>(plans: Vec<Plan<C>>) -> usize {
    let nodes: Vec<NodeId> = plans.iter().map(|plan| plan.me).collect();
    let mut rng = rng();
    let mut bytes = 0;
    let mut inboxes: BTreeMap<NodeId, Letters> = BTreeMap::new();
    let mut first = Vec::new();
    for plan in plans {
        let me = plan.me;
        let (state, letters) = sign::start(plan, &mut rng).unwrap();
        bytes = letters.values().next().unwrap().len();
        post(&mut inboxes, me, letters);
        first.push((me, state));
    }
    let inbox = std::mem::take(&mut inboxes);
    let mut second = Vec::new();
    let mut sent = 0;
    for (me, state) in first {
        let (state, letters) = state.handle(&inbox[&me], &mut rng).unwrap();
        sent = letters.values().next().unwrap().len();
        post(&mut inboxes, me, letters);
        second.push((me, state));
    }
    bytes += sent;
    let inbox = std::mem::take(&mut inboxes);
    let mut third = Vec::new();
    for (me, state) in second {
        let (state, part) = state.handle(&inbox[&me]).unwrap();
        sent = part.len();
        let others = nodes.iter().filter(|to| **to != me);
        post(&mut inboxes, me, others.map(|to| (*to, part.clone())).collect());
        third.push((me, state));
    }
    for (me, state) in third {
        state.handle(&inboxes[&me]).unwrap();
    }
    bytes + sent
}

fn run_ahead<C: EcdsaCurve>(plans: Vec<presign::Plan<C>>) -> Stock<C> {
    let mut rng = rng();
    let mut inbox: BTreeMap<NodeId, Letters> = BTreeMap::new();
    let mut first = Vec::new();
    for plan in plans {
        let me = plan.me;
        let (state, letters) = presign::start(plan, &mut rng).unwrap();
        post(&mut inbox, me, letters);
        first.push((me, state));
    }
    let mut answers = BTreeMap::new();
    let mut second = Vec::new();
    for (me, state) in first {
        let (state, letters) = state.handle(&inbox[&me], &mut rng).unwrap();
        post(&mut answers, me, letters);
        second.push((me, state));
    }
    second.into_iter().map(|(me, state)| (me, state.handle(&answers[&me]).unwrap())).collect()
}

fn run_online<C: EcdsaCurve>(decisions: Vec<(NodeId, Decision<C>)>) {
    let nodes: Vec<NodeId> = decisions.iter().map(|(me, _)| *me).collect();
    let to_all = |inboxes: &mut BTreeMap<NodeId, Letters>, from: NodeId, bytes: Vec<u8>| {
        let others = nodes.iter().filter(|to| **to != from);
        post(inboxes, from, others.map(|to| (*to, bytes.clone())).collect());
    };
    let (mut openings, mut parts) = (BTreeMap::new(), BTreeMap::new());
    let mut opened = Vec::new();
    for (me, decision) in decisions {
        let (state, bytes) = presign::decide(decision).unwrap();
        to_all(&mut openings, me, bytes);
        opened.push((me, state));
    }
    let mut said = Vec::new();
    for (me, state) in opened {
        let (state, bytes) = state.handle(Digest::ZERO, &openings[&me]).unwrap();
        to_all(&mut parts, me, bytes);
        said.push((me, state));
    }
    for (me, state) in said {
        state.handle(&parts[&me]).unwrap();
    }
}

fn post(inboxes: &mut BTreeMap<NodeId, Letters>, from: NodeId, letters: Letters) {
    for (to, bytes) in letters {
        inboxes.entry(to).or_default().insert(from, bytes);
    }
}

/// Our Ed25519, two signers of three: milliseconds of both together, each of which verifies.
struct Schnorr {
    coefficients: [Scalar<Ed25519>; 2],
    count: u8,
}

impl Schnorr {
    fn new() -> Self {
        let coefficient = || SecretScalar::<Ed25519>::random(&mut rng()).reveal();
        Self { coefficients: [coefficient(), coefficient()], count: 0 }
    }

    fn plan(&self, me: u8) -> schnorr::Plan<schnorr::Ed25519> {
        let [key, slope] = self.coefficients;
        // The values at 1 and 2, by the coefficients of these numbers: 2 and -1.
        let share = |number: u8| match number {
            1 => (key + slope) * Scalar::from_u64(2),
            _ => Scalar::zero() - (key + slope + slope),
        };
        let public = |number| (node(number), share(number).commit().non_identity().unwrap());
        schnorr::Plan {
            terms: Digest([self.count; 32]),
            me: node(me),
            share: SecretScalar::from_bytes(&share(me).to_bytes()).unwrap(),
            public_shares: [1, 2].map(public).into(),
            public_key: key.commit().non_identity().unwrap(),
            tweak: schnorr::Tweak::None,
            messages: vec![vec![7; 32]],
        }
    }

    fn sign(&mut self) -> f64 {
        self.count = self.count.wrapping_add(1);
        let plans = [self.plan(1), self.plan(2)];
        let mut rng = rng();
        let other = |from: u8, bytes: &[u8]| BTreeMap::from([(node(from), bytes.to_vec())]);
        let run = || {
            let [(one, first), (two, second)] =
                plans.map(|plan| schnorr::open(plan, &mut rng).unwrap());
            let (one, said) = one.handle(Digest::ZERO, &other(2, &second)).unwrap();
            let (two, heard) = two.handle(Digest::ZERO, &other(1, &first)).unwrap();
            (one.handle(&other(2, &heard)).unwrap(), two.handle(&other(1, &said)).unwrap())
        };
        timed(run).0
    }
}

/// The same with the library alone: two of three sign, one of them sums and verifies.
struct Frost {
    keys: Vec<frost_ed25519::keys::KeyPackage>,
    public: frost_ed25519::keys::PublicKeyPackage,
}

impl Frost {
    fn new() -> Self {
        use frost_ed25519::keys::{IdentifierList, KeyPackage, generate_with_dealer};
        let (shares, public) = generate_with_dealer(3, 2, IdentifierList::Default, rng()).unwrap();
        let keys = shares.into_values().take(2).map(|share| KeyPackage::try_from(share).unwrap());
        Self { keys: keys.collect(), public }
    }

    fn sign(&mut self) -> f64 {
        let run = || {
            let mut rng = rng();
            let nonces: Vec<_> = (self.keys.iter())
                .map(|key| frost_ed25519::round1::commit(key.signing_share(), &mut rng))
                .collect();
            let ids = self.keys.iter().map(|key| *key.identifier());
            let commitments = ids.clone().zip(nonces.iter().map(|(_, said)| *said)).collect();
            let package = frost_ed25519::SigningPackage::new(commitments, &[7; 32]);
            let shares = self.keys.iter().zip(&nonces);
            let shares = shares.map(|(key, (nonces, _))| {
                frost_ed25519::round2::sign(&package, nonces, key).unwrap()
            });
            let shares = ids.zip(shares).collect();
            frost_ed25519::aggregate(&package, &shares, &self.public).unwrap()
        };
        timed(run).0
    }
}

/// The same of the peer.
struct Peer {
    parties: Vec<Party<k256_14::Secp256k1>>,
    count: u64,
}

impl Peer {
    fn new(parties: u8) -> Self {
        let parameters = Parameters::new(parties, parties).unwrap();
        let secret = k256_14::Scalar::from(7_u64);
        let (parties, _) = re_key(&parameters, b"bench", &secret, None, |_| String::new());
        Self { parties, count: 0 }
    }

    /// Signs, and verifies as its last phase does.
    fn sign(&mut self) -> f64 {
        self.count += 1;
        let sign_id = self.count.to_be_bytes().to_vec();
        let (spent, ()) = timed(|| self.run(&sign_id));
        spent / self.parties.len() as f64
    }

    fn run(&self, sign_id: &[u8]) {
        let all: Vec<PartyIndex> = self.parties.iter().map(|party| party.party_index).collect();
        let data: Vec<SignData> = (all.iter())
            .map(|me| SignData {
                sign_id: sign_id.to_vec(),
                counterparties: all.iter().copied().filter(|other| other != me).collect(),
                message_hash: [7; 32],
            })
            .collect();
        let mut states = Vec::new();
        let mut mail = Vec::new();
        for (party, data) in self.parties.iter().zip(&data) {
            let (unique, kept, sent) = party.sign_phase1(data).unwrap();
            mail.extend(sent);
            states.push((unique, kept));
        }
        let mut next = Vec::new();
        let mut second = Vec::new();
        for ((party, data), (unique, kept)) in self.parties.iter().zip(&data).zip(states) {
            let ours = mail.iter().filter(|one| one.parties.receiver == party.party_index);
            let ours: Vec<_> = ours.cloned().collect();
            let (unique, kept, sent) = party.sign_phase2(data, unique, kept, &ours).unwrap();
            next.push((unique, kept));
            second.extend(sent);
        }
        let mut parts = Vec::new();
        let mut nonces = Vec::new();
        for ((party, data), (unique, kept)) in self.parties.iter().zip(&data).zip(next) {
            let ours = second.iter().filter(|one| one.parties.receiver == party.party_index);
            let ours: Vec<_> = ours.cloned().collect();
            let (nonce, part) = party.sign_phase3(data, unique, kept, &ours).unwrap();
            nonces.push(nonce);
            parts.push(part);
        }
        for ((party, data), nonce) in self.parties.iter().zip(&data).zip(&nonces) {
            party.sign_phase4(data, nonce, &parts, true).unwrap();
        }
    }
}
