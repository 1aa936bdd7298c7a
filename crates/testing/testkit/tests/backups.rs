//! The gate: an epoch exists only with backups that everybody verified, for the custodians of the
//! charter and nobody else; and they restore (EPO-30 to EPO-35, GOV-42, GOV-43, GOV-53, GOV-54,
//! BLM-10).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_backup::{
    Bundle, Opener, Recovery, SoftKey, SoftKind, Statement, bundle_digest, prove,
};
use quorate_charter::{EpochRecord, MotionBody, Object};
use quorate_codec::{Digest, from_bytes, to_bytes};
use quorate_curve::{Ed25519, NonIdentity, SecretScalar};
use quorate_identity::{KeyId, NodeId, Scheme};
use quorate_machine::call::{Call, View};
use quorate_machine::durable::Table;
use quorate_machine::wire::{BundleMessage, DealMessage, DealStep, Message};
use quorate_testkit::backups;
use quorate_testkit::custodians::{RecoveryKeys, Reduced};
use quorate_testkit::founding::name;
use quorate_testkit::keys::{
    FIVE, audit, epochs, evidence, key, record, refresh, reshare, sign, until_epoch, until_made,
    with_ops,
};
use quorate_testkit::liar::Liar;
use quorate_testkit::world::World;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Rows of backups on a node's disk.
fn rows(world: &World, node: &str) -> Vec<Vec<u8>> {
    let rows = world.host(node).disk.keys().filter(|(table, _)| *table == Table::Backup);
    rows.map(|(_, key)| key.clone()).collect()
}

/// What two custodians restore from what lies on one node's disk is every member's shares and the key
/// itself.
fn restores(world: &World, node: &str, record: &EpochRecord) {
    let disk = &world.host(node).disk;
    let row = |key| disk.get(&(Table::Backup, key)).map(Vec::as_slice);
    let made = record.backup.key.as_ref().unwrap();
    let shares = backups::bundles(row(backups::shares_row(record)), &record.backup.shares).unwrap();
    let key_row = backups::key_row(record).unwrap();
    let contributions = backups::bundles(row(key_row), &made.bundles).unwrap();
    let keys = &world.founding.recovery_keys;
    backups::restores(record, &shares, Some(&contributions), keys).unwrap();
}

const TREE: &str = "2 of (node-1, node-2, node-3)";

/// EPO-32, EPO-34, GOV-43: at birth and after refreshes and reshares; the backup of the key outlives
/// them where the same members keep it, and is made anew where others do.
#[test]
fn neg_066_what_is_on_any_members_disk_restores_everybodys_shares_and_the_key() {
    let (mut world, _) = with_ops(66, FIVE, TREE, 0);
    let keys = |world: &World| {
        let all = world.names().into_iter();
        all.map(|node| rows(world, &node).len()).collect::<Vec<_>>()
    };
    let first = record(&mut world, "node-1");
    for node in ["node-1", "node-2", "node-3"] {
        restores(&world, node, &first);
    }
    assert_eq!(keys(&world).iter().sum::<usize>(), 6, "nobody else has any");
    world.enact("node-1", refresh());
    until_epoch(&mut world, 1);
    let second = record(&mut world, "node-1");
    assert_eq!(first.backup.key, second.backup.key);
    assert_ne!(first.backup.shares, second.backup.shares);
    restores(&world, "node-2", &second);
    assert_eq!(keys(&world).iter().sum::<usize>(), 6, "the old ones are gone");
    let body = reshare(&world, "2 of (node-2, node-3, node-4)", 0);
    world.enact("node-1", body);
    until_epoch(&mut world, 2);
    let third = record(&mut world, "node-2");
    assert_eq!(third.backup.key.as_ref().unwrap().epoch, 2, "node-4 had none");
    for node in ["node-2", "node-3", "node-4"] {
        restores(&world, node, &third);
    }
    world.until("who left keeps nothing", |world| rows(world, "node-1").is_empty());
    assert_eq!(key(&mut world, "node-2").backup, "proven");
    sign(&mut world, "node-2", "all the same");
    world.enact("node-1", MotionBody::KeyRetire { name: name("ops") });
    world.until("all is destroyed", |world| keys(world).iter().all(|count| *count == 0));
}

