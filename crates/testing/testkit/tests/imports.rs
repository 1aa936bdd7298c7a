//! A key is brought from elsewhere: an importer without a channel deals it to nodes that it
//! verified itself, the nodes take it, refresh it without the importer, and only then use it. And
//! everything that may be wrong on the way. See `spec/import.md`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

use ed25519_dalek::{Signer, SigningKey};
use quorate_charter::{AttemptOutcome, Decided, EpochRecord, MotionBody, Origin, verify_log};
use quorate_client::contract::{
    CeremonyPhase, CeremonyView, HexBytes, KeyOrigin, KeyState, KeyView, RequestState,
    SubmitMotion, routes,
};
use quorate_codec::{Digest, Transcript, tag};
use quorate_curve::{Curve, Ed25519};
use quorate_engine::{DealPlan, DealSource, Inbound, Progress, Seed, start_deal};
use quorate_identity::{ImporterSecret, KeyId, NodeId, NodeSignature, Scheme};
use quorate_intent::SigningPayload;
use quorate_keygen::{Message1, Message2};
use quorate_machine::call::View;
use quorate_machine::durable::Table;
use quorate_machine::import::{ImportAnswer, ImportError, ImportOffer, check_dealing};
use quorate_machine::ingress;
use quorate_machine::wire::{Message, Outcome, SignatureBytes, Target};
use quorate_testkit::founding::{POLICY, Shape, name};
use quorate_testkit::importer::{Importer, bytes_of, offer, offline, submit, try_offer};
use quorate_testkit::world::World;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

const FIVE: Shape = Shape { signers: 5, witnesses: 0, faults: 1 };
const NODES: [&str; 3] = ["node-1", "node-2", "node-3"];
const HOUR_MS: u64 = 3_600_000;

fn key(world: &mut World, node: &str, key: &str) -> KeyView {
    let view = world.call(node, "auditor", "GET", &routes::key(&name(key)), b"");
    let Ok(View::Key(view)) = view else { panic!("no key: {view:?}") };
    *view
}

fn ceremony(world: &mut World, node: &str, key: &str) -> Option<CeremonyView> {
    let view = world.call(node, "auditor", "GET", &routes::ceremony(&name(key)), b"");
    let Ok(View::Ceremonies(views)) = view else { panic!("no ceremonies: {view:?}") };
    views.into_iter().next()
}

fn id_of(world: &World, key: &str) -> KeyId {
    world.state("node-1").key_named(&name(key)).unwrap().key
}

fn until_active(world: &mut World, text: &str) {
    world.until("the imported key is refreshed and safe", |world| {
        world.names().iter().all(|node| {
            let view = key(world, node, text);
            // Nothing of it is shown before it was refreshed without the importer.
            assert!(
                view.epoch > 0 || (view.state != KeyState::Active && view.public_key.is_none())
            );
            view.state == KeyState::Active && ceremony(world, node, text).is_none()
        })
    });
}

/// Epochs of which a node has durable shares of a key.
fn kept(world: &World, node: &str, key: KeyId) -> Vec<u64> {
    let rows = world.host(node).disk.keys().filter(|(table, _)| *table == Table::Share);
    let rows = rows.filter(|(_, row)| row.starts_with(key.as_ref()));
    rows.map(|(_, row)| u64::from_be_bytes(row[32..40].try_into().unwrap())).collect()
}

fn record(world: &World, node: &str, key: KeyId, epoch: u64) -> EpochRecord {
    let row = [b"d".as_slice(), key.as_ref(), &epoch.to_be_bytes()].concat();
    let row = &world.host(node).disk[&(Table::EpochRecord, row)];
    let decided: Decided = quorate_codec::from_bytes(row).unwrap();
    let Ok(AttemptOutcome::Commit { record, .. }) = quorate_codec::from_bytes(&decided.value)
    else {
        panic!("no commit")
    };
    quorate_codec::from_bytes(&record).unwrap()
}

fn has_proof(world: &World, node: &str, key: KeyId, epoch: u64) -> bool {
    let row = [b"b".as_slice(), key.as_ref(), &epoch.to_be_bytes()].concat();
    world.host(node).disk.contains_key(&(Table::EpochRecord, row))
}

