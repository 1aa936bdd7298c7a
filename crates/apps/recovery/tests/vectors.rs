//! The vectors of `vectors/recovery.json`, which other implementations share.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_backup::RecoveryKeyLine;
use quorate_codec::hex;
use quorate_curve::SecretScalar;
use quorate_recovery::key_file::KeyFile;
use quorate_recovery::paper::{self, Page, Split};
use quorate_recovery::passphrase::{Cost, Passphrase};
use quorate_recovery::secret::{Kind, Secret};
use rand_core::{CryptoRng, Error, RngCore};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    files: Vec<Kept>,
    papers: Vec<Paper>,
    refused_files: Vec<Refused>,
    refused_pages: Vec<Refused>,
}

/// A key file: what was sealed, with what, and what came of it.
#[derive(Deserialize)]
struct Kept {
    name: String,
    kind: String,
    secret: String,
    passphrase: String,
    cost: String,
    salt: String,
    file: String,
    public: String,
}

/// Pages: what was shared, what chance gave, and what came of it.
#[derive(Deserialize)]
struct Paper {
    name: String,
    kind: String,
    secret: String,
    split: String,
    fresh: String,
    key: String,
    pages: Vec<String>,
}

#[derive(Deserialize)]
struct Refused {
    why: String,
    text: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../../vectors/recovery.json")).unwrap()
}

fn secret(kind: &str, scalar: &str) -> Secret {
    let scalar = SecretScalar::from_bytes(&hex::decode(scalar).unwrap()).unwrap();
    Secret::new(Kind::named(kind).unwrap(), scalar)
}

/// Chance that gives these bytes and then nothing.
struct Given(Vec<u8>);

impl RngCore for Given {
    fn next_u32(&mut self) -> u32 {
        panic!("only bytes are asked for")
    }

    fn next_u64(&mut self) -> u64 {
        panic!("only bytes are asked for")
    }

    fn fill_bytes(&mut self, to: &mut [u8]) {
        to.copy_from_slice(&self.0.drain(..to.len()).collect::<Vec<_>>());
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(to);
        Ok(())
    }
}

impl CryptoRng for Given {}

/// REC-02 to REC-05, BAK-24.
#[test]
fn key_files_open_and_are_sealed_as_they_were() {
    let files = vectors().files;
    assert_eq!(files.len(), 4);
    for it in files {
        let (secret, phrase) = (secret(&it.kind, &it.secret), Passphrase::from(&*it.passphrase));
        let cost: Cost = it.cost.parse().unwrap();
        let salt = hex::decode_array(&it.salt).unwrap();
        let name = it.name.parse().unwrap();
        let sealed = KeyFile::seal(name, &secret, &phrase, cost, salt).unwrap();
        assert_eq!(sealed.to_string(), it.file);
        let read: KeyFile = it.file.parse().unwrap();
        let opened = read.open(&phrase).unwrap();
        let line: RecoveryKeyLine = it.public.parse().unwrap();
        assert_eq!(opened.public(), line.key);
        assert_eq!((line.name.as_str(), line.key.id()), (it.name.as_str(), read.key()));
        assert_eq!(line.to_string(), it.public);
    }
}

/// REC-08 to REC-10.
#[test]
fn pages_restore_and_are_made_as_they_were() {
    let papers = vectors().papers;
    assert_eq!(papers.len(), 3);
    for it in papers {
        let (secret, split): (_, Split) = (secret(&it.kind, &it.secret), it.split.parse().unwrap());
        let mut chance = Given(hex::decode(&it.fresh).unwrap());
        let made = paper::split(&secret, &it.name.parse().unwrap(), &split, &mut chance);
        assert!(chance.0.is_empty());
        let texts: Vec<String> = made.iter().map(|page| page.to_text().to_string()).collect();
        assert_eq!(texts, it.pages);
        let pages: Vec<Page> = it.pages.iter().map(|it| Page::from_text(it).unwrap()).collect();
        let needed = usize::from(split.needed());
        for some in pages.windows(needed).chain([pages.as_slice()]) {
            let restored = paper::restore(some).unwrap().public();
            assert_eq!((restored.id().to_string(), restored), (it.key.clone(), secret.public()));
        }
    }
}

/// REC-05, REC-09: what is none, and why.
#[test]
fn neg_010_other_texts_are_refused() {
    let Vectors { refused_files, refused_pages, .. } = vectors();
    assert!(refused_files.len() >= 12 && refused_pages.len() >= 12);
    for Refused { why, text } in refused_files {
        assert!(text.parse::<KeyFile>().is_err(), "{why}");
    }
    for Refused { why, text } in refused_pages {
        assert!(Page::from_text(&text).is_err(), "{why}");
    }
}
