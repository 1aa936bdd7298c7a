//! What goes between a domain and an importer, as each of the two reads it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

use quorate_charter::{Imported, MotionBody};
use quorate_client::contract::{CeremonyPhase, routes};
use quorate_codec::{Digest, tag};
use quorate_curve::{Ed25519, SecretScalar};
use quorate_identity::{ImporterSecret, Scheme};
use quorate_machine::call::View;
use quorate_machine::import::{ImportError, ImportOffer, check_dealing};
use quorate_machine::wire::{DealMessage, DealStep, ImportDealing, Message};
use quorate_testkit::founding::name;
use quorate_testkit::world::World;

fn importer() -> ImporterSecret {
    ImporterSecret::from_bytes(&[7; 32])
}

/// A world whose nodes wait for the importer, and what they offer it.
fn waiting(seed: u64) -> (World, ImportOffer) {
    let mut world = World::new(seed);
    let point = SecretScalar::<Ed25519>::from_bytes(&[1; 32]).unwrap().commit();
    let public = point.non_identity().unwrap().to_bytes();
    let imported = Imported { public, chain_code: Digest::ZERO, importer: importer().public() };
    let (scheme, access) = (Scheme::Ed25519, world.founding.two_of_three());
    let body = MotionBody::KeyImport { name: name("ops"), scheme, access, faults: 1, imported };
    world.enact("node-1", body);
    let mut offer = None;
    world.until("all nodes are ready for the importer", |world| {
        let target = routes::import(&name("ops"));
        offer = match world.call("node-1", "auditor", "GET", &target, b"") {
            Ok(View::ImportOffer(answer)) => quorate_codec::from_bytes(&answer.offer.0).ok(),
            _ => None,
        };
        offer.is_some()
    });
    (world, offer.unwrap())
}

/// A message of the importer in an attempt, with whatever bytes.
fn message(world: &World, offer: &ImportOffer, context: Option<Digest>, number: u8) -> DealMessage {
    let plan = &offer.plan;
    let step = DealStep::Round { number, bytes: vec![number] };
    let signature = quorate_identity::NodeSignature([0; 64]);
    let (key, epoch, attempt) = (plan.key, plan.epoch, plan.attempt);
    signed(world, DealMessage { key, epoch, attempt, context, step, signature }, &importer())
}

fn signed(world: &World, mut message: DealMessage, signer: &ImporterSecret) -> DealMessage {
    let DealMessage { key, epoch, attempt, context, step, .. } = &message;
    let said = (world.founding.state.genesis(), key, *epoch, *attempt, *context, step);
    message.signature = signer.sign(tag::DEAL_MESSAGE, &quorate_codec::to_bytes(&said));
    message
}

fn dealing(world: &World, offer: &ImportOffer, context: Option<Digest>) -> ImportDealing {
    let message = |number| message(world, offer, context, number);
    ImportDealing { first: message(1), second: message(2) }
}

fn has_dealt(world: &mut World) -> bool {
    let view = world.call("node-1", "auditor", "GET", "/v1/audit", b"");
    let Ok(View::Audit(audit)) = view else { panic!("no audit: {view:?}") };
    audit.lines.iter().any(|line| line.text.ends_with("dealt"))
}

/// IMP-05: an offer of a form that this program does not know is not held against anything.
#[test]
fn neg_056_an_offer_of_another_form_is_refused() {
    let (world, offer) = waiting(56);
    let state = world.state("node-1");
    assert!(offer.check(&state).is_ok());
    let other = ImportOffer { version: 2, ..offer };
    assert!(matches!(other.check(&state), Err(ImportError::Version(2))));
}

/// IMP-06: both messages are of one attempt at epoch 0, each in its place, and signed by the
/// importer.
#[test]
fn neg_059_a_dealing_is_two_messages_of_the_importer_in_their_places() {
    let (world, offer) = waiting(59);
    let state = world.state("node-1");
    let context = Some(offer.plan.context());
    let honest = dealing(&world, &offer, context);
    assert!(check_dealing(&state, &honest).is_ok());
    type Lie = fn(&mut DealMessage);
    let both: [(&str, Lie); 2] = [
        ("another epoch", |message| message.epoch = 1),
        ("no attempt in particular", |message| message.context = None),
    ];
    let second: [(&str, Lie); 4] = [
        ("another attempt", |message| message.attempt += 1),
        ("another context", |message| message.context = Some(Digest([7; 32]))),
        ("another place", |message| message.step = DealStep::Round { number: 1, bytes: vec![1] }),
        ("another step", |message| message.step = DealStep::Complaint { bytes: vec![2] }),
    ];
    let refused = |what: &str, lie: &ImportDealing| {
        assert!(matches!(check_dealing(&state, lie), Err(ImportError::Importer)), "{what}");
    };
    for (what, change) in both {
        let mut lie = honest.clone();
        for message in [&mut lie.first, &mut lie.second] {
            change(message);
            *message = signed(&world, message.clone(), &importer());
        }
        refused(what, &lie);
    }
    for (what, change) in second {
        let mut lie = honest.clone();
        change(&mut lie.second);
        lie.second = signed(&world, lie.second, &importer());
        refused(what, &lie);
    }
    let thief = ImporterSecret::from_bytes(&[8; 32]);
    let stolen = ImportDealing { second: signed(&world, honest.second.clone(), &thief), ..honest };
    refused("somebody else", &stolen);
}

/// IMP-06: a dealing for another attempt, which anybody may still have, ends nothing.
#[test]
fn neg_020_a_dealing_for_another_attempt_is_not_taken() {
    let (mut world, offer) = waiting(20);
    let (from, to) = (world.id("node-2"), world.id("node-1"));
    let old = dealing(&world, &offer, Some(Digest([7; 32])));
    world.inject(from, to, &Message::Import(Box::new(old)));
    world.pass(1_000);
    assert!(!has_dealt(&mut world));
    let view = world.call("node-1", "auditor", "GET", &routes::ceremony(&name("ops")), b"");
    let Ok(View::Ceremonies(views)) = view else { panic!("no ceremonies: {view:?}") };
    assert_eq!((views[0].attempt, views[0].phase), (0, CeremonyPhase::Importer));
    let own = dealing(&world, &offer, Some(offer.plan.context()));
    world.inject(from, to, &Message::Import(Box::new(own)));
    world.until("it is taken", has_dealt);
}