fn message(text: &str) -> Value {
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    json!({"kind": "message", "message": format!("0x{digits}")})
}

fn sign(world: &mut World, at: &str, text: &str) {
    let request = world.request("ops", &message(text), "wallet-service");
    let id = world.file(at, &request, "wallet-service", None).unwrap().request;
    world.until_state(at, &id, RequestState::Signed);
}

/// Time goes by in which nothing happens.
fn sleep(world: &mut World, ms: u64) {
    world.now += ms;
    world.pass(60_000);
}

/// A world whose nodes wait for the importer of the key ops.
fn waiting(seed: u64, scheme: Scheme) -> (World, Importer, KeyId) {
    let mut world = World::new(seed);
    let importer = Importer::new(scheme, 7);
    let body = importer.motion(&world, "ops");
    world.enact("node-1", body);
    let id = id_of(&world, "ops");
    (world, importer, id)
}

/// IMP-04, IMP-07, IMP-08, IMP-09: of every scheme; who brought it is no dealer of what is used.
#[test]
fn an_imported_key_is_refreshed_before_it_is_used_and_is_marked_for_ever() {
    for scheme in Scheme::ALL {
        let (mut world, importer, id) = waiting(1, scheme);
        let offer = offer(&mut world, "node-2", "ops");
        let state = offline(&mut world);
        let answer = importer.deal(&state, &offer).unwrap();
        submit(&mut world, "node-3", "ops", &answer).unwrap();
        until_active(&mut world, "ops");
        let (first, second) = (record(&world, "node-1", id, 0), record(&world, "node-1", id, 1));
        for made in [&first, &second] {
            assert_eq!(made.plan.origin, Some(Origin::Imported(importer.imported())));
            assert_eq!(made.accounts[0].commitments[0], importer.public);
            assert_eq!(made.accounts[0].chain_code, Digest([0xcc; 32]));
        }
        assert!(first.plan.dealers.is_empty() && first.plan.is_arrival());
        assert!(second.plan.dealers.len() == 2 && second.plan.order == first.plan.order);
        assert_ne!(first.accounts[0].commitments[1], second.accounts[0].commitments[1]);
        for node in NODES {
            assert_eq!(kept(&world, node, id), [1], "{node}");
            assert!(!has_proof(&world, node, id, 0) && has_proof(&world, node, id, 1), "{node}");
        }
        let view = key(&mut world, "witness-1", "ops");
        assert_eq!((view.origin, view.epoch), (KeyOrigin::Imported, 1));
        assert!(view.warning.contains("can sign alone"), "{}", view.warning);
        world.enact("node-1", MotionBody::KeyRefresh { name: name("ops") });
        world.until("epoch 2", |world| {
            NODES.iter().all(|node| key(world, node, "ops").epoch == 2)
                && ceremony(world, "node-1", "ops").is_none()
        });
        assert_eq!(
            record(&world, "node-2", id, 2).plan.origin,
            Some(Origin::Imported(importer.imported()))
        );
        if matches!(scheme, Scheme::Ed25519 | Scheme::EcdsaP256) {
            world.set_policy("node-1", POLICY);
            world.stop("node-1");
            sign(&mut world, "node-2", "after the import");
        }
    }
}

