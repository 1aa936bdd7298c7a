//! Child keys: every scheme, every quorum, and what a wrong path or tweak comes to.

use crate::fixture::{
    CHAIN_CODE, Key, REPEATED, TWO_GROUPS, TWO_OF_THREE, attack, key, node, nodes, payload, plans,
    tree,
};
use crate::signing::verifies;
use quorate_codec::Digest;
use quorate_derivation::{Path, derive_encoded};
use quorate_engine::{
    Fault, KeyPublic, OpenPlan, Permit, Seed, Signature, Tweak, local, open, output_key, verify,
};
use quorate_identity::{KeyId, NodeId, Scheme};
use std::collections::BTreeSet;

fn path(text: &str) -> Path {
    text.parse().unwrap()
}

fn permit(scheme: Scheme, at: &str) -> Permit {
    let payloads = vec![payload(scheme, "child"), payload(scheme, "again")];
    Permit::issue(KeyId(Digest::ZERO), path(at), payloads, Digest([1; 32]))
}

/// What everybody of a quorum opens a session with, for the child at a path.
fn plans_at(key: &Key, quorum: &str, at: &str) -> Vec<OpenPlan> {
    let scheme = key.public.scheme();
    let mut plans = plans(key, quorum, &[payload(scheme, "child")]);
    plans.iter_mut().for_each(|plan| plan.permit = permit(scheme, at));
    plans
}

/// The quorums of a tree that sign: exactly the canonical ones.
fn quorums(notation: &str, all: &str) -> Vec<String> {
    let tree = tree(notation);
    let letters: Vec<char> = all.chars().collect();
    let subset = |mask: usize| -> String {
        let chosen = letters.iter().enumerate().filter(|(bit, _)| mask >> bit & 1 == 1);
        chosen.map(|(_, letter)| *letter).collect()
    };
    let canonical = |names: &String| {
        let parties: BTreeSet<NodeId> = nodes(names);
        tree.select(&parties).is_some_and(|selection| selection.parties() == parties)
    };
    (1..1 << letters.len()).map(subset).filter(canonical).collect()
}

/// The child key as a wallet finds it, from the record's first commitment alone.
fn outside(public: &KeyPublic, at: &str) -> Vec<u8> {
    let point = &public.commitments()[0];
    derive_encoded(public.scheme(), point, &CHAIN_CODE.0, &path(at)).unwrap().public_key
}

fn signs(scheme: Scheme, notation: &str, quorum: &str, at: &str, tweak: Tweak) {
    let key = key(scheme, notation);
    let mut plans = plans_at(&key, quorum, at);
    plans.iter_mut().for_each(|plan| plan.tweak = tweak);
    let signed = local::sign(plans, &mut local::seeds(3)).unwrap();
    let child = key.public.child(&CHAIN_CODE, &path(at)).unwrap();
    assert_eq!(child.public_key(), outside(&key.public, at), "{scheme} {at}");
    let output = output_key(&child, tweak);
    assert_eq!(output == child.public_key(), tweak == Tweak::None);
    for signatures in signed.values() {
        assert_eq!(signatures.len(), 2);
        let payloads = [payload(scheme, "child"), payload(scheme, "again")];
        for (signature, payload) in signatures.iter().zip(&payloads) {
            let name = format!("{scheme} {notation} {quorum} {at}");
            assert!(verifies(scheme, &output, payload, signature), "{name}");
            assert!(verify(&child, tweak, payload, signature.bytes()).is_ok(), "{name}");
            let parent = verify(&key.public, tweak, payload, signature.bytes());
            assert_eq!(parent.is_ok(), at == "m", "{name}");
        }
    }
}

