//! Statements, custodians and secrets to try.

use quorate_access::Tree;
use quorate_backup::{
    Bundle, Keyed, Opener, Parameters, Part, Proven, Recovery, RecoveryKey, Shared, SoftKey,
    SoftKind, Statement, Subject,
};
use quorate_codec::{Digest, from_bytes, to_bytes};
use quorate_curve::{Curve, SecretScalar};
use quorate_identity::{GenesisHash, KeyId, NodeId};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use rsa::rand_core::{TryCryptoRng, TryRng};
use rsa::traits::PublicKeyParts;
use sha1::Sha1;
use std::convert::Infallible;

/// A proof so small that cheating succeeds now and then: C(5, 2) = 10.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Small {}

impl Parameters for Small {
    const ROWS: u16 = 5;
    const CLOSED: u16 = 2;
}

pub fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// Custodians with keys of these kinds, numbered as they come.
pub fn custodians(kinds: &[SoftKind]) -> Vec<SoftKey> {
    let key = |(number, kind): (u8, &SoftKind)| SoftKey::from_seed(*kind, &[number; 32]);
    (1..).zip(kinds).map(key).collect()
}

/// A recovery tree over custodians, by their places from 0.
pub fn recovery(notation: &str, custodians: &[SoftKey]) -> Recovery {
    let keys: Vec<RecoveryKey> = custodians.iter().map(|key| key.public().clone()).collect();
    let tree: Tree<String> = notation.parse().unwrap();
    Recovery::new(&tree.map(|place| place[1..].parse().unwrap()), &keys).unwrap()
}

/// Secrets, and the statement that they are a node's shares.
pub fn shares<C: Curve>(count: usize, recovery: Recovery) -> (Statement<C>, Vec<SecretScalar<C>>) {
    let mut rng = rng(77);
    let secrets: Vec<SecretScalar<C>> =
        (0..count).map(|_| SecretScalar::random(&mut rng)).collect();
    let publics = secrets.iter().map(|secret| secret.commit().non_identity().unwrap()).collect();
    let of = Keyed {
        genesis: GenesisHash(Digest([1; 32])),
        key: KeyId(Digest([2; 32])),
        publics: Digest([3; 32]),
        transcript: Digest([4; 32]),
        ordered_by: Digest([5; 32]),
    };
    let subject = Subject::Shares { of, epoch: 6, leaves: vec![1], tree: Digest([7; 32]) };
    (Statement { author: NodeId(Digest([8; 32])), subject, publics, recovery }, secrets)
}

/// A bundle that says something else, its proof as it was.
pub fn rewritten<C: Curve>(bundle: &Bundle<C>, was: &Statement<C>, is: &Statement<C>) -> Bundle<C> {
    let bytes = to_bytes(bundle);
    // [6 fields, version, statement …
    let rest = bytes[2..].strip_prefix(to_bytes(was).as_slice()).unwrap();
    from_bytes(&[&bytes[..2], &to_bytes(is), rest].concat()).unwrap()
}

/// What these custodians open.
pub fn parts<C: Curve, P: Parameters>(
    proven: &Proven<C, P>,
    custodians: &[SoftKey],
    who: &[usize],
) -> Vec<Part> {
    who.iter()
        .map(|place| proven.open(&custodians[*place]).unwrap_or_else(|e| match e {}))
        .collect()
}

/// Whether these are the same secrets.
pub fn are_same<C: Curve>(left: &[SecretScalar<C>], right: &[SecretScalar<C>]) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).all(|(left, right)| left.to_bytes() == right.to_bytes())
}

/// A device with an RSA key: it does OAEP with SHA-1 and nothing else.
pub struct Device {
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
    pub fn new(seed: u64) -> Self {
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
