//! Honest runs.

use crate::fixture::{REPEATED, TWO_GROUPS, TWO_OF_THREE, key, payload, plans};
use quorate_engine::{Payload, Signature, Tweak, local, output_key, verify};
use quorate_identity::Scheme;

/// Verifies with libraries of others, against the bytes that the engine calls the output key.
pub fn verifies(scheme: Scheme, key: &[u8], payload: &Payload, signature: &Signature) -> bool {
    let bytes = signature.bytes();
    match (scheme, payload) {
        (Scheme::EcdsaSecp256k1, Payload::Digest(digest)) => {
            use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
            let parsed = Signature::from_slice(bytes).unwrap();
            let id = RecoveryId::from_byte(signature.recovery_id().unwrap()).unwrap();
            let recovered = VerifyingKey::recover_from_prehash(digest, &parsed, id).unwrap();
            parsed.normalize_s().is_none() && recovered.to_encoded_point(true).as_bytes() == key
        }
        (Scheme::EcdsaP256, Payload::Digest(digest)) => {
            use p256::ecdsa::{Signature, VerifyingKey, signature::hazmat::PrehashVerifier};
            let parsed = Signature::from_slice(bytes).unwrap();
            let key = VerifyingKey::from_sec1_bytes(key).unwrap();
            let is_only_form = parsed.normalize_s().is_none() && signature.recovery_id().is_none();
            is_only_form && key.verify_prehash(digest, &parsed).is_ok()
        }
        (Scheme::Bip340, Payload::Digest(digest)) => {
            let key = k256::schnorr::VerifyingKey::from_bytes(key).unwrap();
            key.verify_raw(digest, &bytes.try_into().unwrap()).is_ok()
        }
        (Scheme::Ed25519, Payload::Message(message)) => {
            let key = ed25519_dalek::VerifyingKey::from_bytes(key.try_into().unwrap()).unwrap();
            let parsed = ed25519_dalek::Signature::from_slice(bytes).unwrap();
            key.verify_strict(message, &parsed).is_ok()
        }
        _ => false,
    }
}

/// Every party ends with the same verified signatures, one for each payload.
fn sign(scheme: Scheme, tree: &str, quorum: &str, tweak: Tweak) {
    let key = key(scheme, tree);
    let payloads = [payload(scheme, "one"), payload(scheme, "two"), payload(scheme, "one")];
    let mut plans = plans(&key, quorum, &payloads);
    plans.iter_mut().for_each(|plan| plan.tweak = tweak);
    let signed = local::sign(plans, &mut local::seeds(1)).unwrap();
    assert_eq!(signed.len(), quorum.len(), "{scheme} {tree} {quorum}");
    let first = signed.values().next().unwrap();
    assert!(signed.values().all(|signatures| signatures == first));
    assert_eq!(first.len(), payloads.len());
    assert_ne!(first[0].bytes(), first[2].bytes(), "fresh nonces for each payload");
    let output_key = output_key(&key.public, tweak);
    for (signature, payload) in first.iter().zip(&payloads) {
        assert!(verifies(scheme, &output_key, payload, signature), "{scheme} {tree} {quorum}");
        let again = verify(&key.public, tweak, payload, signature.bytes());
        assert_eq!(again.as_ref(), Ok(signature));
    }
}

#[test]
fn frost_signs_with_every_quorum_of_several_trees() {
    for scheme in [Scheme::Ed25519, Scheme::Bip340] {
        for quorum in ["ab", "ac", "bc"] {
            sign(scheme, TWO_OF_THREE, quorum, Tweak::None);
        }
        for quorum in ["abd", "abe", "acd", "bce"] {
            sign(scheme, TWO_GROUPS, quorum, Tweak::None);
        }
        for quorum in ["ab", "ac"] {
            sign(scheme, REPEATED, quorum, Tweak::None);
        }
    }
}

#[test]
fn taproot_keys_sign_for_their_output_key() {
    for (tree, quorum) in [(TWO_OF_THREE, "ac"), (TWO_GROUPS, "bce"), (REPEATED, "ab")] {
        sign(Scheme::Bip340, tree, quorum, Tweak::TaprootKeyPath);
        let key = key(Scheme::Bip340, tree);
        assert_eq!(output_key(&key.public, Tweak::None), key.public.public_key());
        assert_ne!(output_key(&key.public, Tweak::TaprootKeyPath), key.public.public_key());
    }
}

#[test]
fn ecdsa_signs_with_quorums_of_several_trees_over_the_same_set_ups() {
    for (tree, quorum) in
        [(TWO_OF_THREE, "ab"), (TWO_GROUPS, "abd"), (REPEATED, "ab"), (TWO_OF_THREE, "ab")]
    {
        sign(Scheme::EcdsaSecp256k1, tree, quorum, Tweak::None);
        sign(Scheme::EcdsaP256, tree, quorum, Tweak::None);
    }
}

/// ENG-01: everything follows from its seeds.
#[test]
fn a_run_is_replayed_by_its_seeds() {
    for scheme in Scheme::ALL {
        let key = key(scheme, TWO_OF_THREE);
        let run = |seed| {
            let plans = plans(&key, "bc", &[payload(scheme, "m")]);
            local::sign(plans, &mut local::seeds(seed)).unwrap()
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
    }
}
