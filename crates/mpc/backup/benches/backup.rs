//! What a backup costs: one thread, one prover, one verifier, one restore.
//!
//! `cargo bench -p quorate-backup --bench backup`

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a measurement that panics has failed, which is what it is for"
)]

use quorate_access::Tree;
use quorate_backup::{
    Bundle, Keyed, Opener, Proven, Recovery, SoftKey, SoftKind, Statement, Subject, prove,
};
use quorate_codec::{Digest, to_bytes};
use quorate_curve::{Curve, Ed25519, P256, Secp256k1, SecretScalar};
use quorate_identity::{GenesisHash, KeyId, NodeId};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::time::{Duration, Instant};

const ONE: &str = "0";
const FIVE: &str = "3 of (0, 1, 2, 3, 4)";

fn main() {
    println!("secrets, curve, custodians: bytes; prove, verify, open by one, restore");
    for kind in [SoftKind::X25519, SoftKind::P256, SoftKind::Hybrid] {
        measured::<Secp256k1>(kind, ONE, 1, 20);
        measured::<Secp256k1>(kind, FIVE, 1, 10);
    }
    measured::<Ed25519>(SoftKind::Hybrid, FIVE, 1, 10);
    measured::<P256>(SoftKind::Hybrid, FIVE, 1, 10);
    for kind in [SoftKind::X25519, SoftKind::Hybrid] {
        measured::<Secp256k1>(kind, FIVE, 100, 2);
        measured::<Secp256k1>(kind, FIVE, 1000, 1);
    }
}

fn measured<C: Curve>(kind: SoftKind, notation: &str, count: usize, rounds: usize) {
    let tree: Tree<u8> = notation.parse().unwrap();
    let custodians: Vec<SoftKey> = (0..tree.leaf_count() as u8)
        .map(|number| SoftKey::from_seed(kind, &[number; 32]))
        .collect();
    let keys: Vec<_> = custodians.iter().map(|key| key.public().clone()).collect();
    let recovery = Recovery::new(&tree.map(|place| usize::from(*place)), &keys).unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let secrets: Vec<SecretScalar<C>> =
        (0..count).map(|_| SecretScalar::random(&mut rng)).collect();
    let statement = statement(recovery, &secrets);

    let (mut proving, mut verifying, mut opening, mut restoring) =
        <(Vec<_>, Vec<_>, Vec<_>, Vec<_>)>::default();
    let mut bytes = 0;
    for _ in 0..rounds {
        let bundle: Bundle<C> =
            timed(&mut proving, || prove(statement.clone(), &secrets, &mut rng).unwrap());
        bytes = to_bytes(&bundle).len();
        let proven: Proven<C> = timed(&mut verifying, || bundle.verify(&statement).unwrap());
        let quorum = &custodians[..tree.fewest()];
        let open = |key: &SoftKey| proven.open(key).unwrap_or_else(|never| match never {});
        let first = timed(&mut opening, || open(&quorum[0]));
        let parts: Vec<_> = [first].into_iter().chain(quorum[1..].iter().map(open)).collect();
        timed(&mut restoring, || proven.restore(&parts).unwrap());
    }
    println!(
        "{count:>5} {:<10} {:<12} {notation:<20}: {bytes:>8}; {:>9.3?} {:>9.3?} {:>9.3?} {:>9.3?}",
        C::NAME,
        format!("{kind:?}"),
        median(proving),
        median(verifying),
        median(opening),
        median(restoring),
    );
}

fn statement<C: Curve>(recovery: Recovery, secrets: &[SecretScalar<C>]) -> Statement<C> {
    let publics = secrets.iter().map(|secret| secret.commit().non_identity().unwrap()).collect();
    let of = Keyed {
        genesis: GenesisHash(Digest([1; 32])),
        key: KeyId(Digest([2; 32])),
        publics: Digest([3; 32]),
        transcript: Digest([4; 32]),
        ordered_by: Digest([5; 32]),
    };
    let subject = Subject::Shares { of, epoch: 1, leaves: vec![0], tree: Digest([6; 32]) };
    Statement { author: NodeId(Digest([7; 32])), subject, publics, recovery }
}

fn timed<T>(times: &mut Vec<Duration>, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let result = work();
    times.push(begun.elapsed());
    result
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
