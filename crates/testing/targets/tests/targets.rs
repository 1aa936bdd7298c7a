//! Every seed, and thousands of changes of seeds, through every target: the same ones in every run.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

use quorate_targets::corpus::{is_fresh, seeds};
use quorate_targets::decoders::FORMS;
use quorate_targets::mutate::mutated;
use quorate_targets::{TARGETS, Target};
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

/// How large all seeds together are at most.
const CORPUS_BYTES_MAX: usize = 300 << 10;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
}

/// The seeds of a target as they lie in the repository.
fn corpus(target: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = repository().join("fuzz/corpus").join(target);
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    files.map(|path| (name(&path), std::fs::read(&path).unwrap())).collect()
}

fn target(name: &str) -> Target {
    *TARGETS.iter().find(|(known, _)| *known == name).unwrap()
}

/// Runs one input; where the target panics, says which one it was.
fn run((name, target): Target, what: &str, bytes: &[u8]) {
    if catch_unwind(|| target(bytes)).is_err() {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        panic!("{name} does not hold for {what}: {digits}");
    }
}

/// So many changes of seeds, ten times as many in a thorough run.
fn changed(name: &str, count: u64) {
    let target = target(name);
    let corpus: Vec<Vec<u8>> = corpus(name).into_values().collect();
    let long = std::env::var_os("QUORATE_LONG").is_some();
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let mut any = || rng.next_u64() as usize % corpus.len();
    let chosen: Vec<(usize, usize)> =
        (0..if long { 10 * count } else { count }).map(|_| (any(), any())).collect();
    for (number, (seed, other)) in (0..).zip(chosen) {
        let mut rng = ChaCha20Rng::seed_from_u64(number);
        let bytes = mutated(&corpus[seed], &corpus[other], &mut rng);
        run(target, &format!("change {number}"), &bytes);
    }
}

#[test]
fn decoders_bear_every_change_of_seeds() {
    changed("decoders", 4_000);
}

#[test]
fn the_charter_bears_every_change_of_seeds() {
    changed("charter", 400);
}

#[test]
fn a_node_bears_every_change_of_seeds() {
    changed("ingress", 100);
}

#[test]
fn nothing_at_all_is_borne() {
    for target in TARGETS {
        run(target, "nothing", &[]);
        run(target, "zeros", &[0; 64]);
        run(target, "ones", &[0xff; 64]);
    }
}

#[test]
fn every_seed_is_still_what_its_name_says() {
    let (mut bytes, mut stale) = (0, Vec::new());
    for target in TARGETS {
        for (name, seed) in corpus(target.0) {
            bytes += seed.len();
            // It is run to see what it is.
            match catch_unwind(|| is_fresh(target.0, &name, &seed)) {
                Ok(true) => {}
                Ok(false) => stale.push(name),
                Err(_) => panic!("{} does not hold for its seed {name}", target.0),
            }
        }
    }
    assert!(stale.is_empty(), "make the seeds anew (docs/fuzzing.md), these are stale: {stale:?}");
    assert!(bytes <= CORPUS_BYTES_MAX, "{bytes} bytes of seeds");
}

#[test]
fn every_form_and_every_target_has_seeds() {
    let decoders = corpus("decoders");
    let has = |form: &str| decoders.keys().any(|name| name.rsplit_once('.').unwrap().0 == form);
    let without: Vec<&str> = FORMS.iter().map(|form| form.name).filter(|form| !has(form)).collect();
    assert!(without.is_empty(), "no seed of {without:?}");
    assert!(TARGETS.iter().all(|(name, _)| !corpus(name).is_empty()));
}

#[test]
fn seeds_are_made_for_every_target() {
    let made = seeds(&repository().join("vectors")).unwrap();
    assert!(TARGETS.iter().all(|(name, _)| !made[name].is_empty()));
}
