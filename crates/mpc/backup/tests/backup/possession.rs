//! Devices that show that they hold their keys, and nodes that ask for more than that.

use crate::fixtures::{Device, are_same, custodians, recovery, rng, shares};
use quorate_backup::possession::{Challenge, Challenges, answer};
use quorate_backup::{
    Bundle, Opener, Recovery, RecoveryKey, RestoreError, Shared, SoftKind, Statement, prove,
};
use quorate_codec::{Digest, from_bytes, minicbor, to_bytes};
use quorate_curve::Ed25519;
use quorate_identity::{GenesisHash, NodeId};
use std::cell::Cell;
use std::convert::Infallible;

const GENESIS: GenesisHash = GenesisHash(Digest([1; 32]));
const NODE: NodeId = NodeId(Digest([2; 32]));

/// A challenge of which somebody chose the bytes.
fn chosen(sent: &[u8]) -> Challenge {
    from_bytes(&to_bytes(&minicbor::bytes::ByteVec::from(sent.to_vec()))).unwrap()
}

/// What is sent in a challenge.
fn sent(challenge: &Challenge) -> Vec<u8> {
    minicbor::decode::<minicbor::bytes::ByteVec>(&to_bytes(challenge)).unwrap().into()
}

/// BAK-21: a device with an RSA key shows that it has it; another one, and another ciphertext, do not.
#[test]
fn a_device_with_an_rsa_key_shows_that_it_is_held() {
    let (device, other) = (Device::new(5), Device::new(6));
    let asked = |device: &Device, challenge: &Challenge| {
        answer(device, GENESIS, NODE, challenge).unwrap_or_else(|never| match never {})
    };
    let (challenge, expected) = Challenge::new(GENESIS, NODE, device.public(), &[3; 32]).unwrap();
    assert_eq!(asked(&device, &challenge), Some(expected));
    assert_eq!(asked(&other, &challenge), None);
    let mut changed = sent(&challenge);
    *changed.last_mut().unwrap() ^= 1;
    assert_eq!(asked(&device, &chosen(&changed)), None);
}

/// N-83: a custodian who answers whatever it is asked is no oracle. Here a node passes everything that
/// is sent in a real bundle on as challenges, and takes the answers for the secrets that open it.
#[test]
fn neg_083_a_piece_of_a_backup_offered_as_a_challenge_opens_nothing() {
    /// What an attacker has: the public half, and somebody who answers challenges (BAK-22).
    struct Fooled<'a, O>(&'a O, Cell<u32>);

    impl<O: Opener<Error = Infallible>> Opener for Fooled<'_, O> {
        type Error = Infallible;

        fn public(&self) -> &RecoveryKey {
            self.0.public()
        }

        fn open(&self, with: &[u8]) -> Result<Option<Shared>, Infallible> {
            let answer = answer(self.0, GENESIS, NODE, &chosen(with))?.unwrap();
            self.1.set(self.1.get() + 1);
            let bytes: [u8; 32] =
                minicbor::decode::<minicbor::bytes::ByteArray<32>>(&to_bytes(&answer))
                    .unwrap()
                    .into();
            Ok(Some(Shared::new(bytes)))
        }
    }

    fn restored_by_the_holder_alone<O: Opener<Error = Infallible>>(holder: &O, alone: Recovery) {
        let (statement, secrets): (Statement<Ed25519>, _) = shares(1, alone);
        let bundle: Bundle<_> = prove(statement.clone(), &secrets, &mut rng(1)).unwrap();
        let proven = bundle.verify(&statement).unwrap();
        let part = proven.open(holder).unwrap_or_else(|never| match never {});
        assert!(are_same(&proven.restore(&[part]).unwrap().secrets, &secrets));

        let fooled = Fooled(holder, Cell::new(0));
        let part = proven.open(&fooled).unwrap_or_else(|never| match never {});
        assert_eq!(fooled.1.get(), 32, "everything was answered");
        assert_eq!(proven.restore(&[part]).unwrap_err(), RestoreError::False);
    }

    for holder in custodians(&[SoftKind::Hybrid, SoftKind::X25519, SoftKind::P256]) {
        let alone = recovery("c0", std::slice::from_ref(&holder));
        restored_by_the_holder_alone(&holder, alone);
    }
    let (device, tree) = (Device::new(5), "0".parse::<quorate_access::Tree<u8>>().unwrap());
    let key = [device.public().clone()];
    let alone = Recovery::new(&tree.map(|place| (*place).into()), &key).unwrap();
    restored_by_the_holder_alone(&device, alone);
}

/// A device that fails before one node answers the others; one that fails before all has failed.
#[test]
fn a_device_that_fails_at_some_challenges_answers_the_others() {
    struct Moody(quorate_backup::SoftKey, Cell<u32>, u32);
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
    let key = custodians(&[SoftKind::P256]).remove(0);
    let ask = |node| Challenge::new(GENESIS, node, key.public(), &[4; 32]).unwrap();
    let nodes = [1, 2, 3].map(|node| NodeId(Digest([node; 32])));
    let all = nodes.map(|node| (node, ask(node).0));
    let file = Challenges::new(GENESIS, "vault".parse().unwrap(), key.public().id(), all).unwrap();
    let device = |failures| {
        let key = custodians(&[SoftKind::P256]).remove(0);
        Moody(key, Cell::new(0), failures)
    };
    let answers = file.answer(&device(1)).unwrap().unwrap();
    assert_eq!(answers.to(&nodes[0]), None);
    for node in &nodes[1..] {
        assert_eq!(answers.to(node), Some(&ask(*node).1));
    }
    assert_eq!(file.answer(&device(3)).unwrap_err(), "function failed");
}
