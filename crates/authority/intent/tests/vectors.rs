//! The vectors of `vectors/intent.json`, which other implementations share.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is what it is for")]

use quorate_codec::{Digest, from_bytes, hex, to_bytes};
use quorate_identity::Scheme;
use quorate_intent::{Intent, KeyFacts, Network, ethereum_address, p2tr, p2wpkh};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Vectors {
    cases: Vec<Case>,
    addresses: Vec<Addresses>,
    refused: Vec<Refused>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    scheme: Scheme,
    public_key: String,
    intent: Value,
    encoding: String,
    digest: Digest,
    facts: Value,
    effect: Vec<String>,
    signing_digests: Vec<String>,
    signatures: Vec<Signature>,
    artifact: String,
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Signature {
    bytes: String,
    recovery_id: Option<u8>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Item {
    input: Option<u32>,
    public_key: String,
    encoding: String,
    signature: String,
}

#[derive(Deserialize)]
struct Addresses {
    public_key: String,
    ethereum: Option<String>,
    #[serde(default)]
    p2wpkh: BTreeMap<String, String>,
    #[serde(default)]
    p2tr: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Refused {
    name: String,
    scheme: Scheme,
    public_key: String,
    intent: Value,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../../vectors/intent.json")).unwrap()
}

fn facts(scheme: Scheme, public_key: &str) -> KeyFacts {
    KeyFacts { scheme, public_key: hex::decode(public_key).unwrap() }
}

#[test]
fn int_02_forms_facts_and_digests_are_those_of_the_vectors() {
    for case in vectors().cases {
        let intent = Intent::from_json(&case.intent.to_string()).unwrap();
        assert_eq!(intent.to_json(), case.intent, "{}", case.name);
        assert_eq!(hex::encode(&to_bytes(&intent)), case.encoding, "{}", case.name);
        let encoding = hex::decode(&case.encoding).unwrap();
        assert_eq!(from_bytes(&encoding), Ok(intent.clone()), "{}", case.name);
        assert_eq!(intent.digest(), case.digest, "{}", case.name);
        let decoded = intent.decode(&facts(case.scheme, &case.public_key)).unwrap();
        assert_eq!(decoded.facts_json(), case.facts, "{}", case.name);
        assert_eq!(decoded.effect(), case.effect, "{}", case.name);
        let digests = decoded.signing_digests();
        let digests: Vec<String> = digests.iter().map(|digest| hex::encode(digest)).collect();
        assert_eq!(digests, case.signing_digests, "{}", case.name);
    }
}

#[test]
fn int_07_artifacts_are_those_of_the_vectors() {
    for case in vectors().cases {
        let intent = Intent::from_value(&case.intent).unwrap();
        let decoded = intent.decode(&facts(case.scheme, &case.public_key)).unwrap();
        let signature = |signature: &Signature| {
            (hex::decode_array(&signature.bytes).unwrap(), signature.recovery_id)
        };
        let signatures: Vec<_> = case.signatures.iter().map(signature).collect();
        let artifact = decoded.finish(&signatures).unwrap();
        assert_eq!(artifact.value, case.artifact, "{}", case.name);
        let items = artifact.signatures.iter().map(|item| Item {
            input: item.input,
            public_key: hex::encode(&item.public_key),
            encoding: item.encoding.name().to_owned(),
            signature: hex::encode(&item.signature),
        });
        assert_eq!(items.collect::<Vec<_>>(), case.items, "{}", case.name);
    }
}

#[test]
fn int_09_addresses_are_those_of_the_vectors() {
    for case in vectors().addresses {
        let key = hex::decode(&case.public_key).unwrap();
        if let Some(ethereum) = &case.ethereum {
            assert_eq!(ethereum_address(&key).as_ref(), Ok(ethereum));
        }
        for (network, address) in &case.p2wpkh {
            let network: Network = network.parse().unwrap();
            assert_eq!(p2wpkh(&key, network).as_ref(), Ok(address));
        }
        for (network, address) in &case.p2tr {
            let network: Network = network.parse().unwrap();
            assert_eq!(p2tr(&key, network).as_ref(), Ok(address));
        }
    }
}

#[test]
fn int_03_what_the_vectors_refuse_is_refused() {
    for case in vectors().refused {
        let read = Intent::from_json(&case.intent.to_string());
        let decoded = read.and_then(|intent| intent.decode(&facts(case.scheme, &case.public_key)));
        assert!(decoded.is_err(), "{}", case.name);
    }
}
