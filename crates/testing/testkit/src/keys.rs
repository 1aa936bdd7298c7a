//! A domain with one key in its epochs, for tests that look at what becomes of it.

use crate::founding::{POLICY, Shape, name};
use crate::world::World;
use quorate_access::Tree;
use quorate_charter::{AttemptOutcome, Decided, EpochRecord, MotionBody};
use quorate_client::contract::{
    AuditLine, CeremonyView, EpochView, EvidenceView, KeyView, RequestState, routes,
};
use quorate_identity::{KeyId, Name, NodeId, Scheme};
use quorate_machine::call::View;
use quorate_machine::durable::Table;
use serde_json::json;

/// Five signers, one of whom may lie.
pub const FIVE: Shape = Shape { signers: 5, witnesses: 0, faults: 1 };

/// Three of five nodes.
pub const THREE_OF_FIVE: &str = "3 of (node-1, node-2, node-3, node-4, node-5)";

/// Orders and makes so many Ed25519 keys of so many accounts, one after the other, `2 of 3`; `made` hears
/// of each.
///
/// # Panics
/// One of them is never made.
pub fn many(world: &mut World, count: u32, accounts: u16, mut made: impl FnMut(u32)) {
    for number in 0..count {
        let name = name(&format!("key-{number}"));
        let (scheme, access) = (Scheme::Ed25519, world.founding.two_of_three());
        let order =
            MotionBody::KeyCreate { name: name.clone(), scheme, access, faults: 1, accounts };
        world.enact("node-1", order);
        let id = world.state("node-1").key_named(&name).expect("the order").key;
        world.until("the key is made", |world| {
            ["node-1", "node-2", "node-3"].iter().all(|node| has_share(world, node, id))
        });
        made(number + 1);
    }
    // The last of them may still be decided about.
    world.pass(1_000);
}

fn has_share(world: &World, node: &str, key: KeyId) -> bool {
    let from = (Table::Share, AsRef::<[u8]>::as_ref(&key).to_vec());
    let next = world.host(node).disk.range(from..).next();
    next.is_some_and(|((table, row), _)| *table == Table::Share && row.starts_with(key.as_ref()))
}

/// A domain with a policy and the Ed25519 key `ops` over a tree of named nodes, which survives so
/// many losses.
///
/// # Panics
/// It is never made.
pub fn with_ops(seed: u64, shape: Shape, access: &str, faults: u8) -> (World, KeyId) {
    let mut world = World::of(seed, shape);
    let access = over(&world, access);
    let scheme = Scheme::Ed25519;
    world.enact(
        "node-1",
        MotionBody::KeyCreate { name: name("ops"), scheme, access, faults, accounts: 1 },
    );
    world.until("the key is active", |world| {
        world.names().iter().all(|node| world.can_sign(node, "ops"))
    });
    world.set_policy("node-1", POLICY);
    let id = world.state("node-1").key_named(&name("ops")).expect("the key").key;
    (world, id)
}

/// A tree of named nodes.
///
/// # Panics
/// It is none.
pub fn over(world: &World, access: &str) -> Tree<NodeId> {
    let access: Tree<Name> = access.parse().expect("a tree");
    access.map(|node| world.id(node.as_str()))
}

/// An order to refresh the key.
pub fn refresh() -> MotionBody {
    MotionBody::KeyRefresh { name: name("ops") }
}

/// An order to reshare the key.
pub fn reshare(world: &World, access: &str, faults: u8) -> MotionBody {
    MotionBody::KeyReshare { name: name("ops"), access: over(world, access), faults }
}

/// The key, as a node shows it.
///
/// # Panics
/// It does not.
pub fn key(world: &mut World, node: &str) -> KeyView {
    match world.call(node, "auditor", "GET", &routes::key(&name("ops")), b"") {
        Ok(View::Key(view)) => *view,
        other => panic!("no key: {other:?}"),
    }
}

/// Its epochs, newest first.
///
/// # Panics
/// The node does not show them.
pub fn epochs(world: &mut World, node: &str) -> Vec<EpochView> {
    match world.call(node, "auditor", "GET", &routes::epochs(&name("ops")), b"") {
        Ok(View::Epochs(views)) => views,
        other => panic!("no epochs: {other:?}"),
    }
}

/// What is under way for it, if anything is.
///
/// # Panics
/// The node does not say.
pub fn ceremony(world: &mut World, node: &str) -> Option<CeremonyView> {
    match world.call(node, "auditor", "GET", &routes::ceremony(&name("ops")), b"") {
        Ok(View::Ceremonies(views)) => views.into_iter().next(),
        other => panic!("no ceremonies: {other:?}"),
    }
}

/// The record of its newest epoch.
///
/// # Panics
/// The node does not show it.
pub fn record(world: &mut World, node: &str) -> EpochRecord {
    let view = world.call(node, "auditor", "GET", &routes::epoch_record(&name("ops")), b"");
    let Ok(View::EpochRecord(answer)) = view else { panic!("no record: {view:?}") };
    let decided: Decided = quorate_codec::from_bytes(&answer.record.0).expect("a decision");
    match quorate_codec::from_bytes(&decided.value).expect("an outcome") {
        AttemptOutcome::Commit { record, .. } => {
            quorate_codec::from_bytes(&record).expect("a record")
        }
        AttemptOutcome::Void { .. } => panic!("a void attempt made an epoch"),
    }
}

/// Steps until the key is in an epoch at all nodes that run.
///
/// # Panics
/// It never is.
pub fn until_made(world: &mut World, epoch: u64) {
    world.until("the epoch is made", |world| {
        world.names().iter().all(|node| key(world, node).epoch == epoch)
    });
}

/// The same, and nothing is under way for it any more.
///
/// # Panics
/// It never is.
pub fn until_epoch(world: &mut World, epoch: u64) {
    world.until("the epoch is made and safe", |world| {
        world
            .names()
            .iter()
            .all(|node| key(world, node).epoch == epoch && ceremony(world, node).is_none())
    });
}

/// Epochs of which a node has durable shares of a key.
pub fn kept(world: &World, node: &str, key: KeyId) -> Vec<u64> {
    let rows = world.host(node).disk.keys().filter(|(table, _)| *table == Table::Share);
    let of_key = rows.filter_map(|(_, row)| row.strip_prefix(key.as_ref() as &[u8]));
    let epoch = |row: &[u8]| row.first_chunk::<8>().map(|epoch| u64::from_be_bytes(*epoch));
    of_key.filter_map(epoch).collect()
}

/// Has the key sign a message, asked at a node.
///
/// # Panics
/// It does not sign.
pub fn sign(world: &mut World, node: &str, text: &str) {
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let message = json!({"kind": "message", "message": format!("0x{digits}")});
    let request = world.request("ops", &message, "wallet-service");
    let filed = world.file(node, &request, "wallet-service", None).expect("a request");
    world.until_state(node, &filed.request, RequestState::Signed);
}

/// What a node can prove.
///
/// # Panics
/// It does not say.
pub fn evidence(world: &mut World, node: &str) -> Vec<EvidenceView> {
    match world.call(node, "auditor", "GET", routes::EVIDENCE_LIST.path, b"") {
        Ok(View::EvidenceList(views)) => views,
        other => panic!("no evidence: {other:?}"),
    }
}

/// The newest lines of a node's audit trail.
///
/// # Panics
/// It does not show them.
pub fn audit(world: &mut World, node: &str) -> Vec<AuditLine> {
    match world.call(node, "auditor", "GET", routes::AUDIT.path, b"") {
        Ok(View::Audit(audit)) => audit.lines,
        other => panic!("no audit: {other:?}"),
    }
}
