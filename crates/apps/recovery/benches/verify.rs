//! What verifying one key costs, as every node does every night: three members, three custodians.
//!
//! `cargo bench -p quorate-recovery --bench verify`

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a measurement that panics has failed, which is what it is for"
)]

#[allow(dead_code, reason = "the tests of files need more of it")]
#[path = "../tests/backup/domain.rs"]
mod domain;

use domain::{Domain, Kept};
use quorate_backup::SoftKind;
use quorate_curve::{Ed25519, P256, Secp256k1};
use quorate_identity::Scheme;
use quorate_recovery::verify::verify_key;
use std::time::{Duration, Instant};

const NODES: &str = "2 of (node-1, node-2, node-3)";

fn main() {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    println!(
        "scheme, accounts, custodians: bytes of all bundles; fastest, median of {threads} threads"
    );
    for kind in [SoftKind::X25519, SoftKind::Hybrid] {
        measured(kind, Scheme::EcdsaSecp256k1, 1, 10);
        measured(kind, Scheme::Ed25519, 1, 10);
        measured(kind, Scheme::EcdsaSecp256k1, 100, 2);
    }
}

fn measured(kind: SoftKind, scheme: Scheme, accounts: u16, rounds: usize) {
    let mut domain = Domain::founded(1, kind);
    domain.order("key", scheme, NODES, accounts);
    let Kept { record, bundles } = match scheme {
        Scheme::Ed25519 => domain.generate::<Ed25519>("key").kept,
        Scheme::EcdsaSecp256k1 | Scheme::Bip340 => domain.generate::<Secp256k1>("key").kept,
        Scheme::EcdsaP256 => domain.generate::<P256>("key").kept,
    };
    let decided = domain.certify(&record, 3);
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            let bundles = bundles.clone();
            let begin = Instant::now();
            assert!(verify_key(&domain.state, &decided, bundles).holds());
            begin.elapsed()
        })
        .collect();
    times.sort();
    let bytes: usize = bundles.iter().map(|bundle| bundle.bytes.len()).sum();
    let (fastest, median) = (times[0], times[rounds / 2]);
    println!(
        "{scheme:<16} {accounts:>4} {:<8}: {bytes:>8}; {fastest:>9.3?} {median:>9.3?}",
        format!("{kind:?}")
    );
}