/// ENG-12: both Schnorr schemes, every quorum of a flat tree, a nested one, and one in which a
/// node holds several leaves.
#[test]
fn every_quorum_of_every_tree_signs_for_a_child() {
    let trees = [(TWO_OF_THREE, "abc"), (TWO_GROUPS, "abcde"), (REPEATED, "abc")];
    for (notation, all) in trees {
        let quorums = quorums(notation, all);
        assert!(quorums.len() > 1);
        for (quorum, at) in
            quorums.iter().zip(["m/0/5", "m/1/0", "m/7", "m/2147483647/3"].iter().cycle())
        {
            signs(Scheme::Ed25519, notation, quorum, at, Tweak::None);
            signs(Scheme::Bip340, notation, quorum, at, Tweak::None);
            signs(Scheme::Bip340, notation, quorum, at, Tweak::TaprootKeyPath);
        }
    }
}

/// ENG-12: the same for ECDSA, whose set-ups know nothing of keys.
#[test]
fn every_kind_of_quorum_signs_for_an_ecdsa_child() {
    let cases = [
        (TWO_OF_THREE, "ab", "m/0/5"),
        (TWO_OF_THREE, "bc", "m/1/0"),
        (TWO_GROUPS, "abd", "m/0/0"),
        (REPEATED, "ab", "m/44/60/0/0/1"),
    ];
    for (notation, quorum, at) in cases {
        signs(Scheme::EcdsaSecp256k1, notation, quorum, at, Tweak::None);
        signs(Scheme::EcdsaP256, notation, quorum, at, Tweak::None);
    }
}

/// ENG-07, ENG-12, ECD-06: every canonical quorum of every tree, with hundreds of paths and digests
/// over the same set-ups, some of them on the other curve; each signature verifies by a library that
/// made none of it.
#[test]
fn ecdsa_signs_a_thousand_times_for_any_quorum_and_child() {
    let trees = [(TWO_OF_THREE, "abc"), (TWO_GROUPS, "abcde"), (REPEATED, "abc")];
    let cases: Vec<(&str, String)> = trees
        .into_iter()
        .flat_map(|(tree, all)| quorums(tree, all).into_iter().map(move |quorum| (tree, quorum)))
        .filter(|(_, quorum)| quorum.len() > 1)
        .collect();
    let mut signed = BTreeSet::new();
    for number in 0..128_u32 {
        let (notation, quorum) = &cases[number as usize % cases.len()];
        let scheme = match number % 7 {
            0 => Scheme::EcdsaP256,
            _ => Scheme::EcdsaSecp256k1,
        };
        let key = key(scheme, notation);
        let at = ["m".to_owned(), format!("m/{number}"), format!("m/44/60/0/0/{number}")];
        let at = &at[number as usize % 3];
        let payloads: Vec<_> =
            (0..8).map(|place| payload(scheme, &format!("{number} {place}"))).collect();
        let mut plans = plans(&key, quorum, &payloads);
        for plan in &mut plans {
            plan.permit =
                Permit::issue(KeyId(Digest::ZERO), path(at), payloads.clone(), Digest([1; 32]));
        }
        let everybodys = local::sign(plans, &mut local::seeds(number.into())).unwrap();
        let child = key.public.child(&CHAIN_CODE, &path(at)).unwrap();
        let first = everybodys.values().next().unwrap();
        assert!(everybodys.values().all(|signatures| signatures == first));
        for (signature, payload) in first.iter().zip(&payloads) {
            assert!(verifies(scheme, &child.public_key(), payload, signature), "{notation} {at}");
            signed.insert(signature.bytes()[..32].to_vec());
        }
    }
    // No nonce ever served twice.
    assert_eq!(signed.len(), 1024);
}

/// DER-05: a key with an odd y and one with an even y, above children with either.
#[test]
fn neg_065_bip_340_children_follow_from_the_real_parity() {
    let key = key(Scheme::Bip340, TWO_OF_THREE);
    let mut parities = BTreeSet::new();
    for index in 0..8 {
        let at = format!("m/{index}");
        signs(Scheme::Bip340, TWO_OF_THREE, "ac", &at, Tweak::TaprootKeyPath);
        let child = key.public.child(&CHAIN_CODE, &path(&at)).unwrap();
        parities.insert(child.commitments()[0][0]);
    }
    assert_eq!(parities, [2, 3].into());
}

