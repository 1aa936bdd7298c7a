//! Custodians who lie, and bundles that hold rows that do not open.

use crate::fixtures::{are_same, custodians, parts, recovery, rng, shares};
use quorate_backup::{Bundle, Opener, Part, RecoveryKey, RestoreError, Shared, SoftKind, prove};
use quorate_curve::Ed25519;
use rsa::rand_core::{TryCryptoRng, TryRng};
use rsa::traits::PublicKeyParts;
use sha1::Sha1;
use std::convert::Infallible;

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

/// A device with an RSA key: it does OAEP with SHA-1 and nothing else.
struct Device {
    public: RecoveryKey,
    secret: rsa::PrivateKey,
}

/// Where the device has its primes from.
struct Chance(rand_chacha::ChaCha20Rng);

impl TryRng for Chance {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(rand_core::RngCore::next_u32(&mut self.0))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(rand_core::RngCore::next_u64(&mut self.0))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        rand_core::RngCore::fill_bytes(&mut self.0, bytes);
        Ok(())
    }
}

impl TryCryptoRng for Chance {}

impl Device {
    fn new(seed: u64) -> Self {
        let secret = rsa::PrivateKey::new(&mut Chance(rng(seed)), 2048).unwrap();
        let modulus = secret.n().to_be_bytes_trimmed_vartime();
        let public = RecoveryKey::from_bytes(&[&[3], modulus.as_ref()].concat()).unwrap();
        Self { public, secret }
    }
}

impl Opener for Device {
    type Error = Infallible;

    fn public(&self) -> &RecoveryKey {
        &self.public
    }

    fn open(&self, with: &[u8]) -> Result<Option<Shared>, Infallible> {
        let opened = self.secret.oaep_decrypt::<Sha1>(with).ok();
        Ok(opened.and_then(|shared| shared.try_into().ok()).map(Shared::new))
    }
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
    let restored = proven.restore(&[falsified(&opened()), first, second]).unwrap();
    assert!(are_same(&restored.secrets, &secrets));
    assert_eq!(restored.liars, [device.public().id()].into());
}
