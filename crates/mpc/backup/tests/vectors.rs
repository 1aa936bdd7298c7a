//! The vectors of `vectors/backup.json` and `vectors/possession.json`, which other implementations
//! share.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_access::Tree;
use quorate_backup::possession::{Answers, Challenge, Challenges};
use quorate_backup::{Bundle, Opener, Recovery, RecoveryKey, SoftKey, SoftKind, Statement, prove};
use quorate_codec::{Canonical, from_bytes, hex, to_bytes};
use quorate_curve::{Curve, Ed25519, P256, Secp256k1, SecretScalar};
use quorate_identity::{GenesisHash, Name, NodeId};
use rand_core::{CryptoRng, Error, RngCore};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    cases: Vec<Case>,
    refused_keys: Vec<RefusedKey>,
}

/// A backup: what is said, what chance gave, and what must come of it.
#[derive(Deserialize)]
struct Case {
    name: String,
    curve: String,
    custodians: Vec<Custodian>,
    /// Over custodians, by their places.
    recovery: String,
    statement: String,
    secrets: Vec<String>,
    salt: String,
    fresh: String,
    bundle: String,
    parts: Vec<String>,
}

#[derive(Deserialize)]
struct Custodian {
    kind: String,
    /// None of RSA keys, which live in devices.
    seed: Option<String>,
    key: String,
    id: String,
}

#[derive(Deserialize)]
struct RefusedKey {
    why: String,
    key: String,
}

#[derive(Deserialize)]
struct Possession {
    cases: Vec<Asked>,
    refused: Vec<RefusedFile>,
}

/// What nodes ask of one custodian, and what it answers.
#[derive(Deserialize)]
struct Asked {
    #[serde(flatten)]
    key: Custodian,
    genesis: GenesisHash,
    custodian: Name,
    nodes: Vec<Asking>,
    challenges: String,
    answers: String,
}

#[derive(Deserialize)]
struct Asking {
    node: NodeId,
    coins: String,
}

#[derive(Deserialize)]
struct RefusedFile {
    form: String,
    why: String,
    bytes: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../../vectors/backup.json")).unwrap()
}

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

/// Chance that gives these bytes and then nothing.
struct Given(Vec<u8>);

impl RngCore for Given {
    fn next_u32(&mut self) -> u32 {
        panic!("only bytes are asked for")
    }

    fn next_u64(&mut self) -> u64 {
        panic!("only bytes are asked for")
    }

    fn fill_bytes(&mut self, to: &mut [u8]) {
        to.copy_from_slice(&self.0.drain(..to.len()).collect::<Vec<_>>());
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(to);
        Ok(())
    }
}

impl CryptoRng for Given {}

impl Custodian {
    fn public(&self) -> RecoveryKey {
        let key = RecoveryKey::from_bytes(&bytes(&self.key)).unwrap();
        assert_eq!(key.to_bytes(), bytes(&self.key), "BAK-17");
        assert_eq!(key.id().to_string(), self.id);
        key
    }

    /// If it is in memory.
    fn soft(&self) -> Option<SoftKey> {
        let kind = match self.kind.as_str() {
            "hybrid" => SoftKind::Hybrid,
            "x25519" => SoftKind::X25519,
            "p256" => SoftKind::P256,
            "rsa" => return None,
            other => panic!("{other}"),
        };
        let seed = self.seed.as_ref().unwrap();
        let key = SoftKey::from_seed(kind, &hex::decode_array(seed).unwrap());
        assert_eq!(key.public().to_bytes(), bytes(&self.key), "BAK-19");
        Some(key)
    }
}

impl Case {
    /// The keys, and those of them that are in memory.
    fn custodians(&self) -> (Vec<RecoveryKey>, Vec<SoftKey>) {
        let all = self.custodians.iter();
        (all.clone().map(Custodian::public).collect(), all.filter_map(Custodian::soft).collect())
    }

