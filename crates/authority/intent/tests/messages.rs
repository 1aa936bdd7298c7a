//! The JSON and canonical forms of all kinds, and the kinds that sign bytes as they are.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has failed, which is what it is for"
)]

use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;
use quorate_codec::{Canonical, from_bytes, hex, to_bytes};
use quorate_identity::Scheme;
use quorate_intent::{
    Intent, IntentError, KINDS, KeyFacts, Network, SignatureEncoding, SigningPayload, limits,
};
use serde_json::{Value, json};
use sha2::Digest;

fn examples() -> Vec<Value> {
    vec![
        json!({"kind": "evm.transaction", "chain_id": 31337, "unsigned": "0xc0"}),
        json!({"kind": "evm.message", "message": "0x00ff"}),
        json!({"kind": "bitcoin.psbt", "network": "regtest", "psbt": "cHNidP8="}),
        json!({"kind": "message", "message": "0x"}),
        json!({"kind": "raw.digest", "digest": hex::encode(&[7; 32])}),
    ]
}

fn read(value: &Value) -> Intent {
    Intent::from_json(&value.to_string()).unwrap()
}

fn ed25519() -> (SigningKey, KeyFacts) {
    let secret = SigningKey::from_bytes(&[5; 32]);
    let public_key = secret.verifying_key().to_bytes().to_vec();
    (secret, KeyFacts { scheme: Scheme::Ed25519, public_key })
}

fn bip340() -> (k256::schnorr::SigningKey, KeyFacts) {
    let secret = k256::schnorr::SigningKey::from_bytes(&[6; 32]).unwrap();
    let public_key = secret.verifying_key().to_bytes().to_vec();
    (secret, KeyFacts { scheme: Scheme::Bip340, public_key })
}

fn ecdsa() -> (k256::ecdsa::SigningKey, KeyFacts) {
    let secret = k256::ecdsa::SigningKey::from_slice(&[8; 32]).unwrap();
    let public_key = secret.verifying_key().to_encoded_point(true).as_bytes().to_vec();
    (secret, KeyFacts { scheme: Scheme::EcdsaSecp256k1, public_key })
}

fn p256() -> (p256::ecdsa::SigningKey, KeyFacts) {
    let secret = p256::ecdsa::SigningKey::from_slice(&[9; 32]).unwrap();
    let public_key = secret.verifying_key().to_encoded_point(true).as_bytes().to_vec();
    (secret, KeyFacts { scheme: Scheme::EcdsaP256, public_key })
}

/// With s in the lower half, as nodes make it, and with the other s.
fn p256_signs(secret: &p256::ecdsa::SigningKey, digest: &[u8; 32]) -> [p256::ecdsa::Signature; 2] {
    use p256::ecdsa::{Signature, signature::hazmat::PrehashSigner};
    let signature: Signature = secret.sign_prehash(digest).unwrap();
    let low = signature.normalize_s().unwrap_or(signature);
    let high = Signature::from_scalars(*low.r(), -*low.s()).unwrap();
    [low, high]
}

#[test]
fn int_01_every_kind_round_trips_in_both_forms() {
    let examples = examples();
    let kinds: Vec<&str> = examples.iter().map(|example| read(example).kind()).collect();
    assert_eq!(kinds, KINDS);
    for example in examples {
        let intent = read(&example);
        assert_eq!(intent.to_json(), example);
        assert_eq!(Intent::from_value(&example), Ok(intent.clone()));
        assert_eq!(from_bytes(&to_bytes(&intent)), Ok(intent));
    }
}

#[test]
fn int_01_unknown_kinds_and_unknown_missing_or_repeated_fields_are_refused() {
    for example in examples() {
        let text = example.to_string();
        let body = text.strip_suffix('}').unwrap();
        let (name, _) = example.as_object().unwrap().iter().next().unwrap();
        let repeated = format!("{body},\"{name}\":{}}}", example[name]);
        let kind_twice = format!("{body},\"kind\":{}}}", example["kind"]);
        let unknown = format!("{body},\"note\":\"x\"}}");
        let renamed = text.replace("\"kind\":\"", "\"kind\":\"x");
        let mut less = example.clone();
        less.as_object_mut().unwrap().retain(|field, _| field == "kind");
        let trailing = format!("{text} {{}}");
        for bad in [repeated, kind_twice, unknown, renamed, less.to_string(), trailing] {
            let refused = Intent::from_json(&bad).unwrap_err();
            assert!(matches!(refused, IntentError::Json(_)), "{bad}");
        }
    }
    for bad in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"kind":3}"#,
        r#"{"kind":"quorate.birth"}"#,
        r#"{"kind":"message","message":"00"}"#,
        r#"{"kind":"message","message":"0x0G"}"#,
        r#"{"kind":"message","message":"0xFF"}"#,
        r#"{"kind":"message","message":[0]}"#,
        r#"{"kind":"evm.transaction","chain_id":"1","unsigned":"0xc0"}"#,
        r#"{"kind":"evm.transaction","chain_id":1.0,"unsigned":"0xc0"}"#,
        r#"{"kind":"evm.transaction","chain_id":-1,"unsigned":"0xc0"}"#,
        r#"{"kind":"bitcoin.psbt","network":"liquid","psbt":"cHNidP8="}"#,
        r#"{"kind":"bitcoin.psbt","network":"regtest","psbt":"cHNidP8"}"#,
        r#"{"kind":"raw.digest","digest":"0x000000000000000000000000000000000000000000000000000000000000000000"}"#,
    ] {
        assert!(Intent::from_json(bad).is_err(), "{bad}");
    }
}

