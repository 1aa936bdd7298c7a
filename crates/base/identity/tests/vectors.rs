//! The vectors of `vectors/identity.json`, which other implementations share.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_codec::{from_bytes, hex, tag, tag::Tag, to_bytes};
use quorate_identity::{
    Credential, CredentialSigner, MemorySigner, NodePublic, NodeSecrets, words,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    nodes: Vec<Node>,
    people: Vec<Person>,
}

#[derive(Deserialize)]
struct Node {
    name: String,
    secrets: String,
    public: String,
    transport_spki: String,
    tag: String,
    bytes: String,
    signature: String,
    words: Vec<String>,
}

#[derive(Deserialize)]
struct Person {
    name: String,
    seed: String,
    openssh: String,
    blob: String,
    tag: String,
    bytes: String,
    signature: String,
    words: Vec<String>,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../../vectors/identity.json")).unwrap()
}

fn tag_named(name: &str) -> Tag {
    tag::ALL.iter().copied().find(|tag| tag.name() == name).unwrap()
}

#[test]
fn nodes_are_those_of_the_vectors() {
    for node in vectors().nodes {
        let secrets = NodeSecrets::from_bytes(&hex::decode(&node.secrets).unwrap()).unwrap();
        let public = secrets.public();
        assert_eq!(hex::encode(&secrets.to_bytes()), node.secrets, "{}", node.name);
        assert_eq!(hex::encode(&to_bytes(&public)), node.public, "{}", node.name);
        assert_eq!(from_bytes::<NodePublic>(&hex::decode(&node.public).unwrap()), Ok(public));
        assert_eq!(hex::encode(&public.transport_spki()), node.transport_spki, "{}", node.name);

        let (tag, bytes) = (tag_named(&node.tag), hex::decode(&node.bytes).unwrap());
        let signature = secrets.sign(tag, &bytes);
        assert_eq!(signature.to_string(), node.signature, "{}", node.name);
        assert_eq!(public.verify(tag, &bytes, &signature), Ok(()), "{}", node.name);
        assert_eq!(words(&public.fingerprint())[..], node.words, "{}", node.name);
    }
}

#[test]
fn people_are_those_of_the_vectors() {
    for person in vectors().people {
        let seed = hex::decode_array(&person.seed).unwrap();
        let signer = MemorySigner::from_seed(&seed).unwrap();
        let credential = Credential::from_openssh(&person.openssh).unwrap();
        assert_eq!(signer.credential(), &credential, "{}", person.name);
        assert_eq!(credential.to_openssh(), person.openssh, "{}", person.name);
        assert_eq!(hex::encode(credential.blob()), person.blob, "{}", person.name);

        let (tag, bytes) = (tag_named(&person.tag), hex::decode(&person.bytes).unwrap());
        let signature = signer.sign(tag, &bytes).unwrap();
        assert_eq!(signature.to_string(), person.signature, "{}", person.name);
        assert_eq!(credential.verify(tag, &bytes, &signature), Ok(()), "{}", person.name);
        assert_eq!(words(&credential.digest())[..], person.words, "{}", person.name);
    }
}
