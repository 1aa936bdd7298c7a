//! The vectors of `vectors/presign.json`: one more log, in which presignatures are asked for.

use super::stories::{Story, over};
use super::{Log, decoded};
use crate::support::{Domain, name};
use quorate_charter::{CertifiedEntry, GenesisFile, MotionBody, verify_log};
use quorate_identity::Scheme;

pub fn log() -> Log {
    serde_json::from_str(include_str!("../../../../../../vectors/presign.json")).unwrap()
}

fn written() -> Log {
    let domain = Domain::new(4, 1);
    let mut story = Story::new(&domain);
    let access = over(&domain, "2 of (n1, n2, n3)");
    let order = MotionBody::key_create(name("hot"), Scheme::EcdsaSecp256k1, access);
    story.drawing.give("hot", order);
    story.drawing.give("none", MotionBody::KeyPresign { name: name("hot"), most: 0 });
    story.tell("G -> hot[given hot] -> ahead[ahead hot] -> none[given none] -> again[ahead hot]");
    story.log()
}

/// GOV-17.
#[test]
fn the_log_that_asks_for_presignatures_is_what_these_seeds_make_and_verifies() {
    let written = written();
    assert!(written == log(), "{}", serde_json::to_string_pretty(&written).unwrap());
    let file: GenesisFile = decoded(&written.genesis_file);
    let entries = written.entries.iter().map(|entry| decoded::<CertifiedEntry>(&entry.bytes));
    let state = verify_log(&file, &written.genesis_hash.parse().unwrap(), entries).unwrap();
    assert_eq!(state.key_named(&name("hot")).unwrap().presignatures, 64);
}
