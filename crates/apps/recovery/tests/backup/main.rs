//! Backup files of a domain that is made here: whole ones, damaged ones and forged ones.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod domain;

mod whole;

use domain::{Dealt, Domain, Kept};
use quorate_backup::SoftKind;
use quorate_charter::MotionBody;
use quorate_curve::{Ed25519, Secp256k1};
use quorate_identity::Scheme;
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
