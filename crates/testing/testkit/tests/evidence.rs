//! Evidence, and other statements that are kept as they came: their form, their length, and whose
//! domain they are about.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

use quorate_charter::{
    AttemptPlan, BallotBody, Instance, MotionBody, SignedBallotMessage, SignedMotion,
};
use quorate_client::contract::routes;
use quorate_codec::{Canonical, Digest, tag};
use quorate_engine::Backups;
use quorate_identity::{GenesisHash, Head, KeyId, NodeId, NodeSecrets, Scheme};
use quorate_machine::call::View;
use quorate_machine::evidence::{Evidence, EvidenceError, EvidenceFile};
use quorate_machine::ingress::{self, IngressError};
use quorate_machine::wire::{DealMessage, DealStep, Message, ShownMessage};
use quorate_testkit::custodians::Reduced;
use quorate_testkit::forged::Forged;
use quorate_testkit::founding::{Founding, POLICY, Shape, name};
use quorate_testkit::keys::evidence;
use quorate_testkit::world::World;
use std::collections::BTreeSet;

/// Two messages of node-2 for one place of an attempt in a domain, each signed by it.
fn twice(founding: &Founding, version: u8, genesis: GenesisHash) -> Forged {
    let nodes: BTreeSet<_> = ["node-1", "node-2", "node-3"].map(|node| founding.node(node)).into();
    let author = founding.node("node-2");
    let plan = AttemptPlan {
        version: AttemptPlan::VERSION,
        genesis,
        key: KeyId(Digest([7; 32])),
        epoch: 0,
        attempt: 0,
        previous: Digest::ZERO,
        scheme: Scheme::Ed25519,
        tree: founding.two_of_three(),
        faults: 1,
        order: Head(Digest::ZERO),
        head: Head(Digest::ZERO),
        made_at: 0,
        dealers: nodes.iter().copied().collect(),
        committee: nodes.into_iter().collect(),
        incarnations: vec![Digest::ZERO; 3],
        accounts: 1,
        origin: None,
        custody: founding.state.custody_digest(),
        renews: true,
    };
    Forged::twice(version, plan, author, &founding.nodes[&author].secrets())
}

/// BLM-01: evidence proves something in its own domain, in the form that everybody reads alike.
#[test]
fn neg_094_evidence_of_another_form_or_domain_proves_nothing() {
    let founding = Founding::new(94, Shape::default());
    let verify = |version: u8, genesis: GenesisHash| {
        let evidence: Evidence = twice(&founding, version, genesis).read();
        evidence.verify(&founding.state, Backups::of::<Reduced>())
    };
    let here = founding.state.genesis();
    assert_eq!(verify(1, here).unwrap().culprits, [founding.node("node-2")]);
    assert!(matches!(verify(2, here), Err(EvidenceError::Malformed(_))));
    let elsewhere = GenesisHash(Digest([7; 32]));
    assert!(matches!(verify(1, elsewhere), Err(EvidenceError::OtherDomain)));
}

/// BLM-07: a file is held against the hash of the genesis that its reader knows.
#[test]
fn neg_094_a_file_of_another_form_or_domain_proves_nothing() {
    let founding = Founding::new(94, Shape::default());
    let here = founding.state.genesis();
    let file = |version: u8| twice(&founding, 1, here).file(version, founding.file.clone());
    let (finding, _, state) =
        EvidenceFile::verify(&file(1), &here, Backups::of::<Reduced>()).unwrap();
    assert_eq!(finding.culprits, [founding.node("node-2")]);
    assert_eq!(state.genesis(), here);
    let verify = |bytes: &[u8], hash: &GenesisHash| {
        EvidenceFile::verify(bytes, hash, Backups::of::<Reduced>()).map(drop)
    };
    assert!(matches!(verify(&file(2), &here), Err(EvidenceError::Malformed(_))));
    let elsewhere = GenesisHash(Digest([7; 32]));
    assert!(matches!(verify(&file(1), &elsewhere), Err(EvidenceError::OtherDomain)));
    let cut = file(1).split_off(1);
    assert!(matches!(verify(&cut, &here), Err(EvidenceError::Malformed(_))));
}

