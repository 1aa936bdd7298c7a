//! How long a machine takes to verify a long charter from its genesis: `replaying [ENTRIES]`.
//!
//! Half of the entries are refreshes, which one administrator orders, half set a policy, which two
//! sign; each has the certificate of a quorum of four voters. Nothing is kept from making the log.
//! It is followed as a node does that starts (GOV-24), then verified with every certificate.
#![allow(clippy::unwrap_used, reason = "a program that panics has failed, which is all it can do")]

use quorate_charter::{
    BallotBody, CertifiedEntry, Decided, Entry, EntryBody, Instance, MotionBody, Replay,
    SignedBallotMessage, State, verify_log,
};
use quorate_codec::{Digest, Transcript, tag, to_bytes};
use quorate_testkit::cores::look_ahead;
use quorate_testkit::founding::{Founding, Shape, name};
use std::time::Instant;

fn main() {
    let count: u64 = std::env::args().nth(1).map_or(1_000, |text| text.parse().unwrap());
    let founding = Founding::new(1, Shape::default());
    let mut state = State::clone(&founding.state);
    let began = Instant::now();
    let mut log = vec![place(
        &founding,
        &mut state,
        founding.key_order("ops", quorate_identity::Scheme::Ed25519),
        0,
    )];
    for number in 1..count {
        let body = match number % 2 {
            0 => MotionBody::KeyRefresh { name: name("ops") },
            _ => MotionBody::PolicySet { bundle: number.to_be_bytes().to_vec() },
        };
        log.push(place(&founding, &mut state, body, number));
    }
    println!("{} entries made in {:.1} s", log.len(), began.elapsed().as_secs_f64());
    let tell = |what: &str, began: Instant, replayed: State| {
        assert_eq!(replayed.head(), state.head());
        let took = began.elapsed().as_secs_f64();
        let each = took / f64::from(u32::try_from(count).unwrap()) * 1e6;
        println!("{what} in {took:.2} s, {each:.0} microseconds an entry");
    };
    let began = Instant::now();
    let mut replay = Replay::from(State::clone(&founding.state));
    for entries in log.chunks(1_024) {
        replay.extend(entries, look_ahead).unwrap();
    }
    tell("followed", began, replay.finish().unwrap());
    let began = Instant::now();
    tell("verified", began, verify_log(&founding.file, &founding.hash, log).unwrap());
}

/// The next entry, certified by a quorum.
fn place(founding: &Founding, state: &mut State, body: MotionBody, number: u64) -> CertifiedEntry {
    let mut nonce = [0; 32];
    nonce[..8].copy_from_slice(&number.to_be_bytes());
    let signers: &[&str] = if body.is_upkeep() { &["ada"] } else { &["ada", "ben"] };
    let motion = founding.motion(state, body, Digest(nonce), u64::MAX, signers);
    let entry = Entry::next(state, EntryBody::Motion(motion));
    let value = to_bytes(&entry);
    let digest = Transcript::new(tag::DECISION_VALUE).part(&value).digest();
    let (genesis, instance) = (entry.genesis, Instance::Position(entry.position));
    let precommits = founding.nodes.iter().take(state.quorum()).map(|(id, node)| {
        let secrets = node.secrets();
        let sign = |tag, bytes: &[u8]| secrets.sign(tag, bytes);
        let body = BallotBody::Precommit(Some(digest));
        let message = SignedBallotMessage::sign(genesis, instance, 0, *id, body, &sign);
        (*id, *message.signature())
    });
    let certificate = precommits.collect();
    let decided = Decided { version: 1, genesis, instance, ballot: 0, value, certificate };
    let certified = CertifiedEntry::from_decided(&decided).unwrap();
    state.advance(state.verify_entry(&certified).unwrap());
    certified
}
