//! The vector of RFC 9591, appendix E.1 (FROST(Ed25519, SHA-512)), through the library as it is
//! used here: binding factors, signature shares, signature.

use frost_core::keys::{KeyPackage, PublicKeyPackage, SigningShare, VerifyingShare};
use frost_core::round1::{Nonce, SigningNonces};
use frost_core::round2::{SignatureShare, sign};
use frost_core::{
    Identifier, SigningPackage, VerifyingKey, aggregate, compute_binding_factor_list,
};
use frost_ed25519::Ed25519Sha512 as Suite;
use std::collections::BTreeMap;

/// One signer: share, nonces, and what must come of them.
struct Signer {
    number: u16,
    share: &'static str,
    hiding: &'static str,
    binding: &'static str,
    binding_factor: &'static str,
    signature_share: &'static str,
}

const KEY: &str = "15d21ccd7ee42959562fc8aa63224c8851fb3ec85a3faf66040d380fb9738673";
const SIGNATURE: &str = concat!(
    "154fb694ee7fcb37bf2381d94488c2a84b03b3352ad085feca81ad26d45852b7",
    "ecfe971ce4da95c4a95db93ac376b053897fca212ef85f99cf696bffeb178f07"
);
const SIGNERS: [Signer; 2] = [
    Signer {
        number: 1,
        share: "929dcc590407aae7d388761cddb0c0db6f5627aea8e217f4a033f2ec83d93509",
        hiding: "ef6599dea4010581a72b3018c37c29a4341d7cab0773e8687ca74dcf14009701",
        binding: "2baadfa0c69aa60d517ad4751de372a73f9d89cfc39026601f18458cdec12605",
        binding_factor: "ff960a65374e216a0918729b153466016664fa980d409bc3f308daa7acb30d0d",
        signature_share: "60997f0142e43e8005027fe5ab7447dac00d22c2d7ddd9571a02613ba7d81c08",
    },
    Signer {
        number: 3,
        share: "d3cb090a075eb154e82fdb4b3cb507f110040905468bb9c46da8bdea643a9a02",
        hiding: "80f8d9a4b8f9366e1a0b618107c907cd3ee29fa9bb40b4691cc1bde696240005",
        binding: "2610b664a5a187b4855e87d2ff485bebdf043dc2f161fcd4854cd01dc0276404",
        binding_factor: "279d48ec56f16d234c09ea62f3d02ab776ee38e03f66b20f939f1316e13df10f",
        signature_share: "79390e78bc59699c7af831f8f5fb478ec871a85f561a8641b5670ac4443f720f",
    },
];

fn bytes(hex: &str) -> Vec<u8> {
    quorate_codec::hex::decode(&format!("0x{hex}")).unwrap()
}

/// SCH-07: the factor covers key, message, and the list of all commitments in the order of the
/// signers.
#[test]
fn neg_030_binding_factors_shares_and_signature_are_those_of_rfc_9591() {
    let key = VerifyingKey::<Suite>::deserialize(&bytes(KEY)).unwrap();
    let nonces: BTreeMap<Identifier<Suite>, SigningNonces<Suite>> = SIGNERS
        .iter()
        .map(|signer| {
            let nonce = |hex| Nonce::deserialize(&bytes(hex)).unwrap();
            let nonces = SigningNonces::from_nonces(nonce(signer.hiding), nonce(signer.binding));
            (Identifier::try_from(signer.number).unwrap(), nonces)
        })
        .collect();
    let commitments: BTreeMap<_, _> =
        nonces.iter().map(|(number, nonces)| (*number, *nonces.commitments())).collect();
    let package = SigningPackage::new(commitments.clone(), b"test");
    let factors = compute_binding_factor_list(&package, &key, &[]).unwrap();
    let (mut shares, mut publics) = (BTreeMap::new(), BTreeMap::new());
    for signer in &SIGNERS {
        let number = Identifier::try_from(signer.number).unwrap();
        assert_eq!(factors.get(&number).unwrap().serialize(), bytes(signer.binding_factor));
        let share = SigningShare::deserialize(&bytes(signer.share)).unwrap();
        let public = VerifyingShare::from(share);
        let own = KeyPackage::new(number, share, public, key, 2);
        let made = sign(&package, &nonces[&number], &own).unwrap();
        assert_eq!(made.serialize(), bytes(signer.signature_share));
        shares.insert(number, SignatureShare::deserialize(&made.serialize()).unwrap());
        publics.insert(number, public);
    }
    let keys = PublicKeyPackage::new(publics, key, Some(2));
    let signature = aggregate(&package, &shares, &keys).unwrap();
    assert_eq!(signature.serialize().unwrap(), bytes(SIGNATURE));

    // Another message, another list, another key: every factor is another one.
    let differs = |package: &SigningPackage<Suite>, key: &VerifyingKey<Suite>| {
        let others = compute_binding_factor_list(package, key, &[]).unwrap();
        nonces.keys().all(|number| others.get(number) != factors.get(number))
    };
    assert!(differs(&SigningPackage::new(commitments.clone(), b"tesT"), &key));
    let swapped = commitments.keys().copied().zip(commitments.values().rev().copied()).collect();
    assert!(differs(&SigningPackage::new(swapped, b"test"), &key));
    let base = VerifyingKey::<Suite>::new(curve25519_dalek::constants::ED25519_BASEPOINT_POINT);
    assert!(differs(&package, &base));
}