#[test]
fn int_01_sizes_are_limited_in_both_forms() {
    let message = |bytes: usize| {
        let message = hex::encode(&vec![0x61; bytes]);
        Intent::from_value(&json!({"kind": "message", "message": message}))
    };
    let longest = message(limits::MESSAGE_BYTES_MAX).unwrap();
    assert!(from_bytes::<Intent>(&to_bytes(&longest)).is_ok());
    assert!(message(limits::MESSAGE_BYTES_MAX + 1).is_err());
    let text = format!("{}{}", " ".repeat(limits::JSON_BYTES_MAX), "{}");
    assert_eq!(Intent::from_json(&text), Err(IntentError::TooLong { got: text.len() }));
    let psbt = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        vec![0; limits::PSBT_BYTES_MAX],
    );
    let largest = read(&json!({"kind": "bitcoin.psbt", "network": "regtest", "psbt": psbt}));
    assert!(to_bytes(&largest).len() <= Intent::BYTES_MAX);
    assert!(from_bytes::<Intent>(&to_bytes(&largest)).is_ok());
}

#[test]
fn int_02_different_intents_have_different_digests() {
    let mut digests: Vec<_> = examples().iter().map(|example| read(example).digest()).collect();
    let same_bytes = json!({"kind": "message", "message": "0x00ff"});
    digests.push(read(&same_bytes).digest());
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), KINDS.len() + 1);
}

#[test]
fn int_14_a_message_is_signed_as_it_is_with_ed25519() {
    let (secret, facts) = ed25519();
    let intent = read(&json!({"kind": "message", "message": hex::encode(b"release 1.2")}));
    let decoded = intent.decode(&facts).unwrap();
    assert_eq!(decoded.signing_payloads(), [SigningPayload::Message(b"release 1.2".to_vec())]);
    let digest = sha2::Sha512::digest(b"release 1.2").to_vec();
    assert_eq!(decoded.signing_digests(), [digest]);
    assert_eq!(decoded.effect(), ["signs a message of 11 bytes: \"release 1.2\""]);
    assert!(decoded.facts().network.is_empty() && !decoded.is_taproot());
    let signature = secret.sign(b"release 1.2").to_bytes();
    let artifact = decoded.finish(&[(signature, None)]).unwrap();
    assert_eq!(artifact.value, hex::encode(&signature));
    assert_eq!(artifact.signatures[0].encoding, SignatureEncoding::Ed25519);
    let other = secret.sign(b"release 1.3").to_bytes();
    assert_eq!(decoded.finish(&[(other, None)]), Err(IntentError::Signature(0)));
    for (_, scheme) in [(0, ecdsa().1), (1, bip340().1)] {
        let refused = intent.decode(&scheme).unwrap_err();
        let named = matches!(refused, IntentError::Scheme { kind: "message", .. });
        assert!(named && refused.to_string().contains("ed25519"), "{refused}");
    }
}

/// INT-08, INT-14: what OpenSSL calls a signature with SHA-256, in DER; in one form only.
#[test]
fn int_14_of_a_message_ecdsa_on_p256_signs_the_sha_256() {
    let (secret, facts) = p256();
    let intent = read(&json!({"kind": "message", "message": hex::encode(b"release 1.2")}));
    let decoded = intent.decode(&facts).unwrap();
    let digest: [u8; 32] = sha2::Sha256::digest(b"release 1.2").into();
    assert_eq!(decoded.signing_payloads(), [SigningPayload::Digest(digest)]);
    assert_eq!(decoded.signing_digests(), [digest.to_vec()]);
    assert_eq!(decoded.effect(), ["signs a message of 11 bytes: \"release 1.2\""]);
    let [low, high] = p256_signs(&secret, &digest).map(|it| <[u8; 64]>::from(it.to_bytes()));
    let artifact = decoded.finish(&[(low, None)]).unwrap();
    let der = p256::ecdsa::Signature::from_slice(&low).unwrap().to_der();
    assert_eq!(artifact.value, hex::encode(der.as_bytes()));
    let [item] = artifact.signatures.as_slice() else { panic!("one signature") };
    assert_eq!((item.encoding, &item.public_key), (SignatureEncoding::Der, &facts.public_key));
    for bad in [(high, None), (low, Some(0)), ([0; 64], None)] {
        assert_eq!(decoded.finish(&[bad]), Err(IntentError::Signature(0)));
    }
    let reserved = [b"quorate.birth/v1\n", &digest[..]].concat();
    let reserved = read(&json!({"kind": "message", "message": hex::encode(&reserved)}));
    for facts in [facts, ed25519().1] {
        assert_eq!(reserved.decode(&facts).unwrap_err(), IntentError::Reserved);
    }
}

