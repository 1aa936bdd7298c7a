//! Every form of the charter that may arrive from outside: one encoding, versions that are not
//! known refused, and no bytes that make a decoder panic.

use crate::support::drawn::Drawing;
use crate::support::{Domain, NOW, genesis};
use proptest::prelude::*;
use quorate_charter::{
    AbortStatement, AccountRecord, AttemptOutcome, AttemptPlan, Backup, BallotBody, CertifiedEntry,
    Decided, Entry, EntryError, EpochRecord, GenesisFile, Instance, KeyBackup, Motion, MotionError,
    PreparedStatement, SignedBallotMessage, SignedHello, SignedMotion, SignedRejoin, SignedWelcome,
    Votes,
};
use quorate_codec::{Canonical, Digest, from_bytes, to_bytes};
use quorate_identity::{Head, KeyId, NodeSignature, Scheme};

fn record(domain: &Domain) -> EpochRecord {
    let access = "2 of (n1, n2, n3)".parse::<quorate_access::Tree<quorate_identity::Name>>();
    let members: Vec<_> = domain.state.voters().keys().take(3).copied().collect();
    let plan = AttemptPlan {
        version: AttemptPlan::VERSION,
        genesis: domain.hash,
        key: KeyId(Digest([1; 32])),
        epoch: 0,
        attempt: 0,
        previous: Digest::ZERO,
        scheme: Scheme::Ed25519,
        tree: access.unwrap().map(|node| domain.state.node_named(node).unwrap().id),
        faults: 1,
        order: Head(Digest([6; 32])),
        head: domain.state.head(),
        made_at: NOW,
        dealers: members.clone(),
        committee: members,
        incarnations: vec![Digest([7; 32]); 3],
        accounts: 2,
        origin: None,
        custody: Digest::ZERO,
        renews: true,
    };
    let key = KeyBackup {
        epoch: 0,
        attempt: 0,
        order: plan.order,
        transcript: Digest([4; 32]),
        custody: plan.custody,
        dealers: plan.dealers.clone(),
        bundles: vec![Digest([9; 32]); 3],
        holders: plan.committee.clone(),
    };
    let account = |number: u8| AccountRecord {
        commitments: vec![vec![2 + number; 32], vec![3; 32]],
        public_key: vec![2 + number; 32],
        chain_code: Digest([5 + number; 32]),
    };
    EpochRecord {
        version: EpochRecord::VERSION,
        plan,
        accounts: vec![account(0), account(1)],
        transcript: Digest([4; 32]),
        backup: Backup { shares: vec![Digest([8; 32]); 3], key: Some(key) },
    }
}

/// GOV-40.
#[test]
fn records_and_outcomes_survive_their_encoding() {
    let domain = Domain::new(4, 1);
    let record = record(&domain);
    assert_eq!(from_bytes(&to_bytes(&record)).as_ref(), Ok(&record));
    let plan = AttemptPlan { epoch: 1, previous: record.digest(), ..record.plan.clone() };
    assert_ne!(plan.context(), record.plan.context());
    let next = EpochRecord { plan, ..record.clone() };
    assert_ne!(next.digest(), record.digest());
    let prepared = PreparedStatement {
        node: domain.node("n1"),
        leaf_proofs: vec![7; 100],
        signature: NodeSignature([8; 64]),
    };
    let commit = AttemptOutcome::Commit { record: to_bytes(&record), prepared: vec![prepared] };
    let (node, head) = (domain.node("n1"), domain.state.head());
    let abort = AbortStatement { node, head, signature: NodeSignature([9; 64]) };
    for outcome in [commit, AttemptOutcome::Void { attempt: 3, abort }] {
        assert_eq!(from_bytes(&to_bytes(&outcome)).as_ref(), Ok(&outcome));
    }
}

#[test]
fn the_largest_domain_fits_its_limits() {
    let domain = Domain::new(64, 21);
    assert_eq!(domain.state.quorum(), 43);
    assert!(from_bytes::<GenesisFile>(&to_bytes(&domain.file)).is_ok());
    let body = quorate_charter::MotionBody::PolicySet {
        bundle: vec![7; quorate_charter::limits::POLICY_BYTES_MAX],
    };
    let motion = domain.motion(&domain.state, body);
    let motion = crate::support::signed_by(&domain.state, motion, &["ada", "ben", "cleo"]);
    let entry = domain.entry(&domain.state, &motion);
    assert!(from_bytes::<CertifiedEntry>(&to_bytes(&entry)).is_ok());
    assert!(domain.state.verify_entry(&entry).is_ok());
    let longer = quorate_charter::MotionBody::PolicySet {
        bundle: vec![7; quorate_charter::limits::POLICY_BYTES_MAX + 1],
    };
    let refused = domain.state.check_motion(&domain.motion(&domain.state, longer), NOW);
    assert!(matches!(refused, Err(MotionError::PolicyTooLong(_))));
}