/// IMP-04: the importer may take a day; and whatever was begun anew meanwhile, what it dealt for an
/// earlier attempt counts in no later one.
#[test]
fn neg_020_a_dealing_counts_in_its_own_attempt_only() {
    let (mut world, importer, id) = waiting(2, Scheme::Ed25519);
    let early = offer(&mut world, "node-1", "ops");
    sleep(&mut world, 20 * HOUR_MS);
    let view = ceremony(&mut world, "node-2", "ops").unwrap();
    assert_eq!((view.attempt, view.phase), (0, CeremonyPhase::Importer));
    let state = offline(&mut world);
    let late = importer.deal(&state, &early).unwrap();
    // A member restarts: the attempt is over, and so is what was dealt for it.
    world.stop("node-2");
    let away = submit(&mut world, "node-1", "ops", &late).unwrap_err();
    assert!(away.contains("node-2"), "{away}");
    let node = world.id("node-2");
    world.start(node);
    let next = {
        world.until("another attempt", |world| {
            ceremony(world, "node-1", "ops").is_some_and(|view| view.attempt > 0)
        });
        offer(&mut world, "node-1", "ops")
    };
    assert_ne!(next.plan.context(), early.plan.context());
    let old = submit(&mut world, "node-1", "ops", &late).unwrap_err();
    assert!(old.contains("another attempt"), "{old}");
    let (from, to) = (world.id("node-2"), world.id("node-1"));
    world.inject(from, to, &Message::Import(Box::new(late.dealing)));
    world.pass(1_000);
    let view = ceremony(&mut world, "node-1", "ops").unwrap();
    assert_eq!(view.phase, CeremonyPhase::Importer);
    assert!(kept(&world, "node-1", id).is_empty());
    // After a day without a word the nodes begin anew by themselves.
    sleep(&mut world, 25 * HOUR_MS);
    let last = offer(&mut world, "node-3", "ops");
    assert!(last.plan.attempt > next.plan.attempt);
    let answer = importer.deal(&state, &last).unwrap();
    submit(&mut world, "node-3", "ops", &answer).unwrap();
    // Once more is the same; another one for the same attempt is not.
    let again = submit(&mut world, "node-3", "ops", &answer);
    assert!(again.is_ok() || again.is_err_and(|why| why.contains("not being imported")));
    until_active(&mut world, "ops");
}

/// IMP-05: whoever carries the offer changes nothing of it: not under which keys is sealed, not
/// for whom, not whose key it is, and not the domain.
#[test]
fn neg_056_an_offer_changed_on_its_way_is_refused_by_the_importer() {
    let mut world = World::of(3, FIVE);
    let importer = Importer::new(Scheme::Ed25519, 7);
    let body = importer.motion(&world, "ops");
    let before = offline(&mut world);
    world.enact("node-1", body);
    let honest = offer(&mut world, "node-1", "ops");
    let state = offline(&mut world);
    let refused = |change: &dyn Fn(&mut ImportOffer)| {
        let mut changed = honest.clone();
        change(&mut changed);
        assert_ne!(changed, honest);
        importer.deal(&state, &changed).unwrap_err()
    };
    // Under another key: what the attacker would read.
    let other = world.founding.nodes[&world.id("node-4")].secrets();
    let error = refused(&|offer| {
        let byte = offer.firsts[1].bytes.len() / 2;
        offer.firsts[1].bytes[byte] ^= 1;
    });
    assert!(matches!(error, ImportError::Forged(_)), "{error}");
    // The same, signed by somebody who is no member.
    let error = refused(&|offer| {
        offer.firsts[1].bytes = offer.firsts[0].bytes.clone();
        offer.firsts[1].signature = other.sign(tag::DEAL_MESSAGE, &offer.firsts[1].bytes);
    });
    assert!(matches!(error, ImportError::Forged(_)), "{error}");
    // For another receiver, one more, one less, or nobody.
    let stranger = world.id("node-4");
    for plan in [
        &(|offer: &mut ImportOffer| {
            offer.plan.committee[0] = stranger;
            offer.plan.committee.sort();
            offer.firsts[0].node = stranger;
            offer.firsts.sort_by_key(|first| first.node);
        }) as &dyn Fn(&mut ImportOffer),
        &|offer| offer.plan.committee.truncate(2),
        &|offer| offer.plan.committee.clear(),
        &|offer| offer.plan.dealers = offer.plan.committee.clone(),
        &|offer| offer.plan.faults = 0,
        &|offer| offer.plan.epoch = 1,
        &|offer| offer.plan.origin = None,
        &|offer| offer.plan.genesis = quorate_identity::GenesisHash(Digest([1; 32])),
        &|offer| {
            let five = "2 of (node-1, node-2, node-4)";
            let tree: quorate_access::Tree<quorate_identity::Name> = five.parse().unwrap();
            offer.plan.tree = tree.map(|node| world.id(node.as_str()));
        },
    ] {
        let error = refused(plan);
        assert!(matches!(error, ImportError::Plan(_)), "{error}");
    }
    // Of another attempt than its members signed.
    let error = refused(&|offer| offer.plan.attempt += 1);
    assert!(matches!(error, ImportError::Forged(_)), "{error}");
    let error = refused(&|offer| offer.firsts.truncate(2));
    assert!(matches!(error, ImportError::Members), "{error}");
    // A log without the order, and a log of another domain.
    let error = importer.deal(&before, &honest).unwrap_err();
    assert!(matches!(error, ImportError::NotOrdered), "{error}");
    let theirs = World::of(4, FIVE);
    assert!(verify_log(&theirs.founding.file, &world.founding.hash, []).is_err());
    // Not with another importer's identity, not with another secret; and untouched it is dealt.
    let thief = Importer { identity: ImporterSecret::from_bytes(&[1; 32]), ..importer_again() };
    assert!(matches!(thief.deal(&state, &honest), Err(ImportError::Other(_))));
    let wrong = Importer { secret: [9; 32], ..importer_again() };
    assert!(matches!(wrong.deal(&state, &honest), Err(ImportError::Engine(_))));
    let answer = importer.deal(&state, &honest).unwrap();
    submit(&mut world, "node-1", "ops", &answer).unwrap();
    until_active(&mut world, "ops");
}

