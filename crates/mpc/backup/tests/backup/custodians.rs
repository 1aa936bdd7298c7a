//! Custodians who lie, and bundles that hold rows that do not open.

use crate::fixtures::{Device, Small, are_same, custodians, parts, recovery, rng, shares};
use quorate_backup::{Bundle, Opener, Part, RecoveryKey, RestoreError, Shared, SoftKind, prove};
use quorate_curve::Ed25519;

/// A part in which the shares of these rows are changed; it reads as a part still.
fn falsified(part: &Part, rows: std::ops::Range<usize>) -> Part {
    let mut bytes = part.to_bytes();
    // Its one leaf's 32 shares stand last, 34 bytes each.
    let first = bytes.len() - 32 * 34;
    rows.for_each(|row| bytes[first + 34 * row + 2] ^= 1);
    Part::from_bytes(&bytes).unwrap()
}

/// A part in which these rows are left out.
fn silenced(part: &Part, rows: std::ops::Range<usize>) -> Part {
    let bytes = part.to_bytes();
    let first = bytes.len() - 32 * 34;
    let (head, shares) = bytes.split_at(first);
    let share = |(row, share): (usize, &[u8])| match rows.contains(&row) {
        true => vec![0x40],
        false => share.to_vec(),
    };
    let shares: Vec<u8> = shares.chunks(34).enumerate().flat_map(share).collect();
    Part::from_bytes(&[head, &shares].concat()).unwrap()
}

/// BAK-16: whoever answers falsely is named, whatever kind of key it has.
#[test]
fn neg_096_a_lying_custodian_is_named_and_the_others_restore() {
    let custodians = custodians(&[SoftKind::X25519, SoftKind::Hybrid, SoftKind::P256]);
    let (statement, secrets) = shares::<Ed25519>(2, recovery("2 of (c0, c1, c2)", &custodians));
    let bundle: Bundle<_> = prove(statement.clone(), &secrets, &mut rng(1)).unwrap();
    let proven = bundle.verify(&statement).unwrap();
    for liar in 0..3 {
        let mut parts = parts(&proven, &custodians, &[0, 1, 2]);
        let named = parts[liar].custodian();
        parts[liar] = falsified(&parts[liar], 0..32);
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
    parts[0] = falsified(&parts[0], 0..32);
    parts[1] = falsified(&parts[1], 0..32);
    assert_eq!(proven.restore(&parts).unwrap_err(), RestoreError::False);
}

/// One row in which a custodian lies is enough; one that it does not open is no lie.
#[test]
fn neg_096_every_row_is_looked_at_and_silence_is_no_lie() {
    let custodians = custodians(&[SoftKind::X25519; 3]);
    let (statement, secrets) = shares::<Ed25519>(1, recovery("2 of (c0, c1, c2)", &custodians));
    let bundle: Bundle<_> = prove(statement.clone(), &secrets, &mut rng(1)).unwrap();
    let proven = bundle.verify(&statement).unwrap();
    let with = |change: fn(&Part) -> Part| {
        let mut parts = parts(&proven, &custodians, &[0, 1, 2]);
        parts[2] = change(&parts[2]);
        let restored = proven.restore(&parts).unwrap();
        assert!(are_same(&restored.secrets, &secrets));
        (restored.liars, restored.silent)
    };
    let third = [custodians[2].public().id()].into();
    let nobody = std::collections::BTreeSet::new();
    assert_eq!(with(|part| falsified(part, 31..32)), (third, nobody.clone()));
    let third = [custodians[2].public().id()].into();
    assert_eq!(with(|part| silenced(part, 0..32)), (nobody, third));
}

/// Parts of other bundles are mixed up, not false; nobody answers twice; strangers do not count.
#[test]
fn neg_096_nobody_is_blamed_for_a_part_of_another_bundle() {
    let custodians = custodians(&[SoftKind::X25519; 3]);
    let (statement, secrets) = shares::<Ed25519>(1, recovery("2 of (c0, c1, c2)", &custodians));
    let proven = |seed| {
        let bundle: Bundle<_> = prove(statement.clone(), &secrets, &mut rng(seed)).unwrap();
        bundle.verify(&statement).unwrap()
    };
    let (here, there) = (proven(1), proven(2));
    let mixed = || parts(&here, &custodians, &[0, 1]).into_iter();
    let other = mixed().chain(parts(&there, &custodians, &[2])).collect::<Vec<_>>();
    let third = custodians[2].public().id();
    assert_eq!(here.restore(&other).unwrap_err(), RestoreError::Other(third));
    let twice = mixed().chain(parts(&here, &custodians, &[1])).collect::<Vec<_>>();
    let second = custodians[1].public().id();
    assert_eq!(here.restore(&twice).unwrap_err(), RestoreError::Twice(second));
}

/// BAK-15: false answers are worked around wherever they stand, by as few tries as they need.
#[test]
fn three_liars_among_twenty_do_not_hinder_five() {
    let custodians = custodians(&[SoftKind::X25519; 20]);
    let names: Vec<String> = (0..20).map(|place| format!("c{place}")).collect();
    let tree = format!("5 of ({})", names.join(", "));
    let (statement, secrets) = shares::<Ed25519>(1, recovery(&tree, &custodians));
    let bundle: Bundle<_> = prove(statement.clone(), &secrets, &mut rng(1)).unwrap();
    let proven = bundle.verify(&statement).unwrap();
    let all: Vec<usize> = (0..20).collect();
    let mut parts = parts(&proven, &custodians, &all);
    parts.iter_mut().take(3).for_each(|part| *part = falsified(part, 0..32));
    let restored = proven.restore(&parts).unwrap();
    assert!(are_same(&restored.secrets, &secrets));
    assert_eq!(restored.liars, [0, 1, 2].map(|liar: usize| custodians[liar].public().id()).into());
}

/// A device that says of some rows no more than that it failed is used for the others; one that says
/// so of all has failed.
#[test]
fn a_device_that_fails_at_some_rows_opens_the_others() {
    struct Moody(quorate_backup::SoftKey, std::cell::Cell<u32>, u32);
    impl Opener for Moody {
        type Error = &'static str;

        fn public(&self) -> &RecoveryKey {
            self.0.public()
        }

        fn open(&self, with: &[u8]) -> Result<Option<Shared>, &'static str> {
            self.1.set(self.1.get() + 1);
            if self.1.get() <= self.2 {
                return Err("function failed");
            }
            self.0.open(with).map_err(|never| match never {})
        }
    }
    let custodians = custodians(&[SoftKind::X25519]);
    let (statement, secrets) = shares::<Ed25519>(1, recovery("c0", &custodians));
    let bundle: Bundle<_> = prove(statement.clone(), &secrets, &mut rng(1)).unwrap();
    let proven = bundle.verify(&statement).unwrap();
    let device = |failures| {
        let key = quorate_backup::SoftKey::from_seed(SoftKind::X25519, &[1; 32]);
        Moody(key, std::cell::Cell::new(0), failures)
    };
    let part = proven.open(&device(31)).unwrap();
    assert!(are_same(&proven.restore(&[part]).unwrap().secrets, &secrets));
    assert_eq!(proven.open(&device(32)).unwrap_err(), "function failed");
}