/// ENC-04: what a later version wrote is refused, not guessed at.
#[test]
fn unknown_versions_are_refused() {
    let domain = Domain::new(4, 1);
    let state = &domain.state;
    let drawing = Drawing::new(&domain, "G -> a");
    let motion = drawing.motion("a").body().as_ref().clone();
    let motion = SignedMotion::new(&Motion { version: 2, ..motion });
    let refused = SignedMotion::read(motion.bytes()).unwrap_err().to_string();
    assert!(refused.ends_with("a form of version 2 is not known here"), "{refused}");
    assert!(from_bytes::<SignedMotion>(&to_bytes(&motion)).is_err());
    let entry = Entry { version: 2, ..drawing.entry("a").entry().clone() };
    assert_eq!(state.check_next(&to_bytes(&entry), NOW, &|_| None), Err(EntryError::Version(2)));
    let decided = Decided { version: 2, ..drawing.entry("a").to_decided() };
    assert!(decided.verify(state).is_err());
    assert!(CertifiedEntry::from_decided(&decided).is_err());
    let genesis = quorate_charter::Genesis { version: 2, ..genesis(4, 1) };
    assert!(GenesisFile::create(&genesis).is_err());
}

/// Decodes anything as everything.
fn decode_all(bytes: &[u8]) {
    fn try_as<T: Canonical>(bytes: &[u8]) {
        if let Ok(value) = from_bytes::<T>(bytes) {
            assert_eq!(to_bytes(&value), bytes);
        }
    }
    try_as::<GenesisFile>(bytes);
    try_as::<SignedMotion>(bytes);
    try_as::<Motion>(bytes);
    try_as::<Entry>(bytes);
    try_as::<CertifiedEntry>(bytes);
    try_as::<Decided>(bytes);
    try_as::<SignedBallotMessage>(bytes);
    try_as::<Votes>(bytes);
    try_as::<SignedHello>(bytes);
    try_as::<SignedWelcome>(bytes);
    try_as::<SignedRejoin>(bytes);
    try_as::<EpochRecord>(bytes);
    try_as::<AttemptOutcome>(bytes);
}

fn samples() -> Vec<Vec<u8>> {
    let domain = Domain::new(3, 0);
    let drawing = Drawing::new(&domain, "G -> a[key hot]");
    let entry = drawing.entry("a");
    let (id, secrets) = domain.nodes.first_key_value().unwrap();
    let sign = |tag, bytes: &[u8]| secrets.sign(tag, bytes);
    let say = |body| {
        let instance = Instance::Position(1);
        to_bytes(&SignedBallotMessage::sign(domain.hash, instance, 3, *id, body, &sign))
    };
    vec![
        to_bytes(&domain.file),
        to_bytes(drawing.motion("a")),
        drawing.motion("a").bytes().to_vec(),
        to_bytes(&entry),
        entry.bytes().to_vec(),
        to_bytes(&entry.to_decided()),
        say(BallotBody::Prevote(Some(Digest([1; 32])))),
        say(BallotBody::Proposal { value: vec![1; 9].into(), lock: None }),
        to_bytes(&record(&domain)),
    ]
}

#[test]
fn neg_010_changed_bytes_decode_to_nothing_or_to_themselves() {
    let samples = samples();
    let mut dice = crate::explore::Dice(1);
    for sample in &samples {
        decode_all(sample);
        decode_all(&[sample.as_slice(), &[0]].concat());
        for _ in 0..200 {
            let mut changed = sample.clone();
            let at = dice.roll(changed.len() as u64) as usize;
            match dice.roll(3) {
                0 => changed[at] ^= 1 << dice.roll(8),
                1 => changed.truncate(at),
                _ => changed.insert(at, dice.roll(256) as u8),
            }
            decode_all(&changed);
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        decode_all(&bytes);
    }
}