fn importer_again() -> Importer {
    Importer::new(Scheme::Ed25519, 7)
}

/// IMP-07: another key than people signed for, or a share that is not the dealt one: refused by
/// who sees it, the importer named, nothing durable, and an honest dealing goes on.
#[test]
fn neg_054_what_an_importer_deals_falsely_makes_nothing() {
    let (mut world, importer, id) = waiting(5, Scheme::Ed25519);
    let state = offline(&mut world);
    for (attempt, lie) in (0..).zip(["another key", "a wrong share", "a wrong echo"]) {
        let offer = offer(&mut world, "node-1", "ops");
        assert_eq!(offer.plan.attempt, attempt);
        let mut answer = importer.deal(&state, &offer).unwrap();
        let honest = [bytes_of(&answer.dealing.first), bytes_of(&answer.dealing.second)];
        let [first, mut second] = honest.clone();
        let bytes = match lie {
            "another key" => another_key(&offer, &importer),
            "a wrong share" => {
                // The end of the message is the last member's share.
                *second.last_mut().unwrap() ^= 1;
                [first, second]
            }
            _ => {
                second[8] ^= 1;
                [first, second]
            }
        };
        answer.dealing = importer.sign(&state, &answer.dealing, bytes);
        submit(&mut world, "node-1", "ops", &answer).unwrap();
        world.until("the attempt is void", |world| {
            NODES.iter().all(|node| {
                ceremony(world, node, "ops").is_some_and(|view| view.attempt == attempt + 1)
            })
        });
        let failures: Vec<String> = NODES
            .iter()
            .filter_map(|node| ceremony(&mut world, node, "ops").unwrap().last_failure)
            .collect();
        let named =
            failures.iter().any(|why| why.contains("the importer dealt what it should not"));
        // Whose echo is wrong, nobody knows.
        assert_eq!(named, lie != "a wrong echo", "{lie}: {failures:?}");
        for node in NODES {
            assert!(kept(&world, node, id).is_empty(), "{lie}");
            assert_eq!(key(&mut world, node, "ops").state, KeyState::Ordered);
        }
    }
    let offer = offer(&mut world, "node-1", "ops");
    let answer = importer.deal(&state, &offer).unwrap();
    submit(&mut world, "node-1", "ops", &answer).unwrap();
    until_active(&mut world, "ops");
}

