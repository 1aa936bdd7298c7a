//! Nothing about a bundle can be changed.

use crate::fixtures::{Small, custodians, recovery, rewritten, rng, shares};
use quorate_backup::{BackupFault, Bundle, Keyed, SoftKind, Statement, Subject, prove};
use quorate_codec::{Digest, from_bytes, to_bytes};
use quorate_curve::Ed25519;
use quorate_identity::{GenesisHash, KeyId, NodeId};
use rand_chacha::rand_core::RngCore;

fn made() -> (Statement<Ed25519>, Bundle<Ed25519>) {
    let kinds = [SoftKind::X25519, SoftKind::P256, SoftKind::Hybrid];
    let custodians = custodians(&kinds);
    let (statement, secrets) = shares(2, recovery("2 of (c0, c1, c2)", &custodians));
    (statement.clone(), prove(statement, &secrets, &mut rng(1)).unwrap())
}

fn fault(bundle: Bundle<Ed25519>, expected: &Statement<Ed25519>) -> BackupFault {
    let error = bundle.verify(expected).unwrap_err();
    error.fault
}

/// N-66, N-70: a bundle that says something else than what is asked for, each of its fields, is
/// refused by what it says; made to say what is asked for, by its proof.
#[test]
fn neg_066_070_another_statement_is_refused_and_rewritten_its_proof_fails() {
    let (expected, bundle) = made();
    let Subject::Shares { of, epoch, leaves, tree } = expected.subject.clone() else { panic!() };
    let shares = |of: Keyed| Subject::Shares { of, epoch, leaves: leaves.clone(), tree };
    let other = Digest([99; 32]);
    let subjects = [
        shares(Keyed { genesis: GenesisHash(other), ..of.clone() }),
        shares(Keyed { key: KeyId(other), ..of.clone() }),
        shares(Keyed { publics: other, ..of.clone() }),
        shares(Keyed { transcript: other, ..of.clone() }),
        shares(Keyed { ordered_by: other, ..of.clone() }),
        Subject::Shares { of: of.clone(), epoch: epoch - 1, leaves: leaves.clone(), tree },
        Subject::Shares { of: of.clone(), epoch, leaves: vec![0], tree },
        Subject::Shares { of: of.clone(), epoch, leaves: leaves.clone(), tree: other },
        Subject::Contributions { of: of.clone(), epoch },
        Subject::Canary { genesis: of.genesis, export: other },
        Subject::Export {
            of: of.clone(),
            epoch,
            leaves: leaves.clone(),
            tree,
            record: other,
            export: other,
        },
    ];
    let mut statements: Vec<(Statement<Ed25519>, BackupFault)> = subjects
        .into_iter()
        .map(|subject| (Statement { subject, ..expected.clone() }, BackupFault::Subject))
        .collect();
    statements.push((Statement { author: NodeId(other), ..expected.clone() }, BackupFault::Author));
    let kinds = [SoftKind::X25519, SoftKind::P256, SoftKind::Hybrid];
    for notation in ["all of (c0, c1, c2)", "2 of (c0, c2, c1)"] {
        let recovery = recovery(notation, &custodians(&kinds));
        statements.push((Statement { recovery, ..expected.clone() }, BackupFault::Recovery));
    }
    let kinds = [SoftKind::P256, SoftKind::X25519, SoftKind::Hybrid];
    let recovery = recovery("2 of (c0, c1, c2)", &custodians(&kinds));
    statements.push((Statement { recovery, ..expected.clone() }, BackupFault::Recovery));
    let mut publics = expected.publics.clone();
    publics.swap(0, 1);
    statements.push((Statement { publics, ..expected.clone() }, BackupFault::Secrets));

    for (other, said) in statements {
        assert_eq!(fault(bundle.clone(), &other), said);
        let rewritten = rewritten(&bundle, &expected, &other);
        assert_eq!(fault(rewritten.clone(), &expected), said);
        let proof = fault(rewritten, &other);
        let by_proof = matches!(
            proof,
            BackupFault::Proof | BackupFault::Length | BackupFault::Ciphertext { .. }
        );
        assert!(by_proof, "{proof:?}");
    }
    bundle.verify(&expected).unwrap();
}

/// A thousand flipped bits, wherever they fall.
#[test]
fn a_thousand_flips_are_refused() {
    let custodians = custodians(&[SoftKind::X25519, SoftKind::P256, SoftKind::Hybrid]);
    let (expected, secrets) = shares(2, recovery("2 of (c0, c1, c2)", &custodians));
    let bundle = prove::<Ed25519, Small>(expected.clone(), &secrets, &mut rng(1)).unwrap();
    flips(1000, &expected, bundle);
    let (expected, bundle) = made();
    flips(20, &expected, bundle);
}

fn flips<P>(count: usize, expected: &Statement<Ed25519>, bundle: Bundle<Ed25519, P>)
where
    P: quorate_backup::Parameters + std::fmt::Debug + Clone + Eq,
{
    let bytes = to_bytes(&bundle);
    let mut rng = rng(5);
    let (mut unread, mut refused) = (0, 0);
    for _ in 0..count {
        let mut flipped = bytes.clone();
        let at = rng.next_u32() as usize % flipped.len();
        flipped[at] ^= 1 << (rng.next_u32() % 8);
        match from_bytes::<Bundle<Ed25519, P>>(&flipped) {
            Err(_) => unread += 1,
            Ok(read) => {
                let error = read.verify(expected).unwrap_err();
                assert!(error.to_string().contains("0x"), "it names its author: {error}");
                refused += 1;
            }
        }
    }
    println!("figures: {unread} flips are no bundle, {refused} are refused");
    assert!(refused > count / 2);
}

/// Every length that is not the right one.
#[test]
fn what_is_cut_or_longer_is_no_bundle() {
    let (expected, bundle) = made();
    let bytes = to_bytes(&bundle);
    for cut in [1, 32, bytes.len() / 2, bytes.len() - 1] {
        assert!(from_bytes::<Bundle<Ed25519>>(&bytes[..bytes.len() - cut]).is_err());
    }
    assert!(from_bytes::<Bundle<Ed25519>>(&[bytes, vec![0]].concat()).is_err());
    assert!(bundle.verify(&expected).is_ok());
}
