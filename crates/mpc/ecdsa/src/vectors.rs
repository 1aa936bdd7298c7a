//! The vectors of `vectors/ecdsa.json`: whole runs from their seeds, down to every byte that is sent.
//!
//! What parties draw is one ChaCha20 stream with nonce and counter zero, under the seed, in the order of
//! the parties in each round. Of messages the file has lengths and SHA-256.

use crate::fixture::{Ends, Key, ahead, node, online, pair_up, run};
use crate::presign::{Decision, Presignature};
use crate::{EcdsaCurve, verify};
use quorate_codec::{Digest, hex};
use quorate_curve::vectors::with_vectors;
use quorate_curve::{NonIdentity, P256, Scalar, Secp256k1};
use quorate_identity::NodeId;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use std::cell::RefCell;

const BINDING: Digest = Digest([7; 32]);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Vectors {
    about: String,
    set_ups: Vec<SetUp>,
    sessions: Vec<Case>,
    presignatures: Vec<Ahead>,
}

/// Of two nodes, from one seed: what each of them stores.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct SetUp {
    nodes: [u8; 2],
    context: String,
    seed: u64,
    stored_sha256: [String; 2],
}

/// Three rounds.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Case {
    curve: String,
    summands: Vec<String>,
    public_key: String,
    binding: String,
    seed: u64,
    digests: Vec<String>,
    messages: Vec<Sent>,
    signatures: Vec<Signed>,
}

/// Two rounds ahead, and one of which what is opened is the first message.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Ahead {
    curve: String,
    summands: Vec<String>,
    public_key: String,
    binding: String,
    seed: u64,
    ahead: Vec<Sent>,
    names: Vec<String>,
    tweak: String,
    signing_key: String,
    digests: Vec<String>,
    online: Vec<Sent>,
    signatures: Vec<Signed>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Sent {
    round: u8,
    from: u8,
    to: u8,
    bytes: usize,
    sha256: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Signed {
    signature: String,
    recovery_id: Option<u8>,
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(&sha2::Sha256::digest(bytes))
}

/// Notes what is sent.
#[derive(Default)]
struct Log(RefCell<Vec<Sent>>);

impl Log {
    fn note(&self) -> impl Fn(u8, NodeId, NodeId, &mut Vec<u8>) {
        |round, from, to, bytes| {
            let sha256 = sha256(bytes);
            let [from, to] = [from, to].map(|node| node.0.0[0]);
            self.0.borrow_mut().push(Sent { round, from, to, bytes: bytes.len(), sha256 });
        }
    }
}

/// What all parties come to, which is one and the same, and verifies.
fn signed<C: EcdsaCurve>(ends: Ends, key: &NonIdentity<C>, digests: &[[u8; 32]]) -> Vec<Signed> {
    let mut each = ends.into_values().map(Result::unwrap);
    let first = each.next().unwrap();
    assert!(each.all(|other| other == first));
    for (signature, digest) in first.iter().zip(digests) {
        verify(key, digest, signature.bytes()).unwrap();
    }
    let line = |it: &crate::Signature| Signed {
        signature: hex::encode(it.bytes()),
        recovery_id: it.recovery_id(),
    };
    first.iter().map(line).collect()
}

fn encoded(digests: &[[u8; 32]]) -> Vec<String> {
    digests.iter().map(|digest| hex::encode(digest)).collect()
}

fn session<C: EcdsaCurve>(parties: u8, seed: u64, digests: &[[u8; 32]]) -> Case {
    let (key, log) = (Key::<C>::new(parties), Log::default());
    let ends = run(key.plans(digests), seed, log.note());
    Case {
        curve: C::NAME.to_owned(),
        summands: key.summands().iter().map(|it| hex::encode(&it.to_bytes())).collect(),
        public_key: hex::encode(&key.public().to_bytes()),
        binding: hex::encode(&BINDING.0),
        seed,
        digests: encoded(digests),
        messages: log.0.into_inner(),
        signatures: signed(ends, &key.public(), digests),
    }
}

fn made_ahead<C: EcdsaCurve>(parties: u8, seed: u64, tweak: u64, digests: &[[u8; 32]]) -> Ahead {
    let (key, log) = (Key::<C>::new(parties), Log::default());
    let plans = (1..=parties).map(|number| key.plan_ahead(number, digests.len())).collect();
    let made = ahead(plans, seed, log.note()).unwrap();
    let names = made[0].1.iter().map(|it: &Presignature<C>| hex::encode(&it.name().0)).collect();
    let tweak = Scalar::<C>::from_u64(tweak);
    let public_key = (key.public().point() + tweak.commit()).non_identity().unwrap();
    let decision = |(me, presignatures)| {
        let digests = digests.to_vec();
        (me, BINDING, Decision { presignatures, digests, tweak, public_key })
    };
    let said = Log::default();
    let ends = online(made.into_iter().map(decision).collect(), said.note());
    Ahead {
        curve: C::NAME.to_owned(),
        summands: key.summands().iter().map(|it| hex::encode(&it.to_bytes())).collect(),
        public_key: hex::encode(&key.public().to_bytes()),
        binding: hex::encode(&BINDING.0),
        seed,
        ahead: log.0.into_inner(),
        names,
        tweak: hex::encode(&tweak.to_bytes()),
        signing_key: hex::encode(&public_key.to_bytes()),
        digests: encoded(digests),
        online: said.0.into_inner(),
        signatures: signed(ends, &public_key, digests),
    }
}

fn computed(about: &str) -> Vectors {
    let context = Digest([9; 32]);
    let set_up = |[a, b]: [u8; 2]| {
        let (at_a, at_b) = pair_up(node(a), node(b), context);
        let stored_sha256 = [at_a, at_b].map(|half| sha256(&half.to_bytes()));
        SetUp { nodes: [a, b], context: hex::encode(&context.0), seed: 1, stored_sha256 }
    };
    let (one, edges) = ([[0x42; 32]], [[0; 32], [0xff; 32], [0x11; 32]]);
    Vectors {
        about: about.to_owned(),
        set_ups: vec![set_up([1, 2]), set_up([1, 3]), set_up([2, 3])],
        sessions: vec![
            session::<Secp256k1>(2, 11, &one),
            session::<Secp256k1>(3, 12, &edges),
            session::<P256>(2, 13, &one),
            session::<P256>(3, 14, &edges),
        ],
        presignatures: vec![
            made_ahead::<Secp256k1>(2, 15, 0, &one),
            made_ahead::<Secp256k1>(3, 16, 5, &edges),
            made_ahead::<P256>(2, 17, 5, &one),
        ],
    }
}

/// ECD-01 to ECD-16 and PAI-01 to PAI-15: nothing that is sent, stored or signed has changed, and it is
/// the same with wide vectors and without. A change of the wire is another file, and another tag.
#[test]
fn runs_are_those_of_the_vectors() {
    let file = include_str!("../../../../vectors/ecdsa.json");
    let known: Vectors = serde_json::from_str(file).unwrap();
    for is_wanted in [true, false] {
        let computed = with_vectors(is_wanted, || computed(&known.about));
        assert_eq!(computed.set_ups, known.set_ups);
        assert_eq!(computed.sessions, known.sessions);
        assert_eq!(computed.presignatures, known.presignatures);
    }
}