/// The two messages of a dealing of another key, all else as the members expect it.
fn another_key(offer: &ImportOffer, importer: &Importer) -> [Vec<u8>; 2] {
    let other = Importer::new(Scheme::Ed25519, 8);
    let dealer = importer.identity.public().dealer();
    let source = DealSource::Summands {
        of: BTreeMap::from([(dealer, vec![other.public.clone()])]),
        secrets: vec![Zeroizing::new(other.secret)],
    };
    let plan = DealPlan {
        ctx0: offer.plan.context(),
        scheme: offer.plan.scheme,
        tree: offer.plan.tree.clone(),
        receivers: offer.plan.members(),
        me: dealer,
        source,
    };
    let (round, mut outbound) = start_deal(plan, Seed::new([3; 32])).unwrap();
    let first = outbound.pop().unwrap().bytes;
    let members = offer.firsts.iter();
    let members = members.map(|first| Inbound { from: first.node, bytes: first.bytes.clone() });
    let mut inbox: Vec<Inbound> = members.collect();
    inbox.push(Inbound { from: dealer, bytes: first.clone() });
    let Ok(Progress::Next { mut outbound, .. }) = round.advance(inbox, Seed::new([4; 32])) else {
        panic!("no second message")
    };
    under_the_terms(offer, importer, &first, &outbound.pop().unwrap().bytes)
}

/// The same messages with the hashes of the run that the members are in: whatever is wrong with
/// them is the dealing itself (DEAL-03, DEAL-04).
fn under_the_terms(
    offer: &ImportOffer,
    importer: &Importer,
    first: &[u8],
    second: &[u8],
) -> [Vec<u8>; 2] {
    let dealer = importer.identity.public().dealer();
    let mut first: Message1 = quorate_codec::from_bytes(first).unwrap();
    let mut second: Message2 = quorate_codec::from_bytes(second).unwrap();
    let dealing = second.dealing.as_ref().unwrap();
    let terms = Transcript::new(tag::DEAL_TERMS)
        .part(offer.plan.context())
        .part(Ed25519::NAME)
        .part(quorate_codec::to_bytes(&offer.plan.tree))
        .list(offer.plan.members())
        .part("summands")
        .number(1)
        .number(1)
        .part(dealer)
        .list([importer.public.clone()])
        .digest();
    let start = Transcript::new(tag::DEAL_COMMIT)
        .part(terms)
        .part(dealer)
        .part(first.sid)
        .list(Vec::<[u8; 32]>::new())
        .number(1)
        .list(dealing.commitments[0].iter().map(|point| point.as_slice()));
    first.commitment = Some(start.part(dealing.opening).digest());
    let members = offer.firsts.iter();
    let members =
        members.map(|first| (first.node, quorate_codec::from_bytes(&first.bytes).unwrap()));
    let mut firsts: BTreeMap<NodeId, Message1> = members.collect();
    firsts.insert(dealer, first.clone());
    let start = Transcript::new(tag::DEAL_SID).part(terms).number(firsts.len() as u64);
    let all = firsts.iter().fold(start, |transcript, (from, first)| {
        let keys = first.seal_keys.iter().map(|key| key.0);
        transcript.part(from).part(first.sid).list(keys).list(first.commitment)
    });
    second.echo = all.digest();
    [quorate_codec::to_bytes(&first), quorate_codec::to_bytes(&second)]
}

