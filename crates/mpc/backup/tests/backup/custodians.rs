//! Custodians who lie, and bundles that hold rows that do not open.

use crate::fixtures::{are_same, custodians, parts, recovery, rng, shares};
use quorate_backup::{Bundle, Part, RestoreError, SoftKind, prove};
use quorate_curve::Ed25519;

/// A part whose every byte of shares is changed; it reads as a part still.
fn falsified(part: &Part) -> Part {
    let mut bytes = part.to_bytes();
    let mut at = bytes.len() - 32;
    // From the last share to the first: each ends with 32 bytes behind a head of three.
    while at > 40 {
        bytes[at] ^= 1;
        at -= 35;
    }
    Part::from_bytes(&bytes).unwrap()
}

#[test]
fn a_lying_custodian_is_named_and_the_others_restore() {
    let custodians = custodians(&[SoftKind::X25519, SoftKind::Hybrid, SoftKind::P256]);
    let (statement, secrets) = shares::<Ed25519>(2, recovery("2 of (c0, c1, c2)", &custodians));
    let bundle: Bundle<_> = prove(statement.clone(), &secrets, &mut rng(1)).unwrap();
    let proven = bundle.verify(&statement).unwrap();
    for liar in 0..3 {
        let mut parts = parts(&proven, &custodians, &[0, 1, 2]);
        let named = parts[liar].custodian();
        parts[liar] = falsified(&parts[liar]);
        let restored = proven.restore(&parts).unwrap();
        assert!(are_same(&restored.secrets, &secrets));
        assert_eq!(restored.liars, [named].into());
    }
}

/// Where nobody can be told from the others, nobody is named and nothing is restored.
#[test]
fn two_false_answers_of_three_restore_nothing_and_accuse_nobody() {
    let custodians = custodians(&[SoftKind::X25519; 3]);
    let (statement, secrets) = shares::<Ed25519>(1, recovery("2 of (c0, c1, c2)", &custodians));
    let bundle: Bundle<_> = prove(statement.clone(), &secrets, &mut rng(1)).unwrap();
    let proven = bundle.verify(&statement).unwrap();
    let mut parts = parts(&proven, &custodians, &[0, 1, 2]);
    parts[0] = falsified(&parts[0]);
    parts[1] = falsified(&parts[1]);
    assert_eq!(proven.restore(&parts).unwrap_err(), RestoreError::False);
}

/// Somebody else's key opens nothing: it has no leaf.
#[test]
fn a_strangers_part_is_of_no_use() {
    let custodians = custodians(&[SoftKind::X25519; 4]);
    let (statement, secrets) = shares::<Ed25519>(1, recovery("2 of (c0, c1, c2)", &custodians));
    let bundle: Bundle<_> = prove(statement.clone(), &secrets, &mut rng(1)).unwrap();
    let proven = bundle.verify(&statement).unwrap();
    let parts = parts(&proven, &custodians, &[0, 3]);
    assert!(matches!(proven.restore(&parts), Err(RestoreError::Missing(_))));
}
