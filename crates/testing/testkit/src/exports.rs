//! A key that is given to somebody whole: who gets it, what nodes give, and what comes of it.

use crate::custodians::Reduced;
use crate::founding::name;
use crate::world::World;
use quorate_access::Selection;
use quorate_backup::possession::{Challenge, answer};
use quorate_backup::{Bundle, Keyed, Opener, Recovery, SoftKey, SoftKind, Statement};
use quorate_charter::{AccountRecord, EpochRecord, MotionBody, Recipient};
use quorate_client::contract::{CustodyView, routes};
use quorate_codec::from_bytes;
use quorate_curve::{Curve, SecretScalar};
use quorate_identity::{Head, NodeId};
use quorate_machine::ExportRow;
use quorate_machine::call::{Call, View};
use quorate_machine::durable::Table;
use quorate_sharing::{Commitments, coefficients};
use std::collections::{BTreeMap, BTreeSet};

/// Whoever gets the key in these tests.
pub const GIL: &str = "gil";

/// A recovery key from a seed.
pub fn recovery_key(seed: u8) -> SoftKey {
    SoftKey::from_seed(SoftKind::Hybrid, &[seed; 32])
}

/// The motion that gives a key to whoever holds this recovery key, called [`GIL`].
pub fn export(key: &str, to: &SoftKey) -> MotionBody {
    let recipient = Recipient { name: name(GIL), key: to.public().to_bytes() };
    MotionBody::KeyExport { name: name(key), recipient: Some(recipient) }
}

/// The motion that ends it.
pub fn end(key: &str) -> MotionBody {
    MotionBody::KeyExport { name: name(key), recipient: None }
}

/// Shows a node that a recovery key is held; whether the node took it, or an earlier answer.
///
/// # Panics
/// The node shows no custody.
pub fn show(world: &mut World, node: &str, key: &SoftKey) -> bool {
    let id = world.id(node);
    let Ok(View::Custody(view)) = world.ask(id, Call::Custody) else { panic!("no custody") };
    let asked = view.custodians.iter().find(|it| it.key == key.public().id());
    let Some(asked) = asked else { return false };
    if asked.challenge.is_none() {
        return true;
    }
    world.ask(id, answer_to(&view, key).expect("an answer")).is_ok()
}

/// What the holder of a recovery key answers a node, if that asks for it.
pub fn answer_to(view: &CustodyView, key: &SoftKey) -> Option<Call> {
    let asked = view.custodians.iter().find(|it| it.key == key.public().id())?;
    let challenge: Challenge = from_bytes(&asked.challenge.as_ref()?.0).ok()?;
    let answer = answer(key, view.genesis, view.node, &challenge);
    let answer = answer.unwrap_or_else(|never| match never {})?;
    Some(Call::ShowPossession { key: asked.key, answer })
}

/// The entry by which the newest export of a key took effect, as a node has it.
///
/// # Panics
/// There is none.
pub fn entry(world: &World, node: &str, key: &str) -> Head {
    let state = world.state(node);
    let order = state.key_named(&name(key)).expect("the key");
    order.exports.last().expect("an export").entry
}

/// A node's part of a key, as it gives it; or what it says in its place.
///
/// # Panics
/// It gives something that is not durable.
pub fn part(world: &mut World, node: &str, key: &str, entry: &Head) -> Result<ExportRow, String> {
    let target = routes::export_part(&name(key), entry);
    match world.call(node, "auditor", "GET", &target, b"") {
        Ok(View::ExportPart(row)) => {
            let row = &world.host(node).disk[&(Table::Export, row)];
            Ok(from_bytes(row).expect("a part"))
        }
        Ok(other) => panic!("no part: {other:?}"),
        Err(error) => Err(error.message),
    }
}

/// Waits until a node gives its part of the newest export of a key.
///
/// # Panics
/// It never does.
pub fn until_part(world: &mut World, node: &str, key: &str) -> ExportRow {
    let entry = entry(world, node, key);
    let mut given = None;
    world.until("the node gives its part", |world| {
        given = part(world, node, key, &entry).ok();
        given.is_some()
    });
    given.expect("a part")
}

/// Parts of exported keys on a node's disk.
pub fn rows(world: &World, node: &str) -> Vec<Vec<u8>> {
    let rows = world.host(node).disk.keys().filter(|(table, _)| *table == Table::Export);
    rows.map(|(_, key)| key.clone()).collect()
}

/// A node's shares, as the holder of this key opens them; each account's in their order.
///
/// # Errors
/// What does not hold.
pub fn shares<C: Curve>(
    record: &EpochRecord,
    entry: Head,
    node: NodeId,
    part: &ExportRow,
    key: &SoftKey,
) -> Result<Vec<SecretScalar<C>>, String> {
    let plan = &record.plan;
    let accounts = accounts::<C>(record)?;
    let publics = accounts.iter().map(|account| account.constant().non_identity());
    let publics = publics.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    let of = Keyed::new(plan.genesis, plan.key, &publics, record.transcript, plan.order);
    let epoch = (plan.epoch, record.digest());
    let recipient = Recovery::alone(key.public().clone());
    let expected = Statement::of_export(of, epoch, entry, node, &plan.tree, &accounts, recipient);
    let expected = expected.ok_or("the node has no share")?;
    let bundle: Bundle<C, Reduced> = from_bytes(&part.bundle).map_err(|error| error.to_string())?;
    let proven = bundle.verify(&expected).map_err(|error| error.to_string())?;
    let opened = proven.open(key).unwrap_or_else(|never| match never {});
    let restored = proven.restore(&[opened]).map_err(|error| error.to_string())?;
    Ok(restored.secrets)
}

/// The whole key of an account, from the parts of some nodes.
///
/// # Errors
/// What does not hold, or that these nodes are too few.
pub fn whole<C: Curve>(
    record: &EpochRecord,
    entry: Head,
    parts: &BTreeMap<NodeId, ExportRow>,
    key: &SoftKey,
    account: usize,
) -> Result<SecretScalar<C>, String> {
    let present: BTreeSet<NodeId> = parts.keys().copied().collect();
    let tree = &record.plan.tree;
    let quorum: Selection<NodeId> = tree.select(&present).ok_or("these nodes are too few")?;
    let weights = coefficients::<C, NodeId>(&quorum);
    let mut sum = SecretScalar::zero();
    for leaf in quorum.leaves() {
        let own = tree.leaves().into_iter().filter(|(_, party)| **party == leaf.party);
        let own: Vec<_> = own.map(|(id, _)| id).collect();
        let place = own.iter().position(|id| *id == leaf.leaf).ok_or("no such leaf")?;
        let all = shares::<C>(record, entry, leaf.party, &parts[&leaf.party], key)?;
        let share = all.get(account * own.len() + place).ok_or("no such share")?;
        sum = sum.plus(&share.times(weights[&leaf.leaf]));
    }
    match sum.commit() == accounts::<C>(record)?[account].constant() {
        true => Ok(sum),
        false => Err("it is another key".to_owned()),
    }
}

fn accounts<C: Curve>(record: &EpochRecord) -> Result<Vec<Commitments<C>>, String> {
    let read = |account: &AccountRecord| {
        Commitments::<C>::from_bytes(&record.plan.tree, &account.commitments)
            .map_err(|error| error.to_string())
    };
    record.accounts.iter().map(read).collect()
}
