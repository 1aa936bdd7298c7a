//! What is signed by nobody: plans, records and outcomes of attempts, and what is only hashed.

use super::Value;
use super::stories::{Story, ed25519, imported, restored, second_custody, secp256k1, summands};
use crate::support::{NOW, name};
use quorate_charter::{
    AbortStatement, AccountRecord, Agreement, AttemptOutcome, AttemptPlan, Backup, EpochRecord,
    Incarnation, Input, Instance, KeyBackup, Origin, PreparedStatement, SignedBallotMessage,
    Validity, Votes,
};
use quorate_codec::{Canonical, Digest, hex, to_bytes};
use quorate_identity::{NodeId, NodeSignature};
use std::collections::{BTreeMap, VecDeque};

pub fn all(vault: &Story<'_>, heir: &Story<'_>) -> Vec<Value> {
    let (first, second) = (record(vault), next_record(vault));
    let (brought, back) = (imported_record(vault), restored_record(vault, heir));
    let origin = |record: &EpochRecord| record.plan.origin.clone().unwrap();
    let key = first.plan.key;
    let attempt = Instance::Attempt { key, epoch: 1, attempt: 2, era: 7 };
    let life = Incarnation::first(Digest([1; 32])).next(Digest([2; 32]));
    vec![
        value("a plan of epoch 0", "plan", &first.plan),
        value("a plan of epoch 1, under which the key is not backed up anew", "plan", &second.plan),
        value("a plan of an import: the importer deals", "plan", &brought.plan),
        value("a plan of a key of the domain before", "plan", &back.plan),
        value("a record of two accounts", "record", &first),
        value("the record after it, with the same backup of the key", "record", &second),
        value("a record of an import, without one", "record", &brought),
        value("a record of a key of the domain before", "record", &back),
        value("the epoch exists", "outcome", &committed(vault)),
        value("the attempt made nothing", "outcome", &void(vault)),
        value("custodians, one of whom is to have another key", "custody", &second_custody()),
        value("who deals a key of the domain before", "summands", &summands(heir.domain)),
        value("somebody held the key whole", "origin", &origin(&brought)),
        value("it was a key of the domain before", "origin", &origin(&back)),
        value("with guardians and a rule for settings", "rules", vault.domain.state.rules()),
        value("heirs and what they give up", "succession", heir.domain.state.succession().unwrap()),
        value("the second life of a node", "incarnation", &life),
        value("a position of the log", "instance", &Instance::Position(3)),
        value("an attempt, by the voters of an era", "instance", &attempt),
        value("what a voter that precommitted keeps", "votes", &votes(vault)),
    ]
}

fn value<T: Canonical>(name: &str, form: &str, it: &T) -> Value {
    let bytes = to_bytes(it);
    let digest = super::judged::value(form, &bytes).unwrap();
    Value { name: name.to_owned(), form: form.to_owned(), digest, bytes: hex::encode(&bytes) }
}

/// A plan of epoch 0 of a key, as all its nodes deal it at the state after an entry.
fn plan(story: &Story<'_>, key: &str, entry: &str) -> AttemptPlan {
    let state = story.at(entry);
    let order = state.key_named(&name(key)).unwrap();
    let sharing = order.goal().and_then(|goal| goal.sharing).unwrap();
    let committee: Vec<NodeId> = sharing.tree.parties().into_iter().collect();
    AttemptPlan {
        version: AttemptPlan::VERSION,
        genesis: state.genesis(),
        key: order.key,
        epoch: 0,
        attempt: 0,
        previous: Digest::ZERO,
        scheme: order.scheme,
        tree: sharing.tree.clone(),
        faults: sharing.faults,
        order: order.goal().unwrap().order,
        head: state.head(),
        made_at: NOW,
        dealers: committee.clone(),
        incarnations: committee.iter().map(|_| Digest([7; 32])).collect(),
        committee,
        accounts: order.accounts,
        origin: order.origin.clone(),
        custody: state.custody().digest(),
        renews: true,
    }
}

fn account(points: [Vec<u8>; 2], chain_code: u8) -> AccountRecord {
    let public_key = points[0].clone();
    let commitments = points.to_vec();
    AccountRecord { commitments, public_key, chain_code: Digest([chain_code; 32]) }
}

fn recorded(plan: AttemptPlan, accounts: Vec<AccountRecord>) -> EpochRecord {
    let transcript = Digest([4; 32]);
    let key = plan.renews.then(|| KeyBackup {
        epoch: plan.epoch,
        attempt: plan.attempt,
        order: plan.order,
        transcript,
        custody: plan.custody,
        dealers: plan.dealers.clone(),
        bundles: plan.dealers.iter().map(|_| Digest([9; 32])).collect(),
        holders: plan.committee.clone(),
    });
    let shares = plan.committee.iter().map(|_| Digest([8; 32])).collect();
    let backup = Backup { shares, key };
    EpochRecord { version: EpochRecord::VERSION, plan, accounts, transcript, backup }
}

