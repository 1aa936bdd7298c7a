//! Signing together with `frost-core`: of one quorum some parties are this crate, the others that
//! library, and both sum up the same signature.

use crate::fixture::{CONTEXT, Key, MESSAGE, node, rng};
use crate::wire::edit;
use crate::{Bip340, Ed25519, Letters, Suite, Tweak, open};
use frost_core::keys::{KeyPackage, PublicKeyPackage, SigningShare, VerifyingShare};
use frost_core::round1::{NonceCommitment, SigningCommitments, SigningNonces};
use frost_core::round2::SignatureShare;
use frost_core::{Ciphersuite, Error, Identifier, SigningPackage, VerifyingKey};
use frost_ed25519::Ed25519Sha512;
use frost_secp256k1_tr::Secp256K1Sha256TR;
use frost_secp256k1_tr::keys::Tweak as _;
use quorate_curve::Curve;
use std::collections::BTreeMap;

/// What differs between the peer's suites.
trait Peer: Ciphersuite {
    type Ours: Suite;

    fn sign(
        package: &SigningPackage<Self>,
        nonces: &SigningNonces<Self>,
        key: &KeyPackage<Self>,
        tweak: Tweak,
    ) -> Result<SignatureShare<Self>, Error<Self>>;

    fn tweaked(keys: PublicKeyPackage<Self>, tweak: Tweak) -> PublicKeyPackage<Self>;
}

impl Peer for Ed25519Sha512 {
    type Ours = Ed25519;

    fn sign(
        package: &SigningPackage<Self>,
        nonces: &SigningNonces<Self>,
        key: &KeyPackage<Self>,
        _: Tweak,
    ) -> Result<SignatureShare<Self>, Error<Self>> {
        frost_core::round2::sign(package, nonces, key)
    }

    fn tweaked(keys: PublicKeyPackage<Self>, _: Tweak) -> PublicKeyPackage<Self> {
        keys
    }
}

impl Peer for Secp256K1Sha256TR {
    type Ours = Bip340;

    fn sign(
        package: &SigningPackage<Self>,
        nonces: &SigningNonces<Self>,
        key: &KeyPackage<Self>,
        tweak: Tweak,
    ) -> Result<SignatureShare<Self>, Error<Self>> {
        match tweak {
            Tweak::None => frost_core::round2::sign(package, nonces, key),
            // No scripts: an empty Merkle root.
            Tweak::TaprootKeyPath => {
                frost_secp256k1_tr::round2::sign_with_tweak(package, nonces, key, Some(&[]))
            }
        }
    }

    fn tweaked(keys: PublicKeyPackage<Self>, tweak: Tweak) -> PublicKeyPackage<Self> {
        match tweak {
            Tweak::None => keys,
            Tweak::TaprootKeyPath => keys.tweak(Some(&[])),
        }
    }
}

/// Parties 1 to `ours` are this crate, the others up to `all` the library.
fn signs_together<P: Peer>(ours: u8, all: u8, seed: u8, tweak: Tweak) {
    let key = Key::<P::Ours>::new(all, seed);
    let number = |it: u8| Identifier::<P>::try_from(u16::from(it)).unwrap();
    let verifying_key = VerifyingKey::<P>::deserialize(&key.public().to_bytes()).unwrap();
    let package = |it: u8| {
        let share = SigningShare::<P>::deserialize(&key.value(it).to_bytes()).unwrap();
        let public = VerifyingShare::from(share);
        KeyPackage::new(number(it), share, public, verifying_key, all.into())
    };

    let (mut states, mut firsts) = (BTreeMap::new(), Letters::new());
    for it in 1..=ours {
        let (state, first) = open(key.plan(it, &[&MESSAGE], tweak), &mut rng(it)).unwrap();
        states.insert(it, state);
        firsts.insert(node(it), first);
    }
    let form = firsts[&node(1)].clone();
    let with = |form: &[u8], item: Vec<u8>| {
        let mut message = form.to_vec();
        edit(&mut message, |items| *items = vec![item]);
        message
    };
    let mut nonces = BTreeMap::new();
    for it in ours + 1..=all {
        let (made, said) =
            frost_core::round1::commit(package(it).signing_share(), &mut rng(100 + it));
        let [hiding, binding] = [said.hiding().serialize(), said.binding().serialize()];
        firsts.insert(node(it), with(&form, [hiding.unwrap(), binding.unwrap()].concat()));
        nonces.insert(it, made);
    }

    let item = |bytes: &[u8]| {
        let (mut bytes, mut found) = (bytes.to_vec(), Vec::new());
        edit(&mut bytes, |items| found = items[0].clone());
        found
    };
    let commitments = firsts.values().zip(1..).map(|(first, it)| {
        let both = item(first);
        let (hiding, binding) = both.split_at(<P::Ours as Suite>::Curve::POINT_BYTES);
        let [hiding, binding] =
            [hiding, binding].map(|it| NonceCommitment::deserialize(it).unwrap());
        (number(it), SigningCommitments::new(hiding, binding))
    });
    let signed = SigningPackage::<P>::new(commitments.collect(), &MESSAGE);
    let others = |all: &Letters, me: u8| {
        let mut letters = all.clone();
        letters.remove(&node(me));
        letters
    };
    let (mut last, mut seconds) = (BTreeMap::new(), Letters::new());
    for (it, state) in states {
        let (state, second) = state.handle(CONTEXT, &others(&firsts, it)).unwrap();
        last.insert(it, state);
        seconds.insert(node(it), second);
    }
    let form = seconds[&node(1)].clone();
    for (it, made) in &nonces {
        let share = P::sign(&signed, made, &package(*it), tweak).unwrap();
        seconds.insert(node(*it), with(&form, share.serialize()));
    }

    let shares = seconds.values().zip(1..);
    let shares = shares
        .map(|(second, it)| (number(it), SignatureShare::deserialize(&item(second)).unwrap()));
    let publics = (1..=all).map(|it| (number(it), *package(it).verifying_share())).collect();
    let publics = PublicKeyPackage::new(publics, verifying_key, Some(all.into()));
    let theirs =
        frost_core::aggregate(&signed, &shares.collect(), &P::tweaked(publics, tweak)).unwrap();
    for (it, state) in last {
        let signatures = state.handle(&others(&seconds, it)).unwrap();
        assert_eq!(signatures[0].bytes().as_slice(), theirs.serialize().unwrap());
    }
}

/// SCH-07, SCH-10: whatever the parity of key and nonces.
#[test]
fn neg_030_the_library_signs_with_us() {
    for (ours, all) in [(1, 2), (1, 3), (2, 3), (3, 3), (2, 5)] {
        for seed in 1..=8 {
            signs_together::<Ed25519Sha512>(ours, all, seed, Tweak::None);
            signs_together::<Secp256K1Sha256TR>(ours, all, seed, Tweak::None);
        }
    }
}

/// SCH-11: the library lets everybody add a part of the tweak and we let one add all of it, so it
/// only sums up.
#[test]
fn neg_028_the_library_sums_up_to_the_output_key() {
    for seed in 1..=8 {
        for all in 2..=4 {
            signs_together::<Secp256K1Sha256TR>(all, all, seed, Tweak::TaprootKeyPath);
        }
    }
}
