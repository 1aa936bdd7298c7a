//! Attacks on sessions, as the engine's users see them.

use crate::fixture::{Key, TWO_OF_THREE, attack, key, node, payload, plan, plans};
use quorate_codec::{Digest, hex};
use quorate_derivation::Path;
use quorate_engine::{
    Fault, Inbound, OpenPlan, Opening, Payload, Permit, Progress, Seed, Tweak, local, open, verify,
};
use quorate_identity::{KeyId, Scheme};
use std::sync::Arc;

/// The first byte of the first item: after the run id and two headers.
const SHORT_ITEM: usize = 38;
const LONG_ITEM: usize = 39;
/// The transfers' matrix within an item of ECDSA's round 1.
const MATRIX: usize = LONG_ITEM + 96;

fn session(scheme: Scheme, quorum: &str) -> Vec<OpenPlan> {
    plans(&key(scheme, TWO_OF_THREE), quorum, &[payload(scheme, "m")])
}

fn culprit(name: &str) -> Fault {
    Fault::Peer { culprits: vec![node(name)] }
}

fn nobody() -> Fault {
    Fault::Peer { culprits: Vec::new() }
}

fn fault(plan: OpenPlan) -> Option<Fault> {
    open(plan, Seed::new([1; 32])).err().map(|failure| failure.fault)
}

/// ENG-02.
#[test]
fn payloads_tweaks_and_set_ups_that_do_not_fit_are_the_callers_fault() {
    let wrong = |scheme, change: &dyn Fn(&mut OpenPlan)| {
        let mut plans = session(scheme, "ab");
        change(&mut plans[0]);
        fault(plans.remove(0))
    };
    let permit =
        |payloads| Permit::issue(KeyId(Digest::ZERO), Path::root(), payloads, Digest::ZERO);
    let message = || Payload::Message(b"m".to_vec());
    let digest = Payload::Digest([1; 32]);
    for scheme in Scheme::ALL {
        let other = if scheme == Scheme::Ed25519 { digest.clone() } else { message() };
        assert_eq!(wrong(scheme, &|_| {}), None);
        assert_eq!(wrong(scheme, &|p| p.permit = permit(vec![other.clone()])), Some(Fault::Caller));
        assert_eq!(wrong(scheme, &|p| p.permit = permit(Vec::new())), Some(Fault::Caller));
        let many = vec![payload(scheme, "m"); 65];
        assert_eq!(wrong(scheme, &|p| p.permit = permit(many.clone())), Some(Fault::Caller));
        assert_eq!(wrong(scheme, &|p| p.me = node("c")), Some(Fault::Caller));
        let tweaked = wrong(scheme, &|p| p.tweak = Tweak::TaprootKeyPath);
        assert_eq!(tweaked.is_none(), scheme == Scheme::Bip340);
    }
    for scheme in [Scheme::EcdsaSecp256k1, Scheme::EcdsaP256] {
        assert_eq!(wrong(scheme, &|p| p.pairs.clear()), Some(Fault::Caller));
    }
}

/// ENG-08: whatever one party sees otherwise, no share-dependent value is accepted, nobody is
/// accused, and no pair is quarantined.
#[test]
fn neg_021_other_terms_keys_payloads_or_tweaks_are_other_sessions() {
    let permit = |key: u8, payload: Payload, terms: u8| {
        let key = KeyId(Digest([key; 32]));
        Permit::issue(key, Path::root(), vec![payload], Digest([terms; 32]))
    };
    for scheme in Scheme::ALL {
        let (same, other) = (payload(scheme, "m"), payload(scheme, "n"));
        for strange in [permit(0, same.clone(), 2), permit(9, same, 1), permit(0, other, 1)] {
            let mut plans = session(scheme, "ab");
            plans[1].permit = strange;
            let failure = local::sign(plans, &mut local::seeds(1)).unwrap_err().failure;
            assert_eq!((failure.fault, failure.quarantine), (nobody(), None), "{scheme}");
        }
    }
    let mut plans = session(Scheme::Bip340, "ab");
    plans[1].tweak = Tweak::TaprootKeyPath;
    let failure = local::sign(plans, &mut local::seeds(1)).unwrap_err().failure;
    assert_eq!(failure.fault, nobody());
}