    fn check<C: Curve>(&self)
    where
        Statement<C>: Canonical,
    {
        let (keys, custodians) = self.custodians();
        let tree: Tree<u8> = self.recovery.parse().unwrap();
        let statement: Statement<C> = from_bytes(&bytes(&self.statement)).unwrap();
        let recovery = Recovery::new(&tree.map(|place| usize::from(*place)), &keys).unwrap();
        assert_eq!(statement.recovery, recovery);
        let secrets: Vec<SecretScalar<C>> = self
            .secrets
            .iter()
            .map(|secret| SecretScalar::from_bytes(&bytes(secret)).unwrap())
            .collect();

        let mut chance = Given([bytes(&self.salt), bytes(&self.fresh)].concat());
        let made: Bundle<C> = prove(statement.clone(), &secrets, &mut chance).unwrap();
        assert!(chance.0.is_empty());
        assert!(to_bytes(&made) == bytes(&self.bundle), "{}: BAK-04 to BAK-12", self.name);

        let read: Bundle<C> = from_bytes(&bytes(&self.bundle)).unwrap();
        let proven = read.verify(&statement).unwrap();
        let open = |key: &SoftKey| proven.open(key).unwrap_or_else(|never| match never {});
        let parts: Vec<_> = custodians.iter().map(open).collect();
        for (part, expected) in parts.iter().zip(&self.parts) {
            assert!(*part.to_bytes() == bytes(expected), "{}: BAK-14", self.name);
        }
        let restored = proven.restore(&parts).unwrap();
        let same = restored.secrets.iter().zip(&secrets);
        assert!(same.into_iter().all(|(left, right)| left.to_bytes() == right.to_bytes()));
    }
}

/// N-69: everything of a bundle follows from what is said, the secrets and 64 bytes of chance.
#[test]
fn neg_069_known_answers() {
    let cases = vectors().cases;
    assert_eq!(cases.len(), 4);
    for case in cases {
        match case.curve.as_str() {
            "secp256k1" => case.check::<Secp256k1>(),
            "p256" => case.check::<P256>(),
            "ed25519" => case.check::<Ed25519>(),
            other => panic!("{other}"),
        }
    }
}

/// BAK-17: what is no key, and why.
#[test]
fn neg_009_086_what_is_no_key_is_refused() {
    let refused = vectors().refused_keys;
    assert!(refused.len() >= 14);
    for RefusedKey { why, key } in refused {
        assert!(RecoveryKey::from_bytes(&bytes(&key)).is_err(), "{why}");
    }
}

fn possession() -> Possession {
    serde_json::from_str(include_str!("../../../../vectors/possession.json")).unwrap()
}

/// BAK-20 to BAK-23: what nodes send and expect follows from their coins, and the holder answers it.
#[test]
fn challenges_and_their_answers() {
    let cases = possession().cases;
    assert_eq!(cases.len(), 4);
    for case in cases {
        let (key, kind) = (case.key.public(), &case.key.kind);
        let made = case.nodes.iter().map(|Asking { node, coins }| {
            let coins = hex::decode_array(coins).unwrap();
            (*node, Challenge::new(case.genesis, *node, &key, &coins).unwrap())
        });
        let asked = made.clone().map(|(node, (challenge, _))| (node, challenge));
        let asked = Challenges::new(case.genesis, case.custodian, key.id(), asked).unwrap();
        assert_eq!(hex::encode(&to_bytes(&asked)), case.challenges, "{kind}: BAK-20");
        let expected = made.map(|(node, (_, answer))| (node, answer));
        let expected = Answers::new(case.genesis, key.id(), expected).unwrap();
        assert_eq!(hex::encode(&to_bytes(&expected)), case.answers, "{kind}: BAK-21");

        let read: Challenges = from_bytes(&bytes(&case.challenges)).unwrap();
        assert_eq!(from_bytes::<Answers>(&bytes(&case.answers)).unwrap(), expected);
        if let Some(holder) = case.key.soft() {
            let answers = read.answer(&holder).unwrap_or_else(|never| match never {});
            assert_eq!(answers, Some(expected), "{kind}: BAK-22");
        }
    }
}

/// BAK-23: what is no file of challenges or answers, and why.
#[test]
fn neg_010_files_of_another_form_are_refused() {
    let refused = possession().refused;
    assert!(refused.len() >= 15);
    for RefusedFile { form, why, bytes: given } in refused {
        let is_refused = match form.as_str() {
            "challenges" => from_bytes::<Challenges>(&bytes(&given)).is_err(),
            "answers" => from_bytes::<Answers>(&bytes(&given)).is_err(),
            other => panic!("{other}"),
        };
        assert!(is_refused, "{form}: {why}");
    }
}