/// AGR-10, BLM-01, BLM-06, BLM-07: two votes of one voter in one place convict it, through whoever came
/// upon them, before everybody and for good. A vote told again, one in another ballot or phase, and
/// one that somebody else wrote down for it convict nobody.
#[test]
fn neg_089_two_votes_in_one_place_convict_and_nothing_else_does() {
    let mut world = World::new(89);
    world
        .until("all take part", |world| world.names().iter().all(|node| world.status(node).leased));
    let (one, two) = (world.id("node-1"), world.id("node-2"));
    let (genesis, culprit) = (world.state("node-1").genesis(), world.id("node-3"));
    let position = world.state("node-1").position() + 1;
    let vote = |secrets: &NodeSecrets, ballot: u32, body: BallotBody| {
        let sign = |tag, bytes: &[u8]| secrets.sign(tag, bytes);
        let instance = Instance::Position(position);
        SignedBallotMessage::sign(genesis, instance, ballot, culprit, body, &sign)
    };
    let prevote = |byte: u8| BallotBody::Prevote(Some(Digest([byte; 32])));
    let precommit = |byte: u8| BallotBody::Precommit(Some(Digest([byte; 32])));
    let secrets = world.founding.nodes[&culprit].secrets();
    let strangers = world.founding.nodes[&two].secrets();
    for harmless in [
        vote(&secrets, 0, prevote(1)),
        vote(&secrets, 0, prevote(1)),
        vote(&secrets, 0, precommit(2)),
        vote(&secrets, 1, prevote(2)),
        vote(&strangers, 0, prevote(2)),
    ] {
        world.inject(two, one, &Message::Ballot(harmless));
    }
    world.pass(100);
    for node in world.names() {
        assert!(evidence(&mut world, &node).is_empty(), "{node}");
    }

    world.inject(two, one, &Message::Ballot(vote(&secrets, 0, prevote(2))));
    let honest = ["node-1", "node-2", "witness-1"];
    world.until("all have it", |world| honest.iter().all(|node| evidence(world, node).len() == 1));
    let listed = evidence(&mut world, "node-1").remove(0);
    assert_eq!(listed.culprits, [name("node-3")]);
    assert_eq!(listed.what, "two statements for one prevote");
    assert_eq!((listed.place, listed.key), (format!("position {position}"), None));
    let verify = |bytes: &[u8], genesis: &GenesisHash| {
        EvidenceFile::verify(bytes, genesis, Backups::of::<Reduced>())
    };
    for node in honest {
        let kept = evidence(&mut world, node).remove(0).evidence;
        let view = world.call(node, "auditor", "GET", &routes::evidence(&kept), b"");
        let Ok(View::Evidence(answer)) = view else { panic!("{view:?}") };
        let mut file = answer.file.0;
        let (finding, id, state) = verify(&file, &genesis).unwrap();
        assert_eq!((finding.culprits, id), (vec![culprit], listed.evidence), "{node}");
        assert_eq!(state.node(&culprit).map(|node| &node.name), Some(&name("node-3")));
        let elsewhere = GenesisHash(Digest([7; 32]));
        assert!(matches!(verify(&file, &elsewhere), Err(EvidenceError::OtherDomain)));
        // The second signature is the last thing in it.
        *file.last_mut().unwrap() ^= 1;
        assert!(matches!(verify(&file, &genesis), Err(EvidenceError::Unproven(_))));
    }

    // The others decide all the same, and what is proven stays, over entries and starts.
    world.set_policy("node-1", POLICY);
    for node in ["node-2", "witness-1"] {
        world.stop(node);
        let id = world.id(node);
        world.start(id);
    }
    for node in honest {
        let kept: Vec<Digest> =
            evidence(&mut world, node).into_iter().map(|view| view.evidence).collect();
        assert_eq!(kept, [listed.evidence], "{node}");
    }
}

/// BLM-06: what is shown of others was signed by them, for the same attempt, or the frame is no
/// frame.
#[test]
fn neg_089_nobody_shows_what_others_did_not_sign() {
    let founding = Founding::new(89, Shape::default());
    let (shower, author) = (founding.node("node-2"), founding.node("node-3"));
    let genesis = founding.state.genesis();
    let (key, epoch, context) = (KeyId(Digest([7; 32])), 0_u64, Some(Digest([8; 32])));
    let sign = |node: NodeId, attempt: u32, step: &DealStep| {
        let said = (&genesis, &key, epoch, attempt, context, step);
        let secrets = founding.nodes[&node].secrets();
        secrets.sign(tag::DEAL_MESSAGE, &quorate_codec::to_bytes(&said))
    };
    let is_taken = |signer: NodeId, of: u32, number: u8| {
        let bytes = vec![1];
        let signature = sign(signer, of, &DealStep::Round { number: 1, bytes: bytes.clone() });
        let step =
            DealStep::Shown { messages: vec![ShownMessage { author, number, bytes, signature }] };
        let signature = sign(shower, 0, &step);
        let message = DealMessage { key, epoch, attempt: 0, context, step, signature };
        let frame = quorate_codec::to_bytes(&Message::Deal(message));
        ingress::check(&founding.state, shower, &frame).is_ok()
    };
    assert!(is_taken(author, 0, 1));
    assert!(!is_taken(shower, 0, 1), "another's signature");
    assert!(!is_taken(author, 1, 1), "of another attempt");
    assert!(!is_taken(author, 0, 2), "in another place");
}

/// NOD-05: what is stored as it came is no longer than what is read again at the next start.
#[test]
fn nod_05_what_could_not_be_read_again_is_not_taken() {
    let founding = Founding::new(5, Shape::default());
    let take = |signatures: usize| {
        let body = MotionBody::PolicySet { bundle: vec![0; 1_000] };
        let mut motion = founding.motion(&founding.state, body, Digest::ZERO, 1, &["ada"]);
        motion.signatures = vec![motion.signatures[0].clone(); signatures];
        let frame = quorate_codec::to_bytes(&Message::Motion(motion));
        ingress::check(&founding.state, founding.node("node-2"), &frame).map(drop)
    };
    assert!(take(1).is_ok());
    let too_many = SignedMotion::BYTES_MAX / 64;
    assert!(matches!(take(too_many), Err(IngressError::TooMany)));
}