/// ENG-08, ENG-12: a party at another path, or with another chain code, computes another child and
/// is in another session; nobody is accused and no pair is quarantined, since who erred is not
/// known.
#[test]
fn neg_065_another_path_or_chain_code_at_one_party_ends_the_session() {
    for scheme in Scheme::ALL {
        let key = key(scheme, TWO_OF_THREE);
        let run = |change: &dyn Fn(&mut OpenPlan)| {
            let mut plans = plans_at(&key, "ab", "m/0/5");
            change(&mut plans[1]);
            local::sign(plans, &mut local::seeds(4))
        };
        assert!(run(&|_| {}).is_ok());
        let changes: [&dyn Fn(&mut OpenPlan); 4] = [
            &|plan| plan.permit = permit(scheme, "m/0/6"),
            &|plan| plan.permit = permit(scheme, "m"),
            &|plan| plan.permit = permit(scheme, "m/0"),
            &|plan| plan.chain_code = Digest([0xcd; 32]),
        ];
        for change in changes {
            let failure = run(change).unwrap_err().failure;
            let nobody = Fault::Peer { culprits: Vec::new() };
            assert_eq!((failure.fault, failure.quarantine), (nobody, None), "{scheme}");
        }
    }
}

/// ENG-12: whoever signs with a tweak of their own choosing, as a member with changed software
/// could, is named as for any wrong share, and no signature comes out: neither of the child, nor of
/// the key, nor of what that tweak would lead to.
#[test]
fn neg_065_a_wrong_tweak_of_one_party_is_named_and_signs_nothing() {
    for scheme in [Scheme::Ed25519, Scheme::Bip340] {
        let key = key(scheme, TWO_OF_THREE);
        // A share that is off by any tweak at all gives a signature share that is off.
        let flip = |bytes: &mut Vec<u8>| bytes[45] ^= 1;
        let end = attack(plans_at(&key, "bc", "m/0/5"), 1, ("c", "b"), flip);
        let culprit = Fault::Peer { culprits: vec![node("c")] };
        assert_eq!((end.at, end.failure.fault), (node("b"), culprit));
    }
    let key = key(Scheme::EcdsaSecp256k1, TWO_OF_THREE);
    let flip = |bytes: &mut Vec<u8>| bytes[58] ^= 1;
    let failure = attack(plans_at(&key, "ab", "m/0/5"), 3, ("b", "a"), flip).failure;
    assert_eq!(
        (failure.fault, failure.quarantine),
        (Fault::Peer { culprits: vec![node("b")] }, None)
    );
}

/// ENG-12: the shares of the key are none of the child, so they cannot be mixed up.
#[test]
fn neg_060_a_share_of_the_key_is_none_of_its_child() {
    for scheme in Scheme::ALL {
        let key = key(scheme, TWO_OF_THREE);
        let child = key.public.child(&CHAIN_CODE, &path("m/0")).unwrap();
        let root = key.public.child(&CHAIN_CODE, &Path::root()).unwrap();
        let share = &key.shares[&node("a")];
        assert!(share.matches(&key.public) && share.matches(&root));
        assert!(!share.matches(&child));
        let mut plans = plans_at(&key, "ab", "m");
        plans[0].public = child.into();
        let failure = open(plans.remove(0), Seed::new([1; 32])).err().unwrap();
        assert_eq!(failure.fault, Fault::Machine, "{scheme}");
    }
}

/// ENG-01: what is derived for one session leaves nothing behind for the next.
#[test]
fn sessions_of_several_children_and_of_the_key_itself_take_turns() {
    let key = key(Scheme::Ed25519, TWO_OF_THREE);
    let sign = |at: &str| -> Signature {
        let signed = local::sign(plans_at(&key, "ab", at), &mut local::seeds(5)).unwrap();
        signed[&node("a")][0].clone()
    };
    let all = ["m", "m/0", "m/0/0", "m", "m/0"].map(sign);
    assert_eq!((&all[0], &all[1]), (&all[3], &all[4]));
    assert_ne!(all[1], all[2]);
}
