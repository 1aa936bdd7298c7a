//! The vectors of `vectors/request.json`, which other implementations share: statements about
//! requests (REQ-01, REQ-03, REQ-05, REQ-10, REQ-11), bundles (POL-01), births (REQ-14).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_charter::EpochRecord;
use quorate_codec::{Digest, from_bytes, hex, to_bytes};
use quorate_identity::Credential;
use quorate_intent::SigningPayload;
use quorate_policy::request::{
    Approval, Cancellation, NodeDecision, NodeOutcome, RequestBody, Signed, Statement,
};
use quorate_policy::{PolicyBundle, birth_payload};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    credential: String,
    statements: Vec<SignedVector>,
    decisions: Vec<DecisionVector>,
    bundles: Vec<BundleVector>,
    births: Vec<BirthVector>,
}

#[derive(Deserialize)]
struct SignedVector {
    name: String,
    kind: String,
    statement: String,
    encoding: String,
    digest: Digest,
}

#[derive(Deserialize)]
struct DecisionVector {
    name: String,
    encoding: String,
    outcome: String,
    rule: String,
    waits_for: Vec<String>,
}

#[derive(Deserialize)]
struct BundleVector {
    name: String,
    files: [String; 4],
    encoding: String,
    digest: Digest,
}

#[derive(Deserialize)]
struct BirthVector {
    name: String,
    record: String,
    signs: String,
    value: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../../vectors/request.json")).unwrap()
}

#[test]
fn signed_statements_decode_verify_and_have_their_digest() {
    let vectors = vectors();
    let credential: Credential = vectors.credential.parse().unwrap();
    for vector in &vectors.statements {
        match vector.kind.as_str() {
            "request" => check::<RequestBody>(vector, &credential),
            "approval" => check::<Approval>(vector, &credential),
            "cancellation" => check::<Cancellation>(vector, &credential),
            other => panic!("{other}"),
        }
    }
}

fn check<T: Statement>(vector: &SignedVector, credential: &Credential) {
    let name = &vector.name;
    let bytes = hex::decode(&vector.encoding).unwrap();
    let signed: Signed<T> = from_bytes(&bytes).unwrap();
    assert_eq!(to_bytes(&signed), bytes, "{name}");
    assert_eq!(hex::encode(signed.statement()), vector.statement, "{name}");
    assert_eq!(to_bytes(&signed.read().unwrap()), signed.statement(), "{name}");
    assert_eq!(signed.digest(), vector.digest, "{name}");
    credential.verify(T::TAG, signed.statement(), signed.signature()).unwrap();
}

#[test]
fn decisions_decode_and_say_what_they_say() {
    for vector in vectors().decisions {
        let name = &vector.name;
        let bytes = hex::decode(&vector.encoding).unwrap();
        let decision: NodeDecision = from_bytes(&bytes).unwrap();
        assert_eq!(to_bytes(&decision), bytes, "{name}");
        let outcome = match decision.outcome {
            NodeOutcome::Allow => "allow",
            NodeOutcome::Deny => "deny",
            NodeOutcome::Wait => "wait",
        };
        assert_eq!((outcome, &decision.rule), (vector.outcome.as_str(), &vector.rule), "{name}");
        let people = decision.waiting_for.iter().flat_map(|waiting| &waiting.people);
        let people: Vec<String> = people.map(ToString::to_string).collect();
        assert_eq!(people, vector.waits_for, "{name}");
    }
}

#[test]
fn bundles_encode_to_their_bytes() {
    for vector in vectors().bundles {
        let [cedar, limits, lists, cases] = vector.files;
        let bundle = PolicyBundle::new(cedar, limits, lists, cases);
        assert_eq!(hex::encode(&bundle.to_bytes()), vector.encoding, "{}", vector.name);
        assert_eq!(bundle.digest(), vector.digest, "{}", vector.name);
        let bytes = hex::decode(&vector.encoding).unwrap();
        assert_eq!(PolicyBundle::from_bytes(&bytes), Ok(bundle), "{}", vector.name);
    }
}

#[test]
fn births_sign_what_their_record_fixes() {
    for vector in vectors().births {
        let record: EpochRecord = from_bytes(&hex::decode(&vector.record).unwrap()).unwrap();
        let (signs, value) = match birth_payload(&record) {
            SigningPayload::Digest(digest) => ("digest", hex::encode(&digest)),
            SigningPayload::Message(message) => ("message", hex::encode(&message)),
        };
        assert_eq!((signs, value), (vector.signs.as_str(), vector.value), "{}", vector.name);
    }
}