/// The same on the other curves, and under x-only public keys.
#[test]
fn neg_066_keys_of_every_scheme_are_backed_up() {
    let mut world = World::new(67);
    for (name, scheme) in [
        ("treasury", Scheme::EcdsaSecp256k1),
        ("vault", Scheme::Bip340),
        ("releases", Scheme::EcdsaP256),
    ] {
        let id = world.make_key(name, scheme);
        let record = made(&world, "node-1", id);
        restores(&world, "node-3", &record);
    }
}

/// The newest record of a key that a node has on its disk.
fn made(world: &World, node: &str, key: KeyId) -> EpochRecord {
    let prefix = [b"d", key.as_ref()].concat();
    let disk = &world.host(node).disk;
    let mut rows = disk
        .iter()
        .filter(|((table, row), _)| *table == Table::EpochRecord && row.starts_with(&prefix));
    let decided: quorate_charter::Decided = from_bytes(rows.next_back().unwrap().1).unwrap();
    match from_bytes(&decided.value).unwrap() {
        quorate_charter::AttemptOutcome::Commit { record, .. } => from_bytes(&record).unwrap(),
        quorate_charter::AttemptOutcome::Void { .. } => panic!("a void attempt made an epoch"),
    }
}

/// An announcement, written out again: real ones are the machine's.
fn announce(shares: &[u8]) -> DealStep {
    let digest = bundle_digest(shares);
    DealStep::Round { number: 3, bytes: to_bytes(&Announced(1, digest)) }
}

