//! Backup files of a domain that is made here: whole ones, damaged ones and forged ones.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod domain;
mod estate;
#[allow(dead_code, reason = "it serves other tests of the program too")]
#[path = "../blackbox/harness.rs"]
mod harness;

mod combining;
mod damaged;
mod drilling;
mod drills;
mod estates;
mod exporting;
mod exports;
mod forged;
mod given_out;
mod opening;
mod opening_estates;
mod p256;
mod records;
mod seats;
mod verbs;
mod whole;
mod whole_keys;

use domain::{Dealt, Domain, Kept, forced, written};
use quorate_backup::SoftKind;
use quorate_charter::MotionBody;
use quorate_curve::{Ed25519, Secp256k1};
use quorate_identity::{GenesisHash, Name, Scheme};
use quorate_recovery::backup_file::{BackupReader, Item};
use quorate_recovery::verify::{KeyReport, Part, Report, Whose, Why, verify};
use std::sync::OnceLock;

/// A domain with three keys, of which one is in its second epoch.
struct World {
    domain: Domain,
    ops_before: Dealt<Ed25519>,
    ops: Dealt<Ed25519>,
    treasury: Dealt<Secp256k1>,
    vault: Dealt<Secp256k1>,
}

impl World {
    fn made() -> Self {
        let mut domain = Domain::founded(1, SoftKind::X25519);
        domain.order("ops", Scheme::Ed25519, "2 of (node-1, node-2, node-3)", 1);
        let ops_before = domain.generate("ops");
        domain.order(
            "treasury",
            Scheme::EcdsaSecp256k1,
            "all of (node-1, any of (node-2, node-3))",
            2,
        );
        let treasury = domain.generate("treasury");
        domain.order("vault", Scheme::Bip340, "2 of (node-1, node-2, node-3)", 1);
        let vault = domain.generate("vault");
        domain.place(MotionBody::KeyRefresh { name: domain::name("ops") });
        let ops = domain.refresh("ops", &ops_before);
        Self { domain, ops_before, ops, treasury, vault }
    }

    /// The keys of a file that holds.
    fn keys(&self) -> [Kept; 3] {
        [&self.ops.kept, &self.treasury.kept, &self.vault.kept].map(Kept::clone)
    }
}

/// One for all tests: proofs take their time.
fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(World::made)
}

/// What came of these items, for whoever knows the domain.
fn report(items: &[Item]) -> Report {
    verified(&written(items), &world().domain.state.genesis())
}

/// The same of items that no writer would write like that.
fn report_forced(items: &[Item]) -> Report {
    verified(&forced(items), &world().domain.state.genesis())
}

fn verified(bytes: &[u8], genesis: &GenesisHash) -> Report {
    verify(BackupReader::new(bytes).unwrap(), genesis)
}

/// What does not hold of a key: which statement, whose fault, and why.
fn refused(key: &KeyReport) -> Vec<(String, Whose, Why)> {
    let refusal = |it: &quorate_recovery::verify::Checked| {
        let refusal = it.result.clone().unwrap_err();
        (it.part.to_string(), refusal.whose, refusal.why)
    };
    key.failures().map(refusal).collect()
}

/// What does not hold of the file itself, its genesis and its charter.
fn refused_parts(report: &Report) -> Vec<(Part, Whose, Why)> {
    let failed = report.of_file.iter().filter_map(|it| {
        let refusal = it.result.clone().err()?;
        Some((it.part.clone(), refusal.whose, refusal.why))
    });
    failed.collect()
}

/// The report of a key.
fn of<'a>(report: &'a Report, key: &str) -> &'a KeyReport {
    let key: Name = domain::name(key);
    report.keys.iter().find(|it| it.name.as_ref() == Some(&key)).unwrap()
}

/// A node that answers for something.
fn node(name: &str) -> Whose {
    Whose::Node(name.to_owned())
}
