//! The same keys, signed with by this engine and by `dkls23-core`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use dkls23_core::protocols::re_key::re_key;
use dkls23_core::protocols::signing::{SignData, verify_ecdsa_signature};
use dkls23_core::protocols::{Parameters, Party, PartyIndex};
use k256_14::elliptic_curve::PrimeField;
use k256_14::elliptic_curve::group::GroupEncoding;
use quorate_codec::Digest;
use quorate_curve::{NonIdentity, Scalar, Secp256k1, SecretScalar};
use quorate_ecdsa::sign::{self, Letters, Plan};
use quorate_ecdsa::verify;
use quorate_identity::NodeId;
use quorate_pair::local;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::collections::BTreeMap;
use std::sync::Arc;

type Theirs = k256_14::Secp256k1;

fn node(number: u8) -> NodeId {
    NodeId(Digest([number; 32]))
}

/// λ of party `number` among 1..=`count`, at zero.
fn lagrange(number: u64, count: u64) -> Scalar<Secp256k1> {
    let own = Scalar::<Secp256k1>::from_u64(number);
    (1..=count).filter(|other| *other != number).map(Scalar::from_u64).fold(
        Scalar::one(),
        |product, other: Scalar<Secp256k1>| {
            product * other * (other - own).non_zero().unwrap().invert().scalar()
        },
    )
}

/// Signs with the peer, all phases; r and s.
fn by_peer(parties: &[Party<Theirs>], sign_id: u64, digest: [u8; 32]) -> [u8; 64] {
    let all: Vec<PartyIndex> = parties.iter().map(|party| party.party_index).collect();
    let data: Vec<SignData> = (all.iter())
        .map(|me| SignData {
            sign_id: sign_id.to_be_bytes().to_vec(),
            counterparties: all.iter().copied().filter(|other| other != me).collect(),
            message_hash: digest,
        })
        .collect();
    let (mut first, mut mail) = (Vec::new(), Vec::new());
    for (party, data) in parties.iter().zip(&data) {
        let (unique, kept, sent) = party.sign_phase1(data).unwrap();
        mail.extend(sent);
        first.push((unique, kept));
    }
    let (mut second, mut next) = (Vec::new(), Vec::new());
    for ((party, data), (unique, kept)) in parties.iter().zip(&data).zip(first) {
        let ours = mail.iter().filter(|one| one.parties.receiver == party.party_index);
        let ours: Vec<_> = ours.cloned().collect();
        let (unique, kept, sent) = party.sign_phase2(data, unique, kept, &ours).unwrap();
        second.push((unique, kept));
        next.extend(sent);
    }
    let (mut parts, mut nonce) = (Vec::new(), String::new());
    for ((party, data), (unique, kept)) in parties.iter().zip(&data).zip(second) {
        let ours = next.iter().filter(|one| one.parties.receiver == party.party_index);
        let ours: Vec<_> = ours.cloned().collect();
        let (x, part) = party.sign_phase3(data, unique, kept, &ours).unwrap();
        nonce = x;
        parts.push(part);
    }
    let (s, _) = parties[0].sign_phase4(&data[0], &nonce, &parts, true).unwrap();
    quorate_codec::hex::decode_array(&format!("0x{nonce}{s}")).unwrap()
}

