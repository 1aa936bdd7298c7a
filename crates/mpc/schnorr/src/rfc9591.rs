//! The vector of RFC 9591, appendix E.1 (FROST(Ed25519, SHA-512)): binding factors, signature
//! shares, signature.

use crate::fixture::{coefficient, node};
use crate::round1::Nonces;
use crate::round2::signature_share;
use crate::signing::{Commitments, Signing};
use crate::{Ed25519, Suite, Tweak, verify};
use quorate_curve::{NonIdentity, Scalar, SecretScalar};

/// One signer: share, nonces, and what must come of them.
struct Signer {
    number: u8,
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

type Point = NonIdentity<quorate_curve::Ed25519>;

fn bytes(hex: &str) -> Vec<u8> {
    quorate_codec::hex::decode(&format!("0x{hex}")).unwrap()
}

fn secret(hex: &str) -> SecretScalar<quorate_curve::Ed25519> {
    SecretScalar::from_bytes(&bytes(hex)).unwrap()
}

fn commitments(signer: &Signer) -> Commitments<quorate_curve::Ed25519> {
    let points = [signer.hiding, signer.binding];
    let points = points.map(|nonce| secret(nonce).commit().non_identity().unwrap());
    let encoded = points.map(|point| point.to_bytes()).concat();
    Commitments::all(&points, [encoded.as_slice()]).remove(0)
}

/// With these commitments of these signers, in their order.
fn signing(key: &Point, message: &[u8], signers: &[(&Signer, &Signer)]) -> Signing<Ed25519> {
    let key = Ed25519::signing_key(key, Tweak::None).unwrap();
    let party = |(signer, by): &(&Signer, &Signer)| {
        (signer.number.into(), (node(signer.number), commitments(by)))
    };
    Signing::numbered(&key, message.to_vec(), signers.iter().map(party).collect()).unwrap()
}

/// SCH-07: the factor covers key, message, and the list of all commitments in the order of the
/// signers.
#[test]
fn neg_030_binding_factors_shares_and_signature_are_those_of_rfc_9591() {
    let key = Point::from_bytes(&bytes(KEY)).unwrap();
    let [one, three] = &SIGNERS;
    let made = signing(&key, b"test", &[(one, one), (three, three)]);
    let mut sum = Scalar::zero();
    for signer in &SIGNERS {
        let factor = made.factor(&node(signer.number)).unwrap();
        assert_eq!(factor.to_bytes().to_vec(), bytes(signer.binding_factor));
        let nonces = Nonces { hiding: secret(signer.hiding), binding: secret(signer.binding) };
        let summand = secret(signer.share).times(coefficient(signer.number.into(), &[1, 3]));
        let share = signature_share(&made, factor, nonces, &summand);
        assert_eq!(share.to_bytes().to_vec(), bytes(signer.signature_share));
        assert!(made.holds(&node(signer.number), summand.commit(), share));
        sum = sum + share;
    }
    assert_eq!(made.signature(sum).to_vec(), bytes(SIGNATURE));
    verify::<Ed25519>(&key, Tweak::None, b"test", &bytes(SIGNATURE)).unwrap();

    // Another message, another list, another key: every factor is another one.
    let differs = |other: &Signing<Ed25519>| {
        let factors = |signing: &Signing<_>| [1, 3].map(|it| signing.factor(&node(it)).unwrap());
        factors(other).iter().zip(factors(&made)).all(|(other, factor)| *other != factor)
    };
    assert!(differs(&signing(&key, b"tesT", &[(one, one), (three, three)])));
    assert!(differs(&signing(&key, b"test", &[(one, three), (three, one)])));
    assert!(differs(&signing(&commitments(one).hiding, b"test", &[(one, one), (three, three)])));
}