#[test]
fn int_15_a_raw_digest_is_signed_under_the_key_itself() {
    let intent = read(&json!({"kind": "raw.digest", "digest": hex::encode(&[7; 32])}));
    let (secret, facts) = ecdsa();
    let decoded = intent.decode(&facts).unwrap();
    assert_eq!(decoded.signing_payloads(), [SigningPayload::Digest([7; 32])]);
    let (signature, id) = secret.sign_prehash_recoverable(&[7; 32]).unwrap();
    let signature: [u8; 64] = signature.to_bytes().into();
    let artifact = decoded.finish(&[(signature, None)]).unwrap();
    assert_eq!(artifact.value, hex::encode(&[&signature[..], &[id.to_byte()]].concat()));
    assert_eq!(artifact.signatures[0].encoding, SignatureEncoding::Rsv);

    let (secret, facts) = bip340();
    let decoded = intent.decode(&facts).unwrap();
    assert!(!decoded.is_taproot());
    let signature = secret.sign_raw(&[7; 32], &[0; 32]).unwrap().to_bytes();
    let artifact = decoded.finish(&[(signature, None)]).unwrap();
    assert_eq!(artifact.value, hex::encode(&signature));
    assert_eq!(artifact.signatures[0].public_key, facts.public_key);
    assert!(decoded.effect()[0].contains("cannot be known"));

    let (secret, p256) = p256();
    let decoded = intent.decode(&p256).unwrap();
    assert_eq!(decoded.signing_payloads(), [SigningPayload::Digest([7; 32])]);
    let [low, _] = p256_signs(&secret, &[7; 32]);
    let artifact = decoded.finish(&[(low.to_bytes().into(), None)]).unwrap();
    assert_eq!(artifact.value, hex::encode(low.to_der().as_bytes()));

    let refused = intent.decode(&ed25519().1).unwrap_err();
    assert!(matches!(refused, IntentError::Scheme { kind: "raw.digest", .. }));
    let short = read(&json!({"kind": "raw.digest", "digest": "0x07"}));
    assert!(short.decode(&facts).is_err());
}

#[test]
fn neg_073_kinds_with_a_meaning_refuse_keys_that_would_sign_something_else() {
    let evm = read(&json!({"kind": "evm.transaction", "chain_id": 1, "unsigned": "0xc0"}));
    let message = read(&json!({"kind": "evm.message", "message": "0x00"}));
    let psbt = read(&json!({"kind": "bitcoin.psbt", "network": "regtest", "psbt": "cHNidP8="}));
    for (intent, facts) in [
        (&evm, bip340().1),
        (&evm, ed25519().1),
        (&message, bip340().1),
        (&message, ed25519().1),
        (&psbt, ed25519().1),
        (&evm, p256().1),
        (&message, p256().1),
        (&psbt, p256().1),
    ] {
        let refused = intent.decode(&facts).unwrap_err();
        assert!(matches!(refused, IntentError::Scheme { .. }), "{refused}");
    }
}

#[test]
fn int_03_public_keys_are_checked_before_anything_is_read() {
    let intent = read(&examples()[3]);
    for scheme in Scheme::ALL {
        for public_key in [vec![], vec![0; 32], vec![0; 33], vec![0xff; 32], vec![2; 31]] {
            let refused = intent.decode(&KeyFacts { scheme, public_key }).unwrap_err();
            assert_eq!(refused, IntentError::Key(scheme));
        }
    }
    // y = 1, the identity; and p + 1, a second encoding of it.
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut second = [0xff; 32];
    (second[0], second[31]) = (0xee, 0x7f);
    for bytes in [identity, second] {
        let facts = KeyFacts { scheme: Scheme::Ed25519, public_key: bytes.to_vec() };
        assert_eq!(intent.decode(&facts).unwrap_err(), IntentError::Key(Scheme::Ed25519));
    }
}

#[test]
fn networks_have_one_text() {
    for network in Network::ALL {
        assert_eq!(network.to_string().parse(), Ok(network));
    }
    assert!("Mainnet".parse::<Network>().is_err() && "bitcoin".parse::<Network>().is_err());
}

proptest! {
    #[test]
    fn neg_010_bytes_that_decode_are_canonical(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        for prefix in [&[][..], &[0x82, 0x00, 0x81], &[0x82, 0x03, 0x81, 0x81]] {
            let bytes = [prefix, &bytes].concat();
            if let Ok(intent) = from_bytes::<Intent>(&bytes) {
                prop_assert_eq!(to_bytes(&intent), bytes);
                prop_assert_eq!(Intent::from_value(&intent.to_json()), Ok(intent));
            }
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,80}", field in "0x[0-9a-g]{0,20}") {
        let _ = Intent::from_json(&text);
        let _ = Intent::from_json(&json!({"kind": "message", "message": field}).to_string());
    }
}