/// Signs with this engine; r and s, as everybody has them.
fn by_us(plans: Vec<Plan<Secp256k1>>, rng: &mut ChaCha20Rng) -> Vec<[u8; 64]> {
    let nodes: Vec<NodeId> = plans.iter().map(|plan| plan.me).collect();
    let mut mail: BTreeMap<NodeId, Letters> = BTreeMap::new();
    let post = |mail: &mut BTreeMap<NodeId, Letters>, from: NodeId, letters: Letters| {
        for (to, bytes) in letters {
            mail.entry(to).or_default().insert(from, bytes);
        }
    };
    let mut first = Vec::new();
    for plan in plans {
        let me = plan.me;
        let (state, letters) = sign::start(plan, rng).unwrap();
        post(&mut mail, me, letters);
        first.push((me, state));
    }
    let inbox = std::mem::take(&mut mail);
    let mut second = Vec::new();
    for (me, state) in first {
        let (state, letters) = state.handle(&inbox[&me], rng).unwrap();
        post(&mut mail, me, letters);
        second.push((me, state));
    }
    let inbox = std::mem::take(&mut mail);
    let mut third = Vec::new();
    for (me, state) in second {
        let (state, part) = state.handle(&inbox[&me]).unwrap();
        let others = nodes.iter().filter(|to| **to != me);
        post(&mut mail, me, others.map(|to| (*to, part.clone())).collect());
        third.push((me, state));
    }
    let ends = third.into_iter().map(|(me, state)| state.handle(&mail[&me]).unwrap());
    ends.map(|signatures| *signatures[0].bytes()).collect()
}

fn pair_up(count: u8, rng: &mut ChaCha20Rng) -> BTreeMap<(u8, u8), Arc<quorate_pair::Setup>> {
    let mut pairs = BTreeMap::new();
    for (a, b) in (1..=count).flat_map(|a| (a + 1..=count).map(move |b| (a, b))) {
        let (at_a, at_b) = local::pair_up(node(a), node(b), Digest::ZERO, rng).unwrap();
        pairs.insert((a, b), Arc::new(at_a));
        pairs.insert((b, a), Arc::new(at_b));
    }
    pairs
}

/// ECD-01, ECD-06, ECD-12: keys that the peer dealt, by Shamir's polynomial, signed with by both
/// engines; what each makes the other one's verifier accepts, and refuses once it is changed.
#[test]
fn keys_of_the_peer_are_signed_with_by_both_engines() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for count in [2_u8, 3] {
        let pairs = pair_up(count, &mut rng);
        for number in 0..20_u64 {
            let secret = k256_14::Scalar::from(rng.next_u64());
            let parameters = Parameters::new(count, count).unwrap();
            let (parties, _) =
                re_key::<Theirs>(&parameters, b"peer", &secret, None, |_| String::new());
            let public: [u8; 33] = parties[0].pk.to_bytes().as_slice().try_into().unwrap();
            let key = NonIdentity::<Secp256k1>::from_bytes(&public).unwrap();
            let mut digest = [0; 32];
            rng.fill_bytes(&mut digest);
            let plan = |me: u8| {
                let value: [u8; 32] = parties[usize::from(me) - 1].poly_point.to_repr().into();
                let weight = lagrange(me.into(), count.into());
                let with = |peer: u8| (node(peer), Arc::clone(&pairs[&(me, peer)]));
                Plan {
                    binding: Digest([number as u8; 32]),
                    parties: (1..=count).map(node).collect(),
                    me: node(me),
                    share: SecretScalar::from_bytes(&value).unwrap().times(weight),
                    public_key: key,
                    pairs: (1..=count).filter(|peer| *peer != me).map(with).collect(),
                    digests: vec![digest],
                }
            };
            let ours = by_us((1..=count).map(plan).collect(), &mut rng);
            assert!(ours.iter().all(|signature| *signature == ours[0]));
            let theirs = by_peer(&parties, number, digest);
            assert_eq!(verify(&key, &digest, &theirs).unwrap().bytes(), &theirs);
            let accepts = |signature: &[u8; 64], digest: &[u8; 32]| {
                let hex = |bytes: &[u8]| quorate_codec::hex::encode(bytes)[2..].to_owned();
                let (r, s) = (hex(&signature[..32]), hex(&signature[32..]));
                verify_ecdsa_signature::<Theirs>(digest, &parties[0].pk, &r, &s)
            };
            assert!(accepts(&ours[0], &digest) && accepts(&theirs, &digest));
            digest[0] ^= 1;
            assert!(!accepts(&ours[0], &digest) && verify(&key, &digest, &theirs).is_err());
        }
    }
}
