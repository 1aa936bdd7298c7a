//! A node's shares for whom the charter gave the whole key: one holder opens them alone, and nobody
//! takes them for a backup, or a backup for them (KEX-08).

use crate::fixtures::{Device, are_same, rewritten, rng, shares};
use quorate_backup::{
    BackupFault, Bundle, Keyed, Opener, Recovery, SoftKey, SoftKind, Statement, Subject, prove,
};
use quorate_codec::{Digest, from_bytes, to_bytes};
use quorate_curve::{Ed25519, Secp256k1};
use quorate_identity::{GenesisHash, KeyId};

fn key(kind: SoftKind) -> SoftKey {
    SoftKey::from_seed(kind, &[40; 32])
}

/// What an export says of the same shares as a backup.
fn exported(backup: &Statement<Ed25519>) -> Statement<Ed25519> {
    let Subject::Shares { of, epoch, leaves, tree } = backup.subject.clone() else { panic!() };
    let (record, export) = (Digest([20; 32]), Digest([21; 32]));
    let subject = Subject::Export { of, epoch, leaves, tree, record, export };
    Statement { subject, ..backup.clone() }
}

/// KEX-08: whoever holds the one key restores all of it alone, of whatever kind the key is.
#[test]
fn the_recipient_alone_opens_an_export() {
    for kind in [SoftKind::Hybrid, SoftKind::X25519, SoftKind::P256] {
        opens(&key(kind));
    }
    opens(&Device::new(9));
}

fn opens<O: Opener<Error = std::convert::Infallible>>(recipient: &O) {
    let alone = Recovery::alone(recipient.public().clone());
    let (backup, secrets) = shares::<Ed25519>(3, alone);
    let expected = exported(&backup);
    let bundle: Bundle<Ed25519> = prove(expected.clone(), &secrets, &mut rng(3)).unwrap();
    let read: Bundle<Ed25519> = from_bytes(&to_bytes(&bundle)).unwrap();
    let proven = read.verify(&expected).unwrap();
    let Ok(part) = proven.open(recipient);
    let restored = proven.restore(&[part]).unwrap();
    assert!(are_same(&restored.secrets, &secrets));
    assert!(restored.liars.is_empty() && restored.silent.is_empty());
    // Nobody else's key opens anything of it.
    let Ok(part) = proven.open(&SoftKey::from_seed(SoftKind::X25519, &[41; 32]));
    assert!(proven.restore(&[part]).is_err());
}

/// N-70: a backup of the very same shares for the very same key is no export of them, nor the other way
/// round, as it came or written over; and an export is of one key, epoch, record and entry.
#[test]
fn neg_070_an_export_is_no_backup_and_of_one_entry_alone() {
    let alone = Recovery::alone(key(SoftKind::Hybrid).public().clone());
    let (backup, secrets) = shares::<Ed25519>(2, alone);
    let expected = exported(&backup);
    let made = |statement: &Statement<Ed25519>| -> Bundle<Ed25519> {
        prove(statement.clone(), &secrets, &mut rng(4)).unwrap()
    };
    let (of_backup, of_export) = (made(&backup), made(&expected));
    let fault = |bundle: Bundle<Ed25519>, expected: &Statement<Ed25519>| {
        bundle.verify(expected).unwrap_err().fault
    };
    let by_proof = |fault: BackupFault| {
        matches!(fault, BackupFault::Proof | BackupFault::Length | BackupFault::Ciphertext { .. })
    };
    assert_eq!(fault(of_backup.clone(), &expected), BackupFault::Subject);
    assert_eq!(fault(of_export.clone(), &backup), BackupFault::Subject);
    assert!(by_proof(fault(rewritten(&of_backup, &backup, &expected), &expected)));
    assert!(by_proof(fault(rewritten(&of_export, &expected, &backup), &backup)));
    let Subject::Export { of, epoch, leaves, tree, record, export } = expected.subject.clone()
    else {
        panic!()
    };
    let other = Digest([99; 32]);
    let subject = |of: Keyed, epoch, record, export| {
        let leaves = leaves.clone();
        Subject::Export { of, epoch, leaves, tree, record, export }
    };
    let elsewhere = Keyed { genesis: GenesisHash(other), ..of.clone() };
    let another = Keyed { key: KeyId(other), ..of.clone() };
    for subject in [
        subject(elsewhere, epoch, record, export),
        subject(another, epoch, record, export),
        subject(of.clone(), epoch + 1, record, export),
        subject(of.clone(), epoch, other, export),
        subject(of, epoch, record, other),
    ] {
        let wanted = Statement { subject, ..expected.clone() };
        assert_eq!(fault(of_export.clone(), &wanted), BackupFault::Subject);
        assert!(by_proof(fault(rewritten(&of_export, &expected, &wanted), &wanted)));
    }
    let stranger = Recovery::alone(key(SoftKind::P256).public().clone());
    let wanted = Statement { recovery: stranger, ..expected.clone() };
    assert_eq!(fault(of_export.clone(), &wanted), BackupFault::Recovery);
    of_export.verify(&expected).unwrap();
}

/// The same on the other curve.
#[test]
fn exports_are_of_either_curve() {
    let recipient = key(SoftKind::Hybrid);
    let (backup, secrets) = shares::<Secp256k1>(1, Recovery::alone(recipient.public().clone()));
    let bundle: Bundle<Secp256k1> = prove(backup.clone(), &secrets, &mut rng(5)).unwrap();
    let proven = bundle.verify(&backup).unwrap();
    let Ok(part) = proven.open(&recipient);
    assert!(are_same(&proven.restore(&[part]).unwrap().secrets, &secrets));
}