/// ENG-08: even if the callers had agreed on one context, the messages that each began with are
/// compared once more, and the honest ones do not accuse each other.
#[test]
fn neg_025_a_party_with_two_first_messages_makes_nobody_guilty() {
    for scheme in [Scheme::Ed25519, Scheme::EcdsaSecp256k1] {
        let key = key(scheme, TWO_OF_THREE);
        let opened = |me: &str, seed: u8| {
            let plan = plan(&key, "ab", node(me), &[payload(scheme, "m")]);
            open(plan, Seed::new([seed; 32])).unwrap()
        };
        let ((a, first_a), (b, _)) = (opened("a", 1), opened("b", 2));
        let (_, other_b) = opened("b", 3);
        let begin = |opening: Opening, from: &str, bytes| {
            let inbox = vec![Inbound { from: node(from), bytes }];
            let Progress::Next { round, outbound } =
                opening.begin(Digest::ZERO, inbox, Seed::new([4; 32])).unwrap()
            else {
                panic!("a session has rounds")
            };
            (round, outbound)
        };
        let (at_a, _) = begin(a, "b", other_b);
        let (_, sent) = begin(b, "a", first_a);
        let inbox = vec![Inbound { from: node("b"), bytes: sent[0].bytes.clone() }];
        let failure = at_a.advance(inbox, Seed::new([5; 32])).unwrap_err();
        assert_eq!((failure.fault, failure.quarantine), (nobody(), None));
    }
}

/// ENG-01: a round takes exactly what it awaits.
#[test]
fn neg_030_sessions_begin_with_one_message_of_each_other_party() {
    let key = key(Scheme::Ed25519, TWO_OF_THREE);
    let first = |me: &str| {
        let plan = plan(&key, "ab", node(me), &[payload(Scheme::Ed25519, "m")]);
        open(plan, Seed::new([1; 32])).unwrap()
    };
    let letter = |from: &str| Inbound { from: node(from), bytes: first("b").1 };
    let begun = |firsts| {
        let end = first("a").0.begin(Digest::ZERO, firsts, Seed::new([2; 32]));
        end.err().map(|failure| failure.fault)
    };
    assert_eq!(begun(vec![letter("b")]), None);
    assert_eq!(begun(Vec::new()), Some(Fault::Caller));
    assert_eq!(begun(vec![letter("b"), letter("b")]), Some(Fault::Caller));
    assert_eq!(begun(vec![letter("c")]), Some(Fault::Caller));
    assert_eq!(begun(vec![letter("b"), letter("a")]), Some(Fault::Caller));
}

/// ENG-05.
#[test]
fn neg_031_a_failed_check_quarantines_and_a_malformed_message_does_not() {
    let ecdsa = || session(Scheme::EcdsaSecp256k1, "ab");
    let failure = attack(ecdsa(), 1, ("a", "b"), |bytes| bytes[MATRIX] ^= 1).failure;
    assert_eq!((failure.fault, failure.quarantine), (culprit("a"), Some(node("a"))));
    let damages: [fn(&mut Vec<u8>); 4] = [
        |bytes| bytes.truncate(50),
        |bytes| bytes.push(0),
        |bytes| bytes.truncate(31),
        |bytes| bytes.clear(),
    ];
    for damage in damages {
        for round in 1..=3 {
            let failure = attack(ecdsa(), round, ("a", "b"), damage).failure;
            assert_eq!((failure.fault, failure.quarantine), (culprit("a"), None), "{round}");
        }
    }
    // A contribution of the wrong length never reaches the engine proper.
    let short = attack(ecdsa(), 0, ("a", "a"), |bytes| bytes.truncate(31)).failure;
    assert_eq!((short.fault, short.quarantine), (culprit("a"), None));
}

