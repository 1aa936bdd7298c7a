//! The vectors of `vectors/hash.json`, which other implementations share.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_codec::{Transcript, hex, tag};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    tag: String,
    parts: Vec<String>,
    digest: String,
    wide: String,
}

#[test]
fn hashes_are_those_of_the_vectors() {
    let file = include_str!("../../../../vectors/hash.json");
    let vectors: Vectors = serde_json::from_str(file).unwrap();
    for case in vectors.cases {
        let tag = tag::ALL.iter().find(|tag| tag.name() == case.tag).unwrap();
        let parts = case.parts.iter().map(|part| hex::decode(part).unwrap());
        let transcript = parts.fold(Transcript::new(*tag), Transcript::part);
        assert_eq!(transcript.digest().to_string(), case.digest, "{}", case.name);
        assert_eq!(hex::encode(&transcript.wide()), case.wide, "{}", case.name);
    }
}