/// The first epoch of the key hot.
pub fn record(vault: &Story<'_>) -> EpochRecord {
    let accounts = [([3, 1], 5), ([9, 2], 6)];
    let accounts = accounts.map(|(points, code)| account(points.map(ed25519), code));
    let record = recorded(plan(vault, "hot", "hot"), accounts.to_vec());
    assert!(record.has_backup(None) && record.plan.has_commit_set());
    record
}

/// The second one, with other shares and the same accounts.
fn next_record(vault: &Story<'_>) -> EpochRecord {
    let before = record(vault);
    let accounts = [([3, 4], 5), ([9, 6], 6)];
    let accounts = accounts.map(|(points, code)| account(points.map(ed25519), code));
    let plan = AttemptPlan {
        epoch: 1,
        attempt: 2,
        previous: before.digest(),
        renews: false,
        ..before.plan.clone()
    };
    let mut next = recorded(plan, accounts.to_vec());
    next.backup.key.clone_from(&before.backup.key);
    assert!(next.has_backup(Some(&before)) && next.continues(&before));
    next
}

/// The first epoch of a key that somebody brings.
fn imported_record(vault: &Story<'_>) -> EpochRecord {
    let plan = plan(vault, "cold", "cold");
    assert_eq!(plan.origin, Some(Origin::Imported(imported(secp256k1()))));
    let plan = AttemptPlan { dealers: Vec::new(), renews: false, ..plan };
    let record = recorded(plan, vec![account([secp256k1(), secp256k1()], 8)]);
    assert!(record.has_backup(None));
    record
}

/// The first epoch of a key of the domain before, dealt by two heirs.
fn restored_record(vault: &Story<'_>, heir: &Story<'_>) -> EpochRecord {
    let plan = plan(heir, "ops", "ops");
    assert_eq!(plan.origin, Some(Origin::Restored(restored(vault, heir.domain))));
    let dealers = summands(heir.domain).dealers().into_iter().collect();
    let record = recorded(AttemptPlan { dealers, renews: false, ..plan }, record(vault).accounts);
    assert!(record.has_backup(None));
    record
}

/// That the first epoch exists. Proofs and signatures are over messages that are opaque here.
pub fn committed(vault: &Story<'_>) -> AttemptOutcome {
    let record = record(vault);
    let prepared = |node: &NodeId| PreparedStatement {
        node: *node,
        leaf_proofs: vec![7; 64],
        signature: NodeSignature([8; 64]),
    };
    let prepared = record.plan.committee.iter().map(prepared).collect();
    AttemptOutcome::Commit { record: to_bytes(&record), prepared }
}

/// That the attempt after it made nothing, by the word of n2.
pub fn void(vault: &Story<'_>) -> AttemptOutcome {
    let (node, head) = (vault.domain.node("n2"), vault.at("over").head());
    let abort = AbortStatement { node, head, signature: NodeSignature([9; 64]) };
    AttemptOutcome::Void { attempt: 0, abort }
}

/// The row of n1 once it precommitted the first entry of the vault; all voters hear each other.
fn votes(vault: &Story<'_>) -> Votes {
    let state = &vault.domain.state;
    let value = vault.drawing.entry("hot").bytes().to_vec();
    let mut rows = BTreeMap::new();
    let mut voters: BTreeMap<NodeId, Agreement> = BTreeMap::new();
    for voter in vault.domain.nodes.keys() {
        let electorate = (state.genesis(), state.electorate_now());
        let agreement = Agreement::new(Instance::Position(1), electorate, *voter, None, 1_000);
        voters.insert(*voter, agreement);
    }
    let mut waiting: VecDeque<(NodeId, Input)> = voters
        .keys()
        .flat_map(|voter| [(*voter, Input::Propose(value.clone())), (*voter, Input::Timeout)])
        .collect();
    while let Some((to, input)) = waiting.pop_front() {
        let sign = |tag, bytes: &[u8]| vault.domain.nodes[&to].sign(tag, bytes);
        let effects = voters.get_mut(&to).unwrap().handle(input, NOW, &sign, &|_| Validity::Valid);
        rows.extend(effects.votes.map(|row| (to, row)));
        let heard = |message: &SignedBallotMessage| Input::Message(message.clone());
        for message in &effects.broadcast {
            assert!(message.verify(state).is_ok());
            let others = vault.domain.nodes.keys().filter(|voter| **voter != to);
            waiting.extend(others.map(|voter| (*voter, heard(message))));
        }
    }
    let row = rows.remove(&vault.domain.node("n1")).unwrap();
    assert!(row.has_precommitted());
    row
}