/// ENG-05: between two it was the other; among three nobody is accused who may be honest.
#[test]
fn neg_034_a_wrong_part_of_an_ecdsa_signature_gives_none() {
    let flip = |bytes: &mut Vec<u8>| bytes[SHORT_ITEM + 20] ^= 1;
    let failure = attack(session(Scheme::EcdsaSecp256k1, "ab"), 3, ("b", "a"), flip).failure;
    assert_eq!((failure.fault, failure.quarantine), (culprit("b"), None));
}

/// ENG-05, N-42.
#[test]
fn neg_042_a_wrong_schnorr_share_names_exactly_its_author() {
    for scheme in [Scheme::Ed25519, Scheme::Bip340] {
        let flip = |bytes: &mut Vec<u8>| bytes[SHORT_ITEM + 9] ^= 1;
        let end = attack(session(scheme, "bc"), 1, ("c", "b"), flip);
        assert_eq!((end.at, end.failure.fault), (node("b"), culprit("c")));
    }
}

/// ENG-09: the only way to a signature is a verifier.
#[test]
fn neg_043_what_does_not_verify_is_no_signature() {
    for scheme in Scheme::ALL {
        let (key, payload) = (key(scheme, TWO_OF_THREE), payload(scheme, "m"));
        let signed = local::sign(session(scheme, "ab"), &mut local::seeds(1)).unwrap();
        let signature = &signed[&node("a")][0];
        let check =
            |payload: &Payload, bytes: &[u8]| verify(&key.public, Tweak::None, payload, bytes);
        assert!(check(&payload, signature.bytes()).is_ok());
        for byte in [0, 31, 32, 63] {
            let mut changed = signature.bytes().to_vec();
            changed[byte] ^= 1;
            assert_eq!(check(&payload, &changed).unwrap_err().fault, nobody());
        }
        assert!(check(&payload, &signature.bytes()[1..]).is_err());
        assert!(check(&crate::fixture::payload(scheme, "n"), signature.bytes()).is_err());
        let foreign = match scheme {
            Scheme::Ed25519 => Payload::Digest([0; 32]),
            _ => Payload::Message(Vec::new()),
        };
        assert_eq!(check(&foreign, signature.bytes()).unwrap_err().fault, Fault::Caller);
    }
}

/// ENG-01: sessions at the same time over one set-up and one key, one of them attacked.
#[test]
fn neg_044_sessions_at_the_same_time_share_nothing() {
    for scheme in [Scheme::EcdsaSecp256k1, Scheme::Ed25519] {
        std::thread::scope(|scope| {
            let honest = |number| {
                scope.spawn(move || local::sign(session(scheme, "ab"), &mut local::seeds(number)))
            };
            let runs = [honest(1), honest(2)];
            let damage = |bytes: &mut Vec<u8>| bytes.truncate(9);
            attack(session(scheme, "ab"), 1, ("a", "b"), damage);
            let signed = runs.map(|run| run.join().unwrap().unwrap());
            assert_ne!(signed[0], signed[1]);
        });
    }
}

/// ENG-05, ENG-10: no text that the engine can print holds a secret.
#[test]
fn neg_079_nothing_prints_a_secret() {
    for scheme in Scheme::ALL {
        let key: Arc<Key> = key(scheme, TWO_OF_THREE);
        let secret = hex::encode(&key.shares[&node("a")].to_bytes()[8..24]);
        let plan = plan(&key, "ab", node("a"), &[payload(scheme, "m")]);
        let mut printed = format!("{plan:?} {:?}", Seed::new([0xab; 32]));
        let (opening, _) = open(plan, Seed::new([1; 32])).unwrap();
        printed += &format!("{opening:?}");
        let end = attack(session(scheme, "ab"), 1, ("a", "b"), |bytes| bytes[50] ^= 1);
        printed += &format!("{end:?} {end}");
        assert!(!printed.contains(secret.trim_start_matches("0x")));
        assert!(!printed.contains("abab"));
        assert!(printed.len() < 1500, "{printed}");
    }
}