/// IMP-06: nobody but the importer speaks for it, be it a member.
#[test]
fn neg_059_what_others_say_in_the_importers_name_is_dropped() {
    let (mut world, importer, _) = waiting(6, Scheme::Ed25519);
    let offer = offer(&mut world, "node-1", "ops");
    let state = offline(&mut world);
    let honest = importer.deal(&state, &offer).unwrap();
    assert!(check_dealing(&state, &honest.dealing).is_ok());
    let bytes = || [bytes_of(&honest.dealing.first), bytes_of(&honest.dealing.second)];
    let thief = Importer { identity: ImporterSecret::from_bytes(&[1; 32]), ..importer_again() };
    let mut forged = vec![thief.sign(&state, &honest.dealing, bytes())];
    let member = world.founding.nodes[&world.id("node-2")].secrets();
    let mut by_member = honest.dealing.clone();
    by_member.second.signature = member.sign(tag::DEAL_MESSAGE, b"what a member signs");
    forged.push(by_member);
    let mut swapped = honest.dealing.clone();
    std::mem::swap(&mut swapped.first, &mut swapped.second);
    forged.push(swapped);
    let mut mixed = honest.dealing.clone();
    mixed.second.attempt += 1;
    forged.push(mixed);
    let mut unsigned = honest.dealing.clone();
    unsigned.first.signature = NodeSignature([0; 64]);
    forged.push(unsigned);
    let (from, to) = (world.id("node-2"), world.id("node-1"));
    for dealing in forged {
        assert!(check_dealing(&state, &dealing).is_err());
        let message = Message::Import(Box::new(dealing.clone()));
        assert!(ingress::check(&state, from, &quorate_codec::to_bytes(&message)).is_err());
        world.inject(from, to, &message);
        let answer = ImportAnswer { dealing, ..honest.clone() };
        assert!(submit(&mut world, "node-1", "ops", &answer).is_err());
    }
    let view = ceremony(&mut world, "node-1", "ops").unwrap();
    assert_eq!((view.attempt, view.phase), (0, CeremonyPhase::Importer));
    // A node that showed the importer another message than its peers is named before anything
    // is lost.
    let mut answer = honest.clone();
    answer.firsts[0].bytes[5] ^= 1;
    let why = submit(&mut world, "node-1", "ops", &answer).unwrap_err();
    assert!(why.contains("shown another message of"), "{why}");
    // What one node took, the others get from it.
    submit(&mut world, "node-1", "ops", &honest).unwrap();
    until_active(&mut world, "ops");
}

/// IMP-04: nodes wait a day for an importer; however many they wait for, other keys are made and
/// renewed meanwhile.
#[test]
fn neg_082_waiting_for_importers_holds_nothing_up() {
    let mut world = World::new(9);
    for number in 0..40 {
        let importer = Importer::new(Scheme::Ed25519, number + 1);
        let body = importer.motion(&world, &format!("k{number}"));
        world.enact("node-1", body);
    }
    world.until("all of them wait", |world| {
        (0..40).all(|number| {
            let view = ceremony(world, "node-1", &format!("k{number}"));
            view.is_some_and(|view| view.phase == CeremonyPhase::Importer)
        })
    });
    world.make_key("other", Scheme::Ed25519);
    world.enact("node-1", MotionBody::KeyRefresh { name: name("other") });
    world.until("it is refreshed", |world| key(world, "node-1", "other").epoch == 1);
    let importer = Importer::new(Scheme::Ed25519, 40);
    let offer = offer(&mut world, "node-1", "k39");
    let answer = importer.deal(&offline(&mut world), &offer).unwrap();
    submit(&mut world, "node-1", "k39", &answer).unwrap();
    until_active(&mut world, "k39");
}

/// IMP-09: whoever brought the key can make any signature of it alone, the first one too; under
/// what it dealt that opens nothing.
#[test]
fn neg_058_the_importers_own_birth_signature_opens_nothing() {
    let (mut world, importer, id) = waiting(7, Scheme::Ed25519);
    let offer = offer(&mut world, "node-1", "ops");
    let state = offline(&mut world);
    let answer = importer.deal(&state, &offer).unwrap();
    // The refresh is held up: nobody hears a plan of epoch 1.
    world.wiretap = Some(Box::new(|_, _, message| match &message {
        Message::Deal(deal) if deal.epoch > 0 => Vec::new(),
        _ => vec![message],
    }));
    submit(&mut world, "node-1", "ops", &answer).unwrap();
    world.until("the import is certified", |world| {
        NODES.iter().all(|node| key(world, node, "ops").state == KeyState::Born)
    });
    let record = record(&world, "node-1", id, 0);
    let SigningPayload::Message(message) = quorate_policy::birth_payload(&record) else {
        panic!("a message")
    };
    let signature = SigningKey::from_bytes(&[7; 32]).sign(&message).to_bytes();
    let outcome = Outcome {
        target: Target::Birth(id, 0),
        head: world.state("node-1").head(),
        quorum: record.plan.committee.clone(),
        signatures: vec![SignatureBytes { bytes: signature.to_vec(), recovery_id: None }],
    };
    for to in NODES {
        let (from, to) = (world.id("witness-1"), world.id(to));
        world.inject(from, to, &Message::Outcome(outcome.clone()));
    }
    world.pass(5_000);
    for node in NODES {
        let view = key(&mut world, node, "ops");
        assert_eq!((view.state, view.epoch, view.public_key), (KeyState::Born, 0, None), "{node}");
        assert!(!has_proof(&world, node, id, 0), "{node}");
    }
    // Whatever breaks off now, the refresh is still wanted.
    world.stop("node-2");
    let node = world.id("node-2");
    world.start(node);
    world.wiretap = None;
    until_active(&mut world, "ops");
}

