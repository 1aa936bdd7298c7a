//! The vectors of `vectors/access.json`, which other implementations share.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_access::Tree;
use quorate_codec::minicbor::{self, Decode, Encode};
use quorate_codec::{Canonical, from_bytes, hex, to_bytes};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

/// A small number, encoded as an integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Deserialize)]
#[cbor(transparent)]
struct Party(#[n(0)] u8);

impl Canonical for Party {
    const BYTES_MAX: usize = 2;
}

impl fmt::Display for Party {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for Party {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

#[derive(Deserialize)]
struct Vectors {
    cases: Vec<Case>,
    refused_notations: Vec<RefusedNotation>,
    refused_encodings: Vec<RefusedEncoding>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    notation: String,
    encoding: String,
    columns: usize,
    rows: Vec<Vec<(u16, u8, u8)>>,
    sets: Vec<Set>,
}

#[derive(Deserialize)]
struct Set {
    present: BTreeSet<Party>,
    selected_leaves: Option<Vec<u16>>,
    missing: Option<String>,
}

#[derive(Deserialize)]
struct RefusedNotation {
    name: String,
    notation: String,
}

#[derive(Deserialize)]
struct RefusedEncoding {
    name: String,
    encoding: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../../vectors/access.json")).unwrap()
}

#[test]
fn notation_encoding_and_rows_are_those_of_the_vectors() {
    for case in vectors().cases {
        let tree: Tree<Party> = case.notation.parse().unwrap();
        assert_eq!(tree.to_string(), case.notation, "{}", case.name);
        assert_eq!(hex::encode(&to_bytes(&tree)), case.encoding, "{}", case.name);
        let decoded = from_bytes(&hex::decode(&case.encoding).unwrap());
        assert_eq!(decoded, Ok(tree.clone()), "{}", case.name);
        assert_eq!(tree.columns(), case.columns, "{}", case.name);
        let rows = tree.rows();
        let steps = rows.iter().map(|row| {
            row.steps.iter().map(|step| (step.column, step.threshold, step.index)).collect()
        });
        assert_eq!(steps.collect::<Vec<Vec<_>>>(), case.rows, "{}", case.name);
    }
}

#[test]
fn selections_and_what_is_missing_are_those_of_the_vectors() {
    for case in vectors().cases {
        let tree: Tree<Party> = case.notation.parse().unwrap();
        for set in case.sets {
            let selection = tree.select(&set.present);
            let leaves = selection
                .map(|selection| selection.leaves().iter().map(|leaf| leaf.leaf.0).collect());
            assert_eq!(leaves, set.selected_leaves, "{}: {:?}", case.name, set.present);
            let missing = tree.missing_for(&set.present).map(|missing| missing.to_string());
            assert_eq!(missing, set.missing, "{}: {:?}", case.name, set.present);
        }
    }
}

#[test]
fn neg_010_what_the_vectors_refuse_is_refused() {
    for case in vectors().refused_notations {
        assert!(case.notation.parse::<Tree<Party>>().is_err(), "{}", case.name);
    }
    for case in vectors().refused_encodings {
        let bytes = hex::decode(&case.encoding).unwrap();
        assert!(from_bytes::<Tree<Party>>(&bytes).is_err(), "{}", case.name);
    }
}
