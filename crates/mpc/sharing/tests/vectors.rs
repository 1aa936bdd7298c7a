//! The vectors of `vectors/sharing.json`, which other implementations share.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_access::Tree;
use quorate_codec::{Digest, hex};
use quorate_curve::{Curve, Ed25519, P256, Point, Secp256k1, SecretScalar};
use quorate_sharing::{
    Commitments, LeafShares, Polynomial, additive_public, additive_share, check_quorum,
    coefficients, quorum_digest,
};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

/// A small number; in hashes, one byte.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(from = "u8")]
struct Party([u8; 1]);

impl From<u8> for Party {
    fn from(number: u8) -> Self {
        Self([number])
    }
}

impl AsRef<[u8]> for Party {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Party {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[0].fmt(formatter)
    }
}

impl FromStr for Party {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(|number| Self([number]))
    }
}

#[derive(Deserialize)]
struct Vectors {
    cases: Vec<Case>,
    refused_commitments: Vec<Refused>,
}

#[derive(Deserialize)]
struct Case {
    curve: String,
    notation: String,
    coefficients: Vec<String>,
    commitments: Vec<String>,
    leaves: Vec<Leaf>,
    quorums: Vec<Quorum>,
}

#[derive(Deserialize)]
struct Leaf {
    party: Party,
    share: String,
    public: String,
}

#[derive(Deserialize)]
struct Quorum {
    present: BTreeSet<Party>,
    leaves: Vec<Weight>,
    additive: Vec<Leaf>,
    digest: Digest,
}

#[derive(Deserialize)]
struct Weight {
    leaf: u16,
    coefficient: String,
}

#[derive(Deserialize)]
struct Refused {
    name: String,
    curve: String,
    notation: String,
    commitments: Vec<String>,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../../vectors/sharing.json")).unwrap()
}

fn bytes(texts: &[String]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| hex::decode(text).unwrap()).collect()
}

fn text<C: Curve>(point: Point<C>) -> String {
    hex::encode(&point.non_identity().unwrap().to_bytes())
}

fn secret_text<C: Curve>(scalar: &SecretScalar<C>) -> String {
    hex::encode(scalar.to_bytes().as_ref())
}

fn check<C: Curve>(case: &Case) {
    let tree: Tree<Party> = case.notation.parse().unwrap();
    let read = |bytes: &Vec<u8>| SecretScalar::<C>::from_bytes(bytes).unwrap();
    let secrets = bytes(&case.coefficients).iter().map(read).collect();
    let polynomial = Polynomial::from_coefficients(&tree, secrets).unwrap();
    let commitments = Commitments::from_bytes(&tree, &bytes(&case.commitments)).unwrap();
    assert_eq!(polynomial.commit(), Ok(commitments.clone()));
    let rows = tree.rows();
    assert_eq!(rows.len(), case.leaves.len());
    for (row, leaf) in rows.iter().zip(&case.leaves) {
        assert_eq!(*row.party, leaf.party);
        assert_eq!(secret_text(&polynomial.share(row).unwrap()), leaf.share);
        assert_eq!(text(commitments.leaf(row)), leaf.public);
    }
    for quorum in &case.quorums {
        let selection = tree.select(&quorum.present).unwrap();
        check_quorum(&tree, &commitments, &selection).unwrap();
        let weights: Vec<(u16, String)> = coefficients::<C, _>(&selection)
            .into_iter()
            .map(|(leaf, weight)| (leaf.0, hex::encode(&weight.to_bytes())))
            .collect();
        let expected = quorum.leaves.iter().map(|leaf| (leaf.leaf, leaf.coefficient.clone()));
        assert_eq!(weights, expected.collect::<Vec<_>>());
        assert_eq!(quorum_digest::<C, _>(&selection), quorum.digest);
        assert!(selection.parties().iter().eq(quorum.additive.iter().map(|own| &own.party)));
        for additive in &quorum.additive {
            let party = &additive.party;
            let own = rows.iter().filter(|row| row.party == party);
            let own: LeafShares<C> =
                own.map(|row| (row.leaf, polynomial.share(row).unwrap())).collect();
            let share = additive_share(&selection, party, &own).unwrap();
            let public = additive_public(&tree, &commitments, &selection, party).unwrap();
            assert_eq!(secret_text(&share), additive.share);
            assert_eq!(text(public), additive.public);
        }
    }
}

/// SHR-02 to SHR-10.
#[test]
fn shares_and_coefficients_are_those_of_the_vectors() {
    for case in vectors().cases {
        match case.curve.as_str() {
            Secp256k1::NAME => check::<Secp256k1>(&case),
            P256::NAME => check::<P256>(&case),
            Ed25519::NAME => check::<Ed25519>(&case),
            other => panic!("{other}"),
        }
    }
}

/// SHR-03, SHR-04.
#[test]
fn neg_007_commitments_that_the_vectors_refuse_are_refused() {
    for case in vectors().refused_commitments {
        let tree: Tree<Party> = case.notation.parse().unwrap();
        let points = bytes(&case.commitments);
        let refused = match case.curve.as_str() {
            Secp256k1::NAME => Commitments::<Secp256k1>::from_bytes(&tree, &points).is_err(),
            P256::NAME => Commitments::<P256>::from_bytes(&tree, &points).is_err(),
            Ed25519::NAME => Commitments::<Ed25519>::from_bytes(&tree, &points).is_err(),
            other => panic!("{other}"),
        };
        assert!(refused, "{}", case.name);
    }
}
