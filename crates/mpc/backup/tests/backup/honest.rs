//! What honest authors and custodians do.

use crate::fixtures::{are_same, custodians, parts, recovery, rng, shares};
use quorate_backup::{Bundle, ProveError, RestoreError, SoftKind, Standard, prove};
use quorate_codec::{from_bytes, to_bytes};
use quorate_curve::{Curve, Ed25519, P256, Secp256k1, SecretScalar};

fn restores<C: Curve>(notation: &str, kinds: &[SoftKind], count: usize, quorums: &[&[usize]]) {
    let custodians = custodians(kinds);
    let (statement, secrets) = shares::<C>(count, recovery(notation, &custodians));
    let bundle: Bundle<C> = prove(statement.clone(), &secrets, &mut rng(1)).unwrap();
    let read: Bundle<C> = from_bytes(&to_bytes(&bundle)).unwrap();
    assert_eq!(read, bundle);
    let proven = read.verify(&statement).unwrap();
    for quorum in quorums {
        let restored = proven.restore(&parts(&proven, &custodians, quorum)).unwrap();
        assert!(are_same(&restored.secrets, &secrets) && restored.liars.is_empty());
    }
}

#[test]
fn every_quorum_restores_on_every_curve() {
    use SoftKind::{Hybrid, P256 as Nist, X25519};
    restores::<Secp256k1>("c0", &[X25519], 1, &[&[0]]);
    let pairs: &[&[usize]] = &[&[0, 1], &[0, 2], &[1, 2], &[0, 1, 2]];
    restores::<P256>("2 of (c0, c1, c2)", &[Hybrid, Nist, X25519], 3, pairs);
    let nested = "all of (c0, 2 of (c1, c2, c3), any of (c1, c3))";
    let quorums: &[&[usize]] = &[&[0, 1, 2], &[0, 1, 3], &[0, 2, 3]];
    restores::<Ed25519>(nested, &[Nist, X25519, X25519, Nist], 2, quorums);
}

#[test]
fn too_few_custodians_restore_nothing_and_it_is_said_who_is_missing() {
    let custodians = custodians(&[SoftKind::X25519; 3]);
    let (statement, secrets) = shares::<Ed25519>(1, recovery("2 of (c0, c1, c2)", &custodians));
    let bundle: Bundle<_> = prove(statement.clone(), &secrets, &mut rng(1)).unwrap();
    let proven = bundle.verify(&statement).unwrap();
    let error = proven.restore(&parts(&proven, &custodians, &[1])).unwrap_err();
    let RestoreError::Missing(missing) = error else { panic!("{error}") };
    assert_eq!(missing.leaf_count(), 2);
    assert!(matches!(proven.restore(&[]), Err(RestoreError::Missing(_))));
}

#[test]
fn a_part_travels_as_bytes_and_others_bytes_are_none() {
    let custodians = custodians(&[SoftKind::P256; 2]);
    let (statement, secrets) = shares::<Secp256k1>(2, recovery("all of (c0, c1)", &custodians));
    let bundle: Bundle<_> = prove(statement.clone(), &secrets, &mut rng(1)).unwrap();
    let proven = bundle.verify(&statement).unwrap();
    let sent: Vec<_> =
        parts(&proven, &custodians, &[0, 1]).iter().map(quorate_backup::Part::to_bytes).collect();
    let read: Vec<_> =
        sent.iter().map(|part| quorate_backup::Part::from_bytes(part).unwrap()).collect();
    assert!(are_same(&proven.restore(&read).unwrap().secrets, &secrets));
    assert!(quorate_backup::Part::from_bytes(&sent[0][1..]).is_none());
    assert!(quorate_backup::Part::from_bytes(&[]).is_none());
}

/// The author's own mistakes are found before anything is encrypted.
#[test]
fn what_is_not_the_secret_of_its_point_is_not_backed_up() {
    let custodians = custodians(&[SoftKind::X25519]);
    let (statement, mut secrets) = shares::<Ed25519>(2, recovery("c0", &custodians));
    let proved = |secrets: &[SecretScalar<Ed25519>]| {
        prove::<Ed25519, Standard>(statement.clone(), secrets, &mut rng(1)).map(|_| ())
    };
    assert_eq!(proved(&secrets[..1]), Err(ProveError::Count { got: 1, max: 4096 }));
    assert_eq!(proved(&[]), Err(ProveError::Count { got: 0, max: 4096 }));
    secrets.swap(0, 1);
    assert_eq!(proved(&secrets), Err(ProveError::Secret { secret: 0 }));
}

/// The sizes that operators plan with: X25519, one scalar to one key and to 3 of 5; hybrid the
/// same; a hundred secrets.
#[test]
fn bundles_are_as_small_as_promised() {
    let bytes = |kind: SoftKind, notation: &str, count: usize| {
        let custodians = custodians(&[kind; 5]);
        let (statement, secrets) = shares::<Secp256k1>(count, recovery(notation, &custodians));
        to_bytes(&prove::<_, Standard>(statement, &secrets, &mut rng(2)).unwrap()).len()
    };
    let five = "3 of (c0, c1, c2, c3, c4)";
    for (kind, notation, count, most) in [
        (SoftKind::X25519, "c0", 1, 6_000),
        (SoftKind::X25519, five, 1, 12_000),
        (SoftKind::X25519, five, 100, 150_000),
        (SoftKind::Hybrid, "c0", 1, 42_000),
        (SoftKind::Hybrid, five, 1, 195_000),
        (SoftKind::Hybrid, five, 100, 330_000),
    ] {
        let got = bytes(kind, notation, count);
        println!("figures: {kind:?} {notation}, {count}: {got} bytes");
        assert!(got <= most, "{kind:?} {notation} {count}: {got}");
    }
}