/// EPO-02, IMP-04: an import that people withdraw while the nodes wait ends, and what was dealt for
/// it meanwhile is not taken.
#[test]
fn neg_087_a_withdrawn_import_takes_no_dealing() {
    let (mut world, importer, id) = waiting(9, Scheme::Ed25519);
    let offer = offer(&mut world, "node-1", "ops");
    let state = offline(&mut world);
    let answer = importer.deal(&state, &offer).unwrap();
    world.enact("node-1", MotionBody::KeyVoid { name: name("ops") });
    world.until("nothing is under way", |world| {
        NODES.iter().all(|node| ceremony(world, node, "ops").is_none())
    });
    assert!(submit(&mut world, "node-1", "ops", &answer).is_err());
    assert!(try_offer(&mut world, "node-2", "ops").is_err());
    let after = offline(&mut world);
    assert!(matches!(importer.deal(&after, &offer), Err(ImportError::NotOrdered)));
    world.pass(60_000);
    for node in NODES {
        assert_eq!(key(&mut world, node, "ops").state, KeyState::Ordered);
        assert!(kept(&world, node, id).is_empty());
    }
}

/// IMP-02: one key, once: not under another name or scheme, and not one that was made here.
#[test]
fn neg_022_a_public_key_belongs_to_one_key_of_the_domain() {
    let mut world = World::new(8);
    let made = world.make_key("made", Scheme::Bip340);
    let point = record(&world, "node-1", made, 0).accounts[0].commitments[0].clone();
    let importer = Importer::new(Scheme::EcdsaSecp256k1, 7);
    let refused = |world: &mut World, importer: &Importer, key: &str| {
        let body = importer.motion(world, key);
        let state = world.state("node-1");
        let nonce = Digest(world.random());
        let motion =
            world.founding.motion(&state, body, nonce, world.now + 60_000, &["ada", "ben"]);
        let body = SubmitMotion { motion: HexBytes(quorate_codec::to_bytes(&motion)) };
        let body = serde_json::to_vec(&body).unwrap();
        let answer = world.call("node-1", "ada", "POST", routes::SUBMIT_MOTION.path, &body);
        answer.map(|_| ()).map_err(|error| error.message)
    };
    let with = |public: Vec<u8>, scheme| Importer { public, scheme, ..importer_again() };
    for scheme in [Scheme::EcdsaSecp256k1, Scheme::Bip340] {
        let mut negative = point.clone();
        negative[0] ^= 1;
        for public in [point.clone(), negative] {
            let why = refused(&mut world, &with(public, scheme), "ops").unwrap_err();
            assert!(why.contains("made has this public key"), "{why}");
        }
    }
    let off_curve = [&[2][..], &[0xff; 32]].concat();
    let why = refused(&mut world, &with(off_curve, Scheme::Bip340), "ops").unwrap_err();
    assert!(why.contains("is none for"), "{why}");
    let short = importer.public[1..].to_vec();
    assert!(refused(&mut world, &with(short, Scheme::Bip340), "ops").is_err());
    let body = importer.motion(&world, "ops");
    world.enact("node-1", body);
    let again = Importer { scheme: Scheme::Bip340, ..Importer::new(Scheme::EcdsaSecp256k1, 7) };
    let why = refused(&mut world, &again, "other").unwrap_err();
    assert!(why.contains("ops has this public key"), "{why}");
    // An import that never happened is given up; then the key may be brought again.
    world.enact("node-1", MotionBody::KeyRetire { name: name("ops") });
    assert_eq!(refused(&mut world, &again, "other"), Ok(()));
}
