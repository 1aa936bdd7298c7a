//! The vectors of `vectors/release.json`, which other implementations share.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_codec::{Digest, hex};
use quorate_identity::{CredentialSigner, MemorySigner, words};
use quorate_release::{Artefact, FileError, Release, ReleaseFile, Signers, Version};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Vectors {
    /// Ascending.
    versions: Vec<String>,
    releases: Vec<Statement>,
    signers: List,
    files: Vec<File>,
}

#[derive(Deserialize)]
struct Statement {
    name: String,
    product: String,
    version: String,
    source: Digest,
    migrates_from: String,
    recipe: Digest,
    artefacts: Vec<OneFile>,
    bytes: String,
    digest: Digest,
    words: Vec<String>,
}

#[derive(Deserialize)]
struct OneFile {
    target: String,
    file: String,
    length: u64,
    sha256: Digest,
}

#[derive(Deserialize)]
struct List {
    seeds: BTreeMap<String, String>,
    text: String,
    digest: Digest,
}

#[derive(Deserialize)]
struct File {
    name: String,
    bytes: String,
    /// "verified", "under-signed" or "refused".
    verdict: String,
    signed_by: Vec<String>,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../../vectors/release.json")).unwrap()
}

#[test]
fn versions_are_in_the_order_of_the_vectors() {
    let versions = vectors().versions;
    let read: Vec<Version> = versions.iter().map(|text| text.parse().unwrap()).collect();
    assert!(read.is_sorted_by(|one, next| one < next));
    let written: Vec<String> = read.iter().map(ToString::to_string).collect();
    assert_eq!(written, versions);
}

#[test]
fn releases_are_those_of_the_vectors() {
    for it in vectors().releases {
        let artefact = |it: OneFile| Artefact {
            target: it.target,
            file: it.file,
            length: it.length,
            sha256: it.sha256,
        };
        let release = Release {
            form: 1,
            product: it.product.parse().unwrap(),
            version: it.version.parse().unwrap(),
            source: it.source,
            migrates_from: it.migrates_from.parse().unwrap(),
            recipe: it.recipe,
            artefacts: it.artefacts.into_iter().map(artefact).collect(),
        };
        assert_eq!(hex::encode(&release.to_bytes()), it.bytes, "{}", it.name);
        assert_eq!(Release::read(&hex::decode(&it.bytes).unwrap()), Ok(release.clone()));
        let file = ReleaseFile::create(release).unwrap();
        assert_eq!(file.digest(), it.digest, "{}", it.name);
        assert_eq!(words(&file.digest())[..], it.words, "{}", it.name);
    }
}

/// REL-08
#[test]
fn signers_are_those_of_the_vectors() {
    let list = vectors().signers;
    let signers: Signers = list.text.parse().unwrap();
    assert_eq!(signers.to_string(), list.text);
    assert_eq!(signers.digest(), list.digest);
    for (name, credential) in signers.people() {
        let seed = hex::decode_array(&list.seeds[name.as_str()]).unwrap();
        assert_eq!(MemorySigner::from_seed(&seed).unwrap().credential(), credential, "{name}");
    }
}

/// REL-07, REL-09
#[test]
fn neg_080_files_have_the_verdicts_of_the_vectors() {
    let vectors = vectors();
    let signers: Signers = vectors.signers.text.parse().unwrap();
    for file in vectors.files {
        let bytes = hex::decode(&file.bytes).unwrap();
        let read = ReleaseFile::read(&bytes);
        let (verdict, signed_by) = match read.as_ref().map(|read| read.verify(&signers)) {
            Err(_) => ("refused", Vec::new()),
            Ok(Err(FileError::UnderSigned { signed_by, .. })) => {
                ("under-signed", signed_by.into_iter().collect())
            }
            Ok(Err(other)) => panic!("{}: {other}", file.name),
            Ok(Ok(verified)) => ("verified", verified.signed_by().iter().cloned().collect()),
        };
        assert_eq!(verdict, file.verdict, "{}", file.name);
        let signed_by: Vec<String> = signed_by.iter().map(ToString::to_string).collect();
        assert_eq!(signed_by, file.signed_by, "{}", file.name);
        if let Ok(read) = read {
            assert_eq!(read.to_bytes(), bytes, "{}", file.name);
        }
    }
}