/// BAK-15: with more false answers than can be sorted out, it is said that not all was tried, and
/// nobody is named.
#[test]
fn a_restore_gives_up_before_it_tries_for_ever() {
    let custodians = custodians(&[SoftKind::X25519; 16]);
    let names: Vec<String> = (0..16).map(|place| format!("c{place}")).collect();
    let tree = format!("9 of ({})", names.join(", "));
    let (statement, secrets) = shares::<Ed25519>(1, recovery(&tree, &custodians));
    let bundle: Bundle<_, Small> = prove(statement.clone(), &secrets, &mut rng(1)).unwrap();
    let proven = bundle.verify(&statement).unwrap();
    let all: Vec<usize> = (0..16).collect();
    // Of two closed rows.
    let false_one = |part: &Part| {
        let mut bytes = part.to_bytes();
        let last = bytes.len() - 32;
        bytes[last] ^= 1;
        bytes[last - 34] ^= 1;
        Part::from_bytes(&bytes).unwrap()
    };
    let parts: Vec<Part> = parts(&proven, &custodians, &all).iter().map(false_one).collect();
    assert_eq!(proven.restore(&parts).unwrap_err(), RestoreError::GaveUp);
    assert_eq!(proven.restore(&parts[..10]).unwrap_err(), RestoreError::False);
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

/// An RSA key takes part like any other, and is named like any other when it answers falsely.
#[test]
fn a_device_with_an_rsa_key_restores_and_can_be_caught() {
    let (device, soft) = (Device::new(5), custodians(&[SoftKind::P256; 2]));
    let keys = [device.public(), soft[0].public(), soft[1].public()].map(Clone::clone);
    let tree: quorate_access::Tree<u8> = "2 of (0, 1, 2)".parse().unwrap();
    let recovery = quorate_backup::Recovery::new(&tree.map(|place| (*place).into()), &keys);
    let (statement, secrets) = shares::<Ed25519>(1, recovery.unwrap());
    let bundle: Bundle<_> = prove(statement.clone(), &secrets, &mut rng(1)).unwrap();
    let proven = bundle.verify(&statement).unwrap();
    let opened = || proven.open(&device).unwrap_or_else(|never| match never {});
    let [first, second] = [0, 1].map(|place| parts(&proven, &soft, &[place]).remove(0));
    let restored = proven.restore(&[opened(), first]).unwrap();
    assert!(are_same(&restored.secrets, &secrets) && restored.liars.is_empty());

    let first = parts(&proven, &soft, &[0]).remove(0);
    let restored = proven.restore(&[falsified(&opened(), 0..32), first, second]).unwrap();
    assert!(are_same(&restored.secrets, &secrets));
    assert_eq!(restored.liars, [device.public().id()].into());
}
