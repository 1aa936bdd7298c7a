//! Backups to keys in tokens.

use crate::soft_hsm::{PIN, SoftHsm, module};
use quorate_access::Tree;
use quorate_backup::{
    Bundle, Opener, Proven, Recovery, RecoveryKey, SoftKey, SoftKind, Statement, Subject, prove,
};
use quorate_codec::Digest;
use quorate_curve::{Ed25519, SecretScalar};
use quorate_identity::{GenesisHash, NodeId};
use quorate_recovery::token::{Module, Pin, TokenKey};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::path::Path;

fn key(label: &str) -> TokenKey {
    let token = Module::load(Path::new(&module())).unwrap().token("vault").unwrap();
    token.log_in(Some(&Pin::new(PIN).unwrap())).unwrap().key(label).unwrap()
}

/// A secret that two of these three restore, and its public point.
fn made(keys: &[RecoveryKey]) -> (Proven<Ed25519>, SecretScalar<Ed25519>) {
    let tree: Tree<u8> = "2 of (0, 1, 2)".parse().unwrap();
    let recovery = Recovery::new(&tree.map(|place| usize::from(*place)), keys).unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let secret = SecretScalar::random(&mut rng);
    let publics = vec![secret.commit().non_identity().unwrap()];
    let subject =
        Subject::Canary { genesis: GenesisHash(Digest([1; 32])), export: Digest([2; 32]) };
    let author = NodeId(Digest([3; 32]));
    let statement = Statement { author, subject, publics, recovery };
    let secrets = [secret];
    let bundle: Bundle<Ed25519> = prove(statement.clone(), &secrets, &mut rng).unwrap();
    let [secret] = secrets;
    (bundle.verify(&statement).unwrap(), secret)
}

/// REC-43, BAK-14: two keys in tokens restore a secret that was backed up to them and to a third.
#[test]
fn two_keys_in_tokens_restore_a_backup() {
    if SoftHsm::within().is_none() {
        let hsm = SoftHsm::new();
        hsm.keygen("p256");
        hsm.keygen("rsa2048");
        return hsm.again("restore::two_keys_in_tokens_restore_a_backup");
    }
    let soft = SoftKey::from_seed(SoftKind::Hybrid, &[9; 32]).public().clone();
    // One after the other: a process speaks to its tokens through one module.
    let publics = ["p256", "rsa2048"].map(|label| key(label).public().clone());
    let (proven, secret) = made(&[publics.as_slice(), &[soft]].concat());
    let parts = ["p256", "rsa2048"].map(|label| proven.open(&key(label)).unwrap());
    let restored = proven.restore(&parts).unwrap();
    let bytes = |secret: &SecretScalar<Ed25519>| secret.to_bytes();
    assert_eq!(restored.secrets.iter().map(bytes).collect::<Vec<_>>(), [bytes(&secret)]);
    assert!(restored.liars.is_empty() && restored.silent.is_empty());
    assert!(proven.restore(&parts[..1]).is_err(), "one is too few");
}

/// REC-43: what was encrypted to another key opens nothing, and is the ciphertext's fault or the
/// device's; a point that is none never reaches the token.
#[test]
fn what_is_for_another_key_does_not_open() {
    if SoftHsm::within().is_none() {
        let hsm = SoftHsm::new();
        hsm.keygen("p256");
        hsm.keygen("rsa2048");
        return hsm.again("restore::what_is_for_another_key_does_not_open");
    }
    assert_eq!(key("p256").open(&[2; 32]).unwrap(), None);
    assert_eq!(key("p256").open(&[]).unwrap(), None);
    let opened = key("rsa2048").open(&[1; 256]);
    assert!(!matches!(opened, Ok(Some(_))), "{opened:?}");
}