#[derive(minicbor::Encode, minicbor::Decode)]
struct Announced(#[n(0)] u8, #[n(1)] Digest);

impl quorate_codec::Canonical for Announced {
    const BYTES_MAX: usize = 80;
}

/// A refresh in whose first attempt one member sends another bundle of its shares, made of the right
/// one, and announces it.
fn refresh_with_bundle(
    seed: u64,
    change: impl Fn(&Bundle<Ed25519, Reduced>, &World) -> Vec<u8> + 'static,
) -> (World, String) {
    let (mut world, _) = with_ops(seed, FIVE, TREE, 0);
    let liar = "node-2".to_owned();
    let other = Rc::new((change, with_ops(seed, FIVE, TREE, 0).0));
    let lies = Liar::new(&world, &liar);
    // The bundle follows its announcement, so the announcement waits for it.
    let announced: Rc<RefCell<BTreeMap<NodeId, DealMessage>>> = Rc::default();
    world.wiretap = Some(Box::new(move |from, to, message| {
        if from != lies.node {
            return vec![message];
        }
        match message {
            Message::Evidence(_) => Vec::new(),
            Message::Deal(DealMessage { step: DealStep::Shown { .. }, .. }) => Vec::new(),
            Message::Deal(deal) if (deal.epoch, deal.attempt) == (1, 0) => match deal.step {
                DealStep::Round { number: 3, .. } => {
                    announced.borrow_mut().insert(to, deal);
                    Vec::new()
                }
                _ => vec![Message::Deal(deal)],
            },
            Message::Bundle(bundle) => {
                let Some(deal) = announced.borrow_mut().remove(&to) else {
                    return vec![Message::Bundle(bundle)];
                };
                let bytes = (other.0)(&from_bytes(&bundle.bytes).unwrap(), &other.1);
                let announced = lies.saying(&deal, announce(&bytes));
                vec![announced, Message::Bundle(BundleMessage { bytes, ..bundle })]
            }
            other => vec![other],
        }
    }));
    world.enact("node-1", refresh());
    until_made(&mut world, 1);
    (world, liar)
}

/// The statement that a bundle claims, for another recovery tree or of other secrets.
fn claimed(
    bundle: &Bundle<Ed25519, Reduced>,
    publics: Vec<NonIdentity<Ed25519>>,
    recovery: Recovery,
) -> Statement<Ed25519> {
    let (author, subject) = (bundle.claimed_author(), bundle.claimed_subject().clone());
    Statement { author, subject, publics, recovery }
}

fn proven_anew(statement: Statement<Ed25519>, secrets: &[SecretScalar<Ed25519>]) -> Vec<u8> {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    to_bytes(&prove::<Ed25519, Reduced>(statement, secrets, &mut rng).unwrap())
}

/// BLM-10, EPO-32: a bundle whose proof does not hold convicts its author before everybody, nodes that
/// took no part included; others make the epoch.
#[test]
fn neg_066_a_backup_that_proves_nothing_convicts_its_author_everywhere() {
    let flipped = |bundle: &Bundle<Ed25519, Reduced>, _: &World| {
        let mut bytes = to_bytes(bundle);
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        bytes
    };
    let (mut world, liar) = refresh_with_bundle(68, flipped);
    for node in world.names().into_iter().filter(|node| *node != liar) {
        let views = evidence(&mut world, &node);
        assert_eq!(views.len(), 1, "{node}: {views:?}");
        assert_eq!(views[0].what, "a backup that proves nothing");
        assert_eq!(views[0].culprits, [name(&liar)]);
    }
    let plan = record(&mut world, "node-1").plan;
    assert!(plan.attempt == 1 && !plan.committee.contains(&world.id(&liar)));
    sign(&mut world, "node-1", "all the same");
}

/// N-66, EPO-31: who encrypts to a key of its own is convicted; nobody else's shares are ever
/// encrypted to it.
#[test]
fn neg_066_a_backup_for_other_custodians_convicts_its_author() {
    let elsewhere = |bundle: &Bundle<Ed25519, Reduced>, _: &World| {
        let mut seed = 0;
        let keys = RecoveryKeys::new(&["greta", "hugo", "iris"], || {
            seed += 1;
            [seed; 32]
        });
        // It knows its share; here any secret of the right number does.
        let secret = SecretScalar::<Ed25519>::random(&mut ChaCha20Rng::seed_from_u64(6));
        let publics = vec![secret.commit().non_identity().unwrap()];
        proven_anew(claimed(bundle, publics, keys.recovery(2)), &[secret])
    };
    let (mut world, liar) = refresh_with_bundle(70, elsewhere);
    let views = evidence(&mut world, "node-5");
    assert_eq!((views.len(), &views[0].culprits), (1, &vec![name(&liar)]));
}

/// N-70: the backup of an epoch before is none of this one, and convicts whoever announces it.
#[test]
fn neg_070_a_backup_of_an_earlier_epoch_convicts_who_shows_it_again() {
    // In a world of the same seed that has not gone on.
    let old = |_: &Bundle<Ed25519, Reduced>, world: &World| {
        let id = world.state("node-1").key_named(&name("ops")).unwrap().key;
        let record = made(world, "node-2", id);
        let row = world.host("node-2").disk.get(&(Table::Backup, backups::shares_row(&record)));
        let all = backups::bundles(row.map(Vec::as_slice), &record.backup.shares).unwrap();
        let of = |bytes: &Vec<u8>| {
            let bundle: Bundle<Ed25519, Reduced> = from_bytes(bytes).unwrap();
            bundle.claimed_author() == world.id("node-2")
        };
        all.into_iter().find(of).unwrap()
    };
    let (mut world, liar) = refresh_with_bundle(76, old);
    for node in ["node-1", "node-4"] {
        let views = evidence(&mut world, node);
        assert_eq!((views.len(), &views[0].culprits), (1, &vec![name(&liar)]), "{node}");
        assert_eq!(views[0].what, "a backup that proves nothing");
    }
    sign(&mut world, "node-1", "all the same");
}

/// BLM-10: a proof that holds, of other secrets than those that were dealt. Only who saw the dealing
/// can tell: it ends the attempt, its author is left out, and nobody stands convicted.
#[test]
fn neg_066_a_backup_of_other_secrets_is_no_backup() {
    let other = |bundle: &Bundle<Ed25519, Reduced>, world: &World| {
        let secret = SecretScalar::<Ed25519>::random(&mut ChaCha20Rng::seed_from_u64(6));
        let publics = vec![secret.commit().non_identity().unwrap()];
        let recovery = world.founding.recovery_keys.recovery(2);
        proven_anew(claimed(bundle, publics, recovery), &[secret])
    };
    let (mut world, liar) = refresh_with_bundle(71, other);
    for node in world.names().into_iter().filter(|node| *node != liar) {
        assert!(evidence(&mut world, &node).is_empty(), "{node}");
    }
    let lines = audit(&mut world, "node-1");
    let says = "it is about other secrets than those that are public";
    assert!(lines.iter().any(|line| line.text.ends_with(says)), "{lines:?}");
    assert!(record(&mut world, "node-1").plan.attempt >= 1);
    assert!(!lines.iter().any(|line| line.text.contains(&liar) && line.text.contains("guilty")));
    sign(&mut world, "node-1", "all the same");
}

/// EPO-30, BLM-03, BLM-10: two announcements, or one that is none, convict their author.
#[test]
fn neg_095_who_announces_two_things_or_nothing_is_convicted() {
    for is_nothing in [false, true] {
        let (mut world, _) = with_ops(72, FIVE, TREE, 0);
        let lies = Liar::new(&world, "node-2");
        let victim = world.id("node-3");
        world.wiretap = Some(Box::new(move |from, to, message| match &message {
            Message::Evidence(_) if from == lies.node => Vec::new(),
            Message::Deal(deal)
                if from == lies.node
                    && (deal.epoch, deal.attempt) == (1, 0)
                    && matches!(deal.step, DealStep::Round { number: 3, .. })
                    && (is_nothing || to == victim) =>
            {
                let step = match is_nothing {
                    true => DealStep::Round { number: 3, bytes: vec![0x81, 1] },
                    false => announce(b"another"),
                };
                vec![lies.saying(deal, step)]
            }
            _ => vec![message],
        }));
        world.enact("node-1", refresh());
        until_made(&mut world, 1);
        let what = match is_nothing {
            true => "a backup that proves nothing",
            false => "two messages in one place of a dealing",
        };
        for node in ["node-1", "node-3", "node-4", "node-5"] {
            let views = evidence(&mut world, node);
            let of = views.iter().map(|view| (view.what.as_str(), view.culprits.clone()));
            assert_eq!(of.collect::<Vec<_>>(), [(what, vec![name("node-2")])], "{node}");
        }
        sign(&mut world, "node-1", "all the same");
    }
}

/// N-95: while one bundle is missing nobody says PREPARED, whoever announced what; who is silent is
/// left out.
#[test]
fn neg_095_nobody_is_prepared_before_every_backup_is_here() {
    let (mut world, _) = with_ops(73, FIVE, TREE, 0);
    let withholds = world.id("node-2");
    let said: Rc<RefCell<BTreeSet<u32>>> = Rc::default();
    let heard = Rc::clone(&said);
    world.wiretap = Some(Box::new(move |from, _, message| {
        match &message {
            Message::Bundle(_) if from == withholds => return Vec::new(),
            Message::Deal(DealMessage {
                epoch: 1,
                attempt,
                step: DealStep::Prepared { .. },
                ..
            }) if from != withholds => drop(heard.borrow_mut().insert(*attempt)),
            _ => {}
        }
        vec![message]
    }));
    world.enact("node-1", refresh());
    until_made(&mut world, 1);
    let plan = record(&mut world, "node-1").plan;
    assert!(!plan.committee.contains(&withholds));
    assert_eq!(*said.borrow(), BTreeSet::from([plan.attempt]));
    assert!(plan.attempt > 0);
}

/// Custodians of whom hugo has another key, and karl is new.
fn other_keys() -> RecoveryKeys {
    let mut seed = 100;
    RecoveryKeys::new(&["greta", "hugo", "iris", "karl"], move || {
        seed += 1;
        [seed; 32]
    })
}

fn show_all(world: &mut World, node: &str, keys: &RecoveryKeys) -> usize {
    let id = world.id(node);
    let Ok(View::Custody(view)) = world.ask(id, Call::Custody) else { panic!("no custody") };
    let answers = keys.answers(&view);
    let count = answers.len();
    for answer in answers {
        world.ask(id, answer).unwrap();
    }
    count
}

/// GOV-53, GOV-54, N-66: a custody is placed once its keys were shown to a quorum of nodes, hinders
/// nothing before, and has every key shared and backed up anew, at nodes to which they were shown.
#[test]
fn neg_066_a_custody_counts_once_its_keys_were_shown() {
    let (mut world, _) = with_ops(74, FIVE, TREE, 1);
    let keys = other_keys();
    let first = record(&mut world, "node-1");
    let custody = keys.custody(3);
    let body = MotionBody::CustodySet { custody: custody.clone(), excepted: Vec::new() };
    let motion = world.file_motion("node-1", body);
    world.pass(120_000);
    assert!(world.names().iter().all(|node| !world.state(node).has_placed(&motion)));
    world.enact("node-1", refresh());
    until_epoch(&mut world, 1);
    assert_eq!(world.state("node-1").version(&Object::Custody), 0);
    // An answer made for another node, or to another key, is none.
    let id = world.id("node-1");
    let Ok(View::Custody(view)) = world.ask(id, Call::Custody) else { panic!("no custody") };
    let other = world.id("node-2");
    for answer in keys.answers(&view) {
        assert!(world.ask(other, answer).is_err());
    }
    for node in ["node-1", "node-2", "node-3"] {
        assert_eq!(show_all(&mut world, node, &keys), 4, "{node}");
        assert_eq!(show_all(&mut world, node, &keys), 0, "{node}");
    }
    world.pass(120_000);
    assert!(!world.state("node-1").has_placed(&motion), "three of five are no quorum here");
    show_all(&mut world, "node-4", &keys);
    world.until("it is placed", |world| {
        world.names().iter().all(|node| world.state(node).has_placed(&motion))
    });
    assert_eq!(world.state("node-5").custody(), &custody);
    until_epoch(&mut world, 2);
    let last = record(&mut world, "node-1");
    assert_eq!(last.plan.custody, custody.digest());
    assert_eq!(last.accounts[0].public_key, first.accounts[0].public_key);
    assert_eq!(last.backup.key.as_ref().unwrap().epoch, 2);
    assert_eq!(key(&mut world, "node-1").backup, "proven");
    assert!(!epochs(&mut world, "node-1").is_empty());
    sign(&mut world, "node-1", "all the same");
}

/// GOV-54: what was shown stays shown after a restart, and what was asked is asked again.
#[test]
fn what_was_shown_is_remembered() {
    let mut world = World::new(75);
    let id = world.id("node-1");
    let view = |world: &mut World| match world.ask(id, Call::Custody) {
        Ok(View::Custody(view)) => *view,
        other => panic!("no custody: {other:?}"),
    };
    let before = view(&mut world);
    assert!(before.custodians.iter().all(|custodian| custodian.is_shown));
    let stranger = SoftKey::from_seed(SoftKind::X25519, &[1; 32]);
    assert!(before.custodians.iter().all(|custodian| custodian.key != stranger.public().id()));
    world.stop("node-1");
    world.start(id);
    assert_eq!(view(&mut world), before);
}

/// GOV-53: what is backed up for custodians who were replaced is owed an epoch, also where the last
/// order was withdrawn, and whatever is withdrawn afterwards.
#[test]
fn a_key_whose_orders_were_withdrawn_is_backed_up_for_new_custodians_too() {
    let (mut world, _) = with_ops(77, FIVE, TREE, 0);
    let void = || MotionBody::KeyVoid { name: name("ops") };
    world.enact("node-1", void());
    let keys = other_keys();
    let custody = keys.custody(2);
    let body = MotionBody::CustodySet { custody: custody.clone(), excepted: Vec::new() };
    world.file_motion("node-1", body);
    world.pass(1_000);
    for node in world.names() {
        show_all(&mut world, &node, &keys);
    }
    world.until("it is placed", |world| {
        world.names().iter().all(|node| *world.state(node).custody() == custody)
    });
    world.enact("node-1", void());
    until_epoch(&mut world, 1);
    let record = record(&mut world, "node-1");
    assert!(record.is_backed_up_for(&custody.digest()));
    assert!(record.plan.order == world.state("node-1").key_named(&name("ops")).unwrap().entry);
}

/// EPO-34: a start deletes the backups that nobody needs, and says of which keys it misses some.
#[test]
fn a_start_holds_its_backups_against_its_records() {
    let (mut world, _) = with_ops(78, FIVE, TREE, 0);
    let id = world.id("node-1");
    let record = record(&mut world, "node-1");
    let before = rows(&world, "node-1");
    let old = [backups::shares_row(&record), vec![1]].concat();
    world.host_mut("node-1").disk.insert((Table::Backup, old.clone()), vec![1]);
    world.stop("node-1");
    world.start(id);
    assert_eq!(rows(&world, "node-1"), before);
    let says = "backups of key ops that this node verified are gone";
    assert!(!world.host("node-1").alarms.iter().any(|alarm| alarm.contains(says)));
    world.stop("node-1");
    world.host_mut("node-1").disk.remove(&(Table::Backup, backups::key_row(&record).unwrap()));
    world.start(id);
    assert!(world.host("node-1").alarms.iter().any(|alarm| alarm.contains(says)));
}
